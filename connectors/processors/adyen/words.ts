/** What Adyen says, in the words of the port. */
import type { Types } from '@adyen/api-library';
import { minor, minorDigits } from '../../../billing/money.ts';
import type { Assessment, Declined, Failed, Found, HandledOutcome, Outcome, RefundOutcome, Sought, Succeeded, Unknown } from '../processor.ts';
import { PROCESSING, refusalByReason, refusalOf, type Refusal } from './refusals.ts';

export const unknown = (reason: string): Unknown => ({ kind: 'unknown', reason, retry_after: null });

/** Where Adyen counts in other minor units than the API: digits after the point. */
const DIGITS: Readonly<Record<string, number>> = { clp: 2, cve: 0, idr: 0, isk: 2, ugx: 0 };

/** An amount in Adyen's minor units; null where it cannot be said in them. */
export function amountOf(amount: bigint, currency: string): Types.checkout.Amount | null {
  const shift = (DIGITS[currency] ?? minorDigits(currency)) - minorDigits(currency);
  const scale = 10n ** BigInt(Math.abs(shift));
  if (shift < 0 && amount % scale !== 0n) return null;
  return { value: minor(shift < 0 ? amount / scale : amount * scale), currency: currency.toUpperCase() };
}

/** What Adyen says of an amount, in the minor units of the API. */
export function amountIn({ value, currency }: { value: number; currency: string }): { amount: bigint; currency: string } {
  const own = currency.toLowerCase();
  const shift = (DIGITS[own] ?? minorDigits(own)) - minorDigits(own);
  const scale = 10n ** BigInt(Math.abs(shift));
  return { amount: shift > 0 ? BigInt(value) / scale : BigInt(value) * scale, currency: own };
}

/** Where no connection was made the request never left. The library passes on Node's sentence only. */
const NEVER_LEFT = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH/;
/** The first request with this idempotency key is still being worked on. */
const IN_PROGRESS = '704';

/** What an error of Adyen's library proves: a request that was refused as such was not tried; all else leaves open whether there was an effect. */
export function wordOfError(error: unknown): Failed | Unknown {
  const { name, statusCode, errorCode, message, apiError } = error as Error & { statusCode?: number; errorCode?: string; apiError?: { message?: string } };
  if (name === 'HttpClientException' && statusCode !== undefined) {
    if (statusCode === 401 || statusCode === 403) return { kind: 'failed', code: 'processing_error', message: 'Adyen has refused the API key of this processor, so nothing was done. Give it one that is in force and may take payments.', technical: true };
    if ((statusCode === 400 || statusCode === 404 || statusCode === 422) && errorCode !== IN_PROGRESS) return { kind: 'failed', code: 'processing_error', message: `Adyen has refused the request: ${apiError?.message ?? message}` };
    return unknown(`Adyen answered with ${statusCode}.`);
  }
  if (NEVER_LEFT.test(message)) return { kind: 'failed', code: 'processing_error', message: 'Adyen could not be reached, so nothing was done. Try again.', technical: true };
  return unknown('The answer did not arrive.');
}

/** Adyen's score is not the one of the API, so no risk is claimed. */
const assessed = (type: Assessment['type'], network_status: Assessment['network_status'], reason: string | null): Assessment => ({ type, network_status, reason, risk_level: 'normal', risk_score: 0 });

function declined(reference: string, refusal: Refusal, more: Partial<Declined> = {}): Declined {
  const reached = refusal.code !== 'payment_intent_authentication_failure';
  return {
    kind: 'declined', reference, ...refusal, network_decline_code: null, network_advice_code: null, assessment: assessed('issuer_declined', reached ? 'declined_by_network' : 'not_sent_to_network', refusal.decline_code ?? refusal.code),
    action: refusal.code === 'authentication_required' ? { kind: '3ds', reference, url: null } : null, ...more,
  };
}

const succeeded = (reference: string, captured: boolean, more: Partial<Succeeded> = {}): Succeeded => ({
  kind: 'succeeded', reference, captured, network_transaction_id: null, authorization_code: null, three_d_secure: null, assessment: assessed('authorized', 'approved_by_network', null), available: 'later', foretold: [], ...more,
});

type Paid = Types.checkout.PaymentResponse | Types.checkout.PaymentDetailsResponse;

/** The answer to a payment by a method of a type, which is captured at once or only reserved. */
export function outcomeOfPayment(paid: Paid, { op_id, type, captured, increment = false }: { op_id: string; type: string; captured: boolean; increment?: boolean }): Outcome {
  const { resultCode, refusalReasonCode, refusalReason, additionalData = {} } = paid as Types.checkout.PaymentResponse;
  const reference = paid.pspReference ?? op_id;
  const money = paid.amount && paid.amount.value > 0 ? amountIn(paid.amount) : undefined;
  const raw = (name: string): string | null => (additionalData as Record<string, string>)[name] ?? null;
  switch (resultCode as string | undefined) {
    case 'Authorised':
    case 'PartiallyAuthorised':
      return succeeded(reference, captured, {
        ...(money && { money, ...(!captured && type === 'card' && { allowed: { increment, multicapture: false, extended: false, most: money.amount } }) }),
        network_transaction_id: raw('networkTxReference'), authorization_code: raw('authCode'),
        three_d_secure: raw('threeDAuthenticated') === 'true' ? { result: 'authenticated', authentication_flow: 'challenge', version: raw('threeDSVersion') ?? '2.2.0' } : null,
      });
    case 'Received':
    case 'Pending':
    case 'AuthenticationNotRequired':
      return { kind: 'pending', reference, assessment: assessed('authorized', 'approved_by_network', null), learned: null, foretold: [] };
    case 'RedirectShopper':
    case 'ChallengeShopper':
    case 'IdentifyShopper':
    case 'PresentToShopper': {
      const url = ((paid as Types.checkout.PaymentResponse).action as { url?: string } | undefined)?.url ?? null;
      return { kind: 'requires_action', reference, action: type === 'card' || url === null ? { kind: '3ds', reference, url } : { kind: 'redirect', reference, url } };
    }
    case 'Refused':
      return declined(reference, refusalOf(refusalReasonCode), { network_decline_code: /^[0-9A-Z]{1,4}(?= ?:)/.exec(raw('refusalReasonRaw') ?? '')?.[0] ?? null, network_advice_code: raw('merchantAdviceCode')?.split(' ')[0] ?? null });
    case 'Cancelled':
      return declined(reference, refusalOf('15'));
    case 'Error':
      return declined(reference, refusalReasonCode === undefined ? PROCESSING : refusalOf(refusalReasonCode), { assessment: assessed('invalid', 'not_sent_to_network', refusalReason ?? null) });
    default:
      return unknown(`Adyen has the payment as ${resultCode}.`);
  }
}

/** Adyen cannot be asked what became of an operation: it says so by webhook, once it knows. */
export function foundBy({ verb = 'charge', reference, charge, capture, said }: Sought): Found {
  if (!said || reference === undefined) return unknown('Adyen cannot be asked; it tells by webhook.');
  const { success, reason } = said;
  const named = said.money && said.money.amount !== '0' ? { money: { ...said.money, amount: BigInt(said.money.amount) } } : {};
  switch (verb) {
    case 'charge':
    case 'save':
      return { kind: verb, outcome: success ? succeeded(reference, verb === 'charge' && capture !== 'manual', named) : declined(reference, refusalByReason(reason)) };
    case 'refund': {
      const outcome: RefundOutcome = success ? { kind: 'succeeded', reference, ...named, network_reference: null, foretold: [] } : { kind: 'declined', reference, failure_reason: 'declined', message: `The money could not be given back: ${reason ?? 'no reason was given'}.` };
      return { kind: 'refund', outcome };
    }
    default: {
      const outcome: HandledOutcome = success ? { kind: 'succeeded', reference: charge ?? reference, ...(verb !== 'cancel' && named) } : { kind: 'declined', reference: charge ?? reference, code: 'charge_already_captured', message: `There is nothing left of the reserved amount for this: ${reason ?? 'no reason was given'}.` };
      return { kind: verb, outcome };
    }
  }
}
