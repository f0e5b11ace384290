package imanagetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

func body(w http.ResponseWriter, r *http.Request) (map[string]any, bool) {
	var b map[string]any
	if err := json.NewDecoder(r.Body).Decode(&b); err != nil || b == nil {
		fail(w, http.StatusBadRequest, "NRC_INVALID_PARAM", "a JSON object is expected")
		return nil, false
	}
	return b, true
}

func str(b map[string]any, name string) string {
	v, _ := b[name].(string)
	return v
}

// The forms of an id and of an email, as the connector's description gives their lengths and characters (contracts/imanage.md 5.1).
func validID(id string) bool {
	return id != "" && len(id) <= 64 && !strings.ContainsAny(id, " \t\r\n")
}

func validEmail(email string) bool {
	local, domain, ok := strings.Cut(email, "@")
	if !ok || len(email) > 254 || len(local) > 64 {
		return false
	}
	good, err := regexp.MatchString(`^[^\s@]+$`, local)
	return err == nil && good && strings.Contains(domain, ".") && !strings.ContainsAny(domain, " @")
}

func invalid(w http.ResponseWriter, message string) {
	fail(w, http.StatusBadRequest, "NRC_INVALID_PARAM", message)
}

// createUser makes a global user, which by itself gives access to no library (contracts/imanage.md 5.2).
func (s *Server) createUser(w http.ResponseWriter, r *http.Request) {
	b, ok := body(w, r)
	if !ok {
		return
	}
	id := strings.ToUpper(str(b, "id"))
	nos, _ := b["user_nos"].(float64)
	logon, hasLogon := b["allow_logon"].(bool)
	external, _ := b["is_external"].(bool)
	switch {
	case !validID(id):
		invalid(w, "id")
	case s.users[id] != nil:
		fail(w, http.StatusConflict, "NRC_DUPLICATE_RECORD", "a user with this id exists already")
	case str(b, "full_name") == "" || len(str(b, "full_name")) > 64*4:
		invalid(w, "full_name")
	case !validEmail(str(b, "email")):
		invalid(w, "email")
	case s.emails[strings.ToLower(str(b, "email"))] != "":
		fail(w, http.StatusConflict, "NRC_DUPLICATE_RECORD", "a user with this email exists already")
	case nos != 2:
		invalid(w, "user_nos: only virtual users can be created")
	case s.library(str(b, "preferred_library")) == nil:
		invalid(w, "preferred_library")
	case !hasLogon:
		invalid(w, "allow_logon")
	default:
		s.nextNum++
		u := User{
			ID: id, Num: s.nextNum, FullName: str(b, "full_name"), Email: str(b, "email"), Location: str(b, "location"), Phone: str(b, "phone"),
			Custom1: str(b, "custom1"), Custom2: str(b, "custom2"), Custom3: str(b, "custom3"), PreferredLibrary: str(b, "preferred_library"),
			AllowLogon: logon, IsExternal: external, Nos: 2, IDEx: str(b, "user_id_ex"), SSID: fmt.Sprintf("ssid-%08d", s.nextNum),
			CreateDate: s.stamp(), EditDate: s.stamp(),
		}
		if err := s.apply(Mutation{Kind: "create", User: id, Record: &u}); err != nil {
			fail(w, http.StatusInternalServerError, "NRC_INTERNAL", "the change could not be kept")
			return
		}
		answer(w, http.StatusCreated, map[string]any{"data": u})
	}
}

// patchUser changes fields of a user: globally, where the id must be repeated in the body, or in one library on premises.
func (s *Server) patchUser(w http.ResponseWriter, r *http.Request, id string, lib *Library) {
	b, ok := body(w, r)
	if !ok {
		return
	}
	u := s.users[id]
	if given, has := b["id"]; (lib == nil && !has) || (has && given != any(u.ID)) {
		invalid(w, "id must be repeated, and cannot be changed")
		return
	}
	delete(b, "id")
	for f, v := range b {
		if why := s.refusePatch(u, f, v); why != "" {
			invalid(w, why)
			return
		}
	}
	m := Mutation{Kind: "patch", User: id, Fields: b}
	if lib != nil {
		m.Library = lib.ID
	}
	s.do(w, http.StatusOK, m)
}

func (s *Server) refusePatch(u *User, f string, v any) string {
	text, isText := v.(string)
	managed := u.Nos == 6 || u.DirectoryID != ""
	switch f {
	case "allow_logon":
		if _, isFlag := v.(bool); !isFlag {
			return "allow_logon is a boolean"
		}
		if managed {
			return "allow_logon is synchronised from the directory"
		}
		return ""
	case "full_name", "email", "location", "phone", "custom1", "custom2", "custom3":
		switch {
		case !isText:
			return f + " is a string"
		case managed:
			return f + " is synchronised from the directory"
		case f == "full_name" && (text == "" || len([]rune(text)) > 64):
			return "full_name must have 1 to 64 characters"
		case f == "email" && !validEmail(text):
			return "email is not valid"
		case f == "email" && s.emails[strings.ToLower(text)] != "" && s.emails[strings.ToLower(text)] != u.ID:
			return "another user has this email"
		}
		return ""
	case "preferred_library":
		if s.library(text) == nil {
			return "no such library"
		}
		return ""
	default:
		return f + " is not a field that can be changed"
	}
}

// assign brings an existing global user into a library with exactly one role.
func (s *Server) assign(w http.ResponseWriter, r *http.Request, lib *Library) {
	b, ok := body(w, r)
	if !ok {
		return
	}
	id := strings.ToUpper(str(b, "id"))
	role := str(b, "role_alias")
	u := s.users[id]
	switch {
	case id == "" || strings.ToUpper(str(b, "user_id")) != id:
		invalid(w, "id and user_id must both be given")
	case u == nil && s.config.OnPrem:
		s.createInLibrary(w, b, id, role, lib)
	case u == nil:
		fail(w, http.StatusNotFound, "NRC_NO_RECORD", "the global user must exist first")
	case lib.Members[id] != "":
		fail(w, http.StatusConflict, "NRC_DUPLICATE_RECORD", "the user is in this library already")
	case !slices.Contains(lib.Roles, role):
		invalid(w, "role_alias: no such role")
	case u.IsExternal && role != "DEFAULT EXTERNAL" && !strings.Contains(role, "EXTERNAL"):
		invalid(w, "an external user takes an external role")
	default:
		if err := s.apply(Mutation{Kind: "assign", User: id, Library: lib.ID, Object: role}); err != nil {
			fail(w, http.StatusInternalServerError, "NRC_INTERNAL", "the change could not be kept")
			return
		}
		answer(w, http.StatusCreated, map[string]any{"data": map[string]any{"user_num": u.Num}})
	}
}

// createInLibrary makes a user where there is no global level.
func (s *Server) createInLibrary(w http.ResponseWriter, b map[string]any, id, role string, lib *Library) {
	switch {
	case !validID(id) || !validEmail(str(b, "email")) || str(b, "full_name") == "":
		invalid(w, "id, full_name and email are needed")
	case s.emails[strings.ToLower(str(b, "email"))] != "":
		fail(w, http.StatusConflict, "NRC_DUPLICATE_RECORD", "a user with this email exists already")
	case !slices.Contains(lib.Roles, role):
		invalid(w, "role_alias: no such role")
	default:
		s.nextNum++
		u := User{
			ID: id, Num: s.nextNum, FullName: str(b, "full_name"), Email: str(b, "email"), Location: str(b, "location"), Phone: str(b, "phone"),
			Custom1: str(b, "custom1"), PreferredLibrary: lib.ID, AllowLogon: true, Nos: 2, CreateDate: s.stamp(), EditDate: s.stamp(),
		}
		s.do(w, http.StatusCreated, Mutation{Kind: "create", User: id, Record: &u}, Mutation{Kind: "assign", User: id, Library: lib.ID, Object: role})
	}
}

// remove takes a user out of a library, and does whatever else this tenant does with it (Config.Removal).
func (s *Server) remove(w http.ResponseWriter, lib *Library, id string) {
	muts := []Mutation{{Kind: "unassign", User: id, Library: lib.ID}}
	switch s.config.Removal {
	case "nothing":
		muts = nil
	case "everywhere":
		muts = nil
		for _, l := range s.libraries {
			if _, in := l.Members[id]; in {
				muts = append(muts, Mutation{Kind: "unassign", User: id, Library: l.ID})
			}
		}
	case "disables":
		muts = append(muts, Mutation{Kind: "patch", User: id, Fields: map[string]any{"allow_logon": false}})
	}
	s.do(w, http.StatusOK, muts...)
}
