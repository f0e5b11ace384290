package policy_test

import (
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
)

const wallsText = `
[[wall]]
name = "Kite against Heron"
groups = ["*/DEAL-KITE*", "*/DEAL-HERON", "LON/DEAL-SWAN"]
[[wall]]
name = "audit"
groups = ["LON/AUDIT-*", "LON/*-CLIENT", "/GLOBAL"]
`

func held(list string) []provisioning.Entitlement {
	var rights []provisioning.Entitlement
	for _, s := range strings.Fields(list) {
		rights = append(rights, group(s))
	}
	return rights
}

// TestWalls: an account breaks a wall with groups of two different sides; two of the same side are none of its business.
func TestWalls(t *testing.T) {
	p := parse(t, wallsText)
	for list, want := range map[string]string{
		"":                                 "",
		"LON/DEAL-KITE":                    "",
		"LON/DEAL-KITE LON/DEAL-KITE":      "",
		"LON/DEAL-KITE NYC/DEAL-KITE-2":    "",
		"LON/DEAL-KITE NYC/DEAL-SWAN":      "",
		"lon/deal-kite NYC/DEAL-HERON":     "Kite against Heron: NYC/DEAL-HERON lon/deal-kite",
		"LON/DEAL-KITE /DEAL-HERON":        "Kite against Heron: LON/DEAL-KITE /DEAL-HERON",
		"LON/DEAL-HERON LON/ALL LON/A":     "",
		"LON/AUDIT-CLIENT":                 "",
		"LON/AUDIT-CLIENT LON/AUDIT-X":     "audit: LON/AUDIT-CLIENT LON/AUDIT-X",
		"LON/AUDIT-CLIENT LON/B-CLIENT":    "audit: LON/AUDIT-CLIENT LON/B-CLIENT",
		"LON/AUDIT-X LON/AUDIT-Y":          "",
		"NYC/AUDIT-X LON/B-CLIENT":         "",
		"LON/AUDIT-X NYC/GLOBAL":           "",
		"LON/AUDIT-X /GLOBAL":              "audit: LON/AUDIT-X /GLOBAL",
		"/GLOBAL LON/DEAL-SWAN LON/X":      "",
		"A/DEAL-HERON A/DEAL-KITE /GLOBAL": "Kite against Heron: A/DEAL-HERON A/DEAL-KITE",
		"LON/DEAL-SWAN LON/AUDIT-1 B/DEAL-HERON LON/2-CLIENT A/DEAL-KITE": "Kite against Heron: A/DEAL-KITE B/DEAL-HERON; " +
			"Kite against Heron: A/DEAL-KITE LON/DEAL-SWAN; Kite against Heron: B/DEAL-HERON LON/DEAL-SWAN; audit: LON/2-CLIENT LON/AUDIT-1",
	} {
		rights := append(held(list), provisioning.InLibrary("LON"), provisioning.RoleIn("LON", "DEAL-HERON"))
		var got []string
		for _, k := range p.Conflicts(rights) {
			got = append(got, k.Wall+": "+k.A.Group().String()+" "+k.B.Group().String())
		}
		if s := strings.Join(got, "; "); s != want {
			t.Errorf("%s:\n got %s\nwant %s", list, s, want)
		}
		var refs []provisioning.GroupRef
		for _, e := range held(list) {
			refs = append(refs, e.Group())
		}
		if p.Breaks(refs) != (want != "") {
			t.Errorf("%s: breaks %v", list, want == "")
		}
	}
}

// TestConflictsWith: a right is held against every group that is held, but itself.
func TestConflictsWith(t *testing.T) {
	p := parse(t, wallsText)
	for _, c := range []struct{ e, held, other string }{
		{"LON/DEAL-KITE", "LON/DEAL-KITE LON/ALL", ""},
		{"LON/DEAL-KITE", "LON/ALL NYC/DEAL-HERON", "NYC/DEAL-HERON"},
		{"LON/ALL", "NYC/DEAL-HERON LON/DEAL-KITE", ""},
		{"/GLOBAL", "LON/AUDIT-1", "LON/AUDIT-1"},
		{"LON/AUDIT-CLIENT", "LON/AUDIT-CLIENT", ""}, // on both sides by itself
	} {
		k, broken := p.ConflictsWith(group(c.e), held(c.held))
		if broken != (c.other != "") || (broken && (k.A != group(c.e) || k.B != group(c.other) || k.Wall == "")) {
			t.Errorf("%s with %s: %+v", c.e, c.held, k)
		}
	}
	if _, broken := p.ConflictsWith(provisioning.RoleIn("LON", "DEAL-KITE"), held("LON/DEAL-HERON")); broken {
		t.Error("a role stands on no side")
	}
}

// TestWalled: what stands at a wall, on whatever side, is known by its name.
func TestWalled(t *testing.T) {
	p := parse(t, wallsText)
	for s, want := range map[string]string{"LON/DEAL-KITE-9": "Kite against Heron", "/GLOBAL": "audit", "LON/ALL": "", "NYC/GLOBAL": ""} {
		if wall, ok := p.Walled(group(s)); wall != want || ok != (want != "") {
			t.Errorf("%s: %q", s, wall)
		}
	}
	if _, ok := p.Walled(provisioning.RoleIn("LON", "DEAL-KITE")); ok {
		t.Error("a role stands at no wall")
	}
}

// TestWithheld: of two groups that a wall keeps apart neither is given, whoever gives them; an exception does not beat a wall.
func TestWithheld(t *testing.T) {
	p := parse(t, wallsText+`
[[birthright]]
libraries = { LON = "" }
groups = ["LON/DEAL-KITE", "LON/ALL", "*/DEAL-KITE-2"]
[[exception]]
who = "tbarnes"
groups = ["LON/DEAL-HERON"]
until = 2026-12-31
reason = "r"
`)
	person := associate()
	b := p.Birthright(&person, day(t, "2026-11-25 12:00:00"))
	if given(b) != "LON=DEFAULT LON/ALL" {
		t.Errorf("gives %s", given(b))
	}
	var got []string
	for _, h := range b.Withheld {
		got = append(got, h.Group().String()+" for "+h.Other.Group().String())
		if h.Wall != "Kite against Heron" || len(h.Reasons) != 1 {
			t.Errorf("%+v", h)
		}
	}
	if s := strings.Join(got, ", "); s != "LON/DEAL-HERON for LON/DEAL-KITE, LON/DEAL-KITE for LON/DEAL-HERON, LON/DEAL-KITE-2 for LON/DEAL-HERON" {
		t.Errorf("withheld %s", s)
	}
	if b := p.Birthright(&person, day(t, "2027-11-25 12:00:00")); given(b) != "LON=DEFAULT LON/ALL LON/DEAL-KITE LON/DEAL-KITE-2" || len(b.Withheld) != 0 {
		t.Errorf("when the exception has ended: %s", given(b))
	}
}

// TestGuarding: the guards of both hold, the rights are one's own.
func TestGuarding(t *testing.T) {
	p := parse(t, "protected = ['A*']\n[limits]\ncount = 5\nstale = '2h'\n[[birthright]]\nlibraries = { LON = '' }\ngroups = ['LON/DEAL-KITE', 'LON/DEAL-HERON']")
	other := parse(t, "protected = ['B']\nvip = ['C']\nservice = ['D']\nungoverned = ['*/X']\n[limits]\ncount = 9\nday = 1\n"+wallsText+"[[birthright]]\nlibraries = { NYC = '' }")
	both := p.Guarding(other)
	for _, id := range []string{"A1", "B", "C", "D"} {
		if !both.Listed(id) {
			t.Errorf("%s is not listed", id)
		}
	}
	if l := both.Limits; l.Count != 5 || l.Day != 1 || l.Week != 40 || l.Percent != 10 || l.Stale != time.Hour {
		t.Errorf("limits %+v", l)
	}
	person := associate()
	if b := both.Birthright(&person, time.Now()); given(b) != "LON=DEFAULT" || len(b.Withheld) != 2 {
		t.Errorf("gives %s", given(b))
	}
	if !both.Governs(group("LON/X")) || len(both.Walls) != 2 {
		t.Error("what the other leaves to the hand, or its walls")
	}
	if again := both.Guarding(other); len(again.Walls) != 2 || len(again.ProtectedIDs) != 2 {
		t.Errorf("guarded twice: %+v", again.Walls)
	}
	if b := p.Birthright(&person, time.Now()); len(p.Walls) != 0 || len(b.Withheld) != 0 || p.Listed("B") {
		t.Error("the policy itself was changed")
	}
}

// TestALiteralPolicy: what was made without Parse answers rightly too.
func TestALiteralPolicy(t *testing.T) {
	p := &policy.Policy{Walls: []policy.Wall{{Name: "w", Groups: []string{"*/A", "*/B"}}}, Ungoverned: []string{"*/A"}}
	person := associate()
	if b := p.Birthright(&person, time.Now()); b == nil || b.Fits || len(b.Given) != 0 {
		t.Errorf("%+v", b)
	}
	if len(p.Conflicts(held("L/A L/B"))) != 1 || p.Governs(group("L/A")) {
		t.Error("its walls or its list do not count")
	}
}
