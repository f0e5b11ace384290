package wire_test

import (
	"context"
	"math"
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"rollcall/clients/wire"
)

// TestRateIsFound: where nobody tells a rate, it is found by what is refused, with a wait or without; the system's limit is used and is
// seldom overrun, when it moves too; and as large a share of it as ever is kept for people.
func TestRateIsFound(t *testing.T) {
	for name, header := range map[string]http.Header{"with a wait": {"Retry-After": {"1"}}, "without": nil} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bucket := rate.NewLimiter(20, 20)
				y := &yard{answer: func(*http.Request, int) (int, http.Header) {
					time.Sleep(50 * time.Millisecond)
					if !bucket.AllowN(time.Now(), 1) {
						return http.StatusTooManyRequests, header.Clone()
					}
					return http.StatusOK, nil
				}}
				c := y.open(t, func(o *wire.Options) { o.Lend = true })
				for _, bears := range []float64{20, 8, 40} {
					bucket.SetLimitAt(time.Now(), rate.Limit(bears))
					work(t.Context(), c, 8, 2*time.Minute).Wait() // until it is used to it
					y.forget()
					ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
					work(ctx, c, 8, 2*time.Minute).Wait()
					cancel()
					good, refused := float64(y.count(http.StatusOK))/120, y.count(http.StatusTooManyRequests)
					r := c.Rate()
					t.Logf("bears %v: %.1f a second, %d of %d refused, %.1f allowed", bears, good, refused, len(y.came()), r.Allowed)
					if good < 0.75*bears || float64(refused) > 0.25*float64(len(y.came())) {
						t.Errorf("bears %v: %.1f a second, %d of %d refused", bears, good, refused, len(y.came()))
					}
					if r.Allowed > 0 && math.Abs(r.Reserve-r.Allowed/10) > 1e-6 {
						t.Errorf("%+v", r)
					}
				}
			})
		})
	}
}

// TestChanceIsNoLimit: what is refused by chance, one in ten, takes next to nothing off the rate that was told.
func TestChanceIsNoLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dice := rand.New(rand.NewPCG(7, 7))
		y := &yard{}
		y.answer = func(*http.Request, int) (int, http.Header) {
			time.Sleep(50 * time.Millisecond)
			y.mu.Lock()
			defer y.mu.Unlock()
			if dice.IntN(10) == 0 {
				return http.StatusTooManyRequests, nil
			}
			return http.StatusOK, nil
		}
		c := y.open(t, func(o *wire.Options) { o.PerSecond, o.Reserve, o.Lend = 20, 2, true })
		work(t.Context(), c, 8, 10*time.Minute).Wait()
		if got := float64(len(y.came())) / 600; got < 0.97*20 {
			t.Errorf("%.2f a second of 20", got)
		}
		if over := excess(y.came(), 20); over > 8+1+1 {
			t.Errorf("%.2f requests went beyond the rate", over)
		}
	})
}
