package okta

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
		e.EndMarker, e.Failure, e.Cursor = false, wire.Reason(err), ""
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

func (r *reading) run(ctx context.Context) error {
	started := r.c.opts.Clock.Now()
	if r.c.opts.Groups {
		var err error
		if r.groups, err = r.c.memberships(ctx); err != nil {
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
	r.evidence.EndMarker, r.evidence.End = plain > 0, "no next link on the last"
	if plain == 0 {
		return errors.New("the list of people was empty")
	}
	r.evidence.Cursor = r.c.mark(started)
	return nil
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
		var chunk []provisioning.Person
		err := wire.Into(rows, r.c.user(), func(u *user) error {
			if u.ID == "" {
				return errors.New("a person without an id came")
			}
			if at, again := r.seen[u.ID]; again {
				r.evidence.Duplicates++
				if !at.Equal(u.LastUpdated) { // changed while it was read: the next read settles it
					r.evidence.Conflicts = append(r.evidence.Conflicts, u.ID)
				}
				return nil
			}
			r.seen[u.ID] = u.LastUpdated
			p := r.c.person(u)
			p.Groups = r.groups[u.ID]
			chunk = append(chunk, p)
			return nil
		})
		if err != nil {
			return 0, err
		}
		r.evidence.Pages++
		if r.emitErr = r.emit(chunk); r.emitErr != nil {
			return 0, r.emitErr
		}
		return len(chunk), nil
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
