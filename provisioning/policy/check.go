package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/provisioning"
)

// World is what there is, for Check. What is empty is not known, and nothing is checked against it.
type World struct {
	Libraries []provisioning.Library
	Groups    []provisioning.Group
	People    []*provisioning.Person // those who work here now
	Roles     map[string][]string    // the known roles by library; nil: not known
	Holders   []Holder               // the accounts
	At        time.Time
}

// Remark is one thing that is doubtful in a policy.
type Remark struct {
	Severity provisioning.FindingState // FindingBad: it cannot do what it says; FindingWarning: it may not be what was meant
	Where    string                    // "rule 7 (London Litigation)"
	Text     string
}

// Check tells what is doubtful in a policy against what exists: first what is wrong in itself or names what is not there, in the
// file's order, then what it does to the people. It reads nothing.
func (p *Policy) Check(w World) []Remark {
	c := &checker{p: p, w: w, x: p.engine()}
	c.index()
	for _, s := range slices.Concat(p.rules, p.mappings, p.exceptions) {
		c.exists(s)
		c.ownWalls(s)
	}
	for _, s := range p.rules {
		c.wins(s)
	}
	c.walls()
	c.ungoverned()
	c.people()
	c.licences()
	return c.remarks
}

type checker struct {
	p *Policy
	w World
	x *engine

	libraries map[string]bool
	groups    map[provisioning.GroupRef]bool // → enabled
	folded    map[string]string              // the folded name of a library or group → how it is written
	dead      map[*source]bool               // rules of which it was told that they can never give anything
	remarks   []Remark
}

func (c *checker) say(severity provisioning.FindingState, where, format string, args ...any) {
	c.remarks = append(c.remarks, Remark{Severity: severity, Where: where, Text: fmt.Sprintf(format, args...)})
}

func (c *checker) index() {
	c.libraries, c.groups, c.folded = make(map[string]bool), make(map[provisioning.GroupRef]bool), make(map[string]string)
	c.dead = make(map[*source]bool)
	for _, l := range c.w.Libraries {
		c.libraries[l.ID] = true
		c.folded[fold(l.ID)] = l.ID
	}
	for _, g := range c.w.Groups {
		c.groups[g.Ref] = g.Enabled
		c.folded[fold(g.Ref.String())] = g.Ref.String()
	}
}

// meant finds a name that differs by its case alone.
func (c *checker) meant(name string) string {
	if is := c.folded[fold(name)]; is != "" && is != name {
		return " (it is written " + is + ")"
	}
	return ""
}

// exists tells which libraries, roles and groups of a source are not there.
func (c *checker) exists(s *source) {
	library := func(id string) {
		if len(c.libraries) > 0 && id != "" && !c.libraries[id] {
			c.say(provisioning.FindingBad, s.where(), "there is no library %s%s", id, c.meant(id))
		}
	}
	for _, m := range s.libraries {
		library(m.Library)
		if c.w.Roles != nil && c.libraries[m.Library] && m.Role != DefaultRole && !slices.Contains(c.w.Roles[m.Library], m.Role) {
			c.say(provisioning.FindingWarning, s.where(), "nobody has the role %s in %s: is it written so?", m.Role, m.Library)
		}
	}
	if !slices.ContainsFunc(s.libraries, func(m provisioning.Membership) bool { return m.Library == s.preferred }) {
		library(s.preferred)
	}
	if len(c.groups) == 0 {
		return
	}
	for _, g := range s.groups {
		if g.every {
			found := false
			for ref := range c.groups {
				found = found || (ref.Library != "" && ref.Group == g.ref.Group)
			}
			if !found {
				c.say(provisioning.FindingBad, s.where(), "no library has a group %s", g.ref.Group)
			}
			continue
		}
		switch enabled, ok := c.groups[g.ref]; {
		case !ok:
			c.say(provisioning.FindingBad, s.where(), "there is no group %s%s", g.ref, c.meant(g.ref.String()))
		case !enabled:
			c.say(provisioning.FindingWarning, s.where(), "the group %s is disabled: nobody can be put into it", g.ref)
		}
	}
}

// ownWalls tells where one source by itself gives two sides of a wall.
func (c *checker) ownWalls(s *source) {
	var libraries []string
	for _, m := range s.libraries {
		libraries = append(libraries, m.Library)
	}
	var given []provisioning.Entitlement
	for _, ref := range s.refs(libraries) {
		given = append(given, provisioning.InGroup(ref))
	}
	for _, k := range c.p.Conflicts(given) {
		c.say(provisioning.FindingBad, s.where(), "gives %s and %s, which the wall %s keeps apart: nobody gets either", k.A, k.B, k.Wall)
	}
}

// wins tells what of a rule can never count, because another rule fits everybody whom it fits and is more specific.
func (c *checker) wins(s *source) {
	for _, o := range c.x.rules { // the most specific first
		if o == s {
			return
		}
		if !o.covers(s) {
			continue
		}
		if o.exclusive {
			c.say(provisioning.FindingBad, s.where(), "can never give anything: %s fits everybody whom it fits, and is exclusive", o.where())
			c.dead[s] = true
			return
		}
		lost := func(what, other string) {
			c.say(provisioning.FindingWarning, s.where(), "its %s can never win: %s fits everybody whom it fits, and says %s", what, o.where(), other)
		}
		for _, m := range s.libraries {
			if i := slices.IndexFunc(o.libraries, func(n provisioning.Membership) bool { return n.Library == m.Library }); i >= 0 && o.libraries[i].Role != m.Role {
				lost("role "+m.Role+" in "+m.Library, o.libraries[i].Role)
			}
		}
		if s.preferred != "" && o.preferred != "" && o.preferred != s.preferred {
			lost("preferred library "+s.preferred, o.preferred)
		}
		if s.location != "" && o.location != "" && o.location != s.location {
			lost("location "+s.location, o.location)
		}
	}
}

// walls tells which sides keep nobody out, and which groups stand on two sides of one wall.
func (c *checker) walls() {
	if len(c.groups) == 0 {
		return
	}
	refs := make([]provisioning.GroupRef, 0, len(c.w.Groups))
	for _, g := range c.w.Groups {
		refs = append(refs, g.Ref)
	}
	hit := make(map[side]bool)
	for _, ref := range refs {
		sides := c.x.walls.of(ref)
		for i, s := range sides {
			hit[s] = true
			if i > 0 && sides[i-1].wall == s.wall {
				c.say(provisioning.FindingWarning, "wall "+c.p.Walls[s.wall].Name, "the group %s stands on two sides of it", ref)
			}
		}
	}
	for i, w := range c.p.Walls {
		for j, g := range w.Groups {
			if !hit[side{i, j}] {
				c.say(provisioning.FindingBad, "wall "+w.Name, "%s is no group that there is: that side keeps nobody apart", g)
			}
		}
	}
}

// ungoverned tells which of what is left to the hand is not there, or is governed all the same.
func (c *checker) ungoverned() {
	for i, u := range c.p.Ungoverned {
		glob := c.x.ungoverned[i]
		found := slices.ContainsFunc(c.w.Groups, func(g provisioning.Group) bool { return glob.matchGroup(g.Ref) }) ||
			slices.ContainsFunc(c.w.Libraries, func(l provisioning.Library) bool { return glob.takes(provisioning.InLibrary(l.ID)) })
		if known := len(c.groups) > 0 && len(c.libraries) > 0; known && !found {
			c.say(provisioning.FindingWarning, "ungoverned", "%s is nothing that there is", u)
		}
		if strings.Contains(u, wildcard) {
			continue
		}
		for _, m := range c.p.mappings {
			library, group, slash := strings.Cut(u, "/")
			e := provisioning.InLibrary(library)
			if slash {
				e = provisioning.InGroup(provisioning.GroupRef{Library: library, Group: group})
			}
			if m.names(e) {
				c.say(provisioning.FindingWarning, "ungoverned", "%s is governed all the same: %s keeps it in step with the directory", u, m.where())
			}
		}
	}
}

// tally is what a source does to the people.
type tally struct {
	fits, excluded, outside, homeless int
	outsideOf                         string
}

// people tells what the policy does to those who are there.
func (c *checker) people() {
	if len(c.w.People) == 0 {
		for _, e := range c.p.exceptions {
			c.lapsed(e)
		}
		return
	}
	counts := make(map[*source]*tally)
	for _, s := range slices.Concat(c.p.rules, c.p.mappings, c.p.exceptions) {
		counts[s] = &tally{}
	}
	withheld := make(map[string]int) // wall → people
	var walls []string
	scope, none := 0, 0
	for _, person := range c.w.People {
		for _, i := range c.x.called(person) {
			counts[c.p.exceptions[i]].fits++
		}
		if !c.p.InScope(person) {
			continue
		}
		scope++
		b := c.p.Birthright(person, c.w.At)
		if !b.Fits {
			none++
		}
		c.count(b, counts)
		var told []string
		for _, h := range b.Withheld {
			if slices.Contains(told, h.Wall) {
				continue
			}
			told = append(told, h.Wall)
			if withheld[h.Wall]++; withheld[h.Wall] == 1 {
				walls = append(walls, h.Wall)
			}
		}
	}
	for _, s := range slices.Concat(c.p.rules, c.p.mappings) {
		c.tallied(s, counts[s])
	}
	for _, e := range c.p.exceptions {
		switch n := counts[e].fits; {
		case e.stands(c.w.At) == ended: // it is told below, whoever it was
		case n == 0:
			c.say(provisioning.FindingBad, e.where(), "nobody who works here is called so")
		case n > 1:
			c.say(provisioning.FindingWarning, e.where(), "%d people are called so, and all of them get it", n)
		}
		c.lapsed(e)
	}
	for _, wall := range walls {
		c.say(provisioning.FindingWarning, "wall "+wall, "the rules give both sides to %s: neither is given", people(withheld[wall]))
	}
	if none > 0 && c.p.HasRules() {
		c.say(provisioning.FindingWarning, "policy", "no rule fits %s of %d in scope: their accounts are not compared", people(none), scope)
	}
}

// count adds one birthright to what its sources do.
func (c *checker) count(b *Birthright, counts map[*source]*tally) {
	var libraries []string
	for i := range b.Given {
		if b.Given[i].Kind == provisioning.EntitlementLibrary {
			libraries = append(libraries, b.Given[i].Library)
		}
	}
	for _, s := range b.counted {
		t := counts[s]
		if s.kind != SourceException { // those are counted by whom they name
			t.fits++
		}
		for _, g := range s.groups {
			if library := g.ref.Library; library != "" && !slices.Contains(libraries, library) {
				t.outside++
				t.outsideOf = library
				break
			}
		}
		if s.preferred != "" && s.preferred == b.Preferred && !slices.Contains(libraries, s.preferred) {
			t.homeless++
		}
	}
	for _, s := range b.excluded {
		counts[s].fits++
		counts[s].excluded++
	}
}

// tallied says what is doubtful in what a rule or a mapping does to the people.
func (c *checker) tallied(s *source, t *tally) {
	switch {
	case t.fits == 0 && s.kind == SourceMapping:
		c.say(provisioning.FindingWarning, s.where(), "nobody in scope is in that directory group")
	case t.fits == 0:
		c.say(provisioning.FindingWarning, s.where(), "fits nobody")
	case t.fits == t.excluded && !c.dead[s]:
		c.say(provisioning.FindingWarning, s.where(), "gives nobody anything: exclusive rules that are more specific fit everybody whom it fits (%s)", people(t.fits))
	}
	if t.outside > 0 {
		c.say(provisioning.FindingWarning, s.where(), "gives %s a group in %s, and nothing gives them that library", people(t.outside), t.outsideOf)
	}
	if t.homeless > 0 {
		c.say(provisioning.FindingWarning, s.where(), "prefers %s for %s to whom nothing gives that library", s.preferred, people(t.homeless))
	}
}

func (c *checker) lapsed(e *source) {
	if e.stands(c.w.At) == ended {
		c.say(provisioning.FindingWarning, e.where(), "ended on %s: it gives nothing any more", e.until.Format(dayFormat))
	}
}

func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}
