package sqlite_test

import (
	"slices"
	"testing"

	"rollcall/provisioning"
)

// TestPreImages: what was there before an op is kept before its intent, by whoever has the unit, over a restart; once the intent is
// written, or by anybody else, it is not changed.
func TestPreImages(t *testing.T) {
	file := path(t)
	s := open(t, file)
	b := batch()
	if err := s.SaveBatch(ctx, b, event(provisioning.EventStaged)); err != nil {
		t.Fatal(err)
	}
	e := event(provisioning.EventCommitted)
	if err := s.MoveBatch(ctx, b.ID, provisioning.BatchCommitted, "h", "", e); err != nil {
		t.Fatal(err)
	}
	ref := provisioning.OpRef{Batch: b.ID, Unit: b.Units[0].ID, Seq: 2, Owner: "me"}
	pre := &provisioning.PreImage{Role: "SENIOR", Groups: []string{"ALL"}, Profile: &provisioning.Profile{ID: "A"}}
	code(t, "of a unit that nobody took", s.KeepPre(ctx, ref, pre), provisioning.Stale)
	if took, err := s.TakeUnit(ctx, ref.Unit, 0, "me"); !took || err != nil {
		t.Fatal(took, err)
	}
	other := ref
	other.Owner = "somebody else"
	code(t, "by somebody else", s.KeepPre(ctx, other, pre), provisioning.Stale)
	if err := s.KeepPre(ctx, ref, pre); err != nil {
		t.Fatal(err)
	}
	if err := s.MarkSent(ctx, ref, now, event(provisioning.EventIntent)); err != nil {
		t.Fatal(err)
	}
	code(t, "after the intent", s.KeepPre(ctx, ref, &provisioning.PreImage{}), provisioning.Stale)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := open(t, file).Batch(ctx, b.ID)
	if err != nil {
		t.Fatal(err)
	}
	if kept := got.Units[0].Ops[1].Pre; kept == nil || kept.Encode() != pre.Encode() || kept.Profile.ID != "A" || got.Units[0].Ops[0].Pre != nil {
		t.Errorf("%+v", kept)
	}
}

// TestOneUndoAtATime: the store refuses a second undo of a batch beside one that stands, whoever asks; once that is cancelled, another may
// be staged. What it keeps comes back with it, after an edit too.
func TestOneUndoAtATime(t *testing.T) {
	s := open(t, path(t))
	first := batch()
	if err := s.SaveBatch(ctx, first, event(provisioning.EventStaged)); err != nil {
		t.Fatal(err)
	}
	undo := func() *provisioning.Batch {
		b := batch()
		b.Undoes, b.Kept = first.ID, []provisioning.Kept{{Sort: provisioning.KeptConflict, Account: "A", Found: "x", Why: "somebody else changed it since"}}
		return b
	}
	b := undo()
	if err := s.SaveBatch(ctx, b, event(provisioning.EventStaged)); err != nil {
		t.Fatal(err)
	}
	code(t, "a second one", s.SaveBatch(ctx, undo(), event(provisioning.EventStaged)), provisioning.Held)
	if id, err := s.UndoOf(ctx, first.ID); id != b.ID || err != nil {
		t.Errorf("%d %v", id, err)
	}
	got, err := s.Batch(ctx, b.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SaveBatch(ctx, got, event(provisioning.EventStaged)); err != nil { // an edit of it is no second one
		t.Fatal(err)
	}
	if got, err = s.Batch(ctx, b.ID); err != nil || got.Undoes != first.ID || !slices.Equal(got.Kept, b.Kept) {
		t.Errorf("%+v %v", got, err)
	}
	if err := s.MoveBatch(ctx, b.ID, provisioning.BatchCancelled, "", "", event(provisioning.EventBatch)); err != nil {
		t.Fatal(err)
	}
	if id, err := s.UndoOf(ctx, first.ID); id != 0 || err != nil {
		t.Errorf("%d %v", id, err)
	}
	if err := s.SaveBatch(ctx, undo(), event(provisioning.EventStaged)); err != nil {
		t.Error(err)
	}
}
