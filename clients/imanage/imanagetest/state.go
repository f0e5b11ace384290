// Package imanagetest is a faithful loopback server of the iManage Work administration API as contracts/imanage.md describes it,
// with state: what the real one would refuse, it refuses. It serves the demo and the tests, and knows nothing of directories
// or of rollcall's rules.
package imanagetest

import (
	"slices"
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

	Workspaces []*Workspace
	Documents  []*Document // those that anybody has had checked out
	Work       []*Work     // those that people worked on
	worked     *worked
}

// Workspace is a workspace with who owns it and who may open it (contracts/imanage.md 8).
type Workspace struct {
	ID              string // LIBRARY!number
	Name            string
	Owner           string // a user id
	DefaultSecurity string // public, view, private; "": private
	ACL             []Access
}

// Access is a line of an access list.
type Access struct {
	ID    string
	Group bool
	Level string // no_access, read, read_write, full_access, change_security
}

// Document is a document that somebody has checked out, or nobody any more.
type Document struct {
	ID      string // LIBRARY!number.version
	Name    string
	InUseBy string // a user id; "": not checked out
}

// Mutation is one effect, as the journal keeps it.
type Mutation struct {
	At time.Time `json:"at"`
	// Kind is create, patch, assign, unassign, role, join, leave, global role add, global role remove, group, transfer, release,
	// checkout or security.
	Kind    string         `json:"kind"`
	User    string         `json:"user"` // the user; the new owner of a transfer
	Library string         `json:"library,omitempty"`
	Object  string         `json:"object,omitempty"` // a group, a role, a workspace or a document
	Fields  map[string]any `json:"fields,omitempty"`
	Record  *User          `json:"record,omitempty"`
}

// State is everything that the server holds, canonical and comparable as JSON.
type State struct {
	Users       []User              `json:"users"`
	Roles       map[string]string   `json:"roles"`            // LIBRARY/USER → role
	Logon       map[string]bool     `json:"logon"`            // LIBRARY/USER
	Members     map[string][]string `json:"members"`          // LIBRARY/GROUP, or /GROUP for a global one
	GlobalRoles map[string][]string `json:"global_roles"`     // role → users
	Owners      map[string]string   `json:"owners,omitempty"` // workspace → user
	Access      map[string][]string `json:"access,omitempty"` // workspace → "default private", "user ID full_access" …
	Locks       map[string]string   `json:"locks,omitempty"`  // document → user
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
		d.content(lib)
	}
	for _, g := range s.groups {
		d.Members["/"+g.ID] = sortedKeys(g.Members)
	}
	for r, members := range s.globalRoles {
		d.GlobalRoles[r] = sortedKeys(members)
	}
	return d
}

// content adds a library's workspaces and check-outs; where nobody has any, the maps stay nil.
func (d *State) content(lib *Library) {
	for _, ws := range lib.Workspaces {
		if d.Owners == nil {
			d.Owners, d.Access = map[string]string{}, map[string][]string{}
		}
		d.Owners[ws.ID] = ws.Owner
		lines := []string{"default " + ws.DefaultSecurity}
		for _, a := range ws.ACL {
			lines = append(lines, a.kind()+" "+a.ID+" "+a.Level)
		}
		slices.Sort(lines)
		d.Access[ws.ID] = lines
	}
	for _, doc := range lib.Documents {
		if doc.InUseBy != "" {
			if d.Locks == nil {
				d.Locks = map[string]string{}
			}
			d.Locks[doc.ID] = doc.InUseBy
		}
	}
}

func (a Access) kind() string {
	if a.Group {
		return "group"
	}
	return "user"
}
