package desk_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/policy"
)

const seatPolicy = `
service = ["SVC_*", "ZZ_*"]
protected = ["U013"]
[licence]
currency = "GBP"
reclaim = 90
grace = "14d"
[[licence.class]]
name = "external"
external = true
price = 120.50
[[licence.class]]
name = "standard"
price = 480
disabled_counts = true
`

// seated is a small firm whose seats have prices. Every account is old.
func seated(t *testing.T, n int) (*small, *desk.Desk) {
	t.Helper()
	return seatedUnder(t, n, seatPolicy)
}

func seatedUnder(t *testing.T, n int, rules string) (*small, *desk.Desk) {
	t.Helper()
	s := newSmall(t, noon, n)
	p, err := policy.Parse([]byte(rules), nil)
	if err != nil {
		t.Fatal(err)
	}
	s.with = func(deps *desk.Deps) { deps.Policy = p }
	for _, a := range s.dms.accounts {
		a.Created = noon.AddDate(-2, 0, 0)
	}
	d := s.open("l.ortiz")
	s.read(d)
	return s, d
}

func (s *small) useAt(account string, at time.Time) {
	s.dms.mu.Lock()
	defer s.dms.mu.Unlock()
	s.dms.used[account] = at
}

func readUse(t *testing.T, d *desk.Desk) {
	t.Helper()
	if _, err := d.ReadUse(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
}

// TestReclaim: an unused seat from the notice to the closed account; one that is used after the notice, one that is used after it was
// staged and before it was sent, and one that cannot be read any more keep their account: nothing is sent for them.
func TestReclaim(t *testing.T) {
	ctx := context.Background()
	s, d := seated(t, 14)
	for i := 7; i <= 12; i++ {
		_, account, _ := user(i)
		s.useAt(account, noon.AddDate(0, 0, -3))
	}
	book, err := d.Seats(ctx)
	if err != nil || len(book.Reclaimable()) != 0 {
		t.Fatalf("before anything was read of their use: %+v, %v", book.Reclaimable(), err)
	}
	readUse(t, d)
	if book, err = d.Seats(ctx); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, seat := range book.Reclaimable() {
		ids = append(ids, seat.Account)
	}
	if want := []string{"U001", "U002", "U003", "U004", "U005", "U006", "U014"}; !slices.Equal(ids, want) { // U013 is protected
		t.Fatalf("%v", ids)
	}
	n, err := d.GiveNotice(ctx, []string{"U002", "U003", "U004", "U005", "U006", "U007", "U013", "NOBODY"})
	if err != nil || len(n.Reclaims) != 5 || len(n.Left) != 3 || !strings.Contains(string(n.Text), "U002") || !strings.Contains(string(n.Text), "GBP 2400.00") {
		t.Fatalf("%+v, %v", n, err)
	}
	if _, err := d.GiveNotice(ctx, []string{"U002"}); provisioning.CodeOf(err) != provisioning.Invalid {
		t.Errorf("a second notice: %v", err)
	}
	if early, err := d.StageReclaims(ctx, nil); err != nil || early.Batch != 0 || len(early.Waiting) != 5 {
		t.Errorf("before the grace days are over: %+v, %v", early, err)
	}
	if err := d.WithdrawNotice(ctx, []int64{n.Reclaims[4].ID}, "on leave"); err != nil { // U006
		t.Fatal(err)
	}
	s.clock.to(s.clock.Now().Add(14*24*time.Hour + time.Minute))
	s.useAt("U003", s.clock.Now().Add(-time.Hour)) // used after the notice
	s.dms.mu.Lock()
	s.dms.blind["U004"] = true // and nobody can tell any more
	s.dms.mu.Unlock()
	s.read(d)
	staged, err := d.StageReclaims(ctx, nil)
	if err != nil || staged.People != 2 || len(staged.Cancelled) != 1 || staged.Cancelled[0].Key != "U003" || len(staged.Waiting) != 1 || staged.Waiting[0].Key != "U004" {
		t.Fatalf("%+v, %v", staged, err)
	}
	c := s.order(d, staged.Batch)
	c.Reason = "the guards hold two of fourteen" // and are answered with the number and a reason
	s.useAt("U005", s.clock.Now())               // between the stage and the act
	s.committed(d, c)
	var sent []string
	for _, one := range s.dms.sends() {
		sent = append(sent, one.change.Account)
	}
	if !slices.Equal(sent, []string{"U002"}) {
		t.Errorf("sent for %v", sent)
	}
	list, err := d.Reclaims(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	state := make(map[string]provisioning.ReclaimState)
	for _, r := range list {
		state[r.Account] = r.State
		if r.State == provisioning.ReclaimCancelled && r.Why == "" {
			t.Errorf("%s without a reason", r.Account)
		}
	}
	want := map[string]provisioning.ReclaimState{
		"U002": provisioning.ReclaimDone, "U003": provisioning.ReclaimCancelled, "U004": provisioning.ReclaimNoticed, "U005": provisioning.ReclaimCancelled, "U006": provisioning.ReclaimCancelled,
	}
	if fmt.Sprint(state) != fmt.Sprint(want) {
		t.Errorf("%v", state)
	}
}

// TestSavingIsTheBatchs: what taking seats back saves is said alike where they may be taken back, where they are staged and by the batch
// itself; where the contract counts a disabled account too it is nothing, whatever the seat costs.
func TestSavingIsTheBatchs(t *testing.T) {
	ctx := context.Background()
	for counts, want := range map[string]provisioning.Money{"false": 2 * 48000, "true": 0} {
		s, d := seatedUnder(t, 14, strings.Replace(seatPolicy, "disabled_counts = true", "disabled_counts = "+counts, 1))
		readUse(t, d)
		book, err := d.Seats(ctx)
		if err != nil {
			t.Fatal(err)
		}
		saves := provisioning.Money(0)
		for _, seat := range book.Reclaimable() {
			if seat.Account == "U002" || seat.Account == "U003" {
				saves += seat.Saves
			}
		}
		if _, err := d.GiveNotice(ctx, []string{"U002", "U003"}); err != nil {
			t.Fatal(err)
		}
		s.clock.to(s.clock.Now().Add(15 * 24 * time.Hour))
		s.read(d)
		staged, err := d.StageReclaims(ctx, nil)
		if err != nil || staged.People != 2 {
			t.Fatalf("%+v, %v", staged, err)
		}
		v, err := d.View(ctx, staged.Batch)
		if err != nil || saves != want || staged.Money != want || v.Money != -want {
			t.Errorf("disabled_counts = %s: the list %d, staged %d, the batch %d: %v", counts, saves, staged.Money, v.Money, err)
		}
	}
}

// TestUnknownIsNeverTakenBack: whatever is planted, whatever cannot be read and whatever happens between the notice and the act, no request
// leaves for an account that was used within the policy's days, or of which that cannot be told at the moment of the act.
func TestUnknownIsNeverTakenBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ctx := context.Background()
		s, d := seated(t, 8)
		plant := func(label string) {
			for i := 1; i <= 8; i++ {
				_, account, _ := user(i)
				switch rapid.IntRange(0, 3).Draw(rt, label+account) {
				case 0:
					s.useAt(account, s.clock.Now().Add(-time.Duration(rapid.IntRange(0, 200).Draw(rt, "days"))*24*time.Hour))
				case 1:
					s.dms.mu.Lock()
					s.dms.blind[account] = !s.dms.blind[account]
					s.dms.mu.Unlock()
				default:
				}
			}
		}
		plant("first ")
		readUse(t, d)
		var all []string
		for i := 1; i <= 8; i++ {
			_, account, _ := user(i)
			all = append(all, account)
		}
		if _, err := d.GiveNotice(ctx, all); err != nil && provisioning.CodeOf(err) != provisioning.Invalid {
			rt.Fatal(err)
		}
		s.clock.to(s.clock.Now().Add(15 * 24 * time.Hour))
		plant("before staging ")
		s.read(d)
		staged, err := d.StageReclaims(ctx, nil)
		if err != nil {
			rt.Fatal(err)
		}
		if staged.Batch == 0 {
			return
		}
		c := s.order(d, staged.Batch)
		plant("before the act ")
		c.Reason = "unused"
		if err := d.Commit(ctx, c); err != nil && provisioning.CodeOf(err) != provisioning.Held {
			rt.Fatal(err)
		}
		if err := d.Wait(ctx, c.Batch); err != nil {
			rt.Fatal(err)
		}
		s.dms.mu.Lock()
		defer s.dms.mu.Unlock()
		for _, one := range s.dms.log {
			at := s.dms.used[one.change.Account]
			if s.dms.blind[one.change.Account] || s.clock.Now().Sub(at) < 90*24*time.Hour {
				rt.Fatalf("%s was taken back: used %s, unreadable %t", one.change.Account, at, s.dms.blind[one.change.Account])
			}
		}
	})
}

// TestMoneyOfEachLine: the change that ends a paid seat says on its own line what it costs less in a year; the batch is the sum of its
// lines. Where the contract counts a disabled account too, it costs as much as before, and nothing is said to be saved.
func TestMoneyOfEachLine(t *testing.T) {
	for _, counts := range []string{"false", "true"} {
		s, _ := seated(t, 12)
		p, err := policy.Parse([]byte(strings.Replace(seatPolicy, "disabled_counts = true", "disabled_counts = "+counts, 1)), nil)
		if err != nil {
			t.Fatal(err)
		}
		s.with = func(deps *desk.Deps) { deps.Policy = p }
		d := s.open("l.ortiz")
		s.leave(3)
		s.read(d)
		staged, err := d.Stage(context.Background(), []string{rowKey(3)})
		if err != nil || staged.People != 1 {
			t.Fatalf("%+v, %v", staged, err)
		}
		v, err := d.View(context.Background(), staged.Batch)
		if err != nil {
			t.Fatal(err)
		}
		var sum provisioning.Money
		said := ""
		for _, l := range v.Lines[v.Batch.Units[0].ID] {
			sum += l.Money
			if strings.HasPrefix(l.What, "disable account") {
				said = l.Note
			}
		}
		want := provisioning.Money(-48000)
		if counts == "true" {
			want = 0
		}
		if v.Money != want || sum != want || strings.Contains(said, "GBP -480.00 a year") != (want != 0) {
			t.Errorf("disabled_counts = %s: %d, its lines %d, %q", counts, v.Money, sum, said)
		}
	}
}
