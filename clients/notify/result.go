package notify

import (
	"errors"
	"fmt"

	"rollcall/provisioning"
)

// State is what became of one matter at one notifier.
type State string

// The states.
const (
	Told   State = "told"
	Before State = "told before" // and not long enough ago
	Held   State = "held"        // Why says until when
	Failed State = "failed"
)

// Outcome is what became of one matter at one notifier. Why is nil where there is nothing to say; it can also go with Told, where that it
// was told could not be kept.
type Outcome struct {
	Key      string
	Notifier string
	State    State
	Why      error
}

func outcome(n provisioning.Notice, to *recipient, state State, why error) Outcome {
	return Outcome{Key: n.Key, Notifier: to.name, State: state, Why: why}
}

// String says it in a line, cleaned.
func (o Outcome) String() string {
	s := fmt.Sprintf("%s: %s: %s", o.Notifier, o.Key, o.State)
	if o.Why != nil {
		s += ": " + o.Why.Error()
	}
	return line(s, mostLine)
}

// Result is what became of all matters that were handed in and are of a kind that is told, notifier by notifier.
type Result []Outcome

// Told counts the matters that at least one notifier was told now.
func (r Result) Told() int {
	told := make(map[string]bool)
	for _, o := range r {
		if o.State == Told {
			told[o.Key] = true
		}
	}
	return len(told)
}

// Err holds each different thing that went wrong, once for each notifier; nil where nothing did.
func (r Result) Err() error {
	var failed []error
	said := make(map[string]bool)
	for _, o := range r {
		if o.Why == nil || o.State == Held {
			continue
		}
		err := fmt.Errorf("%s: %w", o.Notifier, o.Why)
		cause := errors.Unwrap(o.Why)
		if said[err.Error()] || (cause != nil && said[o.Notifier+": "+cause.Error()]) { // "not tried: …" says nothing new
			continue
		}
		said[err.Error()] = true
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// Lines says everything in lines, cleaned.
func (r Result) Lines() []string {
	list := make([]string, len(r))
	for i, o := range r {
		list[i] = o.String()
	}
	return list
}
