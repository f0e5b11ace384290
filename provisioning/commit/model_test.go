package commit_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/commit"
	"rollcall/provisioning/dispatch/pool"
)

// mostLives is how often a batch is gone on with before it is said never to end.
const mostLives = 30

// live plays one path to its end: processes live and die, the operator resumes, ticks and retries, until nothing is left to do.
func (w *world) live() {
	retried := false
	for n := 1; w.wrong == ""; n++ {
		if n > mostLives {
			w.violated("the batch never ends: it is %s (%s)", w.disk.b.State, w.disk.b.Stop)
			return
		}
		crashed := w.process(n)
		if w.wrong != "" {
			return
		}
		w.note("life %d ends (crashed: %v), the batch is %s (%s)", n, crashed, w.disk.b.State, w.disk.b.Stop)
		state := w.disk.b.State
		if crashed {
			w.disk.recover()
		}
		switch state {
		case provisioning.BatchCommitted, provisioning.BatchPaused, provisioning.BatchStopped:
			w.disk.recover()
			if state != provisioning.BatchCommitted {
				_ = w.disk.move(provisioning.BatchCommitted, "h", "")
			}
		case provisioning.BatchCancelled:
			w.disk.recover()
			if !w.pending() {
				w.checkEnd()
				return
			}
		case provisioning.BatchOpenHand:
			if !w.disk.tick() {
				continue
			}
			_ = w.disk.move(provisioning.BatchCommitted, "h", "")
		default:
			if !retried && w.disk.retry() > 0 {
				retried = true
				continue
			}
			w.checkEnd()
			return
		}
	}
}

func (w *world) pending() bool {
	for i := range w.disk.b.Units {
		if w.disk.b.Units[i].State == provisioning.UnitPending {
			return true
		}
	}
	return false
}

// process is one life of the program at the batch. It reports whether it died.
func (w *world) process(n int) (crashed bool) {
	if w.disk.b.State == provisioning.BatchDone {
		return false
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w.dead, w.kill, w.full, w.halted, w.pardoned = false, cancel, false, "", nil
	for _, o := range w.things {
		o.down = 0
	}
	w.inRow = make(map[provisioning.ChangeKind]int)
	d := commit.Deps{
		Store: w.disk, DMS: &system{w: w}, Clock: w, Actor: "l.ortiz", Session: "s", Owner: fmt.Sprintf("life %d", n), Tenant: at, Settle: settle, Step: w.step,
	}
	if w.scene.mutant != nil {
		w.scene.mutant(w, &d)
	}
	x := commit.New(d)
	var p provisioning.Dispatcher = pool.New(pool.Deps{
		Store: d.Store, Executor: x, Workers: w.scene.workers, Clock: w,
		Event: func(kind provisioning.EventKind, _ string) provisioning.Event { return event(kind) },
	})
	if w.scene.apart {
		p = apart{x: x, store: d.Store}
	}
	ended := make(chan struct{})
	if w.sched != nil {
		w.sched.names, w.sched.intent, w.sched.last = make(map[string]int64), make(map[int64]bool), 0
	}
	go func() {
		defer close(ended)
		_ = p.Run(ctx, 1, nil) // what became of it is in the journal
	}()
	if w.sched != nil {
		w.sched.drive(ended)
	} else {
		<-ended
	}
	return w.dead
}

// play plays one path of a scene.
func play(s *scene, t *tape, side, tell bool) *world {
	w := newWorld(s, t)
	w.tell = tell
	if side {
		w.sched = &scheduler{w: w}
	}
	w.live()
	return w
}

// found is what an exploration came to.
type found struct {
	paths int
	wrong string // the first violation
	story []string
	picks []int
	taken map[provisioning.Transition]bool
}

// explore plays all the paths of a scene, depth first, until one is wrong.
func explore(s *scene, side bool) *found {
	f := &found{taken: make(map[provisioning.Transition]bool)}
	t := &tape{}
	for {
		f.paths++
		w := play(s, t, side, false)
		for row := range w.taken {
			f.taken[row] = true
		}
		if w.wrong != "" {
			again := play(s, &tape{picks: t.picks[:t.pos], widths: t.widths[:t.pos]}, side, true)
			f.wrong, f.story, f.picks = w.wrong, again.story, t.picks[:t.pos]
			return f
		}
		if !t.next() {
			return f
		}
	}
}

func (s *scene) explore(t *testing.T) (f *found) {
	t.Helper()
	if s.workers == 0 {
		s.workers = 1
	}
	if side := len(s.units) > 1; side {
		synctest.Test(t, func(*testing.T) { f = explore(s, true) })
	} else {
		f = explore(s, false)
	}
	return f
}

func disable(account string) provisioning.Change {
	return provisioning.Change{Kind: provisioning.DisableAccount, Account: account, Before: provisioning.ValueEnabled, After: provisioning.ValueDisabled}
}

// comer is a person's way in, in so many changes, each of which rests on the first.
func comer(account string, n int) []provisioning.Change { return joiner(account)[:n] }

// full asks for the long form of the exploration.
func full() bool { return os.Getenv("ROLLCALL_PATHS") != "" }

// TestEveryPath plays every path there is, within a budget of what may go wrong on one, through the executor and the pool as they are:
// whatever dies, fails, comes late or lies, nothing is lost, nothing is done twice, and the journal says what is so.
func TestEveryPath(t *testing.T) {
	one := [][]provisioning.Change{{disable("ANNA")}}
	chain := [][]provisioning.Change{comer("ANNA", 2)}
	long := [][]provisioning.Change{{joiner("ANNA")[0], joiner("ANNA")[1], joiner("ANNA")[5]}}
	pair := [][]provisioning.Change{{disable("ANNA")}, {disable("BEN")}}
	canary := map[provisioning.ChangeKind]provisioning.FirstUse{provisioning.DisableAccount: provisioning.Canary}
	probe := map[provisioning.ChangeKind]provisioning.FirstUse{provisioning.AssignLibrary: provisioning.Probe}
	scenes := map[string]*scene{
		"one change, two faults":                        {units: one, budget: budget{faults: 2}},
		"one change, a fault and two crashes":           {units: one, budget: budget{faults: 1, crashes: 2}},
		"one change, an order and a fault":              {units: one, budget: budget{faults: 1, orders: 1}},
		"one change, an order and a crash":              {units: one, budget: budget{crashes: 1, orders: 2}},
		"a change that rests on another":                {units: chain, budget: budget{faults: 1, crashes: 1}},
		"a chain of three, given up":                    {units: long, budget: budget{faults: 1, orders: 1}},
		"a step by hand in the middle":                  {units: long, first: probe, budget: budget{faults: 1, crashes: 1}},
		"a step by hand in the middle, given up":        {units: long, first: probe, budget: budget{crashes: 1, orders: 1}},
		"two people, one after the other":               {units: pair, budget: budget{faults: 1, crashes: 1}},
		"two people side by side":                       {units: pair, workers: 2, budget: budget{faults: 1, switches: 1}},
		"two people side by side, who die":              {units: pair, workers: 2, budget: budget{crashes: 1, switches: 2}},
		"two people side by side, the first goes alone": {units: pair, workers: 2, first: canary, budget: budget{crashes: 1, switches: 2}},
		"two people side by side, the first goes wrong": {units: pair, workers: 2, first: canary, budget: budget{faults: 1, switches: 1}},
		"one change, never an answer":                   {units: one, always: lostUndone, budget: budget{faults: 1, crashes: 1}},
		"one change, always not now":                    {units: one, always: nothingDone, budget: budget{faults: 1, orders: 1}},
		"five people, all refused":                      {units: five(), always: refused, budget: budget{crashes: 1}},
	}
	if full() {
		for name, s := range map[string]*scene{
			"two faults, two crashes":                  {units: one, budget: budget{faults: 2, crashes: 2}},
			"two faults, a crash and an order":         {units: one, budget: budget{faults: 2, crashes: 1, orders: 1}},
			"a change that rests on another":           {units: chain, budget: budget{faults: 2, crashes: 1}},
			"a chain of three":                         {units: long, budget: budget{faults: 1, crashes: 1, orders: 1}},
			"a step by hand":                           {units: long, first: probe, budget: budget{faults: 1, crashes: 1, orders: 1}},
			"side by side":                             {units: pair, workers: 2, budget: budget{faults: 2, switches: 1}},
			"side by side, the first goes alone":       {units: pair, workers: 2, first: canary, budget: budget{faults: 1, crashes: 1, switches: 2}},
			"side by side, the first goes alone, ends": {units: pair, workers: 2, first: canary, budget: budget{crashes: 1, orders: 1, switches: 2}},
			"five people, all refused":                 {units: five(), always: refused, budget: budget{crashes: 1, orders: 1}},
			"five people side by side, all refused":    {units: five(), workers: 2, always: refused, budget: budget{switches: 2}},
		} {
			scenes["more: "+name] = s
		}
	}
	paths, played, taken, began := 0, 0, make(map[provisioning.Transition]bool), time.Now()
	for name, s := range scenes {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			f := s.explore(t)
			paths += f.paths
			played++
			for row := range f.taken {
				taken[row] = true
			}
			if f.wrong != "" {
				t.Errorf("path %d: %s\n%v\n%s", f.paths, f.wrong, f.picks, strings.Join(f.story, "\n"))
			}
			t.Logf("%d paths in %s", f.paths, time.Since(began).Round(time.Millisecond))
		})
	}
	t.Logf("%d paths in %s", paths, time.Since(began).Round(time.Millisecond))
	if t.Failed() || played < len(scenes) {
		return
	}
	// What the operator does before a batch is let go is none of the executor's.
	for _, row := range provisioning.Protocol() {
		why := row.Why
		row.Why = ""
		if row.What != provisioning.OfBatch && !taken[row] {
			t.Errorf("no path takes %s: %s → %s (%s)", row.What, row.From, row.To, why)
		}
	}
}

func five() [][]provisioning.Change {
	var list [][]provisioning.Change
	for _, account := range []string{"ANNA", "BEN", "CLEO", "DAN", "EVE"} {
		list = append(list, []provisioning.Change{disable(account)})
	}
	return list
}

// apart is a dispatcher that takes each unit in a run of its own, and knows no stop.
type apart struct {
	x     *commit.Executor
	store provisioning.Store
}

func (a apart) Run(ctx context.Context, batch int64, changed func(int64)) error {
	b, err := a.store.Batch(ctx, batch)
	if err != nil {
		return err
	}
	for _, u := range b.Units {
		if err := a.x.NewRun(batch, changed).Unit(ctx, u); err != nil {
			return err
		}
	}
	return a.store.MoveBatch(ctx, batch, provisioning.BatchDone, b.Hash, "", event(provisioning.EventBatch))
}
