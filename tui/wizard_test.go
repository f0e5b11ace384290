package tui_test

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names/namestest"
	"rollcall/tui"
	"rollcall/tui/ui"
)

func rehire(c *desk.Case) {
	c.Hold = "WCHEN is closed and looks like their own: compare name, employee number and start date, then say that it is theirs"
	c.Checks = append([]desk.Check{{What: "rehire", State: provisioning.FindingWarning, Detail: "WCHEN is the closed account of somebody with the same employee number 10442 and name: if they are back, open it again; it is emptied first"}}, c.Checks...)
	c.Now, c.Rights = nil, nil
}

func active(c *desk.Case) {
	c.NeedsReason = true
	c.Idp = []string{"still active in okta since 4 Mar 2019, last signed in 24 Nov 2026"}
	c.Hold = "the directory says that they are active: give the reason why their access ends (who asked, which ticket)"
	c.Now = nil
}

// TestWizardGolden holds the looks of each wizard in its main states.
func TestWizardGolden(t *testing.T) {
	for _, look := range []struct {
		name   string
		kind   desk.CaseKind
		change func(*desk.Case)
		keys   []string
	}{
		{"joiner", desk.CaseJoiner, nil, nil},
		{"joiner left out", desk.CaseJoiner, nil, []string{"space", "down"}},
		{"joiner what is done", desk.CaseJoiner, nil, []string{"p"}},
		{"joiner held", desk.CaseJoiner, rehire, nil},
		{"joiner like whom", desk.CaseJoiner, nil, []string{"l"}},
		{"mover", desk.CaseMover, nil, nil},
		{"mover with a grace date", desk.CaseMover, nil, []string{"g", "+", "9", "6", "h", "enter", "down"}},
		{"leaver", desk.CaseLeaver, nil, nil},
		{"leaver further down", desk.CaseLeaver, nil, []string{"pgdown"}},
		{"leaver held", desk.CaseLeaver, active, nil},
		{"leaver when", desk.CaseLeaver, nil, []string{"t", "+", "2", "h"}},
	} {
		looks(t, look.name, func(t *testing.T, ascii bool, width, height int) *tui.Model {
			m := wizardOn(t, &fake{cases: caseDesk{change: look.change}}, look.kind, "dark", ascii, width, height)
			say(m, look.keys...)
			return m
		})
	}
}

// TestLeaverWalk: from the roster the case is read, staged with one key, and its batch is on the screen: x and s beside the name.
func TestLeaverWalk(t *testing.T) {
	f := &fake{cases: caseDesk{got: desk.CaseStaged{Batch: 118, Changes: 5}}, plans: planDesk{batches: map[int64]*desk.BatchView{118: batchOf(118, provisioning.BatchDraft, time.Time{})}}}
	m := wizardOn(t, f, desk.CaseLeaver, "dark", false, 80, 24)
	if got := f.cases.keys; len(got) != 1 || got[0] != "leaver p/okta/U000003" {
		t.Fatalf("asked for %v", got)
	}
	say(m, "s")
	if text := screen(m); len(f.cases.staged) != 1 || !strings.Contains(text, "Batch 118") {
		t.Fatalf("staged %d:\n%s", len(f.cases.staged), text)
	}
	say(m, "c", "1", "enter")
	if len(f.plans.committed) != 1 || f.plans.committed[0].Batch != 118 {
		t.Errorf("committed %v", f.plans.committed)
	}
	say(m, "esc")
	if text := screen(m); !strings.Contains(text, "PEOPLE") {
		t.Errorf("the wizard is still there:\n%s", text)
	}
}

// TestItsMinuteComes: a scheduled batch on the screen is looked at again when its minute has come, and not before.
func TestItsMinuteComes(t *testing.T) {
	for due, again := range map[time.Time]bool{now.Add(time.Minute): false, now: true} {
		f := &fake{plans: planDesk{batches: map[int64]*desk.BatchView{}}}
		f.plans.batches[0] = batchOf(119, provisioning.BatchScheduled, due)
		f.plans.batches[119] = f.plans.batches[0]
		m := on(t, f, false, 80, 24, "b")
		begun := batchOf(119, provisioning.BatchCommitted, due)
		f.plans.batches[119] = begun
		_, cmd := m.Update(ui.Beat{})
		settle(m, cmd)
		if text := screen(m); strings.Contains(text, "interrupted") != again {
			t.Errorf("due %s, looked again: %v\n%s", due, !again, text)
		}
	}
}

// TestLaterLiesUnderNow: what goes at a grace date is the batch that one comes to when the one of now is left.
func TestLaterLiesUnderNow(t *testing.T) {
	f := &fake{cases: caseDesk{got: desk.CaseStaged{Batch: 118, Later: 119, Changes: 5}}, plans: planDesk{batches: map[int64]*desk.BatchView{
		118: batchOf(118, provisioning.BatchDraft, time.Time{}), 119: batchOf(119, provisioning.BatchDraft, days(14)),
	}}}
	m := wizardOn(t, f, desk.CaseMover, "dark", false, 80, 24)
	say(m, "s")
	if text := screen(m); !strings.Contains(text, "Batch 118") {
		t.Fatalf("not the batch of now:\n%s", text)
	}
	say(m, "esc")
	if text := screen(m); !strings.Contains(text, "Batch 119") || !strings.Contains(text, "c confirms it") {
		t.Errorf("not what goes later:\n%s", text)
	}
	say(m, "esc")
	if text := screen(m); !strings.Contains(text, "PEOPLE") {
		t.Errorf("not the roster:\n%s", text)
	}
}

// TestHeldIsNotStaged: a hold dims the key, which says why; a reason that is given is asked about anew.
func TestHeldIsNotStaged(t *testing.T) {
	f := &fake{cases: caseDesk{change: active}}
	m := wizardOn(t, f, desk.CaseLeaver, "dark", false, 80, 24)
	say(m, "s")
	if text := screen(m); len(f.cases.staged) != 0 || !strings.Contains(text, "HELD: the directory says that they are active") || !strings.Contains(text, "stage: the directory says") {
		t.Fatalf("it does not say why:\n%s", text)
	}
	say(m, "R")
	write(m, "HR, ticket 7")
	say(m, "enter")
	if o := f.cases.asked[len(f.cases.asked)-1]; o.Reason != "HR, ticket 7" {
		t.Errorf("asked with %+v", o)
	}
}

// TestRehire: the closed account's id and a reason are typed; neither is taken empty, and R takes them back.
func TestRehire(t *testing.T) {
	f := &fake{cases: caseDesk{change: rehire}}
	m := wizardOn(t, f, desk.CaseJoiner, "dark", false, 80, 24)
	say(m, "R", "enter")
	if len(f.cases.asked) != 1 {
		t.Fatal("nothing typed was taken")
	}
	write(m, "wchen")
	say(m, "enter", "enter")
	if len(f.cases.asked) != 1 {
		t.Fatal("no reason was taken")
	}
	write(m, "number and start date agree")
	say(m, "enter")
	if o := f.cases.asked[1]; o.Rehire != "WCHEN" || o.Reason != "number and start date agree" {
		t.Errorf("asked with %+v", o)
	}
	say(m, "R")
	if o := f.cases.asked[2]; o.Rehire != "" || o.Reason != "" {
		t.Errorf("asked with %+v", o)
	}
	m = wizardOn(t, &fake{}, desk.CaseJoiner, "dark", false, 80, 24)
	say(m, "R")
	if text := screen(m); !strings.Contains(text, "no closed account was found") {
		t.Errorf("it does not say why:\n%s", text)
	}
}

// TestRightsAreChosen: space leaves the right under the cursor out and puts it back, a adds what is marked, l takes a colleague's; each
// asks the desk anew, and the cursor stays on its right.
func TestRightsAreChosen(t *testing.T) {
	f := &fake{}
	m := wizardOn(t, f, desk.CaseJoiner, "dark", false, 120, 40)
	last := func() desk.CaseOptions { return f.cases.asked[len(f.cases.asked)-1] }
	say(m, "down", "space")
	if o := last(); len(o.Drop) != 1 || o.Drop[0] != group("HKG-COR/DEAL-HERON") {
		t.Fatalf("asked with %+v", o)
	}
	if text := screen(m); !strings.Contains(text, "▸ · left out    group HKG-COR/DEAL-HERON") {
		t.Errorf("the cursor is elsewhere:\n%s", text)
	}
	say(m, "space")
	if o := last(); len(o.Drop) != 0 {
		t.Errorf("asked with %+v", o)
	}
	say(m, "down", "space")
	if text := screen(m); !strings.Contains(text, "drop: it is withheld: the wall") {
		t.Errorf("it does not say why:\n%s", text)
	}
	say(m, "a")
	write(m, "lon-tax")
	say(m, "tab", "tab", "enter")
	if o := last(); len(o.Add) != 2 || o.Add[0] != lib("LON-TAX") || o.Add[1] != group("LON-TAX/ALL-LON-TAX") {
		t.Errorf("asked with %+v", o)
	}
	say(m, "l")
	write(m, "folake")
	say(m, "enter")
	if o := last(); o.Like != "p/okta/U000001" || len(o.Add) != 2 {
		t.Errorf("asked with %+v", o)
	}
	say(m, "l")
	if o := last(); o.Like != "" {
		t.Errorf("asked with %+v", o)
	}
}

// TestLeaverDecisions: the check-outs end with the number of documents typed and no other; a successor and the readers are picked; each
// key takes its decision back.
func TestLeaverDecisions(t *testing.T) {
	f := &fake{}
	m := wizardOn(t, f, desk.CaseLeaver, "dark", false, 80, 24)
	last := func() desk.CaseOptions { return f.cases.asked[len(f.cases.asked)-1] }
	say(m, "k", "1", "enter", "esc")
	if last().Release {
		t.Fatal("another number was taken")
	}
	say(m, "k", "3", "enter")
	if !last().Release {
		t.Error("the number was not taken")
	}
	say(m, "o", "enter")
	if o := last(); o.Successor != "FADEYEMI" || !o.Release {
		t.Errorf("asked with %+v", o)
	}
	say(m, "z", "tab", "tab", "enter")
	if o := last(); len(o.Readers) != 2 || o.Readers[1] != "m.chen" {
		t.Errorf("asked with %+v", o)
	}
	say(m, "t")
	write(m, "+2h")
	say(m, "enter")
	if o := last(); !o.At.Equal(now.Add(2*time.Hour)) || len(o.Readers) != 2 {
		t.Errorf("asked with %+v", o)
	}
	say(m, "t")
	for range "2026-11-24 16:02" {
		say(m, "backspace")
	}
	write(m, "now")
	say(m, "enter", "k", "o", "z")
	if o := last(); !o.At.IsZero() || o.Release || o.Successor != "" || o.Readers != nil {
		t.Errorf("asked with %+v", o)
	}
}

// TestLinkedMove: enter on a linked person opens their mover over this one, and esc comes back to it.
func TestLinkedMove(t *testing.T) {
	f := &fake{}
	m := wizardOn(t, f, desk.CaseMover, "dark", false, 120, 40)
	say(m, "enter")
	if text := screen(m); !strings.Contains(text, "their move: put the cursor on somebody") {
		t.Errorf("it does not say why:\n%s", text)
	}
	for range 6 {
		say(m, "down")
	}
	say(m, "enter")
	if got := f.cases.keys; got[len(got)-1] != "mover p/okta/U000001" {
		t.Fatalf("asked for %v", got)
	}
	say(m, "esc")
	if text := screen(m); !strings.Contains(text, "▸ Folake Adeyemi") {
		t.Errorf("not back where it was:\n%s", text)
	}
}

// TestJoinerForSomebodyElse: on a row that is no joiner n asks for whom, as one types; esc leaves the roster as it was.
func TestJoinerForSomebodyElse(t *testing.T) {
	f := &fake{roll: rollOf(drawn(), true)}
	m := console(t, f, "dark", false, 80, 24)
	m.View()
	say(m, "n")
	if text := screen(m); !strings.Contains(text, "A joiner: who?") || len(f.cases.asked) != 0 {
		t.Fatalf("it does not ask:\n%s", text)
	}
	say(m, "esc", "n")
	write(m, "chen")
	say(m, "enter")
	if got := f.cases.keys; len(got) != 1 || got[0] != "joiner p/okta/U000005" {
		t.Errorf("asked for %v", got)
	}
}

// slow holds every case back until it is let go, so that answers come in an order of the test's own.
type slow struct {
	*fake
	wait chan chan *desk.Case
}

func (s *slow) Case(ctx context.Context, kind desk.CaseKind, key string, o desk.CaseOptions) (*desk.Case, error) {
	answer := make(chan *desk.Case)
	s.wait <- answer
	select {
	case <-answer:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return s.fake.Case(ctx, kind, key, o)
}

// TestUpdateNeverBlocks: while the case is being read every key comes back at once, says why it cannot act, and the screen says what is
// being read; esc gives the reading up.
func TestUpdateNeverBlocks(t *testing.T) {
	for _, kind := range []desk.CaseKind{desk.CaseLeaver, desk.CaseMover, desk.CaseJoiner} {
		s := &slow{fake: &fake{roll: rollOf(drawn(), true)}, wait: make(chan chan *desk.Case, 1)}
		m, err := tui.New(context.Background(), tui.Deps{Desk: s, Theme: "dark"})
		if err != nil {
			t.Fatal(err)
		}
		m.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
		_, cmd := m.Update(ui.OpenCase{Kind: string(kind), Key: "p/okta/U000003", Name: "Tom Barnes"})
		ended := make(chan tea.Msg, 1)
		go func() { ended <- cmd() }()
		<-s.wait // it is asked, and not answered
		if text := screen(m); !strings.Contains(text, "Tom Barnes · "+string(kind)) || !strings.Contains(text, "reading") {
			t.Errorf("it does not say what is read:\n%s", text)
		}
		for _, b := range m.Keys() {
			if b.Help == "back" {
				continue
			}
			settle(m, press(m, b.Keys[0]))
			if b.Disabled != nil && !strings.Contains(screen(m), "still reading") {
				t.Errorf("%s: %s does not say why:\n%s", kind, b.Keys[0], screen(m))
			}
		}
		settle(m, press(m, "esc"))
		settle(m, func() tea.Msg { return <-ended })
		if text := screen(m); !strings.Contains(text, "PEOPLE") || strings.Contains(text, "canceled") {
			t.Errorf("the answer to what was left is shown:\n%s", text)
		}
		if len(s.cases.staged) != 0 {
			t.Error("something was staged")
		}
	}
}

// TestStaleAnswersAreDropped: an older answer that comes late changes nothing.
func TestStaleAnswersAreDropped(t *testing.T) {
	f := &fake{}
	m := wizardOn(t, f, desk.CaseJoiner, "dark", false, 120, 40)
	first := press(m, "space")        // leaves HKG-COR out
	second := press(m, "space")       // puts it back
	late, newest := first(), second() // the older one is answered too
	m.Update(newest)
	m.Update(late)
	if text := screen(m); strings.Contains(text, "left out") || strings.Contains(text, "reading again") {
		t.Errorf("the older answer is shown:\n%s", text)
	}
}

// TestAFailedChoiceChangesNothing: where the desk refuses what was decided, what was decided before still stands.
func TestAFailedChoiceChangesNothing(t *testing.T) {
	f := &fake{}
	m := wizardOn(t, f, desk.CaseJoiner, "dark", false, 120, 40)
	f.cases.err = &provisioning.Error{Code: provisioning.Unavailable, Message: "imanage does not answer"}
	say(m, "space")
	if text := screen(m); !strings.Contains(text, "imanage does not answer") {
		t.Fatalf("it does not say so:\n%s", text)
	}
	f.cases.err = nil
	say(m, "esc", "r")
	if o := f.cases.asked[len(f.cases.asked)-1]; len(o.Drop) != 0 || !strings.Contains(screen(m), "HKG-COR") {
		t.Errorf("asked with %+v", o)
	}
}

// TestNothingIsCutOff: at 80 columns every word of every sentence can be read, page by page.
func TestNothingIsCutOff(t *testing.T) {
	for _, kind := range []desk.CaseKind{desk.CaseJoiner, desk.CaseMover, desk.CaseLeaver} {
		f := &fake{}
		m := wizardOn(t, f, kind, "dark", false, 80, 24)
		var seen strings.Builder
		read := func() {
			for range 20 {
				seen.WriteString(screen(m))
				say(m, "pgdown")
			}
		}
		read()
		if kind != desk.CaseLeaver {
			say(m, "p")
			read()
		}
		c, _ := f.Case(context.Background(), kind, "", desk.CaseOptions{})
		var all []string
		for _, check := range c.Checks {
			all = append(all, check.Detail)
		}
		for _, r := range c.Rights {
			if kind == desk.CaseLeaver { // they are told as what is removed
				break
			}
			all = append(all, r.String(), r.Why)
		}
		for _, l := range append(c.Now, c.Later...) {
			all = append(all, l.What, l.Effect, l.Note)
		}
		for _, l := range c.Linked {
			all = append(all, l.Name, l.Why)
		}
		for _, w := range c.Ends.Owned {
			all = append(all, w.ID, w.Name)
		}
		all = append(append(all, c.Covers...), c.Idp...)
		text := strings.Join(strings.Fields(seen.String()), " ")
		for _, sentence := range all {
			for _, word := range strings.Fields(sentence) {
				if !strings.Contains(text, word) {
					t.Errorf("%s: %q of %q is nowhere", kind, word, sentence)
				}
			}
		}
		if strings.Contains(text, "…") {
			t.Errorf("%s: something is cut:\n%s", kind, text)
		}
	}
}

// TestWizardsStayWhole: with the hostile corpus in every field each wizard draws exactly its cells, and nothing but our own sequences
// reaches the terminal (threats A1).
func TestWizardsStayWhole(t *testing.T) {
	for _, s := range namestest.Hostile() {
		f := &fake{cases: caseDesk{change: func(c *desk.Case) {
			c.Name, c.Hold, c.Template, c.OldSeat, c.NewSeat, c.Covers, c.Idp = s, s, s, s, s, []string{s}, []string{s}
			c.Checks = []desk.Check{{What: s, State: provisioning.FindingBad, Detail: s + "."}, {What: s, State: provisioning.FindingGood, Detail: s + "!"}}
			c.Rights = nil
			for i, state := range []desk.RightState{desk.RightComes, desk.RightGoes, desk.RightStays, desk.RightWithheld, desk.RightDropped, desk.RightUngoverned} {
				c.Rights = append(c.Rights, desk.Right{Entitlement: role(s, s+fmt.Sprint(i)), State: state, Why: s})
			}
			c.Now = []desk.Line{{Seq: 1, What: s, Effect: s, Note: s}}
			c.Later, c.Linked = c.Now, []desk.Linked{{Key: s, Name: s, Why: s}}
			c.Ends = provisioning.LooseEnds{CheckedOut: []provisioning.Document{{ID: s, Name: s}}, Owned: []provisioning.Workspace{{ID: s, Name: s}}, Sole: []provisioning.Workspace{{ID: s}}, Unread: []string{s}}
		}}}
		for _, width := range []int{80, 120} {
			for _, kind := range []desk.CaseKind{desk.CaseJoiner, desk.CaseMover, desk.CaseLeaver} {
				m := wizardOn(t, f, kind, "dark", false, width, 24)
				for range 8 {
					checkClean(t, m, width, 24)
					say(m, "down", "pgdown")
				}
				say(m, "p", "z", "k", "l")
				checkClean(t, m, width, 24)
			}
		}
	}
}

// TestWizardIsCheap: moving the cursor over a case of hundreds of rights allocates little (DESIGN 7).
func TestWizardIsCheap(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	f := &fake{cases: caseDesk{change: func(c *desk.Case) {
		for i := range 400 {
			c.Rights = append(c.Rights, desk.Right{Entitlement: group(fmt.Sprintf("LON-COR/G%d", i)), State: desk.RightComes, Why: "department is Corporate (rule 4, Corporate in London)"})
		}
	}}}
	for _, kind := range []desk.CaseKind{desk.CaseJoiner, desk.CaseMover, desk.CaseLeaver} {
		m := wizardOn(t, f, kind, "dark", false, 120, 40)
		if n := testing.AllocsPerRun(200, func() { m.View() }); n > 50 {
			t.Errorf("%s: a View allocates %.0f times", kind, n)
		}
		if n := testing.AllocsPerRun(200, func() { press(m, "down"); m.View() }); n > 50 {
			t.Errorf("%s: a step down and its View allocate %.0f times", kind, n)
		}
	}
}

// TestWizardKeysDoNotClash: on every screen a key means one thing, and none of the frame's keys is taken.
func TestWizardKeysDoNotClash(t *testing.T) {
	check := func(name string, m *tui.Model) {
		seen := map[string]string{"?": "frame", "T": "frame", "q": "frame", "ctrl+c": "frame"}
		for _, b := range m.Keys() {
			for _, k := range b.Keys {
				if other, clash := seen[k]; clash {
					t.Errorf("%s: %q is %s and %s", name, k, other, b.Help)
				}
				seen[k] = b.Help
			}
			if b.Danger && b.Disabled == nil {
				t.Errorf("%s: %s leads to a change, and can always be pressed", name, b.Help)
			}
		}
		if len(seen) < 12 {
			t.Errorf("%s: only %d keys", name, len(seen))
		}
	}
	for _, kind := range []desk.CaseKind{desk.CaseJoiner, desk.CaseMover, desk.CaseLeaver} {
		check(string(kind), wizardOn(t, &fake{}, kind, "dark", false, 80, 24))
	}
	check("calendar", on(t, &fake{plans: planDesk{planned: planned()}}, false, 80, 24, "S"))
	check("policy", on(t, &fake{plans: planDesk{effect: effect()}}, false, 80, 24, "P"))
	check("person", on(t, personFake(), false, 80, 24, "enter"))
	f := &fake{plans: planDesk{batches: map[int64]*desk.BatchView{0: batchOf(119, provisioning.BatchScheduled, days(14))}}}
	check("batch", on(t, f, false, 80, 24, "b"))
}
