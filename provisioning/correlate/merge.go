package correlate

import (
	"cmp"
	"maps"
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
	Who     bool                     // whether they are one person is in doubt
	Detail  string
}

// Merge makes one person of the records that several directories keep of them: by an immutable id that two carry, then by exact and
// unique keys: the same email with no differing employee number, or the same employee number and SSO name; and immutable ids that
// differ speak against either. A key that several people of one directory carry, and keys that would make two people of one directory the same, tie nobody: that is a clash. What
// a stronger key tied stays tied. One directory alone is handed through as it is.
//
// An attribute comes from the first directory in order that has it. Somebody counts as ended only where every directory that lists
// them says so, and as absent only where none lists them. An absence that is not proven is no word for an end. The answer does not
// depend on the order of the records.
func Merge(in Sources) Merged {
	directories := make(map[string]bool)
	for i := range in.People {
		directories[in.People[i].Key.Directory] = true
	}
	for i := range in.Absent {
		directories[in.Absent[i].Person.Key.Directory] = true
	}
	if len(directories) < 2 {
		return Merged{People: in.People, Absent: in.Absent}
	}
	m := &merger{Sources: in}
	m.load(directories)
	m.step(m.tieByID)
	m.step(func() { m.tieByKey("email", true, func(r *record) []string { return r.emails() }) })
	m.step(func() {
		m.tieByKey("employee number and user id", false, func(r *record) []string {
			sso, number := login(r.person.SSOName), r.number()
			if sso == "" || number == "" {
				return nil
			}
			return []string{number + "\x00" + sso}
		})
	})
	return m.gather()
}

type record struct {
	person  *provisioning.Person
	absence *provisioning.Absence
	rank    int    // of its directory, which no other has
	tie     string // how it was tied to another
	parent  int
}

// gone reports whether a directory is proven to list them no more. One whose absence is not proven may stand there still.
func (r *record) gone() bool { return r.absence != nil && r.absence.Proven }

func (r *record) number() string { return strings.TrimSpace(r.person.EmployeeNumber) }

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
	records []record // in the order of priority
	clashes []Clash
}

func (m *merger) load(directories map[string]bool) {
	rank := make(map[string]int, len(directories))
	for _, d := range slices.Concat(m.Order, slices.Sorted(maps.Keys(directories))) {
		if _, known := rank[d]; !known {
			rank[d] = len(rank)
		}
	}
	m.records = make([]record, 0, len(m.People)+len(m.Absent))
	for i := range m.People {
		p := &m.People[i]
		m.records = append(m.records, record{person: p, rank: rank[p.Key.Directory]})
	}
	for i := range m.Absent {
		a := &m.Absent[i]
		m.records = append(m.records, record{person: &a.Person, absence: a, rank: rank[a.Person.Key.Directory]})
	}
	slices.SortStableFunc(m.records, func(a, b record) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), strings.Compare(a.person.Key.ID, b.person.Key.ID))
	})
	for i := range m.records {
		m.records[i].parent = i
	}
}

// step ties by one kind of key, and takes back what would make two people of one directory the same.
func (m *merger) step(tie func()) {
	for i := range m.records {
		m.records[i].parent = m.root(i)
	}
	before := slices.Clone(m.records)
	tie()
	for _, members := range m.sets() {
		if !twice(m.records, members) {
			continue
		}
		m.clash(members, "the keys would make two people of one directory the same")
		for _, i := range members {
			m.records[i] = before[i]
		}
	}
}

// sets are the records that are tied, in the order of priority.
func (m *merger) sets() [][]int {
	sets := make([][]int, 0, len(m.records))
	at := make([]int, len(m.records))
	for i := range m.records {
		root := m.root(i) // the first of its set
		if root == i {
			at[i] = len(sets)
			sets = append(sets, nil)
		}
		sets[at[root]] = append(sets[at[root]], i)
	}
	return sets
}

func (m *merger) root(i int) int {
	for m.records[i].parent != i {
		m.records[i].parent = m.records[m.records[i].parent].parent
		i = m.records[i].parent
	}
	return i
}

// tie makes two records one person's; how says why, on the one that led its own set till now.
func (m *merger) tie(a, b int, how string) {
	ra, rb := m.root(a), m.root(b)
	if ra != rb {
		m.records[max(ra, rb)].parent, m.records[max(ra, rb)].tie = min(ra, rb), how
	}
}

// tieByID ties records that carry the same immutable id of another system, or of which one carries the other's own id. An own id
// that several directories give names nobody.
func (m *merger) tieByID() {
	own := make(map[string]int, len(m.records))
	carried := make(map[string][]int)
	for i := range m.records {
		id := m.records[i].person.Key.ID
		if _, taken := own[id]; taken {
			own[id] = -1
			continue
		}
		own[id] = i
	}
	for i := range m.records {
		id := m.records[i].person.ExternalID
		if id == "" {
			continue
		}
		if at, ok := own[id]; ok && at >= 0 && m.records[at].rank != m.records[i].rank {
			m.tie(at, i, "immutable id of "+m.records[at].person.Key.Directory)
		}
		carried[id] = append(carried[id], i)
	}
	m.tieGroups(carried, true, false, func(string) string { return "same immutable id" }, "the same immutable id")
}

// tieByKey ties by a key; numbered says that differing employee numbers speak against it.
func (m *merger) tieByKey(name string, numbered bool, keys func(*record) []string) {
	groups := make(map[string][]int)
	for i := range m.records {
		for _, k := range keys(&m.records[i]) {
			groups[k] = append(groups[k], i)
		}
	}
	m.tieGroups(groups, false, numbered, func(key string) string {
		key, _, _ = strings.Cut(key, "\x00")
		return name + " " + key
	}, "the same "+name)
}

// tieGroups ties the records of each group, where no directory has two of them and nothing speaks against it.
func (m *merger) tieGroups(groups map[string][]int, byID, numbered bool, how func(key string) string, what string) {
	names := make([]string, 0, len(groups))
	for key, members := range groups {
		if len(members) > 1 {
			names = append(names, key)
		}
	}
	slices.Sort(names)
	for _, key := range names {
		members := groups[key]
		if numbered {
			members = m.held(members)
		}
		differing := ""
		if !byID {
			differing = m.otherIDs(members)
		}
		switch {
		case !differs(m.records, members):
		case twice(m.records, members):
			m.clash(members, "several people of one directory carry "+what)
		case differing != "":
			m.clash(members, what+", but the immutable ids differ: "+differing)
		case numbered:
			m.tieNumbered(members, how(key), what)
		default:
			m.tieAll(members, how(key))
		}
	}
}

// otherIDs names two records that are not one person's already and carry different immutable ids: whatever else agrees, the systems
// that gave the ids say that they are two. "" where there are none.
func (m *merger) otherIDs(members []int) string {
	for n, i := range members {
		for _, j := range members[n+1:] {
			a, b := m.records[i].person, m.records[j].person
			if a.ExternalID != "" && b.ExternalID != "" && a.ExternalID != b.ExternalID && m.root(i) != m.root(j) {
				return a.ExternalID + " in " + a.Key.Directory + ", " + b.ExternalID + " in " + b.Key.Directory
			}
		}
	}
	return ""
}

func (m *merger) tieAll(members []int, how string) {
	for _, other := range members[1:] {
		m.tie(members[0], other, how)
	}
}

// held leaves out the gone whose key somebody else of their directory holds now: an address is often given anew, and its new holder
// is not the old one unless the employee number says so (threats H4).
func (m *merger) held(members []int) []int {
	return slices.DeleteFunc(slices.Clone(members), func(i int) bool {
		r := &m.records[i]
		return r.gone() && slices.ContainsFunc(members, func(j int) bool {
			o := &m.records[j]
			return o.rank == r.rank && !o.gone() && (r.number() == "" || o.number() != r.number())
		})
	})
}

// tieNumbered ties those of one employee number. Where several numbers are carried and they are not one person's already, one who
// carries none may be anybody's: after a merger two people may have one address (DESIGN 3.3).
func (m *merger) tieNumbered(members []int, how, what string) {
	var numbers []string
	first := make(map[string]int)
	for _, i := range members {
		n := m.records[i].number()
		at, ok := first[n]
		switch {
		case n == "":
		case ok:
			m.tie(at, i, how)
		default:
			first[n] = i
			numbers = append(numbers, n)
		}
	}
	for _, n := range numbers {
		if m.root(first[n]) == m.root(first[numbers[0]]) {
			continue
		}
		says := make([]string, len(numbers))
		for i, n := range numbers {
			says[i] = n + " in " + m.records[first[n]].person.Key.Directory
		}
		m.clash(members, what+", but the employee numbers differ: "+strings.Join(says, ", "))
		return
	}
	m.tieAll(members, how)
}

// twice reports whether a directory has two of the records; those who are gone do not count, for an id is often given anew.
func twice(records []record, members []int) bool {
	seen := make(map[int]bool, len(members))
	for _, i := range members {
		if records[i].gone() {
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

func (m *merger) clash(members []int, detail string) {
	c := Clash{Who: true, Detail: detail}
	for _, i := range members {
		if !m.records[i].gone() {
			c.Persons = append(c.Persons, m.records[i].person.Key)
		}
	}
	if len(c.Persons) > 1 {
		m.clashes = append(m.clashes, c)
	}
}

// gather makes a person of each tied set.
func (m *merger) gather() Merged {
	sets := m.sets()
	out := Merged{People: make([]provisioning.Person, 0, len(sets))}
	leader := make(map[provisioning.PersonKey]provisioning.PersonKey)
	for _, members := range sets {
		m.one(members, &out, leader)
	}
	for i := range m.clashes {
		var persons []provisioning.PersonKey // each once
		for _, k := range m.clashes[i].Persons {
			if to, ok := leader[k]; ok {
				k = to
			}
			if !slices.Contains(persons, k) {
				persons = append(persons, k)
			}
		}
		m.clashes[i].Persons = persons
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
		a := m.absent(members)
		for _, i := range members {
			leader[m.records[i].person.Key] = a.Person.Key
		}
		out.Absent = append(out.Absent, a)
		return
	}
	p := *m.records[present[0]].person
	var unproven []*provisioning.Person
	for _, i := range members {
		r := &m.records[i]
		leader[r.person.Key] = p.Key
		if r.absence != nil {
			p.Former = append(p.Former, r.person.Key)
		}
		if r.absence != nil && !r.gone() {
			unproven = append(unproven, r.person)
		}
	}
	listed := []*provisioning.Person{m.records[present[0]].person}
	if len(present) > 1 {
		for _, i := range present[1:] {
			listed = append(listed, m.records[i].person)
			p.Ties = append(p.Ties, or(m.records[i].tie, m.records[present[0]].tie))
		}
		p.Records = listed
		m.attributes(&p)
	}
	m.standing(&p, listed, unproven)
	out.People = append(out.People, p)
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// absent merges records none of which a directory lists any more: proven only where each of them is, and last seen as ended only
// where each of them was.
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
		if o := &other.Person; a.Person.Status.Ended() && !o.Status.Ended() {
			a.Person.Status, a.Person.RawStatus, a.Person.StatusChanged = o.Status, o.RawStatus, o.StatusChanged
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
	for i, r := range p.Records {
		for _, address := range append([]string{r.Email}, r.Aliases...) {
			if address != "" && !strings.EqualFold(address, p.Email) && !slices.Contains(p.Aliases, address) {
				p.Aliases = append(p.Aliases[:len(p.Aliases):len(p.Aliases)], address)
			}
		}
		if i == 0 {
			continue
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
	if clean(a) == clean(b) {
		return true
	}
	x, y := login(strings.TrimSpace(a)), login(strings.TrimSpace(b))
	return attribute == "email" && x != "" && x == y
}

// standing: ended only where every directory that lists the person says so. Where one says live and another ended, somebody must
// settle it: nobody is called a leaver by half of the evidence. A directory whose absence is not proven may list them still, as it
// did when it was last read.
func (m *merger) standing(p *provisioning.Person, listed, unproven []*provisioning.Person) {
	isEnded := func(r *provisioning.Person) bool { return r.Status.Ended() }
	isLive := func(r *provisioning.Person) bool { return r.Status.Live() }
	find := func(which func(*provisioning.Person) bool) *provisioning.Person {
		if i := slices.IndexFunc(listed, which); i >= 0 {
			return listed[i]
		}
		return nil
	}
	if find(func(r *provisioning.Person) bool { return !isEnded(r) }) == nil {
		listed = slices.Concat(listed, unproven)
	}
	live, from := find(isLive), find(func(r *provisioning.Person) bool { return !isEnded(r) })
	var ended *provisioning.Person
	for _, r := range listed {
		if isEnded(r) && (ended == nil || r.StatusChanged.After(ended.StatusChanged)) {
			ended = r
		}
	}
	switch {
	case live != nil:
		from = live
	case from == nil:
		from = ended
	}
	p.Status, p.RawStatus, p.StatusChanged = from.Status, from.RawStatus, from.StatusChanged
	if live == nil || ended == nil {
		return
	}
	says := func(r *provisioning.Person) string {
		verb := " says "
		if slices.Contains(unproven, r) {
			verb = " is not proven read, and last said "
		}
		return r.Key.Directory + verb + r.RawStatus
	}
	m.clashes = append(m.clashes, Clash{
		Persons: []provisioning.PersonKey{p.Key}, Status: true, Detail: says(ended) + ", " + says(live) + ": settle it there first",
	})
}
