package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"rollcall/provisioning"
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
`, `
alter table batch add column due integer not null default 0;
alter table batch add column zone text not null default '';
alter table batch add column title text not null default '';
alter table batch add column readers text not null default '';
alter table unit add column reason text not null default '';
create index batch_due on batch(state, due);
create table use (
  tenant text not null, operation text not null, state text not null, at integer not null, by text not null, how text not null,
  primary key (tenant, operation)) without rowid;
insert into use (tenant, operation, state, at, by, how) select tenant, kind, 'confirmed', at, '', 'before' from first_use;
drop table first_use;
create table policy (id integer primary key, at integer not null, actor text not null check (actor <> ''), text text not null);
`, `
alter table batch add column needs text not null default '';
alter table batch add column singly text not null default '';
alter table batch add column undoes integer not null default 0;
create index batch_undoes on batch(undoes) where undoes <> 0;
` + approvalSchema + checkpointSchema + removalSchema + accessSchema + endedSchema + undoSchema, campaignSchema + seatSchema}
}

// version reads which migration a file has come to, 0 for a new one. A file that a newer program wrote is refused: what it keeps there
// is not known here.
func version(ctx context.Context, db *sql.DB) (int, error) {
	var v int
	if err := db.QueryRowContext(ctx, "pragma user_version").Scan(&v); err != nil {
		return 0, unavailable("the store cannot be read: is it a rollcall store?", err)
	}
	if newest := len(migrations()); v > newest {
		return v, &provisioning.Error{
			Code: provisioning.Invalid, Message: fmt.Sprintf("a newer rollcall wrote this store (version %d, this one knows %d)", v, newest),
			Hint: "use the newer program",
		}
	}
	return v, nil
}

// migrate brings the schema up to date. A store that has something in it is looked at first, whole, and a copy of what it was is kept
// beside it; looked says that this was done, or that the store is new.
func (s *Store) migrate(ctx context.Context) (looked bool, err error) {
	have, err := version(ctx, s.write)
	if err != nil || have == len(migrations()) {
		return false, err
	}
	if have > 0 {
		if err := inspect(ctx, s.write, s.path, "quick_check"); err != nil {
			return false, err
		}
		if err := s.backupBefore(ctx, have); err != nil {
			return false, err
		}
	}
	for i, m := range migrations() {
		if i < have {
			continue
		}
		tx, err := s.write.BeginTx(ctx, nil)
		if err != nil {
			return false, unavailable("the store cannot be brought up to date", err)
		}
		for _, statement := range []string{m, "pragma user_version = " + strconv.Itoa(i+1)} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				_ = tx.Rollback()
				return false, unavailable("the store cannot be brought up to date", err)
			}
		}
		if err := tx.Commit(); err != nil {
			return false, unavailable("the store cannot be brought up to date", err)
		}
	}
	return true, nil
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
