import { refuse, together, type Decision, type Moment } from '../../billing/decision.ts';
import { payInvoice, refuseUnpayable } from '../../billing/invoice/pay.ts';
import { mergeMetadata } from '../../billing/metadata.ts';
import { captureIntent, incrementIntent, releaseIntent } from '../../billing/payment/capture.ts';
import { confirmPayment, refuseUnconfirmable, type Confirmation } from '../../billing/payment/confirm.ts';
import { cancelIntent, changeIntent, openIntent, refuseAmount, typesFor } from '../../billing/payment/intent.ts';
import type { PaymentIntentRow, PaymentIntentWhole, PaymentMethodRow } from '../../billing/payment/payment.ts';
import { againstAmount, detailAmount, type DetailsGiven } from '../../billing/payment/amount_details.ts';
import { refuseType } from '../../billing/payment/offer.ts';
import type { Words } from '../../billing/payment/words.ts';
import { commit } from '../../server/commit.ts';
import { momentOn, type Context, type Json } from '../../server/context.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import type { Answer } from '../../server/http/route.ts';
import { equal, page, renderList, within } from '../../server/lists.ts';
import { spend, tokenGiven, type TokenGiven } from '../confirmation_tokens/rows.ts';
import { lockCustomer } from '../customers/rows.ts';
import { acceptanceOf, mandateNamed } from '../mandates/rows.ts';
import { enabledTypes } from '../payment_method_configurations/rows.ts';
import { methodGiven, methodsById, optionsOf, refuseToBrowser, shippingOf, verifyDeposits } from '../payment_methods/rows.ts';
import { referencesOf, type payment_details } from './details.ts';
import type * as params from './params.ts';
import { renderPaymentIntent } from './resource.ts';
import { confirmTransfer, payWaiting } from './transfers.ts';
import { answered, intentsById, lockIntent, refuseStranger, reservedBy, withMethods, type Locked } from './rows.ts';

type Path = { intent: string };

type Confirming = Pick<Params<typeof params.confirmPaymentIntent>, 'off_session' | 'return_url' | 'use_stripe_sdk' | 'error_on_requires_action' | 'mandate' | 'mandate_data'>;

async function confirmationOf(ctx: Context, given: Confirming, token: TokenGiven | null): Promise<Confirmation> {
  const { off_session = false, return_url = token?.token.return_url, use_stripe_sdk = token?.token.use_stripe_sdk, error_on_requires_action = false } = given;
  if (off_session !== false && ctx.request?.publishable) refuse(undefined, 'A browser confirms in the presence of the customer: leave `off_session` out.', 'off_session');
  const acceptance = acceptanceOf(ctx, given.mandate_data) ?? token?.token.mandate_data ?? null;
  return { off_session: off_session !== false, automatic: false, return_url, use_stripe_sdk, error_on_requires_action, acceptance, mandate: await mandateNamed(ctx, given.mandate) };
}

type MethodParams = Pick<Params<typeof params.createPaymentIntent>, 'payment_method' | 'payment_method_data'>;

/** The method that is given, or the one that the intent has. One that belongs to nobody will do. */
async function methodFor(ctx: Context, intent: PaymentIntentWhole, given: MethodParams, token: TokenGiven | null, moment: Moment): Promise<{ method: PaymentMethodRow; decision: Decision }> {
  const named = token ?? (await methodGiven(ctx, given, intent.customer, moment, intent.currency));
  if (named) return named;
  const [own] = intent.payment_method === null ? [] : await methodsById(ctx.tx, [intent.payment_method], true);
  if (own && !own.spent) return { method: own, decision: together([]) };
  return refuse('payment_intent_unexpected_state', `The payment intent ${intent.id} has no payment method. Give one to confirm it.`, 'payment_method');
}

type Detailed = { amount_details?: DetailsGiven | null; payment_details?: Params<typeof payment_details> | null };

/** What is said of the amount, as it is or is to be, and the references of the payment; nothing where neither is named. */
function detailsIn(given: Detailed, intent: Pick<PaymentIntentRow, 'amount_details' | 'payment_details'> | null, of: { amount: bigint; currency: string }, moment: Moment): Partial<Pick<Words, 'amount_details' | 'payment_details'>> {
  return {
    ...(given.amount_details !== undefined && { amount_details: detailAmount(intent?.amount_details ?? null, given.amount_details, of, moment) }),
    ...(given.payment_details !== undefined && { payment_details: referencesOf(intent?.payment_details ?? null, given.payment_details) }),
  };
}

/** The same where the amount may change with it: what was said of the other one is held against the new one. */
function detailsFor(given: Detailed & { amount?: bigint; currency?: string }, intent: PaymentIntentRow, moment: Moment): ReturnType<typeof detailsIn> {
  const of = { amount: given.amount ?? intent.amount, currency: given.currency ?? intent.currency };
  if (given.amount_details !== undefined || intent.amount_details === null || (given.amount === undefined && given.currency === undefined)) return detailsIn(given, intent, of, moment);
  return { ...detailsIn(given, intent, of, moment), amount_details: againstAmount(intent.amount_details, of) };
}

/** Once what waits for its holder was given up. */
const asIs = (id: string): Answer => ({ ref: { object: 'payment_intent', id } });
const answer = (id: string): Answer => ({ ref: { object: 'payment_intent', id, refuseUnpaid: true } });

/** What is about a confirmation, where there is none. */
function refuseWasted(given: Params<typeof params.createPaymentIntent>): void {
  const wasted = (['off_session', 'return_url', 'use_stripe_sdk', 'error_on_requires_action', 'mandate', 'mandate_data', 'confirmation_token'] as const).find((name) => given[name] !== undefined);
  if (wasted) refuse(undefined, `\`${wasted}\` is about a confirmation: give \`confirm\`, too.`, wasted);
}

/** One that pays an invoice is confirmed for what remains of it; one that is paid by transfer by the customer's cash, or it waits for that. */
async function confirmed(ctx: Context, { intent, facts, moment }: Locked, method: PaymentMethodRow, given: Confirming, token: TokenGiven | null): Promise<Decision> {
  if (method.type === 'customer_balance') return confirmTransfer(ctx, intent, method, moment);
  const how = await confirmationOf(ctx, given, token);
  const own = facts?.payments.find((each) => each.intent.id === intent.id);
  if (!facts || !own?.payment.is_default) return confirmPayment(intent, method, how, moment);
  return payInvoice({ ...facts, payments: facts.payments.map((each) => (each === own ? { ...own, intent } : each)) }, method, how, moment);
}

export async function create(ctx: Context, given: Params<typeof params.createPaymentIntent>): Promise<Answer> {
  const { amount, currency, capture_method = 'automatic_async', allowed_payment_method_types: allowed = null, excluded_payment_method_types: excluded = null } = given;
  refuseAmount(amount, currency);
  const customer = given.customer === undefined ? null : await lockCustomer(ctx, given.customer, 'customer');
  const moment = await momentOn(ctx, customer?.test_clock ?? null);
  const token = await tokenGiven(ctx, given.confirmation_token, customer?.id ?? null, moment);
  const named = token ?? (await methodGiven(ctx, given, customer?.id ?? null, moment, currency));
  const setup_future_usage = given.setup_future_usage ?? token?.token.setup_future_usage ?? null;
  const automatic_payment_methods = allowed === null && given.automatic_payment_methods?.enabled !== false ? ({ allow_redirects: 'always', enabled: true, ...given.automatic_payment_methods } as const) : null;
  const offer = { currency, setup_future_usage, capture_method, automatic_payment_methods, allowed_payment_method_types: allowed, excluded_payment_method_types: excluded };
  const opened = openIntent(
    {
      ...offer, amount, ...detailsIn(given, null, { amount, currency }, moment),
      customer: customer?.id ?? null,
      test_clock: customer?.test_clock ?? null,
      payment_method: named?.method.id ?? null,
      payment_method_configuration: given.payment_method_configuration ?? null,
      payment_method_types: typesFor(offer, await enabledTypes(ctx, given.payment_method_configuration)),
      payment_method_options: optionsOf(given.payment_method_options) ?? {},
      confirmation_method: given.confirmation_method ?? 'automatic',
      description: given.description ?? null,
      receipt_email: given.receipt_email ?? null,
      shipping: shippingOf(given.shipping) ?? token?.token.shipping ?? null,
      statement_descriptor: given.statement_descriptor ?? null,
      statement_descriptor_suffix: given.statement_descriptor_suffix ?? null,
      metadata: mergeMetadata({}, given.metadata),
    },
    moment,
  );
  if (named) refuseType(named.method, opened.payment_intent.payment_method_types, 'this payment intent');
  const first = named ? [named.decision, opened] : [opened];
  if (!given.confirm) {
    refuseWasted(given);
    await commit(ctx, together(first));
    return renderPaymentIntent(opened.payment_intent, ctx.world);
  }
  if (!named) refuse('parameter_missing', 'To confirm a payment intent at its creation, give its `payment_method`.', 'payment_method');
  const { method } = named;
  const confirmation = await confirmed(ctx, { intent: opened.payment_intent, customer, facts: null, moment }, method, given, token);
  await commit(ctx, together([...first, ...spend(token, { payment_intent: opened.payment_intent.id }), confirmation]));
  if (method.type === 'customer_balance') await payWaiting(ctx, opened.payment_intent.id, customer!, moment);
  return answer(opened.payment_intent.id);
}

export async function confirm(ctx: Context, given: Params<typeof params.confirmPaymentIntent>, path: Path): Promise<Answer> {
  const locked = await lockIntent(ctx, path.intent);
  refuseStranger(ctx, locked.intent, given.client_secret);
  refuseToBrowser(ctx, given);
  refuseUnconfirmable(locked.intent);
  if (ctx.request?.publishable && locked.intent.confirmation_method === 'manual') {
    refuse('payment_intent_invalid_parameter', `The payment intent ${locked.intent.id} is confirmed by the server, with a secret key: its \`confirmation_method\` is \`manual\`.`);
  }
  if (locked.facts) refuseUnpayable(locked.facts);
  const token = await tokenGiven(ctx, given.confirmation_token, locked.intent.customer, locked.moment);
  const { method, decision } = await methodFor(ctx, locked.intent, given, token, locked.moment);
  const { receipt_email, setup_future_usage = token?.token.setup_future_usage ?? undefined, capture_method, allowed_payment_method_types, excluded_payment_method_types } = given;
  const changed = changeIntent(locked.intent, {
    receipt_email, setup_future_usage, capture_method, allowed_payment_method_types, excluded_payment_method_types,
    payment_method_options: optionsOf(given.payment_method_options),
    shipping: shippingOf(given.shipping) ?? token?.token.shipping ?? undefined,
    ...detailsIn(given, locked.intent, locked.intent, locked.moment),
  }, await enabledTypes(ctx, locked.intent.payment_method_configuration ?? undefined, false));
  const confirmation = await confirmed(ctx, { ...locked, intent: changed.payment_intent }, method, given, token);
  await commit(ctx, together([decision, changed, ...spend(token, { payment_intent: locked.intent.id }), confirmation]));
  if (method.type === 'customer_balance') await payWaiting(ctx, locked.intent.id, locked.customer!, locked.moment);
  return answer(path.intent);
}

export async function update(ctx: Context, given: Params<typeof params.updatePaymentIntent>, path: Path): Promise<Answer> {
  const { intent, moment } = await lockIntent(ctx, path.intent);
  const { amount, currency, description, metadata, receipt_email, setup_future_usage, statement_descriptor, statement_descriptor_suffix } = given;
  const { capture_method, allowed_payment_method_types, excluded_payment_method_types, payment_method_configuration } = given;
  const customer = given.customer === undefined ? null : await lockCustomer(ctx, given.customer, 'customer');
  const owner = customer?.id ?? intent.customer;
  const named = await methodGiven(ctx, given, owner, moment, currency ?? intent.currency);
  const change = {
    amount, currency, description, metadata, receipt_email, setup_future_usage, statement_descriptor, statement_descriptor_suffix,
    capture_method, allowed_payment_method_types, excluded_payment_method_types, payment_method_configuration,
    payment_method_options: optionsOf(given.payment_method_options),
    shipping: shippingOf(given.shipping),
    ...detailsFor(given, intent, moment),
    ...(customer && { customer: customer.id }),
    payment_method: named?.method.id ?? (given.payment_method === null ? null : undefined),
  };
  const configuration = payment_method_configuration ?? intent.payment_method_configuration ?? undefined;
  const changed = changeIntent(intent, change, await enabledTypes(ctx, configuration, payment_method_configuration !== undefined));
  if (named) refuseType(named.method, changed.payment_intent.payment_method_types, `the payment intent ${intent.id}`);
  const placed = customer && customer.test_clock !== intent.test_clock ? changeIntent(changed.payment_intent, { test_clock: customer.test_clock }) : null;
  await commit(ctx, together([named?.decision, changed, placed]));
  return asIs(intent.id);
}

/** What is reserved is given up at the processor first. */
export async function cancel(ctx: Context, given: Params<typeof params.cancelPaymentIntent>, path: Path): Promise<Answer> {
  const { intent, facts, moment } = await lockIntent(ctx, path.intent);
  const own = facts?.payments.find((each) => each.intent.id === intent.id)?.payment ?? null;
  if (own?.is_default) refuse('payment_intent_unexpected_state', `The payment intent ${intent.id} pays the invoice ${own.invoice}. Void the invoice instead; its payment intent is canceled with it.`);
  const reason = given.cancellation_reason ?? null;
  if (intent.status === 'requires_capture') {
    await commit(ctx, releaseIntent(await reservedBy(ctx, intent), reason ?? 'requested_by_customer', moment));
    return answer(intent.id);
  }
  const canceled = cancelIntent(intent, own, reason, moment);
  await commit(ctx, canceled);
  return asIs(intent.id);
}

export async function capture(ctx: Context, given: Params<typeof params.capturePaymentIntent>, path: Path): Promise<Answer> {
  const { intent, moment } = await lockIntent(ctx, path.intent);
  const { statement_descriptor, statement_descriptor_suffix } = given;
  const of = { amount: given.amount_to_capture ?? intent.amount_capturable, currency: intent.currency };
  const words = {
    ...(given.metadata !== undefined && { metadata: mergeMetadata(intent.metadata, given.metadata) }),
    ...(statement_descriptor && { statement_descriptor }),
    ...(statement_descriptor_suffix && { statement_descriptor_suffix }),
    ...detailsIn(given, intent, of, moment),
  };
  await commit(ctx, captureIntent(await reservedBy(ctx, intent), { amount: given.amount_to_capture ?? null, final: given.final_capture, words }, moment));
  return answer(intent.id);
}

export async function incrementAuthorization(ctx: Context, given: Params<typeof params.incrementAuthorization>, path: Path): Promise<Answer> {
  const { intent, moment } = await lockIntent(ctx, path.intent);
  const { description, statement_descriptor } = given;
  const words = {
    ...(description && { description }),
    ...(given.metadata !== undefined && { metadata: mergeMetadata(intent.metadata, given.metadata) }),
    ...(statement_descriptor && { statement_descriptor }),
    ...detailsFor(given, intent, moment),
  };
  await commit(ctx, incrementIntent(await reservedBy(ctx, intent), { amount: given.amount, words }, moment));
  return answer(intent.id);
}

/** The small amounts or the code that came to the bank account prove that it is the holder's: the payment goes on. */
export async function verifyMicrodeposits(ctx: Context, given: Params<typeof params.verifyMicrodeposits>, path: Path): Promise<Answer> {
  const { intent, facts, moment } = await lockIntent(ctx, path.intent);
  refuseStranger(ctx, intent, given.client_secret);
  if (intent.next_action?.type !== 'verify_with_microdeposits') refuse('payment_intent_unexpected_state', `The payment intent ${intent.id} waits for no verification of a bank account.`);
  if (facts) refuseUnpayable(facts);
  const [method] = await methodsById(ctx.tx, [intent.payment_method!], true);
  await commit(ctx, await answered(ctx, intent, await verifyDeposits(ctx, method!, intent.next_action.reference, given), moment));
  return answer(intent.id);
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
