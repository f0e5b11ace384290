package desk

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/staging"
)

// validFor is how long an approval counts by the policy that counts.
func (d *Desk) validFor() time.Duration {
	if valid := d.policy().Approval.Valid; valid > 0 {
		return valid
	}
	const day = 24 * time.Hour // threats H1
	return day
}

// ApprovalRequest gives the request for an approval of a reviewed batch, as it goes to another machine. It has everything that the
// approver must see, and no secret. Of a sealed batch it is for one of its readers, and whoever carries it sees to that.
func (d *Desk) ApprovalRequest(ctx context.Context, batch int64) ([]byte, error) {
	if err := d.mayChange(); err != nil {
		return nil, err
	}
	b, err := d.approvable(ctx, batch)
	if err != nil {
		return nil, err
	}
	if err := d.known(); err != nil {
		return nil, err
	}
	if !slices.Contains(b.Hands, d.deps.Operator.Key()) {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: fmt.Sprintf("you had no hand in batch %d", b.ID), Hint: "whoever reviewed it asks for its approval; you may give it"}
	}
	v, err := d.view(ctx, b)
	if err != nil {
		return nil, err
	}
	return d.request(b, v.Verdicts)
}

// approvable gives a batch that waits for an approval.
func (d *Desk) approvable(ctx context.Context, batch int64) (*provisioning.Batch, error) {
	b, err := d.readable(ctx, batch)
	if err != nil {
		return nil, err
	}
	switch {
	case b.State != provisioning.BatchReviewed && b.State != provisioning.BatchApproved:
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: fmt.Sprintf("batch %d is %s: there is nothing to approve", b.ID, b.State), Hint: "review it first"}
	case b.Needs == "":
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: fmt.Sprintf("batch %d needs no second person", b.ID)}
	case staging.Hash(b) != b.Hash:
		return nil, &provisioning.Error{Code: provisioning.Stale, Message: "the batch is not the one that was reviewed", Hint: "review it again"}
	}
	return b, nil
}

// Approve is a second person's word that a batch may go, at the same store: covers is what was on their screen (Second.Covers), words the
// four that the requester read to them. It is signed with the approver's own key (DESIGN 5). It is Denied to a role that may not approve,
// Held to whoever had a hand in the batch and with a wrong word, and Stale where the batch is another one by now.
func (d *Desk) Approve(ctx context.Context, batch int64, covers, words string) error {
	if err := d.mayChange(); err != nil {
		return err
	}
	if o := d.deps.Operator; !mayApprove(o.Role) {
		return &provisioning.Error{Code: provisioning.Denied, Message: o.Name + " is a " + string(o.Role) + " and may not approve", Hint: "an approver or an administrator approves"}
	}
	b, err := d.approvable(ctx, batch)
	if err != nil {
		return err
	}
	if b.Hands, err = d.hands(ctx, b); err != nil {
		return err
	}
	if why := d.mayNotApprove(b); why != "" {
		return &provisioning.Error{Code: provisioning.Held, Message: why}
	}
	if covers != staging.Covers(b) {
		return &provisioning.Error{Code: provisioning.Stale, Message: "the batch is not the one that was on the screen", Hint: "look at it again, then approve"}
	}
	if !staging.SameWords(covers, words) {
		return &provisioning.Error{Code: provisioning.Held, Message: "those are not the four words of this batch", Hint: "have them read to you again: you may look at another batch than they do"}
	}
	key, err := d.deps.ApprovalKey(ctx)
	if err != nil {
		return err
	}
	r := staging.NewRequest(d.realm(), b, requester(b), "", d.now(), d.validFor(), nil)
	a := r.Approve(d.deps.Operator.Name, d.deps.Operator.Key(), d.now())
	if err := staging.Sign(ctx, d.realm(), key, &a); err != nil {
		return err
	}
	return d.keepApproval(ctx, b, a, "")
}

// requester is the person who asks for the approval of a batch at the same store: one who had a hand in it.
func requester(b *provisioning.Batch) string {
	if len(b.Hands) == 0 {
		return "nobody"
	}
	return b.Hands[len(b.Hands)-1]
}

// ImportApproval takes in an approval that was given on another machine, and checks it as any. It returns the batch that it is of, 0 for
// the policy. One that counts for nothing is Held, with the reason.
func (d *Desk) ImportApproval(ctx context.Context, data []byte) (batch int64, err error) {
	if err := d.mayChange(); err != nil {
		return 0, err
	}
	a, err := staging.ParseAnswer(d.realm(), data)
	if err != nil {
		return 0, err
	}
	if a.Batch == 0 {
		return 0, d.importPolicy(ctx, a)
	}
	b, err := d.approvable(ctx, a.Batch)
	if err != nil {
		return a.Batch, err
	}
	if b.Hands, err = d.hands(ctx, b); err != nil {
		return a.Batch, err
	}
	return a.Batch, d.keepApproval(ctx, b, *a, ", from another machine")
}

// keepApproval keeps an approval that counts.
func (d *Desk) keepApproval(ctx context.Context, b *provisioning.Batch, a provisioning.Approval, how string) error {
	var why string
	i := slices.IndexFunc(b.Approvals, func(old provisioning.Approval) bool { return slices.Equal(old.Signature, a.Signature) })
	switch {
	case i >= 0 && b.Approvals[i].Void:
		why = "an edit or a release voided it"
	case a.Until.Sub(a.At) > d.validFor():
		why = fmt.Sprintf("it is for longer than the %s that the policy allows", d.validFor())
	default:
		why = d.worth(b, &a)
	}
	if why != "" {
		return &provisioning.Error{Code: provisioning.Held, Message: fmt.Sprintf("the approval of batch %d by %s does not count: %s", b.ID, a.By, why), Hint: "ask for another one"}
	}
	if i >= 0 {
		return nil // it is there already
	}
	e := d.event(provisioning.EventApproved, "", fmt.Sprintf("by %s (%s)%s, until %s, hash %s, key %s", a.By, a.Approver, how, a.Until.UTC().Format("2006-01-02 15:04 UTC"), b.Hash, keyName(a.PublicKey)))
	if err := d.deps.Store.Approve(ctx, a, e); err != nil {
		return err
	}
	d.withdraw(ctx, b.ID)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.draft != nil && d.draft.ID == b.ID {
		if now, err := d.deps.Store.Batch(ctx, b.ID); err == nil {
			d.setDraft(now)
		}
	}
	return nil
}

// CollectApprovals takes in what was laid out for a batch that waits for an approval (0: for the policy), and says whether one came that
// counts. A screen that shows the batch asks for it every few seconds. Where something was released since the request was laid out, it
// lays another one out. An answer that counts for nothing is left where it is, with the reason as an error. Whoever may change nothing
// collects nothing.
func (d *Desk) CollectApprovals(ctx context.Context, batch int64) (bool, error) {
	if d.deps.Exchange == nil || d.ReadOnly() != "" {
		return false, nil
	}
	covers, err := d.awaited(ctx, batch)
	if err != nil || covers == "" {
		return false, err
	}
	answers, err := d.deps.Exchange.Answers(ctx, batch)
	if err != nil {
		return false, err
	}
	var last error
	for _, data := range answers {
		a, err := staging.ParseAnswer(d.realm(), data)
		if err != nil || a.Batch != batch || a.Covers != covers {
			continue // for the batch as it was before, or of another store
		}
		if _, last = d.ImportApproval(ctx, data); last == nil {
			return true, nil
		}
	}
	return false, last
}

// awaited says what an approval would have to cover that a batch (0: the policy) waits for; "" where it waits for none.
func (d *Desk) awaited(ctx context.Context, batch int64) (covers string, err error) {
	if batch == 0 {
		s, err := d.policySecond(ctx)
		if err != nil || s.Given {
			return "", err
		}
		return s.Covers, nil
	}
	b, err := d.readable(ctx, batch)
	if err != nil || b.Needs == "" || (b.State != provisioning.BatchReviewed && b.State != provisioning.BatchApproved) {
		return "", err
	}
	if a, _ := d.approval(b); a != nil {
		return "", nil
	}
	covers = staging.Covers(b)
	return covers, d.askAnew(ctx, b, covers)
}

// askAnew lays out the request of a batch that this operator asks for, where it was not laid out for what it covers now, and no guard
// holds it: what is still to be released would void an approval.
func (d *Desk) askAnew(ctx context.Context, b *provisioning.Batch, covers string) error {
	if b.Sealed() || d.laid(b.ID, covers) || !slices.Contains(b.Hands, d.deps.Operator.Key()) {
		return nil
	}
	v, err := d.view(ctx, b)
	if err != nil || v.Held {
		return err
	}
	d.ask(ctx, b, v.Verdicts)
	return nil
}

// signs gives the key that the configuration has for an approver who may still approve; nil: none.
func (d *Desk) signs(approver string) ed25519.PublicKey {
	if _, _, may := d.approver(approver); !may {
		return nil
	}
	return d.deps.ApprovalKeys[approver]
}
