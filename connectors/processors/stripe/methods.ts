/** The payment methods that Stripe takes for us, and how one that is kept there looks. */
import type Stripe from 'stripe';
import { METHODS } from '../../../billing/payment/offer.ts';
import type { Capabilities, CardChecks, CardDetails, MethodSource, Payer, Tokenized } from '../processor.ts';
import { idOf, referenceTo, wordOfError } from './words.ts';

const { customer_balance: _, ...methods } = METHODS;

/**
 * Stripe keeps the answer to an idempotency key for 24 hours at least; its search finds what is older than that for certain. Of requests it takes 25 in a second in test mode, and 100 in live mode, where an operation takes
 * about one.
 */
export const CAPABILITIES: Capabilities = { methods, idempotency: 'header', ttl_hours: 24, lookup: ['op_id', 'reference'], settles_in_s: 86_400, gives_up: true, at_once: 25 };

const checksOf = (checks: Stripe.PaymentMethod.Card.Checks | null): CardChecks => ({
  cvc_check: (checks?.cvc_check ?? null) as CardChecks['cvc_check'],
  address_line1_check: (checks?.address_line1_check ?? null) as CardChecks['address_line1_check'],
  address_postal_code_check: (checks?.address_postal_code_check ?? null) as CardChecks['address_postal_code_check'],
});

function cardOf(card: Stripe.PaymentMethod.Card): CardDetails {
  const { brand, country, display_brand, exp_month, exp_year, fingerprint, funding, last4, networks, regulated_status, three_d_secure_usage, wallet } = card;
  return {
    brand, exp_month, exp_year, last4,
    country: country ?? '',
    display_brand: display_brand ?? brand,
    fingerprint: fingerprint ?? '',
    funding: funding as CardDetails['funding'],
    networks: { available: networks?.available ?? [brand], preferred: networks?.preferred ?? null },
    regulated_status: regulated_status === 'regulated' ? 'regulated' : 'unregulated',
    three_d_secure_usage: { supported: three_d_secure_usage?.supported ?? false },
    ...(wallet && { wallet: { ...wallet, type: wallet.type, dynamic_last4: wallet.dynamic_last4 } as CardDetails['wallet'] }),
    checks: checksOf(card.checks),
  };
}

/** A method that is attached to a Stripe customer has been agreed to there, so it is charged without its holder as Stripe would. */
function kept(method: Stripe.PaymentMethod): Tokenized {
  const { id, type, customer, card, billing_details: { name, email, address } } = method;
  const stored = { type, reference: referenceTo(idOf(customer), id), identity: id, set_up: idOf(customer) !== null, network_transaction_id: null };
  if (card) return { kind: 'card', method: stored, card: cardOf(card), verified: checksOf(card.checks) };
  const payer: Partial<Payer> = { ...(name && { name }), ...(email && { email }), ...(address?.country && { country: address.country }) };
  return { kind: 'other', type, method: stored, details: { ...(method as unknown as Record<string, Record<string, unknown> | undefined>)[type] }, payer };
}

async function ask(stripe: Stripe, source: MethodSource): Promise<Stripe.PaymentMethod | null> {
  if ('token' in source) {
    if (/^pm_[A-Za-z0-9_]+$/.test(source.token)) return stripe.paymentMethods.retrieve(source.token);
    return /^tok_[A-Za-z0-9_]+$/.test(source.token) ? stripe.paymentMethods.create({ type: 'card', card: { token: source.token } }) : null;
  }
  const { type, fields, payer: { name, email, country } } = source;
  const billing_details = { ...(name && { name }), ...(email && { email }), ...(country && { address: { country } }) };
  return stripe.paymentMethods.create({ type, [type]: fields, billing_details } as Stripe.PaymentMethodCreateParams);
}

/** What Stripe has under a name of its own, or makes of the fields of another type. */
export async function tokenize(stripe: Stripe, source: MethodSource): Promise<Tokenized> {
  try {
    const method = await ask(stripe, source);
    return method ? kept(method) : { kind: 'absent' };
  } catch (error) {
    const { code, param, type, decline_code } = error as Stripe.errors.StripeError;
    if (code === 'resource_missing') return { kind: 'absent' };
    const word = wordOfError(error);
    const about = { decline_code: decline_code ?? null, param: param ?? ('token' in source ? 'token' : source.type) };
    if (word.kind === 'unknown') return { kind: 'down', message: 'Stripe has not answered what the payment method is. Nothing has been changed; try again.' };
    if (word.kind === 'failed' && word.technical) return { kind: 'down', message: word.message };
    return { kind: 'refused', code: word.code, message: word.message, type: type === 'StripeCardError' ? 'card_error' : 'invalid_request_error', ...about };
  }
}
