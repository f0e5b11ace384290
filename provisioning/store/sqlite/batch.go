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

// SaveBatch inserts a batch, or replaces a draft's or reviewed one's units, under the optimistic lock. It saves drafts and reviewed ones,
// and an approved one that stays so: every other state is come to by a door of its own.
func (s *Store) SaveBatch(ctx context.Context, b *provisioning.Batch, e provisioning.Event) error {
	if b.State != provisioning.BatchDraft && b.State != provisioning.BatchReviewed && (b.State != provisioning.BatchApproved || b.ID == 0) {
		return stale(fmt.Sprintf("a batch is not saved as %s", b.State))
	}
	release, err := jsonText(b.Release, b.Release != nil)
	if err != nil {
		return err
	}
	readers, err := jsonText(b.Readers, b.Sealed())
	if err != nil {
		return err
	}
	singly, err := jsonText(b.Singly, len(b.Singly) > 0)
	if err != nil {
		return err
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
	err = s.change(ctx, func(tx *sql.Tx) error {
		if b.ID == 0 {
			if _, err := tx.ExecContext(ctx, `insert into batch (id, state, version, created_by, created_at, snapshot_id, snapshot_at, hash, release, due, zone, title, readers,
				needs, singly, undoes) values (?,?,1,?,?,?,?,?,?,?,?,?,?,?,?,?)`, id, string(b.State), b.CreatedBy, nanos(b.CreatedAt), b.SnapshotID, nanos(b.SnapshotAt),
				b.Hash, release, nanos(b.Due), b.Zone, b.Title, readers, b.Needs, singly, b.Undoes); err != nil {
				return unavailable("the batch cannot be saved", err)
			}
		} else {
			r, err := tx.ExecContext(ctx, `update batch set state=?, version=version+1, snapshot_id=?, snapshot_at=?, hash=?, release=?, due=?, zone=?, title=?, readers=?,
				needs=?, singly=? where id=? and version=? and (state='approved' or (state in ('draft','reviewed') and ?1<>'approved'))`, string(b.State), b.SnapshotID, nanos(b.SnapshotAt), b.Hash,
				release, nanos(b.Due), b.Zone, b.Title, readers, b.Needs, singly, id, version)
			if err := one(r, err, "the batch was changed by somebody else"); err != nil {
				return err
			}
			for _, q := range []string{"delete from op where unit in (select id from unit where batch=?)", "delete from unit where batch=?"} {
				if _, err := tx.ExecContext(ctx, q, id); err != nil {
					return unavailable("the batch cannot be saved", err)
				}
			}
		}
		if err := saveHands(ctx, tx, id, b.Hands); err != nil {
			return err
		}
		if b.State != provisioning.BatchApproved {
			if err := voidApprovals(ctx, tx, id); err != nil {
				return err
			}
		}
		if err := saveUndo(ctx, tx, id, b); err != nil {
			return err
		}
		return saveUnits(ctx, tx, id, units)
	}, e)
	if err != nil {
		return err
	}
	b.ID, b.Version, b.Units = id, version+1, units
	return nil
}

// jsonText is a value as it is kept in a column, "" where there is none.
func jsonText(v any, present bool) (string, error) {
	if !present {
		return "", nil
	}
	data, err := json.Marshal(v)
	return string(data), err
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
	var release, readers, singly string
	err = tx.QueryRowContext(ctx, `select id, state, version, created_by, created_at, snapshot_id, snapshot_at, hash, committed_by, committed_at, release, stop,
		due, zone, title, readers, needs, singly, undoes from batch where id=?`, id).Scan(&b.ID, &b.State, &b.Version, &b.CreatedBy, &created, &b.SnapshotID, &snapshotAt, &b.Hash,
		&b.CommittedBy, &committed, &release, &b.Stop, &due, &b.Zone, &b.Title, &readers, &b.Needs, &singly, &b.Undoes)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, notFound(fmt.Sprintf("batch %d", id))
	}
	if err != nil {
		return nil, unavailable("the batch cannot be read", err)
	}
	b.CreatedAt, b.SnapshotAt, b.CommittedAt, b.Due = fromNanos(created), fromNanos(snapshotAt), fromNanos(committed), fromNanos(due)
	for text, into := range map[string]any{release: &b.Release, readers: &b.Readers, singly: &b.Singly} {
		if text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(text), into); err != nil {
			return nil, unavailable("the batch cannot be read", err)
		}
	}
	if err := readHands(ctx, tx, &b); err != nil {
		return nil, err
	}
	if err := readKept(ctx, tx, &b); err != nil {
		return nil, err
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
		var change, pre string
		var sent, done int64
		if err := r.Scan(&op.Unit, &op.Seq, &change, &op.State, &sent, &op.Attempts, &done, &op.Evidence, &op.Error, &pre); err != nil {
			return unavailable("the batch cannot be read", err)
		}
		if err := json.Unmarshal([]byte(change), &op.Change); err != nil {
			return unavailable("the batch cannot be read", err)
		}
		if err := readPre(pre, &op); err != nil {
			return err
		}
		op.SentAt, op.DoneAt = fromNanos(sent), fromNanos(done)
		tell(op)
		return nil
	}, "select unit, seq, change, state, sent_at, attempts, done_at, evidence, error, pre from op where "+where+" order by unit, seq", args...)
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
// people to go on with, and of one that was cancelled something may be in doubt.
func (s *Store) Unfinished(ctx context.Context) ([]*provisioning.Batch, error) {
	return s.batches(ctx, `select id from batch where state in ('committed','paused','stopped')
		or (state in ('done, by hand open','cancelled') and exists (select 1 from unit where batch=batch.id and state in ('pending','running'))) order by id`)
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
	return s.moveBatch(ctx, id, to, hash, stop, e, func(*sql.Tx) error { return nil })
}

// moveBatch is MoveBatch where check has nothing against it, in the same transaction.
func (s *Store) moveBatch(ctx context.Context, id int64, to provisioning.BatchState, hash, stop string, e provisioning.Event, check func(*sql.Tx) error) error {
	e.Batch = id
	return s.change(ctx, func(tx *sql.Tx) error {
		if err := check(tx); err != nil {
			return err
		}
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
		if !provisioning.BatchMay(from, to) || to == provisioning.BatchApproved { // that one has a door of its own
			return stale(fmt.Sprintf("batch %d is %s and cannot become %s", id, from, to))
		}
		switch to {
		case provisioning.BatchCommitted, provisioning.BatchScheduled:
			if hash == "" || hash != frozen {
				return stale("the batch is not the one that was reviewed")
			}
			if committed == 0 {
				until := e.At
				if from == provisioning.BatchScheduled { // it counted when the minute was confirmed: that does not end
					until = time.Time{}
				}
				if err := approved(ctx, tx, id, frozen, until); err != nil {
					return err
				}
			}
			if committed == 0 { // of a scheduled batch: who confirmed it, until it begins
				by = e.Actor
			}
			if to == provisioning.BatchCommitted && committed == 0 {
				committed = nanos(e.At)
			}
		case provisioning.BatchDraft:
			frozen, by, release = "", "", ""
			if err := voidApprovals(ctx, tx, id); err != nil {
				return err
			}
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
		if _, err := tx.ExecContext(ctx, `update batch set state=?, stop=?, hash=?, release=?, singly=case when ?1='draft' then '' else singly end, committed_at=?, committed_by=?,
			version=version+1 where id=?`, string(to), stop, frozen, release, committed, by, id); err != nil {
			return unavailable("the batch cannot be saved", err)
		}
		if to == provisioning.BatchCancelled {
			return giveUp(ctx, tx, id, e.At)
		}
		return nil
	}, e)
}

// giveUp cancels whatever of a cancelled batch nobody is at work on. A unit with a change in doubt is left to whoever runs the units: it is
// read back before the rest is given up.
func giveUp(ctx context.Context, tx *sql.Tx, batch int64, at time.Time) error {
	const certain = "not exists (select 1 from op as doubt where doubt.unit=unit.id and doubt.state='sent')"
	for _, q := range []string{
		`update op set state='cancelled', done_at=? where state in ('pending','failed','drifted','parked','by hand')
			and unit in (select id from unit where batch=? and state <> 'running' and ` + certain + ")",
		"update unit set state='cancelled', gen=gen+1 where ?<>0 and batch=? and state in ('pending','failed','parked','waiting by hand') and " + certain,
	} {
		if _, err := tx.ExecContext(ctx, q, nanos(at), batch); err != nil {
			return unavailable("the batch cannot be saved", err)
		}
	}
	return nil
}
