package imanage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"rollcall/provisioning"
)

// changes gathers one reading of changes: first what the tenant names, then what is there now of what was named.
type changes struct {
	c     *Client
	mark  *mark
	known provisioning.Inventory

	mu       sync.Mutex
	evidence provisioning.ReadEvidence
	cursors  map[string]string
	users    map[string]bool                // named
	refs     map[provisioning.GroupRef]bool // named groups of libraries
	digests  []digest
	digested string // the digests as they are kept
	// strangers are ids of the directory's that no known account carries: they must turn up among those that the events name.
	strangers []string
	total     int            // accounts that the tenant counts; -1: not told
	counts    map[string]int // on premises: users of each library

	accounts map[string]*single                           // named ones, as they are now
	groups   map[provisioning.GroupRef]provisioning.Group // read anew
	members  map[provisioning.GroupRef]map[string]bool    // of groups that were read anew
	roles    map[string]map[string]bool                   // the members of global roles
}

// ReadChanges reads what changed since the cursor of an earlier evidence: per library the change events of users and groups, the digests
// of those whom a directory manages, the members of the global groups and roles, for which there are no events, and the count of the
// accounts (contracts/imanage.md 9). What is named is read anew by its id, and the rest of known stands. A virtual account that is in
// no library is named by nothing: that it changed is seen by the next whole read.
//
// It is Stale where the cursor is no longer good, where the tenant does not let events be read, where its count of accounts is another
// one, and where so much changed that a whole read is cheaper.
func (c *Client) ReadChanges(ctx context.Context, cursor string, known provisioning.Inventory, progress func(provisioning.Progress)) (provisioning.Inventory, provisioning.ReadEvidence, error) {
	r := &changes{
		c: c, known: known, cursors: make(map[string]string), users: make(map[string]bool),
		refs: make(map[provisioning.GroupRef]bool), total: -1, counts: make(map[string]int), accounts: make(map[string]*single),
		groups: make(map[provisioning.GroupRef]provisioning.Group), members: make(map[provisioning.GroupRef]map[string]bool), roles: make(map[string]map[string]bool),
		evidence: provisioning.ReadEvidence{Source: c.Name(), System: c.System(), Started: c.opts.Clock.Now(), Reported: -1},
	}
	var err error
	if r.mark, err = decodeMark(cursor); err != nil {
		return provisioning.Inventory{}, r.evidence, err
	}
	inventory, err := r.run(ctx)
	e := &r.evidence
	e.Finished = c.opts.Clock.Now()
	if ctx.Err() != nil {
		return provisioning.Inventory{}, *e, ctx.Err()
	}
	var told *provisioning.Error
	switch {
	case errors.As(err, &told) && told.Code == provisioning.Stale:
		return provisioning.Inventory{}, *e, err
	case err != nil:
		e.Failure = provisioning.Reason(err)
		return provisioning.Inventory{}, *e, nil
	}
	e.Seen, e.EndMarker = len(inventory.Accounts), true
	e.End = fmt.Sprintf("the events of %d libraries read to their end", len(r.mark.Events))
	if progress != nil {
		progress(provisioning.Progress{Source: c.Name(), What: "accounts", Seen: e.Seen, Total: e.Seen, Done: true})
	}
	return inventory, *e, nil
}

func (r *changes) run(ctx context.Context) (provisioning.Inventory, error) {
	if len(r.mark.Events) != len(r.known.Libraries) {
		return provisioning.Inventory{}, stale("another number of libraries is known than was followed", nil)
	}
	if err := r.named(ctx); err != nil {
		return provisioning.Inventory{}, err
	}
	if err := r.compareDigests(); err != nil {
		return provisioning.Inventory{}, err
	}
	if err := r.readNamed(ctx); err != nil {
		return provisioning.Inventory{}, err
	}
	if len(r.strangers) > 0 {
		return provisioning.Inventory{}, stale("the directory's sync manages somebody whom no event names", nil)
	}
	inventory := r.assemble()
	if err := r.check(&inventory); err != nil {
		return provisioning.Inventory{}, err
	}
	next := *r.mark
	next.Events, next.Roles, next.Groups = r.cursors, sortedNames(r.roles), globalGroups(inventory.Groups)
	next.Digests = r.digested
	r.evidence.Cursor = next.encode()
	return inventory, nil
}

// named asks what changed: every question at once.
func (r *changes) named(ctx context.Context) error {
	q := newQueue()
	if r.mark.Digest {
		q.add(func(ctx context.Context) error {
			var err error
			r.digests, err = r.c.digests(ctx)
			r.digested = encodeDigests(r.digests)
			return r.refused("the digests of the directory's sync", err)
		})
	}
	for _, l := range r.known.Libraries {
		q.add(func(ctx context.Context) error { return r.eventsOf(ctx, l.ID) })
		if r.c.opts.OnPrem {
			q.add(func(ctx context.Context) error {
				n, err := r.c.count(ctx, "libraries", l.ID, "users")
				r.mu.Lock()
				defer r.mu.Unlock()
				r.counts[l.ID] = n
				return err
			})
		}
	}
	if !r.c.opts.OnPrem {
		q.add(func(ctx context.Context) error {
			var err error
			r.total, err = r.c.count(ctx, "users")
			return err
		}, func(ctx context.Context) error { return r.globalRoles(ctx, q) }, func(ctx context.Context) error { return r.globalGroups(ctx, q) })
		for _, role := range r.mark.Roles {
			q.add(func(ctx context.Context) error { return r.roleMembers(ctx, role) })
		}
		for _, g := range r.mark.Groups {
			q.add(func(ctx context.Context) error { return r.groupMembers(ctx, provisioning.GroupRef{Group: g}) })
		}
	}
	return q.run(ctx, r.c.opts.Concurrency)
}

// refused turns a refusal of what a feed rests on into Stale.
func (r *changes) refused(what string, err error) error {
	if err != nil && (refusedPart(err) || status(err) == http.StatusBadRequest || status(err) == http.StatusGone) {
		return stale("the mark is no longer good, or "+what+" may not be read any more", err)
	}
	return err
}

func (r *changes) eventsOf(ctx context.Context, library string) error {
	cursor, followed := r.mark.Events[library]
	if !followed {
		return stale("the library "+library+" was not followed", nil)
	}
	var events []event
	next, err := r.c.drain(ctx, library, cursor, func(e *event) { events = append(events, *e) })
	if err := r.refused("the events of "+library, err); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cursors[library] = next
	for i := range events {
		switch e := &events[i]; e.Item {
		case "user":
			r.users[strings.ToUpper(e.object(library))] = true
		case "group":
			r.refs[provisioning.GroupRef{Library: library, Group: e.object(library)}] = true
		}
	}
	return nil
}

// count reads how many rows a list has; -1 where the tenant does not tell.
func (c *Client) count(ctx context.Context, segments ...string) (int, error) {
	var answer page[named]
	found, err := c.get(ctx, &answer, url.Values{"limit": {"1"}, "total": {"true"}}, segments...)
	if err != nil || !found || !answer.there {
		return -1, err
	}
	return answer.total, nil
}

// globalRoles finds roles that were made since; those that are known are asked for already.
func (r *changes) globalRoles(ctx context.Context, q *queue) error {
	roles, err := wholeList(ctx, r.c, nameID, nil, "roles")
	if err != nil {
		return r.missing(err)
	}
	for _, role := range roles {
		if !slices.Contains(r.mark.Roles, role.ID) {
			q.add(func(ctx context.Context) error { return r.roleMembers(ctx, role.ID) })
		}
	}
	return nil
}

// missing lets an inferred path be missing on a tenant, as in a whole read.
func (r *changes) missing(err error) error {
	if refusedPart(err) && status(err) != http.StatusForbidden {
		return nil
	}
	return err
}

func (r *changes) roleMembers(ctx context.Context, role string) error {
	members, err := r.memberSet(ctx, "roles", role, "members")
	if err != nil || members == nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.roles[role] = members
	return nil
}

// memberSet reads members as a set; nil where the tenant does not know the path.
func (r *changes) memberSet(ctx context.Context, segments ...string) (map[string]bool, error) {
	rows, err := wholeList(ctx, r.c, memberID, nil, segments...)
	if err != nil {
		return nil, r.missing(err)
	}
	set := make(map[string]bool, len(rows))
	for i := range rows {
		set[memberID(&rows[i])] = true
	}
	return set, nil
}

// globalGroups reads the global groups themselves; the members of those that are known are asked for already.
func (r *changes) globalGroups(ctx context.Context, q *queue) error {
	groups, err := wholeList(ctx, r.c, groupID, nil, "groups")
	if err != nil {
		return r.missing(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range groups {
		g := groups[i].inventory("")
		r.groups[g.Ref] = g
		if !slices.Contains(r.mark.Groups, g.Ref.Group) {
			q.add(func(ctx context.Context) error { return r.groupMembers(ctx, g.Ref) })
		}
	}
	return nil
}

func (r *changes) groupMembers(ctx context.Context, ref provisioning.GroupRef) error {
	path := []string{"groups", ref.Group, "members"}
	if ref.Library != "" {
		path = []string{"libraries", ref.Library, "groups", ref.Group, "members"}
	}
	members, err := r.memberSet(ctx, path...)
	if err != nil || members == nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.members[ref] = members
	return nil
}

// compareDigests names the accounts whose digest is new, different or gone.
func (r *changes) compareDigests() error {
	if r.digested == r.mark.Digests {
		return nil
	}
	changed, gone, err := changedDigests(r.mark.Digests, r.digests)
	if err != nil {
		return err
	}
	managed := make(map[string]string)
	for i := range r.known.Accounts {
		if a := &r.known.Accounts[i]; a.DirectoryID != "" {
			managed[a.DirectoryID] = a.ID
		}
	}
	for i := range changed {
		if id, ok := managed[changed[i].Directory]; ok {
			r.users[id] = true
		} else {
			r.strangers = append(r.strangers, changed[i].Directory)
		}
	}
	if gone {
		there := make(map[string]bool, len(r.digests))
		for i := range r.digests {
			there[r.digests[i].Directory] = true
		}
		for directory, id := range managed {
			if !there[directory] {
				r.users[id] = true
			}
		}
	}
	return nil
}

// What a whole read and an account's own read cost at least, in requests: beyond it the first is cheaper.
const (
	mostNamed     = 400
	perMembership = 3
)

// readNamed reads what was named, as it is now.
func (r *changes) readNamed(ctx context.Context) error {
	if len(r.users)+len(r.refs) == 0 {
		return nil
	}
	whole := len(r.known.Groups) + 8*len(r.known.Libraries)
	if cost := len(r.users)*(1+perMembership*len(r.known.Libraries)) + 2*len(r.refs); cost > max(mostNamed, whole/2) {
		return stale(fmt.Sprintf("%d accounts and %d groups changed: to read all is cheaper", len(r.users), len(r.refs)), nil)
	}
	q := newQueue()
	for id := range r.users {
		s := &single{c: r.c, q: q, id: id, libraries: r.known.Libraries}
		r.accounts[id] = s
		s.begin()
	}
	for ref := range r.refs {
		q.add(func(ctx context.Context) error { return r.readGroup(ctx, ref) }, func(ctx context.Context) error { return r.groupMembers(ctx, ref) })
	}
	if err := q.run(ctx, r.c.opts.Concurrency); err != nil {
		return err
	}
	for id, s := range r.accounts {
		s.end()
		if _, known := r.at(id); !s.found && !known {
			return stale("an event names an account that is not known by its id", nil)
		}
		r.strangers = slices.DeleteFunc(r.strangers, func(directory string) bool { return s.account.DirectoryID == directory })
	}
	return nil
}

func (r *changes) readGroup(ctx context.Context, ref provisioning.GroupRef) error {
	var answer one[group]
	found, err := r.c.get(ctx, &answer, nil, "libraries", ref.Library, "groups", ref.Group)
	if err != nil {
		return err
	}
	if !found || !strings.EqualFold(answer.Data.ID, ref.Group) {
		return stale("an event names a group that is not known by its id", nil)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.groups[ref] = answer.Data.inventory(ref.Library)
	return nil
}

// at is the place of an account in known, which is sorted.
func (r *changes) at(id string) (place int, known bool) {
	return slices.BinarySearchFunc(r.known.Accounts, id, func(a provisioning.Account, id string) int { return strings.Compare(a.ID, id) })
}

// check compares the tenant's own counts with what came out.
func (r *changes) check(now *provisioning.Inventory) error {
	r.evidence.Reported = r.total
	if r.total >= 0 && r.total != len(now.Accounts) {
		return stale(fmt.Sprintf("%d accounts are known and the tenant counts %d", len(now.Accounts), r.total), nil)
	}
	places := make(map[string]int)
	if r.c.opts.OnPrem {
		for i := range now.Accounts {
			for _, m := range now.Accounts[i].Memberships {
				places[m.Library]++
			}
		}
	}
	for library, n := range r.counts {
		if n >= 0 && n != places[library] {
			return stale(fmt.Sprintf("%d accounts are known in %s and the server counts %d", places[library], library, n), nil)
		}
	}
	return nil
}

func sortedNames[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
