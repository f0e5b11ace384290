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
	release := ""
	if b.Release != nil {
		data, err := json.Marshal(b.Release)
		if err != nil {
			return err
		}
		release = string(data)
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
			if _, err := tx.ExecContext(ctx, `insert into batch (id, state, version, created_by, created_at, snapshot_id, snapshot_at, hash, release)
				values (?,?,1,?,?,?,?,?,?)`, id, string(b.State), b.CreatedBy, nanos(b.CreatedAt), b.SnapshotID, nanos(b.SnapshotAt), b.Hash, release); err != nil {
				return unavailable("the batch cannot be saved", err)
			}
		} else {
			r, err := tx.ExecContext(ctx, `update batch set state=?, version=version+1, snapshot_id=?, snapshot_at=?, hash=?, release=?
				where id=? and version=? and state in ('draft','reviewed','approved')`,
				string(b.State), b.SnapshotID, nanos(b.SnapshotAt), b.Hash, release, id, version)
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
		r, err := tx.ExecContext(ctx, `insert into unit (id, batch, pos, directory, person, account, name, office, kind, state, gen)
			values (?,?,?,?,?,?,?,?,?,?,?)`, id, batch, i, u.Person.Directory, u.Person.ID, u.Account, u.Name, u.Office, string(u.Kind), string(u.State), u.Gen)
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
	var created, snapshotAt, committed int64
	var release string
	err = tx.QueryRowContext(ctx, `select id, state, version, created_by, created_at, snapshot_id, snapshot_at, hash, committed_by, committed_at, release, stop
		from batch where id=?`, id).Scan(&b.ID, &b.State, &b.Version, &b.CreatedBy, &created, &b.SnapshotID, &snapshotAt, &b.Hash, &b.CommittedBy, &committed, &release, &b.Stop)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, notFound(fmt.Sprintf("batch %d", id))
	}
	if err != nil {
		return nil, unavailable("the batch cannot be read", err)
	}
	b.CreatedAt, b.SnapshotAt, b.CommittedAt = fromNanos(created), fromNanos(snapshotAt), fromNanos(committed)
	if release != "" {
		b.Release = &provisioning.Release{}
		if err := json.Unmarshal([]byte(release), b.Release); err != nil {
			return nil, unavailable("the batch cannot be read", err)
		}
	}
	at := make(map[int64]int)
	if err := rows(ctx, tx, func(r *sql.Rows) error {
		var u provisioning.Unit
		if err := r.Scan(&u.ID, &u.Batch, &u.Person.Directory, &u.Person.ID, &u.Account, &u.Name, &u.Office, &u.Kind, &u.State, &u.Owner, &u.Gen); err != nil {
			return unavailable("the batch cannot be read", err)
		}
		at[u.ID] = len(b.Units)
		b.Units = append(b.Units, u)
		return nil
	}, "select id, batch, directory, person, account, name, office, kind, state, owner, gen from unit where batch=? order by pos", id); err != nil {
		return nil, err
	}
	err = rows(ctx, tx, func(r *sql.Rows) error {
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
		u := &b.Units[at[op.Unit]]
		u.Ops = append(u.Ops, op)
		return nil
	}, `select unit, seq, change, state, sent_at, attempts, done_at, evidence, error from op
		where unit in (select id from unit where batch=?) order by unit, seq`, id)
	return &b, err
}

// Batches returns the newest batches, whole.
func (s *Store) Batches(ctx context.Context, limit int) ([]*provisioning.Batch, error) {
	return s.batches(ctx, "select id from batch order by id desc limit ?", limit)
}

// Unfinished returns the batches that were begun and are not at their end.
func (s *Store) Unfinished(ctx context.Context) ([]*provisioning.Batch, error) {
	return s.batches(ctx, "select id from batch where state in ('committed','paused','stopped') order by id")
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

// MoveBatch changes a batch's state where the transitions allow it. A cancelled batch takes along what has not begun.
func (s *Store) MoveBatch(ctx context.Context, id int64, to provisioning.BatchState, hash, stop string, e provisioning.Event) error {
	e.Batch = id
	return s.change(ctx, func(tx *sql.Tx) error {
		var from provisioning.BatchState
		var frozen string
		var committed int64
		err := tx.QueryRowContext(ctx, "select state, hash, committed_at from batch where id=?", id).Scan(&from, &frozen, &committed)
		if errors.Is(err, sql.ErrNoRows) {
			return notFound(fmt.Sprintf("batch %d", id))
		}
		if err != nil {
			return unavailable("the batch cannot be read", err)
		}
		if !provisioning.BatchMay(from, to) {
			return stale(fmt.Sprintf("batch %d is %s and cannot become %s", id, from, to))
		}
		if to == provisioning.BatchCommitted && (hash == "" || hash != frozen) {
			return stale("the batch is not the one that was reviewed")
		}
		by := ""
		if to == provisioning.BatchCommitted && committed == 0 {
			committed, by = nanos(e.At), e.Actor
		}
		if _, err := tx.ExecContext(ctx, "update batch set state=?, stop=?, committed_at=?, committed_by=case when ?='' then committed_by else ? end, version=version+1 where id=?",
			string(to), stop, committed, by, by, id); err != nil {
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

// EndedAccess counts the accounts whose access a confirmed op ended since a time, by kind of change.
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
	}, "select kind, count(distinct account) from op where state='confirmed' and done_at>=? group by kind", nanos(since))
	return counts, err
}
