package entra

import (
	"slices"
	"strings"
	"time"
	"unique"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rollcall/provisioning"
)

// user is what Graph says about somebody. In a delta a property that did not change is absent, and one that was emptied is null:
// Value keeps the two apart (contracts/idps.md 2.2).
type user struct {
	ID         string         `json:"id"`
	Type       string         `json:"@odata.type"`
	UPN        jsontext.Value `json:"userPrincipalName"`
	Mail       jsontext.Value `json:"mail"`
	Name       jsontext.Value `json:"displayName"`
	Given      jsontext.Value `json:"givenName"`
	Surname    jsontext.Value `json:"surname"`
	Enabled    jsontext.Value `json:"accountEnabled"`
	UserType   jsontext.Value `json:"userType"`
	Created    jsontext.Value `json:"createdDateTime"`
	Deleted    jsontext.Value `json:"deletedDateTime"`
	Department jsontext.Value `json:"department"`
	Title      jsontext.Value `json:"jobTitle"`
	Kind       jsontext.Value `json:"employeeType"`
	Hired      jsontext.Value `json:"employeeHireDate"`
	Leaves     jsontext.Value `json:"employeeLeaveDateTime"`
	Phones     jsontext.Value `json:"businessPhones"`
	Proxies    jsontext.Value `json:"proxyAddresses"`
	Extensions jsontext.Value `json:"onPremisesExtensionAttributes"`
	Manager    jsontext.Value `json:"manager"`
	Managers   jsontext.Value `json:"manager@delta"`
	SignIns    jsontext.Value `json:"signInActivity"`
	Removed    *struct {
		Reason string `json:"reason"`
	} `json:"@removed"`
	Rest map[string]jsontext.Value `json:",embed"`
}

// selected are the properties that are asked for: without $select most of them would be left out (contracts/idps.md 2.2).
func (f Fields) selected() []string {
	list := []string{
		"id", "userPrincipalName", "mail", "displayName", "givenName", "surname", "accountEnabled", "userType", "createdDateTime", "department",
		"jobTitle", "employeeType", "employeeHireDate", "businessPhones", "proxyAddresses", "onPremisesExtensionAttributes",
	}
	for _, own := range []string{f.sso(), f.number(), f.office(), f.external(), f.Phone, f.BirthYear} {
		if own != "" && !strings.HasPrefix(own, "extensionAttribute") && !slices.Contains(list, own) {
			list = append(list, own)
		}
	}
	return list
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

func (f Fields) sso() string      { return or(f.SSOName, "onPremisesSamAccountName") }
func (f Fields) number() string   { return or(f.EmployeeNumber, "employeeId") }
func (f Fields) office() string   { return or(f.Office, "officeLocation") }
func (f Fields) external() string { return or(f.ExternalID, "onPremisesImmutableId") }

// text is a property's value; said is false where it was absent.
func text(v jsontext.Value) (s string, said bool) {
	if v == nil {
		return "", false
	}
	if json.Unmarshal(v, &s) != nil {
		s = strings.Trim(string(v), `"`) // a number or a boolean, as it stands
	}
	if s == "null" && v.Kind() == 'n' {
		s = ""
	}
	return s, true
}

func set(to *string, v jsontext.Value) {
	if s, said := text(v); said {
		*to = s
	}
}

// shared keeps a string that many people share once.
func shared(to *string, v jsontext.Value) {
	if s, said := text(v); said {
		*to = unique.Make(s).Value()
	}
}

func moment(to *time.Time, v jsontext.Value) {
	if s, said := text(v); said {
		*to, _ = time.Parse(time.RFC3339, s) // null and what is no time: the zero time
	}
}

// own reads a property that the firm chose: a property of the user, or one of the fifteen extension attributes.
func (u *user) own(name string) jsontext.Value {
	if strings.HasPrefix(name, "extensionAttribute") {
		var extensions map[string]jsontext.Value
		if u.Extensions == nil || json.Unmarshal(u.Extensions, &extensions) != nil {
			return nil
		}
		return extensions[name]
	}
	switch name {
	case "":
		return nil
	case "userPrincipalName":
		return u.UPN
	case "mail":
		return u.Mail
	case "department":
		return u.Department
	case "employeeType":
		return u.Kind
	default:
		return u.Rest[name]
	}
}

// apply puts what Graph said onto a person; what it left out stands.
func (c *Client) apply(p *provisioning.Person, u *user) {
	f := c.opts.Fields
	old := *p
	p.Key = provisioning.PersonKey{Directory: c.opts.Name, ID: u.ID}
	set(&p.Login, u.UPN)
	set(&p.GivenName, u.Given)
	set(&p.FamilyName, u.Surname)
	set(&p.FullName, u.Name)
	shared(&p.Department, u.Department)
	shared(&p.Title, u.Title)
	shared(&p.Office, u.own(f.office()))
	set(&p.EmployeeNumber, u.own(f.number()))
	set(&p.ExternalID, u.own(f.external()))
	shared(&p.BirthYear, u.own(f.BirthYear))
	moment(&p.Created, u.Created)
	moment(&p.HireDate, u.Hired)
	moment(&p.LeaveDate, u.Leaves)
	c.applyMail(p, u, old)
	c.applySSO(p, u, old)
	c.applyPhone(p, u)
	c.applyStatus(p, u)
	if kind, said := text(u.Kind); said {
		p.Type = unique.Make(kind).Value()
	}
	if kind, _ := text(u.UserType); kind == "Guest" && p.Type == "" {
		p.Type = "guest"
	}
	c.applyManager(p, u)
	var activity struct {
		Any        time.Time `json:"lastSignInDateTime"`
		Successful time.Time `json:"lastSuccessfulSignInDateTime"`
	}
	if u.SignIns != nil && json.Unmarshal(u.SignIns, &activity) == nil {
		if p.LastSignIn = activity.Successful; p.LastSignIn.IsZero() {
			p.LastSignIn = activity.Any
		}
	}
	if p.FullName == "" {
		p.FullName = strings.TrimSpace(p.GivenName + " " + p.FamilyName)
	}
}

// applyMail: the mail, and for somebody without a mailbox the principal name.
func (c *Client) applyMail(p *provisioning.Person, u *user, old provisioning.Person) {
	mail, said := text(u.Mail)
	switch {
	case said && mail != "":
		p.Email = mail
	case said, p.Email == old.Login:
		p.Email = p.Login
	}
	var proxies []string
	if u.Proxies == nil || json.Unmarshal(u.Proxies, &proxies) != nil {
		return
	}
	p.Aliases = nil
	for _, proxy := range proxies {
		kind, address, ok := strings.Cut(proxy, ":")
		if ok && strings.EqualFold(kind, "smtp") && !strings.EqualFold(address, p.Email) {
			p.Aliases = append(p.Aliases, address)
		}
	}
}

func (c *Client) applySSO(p *provisioning.Person, u *user, old provisioning.Person) {
	derived := func(login string) string { before, _, _ := strings.Cut(login, "@"); return before }
	sso, said := text(u.own(c.opts.Fields.sso()))
	switch {
	case said && sso != "":
		p.SSOName = sso
	case said, p.SSOName == "", p.SSOName == derived(old.Login):
		p.SSOName = derived(p.Login)
	}
}

func (c *Client) applyPhone(p *provisioning.Person, u *user) {
	if c.opts.Fields.Phone != "" {
		set(&p.Phone, u.own(c.opts.Fields.Phone))
		return
	}
	var phones []string
	if u.Phones != nil && json.Unmarshal(u.Phones, &phones) == nil {
		p.Phone = ""
		if len(phones) > 0 {
			p.Phone = phones[0]
		}
	}
}

// applyStatus: a null accountEnabled is what an application without the right sees, and is data, never a reason to act.
func (c *Client) applyStatus(p *provisioning.Person, u *user) {
	if deleted, _ := text(u.Deleted); deleted != "" {
		p.Status, p.RawStatus = provisioning.StatusDeleted, "deleted"
		moment(&p.StatusChanged, u.Deleted)
		return
	}
	enabled, said := text(u.Enabled)
	if !said {
		return
	}
	p.StatusChanged = time.Time{}
	switch enabled {
	case "true":
		p.Status, p.RawStatus = provisioning.StatusActive, "enabled"
	case "false":
		p.Status, p.RawStatus = provisioning.StatusSuspended, "disabled"
	default:
		p.Status, p.RawStatus = provisioning.StatusUnknown, "accountEnabled not given"
	}
}

func (c *Client) applyManager(p *provisioning.Person, u *user) {
	type manager struct {
		ID      string         `json:"id"`
		Name    string         `json:"displayName"`
		Removed jsontext.Value `json:"@removed"`
	}
	var one *manager
	if u.Manager != nil && json.Unmarshal(u.Manager, &one) == nil {
		p.ManagerID, p.Manager = "", ""
		if one != nil {
			p.ManagerID, p.Manager = one.ID, one.Name
		}
	}
	var several []manager
	if u.Managers != nil && json.Unmarshal(u.Managers, &several) == nil {
		for _, m := range several {
			p.ManagerID, p.Manager = m.ID, ""
			if m.Removed != nil {
				p.ManagerID = ""
			}
		}
	}
}
