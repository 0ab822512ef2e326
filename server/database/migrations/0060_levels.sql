-- Of meters weighted by time: when the first event of the hour was, and what the levels come to from there to the end of the hour, level × seconds. So a period is read by the hour, however many events it has.
alter table meter_rollups add column first_at timestamptz, add column level_seconds numeric;

do $$
declare each integer;
begin
  for each in select id from worlds loop
    perform set_config('kontor.world', each::text, true);
    update meter_rollups r set first_at = u.first_at, level_seconds = u.level_seconds from (
      select e.meter, e.customer, e.hour, e.dimensions, min(e.timestamp) as first_at, sum(e.value * extract(epoch from e.until - e.timestamp)) as level_seconds from (
        select e.meter, e.customer, h.hour, e.dimensions, e.timestamp, e.value, lead(e.timestamp, 1, h.hour + interval '1 hour') over (partition by e.meter, e.customer, h.hour, e.dimensions order by e.timestamp, e.number) as until
        from meter_events e join meters m on m.world = each and m.id = e.meter and m.default_aggregation ->> 'formula' = 'weighted_by_time' cross join lateral date_trunc('hour', e.timestamp, 'UTC') h (hour)
        where e.world = each and not exists (select from meter_event_cancellations c where c.world = each and c.slot = e.slot and c.key = e.key and c.reverted_at is null)) e
      group by 1, 2, 3, 4) u
    where r.world = each and r.meter = u.meter and r.customer = u.customer and r.hour = u.hour and r.dimensions = u.dimensions;
  end loop;
  perform set_config('kontor.world', '', true);
end $$;
