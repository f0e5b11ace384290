package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"rollcall/provisioning"
)

// removalSchema keeps what was seen of the accounts whose access a batch ended. The trigger keeps when that was asked: the first intent,
// or the moment at which the step was opened for a person; the op itself remembers the last one alone.
const removalSchema = `
create table removal (
  unit integer not null references unit(id), seq integer not null, asked integer not null default 0, by_hand integer not null default 0,
  places text not null default '', next_look integer not null default 0, last_look integer not null default 0, looks integer not null default 0,
  seen_off integer not null default 0, undone text not null default '',
  primary key (unit, seq)) without rowid;
create trigger removal_asked after update of state on op when new.kind='disable account' and new.state in ('sent','by hand') begin
  insert into removal (unit, seq, asked, by_hand)
    values (new.unit, new.seq, case new.state when 'sent' then new.sent_at else new.done_at end, new.state='by hand')
    on conflict (unit, seq) do update set by_hand=by_hand or excluded.by_hand;
end;
`

// Removals returns the removals of a batch, or of all, the newest first.
func (s *Store) Removals(ctx context.Context, batch int64, open bool) ([]provisioning.Removal, error) {
	var list []provisioning.Removal
	err := rows(ctx, s.read, func(r *sql.Rows) error {
		var one provisioning.Removal
		var asked, sent, accepted, next, last, seen int64
		var places string
		if err := r.Scan(&one.Batch, &one.Unit, &one.Seq, &one.Person.Directory, &one.Person.ID, &one.Account, &one.Name, &asked, &sent, &accepted, &one.ByHand,
			&places, &next, &last, &one.Looks, &seen, &one.Undone); err != nil {
			return unavailable("the removals cannot be read", err)
		}
		if places != "" {
			if err := json.Unmarshal([]byte(places), &one.Places); err != nil {
				return unavailable("the removals cannot be read", err)
			}
		}
		for _, at := range []int64{asked, sent, accepted} { // one from before asked was kept has its last intent, or nothing but the tick
			if one.Asked.IsZero() {
				one.Asked = fromNanos(at)
			}
		}
		one.Accepted, one.NextLook, one.LastLook, one.SeenOff = fromNanos(accepted), fromNanos(next), fromNanos(last), fromNanos(seen)
		list = append(list, one)
		return nil
	}, `select unit.batch, op.unit, op.seq, unit.directory, unit.person, op.account, unit.name, coalesce(removal.asked, 0), op.sent_at, op.done_at,
		coalesce(removal.by_hand, 0), coalesce(places, ''), coalesce(next_look, 0), coalesce(last_look, 0), coalesce(looks, 0), coalesce(seen_off, 0), coalesce(undone, '')
		from op join unit on unit.id=op.unit left join removal on removal.unit=op.unit and removal.seq=op.seq
		where op.kind='disable account' and op.state='confirmed' and (?1=0 or unit.batch=?1) and (?2=0 or (coalesce(seen_off, 0)=0 and coalesce(undone, '')=''))
		order by op.done_at desc, op.unit desc, op.seq desc`, batch, open)
	return list, err
}

// SaveLook keeps what a look found, with its event where it has one. What was seen off or undone stays so.
func (s *Store) SaveLook(ctx context.Context, r provisioning.Removal, e provisioning.Event) error {
	places, err := json.Marshal(r.Places)
	if err != nil {
		return err
	}
	e.Batch, e.Unit, e.Op, e.Subject = r.Batch, r.Unit, r.Seq, r.Account
	var events []provisioning.Event
	if e.Kind != "" {
		events = append(events, e)
	}
	return s.change(ctx, func(tx *sql.Tx) error {
		var accepted int64
		err := tx.QueryRowContext(ctx, `select op.done_at from op join unit on unit.id=op.unit
			where op.unit=? and op.seq=? and unit.batch=? and op.account=? and op.kind='disable account' and op.state='confirmed'`,
			r.Unit, r.Seq, r.Batch, r.Account).Scan(&accepted)
		if errors.Is(err, sql.ErrNoRows) {
			return notFound("the removal")
		}
		if err != nil {
			return unavailable("the removals cannot be read", err)
		}
		if !r.SeenOff.IsZero() && !allSeenOff(&r, fromNanos(accepted)) {
			return &provisioning.Error{Code: provisioning.Invalid, Message: "not every record of " + r.Account + " was seen off since it was disabled"}
		}
		result, err := tx.ExecContext(ctx, `insert into removal (unit, seq, places, next_look, last_look, looks, seen_off, undone) values (?,?,?,?,?,?,?,?)
			on conflict (unit, seq) do update set places=excluded.places, next_look=excluded.next_look, last_look=excluded.last_look, looks=excluded.looks,
			seen_off=excluded.seen_off, undone=excluded.undone where removal.seen_off=0 and removal.undone=''`,
			r.Unit, r.Seq, string(places), nanos(r.NextLook), nanos(r.LastLook), r.Looks, nanos(r.SeenOff), r.Undone)
		return one(result, err, r.Account+" was seen off, or let in again, already")
	}, events...)
}

// allSeenOff reports whether every place of a removal, the global record among them, was seen off since it was accepted and reads off.
func allSeenOff(r *provisioning.Removal, accepted time.Time) bool {
	global := false
	for i := range r.Places {
		p := &r.Places[i]
		if !p.Off() || p.SeenOff.IsZero() || p.SeenOff.Before(accepted) || p.SeenOff.After(r.SeenOff) {
			return false
		}
		global = global || p.Library == ""
	}
	return global
}

// LetIn returns the first batch that let a removal's account in again.
func (s *Store) LetIn(ctx context.Context, r provisioning.Removal) (batch int64, at time.Time, err error) {
	var done int64
	err = s.read.QueryRowContext(ctx, `select unit.batch, op.done_at from op join unit on unit.id=op.unit where op.kind='enable account' and op.state='confirmed'
		and op.account=?1 and (op.done_at>?2 or (op.done_at=?2 and unit.batch>?3)) order by op.done_at, unit.batch limit 1`, r.Account, nanos(r.Accepted), r.Batch).Scan(&batch, &done)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, time.Time{}, nil
	}
	if err != nil {
		return 0, time.Time{}, unavailable("the journal cannot be read", err)
	}
	return batch, fromNanos(done), nil
}
