package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"math"
	"time"

	"rollcall/provisioning"
)

// endedSchema finds a window in the record, and the last time that something was let go.
const endedSchema = `
create index audit_at on audit(at);
create index audit_let_go on audit(kind) where kind in ('committed','resumed');
`

// The removals, and a new email, whose object the change itself tells.
const countedKinds = "op.kind in ('disable account','remove from library','leave group','remove global role','set attribute')"

// done picks the ops that took effect, by a row of the record that tells of it: confirmed, or sent and never settled for sure.
const done = `from audit join op on op.unit=audit.unit and op.seq=audit.op join unit on unit.id=op.unit join batch on batch.id=unit.batch
	where audit.seq>? and audit.kind in ('outcome','done by hand')
	and (op.state='confirmed' or (op.attempts>0 and op.state in ('parked','drifted','cancelled')))`

// pending picks the ops of what was let go that are not at their end. A cancelled batch lets finish what is in flight.
const pending = `from batch join unit on unit.batch=batch.id join op on op.unit=unit.id
	where ((batch.state in ('committed','paused','stopped') and op.state in ('pending','sent','by hand'))
	or (batch.state='done, by hand open' and op.state in ('pending','by hand')) or (batch.state='cancelled' and op.state='sent'))`

// Ended tells what was taken away in a window of the record, and what is on its way.
func (s *Store) Ended(ctx context.Context, since, now time.Time) ([]provisioning.Ended, error) {
	var list []provisioning.Ended
	err := s.window(ctx, since, now, func(tx *sql.Tx, after int64) error {
		return rows(ctx, tx, func(r *sql.Rows) error {
			var e provisioning.Ended
			var text string
			var at int64
			if err := r.Scan(&text, &e.Office, &e.Batch, &at, &e.Pending); err != nil {
				return unavailable("the journal cannot be read", err)
			}
			var c provisioning.Change
			if err := json.Unmarshal([]byte(text), &c); err != nil {
				return unavailable("the journal cannot be read", err)
			}
			if !c.Counted() {
				return nil
			}
			e.Kind, e.Account, e.Library, e.Object = c.Kind, c.Account, c.Library, c.Object
			if !e.Pending {
				e.At = fromNanos(at)
			}
			list = append(list, e)
			return nil
		}, "select op.change, unit.office, unit.batch, op.done_at, 0 "+done+" and "+countedKinds+
			" union select op.change, unit.office, unit.batch, 0, 1 "+pending+" and "+countedKinds+" order by 3, 1, 5", after)
	})
	return list, err
}

// Undone tells what undo batches changed in a window of the record, or are about to.
func (s *Store) Undone(ctx context.Context, since, now time.Time) ([]provisioning.Change, error) {
	var list []provisioning.Change
	err := s.window(ctx, since, now, func(tx *sql.Tx, after int64) error {
		return rows(ctx, tx, func(r *sql.Rows) error {
			var text string
			var c provisioning.Change
			if err := r.Scan(&text); err != nil {
				return unavailable("the journal cannot be read", err)
			}
			if err := json.Unmarshal([]byte(text), &c); err != nil {
				return unavailable("the journal cannot be read", err)
			}
			list = append(list, c)
			return nil
		}, "select op.change "+done+" and batch.undoes<>0 union select op.change "+pending+" and batch.undoes<>0 order by 1", after)
	})
	return list, err
}

// window finds the last row of the record that is surely older than a window: every row after it counts. It is the one before the
// first row of the window, by the record's order; rows that carry a time which is still to come are passed over.
func (s *Store) window(ctx context.Context, since, now time.Time, tell func(tx *sql.Tx, after int64) error) error {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return unavailable("the store cannot be read", err)
	}
	defer tx.Rollback() //nolint:errcheck // a read has nothing to lose
	var first sql.NullInt64
	if err := tx.QueryRowContext(ctx, "select min(seq) from audit where at between ? and ?", nanos(since), nanos(now)).Scan(&first); err != nil {
		return unavailable("the record cannot be read", err)
	}
	if !first.Valid {
		first.Int64 = math.MaxInt64
	}
	var after int64
	err = tx.QueryRowContext(ctx, "select seq from audit where seq<? and at<=? order by seq desc limit 1", first.Int64, nanos(now)).Scan(&after)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return unavailable("the record cannot be read", err)
	}
	return tell(tx, after)
}

const lastLetGo = "select coalesce(max(seq), 0) from audit where kind in ('committed','resumed')"

// Mark is the record's number of the last time that a batch was let go or went on.
func (s *Store) Mark(ctx context.Context) (int64, error) {
	var mark int64
	if err := s.read.QueryRowContext(ctx, lastLetGo).Scan(&mark); err != nil {
		return 0, unavailable("the record cannot be read", err)
	}
	return mark, nil
}

// LetGo begins a batch that was judged at a mark, if nothing was let go since.
func (s *Store) LetGo(ctx context.Context, id int64, hash string, mark int64, e provisioning.Event) error {
	return s.moveBatch(ctx, id, provisioning.BatchCommitted, hash, "", e, func(tx *sql.Tx) error {
		var now int64
		if err := tx.QueryRowContext(ctx, lastLetGo).Scan(&now); err != nil {
			return unavailable("the record cannot be read", err)
		}
		if now != mark {
			return &provisioning.Error{
				Code: provisioning.Stale, Message: "another batch was let go since this one was judged", Hint: "look at it again, then commit",
			}
		}
		return nil
	})
}
