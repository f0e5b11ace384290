package desk_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

// fed is the real directory with a feed that says what a test has it say.
type fed struct {
	provisioning.Directory
	whole, told int // how often it was read whole, and asked for changes
	say         func(cursor string, known provisioning.Known) ([]provisioning.PersonChange, provisioning.ReadEvidence, error)
}

func (f *fed) ReadAll(ctx context.Context, emit func([]provisioning.Person) error) (provisioning.ReadEvidence, error) {
	f.whole++
	e, err := f.Directory.ReadAll(ctx, emit)
	e.Cursor = "after the whole read"
	return e, err
}

func (f *fed) ReadChanges(_ context.Context, cursor string, known provisioning.Known, emit func([]provisioning.PersonChange) error) (provisioning.ReadEvidence, error) {
	f.told++
	changes, e, err := f.say(cursor, known)
	if err != nil {
		return e, err
	}
	e.Source, e.System, e.Changes = f.Name(), f.System(), len(changes)
	return e, emit(changes)
}

// fedRig is an engine whose directory has a feed; every is how long it is followed.
func fedRig(t *testing.T, every time.Duration) (*rig, *fed) {
	t.Helper()
	f := &fed{}
	return newRig(t, 300, func(d *desk.Deps) {
		f.Directory = d.Directories[0]
		d.Directories[0] = f
		d.FullEvery = map[string]time.Duration{"okta": every}
	}), f
}

func ended() provisioning.ReadEvidence {
	return provisioning.ReadEvidence{EndMarker: true, End: "the end was told", Reported: -1, Cursor: "later", Finished: time.Now()}
}

// TestAQuietRefresh: where there is a feed, a refresh asks for what changed and reads nobody else; the proof says what it rests on, and
// the next refresh goes on from the feed's own mark.
func TestAQuietRefresh(t *testing.T) {
	r, f := fedRig(t, time.Hour)
	first := r.sync(t)
	row := first.Rows[0]
	var cursors []string
	f.say = func(cursor string, known provisioning.Known) ([]provisioning.PersonChange, provisioning.ReadEvidence, error) {
		cursors = append(cursors, cursor)
		p, ok := known.Person(row.Person.Key.ID)
		if !ok {
			t.Errorf("%s is not known", row.Person.Key)
		}
		p.Office = "Elsewhere"
		return []provisioning.PersonChange{{Person: p}}, ended(), nil
	}
	for range 2 {
		roll := r.sync(t)
		if got := roll.Rows[roll.Find(row.Key)].Person.Office; got != "Elsewhere" {
			t.Errorf("the change is not on the roll: %s", got)
		}
		s := roll.Sources[0]
		if !s.Proof.Complete || !strings.Contains(s.Proof.Reason, "1 change since") || !s.Proof.Full.Equal(first.Sources[0].Proof.Full) || s.Count != first.Sources[0].Count {
			t.Errorf("%+v", s)
		}
	}
	if f.whole != 1 || f.told != 2 || cursors[0] != "after the whole read" || cursors[1] != "later" {
		t.Errorf("read whole %d times, asked for changes %d times, from %v", f.whole, f.told, cursors)
	}
}

// TestAFeedIsLeft: a mark that the directory no longer knows, and an interval that is over, lead to a whole read in the same refresh.
func TestAFeedIsLeft(t *testing.T) {
	r, f := fedRig(t, time.Hour)
	r.sync(t)
	f.say = func(string, provisioning.Known) ([]provisioning.PersonChange, provisioning.ReadEvidence, error) {
		return nil, provisioning.ReadEvidence{}, &provisioning.Error{Code: provisioning.Stale, Message: "the mark is too old"}
	}
	if roll := r.sync(t); f.whole != 2 || !roll.Sources[0].Proof.Complete || !strings.Contains(roll.Sources[0].Proof.Reason, "read whole: ") {
		t.Errorf("read whole %d times: %+v", f.whole, roll.Sources[0].Proof)
	}
	r, f = fedRig(t, time.Nanosecond)
	r.sync(t)
	if r.sync(t); f.whole != 2 || f.told != 0 {
		t.Errorf("after the interval: read whole %d times, asked for changes %d times", f.whole, f.told)
	}
}

// TestABrokenFeed: of a reading of changes that broke off, or that takes away more than is believed, nobody becomes a leaver; the reason
// is said; and the next refresh reads whole.
func TestABrokenFeed(t *testing.T) {
	everybodyGone := func(known provisioning.Known, roll *desk.Roll, n int) (changes []provisioning.PersonChange) {
		for _, row := range roll.Rows {
			if row.Person != nil && len(changes) < n {
				if p, ok := known.Person(row.Person.Key.ID); ok {
					changes = append(changes, provisioning.PersonChange{Person: provisioning.Person{Key: p.Key}, Gone: true})
				}
			}
		}
		return changes
	}
	for name, c := range map[string]struct {
		gone     int
		evidence func() provisioning.ReadEvidence
		reason   string
	}{
		"it broke off": {40, func() provisioning.ReadEvidence {
			e := ended()
			e.EndMarker, e.Failure, e.Cursor = false, "the server failed", ""
			return e
		}, "broke off: the server failed"},
		"no end mark": {40, func() provisioning.ReadEvidence {
			e := ended()
			e.EndMarker = false
			return e
		}, "without its end mark"},
		"a third of the firm goes": {100, ended, "more than 10 % apart"},
	} {
		r, f := fedRig(t, time.Hour)
		before := r.sync(t)
		f.say = func(_ string, known provisioning.Known) ([]provisioning.PersonChange, provisioning.ReadEvidence, error) {
			return everybodyGone(known, before, c.gone), c.evidence(), nil
		}
		roll := r.sync(t)
		if p := roll.Sources[0].Proof; p.Complete || !strings.Contains(p.Reason, c.reason) {
			t.Errorf("%s: %+v", name, p)
		}
		if roll.Count(desk.FilterLeavers) > before.Count(desk.FilterLeavers) {
			t.Errorf("%s: %d leavers, %d before", name, roll.Count(desk.FilterLeavers), before.Count(desk.FilterLeavers))
		}
		if orphans := roll.Count(desk.FilterOrphans); orphans > before.Count(desk.FilterOrphans) {
			t.Errorf("%s: %d orphans, %d before", name, orphans, before.Count(desk.FilterOrphans))
		}
		if roll = r.sync(t); f.whole != 2 || !roll.Sources[0].Proof.Complete || roll.Count(desk.FilterLeavers) != before.Count(desk.FilterLeavers) {
			t.Errorf("%s: then read whole %d times, %d leavers: %+v", name, f.whole, roll.Count(desk.FilterLeavers), roll.Sources[0].Proof)
		}
	}
}

// TestSomebodyGoesByTheFeed: whom the feed and a direct read say to be gone is a leaver, with what that rests on; and who comes back by
// it is none any more.
func TestSomebodyGoesByTheFeed(t *testing.T) {
	r, f := fedRig(t, time.Hour)
	first := r.sync(t)
	var row desk.Row
	for _, one := range first.Rows {
		if one.Linked && len(one.Mismatches) == 0 && one.Accounts[0].Enabled && one.Person.Status == provisioning.StatusActive {
			row = one
			break
		}
	}
	f.say = func(_ string, known provisioning.Known) ([]provisioning.PersonChange, provisioning.ReadEvidence, error) {
		return []provisioning.PersonChange{{Person: provisioning.Person{Key: row.Person.Key}, Gone: true}}, ended(), nil
	}
	roll := r.sync(t)
	gone := roll.Rows[roll.Find(row.Key)]
	if gone.Worst() == nil || gone.Worst().Kind != provisioning.KindLeaver || gone.Absence == nil || !gone.Absence.Proven || !strings.Contains(gone.Absence.How, "direct read by id says gone") {
		t.Errorf("%+v %+v", gone.Worst(), gone.Absence)
	}
	f.say = func(string, provisioning.Known) ([]provisioning.PersonChange, provisioning.ReadEvidence, error) {
		return []provisioning.PersonChange{{Person: *row.Person}}, ended(), nil
	}
	roll = r.sync(t)
	if back := roll.Rows[roll.Find(row.Key)]; back.Absence != nil || len(back.Mismatches) != 0 {
		t.Errorf("%+v %+v", back.Mismatches, back.Absence)
	}
}
