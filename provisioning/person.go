package provisioning

import "time"

// PersonKey names a person for ever: the directory's connection name and the immutable id inside it. Never a login, never an
// email, which both can be given to somebody else (threats H4).
type PersonKey struct {
	Directory string `json:"directory"`
	ID        string `json:"id"`
}

// String renders the key as directory/id, for messages and for the record.
func (k PersonKey) String() string { return k.Directory + "/" + k.ID }

// IsZero reports whether the key names nobody.
func (k PersonKey) IsZero() bool { return k == PersonKey{} }

// Status says where a person stands in the directory, in rollcall's own words; RawStatus keeps the vendor's word.
type Status string

// The statuses. Only Suspended, Deprovisioned and Deleted are an explicit end: they need no proof of a complete read.
const (
	StatusUnknown       Status = ""              // a word this version does not know: data, never a reason to act
	StatusPending       Status = "pending"       // created, not yet usable (Okta STAGED, PROVISIONED)
	StatusActive        Status = "active"        // may sign in, or could after a password or lock matter is settled
	StatusSuspended     Status = "suspended"     // explicitly stopped, reversible
	StatusDeprovisioned Status = "deprovisioned" // explicitly ended
	StatusDeleted       Status = "deleted"       // listed by the vendor as deleted
)

// Live reports whether the person is one who works here now (active).
func (s Status) Live() bool { return s == StatusActive }

// Ended reports whether the directory says explicitly that the person's access is over (DESIGN 3.2).
func (s Status) Ended() bool {
	return s == StatusSuspended || s == StatusDeprovisioned || s == StatusDeleted
}

// Person is somebody an identity provider knows.
type Person struct {
	Key            PersonKey `json:"key"`
	Login          string    `json:"login"`
	Email          string    `json:"email"`
	Aliases        []string  `json:"aliases,omitempty"`
	SSOName        string    `json:"sso_name,omitempty"` // what the firm's single sign-on sends as the iManage user id
	FullName       string    `json:"full_name"`          // the display name; falls back to given and family name
	GivenName      string    `json:"given_name,omitempty"`
	FamilyName     string    `json:"family_name,omitempty"`
	EmployeeNumber string    `json:"employee_number,omitempty"`
	Type           string    `json:"type,omitempty"` // employment type: employee, contractor, service …
	Title          string    `json:"title,omitempty"`
	Department     string    `json:"department,omitempty"` // the practice group, in a law firm
	Office         string    `json:"office,omitempty"`
	Phone          string    `json:"phone,omitempty"`
	ManagerID      string    `json:"manager_id,omitempty"`
	BirthYear      string    `json:"birth_year,omitempty"` // only to tell two people of one name apart; never compared

	Status        Status    `json:"status"`
	RawStatus     string    `json:"raw_status,omitempty"`
	StatusChanged time.Time `json:"status_changed,omitzero"`
	Created       time.Time `json:"created,omitzero"`
	Updated       time.Time `json:"updated,omitzero"`
	LastSignIn    time.Time `json:"last_sign_in,omitzero"`

	Groups []string `json:"groups,omitempty"` // directory group names
}

// Absence is what is known of a person whom an earlier read saw and the present one did not (DESIGN 3.2).
type Absence struct {
	Person   Person    `json:"person"` // as last seen
	LastSeen time.Time `json:"last_seen"`
	MissedAt time.Time `json:"missed_at,omitzero"` // the first complete read that did not see them; zero where none was complete
	Proven   bool      `json:"proven"`             // the directory was read whole, and a second look agreed
	How      string    `json:"how"`                // "direct read by id: gone", "second complete read 14:12", or why it is not proven
}
