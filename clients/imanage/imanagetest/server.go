package imanagetest

import (
	"bytes"
	"crypto/rand"
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

// Server is the simulator.
type Server struct {
	*wiretest.Stand

	config Config
	bucket *wiretest.Bucket

	mu          sync.Mutex
	users       map[string]*User
	ids         []string // sorted
	emails      map[string]string
	libraries   []*Library
	groups      map[string]*Group
	globalRoles map[string]map[string]bool
	effects     map[string]int
	tokens      map[string]time.Time // → last used
	refresh     map[string]bool
	nextNum     int64
	events      []event
	forgotten   int // events before this number are no longer known
	missing     []missing
	late        map[[2]string]time.Time        // a library and a user: until when its record says that a closed account may sign in
	spelt       map[string]map[speltRow][]byte // rows of users as JSON, until the user changes
}

// tokenLife is how long a token lives without being used (contracts/imanage.md 2).
const tokenLife = 1800 * time.Second

// New makes a server of a configuration, which it takes over.
func New(c Config) *Server {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.MostPage == 0 {
		c.MostPage = 9999
	}
	if c.MostEvents == 0 {
		c.MostEvents = 500
	}
	if c.RateWindow == 0 {
		c.RateWindow = time.Second
	}
	if c.Apps == nil {
		c.Apps = []App{{ID: c.ClientID, Name: "rollcall", Status: "enabled", Type: "native"}}
	}
	s := &Server{
		config: c, users: make(map[string]*User, len(c.Users)), emails: make(map[string]string, len(c.Users)), libraries: c.Libraries,
		groups: make(map[string]*Group), globalRoles: c.GlobalRoles, effects: make(map[string]int),
		tokens: make(map[string]time.Time), refresh: make(map[string]bool), ids: make([]string, 0, len(c.Users)), missing: parseUnsupported(c.Unsupported), late: make(map[[2]string]time.Time), spelt: make(map[string]map[speltRow][]byte),
	}
	if s.globalRoles == nil {
		s.globalRoles = make(map[string]map[string]bool)
	}
	for i := range c.Users {
		u := &c.Users[i]
		u.ID = strings.ToUpper(u.ID)
		s.nextNum = max(s.nextNum, u.Num)
		s.users[u.ID] = u
		s.ids = append(s.ids, u.ID)
		s.emails[strings.ToLower(u.Email)] = u.ID
	}
	slices.Sort(s.ids)
	for _, g := range c.Groups {
		if g.Members == nil {
			g.Members = make(map[string]bool)
		}
		s.groups[g.ID] = g
	}
	for _, l := range s.libraries {
		l.prepare(s.users)
	}
	s.bucket = &wiretest.Bucket{Limit: c.RateLimit, Window: c.RateWindow, Now: c.Now}
	s.Stand = wiretest.NewStand(http.HandlerFunc(s.serve), c.Now)
	return s
}

func (l *Library) prepare(users map[string]*User) {
	if l.Type == "" {
		l.Type = "worksite"
	}
	if l.Members == nil {
		l.Members = make(map[string]string)
	}
	if l.Groups == nil {
		l.Groups = make(map[string]*Group)
	}
	l.Logon = make(map[string]bool, len(l.Members))
	for u := range l.Members {
		if user := users[u]; user != nil {
			l.Logon[u] = user.AllowLogon
		}
	}
	for _, g := range l.Groups {
		if g.Members == nil {
			g.Members = make(map[string]bool)
		}
	}
	for _, ws := range l.Workspaces {
		ws.Owner = strings.ToUpper(ws.Owner)
		if ws.DefaultSecurity == "" {
			ws.DefaultSecurity = "private"
		}
	}
}

func (s *Server) now() time.Time { return s.config.Now().UTC() }

// ExpireTokens makes every token given out useless, as a restart or an administrator would.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = make(map[string]time.Time)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.now().Format(http.TimeFormat))
	if r.URL.Path == "/auth/oauth2/token" || r.URL.Path == "/auth/oauth2/revoke-token" {
		s.auth(w, r)
		return
	}
	ok, remaining, reset := s.bucket.Take()
	wait := int(reset.Sub(s.now()).Seconds() + 0.999)
	if s.config.RateLimit > 0 {
		w.Header().Set("X-Ratelimit-Remaining", strconv.Itoa(remaining))
		w.Header().Set("X-Ratelimit-Reset", strconv.Itoa(wait))
	}
	if !ok {
		w.Header().Set("X-Ratelimit-Retryafter", strconv.Itoa(wait))
		fail(w, http.StatusTooManyRequests, "NRC_THROTTLED", "too many requests")
		return
	}
	if !s.admitted(r.Header.Get("X-Auth-Token")) {
		fail(w, http.StatusUnauthorized, "NRC_NOT_AUTHENTICATED", "the token is unknown or has expired")
		return
	}
	path := strings.TrimPrefix(strings.TrimPrefix(r.URL.EscapedPath(), "/work"), "/platform")
	if path == "/api" {
		s.discovery(w)
		return
	}
	rest, found := strings.CutPrefix(path, fmt.Sprintf("/api/v2/customers/%d/", s.config.CustomerID))
	if !found {
		fail(w, http.StatusNotFound, "NRC_NOT_FOUND", "no such resource")
		return
	}
	var parts []string
	for p := range strings.SplitSeq(rest, "/") {
		segment, err := url.PathUnescape(p)
		if err != nil {
			fail(w, http.StatusBadRequest, "NRC_INVALID_PARAM", "the path cannot be read")
			return
		}
		parts = append(parts, segment)
	}
	if s.unsupported(w, r.Method, strings.Join(parts, "/")) {
		return
	}
	if r.Method != http.MethodGet && s.config.EffectDelay > 0 {
		pause(s.config.EffectDelay)
	}
	said := newReply()
	s.route(said, r, parts)
	said.send(w)
	if r.Method != http.MethodGet && s.config.AnswerDelay > 0 {
		pause(s.config.AnswerDelay)
	}
}

// reply is an answer as it is put together while the server's state is held: nobody waits for it to be spelt out and sent. What it holds
// are copies.
type reply struct {
	header http.Header
	status int
	value  any // nil: body is what was written
	body   bytes.Buffer
}

func newReply() *reply { return &reply{header: make(http.Header), status: http.StatusOK} }

func (r *reply) Header() http.Header         { return r.header }
func (r *reply) WriteHeader(status int)      { r.status = status }
func (r *reply) Write(p []byte) (int, error) { return r.body.Write(p) }

func (r *reply) send(w http.ResponseWriter) {
	for k, v := range r.header {
		w.Header()[k] = v
	}
	switch v := r.value.(type) {
	case nil:
	case listed:
		v.write(&r.body)
	default:
		_ = json.NewEncoder(&r.body).Encode(v)
	}
	w.Header().Set("Content-Length", strconv.Itoa(r.body.Len()))
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body.Bytes())
}

// pause keeps a request in the server, whatever the client does meanwhile.
func pause(d time.Duration) { <-time.After(d) }

func (s *Server) admitted(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, known := s.tokens[token]
	if !known || s.now().Sub(last) > tokenLife {
		delete(s.tokens, token)
		return false
	}
	s.tokens[token] = s.now()
	return true
}

func (s *Server) auth(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.Method != http.MethodPost {
		fail(w, http.StatusBadRequest, "NRC_INVALID_PARAM", "a form is expected")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := r.PostForm
	if strings.HasSuffix(r.URL.Path, "revoke-token") {
		delete(s.tokens, f.Get("access_token"))
		answer(w, http.StatusOK, map[string]any{})
		return
	}
	switch f.Get("grant_type") {
	case "password":
		if f.Get("username") != s.config.Username || f.Get("password") != s.config.Password ||
			f.Get("client_id") != s.config.ClientID || f.Get("client_secret") != s.config.ClientSecret {
			loginFailed(w)
			return
		}
	case "refresh_token":
		if !s.config.AllowRefresh || !s.refresh[f.Get("refresh_token")] {
			loginFailed(w)
			return
		}
	default:
		fail(w, http.StatusBadRequest, "NRC_INVALID_PARAM", "the grant type is not supported")
		return
	}
	token := random()
	s.tokens[token] = s.now()
	body := map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": int(tokenLife.Seconds()), "scope": "admin"}
	if s.config.AllowRefresh {
		refresh := random()
		s.refresh[refresh] = true
		body["refresh_token"] = refresh
	}
	answer(w, http.StatusOK, body)
}

func random() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func loginFailed(w http.ResponseWriter) {
	answer(w, http.StatusUnauthorized, map[string]any{"error": map[string]any{"code": "LoginFailed", "message": "User ID or Password is incorrect"}})
}

func (s *Server) discovery(w http.ResponseWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var libraries []map[string]any
	for _, l := range s.libraries {
		libraries = append(libraries, map[string]any{"alias": l.ID, "type": l.Type, "region": "near", "is_hidden": l.Hidden})
	}
	u := s.users[s.config.ServiceUser]
	if u == nil {
		u = &User{ID: s.config.ServiceUser}
	}
	answer(w, http.StatusOK, map[string]any{"data": map[string]any{
		"auth_status": "authenticated", "dms_version": "10.5.0.1", "capabilities": []string{}, "app": map[string]any{"id": s.config.ClientID},
		"user":     map[string]any{"customer_id": s.config.CustomerID, "id": u.ID, "name": u.FullName, "email": u.Email, "ssid": u.SSID, "user_type": "virtual"},
		"versions": []map[string]any{{"name": "v2", "version": "2.1.1630", "url": "/work/api/v2"}},
		"work":     map[string]any{"preferred_library": u.PreferredLibrary, "libraries": libraries},
	}})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if r, ok := w.(*reply); ok {
		r.value = body
		return
	}
	_ = json.NewEncoder(w).Encode(body)
}

// fail answers with the error envelope of contracts/imanage.md 4.4.
func fail(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, map[string]any{"error": map[string]any{
		"code": code, "code_message": message, "dms_version": "10.5.0.1", "transaction": random(), "messages": []any{},
	}})
}

func noRecord(w http.ResponseWriter) {
	fail(w, http.StatusNotFound, "NRC_NO_RECORD", "the object does not exist")
}
