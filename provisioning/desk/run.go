package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"rollcall/provisioning"
	"rollcall/provisioning/staging"
)

// run is a batch that a dispatcher is at work on in this process.
type run struct {
	cancel context.CancelFunc
	ended  chan struct{}
	again  bool // it was asked to go on once more; guarded by the desk's mu, as over
	over   bool
	hidden bool // sealed to the operator
	err    atomic.Pointer[error]
	steps  atomic.Int64 // counts written steps, so that a follower knows that something moved
}

// Commit sends a batch on its way: the hash must be the one that was on the screen, the number the people who lose access (or
// all of them, where nobody does), and every guard must let it go or be released by the same typed number with a reason. It
// returns when the batch has begun; Follow tells how far it is. A guard that holds is a *provisioning.Error with code Held
// that names every person.
func (d *Desk) Commit(ctx context.Context, c Commit) error {
	b, err := d.ordered(ctx, c, provisioning.BatchReviewed, provisioning.BatchApproved)
	if err != nil {
		return err
	}
	v, released, err := d.confirmed(ctx, b, c)
	if err != nil {
		return err
	}
	if released != "" {
		if err := d.save(ctx, b, d.batchEvent(provisioning.EventReleased, b.ID, released)); err != nil {
			return err
		}
	}
	e := d.event(provisioning.EventCommitted, "", fmt.Sprintf("%d people, %d changes, hash %s", len(b.Units), v.Changes, b.Hash))
	if err := d.deps.Store.LetGo(ctx, b.ID, b.Hash, v.mark, e); err != nil {
		return err
	}
	d.noDraft(b.ID)
	err = d.decideReturners(ctx, b)
	d.start(b)
	return err
}

// ordered gives the batch of an operator's order, where it is in one of these states and the one that was on the screen.
func (d *Desk) ordered(ctx context.Context, c Commit, states ...provisioning.BatchState) (*provisioning.Batch, error) {
	if err := d.mayChange(); err != nil {
		return nil, err
	}
	b, err := d.batch(ctx, c.Batch)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(states, b.State) {
		return nil, &provisioning.Error{
			Code: provisioning.Invalid, Message: fmt.Sprintf("batch %d is %s", b.ID, b.State), Hint: "review it first",
		}
	}
	if c.Hash != b.Hash || staging.Hash(b) != b.Hash {
		return nil, &provisioning.Error{
			Code: provisioning.Stale, Message: "the batch is not the one that was on the screen", Hint: "look at it again, then commit",
		}
	}
	return b, nil
}

// confirmed lets every guard look, and takes the typed number. Where guards hold that may be released, and the number came with a
// reason, the release is put into the batch, for its hash alone, and released says it for the record.
func (d *Desk) confirmed(ctx context.Context, b *provisioning.Batch, c Commit) (v *BatchView, released string, err error) {
	if v, err = d.view(ctx, b); err != nil {
		return nil, "", err
	}
	held, releasable := staging.Holding(v.Verdicts)
	switch {
	case len(held) > 0 && (!releasable || c.Reason == "" || c.People != v.Confirm):
		refusal := heldError(held, releasable, v.Confirm)
		told := refusal.Error()
		if b.Sealed() { // the record names nobody of it
			told = "the batch is held: " + guards(held)
		}
		if err := d.deps.Store.Append(ctx, d.batchEvent(provisioning.EventHeld, b.ID, told)); err != nil {
			return nil, "", err
		}
		return nil, "", refusal
	case c.People != v.Confirm:
		return nil, "", &provisioning.Error{
			Code: provisioning.Held, Message: fmt.Sprintf("%d was typed, the batch says %d", c.People, v.Confirm),
			Hint: "type the number of people who lose access",
		}
	case len(held) > 0:
		b.Release = &provisioning.Release{Hash: b.Hash, By: d.deps.Operator.Name, At: d.now(), People: c.People, Reason: c.Reason}
		released = fmt.Sprintf("%d people released: %s", c.People, c.Reason)
	}
	if err := d.secondPerson(ctx, b, v.Verdicts, released); err != nil {
		return nil, "", err
	}
	return v, released, nil
}

// guards names the guards that hold, with what they counted.
func guards(held []provisioning.Verdict) string {
	parts := make([]string, len(held))
	for i, v := range held {
		parts[i] = v.Guard + ": " + v.Sentence
	}
	return strings.Join(parts, "; ")
}

// noDraft ends the staging of a batch that was let go.
func (d *Desk) noDraft(id int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.draft != nil && d.draft.ID == id {
		d.setDraft(nil)
	}
}

func (d *Desk) batchEvent(kind provisioning.EventKind, batch int64, detail string) provisioning.Event {
	e := d.event(kind, "", detail)
	e.Batch = batch
	return e
}

// start puts the dispatcher to work on a committed batch; where it is at work on it, it goes on once more after that. The desk owns
// the goroutine; Close waits for it.
func (d *Desk) start(b *provisioning.Batch) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r := d.running[b.ID]; r != nil && !r.over {
		r.again = true
		return
	}
	ctx, cancel := context.WithCancel(d.ctx)
	r := &run{cancel: cancel, ended: make(chan struct{}), hidden: !d.mayRead(b)}
	d.running[b.ID] = r
	d.work.Go(func() {
		defer close(r.ended)
		defer cancel()
		for {
			err := d.deps.Dispatcher.Run(ctx, b.ID, func(int64) { r.steps.Add(1) })
			if err != nil && !errors.Is(err, context.Canceled) {
				r.err.Store(&err)
			}
			_ = d.loadUses(ctx) // what the tenant has shown meanwhile: known at the next read at the latest
			d.readTouched(ctx, b.ID)
			_, _ = d.loadRemovals(ctx) // where the store cannot be read now, the next round of looks does it
			d.lookNow()
			if !d.goesOn(ctx, r) {
				return
			}
		}
	})
}

// goesOn reports whether a run was asked to go on once more; where not, it is over.
func (d *Desk) goesOn(ctx context.Context, r *run) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	on := r.again && ctx.Err() == nil
	r.again, r.over = false, !on
	return on
}

// Wait waits until a batch that runs in this process has come to rest.
func (d *Desk) Wait(ctx context.Context, id int64) error {
	d.mu.Lock()
	r := d.running[id]
	d.mu.Unlock()
	if r == nil {
		return nil
	}
	select {
	case <-r.ended:
		if err := r.err.Load(); err != nil {
			return *err
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Follow says how far a batch is; a screen asks for it a few times a second.
func (d *Desk) Follow(ctx context.Context, id int64) (*Running, error) {
	b, err := d.readable(ctx, id)
	if err != nil {
		return nil, err
	}
	v, err := d.view(ctx, b)
	if err != nil {
		return nil, err
	}
	r := &Running{View: v, State: b.State}
	for i := range b.Units {
		for j := range b.Units[i].Ops {
			op := &b.Units[i].Ops[j]
			r.Total++
			if op.State.Settled() {
				r.Done++
			}
			switch op.State {
			case provisioning.OpFailed, provisioning.OpDrifted, provisioning.OpParked:
				r.Failed++
			case provisioning.OpByHand:
				r.Hand++
			default:
			}
		}
	}
	var budget provisioning.RateState
	if shown := d.deps.DMS.Budget(); shown != nil {
		budget = shown.Rate()
	}
	r.Allowed = budget.Allowed
	if pace := tempoOf(d.now(), b, budget); d.active(id) {
		r.Rate, r.Left, r.Until = pace.Rate, pace.Left, pace.Until
	}
	d.mu.Lock()
	running := d.running[id]
	d.mu.Unlock()
	if running != nil {
		select {
		case <-running.ended:
			if err := running.err.Load(); err != nil {
				r.Err = (*err).Error()
			}
		default:
			r.Active = true
		}
	}
	return r, nil
}

// Working returns the id of a batch that runs in this process, for the small sign on every screen; 0 where none does that the
// operator may read.
func (d *Desk) Working() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, r := range d.running {
		if !r.over && !r.hidden {
			return id
		}
	}
	return 0
}

// active reports whether a dispatcher is at work on a batch in this process.
func (d *Desk) active(id int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.running[id]
	return r != nil && !r.over
}

// Pause lets what is in flight finish and starts nothing more.
func (d *Desk) Pause(ctx context.Context, id int64) error {
	return d.move(ctx, id, provisioning.BatchPaused, "paused by "+d.deps.Operator.Name)
}

// Cancel lets what is in flight finish and gives up the rest for good. What is in doubt of a batch that rests is read back first, and
// nothing more is sent.
func (d *Desk) Cancel(ctx context.Context, id int64) error {
	if err := d.move(ctx, id, provisioning.BatchCancelled, "cancelled by "+d.deps.Operator.Name); err != nil {
		return err
	}
	d.withdraw(ctx, id)
	if !d.active(id) {
		if err := d.settleDoubts(ctx, id); err != nil {
			return err
		}
	}
	return d.loadDraft(ctx)
}

// settleDoubts has what is in doubt of a cancelled batch read back.
func (d *Desk) settleDoubts(ctx context.Context, id int64) error {
	if err := d.deps.Store.Recover(ctx, id, d.batchEvent(provisioning.EventResumed, id, "cancelled: what is in doubt is read back")); err != nil {
		return err
	}
	b, err := d.deps.Store.Batch(ctx, id)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(b.Units, func(u provisioning.Unit) bool { return u.State == provisioning.UnitPending }) {
		d.start(b)
	}
	return nil
}

// Resume goes on with a batch that was paused, stopped or interrupted. What was sent and not confirmed is in doubt: it is
// read back before anything is sent again (DESIGN 4).
func (d *Desk) Resume(ctx context.Context, id int64) error {
	if err := d.mayChange(); err != nil {
		return err
	}
	b, err := d.readable(ctx, id)
	if err != nil {
		return err
	}
	if d.active(id) {
		return nil
	}
	if b.State == provisioning.BatchCancelled {
		open := slices.ContainsFunc(b.Units, func(u provisioning.Unit) bool {
			return u.State == provisioning.UnitPending || u.State == provisioning.UnitRunning
		})
		if !open {
			return &provisioning.Error{Code: provisioning.Invalid, Message: fmt.Sprintf("batch %d is cancelled", id), Hint: "stage a new batch"}
		}
		return d.settleDoubts(ctx, id)
	}
	e := d.batchEvent(provisioning.EventResumed, id, "resumed by "+d.deps.Operator.Name)
	if err := d.deps.Store.Recover(ctx, id, e); err != nil {
		return err
	}
	if b.State != provisioning.BatchCommitted {
		if err := d.deps.Store.MoveBatch(ctx, id, provisioning.BatchCommitted, b.Hash, "", e); err != nil {
			return err
		}
	}
	d.start(b)
	return nil
}

// Retry puts what failed, drifted or was parked back to the start of the protocol and goes on. Each op's precondition is read
// anew before anything is sent; what was sent once, and another batch changed since, is not sent again: it is staged anew.
func (d *Desk) Retry(ctx context.Context, id int64) error {
	if err := d.mayChange(); err != nil {
		return err
	}
	b, err := d.readable(ctx, id)
	if err != nil {
		return err
	}
	var units []int64
	for i := range b.Units {
		if s := b.Units[i].State; s == provisioning.UnitFailed || s == provisioning.UnitParked {
			units = append(units, b.Units[i].ID)
		}
	}
	if len(units) == 0 {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "nothing in this batch failed"}
	}
	if err := d.again(ctx, b); err != nil {
		return err
	}
	e := d.batchEvent(provisioning.EventResumed, id, fmt.Sprintf("retry of %d people by %s", len(units), d.deps.Operator.Name))
	if err := d.deps.Store.RetryUnits(ctx, id, units, e); err != nil {
		return err
	}
	d.start(b)
	return nil
}

// Unfinished lists the batches that a start offers to resume.
func (d *Desk) Unfinished(ctx context.Context) ([]*provisioning.Batch, error) {
	return d.unsealed(d.deps.Store.Unfinished(ctx))
}

func (d *Desk) move(ctx context.Context, id int64, to provisioning.BatchState, why string) error {
	if err := d.mayChange(); err != nil {
		return err
	}
	b, err := d.readable(ctx, id)
	if err != nil {
		return err
	}
	return d.deps.Store.MoveBatch(ctx, id, to, b.Hash, why, d.batchEvent(provisioning.EventBatch, id, why))
}
