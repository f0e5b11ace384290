package certify

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
)

// The two snapshots of a campaign.
const (
	OpeningSnapshot = "opening"
	ClosingSnapshot = "closing"
)

// Snapshot is the statement of what the access in a campaign's scope was when it began, or is after it. All strings are raw. The accesses
// themselves stand beside it, and it holds their number and their hash.
type Snapshot struct {
	Which string    `json:"which"` // OpeningSnapshot, ClosingSnapshot
	Firm  string    `json:"firm"`
	Made  time.Time `json:"made"`

	Campaign  int64                      `json:"campaign"`
	Name      string                     `json:"name"`
	Scope     provisioning.CampaignScope `json:"scope"`
	Reviewers []provisioning.Reviewer    `json:"reviewers"`
	Stages    []provisioning.ReviewStage `json:"stages"`
	// Undecided and SelfReview are what the policy said when it began.
	Undecided  string    `json:"undecided"`
	SelfReview bool      `json:"self_review"`
	Fallback   string    `json:"fallback,omitempty"`
	CreatedBy  string    `json:"created_by"`
	CreatedAt  time.Time `json:"created_at"`
	// Sources are the proofs of the reads that the list rests on; Warnings what was wrong with them, in sentences.
	Sources  []provisioning.Proof `json:"sources"`
	Warnings []string             `json:"warnings"`

	Count int    `json:"count"` // of the accesses
	Hash  string `json:"hash"`  // hex SHA-256 of the accesses, one a line as they stand in the file

	Close *Close `json:"close,omitempty"` // of a closing snapshot
}

// Close is what a closing snapshot says beside the access itself.
type Close struct {
	Opening     string    `json:"opening"` // hex SHA-256 of the opening snapshot's file
	ClosedBy    string    `json:"closed_by"`
	ClosedAt    time.Time `json:"closed_at"`
	Batch       int64     `json:"batch,omitempty"`
	Outcome     Outcome   `json:"outcome"`
	Differences Explained `json:"differences"`
	Exact       bool      `json:"exact"` // the lists differ by exactly the revokes
	Verdicts    []Decided `json:"verdicts"`
}

// Decided is what became of one item, and by whom.
type Decided struct {
	Item     int                        `json:"item"`
	Verdict  provisioning.ReviewVerdict `json:"verdict"`
	Reviewer string                     `json:"reviewer,omitempty"`
	Reason   string                     `json:"reason,omitempty"`
	How      string                     `json:"how"`
	At       time.Time                  `json:"at,omitzero"`
}

// Signed is a snapshot with its accesses, and the signature over it.
type Signed struct {
	Snapshot  Snapshot
	PublicKey []byte // Ed25519
	Signature []byte
	Items     []provisioning.ReviewItem
	FileHash  string // hex SHA-256 of the bytes that were read or written
}

// Opening is the statement of a campaign that begins. c must have the ID that it will be kept under.
func Opening(c *provisioning.Campaign, firm string, proofs []provisioning.Proof) *Snapshot {
	return &Snapshot{
		Which: OpeningSnapshot, Firm: firm, Made: c.SnapshotAt,
		Campaign: c.ID, Name: c.Name, Scope: c.Scope, Reviewers: c.Reviewers, Stages: c.Stages,
		Undecided: c.Undecided, SelfReview: c.SelfReview, Fallback: c.Fallback, CreatedBy: c.CreatedBy, CreatedAt: c.CreatedAt,
		Sources: proofs, Warnings: c.Warnings,
	}
}

// Closing is the statement of a campaign whose revokes were done: opening is the file of its opening snapshot, o and states what was
// decided, x how the two lists differ, at when the closing list was read.
func Closing(c *provisioning.Campaign, firm string, proofs []provisioning.Proof, opening []byte, o Outcome, states []State, x Explained, at time.Time) *Snapshot {
	s := Opening(c, firm, proofs)
	s.Which, s.Made = ClosingSnapshot, at
	s.Close = &Close{
		Opening: HashOf(opening), ClosedBy: c.ClosedBy, ClosedAt: c.ClosedAt, Batch: c.Batch, Outcome: o, Differences: x, Exact: x.Exact(),
		Verdicts: verdicts(o, states),
	}
	return s
}

// verdicts says what became of each item.
func verdicts(o Outcome, states []State) []Decided {
	revoked, policy := make(map[int]bool, len(o.Revoked)), make(map[int]bool, len(o.ByPolicy))
	for _, n := range o.Revoked {
		revoked[n] = true
	}
	for _, n := range o.ByPolicy {
		policy[n] = true
	}
	list := make([]Decided, 0, len(states))
	for i := range states {
		s := &states[i]
		d := Decided{Item: s.Item, Verdict: provisioning.ReviewKeep}
		if revoked[s.Item] {
			d.Verdict = provisioning.ReviewRevoke
		}
		switch p := s.Proposed; {
		case policy[s.Item]:
			d.How = HowPolicy
		case s.Verdict == provisioning.ReviewKeep || s.Verdict == provisioning.ReviewRevoke:
			d.Reviewer, d.Reason, d.How, d.At = s.Decided, s.Reason, s.How, s.At
		case p != nil:
			d.Reviewer, d.Reason, d.How, d.At = p.Reviewer, p.Reason, p.How, p.At
		}
		list = append(list, d)
	}
	return list
}

// HashOf is the hash by which a closing snapshot names its opening one: hex SHA-256 of the file, whole or in the parts that it is together.
func HashOf(file ...[]byte) string {
	sum := sha256.New()
	for _, part := range file {
		sum.Write(part)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// statement is the bytes that the signature is over: a name that no other statement of rollcall has, and the snapshot as compact JSON,
// each behind its length. The snapshot holds the hash of the accesses.
func (s *Snapshot) statement() (text, statement []byte, err error) {
	if text, err = canonical(s); err != nil {
		return nil, nil, err
	}
	for _, part := range [][]byte{[]byte("rollcall review snapshot 1"), text} {
		statement = binary.BigEndian.AppendUint64(statement, uint64(len(part)))
		statement = append(statement, part...)
	}
	return text, statement, nil
}

// canonical is the JSON of a value that is the same after it was read and written again: bytes that are no UTF-8 are replaced at once, and
// not only when it is read.
func canonical[T any](v *T) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil || !bytes.Contains(text, []byte(`\ufffd`)) {
		return text, err
	}
	var valid T
	if err := json.Unmarshal(text, &valid); err != nil {
		return nil, err
	}
	return json.Marshal(&valid)
}

// chunk is how many accesses are written by one worker at a time.
const chunk = 1 << 14

// lines is the one form in which the accesses stand in a file: compact JSON, one a line, a comma between them. It takes all processors,
// since a whole firm's access is some hundred megabytes, and gives them in the parts that they were written in, which follow each other.
func lines(items []provisioning.ReviewItem) ([][]byte, error) {
	parts := make([][]byte, (len(items)+chunk-1)/chunk)
	failed := make([]error, len(parts))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(len(parts), runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for i := range next {
				parts[i], failed[i] = linesOf(items[i*chunk:min(len(items), (i+1)*chunk)], i == len(parts)-1)
			}
		})
	}
	for i := range parts {
		next <- i
	}
	close(next)
	workers.Wait()
	return parts, errors.Join(failed...)
}

// linesOf writes a part of the lines; last says that none follows.
func linesOf(items []provisioning.ReviewItem, last bool) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(len(items) * roomForItem)
	e := json.NewEncoder(&b)
	for i := range items {
		from := b.Len()
		if err := e.Encode(&items[i]); err != nil {
			return nil, err
		}
		if bytes.Contains(b.Bytes()[from:], []byte(`\ufffd`)) {
			line, err := canonical(&items[i])
			if err != nil {
				return nil, err
			}
			b.Truncate(from)
			b.Write(append(line, '\n'))
		}
		if !last || i < len(items)-1 {
			b.Truncate(b.Len() - 1)
			b.WriteString(",\n")
		}
	}
	return b.Bytes(), nil
}

// roomForItem is about how long an access is in a file.
const roomForItem = 512

// file is the file in parts that follow each other: one JSON object, each of its members on a line of its own.
func file(snapshot, public, signature []byte, items [][]byte) ([][]byte, error) {
	key, err := json.Marshal(public)
	if err != nil {
		return nil, err
	}
	sig, err := json.Marshal(signature)
	if err != nil {
		return nil, err
	}
	head := slices.Concat([]byte("{\n\"snapshot\":"), snapshot, []byte(",\n\"public_key\":"), key, []byte(",\n\"signature\":"), sig, []byte(",\n\"items\":[\n"))
	return slices.Concat([][]byte{head}, items, [][]byte{[]byte("]\n}\n")}), nil
}

// Sign signs the snapshot with its accesses, and gives the file: the one form in which it holds. A whole firm's is some hundred megabytes,
// so that it comes in parts that follow each other. It sets Count and Hash.
func (s *Snapshot) Sign(ctx context.Context, items []provisioning.ReviewItem, signer provisioning.Signer) ([][]byte, error) {
	list, err := lines(items)
	if err != nil {
		return nil, err
	}
	s.Count, s.Hash = len(items), HashOf(list...)
	text, statement, err := s.statement()
	if err != nil {
		return nil, err
	}
	signature, err := signer.Sign(ctx, statement)
	if err != nil {
		return nil, &provisioning.Error{Code: provisioning.Unavailable, Message: "the review's snapshot could not be signed", Hint: "see where the signing key is kept", Err: err}
	}
	return file(text, signer.Public(), signature, list)
}

// mostSnapshot bounds a file that is verified: the access of some hundred thousand people.
const mostSnapshot = 1 << 30

// ReadSnapshot reads a signed snapshot and checks it: that it is in the form in which it was written, byte for byte, that its accesses are
// those that it counts, and that the signature is that of its own key over it. With trusted keys, that one of them is that key. What does
// not hold is an *Error of code Invalid. It needs no store.
func ReadSnapshot(in io.Reader, trusted ...ed25519.PublicKey) (*Signed, error) {
	bad := func(why string) error {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "the review's snapshot does not hold: " + why, Hint: "ask for another copy of it"}
	}
	text, err := io.ReadAll(io.LimitReader(in, mostSnapshot+1))
	if err != nil {
		return nil, &provisioning.Error{Code: provisioning.Unavailable, Message: "the review's snapshot cannot be read", Err: err}
	}
	if len(text) > mostSnapshot {
		return nil, bad("it is too long")
	}
	var read struct {
		Snapshot  Snapshot                  `json:"snapshot"`
		PublicKey []byte                    `json:"public_key"`
		Signature []byte                    `json:"signature"`
		Items     []provisioning.ReviewItem `json:"items"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&read); err != nil {
		return nil, bad("it is no signed snapshot of rollcall")
	}
	list, err := lines(read.Items)
	if err != nil {
		return nil, err
	}
	head, statement, err := read.Snapshot.statement()
	if err != nil {
		return nil, err
	}
	written, err := file(head, read.PublicKey, read.Signature, list)
	if err != nil {
		return nil, err
	}
	rest, same := text, true
	for i := 0; same && i < len(written); i++ {
		rest, same = bytes.CutPrefix(rest, written[i])
	}
	switch {
	case !same || len(rest) > 0:
		return nil, bad("its bytes are not as they were written")
	case len(read.PublicKey) != ed25519.PublicKeySize || !ed25519.Verify(read.PublicKey, statement, read.Signature):
		return nil, bad("it is not what its key signed")
	case read.Snapshot.Count != len(read.Items) || read.Snapshot.Hash != HashOf(list...):
		return nil, bad("its accesses are not those that it was signed with")
	case (read.Snapshot.Which == ClosingSnapshot) != (read.Snapshot.Close != nil) ||
		(read.Snapshot.Which != OpeningSnapshot && read.Snapshot.Which != ClosingSnapshot):
		return nil, bad("it is neither an opening nor a closing one")
	}
	s := &Signed{Snapshot: read.Snapshot, PublicKey: read.PublicKey, Signature: read.Signature, Items: read.Items, FileHash: HashOf(text)}
	for _, key := range trusted {
		if key.Equal(ed25519.PublicKey(s.PublicKey)) {
			return s, nil
		}
	}
	if len(trusted) > 0 {
		return nil, bad(fmt.Sprintf("another key signed it, %s", audit.Fingerprint(s.PublicKey)))
	}
	return s, nil
}

// Pair holds a closing snapshot against its opening one, both read and checked already: that it names it, that one key signed both, that
// they are of one campaign, and that the differences it tells are those between the two lists. It is an *Error of code Invalid that says
// what does not fit.
func Pair(opening, closing *Signed) error {
	bad := func(why string) error {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "the two snapshots of the review do not belong together: " + why, Hint: "ask for the pair again"}
	}
	o, c := &opening.Snapshot, &closing.Snapshot
	switch {
	case o.Which != OpeningSnapshot || c.Which != ClosingSnapshot:
		return bad("one opening and one closing snapshot are wanted")
	case c.Close.Opening != opening.FileHash:
		return bad("the closing one names another opening one")
	case !bytes.Equal(opening.PublicKey, closing.PublicKey):
		return bad("two keys signed them")
	case o.Campaign != c.Campaign || o.Firm != c.Firm || o.Name != c.Name:
		return bad("they are of different campaigns")
	}
	revoked := pick(opening.Items, c.Close.Outcome.Revoked)
	told, err := json.Marshal(c.Close.Differences)
	if err != nil {
		return err
	}
	x := Explain(Diff(opening.Items, closing.Items), revoked, closing.Items)
	found, err := json.Marshal(x)
	if err != nil {
		return err
	}
	if !bytes.Equal(told, found) || c.Close.Exact != x.Exact() {
		return bad("the differences that the closing one tells are not those between their lists")
	}
	return nil
}

// pick lists the items of some numbers.
func pick(items []provisioning.ReviewItem, wanted []int) []provisioning.ReviewItem {
	at := numbered(items)
	list := make([]provisioning.ReviewItem, 0, len(wanted))
	for _, n := range wanted {
		if it := at[n]; it != nil {
			list = append(list, *it)
		}
	}
	return list
}
