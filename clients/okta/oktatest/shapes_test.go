package oktatest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"rollcall/clients/okta"
	"rollcall/clients/okta/oktatest"
	"rollcall/clients/wire"
	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
)

// described loads Okta's own description (testdata/SOURCE.txt). contracts/idps.md 4.1 tells why it is not validated itself.
func described(t *testing.T) routers.Router {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("../testdata/management-users-groups-logs.json")
	if err != nil {
		t.Fatal(err)
	}
	doc.Servers = nil
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return router
}

// checker holds every request and answer of a client against the description.
type checker struct {
	t       *testing.T
	router  routers.Router
	next    http.RoundTripper
	checked map[string]int
	spoil   func([]byte) []byte
	faults  int
}

func (c *checker) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	plain := r.Clone(r.Context())
	plain.URL.Scheme, plain.URL.Host, plain.Host = "", "", ""
	route, params, err := c.router.FindRoute(plain)
	if err != nil {
		c.t.Errorf("%s %s is in no description: %v", r.Method, r.URL.Path, err)
		return answer, nil
	}
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, MultiError: true, IncludeResponseStatus: true}
	in := &openapi3filter.RequestValidationInput{Request: plain, PathParams: params, Route: route, Options: options}
	if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
		c.t.Errorf("request %s: %v", r.URL.Path, err)
	}
	if c.spoil != nil {
		body = c.spoil(body)
	}
	err = openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: answer.StatusCode, Header: answer.Header, Body: io.NopCloser(bytes.NewReader(body)), Options: options,
	})
	if err != nil && !allowed(err) {
		c.faults++
		if c.spoil == nil {
			c.t.Errorf("answer %s: %v", r.URL.Path, err)
		}
	}
	c.checked[r.Method+" "+route.Path]++
	return answer, nil
}

// allowed are the nulls that Okta's own answers hold and its description forbids (contracts/idps.md 3, weaknesses).
func allowed(err error) bool {
	var many openapi3.MultiError
	if errors.As(err, &many) {
		for _, e := range many {
			if !allowed(e) {
				return false
			}
		}
		return true
	}
	text := err.Error()
	return strings.Contains(text, "Value is not nullable") && (strings.Contains(text, "lastLogin") || strings.Contains(text, "activated") || strings.Contains(text, "statusChanged"))
}

func firm(n int) oktatest.Config {
	now := time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)
	c := oktatest.Config{Token: "t"}
	statuses := []string{"ACTIVE", "STAGED", "PROVISIONED", "RECOVERY", "PASSWORD_EXPIRED", "LOCKED_OUT", "SUSPENDED", "DEPROVISIONED"}
	var members []string
	for i := range n {
		id := fmt.Sprintf("00u%017d", i)
		changed := now
		c.Users = append(c.Users, oktatest.User{
			ID: id, Status: statuses[i%len(statuses)], Created: now, LastUpdated: now, StatusChanged: &changed, Activated: &changed,
			Profile: oktatest.Profile{Login: fmt.Sprintf("u%d@x.example", i), Email: fmt.Sprintf("u%d@x.example", i), FirstName: "U", LastName: fmt.Sprint(i), Office: "London", Department: "Tax"},
		})
		members = append(members, id)
	}
	c.Groups = []oktatest.Group{{ID: "00g1", Name: "Tax", Members: members}}
	return c
}

func read(t *testing.T, s *oktatest.Server, transport http.RoundTripper) ([]provisioning.Person, provisioning.ReadEvidence, *okta.Client) {
	t.Helper()
	c, err := okta.New(okta.Options{Name: "okta", URL: s.URL(), Token: provisioning.NewSecret("t"), AllowLoopbackHTTP: true, Groups: true, Transport: transport, Limits: wire.Limits{Tries: 3, Pages: 50}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	var people []provisioning.Person
	evidence, err := c.ReadAll(context.Background(), func(chunk []provisioning.Person) error {
		people = append(people, chunk...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return people, evidence, c
}

// TestDescribed: every request of the client and every answer of the simulator agree with Okta's own description, and a deliberate
// deviation is found.
func TestDescribed(t *testing.T) {
	s := oktatest.New(firm(450))
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := &checker{t: t, router: described(t), next: http.DefaultTransport, checked: make(map[string]int)}
	people, evidence, client := read(t, s, c)
	if len(people) != 450 || !provisioning.Prove(evidence, -1, 0, nil).Complete {
		t.Errorf("%d people, %+v", len(people), evidence)
	}
	if p, found, err := client.Lookup(context.Background(), people[0].Key.ID); err != nil || !found || p.Key != people[0].Key {
		t.Errorf("%v, %v", found, err)
	}
	if _, found, err := client.Lookup(context.Background(), "00uNobody"); err != nil || found {
		t.Errorf("%v, %v", found, err)
	}
	if len(c.checked) < 4 {
		t.Errorf("only %v", c.checked)
	}
	t.Logf("operations held against the description: %v", c.checked)
	spoiled := &checker{t: t, router: c.router, next: http.DefaultTransport, checked: make(map[string]int), spoil: func(b []byte) []byte {
		return bytes.Replace(b, []byte(`"status":"ACTIVE"`), []byte(`"status":"AWAY"`), 1)
	}}
	read(t, s, spoiled)
	if spoiled.faults == 0 {
		t.Error("a deliberate deviation was not found")
	}
}

// TestStatuses: every status is mapped, the deprovisioned are read though the plain list omits them, groups come along, both forms of
// the Link header are understood.
func TestStatuses(t *testing.T) {
	for _, joined := range []bool{false, true} {
		config := firm(800)
		config.JoinedHeader = joined
		s := oktatest.New(config)
		if err := s.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		people, _, _ := read(t, s, nil)
		counts := make(map[provisioning.Status]int)
		for _, p := range people {
			counts[p.Status]++
			if len(p.Groups) != 1 || p.Office != "London" || p.SSOName == "" {
				t.Fatalf("%+v", p)
			}
		}
		if counts[provisioning.StatusActive] != 400 || counts[provisioning.StatusPending] != 200 || counts[provisioning.StatusSuspended] != 100 || counts[provisioning.StatusDeprovisioned] != 100 {
			t.Errorf("joined %v: %v", joined, counts)
		}
		s.Close()
	}
}

// ahead is a clock that nobody waits on: a sleep moves it, and is noted. Okta's own clock runs two minutes ahead of it.
type ahead struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func (c *ahead) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *ahead) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.slept = append(c.slept, d)
	return ctx.Err()
}

func (c *ahead) okta() time.Time { return c.Now().Add(2 * time.Minute) }

// greedy is a transport behind which somebody else uses the same token: after each of the first answers about people they call until
// nothing is left of the minute, which no answer has told our client of.
type greedy struct {
	times   int
	refused int // how often our own client was
}

func (g *greedy) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || r.URL.Path != "/api/v1/users" {
		return answer, err
	}
	if answer.StatusCode == http.StatusTooManyRequests {
		g.refused++
		return answer, nil
	}
	for more := g.times > 0; more; {
		other, err := http.DefaultTransport.RoundTrip(r.Clone(context.Background()))
		if err != nil {
			return nil, err
		}
		other.Body.Close()
		more = other.StatusCode == http.StatusOK
	}
	g.times--
	return answer, nil
}

// TestThrottled: a 429 is waited out by Okta's clock and not by ours, which is two minutes behind, and the read is whole.
func TestThrottled(t *testing.T) {
	clock := &ahead{now: time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)}
	config := firm(450)
	config.Now, config.RateLimit = clock.okta, 8
	s := oktatest.New(config)
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const times = 2
	others := &greedy{times: times}
	c, err := okta.New(okta.Options{
		Name: "okta", URL: s.URL(), Token: provisioning.NewSecret("t"), AllowLoopbackHTTP: true, Groups: true, Transport: others, Clock: clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	people := 0
	evidence, err := c.ReadAll(context.Background(), func(chunk []provisioning.Person) error {
		people += len(chunk)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if proof := provisioning.Prove(evidence, -1, 0, nil); people != 450 || !proof.Complete {
		t.Errorf("%d people: %s", people, proof.Reason)
	}
	if others.refused != times {
		t.Errorf("refused %d times, want once for each minute that somebody else used up: %d", others.refused, times)
	}
	// Reset less Date, and a second: by our own clock it would be two minutes more.
	for _, d := range clock.slept {
		if d < time.Second || d > 61*time.Second {
			t.Errorf("waited %s for a window of a minute", d)
		}
	}
	if len(clock.slept) != times {
		t.Errorf("waited %d times: %s", len(clock.slept), clock.slept)
	}
}

// TestBadToken: a refused token is said in words that tell what to do, and is in no message.
func TestBadToken(t *testing.T) {
	config := firm(10)
	config.Token = "another"
	s := oktatest.New(config)
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, evidence, _ := read(t, s, nil)
	if !strings.Contains(evidence.Failure, "refused the token") || evidence.EndMarker {
		t.Errorf("%+v", evidence)
	}
	s.Bench().Inject(wiretest.Fault{Kind: wiretest.HTML})
	if _, evidence, _ = read(t, s, nil); evidence.Failure == "" {
		t.Error("a login page was taken for people")
	}
}
