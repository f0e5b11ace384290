package demofirm

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rollcall/clients/imanage/imanagetest"
	"rollcall/clients/okta/oktatest"
)

// ServeOptions say how the firm is served.
type ServeOptions struct {
	StateDir string // where writes are kept between runs; "": nowhere
	Now      func() time.Time
	// EffectDelay and AnswerDelay are how long the document system works before and after a write takes effect: with them a
	// commit can be watched.
	EffectDelay, AnswerDelay time.Duration
}

// Running is a firm that is served. Close it.
type Running struct {
	Okta    *oktatest.Server
	Imanage *imanagetest.Server
	firm    *Firm
	journal *os.File
}

// Connections is what `rollcall sim` prints: how to reach everything.
type Connections struct {
	Firm        string       `json:"firm"`
	Operator    Operator     `json:"operator"`
	Policy      string       `json:"policy"`
	Connections []Connection `json:"connections"`
}

// Operator is who sits at the demo's desk.
type Operator struct {
	Name      string `json:"name"`
	Directory string `json:"directory"`
	Person    string `json:"person"`
	Account   string `json:"account"`
	Role      string `json:"role"`
}

// Connection is one system and its made-up credentials.
type Connection struct {
	Name         string `json:"name"`
	System       string `json:"system"`
	URL          string `json:"url"`
	Token        string `json:"token,omitempty"`
	Username     string `json:"username,omitempty"`
	Password     string `json:"password,omitempty"`
	ClientID     string `json:"client_id,omitempty"`
	ClientSecret string `json:"client_secret,omitempty"`
}

// kept is what makes a state folder's firm the same again.
type kept struct {
	Seed   uint64    `json:"seed"`
	People int       `json:"people"`
	Epoch  time.Time `json:"epoch"`
}

// Open makes the firm of a state folder: the one that was begun there, so that its dates stay, or a new one.
func Open(o Options, stateDir string) (*Firm, error) {
	if stateDir == "" {
		return Generate(o), nil
	}
	file := filepath.Join(stateDir, "demo.json")
	data, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(stateDir, 0o700); err != nil {
			return nil, err
		}
		data, err = json.Marshal(kept{o.Seed, o.People, o.Epoch})
		if err != nil {
			return nil, err
		}
		return Generate(o), os.WriteFile(file, data, 0o600)
	case err != nil:
		return nil, err
	}
	var k kept
	if err := json.Unmarshal(data, &k); err != nil || k.Seed != o.Seed || k.People != o.People {
		return nil, fmt.Errorf("%s holds another demo firm: choose another --state folder, or empty this one", stateDir)
	}
	o.Epoch = k.Epoch
	return Generate(o), nil
}

// Serve serves a firm on loopback ports.
func Serve(ctx context.Context, f *Firm, o ServeOptions) (*Running, error) {
	r := &Running{firm: f}
	config := f.imanageConfig()
	config.Now, config.EffectDelay, config.AnswerDelay = o.Now, o.EffectDelay, o.AnswerDelay
	var old *os.File
	if o.StateDir != "" {
		file := filepath.Join(o.StateDir, "demo-imanage.jsonl")
		var err error
		if old, err = os.Open(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if r.journal, err = os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
			return nil, err
		}
		config.Journal = r.journal
	}
	r.Imanage = imanagetest.New(config)
	if old != nil {
		err := r.Imanage.Replay(bufio.NewReader(old))
		old.Close()
		if err != nil {
			return nil, err
		}
	}
	oktaConfig := f.oktaConfig()
	oktaConfig.Now = o.Now
	r.Okta = oktatest.New(oktaConfig)
	if err := r.Imanage.Start(ctx); err != nil {
		return nil, err
	}
	if err := r.Okta.Start(ctx); err != nil {
		r.Imanage.Close()
		return nil, err
	}
	return r, nil
}

// Close ends both servers.
func (r *Running) Close() {
	r.Okta.Close()
	r.Imanage.Close()
	if r.journal != nil {
		r.journal.Close()
	}
}

// Connections tells how to reach what is served.
func (r *Running) Connections() Connections {
	f := r.firm
	return Connections{
		Firm:     f.Name,
		Operator: Operator{Name: "l.ortiz", Directory: "okta", Person: f.desk.id, Account: f.desk.account.id, Role: "approver"},
		Policy:   f.PolicyTOML(),
		Connections: []Connection{
			{Name: "okta", System: "okta", URL: r.Okta.URL(), Token: f.secrets["token"]},
			{
				Name: "imanage", System: "imanage", URL: r.Imanage.URL(), Username: strings.ToLower(f.service) + "@" + domain,
				Password: f.secrets["password"], ClientID: f.secrets["client"], ClientSecret: f.secrets["secret"],
			},
		},
	}
}

// PolicyTOML is the firm's policy.
func (f *Firm) PolicyTOML() string {
	var b strings.Builder
	b.WriteString("protected = [\"BREAKGLASS*\"]\nservice = [\"SVC_*\"]\nexcluded_types = [\"external\"]\n")
	for _, o := range f.offices {
		fmt.Fprintf(&b, "\n[[home]]\noffice = %q\nlibrary = %q\nrole = \"STANDARD\"\ngroups = [%q]\n", o.name, o.region2(), "ALL-"+o.region2())
		for _, d := range practices()[:lawPractices] {
			library := home(o, d)
			fmt.Fprintf(&b, "\n[[home]]\noffice = %q\ndepartment = %q\nlibrary = %q\nrole = \"STANDARD\"\ngroups = [%q, %q]\n",
				o.name, d, library, "ALL-"+library, short(d)+"-ALL")
		}
	}
	return b.String()
}

// region2 is the library of an office's business services.
func (o office) region2() string { return home(o, "") }

func (f *Firm) oktaConfig() oktatest.Config {
	c := oktatest.Config{Token: f.secrets["token"], Users: make([]oktatest.User, 0, len(f.people))}
	members := make(map[string][]string)
	for _, p := range f.people {
		u := oktatest.User{
			ID: p.id, Status: p.status, Created: p.created.UTC(), LastUpdated: p.created.UTC(),
			Profile: oktatest.Profile{
				Login: p.login, Email: p.email, FirstName: p.given, LastName: p.family, DisplayName: p.full, Title: p.title, Department: p.department,
				EmployeeNumber: p.number, UserType: p.kind, PrimaryPhone: p.phone, ManagerID: p.manager, Office: p.office, BirthYear: p.birth,
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
		members[p.department] = append(members[p.department], p.id)
	}
	names := make([]string, 0, len(members))
	for d := range members {
		names = append(names, d)
	}
	slices.Sort(names)
	for i, d := range names {
		c.Groups = append(c.Groups, oktatest.Group{ID: f.id("00g", i+1), Name: d, Members: members[d]})
	}
	return c
}

func (f *Firm) imanageConfig() imanagetest.Config {
	c := imanagetest.Config{
		CustomerID: 4711, Username: strings.ToLower(f.service) + "@" + domain, Password: f.secrets["password"], ClientID: f.secrets["client"],
		ClientSecret: f.secrets["secret"], ServiceUser: f.service, GlobalRoles: map[string]map[string]bool{"USER-ADMIN": {}},
	}
	at := make(map[string]*imanagetest.Library)
	for _, id := range libraries() {
		l := &imanagetest.Library{ID: id, Roles: roles(), Members: make(map[string]string), Groups: make(map[string]*imanagetest.Group)}
		for _, g := range f.groups[id] {
			l.Groups[g.id] = &imanagetest.Group{
				ID: g.id, FullName: g.full, Enabled: g.enabled, External: g.external, Nos: 2, Members: make(map[string]bool),
			}
		}
		at[id] = l
		c.Libraries = append(c.Libraries, l)
	}
	for i, a := range f.account {
		nos := 2
		if a.managed() {
			nos = 6
		}
		c.Users = append(c.Users, imanagetest.User{
			ID: a.id, Num: int64(i + 1), FullName: a.full, Email: a.email, Location: a.location, Phone: a.phone, Custom1: a.number,
			PreferredLibrary: a.preferred, AllowLogon: a.enabled, IsExternal: a.external, Nos: nos, IDEx: a.id, SSID: fmt.Sprintf("ssid-%08d", i+1),
			DirectoryID: a.directoryID, CreateDate: a.created.UTC().Truncate(time.Second), EditDate: a.created.UTC().Truncate(time.Second),
		})
		for library, role := range a.libraries {
			at[library].Members[a.id] = role
		}
		for library, groups := range a.groups {
			for _, g := range groups {
				if group := at[library].Groups[g]; group != nil {
					group.Members[a.id] = true
				}
			}
		}
		for _, r := range a.globalRoles {
			c.GlobalRoles[r][a.id] = true
		}
	}
	return c
}
