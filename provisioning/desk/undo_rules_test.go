package desk_test

import (
	"context"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

// brittle is a store that takes so many more writes of the journal, and then none: what a kill between two of them leaves.
type brittle struct {
	provisioning.Store
	left atomic.Int64
}

func (b *brittle) write(do func() error) error {
	if b.left.Add(-1) < 0 {
		return errDead
	}
	return do()
}

func (b *brittle) MarkSent(ctx context.Context, op provisioning.OpRef, at time.Time, e provisioning.Event) error {
	return b.write(func() error { return b.Store.MarkSent(ctx, op, at, e) })
}

func (b *brittle) MarkOp(ctx context.Context, op provisioning.OpRef, o provisioning.Outcome, e provisioning.Event) error {
	return b.write(func() error { return b.Store.MarkOp(ctx, op, o, e) })
}

func (b *brittle) KeepPre(ctx context.Context, op provisioning.OpRef, pre *provisioning.PreImage) error {
	return b.write(func() error { return b.Store.KeepPre(ctx, op, pre) })
}

func (b *brittle) FinishUnit(ctx context.Context, unit, gen int64, owner string, to provisioning.UnitState, e provisioning.Event) error {
	return b.write(func() error { return b.Store.FinishUnit(ctx, unit, gen, owner, to, e) })
}

func (b *brittle) MoveBatch(ctx context.Context, id int64, to provisioning.BatchState, hash, stop string, e provisioning.Event) error {
	return b.write(func() error { return b.Store.MoveBatch(ctx, id, to, hash, stop, e) })
}

// TestUndoIsResumed: an undo that dies at any write of its journal goes on as any batch: what was sent is read back, nothing is sent
// twice, and the end is the same.
func TestUndoIsResumed(t *testing.T) {
	ctx := context.Background()
	var store *brittle
	r := newRig(t, 300, func(d *desk.Deps) {
		store = &brittle{Store: d.Store}
		d.Store = store
	})
	store.left.Store(1 << 40)
	r.heir()
	r.sync(t)
	r.confirm(t)
	before := cells(r.running.Imanage.Dump())
	v := r.commitCases(t)
	if _, err := r.Undo(ctx, v.Batch.ID, ""); err != nil {
		t.Fatal(err)
	}
	u, err := r.UndoOf(ctx, v.Batch.ID)
	if err != nil || u == 0 {
		t.Fatalf("%d %v", u, err)
	}
	done := maps.Clone(r.running.Imanage.Effects())
	v, err = r.ReviewBatch(ctx, u)
	if err != nil {
		t.Fatal(err)
	}
	store.left.Store(2)
	if err := r.Commit(ctx, desk.Commit{Batch: u, Hash: v.Batch.Hash, People: v.Confirm, Reason: "a test"}); err != nil {
		t.Fatal(err)
	}
	deaths := 0
	for ; ; deaths++ {
		if deaths > 60 {
			t.Fatal("it never ends")
		}
		_ = r.Wait(ctx, u) // it tells the death
		v = r.look(t, u)
		if v.Batch.State == provisioning.BatchDone || v.Batch.State == provisioning.BatchOpenHand {
			break
		}
		if _, err := r.Undo(ctx, u, ""); provisioning.CodeOf(err) != provisioning.Held {
			t.Fatalf("what was interrupted was undone: %v", err)
		}
		store.left.Store(3 + int64(deaths)) // a resume of a stopped batch takes a write of its own
		if err := r.Resume(ctx, u); err != nil {
			t.Fatal(err)
		}
	}
	store.left.Store(1 << 40)
	if deaths < 5 {
		t.Errorf("it died %d times", deaths)
	}
	for what, n := range r.running.Imanage.Effects() {
		if n > done[what]+1 {
			t.Errorf("%s took effect %d times more", what, n-done[what])
		}
	}
	now := cells(r.running.Imanage.Dump())
	for _, cell := range differences(before, now) {
		if !strings.HasPrefix(cell, "user WCHEN") && !strings.HasPrefix(cell, "lock ") { // created; and a check-out cannot be put back
			t.Errorf("%s was %q, and is %q", cell, before[cell], now[cell])
		}
	}
}

// plan commits changes of one account as a batch.
func (r *rig) plan(t *testing.T, changes ...provisioning.Change) int64 {
	t.Helper()
	p := &desk.Plan{}
	for _, c := range changes {
		p.Changes = append(p.Changes, desk.PlanChange{Name: "Somebody", Mismatch: provisioning.KindEntitlement, Change: c})
	}
	s, err := r.StagePlan(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	r.letGo(t, s.Batch)
	return s.Batch
}

// TestUndoNamesALaterBatch: where a later batch of ours changed the same thing, the conflict names it; what that one did not touch is
// staged; and once everything is a conflict, nothing is staged and everything is told.
func TestUndoNamesALaterBatch(t *testing.T) {
	ctx := context.Background()
	r := newRig(t, 120, nil)
	r.sync(t)
	a := r.running.Imanage.Dump()
	role := a.Roles["LON-COR/FADEYEMI"]
	library := "LON-COR"
	for place, has := range a.Roles {
		if l, id, _ := strings.Cut(place, "/"); id == "FADEYEMI" {
			library, role = l, has
		}
	}
	user, _ := r.running.Imanage.User("FADEYEMI")
	set := func(from, to string) provisioning.Change {
		return provisioning.Change{Kind: provisioning.SetLibraryRole, Account: "FADEYEMI", Library: library, Before: from, After: to}
	}
	first := r.plan(t, set(role, "RECORDS"), provisioning.Change{Kind: provisioning.SetAttribute, Account: "FADEYEMI", Object: "phone", Before: user.Phone, After: "1"})
	second := r.plan(t, set("RECORDS", "STANDARD"))
	u, err := r.Undo(ctx, first, "")
	if err != nil || u.Changes != 1 || len(u.Conflicts) != 1 {
		t.Fatalf("%+v, %v", u, err)
	}
	if k := u.Conflicts[0]; k.Since != second || k.Found != "STANDARD" || k.Left != "RECORDS" || k.Was != role || !strings.Contains(k.Why, "batch 2") {
		t.Errorf("%+v", k)
	}
	r.letGo(t, u.Batch)
	if again, err := r.Undo(ctx, first, ""); err != nil || again.Batch != 0 || len(again.Conflicts) != 1 || len(again.Back) != 1 {
		t.Errorf("%+v, %v", again, err)
	}
	if back, err := r.Undo(ctx, second, ""); err != nil || back.Changes != 1 || len(back.Conflicts) > 0 {
		t.Errorf("%+v, %v", back, err)
	}
}

// TestUndoDriftsAtTheLastMoment: what another operator gives in a library between the staging of an undo and its commit is not taken along
// with it: the removal drifts, and nothing of theirs is touched.
func TestUndoDriftsAtTheLastMoment(t *testing.T) {
	ctx := context.Background()
	r := newRig(t, 120, nil)
	r.sync(t)
	r.confirm(t)
	list := newcomer(1)
	id := r.plan(t, list[0].Change, list[1].Change, list[2].Change)
	u, err := r.Undo(ctx, id, "")
	if err != nil {
		t.Fatal(err)
	}
	v, err := r.ReviewBatch(ctx, u.Batch)
	if err != nil {
		t.Fatal(err)
	}
	r.running.Imanage.ByHand(mutation("join", "NEWCOMER1", "LON-COR", "TRAINEES"))
	if err := r.Commit(ctx, desk.Commit{Batch: u.Batch, Hash: v.Batch.Hash, People: v.Confirm, Reason: "a test"}); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(ctx, u.Batch); err != nil {
		t.Fatal(err)
	}
	v = r.look(t, u.Batch)
	ops := v.Batch.Units[0].Ops
	if last := ops[len(ops)-1]; last.Change.Kind != provisioning.RemoveLibrary || last.State != provisioning.OpDrifted || !strings.Contains(last.Error, "another group in LON-COR") {
		t.Errorf("%s is %s: %s", last.Change.Kind, last.State, last.Error)
	}
	now := cells(r.running.Imanage.Dump())
	if now["member LON-COR/TRAINEES NEWCOMER1"] != "yes" || now["place LON-COR/NEWCOMER1"] != "STANDARD" || now["user NEWCOMER1 allow_logon"] != "false" {
		t.Errorf("what somebody else gave was taken, or the account is left open")
	}
	if n := r.running.Imanage.Effects()["unassign NEWCOMER1 LON-COR"]; n != 0 {
		t.Errorf("sent %d times", n)
	}
}
