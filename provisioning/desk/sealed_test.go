package desk_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

// sealed has l.ortiz stage a leaver for her own eyes, for an hour from now.
func sealed(t *testing.T, s *small, d *desk.Desk, i int) int64 {
	t.Helper()
	ctx := context.Background()
	s.leave(i)
	s.read(d)
	c, err := d.Case(ctx, desk.CaseLeaver, rowKey(i), desk.CaseOptions{At: began.Add(time.Hour), Readers: []string{"l.ortiz"}})
	if err != nil || c.Hold != "" {
		t.Fatalf("%+v, %v", c, err)
	}
	put, err := d.StageCase(ctx, c)
	if err != nil || !put.Own {
		t.Fatalf("%+v, %v", put, err)
	}
	return put.Batch
}

// names reports whether a text names the i-th person.
func namesThem(text string, i int) bool {
	id, account, name := user(i)
	return strings.Contains(text, id) || strings.Contains(text, account) || strings.Contains(text, name)
}

// TestSealed: an operator who is no reader of a sealed batch can neither read it, nor act on it, nor learn from a list, the calendar, the
// record or a person's page whom it is about; and before it begins the record itself names nobody.
func TestSealed(t *testing.T) {
	ctx := context.Background()
	s := newSmall(t, began, 40)
	d := s.open("l.ortiz")
	id := sealed(t, s, d, 7)
	other := s.open("m.chen")
	s.read(other)
	if other.Draft() != 0 || d.Draft() != 0 {
		t.Error("the sealed batch is somebody's draft")
	}
	refused := func(at string) {
		t.Helper()
		b := s.batch(id)
		order := desk.Commit{Batch: id, Hash: b.Hash, People: 1, Reason: "x"}
		unit := b.Units[0].ID
		_, view := other.View(ctx, id)
		_, review := other.ReviewBatch(ctx, id)
		_, follow := other.Follow(ctx, id)
		for name, err := range map[string]error{
			"view": view, "review": review, "follow": follow, "commit": other.Commit(ctx, order), "schedule": other.Schedule(ctx, order, began.Add(2*time.Hour)),
			"reschedule": other.Reschedule(ctx, order, began.Add(2*time.Hour)), "unschedule": other.Unschedule(ctx, id), "pause": other.Pause(ctx, id),
			"cancel": other.Cancel(ctx, id), "resume": other.Resume(ctx, id), "retry": other.Retry(ctx, id), "tick": other.Tick(ctx, id, unit, 1),
		} {
			if provisioning.CodeOf(err) != provisioning.Denied || namesThem(err.Error(), 7) {
				t.Errorf("%s, %s: %v", at, name, err)
			}
		}
		for name, err := range map[string]error{
			"drop a person": other.DropUnit(ctx, unit), "drop a change": other.DropOp(ctx, unit, 1), "edit": other.EditOp(ctx, unit, 1, "x"),
		} {
			if provisioning.CodeOf(err) != provisioning.NotFound {
				t.Errorf("%s, %s: %v", at, name, err)
			}
		}
		if now := s.batch(id); now.State != b.State || now.Version != b.Version {
			t.Errorf("%s: it was %s and is %s", at, b.State, now.State)
		}
		list, err := other.Batches(ctx, 10)
		unfinished, err2 := other.Unfinished(ctx)
		if is := func(b *provisioning.Batch) bool { return b.ID == id }; err != nil || err2 != nil || slices.ContainsFunc(list, is) || slices.ContainsFunc(unfinished, is) {
			t.Errorf("%s: it is listed, %v, %v", at, err, err2)
		}
		records, err := other.Records(ctx, desk.RecordQuery{})
		if err != nil {
			t.Fatal(err)
		}
		page, err := other.Person(ctx, rowKey(7))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range append(records, page.History...) {
			if r.Event.Batch == id && (r.Event.Subject != "" || r.Event.Detail != "sealed") {
				t.Errorf("%s: the record tells %+v", at, r.Event)
			}
		}
		if found, err := other.Records(ctx, desk.RecordQuery{Batch: id, Text: "hash"}); err != nil || len(found) > 0 {
			t.Errorf("%s: the record is searched for what is sealed: %d, %v", at, len(found), err)
		}
	}
	refused("staged")

	// whoever seals it reads it; what they do to it before it begins names nobody in the record
	if err := d.DropOp(ctx, s.batch(id).Units[0].ID, 3); err != nil {
		t.Fatal(err)
	}
	order := s.order(d, id)
	refused("reviewed")
	if err := d.Schedule(ctx, order, began.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	refused("scheduled")
	if err := s.store.Records(ctx, 1, func(r provisioning.Record) error {
		if r.Event.Batch == id && (r.Event.Subject != "" || namesThem(r.Event.Detail, 7)) {
			t.Errorf("before it begins the record names them: %+v", r.Event)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	list, err := other.Calendar(ctx)
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	want := desk.Planned{ID: id, State: provisioning.BatchScheduled, Due: began.Add(time.Hour), Zone: list[0].Zone, Title: "sealed", Sealed: true, Hidden: true}
	if list[0] != want {
		t.Errorf("the calendar tells %+v", list[0])
	}
	if list, err = d.Calendar(ctx); err != nil || list[0].Hidden || !namesThem(list[0].Title, 7) || list[0].People != 1 {
		t.Errorf("its reader sees %+v, %v", list[0], err)
	}

	// it begins at its minute, whoever's console runs then
	d.Close()
	other.RunSchedule()
	s.until("the schedule is looked at", func() bool { return s.clock.sleepers() > 0 })
	s.clock.to(began.Add(time.Hour))
	s.soon("it is done", func() bool { return s.state(id) == provisioning.BatchDone })
	if other.Working() != 0 {
		t.Error("the small sign leads to what may not be read")
	}
	refused("done")
	if by := s.batch(id).CommittedBy; by != "l.ortiz (scheduled)" {
		t.Errorf("by %s", by)
	}
	again := s.open("l.ortiz")
	s.read(again)
	if v, err := again.View(ctx, id); err != nil || v.Batch.Sealed() == false {
		t.Errorf("its reader may not read it: %v", err)
	}
	if records, err := again.Records(ctx, desk.RecordQuery{Batch: id}); err != nil || len(records) == 0 || records[0].Event.Detail == "sealed" {
		t.Errorf("its reader reads no record: %v", err)
	}
	if report, err := other.Verify(ctx); err != nil || !report.OK { // what is hidden from a listing is in the chain
		t.Errorf("%+v, %v", report, err)
	}
}

// TestSealedHeld: a guard that holds a sealed batch names everybody to its reader, and nobody in the record.
func TestSealedHeld(t *testing.T) {
	ctx := context.Background()
	s := newSmall(t, began, 40)
	d := s.open("l.ortiz")
	s.okta.set("00u013", provisioning.StatusDeprovisioned)
	id := sealed(t, s, d, 7)
	order := s.order(d, id)
	s.okta.set("00u007", provisioning.StatusActive)
	s.read(d)
	err := d.Schedule(ctx, order, began.Add(time.Hour))
	if provisioning.CodeOf(err) != provisioning.Held || !namesThem(err.Error(), 7) {
		t.Errorf("its reader is told: %v", err)
	}
	held := s.events(provisioning.EventHeld)
	if len(held) != 1 || namesThem(held[0].Detail, 7) || !strings.Contains(held[0].Detail, "proof") {
		t.Errorf("the record says %+v", held)
	}
}
