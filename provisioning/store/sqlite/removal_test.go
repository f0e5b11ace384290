package sqlite_test

import (
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/store/sqlite"
)

// disabling commits a batch that disables accounts, and gives it.
func disabling(t *testing.T, s *sqlite.Store, kind provisioning.ChangeKind, accounts ...string) *provisioning.Batch {
	t.Helper()
	b := &provisioning.Batch{State: provisioning.BatchReviewed, CreatedBy: "l.ortiz", CreatedAt: now, SnapshotID: "s", SnapshotAt: now, Hash: "h"}
	for _, id := range accounts {
		c := provisioning.Change{Kind: kind, Account: id, Before: "enabled", After: "disabled"}
		b.Units = append(b.Units, provisioning.Unit{
			Person: provisioning.PersonKey{Directory: "okta", ID: "00u" + id}, Account: id, Name: "Name " + id, State: provisioning.UnitPending, Kind: provisioning.KindLeaver,
			Ops: []provisioning.Op{{Seq: 1, State: provisioning.OpPending, Change: c}},
		})
	}
	if err := s.SaveBatch(ctx, b, event(provisioning.EventStaged)); err != nil {
		t.Fatal(err)
	}
	if err := s.MoveBatch(ctx, b.ID, provisioning.BatchCommitted, "h", "", event(provisioning.EventCommitted)); err != nil {
		t.Fatal(err)
	}
	return b
}

// step moves an op on, as the executor does.
func step(t *testing.T, s *sqlite.Store, u provisioning.Unit, to provisioning.OpState, at time.Time) {
	t.Helper()
	owned, err := s.TakeUnit(ctx, u.ID, u.Gen, "me")
	if err != nil {
		t.Fatal(err)
	}
	_ = owned // a unit that is ours already stays ours
	ref := provisioning.OpRef{Batch: u.Batch, Unit: u.ID, Seq: 1, Owner: "me", Gen: u.Gen}
	if to == provisioning.OpSent {
		err = s.MarkSent(ctx, ref, at, event(provisioning.EventIntent))
	} else {
		err = s.MarkOp(ctx, ref, provisioning.Outcome{State: to, At: at}, event(provisioning.EventOutcome))
	}
	if err != nil {
		t.Fatalf("%s: %v", to, err)
	}
}

func removals(t *testing.T, s *sqlite.Store, batch int64, open bool) []provisioning.Removal {
	t.Helper()
	list, err := s.Removals(ctx, batch, open)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestRemovalsOfTheJournal: every confirmed disabling is a removal and nothing else is; asked is the first intent, also where it was sent
// again; of a step by hand, when it was opened; one that nobody has looked at is open and due.
func TestRemovalsOfTheJournal(t *testing.T) {
	s := open(t, path(t))
	b := disabling(t, s, provisioning.DisableAccount, "A", "B", "C", "D")
	at := func(seconds int) time.Time { return now.Add(time.Duration(seconds) * time.Second) }
	step(t, s, b.Units[0], provisioning.OpSent, at(1)) // A: sent, no effect, sent again
	step(t, s, b.Units[0], provisioning.OpPending, at(2))
	step(t, s, b.Units[0], provisioning.OpSent, at(60))
	step(t, s, b.Units[0], provisioning.OpConfirmed, at(61))
	step(t, s, b.Units[1], provisioning.OpByHand, at(5)) // B: by hand
	step(t, s, b.Units[2], provisioning.OpSent, at(7))   // C: refused
	step(t, s, b.Units[2], provisioning.OpFailed, at(8))
	step(t, s, b.Units[3], provisioning.OpSent, at(9)) // D: the tenant does not know the call, so by hand
	step(t, s, b.Units[3], provisioning.OpByHand, at(10))
	if list := removals(t, s, 0, true); len(list) != 1 {
		t.Fatalf("what was not done is a removal: %+v", list)
	}
	for i, seconds := range map[int]int{1: 300, 3: 400} {
		if err := s.TickByHand(ctx, b.Units[i].ID, 1, provisioning.Outcome{State: provisioning.OpConfirmed, At: at(seconds)}, event(provisioning.EventByHand)); err != nil {
			t.Fatal(err)
		}
	}
	other := disabling(t, s, provisioning.EnableAccount, "A")
	step(t, s, other.Units[0], provisioning.OpSent, at(500))
	want := []struct {
		account         string
		asked, accepted int
		hand            bool
	}{{"D", 9, 400, true}, {"B", 5, 300, true}, {"A", 1, 61, false}} // the newest first
	list := removals(t, s, b.ID, true)
	if len(list) != len(want) {
		t.Fatalf("%+v", list)
	}
	for i, w := range want {
		r := list[i]
		if r.Account != w.account || !r.Asked.Equal(at(w.asked)) || !r.Accepted.Equal(at(w.accepted)) || r.ByHand != w.hand || r.Batch != b.ID || r.Seq != 1 ||
			r.Name != "Name "+w.account || r.Person.ID != "00u"+w.account {
			t.Errorf("%+v, want %+v", r, w)
		}
		if !r.Open() || r.Looks != 0 || !r.IsDue(r.Accepted.Add(provisioning.FirstLook)) || r.IsDue(r.Accepted) {
			t.Errorf("%s is not due: %+v", r.Account, r)
		}
	}
	if list := removals(t, s, b.ID+100, false); len(list) != 0 {
		t.Errorf("another batch's: %+v", list)
	}
	// an enabling counts once it is confirmed, and only after the act
	if batch, _, err := s.LetIn(ctx, list[2]); err != nil || batch != 0 {
		t.Errorf("let in by %d, %v", batch, err)
	}
	step(t, s, other.Units[0], provisioning.OpConfirmed, at(501))
	if batch, when, err := s.LetIn(ctx, list[2]); err != nil || batch != other.ID || !when.Equal(at(501)) {
		t.Errorf("let in by %d at %s, %v", batch, when, err)
	}
	later := list[2]
	later.Accepted = at(600)
	if batch, _, err := s.LetIn(ctx, later); err != nil || batch != 0 {
		t.Errorf("let in before it was closed: %d, %v", batch, err)
	}
}

// TestSaveLook: a look is kept with its event in one transaction, and without one where nothing changed; seen off is refused where a
// place was not seen off since the act, and what was seen off or undone stays so, also over a restart.
func TestSaveLook(t *testing.T) {
	file := path(t)
	s := open(t, file)
	b := disabling(t, s, provisioning.DisableAccount, "A", "B")
	for _, u := range b.Units {
		step(t, s, u, provisioning.OpSent, now)
		step(t, s, u, provisioning.OpConfirmed, now.Add(time.Second))
	}
	one := removals(t, s, 0, true)[1]
	off := func(library string, at time.Time) provisioning.Place {
		return provisioning.Place{Library: library, Value: provisioning.ValueDisabled, Look: at, SeenOff: at}
	}
	look := now.Add(time.Minute)
	rows := rowCount(t, s)
	one.Places, one.LastLook, one.NextLook, one.Looks = []provisioning.Place{off("", look), {Library: "LON", Value: provisioning.ValueEnabled, Look: look}}, look, look.Add(time.Hour), 1
	if err := s.SaveLook(ctx, one, provisioning.Event{}); err != nil || rowCount(t, s) != rows {
		t.Fatalf("%v, %d rows", err, rowCount(t, s)-rows)
	}
	if err := s.Close(); err != nil { // the process ends between two looks
		t.Fatal(err)
	}
	s = open(t, file)
	kept := removals(t, s, 0, true)[1]
	if len(kept.Places) != 2 || kept.Looks != 1 || !kept.NextLook.Equal(look.Add(time.Hour)) || !kept.LastLook.Equal(look) || kept.Places[1].Value != provisioning.ValueEnabled {
		t.Fatalf("%+v", kept)
	}
	last := look.Add(2 * time.Hour)
	for name, places := range map[string][]provisioning.Place{
		"a library open":          {off("", last), {Library: "LON", Value: provisioning.ValueEnabled, Look: last}},
		"a library not read":      {off("", last), {Library: "LON", Look: last, SeenOff: last}},
		"a library before":        {off("", last), off("LON", now)},
		"a library of the future": {off("", last), off("LON", last.Add(time.Hour))},
		"no place":                nil,
		"no global record":        {off("LON", last)},
	} {
		bad := kept
		bad.Places, bad.SeenOff = places, last
		code(t, name, s.SaveLook(ctx, bad, event(provisioning.EventSeenOff)), provisioning.Invalid)
	}
	if now := removals(t, s, 0, true)[1]; !now.SeenOff.IsZero() || now.Looks != 1 {
		t.Fatalf("%+v", now)
	}
	done := kept
	done.Places, done.SeenOff, done.LastLook, done.Looks, done.NextLook = []provisioning.Place{off("", look), off("LON", last)}, last, last, 2, time.Time{}
	if err := s.SaveLook(ctx, done, provisioning.Event{At: last, Kind: provisioning.EventSeenOff}); err == nil {
		t.Error("an event without an actor was taken")
	}
	if !removals(t, s, 0, false)[1].SeenOff.IsZero() {
		t.Error("the look was kept without its event")
	}
	if err := s.SaveLook(ctx, done, event(provisioning.EventSeenOff)); err != nil {
		t.Fatal(err)
	}
	var told provisioning.Record
	if err := s.Records(ctx, 1, func(r provisioning.Record) error { told = r; return nil }); err != nil {
		t.Fatal(err)
	}
	if e := told.Event; e.Kind != provisioning.EventSeenOff || e.Batch != b.ID || e.Unit != one.Unit || e.Op != 1 || e.Subject != one.Account {
		t.Errorf("the record says %+v", e)
	}
	code(t, "a look after the end", s.SaveLook(ctx, kept, event(provisioning.EventLook)), provisioning.Stale)
	if list := removals(t, s, 0, true); len(list) != 1 || list[0].Account == one.Account {
		t.Errorf("open: %+v", list)
	}
	undone := removals(t, s, 0, true)[0]
	undone.Undone, undone.LastLook = "let in again by batch 9", last
	if err := s.SaveLook(ctx, undone, event(provisioning.EventLook)); err != nil || len(removals(t, s, 0, true)) != 0 {
		t.Errorf("%v", err)
	}
	nobody := kept
	nobody.Unit = 4711
	code(t, "a removal that is not there", s.SaveLook(ctx, nobody, event(provisioning.EventLook)), provisioning.NotFound)
	reader := open(t, file)
	code(t, "a look in another process", reader.SaveLook(ctx, undone, event(provisioning.EventLook)), provisioning.ReadOnly)
}
