package correlate

import (
	"cmp"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"rollcall/provisioning"
)

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
