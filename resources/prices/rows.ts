import type { PriceRow } from '../../billing/catalog.ts';
import { row, rowsById, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';

/** Prices, in any order. `lock` keeps others from changing them until the transaction ends. */
export async function pricesById(tx: Tx, ids: readonly string[], lock = false): Promise<PriceRow[]> {
  return rowsById<PriceRow>(tx, 'prices', ids, lock);
}

/** The price that has a lookup key, locked. */
export async function lockHolder(tx: Tx, lookupKey: string): Promise<PriceRow | null> {
  return (await row<PriceRow>(tx, sql`select * from prices where lookup_key = ${lookupKey} for update`)) ?? null;
}

export async function productHasPrices(tx: Tx, product: string): Promise<boolean> {
  return (await row(tx, sql`select 1 as found from prices where product = ${product} limit 1`)) !== undefined;
}

/** Whether an item of a subscription has the price, or had it. */
export async function isSubscribedTo(tx: Tx, price: string): Promise<boolean> {
  return (await row(tx, sql`select 1 as found where exists (select from subscription_items where price = ${price}) or exists (select from invoice_lines where price = ${price})`)) !== undefined;
}
