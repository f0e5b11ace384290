package provisioning

import (
	"context"
	"time"
)

// Ended is one removal that the journal knows of: an access that a batch took away, or is on its way to take (DESIGN 5). A new email
// stands there too, as its own kind: a sign-in name that changes for many is counted like a removal.
type Ended struct {
	Kind    ChangeKind
	Account string // upper-cased
	Library string // of a library or group
	Object  string // the group, the role, or "email"
	Office  string // of the unit, as staged
	Batch   int64
	At      time.Time // when it was done, by the clock of that moment; zero while it is pending
	// Pending is what was let go and is not at its end: waiting, sent, or open by hand. It may take effect at any moment.
	Pending bool
}

// Counted reports whether the guards count the change: what ends access, and a new email (threats G1).
func (c Change) Counted() bool {
	return c.EndsAccess() || c.Kind == SetAttribute && c.Object == "email"
}

// Removing is the part of a Store from which the guards count what was taken away, from anywhere, and the one door by which a batch is
// let go on the strength of that count.
type Removing interface {
	// Ended returns what was taken away since a time, and everything that is on its way. It goes by the order of the record and not by
	// the clock alone: where a clock stepped back, what was written after a moment of the window is in the window, whatever time it
	// carries; a row from the future of now decides nothing. What was sent and never settled counts as done. Undone is the changes
	// of undo batches (Batch.Undoes) in the same window.
	Ended(ctx context.Context, since, now time.Time) ([]Ended, error)
	Undone(ctx context.Context, since, now time.Time) ([]Change, error)
	// Mark is a number that grows whenever a batch is let go or goes on: it is taken before a batch is judged.
	Mark(ctx context.Context) (int64, error)
	// LetGo is MoveBatch to BatchCommitted, or Stale where the mark is another one by now: what the batch was judged by is past.
	LetGo(ctx context.Context, id int64, hash string, mark int64, e Event) error
}
