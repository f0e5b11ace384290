package imanage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"rollcall/provisioning"
)

// Account reads one account whole: its record, libraries with the role in each, groups in each and global ones, and global roles. Parts
// that a tenant does not know (their paths are inferred) or that the connection may not read are left out.
func (c *Client) Account(ctx context.Context, id string) (provisioning.Account, bool, error) {
	s, err := c.accountWhole(ctx, id)
	if err != nil || !s.found {
		return provisioning.Account{}, false, err
	}
	return s.account, true, nil
}

// accountWhole is Account that names the parts that could not be read.
func (c *Client) accountWhole(ctx context.Context, id string) (*single, error) {
	s := &single{c: c, q: newQueue(), id: strings.ToUpper(id), global: !c.opts.OnPrem}
	if c.opts.OnPrem {
		libraries, err := c.libraries(ctx)
		if err != nil {
			return s, err
		}
		s.libraries = libraries
	}
	s.begin()
	err := s.q.run(ctx, c.opts.Concurrency)
	s.end()
	return s, err
}

// single gathers one account. Its parts run side by side, out of a queue that it may share.
type single struct {
	c         *Client
	q         *queue
	id        string
	libraries []provisioning.Library // on premises: where it may be
	global    bool                   // its global groups and roles are read too

	mu      sync.Mutex
	found   bool
	account provisioning.Account
	records map[string]user // on premises: of each library
	unread  []string
}

// begin puts the first pieces into the queue: the global record, or on premises each library's.
func (s *single) begin() {
	s.records = make(map[string]user)
	if !s.c.opts.OnPrem {
		s.q.add(s.record)
		return
	}
	for _, l := range s.libraries {
		s.q.add(func(ctx context.Context) error { return s.place(ctx, placeOfUser{ID: l.ID}) })
	}
}

// end puts the account together. On premises it is what its libraries say: the first one's attributes, enabled where any is.
func (s *single) end() {
	rights := s.account
	for _, l := range s.libraries {
		u, in := s.records[l.ID]
		if !in {
			continue
		}
		if !s.found {
			s.found, s.account = true, s.c.account(&u)
			s.account.Memberships, s.account.Groups = rights.Memberships, rights.Groups
		}
		s.account.Enabled = s.account.Enabled || u.AllowLogon
	}
	sortRights(&s.account)
	slices.Sort(s.unread)
}

func (s *single) record(ctx context.Context) error {
	u, found, err := s.c.globalUser(ctx, s.id)
	if err != nil || !found {
		return err
	}
	s.found, s.account = true, s.c.account(&u)
	places := u.Libraries
	if len(places) == 0 { // a tenant may not tell them with the record
		places, err = wholeList(ctx, s.c, placeID, nil, "users", s.id, "libraries")
		if err := s.part("libraries", err); err != nil {
			return err
		}
	}
	for _, p := range places {
		s.q.add(func(ctx context.Context) error { return s.place(ctx, p) })
	}
	if s.global {
		s.q.add(func(ctx context.Context) error { return s.groups(ctx, "") }, s.globalRoles)
	}
	return nil
}

// place reads a library's own record, and then the role and the groups there.
func (s *single) place(ctx context.Context, p placeOfUser) error {
	u, found, err := s.c.libraryUser(ctx, p.ID, s.id)
	if err != nil || !found {
		return err
	}
	if s.c.opts.OnPrem {
		s.mu.Lock()
		s.records[p.ID] = u
		s.mu.Unlock()
	}
	s.q.add(func(ctx context.Context) error { return s.groups(ctx, p.ID) }, func(ctx context.Context) error {
		role, err := s.c.roleOf(ctx, p.ID, s.id)
		s.mu.Lock()
		s.account.Memberships = append(s.account.Memberships, provisioning.Membership{
			Library: p.ID, Role: role, Enabled: u.AllowLogon, Preferred: p.Preferred || u.Preferred == p.ID,
		})
		s.mu.Unlock()
		return s.part("role in "+p.ID, err)
	})
	return nil
}

// part notes what could not be read; it passes every other error on.
func (s *single) part(what string, err error) error {
	var why string
	switch {
	case errors.Is(err, errCutShort):
		why = "cut short by the server"
	case refusedPart(err):
		why = strconv.Itoa(status(err))
	default:
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unread = append(s.unread, what+": "+why)
	return nil
}

func (s *single) groups(ctx context.Context, library string) error {
	groups, err := s.c.groupsOf(ctx, library, s.id)
	if library == "" {
		err = s.part("global groups", err)
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range groups {
		s.account.Groups = append(s.account.Groups, provisioning.GroupRef{Library: library, Group: groups[i].ID})
	}
	return nil
}

func (s *single) globalRoles(ctx context.Context) error {
	roles, err := wholeList(ctx, s.c, nameID, nil, "roles")
	if err != nil {
		return s.part("global roles", err)
	}
	for _, role := range roles {
		s.q.add(func(ctx context.Context) error {
			in, err := s.c.inGlobalRole(ctx, role.ID, s.id)
			if in {
				s.mu.Lock()
				s.account.GlobalRoles = append(s.account.GlobalRoles, role.ID)
				s.mu.Unlock()
			}
			return s.part("global role "+role.ID, err)
		})
	}
	return nil
}

// refusedPart reports whether a tenant does not know a path, or does not let this connection read it: what rests on it is unknown, and
// the rest stands.
func refusedPart(err error) bool {
	switch status(err) {
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	default:
		return false
	}
}

// sortRights puts an account's rights into the order that provisioning.Account wants.
func sortRights(a *provisioning.Account) {
	slices.SortFunc(a.Memberships, func(x, y provisioning.Membership) int { return strings.Compare(x.Library, y.Library) })
	slices.SortFunc(a.Groups, compareRefs)
	slices.Sort(a.GlobalRoles)
}

func compareRefs(x, y provisioning.GroupRef) int {
	return cmp.Or(strings.Compare(x.Library, y.Library), strings.Compare(x.Group, y.Group))
}

// globalUser reads the global record of an account, with its libraries.
func (c *Client) globalUser(ctx context.Context, id string) (user, bool, error) {
	var answer one[user]
	found, err := c.get(ctx, &answer, url.Values{"include_libraries": {"true"}}, "users", id)
	if found && !strings.EqualFold(answer.Data.ID, id) {
		return user{}, false, fmt.Errorf("%s: asked for account %s, and another one came", c.opts.Name, id)
	}
	return answer.Data, found, err
}

// user reads the record of an account: the global one, or on premises the first library's that has it, enabled where any is.
func (c *Client) user(ctx context.Context, id string) (user, bool, error) {
	if !c.opts.OnPrem {
		return c.globalUser(ctx, id)
	}
	libraries, err := c.libraries(ctx)
	if err != nil {
		return user{}, false, err
	}
	records := make([]*user, len(libraries))
	q := newQueue()
	for i, l := range libraries {
		q.add(func(ctx context.Context) error {
			u, found, err := c.libraryUser(ctx, l.ID, id)
			if found {
				records[i] = &u
			}
			return err
		})
	}
	if err := q.run(ctx, c.opts.Concurrency); err != nil {
		return user{}, false, err
	}
	var merged *user
	for i, u := range records {
		if u == nil {
			continue
		}
		if merged == nil {
			merged = u
			merged.Libraries = nil
		}
		merged.AllowLogon = merged.AllowLogon || u.AllowLogon
		merged.Libraries = append(merged.Libraries, placeOfUser{libraries[i].ID, u.Preferred == libraries[i].ID})
	}
	if merged == nil {
		return user{}, false, nil
	}
	return *merged, true, nil
}

func (c *Client) libraryUser(ctx context.Context, library, id string) (user, bool, error) {
	var answer one[user]
	found, err := c.get(ctx, &answer, nil, "libraries", library, "users", id)
	if found && !strings.EqualFold(answer.Data.ID, id) {
		return user{}, false, fmt.Errorf("%s: asked for account %s in %s, and another one came", c.opts.Name, id, library)
	}
	return answer.Data, found, err
}

// role reads a user's role in a library; ValueAbsent where the user is not in it.
func (c *Client) role(ctx context.Context, library, id string) (string, error) {
	_, found, err := c.libraryUser(ctx, library, id)
	if err != nil {
		return "", err
	}
	if !found {
		return provisioning.ValueAbsent, nil
	}
	return c.roleOf(ctx, library, id)
}

// roleOf reads the role of a user who is in a library: by the filter of the list of roles, which the connector's description has, and
// where a tenant does not heed it, by the members of each role. "" is not known.
func (c *Client) roleOf(ctx context.Context, library, id string) (string, error) {
	roles, err := wholeList(ctx, c, nameID, url.Values{"user_id": {id}}, "libraries", library, "roles")
	if err != nil || len(roles) == 0 {
		return "", err
	}
	if len(roles) == 1 {
		return roles[0].ID, nil
	}
	for _, role := range roles {
		members, _, err := list(ctx, c, memberID, url.Values{"query": {id}}, "libraries", library, "roles", role.ID, "members")
		if refusedPart(err) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		if slices.ContainsFunc(members, func(n named) bool { return strings.EqualFold(n.ID, id) }) {
			return role.ID, nil
		}
	}
	return "", nil
}

// groupsOf reads the groups of a user in a library, or the global ones.
func (c *Client) groupsOf(ctx context.Context, library, id string) ([]group, error) {
	path := []string{"users", id, "groups"}
	if library != "" {
		path = []string{"libraries", library, "users", id, "groups"}
	}
	groups, err := wholeList(ctx, c, groupID, nil, path...)
	if noRecord(err) {
		return nil, nil // not in that library: in none of its groups
	}
	return groups, err
}

// errCutShort is a list that the server cut short, so that an absence from it says nothing.
var errCutShort = errors.New("the list of members was cut short")

// inGlobalRole reads whether a user is among the members of a global role. Where that list is cut short, only those whom the server finds
// by the id count: an absence is then an error.
func (c *Client) inGlobalRole(ctx context.Context, role, id string) (bool, error) {
	for _, query := range []url.Values{nil, {"query": {id}}} {
		members, l, err := list(ctx, c, memberID, query, "roles", role, "members")
		if err != nil {
			return false, err
		}
		in := slices.ContainsFunc(members, func(n named) bool { return strings.EqualFold(n.ID, id) })
		if in || (query == nil && l.complete()) {
			return in, nil
		}
	}
	return false, fmt.Errorf("%s: global role %s: %w", c.opts.Name, role, errCutShort)
}
