package desk

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/certify"
	"rollcall/provisioning/licence"
)

// reviewItems lists what is in a scope as the roll stands, with the evidence. was is, for a closing list, the opening one.
func (d *Desk) reviewItems(ctx context.Context, st *compared, scope provisioning.CampaignScope, was []provisioning.ReviewItem) ([]provisioning.ReviewItem, error) {
	given, err := d.given(ctx)
	if err != nil {
		return nil, err
	}
	rows := st.all
	list := make([]certify.Row, 0, len(rows))
	met := make(map[string]bool, len(st.snap.Accounts))
	for i := range rows {
		r := &rows[i]
		a := r.Account()
		if a == nil || met[a.ID] {
			continue
		}
		met[a.ID] = true
		list = append(list, certify.Row{Person: r.Person, Account: a, Mismatches: r.Mismatches, Away: r.Away})
	}
	for i := range st.snap.Accounts { // of a disputed row, and whatever else nobody is linked to: they can open documents all the same
		if a := &st.snap.Accounts[i]; !met[a.ID] {
			list = append(list, certify.Row{Account: a})
		}
	}
	use, err := d.usageOf(ctx, st)
	if err != nil {
		return nil, err
	}
	return certify.Items(certify.Input{
		Rows: list, Policy: d.policy(), Scope: scope, At: d.now(), Was: was,
		History: func(account string) map[certify.Access]certify.Given { return given[account] },
		Usage: func(account string) (provisioning.Usage, time.Time, string) {
			f := use(account)
			return f.Usage, f.Last, f.How
		},
	}), nil
}

// given reads since when each account has what it has, and who gave it where rollcall did.
func (d *Desk) given(ctx context.Context) (map[string]map[certify.Access]certify.Given, error) {
	all := make(map[string]map[certify.Access]certify.Given)
	by := make(map[string]string)
	var account string
	var now map[certify.Access]certify.Given
	err := d.deps.Store.AccessWalk(ctx, func(s provisioning.AccessState) error {
		if s.Account != account {
			account, now = s.Account, nil
		}
		was := now
		now = make(map[certify.Access]certify.Given, 1+len(s.Memberships)+len(s.Groups)+len(s.GlobalRoles))
		put := func(k certify.Access) error {
			if g, held := was[k]; held {
				now[k] = g
				return nil
			}
			who, err := d.giver(ctx, s.How, by)
			now[k] = certify.Given{Since: s.Since, By: who}
			return err
		}
		if !s.Exists {
			all[account] = now
			return nil
		}
		keys := []certify.Access{certify.AccountAccess(account)}
		for _, m := range s.Memberships {
			keys = append(keys, certify.LibraryAccess(account, m.Library))
		}
		for _, g := range s.Groups {
			keys = append(keys, certify.GroupAccess(account, g))
		}
		for _, role := range s.GlobalRoles {
			keys = append(keys, certify.GlobalRoleAccess(account, role))
		}
		for _, k := range keys {
			if err := put(k); err != nil {
				return err
			}
		}
		all[account] = now
		return nil
	})
	return all, err
}

// giver says who brought a state about: the operator whose batch it was. A read does not say who.
func (d *Desk) giver(ctx context.Context, how string, known map[string]string) (string, error) {
	batch, _, ok := strings.Cut(how, ",")
	if !ok || !strings.HasPrefix(batch, "batch ") {
		return "", nil
	}
	if who, met := known[batch]; met {
		return who, nil
	}
	var id int64
	if _, err := fmt.Sscanf(batch, "batch %d", &id); err != nil {
		return "", nil //nolint:nilerr // it was learnt otherwise
	}
	who := batch
	b, err := d.deps.Store.Batch(ctx, id)
	switch {
	case provisioning.CodeOf(err) == provisioning.NotFound:
	case err != nil:
		return "", err
	case d.mayRead(b):
		who = b.CommittedBy + ", " + batch
	default:
		who = "a sealed batch"
	}
	known[batch] = who
	return who, nil
}

// usageOf says of each account whether it is used, by the latest that is known.
func (d *Desk) usageOf(ctx context.Context, st *compared) (func(account string) licence.Finding, error) {
	activity, err := d.deps.Store.Activities(ctx)
	if err != nil {
		return nil, err
	}
	people := make(map[string]*provisioning.Person)
	rows := st.all
	for i := range rows {
		if a := rows[i].Account(); a != nil && rows[i].Person != nil {
			people[a.ID] = rows[i].Person
		}
	}
	days := d.policy().Licences.Reclaim
	return func(account string) licence.Finding {
		i, ok := st.account[account]
		if !ok {
			return licence.Finding{Usage: provisioning.UsageUnknown, How: "the account is not on the roll"}
		}
		var act *provisioning.Activity
		if a, met := activity[account]; met {
			act = &a
		}
		return licence.Use(&st.snap.Accounts[i], people[account], act, d.now(), days)
	}, nil
}
