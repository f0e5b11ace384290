package demofirm_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/clients/demofirm"
	"rollcall/clients/wire"
	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
)

// target is one of the five clients with its simulator, as the threats meet it.
type target struct {
	name    string
	c       demofirm.Connections
	bench   *wiretest.Bench
	list    wiretest.Fault // the listing of people, to be given a kind
	read    func(t *testing.T, v via) (ids []string, e provisioning.ReadEvidence)
	examine func(t *testing.T, v via) []provisioning.Finding
	expire  func()
	minted  func() int // nil: not counted
	leave   func()     // somebody of the first page is removed
	rows    string     // the name of the list in an answer; "": the answer is the list
	next    func(link string) wiretest.Fault
}

// people are enough for two pages of every directory, and of its own list of iManage.
const people = 1300

func targets(t *testing.T) []target {
	t.Helper()
	var list []target
	for _, name := range append(demofirm.Directories(), "imanage") {
		directory := name
		if name == "imanage" {
			directory = "okta"
		}
		running, err := demofirm.Serve(context.Background(), demofirm.Generate(demofirm.Options{Seed: 7, People: people, Epoch: time.Now(), Directories: []string{directory}}), demofirm.ServeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(running.Close)
		list = append(list, aim(name, running))
	}
	return list
}

// aim says how each system's listing looks, and how it names its next page.
func aim(name string, r *demofirm.Running) target {
	o := target{name: name, c: r.Connections()}
	o.read = func(t *testing.T, v via) (ids []string, e provisioning.ReadEvidence) {
		t.Helper()
		e, err := client(t, o.c.Connections[0], v).ReadAll(context.Background(), func(chunk []provisioning.Person) error {
			for i := range chunk {
				ids = append(ids, chunk[i].Key.ID)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return ids, e
	}
	o.examine = func(t *testing.T, v via) (found []provisioning.Finding) {
		t.Helper()
		if err := client(t, o.c.Connections[0], v).Examine(context.Background(), func(f provisioning.Finding) { found = append(found, f) }); err != nil {
			t.Fatal(err)
		}
		return found
	}
	header := func(name string, value func(string) string) func(string) wiretest.Fault {
		return func(link string) wiretest.Fault {
			f := o.list
			f.Kind, f.Header, f.Rewrite = wiretest.Rewrite, http.Header{name: {value(link)}}, func(b []byte) []byte { return b }
			return f
		}
	}
	property := func(pattern string) func(string) wiretest.Fault {
		return func(link string) wiretest.Fault {
			f := o.list
			f.Kind = wiretest.Rewrite
			f.Rewrite = func(b []byte) []byte {
				quoted, err := json.Marshal(link)
				if err != nil {
					return b
				}
				return regexp.MustCompile(pattern+`"[^"]*"`).ReplaceAllFunc(b, func([]byte) []byte { return append([]byte(pattern), quoted...) })
			}
			return f
		}
	}
	switch name {
	case "okta":
		o.bench, o.list = r.Okta.Bench(), wiretest.Fault{Path: "/api/v1/users"}
		o.next = header("Link", func(link string) string { return "<" + link + `>; rel="next"` })
		o.leave = func() { r.Okta.Delete(first(o, r)) }
	case "entra":
		o.bench, o.list, o.rows = r.Entra.Bench(), wiretest.Fault{Path: "/v1.0/users", Query: "top=999"}, "value"
		o.list.Query = "expand=manager"
		o.next = property(`"@odata.nextLink":`)
		o.expire, o.minted = r.Entra.ExpireTokens, r.Entra.Minted
		o.leave = func() { r.Entra.Purge(first(o, r)) }
	case "google":
		o.bench, o.list, o.rows = r.Google.Bench(), wiretest.Fault{Path: "/admin/directory/v1/users"}, "users"
		o.next = property(`"nextPageToken":`)
		o.expire, o.minted = r.Google.ExpireTokens, r.Google.Minted
		o.leave = func() { r.Google.Purge(first(o, r)) }
	case "onelogin":
		o.bench, o.list = r.OneLogin.Bench(), wiretest.Fault{Path: "/api/2/users"}
		o.next = header("After-Cursor", func(link string) string { return link })
		o.expire, o.minted = r.OneLogin.ExpireTokens, r.OneLogin.Minted
		o.leave = func() { r.OneLogin.DeleteOnPage(40_000_001, 1) }
	case "imanage":
		o.aimAtDocuments(r)
	}
	return o
}

// first is somebody of the first page.
func first(o target, r *demofirm.Running) string {
	_ = o
	return r.FirstID()
}

func (o *target) aimAtDocuments(r *demofirm.Running) {
	o.bench, o.list, o.rows = r.Imanage.Bench(), wiretest.Fault{Path: "/work/api/v2/customers/4711/users"}, "data"
	o.expire = r.Imanage.ExpireTokens
	o.read = func(t *testing.T, v via) (ids []string, e provisioning.ReadEvidence) {
		t.Helper()
		inventory, e, err := documents(t, o.c, v).ReadAll(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range inventory.Accounts {
			ids = append(ids, inventory.Accounts[i].ID)
		}
		return ids, e
	}
	o.examine = func(t *testing.T, v via) (found []provisioning.Finding) {
		t.Helper()
		if err := documents(t, o.c, v).Examine(context.Background(), func(f provisioning.Finding) { found = append(found, f) }); err != nil {
			t.Fatal(err)
		}
		return found
	}
	o.next = func(link string) wiretest.Fault { // it pages by offset: a link that it never asked for
		f := o.list
		f.Kind = wiretest.Rewrite
		f.Rewrite = func(b []byte) []byte {
			return bytes.Replace(b, []byte(`{"data":`), []byte(`{"next":`+fmt.Sprintf("%q", link)+`,"data":`), 1)
		}
		return f
	}
}

var quick = wire.Limits{Tries: 2, Attempt: 400 * time.Millisecond, Pages: 60, Body: 32 << 20}

func complete(e provisioning.ReadEvidence) bool { return provisioning.Prove(e, -1, 0, nil).Complete }

// TestThreats runs each threat of contracts/threats.md C1 to C7, D1 to D3 and E1 to E2 against each of the five clients.
func TestThreats(t *testing.T) {
	threats := []struct {
		name string
		run  func(t *testing.T, o target)
	}{
		{"C1 foreign page links", foreignLinks},
		{"C2 redirects", redirects},
		{"C3 addresses in data", addressesInData},
		{"C4 endless lists", endless},
		{"C5 a bomb", bomb},
		{"C6 JSON tricks", tricks},
		{"C7 slow, cut and wrong answers", wrongAnswers},
		{"D1 a list that moves", moving},
		{"D2 an empty list", emptyList},
		{"D3 clocks", clocks},
		{"D3 tokens", tokens},
		{"E1 E2 secrets", secrets},
	}
	ran := 0
	for _, o := range targets(t) {
		whole, e := o.read(t, via{})
		if !complete(e) || len(whole) < people/2 {
			t.Fatalf("%s: %d, %+v", o.name, len(whole), e)
		}
		for _, threat := range threats {
			t.Run(o.name+" "+threat.name, func(t *testing.T) {
				defer o.bench.Clear()
				threat.run(t, o)
			})
			ran++
		}
	}
	t.Logf("%d threat tests: %d threats against each of five clients", ran, len(threats))
}

// evil is a listener that nobody must come to.
func evil(t *testing.T) (address string, hits *atomic.Int32) {
	t.Helper()
	hits = new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		hits.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("[]"))
	}))
	t.Cleanup(server.Close)
	return server.URL, hits
}

func foreignLinks(t *testing.T, o target) {
	address, hits := evil(t)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{
		address + "/x", "//" + u.Host + "/x", "http://good@" + u.Host + "/x", "https://" + u.Host + "/x", `http:\\` + u.Host + `\x`, `/\` + u.Host + "/x",
		"http://LOCALHOST.:" + u.Port() + "/x", address + "/x#fragment",
	} {
		o.bench.Clear()
		o.bench.Inject(o.next(link))
		_, e := o.read(t, via{limits: quick})
		if complete(e) && o.name != "imanage" {
			t.Errorf("%s: the read counts as whole", link)
		}
	}
	if hits.Load() != 0 {
		t.Errorf("%d requests came to the other host", hits.Load())
	}
}

func redirects(t *testing.T, o target) {
	address, hits := evil(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		o.bench.Clear()
		o.bench.Inject(wiretest.Fault{Kind: wiretest.Status, Status: status, Header: http.Header{"Location": {address}}})
		if _, e := o.read(t, via{limits: quick}); complete(e) || e.Failure == "" {
			t.Errorf("%d: %+v", status, e)
		}
	}
	if hits.Load() != 0 {
		t.Errorf("%d requests were carried on", hits.Load())
	}
}

func addressesInData(t *testing.T, o target) {
	address, hits := evil(t)
	f := o.list
	f.Kind = wiretest.Rewrite
	f.Rewrite = func(b []byte) []byte {
		more := fmt.Sprintf(`{"thumbnailPhotoUrl":%q,"meta":{"location":%q},"$ref":%q,"_embedded":{"self":{"href":%q}},"id":`, address, address, address, address)
		return bytes.ReplaceAll(b, []byte(`{"id":`), []byte(more))
	}
	o.bench.Inject(f)
	if _, e := o.read(t, via{limits: quick}); !complete(e) {
		t.Errorf("%+v", e)
	}
	if hits.Load() != 0 {
		t.Errorf("%d addresses out of the data were asked", hits.Load())
	}
}

func endless(t *testing.T, o target) {
	f := o.list
	f.Kind = wiretest.Rewrite
	if o.name == "imanage" {
		page := 0
		f.Rewrite = func([]byte) []byte { // never the end, and a total that grows
			page++
			return []byte(fmt.Sprintf(`{"data":[{"id":"U%d"}],"overflow":true,"total_count":%d}`, page, page+100))
		}
	} else {
		f = o.next(circle(o))
	}
	o.bench.Inject(f)
	o.bench.Forget()
	_, e := o.read(t, via{limits: quick})
	if complete(e) || e.Failure == "" {
		t.Errorf("%+v", e)
	}
	if n := len(o.bench.Log()); n > 400 {
		t.Errorf("%d requests were sent", n)
	}
}

// circle is a next page of the system's own that is always the same one.
func circle(o target) string {
	switch base := o.c.Connections[0].URL; o.name {
	case "okta":
		return base + "/api/v1/users?limit=200&after=" + base64.RawURLEncoding.EncodeToString([]byte("after:nobody"))
	case "entra":
		return base + "/v1.0/users?%24expand=manager&%24top=999&%24skiptoken=" + base64.RawURLEncoding.EncodeToString([]byte("p1"))
	case "google":
		return base64.RawURLEncoding.EncodeToString([]byte("t:1"))
	default:
		return base64.StdEncoding.EncodeToString([]byte("limit=1000&page=1"))
	}
}

func bomb(t *testing.T, o target) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	for range 256 {
		_, _ = z.Write(bytes.Repeat([]byte(" "), 1<<20))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	f := o.list
	f.Kind, f.Header, f.Rewrite = wiretest.Rewrite, http.Header{"Content-Encoding": {"gzip"}}, func([]byte) []byte { return packed.Bytes() }
	o.bench.Inject(f)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	_, e := o.read(t, via{limits: wire.Limits{Tries: 2, Attempt: 10 * time.Second}})
	runtime.ReadMemStats(&after)
	if complete(e) || !strings.Contains(e.Failure, "larger than any honest one") {
		t.Errorf("%+v", e)
	}
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 200<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}

func tricks(t *testing.T, o target) {
	for name, change := range map[string]func([]byte) []byte{
		"a name twice":   func(b []byte) []byte { return bytes.Replace(b, []byte(`{"id":`), []byte(`{"id":"1","id":`), 1) },
		"trailing bytes": func(b []byte) []byte { return append(bytes.TrimSpace(b), "[]"...) },
		"bad UTF-8":      func(b []byte) []byte { return bytes.Replace(b, []byte(`{"id":`), []byte("{\"x\":\"\xff\",\"id\":"), 1) },
		"nested": func(b []byte) []byte {
			return bytes.Replace(b, []byte(`{"id":`), []byte(`{"x":`+strings.Repeat("[", 90)+strings.Repeat("]", 90)+`,"id":`), 1)
		},
		"half": func(b []byte) []byte { return b[:len(b)/2] },
	} {
		o.bench.Clear()
		f := o.list
		f.Kind, f.Rewrite = wiretest.Rewrite, func(b []byte) []byte {
			if !bytes.Contains(b, []byte(`{"id":`)) { // the id does not come first in these answers
				b = regexp.MustCompile(`\{"`).ReplaceAll(b, []byte(`{"id":"0","`))
				return bytes.Replace(b, []byte(`{"id":"0","`), []byte(`{"`), 1)
			}
			return change(b)
		}
		o.bench.Inject(f)
		if _, e := o.read(t, via{limits: quick}); complete(e) || e.Failure == "" {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func wrongAnswers(t *testing.T, o target) {
	for _, skip := range []int{0, 1} {
		if o.name == "imanage" && skip > 0 { // the whole list is one page
			continue
		}
		for _, f := range []wiretest.Fault{
			{Kind: wiretest.Drip, Delay: 20 * time.Millisecond},
			{Kind: wiretest.ResetBefore},
			{Kind: wiretest.ResetAfter},
			{Kind: wiretest.CutBody},
			{Kind: wiretest.HTML},
			{Kind: wiretest.EmptyObject},
			{Kind: wiretest.Hang},
			{Kind: wiretest.Status, Status: 500},
			{Kind: wiretest.AfterEffect, Status: 502},
			{Kind: wiretest.Status, Status: 403},
		} {
			o.bench.Clear()
			f.Path, f.Query, f.Skip = o.list.Path, o.list.Query, skip
			o.bench.Inject(f)
			if _, e := o.read(t, via{limits: quick}); complete(e) || e.Failure == "" {
				t.Errorf("fault %d at page %d: %+v", f.Kind, skip+1, e)
			}
		}
	}
}

// moving: somebody of the first page is removed when it was read; nobody else may be missing from a read that counts as whole.
func moving(t *testing.T, o target) {
	before, _ := o.read(t, via{})
	if o.name == "imanage" || o.name == "onelogin" {
		if o.leave != nil {
			o.leave()
		}
	} else {
		f := o.list
		f.Kind, f.Times = wiretest.Rewrite, 1
		f.Rewrite = func(b []byte) []byte { o.leave(); return b }
		o.bench.Inject(f)
	}
	got, e := o.read(t, via{})
	missing := 0
	for _, id := range before {
		if !slices.Contains(got, id) {
			missing++
		}
	}
	if complete(e) && missing > 1 {
		t.Errorf("%d are missing from a read that counts as whole", missing)
	}
	// a page that is told twice
	o.bench.Clear()
	f := o.list
	f.Kind = wiretest.Rewrite
	var kept []byte
	f.Rewrite = func(b []byte) []byte {
		if kept == nil {
			kept = slices.Clone(b)
		}
		return kept
	}
	if o.name == "imanage" {
		return // one page
	}
	o.bench.Inject(f)
	if _, e := o.read(t, via{limits: quick}); complete(e) {
		t.Errorf("a repeated page counts as whole: %+v", e)
	}
}

func emptyList(t *testing.T, o target) {
	f := o.list
	f.Kind = wiretest.Rewrite
	f.Rewrite = func(b []byte) []byte {
		switch o.name {
		case "entra":
			return []byte(`{"@odata.context":"x","value":[]}`)
		case "google":
			return []byte(`{"kind":"admin#directory#users"}`)
		case "imanage":
			return []byte(`{"data":[],"total_count":0,"overflow":false}`)
		default:
			return []byte("[]")
		}
	}
	f.Header = http.Header{"Link": {""}, "After-Cursor": {""}, "Total-Count": {"0"}}
	o.bench.Inject(f)
	if _, e := o.read(t, via{limits: quick}); complete(e) {
		t.Errorf("%+v", e)
	}
}

// shifted is a clock that is wrong.
type shifted struct {
	provisioning.SystemClock
	by time.Duration
}

func (s shifted) Now() time.Time { return s.SystemClock.Now().Add(s.by) }

func (s shifted) Sleep(ctx context.Context, d time.Duration) error { return brisk{}.Sleep(ctx, d) }

func clocks(t *testing.T, o target) {
	for _, by := range []time.Duration{10 * time.Minute, -10 * time.Minute} {
		_, e := o.read(t, via{clock: shifted{by: by}, limits: quick})
		if complete(e) || !strings.Contains(e.Failure, "clock") {
			t.Errorf("%s: %+v", by, e)
		}
		found := o.examine(t, via{clock: shifted{by: by}, limits: quick})
		if !slices.ContainsFunc(found, func(f provisioning.Finding) bool {
			return f.State == provisioning.FindingBad && strings.Contains(f.Detail+f.Mend, "clock right")
		}) {
			t.Errorf("%s: nothing is said of the clock: %+v", by, found)
		}
	}
	if _, e := o.read(t, via{clock: shifted{by: 2 * time.Minute}, limits: quick}); !complete(e) {
		t.Errorf("two minutes: %+v", e)
	}
	found := o.examine(t, via{clock: shifted{by: 2 * time.Minute}, limits: quick})
	if !slices.ContainsFunc(found, func(f provisioning.Finding) bool { return f.What == "clock" && f.State == provisioning.FindingWarning }) {
		t.Errorf("two minutes are not told: %+v", found)
	}
}

// tokens: one that ends in mid-read is taken anew once, and the read goes on; one that is refused for good ends it.
func tokens(t *testing.T, o target) {
	if o.expire != nil {
		f := o.list
		f.Kind, f.Times = wiretest.Rewrite, 1
		f.Rewrite = func(b []byte) []byte { o.expire(); return b }
		o.bench.Inject(f)
		begin := 0
		if o.minted != nil {
			begin = o.minted()
		}
		if _, e := o.read(t, via{}); !complete(e) {
			t.Errorf("%+v", e)
		}
		if o.minted != nil && o.minted()-begin > 3 {
			t.Errorf("%d tokens were taken", o.minted()-begin)
		}
	}
	o.bench.Clear()
	f := o.list
	f.Kind, f.Status = wiretest.Status, http.StatusUnauthorized
	o.bench.Inject(f)
	o.bench.Forget()
	if _, e := o.read(t, via{limits: wire.Limits{Tries: 6}}); complete(e) {
		t.Errorf("%+v", e)
	}
	refused := 0
	for _, entry := range o.bench.Log() {
		if entry.Status == http.StatusUnauthorized {
			refused++
		}
	}
	if refused > 3 {
		t.Errorf("a refused call was repeated %d times", refused)
	}
}

// secrets: no secret stands in an error, an evidence, a finding or a trace, in no spelling, whatever goes wrong; and the trace names
// nobody.
func secrets(t *testing.T, o target) {
	var out bytes.Buffer
	trace := wire.NewTrace(&out, time.Now)
	c := o.c.Connections[0]
	if o.name == "imanage" {
		c = o.c.Connections[1]
	}
	for _, f := range []wiretest.Fault{
		{Kind: wiretest.Slow}, {Kind: wiretest.Status, Status: 401}, {Kind: wiretest.Status, Status: 400}, {Kind: wiretest.ResetBefore}, {Kind: wiretest.HTML},
	} {
		o.bench.Clear()
		o.bench.Inject(f)
		_, e := o.read(t, via{limits: quick, trace: trace})
		fmt.Fprintf(&out, "%+v %v", e, provisioning.Prove(e, -1, 0, nil))
		for _, finding := range o.examine(t, via{limits: quick, trace: trace}) {
			fmt.Fprintf(&out, "%+v\n", finding)
		}
	}
	if !strings.Contains(out.String(), "-> 200") {
		t.Error("the trace is empty")
	}
	for _, secret := range []string{c.Token, c.ClientSecret, c.Password, c.Key} {
		if secret == "" {
			continue
		}
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), url.QueryEscape(secret), fmt.Sprintf("%q", secret)} {
			if strings.Contains(out.String(), form) {
				t.Errorf("a secret stands in what was written")
			}
		}
	}
	for _, person := range []string{"Barnes", "barnes", "TBARNES"} {
		if strings.Contains(out.String(), person) {
			t.Errorf("%s stands in what was written", person)
		}
	}
	var keyOf struct {
		Key string `json:"private_key"`
	}
	if errors.Is(json.Unmarshal([]byte(c.Key), &keyOf), nil) && keyOf.Key != "" && strings.Contains(out.String(), keyOf.Key[40:80]) {
		t.Error("a piece of the key stands in what was written")
	}
}
