package certify

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/provisioning"
)

// Outcome is what a campaign comes to: the numbers of its items, each list in order. Every item is in Kept, Revoked or Escalated.
type Outcome struct {
	Kept      []int `json:"kept"`
	Revoked   []int `json:"revoked"`
	Undecided []int `json:"undecided"` // nobody decided; ByPolicy or Escalated says what becomes of each
	Escalated []int `json:"escalated"` // and they hold the close
	ByPolicy  []int `json:"by_policy"` // kept or revoked by the policy, since nobody decided
	// Sentences tell it: how many were kept and revoked by reviewers, what the policy did with the rest, whose the open ones are.
	Sentences []string `json:"sentences"`
}

// escalates reports whether what nobody decided holds the close: so the campaign says, or it says nothing that is known.
func escalates(c *provisioning.Campaign) bool {
	return c.Undecided != provisioning.UndecidedKeep && c.Undecided != provisioning.UndecidedRevoke
}

// Settle says what the states come to. What nobody decided is kept, revoked or left open as the campaign says; where it says nothing
// that is known, it is left open.
func Settle(c *provisioning.Campaign, items []provisioning.ReviewItem, states []State) Outcome {
	var o Outcome
	waits := make(map[string]int)
	for i := range states {
		n := states[i].Item
		final := states[i].Final()
		if _, how := states[i].decided(); how == HowPolicy {
			final = ""
		}
		switch final {
		case provisioning.ReviewKeep:
			o.Kept = append(o.Kept, n)
			continue
		case provisioning.ReviewRevoke:
			o.Revoked = append(o.Revoked, n)
			continue
		default:
		}
		o.Undecided = append(o.Undecided, n)
		switch c.Undecided {
		case provisioning.UndecidedKeep:
			o.Kept, o.ByPolicy = append(o.Kept, n), append(o.ByPolicy, n)
		case provisioning.UndecidedRevoke:
			o.Revoked, o.ByPolicy = append(o.Revoked, n), append(o.ByPolicy, n)
		default:
			o.Escalated = append(o.Escalated, n)
			waits[states[i].Reviewer]++
		}
	}
	o.say(c, len(items), waits)
	return o
}

func (o *Outcome) say(c *provisioning.Campaign, items int, waits map[string]int) {
	kept, revoked := len(o.Kept), len(o.Revoked)
	switch c.Undecided {
	case provisioning.UndecidedKeep:
		kept -= len(o.ByPolicy)
	case provisioning.UndecidedRevoke:
		revoked -= len(o.ByPolicy)
	}
	o.Sentences = append(o.Sentences, fmt.Sprintf("of %s reviewers kept %d and revoked %d", count(items, "item"), kept, revoked))
	switch {
	case len(o.ByPolicy) > 0 && c.Undecided == provisioning.UndecidedKeep:
		o.Sentences = append(o.Sentences, fmt.Sprintf("nobody decided on %d: the policy keeps them", len(o.ByPolicy)))
	case len(o.ByPolicy) > 0:
		o.Sentences = append(o.Sentences, fmt.Sprintf("nobody decided on %d: the policy revokes them", len(o.ByPolicy)))
	case len(o.Escalated) > 0:
		o.Sentences = append(o.Sentences, fmt.Sprintf("nobody decided on %d, and the campaign does not close before somebody does: %s", len(o.Escalated), who(waits)))
	default:
		o.Sentences = append(o.Sentences, "nothing is undecided")
	}
}

// who lists whose open items are, the most first.
func who(waits map[string]int) string {
	keys := make([]string, 0, len(waits))
	for k := range waits {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if d := waits[b] - waits[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	parts := make([]string, 0, len(keys))
	for i, k := range keys {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more reviewers", len(keys)-most))
			break
		}
		name := k
		if k == "" {
			name = "nobody's"
		}
		parts = append(parts, fmt.Sprintf("%s %d", name, waits[k]))
	}
	return strings.Join(parts, ", ")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Contradiction is a group that is kept in a library that is revoked: iManage takes the groups of a library along when an account
// leaves it (contracts/imanage.md 6), so that one of the two verdicts cannot be meant.
type Contradiction struct {
	Library int    `json:"library"` // the item of the revoked library
	Group   int    `json:"group"`   // the item of the kept group
	Text    string `json:"text"`
}

// place is an account's place in a library.
type place struct{ account, library string }

func placeOf(it *provisioning.ReviewItem) place {
	return place{strings.ToUpper(it.Account), strings.ToUpper(it.Library)}
}

// Contradictions lists the kept groups in revoked libraries, by the group's number. What is undecided counts as the campaign says; what is
// left open contradicts nothing yet.
func Contradictions(c *provisioning.Campaign, items []provisioning.ReviewItem, states []State) []Contradiction {
	o := Settle(c, items, states)
	at := numbered(items)
	revoked := make(map[place]int)
	for _, n := range o.Revoked {
		if it := at[n]; it.Kind == provisioning.ReviewLibrary {
			revoked[placeOf(it)] = n
		}
	}
	var list []Contradiction
	if len(revoked) == 0 {
		return nil
	}
	for _, n := range o.Kept {
		it := at[n]
		library, ok := revoked[placeOf(it)]
		if !ok || it.Kind != provisioning.ReviewGroup {
			continue
		}
		list = append(list, Contradiction{
			Library: library, Group: n,
			Text: fmt.Sprintf("%s (%s): %s is revoked (item %d), and %s in it is kept (item %d)", it.Name, it.Account, it.Library, library, What(it), n),
		})
	}
	return list
}

func numbered(items []provisioning.ReviewItem) map[int]*provisioning.ReviewItem {
	at := make(map[int]*provisioning.ReviewItem, len(items))
	for i := range items {
		at[items[i].N] = &items[i]
	}
	return at
}

// MayClose gives what the campaign comes to, and an *Error of code Held where it may not be closed: a stage is still to come, something is
// undecided that the campaign escalates, or two verdicts contradict each other.
func MayClose(c *provisioning.Campaign, items []provisioning.ReviewItem, states []State) (Outcome, error) {
	o := Settle(c, items, states)
	if next := c.Stage + 1; next < len(c.Stages) {
		return o, &provisioning.Error{
			Code: provisioning.Held, Message: "the stage " + c.Stages[next].Name + " is still to come", Hint: "end the stage under way first",
		}
	}
	if len(o.Escalated) > 0 {
		waits := make(map[string]int)
		at := make(map[int]string, len(states))
		for i := range states {
			at[states[i].Item] = states[i].Reviewer
		}
		for _, n := range o.Escalated {
			waits[at[n]]++
		}
		return o, &provisioning.Error{
			Code: provisioning.Held, Message: count(len(o.Escalated), "item") + " undecided: " + who(waits),
			Hint: "have them decided, or handed to somebody who will",
		}
	}
	return o, contradicted(c, items, states)
}

// MayAdvance says why the next stage may not begin: there is none, or two verdicts contradict each other. Once it has begun it may be that
// nobody sees either item any more.
func MayAdvance(c *provisioning.Campaign, items []provisioning.ReviewItem, states []State) error {
	if c.Stage+1 >= len(c.Stages) {
		return &provisioning.Error{Code: provisioning.Held, Message: "there is no stage after this one", Hint: "close the campaign"}
	}
	return contradicted(c, items, states)
}

func contradicted(c *provisioning.Campaign, items []provisioning.ReviewItem, states []State) error {
	list := Contradictions(c, items, states)
	if len(list) == 0 {
		return nil
	}
	message := list[0].Text
	if len(list) > 1 {
		message += fmt.Sprintf(", and %d more like it", len(list)-1)
	}
	return &provisioning.Error{
		Code: provisioning.Held, Message: message, Hint: "revoke the group too, or keep the library: leaving a library takes its groups along",
	}
}

// Along lists the numbers of the items that go with a revoke of another one: of a library the account's groups in it.
func Along(items []provisioning.ReviewItem, n int) []int {
	var of *provisioning.ReviewItem
	for i := range items {
		if items[i].N == n {
			of = &items[i]
		}
	}
	if of == nil || of.Kind != provisioning.ReviewLibrary {
		return nil
	}
	var along []int
	for i := range items {
		if items[i].Kind == provisioning.ReviewGroup && placeOf(&items[i]) == placeOf(of) {
			along = append(along, items[i].N)
		}
	}
	return along
}
