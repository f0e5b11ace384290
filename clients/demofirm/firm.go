// Package demofirm makes up an international law firm from a seed, with a known number of every mismatch planted in it, and
// serves it from the simulators of all its systems. It is the demo and the ground of the tests. It must know nothing of how the
// engine finds a mismatch: what it planted is the truth that the engine is held against.
package demofirm

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/names"
)

// Options say which firm to make.
type Options struct {
	Seed   uint64
	People int       // 50 to 200,000; 0: 2,000
	Epoch  time.Time // the moment that dates are told from; ids do not depend on it
	// Directories that know the firm's people, the first in priority first; nil: okta alone. With several, as after a merger, each
	// office is known to one of them, and some people to two.
	Directories []string
	Hostile     bool // hostile strings (threats A1) in the free fields of a share of the people
}

// person and account are the firm's own neutral model; serve.go maps them to the simulators.
type person struct {
	at                                      int // their place in the firm
	id                                      string
	given, family, full                     string
	login, email, sso                       string
	number, kind, title, department, office string
	phone, birth                            string
	status                                  string
	created, changed                        time.Time
	moved                                   time.Time // when the directory last gave them another seat; zero: never
	signedIn                                time.Time // to the directory, last; zero: never
	groups                                  []string  // of the directory, beside the one of their practice
	boss                                    *person   // nil: nobody
	account                                 *account  // whose account it is, in truth; nil: none
}

type account struct {
	id, full, email, location, phone, number, preferred, directoryID string
	enabled, external                                                bool
	created                                                          time.Time
	libraries                                                        map[string]string   // → role
	groups                                                           map[string][]string // library → groups
	hand                                                             map[string][]string // those of groups that no seat gives: given by hand
	globalRoles                                                      []string
}

func (a *account) managed() bool { return a.directoryID != "" }

// Firm is a made-up firm.
type Firm struct {
	Name    string
	Options Options
	rng     *rand.Rand
	people  []*person
	account []*account
	groups  map[string][]firmGroup // library → groups
	logins  map[string]int
	full    map[string]int
	planted []planted
	desk    *person
	partner *person // who approves what the desk asks
	service string
	secrets map[string]string
	offices []office
	pools   map[string]culture
	used    map[*person]bool // already carries a planted mismatch
	traps   map[string]trap

	practices   []string
	mapped      map[string]mapped // by the directory's group
	secondments []secondment
	estate      estate
	use         use
}

type firmGroup struct {
	id, full string
	enabled  bool
	external bool
}

const domain = "harcourtvane.example"

// Generate makes a firm; the same options give the same firm.
func Generate(o Options) *Firm {
	if o.People == 0 {
		o.People = 2000
	}
	o.People = min(max(o.People, 50), 200_000)
	if len(o.Directories) == 0 {
		o.Directories = []string{"okta"}
	}
	f := &Firm{
		Name: "Harcourt Vane LLP", Options: o, rng: rand.New(rand.NewPCG(o.Seed, 0x726f6c6c)), groups: make(map[string][]firmGroup), //nolint:gosec // a made-up firm wants to be the same each time
		logins: make(map[string]int), full: make(map[string]int), secrets: make(map[string]string), offices: offices(),
		pools: cultures(), used: make(map[*person]bool), traps: make(map[string]trap),
		practices: practices(), mapped: make(map[string]mapped),
	}
	for _, m := range mappings() {
		f.mapped[m.directory] = m
	}
	f.makeGroups()
	f.makeCast()
	f.makePeople(f.Options.People - trapPeople)
	f.makeTraps()
	f.appointBosses()
	f.makeMachines()
	f.plant()
	f.makeSecrets()
	if o.Hostile {
		f.makeHostile()
	}
	f.makeEstate()
	f.makeUse()
	return f
}

// Counts tells how many of each kind were planted.
func (f *Firm) Counts() map[string]int {
	counts := make(map[string]int)
	for _, p := range f.planted {
		counts[string(p.kind)]++
	}
	return counts
}

// makeGroups makes about 120 groups: for each library everybody, each practice, its partners, deal teams, a disabled and an
// external one, and NRTADMIN.
func (f *Firm) makeGroups() {
	deals := []string{"KITE", "HERON", "OSPREY", "LARK", "MERLIN"}
	for i, library := range libraries() {
		add := func(id, full string) {
			f.groups[library] = append(f.groups[library], firmGroup{id: id, full: full, enabled: true})
		}
		add("NRTADMIN", "Library administrators")
		add("ALL-"+library, "Everybody in "+library)
		for _, p := range practices()[:lawPractices] {
			add(short(p)+"-ALL", p)
		}
		add("PARTNERS", "Partners")
		add("SUPPORT", "Business services")
		add("TRAINEES", "Trainees")
		for _, d := range deals {
			add("DEAL-"+d, "Project "+strings.ToTitle(d[:1])+strings.ToLower(d[1:]))
		}
		f.groups[library] = append(f.groups[library],
			firmGroup{id: "OLD-MATTERS", full: "Closed matters", enabled: false},
			firmGroup{id: "CO-COUNSEL", full: "External co-counsel", enabled: true, external: true})
		if i == 0 {
			add("RECORDS", "Records management")
		}
	}
}

// pick takes one of a list.
func pick[T any](f *Firm, list []T) T { return list[f.rng.IntN(len(list))] }

// addPerson adds a person with a proper account, everything in agreement.
func (f *Firm) addPerson(given, family, native string, o office, department, grade string) *person {
	full := given + " " + family
	if native != "" {
		full += " " + native
	}
	n := len(f.people) + 1
	login := f.login(given, family)
	p := &person{
		at: n - 1, id: f.id("00u", n), given: given, family: family, full: full, login: login + "@" + domain, sso: login,
		email: f.email(given, family), number: fmt.Sprintf("%06d", 10000+n), kind: "employee", title: grade, department: department,
		office: o.name, phone: fmt.Sprintf("%s %04d", o.phone, n%10000), birth: fmt.Sprint(1956 + f.rng.IntN(46)), status: "ACTIVE",
		created: f.Options.Epoch.AddDate(0, 0, -30-f.rng.IntN(4000)),
	}
	f.people = append(f.people, p)
	f.full[p.full]++
	f.giveAccount(p, o)
	return p
}

// id makes an immutable id that a seed determines.
func (f *Firm) id(prefix string, n int) string {
	const letters = "abcdefghijkmnpqrstuvwxyz23456789"
	r := rand.New(rand.NewPCG(f.Options.Seed, uint64(n))) //nolint:gosec // not a secret
	b := make([]byte, 10)
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	return fmt.Sprintf("%s%s%07d", prefix, b, n)
}

// login is the first letter of the given name and the family name, in ASCII, with a number where it is taken.
func (f *Firm) login(given, family string) string {
	letters := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' {
				return r
			}
			return -1
		}, names.Fold(s))
	}
	base := letters(given)[:1] + letters(family)
	base = base[:min(len(base), 20)]
	f.logins[base]++
	if n := f.logins[base]; n > 1 {
		return fmt.Sprintf("%s%d", base, n)
	}
	return base
}

func (f *Firm) email(given, family string) string {
	part := func(s string) string {
		return strings.Map(func(r rune) rune {
			switch {
			case r >= 'a' && r <= 'z':
				return r
			case r == ' ':
				return '-'
			default:
				return -1
			}
		}, names.Fold(s))
	}
	local := part(given) + "." + part(family)
	f.logins["@"+local]++
	if n := f.logins["@"+local]; n > 1 {
		local = fmt.Sprintf("%s%d", local, n)
	}
	return local + "@" + domain
}

// makePeople fills the firm up to a size.
func (f *Firm) makePeople(size int) {
	total := 0
	for _, o := range f.offices {
		total += o.share
	}
	for len(f.people) < size {
		at := f.rng.IntN(total)
		o := f.offices[0]
		for _, candidate := range f.offices {
			if at -= candidate.share; at < 0 {
				o = candidate
				break
			}
		}
		c := f.pools[pick(f, o.mix)]
		given, family := pick(f, c.given), pick(f, c.family)
		if f.rng.IntN(12) == 0 { // married: both names
			if other := pick(f, c.family); other != family && !strings.Contains(family+other, " ") {
				family += "-" + other
			}
		} else if f.rng.IntN(6) == 0 {
			given += " " + string([]rune(pick(f, c.given))[:1]) + "."
		}
		f.addOne(c, given, family, o)
	}
}

func (f *Firm) addOne(c culture, given, family string, o office) {
	department, grade := pick(f, practices()[:lawPractices]), pick(f, grades())
	if f.rng.IntN(100) < 22 {
		department, grade = pick(f, practices()[lawPractices:]), pick(f, []string{"Manager", "Specialist", "Assistant"})
	}
	p := f.addPerson(given, family, native(c, given, family), o, department, grade)
	switch f.rng.IntN(100) {
	case 0: // not yet started
		p.status, p.created = "STAGED", f.Options.Epoch.AddDate(0, 0, -f.rng.IntN(20))
		f.takeAccount(p)
	case 1:
		p.status = "PASSWORD_EXPIRED"
	case 2:
		p.status = "LOCKED_OUT"
	case 3: // contractors without an account
		p.kind = "external"
		f.takeAccount(p)
	case 4, 5, 6, 7: // long gone, properly
		f.gone(p)
	}
}

func native(c culture, given, family string) string {
	g, f := c.nativeGiven[given], c.nativeFamily[family]
	switch {
	case g == "" && f == "":
		return ""
	case f == "":
		return "(" + g + ")"
	case g == "":
		return ""
	case c.familyFirst:
		return f + g
	default:
		return g + " " + f
	}
}

func (f *Firm) takeAccount(p *person) {
	for i := len(f.account) - 1; i >= 0; i-- { // most often the newest
		if f.account[i] == p.account {
			f.account = append(f.account[:i], f.account[i+1:]...)
			break
		}
	}
	p.account = nil
}

// gone is somebody who left long ago and whose account was closed as it should be.
func (f *Firm) gone(p *person) {
	p.status = "DEPROVISIONED"
	if f.rng.IntN(5) == 0 {
		p.status = "SUSPENDED"
	}
	p.changed = f.Options.Epoch.AddDate(0, 0, -60-f.rng.IntN(1000))
	p.account.enabled = false
	p.account.libraries = map[string]string{p.account.preferred: "DEFAULT"}
	p.account.groups, p.account.hand = map[string][]string{}, nil
}

// makeMachines adds the accounts of machines and of emergencies, which no person stands behind.
func (f *Firm) makeMachines() {
	add := func(id, full string, groups ...string) *account {
		a := &account{
			id: id, full: full, email: strings.ToLower(id) + "@" + domain, location: "London", preferred: "LON-COR", enabled: true,
			created: f.Options.Epoch.AddDate(-4, 0, 0), libraries: map[string]string{"LON-COR": "SUPPORT"}, groups: map[string][]string{"LON-COR": append([]string{"SUPPORT"}, groups...)},
		}
		f.account = append(f.account, a)
		return a
	}
	add("SVC_SCAN", "Scanning Service")
	add("SVC_OCR", "Text Recognition Service")
	add("SVC_BACKUP", "Backup Service")
	rollcall := add("SVC_ROLLCALL", "Rollcall Provisioning")
	rollcall.globalRoles = []string{"USER-ADMIN"}
	f.service = rollcall.id
	for _, library := range libraries() {
		if library == lonely {
			rollcall.libraries[library] = "LIBRARY ADMIN"
			continue
		}
		rollcall.libraries[library] = "SUPPORT"
		rollcall.groups[library] = append(rollcall.groups[library], provisioning.NRTADMIN)
	}
	add("BREAKGLASS1", "Emergency Access One", provisioning.NRTADMIN).globalRoles = []string{"USER-ADMIN"}
	add("BREAKGLASS2", "Emergency Access Two")
	add(sandbox, "Sandbox Account").enabled = false // on which a tenant's operations may be tried: nobody's, and closed
}

// lonely is the library in which rollcall's own account administers by its role and not by NRTADMIN, so that a leaver can be the last
// member there. sandbox is the throw-away account of the firm.
const (
	lonely  = "AMS-GEN"
	sandbox = "ZZ_SANDBOX"
)

func (f *Firm) makeSecrets() {
	for i, name := range []string{"token", "password", "client", "secret"} {
		f.secrets[name] = f.id("demo-"+name+"-", 900_000+i)
	}
}
