package audit

import (
	"context"
	"errors"
	"sync"
)

// How much of a file is on its way at once between its reading, the decoding, and whoever hears of it. A batch is bounded in bytes: lines
// can be long.
const (
	batchBytes   = 128 << 10
	batchesAhead = 2
)

// batch are lines one after another.
type batch struct {
	text  []byte // without their ends
	ends  []int  // where each line ends in text
	lines []bundleLine
	err   error // what comes after lines: the first line that is none, or a reading that failed
}

// decoded tells the lines after the head, decoded, in their order, and the first error where it stands. One goroutine reads and splits, one
// decodes, and the caller's own hears; both have ended when it returns. The end must be there, and nothing after it.
func (b *Bundle) decoded(ctx context.Context, tell func(l *bundleLine) error) error {
	run, cancel := context.WithCancel(ctx)
	var owner sync.WaitGroup
	split, ready := make(chan *batch, batchesAhead), make(chan *batch, batchesAhead)
	owner.Go(func() {
		defer close(split)
		b.split(run, split)
	})
	owner.Go(func() {
		defer close(ready)
		for some := range split {
			some.decode()
			if !send(run, ready, some) {
				return
			}
		}
	})
	err := hear(ready, tell)
	cancel()
	owner.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func send(ctx context.Context, to chan<- *batch, some *batch) bool {
	select {
	case to <- some:
		return true
	case <-ctx.Done():
		return false
	}
}

// split reads the file into batches. The last one has the error of the reading, where there was one.
func (b *Bundle) split(ctx context.Context, to chan<- *batch) {
	stopped := errors.New("nobody hears any more")
	next := &batch{}
	err := b.lines(func(n int, text []byte) error {
		if n == 0 {
			return nil
		}
		next.text = append(next.text, text...)
		next.ends = append(next.ends, len(next.text))
		if len(next.text) < batchBytes {
			return nil
		}
		if !send(ctx, to, next) {
			return stopped
		}
		next = &batch{text: make([]byte, 0, cap(next.text)), ends: make([]int, 0, cap(next.ends))}
		return nil
	})
	if errors.Is(err, stopped) {
		return
	}
	next.err = err
	send(ctx, to, next)
}

func (s *batch) decode() {
	s.lines = make([]bundleLine, len(s.ends))
	begin := 0
	for i, end := range s.ends {
		if err := decodeLine(s.text[begin:end], &s.lines[i]); err != nil {
			s.lines, s.err = s.lines[:i], err
			return
		}
		begin = end
	}
}

// hear tells what the batches hold.
func hear(ready <-chan *batch, tell func(l *bundleLine) error) error {
	ended := false
	for some := range ready {
		for i := range some.lines {
			l := &some.lines[i]
			switch {
			case ended:
				return notABundle("it goes on after its end", nil)
			case l.End != nil:
				ended = true
			case l.Row == nil && l.Checkpoint == nil:
				return notABundle("a line says nothing", nil)
			}
			if err := tell(l); err != nil {
				return err
			}
		}
		if some.err != nil {
			return some.err
		}
	}
	if !ended {
		return notABundle("its end is missing: it was not copied whole", nil)
	}
	return nil
}
