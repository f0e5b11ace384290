
alter table batch add column needs text not null default '';
alter table batch add column singly text not null default '';
alter table batch add column undoes integer not null default 0;
create index batch_undoes on batch(undoes) where undoes <> 0;

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

create table checkpoint (
  seq integer primary key, at integer not null, head blob not null, digest blob not null, prev blob, public_key blob not null, signature blob not null);
create trigger checkpoint_no_update before update on checkpoint begin select raise(abort, 'a checkpoint is never changed'); end;
create trigger checkpoint_no_delete before delete on checkpoint begin select raise(abort, 'a checkpoint is never dropped'); end;
alter table audit add column person text not null default '';
alter table audit add column login text not null default '';

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

create table access (
  account text not null, since integer not null, until integer not null default 0, before integer not null default 0, how text not null, state blob not null,
  primary key (account, since)) without rowid;
create index access_until on access(until, since);
create table access_read (started integer primary key, ended integer not null);

create index audit_at on audit(at);
create index audit_let_go on audit(kind) where kind in ('committed','resumed');

alter table op add column pre text not null default '';
alter table batch add column kept text not null default '';
