package okta

import (
	"context"
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

// The most rows of a page of people (contracts/idps.md 2.1), and how many groups are read beside each other.
const (
	pageSize = "200"
	side     = 4
)

// overlap is how far the next reading of changes goes back behind the last one's start: the index behind a filter is eventually
// consistent.
const overlap = 5 * time.Minute

// ReadAll reads every person: the plain list, which leaves out the deprovisioned, and then those by search.
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
	if err := r.users(ctx, url.Values{"limit": {pageSize}}); err != nil {
		return err
	}
	plain := r.Count()
	if err := r.users(ctx, url.Values{"limit": {pageSize}, "search": {`status eq "DEPROVISIONED"`}}); err != nil {
		return err
	}
	return r.Done("no next link on the last", r.c.mark(r.Started), plain)
}

// mark is where the next reading of changes begins, by Okta's own clock.
func (c *Client) mark(started time.Time) string {
	skew, _ := c.wire.Skew()
	return started.Add(skew - overlap).UTC().Format(stamp)
}

const stamp = "2006-01-02T15:04:05.000Z"

// users walks one listing of people.
func (r *reading) users(ctx context.Context, query url.Values) error {
	return r.c.walk(ctx, wire.Request{Method: http.MethodGet, Path: "/api/v1/users", Query: query}, func(rows jsontext.Value) (int, error) {
		err := wire.Into(rows, r.c.user(), func(u *user) error {
			add, err := r.Meet(u.ID, u.LastUpdated)
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

type group struct {
	ID      string `json:"id"`
	Profile struct {
		Name string `json:"name"`
	} `json:"profile"`
}

func (c *Client) groups(ctx context.Context, query url.Values) ([]group, error) {
	var groups []group
	err := c.walk(ctx, wire.Request{Method: http.MethodGet, Path: "/api/v1/groups", Query: query}, func(rows jsontext.Value) (int, error) {
		before := len(groups)
		err := wire.Rows(rows, func(g *group) error {
			groups = append(groups, *g)
			return nil
		})
		return len(groups) - before, err
	})
	return groups, err
}

// memberships reads every group's members: user → names of groups, sorted. Okta does not nest groups.
func (c *Client) memberships(ctx context.Context) (map[string][]string, error) {
	groups, err := c.groups(ctx, url.Values{"limit": {"200"}})
	if err != nil {
		return nil, err
	}
	members, err := c.membersOf(ctx, groups)
	if err != nil {
		return nil, err
	}
	of := make(map[string][]string)
	for i, g := range groups {
		for _, id := range members[i] {
			of[id] = append(of[id], g.Profile.Name)
		}
	}
	for id, names := range of {
		slices.Sort(names)
		of[id] = slices.Compact(names)
	}
	return of, nil
}

// membersOf reads the people of several groups beside each other.
func (c *Client) membersOf(ctx context.Context, groups []group) ([][]string, error) {
	members := make([][]string, len(groups))
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(side)
	for i, one := range groups {
		g.Go(func() error {
			ids, err := c.members(gctx, one.ID)
			mu.Lock()
			defer mu.Unlock()
			members[i] = ids
			return err
		})
	}
	return members, g.Wait()
}

func (c *Client) members(ctx context.Context, id string) ([]string, error) {
	type member struct {
		ID string `json:"id"`
	}
	var members []string
	request := wire.Request{Method: http.MethodGet, Path: wire.Path("api", "v1", "groups", id, "users"), Query: url.Values{"limit": {"1000"}}}
	err := c.walk(ctx, request, func(rows jsontext.Value) (int, error) {
		before := len(members)
		err := wire.Rows(rows, func(m *member) error {
			members = append(members, m.ID)
			return nil
		})
		return len(members) - before, err
	})
	return members, err
}

// Lookup reads one person directly.
func (c *Client) Lookup(ctx context.Context, id string) (provisioning.Person, bool, error) {
	u := c.user()
	_, err := c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: wire.Path("api", "v1", "users", id)}, u)
	if wire.StatusOf(err) == http.StatusNotFound && errorCode(err) == "E0000007" {
		return provisioning.Person{}, false, nil
	}
	if err != nil {
		return provisioning.Person{}, false, c.plain(err)
	}
	if u.ID != id { // Okta also takes a login there: an id that is somebody's login must never answer for another
		return provisioning.Person{}, false, fmt.Errorf("okta answered with another person than %s", id)
	}
	return c.person(u), true, nil
}
