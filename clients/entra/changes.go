package entra

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/errgroup"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// mostAffected bounds the direct reads of one reading of changes: beyond it a whole read is cheaper.
const mostAffected = 500

// ReadChanges follows the delta of people and that of groups. Graph tells an object several times, in any order and again in later
// rounds: the properties are merged by id, and whoever was removed is read directly before it is believed.
func (c *Client) ReadChanges(ctx context.Context, cursor string, known provisioning.Known,
	emit func([]provisioning.PersonChange) error,
) (provisioning.ReadEvidence, error) {
	e := provisioning.ReadEvidence{Source: c.Name(), System: c.System(), Started: c.opts.Clock.Now(), Reported: -1, End: "the delta link was given"}
	d := &delta{c: c, known: known, evidence: &e, people: make(map[string]*change)}
	changes, err := d.run(ctx, cursor)
	e.Finished, e.Seen, e.Changes = c.opts.Clock.Now(), len(changes), len(changes)
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
	e.EndMarker = true
	return e, emit(changes)
}

type change struct {
	person  provisioning.Person
	removed bool
	fresh   bool // nobody knew them before
	deleted bool // they were known as deleted: the delta need not say again what coming back did not change
}

type delta struct {
	c        *Client
	known    provisioning.Known
	evidence *provisioning.ReadEvidence
	people   map[string]*change
	order    []string
}

func stale(message string) error {
	return &provisioning.Error{Code: provisioning.Stale, Message: message}
}

// gone says whether Graph no longer knows a delta's mark: 410, or 40x syncStateNotFound (contracts/idps.md 2.2).
func gone(err error) bool {
	var e *wire.Error
	if !errors.As(err, &e) {
		return false
	}
	code := errorCode(e)
	return e.Status == http.StatusGone || code == "syncStateNotFound" || code == "SyncStateNotFound" || code == "resyncRequired"
}

func (d *delta) run(ctx context.Context, cursor string) ([]provisioning.PersonChange, error) {
	var m marks
	if err := json.Unmarshal([]byte(cursor), &m); err != nil || m.Users == "" || (d.c.opts.Groups && m.Groups == "") {
		return nil, stale("the mark of the last reading cannot be read")
	}
	next, err := d.follow(ctx, m.Users, d.users)
	if err != nil {
		return nil, err
	}
	m.Users = next
	if d.c.opts.Groups {
		g := &groupDelta{people: make(map[string]bool), groups: make(map[string]bool)}
		if m.Groups, err = d.follow(ctx, m.Groups, g.rows); err != nil {
			return nil, err
		}
		if err := d.regroup(ctx, g); err != nil {
			return nil, err
		}
	}
	changes, err := d.settle(ctx)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(m)
	d.evidence.Cursor = string(data)
	return changes, err
}

// follow walks a delta from a link that Graph gave earlier, which is checked like any other page link.
func (d *delta) follow(ctx context.Context, link string, each func(jsontext.Value) (int, error)) (string, error) {
	request, err := d.c.wire.Follow(link)
	if err != nil { // nothing is asked of another address; a connection that moved is read whole
		return "", stale("the mark of the last reading belongs to another address")
	}
	request.Header = http.Header{"Prefer": {"return=minimal"}}
	next, err := d.c.walk(ctx, request, func(rows jsontext.Value) (int, error) {
		d.evidence.Pages++
		return each(rows)
	})
	switch {
	case gone(err):
		return "", stale("Graph no longer knows the mark of the last reading")
	case err == nil && next == "":
		return "", errors.New("the delta ended without its delta link")
	}
	return next, err
}

func (d *delta) of(id string) *change {
	if one := d.people[id]; one != nil {
		return one
	}
	one := &change{}
	if p, ok := d.known.Person(id); ok {
		one.person, one.deleted = p, p.Status == provisioning.StatusDeleted
	} else {
		one.fresh = true
	}
	d.people[id] = one
	d.order = append(d.order, id)
	return one
}

func (d *delta) users(rows jsontext.Value) (int, error) {
	n := 0
	err := wire.Rows(rows, func(u *user) error {
		if u.ID == "" {
			return errors.New("a person without an id came")
		}
		n++
		one := d.of(u.ID)
		one.removed = u.Removed
		if !one.removed {
			d.c.apply(&one.person, u)
		}
		return nil
	})
	return n, err
}

// settle reads directly whoever was removed, whoever came back, and whoever is new and came without the properties that make a person.
func (d *delta) settle(ctx context.Context) ([]provisioning.PersonChange, error) {
	changes := make([]provisioning.PersonChange, len(d.order))
	direct := 0
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(side)
	for i, id := range d.order {
		one := d.people[id]
		d.nameManager(&one.person)
		changes[i] = provisioning.PersonChange{Person: one.person}
		if !one.removed && !one.deleted && (!one.fresh || one.person.Login != "") {
			continue
		}
		if direct++; direct > mostAffected {
			_ = g.Wait()
			return nil, stale("more people were removed than are read one by one")
		}
		g.Go(func() (err error) {
			changes[i], err = d.direct(gctx, id, one)
			return err
		})
	}
	return changes, g.Wait()
}

// direct reads one person by id, with the groups that they have now: of who came back the delta of groups need not tell.
func (d *delta) direct(ctx context.Context, id string, one *change) (provisioning.PersonChange, error) {
	p, found, err := d.c.Lookup(ctx, id)
	switch {
	case err != nil:
		return provisioning.PersonChange{}, err
	case !found:
		gone := provisioning.Person{Key: provisioning.PersonKey{Directory: d.c.opts.Name, ID: id}}
		return provisioning.PersonChange{Person: gone, Gone: true}, nil
	case p.Status == provisioning.StatusDeleted:
		if !one.fresh { // of the deleted Graph tells a few properties alone: the others stand
			deleted := p
			p = one.person
			p.Status, p.RawStatus, p.StatusChanged = deleted.Status, deleted.RawStatus, deleted.StatusChanged
		}
		p.Groups = one.person.Groups
	case d.c.opts.Groups:
		if p.Groups, err = d.c.groupsOf(ctx, id); wire.StatusOf(err) == http.StatusNotFound { // gone between the two: told the next time
			err = nil
		}
	}
	return provisioning.PersonChange{Person: p}, err
}

// nameManager names a manager of whom the delta told the id alone.
func (d *delta) nameManager(p *provisioning.Person) {
	if p.ManagerID == "" || p.Manager != "" {
		return
	}
	if told := d.people[p.ManagerID]; told != nil {
		p.Manager = told.person.FullName
	} else if m, ok := d.known.Person(p.ManagerID); ok {
		p.Manager = m.FullName
	}
}

// groupDelta gathers whose memberships may have changed.
type groupDelta struct {
	people  map[string]bool
	groups  map[string]bool // nested, or renamed: their people are affected
	deleted bool
}

func (g *groupDelta) rows(rows jsontext.Value) (int, error) {
	type row struct {
		ID      string         `json:"id"`
		Name    jsontext.Value `json:"displayName"`
		Removed jsontext.Value `json:"@removed"`
		Members []struct {
			ID   string `json:"id"`
			Type string `json:"@odata.type"`
		} `json:"members@delta"`
	}
	n := 0
	err := wire.Rows(rows, func(r *row) error {
		n++
		if r.Removed != nil {
			g.deleted = true
			return nil
		}
		if r.Name != nil {
			g.groups[r.ID] = true
		}
		for _, m := range r.Members {
			switch m.Type {
			case groupType:
				g.groups[m.ID] = true
			case userType, "":
				g.people[m.ID] = true
			}
		}
		return nil
	})
	return n, err
}

// regroup reads anew the groups of everybody whom a change of a group touches.
func (d *delta) regroup(ctx context.Context, changed *groupDelta) error {
	if changed.deleted { // whose group it was is told by nobody
		return stale("a group was deleted")
	}
	for id := range changed.groups {
		members, err := d.c.members(ctx, id)
		if wire.StatusOf(err) == http.StatusNotFound {
			return stale("a group was deleted")
		}
		if err != nil {
			return err
		}
		for _, m := range members {
			changed.people[m] = true
		}
		if len(changed.people) > mostAffected {
			return stale("the groups of more people changed than are read one by one")
		}
	}
	people := make([]string, 0, len(changed.people))
	for id := range changed.people {
		people = append(people, id)
	}
	slices.Sort(people)
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(side)
	for _, id := range people {
		g.Go(func() error {
			names, err := d.c.groupsOf(gctx, id)
			if wire.StatusOf(err) == http.StatusNotFound { // removed meanwhile: the delta of people tells it
				return nil
			}
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			d.of(id).person.Groups = names
			return nil
		})
	}
	return g.Wait()
}
