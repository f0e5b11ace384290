package tui_test

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names/namestest"
	"rollcall/tui"
)

// planDesk is what the fake keeps of batches, the calendar and the policy.
type planDesk struct {
	planned   []desk.Planned
	batches   map[int64]*desk.BatchView
	effect    *desk.PolicyEffect
	reviewed  []int64
	committed []desk.Commit
	scheduled []time.Time
	taken     []int64
	accepted  []int
	page      *desk.PersonPage
	gives     *desk.Explained
	excess    []string
	unended   []*provisioning.Batch
	recent    []*provisioning.Batch
}

func (f *fake) Batches(context.Context, int) ([]*provisioning.Batch, error) {
	return f.plans.recent, nil
}

func (f *fake) Unfinished(context.Context) ([]*provisioning.Batch, error) {
	return f.plans.unended, nil
}
func (f *fake) Calendar(context.Context) ([]desk.Planned, error) { return f.plans.planned, nil }
func (f *fake) Unschedule(_ context.Context, id int64) error {
	f.plans.taken = append(f.plans.taken, id)
	return nil
}

func (f *fake) View(_ context.Context, id int64) (*desk.BatchView, error) {
	if v := f.plans.batches[id]; v != nil {
		return v, nil
	}
	return nil, &provisioning.Error{Code: provisioning.NotFound, Message: "there is no such batch"}
}

func (f *fake) ReviewBatch(ctx context.Context, id int64) (*desk.BatchView, error) {
	f.plans.reviewed = append(f.plans.reviewed, id)
	return f.View(ctx, id)
}

func (f *fake) Commit(_ context.Context, c desk.Commit) error {
	f.plans.committed = append(f.plans.committed, c)
	return nil
}

func (f *fake) Follow(ctx context.Context, id int64) (*desk.Running, error) {
	v, err := f.View(ctx, id)
	return &desk.Running{View: v}, err
}

func (f *fake) Schedule(_ context.Context, c desk.Commit, at time.Time) error {
	f.plans.committed, f.plans.scheduled = append(f.plans.committed, c), append(f.plans.scheduled, at)
	return nil
}

func (f *fake) PolicyEffect(context.Context) (*desk.PolicyEffect, error) { return f.plans.effect, nil }

func (f *fake) AcceptPolicy(_ context.Context, _ string, people int) error {
	f.plans.accepted = append(f.plans.accepted, people)
	return nil
}

func (f *fake) Person(context.Context, string) (*desk.PersonPage, error) { return f.plans.page, nil }

func (f *fake) Explained(string) (*desk.Explained, error) { return f.plans.gives, nil }

func (f *fake) StageExcess(_ context.Context, key string) (desk.Staged, error) {
	f.plans.excess = append(f.plans.excess, key)
	return desk.Staged{People: 1, Changes: 2}, nil
}

func days(n int) time.Time {
	return time.Date(2026, 11, 24, 17, 0, 0, 0, time.UTC).Add(time.Duration(n) * 24 * time.Hour)
}

func planned() []desk.Planned {
	return []desk.Planned{
		{ID: 112, State: provisioning.BatchMissed, Due: days(-1), Zone: "UTC", Title: "leaver Layla Haddad", People: 1, Lose: 1, By: "m.chen"},
		{ID: 119, State: provisioning.BatchScheduled, Due: days(14), Zone: "UTC", Title: "leaver Tom Barnes", People: 1, Lose: 1, By: "l.ortiz"},
		{ID: 121, State: provisioning.BatchScheduled, Due: days(14).Add(time.Hour), Zone: "Asia/Tokyo", Title: "sealed", Sealed: true, Hidden: true},
		{ID: 120, State: provisioning.BatchScheduled, Due: days(60), Zone: "UTC", Title: "mover Ngozi Okafor: what goes", People: 1, Lose: 1, By: "l.ortiz", Sealed: true},
	}
}

// unconfirmed are batches that stand for themselves, and one that does not.
func unconfirmed() []*provisioning.Batch {
	plain, done := batchOf(130, provisioning.BatchDraft, time.Time{}).Batch, batchOf(131, provisioning.BatchDone, days(-2)).Batch
	plain.Title = ""
	sealed := batchOf(133, provisioning.BatchDraft, time.Time{}).Batch
	sealed.Title, sealed.Readers, sealed.CreatedBy = "leaver Jun Sato", []string{"l.ortiz"}, "l.ortiz"
	return []*provisioning.Batch{plain, done, batchOf(119, provisioning.BatchScheduled, days(14)).Batch, batchOf(132, provisioning.BatchReviewed, days(3)).Batch, sealed}
}

func batchOf(id int64, state provisioning.BatchState, due time.Time) *desk.BatchView {
	op := provisioning.Op{Unit: id, Seq: 1, Change: provisioning.Change{Kind: provisioning.DisableAccount, Account: "TBARNES", Before: "enabled", After: "disabled"}}
	return &desk.BatchView{
		Batch: &provisioning.Batch{
			ID: id, State: state, Hash: "00112233445566778899", Due: due, Zone: "UTC", Title: "leaver Tom Barnes",
			Units: []provisioning.Unit{{ID: id, Batch: id, Name: "Tom Barnes", Kind: provisioning.KindLeaver, Account: "TBARNES", Ops: []provisioning.Op{op}}},
		},
		Lines:    map[int64][]desk.Line{id: {{Seq: 1, What: "disable account TBARNES", Effect: "enabled → disabled", Note: "do first"}}},
		Verdicts: []provisioning.Verdict{{Guard: "count", Sentence: "1 of 20 people disabled in 24 h"}},
		Lose:     1, Seats: -1, Changes: 1, Confirm: 1,
	}
}

func effect() *desk.PolicyEffect {
	return &desk.PolicyEffect{
		Changed: true, Hash: "aabbccddeeff0011", Gain: 2, Lose: 1,
		Lines: []string{"limit count: 30, was 20", "wall more: Kite against Heron: */DEAL-KITE | */DEAL-HERON"},
		Rows: []desk.PolicyRow{
			{Key: "p/okta/U000001", Name: "Folake Adeyemi", Gains: []provisioning.Entitlement{lib("LON-TAX"), role("LON-TAX", "STANDARD"), group("LON-TAX/ALL-LON-TAX")}, Loses: []provisioning.Entitlement{lib("LON-COR")}},
			{Key: "p/okta/U000011", Name: "Ngozi Okafor", Gains: []provisioning.Entitlement{lib("LON-TAX"), role("LON-TAX", "STANDARD"), group("LON-TAX/ALL-LON-TAX"), group("LON-TAX/TAX-TRAINEES"), group("/FIRM-ALL"), lib("EUR-ARB")}},
		},
	}
}

// looks holds a screen at two sizes: in the dark theme, and in ASCII with no colour.
func looks(t *testing.T, name string, open func(t *testing.T, ascii bool, width, height int) *tui.Model) {
	for _, size := range [][2]int{{80, 24}, {120, 40}} {
		for _, ascii := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %dx%d ascii=%v", name, size[0], size[1], ascii), func(t *testing.T) {
				m := open(t, ascii, size[0], size[1])
				content := m.View().Content
				checkFrame(t, content, size[0], size[1])
				if ascii {
					content = ansi.Strip(content)
				}
				golden.RequireEqual(t, []byte(content))
			})
		}
	}
}

func on(t *testing.T, f *fake, ascii bool, width, height int, keys ...string) *tui.Model {
	t.Helper()
	f.roll = rollOf(drawn(), true)
	m := console(t, f, "dark", ascii, width, height)
	m.View()
	say(m, keys...)
	return m
}

// TestPlansGolden holds the looks of the calendar, of batches with a minute of their own, and of a policy's effect.
func TestPlansGolden(t *testing.T) {
	looks(t, "calendar", func(t *testing.T, ascii bool, w, h int) *tui.Model {
		return on(t, &fake{plans: planDesk{planned: planned(), recent: unconfirmed()}}, ascii, w, h, "S", "down")
	})
	looks(t, "policy effect", func(t *testing.T, ascii bool, w, h int) *tui.Model {
		return on(t, &fake{pending: true, plans: planDesk{effect: effect()}}, ascii, w, h, "P", "down", "down")
	})
	looks(t, "roster with a changed policy", func(t *testing.T, ascii bool, w, h int) *tui.Model {
		return on(t, &fake{pending: true}, ascii, w, h)
	})
	for _, state := range []provisioning.BatchState{provisioning.BatchDraft, provisioning.BatchScheduled, provisioning.BatchMissed} {
		looks(t, "batch "+string(state), func(t *testing.T, ascii bool, w, h int) *tui.Model {
			due := days(14)
			if state == provisioning.BatchMissed {
				due = days(-1)
			}
			f := &fake{plans: planDesk{batches: map[int64]*desk.BatchView{0: batchOf(119, state, due)}}}
			return on(t, f, ascii, w, h, "b")
		})
	}
	looks(t, "person", func(t *testing.T, ascii bool, w, h int) *tui.Model {
		return on(t, personFake(), ascii, w, h, "enter")
	})
}

func personFake() *fake {
	row := drawn()[9]
	return &fake{plans: planDesk{
		page: &desk.PersonPage{Row: row, Title: "Ngozi Okafor", Facts: []desk.Fact{{Label: "office", Person: "London", Account: "London"}}, Linked: "SSO name = user id (exact)", Believed: "active in okta"},
		gives: &desk.Explained{Name: "Ngozi Okafor", Lines: []desk.ExplainedRight{
			{Entitlement: lib("LON-COR"), State: desk.RightComes, Why: "department is Corporate (rule 4, Corporate in London)"},
			{Entitlement: group("/FIRM-ALL"), State: desk.RightStays, Why: "everybody (rule 1)"},
			{Entitlement: lib("LON-LIT"), State: desk.RightGoes, Why: "no rule gives it"},
			{Entitlement: group("LON-COR/DEAL-KITE"), State: desk.RightWithheld, Why: "the wall Kite against Heron keeps it apart from group LON-COR/DEAL-HERON; mapped group Deal desk"},
		}, Notes: []string{"LON-TAX was given until 31 Oct 2026: exception, secondment"}},
	}}
}

// TestConfirmForItsTime: c on a batch with a minute confirms it for that minute, with the number typed; it commits nothing.
func TestConfirmForItsTime(t *testing.T) {
	f := &fake{plans: planDesk{batches: map[int64]*desk.BatchView{}}}
	f.plans.batches[0], f.plans.batches[119] = batchOf(119, provisioning.BatchDraft, days(14)), batchOf(119, provisioning.BatchDraft, days(14))
	m := on(t, f, false, 80, 24, "b", "c")
	if text := strings.Join(strings.Fields(screen(m)), " "); !strings.Contains(text, "Confirm batch 119 for Tue 8 Dec 2026 17:00 UTC, in 14 days: 1 person loses access.") {
		t.Fatalf("the dialog does not say for when:\n%s", text)
	}
	say(m, "enter")
	if len(f.plans.scheduled)+len(f.plans.committed) != 0 {
		t.Fatal("enter alone confirmed it")
	}
	say(m, "c", "1", "enter")
	if len(f.plans.scheduled) != 1 || !f.plans.scheduled[0].Equal(days(14)) || f.plans.committed[0].People != 1 || f.plans.reviewed[0] != 119 {
		t.Errorf("scheduled %v, typed %v, reviewed %v", f.plans.scheduled, f.plans.committed, f.plans.reviewed)
	}
}

// TestSetATime: t asks for the minute, shows it back, and then wants the number; a text that is no time is refused where it stands.
func TestSetATime(t *testing.T) {
	f := &fake{plans: planDesk{batches: map[int64]*desk.BatchView{}}}
	f.plans.batches[0], f.plans.batches[118] = batchOf(118, provisioning.BatchDraft, time.Time{}), batchOf(118, provisioning.BatchDraft, time.Time{})
	m := on(t, f, false, 80, 24, "b", "t")
	write(m, "someday")
	say(m, "enter")
	if text := screen(m); !strings.Contains(text, "When does batch 118 begin?") || len(f.plans.reviewed) != 0 {
		t.Fatalf("it was taken:\n%s", text)
	}
	say(m, "backspace", "backspace", "backspace", "backspace", "backspace", "backspace", "backspace")
	write(m, "+2h")
	if text := screen(m); !strings.Contains(text, "Tue 24 Nov 2026 16:02 UTC, in 2 h 0 min") {
		t.Errorf("it is not shown back:\n%s", text)
	}
	say(m, "enter", "1", "enter")
	if len(f.plans.scheduled) != 1 || !f.plans.scheduled[0].Equal(now.Add(2*time.Hour)) {
		t.Errorf("scheduled %v", f.plans.scheduled)
	}
}

// TestAWaitingBatch: a scheduled one is neither committed nor edited before it is taken back, by its number; a missed one is reviewed
// again and says why it was not begun.
func TestAWaitingBatch(t *testing.T) {
	f := &fake{plans: planDesk{batches: map[int64]*desk.BatchView{}}}
	f.plans.batches[0], f.plans.batches[119] = batchOf(119, provisioning.BatchScheduled, days(14)), batchOf(119, provisioning.BatchScheduled, days(14))
	m := on(t, f, false, 80, 24, "b")
	for _, k := range []string{"c", "t", "d", "e"} {
		say(m, k)
		if text := screen(m); !strings.Contains(text, "X takes it back first") {
			t.Errorf("%s does not say why:\n%s", k, text)
		}
	}
	say(m, "X", "1", "1", "8", "enter")
	if len(f.plans.taken) != 0 {
		t.Fatal("another number took it back")
	}
	say(m, "esc", "X", "1", "1", "9", "enter")
	if len(f.plans.taken) != 1 || f.plans.taken[0] != 119 || len(f.plans.reviewed)+len(f.plans.committed) != 0 {
		t.Errorf("taken back %v, reviewed %v", f.plans.taken, f.plans.reviewed)
	}
	f.plans.batches[119] = batchOf(119, provisioning.BatchMissed, days(-1))
	f.plans.batches[0] = f.plans.batches[119]
	overdue := batchOf(119, provisioning.BatchScheduled, now.Add(-2*time.Minute)) // nobody looked yet
	m = on(t, &fake{plans: planDesk{batches: map[int64]*desk.BatchView{0: overdue}}}, false, 80, 24, "b")
	if text := screen(m); !strings.Contains(text, "missed: it was due Tue 24 Nov 14:00 UTC, 2 min ago") || !strings.Contains(text, "c review") {
		t.Errorf("an overdue one does not say it:\n%s", text)
	}
	m = on(t, f, false, 80, 24, "b")
	if text := screen(m); !strings.Contains(text, "missed: it was due Mon 23 Nov 17:00 UTC, 21 h 2 min ago") || !strings.Contains(text, "no rollcall ran") {
		t.Errorf("it does not say why:\n%s", text)
	}
	say(m, "c", "1", "enter")
	if len(f.plans.committed) != 1 || len(f.plans.scheduled) != 0 {
		t.Errorf("committed %v, scheduled %v", f.plans.committed, f.plans.scheduled)
	}
}

// TestCalendarKeys: a sealed one of somebody else is neither opened nor taken back; another is taken back by its number.
func TestCalendarKeys(t *testing.T) {
	f := &fake{plans: planDesk{planned: planned()}}
	m := on(t, f, false, 80, 24, "S", "down", "down", "enter")
	if text := screen(m); !strings.Contains(text, "open: it is sealed") || strings.Contains(text, "TBARNES") {
		t.Errorf("it does not say why:\n%s", text)
	}
	say(m, "X")
	if text := screen(m); !strings.Contains(text, "take back: it is sealed") {
		t.Errorf("it does not say why:\n%s", text)
	}
	say(m, "up", "X", "1", "1", "9", "enter")
	if len(f.plans.taken) != 1 || f.plans.taken[0] != 119 {
		t.Errorf("taken back %v", f.plans.taken)
	}
}

// TestUnconfirmedIsNotLost: a batch that stands for itself and was left unconfirmed says so, and the calendar leads back to it; it cannot
// be taken back, for it begins nothing.
func TestUnconfirmedIsNotLost(t *testing.T) {
	f := &fake{plans: planDesk{recent: unconfirmed(), batches: map[int64]*desk.BatchView{132: batchOf(132, provisioning.BatchReviewed, days(3))}}}
	m := on(t, f, false, 80, 24, "S")
	text := screen(m)
	for _, absent := range []string{"batch 130", "batch 131"} {
		if strings.Contains(text, absent) {
			t.Errorf("%s does not belong here:\n%s", absent, text)
		}
	}
	say(m, "X")
	if text := screen(m); !strings.Contains(text, "take back: it does not begin by itself") || len(f.plans.taken) != 0 {
		t.Errorf("it does not say why:\n%s", text)
	}
	say(m, "enter", "esc")
	if text := screen(m); !strings.Contains(text, "batch 132 is kept, and not confirmed") {
		t.Errorf("it does not say so:\n%s", text)
	}
}

// TestMissedIsOffered: a batch that missed its minute is told at the start, after one that was interrupted; nothing is begun by it.
func TestMissedIsOffered(t *testing.T) {
	f := &fake{roll: rollOf(drawn(), true), plans: planDesk{planned: planned(), unended: []*provisioning.Batch{{ID: 90, State: provisioning.BatchPaused}}}}
	m := console(t, f, "dark", false, 80, 24)
	start(m)
	if text := screen(m); !strings.Contains(text, "Batch 90 did not come to its end") {
		t.Fatalf("not the interrupted one first:\n%s", text)
	}
	say(m, "enter")
	if text := screen(m); !strings.Contains(text, "A batch missed its minute") || !strings.Contains(text, "leaver Layla Haddad") || !strings.Contains(text, "21 h 2 min ago") {
		t.Fatalf("the missed one is not told:\n%s", text)
	}
	f.plans.batches = map[int64]*desk.BatchView{112: batchOf(112, provisioning.BatchMissed, days(-1))}
	say(m, "down", "enter")
	if text := screen(m); !strings.Contains(text, "Batch 112") || len(f.plans.committed)+len(f.plans.scheduled)+len(f.plans.reviewed) != 0 {
		t.Errorf("it does not open:\n%s", text)
	}
}

// start does what the console does at its start, but for what waits.
func start(m *tui.Model) {
	batch, _ := m.Init()().(tea.BatchMsg)
	for _, cmd := range batch[:len(batch)-1] { // the last one is the beat
		settle(m, cmd)
	}
	m.View()
}

// TestPolicyIsAccepted by the number of people whom it concerns, and by no other.
func TestPolicyIsAccepted(t *testing.T) {
	f := &fake{pending: true, plans: planDesk{effect: effect()}}
	m := on(t, f, false, 80, 24, "P", "a", "3", "enter")
	if len(f.plans.accepted) != 0 {
		t.Fatal("another number was taken")
	}
	say(m, "esc", "a", "2", "enter")
	if len(f.plans.accepted) != 1 || f.plans.accepted[0] != 2 {
		t.Errorf("accepted %v", f.plans.accepted)
	}
	f.plans.effect = &desk.PolicyEffect{}
	m = on(t, f, false, 80, 24, "P", "a")
	if text := screen(m); !strings.Contains(text, "nothing would change") || !strings.Contains(text, "accept: policy.toml is the policy that counts") {
		t.Errorf("it does not say so:\n%s", text)
	}
	f.plans.effect = &desk.PolicyEffect{Changed: true, Why: "policy.toml: line 4, column 7: there is no key librarys"}
	m = on(t, f, false, 80, 24, "P", "a")
	if text := screen(m); !strings.Contains(text, "line 4, column 7") || !strings.Contains(text, "accept: policy.toml cannot be read") {
		t.Errorf("it does not say so:\n%s", text)
	}
}

// TestExcessOnRequest: the person's page tells what policy gives, and stages the excess by a key of its own alone.
func TestExcessOnRequest(t *testing.T) {
	f := personFake()
	m := on(t, f, false, 80, 24, "enter")
	if text := screen(m); !strings.Contains(text, "in excess") || !strings.Contains(text, "missing") {
		t.Errorf("the page does not tell:\n%s", text)
	}
	say(m, "e")
	if len(f.plans.excess) != 1 {
		t.Errorf("staged %v", f.plans.excess)
	}
	f.plans.gives.Lines = f.plans.gives.Lines[:2]
	say(m, "e")
	if text := screen(m); len(f.plans.excess) != 1 || !strings.Contains(text, "nothing is in excess") {
		t.Errorf("staged %v:\n%s", f.plans.excess, text)
	}
}

// TestPlansStayWhole: with the hostile corpus in every title, name and line, each screen draws exactly its cells, and nothing but our own
// sequences reaches the terminal (threats A1).
func TestPlansStayWhole(t *testing.T) {
	for _, s := range namestest.Hostile() {
		list := planned()
		for i := range list {
			list[i].Title, list[i].By, list[i].Zone = s, s, s
		}
		v := batchOf(7, provisioning.BatchMissed, days(-1))
		v.Batch.Title, v.Batch.Zone, v.Batch.Stop, v.Batch.Readers, v.Batch.Units[0].Reason = s, s, s, []string{s}, s
		e := &desk.PolicyEffect{Changed: true, Lines: []string{s}, Rows: []desk.PolicyRow{{Key: s, Name: s, Gains: []provisioning.Entitlement{lib(s)}, Loses: []provisioning.Entitlement{role(s, s)}}}}
		for _, width := range []int{80, 120} {
			f := &fake{plans: planDesk{planned: list, effect: e, batches: map[int64]*desk.BatchView{0: v}}}
			checkClean(t, on(t, f, false, width, 24, "S"), width, 24)
			checkClean(t, on(t, f, false, width, 24, "S", "X"), width, 24)
			checkClean(t, on(t, f, false, width, 24, "P"), width, 24)
			checkClean(t, on(t, f, false, width, 24, "P", "down"), width, 24)
			checkClean(t, on(t, f, false, width, 24, "b"), width, 24)
			m := console(t, f, "dark", false, width, 24)
			start(m)
			checkClean(t, m, width, 24)
			e.Why = s
			checkClean(t, on(t, f, false, width, 24, "P"), width, 24)
			p := personFake()
			p.plans.gives = &desk.Explained{None: s, Notes: []string{s}, Lines: []desk.ExplainedRight{{Entitlement: group(s), State: desk.RightGoes, Why: s}}}
			checkClean(t, on(t, p, false, width, 24, "enter"), width, 24)
			e.Why = ""
		}
	}
}

// TestPlansAreCheap: a policy that concerns everybody, and a calendar of a year, draw what is on the page alone (DESIGN 7).
func TestPlansAreCheap(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	e, list := effect(), planned()
	for i := range 20_000 {
		e.Rows = append(e.Rows, desk.PolicyRow{Key: fmt.Sprint(i), Name: fmt.Sprint("Family ", i), Gains: []provisioning.Entitlement{lib("LON-TAX"), group("LON-TAX/ALL-LON-TAX")}})
	}
	for i := range 360 {
		list = append(list, desk.Planned{ID: int64(1000 + i), State: provisioning.BatchScheduled, Due: days(90 + i), Zone: "UTC", Title: "leaver", People: 1})
	}
	for key, f := range map[string]*fake{"P": {plans: planDesk{effect: e}}, "S": {plans: planDesk{planned: list}}} {
		m := on(t, f, false, 120, 40, key)
		if n := testing.AllocsPerRun(200, func() { m.View() }); n > 50 {
			t.Errorf("%s: a View allocates %.0f times", key, n)
		}
		if n := testing.AllocsPerRun(200, func() { press(m, "down"); m.View() }); n > 60 {
			t.Errorf("%s: a step down and its View allocate %.0f times", key, n)
		}
	}
}

// TestHelpIsWhole: at 80 columns every word about every key can be read on the help page.
func TestHelpIsWhole(t *testing.T) {
	m := on(t, &fake{}, false, 80, 24, "?")
	seen := ""
	for range 20 {
		seen += screen(m)
		press(m, "pgdown")
	}
	seen = strings.Join(strings.Fields(seen), " ")
	for _, b := range m.Keys() {
		for _, word := range strings.Fields(b.Long) {
			if !strings.Contains(seen, word) {
				t.Errorf("%s: %q is nowhere", b.Help, word)
			}
		}
	}
}

// checkClean holds a frame to its cells, and to our own sequences.
func checkClean(t *testing.T, m *tui.Model, width, height int) {
	t.Helper()
	content := m.View().Content
	checkFrame(t, content, width, height)
	for _, r := range sgr.ReplaceAllString(content, "") {
		if r == 0x1b || (r < 0x20 && r != '\n') || (r >= 0x7f && r <= 0x9f) || (r >= 0x202a && r <= 0x202e) {
			t.Fatalf("%U reached the screen", r)
		}
	}
}
