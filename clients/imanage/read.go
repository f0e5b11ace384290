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
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall/provisioning"
)

var errNoList = errors.New("there is no list in the answer")

// user is an account on the wire (contracts/imanage.md 5.1).
type user struct {
	ID          string    `json:"id"`
	FullName    string    `json:"full_name"`
	Email       string    `json:"email"`
	Location    string    `json:"location"`
	Phone       string    `json:"phone"`
	Custom1     string    `json:"custom1"`
	Custom2     string    `json:"custom2"`
	Custom3     string    `json:"custom3"`
	Preferred   string    `json:"preferred_library"`
	AllowLogon  bool      `json:"allow_logon"`
	External    bool      `json:"is_external"`
	Nos         int       `json:"user_nos"`
	DirectoryID string    `json:"directory_id"`
	Created     time.Time `json:"create_date"`
	Edited      time.Time `json:"edit_date"`
	Libraries   []struct {
		ID        string `json:"id"`
		Preferred bool   `json:"preferred"`
	} `json:"libraries"`
}

type group struct {
	ID       string `json:"id"`
	FullName string `json:"full_name"`
	Enabled  bool   `json:"enabled"`
	External bool   `json:"is_external"`
	Nos      int    `json:"group_nos"`
}

type named struct {
	ID string `json:"id"`
}

func (c *Client) account(u *user) provisioning.Account {
	number := u.Custom1
	switch c.opts.EmployeeField {
	case "custom2":
		number = u.Custom2
	case "custom3":
		number = u.Custom3
	}
	return provisioning.Account{
		ID: strings.ToUpper(u.ID), FullName: u.FullName, Email: u.Email, Location: u.Location, Phone: u.Phone, EmployeeNumber: number,
		PreferredLibrary: u.Preferred, Enabled: u.AllowLogon, External: u.External, Origin: provisioning.Origin(u.Nos),
		DirectoryID: u.DirectoryID, Created: u.Created, Edited: u.Edited,
	}
}

// reading gathers one whole read. Its parts run side by side.
type reading struct {
	c        *Client
	progress func(provisioning.Progress)
	mu       sync.Mutex
	evidence provisioning.ReadEvidence
	accounts []provisioning.Account
	at       map[string]int
	places   map[string]map[string]*provisioning.Membership // library → account
	member   []membership
	groups   []provisioning.Group
	global   []membership
}

type membership struct {
	ref  provisioning.GroupRef
	user string
}

// ReadAll reads every account with its libraries, roles, groups and global roles.
func (c *Client) ReadAll(ctx context.Context, progress func(provisioning.Progress)) (provisioning.Inventory, provisioning.ReadEvidence, error) {
	r := &reading{
		c: c, progress: progress, at: make(map[string]int), places: make(map[string]map[string]*provisioning.Membership),
		evidence: provisioning.ReadEvidence{Source: c.Name(), System: c.System(), Started: c.opts.Clock.Now(), Reported: -1},
	}
	if r.progress == nil {
		r.progress = func(provisioning.Progress) {}
	}
	inventory, err := r.run(ctx)
	r.evidence.Finished = c.opts.Clock.Now()
	r.evidence.Seen = len(r.accounts)
	if ctx.Err() != nil {
		return provisioning.Inventory{}, r.evidence, ctx.Err()
	}
	if err != nil {
		r.evidence.Failure = err.Error()
		r.evidence.EndMarker = false
	}
	r.progress(provisioning.Progress{Source: c.Name(), What: "accounts", Seen: len(r.accounts), Total: len(r.accounts), Done: true, Err: r.evidence.Failure})
	return inventory, r.evidence, nil
}

func (r *reading) run(ctx context.Context) (provisioning.Inventory, error) {
	libraries, err := r.libraries(ctx)
	if err != nil {
		return provisioning.Inventory{}, err
	}
	if !r.c.opts.OnPrem {
		if err := r.users(ctx); err != nil {
			return provisioning.Inventory{}, err
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(r.c.opts.Concurrency)
	for _, l := range libraries {
		g.Go(func() error { return r.library(gctx, l.ID) })
	}
	if !r.c.opts.OnPrem {
		g.Go(func() error { return r.groupsOf(gctx, "") })
		g.Go(func() error { return r.globalRoles(gctx) })
	}
	err = g.Wait()
	return r.assemble(libraries), err
}

func (r *reading) libraries(ctx context.Context) ([]provisioning.Library, error) {
	var rows struct {
		Data []struct {
			ID     string `json:"id"`
			Alias  string `json:"alias"`
			Type   string `json:"type"`
			Hidden bool   `json:"is_hidden"`
		} `json:"data"`
	}
	if _, err := r.c.get(ctx, &rows, nil, "libraries"); err != nil {
		return nil, err
	}
	var libraries []provisioning.Library
	for _, l := range rows.Data {
		id := l.ID
		if id == "" {
			id = l.Alias
		}
		if id != "" && l.Type != "linksite" {
			libraries = append(libraries, provisioning.Library{ID: id, Type: l.Type, Hidden: l.Hidden})
		}
	}
	return libraries, nil
}

// count takes one list's completeness into the evidence. part is named where something is missing. The caller holds mu.
func (r *reading) count(l listing, part string) {
	r.evidence.Pages += l.pages
	r.evidence.Duplicates += l.duplicates
	if l.overflow && !l.ended {
		r.evidence.Overflow = append(r.evidence.Overflow, part)
	}
	if l.total >= 0 && l.total != l.seen {
		r.evidence.Refused = append(r.evidence.Refused, fmt.Sprintf("%s: %d of %d", part, l.seen, l.total))
	}
}

// users reads the global level.
func (r *reading) users(ctx context.Context) error {
	l, err := list(ctx, r.c, func(u *user) string { return strings.ToUpper(u.ID) }, func(rows []user) {
		r.mu.Lock()
		defer r.mu.Unlock()
		for i := range rows {
			r.keep(r.c.account(&rows[i]))
			for _, lib := range rows[i].Libraries {
				r.place(lib.ID, strings.ToUpper(rows[i].ID)).Preferred = lib.Preferred
			}
		}
		r.progress(provisioning.Progress{Source: r.c.Name(), What: "accounts", Seen: len(r.accounts), Total: -1})
	}, url.Values{"include_libraries": {"true"}}, "users")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.evidence.Pages += l.pages
	r.evidence.Duplicates += l.duplicates
	r.evidence.EndMarker = l.ended && !l.overflow
	r.evidence.Reported = l.total
	return err
}

func (r *reading) keep(a provisioning.Account) {
	if _, there := r.at[a.ID]; !there {
		r.at[a.ID] = len(r.accounts)
		r.accounts = append(r.accounts, a)
	}
}

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

// library reads one library: its users with their own allow_logon, its roles, its groups.
func (r *reading) library(ctx context.Context, id string) error {
	l, err := list(ctx, r.c, func(u *user) string { return strings.ToUpper(u.ID) }, func(rows []user) {
		r.mu.Lock()
		defer r.mu.Unlock()
		for i := range rows {
			account := strings.ToUpper(rows[i].ID)
			if r.c.opts.OnPrem {
				r.keep(r.c.account(&rows[i]))
			}
			m := r.place(id, account)
			m.Enabled = rows[i].AllowLogon
			m.Preferred = rows[i].Preferred == id
			if at, known := r.at[account]; known && r.c.opts.OnPrem {
				r.accounts[at].Enabled = r.accounts[at].Enabled || rows[i].AllowLogon
			}
		}
	}, nil, "libraries", id, "users")
	r.mu.Lock()
	r.count(l, id+" users")
	if r.c.opts.OnPrem {
		r.evidence.EndMarker = l.ended
	}
	r.mu.Unlock()
	if err != nil {
		return err
	}
	if err := r.roles(ctx, id); err != nil {
		return err
	}
	return r.groupsOf(ctx, id)
}

// roles reads who has which role in a library. The path of the members is inferred (contracts/imanage.md 7): where a tenant
// does not know it, roles stay unknown, which hides a mismatch but makes none.
func (r *reading) roles(ctx context.Context, library string) error {
	var roles []named
	if _, err := list(ctx, r.c, func(n *named) string { return n.ID }, func(rows []named) { roles = append(roles, rows...) }, nil,
		"libraries", library, "roles"); err != nil {
		return ignoreMissing(err)
	}
	for _, role := range roles {
		_, err := list(ctx, r.c, func(n *named) string { return strings.ToUpper(n.ID) }, func(rows []named) {
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, u := range rows {
				r.place(library, strings.ToUpper(u.ID)).Role = role.ID
			}
		}, nil, "libraries", library, "roles", role.ID, "members")
		if err := ignoreMissing(err); err != nil {
			return err
		}
	}
	return nil
}

// ignoreMissing lets an inferred path be missing on a tenant.
func ignoreMissing(err error) error {
	if s := status(err); s == http.StatusNotFound || s == http.StatusMethodNotAllowed {
		return nil
	}
	return err
}

// groupsOf reads the groups of a library, or the global ones, with their members.
func (r *reading) groupsOf(ctx context.Context, library string) error {
	base := []string{"groups"}
	if library != "" {
		base = []string{"libraries", library, "groups"}
	}
	var groups []group
	l, err := list(ctx, r.c, func(g *group) string { return g.ID }, func(rows []group) { groups = append(groups, rows...) }, nil, base...)
	if err != nil {
		if library == "" {
			return ignoreMissing(err)
		}
		return err
	}
	r.mu.Lock()
	r.count(l, strings.TrimSpace(library+" groups"))
	for _, g := range groups {
		r.groups = append(r.groups, provisioning.Group{
			Ref: provisioning.GroupRef{Library: library, Group: g.ID}, FullName: g.FullName, Enabled: g.Enabled, External: g.External,
			Origin: provisioning.Origin(g.Nos),
		})
	}
	r.mu.Unlock()
	for _, g := range groups {
		ref := provisioning.GroupRef{Library: library, Group: g.ID}
		l, err := list(ctx, r.c, func(n *named) string { return strings.ToUpper(n.ID) }, func(rows []named) {
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, u := range rows {
				r.member = append(r.member, membership{ref, strings.ToUpper(u.ID)})
			}
		}, nil, append(slices.Clone(base), g.ID, "members")...)
		if err != nil {
			if status(err) == http.StatusForbidden {
				r.mu.Lock()
				r.evidence.Refused = append(r.evidence.Refused, fmt.Sprintf("group %s: %d", g.ID, status(err)))
				r.mu.Unlock()
				continue
			}
			if library == "" {
				return ignoreMissing(err) // the path for global groups is inferred (contracts/imanage.md 6)
			}
			return err
		}
		r.mu.Lock()
		r.count(l, "group "+g.ID)
		r.mu.Unlock()
	}
	return nil
}

// globalRoles reads the tenant's administration roles and their members.
func (r *reading) globalRoles(ctx context.Context) error {
	var roles []named
	if _, err := list(ctx, r.c, func(n *named) string { return n.ID }, func(rows []named) { roles = append(roles, rows...) }, nil, "roles"); err != nil {
		return ignoreMissing(err)
	}
	for _, role := range roles {
		l, err := list(ctx, r.c, func(n *named) string { return strings.ToUpper(n.ID) }, func(rows []named) {
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, u := range rows {
				r.global = append(r.global, membership{provisioning.GroupRef{Group: role.ID}, strings.ToUpper(u.ID)})
			}
		}, nil, "roles", role.ID, "members")
		if err != nil {
			return ignoreMissing(err)
		}
		r.mu.Lock()
		r.count(l, "role "+role.ID)
		r.mu.Unlock()
	}
	return nil
}

// assemble puts what the parts read onto the accounts, each sorted.
func (r *reading) assemble(libraries []provisioning.Library) provisioning.Inventory {
	for _, l := range libraries {
		for account, m := range r.places[l.ID] {
			if at, ok := r.at[account]; ok {
				r.accounts[at].Memberships = append(r.accounts[at].Memberships, *m)
			}
		}
	}
	for _, m := range r.member {
		if at, ok := r.at[m.user]; ok {
			r.accounts[at].Groups = append(r.accounts[at].Groups, m.ref)
		}
	}
	for _, m := range r.global {
		if at, ok := r.at[m.user]; ok {
			r.accounts[at].GlobalRoles = append(r.accounts[at].GlobalRoles, m.ref.Group)
		}
	}
	for i := range r.accounts {
		a := &r.accounts[i]
		slices.SortFunc(a.Memberships, func(x, y provisioning.Membership) int { return strings.Compare(x.Library, y.Library) })
		slices.SortFunc(a.Groups, func(x, y provisioning.GroupRef) int {
			if x.Library != y.Library {
				return strings.Compare(x.Library, y.Library)
			}
			return strings.Compare(x.Group, y.Group)
		})
		slices.Sort(a.GlobalRoles)
	}
	slices.SortFunc(r.accounts, func(x, y provisioning.Account) int { return strings.Compare(x.ID, y.ID) })
	slices.SortFunc(r.groups, func(x, y provisioning.Group) int {
		return strings.Compare(x.Ref.Library+"/"+x.Ref.Group, y.Ref.Library+"/"+y.Ref.Group)
	})
	return provisioning.Inventory{Accounts: r.accounts, Libraries: libraries, Groups: r.groups}
}
