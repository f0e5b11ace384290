package imanage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rollcall/clients/wire"
)

// pageSize is what is asked for: documented for documents, assumed for users (contracts/imanage.md 4.2, 13.9). A server that
// gives less is met by reading on.
const pageSize = 9000

// page is an answer with a list, in both envelopes: data as a list, or data.results (contracts/imanage.md 4.1). It reads itself in one
// pass.
type page[T any] struct {
	rows     []T
	there    bool // the answer holds a list
	total    int  // -1: not told
	overflow bool
	cursor   string
}

// UnmarshalJSONFrom reads the envelope.
func (p *page[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*p = page[T]{total: -1}
	return wire.Members(d, func(name []byte, d *jsontext.Decoder) error {
		switch string(name) {
		case "data":
			return p.data(d)
		case "total_count":
			return value(d, &p.total)
		case "overflow":
			return value(d, &p.overflow)
		case "cursor":
			var err error
			p.cursor, err = wire.Text(d)
			return err
		default:
			return d.SkipValue()
		}
	})
}

func (p *page[T]) data(d *jsontext.Decoder) error {
	if d.PeekKind() == '[' {
		p.there = true
		return json.UnmarshalDecode(d, &p.rows)
	}
	return wire.Members(d, func(name []byte, d *jsontext.Decoder) error {
		if string(name) != "results" || d.PeekKind() != '[' {
			return d.SkipValue()
		}
		p.there = true
		return json.UnmarshalDecode(d, &p.rows)
	})
}

// listing is what is known of one list's completeness.
type listing struct {
	pages, seen, duplicates int
	total                   int  // -1: not reported
	ended                   bool // by the system's own rule
	overflow                bool // the server says that there is more, and gives none
	again                   bool // it moved while it was read, and was read a second time
	moved                   bool // and moved again
}

// lister reads one list whole by offset. The pages after the first are read side by side, where the first tells the total. A list that
// moved while it was read (its total changed, or another number of rows came) is read once more, one page after another.
type lister[T any] struct {
	c     *Client
	q     *queue
	path  string
	query url.Values
	id    func(*T) string
	long  bool                            // its pages go before what else waits
	met   func(rows int)                  // told how many rows there are so far, page by page; may be nil
	whole func(rows []T, l listing) error // told the rows, each id once, in their order
	fail  func(err error) error           // what becomes of a reading that failed; nil: everything fails

	mu     sync.Mutex
	pages  map[int][]T // by offset
	ids    map[string]bool
	left   int // pages under way
	barren int // pages that brought nothing new
	first  int // the total that the first page told
	state  listing
	guard  *wire.Pages
	failed bool
}

// begin puts the first page into the queue.
func (l *lister[T]) begin() {
	l.reset(false)
	l.add(l.piece(l.firstPage))
}

func (l *lister[T]) add(pieces ...func(context.Context) error) {
	if l.long {
		l.q.hurry(pieces...)
	} else {
		l.q.add(pieces...)
	}
}

func (l *lister[T]) reset(again bool) {
	l.pages, l.ids, l.first = make(map[int][]T), make(map[string]bool), -1
	l.state = listing{total: -1, again: again, pages: l.state.pages}
	l.guard = l.c.wire.Pages()
}

// piece is a step whose error goes where this list's errors go, once.
func (l *lister[T]) piece(step func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		err := step(ctx)
		if err == nil || l.fail == nil || ctx.Err() != nil {
			return err
		}
		l.mu.Lock()
		before := l.failed
		l.failed = true
		l.mu.Unlock()
		if before {
			return nil
		}
		return l.fail(err)
	}
}

// read reads a page and keeps it; fresh is how many rows it brought that had not come before.
func (l *lister[T]) read(ctx context.Context, offset int) (p page[T], fresh int, err error) {
	q := maps.Clone(l.query)
	if q == nil {
		q = url.Values{}
	}
	q.Set("limit", strconv.Itoa(pageSize))
	q.Set("total", "true")
	q.Set("offset", strconv.Itoa(offset))
	if _, err := l.c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: l.path, Query: q}, &p); err != nil {
		return p, 0, err
	}
	if !p.there {
		return p, 0, l.bad(errNoList)
	}
	fresh, all, err := l.take(offset, &p)
	if err == nil && l.met != nil {
		l.met(all)
	}
	return p, fresh, err
}

func (l *lister[T]) bad(err error) error {
	return &wire.Error{System: l.c.opts.Name, Method: http.MethodGet, Path: l.path, Status: http.StatusOK, Message: "the list cannot be read", Err: err}
}

func (l *lister[T]) take(offset int, p *page[T]) (fresh, all int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := len(l.ids)
	for i := range p.rows {
		id := l.id(&p.rows[i])
		if id == "" {
			return 0, 0, l.bad(errNoID)
		}
		l.ids[id] = true
	}
	l.pages[offset] = p.rows
	l.state.pages++
	l.state.overflow = p.overflow
	if l.state.pages == 1 || l.first < 0 {
		l.first = p.total
	}
	if p.total >= 0 {
		l.state.moved = l.state.moved || p.total != l.first
		l.state.total = p.total
	}
	return len(l.ids) - before, len(l.ids), nil
}

func (l *lister[T]) firstPage(ctx context.Context) error {
	p, fresh, err := l.read(ctx, 0)
	if err != nil {
		return err
	}
	got := len(p.rows)
	if p.total < 0 || got == 0 || got >= p.total {
		return l.goOn(ctx, p, got, fresh)
	}
	limits := l.c.wire.Limits()
	if pages := (p.total-1)/got + 1; pages > limits.Pages || p.total > limits.Objects {
		return l.bad(fmt.Errorf("the server's list is larger than any firm: %d, %d a page", p.total, got))
	}
	var rest []func(context.Context) error
	for offset := got; offset < p.total; offset += got {
		rest = append(rest, l.piece(func(ctx context.Context) error { return l.further(ctx, offset) }))
	}
	l.left = len(rest)
	l.add(rest...)
	return nil
}

// mostBarren is how many pages may bring nothing new before the total that promised them is not believed.
const mostBarren = 3

// further reads one of the pages whose places the total told.
func (l *lister[T]) further(ctx context.Context, offset int) error {
	l.mu.Lock()
	asked := l.barren < mostBarren
	l.mu.Unlock()
	fresh := 0
	if asked {
		var err error
		if _, fresh, err = l.read(ctx, offset); err != nil {
			return err
		}
	}
	l.mu.Lock()
	if asked && fresh == 0 {
		l.barren++
	}
	l.left--
	last := l.left == 0
	l.mu.Unlock()
	if !last {
		return nil
	}
	l.state.ended, l.state.overflow = true, false // a page may be shorter than its place, and say so
	return l.finish()
}

// goOn reads on one page after another, behind the page that was read last: where no total is told, or where the list moves.
func (l *lister[T]) goOn(ctx context.Context, p page[T], offset, fresh int) error {
	for {
		got := len(p.rows)
		switch {
		case p.overflow && fresh == 0: // it says that there is more, and gives none
			return l.finish()
		case !p.overflow && (got == 0 || (p.total >= 0 && offset >= p.total) || (p.total < 0 && got < pageSize)):
			l.state.ended = true
			return l.finish()
		}
		err := l.guard.Page(fresh, strconv.Itoa(offset))
		if err != nil {
			return l.bad(err)
		}
		if p, fresh, err = l.read(ctx, offset); err != nil {
			return err
		}
		offset += len(p.rows)
	}
}

// readAgain walks the list a second time.
func (l *lister[T]) readAgain(ctx context.Context) error {
	p, fresh, err := l.read(ctx, 0)
	if err != nil {
		return err
	}
	return l.goOn(ctx, p, len(p.rows), fresh)
}

// finish puts the pages together, each row once, and reads the list again where it moved.
func (l *lister[T]) finish() error {
	rows := make([]T, 0, len(l.ids))
	for _, offset := range slices.Sorted(maps.Keys(l.pages)) {
		for i := range l.pages[offset] {
			row := &l.pages[offset][i]
			if id := l.id(row); l.ids[id] {
				delete(l.ids, id)
				rows = append(rows, *row)
			} else {
				l.state.duplicates++
			}
		}
	}
	l.pages = nil
	l.state.seen = len(rows)
	if s := &l.state; !s.again && (!s.complete() || (s.total < 0 && s.duplicates > 0)) {
		l.reset(true)
		l.add(l.piece(l.readAgain))
		return nil
	}
	return l.whole(rows, l.state)
}

// list reads one list whole, its pages side by side.
func list[T any](ctx context.Context, c *Client, id func(*T) string, query url.Values, segments ...string) (rows []T, l listing, err error) {
	p, err := c.path(ctx, segments...)
	if err != nil {
		return nil, l, err
	}
	q := newQueue()
	one := &lister[T]{c: c, q: q, path: p, query: query, id: id, whole: func(all []T, state listing) error {
		rows, l = all, state
		return nil
	}}
	one.begin()
	if err := q.run(ctx, c.opts.Concurrency); err != nil {
		return nil, l, err
	}
	return rows, l, nil
}

// complete reports whether the list is whole, as far as the server tells.
func (l *listing) complete() bool {
	return l.ended && !l.overflow && !l.moved && (l.total < 0 || l.total == l.seen)
}

// wholeList is list where a part is worth nothing.
func wholeList[T any](ctx context.Context, c *Client, id func(*T) string, query url.Values, segments ...string) ([]T, error) {
	rows, l, err := list(ctx, c, id, query, segments...)
	if err == nil && !l.complete() {
		err = errors.New(c.opts.Name + ": " + segments[len(segments)-1] + ": the list was cut short, or moved while it was read")
	}
	return rows, err
}
