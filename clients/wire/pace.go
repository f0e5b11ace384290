package wire

import (
	"context"
	"net/http"
	"slices"
	"time"

	"rollcall/provisioning"
)

// Pace takes the rate that a system turned out to allow. As large a share of it stays free as before.
func (c *Client) Pace(perSecond float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pace(perSecond, c.opts.Clock.Now())
}

// pace sets the rate to what was told. The caller holds mu or is alone.
func (c *Client) pace(perSecond float64, now time.Time) {
	if perSecond != c.told {
		c.told = perSecond
		c.repace(now)
	}
}

// Rate shows the budget: it makes the client a provisioning.Budget.
func (c *Client) Rate() provisioning.RateState {
	now := c.opts.Clock.Now()
	flying, most := c.gate.state()
	c.mu.Lock()
	defer c.mu.Unlock()
	state := provisioning.RateState{
		Allowed: c.allowed, Since: c.since, Used: c.used.perSecond(now), Reserve: c.budget.reserve, PausedUntil: c.paused, Pauses: slices.Clone(c.pauses), Odd: c.odd,
		InFlight: flying, Most: most,
	}
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

// flight is a request on its way.
type flight struct {
	level int       // how many were on their way with it
	sent  time.Time // when it was let go
	gated bool      // it has a place to give back
}

// admit waits for the budget, then for a place, then for the end of the pause that a 429 set for everybody (contracts/engine.md 2.4).
// What the budget gave stays given during a pause. A sign-in takes no place: whoever has one may wait for it.
func (c *Client) admit(ctx context.Context, r Request, bucket string) (flight, error) {
	person := provisioning.IsForPerson(ctx)
	c.mu.Lock()
	wait := c.budget.take(c.opts.Clock.Now(), float64(c.opts.Cost(r)), person)
	c.mu.Unlock()
	if wait > 0 {
		if err := c.opts.Clock.Sleep(ctx, wait); err != nil {
			return flight{}, err
		}
	}
	for {
		f := flight{gated: !r.NoAuth}
		if f.gated {
			var err error
			if f.level, err = c.gate.enter(ctx, person); err != nil {
				return flight{}, err
			}
		}
		f.sent = c.opts.Clock.Now()
		pause := c.free(f.sent, bucket, person)
		if pause <= 0 && ctx.Err() == nil {
			return f, nil
		}
		c.leave(f)
		if err := c.opts.Clock.Sleep(ctx, pause); err != nil {
			return flight{}, err
		}
	}
}

// leave gives a request's place back.
func (c *Client) leave(f flight) {
	if f.gated {
		c.gate.leave()
	}
}

// free counts a request that leaves now, or says how long nothing may leave.
func (c *Client) free(now time.Time, bucket string, person bool) (pause time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if pause = c.paused.Sub(now); pause > 0 {
		return pause
	}
	if pause = c.spend(now, bucket, person); pause > 0 {
		c.note(now, now.Add(pause))
		return pause
	}
	c.used.add(now)
	return 0
}

// The pauses that are told: the latest of those that are long enough to be noticed.
const (
	mostPauses = 32
	shortPause = 500 * time.Millisecond
)

// pause makes everybody wait. The caller holds mu.
func (c *Client) pause(now, until time.Time) {
	if until.After(c.paused) {
		c.paused = until
		c.note(now, until)
	}
}

// note remembers a time in which everybody waits. The caller holds mu.
func (c *Client) note(from, until time.Time) {
	if last := len(c.pauses) - 1; last >= 0 && !from.After(c.pauses[last].Until) {
		if until.After(c.pauses[last].Until) {
			c.pauses[last].Until = until
		}
		return
	}
	if until.Sub(from) < shortPause {
		return
	}
	c.pauses = append(c.pauses, provisioning.Pause{From: from, Until: until})
	c.pauses = c.pauses[max(0, len(c.pauses)-mostPauses):]
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
		c.allows(float64(w.Limit)/w.Length.Seconds(), now)
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
func (c *Client) spend(now time.Time, bucket string, person bool) (wait time.Duration) {
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
	share := c.opts.Share
	if person {
		share = 0
	}
	if w.spent(share) {
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
		if perSecond, ok := c.opts.Learn(h, now); ok && perSecond > 0 {
			if c.opts.PerSecond > 0 {
				perSecond = min(perSecond, c.opts.PerSecond)
			}
			c.pace(perSecond, now)
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
