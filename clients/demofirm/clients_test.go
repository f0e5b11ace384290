package demofirm_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"rollcall/clients/demofirm"
	"rollcall/clients/entra"
	"rollcall/clients/google"
	"rollcall/clients/imanage"
	"rollcall/clients/okta"
	"rollcall/clients/onelogin"
	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// directory is a real client of a directory.
type directory interface {
	provisioning.Directory
	provisioning.Examiner
	Close()
}

// via says how the clients of a test reach their systems.
type via struct {
	transport http.RoundTripper
	clock     provisioning.Clock
	limits    wire.Limits
	trace     *wire.Trace
	perSecond float64 // 0: as fast as the simulators are
	share     float64
	alone     bool // people alone, without their groups
}

// brisk is a clock on which a back-off is short.
type brisk struct{ provisioning.SystemClock }

func (b brisk) Sleep(ctx context.Context, d time.Duration) error {
	return b.SystemClock.Sleep(ctx, min(d, 5*time.Millisecond))
}

// hurry makes a read that is bounded anyway back off but shortly.
func (v *via) hurry() {
	if v.clock == nil && v.limits.Tries > 0 {
		v.clock = brisk{}
	}
}

// client makes the real client of one connection.
func client(t testing.TB, c demofirm.Connection, v via) directory {
	t.Helper()
	v.hurry()
	secret := provisioning.NewSecret
	var d directory
	var err error
	rate := v.perSecond
	if rate == 0 {
		rate = 1e6
	}
	switch f := c.Fields; c.System {
	case "okta":
		d, err = okta.New(okta.Options{
			Name: c.Name, URL: c.URL, Token: secret(c.Token), ClientID: c.ClientID, Key: secret(c.Key), AllowLoopbackHTTP: true, Groups: !v.alone,
			Transport: v.transport, Clock: v.clock, Limits: v.limits, Trace: v.trace, Share: v.share, Fields: okta.Fields{ExternalID: f["external_id"]},
		})
	case "entra":
		d, err = entra.New(entra.Options{
			Name: c.Name, Tenant: c.Tenant, ClientID: c.ClientID, Secret: secret(c.ClientSecret), Key: secret(c.Key), GraphURL: c.URL, LoginURL: c.LoginURL,
			AllowLoopbackHTTP: true, Groups: !v.alone, Transport: v.transport, Clock: v.clock, Limits: v.limits, Trace: v.trace, PerSecond: rate, Share: v.share,
			Fields: entra.Fields{BirthYear: f["birth_year"]},
		})
	case "google":
		d, err = google.New(google.Options{
			Name: c.Name, Key: secret(c.Key), Subject: c.Subject, APIURL: c.URL, LoginURL: c.LoginURL, AllowLoopbackHTTP: true, Groups: !v.alone,
			Transport: v.transport, Clock: v.clock, Limits: v.limits, Trace: v.trace, PerSecond: rate, Share: v.share,
			Fields: google.Fields{SSOName: f["sso_name"], BirthYear: f["birth_year"], ExternalID: f["external_id"]},
		})
	case "onelogin":
		d, err = onelogin.New(onelogin.Options{
			Name: c.Name, URL: c.URL, ClientID: c.ClientID, Secret: secret(c.ClientSecret), AllowLoopbackHTTP: true, Groups: !v.alone,
			Transport: v.transport, Clock: v.clock, Limits: v.limits, Trace: v.trace, Share: v.share,
		})
	default:
		t.Fatalf("%s is no directory", c.System)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// open makes the real client of each directory that is served.
func open(t testing.TB, c demofirm.Connections, v via) []directory {
	t.Helper()
	var directories []directory
	for _, one := range c.Connections {
		if one.System != "imanage" {
			directories = append(directories, client(t, one, v))
		}
	}
	return directories
}

// documents makes the real client of the document system.
func documents(t testing.TB, c demofirm.Connections, v via) *imanage.Client {
	t.Helper()
	v.hurry()
	last := c.Connections[len(c.Connections)-1]
	d, err := imanage.New(imanage.Options{
		Name: last.Name, URL: last.URL, Username: last.Username, Password: provisioning.NewSecret(last.Password), ClientID: last.ClientID,
		ClientSecret: provisioning.NewSecret(last.ClientSecret), AllowLoopbackHTTP: true, Clock: v.clock, Limits: v.limits, Trace: v.trace,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}
