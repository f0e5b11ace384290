package desk

import (
	"context"
	"fmt"
	"slices"

	"rollcall/provisioning"
)

// Tick closes a by-hand step that the operator did in Control Center: the account is read, and only what is seen is believed. What
// waited for the step goes on by itself.
func (d *Desk) Tick(ctx context.Context, batch, unit int64, seq int) error {
	if err := d.mayChange(); err != nil {
		return err
	}
	b, err := d.readable(ctx, batch)
	if err != nil {
		return err
	}
	i := unitAt(b, unit)
	if i < 0 || seq < 1 || seq > len(b.Units[i].Ops) {
		return notInDraft()
	}
	op := b.Units[i].Ops[seq-1]
	seen, err := d.deps.DMS.Observe(provisioning.ForPerson(ctx), op.Change)
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
	if err := d.deps.Store.TickByHand(ctx, unit, seq, o, e); err != nil {
		return err
	}
	_, _ = d.loadRemovals(ctx) // where the store cannot be read now, the next round of looks does it
	d.work.Go(func() { d.readTicked(d.ctx, batch, op.Change.Account) })
	return d.goOn(ctx, batch)
}

// goOn runs what a ticked step has set free.
func (d *Desk) goOn(ctx context.Context, id int64) error {
	b, err := d.deps.Store.Batch(ctx, id)
	if err != nil || !slices.ContainsFunc(b.Units, func(u provisioning.Unit) bool { return u.State == provisioning.UnitPending }) {
		return err
	}
	switch b.State {
	case provisioning.BatchOpenHand:
		err := d.deps.Store.MoveBatch(ctx, id, provisioning.BatchCommitted, b.Hash, "", d.batchEvent(provisioning.EventResumed, id, "goes on: a step by hand was done"))
		if err != nil && provisioning.CodeOf(err) != provisioning.Stale { // another tick was quicker
			return err
		}
	case provisioning.BatchCommitted:
	default: // paused or stopped: the resume takes it along
		return nil
	}
	d.start(b)
	return nil
}
