-- How far usage that was acknowledged from a stream has been counted, who counts what, and what could not be counted yet.

-- Of each partition, the last message that was counted: written in the transaction that counts it.
create table usage_partitions (
  partition integer primary key check (partition >= 0),
  -- When its stream was made, as the stream says: a stream that was made anew counts from 1 again. '' before the first message.
  stream text not null default '',
  sequence bigint not null default 0 check (sequence >= 0),
  -- The name of that message, by which a stream that lost its end is found out.
  message text not null default '',
  -- Messages up to here were counted at that moment: what was counted long ago is removed from the stream.
  marked bigint not null default 0,
  marked_at timestamptz
);
insert into usage_partitions (partition) select generate_series(0, 7);
grant select, update on usage_partitions to kontor_app;

-- The processes that count, and which partition is whose, until when.
create table usage_folders (
  id text collate "C" primary key,
  until timestamptz not null
);
create table usage_leases (
  partition integer primary key,
  folder text collate "C",
  until timestamptz not null default '-infinity',
  -- Since when somebody has waited for this partition to be counted; null while it keeps up.
  behind_since timestamptz
);
insert into usage_leases (partition) select partition from usage_partitions;
grant select, insert, update, delete on usage_folders to kontor_app;
grant select, update on usage_leases to kontor_app;

-- Messages that a stream no longer had when they were to be counted. A row stays until somebody has looked into it and removes it.
create table usage_losses (
  partition integer not null,
  stream text not null,
  since bigint not null,
  -- Exclusive; null where nobody can say.
  upto bigint,
  found_at timestamptz not null,
  primary key (partition, stream, since)
);
grant select, insert on usage_losses to kontor_app;

-- Messages that could not be counted, until a timer tries them again.
create table usage_set_aside (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  events json not null,
  error text not null,
  created timestamptz not null,
  primary key (world, id)
);
alter table usage_set_aside enable row level security, force row level security;
create policy own_world on usage_set_aside using (world = kontor_world()) with check (world = kontor_world());
grant select, insert, delete on usage_set_aside to kontor_app;
