// Package oktatest is a faithful loopback server of the part of Okta's management API that contracts/idps.md 2.1 describes, with
// state: what Okta would refuse or leave out, it refuses or leaves out. It knows nothing of iManage or of rollcall's rules.
package oktatest

import (
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"rollcall/clients/wire/wiretest"
)

// Profile is a user's profile: Okta's own attributes, and those that the firm added (office, birthYear, imanageUserId).
type Profile struct {
	Login          string `json:"login"`
	Email          string `json:"email"`
	FirstName      string `json:"firstName"`
	LastName       string `json:"lastName"`
	DisplayName    string `json:"displayName,omitempty"`
	Title          string `json:"title,omitempty"`
	Department     string `json:"department,omitempty"`
	EmployeeNumber string `json:"employeeNumber,omitempty"`
	UserType       string `json:"userType,omitempty"`
	PrimaryPhone   string `json:"primaryPhone,omitempty"`
	ManagerID      string `json:"managerId,omitempty"`
	Office         string `json:"office,omitempty"`
	BirthYear      string `json:"birthYear,omitempty"`
	ImanageUserID  string `json:"imanageUserId,omitempty"`
	ImmutableID    string `json:"immutableId,omitempty"`
}

// User is a user as Okta lists it.
type User struct {
	ID            string     `json:"id"`
	Status        string     `json:"status"`
	Created       time.Time  `json:"created"`
	Activated     *time.Time `json:"activated"`
	StatusChanged *time.Time `json:"statusChanged"`
	LastLogin     *time.Time `json:"lastLogin"`
	LastUpdated   time.Time  `json:"lastUpdated"`
	Profile       Profile    `json:"profile"`
}

// Group is a group with its members' ids.
type Group struct {
	ID      string
	Name    string
	Members []string
	Changed time.Time // when the membership last changed; zero: in 2020
}

// Config is what a server begins with.
type Config struct {
	Users        []User
	Groups       []Group
	Token        string                      // an API token; "": none is taken
	ClientID     string                      // of a service app
	Keys         map[string]crypto.PublicKey // of the service app, by key id
	Scopes       []string                    // granted to the service app
	DPoP         bool                        // the app demands proof of possession
	Forbidden    string                      // a path that the API token's owner may not read
	TokenLife    time.Duration               // 0: 3,600 s
	Now          func() time.Time
	RateLimit    int     // requests a minute and bucket; 0: none
	TokenShare   float64 // of a bucket, that one credential may use: Okta gives a half (contracts/idps.md 2.1); 0: all of it
	RateWindow   time.Duration
	JoinedHeader bool // one comma-joined Link header (RFC 8288) in place of several
}

// Server is the simulator.
type Server struct {
	*wiretest.Stand

	config Config

	mu     sync.Mutex
	users  map[string]*User
	ids    []string // in the order of their creation: the order of the list
	groups []Group
	grants map[string]grant
	used   map[string]bool // jti
	minted int
	rates  map[string]*wiretest.Bucket // by name, and by name and credential
}

// New makes a server.
func New(c Config) *Server {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.RateWindow == 0 {
		c.RateWindow = time.Minute
	}
	if c.TokenLife == 0 {
		c.TokenLife = time.Hour
	}
	s := &Server{
		config: c, users: make(map[string]*User, len(c.Users)), groups: c.Groups, grants: make(map[string]grant), used: make(map[string]bool),
		rates: make(map[string]*wiretest.Bucket),
	}
	for i := range c.Users {
		s.users[c.Users[i].ID] = &c.Users[i]
		s.ids = append(s.ids, c.Users[i].ID)
	}
	s.Stand = wiretest.NewStand(http.HandlerFunc(s.serve), c.Now)
	return s
}

// SetStatus changes a user's status, as an administrator would.
func (s *Server) SetStatus(id, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.users[id]; u != nil {
		now := s.config.Now().UTC()
		u.Status, u.StatusChanged, u.LastUpdated = status, &now, now
	}
}

// Delete removes a user for good.
func (s *Server) Delete(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.users, id)
	s.ids = slices.DeleteFunc(s.ids, func(other string) bool { return other == id })
}

// Put adds or replaces a user.
func (s *Server) Put(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users[u.ID] == nil {
		s.ids = append(s.ids, u.ID)
	}
	s.users[u.ID] = &u
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

// PutGroup adds a group, or changes its members.
func (s *Server) PutGroup(g Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.Changed = s.config.Now().UTC()
	if i := slices.IndexFunc(s.groups, func(other Group) bool { return other.ID == g.ID }); i >= 0 {
		s.groups[i] = g
		return
	}
	s.groups = append(s.groups, g)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	var id [12]byte
	_, _ = rand.Read(id[:])
	w.Header().Set("X-Okta-Request-Id", hex.EncodeToString(id[:]))
	w.Header().Set("Date", s.config.Now().UTC().Format(http.TimeFormat))
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path == "/oauth2/v1/token" && r.Method == http.MethodPost {
		s.serveToken(w, r)
		return
	}
	if !s.allowed(w, r) {
		return
	}
	if !s.take(w, r) {
		fail(w, http.StatusTooManyRequests, "E0000047", "API call exceeded rate limit due to too many requests.")
		return
	}
	parts := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, "/api/v1"), "/"), "/")
	get := r.Method == http.MethodGet
	switch {
	case !strings.HasPrefix(r.URL.Path, "/api/v1/"):
		notFound(w, r.URL.Path)
	case parts[0] == "users" && len(parts) == 1 && get:
		s.listUsers(w, r)
	case parts[0] == "users" && len(parts) == 2 && get:
		if u := s.users[parts[1]]; u != nil {
			answer(w, http.StatusOK, s.row(u))
			return
		}
		notFound(w, parts[1])
	case parts[0] == "users" && len(parts) == 3 && parts[2] == "groups" && get:
		s.groupsOf(w, parts[1])
	case parts[0] == "users" && len(parts) == 4 && parts[2] == "lifecycle" && r.Method == http.MethodPost:
		s.lifecycle(w, parts[1], parts[3])
	case parts[0] == "groups" && len(parts) == 1 && get:
		s.listGroups(w, r)
	case parts[0] == "groups" && len(parts) == 3 && parts[2] == "users" && get:
		s.groupUsers(w, r, parts[1])
	default:
		notFound(w, r.URL.Path)
	}
}

// bucket is in which of Okta's buckets a call is counted: lists of people, single people, lists of groups, single groups.
func bucket(path string) string {
	first, _, single := strings.Cut(strings.Trim(strings.TrimPrefix(path, "/api/v1"), "/"), "/")
	if single {
		return first + "/id"
	}
	return first
}

// take counts a call in its bucket, and in the part of it that the credential may use. The headers tell of the limit that is nearer.
func (s *Server) take(w http.ResponseWriter, r *http.Request) bool {
	if s.config.RateLimit == 0 {
		return true
	}
	name := bucket(r.URL.Path)
	rate := func(key string, limit int) *wiretest.Bucket {
		if s.rates[key] == nil {
			s.rates[key] = &wiretest.Bucket{Limit: limit, Window: s.config.RateWindow, Now: s.config.Now}
		}
		return s.rates[key]
	}
	all := rate(name, s.config.RateLimit)
	ok, left, reset, limit := true, s.config.RateLimit, time.Time{}, s.config.RateLimit
	if s.config.TokenShare > 0 {
		own := rate(name+" "+r.Header.Get("Authorization"), int(s.config.TokenShare*float64(s.config.RateLimit)))
		limit = own.Limit
		ok, left, reset = own.Take()
	}
	if ok {
		if may, rest, end := all.Take(); !may || rest < left {
			ok, left, reset, limit = may, rest, end, all.Limit
		}
	}
	w.Header()["X-Rate-Limit-Limit"] = []string{strconv.Itoa(limit)}
	w.Header()["X-Rate-Limit-Remaining"] = []string{strconv.Itoa(left)}
	w.Header()["X-Rate-Limit-Reset"] = []string{strconv.FormatInt(reset.Unix(), 10)}
	return ok
}

func (s *Server) lifecycle(w http.ResponseWriter, id, verb string) {
	u := s.users[id]
	now := s.config.Now().UTC()
	switch {
	case u == nil:
		notFound(w, id)
	case verb == "suspend" && u.Status == "ACTIVE":
		u.Status, u.StatusChanged, u.LastUpdated = "SUSPENDED", &now, now
		answer(w, http.StatusOK, map[string]any{})
	case verb == "unsuspend" && u.Status == "SUSPENDED":
		u.Status, u.StatusChanged, u.LastUpdated = "ACTIVE", &now, now
		answer(w, http.StatusOK, map[string]any{})
	case verb == "deactivate" && u.Status != "DEPROVISIONED":
		u.Status, u.StatusChanged, u.LastUpdated = "DEPROVISIONED", &now, now
		answer(w, http.StatusOK, map[string]any{})
	default:
		fail(w, http.StatusForbidden, "E0000001", "Api validation failed: "+verb)
	}
}

// row adds what every real answer carries.
func (s *Server) row(u *User) any {
	return struct {
		User
		Type        map[string]string `json:"type"`
		Credentials map[string]any    `json:"credentials"`
		Links       map[string]any    `json:"_links"`
	}{
		*u,
		map[string]string{"id": "otydefault"},
		map[string]any{"provider": map[string]string{"type": "OKTA", "name": "OKTA"}},
		map[string]any{"self": map[string]string{"href": s.URL() + "/api/v1/users/" + u.ID}},
	}
}

// listUsers leaves out the deprovisioned from the plain list and from q; filter and search include them.
func (s *Server) listUsers(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit := 200
	if v := q.Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			fail(w, http.StatusBadRequest, "E0000001", "Api validation failed: limit")
			return
		}
		limit = min(n, 200)
	}
	keep := func(u *User) bool { return u.Status != "DEPROVISIONED" }
	for _, name := range []string{"filter", "search"} {
		if expression := q.Get(name); expression != "" {
			k, ok := parseFilter(expression)
			if !ok {
				fail(w, http.StatusBadRequest, "E0000031", "Invalid search criteria.")
				return
			}
			keep = k
		}
	}
	var rows []*User
	start, ok := s.after(q.Get("after"))
	if !ok {
		fail(w, http.StatusBadRequest, "E0000001", "Api validation failed: after")
		return
	}
	next := ""
	if start < 0 {
		start = 0
	}
	for _, id := range s.ids[start:] {
		u := s.users[id]
		if !keep(u) {
			continue
		}
		if len(rows) == limit {
			next = cursor(rows[limit-1].ID)
			break
		}
		rows = append(rows, u)
	}
	out := make([]any, len(rows))
	for i, u := range rows {
		out[i] = s.row(u)
	}
	s.links(w, r, next)
	answer(w, http.StatusOK, out)
}

// The part of Okta's filter language that is documented for users: eq on a few fields, gt and its kin on lastUpdated.
func parseFilter(expression string) (func(*User) bool, bool) {
	m := regexp.MustCompile(`^(status|lastUpdated|id|profile\.login|profile\.email) (eq|gt|ge|lt|le) "([^"]*)"$`).FindStringSubmatch(expression)
	if m == nil {
		return nil, false
	}
	field, op, value := m[1], m[2], m[3]
	if field == "lastUpdated" {
		at, err := time.Parse(time.RFC3339, value)
		return func(u *User) bool {
			switch c := u.LastUpdated.Compare(at); op {
			case "gt":
				return c > 0
			case "ge":
				return c >= 0
			case "lt":
				return c < 0
			case "le":
				return c <= 0
			default:
				return c == 0
			}
		}, err == nil
	}
	if op != "eq" {
		return nil, false
	}
	return func(u *User) bool {
		switch field {
		case "status":
			return u.Status == value
		case "id":
			return u.ID == value
		case "profile.login":
			return u.Profile.Login == value
		default:
			return u.Profile.Email == value
		}
	}, true
}

func cursor(id string) string { return base64.RawURLEncoding.EncodeToString([]byte("after:" + id)) }

func (s *Server) after(cursor string) (int, bool) {
	if cursor == "" {
		return 0, true
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	id, found := strings.CutPrefix(string(b), "after:")
	if err != nil || !found {
		return 0, false
	}
	return slices.Index(s.ids, id) + 1, true
}

// links writes several Link headers, self first, as Okta does, or one joined by commas.
func (s *Server) links(w http.ResponseWriter, r *http.Request, next string) {
	self := s.URL() + r.URL.RequestURI()
	links := []string{fmt.Sprintf(`<%s>; rel="self"`, self)}
	if next != "" {
		q := r.URL.Query()
		q.Set("after", next)
		u := url.URL{Path: r.URL.Path, RawQuery: q.Encode()}
		links = append(links, fmt.Sprintf(`<%s>; rel="next"`, s.URL()+u.RequestURI()))
	}
	if s.config.JoinedHeader {
		links = []string{strings.Join(links, ", ")}
	}
	w.Header()["Link"] = links
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func fail(w http.ResponseWriter, status int, code, summary string) {
	answer(w, status, map[string]any{
		"errorCode": code, "errorSummary": summary, "errorLink": code, "errorId": "oae" + code, "errorCauses": []any{},
	})
}

func notFound(w http.ResponseWriter, what string) {
	fail(w, http.StatusNotFound, "E0000007", "Not found: Resource not found: "+what)
}
