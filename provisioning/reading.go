package provisioning

import (
	"context"
	"errors"
	"time"
)

// Reading is the bookkeeping of a Directory's ReadAll: everybody once, page by page, and the evidence of what was met. It holds one
// page and the ids. Only the goroutine that reads may use it.
type Reading struct {
	ReadEvidence
	emit    func([]Person) error
	emitErr error
	met     map[string]meeting
	walk    int32 // the list is walked for the n-th time
	here    int   // people of this walk
	fresh   int   // of this page
	page    []Person
}

// meeting is when somebody was met: in which walk, and when they had last been changed then (µs). A firm has many of them.
type meeting struct {
	changed int64
	walk    int32
}

// NewReading begins a read of a source. emit takes a page's people, and the slice is its own only until it returns.
func NewReading(source, system string, started time.Time, emit func([]Person) error) *Reading {
	return &Reading{ReadEvidence: ReadEvidence{Source: source, System: system, Started: started, Reported: -1}, emit: emit, met: make(map[string]meeting)}
}

// Anew begins another walk through the same list: what the last one met twice is forgotten, and nobody is emitted again.
func (r *Reading) Anew() {
	r.walk++
	r.here, r.Duplicates, r.Conflicts = 0, 0, nil
}

// Meet notes that the list holds somebody; changed is when the directory last changed them, zero where it does not say. It reports
// whether they are to be added, and an error for a row that is nobody's.
func (r *Reading) Meet(id string, changed time.Time) (add bool, err error) {
	if id == "" {
		return false, errors.New("a person without an id came")
	}
	m, known := r.met[id]
	if known && m.walk == r.walk {
		r.Duplicates++
		if m.changed != changed.UnixMicro() { // changed while it was read: the next read settles it
			r.Conflicts = append(r.Conflicts, id)
		}
		return false, nil
	}
	r.met[id] = meeting{changed.UnixMicro(), r.walk}
	r.here++
	r.fresh++
	return !known, nil
}

// Add takes somebody into the page.
func (r *Reading) Add(p Person) { r.page = append(r.page, p) }

// Page ends a page and emits it. fresh is how many of this walk's people it brought.
func (r *Reading) Page() (fresh int, err error) {
	r.Pages++
	fresh, r.fresh = r.fresh, 0
	r.emitErr = r.emit(r.page)
	r.page = r.page[:0]
	return fresh, r.emitErr
}

// Count is how many people this walk has met.
func (r *Reading) Count() int { return r.here }

// Done says that every list ended by the system's own rule, in words, and where the next reading of changes begins. live is how many
// people the list of the living had: none is never believed.
func (r *Reading) Done(end, cursor string, live int) error {
	r.EndMarker, r.End = live > 0, end
	if live == 0 {
		return errors.New("the list of people was empty")
	}
	r.Cursor = cursor
	return nil
}

// Ended is what ReadAll returns: the evidence of a read that came to its end, or that broke off by err. Only what the caller did is an
// error: a context that ended, an emit that failed.
func (r *Reading) Ended(ctx context.Context, finished time.Time, err error) (ReadEvidence, error) {
	r.Finished, r.Seen = finished, r.here
	switch {
	case ctx.Err() != nil:
		return r.ReadEvidence, ctx.Err()
	case r.emitErr != nil:
		return r.ReadEvidence, r.emitErr
	case err != nil:
		r.EndMarker, r.Failure, r.Cursor = false, Reason(err), ""
	}
	return r.ReadEvidence, nil
}
