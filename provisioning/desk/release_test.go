package desk_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/staging"
)

// noon is when the small firm's days begin, by the clock of the tests.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// heldBy names the guards that hold a view.
func heldBy(v *desk.BatchView) string {
	held, _ := staging.Holding(v.Verdicts)
	var names []string
	for _, g := range held {
		names = append(names, g.Guard)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ",")
}

func (s *small) view(d *desk.Desk, id int64) *desk.BatchView {
	s.t.Helper()
	v, err := d.View(context.Background(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

func account(i int) string { _, a, _ := user(i); return a }

// code holds the code of a refusal.
func (s *small) code(what string, err error, want provisioning.Code) {
	s.t.Helper()
	if err == nil || provisioning.CodeOf(err) != want {
		s.t.Errorf("%s: %v, want %s", what, err, want)
	}
}

// committed commits and waits until it is done.
func (s *small) committed(d *desk.Desk, c desk.Commit) {
	s.t.Helper()
	if err := d.Commit(context.Background(), c); err != nil {
		s.t.Fatal(err)
	}
	if err := d.Wait(context.Background(), c.Batch); err != nil {
		s.t.Fatal(err)
	}
}

// TestReleaseByPerson: a held batch goes when each of its people was released with a reason, and not while one was not; nothing is sent
// before; the record names whom and why.
func TestReleaseByPerson(t *testing.T) {
	ctx := context.Background()
	s := newSmall(t, noon, 60)
	d := s.open("l.ortiz")
	c := s.reviewed(d, 2, 3, 4, 5, 6, 7, 8)
	if v := s.view(d, 0); heldBy(v) != "24 hours,count" || len(v.Released) != 0 {
		t.Fatalf("%s: %+v", heldBy(v), v.Verdicts)
	}
	s.code("without a reason", d.Commit(ctx, c), provisioning.Held)
	s.code("a blank reason", d.Release(ctx, c.Batch, c.Hash, account(2), " "), provisioning.Invalid)
	s.code("another hash", d.Release(ctx, c.Batch, "x", account(2), "HR"), provisioning.Stale)
	s.code("somebody else", d.Release(ctx, c.Batch, c.Hash, account(20), "HR"), provisioning.NotFound)
	s.code("not released", d.Unrelease(ctx, c.Batch, c.Hash, account(2)), provisioning.NotFound)
	for i := 2; i <= 8; i++ {
		s.code(fmt.Sprintf("before %d is released", i), d.Commit(ctx, c), provisioning.Held)
		if err := d.Release(ctx, c.Batch, c.Hash, strings.ToLower(account(i)), fmt.Sprintf("HR %d", i)); err != nil {
			t.Fatal(err)
		}
		if v := s.view(d, 0); len(v.Released) != i-1 || v.Batch.Hash != c.Hash || len(v.Batch.Units) != 7 {
			t.Errorf("%d released, hash %s, %d people", len(v.Released), v.Batch.Hash, len(v.Batch.Units))
		}
	}
	if err := d.Unrelease(ctx, c.Batch, c.Hash, account(4)); err != nil {
		t.Fatal(err)
	}
	s.code("one taken back", d.Commit(ctx, c), provisioning.Held)
	s.untouched()
	if err := d.Release(ctx, c.Batch, c.Hash, account(4), "HR 4"); err != nil {
		t.Fatal(err)
	}
	s.code("the number is not typed", d.Commit(ctx, desk.Commit{Batch: c.Batch, Hash: c.Hash, People: 1}), provisioning.Held)
	s.committed(d, c)
	if n := len(s.dms.sends()); n < 7 {
		t.Errorf("%d requests were sent", n)
	}
	events := s.events(provisioning.EventReleased)
	if len(events) != 9 || events[0].Subject != account(2) || !strings.Contains(events[0].Detail, "HR 2") || events[0].Actor != "l.ortiz" || events[0].Batch != c.Batch {
		t.Errorf("%d: %+v", len(events), events)
	}
	if b := s.batch(c.Batch); b.Release != nil || len(b.Singly) != 7 {
		t.Errorf("%+v %+v", b.Release, b.Singly)
	}
}

// TestReleaseExpires: a release is for an hour and for its hash, single or whole; who is protected is never released; a sealed batch's
// releases name nobody in the record.
func TestReleaseExpires(t *testing.T) {
	ctx := context.Background()
	s := newSmall(t, noon, 60)
	d := s.open("l.ortiz")
	c := s.reviewed(d, 2, 3, 4, 5, 6, 7, 8)
	for i := 2; i <= 8; i++ {
		if err := d.Release(ctx, c.Batch, c.Hash, account(i), "HR"); err != nil {
			t.Fatal(err)
		}
	}
	s.clock.to(s.clock.Now().Add(61 * time.Minute))
	s.read(d)
	if v := s.view(d, 0); heldBy(v) != "24 hours,count" || len(v.Released) != 0 {
		t.Errorf("an hour later: %s, %d released", heldBy(v), len(v.Released))
	}
	s.code("an hour later", d.Commit(ctx, c), provisioning.Held)
	for i := 2; i <= 8; i++ {
		if err := d.Release(ctx, c.Batch, c.Hash, account(i), "HR"); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.batch(c.Batch).Singly); n != 7 {
		t.Errorf("%d releases are kept", n)
	}
	b := s.batch(c.Batch) // any edit, though what is left stays the same
	if err := d.DropUnit(ctx, b.Units[6].ID); err != nil {
		t.Fatal(err)
	}
	s.leave(9)
	s.read(d)
	if _, err := d.Stage(ctx, []string{rowKey(9)}); err != nil {
		t.Fatal(err)
	}
	again := s.order(d, c.Batch)
	s.code("after an edit", d.Commit(ctx, again), provisioning.Held)
	s.untouched()

	s.code("a whole release without its number", d.Commit(ctx, desk.Commit{Batch: again.Batch, Hash: again.Hash, People: 3, Reason: "HR"}), provisioning.Held)
	again.Reason = "HR"
	s.committed(d, again)
	if got := s.batch(again.Batch).Release; got == nil || got.Hash != again.Hash || got.People != 7 || got.Account != "" {
		t.Errorf("%+v", got)
	}

	s.clock.to(s.clock.Now().Add(26 * time.Hour))
	sealed := &provisioning.Batch{State: provisioning.BatchReviewed, CreatedBy: "l.ortiz", CreatedAt: s.clock.Now(), Readers: []string{"l.ortiz"}, Title: "sealed"}
	s.leave(20, 21, 22, 23, 24, 25)
	s.read(d)
	for i := 20; i <= 25; i++ {
		if err := staging.Put(sealed, s.leaver(i)); err != nil {
			t.Fatal(err)
		}
	}
	sealed.State, sealed.Hash = provisioning.BatchReviewed, staging.Hash(sealed)
	if err := s.store.SaveBatch(ctx, sealed, s.event(provisioning.EventStaged)); err != nil {
		t.Fatal(err)
	}
	before := len(s.events(provisioning.EventReleased))
	if err := d.Release(ctx, sealed.ID, sealed.Hash, account(20), "Person 020 told HR"); err != nil {
		t.Fatal(err)
	}
	for _, e := range s.events(provisioning.EventReleased)[before:] {
		if e.Subject != "" || strings.Contains(e.Detail, "020") {
			t.Errorf("the record names somebody: %+v", e)
		}
	}
	s.code("sealed to another", s.open("m.chen").Release(ctx, sealed.ID, sealed.Hash, account(21), "HR"), provisioning.Denied)
}

// leaver is a unit that closes an account, whatever the roll says.
func (s *small) leaver(i int) provisioning.Unit {
	id, account, name := user(i)
	return staging.NewUnit(provisioning.PersonKey{Directory: "okta", ID: id}, account, name, "", provisioning.KindLeaver, []provisioning.Change{
		{Kind: provisioning.DisableAccount, Account: account, Before: provisioning.ValueEnabled, After: provisioning.ValueDisabled},
	})
}

func (s *small) event(kind provisioning.EventKind) provisioning.Event {
	return provisioning.Event{At: s.clock.Now(), Actor: "test", Session: "test", Kind: kind}
}

// put saves a reviewed batch of units, by no desk's hand.
func (s *small) put(undoes int64, units ...provisioning.Unit) desk.Commit {
	s.t.Helper()
	b := &provisioning.Batch{State: provisioning.BatchDraft, CreatedBy: "test", CreatedAt: s.clock.Now(), Title: "put", Undoes: undoes}
	for _, u := range units {
		if err := staging.Put(b, u); err != nil {
			s.t.Fatal(err)
		}
	}
	b.State, b.Hash = provisioning.BatchReviewed, staging.Hash(b)
	if err := s.store.SaveBatch(context.Background(), b, s.event(provisioning.EventStaged)); err != nil {
		s.t.Fatal(err)
	}
	c := desk.Commit{Batch: b.ID, Hash: b.Hash}
	for i := range b.Units {
		if b.Units[i].EndsAccess() {
			c.People++
		}
	}
	if c.People == 0 {
		c.People = len(b.Units)
	}
	return c
}

// racing lets something happen just before a batch is let go.
type racing struct {
	provisioning.Store
	mu     sync.Mutex
	before func()
}

func (r *racing) LetGo(ctx context.Context, id int64, hash string, mark int64, e provisioning.Event) error {
	r.mu.Lock()
	before := r.before
	r.before = nil
	r.mu.Unlock()
	if before != nil {
		before()
	}
	return r.Store.LetGo(ctx, id, hash, mark, e)
}

// TestTwoDesksAtOnce: two batches that are each small enough, judged in one moment, do not both go: the second one is judged anew, and
// held. A batch at its minute is judged anew as well.
func TestTwoDesksAtOnce(t *testing.T) {
	ctx := context.Background()
	s := newSmall(t, noon, 60)
	race := &racing{Store: s.store}
	first, second := s.open("l.ortiz"), s.openOn(race, "m.chen")
	one := s.reviewed(first, 2, 3, 4, 5)
	s.leave(6, 7, 8)
	s.read(second)
	two := s.put(0, s.leaver(6), s.leaver(7), s.leaver(8))
	race.before = func() { s.committed(first, one) }
	s.code("judged before the other one went", second.Commit(ctx, two), provisioning.Stale)
	s.code("judged again", second.Commit(ctx, two), provisioning.Held)
	if b := s.batch(two.Batch); b.State != provisioning.BatchReviewed {
		t.Errorf("it is %s", b.State)
	}
	if v := s.view(second, two.Batch); heldBy(v) != "24 hours" {
		t.Errorf("held by %q", heldBy(v))
	}
	for _, sent := range s.dms.sends() {
		if slices.Contains([]string{account(6), account(7), account(8)}, sent.change.Account) {
			t.Errorf("sent: %+v", sent.change)
		}
	}
}

// TestRetryIsJudged: what failed is not sent again days later on the strength of a count that is past.
func TestRetryIsJudged(t *testing.T) {
	ctx := context.Background()
	s := newSmall(t, noon, 60)
	d := s.open("l.ortiz")
	c := s.reviewed(d, 2, 3, 4, 5)
	parked := map[string]bool{account(4): true, account(5): true}
	s.dms.down(parked)
	s.committed(d, c)
	s.dms.down(nil)
	b := s.batch(c.Batch)
	if b.Units[2].State != provisioning.UnitParked || b.Units[3].State != provisioning.UnitParked || b.Units[0].State != provisioning.UnitDone {
		t.Fatalf("%s %s %s", b.Units[0].State, b.Units[2].State, b.Units[3].State)
	}
	s.clock.to(s.clock.Now().Add(30 * time.Hour))
	other := s.reviewed(d, 6, 7, 8, 9, 10)
	s.committed(d, other)
	sent := len(s.dms.sends())
	s.code("two more on that day", d.Retry(ctx, c.Batch), provisioning.Held)
	if n := len(s.dms.sends()); n != sent || s.batch(c.Batch).Units[2].State != provisioning.UnitParked {
		t.Errorf("%d requests were sent", n-sent)
	}
	s.clock.to(s.clock.Now().Add(30 * time.Hour))
	s.read(d)
	if err := d.Retry(ctx, c.Batch); err != nil {
		t.Fatal(err)
	}
	if err := d.Wait(ctx, c.Batch); err != nil {
		t.Fatal(err)
	}
	if s.batch(c.Batch).Units[2].State != provisioning.UnitDone {
		t.Errorf("%+v", s.batch(c.Batch).Units[2])
	}
}
