package imanagetest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// event is a line of a library's change feed (contracts/imanage.md 9). Its number is its place, from 1.
type event struct {
	library string
	at      time.Time
	action  string
	item    string
	object  string
}

// mostEvents bounds what a server that runs for a long time remembers.
const mostEvents = 200_000

// tell adds to a library's change feed; the global level has none. The caller holds mu.
func (s *Server) tell(lib *Library, action, item, object string) {
	if lib == nil {
		return
	}
	if len(s.events) >= mostEvents {
		s.forgotten += len(s.events) / 2
		s.events = slices.Clone(s.events[len(s.events)/2:])
	}
	s.events = append(s.events, event{lib.ID, s.now(), action, item, object})
}

// ForgetEvents makes every cursor given out so far useless, as a server does that keeps its events for some days only.
func (s *Server) ForgetEvents() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgotten += len(s.events) + 1
	s.events = nil
}

// listEvents tells what changed after the event that the cursor names: an event's id is its cursor. overflow says that there is more.
func (s *Server) listEvents(w http.ResponseWriter, r *http.Request, lib *Library) {
	q := r.URL.Query()
	after := s.forgotten
	if cursor := q.Get("cursor"); cursor != "" {
		var err error
		if after, err = strconv.Atoi(cursor); err != nil || after < s.forgotten || after > s.forgotten+len(s.events) {
			invalid(w, "cursor")
			return
		}
	}
	named := func(list, value string) bool { return list == "" || slices.Contains(strings.Split(list, ","), value) }
	rows, overflow := []any{}, false
	for i := after - s.forgotten; i < len(s.events); i++ {
		e := s.events[i]
		if e.library != lib.ID || !named(q.Get("item_types"), e.item) || !named(q.Get("actions"), e.action) {
			continue
		}
		if overflow = len(rows) == s.config.MostEvents; overflow {
			break
		}
		rows = append(rows, map[string]any{
			"id": strconv.Itoa(s.forgotten + i + 1), "action_type": e.action, "item_type": e.item, "object_id": e.object,
			"event_date": e.at.UTC().Format(time.RFC3339),
		})
	}
	answer(w, http.StatusOK, map[string]any{"data": rows, "overflow": overflow})
}

// listDigests tells of each user that a directory manages a digest of what it synchronises, by cursor alone.
func (s *Server) listDigests(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit, ok1 := number(q, "limit", 1000)
	at, ok2 := openCursor(q.Get("cursor"))
	if !ok1 || !ok2 || limit < 1 || limit > 9999 {
		invalid(w, "limit or cursor")
		return
	}
	limit = min(limit, s.config.MostPage)
	rows, met, more := []any{}, 0, false
	for _, id := range s.ids {
		u := s.users[id]
		if u.DirectoryID == "" {
			continue
		}
		if met++; met <= at {
			continue
		}
		if more = len(rows) == limit; more {
			break
		}
		rows = append(rows, digest{u.DirectoryID, u.FullName + "\n" + u.Email + "\n" + u.Location + "\n" + u.Phone + "\n" + u.Custom1, u.AllowLogon})
	}
	out := map[string]any{"data": rows}
	if more {
		out["cursor"] = closeCursor(at + limit)
	}
	answer(w, http.StatusOK, out)
}

// digest is what is told of a managed user: the text stands for what is synchronised, and is told as its hash.
type digest struct {
	directory, text string
	logon           bool
}

// MarshalJSON spells it out.
func (d digest) MarshalJSON() ([]byte, error) {
	sum := sha256.Sum256([]byte(d.text))
	return json.Marshal(struct {
		Directory string `json:"directory_id"`
		Hash      string `json:"ds_hash"`
		Logon     bool   `json:"allow_logon"`
	}{d.directory, hex.EncodeToString(sum[:16]), d.logon})
}

// operations are the service user's own rights in a library: all of them for a member of NRTADMIN, else those of its role, and none
// where it is not in the library.
func (s *Server) operations(lib *Library) map[string]any {
	admin := false
	if g := lib.Groups["NRTADMIN"]; g != nil {
		admin = g.Members[s.config.ServiceUser]
	}
	role, in := lib.Members[s.config.ServiceUser]
	tier := 0
	if admin || strings.Contains(role, "ADMIN") {
		tier = 2
	}
	bits := func(names string, on bool) map[string]any {
		m := make(map[string]any)
		for _, name := range strings.Fields(names) {
			m[name] = on
		}
		return m
	}
	m4 := bits("admin_tier_1 admin_tier_2 trustee_management report_management", tier == 2)
	m4["tier"], m4["role_management"], m4["admin_tier_3"] = tier, admin, false
	out := map[string]any{
		"id": role, "description": role, "m1": 0, "m2": 0, "m3": 0,
		"m1_bits": bits("import checkout delete view_public_folder allow_index_search", in || admin),
		"m2_bits": bits("use_import_tool use_monitor_tool use_admin_tool", tier == 2),
		"m3_bits": bits("browse_workspace search_workspace author_workspace", in || admin), "m4_bits": m4,
	}
	out["m1_bits"].(map[string]any)["release"] = admin
	if in || admin {
		out["m1"], out["m3"] = 1|2|8|64|2048, 1|2|4
	}
	if tier == 2 {
		out["m2"] = 1 | 2 | 4
	}
	return out
}

// settings answers the tenant's settings of sign-in.
func (s *Server) settings(w http.ResponseWriter, p []string) {
	switch strings.Join(p, "/") {
	case "system/auth/external-auth-type":
		kind := s.config.SSO.Kind
		if kind == "" {
			kind = "none"
		}
		answer(w, http.StatusOK, map[string]any{"data": map[string]any{"id": kind}})
	case "system/idp":
		answer(w, http.StatusOK, map[string]any{"data": map[string]any{"seamless_idp_enabled": s.config.SSO.Seamless, "login_hint_enabled": s.config.SSO.LoginHint}})
	default:
		fail(w, http.StatusNotFound, "NRC_NOT_FOUND", "no such resource")
	}
}
