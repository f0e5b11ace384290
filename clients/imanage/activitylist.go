package imanage

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"rollcall/clients/wire"
)

var (
	errRepeated = errors.New("the server gave the same rows again")
	errMoved    = errors.New("the list moved while it was read")
	errPartial  = errors.New("the list was cut short")
)

// standsAs are the ways in which an account may stand on a document, as the search's filters are called.
func standsAs() []string { return []string{standsLastUser, standsOperator, standsAuthor} }

const (
	standsLastUser = "last_user"
	standsOperator = "operator"
	standsAuthor   = "author"
)

// searchLimit is what is asked for at a time; up to 9,999 is documented (contracts/imanage.md 4.2).
const searchLimit = 1000

// paper is a document as a search lists it (the connector's description: ShortDocumentProfile).
type paper struct {
	ID       string
	Author   string
	Operator string
	LastUser string
	Edited   time.Time // the most recent change
	Profiled time.Time // the most recent change of the profile
	odd      string    // a date that cannot be read

	library string
}

// UnmarshalJSONFrom reads who stands on a document, and steps over the rest.
func (p *paper) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*p = paper{}
	err := wire.Members(d, func(name []byte, d *jsontext.Decoder) error {
		switch string(name) {
		case "id":
			return text(d, &p.ID)
		case standsAuthor:
			return text(d, &p.Author)
		case standsOperator:
			return text(d, &p.Operator)
		case standsLastUser:
			return text(d, &p.LastUser)
		case "edit_date":
			return instant(d, &p.Edited, &p.odd)
		case "edit_profile_date":
			return instant(d, &p.Profiled, &p.odd)
		default:
			return d.SkipValue()
		}
	})
	if err == nil && p.ID == "" {
		err = errNoID
	}
	return err
}

// bears reports whether an account stands on the document. A row that does not say who does was given for the account that was asked for.
func (p *paper) bears(field, account string) bool {
	asked := map[string]string{standsLastUser: p.LastUser, standsOperator: p.Operator, standsAuthor: p.Author}[field]
	return asked == "" || strings.EqualFold(p.LastUser, account) || strings.EqualFold(p.Operator, account) || strings.EqualFold(p.Author, account)
}

// before reports whether the document is known not to have been changed since.
func (p *paper) before(since time.Time) bool {
	return p.odd == "" && !p.Edited.IsZero() && p.Edited.Before(since) && p.Profiled.Before(since)
}

// changed is when the document was changed last; where that is not told, it may have been now.
func (p *paper) changed(now time.Time) time.Time {
	switch {
	case p.odd != "" || p.Edited.IsZero():
		return now
	case p.Profiled.After(p.Edited):
		return p.Profiled
	default:
		return p.Edited
	}
}

// happening is a row of a document's history (contracts/imanage.md 9).
type happening struct {
	Activity string
	User     string
	Version  string
	At       time.Time
	odd      string
}

// UnmarshalJSONFrom reads who did what and when, and steps over the rest.
func (h *happening) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*h = happening{}
	return wire.Members(d, func(name []byte, d *jsontext.Decoder) error {
		switch string(name) {
		case "activity":
			return text(d, &h.Activity)
		case "activity_date":
			return instant(d, &h.At, &h.odd)
		case "user":
			return text(d, &h.User)
		case "version":
			v, err := d.ReadValue()
			h.Version = strings.Trim(v.String(), `"`)
			return err
		default:
			return d.SkipValue()
		}
	})
}

// what says an event in words: the codes are those that the filter of a history stands for (contracts/imanage.md 9).
func (h *happening) what(p *paper) string {
	id := p.ID
	if number, _, versioned := strings.Cut(id, "."); versioned && h.Version != "" && h.Version != "0" && h.Version != "null" {
		id = number + "." + h.Version
	}
	word := strings.ToLower(h.Activity)
	switch strings.ToUpper(h.Activity) {
	case "":
		word = "work on"
		return word + " " + id
	case "NEWDOCUMENT":
		word = "creation"
	case "NEWDOCVER":
		word = "new version"
	case "MODIFY":
		word = "edit"
	case "COPYDOC":
		word = "copy"
	case "EXPORT":
		word = "download"
	case "MAIL":
		word = "mail"
	case "SHARED":
		word = "share"
	}
	return word + " of " + id
}

// instant reads a time upon which something rests: one that cannot be read is kept as it stands. The vendor prints an offset with a dot
// (contracts/imanage.md 1).
func instant(d *jsontext.Decoder, into *time.Time, odd *string) error {
	var said string
	if err := text(d, &said); err != nil || said == "" {
		return err
	}
	spelt := said
	if i := len(said) - len("+05.30"); i > 0 && (said[i] == '+' || said[i] == '-') && said[i+3] == '.' {
		spelt = said[:i+3] + ":" + said[i+4:]
	}
	at, err := time.Parse(time.RFC3339, spelt)
	if err != nil {
		*odd = strconv.Quote(said[:min(len(said), len(time.RFC3339Nano))])
		return nil //nolint:nilerr // it is told in odd
	}
	*into = at.UTC()
	return nil
}

// papers searches a library for the documents on which an account stands, and which were changed since: all versions, by cursor, and where
// the tenant does not page by it, by offset. What was read before an error is given with it.
func (c *Client) papers(ctx context.Context, library, field, account string, since time.Time) ([]paper, error) {
	path, err := c.path(ctx, "libraries", library, "documents")
	if err != nil {
		return nil, err
	}
	q := url.Values{field: {account}, "latest": {"false"}}
	if !since.IsZero() {
		q.Set("edit_date_from", since.Format(time.RFC3339))
	}
	q.Set("limit", strconv.Itoa(searchLimit))
	q.Set("paging_mode", "standard_cursor")
	w := walk[paper]{c: c, path: path, key: func(p *paper) string { return p.ID }}
	w.begin()
	for {
		p, err := w.page(ctx, q)
		switch {
		case err != nil:
			return w.rows, err
		case p.cursor != "":
			q.Set("cursor", p.cursor)
		case len(p.rows) >= searchLimit || p.overflow || p.total > len(w.rows):
			q.Del("cursor")
			q.Del("paging_mode")
			return w.byOffset(ctx, q)
		default:
			return w.rows, nil
		}
		if err := w.guard.Page(w.fresh, p.cursor); err != nil {
			return w.rows, w.bad(err)
		}
	}
}

// history reads what an account did with a document since.
func (c *Client) history(ctx context.Context, library, id, account string, since time.Time) ([]happening, error) {
	path, err := c.path(ctx, "libraries", library, "documents", id, "history")
	if err != nil {
		return nil, err
	}
	q := url.Values{"user": {account}, "activity": {"all"}, "all_versions": {"true"}, "limit": {strconv.Itoa(searchLimit)}}
	if !since.IsZero() {
		q.Set("activity_date_start", since.Format(time.RFC3339))
	}
	w := walk[happening]{c: c, path: path} // its rows have no id of their own, and two may be the same
	return w.byOffset(ctx, q)
}

// walk reads a list page by page, and holds what is known of its completeness.
type walk[T comparable] struct {
	c    *Client
	path string
	key  func(*T) string // of rows that must be there once only; nil: of any number

	rows  []T
	ids   map[string]bool
	seen  map[T]bool
	fresh int // rows of the last page that had not come on an earlier one
	again int // rows that had
	guard *wire.Pages
}

func (w *walk[T]) begin() {
	w.rows, w.fresh, w.again, w.guard = nil, 0, 0, w.c.wire.Pages()
	w.ids, w.seen = make(map[string]bool), make(map[T]bool)
}

// page reads a page, and keeps its rows.
func (w *walk[T]) page(ctx context.Context, q url.Values) (page[T], error) {
	var p page[T]
	if _, err := w.c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: w.path, Query: q}, &p); err != nil {
		return p, err
	}
	if !p.there {
		return p, w.bad(errNoList)
	}
	w.fresh = 0
	came := make(map[T]bool)
	for i := range p.rows {
		row := p.rows[i]
		came[row] = true
		switch {
		case w.key != nil && w.ids[w.key(&row)], w.key == nil && w.seen[row]:
			w.again++
			continue
		case w.key != nil:
			w.ids[w.key(&row)] = true
		}
		w.fresh++
		w.rows = append(w.rows, row)
	}
	maps.Copy(w.seen, came)
	if len(p.rows) > 0 && w.fresh == 0 {
		return p, w.bad(errRepeated)
	}
	return p, nil
}

// byOffset reads the list by offset. One that moved while it was read is read once more.
func (w *walk[T]) byOffset(ctx context.Context, q url.Values) ([]T, error) {
	q = maps.Clone(q)
	q.Set("total", "true")
	err := w.offsets(ctx, q)
	if errors.Is(err, errMoved) {
		err = w.offsets(ctx, q)
	}
	return w.rows, err
}

func (w *walk[T]) offsets(ctx context.Context, q url.Values) error {
	w.begin()
	total := -1
	for offset := 0; ; {
		q.Set("offset", strconv.Itoa(offset))
		p, err := w.page(ctx, q)
		if err != nil {
			return err
		}
		if offset == 0 {
			total = p.total
		}
		offset += len(p.rows)
		switch {
		case p.total != total:
			return w.bad(errMoved)
		case total >= 0 && len(p.rows) == 0 && offset < total, p.overflow && len(p.rows) == 0:
			return w.bad(errPartial)
		case total >= 0 && offset >= total && !p.overflow, total < 0 && len(p.rows) < searchLimit && !p.overflow:
			if w.again > 0 || (total >= 0 && offset > total) {
				return w.bad(errMoved)
			}
			return nil
		}
		if err := w.guard.Page(w.fresh, strconv.Itoa(offset)); err != nil {
			return w.bad(err)
		}
	}
}

func (w *walk[T]) bad(err error) error {
	return &wire.Error{System: w.c.opts.Name, Method: http.MethodGet, Path: w.path, Status: http.StatusOK, Message: "the list cannot be read", Err: err}
}
