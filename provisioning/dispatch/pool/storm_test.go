package pool_test

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/clients/imanage"
	"rollcall/clients/imanage/imanagetest"
	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/commit"
	"rollcall/provisioning/dispatch/dispatchtest"
	"rollcall/provisioning/dispatch/pool"
	"rollcall/provisioning/store/sqlite"
)

// run runs the ward's batch in this process.
func (w *ward) run(ctx context.Context, wrap func(provisioning.Store) provisioning.Store, options imanage.Options) error {
	w.t.Helper()
	chain, err := audit.NewChain(chainKey)
	if err != nil {
		w.t.Fatal(err)
	}
	store, err := sqlite.Open(ctx, sqlite.Options{Path: filepath.Join(w.dir, "rollcall.db"), Sealer: chain, Owner: "tester"})
	if err != nil {
		w.t.Fatal(err)
	}
	defer store.Close()
	options.Name, options.URL, options.Username, options.Password, options.AllowLoopbackHTTP = "imanage", w.url, dispatchtest.Username, provisioning.NewSecret(dispatchtest.Password), true
	client, err := imanage.New(options)
	if err != nil {
		w.t.Fatal(err)
	}
	defer client.Close()
	var journal provisioning.Store = store
	if wrap != nil {
		journal = wrap(store)
	}
	event := func(kind provisioning.EventKind, detail string) provisioning.Event {
		return provisioning.Event{At: time.Now(), Actor: "tester", Session: "storm", Kind: kind, Detail: detail}
	}
	batch, ok, err := dispatchtest.Resume(ctx, store, event(provisioning.EventResumed, "test"))
	if err != nil || !ok {
		w.t.Fatalf("nothing is offered for resume, %v", err)
	}
	executor := commit.New(commit.Deps{
		Store: journal, DMS: client, Clock: provisioning.SystemClock{}, Actor: "tester", Session: "storm", Owner: "storm", Tenant: "sim",
		Settle: w.settle,
	})
	return pool.New(pool.Deps{Store: journal, Executor: executor, Workers: 8, Event: event}).Run(ctx, batch, nil)
}

// effective counts the writes that the server worked on, by its own request log.
func (w *ward) effective() int {
	n := 0
	for _, times := range dispatchtest.Worked(w.server) {
		n += times
	}
	return n
}

// TestStorm: 502 after the effect, connections cut before and after it, cut answers, and a server that throttles, during a batch of
// 500 changes: every change is confirmed once, and the request log shows one effective write for each.
func TestStorm(t *testing.T) {
	t.Parallel()
	w := newWard(t, 125, 0)
	w.settle = 80 * time.Millisecond
	bench := w.server.Bench()
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch} {
		bench.Inject(
			wiretest.Fault{Kind: wiretest.AfterEffect, Method: method, Path: "/work/", Every: 5, Status: http.StatusBadGateway},
			wiretest.Fault{Kind: wiretest.ResetAfter, Method: method, Path: "/work/", Every: 7},
			wiretest.Fault{Kind: wiretest.ResetBefore, Method: method, Path: "/work/", Every: 11},
			wiretest.Fault{Kind: wiretest.Status, Method: method, Path: "/work/", Every: 9, Status: http.StatusTooManyRequests, Header: http.Header{"X-Ratelimit-Retryafter": {"0.05"}}},
			wiretest.Fault{Kind: wiretest.Status, Method: method, Path: "/work/", Every: 13, Status: http.StatusTooManyRequests}, // without a header
			wiretest.Fault{Kind: wiretest.Status, Method: method, Path: "/work/", Every: 17, Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"0"}}},
			wiretest.Fault{Kind: wiretest.CutBody, Method: method, Path: "/work/", Every: 19},
		)
	}
	bench.Inject(wiretest.Fault{Kind: wiretest.Status, Method: http.MethodGet, Path: "/work/", Every: 23, Status: http.StatusBadGateway})
	began := time.Now()
	if err := w.run(context.Background(), nil, imanage.Options{}); err != nil {
		t.Fatal(err)
	}
	if v := w.verdict(); !v.OK() {
		t.Errorf("%d lost, %d done twice", len(v.Lost), len(v.Double))
	}
	if n := w.effective(); n != len(w.firm.Wanted) {
		t.Errorf("%d changes, %d effective writes in the request log", len(w.firm.Wanted), n)
	}
	w.checkJournal()
	t.Logf("%d changes, %d requests, in %s", len(w.firm.Wanted), len(bench.Log()), time.Since(began).Round(time.Millisecond))
}

// brittle is a store whose disk fills: it refuses to write the intent, or the outcome.
type brittle struct {
	provisioning.Store
	intent, outcome bool
}

var errFull = &provisioning.Error{Code: provisioning.Unavailable, Message: "the disk is full"}

func (b brittle) MarkSent(ctx context.Context, ref provisioning.OpRef, at time.Time, e provisioning.Event) error {
	if b.intent {
		return errFull
	}
	return b.Store.MarkSent(ctx, ref, at, e)
}

func (b brittle) MarkOp(ctx context.Context, ref provisioning.OpRef, o provisioning.Outcome, e provisioning.Event) error {
	if b.outcome && o.State == provisioning.OpConfirmed {
		return errFull
	}
	return b.Store.MarkOp(ctx, ref, o, e)
}

// TestNoRecordNoRequest: where the intent and its row in the record cannot be written, nothing is sent at all; where the outcome
// cannot be written, the batch stops, and the next run finds out what was done without sending it again.
func TestNoRecordNoRequest(t *testing.T) {
	w := newWard(t, 20, 0)
	err := w.run(context.Background(), func(s provisioning.Store) provisioning.Store { return brittle{Store: s, intent: true} }, imanage.Options{})
	if !errors.Is(err, errFull) {
		t.Fatalf("the run ended with %v", err)
	}
	if n := w.effective(); n != 0 {
		t.Fatalf("%d writes were sent without a record", n)
	}
	err = w.run(context.Background(), func(s provisioning.Store) provisioning.Store { return brittle{Store: s, outcome: true} }, imanage.Options{})
	if !errors.Is(err, errFull) {
		t.Fatalf("the run ended with %v", err)
	}
	if err := w.run(context.Background(), nil, imanage.Options{}); err != nil {
		t.Fatal(err)
	}
	if v := w.verdict(); !v.OK() {
		t.Errorf("%d lost, %d done twice", len(v.Lost), len(v.Double))
	}
	w.checkJournal()
}

// TestCredentialLost: a credential that dies in mid-batch stops the batch cleanly; with a new one it goes on, and nothing is done twice.
func TestCredentialLost(t *testing.T) {
	w := newWard(t, 20, 0)
	bench := w.server.Bench()
	bench.Inject(wiretest.Fault{Kind: wiretest.Status, Method: http.MethodPatch, Path: "/work/", Skip: 3, Status: http.StatusUnauthorized},
		wiretest.Fault{Kind: wiretest.Status, Path: "/auth/", Skip: 1, Status: http.StatusUnauthorized})
	if err := w.run(context.Background(), nil, imanage.Options{}); err != nil {
		t.Fatal(err)
	}
	w.with(func(s *sqlite.Store) {
		b, err := s.Batches(context.Background(), 1)
		if err != nil || b[0].State != provisioning.BatchStopped || b[0].Stop == "" {
			t.Fatalf("the batch is %s (%s), %v", b[0].State, b[0].Stop, err)
		}
	})
	bench.Clear()
	if err := w.run(context.Background(), nil, imanage.Options{}); err != nil {
		t.Fatal(err)
	}
	if v := w.verdict(); !v.OK() {
		t.Errorf("%d lost, %d done twice", len(v.Lost), len(v.Double))
	}
	w.checkJournal()
}

// TestDrift: what somebody else changed since the look goes back to review, holds the rest of that person alone, and is not touched.
func TestDrift(t *testing.T) {
	w := newWard(t, 6, 0)
	w.server.Leave("U000", "LON", "DEAL") // done already: not a drift
	w.server.Change("U002", func(u *imanagetest.User) { u.AllowLogon = false })
	w.server.Change("U004", func(u *imanagetest.User) { u.DirectoryID = "ad-1" }) // a directory took it over
	if err := w.run(context.Background(), nil, imanage.Options{}); err != nil {
		t.Fatal(err)
	}
	w.with(func(s *sqlite.Store) {
		b, err := s.Batches(context.Background(), 1)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]provisioning.OpState{
			"U000/3": provisioning.OpAlready, "U002/1": provisioning.OpAlready, "U002/2": provisioning.OpConfirmed,
			"U004/1": provisioning.OpParked, "U004/2": provisioning.OpParked, "U001/5": provisioning.OpConfirmed,
		}
		for _, u := range b[0].Units {
			for _, op := range u.Ops {
				key := u.Account + "/" + string(rune('0'+op.Seq))
				if state, ok := want[key]; ok && state != op.State {
					t.Errorf("%s is %s (%s), want %s", key, op.State, op.Error, state)
				}
			}
		}
	})
	if u, _ := w.server.User("U004"); !u.AllowLogon {
		t.Error("an account that a directory owns was disabled")
	}
}

// TestStopRules: three like failures in a row stop the batch; what was not begun is not sent.
func TestStopRules(t *testing.T) {
	w := newWard(t, 60, 0)
	w.server.Bench().Inject(wiretest.Fault{Kind: wiretest.Status, Method: http.MethodPut, Path: "/work/", Status: http.StatusForbidden})
	if err := w.run(context.Background(), nil, imanage.Options{}); err != nil {
		t.Fatal(err)
	}
	w.with(func(s *sqlite.Store) {
		b, err := s.Batches(context.Background(), 1)
		if err != nil || b[0].State != provisioning.BatchStopped || !strings.Contains(b[0].Stop, "in a row") {
			t.Fatalf("the batch is %s: %s, %v", b[0].State, b[0].Stop, err)
		}
		pending := 0
		for _, u := range b[0].Units {
			if u.State == provisioning.UnitPending {
				pending++
			}
		}
		if pending < 30 {
			t.Errorf("only %d people were left alone", pending)
		}
	})
}

// TestRetryTriesAgain: a change that was given up after its four attempts is really tried again on an operator's retry, with attempts of
// its own.
func TestRetryTriesAgain(t *testing.T) {
	w := newWard(t, 2, 0)
	w.settle = 20 * time.Millisecond
	w.server.Bench().Inject(wiretest.Fault{Kind: wiretest.Status, Method: http.MethodPatch, Path: "/work/api/v2/customers/1/users/U000", Times: 4, Status: http.StatusBadGateway})
	if err := w.run(context.Background(), nil, imanage.Options{}); err != nil {
		t.Fatal(err)
	}
	if v := w.verdict(); len(v.Lost) == 0 {
		t.Fatal("nothing failed: the test shows nothing")
	}
	if people := w.retry(); people != 1 {
		t.Fatalf("%d people are to be tried again", people)
	}
	if err := w.run(context.Background(), nil, imanage.Options{}); err != nil {
		t.Fatal(err)
	}
	w.check()
}
