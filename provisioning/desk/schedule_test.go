package desk_test

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

// TestFiresOnTheMinute: a leaver begins at the minute that was typed, to the minute, also where the clocks change between the typing
// and the minute; not before, once, with the actor who confirmed it, and after another read.
func TestFiresOnTheMinute(t *testing.T) {
	london := zone(t, "Europe/London")
	for _, c := range []struct{ now, text, want string }{
		{"2026-11-24 14:02", "17:00", "2026-11-24T17:00:00Z"},
		{"2027-03-27 20:00", "tomorrow 00:59", "2027-03-28T00:59:00Z"},
		{"2027-03-27 20:00", "tomorrow 02:00", "2027-03-28T01:00:00Z"},
		{"2027-03-27 20:00", "tomorrow 09:00", "2027-03-28T08:00:00Z"},
		{"2026-10-24 20:00", "tomorrow 01:30 BST", "2026-10-25T00:30:00Z"},
		{"2026-10-24 20:00", "tomorrow 01:30 GMT", "2026-10-25T01:30:00Z"},
		{"2026-10-24 20:00", "mon 09:00", "2026-10-26T09:00:00Z"},
		{"2027-10-30 20:00", "tomorrow 01:59 bst", "2027-10-31T00:59:00Z"},
		{"2027-10-30 20:00", "tomorrow 09:00", "2027-10-31T09:00:00Z"},
	} {
		t.Run(c.now+" "+c.text, func(t *testing.T) {
			ctx := context.Background()
			now, err := time.ParseInLocation("2006-01-02 15:04", c.now, london)
			if err != nil {
				t.Fatal(err)
			}
			s := newSmall(t, now.UTC(), 40)
			d := s.open("l.ortiz")
			d.RunSchedule()
			order := s.reviewed(d, 7)
			at, err := desk.ParseWhen(c.text, now)
			if err != nil {
				t.Fatal(err)
			}
			due := at.UTC()
			if got := due.Format(time.RFC3339); got != c.want {
				t.Fatalf("due %s, want %s", got, c.want)
			}
			if err := d.Schedule(ctx, order, at); err != nil {
				t.Fatal(err)
			}
			reads := s.okta.reads
			for next := s.clock.Now(); next.Before(due.Add(-time.Second)); { // an hour at a time, then closer
				step := time.Hour
				if due.Sub(next) <= 2*time.Hour {
					step = 7 * time.Minute
				}
				next = next.Add(step)
				if last := due.Add(-time.Second); next.After(last) {
					next = last
				}
				s.to(d, next)
			}
			s.until("another read before the minute", func() bool { s.okta.mu.Lock(); defer s.okta.mu.Unlock(); return s.okta.reads == reads+1 })
			s.rest(d)
			s.untouched()
			if b := s.batch(order.Batch); b.State != provisioning.BatchScheduled || !b.Due.Equal(due) || b.Zone != "Europe/London" || b.CommittedBy != "l.ortiz" {
				t.Fatalf("a second before it is %s, due %s in %s", b.State, b.Due, b.Zone)
			}
			s.clock.to(due)
			s.soon("it is done", func() bool {
				return s.state(order.Batch) != provisioning.BatchScheduled && s.state(order.Batch) != provisioning.BatchCommitted
			})
			sends := s.dms.sends()
			if len(sends) == 0 || sends[0].change.Kind != provisioning.DisableAccount || sends[0].change.Account != "U007" {
				t.Fatalf("%+v", sends)
			}
			for _, one := range sends {
				if late := one.at.Sub(due); late < 0 || late > 15*time.Second {
					t.Errorf("%s was sent %s, due %s", one.change.Kind, one.at, due)
				}
			}
			b := s.batch(order.Batch)
			if b.State != provisioning.BatchDone || b.CommittedBy != "l.ortiz (scheduled)" || !b.CommittedAt.Truncate(time.Minute).Equal(due) {
				t.Errorf("it is %s, by %s at %s: %s", b.State, b.CommittedBy, b.CommittedAt, b.Stop)
			}
			s.to(d, due.Add(10*time.Minute)) // and not again
			if n := len(s.dms.sends()); n != len(sends) || len(s.events(provisioning.EventCommitted)) != 1 {
				t.Errorf("%d requests, then %d", len(sends), n)
			}
		})
	}
}

// scheduled confirms a leaver for an hour from now.
func scheduled(t *testing.T, s *small, d *desk.Desk, numbers ...int) (id int64, due time.Time) {
	t.Helper()
	order := s.reviewed(d, numbers...)
	due = s.clock.Now().Add(time.Hour).Truncate(time.Minute)
	if err := d.Schedule(context.Background(), order, due); err != nil {
		t.Fatal(err)
	}
	return order.Batch, due
}

// missed holds that a batch missed its minute with a reason, that nothing of it was done, and that it is offered and not begun.
func (s *small) missed(d *desk.Desk, id int64, why string) {
	s.t.Helper()
	s.soon("it is told as missed", func() bool { return s.state(id) == provisioning.BatchMissed })
	s.untouched()
	if b := s.batch(id); !strings.Contains(b.Stop, why) || b.CommittedAt != (time.Time{}) {
		s.t.Errorf("it says %q, want %q", b.Stop, why)
	}
	list, err := d.Missed(context.Background())
	if err != nil || len(list) != 1 || list[0].ID != id {
		s.t.Errorf("%+v, %v", list, err)
	}
	if e := s.events(provisioning.EventScheduled); !strings.Contains(e[len(e)-1].Detail, why) || e[len(e)-1].Batch != id {
		s.t.Errorf("the record says %+v", e)
	}
}

var began = time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC)

// TestSleepingLaptop: a laptop that slept over the minute begins nothing when it wakes; what was missed wants another review and another
// typed number, and goes then.
func TestSleepingLaptop(t *testing.T) {
	ctx := context.Background()
	s := newSmall(t, began, 40)
	d := s.open("l.ortiz")
	d.RunSchedule()
	id, due := scheduled(t, s, d, 7)
	s.to(d, due.Add(-30*time.Minute))
	s.clock.to(due.Add(3 * time.Hour))
	s.missed(d, id, "this machine slept")
	s.to(d, due.Add(4*time.Hour))
	s.missed(d, id, "this machine slept")
	old := s.batch(id)
	if err := d.Commit(ctx, desk.Commit{Batch: id, Hash: old.Hash, People: 1}); provisioning.CodeOf(err) != provisioning.Invalid {
		t.Errorf("committed without a review: %v", err)
	}
	s.read(d)
	order := s.order(d, id)
	wrong := order
	wrong.People = 2
	if err := d.Commit(ctx, wrong); provisioning.CodeOf(err) != provisioning.Held {
		t.Errorf("committed with another number: %v", err)
	}
	s.untouched()
	if err := d.Commit(ctx, order); err != nil {
		t.Fatal(err)
	}
	if err := d.Wait(ctx, id); err != nil || s.state(id) != provisioning.BatchDone {
		t.Errorf("%s, %v", s.state(id), err)
	}
}

// TestClosedAndReopened: a minute that passed while no rollcall ran is missed; one that came seconds before the start is not.
func TestClosedAndReopened(t *testing.T) {
	for name, c := range map[string]struct {
		late time.Duration
		fire bool
	}{"two hours late": {2 * time.Hour, false}, "61 s late": {61 * time.Second, false}, "40 s late": {40 * time.Second, true}} {
		t.Run(name, func(t *testing.T) {
			s := newSmall(t, began, 40)
			first := s.open("l.ortiz")
			first.RunSchedule()
			id, due := scheduled(t, s, first, 7)
			s.rest(first)
			first.Close()
			s.clock.to(due.Add(c.late))
			d := s.open("m.chen")
			if list, err := d.Missed(context.Background()); err != nil || (len(list) == 1) == c.fire { // told before anybody looked
				t.Errorf("%+v, %v", list, err)
			}
			d.RunSchedule()
			if !c.fire {
				s.missed(d, id, "no rollcall ran at its minute")
				return
			}
			s.soon("it begins", func() bool { return s.state(id) == provisioning.BatchDone })
			if b := s.batch(id); b.CommittedBy != "l.ortiz (scheduled)" {
				t.Errorf("by %s", b.CommittedBy)
			}
		})
	}
}

// TestTwoTicks: of two that look at the schedule in one moment, one begins the batch.
func TestTwoTicks(t *testing.T) {
	for range 5 {
		s := newSmall(t, began, 60)
		one, two := s.open("l.ortiz"), s.open("m.chen")
		id, due := scheduled(t, s, one, 7, 8, 9)
		s.read(two)
		one.RunSchedule()
		one.RunSchedule() // once a desk, however often it is asked
		two.RunSchedule()
		s.until("both wait", func() bool { return s.clock.sleepers() == 2 })
		s.clock.to(due)
		s.soon("it is done", func() bool { return s.state(id) == provisioning.BatchDone })
		if n := len(s.events(provisioning.EventCommitted)); n != 1 {
			t.Errorf("begun %d times", n)
		}
		done := make(map[string]int)
		for _, one := range s.dms.sends() {
			done[string(one.change.Kind)+one.change.Account+one.change.Library+one.change.Object]++
		}
		for what, n := range done {
			if n != 1 {
				t.Errorf("%s was sent %d times", what, n)
			}
		}
		one.Close()
		two.Close()
	}
}

// TestSoonAfter: a minute that comes within seconds of the order is met, and not at the next look.
func TestSoonAfter(t *testing.T) {
	s := newSmall(t, began, 40)
	d := s.open("l.ortiz")
	d.RunSchedule()
	order := s.reviewed(d, 7)
	s.to(d, began.Add(50*time.Second))
	s.to(d, began.Add(55*time.Second))
	due := began.Add(time.Minute)
	if err := d.Schedule(context.Background(), order, due); err != nil {
		t.Fatal(err)
	}
	s.rest(d)
	s.clock.to(due)
	s.soon("it is done", func() bool { return s.state(order.Batch) == provisioning.BatchDone })
	for _, one := range s.dms.sends() {
		if late := one.at.Sub(due); late < 0 || late > 4*time.Second {
			t.Errorf("%s was sent %s after the minute", one.change.Kind, late)
		}
	}
}

// TestTampered: a batch that was changed behind the program's back after it was confirmed is not begun.
func TestTampered(t *testing.T) {
	s := newSmall(t, began, 40)
	d := s.open("l.ortiz")
	d.RunSchedule()
	id, due := scheduled(t, s, d, 7)
	db, err := sql.Open("sqlite", s.path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), "pragma busy_timeout=10000; update op set change=replace(change, 'U007', 'U008')"); err != nil {
		t.Fatal(err)
	}
	s.to(d, due.Add(-3*time.Minute))
	s.to(d, due.Add(-2*time.Minute))
	s.clock.to(due)
	s.missed(d, id, "not the batch that was confirmed")
}

// TestWhoRunsTheSchedule: a console that may change nothing, or whose process does not own the store, begins nothing and calls nothing
// missed.
func TestWhoRunsTheSchedule(t *testing.T) {
	for name, open := range map[string]func(s *small) *desk.Desk{
		"a reader":        func(s *small) *desk.Desk { return s.open("reader") },
		"another process": func(s *small) *desk.Desk { return s.openOn(s.second(), "m.chen") },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSmall(t, began, 40)
			d := s.open("l.ortiz")
			id, due := scheduled(t, s, d, 7)
			other := open(s)
			if other.ReadOnly() == "" {
				t.Fatal("it may change something")
			}
			other.RunSchedule()
			s.clock.to(due.Add(time.Hour))
			for range 50 {
				if n := s.clock.sleepers(); n != 0 {
					t.Fatalf("%d look at the schedule", n)
				}
				<-time.After(time.Millisecond)
			}
			if s.state(id) != provisioning.BatchScheduled {
				t.Errorf("it is %s", s.state(id))
			}
			if list, err := other.Missed(context.Background()); err != nil || len(list) != 1 { // it is told all the same
				t.Errorf("%+v, %v", list, err)
			}
			if err := other.Unschedule(context.Background(), id); provisioning.CodeOf(err) != provisioning.ReadOnly {
				t.Errorf("taken back: %v", err)
			}
		})
	}
}

// TestGuardsAtTheMinute: what a guard holds at its minute is missed with the reason, whatever was confirmed before; a release that came
// with the schedule counts, for what may be released.
func TestGuardsAtTheMinute(t *testing.T) {
	ctx := context.Background()
	many := []int{2, 3, 4, 5, 6, 7}
	for name, c := range map[string]struct {
		leavers []int
		reason  string
		between func(s *small)
		missed  string
	}{
		"back at work":            {[]int{7}, "", func(s *small) { s.okta.set("00u007", provisioning.StatusActive) }, "proof"},
		"the directory is down":   {[]int{7}, "", func(s *small) { s.okta.mu.Lock(); s.okta.down = true; s.okta.mu.Unlock() }, "proof"},
		"a directory owns it now": {[]int{7}, "", func(s *small) { s.dms.accounts["U007"].DirectoryID = "ad-7" }, "protected"},
		"released":                {many, "the office closes", func(*small) {}, ""},
		"released, and one is back": {many, "the office closes", func(s *small) {
			s.okta.set("00u007", provisioning.StatusActive)
		}, "proof"},
		"the firm has shrunk": {[]int{2, 3, 4, 5}, "", func(s *small) {
			for i := 20; i <= 40; i++ {
				_, account, _ := user(i)
				s.dms.accounts[account].Enabled = false
			}
		}, "count"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSmall(t, began, 40)
			d := s.open("l.ortiz")
			d.RunSchedule()
			order := s.reviewed(d, c.leavers...)
			due := began.Add(time.Hour)
			if c.reason != "" {
				if err := d.Schedule(ctx, order, due); provisioning.CodeOf(err) != provisioning.Held || !strings.Contains(err.Error(), "Person 007") {
					t.Fatalf("scheduled without a release: %v", err)
				}
				order.Reason = c.reason
			}
			if err := d.Schedule(ctx, order, due); err != nil {
				t.Fatal(err)
			}
			s.to(d, due.Add(-5*time.Minute))
			s.dms.mu.Lock()
			c.between(s)
			s.dms.mu.Unlock()
			before := d.Roll().Gen
			s.to(d, due.Add(-2*time.Minute))
			s.until("another read", func() bool { return d.Roll().Gen > before })
			s.rest(d)
			s.clock.to(due)
			if c.missed != "" {
				s.missed(d, order.Batch, "held at its minute by "+c.missed)
				return
			}
			s.soon("it is done", func() bool { return s.state(order.Batch) == provisioning.BatchDone })
			b := s.batch(order.Batch)
			if b.Release == nil || b.Release.Hash != b.Hash || b.Release.People != len(c.leavers) {
				t.Errorf("released %+v", b.Release)
			}
		})
	}
}

// TestSlowRead: a read that does not end in time is waited for a while, and then what was read within the policy's limit counts; where
// that is older, the batch is missed.
func TestSlowRead(t *testing.T) {
	for name, limit := range map[string]bool{"a fresh roll": true, "an old roll": false} {
		t.Run(name, func(t *testing.T) {
			s := newSmall(t, began, 40)
			d := s.open("l.ortiz")
			d.RunSchedule()
			id, due := scheduled(t, s, d, 7)
			if limit {
				s.to(d, due.Add(-10*time.Minute))
				s.read(d)
			}
			s.okta.mu.Lock()
			s.okta.block = make(chan struct{})
			reads := s.okta.reads
			s.okta.mu.Unlock()
			s.to(d, due.Add(-2*time.Minute))
			s.until("the read begins", func() bool { s.okta.mu.Lock(); defer s.okta.mu.Unlock(); return s.okta.reads > reads })
			for _, late := range []time.Duration{0, 20 * time.Second, 44 * time.Second} {
				s.to(d, due.Add(late))
				if s.state(id) != provisioning.BatchScheduled {
					t.Fatalf("%s after its minute it is %s: %s", late, s.state(id), s.batch(id).Stop)
				}
				s.untouched()
			}
			s.clock.to(due.Add(46 * time.Second))
			if limit {
				s.soon("it is done", func() bool { return s.state(id) == provisioning.BatchDone })
			} else {
				s.missed(d, id, "held at its minute by staleness")
			}
			close(s.okta.block)
		})
	}
}

// TestScheduleRefuses: the checks of a commit hold for a schedule too, and the minute lies ahead.
func TestScheduleRefuses(t *testing.T) {
	ctx := context.Background()
	s := newSmall(t, began, 40)
	d := s.open("l.ortiz")
	order := s.reviewed(d, 7)
	due := began.Add(time.Hour)
	for name, c := range map[string]struct {
		order desk.Commit
		at    time.Time
		want  provisioning.Code
	}{
		"another hash":      {desk.Commit{Batch: order.Batch, Hash: "other", People: 1}, due, provisioning.Stale},
		"another number":    {desk.Commit{Batch: order.Batch, Hash: order.Hash, People: 2}, due, provisioning.Held},
		"no number":         {desk.Commit{Batch: order.Batch, Hash: order.Hash}, due, provisioning.Held},
		"the past":          {order, began.Add(-time.Minute), provisioning.Invalid},
		"not scheduled yet": {order, due, ""},
	} {
		var err error
		if name == "not scheduled yet" {
			err, c.want = d.Reschedule(ctx, c.order, c.at), provisioning.Invalid
		} else {
			err = d.Schedule(ctx, c.order, c.at)
		}
		if provisioning.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		if s.state(order.Batch) != provisioning.BatchReviewed {
			t.Fatalf("%s: it is %s", name, s.state(order.Batch))
		}
	}
	if err := d.Schedule(ctx, order, due); err != nil {
		t.Fatal(err)
	}
	if d.Draft() != 0 || len(d.StagedKeys()) != 0 {
		t.Error("what is scheduled is still the draft")
	}
	if err := d.Commit(ctx, order); provisioning.CodeOf(err) != provisioning.Invalid {
		t.Errorf("committed before its minute: %v", err)
	}
	if _, err := d.ReviewBatch(ctx, order.Batch); provisioning.CodeOf(err) != provisioning.Invalid {
		t.Errorf("reviewed while it waits: %v", err)
	}
	b := s.batch(order.Batch)
	if err := d.DropUnit(ctx, b.Units[0].ID); provisioning.CodeOf(err) != provisioning.NotFound {
		t.Errorf("edited while it waits: %v", err)
	}
}

// TestUnschedule: taken back, a batch begins no more, is a draft of its own beside the one that is being staged, and is confirmed anew.
func TestUnschedule(t *testing.T) {
	ctx := context.Background()
	s := newSmall(t, began, 60)
	d := s.open("l.ortiz")
	d.RunSchedule()
	id, due := scheduled(t, s, d, 7)
	other := s.reviewed(d, 8) // another draft meanwhile
	if err := d.Unschedule(ctx, id); err != nil {
		t.Fatal(err)
	}
	if err := d.Unschedule(ctx, id); provisioning.CodeOf(err) != provisioning.Invalid {
		t.Errorf("taken back twice: %v", err)
	}
	if b := s.batch(id); b.State != provisioning.BatchDraft || b.Hash != "" || !b.Due.Equal(due) || d.Draft() != other.Batch {
		t.Errorf("it is %s with %q for %s, the draft is %d", b.State, b.Hash, b.Due, d.Draft())
	}
	s.to(d, due)
	s.to(d, due.Add(2*time.Minute))
	s.untouched()
	if again := s.open("l.ortiz"); again.Draft() != other.Batch {
		t.Errorf("a start takes batch %d for the draft, not %d", again.Draft(), other.Batch)
	}
	s.read(d)
	order := s.order(d, id)
	if d.Draft() != other.Batch {
		t.Error("a review has made it the draft")
	}
	later := s.clock.Now().Add(time.Hour).Truncate(time.Minute)
	if err := d.Schedule(ctx, order, later); err != nil {
		t.Fatal(err)
	}
	if b := s.batch(id); !b.Due.Equal(later) {
		t.Errorf("due %s, want %s", b.Due, later)
	}
	// without a draft, one that no wizard made is the draft again
	if err := d.Unstage(ctx, []string{rowKey(8)}); err != nil {
		t.Fatal(err)
	}
	if err := d.Unschedule(ctx, id); err != nil {
		t.Fatal(err)
	}
	if b := s.batch(id); d.Draft() != id || !b.Due.IsZero() {
		t.Errorf("the draft is %d, its minute %s", d.Draft(), b.Due)
	}
	if err := d.DropUnit(ctx, s.batch(id).Units[0].ID); err != nil || s.state(id) != provisioning.BatchCancelled {
		t.Errorf("%v, %s", err, s.state(id))
	}
}

// TestReschedule: another minute is another order; it begins at that one alone.
func TestReschedule(t *testing.T) {
	ctx := context.Background()
	s := newSmall(t, began, 40)
	d := s.open("l.ortiz")
	d.RunSchedule()
	id, due := scheduled(t, s, d, 7)
	b := s.batch(id)
	order := desk.Commit{Batch: id, Hash: b.Hash, People: 1}
	later := due.Add(30 * time.Minute)
	wrong := order
	wrong.People = 3
	if err := d.Reschedule(ctx, wrong, later); provisioning.CodeOf(err) != provisioning.Held || s.state(id) != provisioning.BatchScheduled {
		t.Errorf("%v, %s", err, s.state(id))
	}
	if err := d.Reschedule(ctx, order, later); err != nil {
		t.Fatal(err)
	}
	if now := s.batch(id); now.State != provisioning.BatchScheduled || !now.Due.Equal(later) || now.Hash == b.Hash {
		t.Errorf("%s at %s", now.State, now.Due)
	}
	s.to(d, due)
	s.to(d, due.Add(2*time.Minute))
	s.untouched()
	s.clock.to(later)
	s.soon("it is done", func() bool { return s.state(id) == provisioning.BatchDone })
}

// TestCalendar: what has a minute is listed in its order, the wizards' own batches with their titles; a start takes none of them for
// the draft.
func TestCalendar(t *testing.T) {
	ctx := context.Background()
	s := newSmall(t, began, 60)
	d := s.open("l.ortiz")
	s.leave(7, 8, 9)
	s.read(d)
	var want []int64
	for i, hours := range map[int]int{7: 3, 8: 1, 9: 2} {
		c, err := d.Case(ctx, desk.CaseLeaver, rowKey(i), desk.CaseOptions{At: began.Add(time.Duration(hours) * time.Hour)})
		if err != nil || c.Hold != "" {
			t.Fatalf("%+v, %v", c, err)
		}
		put, err := d.StageCase(ctx, c)
		if err != nil || !put.Own {
			t.Fatalf("%+v, %v", put, err)
		}
		want = append(want, put.Batch)
		if list, err := d.Calendar(ctx); err != nil || slices.ContainsFunc(list, func(p desk.Planned) bool { return p.ID == put.Batch }) {
			t.Errorf("it is in the calendar before it was confirmed: %v", err)
		}
		if err := d.Schedule(ctx, s.order(d, put.Batch), c.Options.At); err != nil {
			t.Fatal(err)
		}
	}
	slices.SortFunc(want, func(a, b int64) int { return s.batch(a).Due.Compare(s.batch(b).Due) })
	list, err := d.Calendar(ctx)
	if err != nil || len(list) != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	for i, p := range list {
		b := s.batch(want[i])
		if p.ID != b.ID || p.State != provisioning.BatchScheduled || !p.Due.Equal(b.Due) || p.People != 1 || p.Lose != 1 || p.By != "l.ortiz" || p.Sealed || !strings.HasPrefix(p.Title, "leaver Person 00") {
			t.Errorf("%+v", p)
		}
	}
	if again := s.open("l.ortiz"); again.Draft() != 0 {
		t.Errorf("a start takes batch %d for the draft", again.Draft())
	}
	s.clock.to(began.Add(90 * time.Minute))
	if list, err = d.Calendar(ctx); err != nil || list[0].State != provisioning.BatchMissed || list[1].State != provisioning.BatchScheduled {
		t.Errorf("%+v, %v", list, err)
	}
}
