-- Who has waited for another to make the slot asks the table of tables: a name that was not found before may be remembered as missing.
create or replace function make_meter_event_slot(slot integer) returns void language plpgsql security definer set search_path = pg_catalog, public as $$
declare name text := format('meter_events_%s', slot);
begin
  if to_regclass('public.' || name) is not null then return; end if;
  perform pg_advisory_xact_lock(hashtext('kontor.meter_event_slots'));
  if exists (select from pg_class c where c.relname = name and c.relnamespace = 'public'::regnamespace) then return; end if;
  execute format('create table public.%I (like public.meter_events including defaults including storage)', name);
  execute format('alter table public.%I enable row level security, force row level security', name);
  execute format('create policy own_world on public.%I using (world = public.kontor_world()) with check (world = public.kontor_world())', name);
  execute format('alter table public.meter_events attach partition public.%I for values from (%s) to (%s)', name, slot, slot + 1);
  perform pg_restore_attribute_stats('schemaname', 'public', 'relname', name, 'attname', 'world', 'inherited', false, 'version', current_setting('server_version_num')::integer,
    'null_frac', 0::real, 'avg_width', 4, 'n_distinct', 1::real);
end $$;
