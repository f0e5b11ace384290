package okta

import (
	"errors"
	"strings"
	"time"
	"unique"

	"github.com/go-json-experiment/json/jsontext"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// user is what Okta says about somebody. One serves for all the rows of a page.
type user struct {
	places  map[string]int // of the profile attributes that are used
	profile []string       // by place

	ID            string
	Status        string
	Created       time.Time
	StatusChanged time.Time
	LastLogin     time.Time
	LastUpdated   time.Time
}

// places numbers the profile attributes that are used: Okta's own, and those that the firm chose.
func places(f Fields) map[string]int {
	at := make(map[string]int)
	for _, name := range []string{
		"login", "email", "secondEmail", "firstName", "lastName", "displayName", "userType", "title", "department", "managerId", "manager",
		f.Office, f.SSOName, f.EmployeeNumber, f.Phone, f.BirthYear, f.HireDate, f.LeaveDate, f.ExternalID,
	} {
		if _, there := at[name]; !there && name != "" {
			at[name] = len(at)
		}
	}
	return at
}

func (c *Client) user() *user { return &user{places: c.places, profile: make([]string, len(c.places))} }

// UnmarshalJSONFrom reads a user without keeping what nobody asks for: a page holds two hundred, a firm a thousand pages.
func (u *user) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if u.places == nil {
		return errors.New("a user that knows no attributes reads none: Client.user makes one")
	}
	clear(u.profile)
	*u = user{places: u.places, profile: u.profile}
	return wire.Members(d, u.member)
}

func (u *user) member(name []byte, d *jsontext.Decoder) (err error) {
	switch string(name) {
	case "id":
		u.ID, err = wire.Text(d)
	case "status":
		u.Status, err = wire.Text(d)
	case "created":
		u.Created, err = wire.Time(d)
	case "statusChanged":
		u.StatusChanged, err = wire.Time(d)
	case "lastLogin":
		u.LastLogin, err = wire.Time(d)
	case "lastUpdated":
		u.LastUpdated, err = wire.Time(d)
	case "profile":
		err = wire.Members(d, u.attribute)
	default:
		err = d.SkipValue()
	}
	return err
}

func (u *user) attribute(name []byte, d *jsontext.Decoder) (err error) {
	at, used := u.places[string(name)]
	if !used {
		return d.SkipValue()
	}
	u.profile[at], err = wire.Text(d)
	return err
}

// text is a profile attribute, "" where it is null or absent.
func (u *user) text(name string) string {
	if at, used := u.places[name]; used {
		return u.profile[at]
	}
	return ""
}

func (u *user) date(name string) time.Time {
	s := u.text(name)
	if s == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

// person turns a user into the engine's words. Strings that many people share are kept once.
func (c *Client) person(u *user) provisioning.Person {
	shared := func(name string) string { return unique.Make(u.text(name)).Value() }
	f := c.opts.Fields
	p := provisioning.Person{
		Key:   provisioning.PersonKey{Directory: c.opts.Name, ID: u.ID},
		Login: u.text("login"), Email: u.text("email"), GivenName: u.text("firstName"), FamilyName: u.text("lastName"), FullName: u.text("displayName"),
		EmployeeNumber: u.text(f.EmployeeNumber), Type: shared("userType"), Title: shared("title"), Department: shared("department"),
		Office: shared(f.Office), Phone: u.text(f.Phone), ManagerID: u.text("managerId"), Manager: u.text("manager"), BirthYear: shared(f.BirthYear),
		ExternalID: u.text(f.ExternalID), HireDate: u.date(f.HireDate), LeaveDate: u.date(f.LeaveDate),
		Status: status(u.Status), RawStatus: unique.Make(u.Status).Value(), StatusChanged: u.StatusChanged, Created: u.Created,
		Updated: u.LastUpdated, LastSignIn: u.LastLogin,
	}
	if p.FullName == "" {
		p.FullName = strings.TrimSpace(p.GivenName + " " + p.FamilyName)
	}
	if second := u.text("secondEmail"); second != "" {
		p.Aliases = []string{second}
	}
	if p.SSOName = u.text(f.SSOName); p.SSOName == "" {
		p.SSOName, _, _ = strings.Cut(p.Login, "@")
	}
	return p
}

// status maps Okta's word; one that this version does not know is data, never a reason to act.
func status(s string) provisioning.Status {
	switch s {
	case "ACTIVE", "RECOVERY", "PASSWORD_EXPIRED", "LOCKED_OUT":
		return provisioning.StatusActive
	case "STAGED", "PROVISIONED", "ACTIVATING":
		return provisioning.StatusPending
	case "SUSPENDED":
		return provisioning.StatusSuspended
	case "DEPROVISIONED":
		return provisioning.StatusDeprovisioned
	default:
		return provisioning.StatusUnknown
	}
}
