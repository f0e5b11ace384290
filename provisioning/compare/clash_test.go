package compare_test

import (
	"slices"
	"strings"
	"testing"

	"rollcall/provisioning"
	"rollcall/provisioning/compare"
	"rollcall/provisioning/correlate"
	"rollcall/provisioning/policy"
	"rollcall/provisioning/propose"
)

// record is what one directory says of Tom Barnes; every record of it is one person's.
func record(directory string, status provisioning.Status, change func(*provisioning.Person)) provisioning.Person {
	p := provisioning.Person{
		Key: provisioning.PersonKey{Directory: directory, ID: directory + "-1"}, Email: "tbarnes@x.example", SSOName: "tbarnes", FullName: "Tom Barnes",
		EmployeeNumber: "7", Office: "London", Phone: "1", Status: status, RawStatus: strings.ToUpper(string(status)),
	}
	if change != nil {
		change(&p)
	}
	return p
}

// tbarnes is his account, with nothing amiss.
func tbarnes() provisioning.Account {
	return provisioning.Account{
		ID: "TBARNES", Email: "tbarnes@x.example", FullName: "Tom Barnes", EmployeeNumber: "7", Location: "London", Phone: "1", Enabled: true,
		PreferredLibrary: "LON", Memberships: []provisioning.Membership{{Library: "LON", Role: "STANDARD"}},
	}
}

// read merges, correlates and compares what the directories say; his account is recorded as that of okta's record.
func read(a provisioning.Account, absent []provisioning.Absence, people ...provisioning.Person) (*correlate.Result, *compare.Result) {
	m := correlate.Merge(correlate.Sources{People: people, Absent: absent, Order: []string{"okta", "entra", "google"}})
	accounts := []provisioning.Account{a}
	r := correlate.Correlate(correlate.Input{People: m.People, Absent: m.Absent, Accounts: accounts, Anchors: []provisioning.Anchor{
		{Account: "TBARNES", Person: provisioning.PersonKey{Directory: "okta", ID: "okta-1"}},
	}})
	return r, compare.Compare(compare.Input{
		Correlation: r, Accounts: accounts, Policy: policy.Default(), PeopleProven: true, AccountsProven: true, Clashes: m.Clashes,
	})
}

func kinds(r *compare.Result) []provisioning.Kind {
	var list []provisioning.Kind
	for _, m := range r.Mismatches {
		list = append(list, m.Kind)
	}
	return list
}

// TestAStatusClash: where one directory says live and another ended it is a clash, a danger while the account is enabled, and
// never a leaver, also when the one that says live could not be read whole today.
func TestAStatusClash(t *testing.T) {
	const active, ended = provisioning.StatusActive, provisioning.StatusDeprovisioned
	someone := record("entra", active, func(p *provisioning.Person) { // keeps two directories in the merge
		p.Key.ID, p.Email, p.SSOName, p.EmployeeNumber, p.FullName, p.Type = "other", "o@x.example", "other", "9", "Ann Other", "service"
	})
	missing := []provisioning.Absence{{Person: record("entra", active, nil), How: "the read broke off"}}
	for name, c := range map[string]struct {
		people   []provisioning.Person
		absent   []provisioning.Absence
		disabled bool
		want     provisioning.Kind
		severity provisioning.Severity
	}{
		"the first says ended":          {[]provisioning.Person{record("okta", ended, nil), record("entra", active, nil)}, nil, false, provisioning.KindClash, provisioning.SeverityDanger},
		"the second says ended":         {[]provisioning.Person{record("okta", active, nil), record("entra", provisioning.StatusSuspended, nil)}, nil, false, provisioning.KindClash, provisioning.SeverityDanger},
		"two of three say ended":        {[]provisioning.Person{record("okta", ended, nil), record("entra", ended, nil), record("google", active, nil)}, nil, false, provisioning.KindClash, provisioning.SeverityDanger},
		"the account is closed":         {[]provisioning.Person{record("okta", ended, nil), record("entra", active, nil)}, nil, true, provisioning.KindClash, provisioning.SeverityWarning},
		"live is not proven read":       {[]provisioning.Person{record("okta", ended, nil), someone}, missing, false, provisioning.KindClash, provisioning.SeverityDanger},
		"all say ended":                 {[]provisioning.Person{record("okta", ended, nil), record("entra", ended, nil)}, nil, false, provisioning.KindLeaver, provisioning.SeverityDanger},
		"ended, and gone from the rest": {[]provisioning.Person{record("okta", ended, nil), someone}, []provisioning.Absence{{Person: record("entra", active, nil), Proven: true}}, false, provisioning.KindLeaver, provisioning.SeverityDanger},
	} {
		t.Run(name, func(t *testing.T) {
			a := tbarnes()
			a.Enabled = !c.disabled
			_, r := read(a, c.absent, c.people...)
			r.Mismatches = slices.DeleteFunc(r.Mismatches, func(m provisioning.Mismatch) bool {
				return slices.Equal(m.Persons, []provisioning.PersonKey{someone.Key})
			})
			if len(r.Mismatches) != 1 {
				t.Fatalf("%v, want one %s", kinds(r), c.want)
			}
			m := r.Mismatches[0]
			if m.Kind != c.want || m.Severity != c.severity || !slices.Equal(m.Persons, []provisioning.PersonKey{{Directory: "okta", ID: "okta-1"}}) {
				t.Errorf("%s, %s, of %v, want %s, %s", m.Kind, m.Severity, m.Persons, c.want, c.severity)
			}
			if !slices.Equal(m.Accounts, []string{"TBARNES"}) {
				t.Errorf("names the accounts %v", m.Accounts)
			}
		})
	}
}

// TestAnAttributeClash: what differs of one person is one mismatch with every detail, and no danger.
func TestAnAttributeClash(t *testing.T) {
	okta := record("okta", provisioning.StatusActive, nil)
	entra := record("entra", provisioning.StatusActive, func(p *provisioning.Person) { p.Office, p.Phone = "Leeds", "2" })
	google := record("google", provisioning.StatusActive, func(p *provisioning.Person) { p.Office, p.FullName = "Leeds", "Thomas Barnes" })
	r, got := read(tbarnes(), nil, okta, entra, google)
	if len(got.Mismatches) != 1 || !slices.Equal(got.BySubject[0], []int{0}) || !slices.Equal(got.ByAccount[0], []int{0}) || len(r.Subjects) != 1 {
		t.Fatalf("%v, %v, %v", kinds(got), got.BySubject, got.ByAccount)
	}
	m := got.Mismatches[0]
	want := "the directories disagree: full name differs: Tom Barnes in okta, Thomas Barnes in google; " +
		"office differs: London in okta, Leeds in entra; office differs: London in okta, Leeds in google; phone differs: 1 in okta, 2 in entra"
	if m.Kind != provisioning.KindClash || m.Severity != provisioning.SeverityWarning || m.Detail != want {
		t.Errorf("%s, %s: %s", m.Kind, m.Severity, m.Detail)
	}
}

// TestClashesAreGathered: one mismatch for each set of people, each detail once, a danger if any of them is; whom the correlation
// does not know is left out.
func TestClashesAreGathered(t *testing.T) {
	one, two, nobody := provisioning.PersonKey{Directory: "okta", ID: "1"}, provisioning.PersonKey{Directory: "okta", ID: "2"}, provisioning.PersonKey{Directory: "okta", ID: "3"}
	people, accounts := []provisioning.Person{{Key: one}, {Key: two}}, []provisioning.Account{tbarnes()}
	r := compare.Compare(compare.Input{
		Correlation: correlate.Correlate(correlate.Input{
			People: people, Accounts: accounts, Anchors: []provisioning.Anchor{{Account: "TBARNES", Person: one}},
		}),
		Accounts: accounts, Policy: policy.Default(), Clashes: []correlate.Clash{
			{Persons: []provisioning.PersonKey{one}, Detail: "a", Status: true},
			{Persons: []provisioning.PersonKey{one, two}, Detail: "b"},
			{Persons: []provisioning.PersonKey{one}, Detail: "c"},
			{Persons: []provisioning.PersonKey{one}, Detail: "a"},
			{Persons: []provisioning.PersonKey{nobody}, Detail: "d"},
			{Persons: []provisioning.PersonKey{nobody, two}, Detail: "e"},
		},
	})
	want := []string{"the directories disagree: a; c", "the directories disagree: b", "the directories disagree: e"}
	var got []string
	for _, m := range r.Mismatches {
		got = append(got, m.Detail)
	}
	if !slices.Equal(got, want) || !slices.Equal(r.BySubject[0], []int{0, 1}) || !slices.Equal(r.BySubject[1], []int{1, 2}) {
		t.Fatalf("%q, %v", got, r.BySubject)
	}
	if m := r.Mismatches; m[0].Severity != provisioning.SeverityDanger || m[1].Severity != provisioning.SeverityWarning || m[2].Severity != provisioning.SeverityWarning {
		t.Errorf("%s, %s, %s", m[0].Severity, m[1].Severity, m[2].Severity)
	}
}

// TestAClashOfKeys: who is who between several people is one mismatch that names each of them once, and stands once in each row.
func TestAClashOfKeys(t *testing.T) {
	okta, entra := record("okta", provisioning.StatusActive, nil), record("entra", provisioning.StatusActive, func(p *provisioning.Person) { p.ExternalID = "okta-1" })
	second := record("okta", provisioning.StatusActive, func(p *provisioning.Person) { p.Key.ID, p.SSOName, p.EmployeeNumber = "okta-2", "adm", "" })
	r, got := read(tbarnes(), nil, okta, second, entra)
	for _, m := range got.Mismatches {
		if m.Kind == provisioning.KindClash && (len(m.Persons) != 2 || m.Persons[0] != okta.Key || m.Persons[1] != second.Key || m.Severity != provisioning.SeverityWarning) {
			t.Errorf("names %v, %s", m.Persons, m.Severity)
		}
	}
	for i := range r.Subjects {
		n := 0
		for _, at := range got.BySubject[i] {
			if got.Mismatches[at].Kind == provisioning.KindClash {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s has %d clashes", r.Subjects[i].Person.Key, n)
		}
	}
}

// TestTheMendOfAClash: a clash proposes no change by itself, and holds back what stands beside it; only what every directory says
// (a leaver) is mended.
func TestTheMendOfAClash(t *testing.T) {
	world := propose.World{
		Policy: policy.Default(), Library: func(string) bool { return true },
		Group: func(g provisioning.GroupRef) (provisioning.Group, bool) {
			return provisioning.Group{Ref: g, Enabled: true}, true
		},
		TakenID:   func(string) (string, bool) { return "", false },
		TakenMail: func(string) (string, bool) { return "", false },
	}
	const active, ended = provisioning.StatusActive, provisioning.StatusDeprovisioned
	leeds := func(p *provisioning.Person) { p.Office = "Leeds" }
	for name, c := range map[string]struct {
		okta, entra provisioning.Person
		account     func(*provisioning.Account)
		beside      int // other mismatches
		want        provisioning.Kind
	}{
		"status":                   {record("okta", ended, nil), record("entra", active, nil), nil, 0, provisioning.KindClash},
		"attribute":                {record("okta", active, nil), record("entra", active, leeds), nil, 0, provisioning.KindClash},
		"attribute, drift beside":  {record("okta", active, leeds), record("entra", active, nil), nil, 1, provisioning.KindClash},
		"status, drift beside":     {record("okta", ended, nil), record("entra", active, nil), func(a *provisioning.Account) { a.Phone = "0" }, 1, provisioning.KindClash},
		"attribute, unconfigured":  {record("okta", active, nil), record("entra", active, leeds), func(a *provisioning.Account) { a.Memberships = nil }, 1, provisioning.KindClash},
		"attribute, preferred":     {record("okta", active, nil), record("entra", active, leeds), func(a *provisioning.Account) { a.PreferredLibrary = "NYC" }, 1, provisioning.KindClash},
		"attribute, both say gone": {record("okta", ended, nil), record("entra", ended, leeds), nil, 1, provisioning.KindLeaver},
	} {
		t.Run(name, func(t *testing.T) {
			a := tbarnes()
			if c.account != nil {
				c.account(&a)
			}
			links, r := read(a, nil, c.okta, c.entra)
			if len(links.Subjects) != 1 || links.Subjects[0].Account != 0 || len(r.Mismatches) != c.beside+1 {
				t.Fatalf("%d people, %v", len(links.Subjects), kinds(r))
			}
			row := propose.Row{Person: links.Subjects[0].Person, Account: &a}
			detail := ""
			for i := range r.Mismatches {
				row.Mismatches = append(row.Mismatches, &r.Mismatches[i])
				if r.Mismatches[i].Kind == provisioning.KindClash {
					detail = r.Mismatches[i].Detail
				}
			}
			slices.SortStableFunc(row.Mismatches, func(a, b *provisioning.Mismatch) int { return a.Kind.Rank() - b.Kind.Rank() })
			mend := propose.Mend(row, world)
			changes, kind, hold := mend.Changes, mend.Kind, mend.Hold
			if kind != c.want || detail == "" {
				t.Fatalf("mends %s, want %s: %v", kind, c.want, kinds(r))
			}
			if c.want == provisioning.KindClash && (len(changes) != 0 || hold != detail) {
				t.Errorf("proposes %+v, and holds with %q", changes, hold)
			}
			if c.want == provisioning.KindLeaver && len(changes) == 0 {
				t.Error("what all directories say is not mended")
			}
		})
	}
}

// TestAnUnsettledLeaverIsHeld: somebody ended in one directory, who may be somebody that another one lists as live, is told as both, and
// nothing of theirs is changed before it is settled; a leaver of whom an attribute alone is disputed is mended.
func TestAnUnsettledLeaverIsHeld(t *testing.T) {
	id := func(external string) func(*provisioning.Person) {
		return func(p *provisioning.Person) { p.ExternalID = external }
	}
	office := func(p *provisioning.Person) { p.Office = "Leeds" }
	number := func(p *provisioning.Person) { p.EmployeeNumber = "8" }
	for name, c := range map[string]struct {
		okta, entra provisioning.Person
		held        string
	}{
		"the immutable ids differ": {record("okta", provisioning.StatusDeprovisioned, id("a")), record("entra", provisioning.StatusActive, id("b")), "immutable ids differ"},
		"the numbers differ":       {record("okta", provisioning.StatusDeprovisioned, nil), record("entra", provisioning.StatusActive, number), "employee numbers differ"},
		"one says live":            {record("okta", provisioning.StatusDeprovisioned, nil), record("entra", provisioning.StatusActive, nil), "settle it there first"},
		"the office differs":       {record("okta", provisioning.StatusDeprovisioned, nil), record("entra", provisioning.StatusSuspended, office), ""},
	} {
		a := tbarnes()
		r, found := read(a, nil, c.okta, c.entra)
		at := slices.IndexFunc(r.Subjects, func(s correlate.Subject) bool { return s.Person.Key.Directory == "okta" })
		if at < 0 {
			t.Fatalf("%s: nobody of okta", name)
		}
		row := propose.Row{Person: r.Subjects[at].Person, Account: &a}
		for _, i := range found.BySubject[at] {
			row.Mismatches = append(row.Mismatches, &found.Mismatches[i])
		}
		mend := propose.Mend(row, propose.World{Policy: policy.Default(), Library: func(string) bool { return true }})
		changes, hold := mend.Changes, mend.Hold
		switch {
		case c.held == "" && (len(changes) == 0 || hold != ""):
			t.Errorf("%s: held by %q", name, hold)
		case c.held != "" && (len(changes) > 0 || !strings.Contains(hold, c.held)):
			t.Errorf("%s: %d changes, held by %q", name, len(changes), hold)
		}
	}
}
