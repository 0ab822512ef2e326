/** What meters had counted when lines were billed. Events that came later, or were taken back later, are not on them. */
import type { Usage } from '../../../billing/explain/explanation.ts';
import type { Instant } from '../../../billing/decision.ts';
import type { InvoiceLineRow } from '../../../billing/invoice/invoice.ts';
import { usageBehind } from '../../../billing/metering.ts';
import { compare, parseDecimal } from '../../../billing/money.ts';
import { rows, sql, type Sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';

/** The usage of a line: when the line was made, and when it was counted for the last time. */
export type Metered = { line: InvoiceLineRow; meter: string; customer: string; made: Instant; counted_at: Instant };

/** A point in the order of receipt: after the moment's event of this id. */
type Cut = { at: Instant; id: string };

/** Sorts after every id. */
const LAST_ID = '~';

type Counted = Omit<Usage, 'as_of'> & { key: string };

/** What was counted at points in the order of receipt, by key; in one query however many are asked. `canceled` looks at events that were taken back, too, and is slower. */
async function countedAt(tx: Tx, asked: readonly (Metered & { cut: Cut })[], canceled: boolean): Promise<(Counted & Pick<Usage, 'as_of'>)[]> {
  const seen = (event: Sql) => sql`${event}.meter = a.meter and ${event}.customer = a.customer and ${event}.timestamp >= a.start and ${event}.timestamp < a.end
    and (${event}.created, ${event}.id) <= (a.cut, a.cut_id collate "C")
    and ${canceled ? sql`(${event}.canceled_at is null or (${event}.canceled_at, ${event}.id) > (a.cut, a.cut_id collate "C"))` : sql`${event}.canceled_at is null`}`;
  const [e, later] = [sql`e`, sql`later`];
  const last_of_window = sql`(m.event_time_window is null or not exists (
    select from meter_events later where ${seen(later)} and later.timestamp >= e.timestamp and later.timestamp < date_trunc(m.event_time_window, e.timestamp, 'UTC') + ('1 ' || m.event_time_window)::interval
      and (later.timestamp, later.id) > (e.timestamp, e.id)))`;
  const found = await rows<Counted>(
    tx,
    sql`
      select a.key::text as key, m.id as meter, m.display_name as meter_name, m.default_aggregation ->> 'formula' as formula, m.event_time_window as window, u.events, u.first, u.last,
        trim_scale(coalesce(case m.default_aggregation ->> 'formula'
          when 'sum' then u.total
          when 'count' then u.number
          else (select e.value from meter_events e where ${seen(e)} order by e.timestamp desc, e.id desc limit 1)
        end, 0)) as counted
      from (select key, meter, customer, to_timestamp(first) as start, to_timestamp(past) as end, to_timestamp(cut) as cut, cut_id
            from unnest(${asked.map((_, n) => n)}::integer[], ${asked.map((each) => each.meter)}::text[], ${asked.map((each) => each.customer)}::text[], ${asked.map((each) => each.line.period_start)}::bigint[],
              ${asked.map((each) => each.line.period_end)}::bigint[], ${asked.map((each) => each.cut.at)}::bigint[], ${asked.map((each) => each.cut.id)}::text[]) as r (key, meter, customer, first, past, cut, cut_id)) a
      join meters m on m.id = a.meter
      cross join lateral (
        select count(*)::integer as events, min(e.timestamp) as first, max(e.timestamp) as last, sum(e.value) filter (where ${last_of_window}) as total, (count(*) filter (where ${last_of_window}))::numeric as number
        from meter_events e where ${seen(e)}) u
      order by a.key`,
  );
  return found.map((each) => ({ ...each, as_of: asked[Number(each.key)]!.cut.at }));
}

/** At most so many points of receipt are looked at for a line. */
const MOST_CUTS = 200;

/** When events of these lines came, or were taken back, since the lines were made: by the number of the line, in the order of receipt. */
async function cutsOf(tx: Tx, asked: readonly Metered[]): Promise<Map<number, Cut[]>> {
  const found = await rows<{ key: number; at: Instant; id: string }>(
    tx,
    sql`
      select a.key, c.at, c.id
      from (select key, meter, customer, to_timestamp(first) as start, to_timestamp(past) as end, to_timestamp(made) as made
            from unnest(${asked.map((_, n) => n)}::integer[], ${asked.map((each) => each.meter)}::text[], ${asked.map((each) => each.customer)}::text[], ${asked.map((each) => each.line.period_start)}::bigint[],
              ${asked.map((each) => each.line.period_end)}::bigint[], ${asked.map((each) => each.made)}::bigint[]) as r (key, meter, customer, first, past, made)) a
      cross join lateral (
        select change.at, e.id
        from meter_events e cross join lateral (values (e.created), (e.canceled_at)) change (at)
        where e.meter = a.meter and e.customer = a.customer and e.timestamp >= a.start and e.timestamp < a.end and change.at >= a.made
        order by change.at, e.id limit ${MOST_CUTS}) c
      order by a.key, c.at, c.id`,
  );
  return Map.groupBy(found, (each) => each.key);
}

/** A line bills what was counted, and never less than nothing. */
function isBilled(counted: string, { line }: Metered): boolean {
  const [value, quantity] = [parseDecimal(counted)!, usageBehind(parseDecimal(line.quantity_decimal ?? '0')!, line.metering)];
  return compare(value.digits < 0n ? { digits: 0n, scale: 0 } : value, quantity) === 0;
}

/**
 * The usage of each line, by the line's id, as it was known when the line was counted. Requests and timers of one second have an order that no clock tells, and a timer may run later than its
 * moment: where the events received until then do not come to the line's quantity, the first point of receipt at which they do is taken.
 */
export async function usageOfLines(tx: Tx, metered: readonly Metered[]): Promise<Map<string, Usage>> {
  if (metered.length === 0) return new Map();
  const known = await countedAt(tx, metered.map((each) => ({ ...each, cut: { at: each.counted_at, id: LAST_ID } })), false);
  const usage = new Map(metered.map((each, n): [string, Usage] => [each.line.id, usageFrom(known[n]!)]));
  const open = metered.filter((each) => !isBilled(usage.get(each.line.id)!.counted, each));
  if (open.length === 0) return usage;
  const cuts = await cutsOf(tx, open);
  const tried = open.flatMap((each, n) => [each.counted_at, each.counted_at - 1, each.made, each.made - 1].map((at) => ({ at, id: LAST_ID })).concat(cuts.get(n) ?? []).map((cut) => ({ ...each, cut })));
  for (const [n, counted] of (await countedAt(tx, tried, true)).entries()) {
    const { line } = tried[n]!;
    const best = usage.get(line.id)!;
    const first = tried.findIndex((each) => each.line.id === line.id) === n;
    if (first || (!isBilled(best.counted, tried[n]!) && isBilled(counted.counted, tried[n]!))) usage.set(line.id, usageFrom(counted));
  }
  return usage;
}

const usageFrom = ({ meter, meter_name, formula, window, events, first, last, counted, as_of }: Usage): Usage => ({ meter, meter_name, formula, window, events, first, last, counted, as_of });
