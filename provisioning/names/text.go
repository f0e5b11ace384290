package names

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"
	"github.com/rivo/uniseg"
	"golang.org/x/text/unicode/norm"
)

// Limits of a cleaned text (threats A1).
const (
	maxGraphemes = 256
	maxMarks     = 2 // combining marks on one base
)

// The isolates that are ours: a right-to-left text is wrapped in them, so that it cannot reorder its neighbours.
const (
	firstStrongIsolate = "\u2068"
	popIsolate         = "\u2069"
)

// Text is a cleaned string: what a view may show. Only Clean makes one, so that a view that takes a Text cannot be handed
// raw bytes of a foreign system (threats A1).
type Text struct {
	s     string // without isolates
	width int
	rtl   bool
}

// String returns the text as it is to be written to a terminal: a text with right-to-left letters inside isolates of ours.
func (t Text) String() string {
	if t.rtl {
		return firstStrongIsolate + t.s + popIsolate
	}
	return t.s
}

// Bare returns the text without isolates, for searching in it.
func (t Text) Bare() string { return t.s }

// Width returns how many terminal cells the text takes, counted by grapheme as the screen's renderer counts them.
func (t Text) Width() int { return t.width }

// Clean makes a foreign string safe to show: valid UTF-8 in NFC, controls, bidirectional controls, invisible and tag
// characters replaced by a visible mark, at most two combining marks on a base, at most 256 graphemes. It is idempotent.
// Clean ASCII costs no allocation.
func Clean(raw string) Text {
	if plainASCII(raw) {
		return Text{s: raw, width: len(raw)}
	}
	raw = strings.ReplaceAll(strings.ReplaceAll(raw, firstStrongIsolate, ""), popIsolate, "")
	raw = norm.NFC.String(strings.ToValidUTF8(raw, "\uFFFD"))
	var b strings.Builder
	b.Grow(len(raw))
	marks, rtl := maxMarks, false // a leading mark has no base to stand on
	for _, r := range raw {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Mc):
			if marks++; marks > maxMarks {
				continue
			}
			b.WriteRune(r)
		case replaced(r):
			marks = maxMarks
			b.WriteString(mark(r))
		default:
			marks = 0
			rtl = rtl || unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko)
			b.WriteRune(r)
		}
	}
	s := norm.NFC.String(b.String())
	s = capGraphemes(s)
	return Text{s: s, width: ansi.StringWidth(s), rtl: rtl}
}

func plainASCII(s string) bool {
	if len(s) > maxGraphemes {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f {
			return false
		}
	}
	return true
}

// replaced reports whether a rune is never shown as it is.
func replaced(r rune) bool {
	switch {
	case r < 0x20, r == 0x7f, r >= 0x80 && r <= 0x9f, r == 0x2028, r == 0x2029: // C0, DEL, C1, line and paragraph separators
		return true
	case r == 0x61c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // bidi controls
		return true
	case r >= 0xfff9 && r <= 0xfffb, r >= 0xe0000 && r <= 0xe0fff: // interlinear annotation, tags and their neighbours
		return true
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), unicode.Is(unicode.Cs, r): // invisible, private use
		return true
	case r >= 0xfe00 && r <= 0xfe0f: // variation selectors change a width after the fact
		return true
	case r == 0x115f, r == 0x1160, r == 0x3164, r == 0xffa0, r == 0x2800: // blanks that pretend to be letters
		return true
	case unicode.Is(unicode.Zs, r) && r != ' ':
		return r != 0xa0
	default:
		return false
	}
}

// mark is the visible stand-in for a rune that is never shown.
func mark(r rune) string {
	switch {
	case r < 0x20:
		return string(0x2400 + r) // ␀ … ␛ … ␟
	case r == 0x7f:
		return "␡"
	default:
		return fmt.Sprintf("‹U+%04X›", r)
	}
}

func capGraphemes(s string) string {
	if len(s) <= maxGraphemes {
		return s
	}
	n, rest, state := 0, s, -1
	for rest != "" {
		if n == maxGraphemes-1 {
			if _, after, _, _ := uniseg.FirstGraphemeClusterInString(rest, state); after != "" {
				return s[:len(s)-len(rest)] + "…"
			}
			return s
		}
		_, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		n++
	}
	return s
}

// Truncate cuts the text to at most so many cells, the last one an ellipsis where something was cut. It never splits a
// grapheme.
func (t Text) Truncate(cells int) Text {
	switch {
	case t.width <= cells:
		return t
	case cells <= 0:
		return Text{}
	case len(t.s) == t.width: // one byte a cell
		return Text{s: t.s[:cells-1] + "…", width: cells, rtl: t.rtl}
	default:
		s := ansi.Truncate(t.s, cells, "…")
		return Text{s: s, width: ansi.StringWidth(s), rtl: t.rtl}
	}
}

// AppendPadded appends the text, cut or padded to exactly so many cells, to dst.
func (t Text) AppendPadded(dst []byte, cells int) []byte {
	t = t.Truncate(cells)
	if t.rtl {
		dst = append(dst, firstStrongIsolate...)
	}
	dst = append(dst, t.s...)
	if t.rtl {
		dst = append(dst, popIsolate...)
	}
	for i := t.width; i < cells; i++ {
		dst = append(dst, ' ')
	}
	return dst
}
