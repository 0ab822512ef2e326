import { row, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';

/** The test clock on which a customer lives, or undefined where there is no such customer. */
export async function customerClock(tx: Tx, customer: string): Promise<{ test_clock: string | null } | undefined> {
  return row<{ test_clock: string | null }>(tx, sql`select test_clock from customers where id = ${customer} and not deleted`);
}
