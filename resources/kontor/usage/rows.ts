import type { Instant } from '../../../billing/decision.ts';
import { join, raw, rows, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';
import { first } from '../../../server/lists.ts';
import { COUNTS } from '../../../server/usage/cells.ts';
import { eventsOf, type StoredEvent } from '../../../server/usage/events.ts';
import { seriesOf } from '../../../server/usage/keys.ts';
import type { CorrectionRow } from './resource.ts';

/** Corrections, in any order. `lock` keeps others from taking them back until the transaction ends. */
export function correctionsById(tx: Tx, ids: readonly string[], lock = false): Promise<CorrectionRow[]> {
  return rows<CorrectionRow>(tx, sql`select * from usage_corrections where id = any(${ids}::text[]) ${lock ? sql`for update` : sql``}`);
}

/** The correction that has taken an event back; null where an adjustment has. */
export async function takenBackBy(tx: Tx, { slot, key }: StoredEvent): Promise<Pick<CorrectionRow, 'id' | 'type'> | null> {
  const [found] = await rows<Pick<CorrectionRow, 'id' | 'type'>>(tx, sql`select c.id, c.type from meter_event_cancellations k join usage_corrections c on c.id = k.correction where k.slot = ${slot} and k.key = ${key}::bigint and k.reverted_at is null`);
  return found ?? null;
}

/** A customer's events of a meter, or where no meter counts them of a name, in `[start, end)` that count, oldest first; at most so many. */
export function eventsWithin(tx: Tx, world: number, { meter, event_name, customer, start, end }: { meter: string | null; event_name: string; customer: string; start: number; end: number }, most: number): Promise<StoredEvent[]> {
  return eventsOf(
    tx,
    sql`from meter_events e where e.series = ${seriesOf(world, meter, event_name, customer)} and e.meter is not distinct from ${meter} and e.customer = ${customer} and e.timestamp >= to_timestamp(${start}::bigint) and e.timestamp < to_timestamp(${end}::bigint)
      and ${COUNTS} order by e.timestamp, e.number limit ${most}`,
  );
}

/** A page of a customer's events of a meter that count, in the order of travel: the newest first, or where they lie after another one, the oldest first. */
export function pageOfEvents(tx: Tx, world: number, { meter, customer, start, end }: { meter: string; customer: string; start?: Instant; end?: Instant }, from: (Pick<StoredEvent, 'timestamp' | 'number'> & { side: 'before' | 'after' }) | null | undefined, count: number): Promise<StoredEvent[]> {
  const [side, order] = from?.side === 'after' ? [raw('>'), raw('asc')] : [raw('<'), raw('desc')];
  const conditions = [
    sql`e.series = ${seriesOf(world, meter, '', customer)} and e.meter = ${meter} and e.customer = ${customer} and ${COUNTS}`,
    ...(start === undefined ? [] : [sql`e.timestamp >= to_timestamp(${start}::bigint)`]),
    ...(end === undefined ? [] : [sql`e.timestamp < to_timestamp(${end}::bigint)`]),
    ...(from ? [sql`(e.timestamp, e.number) ${side} (to_timestamp(${from.timestamp}::bigint), ${from.number}::bigint)`] : []),
  ];
  return eventsOf(tx, sql`from (${first(sql`select e.* from meter_events e where ${join(conditions, ' and ')} order by e.timestamp ${order}, e.number ${order}`, count)}) e order by e.timestamp ${order}, e.number ${order}`);
}

/** The events that a correction has recorded, by the names that it gave them. */
export function recordedBy(tx: Tx, world: number, row: CorrectionRow, most: number): Promise<StoredEvent[]> {
  return eventsOf(
    tx,
    sql`from meter_events e where e.series = ${seriesOf(world, row.meter, row.event_name, row.customer)} and e.timestamp >= to_timestamp(${row.starts_at}::bigint) and e.timestamp < to_timestamp(${row.ends_at}::bigint)
      and starts_with(e.identifier, ${`${row.id}:`}) order by e.number limit ${most}`,
  );
}
