package ui

import (
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"rollcall/provisioning/names"
)

// Span is a piece of a text, in bytes, that is highlighted.
type Span struct{ Start, End int }

// Line builds one line of exactly Width cells, out of cleaned text and words of ours. It never writes a cell too many.
type Line struct {
	st       *Styles
	buf      []byte
	width    int
	used     int
	selected bool
}

// NewLine begins a line.
func (s *Styles) NewLine(width int, selected bool) *Line {
	return &Line{st: s, width: width, selected: selected, buf: make([]byte, 0, 3*width+64)}
}

// Left is how many cells are still free.
func (l *Line) Left() int { return l.width - l.used }

// Text writes a cleaned text, cut or padded to so many cells; 0 means as many as it takes.
func (l *Line) Text(style Style, t names.Text, cells int) *Line {
	if cells == 0 {
		cells = t.Width()
	}
	cells = min(cells, l.Left())
	if cells <= 0 {
		return l
	}
	l.buf = append(l.buf, l.st.SGR(style, l.selected)...)
	l.buf = t.AppendPadded(l.buf, cells)
	l.buf = append(l.buf, Reset...)
	l.used += cells
	return l
}

// Marked writes a cleaned text with highlighted pieces, cut or padded to so many cells.
func (l *Line) Marked(style Style, t names.Text, spans []Span, cells int) *Line {
	cut := t.Truncate(cells)
	if len(spans) == 0 || cut.Width() > cells || cut.String() != cut.Bare() { // a right-to-left text stays in one piece
		return l.Text(style, t, cells)
	}
	s, at, start := cut.Bare(), 0, l.used
	whole := len(s) // what of s is the text's own, and not the ellipsis
	if s != t.Bare() {
		whole = len(strings.TrimSuffix(s, "…"))
	}
	for _, span := range spans {
		if span.Start < at || span.Start >= whole {
			continue
		}
		end := min(span.End, whole)
		l.piece(style, s[at:span.Start])
		l.piece(Match, s[span.Start:end])
		at = end
	}
	l.piece(style, s[at:])
	return l.Space(cells - (l.used - start))
}

// piece writes a part of an already cut text.
func (l *Line) piece(style Style, s string) {
	if s == "" {
		return
	}
	l.buf = append(l.buf, l.st.SGR(style, l.selected)...)
	l.buf = append(l.buf, s...)
	l.buf = append(l.buf, Reset...)
	l.used += ansi.StringWidth(s)
}

// Word writes a word of ours: a sign, a label, a number. It is cut at the end of the line.
func (l *Line) Word(style Style, s string) *Line {
	w := ansi.StringWidth(s)
	if w > l.Left() {
		s = ansi.Truncate(s, l.Left(), "")
		w = ansi.StringWidth(s)
	}
	if w == 0 {
		return l
	}
	l.buf = append(l.buf, l.st.SGR(style, l.selected)...)
	l.buf = append(l.buf, s...)
	l.buf = append(l.buf, Reset...)
	l.used += w
	return l
}

// Cell writes a word of ours in so many cells.
func (l *Line) Cell(style Style, s string, cells int) *Line {
	if w := ansi.StringWidth(s); w > cells {
		s = ansi.Truncate(s, cells, l.st.Glyphs.Ellipsis)
	}
	from := l.used
	l.Word(style, s)
	return l.Space(cells - (l.used - from))
}

const blanks = "                                                                                                    "

// Space writes empty cells.
func (l *Line) Space(cells int) *Line {
	cells = min(cells, l.Left())
	if cells <= 0 {
		return l
	}
	l.buf = append(l.buf, l.st.SGR(Plain, l.selected)...)
	l.used += cells
	for cells > 0 {
		n := min(cells, len(blanks))
		l.buf = append(l.buf, blanks[:n]...)
		cells -= n
	}
	l.buf = append(l.buf, Reset...)
	return l
}

// Right leaves space so that so many cells remain: what follows stands at the right edge.
func (l *Line) Right(cells int) *Line { return l.Space(l.Left() - cells) }

// String fills the line and gives it.
func (l *Line) String() string {
	l.Space(l.Left())
	return string(l.buf)
}

// Rule is a horizontal line; joints are the cells at which another line meets it, drawn with joint.
func (s *Styles) Rule(width int, joint string, joints ...int) string {
	g := s.Glyphs
	if len(joints) == 0 {
		return s.SGR(Border, false) + strings.Repeat(g.Horizontal, width) + Reset
	}
	var b strings.Builder
	b.WriteString(s.SGR(Border, false))
	at := 0
	for _, j := range joints {
		if j >= at && j < width {
			b.WriteString(strings.Repeat(g.Horizontal, j-at))
			b.WriteString(joint)
			at = j + 1
		}
	}
	b.WriteString(strings.Repeat(g.Horizontal, width-at))
	b.WriteString(Reset)
	return b.String()
}

// Blank is an empty line.
func (s *Styles) Blank(width int) string { return s.NewLine(width, false).String() }

// Wrap breaks a cleaned text into at most so many lines of a width, at spaces; the last one is cut where more would follow.
func Wrap(t names.Text, width, lines int) []names.Text {
	var out []names.Text
	rest := strings.TrimSpace(t.Bare())
	for rest != "" && len(out) < lines {
		clean := names.Clean(rest)
		if clean.Width() <= width || len(out) == lines-1 {
			out = append(out, clean.Truncate(width))
			break
		}
		cut := len(clean.Truncate(width).Bare()) - len("…")
		if space := strings.LastIndexByte(rest[:min(cut+1, len(rest))], ' '); space > 0 {
			cut = space
		}
		out = append(out, names.Clean(rest[:cut]))
		rest = strings.TrimSpace(rest[cut:])
	}
	return out
}

// Count writes a number with commas.
func Count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Paragraph breaks a text of any length, as it came, into at most so many cleaned lines of a width: Clean alone would cut it off after
// the graphemes that a name may have. A word that is longer than a line goes on in the next.
func Paragraph(s string, width, lines int) []names.Text {
	var out []names.Text
	line := ""
	flush := func() {
		for _, t := range Wrap(names.Clean(line), width, max(1, lines-len(out))) {
			if len(out) < lines {
				out = append(out, t)
			}
		}
		line = ""
	}
	for word := range strings.FieldsSeq(s) {
		switch {
		case line == "":
			line = word
		case names.Clean(line+" "+word).Width() <= width:
			line += " " + word
		case len(out) == lines-1: // the last line is cut where more would follow
			line += " " + word
			flush()
			return out
		default:
			flush()
			line = word
		}
	}
	flush()
	return out
}

// Join writes what another line holds so far behind this one, and gives the whole line.
func (l *Line) Join(other *Line) string {
	l.buf = append(l.buf, other.buf...)
	l.used += other.used
	return l.String()
}
