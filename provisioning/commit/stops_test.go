package commit_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/commit"
	"rollcall/provisioning/dispatch/pool"
)

// failing is a store on a disk that is full: from the nth time that it is asked for one thing, it writes nothing any more until there is
// room.
type failing struct {
	provisioning.Store
	at     string // the door
	nth    int
	full   bool
	tries  int // writes while it is full
	heals  int // after so many of them there is room; 0: when the operator makes some
	failed func()
}

func (s *failing) write(door string, work func() error) error {
	if door == s.at {
		if s.nth--; s.nth == 0 {
			s.full = true
			s.failed()
		}
	}
	if s.full {
		if s.tries++; s.heals == 0 || s.tries <= s.heals {
			return &provisioning.Error{Code: provisioning.Unavailable, Message: "the disk is full"}
		}
		s.full = false
	}
	return work()
}

func (s *failing) TakeUnit(ctx context.Context, unit, gen int64, owner string) (taken bool, err error) {
	err = s.write("take", func() error {
		var err error
		taken, err = s.Store.TakeUnit(ctx, unit, gen, owner)
		return err
	})
	return taken, err
}

func (s *failing) MarkSent(ctx context.Context, ref provisioning.OpRef, at time.Time, e provisioning.Event) error {
	return s.write("intent", func() error { return s.Store.MarkSent(ctx, ref, at, e) })
}

func (s *failing) MarkOp(ctx context.Context, ref provisioning.OpRef, o provisioning.Outcome, e provisioning.Event) error {
	return s.write("outcome", func() error { return s.Store.MarkOp(ctx, ref, o, e) })
}

func (s *failing) SaveUse(ctx context.Context, u provisioning.Use, e provisioning.Event) error {
	return s.write("use", func() error { return s.Store.SaveUse(ctx, u, e) })
}

func (s *failing) FinishUnit(ctx context.Context, unit, gen int64, owner string, to provisioning.UnitState, e provisioning.Event) error {
	return s.write("unit", func() error { return s.Store.FinishUnit(ctx, unit, gen, owner, to, e) })
}

func (s *failing) MoveBatch(ctx context.Context, id int64, to provisioning.BatchState, hash, stop string, e provisioning.Event) error {
	return s.write("batch", func() error { return s.Store.MoveBatch(ctx, id, to, hash, stop, e) })
}

// pairs are people with two changes each, of which the second does not rest on the first.
func (f *firm) pairs(accounts ...string) [][]provisioning.Change {
	var list [][]provisioning.Change
	for _, account := range accounts {
		list = append(list, f.leaver(account)[:2])
	}
	return list
}

// try runs the batch by an executor of its own, one person after the other, and gives what the run said.
func (f *firm) try(store provisioning.Store, step func(string)) error {
	x := commit.New(commit.Deps{
		Store: store, DMS: f.dms, Clock: f.clock, Actor: "l.ortiz", Session: "s", Owner: "me", Tenant: at, Settle: settle, Step: step,
	})
	return pool.New(pool.Deps{Store: store, Executor: x, Workers: 1, Clock: f.clock, Event: func(kind provisioning.EventKind, _ string) provisioning.Event {
		return event(kind)
	}}).Run(context.Background(), f.batch, nil)
}

func (f *firm) sent() (n int) {
	for _, k := range f.dms.sends {
		n += k
	}
	return n
}

// offered holds that the batch is among those that a start offers to resume, and resumes it.
func (f *firm) goOn() {
	f.t.Helper()
	ctx := context.Background()
	unfinished, err := f.store.Unfinished(ctx)
	if err != nil || !slices.ContainsFunc(unfinished, func(b *provisioning.Batch) bool { return b.ID == f.batch }) {
		f.t.Fatalf("the batch is %s and not offered for resume: %v", f.now().State, err)
	}
	if err := f.store.Recover(ctx, f.batch, event(provisioning.EventResumed)); err != nil {
		f.t.Fatalf("%v", err)
	}
	if f.now().State == provisioning.BatchCommitted {
		return
	}
	if err := f.store.MoveBatch(ctx, f.batch, provisioning.BatchCommitted, "h", "", event(provisioning.EventResumed)); err != nil {
		f.t.Fatalf("%v", err)
	}
}

// TestRecordThatCannotBeWritten: where the disk is full at any write of the protocol nothing more leaves, the batch stops and says why as
// soon as that can be written, and once there is room a resume brings it to its end with everything done once.
func TestRecordThatCannotBeWritten(t *testing.T) {
	for _, door := range []string{"take", "intent", "outcome", "use", "unit", "batch"} {
		for _, heals := range []int{0, 2} { // there is room after a moment, or when the operator makes some
			t.Run(fmt.Sprintf("%s, %d", door, heals), func(t *testing.T) {
				f := newFirm(t)
				f.stage(f.pairs("ANNA", "BEN", "CLEO")...)
				s := &failing{Store: f.store, at: door, nth: 2, heals: heals}
				if door == "batch" { // there is one
					s.nth = 1
				}
				before := -1
				s.failed = func() { before = f.sent() }
				err := f.try(s, nil)
				if before < 0 || f.sent() != before {
					t.Fatalf("%d requests at the failure, %d in the end", before, f.sent())
				}
				b := f.now()
				switch {
				case door == "batch" && heals > 0:
					if b.State != provisioning.BatchDone {
						t.Errorf("the batch is %s: %v", b.State, err)
					}
					return
				case heals > 0 && (b.State != provisioning.BatchStopped || b.Stop != "the record could not be written: the disk is full"):
					t.Errorf("the batch is %s: %q", b.State, b.Stop)
				case heals == 0 && (b.State != provisioning.BatchCommitted || provisioning.CodeOf(err) != provisioning.Unavailable):
					t.Errorf("the batch is %s: %v", b.State, err)
				}
				s.full, s.heals = false, 1
				f.goOn()
				if err := f.try(s, nil); err != nil || f.now().State != provisioning.BatchDone {
					t.Errorf("resumed, the batch is %s: %v", f.now().State, err)
				}
				f.accounted()
				f.same()
				if len(f.dms.effects) != 6 {
					t.Errorf("%d of 6 changes were done", len(f.dms.effects))
				}
			})
		}
	}
}

// TestCredentialThatDies: a credential that is refused at a request stops the batch at once, says so, leaves nothing in doubt, and a
// resume with another one goes on where it stopped.
func TestCredentialThatDies(t *testing.T) {
	f := newFirm(t)
	f.stage(f.pairs("ANNA", "BEN", "CLEO")...)
	n := 0
	f.dms.answer = func(string, provisioning.Change) (bool, error) {
		if n++; n == 3 {
			return false, &provisioning.SendError{Effect: provisioning.RefusedSend, Status: 401, Denied: true, Message: "the token is not valid any more"}
		}
		return true, nil
	}
	if err := f.try(f.store, nil); err != nil {
		t.Fatal(err)
	}
	b := f.now()
	if b.State != provisioning.BatchStopped || b.Stop != "the credential was refused: the token is not valid any more" || n != 3 {
		t.Fatalf("after %d requests the batch is %s: %q", n, b.State, b.Stop)
	}
	for _, u := range b.Units[1:] {
		for _, op := range u.Ops {
			if u.State != provisioning.UnitPending || op.State != provisioning.OpPending {
				t.Errorf("%s of a unit that is %s is %s", id(op.Change), u.State, op.State)
			}
		}
	}
	f.goOn()
	if err := f.try(f.store, nil); err != nil || f.now().State != provisioning.BatchDone {
		t.Errorf("resumed, the batch is %s: %v", f.now().State, err)
	}
	f.accounted()
	f.same()
}

// TestOrdersAtEveryStep: a pause or a cancel at any step of a change lets what was sent come to its end and sends nothing more; a paused
// batch is resumed to its end, of a cancelled one everything that was not sent is cancelled, and all that is said of it is so.
func TestOrdersAtEveryStep(t *testing.T) {
	for _, order := range []provisioning.BatchState{provisioning.BatchPaused, provisioning.BatchCancelled} {
		for _, step := range commit.Steps() {
			t.Run(string(order)+", "+step, func(t *testing.T) {
				f := newFirm(t)
				f.stage(f.pairs("ANNA", "BEN", "CLEO")...)
				sent, given, steps := 0, false, 0
				flying := func() bool { // at these steps a request of the change has its intent
					return step == commit.StepIntent
				}
				err := f.try(f.store, func(name string) {
					if name != step || given {
						return
					}
					if steps++; steps != 1 {
						return
					}
					given, sent = true, f.sent()
					if err := f.store.MoveBatch(context.Background(), f.batch, order, "h", "by l.ortiz", event(provisioning.EventBatch)); err != nil {
						t.Error(err)
					}
				})
				if err != nil || !given {
					t.Fatalf("the order was given: %v; %v", given, err)
				}
				if flying() {
					sent++
				}
				if f.sent() != sent {
					t.Errorf("%d requests, want %d", f.sent(), sent)
				}
				b := f.now()
				if b.State != order {
					t.Fatalf("the batch is %s", b.State)
				}
				for i := range b.Units {
					for _, op := range b.Units[i].Ops {
						done := f.dms.effects[id(op.Change)] == 1
						want := map[bool]provisioning.OpState{true: provisioning.OpConfirmed, false: provisioning.OpPending}[done]
						if order == provisioning.BatchCancelled && !done {
							want = provisioning.OpCancelled
						}
						if op.State != want {
							t.Errorf("%s is %s, want %s (%s)", id(op.Change), op.State, want, op.Error)
						}
					}
				}
				if order == provisioning.BatchCancelled {
					return
				}
				f.goOn()
				if err := f.try(f.store, nil); err != nil {
					t.Fatal(err)
				}
				f.accounted()
				f.same()
			})
		}
	}
}

// TestRetryAtEveryEnd: what was refused, drifted or given up is tried again from its precondition, with all its tries, and what rests on
// nothing that failed is not touched again.
func TestRetryAtEveryEnd(t *testing.T) {
	for name, bad := range map[string]struct {
		err   error
		times int
		drift bool
		want  provisioning.OpState
	}{
		"refused":           {err: &provisioning.SendError{Effect: provisioning.RefusedSend, Status: 403, Message: "not you"}, times: 1, want: provisioning.OpFailed},
		"without effect":    {err: &provisioning.SendError{Effect: provisioning.InDoubt, Message: "reset"}, times: 4, want: provisioning.OpFailed},
		"changed meanwhile": {drift: true, want: provisioning.OpDrifted},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFirm(t)
			f.stage(f.pairs("ANNA", "BEN")...)
			key, _ := aspect(f.now().Units[0].Ops[0].Change)
			if bad.drift {
				f.dms.state[key] = "SOMETHING ELSE"
			}
			left := bad.times
			f.dms.answer = func(_ string, c provisioning.Change) (bool, error) {
				if c.Account == "ANNA" && left > 0 {
					left--
					return false, bad.err
				}
				return true, nil
			}
			if err := f.try(f.store, nil); err != nil {
				t.Fatal(err)
			}
			b := f.now()
			first, second := &b.Units[0].Ops[0], &b.Units[0].Ops[1]
			if first.State != bad.want || second.State != provisioning.OpParked || !strings.Contains(second.Error, "change 1") || b.State != provisioning.BatchDone {
				t.Fatalf("%s (%s), %s (%s), the batch is %s", first.State, first.Error, second.State, second.Error, b.State)
			}
			if bad.drift { // somebody put it back
				f.dms.state[key] = provisioning.ValueEnabled
			}
			sent := f.sent()
			if err := f.store.RetryUnits(context.Background(), f.batch, []int64{b.Units[0].ID}, event(provisioning.EventResumed)); err != nil {
				t.Fatal(err)
			}
			if err := f.try(f.store, nil); err != nil {
				t.Fatal(err)
			}
			if f.sent() != sent+2 {
				t.Errorf("%d requests for what was tried again, want 2", f.sent()-sent)
			}
			f.accounted()
			f.same()
		})
	}
}
