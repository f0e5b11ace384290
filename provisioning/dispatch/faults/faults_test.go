// Package faults runs a batch with every kind of change between the real iManage client and its simulator, through toxiproxy, and lets
// each fault happen at each request: nothing is lost, nothing is done twice, and nothing is sent after a clean stop. It is a module of its
// own, so that the program does not carry toxiproxy, and it holds tests alone.
package faults

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"rollcall/clients/imanage"
	"rollcall/clients/imanage/imanagetest"
	"rollcall/clients/wire"
	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/commit"
	"rollcall/provisioning/dispatch/dispatchtest"
	"rollcall/provisioning/dispatch/pool"
	"rollcall/provisioning/store/sqlite"
)

// TestMain lets many cases run side by side: they wait, and hardly work.
func TestMain(m *testing.M) {
	flag.Parse()
	zerolog.SetGlobalLevel(zerolog.Disabled) // toxiproxy's own log
	if err := flag.Set("test.parallel", "32"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// The times of a case, in the machine's own. A request is given up after attempt; the slowest fault lets it arrive later than that, and
// settle is longer than the rest.
const (
	attempt = 400 * time.Millisecond
	late    = 600 // ms
	settle  = 500 * time.Millisecond
	haste   = 8 // the case's clock goes so much faster, so that what waits for a server's sake is soon over
)

// hasty is a clock that goes faster, and whose sleeps are as much shorter.
type hasty struct{ since time.Time }

func (h hasty) Now() time.Time { return h.since.Add(haste * time.Since(h.since)).UTC() }

func (h hasty) Sleep(ctx context.Context, d time.Duration) error {
	return provisioning.SystemClock{}.Sleep(ctx, d/haste)
}

// fault is what goes wrong at one request.
type fault struct {
	name     string
	toxic    string          // toxiproxy's, without its name
	reset    bool            // the connection ends by a reset
	halfUp   bool            // our side of the connection is closed once the request is through
	halfDown bool            // the server's side is, before the answer
	bench    *wiretest.Fault // of the server's own
	act      func()
	prepare  func(*imanagetest.Server) func() // makes act
	stops    bool                             // the batch may have to be resumed by hand
}

const lateRequest = "latency of the request beyond the deadline"

func list() []fault {
	status := func(name string, code int, header http.Header) fault {
		return fault{name: name, bench: &wiretest.Fault{Kind: wiretest.Status, Status: code, Header: header}}
	}
	toxic := func(name, kind, stream, attributes string) fault {
		return fault{name: name, toxic: fmt.Sprintf(`"type":%q,"stream":%q,"attributes":{%s}`, kind, stream, attributes)}
	}
	resets := func(f fault) fault {
		f.reset = true
		return f
	}
	return []fault{
		{name: "none"},
		toxic("latency of the answer", "latency", "downstream", `"latency":150`),
		toxic("latency of the answer beyond the deadline", "latency", "downstream", fmt.Sprintf(`"latency":%d`, late)),
		toxic(lateRequest, "latency", "upstream", fmt.Sprintf(`"latency":%d`, late)),
		resets(toxic("reset before the request arrives", "reset_peer", "upstream", `"timeout":0`)),
		resets(toxic("reset before the answer arrives", "reset_peer", "downstream", `"timeout":0`)),
		{name: "half-closed on our side", halfUp: true},
		{name: "half-closed on the server's side", halfDown: true},
		toxic("dead on the way there", "timeout", "upstream", `"timeout":0`),
		toxic("dead on the way back", "timeout", "downstream", `"timeout":0`),
		toxic("request cut", "limit_data", "upstream", `"bytes":120`),
		toxic("answer cut in its header", "limit_data", "downstream", `"bytes":60`),
		toxic("answer cut in its body", "limit_data", "downstream", `"bytes":150`),
		toxic("slow drip", "slicer", "downstream", `"average_size":8,"size_variation":2,"delay":4000`),
		toxic("slow drip of the request", "slicer", "upstream", `"average_size":16,"size_variation":2,"delay":4000`),
		status("429 with a header", http.StatusTooManyRequests, http.Header{"X-Ratelimit-Retryafter": {"1"}}),
		status("429 without a header", http.StatusTooManyRequests, nil),
		status("500", http.StatusInternalServerError, nil),
		status("503 without a header", http.StatusServiceUnavailable, nil),
		status("503 with a header", http.StatusServiceUnavailable, http.Header{"Retry-After": {"1"}}),
		{name: "502 after the effect", bench: &wiretest.Fault{Kind: wiretest.AfterEffect, Status: http.StatusBadGateway}},
		{name: "HTML page", bench: &wiretest.Fault{Kind: wiretest.HTML}},
		{name: "expired token", prepare: func(s *imanagetest.Server) func() { return s.ExpireTokens }},
		{name: "credential lost", stops: true, prepare: func(s *imanagetest.Server) func() {
			return func() {
				s.ExpireTokens()
				s.Bench().Inject(wiretest.Fault{Kind: wiretest.Status, Path: "/auth/", Status: http.StatusUnauthorized})
			}
		}},
		{name: "outage", stops: true, prepare: func(s *imanagetest.Server) func() {
			return func() { s.Bench().Inject(wiretest.Fault{Kind: wiretest.AfterEffect, Status: http.StatusBadGateway}) }
		}},
	}
}

// score counts what the matrix went through.
type score struct {
	mu      sync.Mutex
	cases   int
	stopped int // batches that stopped cleanly and were resumed
	retried int // that had people to try again
}

// TestFaults lets every fault happen at every request of a batch that has every kind of change.
func TestFaults(t *testing.T) {
	began, all := time.Now(), &score{}
	p := prepare(t)
	clean := p.scene(t, fault{name: "none"}, 0)
	clean.play()
	clean.judge(all)
	requests, _ := clean.gate.count()
	if n := len(clean.firm.Wanted); requests < 3*n {
		t.Fatalf("%d changes took %d requests: something is not read", n, requests)
	}
	t.Run("at each request", func(t *testing.T) {
		for _, f := range list()[1:] {
			for n := 1; n <= requests; n++ {
				t.Run(fmt.Sprintf("%s/%d", f.name, n), func(t *testing.T) {
					t.Parallel()
					c := p.scene(t, f, n)
					c.play()
					c.judge(all)
					if _, fired := c.gate.count(); !fired {
						t.Error("the fault never happened")
					}
				})
			}
		}
	})
	t.Logf("%d faults × %d requests of %d changes: %d cases, %d clean stops resumed, %d with people tried again; nothing lost, nothing twice, in %s",
		len(list())-1, requests, len(clean.firm.Wanted), all.cases-1, all.stopped, all.retried, time.Since(began).Round(time.Second))
}

// TestFaultsFindMutant: without the settle time, a request that arrives after it was given up is found to have been sent twice.
func TestFaultsFindMutant(t *testing.T) {
	p, all := prepare(t), &score{}
	for _, f := range list() {
		if f.name != lateRequest {
			continue
		}
		t.Run("at each request", func(t *testing.T) {
			for n := 1; n <= 40; n++ {
				t.Run(fmt.Sprint(n), func(t *testing.T) {
					t.Parallel()
					c := p.scene(t, f, n)
					c.settle = 0
					c.play()
					if !c.firm.Judge(c.server).OK() {
						all.mu.Lock()
						defer all.mu.Unlock()
						all.cases++
					}
				})
			}
		})
	}
	if all.cases == 0 {
		t.Error("the matrix did not notice")
	}
	t.Logf("noticed at %d of 40 requests", all.cases)
}

var chainKey = []byte("0123456789abcdef0123456789abcdef")

// scene is one batch, its system, and what goes wrong between them.
type scene struct {
	t      *testing.T
	fault  fault
	firm   *dispatchtest.Firm
	server *imanagetest.Server
	gate   *gate
	store  *sqlite.Store
	clock  hasty
	settle time.Duration

	stopped, retried bool
}

// prepared is a store with the batch committed and not begun, which every case takes a copy of.
type prepared struct {
	file  []byte
	batch *provisioning.Batch
}

func prepare(t *testing.T) *prepared {
	t.Helper()
	firm := dispatchtest.EveryKind()
	store, path := openStore(t, nil)
	if err := firm.Commit(context.Background(), store); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return &prepared{file: file, batch: firm.Batch}
}

// openStore opens a store of its own, as it stands in a file where there is one.
func openStore(t *testing.T, file []byte) (store *sqlite.Store, path string) {
	t.Helper()
	chain, err := audit.NewChain(chainKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path = filepath.Join(dir, "rollcall.db")
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if file != nil {
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if store, err = sqlite.Open(context.Background(), sqlite.Options{Path: path, Sealer: chain, Owner: "tester"}); err != nil {
		t.Fatal(err)
	}
	return store, path
}

// scene is the batch before it begins, with a fault that is to happen at one request.
func (p *prepared) scene(t *testing.T, f fault, at int) *scene {
	t.Helper()
	c := &scene{t: t, firm: dispatchtest.EveryKind(), clock: hasty{time.Now()}, settle: haste * settle}
	c.firm.Batch = p.batch
	c.server = imanagetest.New(c.firm.Config)
	if err := c.server.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.server.Close)
	if f.bench != nil {
		once := *f.bench
		once.Skip, once.Times = at-1, 1
		c.server.Bench().Inject(once)
	}
	if f.prepare != nil {
		f.act = f.prepare(c.server)
	}
	c.fault = f
	c.gate = open(t, strings.TrimPrefix(c.server.URL(), "http://"), f, at)
	t.Cleanup(c.gate.close)
	c.store, _ = openStore(t, p.file)
	t.Cleanup(func() { _ = c.store.Close() })
	return c
}

func (c *scene) event(kind provisioning.EventKind, detail string) provisioning.Event {
	return provisioning.Event{At: c.clock.Now(), Actor: "tester", Session: "faults", Kind: kind, Detail: detail}
}

// play runs the batch, resumes it and retries what was given up, as an operator would, to its end.
func (c *scene) play() {
	c.t.Helper()
	ctx := context.Background()
	for turn := 0; ; turn++ {
		if turn == 8 {
			c.t.Fatal("it does not come to an end")
		}
		batch, ok, err := dispatchtest.Resume(ctx, c.store, c.event(provisioning.EventResumed, "test"))
		if err != nil {
			c.t.Fatal(err)
		}
		if !ok {
			people, err := dispatchtest.Retry(ctx, c.store, c.firm.Batch.ID, c.event(provisioning.EventResumed, "retry"))
			if err != nil {
				c.t.Fatal(err)
			}
			if people == 0 {
				break
			}
			c.retried = true
			continue
		}
		c.run(ctx, batch)
		if c.clean(ctx, batch) {
			c.stopped = true
			c.server.Bench().Clear() // what was wrong is mended
		}
	}
}

// judge holds the end of a batch.
func (c *scene) judge(all *score) {
	c.t.Helper()
	if v := c.firm.Judge(c.server); !v.OK() {
		c.t.Errorf("lost %q, done twice %q", v.Lost, v.Double)
	}
	account, err := c.firm.Check(context.Background(), c.store, chainKey)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, wrong := range account.Wrong {
		c.t.Error(wrong)
	}
	if (c.stopped || c.retried) && !c.fault.stops {
		c.t.Errorf("one fault at one request needed an operator: stopped %t, tried again %t", c.stopped, c.retried)
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	all.cases++
	if c.stopped {
		all.stopped++
	}
	if c.retried {
		all.retried++
	}
}

// run is one pass over the batch with a client of its own.
func (c *scene) run(ctx context.Context, batch int64) {
	c.t.Helper()
	client, err := imanage.New(imanage.Options{
		Name: "imanage", URL: c.gate.url(), Username: dispatchtest.Username, Password: provisioning.NewSecret(dispatchtest.Password), AllowLoopbackHTTP: true,
		Confirmed: func(context.Context, string) bool { return true }, Clock: c.clock, Limits: wire.Limits{Attempt: attempt, Tries: 3},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	defer client.Close()
	executor := commit.New(commit.Deps{
		Store: c.store, DMS: client, Clock: c.clock, Actor: "tester", Session: "faults", Owner: "faults", Tenant: "sim", Settle: c.settle,
		Operation: func(ch provisioning.Change) provisioning.Operation {
			o := client.Operation(ch)
			o.FirstUse = provisioning.Plain
			return o
		},
	})
	// One worker, so that the n-th request is the same one in every run.
	if err := pool.New(pool.Deps{Store: c.store, Executor: executor, Workers: 1, Event: c.event}).Run(ctx, batch, nil); err != nil {
		c.t.Fatal(err)
	}
}

// clean holds a batch that stopped: it says why, nothing is sent any more, and what was not begun had no effect.
func (c *scene) clean(ctx context.Context, batch int64) (stopped bool) {
	c.t.Helper()
	b, err := c.store.Batch(ctx, batch)
	if err != nil {
		c.t.Fatal(err)
	}
	if b.State != provisioning.BatchStopped {
		return false
	}
	if b.Stop == "" {
		c.t.Error("it stopped, and does not say why")
	}
	sent, _ := c.gate.count()
	if err := c.clock.Sleep(ctx, haste*settle); err != nil {
		c.t.Fatal(err)
	}
	if now, _ := c.gate.count(); now != sent {
		c.t.Errorf("%d requests were sent after the stop", now-sent)
	}
	effects := c.server.Effects()
	for i := range b.Units {
		for j := range b.Units[i].Ops {
			if op := &b.Units[i].Ops[j]; op.State == provisioning.OpPending && op.Attempts == 0 && effects[c.firm.Effect(i, j)] > 0 {
				c.t.Errorf("%s took place, and the journal says that it was never begun", c.firm.Effect(i, j))
			}
		}
	}
	return true
}
