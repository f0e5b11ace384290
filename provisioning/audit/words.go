package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// Fingerprint names a public key for people: the first bytes of its SHA-256.
func Fingerprint(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// Count writes a number with commas between the thousands.
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// givenKey is who vouches for a key that the caller gave.
const givenKey = "the key that was given"

func moment(at time.Time) string { return at.UTC().Format("2 Jan 2006 15:04:05 UTC") }

// span says "row 7 is" or "rows 7 to 9 are".
func span(noun string, first, last int64, one, many string) string {
	if first >= last {
		return fmt.Sprintf("%s %s %s", noun, Count(last), one)
	}
	return fmt.Sprintf("%ss %s to %s %s", noun, Count(first), Count(last), many)
}

// Trust says what the rows' proof rests on, whatever was found: how far it is anchored and signed, and what is not. No row is called
// proven that no anchor saw.
func (v *Verification) Trust() (said []string) {
	last := v.Rows
	if last < v.First {
		return nil
	}
	since := "the record began"
	if v.Anchored.Row > 0 {
		line := fmt.Sprintf("anchored by %s up to row %s", v.Anchored.Place, Count(v.Anchored.Row))
		if !v.Anchored.At.IsZero() {
			line += " of " + moment(v.Anchored.At)
			since = moment(v.Anchored.At)
		} else {
			since = "row " + Count(v.Anchored.Row)
		}
		said = append(said, line)
	}
	if v.Anchored.Row < last {
		line := fmt.Sprintf("%s not anchored since %s", span("row", max(v.First, v.Anchored.Row+1), last, "is", "are"), since)
		if !v.asked {
			line += ": no anchor was given"
		}
		said = append(said, line+"; whoever holds the keys could have changed them")
	}
	switch {
	case v.Signed.Row == 0:
		said = append(said, "no row is signed")
	case v.Signed.Row < last:
		said = append(said, fmt.Sprintf("signed up to row %s of %s; %s not signed yet", Count(v.Signed.Row), moment(v.Signed.At), span("row", v.Signed.Row+1, last, "is", "are")))
	default:
		said = append(said, fmt.Sprintf("signed up to row %s of %s", Count(v.Signed.Row), moment(v.Signed.At)))
	}
	switch {
	case v.Key == nil:
	case v.Vouched == "":
		said = append(said, fmt.Sprintf("the signing key %s is the record's own word: give --key or --anchor to know that it is the right one", Fingerprint(v.Key)))
	case v.Vouched == givenKey:
		said = append(said, fmt.Sprintf("the signing key %s is the one that was given", Fingerprint(v.Key)))
	default:
		said = append(said, fmt.Sprintf("the signing key %s is vouched for by %s", Fingerprint(v.Key), v.Vouched))
	}
	if !v.Keyed {
		said = append(said, "the keyed hashes were not checked: that takes the record's own key")
	}
	for _, r := range v.Restores {
		line := fmt.Sprintf("row %s tells that %s put the store back from a backup at %s", Count(r.Row), r.By, moment(r.At))
		if r.First > 0 {
			line += fmt.Sprintf("; rows %s to %s of before are lost", Count(r.First), Count(r.Last))
		}
		said = append(said, line)
	}
	return append(said, v.Notes...)
}

// Verdict is the one sentence that the verification comes to.
func (v *Verification) Verdict() string {
	switch {
	case !v.OK() && v.Problems[0].First > 0:
		return fmt.Sprintf("the record does not hold at row %d: %s", v.Problems[0].First, v.Problems[0].Sentence)
	case !v.OK():
		return "the record does not hold: " + v.Problems[0].Sentence
	case v.Rows < v.First:
		return "the record is empty"
	case v.Proven():
		return fmt.Sprintf("the record holds: %s, head %s", span("row", v.First, v.Rows, "is as it was written", "are as they were written"), hex.EncodeToString(v.Head))
	default:
		return fmt.Sprintf("nothing wrong was found: %s read, head %s", span("row", v.First, v.Rows, "was", "were"), hex.EncodeToString(v.Head))
	}
}
