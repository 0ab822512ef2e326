/** What meters had counted when lines were billed. Events that came later, or were taken back later, are not on them. */
import type { Usage } from '../../../billing/explain/explanation.ts';
import type { Instant } from '../../../billing/decision.ts';
import type { InvoiceLineRow } from '../../../billing/invoice/invoice.ts';
import { sumOfUsage, totalsOf, usageBehind, type Used } from '../../../billing/metering.ts';
import { add, compare, formatDecimal, parseDecimal, subtract } from '../../../billing/money.ts';
import type { DimensionTerms } from '../../../billing/pricing/dimensions.ts';
import { arrayText, rows, sql, type Sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';
import { countedByGroup } from '../../../server/usage/counted.ts';
import { metersOf } from '../../../server/usage/events.ts';
import { seriesOf } from '../../../server/usage/keys.ts';
import { groupNumber, groupsText, worldOf } from '../../../server/usage/spans.ts';
import { tracesOf } from '../../../server/usage/traces.ts';
import { earlierOf } from '../invoice_corrections/rows.ts';

/** The usage of a line, by the groups of its price where that has several: when the line was made, and when it was counted for the last time. Of a line as it was corrected, `corrects` is the one that was billed. */
export type Metered = { line: InvoiceLineRow; meter: string; groups: readonly DimensionTerms[] | null; customer: string; made: Instant; counted_at: Instant; corrects?: string };

/** All usage of a line, or that of one of its groups. */
type Part = Metered & { group?: number };

const partsOf = (metered: Metered): Part[] => (metered.groups ? Array.from({ length: metered.groups.length + 1 }, (_, group) => ({ ...metered, group })) : [metered]);

/** A point in the order of receipt: after what has this number in the moment's second, be it an event that came, or one that was taken back or put back. */
type Cut = { at: Instant; number: bigint };

const decimalOf = (text: string) => parseDecimal(text)!;

/** Comes after every number. */
const LAST_NUMBER = 2n ** 63n - 1n;

type Counted = Omit<Usage, 'as_of' | 'events_url'> & { key: string };

const eventsUrl = ({ meter, customer, line }: Metered): string => `/v1/kontor/usage/events?${new URLSearchParams({ customer, meter, start_time: String(line.period_start), end_time: String(line.period_end) })}`;

/** The lines, each with its span and what its customer's usage is looked up by, as the relation `a`. */
function lines(world: number, asked: readonly (Part & { cut?: Cut })[]): Sql {
  const numbers = (values: (number | bigint)[]) => sql`${arrayText(values)}::bigint[]`;
  return sql`(select key, meter, customer, series, to_timestamp(first) as start, to_timestamp(past) as end, to_timestamp(made) as made, to_timestamp(cut) as cut, cut_number, groups, "group"
    from unnest(${asked.map((_, n) => n)}::integer[], ${asked.map((each) => each.meter)}::text[], ${asked.map((each) => each.customer)}::text[], ${numbers(asked.map((each) => seriesOf(world, each.meter, '', each.customer)))},
      ${numbers(asked.map((each) => each.line.period_start))}, ${numbers(asked.map((each) => each.line.period_end))}, ${numbers(asked.map((each) => each.made))}, ${numbers(asked.map((each) => each.cut?.at ?? 0))},
      ${numbers(asked.map((each) => each.cut?.number ?? 0n))}, ${arrayText(asked.map(({ group, groups }) => (group === undefined ? null : groupsText(groups!))), true)}::jsonb[], ${arrayText(asked.map((each) => each.group ?? 0))}::integer[])
      as r (key, meter, customer, series, first, past, made, cut, cut_number, groups, "group")) a`;
}

const inGroup = (of: Sql): Sql => sql`(a.groups is null or ${groupNumber(sql`${of}.dimensions`, sql`a.groups`)} = a."group")`;

/** The events of the customer until the end of the line's period. */
const until = (event: Sql): Sql => sql`${event}.series = a.series and ${event}.meter = a.meter and ${event}.customer = a.customer and ${event}.timestamp < a.end and ${inGroup(event)}`;

const within = (event: Sql): Sql => sql`${until(event)} and ${event}.timestamp >= a.start`;

/**
 * The levels that hold in a period, for each combination of the dimensions' values: what was reported in it, and the last one before. That is told by the hour where the events of its hour are not kept any more.
 */
const levels = (known: Sql): Sql => sql`
  select l.dimensions, l.timestamp, l.number, l.value from meter_events l where ${within(sql`l`)} and ${known}
  union all
  select * from (
    select distinct on (b.dimensions) b.dimensions, b.timestamp, b.number, b.value from (
      select l.dimensions, l.timestamp, l.number, l.value from meter_events l where ${until(sql`l`)} and l.timestamp < a.start and ${known}
      union all
      select r.dimensions, r.last_at, r.last_number, r.last from meter_rollups r
      where r.meter = a.meter and r.customer = a.customer and r.hour < date_trunc('hour', a.start, 'UTC') and r.events > 0 and ${inGroup(sql`r`)} and not exists (
        select from meter_events g where g.series = a.series and g.meter = a.meter and g.customer = a.customer and g.dimensions = r.dimensions and g.timestamp >= r.hour and g.timestamp < r.hour + interval '1 hour')
    ) b order by b.dimensions, b.timestamp desc, b.number desc) before`;

/** What was counted at points in the order of receipt, for each that is asked; in one query however many there are. */
async function countedAt(tx: Tx, world: number, whole: readonly (Metered & { cut: Cut })[]): Promise<Usage[]> {
  const parts = whole.map((each) => partsOf(each).map((part) => ({ ...part, cut: each.cut })));
  const found = await countedParts(tx, world, parts.flat());
  let from = 0;
  return parts.map((of, n) => together(found.slice(from, (from += of.length)), whole[n]!));
}

/** The parts of a line's usage as one; what was counted of each is kept beside. */
function together(parts: readonly Counted[], whole: Metered & { cut: Cut }): Usage {
  const { key: _, ...first } = parts[0]!;
  const of = { as_of: whole.cut.at, events_url: eventsUrl(whole) };
  if (!whole.groups) return { ...first, ...of };
  const moments = (field: 'first' | 'last') => parts.flatMap((part) => part[field] ?? []);
  return {
    ...first,
    events: parts.reduce((sum, part) => sum + part.events, 0),
    first: moments('first').length === 0 ? null : Math.min(...moments('first')),
    last: moments('last').length === 0 ? null : Math.max(...moments('last')),
    counted: formatDecimal(sumOfUsage(parts.map((part) => part.counted))),
    groups: parts.map((part) => part.counted),
    ...of,
  };
}

/** What was counted of parts, in their order. */
async function countedParts(tx: Tx, world: number, asked: readonly (Part & { cut: Cut })[]): Promise<Counted[]> {
  const known = (event: Sql) => sql`(${event}.created, ${event}.number) <= (a.cut, a.cut_number) and not exists (
    select from meter_event_cancellations c where c.slot = ${event}.slot and c.key = ${event}.key and (c.canceled_at, c.number) <= (a.cut, a.cut_number)
      and (c.reverted_at is null or (c.reverted_at, c.reverted_number) > (a.cut, a.cut_number)))`;
  const seen = (event: Sql) => sql`${within(event)} and ${known(event)}`;
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
          when 'latest' then (select sum(h.value) from (select distinct on (h.dimensions) h.value from (${levels(known(sql`l`))}) h order by h.dimensions, h.timestamp desc, h.number desc) h)
          when 'weighted_by_time' then (select sum(d.value) from (select round(sum(h.value * h.seconds) / 3600, 12) as value from (
            select h.dimensions, h.value, extract(epoch from lead(greatest(h.timestamp, a.start), 1, a.end) over (partition by h.dimensions order by h.timestamp, h.number) - greatest(h.timestamp, a.start)) as seconds from (${levels(known(sql`l`))}) h) h group by h.dimensions) d)
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

/** Whether the meter keeps levels, which reach into later periods. */
const LEVELS = sql`m.default_aggregation ->> 'formula' in ('latest', 'weighted_by_time')`;

/** Of these lines those of whose usage the events are not all kept any more. */
async function withoutEvents(tx: Tx, world: number, metered: readonly Metered[]): Promise<Metered[]> {
  const found = await rows<{ key: number }>(
    tx,
    sql`select a.key from ${lines(world, metered.map((each) => ({ ...each, groups: null })))} join meters m on m.id = a.meter
        where exists (
          select from meter_rollups r where r.meter = a.meter and r.customer = a.customer and (r.hour >= date_trunc('hour', a.start, 'UTC') or ${LEVELS}) and r.hour < a.end and r.events > (
            select count(*) from meter_events g where g.series = a.series and g.meter = a.meter and g.customer = a.customer and g.dimensions = r.dimensions and g.timestamp >= r.hour and g.timestamp < r.hour + interval '1 hour'))`,
  );
  return found.map(({ key }) => metered[key]!);
}

const listed = (used: Used): readonly string[] => (typeof used === 'string' ? [used] : used);

/** What lines counted whose events are not all kept any more: what they add up to by the hour now, less what later corrections changed. Parts of hours, and for how long a level held, are not told by the hour: there it is what was billed. */
async function countedByHour(tx: Tx, usage: Map<string, Usage>, metered: readonly Metered[]): Promise<void> {
  const counted = await countedByGroup(tx, metered.map(({ line, meter, customer, groups }) => ({ key: line.id, meter, customer, start: line.period_start, end: line.period_end, groups })));
  const { reached } = await earlierOf(tx, [...new Set(metered.map(({ line }) => line.invoice))]);
  for (const { line, corrects = line.id } of metered) {
    const last = reached.get(corrects);
    const was = listed(usageBehind(line.quantity_decimal ?? '0', line.metering));
    const is = last ? listed(last.groups?.map((group) => group.quantity) ?? usageBehind(last.quantity, line.metering)) : was;
    const by_hour = listed(counted.get(line.id)!).map((total, n) => formatDecimal(add(subtract(decimalOf(total), decimalOf(is[n]!)), decimalOf(was[n]!))));
    const known = usage.get(line.id)!;
    const tells = known.formula !== 'weighted_by_time' && line.period_start % HOUR_S === 0 && line.period_end % HOUR_S === 0;
    const found = tells ? by_hour : was;
    usage.set(line.id, { ...known, without_events: tells ? 'by_hour' : 'billed', first: null, last: null, counted: formatDecimal(sumOfUsage(found)), ...(found.length > 1 && { groups: found }) });
  }
}

const HOUR_S = 3_600;

/** At most so many points of receipt are looked at for a line. */
const MOST_CUTS = 200;

/** When events of these lines came, or were taken back or put back, since the lines were made: by the number of the line, in the order of receipt. */
async function cutsOf(tx: Tx, world: number, asked: readonly Metered[]): Promise<Map<number, Cut[]>> {
  const found = await rows<{ key: number; at: Instant; number: bigint }>(
    tx,
    sql`
      select a.key, c.at, c.number
      from ${lines(world, asked)} join meters m on m.id = a.meter
      cross join lateral (
        select distinct change.at, change.number
        from meter_events e left join meter_event_cancellations k on k.slot = e.slot and k.key = e.key
          cross join lateral (values (e.created, e.number), (k.canceled_at, k.number), (k.reverted_at, k.reverted_number)) change (at, number)
        where ${until(sql`e`)} and (e.timestamp >= a.start or ${LEVELS}) and change.at >= a.made
        order by change.at, change.number limit ${MOST_CUTS}) c
      order by a.key, c.at, c.number`,
  );
  return Map.groupBy(found, (each) => each.key);
}

/** At which points of receipt a line may have been counted: as their seconds were in the end, and after each thing that came since. */
const pointsOf = ({ counted_at, made }: Metered, cuts: readonly Cut[]): Cut[] => [...[counted_at - 1, made, made - 1].map((at) => ({ at, number: LAST_NUMBER })), ...cuts];

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
export async function usageByEvents(tx: Tx, metered: readonly Metered[]): Promise<Map<string, Usage>> {
  if (metered.length === 0) return new Map();
  const world = await worldOf(tx);
  const known = await countedAt(tx, world, metered.map((each) => ({ ...each, cut: { at: each.counted_at, number: LAST_NUMBER } })));
  const usage = new Map(metered.map((each, n): [string, Usage] => [each.line.id, known[n]!]));
  const open = metered.filter((each) => !isBilled(usage.get(each.line.id)!, each));
  if (open.length === 0) return usage;
  const cuts = await cutsOf(tx, world, open);
  const tried = open.flatMap((each, n) => pointsOf(each, cuts.get(n) ?? []).map((cut) => ({ ...each, cut })));
  for (const [n, counted] of (await countedAt(tx, world, tried)).entries()) {
    const { line } = tried[n]!;
    if (!isBilled(usage.get(line.id)!, tried[n]!) && isBilled(counted, tried[n]!)) usage.set(line.id, counted);
  }
  const unknown = open.filter((each) => !isBilled(usage.get(each.line.id)!, each));
  if (unknown.length > 0) await countedByHour(tx, usage, await withoutEvents(tx, world, unknown));
  return usage;
}

/** What the hours of lines come to at a moment which has come, where that is what the lines bill: of these, no events of whole hours are read. Left out are those of which some are not kept any more. */
async function countedNow(tx: Tx, metered: readonly Metered[], now: Instant): Promise<Map<string, Usage>> {
  const asked = metered.map(({ line, meter, customer, groups }) => ({ key: line.id, meter, customer, start: line.period_start, end: line.period_end, groups }));
  const counted = await countedByGroup(tx, asked);
  const traces = await tracesOf(tx, asked);
  const meters = new Map((await metersOf(tx, metered.map(({ meter }) => meter))).map((meter) => [meter.id, meter]));
  return new Map(metered.flatMap((each): [string, Usage][] => {
    const [used, { dropped, ...trace }, { id, display_name, default_aggregation, event_time_window }] = [counted.get(each.line.id)!, traces.get(each.line.id)!, meters.get(each.meter)!];
    const usage: Usage = { meter: id, meter_name: display_name, formula: default_aggregation.formula, window: event_time_window, ...trace, counted: formatDecimal(sumOfUsage(used)), ...(typeof used !== 'string' && { groups: used }), as_of: now, events_url: eventsUrl(each) };
    return !dropped && isBilled(usage, each) ? [[each.line.id, usage]] : [];
  }));
}

/** As `usageByEvents`; but a line that bills what its usage comes to at the moment `now`, too, is told by the hour, which costs as much however many events there are. */
export async function usageByHours(tx: Tx, metered: readonly Metered[], now: Instant): Promise<Map<string, Usage>> {
  if (metered.length === 0) return new Map();
  const usage = await countedNow(tx, metered, now);
  for (const [id, known] of await usageByEvents(tx, metered.filter(({ line }) => !usage.has(line.id)))) usage.set(id, known);
  return usage;
}
