import type { MeterEventRow } from '../../../billing/usage.ts';
import { row, rows, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';

/** The test clock on which a customer lives, or undefined where there is no such customer. */
export async function customerClock(tx: Tx, customer: string): Promise<{ test_clock: string | null } | undefined> {
  return row<{ test_clock: string | null }>(tx, sql`select test_clock from customers where id = ${customer} and not deleted`);
}

export async function identifierIsTaken(tx: Tx, meter: string, identifier: string): Promise<boolean> {
  return (await row(tx, sql`select 1 as found from meter_events where meter = ${meter} and identifier = ${identifier}`)) !== undefined;
}

/** The latest event of a name with an identifier, locked: a name may have had several meters, one after the other. */
export async function lockEvent(tx: Tx, eventName: string, identifier: string): Promise<MeterEventRow | undefined> {
  return row<MeterEventRow>(
    tx,
    sql`select * from meter_events where meter = any(select id from meters where event_name = ${eventName}) and identifier = ${identifier} order by id desc limit 1 for update`,
  );
}

/** A customer's usage of a meter in the half-open `[start, end)`; `key` names the answer. */
export type Asked = { meter: string; customer: string; start: number; end: number; key: string };

const LAST_OF_WINDOW = sql`(m.event_time_window is null or not exists (
  select from meter_events later
  where later.meter = a.meter and later.customer = a.customer and later.canceled_at is null and later.timestamp < a.end
    and later.timestamp >= e.timestamp and later.timestamp < date_trunc(m.event_time_window, e.timestamp, 'UTC') + ('1 ' || m.event_time_window)::interval
    and (later.timestamp, later.id) > (e.timestamp, e.id)))`;

/**
 * What the meters counted, by their formulas, as exact decimals by key; in one query however many are asked.
 * Of events that come aggregated for an hour or a day, the last one of that hour or day counts. Of events of the same second the one received last is the later one.
 */
export async function countedFor(tx: Tx, asked: readonly Asked[]): Promise<Map<string, string>> {
  if (asked.length === 0) return new Map();
  const column = <Field extends keyof Asked>(field: Field) => asked.map((each) => each[field]);
  const found = await rows<{ key: string; value: string }>(
    tx,
    sql`
      select a.key, trim_scale(coalesce(case m.default_aggregation ->> 'formula'
        when 'sum' then (select sum(e.value) from meter_events e where e.meter = a.meter and e.customer = a.customer and e.timestamp >= a.start and e.timestamp < a.end and e.canceled_at is null and ${LAST_OF_WINDOW})
        when 'count' then (select count(*) from meter_events e where e.meter = a.meter and e.customer = a.customer and e.timestamp >= a.start and e.timestamp < a.end and e.canceled_at is null and ${LAST_OF_WINDOW})
        else (select e.value from meter_events e where e.meter = a.meter and e.customer = a.customer and e.timestamp >= a.start and e.timestamp < a.end and e.canceled_at is null
              order by e.timestamp desc, e.id desc limit 1)
      end, 0)) as value
      from (select key, meter, customer, to_timestamp(first) as start, to_timestamp(past) as end
            from unnest(${column('key')}::text[], ${column('meter')}::text[], ${column('customer')}::text[], ${column('start')}::bigint[], ${column('end')}::bigint[]) as r (key, meter, customer, first, past)) a
      join meters m on m.id = a.meter`,
  );
  return new Map(found.map(({ key, value }) => [key, value]));
}

/**
 * The quantities to be billed, by key: as `countedFor`, and never less than 0, since nobody is owed money for having used less than nothing.
 * Every asked key has an answer.
 */
export async function usageOf(tx: Tx, asked: readonly Asked[]): Promise<Map<string, string>> {
  const counted = await countedFor(tx, asked);
  return new Map(asked.map(({ key }) => {
    const value = counted.get(key) ?? '0';
    return [key, value.startsWith('-') ? '0' : value];
  }));
}
