package wire

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/time/rate"

	"rollcall/provisioning"
)

// used counts requests over the last seconds, in a ring of whole seconds.
type used struct {
	second [8]int64
	count  [8]int
}

func (u *used) add(now time.Time) {
	s := now.Unix()
	i := s % int64(len(u.second))
	if u.second[i] != s {
		u.second[i], u.count[i] = s, 0
	}
	u.count[i]++
}

// perSecond is the mean over the last whole five seconds.
func (u *used) perSecond(now time.Time) float64 {
	const span = 5
	total := 0
	for i, s := range u.second {
		if age := now.Unix() - s; age >= 1 && age <= span {
			total += u.count[i]
		}
	}
	return float64(total) / span
}

// pace sets the limiter to what the system allows less the reserve. The caller holds mu or is alone.
func (c *Client) pace(perSecond float64) {
	c.allowed = perSecond
	if perSecond <= 0 {
		c.limiter.SetLimit(rate.Inf)
		return
	}
	const dearest = 3 // in units of an ordinary request
	c.limiter.SetLimit(rate.Limit(max(perSecond-c.opts.Reserve, perSecond/10) * float64(c.opts.Units)))
	c.limiter.SetBurst(1)
	if c.opts.Units > 1 {
		c.limiter.SetBurst(dearest * c.opts.Units)
	}
}

// Pace takes the rate that a system turned out to allow. As large a share of it stays free as before.
func (c *Client) Pace(perSecond float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if perSecond == c.allowed {
		return
	}
	if c.allowed > 0 {
		c.opts.Reserve *= perSecond / c.allowed
	}
	c.pace(perSecond)
}

// Rate shows the budget: it makes the client a provisioning.Budget.
func (c *Client) Rate() provisioning.RateState {
	now := c.opts.Clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	state := provisioning.RateState{Allowed: c.allowed, Used: c.used.perSecond(now), Reserve: c.opts.Reserve, PausedUntil: c.paused}
	for _, w := range c.windows {
		if w.limit <= 0 {
			continue
		}
		state.Reserve = c.opts.Share * c.allowed
		if w.spent(c.opts.Share) && w.reset.After(state.PausedUntil) {
			state.PausedUntil = w.reset
		}
	}
	return state
}

// admit waits for the budget: the limiter first, then the pause that a 429 set for everybody (contracts/engine.md 2.4).
func (c *Client) admit(ctx context.Context, bucket string, cost int) error {
	for {
		now := c.opts.Clock.Now()
		c.mu.Lock()
		pause := c.paused.Sub(now)
		if pause <= 0 {
			pause = c.spend(now, bucket)
		}
		var wait time.Duration
		if pause <= 0 {
			r := c.limiter.ReserveN(now, min(cost, max(c.limiter.Burst(), 1)))
			wait = r.DelayFrom(now)
			c.used.add(now)
		}
		c.mu.Unlock()
		switch {
		case pause > 0:
			if err := c.opts.Clock.Sleep(ctx, pause); err != nil {
				return err
			}
			continue
		case wait > 0:
			return c.opts.Clock.Sleep(ctx, wait)
		default:
			return ctx.Err()
		}
	}
}

// Window is a fixed-window allowance: so many requests until it begins anew.
type Window struct {
	Limit     int           // of the window
	Remaining int           // of it, now
	Reset     time.Duration // until it begins anew
	Length    time.Duration // of the window; 0: not known
}

// Allow takes an allowance that the client asked for by itself, where answers carry none.
func (c *Client) Allow(w Window) {
	now := c.opts.Clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.allow(w, now, "")
}

// window is a fixed-window allowance as it is spent here: requests are counted down as they leave, so that those under way are not
// forgotten.
type window struct {
	limit, left int
	reset       time.Time
	length      time.Duration
}

// allow takes what the server says of a bucket's window. Of two views of one window the lower counts. The caller holds mu.
func (c *Client) allow(w Window, now time.Time, bucket string) {
	if w.Limit <= 0 {
		return
	}
	if w.Length > 0 {
		c.allowed = float64(w.Limit) / w.Length.Seconds()
	}
	own := c.windows[bucket]
	if own == nil {
		own = &window{}
		c.windows[bucket] = own
	}
	reset := now.Add(min(w.Reset, c.opts.Limits.MaxReset))
	fresh := own.limit != w.Limit || reset.Sub(own.reset) > max(w.Length/2, 2*time.Second)
	if fresh || w.Remaining < own.left {
		own.left = w.Remaining
	}
	own.limit, own.reset, own.length = w.Limit, reset, w.Length
}

// spend takes one request out of a bucket's window, or says how long to wait for the next one: a window is spent freely down to the
// reserve, which is for people. The caller holds mu.
func (c *Client) spend(now time.Time, bucket string) (wait time.Duration) {
	w := c.windows[bucket]
	if w == nil || w.limit <= 0 {
		return 0
	}
	if !now.Before(w.reset) {
		w.left = w.limit
		if w.length <= 0 {
			w.limit = 0 // until the server says more
			return 0
		}
		w.reset = now.Add(w.length)
	}
	if w.spent(c.opts.Share) {
		return w.reset.Sub(now)
	}
	w.left--
	return 0
}

// spent reports whether nothing but the reserve is left.
func (w *window) spent(share float64) bool { return float64(w.left) <= share*float64(w.limit) }

// learn takes what an answer's headers say of the budget and of the server's clock.
func (c *Client) learn(response *http.Response, bucket string) {
	h := response.Header
	now := c.opts.Clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.opts.Learn != nil {
		if perSecond, ok := c.opts.Learn(h, now); ok && perSecond > 0 && (c.opts.PerSecond == 0 || perSecond < c.opts.PerSecond) && perSecond != c.allowed {
			c.pace(perSecond)
		}
	}
	if c.opts.Window != nil {
		if w, ok := c.opts.Window(h, now); ok {
			c.allow(w, now, bucket)
		}
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		c.skew, c.dated = date.Sub(now), true
	}
	c.tls = response.TLS
}

// throttled reads how long a throttled answer asks to wait, and makes everybody wait as long.
func (c *Client) throttled(h http.Header, try int) time.Duration {
	now := c.opts.Clock.Now()
	wait, ok := time.Duration(0), false
	if c.opts.Wait != nil {
		wait, ok = c.opts.Wait(h, now)
	}
	if !ok {
		wait, ok = RetryAfter(h, now)
	}
	if !ok || wait < 0 {
		wait = backoff(try)
	}
	wait = min(max(wait, 10*time.Millisecond), c.opts.Limits.MaxWait)
	c.mu.Lock()
	if until := now.Add(wait); until.After(c.paused) {
		c.paused = until
	}
	c.mu.Unlock()
	return wait
}

// backoff doubles from a quarter of a second to eight.
func backoff(try int) time.Duration {
	return 250 * time.Millisecond << min(max(try-1, 0), 5)
}

// RetryAfter reads the standard header in both its forms, seconds and a date (RFC 9110 10.2.3).
func RetryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	v := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(v); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second, true
	}
	if at, err := http.ParseTime(v); err == nil {
		if date, err := http.ParseTime(h.Get("Date")); err == nil {
			now = date // the server's own clock, which may be off
		}
		return max(at.Sub(now), 0), true
	}
	return 0, false
}
