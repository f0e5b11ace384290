package certify

import (
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/names"
)

// filter is a campaign's scope, laid out for quick answers. Names are compared by their search key: a scope rather takes one too many.
type filter struct {
	scope                                        provisioning.CampaignScope
	libraries, groups, roles, offices, practices map[string]bool // folded; nil: any
	narrow                                       bool            // some access of an account may not fit
	folded                                       map[string]string
}

func newFilter(s provisioning.CampaignScope) filter {
	f := filter{scope: s, folded: make(map[string]string)}
	f.libraries, f.groups, f.roles = f.set(s.Libraries), f.set(s.Groups), f.set(s.Roles)
	f.offices, f.practices = f.set(s.Offices), f.set(s.Practices)
	f.narrow = f.libraries != nil || f.groups != nil || f.roles != nil || s.Admins
	return f
}

func (f *filter) set(list []string) map[string]bool {
	if len(list) == 0 {
		return nil
	}
	set := make(map[string]bool, len(list))
	for _, s := range list {
		set[f.fold(s)] = true
	}
	return set
}

// fold is the search key of a name, each made once.
func (f *filter) fold(s string) string {
	folded, ok := f.folded[s]
	if !ok {
		folded = names.Fold(strings.TrimSpace(s))
		f.folded[s] = folded
	}
	return folded
}

// account reports whether an account is of those that are reviewed.
func (f *filter) account(row *Row) bool {
	if f.scope.Externals && !row.Account.External {
		return false
	}
	if f.offices != nil && !f.offices[f.fold(officeOf(row))] {
		return false
	}
	return f.practices == nil || (row.Person != nil && f.practices[f.fold(row.Person.Department)])
}

// access reports whether an access is of those that are reviewed. A group or a place is in a library, a global role is in none; only a
// place and a global role are a role.
func (f *filter) access(h *holding) bool {
	if !f.narrow {
		return true
	}
	if f.scope.Admins && !h.admin() {
		return false
	}
	if f.libraries != nil && (h.library == "" || !f.libraries[f.fold(h.library)]) {
		return false
	}
	if f.groups != nil && (h.kind != provisioning.ReviewGroup || !f.groups[f.fold(h.library)+"/"+f.fold(h.object)]) {
		return false
	}
	if f.roles == nil {
		return true
	}
	switch h.kind {
	case provisioning.ReviewLibrary:
		return f.roles[f.fold(h.role)]
	case provisioning.ReviewGlobalRole:
		return f.roles[f.fold(h.object)]
	default:
		return false
	}
}

// now reports whether an access was given after the last campaign. One of which nobody knows since when it is there counts as new.
func (f *filter) now(since time.Time) bool {
	return !f.scope.ChangedNow || since.IsZero() || since.After(f.scope.Since)
}
