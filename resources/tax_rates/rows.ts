import type { TaxRateRow } from '../../billing/catalog.ts';
import { rowsById } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';

/** Tax rates, in any order. `lock` keeps others from changing them until the transaction ends. */
export async function taxRatesById(tx: Tx, ids: readonly string[], lock = false): Promise<TaxRateRow[]> {
  return rowsById<TaxRateRow>(tx, 'tax_rates', ids, lock);
}
