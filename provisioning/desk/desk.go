package desk

import (
	"context"
	"crypto/ed25519"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/policy"
)

// Deps is what a desk is made of. Everything is needed but HandSteps and Canaries.
type Deps struct {
	Firm        string
	Operator    provisioning.Operator
	Session     string // names this run of the program in the record
	Store       provisioning.Store
	Directories []provisioning.Directory
	DMS         provisioning.DMS
	Dispatcher  provisioning.Dispatcher
	Policy      *policy.Policy
	Clock       provisioning.Clock
	Tenant      string // names the document system, for what was confirmed on it
	// PolicySource reads policy.toml as it stands now; with it, a changed policy counts only once an operator accepted it. Nil: Policy
	// is the policy.
	PolicySource func() (PolicySource, error)
	// Operators are the names of those whom the configuration maps, for sealing a batch.
	Operators []string
	// Mapped are those whom the configuration maps, with their accounts and roles: the last one who may approve is never closed out.
	Mapped []provisioning.Operator
	// AuditKey is the key of the record's chain, for Verify; RecordKeys are the public keys whose signatures count on its checkpoints,
	// none: those that the anchors carry. Anchors reads what the places outside the store kept; nil: there is none to read.
	AuditKey   []byte
	RecordKeys []ed25519.PublicKey
	Anchors    func(ctx context.Context) ([]audit.Anchors, error)
	// ApprovalKeys are the public keys of those who approve, by the key of the person (Operator.Key); ApprovalKey gives this operator's own,
	// and makes it on first use. Exchange is where approvals are asked for and given on other machines; nil: nowhere.
	ApprovalKeys map[string]ed25519.PublicKey
	ApprovalKey  func(ctx context.Context) (provisioning.Signer, error)
	Exchange     Exchange
	// Signer signs the certificates of removal in the installation's name; nil: none can be made.
	Signer provisioning.Signer
	// HandSteps gives the exact steps of a change that is done by hand.
	HandSteps func(provisioning.Change) []string
	// Directories stand in the order of their priority: an attribute comes from the first that has it, but for those that Prefer
	// names (provisioning.Attributes → directory names).
	Prefer map[string][]string
	// FullEvery is how long a directory with a change feed is read by it before it is read whole again, by directory name; a
	// directory that is not named takes an hour.
	FullEvery map[string]time.Duration
	// Offices are the offices that the document system serves, where the firm has several: a person of another office who has no account
	// here is none of its concern. Nil: all.
	Offices []string
	// Canaries are the logins, emails or ids that a complete read must have seen, by directory name (DESIGN 3.2).
	Canaries map[string][]string
}

// Desk is the one service. It is safe for concurrent use. Close it to stop what it runs and wait for it.
type Desk struct {
	deps Deps

	roll   atomic.Pointer[Roll]
	state  atomic.Pointer[compared] // what the roll was made of
	staged atomic.Pointer[map[string]bool]
	rules  atomic.Pointer[policies] // nil: Deps.Policy counts
	uses   atomic.Pointer[map[string]provisioning.Use]

	removals  atomic.Pointer[removals] // nil: not loaded yet
	observing atomic.Bool              // a round of looks is under way
	// observeAgain says that something was due while a round was under way.
	observeAgain atomic.Bool
	looking      chan struct{} // held by whoever looks
	// lookFailed is when the store last could not keep a look; nil: it could.
	lookFailed atomic.Pointer[time.Time]

	mu      sync.Mutex // guards what follows
	gen     uint64
	draft   *provisioning.Batch // the one that is being staged; nil where there is none
	self    string              // the account that rollcall signs in with, once known
	running map[int64]*run
	reviews map[int64]*Review // those that were opened
	asked   map[int64]asked   // what was laid out for an approval, by batch; 0: the policy
	finder  *finder
	done    map[string]string // account → what a batch of this process did last, read back
	watched bool              // the schedule is looked at
	nudge   func()            // has it looked at now

	syncing sync.Mutex      // one read at a time
	ctx     context.Context //nolint:containedctx // the life of the work that the desk owns; ended by Close
	stop    context.CancelFunc
	work    sync.WaitGroup
}

// New makes a desk. Load gives it the last snapshot; Sync reads anew.
func New(deps Deps) *Desk {
	ctx, stop := context.WithCancel(context.Background())
	return &Desk{
		deps: deps, running: make(map[int64]*run), done: make(map[string]string), looking: make(chan struct{}, 1), nudge: func() {}, ctx: ctx, stop: stop,
	}
}

// Close pauses nothing and loses nothing: it lets what is in flight finish within its deadline, and returns when every
// goroutine of the desk has ended. A batch that was running is offered for resume at the next start.
func (d *Desk) Close() {
	d.stop()
	d.work.Wait()
}

// Roll returns the present roll, or nil before the first Load or Sync.
func (d *Desk) Roll() *Roll { return d.roll.Load() }

// Document names the connection of the document system.
func (d *Desk) Document() string { return d.deps.DMS.Name() }

// Operator says who is at the desk.
func (d *Desk) Operator() provisioning.Operator { return d.deps.Operator }

// ReadOnly says why nothing can be changed here, or "" where it can.
func (d *Desk) ReadOnly() string {
	if owner := d.deps.Store.ReadOnly(); owner != "" {
		return "another console owns the store: " + owner
	}
	if !d.deps.Operator.Role.MayChange() {
		return d.deps.Operator.Name + " may only read: map the operator to a role in config.toml"
	}
	return ""
}

// mayChange is the service layer's check (threats H3): no front end decides it.
func (d *Desk) mayChange() error {
	if why := d.ReadOnly(); why != "" {
		return &provisioning.Error{Code: provisioning.ReadOnly, Message: why, Hint: "looking and searching still work"}
	}
	return nil
}

func (d *Desk) now() time.Time { return d.deps.Clock.Now() }

// event starts an event of this operator and session.
func (d *Desk) event(kind provisioning.EventKind, subject, detail string) provisioning.Event {
	return provisioning.Event{
		At: d.now(), Actor: d.deps.Operator.Name, Session: d.deps.Session, Kind: kind, Subject: subject, Detail: detail,
	}
}
