package imanage_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"rollcall/clients/imanage"
	"rollcall/clients/imanage/imanagetest"
	"rollcall/clients/wire"
	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
)

// The tenant of the benchmark, and how far away it is.
const (
	manyAccounts  = 10_000
	manyLibraries = 6
	manyGroups    = 120 // of each library
	latency       = 50 * time.Millisecond
	sideBySide    = 8
	rounds        = 3 // of the whole read
	quietRounds   = 10
)

// serveVariable tells a process of these tests to serve that tenant, and nothing else.
const serveVariable = "ROLLCALL_TEST_SERVE_IMANAGE"

// TestMain serves the tenant where it is told to, until its standard input ends; else it runs the tests.
func TestMain(m *testing.M) {
	if os.Getenv(serveVariable) == "" {
		os.Exit(m.Run())
	}
	s := imanagetest.New(many())
	s.Bench().Inject(wiretest.Fault{Kind: wiretest.Slow, Delay: latency})
	err := s.Start(context.Background())
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(s.URL())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	s.Close()
}

// many is a tenant in which every account is in every library, in one of eight roles and in two of its groups; six of ten are managed by a
// directory.
func many() imanagetest.Config {
	c := imanagetest.Config{
		CustomerID: 1, Username: "svc", Password: "pw", ClientID: "app", ClientSecret: "secret", ServiceUser: "U00000",
		GlobalRoles: map[string]map[string]bool{"ADMIN": {}, "HELPDESK": {}},
	}
	for i := range 2 {
		c.Groups = append(c.Groups, &imanagetest.Group{ID: fmt.Sprintf("FIRM-%d", i), Enabled: true, Nos: 2, Members: make(map[string]bool)})
	}
	for l := range manyLibraries {
		lib := &imanagetest.Library{ID: fmt.Sprintf("LIB-%d", l), Members: make(map[string]string), Groups: make(map[string]*imanagetest.Group)}
		for r := range 8 {
			lib.Roles = append(lib.Roles, fmt.Sprintf("ROLE-%d", r))
		}
		for g := range manyGroups {
			id := fmt.Sprintf("GROUP-%03d", g)
			lib.Groups[id] = &imanagetest.Group{ID: id, FullName: id, Enabled: true, Nos: 2, Members: make(map[string]bool)}
		}
		c.Libraries = append(c.Libraries, lib)
	}
	for i := range manyAccounts {
		id := fmt.Sprintf("U%05d", i)
		u := imanagetest.User{
			ID: id, Num: int64(i), FullName: "Somebody Number " + id, Email: "somebody." + id + "@firm.example", Location: "London", Phone: "+44 20 7946 0000",
			Custom1: id, PreferredLibrary: "LIB-0", AllowLogon: i%20 != 0, Nos: 2, IDEx: id, SSID: "ssid-" + id, CreateDate: time.Unix(1.6e9, 0).UTC(), EditDate: time.Unix(1.7e9, 0).UTC(),
		}
		if i%10 < 6 {
			u.Nos, u.DirectoryID = 6, "8f14e45f-ceea-467f-a1e6-"+id
		}
		c.Users = append(c.Users, u)
		for l, lib := range c.Libraries {
			lib.Members[id] = lib.Roles[(i+l)%len(lib.Roles)]
			for _, g := range []int{i % manyGroups, (i*7 + l) % manyGroups} {
				lib.Groups[fmt.Sprintf("GROUP-%03d", g)].Members[id] = true
			}
		}
		if i%500 == 0 {
			c.GlobalRoles["ADMIN"][id], c.Groups[0].Members[id] = true, true
		}
	}
	return c
}

// apart serves the tenant in a process of its own, so that its work is not this one's.
func apart(b *testing.B) (url string) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), serveVariable+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	if err := json.NewDecoder(out).Decode(&url); err != nil {
		b.Fatal(err)
	}
	return url
}

// lines counts the lines of a trace: one a request.
type lines struct {
	mu sync.Mutex
	n  int
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n += bytes.Count(p, []byte("\n"))
	return len(p), nil
}

func far(b *testing.B, url string, count *lines) *imanage.Client {
	b.Helper()
	o := imanage.Options{
		Name: "imanage", URL: url, Username: "svc", Password: provisioning.NewSecret("pw"), ClientID: "app", ClientSecret: provisioning.NewSecret("secret"),
		AllowLoopbackHTTP: true, Concurrency: sideBySide,
	}
	if count != nil {
		o.Trace = wire.NewTrace(count, time.Now)
	}
	c, err := imanage.New(o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	return c
}

// BenchmarkRead reads a tenant of 10,000 accounts × 6 libraries × 120 groups that answers 50 ms after each request, eight requests at a
// time, sign-in included, and then what changed while nothing did.
//
// x-limit is the share of what latency and concurrency allow that a whole read reaches: the time that so many requests take at least
// (requests × 50 ms / 8) over the time that they took, the quickest of three. It is to be at least 0.8. x-quiet is the time of a quiet
// refresh over that of the whole read, the quickest of each, and is to be at most 0.02: two rounds of requests. The simulator runs in a process of its own, on the same cores, and its
// work and the client's count against the share: on two cores that others use too it is the less.
func BenchmarkRead(b *testing.B) {
	url := apart(b)
	var whole, quiet []time.Duration
	all, few := &lines{}, &lines{}
	counted := far(b, url, all)
	known, evidence, err := counted.ReadAll(context.Background(), nil)
	if proof := provisioning.Prove(evidence, -1, 0, nil); err != nil || !proof.Complete || evidence.Cursor == "" || len(known.Accounts) != manyAccounts {
		b.Fatalf("%v %s", err, proof.Reason)
	}
	if a := known.Accounts[7]; len(a.Memberships) != manyLibraries || len(a.Groups) < manyLibraries || a.Memberships[3].Role == "" {
		b.Fatalf("%+v", a)
	}
	for b.Loop() {
		for range rounds {
			runtime.GC()
			begin := time.Now()
			inventory, e, err := far(b, url, nil).ReadAll(context.Background(), nil)
			whole = append(whole, time.Since(begin))
			if err != nil || !reflect.DeepEqual(inventory, known) || e.Failure != "" {
				b.Fatalf("%v %s", err, e.Failure)
			}
		}
		c := far(b, url, few)
		if _, err := c.Identity(context.Background()); err != nil { // a refresh comes from a console that has signed in
			b.Fatal(err)
		}
		few.n = 0
		for range quietRounds {
			runtime.GC()
			begin := time.Now()
			now, e, err := c.ReadChanges(context.Background(), evidence.Cursor, known, nil)
			quiet = append(quiet, time.Since(begin))
			if err != nil || e.Failure != "" || e.Changes != 0 || len(now.Accounts) != manyAccounts {
				b.Fatalf("%v %+v", err, e)
			}
		}
	}
	limit := time.Duration(all.n) * latency / sideBySide
	b.ReportMetric(limit.Seconds()/slices.Min(whole).Seconds(), "x-limit")
	b.ReportMetric(slices.Min(quiet).Seconds()/slices.Min(whole).Seconds(), "x-quiet")
	b.ReportMetric(float64(all.n), "requests")
	b.ReportMetric(float64(few.n)/float64(len(quiet)), "quiet-requests")
	b.ReportMetric(slices.Min(whole).Seconds(), "whole-s")
	b.ReportMetric(float64(slices.Min(quiet).Milliseconds()), "quiet-ms")
}
