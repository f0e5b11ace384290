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
