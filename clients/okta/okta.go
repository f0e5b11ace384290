// Package okta speaks Okta's management API (contracts/idps.md 2.1) and nothing else: it implements provisioning.Directory. It
// knows no account of iManage and no rule about people.
package okta

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unique"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// Fields names the profile attributes that each firm chooses itself (contracts/idps.md 2.1). An empty one takes its default.
type Fields struct {
	Office         string // office
	SSOName        string // the part of the login before the @
	EmployeeNumber string // employeeNumber
	Phone          string // primaryPhone
	BirthYear      string // birthYear
}

// Options say how to reach one organisation.
type Options struct {
	Name              string
	URL               string // https://example.okta.com
	Token             provisioning.Secret
	Fields            Fields
	Groups            bool // read groups and memberships as well
	AllowLoopbackHTTP bool
	CAFile            string
	PerSecond         float64
	Clock             provisioning.Clock
	Limits            wire.Limits
	Transport         http.RoundTripper // nil: our own
}

// Client is one organisation. It is safe for concurrent use.
type Client struct {
	opts Options
	wire *wire.Client
}

// New makes a client; nothing is sent yet.
func New(o Options) (*Client, error) {
	if o.Fields.Office == "" {
		o.Fields.Office = "office"
	}
	if o.Fields.EmployeeNumber == "" {
		o.Fields.EmployeeNumber = "employeeNumber"
	}
	if o.Fields.Phone == "" {
		o.Fields.Phone = "primaryPhone"
	}
	if o.Fields.BirthYear == "" {
		o.Fields.BirthYear = "birthYear"
	}
	if o.Clock == nil {
		o.Clock = provisioning.SystemClock{}
	}
	w, err := wire.New(wire.Options{
		System: o.Name, Base: o.URL, AllowLoopbackHTTP: o.AllowLoopbackHTTP, CAFile: o.CAFile, PerSecond: o.PerSecond,
		Clock: o.Clock, Limits: o.Limits, Wait: wait, Transport: o.Transport,
		Authorize: func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "SSWS "+o.Token.Reveal())
			return nil
		},
	})
	return &Client{opts: o, wire: w}, err
}

// Name is the connection's name.
func (c *Client) Name() string { return c.opts.Name }

// System is "okta".
func (c *Client) System() string { return "okta" }

// Budget shows the rate budget.
func (c *Client) Budget() provisioning.Budget { return c.wire }

// Close lets idle connections go.
func (c *Client) Close() { c.wire.Close() }

// wait is X-Rate-Limit-Reset, an epoch second of Okta's own clock, against the answer's own Date, and a second more
// (contracts/idps.md 2.1).
func wait(h http.Header, now time.Time) (time.Duration, bool) {
	if d, ok := wire.RetryAfter(h, now); ok {
		return d, true
	}
	reset, err := strconv.ParseInt(h.Get("X-Rate-Limit-Reset"), 10, 64)
	if err != nil {
		return 0, false
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return max(time.Unix(reset, 0).Sub(now), 0) + time.Second, true
}

type user struct {
	ID            string                    `json:"id"`
	Status        string                    `json:"status"`
	Created       time.Time                 `json:"created"`
	StatusChanged time.Time                 `json:"statusChanged"`
	LastLogin     time.Time                 `json:"lastLogin"`
	LastUpdated   time.Time                 `json:"lastUpdated"`
	Profile       map[string]jsontext.Value `json:"profile"`
}

// person turns a user into the engine's words. Strings that many people share are kept once.
func (c *Client) person(u *user) provisioning.Person {
	text := func(name string) string {
		var s string
		if v, ok := u.Profile[name]; ok && json.Unmarshal(v, &s) != nil {
			return strings.Trim(string(v), `"`) // a number or a boolean, as it stands
		}
		return s
	}
	shared := func(name string) string { return unique.Make(text(name)).Value() }
	p := provisioning.Person{
		Key:   provisioning.PersonKey{Directory: c.opts.Name, ID: u.ID},
		Login: text("login"), Email: text("email"), GivenName: text("firstName"), FamilyName: text("lastName"), FullName: text("displayName"),
		EmployeeNumber: text(c.opts.Fields.EmployeeNumber), Type: shared("userType"), Title: shared("title"), Department: shared("department"),
		Office: shared(c.opts.Fields.Office), Phone: text(c.opts.Fields.Phone), ManagerID: text("managerId"), BirthYear: shared(c.opts.Fields.BirthYear),
		Status: status(u.Status), RawStatus: unique.Make(u.Status).Value(), StatusChanged: u.StatusChanged, Created: u.Created,
		Updated: u.LastUpdated, LastSignIn: u.LastLogin,
	}
	if p.FullName == "" {
		p.FullName = strings.TrimSpace(p.GivenName + " " + p.FamilyName)
	}
	if second := text("secondEmail"); second != "" {
		p.Aliases = []string{second}
	}
	if p.SSOName = text(c.opts.Fields.SSOName); p.SSOName == "" {
		p.SSOName, _, _ = strings.Cut(p.Login, "@")
	}
	return p
}

// status maps Okta's word; one that this version does not know is data, never a reason to act.
func status(s string) provisioning.Status {
	switch s {
	case "ACTIVE", "RECOVERY", "PASSWORD_EXPIRED", "LOCKED_OUT":
		return provisioning.StatusActive
	case "STAGED", "PROVISIONED", "ACTIVATING":
		return provisioning.StatusPending
	case "SUSPENDED":
		return provisioning.StatusSuspended
	case "DEPROVISIONED":
		return provisioning.StatusDeprovisioned
	default:
		return provisioning.StatusUnknown
	}
}

// ReadAll reads every person: the plain list, which leaves out the deprovisioned, and then those by search.
func (c *Client) ReadAll(ctx context.Context, emit func([]provisioning.Person) error) (provisioning.ReadEvidence, error) {
	e := provisioning.ReadEvidence{Source: c.Name(), System: c.System(), Started: c.opts.Clock.Now(), Reported: -1}
	r := &reading{c: c, seen: make(map[string]time.Time), evidence: &e, emit: emit}
	err := r.run(ctx)
	e.Finished, e.Seen = c.opts.Clock.Now(), len(r.seen)
	switch {
	case ctx.Err() != nil:
		return e, ctx.Err()
	case r.emitErr != nil:
		return e, r.emitErr
	case err != nil:
		e.EndMarker, e.Failure = false, err.Error()
	}
	return e, nil
}

type reading struct {
	c        *Client
	seen     map[string]time.Time // id → lastUpdated
	evidence *provisioning.ReadEvidence
	groups   map[string][]string // user → group names
	emit     func([]provisioning.Person) error
	emitErr  error
}

const pageSize = "200" // the default and the most (contracts/idps.md 2.1)

func (r *reading) run(ctx context.Context) error {
	if r.c.opts.Groups {
		if err := r.readGroups(ctx); err != nil {
			return err
		}
	}
	if err := r.users(ctx, url.Values{"limit": {pageSize}}); err != nil {
		return err
	}
	plain := len(r.seen)
	if err := r.users(ctx, url.Values{"limit": {pageSize}, "search": {`status eq "DEPROVISIONED"`}}); err != nil {
		return err
	}
	r.evidence.EndMarker = plain > 0
	if plain == 0 {
		return errors.New("the list of people was empty")
	}
	return nil
}

// users walks one listing of people.
func (r *reading) users(ctx context.Context, query url.Values) error {
	return pages(ctx, r.c, wire.Request{Method: http.MethodGet, Path: "/api/v1/users", Query: query}, func(rows []user) (int, error) {
		chunk := make([]provisioning.Person, 0, len(rows))
		for i := range rows {
			u := &rows[i]
			at, again := r.seen[u.ID]
			if u.ID == "" {
				return 0, errors.New("a person without an id came")
			}
			if again {
				r.evidence.Duplicates++
				if at.Equal(u.LastUpdated) {
					continue
				}
				r.evidence.Conflicts = append(r.evidence.Conflicts, u.ID) // changed while it was read: the next read settles it
				continue
			}
			r.seen[u.ID] = u.LastUpdated
			p := r.c.person(u)
			p.Groups = r.groups[u.ID]
			chunk = append(chunk, p)
		}
		r.evidence.Pages++
		if r.emitErr = r.emit(chunk); r.emitErr != nil {
			return 0, r.emitErr
		}
		return len(chunk), nil
	})
}

// readGroups reads every group and its members, for Person.Groups.
func (r *reading) readGroups(ctx context.Context) error {
	type group struct {
		ID      string `json:"id"`
		Profile struct {
			Name string `json:"name"`
		} `json:"profile"`
	}
	var groups []group
	err := pages(ctx, r.c, wire.Request{Method: http.MethodGet, Path: "/api/v1/groups", Query: url.Values{"limit": {"200"}}}, func(rows []group) (int, error) {
		groups = append(groups, rows...)
		return len(rows), nil
	})
	if err != nil {
		return err
	}
	r.groups = make(map[string][]string)
	for _, g := range groups {
		type member struct {
			ID string `json:"id"`
		}
		request := wire.Request{Method: http.MethodGet, Path: wire.Path("api", "v1", "groups", g.ID, "users"), Query: url.Values{"limit": {"1000"}}}
		if err := pages(ctx, r.c, request, func(rows []member) (int, error) {
			for _, m := range rows {
				r.groups[m.ID] = append(r.groups[m.ID], g.Profile.Name)
			}
			return len(rows), nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// pages walks a listing by its Link headers. The end mark is an answer without a next link.
func pages[T any](ctx context.Context, c *Client, request wire.Request, each func([]T) (fresh int, err error)) error {
	guard := c.wire.Pages()
	for {
		var rows []T
		answer, err := c.wire.Read(ctx, request, &rows)
		if err != nil {
			return plain(err)
		}
		fresh, err := each(rows)
		if err != nil {
			return err
		}
		next := nextLink(answer.Header.Values("Link"))
		if err := guard.Page(fresh, next); err != nil {
			return err
		}
		if next == "" {
			return nil
		}
		if request, err = c.wire.Follow(next); err != nil {
			return err
		}
	}
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

// plain says Okta's own error where it gave one.
func plain(err error) error {
	var e *wire.Error
	if !errors.As(err, &e) {
		return err
	}
	var v struct {
		Code    string `json:"errorCode"`
		Summary string `json:"errorSummary"`
	}
	_ = json.Unmarshal(e.Body, &v) // a gateway's HTML leaves it empty
	switch v.Code {
	case "E0000011":
		return fmt.Errorf("okta refused the token: make a new one and store it: %w", err)
	case "E0000006":
		return fmt.Errorf("the token may not read this: its owner needs an administrator role: %w", err)
	default:
		return err
	}
}

// Lookup reads one person directly.
func (c *Client) Lookup(ctx context.Context, id string) (provisioning.Person, bool, error) {
	var u user
	_, err := c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: wire.Path("api", "v1", "users", id)}, &u)
	var e *wire.Error
	if errors.As(err, &e) && e.Status == http.StatusNotFound && strings.Contains(string(e.Body), "E0000007") {
		return provisioning.Person{}, false, nil
	}
	if err != nil {
		return provisioning.Person{}, false, plain(err)
	}
	if u.ID != id { // Okta also takes a login there: an id that is somebody's login must never answer for another
		return provisioning.Person{}, false, fmt.Errorf("okta answered with another person than %s", id)
	}
	return c.person(&u), true, nil
}
