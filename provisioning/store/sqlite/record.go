package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"rollcall/provisioning"
)

// The columns of a row; the old ones are those of a store from before it was kept who an actor is.
const (
	oldRecordColumns = "seq, at, actor, session, kind, batch, unit, op, subject, detail, prev, hash"
	recordColumns    = oldRecordColumns + ", person, login"
)

func insertRecord(ctx context.Context, tx *sql.Tx, r provisioning.Record) error {
	e := r.Event
	_, err := tx.ExecContext(ctx, "insert into audit ("+recordColumns+") values (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
		r.Seq, nanos(e.At), e.Actor, e.Session, string(e.Kind), e.Batch, e.Unit, e.Op, e.Subject, e.Detail, r.Prev, r.Hash, e.Person, e.Login)
	return err
}

func scanRecord(scan func(...any) error) (provisioning.Record, error) {
	var r provisioning.Record
	var at int64
	e := &r.Event
	err := scan(&r.Seq, &at, &e.Actor, &e.Session, &e.Kind, &e.Batch, &e.Unit, &e.Op, &e.Subject, &e.Detail, &r.Prev, &r.Hash, &e.Person, &e.Login)
	e.At = fromNanos(at)
	return r, err
}

func (s *Store) lastRecord(ctx context.Context) (provisioning.Record, error) {
	r, err := scanRecord(s.read.QueryRowContext(ctx, "select "+recordColumns+" from audit order by seq desc limit 1").Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return provisioning.Record{}, nil
	}
	if err != nil {
		return r, unavailable("the record cannot be read", err)
	}
	return r, nil
}

// Append seals an event that changes nothing else.
func (s *Store) Append(ctx context.Context, e provisioning.Event) error { return s.change(ctx, nil, e) }

// Records walks the chain in order.
func (s *Store) Records(ctx context.Context, from int64, visit func(provisioning.Record) error) error {
	return rows(ctx, s.read, func(r *sql.Rows) error {
		record, err := scanRecord(r.Scan)
		if err != nil {
			return unavailable("the record cannot be read", err)
		}
		return visit(record)
	}, "select "+recordColumns+" from audit where seq >= ? order by seq", from)
}
