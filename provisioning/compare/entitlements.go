package compare

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
)

// externalRole is what iManage itself gives an external user in the place of policy.DefaultRole (contracts/imanage.md 7).
const externalRole = "DEFAULT EXTERNAL"

// Drift is how an account stands against its person's birthright. Every list is sorted.
type Drift struct {
	Birthright *policy.Birthright
	Missing    []policy.Given             // given by policy and not held; a differing role stands here, and the held one in Excess
	Excess     []Excess                   // held, governed, and not given
	Untouched  []provisioning.Entitlement // held, not given, and left alone: ungoverned, or needed by a group that is given
	Withheld   []policy.Withheld          // missing rights that a wall keeps back, because of what is given or held
}

// Excess is a right that policy does not give, and why not.
type Excess struct {
	provisioning.Entitlement
	Why string // "no rule gives it", "exception 2 ended on 1 Nov 2026", "not in the directory group Project Kite"
}

// Entitlements compares an account with what policy gives its person at a moment. A role that is not known is not compared. A library
// in excess brings its role and its governed groups; one in which policy gives a group is not in excess, since the group needs it. Of
// a person whom no rule fits nothing is missing and nothing in excess: policy says nothing of them.
func Entitlements(p *policy.Policy, person *provisioning.Person, a *provisioning.Account, at time.Time) Drift {
	held := appendHeld(make([]provisioning.Entitlement, 0, 2*len(a.Memberships)+len(a.Groups)), a)
	b := p.Birthright(person, at)
	if !b.Fits {
		return Drift{Birthright: b, Untouched: held}
	}
	l := laying{policy: p, account: a, held: held, whole: true}
	return l.against(b)
}

// appendHeld lists what an account holds, sorted and each once, behind a list that is given.
func appendHeld(held []provisioning.Entitlement, a *provisioning.Account) []provisioning.Entitlement {
	if !inOrder(a) {
		held = append(held, a.Entitlements()...)
		slices.SortFunc(held, provisioning.Entitlement.Compare)
		return slices.Compact(held)
	}
	groups := a.Groups
	for len(groups) > 0 && groups[0].Library == "" {
		groups = groups[1:]
	}
	global := a.Groups[:len(a.Groups)-len(groups)]
	for i := range a.Memberships {
		m := &a.Memberships[i]
		for len(groups) > 0 && groups[0].Library < m.Library {
			held, groups = append(held, provisioning.InGroup(groups[0])), groups[1:]
		}
		held = append(held, provisioning.InLibrary(m.Library))
		if m.Role != "" {
			held = append(held, provisioning.RoleIn(m.Library, m.Role))
		}
		for len(groups) > 0 && groups[0].Library == m.Library {
			held, groups = append(held, provisioning.InGroup(groups[0])), groups[1:]
		}
	}
	for _, g := range groups {
		held = append(held, provisioning.InGroup(g))
	}
	for _, g := range global {
		held = append(held, provisioning.InGroup(g))
	}
	return held
}

// inOrder reports whether an account's libraries and groups stand as they should: sorted, and each once.
func inOrder(a *provisioning.Account) bool {
	for i := 1; i < len(a.Memberships); i++ {
		if a.Memberships[i-1].Library >= a.Memberships[i].Library {
			return false
		}
	}
	for i := 1; i < len(a.Groups); i++ {
		before, g := &a.Groups[i-1], &a.Groups[i]
		if before.Library > g.Library || (before.Library == g.Library && before.Group >= g.Group) {
			return false
		}
	}
	return true
}

// laying lays what an account holds beside a birthright.
type laying struct {
	policy  *policy.Policy
	account *provisioning.Account
	held    []provisioning.Entitlement // sorted
	whole   bool                       // tell what is left alone too, and why what is in excess is
	going   string                     // the library last found in excess
	drift   Drift
}

// against walks both sorted lists side by side.
func (l *laying) against(b *policy.Birthright) Drift {
	l.drift.Birthright = b
	held, given := l.held, b.Given
	for len(held) > 0 || len(given) > 0 {
		switch {
		case len(held) > 0 && len(given) > 0 && held[0] == given[0].Entitlement:
			held, given = held[1:], given[1:]
		case len(given) == 0 || (len(held) > 0 && held[0].Compare(given[0].Entitlement) < 0):
			l.more(held[0])
			held = held[1:]
		default:
			l.less(&given[0])
			given = given[1:]
		}
	}
	for i := range b.Withheld {
		if !l.holds(b.Withheld[i].Entitlement) {
			l.drift.Withheld = append(l.drift.Withheld, b.Withheld[i])
		}
	}
	slices.SortStableFunc(l.drift.Withheld, func(x, y policy.Withheld) int { return x.Compare(y.Entitlement) })
	if l.whole {
		l.say()
	}
	return l.drift
}

func (l *laying) holds(e provisioning.Entitlement) bool {
	_, ok := slices.BinarySearchFunc(l.held, e, provisioning.Entitlement.Compare)
	return ok
}

// less places a right that is given and not held.
func (l *laying) less(g *policy.Given) {
	switch g.Kind {
	case provisioning.EntitlementRole:
		if m, in := l.account.Membership(g.Library); in && (m.Role == "" || l.sameRole(g.Name, m.Role)) {
			return
		}
	case provisioning.EntitlementGroup:
		if k, broken := l.policy.ConflictsWith(g.Entitlement, l.held); broken {
			l.drift.Withheld = append(l.drift.Withheld, policy.Withheld{Entitlement: g.Entitlement, Wall: k.Wall, Other: k.B, Reasons: g.Reasons})
			return
		}
	case provisioning.EntitlementLibrary:
	}
	l.drift.Missing = append(l.drift.Missing, *g)
}

// sameRole reports whether a role that is held is the one that is given, for this account.
func (l *laying) sameRole(given, held string) bool {
	return given == held || (l.account.External && given == policy.DefaultRole && held == externalRole)
}

// more places a right that is held and not given.
func (l *laying) more(e provisioning.Entitlement) {
	b, excess := l.drift.Birthright, false
	switch e.Kind {
	case provisioning.EntitlementRole:
		role, given := b.Role(e.Library)
		if given && l.sameRole(role, e.Name) {
			return
		}
		excess = given || e.Library == l.going // a library has exactly one role, so that another one given exchanges it
	case provisioning.EntitlementLibrary:
		needed := slices.ContainsFunc(b.Given, func(g policy.Given) bool {
			return g.Kind == provisioning.EntitlementGroup && g.Library == e.Library
		})
		if excess = !needed && l.policy.Governs(e); excess {
			l.going = e.Library
		}
	case provisioning.EntitlementGroup:
		excess = l.policy.Governs(e)
	}
	switch {
	case excess:
		l.drift.Excess = append(l.drift.Excess, Excess{Entitlement: e})
	case l.whole:
		l.drift.Untouched = append(l.drift.Untouched, e)
	}
}

// say gives each excess its reason.
func (l *laying) say() {
	for i := range l.drift.Excess {
		x := &l.drift.Excess[i]
		x.Why = l.policy.NotGiven(l.drift.Birthright, x.Entitlement)
		if x.Kind != provisioning.EntitlementLibrary {
			continue
		}
		for _, e := range l.drift.Untouched {
			if e.Kind == provisioning.EntitlementGroup && e.Library == x.Library {
				x.Why += "; " + e.String() + ", which is given by hand, would go with it"
				break
			}
		}
	}
}

// most is how many rights a mismatch names on either side.
const most = 3

// entitlements adds the mismatch of a live person's account against the birthright, where policy speaks of the person and both sides
// were proven read whole (provisioning.KindEntitlement).
func (c *comparer) entitlements(i int, person *provisioning.Person, account int) {
	if !c.PeopleProven || !c.AccountsProven || !c.rules || !c.Policy.InScope(person) {
		return
	}
	b := c.Policy.Birthright(person, c.At)
	a := &c.Accounts[account]
	if !b.Fits || c.Policy.Fulfils(a, b) {
		return
	}
	c.held = appendHeld(c.held[:0], a)
	l := laying{policy: c.Policy, account: a, held: c.held}
	d := l.against(b)
	if len(d.Missing)+len(d.Excess) == 0 {
		return
	}
	m := provisioning.Mismatch{Kind: provisioning.KindEntitlement}
	for _, g := range d.Missing {
		m.Missing = append(m.Missing, g.Entitlement)
	}
	for _, x := range d.Excess {
		m.Excess = append(m.Excess, x.Entitlement)
	}
	m.Detail = sentence(m.Missing, m.Excess)
	c.add(m, []int{i}, []int{account})
}

// sentence says what is missing and what is in excess: "missing LON-LIT, group LON-LIT/ALL; in excess TAX-FIN and 2 more". The role of
// a library that is missing goes without saying; what goes with a library in excess is counted.
func sentence(missing, excess []provisioning.Entitlement) string {
	in := func(list []provisioning.Entitlement, library string) bool {
		return slices.Contains(list, provisioning.InLibrary(library))
	}
	var parts []string
	add := func(word string, named []string, more int) {
		if len(named) > most {
			named, more = named[:most], more+len(named)-most
		}
		text := word + " " + strings.Join(named, ", ")
		if more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		parts = append(parts, text)
	}
	if len(missing) > 0 {
		var named []string
		for _, e := range missing {
			if e.Kind != provisioning.EntitlementRole || !in(missing, e.Library) {
				named = append(named, e.String())
			}
		}
		add("missing", named, 0)
	}
	if len(excess) > 0 {
		var named []string
		more := 0
		for _, e := range excess {
			if e.Kind != provisioning.EntitlementLibrary && in(excess, e.Library) {
				more++
				continue
			}
			named = append(named, e.String())
		}
		add("in excess", named, more)
	}
	return strings.Join(parts, "; ")
}

// walled adds the mismatch of an enabled account that holds groups which a wall keeps apart (provisioning.KindWall).
func (c *comparer) walled(account int, owner []int) {
	a := &c.Accounts[account]
	if !a.Enabled || !c.Policy.Breaks(a.Groups) {
		return
	}
	held := make([]provisioning.Entitlement, len(a.Groups))
	for i, g := range a.Groups {
		held[i] = provisioning.InGroup(g)
	}
	conflicts := c.Policy.Conflicts(held)
	k := conflicts[0]
	detail := fmt.Sprintf("the wall %s keeps %s apart from %s", k.Wall, k.A, k.B)
	if len(conflicts) > 1 {
		detail += fmt.Sprintf(", and %d more such pairs are held", len(conflicts)-1)
	}
	c.add(provisioning.Mismatch{Kind: provisioning.KindWall, Detail: detail}, owner, []int{account})
}
