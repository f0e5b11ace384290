package imanagetest

import (
	"net/http"
	"slices"
	"strings"
)

// routeGroups serves the groups of a library, or the global ones where lib is nil (contracts/imanage.md 6).
func (s *Server) routeGroups(w http.ResponseWriter, r *http.Request, lib *Library, p []string) {
	groups, library := s.groups, ""
	if lib != nil {
		groups, library = lib.Groups, lib.ID
	}
	if len(p) == 0 {
		if r.Method != http.MethodGet {
			notAllowed(w)
			return
		}
		s.listGroups(w, r, groups, func(*Group) bool { return true })
		return
	}
	g := groups[strings.ToUpper(p[0])]
	if g == nil {
		noRecord(w)
		return
	}
	switch {
	case len(p) == 1 && r.Method == http.MethodGet:
		answer(w, http.StatusOK, map[string]any{"data": g})
	case len(p) == 2 && p[1] == "members" && r.Method == http.MethodGet:
		keep, ok := s.filter(w, r, func(u *User) bool {
			if lib != nil {
				return lib.Logon[u.ID]
			}
			return u.AllowLogon
		})
		if !ok {
			return
		}
		ids := slices.DeleteFunc(sortedKeys(g.Members), func(id string) bool { return s.users[id] == nil || !keep(s.users[id]) })
		page(w, r, s.config.MostPage, ids, func(id string) any { return libraryRow{*s.users[id], library, s.users[id].AllowLogon}.json() })
	case len(p) == 2 && p[1] == "members" && r.Method == http.MethodPut:
		s.changeMembers(w, r, lib, g)
	default:
		notAllowed(w)
	}
}

func (s *Server) listGroups(w http.ResponseWriter, r *http.Request, groups map[string]*Group, keep func(*Group) bool) {
	q := r.URL.Query()
	var rows []*Group
	for _, g := range groups {
		switch {
		case !keep(g), q.Get("enabled") != "" && (q.Get("enabled") == "true") != g.Enabled,
			q.Get("external") != "" && (q.Get("external") == "true") != g.External:
		case q.Get("alias") != "" && !wildcard(strings.ToLower(q.Get("alias")), strings.ToLower(g.ID)):
		default:
			rows = append(rows, g)
		}
	}
	slices.SortFunc(rows, func(a, b *Group) int { return strings.Compare(a.ID, b.ID) })
	page(w, r, s.config.MostPage, rows, func(g *Group) any { return g })
}

func (s *Server) groupsOf(w http.ResponseWriter, r *http.Request, user string, groups map[string]*Group) {
	s.listGroups(w, r, groups, func(g *Group) bool { return g.Members[user] })
}

// changeMembers is a delta with an action verb, not a replacement; a disabled group takes and gives nobody.
func (s *Server) changeMembers(w http.ResponseWriter, r *http.Request, lib *Library, g *Group) {
	b, ok := body(w, r)
	if !ok {
		return
	}
	library := ""
	if lib != nil {
		library = lib.ID
	}
	action := str(b, "action")
	list, isList := b["data"].([]any)
	switch {
	case str(b, "data_type") != "users" || !isList || len(list) == 0:
		invalid(w, "data_type users and a list of ids are expected")
		return
	case action != "add" && action != "delete":
		invalid(w, "action must be add or delete")
		return
	case !g.Enabled:
		fail(w, http.StatusForbidden, "NRC_GROUP_DISABLED", "members of a disabled group cannot be changed")
		return
	}
	var muts []Mutation
	for _, v := range list {
		id, _ := v.(string)
		id = strings.ToUpper(id)
		u := s.users[id]
		if u == nil {
			noRecord(w)
			return
		}
		if lib != nil {
			if _, in := lib.Members[id]; !in && action == "add" {
				invalid(w, "the user is not in this library")
				return
			}
		}
		if action == "add" && g.External != u.IsExternal {
			invalid(w, "external groups take external users, others do not")
			return
		}
		kind := "join"
		if action == "delete" {
			kind = "leave"
		}
		muts = append(muts, Mutation{Kind: kind, User: id, Library: library, Object: g.ID})
	}
	s.do(w, http.StatusOK, muts...)
}

// routeRoles serves a library's roles: exactly one a user (contracts/imanage.md 7).
func (s *Server) routeRoles(w http.ResponseWriter, r *http.Request, lib *Library, p []string) {
	if len(p) == 0 {
		if r.Method != http.MethodGet {
			notAllowed(w)
			return
		}
		roles := lib.Roles
		if u := strings.ToUpper(r.URL.Query().Get("user_id")); u != "" {
			roles = nil
			if role, in := lib.Members[u]; in {
				roles = []string{role}
			}
		}
		page(w, r, s.config.MostPage, roles, func(role string) any { return roleRow(lib, role) })
		return
	}
	role := p[0]
	if !slices.Contains(lib.Roles, role) {
		noRecord(w)
		return
	}
	switch {
	case len(p) == 1 && r.Method == http.MethodGet:
		answer(w, http.StatusOK, map[string]any{"data": roleRow(lib, role)})
	case len(p) == 2 && p[1] == "members" && r.Method == http.MethodGet:
		var ids []string
		for id, has := range lib.Members {
			if has == role {
				ids = append(ids, id)
			}
		}
		slices.Sort(ids)
		page(w, r, s.config.MostPage, ids, func(id string) any { return map[string]any{"id": id, "full_name": s.users[id].FullName} })
	case len(p) == 3 && p[1] == "users" && r.Method == http.MethodPost:
		s.setRole(w, r, lib, role, strings.ToUpper(p[2]))
	default:
		notAllowed(w)
	}
}

func roleRow(lib *Library, role string) map[string]any {
	return map[string]any{
		"id": role, "description": role, "database": lib.ID, "m1": 0, "m2": 0, "m3": 3, "is_external": strings.Contains(role, "EXTERNAL"),
	}
}

func (s *Server) setRole(w http.ResponseWriter, r *http.Request, lib *Library, role, user string) {
	b, ok := body(w, r)
	if !ok {
		return
	}
	if str(b, "data_type") != "users" || strings.ToUpper(str(b, "data")) != user || str(b, "action") != "add" {
		invalid(w, "data must be the user's id, action add")
		return
	}
	if _, in := lib.Members[user]; !in {
		noRecord(w)
		return
	}
	s.do(w, http.StatusOK, Mutation{Kind: "role", User: user, Library: lib.ID, Object: role})
}

// routeGlobalRoles serves the tenant's administration roles; members change by include and exclude.
func (s *Server) routeGlobalRoles(w http.ResponseWriter, r *http.Request, p []string) {
	if len(p) == 0 && r.Method == http.MethodGet {
		var ids []string
		for id := range s.globalRoles {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		page(w, r, s.config.MostPage, ids, func(id string) any {
			return map[string]any{"id": id, "description": id, "user_management": "admin", "group_management": "admin", "role_management": "admin"}
		})
		return
	}
	if len(p) == 0 || s.globalRoles[p[0]] == nil {
		noRecord(w)
		return
	}
	switch {
	case len(p) == 2 && p[1] == "members" && r.Method == http.MethodGet:
		page(w, r, s.config.MostPage, sortedKeys(s.globalRoles[p[0]]), func(id string) any { return map[string]any{"id": id, "type": "user"} })
	case len(p) == 2 && p[1] == "members" && r.Method == http.MethodPatch:
		s.patchGlobalRole(w, r, p[0])
	default:
		notAllowed(w)
	}
}

func (s *Server) patchGlobalRole(w http.ResponseWriter, r *http.Request, role string) {
	b, ok := body(w, r)
	if !ok {
		return
	}
	var muts []Mutation
	for _, part := range []struct{ list, kind string }{{"include", "global role add"}, {"exclude", "global role remove"}} {
		list, _ := b[part.list].([]any)
		for _, v := range list {
			entry, _ := v.(map[string]any)
			id := strings.ToUpper(str(entry, "id"))
			if s.users[id] == nil {
				noRecord(w)
				return
			}
			muts = append(muts, Mutation{Kind: part.kind, User: id, Object: role})
		}
	}
	s.do(w, http.StatusOK, muts...)
}
