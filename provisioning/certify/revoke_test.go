package certify_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/certify"
)

// told writes changes as KIND LIBRARY/OBJECT.
func told(changes []provisioning.Change) []string {
	var list []string
	for _, c := range changes {
		list = append(list, string(c.Kind)+" "+c.Library+"/"+c.Object+" "+c.Before+">"+c.After)
	}
	return list
}

func TestTheChangesOfARevoke(t *testing.T) {
	t.Parallel()
	full := func() *provisioning.Account {
		a := account("ZED", []provisioning.Membership{in("LON", "STANDARD"), in("TAX", "SENIOR")}, "/FIRM", "LON/ALL", "LON/NRTADMIN", "TAX/ALL")
		a.GlobalRoles = []string{"Global Admin"}
		return a
	}
	item := func(kind, library, object string) provisioning.ReviewItem {
		return provisioning.ReviewItem{N: 5, Account: "ZED", Name: "Zed", Kind: kind, Library: library, Object: object, Role: map[bool]string{true: "STANDARD"}[kind == provisioning.ReviewLibrary]}
	}
	lon, tax := item(provisioning.ReviewLibrary, "LON", ""), item(provisioning.ReviewLibrary, "tax", "")
	all, admin := item(provisioning.ReviewGroup, "LON", "all"), item(provisioning.ReviewGroup, "LON", "NRTADMIN")
	firmWide, role, whole := item(provisioning.ReviewGroup, "", "FIRM"), item(provisioning.ReviewGlobalRole, "", "Global Admin"), item(provisioning.ReviewAccount, "", "")
	stranger := item(provisioning.ReviewGroup, "LON", "ALL")
	stranger.Account = "YAN"
	for name, c := range map[string]struct {
		items  []provisioning.ReviewItem
		now    func(a *provisioning.Account)
		want   []string
		notes  []string // the beginning of each
		nobody bool
	}{
		"nothing":         {},
		"somebody else's": {items: []provisioning.ReviewItem{stranger}},
		"a group":         {items: []provisioning.ReviewItem{all}, want: []string{"leave group LON/ALL member>no member"}},
		"a library": {items: []provisioning.ReviewItem{lon}, want: []string{
			"leave group LON/NRTADMIN member>no member", "leave group LON/ALL member>no member", "remove from library LON/ member>absent",
		}, notes: []string{"ZED leaves group LON/NRTADMIN with LON", "ZED leaves group LON/ALL with LON"}},
		"a library with another role now": {
			items: []provisioning.ReviewItem{tax}, want: []string{"leave group TAX/ALL member>no member", "remove from library TAX/ member>absent"},
			notes: []string{"ZED is SENIOR in TAX now, and was STANDARD", "ZED leaves group TAX/ALL with TAX"},
		},
		"everything, whatever the order": {
			items: []provisioning.ReviewItem{tax, role, firmWide, all, lon, whole, admin, all},
			want: []string{
				"disable account / enabled>disabled", "leave group LON/NRTADMIN member>no member",
				"leave group TAX/ALL member>no member", "leave group /FIRM member>no member", "leave group LON/ALL member>no member",
				"remove global role /Global Admin member>no member",
				"remove from library TAX/ member>absent", "remove from library LON/ member>absent",
			},
			notes: []string{"ZED is SENIOR in TAX now", "ZED leaves group TAX/ALL with TAX"},
		},
		"all is gone": {
			items: []provisioning.ReviewItem{lon, all, role, whole},
			now: func(a *provisioning.Account) {
				a.Enabled, a.Memberships, a.Groups, a.GlobalRoles = false, nil, nil, nil
			},
			notes: []string{"already true: ZED is not in LON", "already true: ZED is not in group LON/all", "already true: ZED has no global role", "already true: ZED is disabled"},
		},
		"the account is gone": {items: []provisioning.ReviewItem{lon, whole}, nobody: true, notes: []string{"already true: ZED is gone", "already true: ZED is gone"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := full()
			if c.now != nil {
				c.now(a)
			}
			if c.nobody {
				a = nil
			}
			changes, notes := certify.Revokes(c.items, a)
			if got := told(changes); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			if len(notes) != len(c.notes) {
				t.Fatalf("the notes are %+v", notes)
			}
			for i, n := range notes {
				if !strings.HasPrefix(n.Text, c.notes[i]) || n.Item != 5 || n.Already != strings.HasPrefix(n.Text, "already true") {
					t.Errorf("the note is %+v, want %s…", n, c.notes[i])
				}
			}
			for _, ch := range changes {
				if ch.Account != "ZED" || !ch.EndsAccess() {
					t.Errorf("a revoke gives %+v", ch)
				}
			}
		})
	}
}

// TestGroupsThatNobodyReviewedAreTold holds that what a library takes along beside the items is said.
func TestGroupsThatNobodyReviewedAreTold(t *testing.T) {
	t.Parallel()
	a := account("ZED", []provisioning.Membership{in("LON", "STANDARD")}, "LON/ALL", "LON/NEW")
	items := number([]provisioning.ReviewItem{
		{Account: "ZED", Kind: provisioning.ReviewLibrary, Library: "LON"}, {Account: "ZED", Kind: provisioning.ReviewGroup, Library: "LON", Object: "ALL"},
	})
	changes, notes := certify.Revokes(items, a)
	if len(changes) != 3 || len(notes) != 1 || notes[0].Item != 1 || notes[0].Already || notes[0].Text != "ZED leaves group LON/NEW with LON, which no item of the review revokes" {
		t.Errorf("%q, %+v", told(changes), notes)
	}
}

// world is a little document system that does what a change says, by rules of its own.
type world map[string]*provisioning.Account

func (w world) do(t *rapid.T, c provisioning.Change) {
	a := w[c.Account]
	switch c.Kind {
	case provisioning.DisableAccount:
		if !a.Enabled || c.Before != provisioning.ValueEnabled {
			t.Fatalf("%+v of a disabled account", c)
		}
		a.Enabled = false
	case provisioning.LeaveGroup:
		n := len(a.Groups)
		a.Groups = slices.DeleteFunc(slices.Clone(a.Groups), func(g provisioning.GroupRef) bool { return g.Library == c.Library && g.Group == c.Object })
		if len(a.Groups) != n-1 {
			t.Fatalf("%+v, and %s was in no such group", c, a.ID)
		}
	case provisioning.RemoveGlobalRole:
		n := len(a.GlobalRoles)
		a.GlobalRoles = slices.DeleteFunc(slices.Clone(a.GlobalRoles), func(r string) bool { return r == c.Object })
		if len(a.GlobalRoles) != n-1 {
			t.Fatalf("%+v, and %s had no such role", c, a.ID)
		}
	case provisioning.RemoveLibrary:
		n := len(a.Memberships)
		a.Memberships = slices.DeleteFunc(slices.Clone(a.Memberships), func(m provisioning.Membership) bool { return m.Library == c.Library })
		if len(a.Memberships) != n-1 {
			t.Fatalf("%+v, and %s was not there", c, a.ID)
		}
		a.Groups = slices.DeleteFunc(slices.Clone(a.Groups), func(g provisioning.GroupRef) bool { return g.Library == c.Library })
	default:
		t.Fatalf("a revoke gives %+v", c)
	}
}

// randomRoll draws a small firm.
func randomRoll(t *rapid.T) certify.Input {
	in := certify.Input{At: day(0)}
	some := func(list []string, label string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(string) bool { return rapid.IntRange(0, 2).Draw(t, label) == 0 })
	}
	use := make(map[string]provisioning.Usage)
	for i := range rapid.IntRange(1, 6).Draw(t, "people") {
		id := fmt.Sprintf("P%02d", i)
		a := &provisioning.Account{ID: id, FullName: id, Enabled: rapid.IntRange(0, 4).Draw(t, "enabled") > 0, External: rapid.Bool().Draw(t, "external")}
		for _, l := range some([]string{"LON", "LDS", "TAX"}, "library") {
			a.Memberships = append(a.Memberships, provisioning.Membership{Library: l, Role: rapid.SampledFrom([]string{"STANDARD", "SENIOR", ""}).Draw(t, "role"), Enabled: true})
			for _, g := range some([]string{"ALL", "KITE", "NRTADMIN"}, "group") {
				a.Groups = append(a.Groups, provisioning.GroupRef{Library: l, Group: g})
			}
		}
		for _, g := range some([]string{"FIRM"}, "global") {
			a.Groups = append(a.Groups, provisioning.GroupRef{Group: g})
		}
		a.GlobalRoles = some([]string{"Global Admin", "Auditor"}, "global role")
		row := certify.Row{Account: a}
		if rapid.Bool().Draw(t, "linked") {
			row.Person = person(id, rapid.SampledFrom([]string{"London", "Leeds"}).Draw(t, "office"), "Tax", "Partner")
		}
		in.Rows = append(in.Rows, row)
		use[id] = rapid.SampledFrom([]provisioning.Usage{provisioning.Used, provisioning.NotUsed, provisioning.UsageUnknown}).Draw(t, "use")
	}
	in.Usage = func(a string) (provisioning.Usage, time.Time, string) { return use[a], time.Time{}, "" }
	in.Scope = provisioning.CampaignScope{
		Libraries: rapid.SampledFrom([][]string{nil, nil, {"LON"}, {"tax", "LDS"}}).Draw(t, "libraries"),
		Groups:    rapid.SampledFrom([][]string{nil, nil, nil, {"LON/ALL", "/FIRM"}}).Draw(t, "groups"),
		Roles:     rapid.SampledFrom([][]string{nil, nil, nil, {"SENIOR", "Auditor"}}).Draw(t, "roles"),
		Offices:   rapid.SampledFrom([][]string{nil, nil, {"London"}}).Draw(t, "offices"),
		Externals: rapid.IntRange(0, 4).Draw(t, "externals") == 0,
		Admins:    rapid.IntRange(0, 4).Draw(t, "admins") == 0,
		Dormant:   rapid.IntRange(0, 4).Draw(t, "dormant") == 0,
	}
	return in
}

// TestTheListsDifferByExactlyTheRevokes decides at random on a random firm, does the changes, and reads the access again.
func TestTheListsDifferByExactlyTheRevokes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := randomRoll(t)
		opening := certify.Items(in)
		c := campaign()
		c.Undecided = rapid.SampledFrom([]string{provisioning.UndecidedKeep, provisioning.UndecidedRevoke}).Draw(t, "undecided")
		var decisions []provisioning.ReviewDecision
		for i := range opening {
			if v := rapid.SampledFrom([]provisioning.ReviewVerdict{provisioning.ReviewKeep, provisioning.ReviewRevoke, ""}).Draw(t, "verdict"); v != "" {
				decisions = append(decisions, decision(opening[i].N, 0, v, "ann", ""))
			}
		}
		states := certify.Replay(c, opening, decisions)
		for _, x := range certify.Contradictions(c, opening, states) { // who decided is asked again, and says yes
			decisions = append(decisions, decision(x.Group, 0, provisioning.ReviewRevoke, "ann", ""))
		}
		o, err := certify.MayClose(c, opening, certify.Replay(c, opening, decisions))
		if err != nil {
			t.Fatal(err)
		}
		w := make(world)
		for i := range in.Rows {
			w[in.Rows[i].Account.ID] = in.Rows[i].Account
		}
		var revoked, want []provisioning.ReviewItem
		for i := range opening {
			if slices.Contains(o.Revoked, opening[i].N) {
				revoked = append(revoked, opening[i])
			} else {
				want = append(want, opening[i])
			}
		}
		for _, theirs := range certify.ByAccount(opening, o.Revoked) {
			changes, _ := certify.Revokes(theirs.Items, w[theirs.Account])
			for _, ch := range changes {
				w.do(t, ch)
			}
		}
		if rapid.Bool().Draw(t, "known what was") {
			in.Was = opening
		}
		closing := certify.Items(in)
		access := func(items []provisioning.ReviewItem) []certify.Access {
			list := make([]certify.Access, len(items))
			for i := range items {
				list[i] = certify.AccessOf(&items[i])
			}
			return list
		}
		if got := access(closing); !slices.Equal(got, access(want)) {
			t.Fatalf("the scope is %+v\nleft is %v\nwant    %v", in.Scope, got, access(want))
		}
		x := certify.Explain(certify.Diff(opening, closing), revoked, closing)
		if !x.Exact() || len(x.Revoked) != len(revoked) || len(x.Along) != 0 {
			t.Fatalf("explained as %+v", x)
		}
	})
}

// TestUnknownUseIsNeverDormant draws firms whose use is known or not.
func TestUnknownUseIsNeverDormant(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := randomRoll(t)
		in.Scope.Dormant = true
		items := certify.Items(in)
		for i := range items {
			if use, _, _ := in.Usage(items[i].Account); use != provisioning.NotUsed || items[i].Kind != provisioning.ReviewAccount || !items[i].Enabled {
				t.Fatalf("%+v, whose use is %s", items[i], use)
			}
		}
	})
}

// TestPeersAreCountedOneByOne holds the peers against a count that looks at every pair.
func TestPeersAreCountedOneByOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := randomRoll(t)
		in.Scope = provisioning.CampaignScope{}
		items := certify.Items(in)
		for i := range items {
			it := &items[i]
			var me *provisioning.Person
			for j := range in.Rows {
				if in.Rows[j].Account.ID == it.Account {
					me = in.Rows[j].Person
				}
			}
			peers, have := 0, 0
			for j := range in.Rows {
				p, a := in.Rows[j].Person, in.Rows[j].Account
				if me == nil || p == nil || p == me || p.Office != me.Office || !a.Enabled {
					continue
				}
				peers++
				m, member := a.Membership(it.Library)
				switch it.Kind {
				case provisioning.ReviewLibrary:
					if member && m.Role == it.Role {
						have++
					}
				case provisioning.ReviewGroup:
					if slices.Contains(a.Groups, provisioning.GroupRef{Library: it.Library, Group: it.Object}) {
						have++
					}
				default:
					if slices.Contains(a.GlobalRoles, it.Object) {
						have++
					}
				}
			}
			if it.Peers != peers || it.PeersHave != have {
				t.Fatalf("%s: %d of %d, counted %d of %d", certify.What(it), it.PeersHave, it.Peers, have, peers)
			}
		}
	})
}
