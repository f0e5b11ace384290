package provisioning

import "time"

// EventKind names what happened, in the record.
type EventKind string

// The events of the record.
const (
	EventSync      EventKind = "read"          // every source was read, with its proofs
	EventDecision  EventKind = "link decided"  // an operator said who is who
	EventStaged    EventKind = "staged"        // a batch was made or edited
	EventReviewed  EventKind = "reviewed"      // a batch was frozen under its hash
	EventHeld      EventKind = "held"          // a guard stopped a batch
	EventReleased  EventKind = "released"      // an operator let a held batch go
	EventCommitted EventKind = "committed"     // a batch began
	EventIntent    EventKind = "intent"        // an op is about to be sent
	EventOutcome   EventKind = "outcome"       // an op reached a state other than sent
	EventUnit      EventKind = "unit"          // a unit ended
	EventBatch     EventKind = "batch"         // a batch paused, stopped, was cancelled or ended
	EventResumed   EventKind = "resumed"       // an interrupted batch went on
	EventByHand    EventKind = "done by hand"  // an operator ticked a by-hand step
	EventExported  EventKind = "exported"      // a plan or a listing left the program
	EventScheduled EventKind = "scheduled"     // a batch was given its minute, or it passed unused
	EventOperation EventKind = "operation"     // a tenant confirmed or refused an operation
	EventPolicy    EventKind = "policy"        // another policy was accepted
	EventApproved  EventKind = "approved"      // a second person let a batch go
	EventBackup    EventKind = "backup"        // a backup of the store was written
	EventLook      EventKind = "looked"        // a look at a closed account found another thing than the one before
	EventSeenOff   EventKind = "seen off"      // an account was read as closed at each of its places
	EventRestored  EventKind = "restored"      // the store was put back from a backup
	EventReview    EventKind = "access review" // a campaign was opened, decided in, closed or ended
	EventReclaim   EventKind = "seat"          // notice was given of an unused seat, taken back, or carried out
)

// Event is one thing that happened, before it is sealed into the record. It never holds a secret.
type Event struct {
	At      time.Time `json:"at"`
	Actor   string    `json:"actor"`   // the operator; never empty
	Session string    `json:"session"` // one run of the program
	// Person is the actor as the identity provider knows them (Operator.Key), Login the operating system's user and machine (threats
	// F2). Both are empty in rows from before they were kept; without a Person nobody knows which human it was.
	Person  string    `json:"person,omitempty"`
	Login   string    `json:"login,omitempty"`
	Kind    EventKind `json:"kind"`
	Batch   int64     `json:"batch,omitempty"`
	Unit    int64     `json:"unit,omitempty"`
	Op      int       `json:"op,omitempty"`
	Subject string    `json:"subject,omitempty"` // the account or person it is about
	Detail  string    `json:"detail,omitempty"`  // one sentence, or compact JSON
}

// Record is an event sealed into the chain: its number, the hash of the row before it, and its own keyed hash.
type Record struct {
	Seq   int64  `json:"seq"` // 1 …, without a gap
	Event Event  `json:"event"`
	Prev  []byte `json:"prev"`
	Hash  []byte `json:"hash"`
}

// Sealer makes the next record of a chain. The store calls it inside its transaction, so that a row and what it tells of are
// written together or not at all. The first record's prev is the zero Record.
type Sealer interface {
	Seal(prev Record, e Event) (Record, error)
}
