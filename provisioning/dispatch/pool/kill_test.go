package pool_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/clients/imanage"
	"rollcall/clients/imanage/imanagetest"
	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/commit"
	"rollcall/provisioning/dispatch/pool"
	"rollcall/provisioning/store/sqlite"
)

// The test binary is its own victim: with ROLLCALL_VICTIM set it opens the store, runs the batch, and is killed by its parent.
func TestMain(m *testing.M) {
	if os.Getenv("ROLLCALL_VICTIM") != "" {
		if err := victim(); err != nil {
			fmt.Println("ERROR", err)
			os.Exit(1)
		}
		fmt.Println("END")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var chainKey = []byte("0123456789abcdef0123456789abcdef")

const (
	effectDelay = 25 * time.Millisecond
	settleTime  = 120 * time.Millisecond
)

// victim runs the one unfinished batch of a store against a server, telling each step of the protocol on its standard output.
func victim() error {
	ctx := context.Background()
	chain, err := audit.NewChain(chainKey)
	if err != nil {
		return err
	}
	store, err := sqlite.Open(ctx, sqlite.Options{Path: os.Getenv("ROLLCALL_DB"), Sealer: chain, Owner: "victim"})
	if err != nil {
		return err
	}
	defer store.Close()
	client, err := imanage.New(imanage.Options{
		Name: "imanage", URL: os.Getenv("ROLLCALL_URL"), Username: "svc", Password: provisioning.NewSecret("pw"), AllowLoopbackHTTP: true,
	})
	if err != nil {
		return err
	}
	settle, err := time.ParseDuration(os.Getenv("ROLLCALL_SETTLE"))
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	told := make(chan string)
	go func() {
		for name := range told {
			fmt.Fprintln(out, "STEP", name)
			out.Flush()
		}
	}()
	block, nth, seen := os.Getenv("ROLLCALL_BLOCK"), 0, make(chan int, 1)
	if nth, err = strconv.Atoi(os.Getenv("ROLLCALL_NTH")); err != nil {
		return err
	}
	seen <- 0
	var journal provisioning.Store = store
	var dms provisioning.DMS = client
	switch os.Getenv("ROLLCALL_MUTANT") {
	case "no intent":
		journal = &noIntent{Store: store, sent: make(map[string]func() error)}
	case "no read-back":
		dms = blind{client}
	}
	step := func(name string) {
		told <- name
		if name != block {
			return
		}
		n := <-seen + 1
		seen <- n
		if n >= nth {
			told <- "BLOCKED"
			select {} // until the parent kills us
		}
	}
	event := func(kind provisioning.EventKind, detail string) provisioning.Event {
		return provisioning.Event{At: time.Now(), Actor: "tester", Session: "victim", Kind: kind, Detail: detail}
	}
	batches, err := store.Unfinished(ctx)
	if err != nil || len(batches) == 0 {
		return err
	}
	if err := store.Recover(ctx, batches[0].ID, event(provisioning.EventResumed, "restart")); err != nil {
		return err
	}
	executor := commit.New(commit.Deps{
		Store: journal, DMS: dms, Clock: provisioning.SystemClock{}, Actor: "tester", Session: "victim", Owner: fmt.Sprint(os.Getpid()), Tenant: "sim",
		Settle: settle, Step: step,
		Operation: func(c provisioning.Change) provisioning.Operation { // many at once from the first one on
			o := client.Operation(c)
			o.FirstUse = provisioning.Plain
			return o
		},
	})
	return pool.New(pool.Deps{Store: journal, Executor: executor, Workers: 8, Event: event}).Run(ctx, batches[0].ID, nil)
}

// noIntent is a store that forgets the intent until the outcome: the protocol's first rule taken out.
type noIntent struct {
	provisioning.Store
	sent map[string]func() error
}

func (n *noIntent) MarkSent(ctx context.Context, ref provisioning.OpRef, at time.Time, e provisioning.Event) error {
	n.sent[fmt.Sprint(ref)] = func() error { return n.Store.MarkSent(ctx, ref, at, e) }
	return nil
}

func (n *noIntent) MarkOp(ctx context.Context, ref provisioning.OpRef, o provisioning.Outcome, e provisioning.Event) error {
	if late := n.sent[fmt.Sprint(ref)]; late != nil {
		delete(n.sent, fmt.Sprint(ref))
		if err := late(); err != nil {
			return err
		}
	}
	return n.Store.MarkOp(ctx, ref, o, e)
}

// blind is a document system that is never really read: every look finds the old value until the change was sent here.
type blind struct{ provisioning.DMS }

func (b blind) Observe(ctx context.Context, c provisioning.Change) (provisioning.Observation, error) {
	o, err := b.DMS.Observe(ctx, c)
	if o.Value == c.After && !wasSent(c) {
		o.Value = c.Before
	}
	return o, err
}

func (b blind) Send(ctx context.Context, c provisioning.Change) (provisioning.Receipt, error) {
	r, err := b.DMS.Send(ctx, c)
	sentHere.Store(c.Account+string(c.Kind)+c.Object, true)
	return r, err
}

var sentHere sync.Map // of one victim

func wasSent(c provisioning.Change) bool {
	_, sent := sentHere.Load(c.Account + string(c.Kind) + c.Object)
	return sent
}

// ward is one server with one batch in one store.
type ward struct {
	t       *testing.T
	server  *imanagetest.Server
	dir     string
	url     string
	changes map[string]int // effect key → wanted count
	units   int
	settle  time.Duration
	mutant  string
	onWay   time.Duration // kill so long after the first intent: while requests are on their way
}

func newWard(t *testing.T, people int, effect time.Duration) *ward {
	t.Helper()
	w := &ward{t: t, dir: t.TempDir(), changes: make(map[string]int), units: people, settle: settleTime}
	if err := os.Chmod(w.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	library := &imanagetest.Library{
		ID: "LON", Roles: []string{"DEFAULT", "STANDARD"}, Members: map[string]string{}, Groups: map[string]*imanagetest.Group{
			"ALL": {ID: "ALL", Enabled: true, Nos: 2, Members: map[string]bool{}}, "DEAL": {ID: "DEAL", Enabled: true, Nos: 2, Members: map[string]bool{}},
		},
	}
	config := imanagetest.Config{
		CustomerID: 1, Username: "svc", Password: "pw", ServiceUser: "SVC", EffectDelay: effect, AnswerDelay: effect, Libraries: []*imanagetest.Library{library},
	}
	b := &provisioning.Batch{State: provisioning.BatchDraft, CreatedBy: "tester", CreatedAt: time.Now(), SnapshotID: "s", SnapshotAt: time.Now(), Hash: "h"}
	for i := range people {
		id := fmt.Sprintf("U%03d", i)
		var changes []provisioning.Change
		if i%2 == 0 { // a leaver
			config.Users = append(config.Users, imanagetest.User{ID: id, FullName: id, Email: id + "@x.example", PreferredLibrary: "LON", AllowLogon: true, Nos: 2})
			library.Members[id] = "STANDARD"
			library.Groups["ALL"].Members[id], library.Groups["DEAL"].Members[id] = true, true
			changes = []provisioning.Change{
				{Kind: provisioning.DisableAccount, Account: id, Before: provisioning.ValueEnabled, After: provisioning.ValueDisabled},
				{Kind: provisioning.LeaveGroup, Account: id, Library: "LON", Object: "ALL", Before: provisioning.ValueMember, After: provisioning.ValueNoMember},
				{Kind: provisioning.LeaveGroup, Account: id, Library: "LON", Object: "DEAL", Before: provisioning.ValueMember, After: provisioning.ValueNoMember},
			}
			w.changes["patch "+id+" allow_logon"], w.changes["leave "+id+" LON ALL"], w.changes["leave "+id+" LON DEAL"] = 1, 1, 1
		} else { // a joiner
			p := &provisioning.Profile{ID: id, FullName: "New " + id, Email: strings.ToLower(id) + "@x.example", PreferredLibrary: "LON"}
			changes = []provisioning.Change{
				{Kind: provisioning.CreateAccount, Account: id, Before: provisioning.ValueAbsent, After: p.Encode(), Profile: p},
				{Kind: provisioning.AssignLibrary, Account: id, Library: "LON", Before: provisioning.ValueAbsent, After: "DEFAULT", Profile: p},
				{Kind: provisioning.SetLibraryRole, Account: id, Library: "LON", Before: "DEFAULT", After: "STANDARD"},
				{Kind: provisioning.JoinGroup, Account: id, Library: "LON", Object: "ALL", Before: provisioning.ValueNoMember, After: provisioning.ValueMember},
				{Kind: provisioning.SetAttribute, Account: id, Object: "phone", Before: "", After: "+44 20 7946 0001"},
			}
			w.changes["create "+id], w.changes["assign "+id+" LON DEFAULT"], w.changes["role "+id+" LON STANDARD"] = 1, 1, 1
			w.changes["join "+id+" LON ALL"], w.changes["patch "+id+" phone"] = 1, 1
		}
		u := provisioning.Unit{Account: id, Name: id, Kind: provisioning.KindLeaver, State: provisioning.UnitPending, Person: provisioning.PersonKey{Directory: "okta", ID: id}}
		for j, c := range changes {
			u.Ops = append(u.Ops, provisioning.Op{Seq: j + 1, Change: c, State: provisioning.OpPending})
		}
		b.Units = append(b.Units, u)
	}
	w.server = imanagetest.New(config)
	if err := w.server.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.server.Close)
	w.url = w.server.URL()
	w.with(func(s *sqlite.Store) {
		event := provisioning.Event{At: time.Now(), Actor: "tester", Kind: provisioning.EventStaged}
		b.State = provisioning.BatchReviewed
		if err := s.SaveBatch(context.Background(), b, event); err != nil {
			t.Fatal(err)
		}
		event.Kind = provisioning.EventCommitted
		if err := s.MoveBatch(context.Background(), b.ID, provisioning.BatchCommitted, "h", "", event); err != nil {
			t.Fatal(err)
		}
	})
	return w
}

func (w *ward) with(use func(*sqlite.Store)) {
	w.t.Helper()
	chain, err := audit.NewChain(chainKey)
	if err != nil {
		w.t.Fatal(err)
	}
	s, err := sqlite.Open(context.Background(), sqlite.Options{Path: filepath.Join(w.dir, "rollcall.db"), Sealer: chain, Owner: "parent"})
	if err != nil {
		w.t.Fatal(err)
	}
	if owner := s.ReadOnly(); owner != "" {
		w.t.Fatalf("the store is still owned by %s", owner)
	}
	use(s)
	if err := s.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// live starts a victim and kills it: where block names a step, at its nth time; else after a time. It reports whether the victim
// came to the end of the batch by itself.
func (w *ward) live(block string, nth int, after time.Duration) (ended bool) {
	w.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ROLLCALL_VICTIM=1", "ROLLCALL_DB="+filepath.Join(w.dir, "rollcall.db"), "ROLLCALL_URL="+w.url,
		"ROLLCALL_BLOCK="+block, "ROLLCALL_NTH="+strconv.Itoa(nth), "ROLLCALL_SETTLE="+w.settle.String(), "ROLLCALL_MUTANT="+w.mutant)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	var timer *time.Timer
	if after > 0 {
		timer = time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
	}
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		switch text := lines.Text(); {
		case text == "STEP "+commit.StepIntent && w.onWay > 0 && timer == nil:
			timer = time.AfterFunc(w.onWay, func() { _ = cmd.Process.Kill() })
		case text == "END":
			ended = true
		case strings.HasPrefix(text, "ERROR"):
			w.t.Error(text)
		case text == "STEP BLOCKED":
			if err := cmd.Process.Kill(); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	return ended
}

// verdict counts what was lost and what was done twice, and checks the journal and the record.
func (w *ward) verdict() (lost, double int) {
	w.t.Helper()
	effects := w.server.Effects()
	for key, want := range w.changes {
		switch n := effects[key]; {
		case n < want:
			lost++
		case n > want:
			double++
		}
	}
	return lost, double
}

func (w *ward) checkJournal() {
	w.t.Helper()
	w.with(func(s *sqlite.Store) {
		batches, err := s.Batches(context.Background(), 1)
		if err != nil {
			w.t.Fatal(err)
		}
		b := batches[0]
		if b.State != provisioning.BatchDone {
			w.t.Errorf("the batch is %s: %s", b.State, b.Stop)
		}
		for _, u := range b.Units {
			for _, op := range u.Ops {
				if op.State != provisioning.OpConfirmed {
					w.t.Errorf("%s %d %s is %s: %s", u.Account, op.Seq, op.Change.Kind, op.State, op.Error)
				}
			}
		}
		confirmed := 0
		report, err := audit.Verify(context.Background(), chainKey, func(ctx context.Context, from int64, visit func(provisioning.Record) error) error {
			return s.Records(ctx, from, func(r provisioning.Record) error {
				if r.Event.Kind == provisioning.EventOutcome && strings.Contains(r.Event.Detail, " confirmed:") {
					confirmed++
				}
				return visit(r)
			})
		})
		if err != nil || !report.OK {
			w.t.Errorf("the record does not hold: %+v, %v", report, err)
		}
		if confirmed != len(w.changes) {
			w.t.Errorf("%d changes, %d rows that confirm one", len(w.changes), confirmed)
		}
	})
}

// TestKill kills the real process at each step of the protocol and at random times, restarts it, and holds that nothing was lost
// and nothing done twice. ROLLCALL_KILLS asks for more than the 200 of every run.
func TestKill(t *testing.T) {
	want := 200
	if n, err := strconv.Atoi(os.Getenv("ROLLCALL_KILLS")); err == nil {
		want = n
	}
	random := rand.New(rand.NewPCG(1, uint64(want)))
	kills, rounds := 0, 0
	began := time.Now()
	for kills < want {
		w := newWard(t, 60, effectDelay)
		rounds++
		for steps := commit.Steps(); ; {
			var ended bool
			if random.IntN(3) == 0 {
				ended = w.live(steps[random.IntN(len(steps))], 1+random.IntN(12), 0)
			} else if kills < 2*len(steps) { // each step at least twice
				ended = w.live(steps[kills%len(steps)], 1+kills/len(steps), 0)
			} else {
				ended = w.live("", 0, time.Duration(40+random.IntN(260))*time.Millisecond)
			}
			if ended {
				break
			}
			kills++
		}
		lost, double := w.verdict()
		if lost+double > 0 {
			t.Fatalf("after %d kills: %d lost, %d done twice", kills, lost, double)
		}
		w.checkJournal()
	}
	t.Logf("%d kills over %d batches of %d people: nothing lost, nothing twice, in %s", kills, rounds, 60, time.Since(began).Round(time.Second))
}

// TestKillFindsMutants: with the intent, the settle time or the read-back taken out of the protocol, the same harness finds effects
// that took place twice.
func TestKillFindsMutants(t *testing.T) {
	for _, mutant := range []string{"no settle", "no intent", "no read-back"} {
		t.Run(mutant, func(t *testing.T) {
			w := newWard(t, 16, 300*time.Millisecond)
			w.settle = 900 * time.Millisecond
			if mutant == "no settle" {
				w.settle = 0
			} else {
				w.mutant = mutant
			}
			for range 4 {
				if mutant == "no read-back" {
					w.live(commit.StepSent, 3, 0)
				} else {
					w.onWay = 100 * time.Millisecond // the server lets an effect take place after 300
					w.live("", 0, 0)
				}
			}
			w.mutant, w.onWay, w.settle = "", 0, 900*time.Millisecond
			w.live("", 0, 60*time.Second)
			if _, double := w.verdict(); double == 0 {
				t.Error("the harness did not notice")
			}
		})
	}
}
