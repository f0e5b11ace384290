package policy

import (
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"rollcall/provisioning"
)

// mostBirths bounds how many different birthrights are remembered; then they are forgotten and made anew.
const mostBirths = 1 << 14

// engine answers quickly what a policy gives whom. People who are alike in all that the rules look at share one birthright.
type engine struct {
	rules      []*source // the most specific first
	mappings   []*source
	exceptions []*source
	ungoverned []groupGlob
	walls      *walls

	looks       [byGroup + 1]bool // which fields any rule looks at
	patterns    []glob            // of directory groups, in whatever condition or mapping
	directories []string          // whose own records mappings look at
	byName      map[string][]int  // whom exceptions name, folded → their indexes
	byKey       map[string][]int  // the same, exactly as it stands: directory/immutable-id

	mu     sync.RWMutex
	known  map[string]bool // the name of a directory's group → whether some pattern fits it
	births map[string]*Birthright
}

func compile(p *Policy) *engine {
	x := &engine{
		rules: slices.Clone(p.rules), mappings: p.mappings, exceptions: p.exceptions, walls: newWalls(p.Walls),
		byName: make(map[string][]int), byKey: make(map[string][]int),
		known: make(map[string]bool), births: make(map[string]*Birthright),
	}
	slices.SortStableFunc(x.rules, (*source).precedes)
	for _, u := range p.Ungoverned {
		x.ungoverned = append(x.ungoverned, newGroupGlob(u))
	}
	for _, s := range slices.Concat(p.rules, p.mappings) {
		for i := range s.conditions {
			c := &s.conditions[i]
			x.looks[c.field] = true
			for _, pattern := range c.patterns {
				if c.field == byGroup {
					x.patterns = append(x.patterns, pattern.glob)
				}
			}
		}
		if s.directory != "" && !slices.Contains(x.directories, s.directory) {
			x.directories = append(x.directories, s.directory)
		}
	}
	x.looks[byTitle] = x.looks[byTitle] || x.looks[byGrade]
	for i, e := range p.exceptions {
		x.byName[fold(e.name)] = append(x.byName[fold(e.name)], i)
		x.byKey[e.name] = append(x.byKey[e.name], i)
	}
	return x
}

// Birthright is what the policy gives a person at a moment: all rules that fit, together with the mappings of their directory groups
// and the exceptions that name them. It is never nil, is shared, and is not to be changed.
func (p *Policy) Birthright(person *provisioning.Person, at time.Time) *Birthright {
	x := p.engine()
	var space [256]byte
	x.mu.RLock()
	key, ok := x.key(space[:0], person, at)
	b := x.births[string(key)]
	x.mu.RUnlock()
	if !ok {
		x.mu.Lock()
		x.learn(person)
		key, _ = x.key(space[:0], person, at)
		b = x.births[string(key)]
		x.mu.Unlock()
	}
	if b != nil {
		return b
	}
	b = x.birthright(x.seat(person), x.called(person), at)
	x.mu.Lock()
	defer x.mu.Unlock()
	if other := x.births[string(key)]; other != nil { // made at the same time
		return other
	}
	if len(x.births) >= mostBirths {
		clear(x.births)
	}
	x.births[string(key)] = b
	return b
}

// key is everything of a person and a moment that the rules look at. ok is false where a directory group was never met. The caller
// holds the lock, for reading at least.
func (x *engine) key(key []byte, person *provisioning.Person, at time.Time) (_ []byte, ok bool) {
	for f := byType; f <= byTitle; f++ {
		if x.looks[f] {
			key = put(key, valueOf(person, f))
		}
	}
	if len(x.patterns) > 0 {
		if key, ok = x.putGroups(key, person.Groups); !ok {
			return nil, false
		}
		for _, d := range x.directories {
			own := records(person, d)
			key = binary.AppendUvarint(key, uint64(len(own)))
			for _, r := range own {
				if key, ok = x.putGroups(key, r.Groups); !ok {
					return nil, false
				}
			}
		}
	}
	for _, i := range x.called(person) {
		key = append(binary.AppendUvarint(key, uint64(i)), byte(x.exceptions[i].stands(at))) //nolint:gosec // an index is not negative
	}
	return key, true
}

// put adds a text with its length, so that no two keys are the same by chance.
func put(key []byte, s string) []byte {
	return append(binary.AppendUvarint(key, uint64(len(s))), s...)
}

func valueOf(person *provisioning.Person, f field) string {
	switch f {
	case byType:
		return person.Type
	case byOffice:
		return person.Office
	case byDepartment:
		return person.Department
	default:
		return person.Title
	}
}

// putGroups adds those directory groups that some pattern fits, in whatever order they stand.
func (x *engine) putGroups(key []byte, groups []string) (_ []byte, ok bool) {
	var space [16]string
	found := space[:0]
	for _, g := range groups {
		fits, known := x.known[g]
		if !known {
			return nil, false
		}
		if fits {
			found = append(found, g)
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	key = binary.AppendUvarint(key, uint64(len(found)))
	for _, g := range found {
		key = put(key, g)
	}
	return key, true
}

// learn finds out which of a person's directory groups some pattern fits. The caller holds the lock.
func (x *engine) learn(person *provisioning.Person) {
	if len(x.known) >= mostGroups {
		clear(x.known)
	}
	look := func(groups []string) {
		for _, g := range groups {
			if _, known := x.known[g]; !known {
				x.known[g] = slices.ContainsFunc(x.patterns, func(p glob) bool { return p.match(g) })
			}
		}
	}
	look(person.Groups)
	for _, r := range person.Records {
		look(r.Groups)
	}
}

// records are what a directory itself says of a person: of one that was not merged the person.
func records(person *provisioning.Person, directory string) []*provisioning.Person {
	if person.Records == nil {
		if person.Key.Directory == directory {
			return []*provisioning.Person{person}
		}
		return nil
	}
	var own []*provisioning.Person
	for _, r := range person.Records {
		if r.Key.Directory == directory {
			own = append(own, r)
		}
	}
	return own
}

// seat lays out what the rules look at, for a birthright that is made.
func (x *engine) seat(person *provisioning.Person) *seat {
	relevant := func(groups []string) []string {
		var names []string
		for _, g := range groups {
			if slices.ContainsFunc(x.patterns, func(p glob) bool { return p.match(g) }) {
				names = append(names, g)
			}
		}
		slices.Sort(names)
		return slices.Compact(names)
	}
	s := &seat{person: person, groups: relevant(person.Groups), own: make(map[string][]string)}
	for _, d := range x.directories {
		var groups []string
		for _, r := range records(person, d) {
			groups = append(groups, r.Groups...)
		}
		s.own[d] = relevant(groups)
	}
	return s
}

// called lists the exceptions that name a person, by their place: by the id that single sign-on sends, the email, the employee number
// or an immutable id.
func (x *engine) called(person *provisioning.Person) []int {
	if len(x.exceptions) == 0 {
		return nil
	}
	var found []int
	for _, name := range [...]string{person.SSOName, person.Email, person.EmployeeNumber} {
		found = append(found, x.named(name)...)
	}
	add := func(k provisioning.PersonKey) {
		var space [128]byte
		found = append(found, x.byKey[string(append(append(append(space[:0], k.Directory...), '/'), k.ID...))]...)
	}
	add(person.Key)
	for _, r := range person.Records {
		add(r.Key)
	}
	for _, k := range person.Former {
		add(k)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// named lists the exceptions for a name, whatever its case. ASCII costs no allocation.
func (x *engine) named(name string) []int {
	name = strings.TrimSpace(name)
	if name == "" {
		return nil
	}
	var space [128]byte
	folded := space[:0]
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			return x.byName[fold(name)]
		}
		folded = append(folded, lower(name[i]))
	}
	return x.byName[string(folded)]
}

// when says how an exception stands at a moment.
type when byte

const (
	toCome when = iota
	counts
	ended
)

func (s *source) stands(at time.Time) when {
	switch {
	case at.Before(s.from):
		return toCome
	case at.After(s.until):
		return ended
	default:
		return counts
	}
}
