import type { AlertRow } from '../../../billing/alert.ts';
import type { Instant } from '../../../billing/decision.ts';
import { row, rows, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';

/** Alerts that are not archived. `lock` keeps others from changing them until the transaction ends. */
export function alertsById(tx: Tx, ids: readonly string[], lock = false): Promise<AlertRow[]> {
  return rows<AlertRow>(tx, sql`select * from billing_alerts where id = any(${ids}::text[]) and status <> 'archived' order by id ${lock ? sql`for update` : sql``}`);
}

/** An alert and a customer of whom it may tell, at the customer's moment. */
type Pair = { alert: string; customer: string; at: Instant };

/**
 * From when on usage counts for each pair, by `alert:customer`: for one that is recurring, since the customer's period began in which the meter is billed or, without one, the month (UTC);
 * for the others since the alert waits. A customer on a test clock lives in another time: unless the alert is its own, all of its usage counts.
 */
export async function spansOf(tx: Tx, pairs: readonly Pair[]): Promise<Map<string, { from: Instant; told: boolean }>> {
  const found = await rows<{ key: string; from: Instant; told: boolean }>(
    tx,
    sql`select spans.key, spans.from, exists (select from billing_alert_triggers t where t.alert = spans.alert and t.customer = spans.customer and t.counted_from = spans.from) as told
        from (
          select r.alert || ':' || r.customer as key, r.alert, r.customer, case when a.recurrence = 'one_time' then (case when c.test_clock is null or a.customer is not null then a.since else 'epoch'::timestamptz end)
            else coalesce((
              select max(i.current_period_start) from subscriptions s join subscription_items i on i.subscription = s.id and not i.deleted join prices p on p.id = i.price
              where s.customer = r.customer and s.status not in ('canceled', 'incomplete_expired') and p.meter = a.meter), date_trunc('month', to_timestamp(r.at), 'UTC')) end as from
          from unnest(${pairs.map((pair) => pair.alert)}::text[], ${pairs.map((pair) => pair.customer)}::text[], ${pairs.map((pair) => pair.at)}::bigint[]) as r (alert, customer, at)
          join billing_alerts a on a.id = r.alert join customers c on c.id = r.customer) spans`,
  );
  return new Map(found.map(({ key, from, told }) => [key, { from, told }]));
}

/** The test clock of the customer whose usage an alert watches alone. */
export async function clockOf(tx: Tx, customer: string): Promise<{ test_clock: string | null } | undefined> {
  return row(tx, sql`select test_clock from customers where id = ${customer} and not deleted`);
}
