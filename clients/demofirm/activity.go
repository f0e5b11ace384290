package demofirm

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"rollcall/clients/imanage/imanagetest"
)

// LastUse is what was planted of an account's work in the document system.
type LastUse struct {
	Last     time.Time // its newest event in a library that it is in; zero: there is none
	Readable bool      // false: that stands in a history which nobody may read, so that it must be unknown to whoever reads
}

// paper is a document that somebody worked on.
type paper struct {
	library, name string
	author        *account
	walled        bool
	events        []event
}

type event struct {
	by   *account
	what string
	at   time.Time
}

// use is what accounts did, by the moment of the demo.
type use struct {
	last   map[*account]time.Time
	sealed map[*account]bool // their work stands behind a wall
	papers []paper
}

// habit is how long ago an account was last used.
type habit int

// The habits. Their days leave room around 30, 60 and 90, so that no figure hangs on an hour.
const (
	habitual habit = iota // within 27 days
	lapsing               // 33 to 57 days ago
	lapsed                // 63 to 87
	dormant               // 95 to 400
	never                 // nothing
	sealed                // 40 to 80, behind a wall
	habits
)

func (h habit) days(r *rand.Rand) int {
	between := func(from, to int) int { return from + r.IntN(to-from+1) }
	switch h {
	case lapsing:
		return between(33, 57)
	case lapsed:
		return between(63, 87)
	case dormant:
		return between(95, 400)
	case sealed:
		return between(40, 80)
	default:
		return between(1, 27)
	}
}

// drawHabit draws how an account is used; most are all the time.
func drawHabit(r *rand.Rand) habit {
	share := []int{habitual: 80, lapsing: 7, lapsed: 5, dormant: 4, never: 2, sealed: 2}
	at := r.IntN(100)
	for h, n := range share {
		if at -= n; at < 0 {
			return habit(h)
		}
	}
	return habitual
}

// Activity tells what was planted of every enabled account that is in a library, by its id: what a reader must find, no more and no less.
// Of accounts that are closed, or in no library, nothing was planted. Events are told from Options.Epoch.
func (f *Firm) Activity() map[string]LastUse {
	all := make(map[string]LastUse, len(f.use.last))
	for a, last := range f.use.last {
		all[a.id] = LastUse{Last: last, Readable: !f.use.sealed[a]}
	}
	return all
}

// makeUse has the accounts be used, and their people sign in. It draws by itself, so that nothing else of the firm depends on it.
func (f *Firm) makeUse() {
	r := rand.New(rand.NewPCG(f.Options.Seed, 0x75736564)) //nolint:gosec // not a secret
	f.use = use{last: make(map[*account]time.Time), sealed: make(map[*account]bool)}
	left := make(map[*account]time.Time)
	for _, p := range f.people {
		if p.account != nil && p.gone() {
			left[p.account] = p.changed
		}
	}
	var busy []*account
	for _, a := range f.account {
		if a.enabled && len(a.libraries) > 0 {
			busy = append(busy, a)
		}
	}
	order := r.Perm(len(busy))
	for i, at := range order {
		h := drawHabit(r)
		if i < 2*int(habits) { // two of each at least
			h = habit(i) % habits
		}
		f.useOne(r, busy[at], h, left[busy[at]])
	}
	f.makePapers(r, busy)
	f.signIn(r)
}

// useOne draws when an account was last used: not before it was made, and not after its person had left.
func (f *Firm) useOne(r *rand.Rand, a *account, h habit, left time.Time) {
	days, within := h.days(r), time.Duration(r.IntN(20*60))*time.Minute
	at := f.Options.Epoch.AddDate(0, 0, -days).Add(-within).UTC().Truncate(time.Second)
	if at.Before(a.created) { // it is too new for that
		at, h = f.ago(1+r.IntN(20)).Add(-within).UTC().Truncate(time.Second), habitual
	}
	if !left.IsZero() && at.After(left) {
		at, h = left.Add(-within-time.Hour).UTC().Truncate(time.Second), habitual
	}
	switch {
	case a.id == f.service || h == never:
		at = time.Time{}
	case h == sealed && wallIn(a) != "":
		f.use.sealed[a] = true
	}
	f.use.last[a] = at
}

// wallIn is a library of an account in which machines have no place, "" where there is none.
func wallIn(a *account) string {
	for _, l := range slices.Sorted(maps.Keys(a.libraries)) {
		if l != machines {
			return l
		}
	}
	return ""
}

// machines is the library of the machines' accounts.
const machines = "LON-COR"

// makePapers makes the documents whose histories tell the use: some edited last by their author, some looked at after that, some that a
// colleague went on with. Those behind a wall were saved anew by a machine which is not in the library, so that only their history, which
// nobody may read, tells who else was at work.
func (f *Firm) makePapers(r *rand.Rand, busy []*account) {
	machine := busy[slices.IndexFunc(busy, func(a *account) bool { return a.id == "SVC_OCR" })]
	latest := make(map[string]*account) // by library: who was at work there last
	for _, a := range busy {
		for l := range a.libraries {
			if !f.use.sealed[a] && (latest[l] == nil || f.use.last[a].After(f.use.last[latest[l]])) {
				latest[l] = a
			}
		}
	}
	for _, a := range busy {
		last := f.use.last[a]
		if last.IsZero() {
			continue
		}
		p := paper{library: libraryOf(r, a), name: f.made(r, papers()) + ".docx", author: a}
		began := last.Add(-time.Duration(2+r.IntN(20*24)) * time.Hour)
		if began.Before(a.created) {
			began = last.Add(-2 * time.Hour)
		}
		p.events = append(p.events, event{a, "NEWDOCUMENT", began})
		colleague := latest[p.library]
		switch n := r.IntN(10); {
		case f.use.sealed[a]:
			p.library, p.walled = wallIn(a), true
			p.events = append(p.events, event{a, "MODIFY", last}, event{machine, "MODIFY", f.ago(1 + r.IntN(6)).UTC().Truncate(time.Second)})
		case n < 2: // opened again, some hours after the last edit
			p.events = append(p.events, event{a, "MODIFY", last.Add(-time.Duration(1+r.IntN(60)) * time.Minute)}, event{a, "VIEW", last})
		case n < 4 && colleague != a && f.use.last[colleague].After(last):
			p.events = append(p.events, event{a, "MODIFY", last}, event{colleague, "MODIFY", f.use.last[colleague]})
		default:
			p.events = append(p.events, event{a, "MODIFY", last})
		}
		f.use.papers = append(f.use.papers, p)
	}
}

// signIn tells when people last signed in to their directory: about when they were last at work in iManage; some long before it, as where
// another door leads there, and some since, who work elsewhere. Some never did.
func (f *Firm) signIn(r *rand.Rand) {
	for i, p := range f.people {
		const spread = 12 * 60
		at := f.ago(r.IntN(14)).Add(-time.Duration(r.IntN(spread)) * time.Minute)
		if p.account != nil && !f.use.last[p.account].IsZero() {
			at = f.use.last[p.account].Add(-time.Duration(r.IntN(spread)) * time.Minute)
		}
		old := f.ago(100 + r.IntN(100))
		switch {
		case p.status == "STAGED" || i%61 == 60:
			continue
		case i%17 == 16:
			at = old
		case i%19 == 18:
			at = f.ago(1)
		}
		if p.gone() && at.After(p.changed) {
			at = p.changed.Add(-time.Duration(1+r.IntN(spread)) * time.Minute)
		}
		if at.After(p.created) {
			p.signedIn = at.UTC().Truncate(time.Second)
		}
	}
}

// fill puts the papers into the libraries. A server keeps what it is given: each has its own.
func (u *use) fill(libraries map[string]*imanagetest.Library) {
	for i, p := range u.papers {
		w := &imanagetest.Work{ID: fmt.Sprintf("%s!%d.1", p.library, 700_001+i), Name: p.name, Author: p.author.id, Walled: p.walled}
		for _, e := range p.events {
			w.Events = append(w.Events, imanagetest.Event{User: e.by.id, Activity: e.what, At: e.at})
		}
		libraries[p.library].Work = append(libraries[p.library].Work, w)
	}
}
