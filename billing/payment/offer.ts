/** The types of payment methods that Kontor knows: how the money comes, in which currencies, and for what each is good. A processor may do less. */
import { refuse } from '../decision.ts';
import { chargeStep, formatMoney, maximumCharge } from '../money.ts';
import type { CaptureMethod, PaymentMethodRow } from './payment.ts';

export type MethodCapability = {
  /** How the money comes: charged at once, after the holder's word on another page, as a debit that takes days, or sent by the holder. */
  flow: 'instant' | 'redirect' | 'debit' | 'push';
  currencies: readonly string[] | 'all';
  countries: readonly string[] | 'all';
  capture: readonly ('automatic' | 'manual')[];
  setup_future_usage: readonly ('on_session' | 'off_session')[];
  /** As what type it is kept for later, where not as its own. */
  kept_as?: string;
  /** It is charged without its holder under a mandate only. */
  mandate: boolean;
  refund: 'full' | 'partial' | 'none';
  dispute: boolean;
  network_tokens: boolean;
  three_d_secure: 'native' | 'redirect' | 'external' | 'none';
  /** Whether what was reserved may be raised, and by how many percent more may be captured than was reserved. */
  increment: boolean;
  overcapture_percent: number;
  /** Whether what was reserved may be captured in several parts. */
  multicapture: boolean;
  /** The least and the most of a payment, in minor units, where there are such. */
  amounts?: { least?: bigint; most?: bigint };
};

const SEPA = ['AT', 'BE', 'BG', 'CH', 'CY', 'CZ', 'DE', 'DK', 'EE', 'ES', 'FI', 'FR', 'GB', 'GI', 'GR', 'HR', 'HU', 'IE', 'IT', 'LI', 'LT', 'LU', 'LV', 'MC', 'MT', 'NL', 'NO', 'PL', 'PT', 'RO', 'SE', 'SI', 'SK', 'SM'];
const KLARNA = ['aud', 'cad', 'chf', 'czk', 'dkk', 'eur', 'gbp', 'nok', 'nzd', 'pln', 'ron', 'sek', 'usd'];
const PAYPAL = ['aud', 'cad', 'chf', 'czk', 'dkk', 'eur', 'gbp', 'hkd', 'huf', 'nok', 'nzd', 'pln', 'sek', 'sgd', 'usd'];

const usual: MethodCapability = {
  flow: 'redirect', currencies: 'all', countries: 'all', capture: ['automatic'], setup_future_usage: [], mandate: true, refund: 'partial', dispute: false,
  network_tokens: false, three_d_secure: 'none', increment: false, overcapture_percent: 0, multicapture: false,
};

/** In the order in which they are offered. */
export const METHODS: Readonly<Record<string, MethodCapability>> = {
  card: { ...usual, flow: 'instant', capture: ['automatic', 'manual'], setup_future_usage: ['on_session', 'off_session'], mandate: false, dispute: true, three_d_secure: 'redirect', increment: true, overcapture_percent: 15, multicapture: true },
  link: { ...usual, flow: 'instant', capture: ['automatic', 'manual'], setup_future_usage: ['off_session'], dispute: true },
  us_bank_account: { ...usual, flow: 'debit', currencies: ['usd'], countries: ['US'], setup_future_usage: ['on_session', 'off_session'], dispute: true },
  sepa_debit: { ...usual, flow: 'debit', currencies: ['eur'], countries: SEPA, setup_future_usage: ['on_session', 'off_session'], dispute: true },
  cashapp: { ...usual, currencies: ['usd'], countries: ['US'], capture: ['automatic', 'manual'], setup_future_usage: ['on_session', 'off_session'], dispute: true },
  ideal: { ...usual, currencies: ['eur'], countries: ['NL'], setup_future_usage: ['off_session'], kept_as: 'sepa_debit' },
  bancontact: { ...usual, currencies: ['eur'], countries: ['BE'], setup_future_usage: ['off_session'], kept_as: 'sepa_debit' },
  klarna: { ...usual, currencies: KLARNA, capture: ['automatic', 'manual'], setup_future_usage: ['on_session', 'off_session'], dispute: true },
  paypal: { ...usual, currencies: PAYPAL, capture: ['automatic', 'manual'], setup_future_usage: ['off_session'], dispute: true },
  customer_balance: { ...usual, flow: 'push', currencies: ['eur', 'gbp', 'jpy', 'mxn', 'usd'], mandate: false },
};

/** Offered only where it is asked for: the money is sent to an account of the customer's own. */
const BY_REQUEST: readonly string[] = ['customer_balance'];

type Offer = {
  /** Null where a method is only to be kept. */
  currency: string | null;
  capture_method: CaptureMethod;
  setup_future_usage: 'on_session' | 'off_session' | null;
  allowed: readonly string[] | null;
  excluded: readonly string[] | null;
  /** What the account has switched on, where it has said so. */
  enabled: readonly string[] | null;
  allow_redirects: boolean;
};

/** Why a type cannot be used for a payment like this; null where it can. */
function unfit(type: string, { currency, capture_method, setup_future_usage }: Pick<Offer, 'currency' | 'capture_method' | 'setup_future_usage'>): string | null {
  const facts = METHODS[type]!;
  if (currency !== null && facts.currencies !== 'all' && !facts.currencies.includes(currency)) return `payments by ${type} are in ${facts.currencies.join(', ')}, not in ${currency}`;
  if (capture_method === 'manual' && !facts.capture.includes('manual')) return `payments by ${type} cannot be authorized first and captured later`;
  if (setup_future_usage !== null && !facts.setup_future_usage.includes(setup_future_usage)) return `${type} cannot be kept for later payments of this kind (${setup_future_usage})`;
  return null;
}

/** Refuses types by which bills in a currency are to be paid, where one never pays such a bill. */
export function refuseUnfit({ payment_method_types: types }: { payment_method_types?: readonly string[] | null }, currency: string): void {
  for (const type of types ?? []) {
    const why = unfit(type, { currency, capture_method: 'automatic', setup_future_usage: null });
    if (why) refuse('payment_intent_invalid_parameter', `The payment method type ${type} cannot be allowed here: ${why}.`, 'payment_settings[payment_method_types]');
  }
}

/** The types that a payment can be made with, in the order in which they are offered. Types that are asked for by name must all be fit. */
export function offeredTypes(offer: Offer): string[] {
  for (const type of offer.allowed ?? []) {
    const why = unfit(type, offer);
    if (why) refuse('payment_intent_invalid_parameter', `The payment method type ${type} cannot be allowed here: ${why}.`, 'allowed_payment_method_types');
  }
  const types = Object.keys(METHODS).filter((type) => {
    if (offer.excluded?.includes(type)) return false;
    if (offer.allowed) return offer.allowed.includes(type);
    if (offer.enabled ? !offer.enabled.includes(type) : BY_REQUEST.includes(type)) return false;
    return unfit(type, offer) === null && (offer.allow_redirects || METHODS[type]!.flow !== 'redirect');
  });
  if (types.length === 0) refuse('payment_intent_invalid_parameter', 'No payment method type is left for this payment: allow one that can be used with its currency and its way of capture, or exclude fewer.', 'allowed_payment_method_types');
  return types;
}

/** Refuses a method of a type that a payment or a setup cannot be made with. */
export function refuseType(method: Pick<PaymentMethodRow, 'id' | 'type'>, types: readonly string[], of: string): void {
  if (types.includes(method.type)) return;
  refuse('payment_intent_incompatible_payment_method', `The payment method ${method.id} is of the type ${method.type}; ${of} can be made with ${types.join(', ')}. More types are offered by \`allowed_payment_method_types\` or by the payment method configuration, where they fit.`, 'payment_method');
}

/** By the country of who pays, the only currency in which Klarna takes its payments. */
const KLARNA_AT: Readonly<Record<string, string>> = {
  AU: 'aud', CA: 'cad', CH: 'chf', CZ: 'czk', DK: 'dkk', GB: 'gbp', NO: 'nok', NZ: 'nzd', PL: 'pln', RO: 'ron', SE: 'sek', US: 'usd',
  ...Object.fromEntries(['AT', 'BE', 'DE', 'ES', 'FI', 'FR', 'GR', 'IE', 'IT', 'NL', 'PT'].map((country) => [country, 'eur'])),
};

/** What stands in the way of a payment: a code of Stripe's, a sentence, and which parameter it is about, where it is always the same. */
export type Fault = { code: string; message: string; param?: string };

/** Why a method does not pay in a currency from the country of who pays; null where it does. */
export function foreign({ id, type, billing_details: { address } }: Pick<PaymentMethodRow, 'id' | 'type' | 'billing_details'>, currency: string): Fault | null {
  const country = address?.country;
  if (type !== 'klarna' || country == null || KLARNA_AT[country] === currency) return null;
  const why = KLARNA_AT[country] ? `is paid in ${KLARNA_AT[country]}, not in ${currency}` : 'is not possible';
  return { code: 'payment_method_currency_mismatch', message: `The payment method ${id} is Klarna's in ${country}: what is bought there ${why}.`, param: 'payment_method' };
}

/** Why a card cannot be charged on a network; null where it can, or none was asked for. */
export function offNetwork({ id, card }: Pick<PaymentMethodRow, 'id' | 'card'>, network: unknown): Fault | null {
  if (!card || typeof network !== 'string' || card.networks.available.includes(network)) return null;
  return { code: 'payment_intent_invalid_parameter', message: `The card ${id} is not on the network ${network}; it is on ${card.networks.available.join(' and ')}.`, param: 'payment_method_options[card][network]' };
}

/** Why so much cannot be charged at once; null where it can. */
export function tooLarge(amount: bigint, currency: string): Fault | null {
  const most = maximumCharge(currency);
  return amount <= most ? null : { code: 'amount_too_large', message: `The largest amount of one payment in ${currency} is ${formatMoney(most, currency)}; this one would be ${formatMoney(amount, currency)}.` };
}

/** Why an amount that somebody has chosen cannot be charged, captured or given back; null where it can. What Kontor works out itself, such as what an invoice comes to, is taken as it is. */
export function uneven(amount: bigint, currency: string): Fault | null {
  const step = chargeStep(currency);
  return amount % step === 0n ? null : { code: 'invalid_charge_amount', message: `An amount in ${currency} is a multiple of ${step}, as card networks take no smaller parts: ${amount} is not.` };
}

/** Why a method cannot be charged for an amount without its holder, as it is: of another type than is taken, without a mandate, to be approved each time, from abroad, on another network, or for too much at once. Null where it can. */
export function faultInCharge(method: PaymentMethodRow, { types, amount, currency, network }: { types: readonly string[]; amount: bigint; currency: string; network?: unknown }): Fault | null {
  const { id, type, mandate, set_up } = method;
  const facts = METHODS[type];
  const fault = (code: string, why: string): Fault => ({ code, message: `The payment method ${id}, of the type ${type}, ${why}.`, param: 'payment_method' });
  if (!facts || !types.includes(type)) return fault('payment_intent_incompatible_payment_method', `cannot pay this; what can is of the types ${types.join(', ')}`);
  if (facts.flow === 'push') return fault('payment_intent_incompatible_payment_method', 'is sent by the customer, and cannot be charged');
  if (facts.flow === 'debit' && mandate === null) return fault('payment_intent_mandate_invalid', 'has no mandate under which it could be debited');
  if (facts.flow === 'redirect' && !set_up) return fault('authentication_required', 'is approved by who pays, on another page, each time: it was not set up to be charged without that');
  return foreign(method, currency) ?? offNetwork(method, network) ?? tooLarge(amount, currency);
}

export const refuseFault = (fault: Fault | null, param?: string): void => { if (fault) refuse(fault.code, fault.message, param ?? fault.param); };

/** Whether a method can be kept by attaching it alone, or only by a payment or setup that its holder agrees to. */
export function refuseKeeping({ id, type }: Pick<PaymentMethodRow, 'id' | 'type'>, param: string): void {
  const facts = METHODS[type];
  if (!facts || (facts.kept_as === undefined && facts.setup_future_usage.length > 0)) return;
  const instead = facts.kept_as ? ` Set it up with a setup intent: what is kept then is a ${facts.kept_as} method.` : '';
  refuse('payment_method_not_available', `The payment method ${id} is of the type ${type}, which cannot be kept for later.${instead}`, param);
}
