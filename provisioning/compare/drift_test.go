package compare_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/compare"
	"rollcall/provisioning/policy"
	"rollcall/provisioning/policy/policytest"
)

// apply gives an account what a drift misses, and takes what is in excess.
func apply(a provisioning.Account, d compare.Drift) provisioning.Account {
	held := make(map[provisioning.Entitlement]bool)
	for _, e := range a.Entitlements() {
		held[e] = true
	}
	for _, x := range d.Excess {
		delete(held, x.Entitlement)
	}
	for _, g := range d.Missing {
		held[g.Entitlement] = true
	}
	out := provisioning.Account{ID: a.ID, Enabled: a.Enabled, External: a.External}
	for e := range held {
		switch e.Kind {
		case provisioning.EntitlementLibrary:
			m := provisioning.Membership{Library: e.Library, Enabled: true}
			for role := range held {
				if role.Kind == provisioning.EntitlementRole && role.Library == e.Library {
					if m.Role != "" {
						panic("two roles in " + e.Library)
					}
					m.Role = role.Name
				}
			}
			out.Memberships = append(out.Memberships, m)
		case provisioning.EntitlementGroup:
			out.Groups = append(out.Groups, e.Group())
		case provisioning.EntitlementRole:
		}
	}
	slices.SortFunc(out.Memberships, func(x, y provisioning.Membership) int { return strings.Compare(x.Library, y.Library) })
	slices.SortFunc(out.Groups, func(x, y provisioning.GroupRef) int {
		return strings.Compare(x.Library+"\x00"+x.Group, y.Library+"\x00"+y.Group)
	})
	return out
}

// TestADriftIsMended: with what is missing given and what is in excess taken, an account has no drift, but for what a wall kept back
// because of something that has gone meanwhile; giving all that is missing never breaks a wall that stood; and each right that is held
// or given stands in exactly one place.
func TestADriftIsMended(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, err := policy.Parse([]byte(policytest.Policy(t)), nil)
		if err != nil {
			t.Fatal(err)
		}
		person, a, at := policytest.Person(t), policytest.Account(t), policytest.Moment(t)
		d := compare.Entitlements(p, &person, &a, at)
		if !d.Birthright.Fits && len(d.Missing)+len(d.Excess)+len(d.Withheld) > 0 {
			t.Fatalf("policy says nothing of them, and the drift %s", say(d))
		}
		places(t, p, &a, d)
		mended := apply(a, d)
		after := compare.Entitlements(p, &person, &mended, at)
		if len(after.Excess) > 0 {
			t.Fatalf("%s\nafter it %s", say(d), say(after))
		}
		for _, g := range after.Missing {
			if !slices.ContainsFunc(d.Withheld, func(h policy.Withheld) bool { return h.Entitlement == g.Entitlement }) {
				t.Fatalf("%s\nafter it %s", say(d), say(after))
			}
		}
		twice := apply(mended, after)
		if last := compare.Entitlements(p, &person, &twice, at); len(last.Missing)+len(last.Excess) > 0 {
			t.Fatalf("%s\nafter it %s\nand after that %s", say(d), say(after), say(last))
		}
		given := apply(a, compare.Drift{Missing: only(d.Missing, provisioning.EntitlementGroup)})
		if len(p.Conflicts(given.Entitlements())) > len(p.Conflicts(a.Entitlements())) {
			t.Fatalf("what is missing would break a wall: %s", say(d))
		}
	})
}

func only(list []policy.Given, kind provisioning.EntitlementKind) []policy.Given {
	return slices.DeleteFunc(slices.Clone(list), func(g policy.Given) bool { return g.Kind != kind })
}

// places holds that every right stands where it belongs, by the definition and not by the walk that finds it.
func places(t *rapid.T, p *policy.Policy, a *provisioning.Account, d compare.Drift) {
	held := a.Entitlements()
	missing := make(map[provisioning.Entitlement]bool)
	for _, g := range d.Missing {
		missing[g.Entitlement] = true
	}
	excess, alone := make(map[provisioning.Entitlement]bool), make(map[provisioning.Entitlement]bool)
	for _, x := range d.Excess {
		excess[x.Entitlement] = true
	}
	for _, e := range d.Untouched {
		alone[e] = true
	}
	withheld := make(map[provisioning.Entitlement]bool)
	for _, h := range d.Withheld {
		withheld[h.Entitlement] = true
	}
	for _, g := range d.Birthright.Given {
		isHeld := slices.Contains(held, g.Entitlement)
		if g.Kind == provisioning.EntitlementRole {
			m, in := a.Membership(g.Library)
			isHeld = isHeld || (in && m.Role == "") || (in && a.External && g.Name == "DEFAULT" && m.Role == "DEFAULT EXTERNAL")
		}
		if isHeld == (missing[g.Entitlement] || withheld[g.Entitlement]) || (missing[g.Entitlement] && withheld[g.Entitlement]) {
			t.Fatalf("%s is given; held %v: %s", g, isHeld, say(d))
		}
	}
	for _, e := range held {
		if _, given := d.Birthright.Gives(e); given {
			if excess[e] || alone[e] || missing[e] || withheld[e] {
				t.Fatalf("%s is held and given: %s", e, say(d))
			}
			continue
		}
		if e.Kind == provisioning.EntitlementGroup && d.Birthright.Fits && (excess[e] != p.Governs(e) || alone[e] == p.Governs(e)) {
			t.Fatalf("%s is held and not given; governed %v: %s", e, p.Governs(e), say(d))
		}
		if e.Kind == provisioning.EntitlementLibrary && excess[e] && !p.Governs(e) {
			t.Fatalf("%s is given by hand: %s", e, say(d))
		}
		role, in := a.Membership(e.Library)
		if e.Kind == provisioning.EntitlementLibrary && in && role.Role != "" && excess[e] != excess[provisioning.RoleIn(e.Library, role.Role)] {
			t.Fatalf("%s and its role are parted: %s", e, say(d))
		}
	}
	if n := len(d.Missing) + len(d.Excess) + len(d.Untouched) + len(d.Withheld); n != len(missing)+len(excess)+len(alone)+len(withheld) {
		t.Fatalf("something is named twice: %s", say(d))
	}
}

// TestExplainAgrees: what the policy gives a person is exactly what an empty account misses, with the same reasons; what it withholds is
// what is withheld; and what compare tells of an account is what Entitlements says of it.
func TestExplainAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, err := policy.Parse([]byte(policytest.Policy(t)), nil)
		if err != nil {
			t.Fatal(err)
		}
		person, at := policytest.Person(t), policytest.Moment(t)
		b := p.Birthright(&person, at)
		d := compare.Entitlements(p, &person, &provisioning.Account{}, at)
		if fmt.Sprint(d.Missing) != fmt.Sprint(b.Given) || fmt.Sprint(d.Withheld) != fmt.Sprint(b.Withheld) || len(d.Excess)+len(d.Untouched) > 0 {
			t.Fatalf("given %v, and an empty account misses %v", b.Given, d.Missing)
		}
		a := policytest.Account(t)
		person.SSOName = "tbarnes"
		drift := compare.Entitlements(p, &person, &a, at)
		if rapid.Bool().Draw(t, "mended") {
			a = apply(a, drift)
			drift = compare.Entitlements(p, &person, &a, at)
		}
		if p.Fulfils(&a, drift.Birthright) && len(drift.Missing)+len(drift.Excess) > 0 {
			t.Fatalf("fulfilled at a glance, and %s", say(drift))
		}
		list := found(provisioning.KindEntitlement, p, person, a, func(in *compare.Input) { in.At = at })
		var missing, excess []provisioning.Entitlement
		for _, m := range list {
			missing, excess = append(missing, m.Missing...), append(excess, m.Excess...)
		}
		if len(list) == 0 && len(found(provisioning.KindUnconfigured, p, person, a, nil)) > 0 {
			return // it is told as unconfigured
		}
		if len(missing) != len(drift.Missing) || len(excess) != len(drift.Excess) || (len(list) > 0 && list[0].Detail == "") {
			t.Fatalf("compare: missing %v, in excess %v; %s", missing, excess, say(drift))
		}
		for i := range missing {
			if missing[i] != drift.Missing[i].Entitlement {
				t.Fatalf("missing %v, %s", missing, say(drift))
			}
		}
	})
}
