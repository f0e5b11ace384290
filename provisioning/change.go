package provisioning

import (
	"encoding/json"
	"fmt"
)

// ChangeKind names what a change does. Each is a state assertion, so that a repeat is harmless (DESIGN 4).
type ChangeKind string

// The kinds of change, in the order in which one person's are done: for a joiner create ► libraries ► roles ► groups, for a
// leaver disable first, then NRTADMIN, groups, roles, libraries (DESIGN 4).
const (
	CreateAccount    ChangeKind = "create account"
	EnableAccount    ChangeKind = "enable account"
	DisableAccount   ChangeKind = "disable account"
	SetAttribute     ChangeKind = "set attribute"       // Object: full_name, email, location, phone, preferred_library
	AssignLibrary    ChangeKind = "assign to library"   // Library; After is the role it is assigned with
	SetLibraryRole   ChangeKind = "set library role"    // Library; After is the role
	JoinGroup        ChangeKind = "join group"          // Library, Object: the group
	LeaveGroup       ChangeKind = "leave group"         // Library, Object: the group
	RemoveLibrary    ChangeKind = "remove from library" // Library
	RemoveGlobalRole ChangeKind = "remove global role"  // Object: the role
	// GiveGlobalRole puts an account back into a global role that was taken from it: Object. Only an undo does it.
	GiveGlobalRole ChangeKind = "give global role"
	// TransferWorkspace gives a workspace of the account to a successor: Library, Object the workspace's id, Before and After the owner.
	TransferWorkspace ChangeKind = "transfer workspace"
	// ReleaseLock ends a check-out or lock of the account: Library, Object the document's id.
	ReleaseLock ChangeKind = "release lock"
)

// The values that an aspect of an account takes in Before, After and an Observation. Attributes and roles use their own
// strings; ValueAbsent stands for "not in the library" there too.
const (
	ValueAbsent   = "absent"   // no such account, or not in that library
	ValueEnabled  = "enabled"  // allow_logon true
	ValueDisabled = "disabled" // allow_logon false
	ValueMember   = "member"
	ValueNoMember = "no member"
	ValueLocked   = "checked out" // by the account
	ValueReleased = "released"    // by nobody, or by somebody else
)

// Change is one wanted effect on one account, with its precondition (Before, what it saw) and its wish (After). Both are
// values of the same aspect, so that the inverse is the same change with the two exchanged.
type Change struct {
	Kind    ChangeKind `json:"kind"`
	Account string     `json:"account"` // the user id, upper-cased
	Library string     `json:"library,omitempty"`
	Object  string     `json:"object,omitempty"` // a group, a field or a global role, by Kind
	Before  string     `json:"before"`
	After   string     `json:"after"`
	// Profile is the whole profile for CreateAccount and AssignLibrary: both calls carry it (contracts/imanage.md 5.2).
	Profile *Profile `json:"profile,omitempty"`
	// ByHand says why the change is never sent, and is done by a person in Control Center (DESIGN 4, first use "probe").
	ByHand string `json:"by_hand,omitempty"`
	// Along is, for a RemoveLibrary of an undo, what the removal may take along: the role and the groups that the undone batch gave.
	// Anything else there is somebody else's by then, and the change has drifted.
	Along *PreImage `json:"along,omitempty"`
}

// EndsAccess reports whether the change takes access away: what guards count and the confirmation asks for.
func (c Change) EndsAccess() bool {
	switch c.Kind {
	case DisableAccount, LeaveGroup, RemoveLibrary, RemoveGlobalRole:
		return true
	default:
		return false
	}
}

// Encode gives the profile as the canonical string that a CreateAccount carries in After and that an Observation of the
// account compares with, byte for byte.
func (p Profile) Encode() string {
	b, err := json.Marshal(p)
	if err != nil { // strings and a bool cannot fail to marshal
		return fmt.Sprintf("%+v", p)
	}
	return string(b)
}

// ProfileOf is the profile part of an account, for Encode.
func ProfileOf(a *Account) Profile {
	return Profile{
		ID: a.ID, FullName: a.FullName, Email: a.Email, Location: a.Location, Phone: a.Phone,
		EmployeeNumber: a.EmployeeNumber, PreferredLibrary: a.PreferredLibrary, External: a.External,
	}
}

// Observation is the present value of the aspect that a change touches, read from the live system.
type Observation struct {
	Value   string `json:"value"`
	Managed bool   `json:"managed,omitempty"` // a directory sync owns the account now
	// Others is, for leaving NRTADMIN, how many other enabled members the library would still have; -1 where not read.
	Others int `json:"others"`
	// Pre is, for an account that is in the library of a RemoveLibrary, what leaving it takes along; nil where that was not read.
	Pre *PreImage `json:"pre,omitempty"`
}

// Receipt is what the system said to a change that it accepted.
type Receipt struct {
	Status      int    `json:"status"`
	Transaction string `json:"transaction,omitempty"` // the vendor's correlation id
}

// RestsOn reports whether the change cannot be done before an earlier one of the same unit is: without the account nothing, without
// the library no role and no group in it.
func (c Change) RestsOn(earlier Change) bool {
	switch earlier.Kind {
	case CreateAccount:
		return true
	case AssignLibrary:
		return c.Library == earlier.Library
	default:
		return false
	}
}
