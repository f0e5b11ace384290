package desk

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/compare"
	"rollcall/provisioning/policy"
	"rollcall/provisioning/propose"
)

// rights lays what the policy gives a person beside what the account holds, right by right with the reason; notes say what else the
// policy did: rules that an exclusive one keeps out, roles that lost, exceptions that ended. account may be nil.
func rights(st *compared, person *provisioning.Person, account *provisioning.Account) (list []Right, notes []string) {
	w := st.world
	if account == nil {
		account = &provisioning.Account{}
	}
	drift := compare.Entitlements(w.Policy, person, account, w.At)
	b := drift.Birthright
	in := librariesOf(account, b, w)
	for i := range b.Given {
		g := &b.Given[i]
		r := Right{Entitlement: g.Entitlement, State: RightStays, Why: because(g.Reasons)}
		if slices.ContainsFunc(drift.Missing, func(m policy.Given) bool { return m.Entitlement == g.Entitlement }) {
			r.State = RightComes
			r.keep(propose.Barred(g.Entitlement, in, account.External, w))
		}
		if h := slices.IndexFunc(drift.Withheld, func(h policy.Withheld) bool { return h.Entitlement == g.Entitlement }); h >= 0 {
			r.keep(propose.Withheld(&drift.Withheld[h]))
		}
		list = append(list, r)
	}
	for i := range drift.Withheld {
		h := &drift.Withheld[i]
		if !slices.ContainsFunc(list, func(r Right) bool { return r.Entitlement == h.Entitlement }) {
			r := Right{Entitlement: h.Entitlement, Why: because(h.Reasons)}
			r.keep(propose.Withheld(h))
			list = append(list, r)
		}
	}
	for _, e := range drift.Excess {
		list = append(list, Right{Entitlement: e.Entitlement, State: RightGoes, Why: e.Why})
	}
	for _, e := range drift.Untouched {
		list = append(list, Right{Entitlement: e, State: RightUngoverned, Why: "given by hand: the policy leaves it alone"})
	}
	slices.SortStableFunc(list, func(a, b Right) int { return a.Compare(b.Entitlement) })
	return list, birthrightNotes(b)
}

// keep keeps a right back, where something bars it.
func (r *Right) keep(bar propose.Bar) {
	if bar != (propose.Bar{}) {
		r.State, r.Bar, r.Why = RightWithheld, bar.What, bar.Why+"; "+r.Why
	}
}

// Explained is the right as explain and --json tell it.
func (r Right) Explained() ExplainedRight {
	return ExplainedRight{Entitlement: r.Entitlement, State: r.State, Why: r.Why}
}

// because says the reasons of a right, the deciding one first.
func because(reasons []policy.Reason) string {
	parts := make([]string, len(reasons))
	for i, r := range reasons {
		parts[i] = r.String()
	}
	return strings.Join(parts, "; also ")
}

// librariesOf are the libraries that an account is in, and those that a birthright brings it into.
func librariesOf(a *provisioning.Account, b *policy.Birthright, w propose.World) map[string]bool {
	in := make(map[string]bool)
	for _, m := range a.Memberships {
		in[m.Library] = true
	}
	for i := range b.Given {
		if g := &b.Given[i]; g.Kind == provisioning.EntitlementLibrary && w.Library(g.Library) {
			in[g.Library] = true
		}
	}
	return in
}

// brief keeps the deciding reason of each right: a case is read with a caller waiting, and explain tells the rest.
func brief(list []Right) []Right {
	for i := range list {
		list[i].Why, _, _ = strings.Cut(list[i].Why, "; also ")
	}
	return list
}

// warnings are the notes of a birthright that an operator must see before staging: what an exclusive rule keeps out, what has ended.
func warnings(b *policy.Birthright) []string {
	var notes []string
	for _, r := range b.Excluded {
		notes = append(notes, "kept out by a more specific rule that is exclusive: "+r.String())
	}
	for _, l := range b.Lapsed {
		notes = append(notes, fmt.Sprintf("%s was given until %s: %s", l.Entitlement, l.Reason.Until.Local().Format("2 Jan 2006"), l.Reason))
	}
	return notes
}

func birthrightNotes(b *policy.Birthright) []string {
	var notes []string
	for _, r := range b.Excluded {
		notes = append(notes, "kept out by a more specific rule that is exclusive: "+r.String())
	}
	for _, o := range b.Overruled {
		notes = append(notes, fmt.Sprintf("%s, by %s, loses to %s", o.Entitlement, o.Reason, o.By))
	}
	for _, l := range b.Lapsed {
		notes = append(notes, fmt.Sprintf("%s was given until %s: %s", l.Entitlement, l.Reason.Until.Local().Format("2 Jan 2006"), l.Reason))
	}
	if b.Preferred != "" {
		notes = append(notes, fmt.Sprintf("preferred library %s: %s", b.Preferred, b.PreferredWhy))
	}
	if b.Location != "" {
		notes = append(notes, fmt.Sprintf("location %s: %s", b.Location, b.LocationWhy))
	}
	return notes
}

// templates names the rules that decided a birthright, each once.
func templates(b *policy.Birthright) string {
	var names []string
	for _, g := range b.Given {
		if len(g.Reasons) == 0 {
			continue
		}
		r := &g.Reasons[0]
		s := fmt.Sprintf("%s %d", r.Source, r.Number)
		if r.Name != "" {
			s = fmt.Sprintf("%s (%s)", r.Name, s)
		}
		if !slices.Contains(names, s) {
			names = append(names, s)
		}
	}
	return strings.Join(names, ", ")
}
