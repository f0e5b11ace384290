package desk_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

// begin commits the mends of every row that has one, against a document system that takes its time.
func begin(t *testing.T, r *rig) int64 {
	t.Helper()
	ctx := context.Background()
	roll := r.sync(t)
	var keys []string
	for _, row := range roll.Rows {
		if len(row.Mismatches) > 0 {
			keys = append(keys, row.Key)
		}
	}
	if _, err := r.Stage(ctx, keys); err != nil {
		t.Fatal(err)
	}
	v, err := r.Review(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{http.MethodPatch, http.MethodPut, http.MethodPost} {
		r.running.Imanage.Bench().Inject(wiretest.Fault{Kind: wiretest.Slow, Method: method, Path: "/work/", Delay: 15 * time.Millisecond})
	}
	if err := r.Commit(ctx, desk.Commit{Batch: v.Batch.ID, Hash: v.Batch.Hash, People: v.Confirm, Reason: "a test of the pause"}); err != nil {
		t.Fatal(err)
	}
	for range 400 {
		if run, err := r.Follow(ctx, v.Batch.ID); err == nil && run.Done >= 3 {
			break
		}
		<-time.After(5 * time.Millisecond)
	}
	return v.Batch.ID
}

// TestPauseAndResume: a pause lets what is in flight finish and starts nothing more; a resume does the rest; every effect is there once.
func TestPauseAndResume(t *testing.T) {
	ctx := context.Background()
	r := newRig(t, 500, nil)
	id := begin(t, r)
	if err := r.Pause(ctx, id); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(ctx, id); err != nil {
		t.Fatal(err)
	}
	paused := len(r.running.Imanage.Effects())
	run, err := r.Follow(ctx, id)
	if err != nil || run.State != provisioning.BatchPaused || run.Active || run.Done == 0 || run.Done >= run.Total {
		t.Fatalf("%s, %d of %d, %v", run.State, run.Done, run.Total, err)
	}
	for _, u := range run.View.Batch.Units {
		for _, op := range u.Ops {
			if op.State == provisioning.OpSent {
				t.Errorf("%s %s was left in doubt by a pause", u.Account, op.Change.Kind)
			}
		}
	}
	if unfinished, err := r.Unfinished(ctx); err != nil || len(unfinished) != 1 {
		t.Errorf("%d unfinished, %v", len(unfinished), err)
	}
	if err := r.Resume(ctx, id); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(ctx, id); err != nil {
		t.Fatal(err)
	}
	if run, err = r.Follow(ctx, id); err != nil || run.Done != run.Total || run.Failed != 0 || run.State != provisioning.BatchOpenHand {
		t.Errorf("%s, %d of %d, %d failed, %v", run.State, run.Done, run.Total, run.Failed, err)
	}
	effects := r.running.Imanage.Effects()
	if len(effects) <= paused {
		t.Errorf("%d effects at the pause, %d at the end", paused, len(effects))
	}
	for key, n := range effects {
		if n != 1 {
			t.Errorf("%s took effect %d times", key, n)
		}
	}
}

// TestCancel: what was confirmed stays done, what was not begun is given up for good, and nothing is left open.
func TestCancel(t *testing.T) {
	ctx := context.Background()
	r := newRig(t, 500, nil)
	id := begin(t, r)
	if err := r.Cancel(ctx, id); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(ctx, id); err != nil {
		t.Fatal(err)
	}
	run, err := r.Follow(ctx, id)
	if err != nil || run.State != provisioning.BatchCancelled || run.Done != run.Total {
		t.Fatalf("%s, %d of %d, %v", run.State, run.Done, run.Total, err)
	}
	confirmed := 0
	for _, u := range run.View.Batch.Units {
		for _, op := range u.Ops {
			switch op.State {
			case provisioning.OpConfirmed:
				confirmed++
			case provisioning.OpCancelled, provisioning.OpByHand:
			default:
				t.Errorf("%s %s is %s", u.Account, op.Change.Kind, op.State)
			}
		}
	}
	if n := len(r.running.Imanage.Effects()); n != confirmed || n == 0 {
		t.Errorf("%d effects, %d confirmed", n, confirmed)
	}
	if err := r.Resume(ctx, id); err == nil {
		t.Error("a cancelled batch was resumed")
	}
}

// TestRetry: what failed is told with the vendor's words, goes back to the start, and is done at the second try.
func TestRetry(t *testing.T) {
	ctx := context.Background()
	r := newRig(t, 300, nil)
	r.sync(t)
	if _, err := r.Stage(ctx, []string{r.find(t, "AANGSTROM")}); err != nil {
		t.Fatal(err)
	}
	v, err := r.Review(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r.running.Imanage.Bench().Inject(wiretest.Fault{Kind: wiretest.Status, Method: http.MethodPatch, Path: "/work/", Status: http.StatusForbidden, Times: 1})
	if err := r.Commit(ctx, desk.Commit{Batch: v.Batch.ID, Hash: v.Batch.Hash, People: v.Confirm}); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(ctx, v.Batch.ID); err != nil {
		t.Fatal(err)
	}
	run, err := r.Follow(ctx, v.Batch.ID)
	if err != nil || run.Failed != 1 {
		t.Fatalf("%+v, %v", run, err)
	}
	if err := r.Retry(ctx, v.Batch.ID); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(ctx, v.Batch.ID); err != nil {
		t.Fatal(err)
	}
	if run, err = r.Follow(ctx, v.Batch.ID); err != nil || run.Failed != 0 || run.State != provisioning.BatchDone {
		t.Errorf("%s, %d failed, %v", run.State, run.Failed, err)
	}
	if err := r.Retry(ctx, v.Batch.ID); err == nil {
		t.Error("a batch without a failure was retried")
	}
}
