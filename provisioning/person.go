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
	Manager        string    `json:"manager,omitempty"`    // the manager's name or login, where the directory gives that and no id
	BirthYear      string    `json:"birth_year,omitempty"` // only to tell two people of one name apart; never compared
	// ExternalID is an immutable id by which another system knows the same person (Entra's onPremisesImmutableId, OneLogin's
	// external_id, a configured attribute elsewhere): what ties the records of several directories together.
	ExternalID string `json:"external_id,omitempty"`

	Status        Status    `json:"status"`
	RawStatus     string    `json:"raw_status,omitempty"`
	StatusChanged time.Time `json:"status_changed,omitzero"`
	Created       time.Time `json:"created,omitzero"`
	Updated       time.Time `json:"updated,omitzero"`
	LastSignIn    time.Time `json:"last_sign_in,omitzero"`
	HireDate      time.Time `json:"hire_date,omitzero"`
	LeaveDate     time.Time `json:"leave_date,omitzero"`

	Groups []string `json:"groups,omitempty"` // directory group names, those of nested groups among them

	// Records are the directories' own records that this person was merged from, the first in priority first; nil where one
	// directory alone knows them. A merged person is made anew from its records with each comparison, and never kept.
	Records []*Person `json:"-"`
	// Ties says how the records after the first were tied to it, in their order: "same immutable id", "email t.b@firm.example".
	Ties []string `json:"-"`
	// Former are the ids under which directories that no longer list the person knew them.
	Former []PersonKey `json:"-"`
}

// Keys are the immutable ids under which the directories know a person, or knew them: the first in priority first.
func (p *Person) Keys() []PersonKey {
	keys := []PersonKey{p.Key}
	for _, r := range p.Records {
		if r.Key != p.Key {
			keys = append(keys, r.Key)
		}
	}
	return append(keys, p.Former...)
}

// Known reports whether a key is one of the person's.
func (p *Person) Known(k PersonKey) bool {
	if p.Key == k {
		return true
	}
	for _, r := range p.Records {
		if r.Key == k {
			return true
		}
	}
	for _, f := range p.Former {
		if f == k {
			return true
		}
	}
	return false
}

// Attribute is one of the attributes that a merged person takes from the first of its records that has it.
type Attribute struct {
	Name string // as it is shown: "full name"
	Of   func(p *Person) string
	Set  func(p *Person, value string)
}

// Attributes lists what is merged, in the order of the person's page. Whether two values of one attribute are the same is not told
// here.
func Attributes() []Attribute {
	return []Attribute{
		{"full name", func(p *Person) string { return p.FullName }, func(p *Person, v string) { p.FullName = v }},
		{"email", func(p *Person) string { return p.Email }, func(p *Person, v string) { p.Email = v }},
		{"office", func(p *Person) string { return p.Office }, func(p *Person, v string) { p.Office = v }},
		{"phone", func(p *Person) string { return p.Phone }, func(p *Person, v string) { p.Phone = v }},
		{"practice", func(p *Person) string { return p.Department }, func(p *Person, v string) { p.Department = v }},
		{"title", func(p *Person) string { return p.Title }, func(p *Person, v string) { p.Title = v }},
		{"number", func(p *Person) string { return p.EmployeeNumber }, func(p *Person, v string) { p.EmployeeNumber = v }},
		{"user id", func(p *Person) string { return p.SSOName }, func(p *Person, v string) { p.SSOName = v }},
		{"kind", func(p *Person) string { return p.Type }, func(p *Person, v string) { p.Type = v }},
	}
}

// Source names the directory whose record an attribute of a merged person comes from, "" where one directory alone knows them. An
// attribute may have an order of its own, so that the first record that has it need not be the one that is shown.
func (p *Person) Source(a Attribute) string {
	shown := a.Of(p)
	for _, r := range p.Records {
		if shown != "" && a.Of(r) == shown {
			return r.Key.Directory
		}
	}
	return ""
}

// Absence is what is known of a person whom an earlier read saw and the present one did not (DESIGN 3.2).
type Absence struct {
	Person   Person    `json:"person"` // as last seen
	LastSeen time.Time `json:"last_seen"`
	MissedAt time.Time `json:"missed_at,omitzero"` // the first complete read that did not see them; zero where none was complete
	Proven   bool      `json:"proven"`             // the directory was read whole, and a second look agreed
	How      string    `json:"how"`                // "direct read by id: gone", "second complete read 14:12", or why it is not proven
}
