// Package imanage speaks the iManage Work administration API (contracts/imanage.md) and nothing else: it implements
// provisioning.DMS for a tenant in the cloud, which has a global level, or a server on premises, which has only libraries. It
// knows no directory and no rule about people.
package imanage

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// Options say how to reach and sign in to one tenant.
type Options struct {
	Name              string
	URL               string
	Prefix            string // /work/api/v2 (default) or /api/v2: both are accepted (contracts/imanage.md 1)
	OnPrem            bool   // no global level
	Username          string // of a virtual user; the email in the cloud, the user id on premises
	Password          provisioning.Secret
	ClientID          string
	ClientSecret      provisioning.Secret
	EmployeeField     string // custom1 (default), custom2 or custom3: where the firm keeps the employee number
	AllowLoopbackHTTP bool
	CAFile            string
	Trace             *wire.Trace
	PerSecond         float64 // the budget; 0: unpaced, no limit is published
	Concurrency       int     // of reads; 8
	// Confirmed says whether the tenant has confirmed an operation, by its name: it is asked at the moment of sending, and a probe that is
	// not confirmed never leaves (DESIGN 4). Nil: none is.
	Confirmed func(ctx context.Context, operation string) bool
	Clock     provisioning.Clock
	Limits    wire.Limits
}

// Client is one tenant. It is safe for concurrent use.
type Client struct {
	opts Options
	wire *wire.Client

	mu       sync.Mutex // guards the sign-in: one at a time
	token    string
	refresh  string
	renewAt  time.Time
	customer int
	self     string

	access firstUse // of the change of access lists
}

// New makes a client; nothing is sent yet.
func New(o Options) (*Client, error) {
	if o.Prefix == "" {
		o.Prefix = "/work/api/v2"
	}
	if o.EmployeeField == "" {
		o.EmployeeField = "custom1"
	}
	if o.Concurrency <= 0 {
		o.Concurrency = 8
	}
	if o.Clock == nil {
		o.Clock = provisioning.SystemClock{}
	}
	c := &Client{opts: o}
	var err error
	c.wire, err = wire.New(wire.Options{
		System: o.Name, Base: o.URL, AllowLoopbackHTTP: o.AllowLoopbackHTTP, CAFile: o.CAFile, PerSecond: o.PerSecond,
		Reserve: o.PerSecond * reserve, Lend: true, Clock: o.Clock, Limits: o.Limits, Trace: o.Trace, Authorize: c.authorize, Reauthorize: c.signInAgain, Wait: wait,
	})
	return c, err
}

// Name is the connection's name.
func (c *Client) Name() string { return c.opts.Name }

// System is "imanage".
func (c *Client) System() string { return "imanage" }

// Budget shows the rate budget.
func (c *Client) Budget() provisioning.Budget { return c.wire }

// Close lets idle connections go.
func (c *Client) Close() { c.wire.Close() }

// wait reads the throttle headers that clients have seen, in their order (contracts/imanage.md 4.5): seconds to wait, or an epoch second by
// the tenant's own clock. What no number of seconds to come can be is passed over, and taken only where nothing better is there.
func wait(h http.Header, now time.Time) (d time.Duration, ok bool) {
	for _, name := range []string{"X-Ratelimit-Retryafter", "Retry-After", "X-Ratelimit-Reset"} {
		one, is := wire.Seconds(h.Get(name), wire.ServerTime(h, now))
		if name == "Retry-After" && !is {
			one, is = wire.RetryAfter(h, now)
		}
		if is && one >= 0 {
			return one, true
		}
		if is && !ok {
			d, ok = one, true
		}
	}
	return d, ok
}

// reserve is the share of the budget that is kept free for people (DESIGN 4).
const reserve = 0.1

// renewShare is the share of a token's life after which it is renewed (threats D3).
const renewShare = 0.8

// authorize adds the token, and signs in first where there is none or it is old.
func (c *Client) authorize(ctx context.Context, r *http.Request) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token == "" || c.opts.Clock.Now().After(c.renewAt) {
		if err := c.signIn(ctx); err != nil {
			return err
		}
	}
	r.Header.Set("X-Auth-Token", c.token)
	// The life of a token is a window that slides with its use (contracts/imanage.md 2).
	return nil
}

func (c *Client) signInAgain(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = ""
	return c.signIn(ctx)
}

type tokenAnswer struct {
	Token   string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Expires int    `json:"expires_in"`
}

// signIn takes a token by the refresh grant where there is one, else by the password grant. The caller holds mu.
func (c *Client) signIn(ctx context.Context) error {
	if c.refresh != "" {
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {c.refresh}}
		c.refresh = ""
		if c.grant(ctx, form) == nil {
			return nil
		}
	}
	err := c.grant(ctx, url.Values{
		"grant_type": {"password"}, "username": {c.opts.Username}, "password": {c.opts.Password.Reveal()},
		"client_id": {c.opts.ClientID}, "client_secret": {c.opts.ClientSecret.Reveal()}, "scope": {"admin"},
	})
	var e *wire.Error
	if errors.As(err, &e) && (e.Status == http.StatusUnauthorized || e.Status == http.StatusBadRequest || e.Status == http.StatusForbidden) {
		return &provisioning.Error{
			Code: provisioning.Denied, Message: c.opts.Name + " refused the sign-in of " + c.opts.Username,
			Hint: "check the password and the client secret; the account must be a virtual user",
		}
	}
	return err
}

func (c *Client) grant(ctx context.Context, form url.Values) error {
	var a tokenAnswer
	if _, err := c.wire.Read(ctx, wire.Request{Method: http.MethodPost, Path: "/auth/oauth2/token", Form: form, NoAuth: true}, &a); err != nil {
		return err
	}
	if a.Token == "" {
		return &provisioning.Error{Code: provisioning.Denied, Message: c.opts.Name + ": the sign-in brought no token", Hint: "check the address"}
	}
	life := time.Duration(a.Expires) * time.Second
	if life <= 0 {
		life = 30 * time.Minute
	}
	c.token, c.refresh, c.renewAt = a.Token, a.Refresh, c.opts.Clock.Now().Add(time.Duration(float64(life)*renewShare))
	return nil
}

// discover learns the customer id and who we are, once.
func (c *Client) discover(ctx context.Context) (int, string, error) {
	c.mu.Lock()
	customer, self := c.customer, c.self
	c.mu.Unlock()
	if self != "" {
		return customer, self, nil
	}
	var d struct {
		Data struct {
			User struct {
				Customer int    `json:"customer_id"`
				ID       string `json:"id"`
			} `json:"user"`
		} `json:"data"`
	}
	if _, err := c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: "/api"}, &d); err != nil {
		return 0, "", err
	}
	if d.Data.User.ID == "" {
		return 0, "", &provisioning.Error{Code: provisioning.Unavailable, Message: c.opts.Name + ": GET /api does not say who we are", Hint: "check the address"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.customer, c.self = d.Data.User.Customer, strings.ToUpper(d.Data.User.ID)
	return c.customer, c.self, nil
}

// Identity is the account that rollcall signs in with.
func (c *Client) Identity(ctx context.Context) (string, error) {
	_, self, err := c.discover(ctx)
	return self, err
}

// path makes the path of a resource of the tenant.
func (c *Client) path(ctx context.Context, segments ...string) (string, error) {
	customer, _, err := c.discover(ctx)
	if err != nil {
		return "", err
	}
	return c.opts.Prefix + wire.Path(append([]string{"customers", strconv.Itoa(customer)}, segments...)...), nil
}

// get reads one object; found is false where the tenant says that there is none.
func (c *Client) get(ctx context.Context, into any, query url.Values, segments ...string) (found bool, err error) {
	p, err := c.path(ctx, segments...)
	if err != nil {
		return false, err
	}
	_, err = c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: p, Query: query}, into)
	if noRecord(err) {
		return false, nil
	}
	return err == nil, err
}

// noRecord reports whether the tenant itself says that there is no such object (contracts/imanage.md 4.4). Any other 404 is of the path.
func noRecord(err error) bool {
	return status(err) == http.StatusNotFound && vendorCode(err) == codeNoRecord
}

const codeNoRecord = "NRC_NO_RECORD"

func status(err error) int {
	var e *wire.Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

type envelope struct {
	Error struct {
		Code        string `json:"code"`
		CodeMessage string `json:"code_message"`
		Message     string `json:"message"`
		Transaction string `json:"transaction"`
	} `json:"error"`
}

// vendor reads the error envelope out of a failed answer; a gateway's HTML gives an empty one.
func vendor(err error) envelope {
	var e *wire.Error
	var v envelope
	if errors.As(err, &e) {
		if json.Unmarshal(e.Body, &v) != nil {
			return envelope{}
		}
	}
	return v
}

func vendorCode(err error) string { return vendor(err).Error.Code }
