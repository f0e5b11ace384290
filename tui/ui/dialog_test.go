package ui_test

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"rollcall/provisioning/names"
	"rollcall/themes"
	"rollcall/tui/ui"
)

func key(s string) tea.KeyPressMsg {
	switch s {
	case "enter":
		return tea.KeyPressMsg{Code: tea.KeyEnter}
	case "esc":
		return tea.KeyPressMsg{Code: tea.KeyEscape}
	default:
		return tea.KeyPressMsg{Code: []rune(s)[0], Text: s}
	}
}

func styles(t *testing.T) *ui.Styles {
	t.Helper()
	theme, err := themes.Load("dark")
	if err != nil {
		t.Fatal(err)
	}
	return ui.NewStyles(theme, false)
}

// TestConfirm: only the very number, typed, does it; enter alone, another number, esc and pasted text do nothing (threats A2).
func TestConfirm(t *testing.T) {
	for name, c := range map[string]struct {
		paste string
		keys  []string
		want  bool
	}{
		"the number":            {"", []string{"1", "2", "enter"}, true},
		"enter alone":           {"", []string{"enter"}, false},
		"another number":        {"", []string{"1", "enter"}, false},
		"escaped":               {"", []string{"1", "2", "esc"}, false},
		"pasted with its enter": {"12\r", []string{"enter"}, false},
		"y":                     {"", []string{"y", "enter"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			did := false
			d := &ui.Confirm{Want: "12", Yes: func(string) tea.Cmd { did = true; return nil }}
			d.Paste(c.paste)
			for _, k := range c.keys {
				if _, done := d.Key(key(k)); done {
					break
				}
			}
			if did != c.want {
				t.Errorf("done: %v", did)
			}
		})
	}
}

// TestConfirmGrace: a key that came too early, meant for the screen below, is not taken.
func TestConfirmGrace(t *testing.T) {
	now := time.Unix(100, 0)
	did := false
	d := &ui.Confirm{Want: "1", Now: func() time.Time { return now }, Yes: func(string) tea.Cmd { did = true; return nil }}
	d.Opened(now)
	d.Key(key("1"))
	now = now.Add(time.Second)
	d.Key(key("enter"))
	if did {
		t.Error("a key within the grace period counted")
	}
}

// TestConfirmReason: a released batch wants its reason as well.
func TestConfirmReason(t *testing.T) {
	got := ""
	d := &ui.Confirm{Want: "1", Reason: true, Yes: func(reason string) tea.Cmd { got = reason; return nil }}
	for _, k := range []string{"1", "enter", "enter"} {
		if _, done := d.Key(key(k)); done {
			t.Fatal("done without a reason")
		}
	}
	d.Key(key("o"))
	d.Key(key("k"))
	if _, done := d.Key(key("enter")); !done || got != "ok" {
		t.Errorf("reason %q", got)
	}
}

// TestLineNeverLeavesItsCells: whatever is written, a line has exactly its width.
func TestLineNeverLeavesItsCells(t *testing.T) {
	st := styles(t)
	for _, width := range []int{1, 5, 40} {
		l := st.NewLine(width, false)
		l.Word(ui.Danger, "a long word of ours").Text(ui.Plain, names.Clean("陳偉 陳偉 陳偉"), 7).Cell(ui.Muted, "another", 3).Right(4).Word(ui.Good, "end")
		if s := l.String(); ansi.StringWidth(s) != width {
			t.Errorf("%d cells, want %d: %q", ansi.StringWidth(s), width, s)
		}
	}
}

// TestMarkedStaysWhole: a highlight that reaches into what was cut off ends before the ellipsis, and splits no rune.
func TestMarkedStaysWhole(t *testing.T) {
	text := names.Clean("Barnes-Whitfield, Tomas")
	for cells := 1; cells < 24; cells++ {
		for start := range len(text.Bare()) {
			s := styles(t).NewLine(30, false).Marked(ui.Plain, text, []ui.Span{{Start: start, End: start + 3}}, cells).String()
			if plain := ansi.Strip(s); ansi.StringWidth(s) != 30 || strings.TrimRight(plain, " ") != strings.TrimRight(text.Truncate(cells).Bare(), " ") {
				t.Fatalf("%d cells, marked from %d: %q", cells, start, plain)
			}
		}
	}
}

func TestFooterFits(t *testing.T) {
	st := styles(t)
	var keys []ui.Binding
	for i := range 9 {
		why := ""
		if i == 2 {
			why = "not now"
		}
		keys = append(keys, ui.Binding{Keys: []string{string(rune('a' + i))}, Help: "word", Footer: i + 1, Disabled: func() string { return why }})
	}
	for width, most := range map[int]int{80: 6, 120: 9} {
		text := ansi.Strip(st.Footer(width, keys, ""))
		if n := strings.Count(text, "word"); n > most || n < most-2 || ansi.StringWidth(text) != width {
			t.Errorf("%d cells: %d keys: %q", width, n, text)
		}
	}
}

func TestWrap(t *testing.T) {
	lines := ui.Wrap(names.Clean("one two three four five six seven eight nine ten"), 12, 3)
	if len(lines) != 3 || lines[0].String() != "one two" && lines[0].String() != "one two three" {
		t.Errorf("%v", lines)
	}
	for _, l := range lines {
		if l.Width() > 12 {
			t.Errorf("%q", l)
		}
	}
}

// TestParagraph: a text of any length is told whole where there are lines enough, each line cleaned and no wider than it may be, and a
// word longer than a line goes on in the next.
func TestParagraph(t *testing.T) {
	long := strings.Repeat("word and ", 60) + strings.Repeat("x", 300) + " \x1b[31mend"
	lines := ui.Paragraph(long, 40, 99)
	var all []string
	for _, l := range lines {
		if l.Width() > 40 || strings.ContainsRune(l.Bare(), 0x1b) {
			t.Errorf("%d cells: %q", l.Width(), l.Bare())
		}
		all = append(all, l.Bare())
	}
	if text := strings.Join(all, " "); strings.Count(text, "word and") != 60 || strings.Count(text, "x") < 255 || !strings.HasSuffix(text, "[31mend") {
		t.Errorf("%s", text)
	}
	if lines := ui.Paragraph(long, 40, 3); len(lines) != 3 || !strings.HasSuffix(lines[2].Bare(), "…") {
		t.Errorf("%d lines, %v", len(lines), lines)
	}
	if lines := ui.Paragraph("  ", 40, 3); len(lines) != 0 {
		t.Errorf("%v", lines)
	}
}
