package provisioning

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Checkpoint is a signed statement of how far the record had come (threats F1). It is made in the store and handed to whoever keeps
// anchors outside it.
type Checkpoint struct {
	Seq int64     `json:"seq"` // the last row that it covers
	At  time.Time `json:"at"`
	// Head is that row's keyed hash. Digest is the chain of plain SHA-256 over the canonical bytes of every row up to it: it can be
	// checked on a machine that does not have the record's key.
	Head      []byte `json:"head"`
	Digest    []byte `json:"digest"`
	Prev      []byte `json:"prev,omitempty"` // the signature of the checkpoint before this one; none in the first
	PublicKey []byte `json:"public_key"`     // Ed25519
	Signature []byte `json:"signature"`
}

// Statement is the bytes that a checkpoint's signature is over: a name that no other statement of rollcall has, and every field behind
// its length.
func (c *Checkpoint) Statement() []byte {
	b := text(nil, "rollcall record checkpoint 1")
	b = number(b, c.Seq)
	b = number(b, c.At.UnixNano())
	for _, field := range [][]byte{c.Head, c.Digest, c.Prev, c.PublicKey} {
		b = text(b, string(field))
	}
	return b
}

// Holds reports whether the signature is that of the checkpoint's own key over its statement. Whose key it is, is for the caller to know.
func (c *Checkpoint) Holds() bool {
	return len(c.PublicKey) == ed25519.PublicKeySize && ed25519.Verify(c.PublicKey, c.Statement(), c.Signature)
}

// Canonical is a row's bytes as they are hashed: its fields, each behind its length, so that no two rows give the same bytes. The row's
// own hash is not among them. What was added to an event later follows at the end, and only where there is any: a row from before has
// the bytes that it always had.
func (r *Record) Canonical() []byte {
	e := &r.Event
	b := make([]byte, 0, 256+len(e.Detail))
	b = number(b, r.Seq)
	b = number(b, e.At.UnixNano())
	for _, s := range []string{e.Actor, e.Session, string(e.Kind), e.Subject, e.Detail} {
		b = text(b, s)
	}
	b = number(b, e.Batch)
	b = number(b, e.Unit)
	b = number(b, int64(e.Op))
	b = text(b, string(r.Prev))
	if e.Person != "" || e.Login != "" {
		b = text(text(b, e.Person), e.Login)
	}
	return b
}

// Digest carries the chain of plain SHA-256 on by one row; prev is what it gave for the row before, nil for the first.
func (r *Record) Digest(prev []byte) []byte {
	h := sha256.New()
	if prev == nil {
		first := sha256.Sum256([]byte("rollcall record digest 1"))
		prev = first[:]
	}
	h.Write(prev)
	h.Write(r.Canonical())
	return h.Sum(nil)
}

func number(b []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(n)) //nolint:gosec // the bits are what is hashed
}

func text(b []byte, s string) []byte { return append(number(b, int64(len(s))), s...) }

// Witness keeps checkpoints where whoever can write to the store cannot: a file on a share, a syslog server. What it keeps are the
// anchors that the record is held against.
type Witness interface {
	// Name says which place it is, for the operator: "file /mnt/audit/anchors.jsonl".
	Name() string
	// Seen returns what it keeps, the oldest first. ok is false where it cannot be asked.
	Seen(ctx context.Context) (kept []Checkpoint, ok bool, err error)
	// Keep takes one more. On an error it has not, and is given it again later.
	Keep(ctx context.Context, c Checkpoint) error
}

// WitnessState is how a witness stands.
type WitnessState struct {
	Place  string    `json:"place"`
	Seq    int64     `json:"seq"` // the last row that it has seen a checkpoint of; 0: none
	At     time.Time `json:"at,omitzero"`
	Missed int       `json:"missed,omitempty"` // checkpoints that it does not have yet
	Why    string    `json:"why,omitempty"`    // why it does not, a sentence
}

// Checkpoints is the part of a Store that keeps them.
type Checkpoints interface {
	// Checkpoints walks the checkpoints in order.
	Checkpoints(ctx context.Context, visit func(Checkpoint) error) error
	// Witnesses says how the places outside the store stand; none where there is none.
	Witnesses() []WitnessState
	// Warnings are what the operator must be told of the store as it was opened: sentences; none where all is well.
	Warnings() []string
}
