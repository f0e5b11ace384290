package correlate

import (
	"cmp"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"rollcall/provisioning"
)

// Sources are what several directories say about the same firm's people.
type Sources struct {
	People []provisioning.Person
	Absent []provisioning.Absence
	Order  []string            // the directories, the first in priority first
	Prefer map[string][]string // attribute (provisioning.Attributes) → its own order, where it differs
}

// Merged is everybody once.
type Merged struct {
	People  []provisioning.Person
	Absent  []provisioning.Absence
	Clashes []Clash
}

// Clash is where directories disagree: about an attribute or the standing of one person, or about who is who.
type Clash struct {
	Persons []provisioning.PersonKey // of the merged people that it concerns
	Status  bool                     // one says live, another ended
	Detail  string
}

// Merge makes one person of the records that several directories keep of them: by an immutable id that two carry, then by exact and
// unique keys: the same email with no differing employee number, or the same employee number and SSO name. A key that several
// people of one directory carry, and keys that would make two people of one directory the same, tie nobody: that is a clash. One
// directory alone is handed through as it is.
//
// An attribute comes from the first directory in order that has it. Somebody counts as ended only where every directory that lists
// them says so, and as absent only where none lists them.
func Merge(in Sources) Merged {
	several := false
	for i := range in.People {
		if several = in.People[i].Key.Directory != in.People[0].Key.Directory; several {
			break
		}
	}
	for i := range in.Absent {
		several = several || (len(in.People) > 0 && in.Absent[i].Person.Key.Directory != in.People[0].Key.Directory)
	}
	if !several {
		return Merged{People: in.People, Absent: in.Absent}
	}
	m := &merger{Sources: in}
	m.load()
	m.tieByID()
	m.tieByKey("email", func(r *record) []string { return r.emails() }, m.numbersAgree)
	m.tieByKey("employee number and user id", func(r *record) []string {
		sso := login(r.person.SSOName)
		number := strings.TrimSpace(r.person.EmployeeNumber)
		if sso == "" || number == "" {
			return nil
		}
		return []string{number + "\x00" + sso}
	}, func(*record, *record) string { return "" })
	return m.gather()
}

type record struct {
	person  *provisioning.Person
	absence *provisioning.Absence
	rank    int    // of its directory
	tie     string // how it was tied to another
	parent  int
}

// emails are the mail address and a login that is one.
func (r *record) emails() []string {
	var keys []string
	for _, raw := range []string{r.person.Email, r.person.Login} {
		if k := login(raw); strings.Contains(k, "@") && !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

type merger struct {
	Sources
	records []record
	clashes []Clash
	why     map[int]string // root → why its records are not one person
}

func (m *merger) load() {
	rank := make(map[string]int, len(m.Order))
	for i, d := range m.Order {
		rank[d] = i
	}
	m.records = make([]record, 0, len(m.People)+len(m.Absent))
	m.why = make(map[int]string)
	add := func(p *provisioning.Person, a *provisioning.Absence) {
		at, known := rank[p.Key.Directory]
		if !known {
			at = len(m.Order)
		}
		m.records = append(m.records, record{person: p, absence: a, rank: at, parent: len(m.records)})
	}
	for i := range m.People {
		add(&m.People[i], nil)
	}
	for i := range m.Absent {
		add(&m.Absent[i].Person, &m.Absent[i])
	}
}

func (m *merger) root(i int) int {
	for m.records[i].parent != i {
		m.records[i].parent = m.records[m.records[i].parent].parent
		i = m.records[i].parent
	}
	return i
}

// tie makes two records one person's; how says why, on the record that is lower in priority.
func (m *merger) tie(a, b int, how string) {
	ra, rb := m.root(a), m.root(b)
	if ra == rb {
		return
	}
	lower := a
	if m.records[b].rank > m.records[a].rank {
		lower = b
	}
	if m.records[lower].tie == "" {
		m.records[lower].tie = how
	}
	m.records[max(ra, rb)].parent = min(ra, rb)
	if w := m.why[max(ra, rb)]; w != "" {
		m.why[min(ra, rb)] = w
	}
}

// tieByID ties records that carry the same immutable id of another system, or of which one carries the other's own id.
func (m *merger) tieByID() {
	own := make(map[string]int, len(m.records))
	carried := make(map[string][]int)
	for i := range m.records {
		own[m.records[i].person.Key.ID] = i
	}
	for i := range m.records {
		id := m.records[i].person.ExternalID
		if id == "" {
			continue
		}
		if at, ok := own[id]; ok && m.records[at].rank != m.records[i].rank {
			m.tie(at, i, "immutable id of "+m.records[at].person.Key.Directory)
		}
		carried[id] = append(carried[id], i)
	}
	m.tieGroups(carried, func(*record, *record) string { return "" }, func(string) string { return "same immutable id" }, "the same immutable id")
}

func (m *merger) tieByKey(name string, keys func(*record) []string, against func(a, b *record) string) {
	groups := make(map[string][]int)
	for i := range m.records {
		for _, k := range keys(&m.records[i]) {
			groups[k] = append(groups[k], i)
		}
	}
	m.tieGroups(groups, against, func(key string) string {
		key, _, _ = strings.Cut(key, "\x00")
		return name + " " + key
	}, "the same "+name)
}

// tieGroups ties the records of each group, where no directory has two of them and nothing speaks against it.
func (m *merger) tieGroups(groups map[string][]int, against func(a, b *record) string, how func(key string) string, what string) {
	names := make([]string, 0, len(groups))
	for key, members := range groups {
		if len(members) > 1 {
			names = append(names, key)
		}
	}
	slices.Sort(names)
	for _, key := range names {
		members := groups[key]
		slices.SortStableFunc(members, func(a, b int) int { return cmp.Compare(m.records[a].rank, m.records[b].rank) })
		if twice(m.records, members) {
			if what != "" && differs(m.records, members) {
				m.clash(members, "several people of one directory carry "+what)
			}
			continue
		}
		first := members[0]
		for _, other := range members[1:] {
			if m.root(first) == m.root(other) {
				continue
			}
			if why := against(&m.records[first], &m.records[other]); why != "" {
				m.clash([]int{first, other}, what+", but "+why)
				continue
			}
			m.tie(first, other, how(key))
		}
	}
}

// twice reports whether a directory has two of the records; the absent do not count, for an id is often given anew.
func twice(records []record, members []int) bool {
	seen := make(map[int]bool, len(members))
	for _, i := range members {
		if records[i].absence != nil {
			continue
		}
		if seen[records[i].rank] {
			return true
		}
		seen[records[i].rank] = true
	}
	return false
}

// differs reports whether records of more than one directory are among them: two people of one directory who share a key are the
// correlation's matter, not the merge's.
func differs(records []record, members []int) bool {
	return slices.ContainsFunc(members, func(i int) bool { return records[i].rank != records[members[0]].rank })
}

// numbersAgree speaks against a tie where both carry an employee number and they differ: after a merger two people may have one
// address (DESIGN 3.3).
func (m *merger) numbersAgree(a, b *record) string {
	x, y := strings.TrimSpace(a.person.EmployeeNumber), strings.TrimSpace(b.person.EmployeeNumber)
	if x == "" || y == "" || x == y {
		return ""
	}
	return "the employee numbers differ: " + x + " in " + a.person.Key.Directory + ", " + y + " in " + b.person.Key.Directory
}

func (m *merger) clash(members []int, detail string) {
	c := Clash{Detail: detail}
	for _, i := range members {
		if m.records[i].absence == nil {
			c.Persons = append(c.Persons, m.records[i].person.Key)
		}
	}
	if len(c.Persons) > 1 {
		m.clashes = append(m.clashes, c)
	}
}

// gather makes a person of each tied set.
func (m *merger) gather() Merged {
	sets := make(map[int][]int, len(m.records))
	order := make([]int, 0, len(m.records))
	for i := range m.records {
		root := m.root(i)
		if sets[root] == nil {
			order = append(order, root)
		}
		sets[root] = append(sets[root], i)
	}
	out := Merged{People: make([]provisioning.Person, 0, len(order))}
	leader := make(map[provisioning.PersonKey]provisioning.PersonKey)
	for _, root := range order {
		members := sets[root]
		if twice(m.records, members) {
			m.clash(members, "the keys would make two people of one directory the same")
			for _, i := range members {
				m.alone(i, &out)
			}
			continue
		}
		slices.SortStableFunc(members, func(a, b int) int { return cmp.Compare(m.records[a].rank, m.records[b].rank) })
		m.one(members, &out, leader)
	}
	for i := range m.clashes {
		for j, k := range m.clashes[i].Persons {
			if to, ok := leader[k]; ok {
				m.clashes[i].Persons[j] = to
			}
		}
		m.clashes[i].Persons = slices.CompactFunc(m.clashes[i].Persons, func(a, b provisioning.PersonKey) bool { return a == b })
	}
	out.Clashes = m.clashes
	return out
}

func (m *merger) alone(i int, out *Merged) {
	if r := m.records[i]; r.absence != nil {
		out.Absent = append(out.Absent, *r.absence)
	} else {
		out.People = append(out.People, *r.person)
	}
}

// one merges the records of one person, which stand in the order of priority.
func (m *merger) one(members []int, out *Merged, leader map[provisioning.PersonKey]provisioning.PersonKey) {
	present := make([]int, 0, len(members))
	for _, i := range members {
		if m.records[i].absence == nil {
			present = append(present, i)
		}
	}
	switch {
	case len(members) == 1:
		m.alone(members[0], out)
		return
	case len(present) == 0:
		out.Absent = append(out.Absent, m.absent(members))
		return
	}
	p := *m.records[present[0]].person
	for _, i := range members {
		if m.records[i].absence != nil {
			p.Former = append(p.Former, m.records[i].person.Key)
		}
	}
	if len(present) > 1 {
		for _, i := range present {
			p.Records = append(p.Records, m.records[i].person)
			if i != present[0] {
				leader[m.records[i].person.Key] = p.Key
				p.Ties = append(p.Ties, or(m.records[i].tie, m.records[present[0]].tie))
			}
		}
		m.attributes(&p)
		m.standing(&p)
	}
	out.People = append(out.People, p)
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// absent merges records none of which a directory lists any more: proven only where each of them is.
func (m *merger) absent(members []int) provisioning.Absence {
	a := *m.records[members[0]].absence
	for _, i := range members[1:] {
		other := m.records[i].absence
		a.Person.Former = append(a.Person.Former, other.Person.Key)
		if a.Proven && !other.Proven {
			a.Proven, a.How = false, other.Person.Key.Directory+": "+other.How
		}
		if other.LastSeen.After(a.LastSeen) {
			a.LastSeen = other.LastSeen
		}
	}
	return a
}

// compared are the attributes about which a disagreement is told; the others differ by nature (a title's wording, a derived login).
func compared() []string {
	return []string{"full name", "email", "office", "phone", "practice", "number"}
}

// attributes takes each attribute from the first record that has it, and tells where others say otherwise.
func (m *merger) attributes(p *provisioning.Person) {
	for _, a := range provisioning.Attributes() {
		records := m.preferred(a.Name, p.Records)
		value, from := "", ""
		for _, r := range records {
			v := a.Of(r)
			switch {
			case v == "":
			case value == "":
				value, from = v, r.Key.Directory
			case slices.Contains(compared(), a.Name) && !same(a.Name, value, v):
				m.clashes = append(m.clashes, Clash{
					Persons: []provisioning.PersonKey{p.Key}, Detail: a.Name + " differs: " + value + " in " + from + ", " + v + " in " + r.Key.Directory,
				})
			}
		}
		a.Set(p, value)
	}
	for _, r := range p.Records[1:] {
		for _, address := range append([]string{r.Email}, r.Aliases...) {
			if address != "" && !strings.EqualFold(address, p.Email) && !slices.Contains(p.Aliases, address) {
				p.Aliases = append(p.Aliases[:len(p.Aliases):len(p.Aliases)], address)
			}
		}
		p.Groups = append(p.Groups[:len(p.Groups):len(p.Groups)], r.Groups...)
		p.ManagerID, p.Manager = or(p.ManagerID, r.ManagerID), or(p.Manager, r.Manager)
		p.BirthYear, p.GivenName, p.FamilyName = or(p.BirthYear, r.BirthYear), or(p.GivenName, r.GivenName), or(p.FamilyName, r.FamilyName)
		if p.LeaveDate.IsZero() {
			p.LeaveDate = r.LeaveDate
		}
		if p.HireDate.IsZero() {
			p.HireDate = r.HireDate
		}
		if r.LastSignIn.After(p.LastSignIn) {
			p.LastSignIn = r.LastSignIn
		}
	}
}

func (m *merger) preferred(attribute string, records []*provisioning.Person) []*provisioning.Person {
	order := m.Prefer[attribute]
	if len(order) == 0 {
		return records
	}
	at := func(p *provisioning.Person) int {
		if i := slices.Index(order, p.Key.Directory); i >= 0 {
			return i
		}
		return len(order)
	}
	sorted := slices.Clone(records)
	slices.SortStableFunc(sorted, func(a, b *provisioning.Person) int { return cmp.Compare(at(a), at(b)) })
	return sorted
}

func same(attribute, a, b string) bool {
	clean := func(s string) string { return norm.NFC.String(strings.TrimSpace(s)) }
	if attribute == "email" {
		x, y := login(a), login(b)
		return x != "" && x == y
	}
	return clean(a) == clean(b)
}

// standing: ended only where every directory that lists the person says so. Where one says live and another ended, somebody must
// settle it: nobody is called a leaver by half of the evidence.
func (m *merger) standing(p *provisioning.Person) {
	var live, ended *provisioning.Person
	all := true
	for _, r := range p.Records {
		switch {
		case r.Status.Live():
			if live == nil {
				live = r
			}
			all = false
		case r.Status.Ended():
			if ended == nil || r.StatusChanged.After(ended.StatusChanged) {
				ended = r
			}
		default:
			all = false
		}
	}
	from := p.Records[0]
	switch {
	case live != nil:
		from = live
	case all:
		from = ended
	default:
		for _, r := range p.Records {
			if !r.Status.Ended() {
				from = r
				break
			}
		}
	}
	p.Status, p.RawStatus, p.StatusChanged = from.Status, from.RawStatus, from.StatusChanged
	if live != nil && ended != nil {
		m.clashes = append(m.clashes, Clash{
			Persons: []provisioning.PersonKey{p.Key}, Status: true,
			Detail: ended.Key.Directory + " says " + ended.RawStatus + ", " + live.Key.Directory + " says " + live.RawStatus + ": settle it there first",
		})
	}
}
