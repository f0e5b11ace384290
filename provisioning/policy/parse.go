package policy

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/strict"
)

// fileName is the policy's, for the errors.
const fileName = "policy.toml"

// The file's tables. A condition is one text or a list of texts, which patterns tells apart.
type (
	file struct {
		Protected     []string        `toml:"protected"`
		VIPs          []string        `toml:"vip"`
		Services      []string        `toml:"service"`
		ExcludedTypes []string        `toml:"excluded_types"`
		Ungoverned    []string        `toml:"ungoverned"`
		WallsCSV      string          `toml:"walls_csv"`
		Limits        Limits          `toml:"limits"`
		Approval      Approval        `toml:"approval"`
		Licence       fileLicence     `toml:"licence"`
		Review        fileReview      `toml:"review"`
		Grades        []fileGrade     `toml:"grade"`
		Rules         []fileRule      `toml:"birthright"`
		Mappings      []fileMapping   `toml:"mapping"`
		Exceptions    []fileException `toml:"exception"`
		Walls         []fileWall      `toml:"wall"`
	}
	fileGrade struct {
		Name   string `toml:"name"`
		Titles any    `toml:"titles"`
	}
	fileRule struct {
		Name       string            `toml:"name"`
		Office     any               `toml:"office"`
		Department any               `toml:"department"`
		Title      any               `toml:"title"`
		Grade      any               `toml:"grade"`
		Type       any               `toml:"type"`
		Group      any               `toml:"group"`
		Libraries  map[string]string `toml:"libraries"`
		Groups     []string          `toml:"groups"`
		Preferred  string            `toml:"preferred_library"`
		Location   string            `toml:"location"`
		Exclusive  bool              `toml:"exclusive"`
	}
	fileMapping struct {
		Directory string            `toml:"directory"`
		Group     string            `toml:"group"`
		Gives     []string          `toml:"gives"`
		Libraries map[string]string `toml:"libraries"`
	}
	fileException struct {
		Who       string            `toml:"who"`
		Libraries map[string]string `toml:"libraries"`
		Groups    []string          `toml:"groups"`
		From      *toml.LocalDate   `toml:"from"`
		Until     *toml.LocalDate   `toml:"until"`
		Reason    string            `toml:"reason"`
	}
	fileWall struct {
		Name   string   `toml:"name"`
		Groups []string `toml:"groups"`
	}
)

// Parse reads a policy. An unknown key is an error that names the line, a value that cannot be one that names the rule; what is not
// set keeps its default. read opens the CSV of walls that the policy names; nil says that there is none to read, and then a policy
// that names one is refused: it would guard less than it says.
func Parse(data []byte, read func(name string) ([]byte, error)) (*Policy, error) {
	p := Default()
	f := file{Limits: p.Limits}
	if err := strict.Decode(fileName, data, &f); err != nil {
		return nil, err
	}
	p.ProtectedIDs, p.VIPs, p.Services, p.ExcludedTypes, p.Ungoverned = f.Protected, f.VIPs, f.Services, f.ExcludedTypes, f.Ungoverned
	if err := p.setLimits(f.Limits); err != nil {
		return nil, err
	}
	if err := p.setApproval(f.Approval); err != nil {
		return nil, err
	}
	if err := p.checkLists(); err != nil {
		return nil, err
	}
	grades, err := readGrades(f.Grades)
	if err != nil {
		return nil, err
	}
	for i := range f.Rules {
		s, err := f.Rules[i].source(i+1, grades)
		if err != nil {
			return nil, err
		}
		p.rules = append(p.rules, s)
	}
	for i := range f.Mappings {
		s, err := f.Mappings[i].source(i + 1)
		if err != nil {
			return nil, err
		}
		p.mappings = append(p.mappings, s)
	}
	for i := range f.Exceptions {
		s, err := f.Exceptions[i].source(i + 1)
		if err != nil {
			return nil, err
		}
		p.exceptions = append(p.exceptions, s)
	}
	if err := p.setLicences(f.Licence, grades); err != nil {
		return nil, err
	}
	if err := p.setReview(f.Review); err != nil {
		return nil, err
	}
	if err := p.setWalls(&f, read); err != nil {
		return nil, err
	}
	p.made = compile(p)
	return p, nil
}

func invalid(format string, args ...any) error {
	return &provisioning.Error{Code: provisioning.Invalid, Message: fileName + ": " + fmt.Sprintf(format, args...), Hint: "mend the file"}
}

func (p *Policy) checkLists() error {
	for _, list := range [][]string{p.ProtectedIDs, p.VIPs, p.Services} {
		for _, pattern := range list {
			if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
				return invalid("%q is no account id or pattern", pattern)
			}
			if isGroup(pattern) && (strings.HasSuffix(pattern, "/") || spaced(pattern)) {
				return invalid("%q is no group: LIBRARY/GROUP, or /GROUP for a global one", pattern)
			}
		}
	}
	for _, u := range p.Ungoverned {
		if library, group, slash := strings.Cut(u, "/"); slash && group == "" || !slash && library == "" || spaced(u) {
			return invalid("ungoverned: %q is neither LIBRARY/GROUP nor a library", u)
		}
	}
	return nil
}

// spaced reports whether a name begins or ends with a space, or one of its two parts does: iManage knows none so.
func spaced(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.TrimSpace(part) != part {
			return true
		}
	}
	return false
}

func readGrades(list []fileGrade) ([]grade, error) {
	var grades []grade
	numbers := make(map[string]int)
	for i, g := range list {
		name := strings.TrimSpace(g.Name)
		if name == "" || strings.Contains(name, wildcard) {
			return nil, invalid("grade %d needs a name without *", i+1)
		}
		if first, twice := numbers[fold(name)]; twice {
			return nil, invalid("grade %d (%s): grade %d is called so too", i+1, name, first)
		}
		numbers[fold(name)] = i + 1
		titles, err := patterns(g.Titles)
		if err != nil || len(titles) == 0 {
			return nil, invalid("grade %d (%s): titles must be a text or a list of texts, none of them empty", i+1, name)
		}
		made := grade{name: name}
		for _, t := range titles {
			made.titles = append(made.titles, newGlob(t))
		}
		grades = append(grades, made)
	}
	return grades, nil
}

// patterns reads one text or a list of texts, none of which is empty. What is not there gives none.
func patterns(v any) ([]string, error) {
	var list []string
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		list = []string{v}
	case []any:
		for _, item := range v {
			s, ok := item.(string)
			if !ok {
				return nil, fmt.Errorf("%v is no text", item)
			}
			list = append(list, s)
		}
	}
	if len(list) == 0 || slices.ContainsFunc(list, func(s string) bool { return strings.TrimSpace(s) == "" }) {
		return nil, fmt.Errorf("not a text")
	}
	return list, nil
}

func (r *fileRule) source(number int, grades []grade) (*source, error) {
	s := &source{kind: SourceRule, number: number, name: strings.TrimSpace(r.Name), preferred: r.Preferred, location: strings.TrimSpace(r.Location), exclusive: r.Exclusive}
	for _, c := range []struct {
		field field
		value any
	}{{byOffice, r.Office}, {byDepartment, r.Department}, {byTitle, r.Title}, {byGrade, r.Grade}, {byType, r.Type}, {byGroup, r.Group}} {
		list, err := patterns(c.value)
		if err != nil {
			return nil, s.invalid("%s must be a text or a list of texts, none of them empty; leave it out where anything will do", c.field)
		}
		if len(list) == 0 {
			continue
		}
		made := condition{field: c.field}
		for _, said := range list {
			p := pattern{said: strings.TrimSpace(said), glob: newGlob(said)}
			if c.field == byGrade {
				for _, g := range grades {
					if p.glob.match(g.name) {
						p.grades = append(p.grades, g)
					}
				}
				if len(p.grades) == 0 {
					return nil, s.invalid("no grade is called %s", p.said)
				}
			}
			made.patterns = append(made.patterns, p)
		}
		s.conditions = append(s.conditions, made)
	}
	if err := s.gifts(r.Libraries, r.Groups, "groups"); err != nil {
		return nil, err
	}
	if s.preferred != "" && !whole(s.preferred) {
		return nil, s.invalid("preferred_library %q is no library", s.preferred)
	}
	if len(s.libraries)+len(s.groups) == 0 && s.preferred == "" && s.location == "" {
		return nil, s.invalid("gives nothing: it needs libraries, groups, a preferred_library or a location")
	}
	return s, nil
}

func (m *fileMapping) source(number int) (*source, error) {
	s := &source{kind: SourceMapping, number: number, name: strings.TrimSpace(m.Group), directory: m.Directory}
	if s.name == "" {
		return nil, s.invalid("needs the group of the directory")
	}
	s.conditions = []condition{{field: byGroup, patterns: []pattern{{said: s.name, glob: newGlob(s.name)}}}}
	if err := s.gifts(m.Libraries, m.Gives, "gives"); err != nil {
		return nil, err
	}
	if len(s.libraries)+len(s.groups) == 0 {
		return nil, s.invalid("gives nothing: it needs gives or libraries")
	}
	return s, nil
}

func (e *fileException) source(number int) (*source, error) {
	s := &source{kind: SourceException, number: number, name: strings.TrimSpace(e.Who), reason: strings.TrimSpace(e.Reason)}
	switch {
	case s.name == "":
		return nil, s.invalid("needs who: an id, an email, an employee number or directory/immutable-id")
	case e.Until == nil:
		return nil, s.invalid("needs until: the last day on which it counts")
	case s.reason == "":
		return nil, s.invalid("needs a reason")
	}
	// The day ends where the next one begins, in whatever the clocks do that night.
	s.until = time.Date(e.Until.Year, time.Month(e.Until.Month), e.Until.Day+1, 0, 0, 0, 0, time.Local).Add(-time.Nanosecond)
	if e.From != nil {
		s.from = e.From.AsTime(time.Local)
		if s.until.Before(s.from) {
			return nil, s.invalid("until %s is before from %s", e.Until, e.From)
		}
	}
	if err := s.gifts(e.Libraries, e.Groups, "groups"); err != nil {
		return nil, err
	}
	if len(s.libraries)+len(s.groups) == 0 {
		return nil, s.invalid("gives nothing: it needs libraries or groups")
	}
	return s, nil
}

// invalid says what cannot be in a rule, a mapping or an exception.
func (s *source) invalid(format string, args ...any) error {
	return invalid("%s: %s", s.where(), fmt.Sprintf(format, args...))
}

// gifts reads what a source gives. key is the name of the groups in the file.
func (s *source) gifts(libraries map[string]string, groups []string, key string) error {
	for _, library := range slices.Sorted(maps.Keys(libraries)) {
		if !whole(library) {
			return s.invalid("libraries: %q is no library: it stands by its whole name", library)
		}
		if role := libraries[library]; spaced(role) || strings.Contains(role, wildcard) {
			return s.invalid("libraries: %q is no role", role)
		}
		s.libraries = append(s.libraries, provisioning.Membership{Library: library, Role: cmp.Or(libraries[library], DefaultRole)})
	}
	for _, g := range groups {
		ref, ok := provisioning.ParseGroup(g)
		made := gift{ref: ref, every: ref.Library == wildcard}
		if made.every {
			made.ref.Library = ""
		}
		switch {
		case !ok:
			return s.invalid("%s: %q needs its library: LIBRARY/GROUP, or /GROUP for a global group", key, g)
		case spaced(g) || strings.Contains(ref.Group, wildcard) || strings.Contains(made.ref.Library, wildcard):
			return s.invalid("%s: %q is no group: it stands by its whole name, or as */GROUP for every library that is given", key, g)
		case slices.Contains(s.groups, made):
			return s.invalid("%s: %s stands there twice", key, g)
		}
		s.groups = append(s.groups, made)
	}
	return nil
}

// whole reports whether a text can be a library's id.
func whole(library string) bool {
	return library != "" && !spaced(library) && !strings.ContainsAny(library, wildcard+"/")
}
