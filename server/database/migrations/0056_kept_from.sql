-- The place in the order of receipt from which on all events are kept: of an hour with an earlier one, some have been dropped with their slot.
create function meter_events_kept_from() returns bigint language sql stable as $$
  select coalesce(min(substring(c.relname from '[0-9]+$')::bigint), 0) * 91 * 86400 * 1000000 from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'public.meter_events'::regclass
$$;
grant execute on function meter_events_kept_from() to kontor_app;
