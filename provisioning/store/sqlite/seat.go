package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"rollcall/provisioning"
)

// seatSchema keeps the unused seats that are taken back, what the firm looked like at each read, and the latest word on each account's
// use. That an account has one open notice at most stands in the database itself.
const seatSchema = `
create table reclaim (id integer primary key, account text not null, state text not null, batch integer not null default 0, why text not null default '',
  changed integer not null default 0, data text not null);
create unique index reclaim_open on reclaim(account) where state in ('noticed','staged');
create table tally (at integer primary key, data text not null) without rowid;
create table activity (account text primary key, data text not null) without rowid;
`

// NoticeReclaims adds notices.
func (s *Store) NoticeReclaims(ctx context.Context, list []provisioning.Reclaim, e provisioning.Event) error {
	ids := make([]int64, len(list))
	err := s.change(ctx, func(tx *sql.Tx) error {
		var next int64
		if err := tx.QueryRowContext(ctx, "select coalesce(max(id),0)+1 from reclaim").Scan(&next); err != nil {
			return unavailable("the notice cannot be kept", err)
		}
		for i := range list {
			r := list[i]
			r.ID, r.State, ids[i] = next+int64(i), provisioning.ReclaimNoticed, next+int64(i)
			data, err := json.Marshal(&r)
			if err != nil {
				return err
			}
			result, err := tx.ExecContext(ctx, "insert into reclaim (id, account, state, changed, data) values (?,?,?,?,?) on conflict do nothing",
				r.ID, r.Account, string(r.State), nanos(r.NoticedAt), string(data))
			if err := one(result, err, r.Account+" has an open notice already"); err != nil {
				return err
			}
		}
		return nil
	}, e)
	if err == nil {
		for i := range list {
			list[i].ID, list[i].State = ids[i], provisioning.ReclaimNoticed
		}
	}
	return err
}

// Reclaims lists the reclaims, the newest first.
func (s *Store) Reclaims(ctx context.Context, open bool) (list []provisioning.Reclaim, err error) {
	err = rows(ctx, s.read, func(r *sql.Rows) error {
		var one provisioning.Reclaim
		var data string
		var id, batch, changed int64
		var state, why string
		if err := r.Scan(&id, &state, &batch, &why, &changed, &data); err != nil {
			return unavailable("the reclaims cannot be read", err)
		}
		if err := json.Unmarshal([]byte(data), &one); err != nil {
			return unavailable("the reclaims cannot be read", err)
		}
		one.ID, one.State, one.Batch, one.Why, one.Changed = id, provisioning.ReclaimState(state), batch, why, fromNanos(changed)
		list = append(list, one)
		return nil
	}, "select id, state, batch, why, changed, data from reclaim where ?=0 or state in ('noticed','staged') order by id desc", open)
	return list, err
}

// MoveReclaims changes the state of some, all or none.
func (s *Store) MoveReclaims(ctx context.Context, ids []int64, from, to provisioning.ReclaimState, batch int64, why string, at time.Time, e provisioning.Event) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			r, err := tx.ExecContext(ctx, "update reclaim set state=?, batch=case when ?=0 then batch else ? end, why=?, changed=? where id=? and state=?",
				string(to), batch, batch, why, nanos(at), id, string(from))
			if err := one(r, err, "a seat's notice was changed meanwhile"); err != nil {
				return err
			}
		}
		return nil
	}, e)
}

// SaveTally adds what the firm looked like at a read.
func (s *Store) SaveTally(ctx context.Context, t provisioning.Tally) error {
	data, err := json.Marshal(&t)
	if err != nil {
		return err
	}
	return s.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "insert or replace into tally (at, data) values (?,?)", nanos(t.At), string(data)); err != nil {
			return unavailable("the figures cannot be kept", err)
		}
		return nil
	})
}

// Tallies lists the tallies from a moment on, the oldest first.
func (s *Store) Tallies(ctx context.Context, since time.Time) (list []provisioning.Tally, err error) {
	err = rows(ctx, s.read, func(r *sql.Rows) error {
		var data string
		var t provisioning.Tally
		if err := r.Scan(&data); err != nil {
			return unavailable("the figures cannot be read", err)
		}
		if err := json.Unmarshal([]byte(data), &t); err != nil {
			return unavailable("the figures cannot be read", err)
		}
		list = append(list, t)
		return nil
	}, "select data from tally where at>=? order by at", nanos(since))
	return list, err
}

// SaveActivity keeps the latest word on accounts' use.
func (s *Store) SaveActivity(ctx context.Context, list []provisioning.Activity) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		insert, err := tx.PrepareContext(ctx, "insert or replace into activity (account, data) values (?,?)")
		if err != nil {
			return unavailable("the use of accounts cannot be kept", err)
		}
		defer insert.Close()
		for i := range list {
			data, err := json.Marshal(&list[i])
			if err != nil {
				return err
			}
			if _, err := insert.ExecContext(ctx, list[i].Account, string(data)); err != nil {
				return unavailable("the use of accounts cannot be kept", err)
			}
		}
		return nil
	})
}

// Activities returns the latest word on each account's use.
func (s *Store) Activities(ctx context.Context) (map[string]provisioning.Activity, error) {
	all := make(map[string]provisioning.Activity)
	err := rows(ctx, s.read, func(r *sql.Rows) error {
		var data string
		var a provisioning.Activity
		if err := r.Scan(&data); err != nil {
			return unavailable("the use of accounts cannot be read", err)
		}
		if err := json.Unmarshal([]byte(data), &a); err != nil {
			return unavailable("the use of accounts cannot be read", err)
		}
		all[a.Account] = a
		return nil
	}, "select data from activity")
	return all, err
}
