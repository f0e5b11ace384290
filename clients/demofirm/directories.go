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

// truthID is the id that the engine must name a person by: that of the first directory in priority.
func (f *Firm) truthID(p *person) string {
	return f.idIn(f.primary(p.at), p.at)
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

// byGroup lists the members of each group that a directory knows: one a practice, and those that a few people are in. practices says
// which are the first.
func (f *Firm) byGroup(directory string) (names []string, members map[string][]int, practices map[string]bool) {
	members, practices = make(map[string][]int), make(map[string]bool)
	for i, p := range f.people {
		if !f.knows(directory, i) {
			continue
		}
		practices[p.department] = true
		members[p.department] = append(members[p.department], i)
		for _, g := range p.groups {
			members[g] = append(members[g], i)
		}
	}
	for d := range members {
		names = append(names, d)
	}
	slices.Sort(names)
	return names, members, practices
}

// appointBosses gives everybody a manager who has none and is none: a partner of their practice in their office, or a manager of their
// service there, or else one of another practice or service of the office.
func (f *Firm) appointBosses() {
	heads := make(map[string][]*person)
	seat := func(p *person) string { return p.office + "/" + p.department }
	floor := func(p *person) string {
		return p.office + map[bool]string{true: " lawyers", false: " services"}[f.lawyer(p.department)]
	}
	head := func(p *person) bool { return p.title == "Partner" || p.title == "Manager" }
	for _, p := range f.people {
		if head(p) && p.status == "ACTIVE" && !f.used[p] {
			heads[seat(p)], heads[floor(p)] = append(heads[seat(p)], p), append(heads[floor(p)], p)
		}
	}
	for i, p := range f.people {
		if p.boss != nil || head(p) {
			continue
		}
		of := heads[seat(p)]
		if len(of) == 0 {
			of = heads[floor(p)]
		}
		if len(of) > 0 {
			p.boss = of[i%len(of)]
		}
	}
}

// bossIn is the immutable id that a directory knows somebody's manager by, "" where it knows none.
func (f *Firm) bossIn(directory string, p *person) string {
	if p.boss == nil {
		return ""
	}
	at := p.boss.at
	if !f.knows(directory, at) {
		return ""
	}
	return f.idIn(directory, at)
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
				EmployeeNumber: p.number, UserType: p.kind, PrimaryPhone: p.phone, ManagerID: f.bossIn("okta", p), Office: p.office, BirthYear: p.birth,
				ImmutableID: f.tie(i),
			},
		}
		if p.status != "STAGED" {
			activated := p.created.Add(24 * time.Hour).UTC()
			u.Activated, u.StatusChanged = &activated, &activated
		}
		if !p.signedIn.IsZero() {
			u.LastLogin = &p.signedIn
		}
		if !p.changed.IsZero() {
			changed := p.changed.UTC()
			u.StatusChanged, u.LastUpdated = &changed, changed
		}
		if !p.moved.IsZero() {
			u.LastUpdated = p.moved.UTC()
		}
		c.Users = append(c.Users, u)
	}
	names, members, _ := f.byGroup("okta")
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
			Proxies: []string{"SMTP:" + p.email}, Manager: f.bossIn("entra", p), SignedIn: p.signedIn,
		}
		if p.gone() && f.leftWithin(p, 25) && i%3 == 0 {
			u.Deleted = p.changed.UTC()
		}
		c.Users = append(c.Users, u)
	}
	names, members, practices := f.byGroup("entra")
	all := entratest.Group{ID: "9b000000-0000-4000-8000-000000000000", Name: "Everybody"}
	for i, d := range names {
		g := entratest.Group{ID: fmt.Sprintf("9b000000-0000-4000-8000-%012d", i+1), Name: d}
		for _, at := range members[d] {
			g.Members = append(g.Members, f.idIn("entra", at))
		}
		if practices[d] {
			all.Nested = append(all.Nested, g.ID)
		}
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
			Title: p.title, Kind: p.kind, Building: p.office, Phone: p.phone, Number: p.number, Changed: p.changed.UTC(), LastLogin: p.signedIn,
			Schemas: map[string]map[string]string{"HR": {"imanageUserId": p.sso, "birthYear": p.birth, "immutableId": f.tie(i)}},
		}
		if f.bossIn("google", p) != "" {
			u.Manager = p.boss.email
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
	names, members, _ := f.byGroup("google")
	for i, d := range names {
		g := googletest.Group{ID: fmt.Sprintf("01gr%011d", i+1), Name: d, Email: fmt.Sprintf("group-%d@%s", i+1, domain)}
		for _, at := range members[d] {
			g.Members = append(g.Members, f.idIn("google", at))
		}
		c.Groups = append(c.Groups, g)
	}
	return c
}

func (f *Firm) oneloginConfig() onelogintest.Config {
	c := onelogintest.Config{ClientID: f.secrets["client"], Secret: f.secrets["secret"], PageSize: 1000}
	names, members, _ := f.byGroup("onelogin")
	roles := make(map[int][]int64)
	for i, d := range names {
		c.Roles = append(c.Roles, onelogintest.Named{ID: int64(500 + i), Name: d})
		for _, at := range members[d] {
			roles[at] = append(roles[at], int64(500+i))
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
			External: f.tie(i), Status: 1, State: 1, LastLogin: p.signedIn, Created: p.created.UTC(), Updated: p.created.UTC(), Group: 90, Roles: roles[i],
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
		if !p.moved.IsZero() {
			u.Updated = p.moved.UTC()
		}
		if boss := f.bossIn("onelogin", p); boss != "" {
			if u.Manager, err = strconv.ParseInt(boss, 10, 64); err != nil {
				continue
			}
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
