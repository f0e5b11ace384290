package licence_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/licence"
	"rollcall/provisioning/policy"
)

const text = `
service = ["SVC_*"]
protected = ["VIP1"]
[licence]
currency = "GBP"
dormant = [30, 60, 90]
reclaim = 90
[[licence.class]]
name = "service"
accounts = ["SVC_*"]
billable = false
[[licence.class]]
name = "external"
external = true
price = 120.50
[[licence.class]]
name = "temp"
type = "temp*"
price = 200
[[licence.class]]
name = "standard"
price = 480.01
disabled_counts = true
renewal = 2027-03-31
`

func now() time.Time { return time.Date(2026, 11, 25, 14, 0, 0, 0, time.UTC) }

func rules(t interface{ Fatal(...any) }) *policy.Policy {
	p, err := policy.Parse([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ago(days int) time.Time { return now().Add(-time.Duration(days) * 24 * time.Hour) }

// TestUse: a table of what is known of an account, and what that comes to over 90 days.
func TestUse(t *testing.T) {
	old := provisioning.Account{ID: "A", Enabled: true, Created: ago(900)}
	whole := func(last int) *provisioning.Activity {
		a := &provisioning.Activity{Account: "A", Since: ago(91), Read: now(), Whole: true}
		if last >= 0 {
			a.Last, a.What = ago(last), "edit of LON!1.1"
		}
		return a
	}
	person := func(days int) *provisioning.Person {
		p := &provisioning.Person{Key: provisioning.PersonKey{Directory: "okta", ID: "1"}}
		if days >= 0 {
			p.LastSignIn = ago(days)
		}
		return p
	}
	bent := func(a *provisioning.Activity, bend func(*provisioning.Activity)) *provisioning.Activity {
		bend(a)
		return a
	}
	made := func(at time.Time) *provisioning.Account { a := old; a.Created = at; return &a }
	for _, c := range []struct {
		name  string
		a     *provisioning.Account
		p     *provisioning.Person
		act   *provisioning.Activity
		usage provisioning.Usage
		idle  int
	}{
		{"an event within the days", &old, person(-1), whole(5), provisioning.Used, 5},
		{"a sign-in alone: it may have been for this", &old, person(5), whole(-1), provisioning.Used, 5},
		{"a sign-in, and nothing was read", &old, person(5), nil, provisioning.Used, -1},
		{"a sign-in after a reading of long ago", &old, person(40), bent(whole(-1), func(a *provisioning.Activity) { a.Since, a.Read = ago(300), ago(200) }), provisioning.Used, -1},
		{"nothing at all, read whole", &old, person(-1), whole(-1), provisioning.NotUsed, 91},
		{"an old sign-in, read whole", &old, person(200), whole(-1), provisioning.NotUsed, 91},
		{"nobody linked, read whole", &old, nil, whole(-1), provisioning.NotUsed, 91},
		{"never read", &old, person(200), nil, provisioning.UsageUnknown, -1},
		{"not whole", &old, person(200), bent(whole(-1), func(a *provisioning.Activity) { a.Whole, a.Why = false, "refused" }), provisioning.UsageUnknown, -1},
		{"not whole, and an event within the days", &old, nil, bent(whole(3), func(a *provisioning.Activity) { a.Whole = false }), provisioning.Used, -1},
		{"not as far back", &old, nil, bent(whole(-1), func(a *provisioning.Activity) { a.Since = ago(60) }), provisioning.UsageUnknown, -1},
		{"read too long ago", &old, nil, bent(whole(-1), func(a *provisioning.Activity) { a.Read = ago(8) }), provisioning.UsageUnknown, -1},
		{"read in the future", &old, nil, bent(whole(-1), func(a *provisioning.Activity) { a.Read = ago(-1) }), provisioning.UsageUnknown, -1},
		{"used in the future", &old, nil, bent(whole(-1), func(a *provisioning.Activity) { a.Last = ago(-2) }), provisioning.UsageUnknown, -1},
		{"a new account", made(ago(20)), nil, whole(-1), provisioning.UsageUnknown, -1},
		{"of unknown age", made(time.Time{}), nil, whole(-1), provisioning.UsageUnknown, -1},
	} {
		f := licence.Use(c.a, c.p, c.act, now(), 90)
		if f.Usage != c.usage || f.Idle != c.idle || (f.Usage != provisioning.Used && f.How == "") {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
}

// firm draws accounts with whose they are and how they are used.
func firm(t *rapid.T) ([]licence.Row, map[string]provisioning.Activity) {
	var rows []licence.Row
	activity := make(map[string]provisioning.Activity)
	for i := range rapid.IntRange(0, 30).Draw(t, "accounts") {
		a := &provisioning.Account{
			ID: fmt.Sprintf("%s%02d", rapid.SampledFrom([]string{"A", "SVC_", "VIP"}).Draw(t, "id"), i), Enabled: rapid.Bool().Draw(t, "enabled"), External: rapid.Bool().Draw(t, "external"),
			Location: rapid.SampledFrom([]string{"London", "Leeds", ""}).Draw(t, "office"), Created: ago(rapid.IntRange(0, 400).Draw(t, "age")),
		}
		r := licence.Row{Account: a, Away: rapid.IntRange(0, 5).Draw(t, "away") == 0}
		if rapid.Bool().Draw(t, "linked") {
			r.Person = &provisioning.Person{Key: provisioning.PersonKey{Directory: "okta", ID: fmt.Sprint(i)}, Type: rapid.SampledFrom([]string{"temporary", "employee"}).Draw(t, "type"), Office: "London"}
			if rapid.Bool().Draw(t, "signs in") {
				r.Person.LastSignIn = ago(rapid.IntRange(-2, 300).Draw(t, "sign-in"))
			}
		}
		if rapid.Bool().Draw(t, "managed") && rapid.Bool().Draw(t, "really") {
			a.DirectoryID = "d"
		}
		rows = append(rows, r)
		if rapid.IntRange(0, 3).Draw(t, "read") > 0 {
			act := provisioning.Activity{Account: a.ID, Since: ago(rapid.SampledFrom([]int{91, 91, 91, 40}).Draw(t, "since")), Read: ago(rapid.SampledFrom([]int{0, 0, 0, 9}).Draw(t, "read at")), Whole: rapid.IntRange(0, 4).Draw(t, "whole") > 0}
			if rapid.Bool().Draw(t, "events") {
				act.Last, act.What = ago(rapid.IntRange(-2, 91).Draw(t, "last")), "edit"
			}
			activity[a.ID] = act
		}
	}
	return rows, activity
}

// TestCountIsTheRecount: seats, money and buckets of random firms are what the test counts by itself, without the package's classes, and
// every total is the sum of its seats.
func TestCountIsTheRecount(t *testing.T) {
	p := rules(t)
	rapid.Check(t, func(t *rapid.T) {
		rows, activity := firm(t)
		b := licence.Count(licence.Input{Rows: rows, Policy: p, Activity: activity, At: now()})
		paid, pence, term := 0, int64(0), int64(0)
		const days, price = 126, 48001 // from 25 November 2026 to 31 March 2027, of 365
		for _, r := range rows {
			a := r.Account
			switch { // by the contract's words, not by the policy's code
			case strings.HasPrefix(a.ID, "SVC_"):
			case a.External && a.Enabled:
				paid, pence = paid+1, pence+12050
			case a.External:
			case r.Person != nil && r.Person.Type == "temporary" && a.Enabled:
				paid, pence = paid+1, pence+20000
			case r.Person != nil && r.Person.Type == "temporary":
			default:
				paid, pence, term = paid+1, pence+price, term+int64(math.Round(price*days/365.0))
			}
		}
		all := b.All()
		if all.Seats != len(rows) || all.Paid != paid || int64(all.Money) != pence || int64(all.Term) != term {
			t.Fatalf("%+v, and the recount is %d seats, %d pence, %d of them until the renewal", all, paid, pence, term)
		}
		var read time.Time
		for _, act := range activity {
			if act.Read.After(read) {
				read = act.Read
			}
		}
		if !b.UseRead.Equal(read) || b.Reclaim != 90 || len(b.Dormant) != 3 || b.Grace != 14*24*time.Hour {
			t.Fatalf("use read %s, not %s; %d days, %v, %s", b.UseRead, read, b.Reclaim, b.Dormant, b.Grace)
		}
		if got := len(b.Select(func(s *licence.Seat) bool { return s.Paid })); got != paid {
			t.Fatalf("%d rows of %d paid seats", got, paid)
		}
		for what, list := range map[string][]licence.Total{"class": b.By(func(s *licence.Seat) string { return s.Class }), "office": b.By(func(s *licence.Seat) string { return s.Office })} {
			sum := licence.Total{Name: "all"}
			for _, one := range list {
				sum.Seats, sum.Paid, sum.Money, sum.Unused = sum.Seats+one.Seats, sum.Paid+one.Paid, sum.Money+one.Money, sum.Unused+one.Unused
				sum.UnusedMoney, sum.Unknown, sum.Disabled, sum.Term = sum.UnusedMoney+one.UnusedMoney, sum.Unknown+one.Unknown, sum.Disabled+one.Disabled, sum.Term+one.Term
			}
			if sum != all {
				t.Fatalf("by %s %+v, all %+v", what, sum, all)
			}
		}
	})
}

// TestUnknownIsNotReclaimable: of random firms, what may be taken back was surely not used for the days, by the test's own look at what was
// planted; and no look right before the act lets anything else through.
func TestUnknownIsNotReclaimable(t *testing.T) {
	p := rules(t)
	rapid.Check(t, func(t *rapid.T) {
		rows, activity := firm(t)
		b := licence.Count(licence.Input{Rows: rows, Policy: p, Activity: activity, At: now()})
		sure := func(r licence.Row, act provisioning.Activity, read bool) bool {
			switch {
			case !read || !act.Whole || act.Since.After(ago(90)) || now().Sub(act.Read) > 7*24*time.Hour || r.Account.Created.After(ago(90)):
				return false
			case !act.Last.IsZero() && act.Last.After(ago(90)), r.Person != nil && r.Person.LastSignIn.After(ago(90)):
				return false
			default:
				return true
			}
		}
		at := make(map[string]licence.Row)
		for _, r := range rows {
			at[r.Account.ID] = r
		}
		for _, s := range b.Held() { // what is held back is named apart, and never in both
			if r := at[s.Account]; s.Kept == "" || !sure(r, activity[s.Account], true) || slices.ContainsFunc(b.Reclaimable(), func(o licence.Seat) bool { return o.Account == s.Account }) {
				t.Fatalf("%+v is held", s)
			}
		}
		for _, s := range b.Reclaimable() {
			r := at[s.Account]
			act, read := activity[s.Account]
			if !sure(r, act, read) || !r.Account.Enabled || r.Away || r.Account.DirectoryID != "" || strings.HasPrefix(s.Account, "SVC_") || s.Account == "VIP1" {
				t.Fatalf("%+v may be taken back: %+v", s, act)
			}
		}
		for _, r := range rows {
			act, read := activity[r.Account.ID]
			notice := provisioning.Reclaim{Account: r.Account.ID, NoticedAt: ago(14)}
			fresh := &act
			if !read {
				fresh = nil
			}
			if why := licence.Check(&notice, r.Account, r.Person, fresh, now(), 90); why == "" && (!sure(r, act, read) || now().Sub(act.Read) > 5*time.Minute) {
				t.Fatalf("%s passes the last look: %+v", r.Account.ID, act)
			}
		}
	})
}

// TestKept: an account that the lists name by its email or by a group of its is held back like one that they name by its id (threats G2).
func TestKept(t *testing.T) {
	p, err := policy.Parse([]byte("protected = ['ann@firm.example', 'LON/BREAKGLASS']\nvip = ['V*']\nservice = ['scan-*@firm.example']\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var rows []licence.Row
	activity := make(map[string]provisioning.Activity)
	for _, a := range []provisioning.Account{
		{ID: "ANN", Email: "Ann@Firm.example"},
		{ID: "BG", Groups: []provisioning.GroupRef{{Library: "LON", Group: "BREAKGLASS"}}},
		{ID: "VIP"},
		{ID: "SCAN", Email: "scan-1@firm.example"},
		{ID: "SYNC", Origin: provisioning.OriginEnterprise},
		{ID: "ADM", Groups: []provisioning.GroupRef{{Library: "LON", Group: provisioning.NRTADMIN}}},
		{ID: "GLOB", GlobalRoles: []string{"R"}},
		{ID: "TOM"},
	} {
		a.Enabled, a.Created = true, ago(900)
		rows = append(rows, licence.Row{Account: &a})
		activity[a.ID] = provisioning.Activity{Account: a.ID, Since: ago(91), Read: now(), Whole: true}
	}
	b := licence.Count(licence.Input{Rows: rows, Policy: p, Activity: activity, At: now()})
	if got := b.Reclaimable(); len(got) != 1 || got[0].Account != "TOM" {
		t.Errorf("reclaimable: %+v", got)
	}
	if got := b.Held(); len(got) != len(rows)-1 {
		t.Errorf("held: %+v", got)
	}
}

// TestCheckIsOfTheAccount: the last look is at the account that the notice was given of, and at a reading of its own use begun after the
// notice and just now; with any other it says why not.
func TestCheckIsOfTheAccount(t *testing.T) {
	notice := &provisioning.Reclaim{Account: "ANN", NoticedAt: ago(14)}
	account := func(id string) *provisioning.Account {
		return &provisioning.Account{ID: id, Enabled: true, Created: ago(900)}
	}
	read := func(id string, at time.Time) *provisioning.Activity {
		return &provisioning.Activity{Account: id, Since: ago(91), Read: at, Whole: true}
	}
	for name, c := range map[string]struct {
		a    *provisioning.Account
		p    *provisioning.Person
		act  *provisioning.Activity
		want string
	}{
		"still unused":                     {account("ANN"), nil, read("ANN", now()), ""},
		"no account":                       {nil, nil, read("ANN", now()), "the account could not be read again"},
		"another account":                  {account("TOM"), nil, read("TOM", now()), "the account could not be read again"},
		"another's use":                    {account("ANN"), nil, read("TOM", now()), "its use could not be read again"},
		"nothing read":                     {account("ANN"), nil, nil, "its use could not be read again"},
		"read an hour ago":                 {account("ANN"), nil, read("ANN", now().Add(-time.Hour)), "its use could not be read again"},
		"read before the notice":           {account("ANN"), nil, read("ANN", ago(15)), "its use could not be read again"},
		"a sign-in since, and no document": {account("ANN"), &provisioning.Person{LastSignIn: ago(1)}, read("ANN", now()), "it was used since the notice"},
		"a sign-in before the notice":      {account("ANN"), &provisioning.Person{LastSignIn: ago(20)}, read("ANN", now()), "it is used"},
	} {
		if got := licence.Check(notice, c.a, c.p, c.act, now(), 90); (got == "") != (c.want == "") || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	notice.NoticedAt = now().Add(-time.Minute)
	if got := licence.Check(notice, account("ANN"), nil, read("ANN", now().Add(-2*time.Minute)), now(), 90); got != "its use could not be read again" {
		t.Errorf("read just now, and before the notice: %q", got)
	}
}

// TestEffectAndForecast: what changes do to the seats and their price, and what is planned by the month.
func TestEffectAndForecast(t *testing.T) {
	p := rules(t)
	standard, external := &provisioning.Account{ID: "A", Enabled: true}, &provisioning.Account{ID: "X", External: true, Enabled: true}
	disable := []provisioning.Change{{Kind: provisioning.DisableAccount}}
	for name, c := range map[string]struct {
		a    *provisioning.Account
		list []provisioning.Change
		want licence.Effect
	}{
		"an external one closed":               {external, disable, licence.Effect{Seats: -1, Money: -12050}},
		"a standard one closed, and it counts": {standard, disable, licence.Effect{}},
		"one made":                             {standard, []provisioning.Change{{Kind: provisioning.CreateAccount}}, licence.Effect{Seats: 1, Money: 48001}},
		"a group left":                         {external, []provisioning.Change{{Kind: provisioning.LeaveGroup}}, licence.Effect{}},
		"nobody":                               {nil, disable, licence.Effect{}},
	} {
		if got := licence.EffectOf(p, c.a, nil, c.list); got != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
	b := licence.Count(licence.Input{Rows: []licence.Row{{Account: standard}, {Account: external}}, Policy: p, At: now()})
	list := licence.Forecast(b, p, []licence.Planned{{At: now().AddDate(0, 2, 0), Seats: -1, Money: -12050}, {At: now().AddDate(0, 1, 0), Seats: 1, Money: 48001}}, 6)
	if len(list) != 6 || list[0].Seats != 2 || list[1].Seats != 3 || list[1].Joiners != 1 || list[2].Seats != 2 || list[2].Leavers != 1 || list[2].Money != 96002 || len(list[4].Renewals) != 1 {
		t.Errorf("%+v", list)
	}
	renewal := time.Date(2027, 3, 31, 0, 0, 0, 0, time.Local)
	list = licence.Forecast(b, p, []licence.Planned{
		{At: renewal, Class: "standard", Seats: 1, Money: 48001}, // that very day: it is renewed without it
		{At: renewal.Add(-time.Hour), Class: "standard", Seats: 1, Money: 48001}, {At: renewal.Add(-time.Hour), Class: "external", Seats: -1, Money: -12050},
	}, 6)
	if want := (licence.Renewal{Class: "standard", On: renewal, Seats: 2, Money: 96002}); len(list[4].AtRenewal) != 1 || list[4].AtRenewal[0] != want || list[4].Seats != 3 {
		t.Errorf("at the renewal: %+v", list[4])
	}
}

// BenchmarkCount counts the seats of 100,000 accounts.
func BenchmarkCount(b *testing.B) {
	p := rules(b)
	rows := make([]licence.Row, 100_000)
	activity := make(map[string]provisioning.Activity, len(rows))
	for i := range rows {
		a := &provisioning.Account{ID: fmt.Sprintf("A%06d", i), Enabled: i%9 > 0, External: i%7 == 0, Created: ago(900)}
		rows[i] = licence.Row{Account: a}
		activity[a.ID] = provisioning.Activity{Account: a.ID, Since: ago(91), Read: now(), Whole: true}
	}
	for b.Loop() {
		licence.Count(licence.Input{Rows: rows, Policy: p, Activity: activity, At: now()})
	}
}
