package provisioning

import (
	"slices"
	"time"
)

// NRTADMIN is the group whose members administer a library (contracts/imanage.md 6).
const NRTADMIN = "NRTADMIN"

// Origin says who owns an account: a person at Control Center, or a directory sync (contracts/imanage.md 5.1, user_nos).
type Origin int

// The origins that iManage documents.
const (
	OriginVirtual    Origin = 2 // created by hand, import or API
	OriginEnterprise Origin = 6 // brought by directory sync
)

// Membership is an account's place in one library: there, with exactly one role.
type Membership struct {
	Library   string `json:"library"`
	Role      string `json:"role,omitempty"` // empty: not known
	Enabled   bool   `json:"enabled"`        // allow_logon on the library's own record
	Preferred bool   `json:"preferred,omitempty"`
}

// GroupRef names a group: in a library, or global when Library is empty.
type GroupRef struct {
	Library string `json:"library,omitempty"`
	Group   string `json:"group"`
}

// Account is an iManage user: one global record, and one in each library (contracts/imanage.md 5).
type Account struct {
	ID               string    `json:"id"` // immutable, upper-cased by the server
	FullName         string    `json:"full_name"`
	Email            string    `json:"email"`
	Location         string    `json:"location,omitempty"`
	Phone            string    `json:"phone,omitempty"`
	EmployeeNumber   string    `json:"employee_number,omitempty"` // the configured custom field (DESIGN 3.3)
	PreferredLibrary string    `json:"preferred_library,omitempty"`
	Enabled          bool      `json:"enabled"` // allow_logon on the global record
	External         bool      `json:"external,omitempty"`
	Origin           Origin    `json:"origin,omitempty"`
	DirectoryID      string    `json:"directory_id,omitempty"`
	Created          time.Time `json:"created,omitzero"`
	Edited           time.Time `json:"edited,omitzero"`

	Memberships []Membership `json:"memberships,omitempty"` // sorted by library
	Groups      []GroupRef   `json:"groups,omitempty"`      // sorted by library, then group
	GlobalRoles []string     `json:"global_roles,omitempty"`
}

// Managed reports whether a directory sync owns the account, so that its mend is "waits for the directory".
func (a *Account) Managed() bool { return a.Origin == OriginEnterprise || a.DirectoryID != "" }

// Administers lists the libraries in which the account is a member of NRTADMIN.
func (a *Account) Administers() []string {
	var libraries []string
	for _, g := range a.Groups {
		if g.Group == NRTADMIN && g.Library != "" {
			libraries = append(libraries, g.Library)
		}
	}
	return libraries
}

// Membership returns the account's place in a library, and whether it has one.
func (a *Account) Membership(library string) (Membership, bool) {
	i := slices.IndexFunc(a.Memberships, func(m Membership) bool { return m.Library == library })
	if i < 0 {
		return Membership{}, false
	}
	return a.Memberships[i], true
}

// Library is one iManage library.
type Library struct {
	ID     string `json:"id"`
	Type   string `json:"type,omitempty"`
	Hidden bool   `json:"hidden,omitempty"`
}

// Group is an iManage group, in a library or global.
type Group struct {
	Ref      GroupRef `json:"ref"`
	FullName string   `json:"full_name,omitempty"`
	Enabled  bool     `json:"enabled"`
	External bool     `json:"external,omitempty"`
	Origin   Origin   `json:"origin,omitempty"`
}

// Profile is what a new account is created with.
type Profile struct {
	ID               string `json:"id"`
	FullName         string `json:"full_name"`
	Email            string `json:"email"`
	Location         string `json:"location,omitempty"`
	Phone            string `json:"phone,omitempty"`
	EmployeeNumber   string `json:"employee_number,omitempty"`
	PreferredLibrary string `json:"preferred_library"`
	External         bool   `json:"external,omitempty"`
	// Closed says that the account is disabled while it is assigned to a library: the assignment must not let it in there.
	Closed bool `json:"closed,omitempty"`
}
