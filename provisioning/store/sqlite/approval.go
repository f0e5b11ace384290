package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"rollcall/provisioning"
)

// approvalSchema keeps who had a hand in a batch and who approved it. That nobody approves what they had a hand in stands in the
// database itself (threats H1): no program that writes here can forget it.
const approvalSchema = `
create table hand (batch integer not null references batch(id), person text not null check (person <> ''), primary key (batch, person)) without rowid;
create table approval (
  id integer primary key, batch integer not null references batch(id), hash text not null check (hash <> ''), covers text not null check (covers <> ''),
  by text not null check (by <> ''), approver text not null check (approver <> ''), requester text not null check (requester <> ''),
  at integer not null, until integer not null, public_key blob not null, signature blob not null, void integer not null default 0,
  check (approver <> requester), check (until > at));
create unique index approval_once on approval(batch, signature);
create trigger approval_hand before insert on approval when exists (select 1 from hand where batch=new.batch and person=new.approver)
  begin select raise(abort, 'nobody approves what they had a hand in'); end;
create trigger approval_no_update before update on approval when not (old.void=0 and new.void=1 and new.id=old.id and new.batch=old.batch
    and new.hash=old.hash and new.covers=old.covers and new.by=old.by and new.approver=old.approver and new.requester=old.requester and new.at=old.at
    and new.until=old.until and new.public_key=old.public_key and new.signature=old.signature)
  begin select raise(abort, 'an approval is only ever voided'); end;
create trigger approval_no_delete before delete on approval begin select raise(abort, 'an approval is never forgotten'); end;
create trigger hand_no_delete before delete on hand begin select raise(abort, 'a hand in a batch is never forgotten'); end;
create trigger hand_no_update before update on hand begin select raise(abort, 'a hand in a batch is never changed'); end;
`

// saveHands adds who had a hand in a batch.
func saveHands(ctx context.Context, tx *sql.Tx, batch int64, hands []string) error {
	for _, person := range hands {
		if _, err := tx.ExecContext(ctx, "insert into hand (batch, person) values (?,?) on conflict do nothing", batch, person); err != nil {
			return unavailable("the batch cannot be saved", err)
		}
	}
	return nil
}

// voidApprovals ends the approvals of a batch for good: it was edited, or something was released. What was once voided does not come back,
// not even where the batch is made again what it was.
func voidApprovals(ctx context.Context, tx *sql.Tx, batch int64) error {
	if _, err := tx.ExecContext(ctx, "update approval set void=1 where batch=? and void=0", batch); err != nil {
		return unavailable("the batch cannot be saved", err)
	}
	return nil
}

// readHands reads who had a hand in a batch, and its approvals.
func readHands(ctx context.Context, tx *sql.Tx, b *provisioning.Batch) error {
	if err := rows(ctx, tx, func(r *sql.Rows) error {
		var person string
		if err := r.Scan(&person); err != nil {
			return unavailable("the batch cannot be read", err)
		}
		b.Hands = append(b.Hands, person)
		return nil
	}, "select person from hand where batch=? order by person", b.ID); err != nil {
		return err
	}
	return rows(ctx, tx, func(r *sql.Rows) error {
		a := provisioning.Approval{Batch: b.ID}
		var at, until int64
		if err := r.Scan(&a.Hash, &a.Covers, &a.By, &a.Approver, &a.Requester, &at, &until, &a.PublicKey, &a.Signature, &a.Void); err != nil {
			return unavailable("the batch cannot be read", err)
		}
		a.At, a.Until = fromNanos(at), fromNanos(until)
		b.Approvals = append(b.Approvals, a)
		return nil
	}, "select hash, covers, by, approver, requester, at, until, public_key, signature, void from approval where batch=? order by id", b.ID)
}

// Approve keeps an approval and moves its batch to approved.
func (s *Store) Approve(ctx context.Context, a provisioning.Approval, e provisioning.Event) error {
	e.Batch = a.Batch
	return s.change(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, "update batch set state='approved', version=version+1 where id=? and hash=? and state in ('reviewed','approved')", a.Batch, a.Hash)
		if err := one(r, err, fmt.Sprintf("batch %d is not the one that was approved", a.Batch)); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `insert into approval (batch, hash, covers, by, approver, requester, at, until, public_key, signature)
			values (?,?,?,?,?,?,?,?,?,?)`, a.Batch, a.Hash, a.Covers, a.By, a.Approver, a.Requester, nanos(a.At), nanos(a.Until), a.PublicKey, a.Signature)
		if err != nil && (strings.Contains(err.Error(), "had a hand") || strings.Contains(err.Error(), "CHECK constraint")) {
			return &provisioning.Error{
				Code: provisioning.Held, Message: a.By + " had a hand in this batch and cannot approve it", Hint: "another person must", Err: err,
			}
		}
		if err != nil && strings.Contains(err.Error(), "UNIQUE constraint") {
			return stale("this approval was given before: it does not come back")
		}
		if err != nil {
			return unavailable("the approval cannot be kept", err)
		}
		return nil
	}, e)
}

// approved lets a batch go that needs no second person, or that one has approved with just this hash, and until after a moment.
func approved(ctx context.Context, tx *sql.Tx, batch int64, hash string, at time.Time) error {
	var needs string
	var have int
	err := tx.QueryRowContext(ctx, "select needs, (select count(*) from approval where approval.batch=batch.id and approval.hash=? and until>? and void=0) from batch where id=?",
		hash, nanos(at), batch).Scan(&needs, &have)
	if err != nil {
		return unavailable("the batch cannot be read", err)
	}
	if needs != "" && have == 0 {
		return &provisioning.Error{
			Code: provisioning.Held, Message: fmt.Sprintf("batch %d needs a second person's approval: %s", batch, needs), Hint: "ask another approver for it, and read them the four words",
		}
	}
	return nil
}
