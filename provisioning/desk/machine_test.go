package desk_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/provisioning"
)

// errDead is what a process that was killed gets for everything: nothing of it goes on.
var errDead = errors.New("the process is dead")

// mortal is a store that a kill or a full disk may befall between any two writes: before the write reaches the disk, or after it did
// and before anybody was told.
type mortal struct {
	provisioning.Store
	m       *machine
	intents map[provisioning.OpRef]func() error // that were held back
}

// write lets a write through, or not.
func (s *mortal) write(do func() error) error {
	m := s.m
	m.mu.Lock()
	m.writes++
	dies, after, full := m.diesAt == m.writes, m.diesAfter, m.fullFrom > 0 && m.writes >= m.fullFrom
	dead := m.dead
	if dies && !after {
		m.dead = true
	}
	m.mu.Unlock()
	switch {
	case dead, dies && !after:
		return errDead
	case full:
		return &provisioning.Error{Code: provisioning.Unavailable, Message: "the disk is full"}
	}
	err := do()
	if dies {
		m.die()
		return errDead
	}
	return err
}

func (s *mortal) SaveBatch(ctx context.Context, b *provisioning.Batch, e provisioning.Event) error {
	return s.write(func() error { return s.Store.SaveBatch(ctx, b, e) })
}

func (s *mortal) MoveBatch(ctx context.Context, id int64, to provisioning.BatchState, hash, stop string, e provisioning.Event) error {
	return s.write(func() error { return s.Store.MoveBatch(ctx, id, to, hash, stop, e) })
}

func (s *mortal) LetGo(ctx context.Context, id int64, hash string, mark int64, e provisioning.Event) error {
	return s.write(func() error { return s.Store.LetGo(ctx, id, hash, mark, e) })
}

func (s *mortal) KeepPre(ctx context.Context, op provisioning.OpRef, pre *provisioning.PreImage) error {
	return s.write(func() error { return s.Store.KeepPre(ctx, op, pre) })
}

func (s *mortal) Recover(ctx context.Context, batch int64, e provisioning.Event) error {
	return s.write(func() error { return s.Store.Recover(ctx, batch, e) })
}

func (s *mortal) RetryUnits(ctx context.Context, batch int64, units []int64, e provisioning.Event) error {
	return s.write(func() error { return s.Store.RetryUnits(ctx, batch, units, e) })
}

func (s *mortal) TakeUnit(ctx context.Context, unit, gen int64, owner string) (taken bool, err error) {
	err = s.write(func() (err error) {
		taken, err = s.Store.TakeUnit(ctx, unit, gen, owner)
		return err
	})
	return taken && err == nil, err
}

func (s *mortal) MarkSent(ctx context.Context, op provisioning.OpRef, at time.Time, e provisioning.Event) error {
	if s.m.broken == "no intent" { // it is written with the outcome
		s.intents[op] = func() error { return s.Store.MarkSent(ctx, op, at, e) }
		return nil
	}
	return s.write(func() error { return s.Store.MarkSent(ctx, op, at, e) })
}

func (s *mortal) MarkOp(ctx context.Context, op provisioning.OpRef, o provisioning.Outcome, e provisioning.Event) error {
	if intent := s.intents[op]; intent != nil {
		delete(s.intents, op)
		if err := intent(); err != nil {
			return err
		}
	}
	return s.write(func() error { return s.Store.MarkOp(ctx, op, o, e) })
}

func (s *mortal) FinishUnit(ctx context.Context, unit, gen int64, owner string, to provisioning.UnitState, e provisioning.Event) error {
	return s.write(func() error { return s.Store.FinishUnit(ctx, unit, gen, owner, to, e) })
}

func (s *mortal) TickByHand(ctx context.Context, unit int64, seq int, o provisioning.Outcome, e provisioning.Event) error {
	return s.write(func() error { return s.Store.TickByHand(ctx, unit, seq, o, e) })
}

func (s *mortal) SaveUse(ctx context.Context, u provisioning.Use, e provisioning.Event) error {
	return s.write(func() error { return s.Store.SaveUse(ctx, u, e) })
}

func (s *mortal) Approve(ctx context.Context, a provisioning.Approval, e provisioning.Event) error {
	return s.write(func() error { return s.Store.Approve(ctx, a, e) })
}

// sendFault is what befalls one request.
type sendFault int

const (
	sendOK         sendFault = iota
	lostBefore               // no answer, no effect
	lostAfter                // no answer, and it took effect
	throttled                // 429
	refusedOnce              // 403
	diesBeforeSend           // killed before the request leaves
	diesAfterSend            // killed when it took effect
	raced                    // another operator is quicker between the look and the request
	late                     // no answer, and it takes effect some time later, whoever lives then
	sendFaults
)

// wild is a document system behind a network that may do anything.
type wild struct {
	*dms
	m    *machine
	sent map[string]bool // by this process
}

func (w *wild) Observe(ctx context.Context, c provisioning.Change) (provisioning.Observation, error) {
	if w.m.isDead() {
		return provisioning.Observation{}, errDead
	}
	w.settleLate()
	o, err := w.dms.Observe(ctx, c)
	if w.m.broken == "no read-back" && o.Value == c.After && !w.sent[fmt.Sprint(c.Kind, c.Account, c.Object, c.Library)] {
		o.Value = c.Before // never really looked at
	}
	return o, err
}

// lateEffect is a request that the system still works on.
type lateEffect struct {
	at     time.Time
	op     string
	change provisioning.Change
}

// settleTime is how long a request may still take effect after it was given up.
const settleTime = time.Second

// settleLate lets take effect what is due.
func (w *wild) settleLate() {
	m := w.m
	m.mu.Lock()
	var due []lateEffect
	m.lates = slices.DeleteFunc(m.lates, func(l lateEffect) bool {
		if l.at.After(m.clock.Now()) {
			return false
		}
		due = append(due, l)
		return true
	})
	m.mu.Unlock()
	for _, l := range due {
		w.byHand(l.change)
		m.tookEffect(l.op, l.change)
	}
}

func (w *wild) Account(ctx context.Context, id string) (provisioning.Account, bool, error) {
	if w.m.isDead() {
		return provisioning.Account{}, false, errDead
	}
	return w.dms.Account(ctx, id)
}

func (w *wild) Send(ctx context.Context, c provisioning.Change) (provisioning.Receipt, error) {
	m := w.m
	if m.isDead() {
		return provisioning.Receipt{}, errDead
	}
	w.settleLate()
	fault := m.nextFault()
	if fault == diesBeforeSend {
		m.die()
		return provisioning.Receipt{}, errDead
	}
	op := m.leaves(ctx, c)
	lost := &provisioning.SendError{Effect: provisioning.InDoubt, Message: "no answer"}
	switch fault {
	case lostBefore:
		return provisioning.Receipt{}, lost
	case throttled:
		return provisioning.Receipt{}, &provisioning.SendError{Effect: provisioning.NothingDone, Status: 429, Message: "too many requests", RetryAfter: time.Second}
	case refusedOnce:
		return provisioning.Receipt{}, &provisioning.SendError{Effect: provisioning.RefusedSend, Status: 403, Code: "FORBIDDEN", Message: "refused"}
	case raced:
		w.byHand(c)
		return provisioning.Receipt{}, &provisioning.SendError{Effect: provisioning.RefusedSend, Status: 409, Code: "CONFLICT", Message: "it is so already"}
	case late:
		m.mu.Lock()
		m.lates = append(m.lates, lateEffect{at: m.clock.Now().Add(settleTime * 4 / 5), op: op, change: c})
		m.mu.Unlock()
		return provisioning.Receipt{}, lost
	default:
	}
	w.sent[fmt.Sprint(c.Kind, c.Account, c.Object, c.Library)] = true
	receipt, err := w.dms.Send(ctx, c)
	if err == nil {
		m.tookEffect(op, c)
	}
	switch fault {
	case lostAfter:
		return provisioning.Receipt{}, lost
	case diesAfterSend:
		m.die()
		return provisioning.Receipt{}, errDead
	default:
		return receipt, err
	}
}

// machine is the world of the state machine: one firm, one store, and a process that is killed and begun again.
type machine struct {
	*small
	mu        sync.Mutex
	dead      bool
	writes    int
	diesAt    int // the write at which the process dies; 0: it lives
	diesAfter bool
	fullFrom  int // the write from which the disk is full; 0: it is not
	faults    []sendFault
	broken    string   // the part of the protocol that is taken out, to see that it is noticed
	wrong     []string // what must never be
	kills     int
	lates     []lateEffect
	effects   map[string]int // of an op, by batch, unit and number
}

func (m *machine) isDead() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dead
}

func (m *machine) die() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = true
}

func (m *machine) nextFault() sendFault {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.faults) == 0 {
		return sendOK
	}
	f := m.faults[0]
	m.faults = m.faults[1:]
	return f
}

func (m *machine) fault(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wrong = append(m.wrong, fmt.Sprintf(format, args...))
}

// leaves holds what must be true of every request at the moment at which it leaves: its op is in the journal as sent, of a batch that
// was let go under the hash that was reviewed; the object is as the op saw it, for whatever was done before is not done again; and
// nobody protected is touched.
func (m *machine) leaves(ctx context.Context, c provisioning.Change) (op string) {
	present, err := m.dms.Observe(ctx, c)
	if err != nil || present.Value != c.Before {
		m.fault("%s of %s leaves, and it reads %q, not %q: %v", c.Kind, c.Account, present.Value, c.Before, err)
	}
	batches, err := m.store.Batches(ctx, 1000)
	if err != nil {
		m.fault("the journal cannot be read: %v", err)
		return ""
	}
	// Another batch's like change may be in doubt still: the request is that of the intent that was written last. The record's order says
	// which that is; the clock may have stepped back between the two.
	intents, err := m.intents(ctx)
	if err != nil {
		m.fault("the record cannot be read: %v", err)
		return ""
	}
	since := int64(0) // what has no intent in the record is at 0
	for _, b := range batches {
		for i := range b.Units {
			for _, one := range b.Units[i].Ops {
				at := intents[opKey{one.Unit, one.Seq}]
				if one.State != provisioning.OpSent || !sameChange(one.Change, c) || at <= since {
					continue
				}
				since = at
				op = fmt.Sprintf("batch %d, unit %d, change %d", b.ID, one.Unit, one.Seq)
				if b.State != provisioning.BatchCommitted && b.State != provisioning.BatchPaused && b.State != provisioning.BatchCancelled {
					m.fault("%s of %s leaves in a batch that is %s", c.Kind, c.Account, b.State)
				}
				if b.Needs != "" && !slices.ContainsFunc(b.Approvals, func(a provisioning.Approval) bool {
					return a.Hash == b.Hash && a.Approver != "" && !slices.Contains(b.Hands, a.Approver)
				}) {
					m.fault("batch %d was let go without the approval that it needs", b.ID)
				}
			}
		}
	}
	if op == "" {
		m.fault("%s of %s leaves without an intent on the disk", c.Kind, c.Account)
	}
	if c.Account == "U013" && c.EndsAccess() {
		m.fault("the protected account %s loses access", c.Account)
	}
	return op
}

// opKey names an op: its unit, and its number there.
type opKey struct {
	unit int64
	seq  int
}

// intents gives the place of every op's last intent in the record.
func (m *machine) intents(ctx context.Context) (map[opKey]int64, error) {
	last := make(map[opKey]int64)
	err := m.store.Records(ctx, 1, func(r provisioning.Record) error {
		if r.Event.Kind == provisioning.EventIntent {
			last[opKey{r.Event.Unit, r.Event.Op}] = r.Seq
		}
		return nil
	})
	return last, err
}

// meddled forgets what was done to an account: another operator changed it since, perhaps back to what it was before, and nobody who
// reads it then can know that something was done before that.
func (m *machine) meddled(account string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for op := range m.effects {
		if strings.HasSuffix(op, " "+account) {
			delete(m.effects, op)
		}
	}
}

// tookEffect counts what an op did: once, or never.
func (m *machine) tookEffect(op string, c provisioning.Change) {
	m.mu.Lock()
	m.effects[op+" "+c.Account]++
	n := m.effects[op+" "+c.Account]
	m.mu.Unlock()
	if n > 1 {
		m.fault("%s of %s took effect %d times (%s)", c.Kind, c.Account, n, op)
	}
}

func sameChange(a, b provisioning.Change) bool {
	return a.Kind == b.Kind && a.Account == b.Account && a.Library == b.Library && a.Object == b.Object && a.Before == b.Before && a.After == b.After
}
