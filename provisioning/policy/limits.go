package policy

import (
	"strings"
	"time"
)

// Limits are the guards' limits (DESIGN 5).
type Limits struct {
	Count   int `toml:"count"`   // people who lose access in one batch
	Percent int `toml:"percent"` // of the enabled accounts; the smaller of the two holds
	Day     int `toml:"day"`     // people over any rolling 24 h
	Week    int `toml:"week"`    // people over any rolling 7 days
	// PartPercent is for one office or library: of its enabled people, in a batch and the 24 h before it. As many as PartLeast may
	// always go: a small office loses two people on a common day.
	PartPercent int           `toml:"part_percent"`
	PartLeast   int           `toml:"part_least"`
	Stale       time.Duration `toml:"-"` // how old a snapshot may be at the review
	StaleIn     string        `toml:"stale"`
}

// defaultLimits are those of a firm that set none.
func defaultLimits() Limits {
	return Limits{Count: 20, Percent: 10, Day: 20, Week: 40, PartPercent: 25, PartLeast: 5, Stale: time.Hour}
}

// Part is how many of an office or library with so many enabled people may lose it, in a batch together with the 24 h before it.
func (l Limits) Part(enabled int) int { return max(l.PartLeast, enabled*l.PartPercent/100) }

// stricter is the smaller of each limit.
func (l Limits) stricter(other Limits) Limits {
	l.Count = min(l.Count, other.Count)
	l.Percent = min(l.Percent, other.Percent)
	l.Day = min(l.Day, other.Day)
	l.Week = min(l.Week, other.Week)
	l.PartPercent = min(l.PartPercent, other.PartPercent)
	l.PartLeast = min(l.PartLeast, other.PartLeast)
	l.Stale = min(l.Stale, other.Stale)
	return l
}

func (p *Policy) setLimits(l Limits) error {
	if l.StaleIn != "" {
		d, err := time.ParseDuration(l.StaleIn)
		if err != nil || d <= 0 {
			return invalid("limits.stale is no duration such as 1h or 30m: %s", l.StaleIn)
		}
		l.Stale = d
	}
	if min(l.Count, l.Day, l.Week, l.Percent) < 0 || l.Percent > 100 {
		return invalid("limits must be 0 or more, and percent at most 100")
	}
	if min(l.PartPercent, l.PartLeast) < 0 || l.PartPercent > 100 {
		return invalid("part_percent and part_least must be 0 or more, and part_percent at most 100")
	}
	p.Limits = l
	return nil
}

// isGroup reports whether an entry of the lists names a group, as LIBRARY/GROUP or /GROUP, and not an account.
func isGroup(entry string) bool { return strings.Contains(entry, "/") }
