package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/staging"
)

// The windows in which removals are counted (DESIGN 5).
const (
	day  = 24 * time.Hour
	week = 7 * day
)

// judge lets the guards look at a batch with the facts of this moment. mark is for LetGo: what they saw is past once it moved.
func (d *Desk) judge(ctx context.Context, b *provisioning.Batch) (verdicts []provisioning.Verdict, mark int64, err error) {
	st := d.state.Load()
	if st == nil {
		return nil, 0, &provisioning.Error{Code: provisioning.Held, Message: "nothing has been read yet", Hint: "read first, then review"}
	}
	if mark, err = d.deps.Store.Mark(ctx); err != nil { // before the rest: what is let go while they look is seen then
		return nil, 0, err
	}
	f := staging.Facts{
		Policy: d.policy(), Snapshot: st.snap, Now: d.now(), Operator: d.deps.Operator.Account, Identity: d.identity(ctx),
		Approved: d.approved(b), Approvers: d.approvers(),
	}
	if f.Day, err = d.deps.Store.Ended(ctx, f.Now.Add(-day), f.Now); err != nil {
		return nil, 0, err
	}
	if f.Week, err = d.deps.Store.Ended(ctx, f.Now.Add(-week), f.Now); err != nil {
		return nil, 0, err
	}
	if f.Undone, err = d.deps.Store.Undone(ctx, f.Now.Add(-day), f.Now); err != nil {
		return nil, 0, err
	}
	return staging.Judge(b, f), mark, nil
}

// approvers are the accounts of everybody who may approve.
func (d *Desk) approvers() []string {
	var accounts []string
	for _, o := range d.deps.Mapped {
		if o.Account != "" && (o.Role == provisioning.RoleApprover || o.Role == provisioning.RoleAdministrator) {
			accounts = append(accounts, o.Account)
		}
	}
	return accounts
}

// approved are the accounts of those who approved a batch as it stands.
func (d *Desk) approved(b *provisioning.Batch) []string {
	var accounts []string
	for _, a := range b.Approvals {
		for _, o := range d.deps.Mapped {
			if a.Hash == b.Hash && o.Account != "" && (o.Name == a.By || (o.Key() != "" && o.Key() == a.Approver)) {
				accounts = append(accounts, o.Account)
			}
		}
	}
	return accounts
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

// LiveCheck is what the executor asks at the moment of sending: is the target protected, or the hand that does it? is an unused seat still
// unused? The answer
// is "" to go on, or why not (threats G2, G3).
func (d *Desk) LiveCheck(ctx context.Context, u *provisioning.Unit, c provisioning.Change) string {
	if u.Kind == provisioning.KindReclaim && c.Kind == provisioning.DisableAccount {
		if why := d.stillUnused(ctx, u); why != "" {
			return why
		}
	}
	identity := d.identity(ctx)
	if identity == "" {
		return "the account that rollcall signs in with cannot be read, so it cannot be protected"
	}
	l := staging.Live{
		Policy: d.policy(), Operator: d.deps.Operator.Account, Identity: identity, Approvers: d.approvers(),
		Account: d.deps.DMS.Account, Observe: d.deps.DMS.Observe, Closing: d.closing,
	}
	if slices.ContainsFunc(l.Approvers, func(id string) bool { return strings.EqualFold(id, c.Account) }) {
		b, err := d.deps.Store.Batch(ctx, u.Batch)
		if err != nil {
			return "who approved the batch cannot be read: " + err.Error()
		}
		l.Approved = d.approved(b)
	}
	return l.Check(ctx, u, c)
}

// closing are the accounts that a batch under way is about to close.
func (d *Desk) closing(ctx context.Context) ([]string, error) {
	now := d.now()
	list, err := d.deps.Store.Ended(ctx, now, now)
	var accounts []string
	for i := range list {
		if list[i].Pending && list[i].Kind == provisioning.DisableAccount {
			accounts = append(accounts, list[i].Account)
		}
	}
	return accounts, err
}

// again lets the guards of numbers look at what a retry would send once more: the batch was let go, and other batches have been since.
// There is nothing to type here: what is held is staged anew.
func (d *Desk) again(ctx context.Context, b *provisioning.Batch) error {
	then := *b // what was released when it was let go was let go with it: that does not expire
	if !b.Due.IsZero() {
		then.State = provisioning.BatchScheduled
	}
	whole, singly := staging.Released(&then, b.CommittedAt)
	if whole != nil {
		return nil
	}
	rest := *b
	rest.Units, rest.Singly = nil, nil
	for _, r := range singly {
		r.At = d.now()
		rest.Singly = append(rest.Singly, r)
	}
	for i := range b.Units {
		u := b.Units[i]
		if u.State != provisioning.UnitFailed && u.State != provisioning.UnitParked {
			continue
		}
		u.Ops = slices.DeleteFunc(slices.Clone(u.Ops), func(op provisioning.Op) bool {
			return !op.Change.Counted() || !op.State.Held()
		})
		if len(u.Ops) > 0 {
			rest.Units = append(rest.Units, u)
		}
	}
	if len(rest.Units) == 0 || d.state.Load() == nil {
		return nil
	}
	verdicts, _, err := d.judge(ctx, &rest)
	if err != nil {
		return err
	}
	held, _ := staging.Holding(slices.DeleteFunc(verdicts, func(v provisioning.Verdict) bool { return !v.Releasable }))
	if len(held) == 0 {
		return nil
	}
	told := "the retry is held: " + guards(held)
	if err := d.deps.Store.Append(ctx, d.batchEvent(provisioning.EventHeld, b.ID, told)); err != nil {
		return err
	}
	return &provisioning.Error{Code: provisioning.Held, Message: told, Hint: "cancel what is left of this batch, and stage these people anew"}
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
