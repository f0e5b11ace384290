package sqlite_test

import (
	"context"
	"database/sql"
	"reflect"
	"testing"
	"time"

	"rollcall/provisioning"
)

// TestUses: the latest word about an operation counts, for its tenant alone; the record keeps every word; nothing half is kept.
func TestUses(t *testing.T) {
	s := open(t, path(t))
	use := provisioning.Use{Tenant: "a", Operation: "remove from library", State: provisioning.UseConfirmed, At: now, By: "l.ortiz", How: "doctor on ZZ_SANDBOX: answer 200, read back absent"}
	if err := s.SaveUse(ctx, use, event(provisioning.EventOperation)); err != nil {
		t.Fatal(err)
	}
	refused := use
	refused.State, refused.How, refused.At = provisioning.UseRefused, "batch 12: answer 405", now.Add(time.Hour)
	if err := s.SaveUse(ctx, refused, event(provisioning.EventOperation)); err != nil {
		t.Fatal(err)
	}
	if uses, err := s.Uses(ctx, "a"); err != nil || len(uses) != 1 || uses[use.Operation] != refused {
		t.Errorf("%+v, %v", uses, err)
	}
	if uses, err := s.Uses(ctx, "b"); err != nil || len(uses) != 0 {
		t.Errorf("another tenant has shown %v, %v", uses, err)
	}
	for name, bad := range map[string]provisioning.Use{"no operation": {Tenant: "a", State: provisioning.UseConfirmed}, "no state": {Tenant: "a", Operation: "x"}} {
		code(t, name, s.SaveUse(ctx, bad, event(provisioning.EventOperation)), provisioning.Invalid)
	}
	nobody := event(provisioning.EventOperation)
	nobody.Actor = ""
	if err := s.SaveUse(ctx, use, nobody); err == nil {
		t.Error("what nobody has seen was kept")
	}
	if uses, _ := s.Uses(ctx, "a"); uses[use.Operation] != refused {
		t.Error("a refused event left its use")
	}
	if n := rowCount(t, s); n != 2 {
		t.Errorf("%d rows in the record", n)
	}
}

// TestPolicies: the newest accepted policy counts, and every earlier one is kept with its time and its actor.
func TestPolicies(t *testing.T) {
	file := path(t)
	s := open(t, file)
	for i, text := range []string{"one", "two", "one"} { // back to an earlier text is an acceptance too
		e := event(provisioning.EventPolicy)
		e.At = now.Add(time.Duration(i) * time.Minute)
		if err := s.AcceptPolicy(ctx, text, e); err != nil {
			t.Fatal(err)
		}
		if got, err := s.AcceptedPolicy(ctx); err != nil || got != text {
			t.Errorf("%q, %v", got, err)
		}
	}
	nobody := event(provisioning.EventPolicy)
	nobody.Actor = ""
	if err := s.AcceptPolicy(ctx, "three", nobody); err == nil {
		t.Error("a policy that nobody accepted counts")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var n int
	if err := db.QueryRowContext(ctx, "select count(*) from policy where actor='l.ortiz' and at>=?", now.UnixNano()).Scan(&n); err != nil || n != 3 {
		t.Errorf("%d kept, %v", n, err)
	}
}

func move(t *testing.T, s interface {
	MoveBatch(ctx context.Context, id int64, to provisioning.BatchState, hash, stop string, e provisioning.Event) error
}, id int64, to provisioning.BatchState,
) {
	t.Helper()
	if err := s.MoveBatch(ctx, id, to, "h", "", event(provisioning.EventBatch)); err != nil {
		t.Fatal(err)
	}
}

// TestSchedule: the minute, the zone, the title, the readers and the reasons come back as they were; what waits for its minute is
// listed in its order; back to a draft, the hash, the release and who confirmed it are gone.
func TestSchedule(t *testing.T) {
	s := open(t, path(t))
	var ids []int64
	for _, hours := range []int{3, 1, 2} {
		b := batch()
		b.Due, b.Zone, b.Title, b.Readers = now.Add(time.Duration(hours)*time.Hour), "Europe/London", "leaver Tom Barnes", []string{"l.ortiz", "m.chen"}
		b.Release = &provisioning.Release{Hash: "h", By: "l.ortiz", People: 2}
		b.Units[0].Reason = "HR, ticket 4711"
		if err := s.SaveBatch(ctx, b, event(provisioning.EventStaged)); err != nil {
			t.Fatal(err)
		}
		got, err := s.Batch(ctx, b.ID)
		if err != nil {
			t.Fatal(err)
		}
		if !got.Due.Equal(b.Due) || got.Zone != b.Zone || got.Title != b.Title || !reflect.DeepEqual(got.Readers, b.Readers) || got.Units[0].Reason != b.Units[0].Reason {
			t.Errorf("%+v", got)
		}
		code(t, "scheduled with another hash", s.MoveBatch(ctx, b.ID, provisioning.BatchScheduled, "other", "", event(provisioning.EventScheduled)), provisioning.Stale)
		move(t, s, b.ID, provisioning.BatchScheduled)
		ids = append(ids, b.ID)
	}
	move(t, s, ids[0], provisioning.BatchMissed)
	list, err := s.Scheduled(ctx)
	if err != nil || len(list) != 3 || list[0].ID != ids[1] || list[1].ID != ids[2] || list[2].ID != ids[0] || list[0].CommittedBy != "l.ortiz" || !list[0].CommittedAt.IsZero() {
		t.Fatalf("%v, %v", list, err)
	}
	code(t, "an edit of what is scheduled", s.SaveBatch(ctx, list[0], event(provisioning.EventStaged)), provisioning.Stale)
	code(t, "a missed one that begins", s.MoveBatch(ctx, ids[0], provisioning.BatchCommitted, "h", "", event(provisioning.EventCommitted)), provisioning.Stale)
	move(t, s, ids[0], provisioning.BatchDraft)
	if b, err := s.Batch(ctx, ids[0]); err != nil || b.Hash != "" || b.Release != nil || b.CommittedBy != "" || b.Due.IsZero() {
		t.Errorf("%+v, %v", b, err)
	}
	e := event(provisioning.EventCommitted)
	e.Actor = "l.ortiz (scheduled)"
	if err := s.MoveBatch(ctx, ids[1], provisioning.BatchCommitted, "h", "", e); err != nil {
		t.Fatal(err)
	}
	code(t, "begun twice", s.MoveBatch(ctx, ids[1], provisioning.BatchCommitted, "h", "", e), provisioning.Stale)
	if b, err := s.Batch(ctx, ids[1]); err != nil || b.CommittedBy != "l.ortiz (scheduled)" || !b.CommittedAt.Equal(now) || b.Release == nil {
		t.Errorf("%+v, %v", b, err)
	}
	sealed, err := s.Sealed(ctx)
	if err != nil || len(sealed) != 3 || !reflect.DeepEqual(sealed[ids[2]], []string{"l.ortiz", "m.chen"}) {
		t.Errorf("%v, %v", sealed, err)
	}
}

// TestTicks: a ticked step lets go on what waited for it and nothing else; the batch is done with its last step, and not before
// everybody of it has come to rest.
func TestTicks(t *testing.T) {
	s := open(t, path(t))
	b := batch()
	profile := &provisioning.Profile{ID: "A"}
	change := func(k provisioning.ChangeKind, library string) provisioning.Change {
		return provisioning.Change{Kind: k, Account: "A", Library: library, Object: library + "-ALL", After: "x", Profile: profile}
	}
	b.Units[0].Ops = nil
	for i, c := range []provisioning.Change{
		change(provisioning.AssignLibrary, "LON"), change(provisioning.JoinGroup, "LON"), change(provisioning.AssignLibrary, "NYC"), change(provisioning.JoinGroup, "NYC"),
	} {
		b.Units[0].Ops = append(b.Units[0].Ops, provisioning.Op{Seq: i + 1, State: provisioning.OpPending, Change: c})
	}
	if err := s.SaveBatch(ctx, b, event(provisioning.EventStaged)); err != nil {
		t.Fatal(err)
	}
	move(t, s, b.ID, provisioning.BatchCommitted)
	u, other := b.Units[0].ID, b.Units[1].ID
	byHand := provisioning.Outcome{State: provisioning.OpByHand, Error: "refused", At: now}
	run := func(unit, gen int64, to provisioning.UnitState, outcomes map[int]provisioning.Outcome) {
		t.Helper()
		if taken, err := s.TakeUnit(ctx, unit, gen, "me"); err != nil || !taken {
			t.Fatalf("%v, %v", taken, err)
		}
		for seq, o := range outcomes {
			if err := s.MarkOp(ctx, provisioning.OpRef{Batch: b.ID, Unit: unit, Seq: seq, Owner: "me", Gen: gen}, o, event(provisioning.EventOutcome)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.FinishUnit(ctx, unit, gen, "me", to, event(provisioning.EventUnit)); err != nil {
			t.Fatal(err)
		}
	}
	done := provisioning.Outcome{State: provisioning.OpAlready, At: now}
	run(u, 0, provisioning.UnitByHand, map[int]provisioning.Outcome{1: byHand, 3: byHand})
	code(t, "done with people left", s.MoveBatch(ctx, b.ID, provisioning.BatchOpenHand, "h", "", event(provisioning.EventBatch)), provisioning.Stale)
	run(other, 0, provisioning.UnitByHand, map[int]provisioning.Outcome{1: done, 2: byHand})
	move(t, s, b.ID, provisioning.BatchOpenHand)
	state := func() (provisioning.BatchState, provisioning.UnitState, int64) {
		t.Helper()
		got, err := s.Batch(ctx, b.ID)
		if err != nil {
			t.Fatal(err)
		}
		return got.State, got.Units[0].State, got.Units[0].Gen
	}
	ticked := provisioning.Outcome{State: provisioning.OpConfirmed, Evidence: "seen", At: now}
	tick := func(unit int64, seq int) {
		t.Helper()
		if err := s.TickByHand(ctx, unit, seq, ticked, event(provisioning.EventByHand)); err != nil {
			t.Fatal(err)
		}
	}
	tick(u, 1)
	code(t, "ticked twice", s.TickByHand(ctx, u, 1, ticked, event(provisioning.EventByHand)), provisioning.Stale)
	code(t, "what waits for another step", s.TickByHand(ctx, u, 4, ticked, event(provisioning.EventByHand)), provisioning.Stale)
	if batch, unit, gen := state(); batch != provisioning.BatchOpenHand || unit != provisioning.UnitPending || gen != 1 {
		t.Errorf("%s, %s, %d", batch, unit, gen)
	}
	if unfinished, err := s.Unfinished(ctx); err != nil || len(unfinished) != 1 { // should the process end here, a start offers it
		t.Errorf("%d unfinished, %v", len(unfinished), err)
	}
	move(t, s, b.ID, provisioning.BatchCommitted)
	if taken, err := s.TakeUnit(ctx, u, 1, "me"); err != nil || !taken {
		t.Fatal(err)
	}
	ref := provisioning.OpRef{Batch: b.ID, Unit: u, Seq: 2, Owner: "me", Gen: 1}
	if err := s.MarkOp(ctx, ref, done, event(provisioning.EventOutcome)); err != nil {
		t.Fatal(err)
	}
	tick(u, 3) // while the unit runs, which was to wait for it
	if err := s.FinishUnit(ctx, u, 1, "me", provisioning.UnitByHand, event(provisioning.EventUnit)); err != nil {
		t.Fatal(err)
	}
	if _, unit, gen := state(); unit != provisioning.UnitPending || gen != 2 {
		t.Errorf("a unit waits for a step that was ticked: %s, %d", unit, gen)
	}
	run(u, 2, provisioning.UnitDone, map[int]provisioning.Outcome{4: done})
	move(t, s, b.ID, provisioning.BatchOpenHand)
	if unfinished, err := s.Unfinished(ctx); err != nil || len(unfinished) != 0 {
		t.Errorf("%d unfinished, %v", len(unfinished), err)
	}
	tick(other, 2)
	if batch, _, _ := state(); batch != provisioning.BatchDone {
		t.Errorf("the batch is %s", batch)
	}
}

// TestForgetUse: an answer that was taken back is untried again, once; the record tells it.
func TestForgetUse(t *testing.T) {
	s := open(t, path(t))
	e := event(provisioning.EventOperation)
	if err := s.SaveUse(ctx, provisioning.Use{Tenant: "one", Operation: "transfer workspace", State: provisioning.UseRefused, At: e.At}, e); err != nil {
		t.Fatal(err)
	}
	if err := s.ForgetUse(ctx, "another", "transfer workspace", e); provisioning.CodeOf(err) != provisioning.NotFound {
		t.Errorf("another tenant's: %v", err)
	}
	if err := s.ForgetUse(ctx, "one", "transfer workspace", e); err != nil {
		t.Fatal(err)
	}
	if uses, err := s.Uses(ctx, "one"); err != nil || len(uses) != 0 {
		t.Errorf("%v %v", uses, err)
	}
	if err := s.ForgetUse(ctx, "one", "transfer workspace", e); provisioning.CodeOf(err) != provisioning.NotFound {
		t.Errorf("twice: %v", err)
	}
	records := 0
	if err := s.Records(ctx, 1, func(provisioning.Record) error { records++; return nil }); err != nil || records != 2 {
		t.Errorf("%d records, %v: a refused change must leave none", records, err)
	}
}
