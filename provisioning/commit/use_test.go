package commit_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
)

// kinds lists every kind of change that the tenant knows an operation for.
func kinds() []provisioning.ChangeKind {
	return []provisioning.ChangeKind{
		provisioning.CreateAccount, provisioning.AssignLibrary, provisioning.SetLibraryRole, provisioning.JoinGroup, provisioning.SetAttribute,
		provisioning.DisableAccount, provisioning.LeaveGroup, provisioning.RemoveGlobalRole, provisioning.RemoveLibrary, provisioning.TransferWorkspace, provisioning.ReleaseLock,
	}
}

// TestUnsupported: a tenant that answers 405, 404 or 501 to an operation is asked once where the first goes alone, and as often as
// people run side by side where not; its like go by hand, what rests on them waits, everything else is done, no stop rule counts it,
// and ticking closes the batch with the tenant as it was to be.
func TestUnsupported(t *testing.T) {
	for _, kind := range kinds() {
		for first, status := range map[provisioning.FirstUse]int{provisioning.Canary: 405, provisioning.Plain: 501, provisioning.Probe: 404} {
			t.Run(fmt.Sprintf("%s, %s, %d", kind, first, status), func(t *testing.T) {
				f := newFirm(t)
				f.dms.first[kind] = first
				refused := "op " + string(kind)
				f.dms.answer = func(op string, _ provisioning.Change) (bool, error) {
					if op == refused {
						return false, unsupported(status)
					}
					return true, nil
				}
				if first == provisioning.Probe { // it was confirmed once, and is refused now
					u := provisioning.Use{Tenant: at, Operation: refused, State: provisioning.UseConfirmed, How: "doctor"}
					if err := f.store.SaveUse(context.Background(), u, event(provisioning.EventOperation)); err != nil {
						t.Fatal(err)
					}
				}
				const n = 6
				f.stage(append(people(n, joiner), people(n, func(account string) []provisioning.Change { return f.leaver("L" + account) })...)...)
				f.run()
				if hand := f.accounted(); hand < n {
					t.Errorf("%d steps by hand", hand)
				}
				if sends := f.dms.sends[refused]; sends == 0 || sends > 8 || (first == provisioning.Canary && sends != 1) {
					t.Errorf("the tenant was asked %d times for what it does not know", sends)
				}
				for what := range f.dms.effects {
					if strings.HasPrefix(what, string(kind)+" ") {
						t.Errorf("%s took effect", what)
					}
				}
				uses, err := f.store.Uses(context.Background(), at)
				if want := fmt.Sprintf("batch %d: answer %d", f.batch, status); err != nil || uses[refused].State != provisioning.UseRefused || uses[refused].How != want || uses[refused].By != "l.ortiz" {
					t.Errorf("%+v, %v", uses[refused], err)
				}
				for _, u := range f.now().Units {
					for i, op := range u.Ops {
						switch {
						case op.Change.Kind == kind && op.State == provisioning.OpByHand && !strings.Contains(op.Error, fmt.Sprintf("answer %d", status)):
							t.Errorf("by hand, and does not say why: %s", op.Error)
						case op.Change.Kind != kind && op.State == provisioning.OpPending && u.Ops[u.WaitsFor(i)-1].Change.Kind != kind:
							t.Errorf("%s waits for another", id(op.Change))
						case op.Change.Kind != kind && op.State != provisioning.OpPending && op.State != provisioning.OpConfirmed:
							t.Errorf("%s is %s: %s", id(op.Change), op.State, op.Error)
						}
					}
				}
				sends := f.dms.sends[refused]
				f.byHand()
				if hand := f.accounted(); hand != 0 || f.now().State != provisioning.BatchDone {
					t.Errorf("%d steps are open, the batch is %s", hand, f.now().State)
				}
				if f.dms.sends[refused] != sends {
					t.Error("it was asked again")
				}
				f.same()
			})
		}
	}
}

// TestProbeIsNeverSent: an operation that no source confirms is not sent and leaves no intent, whatever else the tenant confirmed;
// confirmed, it goes.
func TestProbeIsNeverSent(t *testing.T) {
	for _, confirmed := range []bool{false, true} {
		t.Run(fmt.Sprint(confirmed), func(t *testing.T) {
			f := newFirm(t)
			for _, k := range kinds() {
				f.dms.first[k] = provisioning.Probe
			}
			if confirmed {
				for _, k := range kinds() {
					u := provisioning.Use{Tenant: at, Operation: "op " + string(k), State: provisioning.UseConfirmed, How: "doctor on ZZ_SANDBOX"}
					if err := f.store.SaveUse(context.Background(), u, event(provisioning.EventOperation)); err != nil {
						t.Fatal(err)
					}
				}
			}
			f.stage(append(people(3, joiner), f.leaver("GONE"))...)
			f.run()
			f.accounted()
			intents := 0
			if err := f.store.Records(context.Background(), 1, func(r provisioning.Record) error {
				if r.Event.Kind == provisioning.EventIntent {
					intents++
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if confirmed {
				if len(f.dms.effects) != 3*8+6 || f.now().State != provisioning.BatchDone {
					t.Errorf("%d effects, the batch is %s", len(f.dms.effects), f.now().State)
				}
				return
			}
			if len(f.dms.sends) > 0 || intents > 0 {
				t.Errorf("sent without confirmation: %v, %d intents", f.dms.sends, intents)
			}
			f.byHand()
			f.accounted()
			if len(f.dms.sends) > 0 {
				t.Errorf("sent after a tick: %v", f.dms.sends)
			}
			f.same()
		})
	}
}

// TestByHandIsLookedAt: a step by hand that is done already is already true, one that nobody may do is not asked of a person, and one
// that was frozen as by hand stays that though the tenant confirmed the operation meanwhile.
func TestByHandIsLookedAt(t *testing.T) {
	f := newFirm(t)
	f.dms.first[provisioning.RemoveLibrary] = provisioning.Probe
	u := provisioning.Use{Tenant: at, Operation: "op " + string(provisioning.RemoveLibrary), State: provisioning.UseConfirmed, How: "doctor"}
	if err := f.store.SaveUse(context.Background(), u, event(provisioning.EventOperation)); err != nil {
		t.Fatal(err)
	}
	var list [][]provisioning.Change
	for _, account := range []string{"DONE", "OPEN", "OTHER"} {
		changes := f.leaver(account)
		for i := range changes {
			changes[i].ByHand = "not confirmed on this tenant"
		}
		list = append(list, changes)
	}
	f.dms.state["library DONE LON"] = provisioning.ValueAbsent
	f.dms.state["field OTHER LON LON!7OTHER"] = "SOMEBODY"
	f.stage(list...)
	f.run()
	for _, u := range f.now().Units {
		for _, op := range u.Ops {
			want := provisioning.OpByHand
			switch {
			case u.Account == "DONE" && op.Change.Kind == provisioning.RemoveLibrary:
				want = provisioning.OpAlready
			case u.Account == "OTHER" && op.Change.Kind == provisioning.TransferWorkspace:
				want = provisioning.OpDrifted
			case u.Account == "OTHER" && op.Change.Kind == provisioning.ReleaseLock:
				want = provisioning.OpParked
			}
			if op.State != want {
				t.Errorf("%s is %s (%s), want %s", id(op.Change), op.State, op.Error, want)
			}
		}
	}
	if len(f.dms.sends) > 0 {
		t.Errorf("sent: %v", f.dms.sends)
	}
}

// open holds which ops of an operation are sent and not decided.
type open struct {
	once      sync.Once
	names     map[[2]int64]string // unit and seq → operation
	mu        sync.Mutex
	ops       map[provisioning.OpRef]string
	confirmed map[string]bool
	most      map[string]int // at once, before the first one was confirmed
	after     map[string]int // at once, after it
}

// watch follows what the executor writes.
func (f *firm) watch() *open {
	o := &open{ops: make(map[provisioning.OpRef]string), confirmed: make(map[string]bool), most: make(map[string]int), after: make(map[string]int)}
	named := func(ref provisioning.OpRef) string {
		o.once.Do(func() {
			o.names = make(map[[2]int64]string)
			for _, u := range f.now().Units {
				for _, op := range u.Ops {
					o.names[[2]int64{u.ID, int64(op.Seq)}] = f.dms.Operation(op.Change).Name
				}
			}
		})
		return o.names[[2]int64{ref.Unit, int64(ref.Seq)}]
	}
	f.store.sent = func(ref provisioning.OpRef) {
		name := named(ref)
		o.mu.Lock()
		defer o.mu.Unlock()
		o.ops[ref] = name
		n := 0
		for _, other := range o.ops {
			if other == name {
				n++
			}
		}
		most := o.most
		if o.confirmed[name] {
			most = o.after
		}
		most[name] = max(most[name], n)
	}
	f.store.moved = func(ref provisioning.OpRef, out provisioning.Outcome) {
		o.mu.Lock()
		defer o.mu.Unlock()
		if out.State == provisioning.OpConfirmed {
			o.confirmed[o.ops[ref]] = true
		}
		delete(o.ops, ref)
	}
	return o
}

// TestCanaryGoesAlone: until the first of an operation was confirmed on a tenant, a second one is not even begun while one is in
// doubt, whatever the answers; after it they go side by side.
func TestCanaryGoesAlone(t *testing.T) {
	doubt := &provisioning.SendError{Effect: provisioning.InDoubt, Message: "reset"}
	for name, answers := range map[string][]error{
		"at once":                      nil,
		"in doubt, without an effect":  {doubt, doubt},
		"refused":                      {&provisioning.SendError{Effect: provisioning.RefusedSend, Status: 403, Message: "no"}},
		"throttled":                    {&provisioning.SendError{Effect: provisioning.NothingDone, Status: 429, RetryAfter: time.Second, Message: "slowly"}},
		"throttled, then in doubt":     {&provisioning.SendError{Effect: provisioning.NothingDone, Status: 429, Message: "slowly"}, doubt},
		"refused, in doubt, throttled": {&provisioning.SendError{Effect: provisioning.RefusedSend, Status: 403, Message: "no"}, doubt, &provisioning.SendError{Effect: provisioning.NothingDone, Status: 503, Message: "later"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFirm(t)
			const op = "op " + string(provisioning.SetAttribute)
			f.dms.first[provisioning.SetAttribute] = provisioning.Canary
			left := answers
			f.dms.answer = func(string, provisioning.Change) (bool, error) {
				if len(left) == 0 {
					return true, nil
				}
				err := left[0]
				left = left[1:]
				return false, err
			}
			// Two that go side by side meet in flight, once the first one has been through.
			met := make(chan struct{}, 1)
			meeting := false
			var mu sync.Mutex
			f.dms.during = func(string, provisioning.Change) {
				for range 100 {
					runtime.Gosched()
				}
				uses, err := f.store.Uses(context.Background(), at)
				if err != nil || uses[op].State != provisioning.UseConfirmed {
					return
				}
				mu.Lock()
				first := !meeting
				meeting = true
				mu.Unlock()
				if !first {
					select {
					case met <- struct{}{}:
					default:
					}
					return
				}
				select {
				case <-met:
				case <-time.After(20 * time.Second):
					t.Error("after the first one was confirmed they still go one by one")
				}
			}
			o := f.watch()
			var list [][]provisioning.Change
			for i := range 24 {
				account := fmt.Sprintf("U%02d", i)
				f.dms.state["account "+account] = "{}"
				list = append(list, []provisioning.Change{{Kind: provisioning.SetAttribute, Account: account, Object: "phone", After: "1"}})
			}
			f.stage(list...)
			f.run()
			if o.most[op] != 1 || !o.confirmed[op] {
				t.Errorf("%d at once before the first success", o.most[op])
			}
			f.accounted()
			for what, n := range f.dms.effects {
				if n != 1 {
					t.Errorf("%s took effect %d times", what, n)
				}
			}
		})
	}
}

// TestUsesAreReadOnce: what a tenant has shown is one question to the store a run, and not one an op.
func TestUsesAreReadOnce(t *testing.T) {
	f := newFirm(t)
	counted := &counting{Store: f.store.Store}
	f.store.Store = counted
	f.stage(people(20, joiner)...)
	f.run()
	if counted.asked != 1 {
		t.Errorf("asked %d times over %d changes", counted.asked, 20*8)
	}
}

type counting struct {
	provisioning.Store
	mu    sync.Mutex
	asked int
}

func (c *counting) Uses(ctx context.Context, tenant string) (map[string]provisioning.Use, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	return c.Store.Uses(ctx, tenant)
}

// TestAnyAnswers: whatever the operations' first uses are and whatever a tenant answers, nothing is both done by hand and sent with an
// effect, nothing takes effect twice, nothing is sent of an operation that was refused or never confirmed, what is called confirmed is
// so, and the batch is accounted for.
func TestAnyAnswers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFirm(t)
		f.t = rt
		for _, k := range kinds() {
			f.dms.first[k] = rapid.SampledFrom([]provisioning.FirstUse{provisioning.Plain, provisioning.Canary, provisioning.Probe}).Draw(rt, "first "+string(k))
			if rapid.IntRange(0, 3).Draw(rt, "shown "+string(k)) == 0 {
				u := provisioning.Use{Tenant: at, Operation: "op " + string(k), State: rapid.SampledFrom([]provisioning.UseState{provisioning.UseConfirmed, provisioning.UseRefused}).Draw(rt, "state"), How: "before"}
				if err := f.store.SaveUse(context.Background(), u, event(provisioning.EventOperation)); err != nil {
					rt.Fatal(err)
				}
			}
		}
		seed := rapid.SliceOfN(rapid.IntRange(0, 11), 40, 40).Draw(rt, "answers")
		asked := 0
		f.dms.answer = func(string, provisioning.Change) (bool, error) { // under the tenant's lock
			asked++
			switch seed[asked%len(seed)] {
			case 0:
				return false, unsupported(405)
			case 1:
				return true, &provisioning.SendError{Effect: provisioning.InDoubt, Message: "502 after the effect"}
			case 2:
				return false, &provisioning.SendError{Effect: provisioning.InDoubt, Message: "reset before it"}
			case 3:
				return false, &provisioning.SendError{Effect: provisioning.NothingDone, Status: 429, Message: "slowly"}
			case 4:
				return false, &provisioning.SendError{Effect: provisioning.RefusedSend, Status: 403, Code: "NO", Message: fmt.Sprint("no ", asked)}
			case 5:
				return false, errors.New("something else")
			default:
				return true, nil
			}
		}
		before, err := f.store.Uses(context.Background(), at)
		if err != nil {
			rt.Fatal(err)
		}
		f.side = rapid.SampledFrom([]int{1, 8}).Draw(rt, "side by side")
		var mu sync.Mutex
		may := make(map[string]bool)
		for _, k := range kinds() {
			name := "op " + string(k)
			may[name] = before[name].State != provisioning.UseRefused && (f.dms.first[k] != provisioning.Probe || before[name].State == provisioning.UseConfirmed)
		}
		f.store.used = func(u provisioning.Use) {
			mu.Lock()
			defer mu.Unlock()
			if f.side == 1 { // of several people, one may have been on its way already
				may[u.Operation] = u.State == provisioning.UseConfirmed
			}
		}
		o := f.watch()
		sent := f.store.sent
		f.store.sent = func(ref provisioning.OpRef) {
			sent(ref)
			o.mu.Lock()
			name := o.ops[ref]
			o.mu.Unlock()
			mu.Lock()
			defer mu.Unlock()
			if !may[name] {
				rt.Errorf("%s was sent, and was refused, or never confirmed", name)
			}
		}
		n := rapid.IntRange(1, 4).Draw(rt, "people")
		f.stage(append(people(n, joiner), people(n, func(account string) []provisioning.Change { return f.leaver("L" + account) })...)...)
		f.run()
		f.resumed()
		f.accounted()
		for _, k := range kinds() {
			if name := "op " + string(k); f.dms.first[k] == provisioning.Canary && before[name].State == "" && o.most[name] > 1 {
				rt.Errorf("%d of %s at once before the first success", o.most[name], name)
			}
		}
		for _, u := range f.now().Units {
			for _, op := range u.Ops {
				n := f.dms.effects[id(op.Change)]
				if n > 1 || (n > 0 && op.State == provisioning.OpByHand) {
					rt.Errorf("%s is %s, and took effect %d times", id(op.Change), op.State, n)
				}
				if (op.State == provisioning.OpConfirmed || op.State == provisioning.OpAlready) && f.dms.value(op.Change) != op.Change.After && op.Change.Kind != provisioning.AssignLibrary {
					rt.Errorf("%s is %s, and reads %q", id(op.Change), op.State, f.dms.value(op.Change))
				}
				if op.State == provisioning.OpConfirmed && n == 0 {
					rt.Errorf("%s is confirmed, and nobody did it", id(op.Change))
				}
			}
		}
		f.toTheEnd()
	})
}

// TestTickedMeanwhile: a step that is ticked while the batch still runs for others sets free what waited for it in the same run.
func TestTickedMeanwhile(t *testing.T) {
	f := newFirm(t)
	f.side = 1
	f.dms.first[provisioning.AssignLibrary] = provisioning.Probe
	f.dms.state["account LATE"] = "{}"
	f.stage(joiner("FIRST"), []provisioning.Change{{Kind: provisioning.SetAttribute, Account: "LATE", Object: "phone", After: "1"}})
	ticked := 0
	f.dms.during = func(_ string, c provisioning.Change) {
		if c.Account != "LATE" {
			return
		}
		u := f.now().Units[0]
		for _, op := range u.Ops {
			if op.State != provisioning.OpByHand {
				continue
			}
			f.dms.do(op.Change)
			o := provisioning.Outcome{State: provisioning.OpConfirmed, Evidence: "done by hand", At: f.clock.Now()}
			if err := f.store.TickByHand(context.Background(), u.ID, op.Seq, o, event(provisioning.EventByHand)); err != nil {
				t.Error(err)
			}
			ticked++
		}
	}
	f.run()
	if b := f.now(); ticked != 2 || b.State != provisioning.BatchDone {
		t.Errorf("after %d ticks the batch is %s: %s", ticked, b.State, b.Stop)
	}
	f.accounted()
	f.same()
}

// resumed resumes the batch as often as a stop rule stops it.
func (f *firm) resumed() {
	f.t.Helper()
	for range 40 {
		if f.now().State != provisioning.BatchStopped {
			return
		}
		if err := f.store.MoveBatch(context.Background(), f.batch, provisioning.BatchCommitted, "h", "", event(provisioning.EventResumed)); err != nil {
			f.t.Fatalf("%v", err)
		}
		f.run()
	}
	f.t.Errorf("the batch stops for ever: %s", f.now().Stop)
}

// toTheEnd does and ticks what is by hand until nothing is, and holds that the batch is done then, whatever failed in it.
func (f *firm) toTheEnd() {
	f.t.Helper()
	for range 20 {
		f.byHand()
		f.resumed()
		if f.now().State == provisioning.BatchDone {
			break
		}
	}
	if hand := f.accounted(); hand > 0 {
		f.t.Errorf("%d steps are open at the end", hand)
	}
}

// TestByHandIsNoResult: what is done by hand weighs neither for nor against the share of failures that stops a batch.
func TestByHandIsNoResult(t *testing.T) {
	f := newFirm(t)
	f.side = 1
	failing := make(map[string]bool)
	f.dms.answer = func(_ string, c provisioning.Change) (bool, error) {
		if failing[c.Account] {
			return false, &provisioning.SendError{Effect: provisioning.RefusedSend, Status: 403, Message: "not " + c.Account}
		}
		return true, nil
	}
	var list [][]provisioning.Change
	add := func(n int, prefix, why string, fails bool) {
		for i := range n {
			account := fmt.Sprintf("%s%03d", prefix, i)
			failing[account] = fails
			f.dms.state["account "+account] = "{}"
			list = append(list, []provisioning.Change{{Kind: provisioning.SetAttribute, Account: account, Object: "phone", After: "1", ByHand: why}})
		}
	}
	add(150, "HAND", "not confirmed", false)
	add(57, "GOOD", "", false)
	add(3, "BAD", "", true)
	add(20, "LATER", "", false)
	f.stage(list...)
	f.run()
	if b := f.now(); b.State != provisioning.BatchStopped || b.Stop != "3 of 60 changes failed" {
		t.Errorf("the batch is %s: %s", b.State, b.Stop)
	}
	for what := range f.dms.effects {
		if strings.Contains(what, "LATER") {
			t.Errorf("sent after the stop: %s", what)
		}
	}
}

// TestStopAtTheGate: a stop rule stops those who wait for the first one, too.
func TestStopAtTheGate(t *testing.T) {
	f := newFirm(t)
	f.dms.first[provisioning.SetAttribute] = provisioning.Canary
	f.dms.answer = func(string, provisioning.Change) (bool, error) {
		return false, &provisioning.SendError{Effect: provisioning.RefusedSend, Status: 403, Message: "no"}
	}
	var list [][]provisioning.Change
	for i := range 30 {
		account := fmt.Sprintf("U%02d", i)
		f.dms.state["account "+account] = "{}"
		list = append(list, []provisioning.Change{{Kind: provisioning.SetAttribute, Account: account, Object: "phone", After: "1"}})
	}
	f.stage(list...)
	f.run()
	if n := f.dms.sends["op "+string(provisioning.SetAttribute)]; n != 3 || f.now().State != provisioning.BatchStopped {
		t.Errorf("%d were sent, the batch is %s", n, f.now().State)
	}
}

// TestConfirmedMeanwhile: what doctor confirmed between two runs of one process counts in the second.
func TestConfirmedMeanwhile(t *testing.T) {
	f := newFirm(t)
	f.dms.first[provisioning.RemoveLibrary] = provisioning.Probe
	f.stage(f.leaver("ONE"))
	f.run()
	if len(f.dms.effects) != 5 {
		t.Errorf("%v", f.dms.effects)
	}
	u := provisioning.Use{Tenant: at, Operation: "op " + string(provisioning.RemoveLibrary), State: provisioning.UseConfirmed, How: "doctor"}
	if err := f.store.SaveUse(context.Background(), u, event(provisioning.EventOperation)); err != nil {
		t.Fatal(err)
	}
	f.stage(f.leaver("TWO"))
	f.run()
	if len(f.dms.effects) != 11 || f.now().State != provisioning.BatchDone {
		t.Errorf("%v, the batch is %s", f.dms.effects, f.now().State)
	}
}
