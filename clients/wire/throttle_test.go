package wire_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// TestWaits: every form in which a system may ask to wait, and each that is no honest one: how long everybody waits, and what is told.
// The server's clock is three hours off ours.
func TestWaits(t *testing.T) {
	const ahead, unsaid = 3 * time.Hour, -1
	vendor := func(h http.Header, now time.Time) (time.Duration, bool) {
		return wire.Seconds(h.Get("X-Wait"), wire.ServerTime(h, now))
	}
	for name, c := range map[string]struct {
		header func(server time.Time) http.Header
		wait   time.Duration // unsaid: our own guess
		odd    string
	}{
		"seconds":                {headers("Retry-After", "7"), 7 * time.Second, ""},
		"none to wait":           {headers("Retry-After", "0"), 10 * time.Millisecond, ""},
		"a date":                 {when(time.Minute), time.Minute, ""},
		"a date that is past":    {when(-time.Hour), 10 * time.Millisecond, ""},
		"a date in a year":       {when(365 * 24 * time.Hour), 2 * time.Minute, "8760h0m0s"},
		"negative":               {headers("Retry-After", "-5"), unsaid, "past"},
		"a year in seconds":      {headers("Retry-After", "31536000"), 2 * time.Minute, "8760h0m0s"},
		"more than a time holds": {headers("Retry-After", "99999999999999999999"), 2 * time.Minute, "8784h0m0s"},
		"no number at all":       {headers("Retry-After", "soon"), unsaid, `"soon"`},
		"not a number":           {headers("Retry-After", "NaN"), unsaid, `"NaN"`},
		"without end":            {headers("Retry-After", "+Inf"), unsaid, `"+Inf"`},
		"hostile":                {headers("Retry-After", "\x1b[2J"+strings.Repeat("9", 400)), unsaid, `"\x1b`},
		"none":                   {headers("X-Other", "7"), unsaid, ""},
		"the vendor's":           {headers("X-Wait", "11", "Retry-After", "7"), 11 * time.Second, ""},
		"the vendor's is broken": {headers("X-Wait", "x", "Retry-After", "7"), 7 * time.Second, ""},
		"the vendor's fraction":  {headers("X-Wait", "0.25"), 250 * time.Millisecond, ""},
		"a moment": {func(s time.Time) http.Header {
			return http.Header{"X-Wait": {strconv.FormatInt(s.Add(20*time.Second).Unix(), 10)}}
		}, 20 * time.Second, ""},
		"a moment that is past": {func(s time.Time) http.Header {
			return http.Header{"X-Wait": {strconv.FormatInt(s.Add(-time.Hour).Unix(), 10)}}
		}, unsaid, "past"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(30 * 365 * 24 * time.Hour) // from 2000, where such a clock begins, to where seconds are taken for moments
				first := true
				y := &yard{}
				y.answer = func(*http.Request, int) (int, http.Header) {
					if !first {
						return http.StatusOK, nil
					}
					first = false
					server := time.Now().Add(ahead)
					h := c.header(server)
					h.Set("Date", server.UTC().Format(http.TimeFormat))
					return http.StatusTooManyRequests, h
				}
				client := y.open(t, func(o *wire.Options) { o.Wait, o.MaxSkew, o.Limits.Tries = vendor, 24*time.Hour, 1 })
				begin := time.Now()
				_, err := client.Write(t.Context(), wire.Request{Method: http.MethodPatch, Path: "/x"}, nil)
				var e *wire.Error
				if !errors.As(err, &e) || e.Effect != provisioning.NothingDone {
					t.Fatal(err)
				}
				want := c.wait
				if want == unsaid {
					want = 250 * time.Millisecond
				}
				r := client.Rate()
				if e.RetryAfter != want || !strings.Contains(r.Odd, c.odd) || (c.odd == "") != (r.Odd == "") || !strings.Contains(err.Error(), r.Odd) {
					t.Errorf("%s, want %s; told %q: %v", e.RetryAfter, want, r.Odd, err)
				}
				if strings.ContainsRune(r.Odd, '\x1b') || len(r.Odd) > 200 {
					t.Errorf("told %q", r.Odd)
				}
				everybody := ask(t, t.Context(), client)
				if c.wait == unsaid && everybody != 0 {
					t.Errorf("nobody said how long, and everybody waits %s", everybody)
				}
				if c.wait != unsaid && (everybody != c.wait || !r.PausedUntil.Equal(begin.Add(c.wait))) {
					t.Errorf("everybody waits %s, until %s", everybody, r.PausedUntil)
				}
			})
		})
	}
}

// headers makes headers of names and values; when is a date so far off by the server's own clock.
func headers(pairs ...string) func(time.Time) http.Header {
	return func(time.Time) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
}

func when(off time.Duration) func(time.Time) http.Header {
	return func(server time.Time) http.Header {
		return http.Header{"Retry-After": {server.Add(off).UTC().Format(http.TimeFormat)}}
	}
}

// TestRefusedInARow: one refusal without a wait is that request's own; from the third in a row on everybody waits, longer each time, until
// one is answered.
func TestRefusedInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := true
		y := &yard{answer: func(*http.Request, int) (int, http.Header) {
			if bad {
				return http.StatusTooManyRequests, nil
			}
			return http.StatusOK, nil
		}}
		c := y.open(t, func(o *wire.Options) { o.Limits.Tries = 1 })
		var waits []time.Duration
		for range 10 {
			_, _ = c.Read(context.Background(), wire.Request{Method: http.MethodGet, Path: "/x"}, nil)
			wait := max(time.Until(c.Rate().PausedUntil), 0)
			waits = append(waits, wait)
			time.Sleep(max(wait, time.Millisecond))
		}
		for i, want := range []float64{0, 0, 0.25, 0.5, 1, 2, 4, 8, 8, 8} {
			if waits[i].Seconds() != want {
				t.Errorf("after %d in a row everybody waits %s, want %v s", i+1, waits[i], want)
			}
		}
		bad = false
		ask(t, t.Context(), c)
		bad = true
		_, _ = c.Read(context.Background(), wire.Request{Method: http.MethodGet, Path: "/x"}, nil)
		if wait := time.Until(c.Rate().PausedUntil); wait > 0 {
			t.Errorf("after a good answer one refusal makes everybody wait %s", wait)
		}
	})
}
