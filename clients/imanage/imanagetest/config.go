package imanagetest

import (
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// Config is what a server begins with.
type Config struct {
	CustomerID  int
	Users       []User
	Libraries   []*Library
	Groups      []*Group                   // global
	GlobalRoles map[string]map[string]bool // role → members
	Apps        []App                      // registered applications; nil: the client's own, enabled
	SSO         SSO

	Username, Password, ClientID, ClientSecret string
	ServiceUser                                string // the user id that the credentials sign in as
	AllowRefresh                               bool
	OnPrem                                     bool // no global level
	AllowRemoval                               bool // DELETE of a library user works; unconfirmed by any public source
	// Removal is what such a DELETE does: "" what one would expect, "everywhere" takes the user out of every library, "disables" also
	// closes the account, "nothing" is answered 200 and does nothing.
	Removal string
	// Unsupported are calls that this tenant does not have: "METHOD path [status]", the path below customers/{c}/ as a pattern of
	// path.Match, in which a * stands for one segment. The status is 405 where none is given; 404 is answered with the error envelope of
	// an unknown resource, "404-html" with a gateway's page.
	Unsupported []string

	Now         func() time.Time
	Journal     io.Writer     // every effect is written here as a JSON line, at the moment it takes place
	EffectDelay time.Duration // before a write takes effect
	AnswerDelay time.Duration // after it
	// LogonLag is how long after an account was closed its libraries' own records still say that it may sign in (contracts/imanage.md 3:
	// up to eight hours); none on premises. It is by Now.
	LogonLag   time.Duration
	RateLimit  int // requests a RateWindow; 0: none
	RateWindow time.Duration
	MostPage   int // answers say overflow above it; 0: 9999
	MostEvents int // change events an answer; 0: 500
}

// App is a registered application (contracts/imanage.md 3).
type App struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Status string `json:"status"` // available, disabled, enabled
	Type   string `json:"type"`
}

// SSO is the tenant's sign-in (contracts/imanage.md 3).
type SSO struct {
	Kind      string // saml, oidc; "": none
	Seamless  bool
	LoginHint bool
}

// missing is a call that the tenant does not have.
type missing struct {
	method, pattern, status string
}

func parseUnsupported(lines []string) []missing {
	list := make([]missing, 0, len(lines))
	for _, line := range lines {
		fields := strings.Fields(line)
		if len(fields) < 2 || len(fields) > 3 {
			panic(fmt.Sprintf("imanagetest: Unsupported %q is not METHOD path [status]", line))
		}
		m := missing{fields[0], fields[1], "405"}
		if len(fields) == 3 {
			m.status = fields[2]
		}
		list = append(list, m)
	}
	return list
}

// Lack has the tenant do without these calls from now on, each as in Config.Unsupported; without any it has all of them again.
func (s *Server) Lack(calls ...string) {
	list := parseUnsupported(calls)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missing = list
}

// unsupported answers a call that the tenant does not have, and reports whether it was one. rest is the path below customers/{c}/, as
// its segments read.
func (s *Server) unsupported(w http.ResponseWriter, method, rest string) bool {
	s.mu.Lock()
	list := s.missing
	s.mu.Unlock()
	for _, m := range list {
		if ok, err := path.Match(m.pattern, rest); err != nil || !ok || m.method != method {
			continue
		}
		switch m.status {
		case "405":
			notAllowed(w)
		case "404":
			fail(w, http.StatusNotFound, "NRC_NOT_FOUND", "no such resource")
		case "404-html":
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, "<html><body>Not Found</body></html>")
		default:
			status, err := strconv.Atoi(m.status)
			if err != nil {
				panic("imanagetest: Unsupported: " + m.status + " is no status")
			}
			fail(w, status, "NRC_REFUSED", "the call is refused here")
		}
		return true
	}
	return false
}
