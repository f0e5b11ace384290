package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"rollcall/provisioning"
)

// checkpointSchema keeps the signed statements of how far the record had come, and who an actor is (threats F1, F2). The rows from
// before have neither person nor login, and the canonical bytes that they always had.
const checkpointSchema = `
create table checkpoint (
  seq integer primary key, at integer not null, head blob not null, digest blob not null, prev blob, public_key blob not null, signature blob not null);
create trigger checkpoint_no_update before update on checkpoint begin select raise(abort, 'a checkpoint is never changed'); end;
create trigger checkpoint_no_delete before delete on checkpoint begin select raise(abort, 'a checkpoint is never dropped'); end;
alter table audit add column person text not null default '';
alter table audit add column login text not null default '';
`

// A checkpoint is made after so many rows, after so long, at a batch's end and when the store is closed (threats F1).
const (
	checkpointRows  = 100
	checkpointTime  = time.Hour
	checkpointLook  = 5 * time.Minute  // how often the time is looked at
	checkpointClose = 10 * time.Second // how long Close waits for the last signature, and for the witnesses
)

// signing is what the checkpoints of a store rest on. The store's mu guards it.
type signing struct {
	signer  provisioning.Signer
	digest  []byte                  // over every row up to the store's last
	mark    provisioning.Checkpoint // the newest; zero: there is none
	broken  string                  // why nothing may be signed: the record does not hold; "" it does
	failed  string                  // why the last signature could not be made
	changed string                  // that the key is another one than before
	tellers []*teller
}

// warnings says what was found at the opening, and what the witnesses say. It takes no lock but the tellers'.
func (g *signing) warnings() (said []string) {
	if g == nil {
		return nil
	}
	for _, s := range []string{g.broken, g.changed} {
		if s != "" {
			said = append(said, s)
		}
	}
	for _, t := range g.tellers {
		said = append(said, t.warnings()...)
	}
	return said
}

// draft is what a transaction adds to the digest, and the checkpoint that it makes. A nil one does nothing.
type draft struct {
	s      *signing
	digest []byte
	due    bool
	made   *provisioning.Checkpoint
	failed string
}

func (g *signing) draft() *draft {
	if g == nil || g.broken != "" {
		return nil
	}
	return &draft{s: g, digest: g.digest, failed: g.failed}
}

// add takes a row in. What ends a batch, or stands for a whole store, is signed at once.
func (d *draft) add(r *provisioning.Record) {
	if d == nil {
		return
	}
	d.digest = r.Digest(d.digest)
	switch r.Event.Kind {
	case provisioning.EventBatch, provisioning.EventByHand, provisioning.EventRestored:
		d.due = true
	default:
	}
}

// sign makes a checkpoint where one is due, in the transaction of the rows that it covers. A signature that cannot be made stops no
// commit: it is told, and made with the next row.
func (d *draft) sign(ctx context.Context, tx *sql.Tx, last provisioning.Record, now time.Time, force bool) error {
	if d == nil || last.Seq <= d.s.mark.Seq || (!force && !d.due && d.failed == "" && !d.s.due(last.Seq, now)) {
		return nil
	}
	c := provisioning.Checkpoint{
		Seq: last.Seq, At: now.UTC(), Head: last.Hash, Digest: d.digest, Prev: d.s.mark.Signature, PublicKey: d.s.signer.Public(),
	}
	var err error
	if c.Signature, err = d.s.signer.Sign(ctx, c.Statement()); err != nil {
		d.failed = err.Error()
		return nil //nolint:nilerr // told, and tried again with the next row
	}
	d.made, d.failed = &c, ""
	if _, err := tx.ExecContext(ctx, "insert into checkpoint (seq, at, head, digest, prev, public_key, signature) values (?,?,?,?,?,?,?)",
		c.Seq, nanos(c.At), c.Head, c.Digest, c.Prev, c.PublicKey, c.Signature); err != nil {
		return unavailable("the record's checkpoint cannot be written", err)
	}
	return nil
}

func (g *signing) due(seq int64, now time.Time) bool {
	return seq-g.mark.Seq >= checkpointRows || now.Sub(g.mark.At) >= checkpointTime
}

// keep is for after the commit: what was drafted is so now, and the witnesses are told.
func (d *draft) keep() {
	if d == nil {
		return
	}
	d.s.digest, d.s.failed = d.digest, d.failed
	if d.made == nil {
		return
	}
	d.s.mark = *d.made
	for _, t := range d.s.tellers {
		t.add(*d.made)
	}
}

// beginSigning goes on where the last checkpoint left the record. The rows after it were signed by nobody: each is sealed anew and must
// come out as it stands, or nothing is signed any more.
func (s *Store) beginSigning(ctx, background context.Context, o Options) error {
	if o.Signer == nil {
		return nil
	}
	g := &signing{signer: o.Signer}
	known := make(map[string]bool)
	var all []provisioning.Checkpoint
	if err := s.Checkpoints(ctx, func(c provisioning.Checkpoint) error {
		known[string(c.Signature)] = true
		g.mark = c
		all = append(all, c)
		return nil
	}); err != nil {
		return err
	}
	switch {
	case g.mark.Seq == 0:
	case !g.mark.Holds():
		g.broken = fmt.Sprintf("the record's last checkpoint, of row %d, was changed", g.mark.Seq)
	case !bytes.Equal(g.mark.PublicKey, o.Signer.Public()):
		g.changed = fmt.Sprintf("the signing key is another one than at row %d of the record: rollcall audit verify says so from now on", g.mark.Seq)
	}
	if g.broken == "" {
		var err error
		if g.broken, err = s.takeUp(ctx, g); err != nil {
			return err
		}
	}
	if g.broken != "" {
		g.broken += ": nothing after that is signed; run rollcall audit verify"
	}
	s.cp = g
	for _, w := range o.Witnesses {
		t := newTeller(w, all)
		g.tellers = append(g.tellers, t)
		go t.run()
	}
	left := s.last.Seq > g.mark.Seq
	s.work.Go(func() { s.signByTime(background, left) })
	return nil
}

// takeUp checks the rows after the last checkpoint, and brings the digest up to the last row. broken says what does not hold.
func (s *Store) takeUp(ctx context.Context, g *signing) (broken string, err error) {
	g.digest = g.mark.Digest
	prev := provisioning.Record{}
	met := g.mark.Seq == 0
	stop := errors.New("stop")
	err = s.Records(ctx, max(1, g.mark.Seq), func(r provisioning.Record) error {
		if !met { // the row that the checkpoint is of
			if met = r.Seq == g.mark.Seq && bytes.Equal(r.Hash, g.mark.Head); !met {
				return stop
			}
			prev = r
			return nil
		}
		again, err := s.sealer.Seal(prev, r.Event)
		if err != nil || again.Seq != r.Seq || !bytes.Equal(again.Hash, r.Hash) || !bytes.Equal(again.Prev, r.Prev) {
			broken = fmt.Sprintf("the record does not hold at row %d", r.Seq)
			return stop
		}
		g.digest, prev = r.Digest(g.digest), r
		return nil
	})
	if err != nil && !errors.Is(err, stop) {
		return "", err
	}
	if !met {
		broken = fmt.Sprintf("row %d of the record is not the one that its checkpoint saw, or is gone", g.mark.Seq)
	}
	return broken, nil
}

// signByTime signs for rows that were not signed at the last close, and for what has waited for an hour.
func (s *Store) signByTime(ctx context.Context, left bool) {
	if s.sound.wait(ctx) != nil {
		return
	}
	for {
		_ = s.signNow(ctx, left) // what it could not write, the next row's change meets as well
		left = false
		if s.clock.Sleep(ctx, checkpointLook) != nil {
			return
		}
	}
}

// signNow makes a checkpoint without a row: where one is due, or by force.
func (s *Store) signNow(ctx context.Context, force bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.cp.draft()
	if d == nil || s.last.Seq <= s.cp.mark.Seq || (!force && !s.cp.due(s.last.Seq, s.clock.Now())) {
		return nil
	}
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return unavailable("the store cannot be written", err)
	}
	if err := d.sign(ctx, tx, s.last, s.clock.Now(), true); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return unavailable("the store cannot be written", err)
	}
	d.keep()
	return nil
}

// endSigning signs for what is not signed yet and lets the witnesses take what they can.
func (s *Store) endSigning() {
	if s.cp == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), checkpointClose)
	defer cancel()
	s.mu.Lock()
	left := s.last.Seq > s.cp.mark.Seq
	s.mu.Unlock()
	if left && s.sound.wait(ctx) == nil {
		_ = s.signNow(ctx, true) // what is left unsigned is signed at the next opening
	}
	for _, t := range s.cp.tellers {
		t.finish()
	}
	for _, t := range s.cp.tellers {
		t.wait(ctx)
	}
}

// Checkpoints walks the checkpoints in order.
func (s *Store) Checkpoints(ctx context.Context, visit func(provisioning.Checkpoint) error) error {
	return rows(ctx, s.read, func(r *sql.Rows) error {
		c, err := scanCheckpoint(r.Scan)
		if err != nil {
			return unavailable("the record's checkpoints cannot be read", err)
		}
		return visit(c)
	}, "select "+checkpointColumns+" from checkpoint order by seq")
}

const checkpointColumns = "seq, at, head, digest, prev, public_key, signature"

func scanCheckpoint(scan func(...any) error) (provisioning.Checkpoint, error) {
	var c provisioning.Checkpoint
	var at int64
	err := scan(&c.Seq, &at, &c.Head, &c.Digest, &c.Prev, &c.PublicKey, &c.Signature)
	c.At = fromNanos(at)
	return c, err
}

// Witnesses says how the places outside the store stand.
func (s *Store) Witnesses() []provisioning.WitnessState {
	if s.cp == nil {
		return nil
	}
	states := make([]provisioning.WitnessState, len(s.cp.tellers))
	for i, t := range s.cp.tellers {
		states[i] = t.now()
	}
	return states
}
