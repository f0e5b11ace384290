package demofirm

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"strconv"
	"time"

	"rollcall/clients/entra/entratest"
	"rollcall/clients/google/googletest"
	"rollcall/clients/okta/oktatest"
	"rollcall/clients/onelogin/onelogintest"
)

// Directories lists the identity providers that can serve the firm, in the order of priority where several do.
func Directories() []string { return []string{"okta", "entra", "google", "onelogin"} }

// spread is how many offices share a directory in turn, and overlap every how many people are known by a second one as well: what
// a merger of firms leaves behind.
const overlap = 5

// in lists the directories that know a person: with several, the one of their office, and for some the next one too.
func (f *Firm) in(at int) []string {
	all := f.Options.Directories
	if len(all) == 1 {
		return all
	}
	p := f.people[at]
	office := slices.IndexFunc(f.offices, func(o office) bool { return o.name == p.office })
	first := max(office, 0) % len(all)
	known := []string{all[first]}
	if at%overlap == 0 {
		known = append(known, all[(first+1)%len(all)])
	}
	return known
}

func (f *Firm) knows(directory string, at int) bool { return slices.Contains(f.in(at), directory) }

// primary is the directory of a person that comes first in priority.
func (f *Firm) primary(at int) string {
	known := f.in(at)
	for _, d := range f.Options.Directories {
		if slices.Contains(known, d) {
			return d
		}
	}
	return known[0]
}

// idIn is a person's immutable id in a directory.
func (f *Firm) idIn(directory string, at int) string {
	p := f.people[at]
	sum := sha256.Sum256([]byte(p.id))
	switch directory {
	case "entra":
		h := hex.EncodeToString(sum[:16])
		return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:32]
	case "google":
		return fmt.Sprintf("1%09d%011d", uint32(sum[0])<<16|uint32(sum[1])<<8|uint32(sum[2]), at+1)
	case "onelogin":
		return strconv.Itoa(40_000_000 + at + 1)
	default:
		return p.id
	}
}

// number is the place of a person in the firm.
func (f *Firm) place(p *person) int {
	if f.places == nil {
		f.places = make(map[*person]int, len(f.people))
		for i, one := range f.people {
			f.places[one] = i
		}
	}
	return f.places[p]
}

// truthID is the id that the engine must name a person by: that of the first directory in priority.
func (f *Firm) truthID(p *person) string {
	at := f.place(p)
	return f.idIn(f.primary(at), at)
}

// tie is the immutable id that the directories share for a person; every other one of those who are known twice has none, so that
// exact keys must tie them.
func (f *Firm) tie(at int) string {
	if at%(2*overlap) == 0 && len(f.Options.Directories) > 1 {
		return ""
	}
	sum := sha256.Sum256([]byte("tie " + f.people[at].id))
	return hex.EncodeToString(sum[:12])
}

// gone reports whether a person's access is over, and since when.
func (p *person) gone() bool { return p.status == "DEPROVISIONED" || p.status == "SUSPENDED" }

// kept tells how recently somebody left: a deleted user is listed for some days only.
func (f *Firm) leftWithin(p *person, days int) bool {
	return !p.changed.IsZero() && f.Options.Epoch.Sub(p.changed) < time.Duration(days)*24*time.Hour
}

// byPractice lists the members of each practice that a directory knows.
func (f *Firm) byPractice(directory string) (names []string, members map[string][]int) {
	members = make(map[string][]int)
	for i, p := range f.people {
		if f.knows(directory, i) {
			members[p.department] = append(members[p.department], i)
		}
	}
	for d := range members {
		names = append(names, d)
	}
	slices.Sort(names)
	return names, members
}

func (f *Firm) oktaConfig() oktatest.Config {
	c := oktatest.Config{Token: f.secrets["token"], Users: make([]oktatest.User, 0, len(f.people))}
	for i, p := range f.people {
		if !f.knows("okta", i) {
			continue
		}
		u := oktatest.User{
			ID: p.id, Status: p.status, Created: p.created.UTC(), LastUpdated: p.created.UTC(),
			Profile: oktatest.Profile{
				Login: p.login, Email: p.email, FirstName: p.given, LastName: p.family, DisplayName: p.full, Title: p.title, Department: p.department,
				EmployeeNumber: p.number, UserType: p.kind, PrimaryPhone: p.phone, ManagerID: p.manager, Office: p.office, BirthYear: p.birth,
				ImmutableID: f.tie(i),
			},
		}
		if p.status != "STAGED" {
			activated := p.created.Add(24 * time.Hour).UTC()
			u.Activated, u.StatusChanged = &activated, &activated
		}
		if !p.changed.IsZero() {
			changed := p.changed.UTC()
			u.StatusChanged, u.LastUpdated = &changed, changed
		}
		c.Users = append(c.Users, u)
	}
	names, members := f.byPractice("okta")
	for i, d := range names {
		g := oktatest.Group{ID: f.id("00g", i+1), Name: d}
		for _, at := range members[d] {
			g.Members = append(g.Members, f.people[at].id)
		}
		c.Groups = append(c.Groups, g)
	}
	return c
}

func (f *Firm) entraConfig() entratest.Config {
	c := entratest.Config{Tenant: "0a4b2c6d-1e3f-4a5b-8c7d-9e0f1a2b3c4d", ClientID: "5f0c1d2e-3b4a-4968-8776-655443322110", Secret: f.secrets["secret"]}
	for i, p := range f.people {
		if !f.knows("entra", i) {
			continue
		}
		u := entratest.User{
			ID: f.idIn("entra", i), UPN: p.login, Mail: p.email, DisplayName: p.full, GivenName: p.given, Surname: p.family, Created: p.created.UTC(),
			Enabled: !p.gone() && p.status != "STAGED", Department: p.department, JobTitle: p.title, Office: p.office, EmployeeID: p.number, Kind: p.kind,
			Phone: p.phone, ImmutableID: f.tie(i), SAM: p.sso, Extension: map[string]string{"extensionAttribute1": p.birth}, Hired: p.created.UTC(),
			Proxies: []string{"SMTP:" + p.email},
		}
		if p.gone() && f.leftWithin(p, 25) && i%3 == 0 {
			u.Deleted = p.changed.UTC()
		}
		c.Users = append(c.Users, u)
	}
	names, members := f.byPractice("entra")
	all := entratest.Group{ID: "9b000000-0000-4000-8000-000000000000", Name: "Everybody"}
	for i, d := range names {
		g := entratest.Group{ID: fmt.Sprintf("9b000000-0000-4000-8000-%012d", i+1), Name: d}
		for _, at := range members[d] {
			g.Members = append(g.Members, f.idIn("entra", at))
		}
		all.Nested = append(all.Nested, g.ID)
		c.Groups = append(c.Groups, g)
	}
	c.Groups = append(c.Groups, all)
	return c
}

func (f *Firm) googleConfig() googletest.Config {
	c := googletest.Config{
		Account: "rollcall@harcourtvane-rollcall.iam.gserviceaccount.example", Admins: []string{"directory.admin@" + domain},
		Scopes: []string{
			"https://www.googleapis.com/auth/admin.directory.user.readonly", "https://www.googleapis.com/auth/admin.directory.group.readonly",
			"https://www.googleapis.com/auth/admin.directory.group.member.readonly",
		},
	}
	for i, p := range f.people {
		if !f.knows("google", i) {
			continue
		}
		u := googletest.User{
			ID: f.idIn("google", i), Email: p.email, Given: p.given, Family: p.family, Full: p.full, Created: p.created.UTC(), Department: p.department,
			Title: p.title, Kind: p.kind, Building: p.office, Phone: p.phone, Number: p.number, Changed: p.changed.UTC(),
			Schemas: map[string]map[string]string{"HR": {"imanageUserId": p.sso, "birthYear": p.birth, "immutableId": f.tie(i)}},
		}
		switch {
		case p.gone() && f.leftWithin(p, 15) && i%3 == 0:
			u.Deleted = p.changed.UTC()
		case p.status == "DEPROVISIONED":
			u.Archived = true
		case p.status == "SUSPENDED" || p.status == "STAGED":
			u.Suspended = true
		}
		c.Users = append(c.Users, u)
	}
	names, members := f.byPractice("google")
	for i, d := range names {
		g := googletest.Group{ID: fmt.Sprintf("01gr%011d", i+1), Name: d, Email: fmt.Sprintf("practice-%d@%s", i+1, domain)}
		for _, at := range members[d] {
			g.Members = append(g.Members, f.idIn("google", at))
		}
		c.Groups = append(c.Groups, g)
	}
	return c
}

func (f *Firm) oneloginConfig() onelogintest.Config {
	c := onelogintest.Config{ClientID: f.secrets["client"], Secret: f.secrets["secret"], PageSize: 1000}
	names, members := f.byPractice("onelogin")
	role := make(map[int]int64)
	for i, d := range names {
		c.Roles = append(c.Roles, onelogintest.Named{ID: int64(500 + i), Name: d})
		for _, at := range members[d] {
			role[at] = int64(500 + i)
		}
	}
	c.Groups = []onelogintest.Named{{ID: 90, Name: "Default policy"}}
	for i, p := range f.people {
		if !f.knows("onelogin", i) {
			continue
		}
		id, err := strconv.ParseInt(f.idIn("onelogin", i), 10, 64)
		if err != nil {
			continue
		}
		u := onelogintest.User{
			ID: id, Username: p.login, Email: p.email, First: p.given, Last: p.family, Title: p.title, Department: p.department, Phone: p.phone,
			External: f.tie(i), Status: 1, State: 1, Created: p.created.UTC(), Updated: p.created.UTC(), Group: 90, Roles: []int64{role[i]},
			Custom: map[string]string{
				"office": p.office, "employee_number": p.number, "employee_type": p.kind, "birth_year": p.birth, "display_name": p.full,
			},
		}
		switch p.status {
		case "DEPROVISIONED", "SUSPENDED":
			u.Status = 2
		case "STAGED":
			u.Status = 0
		case "LOCKED_OUT":
			u.Status = 3
		case "PASSWORD_EXPIRED":
			u.Status = 4
		}
		if !p.changed.IsZero() {
			u.Updated = p.changed.UTC()
		}
		c.Users = append(c.Users, u)
	}
	return c
}

// googleKey makes a service account's key file, and gives its public half to the simulator.
func googleKey(c *googletest.Config, tokenURI string) (file string, err error) {
	const bits = 2048
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	const id = "f1e2d3c4b5a697887766554433221100ffeeddcc"
	if c.Keys == nil {
		c.Keys = make(map[string]crypto.PublicKey)
	}
	c.Keys[id] = key.Public()
	data, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "harcourtvane-rollcall", "private_key_id": id, "client_email": c.Account, "client_id": "104711000000000000000",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": tokenURI,
	})
	return string(data), err
}
