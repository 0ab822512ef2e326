/**
 * Tallies: what the events of a transaction come to by the hour, kept as one row. Whoever counts reads them beside the rollups, so that what is recorded counts at once; they are added to the rollups
 * a moment later, many at a time. Only meters whose events add up whatever the others are have them (`addsUp`): an event that is taken back is a tally of less than nothing, and nobody waits for anybody.
 */
import type { MeterRow } from '../../billing/catalog.ts';
import { add, formatDecimal, subtract, ZERO, type Decimal } from '../../billing/money.ts';
import type { UsageEvent } from '../../billing/usage.ts';
import type { App } from '../context.ts';
import { instants, int8s } from '../database/arrays.ts';
import { arrayText, later, row, rows, sql } from '../database/sql.ts';
import { inWorld, overAllWorlds, type Tx } from '../database/world.ts';
import { cellOf, decimal, type Cell } from './cells.ts';

/** Whether each event of a meter adds to its hour whatever the others of the hour are. */
export const addsUp = ({ default_aggregation: { formula }, event_time_window }: MeterRow): boolean => (formula === 'sum' || formula === 'count') && event_time_window === null;

type Tally = Cell & { events: number; sum: Decimal; first_number: bigint };

/** What events come to, by the hour. Cells are found step by step: to spell each event's out as one text would cost more than all that is done with it. */
function tallied(events: readonly UsageEvent[]): Tally[] {
  const tallies: Tally[] = [];
  const meters = new Map<string, Map<string, Map<string | number, Tally>>>();
  for (const event of events) {
    const cell = cellOf(event);
    const hours = meters.getOrInsertComputed(cell.meter, () => new Map()).getOrInsertComputed(cell.customer, () => new Map());
    const hour = cell.dimensions === '' ? cell.hour : `${cell.hour} ${cell.dimensions}`;
    const value = decimal(event.value!);
    const tally = hours.get(hour);
    if (!tally) {
      const first = { ...cell, events: 1, sum: value, first_number: event.number };
      hours.set(hour, first);
      tallies.push(first);
    } else {
      tally.events += 1;
      tally.sum = add(tally.sum, value);
      if (event.number < tally.first_number) tally.first_number = event.number;
    }
  }
  return tallies;
}

/** Adds events to their hours, or takes them away, with what the transaction sends next. */
export function tally(tx: Tx, events: readonly UsageEvent[], how: 'added' | 'taken'): void {
  if (events.length === 0) return;
  const tallies = tallied(events);
  const sign = how === 'added' ? 1 : -1;
  later(
    tx,
    sql`insert into meter_tallies (meters, customers, hours, dimensions, events, sums, first_numbers)
        select ${arrayText(tallies.map((each) => each.meter))}::text[], ${arrayText(tallies.map((each) => each.customer), true)}::text[], ${instants(tallies.map((each) => each.hour))}::timestamptz[],
          ${arrayText(tallies.map((each) => each.dimensions), true)}::text[], ${int8s(tallies.map((each) => sign * each.events))}::bigint[],
          ${arrayText(tallies.map((each) => formatDecimal(sign === 1 ? each.sum : subtract(ZERO, each.sum))))}::numeric[], ${int8s(tallies.map((each) => each.first_number))}::bigint[]`,
  );
}

/** So many tallies are added at once. */
export const MOST_TALLIES = 500;

/** Adds a world's tallies to the rollups of its hours and days, in the order in which they were made: what was taken away comes after what it is taken from. */
export const ADD_TALLIES = sql`
  with taken as (
    delete from meter_tallies where id in (select id from meter_tallies where world = kontor_world() order by id limit ${MOST_TALLIES}) returning *),
  hours as (
    select u.meter, u.customer, u.hour, u.dimensions, sum(u.events) as events, sum(u.sum) as sum, min(u.first_number) as first_number
    from taken t cross join lateral unnest(t.meters, t.customers, t.hours, t.dimensions, t.events, t.sums, t.first_numbers) as u (meter, customer, hour, dimensions, events, sum, first_number)
    group by 1, 2, 3, 4 order by 1, 2, 3, 4),
  added as (
    insert into meter_rollups as r (meter, customer, hour, dimensions, events, sum, first_number) select * from hours
    on conflict (world, meter, customer, hour, dimensions) do update set events = r.events + excluded.events, sum = r.sum + excluded.sum, first_number = least(r.first_number, excluded.first_number)),
  days as (
    insert into meter_days as d (meter, customer, day, dimensions, events, sum)
    select meter, customer, date_trunc('day', hour, 'UTC'), dimensions, sum(events), sum(sum) from hours group by 1, 2, 3, 4 order by 1, 2, 3, 4
    on conflict (world, meter, customer, day, dimensions) do update set events = d.events + excluded.events, sum = d.sum + excluded.sum)
  select count(*)::integer as tallies from taken`;

/** The days of a world, by the rollups of its hours: those of the meters that have tallies. */
export const DAYS_OF_HOURS = `
  select r.meter, r.customer, date_trunc('day', r.hour, 'UTC') as day, r.dimensions, sum(r.events) as events, sum(r.sum) as sum
  from meter_rollups r join meters m on m.id = r.meter and m.event_time_window is null and m.default_aggregation ->> 'formula' in ('sum', 'count', 'unique_count') group by 1, 2, 3, 4`;

/** Adds what is tallied in all worlds; one transaction of a world does it at a time. True where there may be more. */
export async function addTallies({ database: { pool } }: App): Promise<boolean> {
  const worlds = await overAllWorlds(pool, (tx) => rows<{ world: number }>(tx, sql`select distinct world from meter_tallies`));
  let more = false;
  for (const { world } of worlds) {
    const { tallies } = await inWorld(pool, { id: world }, async (tx) => {
      later(tx, sql`select pg_advisory_xact_lock(hashtext('kontor.meter_tallies'), ${world}::integer)`);
      return (await row<{ tallies: number }>(tx, ADD_TALLIES))!;
    });
    more ||= tallies === MOST_TALLIES;
  }
  return more;
}
