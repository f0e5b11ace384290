// Package audit is the record's chain: each row sealed with a keyed hash over its own bytes and the row before it, checkpoints that are
// signed and anchored outside the store, and the verification that finds and names what was done to a record (threats F1). It works on
// rows that it is given; where they are kept is not its business.
package audit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"

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

// seal is HMAC-SHA256 over the row's canonical bytes.
func seal(key []byte, r *provisioning.Record) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(r.Canonical())
	return h.Sum(nil)
}

// Anchor is what was known of a chain at some moment, kept outside the store: printed on a batch's report, say. Head may be its first
// bytes alone.
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
// for each row in the store's order. Check does more.
func Verify(ctx context.Context, key []byte,
	records func(ctx context.Context, from int64, visit func(provisioning.Record) error) error, anchors ...Anchor,
) (Report, error) {
	v, err := Check{Key: key, Saw: anchors}.Run(ctx, rowsOnly(records))
	r := Report{OK: v.OK(), Count: v.Rows, Head: v.Head}
	if !r.OK {
		r.Bad, r.Reason = v.Problems[0].First, v.Problems[0].Sentence
	}
	return r, err
}

// rowsOnly is a record without checkpoints.
type rowsOnly func(ctx context.Context, from int64, visit func(provisioning.Record) error) error

// Records walks the rows.
func (r rowsOnly) Records(ctx context.Context, from int64, visit func(provisioning.Record) error) error {
	return r(ctx, from, visit)
}

// Checkpoints are none.
func (r rowsOnly) Checkpoints(context.Context, func(provisioning.Checkpoint) error) error { return nil }
