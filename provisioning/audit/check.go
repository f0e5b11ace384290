package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollcall/provisioning"
)

// Source is a record: a store, a copy of its file, or an export.
type Source interface {
	// Records walks the rows in the order in which they are kept.
	Records(ctx context.Context, from int64, visit func(provisioning.Record) error) error
	Checkpoints(ctx context.Context, visit func(provisioning.Checkpoint) error) error
}

// mostCheckpoints bounds how many checkpoints are held at once.
const mostCheckpoints = 2_000_000

// Check is what a record is held against.
type Check struct {
	// Key is the record's own key; nil: the keyed hashes are not checked, only the digests and the signatures.
	Key []byte
	// Trusted are the public keys that may have signed. With none, the first anchor's is, and without anchors the first checkpoint's own:
	// then nobody outside vouches for it, and the verification says so.
	Trusted []ed25519.PublicKey
	Anchors []Anchors
	Saw     []Anchor // what was printed
	Section *Section // nil: the record is whole
}

// Section is a piece of a record: from row From, after a row with the keyed hash Prev and the digest that the rows before it gave, to row
// To; 0: to its end.
type Section struct {
	From   int64
	To     int64
	Prev   []byte
	Digest []byte
}

// Tampering names what was done.
type Tampering string

// The kinds of tampering.
const (
	Edited            Tampering = "edit"
	Dropped           Tampering = "drop"
	Inserted          Tampering = "insert"
	Reordered         Tampering = "reorder"
	TailCut           Tampering = "cut tail"
	Rewritten         Tampering = "rewrite"
	OtherKey          Tampering = "other key"
	CheckpointEdited  Tampering = "checkpoint edited"
	CheckpointDropped Tampering = "checkpoint dropped"
	AnchorEdited      Tampering = "anchor edited"
	AnchorDropped     Tampering = "anchor dropped"
)

// Problem is something that does not hold.
type Problem struct {
	Kind     Tampering `json:"kind"`
	First    int64     `json:"first"` // the row, or the first of those among which it is; of an anchor, the row that it is of
	Last     int64     `json:"last"`
	Sentence string    `json:"sentence"`
}

// Mark is how far something reaches.
type Mark struct {
	Row   int64     `json:"row"` // 0: nowhere
	At    time.Time `json:"at,omitzero"`
	Place string    `json:"place,omitempty"` // of an anchor
}

// Restore is a restoring from a backup that the record itself tells of, and the rows that were lost with it.
type Restore struct {
	Row   int64     `json:"row"`
	By    string    `json:"by"`
	At    time.Time `json:"at"`
	First int64     `json:"first_lost,omitempty"` // 0: none that an anchor saw
	Last  int64     `json:"last_lost,omitempty"`
}

// Verification is what a check found.
type Verification struct {
	First, Rows int64 // the first row, and the number of the last one that was read
	Head        []byte
	Problems    []Problem // none: nothing was found. Of the rows only the first is told: what follows it cannot be judged
	Keyed       bool      // the keyed hashes were checked
	Signed      Mark      // how far signatures reach that hold
	Anchored    Mark      // how far anchors outside the store reach
	Key         ed25519.PublicKey
	Vouched     string // who says that the key is the right one: "the key that was given", the anchors' place; "" nobody
	Restores    []Restore
	Notes       []string
	asked       bool // an anchor was given
}

// OK reports whether nothing was found. It does not say that everything is proven: Proven does.
func (v *Verification) OK() bool { return len(v.Problems) == 0 }

// Proven reports whether nothing was found and every row is covered by an anchor outside the store.
func (v *Verification) Proven() bool { return v.OK() && v.Rows > 0 && v.Anchored.Row >= v.Rows }

// walk is one run of a check.
type walk struct {
	Check
	v        Verification
	points   map[int64]provisioning.Checkpoint // of the record, those that hold
	anchors  map[int64][]anchored
	outside  []anchored // every anchor that holds
	suspects []anchored // whose row is another one now
	prev     provisioning.Record
	digest   []byte
	covered  int64              // the last row whose digest a checkpoint or an anchor confirmed
	lost     map[int64][]string // restoring row → the signatures of the last anchors that were lost
}

type anchored struct {
	provisioning.Checkpoint
	place *Anchors
	line  int
}

// Run checks a record. An error is one of reading; what does not hold is in the verification.
func (c Check) Run(ctx context.Context, src Source) (Verification, error) {
	w := &walk{Check: c, points: make(map[int64]provisioning.Checkpoint), anchors: make(map[int64][]anchored), lost: make(map[int64][]string)}
	w.v.Keyed, w.v.First, w.v.asked = c.Key != nil, 1, len(c.Anchors)+len(c.Saw) > 0
	if c.Section != nil {
		w.v.First = c.Section.From
		w.prev = provisioning.Record{Seq: c.Section.From - 1, Hash: c.Section.Prev}
		w.digest, w.covered = c.Section.Digest, c.Section.From-1
	}
	w.v.Rows = w.prev.Seq
	w.trust(c.Trusted)
	w.readAnchors()
	if err := w.readCheckpoints(ctx, src); err != nil {
		return w.v, err
	}
	if err := w.walk(ctx, src); err != nil {
		return w.v, err
	}
	w.tail()
	w.judgeSuspects()
	return w.v, nil
}

// mostProblems is how many problems of checkpoints are told of one record.
const mostProblems = 10_000

func (w *walk) problem(kind Tampering, first, last int64, format string, args ...any) {
	if len(w.v.Problems) >= mostProblems && (kind == CheckpointEdited || kind == CheckpointDropped || kind == OtherKey) {
		return
	}
	w.v.Problems = append(w.v.Problems, Problem{Kind: kind, First: first, Last: last, Sentence: fmt.Sprintf(format, args...)})
}

// trust settles whose signatures count.
func (w *walk) trust(keys []ed25519.PublicKey) {
	if len(keys) > 0 {
		w.v.Key, w.v.Vouched = keys[0], givenKey
		return
	}
	for i := range w.Anchors {
		for _, one := range w.Anchors[i].Kept {
			if one.Checkpoint.Holds() {
				w.Trusted, w.v.Key, w.v.Vouched = []ed25519.PublicKey{one.Checkpoint.PublicKey}, one.Checkpoint.PublicKey, w.Anchors[i].Place
				return
			}
		}
	}
}

func (w *walk) trusts(key ed25519.PublicKey) bool {
	return slices.ContainsFunc(w.Trusted, func(k ed25519.PublicKey) bool { return bytes.Equal(k, key) })
}

// readAnchors checks the anchors in themselves: each is signed, by a key that counts, and names one that was kept before it.
func (w *walk) readAnchors() {
	var beyond int64 // what was seen after the end of a section
	for i := range w.Anchors {
		a := &w.Anchors[i]
		for _, line := range a.Bad {
			if !a.Loose {
				w.problem(AnchorEdited, 0, 0, "line %d of %s is no anchor any more: it was changed", line, a.Place)
			}
		}
		if a.Torn {
			w.v.Notes = append(w.v.Notes, fmt.Sprintf("the last line of %s is not whole: it was being written, or it was cut", a.Place))
		}
		known := make(map[string]bool)
		for n, one := range a.Kept {
			c := one.Checkpoint
			switch {
			case !c.Holds():
				w.problem(AnchorEdited, c.Seq, c.Seq, "line %d of %s, of row %d, was changed: its signature does not hold", one.Line, a.Place, c.Seq)
				continue
			case !w.trusts(c.PublicKey):
				w.problem(OtherKey, c.Seq, c.Seq, "line %d of %s, of row %d, is signed by another key (%s) than %s", one.Line, a.Place, c.Seq, Fingerprint(c.PublicKey), Fingerprint(w.v.Key))
				continue
			case !a.Loose && !known[string(c.Prev)] && (n > 0 || len(c.Prev) > 0):
				w.problem(AnchorDropped, c.Seq, c.Seq, "before line %d of %s, of row %d, a line is missing", one.Line, a.Place, c.Seq)
			}
			known[string(c.Signature)] = true
			if w.Section != nil && w.Section.To != 0 && c.Seq > w.Section.To {
				beyond = max(beyond, c.Seq)
				continue
			}
			kept := anchored{c, a, one.Line}
			w.outside = append(w.outside, kept)
			w.anchors[c.Seq] = append(w.anchors[c.Seq], kept)
		}
	}
	if beyond > 0 {
		w.v.Notes = append(w.v.Notes, fmt.Sprintf("this is a piece of the record that ends at row %s by its own word; the record went on to row %s at least", Count(w.Section.To), Count(beyond)))
	}
}

// readCheckpoints checks the record's own checkpoints in themselves.
func (w *walk) readCheckpoints(ctx context.Context, src Source) error {
	var prev *provisioning.Checkpoint
	err := src.Checkpoints(ctx, func(c provisioning.Checkpoint) error {
		if len(w.points) >= mostCheckpoints {
			return &provisioning.Error{Code: provisioning.Invalid, Message: "the record has more checkpoints than any record", Hint: "this is no export that rollcall wrote"}
		}
		if len(w.Trusted) == 0 && c.Holds() {
			w.Trusted, w.v.Key = []ed25519.PublicKey{c.PublicKey}, c.PublicKey
		}
		before := prev
		prev = &c
		switch {
		case !c.Holds():
			w.problem(CheckpointEdited, c.Seq, c.Seq, "the checkpoint of row %d was changed: its signature does not hold", c.Seq)
			return nil
		case !w.trusts(c.PublicKey):
			w.problem(OtherKey, c.Seq, c.Seq, "the checkpoint of row %d is signed by another key (%s) than %s", c.Seq, Fingerprint(c.PublicKey), Fingerprint(w.v.Key))
			return nil
		case before == nil && w.v.First == 1 && len(c.Prev) > 0:
			w.problem(CheckpointDropped, 1, c.Seq, "a checkpoint before row %d is missing", c.Seq)
		case before != nil && c.Seq <= before.Seq:
			w.problem(CheckpointEdited, c.Seq, c.Seq, "the checkpoint of row %d stands after that of row %d", c.Seq, before.Seq)
			return nil
		case before != nil && !bytes.Equal(c.Prev, before.Signature):
			w.problem(CheckpointDropped, before.Seq, c.Seq, "a checkpoint between rows %d and %d is missing or was changed", before.Seq, c.Seq)
		}
		w.points[c.Seq] = c
		return ctx.Err()
	})
	return err
}

// walk goes over the rows, two ahead of the one that is judged: what was done to a row shows in those after it.
func (w *walk) walk(ctx context.Context, src Source) error {
	var ahead []provisioning.Record
	stop := errors.New("stop")
	err := src.Records(ctx, w.v.First, func(r provisioning.Record) error {
		ahead = append(ahead, r)
		if len(ahead) <= 2 {
			return ctx.Err()
		}
		if !w.row(ahead) {
			return stop
		}
		ahead = append(ahead[:0], ahead[1:]...)
		return ctx.Err()
	})
	if errors.Is(err, stop) {
		return nil
	}
	if err != nil {
		return err
	}
	for ; len(ahead) > 0; ahead = ahead[1:] {
		if !w.row(ahead) {
			return nil
		}
	}
	return nil
}

// row judges the first of these rows. false: it does not hold, and what follows cannot be judged.
func (w *walk) row(rows []provisioning.Record) bool {
	r := &rows[0]
	want := w.prev.Seq + 1
	sealed := w.Key == nil || hmac.Equal(r.Hash, seal(w.Key, r))
	follows := hmac.Equal(r.Prev, w.prev.Hash)
	switch {
	case r.Seq != want:
		w.misplaced(rows, want)
		return false
	case !follows:
		w.unlinked(rows)
		return false
	case !sealed:
		if len(rows) > 1 && hmac.Equal(rows[1].Prev, w.prev.Hash) {
			w.problem(Inserted, want, want, "row %d was put in: the row after it follows the one before", want)
		} else {
			w.problem(Edited, want, want, "row %d was changed after it was written, or sealed with another key", want)
		}
		return false
	case w.Key == nil && len(rows) > 1 && hmac.Equal(rows[1].Prev, w.prev.Hash) && !hmac.Equal(rows[1].Hash, r.Hash):
		w.problem(Inserted, want, want, "row %d was put in: the row after it follows the one before", want)
		return false
	}
	digest := r.Digest(w.digest)
	if !w.confirmed(r, digest) {
		return false
	}
	w.prev, w.digest = *r, digest
	w.v.Rows, w.v.Head = r.Seq, r.Hash
	if r.Event.Kind == provisioning.EventRestored {
		w.v.Restores = append(w.v.Restores, Restore{Row: r.Seq, By: r.Event.Actor, At: r.Event.At})
		w.lost[r.Seq] = lostSignatures(r.Event.Subject)
	}
	return true
}

// misplaced names a row that has not the number that is due.
func (w *walk) misplaced(rows []provisioning.Record, want int64) {
	r := &rows[0]
	switch {
	case len(rows) > 1 && rows[1].Seq == want && r.Seq == want+1:
		w.problem(Reordered, want, r.Seq, "rows %d and %d were put in another order", want, r.Seq)
	case r.Seq > want:
		w.problem(Dropped, want, r.Seq-1, "%s missing: the next one is %d", span("row", want, r.Seq-1, "is", "are"), r.Seq)
	default:
		w.problem(Inserted, r.Seq, want, "row %d comes once more after row %d: it was put in", r.Seq, w.prev.Seq)
	}
}

// unlinked names a row that does not follow the one before it.
func (w *walk) unlinked(rows []provisioning.Record) {
	r := &rows[0]
	next := func(prev []byte) bool { return len(rows) > 1 && hmac.Equal(rows[1].Prev, prev) }
	switch {
	case next(w.prev.Hash) && hmac.Equal(r.Prev, rows[1].Hash):
		w.problem(Reordered, r.Seq, r.Seq+1, "rows %d and %d were put in another order", r.Seq, r.Seq+1)
	case next(w.prev.Hash):
		w.problem(Inserted, r.Seq, r.Seq, "row %d was put in: the row after it follows the one before", r.Seq)
	case w.Key != nil && w.renumbered(r):
		w.problem(Dropped, r.Seq, r.Seq, "row %d was dropped, and those after it were given other numbers", r.Seq)
	case w.Key == nil:
		w.problem(Edited, max(1, r.Seq-1), r.Seq, "row %d does not follow the one before it: one of the two was changed, or a row between them was dropped", r.Seq)
	case hmac.Equal(r.Hash, seal(w.Key, r)):
		w.problem(Rewritten, r.Seq, r.Seq, "row %d was sealed after another row than the one before it: it was rewritten by somebody who has the record's key", r.Seq)
	default:
		w.problem(Edited, r.Seq, r.Seq, "row %d was changed after it was written, or sealed with another key", r.Seq)
	}
}

// mostRenumbered is how many dropped rows are looked for by the number that a row was sealed under.
const mostRenumbered = 1000

func (w *walk) renumbered(r *provisioning.Record) bool {
	was := *r
	for was.Seq = r.Seq + 1; was.Seq <= r.Seq+mostRenumbered; was.Seq++ {
		if hmac.Equal(r.Hash, seal(w.Key, &was)) {
			return true
		}
	}
	return false
}

// confirmed holds a row against the checkpoint and the anchors that are of it.
func (w *walk) confirmed(r *provisioning.Record, digest []byte) bool {
	c, signed := w.points[r.Seq]
	if signed && (!hmac.Equal(c.Digest, digest) || !hmac.Equal(c.Head, r.Hash)) {
		kind, how := Rewritten, "the record was rewritten by somebody who has its key"
		if w.Key == nil {
			how = "they were changed, or rewritten with the record's key"
			kind = Edited
		}
		w.problem(kind, w.covered+1, r.Seq, "%s not what was signed at %s: %s", span("row", w.covered+1, r.Seq, "is", "are"), moment(c.At), how)
		return false
	}
	for _, a := range w.anchors[r.Seq] {
		if !hmac.Equal(a.Digest, digest) || !hmac.Equal(a.Head, r.Hash) {
			w.suspects = append(w.suspects, a)
			continue
		}
		w.v.Anchored = Mark{Row: r.Seq, At: a.At, Place: a.place.Place}
		if !signed {
			w.problem(CheckpointDropped, r.Seq, r.Seq, "the checkpoint of row %d, which %s has seen, is missing from the record", r.Seq, a.place.Place)
		}
		w.covered = r.Seq
	}
	for _, a := range w.Saw {
		if a.Count != r.Seq {
			continue
		}
		if len(a.Head) == 0 || !bytes.HasPrefix(r.Hash, a.Head) {
			w.problem(Rewritten, r.Seq, r.Seq, "row %d is not the one that was seen: the record was rewritten", r.Seq)
			return false
		}
		if r.Seq > w.v.Anchored.Row {
			w.v.Anchored = Mark{Row: r.Seq, Place: "what was printed"}
		}
	}
	if signed {
		w.covered, w.v.Signed = r.Seq, Mark{Row: r.Seq, At: c.At}
	}
	return true
}

// tail finds what is gone from the end.
func (w *walk) tail() {
	if w.rowsBad() {
		return
	}
	cut := func(seq int64, saw string) {
		w.problem(TailCut, w.v.Rows+1, seq, "the record ends at row %d, and %s row %d: its tail was cut", w.v.Rows, saw, seq)
	}
	var most int64
	for seq := range w.points {
		most = max(most, seq)
	}
	if most > w.v.Rows {
		cut(most, "its own checkpoint is of")
		return
	}
	if w.Section != nil && w.Section.To > w.v.Rows {
		cut(w.Section.To, "its head says")
		return
	}
	for _, a := range w.Saw {
		if a.Count > w.v.Rows && (w.Section == nil || w.Section.To == 0 || a.Count <= w.Section.To) {
			cut(a.Count, "there was seen")
			return
		}
	}
}

// rowsBad reports whether the walk over the rows was broken off.
func (w *walk) rowsBad() bool {
	return slices.ContainsFunc(w.v.Problems, func(p Problem) bool {
		switch p.Kind {
		case Edited, Dropped, Inserted, Reordered, Rewritten:
			return true
		default:
			return false
		}
	})
}

// judgeSuspects says of anchors whose row is another one now, or is gone, whether the record tells of a restoring that lost it.
func (w *walk) judgeSuspects() {
	if w.rowsBad() {
		return
	}
	suspects := w.suspects
	for _, a := range w.outside {
		if a.Seq > w.v.Rows {
			suspects = append(suspects, a)
		}
	}
	excused := w.excused()
	slices.SortStableFunc(suspects, func(a, b anchored) int { return int(a.Seq - b.Seq) })
	for _, a := range suspects {
		if excused[string(a.Signature)] {
			continue
		}
		if a.Seq > w.v.Rows {
			last := suspects[len(suspects)-1]
			w.problem(TailCut, w.v.Rows+1, last.Seq, "the record ends at row %d, and %s has seen row %d of %s: its tail was cut", w.v.Rows, last.place.Place, last.Seq, moment(last.At))
		} else {
			w.problem(Rewritten, min(w.v.Anchored.Row+1, a.Seq), a.Seq, "%s not what %s saw at %s: the record was rewritten",
				span("row", min(w.v.Anchored.Row+1, a.Seq), a.Seq, "is", "are"), a.place.Place, moment(a.At))
		}
		return
	}
}

// excused are the anchors that were lost with a restoring, by signature: those from the ones that the record names back to where the
// record that was restored had come. A restoring that no signature covers excuses nothing.
func (w *walk) excused() map[string]bool {
	excused := make(map[string]bool)
	by := make(map[string]anchored, len(w.outside))
	for _, a := range w.outside {
		by[string(a.Signature)] = a
	}
	for i := range w.v.Restores {
		r := &w.v.Restores[i]
		if r.Row > w.v.Signed.Row {
			continue
		}
		for _, sig := range w.lost[r.Row] {
			for {
				a, ok := by[sig]
				p, ours := w.points[a.Seq]
				if !ok || excused[sig] || (ours && bytes.Equal(p.Signature, a.Signature)) {
					break
				}
				excused[sig] = true
				r.First, r.Last = r.Row, max(r.Last, a.Seq)
				sig = string(a.Prev)
			}
		}
	}
	return excused
}
