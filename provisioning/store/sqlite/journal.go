package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"rollcall/provisioning"
)

// Recover gives up every running unit of a batch: this process owns the file, so whoever ran it is gone.
func (s *Store) Recover(ctx context.Context, batch int64, e provisioning.Event) error {
	e.Batch = batch
	return s.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "update unit set state='pending', owner='', gen=gen+1 where batch=? and state='running'", batch)
		if err != nil {
			return unavailable("the journal cannot be written", err)
		}
		var state provisioning.BatchState
		if err := tx.QueryRowContext(ctx, "select state from batch where id=?", batch).Scan(&state); err != nil {
			return unavailable("the journal cannot be read", err)
		}
		if state == provisioning.BatchCancelled { // whoever was to give it up is gone
			return giveUp(ctx, tx, batch, e.At)
		}
		return nil
	}, e)
}

// RetryUnits puts units that failed or were parked, and their held ops, back to the start: what was given up after so many attempts has
// all of them again.
func (s *Store) RetryUnits(ctx context.Context, batch int64, units []int64, e provisioning.Event) error {
	e.Batch = batch
	return s.change(ctx, func(tx *sql.Tx) error {
		for _, id := range units {
			r, err := tx.ExecContext(ctx, "update unit set state='pending', owner='', gen=gen+1 where id=? and batch=? and state in ('failed','parked')", id, batch)
			if err := one(r, err, "the unit has moved on"); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "update op set state='pending', error='', done_at=0, attempts=0 where unit=? and state in ('failed','parked','drifted')", id); err != nil {
				return unavailable("the journal cannot be written", err)
			}
		}
		var state provisioning.BatchState
		if err := tx.QueryRowContext(ctx, "select state from batch where id=?", batch).Scan(&state); err != nil {
			return unavailable("the journal cannot be read", err)
		}
		if state == provisioning.BatchCommitted {
			return nil
		}
		if !provisioning.BatchMay(state, provisioning.BatchCommitted) {
			return stale(fmt.Sprintf("batch %d is %s: nothing of it is retried", batch, state))
		}
		if _, err := tx.ExecContext(ctx, "update batch set state='committed', stop='', version=version+1 where id=?", batch); err != nil {
			return unavailable("the journal cannot be written", err)
		}
		return nil
	}, e)
}

// TakeUnit claims a pending unit at its generation, of a batch that goes on; of one that was cancelled only where a change of it is still
// in doubt.
func (s *Store) TakeUnit(ctx context.Context, unit, gen int64, owner string) (bool, error) {
	taken := false
	err := s.change(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `update unit set state='running', owner=? where id=? and gen=? and state='pending'
			and ((select state from batch where id=unit.batch)='committed' or ((select state from batch where id=unit.batch)='cancelled'
				and exists (select 1 from op where op.unit=unit.id and op.state='sent')))`, owner, unit, gen)
		if err != nil {
			return unavailable("the journal cannot be written", err)
		}
		n, err := r.RowsAffected()
		taken = n == 1
		return err
	})
	return taken, err
}

// fenced reads an op's state where the caller still holds its unit; anything else is Stale.
func fenced(ctx context.Context, tx *sql.Tx, ref provisioning.OpRef) (provisioning.OpState, error) {
	var state provisioning.OpState
	err := tx.QueryRowContext(ctx, `select op.state from op join unit on unit.id=op.unit
		where op.unit=? and op.seq=? and unit.owner=? and unit.gen=? and unit.state='running'`, ref.Unit, ref.Seq, ref.Owner, ref.Gen).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) {
		return "", stale("the unit was taken over by somebody else")
	}
	if err != nil {
		return "", unavailable("the journal cannot be read", err)
	}
	return state, nil
}

// MarkSent makes the intent durable before the request leaves.
func (s *Store) MarkSent(ctx context.Context, ref provisioning.OpRef, at time.Time, e provisioning.Event) error {
	e.Batch, e.Unit, e.Op = ref.Batch, ref.Unit, ref.Seq
	return s.change(ctx, func(tx *sql.Tx) error {
		from, err := fenced(ctx, tx, ref)
		if err != nil {
			return err
		}
		if !provisioning.OpMay(from, provisioning.OpSent) {
			return stale(fmt.Sprintf("the change is %s", from))
		}
		var state provisioning.BatchState
		if err := tx.QueryRowContext(ctx, "select state from batch where id=?", ref.Batch).Scan(&state); err != nil {
			return unavailable("the journal cannot be read", err)
		}
		if state != provisioning.BatchCommitted { // a pause or a stop holds whatever was not sent yet
			return &provisioning.Error{Code: provisioning.Held, Message: fmt.Sprintf("the batch is %s", state)}
		}
		r, err := tx.ExecContext(ctx, "update op set state='sent', sent_at=?, attempts=attempts+1, error='' where unit=? and seq=?", nanos(at), ref.Unit, ref.Seq)
		return one(r, err, "the change is gone")
	}, e)
}

// MarkOp moves an op to where the transitions allow it, with its evidence.
func (s *Store) MarkOp(ctx context.Context, ref provisioning.OpRef, o provisioning.Outcome, e provisioning.Event) error {
	e.Batch, e.Unit, e.Op = ref.Batch, ref.Unit, ref.Seq
	return s.change(ctx, func(tx *sql.Tx) error {
		from, err := fenced(ctx, tx, ref)
		if err != nil {
			return err
		}
		return markOp(ctx, tx, ref.Unit, ref.Seq, from, o)
	}, e)
}

func markOp(ctx context.Context, tx *sql.Tx, unit int64, seq int, from provisioning.OpState, o provisioning.Outcome) error {
	if !provisioning.OpMay(from, o.State) || o.State == provisioning.OpSent { // an intent has a door of its own
		return stale(fmt.Sprintf("the change is %s and cannot become %s", from, o.State))
	}
	done := int64(0)
	if o.State.Settled() {
		done = nanos(o.At)
	}
	r, err := tx.ExecContext(ctx, "update op set state=?, done_at=?, evidence=?, error=? where unit=? and seq=? and state=?",
		string(o.State), done, o.Evidence, o.Error, unit, seq, string(from))
	if err := one(r, err, "the change has moved on"); err != nil || o.State != provisioning.OpConfirmed {
		return err
	}
	return keepEffect(ctx, tx, unit, seq, o.At)
}

// FinishUnit moves a unit on and gives it up. One that was to wait for a step by hand which was ticked meanwhile does not wait.
func (s *Store) FinishUnit(ctx context.Context, unit, gen int64, owner string, to provisioning.UnitState, e provisioning.Event) error {
	e.Unit = unit
	return s.change(ctx, func(tx *sql.Tx) error {
		if !provisioning.UnitMay(provisioning.UnitRunning, to) {
			return stale(fmt.Sprintf("a running unit cannot become %s", to))
		}
		r, err := tx.ExecContext(ctx, "update unit set state=?, owner='' where id=? and gen=? and owner=? and state='running'", string(to), unit, gen, owner)
		if err := one(r, err, "the unit was taken over by somebody else"); err != nil {
			return err
		}
		return wake(ctx, tx, unit)
	}, e)
}

// wake puts a unit that came to rest back to pending where an op of it waits for nobody any more, and closes it where nothing is left.
func wake(ctx context.Context, tx *sql.Tx, unit int64) error {
	u := provisioning.Unit{ID: unit}
	err := tx.QueryRowContext(ctx, "select state from unit where id=?", unit).Scan(&u.State)
	if err != nil {
		return unavailable("the journal cannot be read", err)
	}
	waits := u.State == provisioning.UnitByHand
	if !waits && u.State != provisioning.UnitFailed && u.State != provisioning.UnitParked {
		return nil
	}
	open := false
	if err := eachOp(ctx, tx, func(op provisioning.Op) {
		u.Ops = append(u.Ops, op)
		open = open || op.State == provisioning.OpByHand
	}, "unit=?", unit); err != nil {
		return err
	}
	to := u.State
	switch {
	case u.Ready():
		to = provisioning.UnitPending
	case waits && !open:
		to = provisioning.UnitDone
	}
	if to == u.State {
		return nil
	}
	if _, err := tx.ExecContext(ctx, "update unit set state=?, owner='', gen=gen+1 where id=?", string(to), unit); err != nil {
		return unavailable("the journal cannot be written", err)
	}
	return nil
}

// TickByHand confirms a by-hand op that was read back, lets go on what waited for it, and closes its unit and its batch where it was
// the last.
func (s *Store) TickByHand(ctx context.Context, unit int64, seq int, o provisioning.Outcome, e provisioning.Event) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		var from provisioning.OpState
		err := tx.QueryRowContext(ctx, "select state from op where unit=? and seq=?", unit, seq).Scan(&from)
		if errors.Is(err, sql.ErrNoRows) {
			return notFound("the change")
		}
		if err != nil {
			return unavailable("the journal cannot be read", err)
		}
		if from != provisioning.OpByHand || o.State != provisioning.OpConfirmed {
			return stale(fmt.Sprintf("the change is %s: a tick confirms what is open by hand", from))
		}
		if err := markOp(ctx, tx, unit, seq, from, o); err != nil {
			return err
		}
		if err := wake(ctx, tx, unit); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `update batch set state='done', version=version+1 where id=(select batch from unit where id=?) and state='done, by hand open'
			and not exists (select 1 from unit where batch=batch.id and state in ('pending','running','waiting by hand'))
			and not exists (select 1 from op where state='by hand' and unit in (select id from unit where batch=batch.id))`, unit)
		if err != nil {
			return unavailable("the journal cannot be written", err)
		}
		return nil
	}, e)
}
