package sqlite_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/store/sqlite"
)

// protocol is what the store's doors were seen to do.
type protocol struct {
	t     *testing.T
	s     *sqlite.Store
	taken map[provisioning.Transition]bool
}

// saw notes what became of something at a door, and holds it against the table.
func (p *protocol) saw(what provisioning.Subject, door, from, to string, may bool, err error) {
	p.t.Helper()
	switch {
	case from == to:
	case err != nil:
		p.t.Errorf("%s: %s refuses (%v), and the %s went from %s to %s", door, door, err, what, from, to)
	case !may:
		p.t.Errorf("%s lets a %s go from %s to %s, which is not in the table", door, what, from, to)
	default:
		p.taken[provisioning.Transition{What: what, From: from, To: to}] = true
	}
}

func (p *protocol) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *protocol) batch(id int64) *provisioning.Batch {
	p.t.Helper()
	b, err := p.s.Batch(ctx, id)
	p.must(err)
	return b
}

// draft is a new batch of one person with two changes, of which the second rests on the first.
func (p *protocol) draft() *provisioning.Batch {
	p.t.Helper()
	b := batch()
	b.State, b.Hash = provisioning.BatchDraft, ""
	b.Units = b.Units[:1]
	b.Units[0].Ops[0].Change = provisioning.Change{Kind: provisioning.AssignLibrary, Account: "A", Library: "LON", Before: "absent", After: "DEFAULT"}
	b.Units[0].Ops[1].Change = provisioning.Change{Kind: provisioning.JoinGroup, Account: "A", Library: "LON", Object: "ALL", Before: "no member", After: "member"}
	p.must(p.s.SaveBatch(ctx, b, event(provisioning.EventStaged)))
	return b
}

func (p *protocol) move(b *provisioning.Batch, states ...provisioning.BatchState) {
	p.t.Helper()
	for _, to := range states {
		p.must(p.s.MoveBatch(ctx, b.ID, to, "h", "why", event(provisioning.EventBatch)))
	}
}

func (p *protocol) running() (*provisioning.Batch, provisioning.OpRef) {
	p.t.Helper()
	b := p.draft()
	b.State, b.Hash = provisioning.BatchReviewed, "h"
	p.must(p.s.SaveBatch(ctx, b, event(provisioning.EventReviewed)))
	p.move(b, provisioning.BatchCommitted)
	u := b.Units[0]
	taken, err := p.s.TakeUnit(ctx, u.ID, u.Gen, "me")
	if err != nil || !taken {
		p.t.Fatal(taken, err)
	}
	return b, provisioning.OpRef{Batch: b.ID, Unit: u.ID, Seq: 1, Owner: "me", Gen: u.Gen}
}

func (p *protocol) mark(ref provisioning.OpRef, states ...provisioning.OpState) {
	p.t.Helper()
	for _, to := range states {
		if to == provisioning.OpSent {
			p.must(p.s.MarkSent(ctx, ref, now, event(provisioning.EventIntent)))
			continue
		}
		p.must(p.s.MarkOp(ctx, ref, provisioning.Outcome{State: to, Evidence: "e", Error: "why", At: now}, event(provisioning.EventOutcome)))
	}
}

func (p *protocol) finish(ref provisioning.OpRef, to provisioning.UnitState) {
	p.t.Helper()
	p.must(p.s.FinishUnit(ctx, ref.Unit, ref.Gen, ref.Owner, to, event(provisioning.EventUnit)))
}

// TestOpsMoveByTheTable: by every door of the store, an op in every state goes where the table lets it, and nowhere else.
func TestOpsMoveByTheTable(t *testing.T) {
	p := &protocol{t: t, s: open(t, path(t)), taken: make(map[provisioning.Transition]bool)}
	all := []provisioning.OpState{
		provisioning.OpPending, provisioning.OpSent, provisioning.OpConfirmed, provisioning.OpAlready, provisioning.OpDrifted,
		provisioning.OpFailed, provisioning.OpByHand, provisioning.OpParked, provisioning.OpCancelled,
	}
	// to bring an op into a state, in a unit that runs
	in := func(s provisioning.OpState) (*provisioning.Batch, provisioning.OpRef) {
		b, ref := p.running()
		switch s {
		case provisioning.OpPending:
		case provisioning.OpConfirmed:
			p.mark(ref, provisioning.OpSent, s)
		default:
			p.mark(ref, s)
		}
		return b, ref
	}
	outcome := func(to provisioning.OpState) provisioning.Outcome {
		return provisioning.Outcome{State: to, Evidence: "e", Error: "why", At: now}
	}
	for _, from := range all {
		try := func(door string, order func(b *provisioning.Batch, ref provisioning.OpRef) error) {
			t.Helper()
			b, ref := in(from)
			err := order(b, ref)
			to := p.batch(b.ID).Units[0].Ops[0].State
			p.saw(provisioning.OfOp, door, string(from), string(to), provisioning.OpMay(from, to), err)
		}
		try("MarkSent", func(_ *provisioning.Batch, ref provisioning.OpRef) error {
			err := p.s.MarkSent(ctx, ref, now, event(provisioning.EventIntent))
			if from != provisioning.OpPending {
				code(t, "an intent for what is "+string(from), err, provisioning.Stale)
			}
			return err
		})
		for _, to := range all {
			try("MarkOp "+string(to), func(b *provisioning.Batch, ref provisioning.OpRef) error {
				err := p.s.MarkOp(ctx, ref, outcome(to), event(provisioning.EventOutcome))
				if !provisioning.OpMay(from, to) || to == provisioning.OpSent { // an intent has a door of its own
					code(t, fmt.Sprintf("%s → %s", from, to), err, provisioning.Stale)
				}
				return err
			})
		}
		try("TickByHand", func(_ *provisioning.Batch, ref provisioning.OpRef) error {
			return p.s.TickByHand(ctx, ref.Unit, 1, outcome(provisioning.OpConfirmed), event(provisioning.EventByHand))
		})
		for _, to := range all { // a tick confirms, and nothing else
			try("TickByHand "+string(to), func(_ *provisioning.Batch, ref provisioning.OpRef) error {
				err := p.s.TickByHand(ctx, ref.Unit, 1, outcome(to), event(provisioning.EventByHand))
				if (err == nil) != (from == provisioning.OpByHand && to == provisioning.OpConfirmed) {
					t.Errorf("a tick makes what is %s %s: %v", from, to, err)
				}
				return err
			})
		}
		for _, rest := range []provisioning.UnitState{provisioning.UnitFailed, provisioning.UnitParked, provisioning.UnitPending, provisioning.UnitByHand, provisioning.UnitDone} {
			rested := func(ref provisioning.OpRef) { p.finish(ref, rest) }
			try("RetryUnits", func(b *provisioning.Batch, ref provisioning.OpRef) error {
				rested(ref)
				return p.s.RetryUnits(ctx, b.ID, []int64{ref.Unit}, event(provisioning.EventResumed))
			})
			try("MoveBatch cancelled", func(b *provisioning.Batch, ref provisioning.OpRef) error {
				rested(ref)
				return p.s.MoveBatch(ctx, b.ID, provisioning.BatchCancelled, "h", "", event(provisioning.EventBatch))
			})
			try("MarkOp of a unit at rest", func(_ *provisioning.Batch, ref provisioning.OpRef) error {
				rested(ref)
				err := p.s.MarkOp(ctx, ref, outcome(provisioning.OpParked), event(provisioning.EventOutcome))
				code(t, "a unit that is "+string(rest), err, provisioning.Stale)
				return err
			})
		}
		try("Recover of a cancelled batch", func(b *provisioning.Batch, _ provisioning.OpRef) error {
			p.move(b, provisioning.BatchCancelled)
			return p.s.Recover(ctx, b.ID, event(provisioning.EventResumed))
		})
		try("MarkSent of a paused batch", func(b *provisioning.Batch, ref provisioning.OpRef) error {
			p.move(b, provisioning.BatchPaused)
			err := p.s.MarkSent(ctx, ref, now, event(provisioning.EventIntent))
			if err == nil {
				t.Errorf("a %s change of a paused batch is sent", from)
			}
			return err
		})
	}
	p.whole(provisioning.OfOp)
}

// TestUnitsMoveByTheTable: the same of units.
func TestUnitsMoveByTheTable(t *testing.T) {
	p := &protocol{t: t, s: open(t, path(t)), taken: make(map[provisioning.Transition]bool)}
	all := []provisioning.UnitState{
		provisioning.UnitPending, provisioning.UnitRunning, provisioning.UnitDone, provisioning.UnitByHand, provisioning.UnitParked, provisioning.UnitFailed, provisioning.UnitCancelled,
	}
	in := func(s provisioning.UnitState) (*provisioning.Batch, provisioning.OpRef) {
		b, ref := p.running()
		switch s {
		case provisioning.UnitRunning: // with a step by hand open, for which the other change waits
			p.mark(ref, provisioning.OpByHand)
		case provisioning.UnitByHand:
			p.mark(ref, provisioning.OpByHand)
			p.finish(ref, s)
		case provisioning.UnitParked:
			p.mark(ref, provisioning.OpDrifted)
			second := ref
			second.Seq = 2
			p.mark(second, provisioning.OpParked)
			p.finish(ref, s)
		case provisioning.UnitFailed: // and a step by hand is open beside it, for which another waits
			p.mark(ref, provisioning.OpByHand)
			p.finish(ref, s)
		case provisioning.UnitDone:
			p.mark(ref, provisioning.OpAlready)
			second := ref
			second.Seq = 2
			p.mark(second, provisioning.OpAlready)
			p.finish(ref, s)
		default:
			p.finish(ref, s)
		}
		u := p.batch(b.ID).Units[0]
		if u.State != s {
			t.Fatalf("the unit is %s, want %s", u.State, s)
		}
		ref.Gen = u.Gen
		return b, ref
	}
	for _, from := range all {
		try := func(door string, order func(b *provisioning.Batch, ref provisioning.OpRef) error) {
			t.Helper()
			b, ref := in(from)
			err := order(b, ref)
			to := p.batch(b.ID).Units[0].State
			p.saw(provisioning.OfUnit, door, string(from), string(to), provisioning.UnitMay(from, to), err)
		}
		try("TakeUnit", func(_ *provisioning.Batch, ref provisioning.OpRef) error {
			taken, err := p.s.TakeUnit(ctx, ref.Unit, ref.Gen, "another")
			if taken != (from == provisioning.UnitPending) {
				t.Errorf("a %s unit is taken: %v", from, taken)
			}
			return err
		})
		for _, to := range all {
			try("FinishUnit "+string(to), func(_ *provisioning.Batch, ref provisioning.OpRef) error {
				err := p.s.FinishUnit(ctx, ref.Unit, ref.Gen, "me", to, event(provisioning.EventUnit))
				if from != provisioning.UnitRunning || !provisioning.UnitMay(from, to) {
					code(t, fmt.Sprintf("%s → %s", from, to), err, provisioning.Stale)
				}
				return err
			})
		}
		try("RetryUnits", func(b *provisioning.Batch, ref provisioning.OpRef) error {
			return p.s.RetryUnits(ctx, b.ID, []int64{ref.Unit}, event(provisioning.EventResumed))
		})
		for _, seq := range []int{1, 2} {
			try("TickByHand", func(_ *provisioning.Batch, ref provisioning.OpRef) error {
				return p.s.TickByHand(ctx, ref.Unit, seq, provisioning.Outcome{State: provisioning.OpConfirmed, Evidence: "e", At: now}, event(provisioning.EventByHand))
			})
		}
		try("Recover", func(b *provisioning.Batch, _ provisioning.OpRef) error {
			return p.s.Recover(ctx, b.ID, event(provisioning.EventResumed))
		})
		try("MoveBatch cancelled", func(b *provisioning.Batch, _ provisioning.OpRef) error {
			return p.s.MoveBatch(ctx, b.ID, provisioning.BatchCancelled, "h", "", event(provisioning.EventBatch))
		})
	}
	// A step that is ticked and was the last one closes its unit; one that was ticked while the unit ran is found when it comes to rest.
	b, ref := p.running()
	second := ref
	second.Seq = 2
	p.mark(ref, provisioning.OpAlready)
	p.mark(second, provisioning.OpByHand)
	p.finish(ref, provisioning.UnitByHand)
	err := p.s.TickByHand(ctx, ref.Unit, 2, provisioning.Outcome{State: provisioning.OpConfirmed, Evidence: "e", At: now}, event(provisioning.EventByHand))
	to := p.batch(b.ID).Units[0].State
	p.saw(provisioning.OfUnit, "TickByHand", string(provisioning.UnitByHand), string(to), provisioning.UnitMay(provisioning.UnitByHand, to), err)
	p.whole(provisioning.OfUnit)
}

// TestBatchesMoveByTheTable: the same of batches.
func TestBatchesMoveByTheTable(t *testing.T) {
	p := &protocol{t: t, s: open(t, path(t)), taken: make(map[provisioning.Transition]bool)}
	all := []provisioning.BatchState{
		provisioning.BatchDraft, provisioning.BatchReviewed, provisioning.BatchApproved, provisioning.BatchScheduled, provisioning.BatchMissed,
		provisioning.BatchCommitted, provisioning.BatchPaused, provisioning.BatchDone, provisioning.BatchOpenHand, provisioning.BatchStopped, provisioning.BatchCancelled,
	}
	approve := func(b *provisioning.Batch) error {
		return p.s.Approve(ctx, provisioning.Approval{
			Batch: b.ID, Hash: "h", Covers: "c", By: "m.chen", Approver: "okta/2", Requester: "okta/1", At: now, Until: now.Add(time.Hour), PublicKey: []byte{1}, Signature: []byte{1},
		}, event(provisioning.EventReviewed))
	}
	// in brings a batch into a state; failed says that a change of it failed.
	in := func(s provisioning.BatchState) *provisioning.Batch {
		var b *provisioning.Batch
		switch s {
		case provisioning.BatchDraft, provisioning.BatchReviewed, provisioning.BatchApproved, provisioning.BatchScheduled, provisioning.BatchMissed, provisioning.BatchCancelled:
			b = p.draft()
			if s == provisioning.BatchDraft {
				break
			}
			b.State, b.Hash = provisioning.BatchReviewed, "h"
			p.must(p.s.SaveBatch(ctx, b, event(provisioning.EventReviewed)))
			switch s {
			case provisioning.BatchApproved:
				p.must(approve(b))
			case provisioning.BatchScheduled, provisioning.BatchCancelled:
				p.move(b, s)
			case provisioning.BatchMissed:
				p.move(b, provisioning.BatchScheduled, s)
			}
		default:
			var ref provisioning.OpRef
			b, ref = p.running()
			second := ref
			second.Seq = 2
			switch s {
			case provisioning.BatchOpenHand:
				p.mark(ref, provisioning.OpAlready)
				p.mark(second, provisioning.OpByHand)
				p.finish(ref, provisioning.UnitByHand)
				p.move(b, provisioning.BatchDone) // the store knows better
			case provisioning.BatchDone, provisioning.BatchCommitted:
				p.mark(ref, provisioning.OpFailed)
				p.mark(second, provisioning.OpParked)
				p.finish(ref, provisioning.UnitFailed)
				if s == provisioning.BatchDone {
					p.move(b, s)
				}
			default:
				p.finish(ref, provisioning.UnitPending)
				p.move(b, s)
			}
		}
		if b = p.batch(b.ID); b.State != s {
			t.Fatalf("the batch is %s, want %s", b.State, s)
		}
		return b
	}
	for _, from := range all {
		b := in(from)
		try := func(door string, order func(b *provisioning.Batch) error) {
			t.Helper()
			if now := p.batch(b.ID); now.State != from {
				b = in(from)
			} else {
				b = now
			}
			err := order(b)
			to := p.batch(b.ID).State
			p.saw(provisioning.OfBatch, door, string(from), string(to), provisioning.BatchMay(from, to), err)
		}
		for _, to := range all {
			try("MoveBatch "+string(to), func(b *provisioning.Batch) error {
				err := p.s.MoveBatch(ctx, b.ID, to, "h", "why", event(provisioning.EventBatch))
				if !provisioning.BatchMay(from, to) || to == provisioning.BatchApproved { // an approval has a door of its own
					code(t, fmt.Sprintf("%s → %s", from, to), err, provisioning.Stale)
				}
				return err
			})
			try("SaveBatch "+string(to), func(b *provisioning.Batch) error {
				b.State = to
				err := p.s.SaveBatch(ctx, b, event(provisioning.EventStaged))
				if staged := to == provisioning.BatchDraft || to == provisioning.BatchReviewed || (to == from && to == provisioning.BatchApproved); !staged && err == nil {
					t.Errorf("a %s batch is saved as %s", from, to)
				}
				return err
			})
		}
		try("Approve", approve)
		try("LetGo", func(b *provisioning.Batch) error {
			mark, err := p.s.Mark(ctx)
			p.must(err)
			return p.s.LetGo(ctx, b.ID, "h", mark, event(provisioning.EventCommitted))
		})
		try("RetryUnits", func(b *provisioning.Batch) error {
			return p.s.RetryUnits(ctx, b.ID, []int64{b.Units[0].ID}, event(provisioning.EventResumed))
		})
		try("TickByHand", func(b *provisioning.Batch) error {
			return p.s.TickByHand(ctx, b.Units[0].ID, 2, provisioning.Outcome{State: provisioning.OpConfirmed, Evidence: "e", At: now}, event(provisioning.EventByHand))
		})
		try("Recover", func(b *provisioning.Batch) error { return p.s.Recover(ctx, b.ID, event(provisioning.EventResumed)) })
	}
	// With a step by hand open, a batch that comes to its end says so.
	b, ref := p.running()
	p.mark(ref, provisioning.OpByHand)
	p.finish(ref, provisioning.UnitByHand)
	err := p.s.MoveBatch(ctx, b.ID, provisioning.BatchDone, "h", "", event(provisioning.EventBatch))
	to := p.batch(b.ID).State
	p.saw(provisioning.OfBatch, "MoveBatch done", string(provisioning.BatchCommitted), string(to), provisioning.BatchMay(provisioning.BatchCommitted, to), err)
	for _, s := range all {
		b := batch()
		b.State = s
		err := p.s.SaveBatch(ctx, b, event(provisioning.EventStaged))
		if begins := s == provisioning.BatchDraft || s == provisioning.BatchReviewed; begins != (err == nil) {
			t.Errorf("a new batch begins as %s: %v", s, err)
		}
	}
	p.whole(provisioning.OfBatch)
}

// whole holds that every row of the table can be taken.
func (p *protocol) whole(what provisioning.Subject) {
	p.t.Helper()
	for _, row := range provisioning.Protocol() {
		why := row.Why
		row.Why = ""
		if row.What == what && !p.taken[row] {
			p.t.Errorf("no door takes a %s from %s to %s (%s)", what, row.From, row.To, why)
		}
	}
	if p.t.Failed() {
		p.t.Logf("taken: %v", slices.Collect(maps.Keys(p.taken)))
	}
}
