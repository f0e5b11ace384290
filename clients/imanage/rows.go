package imanage

import (
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

var (
	errNoList = errors.New("there is no list in the answer")
	errNoID   = errors.New("a row without an id came")
)

// The names of the fields of a user that a change may name.
const (
	fieldFullName  = "full_name"
	fieldEmail     = "email"
	fieldLocation  = "location"
	fieldPhone     = "phone"
	fieldPreferred = "preferred_library"
)

// moment is a time that is only told: one that cannot be read is none, and ends no list (the vendor prints an offset with a dot,
// contracts/imanage.md 1).
type moment struct{ time.Time }

// UnmarshalJSONFrom reads a time.
func (m *moment) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	text, err := wire.Text(d)
	if err != nil {
		return err
	}
	m.Time, err = time.Parse(time.RFC3339, text)
	if err != nil {
		m.Time = time.Time{}
	}
	return nil
}

// user is an account on the wire (contracts/imanage.md 5.1).
type user struct {
	ID          string        `json:"id"`
	FullName    string        `json:"full_name"`
	Email       string        `json:"email"`
	Location    string        `json:"location"`
	Phone       string        `json:"phone"`
	Custom1     string        `json:"custom1"`
	Custom2     string        `json:"custom2"`
	Custom3     string        `json:"custom3"`
	Preferred   string        `json:"preferred_library"`
	AllowLogon  bool          `json:"allow_logon"`
	External    bool          `json:"is_external"`
	Nos         int           `json:"user_nos"`
	DirectoryID string        `json:"directory_id"`
	Created     moment        `json:"create_date"`
	Edited      moment        `json:"edit_date"`
	Libraries   []placeOfUser `json:"libraries"`
}

// placeOfUser is a library that an account is in, as its global record tells it.
type placeOfUser struct {
	ID        string `json:"id"`
	Preferred bool   `json:"preferred"`
}

type group struct {
	ID       string `json:"id"`
	FullName string `json:"full_name"`
	Enabled  bool   `json:"enabled"`
	External bool   `json:"is_external"`
	Nos      int    `json:"group_nos"`
}

func (g *group) inventory(library string) provisioning.Group {
	return provisioning.Group{
		Ref: provisioning.GroupRef{Library: library, Group: g.ID}, FullName: g.FullName, Enabled: g.Enabled, External: g.External,
		Origin: provisioning.Origin(g.Nos),
	}
}

// named is a row of which the id alone is wanted: members are listed as whole records, and there are hundreds of thousands of them.
type named struct{ ID string }

// UnmarshalJSONFrom reads the id, and steps over the rest.
func (n *named) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*n = named{}
	return wire.Members(d, func(name []byte, d *jsontext.Decoder) error {
		if string(name) != "id" {
			return d.SkipValue()
		}
		var err error
		n.ID, err = wire.Text(d)
		return err
	})
}

// one is the envelope of a single object.
type one[T any] struct {
	Data T `json:"data"`
}

// How rows are told apart: users by their id as iManage stores it, the rest as it is spelt.
func userID(u *user) string         { return strings.ToUpper(u.ID) }
func memberID(n *named) string      { return strings.ToUpper(n.ID) }
func nameID(n *named) string        { return n.ID }
func groupID(g *group) string       { return g.ID }
func placeID(p *placeOfUser) string { return p.ID }

func (c *Client) account(u *user) provisioning.Account {
	number := u.Custom1
	switch c.opts.EmployeeField {
	case "custom2":
		number = u.Custom2
	case "custom3":
		number = u.Custom3
	}
	return provisioning.Account{
		ID: strings.ToUpper(u.ID), FullName: u.FullName, Email: u.Email, Location: u.Location, Phone: u.Phone, EmployeeNumber: number,
		PreferredLibrary: u.Preferred, Enabled: u.AllowLogon, External: u.External, Origin: provisioning.Origin(u.Nos),
		DirectoryID: u.DirectoryID, Created: u.Created.Time, Edited: u.Edited.Time,
	}
}
