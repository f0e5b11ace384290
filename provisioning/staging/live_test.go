package staging_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
	"rollcall/provisioning/staging"
)

// TestLive: at the moment of sending the account itself is looked at. Whoever is protected stays, by whatever still names them; so does
// whoever holds the thing together; and what cannot be read is not sent.
func TestLive(t *testing.T) {
	p, err := policy.Parse([]byte(`
protected = ["BREAKGLASS*", "glass@firm.example", "LON/EMERGENCY"]
vip = ["SENIOR"]
service = ["SVC_*", "/ROBOTS"]
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	in := func(library, group string) []provisioning.GroupRef {
		return []provisioning.GroupRef{{Library: library, Group: group}}
	}
	disable := func(id string) provisioning.Change {
		return provisioning.Change{Kind: provisioning.DisableAccount, Account: id, Before: provisioning.ValueEnabled, After: provisioning.ValueDisabled}
	}
	phone := provisioning.Change{Kind: provisioning.SetAttribute, Account: "A1", Object: "phone", Before: "1", After: "2"}
	plain := provisioning.Account{ID: "A1", FullName: "Tom Barnes", Email: "t.barnes@firm.example", Enabled: true}
	with := func(change func(*provisioning.Account)) provisioning.Account {
		a := plain
		change(&a)
		return a
	}
	for name, c := range map[string]struct {
		account provisioning.Account
		change  provisioning.Change
		set     func(*staging.Live)
		others  int
		want    string // words of the refusal, "" where it goes
	}{
		"nobody in particular":            {account: plain, change: disable("A1")},
		"by a pattern, renamed":           {account: with(func(a *provisioning.Account) { a.ID, a.FullName = "BREAKGLASS1", "Spare" }), change: disable("BREAKGLASS1"), want: "break-glass"},
		"by a pattern, in another case":   {account: plain, change: disable("breakGlass1"), want: "break-glass"},
		"by its email":                    {account: with(func(a *provisioning.Account) { a.Email = "Glass@Firm.Example " }), change: disable("A1"), want: "break-glass"},
		"by the group it was moved to":    {account: with(func(a *provisioning.Account) { a.Groups = in("lon", "emergency") }), change: disable("A1"), want: "break-glass"},
		"a group of that name elsewhere":  {account: with(func(a *provisioning.Account) { a.Groups = in("NYC", "EMERGENCY") }), change: disable("A1")},
		"its telephone, by the group":     {account: with(func(a *provisioning.Account) { a.Groups = in("LON", "EMERGENCY") }), change: phone, want: "break-glass"},
		"a VIP":                           {account: plain, change: disable("Senior"), want: "VIP"},
		"a service, by a global group":    {account: with(func(a *provisioning.Account) { a.Groups = in("", "ROBOTS") }), change: disable("A1"), want: "service"},
		"a service's telephone":           {account: with(func(a *provisioning.Account) { a.Groups = in("", "ROBOTS") }), change: phone},
		"the operator":                    {account: plain, change: disable("A1"), set: func(l *staging.Live) { l.Operator = "a1" }, want: "your own account"},
		"rollcall itself":                 {account: plain, change: disable("A1"), set: func(l *staging.Live) { l.Identity = "a1" }, want: "rollcall's own"},
		"who approved it":                 {account: plain, change: disable("A1"), set: func(l *staging.Live) { l.Approved = []string{"", "a1"} }, want: "who approved"},
		"the last approver":               {account: plain, change: disable("A1"), set: func(l *staging.Live) { l.Approvers = []string{"a1"} }, want: "last one who may approve"},
		"the other approver is closed":    {account: plain, change: disable("A1"), set: func(l *staging.Live) { l.Approvers = []string{"A1", "CLOSED"} }, want: "last one who may approve"},
		"the other approver is gone":      {account: plain, change: disable("A1"), set: func(l *staging.Live) { l.Approvers = []string{"A1", "NOBODY"} }, want: "last one who may approve"},
		"the other is about to be closed": {account: plain, change: disable("A1"), set: func(l *staging.Live) { l.Approvers = []string{"A1", "CLOSING"} }, want: "last one who may approve"},
		"another approver stays":          {account: plain, change: disable("A1"), set: func(l *staging.Live) { l.Approvers = []string{"A1", "CLOSING", "OPEN"} }},
		"the last administrator":          {account: with(func(a *provisioning.Account) { a.Groups = in("LON", provisioning.NRTADMIN) }), change: disable("A1"), want: "last enabled administrator of LON"},
		"an administrator among others":   {account: with(func(a *provisioning.Account) { a.Groups = in("LON", provisioning.NRTADMIN) }), change: disable("A1"), others: 1},
		"cannot be read":                  {account: plain, change: disable("DOWN"), want: "cannot be read"},
		"does not exist":                  {account: plain, change: disable("NOBODY")},
	} {
		t.Run(name, func(t *testing.T) {
			l := &staging.Live{
				Policy: p,
				Account: func(_ context.Context, id string) (provisioning.Account, bool, error) {
					switch id {
					case "DOWN":
						return provisioning.Account{}, false, errors.New("no answer")
					case "NOBODY":
						return provisioning.Account{}, false, nil
					case "OPEN", "CLOSING":
						return provisioning.Account{ID: id, Enabled: true}, true, nil
					case "CLOSED":
						return provisioning.Account{ID: id}, true, nil
					default:
						return c.account, true, nil
					}
				},
				Observe: func(context.Context, provisioning.Change) (provisioning.Observation, error) {
					return provisioning.Observation{Value: provisioning.ValueMember, Others: c.others}, nil
				},
				Closing: func(context.Context) ([]string, error) { return []string{"closing"}, nil },
			}
			if c.set != nil {
				c.set(l)
			}
			got := l.Check(context.Background(), &provisioning.Unit{}, c.change)
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestLockedOut: the review names, and nobody releases, the one who approved, the last one who may, and whom the lists name by a group.
func TestLockedOut(t *testing.T) {
	p, err := policy.Parse([]byte(`protected = ["LON/EMERGENCY", "p3@*"]`), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		set   func(*staging.Facts)
		units []int
		want  string
	}{
		"who approved it":                   {func(f *staging.Facts) { f.Approved = []string{"a2"} }, []int{1, 2}, "self"},
		"the last approver":                 {func(f *staging.Facts) { f.Approvers = []string{"A2", "GONE"} }, []int{1, 2}, "self"},
		"both approvers":                    {func(f *staging.Facts) { f.Approvers = []string{"A1", "A2"} }, []int{1, 2}, "self"},
		"one of two":                        {func(f *staging.Facts) { f.Approvers = []string{"A2", "A9"} }, []int{1, 2}, ""},
		"one of two, the other is closed":   {func(f *staging.Facts) { f.Approvers = []string{"A2", "A9"}; f.Snapshot.Accounts[8].Enabled = false }, []int{1, 2}, "self"},
		"one of two, the other is on leave": {func(f *staging.Facts) { f.Approvers = []string{"A2", "A9"}; f.Week = pending(ended(leaver(9))) }, []int{1, 2}, "self"},
		"protected by a group": {func(f *staging.Facts) {
			f.Snapshot.Accounts[1].Groups = []provisioning.GroupRef{{Library: "LON", Group: "EMERGENCY"}}
		}, []int{1, 2}, "protected"},
		"protected by an email": {func(f *staging.Facts) { f.Snapshot.Accounts[1].Email = "P3@firm.example" }, []int{1, 2}, "protected"},
		"the last administrator, as the other one is on the way out": {func(f *staging.Facts) {
			for _, i := range []int{1, 8} {
				f.Snapshot.Accounts[i].Groups = []provisioning.GroupRef{{Library: "LON", Group: provisioning.NRTADMIN}}
			}
			f.Week = pending(ended(leaver(9)))
		}, []int{2}, "last administrator"},
		"the last administrator, as the other one lost the group": {func(f *staging.Facts) {
			for _, i := range []int{1, 8} {
				f.Snapshot.Accounts[i].Groups = []provisioning.GroupRef{{Library: "LON", Group: provisioning.NRTADMIN}}
			}
			f.Week = pending(ended(op(9, provisioning.LeaveGroup, "LON", provisioning.NRTADMIN)))
		}, []int{2}, "last administrator"},
	} {
		t.Run(name, func(t *testing.T) {
			f := facts(firm(300))
			f.Policy = p
			c.set(&f)
			var list []provisioning.Unit
			for _, i := range c.units {
				list = append(list, leaver(i))
			}
			verdicts := staging.Judge(batchOf(t, list...), f)
			held, releasable := staging.Holding(verdicts)
			if got := guards(verdicts); got != c.want || releasable {
				t.Errorf("held by %q, want %q", got, c.want)
			}
			for _, v := range held {
				if !slices.ContainsFunc(v.People, func(s string) bool { return strings.HasPrefix(s, "Person A2") }) || len(v.Accounts) > 0 {
					t.Errorf("it names %q", v.People)
				}
			}
		})
	}
}
