import type { TaxRateRow } from '../../billing/catalog.ts';
import { rows, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';

/** Tax rates, in any order. `lock` keeps others from changing them until the transaction ends. */
export async function taxRatesById(tx: Tx, ids: readonly string[], lock = false): Promise<TaxRateRow[]> {
  return rows<TaxRateRow>(tx, sql`select * from tax_rates where id = any(${ids}::text[]) order by id ${lock ? sql`for update` : sql``}`);
}
