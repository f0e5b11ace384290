package desk

import (
	"context"
	"fmt"
	"slices"

	"rollcall/provisioning"
)

// mayRead reports whether the operator may read a batch: a sealed one is for its readers alone.
func (d *Desk) mayRead(b *provisioning.Batch) bool { return b.MayRead(d.deps.Operator.Name) }

// readable gives a batch that the operator may read. Every door that shows a batch or acts on one goes through here.
func (d *Desk) readable(ctx context.Context, id int64) (*provisioning.Batch, error) {
	b, err := d.deps.Store.Batch(ctx, id)
	if err != nil {
		return nil, err
	}
	if !d.mayRead(b) {
		return nil, &provisioning.Error{
			Code: provisioning.Denied, Message: fmt.Sprintf("batch %d is sealed: it is for its readers alone", id), Hint: "ask whoever scheduled it",
		}
	}
	return b, nil
}

// unsealed leaves out of a list what the operator may not read.
func (d *Desk) unsealed(batches []*provisioning.Batch, err error) ([]*provisioning.Batch, error) {
	return slices.DeleteFunc(batches, func(b *provisioning.Batch) bool { return !d.mayRead(b) }), err
}

// records walks the record as the operator may read it: an event of a batch that is sealed to them names nobody.
func (d *Desk) records(ctx context.Context, from int64, visit func(provisioning.Record) error) error {
	sealed, err := d.deps.Store.Sealed(ctx)
	if err != nil {
		return err
	}
	return d.deps.Store.Records(ctx, from, func(r provisioning.Record) error {
		readers := sealed[r.Event.Batch]
		if len(readers) > 0 && !slices.Contains(readers, d.deps.Operator.Name) {
			r.Event.Subject, r.Event.Detail = "", "sealed"
		}
		return visit(r)
	})
}
