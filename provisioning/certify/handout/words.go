package handout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/provisioning"
)

// standingOf says how an access stands to the policy.
func standingOf(it *provisioning.ReviewItem) string {
	switch it.Standing {
	case provisioning.StandsBirthright:
		return strings.TrimSuffix("the policy gives it: "+it.Reason, ": ")
	case provisioning.StandsException:
		return strings.TrimSuffix("exception: "+it.Reason, ": ")
	case provisioning.StandsExcess:
		return "in excess: no rule gives it"
	default:
		return "the policy says nothing of it"
	}
}

const day = 24 * time.Hour

// useOf says when the account was used last.
func useOf(it *provisioning.ReviewItem, now time.Time) string {
	switch {
	case it.Usage == provisioning.Used && !it.LastUsed.IsZero():
		return fmt.Sprintf("%s ago: %s", daysOf(now.Sub(it.LastUsed)), it.UsedHow)
	case it.Usage == provisioning.NotUsed && !it.LastUsed.IsZero():
		return "not since " + it.LastUsed.UTC().Format("2 Jan 2006")
	case it.Usage == provisioning.NotUsed:
		return "not used: " + it.UsedHow
	default:
		return strings.TrimSuffix("not known: "+it.UsedHow, ": ")
	}
}

func daysOf(d time.Duration) string {
	switch n := int(d / day); n {
	case 0:
		return "less than a day"
	case 1:
		return "1 day"
	default:
		return fmt.Sprintf("%d days", n)
	}
}

func peersOf(it *provisioning.ReviewItem) string {
	if it.Peers == 0 {
		return "no peers"
	}
	return fmt.Sprintf("%d of %d", it.PeersHave, it.Peers)
}

func sinceOf(it *provisioning.ReviewItem) string {
	if it.Since.IsZero() {
		return "not known"
	}
	said := it.Since.UTC().Format("2 Jan 2006")
	if it.By != "" {
		said += ", by " + clean(it.By)
	}
	return said
}

// careOf is what a reviewer must not miss.
func careOf(it *provisioning.ReviewItem) []string {
	list := slices.Clone(it.Alarms)
	for _, w := range it.Walls {
		list = append(list, "breaks the wall "+w)
	}
	if it.Standing == provisioning.StandsExcess {
		list = append(list, "in excess")
	}
	return list
}
