package desk

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/staging"
)

// Release lets one person of a held batch go, by their account, with a reason: for the batch as it was on the screen (hash), and for
// an hour (DESIGN 5). A guard that may be released does not hold any more once each of its people is. It is Invalid where no such
// guard names the person, NotFound where they are not in the batch, and Stale where the batch is another one by now. A batch that was
// approved without this release is reviewed again: the approval was for less.
func (d *Desk) Release(ctx context.Context, batch int64, hash, account, reason string) error {
	b, u, err := d.releasable(ctx, batch, hash, account)
	if err != nil {
		return err
	}
	reason = strings.TrimSpace(reason)
	if reason == "" {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "a release needs a reason", Hint: "say why " + u.Name + " is to lose access all the same"}
	}
	verdicts, _, err := d.judge(ctx, b)
	if err != nil {
		return err
	}
	held, _ := staging.Holding(verdicts)
	named := slices.ContainsFunc(held, func(v provisioning.Verdict) bool {
		return v.Releasable && slices.ContainsFunc(v.Accounts, func(a string) bool { return strings.EqualFold(a, account) })
	})
	if !named {
		return &provisioning.Error{
			Code: provisioning.Invalid, Message: "no guard that may be released holds " + u.Name, Hint: "a protected person is dropped from the batch, never released",
		}
	}
	b.Singly = slices.DeleteFunc(b.Singly, func(r provisioning.Release) bool { return strings.EqualFold(r.Account, account) })
	b.Singly = append(b.Singly, provisioning.Release{Hash: b.Hash, By: d.deps.Operator.Name, At: d.now(), People: 1, Reason: reason, Account: u.Account})
	return d.saveReleases(ctx, b, u, fmt.Sprintf("%s released: %s", u.Name, reason))
}

// Unrelease takes the release of one person back.
func (d *Desk) Unrelease(ctx context.Context, batch int64, hash, account string) error {
	b, u, err := d.releasable(ctx, batch, hash, account)
	if err != nil {
		return err
	}
	n := len(b.Singly)
	b.Singly = slices.DeleteFunc(b.Singly, func(r provisioning.Release) bool { return strings.EqualFold(r.Account, account) })
	if len(b.Singly) == n {
		return &provisioning.Error{Code: provisioning.NotFound, Message: u.Name + " is not released"}
	}
	return d.saveReleases(ctx, b, u, "the release of "+u.Name+" was taken back")
}

// releasable gives a reviewed batch, and the unit of an account in it.
func (d *Desk) releasable(ctx context.Context, batch int64, hash, account string) (*provisioning.Batch, *provisioning.Unit, error) {
	b, err := d.ordered(ctx, Commit{Batch: batch, Hash: hash}, provisioning.BatchReviewed, provisioning.BatchApproved)
	if err != nil {
		return nil, nil, err
	}
	i := slices.IndexFunc(b.Units, func(u provisioning.Unit) bool { return strings.EqualFold(u.Account, account) })
	if i < 0 {
		return nil, nil, notInDraft()
	}
	return b, &b.Units[i], nil
}

// saveReleases saves a batch whose releases changed, with the event. The record names nobody of a sealed one.
func (d *Desk) saveReleases(ctx context.Context, b *provisioning.Batch, u *provisioning.Unit, what string) error {
	if b.State == provisioning.BatchApproved {
		b.State = provisioning.BatchReviewed
	}
	e := d.batchEvent(provisioning.EventReleased, b.ID, what)
	e.Subject = u.Account
	if b.Sealed() {
		e.Subject, e.Detail = "", "the releases of a sealed batch were changed"
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.save(ctx, b, e); err != nil {
		return d.reload(ctx, err)
	}
	if d.draft != nil && d.draft.ID == b.ID {
		d.setDraft(b)
	}
	return nil
}

// released puts the releases that still count into a view.
func (d *Desk) released(b *provisioning.Batch, v *BatchView) {
	whole, singly := staging.Released(b, d.now())
	v.Whole = whole
	for i := range b.Units {
		if r, ok := singly[strings.ToUpper(b.Units[i].Account)]; ok {
			if v.Released == nil {
				v.Released = make(map[int64]provisioning.Release)
			}
			v.Released[b.Units[i].ID] = r
		}
	}
}
