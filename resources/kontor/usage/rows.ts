import { rows, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';
import { COUNTS } from '../../../server/usage/cells.ts';
import { eventsOf, type StoredEvent } from '../../../server/usage/events.ts';
import { seriesOf } from '../../../server/usage/keys.ts';
import type { CorrectionRow } from './resource.ts';

/** Corrections, in any order. `lock` keeps others from taking them back until the transaction ends. */
export function correctionsById(tx: Tx, ids: readonly string[], lock = false): Promise<CorrectionRow[]> {
  return rows<CorrectionRow>(tx, sql`select * from usage_corrections where id = any(${ids}::text[]) ${lock ? sql`for update` : sql``}`);
}

/** A customer's events of a meter in `[start, end)` that count, oldest first; at most so many. */
export function eventsWithin(tx: Tx, world: number, { meter, customer, start, end }: { meter: string; customer: string; start: number; end: number }, most: number): Promise<StoredEvent[]> {
  return eventsOf(
    tx,
    sql`from meter_events e where e.series = ${seriesOf(world, meter, '', customer)} and e.meter = ${meter} and e.customer = ${customer} and e.timestamp >= to_timestamp(${start}::bigint) and e.timestamp < to_timestamp(${end}::bigint)
      and ${COUNTS} order by e.timestamp, e.number limit ${most}`,
  );
}

/** The events that a correction has recorded, by the names that it gave them. */
export function recordedBy(tx: Tx, world: number, row: CorrectionRow, most: number): Promise<StoredEvent[]> {
  return eventsOf(
    tx,
    sql`from meter_events e where e.series = ${seriesOf(world, row.meter, '', row.customer)} and e.timestamp >= to_timestamp(${row.starts_at}::bigint) and e.timestamp < to_timestamp(${row.ends_at}::bigint)
      and starts_with(e.identifier, ${`${row.id}:`}) order by e.number limit ${most}`,
  );
}
