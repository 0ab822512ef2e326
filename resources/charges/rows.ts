import type { ChargeRow } from '../../billing/payment/payment.ts';
import { rows, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';

/** Charges, in any order. `lock` keeps others from changing them until the transaction ends. */
export function chargesById(tx: Tx, ids: readonly string[], lock = false): Promise<ChargeRow[]> {
  return rows<ChargeRow>(tx, sql`select * from charges where id = any(${ids}::text[]) order by id ${lock ? sql`for update` : sql``}`);
}

/** Whether a customer has ever paid us anything. */
export async function hasPaid(tx: Tx, customer: string): Promise<boolean> {
  return (await rows(tx, sql`select 1 as paid from charges where customer = ${customer} and status = 'succeeded' limit 1`)).length > 0;
}
