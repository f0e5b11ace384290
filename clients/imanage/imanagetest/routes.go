package imanagetest

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// route finds the resource. Every handler holds mu for its whole work: the server is one transaction at a time.
func (s *Server) route(w http.ResponseWriter, r *http.Request, p []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	get := r.Method == http.MethodGet
	switch {
	case p[0] == "libraries" && len(p) == 1 && get:
		s.listLibraries(w)
	case p[0] == "libraries" && len(p) >= 3:
		lib := s.library(strings.ToUpper(p[1]))
		if lib == nil {
			noRecord(w)
			return
		}
		s.routeLibrary(w, r, lib, p[2:])
	case p[0] == "ping" && get:
		answer(w, http.StatusOK, map[string]any{"data": map[string]any{}})
	case p[0] == "features" && get:
		answer(w, http.StatusOK, map[string]any{"data": []any{}})
	case p[0] == "documents" && len(p) == 2 && p[1] == "checked-out" && get:
		s.listCheckedOut(w, r, nil)
	case s.config.OnPrem:
		fail(w, http.StatusNotFound, "NRC_NOT_FOUND", "there is no global level on premises")
	case p[0] == "users":
		s.routeUsers(w, r, p[1:])
	case p[0] == "groups":
		s.routeGroups(w, r, nil, p[1:])
	case p[0] == "roles":
		s.routeGlobalRoles(w, r, p[1:])
	case p[0] == "apps" && len(p) == 1 && get:
		page(w, r, s.config.MostPage, s.config.Apps, func(a App) any { return a })
	case p[0] == "settings" && get:
		s.settings(w, p[1:])
	case p[0] == "directory-sync" && len(p) == 3 && p[1] == "users" && p[2] == "hashes" && get:
		s.listDigests(w, r)
	default:
		fail(w, http.StatusNotFound, "NRC_NOT_FOUND", "no such resource")
	}
}

func notAllowed(w http.ResponseWriter) {
	fail(w, http.StatusMethodNotAllowed, "NRC_METHOD_NOT_ALLOWED", "the method is not allowed here")
}

func (s *Server) listLibraries(w http.ResponseWriter) {
	rows := make([]map[string]any, 0, len(s.libraries))
	for _, l := range s.libraries {
		rows = append(rows, map[string]any{"id": l.ID, "display_name": l.ID, "type": l.Type, "is_hidden": l.Hidden})
	}
	answer(w, http.StatusOK, map[string]any{"data": rows})
}

func (s *Server) routeLibrary(w http.ResponseWriter, r *http.Request, lib *Library, p []string) {
	get := r.Method == http.MethodGet
	switch {
	case p[0] == "operations" && get:
		answer(w, http.StatusOK, map[string]any{"data": s.operations(lib)})
	case p[0] == "change-events" && len(p) == 1 && get:
		s.listEvents(w, r, lib)
	case p[0] == "workspaces":
		s.routeWorkspaces(w, r, lib, p[1:])
	case p[0] == "documents":
		s.routeDocuments(w, r, lib, p[1:])
	case p[0] == "groups":
		s.routeGroups(w, r, lib, p[1:])
	case p[0] == "roles":
		s.routeRoles(w, r, lib, p[1:])
	case p[0] == "users" && len(p) == 1 && get:
		s.listLibraryUsers(w, r, lib)
	case p[0] == "users" && len(p) == 1 && r.Method == http.MethodPost:
		s.assign(w, r, lib)
	case p[0] == "users" && len(p) >= 2:
		id := strings.ToUpper(p[1])
		if _, in := lib.Members[id]; !in {
			noRecord(w)
			return
		}
		switch {
		case len(p) == 3 && p[2] == "groups" && get:
			s.groupsOf(w, r, id, lib.Groups)
		case len(p) == 2 && get:
			answer(w, http.StatusOK, map[string]any{"data": s.libraryRow(id, lib)})
		case len(p) == 2 && r.Method == http.MethodPatch && s.config.OnPrem:
			s.patchUser(w, r, id, lib)
		case len(p) == 2 && r.Method == http.MethodDelete && s.config.AllowRemoval:
			s.remove(w, lib, id)
		default:
			notAllowed(w)
		}
	default:
		fail(w, http.StatusNotFound, "NRC_NOT_FOUND", "no such resource")
	}
}

func (s *Server) listLibraryUsers(w http.ResponseWriter, r *http.Request, lib *Library) {
	keep, ok := s.filter(w, r, func(u *User) bool { return s.signsIn(lib, u.ID) })
	if !ok {
		return
	}
	ids := slices.DeleteFunc(slices.Clone(s.ids), func(id string) bool {
		_, in := lib.Members[id]
		return !in || !keep(s.users[id])
	})
	page(w, r, s.config.MostPage, ids, func(id string) any { return s.libraryRow(id, lib) })
}

func (s *Server) routeUsers(w http.ResponseWriter, r *http.Request, p []string) {
	get := r.Method == http.MethodGet
	switch {
	case len(p) == 0 && get:
		keep, ok := s.filter(w, r, func(u *User) bool { return u.AllowLogon })
		if !ok {
			return
		}
		ids := s.ids
		if r.URL.Query().Encode() != "" {
			ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !keep(s.users[id]) })
		}
		withLibraries := r.URL.Query().Get("include_libraries") == "true"
		page(w, r, s.config.MostPage, ids, func(id string) any { return s.globalRow(id, withLibraries) })
	case len(p) == 0 && r.Method == http.MethodPost:
		s.createUser(w, r)
	case len(p) == 0:
		notAllowed(w)
	default:
		id := strings.ToUpper(p[0])
		if s.users[id] == nil {
			noRecord(w)
			return
		}
		switch {
		case len(p) == 1 && get:
			answer(w, http.StatusOK, map[string]any{"data": s.globalRow(id, r.URL.Query().Get("include_libraries") == "true")})
		case len(p) == 1 && r.Method == http.MethodPatch:
			s.patchUser(w, r, id, nil)
		case len(p) == 2 && p[1] == "libraries" && get:
			page(w, r, s.config.MostPage, s.librariesOf(id), func(row map[string]any) any { return row })
		case len(p) == 2 && p[1] == "groups" && get:
			s.groupsOf(w, r, id, s.groups)
		default:
			notAllowed(w)
		}
	}
}

func (s *Server) librariesOf(id string) []map[string]any {
	rows := []map[string]any{}
	for i, l := range s.libraries {
		if _, in := l.Members[id]; in {
			rows = append(rows, map[string]any{"id": l.ID, "library_id": i + 1, "preferred": s.users[id].PreferredLibrary == l.ID})
		}
	}
	return rows
}

// filter reads the filters of contracts/imanage.md 4.3 and 5.2: an omitted boolean is both, * is a wildcard.
func (s *Server) filter(w http.ResponseWriter, r *http.Request, logon func(*User) bool) (func(*User) bool, bool) {
	q := r.URL.Query()
	var tests []func(*User) bool
	flag := func(name string, value func(*User) bool) bool {
		v := q.Get(name)
		if v == "" {
			return true
		}
		want, err := strconv.ParseBool(v)
		if err != nil {
			fail(w, http.StatusBadRequest, "NRC_INVALID_PARAM", name+" is no boolean")
			return false
		}
		tests = append(tests, func(u *User) bool { return value(u) == want })
		return true
	}
	if !flag("allow_logon", logon) || !flag("is_external", func(u *User) bool { return u.IsExternal }) {
		return nil, false
	}
	for name, value := range map[string]func(*User) string{
		"alias": func(u *User) string { return u.ID }, "email": func(u *User) string { return u.Email }, "full_name": func(u *User) string { return u.FullName },
		"location": func(u *User) string { return u.Location }, "preferred_library": func(u *User) string { return u.PreferredLibrary },
		"directory_id": func(u *User) string { return u.DirectoryID }, "ssid": func(u *User) string { return u.SSID }, "nos": func(u *User) string { return strconv.Itoa(u.Nos) },
	} {
		if want := strings.ToLower(q.Get(name)); want != "" {
			tests = append(tests, func(u *User) bool { return wildcard(want, strings.ToLower(value(u))) })
		}
	}
	if want := strings.ToLower(q.Get("query")); want != "" {
		tests = append(tests, func(u *User) bool {
			return wildcard(want, strings.ToLower(u.ID)) || wildcard(want, strings.ToLower(u.FullName)) || wildcard(want, strings.ToLower(u.Email))
		})
	}
	return func(u *User) bool {
		return !slices.ContainsFunc(tests, func(test func(*User) bool) bool { return !test(u) })
	}, true
}

func wildcard(pattern, s string) bool {
	if !strings.Contains(pattern, "*") {
		return pattern == s
	}
	ok, err := path.Match(strings.NewReplacer("[", "\\[", "?", "\\?").Replace(pattern), strings.ReplaceAll(s, "/", "|"))
	return err == nil && ok
}

func number(q url.Values, name string, fallback int) (int, bool) {
	v := q.Get(name)
	if v == "" {
		return fallback, true
	}
	n, err := strconv.Atoi(v)
	return n, err == nil
}

// do lets a mutation take place and answers.
func (s *Server) do(w http.ResponseWriter, status int, muts ...Mutation) {
	for _, m := range muts {
		if err := s.apply(m); err != nil {
			fail(w, http.StatusInternalServerError, "NRC_INTERNAL", "the change could not be kept")
			return
		}
	}
	answer(w, status, map[string]any{"data": map[string]any{}})
}

// stamp is a time to the second, as the server keeps it.
func (s *Server) stamp() time.Time { return s.now().Truncate(time.Second) }
