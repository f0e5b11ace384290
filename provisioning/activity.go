package provisioning

import (
	"context"
	"time"
)

// Usage says whether an account is used. It is three-valued: iManage publishes no last sign-in (contracts/imanage.md 5.1), so use is
// inferred from document history and from the directory's own sign-ins, and what could not be read whole is unknown, never "not used".
type Usage string

// The usages.
const (
	Used         Usage = "used"
	NotUsed      Usage = "not used"
	UsageUnknown Usage = "unknown"
)

// Activity is what a document system's history says of one account's use. It is evidence of use where Last is set; it is evidence of no use
// only from Since on, and only where Whole.
type Activity struct {
	Account string    `json:"account"`
	Last    time.Time `json:"last,omitzero"`  // the newest event of the account's that was met; zero: none was
	What    string    `json:"what,omitempty"` // of that event: "edit of LON-LIT!1234.2"
	Since   time.Time `json:"since,omitzero"` // from when on it was looked for
	Read    time.Time `json:"read,omitzero"`  // when that began
	Whole   bool      `json:"whole"`          // every library of the account was read from Since on, to the end
	Why     string    `json:"why,omitempty"`  // why it is not whole, in a sentence
}

// ActivityReader is a document system that can tell when an account was last at work in it.
type ActivityReader interface {
	// Activity reads what these accounts did since a moment, each in the libraries that it is a member of. It answers for every account
	// that was asked for, in their order; what could not be read is told in Why. err is only a cancelled context.
	Activity(ctx context.Context, accounts []Account, since time.Time, progress func(Progress)) ([]Activity, error)
}
