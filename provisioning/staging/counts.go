package staging

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/provisioning"
)

// counted is a kind that is counted apart (DESIGN 5), with the words for the people it is done to.
type counted struct {
	kind  provisioning.ChangeKind
	words string
}

func countedKinds() []counted {
	return []counted{
		{provisioning.DisableAccount, "disabled"},
		{provisioning.RemoveLibrary, "removed from a library"},
		{provisioning.LeaveGroup, "removed from a group"},
		{provisioning.RemoveGlobalRole, "removed from a global role"},
		{provisioning.SetAttribute, "given another email"},
	}
}

// losers are the people of a batch who lose one thing, by name and by account, and how many of everybody lose it in a window. Whoever
// was let in again meanwhile, and loses it again, is one person all the same: what is limited is how many people are hit, and who was
// hit once was hit.
type losers struct {
	names    []string
	accounts []string
	mine     map[string]bool // those accounts
	all      map[string]bool // with those of the window
	waiting  int             // of the window: on their way, or open by hand
}

func (l *losers) past(e *provisioning.Ended) {
	if id := strings.ToUpper(e.Account); !l.all[id] {
		l.note(id)
		if e.Pending {
			l.waiting++
		}
	}
}

func (l *losers) person(u *provisioning.Unit) {
	id := strings.ToUpper(u.Account)
	if l.mine[id] {
		return
	}
	if l.mine == nil {
		l.mine = make(map[string]bool)
	}
	l.mine[id] = true
	l.note(id)
	l.names = append(l.names, u.Name)
	l.accounts = append(l.accounts, id)
}

func (l *losers) note(id string) {
	if l.all == nil {
		l.all = make(map[string]bool)
	}
	l.all[id] = true
}

// verdict holds where somebody of the batch is among more than the limit.
func (l *losers) verdict(guard string, limit int, sentence string) provisioning.Verdict {
	v := provisioning.Verdict{Guard: guard, Releasable: true, Holds: len(l.names) > 0 && len(l.all) > limit, Sentence: sentence}
	if !v.Holds {
		return v
	}
	v.People, v.Accounts = l.names, l.accounts
	if l.waiting > 0 {
		v.Sentence += fmt.Sprintf(" (%d of them on their way, or open by hand)", l.waiting)
	}
	return v
}

// limit is the smaller of the count and the percentage of the enabled accounts.
func (g *judge) limit(count int) int {
	return min(count, g.enabled*g.Policy.Limits.Percent/100)
}

// counts holds what takes access from too many: in the batch, over 24 h and over 7 days, each kind apart. The windows hold what was
// committed from anywhere, what is on its way, and what a cancelled batch had done.
func (g *judge) counts() []provisioning.Verdict {
	limits := g.Policy.Limits
	var verdicts []provisioning.Verdict
	for _, k := range countedKinds() {
		for _, w := range []struct {
			guard, span string
			past        []provisioning.Ended
			limit       int
		}{
			{"count", "in this batch", nil, g.limit(limits.Count)},
			{"24 hours", "in 24 h", g.Day, g.limit(limits.Day)},
			{"7 days", "in 7 days", g.Week, limits.Week},
		} {
			var l losers
			for i := range w.past {
				if w.past[i].Kind == k.kind {
					l.past(&w.past[i])
				}
			}
			for i := range g.batch.Units {
				if does(&g.batch.Units[i], k.kind) {
					l.person(&g.batch.Units[i])
				}
			}
			v := l.verdict(w.guard, w.limit, fmt.Sprintf("%d of %d people %s %s", len(l.all), w.limit, k.words, w.span))
			// A quiet verdict is told once, for what hurts most; a holding one always.
			if v.Holds || (k.kind == provisioning.DisableAccount && w.guard == "24 hours") {
				verdicts = append(verdicts, v)
			}
		}
	}
	return verdicts
}

// part is an office or a library, with what is lost there.
type part struct {
	what  string // "office", "library"
	name  string // as it is written
	words string
}

// fold is the form in which two spellings of an office are one.
func fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// parts holds what takes more of one office, or of one library, than the policy lets go in a day: small numbers for the firm may be
// half a place. A library is lost with the account as well.
func (g *judge) parts() []provisioning.Verdict {
	lost := make(map[part]*losers)
	at := func(p part) *losers {
		if lost[p] == nil {
			lost[p] = &losers{}
		}
		return lost[p]
	}
	for i := range g.Day {
		e := &g.Day[i]
		c := provisioning.Change{Kind: e.Kind, Account: e.Account, Library: e.Library, Object: e.Object}
		g.partsOf(c, e.Office, func(p part) { at(p).past(e) })
	}
	for i := range g.batch.Units {
		u := &g.batch.Units[i]
		for j := range u.Ops {
			g.partsOf(u.Ops[j].Change, u.Office, func(p part) { at(p).person(u) })
		}
	}
	people := make(map[part]int) // enabled, by place alone
	for _, a := range g.accounts {
		if !a.Enabled {
			continue
		}
		people[part{what: "office", name: fold(a.Location)}]++
		for _, m := range a.Memberships {
			people[part{what: "library", name: m.Library}]++
		}
	}
	var verdicts []provisioning.Verdict
	for p, l := range lost {
		limit := g.Policy.Limits.Part(people[part{what: p.what, name: p.name}])
		sentence := fmt.Sprintf("%d of %d people of %s %s %s in 24 h", len(l.all), limit, p.what, p.name, p.words)
		if v := l.verdict(p.what, limit, sentence); v.Holds {
			verdicts = append(verdicts, v)
		}
	}
	slices.SortFunc(verdicts, func(a, b provisioning.Verdict) int { return strings.Compare(a.Sentence, b.Sentence) })
	return verdicts
}

// partsOf tells the places in which a change takes something from an account. The office is the account's own; the unit's where the
// account is not in the snapshot.
func (g *judge) partsOf(c provisioning.Change, office string, tell func(part)) {
	if !c.EndsAccess() {
		return
	}
	a := g.accounts[strings.ToUpper(c.Account)]
	if a != nil {
		office = a.Location
	}
	for _, k := range countedKinds() {
		if k.kind == c.Kind && fold(office) != "" {
			tell(part{"office", fold(office), k.words})
		}
	}
	switch {
	case c.Kind == provisioning.DisableAccount && a != nil:
		for _, m := range a.Memberships {
			tell(part{"library", m.Library, "lose it"})
		}
	case c.Kind == provisioning.RemoveLibrary:
		tell(part{"library", c.Library, "lose it"})
	case c.Kind == provisioning.LeaveGroup && c.Library != "":
		tell(part{"library", c.Library, "removed from a group"})
	}
}

func does(u *provisioning.Unit, kind provisioning.ChangeKind) bool {
	return slices.ContainsFunc(u.Ops, func(o provisioning.Op) bool {
		return o.Change.Kind == kind && (kind != provisioning.SetAttribute || o.Change.Counted())
	})
}
