package staging

import (
	"fmt"
	"strings"
	"time"

	"rollcall/provisioning"
)

// ReleaseFor is how long a release counts (DESIGN 5): from when it was given, or for a batch that waits for its minute from that.
const ReleaseFor = time.Hour

// Released says what counts at a moment of the releases that a batch carries: the whole one, nil where there is none, and the single
// ones, by account. One for another hash, one that expired, and one that is still to come (a clock was set back) count for nothing.
func Released(b *provisioning.Batch, now time.Time) (whole *provisioning.Release, singly map[string]provisioning.Release) {
	counts := func(r *provisioning.Release) bool {
		from := r.At
		if b.State == provisioning.BatchScheduled && b.Due.After(from) && !now.Before(from) {
			return b.Hash != "" && r.Hash == b.Hash && now.Sub(b.Due) <= ReleaseFor
		}
		age := now.Sub(from)
		return b.Hash != "" && r.Hash == b.Hash && age >= 0 && age <= ReleaseFor
	}
	if b.Release != nil && b.Release.Account == "" && counts(b.Release) {
		whole = b.Release
	}
	singly = make(map[string]provisioning.Release)
	for i := range b.Singly {
		if r := &b.Singly[i]; r.Account != "" && counts(r) {
			singly[strings.ToUpper(r.Account)] = *r
		}
	}
	return whole, singly
}

// release takes the hold off the verdicts that an operator released: whole, or where each of its people was released singly. One
// person who was not holds the whole batch.
func release(b *provisioning.Batch, now time.Time, verdicts []provisioning.Verdict) {
	whole, singly := Released(b, now)
	for i := range verdicts {
		v := &verdicts[i]
		if !v.Holds || !v.Releasable {
			continue
		}
		if whole != nil {
			v.Holds = false
			v.Sentence += ", released by " + whole.By
			continue
		}
		n := 0
		for j, account := range v.Accounts {
			if _, ok := singly[strings.ToUpper(account)]; ok {
				n++
				v.People[j] += ", released"
			}
		}
		switch {
		case n == 0:
		case n == len(v.Accounts):
			v.Holds = false
			v.Sentence += ", released one by one"
		default:
			v.Sentence += fmt.Sprintf(", %d of %d released", n, len(v.Accounts))
		}
	}
}
