package imanagetest

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Work is a document that people worked on, with its history (contracts/imanage.md 9). Its edit date and its last user are those of the
// newest event that changes a document.
type Work struct {
	ID       string // LIBRARY!number.version
	Name     string
	Author   string // a user id; "": who did the first event
	Operator string // "": the author
	Events   []Event
	// Walled is behind an ethical wall: the profile is shown to an administrator, and the history to nobody (contracts/imanage.md 8).
	Walled bool

	number, lastUser string
	edited           time.Time
}

// Event is a row of a document's history.
type Event struct {
	User     string
	Activity string // NEWDOCUMENT, NEWDOCVER, MODIFY, VIEW, PRINT, EXPORT, MAIL, COPYDOC, SHARED
	At       time.Time
}

// activities are the values of the filter of a history, with what each stands for.
func activities() map[string][]string {
	return map[string][]string{
		"copy": {"COPYDOC"}, "download": {"EXPORT"}, "edit": {"NEWDOCUMENT", "NEWDOCVER", "MODIFY"}, "email": {"MAIL"}, "print": {"PRINT"},
		"share": {"SHARED"}, "version": {"NEWDOCVER"}, "view": {"VIEW"},
		"all": {"NEWDOCUMENT", "NEWDOCVER", "MODIFY", "VIEW", "PRINT", "EXPORT", "MAIL", "COPYDOC", "SHARED"},
	}
}

// worked is where a library's work is found. It is made when it is first asked for.
type worked struct {
	byID     map[string]*Work
	byNumber map[string][]*Work
	byUser   map[string][]*Work // on which the user stands as author, operator or last user
}

// work gives the index of a library's work. The caller holds the server's mu.
func (l *Library) work() *worked {
	if l.worked == nil {
		l.worked = &worked{byID: make(map[string]*Work), byNumber: make(map[string][]*Work), byUser: make(map[string][]*Work)}
		for _, d := range l.Work {
			l.worked.add(d)
		}
	}
	return l.worked
}

func (x *worked) add(d *Work) {
	d.Author, d.Operator = strings.ToUpper(d.Author), strings.ToUpper(d.Operator)
	for i := range d.Events {
		d.Events[i].User, d.Events[i].At = strings.ToUpper(d.Events[i].User), d.Events[i].At.UTC()
	}
	d.number, _, _ = strings.Cut(d.ID, ".")
	x.byID[d.ID] = d
	x.byNumber[d.number] = append(x.byNumber[d.number], d)
	x.settle(d)
}

// settle works out who stands on a document after its history changed.
func (x *worked) settle(d *Work) {
	slices.SortStableFunc(d.Events, func(a, b Event) int { return a.At.Compare(b.At) })
	if len(d.Events) > 0 && d.Author == "" {
		d.Author = d.Events[0].User
	}
	d.Operator = cmp.Or(d.Operator, d.Author)
	changes := activities()["edit"]
	for _, e := range d.Events {
		if slices.Contains(changes, e.Activity) {
			d.lastUser, d.edited = e.User, e.At
		}
	}
	for _, user := range []string{d.Author, d.Operator, d.lastUser} {
		if user != "" && !slices.Contains(x.byUser[user], d) {
			x.byUser[user] = append(x.byUser[user], d)
		}
	}
}

// Touch has a user edit a document in a library now, or at another time: one of their own there, or a new one. It is no request, and is
// counted as no effect.
func (s *Server) Touch(user, library string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lib := s.library(library)
	if lib == nil {
		return
	}
	x, user := lib.work(), strings.ToUpper(user)
	e := Event{user, "MODIFY", at.UTC()}
	for _, d := range x.byUser[user] {
		if d.Author == user && !d.Walled {
			d.Events = append(d.Events, e)
			x.settle(d)
			return
		}
	}
	e.Activity = "NEWDOCUMENT"
	d := &Work{ID: fmt.Sprintf("%s!%d.1", lib.ID, 900_000_001+len(lib.Work)), Name: "Note", Events: []Event{e}}
	lib.Work = append(lib.Work, d)
	x.add(d)
}

// routeWork serves the search for documents, a document's profile, and its history.
func (s *Server) routeWork(w http.ResponseWriter, r *http.Request, lib *Library, p []string) {
	switch {
	case r.Method != http.MethodGet || len(p) > 2:
		notAllowed(w)
	case len(p) == 0:
		s.searchDocuments(w, r, lib)
	case len(p) == 2 && p[1] == "history":
		s.listHistory(w, r, lib, p[0])
	case len(p) == 1:
		answer(w, http.StatusOK, map[string]any{"data": s.workRow(lib, lib.work().byID[p[0]])})
	default:
		notAllowed(w)
	}
}

// searchable are the parameters of a search that are served here; of others the answer would not be the tenant's, and they are refused.
func searchable() []string {
	return []string{"author", "operator", "last_user", "edit_date_from", "edit_date_to", "latest", "limit", "offset", "total", "paging_mode", "cursor"}
}

// searchDocuments searches a library. Who does not administer it is shown what bears their own name.
func (s *Server) searchDocuments(w http.ResponseWriter, r *http.Request, lib *Library) {
	q := r.URL.Query()
	for name := range q {
		if !slices.Contains(searchable(), name) {
			invalid(w, name+" is not served by this simulator")
			return
		}
	}
	from, to, ok := span(w, q, "edit_date_from", "edit_date_to")
	if !ok {
		return
	}
	x, list := lib.work(), lib.Work
	for _, name := range []string{"author", "operator", "last_user"} {
		if user := q.Get(name); user != "" {
			list = x.byUser[strings.ToUpper(user)]
		}
	}
	admin := s.operations(lib)["m4_bits"].(map[string]any)["tier"] != 0
	is := func(name, user string) bool { return q.Get(name) == "" || strings.EqualFold(q.Get(name), user) }
	var rows []any
	for _, d := range list {
		latest := q.Get("latest") != "true" || d.version() == slices.MaxFunc(x.byNumber[d.number], byVersion).version()
		own := slices.Contains([]string{d.Author, d.Operator, d.lastUser}, s.config.ServiceUser)
		if is("author", d.Author) && is("operator", d.Operator) && is("last_user", d.lastUser) && within(d.edited, from, to) && latest && (admin || own) {
			rows = append(rows, s.workRow(lib, d))
		}
	}
	s.results(w, r, rows)
}

func byVersion(a, b *Work) int { return cmp.Compare(a.version(), b.version()) }

func (d *Work) version() int {
	_, version, _ := strings.Cut(d.ID, ".")
	n, err := strconv.Atoi(version)
	if err != nil {
		return 1
	}
	return n
}

// span reads two ends of a time; one that is not given is open.
func span(w http.ResponseWriter, q url.Values, first, last string) (from, to time.Time, ok bool) {
	for name, into := range map[string]*time.Time{first: &from, last: &to} {
		if q.Get(name) == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, q.Get(name))
		if err != nil {
			invalid(w, name)
			return from, to, false
		}
		*into = at
	}
	return from, to, true
}

func within(at, from, to time.Time) bool {
	return (from.IsZero() || !at.Before(from)) && (to.IsZero() || !at.After(to))
}

func spell(at time.Time) string { return at.UTC().Format(time.RFC3339) }

func documentNumber(number string) int {
	_, digits, _ := strings.Cut(number, "!")
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}

// workRow is a document as a search lists it.
func (s *Server) workRow(lib *Library, d *Work) map[string]any {
	created := d.edited
	if len(d.Events) > 0 {
		created = d.Events[0].At
	}
	_, number, _ := strings.Cut(d.number, "!")
	row := map[string]any{
		"id": d.ID, "name": d.Name, "author": d.Author, "operator": d.Operator, "database": lib.ID, "document_number": documentNumber(d.number),
		"version": d.version(), "wstype": "document", "extension": "docx", "type": "WORDX", "class": "DOC", "default_security": "inherit", "size": 1024,
		"create_date": spell(created), "edit_date": spell(d.edited), "edit_profile_date": spell(d.edited), "file_create_date": spell(created),
		"file_edit_date": spell(d.edited), "is_checked_out": false, "is_in_use": false, "is_declared": false, "is_hipaa": false, "has_attachment": false,
		"iwl": fmt.Sprintf("iwl:dms=cloudimanage.com&&lib=%s&&num=%s&&ver=%d", lib.ID, number, d.version()),
	}
	if d.lastUser != "" {
		row["last_user"] = d.lastUser
	}
	for field, user := range map[string]string{"author_description": d.Author, "operator_description": d.Operator} {
		if u := s.users[user]; u != nil {
			row[field] = u.FullName
		}
	}
	return row
}

// listHistory lists what was done with a document, the newest first: with its version, or with all versions.
func (s *Server) listHistory(w http.ResponseWriter, r *http.Request, lib *Library, id string) {
	q := r.URL.Query()
	x := lib.work()
	d := x.byID[id]
	if d == nil {
		if lib.document(id) == nil {
			noRecord(w)
			return
		}
		d = &Work{ID: id}
	}
	if d.Walled {
		fail(w, http.StatusForbidden, "NRC_ACCESS_DENIED", "the document is behind a wall")
		return
	}
	kinds, known := activities()[cmp.Or(q.Get("activity"), "all")]
	from, to, ok := span(w, q, "activity_date_start", "activity_date_end")
	switch {
	case !ok:
		return
	case !known:
		invalid(w, "activity")
		return
	}
	versions := []*Work{d}
	if q.Get("all_versions") == "true" && d.number != "" {
		versions = x.byNumber[d.number]
	}
	var rows []map[string]any
	for _, d := range versions {
		for _, e := range d.Events {
			if slices.Contains(kinds, e.Activity) && within(e.At, from, to) && (q.Get("user") == "" || strings.EqualFold(q.Get("user"), e.User)) {
				rows = append(rows, s.historyRow(d, e))
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b map[string]any) int {
		return strings.Compare(b["activity_date"].(string), a["activity_date"].(string))
	})
	page(w, r, s.config.MostPage, rows, func(row map[string]any) any { return row })
}

// historyRow is an event as a history lists it. The numbers of the activities are not published; these are the simulator's own.
func (s *Server) historyRow(d *Work, e Event) map[string]any {
	full := ""
	if u := s.users[e.User]; u != nil {
		full = u.FullName
	}
	return map[string]any{
		"activity": e.Activity, "activity_code": 1 + slices.Index(activities()["all"], e.Activity), "activity_date": spell(e.At), "application_id": "IMANAGE",
		"application_name": "iManage Work", "document_number": documentNumber(d.number), "version": d.version(), "user": e.User, "user_fullname": full,
		"location": "", "num1": "0", "has_journal": false, "id": d.ID,
	}
}
