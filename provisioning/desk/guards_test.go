package desk_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/policy"
)

// bend has the directory list something else until it is called with nil.
func (p *people) bendTo(bend func([]provisioning.Person, *provisioning.ReadEvidence) []provisioning.Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bend = bend
}

// bent are the ways in which a directory lists fewer people than it has (threats G1).
func bent() map[string]func([]provisioning.Person, *provisioning.ReadEvidence) []provisioning.Person {
	return map[string]func([]provisioning.Person, *provisioning.ReadEvidence) []provisioning.Person{
		"0 users":     func(l []provisioning.Person, _ *provisioning.ReadEvidence) []provisioning.Person { return nil },
		"half":        func(l []provisioning.Person, _ *provisioning.ReadEvidence) []provisioning.Person { return l[:len(l)/2] },
		"filter typo": func(l []provisioning.Person, _ *provisioning.ReadEvidence) []provisioning.Person { return l[:2] },
		"404": func(l []provisioning.Person, e *provisioning.ReadEvidence) []provisioning.Person {
			e.EndMarker, e.Failure = false, "answer 404"
			return nil
		},
		"403 as empty": func(l []provisioning.Person, e *provisioning.ReadEvidence) []provisioning.Person {
			e.Refused = []string{"users: 403"}
			return nil
		},
		"stops in mid-way": func(l []provisioning.Person, e *provisioning.ReadEvidence) []provisioning.Person {
			e.EndMarker = false
			return l[:len(l)-1]
		},
		"scope change": func(l []provisioning.Person, _ *provisioning.ReadEvidence) []provisioning.Person {
			return slices.DeleteFunc(l, func(p provisioning.Person) bool { return p.Office == "Office 1" })
		},
	}
}

// TestASourceThatShrank: whatever a directory leaves out of a list, in one read or in several, nobody loses anything for it.
func TestASourceThatShrank(t *testing.T) {
	ctx := context.Background()
	for name, bend := range bent() {
		t.Run(name, func(t *testing.T) {
			s := newSmall(t, noon, 60)
			d := s.open("l.ortiz")
			s.read(d)
			s.okta.bendTo(bend)
			for range 3 {
				s.clock.to(s.clock.Now().Add(20 * time.Minute))
				s.read(d)
				var keys []string
				for _, row := range d.Roll().Rows {
					keys = append(keys, row.Key)
				}
				put, err := d.Stage(ctx, keys)
				if err != nil {
					t.Fatal(err)
				}
				if put.Batch == 0 {
					continue
				}
				for _, u := range s.batch(put.Batch).Units {
					if u.EndsAccess() {
						t.Errorf("%s loses access as %s", u.Account, u.Kind)
					}
				}
			}
			if got := d.Roll().Sources[0].Proof; got.Complete {
				t.Errorf("it is believed: %s", got.Reason)
			}
			s.untouched()
		})
	}
}

// TestEverybodyLeft: a scope change that deprovisions half the firm is believed, and held whole until somebody types the number with a reason.
func TestEverybodyLeft(t *testing.T) {
	s := newSmall(t, noon, 60)
	d := s.open("l.ortiz")
	var half []int
	for i := 31; i <= 60; i++ {
		half = append(half, i)
	}
	c := s.reviewed(d, half...)
	s.code("unasked", d.Commit(context.Background(), c), provisioning.Held)
	c.Reason, c.People = "closing", c.People-1
	s.code("another number", d.Commit(context.Background(), c), provisioning.Held)
	s.untouched()
	if n := len(s.batch(c.Batch).Units); n != len(half) {
		t.Errorf("trimmed to %d", n)
	}
	if n := len(s.events(provisioning.EventHeld)); n != 2 {
		t.Errorf("%d held in the record", n)
	}
}

func groupChange(kind provisioning.ChangeKind, id string) provisioning.Change {
	c := provisioning.Change{Kind: kind, Account: id, Library: "LON", Object: "ALL", Before: provisioning.ValueMember, After: provisioning.ValueNoMember}
	if kind == provisioning.JoinGroup {
		c.Before, c.After = c.After, c.Before
	}
	return c
}

// member is a unit that puts somebody into a group, or takes them out.
func (s *small) member(i int, kind provisioning.ChangeKind) provisioning.Unit {
	u := s.leaver(i)
	u.Kind = provisioning.KindEntitlement
	u.Ops[0].Change = groupChange(kind, u.Account)
	return u
}

// TestNotAgain: what an undo batch took back is not done again within a day but for whom it is released, and nobody who has left is let in.
func TestNotAgain(t *testing.T) {
	ctx := context.Background()
	s := newSmall(t, noon, 60)
	d := s.open("l.ortiz")
	s.leave(9)
	s.read(d)
	first := s.put(0, s.member(2, provisioning.LeaveGroup), s.member(3, provisioning.LeaveGroup))
	s.committed(d, first)
	s.committed(d, s.put(first.Batch, s.member(2, provisioning.JoinGroup), s.member(3, provisioning.JoinGroup)))
	again := s.put(0, s.member(2, provisioning.LeaveGroup), s.member(3, provisioning.LeaveGroup), s.member(4, provisioning.LeaveGroup))
	v := s.view(d, again.Batch)
	if heldBy(v) != "undone" || len(v.Verdicts[0].People) != 2 || !strings.Contains(v.Verdicts[0].People[0], "Person 002") {
		t.Fatalf("%+v", v.Verdicts[0])
	}
	sent := len(s.dms.sends())
	s.code("at once", d.Commit(ctx, again), provisioning.Held)
	s.code("nobody holds her", d.Release(ctx, again.Batch, again.Hash, account(4), "HR"), provisioning.Invalid)
	if err := d.Release(ctx, again.Batch, again.Hash, account(2), "HR"); err != nil {
		t.Fatal(err)
	}
	s.code("one of two", d.Commit(ctx, again), provisioning.Held)
	if n := len(s.dms.sends()); n != sent {
		t.Errorf("%d were sent", n-sent)
	}
	s.clock.to(s.clock.Now().Add(25 * time.Hour))
	s.read(d)
	s.committed(d, again)

	in := s.leaver(9)
	in.Kind = provisioning.KindEntitlement
	in.Ops[0].Change = provisioning.Change{Kind: provisioning.EnableAccount, Account: account(9), Before: provisioning.ValueDisabled, After: provisioning.ValueEnabled}
	s.dms.byHand(provisioning.Change{Kind: provisioning.DisableAccount, Account: account(9), After: provisioning.ValueDisabled})
	s.read(d)
	c := s.put(0, in)
	if v := s.view(d, c.Batch); heldBy(v) != "left" || !strings.Contains(v.Verdicts[0].People[0], "deprovisioned") {
		t.Errorf("%+v", v.Verdicts[0])
	}
	s.code("somebody who has left", d.Commit(ctx, c), provisioning.Held)
}

// never tries everything to close an account: staged from the roll, put into a batch by another hand, released whole. Nothing may come
// of it.
func (s *small) never(d *desk.Desk, i int, id string) {
	s.t.Helper()
	ctx := context.Background()
	s.read(d)
	if put, err := d.Stage(ctx, []string{rowKey(i)}); err != nil {
		s.t.Fatal(err)
	} else if put.People > 0 {
		order := s.order(d, put.Batch)
		order.Reason = "HR"
		_ = d.Commit(ctx, order)
		_ = d.Wait(ctx, order.Batch)
	}
	u := s.leaver(i)
	u.Account, u.Reason = id, "HR"
	u.Ops[0].Change.Account = id
	c := s.put(0, u)
	c.Reason = "HR"
	s.code(id+" is let go", d.Commit(ctx, c), provisioning.Held)
	for _, sent := range s.dms.sends() {
		if strings.EqualFold(sent.change.Account, id) {
			s.t.Errorf("sent: %+v", sent.change)
		}
	}
	if a, found, _ := s.dms.Account(ctx, strings.ToUpper(id)); !found || !a.Enabled {
		s.t.Errorf("%s is closed", id)
	}
}

// change changes an account behind everybody's back.
func (d *dms) change(id string, change func(*provisioning.Account)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d.accounts[id])
}

// TestProtectedAreNeverClosed (threats G2): renamed, in another case, moved, deleted from the directory, pushed inactive: never disabled.
func TestProtectedAreNeverClosed(t *testing.T) {
	safe := func(a *provisioning.Account) {
		a.Groups = append(a.Groups, provisioning.GroupRef{Library: "LON", Group: "SAFE"})
	}
	for name, c := range map[string]struct {
		before  func(s *small)
		account string // "": of the protected person 13
		i       int
		between func(s *small) func()
	}{
		"pushed inactive": {before: func(s *small) { s.leave(13) }},
		"renamed": {before: func(s *small) {
			s.dms.change("U013", func(a *provisioning.Account) { a.FullName, a.Email = "Somebody Else", "else@firm.example" })
			s.leave(13)
		}},
		"in another case": {before: func(s *small) { s.leave(13) }, account: "u013"},
		"deleted from the directory": {before: func(s *small) {
			s.okta.list = slices.DeleteFunc(s.okta.list, func(p provisioning.Person) bool { return p.Key.ID == "00u013" })
		}},
		"moved into a protected group":                  {before: func(s *small) { s.dms.change("U014", safe); s.leave(14) }, account: "U014", i: 14},
		"moved into a protected group after the review": {before: func(s *small) { s.leave(14) }, account: "U014", i: 14, between: func(s *small) func() { return func() { s.dms.change("U014", safe) } }},
		"given a protected email after the review": {before: func(s *small) { s.leave(14) }, account: "U014", i: 14, between: func(s *small) func() {
			return func() { s.dms.change("U014", func(a *provisioning.Account) { a.Email = "Glass@Firm.example" }) }
		}},
		"a service account": {before: func(s *small) { s.leave(14) }, account: "SVC_ROLLCALL", i: 14},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSmall(t, noon, 60)
			race := &racing{Store: s.store}
			s.with = func(deps *desk.Deps) {
				p, err := policy.Parse([]byte("service = [\"SVC_*\"]\nprotected = [\"U013\", \"glass@*\"]\nvip = [\"LON/SAFE\"]\n"), nil)
				if err != nil {
					t.Fatal(err)
				}
				deps.Policy = p
			}
			d := s.openOn(race, "l.ortiz")
			s.read(d)
			if c.i == 0 {
				c.i = 13
			}
			if c.account == "" {
				c.account = "U013"
			}
			c.before(s)
			if c.between != nil {
				s.parked(d, race, c.i, c.account, c.between(s))
				return
			}
			s.never(d, c.i, c.account)
		})
	}
}

// parked commits somebody who is like anybody else at the review, and whom something saves before the executor comes to them.
func (s *small) parked(d *desk.Desk, race *racing, i int, id string, between func()) {
	s.t.Helper()
	ctx := context.Background()
	s.read(d)
	c := s.put(0, s.leaver(i))
	race.mu.Lock()
	race.before = between
	race.mu.Unlock()
	s.committed(d, c)
	if u := s.batch(c.Batch).Units[0]; u.State != provisioning.UnitParked || u.Ops[0].Attempts > 0 {
		s.t.Errorf("the unit is %s: %+v", u.State, u.Ops[0])
	}
	if a, found, _ := s.dms.Account(ctx, id); !found || !a.Enabled || len(s.dms.sends()) > 0 {
		s.t.Errorf("%s is closed", id)
	}
}

// TestNobodyLocksThemselvesOut (threats G3): the operator, who approved, rollcall's own account and the last approver are never disabled.
func TestNobodyLocksThemselvesOut(t *testing.T) {
	ctx := context.Background()
	mapped := []provisioning.Operator{
		{Name: "l.ortiz", Account: "U001", Role: provisioning.RoleRequester},
		{Name: "m.chen", Account: "U020", Role: provisioning.RoleApprover, Person: provisioning.PersonKey{Directory: "okta", ID: "00u020"}},
		{Name: "a.shah", Account: "U021", Role: provisioning.RoleAdministrator},
	}
	for name, c := range map[string]struct {
		i       int
		account string
		before  func(s *small)
		between func(s *small) func()
	}{
		"the operator":      {i: 1, account: "U001"},
		"rollcall itself":   {i: 30, account: "SVC_ROLLCALL"},
		"the last approver": {i: 20, account: "U020", before: func(s *small) { s.dms.change("U021", func(a *provisioning.Account) { a.Enabled = false }) }},
		"the last approver, by then": {i: 20, account: "U020", between: func(s *small) func() {
			return func() { s.dms.change("U021", func(a *provisioning.Account) { a.Enabled = false }) }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSmall(t, noon, 60)
			race := &racing{Store: s.store}
			s.with = func(deps *desk.Deps) { deps.Mapped, deps.Policy = mapped, policy.Default() }
			d := s.openOn(race, "l.ortiz")
			if c.before != nil {
				c.before(s)
			}
			s.leave(c.i)
			if c.between != nil {
				s.parked(d, race, c.i, c.account, c.between(s))
				return
			}
			s.never(d, c.i, c.account)
		})
	}
	t.Run("who approved it", func(t *testing.T) {
		s := newSmall(t, noon, 60)
		s.with = func(deps *desk.Deps) { deps.Mapped = mapped }
		d := s.open("l.ortiz")
		s.leave(20)
		s.read(d)
		c := s.put(0, s.leaver(20))
		if v := s.view(d, c.Batch); heldBy(v) != "" {
			t.Fatalf("held by %q", heldBy(v))
		}
		if err := s.store.Approve(ctx, provisioning.Approval{
			Batch: c.Batch, Hash: c.Hash, Covers: "x", By: "m.chen", Approver: mapped[1].Key(), Requester: "okta/00u001", At: s.clock.Now(), Until: s.clock.Now().Add(time.Hour),
			PublicKey: []byte{1}, Signature: []byte{1},
		}, s.event(provisioning.EventReviewed)); err != nil {
			t.Fatal(err)
		}
		c.Reason = "HR"
		s.code("who approved it", d.Commit(ctx, c), provisioning.Held)
		s.untouched()
	})
}
