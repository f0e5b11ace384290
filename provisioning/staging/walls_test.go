package staging_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
	"rollcall/provisioning/staging"
)

func walled(t interface{ Fatal(...any) }) *policy.Policy {
	p, err := policy.Parse([]byte(`
[[wall]]
name = "Kite against Heron"
groups = ["*/KITE", "*/HERON"]
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestWallsHold: whoever would come to stand on both sides is named with the wall and both groups, and no number releases it; whoever
// stood there before is another matter.
func TestWallsHold(t *testing.T) {
	join := provisioning.Change{Kind: provisioning.JoinGroup, Account: "A1", Library: "LON", Object: "KITE", Before: provisioning.ValueNoMember, After: provisioning.ValueMember}
	leave := provisioning.Change{Kind: provisioning.LeaveGroup, Account: "A1", Library: "NYC", Object: "HERON", Before: provisioning.ValueMember, After: provisioning.ValueNoMember}
	byHand := leave
	byHand.ByHand = "the group is disabled"
	heron := provisioning.GroupRef{Library: "NYC", Group: "HERON"}
	for name, c := range map[string]struct {
		held    []provisioning.GroupRef
		changes []provisioning.Change
		holds   bool
	}{
		"crosses":                      {[]provisioning.GroupRef{heron}, []provisioning.Change{join}, true},
		"changes sides":                {[]provisioning.GroupRef{heron}, []provisioning.Change{leave, join}, false},
		"the old side only by hand":    {[]provisioning.GroupRef{heron}, []provisioning.Change{byHand, join}, true},
		"one side alone":               {nil, []provisioning.Change{join}, false},
		"a new account on both":        {nil, []provisioning.Change{join, {Kind: provisioning.JoinGroup, Account: "A1", Library: "NYC", Object: "HERON"}}, true},
		"stood there already, and not": {[]provisioning.GroupRef{{Library: "LON", Group: "KITE"}, heron}, []provisioning.Change{{Kind: provisioning.JoinGroup, Account: "A1", Library: "LON", Object: "ALL"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := firm(50)
			s.Accounts[0].Groups = c.held
			f := facts(s)
			f.Policy = walled(t)
			u := staging.NewUnit(key(1), "A1", "Tom Barnes", "", provisioning.KindEntitlement, c.changes)
			for _, v := range staging.Judge(batchOf(t, u), f) {
				if v.Guard != "walls" {
					continue
				}
				if v.Holds != c.holds || v.Releasable {
					t.Errorf("%+v", v)
				}
				if want := "Tom Barnes (Kite against Heron: LON/KITE and NYC/HERON)"; v.Holds && strings.Join(v.People, ",") != want {
					t.Errorf("it names %q, want %q", v.People, want)
				}
				return
			}
			t.Error("no guard of walls")
		})
	}
}

// TestNoBatchCrossesAWall: whatever is held and whatever is staged, a batch that the guard lets go leaves nobody with two groups apart
// whom it did not find with just those.
func TestNoBatchCrossesAWall(t *testing.T) {
	groups := []provisioning.GroupRef{{Library: "LON", Group: "KITE"}, {Library: "NYC", Group: "KITE"}, {Library: "LON", Group: "HERON"}, {Library: "NYC", Group: "HERON"}, {Library: "LON", Group: "ALL"}}
	rapid.Check(t, func(t *rapid.T) {
		s := firm(20)
		held := make(map[provisioning.GroupRef]bool)
		for _, g := range groups {
			if rapid.Bool().Draw(t, "held "+g.String()) {
				held[g] = true
				s.Accounts[0].Groups = append(s.Accounts[0].Groups, g)
			}
		}
		sides := func(in map[provisioning.GroupRef]bool) map[[2]provisioning.GroupRef]bool {
			apart := make(map[[2]provisioning.GroupRef]bool)
			for a := range in {
				for b := range in {
					if a.Group == "KITE" && b.Group == "HERON" {
						apart[[2]provisioning.GroupRef{a, b}] = true
					}
				}
			}
			return apart
		}
		before := sides(held)
		var changes []provisioning.Change
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			g := rapid.SampledFrom(groups).Draw(t, "group")
			c := provisioning.Change{Kind: provisioning.JoinGroup, Account: "A1", Library: g.Library, Object: g.Group}
			if rapid.Bool().Draw(t, "leave") {
				c.Kind = provisioning.LeaveGroup
				if rapid.Bool().Draw(t, "by hand") {
					c.ByHand = "not confirmed"
				} else {
					delete(held, g)
				}
			} else {
				held[g] = true
			}
			changes = append(changes, c)
		}
		fresh := 0
		for pair := range sides(held) {
			if !before[pair] {
				fresh++
			}
		}
		f := facts(s)
		f.Policy = walled(t)
		u := staging.NewUnit(key(1), "A1", "A1", "", provisioning.KindEntitlement, changes)
		for _, v := range staging.Judge(batchOf(t, u), f) {
			if v.Guard == "walls" && (v.Holds != (fresh > 0) || len(v.People) != fresh) {
				t.Fatalf("%d new pairs apart, and the guard says %+v", fresh, v)
			}
		}
	})
}
