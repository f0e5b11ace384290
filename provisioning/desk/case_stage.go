package desk

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/propose"
)

// StageCase stages what a case prepared: into the batch that is being staged, or, where it has a minute of its own or is sealed, into
// a batch of its own that is reviewed and confirmed for itself.
func (d *Desk) StageCase(ctx context.Context, c *Case) (CaseStaged, error) {
	if err := d.mayChange(); err != nil {
		return CaseStaged{}, err
	}
	if c.Hold != "" {
		return CaseStaged{}, &provisioning.Error{Code: provisioning.Held, Message: c.Name + " is not staged: " + c.Hold, Hint: "settle that first"}
	}
	roll := d.Roll()
	if roll == nil || roll.Find(c.Key) < 0 {
		return CaseStaged{}, &provisioning.Error{Code: provisioning.Stale, Message: c.Name + " is no longer on the roll", Hint: "look for the name again"}
	}
	row := roll.Rows[roll.Find(c.Key)]
	unit := func(changes []provisioning.Change) provisioning.Unit {
		u := unitOf(&row, c.kind, changes)
		u.Account, u.Reason = changes[0].Account, strings.TrimSpace(c.Options.Reason)
		return u
	}
	staged := CaseStaged{Changes: len(c.now) + len(c.later)}
	title := string(c.Kind) + " " + c.Name
	if len(c.now) > 0 {
		if c.Options.At.IsZero() && len(c.Options.Readers) == 0 {
			put, err := d.put(ctx, []provisioning.Unit{unit(c.now)})
			if err != nil {
				return CaseStaged{}, err
			}
			staged.Batch = put.Batch
		} else {
			b, err := d.newBatch(ctx, title, c.Options.At, zone(c.Options.At.Local()), d.readers(c.Options.Readers), []provisioning.Unit{unit(c.now)})
			if err != nil {
				return CaseStaged{}, err
			}
			staged.Batch, staged.Own = b.ID, true
		}
	}
	if len(c.later) > 0 {
		b, err := d.newBatch(ctx, title+": what goes", c.Options.Grace, zone(c.Options.Grace.Local()), d.readers(c.Options.Readers), []provisioning.Unit{unit(c.later)})
		if err != nil {
			return staged, err
		}
		staged.Later = b.ID
		if staged.Batch == 0 {
			staged.Batch, staged.Own = b.ID, true
		}
	}
	return staged, nil
}

// readers are the operators who may read a sealed batch: whoever seals it is one of them.
func (d *Desk) readers(named []string) []string {
	if len(named) == 0 {
		return nil
	}
	all := append(slices.Clone(named), d.deps.Operator.Name)
	slices.Sort(all)
	return slices.Compact(all)
}

// decideReturners remembers, of a batch that begins, which closed accounts are their returners' own: from then on the two are linked.
// Before it begins nothing is decided: a batch that is dropped leaves the collision in sight.
func (d *Desk) decideReturners(ctx context.Context, b *provisioning.Batch) error {
	for i := range b.Units {
		u := &b.Units[i]
		opens := slices.ContainsFunc(u.Ops, func(o provisioning.Op) bool { return o.Change.Kind == provisioning.EnableAccount })
		if u.Kind != provisioning.KindReusedID || !opens || u.Person.IsZero() {
			continue
		}
		decision := provisioning.Decision{Person: u.Person, Account: u.Account, Theirs: true, By: d.deps.Operator.Name, At: d.now(), Reason: u.Reason}
		e := d.batchEvent(provisioning.EventDecision, b.ID, fmt.Sprintf("%s is theirs, of %s. %s", u.Account, u.Person, u.Reason))
		e.Unit, e.Subject = u.ID, u.Account
		if err := d.deps.Store.Decide(ctx, decision, e); err != nil {
			return err
		}
	}
	return nil
}

// StageExcess stages the removal of what an account holds and policy does not give: only ever on request.
func (d *Desk) StageExcess(ctx context.Context, key string) (Staged, error) {
	roll, st := d.Roll(), d.state.Load()
	if roll == nil || st == nil || roll.Find(key) < 0 {
		return Staged{}, &provisioning.Error{Code: provisioning.NotFound, Message: "that row is no longer on the roll", Hint: "look for the name again"}
	}
	row := &roll.Rows[roll.Find(key)]
	left := func(why string) (Staged, error) {
		return Staged{Left: []Left{{Key: key, Name: rowName(row), Why: why}}}, nil
	}
	if row.Person == nil || row.Account() == nil || !row.Has(provisioning.KindEntitlement) {
		return left("nothing is in excess")
	}
	if why := propose.Untouchable(row.Account(), st.world); why != "" {
		return left(why)
	}
	p := propose.Excess(row.Person, row.Account(), st.world)
	if p.Hold != "" {
		return left(p.Hold)
	}
	return d.put(ctx, []provisioning.Unit{unitOf(row, p.Kind, p.Changes)})
}

// Has reports whether a kind of mismatch was found on the row.
func (r *Row) Has(kind provisioning.Kind) bool {
	return slices.ContainsFunc(r.Mismatches, func(m *provisioning.Mismatch) bool { return m.Kind == kind })
}
