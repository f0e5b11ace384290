package imanagetest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// routeDocuments serves the documents of a library: those that anybody has had checked out (contracts/imanage.md 8), and those that people
// worked on.
func (s *Server) routeDocuments(w http.ResponseWriter, r *http.Request, lib *Library, p []string) {
	if len(p) == 1 && p[0] == "checked-out" && r.Method == http.MethodGet {
		s.listCheckedOut(w, r, lib)
		return
	}
	if len(p) == 0 || (len(p) == 2 && p[1] == "history") || lib.work().byID[p[0]] != nil {
		s.routeWork(w, r, lib, p)
		return
	}
	doc := lib.document(p[0])
	if doc == nil {
		noRecord(w)
		return
	}
	switch {
	case len(p) == 1 && r.Method == http.MethodGet:
		answer(w, http.StatusOK, map[string]any{"data": documentRow(lib, doc)})
	case len(p) == 2 && p[1] == "lock" && r.Method == http.MethodDelete:
		if doc.InUseBy == "" {
			invalid(w, "the document is not checked out")
			return
		}
		s.do(w, http.StatusOK, Mutation{Kind: "release", User: doc.InUseBy, Library: lib.ID, Object: doc.ID})
	case len(p) == 2 && p[1] == "lock" && r.Method == http.MethodPost:
		if doc.InUseBy != "" {
			fail(w, http.StatusConflict, "NRC_DOC_IN_USE", "the document is checked out already")
			return
		}
		s.do(w, http.StatusOK, Mutation{Kind: "checkout", User: s.config.ServiceUser, Library: lib.ID, Object: doc.ID})
	default:
		notAllowed(w)
	}
}

func documentRow(lib *Library, doc *Document) map[string]any {
	_, tail, _ := strings.Cut(doc.ID, "!")
	num, ver, _ := strings.Cut(tail, ".")
	n, _ := strconv.Atoi(num)
	v, _ := strconv.Atoi(ver)
	return map[string]any{
		"id": doc.ID, "name": doc.Name, "database": lib.ID, "document_number": n, "version": v, "wstype": "document", "extension": "docx",
		"is_checked_out": doc.InUseBy != "", "in_use": doc.InUseBy != "", "in_use_by": doc.InUseBy, "operator": doc.InUseBy, "type": "WORDX",
		"default_security": "inherit", "edit_date": "2024-01-02T03:04:05Z", "size": 1024,
	}
}

// listCheckedOut lists what is checked out: of one library, or of those that are named.
func (s *Server) listCheckedOut(w http.ResponseWriter, r *http.Request, lib *Library) {
	q := r.URL.Query()
	user := strings.ToUpper(q.Get("user"))
	libraries := s.libraries
	if lib != nil {
		libraries = []*Library{lib}
	} else if names := q.Get("libraries"); names != "" {
		libraries = slices.DeleteFunc(slices.Clone(libraries), func(l *Library) bool { return !slices.Contains(strings.Split(names, ","), l.ID) })
	}
	var rows []map[string]any
	for _, l := range libraries {
		for _, doc := range l.Documents {
			if doc.InUseBy != "" && (user == "" || strings.ToUpper(doc.InUseBy) == user) {
				rows = append(rows, documentRow(l, doc))
			}
		}
	}
	page(w, r, s.config.MostPage, rows, func(row map[string]any) any { return row })
}
