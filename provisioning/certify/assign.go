package certify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/names"
)

// The ways in which a stage shares out its items.
const (
	AssignNamed   = "named"
	AssignManager = "manager"
)

// HowPolicy is how a decision came that no reviewer took.
const HowPolicy = "policy"

// most is how many people a warning names.
const most = 5

// Assign gives each item its reviewer, by the stage: the named ones share them out so that everybody's items stay together and no two
// reviewers' numbers lie further apart than one person's items, where nobody's own access is in the way; or a person's manager, where
// the directory knows one who is among the reviewers, else the first of the named ones who may. Nobody gets their own access unless
// selfAllowed: it goes to another named reviewer, else to the fallback. Where there is nobody the item's Reviewer is "". The warnings say
// whom that hits, who has no manager to decide, and of which reviewer nobody can tell what their own access is. The same input is always shared out in the same way.
func Assign(items []provisioning.ReviewItem, stage provisioning.ReviewStage, reviewers []provisioning.Reviewer,
	manager func(person provisioning.PersonKey) (provisioning.PersonKey, bool), selfAllowed bool, fallback string,
) (warnings []string) {
	s := &sharing{items: items, self: selfAllowed, fallback: -1, reviewers: reviewers, load: make([]int, len(reviewers))}
	byKey, byPerson := make(map[string]int, len(reviewers)), make(map[provisioning.PersonKey]int, len(reviewers))
	for i := len(reviewers) - 1; i >= 0; i-- {
		byKey[reviewers[i].Key] = i
		if !reviewers[i].Person.IsZero() {
			byPerson[reviewers[i].Person] = i
		}
	}
	for _, key := range stage.Reviewers {
		if i, ok := byKey[key]; ok {
			s.named = append(s.named, i)
		} else {
			warnings = append(warnings, key+" is named in the stage "+stage.Name+", and is no reviewer of the campaign")
		}
	}
	if fallback != "" {
		if i, ok := byKey[fallback]; ok {
			s.fallback = i
		} else {
			warnings = append(warnings, "the fallback "+fallback+" is no reviewer of the campaign")
		}
	}
	s.owners()
	if !selfAllowed {
		warnings = append(warnings, s.strangers()...)
	}
	var nobody, unmanaged told
	for _, person := range s.people() {
		var to int
		if stage.Assign == AssignManager {
			to = s.managed(person, manager, byPerson)
			if to < 0 {
				to = s.firstOf(person)
				unmanaged.add(items, person)
			}
		} else {
			to = s.least(person)
		}
		if to < 0 && s.fallback >= 0 && s.may(person, s.fallback) {
			to = s.fallback
		}
		key := ""
		if to >= 0 {
			key = reviewers[to].Key
			s.load[to] += len(person)
		} else {
			nobody.add(items, person)
		}
		for _, i := range person {
			items[i].Reviewer = key
		}
	}
	if unmanaged.people > 0 {
		warnings = append(warnings, unmanaged.say("the directory names no manager who may decide for %s: the named reviewers do"))
	}
	if nobody.people > 0 {
		warnings = append(warnings, nobody.say("nobody may decide on the access of %s: name another reviewer, or a fallback"))
	}
	return warnings
}

// strangers warns of reviewers of whom nobody can tell whether an access is their own.
func (s *sharing) strangers() []string {
	var warnings []string
	for _, i := range append(slices.Clone(s.named), s.fallback) {
		if i < 0 {
			continue
		}
		r := &s.reviewers[i]
		text := "nobody can tell whether an access is " + r.Key + "'s own: name their person, account or email"
		if r.Person.IsZero() && r.Account == "" && len(mails(r)) == 0 && !slices.Contains(warnings, text) {
			warnings = append(warnings, text)
		}
	}
	return warnings
}

// told counts people for a warning, and names the first.
type told struct {
	people, items int
	names         []string
}

func (t *told) add(items []provisioning.ReviewItem, person []int) {
	it := &items[person[0]]
	if t.people++; t.people <= most {
		t.names = append(t.names, cmp.Or(it.Name, it.Account)+" ("+it.Account+")")
	}
	t.items += len(person)
}

func (t *told) say(format string) string {
	who := strings.Join(t.names, ", ")
	if t.people > len(t.names) {
		who += fmt.Sprintf(" and %d more", t.people-len(t.names))
	}
	items := "1 item"
	if t.items != 1 {
		items = fmt.Sprintf("%d items", t.items)
	}
	return fmt.Sprintf(format, who) + " (" + items + ")"
}

// sharing shares items out among reviewers. Reviewers and items are named by their place.
type sharing struct {
	items     []provisioning.ReviewItem
	reviewers []provisioning.Reviewer
	named     []int
	fallback  int // -1: there is none
	self      bool
	load      []int // how many items a reviewer has so far

	byPerson  map[provisioning.PersonKey][]int // whose own access it is
	byAccount map[string][]int
	byMail    map[names.LoginKey][]int
}

// owners lays out by what a reviewer's own access is known (Own).
func (s *sharing) owners() {
	s.byPerson, s.byAccount, s.byMail = make(map[provisioning.PersonKey][]int), make(map[string][]int), make(map[names.LoginKey][]int)
	for i := range s.reviewers {
		r := &s.reviewers[i]
		if !r.Person.IsZero() {
			s.byPerson[r.Person] = append(s.byPerson[r.Person], i)
		}
		if r.Account != "" {
			s.byAccount[strings.ToUpper(r.Account)] = append(s.byAccount[strings.ToUpper(r.Account)], i)
		}
		for _, k := range mails(r) {
			s.byMail[k] = append(s.byMail[k], i)
		}
	}
}

// people groups the items by whose they are, in the items' order: by the person, and where nobody is linked by the account.
func (s *sharing) people() [][]int {
	var groups [][]int
	byPerson, byAccount := make(map[provisioning.PersonKey]int), make(map[string]int)
	for i := range s.items {
		it := &s.items[i]
		var at int
		var ok bool
		if it.Person.IsZero() {
			at, ok = byAccount[it.Account]
		} else {
			at, ok = byPerson[it.Person]
		}
		if !ok {
			at = len(groups)
			groups = append(groups, nil)
			if it.Person.IsZero() {
				byAccount[it.Account] = at
			} else {
				byPerson[it.Person] = at
			}
		}
		groups[at] = append(groups[at], i)
	}
	return groups
}

// may reports whether a reviewer may decide on these items.
func (s *sharing) may(person []int, reviewer int) bool {
	if s.self {
		return true
	}
	has := func(list []int) bool { return slices.Contains(list, reviewer) }
	for _, i := range person {
		it := &s.items[i]
		if has(s.byPerson[it.Person]) || has(s.byAccount[strings.ToUpper(it.Account)]) {
			return false
		}
		if k, err := names.Login(strings.TrimSpace(it.Email)); err == nil && has(s.byMail[k]) {
			return false
		}
	}
	return true
}

// least is the named reviewer with the fewest items who may have these, -1 where there is none.
func (s *sharing) least(person []int) int {
	best := -1
	for _, r := range s.named {
		if (best < 0 || s.load[r] < s.load[best]) && s.may(person, r) {
			best = r
		}
	}
	return best
}

// firstOf is the first named reviewer who may have these, -1 where there is none.
func (s *sharing) firstOf(person []int) int {
	for _, r := range s.named {
		if s.may(person, r) {
			return r
		}
	}
	return -1
}

// managed is the person's manager among the reviewers, -1 where there is none who may.
func (s *sharing) managed(person []int, manager func(provisioning.PersonKey) (provisioning.PersonKey, bool), byPerson map[provisioning.PersonKey]int) int {
	key := s.items[person[0]].Person
	if key.IsZero() || manager == nil {
		return -1
	}
	boss, ok := manager(key)
	if !ok {
		return -1
	}
	r, ok := byPerson[boss]
	if !ok || !s.may(person, r) {
		return -1
	}
	return r
}

// Advance gives the decisions that hand the items of a stage after the first to its reviewers, as Assign shares them out: they are put
// among the decisions when the stage begins, so that who had to decide what is kept. c must be in that stage already, and states be those
// of it. The first stage needs none: its items carry their reviewer.
func Advance(c *provisioning.Campaign, items []provisioning.ReviewItem, states []State,
	manager func(person provisioning.PersonKey) (provisioning.PersonKey, bool), at time.Time,
) (decisions []provisioning.ReviewDecision, warnings []string) {
	var here []provisioning.ReviewItem
	for i := range states {
		if states[i].Here {
			here = append(here, items[i])
		}
	}
	warnings = Assign(here, c.Stages[c.Stage], c.Reviewers, manager, c.SelfReview, c.Fallback)
	for i := range here {
		decisions = append(decisions, provisioning.ReviewDecision{
			Item: here[i].N, Stage: c.Stage, Verdict: provisioning.ReviewDelegate, To: here[i].Reviewer, By: HowPolicy, How: HowPolicy, At: at,
		})
	}
	return decisions, warnings
}
