/** How what the fake keeps looks, and what of it may be done. */
import { cardNamed, shownCard } from './cards.ts';
import { refuse, type Given } from './params.ts';

export type Thing = { id: string; [field: string]: any };

/** What is asked for about a reserved amount is available. */
function allowedOn({ amount, asked, capture_method }: Thing) {
  const card = capture_method === 'manual' ? (asked.payment_method_options?.card ?? {}) : {};
  const status = (name: string) => (card[name] === 'if_available' ? 'available' : 'unavailable');
  const over = status('request_overcapture');
  return { extended_authorization: { status: status('request_extended_authorization') === 'available' ? 'enabled' : 'disabled' }, incremental_authorization: { status: status('request_incremental_authorization') }, multicapture: { status: status('request_multicapture') }, overcapture: { status: over, maximum_amount_capturable: over === 'available' ? Math.floor(amount * 1.2) : (amount as number) } };
}

/** A charge of an intent by a method. */
export function chargeOf(intent: Thing, method: Thing, id: string): Thing {
  const card = method.card && { ...allowedOn(intent), brand: method.card.brand, last4: method.card.last4, network_transaction_id: `net${intent.id.slice(-9)}`, authorization_code: '123456', three_d_secure: null };
  return {
    id, object: 'charge', amount: intent.amount, currency: intent.currency, status: 'succeeded', payment_intent: intent.id,
    outcome: { type: 'authorized', network_status: 'approved_by_network', reason: null, risk_level: 'normal', risk_score: 20, seller_message: 'Payment complete.' },
    payment_method_details: { type: method.type, [method.type]: card ?? { ...method[method.type] } },
  };
}

export function methodOf({ type, card, billing_details, ...own }: Given, { id, now }: { id: string; now: number }): Thing {
  const base = { id, object: 'payment_method', type, customer: null, created: now, livemode: false, metadata: {}, billing_details: { name: null, email: null, phone: null, address: null, ...billing_details } };
  if (type !== 'card') return { ...base, [type]: type === 'sepa_debit' ? { last4: String(own.sepa_debit?.iban).slice(-4), country: 'DE', bank_code: '37040044' } : { ...(type === 'ideal' && { bank: null, bic: null }), ...own[type] } };
  const known = cardNamed(card?.token ?? '') ?? refuse(404, 'resource_missing', `No such token: '${card?.token}'`, { param: 'token' });
  return { ...base, behind: card.token, card: shownCard(known) };
}

export const setupOf = (given: Given, method: Thing, { id, now }: { id: string; now: number }): Thing => ({
  id, object: 'setup_intent', created: now, status: 'succeeded', customer: given.customer ?? null, payment_method: method.id, payment_method_types: given.allowed_payment_method_types, metadata: given.metadata ?? {}, usage: given.usage, next_action: null,
  last_setup_error: null, latest_attempt: null, asked: given,
});

/** A setup that can still be canceled. */
export function unfinished(setup: Thing): Thing {
  if (setup.status === 'succeeded' || setup.status === 'canceled') refuse(400, 'setup_intent_unexpected_state', `You cannot cancel this SetupIntent because it has a status of ${setup.status}.`);
  return setup;
}

/** What a capture takes, and what it makes of the intent. */
export function captureOf(intent: Thing, method: Thing, { amount_to_capture, final_capture, metadata, statement_descriptor, statement_descriptor_suffix }: Given): { amount: number; change: { status: string; [field: string]: unknown } } {
  const amount = Number(amount_to_capture ?? intent.amount_capturable);
  const { multicapture, overcapture } = allowedOn(intent);
  const final = final_capture !== 'false';
  if (method.type === 'card' && statement_descriptor) refuse(400, 'parameter_unknown', 'The statement_descriptor parameter is not supported for the payment_method_type card.', { param: 'statement_descriptor' });
  if (!final && multicapture.status !== 'available') refuse(400, 'payment_intent_unexpected_state', 'This PaymentIntent is not eligible for multicapture.', { param: 'final_capture' });
  if (amount > (final ? overcapture.maximum_amount_capturable - intent.amount_received : intent.amount_capturable)) refuse(400, 'amount_too_large', 'The amount to capture is more than is capturable.', { param: 'amount_to_capture' });
  if (amount === 0 && !(final_capture === 'true' && intent.amount_received > 0)) refuse(400, 'parameter_invalid_integer', 'Nothing was captured that could be ended.', { param: 'amount_to_capture' });
  const amount_received = intent.amount_received + amount;
  const over = final || amount_received >= intent.amount;
  const words = { metadata: { ...intent.metadata, ...metadata }, ...(statement_descriptor_suffix && { statement_descriptor_suffix }) };
  return { amount, change: { ...words, status: over ? 'succeeded' : 'requires_capture', amount_received, amount_capturable: over ? 0 : intent.amount - amount_received } };
}
