-- Corrections of usage, and what was wrong with events that were reported without waiting for an answer.

create table usage_corrections (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  type text not null check (type in ('amend', 'backfill', 'revert')),
  meter text collate "C" not null,
  customer text collate "C" not null,
  -- The span that it is about, half-open.
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  events_canceled integer not null,
  events_recorded integer not null,
  -- What the meter had counted in the span, and counts since.
  before numeric not null,
  after numeric not null,
  -- The correction that this one takes back, and the one that has taken this one back.
  reverts text collate "C",
  reverted_by text collate "C",
  reason text,
  primary key (world, id),
  foreign key (world, meter) references meters
);
create index usage_corrections_listed on usage_corrections (world, created desc, id desc);
create index usage_corrections_of_meter on usage_corrections (world, meter, customer, created desc);

-- Gathered until they are reported, by meter and kind of mistake; the meter is empty where there is none.
create table meter_event_errors (
  world integer not null default kontor_world(),
  meter text collate "C" not null,
  code text not null,
  errors bigint not null,
  -- Some of them: `[{error_message, request: {identifier}}]`.
  samples jsonb not null,
  since timestamptz not null,
  primary key (world, meter, code)
);

-- Events that name what they are about and do not show it; read under /v2/core/events.
create table thin_events (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  type text not null,
  -- `{id, type, url}`, or null.
  related_object json,
  data json not null,
  primary key (world, id)
);

do $$
declare name text;
begin
  foreach name in array array['usage_corrections', 'meter_event_errors', 'thin_events'] loop
    execute format('alter table %I enable row level security, force row level security', name);
    execute format('create policy own_world on %I using (world = kontor_world()) with check (world = kontor_world())', name);
  end loop;
end $$;
grant select, insert, update on usage_corrections to kontor_app;
grant select, insert, update, delete on meter_event_errors, thin_events to kontor_app;
-- What was counted stays, as the events do.
revoke delete on meter_rollups, meter_values from kontor_app;
