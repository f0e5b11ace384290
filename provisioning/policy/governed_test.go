package policy_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
)

// TestGoverns: what is left to the hand is not governed, but what a mapping keeps in step is.
func TestGoverns(t *testing.T) {
	p := parse(t, `
ungoverned = ["*/DEAL-*", "*/NRTADMIN", "EUR-*", "/GUESTS"]
[[mapping]]
group = "Project Kite"
gives = ["LON/DEAL-KITE", "*/DEAL-ALL"]
libraries = { EUR-1 = "" }
`)
	group := func(s string) provisioning.Entitlement {
		ref, _ := provisioning.ParseGroup(s)
		return provisioning.InGroup(ref)
	}
	for e, want := range map[provisioning.Entitlement]bool{
		group("LON/DEAL-HERON"): false, group("lon/deal-x"): false, group("LON/NRTADMIN"): false, group("LON/ALL"): true, group("/GUESTS"): false,
		group("LON/GUESTS"): true, group("LON/DEAL-KITE"): true, group("NYC/DEAL-KITE"): false, group("NYC/DEAL-ALL"): true, group("/DEAL-X"): false,
		provisioning.InLibrary("EUR-2"): false, provisioning.RoleIn("EUR-2", "X"): false, group("EUR-2/ALL"): false, provisioning.InLibrary("LON"): true,
		provisioning.InLibrary("EUR-1"): true, provisioning.RoleIn("EUR-1", "X"): true, group("/EUR-2"): true,
	} {
		if p.Governs(e) != want {
			t.Errorf("%s: governed %v", e, !want)
		}
	}
	if !policy.Default().Governs(group("LON/NRTADMIN")) {
		t.Error("without a list all is governed")
	}
}

// TestNotGiven: why a right that somebody holds is not theirs.
func TestNotGiven(t *testing.T) {
	p := parse(t, `
[[birthright]]
libraries = { LON = "STANDARD" }
groups = ["LON/DEAL-HERON", "LON/DEAL-KITE"]
[[birthright]]
office = "London"
exclusive = true
libraries = { LON = "STANDARD" }
groups = ["LON/DEAL-HERON", "LON/DEAL-KITE"]
[[birthright]]
name = "Firm"
libraries = { FIRM = "" }
[[mapping]]
group = "A"
gives = ["LON/A", "LON/AB"]
[[mapping]]
group = "B"
gives = ["LON/AB"]
[[exception]]
who = "tbarnes"
libraries = { LDS = "" }
until = 2026-10-01
reason = "r"
[[exception]]
who = "tbarnes"
libraries = { LDS = "" }
until = 2026-11-01
reason = "r"
[[wall]]
name = "Kite"
groups = ["*/DEAL-KITE", "*/DEAL-HERON"]
`)
	person := associate()
	b := p.Birthright(&person, day(t, "2026-11-25 12:00:00"))
	for e, want := range map[provisioning.Entitlement]string{
		provisioning.InLibrary("NYC"):         "no rule gives it",
		provisioning.RoleIn("NYC", "X"):       "goes with its library",
		provisioning.RoleIn("LON", "X"):       "the policy gives role STANDARD there",
		provisioning.InLibrary("FIRM"):        "only rule 3 (Firm) gives it, and a more specific rule that is exclusive keeps that out",
		provisioning.InLibrary("LDS"):         "exception 2 ended on 1 Nov 2026",
		group("LON/A"):                        "not in the directory group A",
		group("LON/AB"):                       "in none of the directory groups A, B",
		group("LON/DEAL-KITE"):                "the wall Kite keeps it apart from group LON/DEAL-HERON",
		provisioning.RoleIn("LDS", "DEFAULT"): "exception 2 ended on 1 Nov 2026",
	} {
		if got := p.NotGiven(b, e); got != want {
			t.Errorf("%s: %s, want %s", e, got, want)
		}
	}
}

func group(s string) provisioning.Entitlement {
	ref, _ := provisioning.ParseGroup(s)
	return provisioning.InGroup(ref)
}

// TestFulfils: a glance says yes only where nothing is missing and nothing in excess.
func TestFulfils(t *testing.T) {
	p := parse(t, "ungoverned = ['*/DEAL-*']\n[[birthright]]\nlibraries = { LIT = '', LON = 'STANDARD' }\ngroups = ['LON/ALL', '/FIRM', 'LIT/ALL']")
	person := associate()
	b := p.Birthright(&person, time.Time{})
	member := func(library, role string) provisioning.Membership {
		return provisioning.Membership{Library: library, Role: role, Enabled: true}
	}
	lit, lon := member("LIT", "DEFAULT"), member("LON", "STANDARD")
	for _, c := range []struct {
		name        string
		memberships []provisioning.Membership
		groups      string
		want        bool
	}{
		{"all", []provisioning.Membership{lit, lon}, "/FIRM LIT/ALL LON/ALL", true},
		{"a role that is not known", []provisioning.Membership{lit, member("LON", "")}, "/FIRM LIT/ALL LON/ALL", true},
		{"given by hand", []provisioning.Membership{lit, lon}, "/DEAL-1 /FIRM LIT/ALL LIT/DEAL-1 LON/ALL LON/DEAL-2", true},
		{"another role", []provisioning.Membership{lit, member("LON", "SENIOR")}, "/FIRM LIT/ALL LON/ALL", false},
		{"another library", []provisioning.Membership{lit, member("NYC", "STANDARD")}, "/FIRM LIT/ALL LON/ALL", false},
		{"a library less", []provisioning.Membership{lit}, "/FIRM LIT/ALL LON/ALL", false},
		{"a library more", []provisioning.Membership{lit, lon, member("NYC", "X")}, "/FIRM LIT/ALL LON/ALL", false},
		{"a group less", []provisioning.Membership{lit, lon}, "/FIRM LIT/ALL", false},
		{"a group more", []provisioning.Membership{lit, lon}, "/FIRM LIT/ALL LON/ALL LON/TAX", false},
		{"by hand for a given one", []provisioning.Membership{lit, lon}, "/FIRM LIT/ALL LON/DEAL-1", false},
	} {
		a := provisioning.Account{Memberships: c.memberships}
		for _, e := range held(c.groups) {
			a.Groups = append(a.Groups, e.Group())
		}
		if p.Fulfils(&a, b) != c.want {
			t.Errorf("%s: %v", c.name, !c.want)
		}
	}
}

// TestMappings: those that give groups are listed as the file has them.
func TestMappings(t *testing.T) {
	p := parse(t, "[[mapping]]\ngroup = 'A'\nlibraries = { L = '' }\n[[mapping]]\ndirectory = 'okta'\ngroup = 'B *'\ngives = ['L/B', '/G', '*/E']")
	want := policy.Mapping{Number: 2, Directory: "okta", Group: "B *", Gives: []provisioning.GroupRef{{Library: "L", Group: "B"}, {Group: "G"}, {Library: "*", Group: "E"}}}
	if got := p.Mappings(); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("%+v", got)
	}
}

// TestShared: people who are alike to the rules share one birthright; whatever the rules look at makes another one.
func TestShared(t *testing.T) {
	p := parse(t, `
[[birthright]]
office = "London"
group = "Project *"
libraries = { L = "" }
[[exception]]
who = "0042"
libraries = { M = "" }
from = 2026-11-01
until = 2026-12-31
reason = "r"
`)
	at := day(t, "2026-11-25 12:00:00")
	one, alike := associate(), associate()
	one.EmployeeNumber, alike.EmployeeNumber = "1", "2"
	alike.Key.ID, alike.FullName, alike.Department, alike.Title, alike.Type = "2", "Somebody Else", "Tax", "Partner", "other"
	alike.Groups = []string{"Project Kite", "Others", "Everyone", "Project Kite"}
	want := p.Birthright(&one, at)
	if p.Birthright(&alike, at) != want || p.Birthright(&one, at.AddDate(1, 0, 0)) != want {
		t.Error("two birthrights for people who are alike")
	}
	for name, change := range map[string]func(*provisioning.Person){
		"office":  func(p *provisioning.Person) { p.Office = "Leeds" },
		"group":   func(p *provisioning.Person) { p.Groups = []string{"Project Heron"} },
		"groups":  func(p *provisioning.Person) { p.Groups = append(slices.Clone(p.Groups), "Project Heron") },
		"by name": func(p *provisioning.Person) { p.EmployeeNumber = "0042" },
	} {
		other := one
		change(&other)
		if p.Birthright(&other, at) == want {
			t.Errorf("%s: the same birthright", name)
		}
	}
}

// TestWhatRulesLookAt: one asks, then somebody who differs in one field: each field that a rule looks at counts.
func TestWhatRulesLookAt(t *testing.T) {
	for rule, change := range map[string]func(*provisioning.Person){
		"office = 'London'":         func(p *provisioning.Person) { p.Office = "Leeds" },
		"department = 'Litigation'": func(p *provisioning.Person) { p.Department = "Tax" },
		"title = '*Associate'":      func(p *provisioning.Person) { p.Title = "Partner" },
		"grade = 'associate'":       func(p *provisioning.Person) { p.Title = "Partner" },
		"type = 'employee'":         func(p *provisioning.Person) { p.Type = "contractor" },
		"group = 'Project Kite'":    func(p *provisioning.Person) { p.Groups = []string{"Everyone"} },
	} {
		p := parse(t, "[[grade]]\nname = 'associate'\ntitles = '*Associate'\n[[birthright]]\nlibraries = { L = '' }\n"+rule)
		one, other := associate(), associate()
		change(&other)
		for range 2 {
			if !p.Birthright(&one, time.Time{}).Fits || p.Birthright(&other, time.Time{}).Fits {
				t.Errorf("%s: fits both or neither", rule)
			}
		}
	}
}
