/** What becomes of a payment method: made, attached to a customer, changed, used to pay, detached. What the issuer says is asked before; here it is known. */
import type { CustomerWhole } from '../customer/customer.ts';
import { decision, refuse, together, type Decision, type Instant, type Moment, type Timer } from '../decision.ts';
import { mergeMetadata } from '../metadata.ts';
import { beginAttempt } from './attempt.ts';
import { faultInExpiry, type Month } from './card_number.ts';
import type { AskedQuestion } from './confirm.ts';
import { endMandate, makeMandate, prefixIn } from './mandate.ts';
import { METHODS } from './offer.ts';
import type { Learned, Reusable } from './outcome.ts';
import type { Acceptance, BillingDetails, CardChecks, CardDetails, MandateRow, PaymentIntentWhole, PaymentMethodRow } from './payment.ts';
import type { Payment } from './receive.ts';

/** A method as the processor keeps it: a card with what its checks will be once the issuer was asked, or one of another type with what the API shows of it. */
export type KeptMethod = {
  processor: string;
  type: string;
  method: { reference: string; identity?: string; set_up: boolean; network_transaction_id?: string | null };
  card: CardDetails | null;
  verified: CardChecks | null;
  details: Record<string, unknown> | null;
  /** The vault's token for a card that was typed. */
  vault: string | null;
};

export type MethodChange = {
  billing_details?: Partial<BillingDetails>;
  allow_redisplay?: PaymentMethodRow['allow_redisplay'];
  metadata?: Record<string, string> | '';
  us_bank_account?: { account_holder_type?: string; account_type?: string };
  card?: { exp_month?: number; exp_year?: number; networks?: { preferred?: string | null } };
};

const NOWHERE: BillingDetails['address'] = { city: null, country: null, line1: null, line2: null, postal_code: null, state: null };
const NOBODY: BillingDetails = { address: NOWHERE, email: null, name: null, phone: null, tax_id: null };

/** The month by which an expiry is judged. */
export function monthOf(now: Instant): Month {
  const { year, month } = Temporal.Instant.fromEpochMilliseconds(now * 1000).toZonedDateTimeISO('UTC');
  return { year, month };
}

/** A new payment method that belongs to nobody yet. Making one is no event. */
export function makeMethod(kept: KeptMethod, given: Omit<MethodChange, 'card' | 'us_bank_account'> & { preferred_network?: string }, moment: Moment): Decision & { method: PaymentMethodRow } {
  const method: PaymentMethodRow = {
    id: moment.newId('pm'),
    created: moment.now,
    customer: null,
    type: kept.type,
    details: kept.details,
    billing_details: { ...NOBODY, ...given.billing_details },
    card: given.preferred_network === undefined || kept.card === null ? kept.card : { ...kept.card, networks: preferring(kept.card.networks, given.preferred_network) },
    processor: kept.processor,
    processor_reference: kept.method.reference,
    processor_identity: kept.method.identity ?? null,
    vault: kept.vault,
    set_up: kept.method.set_up,
    mandate: null,
    network_transaction_id: kept.method.network_transaction_id ?? null,
    checks_when_asked: kept.verified,
    spent: false,
    allow_redisplay: given.allow_redisplay ?? 'unspecified',
    metadata: mergeMetadata({}, given.metadata),
  };
  return { ...decision(), puts: [{ table: 'payment_methods', before: null, after: method }], timers: method.vault === null ? [] : [sweepOfVault(moment)], method };
}

/** A day, after which the vault is searched for cards that belong to nobody. */
const SWEEP_S = 86_400;

/** A card is in the vault before what it is for is committed, and stays there where that never is. */
export const sweepOfVault = (moment: Moment): Timer => ({ kind: 'vault.sweep', subject: 'vault', at: moment.now + SWEEP_S, lane: 'vault', test_clock: null, kept: true });

/** What is used up needs no number any more: the method without its card in the vault, and the call that shreds that. */
function emptied(method: PaymentMethodRow): Decision & { method: PaymentMethodRow } {
  if (method.vault === null) return { ...decision(), method };
  return { ...decision(), calls: [{ id: `${method.id}:shred`, kind: 'vault.shred', subject: method.id, request: { token: method.vault }, test_clock: null }], method: { ...method, vault: null } };
}

/** Whose a method becomes that a payment or a setup leaves, what its holder has agreed to, and which of the two it was. */
type Origin = { customer: string | null; acceptance: Acceptance | null; from: { charge: string | null; setup_attempt: string | null } };

/** What a payment has left to be charged later: a method of another type, which the customer has from now on, or gets by attaching it. */
export function keepReusable({ type, reference, identity, details }: Reusable, by: PaymentMethodRow, { customer, acceptance, from }: Origin, moment: Moment): Decision & { method: PaymentMethodRow } {
  const id = moment.newId('pm');
  const mandate = acceptance && makeMandate({ id: moment.newId('mandate'), acceptance, customer, single: null }, { id, type, details }, moment);
  const method: PaymentMethodRow = {
    ...by, id, created: moment.now, customer, type, card: null, details: { ...details, generated_from: from }, processor_reference: reference, processor_identity: identity ?? null, set_up: true,
    vault: null, mandate: mandate?.mandate.id ?? null, network_transaction_id: null, checks_when_asked: null, spent: false, metadata: {},
  };
  const made = decision();
  made.puts.push({ table: 'payment_methods', before: null, after: method });
  if (customer !== null) made.facts.push({ type: 'payment_method.attached', object: 'payment_method', whole: method, at: moment.now });
  return { ...together([made, mandate]), method };
}

/** What a processor is asked to let go, as the call keeps it. */
export type DetachQuestion = { processor: string; method: { type: string; reference: string; set_up: boolean } };

/** The processor lets a method go that nobody keeps any more. It is asked once for each thing `by` which it came to be so. */
export function letGo({ id: subject, type, processor, processor_reference: reference, set_up }: PaymentMethodRow, by: string, test_clock: string | null, moment: Moment): Decision {
  const id = `${subject}:detach:${by}`;
  const request: DetachQuestion = { processor, method: { type, reference, set_up } };
  return {
    ...decision(),
    puts: [{ table: 'payment_attempts', before: null, after: beginAttempt(id, 'detach', subject, processor, test_clock, moment.now) }],
    // Nothing of the customer's waits for it, so its clock need not.
    calls: [{ id, kind: 'processor.detach', subject, request, test_clock: null }],
  };
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

/** Attaches a payment method whose issuer has agreed, and for which the processor has this token from now on. Where it is attached to this customer already, nothing happens. */
export function attachMethod(method: PaymentMethodRow, customer: string, processor_reference: string, moment: Moment): Decision & { method: PaymentMethodRow } {
  refuseAttaching(method, customer);
  if (method.customer === customer) return { ...decision(), method };
  const after: PaymentMethodRow = { ...asked(method), customer, processor_reference };
  return {
    ...decision(),
    puts: [{ table: 'payment_methods', before: method, after }],
    facts: [{ type: 'payment_method.attached', object: 'payment_method', whole: after, at: moment.now }],
    method: after,
  };
}

/** Detaches a payment method for good, at its processor, too, and its card leaves the vault; where it was the customer's default, there is none any more. Those of `mandates` that are its own end with it. */
export function detachMethod(method: PaymentMethodRow, mandates: readonly MandateRow[], owner: CustomerWhole, moment: Moment): Decision & { method: PaymentMethodRow } {
  const { method: without, ...shred } = emptied(method);
  const after: PaymentMethodRow = { ...without, customer: null, spent: true };
  const made = together([shred, letGo(method, '1', owner.test_clock, moment), ...mandates.filter((mandate) => mandate.payment_method === method.id).map((mandate) => endMandate(mandate, moment))]);
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
  const foreign = (['card', 'us_bank_account'] as const).find((type) => change[type] !== undefined && type !== method.type);
  if (foreign) refuse('payment_method_invalid_parameter', `The payment method ${method.id} is of the type ${method.type}; it has no \`${foreign}\`.`, foreign);
  const after: PaymentMethodRow = {
    ...method,
    billing_details: change.billing_details ? { ...method.billing_details, ...change.billing_details } : method.billing_details,
    card: change.card && method.card ? changedCard(method.card, change.card, moment) : method.card,
    details: change.us_bank_account && method.details ? { ...method.details, ...change.us_bank_account } : method.details,
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
  const fault = faultInExpiry({ exp_month, exp_year }, monthOf(moment.now));
  if (fault) refuse(fault.code, fault.message, `card[${fault.param}]`, { type: 'card_error' });
  return { ...card, exp_month, exp_year, networks: networks?.preferred === undefined ? card.networks : preferring(card.networks, networks.preferred) };
}

/** What of an answer says how the method is kept. */
type KeptBy = { network_transaction_id: string | null; learned?: Learned | null };

/** What the type shows of a method, with what has become known of that. */
const learnedOf = (details: PaymentMethodRow['details'], learned: Record<string, unknown> | undefined): PaymentMethodRow['details'] =>
  details && { ...details, ...Object.fromEntries(Object.entries(learned ?? {}).filter(([name]) => name in details)) };

/** The method after it has paid, by a charge: known to its issuer, kept for later where that was agreed, and else used up where it belongs to nobody. `left` is what can be charged later in its place. */
export function methodAfter(
  { payment_intent: intent, payment_method: before, customer: payer }: Payment, question: AskedQuestion, { network_transaction_id, learned }: KeptBy, charge: string, moment: Moment,
): Decision & { payment_method: PaymentMethodRow; left: PaymentMethodRow | null } {
  const { amount, currency, setup_future_usage: future, agreed, options } = question;
  // What was detached while it paid stays so, and nobody keeps anything who was deleted meanwhile.
  const keeps = METHODS[before.type]?.kept_as === undefined && !before.spent && payer?.deleted !== true;
  const customer = before.customer ?? (future !== null && keeps ? intent.customer : null);
  const single = future === null ? { amount: BigInt(amount), currency } : null;
  // What is kept as another type has its mandate with that.
  const order = agreed && !learned?.reusable ? { id: agreed.mandate, acceptance: agreed.acceptance, customer: intent.customer, single, prefix: prefixIn(options) } : null;
  const mandate = order && makeMandate(order, before, moment);
  // What is kept without a customer can be attached to one afterwards.
  const spent = before.spent || (customer === null && (future === null || !keeps));
  const { method: kept, ...shred } = spent ? emptied(asked(before)) : { ...decision(), method: asked(before) };
  const payment_method: PaymentMethodRow = {
    ...kept,
    customer,
    details: learnedOf(before.details, learned?.details),
    processor_reference: learned?.reference ?? before.processor_reference,
    mandate: mandate && !single && keeps ? mandate.mandate.id : before.mandate,
    set_up: before.set_up || (future === 'off_session' && keeps),
    network_transaction_id: before.network_transaction_id ?? network_transaction_id,
    spent,
  };
  const made = decision();
  made.puts.push({ table: 'payment_methods', before, after: payment_method });
  if (customer !== before.customer) made.facts.push({ type: 'payment_method.attached', object: 'payment_method', whole: payment_method, at: moment.now });
  const origin: Origin = { customer: intent.customer, acceptance: agreed?.acceptance ?? null, from: { charge, setup_attempt: null } };
  const reusable = learned?.reusable && payer?.deleted !== true ? keepReusable(learned.reusable, before, origin, moment) : null;
  return { ...together([shred, mandate, made, reusable]), payment_method, left: reusable?.method ?? null };
}

/** What its holder has agreed to keep is kept by the processor; where nobody is here to have it, it is let go there. */
export function unkept({ test_clock }: PaymentIntentWhole, { op_id, setup_future_usage: future }: AskedQuestion, method: PaymentMethodRow, moment: Moment): Decision[] {
  return future !== null && method.spent && METHODS[method.type]?.kept_as === undefined ? [letGo(method, op_id, test_clock, moment)] : [];
}
