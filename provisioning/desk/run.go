package desk

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/staging"
)

// run is a batch that a dispatcher is at work on in this process.
type run struct {
	cancel context.CancelFunc
	ended  chan struct{}
	err    atomic.Pointer[error]
	steps  atomic.Int64 // counts written steps, so that a follower knows that something moved
}

// Commit sends a batch on its way: the hash must be the one that was on the screen, the number the people who lose access (or
// all of them, where nobody does), and every guard must let it go or be released by the same typed number with a reason. It
// returns when the batch has begun; Follow tells how far it is. A guard that holds is a *provisioning.Error with code Held
// that names every person.
func (d *Desk) Commit(ctx context.Context, c Commit) error {
	if err := d.mayChange(); err != nil {
		return err
	}
	b, err := d.batch(ctx, c.Batch)
	if err != nil {
		return err
	}
	if b.State != provisioning.BatchReviewed && b.State != provisioning.BatchApproved {
		return &provisioning.Error{
			Code: provisioning.Invalid, Message: fmt.Sprintf("batch %d is %s", b.ID, b.State), Hint: "review it first",
		}
	}
	if c.Hash != b.Hash || staging.Hash(b) != b.Hash {
		return &provisioning.Error{
			Code: provisioning.Stale, Message: "the batch is not the one that was on the screen", Hint: "look at it again, then commit",
		}
	}
	v, err := d.view(ctx, b)
	if err != nil {
		return err
	}
	if err := d.release(ctx, b, v, c); err != nil {
		return err
	}
	if c.People != v.Confirm {
		return &provisioning.Error{
			Code: provisioning.Held, Message: fmt.Sprintf("%d was typed, the batch says %d", c.People, v.Confirm),
			Hint: "type the number of people who lose access",
		}
	}
	e := d.event(provisioning.EventCommitted, "", fmt.Sprintf("%d people, %d changes, hash %s", len(b.Units), v.Changes, b.Hash))
	if err := d.deps.Store.MoveBatch(ctx, b.ID, provisioning.BatchCommitted, b.Hash, "", e); err != nil {
		return err
	}
	d.mu.Lock()
	if d.draft != nil && d.draft.ID == b.ID {
		d.setDraft(nil)
	}
	d.mu.Unlock()
	d.start(b.ID)
	return nil
}

// release lets a held batch go where the operator typed the right number with a reason and every guard that holds may be
// released; the release is recorded with the batch, for its hash alone.
func (d *Desk) release(ctx context.Context, b *provisioning.Batch, v *BatchView, c Commit) error {
	held, releasable := staging.Holding(v.Verdicts)
	if len(held) == 0 {
		return nil
	}
	refusal := heldError(held, releasable, v.Confirm)
	if !releasable || c.Reason == "" || c.People != v.Confirm {
		if err := d.deps.Store.Append(ctx, d.batchEvent(provisioning.EventHeld, b.ID, refusal.Error())); err != nil {
			return err
		}
		return refusal
	}
	b.Release = &provisioning.Release{Hash: b.Hash, By: d.deps.Operator.Name, At: d.now(), People: c.People, Reason: c.Reason}
	return d.deps.Store.SaveBatch(ctx, b, d.batchEvent(provisioning.EventReleased, b.ID,
		fmt.Sprintf("%d people released: %s", c.People, c.Reason)))
}

func (d *Desk) batchEvent(kind provisioning.EventKind, batch int64, detail string) provisioning.Event {
	e := d.event(kind, "", detail)
	e.Batch = batch
	return e
}

// start puts the dispatcher to work on a committed batch, once. The desk owns the goroutine; Close waits for it.
func (d *Desk) start(id int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r := d.running[id]; r != nil {
		select {
		case <-r.ended:
		default:
			return
		}
	}
	ctx, cancel := context.WithCancel(d.ctx)
	r := &run{cancel: cancel, ended: make(chan struct{})}
	d.running[id] = r
	d.work.Go(func() {
		defer close(r.ended)
		defer cancel()
		err := d.deps.Dispatcher.Run(ctx, id, func(int64) { r.steps.Add(1) })
		if err != nil && !errors.Is(err, context.Canceled) {
			r.err.Store(&err)
		}
		d.readTouched(ctx, id)
	})
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

// rateWindow is the span over which the rate of a running batch is told.
const rateWindow = 5 * time.Second

// Follow says how far a batch is; a screen asks for it a few times a second.
func (d *Desk) Follow(ctx context.Context, id int64) (*Running, error) {
	b, err := d.deps.Store.Batch(ctx, id)
	if err != nil {
		return nil, err
	}
	v, err := d.view(ctx, b)
	if err != nil {
		return nil, err
	}
	r := &Running{View: v, State: b.State}
	now := d.now()
	recent := 0
	first := now
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
			case provisioning.OpConfirmed:
				if now.Sub(op.DoneAt) < rateWindow {
					recent++
					if op.DoneAt.Before(first) {
						first = op.DoneAt
					}
				}
			default:
			}
		}
	}
	span := min(rateWindow, now.Sub(b.CommittedAt))
	if recent > 0 && span > 0 {
		r.Rate = float64(recent) / span.Seconds()
		r.Left = time.Duration(float64(r.Total-r.Done) / r.Rate * float64(time.Second))
	}
	if budget := d.deps.DMS.Budget(); budget != nil {
		r.Allowed = budget.Rate().Allowed
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

// Working returns the id of a batch that runs in this process and how far it is in ops, for the small sign on every screen;
// 0 where none does.
func (d *Desk) Working() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, r := range d.running {
		select {
		case <-r.ended:
		default:
			return id
		}
	}
	return 0
}

// Pause lets what is in flight finish and starts nothing more.
func (d *Desk) Pause(ctx context.Context, id int64) error {
	return d.move(ctx, id, provisioning.BatchPaused, "paused by "+d.deps.Operator.Name)
}

// Cancel lets what is in flight finish and gives up the rest for good.
func (d *Desk) Cancel(ctx context.Context, id int64) error {
	if err := d.move(ctx, id, provisioning.BatchCancelled, "cancelled by "+d.deps.Operator.Name); err != nil {
		return err
	}
	return d.loadDraft(ctx)
}

// Resume goes on with a batch that was paused, stopped or interrupted. What was sent and not confirmed is in doubt: it is
// read back before anything is sent again (DESIGN 4).
func (d *Desk) Resume(ctx context.Context, id int64) error {
	if err := d.mayChange(); err != nil {
		return err
	}
	b, err := d.deps.Store.Batch(ctx, id)
	if err != nil {
		return err
	}
	if d.Working() == id {
		return nil
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
	d.start(id)
	return nil
}

// Retry puts what failed, drifted or was parked back to the start of the protocol and goes on. Each op's precondition is read
// anew before anything is sent.
func (d *Desk) Retry(ctx context.Context, id int64) error {
	if err := d.mayChange(); err != nil {
		return err
	}
	b, err := d.deps.Store.Batch(ctx, id)
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
	e := d.batchEvent(provisioning.EventResumed, id, fmt.Sprintf("retry of %d people by %s", len(units), d.deps.Operator.Name))
	if err := d.deps.Store.RetryUnits(ctx, id, units, e); err != nil {
		return err
	}
	if b.State != provisioning.BatchCommitted {
		if err := d.deps.Store.MoveBatch(ctx, id, provisioning.BatchCommitted, b.Hash, "", e); err != nil {
			return err
		}
	}
	d.start(id)
	return nil
}

// Tick closes a by-hand step that the operator did in Control Center: the account is read, and only what is seen is believed.
func (d *Desk) Tick(ctx context.Context, batch, unit int64, seq int) error {
	if err := d.mayChange(); err != nil {
		return err
	}
	b, err := d.deps.Store.Batch(ctx, batch)
	if err != nil {
		return err
	}
	i := unitAt(b, unit)
	if i < 0 || seq < 1 || seq > len(b.Units[i].Ops) {
		return notInDraft()
	}
	op := b.Units[i].Ops[seq-1]
	seen, err := d.deps.DMS.Observe(ctx, op.Change)
	if err != nil {
		return &provisioning.Error{Code: provisioning.Unavailable, Message: "the account could not be read", Hint: "try again", Err: err}
	}
	if seen.Value != op.Change.After {
		return &provisioning.Error{
			Code: provisioning.Invalid, Message: fmt.Sprintf("iManage still says: %s", seen.Value),
			Hint: "do the steps in Control Center, then tick it again",
		}
	}
	e := d.batchEvent(provisioning.EventByHand, batch, fmt.Sprintf("%s %s: read back %s", op.Change.Kind, op.Change.Library, seen.Value))
	e.Unit, e.Op, e.Subject = unit, seq, op.Change.Account
	o := provisioning.Outcome{State: provisioning.OpConfirmed, Evidence: "done by hand, read back: " + seen.Value, At: d.now()}
	return d.deps.Store.TickByHand(ctx, unit, seq, o, e)
}

// Unfinished lists the batches that a start offers to resume.
func (d *Desk) Unfinished(ctx context.Context) ([]*provisioning.Batch, error) {
	return d.deps.Store.Unfinished(ctx)
}

func (d *Desk) move(ctx context.Context, id int64, to provisioning.BatchState, why string) error {
	if err := d.mayChange(); err != nil {
		return err
	}
	b, err := d.deps.Store.Batch(ctx, id)
	if err != nil {
		return err
	}
	return d.deps.Store.MoveBatch(ctx, id, to, b.Hash, why, d.batchEvent(provisioning.EventBatch, id, why))
}

// LiveCheck is what the executor asks at the moment of sending: is the target protected, or the hand that does it? The answer
// is "" to go on, or why not (threats G2, G3).
func (d *Desk) LiveCheck(ctx context.Context, u *provisioning.Unit, c provisioning.Change) string {
	identity := d.identity(ctx)
	if identity == "" {
		return "the account that rollcall signs in with cannot be read, so it cannot be protected"
	}
	return staging.LiveCheck(d.deps.Policy, d.deps.Operator.Account, identity)(u, c)
}
