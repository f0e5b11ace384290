package propose_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/compare"
	"rollcall/provisioning/correlate"
	"rollcall/provisioning/policy"
	"rollcall/provisioning/propose"
)

// human is somebody of flesh and blood; a returner has several records in the directory, one after the other.
type human struct {
	name, number string
	record       *provisioning.Person // as the directory has them now; nil: not there
}

// town is a firm in which people come, go, marry and come back, logins are given again and swapped, and rollcall mends what it may.
type town struct {
	t        *rapid.T
	policy   *policy.Policy
	humans   []*human
	people   []*provisioning.Person // every record that ever was
	of       map[provisioning.PersonKey]*human
	accounts []provisioning.Account
	anchors  []provisioning.Anchor
	given    map[string]map[provisioning.Entitlement]*human // account → right → whose it first was
	day      int
}

const townPolicy = `
ungoverned = ["*/DEAL-*"]
[[birthright]]
department = "Tax"
libraries = { TAX = "STANDARD" }
groups = ["TAX/ALL"]
[[birthright]]
department = "Funds"
libraries = { FUN = "SENIOR" }
groups = ["FUN/ALL"]
`

func (w *town) pick(label string, n int) int { return rapid.IntRange(0, n-1).Draw(w.t, label) }

// join gives somebody a record: a login of their name, which may have been another's before.
func (w *town) join(h *human) {
	id := len(w.people) + 1
	login := strings.ToLower(h.name[:1] + strings.Fields(h.name)[1])
	p := &provisioning.Person{
		Key: provisioning.PersonKey{Directory: "okta", ID: fmt.Sprintf("id%03d", id)}, FullName: h.name, Login: login, SSOName: login,
		Email: login + "@firm.example", EmployeeNumber: h.number, Department: []string{"Tax", "Funds"}[w.pick("department", 2)], Office: "London",
		Status: provisioning.StatusActive, Type: "employee",
	}
	for _, other := range w.humans { // two who are here at once have logins of their own
		if other != h && other.record != nil && (other.record.SSOName == login || other.record.Email == p.Email) && other.record.Status.Live() {
			p.Login, p.SSOName, p.Email = login+fmt.Sprint(id), login+fmt.Sprint(id), login+fmt.Sprint(id)+"@firm.example"
		}
	}
	h.record = p
	w.people = append(w.people, p)
	w.of[p.Key] = h
}

// event lets one thing happen.
func (w *town) event() {
	h := w.humans[w.pick("who", len(w.humans))]
	live := h.record != nil && h.record.Status.Live()
	switch w.pick("what", 6) {
	case 0: // joins, or comes back with a new record
		if !live {
			w.join(h)
		}
	case 1:
		if live {
			h.record.Status = provisioning.StatusDeprovisioned
		}
	case 2: // marries: another name, login and address; the user id stays what it is
		if live {
			h.name = h.name + "-Lee"
			login := strings.ToLower(strings.ReplaceAll(h.name[:1]+strings.Fields(h.name)[1], "-", ""))
			h.record.FullName, h.record.Login, h.record.SSOName, h.record.Email = h.name, login, login, login+"@firm.example"
		}
	case 3: // two swap logins and addresses at one go
		other := w.humans[w.pick("with", len(w.humans))]
		if live && other != h && other.record != nil && other.record.Status.Live() {
			a, b := h.record, other.record
			a.Login, b.Login, a.SSOName, b.SSOName, a.Email, b.Email = b.Login, a.Login, b.SSOName, a.SSOName, b.Email, a.Email
		}
	case 4: // is put into a deal's group by hand, behind their account as it is linked
		if a := w.accountOf(h); a != nil && a.Enabled && len(a.Memberships) > 0 {
			w.grant(a, provisioning.InGroup(provisioning.GroupRef{Library: a.Memberships[0].Library, Group: fmt.Sprintf("DEAL-%d", w.pick("deal", 9))}), h)
		}
	default: // moves
		if live {
			h.record.Department = []string{"Tax", "Funds"}[w.pick("department", 2)]
		}
	}
}

func (w *town) accountOf(h *human) *provisioning.Account {
	for _, an := range w.anchors {
		if w.of[an.Person] == h {
			if i := slices.IndexFunc(w.accounts, func(a provisioning.Account) bool { return a.ID == an.Account }); i >= 0 {
				return &w.accounts[i]
			}
		}
	}
	return nil
}

// grant gives a right, and remembers whose it first was while the account holds it.
func (w *town) grant(a *provisioning.Account, e provisioning.Entitlement, h *human) {
	switch e.Kind {
	case provisioning.EntitlementLibrary:
		a.Memberships = append(a.Memberships, provisioning.Membership{Library: e.Library, Role: "DEFAULT", Enabled: true})
	case provisioning.EntitlementGroup:
		if slices.Contains(a.Groups, e.Group()) {
			return
		}
		a.Groups = append(a.Groups, e.Group())
	default:
	}
	sortAccount(a)
	if w.given[a.ID] == nil {
		w.given[a.ID] = make(map[provisioning.Entitlement]*human)
	}
	w.given[a.ID][e] = h
}

func sortAccount(a *provisioning.Account) {
	slices.SortFunc(a.Memberships, func(x, y provisioning.Membership) int { return strings.Compare(x.Library, y.Library) })
	slices.SortFunc(a.Groups, func(x, y provisioning.GroupRef) int { return strings.Compare(x.String(), y.String()) })
}

// look correlates what is there; the links become anchors.
func (w *town) look() (*correlate.Result, []provisioning.Account) {
	var people []provisioning.Person
	for _, p := range w.people {
		people = append(people, *p)
	}
	accounts := slices.Clone(w.accounts)
	r := correlate.Correlate(correlate.Input{People: people, Accounts: accounts, Anchors: w.anchors})
	for i := range r.Subjects {
		if s := &r.Subjects[i]; s.Account >= 0 {
			w.anchor(accounts[s.Account].ID, s.Person.Key)
		}
	}
	return r, accounts
}

// work compares, does every mend that is proposed, and looks again, as a batch that has ended does.
func (w *town) work() *correlate.Result {
	w.day++
	r, accounts := w.look()
	found := compare.Compare(compare.Input{
		Correlation: r, Accounts: accounts, Policy: w.policy, PeopleProven: true, AccountsProven: true, At: at,
	})
	world := everything(w.policy)
	world.ByHand = nil
	world.Claims = func(id string) int {
		n := 0
		for _, p := range w.people {
			if p.Status.Live() && strings.EqualFold(p.SSOName, id) {
				n++
			}
		}
		return n
	}
	world.TakenID = func(id string) (string, bool) {
		i := slices.IndexFunc(w.accounts, func(a provisioning.Account) bool { return strings.EqualFold(a.ID, id) })
		return "somebody", i >= 0
	}
	world.TakenMail = func(email string) (string, bool) {
		i := slices.IndexFunc(w.accounts, func(a provisioning.Account) bool { return strings.EqualFold(a.Email, email) })
		return "somebody", i >= 0
	}
	for i := range r.Subjects {
		s := &r.Subjects[i]
		row := propose.Row{Person: s.Person, Suggestions: s.Suggestions}
		if s.Account >= 0 {
			row.Account = &accounts[s.Account]
		}
		for _, m := range found.BySubject[i] {
			row.Mismatches = append(row.Mismatches, &found.Mismatches[m])
		}
		slices.SortStableFunc(row.Mismatches, func(a, b *provisioning.Mismatch) int { return a.Kind.Rank() - b.Kind.Rank() })
		w.apply(propose.Mend(row, world).Changes, s.Person.Key)
	}
	r, _ = w.look()
	return r
}

func (w *town) anchor(account string, key provisioning.PersonKey) {
	when := at.Add(time.Duration(w.day) * 24 * time.Hour)
	for i := range w.anchors {
		if w.anchors[i].Account == account && w.anchors[i].Person == key {
			w.anchors[i].LastSeen = when
			return
		}
	}
	w.anchors = append(w.anchors, provisioning.Anchor{Account: account, Person: key, FirstSeen: when, LastSeen: when})
}

// apply does changes for somebody; a right that is taken is nobody's any more.
func (w *town) apply(changes []provisioning.Change, key provisioning.PersonKey) {
	h := w.of[key]
	for _, c := range changes {
		if c.Kind == provisioning.CreateAccount {
			p := c.Profile
			w.anchor(p.ID, key) // whose it is, whoever is met by its keys later
			w.accounts = append(w.accounts, provisioning.Account{
				ID: p.ID, FullName: p.FullName, Email: p.Email, Location: p.Location, EmployeeNumber: p.EmployeeNumber,
				PreferredLibrary: p.PreferredLibrary, Enabled: true, Origin: provisioning.OriginVirtual,
			})
			continue
		}
		i := slices.IndexFunc(w.accounts, func(a provisioning.Account) bool { return a.ID == c.Account })
		a := &w.accounts[i]
		switch c.Kind {
		case provisioning.DisableAccount:
			a.Enabled = false
		case provisioning.EnableAccount:
			w.t.Fatalf("%s is enabled by itself", a.ID)
		case provisioning.AssignLibrary:
			w.grant(a, provisioning.InLibrary(c.Library), h)
		case provisioning.JoinGroup:
			w.grant(a, provisioning.InGroup(provisioning.GroupRef{Library: c.Library, Group: c.Object}), h)
		case provisioning.LeaveGroup:
			ref := provisioning.GroupRef{Library: c.Library, Group: c.Object}
			a.Groups = slices.DeleteFunc(a.Groups, func(g provisioning.GroupRef) bool { return g == ref })
			delete(w.given[a.ID], provisioning.InGroup(ref))
		case provisioning.RemoveLibrary:
			a.Memberships = slices.DeleteFunc(a.Memberships, func(m provisioning.Membership) bool { return m.Library == c.Library })
			delete(w.given[a.ID], provisioning.InLibrary(c.Library))
		case provisioning.SetAttribute:
			switch c.Object {
			case "email":
				a.Email = c.After
			case "full_name":
				a.FullName = c.After
			default:
			}
		default:
		}
	}
}

// TestNobodyInheritsARight: whoever comes, goes, marries, returns and swaps logins, in whatever order, and however often rollcall mends
// what it may by itself: no account is linked to somebody while it holds a right that was first given to somebody else, and none that
// holds one is ever opened again (threats H4).
func TestNobodyInheritsARight(t *testing.T) {
	p, err := policy.Parse([]byte(townPolicy), nil)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		w := &town{t: t, policy: p, of: make(map[provisioning.PersonKey]*human), given: make(map[string]map[provisioning.Entitlement]*human)}
		for i, name := range []string{"Jane Smith", "John Smith", "Ann Doe", "Abe Doe"} { // two logins for four people
			number := fmt.Sprintf("1%d", i)
			if rapid.Bool().Draw(t, "no number") {
				number = ""
			}
			w.humans = append(w.humans, &human{name: name, number: number})
		}
		for range rapid.IntRange(3, 25).Draw(t, "days") {
			for range rapid.IntRange(1, 3).Draw(t, "events") {
				w.event()
			}
			r := w.work()
			for i := range r.Subjects {
				s := &r.Subjects[i]
				if s.Account < 0 || !s.Live() {
					continue
				}
				a := &w.accounts[s.Account]
				for e, first := range w.given[a.ID] {
					if whose := w.of[s.Person.Key]; a.Enabled && first != whose {
						t.Fatalf("day %d: %s (%s) has %s through %s, which was first given to %s", w.day, whose.name, s.Person.Key.ID, e, a.ID, first.name)
					}
				}
			}
		}
	})
}
