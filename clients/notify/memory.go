package notify

import (
	"fmt"
	"sync"
	"time"

	"rollcall/provisioning"
)

// Memory is what was told, and when: over the program's end where it is kept outside it. A key is of a matter and of whom it was told to.
// It is asked by one goroutine at a time.
type Memory interface {
	Told(key string) (at time.Time, ok bool)
	Tell(key string, at time.Time) error
}

// mostRemembered is how many keys a memory of this process holds; the oldest is forgotten first.
const mostRemembered = 10_000

type memory struct {
	mu sync.Mutex
	at map[string]time.Time
}

// NewMemory makes a memory that ends with the process.
func NewMemory() Memory { return &memory{at: make(map[string]time.Time)} }

// Told says when a key was told.
func (m *memory) Told(key string) (time.Time, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, ok := m.at[key]
	return at, ok
}

// Tell keeps that it was told.
func (m *memory) Tell(key string, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at[key] = at
	if len(m.at) > mostRemembered {
		oldest := key
		for k, was := range m.at {
			if was.Before(m.at[oldest]) {
				oldest = k
			}
		}
		delete(m.at, oldest)
	}
	return nil
}

func keyOf(n provisioning.Notice, to *recipient) string { return n.Key + " -> " + to.name }

// told says when a matter was told to a notifier last.
func (s *Sender) told(n provisioning.Notice, to *recipient) (time.Time, bool) {
	s.keeping.Lock()
	defer s.keeping.Unlock()
	at, ok := s.o.Memory.Told(keyOf(n, to))
	if here, also := s.here.Told(keyOf(n, to)); also && (!ok || here.After(at)) {
		return here, true
	}
	return at, ok
}

// keep keeps that it was told. Where that fails it is known until the program ends.
func (s *Sender) keep(n provisioning.Notice, to *recipient, at time.Time) error {
	s.keeping.Lock()
	defer s.keeping.Unlock()
	_ = s.here.Tell(keyOf(n, to), at) // cannot fail
	if err := s.o.Memory.Tell(keyOf(n, to), at); err != nil {
		return fmt.Errorf("it cannot be kept that it was told: %w", err)
	}
	return nil
}
