import type { TopUpRow } from '../../../billing/credit/top_up.ts';
import { rows, rowsById, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';

export function topUpsById(tx: Tx, ids: readonly string[]): Promise<TopUpRow[]> {
  return rowsById<TopUpRow>(tx, 'credit_top_ups', ids);
}

/** The active top-ups of customers. */
export function topUpsOf(tx: Tx, customers: readonly string[]): Promise<TopUpRow[]> {
  return rows<TopUpRow>(tx, sql`select * from credit_top_ups where customer = any(${customers}::text[]) and active order by id`);
}

/** What usage comes to that is over and that no finalized invoice has billed: on drafts that will be, and what waits for one. In minor units before discounts, by customer and currency with a blank between them. */
export async function waitingUsage(tx: Tx, customers: readonly string[]): Promise<Map<string, bigint>> {
  const found = await rows<{ key: string; amount: bigint }>(
    tx,
    sql`select u.customer || ' ' || u.currency as key, sum(u.amount)::bigint as amount from (
          select i.customer, i.currency, l.amount from invoices i join invoice_lines l on l.invoice = i.id and l.metering is not null where i.status = 'draft' and i.auto_advance and i.customer = any(${customers}::text[])
          union all select t.customer, t.currency, t.amount from invoice_items t where t.invoice is null and t.metering is not null and t.customer = any(${customers}::text[])) u group by 1`,
  );
  return new Map(found.map(({ key, amount }) => [key, amount]));
}

/** Of whom an invoice that buys credit waits to be paid: customers and currencies, with a blank between them. */
export async function buyersOf(tx: Tx, customers: readonly string[]): Promise<Set<string>> {
  const found = await rows<{ key: string }>(tx, sql`select distinct customer || ' ' || currency as key from invoices where top_up is not null and status in ('draft', 'open') and customer = any(${customers}::text[])`);
  return new Set(found.map(({ key }) => key));
}
