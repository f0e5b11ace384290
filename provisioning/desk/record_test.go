package desk_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/store/sqlite"
)

// seal signs with a key made for the test.
type seal struct{ key ed25519.PrivateKey }

func (s seal) Public() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }
func (s seal) Sign(_ context.Context, message []byte) ([]byte, error) {
	return ed25519.Sign(s.key, message), nil
}

// shelf is a witness in memory.
type shelf struct {
	mu   sync.Mutex
	kept []audit.AnchorLine
}

func (w *shelf) Name() string { return "the shelf" }
func (w *shelf) Seen(context.Context) ([]provisioning.Checkpoint, bool, error) {
	return nil, true, nil
}

func (w *shelf) Keep(_ context.Context, c provisioning.Checkpoint) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kept = append(w.kept, audit.AnchorLine{Line: len(w.kept) + 1, Checkpoint: c})
	return nil
}

func (w *shelf) anchors(context.Context) ([]audit.Anchors, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return []audit.Anchors{{Place: "the shelf", Kept: append([]audit.AnchorLine(nil), w.kept...)}}, nil
}

// signed gives a firm whose store signs its record and anchors it on a shelf.
func signed(t *testing.T) (*small, *shelf) {
	t.Helper()
	s, w := newSmall(t, began, 40), &shelf{}
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	chain, err := audit.NewChain(bytes.Repeat([]byte{1}, audit.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	key := seal{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{5}, ed25519.SeedSize))}
	if s.store, err = sqlite.Open(context.Background(), sqlite.Options{
		Path: filepath.Join(filepath.Dir(s.path), "signed.db"), Sealer: chain, Owner: "tester", Signer: key, Witnesses: []provisioning.Witness{w},
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() })
	s.with = func(d *desk.Deps) { d.RecordKeys, d.Anchors = []ed25519.PublicKey{key.Public()}, w.anchors }
	return s, w
}

// TestBatchReport: the report of a batch has who and what and each change with its evidence, the course by the record, and the mark on
// the record that an auditor can hold against it; of a sealed batch nobody but a reader gets one, nor an export of the record.
func TestBatchReport(t *testing.T) {
	ctx := context.Background()
	s, w := signed(t)
	d, other := s.open("l.ortiz"), s.open("m.chen")
	id := sealed(t, s, d, 7)
	s.read(other)
	v, err := d.ReviewBatch(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(ctx, desk.Commit{Batch: id, Hash: v.Batch.Hash, People: v.Confirm, Reason: "asked for"}); err != nil {
		t.Fatal(err)
	}
	if err := d.Wait(ctx, id); err != nil {
		t.Fatal(err)
	}
	r, err := d.Report(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.People) != 1 || r.Changes == 0 || r.Confirmed == 0 || r.Changes != r.Confirmed+r.Already+r.ByHand+r.NotDone || r.CommittedBy != "l.ortiz" || r.Firm != "A firm" {
		t.Errorf("%+v", r)
	}
	for _, c := range r.People[0].Changes {
		if c.State == provisioning.OpConfirmed && (c.Evidence == "" || c.DoneAt.IsZero() || c.SentAt.IsZero()) {
			t.Errorf("%+v", c)
		}
	}
	kinds := make(map[provisioning.EventKind]bool)
	for _, step := range r.Course {
		kinds[step.Kind] = true
	}
	if !kinds[provisioning.EventStaged] || !kinds[provisioning.EventCommitted] || !kinds[provisioning.EventBatch] {
		t.Errorf("%v", kinds)
	}
	if r.Record.Row == 0 || r.Record.Signed < r.Record.Row || !strings.Contains(r.Line, "record "+audit.Count(r.Record.Row)+" rows · head "+r.Record.Head[:16]+"… · signed ") {
		t.Errorf("%+v %s", r.Record, r.Line)
	}
	head, err := hex.DecodeString(r.Record.Head)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := d.VerifyRecord(ctx, audit.Check{Saw: []audit.Anchor{{Count: r.Record.Row, Head: head}}}); err != nil || !v.OK() {
		t.Errorf("%+v %v", v, err)
	}
	head[0] ^= 1
	if v, err := d.VerifyRecord(ctx, audit.Check{Saw: []audit.Anchor{{Count: r.Record.Row, Head: head}}}); err != nil || v.OK() {
		t.Errorf("%+v %v", v, err)
	}
	var out bytes.Buffer
	if _, err := other.ExportRecord(ctx, &out, 1, 0); provisioning.CodeOf(err) != provisioning.Denied || out.Len() != 0 {
		t.Errorf("the record was exported past the seal: %v, %d bytes", err, out.Len())
	}
	if _, err := other.Report(ctx, id); provisioning.CodeOf(err) != provisioning.Denied {
		t.Errorf("the report was made past the seal: %v", err)
	}
	done, err := d.ExportRecord(ctx, &out, 1, 0)
	if err != nil || done.To < r.Record.Row {
		t.Fatal(done, err)
	}
	if last, err := d.Records(ctx, desk.RecordQuery{Limit: 1}); err != nil || last[0].Event.Kind != provisioning.EventExported {
		t.Errorf("%+v %v", last, err)
	}
	b, err := audit.OpenBundle(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := (audit.Check{Section: b.Section}).Run(ctx, b); err != nil || !v.OK() || v.Rows != done.To {
		t.Errorf("%+v %v", v, err)
	}
	d.Close()
	other.Close()
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	if states := s.store.Witnesses(); len(states) != 1 || states[0].Missed != 0 || states[0].Seq != done.To+1 || len(w.kept) == 0 {
		t.Errorf("%+v", states)
	}
}

// TestVerifyTrust: what the desk says of a record is that it is proven only where an anchor has seen all of it.
func TestVerifyTrust(t *testing.T) {
	ctx := context.Background()
	s := newSmall(t, began, 3)
	d := s.open("l.ortiz")
	s.read(d)
	r, err := d.Verify(ctx)
	if err != nil || !r.OK || r.Proven || !strings.Contains(strings.Join(r.Trust, "\n"), "not anchored since the record began") {
		t.Errorf("%+v %v", r, err)
	}
	if d.Witnesses() != nil || d.StoreWarnings() != nil {
		t.Errorf("%v %v", d.Witnesses(), d.StoreWarnings())
	}
	if m, err := d.RecordMark(ctx, 1); err != nil || m.Line() != "the record has no row of it" {
		t.Errorf("%+v %v", m, err)
	}
}
