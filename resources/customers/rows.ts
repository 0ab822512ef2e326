import type { DiscountWhole } from '../../billing/catalog.ts';
import type { CustomerRow, CustomerWhole } from '../../billing/customer/customer.ts';
import type { Tx } from '../../server/database/world.ts';
import type { Context } from '../../server/context.ts';
import { rows, sql } from '../../server/database/sql.ts';
import { missing } from '../../server/http/errors.ts';
import { lockLanes } from '../../server/lanes.ts';
import { grantsLeft } from '../billing/credit_grants/rows.ts';
import { discountsOf } from '../discounts/rows.ts';
import { grantsOfEarly, lateOf } from '../kontor/invoice_corrections/rows.ts';

/** Customers with their discounts and credits. `lock` keeps others from changing them until the transaction ends; their lanes come first, so that whoever locks a customer may set its timers. */
export async function customersById(tx: Tx, ids: readonly string[], lock = false): Promise<CustomerWhole[]> {
  if (lock) lockLanes(tx, ids);
  const found = await rows<CustomerRow & { has_credits: boolean }>(
    tx,
    sql`select c.*, exists (select from credit_grants g where g.world = c.world and g.customer = c.id) as has_credits from customers c where c.id = any(${ids}::text[]) order by c.id ${lock ? sql`for update of c` : sql``}`,
  );
  const credited = found.filter((customer) => customer.has_credits).map((customer) => customer.id);
  const whole = await withDiscounts(tx, found.map(({ has_credits: _credits, ...customer }) => customer));
  return credited.length === 0 ? whole : withCredits(tx, whole, credited);
}

/** The customers with the credit grants that those have which have some, and the late usage that these can meet. */
async function withCredits(tx: Tx, customers: readonly CustomerWhole[], credited: readonly string[]): Promise<CustomerWhole[]> {
  const late = await lateOf(tx, credited);
  const grants = Map.groupBy(await grantsLeft(tx, credited, [...(await grantsOfEarly(tx, credited)), ...[...late.values()].flatMap((each) => [...each.grants])]), (grant) => grant.customer);
  return customers.map((customer) => (grants.has(customer.id) ? { ...customer, grants: grants.get(customer.id)!, ...(late.has(customer.id) && { late: late.get(customer.id)!.late }) } : customer));
}

/** A customer that is not deleted, locked; else a refusal: 404 where the path names it, 400 where a parameter does. */
export async function lockCustomer(ctx: Context, id: string, param?: string): Promise<CustomerWhole> {
  const [found] = await customersById(ctx.tx, [id], true);
  if (!found || found.deleted) missing('customer', id, param);
  return found;
}

/** A customer that is not deleted, as it is read. */
export async function existingCustomer(ctx: Context, id: string, param?: string): Promise<CustomerWhole> {
  const [found] = await customersById(ctx.tx, [id]);
  if (!found || found.deleted) missing('customer', id, param);
  return found;
}

export async function withDiscounts(tx: Tx, found: readonly CustomerRow[]): Promise<CustomerWhole[]> {
  const discounts = found.length > 0 ? await discountsOf(tx, 'customer', found.map((customer) => customer.id)) : new Map<string, DiscountWhole[]>();
  return found.map((customer) => ({ ...customer, discount: discounts.get(customer.id)?.[0] ?? null }));
}

/** Whether a prefix is in use. Who asks holds it until the transaction ends, so that two customers cannot take it at once. */
export async function invoicePrefixIsTaken(tx: Tx, prefix: string): Promise<boolean> {
  await rows(tx, sql`select pg_advisory_xact_lock(hashtextextended('invoice_prefix ' || ${prefix}, kontor_world()))`);
  return (await rows(tx, sql`select 1 as taken from customers where invoice_prefix = ${prefix}`)).length > 0;
}

/** The ids of what goes on for a customer: its subscriptions that have not ended, its drafts and open invoices. */
export async function goingOn(tx: Tx, customer: string): Promise<{ subscriptions: string[]; unpaid: string[] }> {
  const found = await rows<{ id: string; ofInvoice: boolean }>(
    tx,
    sql`select id, false as "ofInvoice" from subscriptions where customer = ${customer} and status not in ('canceled', 'incomplete_expired')
        union all select id, true from invoices where customer = ${customer} and status in ('draft', 'open')`,
  );
  const ids = (ofInvoice: boolean) => found.filter((each) => each.ofInvoice === ofInvoice).map((each) => each.id);
  return { subscriptions: ids(false), unpaid: ids(true) };
}
