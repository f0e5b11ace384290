package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"rollcall/provisioning"
)

// undoSchema keeps what undoing rests on: of an op what was there before it, of an undo what it leaves as it is.
const undoSchema = `
alter table op add column pre text not null default '';
alter table batch add column kept text not null default '';
`

// KeepPre keeps what was there before an op.
func (s *Store) KeepPre(ctx context.Context, ref provisioning.OpRef, pre *provisioning.PreImage) error {
	data, err := json.Marshal(pre)
	if err != nil {
		return err
	}
	return s.change(ctx, func(tx *sql.Tx) error {
		state, err := fenced(ctx, tx, ref)
		if err != nil {
			return err
		}
		if state != provisioning.OpPending {
			return stale(fmt.Sprintf("the change is %s", state))
		}
		r, err := tx.ExecContext(ctx, "update op set pre=? where unit=? and seq=?", string(data), ref.Unit, ref.Seq)
		return one(r, err, "the change is gone")
	})
}

func readPre(text string, op *provisioning.Op) error {
	if text == "" {
		return nil
	}
	op.Pre = new(provisioning.PreImage)
	if err := json.Unmarshal([]byte(text), op.Pre); err != nil {
		return unavailable("the batch cannot be read", err)
	}
	return nil
}

// standing are the undos of a batch that are neither done nor cancelled.
const standing = "select id from batch where undoes=? and id<>? and state not in ('done','cancelled') order by id limit 1"

// UndoOf returns the batch that undoes another one and stands.
func (s *Store) UndoOf(ctx context.Context, batch int64) (int64, error) {
	var id int64
	err := s.read.QueryRowContext(ctx, standing, batch, 0).Scan(&id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, unavailable("the batches cannot be read", err)
	}
	return id, nil
}

// saveUndo keeps what an undo leaves as it is, and refuses a second one beside one that stands.
func saveUndo(ctx context.Context, tx *sql.Tx, id int64, b *provisioning.Batch) error {
	if b.Undoes == 0 {
		return nil
	}
	var other int64
	switch err := tx.QueryRowContext(ctx, standing, b.Undoes, id).Scan(&other); {
	case err == nil:
		return &provisioning.Error{
			Code: provisioning.Held, Message: fmt.Sprintf("batch %d undoes batch %d already", other, b.Undoes), Hint: "commit that one, or drop it",
		}
	case !errors.Is(err, sql.ErrNoRows):
		return unavailable("the batches cannot be read", err)
	}
	kept, err := jsonText(b.Kept, len(b.Kept) > 0)
	if err != nil {
		return err
	}
	r, err := tx.ExecContext(ctx, "update batch set kept=? where id=?", kept, id)
	return one(r, err, "the batch is gone")
}

func readKept(ctx context.Context, tx *sql.Tx, b *provisioning.Batch) error {
	if b.Undoes == 0 {
		return nil
	}
	var kept string
	if err := tx.QueryRowContext(ctx, "select kept from batch where id=?", b.ID).Scan(&kept); err != nil {
		return unavailable("the batch cannot be read", err)
	}
	if kept == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(kept), &b.Kept); err != nil {
		return unavailable("the batch cannot be read", err)
	}
	return nil
}

// EffectsSince tells the changes that later batches confirmed.
func (s *Store) EffectsSince(ctx context.Context, batch int64, visit func(batch int64, c provisioning.Change) error) error {
	return rows(ctx, s.read, func(r *sql.Rows) error {
		var id int64
		var text string
		var c provisioning.Change
		if err := r.Scan(&id, &text); err != nil {
			return unavailable("the journal cannot be read", err)
		}
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			return unavailable("the journal cannot be read", err)
		}
		return visit(id, c)
	}, `select unit.batch, op.change from unit join op on op.unit=unit.id where unit.batch>? and op.state='confirmed' order by unit.batch, unit.id, op.seq`, batch)
}

// ChangedSince returns another batch that confirmed a change of the same aspect after an op's last intent, or sent one that is in doubt itself.
func (s *Store) ChangedSince(ctx context.Context, op provisioning.OpRef, c provisioning.Change) (int64, error) {
	var by int64
	err := rows(ctx, s.read, func(r *sql.Rows) error {
		var batch int64
		var text string
		var other provisioning.Change
		if err := r.Scan(&batch, &text); err != nil {
			return unavailable("the journal cannot be read", err)
		}
		if err := json.Unmarshal([]byte(text), &other); err != nil {
			return unavailable("the journal cannot be read", err)
		}
		if other.Aspect() == c.Aspect() {
			by = batch
		}
		return nil
	}, `select unit.batch, op.change from audit join op on op.unit=audit.unit and op.seq=audit.op join unit on unit.id=op.unit
		where audit.seq > (select coalesce(max(seq), 0) from audit where kind='intent' and unit=? and op=?)
		and audit.kind in ('intent','outcome','done by hand') and unit.batch<>? and op.account=? and op.state in ('sent','confirmed') order by audit.seq`,
		op.Unit, op.Seq, op.Batch, c.Account)
	return by, err
}
