package oktatest_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/clients/okta"
	"rollcall/clients/okta/oktatest"
	"rollcall/clients/wire"
	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
)

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
