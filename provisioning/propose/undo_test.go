package propose_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
	"rollcall/provisioning/propose"
)

const (
	absent   = provisioning.ValueAbsent
	enabled  = provisioning.ValueEnabled
	disabled = provisioning.ValueDisabled
	in       = provisioning.ValueMember
	out      = provisioning.ValueNoMember
)

// system is one account of a document system, small enough to be looked at whole: what it holds, by what a change may touch.
type system map[provisioning.Aspect]string

func aspect(sort provisioning.AspectSort, library, object string) provisioning.Aspect {
	return provisioning.Aspect{Sort: sort, Account: "U", Library: library, Object: object}
}

// value is what stands there; what was never set is not there.
func (s system) value(a provisioning.Aspect) string {
	if v, ok := s[a]; ok {
		return v
	}
	switch a.Sort {
	case provisioning.AspectGroup, provisioning.AspectGlobalRole:
		return out
	case provisioning.AspectField, provisioning.AspectOwner:
		return ""
	default:
		return absent
	}
}

func (s system) groups(library string) []string {
	var list []string
	for a, v := range s {
		if a.Sort == provisioning.AspectGroup && a.Library == library && v == in {
			list = append(list, a.Object)
		}
	}
	slices.Sort(list)
	return list
}

// apply does a change as iManage would, and says why it would not.
func (s system) apply(c provisioning.Change) (pre *provisioning.PreImage, err error) {
	a := c.Aspect()
	signIn, place := s.value(aspect(provisioning.AspectSignIn, "", "")), s.value(aspect(provisioning.AspectPlace, c.Library, ""))
	before := s.value(a)
	if c.Kind == provisioning.RemoveLibrary && before != absent {
		before = in
	}
	switch {
	case before != c.Before:
		return nil, fmt.Errorf("it reads %q", before)
	case c.Kind != provisioning.CreateAccount && signIn == absent:
		return nil, fmt.Errorf("there is no account")
	case c.Kind == provisioning.JoinGroup && c.Library != "" && place == absent:
		return nil, fmt.Errorf("it is not in the library")
	case c.Kind == provisioning.TransferWorkspace && c.After == "U" && place == absent:
		return nil, fmt.Errorf("it is not in the library")
	case c.Kind == provisioning.AssignLibrary && c.Profile == nil:
		return nil, fmt.Errorf("no profile")
	case c.Kind == provisioning.AssignLibrary && c.Profile.Closed != (signIn == disabled):
		return nil, fmt.Errorf("the assignment says closed %v of an account that is %s", c.Profile.Closed, signIn)
	}
	switch c.Kind {
	case provisioning.CreateAccount:
		s[a] = enabled
		return nil, nil
	case provisioning.RemoveLibrary:
		pre = &provisioning.PreImage{Role: place, Groups: s.groups(c.Library)}
		if c.Along != nil && !pre.Within(c.Along) {
			return nil, fmt.Errorf("it would take along %v", pre)
		}
		for _, g := range pre.Groups {
			delete(s, aspect(provisioning.AspectGroup, c.Library, g))
		}
	}
	s[a] = c.After
	return pre, nil
}

// sight is what a desk would read of it.
func (s system) sight(created bool) propose.Sight {
	signIn := s.value(aspect(provisioning.AspectSignIn, "", ""))
	out := propose.Sight{
		Profile: provisioning.Observation{Value: provisioning.Profile{ID: "U"}.Encode()}, SignIn: provisioning.Observation{Value: signIn},
		Aspects: make(map[provisioning.Aspect]provisioning.Observation),
	}
	a := provisioning.Account{ID: "U"}
	for _, one := range universe() {
		o := provisioning.Observation{Value: s.value(one)}
		if one.Sort == provisioning.AspectPlace && o.Value != absent {
			o.Pre = &provisioning.PreImage{Role: o.Value, Groups: s.groups(one.Library)}
			a.Memberships = append(a.Memberships, provisioning.Membership{Library: one.Library, Role: o.Value})
		}
		if one.Sort == provisioning.AspectGroup && o.Value == in {
			a.Groups = append(a.Groups, provisioning.GroupRef{Library: one.Library, Group: one.Object})
		}
		if one.Sort == provisioning.AspectGlobalRole && o.Value == in {
			a.GlobalRoles = append(a.GlobalRoles, one.Object)
		}
		out.Aspects[one] = o
	}
	if created {
		out.Whole = &a
	}
	return out
}

// universe is all that the account can have.
func universe() []provisioning.Aspect {
	list := []provisioning.Aspect{aspect(provisioning.AspectSignIn, "", ""), aspect(provisioning.AspectGlobalRole, "", "HELPDESK"), aspect(provisioning.AspectGroup, "", "FIRM")}
	for _, f := range []string{"email", "location", "preferred_library"} {
		list = append(list, aspect(provisioning.AspectField, "", f))
	}
	for _, l := range []string{"LON", "PAR", "TAX"} {
		list = append(list, aspect(provisioning.AspectPlace, l, ""), aspect(provisioning.AspectOwner, l, l+"!1"))
		for _, g := range []string{"ALL", "DEAL", provisioning.NRTADMIN} {
			list = append(list, aspect(provisioning.AspectGroup, l, g))
		}
	}
	return list
}

// values are what an aspect may read.
func values(a provisioning.Aspect) []string {
	switch a.Sort {
	case provisioning.AspectSignIn:
		return []string{enabled, disabled}
	case provisioning.AspectPlace:
		return []string{absent, "DEFAULT", "STANDARD", "SENIOR"}
	case provisioning.AspectField:
		return []string{"", "one", "two", "three"}
	case provisioning.AspectOwner:
		return []string{"U", "HEIR", "OTHER"}
	default:
		return []string{in, out}
	}
}

// change is one change of an aspect from what it reads to another value; the zero one where iManage would refuse it.
func (s system) change(a provisioning.Aspect, to string) provisioning.Change {
	c := provisioning.Change{Account: "U", Library: a.Library, Object: a.Object, Before: s.value(a), After: to}
	signIn := s.value(aspect(provisioning.AspectSignIn, "", ""))
	switch {
	case c.Before == to:
		return provisioning.Change{}
	case a.Sort == provisioning.AspectSignIn && to == enabled:
		c.Kind = provisioning.EnableAccount
	case a.Sort == provisioning.AspectSignIn:
		c.Kind = provisioning.DisableAccount
	case a.Sort == provisioning.AspectField:
		c.Kind = provisioning.SetAttribute
	case a.Sort == provisioning.AspectPlace && to == absent:
		c.Kind, c.Before = provisioning.RemoveLibrary, in
	case a.Sort == provisioning.AspectPlace && c.Before == absent:
		c.Kind, c.Profile = provisioning.AssignLibrary, &provisioning.Profile{ID: "U", Closed: signIn == disabled}
	case a.Sort == provisioning.AspectPlace:
		c.Kind = provisioning.SetLibraryRole
	case a.Sort == provisioning.AspectGroup && to == in:
		c.Kind = provisioning.JoinGroup
	case a.Sort == provisioning.AspectGroup:
		c.Kind = provisioning.LeaveGroup
	case a.Sort == provisioning.AspectGlobalRole && to == in:
		c.Kind = provisioning.GiveGlobalRole
	case a.Sort == provisioning.AspectGlobalRole:
		c.Kind = provisioning.RemoveGlobalRole
	default:
		c.Kind = provisioning.TransferWorkspace
	}
	return c
}

// some does random changes, and tells those that took effect as a unit of the journal.
func (s system) some(t *rapid.T, label string, most int) provisioning.Unit {
	u := provisioning.Unit{Account: "U", Name: "Somebody"}
	for range rapid.IntRange(0, most).Draw(t, label) {
		a := rapid.SampledFrom(universe()).Draw(t, label+" aspect")
		c := s.change(a, rapid.SampledFrom(values(a)).Draw(t, label+" value"))
		if c.Kind == "" {
			continue
		}
		op := provisioning.Op{Seq: len(u.Ops) + 1, Change: c, State: provisioning.OpConfirmed}
		var err error
		if op.Pre, err = s.apply(c); err == nil {
			u.Ops = append(u.Ops, op)
		}
	}
	return u
}

func undoWorld() propose.World {
	return propose.World{Policy: &policy.Policy{}, Group: func(provisioning.GroupRef) (provisioning.Group, bool) { return provisioning.Group{}, false }}
}

// TestUndoPutsBack: whatever a unit did to an account, of whatever kind and in whatever order, its undo takes every single thing back to
// what it was, each step of it possible when its turn comes; a created account ends closed and bare. It is never open with a right that
// it did not have, and what others changed meanwhile is neither overwritten nor taken along, but named.
func TestUndoPutsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := make(system)
		created := rapid.Bool().Draw(t, "created")
		u := provisioning.Unit{Account: "U", Name: "Somebody"}
		if !created {
			s[aspect(provisioning.AspectSignIn, "", "")] = rapid.SampledFrom([]string{enabled, disabled}).Draw(t, "sign-in")
			s.some(t, "held", 14)
		}
		was := maps.Clone(s)
		if created {
			create := provisioning.Change{Kind: provisioning.CreateAccount, Account: "U", Before: absent, After: provisioning.Profile{ID: "U"}.Encode()}
			if _, err := s.apply(create); err != nil {
				t.Fatal(err)
			}
			u.Ops = append(u.Ops, provisioning.Op{Seq: 1, Change: create, State: provisioning.OpConfirmed})
		}
		for _, op := range s.some(t, "batch", 14).Ops {
			op.Seq = len(u.Ops) + 1
			u.Ops = append(u.Ops, op)
		}
		left := maps.Clone(s)
		others := len(s.some(t, "others", 3).Ops)
		found := maps.Clone(s)

		prints, _ := u.Footprints()
		undone := propose.Undo(prints, s.sight(created), undoWorld())
		for i, c := range undone.Changes {
			if _, err := s.apply(c); err != nil {
				t.Fatalf("step %d, %s %s %s: %v\nof %+v", i+1, c.Kind, c.Library, c.Object, err, undone.Changes)
			}
			if c.Kind == provisioning.EnableAccount && i != len(undone.Changes)-1 {
				t.Fatalf("opened before %+v", undone.Changes[i+1:])
			}
			if c.Kind == provisioning.DisableAccount && i != 0 {
				t.Fatalf("closed after %+v", undone.Changes[:i])
			}
		}
		kept := make(map[provisioning.Aspect]provisioning.KeptSort)
		for _, k := range undone.Kept {
			kept[provisioning.Change{Kind: k.Kind, Account: k.Account, Library: k.Library, Object: k.Object}.Aspect()] = k.Sort
		}
		for _, a := range universe() {
			wish := was.value(a)
			if created && a.Sort == provisioning.AspectSignIn {
				wish = disabled
			}
			if created && (a.Sort == provisioning.AspectField || a.Sort == provisioning.AspectOwner) && wish == "" {
				wish = s.value(a) // a new account's own
			}
			if a.Sort == provisioning.AspectOwner && kept[a] == provisioning.KeptNever && s.value(aspect(provisioning.AspectPlace, a.Library, "")) == absent {
				continue // it owned one in a library that it was not in: iManage gives nobody such a thing
			}
			before, after, seen, now := wish, left.value(a), found.value(a), s.value(a)
			switch {
			case seen != after && now != seen:
				t.Fatalf("%v: somebody else made it %q, and the undo made it %q", a, seen, now)
			case seen != after && seen != before && before != after && kept[a] != provisioning.KeptConflict:
				t.Fatalf("%v: somebody else made it %q, and it is no conflict (%q)", a, seen, kept[a])
			case before == after && now != seen:
				t.Fatalf("%v: the batch left it as it was, and the undo made it %q", a, now)
			case now != before && before != after && kept[a] != provisioning.KeptConflict:
				t.Fatalf("%v: it was %q, it is %q, and nothing says why (%q)", a, before, now, kept[a])
			case others == 0 && (now != before || kept[a] == provisioning.KeptConflict):
				t.Fatalf("%v: it was %q, it is %q (%q), and nobody else was there", a, before, now, kept[a])
			}
		}
	})
}

func op(seq int, c provisioning.Change, state provisioning.OpState, pre *provisioning.PreImage) provisioning.Op {
	c.Account = "U"
	return provisioning.Op{Seq: seq, Change: c, State: state, Pre: pre}
}

// TestUndoRules holds what cannot be put back, and what is nobody's to put back.
func TestUndoRules(t *testing.T) {
	open := provisioning.Observation{Value: enabled}
	sight := func(o provisioning.Observation, aspects map[provisioning.Aspect]provisioning.Observation) propose.Sight {
		return propose.Sight{Profile: provisioning.Observation{Value: provisioning.Profile{ID: "U"}.Encode(), Managed: o.Managed}, SignIn: o, Aspects: aspects}
	}
	removal := provisioning.Change{Kind: provisioning.RemoveLibrary, Library: "LON", Before: in, After: absent}
	join := provisioning.Change{Kind: provisioning.JoinGroup, Library: "LON", Object: "ALL", Before: out, After: in}
	away := map[provisioning.Aspect]provisioning.Observation{
		aspect(provisioning.AspectPlace, "LON", ""): {Value: absent}, aspect(provisioning.AspectGroup, "LON", "ALL"): {Value: out},
	}
	tests := map[string]struct {
		ops     []provisioning.Op
		sight   propose.Sight
		changes []string
		kept    []string // sort and why
	}{
		"what did not take effect is no matter": {
			[]provisioning.Op{
				op(1, join, provisioning.OpAlready, nil), op(2, removal, provisioning.OpFailed, nil), op(3, removal, provisioning.OpDrifted, nil),
				op(4, removal, provisioning.OpCancelled, nil), op(5, removal, provisioning.OpPending, nil), op(6, removal, provisioning.OpParked, nil),
			}, sight(open, nil), nil, nil,
		},
		"nobody knows yet": {
			[]provisioning.Op{op(1, removal, provisioning.OpByHand, nil), op(2, join, provisioning.OpSent, nil)},
			sight(open, nil), nil,
			[]string{"not undone: its step by hand is open", "not undone: it was sent, and nobody has read back yet"},
		},
		"a lock": {
			[]provisioning.Op{op(1, provisioning.Change{Kind: provisioning.ReleaseLock, Library: "LON", Object: "LON!1.1"}, provisioning.OpConfirmed, nil)},
			sight(open, nil), nil,
			[]string{"not undone: a check-out that was ended"},
		},
		"a role that nobody read": {
			[]provisioning.Op{op(1, removal, provisioning.OpConfirmed, &provisioning.PreImage{Groups: []string{"ALL"}})},
			sight(open, away), nil,
			[]string{"not undone: its role there before is not known", "conflict: it rests on the place in LON"},
		},
		"no pre-image at all": {
			[]provisioning.Op{op(1, removal, provisioning.OpConfirmed, nil)}, sight(open, away), nil, []string{"not undone: its role there before is not known"},
		},
		"the role and the groups that went along": {
			[]provisioning.Op{op(1, removal, provisioning.OpConfirmed, &provisioning.PreImage{Role: "SENIOR", Groups: []string{"ALL"}})},
			sight(open, away),
			[]string{"assign to library LON absent>SENIOR", "join group LON ALL no member>member"},
			nil,
		},
		"a directory owns it now": {
			[]provisioning.Op{op(1, join, provisioning.OpConfirmed, nil)},
			sight(provisioning.Observation{Value: enabled, Managed: true}, nil), nil,
			[]string{"not undone: a directory sync owns the account now"},
		},
		"it is gone": {
			[]provisioning.Op{op(1, join, provisioning.OpConfirmed, nil)},
			sight(provisioning.Observation{Value: absent}, nil), nil,
			[]string{"conflict: there is no such account any more"},
		},
		"on premises it has no record while it is in no library": {
			[]provisioning.Op{
				op(1, provisioning.Change{Kind: provisioning.DisableAccount, Before: enabled, After: disabled}, provisioning.OpConfirmed, nil),
				op(2, removal, provisioning.OpConfirmed, &provisioning.PreImage{Role: "SENIOR", Profile: &provisioning.Profile{ID: "U"}}),
			},
			propose.Sight{Profile: provisioning.Observation{Value: absent}, SignIn: provisioning.Observation{Value: absent}, Aspects: map[provisioning.Aspect]provisioning.Observation{
				aspect(provisioning.AspectPlace, "LON", ""): {Value: absent}, aspect(provisioning.AspectSignIn, "", ""): {Value: absent},
			}},
			[]string{"assign to library LON absent>SENIOR closed", "enable account disabled>enabled"},
			nil,
		},
		"left and joined again": {
			[]provisioning.Op{
				op(1, provisioning.Change{Kind: provisioning.LeaveGroup, Library: "LON", Object: "ALL", Before: in, After: out}, provisioning.OpConfirmed, nil),
				op(2, join, provisioning.OpConfirmed, nil),
			}, sight(open, nil), nil, nil,
		},
		"one that cannot be read holds no other": {
			[]provisioning.Op{
				op(1, join, provisioning.OpConfirmed, nil), op(2, provisioning.Change{Kind: provisioning.RemoveGlobalRole, Object: "ADMIN", Before: in, After: out}, provisioning.OpConfirmed, nil),
			},
			propose.Sight{
				SignIn: open, Profile: provisioning.Observation{Value: "{}"}, Unread: map[provisioning.Aspect]string{aspect(provisioning.AspectGroup, "LON", "ALL"): "503"},
				Aspects: map[provisioning.Aspect]provisioning.Observation{aspect(provisioning.AspectGlobalRole, "", "ADMIN"): {Value: out}},
			},
			[]string{"give global role ADMIN no member>member"},
			[]string{"not undone: it could not be read: 503"},
		},
		"a later batch of ours": {
			[]provisioning.Op{op(1, provisioning.Change{Kind: provisioning.SetLibraryRole, Library: "LON", Before: "A", After: "B"}, provisioning.OpConfirmed, nil)},
			propose.Sight{
				SignIn: open, Profile: provisioning.Observation{Value: "{}"}, Since: map[provisioning.Aspect]int64{aspect(provisioning.AspectPlace, "LON", ""): 14},
				Aspects: map[provisioning.Aspect]provisioning.Observation{aspect(provisioning.AspectPlace, "LON", ""): {Value: "C"}},
			},
			nil,
			[]string{"conflict: batch 14 changed it since"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			u := provisioning.Unit{Account: "U", Ops: test.ops}
			prints, kept := u.Footprints()
			undone := propose.Undo(prints, test.sight, undoWorld())
			var got []string
			for _, c := range undone.Changes {
				line := strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s>%s", c.Kind, c.Library, c.Object, c.Before, c.After)), " ")
				if c.Profile != nil && c.Profile.Closed {
					line += " closed"
				}
				got = append(got, line)
			}
			if !slices.Equal(got, test.changes) {
				t.Errorf("got %q, want %q", got, test.changes)
			}
			kept = append(kept, undone.Kept...)
			for i, k := range kept {
				if said := string(k.Sort) + ": " + k.Why; i >= len(test.kept) || !strings.HasPrefix(said, test.kept[i]) {
					t.Errorf("kept %d: %q", i+1, said)
				}
			}
			if len(kept) != len(test.kept) {
				t.Errorf("%d kept, want %d", len(kept), len(test.kept))
			}
		})
	}
}
