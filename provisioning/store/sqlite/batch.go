package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollcall/provisioning"
)

// SaveBatch inserts a batch, or replaces a draft's or reviewed one's units, under the optimistic lock.
func (s *Store) SaveBatch(ctx context.Context, b *provisioning.Batch, e provisioning.Event) error {
	release, readers := "", ""
	if b.Release != nil {
		data, err := json.Marshal(b.Release)
		if err != nil {
			return err
		}
		release = string(data)
	}
	if b.Sealed() {
		data, err := json.Marshal(b.Readers)
		if err != nil {
			return err
		}
		readers = string(data)
	}
	id, version := b.ID, b.Version
	units := slices.Clone(b.Units)
	if id == 0 {
		next, err := s.nextID(ctx, "batch")
		if err != nil {
			return err
		}
		id = next
	}
	e.Batch = id
	err := s.change(ctx, func(tx *sql.Tx) error {
		if b.ID == 0 {
			if _, err := tx.ExecContext(ctx, `insert into batch (id, state, version, created_by, created_at, snapshot_id, snapshot_at, hash, release, due, zone, title, readers)
				values (?,?,1,?,?,?,?,?,?,?,?,?,?)`, id, string(b.State), b.CreatedBy, nanos(b.CreatedAt), b.SnapshotID, nanos(b.SnapshotAt), b.Hash, release,
				nanos(b.Due), b.Zone, b.Title, readers); err != nil {
				return unavailable("the batch cannot be saved", err)
			}
		} else {
			r, err := tx.ExecContext(ctx, `update batch set state=?, version=version+1, snapshot_id=?, snapshot_at=?, hash=?, release=?, due=?, zone=?, title=?, readers=?
				where id=? and version=? and state in ('draft','reviewed','approved')`,
				string(b.State), b.SnapshotID, nanos(b.SnapshotAt), b.Hash, release, nanos(b.Due), b.Zone, b.Title, readers, id, version)
			if err := one(r, err, "the batch was changed by somebody else"); err != nil {
				return err
			}
			for _, q := range []string{"delete from op where unit in (select id from unit where batch=?)", "delete from unit where batch=?"} {
				if _, err := tx.ExecContext(ctx, q, id); err != nil {
					return unavailable("the batch cannot be saved", err)
				}
			}
		}
		return saveUnits(ctx, tx, id, units)
	}, e)
	if err != nil {
		return err
	}
	b.ID, b.Version, b.Units = id, version+1, units
	return nil
}

func (s *Store) nextID(ctx context.Context, table string) (int64, error) {
	var id sql.NullInt64
	if err := s.read.QueryRowContext(ctx, "select max(id) from "+table).Scan(&id); err != nil {
		return 0, unavailable("the store cannot be read", err)
	}
	return id.Int64 + 1, nil
}

func saveUnits(ctx context.Context, tx *sql.Tx, batch int64, units []provisioning.Unit) error {
	for i := range units {
		u := &units[i]
		u.Batch = batch
		var id any
		if u.ID != 0 {
			id = u.ID
		}
		r, err := tx.ExecContext(ctx, `insert into unit (id, batch, pos, directory, person, account, name, office, kind, reason, state, gen)
			values (?,?,?,?,?,?,?,?,?,?,?,?)`, id, batch, i, u.Person.Directory, u.Person.ID, u.Account, u.Name, u.Office, string(u.Kind), u.Reason, string(u.State), u.Gen)
		if err != nil {
			return unavailable("the batch cannot be saved", err)
		}
		if u.ID, err = r.LastInsertId(); err != nil {
			return unavailable("the batch cannot be saved", err)
		}
		u.Ops = slices.Clone(u.Ops)
		for j := range u.Ops {
			op := &u.Ops[j]
			op.Unit = u.ID
			change, err := json.Marshal(op.Change)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "insert into op (unit, seq, kind, account, change, state) values (?,?,?,?,?,?)",
				op.Unit, op.Seq, string(op.Change.Kind), op.Change.Account, string(change), string(op.State)); err != nil {
				return unavailable("the batch cannot be saved", err)
			}
		}
	}
	return nil
}

// one wants exactly one row changed; none is Stale.
func one(r sql.Result, err error, message string) error {
	if err != nil {
		return unavailable("the store cannot be written", err)
	}
	n, err := r.RowsAffected()
	if err != nil {
		return unavailable("the store cannot be written", err)
	}
	if n == 0 {
		return stale(message)
	}
	return nil
}

// Batch returns one batch whole, as of one moment.
func (s *Store) Batch(ctx context.Context, id int64) (*provisioning.Batch, error) {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, unavailable("the store cannot be read", err)
	}
	defer tx.Rollback() //nolint:errcheck // a read has nothing to lose
	var b provisioning.Batch
	var created, snapshotAt, committed, due int64
	var release, readers string
	err = tx.QueryRowContext(ctx, `select id, state, version, created_by, created_at, snapshot_id, snapshot_at, hash, committed_by, committed_at, release, stop,
		due, zone, title, readers from batch where id=?`, id).Scan(&b.ID, &b.State, &b.Version, &b.CreatedBy, &created, &b.SnapshotID, &snapshotAt, &b.Hash,
		&b.CommittedBy, &committed, &release, &b.Stop, &due, &b.Zone, &b.Title, &readers)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, notFound(fmt.Sprintf("batch %d", id))
	}
	if err != nil {
		return nil, unavailable("the batch cannot be read", err)
	}
	b.CreatedAt, b.SnapshotAt, b.CommittedAt, b.Due = fromNanos(created), fromNanos(snapshotAt), fromNanos(committed), fromNanos(due)
	for text, into := range map[string]any{release: &b.Release, readers: &b.Readers} {
		if text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(text), into); err != nil {
			return nil, unavailable("the batch cannot be read", err)
		}
	}
	at := make(map[int64]int)
	if err := rows(ctx, tx, func(r *sql.Rows) error {
		var u provisioning.Unit
		if err := r.Scan(&u.ID, &u.Batch, &u.Person.Directory, &u.Person.ID, &u.Account, &u.Name, &u.Office, &u.Kind, &u.Reason, &u.State, &u.Owner, &u.Gen); err != nil {
			return unavailable("the batch cannot be read", err)
		}
		at[u.ID] = len(b.Units)
		b.Units = append(b.Units, u)
		return nil
	}, "select id, batch, directory, person, account, name, office, kind, reason, state, owner, gen from unit where batch=? order by pos", id); err != nil {
		return nil, err
	}
	err = eachOp(ctx, tx, func(op provisioning.Op) {
		u := &b.Units[at[op.Unit]]
		u.Ops = append(u.Ops, op)
	}, "unit in (select id from unit where batch=?)", id)
	return &b, err
}

// eachOp tells the ops that fit a condition, by unit and in order.
func eachOp(ctx context.Context, tx *sql.Tx, tell func(provisioning.Op), where string, args ...any) error {
	return rows(ctx, tx, func(r *sql.Rows) error {
		var op provisioning.Op
		var change string
		var sent, done int64
		if err := r.Scan(&op.Unit, &op.Seq, &change, &op.State, &sent, &op.Attempts, &done, &op.Evidence, &op.Error); err != nil {
			return unavailable("the batch cannot be read", err)
		}
		if err := json.Unmarshal([]byte(change), &op.Change); err != nil {
			return unavailable("the batch cannot be read", err)
		}
		op.SentAt, op.DoneAt = fromNanos(sent), fromNanos(done)
		tell(op)
		return nil
	}, "select unit, seq, change, state, sent_at, attempts, done_at, evidence, error from op where "+where+" order by unit, seq", args...)
}

// Batches returns the newest batches, whole.
func (s *Store) Batches(ctx context.Context, limit int) ([]*provisioning.Batch, error) {
	return s.batches(ctx, "select id from batch order by id desc limit ?", limit)
}

// Scheduled returns the batches that have a minute to begin at, and those that missed theirs, the earliest first.
func (s *Store) Scheduled(ctx context.Context) ([]*provisioning.Batch, error) {
	return s.batches(ctx, "select id from batch where state in ('scheduled','missed') order by due, id")
}

// Sealed returns the readers of every sealed batch, by its id.
func (s *Store) Sealed(ctx context.Context) (map[int64][]string, error) {
	sealed := make(map[int64][]string)
	err := rows(ctx, s.read, func(r *sql.Rows) error {
		var id int64
		var text string
		var readers []string
		if err := r.Scan(&id, &text); err != nil {
			return unavailable("the batches cannot be read", err)
		}
		if err := json.Unmarshal([]byte(text), &readers); err != nil {
			return unavailable("the batches cannot be read", err)
		}
		sealed[id] = readers
		return nil
	}, "select id, readers from batch where readers <> ''")
	return sealed, err
}

// Unfinished returns the batches that were begun and are not at their end; one that waited for a step by hand, which was ticked, has
// people to go on with.
func (s *Store) Unfinished(ctx context.Context) ([]*provisioning.Batch, error) {
	return s.batches(ctx, `select id from batch where state in ('committed','paused','stopped')
		or (state='done, by hand open' and exists (select 1 from unit where batch=batch.id and state in ('pending','running'))) order by id`)
}

func (s *Store) batches(ctx context.Context, query string, args ...any) ([]*provisioning.Batch, error) {
	var ids []int64
	if err := rows(ctx, s.read, func(r *sql.Rows) error {
		var id int64
		if err := r.Scan(&id); err != nil {
			return unavailable("the batches cannot be read", err)
		}
		ids = append(ids, id)
		return nil
	}, query, args...); err != nil {
		return nil, err
	}
	batches := make([]*provisioning.Batch, 0, len(ids))
	for _, id := range ids {
		b, err := s.Batch(ctx, id)
		if err != nil {
			return nil, err
		}
		batches = append(batches, b)
	}
	return batches, nil
}

// MoveBatch changes a batch's state where the transitions allow it. A cancelled batch takes along what has not begun; one that goes
// back to draft loses its hash and its release; one with people left to do cannot be done.
func (s *Store) MoveBatch(ctx context.Context, id int64, to provisioning.BatchState, hash, stop string, e provisioning.Event) error {
	e.Batch = id
	return s.change(ctx, func(tx *sql.Tx) error {
		var from provisioning.BatchState
		var frozen, by, release string
		var committed int64
		err := tx.QueryRowContext(ctx, "select state, hash, committed_at, committed_by, release from batch where id=?", id).Scan(&from, &frozen, &committed, &by, &release)
		if errors.Is(err, sql.ErrNoRows) {
			return notFound(fmt.Sprintf("batch %d", id))
		}
		if err != nil {
			return unavailable("the batch cannot be read", err)
		}
		if !provisioning.BatchMay(from, to) {
			return stale(fmt.Sprintf("batch %d is %s and cannot become %s", id, from, to))
		}
		switch to {
		case provisioning.BatchCommitted, provisioning.BatchScheduled:
			if hash == "" || hash != frozen {
				return stale("the batch is not the one that was reviewed")
			}
			if committed == 0 { // of a scheduled batch: who confirmed it, until it begins
				by = e.Actor
			}
			if to == provisioning.BatchCommitted && committed == 0 {
				committed = nanos(e.At)
			}
		case provisioning.BatchDraft:
			frozen, by, release = "", "", ""
		case provisioning.BatchDone, provisioning.BatchOpenHand:
			var left int
			if err := tx.QueryRowContext(ctx, "select count(*) from unit where batch=? and state in ('pending','running')", id).Scan(&left); err != nil {
				return unavailable("the batch cannot be read", err)
			}
			if left > 0 {
				return stale(fmt.Sprintf("batch %d has %d people left to do", id, left))
			}
			// A step may have been ticked since whoever ends the batch looked: what is open is asked here.
			if err := tx.QueryRowContext(ctx, "select count(*) from op where state='by hand' and unit in (select id from unit where batch=?)", id).Scan(&left); err != nil {
				return unavailable("the batch cannot be read", err)
			}
			to = provisioning.BatchDone
			if left > 0 {
				to = provisioning.BatchOpenHand
			}
		default:
		}
		if _, err := tx.ExecContext(ctx, "update batch set state=?, stop=?, hash=?, release=?, committed_at=?, committed_by=?, version=version+1 where id=?",
			string(to), stop, frozen, release, committed, by, id); err != nil {
			return unavailable("the batch cannot be saved", err)
		}
		if to != provisioning.BatchCancelled {
			return nil
		}
		for _, q := range []string{
			`update op set state='cancelled', done_at=? where state in ('pending','failed','drifted','parked','by hand')
				and unit in (select id from unit where batch=? and state <> 'running')`,
			"update unit set state='cancelled', gen=gen+1 where ?<>0 and batch=? and state in ('pending','failed','parked','waiting by hand')",
		} {
			if _, err := tx.ExecContext(ctx, q, nanos(e.At), id); err != nil {
				return unavailable("the batch cannot be saved", err)
			}
		}
		return nil
	}, e)
}

// EndedAccess counts the accounts whose access a confirmed op ended since a time, by kind of change, together with those whose op was
// let go and is on its way: of two batches that begin in one minute, the second is judged with the first.
func (s *Store) EndedAccess(ctx context.Context, since time.Time) (map[provisioning.ChangeKind]int, error) {
	counts := make(map[provisioning.ChangeKind]int)
	err := rows(ctx, s.read, func(r *sql.Rows) error {
		var kind provisioning.ChangeKind
		var n int
		if err := r.Scan(&kind, &n); err != nil {
			return unavailable("the journal cannot be read", err)
		}
		if (provisioning.Change{Kind: kind}).EndsAccess() {
			counts[kind] = n
		}
		return nil
	}, `select kind, count(*) from (
		select kind, account from op where state='confirmed' and done_at>=?
		union select op.kind, op.account from batch join unit on unit.batch=batch.id join op on op.unit=unit.id
			where batch.state in ('committed','paused','stopped') and op.state in ('pending','sent')) group by kind`, nanos(since))
	return counts, err
}
