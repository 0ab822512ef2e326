/** What is behind usage that was counted: how many events, and when the first and the last of them were. As with what they add up to, that is told by the hour, and the events of whole hours are not read. */
import type { Instant } from '../../billing/decision.ts';
import { instants } from '../database/arrays.ts';
import { arrayText, rows, sql, type Sql } from '../database/sql.ts';
import type { Tx } from '../database/world.ts';
import { COUNTS } from './cells.ts';
import { seriesOf } from './keys.ts';
import { cut, EDGES, hours, relation, TALLIED, worldOf, type Asked } from './spans.ts';

/** `dropped`: some of the events are not kept any more, so that nobody can tell which was the first or the last. */
type Trace = { events: number; first: Instant | null; last: Instant | null; dropped: boolean };

/** The moment of the first or the last event of a series that counts and of which this holds. */
const oneEvent = (condition: Sql, order: Sql): Sql =>
  sql`select e.timestamp from meter_events e where e.series = a.series and e.meter = a.meter and e.customer = a.customer and ${condition} and ${COUNTS} order by ${order} limit 1`;

/** The traces of spans, by key; every asked key has one. */
export async function tracesOf(tx: Tx, asked: readonly Omit<Asked, 'groups' | 'dimensions'>[]): Promise<Map<string, Trace>> {
  if (asked.length === 0) return new Map();
  const spans = asked.map((each) => cut({ ...each, dimensions: undefined, groups: null }));
  const of = relation(await worldOf(tx), spans);
  const within = sql`e.timestamp >= a.start and e.timestamp < a.end`;
  const found = await rows<{ n: number; events: bigint | null; first: Instant | null; last: Instant | null; dropped: boolean }>(
    tx,
    sql`
      with pieces as (
        select a.n, case when r.hour >= a.whole_start and r.hour < a.whole_end then r.events else 0 end as events, r.first_number from ${of} ${hours(sql`r.hour >= date_trunc('hour', a.start, 'UTC') and r.hour < a.end and r.events <> 0`)}
        union all
        select a.n, t.events, t.first_number from ${of} ${TALLIED}
        union all
        select a.n, 1, e.number from ${of} ${EDGES}),
      totals as (select n, sum(events)::bigint as events, min(first_number) < (select meter_events_kept_from()) as dropped from pieces group by n)
      select a.n, t.events, coalesce(t.dropped, false) as dropped, f.timestamp as first, l.timestamp as last
      from ${of} left join totals t on t.n = a.n
      left join lateral (${oneEvent(within, sql`e.timestamp`)}) f on true
      left join lateral (${oneEvent(within, sql`e.timestamp desc`)}) l on true`,
  );
  return new Map(found.map(({ n, events, ...rest }) => [spans[n]!.key, { ...rest, events: Number(events ?? 0) }]));
}

/** The moment of the first usage of each at or after its start, by key; of what has none there is no answer. */
export async function firstUse(tx: Tx, asked: readonly Pick<Asked, 'key' | 'meter' | 'customer' | 'start'>[]): Promise<Map<string, Instant>> {
  if (asked.length === 0) return new Map();
  const world = await worldOf(tx);
  const found = await rows<{ key: string; first: Instant }>(
    tx,
    sql`select a.key, min(e.timestamp) as first
        from unnest(${arrayText(asked.map((each) => each.key), true)}::text[], ${arrayText(asked.map((each) => each.meter), true)}::text[], ${arrayText(asked.map((each) => each.customer), true)}::text[],
          ${arrayText(asked.map((each) => seriesOf(world, each.meter, '', each.customer)))}::bigint[], ${instants(asked.map((each) => each.start))}::timestamptz[]) as a (key, meter, customer, series, start)
        cross join lateral (
          ${oneEvent(sql`e.timestamp >= a.start`, sql`e.timestamp`)}) e
        group by a.key`,
  );
  return new Map(found.map(({ key, first }) => [key, first]));
}
