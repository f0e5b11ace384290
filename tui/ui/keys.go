package ui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// Binding is a key as data: from one list of them come the handling, the footer, and the help page.
type Binding struct {
	Keys     []string // as tea.KeyPressMsg.String() gives them; the first is shown
	Show     string   // how the key is written, where not as its name
	Help     string   // short, for the footer
	Long     string   // for the help page
	Danger   bool     // it leads to a change of a system: dropped where nothing may be changed
	Footer   int      // 1 stands first in the footer; 0: on the help page alone
	Narrow   int      // its place in a footer below 100 columns, where that is another; -1: not there
	Disabled func() string
	Do       func() tea.Cmd
}

// Name is how the key is written.
func (b *Binding) Name() string {
	if b.Show != "" {
		return b.Show
	}
	return b.Keys[0]
}

// rank is the key's place in a footer of so many cells.
func (b *Binding) rank(width int) int {
	if width < 100 && b.Narrow != 0 {
		return b.Narrow
	}
	return b.Footer
}

// Why says why the key cannot act now; "" where it can.
func (b *Binding) Why() string {
	if b.Disabled == nil {
		return ""
	}
	return b.Disabled()
}

// Dispatch does what a key is bound to. A key that cannot act now says why.
func Dispatch(bindings []Binding, key string) (tea.Cmd, bool) {
	for i := range bindings {
		b := &bindings[i]
		if !slices.Contains(b.Keys, key) {
			continue
		}
		if why := b.Why(); why != "" {
			return Say(Toast{Text: b.Help + ": " + why}), true
		}
		return b.Do(), true
	}
	return nil, false
}

// Foot keeps a drawn footer until a key becomes able or unable, or the width or the tail changes.
type Foot struct {
	of   footKey
	line string
}

type footKey struct {
	st       *Styles
	first    *Binding
	width    int
	tail     string
	disabled uint64
}

// Draw gives the footer of a screen's keys.
func (f *Foot) Draw(s *Styles, width int, bindings []Binding, tail string) string {
	key := footKey{st: s, width: width, tail: tail}
	if len(bindings) > 0 {
		key.first = &bindings[0]
	}
	for i := range bindings {
		if bindings[i].Why() != "" {
			key.disabled |= 1 << (i % 64)
		}
	}
	if f.line == "" || key != f.of {
		f.of, f.line = key, s.Footer(width, bindings, tail)
	}
	return f.line
}

// Footer draws the keys of a screen: at most six below 100 columns and nine above, those that cannot act now dimmed, the help key
// at the right edge. tail stands before it: the sign of a running batch.
func (s *Styles) Footer(width int, bindings []Binding, tail string) string {
	most := 9
	if width < 100 {
		most = 6
	}
	shown := make([]*Binding, 0, most)
	for rank := 1; rank <= 9 && len(shown) < most; rank++ {
		for i := range bindings {
			if bindings[i].rank(width) == rank && len(shown) < most {
				shown = append(shown, &bindings[i])
			}
		}
	}
	const help = "? all keys "
	l := s.NewLine(width, false)
	l.Space(1)
	for _, b := range shown {
		key, word := Accent, Plain
		if b.Why() != "" {
			key, word = Muted, Muted
		}
		if l.Left() < len(b.Name())+len(b.Help)+4+len(help)+len(tail) {
			break
		}
		l.Word(key, b.Name()).Word(word, " "+b.Help).Space(3)
	}
	if tail != "" {
		l.Right(len([]rune(tail))+2+len(help)).Word(Good, tail).Space(2)
	}
	return l.Right(len(help)).Word(Accent, "?").Word(Plain, help[1:]).String()
}

// HelpLines lists every key that matches a typed word, for the help page.
func (s *Styles) HelpLines(width int, bindings []Binding, typed string) []string {
	var out []string
	for i := range bindings {
		b := &bindings[i]
		text := b.Long
		if text == "" {
			text = b.Help
		}
		if !strings.Contains(strings.ToLower(b.Name()+" "+b.Help+" "+text), strings.ToLower(typed)) {
			continue
		}
		key := Accent
		if b.Danger { // it leads to a change of a system
			key = Danger
		}
		style := Plain
		if why := b.Why(); why != "" {
			style, text = Muted, text+" (now: "+why+")"
		}
		const name, most = 42, 6
		written, help := strings.Join(shownKeys(b), " "), b.Help
		for _, t := range Paragraph(text, width-name-1, most) {
			l := s.NewLine(width, false).Space(2).Cell(key, written, 18).Cell(Strong, help, name-20)
			out = append(out, l.Text(style, t, 0).String())
			written, help = "", ""
		}
	}
	return out
}

func shownKeys(b *Binding) []string {
	if b.Show != "" {
		return []string{b.Show}
	}
	return b.Keys
}
