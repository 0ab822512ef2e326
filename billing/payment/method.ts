/** What becomes of a payment method: made, attached to a customer, changed, detached. What the issuer says is asked before; here it is known. */
import type { CustomerWhole } from '../customer/customer.ts';
import { decision, refuse, type Decision, type Instant, type Moment } from '../decision.ts';
import { mergeMetadata } from '../metadata.ts';
import type { BillingDetails, CardChecks, CardDetails, PaymentMethodRow } from './payment.ts';

/** A card as the processor keeps it, and what its checks will be once the issuer was asked. */
export type KeptCard = {
  processor: string;
  method: { reference: string; set_up: boolean; network_transaction_id?: string | null };
  card: CardDetails;
  verified: CardChecks;
};

export type MethodChange = {
  billing_details?: Partial<BillingDetails>;
  allow_redisplay?: PaymentMethodRow['allow_redisplay'];
  metadata?: Record<string, string> | '';
  card?: { exp_month?: number; exp_year?: number; networks?: { preferred?: string | null } };
};

const NOWHERE: BillingDetails['address'] = { city: null, country: null, line1: null, line2: null, postal_code: null, state: null };
const NOBODY: BillingDetails = { address: NOWHERE, email: null, name: null, phone: null, tax_id: null };

/** The month by which an expiry is judged. */
export function monthOf(now: Instant): { year: number; month: number } {
  const { year, month } = Temporal.Instant.fromEpochMilliseconds(now * 1000).toZonedDateTimeISO('UTC');
  return { year, month };
}

/** A new payment method that belongs to nobody yet. Making one is no event. */
export function makeMethod(kept: KeptCard, given: Omit<MethodChange, 'card'> & { preferred_network?: string }, moment: Moment): Decision & { method: PaymentMethodRow } {
  const method: PaymentMethodRow = {
    id: moment.newId('pm'),
    created: moment.now,
    customer: null,
    type: 'card',
    details: null,
    billing_details: { ...NOBODY, ...given.billing_details },
    card: given.preferred_network === undefined ? kept.card : { ...kept.card, networks: preferring(kept.card.networks, given.preferred_network) },
    processor: kept.processor,
    processor_reference: kept.method.reference,
    set_up: kept.method.set_up,
    network_transaction_id: kept.method.network_transaction_id ?? null,
    checks_when_asked: kept.verified,
    spent: false,
    allow_redisplay: given.allow_redisplay ?? 'unspecified',
    metadata: mergeMetadata({}, given.metadata),
  };
  return { ...decision(), puts: [{ table: 'payment_methods', before: null, after: method }], method };
}

/** A preference for a network that the card is not on is kept as such, and never followed. */
function preferring(networks: CardDetails['networks'], preferred: string | null): CardDetails['networks'] {
  return { ...networks, preferred: preferred === null || networks.available.includes(preferred) ? preferred : 'invalid_preference' };
}

/** The method once its issuer was asked, by keeping or charging it: its checks are known. */
export function asked(method: PaymentMethodRow): PaymentMethodRow {
  if (method.checks_when_asked === null || method.card === null) return method;
  return { ...method, card: { ...method.card, checks: method.checks_when_asked }, checks_when_asked: null };
}

/** Refuses what can never be attached to this customer. */
export function refuseAttaching(method: PaymentMethodRow, customer: string, param = 'payment_method'): void {
  if (method.spent) refuse('payment_method_unexpected_state', `The payment method ${method.id} was detached from a customer, or used without one, and cannot be used again. Make a new one.`, param);
  if (method.customer !== null && method.customer !== customer) refuse('payment_method_unexpected_state', `The payment method ${method.id} is attached to another customer already.`, param);
}

/** Attaches a payment method whose issuer has agreed. Where it is attached to this customer already, nothing happens. */
export function attachMethod(method: PaymentMethodRow, customer: string, moment: Moment): Decision & { method: PaymentMethodRow } {
  refuseAttaching(method, customer);
  if (method.customer === customer) return { ...decision(), method };
  const after: PaymentMethodRow = { ...asked(method), customer };
  return {
    ...decision(),
    puts: [{ table: 'payment_methods', before: method, after }],
    facts: [{ type: 'payment_method.attached', object: 'payment_method', whole: after, at: moment.now }],
    method: after,
  };
}

/** Detaches a payment method for good; where it was the customer's default, there is none any more. */
export function detachMethod(method: PaymentMethodRow, owner: CustomerWhole, moment: Moment): Decision & { method: PaymentMethodRow } {
  const after: PaymentMethodRow = { ...method, customer: null, spent: true };
  const made = decision();
  made.puts.push({ table: 'payment_methods', before: method, after });
  made.facts.push({ type: 'payment_method.detached', object: 'payment_method', whole: after, before: method, at: moment.now });
  if (owner.default_payment_method === method.id) {
    const customer: CustomerWhole = { ...owner, default_payment_method: null };
    made.puts.push({ table: 'customers', before: owner, after: customer });
    made.facts.push({ type: 'customer.updated', object: 'customer', whole: customer, before: owner, at: moment.now });
  }
  return { ...made, method: after };
}

/** Changes what is named. */
export function changeMethod(method: PaymentMethodRow, change: MethodChange, moment: Moment): Decision & { method: PaymentMethodRow } {
  if (method.customer === null) refuse('payment_method_unexpected_state', `The payment method ${method.id} belongs to no customer. Attach it first, then change it.`, 'payment_method');
  const after: PaymentMethodRow = {
    ...method,
    billing_details: change.billing_details ? { ...method.billing_details, ...change.billing_details } : method.billing_details,
    card: change.card && method.card ? changedCard(method.card, change.card, moment) : method.card,
    allow_redisplay: change.allow_redisplay ?? method.allow_redisplay,
    metadata: mergeMetadata(method.metadata, change.metadata),
  };
  return {
    ...decision(),
    puts: [{ table: 'payment_methods', before: method, after }],
    facts: [{ type: 'payment_method.updated', object: 'payment_method', whole: after, before: method, at: moment.now }],
    method: after,
  };
}

function changedCard(card: CardDetails, { exp_month = card.exp_month, exp_year = card.exp_year, networks }: NonNullable<MethodChange['card']>, moment: Moment): CardDetails {
  const today = monthOf(moment.now);
  if (exp_year < today.year || exp_year > today.year + 50) refuse('invalid_expiry_year', 'The expiry year is past, or too far ahead to be one.', 'card[exp_year]', { type: 'card_error' });
  if (exp_year === today.year && exp_month < today.month) refuse('invalid_expiry_month', 'With this expiry the card has expired already; give a month that is still to come.', 'card[exp_month]', { type: 'card_error' });
  return { ...card, exp_month, exp_year, networks: networks?.preferred === undefined ? card.networks : preferring(card.networks, networks.preferred) };
}
