package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/staging"
)

// judge lets the guards look at a batch with the facts of this moment.
func (d *Desk) judge(ctx context.Context, b *provisioning.Batch) ([]provisioning.Verdict, error) {
	st := d.state.Load()
	if st == nil {
		return nil, &provisioning.Error{Code: provisioning.Held, Message: "nothing has been read yet", Hint: "read first, then review"}
	}
	now := d.now()
	day, err := d.deps.Store.EndedAccess(ctx, now.Add(-24*time.Hour))
	if err != nil {
		return nil, err
	}
	week, err := d.deps.Store.EndedAccess(ctx, now.Add(-7*24*time.Hour))
	if err != nil {
		return nil, err
	}
	return staging.Judge(b, staging.Facts{
		Policy: d.policy(), Snapshot: st.snap, Now: now, Operator: d.deps.Operator.Account,
		Identity: d.identity(ctx), Day: day, Week: week,
	}), nil
}

// identity is the account that rollcall signs in with; "" while the document system cannot be asked.
func (d *Desk) identity(ctx context.Context) string {
	d.mu.Lock()
	self := d.self
	d.mu.Unlock()
	if self != "" {
		return self
	}
	self, err := d.deps.DMS.Identity(ctx)
	if err != nil {
		return ""
	}
	d.mu.Lock()
	d.self = self
	d.mu.Unlock()
	return self
}

// Review freezes the draft under its hash and gives the view that the operator is to confirm (DESIGN 3.6).
func (d *Desk) Review(ctx context.Context) (*BatchView, error) { return d.ReviewBatch(ctx, 0) }

// ReviewBatch is Review for any batch that is being staged, or that missed its minute and is looked at again; 0 is the draft. The roll
// is the one of now, whatever the batch was staged on.
func (d *Desk) ReviewBatch(ctx context.Context, id int64) (*BatchView, error) {
	if err := d.mayChange(); err != nil {
		return nil, err
	}
	b, err := d.batch(ctx, id)
	if err != nil {
		return nil, err
	}
	if d.missed(b) {
		if b, err = d.takeBack(ctx, b); err != nil {
			return nil, err
		}
	}
	if !staged(b) {
		hint := "stage a new batch"
		if b.State == provisioning.BatchScheduled {
			hint = "take it out of the calendar first"
		}
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: fmt.Sprintf("batch %d is %s", b.ID, b.State), Hint: hint}
	}
	b.Hash = staging.Hash(b)
	b.State, b.Release = provisioning.BatchReviewed, nil
	err = d.deps.Store.SaveBatch(ctx, b, d.event(provisioning.EventReviewed, "", "hash "+b.Hash))
	d.mu.Lock()
	if err != nil {
		err = d.reload(ctx, err)
	} else if d.draft != nil && d.draft.ID == b.ID {
		d.setDraft(b)
	}
	d.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return d.view(ctx, b)
}

// heldError is what a held batch says: every guard that holds, and every name (DESIGN 5).
func heldError(held []provisioning.Verdict, releasable bool, confirm int) error {
	var parts []error
	for _, v := range held {
		sentence := v.Sentence
		for _, p := range v.People {
			sentence += "\n    " + p
		}
		parts = append(parts, errors.New(sentence))
	}
	hint := "drop the people named, or read again, then review"
	if releasable {
		hint = fmt.Sprintf("drop people, or release it whole: give a reason and type the number of people, %d", confirm)
	}
	return &provisioning.Error{Code: provisioning.Held, Message: "the batch is held", Hint: hint, Err: errors.Join(parts...)}
}
