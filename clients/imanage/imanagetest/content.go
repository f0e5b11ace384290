package imanagetest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// content changes a library's workspaces and check-outs. The caller holds mu.
func (s *Server) content(lib *Library, m Mutation) {
	switch m.Kind {
	case "transfer":
		if ws := lib.workspace(m.Object); ws != nil {
			ws.Owner = m.User
			s.tell(lib, "profile_update", "container", m.Object)
		}
	case "security":
		if ws := lib.workspace(m.Object); ws != nil {
			ws.secure(m.Fields)
			s.tell(lib, "security_update", "container", m.Object)
		}
	case "release", "checkout":
		if doc := lib.document(m.Object); doc != nil {
			doc.InUseBy = ""
			if m.Kind == "checkout" {
				doc.InUseBy = m.User
			}
			s.tell(lib, "update", "document", m.Object)
		}
	}
}

func (l *Library) workspace(id string) *Workspace {
	if i := slices.IndexFunc(l.Workspaces, func(w *Workspace) bool { return w.ID == id }); i >= 0 {
		return l.Workspaces[i]
	}
	return nil
}

func (l *Library) document(id string) *Document {
	if i := slices.IndexFunc(l.Documents, func(d *Document) bool { return d.ID == id }); i >= 0 {
		return l.Documents[i]
	}
	return nil
}

// routeWorkspaces serves the workspaces of a library (contracts/imanage.md 8).
func (s *Server) routeWorkspaces(w http.ResponseWriter, r *http.Request, lib *Library, p []string) {
	if len(p) == 0 && r.Method == http.MethodGet {
		s.listWorkspaces(w, r, lib)
		return
	}
	if len(p) == 0 {
		notAllowed(w)
		return
	}
	ws := lib.workspace(p[0])
	if ws == nil {
		noRecord(w)
		return
	}
	switch {
	case len(p) == 1 && r.Method == http.MethodGet:
		answer(w, http.StatusOK, map[string]any{"data": s.workspaceRow(lib, ws)})
	case len(p) == 1 && r.Method == http.MethodPatch:
		s.patchWorkspace(w, r, lib, ws)
	case len(p) == 2 && p[1] == "security" && r.Method == http.MethodGet:
		s.security(w, lib, ws)
	case len(p) == 2 && p[1] == "security" && r.Method == http.MethodPost:
		s.changeSecurity(w, r, lib, ws)
	default:
		notAllowed(w)
	}
}

func (s *Server) workspaceRow(lib *Library, ws *Workspace) map[string]any {
	_, number, _ := strings.Cut(ws.ID, "!")
	n, _ := strconv.Atoi(number)
	row := map[string]any{
		"id": ws.ID, "name": ws.Name, "owner": ws.Owner, "database": lib.ID, "default_security": ws.DefaultSecurity, "document_number": n, "version": 1,
		"wstype": "workspace", "has_subfolders": true, "is_external": false, "is_external_as_normal": false, "is_hipaa": false,
		"iwl": "iwl:dms=cloudimanage.com&&lib=" + lib.ID + "&&num=" + number + "&&ver=1", "create_date": "2024-01-02T03:04:05Z", "edit_date": "2024-01-02T03:04:05Z",
	}
	if u := s.users[ws.Owner]; u != nil {
		row["owner_description"] = u.FullName
	}
	return row
}

// listWorkspaces lists the workspaces of a library, or those of an owner.
func (s *Server) listWorkspaces(w http.ResponseWriter, r *http.Request, lib *Library) {
	owner := strings.ToLower(r.URL.Query().Get("owner"))
	var rows []any
	for _, ws := range lib.Workspaces {
		if owner == "" || wildcard(owner, strings.ToLower(ws.Owner)) {
			rows = append(rows, s.workspaceRow(lib, ws))
		}
	}
	s.results(w, r, rows)
}

// results answers the nested envelope: by cursor where that mode is asked for, which tells no total, else by offset.
func (s *Server) results(w http.ResponseWriter, r *http.Request, rows []any) {
	q := r.URL.Query()
	limit, ok1 := number(q, "limit", 500)
	offset, ok2 := number(q, "offset", 0)
	byCursor := q.Get("paging_mode") == "standard_cursor"
	if byCursor {
		offset, ok2 = openCursor(q.Get("cursor"))
	}
	if !ok1 || !ok2 || limit < 1 || limit > 9999 || offset < 0 {
		invalid(w, "limit, offset or cursor")
		return
	}
	limit = min(limit, s.config.MostPage)
	part := append([]any{}, rows[min(offset, len(rows)):min(offset+limit, len(rows))]...)
	out := map[string]any{"data": map[string]any{"results": part}}
	switch {
	case byCursor && offset+limit < len(rows):
		out["cursor"] = closeCursor(offset + limit)
	case !byCursor && q.Get("total") == "true":
		out["total_count"] = len(rows)
	}
	answer(w, http.StatusOK, out)
}

func closeCursor(at int) string {
	return base64.RawURLEncoding.EncodeToString([]byte("at:" + strconv.Itoa(at)))
}

func openCursor(cursor string) (at int, ok bool) {
	if cursor == "" {
		return 0, true
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return 0, false
	}
	digits, found := strings.CutPrefix(string(b), "at:")
	at, err = strconv.Atoi(digits)
	return at, found && err == nil && at >= 0
}

// patchWorkspace gives a workspace another owner, who must exist, be able to sign in, and be in the library.
func (s *Server) patchWorkspace(w http.ResponseWriter, r *http.Request, lib *Library, ws *Workspace) {
	b, ok := body(w, r)
	if !ok {
		return
	}
	owner := strings.ToUpper(str(b, "owner"))
	if _, in := lib.Members[owner]; !in || len(b) != 1 {
		invalid(w, "owner must be a user of the library, and nothing else can be changed here")
		return
	}
	s.do(w, http.StatusOK, Mutation{Kind: "transfer", User: owner, Library: lib.ID, Object: ws.ID})
}

// security answers an access list as the connector's description has its rows.
func (s *Server) security(w http.ResponseWriter, lib *Library, ws *Workspace) {
	rows := []any{}
	levels := []string{"no_access", "read", "read_write", "full_access"}
	for _, a := range ws.ACL {
		sid := sha256.Sum256([]byte(a.kind() + a.ID))
		row := map[string]any{
			"id": a.ID, "name": a.ID, "sid": hex.EncodeToString(sid[:8]), "type": a.kind(), "access": max(slices.Index(levels, a.Level), 0),
			"access_level": a.Level, "is_external": false,
		}
		if a.Level == "change_security" {
			row["access"] = 3
		}
		if g := lib.Groups[a.ID]; a.Group && g != nil {
			row["enabled"], row["is_external"], row["has_restricted_member"], row["name"] = g.Enabled, g.External, false, g.FullName
		}
		if u := s.users[a.ID]; !a.Group && u != nil {
			row["allow_logon"], row["is_external"], row["name"] = u.AllowLogon, u.IsExternal, u.FullName
		}
		rows = append(rows, row)
	}
	answer(w, http.StatusOK, map[string]any{"data": rows, "default_security": ws.DefaultSecurity})
}

// changeSecurity sets and removes lines of an access list. What stands as default_security becomes the default.
func (s *Server) changeSecurity(w http.ResponseWriter, r *http.Request, lib *Library, ws *Workspace) {
	b, ok := body(w, r)
	if !ok {
		return
	}
	if !slices.Contains([]string{"public", "view", "private"}, str(b, "default_security")) {
		invalid(w, "default_security")
		return
	}
	for _, name := range []string{"include", "remove"} {
		list, _ := b[name].([]any)
		for _, v := range list {
			line, _ := v.(map[string]any)
			id, level := strings.ToUpper(str(line, "id")), str(line, "access_level")
			if known := s.users[id] != nil || lib.Groups[id] != nil; !known || (str(line, "type") != "user" && str(line, "type") != "group") {
				noRecord(w)
				return
			}
			if name == "include" && !slices.Contains([]string{"no_access", "read", "read_write", "full_access", "change_security"}, level) {
				invalid(w, "access_level")
				return
			}
		}
	}
	s.do(w, http.StatusOK, Mutation{Kind: "security", Library: lib.ID, Object: ws.ID, Fields: b})
}

func (ws *Workspace) secure(fields map[string]any) {
	if d, _ := fields["default_security"].(string); d != "" {
		ws.DefaultSecurity = d
	}
	for _, name := range []string{"remove", "include"} {
		list, _ := fields[name].([]any)
		for _, v := range list {
			line, _ := v.(map[string]any)
			a := Access{ID: strings.ToUpper(str(line, "id")), Group: str(line, "type") == "group", Level: str(line, "access_level")}
			ws.ACL = slices.DeleteFunc(ws.ACL, func(old Access) bool { return old.ID == a.ID && old.Group == a.Group })
			if name == "include" {
				ws.ACL = append(ws.ACL, a)
			}
		}
	}
}
