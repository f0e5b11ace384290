package imanage

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"rollcall/provisioning"
)

// membership is that a user is in a group, or has a global role.
type membership struct {
	ref  provisioning.GroupRef
	user string
}

// reading gathers one whole read. Its parts run side by side, out of one queue.
type reading struct {
	c        *Client
	q        *queue
	progress func(provisioning.Progress)

	mu       sync.Mutex
	evidence provisioning.ReadEvidence
	accounts []provisioning.Account
	at       map[string]int
	places   map[string]map[string]*provisioning.Membership // library → account
	role     map[membership]string                          // by library and account
	member   []membership
	groups   []provisioning.Group
	global   []membership
	roles    []string // global
	again    []string // lists that moved, and were read a second time
	long     []func() error
	ended    map[string]bool
}

// ReadAll reads every account with its libraries, roles, groups and global roles. Where the tenant lets the connection read its change
// events, the evidence's Cursor is where ReadChanges goes on: it was taken before anything was listed, so that nothing falls between.
func (c *Client) ReadAll(ctx context.Context, progress func(provisioning.Progress)) (provisioning.Inventory, provisioning.ReadEvidence, error) {
	r := &reading{
		c: c, q: newQueue(), progress: progress, at: make(map[string]int), places: make(map[string]map[string]*provisioning.Membership),
		role: make(map[membership]string), ended: make(map[string]bool),
		evidence: provisioning.ReadEvidence{Source: c.Name(), System: c.System(), Started: c.opts.Clock.Now(), Reported: -1},
	}
	if r.progress == nil {
		r.progress = func(provisioning.Progress) {}
	}
	inventory, err := r.run(ctx)
	e := &r.evidence
	e.Finished = c.opts.Clock.Now()
	e.Seen = len(r.accounts)
	if ctx.Err() != nil {
		return provisioning.Inventory{}, *e, ctx.Err()
	}
	if err != nil {
		e.Failure, e.EndMarker, e.Cursor = provisioning.Reason(err), false, ""
	}
	slices.Sort(e.Refused)
	slices.Sort(e.Overflow)
	r.progress(provisioning.Progress{Source: c.Name(), What: "accounts", Seen: len(r.accounts), Total: len(r.accounts), Done: true, Err: e.Failure})
	return inventory, *e, nil
}

func (r *reading) run(ctx context.Context) (provisioning.Inventory, error) {
	libraries, err := r.c.libraries(ctx)
	if err != nil {
		return provisioning.Inventory{}, err
	}
	start, err := r.c.startFeed(ctx, libraries)
	if err != nil {
		return provisioning.Inventory{}, err
	}
	if err := r.begin(ctx, libraries); err != nil {
		return provisioning.Inventory{}, err
	}
	err = r.q.run(ctx, r.c.opts.Concurrency)
	inventory := r.assemble(libraries)
	r.conclude(libraries)
	if start != nil {
		start.Roles, start.Groups = r.roles, globalGroups(inventory.Groups)
		r.evidence.Cursor = start.encode()
	}
	return inventory, err
}

// longLists is the share of what goes on side by side that the long lists may take: a page of one is megabytes, and while the server
// makes it and we read it, the many short lists are fetched.
const longLists = 4

// begin puts the lists into the queue: some of the long ones, each of which is followed by the next, and all the short ones.
func (r *reading) begin(ctx context.Context, libraries []provisioning.Library) error {
	var err error
	begin := func(next error) { err = cmp.Or(err, next) }
	if !r.c.opts.OnPrem {
		r.long = append(r.long, func() error { return r.users(ctx) })
	}
	for _, l := range libraries {
		r.long = append(r.long, func() error { return r.libraryUsers(ctx, l.ID) })
	}
	for range max(1, r.c.opts.Concurrency/longLists) {
		begin(r.nextLong())
	}
	for _, l := range libraries {
		begin(r.groupsIn(ctx, l.ID))
		begin(r.rolesIn(ctx, l.ID))
	}
	if !r.c.opts.OnPrem {
		begin(r.groupsIn(ctx, ""))
		begin(r.rolesIn(ctx, ""))
	}
	return err
}

// nextLong begins the next of the long lists.
func (r *reading) nextLong() error {
	r.mu.Lock()
	var next func() error
	if len(r.long) > 0 {
		next, r.long = r.long[0], r.long[1:]
	}
	r.mu.Unlock()
	if next == nil {
		return nil
	}
	return next()
}

// put reads a list by the queue.
func put[T any](ctx context.Context, r *reading, l *lister[T], segments ...string) error {
	var err error
	l.c, l.q = r.c, r.q
	if l.path, err = r.c.path(ctx, segments...); err == nil {
		l.begin()
	}
	return err
}

// libraries lists the libraries that the connection can see (contracts/imanage.md 3).
func (c *Client) libraries(ctx context.Context) ([]provisioning.Library, error) {
	var answer one[[]struct {
		ID     string `json:"id"`
		Alias  string `json:"alias"`
		Type   string `json:"type"`
		Hidden bool   `json:"is_hidden"`
	}]
	if found, err := c.get(ctx, &answer, nil, "libraries"); err != nil || !found {
		return nil, cmp.Or(err, errNoList)
	}
	var libraries []provisioning.Library
	for _, l := range answer.Data {
		if id := cmp.Or(l.ID, l.Alias); id != "" && l.Type != "linksite" {
			libraries = append(libraries, provisioning.Library{ID: id, Type: l.Type, Hidden: l.Hidden})
		}
	}
	return libraries, nil
}

// users reads the global level.
func (r *reading) users(ctx context.Context) error {
	return put(ctx, r, &lister[user]{
		query: url.Values{"include_libraries": {"true"}}, id: userID, long: true,
		met: func(rows int) {
			r.progress(provisioning.Progress{Source: r.c.Name(), What: "accounts", Seen: rows, Total: -1})
		},
		whole: func(rows []user, l listing) error {
			next := r.nextLong()
			r.mu.Lock()
			defer r.mu.Unlock()
			for i := range rows {
				r.keep(r.c.account(&rows[i]))
				for _, lib := range rows[i].Libraries {
					if lib.Preferred {
						r.place(lib.ID, userID(&rows[i])).Preferred = true
					} else {
						r.place(lib.ID, userID(&rows[i]))
					}
				}
			}
			r.evidence.Pages += l.pages
			r.evidence.Duplicates += l.duplicates
			r.evidence.EndMarker = l.ended && !l.overflow
			r.evidence.Reported = l.total
			r.twice(l, "accounts")
			return next
		},
	}, "users")
}

// keep takes an account. The caller holds mu.
func (r *reading) keep(a provisioning.Account) int {
	at, there := r.at[a.ID]
	if !there {
		at = len(r.accounts)
		r.at[a.ID] = at
		r.accounts = append(r.accounts, a)
	}
	return at
}

// place is an account's place in a library. The caller holds mu.
func (r *reading) place(library, account string) *provisioning.Membership {
	lib := r.places[library]
	if lib == nil {
		lib = make(map[string]*provisioning.Membership)
		r.places[library] = lib
	}
	m := lib[account]
	if m == nil {
		m = &provisioning.Membership{Library: library}
		lib[account] = m
	}
	return m
}

// libraryUsers reads the users of a library, with their own allow_logon.
func (r *reading) libraryUsers(ctx context.Context, id string) error {
	return put(ctx, r, &lister[user]{id: userID, long: true, whole: func(rows []user, l listing) error {
		next := r.nextLong()
		r.mu.Lock()
		defer r.mu.Unlock()
		for i := range rows {
			account := userID(&rows[i])
			if r.c.opts.OnPrem {
				at := r.keep(r.c.account(&rows[i]))
				r.accounts[at].Enabled = r.accounts[at].Enabled || rows[i].AllowLogon
			}
			m := r.place(id, account)
			m.Enabled = rows[i].AllowLogon
			m.Preferred = m.Preferred || rows[i].Preferred == id
		}
		r.ended[id] = l.ended && !l.overflow
		r.count(l, id+" users")
		return next
	}}, "libraries", id, "users")
}

// rolesIn reads who has which role in a library, or which global role. The path of a library's members is inferred (contracts/imanage.md
// 7): where a tenant does not know it, roles stay unknown, which hides a mismatch but makes none.
func (r *reading) rolesIn(ctx context.Context, library string) error {
	base := []string{"roles"}
	if library != "" {
		base = []string{"libraries", library, "roles"}
	}
	part := strings.TrimSpace(library + " roles")
	return put(ctx, r, &lister[named]{id: nameID, fail: r.refuse(part), whole: func(roles []named, l listing) error {
		r.mu.Lock()
		r.count(l, part)
		if library == "" {
			for _, role := range roles {
				r.roles = append(r.roles, role.ID)
			}
			slices.Sort(r.roles)
		}
		r.mu.Unlock()
		for _, role := range roles {
			if err := r.roleMembers(ctx, library, role.ID, base); err != nil {
				return err
			}
		}
		return nil
	}}, base...)
}

func (r *reading) roleMembers(ctx context.Context, library, role string, base []string) error {
	part := strings.TrimSpace(library + " role " + role)
	return put(ctx, r, &lister[named]{id: memberID, fail: r.refuse(part), whole: func(rows []named, l listing) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.count(l, part)
		for i := range rows {
			if library == "" {
				r.global = append(r.global, membership{provisioning.GroupRef{Group: role}, memberID(&rows[i])})
			} else {
				r.role[membership{provisioning.GroupRef{Library: library}, memberID(&rows[i])}] = role
			}
		}
		return nil
	}}, append(slices.Clone(base), role, "members")...)
}

// refuse says what becomes of a part that could not be read: a path that the tenant does not know (those of roles and global groups are
// inferred) leaves what it would tell unknown; one that the connection may not read makes the read incomplete.
func (r *reading) refuse(part string) func(error) error {
	return func(err error) error {
		switch status(err) {
		case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
			return nil
		case http.StatusForbidden:
			r.mu.Lock()
			defer r.mu.Unlock()
			r.evidence.Refused = append(r.evidence.Refused, part+": 403")
			return nil
		default:
			return err
		}
	}
}

// groupsIn reads the groups of a library, or the global ones, with their members.
func (r *reading) groupsIn(ctx context.Context, library string) error {
	base := []string{"groups"}
	list := &lister[group]{id: groupID}
	if library != "" {
		base = []string{"libraries", library, "groups"}
	} else {
		list.fail = r.refuse("global groups")
	}
	list.whole = func(groups []group, l listing) error {
		r.mu.Lock()
		r.count(l, strings.TrimSpace(library+" groups"))
		for i := range groups {
			r.groups = append(r.groups, groups[i].inventory(library))
		}
		r.mu.Unlock()
		for i := range groups {
			if err := r.groupMembers(ctx, provisioning.GroupRef{Library: library, Group: groups[i].ID}, base); err != nil {
				return err
			}
		}
		return nil
	}
	return put(ctx, r, list, base...)
}

func (r *reading) groupMembers(ctx context.Context, ref provisioning.GroupRef, base []string) error {
	part := "group " + ref.String()
	refuse := r.refuse(part)
	return put(ctx, r, &lister[named]{id: memberID, whole: func(rows []named, l listing) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.count(l, part)
		for i := range rows {
			r.member = append(r.member, membership{ref, memberID(&rows[i])})
		}
		return nil
	}, fail: func(err error) error {
		if ref.Library != "" && status(err) != http.StatusForbidden { // that of a library's group is published
			return err
		}
		return refuse(err)
	}}, append(slices.Clone(base), ref.Group, "members")...)
}

// count takes one list's completeness into the evidence. part is named where something is missing. The caller holds mu.
func (r *reading) count(l listing, part string) {
	e := &r.evidence
	e.Pages += l.pages
	switch {
	case l.overflow:
		e.Overflow = append(e.Overflow, part)
	case l.total >= 0 && l.total != l.seen:
		e.Refused = append(e.Refused, fmt.Sprintf("%s: %d of %d", part, l.seen, l.total))
	case l.moved, l.total < 0 && l.duplicates > 0:
		e.Conflicts = append(e.Conflicts, part)
	}
	r.twice(l, part)
}

// twice notes a list that moved while it was read. The caller holds mu.
func (r *reading) twice(l listing, part string) {
	if l.again {
		r.again = append(r.again, part)
	}
	if part == "accounts" && l.again && l.moved {
		r.evidence.Conflicts = append(r.evidence.Conflicts, part)
	}
}
