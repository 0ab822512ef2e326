import type { FundsTransactionRow } from '../../billing/balance/funds.ts';
import type { PayoutRow } from '../../billing/balance/payout.ts';
import type { Context } from '../../server/context.ts';
import { rows, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import { clockOf } from '../balance_transactions/rows.ts';

export function payoutsById(tx: Tx, ids: readonly string[], lock = false): Promise<PayoutRow[]> {
  return rows<PayoutRow>(tx, sql`select * from payouts where id = any(${ids}::text[]) order by id ${lock ? sql`for update` : sql``}`);
}

/** What is available and was not carried by a payout yet, oldest first, at most so many. Lock payouts first. */
export function toPayOut(ctx: Context, most: number): Promise<FundsTransactionRow[]> {
  return rows<FundsTransactionRow>(ctx.tx, sql`select t.* from balance_transactions t where t.payout is null and t.available_on <= ${clockOf(ctx)} order by t.available_on, t.id limit ${most}`);
}
