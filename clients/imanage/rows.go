package imanage

import (
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

var (
	errNoList = errors.New("there is no list in the answer")
	errNoID   = errors.New("a row without an id came")
	errNoText = errors.New("what should be a text is none")
)

// The names of the fields of a user that a change may name.
const (
	fieldFullName  = "full_name"
	fieldEmail     = "email"
	fieldLocation  = "location"
	fieldPhone     = "phone"
	fieldPreferred = "preferred_library"
)

// user is an account on the wire (contracts/imanage.md 5.1). It reads itself: a whole read takes hundreds of thousands of rows apart.
type user struct {
	ID          string
	FullName    string
	Email       string
	Location    string
	Phone       string
	Custom1     string
	Custom2     string
	Custom3     string
	Preferred   string
	AllowLogon  bool
	External    bool
	Nos         int
	DirectoryID string
	Created     time.Time
	Edited      time.Time
	Libraries   []placeOfUser
}

// UnmarshalJSONFrom reads what rollcall knows of an account, and steps over the rest.
func (u *user) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*u = user{}
	return wire.Members(d, func(name []byte, d *jsontext.Decoder) error {
		switch string(name) {
		case "id":
			return text(d, &u.ID)
		case fieldFullName:
			return text(d, &u.FullName)
		case fieldEmail:
			return text(d, &u.Email)
		case fieldLocation:
			return text(d, &u.Location)
		case fieldPhone:
			return text(d, &u.Phone)
		case "custom1":
			return text(d, &u.Custom1)
		case "custom2":
			return text(d, &u.Custom2)
		case "custom3":
			return text(d, &u.Custom3)
		case fieldPreferred:
			return text(d, &u.Preferred)
		case "directory_id":
			return text(d, &u.DirectoryID)
		case "allow_logon":
			return value(d, &u.AllowLogon)
		case "is_external":
			return value(d, &u.External)
		case "user_nos":
			return value(d, &u.Nos)
		case "create_date":
			return moment(d, &u.Created)
		case "edit_date":
			return moment(d, &u.Edited)
		case "libraries":
			return value(d, &u.Libraries)
		default:
			return d.SkipValue()
		}
	})
}

// text reads a text; null is none, and anything else is refused.
func text(d *jsontext.Decoder, into *string) error {
	if k := d.PeekKind(); k != '"' && k != 'n' {
		return errNoText
	}
	var err error
	*into, err = wire.Text(d)
	return err
}

// value reads what is neither text nor time; null is none.
func value[T any](d *jsontext.Decoder, into *T) error {
	if d.PeekKind() == 'n' {
		return d.SkipValue()
	}
	return json.UnmarshalDecode(d, into)
}

// moment reads a time that is only told: one that cannot be read is none, and ends no list (the vendor prints an offset with a dot,
// contracts/imanage.md 1).
func moment(d *jsontext.Decoder, into *time.Time) error {
	said, err := wire.Text(d)
	if err != nil {
		return err
	}
	if *into, err = time.Parse(time.RFC3339, said); err != nil {
		*into = time.Time{}
	}
	return nil
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
		return text(d, &n.ID)
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
		DirectoryID: u.DirectoryID, Created: u.Created, Edited: u.Edited,
	}
}
