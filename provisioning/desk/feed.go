package desk

import (
	"context"
	"errors"
	"sync"
	"time"

	"rollcall/provisioning"
)

// fullEvery is how long a change feed is followed before a whole read, where Deps says nothing: a feed may lose a deletion, and some
// never tell one (contracts/idps.md 2.1, 2.4).
const fullEvery = time.Hour

// readChanges reads what changed in a directory since the last read. done is false where it must be read whole: it has no feed, was
// never proven whole, its mark is no longer good, or the interval is over.
func (d *Desk) readChanges(ctx context.Context, directory provisioning.Directory, previous *provisioning.Snapshot,
	tell func(provisioning.Progress),
) (r directoryRead, done bool, err error) {
	feed, ok := directory.(provisioning.Feed)
	if !ok || previous == nil {
		return r, false, nil
	}
	name := directory.Name()
	base, known := previous.Proof(name)
	every, set := d.deps.FullEvery[name]
	if !set {
		every = fullEvery
	}
	cursor := previous.Cursors[name]
	if cursor == "" || !known || !base.Complete || base.Full.IsZero() || d.now().Sub(base.Full) >= every {
		return r, false, nil
	}
	old := &lastKnown{directory: name, snap: previous}
	var changes []provisioning.PersonChange
	evidence, err := feed.ReadChanges(ctx, cursor, old, func(chunk []provisioning.PersonChange) error {
		changes = append(changes, chunk...)
		tell(provisioning.Progress{Source: name, What: "changes", Seen: len(changes), Total: -1})
		return nil
	})
	var e *provisioning.Error
	switch {
	case errors.As(err, &e) && e.Code == provisioning.Stale:
		return r, false, nil
	case err != nil:
		return r, true, err
	case evidence.Failure != "" || !evidence.EndMarker: // nothing of a broken reading is kept
		changes, evidence.Cursor = nil, cursor
	}
	r.people, r.absent = old.with(changes)
	canaries := d.deps.Canaries[name]
	r.proof = provisioning.ProveChanges(evidence, base, len(r.people), len(canaries), missingCanaries(r.people, canaries))
	r.cursor = evidence.Cursor
	if !r.proof.Complete { // nothing of it counts, removals least of all, and the next read is a whole one
		r.people, r.absent = old.with(nil)
		r.cursor = ""
	}
	tell(provisioning.Progress{Source: name, What: "changes", Seen: len(changes), Total: len(changes), Done: true, Err: failure(r.proof)})
	return r, true, nil
}

// lastKnown is one directory's part of a snapshot; its index is made when it is first asked for.
type lastKnown struct {
	directory string
	snap      *provisioning.Snapshot
	once      sync.Once
	byID      map[string]int
}

// Person gives somebody as last read.
func (k *lastKnown) Person(id string) (provisioning.Person, bool) {
	k.once.Do(func() {
		k.byID = make(map[string]int, len(k.snap.People))
		for i := range k.snap.People {
			if p := &k.snap.People[i]; p.Key.Directory == k.directory {
				k.byID[p.Key.ID] = i
			}
		}
	})
	i, ok := k.byID[id]
	if !ok {
		return provisioning.Person{}, false
	}
	return k.snap.People[i], true
}

// InGroup lists the ids of those who were in a group.
func (k *lastKnown) InGroup(name string) []string {
	var ids []string
	for i := range k.snap.People {
		p := &k.snap.People[i]
		if p.Key.Directory != k.directory {
			continue
		}
		for _, g := range p.Groups {
			if g == name {
				ids = append(ids, p.Key.ID)
				break
			}
		}
	}
	return ids
}

// with gives everybody with the changes put onto them: who is gone by the directory's own word becomes a proven absence.
func (k *lastKnown) with(changes []provisioning.PersonChange) ([]provisioning.Person, []provisioning.Absence) {
	changed := make(map[string]*provisioning.PersonChange, len(changes))
	for i := range changes {
		changed[changes[i].Person.Key.ID] = &changes[i]
	}
	people := make([]provisioning.Person, 0, len(k.snap.People)+len(changes))
	var absent []provisioning.Absence
	for i := range k.snap.People {
		p := &k.snap.People[i]
		if p.Key.Directory != k.directory {
			continue
		}
		c := changed[p.Key.ID]
		switch {
		case c == nil:
			people = append(people, *p)
		case c.Gone:
			absent = append(absent, provisioning.Absence{
				Person: *p, LastSeen: k.snap.TakenAt, Proven: true, How: "the change feed says removed, and a direct read by id says gone",
			})
		default:
			people = append(people, c.Person)
		}
		delete(changed, p.Key.ID)
	}
	for i := range changes { // the new ones, in the feed's order
		if c := changed[changes[i].Person.Key.ID]; c != nil && !c.Gone {
			people = append(people, c.Person)
		}
	}
	for _, a := range k.snap.Absent {
		if a.Person.Key.Directory != k.directory {
			continue
		}
		if c := changed[a.Person.Key.ID]; c == nil || c.Gone { // one who is back is no longer absent
			absent = append(absent, a)
		}
	}
	return people, absent
}
