import type { ProductRow } from '../../billing/catalog.ts';
import { holdName } from '../../server/database/name.ts';
import { row, rows, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import { missing } from '../../server/http/errors.ts';

/** Products, deleted ones among them, in any order. */
export async function productsById(tx: Tx, ids: readonly string[]): Promise<ProductRow[]> {
  return rows<ProductRow>(tx, sql`select * from products where id = any(${ids}::text[])`);
}

/** The product, locked, or a refusal. */
export async function lockProduct(tx: Tx, id: string, param?: string): Promise<ProductRow> {
  const product = await row<ProductRow>(tx, sql`select * from products where id = ${id} and not deleted for update`);
  return product ?? missing('product', id, param);
}

/** The product that has an id of the caller's choice already, deleted or not; nobody else takes the id meanwhile. */
export async function productNamed(tx: Tx, id: string | undefined): Promise<ProductRow | null> {
  if (id === undefined) return null;
  await holdName(tx, 'product', id);
  return (await productsById(tx, [id]))[0] ?? null;
}
