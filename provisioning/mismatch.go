package provisioning

import "time"

// Kind is a kind of mismatch. One definition, held here, for the engine, the demo firm's truth and the tests (DESIGN 2).
type Kind string

// The kinds, each with the persons and accounts that it names. "Live" means: the person is active and the linked account is
// enabled. A listed service or protected account is never an orphan.
const (
	// KindLeaver: the person is explicitly ended, or proven absent, and the linked account is enabled. Names both.
	KindLeaver Kind = "leaver"
	// KindAdministrator: a leaver's account, or any disabled account, still in NRTADMIN or a global role. Names the account,
	// and the linked person where there is one.
	KindAdministrator Kind = "administrator"
	// KindReusedID: an active person is met by an exact key (SSO name, login, email, employee number) on an account that was
	// somebody else's or was closed: a recorded link names another person; or both carry employee numbers and they differ;
	// or the account is disabled and no recorded link says it is theirs. Never linked by itself. Names both.
	KindReusedID Kind = "reused-id"
	// KindDisputed: nothing is linked, and exact keys leave several candidates on either side, or two unique keys name
	// different accounts. Names every person and account of the knot.
	KindDisputed Kind = "disputed"
	// KindClash: several directories know a person and disagree: one says live and another ended, an attribute differs, or their
	// keys do not agree on who is who. Names the persons, and the linked account where there is one. Nothing is chosen silently: the
	// attribute shown is that of the directory first in priority, and nobody is a leaver by half of the evidence.
	KindClash Kind = "clash"
	// KindDuplicate: a person's account is linked, and another enabled, unlinked one carries the same employee number, or the
	// same full name and office. Names the person, the linked account and every duplicate.
	KindDuplicate Kind = "duplicate"
	// KindOrphan: an enabled account with nobody linked, no candidate (exact or suggested), not a listed service or
	// protected account, not a duplicate, reused or disputed one. Names the account.
	KindOrphan Kind = "orphan"
	// KindSSOName: linked and live, and the login keys of the SSO name and the user id differ: cannot sign in. Names both.
	KindSSOName Kind = "sso-name"
	// KindJoiner: an active person in policy's scope with no account: not linked, disputed or met on a reused id. Names the
	// person. A name suggestion does not stop the mismatch, but it stops the mend until a person has decided it.
	KindJoiner Kind = "joiner"
	// KindUnconfigured: linked and live; the account is in no library, or has only DEFAULT roles (DEFAULT, DEFAULT EXTERNAL)
	// and no group at all. Names both.
	KindUnconfigured Kind = "unconfigured"
	// KindPreferredLibrary: an enabled account in at least one library, whose preferred library is none of them. (An account
	// in no library is unconfigured, which says it already.) Names the account, and the linked person where there is one.
	KindPreferredLibrary Kind = "preferred-library"
	// KindAttribute: linked and live; full name, email, location (against office) or phone differ: NFC, trimmed, email
	// case-folded. A field that the directory leaves empty is not compared. Names both; Fields names what differs.
	KindAttribute Kind = "attribute"
	// KindWall: an enabled account holds groups that a wall of the policy keeps apart. Names the account, and the linked person where
	// there is one.
	KindWall Kind = "wall"
	// KindEntitlement: linked and live, in policy's scope, some rule of the policy fits the person, and a library, role or group is
	// missing or in excess against the birthright. Only where every directory and the document system were proven read whole, and
	// not beside unconfigured, which says it already. Names both; Missing and Excess name the rights.
	KindEntitlement Kind = "entitlement"
	// KindDormant: linked and live, and surely not used for the policy's first bucket of days. Unknown use is never dormant. Names both.
	KindDormant Kind = "dormant"
)

// Kinds lists every kind, the most dangerous first: the order of severity, of filters and of reports.
func Kinds() []Kind {
	return []Kind{
		KindLeaver, KindAdministrator, KindWall, KindReusedID, KindDisputed, KindClash, KindDuplicate, KindOrphan,
		KindSSOName, KindJoiner, KindUnconfigured, KindEntitlement, KindPreferredLibrary, KindAttribute, KindDormant,
	}
}

// Severity says how bad a mismatch is; it follows the danger (DESIGN 3.4).
type Severity string

// The severities, the worst first.
const (
	SeverityDanger  Severity = "danger"  // somebody who should not may open documents
	SeverityWarning Severity = "warning" // somebody cannot work, or nobody knows whose this is
	SeverityNotice  Severity = "notice"  // a difference without a victim today
)

// Severity returns the severity of a kind.
func (k Kind) Severity() Severity {
	switch k {
	case KindLeaver, KindAdministrator, KindWall, KindReusedID:
		return SeverityDanger
	case KindAttribute, KindPreferredLibrary, KindDormant:
		return SeverityNotice
	default:
		return SeverityWarning
	}
}

// Rank orders kinds by danger, 0 the worst.
func (k Kind) Rank() int {
	for i, other := range Kinds() {
		if k == other {
			return i
		}
	}
	return len(Kinds())
}

// FieldDiff is one attribute that differs between a person and an account.
type FieldDiff struct {
	Field   string `json:"field"` // full name, email, location, phone
	Person  string `json:"person"`
	Account string `json:"account"`
}

// Mismatch is a difference that matters between what the directory says and what iManage holds.
type Mismatch struct {
	Kind     Kind        `json:"kind"`
	Persons  []PersonKey `json:"-"`
	Accounts []string    `json:"accounts"`
	Severity Severity    `json:"severity"`
	Managed  bool        `json:"managed"`        // a directory sync owns the account: its mend waits for the directory
	Since    time.Time   `json:"since,omitzero"` // when the state began, where the source says
	Fields   []FieldDiff `json:"fields,omitempty"`
	// Missing and Excess are the rights of an entitlement mismatch, each sorted.
	Missing []Entitlement `json:"missing,omitempty"`
	Excess  []Entitlement `json:"excess,omitempty"`
	// Unsettled: who somebody is, or whether they are live, is in doubt. Nothing of theirs is changed before it is settled.
	Unsettled bool   `json:"unsettled,omitempty"`
	Detail    string `json:"detail"` // one sentence without the names: "office differs", "NRTADMIN in LON-COR"
}

// LinkStatus says how a person and an account stand to each other (DESIGN 2, correlation).
type LinkStatus string

// The link statuses.
const (
	Linked   LinkStatus = "linked"
	Unlinked LinkStatus = "unlinked"
	Disputed LinkStatus = "disputed"
	Orphan   LinkStatus = "orphan"
)

// KeyName names a correlation key, in the order of precedence (DESIGN 3.3).
type KeyName string

// The correlation keys. KeyName("name") is a suggestion's evidence, never an exact key.
const (
	KeyRecorded    KeyName = "recorded link"
	KeySSOName     KeyName = "SSO name"
	KeyEmail       KeyName = "email"
	KeyEmployee    KeyName = "employee number"
	KeyLogin       KeyName = "login"
	KeyNameSimilar KeyName = "name"
)

// Evidence is one reason to believe that a person and an account belong together.
type Evidence struct {
	Key    KeyName `json:"key"`
	Value  string  `json:"value"` // what agreed
	Detail string  `json:"detail,omitempty"`
}

// Suggestion is a candidate that only a person can confirm.
type Suggestion struct {
	Person   PersonKey  `json:"person"`
	Account  string     `json:"account"`
	Score    float64    `json:"score"` // 0 … 1, comparable only between suggestions
	Evidence []Evidence `json:"evidence"`
	Hold     string     `json:"hold,omitempty"` // why it did not link by itself
}

// Decision is an operator's remembered word about a person and an account: theirs, or not theirs. It is reversible by a
// later decision; the store keeps them all, and the latest of a pair counts.
type Decision struct {
	Person  PersonKey `json:"person"`
	Account string    `json:"account"`
	Theirs  bool      `json:"theirs"` // true: link them; false: never suggest them again
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Reason  string    `json:"reason,omitempty"`
}
