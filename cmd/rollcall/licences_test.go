package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

// TestLicencesCommand: before anybody read the use nothing may be taken back; afterwards the page says what its JSON says, names what may
// be taken back and what stands in the way of the rest; a notice is written for its owner alone, listed and taken back, and within its
// grace days nothing is staged.
func TestLicencesCommand(t *testing.T) {
	dir := t.TempDir()
	demo := func(args ...string) []string {
		return append(args, "--demo", "--people", "300", "--state", filepath.Join(dir, "state"))
	}
	must := func(args ...string) string {
		t.Helper()
		out, code := command(t, demo(args...)...)
		if code != exitDone {
			t.Fatalf("%v: %d %s", args, code, out)
		}
		return out
	}
	if out, code := command(t, demo("licences")...); code == exitDone || !strings.Contains(out, "nothing has been read yet") {
		t.Fatalf("%d %s", code, out)
	}
	must("sync")
	if out := must("licences"); !strings.Contains(out, "\n0 seats may be taken back") {
		t.Errorf("nobody read the use: %s", out)
	}
	if out := must("licences", "use"); !strings.Contains(out, "unknown: ") || !strings.Contains(out, "whole\n") {
		t.Errorf("the demo firm has histories that cannot be read: %s", out)
	}
	var seats struct {
		Reclaimable, Held []desk.Seat
		Total             desk.SeatTotal
	}
	shownJSON(t, exitDone, &seats, demo("licences")...)
	page := must("licences")
	var saves provisioning.Money
	for i := range seats.Reclaimable {
		saves += seats.Reclaimable[i].Saves
		if !strings.Contains(page, "  "+seats.Reclaimable[i].Account+" ") {
			t.Errorf("%s is not on the page", seats.Reclaimable[i].Account)
		}
	}
	if len(seats.Reclaimable) == 0 || len(seats.Held) == 0 || seats.Total.Term == 0 {
		t.Fatalf("the demo firm has both: %+v", seats)
	}
	for _, want := range []string{
		fmt.Sprintf("\n%d seats may be taken back, which saves %s a year\n", len(seats.Reclaimable), saves.In("GBP")),
		fmt.Sprintf("\nunused as long, and not to be taken back: %d\n", len(seats.Held)), seats.Held[0].Kept, seats.Total.Term.In("GBP") + " of it is for the time until the renewals",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not on the page: %s", want, page)
		}
	}
	account, file := seats.Reclaimable[0].Account, filepath.Join(dir, "notices.txt")
	if out := must("licences", "notice", account, seats.Held[0].Account, "-o", file); !strings.Contains(out, "1 notices are in") || !strings.Contains(out, "left out: ") {
		t.Errorf("%s", out)
	}
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), account) || strings.Contains(string(text), seats.Held[0].Account) {
		t.Errorf("%v %s", err, text)
	}
	if out := must("licences", "reclaim"); !strings.Contains(out, "no seat is to be taken back now") || !strings.Contains(out, "the grace days run until") {
		t.Errorf("%s", out)
	}
	must("licences", "withdraw", "1", "--reason", "on leave")
	if out := must("licences", "notices"); !strings.Contains(out, account) || !strings.Contains(out, "cancelled") || !strings.Contains(out, "on leave") {
		t.Errorf("%s", out)
	}
	if out := must("licences", "notices", "--open"); !strings.Contains(out, "no notice was given") {
		t.Errorf("%s", out)
	}
}
