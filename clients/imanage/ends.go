package imanage

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// mostExamined bounds of how many workspaces one account's sole access is looked for: each is a request.
const mostExamined = 200

// document is a row of the checked-out list (contracts/imanage.md 8).
type document struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Database string `json:"database"`
	InUseBy  string `json:"in_use_by"`
}

func documentID(d *document) string { return d.ID }

type workspace struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Database string `json:"database"`
	Owner    string `json:"owner"`
}

// ends gathers what one account would leave behind.
type ends struct {
	c       *Client
	q       *queue
	account string

	mu    sync.Mutex
	found provisioning.LooseEnds
	users map[string]bool // LIBRARY/USER → may sign in, where an access list does not say
}

// LooseEnds reads what an account would leave behind (contracts/imanage.md 8): documents that it has checked out, workspaces that it owns,
// and of those the ones whose access list names nobody else who may manage them. What the connection may not read, or the tenant does
// not know, is named in Unread; an error is only a context that ended, or a server that does not answer.
func (c *Client) LooseEnds(ctx context.Context, account string) (provisioning.LooseEnds, error) {
	libraries, err := c.libraries(ctx)
	if err != nil {
		return provisioning.LooseEnds{}, err
	}
	e := &ends{c: c, q: newQueue(), account: strings.ToUpper(account), users: make(map[string]bool)}
	e.q.add(func(ctx context.Context) error { return e.checkedOut(ctx, libraries) })
	for _, l := range libraries {
		e.q.add(func(ctx context.Context) error { return e.owned(ctx, l.ID) })
	}
	if err := e.q.run(ctx, c.opts.Concurrency); err != nil {
		return provisioning.LooseEnds{}, err
	}
	slices.SortFunc(e.found.Owned, compareWorkspaces)
	if err := e.sole(ctx); err != nil {
		return provisioning.LooseEnds{}, err
	}
	slices.SortFunc(e.found.CheckedOut, func(x, y provisioning.Document) int {
		return cmp.Or(strings.Compare(x.Library, y.Library), strings.Compare(x.ID, y.ID))
	})
	slices.SortFunc(e.found.Sole, compareWorkspaces)
	slices.Sort(e.found.Unread)
	return e.found, nil
}

func compareWorkspaces(x, y provisioning.Workspace) int {
	return cmp.Or(strings.Compare(x.Library, y.Library), strings.Compare(x.ID, y.ID))
}

// unread notes a part that may not be read; every other error it passes on.
func (e *ends) unread(what string, err error) error {
	if err == nil || (!refusedPart(err) && status(err) != http.StatusBadRequest) {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.found.Unread = append(e.found.Unread, what+": "+why(err))
	return nil
}

// why says a refusal in a few words.
func why(err error) string {
	switch status(err) {
	case http.StatusForbidden:
		return "rollcall's account may not read them"
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return "this tenant does not know the call (" + strconv.Itoa(status(err)) + ")"
	default:
		return "answer " + strconv.Itoa(status(err))
	}
}

// checkedOut asks for all libraries at once, and where a tenant has no such list (on premises there is none) for one after another.
func (e *ends) checkedOut(ctx context.Context, libraries []provisioning.Library) error {
	if len(libraries) == 0 {
		return nil
	}
	if !e.c.opts.OnPrem {
		names := make([]string, len(libraries))
		for i, l := range libraries {
			names[i] = l.ID
		}
		rows, l, err := list(ctx, e.c, documentID, url.Values{"user": {e.account}, "libraries": {strings.Join(names, ",")}}, "documents", "checked-out")
		if err == nil {
			e.takeDocuments("", rows, &l)
			return nil
		}
		if !refusedPart(err) {
			return e.unread("documents checked out", err)
		}
	}
	for _, l := range libraries {
		e.q.add(func(ctx context.Context) error {
			rows, state, err := list(ctx, e.c, documentID, url.Values{"user": {e.account}}, "libraries", l.ID, "documents", "checked-out")
			if err != nil {
				return e.unread("documents checked out in "+l.ID, err)
			}
			e.takeDocuments(l.ID, rows, &state)
			return nil
		})
	}
	return nil
}

// checkedOutIn lists what an account has checked out in a library.
func (c *Client) checkedOutIn(ctx context.Context, library, account string) ([]document, error) {
	rows, err := wholeList(ctx, c, documentID, url.Values{"user": {account}}, "libraries", library, "documents", "checked-out")
	return slices.DeleteFunc(rows, func(d document) bool { return !d.of(account) }), err
}

// of reports whether a row is the account's. A row that does not say whose it is was given for the account that was asked for.
func (d *document) of(account string) bool {
	return d.InUseBy == "" || strings.EqualFold(d.InUseBy, account)
}

func (e *ends) takeDocuments(library string, rows []document, l *listing) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range rows {
		d := &rows[i]
		if !d.of(e.account) {
			continue
		}
		in := cmp.Or(d.Database, library)
		if in == "" {
			in, _, _ = strings.Cut(d.ID, "!")
		}
		e.found.CheckedOut = append(e.found.CheckedOut, provisioning.Document{ID: d.ID, Library: in, Name: d.Name})
	}
	if !l.complete() {
		e.found.Unread = append(e.found.Unread, strings.TrimSpace("documents checked out "+library)+": the list was cut short")
	}
}

// owned lists the workspaces of the account in a library.
func (e *ends) owned(ctx context.Context, library string) error {
	rows, err := e.c.workspaces(ctx, library, e.account)
	if err != nil {
		return e.unread("workspaces in "+library, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, w := range rows {
		if w.Owner == "" || strings.EqualFold(w.Owner, e.account) {
			e.found.Owned = append(e.found.Owned, provisioning.Workspace{ID: w.ID, Library: library, Name: w.Name, Owner: cmp.Or(strings.ToUpper(w.Owner), e.account)})
		}
	}
	return nil
}

// workspaces searches a library by owner: by cursor, and where the tenant does not page by it, by offset (contracts/imanage.md 4.2). A row
// that comes twice counts once.
func (c *Client) workspaces(ctx context.Context, library, owner string) ([]workspace, error) {
	path, err := c.path(ctx, "libraries", library, "workspaces")
	if err != nil {
		return nil, err
	}
	const limit = 1000
	guard := c.wire.Pages()
	all := make(map[string]workspace)
	q := url.Values{"owner": {owner}, "limit": {strconv.Itoa(limit)}, "paging_mode": {"standard_cursor"}}
	for offset := 0; ; {
		var p page[workspace]
		if _, err := c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: path, Query: q}, &p); err != nil {
			return nil, err
		}
		if !p.there {
			return nil, &wire.Error{System: c.opts.Name, Method: http.MethodGet, Path: path, Status: http.StatusOK, Message: "the list cannot be read", Err: errNoList}
		}
		before := len(all)
		for _, w := range p.rows {
			all[w.ID] = w
		}
		offset += len(p.rows)
		switch {
		case len(p.rows) == 0, p.cursor == "" && len(p.rows) < limit && !p.overflow && offset >= p.total:
			return slices.Collect(maps.Values(all)), nil
		case p.cursor != "":
			q.Set("cursor", p.cursor)
		default: // it does not page by cursor
			q.Del("paging_mode")
			q.Set("total", "true")
			q.Set("offset", strconv.Itoa(offset))
		}
		if err := guard.Page(len(all)-before, cmp.Or(p.cursor, strconv.Itoa(offset))); err != nil {
			return nil, &wire.Error{System: c.opts.Name, Method: http.MethodGet, Path: path, Status: http.StatusOK, Message: err.Error()}
		}
	}
}

// sole finds the owned workspaces that nobody else may manage.
func (e *ends) sole(ctx context.Context) error {
	if n := len(e.found.Owned); n > mostExamined {
		e.found.Unread = append(e.found.Unread, fmt.Sprintf("sole access: %d workspaces are owned, and beyond %d their access lists are not looked at", n, mostExamined))
		return nil
	}
	refused := make(map[[2]string]int) // by library and reason
	e.q = newQueue()
	for _, w := range e.found.Owned {
		e.q.add(func(ctx context.Context) error {
			security, err := e.c.Security(ctx, w.Library, KindWorkspace, w.ID)
			if err != nil {
				if !refusedPart(err) {
					return err
				}
				e.mu.Lock()
				defer e.mu.Unlock()
				refused[[2]string{w.Library, why(err)}]++
				return nil
			}
			alone, err := e.alone(ctx, w.Library, security)
			if alone {
				e.mu.Lock()
				defer e.mu.Unlock()
				e.found.Sole = append(e.found.Sole, w)
			}
			return err
		})
	}
	if err := e.q.run(ctx, e.c.opts.Concurrency); err != nil {
		return err
	}
	for which, n := range refused {
		e.found.Unread = append(e.found.Unread, fmt.Sprintf("access lists of workspaces in %s (%d): %s", which[0], n, which[1]))
	}
	return nil
}

// alone reports whether an access list names nobody but the account who may manage the workspace: no other user who may sign in, and no
// group that is not disabled. Where a list does not tell of a user, their own record does.
func (e *ends) alone(ctx context.Context, library string, s Security) (bool, error) {
	for _, a := range s.Access {
		if !a.manages() || (a.Type == TrusteeUser && strings.EqualFold(a.ID, e.account)) {
			continue
		}
		if a.Type == TrusteeGroup {
			if a.Enabled == nil || *a.Enabled {
				return false, nil
			}
			continue
		}
		may, err := e.maySignIn(ctx, library, a)
		if may || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (e *ends) maySignIn(ctx context.Context, library string, a Access) (bool, error) {
	if a.AllowLogon != nil {
		return *a.AllowLogon, nil
	}
	key := library + "/" + strings.ToUpper(a.ID)
	e.mu.Lock()
	may, known := e.users[key]
	e.mu.Unlock()
	if known {
		return may, nil
	}
	u, found, err := e.c.libraryUser(ctx, library, a.ID)
	if refusedPart(err) {
		return true, nil // nothing says that they may not
	}
	if err != nil {
		return false, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.users[key] = found && u.AllowLogon
	return e.users[key], nil
}
