package desk

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/propose"
)

// Case prepares a joiner, mover or leaver for the row with a key: it looks at everything that has gone wrong before, and says what it
// would do and why. For a leaver it reads live what they would leave behind. It changes nothing.
func (d *Desk) Case(ctx context.Context, kind CaseKind, key string, o CaseOptions) (*Case, error) {
	roll, st := d.Roll(), d.state.Load()
	if roll == nil || st == nil {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "nothing has been read yet", Hint: "press r to read"}
	}
	i := roll.Find(key)
	if i < 0 {
		return nil, &provisioning.Error{Code: provisioning.NotFound, Message: "that row is no longer on the roll", Hint: "look for the name again"}
	}
	row := roll.Rows[i]
	b := &casing{d: d, st: st, row: &row, c: &Case{Kind: kind, Key: key, Name: rowName(&row), Person: row.Person, Account: row.Account(), Options: o}}
	var err error
	switch kind {
	case CaseJoiner:
		b.joiner()
	case CaseMover:
		b.mover()
	case CaseLeaver:
		err = b.leaver(ctx)
	default:
		err = &provisioning.Error{Code: provisioning.Invalid, Message: "there is no such case: " + string(kind)}
	}
	if err != nil {
		return nil, err
	}
	b.finish()
	return b.c, nil
}

// casing is a case while it is made.
type casing struct {
	d   *Desk
	st  *compared
	row *Row
	c   *Case
}

func (b *casing) check(what string, state provisioning.FindingState, format string, args ...any) {
	b.c.Checks = append(b.c.Checks, Check{What: what, State: state, Detail: fmt.Sprintf(format, args...)})
}

// hold keeps the whole case back: the sentence is a check as well.
func (b *casing) hold(what, format string, args ...any) {
	b.check(what, provisioning.FindingBad, format, args...)
	if b.c.Hold == "" {
		b.c.Hold = fmt.Sprintf(format, args...)
	}
}

// take puts a proposal into the case.
func (b *casing) take(p propose.Proposal) {
	b.c.kind = p.Kind
	if p.Hold != "" {
		if b.c.Hold == "" {
			b.hold("held", "%s", p.Hold)
		}
		return
	}
	b.c.now = append(b.c.now, p.Changes...)
	for _, n := range p.Notes {
		if !slices.ContainsFunc(b.c.Checks, func(c Check) bool { return c.Detail == n.Text }) {
			b.check(n.What, provisioning.FindingWarning, "%s", n.Text)
		}
	}
}

// finish puts the checks in order, what hurts first, and the changes into words.
func (b *casing) finish() {
	rank := func(s provisioning.FindingState) int {
		switch s {
		case provisioning.FindingBad:
			return 0
		case provisioning.FindingWarning:
			return 1
		default:
			return 2
		}
	}
	slices.SortStableFunc(b.c.Checks, func(x, y Check) int { return rank(x.State) - rank(y.State) })
	if b.c.Hold != "" {
		b.c.now, b.c.later = nil, nil
	}
	lines := func(changes []provisioning.Change) []Line {
		if len(changes) == 0 {
			return nil
		}
		u := unitOf(b.row, b.c.kind, changes)
		return b.d.lines(b.st, &u)
	}
	b.c.Now, b.c.Later = lines(b.c.now), lines(b.c.later)
	if b.c.Hold == "" && len(b.c.now)+len(b.c.later) == 0 {
		b.c.Hold = "there is nothing to change"
	}
}

// known holds a case whose account a directory owns, that is protected, or about whom somebody must decide first.
func (b *casing) known() {
	if a := b.c.Account; a != nil {
		if why := propose.Untouchable(a, b.st.world); why != "" {
			what := "protected"
			if a.Managed() {
				what = "directory"
			}
			b.hold(what, "%s", why)
		}
	}
	for _, m := range b.row.Mismatches {
		switch {
		case m.Unsettled:
			b.hold("doubt", "%s", m.Detail)
		case m.Kind == provisioning.KindDisputed:
			b.hold("disputed", "several accounts may be theirs: open the row and confirm which it is")
		case m.Kind == provisioning.KindSSOName:
			b.check("sso name", provisioning.FindingWarning, "%s: the user id cannot be changed, have the directory send it", m.Detail)
		case m.Kind == provisioning.KindDuplicate:
			b.check("duplicate", provisioning.FindingWarning, "%s", m.Detail)
		case m.Kind == provisioning.KindWall:
			b.check("wall", provisioning.FindingBad, "%s", m.Detail)
		default:
		}
	}
}

// proofs holds a case that rests on a read which is not proven whole.
func (b *casing) proofs(what string) {
	for _, p := range b.st.snap.Proofs {
		if p.Source == b.d.deps.DMS.Name() && !p.Complete {
			b.hold("proof", "%s was not read whole (%s): %s", p.Source, p.Reason, what)
		}
	}
}

// choose applies what the operator put in and left out to the rights that come.
func (b *casing) choose(wanted []provisioning.Entitlement) []provisioning.Entitlement {
	o := &b.c.Options
	for i := range b.c.Rights {
		r := &b.c.Rights[i]
		if r.State == RightComes && dropped(r.Entitlement, o.Drop) {
			r.State = RightDropped
		}
	}
	wanted = slices.DeleteFunc(slices.Clone(wanted), func(e provisioning.Entitlement) bool { return dropped(e, o.Drop) })
	for _, e := range o.Add {
		if slices.Contains(wanted, e) {
			continue
		}
		if e.Kind == provisioning.EntitlementRole { // the operator's role takes the place of the template's
			wanted = slices.DeleteFunc(wanted, func(have provisioning.Entitlement) bool {
				return have.Kind == provisioning.EntitlementRole && have.Library == e.Library
			})
		}
		wanted = append(wanted, e)
		if b.c.Account == nil || !slices.Contains(b.c.Account.Entitlements(), e) {
			b.c.Rights = append(b.c.Rights, Right{Entitlement: e, State: RightComes, Why: "added by " + b.d.deps.Operator.Name})
		}
	}
	slices.SortStableFunc(b.c.Rights, func(x, y Right) int { return x.Compare(y.Entitlement) })
	return wanted
}

// dropped reports whether an operator left a right out, or the library that it stands in.
func dropped(e provisioning.Entitlement, drop []provisioning.Entitlement) bool {
	return slices.Contains(drop, e) || (e.Library != "" && slices.Contains(drop, provisioning.InLibrary(e.Library)))
}

// holder is the row of whoever an account is linked to; nil where nobody is.
func (st *compared) holder(account string) *provisioning.Person {
	i, ok := st.account[strings.ToUpper(account)]
	if !ok {
		return nil
	}
	if s := st.links.Holders[i].Subject; s >= 0 {
		return st.links.Subjects[s].Person
	}
	return nil
}
