package sqlite

import (
	"context"
	"fmt"
	"sync"
	"time"

	"rollcall/provisioning"
)

// witnessTime is how long one witness may take over one checkpoint.
const witnessTime = 15 * time.Second

// teller hands checkpoints to one witness, in order, on a goroutine of its own: a share that hangs stops no commit and no other witness.
// What could not be handed over is kept and tried again with the next checkpoint.
type teller struct {
	w     provisioning.Witness
	wake  chan struct{}
	ended chan struct{}
	quit  context.CancelFunc
	ctx   context.Context //nolint:containedctx // the goroutine's life; ended by wait

	mu     sync.Mutex // guards what follows
	asked  bool       // the witness said what it has
	last   bool       // finish was called
	all    []provisioning.Checkpoint
	queue  []provisioning.Checkpoint
	state  provisioning.WitnessState
	beyond string // that the witness has seen what this store does not have
}

// newTeller makes the teller of a witness; all are the checkpoints that the store has.
func newTeller(w provisioning.Witness, all []provisioning.Checkpoint) *teller {
	t := &teller{w: w, wake: make(chan struct{}, 1), ended: make(chan struct{}), all: all, state: provisioning.WitnessState{Place: w.Name()}}
	t.ctx, t.quit = context.WithCancel(context.Background())
	t.wake <- struct{}{}
	return t
}

func (t *teller) now() provisioning.WitnessState {
	t.mu.Lock()
	defer t.mu.Unlock()
	state := t.state
	state.Missed = len(t.queue)
	return state
}

func (t *teller) warnings() (said []string) {
	state := t.now()
	if state.Why != "" {
		said = append(said, fmt.Sprintf("the record is not anchored in %s: %s", state.Place, state.Why))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.beyond != "" {
		said = append(said, t.beyond)
	}
	return said
}

// add gives the witness one more checkpoint to take.
func (t *teller) add(c provisioning.Checkpoint) {
	t.mu.Lock()
	if t.asked {
		t.queue = append(t.queue, c)
	} else {
		t.all = append(t.all, c)
	}
	t.mu.Unlock()
	t.nudge()
}

func (t *teller) nudge() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// run hands over until finish was called and what there is was tried once more.
func (t *teller) run() {
	defer close(t.ended)
	for {
		select {
		case <-t.wake:
		case <-t.ctx.Done():
			return
		}
		t.mu.Lock()
		last := t.last
		t.mu.Unlock()
		t.deliver()
		if last {
			return
		}
	}
}

func (t *teller) finish() {
	t.mu.Lock()
	t.last = true
	t.mu.Unlock()
	t.nudge()
}

// wait waits for the goroutine's end. One that hangs in the file system beyond ctx cannot be called off: it ends with the process.
func (t *teller) wait(ctx context.Context) {
	select {
	case <-t.ended:
	case <-ctx.Done():
	}
	t.quit()
}

// deliver hands over what the witness does not have, until it has all or cannot take more.
func (t *teller) deliver() {
	if err := t.ask(); err != nil {
		t.failed(err)
		return
	}
	for {
		t.mu.Lock()
		if len(t.queue) == 0 {
			t.state.Why = ""
			t.mu.Unlock()
			return
		}
		c := t.queue[0]
		t.mu.Unlock()
		ctx, cancel := context.WithTimeout(t.ctx, witnessTime)
		err := t.w.Keep(ctx, c)
		cancel()
		if err != nil {
			t.failed(err)
			return
		}
		t.mu.Lock()
		t.queue = t.queue[1:]
		t.state.Seq, t.state.At = c.Seq, c.At
		t.mu.Unlock()
	}
}

func (t *teller) failed(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state.Why = provisioning.Reason(err)
}

// ask finds out, once, what the witness has. One that cannot be asked is given the newest checkpoint, and each from then on.
func (t *teller) ask() error {
	t.mu.Lock()
	asked := t.asked
	t.mu.Unlock()
	if asked {
		return nil
	}
	ctx, cancel := context.WithTimeout(t.ctx, witnessTime)
	defer cancel()
	kept, ok, err := t.w.Seen(ctx)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked = true
	ours, theirs := make(map[string]bool, len(t.all)), make(map[string]bool, len(kept))
	for _, c := range t.all {
		ours[string(c.Signature)] = true
	}
	for _, c := range kept {
		theirs[string(c.Signature)] = true
		if ours[string(c.Signature)] {
			t.state.Seq, t.state.At = c.Seq, c.At
		}
	}
	if n := len(kept); n > 0 && !ours[string(kept[n-1].Signature)] {
		t.beyond = fmt.Sprintf("%s has seen row %d of the record, of %s, and this store has not: its record was cut, or put back from a backup; run rollcall audit verify",
			t.state.Place, kept[n-1].Seq, kept[n-1].At.Local().Format("2 Jan 2006 15:04"))
	}
	for i, c := range t.all {
		if ok && !theirs[string(c.Signature)] || !ok && i == len(t.all)-1 {
			t.queue = append(t.queue, c)
		}
	}
	t.all = nil
	return nil
}
