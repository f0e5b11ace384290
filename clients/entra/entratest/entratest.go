// Package entratest is a faithful loopback server of the part of Microsoft's sign-in and Graph v1.0 that contracts/idps.md 2.2
// describes, with state: permissions, a change log behind the delta, deleted people, nested groups, resource units. It knows
// nothing of iManage or of rollcall's rules.
package entratest

import (
	"crypto"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"rollcall/clients/wire/wiretest"
)

// User is a user as Graph holds it. Empty strings are null on the wire.
type User struct {
	ID          string
	UPN         string
	Mail        string
	DisplayName string
	GivenName   string
	Surname     string
	Enabled     bool
	Guest       bool
	Created     time.Time
	Department  string
	JobTitle    string
	Office      string
	Company     string
	EmployeeID  string
	Kind        string // employeeType
	Hired       time.Time
	Leaves      time.Time
	Phone       string
	Proxies     []string
	ImmutableID string // onPremisesImmutableId
	SAM         string // onPremisesSamAccountName
	Extension   map[string]string
	Manager     string // an id
	SignedIn    time.Time
	Deleted     time.Time // in deletedItems since; zero: not deleted
}

// Group is a group: the ids of its people and of the groups nested in it.
type Group struct {
	ID      string
	Name    string
	Members []string
	Nested  []string
}

// Config is what a tenant begins with.
type Config struct {
	Users    []User
	Groups   []Group
	Tenant   string
	ClientID string
	Secret   string
	// Keys are the public halves that the application's certificates hold, by their SHA-256 thumbprint (base64url).
	Keys map[string]crypto.PublicKey
	// Rights are the permissions that were granted; nil: all of them. User.ReadBasic.All gives people without their status.
	Rights    []string
	Basic     bool // no P1 licence: no sign-in activity
	Now       func() time.Time
	TokenLife time.Duration // 0: 3,599 s
	Units     int           // resource units that the bucket holds, and that flow into it in ten seconds; 0: unlimited
	Replay    bool          // a delta tells everything twice, as Graph may
	EmptyPage bool          // the second page of a listing is empty and has a next link
	PageSize  int           // of a delta; 0: 200
}

// change is an entry of the log behind the delta.
type change struct {
	at     int64
	id     string
	fields []string // what changed; nil: everything
	reason string   // of a removal: changed, deleted
	gone   []string // members that left; of a user, managers
	came   []string // members that came
}

// Server is the simulator.
type Server struct {
	*wiretest.Stand

	config Config

	mu       sync.Mutex
	users    map[string]*User
	ids      []string
	groups   map[string]*Group
	groupIDs []string
	tokens   map[string]time.Time
	refresh  map[string]bool
	device   map[string]bool // device code → approved
	used     map[string]bool // jti
	version  int64
	oldest   int64 // changes before it are forgotten
	log      []change
	groupLog []change
	parents  map[string][]string // group or user id → the groups that hold it directly
	filled   time.Time           // when units was last looked at
	units    float64             // in the bucket
	minted   int
}

// New makes a server.
func New(c Config) *Server {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.TokenLife == 0 {
		c.TokenLife = 3599 * time.Second
	}
	if c.PageSize == 0 {
		c.PageSize = 200
	}
	s := &Server{
		config: c, users: make(map[string]*User, len(c.Users)), groups: make(map[string]*Group), tokens: make(map[string]time.Time),
		refresh: make(map[string]bool), device: make(map[string]bool), used: make(map[string]bool), parents: make(map[string][]string),
	}
	for i := range c.Users {
		s.users[c.Users[i].ID] = &c.Users[i]
		s.ids = append(s.ids, c.Users[i].ID)
	}
	for i := range c.Groups {
		g := &c.Groups[i]
		s.groups[g.ID] = g
		s.groupIDs = append(s.groupIDs, g.ID)
	}
	s.tie()
	s.Stand = wiretest.NewStand(http.HandlerFunc(s.serve), c.Now)
	return s
}

// tie finds which groups hold whom. The caller holds mu or is alone.
func (s *Server) tie() {
	clear(s.parents)
	for _, id := range s.groupIDs {
		g := s.groups[id]
		for _, m := range slices.Concat(g.Members, g.Nested) {
			s.parents[m] = append(s.parents[m], id)
		}
	}
}

func (s *Server) may(right string) bool {
	return s.config.Rights == nil || slices.Contains(s.config.Rights, right)
}

// Put adds or replaces a user, as an administrator would; the delta tells what changed.
func (s *Server) Put(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.users[u.ID]
	var fields, gone []string
	if old != nil {
		fields = []string{}
		for _, f := range properties() {
			if a, b := f.get(s, old), f.get(s, &u); !same(a, b) {
				fields = append(fields, f.name)
			}
		}
		if old.Manager != u.Manager {
			fields = append(fields, "manager")
			if old.Manager != "" {
				gone = []string{old.Manager}
			}
		}
	} else {
		s.ids = append(s.ids, u.ID)
	}
	s.users[u.ID] = &u
	s.version++
	s.log = append(s.log, change{at: s.version, id: u.ID, fields: fields, gone: gone})
}

func same(a, b any) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && string(x) == string(y)
}

// User gives a user as it stands.
func (s *Server) User(id string) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[id]
	if u == nil {
		return User{}, false
	}
	return *u, true
}

// Delete moves a user to the deleted items, from which it can be restored for 30 days.
func (s *Server) Delete(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.users[id]; u != nil {
		u.Deleted = s.config.Now().UTC()
		s.version++
		s.log = append(s.log, change{at: s.version, id: id, reason: "changed"})
	}
}

// Purge deletes a user for good, and with them their memberships.
func (s *Server) Purge(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.users, id)
	s.ids = slices.DeleteFunc(s.ids, func(other string) bool { return other == id })
	s.version++
	s.log = append(s.log, change{at: s.version, id: id, reason: "deleted"})
	for _, g := range s.groups {
		if slices.Contains(g.Members, id) {
			g.Members = slices.DeleteFunc(slices.Clone(g.Members), func(m string) bool { return m == id })
			s.groupLog = append(s.groupLog, change{at: s.version, id: g.ID, fields: []string{}, gone: []string{id}})
		}
	}
	s.tie()
}

// PutGroup adds or replaces a group.
func (s *Server) PutGroup(g Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := change{id: g.ID}
	if old := s.groups[g.ID]; old != nil {
		c.fields = []string{}
		if old.Name != g.Name {
			c.fields = append(c.fields, "displayName")
		}
		before, after := slices.Concat(old.Members, old.Nested), slices.Concat(g.Members, g.Nested)
		c.gone = without(before, after)
		c.came = without(after, before)
	} else {
		s.groupIDs = append(s.groupIDs, g.ID)
		c.came = slices.Concat(g.Members, g.Nested)
	}
	s.groups[g.ID] = &g
	s.tie()
	s.version++
	c.at = s.version
	s.groupLog = append(s.groupLog, c)
}

func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
}

// ForgetChanges makes every delta token that was given so far too old: seven days have passed.
func (s *Server) ForgetChanges() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	s.oldest = s.version
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

// ApproveDevices approves every device sign-in that is waiting: the operator typed the code.
func (s *Server) ApproveDevices() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for code := range s.device {
		s.device[code] = true
	}
}

// transitive lists the people and groups under a group, nested ones too.
func (s *Server) transitive(id string) (people, groups []string) {
	seen := map[string]bool{id: true}
	member := make(map[string]bool)
	queue := []string{id}
	for len(queue) > 0 {
		g := s.groups[queue[0]]
		queue = queue[1:]
		if g == nil {
			continue
		}
		for _, m := range g.Members {
			if !member[m] {
				member[m] = true
				people = append(people, m)
			}
		}
		for _, n := range g.Nested {
			if !seen[n] {
				seen[n] = true
				groups = append(groups, n)
				queue = append(queue, n)
			}
		}
	}
	return people, groups
}

// above lists the groups over a user, through nesting where asked.
func (s *Server) above(id string, through bool) []string {
	seen := make(map[string]bool)
	queue := slices.Clone(s.parents[id])
	for len(queue) > 0 {
		g := queue[0]
		queue = queue[1:]
		if seen[g] {
			continue
		}
		seen[g] = true
		if through {
			queue = append(queue, s.parents[g]...)
		}
	}
	list := slices.Collect(maps.Keys(seen))
	slices.Sort(list)
	return list
}

func random() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.config.Now().UTC().Format(http.TimeFormat))
	s.mu.Lock()
	defer s.mu.Unlock()
	path, graph := strings.CutPrefix(r.URL.Path, "/v1.0/")
	if !graph {
		s.serveLogin(w, r)
		return
	}
	w.Header().Set("Request-Id", random())
	until, ok := s.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if !ok || s.config.Now().After(until) {
		s.fail(w, http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.")
		return
	}
	if !s.spend(w, r, path) {
		return
	}
	s.serveGraph(w, r, path)
}

// spend takes a request's resource units out of the bucket, which fills again all the time (contracts/idps.md 2.2): two for people,
// three for members, five through nesting; one less with $select, one more with $expand, one less for less than twenty rows, never
// less than one.
func (s *Server) spend(w http.ResponseWriter, r *http.Request, path string) bool {
	if s.config.Units == 0 {
		return true
	}
	cost := Units(path, r.URL.Query())
	const window = 10 * time.Second
	now, most := s.config.Now(), float64(s.config.Units)
	perSecond := most / window.Seconds()
	if s.filled.IsZero() {
		s.units = most
	} else {
		s.units = min(most, s.units+now.Sub(s.filled).Seconds()*perSecond)
	}
	s.filled = now
	if s.units < float64(cost) {
		missing := (float64(cost) - s.units) / perSecond
		w.Header().Set("Retry-After", seconds(time.Duration(missing*float64(time.Second))))
		s.fail(w, http.StatusTooManyRequests, "TooManyRequests", "Too many requests")
		return false
	}
	s.units -= float64(cost)
	w.Header().Set("X-Ms-Resource-Unit", itoa(cost))
	const told = 0.8
	if used := 1 - s.units/most; used > told {
		w.Header().Set("X-Ms-Throttle-Limit-Percentage", strconv.FormatFloat(used, 'f', 2, 64))
	}
	return true
}

// Units is what a request costs, by its path under /v1.0/ and its query.
func Units(path string, q url.Values) int {
	cost := 2
	switch {
	case strings.HasSuffix(path, "/members"), strings.HasSuffix(path, "/memberOf"):
		cost = 3
	case strings.HasSuffix(path, "/transitiveMembers"), strings.HasSuffix(path, "/transitiveMemberOf"):
		cost = 5
	}
	if q.Has("$select") {
		cost--
	}
	if q.Has("$expand") {
		cost++
	}
	const few = 20
	if n, err := strconv.Atoi(q.Get("$top")); err == nil && n < few {
		cost--
	}
	return max(cost, 1)
}
