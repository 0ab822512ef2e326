import type { PaymentIntentRow, PaymentIntentWhole, PaymentMethodRow } from '../../billing/payment/payment.ts';
import { rows, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import { methodsById } from '../payment_methods/rows.ts';

/** Payment intents, in the order of their ids. `lock` keeps others from changing them until the transaction ends. */
export async function intentsById(tx: Tx, ids: readonly string[], lock = false): Promise<PaymentIntentWhole[]> {
  return withMethods(tx, await rows<PaymentIntentRow>(tx, sql`select * from payment_intents where id = any(${ids}::text[]) order by id ${lock ? sql`for update` : sql``}`));
}

/** With the methods that their last errors speak of. */
export async function withMethods(tx: Tx, intents: readonly PaymentIntentRow[]): Promise<PaymentIntentWhole[]> {
  const failed = intents.flatMap((intent) => intent.last_payment_error?.payment_method ?? []);
  const methods = new Map<string, PaymentMethodRow>(failed.length === 0 ? [] : (await methodsById(tx, failed)).map((method) => [method.id, method]));
  return intents.map((intent) => ({ ...intent, failed_method: methods.get(intent.last_payment_error?.payment_method ?? '') ?? null }));
}

/** Whose money intents are to collect and for which invoice, before anything is locked. */
export function payersOf(tx: Tx, ids: readonly string[]): Promise<{ id: string; customer: string | null; invoice: string | null }[]> {
  return rows(tx, sql`select id, customer, invoice from payment_intents where id = any(${ids}::text[])`);
}
