// Package commit is the one executor of the commit protocol (DESIGN 4, contracts/engine.md 3.1): for each change the precondition
// is read, the intent made durable, the request sent once, and what is in doubt read back before anything is decided. Nothing is
// lost, nothing is repeated, and nothing is sent that is not in the record. It knows no policy and no screen, and it does not
// say who runs which unit.
package commit

import (
	"context"
	"fmt"
	"sync"
	"time"

	"rollcall/provisioning"
)

// Deps is what an executor works with.
type Deps struct {
	Store   provisioning.Store
	DMS     provisioning.DMS
	Clock   provisioning.Clock
	Actor   string
	Session string
	Owner   string // of the units that it takes; unique to this process
	Tenant  string // for what was confirmed on it before
	// Settle is how long after a request was given up it may still take effect: its deadline and the server's longest
	// processing (DESIGN 4.4).
	Settle time.Duration
	// Operation says which call a change becomes, and how that is first used. Nil: the document system's own answer.
	Operation func(provisioning.Change) provisioning.Operation
	// Recheck is asked at the moment of sending, against the live target: "" to go on, or why not (threats G2, G3).
	Recheck func(ctx context.Context, u *provisioning.Unit, c provisioning.Change) string
	// Step is told each named step of the protocol, for fault tests. Nil: nobody listens.
	Step func(name string)
}

// Executor runs units. It is safe for concurrent use.
type Executor struct {
	deps Deps

	mu    sync.Mutex                  // guards what follows
	gates map[string]chan struct{}    // by operation
	uses  map[string]provisioning.Use // what the tenant has shown, by operation; nil: to be read again
}

// The steps of the protocol, as Deps.Step is told them.
const (
	StepTaken     = "unit taken"
	StepObserved  = "precondition read"
	StepIntent    = "intent written"
	StepSent      = "answer came"
	StepReadBack  = "read back"
	StepConfirmed = "confirmed"
	StepFinished  = "unit finished"
)

// Steps lists them in order.
func Steps() []string {
	return []string{StepTaken, StepObserved, StepIntent, StepSent, StepReadBack, StepConfirmed, StepFinished}
}

// New makes an executor.
func New(d Deps) *Executor {
	if d.Step == nil {
		d.Step = func(string) {}
	}
	if d.Operation == nil {
		d.Operation = d.DMS.Operation
	}
	return &Executor{deps: d, gates: make(map[string]chan struct{})}
}

// Run is one pass over a committed batch: it carries the stop rules over all its units.
type Run struct {
	x       *Executor
	batch   int64
	begun   time.Time
	changed func(unit int64)

	mu      sync.Mutex
	stop    string
	like    map[provisioning.ChangeKind]streak
	failed  int
	settled int
	over    bool // what is in doubt is read back, and nothing is sent
}

// NewRun begins a pass, which looks anew at what the tenant has shown of its operations. changed is told each written step, and must
// not block.
func (x *Executor) NewRun(batch int64, changed func(unit int64)) *Run {
	if changed == nil {
		changed = func(int64) {}
	}
	x.mu.Lock()
	x.uses = nil
	x.mu.Unlock()
	return &Run{x: x, batch: batch, begun: x.deps.Clock.Now(), changed: changed, like: make(map[provisioning.ChangeKind]streak)}
}

// GiveUp has the run send nothing: of a cancelled batch what is in doubt is read back, and the rest given up.
func (r *Run) GiveUp() { r.sendNothing(true) }

func (r *Run) sendNothing(yes bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = yes
}

// Clear reads back what an earlier run left in doubt of an operation whose first one goes alone, before this one sends anything: until
// then nobody knows whether there was a first one (DESIGN 4, canary). It sends nothing. cleared says that it found any: the batch is to
// be read again.
func (r *Run) Clear(ctx context.Context, units []provisioning.Unit) (cleared bool, err error) {
	for i := range units {
		doubt, err := r.firstInDoubt(ctx, &units[i])
		if err != nil {
			return cleared, err
		}
		if !doubt || r.Stopped() != "" {
			continue
		}
		cleared = true
		r.sendNothing(true)
		err = r.Unit(ctx, units[i])
		r.sendNothing(false)
		if err != nil && provisioning.CodeOf(err) != provisioning.Stale {
			return cleared, err
		}
	}
	return cleared, nil
}

func (r *Run) firstInDoubt(ctx context.Context, u *provisioning.Unit) (bool, error) {
	if u.State != provisioning.UnitPending {
		return false, nil
	}
	for i := range u.Ops {
		if u.Ops[i].State != provisioning.OpSent {
			continue
		}
		if _, alone, err := r.x.maySend(ctx, r.x.deps.Operation(u.Ops[i].Change)); err != nil || alone {
			return alone, err
		}
	}
	return false, nil
}

func (r *Run) givesUp() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.over
}

// Stopped says why the batch must stop; "" while it may go on.
func (r *Run) Stopped() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stop
}

func (r *Run) stopFor(why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop == "" {
		r.stop = why
	}
}

// The stop rules (DESIGN 4): so many like failures in a row, or this share of at least so many ops.
const (
	likeFailures = 3
	failedShare  = 0.05
	failedOf     = 60
)

// streak is how often changes of one kind failed with the same words, one after the other.
type streak struct {
	why string
	n   int
}

// tally counts a settled op towards the stop rules. People run side by side, so "in a row" is told for each kind of change: one that
// succeeds between them ends the row. What is done by hand is neither a failure nor a success.
func (r *Run) tally(kind provisioning.ChangeKind, state provisioning.OpState, why string) {
	if state == provisioning.OpByHand {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settled++
	if state == provisioning.OpConfirmed {
		delete(r.like, kind)
	}
	if state != provisioning.OpFailed {
		return
	}
	r.failed++
	row := r.like[kind]
	if row.why != why {
		row = streak{why: why}
	}
	row.n++
	r.like[kind] = row
	switch {
	case r.stop != "":
	case row.n >= likeFailures:
		r.stop = fmt.Sprintf("%d changes in a row failed alike (%s): %s", row.n, kind, why)
	case r.settled >= failedOf && float64(r.failed) >= failedShare*float64(r.settled):
		r.stop = fmt.Sprintf("%d of %d changes failed", r.failed, r.settled)
	}
}

func (x *Executor) event(kind provisioning.EventKind, batch, unit int64, subject, detail string) provisioning.Event {
	return provisioning.Event{
		At: x.deps.Clock.Now(), Actor: x.deps.Actor, Session: x.deps.Session, Kind: kind, Batch: batch, Unit: unit, Subject: subject, Detail: detail,
	}
}

// Unit takes one unit and does its changes in order. An error is one of the store or of ctx: then the journal stands as it is,
// and the unit is taken up again by a resume. Everything else is told in the journal.
func (r *Run) Unit(ctx context.Context, u provisioning.Unit) error {
	x := r.x
	taken, err := x.deps.Store.TakeUnit(ctx, u.ID, u.Gen, x.deps.Owner)
	if err != nil || !taken {
		return err
	}
	x.deps.Step(StepTaken)
	r.changed(u.ID)
	held := 0
	for i := range u.Ops {
		op := &u.Ops[i]
		ref := provisioning.OpRef{Batch: r.batch, Unit: u.ID, Seq: op.Seq, Owner: x.deps.Owner, Gen: u.Gen}
		switch {
		case r.givesUp() && op.State != provisioning.OpSent:
			continue // given up at the end, as all that is not in doubt
		case op.State.Held():
			held = op.Seq
		case op.State.Settled():
		case held > 0:
			err = r.settle(ctx, ref, op, provisioning.OpParked, "", fmt.Sprintf("waits for change %d", held))
		case u.WaitsFor(i) > 0: // it stays as it is until the step by hand that it rests on is ticked
			continue
		case r.Stopped() != "" && op.State == provisioning.OpPending:
			return r.giveUp(ctx, &u)
		default:
			err = r.op(ctx, &u, ref, op)
		}
		if provisioning.CodeOf(err) == provisioning.Held {
			return r.giveUp(ctx, &u)
		}
		if err != nil {
			return err
		}
		if op.State.Held() {
			held = op.Seq
		}
		r.changed(u.ID)
	}
	if r.givesUp() {
		return r.giveUp(ctx, &u)
	}
	to := outcome(&u)
	if err := x.deps.Store.FinishUnit(context.WithoutCancel(ctx), u.ID, u.Gen, x.deps.Owner, to,
		x.event(provisioning.EventUnit, r.batch, u.ID, u.Account, string(to))); err != nil {
		return err
	}
	x.deps.Step(StepFinished)
	r.changed(u.ID)
	return nil
}

// outcome is the state of a unit whose ops are all settled.
func outcome(u *provisioning.Unit) provisioning.UnitState {
	to := provisioning.UnitDone
	for i := range u.Ops {
		switch u.Ops[i].State {
		case provisioning.OpFailed:
			return provisioning.UnitFailed
		case provisioning.OpDrifted, provisioning.OpParked:
			to = provisioning.UnitParked
		case provisioning.OpByHand:
			if to == provisioning.UnitDone {
				to = provisioning.UnitByHand
			}
		default:
		}
	}
	return to
}

// giveUp leaves a unit of a batch that is paused, stopped or cancelled: what was not sent waits, or is cancelled for good.
func (r *Run) giveUp(ctx context.Context, u *provisioning.Unit) error {
	ctx = context.WithoutCancel(ctx)
	x := r.x
	b, err := x.deps.Store.Batch(ctx, r.batch)
	if err != nil {
		return err
	}
	to := provisioning.UnitPending
	if b.State == provisioning.BatchCancelled {
		to = provisioning.UnitCancelled
		for i := range u.Ops {
			op := &u.Ops[i]
			state, why := provisioning.OpCancelled, "cancelled by the operator"
			switch op.State {
			case provisioning.OpPending, provisioning.OpByHand:
			case provisioning.OpSent:
				state, why = provisioning.OpParked, "in doubt when the batch was cancelled: look at the account"
			default:
				continue
			}
			ref := provisioning.OpRef{Batch: r.batch, Unit: u.ID, Seq: op.Seq, Owner: x.deps.Owner, Gen: u.Gen}
			if err := r.settle(ctx, ref, op, state, "", why); err != nil {
				return err
			}
		}
	}
	err = x.deps.Store.FinishUnit(ctx, u.ID, u.Gen, x.deps.Owner, to, x.event(provisioning.EventUnit, r.batch, u.ID, u.Account, "given up: "+string(b.State)))
	r.changed(u.ID)
	return err
}

// settle writes what became of an op, with its event, and remembers it.
func (r *Run) settle(ctx context.Context, ref provisioning.OpRef, op *provisioning.Op, to provisioning.OpState, evidence, why string) error {
	x := r.x
	detail := fmt.Sprintf("%s %s: %s", describe(op.Change), to, evidence)
	if why != "" {
		detail = fmt.Sprintf("%s %s: %s", describe(op.Change), to, why)
	}
	now := x.deps.Clock.Now()
	err := x.deps.Store.MarkOp(ctx, ref, provisioning.Outcome{State: to, Evidence: evidence, Error: why, At: now},
		x.event(provisioning.EventOutcome, ref.Batch, ref.Unit, op.Change.Account, detail))
	if err != nil {
		return err
	}
	op.State, op.Evidence, op.Error = to, evidence, why
	if to.Settled() {
		op.DoneAt = now
		r.tally(op.Change.Kind, to, why)
	}
	return nil
}

// describe names a change in the record.
func describe(c provisioning.Change) string {
	s := string(c.Kind) + " " + c.Account
	if c.Library != "" {
		s += " in " + c.Library
	}
	if c.Object != "" {
		s += " " + c.Object
	}
	if c.Profile == nil {
		s += fmt.Sprintf(" (%s → %s)", c.Before, c.After)
	}
	return s
}
