package google

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/errgroup"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// The most rows of a page (contracts/idps.md 2.3), and how many groups are read beside each other.
const (
	pageSize  = "500"
	groupSize = "200"
	side      = 8
)

const root = "/admin/directory/v1"

func (c *Client) usersQuery() url.Values {
	return url.Values{"customer": {c.opts.Customer}, "maxResults": {pageSize}, "orderBy": {"email"}, "projection": {"full"}, "fields": {fields}}
}

// ReadAll reads every person, and then those who were deleted of late, whom the list leaves out.
func (c *Client) ReadAll(ctx context.Context, emit func([]provisioning.Person) error) (provisioning.ReadEvidence, error) {
	r := &reading{c: c, Reading: provisioning.NewReading(c.Name(), c.System(), c.opts.Clock.Now(), emit)}
	err := r.run(ctx)
	return r.Ended(ctx, c.opts.Clock.Now(), err)
}

type reading struct {
	*provisioning.Reading
	c      *Client
	groups map[string][]string // user → group names
}

func (r *reading) run(ctx context.Context) error {
	if r.c.opts.Groups {
		var err error
		if r.groups, err = r.c.memberships(ctx); err != nil {
			return err
		}
	}
	if err := r.users(ctx, r.c.usersQuery()); err != nil {
		return err
	}
	live := r.Count()
	deleted := r.c.usersQuery()
	deleted.Set("showDeleted", "true")
	if err := r.users(ctx, deleted); err != nil {
		return err
	}
	return r.Done("no nextPageToken on the last", "", live)
}

// users walks one listing of people.
func (r *reading) users(ctx context.Context, query url.Values) error {
	return r.c.walk(ctx, wire.Request{Method: http.MethodGet, Path: root + "/users", Query: query}, func(rows jsontext.Value) (int, error) {
		err := wire.Rows(rows, func(u *user) error {
			add, err := r.Meet(u.ID, time.Time{})
			if add {
				p := r.c.person(u)
				p.Groups = r.groups[u.ID]
				r.Add(p)
			}
			return err
		})
		if err != nil {
			return 0, err
		}
		return r.Page()
	})
}

// memberships reads every group's members, those of nested groups among them: user → names of groups, sorted.
func (c *Client) memberships(ctx context.Context) (map[string][]string, error) {
	type group struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	var groups []group
	query := url.Values{"customer": {c.opts.Customer}, "maxResults": {groupSize}, "fields": {"kind,nextPageToken,groups(id,name,email)"}}
	err := c.walk(ctx, wire.Request{Method: http.MethodGet, Path: root + "/groups", Query: query}, func(rows jsontext.Value) (int, error) {
		before := len(groups)
		err := wire.Rows(rows, func(g *group) error {
			groups = append(groups, *g)
			return nil
		})
		return len(groups) - before, err
	})
	if err != nil {
		return nil, err
	}
	of := make(map[string][]string)
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(side)
	for _, one := range groups {
		g.Go(func() error {
			members, err := c.members(gctx, one.ID)
			mu.Lock()
			defer mu.Unlock()
			for _, id := range members {
				of[id] = append(of[id], one.Name)
			}
			return err
		})
	}
	err = g.Wait()
	for id, names := range of {
		slices.Sort(names)
		of[id] = slices.Compact(names)
	}
	return of, err
}

// members reads the people of a group. A member may be a group, a customer or somebody outside: only people are taken.
func (c *Client) members(ctx context.Context, group string) ([]string, error) {
	type member struct {
		ID   string `json:"id"`
		Type string `json:"type"`
	}
	var members []string
	query := url.Values{"maxResults": {groupSize}, "includeDerivedMembership": {"true"}, "fields": {"kind,nextPageToken,members(id,type)"}}
	err := c.walk(ctx, wire.Request{Method: http.MethodGet, Path: root + wire.Path("groups", group, "members"), Query: query}, func(rows jsontext.Value) (int, error) {
		n := 0
		err := wire.Rows(rows, func(m *member) error {
			n++
			if m.Type == "USER" {
				members = append(members, m.ID)
			}
			return nil
		})
		return n, err
	})
	return members, err
}

// Lookup reads one person directly.
func (c *Client) Lookup(ctx context.Context, id string) (provisioning.Person, bool, error) {
	var u user
	_, err := c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: root + wire.Path("users", id), Query: url.Values{"projection": {"full"}}}, &u)
	var e *wire.Error
	if errors.As(err, &e) && e.Status == http.StatusNotFound && reason(e) == "notFound" {
		return provisioning.Person{}, false, nil
	}
	if err != nil {
		return provisioning.Person{}, false, c.plain(err)
	}
	if u.ID != id { // Google also takes a mail address there: one must never answer for another
		return provisioning.Person{}, false, fmt.Errorf("google answered with another person than %s", id)
	}
	return c.person(&u), true, nil
}
