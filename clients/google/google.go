// Package google speaks the Google Workspace Directory API (contracts/idps.md 2.3) and nothing else: it implements
// provisioning.Directory. Google has no change feed that a console could use, so every read is whole. The package knows no account
// of iManage and no rule about people.
package google

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rollcall/clients/wire"
	"rollcall/clients/wire/oauth"
	"rollcall/provisioning"
)

// Where Google listens.
const (
	DefaultAPI   = "https://admin.googleapis.com"
	DefaultLogin = "https://oauth2.googleapis.com"
)

// Fields names where each firm keeps what the standard profile has no place for: Schema.field of a custom schema, or the custom type
// of an external id as externalIds:TYPE. An empty one takes its default.
type Fields struct {
	SSOName        string // the part of primaryEmail before the @
	EmployeeNumber string // the external id of type organization
	Office         string // the building of the first location, else the primary organization's location
	HireDate       string // none
	LeaveDate      string // none
	BirthYear      string // none
	ExternalID     string // none
}

// Options say how to reach one customer.
type Options struct {
	Name              string
	Key               provisioning.Secret // the service account's key file, as Google gave it
	Subject           string              // the administrator in whose name is asked: never the service account (contracts/idps.md 2.3)
	Customer          string              // my_customer
	APIURL            string
	LoginURL          string
	Fields            Fields
	Groups            bool
	AllowLoopbackHTTP bool
	CAFile            string
	PerSecond         float64 // 0: 40, for 2,400 a minute are allowed
	Share             float64 // of it, kept free for people; 0: a tenth
	Trace             *wire.Trace
	Clock             provisioning.Clock
	Limits            wire.Limits
	Transport         http.RoundTripper
}

const defaultRate = 40

// Client is one customer. It is safe for concurrent use.
type Client struct {
	opts   Options
	wire   *wire.Client
	login  *wire.Client
	key    *oauth.Key
	issuer string
	token  *oauth.Source
}

// scopes are the least that is needed, read only. Asking for one that the administrator did not list fails them all.
func scopes() []string {
	const base = "https://www.googleapis.com/auth/admin.directory."
	return []string{base + "user.readonly", base + "group.readonly", base + "group.member.readonly"}
}

// New makes a client; nothing is sent yet.
func New(o Options) (*Client, error) {
	if o.APIURL == "" {
		o.APIURL = DefaultAPI
	}
	if o.LoginURL == "" {
		o.LoginURL = DefaultLogin
	}
	if o.Customer == "" {
		o.Customer = "my_customer"
	}
	if o.Clock == nil {
		o.Clock = provisioning.SystemClock{}
	}
	if o.PerSecond == 0 {
		o.PerSecond = defaultRate
	}
	if o.Share == 0 {
		o.Share = 0.1
	}
	c := &Client{opts: o}
	if err := c.readKey(); err != nil {
		return nil, err
	}
	c.token = oauth.New(o.Clock, c.signIn)
	options := wire.Options{
		System: o.Name, Base: o.LoginURL, AllowLoopbackHTTP: o.AllowLoopbackHTTP, CAFile: o.CAFile, Clock: o.Clock, Limits: o.Limits,
		Trace: o.Trace, Transport: o.Transport,
	}
	var err error
	if c.login, err = wire.New(options); err != nil {
		return nil, err
	}
	options.Base, options.PerSecond, options.Reserve = o.APIURL, o.PerSecond, o.PerSecond*o.Share
	options.Authorize, options.Reauthorize, options.Throttled = c.token.Authorize, c.token.Renew, throttled
	c.wire, err = wire.New(options)
	return c, err
}

// readKey takes the key file apart. Its own token address is not followed (threats C3): it must be the one that we know.
func (c *Client) readKey() error {
	var file struct {
		Type  string `json:"type"`
		ID    string `json:"private_key_id"`
		Key   string `json:"private_key"`
		Email string `json:"client_email"`
		Token string `json:"token_uri"`
	}
	invalid := func(message, hint string) error {
		return &provisioning.Error{Code: provisioning.Invalid, Message: c.opts.Name + ": " + message, Hint: hint}
	}
	if err := json.Unmarshal([]byte(c.opts.Key.Reveal()), &file); err != nil || file.Type != "service_account" || file.Email == "" {
		return invalid("this is no key file of a service account", "make a JSON key of the service account and store the whole file")
	}
	if file.Token != "" && file.Token != c.opts.LoginURL+"/token" {
		return invalid("the key file names another token address than "+c.opts.LoginURL, "take the key file as Google gave it")
	}
	if !strings.Contains(c.opts.Subject, "@") || strings.EqualFold(c.opts.Subject, file.Email) {
		return invalid("an administrator's mail address is needed", "name the administrator in whose name is asked; the service account itself is none")
	}
	key, err := oauth.ParseKey(file.Key, file.ID)
	if err != nil {
		return invalid(err.Error(), "make a new JSON key of the service account")
	}
	c.key, c.issuer = key, file.Email
	return nil
}

// Name is the connection's name.
func (c *Client) Name() string { return c.opts.Name }

// System is "google".
func (c *Client) System() string { return "google" }

// Budget shows the rate budget.
func (c *Client) Budget() provisioning.Budget { return c.wire }

// Close lets idle connections go.
func (c *Client) Close() {
	c.wire.Close()
	c.login.Close()
}

func (c *Client) denied(message, hint string, err error) error {
	return &provisioning.Error{Code: provisioning.Denied, Message: c.opts.Name + ": " + message, Hint: hint, Err: err}
}

// signIn takes one token by an assertion in the administrator's name (RFC 7523).
func (c *Client) signIn(ctx context.Context) (oauth.Token, error) {
	assertion, err := c.key.Sign(oauth.Claims{
		Issuer: c.issuer, Subject: c.opts.Subject, Audience: c.opts.LoginURL + "/token", Issued: c.opts.Clock.Now(), Life: time.Hour,
		Scope: strings.Join(scopes(), " "),
	})
	if err != nil {
		return oauth.Token{}, c.denied(err.Error(), "make a new JSON key of the service account", nil)
	}
	var t struct {
		Token   string `json:"access_token"`
		Expires int    `json:"expires_in"`
	}
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}
	_, err = c.login.Read(ctx, wire.Request{Method: http.MethodPost, Path: "/token", Form: form, NoAuth: true}, &t)
	var e *wire.Error
	switch {
	case errors.As(err, &e) && e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests:
		return oauth.Token{}, c.refused(e)
	case err != nil:
		return oauth.Token{}, err
	case t.Token == "":
		return oauth.Token{}, c.denied("the sign-in brought no token", "check the key file", nil)
	}
	return oauth.Token{Value: t.Token, Life: time.Duration(t.Expires) * time.Second}, nil
}

func (c *Client) refused(e *wire.Error) error {
	switch e.Refusal {
	case "unauthorized_client":
		return c.denied("the service account may not ask in an administrator's name with these scopes",
			"in admin.google.com, Security, API controls, Domain-wide delegation, list exactly: "+strings.Join(scopes(), ","), e)
	case "invalid_grant":
		return c.denied("Google refused the assertion: the key is unknown, the administrator is unknown, or this machine's clock is off",
			"check the key file, the administrator's address, and this machine's clock", e)
	case "invalid_client":
		return c.denied("Google does not know the service account's key", "make a new JSON key and rotate it here", e)
	default:
		return c.denied("Google refused the sign-in", "check the key file and the administrator's address", e)
	}
}

// reason is the first reason of Google's error answer.
func reason(e *wire.Error) string {
	var v struct {
		Error struct {
			Errors []struct {
				Reason string `json:"reason"`
			} `json:"errors"`
		} `json:"error"`
	}
	if json.Unmarshal(e.Body, &v) != nil || len(v.Error.Errors) == 0 {
		return ""
	}
	return v.Error.Errors[0].Reason
}

// throttled: over the limit Google answers 403 with one of these reasons; a 403 with another one must not be asked again
// (contracts/idps.md 2.3).
func throttled(e *wire.Error) bool {
	return e.Status == http.StatusForbidden && slices.Contains([]string{
		"userRateLimitExceeded", "quotaExceeded", "rateLimitExceeded", "backendError", "badGateway", "gatewayTimeout", "internalError", "transientError",
	}, reason(e))
}

// plain says Google's own error where it gave one.
func (c *Client) plain(err error) error {
	var e *wire.Error
	if !errors.As(err, &e) || provisioning.CodeOf(err) == provisioning.Denied {
		return err
	}
	switch r := reason(e); {
	case throttled(e):
		return err
	case e.Status == http.StatusForbidden && r == "insufficientPermissions":
		return c.denied("the token's scopes do not reach", "list the scopes again under Domain-wide delegation", e)
	case e.Status == http.StatusForbidden:
		return c.denied("the administrator "+c.opts.Subject+" may not read this", "give that administrator the Users Read and Groups Read privileges", e)
	default:
		return err
	}
}

// page is Google's envelope; an empty page has no list at all.
type page struct {
	Users jsontext.Value `json:"users"`
}

// walk reads a listing to the page without a nextPageToken. Only the token is taken out of an answer, never an address.
func (c *Client) walk(ctx context.Context, first wire.Request, each func(rows jsontext.Value) (int, error)) error {
	return c.plain(c.wire.Walk(ctx, wire.List{
		First: first,
		Peek:  func(_ wire.Answer, body []byte) string { return wire.PeekText(body, "nextPageToken") },
		Open: func(_ wire.Answer, body jsontext.Value) (rows jsontext.Value, token string, err error) {
			parts, err := wire.Parts(body, "kind", "nextPageToken", "users", "groups", "members")
			if err != nil {
				return nil, "", err
			}
			if kind, err := wire.String(parts[0]); err != nil || !strings.HasPrefix(kind, "admin#directory#") {
				return nil, "", errors.New("an answer that is no listing came")
			}
			for _, list := range parts[2:] {
				if rows == nil {
					rows = list
				}
			}
			token, err = wire.String(parts[1])
			return rows, token, err
		},
		Follow: func(token string) (wire.Request, error) {
			next := first
			next.Query = cloned(first.Query)
			next.Query.Set("pageToken", token)
			return next, nil
		},
	}, each))
}

func cloned(q url.Values) url.Values {
	out := make(url.Values, len(q))
	for k, v := range q {
		out[k] = slices.Clone(v)
	}
	return out
}
