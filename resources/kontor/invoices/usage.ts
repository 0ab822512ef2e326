/** What meters had counted when lines were billed. Events that came later, or were taken back later, are not on them. */
import type { Usage } from '../../../billing/explain/explanation.ts';
import type { Instant } from '../../../billing/decision.ts';
import type { InvoiceLineRow } from '../../../billing/invoice/invoice.ts';
import { sumOfUsage, totalsOf, usageBehind } from '../../../billing/metering.ts';
import { compare, formatDecimal } from '../../../billing/money.ts';
import type { DimensionTerms } from '../../../billing/pricing/dimensions.ts';
import { arrayText, rows, sql, type Sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';
import { countedByGroup, groupNumber, groupsText, worldOf } from '../../../server/usage/counted.ts';
import { seriesOf } from '../../../server/usage/keys.ts';

/** The usage of a line, by the groups of its price where that has several: when the line was made, and when it was counted for the last time. */
export type Metered = { line: InvoiceLineRow; meter: string; groups: readonly DimensionTerms[] | null; customer: string; made: Instant; counted_at: Instant };

/** All usage of a line, or that of one of its groups. */
type Part = Metered & { group?: number };

const partsOf = (metered: Metered): Part[] => (metered.groups ? Array.from({ length: metered.groups.length + 1 }, (_, group) => ({ ...metered, group })) : [metered]);

/** A point in the order of receipt: after the moment's event of this number. */
type Cut = { at: Instant; number: bigint };

/** Comes after every number. */
const LAST_NUMBER = 2n ** 63n - 1n;

type Counted = Omit<Usage, 'as_of'> & { key: string };

/** The lines, each with its span and what its customer's usage is looked up by, as the relation `a`. */
function lines(world: number, asked: readonly (Part & { cut?: Cut })[]): Sql {
  const numbers = (values: (number | bigint)[]) => sql`${arrayText(values)}::bigint[]`;
  return sql`(select key, meter, customer, series, to_timestamp(first) as start, to_timestamp(past) as end, to_timestamp(made) as made, to_timestamp(cut) as cut, cut_number, groups, "group"
    from unnest(${asked.map((_, n) => n)}::integer[], ${asked.map((each) => each.meter)}::text[], ${asked.map((each) => each.customer)}::text[], ${numbers(asked.map((each) => seriesOf(world, each.meter, '', each.customer)))},
      ${numbers(asked.map((each) => each.line.period_start))}, ${numbers(asked.map((each) => each.line.period_end))}, ${numbers(asked.map((each) => each.made))}, ${numbers(asked.map((each) => each.cut?.at ?? 0))},
      ${numbers(asked.map((each) => each.cut?.number ?? 0n))}, ${arrayText(asked.map(({ group, groups }) => (group === undefined ? null : groupsText(groups!))), true)}::jsonb[], ${arrayText(asked.map((each) => each.group ?? 0))}::integer[])
      as r (key, meter, customer, series, first, past, made, cut, cut_number, groups, "group")) a`;
}

const within = (event: Sql): Sql => sql`${event}.series = a.series and ${event}.meter = a.meter and ${event}.customer = a.customer and ${event}.timestamp >= a.start and ${event}.timestamp < a.end
  and (a.groups is null or ${groupNumber(sql`${event}.dimensions`, sql`a.groups`)} = a."group")`;

/** What was counted at points in the order of receipt, for each that is asked; in one query however many there are. `canceled` counts events that were taken back later, too. */
async function countedAt(tx: Tx, world: number, whole: readonly (Metered & { cut: Cut })[], canceled: boolean): Promise<Usage[]> {
  const parts = whole.map((each) => partsOf(each).map((part) => ({ ...part, cut: each.cut })));
  const found = await countedParts(tx, world, parts.flat(), canceled);
  let from = 0;
  return parts.map((of, n) => together(found.slice(from, (from += of.length)), whole[n]!));
}

/** The parts of a line's usage as one; what was counted of each is kept beside. */
function together(parts: readonly Counted[], { cut, groups }: Metered & { cut: Cut }): Usage {
  const { key: _, ...first } = parts[0]!;
  if (!groups) return { ...first, as_of: cut.at };
  const moments = (field: 'first' | 'last') => parts.flatMap((part) => part[field] ?? []);
  return {
    ...first,
    events: parts.reduce((sum, part) => sum + part.events, 0),
    first: moments('first').length === 0 ? null : Math.min(...moments('first')),
    last: moments('last').length === 0 ? null : Math.max(...moments('last')),
    counted: formatDecimal(sumOfUsage(parts.map((part) => part.counted))),
    groups: parts.map((part) => part.counted),
    as_of: cut.at,
  };
}

/** What was counted of parts, in their order. */
async function countedParts(tx: Tx, world: number, asked: readonly (Part & { cut: Cut })[], canceled: boolean): Promise<Counted[]> {
  const seen = (event: Sql) => sql`${within(event)} and (${event}.created, ${event}.number) <= (a.cut, a.cut_number) and not exists (
    select from meter_event_cancellations c where c.slot = ${event}.slot and c.key = ${event}.key and c.reverted_at is null ${canceled ? sql`and (c.canceled_at, ${event}.number) <= (a.cut, a.cut_number)` : sql``})`;
  const [e, later] = [sql`e`, sql`later`];
  const last_of_window = sql`(m.event_time_window is null or not exists (
    select from meter_events later where ${seen(later)} and later.dimensions = e.dimensions and later.timestamp >= e.timestamp and later.timestamp < date_trunc(m.event_time_window, e.timestamp, 'UTC') + ('1 ' || m.event_time_window)::interval
      and (later.timestamp, later.number) > (e.timestamp, e.number)))`;
  return rows<Counted>(
    tx,
    sql`
      select a.key::text as key, m.id as meter, m.display_name as meter_name, m.default_aggregation ->> 'formula' as formula, m.event_time_window as window, u.events, u.first, u.last,
        trim_scale(coalesce(case m.default_aggregation ->> 'formula'
          when 'sum' then u.total
          when 'count' then u.number
          when 'max' then u.largest
          when 'unique_count' then u.different
          else (select sum(l.value) from (select distinct on (e.dimensions) e.value from meter_events e where ${seen(e)} order by e.dimensions, e.timestamp desc, e.number desc) l)
        end, 0)) as counted
      from ${lines(world, asked)}
      join meters m on m.id = a.meter
      cross join lateral (
        select count(*)::integer as events, min(e.timestamp) as first, max(e.timestamp) as last, sum(e.value) filter (where ${last_of_window}) as total, (count(*) filter (where ${last_of_window}))::numeric as number,
          max(e.value) filter (where ${last_of_window}) as largest, count(distinct e.payload ->> (m.value_settings ->> 'event_payload_key'))::numeric as different
        from meter_events e where ${seen(e)}) u
      order by a.key`,
  );
}

const isLevel = ({ formula }: Usage): boolean => formula === 'latest' || formula === 'weighted_by_time';

/** The usage of lines as it is counted by now; what meters keep as a level cannot be told from the events of one period. */
async function countedNow(tx: Tx, usage: ReadonlyMap<string, Usage>, metered: readonly Metered[]): Promise<void> {
  const levels = metered.filter(({ line }) => isLevel(usage.get(line.id)!));
  const counted = await countedByGroup(tx, levels.map(({ line, meter, customer, groups }) => ({ key: line.id, meter, customer, start: line.period_start, end: line.period_end, groups })));
  for (const [key, used] of counted) Object.assign(usage.get(key)!, { counted: formatDecimal(sumOfUsage(used)), ...(typeof used !== 'string' && { groups: used }) });
}

/** At most so many points of receipt are looked at for a line. */
const MOST_CUTS = 200;

/** When events of these lines came, or were taken back, since the lines were made: by the number of the line, in the order of receipt. */
async function cutsOf(tx: Tx, world: number, asked: readonly Metered[]): Promise<Map<number, Cut[]>> {
  const found = await rows<{ key: number; at: Instant; number: bigint }>(
    tx,
    sql`
      select a.key, c.at, c.number
      from ${lines(world, asked)}
      cross join lateral (
        select change.at, e.number
        from meter_events e left join meter_event_cancellations k on k.slot = e.slot and k.key = e.key and k.reverted_at is null cross join lateral (values (e.created), (k.canceled_at)) change (at)
        where ${within(sql`e`)} and change.at >= a.made
        order by change.at, e.number limit ${MOST_CUTS}) c
      order by a.key, c.at, c.number`,
  );
  return Map.groupBy(found, (each) => each.key);
}

/** A line bills what was counted, and never less than nothing. */
function isBilled({ counted, groups }: Usage, { line }: Metered): boolean {
  const billed = usageBehind(line.quantity_decimal ?? '0', line.metering);
  const [is, was] = [groups ?? [counted], typeof billed === 'string' ? [billed] : billed].map((each) => totalsOf(each, each.length));
  return is!.length === was!.length && is!.every((total, n) => compare(total, was![n]!) === 0);
}

/**
 * The usage of each line, by the line's id, as it was known when the line was counted. Requests and timers of one second have an order that no clock tells, and a timer may run later than its
 * moment: where the events received until then do not come to the line's quantity, the first point of receipt at which they do is taken.
 */
export async function usageOfLines(tx: Tx, metered: readonly Metered[]): Promise<Map<string, Usage>> {
  if (metered.length === 0) return new Map();
  const world = await worldOf(tx);
  const known = await countedAt(tx, world, metered.map((each) => ({ ...each, cut: { at: each.counted_at, number: LAST_NUMBER } })), false);
  const usage = new Map(metered.map((each, n): [string, Usage] => [each.line.id, known[n]!]));
  await countedNow(tx, usage, metered);
  const open = metered.filter((each) => !isLevel(usage.get(each.line.id)!) && !isBilled(usage.get(each.line.id)!, each));
  if (open.length === 0) return usage;
  const cuts = await cutsOf(tx, world, open);
  const tried = open.flatMap((each, n) => [each.counted_at, each.counted_at - 1, each.made, each.made - 1].map((at) => ({ at, number: LAST_NUMBER })).concat(cuts.get(n) ?? []).map((cut) => ({ ...each, cut })));
  for (const [n, counted] of (await countedAt(tx, world, tried, true)).entries()) {
    const { line } = tried[n]!;
    const best = usage.get(line.id)!;
    const first = tried.findIndex((each) => each.line.id === line.id) === n;
    if (first || (!isBilled(best, tried[n]!) && isBilled(counted, tried[n]!))) usage.set(line.id, counted);
  }
  return usage;
}
