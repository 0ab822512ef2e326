/** What events come to by the hour: folded in memory for each batch, and written sorted, so that two batches never wait for each other in a circle. What only adds up comes by way of tallies. */
import type { MeterRow } from '../../billing/catalog.ts';
import type { Instant } from '../../billing/decision.ts';
import { add, compare, formatDecimal, type Decimal } from '../../billing/money.ts';
import { fieldOf, type UsageEvent } from '../../billing/usage.ts';
import { arrayText, later, sql } from '../database/sql.ts';
import type { Tx } from '../database/world.ts';
import { cellOf, cellsOf, decimal, nameOfCell, type Cell } from './cells.ts';
import { seriesOf } from './keys.ts';
import { isLevel, levelOf, LEVELS_TOGETHER, settleLevels, type Level } from './levels.ts';

type Rollup = Cell & { events: number; sum: Decimal; largest: Decimal; last: Decimal; last_at: Instant; last_number: bigint; first_number: bigint };

/** What events come to, by the hour and sorted; whatever order they are given in. */
export function folded(events: readonly UsageEvent[]): [name: string, Rollup][] {
  const rollups = new Map<string, Rollup>();
  for (const event of events) {
    const cell = cellOf(event);
    const name = nameOfCell(cell);
    const value = decimal(event.value!);
    const rollup = rollups.get(name);
    if (!rollup) rollups.set(name, { ...cell, events: 1, sum: value, largest: value, last: value, last_at: event.timestamp, last_number: event.number, first_number: event.number });
    else {
      rollup.events += 1;
      rollup.sum = add(rollup.sum, value);
      if (compare(value, rollup.largest) > 0) rollup.largest = value;
      if (event.number < rollup.first_number) rollup.first_number = event.number;
      // The order of receipt decides between those of the same second.
      if (event.timestamp > rollup.last_at || (event.timestamp === rollup.last_at && event.number > rollup.last_number)) Object.assign(rollup, { last: value, last_at: event.timestamp, last_number: event.number });
    }
  }
  return [...rollups].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** What the events of meters that keep levels come to, by the names of their hours. */
function levelsOf(events: readonly UsageEvent[], meters: ReadonlyMap<string, MeterRow>): Map<string, Level> {
  const levels = new Set([...meters.values()].filter(isLevel).map((meter) => meter.id));
  if (levels.size === 0) return new Map();
  const hours = Map.groupBy(events.filter(({ meter }) => levels.has(meter!)), (event) => nameOfCell(cellOf(event)));
  return new Map([...hours].map(([name, within]) => [name, levelOf(within, cellOf(within[0]!).hour)]));
}

/** Counts new events in their hours, with what the transaction sends next. */
export function fold(tx: Tx, world: number, events: readonly UsageEvent[], meters: ReadonlyMap<string, MeterRow>): void {
  if (events.length === 0) return;
  const levels = levelsOf(events, meters);
  const rollups = folded(events).map(([name, rollup]) => ({ ...rollup, level: levels.get(name) }));
  const numbers = (field: 'hour' | 'events' | 'last_at' | 'last_number' | 'first_number') => arrayText(rollups.map((each) => each[field]));
  const decimals = (field: 'sum' | 'largest' | 'last') => arrayText(rollups.map((each) => formatDecimal(each[field])));
  const isLater = sql`(excluded.last_at, excluded.last_number) > (r.last_at, r.last_number)`;
  later(
    tx,
    sql`insert into meter_rollups as r (meter, customer, hour, dimensions, events, sum, largest, last, last_at, last_number, first_number, first_at, level_seconds)
        select meter, customer, to_timestamp(hour), dimensions, events, sum, largest, last, to_timestamp(last_at), last_number, first_number, to_timestamp(first_at), level_seconds
        from unnest(${arrayText(rollups.map((each) => each.meter))}::text[], ${arrayText(rollups.map((each) => each.customer), true)}::text[], ${numbers('hour')}::bigint[], ${arrayText(rollups.map((each) => each.dimensions), true)}::text[],
          ${numbers('events')}::bigint[], ${decimals('sum')}::numeric[], ${decimals('largest')}::numeric[], ${decimals('last')}::numeric[], ${numbers('last_at')}::bigint[], ${numbers('last_number')}::bigint[], ${numbers('first_number')}::bigint[],
          ${arrayText(rollups.map(({ level }) => level?.first_at ?? null))}::bigint[], ${arrayText(rollups.map(({ level }) => (level ? formatDecimal(level.level_seconds) : null)))}::numeric[])
          as n (meter, customer, hour, dimensions, events, sum, largest, last, last_at, last_number, first_number, first_at, level_seconds)
        on conflict (world, meter, customer, hour, dimensions) do update set
          events = r.events + excluded.events, sum = r.sum + excluded.sum,
          largest = case when r.events = 0 then excluded.largest else greatest(r.largest, excluded.largest) end,
          last = case when r.events = 0 or ${isLater} then excluded.last else r.last end,
          last_at = case when r.events = 0 or ${isLater} then excluded.last_at else r.last_at end,
          last_number = case when r.events = 0 or ${isLater} then excluded.last_number else r.last_number end,
          first_number = least(r.first_number, excluded.first_number),
          first_at = case when r.events = 0 then excluded.first_at else least(r.first_at, excluded.first_at) end, level_seconds = ${LEVELS_TOGETHER}`,
  );
  const leveled = rollups.filter(({ level }) => level !== undefined).map((each) => ({ ...each, series: seriesOf(world, each.meter, '', each.customer) }));
  if (leveled.length > 0) settleLevels(tx, cellsOf(leveled));
}

/** Whether a meter counts different values: how often each came is kept by the hour, beside the hour itself. */
export const isUnique = ({ default_aggregation: { formula } }: MeterRow): boolean => formula === 'unique_count';

/** Counts the values of events of meters that count unique ones, or takes them away, with what the transaction sends next. */
export function foldValues(tx: Tx, events: readonly UsageEvent[], meters: ReadonlyMap<string, MeterRow>, how: 'added' | 'taken'): void {
  const keys = new Map([...meters.values()].filter(isUnique).map((meter) => [meter.id, meter.value_settings.event_payload_key]));
  if (keys.size === 0) return;
  const counted = new Map<string, Cell & { value: string; events: number }>();
  const one = how === 'added' ? 1 : -1;
  for (const event of events) {
    const key = keys.get(event.meter ?? '');
    if (key === undefined) continue;
    const value = fieldOf(event.payload, key)!;
    const cell = cellOf(event);
    const name = `${nameOfCell(cell)}\x1f${value}`;
    const found = counted.get(name);
    if (found) found.events += one;
    else counted.set(name, { ...cell, value, events: one });
  }
  if (counted.size === 0) return;
  const all = [...counted].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
  const texts = (field: 'meter' | 'customer' | 'dimensions' | 'value') => arrayText(all.map((each) => each[field]), true);
  later(
    tx,
    sql`insert into meter_values as v (meter, customer, hour, dimensions, value, events)
        select meter, customer, to_timestamp(hour), dimensions, value, events
        from unnest(${texts('meter')}::text[], ${texts('customer')}::text[], ${arrayText(all.map((each) => each.hour))}::bigint[], ${texts('dimensions')}::text[], ${texts('value')}::text[], ${arrayText(all.map((each) => each.events))}::bigint[])
          as n (meter, customer, hour, dimensions, value, events)
        on conflict (world, meter, customer, hour, dimensions, value) do update set events = v.events + excluded.events`,
  );
}
