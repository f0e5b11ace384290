// Package search ranks the rows of a roll as somebody types them: terms in any order, exact before prefix before the start of a
// word before a part of a word, and sahilm/fuzzy for what only resembles. It knows documents of folded keys and nothing of
// people, accounts or screens.
package search

import (
	"context"
	"slices"
	"strings"

	"github.com/sahilm/fuzzy"

	"rollcall/provisioning/names"
)

// Doc is what one row offers to a search: its name, other keys (login, email, office …), and a function for `field:value`
// terms. Strings are raw; the index folds them.
type Doc struct {
	Name   string
	Keys   []string
	Fields func(name string) string
}

// Index holds the folded documents. It is immutable and safe for concurrent use.
type Index struct {
	names  []string // folded
	keys   []string // folded name and keys, separated by a byte that folds to nothing typed
	fields []func(string) string
}

const separator = "\x00"

// mostRows bounds an answer: nobody reads more, and sorting all is what costs.
const mostRows = 500

// The fuzzy tier is asked where nothing else matched: for terms long enough to resemble something, and for a page at most.
const (
	mostFuzzy = 20
	fuzzyFrom = 3
)

// Build folds documents into an index. Rows are the documents' positions.
func Build(docs []Doc) *Index {
	idx := &Index{
		names: make([]string, len(docs)), keys: make([]string, len(docs)), fields: make([]func(string) string, len(docs)),
	}
	var b strings.Builder
	for i, d := range docs {
		b.Reset()
		name := names.Fold(d.Name)
		b.WriteString(name)
		for _, k := range d.Keys {
			if k != "" {
				b.WriteString(separator)
				b.WriteString(names.Fold(k))
			}
		}
		idx.keys[i] = b.String()
		idx.names[i] = idx.keys[i][:len(name)]
		idx.fields[i] = d.Fields
	}
	return idx
}

// Result is an answer: the best rows, and how many matched.
type Result struct {
	Rows  []int32
	Total int
}

// Session remembers the hits of shorter queries, so that typing on scans only those and deleting is free. One query at a time.
type Session struct {
	idx    *Index
	within []int32
	stack  []step
}

type step struct {
	query string
	hits  []int32
}

// NewSession starts a search.
func (idx *Index) NewSession() *Session { return &Session{idx: idx} }

// Query answers a query within some rows (nil: all). An empty query gives every row in its own order. It ends early with
// ctx's error when ctx ends.
func (s *Session) Query(ctx context.Context, text string, within []int32) (Result, error) {
	if !sameRows(within, s.within) {
		s.within, s.stack = within, nil
	}
	terms := parse(text)
	for len(s.stack) > 0 && !narrows(s.stack[len(s.stack)-1].query, text) {
		s.stack = s.stack[:len(s.stack)-1]
	}
	scan := within
	if len(s.stack) > 0 {
		scan = s.stack[len(s.stack)-1].hits
	} else if scan == nil {
		scan = s.idx.all()
	}
	if len(terms) == 0 {
		return Result{Rows: scan[:min(len(scan), mostRows)], Total: len(scan)}, nil
	}
	hits := make([]int32, 0, min(len(scan), 4096))
	var best top
	for n, row := range scan {
		if n%4096 == 0 && ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
		if score, ok := s.idx.score(row, terms); ok {
			hits = append(hits, row)
			best.add(scored{score, row})
		}
	}
	if len(hits) == 0 {
		resembling, err := s.resembling(ctx, terms)
		if err != nil {
			return Result{}, err
		}
		// What only resembles is not remembered: a longer query must not narrow to it and lose an exact one.
		rows := append(best.rows(), resembling...)
		return Result{Rows: rows, Total: len(hits) + len(resembling)}, nil
	}
	if len(s.stack) == 0 || s.stack[len(s.stack)-1].query != text {
		s.stack = append(s.stack, step{text, hits})
	}
	return Result{Rows: best.rows(), Total: len(hits)}, nil
}

// resembling asks sahilm/fuzzy for rows whose name only resembles a single plain term.
func (s *Session) resembling(ctx context.Context, terms []term) ([]int32, error) {
	pattern := ""
	for _, t := range terms {
		if t.kind != plain || t.not || len(t.text) < fuzzyFrom {
			return nil, nil
		}
		pattern += t.text
	}
	scan := s.within // also what a shorter query had left out
	if scan == nil {
		scan = s.idx.all()
	}
	var found []int32
	const chunk = 8192
	for start := 0; start < len(scan); start += chunk {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		part := scan[start:min(start+chunk, len(scan))]
		for _, m := range fuzzy.FindFromNoSort(pattern, source{s.idx, part}) {
			// Its score falls with every gap: below the pattern's own length it is a coincidence, not a resemblance.
			if m.Score > 0 {
				found = append(found, part[m.Index])
				if len(found) >= mostFuzzy {
					return found, nil
				}
			}
		}
	}
	return found, nil
}

type source struct {
	idx  *Index
	rows []int32
}

func (s source) String(i int) string { return s.idx.names[s.rows[i]] }
func (s source) Len() int            { return len(s.rows) }

func (idx *Index) all() []int32 {
	rows := make([]int32, len(idx.keys))
	for i := range rows {
		rows[i] = int32(i)
	}
	return rows
}

func sameRows(a, b []int32) bool {
	if len(a) != len(b) || (a == nil) != (b == nil) {
		return false
	}
	return len(a) == 0 || &a[0] == &b[0]
}

// narrows reports whether every row that a longer query finds was found by the shorter one: it goes on from it, and neither
// has a term whose meaning can widen.
func narrows(short, long string) bool {
	return strings.HasPrefix(long, short) && !strings.ContainsAny(long, "!:'^$")
}

// scored is a row with its rank; a higher score is better, and among equals the earlier row.
type scored struct {
	score int
	row   int32
}

// top keeps the best rows.
type top struct{ kept []scored }

func (t *top) add(s scored) {
	t.kept = append(t.kept, s)
	if len(t.kept) >= 4*mostRows {
		t.trim()
	}
}

func (t *top) trim() {
	slices.SortFunc(t.kept, func(a, b scored) int {
		if a.score != b.score {
			return b.score - a.score
		}
		return int(a.row - b.row)
	})
	if len(t.kept) > mostRows {
		t.kept = t.kept[:mostRows]
	}
}

func (t *top) rows() []int32 {
	t.trim()
	rows := make([]int32, len(t.kept))
	for i, s := range t.kept {
		rows[i] = s.row
	}
	return rows
}
