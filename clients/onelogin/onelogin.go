// Package onelogin speaks OneLogin's API, version 2 and for groups version 1 (contracts/idps.md 2.4), and nothing else: it implements
// provisioning.Directory and its change feed. It knows no account of iManage and no rule about people.
package onelogin

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"rollcall/clients/wire"
	"rollcall/clients/wire/oauth"
	"rollcall/provisioning"
)

// Fields names where each firm keeps what the standard record has no place for: a field of the user, or a custom attribute's short
// name. An empty one takes its default.
type Fields struct {
	SSOName        string // username, and where that is empty the part of the email before the @
	EmployeeNumber string // employee_number, a custom attribute
	Office         string // office, a custom attribute
	Phone          string // phone
	HireDate       string // hire_date, a custom attribute
	LeaveDate      string // leave_date, a custom attribute
	BirthYear      string // birth_year, a custom attribute
	Type           string // employee_type, a custom attribute
	ExternalID     string // external_id
}

// Options say how to reach one account.
type Options struct {
	Name              string
	URL               string // https://example.onelogin.com
	ClientID          string
	Secret            provisioning.Secret
	Fields            Fields
	Groups            bool // read roles and groups as well
	AllowLoopbackHTTP bool
	CAFile            string
	PerSecond         float64
	Share             float64 // of the hour's allowance, kept free for people; 0: a tenth
	Trace             *wire.Trace
	Clock             provisioning.Clock
	Limits            wire.Limits
	Transport         http.RoundTripper
}

// Client is one account. It is safe for concurrent use.
type Client struct {
	opts  Options
	wire  *wire.Client
	token *oauth.Source
}

func or(s *string, fallback string) {
	if *s == "" {
		*s = fallback
	}
}

// New makes a client; nothing is sent yet.
func New(o Options) (*Client, error) {
	f := &o.Fields
	or(&f.SSOName, "username")
	or(&f.EmployeeNumber, "employee_number")
	or(&f.Office, "office")
	or(&f.Phone, "phone")
	or(&f.HireDate, "hire_date")
	or(&f.LeaveDate, "leave_date")
	or(&f.BirthYear, "birth_year")
	or(&f.Type, "employee_type")
	or(&f.ExternalID, "external_id")
	if o.Clock == nil {
		o.Clock = provisioning.SystemClock{}
	}
	c := &Client{opts: o}
	c.token = oauth.New(o.Clock, c.signIn)
	var err error
	c.wire, err = wire.New(wire.Options{
		System: o.Name, Base: o.URL, AllowLoopbackHTTP: o.AllowLoopbackHTTP, CAFile: o.CAFile, Clock: o.Clock, Limits: o.Limits, Trace: o.Trace,
		Transport: o.Transport, PerSecond: o.PerSecond, Reserve: o.PerSecond * o.Share, Share: o.Share,
		Authorize: c.token.Authorize, Reauthorize: c.token.Renew, Window: window, Wait: wait,
	})
	return c, err
}

// Name is the connection's name.
func (c *Client) Name() string { return c.opts.Name }

// System is "onelogin".
func (c *Client) System() string { return "onelogin" }

// Budget shows the rate budget.
func (c *Client) Budget() provisioning.Budget { return c.wire }

// Close lets idle connections go.
func (c *Client) Close() { c.wire.Close() }

// hour is the window in which OneLogin counts (contracts/idps.md 2.4).
const hour = time.Hour

// window reads the allowance where an answer carries it. The reset is seconds left, not an epoch time as with Okta.
func window(h http.Header, _ time.Time) (wire.Window, bool) {
	limit, errL := strconv.Atoi(h.Get("X-Ratelimit-Limit"))
	left, errR := strconv.Atoi(h.Get("X-Ratelimit-Remaining"))
	reset, errS := strconv.Atoi(h.Get("X-Ratelimit-Reset"))
	return wire.Window{Limit: limit, Remaining: left, Reset: time.Duration(reset) * time.Second, Length: hour}, errL == nil && errR == nil && errS == nil
}

func wait(h http.Header, now time.Time) (time.Duration, bool) {
	if d, ok := wire.RetryAfter(h, now); ok {
		return d, true
	}
	w, ok := window(h, now)
	return w.Reset + time.Second, ok
}

// learnRate asks for the allowance; an account that does not tell it is not paced by it.
func (c *Client) learnRate(ctx context.Context) error {
	var v struct {
		Data struct {
			Limit     int `json:"X-RateLimit-Limit"`
			Remaining int `json:"X-RateLimit-Remaining"`
			Reset     int `json:"X-RateLimit-Reset"`
		} `json:"data"`
	}
	_, err := c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: "/auth/rate_limit"}, &v)
	switch {
	case wire.StatusOf(err) == http.StatusNotFound, wire.StatusOf(err) == http.StatusForbidden:
		return nil
	case err != nil:
		return c.plain(err)
	}
	c.wire.Allow(wire.Window{Limit: v.Data.Limit, Remaining: v.Data.Remaining, Reset: time.Duration(v.Data.Reset) * time.Second, Length: hour})
	return nil
}

func (c *Client) denied(message, hint string, err error) error {
	return &provisioning.Error{Code: provisioning.Denied, Message: c.opts.Name + ": " + message, Hint: hint, Err: err}
}

type tokenAnswer struct {
	Token   string `json:"access_token"`
	Expires int    `json:"expires_in"`
}

// signIn takes one token. Older accounts wrap the answer in a list (contracts/idps.md 2.4).
func (c *Client) signIn(ctx context.Context) (oauth.Token, error) {
	var v struct {
		tokenAnswer
		Data []tokenAnswer `json:"data"`
	}
	_, err := c.wire.Read(ctx, wire.Request{
		Method: http.MethodPost, Path: "/auth/oauth2/v2/token", Body: map[string]string{"grant_type": "client_credentials"}, NoAuth: true,
		Header: http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(c.opts.ClientID+":"+c.opts.Secret.Reveal()))}},
	}, &v)
	switch status := wire.StatusOf(err); {
	case status == http.StatusUnauthorized || status == http.StatusBadRequest || status == http.StatusForbidden:
		return oauth.Token{}, c.denied("OneLogin refused the API credential", "under Developers, API Credentials, make a pair with Read Users, and store its secret", err)
	case err != nil:
		return oauth.Token{}, err
	}
	t := v.tokenAnswer
	if t.Token == "" && len(v.Data) > 0 {
		t = v.Data[0]
	}
	if t.Token == "" {
		return oauth.Token{}, c.denied("the sign-in brought no token", "check the address", nil)
	}
	return oauth.Token{Value: t.Token, Life: time.Duration(t.Expires) * time.Second}, nil
}

// plain says what a refusal means.
func (c *Client) plain(err error) error {
	if provisioning.CodeOf(err) == provisioning.Denied {
		return err
	}
	switch wire.StatusOf(err) {
	case http.StatusForbidden:
		return c.denied("the API credential may not read this", "make a pair with Read All (Read Users is enough for people alone), and rotate it here", err)
	case http.StatusUnauthorized:
		return c.denied("OneLogin refuses the token", "make a new API credential and rotate it here", err)
	default:
		return err
	}
}

// walk reads a list of version 2: a bare array, whose next page is named by the After-Cursor header. A short page ends nothing. Only
// the cursor is taken out of an answer, never an address (contracts/idps.md 2.4, threats C1). total hears each page's Total-Count.
func (c *Client) walk(ctx context.Context, first wire.Request, total func(int), each func(rows jsontext.Value) (int, error)) error {
	next := func(a wire.Answer) string { return a.Header.Get("After-Cursor") }
	return c.plain(c.wire.Walk(ctx, wire.List{
		First: first,
		Peek:  func(a wire.Answer, _ []byte) string { return next(a) },
		Open: func(a wire.Answer, body jsontext.Value) (jsontext.Value, string, error) {
			if body.Kind() != '[' {
				return nil, "", errors.New("an answer that is no list came")
			}
			if n, err := strconv.Atoi(a.Header.Get("Total-Count")); err == nil && total != nil {
				total(n)
			}
			return body, next(a), nil
		},
		Follow: func(cursor string) (wire.Request, error) {
			r := first
			r.Query = make(url.Values, len(first.Query)+1)
			for k, v := range first.Query {
				r.Query[k] = v
			}
			r.Query.Set("cursor", cursor)
			return r, nil
		},
	}, each))
}
