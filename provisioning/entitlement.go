package provisioning

import (
	"cmp"
	"strings"
)

// EntitlementKind says what sort of right an entitlement is (DESIGN 2).
type EntitlementKind string

// The kinds of entitlement that a policy can give.
const (
	EntitlementLibrary EntitlementKind = "library" // membership of a library
	EntitlementRole    EntitlementKind = "role"    // the one role that an account has in a library
	EntitlementGroup   EntitlementKind = "group"   // membership of a group, in a library or global
)

// Entitlement is one right in iManage. It is comparable: two are the same right where they are equal.
type Entitlement struct {
	Kind    EntitlementKind `json:"kind"`
	Library string          `json:"library,omitempty"` // "" for a global group
	Name    string          `json:"name,omitempty"`    // the role or the group; "" for a library
}

// InLibrary is membership of a library.
func InLibrary(library string) Entitlement {
	return Entitlement{Kind: EntitlementLibrary, Library: library}
}

// RoleIn is a role in a library.
func RoleIn(library, role string) Entitlement {
	return Entitlement{Kind: EntitlementRole, Library: library, Name: role}
}

// InGroup is membership of a group.
func InGroup(g GroupRef) Entitlement {
	return Entitlement{Kind: EntitlementGroup, Library: g.Library, Name: g.Group}
}

// Group is the group of a group entitlement.
func (e Entitlement) Group() GroupRef { return GroupRef{Library: e.Library, Group: e.Name} }

// String names the right as a policy and a screen write it: "LON-LIT", "role SENIOR in LON-LIT", "group LON-LIT/ALL-LON-LIT".
func (e Entitlement) String() string {
	switch e.Kind {
	case EntitlementRole:
		return "role " + e.Name + " in " + e.Library
	case EntitlementGroup:
		return "group " + e.Group().String()
	default:
		return e.Library
	}
}

// Compare orders entitlements as they are shown: by library, in it the membership, then the role, then the groups; global groups
// come last.
func (e Entitlement) Compare(other Entitlement) int {
	rank := func(k EntitlementKind) int {
		return strings.Index("library role group", string(k))
	}
	global := func(e Entitlement) int {
		if e.Library == "" {
			return 1
		}
		return 0
	}
	return cmp.Or(global(e)-global(other), strings.Compare(e.Library, other.Library), rank(e.Kind)-rank(other.Kind), strings.Compare(e.Name, other.Name))
}

// String writes a group as LIBRARY/GROUP, a global one as /GROUP.
func (g GroupRef) String() string { return g.Library + "/" + g.Group }

// ParseGroup reads LIBRARY/GROUP, or /GROUP for a global one. ok is false where there is no slash or no group: a name without its
// library could be any library's.
func ParseGroup(s string) (g GroupRef, ok bool) {
	library, group, found := strings.Cut(s, "/")
	return GroupRef{Library: library, Group: group}, found && group != ""
}

// Entitlements lists what an account holds, sorted: libraries, roles (those that are known) and groups. Global roles are not among
// them: no policy gives those.
func (a *Account) Entitlements() []Entitlement {
	held := make([]Entitlement, 0, 2*len(a.Memberships)+len(a.Groups))
	groups := a.Groups
	global := groups
	for i, g := range groups { // groups are sorted by library: the global ones, with none, stand first
		if g.Library != "" {
			global, groups = groups[:i], groups[i:]
			break
		}
		if i == len(groups)-1 {
			groups = nil
		}
	}
	for _, m := range a.Memberships {
		for len(groups) > 0 && groups[0].Library < m.Library {
			held, groups = append(held, InGroup(groups[0])), groups[1:]
		}
		held = append(held, InLibrary(m.Library))
		if m.Role != "" {
			held = append(held, RoleIn(m.Library, m.Role))
		}
		for len(groups) > 0 && groups[0].Library == m.Library {
			held, groups = append(held, InGroup(groups[0])), groups[1:]
		}
	}
	for _, g := range groups {
		held = append(held, InGroup(g))
	}
	for _, g := range global {
		held = append(held, InGroup(g))
	}
	return held
}
