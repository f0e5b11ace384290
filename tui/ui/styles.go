// Package ui is what the screens share: styles made once from a theme, lines built from cleaned text and cut to exact cells, keys as
// data, dialogs, and the messages by which screens ask for each other. It knows no person, no account and no rule.
package ui

import (
	"fmt"

	"rollcall/themes"
)

// Style is a look of text: what must be written before it. Every piece ends with Reset.
type Style int

// The styles, from the theme's tokens.
const (
	Plain Style = iota
	Muted
	Accent
	Danger
	Warning
	Notice
	Good
	Border
	Header
	Match
	Strong // text, bold
	styleCount
)

// Reset ends a style.
const Reset = "\x1b[m"

// Styles are the SGR prefixes of a theme, for a row and for the row under the cursor, made once.
type Styles struct {
	Theme  *themes.Theme
	Glyphs Glyphs
	sgr    [2][styleCount]string
}

// NewStyles derives the prefixes of a theme. ascii keeps to signs of ASCII.
func NewStyles(t *themes.Theme, ascii bool) *Styles {
	s := &Styles{Theme: t, Glyphs: unicodeGlyphs()}
	if ascii {
		s.Glyphs = asciiGlyphs()
	}
	tokens := [styleCount]themes.Token{
		Plain: themes.Fg, Muted: themes.Muted, Accent: themes.Accent, Danger: themes.Danger, Warning: themes.Warning, Notice: themes.Notice,
		Good: themes.Good, Border: themes.Border, Header: themes.Header, Match: themes.Match, Strong: themes.Fg,
	}
	bold := map[Style]bool{Danger: true, Header: true, Match: true, Strong: true}
	for style, token := range tokens {
		weight := ""
		if bold[Style(style)] {
			weight = "1;"
		}
		if Style(style) == Match {
			weight = "1;4;" // underlined, so that a match shows without colour
		}
		for selected, behind := range []themes.Token{themes.Bg, themes.Selection} {
			f, b := t.Colour[token], t.Colour[behind]
			s.sgr[selected][style] = fmt.Sprintf("\x1b[%s38;2;%d;%d;%d;48;2;%d;%d;%dm", weight, f[0], f[1], f[2], b[0], b[1], b[2])
		}
	}
	return s
}

// SGR is the prefix of a style.
func (s *Styles) SGR(style Style, selected bool) string {
	if selected {
		return s.sgr[1][style]
	}
	return s.sgr[0][style]
}

// Glyphs are the signs of the screens: each stands before a word, never alone.
type Glyphs struct {
	ASCII                                                           bool
	Cursor, Mark, Dash, Ellipsis                                    string
	Leaver, Joiner, Differs, NoLibrary, Orphan, Directory, Disputed string
	Duplicate, Admin, Alike, Unproven                               string
	Yes, No, Running, Hand, Waiting, Alert, Right, Down, Arrow      string
	Horizontal, Vertical, TeeDown, TeeUp, Cross                     string
	Full, Empty, Caret, Dot                                         string
	Mover, Wall, Clock                                              string
	Comes, Stays, Goes, Withheld, LeftOut, Untouched                string // what becomes of a right
}

func unicodeGlyphs() Glyphs {
	return Glyphs{
		Cursor: "▸", Mark: "●", Dash: "—", Ellipsis: "…", Leaver: "✖", Joiner: "+", Differs: "≠", NoLibrary: "○", Orphan: "?", Directory: "⧖",
		Disputed: "??", Duplicate: "=", Admin: "!", Alike: "~", Unproven: "¿", Yes: "✓", No: "✗", Running: "▶", Hand: "◔", Waiting: "·", Alert: "!",
		Right: "▸", Down: "▾", Arrow: "→", Horizontal: "─", Vertical: "│", TeeDown: "┬", TeeUp: "┴", Cross: "┼", Full: "█", Empty: "░", Caret: "▏", Dot: "·",
		Mover: "△", Wall: "‖", Clock: "◷", Comes: "+", Stays: "=", Goes: "−", Withheld: "!", LeftOut: "·", Untouched: "~",
	}
}

func asciiGlyphs() Glyphs {
	return Glyphs{
		ASCII: true, Cursor: ">", Mark: "*", Dash: "-", Ellipsis: "...", Leaver: "x", Joiner: "+", Differs: "!=", NoLibrary: "o", Orphan: "?", Directory: "~",
		Disputed: "??", Duplicate: "=", Admin: "!", Alike: "~", Unproven: "?", Yes: "ok", No: "x", Running: ">", Hand: "h", Waiting: ".", Alert: "!",
		Right: ">", Down: "v", Arrow: "->", Horizontal: "-", Vertical: "|", TeeDown: "+", TeeUp: "+", Cross: "+", Full: "#", Empty: ".", Caret: "_", Dot: "-",
		Mover: "^", Wall: "||", Clock: "@", Comes: "+", Stays: "=", Goes: "-", Withheld: "!", LeftOut: ".", Untouched: "~",
	}
}
