package imanage

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/provisioning"
)

// How much of the history is looked at. The newest change is always found: a history is read for as long as the next document was changed
// after the newest event that was met. The first few are read in any case, for what changes no document (a view, a print, a mail); where
// somebody was at work within a week, one is enough.
const (
	leastHistories = 5
	mostHistories  = 40
	mostUnread     = 3 // histories of one account's that could not be read, after which no further one is asked for
	atWork         = 7 * 24 * time.Hour
)

// mostSilences is how many requests in a row may stay without an answer before no further one is sent; clockSkew is how far ahead of our
// clock the tenant's may be (contracts/threats.md D3).
const (
	mostSilences = 3
	clockSkew    = 5 * time.Minute
)

// Activity reads what accounts did in their libraries since a moment. It keeps nothing from one call to the next. err is only a context that
// ended; everything else that could not be read is told in Why, and leaves Whole false.
//
// The tenant publishes no last sign-in (contracts/imanage.md 5.1), so that use is inferred:
//
//   - whether rollcall's account is shown everybody's documents: GET …/libraries/{lib}/operations (section 3, C2+; the bits of section 7,
//     C1), else its groups there (section 6, V). A search by somebody who is not an administrator answers 200 with what they may see.
//   - which documents bear the account as last_user, operator or author, and were changed since: GET …/libraries/{lib}/documents (4.1, 4.2:
//     C2+ S2 S14). The filters last_user, operator, author, edit_date_from and latest are in the vendor's text that S2 carries (V); the same
//     fields stand on a document's profile in the connector's description (V S1).
//   - what the account did with the newest of those: GET …/documents/{id}/history with user, activity=all, activity_date_start and
//     all_versions (section 9, V S2, C2+ S5).
//   - where an account comes without its libraries: GET …/users/{u}/libraries (5.2, C1 S2).
//
// What it cannot see: somebody who only ever reads documents on which they do not stand leaves nothing that can be searched for. And how
// soon a search knows of a change is not published (I).
//
// The cost is one request a library and call, three a library of each account, and seldom more than five an account beside.
func (c *Client) Activity(ctx context.Context, accounts []provisioning.Account, since time.Time, progress func(provisioning.Progress)) ([]provisioning.Activity, error) {
	u := &uses{
		c: c, q: newQueue(), since: since.UTC().Truncate(time.Second), began: c.opts.Clock.Now().UTC(), progress: progress,
		closed: make(map[string]string), total: len(accounts),
	}
	all := make([]*use, len(accounts))
	for i := range accounts {
		all[i] = newUse(u, &accounts[i])
	}
	if err := u.read(ctx, all); err != nil {
		return nil, err
	}
	found := make([]provisioning.Activity, len(all))
	for i, one := range all {
		found[i] = one.activity()
	}
	if progress != nil {
		progress(provisioning.Progress{Source: c.Name(), What: useWhat, Seen: len(all), Total: len(all), Done: true})
	}
	return found, nil
}

const useWhat = "use of accounts"

// uses is one call.
type uses struct {
	c            *Client
	q            *queue
	since, began time.Time
	progress     func(provisioning.Progress)

	mu       sync.Mutex
	waiting  []*use            // accounts that are not begun
	closed   map[string]string // by library: why it cannot be read
	silences int               // requests in a row that brought no answer
	silence  string            // the last one's reason
	total    int
	done     int
	told     time.Time
}

// read reads in three steps: where the accounts are, what may be seen there, and what they did. An error is only a context that ended.
func (u *uses) read(ctx context.Context, all []*use) error {
	if !u.since.IsZero() && u.since.After(u.began) {
		return u.giveUp(ctx, all, "the time to look from is still to come")
	}
	_, self, err := u.c.discover(ctx)
	if err != nil {
		return u.giveUp(ctx, all, provisioning.Reason(err))
	}
	if err := u.places(ctx, all); err != nil {
		return err
	}
	if err := u.examine(ctx, all, self); err != nil {
		return err
	}
	u.q, u.waiting = newQueue(), all
	for range u.c.opts.Concurrency {
		u.next()
	}
	return u.q.run(ctx, u.c.opts.Concurrency)
}

// next puts the next account into the queue: as many are under way as requests, so that one is finished before many are begun.
func (u *uses) next() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.waiting) > 0 {
		u.q.add(u.waiting[0].begin)
		u.waiting = u.waiting[1:]
	}
}

// giveUp says of all accounts why nothing was read.
func (u *uses) giveUp(ctx context.Context, all []*use, why string) error {
	for _, one := range all {
		one.unread(why)
	}
	return ctx.Err()
}

// places learns the libraries of the accounts that came without any.
func (u *uses) places(ctx context.Context, all []*use) error {
	for _, one := range all {
		if len(one.libraries) == 0 {
			u.q.add(one.place)
		}
	}
	return u.q.run(ctx, u.c.opts.Concurrency)
}

// examine asks of each library once whether rollcall's account is shown everybody's documents there.
func (u *uses) examine(ctx context.Context, all []*use, self string) error {
	u.q = newQueue()
	asked := make(map[string]bool)
	for _, one := range all {
		for _, library := range one.libraries {
			if asked[library] {
				continue
			}
			asked[library] = true
			u.q.add(func(ctx context.Context) error {
				sees, err := u.c.seesAll(ctx, library, self)
				u.heard(err)
				why := "rollcall's account does not administer " + library + ", and is shown its own documents alone"
				if err != nil {
					why = "what rollcall's account may see in " + library + " is not told: " + u.reason(err)
				}
				if !sees {
					u.close(library, why)
				}
				return ctx.Err()
			})
		}
	}
	return u.q.run(ctx, u.c.opts.Concurrency)
}

// seesAll reports whether an account administers a library: by its own rights there, or where a tenant does not tell them, by its groups.
func (c *Client) seesAll(ctx context.Context, library, account string) (bool, error) {
	var answer one[operationBits]
	found, err := c.get(ctx, &answer, nil, "libraries", library, "operations")
	if err == nil && found {
		return answer.Data.administers(), nil
	}
	if err != nil && !refusedPart(err) {
		return false, err
	}
	groups, err := c.groupsOf(ctx, library, account)
	return slices.ContainsFunc(groups, func(g group) bool { return g.ID == provisioning.NRTADMIN }), err
}

func (u *uses) close(library, why string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed[library] = why
}

// barred says why nothing is to be asked of a library; "" where it is.
func (u *uses) barred(library string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.silences >= mostSilences {
		return u.c.Name() + " no longer answers: " + u.silence
	}
	return u.closed[library]
}

// heard counts the requests in a row that brought no answer.
func (u *uses) heard(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch s := status(err); {
	case err == nil || (s > 0 && s < http.StatusInternalServerError && s != http.StatusTooManyRequests):
		u.silences = 0
	default:
		u.silences, u.silence = u.silences+1, provisioning.Reason(err)
	}
}

// reason says an error in a few words.
func (u *uses) reason(err error) string {
	if refusedPart(err) {
		return why(err)
	}
	return provisioning.Reason(err)
}

// finished counts an account, tells of it about ten times a second, and begins the next one.
func (u *uses) finished() {
	u.next()
	u.mu.Lock()
	defer u.mu.Unlock()
	u.done++
	now := u.c.opts.Clock.Now()
	if u.progress == nil || now.Sub(u.told) < time.Second/10 {
		return
	}
	u.told = now
	u.progress(provisioning.Progress{Source: u.c.Name(), What: useWhat, Seen: u.done, Total: u.total})
}

// use is what becomes known of one account.
type use struct {
	u         *uses
	account   string
	libraries []string

	mu     sync.Mutex
	left   int               // searches under way
	papers map[string]*paper // by id
	last   time.Time
	what   string
	bare   bool // of the profile alone; a history says better what it was
	whys   []string
}

func newUse(u *uses, a *provisioning.Account) *use {
	one := &use{u: u, account: strings.ToUpper(a.ID), papers: make(map[string]*paper)}
	for _, m := range a.Memberships {
		one.libraries = append(one.libraries, m.Library)
	}
	return one
}

func (a *use) unread(why string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !slices.Contains(a.whys, why) {
		a.whys = append(a.whys, why)
	}
}

// mostWhys is how many reasons are spelt out.
const mostWhys = 3

func (a *use) activity() provisioning.Activity {
	slices.Sort(a.whys)
	why := strings.Join(a.whys[:min(len(a.whys), mostWhys)], "; ")
	if n := len(a.whys) - mostWhys; n > 0 {
		why += fmt.Sprintf("; and %d more", n)
	}
	return provisioning.Activity{
		Account: a.account, Last: a.last, What: a.what, Since: a.u.since, Read: a.u.began, Whole: len(a.whys) == 0, Why: why,
	}
}

// place learns the account's libraries. On premises each library tells its own users, and all are asked.
func (a *use) place(ctx context.Context) error {
	c := a.u.c
	var places []string
	var err error
	if c.opts.OnPrem {
		var libraries []provisioning.Library
		libraries, err = c.libraries(ctx)
		for _, l := range libraries {
			places = append(places, l.ID)
		}
	} else {
		var rows []placeOfUser
		rows, err = wholeList(ctx, c, placeID, nil, "users", a.account, "libraries")
		for _, r := range rows {
			places = append(places, r.ID)
		}
	}
	a.u.heard(err)
	if err != nil {
		a.unread("the libraries of " + a.account + " are not told: " + a.u.reason(err))
	}
	a.libraries = places
	return ctx.Err()
}

// begin puts the account's searches into the queue.
func (a *use) begin(ctx context.Context) error {
	if len(a.libraries) == 0 {
		a.u.finished()
		return ctx.Err()
	}
	a.left = len(a.libraries) * len(standsAs())
	searches := make([]func(context.Context) error, 0, a.left)
	for _, library := range a.libraries {
		for _, field := range standsAs() {
			searches = append(searches, func(ctx context.Context) error { return a.search(ctx, library, field) })
		}
	}
	a.u.q.add(searches...)
	return nil
}

// search looks for the documents of a library on which the account stands in one way; after the last search the histories are read.
func (a *use) search(ctx context.Context, library, field string) error {
	if why := a.u.barred(library); why != "" {
		a.unread(why)
	} else {
		papers, err := a.u.c.papers(ctx, library, field, a.account, a.u.since)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		a.u.heard(err)
		switch {
		case refusedPart(err):
			reason := "the documents of " + library + " cannot be searched: " + a.u.reason(err)
			a.u.close(library, reason)
			a.unread(reason)
		case err != nil:
			a.unread("the search in " + library + " was not read whole: " + a.u.reason(err))
		}
		a.take(library, field, papers)
	}
	a.mu.Lock()
	a.left--
	last := a.left == 0
	a.mu.Unlock()
	if last {
		a.u.q.add(a.histories)
	}
	return nil
}

// take keeps the documents that a search brought, also where it broke off. What stands on a profile is evidence of itself: who changed the
// document last, and when.
func (a *use) take(library, field string, papers []paper) {
	for i := range papers {
		p := &papers[i]
		if !p.bears(field, a.account) || p.before(a.u.since) {
			continue // the server heeds no filter
		}
		p.library = library
		switch {
		case p.odd != "":
			a.unread("a document of " + library + " bears the date " + p.odd)
		case strings.EqualFold(p.LastUser, a.account) && !p.Edited.IsZero():
			a.event(p.Edited, "edit of "+p.ID, true)
		}
		a.mu.Lock()
		a.papers[p.ID] = p
		a.mu.Unlock()
	}
}

// event takes an event of the account's into account. One that is still to come is no evidence, and makes what was read doubtful.
func (a *use) event(at time.Time, what string, bare bool) {
	switch {
	case at.Before(a.u.since):
		return
	case at.After(a.u.began.Add(clockSkew)):
		a.unread(what + " is dated " + at.UTC().Format(time.RFC3339) + ", which is still to come")
		return
	case at.After(a.u.began):
		at = a.u.began
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if at.After(a.last) || (at.Equal(a.last) && a.bare && !bare) {
		a.last, a.what, a.bare = at.UTC(), what, bare
	}
}

// histories reads what the account did with the documents that were found, the newest first.
func (a *use) histories(ctx context.Context) error {
	defer a.u.finished()
	newest := slices.SortedFunc(maps.Values(a.papers), func(x, y *paper) int {
		if d := y.changed(a.u.began).Compare(x.changed(a.u.began)); d != 0 {
			return d
		}
		return strings.Compare(x.ID, y.ID)
	})
	failed := 0
	for i, p := range newest {
		enough := i >= leastHistories || (i > 0 && a.u.began.Sub(a.last) < atWork)
		switch older := !p.changed(a.u.began).After(a.last); {
		case older && enough:
			return nil
		case i >= mostHistories:
			a.unread(fmt.Sprintf("%d documents were changed since, and the histories of %d were looked at", len(newest), i))
			return nil
		case failed >= mostUnread:
			return nil
		}
		if why := a.u.barred(p.library); why != "" {
			a.unread(why)
			return nil
		}
		events, err := a.u.c.history(ctx, p.library, p.ID, a.account, a.u.since)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		a.u.heard(err)
		if err != nil {
			failed++
			a.unread("the history of " + p.ID + " was not read whole: " + a.u.reason(err))
		}
		a.met(p, events)
	}
	return nil
}

// met takes the events of a document's history.
func (a *use) met(p *paper, events []happening) {
	for i := range events {
		e := &events[i]
		switch {
		case e.User == "":
			a.unread("the history of " + p.ID + " does not say whose an event is")
		case !strings.EqualFold(e.User, a.account): // the server heeds no filter
		case e.odd != "" || e.At.IsZero():
			a.unread("an event in the history of " + p.ID + " bears the date " + e.odd)
		default:
			a.event(e.At, e.what(p), false)
		}
	}
}

var _ provisioning.ActivityReader = (*Client)(nil)
