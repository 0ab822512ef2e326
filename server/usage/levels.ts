/**
 * Levels, as meters weighted by time count them: each value holds until the next one. Of an hour its rollup has when its first event was (`first_at`) and what the levels come to from there to the end of the hour
 * (`level_seconds`); the hour's last value goes on from there. So a period is read by the hour, however many events it has.
 */
import type { MeterRow } from '../../billing/catalog.ts';
import type { Instant } from '../../billing/decision.ts';
import { add, fromBigint, multiply, ZERO, type Decimal } from '../../billing/money.ts';
import type { UsageEvent } from '../../billing/usage.ts';
import { later, sql, type Sql } from '../database/sql.ts';
import type { Tx } from '../database/world.ts';
import { COUNTS, COUNTS_TEXT, decimal, HOUR_S } from './cells.ts';

export const isLevel = ({ default_aggregation: { formula } }: MeterRow): boolean => formula === 'weighted_by_time';

export type Level = { first_at: Instant; level_seconds: Decimal };

/** What events of one hour come to, as if the hour had no others; in whatever order they are given. */
export function levelOf(events: readonly UsageEvent[], hour: Instant): Level {
  const sorted = events.toSorted((a, b) => a.timestamp - b.timestamp || (a.number < b.number ? -1 : 1));
  const parts = sorted.map(({ value, timestamp }, n) => multiply(decimal(value!), fromBigint(BigInt((sorted[n + 1]?.timestamp ?? hour + HOUR_S) - timestamp))));
  return { first_at: sorted[0]!.timestamp, level_seconds: parts.reduce(add, ZERO) };
}

/**
 * What the levels of an hour `r` come to with more events of it, `excluded`: known where all of these come after, or before, those that it has. Otherwise null, until `settleLevels` has read the hour's events again.
 */
export const LEVELS_TOGETHER = sql`case when r.events = 0 then excluded.level_seconds
  when (excluded.first_at, excluded.first_number) > (r.last_at, r.last_number) then r.level_seconds + excluded.level_seconds - r.last * extract(epoch from r.hour + interval '1 hour' - excluded.first_at)
  when excluded.last_at < r.first_at then r.level_seconds + excluded.level_seconds - excluded.last * extract(epoch from r.hour + interval '1 hour' - r.first_at) end`;

/** Reads the levels of hours from their events where they are not known. `cells` is the relation `n (meter, customer, hour, dimensions, series)`; those of other meters are passed over. */
export function settleLevels(tx: Tx, cells: Sql): void {
  later(
    tx,
    sql`update meter_rollups r set first_at = u.first_at, level_seconds = u.level_seconds
        from (
          select n.* from ${cells} join meters m on m.id = n.meter and m.default_aggregation ->> 'formula' = 'weighted_by_time'
          join meter_rollups o on o.meter = n.meter and o.customer = n.customer and o.hour = n.hour and o.dimensions = n.dimensions and o.events > 0 and o.level_seconds is null offset 0) n
        cross join lateral (
          select min(e.timestamp) as first_at, sum(e.value * extract(epoch from e.until - e.timestamp)) as level_seconds from (
            select e.timestamp, e.value, lead(e.timestamp, 1, n.hour + interval '1 hour') over (order by e.timestamp, e.number) as until from meter_events e
            where e.series = n.series and e.timestamp >= n.hour and e.timestamp < n.hour + interval '1 hour' and e.meter = n.meter and e.customer = n.customer and e.dimensions = n.dimensions and ${COUNTS}) e) u
        where r.meter = n.meter and r.customer = n.customer and r.hour = n.hour and r.dimensions = n.dimensions`,
  );
}

/** The levels of all hours of a world, from their events. */
export const LEVELS_BY_HOUR = `
  select e.meter, e.customer, e.hour, e.dimensions, min(e.timestamp) as first_at, sum(e.value * extract(epoch from e.until - e.timestamp)) as level_seconds from (
    select e.meter, e.customer, h.hour, e.dimensions, e.timestamp, e.value, lead(e.timestamp, 1, h.hour + interval '1 hour') over (partition by e.meter, e.customer, h.hour, e.dimensions order by e.timestamp, e.number) as until
    from meter_events e join meters m on m.id = e.meter and m.default_aggregation ->> 'formula' = 'weighted_by_time' cross join lateral date_trunc('hour', e.timestamp, 'UTC') h (hour)
    where ${COUNTS_TEXT}) e
  group by 1, 2, 3, 4`;
