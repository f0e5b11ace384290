package desk

import (
	"context"
	"fmt"

	"rollcall/provisioning"
	"rollcall/provisioning/staging"
)

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
	hash := staging.Hash(b)
	again := hash == b.Hash && b.State != provisioning.BatchDraft
	if a, _ := d.approval(b); again && (a != nil || d.waits(b)) { // approved just so, or looked at by who is to approve it: nothing changes
		return d.view(ctx, b)
	}
	if !again || b.Needs == "" { // what waits for an approval keeps what was released
		b.Release = nil
	}
	b.Hash, b.State = hash, provisioning.BatchReviewed
	b.Needs = d.needs(b)
	err = d.save(ctx, b, d.event(provisioning.EventReviewed, "", "hash "+b.Hash))
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
	v, err := d.view(ctx, b)
	if err == nil && b.Needs != "" && !v.Held && d.known() == nil { // what is still to be released would void an approval
		if told := d.ask(ctx, b, v.Verdicts); told != "" {
			v.Second.Asked = told
		}
	}
	return v, err
}
