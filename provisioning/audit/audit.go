// Package audit is the record's chain: each row sealed with a keyed hash over its own bytes and the row before it, and the
// verification that finds the first row that does not hold (threats F1). It works on rows that it is given; where they are kept
// is not its business.
package audit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"

	"rollcall/provisioning"
)

// KeySize is how many bytes a chain's key has.
const KeySize = 32

// Chain seals rows under one key. It is safe for concurrent use.
type Chain struct{ key []byte }

// NewChain makes a chain of a key of KeySize bytes.
func NewChain(key []byte) (*Chain, error) {
	if len(key) != KeySize {
		return nil, &provisioning.Error{
			Code: provisioning.Invalid, Message: fmt.Sprintf("the record's key has %d bytes, not %d", len(key), KeySize),
			Hint: "restore the key, or begin a new record in another state folder",
		}
	}
	return &Chain{key: append([]byte(nil), key...)}, nil
}

// Seal makes the row after prev. An event without an actor or a time is refused: nothing is done by nobody.
func (c *Chain) Seal(prev provisioning.Record, e provisioning.Event) (provisioning.Record, error) {
	if e.Actor == "" || e.Kind == "" || e.At.IsZero() {
		return provisioning.Record{}, errors.New("an event needs an actor, a kind and a time")
	}
	e.At = e.At.UTC()
	r := provisioning.Record{Seq: prev.Seq + 1, Event: e, Prev: prev.Hash}
	r.Hash = seal(c.key, &r)
	return r, nil
}

// seal is HMAC-SHA256 over the row's fields, each behind its length, so that no two rows give the same bytes.
func seal(key []byte, r *provisioning.Record) []byte {
	h := hmac.New(sha256.New, key)
	e := &r.Event
	number(h, r.Seq)
	number(h, e.At.UnixNano())
	for _, s := range []string{e.Actor, e.Session, string(e.Kind), e.Subject, e.Detail} {
		number(h, int64(len(s)))
		h.Write([]byte(s))
	}
	number(h, e.Batch)
	number(h, e.Unit)
	number(h, int64(e.Op))
	number(h, int64(len(r.Prev)))
	h.Write(r.Prev)
	return h.Sum(nil)
}

func number(h hash.Hash, n int64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n)) //nolint:gosec // the bits are what is hashed
	h.Write(b[:])
}

// Anchor is what was known of a chain at some moment, kept outside the store: with it a cut tail and a rewrite are found too.
type Anchor struct {
	Count int64
	Head  []byte
}

// Report is what a verification found.
type Report struct {
	OK     bool
	Count  int64
	Bad    int64 // the first row that does not hold; 0 where all do
	Reason string
	Head   []byte
}

// Verify walks a record from its first row and checks every row against the chain, and against the anchors. records calls visit
// for each row in the store's order.
func Verify(ctx context.Context, key []byte,
	records func(ctx context.Context, from int64, visit func(provisioning.Record) error) error, anchors ...Anchor,
) (Report, error) {
	var report Report
	var prev provisioning.Record
	stop := errors.New("stop")
	bad := func(seq int64, reason string) error {
		report.Bad, report.Reason = seq, reason
		return stop
	}
	err := records(ctx, 1, func(r provisioning.Record) error {
		switch {
		case r.Seq != prev.Seq+1:
			return bad(prev.Seq+1, fmt.Sprintf("row %d is missing: the next one is %d", prev.Seq+1, r.Seq))
		case !hmac.Equal(r.Prev, prev.Hash):
			return bad(r.Seq, "the row does not follow the one before it")
		case !hmac.Equal(r.Hash, seal(key, &r)):
			return bad(r.Seq, "the row was changed after it was written, or sealed with another key")
		}
		for _, a := range anchors {
			if a.Count == r.Seq && !hmac.Equal(a.Head, r.Hash) {
				return bad(r.Seq, "the row is not the one that the anchor saw: the record was rewritten")
			}
		}
		report.Count, report.Head, prev = r.Seq, r.Hash, r
		return ctx.Err()
	})
	if err != nil && !errors.Is(err, stop) {
		return report, err
	}
	if report.Bad == 0 {
		for _, a := range anchors {
			if a.Count > report.Count {
				report.Bad, report.Reason = report.Count+1, fmt.Sprintf("the record ends at row %d, the anchor saw %d: its tail was cut", report.Count, a.Count)
			}
		}
	}
	report.OK = report.Bad == 0
	return report, nil
}
