// Package onelogintest is a faithful loopback server of the part of OneLogin's API that contracts/idps.md 2.4 describes, with state:
// pages that are numbered behind their cursors and shift when somebody comes or goes, a page size that is not honoured, an hourly
// allowance. It knows nothing of iManage or of rollcall's rules.
package onelogintest

import (
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

	"rollcall/clients/wire/wiretest"
)

// User is a user as OneLogin holds it.
type User struct {
	ID         int64
	Username   string
	Email      string
	First      string
	Last       string
	Title      string
	Department string
	Phone      string
	External   string
	Manager    int64
	Status     int
	State      int
	Created    time.Time
	Updated    time.Time
	LastLogin  time.Time // zero: never, which is null
	Group      int64
	Roles      []int64
	Custom     map[string]string
}

// Named is a role or a group.
type Named struct {
	ID   int64
	Name string
}

// Config is what an account begins with.
type Config struct {
	Users    []User
	Roles    []Named
	Groups   []Named
	ClientID string
	Secret   string
	// Scope is the credential's: "Read Users" or "Read All"; "": Read All.
	Scope     string
	Now       func() time.Time
	TokenLife time.Duration // 0: 36,000 s
	Wrapped   bool          // the token comes in the older envelope
	PageSize  int           // the most rows of a page, whatever is asked for; 0: 50
	RateLimit int           // calls an hour of the whole account; 0: unlimited
	NoTotal   bool          // no Total-Count is given
	TellRate  bool          // every answer carries the allowance, not /auth/rate_limit alone
}

// Server is the simulator.
type Server struct {
	*wiretest.Stand

	config Config
	bucket *wiretest.Bucket

	mu     sync.Mutex
	users  map[int64]*User
	ids    []int64
	tokens map[string]time.Time
	minted int
	onPage func(page int)
}

// New makes a server.
func New(c Config) *Server {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.TokenLife == 0 {
		c.TokenLife = 10 * time.Hour
	}
	if c.PageSize == 0 {
		c.PageSize = 50
	}
	s := &Server{config: c, users: make(map[int64]*User, len(c.Users)), tokens: make(map[string]time.Time)}
	for i := range c.Users {
		s.users[c.Users[i].ID] = &c.Users[i]
		s.ids = append(s.ids, c.Users[i].ID)
	}
	s.bucket = &wiretest.Bucket{Limit: c.RateLimit, Window: time.Hour, Now: c.Now}
	s.Stand = wiretest.NewStand(http.HandlerFunc(s.serve), c.Now)
	return s
}

// Put adds or replaces a user, as an administrator would.
func (s *Server) Put(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users[u.ID] == nil {
		s.ids = append(s.ids, u.ID)
	}
	u.Updated = s.config.Now().UTC()
	s.users[u.ID] = &u
}

// User gives a user as it stands.
func (s *Server) User(id int64) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.users[id]; u != nil {
		return *u, true
	}
	return User{}, false
}

// Delete removes a user for good; OneLogin tells it nowhere but by the absence.
func (s *Server) Delete(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(id)
}

func (s *Server) remove(id int64) {
	delete(s.users, id)
	s.ids = slices.DeleteFunc(s.ids, func(other int64) bool { return other == id })
}

// DeleteOnPage removes a user while a page of the list is on its way, once: the pages behind it shift.
func (s *Server) DeleteOnPage(id int64, page int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onPage = func(at int) {
		if at == page {
			s.onPage = nil
			s.remove(id)
		}
	}
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
	if r.URL.Path == "/auth/oauth2/v2/token" && r.Method == http.MethodPost {
		s.serveToken(w, r)
		return
	}
	v1 := !strings.HasPrefix(r.URL.Path, "/api/2/")
	until, ok := s.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if !ok || s.config.Now().After(until) {
		fail(w, v1, http.StatusUnauthorized, "Unauthorized", "Authentication Failure")
		return
	}
	ok, left, reset := s.bucket.Take()
	seconds := int(reset.Sub(s.config.Now())/time.Second) + 1
	if s.config.TellRate || !ok || r.URL.Path == "/auth/rate_limit" {
		w.Header()["X-RateLimit-Limit"] = []string{strconv.Itoa(s.config.RateLimit)}
		w.Header()["X-RateLimit-Remaining"] = []string{strconv.Itoa(left)}
		w.Header()["X-RateLimit-Reset"] = []string{strconv.Itoa(seconds)}
	}
	if !ok {
		fail(w, v1, http.StatusTooManyRequests, "TooManyRequests", "rate limit exceeded")
		return
	}
	q := r.URL.Query()
	rest, isUser := strings.CutPrefix(r.URL.Path, "/api/2/users/")
	all := s.config.Scope != "Read Users"
	switch {
	case r.Method != http.MethodGet:
		fail(w, v1, http.StatusForbidden, "ForbiddenError", "Insufficient permissions")
	case r.URL.Path == "/auth/rate_limit":
		answer(w, http.StatusOK, map[string]any{
			"status": map[string]any{"error": false, "code": 200, "type": "success", "message": "Success"},
			"data":   map[string]any{"X-RateLimit-Limit": s.config.RateLimit, "X-RateLimit-Remaining": left, "X-RateLimit-Reset": seconds},
		})
	case r.URL.Path == "/api/2/users":
		s.listUsers(w, r, q)
	case isUser:
		id, err := strconv.ParseInt(rest, 10, 64)
		if u := s.users[id]; err == nil && u != nil {
			answer(w, http.StatusOK, row(u, nil))
			return
		}
		fail(w, v1, http.StatusNotFound, "NotFoundError", "The resource with the given id could not be found")
	case r.URL.Path == "/api/2/roles" && all:
		s.listRoles(w, q)
	case r.URL.Path == "/api/1/groups" && all:
		s.listGroups(w, q)
	case r.URL.Path == "/api/2/roles", r.URL.Path == "/api/1/groups":
		fail(w, v1, http.StatusForbidden, "ForbiddenError", "Insufficient permissions")
	default:
		fail(w, v1, http.StatusNotFound, "NotFoundError", "Not Found")
	}
}

// serveToken takes the credentials from the Authorization header, in either form, and not from the body.
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Grant string `json:"grant_type"`
	}
	id, secret, basic := r.BasicAuth()
	if !basic {
		for part := range strings.SplitSeq(r.Header.Get("Authorization"), ",") {
			key, value, _ := strings.Cut(strings.TrimSpace(part), ":")
			switch key {
			case "client_id":
				id = strings.TrimSpace(value)
			case "client_secret":
				secret = strings.TrimSpace(value)
			}
		}
	}
	switch {
	case json.NewDecoder(r.Body).Decode(&body) != nil || body.Grant != "client_credentials":
		fail(w, true, http.StatusBadRequest, "bad request", "grant_type is incorrect/absent")
		return
	case id != s.config.ClientID || secret != s.config.Secret:
		fail(w, true, http.StatusUnauthorized, "Unauthorized", "Authentication Failure")
		return
	}
	var b [32]byte
	_, _ = rand.Read(b[:])
	token := hex.EncodeToString(b[:])
	s.minted++
	s.tokens[token] = s.config.Now().Add(s.config.TokenLife)
	t := map[string]any{
		"access_token": token, "created_at": s.config.Now().UTC().Format(time.RFC3339), "expires_in": int(s.config.TokenLife / time.Second),
		"token_type": "bearer", "account_id": 4711,
	}
	if s.config.Wrapped {
		answer(w, http.StatusOK, map[string]any{"status": map[string]any{"error": false, "code": 200, "type": "success", "message": "Success"}, "data": []any{t}})
		return
	}
	answer(w, http.StatusOK, t)
}

// short is what a list gives without fields (contracts/idps.md 2.4).
func short() []string {
	return []string{
		"id", "username", "email", "firstname", "lastname", "status", "created_at", "updated_at", "activated_at", "last_login", "locked_until", "directory_id",
		"group_id", "external_id", "samaccountname", "phone", "member_of", "password_changed_at", "invitation_sent_at", "invalid_login_attempts", "distinguished_name",
	}
}

func row(u *User, fields []string) map[string]any {
	stamp := func(t time.Time) any {
		if t.IsZero() {
			return nil
		}
		return t.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	text := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	number := func(n int64) any {
		if n == 0 {
			return nil
		}
		return n
	}
	custom := make(map[string]any, len(u.Custom))
	for k, v := range u.Custom {
		custom[k] = text(v)
	}
	all := map[string]any{
		"id": u.ID, "username": text(u.Username), "email": text(u.Email), "firstname": text(u.First), "lastname": text(u.Last), "title": text(u.Title),
		"department": text(u.Department), "phone": text(u.Phone), "external_id": text(u.External), "manager_user_id": number(u.Manager), "status": u.Status,
		"state": u.State, "created_at": stamp(u.Created), "updated_at": stamp(u.Updated), "activated_at": stamp(u.Created), "last_login": stamp(u.LastLogin),
		"group_id": number(u.Group), "role_ids": append([]int64{}, u.Roles...), "custom_attributes": custom, "directory_id": nil, "samaccountname": nil,
		"company": nil, "member_of": nil, "locked_until": nil, "distinguished_name": nil,
	}
	if fields == nil {
		return all
	}
	out := make(map[string]any, len(fields))
	for _, f := range fields {
		if v, ok := all[f]; ok {
			out[f] = v
		}
	}
	return out
}

// page cuts a page out of a list by its number, which the cursor holds: base64 of "limit=1000&page=3".
func (s *Server) page(w http.ResponseWriter, q url.Values, total int) (from, to, page int, ok bool) {
	limit, page := s.config.PageSize, 1
	if n, err := strconv.Atoi(q.Get("limit")); err == nil && n > 0 {
		limit = min(n, limit)
	}
	if c := q.Get("cursor"); c != "" {
		b, err := base64.StdEncoding.DecodeString(c)
		v, errQ := url.ParseQuery(string(b))
		n, errN := strconv.Atoi(v.Get("page"))
		if err != nil || errQ != nil || errN != nil || n < 1 {
			fail(w, false, http.StatusUnprocessableEntity, "UnprocessableEntityError", "cursor is not valid")
			return 0, 0, 0, false
		}
		page = n
	}
	from = min((page-1)*limit, total)
	to = min(from+limit, total)
	h := w.Header()
	if to < total {
		h.Set("After-Cursor", base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf("limit=%d&page=%d", limit, page+1))))
	}
	if page > 1 {
		h.Set("Before-Cursor", base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf("limit=%d&page=%d", limit, page-1))))
	}
	if !s.config.NoTotal {
		h.Set("Total-Count", strconv.Itoa(total))
		h.Set("Total-Pages", strconv.Itoa((total+limit-1)/limit))
	}
	h.Set("Current-Page", strconv.Itoa(page))
	h.Set("Page-Items", strconv.Itoa(to-from))
	return from, to, page, true
}

func (s *Server) listUsers(w http.ResponseWriter, _ *http.Request, q url.Values) {
	ids := s.ids
	if v := q.Get("updated_since"); v != "" {
		since, err := time.Parse(time.RFC3339, v)
		if err != nil {
			fail(w, false, http.StatusUnprocessableEntity, "UnprocessableEntityError", "updated_since is not valid")
			return
		}
		ids = nil
		for _, id := range s.ids {
			if !s.users[id].Updated.Before(since) {
				ids = append(ids, id)
			}
		}
	}
	from, to, page, ok := s.page(w, q, len(ids))
	if !ok {
		return
	}
	fields := short()
	if f := q.Get("fields"); f != "" {
		fields = strings.Split(f, ",")
	}
	rows := make([]any, 0, to-from)
	for _, id := range ids[from:to] {
		rows = append(rows, row(s.users[id], fields))
	}
	if s.onPage != nil {
		s.onPage(page)
	}
	answer(w, http.StatusOK, rows)
}

func (s *Server) listRoles(w http.ResponseWriter, q url.Values) {
	from, to, _, ok := s.page(w, q, len(s.config.Roles))
	if !ok {
		return
	}
	rows := make([]any, 0, to-from)
	for _, r := range s.config.Roles[from:to] {
		rows = append(rows, map[string]any{"id": r.ID, "name": r.Name})
	}
	answer(w, http.StatusOK, rows)
}

// listGroups is of version 1: the cursor is in the body.
func (s *Server) listGroups(w http.ResponseWriter, q url.Values) {
	from := 0
	if v := q.Get("after_cursor"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			fail(w, true, http.StatusBadRequest, "bad request", "after_cursor is not valid")
			return
		}
		from = min(n, len(s.config.Groups))
	}
	to := min(from+s.config.PageSize, len(s.config.Groups))
	rows := make([]any, 0, to-from)
	for _, g := range s.config.Groups[from:to] {
		rows = append(rows, map[string]any{"id": g.ID, "name": g.Name, "reference": nil})
	}
	var after any
	if to < len(s.config.Groups) {
		after = strconv.Itoa(to)
	}
	answer(w, http.StatusOK, map[string]any{
		"status":     map[string]any{"error": false, "code": 200, "type": "success", "message": "Success"},
		"pagination": map[string]any{"before_cursor": nil, "after_cursor": after, "previous_link": nil, "next_link": nil},
		"data":       rows,
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// fail gives the error shape of version 2, or that of version 1 and of the token endpoint.
func fail(w http.ResponseWriter, v1 bool, status int, name, message string) {
	if v1 {
		answer(w, status, map[string]any{"status": map[string]any{"error": true, "code": status, "type": name, "message": message}})
		return
	}
	answer(w, status, map[string]any{"statusCode": status, "name": name, "message": message})
}
