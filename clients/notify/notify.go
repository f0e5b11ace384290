// Package notify tells somebody who is not looking: by a signed webhook, by mail, or by the terminal's own notifications. It is told what to
// say and decides nothing but when it was said before. It knows no desk, no store and no screen.
package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"rollcall/provisioning"
)

// Options is what a Sender is made of.
type Options struct {
	Firm      string
	Kinds     []provisioning.NoticeKind // those that are told; none: all
	Notifiers []provisioning.Notifier   // none: nobody is told anything
	Template  *Template                 // nil: the program's own words
	Memory    Memory                    // nil: until the program ends
	Again     time.Duration             // the same matter is told again after so long; 0: a day
	Quiet     Hours                     // nothing but danger is told in them
	Clock     provisioning.Clock
}

// Sender tells notices to all who are to be told. It is safe for concurrent use: one Send waits for the other.
type Sender struct {
	o     Options
	own   *Template
	to    []*recipient
	turn  chan struct{} // held by the Send under way
	here  Memory        // what was told where Memory fails to keep it
	tasks sync.WaitGroup

	keeping sync.Mutex // held for Memory

	mu     sync.Mutex
	closed bool
	cancel context.CancelFunc // of the Send under way
}

// recipient is one notifier, under a name that no other one has.
type recipient struct {
	provisioning.Notifier
	name string
	busy chan struct{} // full while it is being told: one that does not end is not told a second thing
}

const (
	day        = 24 * time.Hour
	deadline   = 30 * time.Second // of one notice to one notifier
	allOfIt    = 2 * time.Minute  // of all notices to one notifier
	grace      = 2 * time.Second  // for those who were called off to say so
	mostAtOnce = 20               // notices to one notifier in one Send
)

// NewSender makes a sender.
func NewSender(o Options) *Sender {
	if o.Again == 0 {
		o.Again = day
	}
	if o.Clock == nil {
		o.Clock = provisioning.SystemClock{}
	}
	here := NewMemory()
	if o.Memory == nil {
		o.Memory = here
	}
	s := &Sender{o: o, turn: make(chan struct{}, 1), here: here}
	s.own, _ = ParseTemplate("") // a test holds it
	if s.o.Template == nil {
		s.o.Template = s.own
	}
	seen := make(map[string]int)
	for _, n := range o.Notifiers {
		name := n.Name()
		if seen[name]++; seen[name] > 1 {
			name = fmt.Sprintf("%s (%d)", name, seen[name])
		}
		s.to = append(s.to, &recipient{n, name, make(chan struct{}, 1)})
	}
	return s
}

// Send tells what was not told lately, and returns how many matters somebody was told. Who could not be told is in the error, and is told
// by a later Send; who was told is not told again before its time.
func (s *Sender) Send(ctx context.Context, list []provisioning.Notice) (told int, err error) {
	result, err := s.Tell(ctx, list)
	return result.Told(), errors.Join(err, result.Err())
}

// Tell is Send, with what became of each matter at each notifier. Held matters (quiet hours, too many at once) are not kept: they are to be
// handed in again while they stand. The error is of the whole: the sender is closed, or ctx ended; the result holds what was told before.
func (s *Sender) Tell(ctx context.Context, list []provisioning.Notice) (Result, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, allOfIt)
	defer cancel()
	if !s.begin(cancel, len(s.to)) {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "the sender of notices is closed"}
	}
	list = s.sort(list)
	answers := make([]chan Result, len(s.to))
	for i, to := range s.to {
		answers[i] = make(chan Result, 1)
		go func() {
			defer s.tasks.Done()
			answers[i] <- s.tellOne(ctx, to, list)
		}()
	}
	var result Result
	for i, to := range s.to {
		select {
		case r := <-answers[i]:
			result = append(result, r...)
			continue
		case <-ctx.Done():
		}
		if r, ok := lastWord(ctx, answers[i]); ok {
			result = append(result, r...)
			continue
		}
		for _, n := range list {
			result = append(result, outcome(n, to, Failed, errors.New("it does not answer in time")))
		}
	}
	if cause := context.Cause(ctx); errors.Is(cause, context.Canceled) {
		return result, cause
	}
	return result, nil
}

// lastWord waits a little for a notifier that was called off.
func lastWord(ctx context.Context, answer <-chan Result) (Result, bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	select {
	case r := <-answer:
		return r, true
	case <-ctx.Done():
		return nil, false
	}
}

// begin counts the goroutines of a Send; false: the sender is closed.
func (s *Sender) begin(cancel context.CancelFunc, n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.cancel = cancel
	s.tasks.Add(n)
	return true
}

// Close calls off what is under way, waits for it, and lets the notifiers' connections go. Nothing is told after it.
func (s *Sender) Close() {
	s.mu.Lock()
	s.closed = true
	if s.cancel != nil {
		s.cancel()
	}
	s.mu.Unlock()
	s.tasks.Wait()
	for _, to := range s.to {
		if c, ok := to.Notifier.(interface{ Close() }); ok {
			c.Close()
		}
	}
}

// sort takes the kinds that are wanted, each matter once, the most dangerous first.
func (s *Sender) sort(list []provisioning.Notice) []provisioning.Notice {
	var wanted []provisioning.Notice
	seen := make(map[string]bool)
	for _, n := range list {
		if n.Key == "" {
			n.Key = string(n.Kind) + ": " + n.Text
		}
		if seen[n.Key] || (len(s.o.Kinds) > 0 && !slices.Contains(s.o.Kinds, n.Kind)) {
			continue
		}
		seen[n.Key] = true
		wanted = append(wanted, n)
	}
	rank := map[provisioning.Severity]int{provisioning.SeverityDanger: 0, provisioning.SeverityWarning: 1}
	order := func(n provisioning.Notice) int {
		if r, ok := rank[n.Severity]; ok {
			return r
		}
		return len(rank)
	}
	slices.SortStableFunc(wanted, func(a, b provisioning.Notice) int { return cmp.Compare(order(a), order(b)) })
	return wanted
}

// tellOne tells one notifier what it was not told lately. After a failure that is the way's own, the rest is not tried.
func (s *Sender) tellOne(ctx context.Context, to *recipient, list []provisioning.Notice) (result Result) {
	select {
	case to.busy <- struct{}{}:
		defer func() { <-to.busy }()
	default:
		for _, n := range list {
			result = append(result, outcome(n, to, Failed, errors.New("it is still busy with what it was told before")))
		}
		return result
	}
	sent := 0
	var broken error
	for _, n := range list {
		now := s.o.Clock.Now()
		at, before := s.told(n, to)
		switch {
		case before && now.Sub(at).Abs() < s.o.Again:
			result = append(result, outcome(n, to, Before, nil))
		case n.Severity != provisioning.SeverityDanger && s.o.Quiet.Hold(now):
			result = append(result, outcome(n, to, Held, errors.New("it is quiet until "+s.o.Quiet.until())))
		case broken != nil:
			result = append(result, outcome(n, to, Failed, fmt.Errorf("not tried: %w", broken)))
		case sent >= mostAtOnce:
			result = append(result, outcome(n, to, Held, fmt.Errorf("%d were told at once, this one is told next", mostAtOnce)))
		default:
			sent++
			err := s.tellTo(ctx, to, n, at)
			switch {
			case err != nil:
				result = append(result, outcome(n, to, Failed, err))
				if code := provisioning.CodeOf(err); code != provisioning.Invalid || ctx.Err() != nil {
					broken = err
				}
			default:
				result = append(result, outcome(n, to, Told, s.keep(n, to, now)))
			}
		}
	}
	return result
}

// identified is a notifier that names each telling, so that a second try of one cannot be taken for a second matter.
type identified interface {
	notifyAs(ctx context.Context, id, firm, title, text string, n provisioning.Notice) error
}

// tellTo tells one matter to one notifier. at is when it was told before.
func (s *Sender) tellTo(ctx context.Context, to *recipient, n provisioning.Notice, at time.Time) error {
	title, text, err := s.o.Template.Render(s.o.Firm, n)
	if err != nil { // a notice must not be lost for its wording
		if title, text, err = s.own.Render(s.o.Firm, n); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	if i, ok := to.Notifier.(identified); ok {
		return i.notifyAs(ctx, tellingOf(n, at), s.o.Firm, title, text, n)
	}
	return to.Notify(ctx, s.o.Firm, title, text, n)
}
