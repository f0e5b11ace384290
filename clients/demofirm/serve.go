package demofirm

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rollcall/clients/entra/entratest"
	"rollcall/clients/google/googletest"
	"rollcall/clients/imanage/imanagetest"
	"rollcall/clients/okta/oktatest"
	"rollcall/clients/onelogin/onelogintest"
	"rollcall/clients/wire/wiretest"
)

// ServeOptions say how the firm is served.
type ServeOptions struct {
	StateDir string // where writes are kept between runs; "": nowhere
	Now      func() time.Time
	// EffectDelay and AnswerDelay are how long the document system works before and after a write takes effect: with them a
	// commit can be watched.
	EffectDelay, AnswerDelay time.Duration
	// LogonLag is how long the libraries' records follow late where an account is closed.
	LogonLag time.Duration
	// Least gives the directories' credentials one right too few.
	Least bool
	// Limits is the share of the vendors' published rates that the directories enforce (contracts/idps.md 2): 1 is all of them, in a
	// test less, so that a small firm meets them; 0: none is. OneLogin then also gives no more than the documented 50 rows a page.
	Limits float64
}

// Running is a firm that is served. Close it.
type Running struct {
	Okta      *oktatest.Server     // nil where the firm has none; so the other directories
	Entra     *entratest.Server    //
	Google    *googletest.Server   //
	OneLogin  *onelogintest.Server //
	Imanage   *imanagetest.Server
	firm      *Firm
	journal   *os.File
	googleKey string
}

// Connections is what `rollcall sim` prints: how to reach everything.
type Connections struct {
	Firm        string       `json:"firm"`
	Operator    Operator     `json:"operator"`
	Operators   []Operator   `json:"operators"` // whoever may sit at the desk, that one first
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
	SignIn       string `json:"sign_in,omitempty"`
	Tenant       string `json:"tenant,omitempty"`
	LoginURL     string `json:"login_url,omitempty"`
	Subject      string `json:"subject,omitempty"`
	Key          string `json:"key,omitempty"`

	Fields map[string]string `json:"fields,omitempty"`
}

// kept is what makes a state folder's firm the same again.
type kept struct {
	Seed   uint64    `json:"seed"`
	People int       `json:"people"`
	Epoch  time.Time `json:"epoch"`

	Directories []string `json:"directories,omitempty"`
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
		data, err = json.Marshal(kept{o.Seed, o.People, o.Epoch, o.Directories})
		if err != nil {
			return nil, err
		}
		return Generate(o), os.WriteFile(file, data, 0o600)
	case err != nil:
		return nil, err
	}
	var k kept
	if err := json.Unmarshal(data, &k); err != nil || k.Seed != o.Seed || k.People != o.People || !slices.Equal(k.Directories, o.Directories) {
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
	config.LogonLag = o.LogonLag
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
	if err := r.Imanage.Start(ctx); err != nil {
		return nil, err
	}
	if err := r.serveDirectories(ctx, f, o); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Running) serveDirectories(ctx context.Context, f *Firm, o ServeOptions) error {
	for _, name := range f.Options.Directories {
		var err error
		switch name {
		case "okta":
			config := f.oktaConfig()
			config.Now = o.Now
			if o.Least {
				config.Forbidden = "/api/v1/groups"
			}
			config.RateLimit, config.TokenShare = limit(oktaRate, o), oktaShare
			r.Okta = oktatest.New(config)
			err = r.Okta.Start(ctx)
		case "entra":
			config := f.entraConfig()
			config.Now = o.Now
			if o.Least {
				config.Rights = []string{"User.ReadBasic.All", "GroupMember.Read.All"}
			}
			config.Units = limit(entraUnits, o)
			r.Entra = entratest.New(config)
			err = r.Entra.Start(ctx)
		case "google":
			err = r.serveGoogle(ctx, f, o)
		case "onelogin":
			config := f.oneloginConfig()
			config.Now = o.Now
			if o.Least {
				config.Scope = "Read Users"
			}
			if config.RateLimit = limit(oneloginRate, o); config.RateLimit > 0 {
				config.PageSize = oneloginRows
			}
			r.OneLogin = onelogintest.New(config)
			err = r.OneLogin.Start(ctx)
		default:
			err = fmt.Errorf("there is no directory called %s: %s", name, strings.Join(Directories(), ", "))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// The vendors' published limits (contracts/idps.md 2.1 to 2.4). Okta publishes the size of no bucket, and shows it to an org's
// own administrator alone: 600 is taken for a usual one.
const (
	oktaRate     = 600 // a minute and bucket
	oktaShare    = 0.5 // of it, for one token
	entraUnits   = 8000
	googleRate   = 2400 // a minute
	oneloginRate = 5000 // an hour
	oneloginRows = 50
)

func limit(published int, o ServeOptions) int { return int(math.Round(float64(published) * o.Limits)) }

// serveGoogle makes a key as it goes: one that was kept in the code would be somebody's secret.
func (r *Running) serveGoogle(ctx context.Context, f *Firm, o ServeOptions) error {
	config := f.googleConfig()
	config.Now = o.Now
	if o.Least {
		config.Scopes = config.Scopes[:1]
	}
	key, err := googleKey(&config, "")
	if err != nil {
		return err
	}
	r.googleKey = key
	config.RateLimit = limit(googleRate, o)
	r.Google = googletest.New(config)
	return r.Google.Start(ctx)
}

// Close ends every server.
func (r *Running) Close() {
	if r.Okta != nil {
		r.Okta.Close()
	}
	if r.Entra != nil {
		r.Entra.Close()
	}
	if r.Google != nil {
		r.Google.Close()
	}
	if r.OneLogin != nil {
		r.OneLogin.Close()
	}
	r.Imanage.Close()
	if r.journal != nil {
		r.journal.Close()
	}
}

// Operators are those who may sit at the desk: the help desk's own first, and a second one who may approve.
func (f *Firm) Operators() []Operator {
	of := func(name string, p *person, role string) Operator {
		return Operator{Name: name, Directory: f.primary(p.at), Person: f.truthID(p), Account: p.account.id, Role: role}
	}
	return []Operator{of("l.ortiz", f.desk, "approver"), of("f.adeyemi", f.partner, "approver")}
}

// Connections tells how to reach what is served.
func (r *Running) Connections() Connections {
	f := r.firm
	c := Connections{
		Firm: f.Name, Policy: f.PolicyTOML(),
		Operators: f.Operators(),
	}
	c.Operator = c.Operators[0]
	for _, name := range f.Options.Directories {
		c.Connections = append(c.Connections, r.directory(name))
	}
	c.Connections = append(c.Connections, Connection{
		Name: "imanage", System: "imanage", URL: r.Imanage.URL(), Username: strings.ToLower(f.service) + "@" + domain,
		Password: f.secrets["password"], ClientID: f.secrets["client"], ClientSecret: f.secrets["secret"],
	})
	return c
}

func (r *Running) directory(name string) Connection {
	f := r.firm
	c := Connection{Name: name, System: name}
	switch name {
	case "entra":
		config := f.entraConfig()
		c.URL, c.LoginURL, c.Tenant, c.ClientID, c.SignIn = r.Entra.URL(), r.Entra.URL(), config.Tenant, config.ClientID, "secret"
		c.ClientSecret, c.Fields = f.secrets["secret"], map[string]string{"birth_year": "extensionAttribute1"}
	case "google":
		c.URL, c.LoginURL, c.Key, c.Subject, c.SignIn = r.Google.URL(), r.Google.URL(), r.googleKey, "directory.admin@"+domain, "service-account"
		c.Fields = map[string]string{"sso_name": "HR.imanageUserId", "birth_year": "HR.birthYear", "external_id": "HR.immutableId"}
	case "onelogin":
		c.URL, c.ClientID, c.ClientSecret, c.SignIn = r.OneLogin.URL(), f.secrets["client"], f.secrets["secret"], "credential"
	default:
		c.URL, c.Token, c.SignIn = r.Okta.URL(), f.secrets["token"], "token"
		c.Fields = map[string]string{"external_id": "immutableId"}
	}
	return c
}

func (f *Firm) imanageConfig() imanagetest.Config {
	c := imanagetest.Config{
		CustomerID: 4711, Username: strings.ToLower(f.service) + "@" + domain, Password: f.secrets["password"], ClientID: f.secrets["client"],
		ClientSecret: f.secrets["secret"], ServiceUser: f.service, GlobalRoles: map[string]map[string]bool{"USER-ADMIN": {}}, AllowRemoval: true,
		SSO: imanagetest.SSO{Kind: "saml"},
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
	f.estate.fill(at)
	f.use.fill(at)
	return c
}

// FirstID is the immutable id of somebody who stands on the first page of the first directory.
func (r *Running) FirstID() string {
	return r.firm.idIn(r.firm.Options.Directories[0], 0)
}

// Listing is the bench of a directory, and a fault, to be given a kind, that meets its listing of people alone.
func (r *Running) Listing(directory string) (*wiretest.Bench, wiretest.Fault) {
	switch directory {
	case "entra":
		return r.Entra.Bench(), wiretest.Fault{Path: "/v1.0/users", Query: "expand=manager"}
	case "google":
		return r.Google.Bench(), wiretest.Fault{Path: "/admin/directory/v1/users"}
	case "onelogin":
		return r.OneLogin.Bench(), wiretest.Fault{Path: "/api/2/users"}
	default:
		return r.Okta.Bench(), wiretest.Fault{Path: "/api/v1/users"}
	}
}
