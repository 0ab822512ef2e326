-- What the events of one transaction add up to, one row for the whole transaction, until that is added to the hours' rollups. It is for meters of which an event adds to its hour whatever the
-- others are (sums and counts): nobody waits for another's row then, and a customer's hour is written once for all that was recorded meanwhile. An event that is taken back is a tally of less than
-- nothing. The rollups of these meters tell neither the largest nor the last value.
create table meter_tallies (
  world integer not null default kontor_world(),
  id bigint generated always as identity,
  meters text[] collate "C" not null,
  customers text[] collate "C" not null,
  hours timestamptz[] not null,
  dimensions text[] collate "C" not null,
  events bigint[] not null,
  sums numeric[] not null,
  first_numbers bigint[] not null,
  primary key (world, id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 10000);
-- They live for a second: packing them costs more than it saves.
alter table meter_tallies alter meters set storage external, alter customers set storage external, alter hours set storage external, alter dimensions set storage external,
  alter events set storage external, alter sums set storage external, alter first_numbers set storage external;
alter table meter_tallies enable row level security;
alter table meter_tallies force row level security;
create policy own_world on meter_tallies using (world = kontor_world()) with check (world = kontor_world());
create policy all_worlds on meter_tallies for select using (kontor_world() = 0);
grant select, insert, delete on meter_tallies to kontor_app;

-- Rollups are made of events, whose meters are never deleted; to ask for the meter of each new hour costs more than to write it.
alter table meter_rollups drop constraint meter_rollups_world_meter_fkey;
alter table meter_rollups alter largest drop not null, alter last drop not null, alter last_at drop not null, alter last_number drop not null;

-- What is tallied, by hour. A function that is not looked through, so that a query unpacks the tallies once, expects many, and does not look for each of its own rows in all of them.
create function tallied_hours() returns table (meter text, customer text, hour timestamptz, dimensions text, events bigint, sum numeric, first_number bigint)
language plpgsql stable rows 10000 as $$
begin
  return query select u.* from meter_tallies t cross join lateral unnest(t.meters, t.customers, t.hours, t.dimensions, t.events, t.sums, t.first_numbers) u;
end $$;
grant execute on function tallied_hours() to kontor_app;
