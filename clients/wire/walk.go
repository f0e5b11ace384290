package wire

import (
	"bytes"
	"cmp"
	"context"
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// List says how a system pages its listings.
type List struct {
	First Request
	// Open finds the rows of an answer (a JSON array; nil: none), not yet taken apart, and the mark of the next page: the link or cursor
	// by which it is asked for. "" is the system's own end rule: this was the last.
	Open func(a Answer, body jsontext.Value) (rows jsontext.Value, mark string, err error)
	// Peek finds the mark in an answer that nobody has checked yet, or "". It may be wrong: what Open finds counts.
	Peek func(a Answer, body []byte) (mark string)
	// Follow makes the request of the next page.
	Follow func(mark string) (Request, error)
}

// ahead is how many pages lie read and not yet taken apart at most.
const ahead = 2

// fetched is a page as it came, unchecked, and the mark that Peek saw in it.
type fetched struct {
	request Request
	answer  Answer
	body    []byte
	mark    string
	err     error
}

// fetch reads pages one after another, by the marks that are peeked, until it is told to stop or sees no further one. used are bodies
// that nobody needs any more.
func (c *Client) fetch(ctx context.Context, l List, r Request, out chan<- fetched, used <-chan []byte) {
	defer close(out)
	for {
		f := fetched{request: r}
		select {
		case f.body = <-used:
		default:
		}
		f.answer, f.err = c.Read(ctx, r, (*unchecked)(&f.body))
		if f.err == nil {
			f.mark = l.Peek(f.answer, f.body)
		}
		select {
		case out <- f:
		case <-ctx.Done():
			return
		}
		if f.mark == "" {
			return
		}
		next, err := l.Follow(f.mark)
		if err != nil { // whoever takes the page apart meets it too, and says it
			return
		}
		r = next
	}
}

// Walk reads a listing to its end: each takes the rows of a page apart, which are there only until it returns, and says how many were
// new. The next pages are on their way meanwhile. A page that cannot be believed is read again, as any answer is.
func (c *Client) Walk(ctx context.Context, l List, each func(rows jsontext.Value) (fresh int, err error)) error {
	guard := c.Pages()
	used := make(chan []byte, ahead+1)
	stop := func() {}
	defer func() { stop() }()
	begin := func(r Request) <-chan fetched {
		fetching, cancel := context.WithCancel(ctx)
		pages := make(chan fetched, ahead)
		go c.fetch(fetching, l, r, pages, used)
		stop = func() { // whoever fetches is waited for
			cancel()
			for range pages { //nolint:revive // what is on its way is thrown away
			}
		}
		return pages
	}
	pages := begin(l.First)
	for {
		f, ok := <-pages
		if !ok { // only Open may say that a list is at its end
			return cmp.Or(ctx.Err(), errors.New("the list broke off before its end"))
		}
		if f.err != nil {
			return f.err
		}
		peeked := f.mark
		if decode(f.body, new(jsontext.Value)) != nil { // read again, with all that a read does about a bad answer
			stop()
			peeked = ""
			var body jsontext.Value
			if f.answer, f.err = c.Read(ctx, f.request, &body); f.err != nil {
				return f.err
			}
			f.body = body
		}
		rows, mark, err := l.Open(f.answer, f.body)
		if err != nil {
			return err
		}
		var next Request
		if mark != "" {
			if next, err = l.Follow(mark); err != nil {
				return err
			}
		}
		if mark != peeked { // the peek was wrong, or saw nothing
			stop()
			if mark != "" {
				pages = begin(next)
			}
		}
		fresh, err := each(rows)
		if err != nil {
			return err
		}
		select {
		case used <- f.body[:0]:
		default:
		}
		if err := guard.Page(fresh, mark); err != nil {
			return err
		}
		if mark == "" {
			return nil
		}
	}
}

// peeked is how much of an answer's beginning and end PeekText looks at: a page's own members stand there, before or after its rows.
const peeked = 4 << 10

// PeekText finds the text value of a member near the beginning or the end of an answer, "" where it stands at neither or is no plain
// text.
func PeekText(body []byte, name string) string {
	key := []byte(`"` + name + `":"`)
	for _, part := range [][]byte{body[:min(len(body), peeked)], body[max(0, len(body)-peeked):]} {
		i := bytes.Index(part, key)
		if i < 0 {
			continue
		}
		rest := part[i+len(key):]
		if end := bytes.IndexByte(rest, '"'); end >= 0 && bytes.IndexByte(rest[:end], '\\') < 0 {
			return string(rest[:end])
		}
	}
	return ""
}

// Rows takes a JSON array apart, one row at a time, so that no page is held twice. The array was checked when its answer was read.
// A row may be looked at until each returns.
func Rows[T any](rows jsontext.Value, each func(*T) error) error {
	row := new(T)
	return Into(rows, row, func(*T) error {
		err := each(row)
		var none T
		*row = none
		return err
	})
}

// Into is Rows where one value serves for every row: its type reads itself, and begins anew with each.
func Into[T any](rows jsontext.Value, row *T, each func(*T) error) error {
	if len(rows) == 0 {
		return nil
	}
	decoder := jsontext.NewDecoder(bytes.NewBuffer(rows), jsontext.AllowDuplicateNames(true)) // of a buffer, which is not copied
	if t, err := decoder.ReadToken(); err != nil || t.Kind() != '[' {
		return errors.New("the list is no list")
	}
	for decoder.PeekKind() != ']' {
		if err := json.UnmarshalDecode(decoder, row); err != nil {
			return err
		}
		if err := each(row); err != nil {
			return err
		}
	}
	return nil
}
