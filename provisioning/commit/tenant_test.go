package commit_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/commit"
	"rollcall/provisioning/dispatch/pool"
	"rollcall/provisioning/store/sqlite"
)

// quick is a clock on which every wait is over at once, and has taken its time.
type quick struct{ at atomic.Int64 }

func newQuick() *quick {
	q := &quick{}
	q.at.Store(time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC).UnixNano())
	return q
}

func (q *quick) Now() time.Time { return time.Unix(0, q.at.Load()).UTC() }

func (q *quick) Sleep(ctx context.Context, d time.Duration) error {
	q.at.Add(int64(max(d, 0)))
	return ctx.Err()
}

// tenant is a document system in memory: a change asked for by name has its effect, where what it rests on is there; answer says
// otherwise. It counts what was sent and what took effect.
type tenant struct {
	provisioning.DMS // nothing else of it is asked

	mu      sync.Mutex
	state   map[string]string // aspect → value
	sends   map[string]int    // operation → how often it was sent
	effects map[string]int    // change → how often it took effect by a send
	first   map[provisioning.ChangeKind]provisioning.FirstUse
	answer  func(op string, c provisioning.Change) (apply bool, err error) // nil: it does what it is asked
	during  func(op string, c provisioning.Change)                         // told of each request in flight, outside the lock
}

func newTenant() *tenant {
	return &tenant{state: make(map[string]string), sends: make(map[string]int), effects: make(map[string]int), first: make(map[provisioning.ChangeKind]provisioning.FirstUse)}
}

// aspect names what a change touches, with the value where nothing is known of it.
func aspect(c provisioning.Change) (key, none string) {
	switch c.Kind {
	case provisioning.CreateAccount:
		return "account " + c.Account, provisioning.ValueAbsent
	case provisioning.EnableAccount, provisioning.DisableAccount:
		return "logon " + c.Account, provisioning.ValueDisabled
	case provisioning.AssignLibrary, provisioning.SetLibraryRole:
		return "role " + c.Account + " " + c.Library, provisioning.ValueAbsent
	case provisioning.RemoveLibrary:
		return "library " + c.Account + " " + c.Library, provisioning.ValueAbsent
	case provisioning.SetAttribute, provisioning.TransferWorkspace:
		return "field " + c.Account + " " + c.Library + " " + c.Object, ""
	case provisioning.ReleaseLock:
		return "lock " + c.Object, provisioning.ValueReleased
	default:
		return "member " + c.Account + " " + c.Library + " " + c.Object, provisioning.ValueNoMember
	}
}

func (d *tenant) value(c provisioning.Change) string {
	key, none := aspect(c)
	if v, known := d.state[key]; known {
		return v
	}
	return none
}

// do lets a change take effect, whoever does it.
func (d *tenant) do(c provisioning.Change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	key, _ := aspect(c)
	d.state[key] = c.After
}

func (d *tenant) Observe(_ context.Context, c provisioning.Change) (provisioning.Observation, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return provisioning.Observation{Value: d.value(c), Others: -1}, nil
}

// Operation names each kind's own.
func (d *tenant) Operation(c provisioning.Change) provisioning.Operation {
	first := d.first[c.Kind]
	if first == "" {
		first = provisioning.Plain
	}
	return provisioning.Operation{Name: "op " + string(c.Kind), Kind: c.Kind, FirstUse: first}
}

// there reports whether what a change needs is there.
func (d *tenant) there(c provisioning.Change) bool {
	if c.Kind == provisioning.CreateAccount {
		return true
	}
	if d.value(provisioning.Change{Kind: provisioning.CreateAccount, Account: c.Account}) == provisioning.ValueAbsent {
		return false
	}
	if c.Kind != provisioning.SetLibraryRole && c.Kind != provisioning.JoinGroup {
		return true
	}
	return d.value(provisioning.Change{Kind: provisioning.AssignLibrary, Account: c.Account, Library: c.Library}) != provisioning.ValueAbsent
}

func (d *tenant) Send(_ context.Context, c provisioning.Change) (provisioning.Receipt, error) {
	op := d.Operation(c).Name
	if d.during != nil {
		d.during(op, c)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sends[op]++
	if !d.there(c) {
		return provisioning.Receipt{}, &provisioning.SendError{Effect: provisioning.RefusedSend, Status: 404, Code: "NRC_NO_RECORD", Message: "what " + id(c) + " rests on is not there"}
	}
	apply, err := true, error(nil)
	if d.answer != nil {
		apply, err = d.answer(op, c)
	}
	if apply {
		key, _ := aspect(c)
		d.state[key] = c.After
		d.effects[id(c)]++
	}
	return provisioning.Receipt{Status: 200}, err
}

// id names a change.
func id(c provisioning.Change) string {
	return strings.Join([]string{string(c.Kind), c.Account, c.Library, c.Object}, " ")
}

func unsupported(status int) error {
	return &provisioning.SendError{Effect: provisioning.RefusedSend, Status: status, Unsupported: true, Message: "no such call"}
}

// watched is a store that tells what the executor writes, in the order in which it is written.
type watched struct {
	provisioning.Store
	sent  func(ref provisioning.OpRef)
	moved func(ref provisioning.OpRef, o provisioning.Outcome)
	used  func(u provisioning.Use)
}

func (w *watched) MarkSent(ctx context.Context, ref provisioning.OpRef, at time.Time, e provisioning.Event) error {
	if w.sent != nil {
		w.sent(ref)
	}
	return w.Store.MarkSent(ctx, ref, at, e)
}

func (w *watched) MarkOp(ctx context.Context, ref provisioning.OpRef, o provisioning.Outcome, e provisioning.Event) error {
	err := w.Store.MarkOp(ctx, ref, o, e)
	if err == nil && w.moved != nil {
		w.moved(ref, o)
	}
	return err
}

func (w *watched) SaveUse(ctx context.Context, u provisioning.Use, e provisioning.Event) error {
	err := w.Store.SaveUse(ctx, u, e)
	if err == nil && w.used != nil {
		w.used(u)
	}
	return err
}

// firm is one batch in one store against one tenant.
type firm struct {
	t interface {
		Helper()
		Fatalf(format string, args ...any)
		Errorf(format string, args ...any)
	}
	store *watched
	dms   *tenant
	clock *quick
	batch int64
	exec  *commit.Executor
	side  int // people at a time; 8 where 0
}

const at = "https://work.example"

func event(kind provisioning.EventKind) provisioning.Event {
	return provisioning.Event{At: time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC), Actor: "l.ortiz", Session: "s", Kind: kind}
}

func openStore(t testing.TB) *sqlite.Store {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	chain, err := audit.NewChain(bytes.Repeat([]byte{1}, audit.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(context.Background(), sqlite.Options{Path: filepath.Join(dir, "rollcall.db"), Sealer: chain, Owner: "tester"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func newFirm(t *testing.T) *firm {
	t.Helper()
	return &firm{t: t, store: &watched{Store: openStore(t)}, dms: newTenant(), clock: newQuick()}
}

// joiner is a person's way in: the account, two libraries, a role and a group in each, a phone.
func joiner(account string) []provisioning.Change {
	p := &provisioning.Profile{ID: account, FullName: account, PreferredLibrary: "LON"}
	list := []provisioning.Change{{Kind: provisioning.CreateAccount, Account: account, Before: provisioning.ValueAbsent, After: p.Encode(), Profile: p}}
	for _, library := range []string{"LON", "NYC"} {
		list = append(list, provisioning.Change{Kind: provisioning.AssignLibrary, Account: account, Library: library, Before: provisioning.ValueAbsent, After: "DEFAULT", Profile: p})
	}
	for _, library := range []string{"LON", "NYC"} {
		list = append(list, provisioning.Change{Kind: provisioning.SetLibraryRole, Account: account, Library: library, Before: "DEFAULT", After: "STANDARD"})
	}
	for _, library := range []string{"LON", "NYC"} {
		list = append(list, provisioning.Change{Kind: provisioning.JoinGroup, Account: account, Library: library, Object: "ALL", Before: provisioning.ValueNoMember, After: provisioning.ValueMember})
	}
	return append(list, provisioning.Change{Kind: provisioning.SetAttribute, Account: account, Object: "phone", After: "+44 20 7946 0001"})
}

// leaver is a person's way out, and the tenant holds what it takes away.
func (f *firm) leaver(account string) []provisioning.Change {
	list := []provisioning.Change{
		{Kind: provisioning.DisableAccount, Account: account, Before: provisioning.ValueEnabled, After: provisioning.ValueDisabled},
		{Kind: provisioning.LeaveGroup, Account: account, Library: "LON", Object: "ALL", Before: provisioning.ValueMember, After: provisioning.ValueNoMember},
		{Kind: provisioning.RemoveGlobalRole, Account: account, Object: "ADMIN", Before: provisioning.ValueMember, After: provisioning.ValueNoMember},
		{Kind: provisioning.RemoveLibrary, Account: account, Library: "LON", Before: provisioning.ValueMember, After: provisioning.ValueAbsent},
		{Kind: provisioning.TransferWorkspace, Account: account, Library: "LON", Object: "LON!7" + account, Before: account, After: "HEIR"},
		{Kind: provisioning.ReleaseLock, Account: account, Library: "LON", Object: "LON!8" + account, Before: provisioning.ValueLocked, After: provisioning.ValueReleased},
	}
	f.dms.state["account "+account] = "{}"
	for _, c := range list {
		key, _ := aspect(c)
		f.dms.state[key] = c.Before
	}
	return list
}

// stage puts people's changes into a batch that is committed.
func (f *firm) stage(people ...[]provisioning.Change) {
	f.t.Helper()
	ctx := context.Background()
	b := &provisioning.Batch{State: provisioning.BatchReviewed, CreatedBy: "l.ortiz", CreatedAt: f.clock.Now(), SnapshotID: "s", SnapshotAt: f.clock.Now(), Hash: "h"}
	for _, changes := range people {
		u := provisioning.Unit{Account: changes[0].Account, Name: changes[0].Account, State: provisioning.UnitPending, Kind: provisioning.KindJoiner}
		for i, c := range changes {
			u.Ops = append(u.Ops, provisioning.Op{Seq: i + 1, Change: c, State: provisioning.OpPending})
		}
		b.Units = append(b.Units, u)
	}
	if err := f.store.SaveBatch(ctx, b, event(provisioning.EventStaged)); err != nil {
		f.t.Fatalf("%v", err)
	}
	f.batch = b.ID
	if err := f.store.MoveBatch(ctx, b.ID, provisioning.BatchCommitted, "h", "", event(provisioning.EventCommitted)); err != nil {
		f.t.Fatalf("%v", err)
	}
}

// run runs the batch as it stands.
func (f *firm) run() {
	f.t.Helper()
	if f.exec == nil {
		f.exec = commit.New(commit.Deps{
			Store: f.store, DMS: f.dms, Clock: f.clock, Actor: "l.ortiz", Session: "s", Owner: "me", Tenant: at, Settle: 45 * time.Second,
		})
	}
	p := pool.New(pool.Deps{Store: f.store, Executor: f.exec, Workers: f.side, Clock: f.clock, Event: func(kind provisioning.EventKind, detail string) provisioning.Event {
		e := event(kind)
		e.Detail = detail
		return e
	}})
	if err := p.Run(context.Background(), f.batch, nil); err != nil {
		f.t.Fatalf("the run: %v", err)
	}
}

func (f *firm) now() *provisioning.Batch {
	f.t.Helper()
	b, err := f.store.Batch(context.Background(), f.batch)
	if err != nil {
		f.t.Fatalf("%v", err)
	}
	return b
}

// accounted holds that every op has come to rest or waits for a step by hand that is open, and that the batch says so.
func (f *firm) accounted() (hand int) {
	f.t.Helper()
	b := f.now()
	for i := range b.Units {
		u := &b.Units[i]
		for j := range u.Ops {
			op := &u.Ops[j]
			switch {
			case op.State == provisioning.OpByHand:
				hand++
				if op.Error == "" {
					f.t.Errorf("%s is by hand without a reason", id(op.Change))
				}
			case op.State.Settled():
			case u.WaitsFor(j) == 0:
				f.t.Errorf("%s of a unit that is %s is %s, and waits for nobody", id(op.Change), u.State, op.State)
			}
		}
	}
	want := provisioning.BatchDone
	if hand > 0 {
		want = provisioning.BatchOpenHand
	}
	if b.State != want {
		f.t.Errorf("with %d steps by hand open the batch is %s: %s", hand, b.State, b.Stop)
	}
	return hand
}

// byHand does every open step by hand and ticks it, and lets the batch go on with what waited, until nothing is open. It returns how
// many steps there were.
func (f *firm) byHand() (steps int) {
	f.t.Helper()
	ctx := context.Background()
	for range 20 {
		b := f.now()
		open := false
		for i := range b.Units {
			for _, op := range b.Units[i].Ops {
				if op.State != provisioning.OpByHand {
					continue
				}
				open = true
				f.dms.do(op.Change)
				o := provisioning.Outcome{State: provisioning.OpConfirmed, Evidence: "done by hand", At: f.clock.Now()}
				if err := f.store.TickByHand(ctx, b.Units[i].ID, op.Seq, o, event(provisioning.EventByHand)); err != nil {
					f.t.Fatalf("%v", err)
				}
				steps++
			}
		}
		if !open {
			return steps
		}
		b = f.now()
		if slices.ContainsFunc(b.Units, func(u provisioning.Unit) bool { return u.State == provisioning.UnitPending }) {
			if err := f.store.MoveBatch(ctx, f.batch, provisioning.BatchCommitted, "h", "", event(provisioning.EventResumed)); err != nil {
				f.t.Fatalf("%v", err)
			}
			f.run()
		}
	}
	f.t.Fatalf("the steps by hand never end")
	return steps
}

// same holds that the tenant holds what the batch wanted.
func (f *firm) same() {
	f.t.Helper()
	want := make(map[string]string)
	b := f.now()
	for _, u := range b.Units {
		for _, op := range u.Ops {
			key, _ := aspect(op.Change)
			want[key] = op.Change.After
		}
	}
	for key, v := range want {
		if f.dms.state[key] != v {
			f.t.Errorf("%s is %q, want %q", key, f.dms.state[key], v)
		}
	}
	for what, n := range f.dms.effects {
		if n != 1 {
			f.t.Errorf("%s took effect %d times", what, n)
		}
	}
}

func people(n int, one func(account string) []provisioning.Change) [][]provisioning.Change {
	var list [][]provisioning.Change
	for i := range n {
		list = append(list, one(fmt.Sprintf("U%02d", i)))
	}
	return list
}
