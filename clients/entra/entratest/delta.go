package entratest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// mark is a delta token: the version up to which everything was told, and what was selected.
func mark(version int64, sel string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(fmt.Sprintf("%d|%s", version, sel)))
}

func unmark(token string) (version int64, sel string, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, "", false
	}
	number, sel, found := strings.Cut(string(b), "|")
	_, err = fmt.Sscanf(number, "%d", &version)
	return version, sel, found && err == nil
}

func (s *Server) deltaLink(r *http.Request, version int64, sel string) string {
	return s.URL() + r.URL.Path + "?" + url.Values{"$deltatoken": {mark(version, sel)}}.Encode()
}

// since opens a delta's token; what is too old, or was never given, is refused as Graph refuses it.
func (s *Server) since(w http.ResponseWriter, r *http.Request, token string) (version int64, sel string, ok bool) {
	version, sel, ok = unmark(token)
	if !ok {
		s.fail(w, http.StatusBadRequest, "syncStateInvalid", "Sync state is malformed.")
		return 0, "", false
	}
	if version < s.oldest {
		w.Header().Set("Location", s.URL()+r.URL.Path+"?$deltatoken=")
		s.fail(w, http.StatusGone, "syncStateNotFound", "The sync state generation is not found; please, restart with full synchronization.")
		return 0, "", false
	}
	return version, sel, true
}

func (s *Server) refuseDelta(w http.ResponseWriter, q url.Values) bool {
	for _, name := range []string{"$top", "$expand", "$orderby"} {
		if q.Has(name) {
			s.fail(w, http.StatusBadRequest, "Request_BadRequest", "'"+name+"' is not supported by the service.")
			return true
		}
	}
	return false
}

// usersDelta tells who changed since a token. Each answer holds at most a page; the last has the delta link.
func (s *Server) usersDelta(w http.ResponseWriter, r *http.Request, q url.Values) {
	token := q.Get("$deltatoken")
	if s.refuseDelta(w, q) {
		return
	}
	if token == "latest" {
		if _, ok := s.selecting(w, q); ok {
			s.end(w, r, s.begin(r, ""), s.version, q.Get("$select"))
		}
		return
	}
	version, names := int64(-1), q.Get("$select")
	if token != "" {
		var ok bool
		if version, names, ok = s.since(w, r, token); !ok {
			return
		}
	}
	sel, ok := s.selecting(w, url.Values{"$select": {names}})
	start, placed := place(q)
	if !ok || !placed {
		return
	}
	minimal := strings.Contains(r.Header.Get("Prefer"), "return=minimal")
	told := s.merge(version)
	if s.config.Replay {
		again := slices.Clone(told)
		slices.Reverse(again)
		told = append(again, told...)
	}
	end := min(start+s.config.PageSize, len(told))
	next := ""
	if end < len(told) {
		next = s.next(r, end)
	}
	b := s.begin(r, next)
	for i, c := range told[min(start, end):end] {
		if i > 0 {
			b = append(b, ',')
		}
		b = s.deltaRow(b, c, sel, minimal)
	}
	if next != "" {
		finish(w, b)
		return
	}
	s.end(w, r, b, s.version, names)
}

// merge makes one entry of each user's changes since a version; before the first version it is everybody.
func (s *Server) merge(version int64) []change {
	var told []change
	if version < 0 {
		for _, id := range s.ids {
			told = append(told, change{id: id})
		}
		return told
	}
	at := make(map[string]int)
	for _, c := range s.log {
		if c.at <= version {
			continue
		}
		i, seen := at[c.id]
		if !seen {
			at[c.id] = len(told)
			told = append(told, change{id: c.id, fields: slices.Clone(c.fields), reason: c.reason, gone: c.gone})
			continue
		}
		told[i].reason, told[i].gone = c.reason, append(slices.Clone(told[i].gone), c.gone...)
		if c.fields == nil || told[i].fields == nil {
			told[i].fields = nil
			continue
		}
		told[i].fields = append(told[i].fields, c.fields...)
	}
	return told
}

func (s *Server) deltaRow(b []byte, c change, sel selection, minimal bool) []byte {
	u := s.users[c.id]
	switch {
	case u == nil:
		return appendValue(b, map[string]any{"id": c.id, "@removed": map[string]any{"reason": "deleted"}})
	case !u.Deleted.IsZero():
		return appendValue(b, map[string]any{"id": c.id, "@removed": map[string]any{"reason": "changed"}})
	}
	if minimal && c.fields != nil {
		var fields []field
		for _, f := range sel.fields {
			if f.name == "id" || slices.Contains(c.fields, f.name) {
				fields = append(fields, f)
			}
		}
		sel.fields = fields
	}
	b = s.row(b, u, sel)
	if slices.Contains(sel.names, "manager") && (c.fields == nil || slices.Contains(c.fields, "manager")) {
		managers := []any{}
		for _, id := range c.gone {
			if id != u.Manager {
				managers = append(managers, map[string]any{"id": id, "@removed": map[string]any{"reason": "deleted"}})
			}
		}
		if u.Manager != "" {
			managers = append(managers, map[string]any{"id": u.Manager})
		}
		if len(managers) > 0 {
			b = append(b[:len(b)-1], `,"manager@delta":`...)
			b = append(appendValue(b, managers), '}')
		}
	}
	return b
}

func (s *Server) end(w http.ResponseWriter, r *http.Request, b []byte, version int64, sel string) {
	b = append(b, `],"@odata.deltaLink":`...)
	b = append(appendValue(b, s.deltaLink(r, version, sel)), '}')
	w.Header().Set("Content-Type", "application/json;odata.metadata=minimal")
	_, _ = w.Write(b)
}

// groupsDelta tells which groups changed, and whose membership in them.
func (s *Server) groupsDelta(w http.ResponseWriter, r *http.Request, q url.Values) {
	token := q.Get("$deltatoken")
	if s.refuseDelta(w, q) {
		return
	}
	if token == "latest" {
		s.end(w, r, s.begin(r, ""), s.version, q.Get("$select"))
		return
	}
	version, names, told := int64(-1), q.Get("$select"), s.groupLog
	if token == "" { // from the beginning: every group, with everybody in it
		told = nil
		for _, id := range s.groupIDs {
			told = append(told, change{id: id, came: slices.Concat(s.groups[id].Members, s.groups[id].Nested)})
		}
	} else {
		var ok bool
		if version, names, ok = s.since(w, r, token); !ok {
			return
		}
	}
	b := s.begin(r, "")
	first := true
	for _, c := range told {
		if c.at <= version {
			continue
		}
		row := map[string]any{"id": c.id}
		if c.fields == nil || slices.Contains(c.fields, "displayName") {
			row["displayName"] = s.groups[c.id].Name
		}
		members := []any{}
		for _, m := range c.came {
			members = append(members, map[string]any{"@odata.type": s.typeOf(m), "id": m})
		}
		for _, m := range c.gone {
			members = append(members, map[string]any{"@odata.type": s.typeOf(m), "id": m, "@removed": map[string]any{"reason": "deleted"}})
		}
		if len(members) > 0 {
			row["members@delta"] = members
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendValue(b, row)
	}
	s.end(w, r, b, s.version, names)
}

func (s *Server) typeOf(id string) string {
	if s.groups[id] != nil {
		return "#microsoft.graph.group"
	}
	return "#microsoft.graph.user"
}
