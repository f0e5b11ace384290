package desk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall/provisioning"
)

// secondLook is how long after the first complete read that missed somebody a second one proves the absence (DESIGN 3.2).
const secondLook = 10 * time.Minute

// mostLookups bounds the direct reads by id of one refresh: more missing people than this is no absence but a broken list.
const mostLookups = 500

// Sync reads every source, those with a change feed by what changed; proves what it read, keeps the snapshot and compares
// anew. progress may be nil; it is called from several goroutines, one at a time. A source that cannot be read does not fail the
// sync: its proof says why.
func (d *Desk) Sync(ctx context.Context, progress func(provisioning.Progress)) (*Roll, error) {
	return d.sync(ctx, false, progress)
}

// SyncWhole is Sync with every source read whole, whatever feed it has.
func (d *Desk) SyncWhole(ctx context.Context, progress func(provisioning.Progress)) (*Roll, error) {
	return d.sync(ctx, true, progress)
}

func (d *Desk) sync(ctx context.Context, whole bool, progress func(provisioning.Progress)) (*Roll, error) {
	d.syncing.Lock()
	defer d.syncing.Unlock()
	previous, err := d.previous(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.loadPolicy(ctx); err != nil {
		return nil, err
	}
	if err := d.loadUses(ctx); err != nil {
		return nil, err
	}
	tell := serial(progress)
	snap := &provisioning.Snapshot{Cursors: make(map[string]string)}
	reads := make([]directoryRead, len(d.deps.Directories))
	var inventory inventoryRead

	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		inventory, err = d.readInventory(gctx, previous, whole, tell)
		return err
	})
	for i, directory := range d.deps.Directories {
		g.Go(func() (err error) {
			reads[i], err = d.readDirectory(gctx, directory, previous, whole, tell)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, &provisioning.Error{
			Code: provisioning.Unavailable, Message: "the read was broken off", Hint: "press r to read again", Err: err,
		}
	}

	for _, r := range reads {
		snap.People = append(snap.People, r.people...)
		snap.Absent = append(snap.Absent, r.absent...)
		snap.Proofs = append(snap.Proofs, r.proof)
		snap.Cursors[r.proof.Source] = r.cursor
	}
	if err := d.takeInventory(ctx, snap, previous, inventory); err != nil {
		return nil, err
	}
	snap.TakenAt = d.now()
	snap.ID = snap.TakenAt.Format("20060102T150405.000Z")
	if d.deps.Store.ReadOnly() == "" {
		if err := d.deps.Store.SaveSnapshot(ctx, snap, d.event(provisioning.EventSync, snap.ID, proofLine(snap.Proofs))); err != nil {
			return nil, err
		}
	}
	roll, err := d.compareAnew(ctx, snap)
	if err != nil {
		return nil, err
	}
	return roll, d.saveTally(ctx, d.state.Load())
}

// previous is the last snapshot: the one on the roll, or the one that an earlier run kept.
func (d *Desk) previous(ctx context.Context) (*provisioning.Snapshot, error) {
	if st := d.state.Load(); st != nil {
		return st.snap, nil
	}
	return d.deps.Store.LatestSnapshot(ctx)
}

// Load compares the last kept snapshot; the roll is nil where there is none yet.
func (d *Desk) Load(ctx context.Context) (*Roll, error) {
	if err := d.loadDraft(ctx); err != nil {
		return nil, err
	}
	if err := d.loadPolicy(ctx); err != nil {
		return nil, err
	}
	if err := d.loadUses(ctx); err != nil {
		return nil, err
	}
	if _, err := d.loadRemovals(ctx); err != nil {
		return nil, err
	}
	snap, err := d.deps.Store.LatestSnapshot(ctx)
	if err != nil || snap == nil {
		return nil, err
	}
	return d.compareAnew(ctx, snap)
}

type directoryRead struct {
	people []provisioning.Person
	absent []provisioning.Absence
	proof  provisioning.Proof
	cursor string // of the change feed; "": the next read is a whole one
}

// readDirectory reads one directory, by what changed where it can tell that, else whole; proves the read, and settles everybody
// whom the last snapshot knew and this read did not see.
func (d *Desk) readDirectory(ctx context.Context, directory provisioning.Directory, previous *provisioning.Snapshot, whole bool,
	tell func(provisioning.Progress),
) (directoryRead, error) {
	if !whole {
		if r, done, err := d.readChanges(ctx, directory, previous, tell); done || err != nil {
			return r, err
		}
	}
	var r directoryRead
	evidence, err := directory.ReadAll(ctx, func(chunk []provisioning.Person) error {
		r.people = append(r.people, chunk...)
		tell(provisioning.Progress{Source: directory.Name(), What: "people", Seen: len(r.people), Total: -1})
		return nil
	})
	if err != nil {
		return r, err
	}
	lastGood, _, err := d.deps.Store.LastGood(ctx, directory.Name())
	if err != nil {
		return r, err
	}
	canaries := d.deps.Canaries[directory.Name()]
	r.proof = provisioning.Prove(evidence, lastGood, len(canaries), missingCanaries(r.people, canaries))
	if r.proof.Complete {
		r.cursor = evidence.Cursor
	}
	if err := d.settleAbsences(ctx, directory, previous, &r); err != nil {
		return r, err
	}
	tell(provisioning.Progress{
		Source: directory.Name(), What: "people", Seen: len(r.people), Total: len(r.people), Done: true, Err: failure(r.proof),
	})
	return r, nil
}

// settleAbsences looks directly at each person who was known and is not in the list. Gone or ended by the directory's own
// word is proven; anything less is not (DESIGN 3.2).
func (d *Desk) settleAbsences(ctx context.Context, directory provisioning.Directory, previous *provisioning.Snapshot,
	r *directoryRead,
) error {
	known := knownPeople(previous, directory.Name())
	for i := range r.people {
		delete(known, r.people[i].Key)
	}
	if len(known) == 0 {
		return nil
	}
	missing := make([]provisioning.Absence, 0, len(known))
	for _, a := range known {
		missing = append(missing, a)
	}
	slices.SortFunc(missing, func(a, b provisioning.Absence) int {
		return strings.Compare(a.Person.Key.ID, b.Person.Key.ID)
	})
	for _, a := range missing {
		if a.Proven { // an immutable id that was gone once does not come back
			r.absent = append(r.absent, a)
			continue
		}
		if !r.proof.Complete || len(missing) > mostLookups {
			a.Proven, a.How = false, r.proof.Reason
			if r.proof.Complete {
				a.How = fmt.Sprintf("%d people are missing at once, which is never believed", len(missing))
			}
			r.absent = append(r.absent, a)
			continue
		}
		if a.MissedAt.IsZero() {
			a.MissedAt = r.proof.At
		}
		person, found, err := directory.Lookup(ctx, a.Person.Key.ID)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && !found:
			a.Proven, a.How = true, "direct read by id at "+clock(d.now())+": gone"
			r.absent = append(r.absent, a)
		case err == nil:
			r.people = append(r.people, person) // the list missed somebody who is there: their own status counts
		case r.proof.At.Sub(a.MissedAt) >= secondLook:
			a.Proven, a.How = true, "missing from complete reads at "+clock(a.MissedAt)+" and "+clock(r.proof.At)
			r.absent = append(r.absent, a)
		default:
			a.Proven, a.How = false, "not in the list, and the direct read failed: a second complete read after "+
				clock(a.MissedAt.Add(secondLook))+" settles it"
			r.absent = append(r.absent, a)
		}
	}
	return nil
}

// knownPeople is everybody of one directory whom the last snapshot held, as absences to be settled.
func knownPeople(previous *provisioning.Snapshot, directory string) map[provisioning.PersonKey]provisioning.Absence {
	known := make(map[provisioning.PersonKey]provisioning.Absence)
	if previous == nil {
		return known
	}
	for _, p := range previous.People {
		if p.Key.Directory == directory {
			known[p.Key] = provisioning.Absence{Person: p, LastSeen: previous.TakenAt}
		}
	}
	for _, a := range previous.Absent {
		if a.Person.Key.Directory == directory {
			known[a.Person.Key] = a
		}
	}
	return known
}

func missingCanaries(people []provisioning.Person, canaries []string) []string {
	if len(canaries) == 0 {
		return nil
	}
	seen := make(map[string]bool, 3*len(people))
	for i := range people {
		p := &people[i]
		seen[strings.ToLower(p.Login)] = true
		seen[strings.ToLower(p.Email)] = true
		seen[strings.ToLower(p.Key.ID)] = true
	}
	return slices.DeleteFunc(slices.Clone(canaries), func(c string) bool { return seen[strings.ToLower(c)] })
}

func proofLine(proofs []provisioning.Proof) string {
	parts := make([]string, len(proofs))
	for i, p := range proofs {
		word := "complete"
		if !p.Complete {
			word = "NOT PROVEN"
		}
		parts[i] = fmt.Sprintf("%s %s: %s", p.Source, word, p.Reason)
	}
	return strings.Join(parts, "; ")
}

func failure(p provisioning.Proof) string {
	if p.Complete {
		return ""
	}
	return p.Reason
}

// serial makes a progress function safe to call from several goroutines, one at a time.
func serial(progress func(provisioning.Progress)) func(provisioning.Progress) {
	if progress == nil {
		return func(provisioning.Progress) {}
	}
	var mu sync.Mutex
	return func(p provisioning.Progress) {
		mu.Lock()
		defer mu.Unlock()
		progress(p)
	}
}

// clock writes a time of day as the operator reads it.
func clock(t time.Time) string { return t.Local().Format("15:04") }
