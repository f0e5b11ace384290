package oktatest

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (s *Server) groupRow(g Group) any {
	changed := "2020-01-01T00:00:00.000Z"
	if !g.Changed.IsZero() {
		changed = g.Changed.Format("2006-01-02T15:04:05.000Z")
	}
	return map[string]any{
		"id": g.ID, "type": "OKTA_GROUP", "objectClass": []string{"okta:user_group"}, "created": "2020-01-01T00:00:00.000Z",
		"lastUpdated": "2020-01-01T00:00:00.000Z", "lastMembershipUpdated": changed,
		"profile": map[string]any{"name": g.Name, "description": g.Name, "objectClass": "okta:user_group"},
	}
}

func (s *Server) listGroups(w http.ResponseWriter, r *http.Request) {
	var since time.Time
	if filter := r.URL.Query().Get("filter"); filter != "" {
		value, ok := strings.CutPrefix(filter, `lastMembershipUpdated gt "`)
		at, err := time.Parse(time.RFC3339, strings.TrimSuffix(value, `"`))
		if !ok || err != nil {
			fail(w, http.StatusBadRequest, "E0000031", "Invalid search criteria.")
			return
		}
		since = at
	}
	rows := make([]any, 0, len(s.groups))
	for _, g := range s.groups {
		if since.IsZero() || g.Changed.After(since) {
			rows = append(rows, s.groupRow(g))
		}
	}
	s.pageOf(w, r, rows, 200, 10000)
}

func (s *Server) groupsOf(w http.ResponseWriter, user string) {
	if s.users[user] == nil {
		notFound(w, user)
		return
	}
	rows := []any{}
	for _, g := range s.groups {
		if slices.Contains(g.Members, user) {
			rows = append(rows, s.groupRow(g))
		}
	}
	answer(w, http.StatusOK, rows)
}

func (s *Server) groupUsers(w http.ResponseWriter, r *http.Request, id string) {
	i := slices.IndexFunc(s.groups, func(g Group) bool { return g.ID == id })
	if i < 0 {
		notFound(w, id)
		return
	}
	var rows []any
	for _, m := range s.groups[i].Members {
		if u := s.users[m]; u != nil {
			rows = append(rows, s.row(u))
		}
	}
	s.pageOf(w, r, rows, 1000, 1000)
}

// pageOf pages by position behind an opaque cursor.
func (s *Server) pageOf(w http.ResponseWriter, r *http.Request, rows []any, fallback, most int) {
	q := r.URL.Query()
	limit, start := fallback, 0
	if v := q.Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > most {
			fail(w, http.StatusBadRequest, "E0000001", "Api validation failed: limit")
			return
		}
		limit = n
	}
	if v := q.Get("after"); v != "" {
		b, err := base64.RawURLEncoding.DecodeString(v)
		n, convErr := strconv.Atoi(strings.TrimPrefix(string(b), "at:"))
		if err != nil || convErr != nil || n < 0 {
			fail(w, http.StatusBadRequest, "E0000001", "Api validation failed: after")
			return
		}
		start = n
	}
	end := min(start+limit, len(rows))
	next := ""
	if end < len(rows) {
		next = base64.RawURLEncoding.EncodeToString([]byte("at:" + strconv.Itoa(end)))
	}
	s.links(w, r, next)
	part := rows[min(start, len(rows)):end]
	if part == nil {
		part = []any{}
	}
	answer(w, http.StatusOK, part)
}
