package commit_test

import (
	"context"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"rollcall/provisioning"
)

// TestJournalIsTheStore: the journal that the model works on and the real store answer every order alike, and stand alike after it.
func TestJournalIsTheStore(t *testing.T) {
	store := openStore(t)
	ctx := context.Background()
	rapid.Check(t, func(rt *rapid.T) {
		list := [][]provisioning.Change{joiner("ANNA")[:3], {disable("BEN"), disable("CLEO")}}
		w := newWorld(&scene{units: list, workers: 2}, &tape{})
		w.kill = func() {}
		j := w.disk
		f := &firm{t: rt, store: &watched{Store: store}, clock: newQuick()}
		f.stage(list...)
		real := f.now()
		// What an order names: the unit, its op, an owner and a generation, of which some are wrong.
		unit := func() int { return rapid.IntRange(0, len(list)-1).Draw(rt, "unit") }
		for range rapid.IntRange(1, 25).Draw(rt, "orders") {
			i := unit()
			ours, theirs := &j.b.Units[i], real.Units[i].ID
			gen := ours.Gen - int64(rapid.SampledFrom([]int{0, 0, 0, 0, 1}).Draw(rt, "an old generation"))
			owner := rapid.SampledFrom([]string{"a", "a", "a", "b"}).Draw(rt, "owner")
			seq := rapid.IntRange(1, len(ours.Ops)).Draw(rt, "op")
			one, two := provisioning.OpRef{Batch: 1, Unit: ours.ID, Seq: seq, Owner: owner, Gen: gen}, provisioning.OpRef{Batch: f.batch, Unit: theirs, Seq: seq, Owner: owner, Gen: gen}
			e := event(provisioning.EventUnit)
			var a, b error
			what := rapid.SampledFrom([]string{"take", "take", "sent", "sent", "mark", "mark", "mark", "finish", "finish", "move", "recover", "retry", "tick"}).Draw(rt, "what")
			switch what {
			case "take":
				var first, second bool
				first, a = j.TakeUnit(ctx, ours.ID, gen, owner)
				second, b = store.TakeUnit(ctx, theirs, gen, owner)
				if first != second {
					rt.Fatalf("taken: %v, %v", first, second)
				}
			case "sent":
				j.b.Units[i].Ops[seq-1].Attempts = 0 // what the bound is for is the executor's
				a, b = j.MarkSent(ctx, one, e.At, e), store.MarkSent(ctx, two, e.At, e)
			case "mark":
				to := rapid.SampledFrom([]provisioning.OpState{
					provisioning.OpPending, provisioning.OpConfirmed, provisioning.OpAlready, provisioning.OpDrifted, provisioning.OpFailed,
					provisioning.OpByHand, provisioning.OpParked, provisioning.OpCancelled,
				}).Draw(rt, "to")
				o := provisioning.Outcome{State: to, Evidence: "e", Error: "why", At: e.At}
				a, b = j.MarkOp(ctx, one, o, e), store.MarkOp(ctx, two, o, e)
			case "finish":
				to := rapid.SampledFrom([]provisioning.UnitState{
					provisioning.UnitPending, provisioning.UnitDone, provisioning.UnitByHand, provisioning.UnitParked, provisioning.UnitFailed, provisioning.UnitCancelled,
				}).Draw(rt, "to")
				a, b = j.FinishUnit(ctx, ours.ID, gen, owner, to, e), store.FinishUnit(ctx, theirs, gen, owner, to, e)
			case "move":
				to := rapid.SampledFrom([]provisioning.BatchState{
					provisioning.BatchCommitted, provisioning.BatchPaused, provisioning.BatchStopped, provisioning.BatchDone, provisioning.BatchOpenHand, provisioning.BatchCancelled,
				}).Draw(rt, "to")
				a, b = j.MoveBatch(ctx, 1, to, "h", "why", e), store.MoveBatch(ctx, f.batch, to, "h", "why", e)
			case "recover":
				j.recover()
				b = store.Recover(ctx, f.batch, e)
			case "retry":
				var again []int64
				for k := range j.b.Units {
					if s := j.b.Units[k].State; s == provisioning.UnitFailed || s == provisioning.UnitParked {
						again = append(again, real.Units[k].ID)
					}
				}
				if len(again) == 0 || (j.b.State != provisioning.BatchCommitted && !provisioning.BatchMay(j.b.State, provisioning.BatchCommitted)) {
					continue
				}
				j.retry()
				b = store.RetryUnits(ctx, f.batch, again, e)
			case "tick":
				if ours.Ops[seq-1].State != provisioning.OpByHand {
					b = store.TickByHand(ctx, theirs, seq, provisioning.Outcome{State: provisioning.OpConfirmed, Evidence: "e", At: e.At}, e)
					a = refusedAs(provisioning.Stale, "not by hand")
					break
				}
				j.tickOne(ours, seq)
				b = store.TickByHand(ctx, theirs, seq, provisioning.Outcome{State: provisioning.OpConfirmed, Evidence: "e", At: e.At}, e)
			}
			if (a == nil) != (b == nil) || a != nil && provisioning.CodeOf(a) != provisioning.CodeOf(b) {
				rt.Fatalf("%s: the journal says %v, the store %v", what, a, b)
			}
			w.wrong = "" // what is true of an outcome is the executor's, too
			if x, y := standing(j.copy()), standing(f.now()); x != y {
				rt.Fatalf("after %s they differ:\n%s\n%s", what, x, y)
			}
		}
	})
}

// standing is what there is to compare of a batch.
func standing(b *provisioning.Batch) string {
	s := string(b.State)
	for i := range b.Units {
		u := &b.Units[i]
		s += fmt.Sprintf("; %s gen %d of %q", u.State, u.Gen, u.Owner)
		for k := range u.Ops {
			s += ", " + string(u.Ops[k].State)
		}
	}
	return s
}
