package desk

import (
	"time"

	"rollcall/provisioning"
)

// CaseKind is which of the three wizards a case belongs to.
type CaseKind string

// The kinds of case.
const (
	CaseJoiner CaseKind = "joiner"
	CaseMover  CaseKind = "mover"
	CaseLeaver CaseKind = "leaver"
)

// CaseOptions are what an operator decided in a wizard. The zero value is what the policy says, now.
type CaseOptions struct {
	// Like is the row key of a colleague: a joiner gets what they hold, minus walls and administration, in place of the template.
	Like string
	// Add and Drop are rights that the operator put in and left out.
	Add, Drop []provisioning.Entitlement
	// Rehire says that the closed account of the collision is this person's own, with the reason why the operator is sure. It is
	// emptied of groups before it is enabled (threats H4).
	Rehire string
	Reason string
	At     time.Time // leaver: the minute at which it begins; zero: now
	Grace  time.Time // mover: the minute at which what goes, goes; zero: now
	// Successor is the account that gets the workspaces that a leaver owns; "": they stay, and the case says so.
	Successor string
	Release   bool     // leaver: the check-outs are ended; what was not saved to iManage is lost with them
	Readers   []string // the operators who may read the batch, where it is to be sealed
}

// RightState says what becomes of a right in a case.
type RightState string

// The states of a right.
const (
	RightComes      RightState = "comes"
	RightStays      RightState = "stays"
	RightGoes       RightState = "goes"
	RightWithheld   RightState = "withheld"  // a wall, a disabled group or a library that does not exist keeps it back
	RightDropped    RightState = "left out"  // by the operator
	RightUngoverned RightState = "untouched" // the policy leaves it alone
)

// Right is one right of a case with its reason. Why is raw.
type Right struct {
	provisioning.Entitlement
	State RightState
	Bar   string // of a withheld one what keeps it back: "wall", "disabled group", "withheld"
	Why   string // "department is Litigation (rule 7, London Litigation)", "like Ngozi Okafor", "not given to the new seat"
}

// Check is one thing that was looked at before staging, said in one sentence. All raw strings.
type Check struct {
	What   string // "collision", "rehire", "directory", "sso name", "wall", "administrator", "disabled group", "workspaces" …
	State  provisioning.FindingState
	Detail string
}

// Linked is somebody whose seat hangs on the mover's: the assistant, the team. They are offered, never taken along by themselves.
type Linked struct {
	Key  string // of the roll's row
	Name string // raw
	Why  string // "Tom Barnes is their manager"
}

// Case is a joiner, mover or leaver in preparation: what was found, what would be done and why. It changes nothing until it is
// staged. It is immutable: other options make another case.
type Case struct {
	Kind    CaseKind
	Key     string // of the roll's row
	Name    string // raw
	Person  *provisioning.Person
	Account *provisioning.Account // nil where there is none yet
	Options CaseOptions

	Hold string // why nothing may be staged, a sentence; "" where it may
	// NeedsReason: the leaver is still active in the directory, and an operator's reason (CaseOptions.Reason) takes the place of proof.
	NeedsReason bool
	Checks      []Check  // what hurts first
	Template    string   // the rules that were chosen, in words
	OldSeat     string   // mover: what the account was set up for
	NewSeat     string   // mover: what the directory says now
	Rights      []Right  // by library
	Idp         []string // leaver: how the directories see the person: "still active in okta since 4 Mar 2019"
	Ends        provisioning.LooseEnds
	Linked      []Linked
	Covers      []string // leaver: what the certificate of removal will cover

	Now   []Line // what will be done, in plain words
	Later []Line // mover: what will be done at the grace date

	now, later []provisioning.Change
	kind       provisioning.Kind // the mismatch that it mends, for the journal
}

// CaseStaged says what staging a case did.
type CaseStaged struct {
	Batch   int64 // with what is done now, or at its minute
	Own     bool  // the batch is the case's own, not the one that is being staged
	Later   int64 // mover: the batch with what goes at the grace date; 0 where there is none
	Changes int
}

// Choice is one thing that can be picked as one types. Raw strings.
type Choice struct {
	ID    string // a row key, a library, an account, an operator
	Title string
	Note  string
}

// ChoiceKind is what is being picked.
type ChoiceKind string

// The kinds of choice.
const (
	ChoosePerson   ChoiceKind = "person"   // ID is a row key
	ChooseLibrary  ChoiceKind = "library"  //
	ChooseGroup    ChoiceKind = "group"    // ID is LIBRARY/GROUP
	ChooseAccount  ChoiceKind = "account"  // enabled accounts
	ChooseOperator ChoiceKind = "operator" // those whom the configuration maps
)

// Planned is a batch of the calendar. A sealed one that the operator may not read tells its time and nothing else.
type Planned struct {
	ID     int64
	State  provisioning.BatchState // scheduled or missed
	Due    time.Time
	Zone   string
	Title  string // raw; "sealed" where it may not be read
	People int
	Lose   int
	By     string
	Sealed bool
	Hidden bool
}

// PolicyEffect is what a changed policy would do to the whole roster, before it counts.
type PolicyEffect struct {
	Changed bool   // policy.toml is not the policy that counts
	Why     string // where the new text cannot be read
	Rows    []PolicyRow
	// Gain and Lose count the people who would gain, or lose, a right that policy gives them; Counts every kind of difference.
	Gain, Lose int
	Lines      []string // other differences: limits, protected, walls
	Hash       string   // of the new text, for AcceptPolicy
	Second     Second   // how it stands with a second person, where the policy asks for two
}

// PolicyRow is one person whom a changed policy concerns.
type PolicyRow struct {
	Key   string
	Name  string
	Gains []provisioning.Entitlement
	Loses []provisioning.Entitlement
}

// Explained is what a policy gives one person, and why. All raw strings.
type Explained struct {
	Name   string           `json:"name"`
	Person string           `json:"person"`
	Lines  []ExplainedRight `json:"rights"`
	Notes  []string         `json:"notes,omitempty"` // exclusive rules, what walls withhold, exceptions that ended
	None   string           `json:"none,omitempty"`  // why no rule fits
}

// ExplainedRight is one right that a policy gives.
type ExplainedRight struct {
	provisioning.Entitlement
	State RightState `json:"state"` // comes (missing), stays (held), withheld, goes (in excess)
	Why   string     `json:"why"`
}
