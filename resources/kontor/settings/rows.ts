import type { PayoutSchedule } from '../../../billing/balance/payout.ts';
import type { Settlement } from '../../../billing/balance/settlement.ts';
import type { RoutingRule } from '../../../billing/payment/route.ts';
import type { ProrationUnit } from '../../../billing/proration.ts';
import type { Context } from '../../../server/context.ts';
import { row, rows, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';
import { ownProcessor } from '../processors/rows.ts';

export type SettingsRow = {
  id: 'settings';
  proration: { unit: ProrationUnit };
  /** How what a finalized invoice billed too much is put right: on the next invoice, or by a credit note. */
  corrections: 'next_invoice' | 'credit_note';
  /** When what is available is paid out by itself. */
  payouts: PayoutSchedule;
  /** At which processor a new payment method is kept; the first rule that matches counts. */
  routing_rules: RoutingRule[];
  /** In what the sandbox settles; null where it settles each currency as it is. */
  settlement: Omit<Settlement, 'processor'> | null;
};

/** As they are where nobody has decided otherwise. */
export const DEFAULTS: SettingsRow = { id: 'settings', proration: { unit: 'second' }, corrections: 'next_invoice', payouts: { interval: 'manual', monthly_anchor: null, weekly_anchor: null }, routing_rules: [], settlement: null };

/** What the account has decided in this mode; undefined where it is all by default. */
function storedSettings(tx: Tx): Promise<SettingsRow | undefined> {
  return row<SettingsRow>(tx, sql`select id, proration, corrections, payouts, routing_rules, settlement from settings`);
}

export async function settingsOf(tx: Tx): Promise<SettingsRow> {
  return (await storedSettings(tx)) ?? DEFAULTS;
}

/** In what money is settled by the processor whose settlement is ours to say; null where each currency stays as it is. */
export async function settlementOf({ app, tx, world }: Pick<Context, 'app' | 'tx' | 'world'>): Promise<Settlement | null> {
  const own = ownProcessor(app, world);
  const settlement = own && (await settingsOf(tx)).settlement;
  return settlement && { ...settlement, processor: own.name };
}

/** The same for what is at a processor. */
export const settlementAt = (settlement: Settlement | null, processor: string): Settlement | null => (settlement?.processor === processor ? settlement : null);

/** Keeps others from changing them until the transaction ends, also where there are none yet. */
export async function lockSettings(tx: Tx): Promise<SettingsRow | undefined> {
  await rows(tx, sql`select pg_advisory_xact_lock(hashtextextended('settings', kontor_world()))`);
  return storedSettings(tx);
}
