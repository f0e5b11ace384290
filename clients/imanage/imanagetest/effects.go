package imanagetest

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

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
		delete(s.spelt, u.ID)
		for _, lib := range s.libraries {
			if _, in := lib.Members[u.ID]; in {
				lib.Logon[u.ID] = u.AllowLogon
				s.tell(lib, "profile_update", "user", u.ID)
			}
		}
	}
}

// Leave lets somebody else take an account out of a group (a global one with library "") or, with group "", out of a library.
func (s *Server) Leave(user, library, group string) {
	m := Mutation{Kind: "leave", User: user, Library: library, Object: group}
	if group == "" {
		m.Kind = "unassign"
	}
	s.ByHand(m)
}

// ByHand lets somebody else do something in Control Center: it takes effect, and is neither counted nor kept in the journal.
func (s *Server) ByHand(m Mutation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.At = s.now()
	s.effect(m)
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

// effect changes the state, and tells the libraries' change feeds. The caller holds mu.
func (s *Server) effect(m Mutation) {
	lib := s.library(m.Library)
	delete(s.spelt, m.User)
	switch m.Kind {
	case "create":
		if m.Record != nil {
			u := *m.Record
			s.insert(&u)
		}
	case "patch":
		s.patch(m, lib)
	case "assign", "unassign", "role":
		if lib != nil {
			s.place(lib, m)
		}
	case "join", "leave":
		if g := s.group(m.Library, m.Object); g != nil {
			set(g.Members, m.User, m.Kind == "join")
			s.tell(lib, "update", "group", m.Object)
		}
	case "global role add", "global role remove":
		if members := s.globalRoles[m.Object]; members != nil {
			set(members, m.User, m.Kind == "global role add")
		}
	case "group":
		s.putGroup(m, lib)
	default:
		if lib != nil {
			s.content(lib, m)
		}
	}
}

func set(members map[string]bool, user string, in bool) {
	if in {
		members[user] = true
	} else {
		delete(members, user)
	}
}

// place brings a user into a library, out of it, or into another role there.
func (s *Server) place(lib *Library, m Mutation) {
	u := s.users[m.User]
	switch m.Kind {
	case "assign":
		lib.Members[m.User] = m.Object
		if u != nil {
			lib.Logon[m.User] = u.AllowLogon
		}
		s.tell(lib, "insert", "user", m.User)
	case "role":
		lib.Members[m.User] = m.Object
		s.tell(lib, "update", "user", m.User)
	case "unassign":
		delete(lib.Members, m.User)
		delete(lib.Logon, m.User)
		delete(s.late, [2]string{lib.ID, m.User})
		for _, g := range lib.Groups {
			delete(g.Members, m.User)
		}
		s.tell(lib, "delete", "user", m.User)
	}
}

// putGroup makes a group, or changes whether it is enabled.
func (s *Server) putGroup(m Mutation, lib *Library) {
	groups := s.groups
	if lib != nil {
		groups = lib.Groups
	}
	g, action := groups[m.Object], "update"
	if g == nil {
		g, action = &Group{ID: m.Object, Nos: 2, Members: make(map[string]bool)}, "insert"
		groups[m.Object] = g
	}
	for f, v := range m.Fields {
		text, _ := v.(string)
		flag, _ := v.(bool)
		switch f {
		case "full_name":
			g.FullName = text
		case "enabled":
			g.Enabled = flag
		case "is_external":
			g.External = flag
		}
	}
	s.tell(lib, action, "group", m.Object)
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
			s.logon(u, lib, flag, m.At)
		}
	}
	u.EditDate = m.At
	for _, l := range s.libraries {
		if _, in := l.Members[u.ID]; in {
			s.tell(l, "profile_update", "user", u.ID)
		}
	}
}

// logon sets the flag on the global record and every library's, or on one library's alone where there is no global level. The
// libraries' records tell of a closing late, where the tenant is so.
func (s *Server) logon(u *User, lib *Library, on bool, at time.Time) {
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
		if _, in := l.Members[u.ID]; !in {
			continue
		}
		key := [2]string{l.ID, u.ID}
		switch {
		case on:
			delete(s.late, key)
		case l.Logon[u.ID] && s.config.LogonLag > 0:
			s.late[key] = at.Add(s.config.LogonLag)
		}
		l.Logon[u.ID] = on
	}
}

// signsIn is the allow_logon that a library's own record tells. The caller holds mu.
func (s *Server) signsIn(lib *Library, user string) bool {
	return lib.Logon[user] || s.now().Before(s.late[[2]string{lib.ID, user}])
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
