package certify

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/provisioning"
)

// Note is what is to be told of a revoke beside its changes.
type Note struct {
	Item    int    // its number
	Already bool   // the access is gone: there is nothing to change
	Text    string // a sentence
}

// Revokes gives the changes that take the accesses of some items away from their account, as it stands now (nil: it is gone), in the
// order of a leaver's: disable first, then NRTADMIN, groups, global roles, libraries (DESIGN 4). A library takes its groups along, so that
// the account leaves all of those first, one by one, where everybody can see it; the notes name those that are no item of the list. An
// access that is gone gives no change, and a note. Items of other accounts give nothing. A change that is not to be sent to the tenant is
// not marked here.
func Revokes(items []provisioning.ReviewItem, a *provisioning.Account) ([]provisioning.Change, []Note) {
	r := revoking{account: a}
	var own []provisioning.ReviewItem
	for i := range items {
		if a == nil || strings.EqualFold(items[i].Account, a.ID) {
			own = append(own, items[i])
			r.take(&items[i])
		}
	}
	r.along(own)
	return slices.Concat(r.disable, r.admins, r.groups, r.roles, r.libraries), r.notes
}

// along notes the groups that go with a library and that no item names.
func (r *revoking) along(items []provisioning.ReviewItem) {
	for _, c := range slices.Concat(r.admins, r.groups) {
		access, library := GroupAccess(c.Account, provisioning.GroupRef{Library: c.Library, Group: c.Object}), LibraryAccess(c.Account, c.Library)
		var with *provisioning.ReviewItem
		named := false
		for i := range items {
			switch AccessOf(&items[i]) {
			case access:
				named = true
			case library:
				with = &items[i]
			}
		}
		if !named && with != nil {
			r.note(with, false, fmt.Sprintf("%s leaves group %s/%s with %s, which no item of the review revokes", c.Account, c.Library, c.Object, c.Library))
		}
	}
}

// Theirs are items of one account.
type Theirs struct {
	Account string
	Items   []provisioning.ReviewItem
}

// ByAccount lists the items of some numbers by their account, in the items' order: what Revokes is asked about, account by account.
func ByAccount(items []provisioning.ReviewItem, wanted []int) []Theirs {
	var list []Theirs
	at := make(map[string]int)
	for _, it := range pick(items, wanted) {
		i, ok := at[it.Account]
		if !ok {
			i = len(list)
			at[it.Account] = i
			list = append(list, Theirs{Account: it.Account})
		}
		list[i].Items = append(list[i].Items, it)
	}
	return list
}

type revoking struct {
	account                                   *provisioning.Account
	disable, admins, groups, roles, libraries []provisioning.Change
	notes                                     []Note
}

func (r *revoking) note(it *provisioning.ReviewItem, already bool, text string) {
	r.notes = append(r.notes, Note{Item: it.N, Already: already, Text: text})
}

// gone notes that there is nothing to take away.
func (r *revoking) gone(it *provisioning.ReviewItem, why string) {
	r.note(it, true, "already true: "+it.Account+" "+why)
}

// put adds a change, once.
func put(list *[]provisioning.Change, c provisioning.Change) {
	if !slices.Contains(*list, c) {
		*list = append(*list, c)
	}
}

func (r *revoking) take(it *provisioning.ReviewItem) {
	a := r.account
	if a == nil {
		r.gone(it, "is gone")
		return
	}
	switch it.Kind {
	case provisioning.ReviewLibrary:
		r.library(it)
	case provisioning.ReviewGroup:
		i := slices.IndexFunc(a.Groups, func(g provisioning.GroupRef) bool { return GroupAccess(a.ID, g) == AccessOf(it) })
		if i < 0 {
			r.gone(it, "is not in "+What(it))
			return
		}
		r.leave(a.Groups[i])
	case provisioning.ReviewGlobalRole:
		if !slices.Contains(a.GlobalRoles, it.Object) {
			r.gone(it, "has no "+What(it))
			return
		}
		put(&r.roles, provisioning.Change{
			Kind: provisioning.RemoveGlobalRole, Account: a.ID, Object: it.Object, Before: provisioning.ValueMember, After: provisioning.ValueNoMember,
		})
	default:
		if !a.Enabled {
			r.gone(it, "is disabled")
			return
		}
		put(&r.disable, provisioning.Change{
			Kind: provisioning.DisableAccount, Account: a.ID, Before: provisioning.ValueEnabled, After: provisioning.ValueDisabled,
		})
	}
}

func (r *revoking) leave(g provisioning.GroupRef) {
	list := &r.groups
	if strings.EqualFold(g.Group, provisioning.NRTADMIN) {
		list = &r.admins
	}
	put(list, provisioning.Change{
		Kind: provisioning.LeaveGroup, Account: r.account.ID, Library: g.Library, Object: g.Group,
		Before: provisioning.ValueMember, After: provisioning.ValueNoMember,
	})
}

func (r *revoking) library(it *provisioning.ReviewItem) {
	a := r.account
	i := slices.IndexFunc(a.Memberships, func(m provisioning.Membership) bool { return strings.EqualFold(m.Library, it.Library) })
	if i < 0 {
		r.gone(it, "is not in "+it.Library)
		return
	}
	m := a.Memberships[i]
	if it.Role != "" && m.Role != "" && m.Role != it.Role {
		r.note(it, false, fmt.Sprintf("%s is %s in %s now, and was %s when it was reviewed: the place goes with its role", a.ID, m.Role, m.Library, it.Role))
	}
	for _, g := range a.Groups {
		if strings.EqualFold(g.Library, m.Library) {
			r.leave(g)
		}
	}
	put(&r.libraries, provisioning.Change{
		Kind: provisioning.RemoveLibrary, Account: a.ID, Library: m.Library, Before: provisioning.ValueMember, After: provisioning.ValueAbsent,
	})
}
