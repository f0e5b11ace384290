package propose

import (
	"slices"

	"rollcall/provisioning"
)

// Grant gives an account rights that it does not hold: libraries first, the preferred one before the others, then roles, then groups
// (DESIGN 4). has is nil for an account that is to be created. What cannot be given is told in the notes: a library or a group that
// does not exist, a group that is disabled, a group that a wall keeps apart from another.
func Grant(profile provisioning.Profile, has *provisioning.Account, wanted []provisioning.Entitlement, w World) Proposal {
	g := granting{profile: profile, has: has, w: w, roles: make(map[string]string), in: make(map[string]bool)}
	if has != nil {
		g.held = has.Entitlements()
		for _, m := range has.Memberships {
			g.in[m.Library] = true
		}
	}
	for _, e := range wanted {
		if e.Kind == provisioning.EntitlementRole {
			g.roles[e.Library] = e.Name
		}
	}
	wanted = slices.Clone(wanted)
	slices.SortStableFunc(wanted, func(a, b provisioning.Entitlement) int {
		first := func(e provisioning.Entitlement) int {
			if e.Library == profile.PreferredLibrary {
				return 0
			}
			return 1
		}
		if d := first(a) - first(b); d != 0 {
			return d
		}
		return a.Compare(b)
	})
	for _, kind := range []provisioning.EntitlementKind{provisioning.EntitlementLibrary, provisioning.EntitlementRole, provisioning.EntitlementGroup} {
		for _, e := range wanted {
			if e.Kind == kind {
				g.give(e)
			}
		}
	}
	return g.out
}

type granting struct {
	profile provisioning.Profile
	has     *provisioning.Account
	w       World
	held    []provisioning.Entitlement // now, and what is given so far
	roles   map[string]string          // wanted, by library
	in      map[string]bool            // the libraries that the account is in, or comes into
	out     Proposal
}

// barred notes what keeps a right back, and reports whether anything does.
func (g *granting) barred(e provisioning.Entitlement) bool {
	bar := Barred(e, g.in, g.profile.External, g.w)
	if bar == (Bar{}) {
		if conflict, broken := g.w.Policy.ConflictsWith(e, g.held); broken {
			bar = apart(conflict.Wall, conflict.B)
		}
	}
	if bar == (Bar{}) {
		return false
	}
	g.out.Notes = append(g.out.Notes, bar.note(e))
	return true
}

func (g *granting) give(e provisioning.Entitlement) {
	c := provisioning.Change{Account: g.profile.ID, Library: e.Library}
	switch e.Kind {
	case provisioning.EntitlementLibrary:
		if g.in[e.Library] || g.barred(e) {
			return
		}
		role := g.roles[e.Library]
		if role == "" {
			role = defaultRole(g.profile.External)
		}
		profile := g.profile
		c.Kind, c.Before, c.After, c.Profile = provisioning.AssignLibrary, provisioning.ValueAbsent, role, &profile
		g.in[e.Library] = true
		g.held = append(g.held, e, provisioning.RoleIn(e.Library, role))
	case provisioning.EntitlementRole:
		if g.has == nil {
			return // the assignment carries it
		}
		m, member := g.has.Membership(e.Library)
		if !member || m.Role == e.Name || m.Role == "" {
			return
		}
		c.Kind, c.Before, c.After = provisioning.SetLibraryRole, m.Role, e.Name
	default:
		if slices.Contains(g.held, e) || g.barred(e) {
			return
		}
		c.Kind, c.Object, c.Before, c.After = provisioning.JoinGroup, e.Name, provisioning.ValueNoMember, provisioning.ValueMember
		g.held = append(g.held, e)
	}
	g.out.Changes = append(g.out.Changes, g.w.hand(c))
}

// defaultRole is the role that iManage itself gives (contracts/imanage.md 7).
func defaultRole(external bool) string {
	if external {
		return "DEFAULT EXTERNAL"
	}
	return "DEFAULT"
}

// hand marks a change that may not be sent to this tenant as a step by hand.
func (w World) hand(c provisioning.Change) provisioning.Change {
	if c.ByHand == "" && w.ByHand != nil {
		c.ByHand = w.ByHand(c)
	}
	return c
}

// Revoke takes rights from an account: NRTADMIN first, then the other groups, then libraries (DESIGN 4). A role goes with its
// library: it is exactly one, and cannot be taken away by itself.
func Revoke(a *provisioning.Account, rights []provisioning.Entitlement, w World) []provisioning.Change {
	goes := func(e provisioning.Entitlement) bool { return slices.Contains(rights, e) }
	changes := leaveGroups(a, w, func(g provisioning.GroupRef) bool {
		return g.Group == provisioning.NRTADMIN && goes(provisioning.InGroup(g))
	})
	changes = append(changes, leaveGroups(a, w, func(g provisioning.GroupRef) bool {
		return g.Group != provisioning.NRTADMIN && goes(provisioning.InGroup(g))
	})...)
	return append(changes, leaveLibraries(a, w, func(library string) bool { return goes(provisioning.InLibrary(library)) })...)
}

func leaveLibraries(a *provisioning.Account, w World, which func(string) bool) []provisioning.Change {
	var changes []provisioning.Change
	for _, m := range a.Memberships {
		if which(m.Library) {
			changes = append(changes, w.hand(provisioning.Change{
				Kind: provisioning.RemoveLibrary, Account: a.ID, Library: m.Library, Before: provisioning.ValueMember, After: provisioning.ValueAbsent,
			}))
		}
	}
	return changes
}

func leaveGroups(a *provisioning.Account, w World, which func(provisioning.GroupRef) bool) []provisioning.Change {
	var changes []provisioning.Change
	for _, g := range a.Groups {
		if !which(g) {
			continue
		}
		c := provisioning.Change{
			Kind: provisioning.LeaveGroup, Account: a.ID, Library: g.Library, Object: g.Group,
			Before: provisioning.ValueMember, After: provisioning.ValueNoMember,
		}
		if group, ok := w.Group(g); ok && !group.Enabled {
			c.ByHand = "the group is disabled, and iManage lets nobody leave it while it is"
		}
		changes = append(changes, w.hand(c))
	}
	return changes
}

func globalRoles(a *provisioning.Account, w World) []provisioning.Change {
	changes := make([]provisioning.Change, 0, len(a.GlobalRoles))
	for _, r := range a.GlobalRoles {
		changes = append(changes, w.hand(provisioning.Change{
			Kind: provisioning.RemoveGlobalRole, Account: a.ID, Object: r, Before: provisioning.ValueMember, After: provisioning.ValueNoMember,
		}))
	}
	return changes
}
