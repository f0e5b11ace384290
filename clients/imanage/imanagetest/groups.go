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
	switch {
	case len(p) == 0 && r.Method == http.MethodGet:
		s.listGroups(w, r, groups, func(*Group) bool { return true })
		return
	case len(p) == 0 && r.Method == http.MethodPost && lib != nil: // a global one is made by PUT
		s.createGroup(w, r, lib, "")
		return
	case len(p) == 0:
		notAllowed(w)
		return
	case len(p) == 1 && r.Method == http.MethodPut && lib == nil:
		s.createGroup(w, r, nil, strings.ToUpper(p[0]))
		return
	}
	g := groups[strings.ToUpper(p[0])]
	if g == nil {
		noRecord(w)
		return
	}
	switch {
	case len(p) == 1 && r.Method == http.MethodGet:
		answer(w, http.StatusOK, map[string]any{"data": *g})
	case len(p) == 1 && r.Method == http.MethodPatch:
		s.enableGroup(w, r, library, g)
	case len(p) == 2 && p[1] == "members" && r.Method == http.MethodGet:
		keep, ok := s.filter(w, r, func(u *User) bool {
			if lib != nil {
				return s.signsIn(lib, u.ID)
			}
			return u.AllowLogon
		})
		if !ok {
			return
		}
		ids := slices.DeleteFunc(sortedKeys(g.Members), func(id string) bool { return s.users[id] == nil || !keep(s.users[id]) })
		page(w, r, s.config.MostPage, ids, func(id string) any { return s.memberRow(id, library) })
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
	page(w, r, s.config.MostPage, rows, func(g *Group) any { return *g })
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
	role := p[0] // as it is spelt: nothing says that roles fold their case
	if !slices.Contains(lib.Roles, role) {
		noRecord(w)
		return
	}
	switch {
	case len(p) == 1 && r.Method == http.MethodGet:
		answer(w, http.StatusOK, map[string]any{"data": roleRow(lib, role)})
	case len(p) == 2 && p[1] == "members" && r.Method == http.MethodGet:
		keep, ok := s.filter(w, r, func(u *User) bool { return s.signsIn(lib, u.ID) })
		if !ok {
			return
		}
		var ids []string
		for id, has := range lib.Members {
			if has == role && s.users[id] != nil && keep(s.users[id]) {
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
		page(w, r, s.config.MostPage, ids, globalRoleRow)
		return
	}
	if len(p) == 0 || s.globalRoles[p[0]] == nil {
		noRecord(w)
		return
	}
	switch {
	case len(p) == 1 && r.Method == http.MethodGet:
		answer(w, http.StatusOK, map[string]any{"data": globalRoleRow(p[0])})
	case len(p) == 2 && p[1] == "members" && r.Method == http.MethodGet:
		s.listRoleMembers(w, r, p[0])
	case len(p) == 2 && p[1] == "members" && r.Method == http.MethodPatch:
		s.patchGlobalRole(w, r, p[0])
	default:
		notAllowed(w)
	}
}

func globalRoleRow(id string) any {
	level := "no_access"
	if strings.Contains(id, "ADMIN") {
		level = "admin"
	}
	return map[string]any{
		"id": id, "description": id, "user_management": level, "group_management": level, "role_management": level, "app_management": "no_access",
		"encryption_management": "no_access", "feature_management": "no_access", "settings_management": "no_access",
	}
}

// listRoleMembers lists the members of a global role. This list tells whether it was cut short in every answer.
func (s *Server) listRoleMembers(w http.ResponseWriter, r *http.Request, role string) {
	keep, ok := s.filter(w, r, func(u *User) bool { return u.AllowLogon })
	if !ok {
		return
	}
	ids := slices.DeleteFunc(sortedKeys(s.globalRoles[role]), func(id string) bool { return s.users[id] == nil || !keep(s.users[id]) })
	page(w, r, s.config.MostPage, ids, func(id string) any { return s.memberRow(id, "") })
}

// createGroup makes a group: by POST in a library, by PUT of its id globally (contracts/imanage.md 6).
func (s *Server) createGroup(w http.ResponseWriter, r *http.Request, lib *Library, id string) {
	b, ok := body(w, r)
	if !ok {
		return
	}
	given, library, groups, status := strings.ToUpper(str(b, "id")), "", s.groups, http.StatusOK
	if lib != nil {
		id, library, groups, status = given, lib.ID, lib.Groups, http.StatusCreated
	}
	nos, _ := b["group_nos"].(float64)
	switch {
	case id == "" || given != id || len(id) > 254:
		invalid(w, "id")
	case groups[id] != nil:
		fail(w, http.StatusConflict, "NRC_DUPLICATE_RECORD", "a group with this id exists already")
	case nos != 2:
		invalid(w, "group_nos: only virtual groups can be created")
	default:
		s.do(w, status, Mutation{Kind: "group", Library: library, Object: id, Fields: map[string]any{
			"full_name": str(b, "full_name"), "enabled": b["enabled"] == true, "is_external": b["is_external"] == true,
		}})
	}
}

// enableGroup changes nothing of a group but whether it is enabled.
func (s *Server) enableGroup(w http.ResponseWriter, r *http.Request, library string, g *Group) {
	b, ok := body(w, r)
	if !ok {
		return
	}
	enabled, isFlag := b["enabled"].(bool)
	if !isFlag {
		invalid(w, "enabled is expected")
		return
	}
	s.do(w, http.StatusOK, Mutation{Kind: "group", Library: library, Object: g.ID, Fields: map[string]any{"enabled": enabled}})
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
