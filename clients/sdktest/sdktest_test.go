// Package sdktest reads the loopback simulators of the identity providers with the vendors' own libraries. What such a library
// cannot read is no faithful simulator, whatever our own clients make of it. It is a module of its own, so that the program does
// not carry those libraries, and it holds tests alone.
package sdktest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"maps"
	"testing"
	"time"
)

const (
	// people is how many users a simulator holds: more than two pages of any provider's usual size.
	people = 450
	// patience ends a library that turns in circles.
	patience = 3 * time.Minute
)

// deadline gives a context that ends when a library has had long enough.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// server is what every simulator offers.
type server interface {
	Start(ctx context.Context) error
	Close()
}

// start serves a simulator on a loopback port until the test ends.
func start(t *testing.T, s server) {
	t.Helper()
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
}

// newKey makes a key of the size that every provider takes.
func newKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// set collects ids, and finds those that come twice.
type set[K comparable] map[K]bool

func (s set[K]) add(t *testing.T, id K) {
	t.Helper()
	if s[id] {
		t.Errorf("%v came twice", id)
	}
	s[id] = true
}

// same compares what was read with what the simulator was given.
func same[K comparable](t *testing.T, what string, got, want set[K]) {
	t.Helper()
	if maps.Equal(got, want) {
		return
	}
	missing, alien := 0, 0
	example := ""
	for id := range want {
		if !got[id] {
			missing++
			example = fmt.Sprint(id)
		}
	}
	for id := range got {
		if !want[id] {
			alien++
			example = fmt.Sprint(id)
		}
	}
	t.Errorf("%s: %d were read, %d are there: %d are missing, %d do not belong (such as %s)", what, len(got), len(want), missing, alien, example)
}
