/** Brings the events of an archive back among those that are kept: to explain lines of usage by them again, or to know their identifiers. */
import type { Client } from 'pg';
import type { World } from '../context.ts';
import { StartRefused } from '../refused.ts';
import { readArchive, verifyArchive, type ArchivedEvent } from './archive.ts';
import { SLOT_S, slotAt } from './slots.ts';

const PORTION = 5_000;

/** Restores an archive in one transaction; what is there already stays as it is. Returns how many events came back. Refused where they would be dropped again at once, or where the archive of the time after it is not restored yet. */
export async function restoreArchive(owner: Client, path: string, { now, usage_days }: { now: number; usage_days: number }): Promise<number> {
  const { slot } = await verifyArchive(path);
  if (slot < slotAt(now - usage_days * 86_400)) {
    throw new StartRefused(`Usage of that time is dropped after ${usage_days} days, so it would be within the hour. Set KONTOR_USAGE_DAYS to ${Math.ceil((now - slot * SLOT_S) / 86_400)} or more for every process first.`);
  }
  await owner.query('begin');
  try {
    const { rows: [kept] } = await owner.query<{ oldest: number }>(`select min(substring(inhrelid::regclass::text from '[0-9]+$')::integer) as oldest from pg_inherits where inhparent = 'meter_events'::regclass`);
    const { rows: worlds } = await owner.query<World>('select id, account, livemode from worlds');
    // Hours count as kept from the oldest slot on: those of a gap would be taken for hours without usage.
    for (const { id } of worlds) {
      await owner.query(`set local kontor.world = '${id}'`);
      const { rowCount } = await owner.query(
        'select from (select first_number from meter_rollups union all select first_number from tallied_hours()) h where first_number >= $1::bigint * 1000000 and first_number < $2::bigint * 1000000 limit 1',
        [(slot + 1) * SLOT_S, kept!.oldest * SLOT_S],
      );
      if (rowCount !== 0) throw new StartRefused(`Restore the archives of what came after it first, the latest one before the others: usage is kept from ${new Date(kept!.oldest * SLOT_S * 1_000).toISOString().slice(0, 10)} on.`);
    }
    await owner.query('select make_meter_event_slot($1)', [slot]);
    const known = new Map(worlds.map((world) => [world.id, world]));
    let restored = 0;
    let portion: ArchivedEvent[] = [];
    const flush = async () => {
      if (portion.length > 0) restored += await insert(owner, slot, portion);
      portion = [];
    };
    for await (const event of readArchive(path)) {
      const world = known.get(event.world);
      if (world?.account !== event.account || world.livemode !== event.livemode) throw new StartRefused(`The archive has events of ${event.account}, which is not in this database as it was where they were archived.`);
      if (portion.length === PORTION || (portion[0] && portion[0].world !== event.world)) await flush();
      portion.push(event);
    }
    await flush();
    await owner.query('commit');
    return restored;
  } catch (error) {
    await owner.query('rollback').catch(() => undefined);
    throw error;
  }
}

/** Events of one world. */
async function insert(owner: Client, slot: number, events: readonly ArchivedEvent[]): Promise<number> {
  await owner.query(`set local kontor.world = '${events[0]!.world}'`);
  const { rowCount } = await owner.query(
    `insert into meter_events (slot, key, series, number, meter, event_name, identifier, customer, timestamp, value, dimensions, payload, created)
     select $1, key, series, number, meter, event_name, identifier, customer, to_timestamp(timestamp), value, dimensions, payload, to_timestamp(created)
     from json_to_recordset($2::json) as e (key bigint, series bigint, number bigint, meter text, event_name text, identifier text, customer text, timestamp bigint, value numeric, dimensions text, payload json, created bigint)
     on conflict do nothing`,
    [slot, JSON.stringify(events)],
  );
  return rowCount ?? 0;
}
