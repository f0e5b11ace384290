package wire

import (
	"bytes"
	"context"
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Page is one page of a listing, opened: its rows, not yet taken apart, and where the next one is.
type Page struct {
	Rows jsontext.Value // a JSON array; nil: none
	Next *Request       // nil: the system's own end rule says that this was the last
	Mark string         // the link or cursor of Next, by which a list that turns in a circle is found
}

// Walk reads a listing to its end. open finds the rows and the next page in an answer; each takes the rows apart and says how many
// were new. The next page is on its way while each works.
func (c *Client) Walk(ctx context.Context, first Request, open func(Answer, jsontext.Value) (Page, error), each func(rows jsontext.Value) (fresh int, err error)) error {
	ctx, cancel := context.WithCancel(ctx)
	guard := c.Pages()
	type fetched struct {
		page Page
		err  error
	}
	fetch := func(r Request) fetched {
		var body jsontext.Value
		answer, err := c.Read(ctx, r, &body)
		if err != nil {
			return fetched{err: err}
		}
		page, err := open(answer, body)
		return fetched{page, err}
	}
	next := make(chan fetched, 1)
	var inFlight bool
	defer func() {
		cancel()
		if inFlight { // whoever fetches is waited for
			<-next
		}
	}()
	for f := fetch(first); ; f = <-next {
		inFlight = false
		if f.err != nil {
			return f.err
		}
		if f.page.Next != nil {
			inFlight = true
			go func() { next <- fetch(*f.page.Next) }()
		}
		fresh, err := each(f.page.Rows)
		if err != nil {
			return err
		}
		if err := guard.Page(fresh, f.page.Mark); err != nil {
			return err
		}
		if f.page.Next == nil {
			return nil
		}
	}
}

// Rows takes a JSON array apart, one row at a time, so that no page is held twice. The array was checked when its answer was read.
func Rows[T any](rows jsontext.Value, each func(*T) error) error {
	if len(rows) == 0 {
		return nil
	}
	decoder := jsontext.NewDecoder(bytes.NewReader(rows), jsontext.AllowDuplicateNames(true))
	if t, err := decoder.ReadToken(); err != nil || t.Kind() != '[' {
		return errors.New("the list is no list")
	}
	for decoder.PeekKind() != ']' {
		var row T
		if err := json.UnmarshalDecode(decoder, &row); err != nil {
			return err
		}
		if err := each(&row); err != nil {
			return err
		}
	}
	return nil
}
