package imanagetest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
)

// A row of a user is spelt out once, and kept until the user changes: a list of ten thousand is megabytes, and a simulator that spends its
// time on them would be what a benchmark measures.
type speltRow struct {
	library   string
	logon     bool
	libraries bool
}

// spell gives the row of a user as JSON. The caller holds mu.
func (s *Server) spell(id string, key speltRow, row func() any) json.RawMessage {
	rows := s.spelt[id]
	if rows == nil {
		rows = make(map[speltRow][]byte)
		s.spelt[id] = rows
	}
	if rows[key] == nil {
		b, err := json.Marshal(row())
		if err != nil {
			panic("imanagetest: " + err.Error())
		}
		rows[key] = b
	}
	return rows[key]
}

// libraryRow is an account as a library lists it: the library's own allow_logon, and the library's name.
func (s *Server) libraryRow(id string, lib *Library) json.RawMessage {
	return s.rowIn(id, lib.ID, s.signsIn(lib, id))
}

// memberRow is an account as a group or a global role lists it.
func (s *Server) memberRow(id, library string) json.RawMessage {
	return s.rowIn(id, library, s.users[id].AllowLogon)
}

func (s *Server) rowIn(id, library string, logon bool) json.RawMessage {
	return s.spell(id, speltRow{library: library, logon: logon}, func() any {
		u := *s.users[id]
		u.AllowLogon = logon
		return struct {
			User
			Database string `json:"database,omitempty"`
			Login    bool   `json:"login"`
		}{u, library, logon}
	})
}

func (s *Server) globalRow(id string, withLibraries bool) json.RawMessage {
	return s.spell(id, speltRow{library: "*", libraries: withLibraries}, func() any {
		row := struct {
			User
			Libraries []map[string]any `json:"libraries,omitempty"`
		}{User: *s.users[id]}
		if withLibraries {
			row.Libraries = s.librariesOf(id)
		}
		return row
	})
}

// listed is a flat list as it is answered.
type listed struct {
	rows     []any
	total    int // -1: was not asked for
	overflow *bool
}

// write spells it out; rows that are spelt out already are not looked at again.
func (l listed) write(b *bytes.Buffer) {
	b.WriteString(`{"data":[`)
	for i, row := range l.rows {
		if i > 0 {
			b.WriteByte(',')
		}
		raw, ok := row.(json.RawMessage)
		if !ok {
			var err error
			if raw, err = json.Marshal(row); err != nil {
				panic("imanagetest: " + err.Error())
			}
		}
		b.Write(raw)
	}
	b.WriteByte(']')
	if l.overflow != nil {
		b.WriteString(`,"overflow":` + strconv.FormatBool(*l.overflow))
	}
	if l.total >= 0 {
		b.WriteString(`,"total_count":` + strconv.Itoa(l.total))
	}
	b.WriteString("}\n")
}

// page answers a flat list: limit 1 to 9999 (default 500), offset, total_count only where total was asked for.
func page[T any](w http.ResponseWriter, r *http.Request, most int, all []T, row func(T) any) {
	q := r.URL.Query()
	limit, ok1 := number(q, "limit", 500)
	offset, ok2 := number(q, "offset", 0)
	if !ok1 || !ok2 || limit < 1 || limit > 9999 || offset < 0 {
		fail(w, http.StatusBadRequest, "NRC_INVALID_PARAM", "limit must be 1 to 9999, offset 0 or more")
		return
	}
	out := listed{total: -1}
	if limit > most {
		limit = most
		overflow := offset+limit < len(all)
		out.overflow = &overflow
	}
	part := all[min(offset, len(all)):min(offset+limit, len(all))]
	out.rows = make([]any, len(part))
	for i, v := range part {
		out.rows[i] = row(v)
	}
	if q.Get("total") == "true" {
		out.total = len(all)
	}
	answer(w, http.StatusOK, out)
}
