/** Spans of a customer's usage, cut at whole hours and days: what lies between is in the rollups of these, and only the parts of hours at their edges are looked up among the events. */
import type { Instant } from '../../billing/decision.ts';
import type { DimensionTerms } from '../../billing/pricing/dimensions.ts';
import { instants } from '../database/arrays.ts';
import { arrayText, row, sql, type Sql } from '../database/sql.ts';
import type { Tx } from '../database/world.ts';
import { COUNTS, DAY_S, HOUR_S } from './cells.ts';
import { seriesOf } from './keys.ts';

/**
 * A customer's usage of a meter in the half-open `[start, end)`; `key` names the answer. `dimensions` asks for what has these values of them only, `groups` for what falls into each of these groups of
 * values apart (`groupOf` of billing/pricing/dimensions.ts), and for the rest.
 */
export type Asked = { meter: string; customer: string; start: Instant; end: Instant; key: string; dimensions?: Record<string, string>; groups?: readonly Pick<DimensionTerms, 'dimensions'>[] | null };

/** A span, cut at whole hours and at whole days (UTC): what lies between two inner bounds is whole. */
export type Cut = Asked & { whole_start: Instant; day_start: Instant; day_end: Instant; whole_end: Instant };

/** The bounds between which lie whole hours, or days; both are the end where there is none. */
function bounds(start: Instant, end: Instant, length: number): [Instant, Instant] {
  const [up, down] = [Math.ceil(start / length) * length, Math.floor(end / length) * length];
  return up <= down ? [up, down] : [end, end];
}

export function cut(asked: Asked): Cut {
  const [whole_start, whole_end] = bounds(asked.start, asked.end, HOUR_S);
  const [day_start, day_end] = bounds(whole_start, whole_end, DAY_S);
  return { ...asked, whole_start, day_start, day_end, whole_end };
}

/** The spans as the relation `a`. */
export function relation(world: number, spans: readonly Cut[]): Sql {
  const moments = (field: 'start' | 'whole_start' | 'day_start' | 'day_end' | 'whole_end' | 'end') => sql`${instants(spans.map((each) => each[field]))}::timestamptz[]`;
  return sql`unnest(${arrayText(spans.map((_, n) => n))}::integer[], ${arrayText(spans.map((each) => each.meter), true)}::text[], ${arrayText(spans.map((each) => each.customer), true)}::text[],
      ${arrayText(spans.map((each) => seriesOf(world, each.meter, '', each.customer)))}::bigint[], ${moments('start')}, ${moments('whole_start')}, ${moments('day_start')}, ${moments('day_end')}, ${moments('whole_end')}, ${moments('end')},
      ${arrayText(spans.map((each) => (each.dimensions ? JSON.stringify(each.dimensions) : null)), true)}::jsonb[], ${arrayText(spans.map(({ groups }) => (groups ? groupsText(groups) : null)), true)}::jsonb[])
      as a (n, meter, customer, series, start, whole_start, day_start, day_end, whole_end, "end", filter, groups)`;
}

/** Groups as `groupNumber` reads them. */
export const groupsText = (groups: readonly Pick<DimensionTerms, 'dimensions'>[]): string => JSON.stringify(groups.map((each) => each.dimensions));

/** The number of the group of `groups` into which values of dimensions fall: that of the first one whose values they are, or else of the rest; 0 where there are no groups. */
export const groupNumber = (dimensions: Sql, groups: Sql): Sql => sql`coalesce(
  (select min(g.n)::integer - 1 from jsonb_array_elements(${groups}) with ordinality g (wanted, n) where not exists (select from jsonb_each(g.wanted) w where ((nullif(${dimensions}, '')::jsonb ->> w.key) = any(array(select jsonb_array_elements_text(w.value)))) is not true)),
  jsonb_array_length(${groups}), 0)`;

/** Whether a row of the relation `of` has the dimensions' values that are asked for. */
export const wanted = (of: Sql): Sql => sql`(a.filter is null or nullif(${of}.dimensions, '')::jsonb @> a.filter)`;

/**
 * Rows of a customer's span, looked up by their index for each of the spans. `offset 0` keeps it so: PostgreSQL plans without knowing whose usage is asked for, and would otherwise read all that a customer, or a world, has ever had
 * and throw away what is not of the span.
 */
export const lookedUp = (found: Sql, as: Sql): Sql => sql`cross join lateral (${found} offset 0) ${as}`;

/** The rollups `r` of the hours that `within` says. */
export const hours = (within: Sql): Sql => lookedUp(sql`select r.* from meter_rollups r where r.meter = a.meter and r.customer = a.customer and ${within} and ${wanted(sql`r`)}`, sql`r`);

export const WHOLE_HOURS = sql`r.hour >= a.whole_start and r.hour < a.whole_end`;

/** The whole days of what adds up (`addsUp`), and the whole hours beside them. */
export const DAYS = lookedUp(sql`select d.dimensions, d.events, d.sum from meter_days d where d.meter = a.meter and d.customer = a.customer and d.day >= a.day_start and d.day < a.day_end and ${wanted(sql`d`)}`, sql`p`);
export const HOURS_BESIDE = sql`cross join lateral (values (a.whole_start, a.day_start), (a.day_end, a.whole_end)) w (lo, hi) ${lookedUp(
  sql`select r.dimensions, r.events, r.sum from meter_rollups r where w.lo < w.hi and r.meter = a.meter and r.customer = a.customer and r.hour >= w.lo and r.hour < w.hi and ${wanted(sql`r`)}`, sql`p`)}`;

/** What is tallied of the whole hours and not in the rollups yet. */
export const TALLIED = sql`join tallied_hours() t on t.meter = a.meter and t.customer = a.customer and t.hour >= a.whole_start and t.hour < a.whole_end and ${wanted(sql`t`)}`;

/** The events at the edges of the spans, joined to them. */
export const EDGES = sql`cross join lateral (values (a.start, a.whole_start), (a.whole_end, a.end)) w (lo, hi) ${lookedUp(
  sql`select e.* from meter_events e where w.lo < w.hi and e.series = a.series and e.timestamp >= w.lo and e.timestamp < w.hi and e.meter = a.meter and e.customer = a.customer and ${COUNTS} and ${wanted(sql`e`)}`, sql`e`)}`;

/** The number of the transaction's world. */
export async function worldOf(tx: Tx): Promise<number> {
  return (await row<{ id: number }>(tx, sql`select kontor_world() as id`))!.id;
}
