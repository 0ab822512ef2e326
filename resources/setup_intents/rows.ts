import type { CustomerWhole } from '../../billing/customer/customer.ts';
import { refuse, type Decision, type Moment } from '../../billing/decision.ts';
import type { HolderAnswer, PaymentMethodRow } from '../../billing/payment/payment.ts';
import { answerSetup, type SaveQuestion, type SetupAttemptRow, type SetupIntentRow, type SetupIntentWhole } from '../../billing/payment/setup.ts';
import type { SubscriptionWhole } from '../../billing/subscription/subscription.ts';
import { momentOn, type Context } from '../../server/context.ts';
import { row, rowsById, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import { missing } from '../../server/http/errors.ts';
import { isSecret } from '../../server/http/secrets.ts';
import { customersById } from '../customers/rows.ts';
import { questionsById } from '../payment_attempts/rows.ts';
import { methodsById } from '../payment_methods/rows.ts';
import { subscriptionsById } from '../subscriptions/rows.ts';

/** Setup intents, in the order of their ids. `lock` keeps others from changing them until the transaction ends. */
export async function setupsById(tx: Tx, ids: readonly string[], lock = false): Promise<SetupIntentWhole[]> {
  return wholeSetups(tx, await rowsById<SetupIntentRow>(tx, 'setup_intents', ids, lock));
}

/** With the methods that their last errors speak of. */
export async function wholeSetups(tx: Tx, intents: readonly SetupIntentRow[]): Promise<SetupIntentWhole[]> {
  const failed = intents.flatMap((intent) => intent.last_setup_error?.payment_method ?? []);
  const methods = new Map<string, PaymentMethodRow>(failed.length === 0 ? [] : (await methodsById(tx, failed)).map((method) => [method.id, method]));
  return intents.map((intent) => ({ ...intent, failed_method: methods.get(intent.last_setup_error?.payment_method ?? '') ?? null }));
}

export function setupAttemptsById(tx: Tx, ids: readonly string[], lock = false): Promise<SetupAttemptRow[]> {
  return rowsById<SetupAttemptRow>(tx, 'setup_attempts', ids, lock);
}

/** The attempt that a setup has come to, locked. */
export async function lockLatest(tx: Tx, { latest_attempt }: SetupIntentRow): Promise<SetupAttemptRow | null> {
  return latest_attempt === null ? null : (await setupAttemptsById(tx, [latest_attempt], true))[0]!;
}

type LockedSetup = { intent: SetupIntentWhole; customer: CustomerWhole | null; /** That waits for it. */ subscription: SubscriptionWhole | null; moment: Moment };

/** The intent, locked after its customer and the subscription that waits for it, and the moment at which its customer lives. */
export async function lockSetup(ctx: Context, id: string): Promise<LockedSetup> {
  const [found] = await setupsById(ctx.tx, [id]);
  if (!found) missing('setup_intent', id);
  const [customer = null] = found.customer === null ? [] : await customersById(ctx.tx, [found.customer], true);
  const waiting = customer && (await row<{ id: string }>(ctx.tx, sql`select id from subscriptions where pending_setup_intent = ${id}`));
  const [subscription = null] = waiting ? await subscriptionsById(ctx.tx, [waiting.id], true) : [];
  const [intent] = await setupsById(ctx.tx, [id], true);
  return { intent: intent!, customer, subscription, moment: await momentOn(ctx, intent!.test_clock) };
}

/** A browser proves by the client secret that the setup is its own; whoever gives one must give the right one. */
export function refuseForeign(ctx: Context, intent: SetupIntentRow, client_secret: string | undefined): void {
  if (client_secret === undefined ? ctx.request?.publishable : !isSecret(client_secret, intent.client_secret)) missing('setup_intent', intent.id);
}

/** What the holder's word makes of an intent that required an action, which is locked. */
export async function answeredSetup(ctx: Context, intent: SetupIntentWhole, said: Omit<HolderAnswer, 'reference'>, moment: Moment): Promise<Decision> {
  const op_id = `${intent.id}:save:${intent.attempts}`;
  const begun = (await questionsById<SaveQuestion>(ctx.tx, [op_id])).get(op_id);
  const [method] = intent.payment_method === null ? [] : await methodsById(ctx.tx, [intent.payment_method], true);
  if (!begun || !method) return refuse('setup_intent_unexpected_state', `The setup intent ${intent.id} is ${intent.status}: nothing is asked of the holder.`);
  return answerSetup(intent, method, await lockLatest(ctx.tx, intent), said, begun.request, moment);
}
