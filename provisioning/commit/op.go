package commit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rollcall/provisioning"
)

// The bounds of one op.
const (
	mostAttempts = 4                // how often the intent of one op is written
	readTries    = 5                // of a read that must not be guessed
	looks        = 4                // for what was accepted, over the settle time, after the first
	inFlight     = 90 * time.Second // how long a request may go on after the run was asked to end
)

// op does one change to its end. It returns an error only where the store failed, ctx ended, or the batch may not go on.
func (r *Run) op(ctx context.Context, u *provisioning.Unit, ref provisioning.OpRef, op *provisioning.Op) error {
	operation := r.x.deps.Operation(op.Change)
	p := &pass{x: r.x, operation: operation}
	defer p.leave()
	for {
		why, err := r.mayGo(ctx, p, op)
		if err != nil {
			return err
		}
		if op.State == provisioning.OpSent {
			if err := r.doubt(ctx, ref, op); err != nil || op.State.Settled() || r.givesUp() {
				return err
			}
			continue // what the tenant has shown may be another thing by now
		}
		if op.Attempts >= mostAttempts {
			return r.settle(ctx, ref, op, provisioning.OpFailed, "", fmt.Sprintf("tried %d times without effect: %s", op.Attempts, op.Error))
		}
		if why != "" {
			return r.byHand(ctx, u, ref, op, why)
		}
		seen, err := r.observe(ctx, op.Change)
		if err != nil {
			return r.unreadable(ctx, op, err)
		}
		r.x.deps.Step(StepObserved)
		if proceed, err := r.precondition(ctx, u, ref, op, seen); err != nil || !proceed {
			return err
		}
		if err := r.send(ctx, ref, op); err != nil || op.State.Settled() {
			return err
		}
	}
}

// mayGo waits until a change may be sent, and says why it may not be: then it is done by hand. A change whose step was frozen as one
// by hand stays that, whatever the tenant has shown since. What is in doubt is looked at before that counts.
func (r *Run) mayGo(ctx context.Context, p *pass, op *provisioning.Op) (why string, err error) {
	if op.Change.ByHand != "" && op.State == provisioning.OpPending {
		return op.Change.ByHand, nil
	}
	if why, err = p.enter(ctx); err != nil {
		return "", err
	}
	if op.State == provisioning.OpPending && r.Stopped() != "" { // while it waited for the first one
		return "", &provisioning.Error{Code: provisioning.Held, Message: "the batch stops"}
	}
	return why, nil
}

// byHand leaves a change to a person in Control Center, with the reason. Nothing is sent and no intent is written. It is looked at
// first: what is so already needs nobody, and what may not be done at all is not asked of a person either.
func (r *Run) byHand(ctx context.Context, u *provisioning.Unit, ref provisioning.OpRef, op *provisioning.Op, why string) error {
	seen, err := r.observe(ctx, op.Change)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		r.x.deps.Step(StepObserved)
		if proceed, err := r.precondition(ctx, u, ref, op, seen); err != nil || !proceed {
			return err
		}
	default: // it is the tick that must read it
	}
	return r.settle(ctx, ref, op, provisioning.OpByHand, "", why)
}

// precondition decides by what was seen whether the change is still to be done: its effect may be there already, somebody else may
// have changed the object, a directory may own it now, or it may be protected.
func (r *Run) precondition(ctx context.Context, u *provisioning.Unit, ref provisioning.OpRef, op *provisioning.Op, seen provisioning.Observation) (bool, error) {
	x, c := r.x, op.Change
	switch {
	case seen.Value == c.After:
		return false, r.settle(ctx, ref, op, provisioning.OpAlready, "it was so already: "+short(seen.Value), "")
	case seen.Managed:
		return false, r.settle(ctx, ref, op, provisioning.OpParked, "", "a directory sync owns the account now: it waits for the directory")
	case seen.Value != c.Before:
		return false, r.settle(ctx, ref, op, provisioning.OpDrifted, "",
			fmt.Sprintf("changed by somebody else since you looked: it was %q, it is %q: back to review", c.Before, seen.Value))
	case c.Kind == provisioning.LeaveGroup && c.Object == provisioning.NRTADMIN && seen.Others == 0:
		return false, r.settle(ctx, ref, op, provisioning.OpParked, "", "the last enabled administrator of "+c.Library+": appoint another one first")
	}
	if !op.SentAt.IsZero() { // it was sent once: what another batch of ours did to it since is not undone by a retry of this one
		by, err := x.deps.Store.ChangedSince(ctx, ref, c)
		if err != nil {
			return false, err
		}
		if by > 0 {
			return false, r.settle(ctx, ref, op, provisioning.OpDrifted, "", fmt.Sprintf("batch %d changed it since this was sent: stage it anew", by))
		}
	}
	if x.deps.Recheck != nil {
		if why := x.deps.Recheck(ctx, u, c); why != "" {
			return false, r.settle(ctx, ref, op, provisioning.OpParked, "", why)
		}
	}
	return r.preImage(ctx, ref, op, seen)
}

// observe reads, and reads again where the system did not answer: a guess is never an answer.
func (r *Run) observe(ctx context.Context, c provisioning.Change) (provisioning.Observation, error) {
	var err error
	for try := range readTries {
		if try > 0 {
			if err := r.x.deps.Clock.Sleep(ctx, time.Duration(try)*200*time.Millisecond); err != nil {
				return provisioning.Observation{}, err
			}
		}
		var seen provisioning.Observation
		if seen, err = r.x.deps.DMS.Observe(ctx, c); err == nil {
			return seen, nil
		}
		if ctx.Err() != nil || provisioning.CodeOf(err) == provisioning.Denied {
			break
		}
	}
	return provisioning.Observation{}, err
}

// unreadable stops the batch cleanly: what cannot be read can be neither sent nor decided.
func (r *Run) unreadable(ctx context.Context, op *provisioning.Op, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.stopFor(fmt.Sprintf("%s could not be read: %s", op.Change.Account, err))
	return &provisioning.Error{Code: provisioning.Held, Message: "the system cannot be read", Err: err}
}

// send writes the intent, sends once, and decides by the answer. An op that is neither settled nor sent afterwards goes round
// again from its precondition.
func (r *Run) send(ctx context.Context, ref provisioning.OpRef, op *provisioning.Op) error {
	x, c := r.x, op.Change
	now := x.deps.Clock.Now()
	intent := x.event(provisioning.EventIntent, ref.Batch, ref.Unit, c.Account, describe(c))
	if r.Stopped() != "" { // while it was looked at
		return &provisioning.Error{Code: provisioning.Held, Message: "the batch stops"}
	}
	if err := x.deps.Store.MarkSent(ctx, ref, now, intent); err != nil {
		return err
	}
	op.State, op.SentAt = provisioning.OpSent, now
	op.Attempts++
	x.deps.Step(StepIntent)
	// From here to the outcome a pause or an end of the program waits: a request in flight is let finish.
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), inFlight)
	defer cancel()
	receipt, err := x.deps.DMS.Send(sending, c)
	x.deps.Step(StepSent)
	if err == nil {
		return r.accepted(sending, ref, op, receipt)
	}
	var failure *provisioning.SendError
	if !errors.As(err, &failure) {
		failure = &provisioning.SendError{Effect: provisioning.InDoubt, Message: err.Error(), Err: err}
	}
	op.Error = failure.Message
	switch {
	case failure.Denied:
		r.stopFor("the credential was refused: " + failure.Message) // first of all: the others are not to try it too
		if err := r.settle(sending, ref, op, provisioning.OpPending, "", "the credential was refused: "+failure.Message); err != nil {
			return err
		}
		return &provisioning.Error{Code: provisioning.Held, Message: "the credential was refused"}
	case failure.Unsupported:
		return r.unsupported(sending, ref, op, failure)
	case failure.Effect == provisioning.NothingDone:
		return r.nothingDone(ctx, sending, ref, op, failure)
	case failure.Effect == provisioning.RefusedSend:
		return r.refused(sending, ref, op, failure)
	default:
		op.SentAt = x.deps.Clock.Now() // nothing was sent after this moment: the settle time counts from here
		return nil
	}
}

// accepted reads back what was accepted; only what is seen is confirmed. What is not seen is looked for until the settle time is over,
// whatever is seen instead: only then can it not come any more.
func (r *Run) accepted(ctx context.Context, ref provisioning.OpRef, op *provisioning.Op, receipt provisioning.Receipt) error {
	x, c := r.x, op.Change
	for look := 0; ; look++ {
		seen, err := r.observe(ctx, c)
		if err != nil {
			op.SentAt = x.deps.Clock.Now()
			return nil //nolint:nilerr // in doubt: the next round waits and reads again
		}
		x.deps.Step(StepReadBack)
		if seen.Value == c.After {
			return r.confirm(ctx, ref, op, fmt.Sprintf("answer %d, read back: %s", receipt.Status, short(seen.Value)), true)
		}
		switch {
		case look < looks:
		case seen.Value == c.Before:
			return r.settle(ctx, ref, op, provisioning.OpParked, "", "accepted, but not seen yet: look again, then retry")
		default:
			return r.settle(ctx, ref, op, provisioning.OpDrifted, "", fmt.Sprintf("accepted, but it reads %q", short(seen.Value)))
		}
		if err := x.deps.Clock.Sleep(ctx, x.deps.Settle/looks+10*time.Millisecond); err != nil { // the request took its time, and none is left
			op.SentAt = x.deps.Clock.Now()
			return nil //nolint:nilerr // in doubt, as above
		}
	}
}

// short keeps a read-back fit for a line: a created account's whole profile stands in the change already.
func short(value string) string {
	if len(value) > 0 && value[0] == '{' {
		return "the profile, byte for byte"
	}
	return value
}

// confirm settles an op whose effect was read back. worked says that the call itself had it: then it is known to work on this tenant.
func (r *Run) confirm(ctx context.Context, ref provisioning.OpRef, op *provisioning.Op, evidence string, worked bool) error {
	if err := r.settle(ctx, ref, op, provisioning.OpConfirmed, evidence, ""); err != nil {
		return err
	}
	r.x.deps.Step(StepConfirmed)
	if !worked {
		return nil
	}
	return r.x.shown(ctx, ref, r.x.deps.Operation(op.Change), provisioning.UseConfirmed, evidence)
}

// unsupported takes a call that the tenant does not know: it surely did nothing. The tenant's answer is remembered, so that none of
// its like is sent again, and the change is done by hand.
func (r *Run) unsupported(ctx context.Context, ref provisioning.OpRef, op *provisioning.Op, failure *provisioning.SendError) error {
	x, operation := r.x, r.x.deps.Operation(op.Change)
	how := fmt.Sprintf("answer %d", failure.Status)
	if failure.Status == 0 {
		how = failure.Message
	}
	if err := x.shown(ctx, ref, operation, provisioning.UseRefused, how); err != nil {
		return err
	}
	if seen, err := r.observe(ctx, op.Change); err == nil && seen.Value == op.Change.After {
		return r.confirm(ctx, ref, op, how+", and it is so: read back "+short(seen.Value), false)
	}
	why, _, err := x.maySend(ctx, operation)
	if err != nil {
		return err
	}
	if why == "" { // it went through for somebody else meanwhile
		why = "this tenant refused the call: " + how
	}
	return r.settle(ctx, ref, op, provisioning.OpByHand, "", why)
}

// nothingDone goes back to the start and waits as long as the system asked.
func (r *Run) nothingDone(ctx, sending context.Context, ref provisioning.OpRef, op *provisioning.Op, failure *provisioning.SendError) error {
	if err := r.settle(sending, ref, op, provisioning.OpPending, "", failure.Message); err != nil {
		return err
	}
	wait := failure.RetryAfter
	if wait <= 0 {
		wait = time.Duration(op.Attempts) * 500 * time.Millisecond
	}
	return r.x.deps.Clock.Sleep(ctx, wait)
}

// refused looks once before it believes a refusal: "already so" is not a failure (contracts/engine.md 3.1, rule 4). Where it cannot look,
// nothing is known.
func (r *Run) refused(ctx context.Context, ref provisioning.OpRef, op *provisioning.Op, failure *provisioning.SendError) error {
	seen, err := r.observe(ctx, op.Change)
	if err != nil {
		op.SentAt = r.x.deps.Clock.Now()
		return nil //nolint:nilerr // in doubt: the next round waits and reads again
	}
	if seen.Value == op.Change.After {
		return r.confirm(ctx, ref, op, fmt.Sprintf("refused as %s, and it is so: read back %s", failure.Code, short(seen.Value)), false)
	}
	why := failure.Message
	if failure.Code != "" {
		why = failure.Code + ": " + why
	}
	evidence := ""
	if failure.Transaction != "" {
		evidence = "iManage transaction " + failure.Transaction
	}
	return r.settle(ctx, ref, op, provisioning.OpFailed, evidence, why)
}

// doubt decides an op that was sent and not confirmed: it waits until nothing that was sent can still take effect, then reads
// (DESIGN 4.4). What did not happen goes back to pending; it is never sent again blind.
func (r *Run) doubt(ctx context.Context, ref provisioning.OpRef, op *provisioning.Op) error {
	x, c := r.x, op.Change
	last := op.SentAt
	if r.begun.After(last) { // an earlier run sent it, and may have been at it until this one began
		last = r.begun
	}
	if wait := last.Add(x.deps.Settle).Sub(x.deps.Clock.Now()); wait > 0 {
		if err := x.deps.Clock.Sleep(ctx, wait); err != nil {
			return err
		}
	}
	seen, err := r.observe(ctx, c)
	if err != nil {
		return r.unreadable(ctx, op, err)
	}
	x.deps.Step(StepReadBack)
	switch seen.Value {
	case c.After:
		return r.confirm(ctx, ref, op, "in doubt, then read back: "+short(seen.Value), true)
	case c.Before:
		// Another batch of ours may have put it back since: then whether this one had its effect is not to be seen, and it is not sent again.
		by, err := x.deps.Store.ChangedSince(ctx, ref, c)
		if err != nil {
			return err
		}
		if by > 0 {
			return r.settle(ctx, ref, op, provisioning.OpDrifted, "", fmt.Sprintf("in doubt, and batch %d changed it since: back to review", by))
		}
		return r.settle(ctx, ref, op, provisioning.OpPending, "", "in doubt, then read back: it had no effect. "+op.Error)
	default:
		return r.settle(ctx, ref, op, provisioning.OpDrifted, "", fmt.Sprintf("in doubt, and now it reads %q", short(seen.Value)))
	}
}
