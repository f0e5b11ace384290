package policy_test

import (
	"strings"
	"testing"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
)

// associate is a person whom most rules of these tests fit.
func associate() provisioning.Person {
	return provisioning.Person{
		Key: provisioning.PersonKey{Directory: "okta", ID: "00u1"}, SSOName: "tbarnes", Email: "t.barnes@x.example", EmployeeNumber: "0042",
		Office: "London", Department: "Litigation", Title: "Senior Associate", Type: "employee", Groups: []string{"Everyone", "Project Kite"},
	}
}

// given writes a birthright in one line: "LON=STANDARD LON/ALL /FIRM".
func given(b *policy.Birthright) string {
	var parts []string
	for _, g := range b.Given {
		switch g.Kind {
		case provisioning.EntitlementLibrary:
			role, _ := b.Role(g.Library)
			parts = append(parts, g.Library+"="+role)
		case provisioning.EntitlementGroup:
			parts = append(parts, g.Group().String())
		case provisioning.EntitlementRole:
		}
	}
	return strings.Join(parts, " ")
}

func birthright(t *testing.T, text string, change func(*provisioning.Person)) *policy.Birthright {
	t.Helper()
	p := associate()
	if change != nil {
		change(&p)
	}
	return parse(t, text).Birthright(&p, day(t, "2026-11-25 12:00:00"))
}

// TestConditions: what fits whom, and how it is said.
func TestConditions(t *testing.T) {
	const grades = "[[grade]]\nname = 'partner'\ntitles = ['*Partner*']\n[[grade]]\nname = 'associate'\ntitles = ['*associate', 'Solicitor']\n"
	for _, c := range []struct {
		condition string
		change    func(*provisioning.Person)
		because   string // "" where the rule does not fit
	}{
		{"", nil, "everybody"},
		{"office = 'LONDON'", nil, "office is London"},
		{"office = ['Leeds', 'London']", nil, "office is London"},
		{"office = 'Leeds'", nil, ""},
		{"office = 'Lon'", nil, ""},
		{"office = 'L*n'", nil, "office London is like L*n"},
		{"office = '*'", func(p *provisioning.Person) { p.Office = "" }, "office  is like *"},
		{"office = 'Zürich'", func(p *provisioning.Person) { p.Office = " ZU\u0308RICH " }, "office is ZU\u0308RICH"},
		{"office = 'a/*'", func(p *provisioning.Person) { p.Office = "A/b/c" }, "office A/b/c is like a/*"},
		{"office = 'a[b]?'", func(p *provisioning.Person) { p.Office = "a[b]?" }, "office is a[b]?"},
		{"department = 'litigation'\noffice = 'London'", nil, "office is London, department is Litigation"},
		{"department = 'litigation'\noffice = 'Leeds'", nil, ""},
		{"title = '*Associate*'", nil, "title Senior Associate is like *Associate*"},
		{"type = 'contractor'", nil, ""},
		{"type = 'employee'", nil, "type is employee"},
		{"grade = 'Associate'", nil, "grade is associate (title Senior Associate)"},
		{"grade = 'partner'", nil, ""},
		{"grade = ['partner', 'associate']", func(p *provisioning.Person) { p.Title = "solicitor" }, "grade is associate (title solicitor)"},
		{"grade = '*a*'", func(p *provisioning.Person) { p.Title = "Managing Partner" }, "grade is partner (title Managing Partner)"},
		{"group = 'project kite'", nil, "in the directory group Project Kite"},
		{"group = 'Project *'", nil, "in the directory group Project Kite"},
		{"group = 'Kite'", nil, ""},
		{"group = '*'", func(p *provisioning.Person) { p.Groups = nil }, ""},
	} {
		b := birthright(t, grades+"[[birthright]]\ngroups = ['L/G']\n"+c.condition, c.change)
		g, fits := b.Gives(provisioning.InGroup(provisioning.GroupRef{Library: "L", Group: "G"}))
		if fits != (c.because != "") || b.Fits != fits {
			t.Errorf("%q: fits %v", c.condition, fits)
			continue
		}
		if fits && g.Reasons[0].String() != c.because+" (rule 1)" {
			t.Errorf("%q: %q, want %q", c.condition, g.Reasons[0], c.because)
		}
	}
}

// TestSpecificity: of two rules that fit, the one that is more specific decides the role, wherever it stands in the file.
func TestSpecificity(t *testing.T) {
	const grade = "[[grade]]\nname = 'associate'\ntitles = '*Associate*'\n"
	for _, c := range []struct{ name, wins, loses string }{
		{"more conditions", "office = 'London'\ntype = 'employee'", "group = 'Project Kite'"},
		{"more conditions with *", "office = '*'\ntype = '*'\ntitle = '*'", "group = 'Project Kite'\ndepartment = 'Litigation'"},
		{"any condition", "type = '*'", ""},
		{"group over grade", "group = '*Kite'", "grade = 'associate'"},
		{"group over title", "group = 'Project Kite'", "title = 'Senior Associate'"},
		{"grade over department", "grade = 'associate'", "department = 'Litigation'"},
		{"title over department", "title = '*Associate'", "department = 'Litigation'"},
		{"department over office", "department = 'L*'", "office = 'London'"},
		{"office over type", "office = 'L*'", "type = 'employee'"},
		{"the heaviest counts first", "group = 'Project*'\ntype = 'employee'", "title = 'Senior Associate'\ndepartment = 'Litigation'"},
		{"then the next", "department = 'Litigation'\noffice = '*'", "department = 'Litigation'\ntype = 'employee'"},
		{"without a *", "office = 'London'", "office = 'Lond*'"},
		{"one pattern with a *", "office = ['London', 'Leeds']", "office = ['London', 'Le*']"},
		{"a grade has no *", "grade = 'associate'", "title = '*Associate*'"},
	} {
		for _, first := range []string{c.wins, c.loses} {
			second := c.loses
			if first == c.loses {
				second = c.wins
			}
			b := birthright(t, grade+"[[birthright]]\nlibraries = { L = 'ROLE1' }\npreferred_library = 'P1'\nlocation = 'A1'\n"+first+
				"\n[[birthright]]\nlibraries = { L = 'ROLE2' }\npreferred_library = 'P2'\nlocation = 'A2'\n"+second, nil)
			n := "1"
			if first == c.loses {
				n = "2"
			}
			if role, ok := b.Role("L"); !ok || role != "ROLE"+n || b.Preferred != "P"+n || b.Location != "A"+n {
				t.Errorf("%s: rule %s should win: %s, %s, %s", c.name, n, given(b), b.Preferred, b.Location)
			}
			if len(b.Overruled) != 1 || b.Overruled[0].Name == "ROLE"+n || len(b.Unheeded) != 2 {
				t.Errorf("%s: overruled %+v, unheeded %v", c.name, b.Overruled, b.Unheeded)
			}
		}
	}
	for _, first := range []string{"grade = 'associate'", "title = 'Senior Associate'"} { // these weigh the same
		second := "title = 'Senior Associate'"
		if first == second {
			second = "grade = 'associate'"
		}
		b := birthright(t, grade+"[[birthright]]\nlibraries = { L = 'ROLE1' }\n"+first+"\n[[birthright]]\nlibraries = { L = 'ROLE2' }\n"+second, nil)
		if given(b) != "L=ROLE1" {
			t.Errorf("%s before %s: %s", first, second, given(b))
		}
	}
	b := birthright(t, "[[birthright]]\nlibraries = { L = 'ROLE1' }\noffice = 'London'\n[[birthright]]\nname = 'two'\nlibraries = { L = 'ROLE2' }\noffice = 'London'", nil)
	if given(b) != "L=ROLE1" {
		t.Errorf("among equals the first in the file: %s", given(b))
	}
	if o := b.Overruled; len(o) != 1 || o[0].Entitlement != provisioning.RoleIn("L", "ROLE2") || o[0].Reason.String() != "office is London (rule 2, two)" || o[0].By.Number != 1 {
		t.Errorf("overruled %+v", o)
	}
}

// TestTogether: libraries and groups of all rules that fit add up, */GROUP stands for every library of the whole birthright, each
// library has one role, and every right has its reasons.
func TestTogether(t *testing.T) {
	const text = `
[[birthright]]
name = "everybody"
groups = ["/FIRM-ALL", "*/ALL", "LON-COR/ALL"]
libraries = { LON-COR = "" }
[[birthright]]
name = "London"
office = "London"
libraries = { LON-COR = "STANDARD", LON-LIT = "STANDARD" }
preferred_library = "LON-COR"
[[birthright]]
name = "Litigation"
department = "Litigation"
libraries = { LON-LIT = "STANDARD" }
groups = ["LON-LIT/TEAM"]
preferred_library = "LON-LIT"
[[birthright]]
name = "Tax"
department = "Tax"
libraries = { TAX = "STANDARD" }
[[mapping]]
group = "Project Kite"
gives = ["LON-COR/KITE", "*/KITES"]
libraries = { LON-LIT = "READER", KITE = "READER" }
`
	b := birthright(t, text, nil)
	want := "KITE=READER KITE/ALL KITE/KITES LON-COR=STANDARD LON-COR/ALL LON-COR/KITE LON-COR/KITES LON-LIT=STANDARD LON-LIT/ALL LON-LIT/KITES LON-LIT/TEAM /FIRM-ALL"
	if given(b) != want {
		t.Errorf("\n got %s\nwant %s", given(b), want)
	}
	reasons := func(e provisioning.Entitlement) string {
		g, ok := b.Gives(e)
		if !ok {
			t.Errorf("%s is not given", e)
		}
		var parts []string
		for _, r := range g.Reasons {
			parts = append(parts, r.String())
		}
		return strings.Join(parts, "; ")
	}
	for e, want := range map[provisioning.Entitlement]string{
		provisioning.InLibrary("LON-LIT"):                                      "department is Litigation (rule 3, Litigation); office is London (rule 2, London); in the directory group Project Kite (mapping 1)",
		provisioning.RoleIn("LON-LIT", "STANDARD"):                             "department is Litigation (rule 3, Litigation); office is London (rule 2, London)",
		provisioning.RoleIn("LON-COR", "STANDARD"):                             "office is London (rule 2, London)",
		{Kind: provisioning.EntitlementGroup, Library: "LON-COR", Name: "ALL"}: "everybody (rule 1, everybody)",
		{Kind: provisioning.EntitlementGroup, Name: "FIRM-ALL"}:                "everybody (rule 1, everybody)",
	} {
		if got := reasons(e); got != want {
			t.Errorf("%s: %s", e, got)
		}
	}
	if b.Preferred != "LON-LIT" || b.PreferredWhy.Name != "Litigation" || b.Location != "" {
		t.Errorf("prefers %s by %s, location %s", b.Preferred, b.PreferredWhy, b.Location)
	}
	if u := b.Unheeded; len(u) != 1 || u[0].String() != "preferred library LON-COR, by office is London (rule 2, London), loses to department is Litigation (rule 3, Litigation)" {
		t.Errorf("unheeded %v", u)
	}
	var lost []string
	for _, o := range b.Overruled {
		lost = append(lost, o.String())
	}
	if strings.Join(lost, ", ") != "role DEFAULT in LON-COR, role READER in LON-LIT" {
		t.Errorf("overruled %v", lost)
	}
	if b := birthright(t, text, func(p *provisioning.Person) { p.Office, p.Department, p.Groups = "Oslo", "", nil }); given(b) != "LON-COR=DEFAULT LON-COR/ALL /FIRM-ALL" {
		t.Errorf("of Oslo: %s", given(b))
	}
	if _, ok := b.Role("TAX"); ok {
		t.Error("a role in a library that is not given")
	}
}

// TestExclusive: an exclusive rule keeps less specific rules out, and only those; mappings and exceptions go on.
func TestExclusive(t *testing.T) {
	b := birthright(t, `
[[birthright]]
name = "all"
libraries = { A = "" }
[[birthright]]
name = "trainees and associates"
title = "*Associate*"
exclusive = true
libraries = { B = "" }
groups = ["*/IN"]
[[birthright]]
name = "associates in London"
title = "*Associate*"
office = "London"
libraries = { C = "" }
[[birthright]]
name = "Leeds"
office = "Leeds"
exclusive = true
libraries = { D = "" }
[[mapping]]
group = "Project Kite"
libraries = { E = "" }
[[exception]]
who = "TBARNES"
libraries = { F = "" }
until = 2026-12-31
reason = "r"
`, nil)
	if want := "B=DEFAULT B/IN C=DEFAULT C/IN E=DEFAULT E/IN F=DEFAULT F/IN"; given(b) != want {
		t.Errorf("got %s, want %s", given(b), want)
	}
	if len(b.Excluded) != 1 || b.Excluded[0].String() != "everybody (rule 1, all)" {
		t.Errorf("excluded %v", b.Excluded)
	}
}

// TestMapping: a mapping looks at the groups of all directories, or at those that one directory itself lists.
func TestMapping(t *testing.T) {
	const any, okta = "[[mapping]]\ngroup = 'project kite'\ngives = ['L/KITE']", "[[mapping]]\ndirectory = 'okta'\ngroup = 'Project Kite'\ngives = ['L/KITE']"
	record := func(directory string, groups ...string) *provisioning.Person {
		return &provisioning.Person{Key: provisioning.PersonKey{Directory: directory, ID: "1"}, Groups: groups}
	}
	merged := func(records ...*provisioning.Person) func(*provisioning.Person) {
		return func(p *provisioning.Person) {
			p.Key, p.Records, p.Groups = records[0].Key, records, nil
			for _, r := range records {
				p.Groups = append(p.Groups, r.Groups...)
			}
		}
	}
	for name, c := range map[string]struct {
		change func(*provisioning.Person)
		any    bool
		okta   bool
	}{
		"of okta alone":           {nil, true, true},
		"of entra alone":          {func(p *provisioning.Person) { p.Key.Directory = "entra" }, true, false},
		"not a member":            {func(p *provisioning.Person) { p.Groups = []string{"Kite"} }, false, false},
		"merged, okta's group":    {merged(record("entra", "X"), record("okta", "Project Kite")), true, true},
		"merged, entra's group":   {merged(record("okta", "X"), record("entra", "Project Kite")), true, false},
		"merged, everybody's":     {merged(record("entra", "Project Kite"), record("okta", "PROJECT KITE")), true, true},
		"merged, two of okta":     {merged(record("okta", "X"), record("okta", "Project Kite")), true, true},
		"merged, in none of them": {merged(record("okta", "X"), record("entra", "Y")), false, false},
	} {
		if b := birthright(t, any, c.change); b.Fits != c.any || (given(b) != "") != c.any {
			t.Errorf("%s: of any directory: %s", name, given(b))
		}
		b := birthright(t, okta, c.change)
		if b.Fits != c.okta || (given(b) != "") != c.okta {
			t.Errorf("%s: of okta: %s", name, given(b))
		}
		if b.Fits && !strings.HasSuffix(b.Given[0].Reasons[0].String(), " of okta (mapping 1)") {
			t.Errorf("%s: %s", name, b.Given[0].Reasons[0])
		}
	}
}
