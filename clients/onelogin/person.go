package onelogin

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unique"

	"github.com/go-json-experiment/json/jsontext"

	"rollcall/provisioning"
)

type user struct {
	ID         int64                     `json:"id"`
	Username   string                    `json:"username"`
	Email      string                    `json:"email"`
	First      string                    `json:"firstname"`
	Last       string                    `json:"lastname"`
	Title      string                    `json:"title"`
	Department string                    `json:"department"`
	Manager    jsontext.Value            `json:"manager_user_id"`
	Status     int                       `json:"status"`
	State      int                       `json:"state"`
	Created    time.Time                 `json:"created_at"`
	Updated    time.Time                 `json:"updated_at"`
	LastLogin  time.Time                 `json:"last_login"`
	Group      jsontext.Value            `json:"group_id"`
	Roles      []int64                   `json:"role_ids"`
	Custom     map[string]jsontext.Value `json:"custom_attributes"`
	Rest       map[string]jsontext.Value `json:",embed"`
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
	if v, ok := u.Rest[name]; ok && v.Kind() != 'n' {
		return flexible(v)
	}
	return flexible(u.Custom[name])
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
func standing(status, state int) (provisioning.Status, string) {
	statuses, states := words()
	if status < 0 || status >= len(statuses) || state < 0 || state >= len(states) {
		return provisioning.StatusUnknown, "status " + strconv.Itoa(status) + ", state " + strconv.Itoa(state)
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
		ManagerID: flexible(u.Manager), Created: u.Created, Updated: u.Updated, LastSignIn: u.LastLogin,
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
