package desk

import (
	"context"
	"fmt"
	"slices"

	"rollcall/provisioning"
	"rollcall/provisioning/staging"
)

// newestBatches bounds the look for a draft.
const newestBatches = 60

// loadDraft finds the batch that was being staged when the program last ended. One that a wizard made for itself is not that.
func (d *Desk) loadDraft(ctx context.Context) error {
	batches, err := d.deps.Store.Batches(ctx, newestBatches)
	if err != nil {
		return err
	}
	for _, b := range batches {
		switch b.State {
		case provisioning.BatchCommitted, provisioning.BatchPaused, provisioning.BatchStopped: // what it made before it was broken off
			d.anchorCreated(ctx, b)
		default:
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.setDraft(nil)
	for _, b := range batches {
		if staged(b) && !own(b) {
			d.setDraft(b)
			return nil
		}
	}
	return nil
}

// staged reports whether a batch is still being staged.
func staged(b *provisioning.Batch) bool {
	return b.State == provisioning.BatchDraft || b.State == provisioning.BatchReviewed || b.State == provisioning.BatchApproved
}

// own reports whether a batch stands for itself: it has a title, a minute or readers of its own.
func own(b *provisioning.Batch) bool { return b.Title != "" || !b.Due.IsZero() || b.Sealed() }

// setDraft makes b the draft and shows its rows' keys to StagedKeys. The caller holds mu.
func (d *Desk) setDraft(b *provisioning.Batch) {
	d.draft = b
	keys := make(map[string]bool)
	if b != nil {
		for i := range b.Units {
			keys[unitKey(&b.Units[i])] = true
		}
	}
	d.staged.Store(&keys)
}

// Draft returns the id of the batch that is being staged, 0 where there is none.
func (d *Desk) Draft() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.draft == nil {
		return 0
	}
	return d.draft.ID
}

// StagedKeys says which rows of the roll are in the draft, by key. It never waits; do not change the map.
func (d *Desk) StagedKeys() map[string]bool {
	if keys := d.staged.Load(); keys != nil {
		return *keys
	}
	return nil
}

// unitKey is the key of the roll's row that a unit was staged from.
func unitKey(u *provisioning.Unit) string {
	if !u.Person.IsZero() {
		return personRowKey(u.Person)
	}
	return accountRowKey(u.Account)
}

func personRowKey(k provisioning.PersonKey) string { return "p/" + k.String() }
func accountRowKey(id string) string               { return "a/" + id }

// Stage stages the mend of rows, by their keys. What cannot be staged is named with its reason in Staged.Left; it is an error
// only where nothing at all could be done for a reason that concerns all rows.
func (d *Desk) Stage(ctx context.Context, keys []string) (Staged, error) {
	roll, st := d.Roll(), d.state.Load()
	if roll == nil || st == nil {
		return Staged{}, &provisioning.Error{Code: provisioning.Invalid, Message: "nothing has been read yet", Hint: "press r to read"}
	}
	var units []provisioning.Unit
	var left, kept []Left
	for _, key := range keys {
		i := roll.Find(key)
		if i < 0 {
			left = append(left, Left{Key: key, Name: key, Why: "no longer on the roll"})
			continue
		}
		row := &roll.Rows[i]
		mend := d.mend(st, row)
		if mend.Hold != "" || len(mend.Changes) == 0 {
			why := mend.Hold
			if why == "" {
				why = "nothing to mend"
			}
			left = append(left, Left{Key: key, Name: rowName(row), Why: why})
			continue
		}
		for _, note := range mend.Notes {
			kept = append(kept, Left{Key: key, Name: rowName(row), Why: note.Text})
		}
		units = append(units, unitOf(row, mend.Kind, mend.Changes))
	}
	put, err := d.put(ctx, units)
	put.Left, put.Kept = left, kept
	return put, err
}

func unitOf(row *Row, kind provisioning.Kind, changes []provisioning.Change) provisioning.Unit {
	var person provisioning.PersonKey
	office := ""
	if row.Person != nil {
		person, office = row.Person.Key, row.Person.Office
	}
	return staging.NewUnit(person, changes[0].Account, rowName(row), office, kind, changes)
}

// put adds units to the draft and saves it.
func (d *Desk) put(ctx context.Context, units []provisioning.Unit) (Staged, error) {
	if len(units) == 0 {
		return Staged{Batch: d.Draft()}, nil
	}
	var s Staged
	err := d.edit(ctx, true, func(b *provisioning.Batch) (string, error) {
		for _, u := range units {
			if err := staging.Put(b, u); err != nil {
				return "", err
			}
			s.People++
			s.Changes += len(u.Ops)
		}
		return fmt.Sprintf("staged %d people, %d changes", s.People, s.Changes), nil
	})
	s.Batch = d.Draft()
	return s, err
}

// Unstage takes rows out of the draft, by their keys.
func (d *Desk) Unstage(ctx context.Context, keys []string) error {
	return d.edit(ctx, false, func(b *provisioning.Batch) (string, error) {
		n := len(b.Units)
		for i := len(b.Units) - 1; i >= 0; i-- {
			if slices.Contains(keys, unitKey(&b.Units[i])) {
				if err := staging.Drop(b, i); err != nil {
					return "", err
				}
			}
		}
		return fmt.Sprintf("dropped %d people", n-len(b.Units)), nil
	})
}

// DropUnit takes a person out of the batch that they are staged in, by the unit's id.
func (d *Desk) DropUnit(ctx context.Context, unit int64) error {
	return d.editUnit(ctx, unit, func(b *provisioning.Batch, i int) (string, error) {
		name := b.Units[i].Name
		return "dropped " + name, staging.Drop(b, i)
	})
}

// DropOp takes one change out of a staged batch, and what rests on it.
func (d *Desk) DropOp(ctx context.Context, unit int64, seq int) error {
	return d.editUnit(ctx, unit, func(b *provisioning.Batch, i int) (string, error) {
		name := b.Units[i].Name
		went, err := staging.DropOp(b, i, seq)
		return fmt.Sprintf("dropped %d changes of %s", went, name), err
	})
}

// EditOp gives a change of a staged batch another wish.
func (d *Desk) EditOp(ctx context.Context, unit int64, seq int, after string) error {
	return d.editUnit(ctx, unit, func(b *provisioning.Batch, i int) (string, error) {
		return "edited a change of " + b.Units[i].Name, staging.Edit(b, i, seq, after)
	})
}

// Editable reports whether EditOp can give a change another wish.
func Editable(c provisioning.Change) bool { return staging.Editable(c) }

func unitAt(b *provisioning.Batch, unit int64) int {
	return slices.IndexFunc(b.Units, func(u provisioning.Unit) bool { return u.ID == unit })
}

func notInDraft() error {
	return &provisioning.Error{Code: provisioning.NotFound, Message: "that person is no longer in the batch"}
}

// edit changes the draft and saves it with its event, under the optimistic lock. A draft that loses its last person is
// cancelled. make says whether to begin a draft where there is none.
func (d *Desk) edit(ctx context.Context, begin bool, change func(*provisioning.Batch) (string, error)) error {
	if err := d.mayChange(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var b *provisioning.Batch
	switch {
	case d.draft != nil:
		b = cloneBatch(d.draft)
	case begin && d.state.Load() != nil:
		b = &provisioning.Batch{State: provisioning.BatchDraft, CreatedBy: d.deps.Operator.Name, CreatedAt: d.now()}
	default:
		return notInDraft()
	}
	what, err := change(b)
	if err != nil {
		return err
	}
	if err := d.saveEdited(ctx, b, what); err != nil {
		return d.reload(ctx, err)
	}
	if len(b.Units) == 0 {
		b = nil
	}
	d.setDraft(b)
	return nil
}

// editUnit changes a staged batch, the draft or one that stands for itself, by a unit of it.
func (d *Desk) editUnit(ctx context.Context, unit int64, change func(b *provisioning.Batch, i int) (string, error)) error {
	d.mu.Lock()
	inDraft := d.draft != nil && unitAt(d.draft, unit) >= 0
	d.mu.Unlock()
	if inDraft {
		return d.edit(ctx, false, func(b *provisioning.Batch) (string, error) {
			i := unitAt(b, unit)
			if i < 0 {
				return "", notInDraft()
			}
			return change(b, i)
		})
	}
	if err := d.mayChange(); err != nil {
		return err
	}
	batches, err := d.Batches(ctx, newestBatches)
	if err != nil {
		return err
	}
	for _, b := range batches {
		i := unitAt(b, unit)
		if i < 0 || !staged(b) {
			continue
		}
		what, err := change(b, i)
		if err != nil {
			return err
		}
		return d.saveEdited(ctx, b, what)
	}
	return notInDraft()
}

// saveEdited saves an edited batch with its event, and cancels one that lost its last person. The record names nobody of a sealed one.
func (d *Desk) saveEdited(ctx context.Context, b *provisioning.Batch, what string) error {
	if b.Sealed() {
		what = "edited a sealed batch"
	}
	if len(b.Units) == 0 {
		if b.Needs != "" && d.deps.Exchange != nil {
			_ = d.deps.Exchange.Clear(ctx, b.ID) // nobody is to answer it any more
		}
		return d.deps.Store.MoveBatch(ctx, b.ID, provisioning.BatchCancelled, "", "", d.event(provisioning.EventStaged, "", what+"; the batch is empty"))
	}
	if st := d.state.Load(); st != nil {
		b.SnapshotID, b.SnapshotAt = st.snap.ID, st.snap.TakenAt
	}
	return d.save(ctx, b, d.event(provisioning.EventStaged, "", what))
}

// reload takes the stored draft where somebody else edited it, so that the next try sees it.
func (d *Desk) reload(ctx context.Context, cause error) error {
	if provisioning.CodeOf(cause) == provisioning.Stale && d.draft != nil {
		if b, err := d.deps.Store.Batch(ctx, d.draft.ID); err == nil {
			if !staged(b) {
				b = nil
			}
			d.setDraft(b)
		}
	}
	return cause
}

func cloneBatch(b *provisioning.Batch) *provisioning.Batch {
	c := *b
	c.Units = slices.Clone(b.Units)
	for i := range c.Units {
		c.Units[i].Ops = slices.Clone(c.Units[i].Ops)
	}
	if b.Release != nil {
		release := *b.Release
		c.Release = &release
	}
	c.Singly = slices.Clone(b.Singly)
	return &c
}

// View shows a batch with its changes in plain words and the guards' verdicts; 0 asks for the draft.
func (d *Desk) View(ctx context.Context, id int64) (*BatchView, error) {
	b, err := d.batch(ctx, id)
	if err != nil {
		return nil, err
	}
	return d.view(ctx, b)
}

func (d *Desk) batch(ctx context.Context, id int64) (*provisioning.Batch, error) {
	if id == 0 {
		if id = d.Draft(); id == 0 {
			return nil, &provisioning.Error{
				Code: provisioning.NotFound, Message: "nothing is staged", Hint: "put the cursor on a row with a mismatch and press s",
			}
		}
	}
	return d.readable(ctx, id)
}

// Batches lists the newest batches, but for sealed ones that the operator may not read.
func (d *Desk) Batches(ctx context.Context, limit int) ([]*provisioning.Batch, error) {
	return d.unsealed(d.deps.Store.Batches(ctx, limit))
}

func (d *Desk) view(ctx context.Context, b *provisioning.Batch) (*BatchView, error) {
	v := &BatchView{Batch: b, Lines: make(map[int64][]Line, len(b.Units))}
	st := d.state.Load()
	for i := range b.Units {
		u := &b.Units[i]
		v.Lines[u.ID] = d.lines(st, u)
		v.Changes += len(u.Ops)
		if u.EndsAccess() {
			v.Lose++
		}
		gains := false
		for j := range u.Ops {
			switch u.Ops[j].Change.Kind {
			case provisioning.DisableAccount:
				v.Seats--
			case provisioning.EnableAccount, provisioning.CreateAccount:
				v.Seats++
				gains = true
			case provisioning.AssignLibrary, provisioning.JoinGroup, provisioning.SetLibraryRole, provisioning.GiveGlobalRole:
				gains = true
			default:
			}
		}
		if gains {
			v.Gain++
		}
		for _, l := range v.Lines[u.ID] {
			v.Money += l.Money
		}
	}
	v.Currency = d.policy().Licences.Currency
	v.Second, v.SeenOff = d.second(b), d.seenOff(b)
	v.Confirm = v.Lose
	if v.Confirm == 0 {
		v.Confirm = len(b.Units)
	}
	if !begun(b.State) && st != nil {
		verdicts, mark, err := d.judge(ctx, b)
		if err != nil {
			return nil, err
		}
		v.Verdicts, v.mark = verdicts, mark
		d.released(b, v)
		held, _ := staging.Holding(verdicts)
		v.Held = len(held) > 0
	}
	return v, nil
}

// begun reports whether a batch was let go: one that waits for its minute was not yet.
func begun(s provisioning.BatchState) bool {
	switch s {
	case provisioning.BatchDraft, provisioning.BatchReviewed, provisioning.BatchApproved, provisioning.BatchScheduled, provisioning.BatchMissed:
		return false
	default:
		return true
	}
}
