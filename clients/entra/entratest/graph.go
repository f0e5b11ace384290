package entratest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// field is a property of a user.
type field struct {
	name string
	get  func(*Server, *User) any
	free bool // comes without being selected
}

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

// properties lists the stored properties. Those that are not free come only where they are selected (contracts/idps.md 2.2).
func properties() []field {
	return []field{
		{"id", func(_ *Server, u *User) any { return u.ID }, true},
		{"businessPhones", func(_ *Server, u *User) any {
			if u.Phone == "" {
				return []string{}
			}
			return []string{u.Phone}
		}, true},
		{"displayName", func(_ *Server, u *User) any { return text(u.DisplayName) }, true},
		{"givenName", func(_ *Server, u *User) any { return text(u.GivenName) }, true},
		{"jobTitle", func(_ *Server, u *User) any { return text(u.JobTitle) }, true},
		{"mail", func(_ *Server, u *User) any { return text(u.Mail) }, true},
		{"mobilePhone", func(*Server, *User) any { return nil }, true},
		{"officeLocation", func(_ *Server, u *User) any { return text(u.Office) }, true},
		{"preferredLanguage", func(*Server, *User) any { return nil }, true},
		{"surname", func(_ *Server, u *User) any { return text(u.Surname) }, true},
		{"userPrincipalName", func(_ *Server, u *User) any { return u.UPN }, true},
		{"accountEnabled", func(s *Server, u *User) any {
			if !s.may("User.Read.All") {
				return nil
			}
			return u.Enabled
		}, false},
		{"userType", func(_ *Server, u *User) any {
			if u.Guest {
				return "Guest"
			}
			return "Member"
		}, false},
		{"createdDateTime", func(_ *Server, u *User) any { return moment(u.Created) }, false},
		{"deletedDateTime", func(_ *Server, u *User) any { return moment(u.Deleted) }, false},
		{"department", func(_ *Server, u *User) any { return text(u.Department) }, false},
		{"companyName", func(_ *Server, u *User) any { return text(u.Company) }, false},
		{"employeeId", func(_ *Server, u *User) any { return text(u.EmployeeID) }, false},
		{"employeeType", func(_ *Server, u *User) any { return text(u.Kind) }, false},
		{"employeeHireDate", func(_ *Server, u *User) any { return moment(u.Hired) }, false},
		{"employeeLeaveDateTime", func(_ *Server, u *User) any { return moment(u.Leaves) }, false},
		{"proxyAddresses", func(_ *Server, u *User) any { return append([]string{}, u.Proxies...) }, false},
		{"onPremisesImmutableId", func(_ *Server, u *User) any { return text(u.ImmutableID) }, false},
		{"onPremisesSamAccountName", func(_ *Server, u *User) any { return text(u.SAM) }, false},
		{"onPremisesSyncEnabled", func(_ *Server, u *User) any {
			if u.SAM == "" {
				return nil
			}
			return true
		}, false},
		{"onPremisesExtensionAttributes", func(_ *Server, u *User) any {
			all := make(map[string]any, 15)
			for i := 1; i <= 15; i++ {
				name := "extensionAttribute" + strconv.Itoa(i)
				all[name] = text(u.Extension[name])
			}
			return all
		}, false},
		{"signInActivity", func(_ *Server, u *User) any {
			if u.SignedIn.IsZero() {
				return nil
			}
			return map[string]any{"lastSignInDateTime": moment(u.SignedIn), "lastSuccessfulSignInDateTime": moment(u.SignedIn)}
		}, false},
	}
}

// row writes a user with the selected properties, in one pass.
func (s *Server) row(b []byte, u *User, sel selection) []byte {
	b = append(b, '{')
	first := true
	key := func(name string) {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(append(append(b, '"'), name...), '"', ':')
	}
	if sel.typed {
		key("@odata.type")
		b = append(b, `"#microsoft.graph.user"`...)
	}
	for _, f := range sel.fields {
		value := f.get(s, u)
		if f.name == "signInActivity" && value == nil { // absent for who never signed in
			continue
		}
		key(f.name)
		b = appendValue(b, value)
	}
	if sel.manager {
		if m := s.users[u.Manager]; m != nil {
			key("manager")
			b = appendValue(b, map[string]any{"@odata.type": "#microsoft.graph.user", "id": m.ID, "displayName": m.DisplayName})
		}
	}
	return append(b, '}')
}

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case string:
		out, err := jsontext.AppendQuote(b, v)
		if err != nil {
			return append(b, `""`...)
		}
		return out
	default:
		data, err := json.Marshal(v, json.Deterministic(true))
		if err != nil {
			return append(b, "null"...)
		}
		return append(b, data...)
	}
}

type selection struct {
	fields  []field
	names   []string
	manager bool
	typed   bool
}

// selecting reads $select. What cannot be listed is refused as Graph refuses it.
func (s *Server) selecting(w http.ResponseWriter, q url.Values) (selection, bool) {
	var sel selection
	names := strings.Split(q.Get("$select"), ",")
	if q.Get("$select") == "" {
		names = nil
	}
	for _, n := range names {
		switch n {
		case "hireDate", "aboutMe", "birthday", "interests", "mySite", "mailboxSettings", "skills":
			s.fail(w, http.StatusNotImplemented, "NotImplemented", "This property cannot be listed.")
			return sel, false
		case "signInActivity":
			if !s.may("AuditLog.Read.All") {
				s.denied(w)
				return sel, false
			}
			if s.config.Basic {
				s.fail(w, http.StatusForbidden, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", "Neither tenant is B2C or tenant doesn't have premium license")
				return sel, false
			}
		case "employeeLeaveDateTime":
			if !s.may("User-LifeCycleInfo.Read.All") {
				s.denied(w)
				return sel, false
			}
		case "manager", "members":
			continue
		}
		if !slices.ContainsFunc(properties(), func(f field) bool { return f.name == n }) && n != "id" {
			s.fail(w, http.StatusBadRequest, "Request_BadRequest", "Could not find a property named '"+n+"' on type 'microsoft.graph.user'.")
			return sel, false
		}
	}
	for _, f := range properties() {
		if (names == nil && f.free) || slices.Contains(names, f.name) || f.name == "id" {
			sel.fields = append(sel.fields, f)
		}
	}
	sel.names = names
	sel.manager = strings.HasPrefix(q.Get("$expand"), "manager")
	return sel, true
}

func (s *Server) denied(w http.ResponseWriter) {
	s.fail(w, http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
}

func (s *Server) missing(w http.ResponseWriter, id string) {
	s.fail(w, http.StatusNotFound, "Request_ResourceNotFound", "Resource '"+id+"' does not exist or one of its queried reference-property objects are not present.")
}

func (s *Server) serveGraph(w http.ResponseWriter, r *http.Request, path string) {
	q := r.URL.Query()
	if rest, short := strings.CutSuffix(path, "/graph.user"); short { // Microsoft's own library leaves the first word out
		path = rest + "/microsoft.graph.user"
	}
	parts := strings.Split(path, "/")
	people := s.may("User.Read.All") || s.may("User.ReadBasic.All")
	groups := s.may("GroupMember.Read.All")
	if r.Method != http.MethodGet {
		s.fail(w, http.StatusMethodNotAllowed, "Request_BadRequest", "The simulator takes reads.")
		return
	}
	switch {
	case !people && (parts[0] == "users" || parts[0] == "directory"), !groups && parts[0] == "groups":
		s.denied(w)
	case path == "users/delta", path == "users/delta()", path == "users/microsoft.graph.delta()":
		s.usersDelta(w, r, q)
	case path == "groups/delta", path == "groups/delta()", path == "groups/microsoft.graph.delta()":
		s.groupsDelta(w, r, q)
	case path == "users":
		s.list(w, r, q, func(u *User) bool { return u.Deleted.IsZero() }, s.ids)
	case path == "directory/deletedItems/microsoft.graph.user":
		s.list(w, r, q, func(u *User) bool { return !u.Deleted.IsZero() }, s.ids)
	case parts[0] == "directory" && len(parts) == 3:
		if u := s.users[parts[2]]; u != nil && !u.Deleted.IsZero() {
			s.oneUser(w, q, u, true)
			return
		}
		s.missing(w, parts[2])
	case parts[0] == "users" && len(parts) == 2:
		u := s.users[parts[1]]
		if u == nil { // a principal name serves as well
			for _, other := range s.users {
				if strings.EqualFold(other.UPN, parts[1]) {
					u = other
				}
			}
		}
		if u == nil || !u.Deleted.IsZero() {
			s.missing(w, parts[1])
			return
		}
		s.oneUser(w, q, u, false)
	case parts[0] == "users" && len(parts) == 3 && (parts[2] == "memberOf" || parts[2] == "transitiveMemberOf"):
		if u := s.users[parts[1]]; u == nil || !u.Deleted.IsZero() {
			s.missing(w, parts[1])
			return
		}
		s.objects(w, r, q, s.above(parts[1], parts[2] == "transitiveMemberOf"))
	case path == "groups":
		s.objects(w, r, q, s.groupIDs)
	case parts[0] == "groups" && len(parts) == 3 && (parts[2] == "members" || parts[2] == "transitiveMembers"):
		g := s.groups[parts[1]]
		if g == nil {
			s.missing(w, parts[1])
			return
		}
		members, nested := g.Members, g.Nested
		if parts[2] == "transitiveMembers" {
			members, nested = s.transitive(g.ID)
		}
		s.objects(w, r, q, slices.Concat(members, nested))
	default:
		s.fail(w, http.StatusBadRequest, "BadRequest", "Resource not found for the segment.")
	}
}

func (s *Server) oneUser(w http.ResponseWriter, q url.Values, u *User, deleted bool) {
	sel, ok := s.selecting(w, q)
	if !ok {
		return
	}
	if deleted {
		sel.typed = true
		if !q.Has("$select") {
			for _, f := range properties() {
				if f.name == "deletedDateTime" {
					sel.fields = append(sel.fields, f)
				}
			}
		}
	}
	body := s.row([]byte(nil), u, sel)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

// top reads $top: a hundred by default, at most 999, and 500 with sign-in activity.
func (s *Server) top(w http.ResponseWriter, q url.Values) (int, bool) {
	if q.Has("$skip") {
		s.fail(w, http.StatusBadRequest, "Request_BadRequest", "'$skip' is not supported by the service.")
		return 0, false
	}
	if !q.Has("$top") {
		return 100, true
	}
	n, err := strconv.Atoi(q.Get("$top"))
	if err != nil || n < 1 || n > 999 || (n > 500 && strings.Contains(q.Get("$select"), "signInActivity")) {
		s.fail(w, http.StatusBadRequest, "Request_BadRequest", "Invalid page size specified: '"+q.Get("$top")+"'.")
		return 0, false
	}
	return n, true
}

// place is where a skip token points: a position in a list.
func place(q url.Values) (int, bool) {
	token := q.Get("$skiptoken")
	if token == "" {
		return 0, true
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	n, errN := strconv.Atoi(strings.TrimPrefix(string(b), "p"))
	return n, err == nil && errN == nil && n >= 0
}

func (s *Server) next(r *http.Request, at int) string {
	q := r.URL.Query()
	q.Set("$skiptoken", base64.RawURLEncoding.EncodeToString([]byte(fmt.Sprintf("p%d", at))))
	return s.URL() + r.URL.Path + "?" + q.Encode()
}

func (s *Server) begin(r *http.Request, next string) []byte {
	b := append([]byte(nil), `{"@odata.context":`...)
	b = appendValue(b, s.URL()+"/v1.0/$metadata#"+strings.TrimPrefix(r.URL.Path, "/v1.0/"))
	if next != "" {
		b = append(b, `,"@odata.nextLink":`...)
		b = appendValue(b, next)
	}
	return append(b, `,"value":[`...)
}

func finish(w http.ResponseWriter, b []byte) {
	w.Header().Set("Content-Type", "application/json;odata.metadata=minimal")
	_, _ = w.Write(append(b, "]}"...))
}

// list pages people. A skip token names the last one of a page, so that nobody is skipped when others come and go.
func (s *Server) list(w http.ResponseWriter, r *http.Request, q url.Values, keep func(*User) bool, ids []string) {
	sel, ok := s.selecting(w, q)
	if !ok {
		return
	}
	top, ok := s.top(w, q)
	if !ok {
		return
	}
	start, ok := place(q)
	if !ok {
		s.fail(w, http.StatusBadRequest, "Directory_ExpiredPageToken", "The specified page token is no longer valid.")
		return
	}
	if s.config.EmptyPage && start > 0 && q.Get("$count") != "seen" {
		q.Set("$count", "seen")
		finish(w, s.begin(r, s.URL()+r.URL.Path+"?"+q.Encode()))
		return
	}
	var rows []*User
	next := ""
	for i := start; i < len(ids); i++ {
		u := s.users[ids[i]]
		if !keep(u) {
			continue
		}
		if len(rows) == top {
			next = s.next(r, i)
			break
		}
		rows = append(rows, u)
	}
	b := s.begin(r, next)
	for i, u := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = s.row(b, u, sel)
	}
	finish(w, b)
}

// objects pages directory objects: people and groups, each with its type. Without the right to read people a member comes with its
// id and type alone (contracts/idps.md 2.2).
func (s *Server) objects(w http.ResponseWriter, r *http.Request, q url.Values, ids []string) {
	top, ok := s.top(w, q)
	if !ok {
		return
	}
	start, ok := place(q)
	if !ok {
		s.fail(w, http.StatusBadRequest, "Directory_ExpiredPageToken", "The specified page token is no longer valid.")
		return
	}
	end, next := min(start+top, len(ids)), ""
	if end < len(ids) {
		next = s.next(r, end)
	}
	b := s.begin(r, next)
	first := true
	for _, id := range ids[min(start, end):end] {
		row := map[string]any{"id": id}
		if g := s.groups[id]; g != nil {
			row["@odata.type"] = "#microsoft.graph.group"
			row["displayName"] = g.Name
		} else if u := s.users[id]; u != nil && u.Deleted.IsZero() {
			row["@odata.type"] = "#microsoft.graph.user"
			if strings.Contains(q.Get("$select"), "displayName") {
				row["displayName"] = text(u.DisplayName)
			}
		} else {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendValue(b, row)
	}
	finish(w, b)
}
