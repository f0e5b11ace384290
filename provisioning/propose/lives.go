package propose

import (
	"fmt"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/names"
	"rollcall/provisioning/policy"
)

// longestID is how long a user id may be (contracts/imanage.md 5.1).
const longestID = 64

// UserID is the user id that a person's single sign-on name gives: what is sent as the NameID must be it (contracts/imanage.md 11).
// ok is false where the directory sends no usable one.
func UserID(p *provisioning.Person) (id string, ok bool) {
	id = strings.ToUpper(p.SSOName)
	_, err := names.Login(id)
	return id, err == nil && len(id) <= longestID
}

// Joiner creates the account of a person who has none and gives it a birthright, or what an operator chose in its place.
func Joiner(row Row, w World, b *policy.Birthright) Proposal {
	p := row.Person
	out := Proposal{Kind: provisioning.KindJoiner}
	hold := func(format string, args ...any) Proposal {
		out.Hold = fmt.Sprintf(format, args...)
		return out
	}
	if len(row.Suggestions) > 0 {
		return hold("%s may be theirs: open the row and say whether it is, before another account is made", row.Suggestions[0].Account)
	}
	id, ok := UserID(p)
	if !ok {
		return hold("the directory sends no usable single sign-on name for them")
	}
	if w.Claims != nil && w.Claims(id) > 1 {
		return hold("%d people in the directory sign in as %s: whose it is must be settled there first", w.Claims(id), id)
	}
	if by, taken := w.TakenID(id); taken {
		return hold("the id %s is taken by the account of %s: never given twice", id, by)
	}
	if by, taken := w.TakenMail(p.Email); taken {
		return hold("the email %s is taken by account %s: mend that account's email first", p.Email, by)
	}
	home := Home(b, w)
	if home == "" {
		return hold("the policy gives no library to %s", strings.TrimSpace(p.Office+" "+p.Department+" "+p.Title))
	}
	profile := NewProfile(p, id, home, b)
	out.Changes = []provisioning.Change{w.hand(provisioning.Change{
		Kind: provisioning.CreateAccount, Account: id, Before: provisioning.ValueAbsent, After: profile.Encode(), Profile: &profile,
	})}
	granted := Grant(profile, nil, Wanted(b), w)
	out.Changes = append(out.Changes, granted.Changes...)
	for i := range b.Withheld {
		out.Notes = append(out.Notes, WithheldNote(&b.Withheld[i]))
	}
	out.Notes = append(out.Notes, granted.Notes...)
	return out
}

// Home is the library that a birthright prefers, else the first that it gives; "" where it gives none that exists.
func Home(b *policy.Birthright, w World) string {
	if b.Preferred != "" && w.Library(b.Preferred) {
		if _, given := b.Gives(provisioning.InLibrary(b.Preferred)); given {
			return b.Preferred
		}
	}
	for _, g := range b.Given {
		if g.Kind == provisioning.EntitlementLibrary && w.Library(g.Library) {
			return g.Library
		}
	}
	return ""
}

// NewProfile is what a person's account is created with.
func NewProfile(p *provisioning.Person, id, home string, b *policy.Birthright) provisioning.Profile {
	location := p.Office
	if b.Location != "" {
		location = b.Location
	}
	return provisioning.Profile{
		ID: id, FullName: p.FullName, Email: p.Email, Location: location, Phone: p.Phone, EmployeeNumber: p.EmployeeNumber, PreferredLibrary: home,
	}
}

// Wanted lists the rights of a birthright.
func Wanted(b *policy.Birthright) []provisioning.Entitlement {
	wanted := make([]provisioning.Entitlement, len(b.Given))
	for i := range b.Given {
		wanted[i] = b.Given[i].Entitlement
	}
	return wanted
}

// Rehire opens somebody's closed account again. Everything that it still held goes first, while it cannot be used; then it is
// enabled, and gets what the policy gives today (threats H4). It is never proposed by itself: an operator says that it is theirs.
func Rehire(p *provisioning.Person, a *provisioning.Account, w World, wanted []provisioning.Entitlement) Proposal {
	out := Proposal{Kind: provisioning.KindReusedID}
	out.add(leaveGroups(a, w, func(g provisioning.GroupRef) bool { return g.Group == provisioning.NRTADMIN })...)
	out.add(leaveGroups(a, w, func(g provisioning.GroupRef) bool { return g.Group != provisioning.NRTADMIN })...)
	out.add(globalRoles(a, w)...)
	bare := *a
	bare.Groups, bare.GlobalRoles = nil, nil
	given := make(map[string]bool)
	for _, e := range wanted {
		if e.Kind == provisioning.EntitlementLibrary {
			given[e.Library] = true
		}
	}
	out.add(leaveLibraries(a, w, func(library string) bool { return !given[library] })...)
	granted := Grant(provisioning.ProfileOf(&bare), &bare, wanted, w)
	for _, c := range granted.Changes { // the role before the door is opened, the groups after
		if c.Kind == provisioning.SetLibraryRole {
			out.add(c)
		}
	}
	out.add(Attributes(p, a)...)
	if !a.Enabled {
		out.add(w.hand(provisioning.Change{
			Kind: provisioning.EnableAccount, Account: a.ID, Before: provisioning.ValueDisabled, After: provisioning.ValueEnabled,
		}))
	}
	for _, c := range granted.Changes {
		if c.Kind == provisioning.JoinGroup { // it left the group above, and comes back by today's policy alone
			c.Before = provisioning.ValueNoMember
		}
		out.add(c)
	}
	out.Notes = granted.Notes
	return out
}

func disable(a *provisioning.Account) []provisioning.Change {
	if !a.Enabled {
		return nil
	}
	return []provisioning.Change{{
		Kind: provisioning.DisableAccount, Account: a.ID, Before: provisioning.ValueEnabled, After: provisioning.ValueDisabled,
	}}
}

// Leaver disables first, then takes NRTADMIN, groups, global roles and libraries (DESIGN 4, contracts/imanage.md 10).
func Leaver(a *provisioning.Account, w World) []provisioning.Change {
	return LeaverWith(a, w, provisioning.LooseEnds{}, "", false)
}

// LeaverWith is Leaver with what the account would leave behind: its workspaces go to a successor, where one is named, and its
// check-outs are ended, where that was asked for. Both come before the account leaves its libraries.
func LeaverWith(a *provisioning.Account, w World, ends provisioning.LooseEnds, successor string, release bool) []provisioning.Change {
	var changes []provisioning.Change
	for _, c := range disable(a) {
		changes = append(changes, w.hand(c))
	}
	changes = append(changes, leaveGroups(a, w, func(g provisioning.GroupRef) bool { return g.Group == provisioning.NRTADMIN })...)
	changes = append(changes, leaveGroups(a, w, func(g provisioning.GroupRef) bool { return g.Group != provisioning.NRTADMIN })...)
	changes = append(changes, globalRoles(a, w)...)
	if successor != "" {
		for _, ws := range ends.Owned {
			changes = append(changes, w.hand(provisioning.Change{
				Kind: provisioning.TransferWorkspace, Account: a.ID, Library: ws.Library, Object: ws.ID, Before: a.ID, After: successor,
			}))
		}
	}
	if release {
		for _, doc := range ends.CheckedOut {
			changes = append(changes, w.hand(provisioning.Change{
				Kind: provisioning.ReleaseLock, Account: a.ID, Library: doc.Library, Object: doc.ID,
				Before: provisioning.ValueLocked, After: provisioning.ValueReleased,
			}))
		}
	}
	return append(changes, leaveLibraries(a, w, func(string) bool { return true })...)
}

func administrator(a *provisioning.Account, w World) []provisioning.Change {
	changes := leaveGroups(a, w, func(g provisioning.GroupRef) bool { return g.Group == provisioning.NRTADMIN && g.Library != "" })
	return append(changes, globalRoles(a, w)...)
}
