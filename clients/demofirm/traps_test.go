package demofirm_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"rollcall/clients/demofirm"
	"rollcall/clients/imanage/imanagetest"
	"rollcall/clients/okta/oktatest"
	"rollcall/provisioning"
)

// caught is a served firm with one trap of it.
type caught struct {
	running *demofirm.Running
	state   imanagetest.State
	person  oktatest.User
	account imanagetest.User
	groups  []string // the directory's, of the person
}

func (c caught) in(group string) bool { return slices.Contains(c.state.Members[group], c.account.ID) }

// enabled counts the enabled members of a group but one.
func (c caught) enabled(group, but string) int {
	n := 0
	for _, id := range c.state.Members[group] {
		if u, ok := c.running.Imanage.User(id); ok && u.AllowLogon && id != but {
			n++
		}
	}
	return n
}

// owned counts the workspaces of the trap's account, and those that nobody else has full access to.
func (c caught) owned() (all, sole int) {
	for id, owner := range c.state.Owners {
		if owner != c.account.ID {
			continue
		}
		all++
		if full(c.state.Access[id]) == 1 {
			sole++
		}
	}
	return all, sole
}

// full counts the lines of an access list that give full access.
func full(lines []string) (n int) {
	for _, line := range lines {
		if strings.HasSuffix(line, " full_access") {
			n++
		}
	}
	return n
}

// out counts what the trap's account has checked out.
func (c caught) out() (n int) {
	for _, by := range c.state.Locks {
		if by == c.account.ID {
			n++
		}
	}
	return n
}

// sprung says of each trap which kinds the truth must tell of its person, and what must be so for it to be one. A trap whose account
// is nobody's yet has account "".
func sprung() map[string]struct {
	kinds   string
	account string
	is      func(c caught) bool
} {
	type one = struct {
		kinds   string
		account string
		is      func(c caught) bool
	}
	ended := func(c caught) bool { return c.person.Status == "DEPROVISIONED" && c.account.AllowLogon }
	return map[string]one{
		"rehire": {"reused-id", "AFAIRWEATHER", func(c caught) bool {
			return !c.account.AllowLogon && c.account.Custom1 == c.person.Profile.EmployeeNumber && c.account.FullName == c.person.Profile.DisplayName &&
				c.person.Created.After(c.account.CreateDate.AddDate(5, 0, 0)) && c.in("LON-LIT/DEAL-LARK")
		}},
		"id reuse": {"reused-id", "HTREMAYNE", func(c caught) bool {
			return !c.account.AllowLogon && c.account.Custom1 != c.person.Profile.EmployeeNumber && c.account.Custom1 != "" &&
				strings.HasPrefix(c.person.Profile.Login, "htremayne@") && c.account.FullName != c.person.Profile.DisplayName
		}},
		"email reuse": {"reused-id", "HMARSH", func(c caught) bool {
			return c.account.AllowLogon && c.account.Email == c.person.Profile.Email && c.account.Custom1 != c.person.Profile.EmployeeNumber &&
				!strings.HasPrefix(c.person.Profile.Login, "hmarsh@")
		}},
		"wall conflict": {"joiner", "", func(c caught) bool {
			return slices.Contains(c.groups, "Project Kite") && slices.Contains(c.groups, "Project Heron")
		}},
		"disabled group joiner": {"joiner", "", func(c caught) bool { return slices.Contains(c.groups, "Closed matters") }},
		"disabled group":        {"leaver", "PLINDENAU", func(c caught) bool { return ended(c) && c.in("LON-COR/OLD-MATTERS") }},
		"last administrator": {"administrator leaver", "MSTACKPOLE", func(c caught) bool {
			return ended(c) && c.in("AMS-GEN/NRTADMIN") && c.enabled("AMS-GEN/NRTADMIN", c.account.ID) == 0 &&
				strings.Contains(c.state.Roles["AMS-GEN/SVC_ROLLCALL"], "ADMIN")
		}},
		"directory-managed leaver": {"leaver", "IKETTLEWELL", func(c caught) bool { return ended(c) && c.account.DirectoryID != "" && c.account.Nos == 6 }},
		"owner of 40 workspaces": {"leaver", "CRAVENHILL", func(c caught) bool {
			all, sole := c.owned()
			return ended(c) && all == 40 && sole > 0 && sole < all && c.out() == 0
		}},
		"3 checked-out documents": {"administrator leaver", "TBARNES", func(c caught) bool {
			all, sole := c.owned()
			return ended(c) && c.out() == 3 && all == 12 && sole > 0 && sole < all && c.in("LON-COR/NRTADMIN") && c.enabled("LON-COR/NRTADMIN", "TBARNES") > 1
		}},
		"sso name": {"attribute sso-name", "SDUNMORE", func(c caught) bool {
			return c.account.AllowLogon && strings.HasPrefix(c.person.Profile.Login, "sholloway@") && c.account.Custom1 == c.person.Profile.EmployeeNumber
		}},
		"mover": {"entitlement", "NOKAFOR", func(c caught) bool {
			return c.account.AllowLogon && c.person.Profile.Department == "Litigation" && c.in("LON-COR/CORP-ALL") && c.person.LastUpdated.After(epoch.AddDate(0, 0, -7))
		}},
	}
}

// TestTraps: every trap stands in every firm, whatever its seed and size, and is what it is called; the truth tells it.
func TestTraps(t *testing.T) {
	for _, people := range []int{50, 300, 2000} {
		for seed := range uint64(12) {
			t.Run(fmt.Sprintf("seed %d, %d people", seed+1, people), func(t *testing.T) {
				springs(t, demofirm.Generate(demofirm.Options{Seed: seed + 1, People: people, Epoch: epoch}))
			})
		}
	}
	if person, account := demofirm.Generate(demofirm.Options{People: 50, Epoch: epoch}).Trap("none"); person != "" || account != "" {
		t.Errorf("a trap that is none: %s %s", person, account)
	}
}

func springs(t *testing.T, f *demofirm.Firm) {
	t.Helper()
	running, err := demofirm.Serve(context.Background(), f, demofirm.ServeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	state, truth := running.Imanage.Dump(), f.Truth()
	groups := make(map[string][]string)
	for _, p := range read(t, f, running.Connections()).people.People {
		groups[p.Key.ID] = p.Groups
	}
	for name, want := range sprung() {
		person, account := f.Trap(name)
		c := caught{running: running, state: state, groups: groups[person]}
		var there bool
		if c.person, there = running.Okta.User(person); !there {
			t.Fatalf("%s: nobody has the id %q", name, person)
		}
		if c.account, there = running.Imanage.User(account); account != want.account || there != (account != "") {
			t.Errorf("%s: account %q", name, account)
		}
		var kinds []string
		for _, m := range truth.Mismatches {
			if slices.Contains(m.Persons, person) {
				kinds = append(kinds, string(m.Kind))
			}
		}
		slices.Sort(kinds)
		if got := strings.Join(kinds, " "); got != want.kinds {
			t.Errorf("%s: the truth tells %s, want %s", name, got, want.kinds)
		}
		if !want.is(c) {
			t.Errorf("%s is none: %+v %+v", name, c.person, c.account)
		}
	}
}

// TestTeam: the mover has an assistant and a trainee in every directory that knows a manager.
func TestTeam(t *testing.T) {
	for _, name := range demofirm.Directories() {
		f := demofirm.Generate(demofirm.Options{Seed: 4, People: 300, Epoch: epoch, Directories: []string{name}})
		running, err := demofirm.Serve(context.Background(), f, demofirm.ServeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer running.Close()
		mover, _ := f.Trap("mover")
		var titles []string
		for _, p := range read(t, f, running.Connections()).people.People {
			if p.ManagerID == mover || p.Manager == "ngozi.okafor@harcourtvane.example" {
				titles = append(titles, p.Title)
			}
		}
		slices.Sort(titles)
		if !slices.Equal(titles, []string{"Legal Assistant", "Trainee"}) {
			t.Errorf("%s: the mover's people are %v", name, titles)
		}
	}
}

// TestSandbox: the account on which a tenant's operations may be tried is closed, nobody's, virtual, and no mismatch.
func TestSandbox(t *testing.T) {
	f := demofirm.Generate(demofirm.Options{Seed: 7, People: 300, Epoch: epoch})
	running, err := demofirm.Serve(context.Background(), f, demofirm.ServeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	u, ok := running.Imanage.User("ZZ_SANDBOX")
	if !ok || u.AllowLogon || u.Nos != 2 || u.DirectoryID != "" {
		t.Errorf("%+v", u)
	}
	state := running.Imanage.Dump()
	libraries, groups := 0, 0
	for place := range state.Roles {
		if strings.HasSuffix(place, "/"+u.ID) {
			libraries++
		}
	}
	for _, members := range state.Members {
		if slices.Contains(members, u.ID) {
			groups++
		}
	}
	if libraries != 1 || groups != 1 {
		t.Errorf("%d libraries, %d groups", libraries, groups)
	}
	r := read(t, f, running.Connections())
	if r.policy.Listed(u.ID) {
		t.Error("the policy lists it: no operation may be tried on a listed account")
	}
	for _, m := range f.Truth().Mismatches {
		if slices.Contains(m.Accounts, u.ID) {
			t.Errorf("it is %s", m.Kind)
		}
	}
}

// TestEstate: every workspace is owned by an account of its library, some leavers are the only ones with full access to one, somebody
// who works here has something checked out, and a large firm has not more of it than the demo needs.
func TestEstate(t *testing.T) {
	for _, people := range []int{50, 2000, 20_000} {
		f := demofirm.Generate(demofirm.Options{Seed: 7, People: people, Epoch: epoch, Hostile: people == 2000})
		running, err := demofirm.Serve(context.Background(), f, demofirm.ServeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer running.Close()
		state := running.Imanage.Dump()
		left := make(map[string]bool)
		for _, m := range f.Truth().Mismatches {
			if m.Kind == provisioning.KindLeaver {
				left[m.Accounts[0]] = true
			}
		}
		sole, live := 0, 0
		for id, owner := range state.Owners {
			library, _, _ := strings.Cut(id, "!")
			if _, in := state.Roles[library+"/"+owner]; !in {
				t.Errorf("%s is owned by %s, who is not in %s", id, owner, library)
			}
			if full(state.Access[id]) == 1 {
				if sole++; !left[owner] {
					live++
				}
			}
		}
		if sole < 10 || live > 0 {
			t.Errorf("%d workspaces have one holder, and %d of them belong to somebody who did not leave", sole, live)
		}
		if len(state.Owners) < 50 || len(state.Owners) > 60+people/5 || len(state.Locks) < 3 || len(state.Locks) > 10+people/20 {
			t.Errorf("%d people: %d workspaces, %d check-outs", people, len(state.Owners), len(state.Locks))
		}
		t.Logf("%d people: %d workspaces, %d check-outs", people, len(state.Owners), len(state.Locks))
	}
}
