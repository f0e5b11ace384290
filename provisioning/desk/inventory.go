package desk

import (
	"context"
	"errors"

	"rollcall/provisioning"
)

// inventoryRead is what was read of the document system: whole, or by what changed.
type inventoryRead struct {
	inventory provisioning.Inventory
	evidence  provisioning.ReadEvidence
	changes   bool // by what changed; evidence then counts the accounts as they are now
}

// readInventory reads the document system by what changed, where it can tell that and was read whole not long ago, else whole.
func (d *Desk) readInventory(ctx context.Context, previous *provisioning.Snapshot, whole bool, tell func(provisioning.Progress)) (inventoryRead, error) {
	var r inventoryRead
	if !whole {
		done, err := d.readEvents(ctx, previous, tell, &r)
		if done || err != nil {
			return r, err
		}
	}
	var err error
	r = inventoryRead{}
	r.inventory, r.evidence, err = d.deps.DMS.ReadAll(ctx, tell)
	return r, err
}

// readEvents reads what changed. done is false where the system must be read whole: it has no feed, was never proven whole, its mark
// is no longer good, the interval is over, or the reading broke.
func (d *Desk) readEvents(ctx context.Context, previous *provisioning.Snapshot, tell func(provisioning.Progress), r *inventoryRead) (done bool, err error) {
	feed, ok := d.deps.DMS.(provisioning.InventoryFeed)
	name := d.deps.DMS.Name()
	if !ok || previous == nil || previous.Cursors[name] == "" {
		return false, nil
	}
	base, known := previous.Proof(name)
	every, set := d.deps.FullEvery[name]
	if !set {
		every = fullEvery
	}
	if !known || !base.Complete || base.Full.IsZero() || d.now().Sub(base.Full) >= every {
		return false, nil
	}
	inventory := provisioning.Inventory{Accounts: previous.Accounts, Libraries: previous.Libraries, Groups: previous.Groups}
	r.inventory, r.evidence, err = feed.ReadChanges(ctx, previous.Cursors[name], inventory, tell)
	var e *provisioning.Error
	switch {
	case errors.As(err, &e) && e.Code == provisioning.Stale:
		return false, nil
	case err != nil:
		return false, err
	case r.evidence.Failure != "" || !r.evidence.EndMarker:
		return false, nil // nothing of it may be kept: the whole read says what is wrong
	}
	r.changes = true
	return true, nil
}

// takeInventory puts what the document system holds into the snapshot. A read that is not complete keeps the accounts of the
// last snapshot that it did not see, so that a broken list makes nobody a joiner.
func (d *Desk) takeInventory(ctx context.Context, snap, previous *provisioning.Snapshot, r inventoryRead) error {
	name := d.deps.DMS.Name()
	lastGood, _, err := d.deps.Store.LastGood(ctx, name)
	if err != nil {
		return err
	}
	var proof provisioning.Proof
	if r.changes {
		base, _ := previous.Proof(name)
		proof = provisioning.ProveChanges(r.evidence, base, len(r.inventory.Accounts), 0, nil)
	} else {
		proof = provisioning.Prove(r.evidence, lastGood, 0, nil)
	}
	snap.Accounts, snap.Libraries, snap.Groups = r.inventory.Accounts, r.inventory.Libraries, r.inventory.Groups
	if proof.Complete {
		snap.Cursors[name], snap.AccountsFrom = r.evidence.Cursor, r.evidence.Started
	}
	if !proof.Complete && previous != nil {
		seen := make(map[string]bool, len(snap.Accounts))
		for i := range snap.Accounts {
			seen[snap.Accounts[i].ID] = true
		}
		for _, a := range previous.Accounts {
			if !seen[a.ID] {
				snap.Accounts = append(snap.Accounts, a)
			}
		}
	}
	snap.Proofs = append(snap.Proofs, proof)
	return nil
}
