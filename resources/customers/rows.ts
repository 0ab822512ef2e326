import type { DiscountWhole } from '../../billing/catalog.ts';
import type { CustomerRow, CustomerWhole } from '../../billing/customer/customer.ts';
import type { Tx } from '../../server/database/world.ts';
import type { Context } from '../../server/context.ts';
import { rows, sql } from '../../server/database/sql.ts';
import { missing } from '../../server/http/errors.ts';
import { discountsOf } from '../discounts/rows.ts';

/** Customers with their discounts. `lock` keeps others from changing them until the transaction ends. */
export async function customersById(tx: Tx, ids: readonly string[], lock = false): Promise<CustomerWhole[]> {
  const found = await rows<CustomerRow>(tx, sql`select * from customers where id = any(${ids}::text[]) order by id ${lock ? sql`for update` : sql``}`);
  return withDiscounts(tx, found);
}

/** A customer that is not deleted, locked; else a refusal: 404 where the path names it, 400 where a parameter does. */
export async function lockCustomer(ctx: Context, id: string, param?: string): Promise<CustomerWhole> {
  const [found] = await customersById(ctx.tx, [id], true);
  if (!found || found.deleted) missing('customer', id, param);
  return found;
}

export async function withDiscounts(tx: Tx, found: readonly CustomerRow[]): Promise<CustomerWhole[]> {
  const discounts = found.length > 0 ? await discountsOf(tx, 'customer', found.map((customer) => customer.id)) : new Map<string, DiscountWhole[]>();
  return found.map((customer) => ({ ...customer, discount: discounts.get(customer.id)?.[0] ?? null }));
}

export async function invoicePrefixIsTaken(tx: Tx, prefix: string): Promise<boolean> {
  return (await rows(tx, sql`select 1 as taken from customers where invoice_prefix = ${prefix}`)).length > 0;
}
