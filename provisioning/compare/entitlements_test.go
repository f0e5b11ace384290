package compare_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/compare"
	"rollcall/provisioning/correlate"
	"rollcall/provisioning/policy"
)

// today is the moment of these tests.
func today() time.Time { return time.Date(2026, 11, 25, 12, 0, 0, 0, time.Local) }

func rules(t testing.TB, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// account writes an account: "LON=STANDARD LON/ALL /FIRM"; "LON=" is in LON with a role that is not known.
func account(text string) provisioning.Account {
	a := provisioning.Account{ID: "TBARNES", Enabled: true}
	for _, s := range strings.Fields(text) {
		if library, role, ok := strings.Cut(s, "="); ok {
			a.Memberships = append(a.Memberships, provisioning.Membership{Library: library, Role: role, Enabled: true})
			continue
		}
		g, _ := provisioning.ParseGroup(s)
		a.Groups = append(a.Groups, g)
	}
	return a
}

// say writes a drift: what is missing with -, in excess with +, left alone with ~, withheld with !.
func say(d compare.Drift) string {
	var parts []string
	for _, g := range d.Missing {
		parts = append(parts, "-"+g.String())
	}
	for _, x := range d.Excess {
		parts = append(parts, "+"+x.String())
	}
	for _, e := range d.Untouched {
		parts = append(parts, "~"+e.String())
	}
	for _, h := range d.Withheld {
		parts = append(parts, "!"+h.String())
	}
	return strings.Join(parts, ", ")
}

const seatRules = `
ungoverned = ["*/DEAL-*", "EUR-*"]
[[birthright]]
department = "Litigation"
libraries = { LON = "STANDARD", LIT = "" }
groups = ["LON/ALL", "LIT/ALL", "/FIRM"]
[[birthright]]
department = "Deals"
libraries = { LON = "STANDARD" }
groups = ["LON/KITE", "LON/HERON", "LON/SWAN"]
[[mapping]]
group = "Project Kite"
gives = ["LON/DEAL-KITE", "TAX/KITE"]
[[mapping]]
group = "Europe"
libraries = { EUR-1 = "READER" }
[[wall]]
name = "birds"
groups = ["*/KITE", "*/HERON"]
[[wall]]
name = "fish"
groups = ["*/SWAN", "*/DEAL-COD"]
`

// TestEntitlements: what is missing, in excess, left alone and withheld.
func TestEntitlements(t *testing.T) {
	const whole = "LIT=DEFAULT LON=STANDARD LIT/ALL LON/ALL /FIRM"
	for _, c := range []struct {
		name, department, groups, account, want string
	}{
		{"nothing differs", "Litigation", "", whole, ""},
		{"an empty account", "Litigation", "", "", "-LIT, -role DEFAULT in LIT, -group LIT/ALL, -LON, -role STANDARD in LON, -group LON/ALL, -group /FIRM"},
		{"another role", "Litigation", "", "LIT=SENIOR LON=STANDARD LIT/ALL LON/ALL /FIRM", "-role DEFAULT in LIT, +role SENIOR in LIT"},
		{"a role that is not known", "Litigation", "", "LIT= LON= LIT/ALL LON/ALL /FIRM", ""},
		{"a group", "Litigation", "", whole + " LON/TAX", "+group LON/TAX"},
		{"a global group", "Litigation", "", "LIT=DEFAULT LON=STANDARD LIT/ALL LON/ALL /EXTRA", "-group /FIRM, +group /EXTRA"},
		{"a library brings its role and groups", "Litigation", "", whole + " TAX=SENIOR TAX/ALL TAX/MORE", "+TAX, +role SENIOR in TAX, +group TAX/ALL, +group TAX/MORE"},
		{"but not those given by hand", "Litigation", "", whole + " TAX= TAX/ALL TAX/DEAL-1", "+TAX, +group TAX/ALL, ~group TAX/DEAL-1"},
		{"groups where there is no membership", "Litigation", "", whole + " AAA/X ZZZ/X", "+group AAA/X, +group ZZZ/X"},
		{"given by hand", "Litigation", "", whole + " LON/DEAL-1 /DEAL-2", "~group LON/DEAL-1, ~group /DEAL-2"},
		{"a library given by hand", "Litigation", "", whole + " EUR-2=X EUR-2/ALL", "~EUR-2, ~role X in EUR-2, ~group EUR-2/ALL"},
		{"mapped: not yet in", "Litigation", "Project Kite", whole, "-group LON/DEAL-KITE, -group TAX/KITE"},
		{"mapped: no longer in the directory's group", "Litigation", "", whole + " LON/DEAL-KITE", "+group LON/DEAL-KITE"},
		{"mapped: in both", "Litigation", "Project Kite", whole + " LON/DEAL-KITE TAX/KITE", ""},
		{"a library that a given group needs", "Litigation", "Project Kite", whole + " TAX=X LON/DEAL-KITE TAX/ALL TAX/KITE", "+group TAX/ALL, ~TAX, ~role X in TAX"},
		{"a mapped library", "Litigation", "", whole + " EUR-1=READER EUR-1/ALL", "+EUR-1, +role READER in EUR-1, ~group EUR-1/ALL"},
		{"a mapped library with another role", "Litigation", "Europe", whole + " EUR-1=X", "-role READER in EUR-1, +role X in EUR-1"},
		{"no rule fits", "Tax", "", "TAX=X TAX/ALL", "~TAX, ~role X in TAX, ~group TAX/ALL"},
		{"two sides are given", "Deals", "", "LON=STANDARD LON/SWAN", "!group LON/HERON, !group LON/KITE"},
		{"two sides are given and one is held", "Deals", "", "LON=STANDARD LON/KITE LON/SWAN", "+group LON/KITE, !group LON/HERON"},
		{"one side is given and another held by hand", "Deals", "", "LON=STANDARD LON/DEAL-COD", "~group LON/DEAL-COD, !group LON/HERON, !group LON/KITE, !group LON/SWAN"},
		{"unsorted, and twice", "Litigation", "", "LON=STANDARD LIT=DEFAULT LON/ALL /FIRM LIT/ALL LON/ALL", ""},
	} {
		person := provisioning.Person{Department: c.department, Status: provisioning.StatusActive}
		if c.groups != "" {
			person.Groups = []string{c.groups}
		}
		a := account(c.account)
		if !strings.HasPrefix(c.name, "unsorted") {
			slices.SortFunc(a.Memberships, func(x, y provisioning.Membership) int { return strings.Compare(x.Library, y.Library) })
			slices.SortFunc(a.Groups, func(x, y provisioning.GroupRef) int { return strings.Compare(x.String(), y.String()) })
		}
		d := compare.Entitlements(rules(t, seatRules), &person, &a, today())
		if got := say(d); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
		for _, x := range d.Excess {
			if x.Why == "" {
				t.Errorf("%s: nothing says why %s is in excess", c.name, x.Entitlement)
			}
		}
		for _, h := range d.Withheld {
			if h.Wall == "" || h.Other == (provisioning.Entitlement{}) || len(h.Reasons) == 0 {
				t.Errorf("%s: withheld %+v", c.name, h)
			}
		}
	}
}

// TestAnExternalsDefault: what iManage gives an external user is the default that policy means.
func TestAnExternalsDefault(t *testing.T) {
	p := rules(t, "[[birthright]]\nlibraries = { LON = '' }")
	for external, want := range map[bool]string{true: "", false: "-role DEFAULT in LON, +role DEFAULT EXTERNAL in LON"} {
		a := account("LON=x")
		a.External, a.Memberships[0].Role = external, "DEFAULT EXTERNAL"
		if got := say(compare.Entitlements(p, &provisioning.Person{}, &a, today())); got != want {
			t.Errorf("external %v: %s", external, got)
		}
	}
}

// TestWhyInExcess: every excess says why it is none of the person's.
func TestWhyInExcess(t *testing.T) {
	p := rules(t, seatRules+"[[exception]]\nwho = '7'\nlibraries = { NYC = '' }\nuntil = 2026-11-01\nreason = 'r'\n")
	person := provisioning.Person{Department: "Litigation", EmployeeNumber: "7"}
	a := account("LIT=DEFAULT LON=SENIOR NYC=DEFAULT TAX= LIT/ALL LON/ALL LON/DEAL-KITE TAX/ALL TAX/DEAL-1")
	a.Groups = append([]provisioning.GroupRef{{Group: "FIRM"}}, a.Groups...)
	want := map[string]string{
		"role SENIOR in LON":  "the policy gives role STANDARD there",
		"group LON/DEAL-KITE": "not in the directory group Project Kite",
		"NYC":                 "exception 1 ended on 1 Nov 2026",
		"role DEFAULT in NYC": "exception 1 ended on 1 Nov 2026",
		"TAX":                 "no rule gives it; group TAX/DEAL-1, which is given by hand, would go with it",
		"group TAX/ALL":       "no rule gives it",
	}
	d := compare.Entitlements(p, &person, &a, today())
	for _, x := range d.Excess {
		if x.Why != want[x.String()] {
			t.Errorf("%s: %s", x.Entitlement, x.Why)
		}
	}
	if len(d.Excess) != len(want) {
		t.Errorf("%s", say(d))
	}
}

// found compares one linked pair and lists its mismatches of one kind.
func found(kind provisioning.Kind, p *policy.Policy, person provisioning.Person, a provisioning.Account, change func(*compare.Input)) []provisioning.Mismatch {
	accounts, people := []provisioning.Account{a}, []provisioning.Person{person}
	in := compare.Input{
		Correlation: correlate.Correlate(correlate.Input{People: people, Accounts: accounts, Anchors: []provisioning.Anchor{{Account: a.ID, Person: person.Key}}}),
		Accounts:    accounts, Policy: p, PeopleProven: true, AccountsProven: true, At: today(),
	}
	if change != nil {
		change(&in)
	}
	var list []provisioning.Mismatch
	for _, m := range compare.Compare(in).Mismatches {
		if m.Kind == kind {
			list = append(list, m)
		}
	}
	return list
}

// TestTheEntitlementMismatch: it is told of whom policy speaks, where both sides were read whole, and names the rights in a sentence.
func TestTheEntitlementMismatch(t *testing.T) {
	p := rules(t, "excluded_types = ['external']\n"+seatRules)
	for _, c := range []struct {
		name, account string
		change        func(*compare.Input)
		person        func(*provisioning.Person)
		with          func(*provisioning.Account)
		want          string
	}{
		{name: "nothing differs", account: "LIT=DEFAULT LON=STANDARD LIT/ALL LON/ALL", want: ""},
		{name: "given by hand", account: "LIT=DEFAULT LON=STANDARD LIT/ALL LON/ALL LON/DEAL-1", want: ""},
		{name: "missing", account: "LON=STANDARD LON/ALL", want: "missing LIT, group LIT/ALL"},
		{name: "in excess", account: "LIT=DEFAULT LON=STANDARD TAX=X LIT/ALL LON/ALL TAX/ALL", want: "in excess TAX and 2 more"},
		{name: "both", account: "LON=SENIOR TAX=X LON/TAX TAX/ALL TAX/B", want: "missing LIT, group LIT/ALL, role STANDARD in LON and 1 more; in excess role SENIOR in LON, group LON/TAX, TAX and 3 more"},
		{name: "managed", account: "LON=STANDARD LON/ALL", with: func(a *provisioning.Account) { a.DirectoryID = "ad" }, want: "missing LIT, group LIT/ALL"},
		{name: "people not proven", account: "LON=STANDARD LON/ALL", change: func(in *compare.Input) { in.PeopleProven = false }},
		{name: "accounts not proven", account: "LON=STANDARD LON/ALL", change: func(in *compare.Input) { in.AccountsProven = false }},
		{name: "another policy", account: "LON=STANDARD LON/ALL", change: func(in *compare.Input) { in.Policy = policy.Default() }},
		{name: "out of scope", account: "LON=STANDARD LON/ALL", person: func(p *provisioning.Person) { p.Type = "external" }},
		{name: "no rule fits", account: "LON=STANDARD LON/ALL", person: func(p *provisioning.Person) { p.Department = "Tax" }},
		{name: "ended", account: "LON=STANDARD LON/ALL", person: func(p *provisioning.Person) { p.Status = provisioning.StatusDeprovisioned }},
		{name: "disabled", account: "LON=STANDARD LON/ALL", with: func(a *provisioning.Account) { a.Enabled = false }},
		{name: "in no library", account: "LON/ALL"},
		{name: "unconfigured", account: "LON=DEFAULT", with: func(a *provisioning.Account) { a.Groups = nil }},
	} {
		person := provisioning.Person{Key: provisioning.PersonKey{Directory: "okta", ID: "1"}, SSOName: "tbarnes", Department: "Litigation", Type: "employee", Status: provisioning.StatusActive}
		if c.person != nil {
			c.person(&person)
		}
		a := account(c.account)
		a.Groups = append([]provisioning.GroupRef{{Group: "FIRM"}}, a.Groups...)
		if c.with != nil {
			c.with(&a)
		}
		list := found(provisioning.KindEntitlement, p, person, a, c.change)
		if (c.want == "") != (len(list) == 0) || len(list) > 1 {
			t.Errorf("%s: %+v", c.name, list)
			continue
		}
		if c.want == "" {
			continue
		}
		m := list[0]
		d := compare.Entitlements(p, &person, &a, today())
		if m.Detail != c.want || m.Managed != (c.name == "managed") || m.Severity != provisioning.SeverityWarning ||
			!slices.Equal(m.Accounts, []string{"TBARNES"}) || !slices.Equal(m.Persons, []provisioning.PersonKey{person.Key}) {
			t.Errorf("%s: %+v", c.name, m)
		}
		if len(m.Missing) != len(d.Missing) || len(m.Excess) != len(d.Excess) || !slices.IsSortedFunc(m.Missing, provisioning.Entitlement.Compare) {
			t.Errorf("%s: missing %v, excess %v, and the drift says %s", c.name, m.Missing, m.Excess, say(d))
		}
	}
}

// TestTheWallMismatch: every enabled account that holds two sides is told once, whosoever it is and however much was proven.
func TestTheWallMismatch(t *testing.T) {
	p := rules(t, seatRules)
	unproven := func(in *compare.Input) { in.PeopleProven, in.AccountsProven = false, false }
	person := provisioning.Person{Key: provisioning.PersonKey{Directory: "okta", ID: "1"}, SSOName: "tbarnes", Status: provisioning.StatusActive}
	for held, want := range map[string]string{
		"LON=X LON/HERON LON/ALL":                        "",
		"LON=X LON/HERON NYC/HERON":                      "",
		"LON=X LON/HERON NYC/KITE":                       "the wall birds keeps group LON/HERON apart from group NYC/KITE",
		"LON=X LON/DEAL-COD LON/KITE LON/SWAN NYC/HERON": "the wall birds keeps group LON/KITE apart from group NYC/HERON, and 1 more such pairs are held",
	} {
		a := account(held)
		list := found(provisioning.KindWall, p, person, a, unproven)
		if (want == "") != (len(list) == 0) || (want != "" && (len(list) != 1 || list[0].Detail != want || list[0].Severity != provisioning.SeverityDanger || len(list[0].Persons) != 1)) {
			t.Errorf("%s: %+v, want %s", held, list, want)
		}
		a.Enabled = false
		if list := found(provisioning.KindWall, p, person, a, unproven); len(list) != 0 {
			t.Errorf("%s, disabled: %+v", held, list)
		}
		a.Enabled, a.ID = true, "SOMEBODYELSE"
		stranger := person
		stranger.SSOName, stranger.Status = "x", provisioning.StatusUnknown
		list = found(provisioning.KindWall, p, stranger, a, func(in *compare.Input) {
			in.Correlation = correlate.Correlate(correlate.Input{Accounts: in.Accounts})
		})
		if (want == "") != (len(list) == 0) || (want != "" && (list[0].Detail != want || len(list[0].Persons) != 0)) {
			t.Errorf("%s, of nobody: %+v", held, list)
		}
	}
}

// TestWhomTheSystemServes: somebody of another tenant is no joiner of this one.
func TestWhomTheSystemServes(t *testing.T) {
	people := []provisioning.Person{{Key: provisioning.PersonKey{ID: "1"}, SSOName: "a", Office: "London", Status: provisioning.StatusActive}}
	in := compare.Input{
		Correlation: correlate.Correlate(correlate.Input{People: people}), Policy: policy.Default(), PeopleProven: true, AccountsProven: true,
		Serves: func(p *provisioning.Person) bool { return p.Office == "London" },
	}
	if got := kinds(compare.Compare(in)); !slices.Equal(got, []provisioning.Kind{provisioning.KindJoiner}) {
		t.Errorf("of London: %v", got)
	}
	people[0].Office = "Oslo"
	if got := kinds(compare.Compare(in)); len(got) != 0 {
		t.Errorf("of Oslo: %v", got)
	}
}
