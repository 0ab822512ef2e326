import type { FundsTransactionRow } from '../../billing/balance/funds.ts';
import type { Context } from '../../server/context.ts';
import { rows, sql, type Sql } from '../../server/database/sql.ts';

/** With whether it can be paid out by now, by its clock. */
export type FundsTransaction = FundsTransactionRow & { available: boolean };

/** The moment of a transaction's clock: real time, or that of its customer's test clock; one that was deleted has come to its end. */
export const clockOf = (ctx: Context): Sql =>
  sql`case when t.test_clock is null then to_timestamp(${ctx.app.clock.now()}::bigint) else coalesce((select c.frozen_time from test_clocks c where c.id = t.test_clock), 'infinity') end`;

export function fundsById(ctx: Context, ids: readonly string[]): Promise<FundsTransaction[]> {
  return rows<FundsTransaction>(ctx.tx, sql`select t.*, t.available_on <= ${clockOf(ctx)} as available from balance_transactions t where t.world = kontor_world() and t.id = any(${ids}::text[])`);
}

/** The same with what is known of them by now. */
export async function withAvailability(ctx: Context, found: readonly FundsTransactionRow[]): Promise<FundsTransaction[]> {
  const known = new Map((await fundsById(ctx, found.map(({ id }) => id))).map((each) => [each.id, each]));
  return found.map(({ id }) => known.get(id)!);
}
