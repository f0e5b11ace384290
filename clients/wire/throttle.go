package wire

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"rollcall/provisioning"
)

// asked is what a throttled answer asks for.
type asked struct {
	wait   time.Duration // until the request may be sent again
	usable bool          // the system said so; else it is our own guess
	odd    string        // what is odd about what it said; "": nothing
}

// asks reads how long a throttled answer asks to wait: by the vendor's own headers first, then by Retry-After. Where none can be used
// the guess doubles with each try, and no header makes anybody wait longer than Limits.MaxWait.
func (c *Client) asks(h http.Header, now time.Time, try int) (a asked) {
	if c.opts.Wait != nil {
		a.wait, a.usable = c.opts.Wait(h, now)
	}
	if !a.usable {
		a.wait, a.usable = RetryAfter(h, now)
	}
	said := h.Get("Retry-After")
	switch {
	case a.usable && a.wait < 0:
		a.usable, a.odd = false, "it asks to wait until a time that is past: that is not believed"
	case a.usable && a.wait > c.opts.Limits.MaxWait:
		a.odd = fmt.Sprintf("it asks to wait %s: after %s it is asked again", a.wait.Round(time.Second), c.opts.Limits.MaxWait)
		a.wait = c.opts.Limits.MaxWait
	case !a.usable && said != "":
		a.odd = fmt.Sprintf("it asks to wait %.40q: that is no time", said)
	}
	if !a.usable {
		a.wait = backoff(try)
	}
	const least = 10 * time.Millisecond
	a.wait = max(a.wait, least)
	return a
}

// throttled takes a throttled answer: where it says how long, everybody waits as long; where it does not, this request alone does, and
// fewer are on their way from now on. When it goes on so, with no good answer between, everybody waits, and longer each time.
func (c *Client) throttled(h http.Header, try int, f flight) asked {
	now := c.opts.Clock.Now()
	a := c.asks(h, now, try)
	if !a.usable {
		c.overrun(f, now)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.odd = a.odd
	c.refusedOnce(now)
	if a.usable {
		c.pause(now, now.Add(a.wait))
	}
	return a
}

// calm is how many refusals in a row may be chance.
const calm = 2

// overrun takes a request that was refused without a wait, or not answered in time. Of those that were on their way together one counts.
func (c *Client) overrun(f flight, now time.Time) {
	if !f.gated || !c.gate.refused(f.level, f.sent, now) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inRow++; c.inRow > calm {
		c.pause(now, now.Add(backoff(c.inRow-calm)))
	}
}

// served takes a good answer.
func (c *Client) served(f flight, method string, size int) {
	now := c.opts.Clock.Now()
	c.mu.Lock()
	c.inRow = 0
	c.tryMore(now)
	c.mu.Unlock()
	if f.gated {
		c.gate.answered(f.level, method, size, now.Sub(f.sent))
	}
}

// backoff doubles from a quarter of a second to eight.
func backoff(try int) time.Duration {
	return 250 * time.Millisecond << min(max(try-1, 0), 5)
}

// RetryAfter reads the standard header in both its forms, seconds and a date by the server's own clock (RFC 9110 10.2.3); ok is false
// where it is neither. A date that is past is no wait.
func RetryAfter(h http.Header, now time.Time) (wait time.Duration, ok bool) {
	v := h.Get("Retry-After")
	if wait, ok := Seconds(v, ServerTime(h, now)); ok {
		return wait, true
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(at.Sub(ServerTime(h, now)), 0), true
	}
	return 0, false
}

// ServerTime is the server's own time by an answer's Date, which may be off ours, or now where it tells none.
func ServerTime(h http.Header, now time.Time) time.Time {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		return date
	}
	return now
}

// epoch is where a number of seconds is taken for a moment (contracts/imanage.md 4.5).
const epoch = 1e9

// Seconds reads a header's value in seconds, or as a second since 1970 where it is far too large for a wait. What is past is below 0; ok
// is false for what is no number.
func Seconds(value string, now time.Time) (wait time.Duration, ok bool) {
	s, err := strconv.ParseFloat(value, 64)
	switch {
	case err != nil, math.IsNaN(s), math.IsInf(s, 0):
		return 0, false
	case s > epoch:
		s -= float64(now.UnixMilli()) / 1000
	}
	return seconds(s), true
}

// told says a throttled answer in a sentence.
func (a *asked) told(sentence string) string {
	if a.odd != "" {
		sentence += ": " + a.odd
	}
	return sentence
}

var _ provisioning.Budget = (*Client)(nil)
