package certify

import (
	"time"

	"rollcall/provisioning"
)

// Sees says which items come to a stage after the one before.
const (
	SeesAll       = "all"
	SeesRevoke    = "revoke"
	SeesKeep      = "keep"
	SeesUndecided = "undecided"
)

// Proposed is what the last stage before that decided on an item says of it.
type Proposed struct {
	Stage    int
	Verdict  provisioning.ReviewVerdict // keep or revoke
	Reason   string
	Reviewer string // whose decision it is
	By       string
	How      string
	At       time.Time
}

// State is where one item stands, in the stage under way.
type State struct {
	Item     int                        // its number
	Here     bool                       // the stage under way decides on it
	Reviewer string                     // who is to decide now; "": nobody may
	From     string                     // who handed it over in this stage; "": it was given to the reviewer
	Why      string                     // why it was handed over
	Verdict  provisioning.ReviewVerdict // of this stage: keep or revoke, ask with a Question, or ""
	Reason   string                     // of the verdict
	Question string                     // what was asked
	Decided  string                     // the reviewer whose verdict it is
	By       string                     // the operator who entered it
	How      string
	At       time.Time
	Proposed *Proposed // of a stage before, where one decided
}

// Final is what the item comes to as it stands: the verdict of the last stage that decided, "" where none did. A question that is open in
// this stage leaves it undecided, whatever a stage before said.
func (s *State) Final() provisioning.ReviewVerdict {
	switch s.Verdict {
	case provisioning.ReviewKeep, provisioning.ReviewRevoke:
		return s.Verdict
	case provisioning.ReviewAsk:
		return ""
	default:
		if s.Proposed == nil {
			return ""
		}
		return s.Proposed.Verdict
	}
}

// decided gives back who decided what Final says.
func (s *State) decided() (reviewer, how string) {
	if s.Verdict == provisioning.ReviewKeep || s.Verdict == provisioning.ReviewRevoke || s.Proposed == nil {
		return s.Decided, s.How
	}
	return s.Proposed.Reviewer, s.Proposed.How
}

// Board keeps the states of a campaign's items while decisions come in.
type Board struct {
	stages []provisioning.ReviewStage
	stage  int
	open   bool        // what is undecided holds the close
	at     map[int]int // an item's number → its place
	states []State
	reach  []int // the stage that a state stands in
	first  []string
}

// NewBoard lays out the states before any decision. The campaign is not kept: where its stage changes, a new board is made.
func NewBoard(c *provisioning.Campaign, items []provisioning.ReviewItem) *Board {
	b := &Board{
		stages: c.Stages, stage: c.Stage, open: escalates(c), at: make(map[int]int, len(items)), states: make([]State, len(items)),
		reach: make([]int, len(items)), first: make([]string, len(items)),
	}
	for i := range items {
		b.at[items[i].N] = i
		b.first[i] = items[i].Reviewer
		b.states[i] = State{Item: items[i].N, Here: true, Reviewer: items[i].Reviewer}
	}
	return b
}

// Take takes one decision; they come oldest first. One of an item that is not in the campaign, of a stage that has not begun, or of one
// that is over for the item, changes nothing.
func (b *Board) Take(d provisioning.ReviewDecision) {
	i, ok := b.at[d.Item]
	if !ok || d.Stage > b.stage || d.Stage < b.reach[i] {
		return
	}
	b.states[i], b.reach[i] = b.advance(i, d.Stage), d.Stage
	s := &b.states[i]
	if !s.Here {
		return
	}
	switch d.Verdict {
	case provisioning.ReviewDelegate:
		*s = State{Item: s.Item, Here: true, Reviewer: d.To, Proposed: s.Proposed}
		if d.How != HowPolicy {
			s.From, s.Why = d.Reviewer, d.Reason
		}
	case provisioning.ReviewAsk:
		s.decide(d)
		s.Reason, s.Question = "", d.Reason
	case provisioning.ReviewKeep, provisioning.ReviewRevoke:
		s.decide(d)
	case "": // a verdict taken back
		*s = State{Item: s.Item, Here: true, Reviewer: s.Reviewer, From: s.From, Why: s.Why, Proposed: s.Proposed}
	default:
	}
}

func (s *State) decide(d provisioning.ReviewDecision) {
	s.Verdict, s.Reason, s.Question, s.Decided, s.By, s.How, s.At = d.Verdict, d.Reason, "", d.Reviewer, d.By, d.How, d.At
}

// advance is the state of an item in a stage that is not before its own: what was decided in one before is a proposal, and the stage says
// whether it sees the item. An open question takes back what a stage before said.
func (b *Board) advance(i, stage int) State {
	s := b.states[i]
	for at := b.reach[i]; at < stage; at++ {
		next := State{Item: s.Item, Reviewer: b.first[i], Proposed: s.Proposed}
		if s.Verdict == provisioning.ReviewKeep || s.Verdict == provisioning.ReviewRevoke {
			next.Proposed = &Proposed{Stage: at, Verdict: s.Verdict, Reason: s.Reason, Reviewer: s.Decided, By: s.By, How: s.How, At: s.At}
		}
		final := s.Final()
		if final == "" {
			next.Proposed = nil
		}
		next.Here = b.sees(at+1, final)
		s = next
	}
	return s
}

// sees reports whether an item comes to a stage. What holds the close comes to every one: somebody must be able to decide it.
func (b *Board) sees(stage int, final provisioning.ReviewVerdict) bool {
	if stage >= len(b.stages) || (final == "" && b.open) {
		return true
	}
	switch b.stages[stage].Sees {
	case SeesRevoke:
		return final == provisioning.ReviewRevoke
	case SeesKeep:
		return final == provisioning.ReviewKeep
	case SeesUndecided:
		return final == ""
	default:
		return true
	}
}

// States gives the state of every item, in the items' order, in the campaign's stage. It is a copy.
func (b *Board) States() []State {
	states := make([]State, len(b.states))
	for i := range b.states {
		states[i] = b.state(i)
	}
	return states
}

// State gives the state of one item by its number; ok is false where there is none.
func (b *Board) State(item int) (s State, ok bool) {
	i, ok := b.at[item]
	if !ok {
		return State{}, false
	}
	return b.state(i), true
}

// state looks ahead to the stage under way, and leaves the item where it is: decisions of its own stage may still come.
func (b *Board) state(i int) State {
	return b.advance(i, b.stage)
}

// Replay gives the states that decisions, oldest first, bring a campaign's items into.
func Replay(c *provisioning.Campaign, items []provisioning.ReviewItem, decisions []provisioning.ReviewDecision) []State {
	b := NewBoard(c, items)
	for i := range decisions {
		b.Take(decisions[i])
	}
	return b.States()
}
