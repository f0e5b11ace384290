package desk_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/commit"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/dispatch/pool"
	"rollcall/provisioning/policy"
	"rollcall/provisioning/staging"
	"rollcall/provisioning/store/sqlite"
)

// life is one run of the state machine: the world, and the process that lives in it at the moment.
type life struct {
	*machine
	*desk.Desk
	other  *desk.Desk // the second person's, on the same store
	ctx    context.Context
	people int
	gone   map[int]bool
	alive  int // processes so far
	steps  int
	undos  int

	approvals int
}

const machinePolicy = `
service = ["SVC_*"]
protected = ["U013"]

[approval]
batches = "losing"
people = 2

[limits]
count = 6
day = 8
percent = 60

[[birthright]]
libraries = { LON = "DEFAULT" }
groups = ["LON/ALL"]
`

func newLife(outer *testing.T, t rapid.TB, lacks []provisioning.ChangeKind, broken string) *life {
	t.Helper()
	m := &machine{effects: make(map[string]int), small: newSmall(outer, time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC), 24), broken: broken}
	m.clock.swift = true
	for _, kind := range lacks {
		m.dms.lacks[kind] = true
	}
	l := &life{machine: m, ctx: context.Background(), people: 24, gone: make(map[int]bool)}
	l.begin(t)
	l.look(t)
	return l
}

// begin starts a process on the store that is open.
func (l *life) begin(t rapid.TB) {
	t.Helper()
	p, err := policy.Parse([]byte(machinePolicy), nil)
	if err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	l.dead, l.diesAt, l.fullFrom, l.faults = false, 0, 0, nil
	l.mu.Unlock()
	l.alive++
	session := fmt.Sprintf("process %d", l.alive)
	var store provisioning.Store = &mortal{Store: l.store, m: l.machine, intents: make(map[provisioning.OpRef]func() error)}
	var system provisioning.DMS = &wild{dms: l.dms, m: l.machine, sent: make(map[string]bool)}
	deps := desk.Deps{
		Firm: "A firm", Session: session, Store: store, Directories: []provisioning.Directory{l.okta}, DMS: system, Policy: p, Clock: l.clock,
		Tenant: "tenant", AuditKey: bytes.Repeat([]byte{1}, audit.KeySize), HandSteps: func(provisioning.Change) []string { return []string{"do it"} },
		FullEvery: map[string]time.Duration{"okta": 0}, Operator: provisioning.Operator{
			Name: "l.ortiz", Account: "U001", Role: provisioning.RoleApprover, Person: provisioning.PersonKey{Directory: "okta", ID: "00u001"},
		},
	}
	settle := settleTime
	if l.broken == "no settle" {
		settle = 0
	}
	executor := commit.New(commit.Deps{
		Store: store, DMS: system, Clock: l.clock, Actor: "l.ortiz", Session: session, Owner: session, Tenant: "tenant", Settle: settle,
		Recheck: func(ctx context.Context, u *provisioning.Unit, c provisioning.Change) string {
			return l.LiveCheck(ctx, u, c)
		},
	})
	deps.Dispatcher = pool.New(pool.Deps{Store: store, Executor: executor, Workers: 1, Clock: l.clock, Event: func(kind provisioning.EventKind, detail string) provisioning.Event {
		return provisioning.Event{At: l.clock.Now(), Actor: "l.ortiz", Session: session, Kind: kind, Detail: detail}
	}})
	second := deps
	second.Session, second.Operator = session+", the second person", machineApprover()
	for _, d := range []*desk.Deps{&deps, &second} {
		own := machineKey(d.Operator.Name)
		d.Mapped = []provisioning.Operator{deps.Operator, second.Operator}
		d.ApprovalKeys = map[string]ed25519.PublicKey{
			deps.Operator.Key(): machineKey(deps.Operator.Name).Public(), second.Operator.Key(): machineKey(second.Operator.Name).Public(),
		}
		d.ApprovalKey = func(context.Context) (provisioning.Signer, error) { return own, nil }
	}
	l.Desk, l.other = desk.New(deps), desk.New(second)
	for _, d := range []*desk.Desk{l.Desk, l.other} {
		if _, err := d.Load(l.ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// machineApprover is the second person.
func machineApprover() provisioning.Operator {
	return provisioning.Operator{Name: "m.chen", Account: "U002", Role: provisioning.RoleApprover, Person: provisioning.PersonKey{Directory: "okta", ID: "00u002"}}
}

// machineKey is an operator's own key.
func machineKey(name string) testSigner {
	seed := sha256.Sum256([]byte(name))
	return testSigner{ed25519.NewKeyFromSeed(seed[:])}
}

type testSigner struct{ key ed25519.PrivateKey }

func (s testSigner) Public() ed25519.PublicKey {
	return s.key.Public().(ed25519.PublicKey) //nolint:forcetypeassert // ed25519's own type
}

func (s testSigner) Sign(_ context.Context, message []byte) ([]byte, error) {
	return ed25519.Sign(s.key, message), nil
}

// restart is what follows a kill: nothing of the dead process goes on, another one opens the store, and is offered what was broken off.
func (l *life) restart(t rapid.TB) {
	t.Helper()
	l.kills++
	l.Close()
	l.other.Close()
	if err := l.store.Close(); err != nil {
		t.Fatal(err)
	}
	chain, err := audit.NewChain(bytes.Repeat([]byte{1}, audit.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	if l.store, err = sqlite.Open(l.ctx, sqlite.Options{Path: l.path, Sealer: chain, Owner: "tester"}); err != nil {
		t.Fatal(err)
	}
	if owner := l.store.ReadOnly(); owner != "" {
		t.Fatalf("the store is still owned by %s", owner)
	}
	l.begin(t)
	offered, err := l.Unfinished(l.ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range l.all(t) {
		if b.State == provisioning.BatchCommitted && !slices.ContainsFunc(offered, func(o *provisioning.Batch) bool { return o.ID == b.ID }) {
			t.Errorf("batch %d was broken off and is not offered", b.ID)
		}
	}
}

// finish resumes whatever is offered until nothing is, with no more faults: then everything is decided.
func (l *life) finish(t rapid.TB) {
	t.Helper()
	if l.isDead() {
		l.restart(t)
	}
	for range 20 {
		offered, err := l.Unfinished(l.ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(offered) == 0 {
			return
		}
		for _, b := range offered {
			l.mu.Lock()
			l.faults, l.diesAt, l.fullFrom = nil, 0, 0
			l.mu.Unlock()
			if err := l.Resume(l.ctx, b.ID); err != nil {
				t.Fatalf("batch %d (%s) cannot be resumed: %v", b.ID, b.State, err)
			}
			l.run(t, b.ID)
		}
	}
	t.Fatal("something is offered for ever")
}

func (l *life) end() {
	l.Close()
	l.other.Close()
	_ = l.store.Close()
}

func (l *life) look(t rapid.TB) {
	t.Helper()
	l.clock.to(l.clock.Now().Add(time.Second + 7*time.Millisecond))
	if _, err := l.Sync(l.ctx, nil); err != nil && !l.isDead() {
		t.Fatal(err)
	}
}

func (l *life) all(t rapid.TB) []*provisioning.Batch {
	t.Helper()
	batches, err := l.store.Batches(l.ctx, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	return batches
}

// arm draws what befalls the next run: faults of the network, a kill or a full disk at one of the next writes, or none of it.
func (l *life) arm(rt *rapid.T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range rapid.IntRange(0, 6).Draw(rt, "faults") {
		l.faults = append(l.faults, sendFault(rapid.IntRange(0, int(sendFaults)-1).Draw(rt, "fault")))
	}
	switch rapid.IntRange(0, 3).Draw(rt, "what befalls") {
	case 0:
		l.diesAt, l.diesAfter = l.writes+rapid.IntRange(1, 25).Draw(rt, "write"), rapid.Bool().Draw(rt, "after it")
	case 1:
		l.fullFrom = l.writes + rapid.IntRange(1, 25).Draw(rt, "full from")
	default:
	}
}

// run lets a batch come to rest; where the process dies, another one takes over, until none does.
func (l *life) run(t rapid.TB, id int64) {
	t.Helper()
	_ = l.Wait(l.ctx, id) // what ended it stands in the journal
	l.mu.Lock()
	l.fullFrom = 0 // somebody made room
	l.mu.Unlock()
	if l.isDead() {
		l.restart(t)
	}
	l.check(t)
}

// check holds what must be true of the world at any moment.
func (l *life) check(t rapid.TB) {
	t.Helper()
	l.mu.Lock()
	wrong := slices.Clone(l.wrong)
	l.mu.Unlock()
	for _, w := range wrong {
		t.Error(w)
	}
	offered, err := l.store.Unfinished(l.ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range l.all(t) {
		if slices.ContainsFunc(offered, func(o *provisioning.Batch) bool { return o.ID == b.ID }) {
			continue // what is open there is in sight
		}
		ended := b.State == provisioning.BatchDone || b.State == provisioning.BatchOpenHand || b.State == provisioning.BatchCancelled
		for i := range b.Units {
			u := &b.Units[i]
			for _, op := range u.Ops {
				if ended && (op.State == provisioning.OpSent || op.State == provisioning.OpPending) && u.WaitsFor(op.Seq-1) == 0 {
					t.Errorf("batch %d is %s, and its change %d of %s is %s", b.ID, b.State, op.Seq, u.Account, op.State)
				}
				if op.State == provisioning.OpConfirmed && op.Evidence == "" {
					t.Errorf("batch %d: change %d of %s is confirmed by nothing", b.ID, op.Seq, u.Account)
				}
			}
		}
	}
	if t.Failed() {
		l.tell(t)
		t.FailNow()
	}
}

// tell says the last of the record.
func (l *life) tell(t rapid.TB) {
	t.Helper()
	var last []string
	_ = l.store.Records(l.ctx, 1, func(r provisioning.Record) error {
		e := r.Event
		last = append(last, fmt.Sprintf("%4d %s batch %d unit %d op %d %s: %s", r.Seq, e.Session, e.Batch, e.Unit, e.Op, e.Kind, e.Detail))
		return nil
	})
	const most = 40
	t.Log("the record:\n" + strings.Join(last[max(0, len(last)-most):], "\n"))
}

// secondPerson asks for the approval of a batch that needs one: it is given by the second person, tried by the one who staged it, given
// with wrong words, or left out.
func (l *life) secondPerson(rt *rapid.T, c desk.Commit) {
	v, err := l.View(l.ctx, c.Batch)
	if err != nil || v.Second.Needs == "" {
		return
	}
	how := rapid.IntRange(0, 3).Draw(rt, "second person")
	if how == 0 { // what is released by the order itself is approved too
		_ = l.Commit(l.ctx, c)
		if v, err = l.View(l.ctx, c.Batch); err != nil || v.Second.Covers == "" {
			return
		}
	}
	words := strings.Join(staging.Words(v.Second.Covers), " ")
	switch how {
	case 0, 1:
		if _, err := l.other.Load(l.ctx); err == nil && l.other.Approve(l.ctx, c.Batch, v.Second.Covers, words) == nil {
			l.approvals++
		}
	case 2:
		if err := l.Approve(l.ctx, c.Batch, v.Second.Covers, words); err == nil {
			rt.Fatal("whoever staged it approved it")
		}
	default:
		if err := l.other.Approve(l.ctx, c.Batch, v.Second.Covers, words+" abandon"); err == nil {
			rt.Fatal("approved with other words")
		}
	}
}

// actions are what may happen, each drawn by rapid. What there is nothing to do for is drawn and not counted as a step.
func (l *life) actions(t rapid.TB) map[string]func(*rapid.T) {
	t.Helper()
	steps := map[string]func(*rapid.T) bool{ // whether it did anything
		"leave": func(rt *rapid.T) bool {
			i := rapid.IntRange(2, l.people).Draw(rt, "who")
			l.gone[i] = true
			l.leave(i)
			return true
		},
		"hire": func(*rapid.T) bool {
			l.people++
			id, account, name := user(l.people)
			l.okta.mu.Lock()
			l.okta.list = append(l.okta.list, provisioning.Person{
				Key:   provisioning.PersonKey{Directory: "okta", ID: id},
				Login: strings.ToLower(account) + "@firm.example", Email: strings.ToLower(account) + "@firm.example", SSOName: account, FullName: name, Status: provisioning.StatusActive,
			})
			l.okta.mu.Unlock()
			return true
		},
		"stage": func(rt *rapid.T) bool {
			l.look(t)
			var keys []string
			for _, row := range l.Roll().Rows {
				if len(row.Mismatches) > 0 {
					keys = append(keys, row.Key)
				}
			}
			if len(keys) == 0 {
				return false
			}
			some := rapid.SliceOfNDistinct(rapid.SampledFrom(keys), 1, min(5, len(keys)), rapid.ID[string]).Draw(rt, "rows")
			_, _ = l.Stage(l.ctx, some) // who is held back is named there
			return true
		},
		"edit": func(rt *rapid.T) bool {
			v, err := l.View(l.ctx, 0)
			if err != nil || len(v.Batch.Units) == 0 {
				return false
			}
			u := &v.Batch.Units[rapid.IntRange(0, len(v.Batch.Units)-1).Draw(rt, "unit")]
			if rapid.Bool().Draw(rt, "whole") {
				_ = l.DropUnit(l.ctx, u.ID)
			} else {
				_ = l.DropOp(l.ctx, u.ID, u.Ops[rapid.IntRange(0, len(u.Ops)-1).Draw(rt, "op")].Seq)
			}
			return true
		},
		"commit": func(rt *rapid.T) bool {
			l.look(t)
			v, err := l.Review(l.ctx)
			if err != nil {
				return false
			}
			c := desk.Commit{Batch: v.Batch.ID, Hash: v.Batch.Hash, People: v.Confirm}
			if rapid.Bool().Draw(rt, "released") {
				c.Reason = "they have left"
			}
			l.secondPerson(rt, c)
			l.arm(rt)
			_ = l.Commit(l.ctx, c) // a guard may hold it, or a second person be missing, or the process die
			l.run(t, v.Batch.ID)
			return true
		},
		"resume": func(rt *rapid.T) bool {
			offered, err := l.Unfinished(l.ctx)
			if err != nil || len(offered) == 0 {
				return false
			}
			b := offered[rapid.IntRange(0, len(offered)-1).Draw(rt, "batch")]
			l.arm(rt)
			_ = l.Resume(l.ctx, b.ID)
			l.run(t, b.ID)
			return true
		},
		"retry": func(rt *rapid.T) bool {
			batches := slices.DeleteFunc(l.all(t), func(b *provisioning.Batch) bool {
				return b.State != provisioning.BatchDone && b.State != provisioning.BatchOpenHand
			})
			if len(batches) == 0 {
				return false
			}
			b := batches[rapid.IntRange(0, len(batches)-1).Draw(rt, "batch")]
			l.arm(rt)
			_ = l.Retry(l.ctx, b.ID)
			l.run(t, b.ID)
			return true
		},
		"cancel": func(rt *rapid.T) bool {
			offered, err := l.Unfinished(l.ctx)
			if err != nil || len(offered) == 0 {
				return false
			}
			b := offered[rapid.IntRange(0, len(offered)-1).Draw(rt, "batch")]
			l.arm(rt)
			_ = l.Cancel(l.ctx, b.ID)
			l.run(t, b.ID)
			return true
		},
		"undo": func(rt *rapid.T) bool {
			batches := slices.DeleteFunc(l.all(t), func(b *provisioning.Batch) bool {
				return b.State != provisioning.BatchDone && b.State != provisioning.BatchOpenHand && b.State != provisioning.BatchStopped && b.State != provisioning.BatchCancelled
			})
			if len(batches) == 0 {
				return false
			}
			l.look(t)
			undo, err := l.Undo(l.ctx, batches[rapid.IntRange(0, len(batches)-1).Draw(rt, "batch")].ID, "a mistake")
			if err != nil || undo.Batch == 0 {
				return false // it did nothing, or is undone already, or everything is back
			}
			v, err := l.ReviewBatch(l.ctx, undo.Batch)
			if err != nil {
				return true // killed, or the disk full, since the last time it was armed
			}
			c := desk.Commit{Batch: v.Batch.ID, Hash: v.Batch.Hash, People: v.Confirm, Reason: "put it back"}
			l.secondPerson(rt, c)
			l.arm(rt)
			_ = l.Commit(l.ctx, c)
			l.run(t, v.Batch.ID)
			if l.batch(v.Batch.ID).CommittedAt.IsZero() { // held, or the second person was missing
				return true
			}
			l.undos++
			return true
		},
		"tick": func(rt *rapid.T) bool {
			for _, b := range l.all(t) {
				for i := range b.Units {
					for _, op := range b.Units[i].Ops {
						if op.State == provisioning.OpByHand {
							if rapid.Bool().Draw(rt, "done") {
								l.dms.byHand(op.Change)
							}
							_ = l.Tick(l.ctx, b.ID, b.Units[i].ID, op.Seq)
							l.run(t, b.ID)
							return true
						}
					}
				}
			}
			return false
		},
		"another operator": func(rt *rapid.T) bool {
			_, account, _ := user(rapid.IntRange(1, l.people).Draw(rt, "who"))
			l.dms.mu.Lock()
			known := l.dms.accounts[account] != nil
			l.dms.mu.Unlock()
			if !known {
				return false
			}
			c := provisioning.Change{Account: account, Library: "LON", Object: rapid.SampledFrom([]string{"ALL", "DEAL"}).Draw(rt, "group")}
			switch rapid.IntRange(0, 3).Draw(rt, "what") {
			case 0:
				c.Kind, c.After = provisioning.DisableAccount, provisioning.ValueDisabled
			case 1:
				c.Kind, c.After = provisioning.EnableAccount, provisioning.ValueEnabled
			case 2:
				c.Kind, c.After = provisioning.JoinGroup, provisioning.ValueMember
			default:
				c.Kind, c.After = provisioning.LeaveGroup, provisioning.ValueNoMember
			}
			l.dms.byHand(c)
			l.meddled(account)
			return true
		},
		"clock": func(rt *rapid.T) bool {
			step := rapid.Int64Range(-int64(2*time.Minute), int64(50*time.Hour)).Draw(rt, "by")
			l.clock.to(l.clock.Now().Add(time.Duration(step)))
			return true
		},
		"read": func(*rapid.T) bool {
			l.look(t)
			return true
		},
		"kill": func(*rapid.T) bool { // between two steps
			l.die()
			l.restart(t)
			return true
		},
	}
	steps["stage and commit"] = func(rt *rapid.T) bool { return steps["stage"](rt) && steps["commit"](rt) }
	actions := make(map[string]func(*rapid.T), len(steps))
	for name, do := range steps {
		actions[name] = func(rt *rapid.T) {
			if l.isDead() { // by a write of the last step
				l.restart(t)
			}
			if do(rt) {
				l.steps++
			}
		}
	}
	return actions
}

// machineSteps is how many steps the state machine takes in a plain run.
const machineSteps = 10_000

// lives lets a state machine run, and adds up what it did.
type lives struct{ steps, kills, requests, batches, undos, approvals int }

func (n *lives) run(outer *testing.T, rt *rapid.T, broken string) {
	lacks := rapid.SliceOfNDistinct(rapid.SampledFrom([]provisioning.ChangeKind{provisioning.LeaveGroup, provisioning.RemoveLibrary, provisioning.JoinGroup}), 0, 1,
		rapid.ID[provisioning.ChangeKind]).Draw(rt, "lacks")
	l := newLife(outer, rt, lacks, broken)
	defer l.end()
	rt.Repeat(l.actions(rt))
	l.finish(rt)
	report, err := audit.Verify(l.ctx, bytes.Repeat([]byte{1}, audit.KeySize), l.store.Records)
	if err != nil || !report.OK {
		rt.Fatalf("the record does not hold: %+v, %v", report, err)
	}
	n.approvals += l.approvals
	n.steps, n.kills, n.requests, n.batches, n.undos = n.steps+l.steps, n.kills+l.kills, n.requests+len(l.dms.sends()), n.batches+len(l.all(rt)), n.undos+l.undos
}

// TestMachine: whatever operators, the network, the disk and the clock do, and whenever the process is killed: nothing leaves without its
// intent on the disk, nothing is done twice, nobody protected is touched, nothing is left undecided in a batch that ended, every broken
// batch is offered again, and the record holds.
func TestMachine(t *testing.T) {
	var n lives
	for n.steps < machineSteps && !t.Failed() {
		rapid.Check(t, func(rt *rapid.T) { n.run(t, rt, "") })
	}
	t.Logf("%d steps, %d kills, %d batches, %d undone, %d approved, %d requests", n.steps, n.kills, n.batches, n.undos, n.approvals, n.requests)
	if n.kills < machineSteps/100 || n.requests < machineSteps/20 || n.undos < machineSteps/1000 || n.approvals < machineSteps/1000 {
		t.Error("too little happened")
	}
}

// witness is told what a check finds, in place of a test.
type witness struct {
	*testing.T
	found bool
}

// errFound ends a check that found something.
var errFound = errors.New("found")

func (w *witness) Errorf(string, ...any) { w.found = true }
func (w *witness) Error(...any)          { w.found = true }
func (w *witness) Fail()                 { w.found = true }
func (w *witness) Failed() bool          { return w.found }
func (w *witness) Log(...any)            {}
func (w *witness) Logf(string, ...any)   {}

func (w *witness) Fatalf(string, ...any) { w.FailNow() }
func (w *witness) Fatal(...any)          { w.FailNow() }

func (w *witness) FailNow() {
	w.found = true
	panic(errFound)
}

// TestMachineFindsMutants: with the intent, the settle time or the read-back taken out of the protocol, the same state machine finds it.
func TestMachineFindsMutants(t *testing.T) {
	shrink := flag.Lookup("rapid.shrinktime")
	before := shrink.Value.String()
	if err := shrink.Value.Set("0s"); err != nil { // that it is found is enough
		t.Fatal(err)
	}
	defer func() { _ = shrink.Value.Set(before) }()
	for _, broken := range []string{"no intent", "no settle", "no read-back"} {
		t.Run(broken, func(t *testing.T) {
			w := &witness{T: t}
			var n lives
			func() {
				defer func() {
					if r := recover(); r != nil && r != any(errFound) {
						panic(r)
					}
				}()
				rapid.Check(w, func(rt *rapid.T) { n.run(t, rt, broken) })
			}()
			if !w.found {
				t.Errorf("the state machine did not notice in %d steps", n.steps)
			}
		})
	}
}
