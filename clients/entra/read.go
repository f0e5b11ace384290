package entra

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// The most rows of a page, and of one with sign-in activity in it (contracts/idps.md 2.2).
const (
	pageSize       = "999"
	signInPageSize = "500"
)

// Optional properties need a right of their own; a tenant that refuses one is read without it.
const (
	leaveDate = "employeeLeaveDateTime" // User-LifeCycleInfo.Read.All
	signIns   = "signInActivity"        // AuditLog.Read.All and a P1 licence
)

// usersQuery asks for every property that is used. extras are the optional ones that the tenant gives.
func (c *Client) usersQuery(extras []string) url.Values {
	size := pageSize
	for _, e := range extras {
		if e == signIns {
			size = signInPageSize
		}
	}
	return url.Values{
		"$select": {strings.Join(append(c.opts.Fields.selected(), extras...), ",")}, "$top": {size}, "$expand": {"manager($select=id,displayName)"},
	}
}

// extras finds which optional properties the tenant gives, by asking for one person with each of them.
func (c *Client) extras(ctx context.Context) ([]string, error) {
	var given []string
	for _, property := range []string{leaveDate, signIns} {
		err := c.probe(ctx, "/users", url.Values{"$select": {"id," + property}, "$top": {"1"}})
		switch status := wire.StatusOf(err); {
		case err == nil:
			given = append(given, property)
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case status != http.StatusForbidden && status != http.StatusBadRequest:
			return nil, c.plain(err)
		}
	}
	return given, nil
}

func (c *Client) probe(ctx context.Context, path string, query url.Values) error {
	_, err := c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: path, Query: query}, nil)
	return err
}

// ReadAll reads every person, and then those who were deleted within 30 days. The marks from which the next reading of changes
// starts are taken first, so that what changes meanwhile is told again.
func (c *Client) ReadAll(ctx context.Context, emit func([]provisioning.Person) error) (provisioning.ReadEvidence, error) {
	r := &reading{c: c, Reading: provisioning.NewReading(c.Name(), c.System(), c.opts.Clock.Now(), emit)}
	err := r.run(ctx)
	return r.Ended(ctx, c.opts.Clock.Now(), err)
}

type reading struct {
	*provisioning.Reading
	c      *Client
	groups map[string][]string // user → group names
	nobody int                 // people whose accountEnabled was not given
}

func (r *reading) run(ctx context.Context) error {
	cursor, err := r.c.marks(ctx)
	if err != nil {
		return err
	}
	extras, err := r.c.extras(ctx)
	if err != nil {
		return err
	}
	if r.c.opts.Groups {
		if r.groups, err = r.c.memberships(ctx); err != nil {
			return err
		}
	}
	if err := r.users(ctx, "/users", r.c.usersQuery(extras)); err != nil {
		return err
	}
	live := r.Count()
	deleted := url.Values{"$select": {strings.Join(append(r.c.opts.Fields.selected(), "deletedDateTime"), ",")}, "$top": {pageSize}}
	if err := r.users(ctx, "/directory/deletedItems/microsoft.graph.user", deleted); err != nil {
		return err
	}
	if live > 0 && r.nobody == live {
		r.Refused = append(r.Refused, "accountEnabled is given for nobody: the application needs User.Read.All")
	}
	return r.Done("no @odata.nextLink on the last", cursor, live)
}

// users walks one listing of people.
func (r *reading) users(ctx context.Context, path string, query url.Values) error {
	_, err := r.c.walk(ctx, wire.Request{Method: http.MethodGet, Path: path, Query: query}, func(rows jsontext.Value) (int, error) {
		err := wire.Rows(rows, func(u *user) error {
			add, err := r.Meet(u.ID, time.Time{})
			if !add {
				return err
			}
			var p provisioning.Person
			r.c.apply(&p, u)
			if p.Status == provisioning.StatusUnknown {
				r.nobody++
			}
			p.Groups = r.groups[u.ID]
			r.Add(p)
			return nil
		})
		if err != nil {
			return 0, err
		}
		if r.c.sized {
			r.c.wire.Pace(rateOf(r.Count()))
		}
		return r.Page()
	})
	return err
}

// Lookup reads one person directly, among the living and then among the deleted.
func (c *Client) Lookup(ctx context.Context, id string) (provisioning.Person, bool, error) {
	query := c.usersQuery(nil)
	query.Del("$top")
	u, found, err := c.one(ctx, wire.Path("users", id), query)
	if err == nil && !found {
		u, found, err = c.one(ctx, wire.Path("directory", "deletedItems", id), nil)
		if found && u.Type != "" && u.Type != "#microsoft.graph.user" {
			return provisioning.Person{}, false, fmt.Errorf("%s is no person", id)
		}
		if found && !u.Deleted.there { // it lies among the deleted, whatever it says
			u.Deleted = said{time.Time{}.Format(time.RFC3339), true}
		}
	}
	if err != nil || !found {
		return provisioning.Person{}, false, err
	}
	if u.ID != id { // Graph also takes a principal name there: one must never answer for another
		return provisioning.Person{}, false, fmt.Errorf("entra answered with another person than %s", id)
	}
	var p provisioning.Person
	c.apply(&p, &u)
	return p, true, nil
}

func (c *Client) one(ctx context.Context, path string, query url.Values) (u user, found bool, err error) {
	_, err = c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: path, Query: query}, &u)
	var e *wire.Error
	if errors.As(err, &e) && e.Status == http.StatusNotFound && errorCode(e) == "Request_ResourceNotFound" {
		return user{}, false, nil
	}
	return u, err == nil, c.plain(err)
}

// marks is where the next reading of changes begins: links that a delta with the latest token gives without data.
type marks struct {
	Users  string `json:"users"`
	Groups string `json:"groups,omitempty"`
}

func (c *Client) marks(ctx context.Context) (string, error) {
	var m marks
	users := url.Values{"$select": {c.deltaSelect()}, "$deltatoken": {"latest"}}
	link, err := c.walk(ctx, wire.Request{Method: http.MethodGet, Path: "/users/delta", Query: users}, nothing)
	if status := wire.StatusOf(err); status == http.StatusBadRequest || status == http.StatusNotImplemented || status == http.StatusNotFound {
		return "", nil // a tenant without a delta (B2C) is read whole each time
	}
	if err != nil {
		return "", err
	}
	m.Users = link
	if c.opts.Groups {
		groups := url.Values{"$select": {"displayName,members"}, "$deltatoken": {"latest"}}
		if m.Groups, err = c.walk(ctx, wire.Request{Method: http.MethodGet, Path: "/groups/delta", Query: groups}, nothing); err != nil {
			return "", err
		}
	}
	data, err := json.Marshal(m)
	return string(data), err
}

func nothing(jsontext.Value) (int, error) { return 0, nil }

// deltaSelect are the properties that a delta tracks: neither sign-ins nor the leave date.
func (c *Client) deltaSelect() string {
	return strings.Join(append(c.opts.Fields.selected(), "manager"), ",")
}
