package okta

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// mostAffected bounds the direct reads of one reading of changes: beyond it a whole read is cheaper.
const mostAffected = 500

// ReadChanges reads who was updated since a time, the deprovisioned among them. People who were deleted for good are not told
// (contracts/idps.md 2.1): the next whole read finds them. Of the groups whose membership changed, the members are read, and who came
// or went is told with the groups that they have now.
func (c *Client) ReadChanges(ctx context.Context, cursor string, known provisioning.Known,
	emit func([]provisioning.PersonChange) error,
) (provisioning.ReadEvidence, error) {
	e := provisioning.ReadEvidence{Source: c.Name(), System: c.System(), Started: c.opts.Clock.Now(), Reported: -1, End: "no next link on the last"}
	since, err := time.Parse(stamp, cursor)
	if err != nil {
		return e, &provisioning.Error{Code: provisioning.Stale, Message: "the mark of the last reading cannot be read"}
	}
	d := &changes{c: c, known: known, evidence: &e, at: make(map[string]int)}
	err = d.run(ctx, since)
	e.Finished, e.Seen, e.Changes = c.opts.Clock.Now(), len(d.list), len(d.list)
	var stale *provisioning.Error
	switch {
	case ctx.Err() != nil:
		return e, ctx.Err()
	case errors.As(err, &stale) && stale.Code == provisioning.Stale:
		return e, err
	case err != nil:
		e.Failure, e.Cursor = provisioning.Reason(err), ""
		return e, nil
	}
	e.EndMarker, e.Cursor = true, c.mark(e.Started)
	return e, emit(d.list)
}

type changes struct {
	c        *Client
	known    provisioning.Known
	evidence *provisioning.ReadEvidence
	list     []provisioning.PersonChange
	at       map[string]int
}

func (d *changes) put(p provisioning.Person) {
	if i, again := d.at[p.Key.ID]; again {
		d.list[i].Person = p
		return
	}
	d.at[p.Key.ID] = len(d.list)
	d.list = append(d.list, provisioning.PersonChange{Person: p})
}

func (d *changes) run(ctx context.Context, since time.Time) error {
	query := url.Values{"limit": {pageSize}, "filter": {fmt.Sprintf("lastUpdated gt %q", since.Format(stamp))}}
	err := d.c.walk(ctx, wire.Request{Method: http.MethodGet, Path: "/api/v1/users", Query: query}, func(rows jsontext.Value) (int, error) {
		d.evidence.Pages++
		n := 0
		err := wire.Into(rows, d.c.user(), func(u *user) error {
			if u.ID == "" {
				return errors.New("a person without an id came")
			}
			n++
			p := d.c.person(u)
			if old, ok := d.known.Person(u.ID); ok {
				p.Groups = old.Groups
			}
			d.put(p)
			return nil
		})
		return n, err
	})
	if err != nil || !d.c.opts.Groups {
		return err
	}
	return d.groups(ctx, since)
}

// groups settles the memberships that changed: whoever came into a group or left it, and whoever is new, is asked for the groups they
// have now.
func (d *changes) groups(ctx context.Context, since time.Time) error {
	groups, err := d.c.groups(ctx, url.Values{"limit": {"200"}, "filter": {fmt.Sprintf("lastMembershipUpdated gt %q", since.Format(stamp))}})
	if err != nil {
		return err
	}
	members, err := d.c.membersOf(ctx, groups)
	if err != nil {
		return err
	}
	ask := make(map[string]bool)
	for i, g := range groups {
		in := make(map[string]bool, len(members[i]))
		for _, id := range members[i] {
			in[id] = true
			p, ok := d.known.Person(id)
			if !ok || !slices.Contains(p.Groups, g.Profile.Name) {
				ask[id] = true
			}
		}
		for _, id := range d.known.InGroup(g.Profile.Name) {
			if !in[id] {
				ask[id] = true
			}
		}
	}
	for _, change := range d.list {
		if _, ok := d.known.Person(change.Person.Key.ID); !ok {
			ask[change.Person.Key.ID] = true
		}
	}
	if len(ask) > mostAffected {
		return &provisioning.Error{Code: provisioning.Stale, Message: "the groups of more people changed than are read one by one"}
	}
	for id := range ask {
		if err := d.regroup(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (d *changes) regroup(ctx context.Context, id string) error {
	var p provisioning.Person
	if i, there := d.at[id]; there {
		p = d.list[i].Person
	} else {
		var found bool
		if p, found = d.known.Person(id); !found {
			var err error
			if p, found, err = d.c.Lookup(ctx, id); err != nil || !found {
				return err
			}
		}
	}
	var rows []group
	_, err := d.c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: wire.Path("api", "v1", "users", id, "groups")}, &rows)
	if err != nil {
		return d.c.plain(err)
	}
	p.Groups = nil
	for _, g := range rows {
		p.Groups = append(p.Groups, g.Profile.Name)
	}
	slices.Sort(p.Groups)
	d.put(p)
	return nil
}
