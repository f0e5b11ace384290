package demofirm_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/clients/demofirm"
	"rollcall/provisioning"
	"rollcall/provisioning/policy"
)

// TestConforms: whoever works here, and has nothing planted on their rights, holds exactly what the policy gives, right by right, but for
// what is given by hand; whoever has, does not. No rule leaves anybody out, and the wall stands for everybody but those who were planted
// at it. The engine's own comparison is not asked.
func TestConforms(t *testing.T) {
	for _, c := range []struct {
		people int
		seeds  uint64
		in     string
	}{{50, 12, "okta"}, {300, 12, "okta"}, {2000, 2, "okta"}, {300, 2, "okta,entra,google,onelogin"}, {300, 1, "onelogin"}} {
		for seed := range c.seeds {
			t.Run(fmt.Sprintf("seed %d, %d people, %s", seed+1, c.people, c.in), func(t *testing.T) {
				conforms(t, demofirm.Generate(demofirm.Options{Seed: seed + 1, People: c.people, Epoch: epoch, Directories: strings.Split(c.in, ",")}))
			})
		}
	}
}

func conforms(t *testing.T, f *demofirm.Firm) {
	t.Helper()
	running, err := demofirm.Serve(context.Background(), f, demofirm.ServeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	r := read(t, f, running.Connections())
	if len(r.people.People) != f.Options.People {
		t.Errorf("%d people", len(r.people.People))
	}
	planted := make(map[provisioning.Kind][]string)
	for _, m := range f.Truth().Mismatches {
		planted[m.Kind] = append(planted[m.Kind], m.Accounts...)
	}
	conflicted, _ := f.Trap("wall conflict")
	byNumber := make(map[string]*provisioning.Account)
	for i := range r.accounts {
		a := &r.accounts[i]
		if breaks := a.Enabled && len(r.policy.Conflicts(a.Entitlements())) > 0; breaks != slices.Contains(planted[provisioning.KindWall], a.ID) {
			t.Errorf("%s breaks the wall: %v", a.ID, breaks)
		}
		if _, twice := byNumber[a.EmployeeNumber]; twice {
			byNumber[a.EmployeeNumber] = nil // a duplicate
			continue
		}
		byNumber[a.EmployeeNumber] = a
	}
	compared := 0
	for i := range r.people.People {
		p := &r.people.People[i]
		b := r.policy.Birthright(p, r.at)
		if !p.Status.Live() || !r.policy.InScope(p) {
			continue
		}
		if !b.Fits {
			t.Errorf("%s: no rule fits %s, %s, %s", p.Key, p.Office, p.Department, p.Title)
		}
		if len(b.Withheld) > 0 != (p.Key.ID == conflicted) {
			t.Errorf("%s: withheld %v", p.Key, b.Withheld)
		}
		a := byNumber[p.EmployeeNumber]
		if a == nil || !a.Enabled || slices.Contains(planted[provisioning.KindUnconfigured], a.ID) || !strings.EqualFold(a.Email, p.Email) {
			continue
		}
		given := make(map[provisioning.Entitlement]bool)
		for _, g := range b.Given {
			given[g.Entitlement] = true
		}
		same := true
		for _, e := range a.Entitlements() {
			switch byHand := strings.HasPrefix(e.Name, "DEAL-") && e.Name != "DEAL-KITE" && (e.Name != "DEAL-HERON" || e.Library != "LON-COR"); {
			case e.Kind == provisioning.EntitlementGroup && (byHand || e.Name == provisioning.NRTADMIN):
			case !given[e]:
				same = false
			}
			delete(given, e)
		}
		if same = same && len(given) == 0; same == slices.Contains(planted[provisioning.KindEntitlement], a.ID) {
			t.Errorf("%s holds %v, and is missing %v", a.ID, a.Entitlements(), given)
		}
		compared++
	}
	if compared < f.Options.People/3 {
		t.Errorf("only %d accounts were compared", compared)
	}
}

// TestPolicyIsSound: held against the firm, nothing in its policy is wrong but what is planted, the joiner on both sides of the wall.
func TestPolicyIsSound(t *testing.T) {
	for _, people := range []int{50, 300, 2000} {
		f := demofirm.Generate(demofirm.Options{Seed: 7, People: people, Epoch: epoch})
		running, err := demofirm.Serve(context.Background(), f, demofirm.ServeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer running.Close()
		r := read(t, f, running.Connections())
		world := policy.World{Libraries: r.libraries, Groups: r.groups, Roles: make(map[string][]string), At: r.at}
		for i := range r.accounts {
			for _, m := range r.accounts[i].Memberships {
				world.Roles[m.Library] = append(world.Roles[m.Library], m.Role)
			}
		}
		for i := range r.people.People {
			if r.people.People[i].Status.Live() {
				world.People = append(world.People, &r.people.People[i])
			}
		}
		walls := 0
		for _, k := range r.policy.Check(world) {
			switch {
			case k.Severity == provisioning.FindingBad:
				t.Errorf("%d people: wrong is %s: %s", people, k.Where, k.Text)
			case strings.Contains(k.Text, "the rules give both sides to 1 person"):
				walls++
			case strings.Contains(k.Text, "fits nobody"), strings.Contains(k.Text, "ended on"), strings.Contains(k.Text, "OLD-MATTERS is disabled"):
			case people == 2000 || !strings.Contains(k.Text, "nobody"): // a small firm has not somebody in every seat
				t.Errorf("%d people: %s: %s", people, k.Where, k.Text)
			}
		}
		if walls != 1 {
			t.Errorf("%d people: the joiner on both sides of the wall is told %d times", people, walls)
		}
	}
}

// BenchmarkFirm makes and serves a firm of 100,000; x-linear is its time for one person over that of a firm of 2,000.
func BenchmarkFirm(b *testing.B) {
	made := func(people int) time.Duration {
		runtime.GC()
		began := time.Now()
		running, err := demofirm.Serve(context.Background(), demofirm.Generate(demofirm.Options{Seed: 7, People: people, Epoch: epoch}), demofirm.ServeOptions{})
		if err != nil {
			b.Fatal(err)
		}
		took := time.Since(began)
		running.Close()
		return took
	}
	var many, few []time.Duration
	for b.Loop() {
		few, many = append(few, made(2000)), append(many, made(manyPeople))
	}
	b.ReportMetric(quickest(many).Seconds(), "s")
	b.ReportMetric(quickest(many).Seconds()/quickest(few).Seconds()/(manyPeople/2000), "x-linear")
}

// TestDirectoryGroups: whichever directory knows somebody tells the same groups of them, and who their manager is.
func TestDirectoryGroups(t *testing.T) {
	type told struct {
		groups []string
		boss   string
	}
	var first map[string]told
	for _, name := range demofirm.Directories() {
		f := demofirm.Generate(demofirm.Options{Seed: 3, People: 300, Epoch: epoch, Directories: []string{name}})
		running, err := demofirm.Serve(context.Background(), f, demofirm.ServeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer running.Close()
		people := read(t, f, running.Connections()).people.People
		number := make(map[string]string) // id or email → employee number
		for _, p := range people {
			number[p.Key.ID], number[p.Email] = p.EmployeeNumber, p.EmployeeNumber
		}
		now := make(map[string]told)
		several, led := 0, 0
		for _, p := range people {
			// Entra nests the practices in one group, and OneLogin has everybody under one policy.
			groups := slices.DeleteFunc(slices.Sorted(slices.Values(p.Groups)), func(g string) bool { return g == "Everybody" || g == "Default policy" })
			boss := number[p.ManagerID]
			if p.ManagerID == "" {
				boss = number[p.Manager]
			}
			if !p.Status.Live() { // somebody deleted is in no group
				continue
			}
			now[p.EmployeeNumber] = told{groups, boss}
			if len(groups) > 1 {
				several++
			}
			if boss != "" {
				led++
			}
		}
		if first == nil {
			first = now
		}
		if several < 50 || led < 150 {
			t.Errorf("%s: %d in several groups, %d with a manager", name, several, led)
		}
		for n, want := range first {
			if got := now[n]; !slices.Equal(got.groups, want.groups) || got.boss != want.boss {
				t.Errorf("%s says of %s %+v, and %s %+v", name, n, got, demofirm.Directories()[0], want)
			}
		}
	}
}
