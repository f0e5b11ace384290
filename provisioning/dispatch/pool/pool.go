// Package pool is the embedded dispatcher: a few goroutines of one process walk the journal's units (contracts/engine.md 3.2). It
// holds no truth: what was done is in the store, and a pass that ends anywhere is taken up by the next one.
package pool

import (
	"context"
	"errors"
	"sync"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/commit"
)

// Deps is what a pool works with.
type Deps struct {
	Store    provisioning.Store
	Executor *commit.Executor
	Workers  int // people at a time; 8 where 0
	// Clock waits for a store that cannot be written, to write in it why the batch stopped. Nil: that is tried once.
	Clock provisioning.Clock
	// Event makes the event of a batch's end.
	Event func(kind provisioning.EventKind, detail string) provisioning.Event
}

// Pool runs the units of a batch.
type Pool struct{ deps Deps }

var _ provisioning.Dispatcher = (*Pool)(nil)

// New makes a pool.
func New(d Deps) *Pool {
	if d.Workers == 0 {
		d.Workers = 8
	}
	return &Pool{deps: d}
}

// Run runs a committed batch's pending units until all are settled or wait for a step by hand, the batch is paused, stopped or
// cancelled, or ctx ends. Units that a ticked step sets free meanwhile are run too. It returns when every worker has ended.
func (p *Pool) Run(ctx context.Context, batch int64, changed func(unit int64)) error {
	run := p.deps.Executor.NewRun(batch, changed)
	taken := make(map[turn]bool)
	for {
		b, err := p.deps.Store.Batch(ctx, batch)
		if err != nil {
			return err
		}
		if b.State == provisioning.BatchCancelled {
			run.GiveUp()
		} else if cleared, failed := run.Clear(ctx, b.Units); failed != nil {
			err = failed
		} else if cleared {
			b, err = p.deps.Store.Batch(ctx, batch)
		}
		if err == nil {
			err = p.walk(ctx, run, b, taken)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		why := run.Stopped()
		if err != nil { // the store failed: stop cleanly, as soon as the store lets us
			why = plainly(err)
		}
		again, end := p.endSurely(ctx, batch, why, taken)
		if err == nil {
			err = end
		}
		if err != nil || !again {
			return err
		}
	}
}

// turn is one turn of a unit: it is offered to a worker once.
type turn struct{ unit, gen int64 }

// walk lets the workers take unit after unit. The first error of the store ends them all.
func (p *Pool) walk(ctx context.Context, run *commit.Run, b *provisioning.Batch, taken map[turn]bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	units := make(chan provisioning.Unit)
	var workers sync.WaitGroup
	for range min(p.deps.Workers, len(b.Units)) {
		workers.Go(func() {
			for u := range units {
				if err := run.Unit(ctx, u); err != nil && provisioning.CodeOf(err) != provisioning.Stale {
					cancel(err)
				}
			}
		})
	}
feed:
	for _, u := range b.Units {
		if u.State != provisioning.UnitPending || taken[turn{u.ID, u.Gen}] {
			continue
		}
		if run.Stopped() != "" {
			break
		}
		select {
		case units <- u:
			taken[turn{u.ID, u.Gen}] = true
		case <-ctx.Done():
			break feed
		}
	}
	close(units)
	workers.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// plainly says a failure of the store for whoever reads why a batch stopped.
func plainly(err error) string {
	var e *provisioning.Error
	if errors.As(err, &e) && e.Code == provisioning.Unavailable {
		return "the record could not be written: " + e.Message
	}
	return err.Error()
}

// endTries is how often the end of a batch is tried to be written, each time after a second more.
const endTries = 5

// endSurely is end, and again where the store cannot be written for a moment. Where it cannot for longer, the batch stays as it is, and is
// offered for resume.
func (p *Pool) endSurely(ctx context.Context, batch int64, why string, taken map[turn]bool) (again bool, err error) {
	for try := 1; ; try++ {
		again, err = p.end(ctx, batch, why, taken)
		if provisioning.CodeOf(err) != provisioning.Unavailable || try == endTries || p.deps.Clock == nil {
			return again, err
		}
		if p.deps.Clock.Sleep(ctx, time.Duration(try)*time.Second) != nil {
			return again, err
		}
	}
}

// end closes a batch that came to its own end, or stops it with the reason. again says that a unit was set free meanwhile.
func (p *Pool) end(ctx context.Context, batch int64, why string, taken map[turn]bool) (again bool, err error) {
	b, err := p.deps.Store.Batch(ctx, batch)
	if err != nil || b.State != provisioning.BatchCommitted {
		return false, err
	}
	to := provisioning.BatchDone
	for i := range b.Units {
		u := &b.Units[i]
		switch u.State {
		case provisioning.UnitPending, provisioning.UnitRunning:
			if why == "" && u.State == provisioning.UnitPending && !taken[turn{u.ID, u.Gen}] {
				return true, nil
			}
			if why == "" {
				why = "not every unit could be taken: resume it"
			}
		default:
			for _, op := range u.Ops {
				if op.State == provisioning.OpByHand {
					to = provisioning.BatchOpenHand
				}
			}
		}
	}
	if why != "" {
		to = provisioning.BatchStopped
	}
	err = p.deps.Store.MoveBatch(ctx, batch, to, b.Hash, why, p.deps.Event(provisioning.EventBatch, string(to)+" "+why))
	if why == "" && provisioning.CodeOf(err) == provisioning.Stale { // a step was ticked, or an operator was quicker: look again
		return true, nil
	}
	return false, err
}
