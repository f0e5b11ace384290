package onelogin

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unique"

	"github.com/go-json-experiment/json/jsontext"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// user is what OneLogin says about somebody.
type user struct {
	ID, Status, State                 int64
	Username, Email, First, Last      string
	Title, Department, Manager, Group string
	Created, Updated, LastLogin       time.Time
	Roles                             []int64
	Custom                            []own // custom attributes
	Rest                              []own // further fields that are not null
}

// own is a field that the firm may have chosen.
type own struct{ name, text string }

func find(all []own, name string) (string, bool) {
	for _, one := range all {
		if one.name == name {
			return one.text, true
		}
	}
	return "", false
}

// UnmarshalJSONFrom reads a user.
func (u *user) UnmarshalJSONFrom(d *jsontext.Decoder) error { return wire.Members(d, u.member) }

func (u *user) member(name []byte, d *jsontext.Decoder) (err error) {
	switch string(name) {
	case "id":
		u.ID, err = number(d)
	case "status":
		u.Status, err = number(d)
	case "state":
		u.State, err = number(d)
	case "username":
		u.Username, err = wire.Text(d)
	case "email":
		u.Email, err = wire.Text(d)
	case "firstname":
		u.First, err = wire.Text(d)
	case "lastname":
		u.Last, err = wire.Text(d)
	case "title":
		u.Title, err = wire.Text(d)
	case "department":
		u.Department, err = wire.Text(d)
	case "manager_user_id":
		u.Manager, err = flexible(d)
	case "group_id":
		u.Group, err = flexible(d)
	case "created_at":
		u.Created, err = wire.Time(d)
	case "updated_at":
		u.Updated, err = wire.Time(d)
	case "last_login":
		u.LastLogin, err = wire.Time(d)
	case "role_ids":
		err = wire.Elements(d, func(d *jsontext.Decoder) error {
			n, err := number(d)
			u.Roles = append(u.Roles, n)
			return err
		})
	case "custom_attributes":
		err = wire.Members(d, func(name []byte, d *jsontext.Decoder) error { return put(&u.Custom, name, d) })
	default:
		err = put(&u.Rest, name, d)
	}
	return err
}

// put keeps a field; null is as if it were absent.
func put(all *[]own, name []byte, d *jsontext.Decoder) (err error) {
	if d.PeekKind() == 'n' {
		return d.SkipValue()
	}
	one := own{name: string(name)}
	one.text, err = flexible(d)
	*all = append(*all, one)
	return err
}

// number reads a whole number; null is zero.
func number(d *jsontext.Decoder) (int64, error) {
	s, err := wire.Text(d)
	if err != nil || s == "" {
		return 0, err
	}
	return strconv.ParseInt(s, 10, 64)
}

// flexible is a number, a string, a list, of which the first counts, or null: the official SDKs disagree (contracts/idps.md 2.4).
func flexible(d *jsontext.Decoder) (s string, err error) {
	switch d.PeekKind() {
	case '"', '0':
		s, err = wire.Text(d)
	case '[':
		first := true
		err = wire.Elements(d, func(d *jsontext.Decoder) (err error) {
			if !first {
				return d.SkipValue()
			}
			first = false
			s, err = flexible(d)
			return err
		})
	default:
		err = d.SkipValue()
	}
	return strings.TrimSpace(s), err
}

// fields are asked for by name: the list gives a short set else (contracts/idps.md 2.4).
func (c *Client) fields() string {
	list := []string{
		"id", "username", "email", "firstname", "lastname", "title", "department", "manager_user_id", "status", "state", "created_at", "updated_at",
		"last_login", "group_id", "role_ids", "custom_attributes", "phone", "external_id", "samaccountname",
	}
	for _, f := range []string{c.opts.Fields.SSOName, c.opts.Fields.Phone, c.opts.Fields.ExternalID} {
		if slices.Contains([]string{"userprincipalname", "company", "comment", "distinguished_name"}, f) {
			list = append(list, f)
		}
	}
	return strings.Join(list, ",")
}

// own reads a field of the user, else a custom attribute.
func (u *user) own(name string) string {
	switch name {
	case "username":
		return u.Username
	case "email":
		return u.Email
	}
	if s, there := find(u.Rest, name); there {
		return s
	}
	s, _ := find(u.Custom, name)
	return s
}

func (u *user) date(name string) time.Time {
	s := u.own(name)
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

// words are OneLogin's own, by number.
func words() (statuses, states []string) {
	return []string{
			"unactivated", "active", "suspended", "locked", "password expired", "awaiting password reset", "unused", "password pending",
			"security questions required",
		},
		[]string{"unapproved", "approved", "rejected", "unlicensed"}
}

// standing: status and state are both needed. Somebody unlicensed cannot sign in, and has not left for that: it is data, and never a
// reason to act.
func standing(status, state int64) (provisioning.Status, string) {
	statuses, states := words()
	if status < 0 || status >= int64(len(statuses)) || state < 0 || state >= int64(len(states)) {
		return provisioning.StatusUnknown, fmt.Sprintf("status %d, state %d", status, state)
	}
	raw := statuses[status]
	if states[state] != "approved" {
		raw += ", " + states[state]
	}
	switch {
	case raw == "suspended" || statuses[status] == "suspended":
		return provisioning.StatusSuspended, raw
	case states[state] == "rejected":
		return provisioning.StatusUnknown, raw
	case states[state] != "approved", statuses[status] == "unactivated", statuses[status] == "unused":
		return provisioning.StatusPending, raw
	default:
		return provisioning.StatusActive, raw
	}
}

func (c *Client) person(u *user) provisioning.Person {
	f := c.opts.Fields
	shared := func(s string) string { return unique.Make(s).Value() }
	p := provisioning.Person{
		Key:   provisioning.PersonKey{Directory: c.opts.Name, ID: strconv.FormatInt(u.ID, 10)},
		Login: u.Username, Email: u.Email, GivenName: u.First, FamilyName: u.Last, FullName: strings.TrimSpace(u.First + " " + u.Last),
		Title: shared(u.Title), Department: shared(u.Department), Office: shared(u.own(f.Office)), EmployeeNumber: u.own(f.EmployeeNumber),
		Type: shared(u.own(f.Type)), Phone: u.own(f.Phone), BirthYear: shared(u.own(f.BirthYear)), ExternalID: u.own(f.ExternalID),
		ManagerID: u.Manager, Created: u.Created, Updated: u.Updated, LastSignIn: u.LastLogin,
		HireDate: u.date(f.HireDate), LeaveDate: u.date(f.LeaveDate),
	}
	if p.Login == "" {
		p.Login = u.Email
	}
	p.SSOName = u.own(f.SSOName)
	if f.SSOName == "username" || p.SSOName == "" {
		if p.SSOName == "" {
			p.SSOName = p.Login
		}
		p.SSOName, _, _ = strings.Cut(p.SSOName, "@")
	}
	if display := u.own("display_name"); display != "" {
		p.FullName = display
	}
	p.Status, p.RawStatus = standing(u.Status, u.State)
	p.RawStatus = shared(p.RawStatus)
	return p
}
