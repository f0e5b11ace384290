package desk_test

import (
	"slices"
	"testing"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/staging"
)

// TestDoubtAfterAnotherBatch: a change is killed when it took effect, and before it was resumed another batch put the account back. What
// the resume reads is what was before the change; it is not sent again: that would undo the other batch. (It was: what reads as before
// was taken for what had no effect.)
func TestDoubtAfterAnotherBatch(t *testing.T) {
	for name, fault := range map[string][]sendFault{"which was confirmed": nil, "which is in doubt itself": {diesAfterSend}} {
		t.Run(name, func(t *testing.T) { doubtAfterAnother(t, fault) })
	}
}

// doubtAfterAnother has a change in doubt, and then another batch put the account back, with a fault of its own.
func doubtAfterAnother(t *testing.T, fault []sendFault) {
	l := newLife(t, t, nil, "")
	defer l.end()
	l.leave(5)
	l.look(t)
	put, err := l.Stage(l.ctx, []string{rowKey(5)})
	if err != nil {
		t.Fatal(err)
	}
	v, err := l.Review(l.ctx)
	if err != nil {
		t.Fatal(err)
	}
	l.faults = []sendFault{diesAfterSend}
	_ = l.Commit(l.ctx, desk.Commit{Batch: v.Batch.ID, Hash: v.Batch.Hash, People: v.Confirm})
	_ = l.Wait(l.ctx, put.Batch)
	if !l.isDead() {
		t.Fatal("it lives")
	}
	l.restart(t)

	_, account, name := user(5)
	enable := provisioning.Change{Kind: provisioning.EnableAccount, Account: account, Before: provisioning.ValueDisabled, After: provisioning.ValueEnabled}
	b := &provisioning.Batch{State: provisioning.BatchDraft, CreatedBy: "l.ortiz", CreatedAt: l.clock.Now(), Title: "let in again", Units: []provisioning.Unit{
		staging.NewUnit(provisioning.PersonKey{Directory: "okta", ID: "00u005"}, account, name, "", provisioning.KindLeaver, []provisioning.Change{enable}),
	}}
	if err := l.store.SaveBatch(l.ctx, b, provisioning.Event{At: l.clock.Now(), Actor: "l.ortiz", Session: "test", Kind: provisioning.EventStaged}); err != nil {
		t.Fatal(err)
	}
	l.look(t)
	if v, err = l.ReviewBatch(l.ctx, b.ID); err != nil {
		t.Fatal(err)
	}
	l.faults = fault
	if err := l.Commit(l.ctx, desk.Commit{Batch: b.ID, Hash: v.Batch.Hash, People: v.Confirm, Reason: "a mistake"}); err != nil {
		t.Fatal(err)
	}
	if fault == nil {
		l.run(t, b.ID)
	} else {
		_ = l.Wait(l.ctx, b.ID)
		if !l.isDead() {
			t.Fatal("it lives")
		}
		l.restart(t)
	}

	if err := l.Resume(l.ctx, put.Batch); err != nil {
		t.Fatal(err)
	}
	l.run(t, put.Batch)
	still := func(after string) {
		t.Helper()
		if a := l.dms.accounts[account]; !a.Enabled {
			t.Errorf("after %s the account was disabled again", after)
		}
		disables := slices.DeleteFunc(l.dms.sends(), func(s sent) bool { return s.change.Kind != provisioning.DisableAccount })
		if len(disables) != 1 {
			t.Errorf("after %s it was sent %d times", after, len(disables))
		}
		if op := l.batch(put.Batch).Units[0].Ops[0]; op.State != provisioning.OpDrifted {
			t.Errorf("after %s the change is %s: %s", after, op.State, op.Error)
		}
	}
	still("going on")
	if err := l.Retry(l.ctx, put.Batch); err != nil { // it asks for a review of what is so now, not for the request of then
		t.Fatal(err)
	}
	l.run(t, put.Batch)
	still("a retry")
}
