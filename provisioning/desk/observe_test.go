package desk_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

// gate sets what a record of an account reads: a library's, or with "" the global one.
func (d *dms) gate(account, library string, on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.accounts[account]
	if library == "" {
		a.Enabled = on
		return
	}
	for i := range a.Memberships {
		if a.Memberships[i].Library == library {
			a.Memberships[i].Enabled = on
		}
	}
}

// counted counts the reads of single accounts.
func (d *dms) counted() *atomic.Int64 {
	var n atomic.Int64
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reading = func() { n.Add(1) }
	return &n
}

// closed is a firm in which a batch has closed some accounts; LON goes on to let them in until the test says otherwise, and leaving it is
// a step by hand.
func closed(t *testing.T, numbers ...int) (*small, *desk.Desk, int64) {
	t.Helper()
	s := newSmall(t, began, 40)
	s.dms.first[provisioning.RemoveLibrary] = provisioning.Probe
	d := s.open("l.ortiz")
	id := s.close(d, numbers...)
	return s, d, id
}

// close has a desk commit a batch of leavers, to its end.
func (s *small) close(d *desk.Desk, numbers ...int) int64 {
	s.t.Helper()
	ctx := context.Background()
	order := s.reviewed(d, numbers...)
	if err := d.Commit(ctx, order); err != nil {
		s.t.Fatal(err)
	}
	if err := d.Wait(ctx, order.Batch); err != nil {
		s.t.Fatal(err)
	}
	return order.Batch
}

// removal is the removal of an account by a batch.
func (s *small) removal(batch int64, account string) provisioning.Removal {
	s.t.Helper()
	list, err := s.store.Removals(context.Background(), batch, false)
	if err != nil {
		s.t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(r provisioning.Removal) bool { return r.Account == account })
	if i < 0 {
		s.t.Fatalf("batch %d has no removal of %s: %+v", batch, account, list)
	}
	return list[i]
}

// stillOpen reports whether a removal is still to be seen off.
func (s *small) stillOpen(batch int64, account string) bool {
	r := s.removal(batch, account)
	return r.Open()
}

// TestSeenOffInTime: an account is read again a minute after the act, then after 15 and 30 minutes and 1, 2, 4 and 8 hours, and every day
// from then on, and no more often. What is late is told once as overdue and never given up; once the last record reads off, it is seen
// off, and not read again.
func TestSeenOffInTime(t *testing.T) {
	s, d, id := closed(t, 7)
	reads := s.dms.counted()
	d.RunSchedule()
	accepted := s.removal(id, "U007").Accepted
	if r := s.removal(id, "U007"); !r.Open() || r.Looks != 0 || len(r.Places) != 0 {
		t.Fatalf("before the first look: %+v", r)
	}
	var at []time.Duration
	for after := 5 * time.Second; after < 60*time.Hour; {
		before := s.removal(id, "U007")
		s.to(d, accepted.Add(after))
		if before.IsDue(s.clock.Now()) {
			s.until("it is looked at", func() bool { return s.removal(id, "U007").Looks > before.Looks })
			at = append(at, after)
		}
		switch {
		case after < time.Minute:
			after += 5 * time.Second
		case after < 9*time.Hour:
			after += 5 * time.Minute
		default:
			after += time.Hour
		}
	}
	want := []time.Duration{time.Minute, 16 * time.Minute, 31 * time.Minute, 61 * time.Minute, 121 * time.Minute, 241 * time.Minute, 481 * time.Minute}
	if len(at) != len(want)+2 || !slices.Equal(at[:len(want)], want) || at[7]-at[6] > 25*time.Hour || at[8]-at[7] > 25*time.Hour {
		t.Errorf("looked at after %v", at)
	}
	if n := int(reads.Load()); n != len(at) {
		t.Errorf("%d reads for %d looks", n, len(at))
	}
	r := s.removal(id, "U007")
	if !r.Open() || len(r.Places) != 2 || r.Places[0].SeenOff.IsZero() || !r.Places[1].SeenOff.IsZero() || r.Places[1].Value != provisioning.ValueEnabled {
		t.Fatalf("%+v", r)
	}
	overdue := 0
	for _, e := range s.events(provisioning.EventLook) {
		if strings.Contains(e.Detail, "overdue") {
			overdue++
		}
		if e.Subject != "U007" || e.Batch != id {
			t.Errorf("%+v", e)
		}
	}
	if overdue != 1 || len(s.events(provisioning.EventLook)) > 2 || len(s.events(provisioning.EventSeenOff)) != 0 {
		t.Errorf("the record says %d times overdue: %+v", overdue, s.events(provisioning.EventLook))
	}
	list, err := d.Removals(context.Background())
	if err != nil || len(list) != 1 || !list[0].Overdue || list[0].LetIn || !strings.Contains(list[0].Sentence, "NOT SEEN OFF after 8 h (still open in LON; next look ") {
		t.Errorf("%+v, %v", list, err)
	}
	s.dms.gate("U007", "LON", false)
	s.rest(d)
	s.clock.to(r.NextLook)
	s.soon("it is seen off", func() bool { r := s.removal(id, "U007"); return !r.SeenOff.IsZero() })
	done := s.removal(id, "U007")
	if done.Open() || done.SeenOff.Before(r.NextLook) || !done.NextLook.IsZero() {
		t.Errorf("%+v", done)
	}
	if e := s.events(provisioning.EventSeenOff); len(e) != 1 || e[0].Batch != id || e[0].Unit != done.Unit || e[0].Op != done.Seq || !strings.Contains(e[0].Detail, "LON disabled") {
		t.Errorf("%+v", e)
	}
	n := reads.Load()
	s.to(d, done.SeenOff.Add(100*time.Hour))
	if reads.Load() != n {
		t.Error("it is read again after it was seen off")
	}
	said, ok := d.RemovalOf("u007")
	if !ok || !strings.Contains(said, ", read back; seen off ") {
		t.Errorf("%q", said)
	}
}

// TestFirstLooks: a minute after the act the line under the row says when the next look is; where nothing is late, it is seen off then.
func TestFirstLooks(t *testing.T) {
	s, d, id := closed(t, 7, 8)
	d.RunSchedule()
	accepted := s.removal(id, "U007").Accepted
	if said, ok := d.RemovalOf("U007"); !ok || !strings.Contains(said, ", read back; seen off pending (iManage may take up to 8 h; next look "+accepted.Add(time.Minute).Local().Format("15:04")+")") {
		t.Errorf("%q", said)
	}
	s.dms.gate("U008", "LON", false)
	s.rest(d)
	s.clock.to(accepted.Add(time.Minute + 20*time.Second))
	s.soon("both are looked at", func() bool { return s.removal(id, "U007").Looks == 1 && s.removal(id, "U008").Looks == 1 })
	if r := s.removal(id, "U008"); r.SeenOff.IsZero() || r.Open() {
		t.Errorf("%+v", r)
	}
	s.until("the desk knows", func() bool { said, _ := d.RemovalOf("U007"); return strings.Contains(said, "still open in LON") })
	if said, _ := d.RemovalOf("U007"); !strings.Contains(said, "seen off pending (still open in LON; iManage may take up to 8 h; next look "+accepted.Add(15*time.Minute).Local().Format("15:04")+")") {
		t.Errorf("%q", said)
	}
	list, err := d.Removals(context.Background())
	if err != nil || len(list) != 2 || list[0].Account != "U007" || list[1].Account != "U008" { // the open one first
		t.Errorf("%+v, %v", list, err)
	}
}

// TestLaptopAsleepOverLooks: a machine that slept through looks makes up for none of them: it looks once when it wakes.
func TestLaptopAsleepOverLooks(t *testing.T) {
	s, d, id := closed(t, 7)
	reads := s.dms.counted()
	d.RunSchedule()
	accepted := s.removal(id, "U007").Accepted
	s.to(d, accepted.Add(2*time.Minute))
	s.until("it is looked at", func() bool { return s.removal(id, "U007").Looks == 1 })
	s.to(d, accepted.Add(5*time.Hour))
	s.until("it is looked at", func() bool { return s.removal(id, "U007").Looks == 2 })
	s.to(d, accepted.Add(5*time.Hour+10*time.Minute))
	if r := s.removal(id, "U007"); r.Looks != 2 || reads.Load() != 2 || !r.NextLook.Equal(accepted.Add(8*time.Hour)) {
		t.Errorf("%+v, %d reads", r, reads.Load())
	}
	// and one that was closed: the next process goes on where the last one ended
	d.Close()
	s.clock.to(accepted.Add(30 * time.Hour))
	s.dms.gate("U007", "LON", false)
	next := s.open("m.chen")
	next.RunSchedule()
	s.soon("it is seen off", func() bool { return !s.stillOpen(id, "U007") })
	if e := s.events(provisioning.EventSeenOff); len(e) != 1 || e[0].Actor != "m.chen" || reads.Load() != 3 {
		t.Errorf("%+v, %d reads", e, reads.Load())
	}
}

// TestTheClockStepsBack: a clock that stood ahead at the act does not make the looks wait for it, and what is read before that moment is
// no proof.
func TestTheClockStepsBack(t *testing.T) {
	s, d, id := closed(t, 7)
	s.dms.gate("U007", "LON", false)
	accepted := s.removal(id, "U007").Accepted
	s.clock.to(accepted.Add(-72 * time.Hour))
	d.RunSchedule()
	s.soon("it is looked at", func() bool { return s.removal(id, "U007").Looks == 1 })
	r := s.removal(id, "U007")
	if !r.Open() || !r.Places[0].SeenOff.IsZero() || r.NextLook.Sub(s.clock.Now()) > time.Hour {
		t.Errorf("%+v", r)
	}
	s.rest(d)
	s.clock.to(accepted.Add(2 * time.Minute))
	s.soon("it is seen off", func() bool { return !s.stillOpen(id, "U007") })
}

// TestNobodyLooksReadOnly: a process that does not own the store, and an operator who may only read, look at nothing and keep nothing.
func TestNobodyLooksReadOnly(t *testing.T) {
	s, _, id := closed(t, 7)
	reads := s.dms.counted()
	s.clock.to(s.clock.Now().Add(3 * time.Hour))
	for name, d := range map[string]*desk.Desk{"another process": s.openOn(s.second(), "m.chen"), "a reader": s.open("reader")} {
		d.RunSchedule()
		if err := d.LookNow(context.Background(), 0, ""); provisioning.CodeOf(err) != provisioning.ReadOnly {
			t.Errorf("%s looks: %v", name, err)
		}
		if said, ok := d.RemovalOf("U007"); !ok || !strings.Contains(said, "seen off pending") {
			t.Errorf("%s is told %q", name, said)
		}
	}
	if r := s.removal(id, "U007"); r.Looks != 0 || reads.Load() != 0 {
		t.Errorf("%+v, %d reads", r, reads.Load())
	}
}

// forgetful is a store that cannot keep looks.
type forgetful struct {
	provisioning.Store
	broken atomic.Bool
}

func (f *forgetful) SaveLook(ctx context.Context, r provisioning.Removal, e provisioning.Event) error {
	if f.broken.Load() {
		return &provisioning.Error{Code: provisioning.Unavailable, Message: "the disk is full"}
	}
	return f.Store.SaveLook(ctx, r, e)
}

// TestLooksThatCannotBeKept: where the store cannot keep a look, nobody is said to be seen off, and the system is not asked again and
// again; once it can, it goes on.
func TestLooksThatCannotBeKept(t *testing.T) {
	s, first, id := closed(t, 7)
	first.Close()
	s.dms.gate("U007", "LON", false)
	store := &forgetful{Store: s.store}
	store.broken.Store(true)
	d := s.openOn(store, "l.ortiz")
	reads := s.dms.counted()
	d.RunSchedule()
	s.rest(d)
	s.clock.to(s.clock.Now().Add(time.Minute + time.Second))
	s.soon("it is tried", func() bool { return reads.Load() == 1 })
	for range 4 {
		s.to(d, s.clock.Now().Add(20*time.Second))
	}
	if r := s.removal(id, "U007"); reads.Load() > 1 || !r.Open() || r.Looks != 0 || len(s.events(provisioning.EventSeenOff)) != 0 {
		t.Errorf("%d reads, %+v", reads.Load(), r)
	}
	if err := d.LookNow(context.Background(), id, "U007"); err == nil {
		t.Error("a look that was not kept is no error")
	}
	store.broken.Store(false)
	s.rest(d)
	s.clock.to(s.clock.Now().Add(3 * time.Minute))
	s.soon("it goes on", func() bool { return !s.stillOpen(id, "U007") })
}

// TestUnreadable: an account that cannot be read stays open with the reason, also beyond the eight hours, and the looks go on hourly.
func TestUnreadable(t *testing.T) {
	ctx := context.Background()
	s, d, id := closed(t, 7, 8)
	s.dms.down(map[string]bool{"U007": true})
	s.dms.gate("U007", "LON", false)
	s.dms.gate("U008", "LON", false)
	s.clock.to(s.clock.Now().Add(9 * time.Hour))
	if err := d.LookNow(ctx, id, ""); err != nil {
		t.Fatal(err)
	}
	r := s.removal(id, "U007")
	if !r.Open() || len(r.Unread()) != 2 || r.Unread()[0].Why != "no answer" || r.NextLook.Sub(s.clock.Now()) != time.Hour || s.stillOpen(id, "U008") {
		t.Fatalf("%+v", r)
	}
	if said, _ := d.RemovalOf("U007"); !strings.Contains(said, "NOT SEEN OFF after 8 h (could not be read: the global record, LON: no answer; next look ") {
		t.Errorf("%q", said)
	}
	rows := len(s.events(provisioning.EventLook))
	s.clock.to(s.clock.Now().Add(time.Hour))
	if err := d.LookNow(ctx, 0, "u007"); err != nil || len(s.events(provisioning.EventLook)) != rows {
		t.Errorf("%v: a look that found the same is told again", err)
	}
	s.dms.down(nil)
	if err := d.LookNow(ctx, 0, ""); err != nil || s.stillOpen(id, "U007") {
		t.Errorf("%v %+v", err, s.removal(id, "U007"))
	}
}

// TestLetInByAnother: an account that somebody else lets in again is told loudly and stays open; another batch closes it again, and then
// one read serves both.
func TestLetInByAnother(t *testing.T) {
	ctx := context.Background()
	s, d, id := closed(t, 7)
	s.clock.to(s.clock.Now().Add(5 * time.Minute))
	if err := d.LookNow(ctx, id, ""); err != nil || s.removal(id, "U007").Places[0].SeenOff.IsZero() {
		t.Fatalf("%v %+v", err, s.removal(id, "U007"))
	}
	s.dms.gate("U007", "", true)
	s.clock.to(s.clock.Now().Add(5 * time.Minute))
	if err := d.LookNow(ctx, id, ""); err != nil {
		t.Fatal(err)
	}
	r := s.removal(id, "U007")
	if !r.Open() || r.Undone != "" || !r.Places[0].SeenOff.IsZero() || len(r.Again()) != 1 {
		t.Fatalf("%+v", r)
	}
	list, err := d.Removals(ctx)
	if err != nil || !list[0].LetIn || !strings.Contains(list[0].Sentence, "LET IN AGAIN, and not by rollcall: the global record read enabled") {
		t.Errorf("%+v, %v", list, err)
	}
	if e := s.events(provisioning.EventLook); !strings.Contains(e[len(e)-1].Detail, "the global record reads enabled again") {
		t.Errorf("%+v", e)
	}
	s.clock.to(s.clock.Now().Add(5 * time.Minute))
	second := s.close(d, 7)
	s.dms.gate("U007", "LON", false)
	s.clock.to(s.clock.Now().Add(5 * time.Minute))
	reads := s.dms.counted()
	if err := d.LookNow(ctx, 0, ""); err != nil || reads.Load() != 1 {
		t.Errorf("%v, %d reads", err, reads.Load())
	}
	for _, batch := range []int64{id, second} {
		if r := s.removal(batch, "U007"); r.Open() || r.SeenOff.Before(r.Accepted) || r.Undone != "" {
			t.Errorf("batch %d: %+v", batch, r)
		}
	}
}

// TestLetInByAnUndo: an account that a batch of rollcall lets in again is not looked at any more, and it says which batch that was.
func TestLetInByAnUndo(t *testing.T) {
	ctx := context.Background()
	s, d, id := closed(t, 7)
	s.clock.to(s.clock.Now().Add(5 * time.Minute))
	s.okta.set("00u007", provisioning.StatusActive) // the list was wrong
	s.read(d)
	u, err := d.Undo(ctx, id, "the wrong list")
	if err != nil || u.Batch == 0 {
		t.Fatalf("%+v, %v", u, err)
	}
	if err := d.Commit(ctx, s.order(d, u.Batch)); err != nil {
		t.Fatal(err)
	}
	if err := d.Wait(ctx, u.Batch); err != nil {
		t.Fatal(err)
	}
	if c, err := d.Certificate(ctx, id, "U007"); err != nil || c.Complete || !strings.Contains(c.People[0].Undone, "let in again by batch ") {
		t.Errorf("before the look: %+v, %v", c.People, err)
	}
	s.clock.to(s.clock.Now().Add(5 * time.Minute))
	if err := d.LookNow(ctx, id, ""); err != nil {
		t.Fatal(err)
	}
	r := s.removal(id, "U007")
	if r.Open() || !r.SeenOff.IsZero() || !strings.HasPrefix(r.Undone, "let in again by batch ") {
		t.Fatalf("%+v", r)
	}
	if e := s.events(provisioning.EventLook); len(e) == 0 || !strings.Contains(e[len(e)-1].Detail, r.Undone) {
		t.Errorf("%+v", e)
	}
	if _, ok := d.RemovalOf("U007"); ok {
		t.Error("the row still says that it was closed")
	}
}

// TestSealedRemovals: who is no reader of a sealed batch learns neither from the removals nor from a certificate whom it closed.
func TestSealedRemovals(t *testing.T) {
	ctx := context.Background()
	s := newSmall(t, began, 40)
	d := s.open("l.ortiz")
	id := sealed(t, s, d, 7)
	order := s.order(d, id)
	s.clock.to(began.Add(50 * time.Minute))
	if err := d.Commit(ctx, order); err != nil {
		t.Fatal(err)
	}
	if err := d.Wait(ctx, id); err != nil {
		t.Fatal(err)
	}
	other := s.open("m.chen")
	if list, err := other.Removals(ctx); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	if said, ok := other.RemovalOf("U007"); ok {
		t.Errorf("told %q", said)
	}
	_, byBatch := other.Certificate(ctx, id, "")
	if err := other.LookNow(ctx, id, ""); provisioning.CodeOf(err) != provisioning.Denied || provisioning.CodeOf(byBatch) != provisioning.Denied {
		t.Errorf("%v, %v", err, byBatch)
	}
	if _, err := other.CertificateOf(ctx, "U007"); provisioning.CodeOf(err) != provisioning.NotFound {
		t.Errorf("%v", err)
	}
	reads := s.dms.counted()
	if err := other.LookNow(ctx, 0, "U007"); err != nil || reads.Load() != 0 || s.removal(id, "U007").Looks != 0 {
		t.Errorf("%v, %d reads", err, reads.Load())
	}
	other.RunSchedule() // the process still sees to it: its operator learns nothing by that
	s.rest(d)
	s.clock.to(s.clock.Now().Add(2 * time.Minute))
	s.soon("it is looked at", func() bool { return s.removal(id, "U007").Looks > 0 })
	records, err := other.Records(ctx, desk.RecordQuery{Batch: id})
	for _, r := range records {
		if namesThem(r.Event.Subject+r.Event.Detail, 7) {
			t.Errorf("the record tells %+v", r.Event)
		}
	}
	if err != nil {
		t.Error(err)
	}
	if batch, err := d.CertificateOf(ctx, "u007"); err != nil || batch != id {
		t.Errorf("%d, %v", batch, err)
	}
}

// TestLookNowEndsWithItsContext: a look that is broken off keeps nothing.
func TestLookNowEndsWithItsContext(t *testing.T) {
	s, d, id := closed(t, 7)
	ctx, cancel := context.WithCancel(context.Background())
	s.dms.mu.Lock()
	s.dms.reading = cancel
	s.dms.mu.Unlock()
	if err := d.LookNow(ctx, id, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if r := s.removal(id, "U007"); r.Looks != 0 {
		t.Errorf("%+v", r)
	}
}
