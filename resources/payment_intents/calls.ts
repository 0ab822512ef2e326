/** The question that is put to the processor, and what its answers make true: many at once, as one commit. */
import { together, type Decision } from '../../billing/decision.ts';
import type { InvoiceWhole } from '../../billing/invoice/invoice.ts';
import type { ChargeQuestion } from '../../billing/payment/intent.ts';
import type { InvoicePaymentRow, PaymentIntentWhole, PaymentMethodRow } from '../../billing/payment/payment.ts';
import { settlePayment, type Payment, type PaymentAnswer } from '../../billing/payment/settle.ts';
import type { CustomerWhole } from '../../billing/customer/customer.ts';
import { hasEnded } from '../../billing/subscription/end.ts';
import type { SubscriptionWhole } from '../../billing/subscription/subscription.ts';
import { commit } from '../../server/commit.ts';
import { momentAt, realMoment, type App, type CallCommand, type Context, type Json, type OpenCall, type World } from '../../server/context.ts';
import { customersById, lockLanes } from '../customers/rows.ts';
import { lockInvoices } from '../invoices/rows.ts';
import { methodsById } from '../payment_methods/rows.ts';
import { stopCollectingOf } from '../subscriptions/rows.ts';
import { intentsById, payersOf } from './rows.ts';

const questionOf = (call: OpenCall) => call.request as unknown as ChargeQuestion;

/** Null while it is not known whether the card was charged; asking again under the same name charges it at most once. */
async function ask(app: App, world: World, call: OpenCall): Promise<Json | null> {
  const { processor: name, amount, currency, method, off_session, request_three_d_secure, authentication, description } = questionOf(call);
  const { test, live } = app.connectors.processors;
  const processor = world.livemode ? live : test;
  if (processor?.name !== name) throw new Error(`The processor ${name}, which keeps the card, is not configured.`);
  const outcome = await processor.charge({
    op_id: call.id, amount: BigInt(amount), currency, method, off_session, capture: 'automatic', description, request_three_d_secure, authentication,
    metadata: { payment_intent: call.subject },
  });
  if (outcome.kind === 'unknown') return null;
  // JSON has no bigint: the fee is kept as text.
  return outcome.kind === 'succeeded' ? { ...outcome, fee: outcome.fee?.toString() ?? null } : outcome;
}

/** All that the answers concern, locked: the customers' timers, then the customers, then what is theirs. */
class Affected {
  readonly customers = new Map<string, CustomerWhole>();
  readonly subscriptions = new Map<string, SubscriptionWhole>();
  readonly invoices = new Map<string, InvoiceWhole>();
  readonly payments = new Map<string, InvoicePaymentRow>();
  readonly intents = new Map<string, PaymentIntentWhole>();
  readonly methods = new Map<string, PaymentMethodRow>();

  static async lock(ctx: Context, intents: readonly string[]): Promise<Affected> {
    const all = new Affected();
    const payers = await payersOf(ctx.tx, intents);
    const owners = [...new Set(payers.flatMap((each) => each.customer ?? []))];
    await lockLanes(ctx.tx, owners);
    for (const customer of await customersById(ctx.tx, owners, true)) all.customers.set(customer.id, customer);
    for (const { invoice, subscription, payments } of await lockInvoices(ctx.tx, [...new Set(payers.flatMap((each) => each.invoice ?? []))])) {
      all.invoices.set(invoice.id, invoice);
      if (subscription) all.subscriptions.set(subscription.id, subscription);
      for (const { payment } of payments) all.payments.set(payment.payment_intent, payment);
    }
    for (const intent of await intentsById(ctx.tx, intents, true)) all.intents.set(intent.id, intent);
    const methods = [...new Set([...all.intents.values()].flatMap((intent) => intent.payment_method ?? []))];
    for (const method of await methodsById(ctx.tx, methods, true)) all.methods.set(method.id, method);
    return all;
  }

  /** The payment as it stands now, after the answers before. */
  payment(intent: string): Payment {
    const payment_intent = this.intents.get(intent)!;
    const payment = this.payments.get(intent) ?? null;
    const invoice = this.invoices.get(payment?.invoice ?? '') ?? null;
    return {
      payment_intent, payment, invoice,
      payment_method: this.methods.get(payment_intent.payment_method!)!,
      customer: this.customers.get(payment_intent.customer ?? '') ?? null,
      subscription: this.subscriptions.get(invoice?.subscription ?? '') ?? null,
    };
  }

  /** Two answers may concern one customer: the second one counts on the first. */
  take(after: Payment): void {
    this.intents.set(after.payment_intent.id, after.payment_intent);
    this.methods.set(after.payment_method.id, after.payment_method);
    if (after.customer) this.customers.set(after.customer.id, after.customer);
    if (after.invoice) this.invoices.set(after.invoice.id, after.invoice);
    if (after.payment) this.payments.set(after.payment.payment_intent, after.payment);
    if (after.subscription) this.subscriptions.set(after.subscription.id, after.subscription);
  }
}

async function answer(ctx: Context, answers: readonly { call: OpenCall; answer: Json }[]): Promise<void> {
  const affected = await Affected.lock(ctx, answers.map(({ call }) => call.subject));
  const living = [...affected.subscriptions.values()].filter((each) => !hasEnded(each));
  const decided: Decision[] = answers.map(({ call, answer: word }) => {
    const payment = affected.payment(call.subject);
    const question = questionOf(call);
    // On a test clock a payment takes no time.
    const moment = payment.payment_intent.test_clock === null ? realMoment(ctx.app) : momentAt(ctx, question.at);
    const settled = settlePayment(payment, question, word as unknown as PaymentAnswer, moment);
    affected.take(settled);
    return settled;
  });
  await commit(ctx, together(decided));
  await stopCollectingOf(ctx, living.map(({ id }) => affected.subscriptions.get(id)!).filter(hasEnded));
}

export const charge: CallCommand = { ask, answer };
