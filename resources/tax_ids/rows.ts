import type { TaxIdRow } from '../../billing/customer/customer.ts';
import { rows, rowsById, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';

export function taxIdsById(tx: Tx, ids: readonly string[], lock = false): Promise<TaxIdRow[]> {
  return rowsById<TaxIdRow>(tx, 'tax_ids', ids, lock);
}

/** The tax ids of customers, in the order of their creation. */
export function taxIdsOf(tx: Tx, customers: readonly string[]): Promise<TaxIdRow[]> {
  return rows<TaxIdRow>(tx, sql`select * from tax_ids where customer = any(${customers}::text[]) order by created, id`);
}
