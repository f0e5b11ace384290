package imanage

import (
	"maps"
	"slices"
	"strings"

	"rollcall/provisioning"
)

// assemble is the known inventory with what was read anew in its place. Nothing of known is written to.
func (r *changes) assemble() provisioning.Inventory {
	now := provisioning.Inventory{Accounts: r.known.Accounts, Libraries: r.known.Libraries, Groups: r.mergeGroups()}
	touched := r.touched()
	for id := range r.accounts {
		touched[id] = true
	}
	r.evidence.Changes = len(touched)
	if len(touched) == 0 {
		return now
	}
	now.Accounts = slices.Clone(r.known.Accounts)
	gone := make(map[string]bool)
	for id := range touched {
		at, known := r.at(id)
		var a provisioning.Account
		if known {
			a = r.known.Accounts[at]
		}
		if s := r.accounts[id]; s != nil {
			if !s.found {
				gone[id] = true
				continue
			}
			global := slices.DeleteFunc(slices.Clone(a.Groups), func(g provisioning.GroupRef) bool { return g.Library != "" })
			roles := a.GlobalRoles
			a = s.account
			a.Groups, a.GlobalRoles = append(global, a.Groups...), roles
		}
		a.Groups, a.GlobalRoles = r.groupsNow(&a), r.rolesNow(&a)
		sortRights(&a)
		if known {
			now.Accounts[at] = a
		} else {
			now.Accounts = append(now.Accounts, a)
		}
	}
	now.Accounts = slices.DeleteFunc(now.Accounts, func(a provisioning.Account) bool { return gone[a.ID] })
	slices.SortFunc(now.Accounts, func(x, y provisioning.Account) int { return strings.Compare(x.ID, y.ID) })
	return now
}

func (r *changes) mergeGroups() []provisioning.Group {
	fresh := maps.Clone(r.groups)
	groups := slices.Clone(r.known.Groups)
	for i := range groups {
		if g, ok := fresh[groups[i].Ref]; ok {
			groups[i] = g
			delete(fresh, g.Ref)
		}
	}
	for _, g := range fresh {
		groups = append(groups, g)
	}
	sortGroups(groups)
	return groups
}

// touched finds the known accounts whose membership of a group, or global role, is another one than was known.
func (r *changes) touched() map[string]bool {
	touched := make(map[string]bool)
	global := true // no library's group was read anew
	for ref := range r.members {
		global = global && ref.Library == ""
	}
	for i := range r.known.Accounts {
		a := &r.known.Accounts[i]
		for _, g := range a.Groups {
			if global && g.Library != "" { // the global ones come first
				break
			}
			if members, read := r.members[g]; read && !members[a.ID] {
				touched[a.ID] = true
			}
		}
		for _, role := range a.GlobalRoles {
			if members, read := r.roles[role]; read && !members[a.ID] {
				touched[a.ID] = true
			}
		}
	}
	for ref, members := range r.members {
		for id := range members {
			if at, known := r.at(id); known && !slices.Contains(r.known.Accounts[at].Groups, ref) {
				touched[id] = true
			}
		}
	}
	for role, members := range r.roles {
		for id := range members {
			if at, known := r.at(id); known && !slices.Contains(r.known.Accounts[at].GlobalRoles, role) {
				touched[id] = true
			}
		}
	}
	return touched
}

// groupsNow are an account's groups: of those that were read anew, what their members say.
func (r *changes) groupsNow(a *provisioning.Account) []provisioning.GroupRef {
	var groups []provisioning.GroupRef
	for _, g := range a.Groups {
		if _, read := r.members[g]; !read {
			groups = append(groups, g)
		}
	}
	for ref, members := range r.members {
		if members[a.ID] {
			groups = append(groups, ref)
		}
	}
	return groups
}

func (r *changes) rolesNow(a *provisioning.Account) []string {
	var roles []string
	for _, role := range a.GlobalRoles {
		if _, read := r.roles[role]; !read {
			roles = append(roles, role)
		}
	}
	for role, members := range r.roles {
		if members[a.ID] {
			roles = append(roles, role)
		}
	}
	return roles
}
