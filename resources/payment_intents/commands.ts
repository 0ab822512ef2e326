import { refuse, together, type Decision, type Moment } from '../../billing/decision.ts';
import { payInvoice, refuseUnpayable } from '../../billing/invoice/pay.ts';
import { mergeMetadata } from '../../billing/metadata.ts';
import { cancelIntent, changeIntent, confirmPayment, openIntent, refuseAmount, refuseUnconfirmable, type Confirmation } from '../../billing/payment/intent.ts';
import type { PaymentIntentRow, PaymentIntentWhole, PaymentMethodRow } from '../../billing/payment/payment.ts';
import { commit } from '../../server/commit.ts';
import { momentOn, type Context, type Json } from '../../server/context.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import type { Answer } from '../../server/http/route.ts';
import { equal, page, renderList, within } from '../../server/lists.ts';
import { lockCustomer } from '../customers/rows.ts';
import { methodsById, resolvePaymentMethod } from '../payment_methods/rows.ts';
import type * as params from './params.ts';
import { renderPaymentIntent } from './resource.ts';
import { intentsById, lockIntent, refuseStranger, withMethods, type Locked } from './rows.ts';

type Path = { intent: string };

type Confirming = Pick<Params<typeof params.confirmPaymentIntent>, 'off_session' | 'return_url' | 'use_stripe_sdk'>;

function confirmationOf(ctx: Context, { off_session = false, return_url, use_stripe_sdk = false }: Confirming): Confirmation {
  if (off_session !== false && ctx.request?.publishable) refuse(undefined, 'A browser confirms in the presence of the customer: leave `off_session` out.', 'off_session');
  return { off_session: off_session !== false, automatic: false, return_url, use_stripe_sdk };
}

/** The method that is named, or the one that the intent has. One that belongs to nobody will do. */
async function methodFor(ctx: Context, intent: PaymentIntentWhole, named: string | undefined, moment: Moment): Promise<{ method: PaymentMethodRow; decision: Decision }> {
  if (named !== undefined) return resolvePaymentMethod(ctx, named, { customer: intent.customer, moment, param: 'payment_method', once: true });
  const [own] = intent.payment_method === null ? [] : await methodsById(ctx.tx, [intent.payment_method], true);
  if (own && !own.spent) return { method: own, decision: together([]) };
  return refuse('payment_intent_unexpected_state', `The payment intent ${intent.id} has no payment method. Give one to confirm it.`, 'payment_method');
}

const answer = (id: string): Answer => ({ ref: { object: 'payment_intent', id, refuseUnpaid: true } });

export async function create(ctx: Context, given: Params<typeof params.createPaymentIntent>): Promise<Answer> {
  const { amount, currency, description, receipt_email, setup_future_usage, statement_descriptor } = given;
  refuseAmount(amount, currency);
  const customer = given.customer === undefined ? null : await lockCustomer(ctx, given.customer, 'customer');
  const moment = await momentOn(ctx, customer?.test_clock ?? null);
  const named = given.payment_method === undefined ? null : await resolvePaymentMethod(ctx, given.payment_method, { customer: customer?.id ?? null, moment, param: 'payment_method', once: true });
  const automatic = given.automatic_payment_methods;
  const opened = openIntent(
    {
      amount, currency,
      customer: customer?.id ?? null,
      test_clock: customer?.test_clock ?? null,
      payment_method: named?.method.id ?? null,
      description: description ?? null,
      receipt_email: receipt_email ?? null,
      setup_future_usage: setup_future_usage ?? null,
      statement_descriptor: statement_descriptor ?? null,
      metadata: mergeMetadata({}, given.metadata),
      automatic_payment_methods: given.allowed_payment_method_types ? null : { allow_redirects: 'always', enabled: true, ...automatic },
    },
    moment,
  );
  const first = named ? [named.decision, opened] : [opened];
  if (!given.confirm) {
    const wasted = (['off_session', 'return_url', 'use_stripe_sdk'] as const).find((name) => given[name] !== undefined);
    if (wasted) refuse(undefined, `\`${wasted}\` is about a confirmation: give \`confirm\`, too.`, wasted);
    await commit(ctx, together(first));
    return renderPaymentIntent(opened.payment_intent, ctx.world);
  }
  if (!named) refuse('parameter_missing', 'To confirm a payment intent at its creation, give its `payment_method`.', 'payment_method');
  await commit(ctx, together([...first, confirmPayment(opened.payment_intent, named.method, confirmationOf(ctx, given), moment)]));
  return answer(opened.payment_intent.id);
}

/** One that pays an invoice is confirmed for what remains of it. */
function confirmed({ intent, facts, moment }: Locked, method: PaymentMethodRow, how: Confirmation): Decision {
  const own = facts?.payments.find((each) => each.intent.id === intent.id);
  if (!facts || !own?.payment.is_default) return confirmPayment(intent, method, how, moment);
  return payInvoice({ ...facts, payments: facts.payments.map((each) => (each === own ? { ...own, intent } : each)) }, method, how, moment);
}

export async function confirm(ctx: Context, given: Params<typeof params.confirmPaymentIntent>, path: Path): Promise<Answer> {
  const locked = await lockIntent(ctx, path.intent);
  refuseStranger(ctx, locked.intent, given.client_secret);
  refuseUnconfirmable(locked.intent);
  if (locked.facts) refuseUnpayable(locked.facts);
  const { method, decision } = await methodFor(ctx, locked.intent, given.payment_method, locked.moment);
  const { receipt_email, setup_future_usage } = given;
  const changed = changeIntent(locked.intent, { receipt_email, setup_future_usage });
  const confirmation = confirmed({ ...locked, intent: changed.payment_intent }, method, confirmationOf(ctx, given));
  await commit(ctx, together([decision, changed, confirmation]));
  return answer(path.intent);
}

export async function update(ctx: Context, given: Params<typeof params.updatePaymentIntent>, path: Path): Promise<Json> {
  const { intent, moment } = await lockIntent(ctx, path.intent);
  const { amount, currency, description, metadata, receipt_email, setup_future_usage, statement_descriptor } = given;
  const customer = given.customer === undefined ? null : await lockCustomer(ctx, given.customer, 'customer');
  const owner = customer?.id ?? intent.customer;
  const named = given.payment_method === undefined ? null : await resolvePaymentMethod(ctx, given.payment_method, { customer: owner, moment, param: 'payment_method', once: true });
  const change = { amount, currency, description, metadata, receipt_email, setup_future_usage, statement_descriptor, ...(customer && { customer: customer.id }), ...(named && { payment_method: named.method.id }) };
  const changed = changeIntent(intent, change);
  const placed = customer && customer.test_clock !== intent.test_clock ? changeIntent(changed.payment_intent, { test_clock: customer.test_clock }) : null;
  await commit(ctx, together([...(named ? [named.decision] : []), changed, ...(placed ? [placed] : [])]));
  return renderPaymentIntent((placed ?? changed).payment_intent, ctx.world);
}

export async function cancel(ctx: Context, given: Params<typeof params.cancelPaymentIntent>, path: Path): Promise<Json> {
  const { intent, facts, moment } = await lockIntent(ctx, path.intent);
  const own = facts?.payments.find((each) => each.intent.id === intent.id)?.payment ?? null;
  if (own?.is_default) refuse('payment_intent_unexpected_state', `The payment intent ${intent.id} pays the invoice ${own.invoice}. Void the invoice instead; its payment intent is canceled with it.`);
  const canceled = cancelIntent(intent, own, given.cancellation_reason ?? null, moment);
  await commit(ctx, canceled);
  return renderPaymentIntent(canceled.payment_intent, ctx.world);
}

/** Amounts are captured when they are authorised, so there is never anything to capture. */
export async function capture(ctx: Context, _given: object, path: Path): Promise<Json> {
  const [intent] = await intentsById(ctx.tx, [path.intent]);
  if (!intent) missing('payment_intent', path.intent);
  return refuse('payment_intent_unexpected_state', `The payment intent ${intent.id} is ${intent.status}. There is nothing to capture: Kontor captures a payment when it is authorized.`);
}

export async function retrieve(ctx: Context, given: Params<typeof params.retrievePaymentIntent>, path: Path): Promise<Json> {
  const [intent] = await intentsById(ctx.tx, [path.intent]);
  if (!intent) missing('payment_intent', path.intent);
  refuseStranger(ctx, intent, given.client_secret);
  return renderPaymentIntent(intent, ctx.world);
}

export async function list(ctx: Context, given: Params<typeof params.listPaymentIntents>): Promise<Json> {
  // What lives on test clocks is listed by its customer only.
  const conditions = [...equal('customer', given.customer), ...within('created', given.created), ...(given.customer === undefined ? equal('test_clock', null) : [])];
  const { data, has_more } = await page<PaymentIntentRow>(ctx, 'payment_intents', 'payment_intent', conditions, given);
  return renderList('/v1/payment_intents', (await withMethods(ctx.tx, data)).map((each) => renderPaymentIntent(each, ctx.world)), has_more);
}
