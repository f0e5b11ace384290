package wiretest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server serves a handler on a loopback port of its own, until it is closed.
type Server struct {
	url    string
	server *http.Server
	done   sync.WaitGroup
}

// Serve starts serving on 127.0.0.1.
func Serve(ctx context.Context, h http.Handler) (*Server, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{url: "http://" + l.Addr().String(), server: &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}}
	s.done.Go(func() {
		if err := s.server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.server.Close()
		}
	})
	return s, nil
}

// URL is where it listens.
func (s *Server) URL() string { return s.url }

// Close ends it and waits.
func (s *Server) Close() {
	s.server.Close()
	s.done.Wait()
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
