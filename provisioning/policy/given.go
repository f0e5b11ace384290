package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/provisioning"
)

// dayFormat is how a day is written in a reason.
const dayFormat = "2 Jan 2006"

// Reason is why a policy gives a right.
type Reason struct {
	Source  string    // SourceRule, SourceMapping, SourceException
	Number  int       // its place among its kind in the file, from 1
	Name    string    // as the file names it; may be empty
	Because []string  // "department is Litigation", "in the directory group Project Kite", "by name"
	Until   time.Time // of an exception: its last moment
	Text    string    // of an exception: the operator's reason
}

// String says the reason: "department is Litigation, office is London (rule 7, London Litigation)".
func (r Reason) String() string {
	var b strings.Builder
	b.WriteString(strings.Join(r.Because, ", "))
	if !r.Until.IsZero() {
		b.WriteString(" until " + r.Until.Format(dayFormat))
	}
	if r.Text != "" {
		b.WriteString(": " + r.Text)
	}
	fmt.Fprintf(&b, " (%s %d", r.Source, r.Number)
	if r.Name != "" {
		b.WriteString(", " + r.Name)
	}
	b.WriteString(")")
	return b.String()
}

// same reports whether two reasons are one source's.
func (r *Reason) same(other *Reason) bool {
	return r.Source == other.Source && r.Number == other.Number
}

// Given is a right that a policy gives.
type Given struct {
	provisioning.Entitlement
	// Reasons has the deciding one first: of a role whose source decided it; of a library or a group the most specific rule, then
	// other rules, mappings, and exceptions, which end.
	Reasons []Reason
}

// Withheld is a group that a policy gives, and that a wall of it keeps apart from another that is given or held.
type Withheld struct {
	provisioning.Entitlement
	Wall    string
	Other   provisioning.Entitlement
	Reasons []Reason
}

// Overruled is a role that lost to a more specific one.
type Overruled struct {
	provisioning.Entitlement
	Reason, By Reason
}

// Unheeded is a preferred library or a location that lost to that of a more specific rule.
type Unheeded struct {
	What, Value string // "preferred library" or "location", and which
	Reason, By  Reason
}

// String says what lost to what.
func (u Unheeded) String() string {
	return fmt.Sprintf("%s %s, by %s, loses to %s", u.What, u.Value, u.Reason, u.By)
}

// Lapsed is a right that an exception gave until it ended, and that nothing gives now.
type Lapsed struct {
	provisioning.Entitlement
	Reason Reason
}

// Birthright is what a policy gives one person at one moment, and why. It is shared between people who are alike to the policy: it is
// never to be changed.
type Birthright struct {
	Fits         bool    // some rule, mapping or exception that counts fits the person
	Given        []Given // sorted by Entitlement.Compare; each library has its one role beside it
	Preferred    string  // "" where no rule says
	PreferredWhy Reason
	Location     string // "" where no rule says: the person's office
	LocationWhy  Reason
	Withheld     []Withheld // groups that a wall keeps apart from another given one: neither is given
	Overruled    []Overruled
	Unheeded     []Unheeded
	Excluded     []Reason // rules that an exclusive one keeps out
	Lapsed       []Lapsed

	counted  []*source // whose gifts count
	excluded []*source

	// The same rights as an account holds them, for Fulfils.
	memberships []provisioning.Membership
	groups      []provisioning.GroupRef
}

// lay makes what Fulfils compares. An account's global groups stand first.
func (b *Birthright) lay() {
	for i := range b.Given {
		switch g := &b.Given[i]; g.Kind {
		case provisioning.EntitlementLibrary:
			b.memberships = append(b.memberships, provisioning.Membership{Library: g.Library})
		case provisioning.EntitlementRole:
			b.memberships[len(b.memberships)-1].Role = g.Name
		case provisioning.EntitlementGroup:
			b.groups = append(b.groups, g.Group())
		}
	}
	slices.SortStableFunc(b.groups, func(x, y provisioning.GroupRef) int {
		return cmp.Or(strings.Compare(x.Library, y.Library), strings.Compare(x.Group, y.Group))
	})
}

// Fulfils reports, at the cost of a glance, whether an account surely holds all that a birthright gives, and else only what is given by
// hand: then nothing is missing and nothing in excess. Of an account that does not stand as the birthright lays it out it says no.
func (p *Policy) Fulfils(a *provisioning.Account, b *Birthright) bool {
	if len(a.Memberships) != len(b.memberships) || len(a.Groups) < len(b.groups) {
		return false
	}
	for i := range a.Memberships {
		m, want := &a.Memberships[i], &b.memberships[i]
		if m.Library != want.Library || (m.Role != want.Role && m.Role != "") {
			return false
		}
	}
	wanted := b.groups
	for _, g := range a.Groups {
		switch {
		case len(wanted) > 0 && g == wanted[0]:
			wanted = wanted[1:]
		case p.Governs(provisioning.InGroup(g)):
			return false
		}
	}
	return len(wanted) == 0
}

// Gives finds what the birthright says of a right that it gives.
func (b *Birthright) Gives(e provisioning.Entitlement) (Given, bool) {
	i, ok := slices.BinarySearchFunc(b.Given, e, func(g Given, e provisioning.Entitlement) int { return g.Compare(e) })
	if !ok {
		return Given{}, false
	}
	return b.Given[i], true
}

// Role is the role that the birthright gives in a library, and whether it gives the library at all.
func (b *Birthright) Role(library string) (role string, ok bool) {
	for i := range b.Given {
		if g := &b.Given[i]; g.Kind == provisioning.EntitlementRole && g.Library == library {
			return g.Name, true
		}
	}
	return "", false
}

// NotGiven says why a right that somebody holds is none of their birthright's: what to tell of an excess.
func (p *Policy) NotGiven(b *Birthright, e provisioning.Entitlement) string {
	for i := range b.Lapsed {
		if l := &b.Lapsed[i]; l.Entitlement == e {
			return fmt.Sprintf("exception %d ended on %s", l.Reason.Number, l.Reason.Until.Format(dayFormat))
		}
	}
	for i := range b.Withheld {
		if h := &b.Withheld[i]; h.Entitlement == e {
			return fmt.Sprintf("the wall %s keeps it apart from %s", h.Wall, h.Other)
		}
	}
	if e.Kind == provisioning.EntitlementRole {
		if role, ok := b.Role(e.Library); ok {
			return fmt.Sprintf("the policy gives role %s there", role)
		}
		return "goes with its library"
	}
	for _, s := range b.excluded {
		if s.names(e) {
			return fmt.Sprintf("only %s gives it, and a more specific rule that is exclusive keeps that out", s.where())
		}
	}
	if slices.ContainsFunc(p.rules, func(r *source) bool { return r.names(e) }) {
		return "given to other seats, not to this one"
	}
	var groups []string
	for _, m := range p.mappings {
		if m.names(e) && !slices.Contains(groups, m.name) {
			groups = append(groups, m.name)
		}
	}
	switch len(groups) {
	case 0:
		return "no rule gives it"
	case 1:
		return "not in the directory group " + groups[0]
	default:
		return "in none of the directory groups " + strings.Join(groups, ", ")
	}
}
