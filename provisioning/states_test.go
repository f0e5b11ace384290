package provisioning_test

import (
	"slices"
	"strings"
	"testing"

	"rollcall/provisioning"
)

// states lists every state of a subject, its first one first, with those at which it may end.
func states(what provisioning.Subject) (all, ends []string) {
	switch what {
	case provisioning.OfBatch:
		for _, s := range []provisioning.BatchState{
			provisioning.BatchDraft, provisioning.BatchReviewed, provisioning.BatchApproved, provisioning.BatchScheduled, provisioning.BatchMissed,
			provisioning.BatchCommitted, provisioning.BatchPaused, provisioning.BatchDone, provisioning.BatchOpenHand, provisioning.BatchStopped, provisioning.BatchCancelled,
		} {
			all = append(all, string(s))
			if s.Final() {
				ends = append(ends, string(s))
			}
		}
	case provisioning.OfUnit:
		for _, s := range []provisioning.UnitState{
			provisioning.UnitPending, provisioning.UnitRunning, provisioning.UnitDone, provisioning.UnitByHand, provisioning.UnitParked,
			provisioning.UnitFailed, provisioning.UnitCancelled,
		} {
			all = append(all, string(s))
			if s.Final() {
				ends = append(ends, string(s))
			}
		}
	case provisioning.OfOp:
		for _, s := range []provisioning.OpState{
			provisioning.OpPending, provisioning.OpSent, provisioning.OpConfirmed, provisioning.OpAlready, provisioning.OpDrifted,
			provisioning.OpFailed, provisioning.OpByHand, provisioning.OpParked, provisioning.OpCancelled,
		} {
			all = append(all, string(s))
			if s.Final() {
				ends = append(ends, string(s))
			}
		}
	}
	return all, ends
}

func may(what provisioning.Subject, from, to string) bool {
	switch what {
	case provisioning.OfBatch:
		return provisioning.BatchMay(provisioning.BatchState(from), provisioning.BatchState(to))
	case provisioning.OfUnit:
		return provisioning.UnitMay(provisioning.UnitState(from), provisioning.UnitState(to))
	default:
		return provisioning.OpMay(provisioning.OpState(from), provisioning.OpState(to))
	}
}

// TestProtocolIsDESIGN holds the table against the states of DESIGN 4, as its own lines name them; "scheduled" and "missed" are the
// calendar's, which came after.
func TestProtocolIsDESIGN(t *testing.T) {
	design := map[provisioning.Subject]string{
		provisioning.OfBatch: "draft ► reviewed ► approved ► committed ► paused · done · done, by hand open · stopped · cancelled",
		provisioning.OfUnit:  "pending ► running ► done · waiting by hand · parked · failed · cancelled",
		provisioning.OfOp:    "pending ► sent ► confirmed · already true · drifted · failed · by hand · parked · cancelled",
	}
	later := []string{string(provisioning.BatchScheduled), string(provisioning.BatchMissed)}
	for what, line := range design {
		all, ends := states(what)
		var named []string
		steps := strings.Split(line, " ► ")
		for i, step := range steps {
			alternatives := strings.Split(step, " · ")
			named = append(named, alternatives...)
			if i == 0 {
				continue
			}
			if before := steps[i-1]; !may(what, before, alternatives[0]) {
				t.Errorf("%s: DESIGN goes from %s to %s, the table does not", what, before, alternatives[0])
			}
		}
		for _, s := range all {
			if !slices.Contains(named, s) && !slices.Contains(later, s) {
				t.Errorf("%s: DESIGN knows no state %q", what, s)
			}
		}
		if len(named) != len(all)-len(later) && what == provisioning.OfBatch || len(named) != len(all) && what != provisioning.OfBatch {
			t.Errorf("%s: DESIGN names %d states, there are %d", what, len(named), len(all))
		}
		want := map[provisioning.Subject][]string{
			provisioning.OfBatch: {"cancelled"}, provisioning.OfUnit: {"done", "cancelled"}, provisioning.OfOp: {"confirmed", "already true", "cancelled"},
		}[what]
		if !slices.Equal(ends, want) {
			t.Errorf("%s: the ends are %q, want %q", what, ends, want)
		}
	}
}

// TestProtocolIsWhole: every state can be come to from the first one, every one that is no end has a way to one, no row stands twice
// or leads to where it begins, each says why, and the doors answer just what the rows say.
func TestProtocolIsWhole(t *testing.T) {
	rows := provisioning.Protocol()
	for _, what := range []provisioning.Subject{provisioning.OfBatch, provisioning.OfUnit, provisioning.OfOp} {
		all, ends := states(what)
		has := make(map[[2]string]bool)
		for _, r := range rows {
			if r.What != what {
				continue
			}
			pair := [2]string{r.From, r.To}
			switch {
			case has[pair]:
				t.Errorf("%s: %s → %s stands twice", what, r.From, r.To)
			case r.From == r.To:
				t.Errorf("%s: %s → %s is no transition", what, r.From, r.To)
			case r.Why == "" || r.Why != strings.TrimSpace(r.Why) || strings.HasSuffix(r.Why, "."):
				t.Errorf("%s: %s → %s does not say why in a sentence: %q", what, r.From, r.To, r.Why)
			case !slices.Contains(all, r.From) || !slices.Contains(all, r.To):
				t.Errorf("%s: %s → %s names a state that there is not", what, r.From, r.To)
			}
			has[pair] = true
		}
		for _, from := range all {
			for _, to := range all {
				if may(what, from, to) != has[[2]string{from, to}] {
					t.Errorf("%s: the door says %v of %s → %s", what, may(what, from, to), from, to)
				}
			}
		}
		if forth := reach(has, all[:1], false); len(forth) != len(all) {
			t.Errorf("%s: only %q can be come to", what, forth)
		}
		if back := reach(has, ends, true); len(back) != len(all) {
			t.Errorf("%s: only %q lead to an end", what, back)
		}
	}
}

// reach lists what can be come to from some states, or with back what leads to them.
func reach(has map[[2]string]bool, from []string, back bool) []string {
	seen := slices.Clone(from)
	for i := 0; i < len(seen); i++ {
		for pair := range has {
			a, b := pair[0], pair[1]
			if back {
				a, b = b, a
			}
			if a == seen[i] && !slices.Contains(seen, b) {
				seen = append(seen, b)
			}
		}
	}
	return seen
}

// TestTheSafetyRows are the pairs that the safety of the protocol rests on: none of them may ever be let in.
func TestTheSafetyRows(t *testing.T) {
	all, _ := states(provisioning.OfOp)
	for _, from := range all {
		if may(provisioning.OfOp, from, "sent") && from != "pending" {
			t.Errorf("an op that is %s may be sent without a look", from)
		}
		if may(provisioning.OfOp, from, "confirmed") && from != "sent" && from != "by hand" {
			t.Errorf("an op that is %s may be confirmed", from)
		}
		if may(provisioning.OfOp, from, "already true") && from != "pending" {
			t.Errorf("an op that is %s may be called already true", from)
		}
	}
	if may(provisioning.OfOp, "sent", "cancelled") {
		t.Error("what was sent may be cancelled without a look")
	}
	batches, _ := states(provisioning.OfBatch)
	for _, from := range batches {
		if may(provisioning.OfBatch, from, "approved") && from != "reviewed" {
			t.Errorf("a batch that is %s may be approved", from)
		}
	}
	for _, from := range []string{"draft", "missed", "cancelled"} {
		if may(provisioning.OfBatch, from, "committed") {
			t.Errorf("a batch that is %s may be committed", from)
		}
	}
}
