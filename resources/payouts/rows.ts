import type { FundsTransactionRow } from '../../billing/balance/funds.ts';
import type { PayoutRow } from '../../billing/balance/payout.ts';
import type { Context } from '../../server/context.ts';
import { rows, rowsById, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import { clockOf } from '../balance_transactions/rows.ts';

export function payoutsById(tx: Tx, ids: readonly string[], lock = false): Promise<PayoutRow[]> {
  return rowsById<PayoutRow>(tx, 'payouts', ids, lock);
}

/** A payout by its processor's name of it, locked; null where it is new. Lock payouts first. */
export async function payoutNamed(tx: Tx, reference: string): Promise<PayoutRow | null> {
  const [found] = await rows<PayoutRow>(tx, sql`select * from payouts where processor_reference = ${reference} for update`);
  return found ?? null;
}

/** What is available at a processor and was carried by no payout yet. */
const open = (ctx: Context, processor: string) => sql`from balance_transactions t where t.world = kontor_world() and t.payout is null and t.processor = ${processor} and t.available_on <= ${clockOf(ctx)}`;

/** The currencies in which there is something to pay out. Lock payouts first. */
export async function currenciesToPayOut(ctx: Context, processor: string): Promise<string[]> {
  const found = await rows<{ currency: string }>(ctx.tx, sql`select t.currency ${open(ctx, processor)} group by t.currency having sum(t.net) > 0 order by t.currency`);
  return found.map(({ currency }) => currency);
}

/** What a payout of the currency carries: all that was taken away again, and of what came the oldest, so that it is never more than there is. Of what came there are at most so many. */
export function toPayOut(ctx: Context, processor: string, currency: string, most: number): Promise<FundsTransactionRow[]> {
  const its = sql`${open(ctx, processor)} and t.currency = ${currency}`;
  return rows<FundsTransactionRow>(ctx.tx, sql`(select t.* ${its} and t.net < 0) union all (select t.* ${its} and t.net >= 0 order by t.available_on, t.id limit ${most})`);
}
