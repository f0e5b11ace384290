package staging

import (
	"fmt"
	"slices"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
)

// walls holds a batch that would put somebody on two sides of a wall. Never releasable: who is on which side is for the matter's
// partner to say. What a person is to do by hand does not count as done: until it is, both sides would be held.
func (g *judge) walls() provisioning.Verdict {
	v := provisioning.Verdict{Guard: "walls", Sentence: "nobody on two sides of a wall"}
	crossing := 0
	for i := range g.batch.Units {
		u := &g.batch.Units[i]
		before, after := g.holds(u)
		old := g.Policy.Conflicts(before)
		fresh := slices.DeleteFunc(g.Policy.Conflicts(after), func(c policy.Conflict) bool { return slices.Contains(old, c) })
		for _, c := range fresh {
			v.People = append(v.People, fmt.Sprintf("%s (%s: %s and %s)", u.Name, c.Wall, c.A.Group(), c.B.Group()))
		}
		if len(fresh) > 0 {
			crossing++
		}
	}
	if crossing > 0 {
		v.Holds = true
		v.Sentence = fmt.Sprintf("%d would stand on two sides of a wall: drop them, or the group of one side", crossing)
	}
	return v
}

// holds lists the rights of a unit's account as last read, and as they would be after what the unit sends.
func (g *judge) holds(u *provisioning.Unit) (before, after []provisioning.Entitlement) {
	if a := g.accounts[u.Account]; a != nil {
		before = a.Entitlements()
	}
	after = slices.Clone(before)
	for i := range u.Ops {
		c := u.Ops[i].Change
		right := provisioning.InGroup(provisioning.GroupRef{Library: c.Library, Group: c.Object})
		switch {
		case c.Kind == provisioning.JoinGroup && !slices.Contains(after, right):
			after = append(after, right)
		case c.Kind == provisioning.LeaveGroup && c.ByHand == "":
			after = slices.DeleteFunc(after, func(e provisioning.Entitlement) bool { return e == right })
		}
	}
	return before, after
}
