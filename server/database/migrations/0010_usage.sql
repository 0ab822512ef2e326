-- Usage: events append-only, in slots of receipt that are dropped as a whole, and what they add up to by the hour.

-- The payload's keys by whose values the meter counts apart.
alter table meters add column dimensions jsonb not null default '[]';

alter table meter_events rename to meter_events_of_old;
alter table meter_events_of_old rename constraint meter_events_pkey to meter_events_of_old_pkey;

create table meter_events (
  world integer not null default kontor_world(),
  -- When it was received, in whole spans of 91 days since 1970, in real time also for customers on test clocks.
  slot integer not null,
  -- The first 64 bits of a SHA-256 over the meter (or, where no meter counts it, the event's name) and the identifier: what makes an event one.
  key bigint not null,
  -- The same over world, meter and customer: what usage is looked up by.
  series bigint not null,
  -- The order of receipt, which decides between events of the same second: microseconds since 1970, by the clock of the process that received it.
  number bigint not null,
  -- Null for what is observed and not counted.
  meter text collate "C",
  event_name text not null,
  identifier text collate "C" not null,
  customer text collate "C" not null,
  timestamp timestamptz not null,
  -- Null where no meter counts it.
  value numeric,
  -- The values of the meter's dimensions, as JSON with sorted keys; empty where the meter has none.
  dimensions text collate "C" not null,
  -- What else it carries besides the customer and the value; null where there is nothing.
  payload json,
  created timestamptz not null,
  primary key (world, slot, key)
) partition by range (slot);
create index meter_events_of_series on meter_events (series, timestamp);

-- An event that was taken back counts no more. The event itself stays as it came.
create table meter_event_cancellations (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  slot integer not null,
  key bigint not null,
  canceled_at timestamptz not null,
  -- The correction that took it back; null for an adjustment.
  correction text collate "C",
  -- When the cancellation itself was taken back: the event counts again.
  reverted_at timestamptz,
  primary key (world, id)
);
create unique index meter_event_cancellations_in_force on meter_event_cancellations (world, slot, key) where reverted_at is null;
create index meter_event_cancellations_of_correction on meter_event_cancellations (world, correction) where correction is not null;

-- What a meter counted for a customer in an hour, for each combination of its dimensions' values.
create table meter_rollups (
  world integer not null default kontor_world(),
  meter text collate "C" not null,
  customer text collate "C" not null,
  hour timestamptz not null,
  dimensions text collate "C" not null,
  events bigint not null,
  sum numeric not null,
  largest numeric not null,
  -- The value of the latest event, and which one that is.
  last numeric not null,
  last_at timestamptz not null,
  last_number bigint not null,
  -- The first one received of those that are in it: where it has been dropped, the hour cannot be counted again.
  first_number bigint not null,
  primary key (world, meter, customer, hour, dimensions),
  foreign key (world, meter) references meters
) with (fillfactor = 60);

-- The different values of meters that count unique ones.
create table meter_values (
  world integer not null default kontor_world(),
  meter text collate "C" not null,
  customer text collate "C" not null,
  hour timestamptz not null,
  dimensions text collate "C" not null,
  value text collate "C" not null,
  events bigint not null,
  primary key (world, meter, customer, hour, dimensions, value),
  foreign key (world, meter) references meters
);

do $$
declare name text;
begin
  foreach name in array array['meter_events', 'meter_event_cancellations', 'meter_rollups', 'meter_values'] loop
    execute format('alter table %I enable row level security, force row level security', name);
    execute format('create policy own_world on %I using (world = kontor_world()) with check (world = kontor_world())', name);
  end loop;
end $$;
grant select, insert on meter_events to kontor_app;
grant select, insert, update (reverted_at) on meter_event_cancellations to kontor_app;
grant select, insert, update, delete on meter_rollups, meter_values to kontor_app;

-- Makes a slot. It is made beside the table and attached, so that nobody who reads or writes meanwhile waits.
create function make_meter_event_slot(slot integer) returns void language plpgsql security definer set search_path = pg_catalog, public as $$
declare name text := format('meter_events_%s', slot);
begin
  if to_regclass('public.' || name) is not null then return; end if;
  perform pg_advisory_xact_lock(hashtext('kontor.meter_event_slots'));
  if to_regclass('public.' || name) is not null then return; end if;
  execute format('create table public.%I (like public.meter_events including defaults including storage)', name);
  execute format('alter table public.%I enable row level security, force row level security', name);
  execute format('create policy own_world on public.%I using (world = public.kontor_world()) with check (world = public.kontor_world())', name);
  execute format('alter table public.meter_events attach partition public.%I for values from (%s) to (%s)', name, slot, slot + 1);
  perform pg_restore_attribute_stats('schemaname', 'public', 'relname', name, 'attname', 'world', 'inherited', false, 'version', current_setting('server_version_num')::integer,
    'null_frac', 0::real, 'avg_width', 4, 'n_distinct', 1::real);
end $$;
revoke all on function make_meter_event_slot(integer) from public;
grant execute on function make_meter_event_slot(integer) to kontor_app;

-- Drops the slots before one, and says which.
create function drop_meter_event_slots(before integer) returns setof integer language plpgsql security definer set search_path = pg_catalog, public as $$
declare old integer;
begin
  for old in
    select substring(c.relname from '\d+$')::integer from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'public.meter_events'::regclass and substring(c.relname from '\d+$')::integer < before order by 1
  loop
    execute format('drop table public.meter_events_%s', old);
    return next old;
  end loop;
end $$;
revoke all on function drop_meter_event_slots(integer) from public;
grant execute on function drop_meter_event_slots(integer) to kontor_app;

-- The events that are there already.
do $$
declare slot integer;
begin
  alter table meter_events_of_old no force row level security;
  for slot in select distinct floor(extract(epoch from created) / 7862400)::integer from meter_events_of_old loop
    perform make_meter_event_slot(slot);
  end loop;
  alter table meter_events no force row level security;
  alter table meter_event_cancellations no force row level security;
  alter table meter_rollups no force row level security;
  insert into meter_events (world, slot, key, series, number, meter, event_name, identifier, customer, timestamp, value, dimensions, payload, created)
    select e.world, floor(extract(epoch from e.created) / 7862400)::integer, ('x' || encode(substr(sha256(convert_to(e.meter || chr(31) || e.identifier, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint,
      ('x' || encode(substr(sha256(convert_to(e.world || chr(31) || e.meter || chr(31) || e.customer, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint,
      floor(extract(epoch from e.created) * 1000000)::bigint + row_number() over (partition by e.world, e.created order by e.id) - 1, e.meter, e.event_name, e.identifier, e.customer, e.timestamp, e.value, '',
      nullif((e.payload - (m.customer_mapping ->> 'event_payload_key') - (m.value_settings ->> 'event_payload_key'))::text, '{}')::json, e.created
    from meter_events_of_old e join meters m on m.world = e.world and m.id = e.meter;
  insert into meter_event_cancellations (world, id, slot, key, canceled_at)
    select o.world, 'mtrec_' || substr(o.id, 7), e.slot, e.key, o.canceled_at from meter_events_of_old o join meter_events e on e.world = o.world and e.meter = o.meter and e.identifier = o.identifier where o.canceled_at is not null;
  insert into meter_rollups (world, meter, customer, hour, dimensions, events, sum, largest, last, last_at, last_number, first_number)
    select e.world, e.meter, e.customer, date_trunc('hour', e.timestamp, 'UTC'), '', count(*), sum(e.value), max(e.value), (array_agg(e.value order by e.timestamp desc, e.number desc))[1], max(e.timestamp),
      (array_agg(e.number order by e.timestamp desc, e.number desc))[1], min(e.number)
    from meter_events e where not exists (select from meter_event_cancellations c where c.world = e.world and c.slot = e.slot and c.key = e.key) group by e.world, e.meter, e.customer, date_trunc('hour', e.timestamp, 'UTC');
  alter table meter_events force row level security;
  alter table meter_event_cancellations force row level security;
  alter table meter_rollups force row level security;
end $$;
drop table meter_events_of_old;
