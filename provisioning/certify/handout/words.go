package handout

import (
	"fmt"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/names"
)

// clean is what a foreign string may become in a file that is opened elsewhere (threats A1).
func clean(s string) string { return names.Clean(s).String() }

// accessOf says an item's access in words.
func accessOf(it *provisioning.ReviewItem) string {
	object, library := clean(it.Object), clean(it.Library)
	switch it.Kind {
	case provisioning.ReviewLibrary:
		if it.Role == "" {
			return "library " + library
		}
		return "library " + library + " as " + clean(it.Role)
	case provisioning.ReviewGroup:
		if it.Library == "" {
			return "global group " + object
		}
		return "group " + object + " in " + library
	case provisioning.ReviewGlobalRole:
		return "global role " + object
	default:
		return "the account itself"
	}
}

// standingOf says how an access stands to the policy.
func standingOf(it *provisioning.ReviewItem) string {
	reason := clean(it.Reason)
	switch it.Standing {
	case provisioning.StandsBirthright:
		return strings.TrimSuffix("the policy gives it: "+reason, ": ")
	case provisioning.StandsException:
		return strings.TrimSuffix("exception: "+reason, ": ")
	case provisioning.StandsExcess:
		return "in excess: no rule gives it"
	default:
		return "the policy says nothing of it"
	}
}

// date is how a day is written: a file is opened weeks after it was made, so it tells days, and not how long ago they were.
const date = "2 Jan 2006"

// useOf says when the account was used last, and how that is known.
func useOf(it *provisioning.ReviewItem) string {
	how := clean(it.UsedHow)
	switch {
	case it.Usage == provisioning.Used && !it.LastUsed.IsZero():
		return strings.TrimSuffix(it.LastUsed.UTC().Format(date)+": "+how, ": ")
	case it.Usage == provisioning.NotUsed && !it.LastUsed.IsZero():
		return "not used since " + it.LastUsed.UTC().Format(date)
	case it.Usage == provisioning.NotUsed:
		return strings.TrimSuffix("not used: "+how, ": ")
	default:
		return strings.TrimSuffix("not known: "+how, ": ")
	}
}

// peersOf says how many others in the same seat have the same.
func peersOf(it *provisioning.ReviewItem) string {
	switch {
	case it.Peers == 0:
		return "no peers"
	case it.PeersHave == 0:
		return fmt.Sprintf("none of %d", it.Peers)
	default:
		return fmt.Sprintf("%d of %d", it.PeersHave, it.Peers)
	}
}

// sinceOf says since when it is known, and who gave it.
func sinceOf(it *provisioning.ReviewItem) string {
	if it.Since.IsZero() {
		return "not known"
	}
	said := it.Since.UTC().Format(date)
	if it.By != "" {
		said += ", by " + clean(it.By)
	}
	return said
}

// careOf is what a reviewer must not miss: the alarms of an item, and the walls that it takes part in breaking.
func careOf(it *provisioning.ReviewItem) []string {
	list := make([]string, 0, len(it.Alarms)+len(it.Walls))
	for _, a := range it.Alarms {
		list = append(list, clean(a))
	}
	for _, w := range it.Walls {
		list = append(list, "breaks the wall "+clean(w))
	}
	return list
}

// seatOf is what somebody is, in one line.
func seatOf(it *provisioning.ReviewItem) string {
	var seat []string
	for _, s := range []string{it.Title, it.Practice, it.Office} {
		if s != "" {
			seat = append(seat, clean(s))
		}
	}
	return strings.Join(seat, ", ")
}

// priorOf says what the stage before proposed; "" for nothing.
func priorOf(in *Input, n int) string {
	p, ok := in.Prior[n]
	if !ok {
		return ""
	}
	said := clean(string(p.Verdict)) + " by " + clean(p.Reviewer)
	if p.Reason != "" {
		said += ": " + clean(p.Reason)
	}
	return said
}
