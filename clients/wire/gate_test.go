package wire_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// TestInFlight: a server that slows down when more than so many are on their way is driven near its best, though nobody tells how many
// that are, and also when it becomes weaker or stronger on the way.
func TestInFlight(t *testing.T) {
	const quick = 50 * time.Millisecond
	for name, power := range map[string]float64{"slows down as it is filled": 1, "gets less done": 2, "breaks down": 3} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				best := 6.0
				y := &yard{answer: func(_ *http.Request, inFlight int) (int, http.Header) {
					time.Sleep(min(time.Duration(float64(quick)*max(1, math.Pow(float64(inFlight)/best, power))), 30*time.Second))
					return http.StatusOK, nil
				}}
				c := y.open(t, nil)
				for _, best = range []float64{6, 3, 12, 1, 8} {
					work(t.Context(), c, 24, 2*time.Minute).Wait() // until it is used to it
					y.forget()
					work(t.Context(), c, 24, time.Minute).Wait()
					got := float64(len(y.came())) / 60 / (best / quick.Seconds())
					t.Logf("best with %v: %.2f of that, %d may be on their way", best, got, c.Rate().Most)
					if got < 0.75 { // a look at what one more would do costs most where one is best
						t.Errorf("best with %v: only %.2f of what it could do, %d may be on their way", best, got, c.Rate().Most)
					}
				}
			})
		})
	}
}

// TestSlowRequestsAreNoJam: some requests take twenty times as long as others that look like them, however many are on their way; that
// keeps nobody from having many on their way.
func TestSlowRequestsAreNoJam(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dice := rand.New(rand.NewPCG(7, 7))
		y := &yard{}
		y.answer = func(*http.Request, int) (int, http.Header) {
			y.mu.Lock()
			long := dice.IntN(4) == 0
			y.mu.Unlock()
			time.Sleep(map[bool]time.Duration{true: time.Second, false: 50 * time.Millisecond}[long])
			return http.StatusOK, nil
		}
		c := y.open(t, nil)
		work(t.Context(), c, 8, 5*time.Minute).Wait()
		const mean = (0.75*50 + 0.25*1000) / 1000
		if got := float64(len(y.came())) / 300 / (8 / mean); got < 0.75 {
			t.Errorf("%.2f of what eight at a time can do", got)
		}
	})
}

// TestRefusedWithoutWait: a server that refuses whatever is beyond its rate without saying for how long is not hammered, and gets most of
// what it bears. While it refuses everything it is asked ever more rarely, and when it is well again the rate comes back.
func TestRefusedWithoutWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bears = 20
		bucket, down := rate.NewLimiter(bears, 5), false
		y := &yard{answer: func(*http.Request, int) (int, http.Header) {
			time.Sleep(50 * time.Millisecond)
			if down || !bucket.AllowN(time.Now(), 1) {
				return http.StatusTooManyRequests, nil
			}
			return http.StatusOK, nil
		}}
		c := y.open(t, nil)
		hold := func(what string, span time.Duration, least float64, most int) {
			t.Helper()
			y.forget()
			ctx, cancel := context.WithTimeout(t.Context(), span)
			work(ctx, c, 16, span).Wait()
			cancel()
			good, refused := float64(y.count(http.StatusOK))/span.Seconds(), y.count(http.StatusTooManyRequests)
			t.Logf("%s: %.1f a second, %d refused of %d", what, good, refused, len(y.came()))
			if good < least || refused > most {
				t.Errorf("%s: %.1f a second, want %.1f; %d refused, at most %d", what, good, least, refused, most)
			}
		}
		hold("at first", 2*time.Minute, 0.75*bears, 120*bears/3)
		down = true
		hold("down", time.Minute, 0, 40)
		down = false
		time.Sleep(10 * time.Second)
		hold("well again", 30*time.Second, 0.7*bears, 30*bears/3)
	})
}

// TestHalves: what is not answered in time, and 503 and 429 without a wait, halve how many may be on their way; once for all that were on
// their way together; a refusal with a wait, an error of the request's own and a caller who leaves do not.
func TestHalves(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		header http.Header
		hang   bool
		leave  bool
		halved bool
	}{
		"429":                {status: http.StatusTooManyRequests, halved: true},
		"429 with nonsense":  {status: http.StatusTooManyRequests, header: http.Header{"Retry-After": {"soon"}}, halved: true},
		"429 with a wait":    {status: http.StatusTooManyRequests, header: http.Header{"Retry-After": {"1"}}},
		"503":                {status: http.StatusServiceUnavailable, halved: true},
		"504":                {status: http.StatusGatewayTimeout, halved: true},
		"no answer in time":  {hang: true, halved: true},
		"the caller left":    {hang: true, leave: true},
		"404":                {status: http.StatusNotFound},
		"500":                {status: http.StatusInternalServerError},
		"a vendor's own 403": {status: http.StatusForbidden, halved: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bad := false
				y := &yard{}
				client := y.open(t, func(o *wire.Options) {
					o.Limits.Tries, o.Limits.Attempt = 1, 10*time.Second
					o.Throttled = func(e *wire.Error) bool { return e.Status == http.StatusForbidden }
					o.Transport = round(func(r *http.Request) (*http.Response, error) {
						if bad && c.hang {
							<-r.Context().Done()
							return nil, r.Context().Err()
						}
						return y.RoundTrip(r)
					})
				})
				y.answer = func(*http.Request, int) (int, http.Header) {
					time.Sleep(50 * time.Millisecond)
					if bad {
						return c.status, c.header.Clone()
					}
					return http.StatusOK, nil
				}
				work(t.Context(), client, 8, 10*time.Second).Wait()
				before := client.Rate().Most
				bad = true
				ctx, cancel := context.WithCancel(t.Context())
				burst := work(ctx, client, 8, time.Nanosecond)
				if c.leave {
					time.Sleep(time.Second)
					cancel()
				}
				burst.Wait()
				cancel()
				after := client.Rate().Most
				if halved := after == 4; before < 8 || after == before == c.halved || halved != c.halved {
					t.Errorf("%d before, %d after", before, after)
				}
				if n := client.Rate().InFlight; n != 0 {
					t.Errorf("%d are still on their way", n)
				}
			})
		})
	}
}

// TestPersonPassesTheGate: where a slow server lets one request on its way at a time, a person does not wait in the line for it; one who
// leaves the line takes no place along.
func TestPersonPassesTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse := true
		y := &yard{}
		y.answer = func(*http.Request, int) (int, http.Header) {
			if refuse {
				return http.StatusServiceUnavailable, nil
			}
			time.Sleep(20 * time.Second)
			return http.StatusOK, nil
		}
		c := y.open(t, func(o *wire.Options) { o.Limits.Tries = 1 })
		for range 3 {
			work(t.Context(), c, 1, time.Nanosecond).Wait()
			time.Sleep(10 * time.Second)
		}
		refuse = false
		bulk := work(t.Context(), c, 8, time.Second)
		time.Sleep(time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Read(ctx, wire.Request{Method: http.MethodGet, Path: "/x"}, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("bulk work passed: %v", err)
		}
		if took := ask(t, provisioning.ForPerson(t.Context()), c); took > 20*time.Second {
			t.Errorf("a person waited %s", took)
		}
		bulk.Wait()
		if r := c.Rate(); r.InFlight != 0 {
			t.Errorf("%+v", r)
		}
	})
}

// TestACalledOffRequestKeepsNoPlace: requests whose context had ended before they came take no place with them: those after them pass. (A
// place was taken and the error returned beside it, so that nobody gave it back: after as many as there are places every read hung.)
func TestACalledOffRequestKeepsNoPlace(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer server.Close()
	c, err := wire.New(wire.Options{System: "test", Base: server.URL, AllowLoopbackHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	over, cancel := context.WithCancel(context.Background())
	cancel()
	for range 100 {
		if _, err := c.Read(over, wire.Request{Method: http.MethodGet, Path: "/x"}, nil); err == nil {
			t.Fatal("a request that was called off was sent")
		}
	}
	if flying := c.Rate().InFlight; flying != 0 {
		t.Fatalf("%d places are taken by nobody", flying)
	}
	soon, done := context.WithTimeout(context.Background(), 10*time.Second)
	defer done()
	if _, err := c.Read(soon, wire.Request{Method: http.MethodGet, Path: "/x"}, nil); err != nil {
		t.Fatal(err)
	}
}
