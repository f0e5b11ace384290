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

// loses reports whether a unit's account is gone from what it belongs to: it is disabled, or taken out of just that.
func loses(u *provisioning.Unit, from whole) bool {
	return slices.ContainsFunc(u.Ops, func(o provisioning.Op) bool {
		c := o.Change
		switch c.Kind {
		case provisioning.DisableAccount:
			return true
		case provisioning.RemoveLibrary:
			return from == whole{what: "library", name: c.Library}
		case provisioning.LeaveGroup:
			return from == whole{"group", c.Library, c.Object}
		default:
			return false
		}
	})
}

// wholeGroups holds a batch that takes away a whole office, practice group, library or group: the mark of a scoping mistake.
func (g *judge) wholeGroups() []provisioning.Verdict {
	departments := g.departments()
	going := make(map[whole][]string) // whose names go
	losing := 0
	for i := range g.batch.Units {
		u := &g.batch.Units[i]
		a := g.accounts[u.Account]
		if a == nil || !a.Enabled || !u.EndsAccess() {
			continue
		}
		losing++
		belongs(a, departments[a.ID], func(w whole) {
			if loses(u, w) {
				going[w] = append(going[w], u.Name)
			}
		})
	}
	if losing < 2 {
		return nil
	}
	all := make(map[whole]int, len(going))
	for id, a := range g.accounts {
		if !a.Enabled {
			continue
		}
		belongs(a, departments[id], func(w whole) {
			if len(going[w]) > 0 {
				all[w]++
			}
		})
	}
	var verdicts []provisioning.Verdict
	for w, names := range going {
		least := 2
		if w.what == "group" {
			least = smallest
		}
		if len(names) < least || len(names) < all[w] {
			continue
		}
		slices.Sort(names)
		verdicts = append(verdicts, provisioning.Verdict{
			Guard: "whole group", Holds: true, Releasable: true, People: names,
			Sentence: fmt.Sprintf("the whole of %s would be gone: %d people", w, len(names)),
		})
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
