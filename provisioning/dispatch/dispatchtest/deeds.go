package dispatchtest

import (
	"strings"

	"rollcall/clients/imanage/imanagetest"
	"rollcall/provisioning"
)

// Deed is one change that a person may need, with how the document system must stand for it to be due.
type Deed struct {
	Name string
	Kind provisioning.ChangeKind
	// prepare makes it due for an account, and returns the change and the key of its one effect.
	prepare func(f *Firm, account string) (provisioning.Change, string)
}

// Deeds lists every kind of change, each by every call that it may become.
func Deeds() []Deed {
	return []Deed{
		{"create", provisioning.CreateAccount, func(_ *Firm, u string) (provisioning.Change, string) {
			p := profile(u)
			return provisioning.Change{Before: provisioning.ValueAbsent, After: p.Encode(), Profile: p}, "create " + u
		}},
		{"enable", provisioning.EnableAccount, func(f *Firm, u string) (provisioning.Change, string) {
			f.user(u).AllowLogon = false
			return provisioning.Change{Before: provisioning.ValueDisabled, After: provisioning.ValueEnabled}, "patch " + u + " allow_logon"
		}},
		{"disable", provisioning.DisableAccount, func(_ *Firm, u string) (provisioning.Change, string) {
			return provisioning.Change{Before: provisioning.ValueEnabled, After: provisioning.ValueDisabled}, "patch " + u + " allow_logon"
		}},
		attribute("phone", "", "+44 20 7946 0001"),
		attribute("location", "", "Bishopsgate"),
		attribute("preferred_library", "LON", "NYC"),
		{"assign", provisioning.AssignLibrary, func(_ *Firm, u string) (provisioning.Change, string) {
			return provisioning.Change{Library: "NYC", Before: provisioning.ValueAbsent, After: "DEFAULT", Profile: profile(u)}, "assign " + u + " NYC DEFAULT"
		}},
		{"assign first", provisioning.AssignLibrary, func(_ *Firm, u string) (provisioning.Change, string) {
			return provisioning.Change{Library: "LON", Before: provisioning.ValueAbsent, After: "STANDARD", Profile: profile(u)}, "assign " + u + " LON STANDARD"
		}},
		{"role", provisioning.SetLibraryRole, func(_ *Firm, u string) (provisioning.Change, string) {
			return provisioning.Change{Library: "LON", Before: "STANDARD", After: "PARTNER"}, "role " + u + " LON PARTNER"
		}},
		{"join", provisioning.JoinGroup, func(_ *Firm, u string) (provisioning.Change, string) {
			return provisioning.Change{Library: "LON", Object: "DEAL", Before: provisioning.ValueNoMember, After: provisioning.ValueMember}, "join " + u + " LON DEAL"
		}},
		{"join globally", provisioning.JoinGroup, func(_ *Firm, u string) (provisioning.Change, string) {
			return provisioning.Change{Object: "FIRM", Before: provisioning.ValueNoMember, After: provisioning.ValueMember}, "join " + u + "  FIRM"
		}},
		{"leave administrators", provisioning.LeaveGroup, func(f *Firm, u string) (provisioning.Change, string) {
			f.london.Groups[provisioning.NRTADMIN].Members[u] = true
			return leave("LON", provisioning.NRTADMIN), "leave " + u + " LON " + provisioning.NRTADMIN
		}},
		{"leave", provisioning.LeaveGroup, func(_ *Firm, u string) (provisioning.Change, string) {
			return leave("LON", "ALL"), "leave " + u + " LON ALL"
		}},
		{"leave globally", provisioning.LeaveGroup, func(f *Firm, u string) (provisioning.Change, string) {
			f.global["ALUMNI"].Members[u] = true
			return leave("", "ALUMNI"), "leave " + u + "  ALUMNI"
		}},
		{"take global role", provisioning.RemoveGlobalRole, func(f *Firm, u string) (provisioning.Change, string) {
			f.Config.GlobalRoles["TENANT ADMIN"][u] = true
			return leave("", "TENANT ADMIN"), "global role remove " + u + "  TENANT ADMIN"
		}},
		{"give global role back", provisioning.GiveGlobalRole, func(_ *Firm, u string) (provisioning.Change, string) {
			c := provisioning.Change{Object: "HELP ADMIN", Before: provisioning.ValueNoMember, After: provisioning.ValueMember}
			return c, "global role add " + u + "  HELP ADMIN"
		}},
		{"transfer", provisioning.TransferWorkspace, func(f *Firm, u string) (provisioning.Change, string) {
			id := "LON!1" + u[1:]
			f.london.Workspaces = append(f.london.Workspaces, &imanagetest.Workspace{ID: id, Name: id, Owner: u})
			return provisioning.Change{Library: "LON", Object: id, Before: u, After: successor}, "transfer " + successor + " LON " + id
		}},
		{"release", provisioning.ReleaseLock, func(f *Firm, u string) (provisioning.Change, string) {
			id := "LON!2" + u[1:] + ".1"
			f.london.Documents = append(f.london.Documents, &imanagetest.Document{ID: id, Name: id, InUseBy: u})
			return provisioning.Change{Library: "LON", Object: id, Before: provisioning.ValueLocked, After: provisioning.ValueReleased}, "release " + u + " LON " + id
		}},
		{"remove", provisioning.RemoveLibrary, func(f *Firm, u string) (provisioning.Change, string) {
			f.paris.Members[u] = "STANDARD"
			return provisioning.Change{Library: "PAR", Before: provisioning.ValueMember, After: provisioning.ValueAbsent}, "unassign " + u + " PAR"
		}},
	}
}

func attribute(field, before, after string) Deed {
	return Deed{field, provisioning.SetAttribute, func(_ *Firm, u string) (provisioning.Change, string) {
		return provisioning.Change{Object: field, Before: before, After: after}, "patch " + u + " " + field
	}}
}

func leave(library, group string) provisioning.Change {
	return provisioning.Change{Library: library, Object: group, Before: provisioning.ValueMember, After: provisioning.ValueNoMember}
}

func profile(u string) *provisioning.Profile {
	return &provisioning.Profile{ID: u, FullName: "New " + u, Email: strings.ToLower(u) + "@x.example", PreferredLibrary: "LON"}
}

func (f *Firm) user(id string) *imanagetest.User {
	for i := range f.Config.Users {
		if f.Config.Users[i].ID == id {
			return &f.Config.Users[i]
		}
	}
	panic("dispatchtest: nobody is called " + id)
}

// some gives deeds of the table by their names.
func some(names ...string) []Deed {
	list := make([]Deed, 0, len(names))
	for _, n := range names {
		list = append(list, named(n))
	}
	return list
}

func named(name string) Deed {
	for _, d := range Deeds() {
		if d.Name == name {
			return d
		}
	}
	panic("dispatchtest: no deed is called " + name)
}

// What such a person may need, in the order in which it is done (DESIGN 4).
func joiner() []Deed {
	return some("create", "assign first", "assign", "role", "join", "join globally", "phone", "location", "give global role back")
}

func mover() []Deed {
	return some("phone", "location", "preferred_library", "assign", "role", "join", "join globally", "leave", "leave globally", "remove")
}

func leaver() []Deed {
	return some("leave administrators", "leave", "leave globally", "take global role", "transfer", "release", "remove")
}

// Alone puts one person into the batch for whom this deed is all that is to be done.
func (f *Firm) Alone(d Deed) (account string) {
	account = f.Add(d)
	if d.Name == "assign first" { // somebody who is in no library yet
		delete(f.london.Members, account)
		delete(f.london.Groups["ALL"].Members, account)
	}
	return account
}

// Every makes a firm where every deed is due so many times, with the fewest people who need it all between them: three each time.
func Every(times int) *Firm {
	f := New()
	for range times {
		f.Add(joiner()...)
		f.Add(some("enable", "preferred_library")...)
		f.Add(append(some("disable"), leaver()...)...)
	}
	return f
}

// EveryKind makes a firm where every kind of change is due once, by three people.
func EveryKind() *Firm {
	f := New()
	f.Add(some("create", "assign first", "role", "join", "phone", "give global role back")...)
	f.Add(named("enable"))
	f.Add(some("disable", "leave", "take global role", "transfer", "release", "remove")...)
	return f
}

// LeaversAndJoiners makes a firm with so many people: leavers of three changes and joiners of five, in turns.
func LeaversAndJoiners(people int) *Firm {
	f := New()
	inDeal := func(f *Firm, u string) (provisioning.Change, string) {
		f.london.Groups["DEAL"].Members[u] = true
		return leave("LON", "DEAL"), "leave " + u + " LON DEAL"
	}
	for i := range people {
		if i%2 == 0 {
			f.Add(append(some("disable", "leave"), Deed{"leave deal", provisioning.LeaveGroup, inDeal})...)
			continue
		}
		f.Add(some("create", "assign first", "role", "join", "phone")...)
	}
	return f
}
