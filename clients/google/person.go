package google

import (
	"strings"
	"time"
	"unique"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rollcall/provisioning"
)

// user is what the directory says about somebody. The lists are of type any in Google's own description: they are decoded tolerantly.
type user struct {
	ID    string `json:"id"`
	Email string `json:"primaryEmail"`
	Name  struct {
		Given  string `json:"givenName"`
		Family string `json:"familyName"`
		Full   string `json:"fullName"`
	} `json:"name"`
	Suspended   bool                                 `json:"suspended"`
	SuspendedAt string                               `json:"suspensionTime"`
	Archived    bool                                 `json:"archived"`
	ArchivedAt  string                               `json:"archivalTime"`
	Created     string                               `json:"creationTime"`
	Deleted     string                               `json:"deletionTime"`
	LastLogin   string                               `json:"lastLoginTime"`
	Aliases     []string                             `json:"aliases"`
	Own         []string                             `json:"nonEditableAliases"`
	Orgs        jsontext.Value                       `json:"organizations"`
	Relations   jsontext.Value                       `json:"relations"`
	External    jsontext.Value                       `json:"externalIds"`
	Locations   jsontext.Value                       `json:"locations"`
	Phones      jsontext.Value                       `json:"phones"`
	Schemas     map[string]map[string]jsontext.Value `json:"customSchemas"`
}

// fields are what a list is asked for; without nextPageToken the paging would stop silently after the first page.
const fields = "kind,nextPageToken,users(id,primaryEmail,name,suspended,suspensionTime,archived,archivalTime,creationTime,deletionTime," +
	"lastLoginTime,aliases,nonEditableAliases,organizations,relations,externalIds,locations,phones,customSchemas)"

// item is an entry of one of the tolerant lists.
type item struct {
	Primary    bool   `json:"primary"`
	Type       string `json:"type"`
	CustomType string `json:"customType"`
	Value      string `json:"value"`
	Title      string `json:"title"`
	Department string `json:"department"`
	Location   string `json:"location"`
	Kind       string `json:"description"` // of an organization: employee, contractor
	Building   string `json:"buildingId"`
	Area       string `json:"area"`
}

// items reads a list, or one entry that stands alone; what is neither is as if it were absent.
func items(v jsontext.Value) []item {
	var list []item
	if v == nil {
		return nil
	}
	if v.Kind() == '{' {
		var one item
		if json.Unmarshal(v, &one) != nil {
			return nil
		}
		return []item{one}
	}
	if json.Unmarshal(v, &list) != nil {
		return nil
	}
	return list
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
		for _, i := range items(u.External) {
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
	v := u.Schemas[schema][field]
	var s string
	if v != nil && json.Unmarshal(v, &s) != nil {
		s = strings.Trim(string(v), `"`)
	}
	return s
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
	org, locations := main(items(u.Orgs)), items(u.Locations)
	p := provisioning.Person{
		Key:   provisioning.PersonKey{Directory: c.opts.Name, ID: u.ID},
		Login: u.Email, Email: u.Email, GivenName: u.Name.Given, FamilyName: u.Name.Family, FullName: u.Name.Full,
		Title: shared(org.Title), Department: shared(org.Department), Type: shared(org.Kind), Phone: main(items(u.Phones)).Value,
		Manager: typed(items(u.Relations), "manager"), EmployeeNumber: typed(items(u.External), "organization"),
		Office: shared(main(locations).Building), Created: moment(u.Created), LastSignIn: moment(u.LastLogin),
		BirthYear: u.own(f.BirthYear), ExternalID: u.own(f.ExternalID), HireDate: u.date(f.HireDate), LeaveDate: u.date(f.LeaveDate),
	}
	for _, alias := range append(u.Aliases, u.Own...) {
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
