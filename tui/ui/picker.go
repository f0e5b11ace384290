package ui

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning/names"
)

// Item is one thing that can be picked. Raw strings.
type Item struct{ ID, Title, Note string }

// Picker finds something as one types, and takes what is under the cursor; with Many tab marks several.
type Picker struct {
	Title string
	Body  []string
	Many  bool
	// Find gives what a text finds, the best first. It is called in a command: it may take its time.
	Find func(text string) ([]Item, error)
	Done func(chosen []Item) tea.Cmd

	text   string
	items  []Item
	marked []Item
	at     int
	asked  int // the generation of the newest question: an older answer is dropped
	answer int // of the answer that is shown
	failed error
}

// PickerRows is how many items a picker shows.
const PickerRows = 8

type picked struct {
	of    *Picker
	asked int
	items []Item
	err   error
}

// Begin asks for the first items.
func (p *Picker) Begin() tea.Cmd { return p.ask() }

func (p *Picker) ask() tea.Cmd {
	p.asked++
	asked, text := p.asked, p.text
	return func() tea.Msg {
		items, err := p.Find(text)
		return picked{p, asked, items, err}
	}
}

// Answer takes what was found; mine is false where the message is another's.
func (p *Picker) Answer(msg tea.Msg) (mine bool) {
	a, ok := msg.(picked)
	if !ok || a.of != p {
		return false
	}
	if a.asked == p.asked {
		p.items, p.failed, p.at, p.answer = a.items, a.err, 0, a.asked
		p.items = p.items[:min(len(p.items), PickerRows)]
	}
	return true
}

// Key takes a key.
func (p *Picker) Key(k tea.KeyPressMsg) (tea.Cmd, bool) {
	switch k.String() {
	case "esc", "ctrl+c":
		return nil, true
	case "up", "ctrl+p":
		p.at = max(0, p.at-1)
	case "down", "ctrl+n":
		p.at = min(max(0, len(p.items)-1), p.at+1)
	case "tab":
		p.mark()
	case "enter":
		return p.enter()
	case "backspace":
		if r := []rune(p.text); len(r) > 0 {
			p.text = string(r[:len(r)-1])
			return p.ask(), false
		}
	case "ctrl+u":
		p.text = ""
		return p.ask(), false
	default:
		if k.Text != "" {
			p.text += k.Text
			return p.ask(), false
		}
	}
	return nil, false
}

// mark marks what is under the cursor, or takes the mark away.
func (p *Picker) mark() {
	if !p.Many || p.at >= len(p.items) {
		return
	}
	it := p.items[p.at]
	if i := p.markOf(it.ID); i >= 0 {
		p.marked = slices.Delete(p.marked, i, i+1)
	} else {
		p.marked = append(p.marked, it)
	}
	p.at = min(len(p.items)-1, p.at+1)
}

func (p *Picker) markOf(id string) int {
	return slices.IndexFunc(p.marked, func(it Item) bool { return it.ID == id })
}

// enter takes the marked ones, or the one under the cursor: never one that an older text found.
func (p *Picker) enter() (tea.Cmd, bool) {
	switch {
	case len(p.marked) > 0:
		return p.Done(p.marked), true
	case p.answer != p.asked || p.at >= len(p.items):
		return nil, false
	default:
		return p.Done([]Item{p.items[p.at]}), true
	}
}

// Paste adds text; it picks nothing.
func (p *Picker) Paste(text string) tea.Cmd {
	p.text += names.Clean(text).Bare()
	return p.ask()
}

// Lines draws it, in as many lines whatever was found: nothing moves as one types.
func (p *Picker) Lines(s *Styles, width int) []string {
	out := dialogHead(s, width, p.Title, p.Body)
	l := s.NewLine(width, false)
	l.Word(Accent, " / ").Text(Strong, names.Clean(p.text), 0).Word(Accent, s.Glyphs.Caret).Space(2)
	hint := "enter takes it, esc does not "
	if p.Many {
		hint = "tab marks, enter takes, esc does not "
		if n := len(p.marked); n > 0 {
			hint = fmt.Sprintf("%d marked, %s", n, hint)
		}
	}
	if l.Left() > len(hint) {
		l.Right(len(hint)).Word(Muted, hint)
	}
	out = append(out, l.String())
	for i := range PickerRows {
		out = append(out, p.row(s, width, i))
	}
	return out
}

func (p *Picker) row(s *Styles, width, i int) string {
	if i >= len(p.items) {
		l := s.NewLine(width, false).Space(3)
		switch {
		case i > 0:
		case p.failed != nil:
			why, _, _ := strings.Cut(p.failed.Error(), "\n")
			l.Text(Danger, names.Clean(why), l.Left())
		case p.answer == p.asked:
			l.Word(Muted, "nothing is called that")
		default:
			l.Word(Muted, "looking")
		}
		return l.String()
	}
	it := p.items[i]
	l := s.NewLine(width, i == p.at)
	sign, mark := " ", " "
	if i == p.at {
		sign = s.Glyphs.Cursor
	}
	if p.markOf(it.ID) >= 0 {
		mark = s.Glyphs.Mark
	}
	title := max(24, width*2/5)
	return l.Space(1).Cell(Accent, sign, 1).Cell(Accent, mark, 1).Text(Strong, names.Clean(it.Title), title).Space(1).
		Text(Muted, names.Clean(it.Note), max(0, l.Left()-1)).String()
}
