package desk

import (
	"context"
	"fmt"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/staging"
)

// newBatch stages units in a batch that stands for itself, beside the one that is being staged: with its title, the minute at which it
// is to begin (zero: when an operator commits it) in the operator's zone, and its readers where it is sealed. It is a draft: it is
// reviewed and confirmed for itself.
func (d *Desk) newBatch(ctx context.Context, title string, due time.Time, zone string, readers []string, units []provisioning.Unit,
	more ...func(*provisioning.Batch),
) (*provisioning.Batch, error) {
	if err := d.mayChange(); err != nil {
		return nil, err
	}
	b := &provisioning.Batch{
		State: provisioning.BatchDraft, CreatedBy: d.deps.Operator.Name, CreatedAt: d.now(), Title: title, Readers: readers,
	}
	if !due.IsZero() {
		b.Due, b.Zone = due.UTC().Truncate(time.Minute), zone
		if err := d.future(b.Due); err != nil {
			return nil, err
		}
	}
	for _, add := range more {
		add(b)
	}
	changes := 0
	for _, u := range units {
		if err := staging.Put(b, u); err != nil {
			return nil, err
		}
		changes += len(u.Ops)
	}
	if len(b.Units) == 0 {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "there is nobody to stage"}
	}
	if st := d.state.Load(); st != nil {
		b.SnapshotID, b.SnapshotAt = st.snap.ID, st.snap.TakenAt
	}
	what := fmt.Sprintf("staged %d people, %d changes: %s", len(b.Units), changes, title)
	if b.Sealed() {
		what = fmt.Sprintf("staged a sealed batch: %d people, %d changes", len(b.Units), changes)
	}
	if err := d.save(ctx, b, d.event(provisioning.EventStaged, "", what)); err != nil {
		return nil, err
	}
	return b, nil
}
