package wire_test

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// yard is a made-up system on a clock that a test moves: what it does with a request is said by answer, at the number of those that are
// on their way with it. It notes when each came.
type yard struct {
	answer func(r *http.Request, inFlight int) (status int, h http.Header)

	mu       sync.Mutex
	inFlight int
	at       []time.Time
	status   map[int]int
}

func (y *yard) RoundTrip(r *http.Request) (*http.Response, error) {
	y.mu.Lock()
	y.inFlight++
	n := y.inFlight
	y.at = append(y.at, time.Now())
	y.mu.Unlock()
	status, header := http.StatusOK, http.Header{}
	if y.answer != nil {
		status, header = y.answer(r, n)
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	y.inFlight--
	if y.status == nil {
		y.status = make(map[int]int)
	}
	y.status[status]++
	if header == nil {
		header = http.Header{}
	}
	header.Set("Content-Type", "application/json")
	return &http.Response{StatusCode: status, Header: header, Body: http.NoBody}, nil
}

// came are the requests so far; forget begins to count anew.
func (y *yard) came() []time.Time {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.at
}

func (y *yard) forget() {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.at, y.status = nil, nil
}

func (y *yard) count(status int) int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.status[status]
}

// excess is by how many requests the most crowded span of time goes beyond a rate: with a bucket it is at most what the bucket holds.
func excess(at []time.Time, perSecond float64) float64 {
	least, most := math.Inf(1), 0.0 // the least of what came before a request, less what was allowed until then
	for i, t := range at {
		allowed := perSecond * t.Sub(at[0]).Seconds()
		least = min(least, float64(i)-allowed)
		most = max(most, float64(i+1)-allowed-least)
	}
	return most
}

// open makes a client of a yard.
func (y *yard) open(t *testing.T, change func(*wire.Options)) *wire.Client {
	t.Helper()
	o := wire.Options{System: "x", Base: "https://host", Clock: provisioning.SystemClock{}, Transport: y}
	if change != nil {
		change(&o)
	}
	c, err := wire.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// work has so many workers send one request after another until a time has passed; each ends with the request that it is at.
func work(ctx context.Context, c *wire.Client, workers int, span time.Duration) (done *sync.WaitGroup) {
	done = &sync.WaitGroup{}
	until := time.Now().Add(span)
	for range workers {
		done.Go(func() {
			for time.Now().Before(until) {
				_, _ = c.Read(ctx, wire.Request{Method: http.MethodGet, Path: "/x"}, nil)
			}
		})
	}
	return done
}

func ask(t *testing.T, ctx context.Context, c *wire.Client) time.Duration {
	t.Helper()
	begin := time.Now()
	if _, err := c.Read(ctx, wire.Request{Method: http.MethodGet, Path: "/x"}, nil); err != nil {
		t.Fatal(err)
	}
	return time.Since(begin)
}

func slow(d time.Duration) func(*http.Request, int) (int, http.Header) {
	return func(*http.Request, int) (int, http.Header) {
		time.Sleep(d)
		return http.StatusOK, nil
	}
}

// TestOneBudget: a read and a commit side by side keep to one rate together, and together they have all of it. A person beside them goes
// beyond it by no more than what lay ready for people.
func TestOneBudget(t *testing.T) {
	const rate, reserve = 20, 2
	for name, lend := range map[string]bool{"kept": false, "lent": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				y := &yard{answer: slow(50 * time.Millisecond)}
				c := y.open(t, func(o *wire.Options) { o.PerSecond, o.Reserve, o.Lend = rate, reserve, lend })
				read, commit := work(t.Context(), c, 8, time.Minute), work(t.Context(), c, 8, time.Minute)
				read.Wait()
				commit.Wait()
				bulk, share := rate-reserve, 0.98*(rate-reserve)
				if lend {
					bulk, share = rate, 0.98*rate
				}
				if over := excess(y.came(), float64(bulk)); over > 1.01 {
					t.Errorf("at some time %.2f requests went beyond the rate", over)
				}
				if got := float64(len(y.came())) / 60; got < share {
					t.Errorf("%.2f a second of %d", got, bulk)
				}
				y.forget()
				read, commit = work(t.Context(), c, 8, time.Minute), work(t.Context(), c, 8, time.Minute)
				people := work(provisioning.ForPerson(t.Context()), c, 3, time.Minute)
				read.Wait()
				commit.Wait()
				people.Wait()
				if over := excess(y.came(), rate); over > 1+reserve+0.5 {
					t.Errorf("with a person at some time %.2f requests went beyond the rate", over)
				}
			})
		})
	}
}

// TestReserve: while bulk work takes all that it may, somebody who clicks does not wait in its line; what is marked so and asked for
// without end gets the reserve and no more than its turn of the rest.
func TestReserve(t *testing.T) {
	for name, lend := range map[string]bool{"kept": false, "lent": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const latency = 50 * time.Millisecond
				y := &yard{answer: slow(latency)}
				c := y.open(t, func(o *wire.Options) { o.PerSecond, o.Reserve, o.Lend = 10, 1, lend })
				bulk := work(t.Context(), c, 30, time.Minute)
				for range 20 {
					time.Sleep(2 * time.Second)
					if took := ask(t, provisioning.ForPerson(t.Context()), c); took > latency+10*time.Millisecond {
						t.Errorf("a person waited %s", took)
					}
				}
				if took := ask(t, t.Context(), c); took < 2*time.Second {
					t.Errorf("bulk work waited only %s: the test shows nothing", took)
				}
				bulk.Wait()
			})
		})
	}
}

// TestReserveOfWindow: bulk work leaves the reserve of a window alone, and a person may have it, to the last request.
func TestReserveOfWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin, left := time.Now(), 100
		y := &yard{}
		y.answer = func(*http.Request, int) (int, http.Header) {
			left--
			return http.StatusOK, http.Header{"X-Left": {strconv.Itoa(left)}}
		}
		c := y.open(t, func(o *wire.Options) {
			o.Share = 0.1
			o.Window = func(h http.Header, now time.Time) (wire.Window, bool) {
				n, err := strconv.Atoi(h.Get("X-Left"))
				return wire.Window{Limit: 100, Remaining: n, Reset: time.Minute - now.Sub(begin)%time.Minute, Length: time.Minute}, err == nil
			}
		})
		for range 90 {
			ask(t, t.Context(), c)
		}
		if until := c.Rate().PausedUntil; !until.Equal(begin.Add(time.Minute)) {
			t.Errorf("bulk work is told to wait until %s", until)
		}
		for range 10 {
			if took := ask(t, provisioning.ForPerson(t.Context()), c); took > 0 {
				t.Fatalf("a person waited %s", took)
			}
		}
		left = 100
		if took := ask(t, provisioning.ForPerson(t.Context()), c); took != time.Minute {
			t.Errorf("a person waited %s with nothing left", took)
		}
	})
}

// TestRateFollowsTheHeaders: the rate goes down when the system's headers say so, and up again, never beyond what the firm set; the
// reserve stays the same share of it.
func TestRateFollowsTheHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said := 40.0
		y := &yard{answer: func(*http.Request, int) (int, http.Header) {
			return http.StatusOK, http.Header{"X-Rate": {strconv.FormatFloat(said, 'g', -1, 64)}}
		}}
		c := y.open(t, func(o *wire.Options) {
			o.PerSecond, o.Reserve, o.Lend = 20, 2, true
			o.Learn = func(h http.Header, _ time.Time) (float64, bool) {
				v, err := strconv.ParseFloat(h.Get("X-Rate"), 64)
				return v, err == nil
			}
		})
		for _, step := range []struct{ said, want float64 }{{40, 20}, {5, 5}, {10, 10}, {1, 1}, {100, 20}, {20, 20}} {
			said = step.said
			ask(t, t.Context(), c) // it tells
			y.forget()
			work(t.Context(), c, 8, time.Minute).Wait()
			if got := float64(len(y.came())) / 60; math.Abs(got-step.want) > 0.05*step.want+0.2 {
				t.Errorf("told %v: %.2f a second, want %v", step.said, got, step.want)
			}
			if r := c.Rate(); r.Allowed != step.want || math.Abs(r.Reserve-step.want/10) > 1e-9 {
				t.Errorf("told %v: %+v", step.said, r)
			}
		}
	})
}

// TestWindowGrowsAndShrinks: a window's own numbers are followed both ways.
func TestWindowGrowsAndShrinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin, limit, used, window := time.Now(), 60, 0, time.Duration(0)
		y := &yard{}
		var mu sync.Mutex
		y.answer = func(*http.Request, int) (int, http.Header) {
			mu.Lock()
			defer mu.Unlock()
			if w := time.Since(begin) / time.Minute; w != window {
				window, used = w, 0
			}
			if used++; used > limit {
				return http.StatusTooManyRequests, http.Header{"Retry-After": {strconv.Itoa(int((time.Minute - time.Since(begin)%time.Minute).Seconds() + 1))}}
			}
			return http.StatusOK, http.Header{"X-Limit": {strconv.Itoa(limit)}, "X-Left": {strconv.Itoa(limit - used)}}
		}
		c := y.open(t, func(o *wire.Options) {
			o.Window = func(h http.Header, now time.Time) (wire.Window, bool) {
				l, err := strconv.Atoi(h.Get("X-Limit"))
				left, _ := strconv.Atoi(h.Get("X-Left"))
				return wire.Window{Limit: l, Remaining: left, Reset: time.Minute - now.Sub(begin)%time.Minute, Length: time.Minute}, err == nil
			}
		})
		for _, limit = range []int{60, 20, 120} {
			work(t.Context(), c, 4, 2*time.Minute).Wait() // until it is used to it
			y.forget()
			work(t.Context(), c, 4, 10*time.Minute-time.Second).Wait()
			got, refused := float64(len(y.came()))/10, y.count(http.StatusTooManyRequests)
			if got < 0.85*0.9*float64(limit) || got > 1.1*0.9*float64(limit) || refused > 2 {
				t.Errorf("%d a minute: %.1f, %d refused", limit, got, refused)
			}
		}
	})
}

// TestPauseIsShared: a wait that the system asks for is everybody's, people's too; what is asked after it is not asked twice over, and no
// more than was allowed in all that time.
func TestPauseIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		y := &yard{}
		var mu sync.Mutex
		var asked time.Time
		y.answer = func(*http.Request, int) (int, http.Header) {
			time.Sleep(50 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			if asked.IsZero() && time.Since(begin) > 10*time.Second {
				asked = time.Now()
				return http.StatusTooManyRequests, http.Header{"Retry-After": {"30"}}
			}
			return http.StatusOK, nil
		}
		c := y.open(t, func(o *wire.Options) { o.PerSecond, o.Reserve, o.Lend = 20, 2, true })
		bulk, person := work(t.Context(), c, 8, time.Minute), work(provisioning.ForPerson(t.Context()), c, 1, time.Minute)
		bulk.Wait()
		person.Wait()
		after := 0
		for _, at := range y.came() {
			switch {
			case asked.IsZero(), !at.After(asked):
			case at.Before(asked.Add(30 * time.Second)):
				t.Fatalf("a request left %s after everybody was told to wait 30 s", at.Sub(asked))
			default:
				after++
			}
		}
		if over := excess(y.came(), 20); over > 8+1+1+2.5 { // those who had their turn already, and no more
			t.Errorf("%.2f requests went beyond the rate", over)
		}
		if want := 20 * (60 - 10 - 30); after < want*95/100 {
			t.Errorf("%d requests after the wait, want about %d", after, want)
		}
		r := c.Rate()
		if len(r.Pauses) != 1 || !r.Pauses[0].From.Equal(asked) || !r.Pauses[0].Until.Equal(asked.Add(30*time.Second)) {
			t.Errorf("%+v, asked at %s", r.Pauses, asked)
		}
	})
}
