package desk

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall/provisioning"
)

const (
	// looksAtATime is how many accounts are read side by side for the removals: people's own reads go before.
	looksAtATime = 2
	// looksARound is how many accounts are read before whoever waits for a look of their own comes in between.
	looksARound = 20
	// afterFailure is how long the looks rest where the store could not keep one.
	afterFailure = 2 * time.Minute
)

// RemovalView is one removal as a screen shows it. All raw strings.
type RemovalView struct {
	provisioning.Removal
	Overdue bool `json:"overdue"` // the system has had longer than it may take
	// LetIn says that somebody let the account in again, and that it was no batch of rollcall.
	LetIn    bool   `json:"let_in"`
	Sentence string `json:"sentence"`
}

// removals is what is known of them, for whoever may not wait. It is immutable.
type removals struct {
	list   []provisioning.Removal // the newest first
	unit   map[int64]*provisioning.Removal
	latest map[string]*provisioning.Removal // by account
	sealed map[int64][]string
}

// loadRemovals reads what the store keeps of the removals.
func (d *Desk) loadRemovals(ctx context.Context) (*removals, error) {
	sealed, err := d.deps.Store.Sealed(ctx)
	if err != nil {
		return nil, err
	}
	list, err := d.deps.Store.Removals(ctx, 0, false)
	if err != nil {
		return nil, err
	}
	r := &removals{list: list, unit: make(map[int64]*provisioning.Removal, len(list)), latest: make(map[string]*provisioning.Removal, len(list)), sealed: sealed}
	for i := range list {
		one := &list[i]
		r.unit[one.Unit] = one
		if r.latest[one.Account] == nil {
			r.latest[one.Account] = one
		}
	}
	d.removals.Store(r)
	return r, nil
}

func (r *removals) mayRead(batch int64, operator string) bool {
	readers := r.sealed[batch]
	return len(readers) == 0 || slices.Contains(readers, operator)
}

// Removals lists the removals that the operator may read: those that are not seen off yet first, of these the ones that were let in
// again and the overdue ones before the rest; and then the newest.
func (d *Desk) Removals(ctx context.Context) ([]RemovalView, error) {
	r, err := d.loadRemovals(ctx)
	if err != nil {
		return nil, err
	}
	var views []RemovalView
	now := d.now()
	for i := range r.list {
		if one := r.list[i]; r.mayRead(one.Batch, d.deps.Operator.Name) {
			views = append(views, RemovalView{Removal: one, Overdue: one.Overdue(now), LetIn: one.Open() && len(one.Again()) > 0, Sentence: removalSentence(&one, now)})
		}
	}
	rank := func(v RemovalView) int {
		switch {
		case v.LetIn:
			return 0
		case v.Overdue:
			return 1
		case v.Open():
			return 2
		default:
			return 3
		}
	}
	slices.SortStableFunc(views, func(a, b RemovalView) int { return cmp.Compare(rank(a), rank(b)) })
	return views, nil
}

// RemovalOf says in a sentence how the latest removal of an account stands; ok is false where there is none that counts: none, one that a
// later batch took back, or one that the operator may not read. It never waits: it tells what was known at the last look.
func (d *Desk) RemovalOf(account string) (sentence string, ok bool) {
	r := d.removals.Load()
	if r == nil {
		return "", false
	}
	one := r.latest[strings.ToUpper(account)]
	if one == nil || one.Undone != "" || !r.mayRead(one.Batch, d.deps.Operator.Name) {
		return "", false
	}
	sentence = removalSentence(one, d.now())
	if st := d.state.Load(); st != nil && !one.SeenOff.IsZero() && st.snap.TakenAt.After(one.SeenOff) {
		if i, known := st.account[one.Account]; known && st.snap.Accounts[i].Enabled {
			sentence += "; the account is enabled again since"
		}
	}
	return sentence, true
}

// removalSentence says how a removal stands.
func removalSentence(r *provisioning.Removal, now time.Time) string {
	closed := "disabled " + timeOf(r.Accepted, now, "15:04:05") + ", read back"
	if r.ByHand {
		closed = "disabled by hand " + timeOf(r.Accepted, now, "15:04:05") + ", read back"
	}
	switch {
	case !r.SeenOff.IsZero():
		return closed + "; seen off " + timeOf(r.SeenOff, now, "15:04")
	case r.Undone != "":
		return closed + "; " + r.Undone
	}
	next := "next look " + timeOf(r.Due(), now, "15:04")
	if r.IsDue(now) {
		next = "next look now"
	}
	if again := r.Again(); len(again) > 0 {
		return fmt.Sprintf("%s; LET IN AGAIN, and not by rollcall: %s read enabled %s; not seen off (%s)", closed, placeNames(again), timeOf(r.LastLook, now, "15:04"), next)
	}
	word := "seen off pending"
	if r.Overdue(now) {
		word = "NOT SEEN OFF after 8 h"
	}
	return fmt.Sprintf("%s; %s (%s; %s)", closed, word, waitsFor(r, now), next)
}

// waitsFor says what a removal waits for.
func waitsFor(r *provisioning.Removal, now time.Time) string {
	var parts []string
	if unread := r.Unread(); len(unread) > 0 {
		parts = append(parts, "could not be read: "+reasons(unread))
	}
	if open := r.Enabled(); len(open) > 0 {
		parts = append(parts, "still open in "+placeNames(open))
	}
	for i := range r.Places {
		if p := &r.Places[i]; p.Off() && p.Why != "" {
			parts = append(parts, p.Why)
		}
	}
	switch {
	case !r.Overdue(now):
		parts = append(parts, "iManage may take up to 8 h")
	case r.LastLook.IsZero():
		parts = append(parts, "not looked at yet")
	}
	return strings.Join(parts, "; ")
}

// timeOf says a time of day, with the day where it is another one than now.
func timeOf(at, now time.Time, layout string) string {
	at, now = at.Local(), now.Local()
	if at.Format(time.DateOnly) != now.Format(time.DateOnly) {
		layout = "2 Jan " + layout
	}
	return at.Format(layout)
}

const mostNamed = 4

func placeName(library string) string {
	if library == "" {
		return "the global record"
	}
	return library
}

func placeNames(places []provisioning.Place) string {
	named := make([]string, 0, mostNamed+1)
	for i, p := range places {
		if i == mostNamed {
			named = append(named, fmt.Sprintf("%d more", len(places)-mostNamed))
			break
		}
		named = append(named, placeName(p.Library))
	}
	return strings.Join(named, ", ")
}

// reasons says where nothing could be read, and why: once where it is the same everywhere.
func reasons(places []provisioning.Place) string {
	same := !slices.ContainsFunc(places, func(p provisioning.Place) bool { return p.Why != places[0].Why })
	if !same {
		return placeNames(places)
	}
	return placeNames(places) + ": " + places[0].Why
}

// seenOff says by unit how the removals of a batch stand, without waiting: what was confirmed a moment ago is not in the cache yet.
func (d *Desk) seenOff(b *provisioning.Batch) map[int64]string {
	said := make(map[int64]string)
	if !begun(b.State) {
		return said
	}
	known, now := d.removals.Load(), d.now()
	for i := range b.Units {
		u := &b.Units[i]
		op := closing(u)
		if op == nil {
			continue
		}
		if known != nil && known.unit[u.ID] != nil {
			said[u.ID] = removalSentence(known.unit[u.ID], now)
			continue
		}
		said[u.ID] = removalSentence(&provisioning.Removal{Account: u.Account, Accepted: op.DoneAt}, now)
	}
	return said
}

// closing is the op by which a unit closed its account for sure; nil where it did not.
func closing(u *provisioning.Unit) *provisioning.Op {
	for i := range u.Ops {
		if op := &u.Ops[i]; op.Change.Kind == provisioning.DisableAccount && op.State == provisioning.OpConfirmed {
			return op
		}
	}
	return nil
}

// LookNow reads open removals without waiting for their next look: those of a batch (0: of all that the operator may read), or of one
// account of it ("": of all). What could not be read stands in the removals; an error is one of the store, or a cancelled context.
func (d *Desk) LookNow(ctx context.Context, batch int64, account string) error {
	if err := d.mayChange(); err != nil {
		return err
	}
	if batch != 0 {
		if _, err := d.readable(ctx, batch); err != nil {
			return err
		}
	}
	_, err := d.lookAt(provisioning.ForPerson(ctx), math.MaxInt, func(r *removals, one *provisioning.Removal) bool {
		return (batch == 0 || one.Batch == batch) && (account == "" || strings.EqualFold(one.Account, account)) && r.mayRead(one.Batch, d.deps.Operator.Name)
	})
	return err
}

// observe has what is due looked at, beside everything else and once at a time. The watch over the schedule calls it, by the clock: a
// timer alone would sleep along with a laptop.
func (d *Desk) observe(ctx context.Context) {
	now := d.now().Round(0)
	if failed := d.lookFailed.Load(); failed != nil && now.Sub(*failed).Abs() < afterFailure {
		return
	}
	known := d.removals.Load()
	if known == nil {
		var err error
		if known, err = d.loadRemovals(ctx); err != nil {
			return // the store says nothing now: it is asked again
		}
	}
	due := func(_ *removals, one *provisioning.Removal) bool { return one.Open() && one.IsDue(d.now().Round(0)) }
	if !slices.ContainsFunc(known.list, func(r provisioning.Removal) bool { return due(nil, &r) }) {
		return
	}
	d.observeAgain.Store(true)
	if !d.observing.CompareAndSwap(false, true) {
		return // the round under way has the schedule looked at again when it ends
	}
	d.observeAgain.Store(false)
	d.work.Go(func() {
		defer func() {
			d.observing.Store(false)
			if d.observeAgain.Swap(false) {
				d.lookNow()
			}
		}()
		d.lookFailed.Store(nil)
		for more := true; more && ctx.Err() == nil; {
			var err error
			if more, err = d.lookAt(ctx, looksARound, due); err != nil && ctx.Err() == nil { // what the store could not keep is due still
				failed := d.now().Round(0)
				d.lookFailed.Store(&failed)
				return
			}
		}
	})
}

// lookAt reads the accounts of the open removals that are wanted, each once and so many at most. more says that there are others.
func (d *Desk) lookAt(ctx context.Context, most int, want func(*removals, *provisioning.Removal) bool) (more bool, err error) {
	select {
	case d.looking <- struct{}{}:
		defer func() { <-d.looking }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	known, err := d.loadRemovals(ctx)
	if err != nil {
		return false, err
	}
	var accounts []string
	of := make(map[string][]*provisioning.Removal)
	for i := range known.list {
		one := &known.list[i]
		if !one.Open() || !want(known, one) {
			continue
		}
		if of[one.Account] == nil {
			if more = len(accounts) == most; more {
				break
			}
			accounts = append(accounts, one.Account)
		}
		of[one.Account] = append(of[one.Account], one)
	}
	units, err := d.firstMet(ctx, of)
	if err != nil {
		return false, err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(looksAtATime)
	for _, account := range accounts {
		g.Go(func() error { return d.lookOnce(gctx, account, of[account], units) })
	}
	err = g.Wait()
	if _, again := d.loadRemovals(context.WithoutCancel(ctx)); err == nil {
		err = again
	}
	return more, err
}

// firstMet gives the units of the removals that nobody has looked at yet, by id.
func (d *Desk) firstMet(ctx context.Context, of map[string][]*provisioning.Removal) (map[int64]*provisioning.Unit, error) {
	units := make(map[int64]*provisioning.Unit)
	batches := make(map[int64]bool)
	for _, list := range of {
		for _, r := range list {
			if len(r.Places) > 0 || batches[r.Batch] {
				continue
			}
			batches[r.Batch] = true
			b, err := d.deps.Store.Batch(ctx, r.Batch)
			if err != nil {
				return nil, err
			}
			for i := range b.Units {
				units[b.Units[i].ID] = &b.Units[i]
			}
		}
	}
	return units, nil
}

// lookOnce reads one account, for all of its open removals, and keeps what it found.
func (d *Desk) lookOnce(ctx context.Context, account string, list []*provisioning.Removal, units map[int64]*provisioning.Unit) error {
	libraries := make(map[string]bool)
	for _, r := range list {
		if err := d.placesOf(ctx, r, units[r.Unit], libraries); err != nil {
			return err
		}
	}
	began := d.now().Round(0)
	read, err := d.readPlaces(ctx, account, libraries)
	if err != nil {
		return err
	}
	ended := d.now().Round(0)
	for _, r := range list {
		one := *r
		changed := one.Look(began, ended, read)
		if err := d.undone(ctx, &one, &changed); err != nil {
			return err
		}
		var e provisioning.Event
		switch {
		case !one.SeenOff.IsZero():
			e = d.event(provisioning.EventSeenOff, one.Account, seenOffDetail(&one))
		case len(changed) > 0:
			e = d.event(provisioning.EventLook, one.Account, strings.Join(changed, "; "))
		}
		if err := d.deps.Store.SaveLook(ctx, one, e); err != nil && provisioning.CodeOf(err) != provisioning.Stale {
			return err
		}
	}
	return nil
}

// undone ends a removal whose account a later batch let in again: it reads enabled, and the journal says who did that.
func (d *Desk) undone(ctx context.Context, r *provisioning.Removal, changed *[]string) error {
	if !slices.ContainsFunc(r.Again(), func(p provisioning.Place) bool { return p.Library == "" }) {
		return nil
	}
	batch, at, err := d.deps.Store.LetIn(ctx, *r)
	if err != nil || batch == 0 {
		return err
	}
	r.Undone, r.NextLook = letInBy(batch, at), time.Time{}
	*changed = append(*changed, r.Undone+": it is not looked at any more")
	return nil
}

// letInBy says which batch let an account in again.
func letInBy(batch int64, at time.Time) string {
	return fmt.Sprintf("let in again by batch %d, %s", batch, at.UTC().Format("2006-01-02 15:04:05 UTC"))
}

// seenOffDetail is the record's word: when the change was accepted, and when each place was first seen off.
func seenOffDetail(r *provisioning.Removal) string {
	const layout = "2006-01-02 15:04:05 UTC"
	parts := make([]string, len(r.Places))
	for i, p := range r.Places {
		parts[i] = fmt.Sprintf("%s %s %s", placeName(p.Library), p.Value, p.SeenOff.UTC().Format(layout))
	}
	return fmt.Sprintf("disabled %s; all read off %s: %s", r.Accepted.UTC().Format(layout), r.SeenOff.UTC().Format(layout), strings.Join(parts, "; "))
}

// placesOf adds the libraries that an account was in when a batch closed it: those of earlier looks; before the first, those that the
// history of its access has it in at the act, those that the batch's own changes name, and those that the roll has it in.
func (d *Desk) placesOf(ctx context.Context, r *provisioning.Removal, u *provisioning.Unit, libraries map[string]bool) error {
	for _, p := range r.Places {
		libraries[p.Library] = true
	}
	if len(r.Places) > 0 {
		return nil
	}
	in := func(memberships []provisioning.Membership) {
		for _, m := range memberships {
			libraries[m.Library] = true
		}
	}
	if _, err := d.deps.Store.AccessAsOf(ctx, r.Accepted, r.Account, func(s provisioning.AccessState) error {
		in(s.Memberships)
		return nil
	}); err != nil {
		return err
	}
	if u != nil {
		for i := range u.Ops {
			if c := u.Ops[i].Change; c.EndsAccess() {
				libraries[c.Library] = true
			}
		}
	}
	if st := d.state.Load(); st != nil {
		if i, known := st.account[r.Account]; known {
			in(st.snap.Accounts[i].Memberships)
		}
	}
	return nil
}

// readPlaces reads an account's allow_logon on its global record and on each library's. An error is only a cancelled context.
func (d *Desk) readPlaces(ctx context.Context, account string, libraries map[string]bool) (provisioning.Logons, error) {
	if reader, ok := d.deps.DMS.(provisioning.LogonReader); ok {
		delete(libraries, "")
		return reader.Logons(ctx, account, slices.Sorted(maps.Keys(libraries)))
	}
	read := provisioning.Logons{Places: d.accountPlaces(ctx, account, libraries)}
	return read, ctx.Err()
}

// accountPlaces is Logons by way of the whole account. A library of the list that the account's own record does not name is asked for
// itself: what is not told is not gone.
func (d *Desk) accountPlaces(ctx context.Context, account string, libraries map[string]bool) []provisioning.Place {
	word := func(enabled bool) string {
		if enabled {
			return provisioning.ValueEnabled
		}
		return provisioning.ValueDisabled
	}
	a, found, err := d.deps.DMS.Account(ctx, account)
	global := provisioning.Place{Value: provisioning.ValueAbsent}
	switch {
	case err != nil:
		global.Value, global.Why = "", provisioning.Reason(err)
	case found:
		global.Value = word(a.Enabled)
	}
	seen := []provisioning.Place{global}
	told := map[string]bool{"": true}
	if err == nil {
		for _, m := range a.Memberships {
			seen = append(seen, provisioning.Place{Library: m.Library, Value: word(m.Enabled)})
			told[m.Library] = true
		}
	}
	for library := range libraries {
		if told[library] {
			continue
		}
		p := provisioning.Place{Library: library, Why: global.Why}
		if err == nil {
			p.Value, p.Why = d.isGone(ctx, account, library)
		}
		seen = append(seen, p)
	}
	return seen
}

// isGone asks a library whether an account is not in it. Where it is, its record there was not read, and nothing is claimed of it.
func (d *Desk) isGone(ctx context.Context, account, library string) (value, why string) {
	o, err := d.deps.DMS.Observe(ctx, provisioning.Change{
		Kind: provisioning.RemoveLibrary, Account: account, Library: library, Before: provisioning.ValueMember, After: provisioning.ValueAbsent,
	})
	switch {
	case err != nil:
		return "", provisioning.Reason(err)
	case o.Value == provisioning.ValueAbsent:
		return provisioning.ValueAbsent, ""
	default:
		return "", "the account is in it, and its record there was not told"
	}
}
