package imanage

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/provisioning"
)

// conclude says by which rule the lists ended, and which of them were read twice.
func (r *reading) conclude(libraries []provisioning.Library) {
	e := &r.evidence
	if r.c.opts.OnPrem { // the accounts are those of the libraries, and so is the end
		e.EndMarker = len(libraries) > 0
		for _, l := range libraries {
			e.EndMarker = e.EndMarker && r.ended[l.ID]
		}
	}
	e.End = "end mark seen"
	if len(r.again) > 0 {
		slices.Sort(r.again)
		e.End += fmt.Sprintf(", %s read twice, for what changed meanwhile", strings.Join(r.again[:min(3, len(r.again))], ", "))
	}
}

// assemble puts what the parts read onto the accounts, each sorted.
func (r *reading) assemble(libraries []provisioning.Library) provisioning.Inventory {
	for _, l := range libraries {
		for account, m := range r.places[l.ID] {
			if at, ok := r.at[account]; ok {
				m.Role = r.role[membership{provisioning.GroupRef{Library: l.ID}, account}]
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
		sortRights(&r.accounts[i])
	}
	slices.SortFunc(r.accounts, func(x, y provisioning.Account) int { return strings.Compare(x.ID, y.ID) })
	sortGroups(r.groups)
	return provisioning.Inventory{Accounts: r.accounts, Libraries: libraries, Groups: r.groups}
}

func sortGroups(groups []provisioning.Group) {
	slices.SortFunc(groups, func(x, y provisioning.Group) int { return compareRefs(x.Ref, y.Ref) })
}

// globalGroups names the groups of no library.
func globalGroups(groups []provisioning.Group) []string {
	var ids []string
	for _, g := range groups {
		if g.Ref.Library == "" {
			ids = append(ids, g.Ref.Group)
		}
	}
	return ids
}
