/** Counts all hours again from the events that are kept: where somebody has written to the rollups beside Kontor, or they are not trusted. */
import type { Client } from 'pg';
import type { World } from '../context.ts';
import { row } from '../database/sql.ts';
import { passing } from '../database/world.ts';
import { StartRefused } from '../refused.ts';
import { COUNTS_TEXT } from './cells.ts';
import { LEVELS_BY_HOUR } from './levels.ts';
import { ADD_TALLIES, DAYS_OF_HOURS, MOST_TALLIES } from './tallies.ts';

/** How often it is tried to get hold of the tables, and for how long each time. */
const TRIES = 120;
const TRY_MS = 500;
/** After so many tries it is said again what is waited for. */
const STRIDE = 20;

/**
 * Recounts a world's usage in one transaction, for which whoever records waits; hours of which events have been dropped stay as they are. Returns how many hours there are. Where somebody who records holds one table and waits for
 * another, this gives way and begins again; `say` is told of it in a sentence.
 */
export async function recountWorld(owner: Client, world: World, say: (sentence: string) => void = () => undefined): Promise<number> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await recountOnce(owner, world);
    } catch (error) {
      if (passing(error) !== 'contended') throw error;
      if (tries === TRIES) throw new StartRefused('Usage is being recorded in transactions that do not end, so that nothing could be counted again. Nothing was changed: look what runs for so long, and try again.');
      if (tries % STRIDE === 1) say(`${world.account} (${world.livemode ? 'live' : 'test'}): usage is being recorded right now; waiting for a moment between, for ${Math.ceil(((TRIES - tries) * TRY_MS) / 1_000)} seconds at most.`);
    }
  }
}

async function recountOnce(owner: Client, world: World): Promise<number> {
  try {
    // Waits shorter than PostgreSQL does before it looks for a circle of waiting: it is never a recorder that has to begin again. No slot is dropped meanwhile either.
    await owner.query(`begin; set local kontor.world = '${world.id}'; set local lock_timeout = '${TRY_MS}ms'`);
    await owner.query('lock table meter_events in access share mode; lock table meter_tallies, meter_rollups, meter_days, meter_values in share row exclusive mode');
    for (let more = true; more; ) more = (await row<{ tallies: number }>(owner, ADD_TALLIES))!.tallies === MOST_TALLIES;
    await owner.query(`update meter_rollups set events = 0, sum = 0 where first_number >= meter_events_kept_from()`);
    await owner.query(`update meter_values v set events = 0 where exists (select from meter_rollups r where r.meter = v.meter and r.customer = v.customer and r.hour = v.hour and r.dimensions = v.dimensions and r.first_number >= meter_events_kept_from())`);
    const counts = `from meter_events e join meters m on m.id = e.meter
      where ${COUNTS_TEXT}
        and not exists (select from meter_rollups o where o.meter = e.meter and o.customer = e.customer and o.hour = date_trunc('hour', e.timestamp, 'UTC') and o.dimensions = e.dimensions and o.first_number < meter_events_kept_from())`;
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
    await owner.query(`
      update meter_rollups r set first_at = u.first_at, level_seconds = u.level_seconds from (${LEVELS_BY_HOUR}) u
      where r.meter = u.meter and r.customer = u.customer and r.hour = u.hour and r.dimensions = u.dimensions and r.first_number >= meter_events_kept_from()`);
    await owner.query(`update meter_days set events = 0, sum = 0`);
    await owner.query(`
      insert into meter_days (meter, customer, day, dimensions, events, sum) ${DAYS_OF_HOURS}
      on conflict (world, meter, customer, day, dimensions) do update set events = excluded.events, sum = excluded.sum`);
    await owner.query('commit');
    return rowCount ?? 0;
  } catch (error) {
    await owner.query('rollback').catch(() => undefined);
    throw error;
  }
}
