package entra

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// Device is what an operator is asked to do: open a page and type a code there (RFC 8628).
type Device struct {
	Code    string
	Page    string // shown, never opened by us: it came out of an answer
	Expires time.Time
}

// DeviceSignIn signs an operator in by a code that is typed on another page, and returns the refresh token to be kept. show is
// called once, with what the operator is to do.
func DeviceSignIn(ctx context.Context, o Options, show func(Device)) (provisioning.Secret, error) {
	c, err := New(o)
	if err != nil {
		return provisioning.Secret{}, err
	}
	defer c.Close()
	var begun struct {
		Device   string `json:"device_code"`
		User     string `json:"user_code"`
		Page     string `json:"verification_uri"`
		Expires  int    `json:"expires_in"`
		Interval int    `json:"interval"`
	}
	form := url.Values{"client_id": {o.ClientID}, "scope": {delegated(c.opts.GraphURL)}}
	_, err = c.login.Read(ctx, wire.Request{Method: http.MethodPost, Path: wire.Path(o.Tenant, "oauth2", "v2.0", "devicecode"), Form: form, NoAuth: true}, &begun)
	if err != nil {
		return provisioning.Secret{}, c.signInFailed(err)
	}
	expires := c.opts.Clock.Now().Add(time.Duration(begun.Expires) * time.Second)
	show(Device{Code: begun.User, Page: begun.Page, Expires: expires})
	interval := time.Duration(max(begun.Interval, 1)) * time.Second
	form = url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "client_id": {o.ClientID}, "device_code": {begun.Device}}
	for c.opts.Clock.Now().Before(expires) {
		if err := c.opts.Clock.Sleep(ctx, interval); err != nil {
			return provisioning.Secret{}, err
		}
		var t tokenAnswer
		_, err := c.login.Read(ctx, wire.Request{Method: http.MethodPost, Path: wire.Path(o.Tenant, "oauth2", "v2.0", "token"), Form: form, NoAuth: true}, &t)
		switch refusal := refusalOf(err); {
		case err == nil && t.Refresh != "":
			return provisioning.NewSecret(t.Refresh), nil
		case err == nil:
			return provisioning.Secret{}, c.denied("the sign-in brought no lasting token", "allow public client flows under Authentication", nil)
		case refusal == "authorization_pending":
		case refusal == "slow_down":
			interval += 5 * time.Second // RFC 8628 3.5
		case refusal == "authorization_declined", refusal == "access_denied":
			return provisioning.Secret{}, c.denied("the sign-in was declined", "try again", err)
		default:
			return provisioning.Secret{}, c.signInFailed(err)
		}
	}
	return provisioning.Secret{}, c.denied("nobody typed the code in time", "try again", nil)
}

func refusalOf(err error) string {
	var e *wire.Error
	if errors.As(err, &e) {
		code, _, _ := strings.Cut(e.Refusal, " ")
		return code
	}
	return ""
}

func (c *Client) signInFailed(err error) error {
	var e *wire.Error
	if errors.As(err, &e) && e.Status >= 400 && e.Status < 500 {
		return c.refused(e)
	}
	return err
}
