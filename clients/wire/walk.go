package wire

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

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

// Members reads an object: each is called with every name, and reads or skips its value before it returns. A name is no longer there
// once the value is read. Null is an object without any.
func Members(d *jsontext.Decoder, each func(name []byte, d *jsontext.Decoder) error) error {
	if d.PeekKind() == 'n' {
		return d.SkipValue()
	}
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return errors.Join(errors.New("what should be an object is none"), err)
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadValue()
		if err != nil {
			return err
		}
		if name, err = unquote(name); err != nil {
			return err
		}
		if err := each(name, d); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// Elements reads a list: each is called before every element, and reads or skips it. Null is an empty list.
func Elements(d *jsontext.Decoder, each func(d *jsontext.Decoder) error) error {
	if d.PeekKind() == 'n' {
		return d.SkipValue()
	}
	if t, err := d.ReadToken(); err != nil || t.Kind() != '[' {
		return errors.Join(errors.New("what should be a list is none"), err)
	}
	for d.PeekKind() != ']' {
		if err := each(d); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// Parts finds members of an object by name, nil where one is absent. They lie in the object, which was checked when its answer was read.
func Parts(object jsontext.Value, names ...string) ([]jsontext.Value, error) {
	parts := make([]jsontext.Value, len(names))
	err := Members(jsontext.NewDecoder(bytes.NewBuffer(object), jsontext.AllowDuplicateNames(true)), func(name []byte, d *jsontext.Decoder) error {
		i := slices.Index(names, string(name))
		v, err := d.ReadValue()
		if end := int(d.InputOffset()); err == nil && i >= 0 {
			parts[i] = object[end-len(v) : end : end]
		}
		return err
	})
	return parts, err
}

// String is the text of a member: "" where it is absent or null, and an error where it is no string. What names the next page must not
// be taken for the end of a list because it is something else.
func String(v jsontext.Value) (string, error) {
	switch v.Kind() {
	case '"':
		b, err := unquote(v)
		return string(b), err
	case 'n', 0:
		return "", nil
	default:
		return "", errors.New("what should be a text is none")
	}
}

// unquote takes a string out of its quotes; the most of them are as they stand.
func unquote(v jsontext.Value) ([]byte, error) {
	if bytes.IndexByte(v, '\\') < 0 {
		return v[1 : len(v)-1], nil
	}
	return jsontext.AppendUnquote(nil, v)
}

// Text reads a value as text: a string is what it says, null is nothing, and anything else is as it stands.
func Text(d *jsontext.Decoder) (string, error) {
	v, err := d.ReadValue()
	if err != nil || v.Kind() == 'n' {
		return "", err
	}
	if v.Kind() != '"' {
		return string(v), nil
	}
	b, err := unquote(v)
	return string(b), err
}

// Time reads a time; null is none.
func Time(d *jsontext.Decoder) (time.Time, error) {
	s, err := Text(d)
	if err != nil || s == "" {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339, s)
}
