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
