package google

import (
	"strconv"
	"strings"
	"time"
	"unique"

	"github.com/go-json-experiment/json/jsontext"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// user is what the directory says about somebody.
type user struct {
	ID, Email, Given, Family, Full string
	Suspended, Archived            bool
	SuspendedAt, ArchivedAt        string
	Created, Deleted, LastLogin    string
	Aliases                        []string
	Orgs, Relations, External      []item
	Locations, Phones              []item
	Schemas                        []custom
}

// custom is a field of a custom schema.
type custom struct{ schema, field, text string }

// UnmarshalJSONFrom reads a user.
func (u *user) UnmarshalJSONFrom(d *jsontext.Decoder) error { return wire.Members(d, u.member) }

func (u *user) member(name []byte, d *jsontext.Decoder) (err error) {
	switch string(name) {
	case "id":
		u.ID, err = wire.Text(d)
	case "primaryEmail":
		u.Email, err = wire.Text(d)
	case "name":
		err = wire.Members(d, u.names)
	case "suspended":
		u.Suspended, err = truth(d)
	case "suspensionTime":
		u.SuspendedAt, err = wire.Text(d)
	case "archived":
		u.Archived, err = truth(d)
	case "archivalTime":
		u.ArchivedAt, err = wire.Text(d)
	case "creationTime":
		u.Created, err = wire.Text(d)
	case "deletionTime":
		u.Deleted, err = wire.Text(d)
	case "lastLoginTime":
		u.LastLogin, err = wire.Text(d)
	case "aliases", "nonEditableAliases":
		err = wire.Elements(d, func(d *jsontext.Decoder) error {
			s, err := wire.Text(d)
			u.Aliases = append(u.Aliases, s)
			return err
		})
	case "organizations":
		u.Orgs, err = items(d)
	case "relations":
		u.Relations, err = items(d)
	case "externalIds":
		u.External, err = items(d)
	case "locations":
		u.Locations, err = items(d)
	case "phones":
		u.Phones, err = items(d)
	case "customSchemas":
		err = wire.Members(d, u.schema)
	default:
		err = d.SkipValue()
	}
	return err
}

// truth reads a boolean: what is none may not be taken for one, for a status hangs on it.
func truth(d *jsontext.Decoder) (bool, error) {
	s, err := wire.Text(d)
	if err != nil || s == "" {
		return false, err
	}
	return strconv.ParseBool(s)
}

func (u *user) names(name []byte, d *jsontext.Decoder) (err error) {
	switch string(name) {
	case "givenName":
		u.Given, err = wire.Text(d)
	case "familyName":
		u.Family, err = wire.Text(d)
	case "fullName":
		u.Full, err = wire.Text(d)
	default:
		err = d.SkipValue()
	}
	return err
}

func (u *user) schema(name []byte, d *jsontext.Decoder) error {
	schema := string(name)
	return wire.Members(d, func(name []byte, d *jsontext.Decoder) (err error) {
		one := custom{schema: schema, field: string(name)}
		one.text, err = wire.Text(d)
		u.Schemas = append(u.Schemas, one)
		return err
	})
}

// fields are what a list is asked for; without nextPageToken the paging would stop silently after the first page.
const fields = "kind,nextPageToken,users(id,primaryEmail,name,suspended,suspensionTime,archived,archivalTime,creationTime,deletionTime," +
	"lastLoginTime,aliases,nonEditableAliases,organizations,relations,externalIds,locations,phones,customSchemas)"

// item is an entry of one of the lists that are of type any in Google's own description: they are read tolerantly.
type item struct {
	Primary                     bool
	Type, CustomType, Value     string
	Title, Department, Location string
	Kind                        string // the description of an organization: employee, contractor
	Building                    string
}

// items reads a list, or one entry that stands alone; what is neither is as if it were absent.
func items(d *jsontext.Decoder) ([]item, error) {
	switch d.PeekKind() {
	case '{':
		list := make([]item, 1)
		return list, wire.Members(d, list[0].member)
	case '[':
		var list []item
		err := wire.Elements(d, func(d *jsontext.Decoder) error {
			if d.PeekKind() != '{' {
				return d.SkipValue()
			}
			list = append(list, item{})
			return wire.Members(d, list[len(list)-1].member)
		})
		return list, err
	default:
		return nil, d.SkipValue()
	}
}

func (i *item) member(name []byte, d *jsontext.Decoder) (err error) {
	switch string(name) {
	case "primary":
		i.Primary = d.PeekKind() == 't'
		err = d.SkipValue()
	case "type":
		i.Type, err = wire.Text(d)
	case "customType":
		i.CustomType, err = wire.Text(d)
	case "value":
		i.Value, err = wire.Text(d)
	case "title":
		i.Title, err = wire.Text(d)
	case "department":
		i.Department, err = wire.Text(d)
	case "location":
		i.Location, err = wire.Text(d)
	case "description":
		i.Kind, err = wire.Text(d)
	case "buildingId":
		i.Building, err = wire.Text(d)
	default:
		err = d.SkipValue()
	}
	return err
}

// main is the entry marked primary, else the first.
func main(list []item) item {
	for _, i := range list {
		if i.Primary {
			return i
		}
	}
	if len(list) > 0 {
		return list[0]
	}
	return item{}
}

func typed(list []item, kind string) string {
	for _, i := range list {
		if i.Type == kind {
			return i.Value
		}
	}
	return ""
}

// moment reads a time; 1970 is Google's word for never.
func moment(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.Year() <= 1970 {
		return time.Time{}
	}
	return t
}

// own reads what the firm keeps in a place of its own.
func (u *user) own(name string) string {
	if kind, ok := strings.CutPrefix(name, "externalIds:"); ok {
		for _, i := range u.External {
			if i.CustomType == kind || i.Type == kind {
				return i.Value
			}
		}
		return ""
	}
	schema, field, ok := strings.Cut(name, ".")
	if !ok {
		return ""
	}
	for _, one := range u.Schemas {
		if one.schema == schema && one.field == field {
			return one.text
		}
	}
	return ""
}

func (u *user) date(name string) time.Time {
	s := u.own(name)
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t
	}
	return moment(s)
}

func (c *Client) person(u *user) provisioning.Person {
	f := c.opts.Fields
	shared := func(s string) string { return unique.Make(s).Value() }
	org := main(u.Orgs)
	p := provisioning.Person{
		Key:   provisioning.PersonKey{Directory: c.opts.Name, ID: u.ID},
		Login: u.Email, Email: u.Email, GivenName: u.Given, FamilyName: u.Family, FullName: u.Full,
		Title: shared(org.Title), Department: shared(org.Department), Type: shared(org.Kind), Phone: main(u.Phones).Value,
		Manager: typed(u.Relations, "manager"), EmployeeNumber: typed(u.External, "organization"),
		Office: shared(main(u.Locations).Building), Created: moment(u.Created), LastSignIn: moment(u.LastLogin),
		BirthYear: u.own(f.BirthYear), ExternalID: u.own(f.ExternalID), HireDate: u.date(f.HireDate), LeaveDate: u.date(f.LeaveDate),
	}
	for _, alias := range u.Aliases {
		if !strings.EqualFold(alias, u.Email) && !strings.HasSuffix(alias, ".test-google-a.com") {
			p.Aliases = append(p.Aliases, alias)
		}
	}
	if p.Office == "" {
		p.Office = shared(org.Location)
	}
	if f.Office != "" {
		p.Office = shared(u.own(f.Office))
	}
	if f.EmployeeNumber != "" {
		p.EmployeeNumber = u.own(f.EmployeeNumber)
	}
	if p.SSOName = u.own(f.SSOName); p.SSOName == "" {
		p.SSOName, _, _ = strings.Cut(p.Login, "@")
	}
	if p.FullName == "" {
		p.FullName = strings.TrimSpace(p.GivenName + " " + p.FamilyName)
	}
	switch { // suspended and archived both deny sign-in
	case u.Deleted != "":
		p.Status, p.RawStatus, p.StatusChanged = provisioning.StatusDeleted, "deleted", moment(u.Deleted)
	case u.Archived:
		p.Status, p.RawStatus, p.StatusChanged = provisioning.StatusDeprovisioned, "archived", moment(u.ArchivedAt)
	case u.Suspended:
		p.Status, p.RawStatus, p.StatusChanged = provisioning.StatusSuspended, "suspended", moment(u.SuspendedAt)
	default:
		p.Status, p.RawStatus = provisioning.StatusActive, "active"
	}
	return p
}
