package demofirm_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/clients/entra"
	"rollcall/clients/entra/entratest"
	"rollcall/clients/okta"
	"rollcall/clients/okta/oktatest"
	"rollcall/clients/onelogin"
	"rollcall/clients/onelogin/onelogintest"
	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
)

// served starts a simulator for one test.
func served[S interface {
	Start(ctx context.Context) error
	Close()
}](t *testing.T, s S,
) S {
	t.Helper()
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// pemOf writes a private key, and what else belongs beside it.
func pemOf(t *testing.T, key *rsa.PrivateKey, certificates ...[]byte) provisioning.Secret {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, c := range certificates {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c})
	}
	_ = pem.Encode(&b, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return provisioning.NewSecret(b.String())
}

// readOnce reads everybody with a client that is used for nothing else.
func readOnce(t *testing.T, d directory, err error) provisioning.ReadEvidence {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	e, err := d.ReadAll(context.Background(), func([]provisioning.Person) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func entraOptions(s *entratest.Server) entra.Options {
	return entra.Options{
		Name: "entra", Tenant: "t", ClientID: "c", GraphURL: s.URL(), LoginURL: s.URL(), AllowLoopbackHTTP: true, Groups: true, PerSecond: 1e6, Clock: brisk{},
	}
}

func entraTenant(config entratest.Config) entratest.Config {
	config.Tenant, config.ClientID = "t", "c"
	config.Users = []entratest.User{{ID: "e1", UPN: "a@x.example", Enabled: true}, {ID: "e2", UPN: "b@x.example", Enabled: true}}
	return config
}

// TestEntraCertificate: an application signs in by its certificate, and one that Entra does not know is said in words.
func TestEntraCertificate(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "rollcall"}, NotBefore: time.Now(), NotAfter: time.Now().Add(10 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	s := served(t, entratest.New(entraTenant(entratest.Config{Keys: map[string]crypto.PublicKey{base64.RawURLEncoding.EncodeToString(sum[:]): key.Public()}})))
	o := entraOptions(s)
	o.Key = pemOf(t, key, der)
	c, err := entra.New(o)
	if e := readOnce(t, c, err); e.Failure != "" || e.Seen != 2 {
		t.Errorf("%+v", e)
	}
	c, err = entra.New(o)
	if err != nil {
		t.Fatal(err)
	}
	warned := false
	if err := c.Examine(context.Background(), func(f provisioning.Finding) {
		warned = warned || (f.What == "certificate" && f.State == provisioning.FindingWarning)
	}); err != nil || !warned {
		t.Errorf("a certificate that ends in ten days is not told: %v", err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	if der, err = x509.CreateCertificate(rand.Reader, template, template, other.Public(), other); err != nil {
		t.Fatal(err)
	}
	o.Key = pemOf(t, other, der)
	c, err = entra.New(o)
	if e := readOnce(t, c, err); !strings.Contains(e.Failure, "does not know the certificate") {
		t.Errorf("%+v", e)
	}
	o.Key = pemOf(t, other)
	if _, err := entra.New(o); err == nil || !strings.Contains(err.Error(), "no certificate beside the key") {
		t.Errorf("a key without its certificate: %v", err)
	}
}

// TestEntraDevice: an operator signs in by a code; the refresh token changes with each use and every one is kept; when it has ended, what
// to do is said, and nothing is asked twice.
func TestEntraDevice(t *testing.T) {
	s := served(t, entratest.New(entraTenant(entratest.Config{})))
	o := entraOptions(s)
	var code string
	refresh, err := entra.DeviceSignIn(context.Background(), o, func(d entra.Device) {
		code = d.Code
		if !strings.HasPrefix(d.Page, s.URL()) || d.Expires.Before(time.Now()) {
			t.Errorf("%+v", d)
		}
		s.ApproveDevices()
	})
	if err != nil || code == "" || refresh.IsZero() {
		t.Fatalf("%v, code %q", err, code)
	}
	var mu sync.Mutex
	kept := refresh
	o.Refresh = refresh
	o.Keep = func(_ context.Context, secret provisioning.Secret) error {
		mu.Lock()
		defer mu.Unlock()
		kept = secret
		return nil
	}
	c, err := entra.New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 2 { // the second time by the token that the first one gave
		if e, err := c.ReadAll(context.Background(), func([]provisioning.Person) error { return nil }); err != nil || e.Failure != "" {
			t.Fatalf("%v %+v", err, e)
		}
		s.ExpireTokens()
	}
	if kept.Reveal() == refresh.Reveal() {
		t.Error("the new refresh token was not kept")
	}
	o.Refresh = kept // as the next start finds it
	next, err := entra.New(o)
	if e := readOnce(t, next, err); e.Failure != "" {
		t.Errorf("%+v", e)
	}
	o.Refresh = refresh // the first one was used up
	s.Bench().Forget()
	stale, err := entra.New(o)
	if e := readOnce(t, stale, err); !strings.Contains(e.Failure, "sign-in has ended") || !strings.Contains(e.Failure, "connect --rotate entra") {
		t.Errorf("%+v", e)
	}
	if n := len(s.Bench().Log()); n != 1 {
		t.Errorf("a refused sign-in was asked %d times", n)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := entra.DeviceSignIn(ctx, o, func(entra.Device) { cancel() }); err == nil {
		t.Error("nobody typed the code")
	}
}

// TestEntraLessIsSaid: without the right to see who is enabled a read is not believed; without a P1 licence it is, and says less.
func TestEntraLessIsSaid(t *testing.T) {
	for name, v := range map[string]struct {
		config   entratest.Config
		complete bool
	}{
		"no right to see who is enabled": {entratest.Config{Secret: "s", Rights: []string{"User.ReadBasic.All", "GroupMember.Read.All"}}, false},
		"no licence for sign-ins":        {entratest.Config{Secret: "s", Basic: true}, true},
		"empty pages":                    {entratest.Config{Secret: "s", EmptyPage: true}, true},
	} {
		s := served(t, entratest.New(entraTenant(v.config)))
		o := entraOptions(s)
		o.Secret = provisioning.NewSecret("s")
		c, err := entra.New(o)
		if e := readOnce(t, c, err); complete(e) != v.complete {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// TestOktaDemandsProof: an app that demands DPoP, which a new one does, is said with the box to clear.
func TestOktaDemandsProof(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]struct {
		config oktatest.Config
		want   string
	}{
		"proof":  {oktatest.Config{DPoP: true, Scopes: []string{"okta.users.read", "okta.groups.read"}}, "clear Require Demonstrating Proof of Possession"},
		"scopes": {oktatest.Config{Scopes: []string{"okta.users.read"}}, "under Okta API Scopes grant"},
	} {
		v.config.ClientID, v.config.Keys = "0oa1", map[string]crypto.PublicKey{"k1": key.Public()}
		s := served(t, oktatest.New(v.config))
		c, err := okta.New(okta.Options{Name: "okta", URL: s.URL(), ClientID: "0oa1", KeyID: "k1", Key: pemOf(t, key), AllowLoopbackHTTP: true, Clock: brisk{}})
		if e := readOnce(t, c, err); !strings.Contains(e.Failure, v.want) {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// TestOneLoginAnswers: the token comes in either of two shapes, and a server that is slow to give one is left when the call's time is up.
func TestOneLoginAnswers(t *testing.T) {
	for _, wrapped := range []bool{false, true} {
		s := served(t, onelogintest.New(onelogintest.Config{
			ClientID: "c", Secret: "s", Wrapped: wrapped, Users: []onelogintest.User{{ID: 1, Email: "a@x.example", Status: 1, State: 1, Created: time.Now(), Updated: time.Now()}},
		}))
		o := onelogin.Options{Name: "onelogin", URL: s.URL(), ClientID: "c", Secret: provisioning.NewSecret("s"), AllowLoopbackHTTP: true}
		c, err := onelogin.New(o)
		if e := readOnce(t, c, err); e.Failure != "" || e.Seen != 1 {
			t.Errorf("wrapped %v: %+v", wrapped, e)
		}
		s.Bench().Inject(wiretest.Fault{Kind: wiretest.Hang, Path: "/auth/oauth2/v2/token", Method: http.MethodPost})
		if c, err = onelogin.New(o); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		if _, err := c.ReadAll(ctx, func([]provisioning.Person) error { return nil }); ctx.Err() == nil || err == nil {
			t.Errorf("it came back before its time, or with a read: %v", err)
		}
		cancel()
		c.Close()
	}
}
