package commit_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rollcall/provisioning"
)

// journal is a store in memory that outlives the processes of a world. It holds the rules that the real one holds, for itself: the
// transitions, the fencing, and that nothing is sent of a batch which does not go on. TestJournalIsTheStore holds the two together.
type journal struct {
	provisioning.Store // nothing else of it is asked
	w                  *world
	b                  provisioning.Batch
	uses               map[string]provisioning.Use
}

func newJournal(w *world, units [][]provisioning.Change) *journal {
	j := &journal{w: w, uses: make(map[string]provisioning.Use)}
	j.b = provisioning.Batch{ID: 1, State: provisioning.BatchCommitted, Hash: "h"}
	for i, changes := range units {
		u := provisioning.Unit{ID: int64(i + 1), Batch: 1, Account: changes[0].Account, State: provisioning.UnitPending}
		for k, c := range changes {
			u.Ops = append(u.Ops, provisioning.Op{Unit: u.ID, Seq: k + 1, Change: c, State: provisioning.OpPending})
		}
		j.b.Units = append(j.b.Units, u)
	}
	return j
}

func refusedAs(code provisioning.Code, format string, args ...any) error {
	return &provisioning.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// write is one unit of work: it may fail with nothing written, or with everything.
func (j *journal) write(ctx context.Context, what string, work func() error) error {
	w := j.w
	if ctx.Err() != nil {
		return &provisioning.Error{Code: provisioning.Unavailable, Message: "the store cannot be written", Err: ctx.Err()}
	}
	fail := &provisioning.Error{Code: provisioning.Unavailable, Message: "the disk is full"}
	if w.full {
		return fail
	}
	f := w.fork(&w.left.faults, notWritten, notTold, diskFull)
	switch f {
	case notWritten:
		return fail
	case diskFull:
		w.full = true
		return fail
	default:
	}
	err := work()
	if err == nil {
		w.note("%s", what)
	}
	if err == nil && f == notTold {
		return fail
	}
	return err
}

func (j *journal) took(what provisioning.Subject, from, to string, may bool) {
	if !may {
		j.w.violated("%s: %s → %s is not in the table", what, from, to)
	}
	j.w.taken[provisioning.Transition{What: what, From: from, To: to}] = true
}

func (j *journal) setBatch(to provisioning.BatchState) {
	j.took(provisioning.OfBatch, string(j.b.State), string(to), provisioning.BatchMay(j.b.State, to))
	j.b.State = to
}

func (j *journal) setUnit(u *provisioning.Unit, to provisioning.UnitState) {
	j.took(provisioning.OfUnit, string(u.State), string(to), provisioning.UnitMay(u.State, to))
	u.State = to
}

func (j *journal) setOp(op *provisioning.Op, to provisioning.OpState) {
	j.took(provisioning.OfOp, string(op.State), string(to), provisioning.OpMay(op.State, to))
	op.State = to
}

func (j *journal) unit(id int64) *provisioning.Unit {
	return &j.b.Units[slices.IndexFunc(j.b.Units, func(u provisioning.Unit) bool { return u.ID == id })]
}

func (j *journal) op(o *thing) *provisioning.Op { return &j.unit(o.unit).Ops[o.seq-1] }

func (j *journal) fenced(ref provisioning.OpRef) (*provisioning.Op, error) {
	u := j.unit(ref.Unit)
	if u.State != provisioning.UnitRunning || u.Owner != ref.Owner || u.Gen != ref.Gen {
		return nil, refusedAs(provisioning.Stale, "the unit was taken over by somebody else")
	}
	return &u.Ops[ref.Seq-1], nil
}

func (j *journal) Batch(ctx context.Context, _ int64) (*provisioning.Batch, error) {
	j.w.enter(false)
	defer j.w.leave()
	if ctx.Err() != nil {
		return nil, &provisioning.Error{Code: provisioning.Unavailable, Message: "the store cannot be read", Err: ctx.Err()}
	}
	return j.copy(), nil
}

// ChangedSince tells of no other batch: there is none here.
func (j *journal) ChangedSince(context.Context, provisioning.OpRef, provisioning.Change) (int64, error) {
	return 0, nil
}

func (j *journal) copy() *provisioning.Batch {
	b := j.b
	b.Units = slices.Clone(b.Units)
	for i := range b.Units {
		b.Units[i].Ops = slices.Clone(b.Units[i].Ops)
	}
	return &b
}

func (j *journal) Uses(context.Context, string) (map[string]provisioning.Use, error) {
	j.w.enter(false)
	defer j.w.leave()
	uses := make(map[string]provisioning.Use)
	for name, u := range j.uses {
		uses[name] = u
	}
	return uses, nil
}

func (j *journal) SaveUse(ctx context.Context, u provisioning.Use, _ provisioning.Event) error {
	j.w.enter(true)
	defer j.w.leave()
	return j.write(ctx, u.Operation+" is "+string(u.State), func() error {
		j.uses[u.Operation] = u
		return nil
	})
}

func (j *journal) TakeUnit(ctx context.Context, unit, gen int64, owner string) (taken bool, err error) {
	if j.w.sched != nil {
		j.w.sched.named(unit)
	}
	j.w.enter(true)
	defer j.w.leave()
	err = j.write(ctx, fmt.Sprintf("unit %d is taken", unit), func() error {
		u := j.unit(unit)
		doubt := slices.ContainsFunc(u.Ops, func(op provisioning.Op) bool { return op.State == provisioning.OpSent })
		if u.State != provisioning.UnitPending || u.Gen != gen || (j.b.State != provisioning.BatchCommitted && (j.b.State != provisioning.BatchCancelled || !doubt)) {
			return nil
		}
		j.setUnit(u, provisioning.UnitRunning)
		u.Owner, taken = owner, true
		return nil
	})
	return taken && err == nil, err
}

func (j *journal) MarkSent(ctx context.Context, ref provisioning.OpRef, at time.Time, _ provisioning.Event) error {
	if j.w.sched != nil {
		j.w.sched.asks(ref.Unit, true)
		defer j.w.sched.asks(ref.Unit, false)
	}
	j.w.enter(true)
	defer j.w.leave()
	return j.write(ctx, fmt.Sprintf("%d.%d: the intent", ref.Unit, ref.Seq), func() error {
		op, err := j.fenced(ref)
		if err != nil {
			return err
		}
		if !provisioning.OpMay(op.State, provisioning.OpSent) {
			return refusedAs(provisioning.Stale, "the change is %s", op.State)
		}
		if j.b.State != provisioning.BatchCommitted {
			return refusedAs(provisioning.Held, "the batch is %s", j.b.State)
		}
		j.w.checkIntent(j.w.thingOf(ref.Unit, ref.Seq))
		j.setOp(op, provisioning.OpSent)
		op.SentAt, op.Error = at, ""
		op.Attempts++
		if op.Attempts > 4 {
			j.w.violated("%s: intent number %d", id(op.Change), op.Attempts)
		}
		return nil
	})
}

func (j *journal) MarkOp(ctx context.Context, ref provisioning.OpRef, o provisioning.Outcome, _ provisioning.Event) error {
	j.w.enter(true)
	defer j.w.leave()
	err := j.write(ctx, fmt.Sprintf("%d.%d: %s (%s%s)", ref.Unit, ref.Seq, o.State, o.Evidence, o.Error), func() error {
		op, err := j.fenced(ref)
		if err != nil {
			return err
		}
		if !provisioning.OpMay(op.State, o.State) {
			return refusedAs(provisioning.Stale, "the change is %s and cannot become %s", op.State, o.State)
		}
		j.w.checkOutcome(op, o)
		j.setOp(op, o.State)
		op.Evidence, op.Error = o.Evidence, o.Error
		switch kind := op.Change.Kind; o.State {
		case provisioning.OpConfirmed:
			delete(j.w.inRow, kind)
		case provisioning.OpFailed: // alike: the world refuses with the same words
			if j.w.inRow[kind]++; j.w.inRow[kind] == 3 {
				j.w.halt("three failed alike")
			}
		default:
		}
		op.DoneAt = time.Time{}
		if o.State.Settled() {
			op.DoneAt = o.At
		}
		return nil
	})
	if o.State != provisioning.OpConfirmed { // that one has a step of its own
		j.w.mayDie()
	}
	return err
}

func (j *journal) FinishUnit(ctx context.Context, unit, gen int64, owner string, to provisioning.UnitState, _ provisioning.Event) error {
	j.w.enter(true)
	defer j.w.leave()
	return j.write(ctx, fmt.Sprintf("unit %d: %s", unit, to), func() error {
		u := j.unit(unit)
		if !provisioning.UnitMay(provisioning.UnitRunning, to) {
			return refusedAs(provisioning.Stale, "a running unit cannot become %s", to)
		}
		if u.State != provisioning.UnitRunning || u.Owner != owner || u.Gen != gen {
			return refusedAs(provisioning.Stale, "the unit was taken over by somebody else")
		}
		j.setUnit(u, to)
		u.Owner = ""
		j.wake(u)
		return nil
	})
}

func (j *journal) wake(u *provisioning.Unit) {
	waits := u.State == provisioning.UnitByHand
	if !waits && u.State != provisioning.UnitFailed && u.State != provisioning.UnitParked {
		return
	}
	switch {
	case u.Ready():
		j.setUnit(u, provisioning.UnitPending)
	case waits && !slices.ContainsFunc(u.Ops, func(op provisioning.Op) bool { return op.State == provisioning.OpByHand }):
		j.setUnit(u, provisioning.UnitDone)
	default:
		return
	}
	u.Owner = ""
	u.Gen++
}

func (j *journal) MoveBatch(ctx context.Context, _ int64, to provisioning.BatchState, hash, stop string, _ provisioning.Event) error {
	j.w.enter(true)
	defer j.w.leave()
	err := j.write(ctx, fmt.Sprintf("the batch: %s %s", to, stop), func() error { return j.move(to, hash, stop) })
	j.w.mayDie()
	return err
}

func (j *journal) move(to provisioning.BatchState, hash, stop string) error {
	if !provisioning.BatchMay(j.b.State, to) {
		return refusedAs(provisioning.Stale, "the batch is %s and cannot become %s", j.b.State, to)
	}
	switch to {
	case provisioning.BatchCommitted:
		if hash != j.b.Hash {
			return refusedAs(provisioning.Stale, "the batch is not the one that was reviewed")
		}
	case provisioning.BatchDone, provisioning.BatchOpenHand:
		hand := false
		for _, u := range j.b.Units {
			if u.State == provisioning.UnitPending || u.State == provisioning.UnitRunning {
				return refusedAs(provisioning.Stale, "the batch has people left to do")
			}
			hand = hand || slices.ContainsFunc(u.Ops, func(op provisioning.Op) bool { return op.State == provisioning.OpByHand })
		}
		to = provisioning.BatchDone
		if hand {
			to = provisioning.BatchOpenHand
		}
	case provisioning.BatchStopped:
		if stop == "" {
			j.w.violated("the batch stopped and does not say why")
		}
	default:
	}
	j.setBatch(to)
	j.b.Stop = stop
	if to == provisioning.BatchCancelled {
		j.giveUp()
	}
	return nil
}

func (j *journal) giveUp() {
	for i := range j.b.Units {
		u := &j.b.Units[i]
		if u.State == provisioning.UnitRunning || slices.ContainsFunc(u.Ops, func(op provisioning.Op) bool { return op.State == provisioning.OpSent }) {
			continue
		}
		for k := range u.Ops {
			if provisioning.OpMay(u.Ops[k].State, provisioning.OpCancelled) {
				j.setOp(&u.Ops[k], provisioning.OpCancelled)
			}
		}
		if provisioning.UnitMay(u.State, provisioning.UnitCancelled) {
			j.setUnit(u, provisioning.UnitCancelled)
			u.Gen++
		}
	}
}

// order is the operator's own, at a moment of the run, who is not in the way of any fault.
func (j *journal) order(to provisioning.BatchState) {
	if provisioning.BatchMay(j.b.State, to) {
		_ = j.move(to, "", "the operator's order")
		j.w.note("the batch: %s", to)
	}
}

// What the operator does between two lives of the process; no fault and no crash is in the way.

func (j *journal) recover() {
	for i := range j.b.Units {
		if u := &j.b.Units[i]; u.State == provisioning.UnitRunning {
			j.setUnit(u, provisioning.UnitPending)
			u.Owner = ""
			u.Gen++
		}
	}
	if j.b.State == provisioning.BatchCancelled {
		j.giveUp()
	}
}

func (j *journal) retry() (units int) {
	for i := range j.b.Units {
		u := &j.b.Units[i]
		if u.State != provisioning.UnitFailed && u.State != provisioning.UnitParked {
			continue
		}
		j.setUnit(u, provisioning.UnitPending)
		u.Gen++
		units++
		for k := range u.Ops {
			op := &u.Ops[k]
			if op.State == provisioning.OpFailed || op.State == provisioning.OpParked || op.State == provisioning.OpDrifted {
				j.setOp(op, provisioning.OpPending)
				op.Error, op.Attempts, op.DoneAt = "", 0, time.Time{}
				j.w.thingOf(u.ID, op.Seq).retries++
			}
		}
	}
	if units > 0 && j.b.State != provisioning.BatchCommitted {
		j.setBatch(provisioning.BatchCommitted)
		j.b.Stop = ""
	}
	return units
}

// tick does every open step by hand, and ticks it. It reports whether people are set free by that.
func (j *journal) tick() (free bool) {
	for i := range j.b.Units {
		u := &j.b.Units[i]
		for k := range u.Ops {
			if op := &u.Ops[k]; op.State == provisioning.OpByHand {
				o := j.w.thingOf(u.ID, op.Seq)
				j.w.values[o.key], o.touched = op.Change.After, true
				j.tickOne(u, op.Seq)
			}
		}
		free = free || u.State == provisioning.UnitPending
	}
	return free
}

// tickOne confirms one step, lets go on what waited for it, and closes the batch where it was the last.
func (j *journal) tickOne(u *provisioning.Unit, seq int) {
	op := &u.Ops[seq-1]
	j.setOp(op, provisioning.OpConfirmed)
	op.Evidence, op.Error, op.DoneAt = "done by hand", "", j.w.now
	j.wake(u)
	if j.b.State != provisioning.BatchOpenHand {
		return
	}
	for i := range j.b.Units {
		switch j.b.Units[i].State {
		case provisioning.UnitPending, provisioning.UnitRunning, provisioning.UnitByHand:
			return
		default:
		}
		if slices.ContainsFunc(j.b.Units[i].Ops, func(op provisioning.Op) bool { return op.State == provisioning.OpByHand }) {
			return
		}
	}
	j.setBatch(provisioning.BatchDone)
}
