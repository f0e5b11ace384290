package certify_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/certify"
	"rollcall/provisioning/policy"
)

const firmPolicy = `
protected = ['BREAKGLASS']
service = ['SVC_SCAN']
excluded_types = ['guest']
ungoverned = ['*/DEAL-*']
[[birthright]]
name = 'London Litigation'
office = 'London'
department = 'Litigation'
libraries = { LON = 'STANDARD' }
groups = ['LON/ALL']
[[exception]]
who = 'ANN'
libraries = { TAX = 'STANDARD' }
groups = ['TAX/PROJECT']
until = 2026-12-31
reason = 'helps with the tax case'
[[wall]]
name = 'Kite'
groups = ['*/KITE', '*/HERON']
`

func parse(tb testing.TB, text string) *policy.Policy {
	tb.Helper()
	p, err := policy.Parse([]byte(text), nil)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func person(id, office, practice, title string) *provisioning.Person {
	return &provisioning.Person{
		Key: provisioning.PersonKey{Directory: "okta", ID: id}, SSOName: id, Email: strings.ToLower(id) + "@firm.example", FullName: "Person " + id,
		Office: office, Department: practice, Title: title, Status: provisioning.StatusActive,
	}
}

func in(library, role string) provisioning.Membership {
	return provisioning.Membership{Library: library, Role: role, Enabled: true}
}

func ref(s string) provisioning.GroupRef {
	g, _ := provisioning.ParseGroup(s)
	return g
}

func account(id string, members []provisioning.Membership, groups ...string) *provisioning.Account {
	a := &provisioning.Account{ID: id, FullName: "Account " + id, Email: strings.ToLower(id) + "@firm.example", Location: "London", Enabled: true, Memberships: members}
	for _, g := range groups {
		a.Groups = append(a.Groups, ref(g))
	}
	return a
}

// firm is a small roll that has one of everything.
func firm(tb testing.TB) certify.Input {
	tb.Helper()
	admin := account("CARL", []provisioning.Membership{in("LON", "STANDARD")}, "LON/NRTADMIN")
	admin.GlobalRoles = []string{"Global Admin"}
	closed := account("DAN", []provisioning.Membership{in("LON", "STANDARD")}, "LON/ALL", "LON/NRTADMIN")
	closed.Enabled = false
	external := account("EVE", []provisioning.Membership{in("LON", "DEFAULT EXTERNAL")}, "LON/DEAL-1")
	external.External, external.Origin = true, provisioning.OriginEnterprise
	return certify.Input{
		Policy: parse(tb, firmPolicy), At: day(0),
		Rows: []certify.Row{
			{Person: person("ZED", "Leeds", "Litigation", "Partner"), Account: account("ZED", []provisioning.Membership{in("LON", "SENIOR")}, "/FIRM")},
			{Person: person("ANN", "London", "Litigation", "Associate"), Account: account("ANN", []provisioning.Membership{in("LON", "STANDARD"), in("TAX", "STANDARD")}, "LON/ALL", "LON/HERON", "LON/KITE", "TAX/PROJECT")},
			{Person: person("BOB", "london", "litigation", "associate"), Account: account("BOB", []provisioning.Membership{in("LON", "SENIOR")}, "LON/ALL")},
			{Account: admin},
			{Person: person("DAN", "London", "Litigation", "Associate"), Account: closed, Away: true},
			{Person: person("EVE", "London", "Litigation", "Associate"), Account: external},
			{Account: account("BREAKGLASS", nil, "LON/NRTADMIN")},
			{Account: account("SVC_SCAN", []provisioning.Membership{in("TAX", "")})},
		},
	}
}

// names writes the items as ACCOUNT:WHAT.
func listed(items []provisioning.ReviewItem) []string {
	var list []string
	for i := range items {
		list = append(list, items[i].Account+":"+certify.What(&items[i]))
	}
	return list
}

func TestItemsAreThoseOfTheScope(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scope provisioning.CampaignScope
		want  []string
	}{
		"everything": {provisioning.CampaignScope{}, []string{
			"ANN:LON as STANDARD", "ANN:group LON/ALL", "ANN:group LON/HERON", "ANN:group LON/KITE", "ANN:TAX as STANDARD", "ANN:group TAX/PROJECT",
			"BOB:LON as SENIOR", "BOB:group LON/ALL", "BREAKGLASS:group LON/NRTADMIN",
			"CARL:global role Global Admin", "CARL:LON as STANDARD", "CARL:group LON/NRTADMIN",
			"DAN:group LON/NRTADMIN", "EVE:LON as DEFAULT EXTERNAL", "EVE:group LON/DEAL-1", "SVC_SCAN:TAX", "ZED:group /FIRM", "ZED:LON as SENIOR",
		}},
		"a library, whatever its case": {provisioning.CampaignScope{Libraries: []string{"tax"}}, []string{"ANN:TAX as STANDARD", "ANN:group TAX/PROJECT", "SVC_SCAN:TAX"}},
		"groups, a global one too":     {provisioning.CampaignScope{Groups: []string{"lon/kite", "/firm"}}, []string{"ANN:group LON/KITE", "ZED:group /FIRM"}},
		"roles of both sorts":          {provisioning.CampaignScope{Roles: []string{"senior", "global admin"}}, []string{"BOB:LON as SENIOR", "CARL:global role Global Admin", "ZED:LON as SENIOR"}},
		"fields narrow":                {provisioning.CampaignScope{Roles: []string{"SENIOR", "Global Admin"}, Libraries: []string{"LON"}, Offices: []string{"LEEDS"}}, []string{"ZED:LON as SENIOR"}},
		"a library and a group of another": {
			provisioning.CampaignScope{Libraries: []string{"LON"}, Groups: []string{"TAX/PROJECT"}}, nil,
		},
		"a practice has people": {provisioning.CampaignScope{Practices: []string{"LITIGATION"}, Groups: []string{"LON/NRTADMIN"}}, []string{"DAN:group LON/NRTADMIN"}},
		"externals":             {provisioning.CampaignScope{Externals: true}, []string{"EVE:LON as DEFAULT EXTERNAL", "EVE:group LON/DEAL-1"}},
		"administrators": {provisioning.CampaignScope{Admins: true}, []string{
			"BREAKGLASS:group LON/NRTADMIN", "CARL:global role Global Admin", "CARL:group LON/NRTADMIN", "DAN:group LON/NRTADMIN",
		}},
		"an office without people is the account's": {provisioning.CampaignScope{Offices: []string{"London"}, Libraries: []string{"TAX"}}, []string{"ANN:TAX as STANDARD", "ANN:group TAX/PROJECT", "SVC_SCAN:TAX"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := firm(t)
			r.Scope = c.scope
			items := certify.Items(r)
			if got := listed(items); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			for i := range items {
				if items[i].N != i+1 {
					t.Errorf("item %d has the number %d", i+1, items[i].N)
				}
			}
		})
	}
}

func TestADormantScopeListsAccountsThatAreSurelyNotUsed(t *testing.T) {
	t.Parallel()
	use := map[string]provisioning.Usage{
		"ANN": provisioning.NotUsed, "BOB": provisioning.Used, "CARL": provisioning.NotUsed, "DAN": provisioning.NotUsed, "EVE": provisioning.UsageUnknown, "ZED": "",
	}
	r := firm(t)
	r.Scope.Dormant = true
	r.Usage = func(a string) (provisioning.Usage, time.Time, string) { return use[a], day(-100), "edit of LON!1.1" }
	items := certify.Items(r)
	if got := listed(items); !reflect.DeepEqual(got, []string{"ANN:the account", "CARL:the account"}) {
		t.Fatalf("got %q", got)
	}
	if it := items[0]; it.Usage != provisioning.NotUsed || !it.LastUsed.Equal(day(-100)) || it.UsedHow != "edit of LON!1.1" || len(it.Walls) != 1 {
		t.Errorf("the evidence is %+v", it)
	}
	if !slices.Contains(items[1].Alarms, certify.AlarmAdministrator) {
		t.Errorf("CARL administers, and the alarms are %q", items[1].Alarms)
	}
	r.Scope.Libraries = []string{"TAX"}
	if got := listed(certify.Items(r)); !reflect.DeepEqual(got, []string{"ANN:the account"}) {
		t.Errorf("of those in TAX: got %q", got)
	}
	r.Usage, r.Scope.Libraries = nil, nil
	if got := certify.Items(r); len(got) != 0 {
		t.Errorf("nobody looked for use, and %q are dormant", listed(got))
	}
}

func TestOnlyWhatWasGivenSince(t *testing.T) {
	t.Parallel()
	r := firm(t)
	r.Scope = provisioning.CampaignScope{ChangedNow: true, Since: day(-10), Libraries: []string{"LON"}, Offices: []string{"london"}, Practices: []string{"litigation"}}
	r.History = func(a string) map[certify.Access]certify.Given {
		return map[certify.Access]certify.Given{
			certify.LibraryAccess(a, "lon"):         {Since: day(-20), By: "l.ortiz, batch 12"},
			certify.GroupAccess(a, ref("LON/ALL")):  {Since: day(-10)},
			certify.GroupAccess(a, ref("LON/kite")): {Since: day(-9), By: "m.chen, batch 14"},
		}
	}
	items := certify.Items(r)
	// HERON, DEAL-1 and NRTADMIN: nobody knows since when.
	if got := listed(items); !reflect.DeepEqual(got, []string{"ANN:group LON/HERON", "ANN:group LON/KITE", "DAN:group LON/NRTADMIN", "EVE:group LON/DEAL-1"}) {
		t.Fatalf("got %q", got)
	}
	if it := items[1]; !it.Since.Equal(day(-9)) || it.By != "m.chen, batch 14" {
		t.Errorf("given %v by %q", it.Since, it.By)
	}
}

func TestTheEvidenceOfAnItem(t *testing.T) {
	t.Parallel()
	items := certify.Items(firm(t))
	find := func(what string) provisioning.ReviewItem {
		t.Helper()
		i := slices.Index(listed(items), what)
		if i < 0 {
			t.Fatalf("no item %s", what)
		}
		return items[i]
	}
	for what, want := range map[string]struct{ standing, reason string }{
		"ANN:LON as STANDARD":           {provisioning.StandsBirthright, "(rule 1, London Litigation)"},
		"ANN:group LON/ALL":             {provisioning.StandsBirthright, "(rule 1, London Litigation)"},
		"ANN:TAX as STANDARD":           {provisioning.StandsException, "helps with the tax case (exception 1)"},
		"ANN:group TAX/PROJECT":         {provisioning.StandsException, "until 31 Dec 2026"},
		"ANN:group LON/KITE":            {provisioning.StandsExcess, "no rule gives it"},
		"BOB:LON as SENIOR":             {provisioning.StandsExcess, "the policy gives role STANDARD there"},
		"EVE:LON as DEFAULT EXTERNAL":   {provisioning.StandsExcess, "the policy gives role STANDARD there"},
		"EVE:group LON/DEAL-1":          {provisioning.StandsNoRule, "by hand"},
		"CARL:LON as STANDARD":          {provisioning.StandsNoRule, "nobody is linked"},
		"CARL:global role Global Admin": {provisioning.StandsNoRule, "nobody is linked"},
		"DAN:group LON/NRTADMIN":        {provisioning.StandsExcess, "they have left"},
		"ZED:LON as SENIOR":             {provisioning.StandsNoRule, "no rule fits"},
		"BREAKGLASS:group LON/NRTADMIN": {provisioning.StandsNoRule, "nobody is linked"},
		"SVC_SCAN:TAX":                  {provisioning.StandsNoRule, "nobody is linked"},
	} {
		if it := find(what); it.Standing != want.standing || !strings.Contains(it.Reason, want.reason) {
			t.Errorf("%s stands as %s: %q, want %s: …%s…", what, it.Standing, it.Reason, want.standing, want.reason)
		}
	}
	for what, want := range map[string][]string{
		"ANN:group LON/ALL":             nil,
		"CARL:LON as STANDARD":          {certify.AlarmNobody},
		"CARL:group LON/NRTADMIN":       {certify.AlarmAdministrator, certify.AlarmNobody},
		"DAN:group LON/NRTADMIN":        {certify.AlarmLeaver, certify.AlarmAdministrator, certify.AlarmDisabled},
		"EVE:group LON/DEAL-1":          {certify.AlarmExternal, certify.AlarmManaged},
		"BREAKGLASS:group LON/NRTADMIN": {certify.AlarmAdministrator, certify.AlarmProtected},
		"SVC_SCAN:TAX":                  {certify.AlarmService},
	} {
		if it := find(what); !slices.Equal(it.Alarms, want) {
			t.Errorf("%s has the alarms %q, want %q", what, it.Alarms, want)
		}
	}
	for what, held := range map[string]bool{
		"BREAKGLASS:group LON/NRTADMIN": true, "SVC_SCAN:TAX": true, "EVE:group LON/DEAL-1": true, "ANN:group LON/ALL": false,
	} {
		it := find(what)
		if got := certify.Caution(&it) != ""; got != held {
			t.Errorf("a caution for %s: %v", what, got)
		}
	}
	// Peers of ANN: BOB and EVE, whatever the case of their seat; DAN is closed and has left.
	for what, want := range map[string][2]int{
		"ANN:group LON/ALL": {2, 1}, "ANN:group LON/KITE": {2, 0}, "ANN:LON as STANDARD": {2, 0}, "BOB:group LON/ALL": {2, 1}, "ZED:group /FIRM": {0, 0},
		"DAN:group LON/NRTADMIN": {3, 0}, "CARL:LON as STANDARD": {0, 0},
	} {
		if it := find(what); it.Peers != want[0] || it.PeersHave != want[1] {
			t.Errorf("%s: %d of %d peers have it, want %d of %d", what, it.PeersHave, it.Peers, want[1], want[0])
		}
	}
	if it := find("ANN:group LON/KITE"); !slices.Equal(it.Walls, []string{"Kite: apart from group LON/HERON"}) {
		t.Errorf("the walls are %q", it.Walls)
	}
	if it := find("ANN:group LON/ALL"); len(it.Walls) != 0 {
		t.Errorf("ALL breaks %q", it.Walls)
	}
	if it := find("CARL:LON as STANDARD"); it.Name != "Account CARL" || it.Office != "London" || !it.Person.IsZero() || it.Usage != provisioning.UsageUnknown || it.UsedHow == "" {
		t.Errorf("an account that nobody is linked to: %+v", it)
	}
}

// TestALibraryThatAGivenGroupNeeds holds that a place is not in excess whose group the policy gives.
func TestALibraryThatAGivenGroupNeeds(t *testing.T) {
	t.Parallel()
	items := certify.Items(certify.Input{
		At: day(0), Policy: parse(t, "[[birthright]]\nname = 'all'\ngroups = ['LON/ALL']\n"),
		Rows: []certify.Row{{Person: person("ANN", "London", "Tax", "Partner"), Account: account("ANN", []provisioning.Membership{in("LON", "STANDARD")}, "LON/ALL")}},
	})
	if it := items[0]; it.Standing != provisioning.StandsBirthright || !strings.HasPrefix(it.Reason, "group LON/ALL needs it: ") {
		t.Errorf("%s: %q", it.Standing, it.Reason)
	}
}

// TestAClosingListKeepsWhatWasInTheScope holds that an account that is used now, moved office or got another role is no access that went.
func TestAClosingListKeepsWhatWasInTheScope(t *testing.T) {
	t.Parallel()
	use := provisioning.NotUsed
	r := firm(t)
	r.Scope = provisioning.CampaignScope{Dormant: true, Offices: []string{"Leeds"}}
	r.Usage = func(string) (provisioning.Usage, time.Time, string) { return use, time.Time{}, "" }
	opening := certify.Items(r)
	if len(opening) != 1 {
		t.Fatalf("dormant in Leeds: %q", listed(opening))
	}
	use = provisioning.Used
	r.Rows[0].Person.Office = "London"
	if got := certify.Items(r); len(got) != 0 {
		t.Fatalf("by itself the scope is %q", listed(got))
	}
	r.Was = opening
	if got := certify.Items(r); !slices.Equal(listed(got), listed(opening)) {
		t.Errorf("the closing list is %q", listed(got))
	}
	r.Rows[0].Account.Enabled = false
	if got := certify.Items(r); len(got) != 0 {
		t.Errorf("a closed account is listed: %q", listed(got))
	}
	roles := firm(t)
	roles.Scope.Roles = []string{"SENIOR"}
	roles.Was = certify.Items(roles)
	roles.Rows[0].Account.Memberships[0].Role = "STANDARD"
	if got := listed(certify.Items(roles)); !slices.Equal(got, []string{"BOB:LON as SENIOR", "ZED:LON as STANDARD"}) {
		t.Errorf("a role that was changed: %q", got)
	}
}

// TestTheRoleOfAnExternal holds that DEFAULT EXTERNAL is what DEFAULT means for an external account, and for no other.
func TestTheRoleOfAnExternal(t *testing.T) {
	t.Parallel()
	for external, want := range map[bool]string{true: provisioning.StandsBirthright, false: provisioning.StandsExcess} {
		a := account("EVE", []provisioning.Membership{in("LON", "DEFAULT EXTERNAL")})
		a.External = external
		items := certify.Items(certify.Input{
			At: day(0), Policy: parse(t, "[[birthright]]\nname = 'all'\nlibraries = { LON = 'DEFAULT' }\n"),
			Rows: []certify.Row{{Person: person("EVE", "London", "Tax", "Client"), Account: a}},
		})
		if items[0].Standing != want {
			t.Errorf("external %v: %s, %s", external, items[0].Standing, items[0].Reason)
		}
	}
}

// TestAlarmsAreEachItemsOwn holds that the alarm of one item does not shift those of another of the same account.
func TestAlarmsAreEachItemsOwn(t *testing.T) {
	t.Parallel()
	a := account("EVE", []provisioning.Membership{in("LON", "STANDARD")}, "LON/ALL", "LON/NRTADMIN", "LON/ZZZ")
	a.External, a.Origin = true, provisioning.OriginEnterprise
	want := []string{certify.AlarmExternal, certify.AlarmNobody, certify.AlarmManaged}
	for _, it := range certify.Items(certify.Input{At: day(0), Rows: []certify.Row{{Account: a}}}) {
		alarms := want
		if it.Object == provisioning.NRTADMIN {
			alarms = append([]string{certify.AlarmAdministrator}, want...)
		}
		if !slices.Equal(it.Alarms, alarms) {
			t.Errorf("%s has %q, want %q", certify.What(&it), it.Alarms, alarms)
		}
	}
}

// TestAPersonWithTwoAccountsIsOnePeer counts people, not accounts.
func TestAPersonWithTwoAccountsIsOnePeer(t *testing.T) {
	t.Parallel()
	twice := person("ANN", "London", "Tax", "Partner")
	items := certify.Items(certify.Input{At: day(0), Rows: []certify.Row{
		{Person: twice, Account: account("ANN", nil, "/FIRM")},
		{Person: twice, Account: account("ANN2", nil, "/FIRM", "/OLD")},
		{Person: person("BOB", "London", "Tax", "Partner"), Account: account("BOB", nil, "/FIRM", "/OLD")},
	}})
	got := make(map[string][2]int)
	for i := range items {
		got[items[i].Account+items[i].Object] = [2]int{items[i].PeersHave, items[i].Peers}
	}
	want := map[string][2]int{"ANNFIRM": {1, 1}, "ANN2FIRM": {1, 1}, "ANN2OLD": {1, 1}, "BOBFIRM": {1, 1}, "BOBOLD": {0, 1}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
