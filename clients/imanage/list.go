package imanage

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rollcall/clients/wire"
)

// pageSize is what is asked for: documented for documents, assumed for users (contracts/imanage.md 4.2, 13.9). A server that
// gives less is met by reading on.
const pageSize = 9000

// flat is both list envelopes: data as a list, or data.results (contracts/imanage.md 4.1).
type flat struct {
	Data     jsontext.Value `json:"data"`
	Total    *int           `json:"total_count"`
	Overflow bool           `json:"overflow"`
}

// listing is what is known of one list's completeness.
type listing struct {
	pages, seen, duplicates, total int // total -1: not reported
	ended, overflow                bool
}

// list reads a list whole by offset. Rows are told once an id; a row met twice tells that the list moved.
func list[T any](ctx context.Context, c *Client, id func(*T) string, emit func([]T), query url.Values, segments ...string) (listing, error) {
	l := listing{total: -1}
	p, err := c.path(ctx, segments...)
	if err != nil {
		return l, err
	}
	q := url.Values{}
	for k, v := range query {
		q[k] = v
	}
	q.Set("limit", strconv.Itoa(pageSize))
	q.Set("total", "true")
	guard := c.wire.Pages()
	seen := make(map[string]bool)
	for offset := 0; ; {
		q.Set("offset", strconv.Itoa(offset))
		var f flat
		if _, err := c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: p, Query: q}, &f); err != nil {
			return l, err
		}
		rows, err := rowsOf[T](f.Data)
		if err != nil {
			return l, &wire.Error{System: c.opts.Name, Method: http.MethodGet, Path: p, Status: http.StatusOK, Message: "the list cannot be read", Err: err}
		}
		got := len(rows)
		fresh := rows[:0]
		for i := range rows {
			if key := id(&rows[i]); seen[key] {
				l.duplicates++
			} else {
				seen[key] = true
				fresh = append(fresh, rows[i])
			}
		}
		l.seen += len(fresh)
		l.pages++
		if f.Total != nil {
			l.total = *f.Total
		}
		l.overflow = f.Overflow
		emit(fresh)
		offset += got
		if got == 0 || (got < pageSize && !f.Overflow && (l.total < 0 || offset >= l.total)) {
			l.ended = true
			return l, nil
		}
		if err := guard.Page(len(fresh), strconv.Itoa(offset)); err != nil {
			return l, &wire.Error{System: c.opts.Name, Method: http.MethodGet, Path: p, Status: http.StatusOK, Message: err.Error()}
		}
	}
}

// rowsOf reads data as a list, or as an object with results.
func rowsOf[T any](data jsontext.Value) ([]T, error) {
	var rows []T
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && trimmed[0] == '{' {
		var nested struct {
			Results []T `json:"results"`
		}
		err := json.Unmarshal(data, &nested)
		return nested.Results, err
	}
	if len(data) == 0 {
		return nil, errNoList
	}
	err := json.Unmarshal(data, &rows)
	return rows, err
}
