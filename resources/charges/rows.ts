import type { ChargeRow } from '../../billing/payment/payment.ts';
import { rows, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';

/** Charges, in any order. `lock` keeps others from changing them until the transaction ends. */
export function chargesById(tx: Tx, ids: readonly string[], lock = false): Promise<ChargeRow[]> {
  return rows<ChargeRow>(tx, sql`select * from charges where id = any(${ids}::text[]) order by id ${lock ? sql`for update` : sql``}`);
}
