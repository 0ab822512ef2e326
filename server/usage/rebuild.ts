/** Counts all hours again from the events that are kept: where somebody has written to the rollups beside Kontor, or they are not trusted. */
import type { Client } from 'pg';
import type { World } from '../context.ts';
import { row } from '../database/sql.ts';
import { ADD_TALLIES, MOST_TALLIES } from './tallies.ts';

/** Hours of which events have been dropped stay as they are. */
const KEPT = `(select coalesce(min(substring(c.relname from '[0-9]+$')::bigint), 0) * 91 * 86400 * 1000000 from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'meter_events'::regclass)`;

/** Recounts a world's usage in one transaction, for which whoever records waits. Returns how many hours there are. */
export async function recountWorld(owner: Client, world: World): Promise<number> {
  await owner.query(`begin; set local kontor.world = '${world.id}'; lock table meter_tallies, meter_rollups, meter_values in share row exclusive mode`);
  try {
    for (let more = true; more; ) more = (await row<{ tallies: number }>(owner, ADD_TALLIES))!.tallies === MOST_TALLIES;
    await owner.query(`update meter_rollups set events = 0, sum = 0 where first_number >= ${KEPT}`);
    await owner.query(`update meter_values v set events = 0 where exists (select from meter_rollups r where r.meter = v.meter and r.customer = v.customer and r.hour = v.hour and r.dimensions = v.dimensions and r.first_number >= ${KEPT})`);
    const counts = `from meter_events e join meters m on m.id = e.meter
      where not exists (select from meter_event_cancellations c where c.slot = e.slot and c.key = e.key and c.reverted_at is null)
        and not exists (select from meter_rollups o where o.meter = e.meter and o.customer = e.customer and o.hour = date_trunc('hour', e.timestamp, 'UTC') and o.dimensions = e.dimensions and o.first_number < ${KEPT})`;
    const { rowCount } = await owner.query(`
      insert into meter_rollups (meter, customer, hour, dimensions, events, sum, largest, last, last_at, last_number, first_number)
      select e.meter, e.customer, date_trunc('hour', e.timestamp, 'UTC'), e.dimensions, count(*), sum(e.value), max(e.value), (array_agg(e.value order by e.timestamp desc, e.number desc))[1], max(e.timestamp),
        (array_agg(e.number order by e.timestamp desc, e.number desc))[1], min(e.number) ${counts} group by 1, 2, 3, 4
      on conflict (world, meter, customer, hour, dimensions) do update set events = excluded.events, sum = excluded.sum, largest = excluded.largest, last = excluded.last, last_at = excluded.last_at,
        last_number = excluded.last_number, first_number = excluded.first_number`);
    await owner.query(`
      insert into meter_values (meter, customer, hour, dimensions, value, events)
      select e.meter, e.customer, date_trunc('hour', e.timestamp, 'UTC'), e.dimensions, e.payload ->> (m.value_settings ->> 'event_payload_key'), count(*) ${counts} and m.default_aggregation ->> 'formula' = 'unique_count' group by 1, 2, 3, 4, 5
      on conflict (world, meter, customer, hour, dimensions, value) do update set events = excluded.events`);
    await owner.query('commit');
    return rowCount ?? 0;
  } catch (error) {
    await owner.query('rollback').catch(() => undefined);
    throw error;
  }
}
