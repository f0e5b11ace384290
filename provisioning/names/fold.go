package names

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold gives the search key of a string: lower-case, marks stripped, the letters that NFD does not take apart spelled out,
// apostrophes dropped and hyphens turned to spaces, so that `obrien`, `angstrom` and `barnes whitfield` find O’Brien,
// Ångström and Barnes-Whitfield.
func Fold(raw string) string {
	for i := range len(raw) {
		c := raw[i]
		if c >= 0x80 || (c >= 'A' && c <= 'Z') || c == '\'' || c == '-' {
			folded, _ := FoldMap(raw)
			return folded
		}
	}
	return raw
}

// FoldMap gives the search key, and for each of its bytes the byte of raw that it came from: where to highlight.
func FoldMap(raw string) (folded string, from []int32) {
	out := make([]byte, 0, len(raw))
	from = make([]int32, 0, len(raw))
	add := func(s string, at int) {
		for i := range len(s) {
			out = append(out, s[i])
			from = append(from, int32(at)) //nolint:gosec // a name is short
		}
	}
	for at, r := range raw {
		if r < 0x80 {
			switch {
			case r >= 'A' && r <= 'Z':
				r += 'a' - 'A'
			case r == '\'':
				continue
			case r == '-':
				r = ' '
			}
			out = append(out, byte(r))
			from = append(from, int32(at)) //nolint:gosec // a name is short
			continue
		}
		if s, ok := spelled(r); ok {
			add(s, at)
			continue
		}
		var buf [utf8.UTFMax]byte
		n := utf8.EncodeRune(buf[:], r)
		for _, d := range norm.NFKD.String(string(buf[:n])) {
			if unicode.Is(unicode.Mn, d) {
				continue
			}
			if s, ok := spelled(unicode.ToLower(d)); ok {
				add(s, at)
				continue
			}
			add(string(unicode.ToLower(d)), at)
		}
	}
	return string(out), from
}

// spelled gives the letters that decomposition leaves whole, as people type them, and what is dropped or becomes a space.
func spelled(r rune) (string, bool) {
	switch unicode.ToLower(r) {
	case 'ø':
		return "o", true
	case 'ł':
		return "l", true
	case 'đ', 'ð':
		return "d", true
	case 'ħ':
		return "h", true
	case 'ı':
		return "i", true
	case 'æ':
		return "ae", true
	case 'œ':
		return "oe", true
	case 'ß':
		return "ss", true
	case 'þ':
		return "th", true
	case '\u2019', '\u2018', '\u02bc', '`', '\u2032':
		return "", true
	case '\u2010', '\u2011', '\u2012', '\u2013', '\u2014', '\u00a0':
		return " ", true
	case 0x2066, 0x2067, 0x2068, 0x2069, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0xfeff:
		return "", true
	default:
		return "", false
	}
}
