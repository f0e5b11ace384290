package demofirm_test

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/clients/demofirm"
	"rollcall/clients/entra"
	"rollcall/clients/entra/entratest"
	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
)

// virtual is a clock that moves only when somebody sleeps on it, or when a request is on its way. One walker alone may use it: who
// sleeps moves it for everybody.
type virtual struct {
	mu    sync.Mutex
	now   time.Time
	awoke time.Time // when a sleep last ended
}

func (v *virtual) Now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

func (v *virtual) Sleep(ctx context.Context, d time.Duration) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now = v.now.Add(max(d, 0))
	v.awoke = v.now
	return ctx.Err()
}

// travel is how long a request is under way on the virtual clock.
const travel = 20 * time.Millisecond

func (v *virtual) RoundTrip(r *http.Request) (*http.Response, error) {
	v.mu.Lock()
	v.now = v.now.Add(travel)
	v.mu.Unlock()
	return http.DefaultTransport.RoundTrip(r)
}

// allowance is what a vendor lets one client do, as the simulator enforces it.
type allowance struct {
	scale     float64 // of the published limit
	limit     float64 // of a window, in requests or, with Graph, in resource units
	window    time.Duration
	perSecond float64 // that the client is told, where no answer's headers tell it
	step      float64 // what one request of such a client costs at most
}

// allowances: the published limits would let a firm of this size be read whole within one window, so each is scaled down until the
// read takes several. Nothing else is scaled.
func allowances() map[string]allowance {
	return map[string]allowance{
		// A tenth of 600 a minute, half of which one token may use: 30, where 125 are needed.
		"okta": {scale: 0.1, limit: 30, window: time.Minute},
		// A two-hundredth of 8,000 units in 10 s: 40, where 50 lists at two units are needed; the client is set to 400 lists a second,
		// which is what the published limit comes to.
		"entra": {scale: 0.005, limit: 40, window: 10 * time.Second, perSecond: 400 * 0.005, step: 2},
		// An eightieth of 2,400 a minute: 30, where 51 pages are needed; and as much of the 40 a second that are the client's default.
		"google": {scale: 0.0125, limit: 30, window: time.Minute, perSecond: 40 * 0.0125, step: 1},
		// A fortieth of 5,000 an hour: 125, where 500 pages of 50 rows are needed.
		"onelogin": {scale: 0.025, limit: 125, window: time.Hour},
	}
}

// spending is what the simulator's own log says that a read took: when, and how much.
type spending struct {
	at        []time.Time
	cost      []float64
	throttled int
}

func spent(log []wiretest.Entry) (s spending) {
	for _, e := range log {
		if e.Method != http.MethodGet { // a sign-in is counted elsewhere
			continue
		}
		if e.Status == http.StatusTooManyRequests || e.Status == http.StatusForbidden {
			s.throttled++
			continue
		}
		cost := 1
		if path, graph := strings.CutPrefix(e.Path, "/v1.0/"); graph {
			query, _ := url.ParseQuery(e.Query)
			cost = entratest.Units(path, query)
		}
		s.at, s.cost = append(s.at, e.At), append(s.cost, float64(cost))
	}
	return s
}

// most is the most that was taken in any span of a window's length, wherever it begins.
func (s spending) most(window time.Duration) (most float64) {
	sum, from := 0.0, 0
	for i, at := range s.at {
		sum += s.cost[i]
		for at.Sub(s.at[from]) >= window {
			sum -= s.cost[from]
			from++
		}
		most = max(most, sum)
	}
	return most
}

// TestThrottling: a whole read under the vendor's limits is proven; it spends at least 90 % of what it may, which is the limit less the
// reserve for people; it hardly meets a refusal; and the reserve is never touched.
//
// The rate is that of the steady part: what was taken from the first request until the last one that was waited for, over the time
// between the two. So each window that counts is whole, with its waiting, and a last one that is only begun does not. The reserve is
// untouched where no span of a window's length, wherever it begins, holds more than the limit less the reserve. With a client that is
// paced one request more may be in it, for one may be longer on its way than the next, as the first one is, which signs in.
func TestThrottling(t *testing.T) {
	const crowd, share = 25_000, 0.2
	for _, name := range demofirm.Directories() {
		t.Run(name, func(t *testing.T) {
			a := allowances()[name]
			clock := &virtual{now: time.Now().UTC()}
			running, err := demofirm.Serve(t.Context(), demofirm.Generate(demofirm.Options{
				Seed: 7, People: crowd, Epoch: clock.now, Directories: []string{name},
			}), demofirm.ServeOptions{Now: clock.Now, Limits: a.scale})
			if err != nil {
				t.Fatal(err)
			}
			defer running.Close()
			v := via{clock: clock, transport: clock, perSecond: a.perSecond, share: share, alone: true}
			people := 0
			evidence, err := client(t, running.Connections().Connections[0], v).ReadAll(t.Context(), func(chunk []provisioning.Person) error {
				people += len(chunk)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if proof := provisioning.Prove(evidence, -1, 0, nil); !proof.Complete || people != crowd {
				t.Errorf("%d people: %s", people, proof.Reason)
			}
			bench, _ := running.Listing(name)
			s := spent(bench.Log())
			if s.throttled > 5 {
				t.Errorf("refused %d times for the rate", s.throttled)
			}
			begin := s.at[0]
			used := 0.0
			for i, at := range s.at {
				if at.Before(clock.awoke) {
					used += s.cost[i]
				}
			}
			steady := clock.awoke.Sub(begin)
			if steady < 2*a.window {
				t.Fatalf("the read had to wait for %s only: too few people for this limit", steady)
			}
			allowed := (1 - share) * a.limit / a.window.Seconds()
			rate := used / steady.Seconds()
			most := s.most(a.window)
			t.Logf("%d requests in %s, %.1f %% of the allowed rate, %d refused, at most %.0f of %.0f in %s", len(s.at), steady.Round(time.Second),
				100*rate/allowed, s.throttled, most, a.limit, a.window)
			if rate < 0.9*allowed {
				t.Errorf("%.3f a second of the %.3f that are allowed", rate, allowed)
			}
			if a.perSecond > 0 {
				most -= a.step
			}
			if most > (1-share)*a.limit {
				t.Errorf("%.0f of %.0f were taken in %s: the reserve was touched", most, a.limit, a.window)
			}
		})
	}
}

// TestEntraPacesByTheTenant: Graph allows a larger tenant more, and says so nowhere in its answers; the client's rate follows from how
// many people it has read, and a rate that the firm set stands.
func TestEntraPacesByTheTenant(t *testing.T) {
	for people, want := range map[int]float64{49: 175, 50: 250, 500: 250, 501: 400} {
		config := entraTenant(entratest.Config{Secret: "s"})
		config.Users = nil
		for i := range people {
			config.Users = append(config.Users, entratest.User{ID: strconv.Itoa(i + 1), UPN: strconv.Itoa(i) + "@x.example", Enabled: true})
		}
		o := entraOptions(served(t, entratest.New(config)))
		o.Secret, o.Share = provisioning.NewSecret("s"), 0.2
		for _, set := range []float64{0, 90} {
			if o.PerSecond = set; set > 0 {
				want = set
			}
			c, err := entra.New(o)
			if e := readOnce(t, c, err); e.Failure != "" || e.Seen != people {
				t.Fatalf("%+v", e)
			}
			if r := c.Budget().Rate(); r.Allowed != want || math.Abs(r.Reserve-want/5) > 0.01 {
				t.Errorf("%d people: %+v, want %v", people, r, want)
			}
		}
	}
}
