package wire

import (
	"math"
	"time"
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

// usedSpan is over how many whole seconds requests are counted.
const usedSpan = 5

// last is how many there were in the last whole seconds, and in how many of those there was any.
func (u *used) last(now time.Time) (total, seconds int) {
	for i, s := range u.second {
		if age := now.Unix() - s; age >= 1 && age <= usedSpan && u.count[i] > 0 {
			total += u.count[i]
			seconds++
		}
	}
	return total, seconds
}

// perSecond is the mean over the last whole seconds.
func (u *used) perSecond(now time.Time) float64 {
	total, _ := u.last(now)
	return float64(total) / usedSpan
}

// The rules by which a rate is found where nobody tells one: refusals are few by chance, and many beyond what a system bears.
const (
	tooMany = 0.2  // the share of refusals from which fewer are sent: as many as were not refused
	few     = 0.12 // the share up to which a little more is tried
	more    = 1.03 // by how much, each second
	atLeast = 10   // refusals, before anything is believed of them
)

// refusedOnce counts a refusal for the rate, with a wait or without one. Where a large part of the last seconds' requests was refused,
// what was not is taken for the rate that the system bears. One that refuses everything has no rate: it is waited for. The caller holds
// mu.
func (c *Client) refusedOnce(now time.Time) {
	c.refusals.add(now)
	if len(c.windows) > 0 || now.Sub(c.foundAt) < usedSpan*time.Second {
		return
	}
	sent, seconds := c.used.last(now)
	refused, _ := c.refusals.last(now)
	if seconds < 2 || refused < atLeast || refused >= sent || float64(refused) < tooMany*float64(sent) {
		return
	}
	c.found, c.foundAt = float64(sent-refused)/float64(seconds), now
	c.repace(now)
}

// tryMore raises a rate that was found, while hardly anything is refused and all of it is used. The caller holds mu.
func (c *Client) tryMore(now time.Time) {
	if c.found <= 0 || now.Sub(c.foundAt) < time.Second {
		return
	}
	sent, _ := c.used.last(now)
	refused, _ := c.refusals.last(now)
	const most = 0.8 // of it is all of it
	if float64(refused) > few*float64(sent) || float64(sent) < most*c.found*usedSpan {
		return
	}
	c.found, c.foundAt = c.found*more, now
	c.repace(now)
}

// repace sets the budget to the least of what was told and found. The caller holds mu or is alone.
func (c *Client) repace(now time.Time) {
	rate := c.told
	if c.found > 0 && (rate <= 0 || c.found < rate) {
		rate = c.found
	} else {
		c.found = 0
	}
	reserve := c.opts.Reserve
	switch {
	case c.opts.PerSecond > 0: // as large a share of it stays free
		reserve *= rate / c.opts.PerSecond
	case c.opts.Lend:
		reserve = c.opts.Share * rate
	}
	c.allows(rate, now)
	c.budget.set(rate, reserve, now)
}

// allows remembers the rate in force, and since when it is about that. The caller holds mu or is alone.
func (c *Client) allows(rate float64, now time.Time) {
	const other = 0.2
	if c.allowed = rate; math.Abs(rate-c.about) > other*c.about {
		c.about, c.since = rate, now
	}
}
