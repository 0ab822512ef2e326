/** What is told with a payment, as Stripe takes it. */
import type Stripe from 'stripe';
import type { ChargeRequest, Shipping, StoredMethod, Told } from '../processor.ts';

/** The metadata by which operations are found again. */
export const OPERATION = 'kontor_operation';
export const INCREMENT = 'kontor_increment';
export const CAPTURE = 'kontor_capture';
const OURS: readonly string[] = [OPERATION, INCREMENT, CAPTURE];

/** Stripe keeps so many pairs with an object; what is over beside ours stays with Kontor only. */
const PAIRS = 50 - OURS.length;

export function pairs(metadata: Told['metadata'], ours: Record<string, string>): Record<string, string> {
  const theirs = Object.entries(metadata ?? {}).filter(([name]) => !OURS.includes(name)).slice(0, PAIRS);
  return { ...Object.fromEntries(theirs), ...ours };
}

/** Without what is not there. */
const filled = <T extends object>(fields: T): { [K in keyof T]: NonNullable<T[K]> } => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined && value !== '')) as { [K in keyof T]: NonNullable<T[K]> };

const shippingTo = ({ address, ...rest }: Shipping): Stripe.PaymentIntentCreateParams.Shipping => ({ ...filled(rest), address: filled(address) });

/** On a card's statement stands the account's own descriptor, to which Stripe adds what a payment has; that of an invoice is added, too. */
export function onStatement({ statement_descriptor, statement_descriptor_suffix }: Pick<Told, 'statement_descriptor' | 'statement_descriptor_suffix'>, { type = 'card' }: Pick<StoredMethod, 'type'>): Pick<Told, 'statement_descriptor' | 'statement_descriptor_suffix'> {
  if (type === 'card') return filled({ statement_descriptor_suffix: statement_descriptor_suffix ?? statement_descriptor });
  return filled({ statement_descriptor });
}

/** What the amount is made of. What does not come to it is told as such, and Stripe sends it on to nobody. */
export function detailsOf({ amount_details: details, payment_details }: Pick<Told, 'amount_details' | 'payment_details'>): Pick<Stripe.PaymentIntentCreateParams, 'amount_details' | 'payment_details'> {
  const { error, line_items = [], shipping, ...rest } = details ?? {};
  const lines = line_items.map(({ id: _, ...line }) => filled(line));
  const amount_details = filled({ ...rest, shipping: shipping && filled(shipping), line_items: lines.length > 0 ? lines : null, enforce_arithmetic_validation: error ? false : null });
  return { ...(details && { amount_details }), ...(payment_details && { payment_details: filled(payment_details) }) } as Pick<Stripe.PaymentIntentCreateParams, 'amount_details' | 'payment_details'>;
}

/** All that goes with a payment. */
export function toldWith(request: ChargeRequest): Omit<Stripe.PaymentIntentCreateParams, 'amount' | 'currency'> {
  const { op_id, description, metadata, receipt_email, shipping, method } = request;
  return { ...filled({ description, receipt_email }), ...(shipping && { shipping: shippingTo(shipping) }), ...onStatement(request, method), ...detailsOf(request), metadata: pairs(metadata, { [OPERATION]: op_id }) } as Omit<Stripe.PaymentIntentCreateParams, 'amount' | 'currency'>;
}

/** What may be asked for where an amount is only reserved. */
const OF_RESERVED: readonly string[] = ['request_extended_authorization', 'request_incremental_authorization', 'request_multicapture', 'request_overcapture'];

/** The options of a method's type. */
export function optionsOf({ method: { type = 'card' }, options = {}, request_three_d_secure: ask, capture }: Pick<ChargeRequest, 'method' | 'options' | 'request_three_d_secure'> & { capture?: ChargeRequest['capture'] }): Pick<Stripe.PaymentIntentCreateParams, 'payment_method_options'> {
  const given = Object.entries(filled(options)).filter(([name]) => !OF_RESERVED.includes(name) || capture === 'manual');
  const own = { ...Object.fromEntries(given), ...(type === 'card' && ask && ask !== 'automatic' && { request_three_d_secure: ask }) };
  return Object.keys(own).length === 0 ? {} : { payment_method_options: { [type]: own } };
}
