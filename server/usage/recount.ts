/** Hours that are counted again from their events, because some of these were taken back or put back. That takes all of them: of an hour that has lost events to retention, nobody can tell any more what the others come to. */
import { refuse, type Instant } from '../../billing/decision.ts';
import { row, rows, sql } from '../database/sql.ts';
import type { Tx } from '../database/world.ts';
import { cellsOf, COUNTS, nameOfCell, type Cell } from './cells.ts';
import { settleLevels } from './levels.ts';

/**
 * Counts hours again. Their rows are locked first: who records meanwhile waits, and adds to what this leaves. Every hour that has had an event has a row, if only one of no events.
 * Refused where events of one of them have been dropped.
 */
export async function recount(tx: Tx, cells: readonly (Cell & { series: bigint })[]): Promise<void> {
  const distinct = [...new Map(cells.map((cell) => [nameOfCell(cell), cell]))].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, cell]) => cell);
  if (distinct.length === 0) return;
  const asked = cellsOf(distinct);
  const same = sql`r.meter = n.meter and r.customer = n.customer and r.hour = n.hour and r.dimensions = n.dimensions`;
  const hours = await rows<{ hour: Instant; lacks: boolean }>(
    tx,
    sql`select r.hour, r.first_number < meter_events_kept_from() as lacks from ${asked} join meter_rollups r on ${same} order by r.meter, r.customer, r.hour, r.dimensions for update of r`,
  );
  refuseLack(hours.find(({ lacks }) => lacks)?.hour);
  await row(
    tx,
    sql`update meter_rollups r set events = u.events, sum = u.sum, largest = coalesce(u.largest, r.largest), last = coalesce(u.last, r.last), last_at = coalesce(u.last_at, r.last_at), last_number = coalesce(u.last_number, r.last_number), level_seconds = null
        from ${asked} cross join lateral (
          select count(*) as events, coalesce(sum(e.value), 0) as sum, max(e.value) as largest, max(e.timestamp) as last_at,
            (array_agg(e.value order by e.timestamp desc, e.number desc))[1] as last, (array_agg(e.number order by e.timestamp desc, e.number desc))[1] as last_number
          from meter_events e
          where e.series = n.series and e.timestamp >= n.hour and e.timestamp < n.hour + interval '1 hour' and e.meter = n.meter and e.customer = n.customer and e.dimensions = n.dimensions and ${COUNTS}) u
        where ${same}`,
  );
  settleLevels(tx, asked);
}

/** Refuses to put anything in the place of a customer's events in `[start, end)` where one of its hours has lost some that count: those cannot be taken back. `param` spells what names the span. */
export async function refuseDropped(tx: Tx, { meter, customer, start, end }: { meter: string; customer: string; start: Instant; end: Instant }, param: string): Promise<void> {
  const lacking = await row<{ hour: Instant }>(
    tx,
    sql`select hour from (select meter, customer, hour, events, first_number from meter_rollups union all select meter, customer, hour, events, first_number from tallied_hours()) h
        where meter = ${meter} and customer = ${customer} and hour >= date_trunc('hour', to_timestamp(${start}::bigint), 'UTC') and hour < to_timestamp(${end}::bigint) and first_number < meter_events_kept_from() and events <> 0 order by hour limit 1`,
  );
  refuseLack(lacking?.hour, param);
}

function refuseLack(hour: Instant | undefined, param?: string): void {
  if (hour === undefined) return;
  const named = new Date(hour * 1_000).toISOString().replace(':00.000Z', 'Z');
  refuse(undefined, `Not all events of the hour of ${named} are kept any more, so that it cannot be counted again. Bring them back from the archive first, by \`kontor archive restore\`.`, param);
}
