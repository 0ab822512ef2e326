/** What usage comes to: whole hours, and days of what adds up, from their rollups, and events only for the parts of hours at the edges of a span. */
import type { Formula, MeterRow } from '../../billing/catalog.ts';
import type { Used } from '../../billing/metering.ts';
import { add, compare, formatDecimal, parseDecimal, ZERO, type Decimal } from '../../billing/money.ts';
import { join, rows, sql, type Sql } from '../database/sql.ts';
import type { Tx } from '../database/world.ts';
import { COUNTS } from './cells.ts';
import { metersOf } from './events.ts';
import { isLevel } from './levels.ts';
import { isUnique } from './rollups.ts';
import { cut, DAYS, EDGES, groupNumber, hours, HOURS_BESIDE, lookedUp, relation, TALLIED, wanted, WHOLE_HOURS, worldOf, type Asked, type Cut } from './spans.ts';
import { addsUp } from './tallies.ts';

/** `group` and `dimensions` are null where all of them are counted together. */
type Counted = { n: number; group: number | null; dimensions: string | null; value: string };

/** What adds up (`addsUp`): days and hours with what is tallied, and events at the edges, for each combination of the dimensions' values. */
function countAdding(world: number, spans: readonly Cut[], formula: 'sum' | 'count'): Sql {
  return sql`
    with pieces as (
      select a.n, p.dimensions, p.events, p.sum from ${relation(world, spans)} ${DAYS}
      union all
      select a.n, p.dimensions, p.events, p.sum from ${relation(world, spans)} ${HOURS_BESIDE}
      union all
      select a.n, t.dimensions, t.events, t.sum from ${relation(world, spans)} ${TALLIED}
      union all
      select a.n, e.dimensions, 1, e.value from ${relation(world, spans)} ${EDGES})
    select n, dimensions, ${formula === 'sum' ? sql`trim_scale(sum(sum))` : sql`sum(events)`} as value from pieces group by n, dimensions having sum(events) <> 0`;
}

/**
 * What the largest or the last value of hours is: `max` and `last`, and whatever comes aggregated, for each combination of the dimensions' values. Of events that come aggregated for an hour or a day (`window`), the last one of
 * that hour or day counts.
 */
function countHours(world: number, spans: readonly Cut[], { default_aggregation: { formula }, event_time_window: window }: MeterRow): Sql {
  const pieces = sql`
    select a.n, r.hour, r.dimensions, r.events, r.sum, r.largest, r.last, r.last_at, r.last_number from ${relation(world, spans)} ${hours(sql`${WHOLE_HOURS} and r.events > 0`)}
    union all
    select a.n, date_trunc('hour', e.timestamp, 'UTC'), e.dimensions, count(*), sum(e.value), max(e.value), (array_agg(e.value order by e.timestamp desc, e.number desc))[1], max(e.timestamp),
      (array_agg(e.number order by e.timestamp desc, e.number desc))[1]
    from ${relation(world, spans)} ${EDGES} group by 1, 2, 3`;
  if (formula === 'last') return sql`select distinct on (n, dimensions) n, dimensions, trim_scale(last) as value from (${pieces}) p order by n, dimensions, last_at desc, last_number desc`;
  const ofDays = window === 'day' ? sql`select distinct on (n, dimensions, date_trunc('day', hour, 'UTC')) p.* from (${pieces}) p order by n, dimensions, date_trunc('day', hour, 'UTC'), last_at desc, last_number desc` : pieces;
  const value = window === null ? { sum: sql`sum(sum)`, count: sql`sum(events)`, max: sql`max(largest)` } : { sum: sql`sum(last)`, count: sql`count(*)::numeric`, max: sql`max(last)` };
  return sql`select n, dimensions, trim_scale(${value[formula as keyof typeof value]}) as value from (${ofDays}) p group by n, dimensions`;
}

/** What different values are counted together of: all of a span, those of each group, or of each combination of the dimensions' values. */
type Together = 'all' | 'groups' | 'dimensions';

const SETS: Record<Together, Sql> = { all: sql`(n)`, groups: sql`(n, "group")`, dimensions: sql`(n, dimensions)` };

/** The different values of the spans. */
function countUnique(world: number, spans: readonly Cut[], together: readonly Together[]): Sql {
  const group = (of: Sql) => (isGrouped(spans) ? groupNumber(sql`${of}.dimensions`, sql`a.groups`) : sql`0`);
  return sql`
    select n, ${together.includes('groups') ? sql`"group"` : sql`null::integer as "group"`}, ${together.includes('dimensions') ? sql`dimensions` : sql`null as dimensions`}, count(distinct value)::text as value from (
      select a.n, ${group(sql`v`)} as "group", v.dimensions, v.value from ${relation(world, spans)}
      ${lookedUp(sql`select v.* from meter_values v where v.meter = a.meter and v.customer = a.customer and v.hour >= a.whole_start and v.hour < a.whole_end and v.events > 0 and ${wanted(sql`v`)}`, sql`v`)}
      union all
      select a.n, ${group(sql`e`)}, e.dimensions, e.payload ->> (m.value_settings ->> 'event_payload_key') from ${relation(world, spans)} join meters m on m.id = a.meter ${EDGES}) u
    group by grouping sets (${join(together.map((each) => SETS[each]), ', ')})`;
}

/** The last value before a moment of each combination of the dimensions' values, by the hours of which all events lie before it. It is looked up for each combination: they may have no value for years. */
function lastBefore(world: number, spans: readonly Cut[], moment: Sql): Sql {
  const of = (dimensions: Sql) => sql`
    select r.dimensions, r.last_at, r.last_number, r.last from meter_rollups r
    where r.meter = a.meter and r.customer = a.customer and r.dimensions = ${dimensions} and r.hour < ${moment} and r.last_at < ${moment} and r.events > 0 and ${wanted(sql`r`)} order by r.hour desc limit 1`;
  const next = (after: Sql) => sql`select r.dimensions from meter_rollups r where r.meter = a.meter and r.customer = a.customer and r.dimensions <> '' and r.dimensions > ${after} order by r.dimensions limit 1`;
  return sql`
    select a.n, a.start, a.end, b.dimensions, b.last_at, b.last_number, b.last from ${relation(world, spans)} join meters m on m.id = a.meter
    cross join lateral (
      select * from (${of(sql`''`)}) r where m.dimensions = '[]'
      union all
      (with recursive combinations as (
        (${next(sql`''`)})
        union all
        select r.dimensions from combinations c cross join lateral (${next(sql`c.dimensions`)}) r)
      select r.* from combinations c cross join lateral (${of(sql`c.dimensions`)}) r where c.dimensions <> '')) b`;
}

/** The events of an hour `h` until the end of the span. */
const EVENTS_OF_HOUR = lookedUp(
  sql`select e.timestamp, e.number, e.value from meter_events e
    where e.series = h.series and e.timestamp >= h.hour and e.timestamp < least(h.hour + interval '1 hour', h.end) and e.meter = h.meter and e.customer = h.customer and e.dimensions = h.dimensions and ${COUNTS}`, sql`e`);

/** The latest values ever: what was once reported stays the latest until something else is. */
function countLatest(world: number, spans: readonly Cut[]): Sql {
  return sql`
    with hours as (
      select a.n, a.series, a.end, r.meter, r.customer, r.hour, r.dimensions from ${relation(world, spans)}
      ${hours(sql`r.hour = date_trunc('hour', a.end, 'UTC') and r.last_at >= a.end and r.events > 0`)}),
    pieces as (
      select n, dimensions, last_at, last_number, last from (${lastBefore(world, spans, sql`a.end`)}) b
      union all
      select h.n, h.dimensions, e.timestamp, e.number, e.value from hours h ${EVENTS_OF_HOUR})
    select n, dimensions, trim_scale((array_agg(last order by last_at desc, last_number desc))[1]) as value from pieces group by n, dimensions`;
}

/**
 * Levels × hours: each value holds from its event until the next one, also from before the span. Exact to twelve decimal places. An hour of which all events lie in the span comes as one piece, from its first event until its
 * end or that of the span; an hour with others event by event. The last value of a piece holds until the next one.
 */
function countWeighted(world: number, spans: readonly Cut[]): Sql {
  return sql`
    with hours as (
      select a.n, a.series, a.start, a.end, r.meter, r.customer, r.hour, r.dimensions, r.first_at, r.last, r.last_number, r.level_seconds, least(r.hour + interval '1 hour', a.end) as until, r.first_at >= a.start and r.last_at < a.end as within
      from ${relation(world, spans)}
      ${hours(sql`r.hour >= date_trunc('hour', a.start, 'UTC') and r.hour < a.end and r.last_at >= a.start and r.events > 0`)}),
    pieces as (
      select n, "end", dimensions, first_at as at, last_number as number, first_at as since, until, level_seconds - last * extract(epoch from hour + interval '1 hour' - until) as level_seconds, last from hours where within
      union all
      select h.n, h.end, h.dimensions, e.timestamp, e.number, greatest(e.timestamp, h.start), greatest(e.timestamp, h.start), 0, e.value from hours h ${EVENTS_OF_HOUR} where not h.within
      union all
      select n, "end", dimensions, last_at, last_number, start, start, 0, last from (${lastBefore(world, spans, sql`a.start`)}) b),
    held as (
      select n, dimensions, level_seconds + last * extract(epoch from lead(since, 1, "end") over (partition by n, dimensions order by at, number) - until) as level_seconds from pieces)
    select n, dimensions, trim_scale(round(sum(level_seconds) / 3600, 12)) as value from held group by n, dimensions`;
}

const isGrouped = (spans: readonly Asked[]): boolean => spans.some((each) => each.groups);

/** What was counted, with the group of each combination. */
function withGroups(world: number, spans: readonly Cut[], found: Sql): Sql {
  if (!isGrouped(spans)) return sql`select 0 as "group", c.* from (${found}) c`;
  return sql`select ${groupNumber(sql`c.dimensions`, sql`a.groups`)} as "group", c.* from (${found}) c join ${relation(world, spans)} on a.n = c.n`;
}

/** What a meter counts in spans, which are of that meter or of others that count in the same way (`wayOf`). */
function queryOf(meter: MeterRow, world: number, spans: readonly Cut[], together: readonly Together[]): Sql {
  const { formula } = meter.default_aggregation;
  if (isUnique(meter)) return countUnique(world, spans, together);
  if (addsUp(meter)) return withGroups(world, spans, countAdding(world, spans, formula === 'sum' ? 'sum' : 'count'));
  if (formula === 'latest') return withGroups(world, spans, countLatest(world, spans));
  return withGroups(world, spans, isLevel(meter) ? countWeighted(world, spans) : countHours(world, spans, meter));
}

const wayOf = ({ default_aggregation: { formula }, event_time_window }: MeterRow): string => `${formula} ${event_time_window}`;

/** What was counted for each of the asked, and of different values what is asked for, by the position of the asked: a query for each way of counting. */
async function counted(tx: Tx, asked: readonly Asked[], together: readonly Together[], known?: readonly MeterRow[]): Promise<(Counted & { formula: Formula })[]> {
  if (asked.length === 0) return [];
  const meters = new Map((known ?? await metersOf(tx, asked.map((each) => each.meter))).map((meter) => [meter.id, meter]));
  const world = await worldOf(tx);
  const ways = Map.groupBy(asked.map((each, n) => ({ n, meter: meters.get(each.meter)!, span: cut(each) })), ({ meter }) => wayOf(meter));
  const answers = await Promise.all([...ways.values()].map(async (spans) => {
    const found = await rows<Counted>(tx, queryOf(spans[0]!.meter, world, spans.map(({ span }) => span), together));
    return found.map((each) => ({ ...each, n: spans[each.n]!.n, formula: spans[each.n]!.meter.default_aggregation.formula }));
  }));
  return answers.flat();
}

/** Values of several combinations as one: added, but for `max` the largest of them. */
function sumOf(found: readonly (Counted & { formula: Formula })[]): Decimal {
  const values = found.map(({ value }) => parseDecimal(value)!);
  if (values.length === 0) return ZERO;
  return values.reduce(found[0]!.formula === 'max' ? (a, b) => (compare(a, b) < 0 ? b : a) : add);
}

/** What was counted, by key and group. */
async function byGroup(tx: Tx, asked: readonly Asked[]): Promise<Map<string, Map<number, Decimal>>> {
  const found = Map.groupBy(await counted(tx, asked, ['groups']), ({ n }) => n);
  return new Map(asked.map(({ key }, n) => [key, groupsIn(found.get(n) ?? [])]));
}

const groupsIn = (found: readonly (Counted & { formula: Formula })[]): Map<number, Decimal> =>
  new Map([...Map.groupBy(found.filter(({ group }) => group !== null), ({ group }) => group!)].map(([group, within]) => [group, sumOf(within)]));

/**
 * What the meters counted, by their formulas, as exact decimals by key; in a few queries however many are asked. Every asked key has an answer. Of events of the same second the one received
 * last is the later one. Values of several combinations of dimensions are added, but for `max`, which is the largest of them, and `unique_count`, which counts a value once.
 */
export async function countedFor(tx: Tx, asked: readonly Omit<Asked, 'groups'>[]): Promise<Map<string, string>> {
  const totals = await byGroup(tx, asked.map((each) => ({ ...each, groups: null })));
  return new Map([...totals].map(([key, groups]) => [key, formatDecimal(groups.get(0) ?? ZERO)]));
}

/** A number for each of the groups that are asked for, in their order and the rest last. */
const numbersOf = (groups: NonNullable<Asked['groups']>, found: ReadonlyMap<number, Decimal>): string[] => Array.from({ length: groups.length + 1 }, (_, n) => formatDecimal(found.get(n) ?? ZERO));

/** As `countedFor`, and for each of the groups that are asked for where there are some. */
export async function countedByGroup(tx: Tx, asked: readonly Asked[]): Promise<Map<string, Used>> {
  const totals = await byGroup(tx, asked);
  return new Map(asked.map(({ key, groups }) => [key, groups ? numbersOf(groups, totals.get(key)!) : formatDecimal(totals.get(key)!.get(0) ?? ZERO)]));
}

type Apart = { dimensions: string; value: string }[];

const apartIn = (found: readonly Counted[]): Apart => found.flatMap(({ dimensions, value }) => (dimensions === null ? [] : [{ dimensions, value }])).sort((a, b) => (a.dimensions < b.dimensions ? -1 : 1));

/** As `countedFor`, apart for each combination of the dimensions' values: JSON with sorted keys, or `''` for a meter without dimensions. */
export async function countedApart(tx: Tx, asked: readonly Omit<Asked, 'groups'>[]): Promise<Map<string, Apart>> {
  const found = Map.groupBy(await counted(tx, asked, ['dimensions']), ({ n }) => n);
  return new Map(asked.map(({ key }, n) => [key, apartIn(found.get(n) ?? [])]));
}

/** What `countedFor`, `countedByGroup` and `countedApart` say, from one look; `groups` is null where none are asked for. `meters` are those of the asked. */
export async function countedInFull(tx: Tx, asked: readonly Asked[], meters: readonly MeterRow[]): Promise<Map<string, { value: string; groups: string[] | null; apart: Apart }>> {
  const all = Map.groupBy(await counted(tx, asked, ['all', 'groups', 'dimensions'], meters), ({ n }) => n);
  return new Map(asked.map(({ key, groups }, n) => {
    const found = all.get(n) ?? [];
    // Different values are counted once in all; everything else is what its combinations come to.
    const whole = found.filter((each) => each.group === null && each.dimensions === null);
    return [key, { value: formatDecimal(sumOf(whole.length > 0 ? whole : found)), groups: groups ? numbersOf(groups, groupsIn(found)) : null, apart: apartIn(found) }];
  }));
}

/** Nobody is owed money for having used less than nothing. */
const least = (value: string): string => (value.startsWith('-') ? '0' : value);

/** Quantities by key: as `countedFor`, and never less than 0. */
export async function usageOf(tx: Tx, asked: readonly Omit<Asked, 'groups'>[]): Promise<Map<string, string>> {
  return new Map([...(await countedFor(tx, asked))].map(([key, value]) => [key, least(value)]));
}

/** The quantities to be billed, by key: as `countedByGroup`, and never less than 0. */
export async function usageByGroup(tx: Tx, asked: readonly Asked[]): Promise<Map<string, Used>> {
  return new Map([...(await countedByGroup(tx, asked))].map(([key, used]) => [key, typeof used === 'string' ? least(used) : used.map(least)]));
}
