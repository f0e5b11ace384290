package desk

import (
	"slices"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/compare"
)

// GroupDrift is how far a group of iManage is out of step with the directory groups that are mapped to it: both directions.
type GroupDrift struct {
	Group   provisioning.GroupRef
	From    []string // the directory groups
	InStep  int      // people who are in both
	Missing []Linked // who the directory says belongs there, and is not
	Excess  []Linked // who is there, and the policy does not give it
	Unknown []string // enabled member accounts behind whom nobody active is linked: no directory gives it to anybody
}

// GroupDrifts compares every mapped group with the directory groups behind it. Both sides must have been read whole: else somebody could
// seem to be missing who was not listed.
func (d *Desk) GroupDrifts() ([]GroupDrift, error) {
	st := d.state.Load()
	if st == nil {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "nothing has been read yet", Hint: "run rollcall sync first"}
	}
	if people, accounts := d.proven(st.snap); !people || !accounts {
		return nil, &provisioning.Error{Code: provisioning.Unproven, Message: "a system was not read whole: a drift of groups could be an unread page", Hint: "read again"}
	}
	drifts := make(map[provisioning.GroupRef]*GroupDrift)
	for _, m := range st.world.Policy.Mappings() {
		for _, ref := range m.Gives {
			for _, g := range st.snap.Groups {
				if g.Ref.Group == ref.Group && (g.Ref.Library == ref.Library || (ref.Library == "*" && g.Ref.Library != "")) {
					drift := drifts[g.Ref]
					if drift == nil {
						drift = &GroupDrift{Group: g.Ref}
						drifts[g.Ref] = drift
					}
					if !slices.Contains(drift.From, m.Group) {
						drift.From = append(drift.From, m.Group)
					}
				}
			}
		}
	}
	st.countMembers(drifts)
	list := make([]GroupDrift, 0, len(drifts))
	for _, drift := range drifts {
		list = append(list, *drift)
	}
	slices.SortFunc(list, func(a, b GroupDrift) int { return strings.Compare(a.Group.String(), b.Group.String()) })
	return list, nil
}

// countMembers lays every account beside what its person's directory groups give.
func (st *compared) countMembers(drifts map[provisioning.GroupRef]*GroupDrift) {
	for i := range st.snap.Accounts {
		a := &st.snap.Accounts[i]
		at := st.links.Holders[i].Subject
		if at < 0 || !st.links.Subjects[at].Live() {
			for _, g := range a.Groups {
				if drift := drifts[g]; drift != nil && a.Enabled {
					drift.Unknown = append(drift.Unknown, a.ID)
				}
			}
			continue
		}
		p := st.links.Subjects[at].Person
		if !a.Enabled || !st.world.Policy.InScope(p) {
			continue
		}
		one := func(why string) Linked { return Linked{Key: personRowKey(p.Key), Name: p.FullName, Why: why} }
		found := compare.Entitlements(st.world.Policy, p, a, st.world.At)
		for _, g := range found.Birthright.Given {
			if drift := drifts[g.Group()]; g.Kind == provisioning.EntitlementGroup && drift != nil && slices.Contains(a.Groups, g.Group()) {
				drift.InStep++
			}
		}
		for _, m := range found.Missing {
			if drift := drifts[m.Group()]; m.Kind == provisioning.EntitlementGroup && drift != nil {
				drift.Missing = append(drift.Missing, one(because(m.Reasons)))
			}
		}
		for _, e := range found.Excess {
			if drift := drifts[e.Group()]; e.Kind == provisioning.EntitlementGroup && drift != nil {
				drift.Excess = append(drift.Excess, one(e.Why))
			}
		}
	}
}
