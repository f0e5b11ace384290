package onelogin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// pageSize is asked for and never assumed to be honoured: the sources disagree on the most (contracts/idps.md 2.4).
const pageSize = "1000"

// walks is how often a list that moves under the walk is walked anew, before the read is given up as not whole.
const walks = 3

// overlap is how far the next reading of changes goes back behind the last one's start.
const overlap = 5 * time.Minute

func (c *Client) usersQuery() url.Values {
	return url.Values{"limit": {pageSize}, "fields": {c.fields()}}
}

// ReadAll reads every person. The pages are numbered behind their cursors: who comes or goes meanwhile shifts them, so that somebody
// is listed twice and somebody else left out. The total tells, and then the list is walked again.
func (c *Client) ReadAll(ctx context.Context, emit func([]provisioning.Person) error) (provisioning.ReadEvidence, error) {
	r := &reading{c: c, Reading: provisioning.NewReading(c.Name(), c.System(), c.opts.Clock.Now(), emit)}
	err := r.run(ctx)
	return r.Ended(ctx, c.opts.Clock.Now(), err)
}

type reading struct {
	*provisioning.Reading
	c      *Client
	groups map[string]string // "r"+role id or "g"+group id → name
}

func (r *reading) run(ctx context.Context) error {
	if err := r.c.learnRate(ctx); err != nil {
		return err
	}
	since := r.c.serverNow().Add(-overlap)
	if r.c.opts.Groups {
		var err error
		if r.groups, err = r.c.groupNames(ctx); err != nil {
			return err
		}
	}
	for n := 1; ; n++ {
		moved, err := r.walk(ctx)
		if err != nil {
			return err
		}
		whole := !moved && (r.Reported < 0 || r.Reported == r.Count())
		if whole || n == walks {
			break
		}
		r.Anew()
	}
	return r.Done("After-Cursor is empty on the last", since.UTC().Format(time.RFC3339), r.Count())
}

// walk walks the list once, and says whether its total moved meanwhile.
func (r *reading) walk(ctx context.Context) (moved bool, err error) {
	r.Reported = -1
	total := func(n int) {
		moved = moved || (r.Reported >= 0 && r.Reported != n)
		r.Reported = n
	}
	err = r.c.walk(ctx, wire.Request{Method: http.MethodGet, Path: "/api/2/users", Query: r.c.usersQuery()}, total, func(rows jsontext.Value) (int, error) {
		err := wire.Rows(rows, func(u *user) error {
			if u.ID == 0 {
				_, err := r.Meet("", time.Time{})
				return err
			}
			p := r.person(u)
			add, err := r.Meet(p.Key.ID, time.Time{})
			if add {
				r.Add(p)
			}
			return err
		})
		if err != nil {
			return 0, err
		}
		return r.Page()
	})
	return moved, err
}

func (r *reading) person(u *user) provisioning.Person {
	p := r.c.person(u)
	p.Groups = nil
	for _, role := range u.Roles {
		if name := r.groups["r"+strconv.FormatInt(role, 10)]; name != "" {
			p.Groups = append(p.Groups, name)
		}
	}
	if name := r.groups["g"+u.Group]; name != "" {
		p.Groups = append(p.Groups, name)
	}
	slices.Sort(p.Groups)
	return p
}

// serverNow is the server's clock, as its last answer told it.
func (c *Client) serverNow() time.Time {
	skew, _ := c.wire.Skew()
	return c.opts.Clock.Now().Add(skew)
}

// groupNames reads the roles, and the groups of version 1, whose pages are named in the body.
func (c *Client) groupNames(ctx context.Context) (map[string]string, error) {
	type named struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
	}
	of := make(map[string]string)
	collect := func(letter string) func(jsontext.Value) (int, error) {
		return func(rows jsontext.Value) (int, error) {
			n := 0
			return n, wire.Rows(rows, func(r *named) error {
				of[letter+strconv.FormatInt(r.ID, 10)] = r.Name
				n++
				return nil
			})
		}
	}
	roles := wire.Request{Method: http.MethodGet, Path: "/api/2/roles", Query: url.Values{"limit": {pageSize}, "fields": {"id,name"}}}
	if err := c.walk(ctx, roles, nil, collect("r")); err != nil {
		return nil, err
	}
	first := wire.Request{Method: http.MethodGet, Path: "/api/1/groups"}
	err := c.wire.Walk(ctx, wire.List{
		First: first,
		Peek:  func(_ wire.Answer, body []byte) string { return wire.PeekText(body, "after_cursor") },
		Open: func(_ wire.Answer, body jsontext.Value) (jsontext.Value, string, error) {
			var v struct {
				Pagination struct {
					After string `json:"after_cursor"`
				} `json:"pagination"`
				Data jsontext.Value `json:"data"`
			}
			err := json.Unmarshal(body, &v)
			return v.Data, v.Pagination.After, err
		},
		Follow: func(cursor string) (wire.Request, error) {
			next := first
			next.Query = url.Values{"after_cursor": {cursor}}
			return next, nil
		},
	}, collect("g"))
	return of, c.plain(err)
}

// ReadChanges reads who was updated since a time. Deletions are not among them (contracts/idps.md 2.4): the next whole read finds them.
func (c *Client) ReadChanges(ctx context.Context, cursor string, _ provisioning.Known,
	emit func([]provisioning.PersonChange) error,
) (provisioning.ReadEvidence, error) {
	e := provisioning.ReadEvidence{Source: c.Name(), System: c.System(), Started: c.opts.Clock.Now(), Reported: -1, End: "After-Cursor is empty on the last"}
	if _, err := time.Parse(time.RFC3339, cursor); err != nil {
		return e, &provisioning.Error{Code: provisioning.Stale, Message: "the mark of the last reading cannot be read"}
	}
	changes, err := c.changes(ctx, cursor, &e)
	e.Finished, e.Seen, e.Changes = c.opts.Clock.Now(), len(changes), len(changes)
	switch {
	case ctx.Err() != nil:
		return e, ctx.Err()
	case err != nil:
		e.Failure, e.Cursor = provisioning.Reason(err), ""
		return e, nil
	}
	e.EndMarker = true
	return e, emit(changes)
}

func (c *Client) changes(ctx context.Context, cursor string, e *provisioning.ReadEvidence) ([]provisioning.PersonChange, error) {
	if err := c.learnRate(ctx); err != nil {
		return nil, err
	}
	e.Cursor = c.serverNow().Add(-overlap).UTC().Format(time.RFC3339)
	r := &reading{c: c}
	if c.opts.Groups {
		var err error
		if r.groups, err = c.groupNames(ctx); err != nil {
			return nil, err
		}
	}
	query := c.usersQuery()
	query.Set("updated_since", cursor)
	var changes []provisioning.PersonChange
	at := make(map[string]int)
	err := c.walk(ctx, wire.Request{Method: http.MethodGet, Path: "/api/2/users", Query: query}, nil, func(rows jsontext.Value) (int, error) {
		e.Pages++
		n := 0
		err := wire.Rows(rows, func(u *user) error {
			if u.ID == 0 {
				return errors.New("a person without an id came")
			}
			p := r.person(u)
			n++
			if i, again := at[p.Key.ID]; again {
				changes[i].Person = p
				return nil
			}
			at[p.Key.ID] = len(changes)
			changes = append(changes, provisioning.PersonChange{Person: p})
			return nil
		})
		return n, err
	})
	return changes, err
}

// Lookup reads one person directly: who vanished from a list must be asked for before they are believed gone.
func (c *Client) Lookup(ctx context.Context, id string) (provisioning.Person, bool, error) {
	if _, err := strconv.ParseInt(id, 10, 64); err != nil {
		return provisioning.Person{}, false, fmt.Errorf("%s is no OneLogin id", id)
	}
	var u user
	_, err := c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: wire.Path("api", "2", "users", id)}, &u)
	var e *wire.Error
	if errors.As(err, &e) && e.Status == http.StatusNotFound && notFound(e) {
		return provisioning.Person{}, false, nil
	}
	if err != nil {
		return provisioning.Person{}, false, c.plain(err)
	}
	p := c.person(&u)
	if p.Key.ID != id {
		return provisioning.Person{}, false, fmt.Errorf("onelogin answered with another person than %s", id)
	}
	return p, true, nil
}

// notFound reports whether it is OneLogin's own 404, and not some gateway's.
func notFound(e *wire.Error) bool {
	var v struct {
		Code int `json:"statusCode"`
	}
	return json.Unmarshal(e.Body, &v) == nil && v.Code == http.StatusNotFound
}
