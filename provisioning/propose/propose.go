// Package propose gives the mend of a mismatch: the changes that would make it go away, each with the precondition that it saw,
// or the reason why an operator must decide first. It stages nothing and sends nothing.
package propose

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/compare"
	"rollcall/provisioning/names"
	"rollcall/provisioning/policy"
)

// Row is what a mend is made from: a person (nil: nobody), the account that a mend acts on (nil: none), and what was found.
type Row struct {
	Person      *provisioning.Person
	Account     *provisioning.Account
	Mismatches  []*provisioning.Mismatch // the worst first
	Suggestions []provisioning.Suggestion
}

// World is what else a mend must know: the policy, the groups that exist, and which ids and emails are taken.
type World struct {
	Policy    *policy.Policy
	Group     func(provisioning.GroupRef) (provisioning.Group, bool)
	Library   func(id string) bool
	TakenID   func(id string) (by string, taken bool)
	TakenMail func(email string) (by string, taken bool)
}

// ByHandReason is why a change stands as a step by hand: no public source confirms the call (contracts/imanage.md 5.2, 7).
const ByHandReason = "not confirmed by iManage's public contract"

// Mend gives the changes that mend a row, in the order in which they are done, and the mismatch that they mend. hold says why
// nothing, or not all, is proposed: a sentence for the operator.
func Mend(row Row, w World) (changes []provisioning.Change, kind provisioning.Kind, hold string) {
	if len(row.Mismatches) == 0 {
		return nil, "", "nothing to mend"
	}
	worst := row.Mismatches[0]
	if hold := untouchable(row, w, worst); hold != "" {
		return nil, worst.Kind, hold
	}
	for _, m := range row.Mismatches { // before all else: a leaver who may be somebody live is none
		if m.Unsettled {
			return nil, m.Kind, m.Detail
		}
	}
	for _, m := range row.Mismatches {
		switch m.Kind {
		case provisioning.KindLeaver:
			return leaver(row.Account, w), m.Kind, ""
		case provisioning.KindReusedID:
			return nil, m.Kind, "a login or email of somebody's old account: " + m.Detail + ". Give a new login, or confirm that it is the same person"
		case provisioning.KindClash:
			return nil, m.Kind, m.Detail
		case provisioning.KindDisputed:
			return nil, m.Kind, "several may be theirs: open the row and confirm which account it is"
		case provisioning.KindJoiner:
			changes, hold := joiner(row, w)
			return changes, m.Kind, hold
		case provisioning.KindOrphan:
			return disable(row.Account), m.Kind, ""
		case provisioning.KindDuplicate, provisioning.KindSSOName:
			if kind == "" {
				kind = m.Kind
			}
			if m.Kind == provisioning.KindDuplicate {
				hold = "a second account: find out which one holds the work, then disable the other"
			} else {
				hold = "the user id cannot be changed: have the directory send " + idOf(row) + " as the single sign-on name"
			}
		default:
			part := mendPart(row, w, m)
			if len(part) > 0 && (kind == "" || len(changes) == 0) {
				kind = m.Kind
			}
			changes = appendNew(changes, part)
		}
	}
	if len(changes) > 0 {
		return changes, kind, ""
	}
	if hold == "" {
		hold = "nothing can be proposed: " + worst.Detail
	}
	return nil, worst.Kind, hold
}

func idOf(row Row) string {
	if row.Account == nil {
		return "the user id"
	}
	return row.Account.ID
}

// untouchable says why a row may not be changed at all.
func untouchable(row Row, w World, worst *provisioning.Mismatch) string {
	a := row.Account
	if a == nil {
		return ""
	}
	if a.Managed() {
		return "waits for the directory: a directory sync owns " + a.ID
	}
	if why, ok := w.Policy.Protected(a.ID); ok {
		return a.ID + " is protected: " + why
	}
	if w.Policy.Service(a.ID) && worst.Kind != provisioning.KindAttribute {
		return a.ID + " is a listed service account"
	}
	return ""
}

// mendPart mends a mismatch that stands beside others without contradiction.
func mendPart(row Row, w World, m *provisioning.Mismatch) []provisioning.Change {
	switch m.Kind {
	case provisioning.KindAdministrator:
		return administrator(row.Account, w)
	case provisioning.KindAttribute:
		return attributes(row.Account, m)
	case provisioning.KindUnconfigured:
		return configure(row.Person, row.Account, w)
	case provisioning.KindPreferredLibrary:
		return preferred(row.Person, row.Account, w)
	default:
		return nil
	}
}

func disable(a *provisioning.Account) []provisioning.Change {
	if !a.Enabled {
		return nil
	}
	return []provisioning.Change{{
		Kind: provisioning.DisableAccount, Account: a.ID, Before: provisioning.ValueEnabled, After: provisioning.ValueDisabled,
	}}
}

// leaver disables first, then takes NRTADMIN, groups, global roles and libraries (DESIGN 4, contracts/imanage.md 10).
func leaver(a *provisioning.Account, w World) []provisioning.Change {
	changes := disable(a)
	changes = append(changes, leaveGroups(a, w, func(g provisioning.GroupRef) bool { return g.Group == provisioning.NRTADMIN })...)
	changes = append(changes, leaveGroups(a, w, func(g provisioning.GroupRef) bool { return g.Group != provisioning.NRTADMIN })...)
	changes = append(changes, globalRoles(a)...)
	for _, m := range a.Memberships {
		changes = append(changes, provisioning.Change{
			Kind: provisioning.RemoveLibrary, Account: a.ID, Library: m.Library, Before: provisioning.ValueMember, After: provisioning.ValueAbsent,
			ByHand: ByHandReason,
		})
	}
	return changes
}

func administrator(a *provisioning.Account, w World) []provisioning.Change {
	changes := leaveGroups(a, w, func(g provisioning.GroupRef) bool { return g.Group == provisioning.NRTADMIN && g.Library != "" })
	return append(changes, globalRoles(a)...)
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
		changes = append(changes, c)
	}
	return changes
}

func globalRoles(a *provisioning.Account) []provisioning.Change {
	changes := make([]provisioning.Change, 0, len(a.GlobalRoles))
	for _, r := range a.GlobalRoles {
		changes = append(changes, provisioning.Change{
			Kind: provisioning.RemoveGlobalRole, Account: a.ID, Object: r, Before: provisioning.ValueMember, After: provisioning.ValueNoMember,
			ByHand: ByHandReason,
		})
	}
	return changes
}

// joiner creates the account, assigns the home library with its role, and joins its groups.
func joiner(row Row, w World) ([]provisioning.Change, string) {
	p := row.Person
	if len(row.Suggestions) > 0 {
		return nil, fmt.Sprintf("%s may be theirs: open the row and say whether it is, before another account is made", row.Suggestions[0].Account)
	}
	id := strings.ToUpper(p.SSOName)
	if _, err := names.Login(id); err != nil || len(id) > 64 {
		return nil, "the directory sends no usable single sign-on name for them"
	}
	if by, taken := w.TakenID(id); taken {
		return nil, fmt.Sprintf("the id %s is taken by the account of %s: never given twice", id, by)
	}
	if by, taken := w.TakenMail(p.Email); taken {
		return nil, fmt.Sprintf("the email %s is taken by account %s", p.Email, by)
	}
	home, ok := w.Policy.Home(p)
	if !ok || !w.Library(home.Library) {
		return nil, "policy.toml names no home library for " + p.Office + " " + p.Department
	}
	profile := provisioning.Profile{
		ID: id, FullName: p.FullName, Email: p.Email, Location: p.Office, Phone: p.Phone,
		EmployeeNumber: p.EmployeeNumber, PreferredLibrary: home.Library,
	}
	changes := []provisioning.Change{{
		Kind: provisioning.CreateAccount, Account: id, Before: provisioning.ValueAbsent, After: profile.Encode(), Profile: &profile,
	}}
	return append(changes, settle(profile, home, w, nil)...), ""
}

// settle gives an account its home library, role and groups, but for what it has already.
func settle(profile provisioning.Profile, home policy.Home, w World, has *provisioning.Account) []provisioning.Change {
	var changes []provisioning.Change
	in := false
	if has != nil {
		if m, member := has.Membership(home.Library); member {
			in = true
			if m.Role != home.Role {
				changes = append(changes, provisioning.Change{
					Kind: provisioning.SetLibraryRole, Account: profile.ID, Library: home.Library, Before: m.Role, After: home.Role,
				})
			}
		}
	}
	if !in {
		changes = append(changes, provisioning.Change{
			Kind: provisioning.AssignLibrary, Account: profile.ID, Library: home.Library, Before: provisioning.ValueAbsent, After: home.Role,
			Profile: &profile,
		})
	}
	for _, g := range home.Groups {
		ref := provisioning.GroupRef{Library: home.Library, Group: g}
		group, ok := w.Group(ref)
		if !ok || !group.Enabled || (has != nil && slices.Contains(has.Groups, ref)) {
			continue
		}
		changes = append(changes, provisioning.Change{
			Kind: provisioning.JoinGroup, Account: profile.ID, Library: home.Library, Object: g,
			Before: provisioning.ValueNoMember, After: provisioning.ValueMember,
		})
	}
	return changes
}

// configure gives an account that first-login creation left bare what its person's home gives.
func configure(p *provisioning.Person, a *provisioning.Account, w World) []provisioning.Change {
	home, ok := w.Policy.Home(p)
	if !ok || !w.Library(home.Library) {
		return nil
	}
	changes := settle(provisioning.ProfileOf(a), home, w, a)
	if a.PreferredLibrary != home.Library {
		if _, in := a.Membership(a.PreferredLibrary); !in {
			changes = append(changes, set(a, "preferred_library", a.PreferredLibrary, home.Library))
		}
	}
	return changes
}

// preferred points the preferred library at the home library where the account is in it, else at its first library.
func preferred(p *provisioning.Person, a *provisioning.Account, w World) []provisioning.Change {
	if len(a.Memberships) == 0 {
		return nil
	}
	to := a.Memberships[0].Library
	if p != nil {
		if home, ok := w.Policy.Home(p); ok {
			if _, in := a.Membership(home.Library); in {
				to = home.Library
			}
		}
	}
	return []provisioning.Change{set(a, "preferred_library", a.PreferredLibrary, to)}
}

// attributes sets each differing field to what the directory says, one change a field.
func attributes(a *provisioning.Account, m *provisioning.Mismatch) []provisioning.Change {
	var changes []provisioning.Change
	for _, f := range m.Fields {
		changes = append(changes, set(a, wireField(f.Field), f.Account, f.Person))
	}
	return changes
}

func set(a *provisioning.Account, field, before, after string) provisioning.Change {
	return provisioning.Change{Kind: provisioning.SetAttribute, Account: a.ID, Object: field, Before: before, After: after}
}

// wireField is the account's field behind a shown one (contracts/imanage.md 5.1).
func wireField(field string) string {
	switch field {
	case compare.FieldName:
		return "full_name"
	default:
		return field // email, location, phone
	}
}

// appendNew adds changes that are not there yet, by what they touch.
func appendNew(changes, more []provisioning.Change) []provisioning.Change {
	for _, c := range more {
		if !slices.ContainsFunc(changes, func(have provisioning.Change) bool {
			return have.Kind == c.Kind && have.Account == c.Account && have.Library == c.Library && have.Object == c.Object
		}) {
			changes = append(changes, c)
		}
	}
	return changes
}
