/** What usage comes to: whole hours from their rollups, and events only for the parts of hours at the edges of a span. */
import type { Formula } from '../../billing/catalog.ts';
import type { Instant } from '../../billing/decision.ts';
import { add, compare, formatDecimal, parseDecimal, ZERO, type Decimal } from '../../billing/money.ts';
import { arrayText, row, rows, sql, type Sql } from '../database/sql.ts';
import type { Tx } from '../database/world.ts';
import { metersOf } from './events.ts';
import { seriesOf } from './keys.ts';
import { COUNTS } from './rollups.ts';

/** A customer's usage of a meter in the half-open `[start, end)`; `key` names the answer. `dimensions` asks for what has these values of them only. */
export type Asked = { meter: string; customer: string; start: Instant; end: Instant; key: string; dimensions?: Record<string, string> };

/** A span, cut at whole hours: what lies between the two inner bounds is whole. */
type Cut = Asked & { first: Instant; whole_start: Instant; whole_end: Instant };

const HOUR = 3_600;

function cut(asked: Asked, formula: Formula): Cut {
  // What was once reported stays the latest until something else is.
  const start = formula === 'latest' ? 0 : asked.start;
  const [up, down] = [Math.ceil(start / HOUR) * HOUR, Math.floor(asked.end / HOUR) * HOUR];
  return up <= down ? { ...asked, first: start, whole_start: up, whole_end: down } : { ...asked, first: start, whole_start: asked.end, whole_end: asked.end };
}

/** The spans as the relation `a`. */
function relation(world: number, spans: readonly Cut[]): Sql {
  const numbers = (field: 'first' | 'whole_start' | 'whole_end' | 'end') => arrayText(spans.map((each) => each[field]));
  return sql`(select n, meter, customer, series, to_timestamp(first) as start, to_timestamp(whole_start) as whole_start, to_timestamp(whole_end) as whole_end, to_timestamp(past) as end, filter
    from unnest(${arrayText(spans.map((_, n) => n))}::integer[], ${arrayText(spans.map((each) => each.meter), true)}::text[], ${arrayText(spans.map((each) => each.customer), true)}::text[],
      ${arrayText(spans.map((each) => seriesOf(world, each.meter, '', each.customer)))}::bigint[], ${numbers('first')}::bigint[], ${numbers('whole_start')}::bigint[], ${numbers('whole_end')}::bigint[], ${numbers('end')}::bigint[],
      ${arrayText(spans.map((each) => (each.dimensions ? JSON.stringify(each.dimensions) : null)), true)}::jsonb[]) as r (n, meter, customer, series, first, whole_start, whole_end, past, filter)) a`;
}

/** Whether a row of the relation `of` has the dimensions' values that are asked for. */
const wanted = (of: Sql): Sql => sql`(a.filter is null or nullif(${of}.dimensions, '')::jsonb @> a.filter)`;

/** The events at the edges of the spans, joined to them. */
const EDGES = sql`cross join lateral (values (a.start, a.whole_start), (a.whole_end, a.end)) w (lo, hi)
  join meter_events e on w.lo < w.hi and e.series = a.series and e.timestamp >= w.lo and e.timestamp < w.hi and e.meter = a.meter and e.customer = a.customer and ${COUNTS} and ${wanted(sql`e`)}`;

/** The number of the transaction's world. */
export async function worldOf(tx: Tx): Promise<number> {
  return (await row<{ id: number }>(tx, sql`select kontor_world() as id`))!.id;
}

type Counted = { n: number; dimensions: string; value: string };

/** What is added up of hours: `count`, `sum`, `max`, `last` and `latest`, for each combination of the dimensions' values. */
function countHours(world: number, spans: readonly Cut[]): Sql {
  return sql`
    with pieces as (
      select a.n, r.meter, r.hour, r.dimensions, r.events, r.sum, r.largest, r.last, r.last_at, r.last_number
      from ${relation(world, spans)} join meter_rollups r on r.meter = a.meter and r.customer = a.customer and r.hour >= a.whole_start and r.hour < a.whole_end and r.events > 0 and ${wanted(sql`r`)}
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

/** The different values of the spans; where the dimensions do not matter, of all their combinations together. */
function countUnique(world: number, spans: readonly Cut[], apart: boolean): Sql {
  return sql`
    select n, ${apart ? sql`dimensions` : sql`'' as dimensions`}, count(distinct value)::text as value from (
      select a.n, v.dimensions, v.value from ${relation(world, spans)} join meter_values v on v.meter = a.meter and v.customer = a.customer and v.hour >= a.whole_start and v.hour < a.whole_end and v.events > 0 and ${wanted(sql`v`)}
      union all
      select a.n, e.dimensions, e.payload ->> (m.value_settings ->> 'event_payload_key') from ${relation(world, spans)} join meters m on m.id = a.meter ${EDGES}) u
    group by 1, 2`;
}

/** Levels × hours: each value holds from its event until the next one, also from before the span. Exact to twelve decimal places. */
function countWeighted(world: number, spans: readonly Cut[]): Sql {
  return sql`
    with levels as (
      select a.n, a.start, a.end, e.dimensions, greatest(e.timestamp, a.start) as since, e.timestamp, e.number, e.value from ${relation(world, spans)}
        join meter_events e on e.series = a.series and e.timestamp >= date_trunc('hour', a.start, 'UTC') and e.timestamp < a.end and e.meter = a.meter and e.customer = a.customer and ${COUNTS} and ${wanted(sql`e`)}
      union all
      (select distinct on (a.n, r.dimensions) a.n, a.start, a.end, r.dimensions, a.start, r.last_at, r.last_number, r.last from ${relation(world, spans)}
        join meter_rollups r on r.meter = a.meter and r.customer = a.customer and r.hour < date_trunc('hour', a.start, 'UTC') and r.events > 0 and ${wanted(sql`r`)}
        order by a.n, r.dimensions, r.hour desc)),
    held as (
      select n, dimensions, value, extract(epoch from lead(since, 1, levels.end) over (partition by n, dimensions order by timestamp, number) - since) as seconds from levels)
    select n, dimensions, trim_scale(round(sum(value * seconds) / 3600, 12)) as value from held group by n, dimensions`;
}

/** What was counted for each of the asked and each combination of the dimensions' values, by the position of the asked. */
async function counted(tx: Tx, asked: readonly Asked[], apart: boolean): Promise<(Counted & { formula: Formula })[]> {
  const meters = new Map((await metersOf(tx, asked.map((each) => each.meter))).map((meter) => [meter.id, meter.default_aggregation.formula]));
  const world = await worldOf(tx);
  const kinds = Map.groupBy(asked.map((each, n) => ({ n, formula: meters.get(each.meter)!, span: cut(each, meters.get(each.meter)!) })), ({ formula }) => (formula === 'unique_count' || formula === 'weighted_by_time' ? formula : 'hours'));
  const answers = await Promise.all([...kinds].map(async ([kind, spans]) => {
    const cuts = spans.map(({ span }) => span);
    const found = await rows<Counted>(tx, kind === 'hours' ? countHours(world, cuts) : kind === 'unique_count' ? countUnique(world, cuts, apart) : countWeighted(world, cuts));
    return found.map((each) => ({ ...each, n: spans[each.n]!.n, formula: spans[each.n]!.formula }));
  }));
  return answers.flat();
}

/**
 * What the meters counted, by their formulas, as exact decimals by key; in a few queries however many are asked. Every asked key has an answer. Of events of the same second the one received
 * last is the later one. Values of several combinations of dimensions are added, but for `max`, which is the largest of them, and `unique_count`, which counts a value once.
 */
export async function countedFor(tx: Tx, asked: readonly Asked[]): Promise<Map<string, string>> {
  const totals = new Map<string, Decimal>();
  for (const { n, value, formula } of asked.length === 0 ? [] : await counted(tx, asked, false)) {
    const key = asked[n]!.key;
    const [before, decimal] = [totals.get(key), parseDecimal(value)!];
    totals.set(key, before === undefined || (formula === 'max' && compare(decimal, before) > 0) ? decimal : formula === 'max' ? before : add(before, decimal));
  }
  return new Map(asked.map(({ key }) => [key, formatDecimal(totals.get(key) ?? ZERO)]));
}

/** As `countedFor`, apart for each combination of the dimensions' values: JSON with sorted keys, or `''` for a meter without dimensions. */
export async function countedApart(tx: Tx, asked: readonly Asked[]): Promise<Map<string, { dimensions: string; value: string }[]>> {
  const found = asked.length === 0 ? [] : await counted(tx, asked, true);
  const apart = Map.groupBy(found, ({ n }) => asked[n]!.key);
  return new Map(asked.map(({ key }) => [key, (apart.get(key) ?? []).map(({ dimensions, value }) => ({ dimensions, value })).sort((a, b) => (a.dimensions < b.dimensions ? -1 : 1))]));
}

/**
 * The quantities to be billed, by key: as `countedFor`, and never less than 0, since nobody is owed money for having used less than nothing.
 * Every asked key has an answer.
 */
export async function usageOf(tx: Tx, asked: readonly Asked[]): Promise<Map<string, string>> {
  const counted = await countedFor(tx, asked);
  return new Map([...counted].map(([key, value]) => [key, value.startsWith('-') ? '0' : value]));
}
