package tui_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names/namestest"
	"rollcall/provisioning/report"
	"rollcall/tui"
	"rollcall/tui/dashboard"
	"rollcall/tui/ui"
)

// boardDesk is a fake of what the dashboard asks of the desk.
type boardDesk struct {
	*fake
	board  *desk.Dashboard
	table  func(key string) (*desk.Table, error)
	boards int
	opened []string
}

func (f *boardDesk) Dashboard(context.Context) (*desk.Dashboard, error) {
	f.boards++
	return f.board, nil
}

func (f *boardDesk) FigureRows(_ context.Context, key string) (*desk.Table, error) {
	f.opened = append(f.opened, key)
	return f.table(key)
}

// firmBoard is a board as the desk makes one: in its order, with every group.
func firmBoard() *desk.Dashboard {
	b := &desk.Dashboard{Firm: "Harcourt Vane LLP", Made: now, ReadAt: now.Add(-5 * time.Minute)}
	add := func(group, key, label string, value int64, severity provisioning.Severity) *desk.Figure {
		f := desk.Figure{Key: key, Group: group, Label: label, Value: value, Rows: int(value)}
		if value > 0 {
			f.Severity = severity
		}
		b.Figures = append(b.Figures, f)
		return &b.Figures[len(b.Figures)-1]
	}
	minutes := func(f *desk.Figure, rows int) { f.Unit, f.Rows = desk.UnitMinutes, rows }
	minutes(add("leavers", "leaver.oldest", "oldest leaver still enabled", 4*24*60+3*60, provisioning.SeverityDanger), 12)
	minutes(add("leavers", "leaver.mean", "leaving to seen off, mean", 190, ""), 37)
	b.Figures[1].Note = "of the last 90 days"
	add("leavers", "leaver.pending", "closed, not seen off yet", 2, "")
	add("leavers", "leaver.overdue", "not seen off after 8 h", 1, provisioning.SeverityDanger)
	add("reviews", "review.open", "access reviews open", 3, "")
	add("reviews", "review.due", "due within 14 days", 1, "")
	add("reviews", "review.overdue", "access reviews overdue", 1, provisioning.SeverityWarning)
	add("reads", "read.unproven", "sources not read whole", 0, provisioning.SeverityDanger)
	counts := []int64{12, 3, 0, 0, 3, 1, 2, 7, 4, 9, 5, 31, 6, 58, 0}
	for i, k := range provisioning.Kinds() {
		add("mismatches", "mismatch."+string(k), string(k), counts[i], k.Severity())
	}
	seats := func(key, label string, n, pounds int64, severity provisioning.Severity) {
		add("seats", "seats."+key, label, n, severity)
		if pounds > 0 {
			f := add("seats", "seats."+key+"-money", label+", a year", pounds*100, "")
			f.Unit, f.Currency, f.Rows = desk.UnitMoney, "GBP", int(n)
		}
	}
	seats("paid", "paid seats", 2014, 901320, "")
	seats("class-standard", "paid: standard", 1822, 0, "")
	seats("class-collaborator", "paid: collaborator", 192, 0, "")
	seats("used", "used", 1612, 0, "")
	seats("unused-30", "unused 30 days", 214, 96480, provisioning.SeverityNotice)
	seats("unused-60", "unused 60 days", 121, 55200, provisioning.SeverityNotice)
	seats("unused-90", "unused 90 days", 89, 40320, provisioning.SeverityNotice)
	seats("unknown", "use not known", 176, 0, "")
	seats("disabled", "disabled, and paid for", 12, 0, provisioning.SeverityNotice)
	seats("duplicate", "second seats", 3, 0, provisioning.SeverityNotice)
	for i := range b.Figures {
		f := &b.Figures[i]
		if f.Group != "mismatches" && f.Key != "seats.paid" {
			continue
		}
		s := desk.Series{Key: f.Key, Label: f.Label}
		days := 90
		if i%4 == 1 {
			days = 40 // it is kept for no longer
		}
		for d := days; d >= 0; d-- {
			wave := int64((d*d/7+d*i)%9) - 4
			s.Points = append(s.Points, desk.Point{At: now.Add(-time.Duration(d) * 24 * time.Hour), Value: max(0, f.Value+int64(d)*f.Value/200+wave*f.Value/12)})
		}
		s.Points[len(s.Points)-1].Value = f.Value
		b.Series = append(b.Series, s)
	}
	return b
}

// seatTable is a table as the desk makes one of a figure of seats.
func seatTable(rows int) *desk.Table {
	col := func(key, title string, kind report.Kind) report.Column {
		return report.Column{Key: key, Title: title, Kind: kind}
	}
	t := &desk.Table{Name: "figure", Columns: []report.Column{
		col("account", "Account", report.KindText), col("name", "Name", report.KindText), col("office", "Office", report.KindText), col("class", "Class", report.KindText), col("paid", "Paid", report.KindBool),
		col("money", "A year", report.KindMoney), col("use", "Use", report.KindText), col("last", "Last used", report.KindTime), col("idle", "Days unused", report.KindNumber), col("how", "How it is known", report.KindText),
	}}
	for i := range rows {
		t.Rows = append(t.Rows, []report.Cell{
			report.Text(fmt.Sprintf("U%06d", i)), report.Text(fmt.Sprintf("Given%d Family%d", i, i%7)), report.Text([]string{"London", "Hong Kong"}[i%2]), report.Text("standard"), report.Yes(true),
			report.Amount(provisioning.Money(48000+i%3*1200), "GBP"), report.Text("not used"), report.None(), report.Number(int64(90 + i)), report.Text("no document event since 2026-08-26; okta tells no sign-in"),
		})
	}
	return t
}

func newBoard() *boardDesk {
	return &boardDesk{fake: &fake{roll: rollOf(drawn(), true)}, board: firmBoard(), table: func(string) (*desk.Table, error) { return seatTable(89), nil }}
}

// at opens the dashboard over a roster.
func (f *boardDesk) at(t interface {
	Helper()
	Fatal(...any)
}, theme string, ascii bool, width, height int, keys ...string,
) *tui.Model {
	t.Helper()
	m, err := tui.New(context.Background(), tui.Deps{Desk: f, Theme: theme, ASCII: ascii, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	m.View()
	say(m, append([]string{"D"}, keys...)...)
	return m
}

func times(n int, key string) []string {
	return strings.Fields(strings.Repeat(key+" ", n))
}

// TestDashboardGolden holds the looks of the dashboard: at its first figure, further down, and with a figure open to its rows.
func TestDashboardGolden(t *testing.T) {
	everyLook(t, "dashboard", func(t *testing.T, theme string, ascii bool, w, h int) *tui.Model {
		return newBoard().at(t, theme, ascii, w, h)
	})
	everyLook(t, "dashboard mismatch", func(t *testing.T, theme string, ascii bool, w, h int) *tui.Model {
		return newBoard().at(t, theme, ascii, w, h, times(19, "down")...)
	})
	everyLook(t, "dashboard quiet", func(t *testing.T, theme string, ascii bool, w, h int) *tui.Model {
		f := newBoard()
		for i := range f.board.Figures {
			f.board.Figures[i].Value, f.board.Figures[i].Rows, f.board.Figures[i].Severity = 0, 0, ""
		}
		f.board.Figures[0].None, f.board.Figures[1].None, f.board.Series = true, true, nil
		return f.at(t, theme, ascii, w, h)
	})
	everyLook(t, "dashboard rows", func(t *testing.T, theme string, ascii bool, w, h int) *tui.Model {
		return newBoard().at(t, theme, ascii, w, h, append(times(28, "down"), "enter", "down", "down")...)
	})
}

// figureLine is the screen with its blanks run together, so that a figure stands beside its label.
func figureLine(m *tui.Model) string { return strings.Join(strings.Fields(screen(m)), " ") }

// TestDashboardFigures: at every size all figures of the desk are on one screen, each with its own value, and nothing else is.
func TestDashboardFigures(t *testing.T) {
	f := newBoard()
	for i := range f.board.Figures { // no two are alike, and none is wide
		if v := &f.board.Figures[i]; v.Unit == "" {
			v.Value = int64(101 + i)
		}
	}
	f.board.Figures[0].Value, f.board.Figures[1].Value = 3*24*60+7*60+5, 59
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		text := figureLine(f.at(t, "dark", true, size[0], size[1]))
		for i := range f.board.Figures {
			v := &f.board.Figures[i]
			want := strconv.FormatInt(v.Value, 10)
			if v.Unit != "" {
				want = strings.TrimPrefix(dashboard.Value(v), "GBP ")
			}
			if n := len(regexp.MustCompile(`(^|[ +-])`+regexp.QuoteMeta(want)+`($|[ ,|])`).FindAllString(text, -1)); n == 0 {
				t.Errorf("%dx%d: %s is %s, which is not on the screen:\n%s", size[0], size[1], v.Key, want, text)
			}
			for _, short := range strings.Fields(v.Label) {
				if v.Group == "mismatches" && !strings.Contains(text, short+" "+want) {
					t.Errorf("%dx%d: %s has not %s beside it", size[0], size[1], v.Key, want)
				}
			}
		}
	}
}

// TestEveryFigureOpens: the cursor comes to each figure but the prices, which stand beside theirs, and enter asks for the rows of that one.
func TestEveryFigureOpens(t *testing.T) {
	f := newBoard()
	m := f.at(t, "dark", false, 80, 24)
	var want []string
	for i := range f.board.Figures {
		if k := f.board.Figures[i].Key; !strings.HasSuffix(k, "-money") {
			want = append(want, k)
		}
	}
	for range want {
		say(m, "enter")
		if text := screen(m); !strings.Contains(text, "89 rows") {
			t.Fatalf("not its rows:\n%s", text)
		}
		say(m, "esc", "down")
	}
	if got := strings.Join(f.opened, " "); got != strings.Join(want, " ") {
		t.Errorf("opened %s\nwant   %s", got, strings.Join(want, " "))
	}
	say(m, "esc")
	if text := screen(m); !strings.Contains(text, "PEOPLE") {
		t.Errorf("not the roster:\n%s", text)
	}
}

// TestBeside: → and ← go to the other column, and along a line of the strip.
func TestBeside(t *testing.T) {
	f := newBoard()
	m := f.at(t, "dark", false, 80, 24, append(times(8, "down"), "→", "enter")...) // the arrow is no key by that name
	if got := f.opened[0]; got != "mismatch.leaver" {
		t.Fatalf("opened %s", got)
	}
	say(m, "esc", "tab", "enter", "esc", "h", "enter", "esc", "home", "down", "l", "l", "enter")
	if got := strings.Join(f.opened[1:], " "); got != "seats.paid mismatch.leaver leaver.overdue" {
		t.Errorf("opened %s", got)
	}
}

// TestOldestLeaver: the oldest leaver's age is exact and in danger's words; that nobody knows it, and that there is none, is said as well.
func TestOldestLeaver(t *testing.T) {
	f := newBoard()
	for name, c := range map[string]struct {
		figure desk.Figure
		want   string
	}{
		"days":           {desk.Figure{Value: 4*24*60 + 3*60 + 59, Rows: 12}, "✖ LEAVER STILL ENABLED for 4 d 3 h, the oldest of 12"},
		"hours":          {desk.Figure{Value: 3*60 + 10, Rows: 1}, "✖ LEAVER STILL ENABLED for 3 h 10 min, the oldest of 1"},
		"minutes":        {desk.Figure{Value: 9, Rows: 1}, "for 9 min"},
		"one, not known": {desk.Figure{None: true, Rows: 1}, "✖ 1 LEAVER STILL ENABLED, nobody knows since when"},
		"not known":      {desk.Figure{None: true, Rows: 3}, "✖ 3 LEAVERS STILL ENABLED, nobody knows since when"},
		"none":           {desk.Figure{None: true}, "✓ no leaver has a live account"},
	} {
		c.figure.Key, c.figure.Group, c.figure.Label, c.figure.Unit = "leaver.oldest", "leavers", "oldest leaver still enabled", desk.UnitMinutes
		f.board.Figures[0] = c.figure
		if text := screen(f.at(t, "dark", false, 80, 24)); !strings.Contains(text, c.want) {
			t.Errorf("%s:\n%s", name, text)
		}
	}
}

// TestSpark: the line is as high as the values are, a time of which nothing is kept is blank, and something is never drawn as nothing; the
// change is against the last value that is a week old.
func TestSpark(t *testing.T) {
	f := newBoard()
	var s desk.Series
	for i := range f.board.Series {
		if f.board.Series[i].Key == "mismatch.leaver" {
			f.board.Series[i].Points = []desk.Point{{At: now.Add(-40 * 24 * time.Hour), Value: 0}, {At: now.Add(-20 * 24 * time.Hour), Value: 1}, {At: now.Add(-8 * 24 * time.Hour), Value: 400}, {At: now.Add(-6 * 24 * time.Hour), Value: 12}}
			s = f.board.Series[i]
		}
	}
	line := func(ascii bool) string {
		for _, l := range strings.Split(screen(f.at(t, "dark", ascii, 80, 24)), "\n") {
			if strings.Contains(l, " leaver ") {
				return l
			}
		}
		return ""
	}
	if got := line(false); !strings.Contains(got, "12 DANGER     ▁▁▂█ -388") {
		t.Errorf("%q, of %v", got, s.Points)
	}
	if got := line(true); !strings.Contains(got, "12 DANGER     __.# -388") {
		t.Errorf("%q", got)
	}
	f.board.Figures[8].Value = 400
	if got := line(false); !strings.Contains(got, "400 DANGER     ▁▁▂█    =") {
		t.Errorf("%q", got)
	}
}

// TestDashboardStale: an answer to an older question is dropped: of the figures, and of rows that esc did not wait for.
func TestDashboardStale(t *testing.T) {
	f := newBoard()
	m := f.at(t, "dark", false, 80, 24)
	older := press(m, "r")()
	newer := *f.board
	newer.Firm = "Another Firm LLP"
	f.board = &newer
	say(m, "r")
	if text := screen(m); !strings.Contains(text, "Another Firm LLP at a glance") {
		t.Fatalf("not counted again:\n%s", text)
	}
	settle(m, ui.Say(older))
	if text := screen(m); !strings.Contains(text, "Another Firm LLP at a glance") {
		t.Errorf("an older answer was taken:\n%s", text)
	}
	late := press(m, "enter")()
	if text := screen(m); !strings.Contains(text, "being opened") {
		t.Errorf("it does not say that it looks:\n%s", text)
	}
	say(m, "esc")
	settle(m, ui.Say(late))
	if text := screen(m); !strings.Contains(text, "at a glance") || strings.Contains(text, "89 rows") {
		t.Errorf("rows came that nobody waits for:\n%s", text)
	}
	f.table = func(string) (*desk.Table, error) { return nil, errors.New("the disk is full") }
	say(m, "enter")
	if text := screen(m); !strings.Contains(text, "the disk is full") || strings.Contains(text, "being opened") {
		t.Errorf("it does not say why:\n%s", text)
	}
}

// TestRowsStay: the rows are found as one types, and are looked up again with the roll: the search and the cursor stay.
func TestRowsStay(t *testing.T) {
	f := newBoard()
	m := f.at(t, "dark", false, 80, 24, "enter", "/")
	write(m, "hong family3")
	if text := screen(m); !strings.Contains(text, "7 of 89 rows") || strings.Contains(text, "London") {
		t.Errorf("found:\n%s", text)
	}
	say(m, "enter", "down")
	at := regexp.MustCompile(`▸ (U\d+)`).FindStringSubmatch(screen(m))
	opened, boards := len(f.opened), f.boards
	f.table = func(string) (*desk.Table, error) {
		table := seatTable(89)
		table.Rows = table.Rows[1:]
		return table, nil
	}
	_, cmd := m.Update(ui.Refresh{})
	settle(m, cmd)
	text := screen(m)
	if again := regexp.MustCompile(`▸ (U\d+)`).FindStringSubmatch(text); len(at) == 0 || len(again) == 0 || at[1] != again[1] || len(f.opened) != opened+1 || f.boards != boards+1 {
		t.Errorf("%v is %v now:\n%s", at, again, text)
	}
	say(m, "esc")
	if text := screen(m); !strings.Contains(text, "88 rows") {
		t.Errorf("the search did not end:\n%s", text)
	}
	say(m, "esc", "enter")
	f.table = func(string) (*desk.Table, error) { return seatTable(0), nil }
	say(m, "esc", "enter")
	if text := screen(m); !strings.Contains(text, "No row is counted here.") {
		t.Errorf("it does not say so:\n%s", text)
	}
}

// TestDashboardStaysWhole: with the hostile corpus in every label, note and cell, each screen draws exactly its cells, a row stays a row, and
// nothing but our own sequences reaches the terminal (threats A1).
func TestDashboardStaysWhole(t *testing.T) {
	for i, s := range namestest.Hostile() {
		f := newBoard()
		f.board.Firm = s
		for j := range f.board.Figures {
			if v := &f.board.Figures[j]; v.Group == "seats" || j < 3 {
				v.Label, v.Note, v.Currency = s, s, s
			}
		}
		f.board.Figures = append(f.board.Figures, desk.Figure{Key: "seats.class-" + s, Group: s, Label: "paid: " + s, Value: 1 << 50, Rows: 1})
		f.board.Series = append(f.board.Series, desk.Series{Key: "seats.class-" + s, Label: s, Points: []desk.Point{{At: now, Value: 1 << 50}}})
		f.table = func(string) (*desk.Table, error) {
			table := seatTable(9)
			for r := range table.Rows {
				for c := range table.Columns {
					if table.Columns[c].Kind == report.KindText {
						table.Rows[r][c], table.Columns[c].Title = report.Text(s+strings.Repeat("x", r)), s
					}
				}
			}
			return table, nil
		}
		width, height := 80+i%3*40, 24+i%2*16
		m := f.at(t, "dark", false, width, height)
		checkClean(t, m, width, height)
		say(m, "end")
		checkClean(t, m, width, height)
		say(m, "enter", "down")
		checkClean(t, m, width, height)
		if n := strings.Count(screen(m), "London"); n != 0 {
			t.Errorf("%q: the table is another", s)
		}
		if n := strings.Count(screen(m), "▸"); n != 1 {
			t.Errorf("%q: %d rows are under the cursor", s, n)
		}
	}
}

// TestDashboardIsCheap: a View draws nothing anew, and a step one line and what is below; of 100,000 rows the page alone is drawn (DESIGN 7).
func TestDashboardIsCheap(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	f := newBoard()
	f.table = func(string) (*desk.Table, error) { return seatTable(100_000), nil }
	m := f.at(t, "dark", false, 120, 40)
	for _, c := range []struct {
		what string
		most float64
	}{{"the board", 200}, {"the rows", 140}} { // the chart is drawn anew for each figure
		if n := testing.AllocsPerRun(100, func() { m.View() }); n > 60 {
			t.Errorf("%s: a View allocates %.0f times", c.what, n)
		}
		if n := testing.AllocsPerRun(30, func() { press(m, "down"); m.View() }); n > c.most {
			t.Errorf("%s: a step down and its View allocate %.0f times", c.what, n)
		}
		say(m, "enter")
	}
}

// BenchmarkDashboard measures a step with its View: over the figures, and over 100,000 rows.
func BenchmarkDashboard(b *testing.B) {
	f := newBoard()
	f.table = func(string) (*desk.Table, error) { return seatTable(100_000), nil }
	for _, open := range []bool{false, true} {
		b.Run(fmt.Sprintf("rows open=%v", open), func(b *testing.B) {
			m := f.at(b, "dark", false, 120, 40)
			if open {
				say(m, "enter")
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if press(m, "down"); !open && i%30 == 0 {
					press(m, "home")
				}
				m.View()
			}
		})
	}
}
