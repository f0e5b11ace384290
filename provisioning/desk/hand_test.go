package desk_test

import (
	"context"
	"strings"
	"testing"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

// arrives adds the i-th person without an account: a joiner, who gets LON and its group.
func (s *small) arrives(i int) {
	s.hire(i)
	_, account, _ := user(i)
	delete(s.dms.accounts, account)
}

// joined commits joiners on a tenant that does not know the assignment to a library.
func joined(t *testing.T, s *small, d *desk.Desk, numbers ...int) int64 {
	t.Helper()
	ctx := context.Background()
	s.dms.lacks[provisioning.AssignLibrary] = true
	var keys []string
	for _, i := range numbers {
		s.arrives(i)
		keys = append(keys, rowKey(i))
	}
	s.read(d)
	put, err := d.Stage(ctx, keys)
	if err != nil || put.People != len(numbers) {
		t.Fatalf("%+v, %v", put, err)
	}
	if err := d.Commit(ctx, s.order(d, put.Batch)); err != nil {
		t.Fatal(err)
	}
	if err := d.Wait(ctx, put.Batch); err != nil {
		t.Fatal(err)
	}
	return put.Batch
}

// steps lists the open steps by hand of a batch.
func (s *small) steps(id int64) (list []provisioning.Op) {
	for _, u := range s.batch(id).Units {
		for _, op := range u.Ops {
			if op.State == provisioning.OpByHand {
				list = append(list, op)
			}
		}
	}
	return list
}

// TestTickGoesOn: a tenant does not know a call: the step stands with its reason and how it is done, what rests on it waits, and with
// the tick that goes on by itself to the end.
func TestTickGoesOn(t *testing.T) {
	ctx := context.Background()
	s := newSmall(t, began, 40)
	d := s.open("l.ortiz")
	id := joined(t, s, d, 50, 51, 52)
	if s.state(id) != provisioning.BatchOpenHand {
		t.Fatalf("it is %s: %s", s.state(id), s.batch(id).Stop)
	}
	steps := s.steps(id)
	if len(steps) != 3 {
		t.Fatalf("%d steps", len(steps))
	}
	run, err := d.Follow(ctx, id)
	if err != nil || run.Hand != 3 || run.Failed != 0 || run.Active {
		t.Errorf("%+v, %v", run, err)
	}
	for _, u := range run.View.Batch.Units {
		for _, l := range run.View.Lines[u.ID] {
			if l.State == provisioning.OpByHand && (len(l.Hand) == 0 || !strings.Contains(l.Note, "answer 405")) {
				t.Errorf("a step without its reason or its steps: %+v", l)
			}
		}
	}
	for _, one := range s.dms.sends() {
		if one.change.Kind == provisioning.JoinGroup {
			t.Errorf("%s was let into a group of a library that they are not in", one.change.Account)
		}
	}
	for i, op := range steps {
		if err := d.Tick(ctx, id, op.Unit, op.Seq); provisioning.CodeOf(err) != provisioning.Invalid {
			t.Errorf("ticked before it was done: %v", err)
		}
		s.dms.byHand(op.Change)
		if err := d.Tick(ctx, id, op.Unit, op.Seq); err != nil {
			t.Fatal(err)
		}
		if err := d.Wait(ctx, id); err != nil {
			t.Fatal(err)
		}
		s.until("what waited is done", func() bool { return d.Working() == 0 && s.state(id) != provisioning.BatchCommitted })
		want := provisioning.BatchOpenHand
		if i == len(steps)-1 {
			want = provisioning.BatchDone
		}
		if b := s.batch(id); b.State != want {
			t.Errorf("after %d ticks it is %s: %s", i+1, b.State, b.Stop)
		}
	}
	joins := 0
	for _, one := range s.dms.sends() {
		if one.change.Kind == provisioning.JoinGroup {
			joins++
		}
	}
	if joins != 3 {
		t.Errorf("%d were let into the group", joins)
	}
	for _, u := range s.batch(id).Units {
		for _, op := range u.Ops {
			if op.State != provisioning.OpConfirmed && op.State != provisioning.OpAlready {
				t.Errorf("%s of %s is %s", op.Change.Kind, u.Account, op.State)
			}
		}
	}
}

// TestTicksAtOnce: ticks that come together, while what an earlier one set free is under way, leave nothing behind.
func TestTicksAtOnce(t *testing.T) {
	ctx := context.Background()
	s := newSmall(t, began, 80)
	d := s.open("l.ortiz")
	numbers := []int{90, 91, 92, 93, 94, 95, 96, 97, 98, 99}
	id := joined(t, s, d, numbers...)
	errs := make(chan error)
	steps := s.steps(id)
	for _, op := range steps {
		s.dms.byHand(op.Change)
		go func() { errs <- d.Tick(ctx, id, op.Unit, op.Seq) }()
	}
	for range steps {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	s.until("it is done", func() bool { return s.state(id) == provisioning.BatchDone })
	if n := len(s.steps(id)); n != 0 || len(steps) != len(numbers) {
		t.Errorf("%d of %d steps are open", n, len(steps))
	}
}

// TestTickAtTheEnd: a tick that comes when the run is over but for the reading of the touched accounts is not lost.
func TestTickAtTheEnd(t *testing.T) {
	ctx := context.Background()
	s := newSmall(t, began, 40)
	d := s.open("l.ortiz")
	s.dms.lacks[provisioning.AssignLibrary] = true
	s.arrives(50)
	s.read(d)
	put, err := d.Stage(ctx, []string{rowKey(50)})
	if err != nil || put.People != 1 {
		t.Fatalf("%+v, %v", put, err)
	}
	order := s.order(d, put.Batch)
	block, reading := make(chan struct{}), make(chan struct{}, 8)
	s.dms.mu.Lock()
	s.dms.reading = func() { reading <- struct{}{}; <-block }
	s.dms.mu.Unlock()
	if err := d.Commit(ctx, order); err != nil {
		t.Fatal(err)
	}
	<-reading
	op := s.steps(put.Batch)[0]
	s.dms.byHand(op.Change)
	if err := d.Tick(ctx, put.Batch, op.Unit, op.Seq); err != nil {
		t.Fatal(err)
	}
	if s.state(put.Batch) != provisioning.BatchCommitted || d.Working() != put.Batch {
		t.Errorf("it is %s", s.state(put.Batch))
	}
	close(block)
	s.until("it is done", func() bool { return s.state(put.Batch) == provisioning.BatchDone })
}

// TestTickedAndGone: a process that ends between the tick and what it sets free loses nothing: the next start offers the batch, and
// resumes it.
func TestTickedAndGone(t *testing.T) {
	ctx := context.Background()
	s := newSmall(t, began, 40)
	d := s.open("l.ortiz")
	id := joined(t, s, d, 50)
	op := s.steps(id)[0]
	s.dms.byHand(op.Change)
	d.Close() // it does nothing more: the tick is the store's alone
	e := provisioning.Event{At: s.clock.Now(), Actor: "l.ortiz", Session: "s", Kind: provisioning.EventByHand}
	if err := s.store.TickByHand(ctx, op.Unit, op.Seq, provisioning.Outcome{State: provisioning.OpConfirmed, At: s.clock.Now()}, e); err != nil {
		t.Fatal(err)
	}
	again := s.open("l.ortiz")
	unfinished, err := again.Unfinished(ctx)
	if err != nil || len(unfinished) != 1 || unfinished[0].ID != id {
		t.Fatalf("%v, %v", unfinished, err)
	}
	if err := again.Resume(ctx, id); err != nil {
		t.Fatal(err)
	}
	s.until("it is done", func() bool { return s.state(id) == provisioning.BatchDone })
}

// TestRetryLeavesWhatWaits: neither a resume nor a retry runs what rests on an open step by hand.
func TestRetryLeavesWhatWaits(t *testing.T) {
	ctx := context.Background()
	s := newSmall(t, began, 40)
	d := s.open("l.ortiz")
	id := joined(t, s, d, 50)
	before := len(s.dms.sends())
	if err := d.Retry(ctx, id); provisioning.CodeOf(err) != provisioning.Invalid {
		t.Errorf("nothing failed, and it is retried: %v", err)
	}
	if err := d.Resume(ctx, id); err != nil {
		t.Fatal(err)
	}
	if err := d.Wait(ctx, id); err != nil {
		t.Fatal(err)
	}
	s.until("it rests", func() bool { return s.state(id) == provisioning.BatchOpenHand })
	if n := len(s.dms.sends()); n != before || len(s.steps(id)) != 1 {
		t.Errorf("%d more were sent, %d steps are open", n-before, len(s.steps(id)))
	}
}
