package desk_test

import (
	"context"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

// TestNoNotice: what the screen is told to stand in the way of a seat is, seat by seat and word by word, why GiveNotice leaves it out; where
// nothing does a notice is given, and then that stands in the way. The book knows the policy's grace and when use was read last.
func TestNoNotice(t *testing.T) {
	ctx := context.Background()
	s, d := seated(t, 14)
	for i := 7; i <= 12; i++ {
		_, account, _ := user(i)
		s.useAt(account, noon.AddDate(0, 0, -3))
	}
	s.dms.mu.Lock()
	s.dms.blind["U004"] = true
	s.dms.mu.Unlock()
	if book, err := d.Seats(ctx); err != nil || !book.UseRead.IsZero() {
		t.Fatalf("read before it was: %v, %v", book.UseRead, err)
	}
	readUse(t, d)
	given := 0
	for round := range 2 {
		book, err := d.Seats(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if book.UseRead.IsZero() || book.Grace != 14*24*time.Hour || book.Reclaim != 90 || len(book.Dormant) == 0 {
			t.Fatalf("read %v, grace %v, reclaim %d, %v", book.UseRead, book.Grace, book.Reclaim, book.Dormant)
		}
		for i := range book.Seats {
			seat := &book.Seats[i]
			reclaims, err := d.Reclaims(ctx, false)
			if err != nil {
				t.Fatal(err)
			}
			why := desk.NoNotice(book, seat, reclaims)
			n, err := d.GiveNotice(ctx, []string{seat.Account})
			switch {
			case why == "":
				if err != nil || len(n.Reclaims) != 1 || round > 0 {
					t.Errorf("%s, round %d: nothing stands in the way, and %+v, %v", seat.Account, round, n, err)
				}
				given++
			case provisioning.CodeOf(err) != provisioning.Invalid || len(n.Left) != 1 || n.Left[0].Why != why:
				t.Errorf("%s: %q, and the desk says %+v, %v", seat.Account, why, n, err)
			}
		}
	}
	if given != 6 { // U001 to U006 and U014, but for U004, of whom nobody can tell
		t.Errorf("%d notices", given)
	}
}
