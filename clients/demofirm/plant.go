package demofirm

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/names/namestest"
)

// planted is one mismatch of the truth.
type planted struct {
	kind     provisioning.Kind
	persons  []*person
	accounts []*account
}

// Truth is what was planted, by ids: what `rollcall plan --json` must find, no more and no less.
type Truth struct {
	Mismatches []TrueMismatch `json:"mismatches"`
}

// TrueMismatch is one planted mismatch; ids are sorted.
type TrueMismatch struct {
	Kind     provisioning.Kind `json:"kind"`
	Persons  []string          `json:"persons"`
	Accounts []string          `json:"accounts"`
}

// Truth tells what was planted, sorted by danger and ids.
func (f *Firm) Truth() Truth {
	t := Truth{Mismatches: []TrueMismatch{}}
	for _, p := range f.planted {
		m := TrueMismatch{Kind: p.kind, Persons: []string{}, Accounts: []string{}}
		for _, one := range p.persons {
			m.Persons = append(m.Persons, f.truthID(one))
		}
		for _, a := range p.accounts {
			m.Accounts = append(m.Accounts, a.id)
		}
		slices.Sort(m.Persons)
		slices.Sort(m.Accounts)
		t.Mismatches = append(t.Mismatches, m)
	}
	slices.SortFunc(t.Mismatches, func(a, b TrueMismatch) int {
		return cmp.Or(cmp.Compare(a.Kind.Rank(), b.Kind.Rank()), slices.Compare(a.Persons, b.Persons), slices.Compare(a.Accounts, b.Accounts))
	})
	return t
}

func (f *Firm) mark(kind provisioning.Kind, people []*person, accounts ...*account) {
	f.planted = append(f.planted, planted{kind, people, accounts})
	for _, p := range people {
		f.used[p] = true
	}
}

// leave makes a live person a leaver of some days ago whose account nobody closed.
func (f *Firm) leave(p *person, days int) {
	p.status = "DEPROVISIONED"
	p.changed = f.Options.Epoch.AddDate(0, 0, -days).Add(-31 * 60 * 1e9)
}

// dispute gives a person a second account that their employee number names, while the single sign-on name names the first.
func (f *Firm) dispute(p *person) {
	first := p.account
	second := f.copyAccount(first, "2")
	first.number, first.directoryID = "", ""
	second.email = "former." + second.email
	p.account = nil
	f.mark(provisioning.KindDisputed, []*person{p}, first, second)
}

func (f *Firm) copyAccount(a *account, suffix string) *account {
	c := *a
	c.id, c.directoryID = a.id+"X"+suffix, ""
	c.email = strings.ToLower(c.id) + "@" + domain
	c.libraries, c.groups = map[string]string{}, map[string][]string{}
	for k, v := range a.libraries {
		c.libraries[k] = v
	}
	for k, v := range a.groups {
		c.groups[k] = slices.Clone(v)
	}
	c.hand = nil
	c.groups = withoutAdmin(c.groups)
	f.account = append(f.account, &c)
	return &c
}

func withoutAdmin(groups map[string][]string) map[string][]string {
	for k, v := range groups {
		groups[k] = slices.DeleteFunc(v, func(g string) bool { return g == provisioning.NRTADMIN })
	}
	return groups
}

// scale is how many of a kind a firm of this size has, where 2,000 people have so many; never none.
func (f *Firm) scale(per2000 int) int { return max(1, per2000*f.Options.People/2000) }

// take picks a live person with a proper account of their own and nothing planted yet.
func (f *Firm) take(managed bool) *person {
	return f.takeWho(managed, func(*person) bool { return true })
}

// takeWho takes somebody who fits as well.
func (f *Firm) takeWho(managed bool, fits func(*person) bool) *person {
	for range 200_000 {
		p := f.people[f.next()]
		if f.used[p] || p.status != "ACTIVE" || p.kind != "employee" || p.account == nil || !p.account.enabled || f.full[p.full] > 1 || !fits(p) {
			continue
		}
		if !managed {
			p.account.directoryID = ""
		} else if p.account.directoryID == "" {
			p.account.directoryID = "ad-" + p.id
		}
		f.used[p] = true
		return p
	}
	panic("demofirm: the firm is too small for what is planted in it")
}

func (f *Firm) next() int { return f.rng.IntN(len(f.people)) }

// few is a number that only a firm of some size must have; in a smaller one the cast must do.
func (f *Firm) few(n int) int {
	const some = 100
	if f.Options.People < some {
		return 0
	}
	return n
}

// plant plants every kind of mismatch, each on people of its own; the cast carries some of each already.
func (f *Firm) plant() {
	f.appointAdministrators()
	for i := range f.scale(12) - 5 {
		p := f.take(i < f.scale(2)-1)
		f.leave(p, 1+f.rng.IntN(40))
		f.mark(provisioning.KindLeaver, []*person{p}, p.account)
	}
	for range f.scale(9) - 3 {
		p := f.take(false)
		f.takeAccount(p)
		p.created = f.Options.Epoch.AddDate(0, 0, -f.rng.IntN(6))
		f.mark(provisioning.KindJoiner, []*person{p})
	}
	for i := range max(f.few(4), f.scale(31)-4) {
		f.plantAttribute(i)
	}
	for range max(f.few(1), f.scale(5)-1) { // what first-login creation leaves behind
		p := f.take(false)
		p.account.libraries = map[string]string{p.account.preferred: "DEFAULT"}
		p.account.groups, p.account.hand = map[string][]string{}, nil
		f.mark(provisioning.KindUnconfigured, []*person{p}, p.account)
	}
	for i := range f.scale(7) {
		f.plantOrphan(i)
	}
	for range f.scale(3) - 1 {
		f.dispute(f.take(false))
	}
	for i := range max(2, f.scale(4)) {
		f.plantDuplicate(i)
	}
	for i := range max(f.few(1), f.scale(4)-1) {
		p := f.take(false)
		p.account.id += fmt.Sprintf("OLD%d", i+1) // the id that a former name gave; the employee number still ties them
		f.mark(provisioning.KindSSOName, []*person{p}, p.account)
	}
	for range f.scale(4) {
		p := f.take(false)
		for _, library := range libraries() {
			if _, in := p.account.libraries[library]; !in {
				p.account.preferred = library
			}
		}
		f.mark(provisioning.KindPreferredLibrary, []*person{p}, p.account)
	}
	for i := range max(1, f.scale(3)-1) {
		f.plantAdministrator(i)
	}
	for i := range max(f.few(2), f.scale(5)-3) {
		f.plantReused(i)
	}
	f.plantRights()
}

func (f *Firm) plantAttribute(i int) {
	p := f.take(i%5 == 4)
	a := p.account
	switch i % 4 {
	case 0:
		a.full = p.given + " " + p.family + " (formerly)"
	case 1:
		a.email = "old." + a.email
	case 2:
		for _, o := range f.offices {
			if o.name != p.office {
				a.location = o.name
				break
			}
		}
	case 3:
		a.phone = "+44 20 7946 0000"
	}
	f.mark(provisioning.KindAttribute, []*person{p}, a)
}

func (f *Firm) plantOrphan(i int) {
	list := orphanNames()
	full := list[i%len(list)]
	id := strings.ToUpper(strings.ReplaceAll(full[:1]+strings.Fields(full)[1], " ", ""))
	if i >= len(list) {
		full = fmt.Sprintf("%s %d", full, i)
		id = fmt.Sprintf("%s%d", id, i)
	}
	o := pick(f, f.offices)
	library := home(o, "Corporate")
	a := &account{
		id: id, full: full, email: strings.ToLower(id) + "@" + domain, location: o.name, phone: o.phone + " 9999", number: fmt.Sprintf("9%05d", i),
		preferred: library, enabled: true, created: f.Options.Epoch.AddDate(-3, 0, 0), libraries: map[string]string{library: "STANDARD"},
		groups: map[string][]string{library: {"ALL-" + library}},
	}
	f.account = append(f.account, a)
	f.mark(provisioning.KindOrphan, nil, a)
}

// plantDuplicate gives a linked person a second enabled account, by the employee number or by the name and office.
func (f *Firm) plantDuplicate(i int) {
	p := f.take(false)
	second := f.copyAccount(p.account, "D")
	if i%2 == 0 {
		second.full = p.family + ", " + p.given
	} else {
		second.number = ""
	}
	f.mark(provisioning.KindDuplicate, []*person{p}, p.account, second)
}

// plantAdministrator leaves a closed account among a library's administrators, or in a global role.
func (f *Firm) plantAdministrator(i int) {
	p := f.take(false)
	f.gone(p)
	a := p.account
	if i%2 == 0 {
		a.groups = map[string][]string{a.preferred: {provisioning.NRTADMIN}}
	} else {
		a.globalRoles = []string{"USER-ADMIN"}
	}
	f.mark(provisioning.KindAdministrator, []*person{p}, a)
}

// plantReused has a new person meet an account that was somebody else's: one that was closed, or one that carries another
// employee number.
func (f *Firm) plantReused(i int) {
	p := f.take(false)
	a := p.account
	p.created = f.Options.Epoch.AddDate(0, 0, -3)
	if i%2 == 0 {
		a.enabled = false
		a.groups, a.hand = map[string][]string{}, nil
	} else {
		a.number = fmt.Sprintf("8%05d", i)
	}
	p.account = nil
	f.mark(provisioning.KindReusedID, []*person{p}, a)
}

// appointAdministrators puts one, two or three people into each library's NRTADMIN, one each in a small firm; of LON-COR one stands beside
// the leaver, with BREAKGLASS1 and the service account. In the lonely library there is the leaver alone.
func (f *Firm) appointAdministrators() {
	for i, library := range libraries() {
		want := 1 + f.few(i%3)
		if library == lonely {
			want = 0
		}
		for _, p := range f.people {
			if want == 0 {
				break
			}
			if f.used[p] || p.account == nil || !p.account.enabled || p.status != "ACTIVE" {
				continue
			}
			if _, in := p.account.libraries[library]; in {
				p.account.byHand(library, provisioning.NRTADMIN)
				f.used[p] = true
				want--
			}
		}
	}
}

// makeHostile puts hostile strings into the free fields of a share of people, the same on both sides, so that the truth stays: of every
// second round of the corpus the practice stays as well, and the account holds what an unknown grade gets; of the others no rule of the
// policy speaks.
func (f *Firm) makeHostile() {
	corpus := namestest.Hostile()
	n := 0
	for _, p := range f.people {
		if f.used[p] || p.account == nil || f.full[p.full] > 1 {
			continue
		}
		s := strings.ToValidUTF8(corpus[n%len(corpus)], "?")
		s = string([]rune(s)[:min(40, len([]rune(s)))])
		p.title = s
		if (n/len(corpus))%2 == 1 && p.account.enabled {
			f.furnish(p)
		} else {
			p.department, p.groups = s, nil
		}
		p.full = "H" + fmt.Sprint(n) + " " + s
		p.given, p.family = s, s
		p.account.full = p.full
		if n++; n > 3*len(corpus) {
			return
		}
	}
}
