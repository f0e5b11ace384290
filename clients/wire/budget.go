package wire

import "time"

// dearest is how many times the cost of an ordinary request the dearest one has.
const dearest = 3

// budget says when the next request may leave: so many a second, spread evenly. A part of them gathers in a purse that only requests
// take from for which a person waits. Whoever takes what is not there yet waits for it, and gets it in turn.
type budget struct {
	units   float64 // that an ordinary request costs
	rate    float64 // requests a second; 0: no limit
	reserve float64 // of it, for the purse of people
	lend    bool    // what that purse cannot hold goes to the other one

	common float64 // in units; below 0: promised already
	people float64
	at     time.Time // up to which both are filled
}

// burst is what the common purse holds.
func (b *budget) burst() float64 {
	if b.units > 1 {
		return dearest * b.units
	}
	return 1
}

// stock is what the people's purse holds: a second's worth, and one request at least.
func (b *budget) stock() float64 {
	if b.keep() <= 0 {
		return 0
	}
	return max(b.keep()*b.units, b.burst())
}

// spare is what flows to everybody, keep what flows to people first. Some of the rate is everybody's always.
func (b *budget) spare() float64 { return max(b.rate-b.reserve, b.rate/10) }
func (b *budget) keep() float64  { return b.rate - b.spare() }

// set changes the rate from now on. Where there was none, one unit lies ready, and all that is for people.
func (b *budget) set(perSecond, reserve float64, now time.Time) {
	b.fill(now)
	unlimited := b.rate <= 0
	b.rate, b.reserve = max(perSecond, 0), reserve
	if unlimited {
		b.common, b.people = 1, b.stock()
	}
	b.people = min(b.people, b.stock())
}

// fill brings the purses up to now.
func (b *budget) fill(now time.Time) {
	passed := now.Sub(b.at).Seconds()
	b.at = now
	if passed <= 0 || b.rate <= 0 {
		return
	}
	b.people += b.keep() * b.units * passed
	over := max(b.people-b.stock(), 0)
	b.people -= over
	b.common += b.spare() * b.units * passed
	if b.lend {
		b.common += over
	}
	b.common = min(b.common, b.burst())
}

// take takes what a request costs out of a purse, and says how long it must wait until that is there. A person's request takes from the
// purse that has it first.
func (b *budget) take(now time.Time, cost float64, person bool) time.Duration {
	if b.rate <= 0 {
		return 0
	}
	b.fill(now)
	cost = min(cost, b.burst())
	wait := b.until(cost - b.common)
	if person && b.keep() > 0 {
		if own := max(cost-b.people, 0) / (b.keep() * b.units); own <= wait {
			b.people -= cost
			return seconds(own)
		}
	}
	b.common -= cost
	return seconds(wait)
}

// until is how many seconds it takes until the common purse holds so much more.
func (b *budget) until(lack float64) float64 {
	if lack <= 0 {
		return 0
	}
	slow := b.spare() * b.units
	if !b.lend || b.keep() <= 0 {
		return lack / slow
	}
	full := (b.stock() - b.people) / (b.keep() * b.units) // from then on everything flows here
	if lack <= slow*full {
		return lack / slow
	}
	return full + (lack-slow*full)/(b.rate*b.units)
}

// seconds makes a time of seconds, never longer than a year.
func seconds(s float64) time.Duration {
	const year = 366 * 24 * 3600
	return time.Duration(min(max(s, -year), year) * float64(time.Second))
}
