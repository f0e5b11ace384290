package provisioning

import (
	"slices"
	"time"
)

// BatchState, UnitState and OpState are the states of DESIGN 4. states.go holds the transitions.
type (
	BatchState string
	UnitState  string
	OpState    string
)

// The batch states.
const (
	BatchDraft     BatchState = "draft"
	BatchReviewed  BatchState = "reviewed" // the hash is frozen
	BatchApproved  BatchState = "approved"
	BatchScheduled BatchState = "scheduled" // confirmed by an operator, to begin at its minute
	BatchMissed    BatchState = "missed"    // its minute passed while no rollcall ran: never begun by itself
	BatchCommitted BatchState = "committed" // running, or interrupted
	BatchPaused    BatchState = "paused"
	BatchDone      BatchState = "done"
	BatchOpenHand  BatchState = "done, by hand open"
	BatchStopped   BatchState = "stopped" // by a stop rule, a lost credential or a record that cannot be written
	BatchCancelled BatchState = "cancelled"
)

// The unit states.
const (
	UnitPending   UnitState = "pending"
	UnitRunning   UnitState = "running"
	UnitDone      UnitState = "done"
	UnitByHand    UnitState = "waiting by hand"
	UnitParked    UnitState = "parked" // drifted: back to review
	UnitFailed    UnitState = "failed"
	UnitCancelled UnitState = "cancelled"
)

// The op states.
const (
	OpPending   OpState = "pending"
	OpSent      OpState = "sent" // the intent is durable; met again it is in doubt
	OpConfirmed OpState = "confirmed"
	OpAlready   OpState = "already true"
	OpDrifted   OpState = "drifted" // the precondition no longer held
	OpFailed    OpState = "failed"  // definitely refused
	OpByHand    OpState = "by hand" // open, for a person in Control Center
	OpParked    OpState = "parked"  // held by an earlier op of the unit, or in doubt beyond what a read can settle
	OpCancelled OpState = "cancelled"
)

// Batch is a set of changes that is staged, reviewed, frozen under a hash, approved and committed.
type Batch struct {
	ID          int64      `json:"id"`
	State       BatchState `json:"state"`
	Version     int64      `json:"version"` // optimistic lock: every saved edit counts it up
	CreatedBy   string     `json:"created_by"`
	CreatedAt   time.Time  `json:"created_at"`
	SnapshotID  string     `json:"snapshot_id"`
	SnapshotAt  time.Time  `json:"snapshot_at"`
	Hash        string     `json:"hash,omitempty"` // hex SHA-256 of every change, its precondition and its order
	CommittedBy string     `json:"committed_by,omitempty"`
	CommittedAt time.Time  `json:"committed_at,omitzero"`
	Release     *Release   `json:"release,omitempty"` // who let a held batch go, and why
	Stop        string     `json:"stop,omitempty"`    // why the batch stopped, in a sentence
	// Due is the minute at which a scheduled batch begins; zero: when an operator commits it. Zone is the operator's time zone when it
	// was set, for showing: the moment itself does not move with the clocks.
	Due  time.Time `json:"due,omitzero"`
	Zone string    `json:"zone,omitempty"`
	// Title says what the batch is for, where a wizard made it: "leaver Tom Barnes".
	Title string `json:"title,omitempty"`
	// Readers are the operators who may read a sealed batch, by name; nil: everybody may.
	Readers []string `json:"readers,omitempty"`
	// Singly are the people that an operator released one by one (DESIGN 5): each for the hash of that moment and one hour.
	Singly []Release `json:"singly,omitempty"`
	// Needs says why a second person must approve the batch before it may go, "" where nobody must. It is frozen at the review; the
	// store lets no batch go that lacks what it needs.
	Needs string `json:"needs,omitempty"`
	// Hands are the keys (Operator.Key) of everybody who staged, edited, reviewed or released it: none of them approves it. The store
	// only ever adds to them.
	Hands []string `json:"hands,omitempty"`
	// Approvals are those that were given, the newest last, whatever they are worth now.
	Approvals []Approval `json:"approvals,omitempty"`
	// Undoes is the batch whose inverse this one is; 0: of none.
	Undoes int64 `json:"undoes,omitempty"`
	// Kept is what an undo leaves as it is, with why: conflicts, and what cannot be put back. It stays with the batch for whoever reviews it.
	Kept  []Kept `json:"kept,omitempty"`
	Units []Unit `json:"units"`
}

// Sealed reports whether only named operators may read the batch.
func (b *Batch) Sealed() bool { return len(b.Readers) > 0 }

// MayRead reports whether an operator may read the batch.
func (b *Batch) MayRead(operator string) bool {
	return !b.Sealed() || slices.Contains(b.Readers, operator)
}

// Release is an operator's typed word that lets a held batch go: for one hash, for one hour (DESIGN 5).
type Release struct {
	Hash   string    `json:"hash"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	People int       `json:"people"` // the number that was typed
	Reason string    `json:"reason"`
	// Account is the one account that is released; "": the whole batch is.
	Account string `json:"account,omitempty"`
}

// Unit is one person's changes, done in order.
type Unit struct {
	ID      int64     `json:"id"`
	Batch   int64     `json:"batch"`
	Person  PersonKey `json:"person,omitzero"` // zero for an account with nobody behind it
	Account string    `json:"account"`
	Name    string    `json:"name"` // the display name at staging time, raw
	Office  string    `json:"office,omitempty"`
	Kind    Kind      `json:"kind"` // the mismatch that it mends
	// Reason is the operator's word where the unit rests on that: a leaver whom the directory still calls active, a rehire.
	Reason string    `json:"reason,omitempty"`
	State  UnitState `json:"state"`
	Owner  string    `json:"owner,omitempty"`
	Gen    int64     `json:"gen"`
	Ops    []Op      `json:"ops"`
}

// EndsAccess reports whether the unit disables the account or takes any entitlement away: one person who loses access.
func (u *Unit) EndsAccess() bool {
	for i := range u.Ops {
		if u.Ops[i].Change.EndsAccess() {
			return true
		}
	}
	return false
}

// Op is one change in the journal.
type Op struct {
	Unit     int64     `json:"unit"`
	Seq      int       `json:"seq"` // 1 … in the order in which they are done
	Change   Change    `json:"change"`
	State    OpState   `json:"state"`
	SentAt   time.Time `json:"sent_at,omitzero"`
	Attempts int       `json:"attempts,omitempty"` // how often the intent was committed
	DoneAt   time.Time `json:"done_at,omitzero"`
	Evidence string    `json:"evidence,omitempty"` // what the read-back saw, and the vendor's transaction
	Error    string    `json:"error,omitempty"`    // a sentence for the operator
	// Pre is what was there beside Before and is gone with it: kept before the intent, for the undo. Nil: nothing.
	Pre *PreImage `json:"pre,omitempty"`
}

// Verdict is what one guard found. A batch with a holding verdict is held whole, never trimmed (DESIGN 5).
type Verdict struct {
	Guard      string   `json:"guard"` // "count", "percent", "24 hours", "protected", "self", "last administrator", "proof", "staleness"
	Holds      bool     `json:"holds"`
	Releasable bool     `json:"releasable"` // typing the number of people lets it go; protected and unproven never do
	Sentence   string   `json:"sentence"`   // "3 of 20 people disabled in 24 h"
	People     []string `json:"people,omitempty"`
	// Accounts are the accounts of those people, where each of them may be released singly.
	Accounts []string `json:"accounts,omitempty"`
}
