package ui_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	"rollcall/tui/ui"
)

// doc makes blocks of so many lines; the negative ones are no stops.
func doc(sizes []int) (blocks []ui.Block, lines []string, stops []string) {
	for i, n := range sizes {
		stop := n > 0
		id := fmt.Sprint("b", i)
		b := ui.Block{ID: id}
		var under []string
		for j := range max(n, -n) {
			b.Lines = append(b.Lines, fmt.Sprintf("%d.%d", i, j))
			under = append(under, fmt.Sprintf("*%d.%d", i, j))
		}
		lines = append(lines, b.Lines...)
		if stop {
			b.Under = func() []string { return under }
			stops = append(stops, id)
		}
		blocks = append(blocks, b)
	}
	return blocks, lines, stops
}

// TestDoc: whatever the blocks and the page, going down shows every line and stops at every stop that is no higher than the page; going
// up comes back to the first line; the cursor is always on the page, and at most one block is drawn under it.
func TestDoc(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		height := rapid.IntRange(1, 12).Draw(t, "height")
		sizes := rapid.SliceOfN(rapid.IntRange(-15, 4).Filter(func(n int) bool { return n != 0 }), 1, 20).Draw(t, "sizes")
		blocks, lines, stops := doc(sizes)
		var d ui.Doc
		d.Set(blocks)
		seen, at := make(map[string]bool), make(map[string]bool)
		look := func() {
			page := d.Draw(nil, height, "")
			if len(page) != height {
				t.Fatalf("%d lines, want %d", len(page), height)
			}
			under := make(map[string]bool)
			for _, l := range page {
				seen[strings.TrimPrefix(l, "*")] = true
				if s, ok := strings.CutPrefix(l, "*"); ok {
					block, _, _ := strings.Cut(s, ".")
					under["b"+block] = true
				}
			}
			id, ok := d.Current()
			if len(under) > 1 || (ok && !under[id]) || (!ok && len(under) > 0) {
				t.Fatalf("the cursor is on %q (%v), the page shows %v under it", id, ok, under)
			}
			at[id] = true
			if first, last, all := d.Place(); all != len(lines) || first > last || last > all {
				t.Fatalf("%d to %d of %d", first, last, all)
			}
		}
		look()
		for range len(lines) + len(stops) + 2 {
			d.Move(1)
			look()
		}
		for _, l := range lines {
			if !seen[l] {
				t.Errorf("line %s was never shown", l)
			}
		}
		for i, n := range sizes {
			if id := fmt.Sprint("b", i); n > 0 && n <= height && !at[id] {
				t.Errorf("the cursor never stopped at %s", id)
			}
		}
		for range len(lines) + len(stops) + 2 {
			d.Move(-1)
			look()
		}
		if page := d.Draw(nil, height, ""); strings.TrimPrefix(page[0], "*") != lines[0] {
			t.Errorf("not back at the top: %v", page)
		}
		for _, by := range rapid.SliceOf(rapid.SampledFrom([]int{-3, -1, 1, 3})).Draw(t, "pages") {
			d.Page(by)
			look()
		}
	})
}

// TestDocKeepsItsPlace: other blocks leave the cursor on the one of its ID, and where it was on the screen; a page at the very top stays
// there, so that what is new above is seen.
func TestDocKeepsItsPlace(t *testing.T) {
	blocks, _, _ := doc([]int{-2, 1, 1, 1, 1, 1, 1, 1, 1})
	var d ui.Doc
	d.Set(blocks)
	d.Draw(nil, 5, "")
	d.Move(1)
	d.Set(slices.Insert(slices.Clone(blocks), 0, ui.Block{Lines: []string{"new"}}))
	if page := d.Draw(nil, 5, ""); page[0] != "new" || !slices.Contains(page, "*2.0") {
		t.Errorf("%v", page)
	}
	d.Move(4)
	before := d.Draw(nil, 5, "")
	where := slices.Index(before, "*6.0")
	d.Set(slices.Insert(slices.Clone(blocks), 0, ui.Block{Lines: []string{"new", "newer"}}))
	if page := d.Draw(nil, 5, ""); where < 0 || page[where] != "*6.0" {
		t.Errorf("%v, then %v", before, page)
	}
}

// TestPicker: an answer to an older text is not taken, by enter either; tab marks several.
func TestPicker(t *testing.T) {
	var got []string
	done := func(chosen []ui.Item) tea.Cmd {
		for _, it := range chosen {
			got = append(got, it.ID)
		}
		return nil
	}
	find := func(text string) ([]ui.Item, error) {
		if text == "!" {
			return nil, errors.New("the roll is gone\nmore")
		}
		return []ui.Item{{ID: text + "1", Title: text + " one"}, {ID: text + "2", Title: text + " two"}}, nil
	}
	p := &ui.Picker{Title: "Who?", Find: find, Done: done}
	first := p.Begin()()
	typed, _ := p.Key(key("a"))
	if !p.Answer(first) || p.Answer(ui.Toast{}) {
		t.Error("an answer that is another's, or not its own")
	}
	if cmd, closed := p.Key(key("enter")); cmd != nil || closed || got != nil {
		t.Fatalf("an older answer was taken: %v", got)
	}
	p.Answer(typed())
	p.Key(tea.KeyPressMsg{Code: tea.KeyDown})
	if _, closed := p.Key(key("enter")); !closed || !slices.Equal(got, []string{"a2"}) {
		t.Errorf("took %v", got)
	}
	got = nil
	p = &ui.Picker{Title: "Who?", Find: find, Done: done, Many: true}
	p.Answer(p.Begin()())
	for range 2 {
		p.Key(tea.KeyPressMsg{Code: tea.KeyTab})
	}
	if _, closed := p.Key(key("enter")); !closed || !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("took %v", got)
	}
	got = nil
	p.Answer(p.Paste("!\r")()) // a pasted enter is no key
	if got != nil {
		t.Errorf("pasting took %v", got)
	}
	gone, _ := p.Key(tea.KeyPressMsg{Code: tea.KeyBackspace})
	p.Answer(gone())
	if text := ansi.Strip(strings.Join(p.Lines(styles(t), 80), "\n")); !strings.Contains(text, "the roll is gone") || strings.Contains(text, "more") {
		t.Errorf("%s", text)
	}
}

// TestWhenPrompt: a moment is shown back with its zone before it is taken; what is no time, or has passed, is refused where it stands.
func TestWhenPrompt(t *testing.T) {
	now := time.Date(2026, 11, 24, 14, 2, 0, 0, time.Local)
	parse := func(text string, now time.Time) (time.Time, error) {
		d, err := time.ParseDuration(strings.TrimPrefix(text, "+"))
		if err != nil {
			return time.Time{}, errors.New("that is no time")
		}
		return now.Add(d), nil
	}
	var got []time.Time
	open := func() *ui.Prompt {
		return ui.WhenPrompt("When?", "what", time.Time{}, func() time.Time { return now }, parse, func(at time.Time) tea.Cmd { got = append(got, at); return nil })
	}
	for text, want := range map[string]string{"+3h": "in 3 h 0 min", "now": "now: with the commit", "+300h": "in 12 days", "-1h": "that minute has passed", "soon": "that is no time", "+26h": "in 1 day 2 h", "+5m": "in 5 min", "+59s": "in less than a minute"} {
		p := open()
		for _, r := range text {
			p.Key(key(string(r)))
		}
		got = nil
		if strings.HasPrefix(want, "that") {
			if _, closed := p.Key(key("enter")); closed || got != nil {
				t.Errorf("%q was taken: %v", text, got)
			}
		}
		if said := ansi.Strip(strings.Join(p.Lines(styles(t), 80), "\n")); !strings.Contains(said, want) {
			t.Errorf("%q says\n%s", text, said)
		}
		if !strings.HasPrefix(want, "that") {
			if _, closed := p.Key(key("enter")); !closed || len(got) != 1 || (text == "now") != got[0].IsZero() {
				t.Errorf("%q: took %v", text, got)
			}
		}
	}
}

// TestNarrow: a key can have another place below 100 columns, or none.
func TestNarrow(t *testing.T) {
	keys := []ui.Binding{{Keys: []string{"a"}, Help: "first", Footer: 1, Narrow: 2}, {Keys: []string{"b"}, Help: "second", Footer: 2, Narrow: 1}, {Keys: []string{"c"}, Help: "third", Footer: 3, Narrow: -1}}
	narrow, broad := ansi.Strip(styles(t).Footer(80, keys, "")), ansi.Strip(styles(t).Footer(120, keys, ""))
	if strings.Index(narrow, "second") > strings.Index(narrow, "first") || strings.Contains(narrow, "third") || !strings.Contains(broad, "a first   b second   c third") {
		t.Errorf("%q\n%q", narrow, broad)
	}
}
