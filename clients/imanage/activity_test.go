package imanage_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/clients/imanage"
	"rollcall/clients/imanage/imanagetest"
	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
)

const library = "/work/api/v2/customers/1/libraries/"

// noon is when these tests take place; ago is so many days before it.
var noon = time.Now().UTC().Truncate(time.Second)

func ago(days int) time.Time { return noon.AddDate(0, 0, -days) }

// busy is a tenant that rollcall administers everywhere, with its work.
func busy(users int, work ...*imanagetest.Work) imanagetest.Config {
	c := firm(false, users)
	c.Now = func() time.Time { return noon }
	for _, l := range c.Libraries {
		l.Members["XSVC"] = "STANDARD"
		l.Groups["NRTADMIN"].Members["XSVC"] = true
		for _, w := range work {
			if strings.HasPrefix(w.ID, l.ID+"!") {
				l.Work = append(l.Work, w)
			}
		}
	}
	return c
}

func work(id string, events ...imanagetest.Event) *imanagetest.Work {
	return &imanagetest.Work{ID: id, Name: "Paper", Events: events}
}

func did(user, activity string, days int) imanagetest.Event {
	return imanagetest.Event{User: user, Activity: activity, At: ago(days)}
}

// spelt is a time as the tenant spells it, and vendor one as the vendor's text does, with an offset and a dot in it.
func spelt(days int) string { return ago(days).Format(time.RFC3339) }

func vendor(days int) string {
	india := time.FixedZone("", 330*60)
	return ago(days).In(india).Format("2006-01-02T15:04:05") + ".250+05.30"
}

// in is an account as it is asked for.
func in(id string, libraries ...string) provisioning.Account {
	a := provisioning.Account{ID: id}
	for _, l := range libraries {
		a.Memberships = append(a.Memberships, provisioning.Membership{Library: l})
	}
	return a
}

// clockAtNoon moves only when somebody sleeps on it.
func clockAtNoon(o *imanage.Options) { o.Clock = &still{now: noon} }

// TestActivity: what is told of an account by what stands in its documents' histories.
func TestActivity(t *testing.T) {
	none := time.Time{}
	for name, one := range map[string]struct {
		work []*imanagetest.Work
		last time.Time
		what string
		why  string // a part of it; "": whole
	}{
		"nothing":                               {nil, none, "", ""},
		"an edit":                               {[]*imanagetest.Work{work("LON!7.1", did("U001", "NEWDOCUMENT", 80), did("U001", "MODIFY", 40))}, ago(40), "edit of LON!7.1", ""},
		"a view after the edit":                 {[]*imanagetest.Work{work("LON!7.1", did("U001", "NEWDOCUMENT", 40), did("U001", "VIEW", 12))}, ago(12), "view of LON!7.1", ""},
		"a view of another document":            {[]*imanagetest.Work{work("LON!7.1", did("U001", "MODIFY", 40)), work("NYC!8.1", did("U001", "MODIFY", 50), did("U001", "MAIL", 20))}, ago(20), "mail of NYC!8.1", ""},
		"a colleague went on":                   {[]*imanagetest.Work{work("LON!7.1", did("U001", "NEWDOCUMENT", 60), did("U002", "MODIFY", 3))}, ago(60), "creation of LON!7.1", ""},
		"a colleague's document":                {[]*imanagetest.Work{work("LON!7.1", did("U002", "NEWDOCUMENT", 60), did("U001", "NEWDOCVER", 30))}, ago(30), "new version of LON!7.1", ""},
		"as author":                             {[]*imanagetest.Work{{ID: "LON!7.1", Author: "U001", Operator: "U003", Events: []imanagetest.Event{did("U001", "NEWDOCUMENT", 33), did("U002", "MODIFY", 2)}}}, ago(33), "creation of LON!7.1", ""},
		"as operator":                           {[]*imanagetest.Work{{ID: "LON!7.1", Author: "U003", Operator: "U001", Events: []imanagetest.Event{did("U001", "MODIFY", 33), did("U002", "MODIFY", 2)}}}, ago(33), "edit of LON!7.1", ""},
		"an older version":                      {[]*imanagetest.Work{work("LON!7.1", did("U001", "MODIFY", 44)), work("LON!7.2", did("U002", "NEWDOCVER", 4))}, ago(44), "edit of LON!7.1", ""},
		"before it was looked for":              {[]*imanagetest.Work{work("LON!7.1", did("U001", "MODIFY", 91))}, none, "", ""},
		"on the day itself":                     {[]*imanagetest.Work{work("LON!7.1", did("U001", "MODIFY", 90))}, ago(90), "edit of LON!7.1", ""},
		"an event still to come":                {[]*imanagetest.Work{work("LON!7.1", did("U001", "MODIFY", 40), did("U001", "VIEW", -2))}, ago(40), "edit of LON!7.1", "still to come"},
		"an edit still to come":                 {[]*imanagetest.Work{work("LON!7.1", did("U001", "MODIFY", -2))}, none, "", "still to come"},
		"a library that is not theirs":          {[]*imanagetest.Work{work("PAR!7.1", did("U001", "MODIFY", 5))}, none, "", ""},
		"somebody else's":                       {[]*imanagetest.Work{work("LON!7.1", did("U002", "MODIFY", 5))}, none, "", ""},
		"behind a wall, last changed by them":   {[]*imanagetest.Work{{ID: "LON!7.1", Walled: true, Events: []imanagetest.Event{did("U001", "MODIFY", 50)}}}, ago(50), "edit of LON!7.1", "the history of LON!7.1"},
		"behind a wall, last changed by others": {[]*imanagetest.Work{{ID: "LON!7.1", Walled: true, Events: []imanagetest.Event{did("U001", "NEWDOCUMENT", 50), did("U002", "MODIFY", 40)}}}, none, "", "rollcall's account may not read them"},
	} {
		_, c := open(t, busy(5, one.work...), clockAtNoon)
		found, err := c.Activity(context.Background(), []provisioning.Account{in("u001", "LON", "NYC")}, ago(90), nil)
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %v %+v", name, err, found)
		}
		a := found[0]
		if a.Account != "U001" || !a.Last.Equal(one.last) || a.What != one.what || !a.Since.Equal(ago(90)) || !a.Read.Equal(noon) {
			t.Errorf("%s: %+v", name, a)
		}
		if a.Whole != (one.why == "") || (a.Why == "") != a.Whole || !strings.Contains(a.Why, one.why) {
			t.Errorf("%s: whole %v, %q, want %q", name, a.Whole, a.Why, one.why)
		}
	}
}

// paged is a tenant on whose documents U001 did so much that there are many pages; the newest was 20 days ago.
func paged() imanagetest.Config {
	var all []*imanagetest.Work
	for i := range 9 {
		all = append(all, work(fmt.Sprintf("LON!%d.1", 100+i), did("U001", "NEWDOCUMENT", 85-i), did("U001", "VIEW", 20+i), did("U001", "VIEW", 40+i), did("U001", "PRINT", 50+i)))
	}
	c := busy(5, all...)
	c.MostPage = 2
	return c
}

// TestActivityPages: what comes in many pages is read to its end, by cursor or by offset.
func TestActivityPages(t *testing.T) {
	for name, strip := range map[string]bool{"by cursor": false, "no cursor is heeded": true} {
		config := paged()
		if strip {
			config.MostPage = 0
		}
		s, c := open(t, config, clockAtNoon)
		if strip {
			full := make([]string, 1000)
			for i := range full {
				full[i] = fmt.Sprintf(`{"id":"LON!%d.1","author":"U009","edit_date":%q}`, 5000+i, spelt(4))
			}
			s.Bench().Inject(wiretest.Fault{Kind: wiretest.Rewrite, Path: library + "LON/documents", Query: "paging_mode", Rewrite: func([]byte) []byte {
				return []byte(`{"data":{"results":[` + strings.Join(full, ",") + `]}}`)
			}})
		}
		found, err := c.Activity(context.Background(), []provisioning.Account{in("U001", "LON")}, ago(90), nil)
		// of the nine, the newest changed is LON!108, created 77 days ago, and viewed 28 days ago; the five newest are looked at
		if err != nil || !found[0].Whole || !found[0].Last.Equal(ago(24)) || found[0].What != "view of LON!104.1" {
			t.Errorf("%s: %v %+v", name, err, found)
		}
	}
}

// TestActivityFaults: whatever is not read makes the answer not whole, and says why; no account is then taken for one that is not used.
// Those beside it are told all the same.
func TestActivityFaults(t *testing.T) {
	const documents, history = library + "LON/documents", library + "LON/documents/LON%21108.1/history"
	rewrite := func(path, query, body string) wiretest.Fault {
		return wiretest.Fault{Kind: wiretest.Rewrite, Path: path, Query: query, Rewrite: func([]byte) []byte { return []byte(body) }}
	}
	row := `{"id":"LON!1.1","author":"U001","operator":"U001","last_user":"U001","edit_date":"` + spelt(40) + `"}`
	for name, one := range map[string]struct {
		fault wiretest.Fault
		why   string
	}{
		"a library refused":            {wiretest.Fault{Kind: wiretest.Status, Path: documents, Query: "limit", Status: 403}, "documents of LON cannot be searched: rollcall's account may not read them"},
		"a search that is not there":   {wiretest.Fault{Kind: wiretest.Status, Path: documents, Query: "operator=", Status: 404}, "this tenant does not know the call (404)"},
		"rights refused":               {wiretest.Fault{Kind: wiretest.Status, Path: library + "LON/*", Status: 500}, "may see in LON is not told"},
		"throttled for ever":           {wiretest.Fault{Kind: wiretest.Status, Path: documents, Query: "author=", Status: 429}, "too many requests"},
		"a second page broken":         {wiretest.Fault{Kind: wiretest.Status, Path: documents, Query: "cursor=", Status: 500}, "was not read whole"},
		"a page cut":                   {wiretest.Fault{Kind: wiretest.CutBody, Path: documents, Query: "last_user="}, "was not read whole"},
		"a sign-in page":               {wiretest.Fault{Kind: wiretest.HTML, Path: documents, Query: "last_user="}, "was not read whole"},
		"an empty object":              {wiretest.Fault{Kind: wiretest.EmptyObject, Path: documents, Query: "last_user="}, "there is no list in the answer"},
		"an empty list":                {wiretest.Fault{Kind: wiretest.EmptyList, Path: documents, Query: "last_user="}, "was not read whole"},
		"the same page for ever":       {rewrite(documents, "last_user=", `{"data":{"results":[`+row+`]},"cursor":"YXQ6MA"}`), "the same rows again"},
		"empty pages for ever":         {rewrite(documents, "last_user=", `{"data":{"results":[]},"cursor":"YXQ6MA"}`), "the same next page twice"},
		"more than is given":           {rewrite(documents, "last_user=", `{"data":{"results":[]},"overflow":true}`), "cut short"},
		"a row without an id":          {rewrite(documents, "last_user=", `{"data":{"results":[{"author":"U001"}]}}`), "without an id"},
		"a row with a broken date":     {rewrite(documents, "last_user=", `{"data":{"results":[`+strings.Replace(row, spelt(40), "yesterday", 1)+`]}}`), `bears the date "yesterday`},
		"a row with a number for a id": {rewrite(documents, "last_user=", `{"data":{"results":[{"id":7}]}}`), "was not read whole"},
		"a history refused":            {wiretest.Fault{Kind: wiretest.Status, Path: history, Status: 403}, "the history of LON!108.1 was not read whole: rollcall's account"},
		"a history not there":          {wiretest.Fault{Kind: wiretest.Status, Path: history, Status: 404}, "the history of LON!108.1"},
		"a history's page broken":      {wiretest.Fault{Kind: wiretest.Status, Path: history, Query: "offset=2", Status: 500}, "the history of LON!108.1 was not read whole"},
		"a history's page again":       {rewrite(history, "", `{"data":[{"activity":"VIEW","user":"U001","activity_date":"`+spelt(50)+`"}],"total_count":9}`), "the same rows again"},
		"a history cut short":          {rewrite(history, "", `{"data":[],"total_count":2}`), "cut short"},
		"a history in a page":          {wiretest.Fault{Kind: wiretest.HTML, Path: history}, "the history of LON!108.1 was not read whole"},
		"an event without a date":      {rewrite(history, "", `{"data":[{"activity":"VIEW","user":"U001"}],"total_count":1}`), "bears the date"},
		"an event of nobody":           {rewrite(history, "", `{"data":[{"activity":"VIEW","activity_date":"`+spelt(50)+`"}],"total_count":1}`), "does not say whose"},
		"an event with another date":   {rewrite(history, "", `{"data":[{"user":"U001","activity_date":"24/11/2026"}],"total_count":1}`), `bears the date "24/11/2026"`},
	} {
		s, c := open(t, paged(), clockAtNoon)
		s.Bench().Inject(one.fault)
		found, err := c.Activity(context.Background(), []provisioning.Account{in("U001", "LON"), in("U002", "NYC"), in("U003", "PAR")}, ago(90), nil)
		if err != nil || len(found) != 3 {
			t.Fatalf("%s: %v %+v", name, err, found)
		}
		if found[0].Whole || !strings.Contains(found[0].Why, one.why) {
			t.Errorf("%s: whole %v, %q, want %q", name, found[0].Whole, found[0].Why, one.why)
		}
		if n := len(s.Bench().Log()); n > 150 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
}

// TestActivityRecovers: what passes is met by asking again, and makes nothing unknown.
func TestActivityRecovers(t *testing.T) {
	for _, kind := range []wiretest.Fault{{Kind: wiretest.Status, Status: 429}, {Kind: wiretest.Status, Status: 503}, {Kind: wiretest.ResetBefore}} {
		s, c := open(t, paged(), clockAtNoon)
		kind.Path, kind.Query, kind.Times = library+"LON/documents", "limit", 1
		s.Bench().Inject(kind)
		s.Bench().Inject(wiretest.Fault{Kind: wiretest.Status, Status: 429, Path: library + "LON/documents/*/history", Every: 3})
		found, err := c.Activity(context.Background(), []provisioning.Account{in("U001", "LON")}, ago(90), nil)
		if err != nil || !found[0].Whole || !found[0].Last.Equal(ago(24)) {
			t.Errorf("%+v: %v %+v", kind, err, found)
		}
	}
}

// TestActivityOfOthers: a server that heeds no filter makes nobody else's work the account's, nor what was before.
func TestActivityOfOthers(t *testing.T) {
	s, c := open(t, busy(5, work("LON!3.1", did("U003", "VIEW", 1))), clockAtNoon)
	s.Bench().Inject(wiretest.Fault{Kind: wiretest.Rewrite, Path: library + "LON/documents", Query: "paging_mode", Rewrite: func([]byte) []byte {
		return []byte(`{"data":{"results":[{"id":"LON!1.1","author":"U002","operator":"U002","last_user":"U002","edit_date":"` + spelt(1) + `"},` +
			`{"id":"LON!2.1","author":"U001","operator":"U001","last_user":"u001","edit_date":"2020-11-23T00:00:00Z"},` +
			`{"id":"LON!3.1","author":"U001","operator":"U001","last_user":"u002","edit_date":"` + vendor(50) + `"}]}}`)
	}}, wiretest.Fault{Kind: wiretest.Rewrite, Path: library + "LON/documents/LON%213.1/history", Rewrite: func([]byte) []byte {
		return []byte(`{"data":[{"activity":"VIEW","user":"U002","activity_date":"` + spelt(2) + `","version":1},` +
			`{"activity":"Checked in","user":"u001","activity_date":"` + vendor(51) + `","version":4},{"activity":"VIEW","user":"U001","activity_date":"2019-01-01T00:00:00Z"}],"total_count":3}`)
	}})
	found, err := c.Activity(context.Background(), []provisioning.Account{in("U001", "LON")}, ago(90), nil)
	want := ago(51).Add(250 * time.Millisecond)
	if err != nil || !found[0].Whole || !found[0].Last.Equal(want) || found[0].What != "checked in of LON!3.4" {
		t.Errorf("%v %+v", err, found)
	}
	for _, e := range s.Bench().Log() {
		if strings.HasSuffix(e.Path, "/history") && !strings.Contains(e.Path, "3.1") {
			t.Errorf("the history of %s was read", e.Path)
		}
	}
}

// TestActivityNarrow: the same call for one account is a handful of requests, and is fresh each time.
func TestActivityNarrow(t *testing.T) {
	s, c := open(t, busy(5, work("LON!7.1", did("U001", "NEWDOCUMENT", 80))), clockAtNoon)
	one := []provisioning.Account{in("U001", "LON")}
	first, err := c.Activity(context.Background(), one, ago(90), nil)
	if err != nil || !first[0].Whole || !first[0].Last.Equal(ago(80)) {
		t.Fatalf("%v %+v", err, first)
	}
	for i, user := range []string{"U001", "U002"} { // one with a document, and one without
		s.Bench().Forget()
		s.Touch(user, "LON", noon.Add(-time.Minute))
		again, err := c.Activity(context.Background(), []provisioning.Account{in(user, "LON")}, ago(90), nil)
		if err != nil || !again[0].Whole || !again[0].Last.Equal(noon.Add(-time.Minute)) {
			t.Errorf("%d: %v %+v", i, err, again)
		}
		if n := len(s.Bench().Log()); n > 5 {
			t.Errorf("%d requests: %+v", n, s.Bench().Log())
		}
		for _, e := range s.Bench().Log() {
			if e.Method != http.MethodGet {
				t.Errorf("%s %s", e.Method, e.Path)
			}
		}
	}
}

// TestActivityAsked: every account that was asked for is answered, in order, also one that is nobody's, one twice, and one that comes
// without its libraries; progress comes to its end.
func TestActivityAsked(t *testing.T) {
	for _, onPrem := range []bool{false, true} {
		config := busy(30, work("NYC!7.1", did("U001", "MODIFY", 9)))
		config.OnPrem = onPrem
		_, c := open(t, config, clockAtNoon)
		var mu sync.Mutex
		var last provisioning.Progress
		accounts := []provisioning.Account{in("U004", "LON"), in("U001"), in("NOBODY"), in("u001", "NYC"), in("U001", "LON")}
		for i := range 30 {
			accounts = append(accounts, in(fmt.Sprintf("U%03d", i), "LON"))
		}
		found, err := c.Activity(context.Background(), accounts, ago(90), func(p provisioning.Progress) {
			mu.Lock()
			defer mu.Unlock()
			if p.Seen < last.Seen || p.Total != len(accounts) {
				t.Errorf("progress %+v after %+v", p, last)
			}
			last = p
		})
		if err != nil || len(found) != len(accounts) || !last.Done || last.Seen != len(accounts) {
			t.Fatalf("%v %d %+v", err, len(found), last)
		}
		for i, a := range found {
			if a.Account != strings.ToUpper(accounts[i].ID) {
				t.Errorf("%d: %s", i, a.Account)
			}
		}
		if !found[1].Last.Equal(ago(9)) || !found[3].Last.Equal(ago(9)) || !found[4].Last.IsZero() || !found[4].Whole {
			t.Errorf("%+v", found[:5])
		}
		if nobody := found[2]; nobody.Whole && !onPrem || !nobody.Last.IsZero() {
			t.Errorf("%+v", nobody)
		}
	}
	_, c := open(t, busy(1), clockAtNoon)
	if found, err := c.Activity(context.Background(), nil, ago(90), nil); err != nil || len(found) != 0 {
		t.Errorf("nobody was asked for: %v %+v", err, found)
	}
	if found, err := c.Activity(context.Background(), []provisioning.Account{in("U000", "LON")}, noon.Add(time.Hour), nil); err != nil || found[0].Whole || found[0].Why == "" {
		t.Errorf("from the future on: %v %+v", err, found)
	}
}

// TestActivityRights: where rollcall's account is shown its own documents alone, a search that finds nothing says nothing.
func TestActivityRights(t *testing.T) {
	for name, one := range map[string]struct {
		admin       bool
		unsupported []string
		whole       bool
	}{
		"an administrator":                         {true, nil, true},
		"none":                                     {false, nil, false},
		"rights untold, a member of NRTADMIN":      {true, []string{"GET libraries/*/operations 404"}, true},
		"rights untold, no member":                 {false, []string{"GET libraries/*/operations 405"}, false},
		"rights and groups untold":                 {true, []string{"GET libraries/*/operations 403", "GET libraries/*/users/*/groups 403"}, false},
		"rights told, groups not: the rights hold": {true, []string{"GET libraries/*/users/*/groups 403"}, true},
	} {
		config := busy(5)
		config.Libraries[0].Groups["NRTADMIN"].Members["XSVC"] = one.admin
		config.Unsupported = one.unsupported
		s, c := open(t, config, clockAtNoon)
		found, err := c.Activity(context.Background(), []provisioning.Account{in("U001", "LON")}, ago(90), nil)
		if err != nil || found[0].Whole != one.whole {
			t.Errorf("%s: %v %+v", name, err, found)
		}
		for _, e := range s.Bench().Log() {
			if !one.whole && path.Base(e.Path) == "documents" {
				t.Errorf("%s: a search that proves nothing was made", name)
			}
		}
	}
}

// TestActivitySilence: a tenant that no longer answers is not asked for every account, and nobody is taken for one who is not used; one
// that does not let us in is not asked at all.
func TestActivitySilence(t *testing.T) {
	var accounts []provisioning.Account
	for i := range 200 {
		accounts = append(accounts, in(fmt.Sprintf("U%03d", i), "LON"))
	}
	for name, fault := range map[string]wiretest.Fault{
		"it breaks off":  {Kind: wiretest.Status, Status: 500, Path: library + "LON/documents", Skip: 60},
		"it is gone":     {Kind: wiretest.Status, Status: 500, Path: "/work"},
		"no sign-in":     {Kind: wiretest.Status, Status: 401, Path: "/auth"},
		"throttled only": {Kind: wiretest.Status, Status: 429, Path: library + "LON/documents"},
	} {
		s, c := open(t, busy(200), clockAtNoon)
		s.Bench().Inject(fault)
		found, err := c.Activity(context.Background(), accounts, ago(90), nil)
		if err != nil || len(found) != len(accounts) {
			t.Fatalf("%s: %v", name, err)
		}
		unknown := 0
		for _, a := range found {
			if !a.Whole && a.Why != "" {
				unknown++
			}
		}
		if unknown < 180 || (fault.Skip == 0 && unknown != 200) {
			t.Errorf("%s: %d of 200 are unknown", name, unknown)
		}
		if n := len(s.Bench().Log()); n > 250 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
}

// TestActivityCancelled: a context that ends is the one error, and nothing is told then.
func TestActivityCancelled(t *testing.T) {
	s, c := open(t, paged(), clockAtNoon)
	ctx, cancel := context.WithCancel(context.Background())
	s.Bench().Inject(wiretest.Fault{Kind: wiretest.Rewrite, Path: library + "LON/documents/*/history", Rewrite: func(b []byte) []byte {
		cancel()
		return b
	}})
	if found, err := c.Activity(ctx, []provisioning.Account{in("U001", "LON")}, ago(90), nil); err == nil || found != nil {
		t.Errorf("%v %+v", err, found)
	}
	if found, err := c.Activity(ctx, []provisioning.Account{in("U001", "LON")}, ago(90), nil); err == nil || found != nil {
		t.Errorf("%v %+v", err, found)
	}
}

// TestActivityMany: of very many documents that others changed since, the histories are looked at up to a bound, which is said.
func TestActivityMany(t *testing.T) {
	var all []*imanagetest.Work
	for i := range 60 {
		all = append(all, work(fmt.Sprintf("LON!%d.1", 100+i), did("U001", "NEWDOCUMENT", 85), did("U002", "MODIFY", 1+i%20)))
	}
	s, c := open(t, busy(5, all...), clockAtNoon)
	found, err := c.Activity(context.Background(), []provisioning.Account{in("U001", "LON")}, ago(90), nil)
	if err != nil || found[0].Whole || !strings.Contains(found[0].Why, "60 documents were changed since, and the histories of 40 were looked at") || !found[0].Last.Equal(ago(85)) {
		t.Errorf("%v %+v", err, found)
	}
	if n := len(s.Bench().Log()); n > 50 {
		t.Errorf("%d requests", n)
	}
}

// TestActivityWalls: where the histories of an account's documents are refused, a few are tried and not all.
func TestActivityWalls(t *testing.T) {
	var all []*imanagetest.Work
	for i := range 30 {
		all = append(all, &imanagetest.Work{ID: fmt.Sprintf("LON!%d.1", 100+i), Walled: true, Events: []imanagetest.Event{did("U001", "NEWDOCUMENT", 85), did("U002", "MODIFY", 1+i%20)}})
	}
	s, c := open(t, busy(5, all...), clockAtNoon)
	found, err := c.Activity(context.Background(), []provisioning.Account{in("U001", "LON")}, ago(90), nil)
	if err != nil || found[0].Whole || !found[0].Last.IsZero() || strings.Count(found[0].Why, "; ") != 2 {
		t.Errorf("%v %+v", err, found)
	}
	tried := 0
	for _, e := range s.Bench().Log() {
		if strings.HasSuffix(e.Path, "/history") {
			tried++
		}
	}
	if tried != 3 {
		t.Errorf("%d histories were tried", tried)
	}
}

// TestActivityMoves: a history that grows while it is read is read again, and one that goes on growing is not believed; so too where the
// tenant tells no total.
func TestActivityMoves(t *testing.T) {
	total := regexp.MustCompile(`,"total_count":\d+`)
	for _, untold := range []bool{false, true} {
		for _, restless := range []bool{false, true} {
			config := busy(5, work("LON!7.1", did("U001", "NEWDOCUMENT", 70), did("U001", "VIEW", 60), did("U001", "VIEW", 59), did("U001", "VIEW", 58), did("U001", "VIEW", 57)))
			config.MostPage = 2
			s, c := open(t, config, clockAtNoon)
			var mu sync.Mutex
			n := 0
			s.Bench().Inject(wiretest.Fault{Kind: wiretest.Rewrite, Path: library + "LON/documents/*/history", Rewrite: func(b []byte) []byte {
				mu.Lock()
				defer mu.Unlock()
				if n++; n == 1 || restless {
					s.Touch("U001", "LON", ago(50-n))
				}
				if untold {
					b = total.ReplaceAll(b, nil)
				}
				return b
			}})
			found, err := c.Activity(context.Background(), []provisioning.Account{in("U001", "LON")}, ago(90), nil)
			if err != nil || found[0].Whole == restless || (!restless && !found[0].Last.Equal(ago(49))) {
				t.Errorf("untold %v, restless %v: %v %+v", untold, restless, err, found)
			}
			if restless && !strings.Contains(found[0].Why, "moved while it was read") {
				t.Errorf("untold %v: %s", untold, found[0].Why)
			}
		}
	}
}

// TestActivityAsJSON: an account without any event tells none.
func TestActivityAsJSON(t *testing.T) {
	_, c := open(t, busy(3), clockAtNoon)
	found, err := c.Activity(context.Background(), []provisioning.Account{in("U001", "LON")}, ago(90), nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(found[0])
	if err != nil || strings.Contains(string(data), `"last"`) || strings.Contains(string(data), `"why"`) || !strings.Contains(string(data), `"whole":true`) {
		t.Errorf("%v %s", err, data)
	}
}
