package search

import (
	"slices"
	"strings"

	"rollcall/provisioning/names"
)

type termKind int

const (
	plain termKind = iota
	exact          // 'term: the whole of a key
	start          // ^term
	end            // term$
	field          // name:value
)

// term is one word of a query; all must hold.
type term struct {
	kind termKind
	not  bool
	name string // of a field
	text string // folded
}

// parse takes a query apart: terms by spaces, `!not`, `'exact`, `^start`, `end$`, `field:value`.
func parse(query string) []term {
	var terms []term
	for word := range strings.FieldsSeq(query) {
		t := term{}
		if rest, ok := strings.CutPrefix(word, "!"); ok {
			t.not, word = true, rest
		}
		switch {
		case strings.HasPrefix(word, "'"):
			t.kind, t.text = exact, word[1:]
		case strings.HasPrefix(word, "^"):
			t.kind, t.text = start, word[1:]
		case strings.HasSuffix(word, "$") && len(word) > 1:
			t.kind, t.text = end, word[:len(word)-1]
		default:
			if name, value, ok := strings.Cut(word, ":"); ok && name != "" {
				t.kind, t.name, t.text = field, strings.ToLower(name), value
			} else {
				t.text = strings.TrimRight(word, ",") // "barnes, tom", as the roster writes it
			}
		}
		t.text = strings.TrimSpace(names.Fold(t.text))
		if t.text != "" {
			terms = append(terms, t)
		}
	}
	return terms
}

// The ranks of a match, the best first. A match in the name counts more than one in another key.
const (
	rankPart = iota + 1
	rankWord
	rankPrefix
	rankExact
	inName = 10
)

// score ranks a row; ok is false where a term does not hold.
func (idx *Index) score(row int32, terms []term) (total int, ok bool) {
	for _, t := range terms {
		s := idx.scoreTerm(row, t)
		if t.not {
			if s > 0 {
				return 0, false
			}
			continue
		}
		if s == 0 {
			return 0, false
		}
		total += s
	}
	return total, true
}

func (idx *Index) scoreTerm(row int32, t term) int {
	if t.kind == field {
		if f := idx.fields[row]; f != nil && strings.Contains(names.Fold(f(t.name)), t.text) {
			return rankWord
		}
		return 0
	}
	keys := idx.keys[row]
	at := strings.Index(keys, t.text)
	if at < 0 {
		if t.kind == plain && strings.Contains(idx.names[row], " ") && strings.Contains(strings.ReplaceAll(idx.names[row], " ", ""), t.text) {
			return rankPart // barneswhitfield
		}
		return 0
	}
	best := 0
	for at >= 0 {
		if s := rank(keys, at, len(t.text), t.kind); s > 0 {
			if at < len(idx.names[row]) {
				s += inName
			}
			best = max(best, s)
		}
		next := strings.Index(keys[at+1:], t.text)
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return best
}

// rank says how a match at keys[at:at+n] sits in its key.
func rank(keys string, at, n int, kind termKind) int {
	first := at == 0 || keys[at-1] == separator[0]
	last := at+n == len(keys) || keys[at+n] == separator[0]
	switch kind {
	case exact:
		if first && last {
			return rankExact
		}
		return 0
	case start:
		if first {
			return rankPrefix
		}
		return 0
	case end:
		if last {
			return rankWord
		}
		return 0
	default:
	}
	switch {
	case first && last:
		return rankExact
	case first:
		return rankPrefix
	case !wordByte(keys[at-1]):
		return rankWord
	default:
		return rankPart
	}
}

func wordByte(c byte) bool {
	return c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
}

// Span is a piece of a cell that a query matched, in bytes of the cell's text.
type Span struct{ Start, End int }

// Spans says which pieces of a cleaned cell a query matched, in order and without overlaps.
func Spans(query, cell string) []Span {
	terms := parse(query)
	if len(terms) == 0 || cell == "" {
		return nil
	}
	folded, from := names.FoldMap(cell)
	var spans []Span
	for _, t := range terms {
		if t.not || t.kind == field {
			continue
		}
		if at := strings.Index(folded, t.text); at >= 0 {
			stop := len(cell)
			if at+len(t.text) < len(from) {
				stop = int(from[at+len(t.text)])
			}
			spans = append(spans, Span{int(from[at]), stop})
		}
	}
	slices.SortFunc(spans, func(a, b Span) int { return a.Start - b.Start })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.Start <= out[n-1].End {
			out[n-1].End = max(out[n-1].End, s.End)
			continue
		}
		if s.End > s.Start {
			out = append(out, s)
		}
	}
	return out
}
