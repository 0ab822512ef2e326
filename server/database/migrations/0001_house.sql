-- The walls: accounts and their two worlds, keys, time, the outside, and what is told about it.
-- A world is one account in one mode (test or live). Every tenant table carries it and takes it from the transaction (`kontor.world`), row-level security
-- is forced on it, and foreign keys include it, so that no row can refer to a row of another world.

create function kontor_world() returns integer language sql stable parallel safe
  return nullif(current_setting('kontor.world', true), '')::integer;

create table accounts (
  id text collate "C" primary key,
  created timestamptz not null,
  business_name text not null,
  email text,
  country text not null,
  default_currency text not null,
  settings jsonb not null
);

create table worlds (
  id integer generated always as identity primary key,
  account text collate "C" not null references accounts,
  livemode boolean not null,
  unique (account, livemode)
);

-- What belongs to the installation as a whole. The fingerprint tells a process that came with another pepper than the one the keys are hashed with.
create table installation (
  only_one boolean primary key default true check (only_one),
  pepper_fingerprint bytea not null
);

create table api_keys (
  id text collate "C" primary key,
  world integer not null references worlds,
  kind text not null check (kind in ('secret', 'publishable', 'restricted')),
  name text,
  hash bytea not null unique,
  hint text not null,
  permissions jsonb not null,
  created timestamptz not null,
  expires_at timestamptz,
  revoked_at timestamptz
);
create index api_keys_world on api_keys (world);

create table test_clocks (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  name text,
  frozen_time timestamptz not null,
  target_time timestamptz,
  status text not null check (status in ('ready', 'advancing', 'internal_failure')),
  status_details jsonb not null,
  deletes_after timestamptz not null,
  primary key (world, id)
);
create index test_clocks_listed on test_clocks (world, created desc, id desc);
create index test_clocks_advancing on test_clocks (world) where status = 'advancing';

-- What is to be done later. `lane` keeps the timers of one customer in order.
create table timers (
  world integer not null default kontor_world(),
  kind text not null,
  subject text collate "C" not null,
  at timestamptz not null,
  lane text collate "C" not null,
  test_clock text collate "C",
  failures integer not null default 0,
  error text,
  primary key (world, kind, subject),
  foreign key (world, test_clock) references test_clocks on delete cascade
);
create index timers_due on timers (world, at, kind, subject) where test_clock is null;
create index timers_of_clock on timers (world, test_clock, at, kind, subject) where test_clock is not null;
create index timers_of_lane on timers (world, lane, at);

-- What is to be asked of the outside. The row is committed before the question is put, and says what became of it.
create table calls (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  kind text not null,
  subject text collate "C" not null,
  request jsonb not null,
  state text not null check (state in ('pending', 'unknown', 'answered')),
  answer jsonb,
  attempts integer not null,
  next_at timestamptz not null,
  created timestamptz not null,
  primary key (world, id)
);
create index calls_open on calls (world, next_at, id) where state <> 'answered';
create index calls_subject on calls (world, subject);

create table events (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  type text not null,
  created timestamptz not null,
  object_id text collate "C",
  api_version text not null,
  data json not null,
  previous_attributes json,
  request_id text,
  idempotency_key text,
  primary key (world, id)
);
create index events_by_type on events (world, type, id desc);
create index events_of_object on events (world, object_id, id desc);

create table webhook_endpoints (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  url text not null,
  enabled_events jsonb not null,
  description text,
  metadata jsonb not null,
  status text not null check (status in ('enabled', 'disabled')),
  api_version text,
  secret text not null,
  previous_secret text,
  previous_secret_expires_at timestamptz,
  primary key (world, id)
);
create index webhook_endpoints_listed on webhook_endpoints (world, created desc, id desc);

create table webhook_deliveries (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  event text collate "C" not null,
  webhook_endpoint text collate "C" not null,
  state text not null check (state in ('pending', 'delivered', 'given_up')),
  created timestamptz not null,
  -- From when the schedule of attempts counts, and how many there were since: when it was made, or sent again by hand.
  due_from timestamptz not null,
  attempts integer not null,
  next_at timestamptz,
  last_attempt_at timestamptz,
  last_status integer,
  last_error text,
  delivered_at timestamptz,
  primary key (world, id),
  unique (world, event, webhook_endpoint),
  foreign key (world, event) references events on delete cascade,
  foreign key (world, webhook_endpoint) references webhook_endpoints on delete cascade
);
create index webhook_deliveries_due on webhook_deliveries (world, webhook_endpoint, next_at, id) where state = 'pending';
create index webhook_deliveries_of_endpoint on webhook_deliveries (world, webhook_endpoint, created desc, id desc);
create index webhook_deliveries_next on webhook_deliveries (world, next_at) where state = 'pending';
create index webhook_deliveries_listed on webhook_deliveries (world, created desc, id desc);

create table idempotency_keys (
  world integer not null default kontor_world(),
  key text collate "C" not null,
  request_id text not null,
  fingerprint bytea not null,
  -- What the answer will be made of, for a request whose outside calls are not answered yet.
  continuation jsonb,
  status integer,
  body text,
  created timestamptz not null,
  primary key (world, key)
);
create index idempotency_keys_age on idempotency_keys (created);

-- The ledger: append-only, balanced per currency in each transaction, each leg once.
create table ledger_entries (
  world integer not null default kontor_world(),
  transaction text collate "C" not null,
  ledger_account text not null,
  currency text not null,
  amount bigint not null,
  document text collate "C" not null,
  customer text collate "C",
  at timestamptz not null,
  primary key (world, transaction, ledger_account, currency)
);
create index ledger_entries_of_document on ledger_entries (world, document);
create index ledger_entries_of_customer on ledger_entries (world, customer);

create function ledger_must_balance() returns trigger language plpgsql as $$
begin
  if exists (select from written group by world, transaction, currency having sum(amount) <> 0) then
    raise exception 'A ledger transaction does not balance.' using errcode = 'check_violation';
  end if;
  return null;
end $$;
create trigger ledger_must_balance after insert on ledger_entries referencing new table as written
  for each statement execute function ledger_must_balance();

create function ledger_is_append_only() returns trigger language plpgsql as $$
begin
  raise exception 'The ledger is append-only.' using errcode = 'restrict_violation';
end $$;
create trigger ledger_is_append_only before update or delete or truncate on ledger_entries
  for each statement execute function ledger_is_append_only();
