package sqlite_test

import (
	"fmt"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/store/sqlite"
)

// removing is a store on which batches of disables are done at times that the test says.
type removing struct {
	*sqlite.Store
	t *testing.T
}

func at(kind provisioning.EventKind, when time.Time) provisioning.Event {
	e := event(kind)
	e.At = when
	return e
}

// let lets a batch go that disables these accounts.
func (r *removing) let(when time.Time, undoes int64, accounts ...string) *provisioning.Batch {
	r.t.Helper()
	b := &provisioning.Batch{State: provisioning.BatchReviewed, CreatedBy: "l.ortiz", CreatedAt: when, SnapshotID: "s", SnapshotAt: when, Hash: "h", Undoes: undoes}
	for _, id := range accounts {
		b.Units = append(b.Units, provisioning.Unit{Account: id, Name: id, Office: "Oslo", State: provisioning.UnitPending, Kind: provisioning.KindLeaver, Ops: []provisioning.Op{
			{Seq: 1, State: provisioning.OpPending, Change: provisioning.Change{Kind: provisioning.DisableAccount, Account: id, Before: "enabled", After: "disabled"}},
		}})
	}
	if err := r.SaveBatch(ctx, b, at(provisioning.EventStaged, when)); err != nil {
		r.t.Fatal(err)
	}
	if err := r.MoveBatch(ctx, b.ID, provisioning.BatchCommitted, "h", "", at(provisioning.EventCommitted, when)); err != nil {
		r.t.Fatal(err)
	}
	return b
}

// do takes a unit, sends its op, and settles it at a time.
func (r *removing) do(b *provisioning.Batch, unit int, when time.Time, to provisioning.OpState, ends provisioning.UnitState) {
	r.t.Helper()
	u := b.Units[unit]
	if taken, err := r.TakeUnit(ctx, u.ID, u.Gen, "me"); err != nil || !taken {
		r.t.Fatal(taken, err)
	}
	ref := provisioning.OpRef{Batch: b.ID, Unit: u.ID, Seq: 1, Owner: "me", Gen: u.Gen}
	if to != provisioning.OpByHand {
		if err := r.MarkSent(ctx, ref, when, at(provisioning.EventIntent, when)); err != nil {
			r.t.Fatal(err)
		}
	}
	if to == provisioning.OpSent {
		return
	}
	if err := r.MarkOp(ctx, ref, provisioning.Outcome{State: to, At: when}, at(provisioning.EventOutcome, when)); err != nil {
		r.t.Fatal(err)
	}
	if err := r.FinishUnit(ctx, u.ID, u.Gen, "me", ends, at(provisioning.EventUnit, when)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *removing) end(b *provisioning.Batch, to provisioning.BatchState, when time.Time) {
	r.t.Helper()
	if err := r.MoveBatch(ctx, b.ID, to, "h", "", at(provisioning.EventBatch, when)); err != nil {
		r.t.Fatal(err)
	}
}

// counts holds how many were done, and are on their way, in the day before a time.
func (r *removing) counts(what string, when time.Time, done, waiting int) {
	r.t.Helper()
	list, err := r.Ended(ctx, when.Add(-24*time.Hour), when)
	if err != nil {
		r.t.Fatal(err)
	}
	var d, w int
	for _, e := range list {
		if e.Pending {
			w++
		} else {
			d++
		}
		if e.Kind != provisioning.DisableAccount || e.Account == "" || e.Office != "Oslo" || e.Batch == 0 || e.At.IsZero() != e.Pending {
			r.t.Errorf("%s: %+v", what, e)
		}
	}
	if d != done || w != waiting {
		r.t.Errorf("%s: %d done and %d on their way, want %d and %d: %+v", what, d, w, done, waiting, list)
	}
}

// TestEnded: what a batch was let go for counts from then on, what it did counts though it was cancelled in mid-way, and a step by hand
// counts while it is open and from when it was ticked.
func TestEnded(t *testing.T) {
	r := &removing{open(t, path(t)), t}
	b := r.let(now, 0, "A", "B", "C", "D", "E")
	r.counts("let go", now, 0, 5)
	r.counts("let go, nine days ago", now.Add(9*24*time.Hour), 0, 5)
	r.do(b, 0, now, provisioning.OpConfirmed, provisioning.UnitDone)
	r.counts("one done", now, 1, 4)
	r.do(b, 1, now, provisioning.OpSent, "")
	r.counts("one in flight", now, 1, 4)
	r.do(b, 2, now, provisioning.OpByHand, provisioning.UnitByHand)
	r.do(b, 3, now, provisioning.OpFailed, provisioning.UnitFailed)
	r.counts("one refused", now, 1, 3)
	r.end(b, provisioning.BatchPaused, now)
	r.counts("paused", now, 1, 3)
	r.end(b, provisioning.BatchCancelled, now)
	r.counts("cancelled: what is in flight is let finish, and nobody knows of the one refused", now, 2, 1)
	r.counts("a day later", now.Add(25*time.Hour), 0, 1)

	r = &removing{open(t, path(t)), t}
	b = r.let(now, 0, "A", "B")
	r.do(b, 0, now, provisioning.OpByHand, provisioning.UnitByHand)
	r.do(b, 1, now, provisioning.OpParked, provisioning.UnitParked)
	r.counts("accepted, and not seen yet", now, 1, 1)
	r.end(b, provisioning.BatchOpenHand, now)
	later := now.Add(72 * time.Hour)
	r.counts("open by hand", later, 0, 1)
	if err := r.TickByHand(ctx, b.Units[0].ID, 1, provisioning.Outcome{State: provisioning.OpConfirmed, At: later}, func() provisioning.Event {
		e := at(provisioning.EventByHand, later)
		e.Batch, e.Unit, e.Op = b.ID, b.Units[0].ID, 1
		return e
	}()); err != nil {
		t.Fatal(err)
	}
	r.counts("ticked", later.Add(time.Hour), 1, 0)
	r.counts("ticked, two days on", later.Add(48*time.Hour), 0, 0)
}

// TestEndedByACrookedClock: a window goes by the order of the record. A clock that was set back hides nothing, one that was ahead for a
// while neither hides nor holds for ever.
func TestEndedByACrookedClock(t *testing.T) {
	for name, c := range map[string]struct {
		clock []time.Duration // of each removal, from now
		asked time.Duration
		want  int
	}{
		"set back, and put right":                  {[]time.Duration{0, -48 * time.Hour, -47 * time.Hour, time.Minute}, time.Hour, 4},
		"set back, and asked there":                {[]time.Duration{0, -48 * time.Hour}, -47 * time.Hour, 2},
		"ahead by a year, and put right":           {[]time.Duration{0, 365 * 24 * time.Hour, time.Minute}, time.Hour, 3},
		"ahead by a year, three days ago":          {[]time.Duration{0, 365 * 24 * time.Hour, time.Minute}, 72 * time.Hour, 0},
		"ahead once, and one of today":             {[]time.Duration{0, 365 * 24 * time.Hour, 71 * time.Hour}, 72 * time.Hour, 2},
		"ahead, and nothing was written since":     {[]time.Duration{0, 365 * 24 * time.Hour}, 72 * time.Hour, 1},
		"as clocks go":                             {[]time.Duration{0, time.Hour, 23 * time.Hour}, 24*time.Hour + time.Minute, 2},
		"set back after what is out of the window": {[]time.Duration{-72 * time.Hour, 0, -70 * time.Hour}, time.Hour, 2},
	} {
		t.Run(name, func(t *testing.T) {
			r := &removing{open(t, path(t)), t}
			for i, offset := range c.clock {
				when := now.Add(offset)
				b := r.let(when, 0, fmt.Sprintf("A%d", i))
				r.do(b, 0, when, provisioning.OpConfirmed, provisioning.UnitDone)
				r.end(b, provisioning.BatchDone, when)
			}
			r.counts(name, now.Add(c.asked), c.want, 0)
		})
	}
}

// TestUndone: what an undo batch changed is told for as long as the window, and nothing else is.
func TestUndone(t *testing.T) {
	r := &removing{open(t, path(t)), t}
	first := r.let(now, 0, "A")
	r.do(first, 0, now, provisioning.OpConfirmed, provisioning.UnitDone)
	r.end(first, provisioning.BatchDone, now)
	undo := r.let(now, first.ID, "B", "C")
	r.do(undo, 0, now, provisioning.OpConfirmed, provisioning.UnitDone)
	for _, c := range []struct {
		when time.Time
		want int
	}{{now, 2}, {now.Add(25 * time.Hour), 1}} { // the second one is on its way still
		list, err := r.Undone(ctx, c.when.Add(-24*time.Hour), c.when)
		if err != nil || len(list) != c.want {
			t.Errorf("%+v, %v, want %d", list, err, c.want)
		}
	}
}

// TestLetGo: a batch is let go on the strength of what it was judged by, and not where another one went meanwhile; nothing of it moves then.
func TestLetGo(t *testing.T) {
	r := &removing{open(t, path(t)), t}
	mark, err := r.Mark(ctx)
	if err != nil {
		t.Fatal(err)
	}
	b := batch()
	if err := r.SaveBatch(ctx, b, event(provisioning.EventStaged)); err != nil {
		t.Fatal(err)
	}
	other := r.let(now, 0, "Z")
	before := rowCount(t, r.Store)
	code(t, "judged before another went", r.LetGo(ctx, b.ID, "h", mark, event(provisioning.EventCommitted)), provisioning.Stale)
	if got, err := r.Batch(ctx, b.ID); err != nil || got.State != provisioning.BatchReviewed || rowCount(t, r.Store) != before {
		t.Errorf("%+v, %v", got, err)
	}
	if mark, err = r.Mark(ctx); err != nil {
		t.Fatal(err)
	}
	code(t, "another hash", r.LetGo(ctx, b.ID, "x", mark, event(provisioning.EventCommitted)), provisioning.Stale)
	if err := r.LetGo(ctx, b.ID, "h", mark, event(provisioning.EventCommitted)); err != nil {
		t.Fatal(err)
	}
	code(t, "twice", r.LetGo(ctx, b.ID, "h", mark, event(provisioning.EventCommitted)), provisioning.Stale)
	before = rowCount(t, r.Store)
	if err := r.RetryUnits(ctx, other.ID, nil, event(provisioning.EventResumed)); err != nil { // a retry is a letting go too
		t.Fatal(err)
	}
	if after, err := r.Mark(ctx); err != nil || after <= mark || rowCount(t, r.Store) != before+1 {
		t.Errorf("%d after %d, %v", after, mark, err)
	}
}
