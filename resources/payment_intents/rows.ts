import type { CustomerWhole } from '../../billing/customer/customer.ts';
import { refuse, type Decision, type Moment } from '../../billing/decision.ts';
import type { Reserved } from '../../billing/payment/capture.ts';
import type { WithPayments } from '../../billing/invoice/pay.ts';
import { answerAction, type ChargeQuestion } from '../../billing/payment/confirm.ts';
import type { HolderAnswer, PaymentIntentRow, PaymentIntentWhole, PaymentMethodRow } from '../../billing/payment/payment.ts';
import { momentOn, type Context } from '../../server/context.ts';
import { rows, rowsById, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import { missing } from '../../server/http/errors.ts';
import { isSecret } from '../../server/http/secrets.ts';
import { lockLanes } from '../../server/lanes.ts';
import { chargesById } from '../charges/rows.ts';
import { customersById } from '../customers/rows.ts';
import { lockInvoices } from '../invoices/rows.ts';
import { questionsById } from '../payment_attempts/rows.ts';
import { methodsById } from '../payment_methods/rows.ts';

/** Payment intents, in the order of their ids. `lock` keeps others from changing them until the transaction ends. */
export async function intentsById(tx: Tx, ids: readonly string[], lock = false): Promise<PaymentIntentWhole[]> {
  return withMethods(tx, await rowsById<PaymentIntentRow>(tx, 'payment_intents', ids, lock));
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

/** An intent with its customer and the invoice that it pays, and the moment at which its customer lives. */
export type Locked = { intent: PaymentIntentWhole; customer: CustomerWhole | null; facts: WithPayments | null; moment: Moment };

/** The intent, locked after its customer and its invoice. One that nobody's is has a lane of its own. */
export async function lockIntent(ctx: Context, id: string): Promise<Locked> {
  const [payer] = await payersOf(ctx.tx, [id]);
  if (!payer) missing('payment_intent', id);
  if (payer.customer === null) lockLanes(ctx.tx, [id]);
  const [customer = null] = payer.customer === null ? [] : await customersById(ctx.tx, [payer.customer], true);
  const [facts = null] = payer.invoice === null ? [] : await lockInvoices(ctx.tx, [payer.invoice]);
  const [intent] = await intentsById(ctx.tx, [id], true);
  return { intent: intent!, customer, facts, moment: await momentOn(ctx, intent!.test_clock) };
}

/** The charge that an intent has reserved, with its method; null parts where there is none, which is refused when something is to be done about it. */
export async function reservedBy(ctx: Context, payment_intent: PaymentIntentWhole): Promise<Reserved> {
  const [charge] = payment_intent.latest_charge === null ? [] : await chargesById(ctx.tx, [payment_intent.latest_charge], true);
  const [payment_method] = payment_intent.payment_method === null ? [] : await methodsById(ctx.tx, [payment_intent.payment_method], true);
  return { payment_intent, charge: charge!, payment_method: payment_method! };
}

/** What the word of who pays makes of an intent that required an action, which is locked. */
export async function answered(ctx: Context, intent: PaymentIntentWhole, said: Omit<HolderAnswer, 'reference'>, moment: Moment): Promise<Decision> {
  const op_id = `${intent.id}:charge:${intent.attempts}`;
  const begun = (await questionsById<ChargeQuestion>(ctx.tx, [op_id])).get(op_id);
  const [method] = intent.payment_method === null ? [] : await methodsById(ctx.tx, [intent.payment_method], true);
  if (!begun || !method) return refuse('payment_intent_unexpected_state', `The payment intent ${intent.id} is ${intent.status}: nothing is asked of who pays.`);
  return answerAction(intent, method, said, begun.request, moment);
}

/** A browser proves by the client secret that the payment is its own; whoever gives one must give the right one. */
export function refuseStranger(ctx: Context, intent: PaymentIntentRow, client_secret: string | undefined): void {
  if (client_secret === undefined ? ctx.request?.publishable : !isSecret(client_secret, intent.client_secret)) missing('payment_intent', intent.id);
}
