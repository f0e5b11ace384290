// Package googletest is a faithful loopback server of the part of Google's token endpoint and Directory API that contracts/idps.md 2.3
// describes, with state: delegated scopes, the administrator in whose name is asked, page tokens, quota errors as 403. It knows
// nothing of iManage or of rollcall's rules.
package googletest

import (
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"rollcall/clients/wire/wiretest"
)

// User is a user as Workspace holds it.
type User struct {
	ID         string
	Email      string
	Given      string
	Family     string
	Full       string
	Aliases    []string
	Suspended  bool
	Archived   bool
	Changed    time.Time // of the suspension or archival
	Created    time.Time
	Deleted    time.Time // zero: not deleted
	LastLogin  time.Time // zero: never, which is 1970 on the wire
	Department string
	Title      string
	Kind       string
	Building   string
	Phone      string
	Manager    string // a mail address
	Number     string // the external id of type organization
	Schemas    map[string]map[string]string
}

// Group is a group: the ids of its people and of the groups in it.
type Group struct {
	ID      string
	Name    string
	Email   string
	Members []string
	Nested  []string
}

// Config is what a customer begins with.
type Config struct {
	Users      []User
	Groups     []Group
	Account    string                      // the service account's mail address
	Keys       map[string]crypto.PublicKey // by key id
	Scopes     []string                    // delegated in the admin console
	Admins     []string                    // who may be asked in the name of
	NoGroups   bool                        // the administrator lacks the right to read groups
	Now        func() time.Time
	TokenLife  time.Duration // 0: 3,600 s
	RateLimit  int           // queries a minute; 0: unlimited
	RateReason string        // of the 403; "": userRateLimitExceeded
}

// Server is the simulator.
type Server struct {
	*wiretest.Stand

	config Config
	bucket *wiretest.Bucket

	mu     sync.Mutex
	users  map[string]*User
	ids    []string // in the order of the list: by mail address
	groups []*Group
	tokens map[string]time.Time
	minted int
}

// New makes a server.
func New(c Config) *Server {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.TokenLife == 0 {
		c.TokenLife = time.Hour
	}
	s := &Server{config: c, users: make(map[string]*User, len(c.Users)), tokens: make(map[string]time.Time)}
	for i := range c.Users {
		s.users[c.Users[i].ID] = &c.Users[i]
		s.ids = append(s.ids, c.Users[i].ID)
	}
	s.sort()
	for i := range c.Groups {
		s.groups = append(s.groups, &c.Groups[i])
	}
	s.bucket = &wiretest.Bucket{Limit: c.RateLimit, Window: time.Minute, Now: c.Now}
	s.Stand = wiretest.NewStand(http.HandlerFunc(s.serve), c.Now)
	return s
}

func (s *Server) sort() {
	slices.SortFunc(s.ids, func(a, b string) int { return strings.Compare(s.users[a].Email, s.users[b].Email) })
}

// Put adds or replaces a user.
func (s *Server) Put(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users[u.ID] == nil {
		s.ids = append(s.ids, u.ID)
	}
	s.users[u.ID] = &u
	s.sort()
}

// User gives a user as it stands.
func (s *Server) User(id string) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.users[id]; u != nil {
		return *u, true
	}
	return User{}, false
}

// Delete moves a user to the deleted ones, from which it can be restored for some days.
func (s *Server) Delete(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.users[id]; u != nil {
		u.Deleted = s.config.Now().UTC()
	}
}

// Purge deletes a user for good.
func (s *Server) Purge(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.users, id)
	s.ids = slices.DeleteFunc(s.ids, func(other string) bool { return other == id })
}

// ExpireTokens makes every access token that was given so far invalid.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// Minted is how many access tokens were given.
func (s *Server) Minted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.minted
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.config.Now().UTC().Format(http.TimeFormat))
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path == "/token" && r.Method == http.MethodPost {
		s.serveToken(w, r)
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/admin/directory/v1/")
	if !ok {
		s.fail(w, http.StatusNotFound, "global", "notFound", "Not Found")
		return
	}
	until, ok := s.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if !ok || s.config.Now().After(until) {
		s.fail(w, http.StatusUnauthorized, "global", "authError", "Invalid Credentials")
		return
	}
	if ok, _, _ := s.bucket.Take(); !ok {
		reason := s.config.RateReason
		if reason == "" {
			reason = "userRateLimitExceeded"
		}
		s.fail(w, http.StatusForbidden, "usageLimits", reason, "User Rate Limit Exceeded")
		return
	}
	parts := strings.Split(path, "/")
	switch q := r.URL.Query(); {
	case r.Method != http.MethodGet:
		s.fail(w, http.StatusForbidden, "global", "insufficientPermissions", "Request had insufficient authentication scopes.")
	case path == "users":
		s.listUsers(w, q)
	case parts[0] == "users" && len(parts) == 2:
		s.oneUser(w, parts[1], q)
	case s.config.NoGroups && parts[0] == "groups":
		s.fail(w, http.StatusForbidden, "global", "forbidden", "Not Authorized to access this resource/api")
	case path == "groups":
		s.listGroups(w, q)
	case parts[0] == "groups" && len(parts) == 3 && parts[2] == "members":
		s.listMembers(w, parts[1], q)
	default:
		s.fail(w, http.StatusNotFound, "global", "notFound", "Resource Not Found")
	}
}

// serveToken is oauth2.googleapis.com: an assertion signed with a known key, in the name of an administrator, with delegated scopes.
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, code, words string) {
		answer(w, status, map[string]any{"error": code, "error_description": words})
	}
	if err := r.ParseForm(); err != nil || r.PostForm.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		refuse(http.StatusBadRequest, "unsupported_grant_type", "Invalid grant_type: "+r.PostForm.Get("grant_type"))
		return
	}
	token, err := jwt.ParseSigned(r.PostForm.Get("assertion"), []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		refuse(http.StatusBadRequest, "invalid_grant", "Invalid JWT.")
		return
	}
	var claims struct {
		Issuer  string `json:"iss"`
		Subject string `json:"sub"`
		Scope   string `json:"scope"`
		To      any    `json:"aud"`
		Issued  int64  `json:"iat"`
		Expires int64  `json:"exp"`
	}
	key := s.config.Keys[token.Headers[0].KeyID]
	now := s.config.Now().Unix()
	switch {
	case key == nil || token.Claims(key, &claims) != nil:
		refuse(http.StatusBadRequest, "invalid_grant", "Invalid JWT Signature.")
	case claims.Issuer != s.config.Account:
		refuse(http.StatusBadRequest, "invalid_grant", "Invalid grant: account not found")
	case fmt.Sprint(claims.To) != s.URL()+"/token":
		refuse(http.StatusBadRequest, "invalid_grant", "Invalid JWT: Failed audience check.")
	case claims.Expires-claims.Issued > 3600 || claims.Issued > now+300 || claims.Expires < now:
		refuse(http.StatusBadRequest, "invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.")
	case claims.Subject == "":
		refuse(http.StatusForbidden, "access_denied", "Not Authorized to access this resource/api")
	case slices.ContainsFunc(strings.Fields(claims.Scope), func(scope string) bool { return !slices.Contains(s.config.Scopes, scope) }):
		refuse(http.StatusUnauthorized, "unauthorized_client", "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.")
	case !slices.Contains(s.config.Admins, claims.Subject):
		refuse(http.StatusBadRequest, "invalid_grant", "Invalid email or User ID")
	default:
		value := random()
		s.minted++
		s.tokens[value] = s.config.Now().Add(s.config.TokenLife)
		answer(w, http.StatusOK, map[string]any{"access_token": value, "expires_in": int(s.config.TokenLife / time.Second), "token_type": "Bearer"})
	}
}

func random() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func (s *Server) fail(w http.ResponseWriter, status int, domain, reason, message string) {
	answer(w, status, map[string]any{"error": map[string]any{
		"code": status, "message": message, "errors": []any{map[string]any{"message": message, "domain": domain, "reason": reason}},
	}})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// row is a user on the wire; the lists are absent where they are empty.
func (s *Server) row(u *User, full bool) map[string]any {
	stamp := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
	last := "1970-01-01T00:00:00.000Z"
	if !u.LastLogin.IsZero() {
		last = stamp(u.LastLogin)
	}
	row := map[string]any{
		"kind": "admin#directory#user", "id": u.ID, "etag": `"` + u.ID + `"`, "primaryEmail": u.Email, "isAdmin": slices.Contains(s.config.Admins, u.Email),
		"name":      map[string]any{"givenName": u.Given, "familyName": u.Family, "fullName": u.Full},
		"suspended": u.Suspended, "archived": u.Archived, "creationTime": stamp(u.Created), "lastLoginTime": last, "orgUnitPath": "/",
		"customerId": "C0123abcd", "isMailboxSetup": true, "isEnrolledIn2Sv": true, "agreedToTerms": true,
		"emails": []any{map[string]any{"address": u.Email, "primary": true}},
	}
	put := func(name string, value any, there bool) {
		if there {
			row[name] = value
		}
	}
	put("aliases", u.Aliases, len(u.Aliases) > 0)
	put("suspensionReason", "ADMIN", u.Suspended)
	put("suspensionTime", stamp(u.Changed), u.Suspended && !u.Changed.IsZero())
	put("archivalTime", stamp(u.Changed), u.Archived && !u.Changed.IsZero())
	put("deletionTime", stamp(u.Deleted), !u.Deleted.IsZero())
	put("organizations", []any{map[string]any{"title": u.Title, "department": u.Department, "description": u.Kind, "primary": true}}, u.Title+u.Department+u.Kind != "")
	put("relations", []any{map[string]any{"value": u.Manager, "type": "manager"}}, u.Manager != "")
	put("externalIds", []any{map[string]any{"value": u.Number, "type": "organization"}}, u.Number != "")
	put("locations", []any{map[string]any{"buildingId": u.Building, "type": "desk", "area": "desk"}}, u.Building != "")
	put("phones", []any{map[string]any{"value": u.Phone, "type": "work", "primary": true}}, u.Phone != "")
	put("customSchemas", u.Schemas, full && len(u.Schemas) > 0)
	return row
}

func (s *Server) oneUser(w http.ResponseWriter, key string, q url.Values) {
	u := s.users[key]
	for _, other := range s.users {
		if u == nil && other.Email == key {
			u = other
		}
	}
	if u == nil || !u.Deleted.IsZero() {
		s.fail(w, http.StatusNotFound, "global", "notFound", "Resource Not Found: userKey")
		return
	}
	answer(w, http.StatusOK, s.row(u, q.Get("projection") == "full"))
}

// size reads maxResults within its bounds, and the place of a page token.
func (s *Server) size(w http.ResponseWriter, q url.Values, fallback, most int) (n, start int, ok bool) {
	n = fallback
	if v := q.Get("maxResults"); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil || n < 1 || n > most {
			s.fail(w, http.StatusBadRequest, "global", "invalid", "Invalid Input: maxResults")
			return 0, 0, false
		}
	}
	if v := q.Get("pageToken"); v != "" {
		b, err := base64.RawURLEncoding.DecodeString(v)
		at, errN := strconv.Atoi(strings.TrimPrefix(string(b), "t:"))
		if err != nil || errN != nil || at < 0 {
			s.fail(w, http.StatusBadRequest, "global", "invalid", "Invalid Input: pageToken")
			return 0, 0, false
		}
		start = at
	}
	return n, start, true
}

// send writes a page: no list at all where it is empty, no nextPageToken on the last, and only what fields asks for.
func (s *Server) send(w http.ResponseWriter, q url.Values, kind, list string, rows []any, next int) {
	page := map[string]any{"kind": kind, "etag": `"e"`}
	if len(rows) > 0 {
		page[list] = rows
	}
	if next > 0 {
		page["nextPageToken"] = base64.RawURLEncoding.EncodeToString([]byte("t:" + strconv.Itoa(next)))
	}
	if fields := q.Get("fields"); fields != "" {
		top, _, _ := strings.Cut(fields, "(")
		for name := range page {
			if !slices.Contains(strings.Split(top, ","), name) {
				delete(page, name)
			}
		}
	}
	answer(w, http.StatusOK, page)
}

func (s *Server) listUsers(w http.ResponseWriter, q url.Values) {
	if q.Get("customer") == "" && q.Get("domain") == "" {
		s.fail(w, http.StatusBadRequest, "global", "required", "Required parameter: customer or domain")
		return
	}
	n, start, ok := s.size(w, q, 100, 500)
	if !ok {
		return
	}
	deleted := q.Get("showDeleted") == "true"
	var rows []any
	next := 0
	for i := start; i < len(s.ids); i++ {
		u := s.users[s.ids[i]]
		if u.Deleted.IsZero() == deleted {
			continue
		}
		if len(rows) == n {
			next = i
			break
		}
		rows = append(rows, s.row(u, q.Get("projection") == "full"))
	}
	s.send(w, q, "admin#directory#users", "users", rows, next)
}

func (s *Server) listGroups(w http.ResponseWriter, q url.Values) {
	if (q.Get("customer") == "") == (q.Get("userKey") == "") {
		s.fail(w, http.StatusBadRequest, "global", "invalid", "Invalid Input: customer or userKey")
		return
	}
	n, start, ok := s.size(w, q, 200, 200)
	if !ok {
		return
	}
	end, next := min(start+n, len(s.groups)), 0
	if end < len(s.groups) {
		next = end
	}
	var rows []any
	for _, g := range s.groups[min(start, end):end] {
		rows = append(rows, map[string]any{
			"kind": "admin#directory#group", "id": g.ID, "etag": `"g"`, "name": g.Name, "email": g.Email, "description": "", "adminCreated": true,
			"directMembersCount": strconv.Itoa(len(g.Members) + len(g.Nested)), // an int64 is a string on the wire
		})
	}
	s.send(w, q, "admin#directory#groups", "groups", rows, next)
}

func (s *Server) group(id string) *Group {
	for _, g := range s.groups {
		if g.ID == id || g.Email == id {
			return g
		}
	}
	return nil
}

func (s *Server) listMembers(w http.ResponseWriter, id string, q url.Values) {
	g := s.group(id)
	if g == nil {
		s.fail(w, http.StatusNotFound, "global", "notFound", "Resource Not Found: groupKey")
		return
	}
	n, start, ok := s.size(w, q, 200, 200)
	if !ok {
		return
	}
	members := s.members(g, q.Get("includeDerivedMembership") == "true", map[string]bool{g.ID: true})
	end, next := min(start+n, len(members)), 0
	if end < len(members) {
		next = end
	}
	s.send(w, q, "admin#directory#members", "members", members[min(start, end):end], next)
}

// members lists a group's members: people with their mail address, groups, and through nesting where asked.
func (s *Server) members(g *Group, derived bool, seen map[string]bool) []any {
	var list []any
	for _, m := range g.Members {
		row := map[string]any{"kind": "admin#directory#member", "id": m, "role": "MEMBER", "type": "USER", "status": "ACTIVE", "etag": `"m"`}
		if u := s.users[m]; u != nil { // one who was deleted may stay, without an address
			row["email"] = u.Email
		}
		list = append(list, row)
	}
	for _, id := range g.Nested {
		nested := s.group(id)
		if nested == nil || seen[id] {
			continue
		}
		seen[id] = true
		list = append(list, map[string]any{"kind": "admin#directory#member", "id": id, "email": nested.Email, "role": "MEMBER", "type": "GROUP", "status": "ACTIVE"})
		if derived {
			list = append(list, s.members(nested, true, seen)...)
		}
	}
	return list
}
