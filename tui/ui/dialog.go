package ui

import (
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning/names"
)

// Dialog stands over the bottom of a screen and takes every key until it is done.
type Dialog interface {
	// Key takes a key; done closes the dialog.
	Key(key tea.KeyPressMsg) (cmd tea.Cmd, done bool)
	// Paste takes pasted text, which never presses a key (threats A2).
	Paste(text string) tea.Cmd
	// Lines draws the dialog in so many cells.
	Lines(s *Styles, width int) []string
}

// Confirm wants a number or a name typed before something is done. The safe answer is the one that needs nothing: esc, or enter
// with nothing typed, does nothing. Pasted text is not taken. Keys that came too early, meant for the screen below, are not either.
type Confirm struct {
	Title  string
	Body   []string // raw lines
	Want   string   // what must be typed
	Reason bool     // a reason is asked for as well
	Yes    func(reason string) tea.Cmd
	Now    func() time.Time // with it, keys within the grace period are ignored
	opened time.Time
	typed  string
	reason string
	second bool // the reason is being typed
	wrong  bool
}

// grace is how long after it opened a dialog takes no key.
const grace = 150 * time.Millisecond

// Key takes a key.
func (c *Confirm) Key(k tea.KeyPressMsg) (tea.Cmd, bool) {
	if c.Now != nil {
		now := c.Now()
		if c.opened.IsZero() {
			c.opened = now
		}
		if now.Sub(c.opened) < grace && k.String() != "esc" {
			return nil, false
		}
	}
	field := &c.typed
	if c.second {
		field = &c.reason
	}
	switch k.String() {
	case "esc", "ctrl+c":
		return Say(Toast{Text: "nothing was done"}), true
	case "backspace":
		if r := []rune(*field); len(r) > 0 {
			*field = string(r[:len(r)-1])
		}
	case "enter":
		return c.enter()
	default:
		if k.Text != "" {
			*field += k.Text
			c.wrong = false
		}
	}
	return nil, false
}

func (c *Confirm) enter() (tea.Cmd, bool) {
	switch {
	case !c.second && strings.TrimSpace(c.typed) == "":
		return Say(Toast{Text: "nothing was done"}), true
	case !c.second && strings.TrimSpace(c.typed) != c.Want:
		c.wrong = true
	case !c.second && c.Reason:
		c.second = true
	case c.second && strings.TrimSpace(c.reason) == "":
		c.wrong = true
	default:
		return c.Yes(strings.TrimSpace(c.reason)), true
	}
	return nil, false
}

// Paste is not taken: what must be typed, is typed.
func (c *Confirm) Paste(string) tea.Cmd { return nil }

// Opened tells the dialog when it opened.
func (c *Confirm) Opened(at time.Time) { c.opened = at }

// Lines draws it.
func (c *Confirm) Lines(s *Styles, width int) []string {
	out := dialogHead(s, width, c.Title, c.Body)
	l := s.NewLine(width, false)
	l.Space(1).Word(Plain, "type ").Text(Strong, names.Clean(c.Want), 0).Word(Plain, " and press enter, or esc: ").
		Text(Strong, names.Clean(c.typed), 0)
	if !c.second {
		l.Word(Accent, s.Glyphs.Caret)
	}
	if c.wrong && !c.second {
		l.Space(2).Word(Danger, "that is not ").Text(Danger, names.Clean(c.Want), 0)
	}
	out = append(out, l.String())
	if c.Reason {
		l := s.NewLine(width, false)
		l.Space(1).Word(Plain, "the reason, for the record: ").Text(Strong, names.Clean(c.reason), 0)
		if c.second {
			l.Word(Accent, s.Glyphs.Caret)
		}
		out = append(out, l.String())
	}
	return out
}

func dialogHead(s *Styles, width int, title string, body []string) []string {
	out := []string{s.Rule(width, "")}
	for _, t := range Paragraph(title, width-2, 2) {
		out = append(out, s.NewLine(width, false).Space(1).Text(Header, t, 0).String())
	}
	for _, b := range body {
		for _, t := range Paragraph(b, width-2, 3) {
			out = append(out, s.NewLine(width, false).Space(1).Text(Plain, t, 0).String())
		}
	}
	return out
}

// Option is one answer of a Choose.
type Option struct {
	Label string // raw
	Do    func() tea.Cmd
}

// Choose lets one of a few answers be chosen; nothing is the first of them.
type Choose struct {
	Title   string
	Body    []string
	Options []Option
	at      int // 0 is "nothing"
}

// Key takes a key.
func (c *Choose) Key(k tea.KeyPressMsg) (tea.Cmd, bool) {
	switch k.String() {
	case "esc", "ctrl+c":
		return nil, true
	case "up", "k":
		c.at = max(0, c.at-1)
	case "down", "j":
		c.at = min(len(c.Options), c.at+1)
	case "enter":
		if c.at == 0 {
			return nil, true
		}
		return c.Options[c.at-1].Do(), true
	}
	return nil, false
}

// Paste does nothing.
func (c *Choose) Paste(string) tea.Cmd { return nil }

// Lines draws it.
func (c *Choose) Lines(s *Styles, width int) []string {
	out := dialogHead(s, width, c.Title, c.Body)
	for i := range len(c.Options) + 1 {
		label := "leave it as it is"
		if i > 0 {
			label = c.Options[i-1].Label
		}
		l := s.NewLine(width, i == c.at)
		if i == c.at {
			l.Word(Accent, " "+s.Glyphs.Cursor+" ")
		} else {
			l.Space(3)
		}
		out = append(out, l.Text(Plain, names.Clean(label), 0).String())
	}
	return out
}

// Prompt asks for a line of text.
type Prompt struct {
	Title string
	Body  []string
	Value string
	// Check says what a value means, as it is typed, or why it cannot be taken; nil takes whatever is typed. It must not wait.
	Check func(value string) (meaning string, err error)
	Done  func(value string) tea.Cmd

	refused string // why the last enter was not taken
}

// Key takes a key.
func (p *Prompt) Key(k tea.KeyPressMsg) (tea.Cmd, bool) {
	switch k.String() {
	case "esc", "ctrl+c":
		return nil, true
	case "enter":
		if p.Check != nil {
			if _, err := p.Check(p.Value); err != nil {
				p.refused = err.Error()
				return nil, false
			}
		}
		return p.Done(p.Value), true
	case "backspace":
		if r := []rune(p.Value); len(r) > 0 {
			p.Value = string(r[:len(r)-1])
		}
	case "ctrl+u":
		p.Value = ""
	default:
		p.Value += k.Text
	}
	p.refused = ""
	return nil, false
}

// Paste adds text; it presses nothing.
func (p *Prompt) Paste(text string) tea.Cmd {
	p.Value += names.Clean(text).Bare()
	return nil
}

// Lines draws it.
func (p *Prompt) Lines(s *Styles, width int) []string {
	out := dialogHead(s, width, p.Title, p.Body)
	l := s.NewLine(width, false)
	out = append(out, l.Space(1).Text(Strong, names.Clean(p.Value), 0).Word(Accent, s.Glyphs.Caret).String())
	if p.Check == nil {
		return out
	}
	style, said := Muted, ""
	if p.refused != "" {
		style, said = Danger, p.refused
	} else if meaning, err := p.Check(p.Value); err == nil {
		style, said = Accent, meaning
	}
	lines := Paragraph(said, width-2, 2)
	for i := range 2 { // as many lines whatever is typed
		l := s.NewLine(width, false).Space(1)
		if i < len(lines) {
			l.Text(style, lines[i], 0)
		}
		out = append(out, l.String())
	}
	return out
}
