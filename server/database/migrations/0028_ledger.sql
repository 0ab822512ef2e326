-- The ledger by line and period, in the order in which it was committed, sealed.

-- Where in the order of commits something stands. After a restore into another cluster, whose transactions are numbered anew, the start replaces it by one that adds what is missing.
create function ledger_position(transaction xid8) returns bigint language sql immutable parallel safe
  return transaction::text::bigint;
grant execute on function ledger_position(xid8) to kontor_app;

alter table ledger_entries
  -- The ledger transaction and the number of the leg in it: a transaction is written once.
  add column id text collate "C" not null default '',
  -- Of revenue: the invoice's line, and the period over which it is earned where that is not over when it is posted.
  add column line text collate "C",
  add column period_start timestamptz,
  add column period_end timestamptz,
  -- Of money that a processor has for us.
  add column processor text,
  add column position bigint not null default ledger_position(pg_current_xact_id()),
  add check ((period_start is null) = (period_end is null)),
  add check (period_end > period_start),
  add check (amount <> 0);

alter table ledger_entries disable trigger ledger_is_append_only;
do $$
declare each integer;
begin
  for each in select id from worlds loop
    perform set_config('kontor.world', each::text, true);
    update ledger_entries e set id = e.transaction || '/' || k.n
    from (select transaction, ledger_account, currency, row_number() over (partition by transaction order by ledger_account, currency) - 1 as n from ledger_entries) k
    where k.transaction = e.transaction and k.ledger_account = e.ledger_account and k.currency = e.currency;
  end loop;
  perform set_config('kontor.world', '', true);
end $$;
alter table ledger_entries enable trigger ledger_is_append_only;
alter table ledger_entries alter column id drop default, drop constraint ledger_entries_pkey, add primary key (world, id);
create index ledger_entries_listed on ledger_entries (world, position desc, id desc);
create index ledger_entries_by_time on ledger_entries using brin (at);
create index ledger_entries_deferred on ledger_entries (world, period_end) where period_end is not null;

-- What an entry says, as 32 bytes.
create function ledger_digest(entry ledger_entries) returns bytea language sql immutable parallel safe
  return sha256(convert_to(jsonb_build_array((entry).id, (entry).transaction, (entry).ledger_account, (entry).currency, (entry).amount, (entry).document, (entry).customer, extract(epoch from (entry).at),
    (entry).line, extract(epoch from (entry).period_start), extract(epoch from (entry).period_end), (entry).processor, (entry).position)::text, 'UTF8'));
grant execute on function ledger_digest(ledger_entries) to kontor_app;

-- What of an amount is earned at a moment: in proportion to the seconds of its period, rounded half away from zero. Without a period all of it is.
create function ledger_earned(amount bigint, since timestamptz, until timestamptz, moment timestamptz) returns bigint language sql immutable parallel safe
  return case when until is null or moment >= until then amount when moment <= since then 0 else
    sign(amount) * div(2 * abs(amount) * extract(epoch from moment - since) + extract(epoch from until - since), 2 * extract(epoch from until - since)) end;
grant execute on function ledger_earned(bigint, timestamptz, timestamptz, timestamptz) to kontor_app;

-- A seal is on all entries whose position is in [since, upto): no transaction that is not over can add to them. Each carries the hash of the one before.
create table ledger_seals (
  world integer not null default kontor_world(),
  number bigint not null,
  id text collate "C" not null generated always as (number::text) stored,
  since bigint not null,
  upto bigint not null check (upto > since),
  entries bigint not null,
  digest bytea not null,
  hash bytea not null,
  -- By a secret that is not in the database.
  signature text not null,
  sealed_at timestamptz not null,
  primary key (world, number)
);
create unique index ledger_seals_by_position on ledger_seals (world, since);

-- What the sealed entries of a day come to, account by account. `day` is the beginning of the day in UTC; no processor is ''.
create table ledger_days (
  world integer not null default kontor_world(),
  day timestamptz not null,
  ledger_account text not null,
  processor text not null,
  currency text not null,
  debit bigint not null,
  credit bigint not null,
  primary key (world, day, ledger_account, processor, currency)
);

do $$
declare name text;
begin
  foreach name in array array['ledger_seals', 'ledger_days'] loop
    execute format('alter table %I enable row level security, force row level security', name);
    execute format('create policy own_world on %I using (world = kontor_world()) with check (world = kontor_world())', name);
  end loop;
  foreach name in array array['ledger_seals', 'ledger_entries'] loop
    execute format('create policy all_worlds on %I for select using (kontor_world() = 0)', name);
  end loop;
end $$;
grant select, insert on ledger_seals to kontor_app;
grant select, insert, update on ledger_days to kontor_app;
create trigger ledger_is_append_only before update or delete or truncate on ledger_seals for each statement execute function ledger_is_append_only();
