package compare_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/compare"
	"rollcall/provisioning/correlate"
	"rollcall/provisioning/policy"
)

// firm makes n people and their accounts as 150 rules give them; every fifth holds a group by hand, every hundredth drifts.
func firm(b testing.TB, n int) (*policy.Policy, *correlate.Result, []provisioning.Account) {
	var text strings.Builder
	text.WriteString("ungoverned = [\"*/DEAL-*\", \"*/NRTADMIN\"]\n")
	for i := range 10 {
		fmt.Fprintf(&text, "[[birthright]]\noffice = \"Office %d\"\nlibraries = { LIB-%d = \"STANDARD\" }\ngroups = [\"LIB-%d/ALL\", \"/FIRM\"]\n", i, i, i)
		for j := range 13 {
			fmt.Fprintf(&text, "[[birthright]]\noffice = \"Office %d\"\ndepartment = \"Practice %d\"\ntitle = \"*Associate*\"\nlibraries = { PRA-%d = \"STANDARD\" }\ngroups = [\"PRA-%d/TEAM-%d\"]\n", i, j, j, j, i)
		}
		fmt.Fprintf(&text, "[[mapping]]\ngroup = \"Project %d\"\ngives = [\"LIB-%d/PROJECT-%d\"]\n", i, i, i)
	}
	for i := range 20 {
		fmt.Fprintf(&text, "[[wall]]\nname = \"wall %d\"\ngroups = [\"*/DEAL-%dA\", \"*/DEAL-%dB\"]\n", i, i, i)
	}
	p := rules(b, text.String())
	in := correlate.Input{}
	for i := range n {
		office, practice := i%10, i/10%13
		login := fmt.Sprintf("user%06d", i)
		person := provisioning.Person{
			Key: provisioning.PersonKey{Directory: "okta", ID: fmt.Sprint(i)}, SSOName: login, Email: login + "@x.example", EmployeeNumber: fmt.Sprint("n", i),
			FullName: fmt.Sprint("Given Family", i), Office: fmt.Sprint("Office ", office), Department: fmt.Sprint("Practice ", practice),
			Title: []string{"Associate", "Senior Associate", "Partner"}[i/130%3], Type: "employee", Status: provisioning.StatusActive,
			Groups: []string{"Everyone", fmt.Sprint("Office ", office), fmt.Sprint("Floor ", i%40)},
		}
		if i%4 == 0 {
			person.Groups = append(person.Groups, fmt.Sprint("Project ", office))
		}
		a := provisioning.Account{
			ID: strings.ToUpper(login), FullName: person.FullName, Email: person.Email, EmployeeNumber: person.EmployeeNumber, Location: person.Office, Enabled: true,
		}
		a = apply(a, compare.Entitlements(p, &person, &a, today()))
		a.FullName, a.Email, a.EmployeeNumber, a.Location = person.FullName, person.Email, person.EmployeeNumber, person.Office
		a.PreferredLibrary = a.Memberships[0].Library
		if i%5 == 0 {
			a.Groups = append(a.Groups, provisioning.GroupRef{Library: "ZZZ", Group: fmt.Sprintf("DEAL-%dA", i%20)})
		}
		if i%100 == 0 {
			a.Groups = append(a.Groups, provisioning.GroupRef{Library: "ZZZ", Group: "EXCESS"})
		}
		in.People, in.Accounts = append(in.People, person), append(in.Accounts, a)
	}
	return p, correlate.Correlate(in), in.Accounts
}

// TestNoDriftCostsLittle: of an account as policy wants it only what it holds is laid out, once.
func TestNoDriftCostsLittle(t *testing.T) {
	p, r, accounts := firm(t, 50)
	i := 1
	if d := compare.Entitlements(p, r.Subjects[i].Person, &accounts[i], today()); say(d) != "" || !d.Birthright.Fits {
		t.Fatalf("%s", say(d))
	}
	if n := testing.AllocsPerRun(100, func() { compare.Entitlements(p, r.Subjects[i].Person, &accounts[i], today()) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkEntitlements compares 100,000 linked accounts with what 150 rules give their people, and with 20 walls; the ratio is against
// building a map of the login keys and probing it with the others, in the same run (DESIGN 7). What Compare costs without a policy is
// taken off.
func BenchmarkEntitlements(b *testing.B) {
	p, r, accounts := firm(b, 100_000)
	in := compare.Input{Correlation: r, Accounts: accounts, Policy: p, PeopleProven: true, AccountsProven: true, At: today()}
	bare := in
	bare.Policy = policy.Default()
	var base, without, ours time.Duration
	for b.Loop() {
		begin := time.Now()
		keys := make(map[string]int)
		for i := range accounts {
			keys[accounts[i].ID] = i
		}
		hits := 0
		for i := range r.Subjects {
			if _, ok := keys[r.Subjects[i].Person.SSOName]; ok {
				hits++
			}
		}
		base += time.Since(begin)
		begin = time.Now()
		compare.Compare(bare)
		without += time.Since(begin)
		begin = time.Now()
		compare.Compare(in)
		ours += time.Since(begin)
	}
	b.ReportMetric(float64(ours-without)/float64(base), "x-map")
	b.ReportMetric(float64((ours-without).Microseconds())/1000/float64(b.N), "ms-more")
	b.ReportMetric(float64(base.Microseconds())/1000/float64(b.N), "ms-map")
}
