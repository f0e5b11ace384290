package staging

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/provisioning"
)

// smallest is how many enabled members a group has at least where its emptying looks like a mistake: a deal team of two ends every day.
const smallest = 5

// whole is something that a firm would notice if it was gone: an office, a practice group, a library, a group.
type whole struct{ what, library, name string }

func (w whole) String() string {
	if w.what == "group" {
		return w.what + " " + w.library + "/" + w.name
	}
	return w.what + " " + w.name
}

// belongs lists what an account belongs to.
func belongs(a *provisioning.Account, department string, tell func(whole)) {
	if a.Location != "" {
		tell(whole{what: "office", name: a.Location})
	}
	if department != "" {
		tell(whole{what: "practice", name: department})
	}
	for _, m := range a.Memberships {
		tell(whole{what: "library", name: m.Library})
	}
	for _, g := range a.Groups {
		tell(whole{"group", g.Library, g.Group})
	}
}

// goneFrom tells what an account is gone from by a change: all that it belongs to where it is closed, or just that which it is taken out of.
func goneFrom(c provisioning.Change, a *provisioning.Account, department string, tell func(whole)) {
	switch c.Kind {
	case provisioning.DisableAccount:
		if a != nil {
			belongs(a, department, tell)
		}
	case provisioning.RemoveLibrary:
		tell(whole{what: "library", name: c.Library})
		if a == nil {
			return
		}
		for _, group := range a.Groups {
			if group.Library == c.Library {
				tell(whole{"group", group.Library, group.Group})
			}
		}
	case provisioning.LeaveGroup:
		tell(whole{"group", c.Library, c.Object})
	default:
	}
}

// wholeGroups holds a batch that takes away the last of an office, practice group, library or group, with it alone or over 7 days:
// the mark of a scoping mistake, or of a slow bleed.
func (g *judge) wholeGroups() []provisioning.Verdict {
	departments := g.departments()
	going := make(map[whole]*losers)
	for i := range g.batch.Units {
		u := &g.batch.Units[i]
		a := g.accounts[u.Account]
		if a == nil || !a.Enabled {
			continue
		}
		for j := range u.Ops {
			goneFrom(u.Ops[j].Change, a, departments[a.ID], func(w whole) {
				if going[w] == nil {
					going[w] = &losers{}
				}
				going[w].person(u)
			})
		}
	}
	if len(going) == 0 {
		return nil
	}
	without := make(map[whole]map[string]bool) // who is shown there still, and is gone already
	for i := range g.Week {
		e := &g.Week[i]
		id := strings.ToUpper(e.Account)
		c := provisioning.Change{Kind: e.Kind, Library: e.Library, Object: e.Object}
		goneFrom(c, g.accounts[id], departments[id], func(w whole) {
			if going[w] == nil {
				return
			}
			going[w].past(e)
			if g.since(e) {
				if without[w] == nil {
					without[w] = make(map[string]bool)
				}
				without[w][id] = true
			}
		})
	}
	stay := make(map[whole]int, len(going))
	for id, a := range g.accounts {
		if !a.Enabled {
			continue
		}
		belongs(a, departments[id], func(w whole) {
			if l := going[w]; l != nil && !l.mine[strings.ToUpper(id)] && !without[w][strings.ToUpper(id)] {
				stay[w]++
			}
		})
	}
	var verdicts []provisioning.Verdict
	for w, l := range going {
		least := 2
		if w.what == "group" {
			least = smallest
		}
		if stay[w] > 0 || len(l.all) < least {
			continue
		}
		sentence := fmt.Sprintf("the whole of %s would be gone: %d people", w, len(l.all))
		if n := len(l.all) - len(l.accounts); n > 0 {
			sentence += fmt.Sprintf(", %d of them in the last 7 days", n)
		}
		verdicts = append(verdicts, l.verdict("whole group", 0, sentence))
	}
	slices.SortFunc(verdicts, func(a, b provisioning.Verdict) int { return strings.Compare(a.Sentence, b.Sentence) })
	return verdicts
}

// departments maps account ids to the department of the person in the unit, for those in the batch, and by user id for the
// rest: what a guard needs is whether a group has anybody left, so an unknown department counts nowhere.
func (g *judge) departments() map[string]string {
	d := make(map[string]string, len(g.people))
	for _, p := range g.people {
		if p.Status.Live() || p.Status.Ended() {
			d[strings.ToUpper(p.SSOName)] = p.Department
		}
	}
	for i := range g.batch.Units {
		if p := g.people[g.batch.Units[i].Person]; p != nil {
			d[g.batch.Units[i].Account] = p.Department
		}
	}
	return d
}
