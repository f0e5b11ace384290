package sqlite

import (
	"context"
	"database/sql"
)

// migrations are applied in order, each once, in a transaction of its own. A migration that was released is never changed.
func migrations() []string {
	return []string{`
create table batch (
  id integer primary key, state text not null, version integer not null, created_by text not null, created_at integer not null,
  snapshot_id text not null, snapshot_at integer not null, hash text not null default '', committed_by text not null default '',
  committed_at integer not null default 0, release text not null default '', stop text not null default '');
create table unit (
  id integer primary key, batch integer not null references batch(id), pos integer not null, directory text not null, person text not null,
  account text not null, name text not null, office text not null, kind text not null, state text not null, owner text not null default '', gen integer not null default 0);
create index unit_batch on unit(batch, pos);
create table op (
  unit integer not null references unit(id), seq integer not null, kind text not null, account text not null, change text not null, state text not null,
  sent_at integer not null default 0, attempts integer not null default 0, done_at integer not null default 0,
  evidence text not null default '', error text not null default '', primary key (unit, seq)) without rowid;
create index op_done on op(kind, done_at);
create table audit (
  seq integer primary key, at integer not null, actor text not null check (actor <> ''), session text not null, kind text not null,
  batch integer not null, unit integer not null, op integer not null, subject text not null, detail text not null, prev blob, hash blob not null);
create trigger audit_no_update before update on audit begin select raise(abort, 'the record is append only'); end;
create trigger audit_no_delete before delete on audit begin select raise(abort, 'the record is append only'); end;
create table snapshot (id text primary key, taken_at integer not null);
create table snapshot_part (snapshot text not null references snapshot(id) on delete cascade, kind text not null, n integer not null, data blob not null, primary key (snapshot, kind, n));
create table last_good (source text primary key, count integer not null, at integer not null);
create table anchor (
  account text not null, directory text not null, person text not null, evidence text not null, first_seen integer not null, last_seen integer not null,
  primary key (account, directory, person)) without rowid;
create table decision (
  id integer primary key, directory text not null, person text not null, account text not null, theirs integer not null, by text not null, at integer not null, reason text not null);
create table first_use (tenant text not null, kind text not null, at integer not null, primary key (tenant, kind)) without rowid;
`}
}

func (s *Store) migrate(ctx context.Context) error {
	var version int
	if err := s.write.QueryRowContext(ctx, "pragma user_version").Scan(&version); err != nil {
		return unavailable("the store cannot be read: is it a rollcall store?", err)
	}
	for i, m := range migrations() {
		if i < version {
			continue
		}
		tx, err := s.write.BeginTx(ctx, nil)
		if err != nil {
			return unavailable("the store cannot be brought up to date", err)
		}
		for _, statement := range []string{m, "pragma user_version = " + string(rune('0'+i+1))} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				_ = tx.Rollback()
				return unavailable("the store cannot be brought up to date", err)
			}
		}
		if err := tx.Commit(); err != nil {
			return unavailable("the store cannot be brought up to date", err)
		}
	}
	return nil
}

// rows runs a query and tells each row; scan errors and the rows' own are one error.
func rows(ctx context.Context, q interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}, each func(*sql.Rows) error, query string, args ...any,
) error {
	r, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return unavailable("the store cannot be read", err)
	}
	defer r.Close()
	for r.Next() {
		if err := each(r); err != nil {
			return err
		}
	}
	if err := r.Err(); err != nil {
		return unavailable("the store cannot be read", err)
	}
	return nil
}
