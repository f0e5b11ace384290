package sqlite_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/store/sqlite"
)

var chainKey = bytes.Repeat([]byte{1}, audit.KeySize)

// signer signs with the key of a seed.
type signer struct{ key ed25519.PrivateKey }

func newSigner(seed byte) signer {
	return signer{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))}
}

func (s signer) Public() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }
func (s signer) Sign(_ context.Context, message []byte) ([]byte, error) {
	return ed25519.Sign(s.key, message), nil
}

// witness keeps checkpoints in memory, and can be told to fail.
type witness struct {
	mu    sync.Mutex
	kept  []provisioning.Checkpoint
	fails error
	heard chan struct{} // after each try
}

func newWitness() *witness      { return &witness{heard: make(chan struct{}, 100)} }
func (w *witness) Name() string { return "the witness" }
func (w *witness) Seen(context.Context) ([]provisioning.Checkpoint, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]provisioning.Checkpoint(nil), w.kept...), true, nil
}

func (w *witness) Keep(_ context.Context, c provisioning.Checkpoint) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.heard <- struct{}{} }()
	if w.fails != nil {
		return w.fails
	}
	w.kept = append(w.kept, c)
	return nil
}

func (w *witness) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fails = err
}

// anchors is what the witness kept, as a file of anchors has it.
func (w *witness) anchors() audit.Anchors {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := audit.Anchors{Place: "the witness"}
	for i, c := range w.kept {
		a.Kept = append(a.Kept, audit.AnchorLine{Line: i + 1, Checkpoint: c})
	}
	return a
}

func options(t testing.TB, file string, w ...provisioning.Witness) sqlite.Options {
	t.Helper()
	chain, err := audit.NewChain(chainKey)
	if err != nil {
		t.Fatal(err)
	}
	return sqlite.Options{
		Path: file, Sealer: chain, Owner: "l.ortiz on desk-4", Person: "okta/00u9", Login: "lortiz@desk-4", Signer: newSigner(3), Witnesses: w,
	}
}

func openWith(t testing.TB, o sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func appendRows(t testing.TB, s *sqlite.Store, n int) {
	t.Helper()
	for i := range n {
		e := event(provisioning.EventIntent)
		e.Subject, e.Op = fmt.Sprint("A", i), i
		if err := s.Append(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
}

func seqs(t testing.TB, src audit.Source) (at []int64) {
	t.Helper()
	if err := src.Checkpoints(ctx, func(c provisioning.Checkpoint) error {
		if !c.Holds() {
			t.Errorf("the checkpoint of row %d does not hold", c.Seq)
		}
		at = append(at, c.Seq)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return at
}

func check(t testing.TB, file string, c audit.Check) audit.Verification {
	t.Helper()
	src, err := sqlite.OpenCopy(ctx, file)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	v, err := c.Run(ctx, src)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestCheckpoints: a checkpoint for the first row, after each hundred, at a batch's end and at the close, each in the witness's hands
// too; and the record holds against them with the key and without.
func TestCheckpoints(t *testing.T) {
	file, w := path(t), newWitness()
	s := openWith(t, options(t, file, w))
	appendRows(t, s, 205)
	if got := seqs(t, s); fmt.Sprint(got) != "[1 101 201]" {
		t.Errorf("%v", got)
	}
	b := batch()
	if err := s.SaveBatch(ctx, b, event(provisioning.EventStaged)); err != nil {
		t.Fatal(err)
	}
	if err := s.MoveBatch(ctx, b.ID, provisioning.BatchCommitted, "h", "", event(provisioning.EventCommitted)); err != nil {
		t.Fatal(err)
	}
	if err := s.MoveBatch(ctx, b.ID, provisioning.BatchStopped, "h", "x", event(provisioning.EventBatch)); err != nil {
		t.Fatal(err)
	}
	appendRows(t, s, 2)
	if got := seqs(t, s); fmt.Sprint(got) != "[1 101 201 208]" {
		t.Errorf("%v", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(w.kept); n != 5 || w.kept[4].Seq != 210 {
		t.Errorf("the witness has %d", n)
	}
	for _, key := range [][]byte{chainKey, nil} {
		v := check(t, file, audit.Check{Key: key, Anchors: []audit.Anchors{w.anchors()}})
		if !v.Proven() || v.Rows != 210 || v.Signed.Row != 210 || v.Keyed != (key != nil) {
			t.Errorf("%+v", v)
		}
	}
	v := check(t, file, audit.Check{Key: chainKey})
	if said := strings.Join(v.Trust(), "\n"); !v.OK() || v.Proven() || !strings.Contains(said, "rows 1 to 210 are not anchored since the record began: no anchor was given") {
		t.Errorf("without an anchor: %+v\n%s", v, said)
	}
}

// TestCheckpointByTime: what has waited for an hour is signed with the next row, before a hundred are there.
func TestCheckpointByTime(t *testing.T) {
	o := options(t, path(t))
	c := &clock{now: now}
	o.Clock = c
	s := openWith(t, o)
	appendRows(t, s, 3)
	c.set(now.Add(59 * time.Minute))
	appendRows(t, s, 1)
	c.set(now.Add(61 * time.Minute))
	appendRows(t, s, 2)
	if got := seqs(t, s); fmt.Sprint(got) != "[1 5]" {
		t.Errorf("%v", got)
	}
}

// clock is moved by hand; who sleeps on it sleeps until ctx ends.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

func (c *clock) Sleep(ctx context.Context, _ time.Duration) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestWitnessFails: a witness that cannot be written stops no commit; it is told, and has everything once it can be written again.
func TestWitnessFails(t *testing.T) {
	file, w := path(t), newWitness()
	w.fail(errors.New("the share is gone"))
	s := openWith(t, options(t, file, w))
	appendRows(t, s, 101)
	<-w.heard // it was tried
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	state := s.Witnesses()[0]
	if said := strings.Join(s.Warnings(), "\n"); state.Missed != 2 || state.Seq != 0 || !strings.Contains(said, "the record is not anchored in the witness: the share is gone") {
		t.Errorf("%+v %s", state, said)
	}
	w.fail(nil)
	s = openWith(t, options(t, file, w))
	appendRows(t, s, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if v := check(t, file, audit.Check{Key: chainKey, Anchors: []audit.Anchors{w.anchors()}}); !v.Proven() || len(w.kept) != 3 || len(s.Warnings()) != 0 {
		t.Errorf("%+v, %d kept, %v", v, len(w.kept), s.Warnings())
	}
}

// mute signs while it is let.
type mute struct {
	signer
	silent *atomic.Bool
}

func (m mute) Sign(ctx context.Context, message []byte) ([]byte, error) {
	if m.silent.Load() {
		return nil, errors.New("the keyring is locked")
	}
	return m.signer.Sign(ctx, message)
}

// TestNoSignature: a signature that cannot be made stops no commit; it is told, and made with the next row that lets it.
func TestNoSignature(t *testing.T) {
	var silent atomic.Bool
	silent.Store(true)
	o := options(t, path(t))
	o.Signer = mute{newSigner(3), &silent}
	s := openWith(t, o)
	appendRows(t, s, 3)
	if said := strings.Join(s.Warnings(), "\n"); len(seqs(t, s)) != 0 || !strings.Contains(said, "the record is not signed since row 0: the keyring is locked") {
		t.Errorf("%v %s", seqs(t, s), said)
	}
	silent.Store(false)
	appendRows(t, s, 1)
	// What was behind when the store was opened is caught up with beside the start: that may come first, and signs what is there then.
	if got := seqs(t, s); (fmt.Sprint(got) != "[4]" && fmt.Sprint(got) != "[3]") || len(s.Warnings()) != 0 {
		t.Errorf("%v %v", got, s.Warnings())
	}
}

// TestRowsFromBefore: a store that had rows before there were signatures gets its first checkpoint when it is opened; rows that were
// written by nobody who could seal them are signed by nobody.
func TestRowsFromBefore(t *testing.T) {
	file := path(t)
	s := open(t, file)
	appendRows(t, s, 30)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := openWith(t, options(t, file)).Close(); err != nil {
		t.Fatal(err)
	}
	if v := check(t, file, audit.Check{Key: chainKey}); !v.OK() || v.Signed.Row != 30 {
		t.Errorf("%+v", v)
	}
	s = open(t, file) // unsigned rows, as a crash leaves them
	appendRows(t, s, 5)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	raw(t, file, "drop trigger audit_no_update", "update audit set detail='another story' where seq=33")
	s = openWith(t, options(t, file))
	if said := strings.Join(s.Warnings(), "\n"); !strings.Contains(said, "the record does not hold at row 33: nothing after that is signed; run rollcall audit verify") {
		t.Error(said)
	}
	appendRows(t, s, 120)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if v := check(t, file, audit.Check{Key: chainKey}); v.OK() || v.Problems[0].First != 33 || v.Signed.Row != 30 {
		t.Errorf("%+v", v)
	}
}

// raw changes a store's file by hand, as somebody does who has it.
func raw(t testing.TB, file string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, q := range statements {
		if _, err := db.ExecContext(ctx, q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}

// TestActor: no row without an actor, whoever writes it; every row says which human and which login it was, and one that names its own
// keeps it.
func TestActor(t *testing.T) {
	file := path(t)
	s := openWith(t, options(t, file))
	nobody := event(provisioning.EventIntent)
	nobody.Actor = ""
	code(t, "an event of nobody", s.Append(ctx, nobody), provisioning.Invalid)
	own := event(provisioning.EventIntent)
	own.Person = "okta/00u1"
	for _, e := range []provisioning.Event{event(provisioning.EventIntent), own} {
		if err := s.Append(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	var rows []provisioning.Event
	if err := s.Records(ctx, 1, func(r provisioning.Record) error { rows = append(rows, r.Event); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 || rows[0].Person != "okta/00u9" || rows[0].Login != "lortiz@desk-4" || rows[0].Session != "s" || rows[1].Person != "okta/00u1" || rows[1].Login != "" {
		t.Errorf("%+v", rows)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, actor := range []string{"''", "null"} {
		_, err := db.ExecContext(ctx, "insert into audit (seq, at, actor, session, kind, batch, unit, op, subject, detail, hash) values (9, 1, "+actor+", '', 'x', 0, 0, 0, '', '', x'00')")
		if err == nil || !strings.Contains(err.Error(), "constraint") {
			t.Errorf("a row of %s: %v", actor, err)
		}
	}
	for _, q := range []string{"update checkpoint set seq=9", "delete from checkpoint", "update audit set person=''"} {
		if _, err := db.ExecContext(ctx, q); err == nil {
			t.Errorf("%s was let through", q)
		}
	}
}

// TestTamperedStore: each kind of tampering on a real file, by somebody who can drop the triggers, is found and named with the anchor.
func TestTamperedStore(t *testing.T) {
	off := []string{"drop trigger audit_no_update", "drop trigger audit_no_delete", "drop trigger checkpoint_no_update", "drop trigger checkpoint_no_delete"}
	shift := func(from, by int) []string { // every row from there on gets another number
		return []string{fmt.Sprintf("update audit set seq=-seq where seq>=%d", from), fmt.Sprintf("update audit set seq=-seq+%d where seq<0", by)}
	}
	base, w := path(t), newWitness()
	s := openWith(t, options(t, base, w))
	appendRows(t, s, 120)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(base)
	if err != nil {
		t.Fatal(err)
	}
	copied := "insert into audit select 50, at, actor, session, kind, batch, unit, op, subject, detail, prev, hash, person, login from audit where seq=49"
	for name, c := range map[string]struct {
		do   []string
		want audit.Tampering
	}{
		"edit":               {[]string{"update audit set actor='somebody' where seq=50"}, audit.Edited},
		"edit the last":      {[]string{"update audit set detail='x' where seq=120"}, audit.Edited},
		"edit the login":     {[]string{"update audit set login='somebody@desk-1' where seq=50"}, audit.Edited},
		"drop":               {[]string{"delete from audit where seq=50"}, audit.Dropped},
		"drop, renumbered":   {append([]string{"delete from audit where seq=50"}, shift(51, -1)...), audit.Dropped},
		"insert":             {append(shift(50, 1), copied), audit.Inserted},
		"reorder":            {[]string{"update audit set seq=-50 where seq=50", "update audit set seq=50 where seq=51", "update audit set seq=51 where seq=-50"}, audit.Reordered},
		"cut tail":           {[]string{"delete from audit where seq>110", "delete from checkpoint where seq>110"}, audit.TailCut},
		"cut rows alone":     {[]string{"delete from audit where seq>110"}, audit.TailCut},
		"checkpoint edited":  {[]string{"update checkpoint set at=at+1 where seq=101"}, audit.CheckpointEdited},
		"checkpoint dropped": {[]string{"delete from checkpoint where seq=101"}, audit.CheckpointDropped},
		"last one dropped":   {[]string{"delete from checkpoint where seq=120"}, audit.CheckpointDropped},
	} {
		t.Run(name, func(t *testing.T) {
			file := path(t)
			if err := os.WriteFile(file, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			raw(t, file, append(off, c.do...)...)
			v := check(t, file, audit.Check{Key: chainKey, Anchors: []audit.Anchors{w.anchors()}})
			if v.OK() || v.Problems[0].Kind != c.want {
				t.Errorf("%+v", v.Problems)
			}
			t.Log(v.Verdict())
			if v := check(t, file, audit.Check{Anchors: []audit.Anchors{w.anchors()}}); v.OK() {
				t.Errorf("not found without the key: %+v", v)
			}
		})
	}
}
