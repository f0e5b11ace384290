package desk

import (
	"context"
	"fmt"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/staging"
)

const (
	// lookEvery is how often the schedule is looked at, by the clock. A timer alone would sleep along with a laptop.
	lookEvery = 15 * time.Second
	// readAhead is how long before a batch's minute the roll that its guards judge by may have been read; and when that read begins.
	readAhead = 2 * time.Minute
	// patience is how long a due batch waits for a read that is under way, or for a store that does not answer.
	patience = 45 * time.Second
)

// RunSchedule has the desk begin scheduled batches at their minute, and read again whom batches closed out until they are seen off, until
// Close. Only the process that owns the store does it, with an
// operator who may change something; in any other it does nothing.
func (d *Desk) RunSchedule() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.watched || d.ReadOnly() != "" {
		return
	}
	d.watched = true
	w := &watch{d: d}
	d.work.Go(func() { w.run(d.ctx) })
}

// lookNow has the schedule looked at without waiting for the next time.
func (d *Desk) lookNow() {
	d.mu.Lock()
	nudge := d.nudge
	d.mu.Unlock()
	nudge()
}

// watch looks at the schedule. One goroutine uses it.
type watch struct {
	d    *Desk
	last time.Time     // of the last look; zero before the first
	read chan struct{} // closed when the read that was begun for a batch has ended; nil: none was
	from time.Time     // when that began
}

func (w *watch) run(ctx context.Context) {
	for ctx.Err() == nil {
		sleeping, wake := context.WithCancel(ctx)
		w.d.mu.Lock()
		w.d.nudge = wake // before the look: a nudge meanwhile has it looked at again
		w.d.mu.Unlock()
		wait := w.look(ctx)
		_ = w.d.deps.Clock.Sleep(sleeping, wait) // woken, nudged or at the end: it looks again
		wake()
	}
}

// look begins what is due, gives up what is overdue, reads ahead for what comes, and says how long to wait.
func (w *watch) look(ctx context.Context) time.Duration {
	d := w.d
	now := d.now().Round(0) // by the wall clock: a monotonic one stands still while a laptop sleeps
	d.observe(ctx)
	batches, err := d.deps.Store.Scheduled(ctx)
	if err != nil {
		return lookEvery // the store says nothing now: it is asked again
	}
	wait := lookEvery
	for _, b := range batches {
		if b.State != provisioning.BatchScheduled {
			continue
		}
		switch late := now.Sub(b.Due); {
		case late > onTime:
			d.miss(ctx, b, w.why(now))
		case late >= -readAhead && late < patience && w.readFor(ctx, b, now):
			wait = min(wait, max(-late, time.Second))
		case late < 0:
			wait = min(wait, -late)
			if ahead := -late - readAhead; ahead > 0 {
				wait = min(wait, ahead)
			}
		default:
			if !d.fire(ctx, b, late) {
				wait = min(wait, time.Second)
			}
		}
	}
	w.last = now
	return max(wait, time.Millisecond)
}

// why says how a minute could pass.
func (w *watch) why(now time.Time) string {
	switch {
	case w.last.IsZero():
		return "no rollcall ran at its minute"
	case now.Sub(w.last) > onTime:
		return fmt.Sprintf("this machine slept, or its clock was moved: the schedule was looked at %s and then %s",
			w.last.Local().Format("2 Jan 15:04"), now.Local().Format("2 Jan 15:04"))
	default:
		return "it could not begin at its minute"
	}
}

// readFor has the roll read for a batch that is about to begin, once, beside everything else. It reports whether that is under way.
func (w *watch) readFor(ctx context.Context, b *provisioning.Batch, now time.Time) bool {
	if w.read != nil {
		select {
		case <-w.read:
		default:
			return true
		}
	}
	since := b.Due.Add(-readAhead)
	st := w.d.state.Load()
	if (st != nil && !st.snap.TakenAt.Before(since)) || (w.read != nil && !w.from.Before(since)) {
		return false
	}
	ended := make(chan struct{})
	w.read, w.from = ended, now
	w.d.work.Go(func() {
		defer w.d.lookNow()
		defer close(ended)
		_, _ = w.d.Sync(ctx, nil) // what could not be read the guards tell
	})
	return true
}

// fire begins a batch whose minute has come, if it is the one that was confirmed and every guard lets it go; else it has missed its
// minute, with the reason. It reports whether that was decided.
func (d *Desk) fire(ctx context.Context, b *provisioning.Batch, late time.Duration) bool {
	why, mark, err := d.stops(ctx, b)
	switch {
	case err != nil && late < patience:
		return false
	case err != nil:
		why = "it could not be judged at its minute: " + provisioning.Reason(err)
	}
	if why != "" {
		d.miss(ctx, b, why)
		return true
	}
	e := d.event(provisioning.EventCommitted, "", fmt.Sprintf("at its minute, %s: %d people, hash %s", b.Due.Format("2006-01-02 15:04 UTC"), len(b.Units), b.Hash))
	e.Actor = b.CommittedBy + " (scheduled)"
	if err := d.deps.Store.LetGo(ctx, b.ID, b.Hash, mark, e); err != nil {
		return false // it was taken back, moved or begun meanwhile, or another batch was let go: the next look tells
	}
	_ = d.decideReturners(ctx, b) // where it cannot be kept, the collision stays in sight
	d.start(b)
	return true
}

// stops says why a batch may not begin at its minute; "" where it may, with the mark that LetGo wants. What was released with the
// schedule counts until an hour after the minute.
func (d *Desk) stops(ctx context.Context, b *provisioning.Batch) (why string, mark int64, err error) {
	if staging.Hash(b) != b.Hash {
		return "it is not the batch that was confirmed", 0, nil
	}
	if b.Needs != "" || d.needs(b) != "" {
		a, why, err := d.approvedBy(ctx, b)
		if err != nil {
			return "", 0, err
		}
		if a == nil {
			return "it needs a second person: " + why, 0, nil
		}
	}
	verdicts, mark, err := d.judge(ctx, b)
	if err != nil {
		return "", 0, err
	}
	if held, _ := staging.Holding(verdicts); len(held) > 0 {
		return "held at its minute by " + guards(held), 0, nil
	}
	return "", mark, nil
}

// miss moves a batch to missed: it is offered, and never begun by itself. Where the store cannot be written now, the next look does it.
func (d *Desk) miss(ctx context.Context, b *provisioning.Batch, why string) {
	e := d.event(provisioning.EventScheduled, "", "missed its minute, "+b.Due.Format("2006-01-02 15:04 UTC")+": "+why)
	_ = d.deps.Store.MoveBatch(ctx, b.ID, provisioning.BatchMissed, "", why, e)
}
