package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/provisioning"
)

// The sources of a right.
const (
	SourceRule      = "rule"
	SourceMapping   = "mapping"
	SourceException = "exception"
)

// source is one rule, mapping or exception: whom it fits, and what it gives.
type source struct {
	kind   string // SourceRule …
	number int    // its place among its kind in the file, from 1
	name   string // a rule's name; a mapping's directory group; whom an exception names

	libraries []provisioning.Membership // Library and Role alone, sorted by library
	groups    []gift
	preferred string
	location  string

	conditions []condition // of a rule: all must hold. Of a mapping: its group
	exclusive  bool
	directory  string // of a mapping: that directory's own record is looked at
	from       time.Time
	until      time.Time // the last moment that counts
	reason     string
}

// gift is a group that is given: one, or the group of that name in every library of the birthright.
type gift struct {
	ref   provisioning.GroupRef
	every bool
}

// where names a source for a message: "rule 7 (London Litigation)".
func (s *source) where() string {
	if s.name == "" {
		return fmt.Sprintf("%s %d", s.kind, s.number)
	}
	return fmt.Sprintf("%s %d (%s)", s.kind, s.number, s.name)
}

// names reports whether a source names a library or a group, a library's role among it.
func (s *source) names(e provisioning.Entitlement) bool {
	if e.Kind == provisioning.EntitlementGroup {
		return slices.ContainsFunc(s.groups, func(g gift) bool {
			return g.ref == e.Group() || (g.every && e.Library != "" && g.ref.Group == e.Name)
		})
	}
	return slices.ContainsFunc(s.libraries, func(m provisioning.Membership) bool { return m.Library == e.Library })
}

// field is what a condition looks at. A field's value is its weight among rules with as many conditions.
type field int

// The fields, the weakest first. Grade and title weigh the same: weight tells.
const (
	byType field = iota + 1
	byOffice
	byDepartment
	byTitle
	byGrade
	byGroup
)

func (f field) weight() int {
	if f == byGrade {
		return int(byTitle)
	}
	return int(f)
}

func (f field) String() string {
	return [...]string{"", "type", "office", "department", "title", "grade", "group"}[f]
}

// condition is one of a rule's: one of its patterns must fit.
type condition struct {
	field    field
	patterns []pattern
}

// pattern is one pattern of a condition, as it was written too. That of a grade fits the grade's titles.
type pattern struct {
	said   string
	glob   glob
	grades []grade // of a grade's condition: those whose names the pattern fits
}

// grade is a name for titles.
type grade struct {
	name   string
	titles []glob
}

// wild reports whether the condition needs a * to fit somebody.
func (c *condition) wild() bool {
	return slices.ContainsFunc(c.patterns, func(p pattern) bool { return p.glob.wild() })
}

// seat is what rules look at, of one person.
type seat struct {
	person *provisioning.Person
	groups []string            // of all directories, sorted; only names that some pattern fits
	own    map[string][]string // the same, of each directory's own record that a mapping names
}

// holds says whether a condition fits, and why in the person's own words.
func (c *condition) holds(s *seat) (because string, ok bool) {
	for i := range c.patterns {
		if because, ok := c.patterns[i].holds(c.field, s); ok {
			return because, true
		}
	}
	return "", false
}

func (p *pattern) holds(f field, s *seat) (because string, ok bool) {
	switch f {
	case byGroup:
		for _, g := range s.groups {
			if p.glob.match(g) {
				return "in the directory group " + strings.TrimSpace(g), true
			}
		}
		return "", false
	case byGrade:
		for _, g := range p.grades {
			if slices.ContainsFunc(g.titles, func(t glob) bool { return t.match(s.person.Title) }) {
				return fmt.Sprintf("grade is %s (title %s)", g.name, strings.TrimSpace(s.person.Title)), true
			}
		}
		return "", false
	default:
		value := valueOf(s.person, f)
		if !p.glob.match(value) {
			return "", false
		}
		if p.glob.wild() {
			return fmt.Sprintf("%s %s is like %s", f, strings.TrimSpace(value), p.said), true
		}
		return fmt.Sprintf("%s is %s", f, strings.TrimSpace(value)), true
	}
}

// fits says whether a rule fits a person, and by which of its conditions.
func (s *source) fits(at *seat) (because []string, ok bool) {
	for i := range s.conditions {
		why, ok := s.conditions[i].holds(at)
		if !ok {
			return nil, false
		}
		because = append(because, why)
	}
	if len(because) == 0 {
		because = []string{"everybody"}
	}
	return because, true
}

// precedes orders rules, the most specific first: more conditions; among as many the heavier ones (group, then grade and title,
// department, office, type, compared from the heaviest down); then more conditions without a *; then the first in the file.
func (s *source) precedes(other *source) int {
	weights := func(s *source) []int {
		w := make([]int, len(s.conditions))
		for i := range s.conditions {
			w[i] = -s.conditions[i].field.weight()
		}
		slices.Sort(w)
		return w
	}
	exact := func(s *source) int {
		n := 0
		for i := range s.conditions {
			if !s.conditions[i].wild() {
				n++
			}
		}
		return n
	}
	return cmp.Or(len(other.conditions)-len(s.conditions), slices.Compare(weights(s), weights(other)), exact(other)-exact(s), s.number-other.number)
}

// covers reports whether this rule surely fits everybody whom another fits. It may say no where that is so for other reasons.
func (s *source) covers(other *source) bool {
	for i := range s.conditions {
		c := &s.conditions[i]
		if slices.ContainsFunc(c.patterns, func(p pattern) bool { return p.glob == wildcard && c.field != byGrade && c.field != byGroup }) {
			continue
		}
		if !slices.ContainsFunc(other.conditions, func(o condition) bool { return o.field == c.field && c.covers(&o) }) {
			return false
		}
	}
	return true
}

func (c *condition) covers(other *condition) bool {
	for _, o := range other.patterns {
		if !slices.ContainsFunc(c.patterns, func(p pattern) bool { return p.glob.match(string(o.glob)) }) {
			return false
		}
	}
	return true
}
