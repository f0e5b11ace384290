package correlate

import (
	"cmp"
	"maps"
	"slices"
	"strings"

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
	ids     []string // of a root: the immutable ids that its set carries
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
		r := &m.records[i]
		if r.parent = i; r.person.ExternalID != "" {
			r.ids = []string{r.person.ExternalID}
		}
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
		first, second := &m.records[min(ra, rb)], &m.records[max(ra, rb)]
		second.parent, second.tie = min(ra, rb), how
		first.ids = slices.Concat(first.ids, second.ids)
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

// otherIDs names two sets that carry immutable ids, and none in common: whatever else agrees, the systems that gave the ids say that
// they are two people. "" where there are none.
func (m *merger) otherIDs(members []int) string {
	for n, i := range members {
		for _, j := range members[n+1:] {
			a, b := m.root(i), m.root(j)
			x, y := m.records[a].ids, m.records[b].ids
			if a != b && len(x) > 0 && len(y) > 0 && !slices.ContainsFunc(x, func(id string) bool { return slices.Contains(y, id) }) {
				return x[0] + " behind " + m.records[i].person.Key.Directory + ", " + y[0] + " behind " + m.records[j].person.Key.Directory
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
