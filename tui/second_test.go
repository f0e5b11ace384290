package tui_test

import (
	"context"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui"
)

// secondDesk is a fake of what a batch's second person, its releases, its undo and its certificate ask of the desk.
type secondDesk struct {
	*fake
	approved, released, held, undone []string
	result                           desk.UndoResult
	certificate                      desk.Removed
	looked                           int
}

func (f *secondDesk) Approve(_ context.Context, _ int64, covers, words string) error {
	f.approved = append(f.approved, covers+": "+words)
	return nil
}
func (f *secondDesk) CollectApprovals(context.Context, int64) (bool, error) { return false, nil }
func (f *secondDesk) Release(_ context.Context, _ int64, _, account, reason string) error {
	f.released = append(f.released, account+": "+reason)
	return nil
}

func (f *secondDesk) Unrelease(_ context.Context, _ int64, _, account string) error {
	f.held = append(f.held, account)
	return nil
}

func (f *secondDesk) Undo(_ context.Context, _ int64, reason string) (desk.UndoResult, error) {
	f.undone = append(f.undone, reason)
	return f.result, nil
}

func (f *secondDesk) Certificate(context.Context, int64, string) (desk.Removed, error) {
	return f.certificate, nil
}

func (f *secondDesk) LookNow(context.Context, int64, string) error {
	f.looked++
	return nil
}

// opened is a console on a batch of a state.
func (f *secondDesk) opened(t *testing.T, v *desk.BatchView, ascii bool, width, height int) *tui.Model {
	t.Helper()
	f.fake = &fake{roll: rollOf(drawn(), true), plans: planDesk{batches: map[int64]*desk.BatchView{0: v, v.Batch.ID: v}}}
	m, err := tui.New(context.Background(), tui.Deps{Desk: f, Theme: "dark", ASCII: ascii, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	m.View()
	say(m, "b")
	return m
}

// waiting is a reviewed batch that waits for a second person; for the one who asks, or for one who may approve.
func waiting(mayNot string) *desk.BatchView {
	v := batchOf(140, provisioning.BatchReviewed, time.Time{})
	v.Batch.Title = ""
	v.Second = desk.Second{
		Needs: "3 people lose access, and the policy asks for it from 3 on", Covers: "c0ffee", Words: []string{"amber", "canal", "seven", "otter"},
		State: "nobody approved it yet", MayNot: mayNot, Asked: "the request is in /srv/approvals/rollcall-batch-140.request.json",
	}
	return v
}

func heldBatch() *desk.BatchView {
	v := batchOf(141, provisioning.BatchReviewed, time.Time{})
	v.Batch.Title, v.Held = "", true
	v.Verdicts = []provisioning.Verdict{{Guard: "office", Holds: true, Releasable: true, Sentence: "6 of 20 people of London in 24 h", People: []string{"Tom Barnes"}, Accounts: []string{"TBARNES"}}}
	return v
}

func undoBatch() *desk.BatchView {
	v := batchOf(142, provisioning.BatchDraft, time.Time{})
	v.Batch.Title, v.Batch.Undoes = "undo of batch 118", 118
	v.Batch.Kept = []provisioning.Kept{
		{Sort: provisioning.KeptConflict, Name: "Åsa Ångström", Why: "role in STO-TAX is SENIOR now, the batch left STANDARD"},
		{Sort: provisioning.KeptNever, Name: "Wei Chen 陳偉", Why: "iManage deletes no user: the account ends disabled and bare"},
		{Sort: provisioning.KeptNever, Name: "Tom Barnes", Library: "LON-COR", Why: "its step by hand is open"},
		{Sort: provisioning.KeptNever, Name: "Tom Barnes", Library: "TAX-FIN", Why: "its step by hand is open"},
		{Sort: provisioning.KeptBack, Name: "Ngozi Okafor", Library: "LON-LIT", Why: "it is so already"},
	}
	return v
}

func doneBatch() *desk.BatchView {
	v := batchOf(143, provisioning.BatchDone, time.Time{})
	v.Batch.Units[0].State, v.Batch.Units[0].Ops[0].State = provisioning.UnitDone, provisioning.OpConfirmed
	v.Lines[143][0].State, v.Lines[143][0].Result = provisioning.OpConfirmed, "answer 200, read back: disabled"
	v.SeenOff = map[int64]string{143: "disabled 14:06:03, read back; seen off pending (iManage may take up to 8 h; next look 14:21)"}
	return v
}

// TestSecondGolden holds the looks of a batch that waits for a second person, for either of the two; of one that is held and released
// singly; of an undo with what it leaves alone; and of one that is done and looked after.
func TestSecondGolden(t *testing.T) {
	views := map[string]func() *desk.BatchView{
		"waits, for who asks":       func() *desk.BatchView { return waiting("you had a hand in this batch") },
		"waits, for who approves":   func() *desk.BatchView { return waiting("") },
		"held":                      heldBatch,
		"undo":                      undoBatch,
		"done, not seen off so far": doneBatch,
		"approved": func() *desk.BatchView {
			v := waiting("")
			v.Second.Given, v.Second.State = true, "approved by m.chen 24 Nov 14:00, until 25 Nov 14:00"
			return v
		},
	}
	for name, view := range views {
		looks(t, name, func(t *testing.T, ascii bool, w, h int) *tui.Model {
			return new(secondDesk).opened(t, view(), ascii, w, h)
		})
	}
}

// TestApproveKey: whoever may approve is not shown the words and types what they hear; whoever had a hand is told why A does nothing.
func TestApproveKey(t *testing.T) {
	f := &secondDesk{}
	m := f.opened(t, waiting(""), false, 80, 24)
	if text := screen(m); strings.Contains(text, "amber") {
		t.Errorf("the approver is shown the words:\n%s", text)
	}
	say(m, "A")
	write(m, "amber canal seven")
	say(m, "enter")
	if len(f.approved) != 0 {
		t.Fatal("three words approved it")
	}
	write(m, " otter")
	say(m, "enter")
	if len(f.approved) != 1 || f.approved[0] != "c0ffee: amber canal seven otter" {
		t.Errorf("approved %q", f.approved)
	}
	m = f.opened(t, waiting("you had a hand in this batch: another person must approve it"), false, 80, 24)
	if text := screen(m); !strings.Contains(text, "amber   canal   seven   otter") {
		t.Errorf("whoever asks has nothing to read out:\n%s", text)
	}
	say(m, "A")
	if text := screen(m); !strings.Contains(text, "you had a hand in this batch") || len(f.approved) != 1 {
		t.Errorf("it does not say why:\n%s", text)
	}
}

// TestReleaseKey: R releases the one person under the cursor, with a reason; again takes it back.
func TestReleaseKey(t *testing.T) {
	f := &secondDesk{}
	m := f.opened(t, heldBatch(), false, 80, 24)
	say(m, "R", "enter")
	if len(f.released) != 0 {
		t.Fatal("released without a reason")
	}
	write(m, "HR 4711")
	say(m, "enter")
	if len(f.released) != 1 || f.released[0] != "TBARNES: HR 4711" {
		t.Errorf("released %q", f.released)
	}
	v := heldBatch()
	v.Released = map[int64]provisioning.Release{141: {Account: "TBARNES", Reason: "HR 4711"}}
	m = f.opened(t, v, false, 80, 24)
	say(m, "R")
	if len(f.held) != 1 || f.held[0] != "TBARNES" {
		t.Errorf("held again %q", f.held)
	}
	m = f.opened(t, batchOf(144, provisioning.BatchDraft, time.Time{}), false, 80, 24)
	say(m, "R")
	if text := screen(m); !strings.Contains(text, "review it first") {
		t.Errorf("it does not say why:\n%s", text)
	}
}

// TestUndoKey: u asks for a reason, and opens the batch that undoes; where all is back already, or everything was changed since, it says so.
func TestUndoKey(t *testing.T) {
	f := &secondDesk{result: desk.UndoResult{Conflicts: []provisioning.Kept{{Sort: provisioning.KeptConflict, Name: "Åsa Ångström"}}}}
	m := f.opened(t, doneBatch(), false, 80, 24)
	say(m, "u", "enter")
	if len(f.undone) != 0 {
		t.Fatal("undone without a reason")
	}
	write(m, "the wrong list")
	say(m, "enter")
	if text := screen(m); len(f.undone) != 1 || !strings.Contains(text, "changed by somebody else since: Åsa Ångström") {
		t.Errorf("undone %q:\n%s", f.undone, text)
	}
}

// TestCertificateKey: C shows when each access was asked, accepted and seen off, and what it does not claim; l looks now.
func TestCertificateKey(t *testing.T) {
	f := &secondDesk{certificate: desk.Removed{
		People: []desk.CertifiedPerson{{Name: "Tom Barnes", Account: "TBARNES"}}, NotClaims: []string{"Nothing about sessions."},
	}}
	m := f.opened(t, doneBatch(), false, 80, 24)
	say(m, "C")
	if text := screen(m); !strings.Contains(text, "not complete, 1 of 1 people pending") || !strings.Contains(text, "Nothing about sessions") {
		t.Errorf("the certificate:\n%s", text)
	}
	say(m, "esc", "l")
	if f.looked != 1 {
		t.Errorf("looked %d times", f.looked)
	}
}
