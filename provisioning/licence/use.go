package licence

import (
	"fmt"
	"strings"
	"time"

	"rollcall/provisioning"
)

const (
	day = 24 * time.Hour
	// recent is how old a reading of use may be before it says nothing of today any more.
	recent = 7 * day
	// skew is how far ahead of this machine's clock an event may be dated (threats D3).
	skew = 5 * time.Minute
)

// Finding is what is known of an account's use.
type Finding struct {
	Usage provisioning.Usage
	Last  time.Time // the newest sign of use; zero: none was met
	How   string    // on what the finding rests, in a sentence
	Idle  int       // whole days for which the account was surely not used, at least; -1: not known
}

// Use says whether an account was used within so many days (contracts/imanage.md 5.1: iManage publishes no last sign-in). A document's
// event, or a sign-in to the directory, within them is use; the latter may have been for something else, and is believed all the same: it
// is the careful side. Not used takes more: the account's document history was read whole over all of these days, a short time ago, the
// account is older than that, and nothing within them was met. All else is unknown.
func Use(a *provisioning.Account, p *provisioning.Person, act *provisioning.Activity, now time.Time, days int) Finding {
	from := now.Add(-time.Duration(days) * day)
	f := Finding{Usage: provisioning.UsageUnknown, Idle: -1}
	if act != nil && !act.Last.IsZero() {
		f.Last, f.How = act.Last, act.What
	}
	signIn := ""
	if p != nil && !p.LastSignIn.IsZero() {
		signIn = "signed in to " + p.Key.Directory
		if p.LastSignIn.After(f.Last) {
			f.Last, f.How = p.LastSignIn, signIn+", perhaps for something else"
		}
	}
	if f.Last.After(now.Add(skew)) {
		f.How = "the last use is dated in the future: " + f.How
		return f
	}
	if !f.Last.Before(from) {
		f.Usage, f.Idle = provisioning.Used, -1
		if fresh(act, now) && act.Whole && !f.Last.Before(act.Since) {
			f.Idle = max(0, int(now.Sub(f.Last)/day))
		}
		return f
	}
	if why := gap(a, act, now, from, days); why != "" {
		f.How = why
		return f
	}
	begins := act.Since
	if a.Created.After(begins) {
		begins = a.Created
	}
	if f.Last.After(begins) {
		begins = f.Last
	}
	f.Usage, f.Idle = provisioning.NotUsed, int(now.Sub(begins)/day)
	said := []string{"no document event since " + begins.UTC().Format(time.DateOnly)}
	switch {
	case p == nil:
		said = append(said, "nobody is linked")
	case signIn == "":
		said = append(said, p.Key.Directory+" tells no sign-in")
	default:
		said = append(said, signIn+" last on "+p.LastSignIn.UTC().Format(time.DateOnly))
	}
	f.How = strings.Join(said, "; ")
	return f
}

// fresh reports whether a reading of use was begun a short time ago, and not in the future.
func fresh(act *provisioning.Activity, now time.Time) bool {
	return act != nil && !act.Read.IsZero() && !act.Read.After(now.Add(skew)) && now.Sub(act.Read) <= recent
}

// gap says why nobody can tell that an account was not used over some days; "" where it can be told.
func gap(a *provisioning.Account, act *provisioning.Activity, now, from time.Time, days int) string {
	switch {
	case act == nil:
		return "its use was never read"
	case !act.Whole:
		return "its document history was not read whole: " + act.Why
	case act.Since.IsZero() || act.Since.After(from):
		return fmt.Sprintf("its document history was not read as far back as %d days", days)
	case !fresh(act, now):
		return "its use was last read more than 7 days ago"
	case a.Created.IsZero():
		return "nobody knows how old the account is"
	case a.Created.After(from):
		return "the account was made on " + a.Created.UTC().Format(time.DateOnly)
	default:
		return ""
	}
}

// Check is the look at an account's use right before its seat is taken back: "" where it is surely unused still, else why it is not taken.
// It fails to the careful side: what cannot be told is a reason, and so is any sign of use since the notice. again is the account's use, read
// just now, and after the notice; a and again must be of the account that the notice was given of.
func Check(r *provisioning.Reclaim, a *provisioning.Account, p *provisioning.Person, again *provisioning.Activity, now time.Time, days int) string {
	switch {
	case a == nil || !strings.EqualFold(a.ID, r.Account):
		return "the account could not be read again"
	case again == nil || !strings.EqualFold(again.Account, r.Account) || again.Read.Before(r.NoticedAt) || now.Sub(again.Read).Abs() > skew:
		return "its use could not be read again"
	}
	f := Use(a, p, again, now, days)
	switch {
	case f.Usage == provisioning.UsageUnknown:
		return "nobody can tell whether it is used: " + f.How
	case f.Last.After(r.NoticedAt):
		return fmt.Sprintf("it was used since the notice: %s, %s", f.How, f.Last.UTC().Format("2006-01-02 15:04 UTC"))
	case f.Usage == provisioning.Used:
		return fmt.Sprintf("it is used: %s, %s", f.How, f.Last.UTC().Format("2006-01-02 15:04 UTC"))
	default:
		return ""
	}
}
