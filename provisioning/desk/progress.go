package desk

import (
	"math"
	"slices"
	"time"

	"rollcall/provisioning"
)

// The measure of a batch's rate.
const (
	rateWindow = 30 * time.Second // of working time, over which it is taken
	rateFull   = 24               // changes, of which it is taken at least, however long they took
	rateFew    = 5                // changes: of fewer nothing is said
	rateSpan   = 2 * time.Second  // nor of a shorter time
	rateMany   = 20               // changes, of which more is believed even of a shorter time
	rateGap    = time.Minute      // without any change, and without a wait that was asked for: the batch was at rest
)

// tempo is how fast a batch goes.
type tempo struct {
	Rate  float64       // changes a second, while nobody has to wait; 0: not known yet
	Left  time.Duration // 0: not known, or nothing is left
	Until time.Time     // the system asked everybody to wait until then; zero: it did not
}

// settledAt is a change that was settled: when its intent was written and when it was decided.
type settledAt struct{ began, done time.Time }

// work is what is known of a batch's changes.
type work struct {
	settled []settledAt
	begun   int // people on whom somebody is at work: each has one change on its way
	left    int // changes that are not settled and can be done now
}

// measure says how fast a batch goes and how long it still takes, by its changes and the system's budget.
//
// The rate is that of the last half minute of work: the times in which the system had everybody wait do not count, nor does anything before
// the batch last lay at rest, or before the system last allowed another rate. What is on its way counts half: as done where the work began
// in that time, and as left. More than the budget allows is never told. Until a few changes are settled nothing is said: no number is
// better than a made-up one. The time left is what the rest takes at that rate and, where the system has everybody wait, the rest of the
// wait before it.
func measure(now time.Time, w work, budget provisioning.RateState) tempo {
	var t tempo
	if budget.PausedUntil.Sub(now) > time.Second {
		t.Until = budget.PausedUntil
	}
	begin, changes, settled := window(now, w, budget)
	span := working(begin, now, budget.Pauses)
	if settled < rateFew || span <= 0 || (span < rateSpan && settled < rateMany) {
		return t
	}
	t.Rate = changes / span.Seconds()
	if budget.Allowed > 0 {
		if budget.Used > budget.Allowed { // less is allowed since a moment ago
			t.Rate *= budget.Allowed / budget.Used
		}
		t.Rate = min(t.Rate, budget.Allowed) // no change costs less than one request
	}
	if w.left > 0 {
		rest := float64(w.left) - float64(min(w.begun, w.left))/2
		t.Left = lasts(rest/t.Rate) + max(budget.PausedUntil.Sub(now), 0)
	}
	return t
}

// window finds the latest work: where it began, how many changes were made in it, and how many of those are settled.
func window(now time.Time, w work, budget provisioning.RateState) (begin time.Time, changes float64, settled int) {
	list := slices.DeleteFunc(slices.Clone(w.settled), func(s settledAt) bool { return s.done.IsZero() || s.done.After(now) })
	slices.SortFunc(list, func(a, b settledAt) int { return b.done.Compare(a.done) })
	begin = now
	later := now
	for _, s := range list {
		ago := working(s.done, now, budget.Pauses)
		switch {
		case working(s.done, later, budget.Pauses) > rateGap: // it was at rest between the two
			return begin, float64(settled) + float64(w.begun)/2, settled
		case ago > rateWindow && settled >= rateFull, settled >= rateMany && s.done.Before(budget.Since):
			return s.done, float64(settled), settled // this one is the end of what does not count
		}
		settled++
		later = s.done
		begin = s.done
		if !s.began.IsZero() && s.began.Before(begin) {
			begin = s.began
		}
	}
	return begin, float64(settled) + float64(w.begun)/2, settled
}

// working is how much of a time nobody had to wait.
func working(from, to time.Time, pauses []provisioning.Pause) time.Duration {
	span := to.Sub(from)
	for _, p := range pauses {
		begin, end := p.From, p.Until
		if begin.Before(from) {
			begin = from
		}
		if end.After(to) {
			end = to
		}
		span -= max(end.Sub(begin), 0)
	}
	return max(span, 0)
}

// lasts makes a time of seconds, in whole ones and never none.
func lasts(seconds float64) time.Duration {
	const longest = 1000 * 3600
	return time.Duration(math.Ceil(min(max(seconds, 1), longest))) * time.Second
}

// tempoOf measures a batch.
func tempoOf(now time.Time, b *provisioning.Batch, budget provisioning.RateState) tempo {
	var w work
	for i := range b.Units {
		u := &b.Units[i]
		if u.State == provisioning.UnitRunning {
			w.begun++
		}
		for j := range u.Ops {
			op := &u.Ops[j]
			switch {
			case !op.State.Settled() && u.WaitsFor(j) == 0:
				w.left++
			case op.State.Settled() && op.State != provisioning.OpCancelled:
				w.settled = append(w.settled, settledAt{op.SentAt, op.DoneAt})
			}
		}
	}
	return measure(now, w, budget)
}
