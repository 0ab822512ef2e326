import type { Context } from '../../server/context.ts';
import { rows, sql } from '../../server/database/sql.ts';

/** In each currency, what the account has at its processors: what can be paid out, and what is still to come. */
export type Balance = { currencies: { currency: string; available: bigint; pending: bigint }[] };

/** The whole is what the ledger has, by the sums that sealing keeps; only what is still to come is read one by one. `processor` leaves out what others have; what customers have with us is in the sandbox's accounts. */
export async function balanceOf(ctx: Context, processor?: string): Promise<Balance> {
  const there = processor === undefined ? sql`` : sql`and (ledger_account = 'customer_cash' or processor = ${processor})`;
  const its = processor === undefined ? sql`` : sql`and t.processor = ${processor}`;
  const currencies = await rows<Balance['currencies'][number]>(
    ctx.tx,
    sql`with ours as (
        select currency, debit - credit as amount from ledger_days where ledger_account in ('cash_in_transit', 'customer_cash') ${there}
        union all select currency, amount from ledger_entries where world = kontor_world() and position >= coalesce((select max(upto) from ledger_seals), 0) and ledger_account in ('cash_in_transit', 'customer_cash') ${there}),
      to_come as (
        select t.currency, t.net from balance_transactions t where t.world = kontor_world() and t.test_clock is null and t.available_on > to_timestamp(${ctx.app.clock.now()}::bigint) ${its}
        union all select t.currency, t.net from test_clocks c join balance_transactions t on t.world = c.world and t.test_clock = c.id and t.available_on > c.frozen_time ${its}),
      pending as (select currency, sum(net) as amount from to_come group by currency)
      select o.currency, (sum(o.amount) - coalesce(max(p.amount), 0))::bigint as available, coalesce(max(p.amount), 0)::bigint as pending from ours o left join pending p using (currency) group by o.currency order by o.currency`,
  );
  if (currencies.length > 0) return { currencies };
  const [{ default_currency: currency } = { default_currency: 'usd' }] = await rows<{ default_currency: string }>(ctx.tx, sql`select default_currency from accounts where id = ${ctx.world.account}`);
  return { currencies: [{ currency, available: 0n, pending: 0n }] };
}
