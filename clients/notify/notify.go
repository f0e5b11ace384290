// Package notify tells somebody who is not looking: by a signed webhook, by mail, or by the terminal's own notifications. It is told what to
// say and decides nothing but when it was said before. It knows no desk, no store and no screen.
package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"rollcall/provisioning"
)

// Memory is what was told, and when: over the program's end where it is kept outside it.
type Memory interface {
	Told(key string) (at time.Time, ok bool)
	Tell(key string, at time.Time) error
}

// Options is what a Sender is made of.
type Options struct {
	Firm      string
	Kinds     []provisioning.NoticeKind // those that are told; none: all
	Notifiers []provisioning.Notifier
	Template  *Template
	Memory    Memory
	Again     time.Duration // the same matter is told again after so long; 0: a day
	Clock     provisioning.Clock
}

// Sender tells notices to all who are to be told.
type Sender struct{ o Options }

const (
	day      = 24 * time.Hour
	deadline = 30 * time.Second
)

// NewSender makes a sender.
func NewSender(o Options) *Sender {
	if o.Again == 0 {
		o.Again = day
	}
	if o.Clock == nil {
		o.Clock = provisioning.SystemClock{}
	}
	return &Sender{o}
}

// Send tells what was not told lately, and returns how many matters were told. A matter counts as told where at least one heard it; who did
// not is in the error, and a later call does not tell those again before its time.
func (s *Sender) Send(ctx context.Context, list []provisioning.Notice) (told int, err error) {
	if len(s.o.Notifiers) == 0 {
		return 0, nil
	}
	now := s.o.Clock.Now()
	var failed []error
	for i := range list {
		n := list[i]
		if len(s.o.Kinds) > 0 && !slices.Contains(s.o.Kinds, n.Kind) {
			continue
		}
		if at, ok := s.o.Memory.Told(n.Key); ok && now.Sub(at).Abs() < s.o.Again {
			continue
		}
		title, text, err := s.o.Template.Render(s.o.Firm, n)
		if err != nil {
			return told, err
		}
		heard, errs := s.tell(ctx, title, text, n)
		failed = append(failed, errs...)
		if heard {
			told++
			if err := s.o.Memory.Tell(n.Key, now); err != nil {
				return told, errors.Join(append(failed, err)...)
			}
		}
	}
	return told, errors.Join(failed...)
}

// tell tells everybody one matter, side by side, and waits for all.
func (s *Sender) tell(ctx context.Context, title, text string, n provisioning.Notice) (heard bool, failed []error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	errs := make([]error, len(s.o.Notifiers))
	var all sync.WaitGroup
	for i, to := range s.o.Notifiers {
		all.Go(func() { errs[i] = to.Notify(ctx, s.o.Firm, title, text, n) })
	}
	all.Wait()
	for i, err := range errs {
		if err == nil {
			heard = true
		} else {
			failed = append(failed, fmt.Errorf("%s: %w", s.o.Notifiers[i].Name(), err))
		}
	}
	return heard, failed
}
