/** What usage comes to: whole hours from their rollups, and events only for the parts of hours at the edges of a span. */
import type { Formula, MeterRow } from '../../billing/catalog.ts';
import type { Instant } from '../../billing/decision.ts';
import type { Used } from '../../billing/metering.ts';
import { add, compare, formatDecimal, parseDecimal, ZERO, type Decimal } from '../../billing/money.ts';
import type { DimensionTerms } from '../../billing/pricing/dimensions.ts';
import { arrayText, join, row, rows, sql, type Sql } from '../database/sql.ts';
import type { Tx } from '../database/world.ts';
import { COUNTS, HOUR_S } from './cells.ts';
import { metersOf } from './events.ts';
import { seriesOf } from './keys.ts';
import { isLevel } from './levels.ts';
import { isUnique } from './rollups.ts';
import { addsUp } from './tallies.ts';

/**
 * A customer's usage of a meter in the half-open `[start, end)`; `key` names the answer. `dimensions` asks for what has these values of them only, `groups` for what falls into each of these groups of
 * values apart (`groupOf` of billing/pricing/dimensions.ts), and for the rest.
 */
export type Asked = { meter: string; customer: string; start: Instant; end: Instant; key: string; dimensions?: Record<string, string>; groups?: readonly Pick<DimensionTerms, 'dimensions'>[] | null };

/** A span, cut at whole hours: what lies between the two inner bounds is whole. */
type Cut = Asked & { whole_start: Instant; whole_end: Instant };

function cut(asked: Asked): Cut {
  const [up, down] = [Math.ceil(asked.start / HOUR_S) * HOUR_S, Math.floor(asked.end / HOUR_S) * HOUR_S];
  return up <= down ? { ...asked, whole_start: up, whole_end: down } : { ...asked, whole_start: asked.end, whole_end: asked.end };
}

/** The spans as the relation `a`. */
function relation(world: number, spans: readonly Cut[]): Sql {
  const numbers = (field: 'start' | 'whole_start' | 'whole_end' | 'end') => arrayText(spans.map((each) => each[field]));
  return sql`(select n, meter, customer, series, to_timestamp(first) as start, to_timestamp(whole_start) as whole_start, to_timestamp(whole_end) as whole_end, to_timestamp(past) as end, filter, groups
    from unnest(${arrayText(spans.map((_, n) => n))}::integer[], ${arrayText(spans.map((each) => each.meter), true)}::text[], ${arrayText(spans.map((each) => each.customer), true)}::text[],
      ${arrayText(spans.map((each) => seriesOf(world, each.meter, '', each.customer)))}::bigint[], ${numbers('start')}::bigint[], ${numbers('whole_start')}::bigint[], ${numbers('whole_end')}::bigint[], ${numbers('end')}::bigint[],
      ${arrayText(spans.map((each) => (each.dimensions ? JSON.stringify(each.dimensions) : null)), true)}::jsonb[], ${arrayText(spans.map(({ groups }) => (groups ? groupsText(groups) : null)), true)}::jsonb[])
      as r (n, meter, customer, series, first, whole_start, whole_end, past, filter, groups)) a`;
}

/** Groups as `groupNumber` reads them. */
export const groupsText = (groups: readonly Pick<DimensionTerms, 'dimensions'>[]): string => JSON.stringify(groups.map((each) => each.dimensions));

/** The number of the group of `groups` into which values of dimensions fall: that of the first one whose values they are, or else of the rest; 0 where there are no groups. */
export const groupNumber = (dimensions: Sql, groups: Sql): Sql => sql`coalesce(
  (select min(g.n)::integer - 1 from jsonb_array_elements(${groups}) with ordinality g (wanted, n) where not exists (select from jsonb_each(g.wanted) w where ((nullif(${dimensions}, '')::jsonb ->> w.key) = any(array(select jsonb_array_elements_text(w.value)))) is not true)),
  jsonb_array_length(${groups}), 0)`;

/** Whether a row of the relation `of` has the dimensions' values that are asked for. */
const wanted = (of: Sql): Sql => sql`(a.filter is null or nullif(${of}.dimensions, '')::jsonb @> a.filter)`;

/**
 * Rows of a customer's span, looked up by their index for each of the spans. `offset 0` keeps it so: PostgreSQL plans without knowing whose usage is asked for, and would otherwise read all that a customer, or a world, has ever had
 * and throw away what is not of the span.
 */
const lookedUp = (found: Sql, as: Sql): Sql => sql`cross join lateral (${found} offset 0) ${as}`;

/** The rollups `r` of the hours that `within` says. */
const hours = (within: Sql): Sql => lookedUp(sql`select r.* from meter_rollups r where r.meter = a.meter and r.customer = a.customer and ${within} and ${wanted(sql`r`)}`, sql`r`);

const WHOLE_HOURS = sql`r.hour >= a.whole_start and r.hour < a.whole_end`;

/** The events at the edges of the spans, joined to them. */
const EDGES = sql`cross join lateral (values (a.start, a.whole_start), (a.whole_end, a.end)) w (lo, hi) ${lookedUp(
  sql`select e.* from meter_events e where w.lo < w.hi and e.series = a.series and e.timestamp >= w.lo and e.timestamp < w.hi and e.meter = a.meter and e.customer = a.customer and ${COUNTS} and ${wanted(sql`e`)}`, sql`e`)}`;

/** The number of the transaction's world. */
export async function worldOf(tx: Tx): Promise<number> {
  return (await row<{ id: number }>(tx, sql`select kontor_world() as id`))!.id;
}

/** The moment of the first usage of each at or after its start, by key; of what has none there is no answer. */
export async function firstUse(tx: Tx, asked: readonly Pick<Asked, 'key' | 'meter' | 'customer' | 'start'>[]): Promise<Map<string, Instant>> {
  if (asked.length === 0) return new Map();
  const world = await worldOf(tx);
  const found = await rows<{ key: string; first: Instant }>(
    tx,
    sql`select a.key, min(e.timestamp) as first
        from unnest(${arrayText(asked.map((each) => each.key), true)}::text[], ${arrayText(asked.map((each) => each.meter), true)}::text[], ${arrayText(asked.map((each) => each.customer), true)}::text[],
          ${arrayText(asked.map((each) => seriesOf(world, each.meter, '', each.customer)))}::bigint[], ${arrayText(asked.map((each) => each.start))}::bigint[]) as a (key, meter, customer, series, start)
        cross join lateral (
          select e.timestamp from meter_events e where e.series = a.series and e.meter = a.meter and e.customer = a.customer and e.timestamp >= to_timestamp(a.start) and ${COUNTS} order by e.timestamp limit 1) e
        group by a.key`,
  );
  return new Map(found.map(({ key, first }) => [key, first]));
}

/** `group` and `dimensions` are null where all of them are counted together. */
type Counted = { n: number; group: number | null; dimensions: string | null; value: string };

/** What adds up (`addsUp`): hours with what is tallied, and events at the edges, for each combination of the dimensions' values. */
function countAdding(world: number, spans: readonly Cut[], formula: 'sum' | 'count'): Sql {
  return sql`
    with pieces as (
      select a.n, r.dimensions, r.events, r.sum from ${relation(world, spans)} ${hours(WHOLE_HOURS)}
      union all
      select a.n, t.dimensions, t.events, t.sum from ${relation(world, spans)} join tallied_hours() t on t.meter = a.meter and t.customer = a.customer and t.hour >= a.whole_start and t.hour < a.whole_end and ${wanted(sql`t`)}
      union all
      select a.n, e.dimensions, 1, e.value from ${relation(world, spans)} ${EDGES})
    select n, dimensions, ${formula === 'sum' ? sql`trim_scale(sum(sum))` : sql`sum(events)`} as value from pieces group by n, dimensions having sum(events) <> 0`;
}

/** What the largest or the last value of hours is: `max` and `last`, and whatever comes aggregated, for each combination of the dimensions' values. */
function countHours(world: number, spans: readonly Cut[]): Sql {
  return sql`
    with pieces as (
      select a.n, r.meter, r.hour, r.dimensions, r.events, r.sum, r.largest, r.last, r.last_at, r.last_number
      from ${relation(world, spans)} ${hours(sql`${WHOLE_HOURS} and r.events > 0`)}
      union all
      select a.n, e.meter, date_trunc('hour', e.timestamp, 'UTC'), e.dimensions, count(*), sum(e.value), max(e.value), (array_agg(e.value order by e.timestamp desc, e.number desc))[1], max(e.timestamp),
        (array_agg(e.number order by e.timestamp desc, e.number desc))[1]
      from ${relation(world, spans)} ${EDGES} group by 1, 2, 3, 4),
    -- Of events that come aggregated for an hour or a day, the last one of that hour or day counts.
    windows as (
      select p.n, p.meter, p.dimensions, p.events, p.sum, p.largest, p.last, p.last_at, p.last_number from pieces p join meters m on m.id = p.meter where m.event_time_window is null
      union all
      (select distinct on (p.n, p.dimensions, date_trunc(m.event_time_window, p.hour, 'UTC')) p.n, p.meter, p.dimensions, 1, p.last, p.last, p.last, p.last_at, p.last_number
       from pieces p join meters m on m.id = p.meter where m.event_time_window is not null order by p.n, p.dimensions, date_trunc(m.event_time_window, p.hour, 'UTC'), p.last_at desc, p.last_number desc))
    select w.n, w.dimensions, trim_scale(case m.default_aggregation ->> 'formula'
      when 'sum' then sum(w.sum) when 'count' then sum(w.events) when 'max' then max(w.largest) else (array_agg(w.last order by w.last_at desc, w.last_number desc))[1] end) as value
    from windows w join meters m on m.id = w.meter group by w.n, w.dimensions, m.default_aggregation`;
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

/** The last value before a moment of each combination of the dimensions' values, by the hours of which all events lie before it. Where there is one combination only, the last hour has it. */
const lastBefore = (world: number, spans: readonly Cut[], moment: Sql): Sql => sql`
  select distinct on (a.n, b.dimensions) a.n, a.start, a.end, b.dimensions, b.last_at, b.last_number, b.last from ${relation(world, spans)} join meters m on m.id = a.meter
  cross join lateral (
    select r.hour, r.dimensions, r.last_at, r.last_number, r.last from meter_rollups r where r.meter = a.meter and r.customer = a.customer and r.hour < ${moment} and r.last_at < ${moment} and r.events > 0 and ${wanted(sql`r`)}
    order by r.hour desc limit case when m.dimensions = '[]' then 1 end) b
  order by a.n, b.dimensions, b.hour desc`;

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

type Query = (world: number, spans: readonly Cut[], together: readonly Together[]) => Sql;

const QUERIES = {
  sums: (world, spans) => withGroups(world, spans, countAdding(world, spans, 'sum')),
  counts: (world, spans) => withGroups(world, spans, countAdding(world, spans, 'count')),
  hours: (world, spans) => withGroups(world, spans, countHours(world, spans)),
  unique: countUnique,
  latest: (world, spans) => withGroups(world, spans, countLatest(world, spans)),
  weighted: (world, spans) => withGroups(world, spans, countWeighted(world, spans)),
} satisfies Record<string, Query>;

function queryOf(meter: MeterRow): Query {
  const { formula } = meter.default_aggregation;
  if (addsUp(meter)) return formula === 'sum' ? QUERIES.sums : QUERIES.counts;
  if (isUnique(meter)) return QUERIES.unique;
  return formula === 'latest' ? QUERIES.latest : isLevel(meter) ? QUERIES.weighted : QUERIES.hours;
}

/** What was counted for each of the asked, and of different values what is asked for, by the position of the asked: a query for each way of counting. */
async function counted(tx: Tx, asked: readonly Asked[], together: readonly Together[], known?: readonly MeterRow[]): Promise<(Counted & { formula: Formula })[]> {
  if (asked.length === 0) return [];
  const meters = new Map((known ?? await metersOf(tx, asked.map((each) => each.meter))).map((meter) => [meter.id, meter]));
  const world = await worldOf(tx);
  const queries = Map.groupBy(asked.map((each, n) => ({ n, meter: meters.get(each.meter)!, span: cut(each) })), ({ meter }) => queryOf(meter));
  const answers = await Promise.all([...queries].map(async ([query, spans]) => {
    const found = await rows<Counted>(tx, query(world, spans.map(({ span }) => span), together));
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
