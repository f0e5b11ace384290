package staging_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/staging"
)

// op makes a unit of one change.
func op(i int, kind provisioning.ChangeKind, library, object string) provisioning.Unit {
	u := leaver(i)
	u.Ops[0].Change = provisioning.Change{Kind: kind, Account: u.Account, Library: library, Object: object, Before: provisioning.ValueMember, After: provisioning.ValueNoMember}
	return u
}

func units(from, to int, make func(i int) provisioning.Unit) []provisioning.Unit {
	var list []provisioning.Unit
	for i := from; i <= to; i++ {
		list = append(list, make(i))
	}
	return list
}

// ended is what the journal tells of those changes, done an hour ago.
func ended(list ...provisioning.Unit) []provisioning.Ended {
	var past []provisioning.Ended
	for _, u := range list {
		for _, o := range u.Ops {
			past = append(past, provisioning.Ended{
				Kind: o.Change.Kind, Account: u.Account, Library: o.Change.Library, Object: o.Change.Object, Batch: 1, At: now.Add(-time.Hour),
			})
		}
	}
	return past
}

// housed is a firm in which the first n sit in Oslo, and are the library OSL and its group DEAL.
func housed(firmOf, n int) *provisioning.Snapshot {
	s := firm(firmOf)
	for i := range n {
		s.Accounts[i].Location = "Oslo"
		s.Accounts[i].Memberships = []provisioning.Membership{{Library: "OSL", Role: "DEFAULT"}}
		s.Accounts[i].Groups = []provisioning.GroupRef{{Library: "OSL", Group: "DEAL"}}
	}
	return s
}

// TestKindsApart: each kind of removal has windows of its own, a new email among them; a person who is hit twice is one person.
func TestKindsApart(t *testing.T) {
	kinds := map[provisioning.ChangeKind]string{
		provisioning.DisableAccount: "", provisioning.RemoveLibrary: "", provisioning.LeaveGroup: "", provisioning.RemoveGlobalRole: "", provisioning.SetAttribute: "email",
	}
	for kind, object := range kinds {
		of := func(i int) provisioning.Unit { return op(i, kind, fmt.Sprintf("L%d", i), object) }
		for other, otherObject := range kinds {
			f := facts(firm(300))
			past := ended(units(101, 115, func(i int) provisioning.Unit { return op(i, other, fmt.Sprintf("L%d", i), otherObject) })...)
			f.Day, f.Week = past, past
			want := ""
			if kind == other {
				want = "24 hours"
			}
			if got := guards(staging.Judge(batchOf(t, units(1, 6, of)...), f)); got != want {
				t.Errorf("6 of %s after 15 of %s: held by %q, want %q", kind, other, got, want)
			}
		}
		f := facts(firm(300))
		past := ended(units(1, 20, of)...)
		f.Day, f.Week = past, past
		if got := guards(staging.Judge(batchOf(t, units(1, 6, of)...), f)); got != "" {
			t.Errorf("%s of the same people once more: held by %q", kind, got)
		}
		if got := guards(staging.Judge(batchOf(t, units(1, 21, of)...), facts(firm(300)))); got != "count,24 hours" {
			t.Errorf("21 of %s: held by %q", kind, got)
		}
	}
	phone := func(i int) provisioning.Unit { return op(i, provisioning.SetAttribute, "", "phone") }
	if got := guards(staging.Judge(batchOf(t, units(1, 60, phone)...), facts(firm(300)))); got != "" {
		t.Errorf("new telephones are held by %q", got)
	}
}

// TestParts: an office and a library have limits of their own, over the day, and tell the place and the people; the last of either is held
// in a slow bleed too.
func TestParts(t *testing.T) {
	disable := func(i int) provisioning.Unit { return op(i, provisioning.DisableAccount, "", "") }
	remove := func(i int) provisioning.Unit { return op(i, provisioning.RemoveLibrary, "OSL", "") }
	leaveGroup := func(i int) provisioning.Unit { return op(i, provisioning.LeaveGroup, "OSL", "DEAL") }
	closed := func(s *provisioning.Snapshot, n int) *provisioning.Snapshot { // the first n are shown as closed
		for i := range n {
			s.Accounts[i].Enabled = false
		}
		return s
	}
	for name, c := range map[string]struct {
		snapshot  *provisioning.Snapshot
		day, week []provisioning.Ended
		units     []provisioning.Unit
		want      string
		says      string
	}{
		"as many as always may":        {housed(300, 8), nil, nil, units(1, 5, disable), "", ""},
		"more than that":               {housed(300, 8), nil, nil, units(1, 6, disable), "office,library", "6 of 5 people of office oslo disabled in 24 h"},
		"a quarter of a larger one":    {housed(300, 40), nil, nil, units(1, 10, disable), "", ""},
		"more than a quarter":          {housed(300, 40), nil, nil, units(1, 11, disable), "office,library", "11 of 10 people of library OSL lose it in 24 h"},
		"with those of the day":        {housed(300, 8), ended(units(1, 4, disable)...), nil, units(5, 6, disable), "office,library", "6 of 5"},
		"shown as closed already":      {closed(housed(300, 8), 4), ended(units(1, 4, disable)...), nil, units(5, 6, disable), "office,library", "6 of 5"},
		"a library by another road":    {housed(300, 8), ended(units(1, 4, remove)...), nil, units(5, 6, disable), "library", "6 of 5 people of library OSL lose it"},
		"the office counts kinds":      {housed(300, 8), ended(units(1, 4, leaveGroup)...), nil, units(5, 6, disable), "", ""},
		"groups of a library":          {housed(300, 8), ended(units(1, 4, leaveGroup)...), nil, units(5, 6, leaveGroup), "library,office", "removed from a group"},
		"of another day":               {closed(housed(300, 8), 4), nil, ended(units(1, 4, disable)...), units(5, 6, disable), "", ""},
		"the last of an office, bled":  {closed(housed(300, 8), 7), nil, ended(units(1, 7, disable)...), units(8, 8, disable), "whole group", "the whole of office Oslo would be gone: 8 people, 7 of them in the last 7 days"},
		"the last of a library, bled":  {closed(housed(300, 8), 7), nil, ended(units(1, 7, disable)...), units(8, 8, remove), "whole group", "the whole of library OSL"},
		"the last of a group, bled":    {housed(300, 8), nil, pending(ended(units(1, 7, leaveGroup)...)), units(8, 8, leaveGroup), "whole group", "the whole of group OSL/DEAL"},
		"one is let in again":          {housed(300, 8), nil, ended(units(1, 7, disable)...), units(8, 8, disable), "", ""},
		"the last one, years after":    {closed(housed(300, 8), 7), nil, nil, units(8, 8, disable), "", ""},
		"the rest is still on its way": {housed(300, 8), nil, pending(ended(units(1, 7, disable)...)), units(8, 8, disable), "whole group", "office Oslo"},
	} {
		t.Run(name, func(t *testing.T) {
			f := facts(c.snapshot)
			f.Day, f.Week = c.day, append(slices.Clone(c.day), c.week...)
			verdicts := staging.Judge(batchOf(t, c.units...), f)
			held, releasable := staging.Holding(verdicts)
			var names []string
			said := ""
			for _, v := range held {
				names = append(names, v.Guard)
				said += v.Sentence + "\n"
				if len(v.People) != len(c.units) || len(v.Accounts) != len(c.units) || !v.Releasable {
					t.Errorf("it names %q (%q) of %d", v.People, v.Accounts, len(c.units))
				}
			}
			slices.Sort(names)
			want := strings.Split(c.want, ",")
			slices.Sort(want)
			if got := strings.Join(slices.Compact(names), ","); got != strings.Join(want, ",") || !strings.Contains(said, c.says) || (c.want != "") != releasable {
				t.Errorf("held by %q, want %q:\n%s", got, c.want, said)
			}
		})
	}
}

func pending(list []provisioning.Ended) []provisioning.Ended {
	for i := range list {
		list[i].Pending, list[i].At = true, time.Time{}
	}
	return list
}

// TestTriggers: what was undone a day ago is not done again unasked, and nobody is let in whom a directory says has left.
func TestTriggers(t *testing.T) {
	change := func(kind provisioning.ChangeKind, library, object, before, after string) provisioning.Change {
		return provisioning.Change{Kind: kind, Account: "A1", Library: library, Object: object, Before: before, After: after}
	}
	disable := change(provisioning.DisableAccount, "", "", provisioning.ValueEnabled, provisioning.ValueDisabled)
	enable := change(provisioning.EnableAccount, "", "", provisioning.ValueDisabled, provisioning.ValueEnabled)
	leaveGroup := change(provisioning.LeaveGroup, "LON", "DEAL", provisioning.ValueMember, provisioning.ValueNoMember)
	joinGroup := change(provisioning.JoinGroup, "LON", "DEAL", provisioning.ValueNoMember, provisioning.ValueMember)
	remove := change(provisioning.RemoveLibrary, "LON", "", provisioning.ValueMember, provisioning.ValueAbsent)
	assign := change(provisioning.AssignLibrary, "LON", "", provisioning.ValueAbsent, "SENIOR")
	email := change(provisioning.SetAttribute, "", "email", "a@firm.example", "b@firm.example")
	back := change(provisioning.SetAttribute, "", "email", "b@firm.example", "a@firm.example")
	elsewhere := joinGroup
	elsewhere.Object = "ALL"
	another := enable
	another.Account = "A2"
	gone := firm(300)
	gone.Absent = []provisioning.Absence{{Person: gone.People[0], Proven: true, How: "direct read by id: gone"}}
	gone.People = gone.People[1:]
	for name, c := range map[string]struct {
		undone []provisioning.Change
		change provisioning.Change
		person provisioning.Status
		want   string
	}{
		"disabled again":                 {[]provisioning.Change{enable}, disable, provisioning.StatusDeprovisioned, "undone"},
		"another's was undone":           {[]provisioning.Change{another}, disable, provisioning.StatusDeprovisioned, ""},
		"let out of a group again":       {[]provisioning.Change{joinGroup}, leaveGroup, provisioning.StatusActive, "undone"},
		"another group":                  {[]provisioning.Change{elsewhere}, leaveGroup, provisioning.StatusActive, ""},
		"the other way round":            {[]provisioning.Change{leaveGroup}, leaveGroup, provisioning.StatusActive, ""},
		"out of a library again":         {[]provisioning.Change{assign}, remove, provisioning.StatusActive, "undone"},
		"into a library again":           {[]provisioning.Change{remove}, assign, provisioning.StatusActive, "undone"},
		"the same email again":           {[]provisioning.Change{back}, email, provisioning.StatusActive, "undone"},
		"yet another email":              {[]provisioning.Change{{Kind: provisioning.SetAttribute, Account: "A1", Object: "email", Before: "c@firm.example", After: "a@firm.example"}}, email, provisioning.StatusActive, ""},
		"enabled, and has left":          {nil, enable, provisioning.StatusDeprovisioned, "left"},
		"enabled, and is suspended":      {nil, enable, provisioning.StatusSuspended, "left"},
		"enabled, and is missing":        {nil, enable, "missing", "left"},
		"enabled, and works here":        {nil, enable, provisioning.StatusActive, ""},
		"enabled, by the account alone":  {nil, enable, "nobody", "left"},
		"enabled again after a mistake?": {[]provisioning.Change{disable}, enable, provisioning.StatusActive, "undone"},
	} {
		t.Run(name, func(t *testing.T) {
			s := firm(300)
			u := staging.NewUnit(key(1), "A1", "Tom Barnes", "", provisioning.KindEntitlement, []provisioning.Change{c.change})
			switch c.person {
			case "missing":
				s = gone
			case "nobody":
				u.Person = provisioning.PersonKey{}
			default:
				s.People[0].Status = c.person
			}
			f := facts(s)
			f.Undone = c.undone
			b := batchOf(t, u)
			verdicts := staging.Judge(b, f)
			held, releasable := staging.Holding(verdicts)
			if got := guards(verdicts); got != c.want || releasable != (c.want != "") {
				t.Fatalf("held by %q, want %q: %+v", got, c.want, held)
			}
			for _, v := range held {
				if len(v.Accounts) != 1 || !strings.HasPrefix(v.People[0], "Tom Barnes (") {
					t.Errorf("%+v", v)
				}
			}
		})
	}
}

// TestReleases: a release counts for its hash, its person and an hour; a guard lets go where each of its people is released, and one who
// is not holds the whole batch; what may not be released is not.
func TestReleases(t *testing.T) {
	f := facts(firm(300))
	many := units(1, 21, leaver)
	fresh := func() *provisioning.Batch {
		b := batchOf(t, many...)
		b.State, b.Hash = provisioning.BatchReviewed, "h"
		return b
	}
	one := func(i int, change func(*provisioning.Release)) provisioning.Release {
		r := provisioning.Release{Hash: "h", By: "l.ortiz", At: f.Now.Add(-time.Minute), People: 1, Reason: "HR", Account: fmt.Sprintf("a%d", i)}
		change(&r)
		return r
	}
	plain := func(*provisioning.Release) {}
	all := func(b *provisioning.Batch, last func(*provisioning.Release)) {
		for i := 1; i <= 20; i++ {
			b.Singly = append(b.Singly, one(i, plain))
		}
		b.Singly = append(b.Singly, one(21, last))
	}
	for name, c := range map[string]struct {
		release func(*provisioning.Batch)
		want    string
	}{
		"nobody":                {func(*provisioning.Batch) {}, "count,24 hours"},
		"everybody, one by one": {func(b *provisioning.Batch) { all(b, plain) }, ""},
		"all but one":           {func(b *provisioning.Batch) { all(b, plain); b.Singly = b.Singly[1:] }, "count,24 hours"},
		"one for another hash":  {func(b *provisioning.Batch) { all(b, func(r *provisioning.Release) { r.Hash = "x" }) }, "count,24 hours"},
		"one an hour old":       {func(b *provisioning.Batch) { all(b, func(r *provisioning.Release) { r.At = f.Now.Add(-time.Hour) }) }, ""},
		"one older than that": {func(b *provisioning.Batch) {
			all(b, func(r *provisioning.Release) { r.At = f.Now.Add(-time.Hour - 1) })
		}, "count,24 hours"},
		"one of a clock that ran ahead": {func(b *provisioning.Batch) { all(b, func(r *provisioning.Release) { r.At = f.Now.Add(time.Minute) }) }, "count,24 hours"},
		"one for nobody":                {func(b *provisioning.Batch) { all(b, func(r *provisioning.Release) { r.Account = "" }) }, "count,24 hours"},
		"whole":                         {func(b *provisioning.Batch) { r := one(0, plain); r.Account = ""; b.Release = &r }, ""},
		"whole, an hour and more ago": {func(b *provisioning.Batch) {
			r := one(0, plain)
			r.Account, r.At = "", f.Now.Add(-2*time.Hour)
			b.Release = &r
		}, "count,24 hours"},
		"whole, for another hash":        {func(b *provisioning.Batch) { r := one(0, plain); r.Account, r.Hash = "", "x"; b.Release = &r }, "count,24 hours"},
		"the whole one names one person": {func(b *provisioning.Batch) { r := one(1, plain); b.Release = &r }, "count,24 hours"},
		"it was edited": {func(b *provisioning.Batch) {
			all(b, plain)
			if err := staging.Drop(b, 20); err != nil {
				t.Fatal(err)
			}
			if err := staging.Put(b, leaver(21)); err != nil {
				t.Fatal(err)
			}
			b.State, b.Hash = provisioning.BatchReviewed, "h2"
		}, "count,24 hours"},
		"waits for its minute": {func(b *provisioning.Batch) {
			all(b, func(r *provisioning.Release) { r.At = f.Now.Add(-9 * time.Hour) })
			b.State, b.Due = provisioning.BatchScheduled, f.Now.Add(-time.Minute)
		}, ""},
		"its minute was two hours ago": {func(b *provisioning.Batch) {
			all(b, plain)
			b.State, b.Due = provisioning.BatchScheduled, f.Now.Add(-2*time.Hour)
			for i := range b.Singly {
				b.Singly[i].At = f.Now.Add(-9 * time.Hour)
			}
		}, "count,24 hours"},
	} {
		t.Run(name, func(t *testing.T) {
			b := fresh()
			c.release(b)
			if got := guards(staging.Judge(b, f)); got != c.want || len(b.Units) != 21 {
				t.Errorf("held by %q, want %q; %d people", got, c.want, len(b.Units))
			}
		})
	}
	never := f
	never.Operator = "A1"
	b := fresh()
	all(b, plain)
	whole := one(0, plain)
	whole.Account = ""
	b.Release = &whole
	if got := guards(staging.Judge(b, never)); got != "self" {
		t.Errorf("a release of everything leaves %q to hold", got)
	}
}
