package wiretest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// Stand is what every simulator stands on: its bench, and a loopback port of its own where it is started. A simulator embeds it.
type Stand struct {
	bench  *Bench
	url    string
	server *http.Server
	done   sync.WaitGroup
}

// NewStand puts a handler on its bench; now is the simulator's clock.
func NewStand(h http.Handler, now func() time.Time) *Stand { return &Stand{bench: New(h, now)} }

// Handler serves the simulator with its bench.
func (s *Stand) Handler() http.Handler { return s.bench }

// Bench gives the request log and the faults.
func (s *Stand) Bench() *Bench { return s.bench }

// Start serves on 127.0.0.1.
func (s *Stand) Start(ctx context.Context) error {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.url, s.server = "http://"+l.Addr().String(), &http.Server{Handler: s.bench, ReadHeaderTimeout: 10 * time.Second}
	s.done.Go(func() {
		if err := s.server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.server.Close()
		}
	})
	return nil
}

// At says where the simulator stands behind a server of the test's own.
func (s *Stand) At(url string) { s.url = url }

// URL is where it listens; "" before it was started.
func (s *Stand) URL() string { return s.url }

// Close ends it and waits.
func (s *Stand) Close() {
	if s.server != nil {
		s.server.Close()
		s.done.Wait()
	}
}

// Bucket is a token bucket by which a simulator answers 429: so many requests in a window.
type Bucket struct {
	Limit  int
	Window time.Duration
	Now    func() time.Time
	mu     sync.Mutex
	begin  time.Time
	used   int
}

// Take counts a request: whether it may pass, how many remain, and when the window ends. A Limit of 0 lets everything pass.
func (b *Bucket) Take() (ok bool, remaining int, reset time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.Now()
	if b.begin.IsZero() || now.Sub(b.begin) >= b.Window {
		b.begin, b.used = now, 0
	}
	reset = b.begin.Add(b.Window)
	if b.Limit == 0 {
		return true, 0, reset
	}
	if b.used >= b.Limit {
		return false, 0, reset
	}
	b.used++
	return true, b.Limit - b.used, reset
}
