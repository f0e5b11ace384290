// Package entra speaks Microsoft Graph v1.0 (contracts/idps.md 2.2) and nothing else: it implements provisioning.Directory and its
// change feed. It knows no account of iManage and no rule about people.
package entra

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rollcall/clients/wire"
	"rollcall/clients/wire/oauth"
	"rollcall/provisioning"
)

// The hosts of the worldwide cloud; national clouds have others (contracts/idps.md 2.2).
const (
	DefaultGraph = "https://graph.microsoft.com"
	DefaultLogin = "https://login.microsoftonline.com"
)

// Fields names the Graph properties that each firm chooses itself. An empty one takes its default.
type Fields struct {
	SSOName        string // onPremisesSamAccountName, and where that is empty the part of userPrincipalName before the @
	EmployeeNumber string // employeeId
	Office         string // officeLocation
	Phone          string // the first of businessPhones
	ExternalID     string // onPremisesImmutableId
	BirthYear      string // none
}

// Options say how to reach one tenant, and how to sign in: by exactly one of Secret, Key and Refresh.
type Options struct {
	Name     string
	Tenant   string // its id or a verified domain
	ClientID string
	Secret   provisioning.Secret // a client secret
	Key      provisioning.Secret // a PEM text: the certificate and its private key
	Refresh  provisioning.Secret // the refresh token that an operator's device sign-in gave
	// Keep stores a refresh token that replaces the one in use. Nil: it is used and not stored.
	Keep              func(ctx context.Context, refresh provisioning.Secret) error
	GraphURL          string
	LoginURL          string
	Fields            Fields
	Groups            bool // read groups and memberships as well
	AllowLoopbackHTTP bool
	CAFile            string
	PerSecond         float64 // 0: by the size of the tenant, as Graph allows it
	Share             float64 // of it, kept free for people; 0: a tenth
	Trace             *wire.Trace
	Clock             provisioning.Clock
	Limits            wire.Limits
	Transport         http.RoundTripper
}

// rateOf is how many lists a second Graph allows an application in a tenant with so many people: 3,500 units in 10 s, from 50 people on
// 5,000, above 500 people 8,000; and a list costs two (contracts/idps.md 2.2).
func rateOf(people int) float64 {
	const span = 10 * listCost
	switch {
	case people > 500:
		return 8000.0 / span
	case people >= 50:
		return 5000.0 / span
	default:
		return 3500.0 / span
	}
}

// listCost is what a list costs in resource units.
const listCost = 2

// cost is what a request costs in resource units: members three, and five where nested groups are followed (contracts/idps.md 2.2).
func cost(r wire.Request) int {
	switch {
	case strings.Contains(r.Path, "/transitiveMember"):
		return 5
	case strings.HasSuffix(r.Path, "/members"), strings.HasSuffix(r.Path, "/memberOf"):
		return 3
	default:
		return listCost
	}
}

// Client is one tenant. It is safe for concurrent use.
type Client struct {
	opts  Options
	wire  *wire.Client // Graph
	login *wire.Client
	key   *oauth.Key
	token *oauth.Source
	sized bool          // the rate is by the tenant's size, as far as it is known
	turn  chan struct{} // guards opts.Refresh, which changes with each use
}

// New makes a client; nothing is sent yet.
func New(o Options) (*Client, error) {
	if o.GraphURL == "" {
		o.GraphURL = DefaultGraph
	}
	if o.LoginURL == "" {
		o.LoginURL = DefaultLogin
	}
	if o.Clock == nil {
		o.Clock = provisioning.SystemClock{}
	}
	sized := o.PerSecond == 0
	if sized {
		o.PerSecond = rateOf(0)
	}
	if o.Share == 0 {
		o.Share = 0.1
	}
	if o.Tenant == "" || o.ClientID == "" {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: o.Name + ": the tenant and the application's client id are both needed", Hint: "both stand on the app registration's overview page"}
	}
	c := &Client{opts: o, sized: sized, turn: make(chan struct{}, 1)}
	c.token = oauth.New(o.Clock, c.signIn)
	if !o.Key.IsZero() {
		var err error
		if c.key, err = oauth.ParseKey(o.Key.Reveal(), ""); err != nil {
			return nil, &provisioning.Error{Code: provisioning.Invalid, Message: o.Name + ": " + err.Error(), Hint: "store one PEM text that holds the certificate and its private key"}
		}
		if _, ok := c.key.Certificate(); !ok {
			return nil, &provisioning.Error{Code: provisioning.Invalid, Message: o.Name + ": there is no certificate beside the key", Hint: "put both into one PEM text; the certificate is what Entra knows"}
		}
	}
	var err error
	options := wire.Options{
		System: o.Name, Base: o.LoginURL, AllowLoopbackHTTP: o.AllowLoopbackHTTP, CAFile: o.CAFile, Clock: o.Clock, Limits: o.Limits,
		Trace: o.Trace, Transport: o.Transport,
	}
	if c.login, err = wire.New(options); err != nil {
		return nil, err
	}
	options.Base, options.PerSecond, options.Reserve = o.GraphURL+"/v1.0", o.PerSecond, o.PerSecond*o.Share
	options.Cost, options.Units = cost, listCost
	options.Authorize, options.Reauthorize = c.token.Authorize, c.token.Renew
	c.wire, err = wire.New(options)
	return c, err
}

// Name is the connection's name.
func (c *Client) Name() string { return c.opts.Name }

// System is "entra".
func (c *Client) System() string { return "entra" }

// Budget shows the rate budget.
func (c *Client) Budget() provisioning.Budget { return c.wire }

// Close lets idle connections go.
func (c *Client) Close() {
	c.wire.Close()
	c.login.Close()
}

// assertionLife is how long an assertion holds (contracts/idps.md 2.2).
const assertionLife = 10 * time.Minute

// signIn takes one token.
func (c *Client) signIn(ctx context.Context) (oauth.Token, error) {
	path := wire.Path(c.opts.Tenant, "oauth2", "v2.0", "token")
	form := url.Values{"client_id": {c.opts.ClientID}, "scope": {c.opts.GraphURL + "/.default"}, "grant_type": {"client_credentials"}}
	switch {
	case c.key != nil:
		assertion, err := c.key.Sign(oauth.Claims{
			Issuer: c.opts.ClientID, Subject: c.opts.ClientID, Audience: c.opts.LoginURL + path, Issued: c.opts.Clock.Now(), Life: assertionLife,
		})
		if err != nil {
			return oauth.Token{}, c.denied(err.Error(), "store an RSA key with its certificate", nil)
		}
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", assertion)
	case !c.opts.Refresh.IsZero():
		return c.refresh(ctx, path, form)
	default:
		form.Set("client_secret", c.opts.Secret.Reveal())
	}
	t, err := c.grant(ctx, path, form)
	return oauth.Token{Value: t.Token, Life: time.Duration(t.Expires) * time.Second}, err
}

type tokenAnswer struct {
	Token   string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int    `json:"expires_in"`
	Refresh string `json:"refresh_token"`
}

// refresh takes a token on the operator's behalf, and keeps the refresh token that comes with it.
func (c *Client) refresh(ctx context.Context, path string, form url.Values) (oauth.Token, error) {
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return oauth.Token{}, ctx.Err()
	}
	defer func() { <-c.turn }()
	form.Set("grant_type", "refresh_token")
	form.Set("refresh_token", c.opts.Refresh.Reveal())
	form.Set("scope", delegated(c.opts.GraphURL))
	t, err := c.grant(ctx, path, form)
	if err != nil {
		return oauth.Token{}, err
	}
	if t.Refresh != "" && t.Refresh != c.opts.Refresh.Reveal() {
		c.opts.Refresh = provisioning.NewSecret(t.Refresh)
		if c.opts.Keep != nil {
			if err := c.opts.Keep(ctx, c.opts.Refresh); err != nil {
				return oauth.Token{}, err
			}
		}
	}
	return oauth.Token{Value: t.Token, Life: time.Duration(t.Expires) * time.Second}, nil
}

// delegated are the rights of a device sign-in: the operator's own, read only.
func delegated(graph string) string {
	var b strings.Builder
	for _, s := range []string{"User.Read.All", "GroupMember.Read.All", "AuditLog.Read.All"} {
		b.WriteString(graph + "/" + s + " ")
	}
	return b.String() + "offline_access"
}

func (c *Client) grant(ctx context.Context, path string, form url.Values) (tokenAnswer, error) {
	var t tokenAnswer
	_, err := c.login.Read(ctx, wire.Request{Method: http.MethodPost, Path: path, Form: form, NoAuth: true}, &t)
	var e *wire.Error
	switch {
	case errors.As(err, &e) && e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests:
		return t, c.refused(e)
	case err != nil:
		return t, err
	case t.Token == "" || !strings.EqualFold(t.Type, "Bearer"):
		return t, c.denied("the sign-in brought no token", "check the tenant", nil)
	}
	return t, nil
}

func (c *Client) denied(message, hint string, err error) error {
	return &provisioning.Error{Code: provisioning.Denied, Message: c.opts.Name + ": " + message, Hint: hint, Err: err}
}

// refused says what Microsoft's own number means (login.microsoftonline.com's AADSTS codes).
func (c *Client) refused(e *wire.Error) error {
	says := func(number string) bool { return strings.HasSuffix(e.Refusal, "AADSTS"+number) }
	switch {
	case says("7000215"):
		return c.denied("Entra refused the client secret", "store the secret's Value, not its Secret ID; make a new one under Certificates & secrets", e)
	case says("7000222"):
		return c.denied("the client secret has expired", "make a new one under Certificates & secrets, and rotate it here", e)
	case says("700016"):
		return c.denied("this tenant knows no such application", "check the client id, and that it is registered in this tenant", e)
	case says("90002"), says("900023"):
		return c.denied("there is no such tenant", "check the tenant id", e)
	case says("700027"):
		return c.denied("Entra does not know the certificate", "upload the .cer of this very certificate under Certificates & secrets", e)
	case says("700024"):
		return c.denied("the assertion's time is not Entra's", "set this machine's clock right", e)
	case says("700082"), says("50173"), says("70000"), says("70008"), e.Refusal == "invalid_grant":
		return c.denied("the operator's sign-in has ended", "sign in again: rollcall connect --rotate "+c.opts.Name, e)
	case says("65001"):
		return c.denied("nobody has consented to the rights yet", "an administrator grants consent under API permissions", e)
	default:
		return c.denied("Entra refused the sign-in", "check tenant, client id and secret", e)
	}
}

// plain says Graph's own error where it gave one.
func (c *Client) plain(err error) error {
	var e *wire.Error
	if !errors.As(err, &e) || provisioning.CodeOf(err) == provisioning.Denied {
		return err
	}
	switch code := errorCode(e); {
	case code == "Authorization_RequestDenied", e.Status == http.StatusForbidden:
		return c.denied("the application may not read this", "an administrator adds User.Read.All and GroupMember.Read.All (application) and grants consent", e)
	case code == "InvalidAuthenticationToken":
		return c.denied("Graph refuses the token", "check that graph_url and login_url are of one cloud", e)
	default:
		return err
	}
}

func errorCode(e *wire.Error) string {
	var v struct {
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	_ = json.Unmarshal(e.Body, &v) // a gateway's HTML leaves it empty
	return v.Error.Code
}

// page is Graph's envelope.
type page struct {
	Value jsontext.Value `json:"value"`
}

// walk reads a listing to the page without a next link. A page may be empty and still have one (contracts/idps.md 2.2). The delta
// link stands on the last page of a delta alone.
func (c *Client) walk(ctx context.Context, first wire.Request, each func(rows jsontext.Value) (int, error)) (delta string, err error) {
	err = c.wire.Walk(ctx, wire.List{
		First: first,
		Peek:  func(_ wire.Answer, body []byte) string { return wire.PeekText(body, "@odata.nextLink") },
		Open: func(_ wire.Answer, body jsontext.Value) (rows jsontext.Value, link string, err error) {
			parts, err := wire.Parts(body, "value", "@odata.nextLink", "@odata.deltaLink")
			if err != nil {
				return nil, "", err
			}
			if parts[0] == nil {
				return nil, "", errors.New("an answer without a list came")
			}
			if delta, err = wire.String(parts[2]); err != nil {
				return nil, "", err
			}
			link, err = wire.String(parts[1])
			return parts[0], link, err
		},
		Follow: func(link string) (wire.Request, error) {
			next, err := c.wire.Follow(link)
			next.Header = first.Header // request headers are not carried over
			return next, err
		},
	}, each)
	return delta, c.plain(err)
}
