package wire

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

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

// Parts finds members of an object by name, nil where one is absent. They lie in the object, which was checked when its answer was
// read: so what is looked for is where each value ends, and nothing more.
func Parts(object jsontext.Value, names ...string) ([]jsontext.Value, error) {
	parts := make([]jsontext.Value, len(names))
	at := space(object, 0)
	if at >= len(object) || object[at] != '{' {
		return nil, errors.New("what should be an object is none")
	}
	for at = space(object, at+1); at < len(object) && object[at] == '"'; {
		end := value(object, at)
		name, err := unquote(object[at:end])
		if err != nil {
			return nil, err
		}
		from := space(object, end)   // the colon
		from = space(object, from+1) // the value
		to := value(object, from)
		if i := slices.Index(names, string(name)); i >= 0 {
			parts[i] = object[from:to:to]
		}
		if at = space(object, to); at < len(object) && object[at] == ',' {
			at = space(object, at+1)
		}
	}
	return parts, nil
}

// space is the place of the next byte that is no white space.
func space(b []byte, at int) int {
	for at < len(b) && (b[at] == ' ' || b[at] == '\n' || b[at] == '\r' || b[at] == '\t') {
		at++
	}
	return at
}

// value is the place behind the value that begins at a place, in JSON that was checked.
func value(b []byte, at int) int {
	depth := 0
	for ; at < len(b); at++ {
		switch b[at] {
		case '"':
			at = quoted(b, at)
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth == 0 { // of what the value stands in
				return at
			}
			depth--
		case ',', ' ', '\n', '\r', '\t':
			if depth == 0 {
				return at
			}
			continue
		default:
			continue
		}
		if depth == 0 {
			return at + 1
		}
	}
	return at
}

// quoted is the place of the quote that ends the string that begins at a place.
func quoted(b []byte, at int) int {
	for at++; at < len(b); at++ {
		n := bytes.IndexByte(b[at:], '"')
		if n < 0 {
			return len(b)
		}
		at += n
		slashes := 0
		for b[at-1-slashes] == '\\' { // ends at the quote that the string began with, if not before
			slashes++
		}
		if slashes%2 == 0 {
			return at
		}
	}
	return at
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
