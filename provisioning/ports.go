package provisioning

import (
	"context"
	"time"
)

// Clock tells the time and waits. Tests pass one that they move themselves.
type Clock interface {
	Now() time.Time
	// Sleep waits for d or until ctx ends, and then returns ctx's error.
	Sleep(ctx context.Context, d time.Duration) error
}

// SystemClock is the machine's own clock.
type SystemClock struct{}

// Now returns the present time in UTC.
func (SystemClock) Now() time.Time { return time.Now().UTC() }

// Sleep waits for d or until ctx ends.
func (SystemClock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// RateState is what is known of a system's allowance now. Rates are requests a second; 0 means not known.
type RateState struct {
	Allowed     float64
	Since       time.Time // that about as much is allowed
	Used        float64   // over the last few seconds
	Reserve     float64   // kept free for people
	PausedUntil time.Time
	Pauses      []Pause // the latest times in which everybody waited because the system asked, the oldest first; short ones are left out
	Odd         string  // what is odd about the wait that was asked for last; "": nothing
	InFlight    int     // requests on their way
	Most        int     // that may be on their way at a time, as it turned out
}

// Pause is a time in which nothing is asked of a system, because it said so.
type Pause struct{ From, Until time.Time }

// Budget shows a system's one rate budget, which its wire owns.
type Budget interface{ Rate() RateState }

// Progress is how far a read has come, for a screen; it is told at most about ten times a second.
type Progress struct {
	Source string // the connection
	What   string // "people", "accounts", "group members"
	Seen   int
	Total  int // -1 where not known
	Done   bool
	Err    string
}

// Directory is an identity provider.
type Directory interface {
	Name() string   // the connection's name, the Directory of every PersonKey it gives
	System() string // okta, entra, google, onelogin
	// ReadAll reads every person of every status, in chunks. It returns what it saw of completeness even where it ends early:
	// a broken read is told in the evidence's Failure, and err is only for what the caller did (a cancelled context, an error
	// of emit). A chunk's slice is the callee's again after emit returns.
	ReadAll(ctx context.Context, emit func([]Person) error) (ReadEvidence, error)
	// Lookup reads one person directly by immutable id. found is false only where the directory itself says that there is no
	// such person; anything else that is not an answer is an error.
	Lookup(ctx context.Context, id string) (p Person, found bool, err error)
}

// PersonChange is what a change feed says about one person.
type PersonChange struct {
	Person Person // as the directory has them now, whole; only the Key where Gone
	Gone   bool   // the directory itself, asked by id, says that there is no such person any more
}

// Known is what was last known of a directory's people. It is safe for concurrent use.
type Known interface {
	// Person gives one by immutable id, as last read.
	Person(id string) (Person, bool)
	// InGroup lists the ids of those who were in a group of that name.
	InGroup(name string) []string
}

// Feed is a Directory that can tell what changed since an earlier read, at a cost that follows what changed.
type Feed interface {
	Directory
	// ReadChanges reads what changed since the cursor of an earlier evidence. known gives a person as last read: what the feed
	// leaves out stands as it was. An *Error of code Stale says that the cursor is no longer good: read whole. Otherwise as
	// ReadAll: a broken reading is told in the evidence's Failure, and then nothing of it may be kept.
	ReadChanges(ctx context.Context, cursor string, known Known, emit func([]PersonChange) error) (ReadEvidence, error)
}

// Examiner is a system that can be examined right by right, with reads only, for connect and doctor.
type Examiner interface {
	// Examine tells one finding after another; an error is only a cancelled context.
	Examine(ctx context.Context, tell func(Finding)) error
}

// Inventory is what a document system holds.
type Inventory struct {
	Accounts  []Account
	Libraries []Library
	Groups    []Group
}

// DMS is the document system: iManage Work, in the cloud or on premises.
type DMS interface {
	Name() string
	System() string
	// Identity is the account that rollcall itself signs in with, upper-cased: it is protected (DESIGN 5).
	Identity(ctx context.Context) (account string, err error)
	// ReadAll reads every account with its libraries, roles, groups and global roles. Evidence as in Directory.ReadAll.
	ReadAll(ctx context.Context, progress func(Progress)) (Inventory, ReadEvidence, error)
	// Observe reads the present value of the aspect that c touches, for a precondition and for a read-back.
	Observe(ctx context.Context, c Change) (Observation, error)
	// Send asks for c once. An error is a *SendError, which says what is known of the effect: never guess it from a status.
	Send(ctx context.Context, c Change) (Receipt, error)
	// Operation says which call of the wire contract a change becomes, and how that is first used.
	Operation(c Change) Operation
	// Operations lists every call that changes something.
	Operations() []Operation
	// Account reads one account whole. found is false only where the system says that there is none.
	Account(ctx context.Context, id string) (a Account, found bool, err error)
	// Budget shows the system's rate budget.
	Budget() Budget
}

// OpRef names an op in the journal, with the fencing that guards every write to it.
type OpRef struct {
	Batch int64
	Unit  int64
	Seq   int
	Owner string
	Gen   int64
}

// Outcome is what became of an op; the store writes it with its event in one transaction.
type Outcome struct {
	State    OpState
	Evidence string
	Error    string
	At       time.Time
}

// Anchor is the dated tie of an account to an immutable person id; anchors are never deleted (threats H4).
type Anchor struct {
	Account   string
	Person    PersonKey
	Evidence  string // how it was tied: "SSO name = user id (exact)"
	FirstSeen time.Time
	LastSeen  time.Time
}

// Store keeps everything that must outlive the process. Every method is a whole unit of work: it writes its state and its
// event together or neither, and an Event without an Actor is refused. Errors are *Error; Stale and NotFound are its codes.
type Store interface {
	Approvals
	Removals
	Removing
	AccessHistory
	Undos
	Checkpoints
	Campaigns
	Reclaims
	Tallies

	// SaveSnapshot keeps a snapshot (only the latest few are kept whole) and, for each complete proof, the last good count.
	SaveSnapshot(ctx context.Context, s *Snapshot, e Event) error
	// LatestSnapshot returns the newest snapshot, or nil where there is none.
	LatestSnapshot(ctx context.Context) (*Snapshot, error)
	// LastGood returns the count and time of the last complete read of a source; -1 where there was none.
	LastGood(ctx context.Context, source string) (count int, at time.Time, err error)

	// Anchors returns every anchor, oldest first; SaveAnchors adds new ones and moves LastSeen of those that stand.
	Anchors(ctx context.Context) ([]Anchor, error)
	SaveAnchors(ctx context.Context, anchors []Anchor) error
	// Decisions returns the latest decision of each pair; Decide adds one.
	Decisions(ctx context.Context) ([]Decision, error)
	Decide(ctx context.Context, d Decision, e Event) error

	// SaveBatch inserts a batch (ID 0) or replaces the units of a draft or reviewed one, and sets its state, hash and
	// release. It is refused as Stale where b.Version is not the stored one; on success b's ids and Version are set.
	SaveBatch(ctx context.Context, b *Batch, e Event) error
	// Batch returns one batch whole; Batches the newest first, whole.
	Batch(ctx context.Context, id int64) (*Batch, error)
	Batches(ctx context.Context, limit int) ([]*Batch, error)
	// MoveBatch changes a batch's state where BatchMay allows it, and its Stop sentence. With BatchCommitted it sets
	// CommittedBy and CommittedAt from the event (the first time), demands the hash, is Stale where it differs, and Held where the batch
	// needs an approval that it does not have (any more) for that hash. With BatchScheduled
	// it demands the hash and sets CommittedBy alone: who confirmed it. With BatchDraft the hash and the release are gone. BatchDone and
	// BatchOpenHand are Stale while a unit is pending or running.
	MoveBatch(ctx context.Context, id int64, to BatchState, hash, stop string, e Event) error
	// Scheduled returns the batches that are scheduled or missed, the earliest due first, whole.
	Scheduled(ctx context.Context) ([]*Batch, error)
	// Sealed returns the readers of every sealed batch, by its id.
	Sealed(ctx context.Context) (map[int64][]string, error)
	// Unfinished returns the batches that are committed, paused or stopped with work left: what a start offers to resume.
	Unfinished(ctx context.Context) ([]*Batch, error)

	// Recover puts every running unit of a batch back to pending, with its generation counted up, when its owner is gone:
	// the embedded store has one owner, so at its start every running unit's is.
	Recover(ctx context.Context, batch int64, e Event) error
	// RetryUnits puts failed, parked and drifted units, and their held ops, back to pending, and the batch to committed.
	RetryUnits(ctx context.Context, batch int64, units []int64, e Event) error
	// TakeUnit claims a pending unit of a committed batch for an owner at a generation, or one of a cancelled batch of which something
	// is in doubt; false: it is not ours, leave it silently.
	TakeUnit(ctx context.Context, unit, gen int64, owner string) (bool, error)
	// MarkSent makes the intent to send durable, before the request leaves: sent_at, attempts + 1, and the event. It is Held
	// where the batch is not committed any more: paused, stopped or cancelled.
	MarkSent(ctx context.Context, op OpRef, at time.Time, e Event) error
	// MarkOp moves an op to a state that OpMay allows, with its evidence and event.
	MarkOp(ctx context.Context, op OpRef, o Outcome, e Event) error
	// FinishUnit moves a unit on and gives it up.
	FinishUnit(ctx context.Context, unit, gen int64, owner string, to UnitState, e Event) error
	// TickByHand confirms a by-hand op that was done in Control Center and read back, whoever owns the unit. A unit that has ops left
	// which waited for it goes back to pending; one without, and without another by-hand op open, is done, and so is its batch.
	TickByHand(ctx context.Context, unit int64, seq int, o Outcome, e Event) error

	// Uses returns what a tenant has shown of its operations, by Operation.Name; SaveUse remembers the latest word (DESIGN 4).
	Uses(ctx context.Context, tenant string) (map[string]Use, error)
	SaveUse(ctx context.Context, u Use, e Event) error
	// ForgetUse takes the word about an operation back: it is untried again. NotFound where there is none.
	ForgetUse(ctx context.Context, tenant, operation string, e Event) error

	// AcceptedPolicy returns the policy text that counts, "" where none was accepted yet; AcceptPolicy puts another in its place.
	AcceptedPolicy(ctx context.Context) (text string, err error)
	AcceptPolicy(ctx context.Context, text string, e Event) error

	// Append seals an event that changes nothing else. Records walks the chain in order from a sequence number.
	Append(ctx context.Context, e Event) error
	Records(ctx context.Context, from int64, visit func(Record) error) error

	// ReadOnly says who owns the store when this process does not, and "" when it does.
	ReadOnly() (owner string)
	Close() error
}

// Dispatcher decides who runs which unit when; it holds no truth.
type Dispatcher interface {
	// Run runs the units of a committed batch until all are settled, the batch is paused, stopped or cancelled, or ctx ends.
	// It returns nil where the batch came to its own end; changed is called after every written step, and must not block.
	Run(ctx context.Context, batch int64, changed func(unit int64)) error
}
