/** What Stripe says, in the words of the port. Stripe's codes are those of the API, so they are passed on as they come. */
import type Stripe from 'stripe';
import type { Pending } from '../../../billing/payment/outcome.ts';
import type { Action, Allowed, Assessment, Declined, Failed, Fee, HandledOutcome, Money, Outcome, RefundOutcome, Settled, Succeeded, ThreeDSecure, Unknown } from '../processor.ts';
import { CAPTURE, INCREMENT } from './told.ts';

/** A token is Stripe's id of the payment method, behind the id of the Stripe customer that it is attached to, if any: `pm_…` or `cus_…/pm_…`. */
export function partsOf(reference: string): { customer: string | null; method: string } {
  const [first = '', second] = reference.split('/');
  return second === undefined ? { customer: null, method: first } : { customer: first, method: second };
}

export const referenceTo = (customer: string | null, method: string): string => (customer === null ? method : `${customer}/${method}`);

export const idOf = (of: string | { id: string } | null | undefined): string | null => (typeof of === 'string' ? of : (of?.id ?? null));
const whole = <T extends { id: string }>(of: string | T | null | undefined): T | null => (typeof of === 'object' && of !== null ? of : null);

export const unknown = (reason: string, retry_after: number | null = null): Unknown => ({ kind: 'unknown', reason, retry_after });

/** What Node says where no connection was made, so that the request never left; said of a connection that was there, some of it is about an answer that was lost. An address of several hosts was tried at each. */
const NEVER_LEFT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'];
type Broken = { code?: string; syscall?: string; errors?: readonly Broken[] };
const neverLeft = ({ code = '', syscall = '', errors }: Broken): boolean => (errors ? errors.every(neverLeft) : NEVER_LEFT.includes(code) && ['connect', 'getaddrinfo'].includes(syscall));

type Said = Partial<Record<'code' | 'decline_code' | 'message' | 'advice_code' | 'network_advice_code' | 'network_decline_code', string>>;

function assessmentOf(outcome: Stripe.Charge.Outcome | null | undefined, otherwise: Pick<Assessment, 'type' | 'network_status' | 'reason'>): Assessment {
  const { type, network_status, reason, risk_level, risk_score } = { ...outcome };
  return {
    type: (type as Assessment['type'] | undefined) ?? otherwise.type,
    network_status: (network_status as Assessment['network_status'] | undefined) ?? otherwise.network_status,
    reason: reason ?? otherwise.reason,
    risk_level: risk_level === 'elevated' || risk_level === 'highest' ? risk_level : 'normal',
    risk_score: risk_score ?? 0,
  };
}

function declined(reference: string, said: Said, outcome?: Stripe.Charge.Outcome | null): Declined {
  const code = said.code ?? 'card_declined';
  return {
    kind: 'declined', reference, code,
    decline_code: said.decline_code ?? null,
    message: said.message ?? 'The payment was declined.',
    advice_code: (said.advice_code as Declined['advice_code'] | undefined) ?? null,
    network_decline_code: said.network_decline_code ?? null,
    network_advice_code: said.network_advice_code ?? null,
    assessment: assessmentOf(outcome, { type: 'issuer_declined', network_status: 'declined_by_network', reason: said.decline_code ?? code }),
    action: code === 'authentication_required' ? { kind: '3ds', reference, url: null } : null,
  };
}

/**
 * What an error of Stripe's library proves. A card error is the issuer's word; a request that was refused as such was not tried; a connection that was never made carried nothing.
 * Everything else (a timeout, a 5xx, a conflict of idempotency keys, too many requests) leaves open whether there was an effect.
 */
export function wordOfError(error: unknown): Declined | Failed | Unknown {
  const { type, code, message, headers, statusCode, detail, payment_intent, setup_intent } = error as Stripe.errors.StripeError;
  switch (type) {
    case 'StripeCardError':
      return declined(payment_intent?.id ?? setup_intent?.id ?? '', error as Said, whole(payment_intent?.latest_charge)?.outcome);
    case 'StripeInvalidRequestError':
      // What is not there may be so because the key is another account's now.
      return { kind: 'failed', code: code ?? 'processing_error', message, ...(code === 'resource_missing' && { technical: true }) };
    case 'StripeAuthenticationError':
    case 'StripePermissionError':
      return { kind: 'failed', code: 'processing_error', message: 'Stripe has refused the key of this processor, so nothing was done. Give it a key that is in force.', technical: true };
    case 'StripeRateLimitError':
      return unknown('Stripe has had too many requests.', Number(headers?.['retry-after']) || null);
    case 'StripeConnectionError':
      if (neverLeft((detail ?? {}) as Broken)) return { kind: 'failed', code: 'processing_error', message: 'Stripe could not be reached, so nothing was done. Try again.', technical: true };
      return unknown('The answer did not arrive.');
    default:
      return unknown(statusCode ? `Stripe answered with ${statusCode}.` : 'The answer could not be read.');
  }
}

/** What Stripe has kept of a movement, line by line, in the currency in which it settles. */
export function feesIn({ fee_details }: Stripe.BalanceTransaction): Fee[] {
  return fee_details.map(({ type, description, amount }): Fee => ({
    type: type === 'tax' || type === 'withheld_tax' ? 'tax' : type === 'payment_method_passthrough_fee' ? 'network' : 'processing', description: description ?? 'Stripe', amount: BigInt(amount),
  }));
}

/** What a movement came to where Stripe settles it in another currency than its own. */
export function settledIn({ amount, currency, exchange_rate }: Stripe.BalanceTransaction, of: string): Settled | null {
  return currency === of ? null : { currency, amount: BigInt(amount), exchange_rate: String(exchange_rate) };
}

/** Whether a movement is of so much, by the rate at which it was settled. */
export const comesTo = ({ amount, exchange_rate }: Stripe.BalanceTransaction, of: bigint): boolean => Math.abs(amount - Number(of) * (exchange_rate ?? 1)) <= 1;

/** What of a charge has come to the account. */
const broughtBy = (charge: Stripe.Charge | null): Brought => broughtIn(whole(charge?.balance_transaction), charge?.currency ?? '');

type Brought = { fees: Fee[]; settled: Settled | null };

export const broughtIn = (moved: Stripe.BalanceTransaction | null, of: string): Brought => (moved ? { fees: feesIn(moved), settled: settledIn(moved, of) } : { fees: [], settled: null });

function actionOf(intent: Stripe.PaymentIntent | Stripe.SetupIntent): Action {
  const { id, next_action: next } = intent;
  if (next?.type === 'verify_with_microdeposits') {
    const { arrival_date, hosted_verification_url: url, microdeposit_type } = next.verify_with_microdeposits!;
    return { kind: 'microdeposits', reference: id, type: microdeposit_type === 'amounts' ? 'amounts' : 'descriptor_code', arrives_in: Math.max(0, arrival_date - intent.created), url };
  }
  const url = next?.redirect_to_url?.url ?? next?.cashapp_handle_redirect_or_display_qr_code?.hosted_instructions_url ?? null;
  return intent.payment_method_types[0] === 'card' || url === null ? { kind: '3ds', reference: id, url } : { kind: 'redirect', reference: id, url };
}

type Details = Stripe.Charge.PaymentMethodDetails | Stripe.SetupAttempt.PaymentMethodDetails | null | undefined;

/** The fields under the type, and the debit method that an iDEAL or Bancontact payment has left. */
function learnedOf(details: Details, reference: string | undefined): Succeeded['learned'] {
  const type = details?.type;
  const own = type && type !== 'card' ? ((details as unknown as Record<string, Record<string, unknown> | undefined>)[type] ?? null) : null;
  const debit = own?.generated_sepa_debit as string | Stripe.PaymentMethod | null | undefined;
  const kept = whole(debit);
  return {
    ...(own && { details: { ...own, ...(debit !== undefined && { generated_sepa_debit: null, generated_sepa_debit_mandate: null }) } }),
    ...(reference !== undefined && { reference }),
    ...(kept?.sepa_debit && { reusable: { type: 'sepa_debit', reference: referenceTo(idOf(kept.customer), kept.id), identity: kept.id, details: { ...kept.sepa_debit } as Record<string, unknown> } }),
  };
}

function securedBy(secured: Stripe.Charge.PaymentMethodDetails.Card.ThreeDSecure | null | undefined): ThreeDSecure | null {
  const result = (['authenticated', 'processing_error'] as const).find((each) => each === secured?.result);
  return result ? { result, authentication_flow: secured!.authentication_flow === 'challenge' ? 'challenge' : null, version: secured!.version ?? '2.2.0' } : null;
}

/** What may be done about what is reserved, as its charge says. */
function allowedBy(charge: Stripe.Charge | null): Allowed | undefined {
  const card = charge?.payment_method_details?.card;
  if (!card) return undefined;
  const { extended_authorization, incremental_authorization, multicapture, overcapture } = card;
  return { increment: incremental_authorization?.status === 'available', multicapture: multicapture?.status === 'available', extended: extended_authorization?.status === 'enabled', most: BigInt(overcapture?.status === 'available' ? overcapture.maximum_amount_capturable : charge.amount) };
}

/** What has come of an intent, or else is reserved or on its way. */
function moneyOf({ status, amount, amount_received, amount_capturable, currency }: Stripe.PaymentIntent): Money {
  if (status === 'processing') return { amount: BigInt(amount), currency };
  return { amount: BigInt(amount_received) + (status === 'requires_capture' ? BigInt(amount_capturable) : 0n), currency };
}

function succeeded(reference: string, captured: boolean, charge: Stripe.Charge | null, token: string | undefined): Succeeded {
  const card = charge?.payment_method_details?.card;
  const settled = whole(charge?.balance_transaction);
  return {
    kind: 'succeeded', reference, captured,
    ...(captured ? broughtBy(charge) : { capture_before: card?.capture_before ?? null, allowed: allowedBy(charge) }),
    network_transaction_id: card?.network_transaction_id ?? null,
    authorization_code: card?.authorization_code ?? null,
    three_d_secure: securedBy(card?.three_d_secure),
    assessment: assessmentOf(charge?.outcome, { type: 'authorized', network_status: 'approved_by_network', reason: null }),
    learned: learnedOf(charge?.payment_method_details, token),
    available: settled && settled.available_on <= settled.created ? 'now' : 'later',
    foretold: [],
  };
}

/** What has gone through with a Stripe customer has left the method with it: that is its token from now on, however the word has come. */
const tokenIn = ({ customer, payment_method }: Pick<Stripe.PaymentIntent | Stripe.SetupIntent, 'customer' | 'payment_method'>): string | undefined => {
  const [owner, method] = [idOf(customer), idOf(payment_method)];
  return owner !== null && method !== null ? referenceTo(owner, method) : undefined;
};

/** Whether what a charge has brought is not written down yet: Stripe tells by `charge.updated` once it is. Of one that is captured in parts each capture is asked for by itself. */
const isUnsettled = (charge: Stripe.Charge | null): boolean => charge !== null && charge.amount_captured !== 0 && whole(charge.balance_transaction) === null;

const onItsWay = (intent: Stripe.PaymentIntent, charge: Stripe.Charge | null, token: string | undefined): Pending => ({
  kind: 'pending', reference: intent.id, money: moneyOf(intent), assessment: assessmentOf(charge?.outcome, { type: 'authorized', network_status: 'approved_by_network', reason: null }), learned: learnedOf(charge?.payment_method_details, token), foretold: [],
});

/** A payment intent as the outcome of the charge that made it; of one that only reserved, with what was captured since. */
export function outcomeOfIntent(intent: Stripe.PaymentIntent): Outcome {
  const token = tokenIn(intent);
  const charge = whole(intent.latest_charge);
  switch (intent.status) {
    case 'succeeded':
      // What it came to is not known yet: until then it is on its way.
      if (isUnsettled(charge)) return onItsWay(intent, charge, token);
      return { ...succeeded(intent.id, true, charge, token), money: moneyOf(intent) };
    case 'requires_capture':
      return { ...succeeded(intent.id, false, charge, token), money: moneyOf(intent) };
    case 'processing':
      return onItsWay(intent, charge, token);
    case 'requires_action':
    case 'requires_confirmation':
      return { kind: 'requires_action', reference: intent.id, action: actionOf(intent) };
    case 'requires_payment_method':
      return intent.last_payment_error ? declined(intent.id, intent.last_payment_error as Said, charge?.outcome) : { kind: 'failed', code: 'payment_intent_unexpected_state', message: 'Stripe has the payment without a payment method: nothing was taken.' };
    case 'canceled':
      return { kind: 'canceled', reference: intent.id };
    default:
      return unknown(`Stripe has the payment as ${intent.status}.`);
  }
}

export function outcomeOfSetup(intent: Stripe.SetupIntent): Outcome {
  const token = tokenIn(intent);
  switch (intent.status) {
    case 'succeeded':
      return { ...succeeded(intent.id, false, null, token), learned: learnedOf(whole(intent.latest_attempt)?.payment_method_details, token) };
    case 'processing':
      return { kind: 'pending', reference: intent.id, assessment: assessmentOf(null, { type: 'authorized', network_status: 'approved_by_network', reason: null }), learned: null, foretold: [] };
    case 'requires_action':
    case 'requires_confirmation':
      return { kind: 'requires_action', reference: intent.id, action: actionOf(intent) };
    case 'requires_payment_method':
      return declined(intent.id, (intent.last_setup_error ?? {}) as Said);
    case 'canceled':
      return { kind: 'canceled', reference: intent.id };
    default:
      return unknown(`Stripe has the setup as ${intent.status}.`);
  }
}

/** What was done is known, and not what it came to. */
export const UNSETTLED = unknown('Stripe has not written down yet what this came to.');

/** What a refund is asked for with. */
export const REFUND = { expand: ['balance_transaction', 'failure_balance_transaction'] };

export function outcomeOfRefund({ id, status, amount, currency, failure_reason, destination_details, balance_transaction, failure_balance_transaction }: Stripe.Refund): Exclude<RefundOutcome, Failed> {
  const settled = (of: Stripe.Refund['balance_transaction']) => ((moved) => moved && settledIn(moved, currency))(whole(of));
  const moved = whole(balance_transaction) !== null;
  const told = { reference: id, money: { amount: BigInt(amount), currency }, settled: settled(balance_transaction), network_reference: destination_details?.card?.reference ?? null, foretold: [] };
  switch (status) {
    case 'succeeded':
      return moved ? { kind: status, ...told } : { kind: 'pending', ...told, moved };
    case 'pending':
    case 'requires_action':
      return { kind: status, ...told, ...(!moved && { moved }) };
    case 'canceled':
      return { kind: 'canceled', reference: id, settled: settled(failure_balance_transaction ?? null) };
    case 'failed':
      if (moved && whole(failure_balance_transaction ?? null) === null) return UNSETTLED;
      return { kind: 'declined', reference: id, settled: settled(failure_balance_transaction ?? null), failure_reason: failure_reason ?? 'unknown', message: 'The money could not be given back.' };
    default:
      return unknown(`Stripe has the refund as ${status}.`);
  }
}

/** What was done about a charge that only reserves, seen from its intent, which says by whom it was captured or raised last. Null where it was not done. */
export function outcomeOfHandling(intent: Stripe.PaymentIntent, verb: 'capture' | 'cancel' | 'increment', op_id: string): HandledOutcome | null {
  const { id, status, metadata } = intent;
  const charge = whole(intent.latest_charge);
  const over: HandledOutcome = { kind: 'declined', reference: id, code: 'charge_already_captured', message: 'There is nothing left to capture: the charge was captured or given up before.' };
  switch (verb) {
    case 'increment':
      return metadata[INCREMENT] === op_id ? { kind: 'succeeded', reference: id, money: moneyOf(intent), allowed: allowedBy(charge) } : null;
    case 'capture':
      if (metadata[CAPTURE] === op_id && status !== 'canceled' && !inParts(intent) && isUnsettled(charge)) return UNSETTLED;
      if (metadata[CAPTURE] === op_id && status !== 'canceled') return { kind: 'succeeded', reference: id, money: { amount: BigInt(intent.amount_received), currency: intent.currency }, ...broughtBy(charge) };
      return status === 'requires_capture' ? null : over;
    case 'cancel':
      if (status === 'requires_capture') return null;
      return status === 'canceled' ? { kind: 'succeeded', reference: id } : over;
  }
}

/** Whether a charge may be captured several times, each of which has fees of its own. */
export const inParts = (intent: Stripe.PaymentIntent): boolean => whole(intent.latest_charge)?.payment_method_details?.card?.multicapture?.status === 'available';
