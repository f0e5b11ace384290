package policy

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/provisioning"
)

// Holder is an account and who it is linked to; Person is nil where nobody is.
type Holder struct {
	Account *provisioning.Account
	Person  *provisioning.Person
}

// licences tells which classes of seats count nobody, whom none of them fits, and which renewal has passed.
func (c *checker) licences() {
	classes := c.p.Licences.Classes
	if len(classes) == 0 {
		return
	}
	reached := make(map[*SeatClass]int)
	none := 0
	for _, h := range c.w.Holders {
		if class := c.p.Seat(h.Account, h.Person); class != nil {
			reached[class]++
		} else {
			none++
		}
	}
	open := true
	for i := range classes {
		class := &classes[i]
		where := fmt.Sprintf("class %d (%s)", i+1, class.Name)
		open = open && !class.everybody()
		if first := slices.IndexFunc(classes[:i], func(o SeatClass) bool { return o.covers(class) }); first >= 0 {
			c.say(provisioning.FindingBad, where, "can never count: class %d (%s) stands before it and fits all that it fits", first+1, classes[first].Name)
		} else if len(c.w.Holders) > 0 && reached[class] == 0 {
			c.say(provisioning.FindingWarning, where, "fits no account")
		}
		if !class.Renewal.IsZero() && !c.w.At.IsZero() && !c.w.At.Before(class.Renewal.AddDate(0, 0, 1)) {
			c.say(provisioning.FindingWarning, where, "its renewal was on %s: write the next one", class.Renewal.Format(dayFormat))
		}
	}
	switch {
	case none > 0:
		c.say(provisioning.FindingWarning, "licence", "no class fits %s: they are counted, and nobody knows what they cost", accounts(none))
	case open:
		c.say(provisioning.FindingWarning, "licence", "every class has conditions: an account that none fits has no price")
	}
}

func accounts(n int) string {
	if n == 1 {
		return "1 account"
	}
	return fmt.Sprintf("%d accounts", n)
}

// everybody reports whether the class has no conditions at all.
func (c *SeatClass) everybody() bool {
	return c.external == nil && len(c.accounts) == 0 && c.unconditional()
}

// unconditional reports whether the class says nothing of the person.
func (c *SeatClass) unconditional() bool { return c.rule == nil || len(c.rule.conditions) == 0 }

// covers reports whether the class surely fits every account that another one fits. A condition on a person fits no account that nobody is
// linked to.
func (c *SeatClass) covers(other *SeatClass) bool {
	if c.external != nil && (other.external == nil || *c.external != *other.external) {
		return false
	}
	if len(c.accounts) > 0 {
		if len(other.accounts) == 0 {
			return false
		}
		for _, pattern := range other.accounts {
			if !slices.ContainsFunc(c.accounts, func(wider string) bool { return wideIDs(wider, pattern) }) {
				return false
			}
		}
	}
	return c.unconditional() || !other.unconditional() && c.rule.covers(other.rule)
}

// wideIDs reports whether a pattern of ids surely fits every id that another one fits. Of the patterns with sets of letters it is told only
// where both are the same.
func wideIDs(wider, pattern string) bool {
	if strings.EqualFold(wider, pattern) {
		return true
	}
	return !strings.ContainsAny(wider, `?[\`) && !strings.ContainsAny(pattern, `[\`) && matches([]string{wider}, pattern)
}
