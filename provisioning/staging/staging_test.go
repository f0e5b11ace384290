package staging_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
	"rollcall/provisioning/staging"
)

var now = time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC)

// firm is a snapshot of n enabled accounts A1 … An with active people P1 … Pn, and one administrator group.
func firm(n int, administrators ...string) *provisioning.Snapshot {
	s := &provisioning.Snapshot{ID: "s", TakenAt: now, Proofs: []provisioning.Proof{{Source: "okta", Complete: true}}}
	for i := 1; i <= n; i++ {
		id := fmt.Sprintf("A%d", i)
		a := provisioning.Account{ID: id, FullName: id, Enabled: true, Location: fmt.Sprintf("office %d", i%7)}
		for _, admin := range administrators {
			if admin == id {
				a.Groups = []provisioning.GroupRef{{Library: "LON", Group: provisioning.NRTADMIN}}
			}
		}
		s.Accounts = append(s.Accounts, a)
		s.People = append(s.People, provisioning.Person{
			Key: key(i), FullName: "Person " + id, SSOName: id, Status: provisioning.StatusDeprovisioned,
		})
	}
	return s
}

func key(i int) provisioning.PersonKey {
	return provisioning.PersonKey{Directory: "okta", ID: fmt.Sprintf("P%d", i)}
}

func leaver(i int) provisioning.Unit {
	id := fmt.Sprintf("A%d", i)
	return staging.NewUnit(key(i), id, "Person "+id, "", provisioning.KindLeaver, []provisioning.Change{
		{Kind: provisioning.DisableAccount, Account: id, Before: provisioning.ValueEnabled, After: provisioning.ValueDisabled},
	})
}

// removed takes a person out of the library OSL.
func removed(i int) provisioning.Unit {
	u := leaver(i)
	u.Ops[0].Change = provisioning.Change{Kind: provisioning.RemoveLibrary, Account: u.Account, Library: "OSL", Before: provisioning.ValueMember, After: provisioning.ValueAbsent}
	return u
}

// teamed is a firm in which the first n are a group.
func teamed(n int) *provisioning.Snapshot {
	s := firm(300)
	for i := range s.Accounts {
		s.Accounts[i].Memberships = []provisioning.Membership{{Library: "LON", Role: "DEFAULT"}}
	}
	for i := range n {
		s.Accounts[i].Groups = []provisioning.GroupRef{{Library: "LON", Group: "TEAM"}}
	}
	return s
}

// leave takes the first n out of that group.
func leave(n int) []provisioning.Unit {
	var units []provisioning.Unit
	for i := 1; i <= n; i++ {
		u := leaver(i)
		u.Ops[0].Change = provisioning.Change{Kind: provisioning.LeaveGroup, Account: u.Account, Library: "LON", Object: "TEAM", Before: provisioning.ValueMember, After: provisioning.ValueNoMember}
		units = append(units, u)
	}
	return units
}

// onWord is a leaver on an operator's word.
func onWord(i int) provisioning.Unit {
	u := leaver(i)
	u.Reason = "HR, ticket 4711"
	return u
}

func facts(s *provisioning.Snapshot) staging.Facts {
	return staging.Facts{Policy: policy.Default(), Snapshot: s, Now: now.Add(time.Minute)}
}

// lately are disables of accounts that nobody else has.
func lately(n int) []provisioning.Ended {
	var list []provisioning.Ended
	for i := range n {
		list = append(list, provisioning.Ended{Kind: provisioning.DisableAccount, Account: fmt.Sprintf("GONE%d", i), At: now.Add(-time.Hour)})
	}
	return list
}

func batchOf(t interface{ Fatal(...any) }, units ...provisioning.Unit) *provisioning.Batch {
	b := &provisioning.Batch{State: provisioning.BatchDraft}
	for _, u := range units {
		if err := staging.Put(b, u); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func guards(verdicts []provisioning.Verdict) string {
	held, _ := staging.Holding(verdicts)
	var names []string
	for _, v := range held {
		names = append(names, v.Guard)
	}
	return strings.Join(names, ",")
}

func TestGuards(t *testing.T) {
	many := func(n int) []provisioning.Unit {
		var units []provisioning.Unit
		for i := 1; i <= n; i++ {
			units = append(units, leaver(i))
		}
		return units
	}
	absent := func(proven bool) *provisioning.Snapshot {
		s := firm(300)
		s.Absent = []provisioning.Absence{{Person: s.People[0], Proven: proven, How: "read broke off"}}
		s.People = s.People[1:]
		return s
	}
	orphan := staging.NewUnit(provisioning.PersonKey{}, "A5", "A5", "", provisioning.KindOrphan,
		[]provisioning.Change{leaver(5).Ops[0].Change})
	for name, c := range map[string]struct {
		facts      staging.Facts
		units      []provisioning.Unit
		want       string
		releasable bool
	}{
		"20 of 300":               {facts(firm(300)), many(20), "", false},
		"21 of 300":               {facts(firm(300)), many(21), "count,24 hours", true},
		"percent of a small firm": {facts(firm(50)), many(6), "count,24 hours", true},
		"rolling day": {func() staging.Facts {
			f := facts(firm(300))
			f.Day = lately(18)
			return f
		}(), many(3), "24 hours", true},
		"rolling week": {func() staging.Facts {
			f := facts(firm(300))
			f.Week = lately(38)
			return f
		}(), many(3), "7 days", true},
		"self": {func() staging.Facts {
			f := facts(firm(300))
			f.Operator = "a1"
			return f
		}(), many(1), "self", false},
		"own account of rollcall": {func() staging.Facts {
			f := facts(firm(300))
			f.Identity = "A1"
			return f
		}(), many(1), "self", false},
		"last administrator":       {facts(firm(300, "A1")), many(1), "last administrator", false},
		"both last administrators": {facts(firm(300, "A1", "A2")), many(2), "last administrator", false},
		"an administrator remains": {facts(firm(300, "A1", "A9")), many(1), "", false},
		"absence not proven":       {facts(absent(false)), many(1), "proof", false},
		"absence proven":           {facts(absent(true)), many(1), "", false},
		"active again in directory": {func() staging.Facts {
			s := firm(300)
			s.People[0].Status = provisioning.StatusActive
			return facts(s)
		}(), many(1), "proof", false},
		"stale": {func() staging.Facts {
			f := facts(firm(300))
			f.Now = now.Add(2 * time.Hour)
			return f
		}(), many(1), "staleness", false},
		"managed": {func() staging.Facts {
			s := firm(300)
			s.Accounts[0].DirectoryID = "ad-1"
			return facts(s)
		}(), many(1), "protected", false},
		"orphan": {facts(firm(300)), []provisioning.Unit{orphan}, "", false},
		"orphan of an unproven read": {func() staging.Facts {
			s := firm(300)
			s.Proofs = []provisioning.Proof{{Source: "okta", Reason: "the answer was an empty list"}}
			return facts(s)
		}(), []provisioning.Unit{orphan}, "proof", false},
		"a whole library, by removals": {func() staging.Facts {
			s := firm(300)
			for i := range 2 {
				s.Accounts[i].Memberships = []provisioning.Membership{{Library: "OSL", Role: "DEFAULT"}}
			}
			return facts(s)
		}(), []provisioning.Unit{removed(1), removed(2)}, "whole group", true},
		"a whole library but one": {func() staging.Facts {
			s := firm(300)
			for i := range 3 {
				s.Accounts[i].Memberships = []provisioning.Membership{{Library: "OSL", Role: "DEFAULT"}}
			}
			return facts(s)
		}(), []provisioning.Unit{removed(1), removed(2)}, "", false},
		"a whole group":     {facts(teamed(6)), leave(6), "whole group", true},
		"a small team ends": {facts(teamed(4)), leave(4), "", false},
		"a leaver who is active, on a word": {func() staging.Facts {
			s := firm(300)
			s.People[0].Status = provisioning.StatusActive
			return facts(s)
		}(), []provisioning.Unit{onWord(1)}, "", false},
		"somebody of whom nothing is known, on a word": {func() staging.Facts {
			s := firm(300)
			s.People[0].Status = provisioning.StatusUnknown
			return facts(s)
		}(), []provisioning.Unit{onWord(1)}, "proof", false},
		"an absence not proven, on a word": {facts(absent(false)), []provisioning.Unit{onWord(1)}, "proof", false},
		"a whole office": {func() staging.Facts {
			s := firm(300)
			s.Accounts[0].Location, s.Accounts[1].Location = "Oslo", "Oslo"
			return facts(s)
		}(), many(2), "whole group", true},
	} {
		t.Run(name, func(t *testing.T) {
			b := batchOf(t, c.units...)
			verdicts := staging.Judge(b, c.facts)
			if got := guards(verdicts); got != c.want {
				t.Fatalf("held by %q, want %q: %+v", got, c.want, verdicts)
			}
			held, releasable := staging.Holding(verdicts)
			if releasable != c.releasable {
				t.Errorf("releasable = %v", releasable)
			}
			for _, v := range held {
				if v.Guard != "staleness" && len(v.People) == 0 {
					t.Errorf("%s names nobody", v.Guard)
				}
			}
			if len(b.Units) != len(c.units) {
				t.Error("a guard trimmed the batch")
			}
		})
	}
}

// TestNoBatchPassesTheLimit: whatever is staged, a batch that no guard holds disables no more than the limits allow, all
// windows counted.
func TestNoBatchPassesTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 400).Draw(t, "firm")
		f := facts(firm(n))
		day := rapid.IntRange(0, 25).Draw(t, "day")
		f.Day = lately(day)
		b := &provisioning.Batch{State: provisioning.BatchDraft}
		leaving := rapid.IntRange(1, min(n, 45)).Draw(t, "leaving")
		for i := 1; i <= leaving; i++ {
			if err := staging.Put(b, leaver(i)); err != nil {
				t.Fatal(err)
			}
		}
		held, _ := staging.Holding(staging.Judge(b, f))
		if limit := min(20, n/10); len(held) == 0 && leaving+day > limit {
			t.Fatalf("%d leave of %d, %d before in the day: not held", leaving, n, day)
		}
	})
}

// TestHash: the hash changes with every field that the wire would see, and with the order.
func TestHash(t *testing.T) {
	base := func() *provisioning.Batch { return batchOf(t, leaver(1), leaver(2)) }
	seen := map[string]string{staging.Hash(base()): "base"}
	for name, change := range map[string]func(*provisioning.Batch){
		"order":     func(b *provisioning.Batch) { b.Units[0], b.Units[1] = b.Units[1], b.Units[0] },
		"account":   func(b *provisioning.Batch) { b.Units[0].Ops[0].Change.Account = "A9" },
		"kind":      func(b *provisioning.Batch) { b.Units[0].Ops[0].Change.Kind = provisioning.EnableAccount },
		"before":    func(b *provisioning.Batch) { b.Units[0].Ops[0].Change.Before = "x" },
		"after":     func(b *provisioning.Batch) { b.Units[0].Ops[0].Change.After = "x" },
		"library":   func(b *provisioning.Batch) { b.Units[0].Ops[0].Change.Library = "x" },
		"object":    func(b *provisioning.Batch) { b.Units[0].Ops[0].Change.Object = "x" },
		"by hand":   func(b *provisioning.Batch) { b.Units[0].Ops[0].Change.ByHand = "x" },
		"profile":   func(b *provisioning.Batch) { b.Units[0].Ops[0].Change.Profile = &provisioning.Profile{ID: "x"} },
		"person":    func(b *provisioning.Batch) { b.Units[0].Person.ID = "x" },
		"one less":  func(b *provisioning.Batch) { b.Units = b.Units[:1] },
		"due":       func(b *provisioning.Batch) { b.Due = now },
		"zone":      func(b *provisioning.Batch) { b.Zone = "Europe/London" },
		"reader":    func(b *provisioning.Batch) { b.Readers = []string{"ab"} },
		"readers":   func(b *provisioning.Batch) { b.Readers = []string{"a", "b"} },
		"reason":    func(b *provisioning.Batch) { b.Units[0].Reason = "x" },
		"another's": func(b *provisioning.Batch) { b.Units[1].Reason = "x" },
	} {
		b := base()
		change(b)
		h := staging.Hash(b)
		if other, clash := seen[h]; clash {
			t.Errorf("%s hashes like %s", name, other)
		}
		seen[h] = name
	}
}

// TestHashStands: a batch that an earlier version froze, without a minute, readers or reasons, hashes as it did then.
func TestHashStands(t *testing.T) {
	b := batchOf(t, leaver(1), leaver(2))
	const then = "c82b6f65e862cb3c4692d0e2d58ed1812d4305bd2ebb0994261ec5dae5b8fd15"
	if got := staging.Hash(b); got != then {
		t.Errorf("it hashes as %s, and was frozen as %s", got, then)
	}
}

// TestEdits: an edit voids the review, replaces rather than repeats, and takes along what rested on what was dropped.
func TestEdits(t *testing.T) {
	joiner := staging.NewUnit(key(7), "NEW", "New", "", provisioning.KindJoiner, []provisioning.Change{
		{Kind: provisioning.CreateAccount, Account: "NEW", Before: provisioning.ValueAbsent, After: "{}", Profile: &provisioning.Profile{ID: "NEW"}},
		{Kind: provisioning.AssignLibrary, Account: "NEW", Library: "LON", Before: provisioning.ValueAbsent, After: "DEFAULT"},
		{Kind: provisioning.JoinGroup, Account: "NEW", Library: "LON", Object: "ALL", Before: provisioning.ValueNoMember, After: provisioning.ValueMember},
		{Kind: provisioning.AssignLibrary, Account: "NEW", Library: "NYC", Before: provisioning.ValueAbsent, After: "DEFAULT"},
	})
	b := batchOf(t, joiner, leaver(1), joiner)
	if len(b.Units) != 2 {
		t.Fatalf("%d units, want 2: staging twice must not repeat", len(b.Units))
	}
	b.State, b.Hash = provisioning.BatchReviewed, staging.Hash(b)
	if err := staging.Edit(b, 0, 2, "SENIOR"); err != nil {
		t.Fatal(err)
	}
	if b.State != provisioning.BatchDraft || b.Hash != "" {
		t.Error("an edit must void the review")
	}
	if err := staging.Edit(b, 1, 1, "enabled"); provisioning.CodeOf(err) != provisioning.Invalid {
		t.Errorf("a disable was edited: %v", err)
	}
	went, err := staging.DropOp(b, 0, 2)
	if err != nil || went != 2 || len(b.Units[0].Ops) != 2 || b.Units[0].Ops[1].Seq != 2 {
		t.Errorf("dropping a library took %d along, %v: %+v", went, err, b.Units[0].Ops)
	}
	if went, err = staging.DropOp(b, 0, 1); err != nil || went != 2 || len(b.Units) != 1 {
		t.Errorf("dropping the creation took %d along, %v", went, err)
	}
	b.State = provisioning.BatchCommitted
	if err := staging.Put(b, joiner); provisioning.CodeOf(err) != provisioning.Invalid {
		t.Errorf("a committed batch was edited: %v", err)
	}
}
