package desk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"rollcall/provisioning"
)

// readTouched reads again the accounts that a batch changed, and compares anew, so that the roll shows what is, and not what was
// before. What cannot be read stays as it was until the next whole read.
func (d *Desk) readTouched(ctx context.Context, id int64) {
	st := d.state.Load()
	b, err := d.deps.Store.Batch(ctx, id)
	if err != nil || st == nil {
		return
	}
	const side = 4
	var mu sync.Mutex
	fresh := make(map[string]provisioning.Account)
	var g errgroup.Group
	g.SetLimit(side)
	for i := range b.Units {
		u := &b.Units[i]
		line := lastDone(u)
		if line == "" {
			continue
		}
		g.Go(func() error {
			a, found, err := d.deps.DMS.Account(ctx, u.Account)
			if err != nil || !found {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			fresh[a.ID] = a
			return nil
		})
		d.mu.Lock()
		d.done[u.Account] = line
		d.mu.Unlock()
	}
	_ = g.Wait() // an account that could not be read keeps its old row
	if len(fresh) == 0 {
		return
	}
	snap := *st.snap
	snap.Accounts = slices.Clone(snap.Accounts)
	for i := range snap.Accounts {
		if a, ok := fresh[snap.Accounts[i].ID]; ok {
			a.GlobalRoles = snap.Accounts[i].GlobalRoles // one account's own read does not tell them
			snap.Accounts[i] = a
			delete(fresh, a.ID)
		}
	}
	for _, a := range fresh { // created
		snap.Accounts = append(snap.Accounts, a)
	}
	slices.SortFunc(snap.Accounts, func(x, y provisioning.Account) int { return strings.Compare(x.ID, y.ID) })
	d.syncing.Lock()
	defer d.syncing.Unlock()
	if d.state.Load() == st { // a whole read that came meanwhile knows better
		_, _ = d.compareAnew(ctx, &snap) // where the store cannot be read, the roll stays as it was
	}
}

// lastDone says the first thing that a unit's batch confirmed: for a leaver that is the disabling.
func lastDone(u *provisioning.Unit) string {
	for i := range u.Ops {
		op := &u.Ops[i]
		if op.State == provisioning.OpConfirmed {
			word := what(op.Change)
			switch op.Change.Kind {
			case provisioning.DisableAccount:
				word = "disabled"
			case provisioning.CreateAccount:
				word = "created"
			default:
			}
			return fmt.Sprintf("%s %s, read back", word, op.DoneAt.Local().Format("15:04:05"))
		}
	}
	return ""
}

// lately is what a batch of this process did last to an account; "" where nothing.
func (d *Desk) lately(account string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.done[account]
}
