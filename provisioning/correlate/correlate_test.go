package correlate_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/compare"
	"rollcall/provisioning/correlate"
	"rollcall/provisioning/policy"
)

func someone(id, login, name string) provisioning.Person {
	return provisioning.Person{
		Key: provisioning.PersonKey{Directory: "okta", ID: id}, Login: login + "@x.example", SSOName: login, Email: login + "@x.example", FullName: name,
		Status: provisioning.StatusActive, EmployeeNumber: "n-" + id, Office: "London",
	}
}

func account(id, email, number, name string) provisioning.Account {
	return provisioning.Account{ID: id, Email: email, EmployeeNumber: number, FullName: name, Enabled: true, Location: "London"}
}

// TestKeys is DESIGN 3.3 as a table: what links, what is disputed, what is reused, and what is only a suggestion.
func TestKeys(t *testing.T) {
	barnes := func(change func(*provisioning.Person)) provisioning.Person {
		p := someone("1", "tbarnes", "Tom Barnes")
		if change != nil {
			change(&p)
		}
		return p
	}
	ended := func(p *provisioning.Person) { p.Status = provisioning.StatusDeprovisioned }
	for name, c := range map[string]struct {
		person   provisioning.Person
		accounts []provisioning.Account
		in       correlate.Input
		want     string // linked ID, disputed, reused, suggested, none
	}{
		"SSO name, other case":         {barnes(nil), []provisioning.Account{account("TBARNES", "", "", "")}, correlate.Input{}, "TBARNES"},
		"directory id":                 {barnes(nil), []provisioning.Account{{ID: "X", DirectoryID: "1", Enabled: true}}, correlate.Input{}, "X"},
		"employee number alone":        {barnes(nil), []provisioning.Account{account("OLDNAME", "", "n-1", "")}, correlate.Input{}, "OLDNAME"},
		"email with a differing login": {barnes(nil), []provisioning.Account{account("OTHER", "TBarnes@X.example", "", "")}, correlate.Input{}, "suggested"},
		"email and employee number":    {barnes(nil), []provisioning.Account{account("OTHER", "tbarnes@x.example", "n-1", "")}, correlate.Input{}, "OTHER"},
		"two keys, two accounts":       {barnes(nil), []provisioning.Account{account("TBARNES", "", "", ""), account("B", "", "n-1", "")}, correlate.Input{}, "disputed"},
		"an ambiguous number beside":   {barnes(nil), []provisioning.Account{account("TBARNES", "", "n-1", ""), account("B", "", "n-1", "")}, correlate.Input{}, "TBARNES"},
		"an ambiguous number alone":    {barnes(nil), []provisioning.Account{account("A", "", "n-1", ""), account("B", "", "n-1", "")}, correlate.Input{}, "disputed"},
		"a closed account":             {barnes(nil), []provisioning.Account{{ID: "TBARNES"}}, correlate.Input{}, "reused"},
		"a closed account of a leaver": {barnes(ended), []provisioning.Account{{ID: "TBARNES"}}, correlate.Input{}, "TBARNES"},
		"another employee number":      {barnes(nil), []provisioning.Account{account("TBARNES", "tbarnes@x.example", "n-9", "")}, correlate.Input{}, "reused"},
		"another number, a leaver":     {barnes(ended), []provisioning.Account{account("TBARNES", "", "n-9", "")}, correlate.Input{}, "suggested"},
		"a name":                       {barnes(nil), []provisioning.Account{account("ZZZ", "", "", "Barnes, Thomas")}, correlate.Input{}, "suggested"},
		"a family name alone":          {barnes(nil), []provisioning.Account{account("ZZZ", "", "", "Anna Barnes")}, correlate.Input{}, "none"},
		"a look-alike login":           {barnes(func(p *provisioning.Person) { p.SSOName, p.Login = "tbаrnes", "tbаrnes" }), []provisioning.Account{account("TBARNES", "", "", "")}, correlate.Input{}, "none"},
		"an invisible character":       {barnes(func(p *provisioning.Person) { p.SSOName, p.Login = "tbarnes\u200b", "x" }), []provisioning.Account{account("TBARNES", "", "", "")}, correlate.Input{}, "none"},
		"anchored to somebody else": {barnes(nil), []provisioning.Account{account("TBARNES", "", "", "")}, correlate.Input{
			Anchors: []provisioning.Anchor{{Account: "TBARNES", Person: provisioning.PersonKey{Directory: "okta", ID: "old"}}},
		}, "reused"},
		"anchored to them, all keys gone": {barnes(nil), []provisioning.Account{account("RENAMED", "", "", "")}, correlate.Input{
			Anchors: []provisioning.Anchor{{Account: "RENAMED", Person: provisioning.PersonKey{Directory: "okta", ID: "1"}}},
		}, "RENAMED"},
		"decided theirs": {barnes(nil), []provisioning.Account{account("A", "", "", ""), account("TBARNES", "", "n-9", "")}, correlate.Input{
			Decisions: []provisioning.Decision{{Person: provisioning.PersonKey{Directory: "okta", ID: "1"}, Account: "A", Theirs: true, By: "x"}},
		}, "A"},
		"decided not theirs": {barnes(nil), []provisioning.Account{account("TBARNES", "", "", "")}, correlate.Input{
			Decisions: []provisioning.Decision{{Person: provisioning.PersonKey{Directory: "okta", ID: "1"}, Account: "TBARNES"}},
		}, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			c.in.People, c.in.Accounts = []provisioning.Person{c.person}, c.accounts
			s := correlate.Correlate(c.in).Subjects[0]
			got := "none"
			switch {
			case s.Account >= 0:
				got = c.accounts[s.Account].ID
			case s.Status == provisioning.Disputed:
				got = "disputed"
			case len(s.Reused) > 0:
				got = "reused"
			case len(s.Suggestions) > 0:
				got = "suggested"
			}
			if got != c.want {
				t.Errorf("got %s, want %s: %+v", got, c.want, s)
			}
		})
	}
}

// TestALiveAndAGoneClaim: where a gone person and a living one both meet an enabled account, nobody is linked and nobody is a leaver.
func TestALiveAndAGoneClaim(t *testing.T) {
	gone, live := someone("1", "tbarnes", "Tom Barnes"), someone("2", "tom.b", "Tom Barnes")
	gone.Status, gone.EmployeeNumber = provisioning.StatusDeprovisioned, ""
	live.Email = "shared@x.example"
	r := correlate.Correlate(correlate.Input{People: []provisioning.Person{gone, live}, Accounts: []provisioning.Account{
		account("TBARNES", "shared@x.example", "n-9", "Tom Barnes"),
	}})
	if r.Subjects[0].Account >= 0 {
		t.Error("the account may be the living one's, and would be closed")
	}
}

// random makes a roll in which keys clash as they never should.
func random(t *rapid.T) correlate.Input {
	var in correlate.Input
	word := func(label string) string { return fmt.Sprintf("u%d", rapid.IntRange(0, 7).Draw(t, label)) }
	for i := range rapid.IntRange(0, 10).Draw(t, "people") {
		p := someone(fmt.Sprint(i), word("sso"), "Tom "+word("family"))
		p.Email = word("mail") + "@x.example"
		p.EmployeeNumber = rapid.SampledFrom([]string{"", word("number")}).Draw(t, "n")
		p.Status = rapid.SampledFrom([]provisioning.Status{provisioning.StatusActive, provisioning.StatusDeprovisioned, provisioning.StatusPending, provisioning.StatusUnknown}).Draw(t, "status")
		in.People = append(in.People, p)
	}
	ids := rapid.Permutation([]string{"U0", "U1", "U2", "U3", "U4", "U5", "U6", "U7"}).Draw(t, "ids")
	for i := range rapid.IntRange(0, 8).Draw(t, "accounts") {
		a := account(ids[i], word("amail")+"@x.example", rapid.SampledFrom([]string{"", word("anumber")}).Draw(t, "an"), "Tom "+word("aname"))
		a.Enabled = rapid.Bool().Draw(t, "enabled")
		in.Accounts = append(in.Accounts, a)
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "absent") {
		in.Absent = append(in.Absent, provisioning.Absence{Person: someone(fmt.Sprint("a", i), word("sso"), "Tom"), Proven: rapid.Bool().Draw(t, "proven")})
	}
	return in
}

// TestInvariants: nobody and nothing is linked twice, an unproven absence makes no leaver, a person of a dispute is not linked, the
// order of the input changes nothing, and no mend touches an account that is not the linked one or an orphan.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := random(t)
		r := correlate.Correlate(in)
		owner := make(map[int]int)
		for i := range r.Subjects {
			s := &r.Subjects[i]
			if s.Account < 0 {
				continue
			}
			if other, twice := owner[s.Account]; twice {
				t.Fatalf("account %d is linked to %d and %d", s.Account, other, i)
			}
			owner[s.Account] = i
			if s.Knot >= 0 || len(s.Reused) > 0 || r.Holders[s.Account].Knot >= 0 || r.Holders[s.Account].Subject != i {
				t.Fatalf("%+v is linked and disputed", s)
			}
			a := in.Accounts[s.Account]
			if s.Live() && !a.Enabled {
				t.Fatal("a living person was given a closed account")
			}
		}
		result := compare.Compare(compare.Input{Correlation: r, Accounts: in.Accounts, Policy: policy.Default(), PeopleProven: true, AccountsProven: true})
		leavers := make(map[provisioning.PersonKey]bool)
		for _, m := range result.Mismatches {
			if m.Kind == provisioning.KindLeaver {
				leavers[m.Persons[0]] = true
			}
		}
		for _, a := range in.Absent {
			if !a.Proven && leavers[a.Person.Key] {
				t.Fatal("an unproven absence made a leaver")
			}
		}
		for _, p := range in.People {
			if leavers[p.Key] && !p.Status.Ended() {
				t.Fatalf("%s is called a leaver", p.Status)
			}
		}
		same(t, in, r)
	})
}

// same correlates the shuffled input, and wants the same links.
func same(t *rapid.T, in correlate.Input, want *correlate.Result) {
	links := func(in correlate.Input, r *correlate.Result) map[provisioning.PersonKey]string {
		m := make(map[provisioning.PersonKey]string)
		for i := range r.Subjects {
			s := &r.Subjects[i]
			m[s.Person.Key] = string(s.Status)
			if s.Account >= 0 {
				m[s.Person.Key] = in.Accounts[s.Account].ID
			}
		}
		return m
	}
	shuffled := in
	shuffled.People = append([]provisioning.Person(nil), in.People...)
	shuffled.Accounts = append([]provisioning.Account(nil), in.Accounts...)
	dice := rand.New(rand.NewPCG(1, 2))
	dice.Shuffle(len(shuffled.People), func(i, j int) { shuffled.People[i], shuffled.People[j] = shuffled.People[j], shuffled.People[i] })
	dice.Shuffle(len(shuffled.Accounts), func(i, j int) {
		shuffled.Accounts[i], shuffled.Accounts[j] = shuffled.Accounts[j], shuffled.Accounts[i]
	})
	a, b := links(in, want), links(shuffled, correlate.Correlate(shuffled))
	for k, v := range a {
		if b[k] != v {
			t.Fatalf("%s: %q, and shuffled %q", k, v, b[k])
		}
	}
}

// TestUnprovenReads: without the proof of a whole directory nobody is an orphan, without that of the document system nobody a joiner.
func TestUnprovenReads(t *testing.T) {
	people := []provisioning.Person{someone("1", "new", "New One")}
	accounts := []provisioning.Account{account("LOST", "lost@x.example", "", "Zelda Yarrow")}
	r := correlate.Correlate(correlate.Input{People: people, Accounts: accounts})
	for _, c := range []struct {
		people, accounts bool
		want             int
	}{{true, true, 2}, {false, true, 1}, {true, false, 1}, {false, false, 0}} {
		got := compare.Compare(compare.Input{Correlation: r, Accounts: accounts, Policy: policy.Default(), PeopleProven: c.people, AccountsProven: c.accounts})
		if len(got.Mismatches) != c.want {
			t.Errorf("%+v: %+v", c, got.Mismatches)
		}
	}
}

// BenchmarkCompare correlates and compares 100,000 people with 100,000 accounts and their entitlements; the ratio is against building
// a map of the login keys and probing it with the others, in the same run (DESIGN 7).
func BenchmarkCompare(b *testing.B) {
	const n = 100_000
	in := correlate.Input{}
	for i := range n {
		login := fmt.Sprintf("user%06d", i)
		in.People = append(in.People, someone(fmt.Sprint(i), login, "Given Family"+fmt.Sprint(i)))
		a := account("USER"+login[4:], login+"@x.example", "n-"+fmt.Sprint(i), "Given Family"+fmt.Sprint(i))
		a.PreferredLibrary = "LON"
		a.Memberships = []provisioning.Membership{{Library: "LON", Role: "STANDARD"}, {Library: "NYC", Role: "DEFAULT"}}
		a.Groups = []provisioning.GroupRef{{Library: "LON", Group: "ALL"}, {Library: "LON", Group: "TAX"}, {Library: "NYC", Group: "ALL"}}
		in.Accounts = append(in.Accounts, a)
	}
	var base, ours time.Duration
	for b.Loop() {
		begin := time.Now()
		keys := make(map[string]int)
		for i := range in.Accounts {
			keys[in.Accounts[i].ID] = i
		}
		hits := 0
		for i := range in.People {
			if _, ok := keys[in.People[i].SSOName]; ok {
				hits++
			}
		}
		base += time.Since(begin)
		begin = time.Now()
		r := correlate.Correlate(in)
		compare.Compare(compare.Input{Correlation: r, Accounts: in.Accounts, Policy: policy.Default(), PeopleProven: true, AccountsProven: true})
		ours += time.Since(begin)
	}
	b.ReportMetric(float64(ours)/float64(base), "x-map")
	b.ReportMetric(float64(ours.Milliseconds())/float64(b.N), "ms")
}
