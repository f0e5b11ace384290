package imanage

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// mark is where the next reading of changes goes on; as JSON it is the evidence's Cursor. Groups and Roles are the global ones, for which
// the tenant has no events: their members are read anew each time.
type mark struct {
	Version int               `json:"v"`
	Events  map[string]string `json:"events"` // library → the last event that was read; "": from the beginning
	Digests string            `json:"digests,omitempty"`
	Digest  bool              `json:"digest,omitempty"` // digests are read
	Roles   []string          `json:"roles,omitempty"`
	Groups  []string          `json:"groups,omitempty"`
}

const markVersion = 1

func (m *mark) encode() string {
	b, err := json.Marshal(m)
	if err != nil { // strings cannot fail to marshal
		return ""
	}
	return string(b)
}

func decodeMark(cursor string) (*mark, error) {
	var m mark
	if err := json.Unmarshal([]byte(cursor), &m); err != nil || m.Version != markVersion || len(m.Events) == 0 {
		return nil, stale("the mark of the last reading cannot be read", err)
	}
	return &m, nil
}

func stale(message string, err error) error {
	return &provisioning.Error{Code: provisioning.Stale, Message: message, Hint: "it is read whole", Err: err}
}

// word is a text that a server may also give as a number.
type word string

// UnmarshalJSONFrom reads it as it stands.
func (w *word) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	text, err := wire.Text(d)
	*w = word(text)
	return err
}

// event is a line of a library's change feed (contracts/imanage.md 9). Its id is the cursor behind it.
type event struct {
	ID     word   `json:"id"`
	Action string `json:"action_type"`
	Item   string `json:"item_type"`
	Object word   `json:"object_id"`
}

// object is the id of the user or group that an event is about; some ids carry their library in front.
func (e *event) object(library string) string {
	return strings.TrimPrefix(string(e.Object), library+"!")
}

// mostEventPages bounds how much of a library's history is read before its end is given up. What is more than that is cheaper read whole.
const mostEventPages = 200

// drain reads a library's events behind a cursor to their end, and returns the cursor behind the last.
func (c *Client) drain(ctx context.Context, library, cursor string, each func(*event)) (string, error) {
	path, err := c.path(ctx, "libraries", library, "change-events")
	if err != nil {
		return "", err
	}
	guard := c.wire.Pages()
	for pages := 0; ; pages++ {
		if pages == mostEventPages {
			return "", stale("so much changed in "+library+" that its events do not end", nil)
		}
		q := url.Values{"item_types": {"user,group"}}
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		var p page[event]
		if _, err := c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: path, Query: q}, &p); err != nil {
			return "", err
		}
		if !p.there {
			return "", &wire.Error{System: c.opts.Name, Method: http.MethodGet, Path: path, Status: http.StatusOK, Message: "the events cannot be read", Err: errNoList}
		}
		for i := range p.rows {
			cursor = string(p.rows[i].ID)
			each(&p.rows[i])
		}
		cursor = cmp.Or(p.cursor, cursor) // where a server tells it beside the events
		if !p.overflow {
			return cursor, nil
		}
		if err := guard.Page(len(p.rows), cursor); err != nil {
			return "", &wire.Error{System: c.opts.Name, Method: http.MethodGet, Path: path, Status: http.StatusOK, Message: err.Error()}
		}
	}
}

// startFeed takes the marks from which a later reading of changes goes on. It is nil where the tenant does not let events be read: then
// there is no feed, and nothing else is wrong.
func (c *Client) startFeed(ctx context.Context, libraries []provisioning.Library) (*mark, error) {
	m := &mark{Version: markVersion, Events: make(map[string]string)}
	var mu sync.Mutex
	q := newQueue()
	for _, l := range libraries {
		q.add(func(ctx context.Context) error {
			cursor, err := c.drain(ctx, l.ID, "", func(*event) {})
			mu.Lock()
			defer mu.Unlock()
			m.Events[l.ID] = cursor
			return err
		})
	}
	if !c.opts.OnPrem {
		q.add(func(ctx context.Context) error {
			rows, err := c.digests(ctx)
			mu.Lock()
			defer mu.Unlock()
			if m.Digest = err == nil; m.Digest {
				m.Digests = encodeDigests(rows)
			}
			return nil // without them there is less to go by, and still a feed
		})
	}
	err := q.run(ctx, c.opts.Concurrency)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil || len(m.Events) == 0 {
		return nil, nil //nolint:nilerr,nilnil // no feed: what is read whole stands without one
	}
	return m, nil
}

// digest is what a directory's sync holds of a user that it manages (contracts/imanage.md 9). It is keyed by the directory's own id.
type digest struct {
	Directory string `json:"directory_id"`
	Hash      word   `json:"ds_hash"`
	Logon     bool   `json:"allow_logon"`
}

// digests reads all of them, by cursor alone: the list ends where fewer rows come than were asked for, or no cursor does.
func (c *Client) digests(ctx context.Context) ([]digest, error) {
	path, err := c.path(ctx, "directory-sync", "users", "hashes")
	if err != nil {
		return nil, err
	}
	guard := c.wire.Pages()
	var all []digest
	for cursor := ""; ; {
		q := url.Values{"limit": {strconv.Itoa(pageSize)}}
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		var p page[digest]
		if _, err := c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: path, Query: q}, &p); err != nil {
			return nil, err
		}
		if !p.there {
			return nil, errNoList
		}
		all = append(all, p.rows...)
		if cursor = p.cursor; cursor == "" || len(p.rows) == 0 {
			return all, nil
		}
		if err := guard.Page(len(p.rows), cursor); err != nil {
			return nil, err
		}
	}
}

// digestBytes is how much is kept of each row: enough that one change in ten million would go unseen in a firm of 100,000.
const digestBytes = 5

// sums gives each row its number.
func sums(rows []digest) []uint64 {
	numbers := make([]uint64, len(rows))
	var text []byte
	for i := range rows {
		text = append(append(append(text[:0], rows[i].Directory...), 0), rows[i].Hash...)
		text = strconv.AppendBool(append(text, 0), rows[i].Logon)
		sum := sha256.Sum256(text)
		numbers[i] = binary.BigEndian.Uint64(sum[:8]) >> (64 - 8*digestBytes)
	}
	return numbers
}

// encodeDigests keeps the rows in a few bytes each, sorted.
func encodeDigests(rows []digest) string {
	numbers := sums(rows)
	slices.Sort(numbers)
	b := make([]byte, 0, digestBytes*len(numbers))
	var eight [8]byte
	for _, n := range numbers {
		binary.BigEndian.PutUint64(eight[:], n)
		b = append(b, eight[8-digestBytes:]...)
	}
	return base64.RawStdEncoding.EncodeToString(b)
}

// changedDigests finds the rows that are new or different since they were encoded, and whether any has gone.
func changedDigests(kept string, rows []digest) (changed []digest, gone bool, err error) {
	b, err := base64.RawStdEncoding.DecodeString(kept)
	if err != nil || len(b)%digestBytes != 0 {
		return nil, false, stale("the mark of the last reading cannot be read", err)
	}
	before := make(map[uint64]int, len(b)/digestBytes)
	for at := 0; at < len(b); at += digestBytes {
		var eight [8]byte
		copy(eight[8-digestBytes:], b[at:])
		before[binary.BigEndian.Uint64(eight[:])]++
	}
	for i, n := range sums(rows) {
		if before[n] > 0 {
			before[n]--
		} else {
			changed = append(changed, rows[i])
		}
	}
	for _, left := range before {
		gone = gone || left > 0
	}
	return changed, gone, nil
}
