package provisioning

import (
	"context"
	"time"
)

// CampaignState is how far an access review has come.
type CampaignState string

// The states, in their order: an open campaign takes decisions; a closed one takes none, and its revokes are a batch; a done one has its
// closing snapshot; a cancelled one changed nothing.
const (
	CampaignOpen      CampaignState = "open"
	CampaignClosed    CampaignState = "closed"
	CampaignDone      CampaignState = "done"
	CampaignCancelled CampaignState = "cancelled"
)

// ReviewVerdict is a reviewer's word on one item.
type ReviewVerdict string

// The verdicts. "" is undecided.
const (
	ReviewKeep     ReviewVerdict = "keep"
	ReviewRevoke   ReviewVerdict = "revoke"
	ReviewAsk      ReviewVerdict = "ask"      // undecided, with a question
	ReviewDelegate ReviewVerdict = "delegate" // undecided, and somebody else's
)

// What becomes of an item that nobody decided.
const (
	UndecidedKeep     = "keep"
	UndecidedRevoke   = "revoke"
	UndecidedEscalate = "escalate" // the campaign does not close before somebody decided it
)

// CampaignScope says whose access is reviewed, and which. What is set narrows: an item must fit every field that is.
type CampaignScope struct {
	Libraries  []string `json:"libraries,omitempty"`
	Groups     []string `json:"groups,omitempty"` // LIBRARY/GROUP, /GROUP
	Roles      []string `json:"roles,omitempty"`  // library roles and global roles, by name
	Offices    []string `json:"offices,omitempty"`
	Practices  []string `json:"practices,omitempty"`
	Externals  bool     `json:"externals,omitempty"`      // external accounts only
	Admins     bool     `json:"administrators,omitempty"` // NRTADMIN and global roles only
	Dormant    bool     `json:"dormant,omitempty"`        // accounts that are not used, each as one item
	ChangedNow bool     `json:"changed,omitempty"`        // what was gained since Since only
	// Since is the end of the last campaign, for ChangedNow; the desk sets it.
	Since time.Time `json:"since,omitzero"`
}

// Reviewer decides. Key is an operator's name, or a person's email where they have no console and answer by file.
type Reviewer struct {
	Key      string    `json:"key"`
	Name     string    `json:"name"`
	Email    string    `json:"email,omitempty"`
	Person   PersonKey `json:"person,omitzero"`
	Account  string    `json:"account,omitempty"`
	Operator bool      `json:"operator"`
}

// ReviewStage is one round of a campaign.
type ReviewStage struct {
	Name string `json:"name"`
	// Assign says who decides: "named" (Reviewers, the items shared out among them by person), or "manager" (the person's manager in the
	// directory; where nobody knows that, the first of Reviewers).
	Assign    string   `json:"assign"`
	Reviewers []string `json:"reviewers"` // keys
	// Sees is which items come to this stage, after the one before: "all", "revoke", "keep", "undecided". The first sees all.
	Sees string    `json:"sees"`
	Due  time.Time `json:"due"`
}

// Campaign is one access review.
type Campaign struct {
	ID        int64         `json:"id"`
	Version   int64         `json:"version"`
	State     CampaignState `json:"state"`
	Name      string        `json:"name"`
	Scope     CampaignScope `json:"scope"`
	Reviewers []Reviewer    `json:"reviewers"`
	Stages    []ReviewStage `json:"stages"`
	Stage     int           `json:"stage"` // the one under way, from 0
	// Undecided, SelfReview and Fallback are the policy's word when it began: what becomes of what nobody decided, whether somebody may
	// decide on their own access, and the key of who decides it instead.
	Undecided  string    `json:"undecided"`
	SelfReview bool      `json:"self_review"`
	Fallback   string    `json:"fallback,omitempty"`
	CreatedBy  string    `json:"created_by"`
	CreatedAt  time.Time `json:"created_at"`
	SnapshotID string    `json:"snapshot_id"`
	SnapshotAt time.Time `json:"snapshot_at"`
	Warnings   []string  `json:"warnings,omitempty"` // stale or unproven sources at the start, in sentences
	Items      int       `json:"items"`
	Batch      int64     `json:"batch,omitempty"` // of the revokes; 0: none
	ClosedBy   string    `json:"closed_by,omitempty"`
	ClosedAt   time.Time `json:"closed_at,omitzero"`
	DoneAt     time.Time `json:"done_at,omitzero"`
}

// Review kinds: what one item is about.
const (
	ReviewLibrary    = "library"     // the account's place in Library, with its Role
	ReviewGroup      = "group"       // membership of Library/Object; Library "" for a global one
	ReviewGlobalRole = "global role" // Object
	ReviewAccount    = "account"     // the account itself
)

// How an item stands to the policy.
const (
	StandsBirthright = "birthright" // a rule gives it
	StandsException  = "exception"  // an exception of the policy gives it, for its Reason
	StandsExcess     = "excess"     // rules fit the person, and none gives it
	StandsNoRule     = "no rule"    // the policy says nothing of it
)

// ReviewItem is one decision: one access of one account, with the evidence that matters. All strings are raw.
type ReviewItem struct {
	N        int       `json:"n"` // 1 …, in the campaign
	Account  string    `json:"account"`
	Person   PersonKey `json:"person,omitzero"` // zero: nobody is linked
	Name     string    `json:"name"`
	Email    string    `json:"email,omitempty"`
	Office   string    `json:"office,omitempty"`
	Practice string    `json:"practice,omitempty"`
	Title    string    `json:"title,omitempty"`
	Kind     string    `json:"kind"`
	Library  string    `json:"library,omitempty"`
	Object   string    `json:"object,omitempty"`
	Role     string    `json:"role,omitempty"`
	Reviewer string    `json:"reviewer"` // the key of whom it was given to at the start

	Enabled   bool      `json:"enabled"`          // the account
	Standing  string    `json:"standing"`         // to the policy
	Reason    string    `json:"reason,omitempty"` // the rule's name, or the exception's reason
	Usage     Usage     `json:"usage"`
	LastUsed  time.Time `json:"last_used,omitzero"`
	UsedHow   string    `json:"used_how,omitempty"` // "edit of …", "okta sign-in"; why it is unknown
	Peers     int       `json:"peers"`              // others in the same seat: office, practice, title
	PeersHave int       `json:"peers_have"`         // of those, who have the same
	Since     time.Time `json:"since,omitzero"`     // when it was given, or first read
	By        string    `json:"by,omitempty"`       // who gave it, where rollcall did: "l.ortiz, batch 12"
	Walls     []string  `json:"walls,omitempty"`    // that it takes part in breaking
	Alarms    []string  `json:"alarms,omitempty"`   // "leaver", "administrator", "external", "account disabled"
}

// ReviewDecision is one decision on one item. They are only ever added; the latest of an item in a stage counts.
type ReviewDecision struct {
	Item    int           `json:"item"`
	Stage   int           `json:"stage"`
	Verdict ReviewVerdict `json:"verdict"`
	Reason  string        `json:"reason,omitempty"`
	To      string        `json:"to,omitempty"` // of a delegation: the reviewer's key
	// Reviewer is whose decision it is, By the operator who entered it, How the way: "console", "html PACKET", "xlsx PACKET", "policy".
	Reviewer string    `json:"reviewer"`
	By       string    `json:"by"`
	How      string    `json:"how"`
	At       time.Time `json:"at"`
}

// ReviewPacket is a file that was made for a reviewer without a console.
type ReviewPacket struct {
	ID       string    `json:"id"`
	Campaign int64     `json:"campaign"`
	Stage    int       `json:"stage"`
	Reviewer string    `json:"reviewer"`
	Format   string    `json:"format"` // html, xlsx
	Items    []int     `json:"items"`
	Hash     string    `json:"hash"`                 // hex SHA-256 of the items as they were handed out
	Public   []byte    `json:"public,omitempty"`     // the packet's own key (PKIX); an html answer is signed with its other half
	MadeBy   string    `json:"made_by"`              //
	MadeAt   time.Time `json:"made_at"`              //
	TakenAt  time.Time `json:"taken_at,omitzero"`    // when its answer was imported; zero: not yet
	Answer   string    `json:"answer,omitempty"`     // hex SHA-256 of the answer
	Expires  time.Time `json:"expires_at,omitzero"`  // an answer after this is refused
	Revoked  bool      `json:"superseded,omitempty"` // another packet took its place
}

// Campaigns is what the store keeps of the access reviews.
type Campaigns interface {
	// StartCampaign inserts a campaign with its items and its signed opening snapshot; on success its ID and Version are set. statement
	// gives that snapshot for the id, in parts that follow each other.
	StartCampaign(ctx context.Context, c *Campaign, items []ReviewItem, statement func(id int64) ([][]byte, error), e Event) error
	// Campaign returns one; NotFound where there is none. Campaigns lists them, the newest first. Neither holds items.
	Campaign(ctx context.Context, id int64) (*Campaign, error)
	Campaigns(ctx context.Context) ([]*Campaign, error)
	// ReviewItems returns the items of a campaign in their order; CampaignSnapshot its signed snapshot, "opening" or "closing", nil where
	// there is none yet.
	ReviewItems(ctx context.Context, id int64) ([]ReviewItem, error)
	CampaignSnapshot(ctx context.Context, id int64, which string) ([]byte, error)
	// SaveCampaign writes the campaign's own fields, and the closing snapshot where one is given; Stale where its Version is not the
	// stored one.
	SaveCampaign(ctx context.Context, c *Campaign, closing [][]byte, e Event) error
	// DecideReview adds decisions to an open campaign in its stage, all or none; Stale where the campaign is not open, or in another stage.
	DecideReview(ctx context.Context, id int64, decisions []ReviewDecision, e Event) error
	// ReviewDecisions walks all decisions of a campaign, oldest first.
	ReviewDecisions(ctx context.Context, id int64, visit func(ReviewDecision) error) error
	// SavePacket keeps a packet; with Format and Reviewer of an earlier one of the stage, that one is superseded. TakePacket keeps the
	// decisions of its answer, once: Stale where it was taken or superseded.
	SavePacket(ctx context.Context, p ReviewPacket, e Event) error
	Packet(ctx context.Context, id string) (ReviewPacket, error)
	Packets(ctx context.Context, campaign int64) ([]ReviewPacket, error)
	TakePacket(ctx context.Context, p ReviewPacket, decisions []ReviewDecision, e Event) error
}
