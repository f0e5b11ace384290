package propose_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/compare"
	"rollcall/provisioning/policy"
	"rollcall/provisioning/policy/policytest"
	"rollcall/provisioning/propose"
)

var at = time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC)

// everything is a world in which every library and group exists, those called OLD disabled.
func everything(p *policy.Policy) propose.World {
	return propose.World{
		Policy: p, At: at, Library: func(string) bool { return true },
		Group: func(g provisioning.GroupRef) (provisioning.Group, bool) {
			return provisioning.Group{Ref: g, Enabled: g.Group != "OLD"}, true
		},
		TakenID:   func(string) (string, bool) { return "", false },
		TakenMail: func(string) (string, bool) { return "", false },
		ByHand: func(c provisioning.Change) string {
			if c.Kind == provisioning.RemoveLibrary {
				return "not confirmed on this tenant"
			}
			return ""
		},
	}
}

func barnes() (provisioning.Person, provisioning.Account) {
	p := provisioning.Person{
		Key: provisioning.PersonKey{Directory: "okta", ID: "1"}, FullName: "Tom Barnes", SSOName: "tbarnes", Email: "tom@x.example",
		Status: provisioning.StatusActive, Office: "London", Department: "Litigation",
	}
	a := provisioning.Account{
		ID: "TBARNES", FullName: "Tom Barnes", Email: "tom@x.example", Location: "London", Enabled: true, Origin: provisioning.OriginVirtual, PreferredLibrary: "LON",
		Memberships: []provisioning.Membership{{Library: "LON", Role: "STANDARD", Enabled: true}},
		Groups:      []provisioning.GroupRef{{Library: "LON", Group: "ALL"}, {Library: "LON", Group: "NRTADMIN"}, {Library: "LON", Group: "OLD"}},
		GlobalRoles: []string{"ADMIN"},
	}
	return p, a
}

func shown(changes []provisioning.Change) []string {
	list := make([]string, len(changes))
	for i, c := range changes {
		list[i] = strings.TrimSpace(string(c.Kind) + " " + strings.TrimSpace(c.Library+" "+c.Object))
		if c.ByHand != "" {
			list[i] += " by hand"
		}
	}
	return list
}

// TestLeaverOrder: a leaver is disabled first, leaves NRTADMIN before other groups, and libraries come last; what no source confirms and
// what a disabled group refuses is by hand; what a directory owns, and what is protected, is held.
func TestLeaverOrder(t *testing.T) {
	p, a := barnes()
	world := everything(policy.Default())
	row := propose.Row{Person: &p, Account: &a, Mismatches: []*provisioning.Mismatch{{Kind: provisioning.KindLeaver}}}
	got := propose.Mend(row, world)
	want := []string{
		"disable account", "leave group LON NRTADMIN", "leave group LON ALL", "leave group LON OLD by hand", "remove global role ADMIN",
		"remove from library LON by hand",
	}
	if got.Kind != provisioning.KindLeaver || got.Hold != "" || !slices.Equal(shown(got.Changes), want) {
		t.Fatalf("%v %q %q", got.Kind, got.Hold, shown(got.Changes))
	}
	ends := provisioning.LooseEnds{
		CheckedOut: []provisioning.Document{{ID: "LON!1.1", Library: "LON"}}, Owned: []provisioning.Workspace{{ID: "LON!7", Library: "LON"}},
	}
	with := shown(propose.LeaverWith(&a, world, ends, "HEIR", true))
	if i, j, k := slices.Index(with, "transfer workspace LON LON!7"), slices.Index(with, "release lock LON LON!1.1"), slices.Index(with, "remove from library LON by hand"); i < 1 || j < 1 || k < max(i, j) {
		t.Errorf("workspaces and check-outs come after the library: %q", with)
	}
	if without := shown(propose.LeaverWith(&a, world, ends, "", false)); !slices.Equal(without, want) {
		t.Errorf("loose ends are touched unasked: %q", without)
	}
	managed := a
	managed.DirectoryID = "ad"
	row.Account = &managed
	if got := propose.Mend(row, world); len(got.Changes) != 0 || got.Hold == "" {
		t.Errorf("a managed account: %+v", got)
	}
	row.Account = &a
	world.Policy = &policy.Policy{ProtectedIDs: []string{"TBAR*"}}
	if got := propose.Mend(row, world); len(got.Changes) != 0 || got.Hold == "" {
		t.Errorf("a protected account: %+v", got)
	}
}

// TestRehire: a closed account is emptied before it is opened, and comes back with today's rights alone.
func TestRehire(t *testing.T) {
	p, a := barnes()
	a.Enabled, a.Groups = false, []provisioning.GroupRef{{Library: "LON", Group: "ALL"}, {Library: "LON", Group: "DEAL"}}
	a.Memberships = append(a.Memberships, provisioning.Membership{Library: "PAR", Role: "PARTNER"})
	wanted := []provisioning.Entitlement{
		provisioning.InLibrary("LON"), provisioning.RoleIn("LON", "SENIOR"), provisioning.InGroup(provisioning.GroupRef{Library: "LON", Group: "ALL"}),
	}
	got := shown(propose.Rehire(&p, &a, everything(policy.Default()), wanted).Changes)
	want := []string{
		"leave group LON ALL", "leave group LON DEAL", "remove global role ADMIN", "remove from library PAR by hand", "set library role LON",
		"enable account", "join group LON ALL",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestGrantIsWhatIsMissing: over random policies, people and accounts, doing what Missing and Excess propose leaves an account that the
// policy agrees with, but for what is told in the notes; nothing is ever taken by the mend of what is missing; and nobody is ever put on
// two sides of a wall.
func TestGrantIsWhatIsMissing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := policytest.Policy(t)
		p, err := policy.Parse([]byte(text), nil)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		person, a := policytest.Person(t), policytest.Account(t)
		a.Origin, a.DirectoryID, a.External, a.Enabled = provisioning.OriginVirtual, "", false, true
		world := everything(p)
		world.ByHand = nil
		before := len(p.Conflicts(a.Entitlements()))
		missing := propose.Missing(&person, &a, world)
		for _, c := range missing.Changes {
			if c.EndsAccess() {
				t.Fatalf("the mend of what is missing takes something: %+v", c)
			}
		}
		done := do(t, a, missing.Changes)
		if after := len(p.Conflicts(done.Entitlements())); after > before {
			t.Fatalf("%d walls were broken, %d are", before, after)
		}
		left := compare.Entitlements(p, &person, &done, at)
		for _, g := range left.Missing {
			if !slices.ContainsFunc(missing.Notes, func(n propose.Note) bool { return strings.Contains(n.Text, g.String()) }) {
				t.Fatalf("%s is still missing, and no note says why: %q", g.Entitlement, missing.Notes)
			}
		}
		bare := do(t, done, propose.Excess(&person, &done, world).Changes)
		for _, e := range compare.Entitlements(p, &person, &bare, at).Excess {
			if e.Kind != provisioning.EntitlementRole {
				t.Fatalf("%s is still in excess", e.Entitlement)
			}
		}
	})
}

// do applies changes to an account as iManage would, and refuses what it would refuse.
func do(t *rapid.T, a provisioning.Account, changes []provisioning.Change) provisioning.Account {
	a.Memberships, a.Groups = slices.Clone(a.Memberships), slices.Clone(a.Groups)
	for _, c := range changes {
		ref := provisioning.GroupRef{Library: c.Library, Group: c.Object}
		at := slices.IndexFunc(a.Memberships, func(m provisioning.Membership) bool { return m.Library == c.Library })
		switch c.Kind {
		case provisioning.AssignLibrary:
			if at >= 0 || c.Profile == nil || c.After == "" {
				t.Fatalf("assigned twice, or without a profile or role: %+v", c)
			}
			a.Memberships = append(a.Memberships, provisioning.Membership{Library: c.Library, Role: c.After, Enabled: true})
		case provisioning.SetLibraryRole:
			if at < 0 || a.Memberships[at].Role != c.Before {
				t.Fatalf("the role is not what the change saw: %+v", c)
			}
			a.Memberships[at].Role = c.After
		case provisioning.RemoveLibrary:
			a.Memberships = slices.Delete(a.Memberships, at, at+1)
			a.Groups = slices.DeleteFunc(a.Groups, func(g provisioning.GroupRef) bool { return g.Library == c.Library })
		case provisioning.JoinGroup:
			if slices.Contains(a.Groups, ref) || (c.Library != "" && at < 0) {
				t.Fatalf("joined twice, or a group of a library that the account is not in: %+v", c)
			}
			a.Groups = append(a.Groups, ref)
		case provisioning.LeaveGroup:
			a.Groups = slices.DeleteFunc(a.Groups, func(g provisioning.GroupRef) bool { return g == ref })
		default:
		}
	}
	slices.SortFunc(a.Memberships, func(x, y provisioning.Membership) int { return strings.Compare(x.Library, y.Library) })
	slices.SortFunc(a.Groups, func(x, y provisioning.GroupRef) int { return strings.Compare(x.String(), y.String()) })
	return a
}
