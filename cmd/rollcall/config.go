package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/adrg/xdg"
	"github.com/agnivade/levenshtein"
	"github.com/pelletier/go-toml/v2"

	"rollcall/clients/demofirm"
	"rollcall/provisioning"
)

// setup is what a config.toml, or the JSON of `rollcall sim`, says about a firm.
type setup struct {
	Firm        string              `toml:"firm" json:"firm"`
	Operator    map[string]operator `toml:"operator" json:"-"`
	Seat        *operator           `toml:"-" json:"operator"`
	Connections []connection        `toml:"connection" json:"connections"`
	Policy      string              `toml:"-" json:"policy"`
	// RecordKey is where the key of the record's chain lives, "" for the keyring: file:PATH or age:NAME for one that has none.
	RecordKey string `toml:"record_key" json:"-"`
	// Passphrase is where the vault's passphrase lives, for a machine at which nobody sits; "": it is asked for.
	Passphrase string `toml:"passphrase" json:"-"`
	// Prefer gives an attribute its own order of directories; else they count in the order in which they stand.
	Prefer map[string][]string `toml:"prefer" json:"-"`
}

// operator maps an operating system's user to a person, an account and a role (DESIGN 5).
type operator struct {
	Name      string `toml:"name" json:"name"`
	Directory string `toml:"directory" json:"directory"`
	Person    string `toml:"person" json:"person"`
	Account   string `toml:"account" json:"account"`
	Role      string `toml:"role" json:"role"`
}

// connection is one system. Secrets are references (keyring:, age:, file:, env:, exec:) in a config.toml; the JSON of `rollcall sim`
// carries the simulators' own made-up ones.
type connection struct {
	Name          string            `toml:"name" json:"name"`
	System        string            `toml:"system" json:"system"`
	URL           string            `toml:"url" json:"url"`
	CAFile        string            `toml:"ca_file" json:"-"`
	Token         string            `toml:"token" json:"token"`
	Username      string            `toml:"username" json:"username"`
	Password      string            `toml:"password" json:"password"`
	ClientID      string            `toml:"client_id" json:"client_id"`
	ClientSecret  string            `toml:"client_secret" json:"client_secret"`
	Prefix        string            `toml:"prefix" json:"-"`
	OnPrem        bool              `toml:"on_prem" json:"on_prem"`
	EmployeeField string            `toml:"employee_field" json:"-"`
	PerSecond     float64           `toml:"per_second" json:"-"`
	Settle        string            `toml:"settle" json:"-"`
	Canaries      []string          `toml:"canaries" json:"-"`
	Fields        map[string]string `toml:"fields" json:"fields"`
	SignIn        string            `toml:"sign_in" json:"sign_in"`     // the way, as the guide names it
	Tenant        string            `toml:"tenant" json:"tenant"`       // entra
	LoginURL      string            `toml:"login_url" json:"login_url"` // entra, google: another cloud's, or a simulator's
	Subject       string            `toml:"subject" json:"subject"`     // google: the administrator in whose name is asked
	Customer      string            `toml:"customer" json:"-"`          // google
	Key           string            `toml:"key" json:"key"`             // a reference to a key: okta, entra, google
	KeyID         string            `toml:"key_id" json:"-"`            // okta: of a PEM key
	Refresh       string            `toml:"refresh" json:"-"`           // entra: a reference to an operator's own sign-in
	Reserve       float64           `toml:"reserve" json:"-"`           // the share of the allowance that is kept free for people
	FullEvery     string            `toml:"full_every" json:"-"`        // how long a change feed is followed before a whole read
	Loopback      bool              `toml:"loopback" json:"-"`          // take http:// on this machine: a simulator
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
	policyText, err := os.ReadFile(filepath.Join(dir, "policy.toml"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	s.Policy = string(policyText)
	f.keeper().rely(s.Passphrase)
	return s, nil
}

// errNoConfig is in the error of a folder without a config.toml.
var errNoConfig = errors.New("no configuration") //nolint:gochecknoglobals // a sentinel

// parseConfig reads the text of a config.toml strictly.
func parseConfig(file string, data []byte) (*setup, error) {
	var s setup
	if err := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields().Decode(&s); err != nil {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: tomlError(file, err), Hint: "mend the file; the README lists every key"}
	}
	seen := make(map[string]bool)
	for _, c := range s.Connections {
		if c.Name == "" || seen[c.Name] {
			return nil, &provisioning.Error{Code: provisioning.Invalid, Message: file + ": every connection needs a name of its own: " + c.Name, Hint: "mend the file"}
		}
		seen[c.Name] = true
	}
	return &s, nil
}

// nearest finds the known key that was most likely meant, by the least edits; "" where none is near.
func nearest(key []string) string {
	table := reflect.TypeFor[setup]()
	switch {
	case len(key) > 1 && key[0] == "connection":
		table = reflect.TypeFor[connection]()
	case len(key) > 1 && key[0] == "operator":
		table = reflect.TypeFor[operator]()
	}
	wrong, best, least := key[len(key)-1], "", 4
	for i := range table.NumField() {
		name, _, _ := strings.Cut(table.Field(i).Tag.Get("toml"), ",")
		if d := levenshtein.ComputeDistance(wrong, name); name != "-" && d < least {
			best, least = name, d
		}
	}
	return best
}

// tomlError says where a TOML file is wrong: line, column, and the key that is not known with the one that was likely meant.
func tomlError(file string, err error) string {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) && len(strict.Errors) > 0 {
		row, column := strict.Errors[0].Position()
		text := fmt.Sprintf("%s:%d:%d: no such key: %s", file, row, column, strings.Join(strict.Errors[0].Key(), "."))
		if meant := nearest(strict.Errors[0].Key()); meant != "" {
			text += " (did you mean " + meant + "?)"
		}
		return text
	}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		row, column := decode.Position()
		return fmt.Sprintf("%s:%d:%d: %s", file, row, column, decode.Error())
	}
	return fmt.Sprintf("%s: %s", file, err)
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
