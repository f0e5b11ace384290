package entra

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unique"

	"github.com/go-json-experiment/json/jsontext"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// said is what Graph says of a property: nothing, where it is absent, which in a delta is what did not change; null, where it was
// emptied; or a value (contracts/idps.md 2.2).
type said struct {
	text  string
	there bool
}

// extensions is how many extension attributes there are; they are numbered from one.
const extensions = 15

// user is what Graph says about somebody.
type user struct {
	ID, Type                                                 string
	UPN, Mail, Name, Given, Surname, Enabled, UserType       said
	Created, Deleted, Department, Title, Kind, Hired, Leaves said
	Number, Office, Immutable, SAM                           said
	Extensions                                               [extensions]said
	Phones, Proxies                                          []string
	phones, proxies                                          bool // told, if empty
	Manager                                                  manager
	Managers                                                 []manager
	manager                                                  bool // told, if null
	SignIn, Successful                                       said
	signIns                                                  bool
	Removed                                                  bool
	Rest                                                     []own
}

// own is a property that the firm chose and that is none of the usual ones.
type own struct {
	name string
	said
}

type manager struct {
	id, name string
	removed  bool
}

// usual gives the place of a property that is a plain value, and nil for any other.
func (u *user) usual(name string) *said {
	switch name {
	case "userPrincipalName":
		return &u.UPN
	case "mail":
		return &u.Mail
	case "displayName":
		return &u.Name
	case "givenName":
		return &u.Given
	case "surname":
		return &u.Surname
	case "accountEnabled":
		return &u.Enabled
	case "userType":
		return &u.UserType
	case "createdDateTime":
		return &u.Created
	case "deletedDateTime":
		return &u.Deleted
	case "department":
		return &u.Department
	case "jobTitle":
		return &u.Title
	case "employeeType":
		return &u.Kind
	case "employeeHireDate":
		return &u.Hired
	case "employeeLeaveDateTime":
		return &u.Leaves
	case "employeeId":
		return &u.Number
	case "officeLocation":
		return &u.Office
	case "onPremisesImmutableId":
		return &u.Immutable
	case "onPremisesSamAccountName":
		return &u.SAM
	default:
		return nil
	}
}

// extension gives the place of one of the extension attributes, and nil for any other name.
func (u *user) extension(name string) *said {
	number, is := strings.CutPrefix(name, "extensionAttribute")
	if !is {
		return nil
	}
	if n, err := strconv.Atoi(number); err == nil && n >= 1 && n <= extensions {
		return &u.Extensions[n-1]
	}
	return nil
}

// UnmarshalJSONFrom reads a user.
func (u *user) UnmarshalJSONFrom(d *jsontext.Decoder) error { return wire.Members(d, u.member) }

func (u *user) member(name []byte, d *jsontext.Decoder) (err error) {
	if at := u.usual(string(name)); at != nil {
		at.there = true
		at.text, err = wire.Text(d)
		return err
	}
	switch string(name) {
	case "id":
		u.ID, err = wire.Text(d)
	case "@odata.type":
		u.Type, err = wire.Text(d)
	case "businessPhones":
		u.Phones, u.phones, err = list(d)
	case "proxyAddresses":
		u.Proxies, u.proxies, err = list(d)
	case "onPremisesExtensionAttributes":
		err = wire.Members(d, func(name []byte, d *jsontext.Decoder) (err error) {
			at := u.extension(string(name))
			if at == nil {
				return d.SkipValue()
			}
			at.there = true
			at.text, err = wire.Text(d)
			return err
		})
	case "manager":
		u.manager = true
		u.Manager, err = readManager(d)
	case "manager@delta":
		err = wire.Elements(d, func(d *jsontext.Decoder) error {
			m, err := readManager(d)
			u.Managers = append(u.Managers, m)
			return err
		})
	case "signInActivity":
		u.signIns = true
		err = wire.Members(d, func(name []byte, d *jsontext.Decoder) (err error) {
			switch string(name) {
			case "lastSignInDateTime":
				u.SignIn.text, err = wire.Text(d)
			case "lastSuccessfulSignInDateTime":
				u.Successful.text, err = wire.Text(d)
			default:
				err = d.SkipValue()
			}
			return err
		})
	case "@removed":
		u.Removed = d.PeekKind() != 'n'
		err = d.SkipValue()
	default:
		one := own{name: string(name), said: said{there: true}}
		one.text, err = wire.Text(d)
		u.Rest = append(u.Rest, one)
	}
	return err
}

// list reads a list of texts; what is none is as if it were absent.
func list(d *jsontext.Decoder) (all []string, there bool, err error) {
	if kind := d.PeekKind(); kind != '[' && kind != 'n' {
		return nil, false, d.SkipValue()
	}
	err = wire.Elements(d, func(d *jsontext.Decoder) error {
		s, err := wire.Text(d)
		all = append(all, s)
		return err
	})
	return all, true, err
}

func readManager(d *jsontext.Decoder) (m manager, err error) {
	err = wire.Members(d, func(name []byte, d *jsontext.Decoder) (err error) {
		switch string(name) {
		case "id":
			m.id, err = wire.Text(d)
		case "displayName":
			m.name, err = wire.Text(d)
		case "@removed":
			m.removed = true
			err = d.SkipValue()
		default:
			err = d.SkipValue()
		}
		return err
	})
	return m, err
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

func set(to *string, v said) {
	if v.there {
		*to = v.text
	}
}

// shared keeps a string that many people share once.
func shared(to *string, v said) {
	if v.there {
		*to = unique.Make(v.text).Value()
	}
}

func moment(to *time.Time, v said) {
	switch {
	case v.text != "":
		*to, _ = time.Parse(time.RFC3339, v.text) // what is no time: the zero time
	case v.there:
		*to = time.Time{}
	}
}

// own reads a property that the firm chose: a property of the user, or one of the fifteen extension attributes.
func (u *user) own(name string) said {
	if at := u.extension(name); at != nil {
		return *at
	}
	if at := u.usual(name); at != nil {
		return *at
	}
	for _, one := range u.Rest {
		if one.name == name {
			return one.said
		}
	}
	return said{}
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
	shared(&p.Type, u.Kind)
	if u.UserType.text == "Guest" && p.Type == "" {
		p.Type = "guest"
	}
	c.applyManager(p, u)
	if u.signIns {
		p.LastSignIn = time.Time{}
		moment(&p.LastSignIn, u.SignIn)
		moment(&p.LastSignIn, u.Successful)
	}
	if p.FullName == "" {
		p.FullName = strings.TrimSpace(p.GivenName + " " + p.FamilyName)
	}
}

// applyMail: the mail, and for somebody without a mailbox the principal name.
func (c *Client) applyMail(p *provisioning.Person, u *user, old provisioning.Person) {
	switch {
	case u.Mail.text != "":
		p.Email = u.Mail.text
	case u.Mail.there, p.Email == old.Login:
		p.Email = p.Login
	}
	if !u.proxies {
		return
	}
	p.Aliases = nil
	for _, proxy := range u.Proxies {
		kind, address, ok := strings.Cut(proxy, ":")
		if ok && strings.EqualFold(kind, "smtp") && !strings.EqualFold(address, p.Email) {
			p.Aliases = append(p.Aliases, address)
		}
	}
}

func (c *Client) applySSO(p *provisioning.Person, u *user, old provisioning.Person) {
	derived := func(login string) string { before, _, _ := strings.Cut(login, "@"); return before }
	sso := u.own(c.opts.Fields.sso())
	switch {
	case sso.text != "":
		p.SSOName = sso.text
	case sso.there, p.SSOName == "", p.SSOName == derived(old.Login):
		p.SSOName = derived(p.Login)
	}
}

func (c *Client) applyPhone(p *provisioning.Person, u *user) {
	if c.opts.Fields.Phone != "" {
		set(&p.Phone, u.own(c.opts.Fields.Phone))
		return
	}
	if u.phones {
		p.Phone = ""
		if len(u.Phones) > 0 {
			p.Phone = u.Phones[0]
		}
	}
}

// applyStatus: a null accountEnabled is what an application without the right sees, and is data, never a reason to act.
func (c *Client) applyStatus(p *provisioning.Person, u *user) {
	if u.Deleted.text != "" {
		p.Status, p.RawStatus = provisioning.StatusDeleted, "deleted"
		moment(&p.StatusChanged, u.Deleted)
		return
	}
	if !u.Enabled.there {
		return
	}
	p.StatusChanged = time.Time{}
	switch u.Enabled.text {
	case "true":
		p.Status, p.RawStatus = provisioning.StatusActive, "enabled"
	case "false":
		p.Status, p.RawStatus = provisioning.StatusSuspended, "disabled"
	default:
		p.Status, p.RawStatus = provisioning.StatusUnknown, "accountEnabled not given"
	}
}

func (c *Client) applyManager(p *provisioning.Person, u *user) {
	if u.manager {
		p.ManagerID, p.Manager = u.Manager.id, u.Manager.name
	}
	for _, m := range u.Managers { // who went and who came, in any order
		switch {
		case !m.removed:
			p.ManagerID, p.Manager = m.id, ""
		case p.ManagerID == m.id:
			p.ManagerID, p.Manager = "", ""
		}
	}
}
