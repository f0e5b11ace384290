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
		Policy: d.deps.Policy, Snapshot: st.snap, Now: now, Operator: d.deps.Operator.Account,
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
func (d *Desk) Review(ctx context.Context) (*BatchView, error) {
	if err := d.mayChange(); err != nil {
		return nil, err
	}
	d.mu.Lock()
	draft := d.draft
	d.mu.Unlock()
	if draft == nil {
		_, err := d.batch(ctx, 0)
		return nil, err
	}
	b := cloneBatch(draft)
	b.Hash = staging.Hash(b)
	b.State = provisioning.BatchReviewed
	if err := d.deps.Store.SaveBatch(ctx, b, d.event(provisioning.EventReviewed, "", "hash "+b.Hash)); err != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		return nil, d.reload(ctx, err)
	}
	d.mu.Lock()
	d.setDraft(b)
	d.mu.Unlock()
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
