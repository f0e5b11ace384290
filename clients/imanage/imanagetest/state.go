// Package imanagetest is a faithful loopback server of the iManage Work administration API as contracts/imanage.md describes it,
// with state: what the real one would refuse, it refuses. It serves the demo and the tests, and knows nothing of directories
// or of rollcall's rules.
package imanagetest

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// User is an account as the server keeps it (contracts/imanage.md 5.1).
type User struct {
	ID               string    `json:"id"`
	Num              int64     `json:"user_num"`
	FullName         string    `json:"full_name"`
	Email            string    `json:"email"`
	Location         string    `json:"location"`
	Phone            string    `json:"phone"`
	Custom1          string    `json:"custom1,omitempty"`
	Custom2          string    `json:"custom2,omitempty"`
	Custom3          string    `json:"custom3,omitempty"`
	PreferredLibrary string    `json:"preferred_library"`
	AllowLogon       bool      `json:"allow_logon"`
	IsExternal       bool      `json:"is_external"`
	Nos              int       `json:"user_nos"` // 2 virtual, 6 enterprise
	IDEx             string    `json:"user_id_ex,omitempty"`
	SSID             string    `json:"ssid"`
	DirectoryID      string    `json:"directory_id,omitempty"`
	NeverExpire      bool      `json:"password_never_expire"`
	ForceChange      bool      `json:"force_password_change"`
	CreateDate       time.Time `json:"create_date"`
	EditDate         time.Time `json:"edit_date"`
}

// Group is a group of a library, or a global one.
type Group struct {
	ID       string          `json:"id"`
	FullName string          `json:"full_name"`
	Enabled  bool            `json:"enabled"`
	External bool            `json:"is_external"`
	Nos      int             `json:"group_nos"`
	Members  map[string]bool `json:"-"`
}

// Library is a library with its roles, members and groups.
type Library struct {
	ID      string
	Type    string
	Hidden  bool
	Roles   []string
	Members map[string]string // user id → role
	Logon   map[string]bool   // user id → allow_logon of the library's own record
	Groups  map[string]*Group
}

// Config is what a server begins with.
type Config struct {
	CustomerID  int
	Users       []User
	Libraries   []*Library
	Groups      []*Group                   // global
	GlobalRoles map[string]map[string]bool // role → members

	Username, Password, ClientID, ClientSecret string
	ServiceUser                                string // the user id that the credentials sign in as
	AllowRefresh                               bool
	OnPrem                                     bool // no global level
	AllowRemoval                               bool // DELETE of a library user works; unconfirmed by any public source

	Now         func() time.Time
	Journal     io.Writer     // every effect is written here as a JSON line, at the moment it takes place
	EffectDelay time.Duration // before a write takes effect
	AnswerDelay time.Duration // after it
	RateLimit   int           // requests a RateWindow; 0: none
	RateWindow  time.Duration
	MostPage    int // answers say overflow above it; 0: 9999
}

// Mutation is one effect, as the journal keeps it.
type Mutation struct {
	At      time.Time      `json:"at"`
	Kind    string         `json:"kind"` // create, patch, assign, unassign, role, join, leave, global role
	User    string         `json:"user"`
	Library string         `json:"library,omitempty"`
	Object  string         `json:"object,omitempty"` // a group or a role
	Fields  map[string]any `json:"fields,omitempty"`
	Record  *User          `json:"record,omitempty"`
}

// State is everything that the server holds, canonical and comparable as JSON.
type State struct {
	Users       []User              `json:"users"`
	Roles       map[string]string   `json:"roles"`        // LIBRARY/USER → role
	Logon       map[string]bool     `json:"logon"`        // LIBRARY/USER
	Members     map[string][]string `json:"members"`      // LIBRARY/GROUP, or /GROUP for a global one
	GlobalRoles map[string][]string `json:"global_roles"` // role → users
}

// Dump returns the whole state.
func (s *Server) Dump() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := State{Roles: map[string]string{}, Logon: map[string]bool{}, Members: map[string][]string{}, GlobalRoles: map[string][]string{}}
	for _, id := range s.ids {
		d.Users = append(d.Users, *s.users[id])
	}
	for _, lib := range s.libraries {
		for u, r := range lib.Members {
			d.Roles[lib.ID+"/"+u] = r
			d.Logon[lib.ID+"/"+u] = lib.Logon[u]
		}
		for _, g := range lib.Groups {
			d.Members[lib.ID+"/"+g.ID] = sortedKeys(g.Members)
		}
	}
	for _, g := range s.groups {
		d.Members["/"+g.ID] = sortedKeys(g.Members)
	}
	for r, members := range s.globalRoles {
		d.GlobalRoles[r] = sortedKeys(members)
	}
	return d
}

// Effects counts, by "kind user library object", how often a state-changing request was applied, also where it changed nothing:
// what must be exactly once, has a count of one.
func (s *Server) Effects() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := make(map[string]int, len(s.effects))
	for k, n := range s.effects {
		counts[k] = n
	}
	return counts
}

// User returns one account as it stands.
func (s *Server) User(id string) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.users[strings.ToUpper(id)]
	if !ok {
		return User{}, false
	}
	return *u, true
}

// Change lets somebody else change an account: another administrator, or a directory sync.
func (s *Server) Change(id string, change func(*User)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.users[strings.ToUpper(id)]; u != nil {
		change(u)
		for _, lib := range s.libraries {
			if _, in := lib.Members[u.ID]; in {
				lib.Logon[u.ID] = u.AllowLogon
			}
		}
	}
}

// Leave lets somebody else take an account out of a group or, with group "", out of a library.
func (s *Server) Leave(user, library, group string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lib := s.library(library)
	if lib == nil {
		return
	}
	if group == "" {
		s.effect(Mutation{Kind: "unassign", User: user, Library: library})
		return
	}
	delete(lib.Groups[group].Members, user)
}

// Replay applies a journal's effects to a fresh state. A last line that was cut off by a kill is left out: its effect was
// written and applied together, or not at all.
func (s *Server) Replay(r io.Reader) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := json.NewDecoder(r)
	for {
		var m Mutation
		switch err := d.Decode(&m); {
		case err == io.EOF, err == io.ErrUnexpectedEOF: //nolint:errorlint // the decoder gives these bare
			return nil
		case err != nil:
			return fmt.Errorf("replay: %w", err)
		}
		s.effect(m)
	}
}

// apply journals an effect and lets it take place. The caller holds mu.
func (s *Server) apply(m Mutation) error {
	m.At = s.now()
	if s.config.Journal != nil {
		line, err := json.Marshal(m)
		if err != nil {
			return err
		}
		if _, err := s.config.Journal.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	s.effect(m)
	s.count(m)
	return nil
}

func (s *Server) count(m Mutation) {
	if m.Kind != "patch" {
		s.effects[strings.TrimSpace(m.Kind+" "+m.User+" "+m.Library+" "+m.Object)]++
		return
	}
	for f := range m.Fields {
		if f != "id" {
			s.effects["patch "+m.User+" "+f]++
		}
	}
}

// effect changes the state. The caller holds mu.
func (s *Server) effect(m Mutation) {
	lib := s.library(m.Library)
	switch m.Kind {
	case "create":
		if m.Record != nil {
			u := *m.Record
			s.insert(&u)
		}
	case "patch":
		s.patch(m, lib)
	case "assign":
		if lib != nil {
			lib.Members[m.User] = m.Object
			if u := s.users[m.User]; u != nil {
				lib.Logon[m.User] = u.AllowLogon
			}
		}
	case "unassign":
		if lib != nil {
			delete(lib.Members, m.User)
			delete(lib.Logon, m.User)
			for _, g := range lib.Groups {
				delete(g.Members, m.User)
			}
		}
	case "role":
		if lib != nil {
			lib.Members[m.User] = m.Object
		}
	case "join", "leave":
		if g := s.group(m.Library, m.Object); g != nil {
			if m.Kind == "join" {
				g.Members[m.User] = true
			} else {
				delete(g.Members, m.User)
			}
		}
	case "global role add", "global role remove":
		if members := s.globalRoles[m.Object]; members != nil {
			if m.Kind == "global role add" {
				members[m.User] = true
			} else {
				delete(members, m.User)
			}
		}
	}
}

func (s *Server) patch(m Mutation, lib *Library) {
	u := s.users[m.User]
	if u == nil {
		return
	}
	for f, v := range m.Fields {
		text, _ := v.(string)
		flag, _ := v.(bool)
		switch f {
		case "full_name":
			u.FullName = text
		case "email":
			delete(s.emails, strings.ToLower(u.Email))
			u.Email = text
			s.emails[strings.ToLower(text)] = u.ID
		case "location":
			u.Location = text
		case "phone":
			u.Phone = text
		case "preferred_library":
			u.PreferredLibrary = text
		case "custom1":
			u.Custom1 = text
		case "custom2":
			u.Custom2 = text
		case "custom3":
			u.Custom3 = text
		case "allow_logon":
			s.logon(u, lib, flag)
		}
	}
	u.EditDate = m.At
}

// logon sets the flag on the global record and every library's, or on one library's alone where there is no global level.
func (s *Server) logon(u *User, lib *Library, on bool) {
	if s.config.OnPrem && lib != nil {
		lib.Logon[u.ID] = on
		u.AllowLogon = false
		for _, l := range s.libraries {
			u.AllowLogon = u.AllowLogon || l.Logon[u.ID]
		}
		return
	}
	u.AllowLogon = on
	for _, l := range s.libraries {
		if _, in := l.Members[u.ID]; in {
			l.Logon[u.ID] = on
		}
	}
}

func (s *Server) insert(u *User) {
	if _, there := s.users[u.ID]; there {
		return
	}
	s.users[u.ID] = u
	s.emails[strings.ToLower(u.Email)] = u.ID
	at, _ := slices.BinarySearch(s.ids, u.ID)
	s.ids = slices.Insert(s.ids, at, u.ID)
}

func (s *Server) library(id string) *Library {
	if i := slices.IndexFunc(s.libraries, func(l *Library) bool { return l.ID == id }); i >= 0 {
		return s.libraries[i]
	}
	return nil
}

func (s *Server) group(library, id string) *Group {
	if library == "" {
		return s.groups[id]
	}
	if lib := s.library(library); lib != nil {
		return lib.Groups[id]
	}
	return nil
}

func sortedKeys(m map[string]bool) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
