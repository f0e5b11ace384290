package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/adrg/xdg"

	"rollcall/clients/demofirm"
	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/policy"
	"rollcall/provisioning/strict"
)

// setup is what a config.toml, or the JSON of `rollcall sim`, says about a firm.
type setup struct {
	Firm        string              `toml:"firm" json:"firm"`
	Operator    map[string]operator `toml:"operator" json:"-"`
	Seat        *operator           `toml:"-" json:"operator"`
	Operators   []operator          `toml:"-" json:"operators"` // of simulated systems: whoever may sit at the desk
	Connections []connection        `toml:"connection" json:"connections"`
	Policy      string              `toml:"-" json:"policy"`
	chosen      string              // the document system that this run works on
	// policyFrom reads policy.toml as it stands now; nil: Policy is the text.
	policyFrom func() (desk.PolicySource, error)
	// RecordKey is where the key of the record's chain lives, "" for the keyring: file:PATH or age:NAME for one that has none.
	RecordKey string `toml:"record_key" json:"-"`
	// Approvals is a folder, shared with those who approve on other machines, "" for one in the state folder.
	Approvals string `toml:"approvals" json:"-"`
	// SigningKey is where the installation's signing key lives, "" for the keyring; Anchor where its signatures of the record are kept
	// outside the store, Keep how much of the past is kept.
	SigningKey string       `toml:"signing_key" json:"-"`
	Anchor     anchorPlaces `toml:"anchor" json:"-"`
	Keep       keepRules    `toml:"keep" json:"-"`
	// Passphrase is where the vault's passphrase lives, for a machine at which nobody sits; "": it is asked for.
	Passphrase string `toml:"passphrase" json:"-"`
	// Prefer gives an attribute its own order of directories; else they count in the order in which they stand.
	Prefer map[string][]string `toml:"prefer" json:"-"`
	// Notify says who is told of what needs somebody who is not looking.
	Notify notifyRules `toml:"notify" json:"-"`
}

// operator maps an operating system's user to a person, an account and a role (DESIGN 5).
type operator struct {
	Name      string `toml:"name" json:"name"`
	Directory string `toml:"directory" json:"directory"`
	Person    string `toml:"person" json:"person"`
	Account   string `toml:"account" json:"account"`
	Role      string `toml:"role" json:"role"`
	// ApprovalKey is the public half of the key that the operator approves with, as rollcall approve key prints it.
	ApprovalKey string `toml:"approval_key" json:"-"`
}

// connection is one system. Secrets are references (keyring:, age:, file:, env:, exec:) in a config.toml; the JSON of `rollcall sim`
// carries the simulators' own made-up ones.
type connection struct {
	Name          string     `toml:"name" json:"name"`
	System        string     `toml:"system" json:"system"`
	URL           string     `toml:"url" json:"url"`
	CAFile        string     `toml:"ca_file" json:"-"`
	Token         string     `toml:"token" json:"token"`
	Username      string     `toml:"username" json:"username"`
	Password      string     `toml:"password" json:"password"`
	ClientID      string     `toml:"client_id" json:"client_id"`
	ClientSecret  string     `toml:"client_secret" json:"client_secret"`
	Prefix        string     `toml:"prefix" json:"-"`
	OnPrem        bool       `toml:"on_prem" json:"on_prem"`
	Offices       []string   `toml:"offices" json:"offices"` // imanage, of several tenants: the offices that this one serves
	EmployeeField string     `toml:"employee_field" json:"-"`
	PerSecond     float64    `toml:"per_second" json:"-"`
	Settle        string     `toml:"settle" json:"-"`
	Canaries      []string   `toml:"canaries" json:"-"`
	Fields        fieldNames `toml:"fields,omitempty" json:"fields"`
	SignIn        string     `toml:"sign_in" json:"sign_in"`     // the way, as the guide names it
	Tenant        string     `toml:"tenant" json:"tenant"`       // entra
	LoginURL      string     `toml:"login_url" json:"login_url"` // entra, google: another cloud's, or a simulator's
	Subject       string     `toml:"subject" json:"subject"`     // google: the administrator in whose name is asked
	Customer      string     `toml:"customer" json:"-"`          // google
	Key           string     `toml:"key" json:"key"`             // a reference to a key: okta, entra, google
	KeyID         string     `toml:"key_id" json:"-"`            // okta: of a PEM key
	Refresh       string     `toml:"refresh" json:"-"`           // entra: a reference to an operator's own sign-in
	Reserve       float64    `toml:"reserve" json:"-"`           // the share of the allowance that is kept free for people
	FullEvery     string     `toml:"full_every" json:"-"`        // how long a change feed is followed before a whole read
	Loopback      bool       `toml:"loopback" json:"-"`          // take http:// on this machine: a simulator
}

// fieldNames say where a firm keeps what the vendor's record has no place for, or keeps elsewhere.
type fieldNames struct {
	Office         string `toml:"office,omitempty" json:"office"`
	SSOName        string `toml:"sso_name,omitempty" json:"sso_name"`
	EmployeeNumber string `toml:"employee_number,omitempty" json:"employee_number"`
	Phone          string `toml:"phone,omitempty" json:"phone"`
	BirthYear      string `toml:"birth_year,omitempty" json:"birth_year"`
	HireDate       string `toml:"hire_date,omitempty" json:"hire_date"`
	LeaveDate      string `toml:"leave_date,omitempty" json:"leave_date"`
	ExternalID     string `toml:"external_id,omitempty" json:"external_id"`
	Type           string `toml:"type,omitempty" json:"type"`
}

// unused names a field that is set and that a system has no use for; "" where there is none.
func (f fieldNames) unused(system string) string {
	for _, one := range []struct {
		key, value string
		systems    []string
	}{
		{"office", f.Office, []string{"okta", "entra", "google", "onelogin"}},
		{"sso_name", f.SSOName, []string{"okta", "entra", "google", "onelogin"}},
		{"employee_number", f.EmployeeNumber, []string{"okta", "entra", "google", "onelogin"}},
		{"phone", f.Phone, []string{"okta", "entra", "onelogin"}},
		{"birth_year", f.BirthYear, []string{"okta", "entra", "google", "onelogin"}},
		{"hire_date", f.HireDate, []string{"okta", "google", "onelogin"}},
		{"leave_date", f.LeaveDate, []string{"okta", "google", "onelogin"}},
		{"external_id", f.ExternalID, []string{"okta", "entra", "google", "onelogin"}},
		{"type", f.Type, []string{"onelogin"}},
	} {
		if one.value != "" && !slices.Contains(one.systems, system) {
			return one.key
		}
	}
	return ""
}

// loopbackSettle is how long the simulators may still be at work on a request that was given up (DESIGN 4.4).
const (
	loopbackSettle = 200 * time.Millisecond
	tenantSettle   = 45 * time.Second
)

// directoryList reads --directory: names with commas between them, or all.
func (f *flags) directoryList() ([]string, error) {
	if f.directories == "" {
		return nil, nil
	}
	if f.directories == "all" {
		return demofirm.Directories(), nil
	}
	var list []string
	for name := range strings.SplitSeq(f.directories, ",") {
		if !slices.Contains(demofirm.Directories(), name) || slices.Contains(list, name) {
			return nil, &provisioning.Error{
				Code: provisioning.Invalid, Message: "--directory names no directory, or one twice: " + name, Hint: "all, or some of " + strings.Join(demofirm.Directories(), ","),
			}
		}
		list = append(list, name)
	}
	return list, nil
}

func configDir(f *flags) string {
	if f.config != "" {
		return f.config
	}
	return filepath.Join(xdg.ConfigHome, "rollcall")
}

func stateDir(f *flags) string {
	dir := f.state
	if dir == "" {
		dir = filepath.Join(xdg.StateHome, "rollcall")
	}
	if f.state == "" && f.connections != "" { // simulated systems have a record of their own, under a key of their own
		dir = filepath.Join(dir, "simulated")
	}
	if f.demo {
		name := fmt.Sprintf("demo-%d-%d", f.seed, f.people)
		if f.directories != "" && f.directories != "okta" {
			name += "-" + strings.ReplaceAll(f.directories, ",", "-")
		}
		dir = filepath.Join(dir, name)
	}
	return dir
}

// readConfig reads config.toml and the policy.toml beside it, strictly: an unknown key is told with its line.
func readConfig(f *flags) (*setup, error) {
	dir := configDir(f)
	file := filepath.Join(dir, "config.toml")
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &provisioning.Error{
			Code: provisioning.Invalid, Message: "there is no configuration yet: " + file,
			Hint: "rollcall connect sets one up; rollcall demo shows a made-up firm", Err: errNoConfig,
		}
	}
	if err != nil {
		return nil, err
	}
	s, err := parseConfig(file, data)
	if err != nil {
		return nil, err
	}
	s.policyFrom = func() (desk.PolicySource, error) { return readPolicy(dir) }
	keeper := f.keeper()
	keeper.rely(s.Passphrase)
	keeper.Withhold(s.Passphrase) // before the first of them is used: that may start a command
	for i := range s.Connections {
		for _, ref := range secretsOf(&s.Connections[i]) {
			keeper.Withhold(*ref.value)
		}
	}
	return s, nil
}

// readPolicy reads policy.toml and the files that it names beside it.
func readPolicy(dir string) (desk.PolicySource, error) {
	text, err := os.ReadFile(filepath.Join(dir, "policy.toml"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return desk.PolicySource{}, &provisioning.Error{Code: provisioning.Unavailable, Message: "policy.toml cannot be read", Err: err}
	}
	source := desk.PolicySource{Text: string(text)}
	_, err = policy.Parse(text, func(name string) ([]byte, error) {
		if !filepath.IsLocal(name) {
			return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "policy.toml: " + name + " is not a file beside it", Hint: "name a file in the same folder"}
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			if source.Files == nil {
				source.Files = make(map[string]string)
			}
			source.Files[name] = string(data)
		}
		return data, err
	})
	return source, err
}

// policySource is what a desk reads its policy by.
func (s *setup) policySource() func() (desk.PolicySource, error) {
	if s.policyFrom != nil {
		return s.policyFrom
	}
	return func() (desk.PolicySource, error) { return desk.PolicySource{Text: s.Policy}, nil }
}

// operators are the names of everybody whom the configuration maps.
func (s *setup) operators() []string {
	var all []string
	for name, o := range s.Operator {
		all = append(all, o.operator(name).Name)
	}
	for _, o := range s.Operators {
		all = append(all, o.Name)
	}
	if s.Seat != nil {
		all = append(all, s.Seat.Name)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// errNoConfig is in the error of a folder without a config.toml.
var errNoConfig = errors.New("no configuration")

// parseConfig reads the text of a config.toml strictly.
func parseConfig(file string, data []byte) (*setup, error) {
	var s setup
	if err := strict.Decode(file, data, &s); err != nil {
		return nil, err
	}
	return &s, s.check(file)
}

// check says what is wrong with a configuration that can be read.
func (s *setup) check(file string) error {
	wrong := func(format string, args ...any) error {
		return &provisioning.Error{Code: provisioning.Invalid, Message: file + ": " + fmt.Sprintf(format, args...), Hint: "mend the file; the README lists every key"}
	}
	seen := make(map[string]bool)
	for _, c := range s.Connections {
		if c.Name == "" || seen[c.Name] {
			return wrong("every connection needs a name of its own: %s", c.Name)
		}
		seen[c.Name] = true
		if key := c.Fields.unused(c.System); key != "" {
			return wrong("connection %s: %s has no use for the field %s", c.Name, c.System, key)
		}
	}
	var known []string
	for _, a := range provisioning.Attributes() {
		known = append(known, a.Name)
	}
	for attribute, order := range s.Prefer {
		if !slices.Contains(known, attribute) {
			return wrong("prefer: there is no attribute called %s: %s", attribute, strings.Join(known, ", "))
		}
		for _, name := range order {
			if !seen[name] {
				return wrong("prefer: there is no connection called %s", name)
			}
		}
	}
	return nil
}

// readConnections reads the JSON that `rollcall sim` prints.
func readConnections(file string) (*setup, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "the connections could not be read", Err: err}
	}
	var s setup
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, &provisioning.Error{
			Code: provisioning.Invalid, Message: "the connections file is not what rollcall sim prints", Err: err,
		}
	}
	return &s, nil
}

// seat says who is at the desk: the sim's own operator, or the operating system's user as config.toml maps it. An unmapped
// one may only read.
func (s *setup) seat() provisioning.Operator {
	if s.Seat != nil {
		return s.Seat.operator("")
	}
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if o, ok := s.Operator[name]; ok {
		return o.operator(name)
	}
	return provisioning.Operator{Name: name, Role: provisioning.RoleReader}
}

func (o operator) operator(fallback string) provisioning.Operator {
	name := o.Name
	if name == "" {
		name = fallback
	}
	p := provisioning.Operator{Name: name, Account: strings.ToUpper(o.Account), Role: provisioning.Role(o.Role)}
	if o.Person != "" {
		p.Person = provisioning.PersonKey{Directory: o.Directory, ID: o.Person}
	}
	return p
}
