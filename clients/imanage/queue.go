package imanage

import (
	"context"
	"sync"
)

// queue does work side by side, never more than so many pieces at once. A piece is one request with what is made of its answer; it may
// add further ones, so that everything below is bounded by one number, however deep it lies.
type queue struct {
	mu      sync.Mutex
	changed *sync.Cond
	waiting []func(context.Context) error
	running int
	err     error // the first
}

func newQueue() *queue {
	q := &queue{}
	q.changed = sync.NewCond(&q.mu)
	return q
}

// add puts pieces at the end.
func (q *queue) add(pieces ...func(context.Context) error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, pieces...)
	q.changed.Broadcast()
}

// hurry puts pieces at the front.
func (q *queue) hurry(pieces ...func(context.Context) error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(pieces, q.waiting...)
	q.changed.Broadcast()
}

// run works until nothing is left, or until the first error, which it returns: what is under way is cancelled, and waited for.
func (q *queue) run(ctx context.Context, most int) error {
	working, cancel := context.WithCancel(ctx)
	defer cancel()
	var workers sync.WaitGroup
	for range most {
		workers.Go(func() {
			for {
				piece, ok := q.take()
				if !ok {
					return
				}
				err := working.Err()
				if err == nil {
					err = piece(working)
				}
				if q.done(err) {
					cancel()
				}
			}
		})
	}
	workers.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return q.err
}

// take waits for a piece; ok is false where there will be none.
func (q *queue) take() (piece func(context.Context) error, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) == 0 && q.running > 0 && q.err == nil {
		q.changed.Wait()
	}
	if q.err != nil || len(q.waiting) == 0 {
		return nil, false
	}
	piece, q.waiting = q.waiting[0], q.waiting[1:]
	q.running++
	return piece, true
}

// done ends a piece, and reports whether its error is the first.
func (q *queue) done(err error) (first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running--
	if err != nil && q.err == nil {
		q.err, first = err, true
	}
	q.changed.Broadcast()
	return first
}
