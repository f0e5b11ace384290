package policy

import (
	"cmp"
	"slices"
	"time"

	"rollcall/provisioning"
)

// claim is a source that fits a person, and why.
type claim struct {
	*source
	reason Reason
}

// claims are all that fit one person, in three lists: the rules with the most specific first.
type claims struct {
	rules, mappings, exceptions, lapsed []claim
}

// lasting lists the claims for what adds up: those that end stand last.
func (c *claims) lasting() []claim { return slices.Concat(c.rules, c.mappings, c.exceptions) }

// winning lists the claims for what only one can decide, the one that wins first: an exception before a rule, and that before a mapping.
func (c *claims) winning() []claim { return slices.Concat(c.exceptions, c.rules, c.mappings) }

func (s *source) reasonFor(because []string) Reason {
	r := Reason{Source: s.kind, Number: s.number, Because: because}
	switch s.kind {
	case SourceRule:
		r.Name = s.name
	case SourceException:
		r.Until, r.Text = s.until, s.reason
	}
	return r
}

// birthright puts together what a person gets. called are the exceptions that name the person.
func (x *engine) birthright(s *seat, called []int, at time.Time) *Birthright {
	b := &Birthright{}
	c := x.claims(b, s, called, at)
	b.Fits = len(c.rules)+len(c.mappings)+len(c.exceptions) > 0
	for _, l := range c.lasting() {
		b.counted = append(b.counted, l.source)
	}
	libraries := b.libraries(&c)
	b.giveGroups(&c, libraries, x.walls)
	slices.SortFunc(b.Given, func(a, b Given) int { return a.Compare(b.Entitlement) })
	b.lay()
	b.Preferred, b.PreferredWhy = b.heed(c.rules, "preferred library", func(s *source) string { return s.preferred })
	b.Location, b.LocationWhy = b.heed(c.rules, "location", func(s *source) string { return s.location })
	b.lapse(c.lapsed, libraries)
	return b
}

// claims finds out what fits. Rules that an exclusive one keeps out are told in the birthright.
func (x *engine) claims(b *Birthright, s *seat, called []int, at time.Time) claims {
	var c claims
	closed := false
	for _, r := range x.rules {
		because, ok := r.fits(s)
		switch {
		case !ok:
		case closed:
			b.Excluded, b.excluded = append(b.Excluded, r.reasonFor(because)), append(b.excluded, r)
		default:
			c.rules = append(c.rules, claim{r, r.reasonFor(because)})
			closed = r.exclusive
		}
	}
	for _, m := range x.mappings {
		of := s
		if m.directory != "" {
			of = &seat{person: s.person, groups: s.own[m.directory]}
		}
		if because, ok := m.fits(of); ok {
			if m.directory != "" {
				because = []string{because[0] + " of " + m.directory}
			}
			c.mappings = append(c.mappings, claim{m, m.reasonFor(because)})
		}
	}
	for _, i := range called {
		e := x.exceptions[i]
		switch e.stands(at) {
		case counts:
			c.exceptions = append(c.exceptions, claim{e, e.reasonFor([]string{"by name"})})
		case ended:
			c.lapsed = append(c.lapsed, claim{e, e.reasonFor([]string{"by name"})})
		case toCome:
		}
	}
	return c
}

// libraries gives the libraries, each with the one role that wins, and lists them sorted.
func (b *Birthright) libraries(c *claims) []string {
	var libraries []string
	at := make(map[string]int) // library → where it stands in Given; its role stands behind it
	for _, l := range c.lasting() {
		for _, m := range l.libraries {
			i, ok := at[m.Library]
			if !ok {
				i = len(b.Given)
				at[m.Library] = i
				libraries = append(libraries, m.Library)
				b.Given = append(b.Given, Given{Entitlement: provisioning.InLibrary(m.Library)}, Given{})
			}
			b.Given[i].Reasons = append(b.Given[i].Reasons, l.reason)
		}
	}
	for _, w := range c.winning() {
		for _, m := range w.libraries {
			role, e := &b.Given[at[m.Library]+1], provisioning.RoleIn(m.Library, m.Role)
			switch {
			case len(role.Reasons) == 0:
				*role = Given{Entitlement: e, Reasons: []Reason{w.reason}}
			case role.Name == m.Role:
				role.Reasons = append(role.Reasons, w.reason)
			default:
				b.Overruled = append(b.Overruled, Overruled{Entitlement: e, Reason: w.reason, By: role.Reasons[0]})
			}
		}
	}
	slices.Sort(libraries)
	return libraries
}

// refs are the groups of a source: those that stand for every library in those that are named.
func (s *source) refs(libraries []string) []provisioning.GroupRef {
	var refs []provisioning.GroupRef
	for _, g := range s.groups {
		if !g.every {
			refs = append(refs, g.ref)
			continue
		}
		for _, l := range libraries {
			refs = append(refs, provisioning.GroupRef{Library: l, Group: g.ref.Group})
		}
	}
	return refs
}

// giveGroups gives the groups, but those that a wall keeps apart from another that is given: neither of them.
func (b *Birthright) giveGroups(c *claims, libraries []string, w *walls) {
	var groups []Given
	at := make(map[provisioning.GroupRef]int)
	for _, l := range c.lasting() {
		for _, ref := range l.refs(libraries) {
			i, ok := at[ref]
			if !ok {
				i = len(groups)
				at[ref] = i
				groups = append(groups, Given{Entitlement: provisioning.InGroup(ref)})
			}
			if reasons := groups[i].Reasons; len(reasons) == 0 || !reasons[len(reasons)-1].same(&l.reason) {
				groups[i].Reasons = append(reasons, l.reason)
			}
		}
	}
	slices.SortFunc(groups, func(a, b Given) int { return a.Compare(b.Entitlement) })
	sides := make([][]side, len(groups))
	for i := range groups {
		sides[i] = w.of(groups[i].Group())
	}
	for i := range groups {
		other, wall := -1, -1
		for j := range groups {
			if i == j || len(sides[i]) == 0 {
				continue
			}
			if wall = apart(sides[i], sides[j]); wall >= 0 {
				other = j
				break
			}
		}
		if other < 0 {
			b.Given = append(b.Given, groups[i])
			continue
		}
		b.Withheld = append(b.Withheld, Withheld{
			Entitlement: groups[i].Entitlement, Wall: w.names[wall], Other: groups[other].Entitlement, Reasons: groups[i].Reasons,
		})
	}
}

// heed takes what the most specific rule says that says anything; another word of a less specific one is told.
func (b *Birthright) heed(rules []claim, what string, of func(*source) string) (value string, why Reason) {
	for _, r := range rules {
		switch said := of(r.source); {
		case said == "" || said == value:
		case value == "":
			value, why = said, r.reason
		default:
			b.Unheeded = append(b.Unheeded, Unheeded{What: what, Value: said, Reason: r.reason, By: why})
		}
	}
	return value, why
}

// lapse tells what exceptions that ended gave, of what nothing gives now.
func (b *Birthright) lapse(lapsed []claim, libraries []string) {
	for _, l := range lapsed {
		var gave []provisioning.Entitlement
		within := slices.Clone(libraries)
		for _, m := range l.libraries {
			gave = append(gave, provisioning.InLibrary(m.Library), provisioning.RoleIn(m.Library, m.Role))
			if !slices.Contains(within, m.Library) {
				within = append(within, m.Library)
			}
		}
		for _, ref := range l.refs(within) {
			gave = append(gave, provisioning.InGroup(ref))
		}
		for _, e := range gave {
			told := slices.ContainsFunc(b.Lapsed, func(have Lapsed) bool { return have.Entitlement == e && have.Reason.same(&l.reason) })
			if _, given := b.Gives(e); !given && !told {
				b.Lapsed = append(b.Lapsed, Lapsed{Entitlement: e, Reason: l.reason})
			}
		}
	}
	slices.SortStableFunc(b.Lapsed, func(x, y Lapsed) int { // what ended last first
		return cmp.Or(x.Compare(y.Entitlement), y.Reason.Until.Compare(x.Reason.Until))
	})
}
