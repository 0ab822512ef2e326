import type { PayoutSchedule } from '../../../billing/balance/payout.ts';
import type { RoutingRule } from '../../../billing/payment/route.ts';
import type { ProrationUnit } from '../../../billing/proration.ts';
import { row, rows, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';

export type SettingsRow = {
  id: 'settings';
  proration: { unit: ProrationUnit };
  /** How what a finalised invoice billed too much is put right: on the next invoice, or by a credit note. */
  corrections: 'next_invoice' | 'credit_note';
  /** When what is available is paid out by itself. */
  payouts: PayoutSchedule;
  /** At which processor a new payment method is kept; the first rule that matches counts. */
  routing_rules: RoutingRule[];
};

/** As they are where nobody has decided otherwise. */
export const DEFAULTS: SettingsRow = { id: 'settings', proration: { unit: 'second' }, corrections: 'next_invoice', payouts: { interval: 'manual', monthly_anchor: null, weekly_anchor: null }, routing_rules: [] };

/** What the account has decided in this mode; undefined where it is all by default. */
export function storedSettings(tx: Tx): Promise<SettingsRow | undefined> {
  return row<SettingsRow>(tx, sql`select id, proration, corrections, payouts, routing_rules from settings`);
}

export async function settingsOf(tx: Tx): Promise<SettingsRow> {
  return (await storedSettings(tx)) ?? DEFAULTS;
}

/** Keeps others from changing them until the transaction ends, also where there are none yet. */
export async function lockSettings(tx: Tx): Promise<SettingsRow | undefined> {
  await rows(tx, sql`select pg_advisory_xact_lock(hashtextextended('settings', kontor_world()))`);
  return storedSettings(tx);
}
