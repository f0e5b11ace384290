// Package oauth keeps a short-lived token for a client: taken inside the call that needs it and with that call's context, once for
// everybody who waits, renewed at 80 % of its life, and taken anew once after a 401 (contracts/idps.md 1, threats D3). It signs the
// assertions that take the place of a password. It knows no vendor's addresses and no scopes.
package oauth

import (
	"context"
	"net/http"
	"time"

	"rollcall/provisioning"
)

// renewShare is the share of a token's life after which it is renewed (threats D3).
const renewShare = 0.8

// shortest is the least life that a token is believed to have: a server that says less would be asked without end.
const shortest = 10 * time.Second

// Token is what a token endpoint gave.
type Token struct {
	Value string
	Life  time.Duration
}

// Source keeps one token. It is safe for concurrent use.
type Source struct {
	clock provisioning.Clock
	fetch func(ctx context.Context) (Token, error)
	turn  chan struct{} // held by whoever looks at or takes the token; a lock that a context can leave
	token string
	until time.Time
}

// New makes a source of a function that takes one token.
func New(clock provisioning.Clock, fetch func(ctx context.Context) (Token, error)) *Source {
	return &Source{clock: clock, fetch: fetch, turn: make(chan struct{}, 1)}
}

// Authorize adds the token as a bearer, and takes one first where there is none or it is old.
func (s *Source) Authorize(ctx context.Context, r *http.Request) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.turn }()
	if s.token == "" || !s.clock.Now().Before(s.until) {
		if err := s.take(ctx); err != nil {
			return err
		}
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	return nil
}

// Renew takes a new token, whatever the old one's age.
func (s *Source) Renew(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.turn }()
	return s.take(ctx)
}

func (s *Source) take(ctx context.Context) error {
	s.token = ""
	t, err := s.fetch(ctx)
	if err != nil {
		return err
	}
	s.token, s.until = t.Value, s.clock.Now().Add(time.Duration(float64(max(t.Life, shortest))*renewShare))
	return nil
}
