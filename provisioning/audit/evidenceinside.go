package audit

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/klauspost/compress/flate"

	"rollcall/provisioning"
)

// The bounds of what is read from within a part.
const (
	mostInside      = 256 << 20
	mostTight       = 256 // times smaller than it is, above tightFrom
	tightFrom       = 32 << 20
	mostRowProblems = 20
)

// inside checks what the parts hold: records by their digests and signatures, certificates by their signatures, other kinds by the readers
// that were given.
func (v *bundleCheck) inside(ctx context.Context) error {
	reviews := &reviews{openings: make(map[string]string)}
	unread := make(map[string]bool)
	for i := range v.found.list.Parts {
		if !v.places[i].there || v.failed != nil {
			continue
		}
		if err := v.one(ctx, i, reviews, unread); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	v.pair(reviews)
	for _, kind := range slices.Sorted(maps.Keys(unread)) {
		v.report.Notes = append(v.report.Notes, word(fmt.Sprintf("the parts of the kind %q were checked by their sums alone, not read from within", kind)))
	}
	return nil
}

// reviews are the snapshots of reviews that were read.
type reviews struct {
	openings map[string]string // hash → part
	closings []struct{ part, opening string }
}

func (v *bundleCheck) one(ctx context.Context, i int, r *reviews, unread map[string]bool) error {
	p := &v.found.list.Parts[i]
	read := v.Readers[p.Kind]
	switch {
	case p.Kind == PartRecord:
		return v.record(ctx, i)
	case p.Kind == PartCertificate && read == nil:
		read = readCertificate
	case p.Kind == partReadme || p.Kind == partControls || p.Kind == partSums:
		return nil
	case read == nil:
		unread[p.Kind] = true
		return nil
	}
	if p.Size > mostInside || (p.Size > tightFrom && p.Size/mostTight > v.places[i].stored) {
		v.finding(Edited, p.Name, "part %s cannot be read from within: it is beyond all bounds", p.Name)
		return nil
	}
	found, err := read(io.LimitReader(v.open(ctx, i), mostInside))
	if err != nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !v.bad[p.Name] && v.failed == nil {
			v.finding(Edited, p.Name, "part %s does not hold from within: %s", p.Name, err)
		}
		return nil
	}
	v.report.Parts[i].Summary = word(found.Summary)
	v.sameKey(p.Name, found.Key)
	if found.Hash == "" {
		found.Hash = p.SHA256
	}
	switch p.Kind {
	case PartCertificate:
		v.report.Certificates++
	case PartReviewOpening:
		v.report.Reviews++
		r.openings[found.Hash] = p.Name
	case PartReviewClosing:
		v.report.Reviews++
		r.closings = append(r.closings, struct{ part, opening string }{p.Name, found.Opening})
	default:
	}
	return nil
}

// open unpacks a part from its beginning.
func (v *bundleCheck) open(ctx context.Context, i int) io.Reader {
	p := &v.places[i]
	in := bufio.NewReaderSize(v.reader(ctx, p.at, p.stored), bufferFor(p.stored))
	if !p.packed {
		return in
	}
	return flate.NewReader(in)
}

// sameKey holds the key that signed what is inside against that of the bundle.
func (v *bundleCheck) sameKey(part string, key ed25519.PublicKey) {
	switch {
	case key == nil || v.report.Key == nil || v.report.Key.Equal(key):
	case v.trusts(key):
		v.report.Notes = append(v.report.Notes, word(fmt.Sprintf("part %s is signed by the key %s, which was given as well as the bundle's", part, Fingerprint(key))))
	default:
		v.finding(OtherKey, part, "part %s is signed by the key %s, and the bundle by %s: where the firm had another key before, give that too", part, Fingerprint(key), v.report.Fingerprint())
	}
}

// pair finds the opening of every closing.
func (v *bundleCheck) pair(r *reviews) {
	for _, c := range r.closings {
		if _, ok := r.openings[c.opening]; !ok {
			hash := c.opening
			if len(hash) > 16 {
				hash = hash[:16] + "…"
			}
			v.finding(Dropped, c.part, "part %s is the closing of a review whose opening (%s) is not in the bundle", c.part, hash)
		}
	}
}

func readCertificate(in io.Reader) (EvidenceInside, error) {
	s, err := ReadSigned(in)
	if err != nil {
		return EvidenceInside{}, err
	}
	c := &s.Certificate
	whole := "not complete yet"
	if c.Complete {
		whole = "complete"
	}
	return EvidenceInside{
		Summary: fmt.Sprintf("certificate of removal of batch %d, %d people, %s, made %s", c.Batch, len(c.People), whole, moment(c.Made)), Key: s.PublicKey,
	}, nil
}

// record checks a section of the record.
func (v *bundleCheck) record(ctx context.Context, i int) error {
	p := &v.found.list.Parts[i]
	b, err := openBundle(func() (io.Reader, error) { return v.open(ctx, i), nil })
	var seen Verification
	if err == nil {
		b.points, b.small = v.places[i].points, p.Size < exportBuffer
		check := v.Check
		check.Section = b.Section
		seen, err = check.Run(ctx, b)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var unreadable *provisioning.Error
	switch {
	case err == nil:
	case v.failed != nil || !errors.As(err, &unreadable):
		return err
	default:
		if !v.bad[p.Name] { // else that is told: what was changed cannot be read
			v.finding(Edited, p.Name, "part %s cannot be read as a record: %s", p.Name, err)
		}
		return nil
	}
	for n := range seen.Problems {
		if n == mostRowProblems {
			v.report.Notes = append(v.report.Notes, word(fmt.Sprintf("part %s: %s more problems of its rows are not listed", p.Name, Count(int64(len(seen.Problems)-n)))))
			break
		}
		v.finding(seen.Problems[n].Kind, p.Name, "part %s: %s", p.Name, seen.Problems[n].Sentence)
	}
	v.sameKey(p.Name, seen.Key)
	v.report.Records = append(v.report.Records, seen)
	for _, note := range seen.Notes {
		v.report.Notes = append(v.report.Notes, word(fmt.Sprintf("part %s: %s", p.Name, note)))
	}
	for _, r := range seen.Restores {
		v.report.Notes = append(v.report.Notes, word(fmt.Sprintf("part %s: row %s tells that %s put the store back from a backup at %s", p.Name, Count(r.Row), r.By, moment(r.At))))
	}
	v.report.Rows += max(0, seen.Rows-seen.First+1)
	v.report.Parts[i].Summary = strings.TrimSpace(span("row", seen.First, seen.Rows, "", "")) + " of the record"
	if seen.Rows < seen.First {
		v.report.Parts[i].Summary = "an empty record"
	}
	return nil
}

// say says what the bundle proves and what not, in plain words.
func (v *bundleCheck) say() {
	r := &v.report
	r.DoesNotProve = append(r.DoesNotProve, v.limits()...)
	if !r.OK() {
		return
	}
	whose := "the key " + r.Fingerprint()
	if r.Vouched {
		whose += ", which is the one that was given"
	}
	r.Proves = append(r.Proves, fmt.Sprintf("Every byte of the %s parts is as it was when %s sealed them, by its own word at %s. None was added, left out, exchanged or moved since.",
		Count(int64(len(r.Parts))), whose, moment(r.Head.Made)))
	for i := range r.Records {
		one := &r.Records[i]
		if one.Rows < one.First {
			continue
		}
		r.Proves = append(r.Proves, fmt.Sprintf("The record follows on without a gap: %s, the last one's head is %x….", span("row", one.First, one.Rows, "is in it", "are in it"), one.Head[:min(8, len(one.Head))]))
		if one.Signed.Row > 0 {
			r.Proves = append(r.Proves, fmt.Sprintf("Its rows up to %s are as they were signed at %s.", Count(one.Signed.Row), moment(one.Signed.At)))
		}
		if one.Anchored.Row > 0 {
			r.Proves = append(r.Proves, word(fmt.Sprintf("Its rows up to %s are as %s saw them, outside the firm's store.", Count(one.Anchored.Row), one.Anchored.Place)))
		}
	}
	if r.Certificates > 0 {
		r.Proves = append(r.Proves, fmt.Sprintf("%s: each is as it was signed.", many(r.Certificates, "certificate of removal is in it", "certificates of removal are in it")))
	}
	if r.Reviews > 0 {
		r.Proves = append(r.Proves, fmt.Sprintf("%s: each is as it was signed, and each closing is of an opening that is in it.", many(r.Reviews, "snapshot of a review is in it", "snapshots of reviews are in it")))
	}
}

func many(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(int64(n)) + " " + more
}

// limits are what this check does not prove.
func (v *bundleCheck) limits() (said []string) {
	r := &v.report
	if !r.OK() {
		said = append(said, "Anything, before what was found is explained: ask for another copy, and compare the SHA-256 of the file with what the firm noted.")
	}
	if !r.Vouched && r.Key != nil {
		said = append(said, fmt.Sprintf("That the key %s is the firm's: it is the bundle's own word. Ask the firm for its key by another way, and give it with --key.", r.Fingerprint()))
	}
	keyed := true
	for i := range r.Records {
		one := &r.Records[i]
		keyed = keyed && one.Keyed
		if one.Signed.Row < one.Rows {
			said = append(said, fmt.Sprintf("When the rows after %s were written: no checkpoint had signed them yet when the bundle was sealed.", Count(one.Signed.Row)))
		}
	}
	if !keyed {
		said = append(said, "The keyed hashes of the record: they were not checked, that takes the record's own key. The rows were checked by their digests and signatures.")
	}
	return append(append(said, standingLimits()...), "That a control is met: the mapping to SOC 2 and ISO 27001 is a guide to the parts.")
}
