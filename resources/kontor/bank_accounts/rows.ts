import type { BankAccountRow } from '../../../billing/balance/payout.ts';
import { refuse, type Moment } from '../../../billing/decision.ts';
import type { BankSource, Payouts } from '../../../connectors/processors/processor.ts';
import type { Context } from '../../../server/context.ts';
import { row, rows, rowsById, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';
import { ownProcessor } from '../processors/rows.ts';

export function bankAccountsById(tx: Tx, ids: readonly string[]): Promise<BankAccountRow[]> {
  return rowsById<BankAccountRow>(tx, 'bank_accounts', ids);
}

/** A bank account by its processor's name of it. Lock payouts first. */
export function bankAccountNamed(tx: Tx, processor: string, reference: string): Promise<BankAccountRow | undefined> {
  return row<BankAccountRow>(tx, sql`select * from bank_accounts where processor = ${processor} and processor_reference = ${reference} and not deleted order by created, id limit 1`);
}

/** Where payouts in a currency go by default. */
export function defaultBank(tx: Tx, currency: string): Promise<BankAccountRow | undefined> {
  return row<BankAccountRow>(tx, sql`select * from bank_accounts where currency = ${currency} and default_for_currency and not deleted`);
}

/** Keeps others from moving funds to banks, and from changing where they go, until the transaction ends. */
export async function lockPayouts(tx: Tx): Promise<void> {
  await rows(tx, sql`select pg_advisory_xact_lock(hashtextextended('payouts', kontor_world()))`);
}

/** The processor by whom payouts are made when Kontor says so. */
export function payingOut(ctx: Context): { name: string; payouts: Payouts } {
  const processor = ownProcessor(ctx.app, ctx.world);
  if (!processor?.payouts) refuse(undefined, 'The payment processor of this mode pays out by itself: what it pays out, and when, is set there.');
  return { name: processor.name, payouts: processor.payouts };
}

type Holder = Pick<BankAccountRow, 'account_holder_name' | 'account_holder_type' | 'default_for_currency'>;

/** A bank account as the processor keeps it. */
export function keptBank(ctx: Context, source: BankSource, holder: Holder, moment: Moment): BankAccountRow {
  const { name, payouts } = payingOut(ctx);
  const kept = payouts.keepBank(source);
  if (kept.kind === 'refused') return refuse(kept.code, kept.message, kept.param);
  const { country, currency } = source;
  const { kind: _, reference, ...shown } = kept;
  return { ...shown, ...holder, id: moment.newId('ba'), created: moment.now, processor: name, processor_reference: reference, country, currency, status: 'new', deleted: false };
}
