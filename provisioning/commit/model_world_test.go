package commit_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/commit"
)

// tape is one path through all that may happen: at each fork the number of the way that was taken. next goes on to the path after it,
// depth first, until there is none.
type tape struct {
	picks, widths []int
	pos           int
}

func (t *tape) pick(n int) int {
	if t.pos == len(t.picks) {
		t.picks, t.widths = append(t.picks, 0), append(t.widths, n)
	}
	if t.widths[t.pos] != n {
		panic(fmt.Sprintf("the path is not its own: fork %d had %d ways, and has %d", t.pos, t.widths[t.pos], n))
	}
	t.pos++
	return t.picks[t.pos-1]
}

func (t *tape) next() bool {
	for i := t.pos - 1; i >= 0; i-- {
		if t.picks[i]+1 < t.widths[i] {
			t.picks, t.widths, t.pos = t.picks[:i+1], t.widths[:i+1], 0
			t.picks[i]++
			return true
		}
	}
	return false
}

// fate is what the world does at a fork, "" where all goes well.
type fate string

// The fates.
const (
	// Of a read.
	readBlinks fate = "a read fails once"
	readDown   fate = "reads fail, however often one tries"
	readDenied fate = "the credential is refused at a read"
	theirs     fate = "another operator changed it"
	theirsToo  fate = "another operator did the same"

	// Of a request.
	effectLate   fate = "accepted, the effect comes at the end of the settle time"
	effectNever  fate = "accepted, and nothing happens"
	lostDone     fate = "the answer is lost, the effect is there"
	lostLate     fate = "the answer is lost, the effect comes at the end of the settle time"
	lostUndone   fate = "the request is lost"
	nothingDone  fate = "not now"
	refused      fate = "refused"
	refusedSo    fate = "refused, for somebody did it just now"
	denied       fate = "the credential is refused"
	unknownCall  fate = "no such call"
	theirsBefore fate = "another operator changed it between look and request"

	// Of a write to the store.
	notWritten fate = "the store fails and wrote nothing"
	notTold    fate = "the store fails and wrote it all the same"
	diskFull   fate = "the disk is full until somebody makes room"

	// At a step.
	crash     fate = "the process dies"
	pause     fate = "the operator pauses"
	giveUpAll fate = "the operator cancels"
)

const settle = 45 * time.Second

// effect is one that is on its way.
type effect struct {
	due time.Time
	op  *thing
}

// thing is one op as the world knows it: what took place, whatever the journal says.
type thing struct {
	unit     int64
	seq      int
	change   provisioning.Change
	key      string
	effects  int // by requests
	sends    int
	intents  int
	lastSend int // when, in the order of all that happened
	lastRead int
	read     string // what it gave
	touched  bool   // by somebody else
	surely   bool   // the last answer says that nothing was done
	refused  bool
	retries  int
	down     int // reads that will fail, in this life
}

// world is a document system, a clock, an operator and a journal's disk, in which whatever can happen is a fork of the path.
type world struct {
	*tape
	scene *scene
	left  budget
	// script is what happens besides, each at the first fork that has it.
	script []fate

	mu     sync.Mutex
	at     int // counts all that happens
	now    time.Time
	values map[string]string
	things []*thing
	coming []effect
	disk   *journal

	// One life of the process.
	dead     bool
	kill     context.CancelFunc
	full     bool
	halted   string
	inRow    map[provisioning.ChangeKind]int
	pardoned []int64 // the units that were about to write an intent at the halt

	wrong string   // what was violated first
	story []string // what happened, for telling
	tell  bool
	taken map[provisioning.Transition]bool

	sched *scheduler // nil: one thing after the other
}

// budget is how much may go wrong on one path.
type budget struct{ faults, crashes, orders, switches int }

// scene is what a path plays in.
type scene struct {
	units   [][]provisioning.Change
	first   map[provisioning.ChangeKind]provisioning.FirstUse
	budget  budget
	workers int
	always  fate // of every request, for nothing; "": each is a fork
	faults  []fate
	script  []fate
	mutant  func(w *world, d *commit.Deps)
	apart   bool // the mutant that takes each unit in a run of its own
}

// has reports whether a fate is one of the scene's.
func (s *scene) has(f fate) bool { return s.faults == nil || slices.Contains(s.faults, f) }

func newWorld(s *scene, t *tape) *world {
	w := &world{
		tape: t, scene: s, left: s.budget, script: s.script, now: time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC), values: make(map[string]string),
		taken: make(map[provisioning.Transition]bool), inRow: make(map[provisioning.ChangeKind]int),
	}
	w.disk = newJournal(w, s.units)
	for i := range w.disk.b.Units {
		u := &w.disk.b.Units[i]
		for j := range u.Ops {
			c := u.Ops[j].Change
			key, _ := aspect(c)
			w.things = append(w.things, &thing{unit: u.ID, seq: u.Ops[j].Seq, change: c, key: key})
			w.values[key] = c.Before
		}
	}
	return w
}

func (w *world) note(format string, args ...any) {
	if w.tell {
		w.story = append(w.story, fmt.Sprintf(format, args...))
	}
}

func (w *world) violated(format string, args ...any) {
	if w.wrong == "" {
		w.wrong = fmt.Sprintf(format, args...)
		w.note("VIOLATED: %s", w.wrong)
	}
}

// fork draws from the fates that the scene has, for as long as there is something left to go wrong with.
func (w *world) fork(left *int, fates ...fate) fate {
	if w.wrong != "" {
		return ""
	}
	if script := w.script; len(script) > 0 && slices.Contains(fates, script[0]) {
		w.script = script[1:]
		w.note("— %s", script[0])
		return script[0]
	}
	if *left == 0 {
		return ""
	}
	n := 0
	for _, f := range fates {
		if w.scene.has(f) {
			fates[n] = f
			n++
		}
	}
	if n == 0 {
		return ""
	}
	i := w.pick(n + 1)
	if i == 0 {
		return ""
	}
	*left--
	w.note("— %s", fates[i-1])
	return fates[i-1]
}

// enter begins a call of the process: a dead one makes none. The world is the caller's until leave.
func (w *world) enter(turn bool) {
	if turn && w.sched != nil {
		w.sched.turn(time.Time{})
	}
	w.mu.Lock()
	if w.dead || w.wrong != "" {
		w.die()
	}
	w.at++
	w.ripen()
}

func (w *world) leave() { w.mu.Unlock() }

// die ends the goroutine, and with it the life of the process: everything that it does from now on ends it further. It is called with
// the world in hand.
func (w *world) die() {
	w.dead = true
	w.kill()
	w.mu.Unlock()
	runtime.Goexit()
}

// ripen lets the effects that are due take place.
func (w *world) ripen() {
	for i := 0; i < len(w.coming); {
		if e := w.coming[i]; !e.due.After(w.now) {
			w.coming = slices.Delete(w.coming, i, i+1)
			w.takesEffect(e.op)
			continue
		}
		i++
	}
}

func (w *world) takesEffect(o *thing) {
	w.values[o.key] = o.change.After
	o.effects++
	w.note("%d.%d takes effect", o.unit, o.seq)
	if o.effects > 1 {
		w.violated("%s took effect %d times", id(o.change), o.effects)
	}
}

// onItsWay reports whether a request of the op may still take effect.
func (w *world) onItsWay(o *thing) bool {
	return slices.ContainsFunc(w.coming, func(e effect) bool { return e.op == o })
}

func (w *world) thingOf(unit int64, seq int) *thing {
	for _, o := range w.things {
		if o.unit == unit && o.seq == seq {
			return o
		}
	}
	panic("no such op")
}

func (w *world) thing(c provisioning.Change) *thing {
	key, _ := aspect(c)
	for _, o := range w.things {
		if o.key == key {
			return o
		}
	}
	panic("nothing of the batch: " + id(c))
}

// halt is when nothing more may be sent in this life.
func (w *world) halt(why string) {
	if w.halted != "" {
		return
	}
	w.halted = why
	if w.sched != nil {
		w.pardoned = w.sched.asking()
	}
}

// step is told the executor's named steps.
func (w *world) step(name string) {
	w.enter(false)
	defer w.leave()
	w.note("  step: %s", name)
	w.mayDie()
	switch w.fork(&w.left.orders, pause, giveUpAll) {
	case pause:
		w.disk.order(provisioning.BatchPaused)
	case giveUpAll:
		w.disk.order(provisioning.BatchCancelled)
	}
}

// mayDie is a moment at which the process may die.
func (w *world) mayDie() {
	if w.fork(&w.left.crashes, crash) == crash {
		defer w.mu.Lock() // for the caller's own leave, which runs while the goroutine ends
		w.die()
	}
}

// Now and Sleep make the world a provisioning.Clock. A wait takes its time, and is over at once.
func (w *world) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) Sleep(ctx context.Context, d time.Duration) error {
	until := w.Now().Add(max(d, 0))
	if w.sched != nil {
		w.sched.turn(until)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead {
		defer w.mu.Lock()
		w.die()
	}
	if until.After(w.now) {
		w.now = until
	}
	w.note("  %s later", d)
	w.ripen()
	return ctx.Err()
}

// system is the document system of the world.
type system struct {
	provisioning.DMS // nothing else of it is asked
	w                *world
}

func (s *system) Operation(c provisioning.Change) provisioning.Operation {
	first := s.w.scene.first[c.Kind]
	if first == "" {
		first = provisioning.Plain
	}
	return provisioning.Operation{Name: "op " + string(c.Kind), Kind: c.Kind, FirstUse: first}
}

func (s *system) Observe(ctx context.Context, c provisioning.Change) (provisioning.Observation, error) {
	w := s.w
	w.enter(true)
	defer w.leave()
	o := w.thing(c)
	if o.down > 0 {
		o.down--
		if o.down == 0 && w.disk.op(o).State == provisioning.OpPending {
			w.halt("nothing can be read")
		}
		return provisioning.Observation{}, &provisioning.Error{Code: provisioning.Unavailable, Message: "502"}
	}
	switch w.fork(&w.left.faults, readBlinks, readDown, readDenied, theirs, theirsToo) {
	case readBlinks:
		return provisioning.Observation{}, &provisioning.Error{Code: provisioning.Unavailable, Message: "502"}
	case readDown:
		o.down = 4 // and this one
		return provisioning.Observation{}, &provisioning.Error{Code: provisioning.Unavailable, Message: "502"}
	case readDenied:
		if w.disk.op(o).State == provisioning.OpPending {
			w.halt("the credential was refused")
		}
		return provisioning.Observation{}, &provisioning.Error{Code: provisioning.Denied, Message: "401"}
	case theirs:
		w.values[o.key], o.touched = "THEIRS", true
	case theirsToo:
		w.values[o.key], o.touched = c.After, true
	}
	o.lastRead, o.read = w.at, w.values[o.key]
	w.note("%d.%d reads %q", o.unit, o.seq, o.read)
	return provisioning.Observation{Value: o.read, Others: -1}, ctx.Err()
}

func (s *system) Send(ctx context.Context, c provisioning.Change) (provisioning.Receipt, error) {
	w := s.w
	receipt, err := s.arrives(ctx, c)
	if w.sched != nil { // the answer takes its time, too
		w.enter(true)
		w.leave()
	}
	var failure *provisioning.SendError
	if errors.As(err, &failure) && failure.Denied { // from here on it is known
		w.mu.Lock()
		defer w.mu.Unlock()
		w.halt("the credential was refused")
	}
	return receipt, err
}

func (s *system) arrives(ctx context.Context, c provisioning.Change) (provisioning.Receipt, error) {
	w := s.w
	w.enter(true)
	defer w.leave()
	o := w.thing(c)
	o.sends++
	o.lastSend, o.surely, o.refused = w.at, false, false
	w.note("%d.%d is sent", o.unit, o.seq)
	w.checkSend(o)
	if ctx.Err() != nil {
		w.violated("%s was sent with a context that had ended", id(c))
	}
	if !w.rests(o) {
		o.surely, o.refused = true, true
		return provisioning.Receipt{}, &provisioning.SendError{Effect: provisioning.RefusedSend, Status: 404, Code: "NRC_NO_RECORD", Message: "what it rests on is not there"}
	}
	f := w.scene.always
	if f == "" {
		f = w.fork(&w.left.faults, effectLate, effectNever, lostDone, lostLate, lostUndone, nothingDone, refused, refusedSo, denied, unknownCall, theirsBefore)
	}
	doubt := &provisioning.SendError{Effect: provisioning.InDoubt, Status: 502, Message: "no answer"}
	late := func() { w.coming = append(w.coming, effect{due: w.now.Add(settle - time.Nanosecond), op: o}) }
	switch f {
	case effectLate:
		late()
	case effectNever:
	case lostDone:
		w.takesEffect(o)
		return provisioning.Receipt{}, doubt
	case lostLate:
		late()
		return provisioning.Receipt{}, doubt
	case lostUndone:
		return provisioning.Receipt{}, doubt
	case nothingDone:
		o.surely = true
		return provisioning.Receipt{}, &provisioning.SendError{Effect: provisioning.NothingDone, Status: 429, Message: "slowly", RetryAfter: time.Second}
	case refused, refusedSo:
		o.surely, o.refused = true, true
		if f == refusedSo {
			w.values[o.key], o.touched = c.After, true
		}
		return provisioning.Receipt{}, &provisioning.SendError{Effect: provisioning.RefusedSend, Status: 403, Code: "NO", Message: "you may not"}
	case denied:
		o.surely = true
		return provisioning.Receipt{}, &provisioning.SendError{Effect: provisioning.RefusedSend, Status: 401, Denied: true, Message: "who are you"}
	case unknownCall:
		o.surely = true
		return provisioning.Receipt{}, &provisioning.SendError{Effect: provisioning.RefusedSend, Status: 405, Unsupported: true, Message: "no such call"}
	default:
		if f == theirsBefore {
			w.values[o.key], o.touched = "THEIRS", true
		}
		w.takesEffect(o)
	}
	return provisioning.Receipt{Status: 200}, nil
}

// rests reports whether what an op rests on is there.
func (w *world) rests(o *thing) bool {
	for _, earlier := range w.things {
		if earlier.unit == o.unit && earlier.seq < o.seq && o.change.RestsOn(earlier.change) && w.values[earlier.key] == earlier.change.Before {
			return false
		}
	}
	return true
}

// scheduler lets one goroutine of a process go on at a time, from one call to the next, and who that is is a fork of the path.
type scheduler struct {
	w      *world
	mu     sync.Mutex
	names  map[string]int64 // goroutine → the unit that it is at
	intent map[int64]bool   // the units that ask for an intent now
	parked []*waiting
	last   int64
}

type waiting struct {
	unit  int64
	until time.Time
	on    chan struct{}
}

// named says that this goroutine is at a unit from now on.
func (s *scheduler) named(unit int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names[goroutine()] = unit
}

func (s *scheduler) asks(unit int64, now bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.intent[unit] = now
}

func (s *scheduler) asking() (units []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for unit, now := range s.intent {
		if now {
			units = append(units, unit)
		}
	}
	return units
}

func goroutine() string {
	var b [64]byte
	text := string(b[:runtime.Stack(b[:], false)])
	text, _, _ = strings.Cut(strings.TrimPrefix(text, "goroutine "), " ")
	return text
}

func (s *scheduler) turn(until time.Time) {
	me := &waiting{until: until, on: make(chan struct{})}
	s.mu.Lock()
	me.unit = s.names[goroutine()]
	s.parked = append(s.parked, me)
	s.mu.Unlock()
	<-me.on
}

// drive runs a process to its end.
func (s *scheduler) drive(ended <-chan struct{}) {
	for {
		synctest.Wait()
		select {
		case <-ended:
			return
		default:
		}
		s.mu.Lock()
		w := s.w
		slices.SortFunc(s.parked, func(a, b *waiting) int { return int(a.unit - b.unit) })
		w.mu.Lock()
		i := s.choose()
		w.mu.Unlock()
		next := s.parked[i]
		s.parked = slices.Delete(s.parked, i, i+1)
		s.last = next.unit
		s.mu.Unlock()
		close(next.on)
	}
}

// choose says who goes on: the one who was at it, or for a switch another; one who waits only where nobody is before them.
func (s *scheduler) choose() int {
	w := s.w
	if len(s.parked) == 0 {
		panic("everybody waits for somebody")
	}
	if w.dead || w.wrong != "" {
		return 0
	}
	var may []int
	first := -1
	for i, p := range s.parked {
		if !p.until.After(w.now) {
			may = append(may, i)
		} else if first < 0 || p.until.Before(s.parked[first].until) {
			first = i
		}
	}
	at := slices.IndexFunc(may, func(i int) bool { return s.parked[i].unit == s.last })
	if at > 0 {
		may[0], may[at] = may[at], may[0]
	}
	if first >= 0 {
		may = append(may, first)
	}
	if len(may) == 1 || w.left.switches == 0 {
		return may[0]
	}
	n := w.pick(len(may))
	if n > 0 {
		w.left.switches--
		w.note("… unit %d goes on", s.parked[may[n]].unit)
	}
	return may[n]
}
