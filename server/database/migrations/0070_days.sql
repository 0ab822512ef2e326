-- What hours add up to by the day (UTC), of meters of which an event adds to its hour whatever the others are: a month is read as thirty rows for each combination of the dimensions' values, and not as seven hundred.
create table meter_days (
  world integer not null default kontor_world(),
  meter text collate "C" not null,
  customer text collate "C" not null,
  day timestamptz not null,
  dimensions text collate "C" not null,
  events bigint not null,
  sum numeric not null,
  primary key (world, meter, customer, day, dimensions)
) with (fillfactor = 60);
alter table meter_days enable row level security;
alter table meter_days force row level security;
create policy own_world on meter_days using (world = kontor_world()) with check (world = kontor_world());
grant select, insert, update on meter_days to kontor_app;

do $$
declare each integer;
begin
  for each in select id from worlds loop
    perform set_config('kontor.world', each::text, true);
    insert into meter_days (meter, customer, day, dimensions, events, sum)
      select r.meter, r.customer, date_trunc('day', r.hour, 'UTC'), r.dimensions, sum(r.events), sum(r.sum)
      from meter_rollups r join meters m on m.world = each and m.id = r.meter and m.event_time_window is null and m.default_aggregation ->> 'formula' in ('sum', 'count', 'unique_count')
      where r.world = each group by 1, 2, 3, 4;
  end loop;
  perform set_config('kontor.world', '', true);
end $$;
