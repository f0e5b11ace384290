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
	d.anchorCreated(ctx, b)
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
			a.GlobalRoles = rolesLeft(a.GlobalRoles, &snap.Accounts[i], b)
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

// readTicked reads again the one account of a step that was ticked, and compares anew. What cannot be read stays as it was until the
// next read.
func (d *Desk) readTicked(ctx context.Context, id int64, account string) {
	d.syncing.Lock()
	defer d.syncing.Unlock()
	st := d.state.Load()
	b, err := d.deps.Store.Batch(ctx, id)
	if err != nil || st == nil {
		return
	}
	a, found, err := d.deps.DMS.Account(provisioning.ForPerson(ctx), account)
	i, known := st.account[strings.ToUpper(account)]
	if err != nil || !found || !known {
		return
	}
	snap := *st.snap
	snap.Accounts = slices.Clone(snap.Accounts)
	a.GlobalRoles = rolesLeft(a.GlobalRoles, &snap.Accounts[i], b)
	snap.Accounts[i] = a
	_, _ = d.compareAnew(ctx, &snap) // where the store cannot be read, the roll stays as it was
}

// rolesLeft are an account's global roles after a batch: those that its own read tells, and those that it held before and that the
// batch did not take: a connection may not be let read the members of a role, and what is not told is not gone.
func rolesLeft(told []string, before *provisioning.Account, b *provisioning.Batch) []string {
	left := slices.Clone(told)
	for _, role := range before.GlobalRoles {
		taken := slices.ContainsFunc(b.Units, func(u provisioning.Unit) bool {
			return u.Account == before.ID && slices.ContainsFunc(u.Ops, func(o provisioning.Op) bool {
				return o.Change.Kind == provisioning.RemoveGlobalRole && o.Change.Object == role &&
					(o.State == provisioning.OpConfirmed || o.State == provisioning.OpAlready)
			})
		})
		if !taken && !slices.Contains(left, role) {
			left = append(left, role)
		}
	}
	slices.Sort(left)
	return left
}

// anchorCreated records whose each account is that a batch made: it was made for them, whoever is met by its keys later (threats H4).
func (d *Desk) anchorCreated(ctx context.Context, b *provisioning.Batch) {
	var anchors []provisioning.Anchor
	for i := range b.Units {
		u := &b.Units[i]
		for j := range u.Ops {
			op := &u.Ops[j]
			if op.Change.Kind == provisioning.CreateAccount && op.State == provisioning.OpConfirmed && !u.Person.IsZero() {
				anchors = append(anchors, provisioning.Anchor{
					Account: u.Account, Person: u.Person, Evidence: fmt.Sprintf("made for them by batch %d", b.ID), FirstSeen: op.DoneAt, LastSeen: op.DoneAt,
				})
			}
		}
	}
	if len(anchors) > 0 && d.deps.Store.ReadOnly() == "" {
		_ = d.deps.Store.SaveAnchors(context.WithoutCancel(ctx), anchors) // a store that fails now fails the comparison too, which says so
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
