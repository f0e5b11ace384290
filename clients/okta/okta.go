// Package okta speaks Okta's management API (contracts/idps.md 2.1) and nothing else: it implements provisioning.Directory and its
// change feed. It knows no account of iManage and no rule about people.
package okta

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rollcall/clients/wire"
	"rollcall/clients/wire/oauth"
	"rollcall/provisioning"
)

// Fields names the profile attributes that each firm chooses itself (contracts/idps.md 2.1). An empty one takes its default.
type Fields struct {
	Office         string // office
	SSOName        string // the part of the login before the @
	EmployeeNumber string // employeeNumber
	Phone          string // primaryPhone
	BirthYear      string // birthYear
	HireDate       string // hireDate
	LeaveDate      string // leaveDate
	ExternalID     string // none
}

// Options say how to reach one organisation, and how to sign in: by an API token, or as a service app by a key (private_key_jwt).
type Options struct {
	Name              string
	URL               string // https://example.okta.com
	Token             provisioning.Secret
	ClientID          string
	Key               provisioning.Secret // the JWK that Okta gave, or a PEM private key
	KeyID             string              // of a PEM key
	Fields            Fields
	Groups            bool // read groups and memberships as well
	AllowLoopbackHTTP bool
	CAFile            string
	PerSecond         float64
	Share             float64 // of each bucket's minute, kept free for people; 0: a tenth
	Trace             *wire.Trace
	Clock             provisioning.Clock
	Limits            wire.Limits
	Transport         http.RoundTripper // nil: our own
}

// Client is one organisation. It is safe for concurrent use.
type Client struct {
	opts   Options
	wire   *wire.Client
	key    *oauth.Key
	token  *oauth.Source  // nil with an API token
	places map[string]int // the profile attributes that are used
}

func or(s *string, fallback string) {
	if *s == "" {
		*s = fallback
	}
}

// New makes a client; nothing is sent yet.
func New(o Options) (*Client, error) {
	f := &o.Fields
	or(&f.Office, "office")
	or(&f.EmployeeNumber, "employeeNumber")
	or(&f.Phone, "primaryPhone")
	or(&f.BirthYear, "birthYear")
	or(&f.HireDate, "hireDate")
	or(&f.LeaveDate, "leaveDate")
	if o.Clock == nil {
		o.Clock = provisioning.SystemClock{}
	}
	c := &Client{opts: o, places: places(o.Fields)}
	options := wire.Options{
		System: o.Name, Base: o.URL, AllowLoopbackHTTP: o.AllowLoopbackHTTP, CAFile: o.CAFile, PerSecond: o.PerSecond, Reserve: o.PerSecond * o.Share,
		Share: o.Share, Trace: o.Trace, Clock: o.Clock, Limits: o.Limits, Wait: wait, Window: window, Bucket: bucket, Transport: o.Transport,
		Authorize: func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "SSWS "+o.Token.Reveal())
			return nil
		},
	}
	if !o.Key.IsZero() {
		var err error
		if c.key, err = oauth.ParseKey(o.Key.Reveal(), o.KeyID); err != nil || o.ClientID == "" {
			message := "the client id is needed beside the key"
			if err != nil {
				message = err.Error()
			}
			return nil, &provisioning.Error{Code: provisioning.Invalid, Message: o.Name + ": " + message, Hint: "store the private JWK that Okta shows once"}
		}
		c.token = oauth.New(o.Clock, c.signIn)
		options.Authorize, options.Reauthorize = c.token.Authorize, c.token.Renew
	}
	w, err := wire.New(options)
	c.wire = w
	return c, err
}

// Name is the connection's name.
func (c *Client) Name() string { return c.opts.Name }

// System is "okta".
func (c *Client) System() string { return "okta" }

// Budget shows the rate budget.
func (c *Client) Budget() provisioning.Budget { return c.wire }

// Close lets idle connections go.
func (c *Client) Close() { c.wire.Close() }

// scopes are the least that a service app needs.
const scopes = "okta.users.read okta.groups.read"

const tokenPath = "/oauth2/v1/token" //nolint:gosec // a path, and no credential

// signIn takes a token of the org's own authorization server by an assertion (contracts/idps.md 2.1).
func (c *Client) signIn(ctx context.Context) (oauth.Token, error) {
	assertion, err := c.key.Sign(oauth.Claims{
		Issuer: c.opts.ClientID, Subject: c.opts.ClientID, Audience: c.opts.URL + tokenPath, Issued: c.opts.Clock.Now(), Life: 5 * time.Minute,
	})
	if err != nil {
		return oauth.Token{}, c.denied(err.Error(), "store the private JWK that Okta shows once", nil)
	}
	var t struct {
		Token   string `json:"access_token"`
		Type    string `json:"token_type"`
		Expires int    `json:"expires_in"`
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {scopes}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
	_, err = c.wire.Read(ctx, wire.Request{Method: http.MethodPost, Path: tokenPath, Form: form, NoAuth: true}, &t)
	var e *wire.Error
	switch {
	case errors.As(err, &e) && e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests:
		return oauth.Token{}, c.refused(e)
	case err != nil:
		return oauth.Token{}, err
	case t.Token == "":
		return oauth.Token{}, c.denied("the sign-in brought no token", "check the address", nil)
	case !strings.EqualFold(t.Type, "Bearer"):
		return oauth.Token{}, c.denied("the app demands proof of possession", "in the app's settings clear Require Demonstrating Proof of Possession (DPoP)", nil)
	}
	return oauth.Token{Value: t.Token, Life: time.Duration(t.Expires) * time.Second}, nil
}

func (c *Client) denied(message, hint string, err error) error {
	return &provisioning.Error{Code: provisioning.Denied, Message: c.opts.Name + ": " + message, Hint: hint, Err: err}
}

func (c *Client) refused(e *wire.Error) error {
	switch e.Refusal {
	case "use_dpop_nonce", "invalid_dpop_proof":
		return c.denied("the app demands proof of possession", "in the app's settings clear Require Demonstrating Proof of Possession (DPoP)", e)
	case "invalid_scope":
		return c.denied("the app was not granted the scopes", "under Okta API Scopes grant "+scopes, e)
	case "invalid_client":
		return c.denied("Okta knows no such app, or not its key, or this machine's clock is off", "check the client id, that the key is active in the app, and this machine's clock", e)
	default:
		return c.denied("Okta refused the sign-in", "check the client id and the key", e)
	}
}

// wait is X-Rate-Limit-Reset, an epoch second of Okta's own clock, against the answer's own Date, and a second more
// (contracts/idps.md 2.1). With too many calls at once Limit and Remaining are 0 and Reset is only a guess: then we back off.
func wait(h http.Header, now time.Time) (time.Duration, bool) {
	if d, ok := wire.RetryAfter(h, now); ok {
		return d, true
	}
	reset, ok := reset(h, now)
	return reset + time.Second, ok && h.Get("X-Rate-Limit-Limit") != "0"
}

func reset(h http.Header, now time.Time) (time.Duration, bool) {
	reset, err := strconv.ParseInt(h.Get("X-Rate-Limit-Reset"), 10, 64)
	if err != nil {
		return 0, false
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return max(time.Unix(reset, 0).Sub(now), 0), true
}

// window reads the allowance of an answer's bucket: so many a minute.
func window(h http.Header, now time.Time) (wire.Window, bool) {
	limit, errL := strconv.Atoi(h.Get("X-Rate-Limit-Limit"))
	left, errR := strconv.Atoi(h.Get("X-Rate-Limit-Remaining"))
	reset, ok := reset(h, now)
	return wire.Window{Limit: limit, Remaining: left, Reset: reset + time.Second, Length: time.Minute}, ok && errL == nil && errR == nil
}

// bucket is Okta's own: lists of people, single people, groups and the token endpoint are counted apart.
func bucket(r wire.Request) string {
	path := strings.TrimPrefix(r.Path, "/api/v1/")
	if first, rest, more := strings.Cut(path, "/"); more && first != "oauth2" {
		_ = rest
		return first + "/id"
	}
	return path
}

// walk reads a listing by its Link headers. The end mark is an answer without a next link.
func (c *Client) walk(ctx context.Context, first wire.Request, each func(rows jsontext.Value) (int, error)) error {
	next := func(a wire.Answer) string { return nextLink(a.Header.Values("Link")) }
	return c.plain(c.wire.Walk(ctx, wire.List{
		First: first, Follow: c.wire.Follow,
		Peek: func(a wire.Answer, _ []byte) string { return next(a) },
		Open: func(a wire.Answer, body jsontext.Value) (jsontext.Value, string, error) {
			if body.Kind() != '[' {
				return nil, "", errors.New("an answer that is no list came")
			}
			return body, next(a), nil
		},
	}, each))
}

// nextLink finds rel="next" among several Link headers, each of which may hold several links joined by commas (RFC 8288).
func nextLink(headers []string) string {
	for _, h := range headers {
		for rest := h; rest != ""; {
			open := strings.IndexByte(rest, '<')
			if open < 0 {
				break
			}
			end := strings.IndexByte(rest[open:], '>')
			if end < 0 {
				break
			}
			link, params := rest[open+1:open+end], rest[open+end+1:]
			rest = ""
			if comma := strings.IndexByte(params, ','); comma >= 0 {
				params, rest = params[:comma], params[comma+1:]
			}
			if strings.Contains(strings.ReplaceAll(params, " ", ""), `rel="next"`) {
				return link
			}
		}
	}
	return ""
}

func errorCode(err error) string {
	var e *wire.Error
	if !errors.As(err, &e) {
		return ""
	}
	var v struct {
		Code string `json:"errorCode"`
	}
	_ = json.Unmarshal(e.Body, &v) // a gateway's HTML leaves it empty
	return v.Code
}

// plain says what Okta's own error means.
func (c *Client) plain(err error) error {
	if provisioning.CodeOf(err) == provisioning.Denied {
		return err
	}
	switch errorCode(err) {
	case "E0000011":
		return c.denied("okta refused the token", "make a new one under Security, API, Tokens, and rotate it here", err)
	case "E0000006":
		return c.denied("the token may not read this", "give its owner the Read-only Administrator role, or the service app that role and its scopes", err)
	default:
		return err
	}
}
