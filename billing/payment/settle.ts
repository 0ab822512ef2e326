/** A processor's answer becomes true: for the intent, the charge, the method, and for the invoice that is being paid. */
import type { CustomerWhole } from '../customer/customer.ts';
import { comingLegs, takeCharge, type FundsTransactionRow } from '../balance/funds.ts';
import { assert, decision, together, type Decision, type Moment, type Timer } from '../decision.ts';
import { followRemaining } from '../invoice/follow.ts';
import type { InvoiceWhole } from '../invoice/invoice.ts';
import { actionRequired, attemptFailed, creditedAccount, creditInvoice, paymentComing, type Owed } from '../invoice/paid.ts';
import type { OpenPayment } from '../invoice/pay.ts';
import type { SubscriptionWhole } from '../subscription/subscription.ts';
import { leadsNowhere, nextAction, NOWHERE_TO_ASK, type ChargeQuestion } from './confirm.ts';
import { makeMandate, prefixIn } from './mandate.ts';
import { asked, emptied, keepReusable, letGo } from './method.ts';
import type { Allowed, Assessment, Consequence, Delay, Learned, Outcome, Unknown } from './outcome.ts';
import type { CardDetails, ChargedCard, ChargeOutcome, ChargeRow, InvoicePaymentRow, PaymentError, PaymentIntentWhole, PaymentMethodRow } from './payment.ts';
import { minor } from '../money.ts';
import { METHODS } from './offer.ts';

/** What a processor answers. Not to know is no answer. */
export type PaymentAnswer = Exclude<Outcome, Unknown>;

type Of<Kind extends PaymentAnswer['kind']> = Extract<PaymentAnswer, { kind: Kind }>;

/** A payment that is under way, with all whom it concerns. */
export type Payment = {
  payment_intent: PaymentIntentWhole;
  payment_method: PaymentMethodRow;
  /** The charge that this attempt has made already, or another one that goes on with the same payment at the processor: an earlier answer was `pending`, or the amount is reserved. */
  charge: ChargeRow | null;
  /** What of the charge is asked to be given back, and has not left us yet. */
  refunding: bigint;
  customer: CustomerWhole | null;
  /** The invoice that it pays, and what of it goes there; all three null where it pays none. */
  invoice: InvoiceWhole | null;
  payment: InvoicePaymentRow | null;
  subscription: SubscriptionWhole | null;
  /** The other payments that are open for the invoice. */
  others: readonly OpenPayment[];
};

type Settled = Decision & Payment;

/** What of an answer says how the method is kept. */
type KeptBy = { network_transaction_id: string | null; learned?: Learned | null };

/** The question with the `op_id` under which it was asked. */
export type AskedQuestion = ChargeQuestion & { op_id: string };

/** Whether the intent is waiting for the answer to this question: it is under way, or its holder acts elsewhere, and nothing was asked since. */
export const waitsFor = ({ id, status, attempts }: PaymentIntentWhole, { op_id }: Pick<AskedQuestion, 'op_id'>): boolean =>
  (status === 'processing' || status === 'requires_action') && op_id === `${id}:charge:${attempts}`;

/** Whether something else is to be paid by now than was asked for. */
const isOutdated = ({ amount, currency }: PaymentIntentWhole, question: AskedQuestion): boolean => BigInt(question.amount) !== amount || question.currency !== currency;

/** Takes the answer to a question, for an intent that waits for it. That money was taken counts even where the intent waits for something else, or for nothing any more. */
export function settlePayment(facts: Payment, question: AskedQuestion, answer: PaymentAnswer, moment: Moment): Settled {
  const { id, status } = facts.payment_intent;
  const taken = answer.kind === 'succeeded' && answer.captured;
  assert(taken || waitsFor(facts.payment_intent, question), `an answer came for ${id}, which is ${status}`);
  const over = status === 'succeeded' || status === 'canceled' || status === 'requires_capture';
  if (taken && (over || isOutdated(facts.payment_intent, question))) return surplus(facts, question, answer, moment);
  switch (answer.kind) {
    case 'succeeded':
      return answer.captured ? succeeded(facts, question, answer, moment) : authorized(facts, question, answer, moment);
    case 'pending':
      return pending(facts, question, answer, moment);
    case 'declined':
      return declined(facts, question, answer, moment);
    case 'requires_action':
      return waitsForHolder(facts, question, answer, moment);
    case 'failed':
      return failed(facts, question, answer, moment);
    case 'canceled':
      return facts.charge ? declined(facts, question, givenUp(answer), moment) : failed(facts, question, { ...GIVEN_UP, kind: 'failed' }, moment);
  }
}

const GIVEN_UP = { code: 'payment_intent_unexpected_state', message: 'The payment was canceled at the payment processor, and nothing was taken.' };

/** The end of a charge that was on its way, as its decline. */
const givenUp = ({ reference }: Of<'canceled'>): Of<'declined'> => ({
  kind: 'declined', reference, ...GIVEN_UP, decline_code: null, ...NOTHING_SAID, action: null, assessment: { type: 'invalid', network_status: 'not_sent_to_network', reason: null, risk_level: 'normal', risk_score: 0 },
});

function outcomeOf(assessment: Assessment, seller_message: string, said: Partial<ChargeOutcome> = {}): ChargeOutcome {
  return { advice_code: null, network_advice_code: null, network_decline_code: null, ...said, ...assessment, seller_message };
}

/** On which of its networks a card is charged: the one that was asked for, else the one that its holder prefers. */
const networkOf = ({ brand, networks: { available, preferred } }: CardDetails, asked: unknown): string => (typeof asked === 'string' ? asked : (available.find((each) => each === preferred) ?? brand));

/** The method as it was charged, as the API shows it under its type. */
function detailsCharged(method: PaymentMethodRow, { method: { mandate }, options }: AskedQuestion, answer: Of<'succeeded'> | Of<'pending'> | Of<'declined'>): ChargeRow['payment_method_details'] {
  const went = answer.kind === 'succeeded' ? answer : null;
  const { card } = asked(method);
  if (!card) return { type: method.type, [method.type]: { ...method.details, ...went?.learned?.details, ...(METHODS[method.type]?.flow === 'debit' && { mandate }) } };
  return {
    type: 'card',
    card: { ...card, network: networkOf(card, options.network), ...(went?.allowed && { allowed: allowedOf(went.allowed) }), authorization_code: went?.authorization_code ?? null, network_transaction_id: went?.network_transaction_id ?? null, three_d_secure: went?.three_d_secure ?? null },
  };
}

export const allowedOf = ({ most, ...allowed }: Allowed): ChargedCard['allowed'] => ({ ...allowed, most: minor(most) });

const NOTHING_SAID = { advice_code: null, network_advice_code: null, network_decline_code: null };
const MESSAGES = { succeeded: 'The payment went through.', pending: 'The payment is on its way.' };

function chargeOf({ payment_intent: intent, payment_method: method, charge: begun }: Payment, question: AskedQuestion, answer: Of<'succeeded'> | Of<'pending'> | Of<'declined'>, moment: Moment): ChargeRow {
  const refused = answer.kind === 'declined' ? answer : null;
  const captured = answer.kind === 'succeeded' ? answer.captured : answer.kind === 'pending';
  // What has moved counts, whatever was asked for. Of what was reserved first, a part may have been captured.
  const named = answer.kind === 'declined' ? undefined : answer.money?.amount;
  const amount = question.capture === 'manual' && captured ? BigInt(question.amount) : (named ?? BigInt(question.amount));
  return {
    id: begun?.id ?? moment.newId('ch'),
    created: begun?.created ?? moment.now,
    customer: intent.customer,
    payment_intent: intent.id,
    attempt: begun?.attempt ?? question.op_id,
    balance_transaction: null,
    settled_amount: null,
    settled_currency: null,
    applied: false,
    payment_method: method.id,
    status: answer.kind === 'declined' ? 'failed' : answer.kind,
    captured,
    capture_before: answer.kind === 'succeeded' && !captured ? (answer.capture_before ?? moment.now + (answer.allowed?.extended ? EXTENDED_S : CAPTURE_WITHIN_S)) : null,
    amount,
    amount_captured: answer.kind === 'succeeded' && captured ? (named ?? amount) : 0n,
    amount_refunded: 0n,
    disputed: false,
    amount_disputed: 0n,
    fraud_details: begun?.fraud_details ?? {},
    currency: question.currency,
    failure_code: refused?.code ?? null,
    failure_message: refused?.message ?? null,
    outcome: answer.kind === 'declined' ? outcomeOf(answer.assessment, answer.message, said(answer)) : outcomeOf(answer.assessment, MESSAGES[answer.kind]),
    billing_details: method.billing_details,
    payment_method_details: detailsCharged(method, question, answer),
    processor: question.processor,
    processor_reference: answer.reference,
    description: begun?.description ?? intent.description,
    receipt_email: begun?.receipt_email ?? intent.receipt_email,
    shipping: begun?.shipping ?? intent.shipping,
    statement_descriptor: intent.statement_descriptor,
    statement_descriptor_suffix: intent.statement_descriptor_suffix,
    metadata: begun?.metadata ?? intent.metadata,
  };
}

/** What is reserved on a card is given up after a week, where the processor does not say when. */
const CAPTURE_WITHIN_S = 7 * 86_400;
/** Or after a month, where that was asked for. */
const EXTENDED_S = 30 * 86_400;

const later = (delay: Delay, test_clock: string | null) => (test_clock === null ? delay.real : delay.on_clock);

/** Lets what a sandbox has foretold about an attempt happen in its time. */
export function foreseen(op_id: string, foretold: readonly Consequence[], intent: { id: string; customer: string | null; test_clock: string | null }, moment: Moment): Timer[] {
  const settles = foretold.find((each) => each.kind === 'charge_settles' || each.kind === 'refund_settles');
  if (!settles) return [];
  return [{ kind: 'payment_attempt.settle', subject: op_id, at: moment.now + later(settles.after, intent.test_clock), lane: intent.customer ?? intent.id, test_clock: intent.test_clock }];
}

/** Lets what a sandbox has foretold of a charge that has come be contested in its time. */
export function toBeContested(charge: string, foretold: readonly Consequence[], intent: { id: string; customer: string | null; test_clock: string | null }, moment: Moment): Timer[] {
  const news = foretold.find((each) => each.kind === 'dispute');
  if (!news) return [];
  return [{ kind: 'charge.contest', subject: charge, at: moment.now + later(news.after, intent.test_clock), lane: intent.customer ?? intent.id, test_clock: intent.test_clock }];
}

const said = ({ advice_code, network_advice_code, network_decline_code }: Of<'declined'>) => ({ advice_code, network_advice_code, network_decline_code });

/** The method after it has paid, by a charge: known to its issuer, kept for later where that was agreed, and else used up where it belongs to nobody. `left` is what can be charged later in its place. */
function methodAfter({ payment_intent: intent, payment_method: before, customer: payer }: Payment, { amount, currency, setup_future_usage: future, agreed, options }: AskedQuestion, { network_transaction_id, learned }: KeptBy, charge: string, moment: Moment): Decision & { payment_method: PaymentMethodRow; left: PaymentMethodRow | null } {
  // What was detached while it paid stays so, and nobody keeps anything who was deleted meanwhile.
  const keeps = METHODS[before.type]?.kept_as === undefined && !before.spent && payer?.deleted !== true;
  const customer = before.customer ?? (future !== null && keeps ? intent.customer : null);
  const single = future === null ? { amount: BigInt(amount), currency } : null;
  // What is kept as another type has its mandate with that.
  const mandate = agreed && !learned?.reusable ? makeMandate({ id: agreed.mandate, acceptance: agreed.acceptance, customer: intent.customer, single, prefix: prefixIn(options) }, before, moment) : null;
  const details = before.details && learned?.details ? { ...before.details, ...Object.fromEntries(Object.entries(learned.details).filter(([name]) => name in before.details!)) } : before.details;
  // What is kept without a customer can be attached to one afterwards.
  const spent = before.spent || (customer === null && (future === null || !keeps));
  const { method: kept, ...shred } = spent ? emptied(asked(before)) : { ...decision(), method: asked(before) };
  const payment_method: PaymentMethodRow = {
    ...kept,
    customer,
    details,
    processor_reference: learned?.reference ?? before.processor_reference,
    mandate: mandate && !single && keeps ? mandate.mandate.id : before.mandate,
    set_up: before.set_up || (future === 'off_session' && keeps),
    network_transaction_id: before.network_transaction_id ?? network_transaction_id,
    spent,
  };
  const made = decision();
  made.puts.push({ table: 'payment_methods', before, after: payment_method });
  if (customer !== before.customer) made.facts.push({ type: 'payment_method.attached', object: 'payment_method', whole: payment_method, at: moment.now });
  const reusable = learned?.reusable && payer?.deleted !== true ? keepReusable(learned.reusable, before, { customer: intent.customer, acceptance: agreed?.acceptance ?? null, from: { charge, setup_attempt: null } }, moment) : null;
  return { ...together([shred, ...(mandate ? [mandate] : []), made, ...(reusable ? [reusable] : [])]), payment_method, left: reusable?.method ?? null };
}

/** The charge says what its method has left to be charged later. */
function leaving(charge: ChargeRow, left: PaymentMethodRow | null): ChargeRow {
  const details = charge.payment_method_details;
  if (!left || !details) return charge;
  const { type, [details.type]: shown } = details;
  return { ...charge, payment_method_details: { type, [type]: { ...(shown as object), generated_sepa_debit: left.id, generated_sepa_debit_mandate: left.mandate } } };
}

/** What its holder has agreed to keep is kept by the processor; where nobody is here to have it, it is let go there. */
function unkept({ test_clock }: PaymentIntentWhole, { op_id, setup_future_usage: future }: AskedQuestion, method: PaymentMethodRow, moment: Moment): Decision[] {
  return future !== null && method.spent && METHODS[method.type]?.kept_as === undefined ? [letGo(method, op_id, test_clock, moment)] : [];
}

function moveIntent(before: PaymentIntentWhole, change: Partial<PaymentIntentWhole>, type: string, moment: Moment): Decision & { payment_intent: PaymentIntentWhole } {
  const payment_intent: PaymentIntentWhole = { ...before, ...change };
  return {
    ...decision(),
    puts: [{ table: 'payment_intents', before, after: payment_intent }],
    facts: [{ type, object: 'payment_intent', whole: payment_intent, at: moment.now }],
    payment_intent,
  };
}

function charged(before: ChargeRow | null, charge: ChargeRow, moment: Moment): Decision {
  return {
    ...decision(),
    puts: [{ table: 'charges', before, after: charge }],
    facts: [{ type: `charge.${charge.status}`, object: 'charge', whole: charge, at: moment.now }],
  };
}

/** The invoice with those whom it concerns, or null where the payment pays none. */
function owedBy({ invoice, customer, subscription }: Payment): Owed | null {
  return invoice && { invoice, customer: customer!, subscription };
}

function succeeded(facts: Payment, question: AskedQuestion, answer: Of<'succeeded'>, moment: Moment): Settled {
  const taken = taking(facts, chargeOf(facts, question, answer, moment), answer, moment);
  // What was agreed to was written down while the payment was on its way.
  const method = methodAfter(facts, facts.charge ? { ...question, agreed: null } : question, answer, taken.charge.id, moment);
  const charge = leaving(taken.charge, method.left);
  const change = { status: 'succeeded', amount_received: charge.amount_captured, latest_charge: charge.id, next_action: null } as const;
  const changed = moveIntent(facts.payment_intent, change, 'payment_intent.succeeded', moment);
  changed.timers.push(...toBeContested(charge.id, answer.foretold, facts.payment_intent, moment));
  const before = together([charged(facts.charge, charge, moment), taken, method, ...unkept(facts.payment_intent, question, method.payment_method, moment), changed]);
  return receive({ ...facts, payment_intent: changed.payment_intent, payment_method: method.payment_method, charge }, taken.transaction, before, question.automatic, moment);
}

/** What a charge has brought us. */
function taking({ payment_intent: { test_clock }, payment_method: { processor } }: Payment, charge: ChargeRow, { fees, settled, available }: Pick<Of<'succeeded'>, 'fees' | 'settled' | 'available'>, moment: Moment) {
  return takeCharge(charge, { processor, test_clock, fees, settled, available }, moment);
}

/** Money has come with a charge, or `amount` of it with one of its captures: it goes to the invoice that is being paid, or waits for its purpose. */
export function receive(facts: Payment & { charge: ChargeRow }, transaction: FundsTransactionRow, before: Decision, automatic: boolean | null, moment: Moment, amount = facts.charge.amount_captured): Settled {
  const { charge, payment, payment_method: method } = facts;
  const owed = owedBy(facts);
  const legs = { transaction: `${transaction.id === charge.balance_transaction ? charge.id : transaction.id}:captured`, currency: charge.currency, document: charge.id, customer: charge.customer, at: moment.now };
  // What was sent by transfer is here already, as the customer's cash.
  const source = method.type === 'customer_balance' ? [{ ledger_account: 'customer_cash', amount } as const] : comingLegs(amount, charge, facts.refunding, transaction);
  const received: Decision = { ...decision(), postings: source.map((leg) => ({ ...legs, ...leg })) };
  if (!owed || !payment) {
    received.postings.push({ ...legs, ledger_account: 'unapplied_payments', amount: -amount });
    return { ...facts, ...together([before, received]) };
  }
  const account = creditedAccount(owed.invoice);
  const credited = creditInvoice(owed, { amount, off_stripe: false, payment_method: method.customer && method.id, automatic }, moment);
  received.postings.push({ ...legs, document: owed.invoice.id, ledger_account: account, amount: -credited.applied }, { ...legs, ledger_account: 'customer_balance', amount: -credited.overpaid });
  const paid = payInvoicePayment(payment, amount, moment);
  const { invoice, customer, subscription } = credited;
  const applied: ChargeRow = { ...charge, applied: true };
  received.puts.push({ table: 'charges', before: charge, after: applied });
  const { payments: others, ...followed } = followRemaining(facts.others, invoice, moment);
  return { ...facts, ...together([before, received, paid, credited, followed]), charge: applied, payment: paid.payment, invoice, customer, subscription, others };
}

/** Money that nobody waits for any more: it is kept apart, and `kontor verify` shows that the payment was taken more than once, or after its end. */
function surplus(facts: Payment, question: AskedQuestion, answer: Of<'succeeded'>, moment: Moment): Settled {
  const taken = taking(facts, chargeOf(facts, question, answer, moment), answer, moment);
  return receive({ ...facts, charge: taken.charge, payment: null }, taken.transaction, together([charged(facts.charge, taken.charge, moment), taken]), null, moment);
}

/** Reserved: captured later, or given up. */
function authorized(facts: Payment, question: AskedQuestion, answer: Of<'succeeded'>, moment: Moment): Settled {
  const charge = chargeOf(facts, question, answer, moment);
  const method = methodAfter(facts, question, answer, charge.id, moment);
  const { customer, id, test_clock } = facts.payment_intent;
  const change = { status: 'requires_capture', amount_capturable: charge.amount, latest_charge: charge.id, next_action: null } as const;
  const changed = moveIntent(facts.payment_intent, change, 'payment_intent.amount_capturable_updated', moment);
  changed.timers.push({ kind: 'payment_intent.expire_authorization', subject: id, at: charge.capture_before, lane: customer ?? id, test_clock });
  return { ...facts, ...together([charged(null, charge, moment), method, ...unkept(facts.payment_intent, question, method.payment_method, moment), changed]), payment_intent: changed.payment_intent, payment_method: method.payment_method, charge };
}

/** On its way: whether it comes is known in days. */
function pending(facts: Payment, question: AskedQuestion, answer: Of<'pending'>, moment: Moment): Settled {
  const charge = chargeOf(facts, question, answer, moment);
  const method = methodAfter(facts, question, { network_transaction_id: null, learned: answer.learned }, charge.id, moment);
  const changed = moveIntent(facts.payment_intent, { status: 'processing', latest_charge: charge.id, next_action: null }, 'payment_intent.processing', moment);
  changed.timers.push(...foreseen(question.op_id, answer.foretold, facts.payment_intent, moment));
  const owed = owedBy(facts);
  const coming = owed && paymentComing(owed, moment);
  const made = together([charged(facts.charge, charge, moment), method, changed, ...(coming ? [coming] : [])]);
  return { ...facts, ...(coming && { subscription: coming.subscription }), ...made, payment_intent: changed.payment_intent, payment_method: method.payment_method, charge };
}

/** What of the intent goes to the invoice has come. */
export function payInvoicePayment(before: InvoicePaymentRow, amount: bigint, moment: Moment): Decision & { payment: InvoicePaymentRow } {
  const payment: InvoicePaymentRow = { ...before, status: 'paid', amount_paid: amount, paid_at: moment.now };
  return {
    ...decision(),
    puts: [{ table: 'invoice_payments', before, after: payment }],
    facts: [{ type: 'invoice_payment.paid', object: 'invoice_payment', whole: payment, at: moment.now }],
    payment,
  };
}

/** The intent waits for another method; the invoice's attempt has failed. */
function unpaid(facts: Payment, question: AskedQuestion, error: PaymentError, asks_holder: boolean, moment: Moment): Settled {
  const change = { status: 'requires_payment_method', payment_method: null, latest_charge: error.charge ?? facts.payment_intent.latest_charge, last_payment_error: error, failed_method: facts.payment_method, next_action: null } as const;
  const changed = moveIntent(facts.payment_intent, change, 'payment_intent.payment_failed', moment);
  const owed = owedBy(facts);
  const attempt = owed && attemptFailed(owed, { automatic: question.automatic, at: question.at, asks_holder }, moment);
  const whole = together(attempt ? [changed, attempt] : [changed]);
  return { ...facts, ...(attempt && { invoice: attempt.invoice, customer: attempt.customer, subscription: attempt.subscription }), ...whole, payment_intent: changed.payment_intent };
}

function declined(facts: Payment, question: AskedQuestion, answer: Of<'declined'>, moment: Moment): Settled {
  const charge = chargeOf(facts, question, answer, moment);
  const { code, message, decline_code } = answer;
  const error: PaymentError = { type: 'card_error', code, message, decline_code, ...said(answer), charge: charge.id, payment_method: facts.payment_method.id };
  const after = unpaid({ ...facts, payment_method: asked(facts.payment_method) }, question, error, answer.action !== null, moment);
  const known = { ...decision(), puts: [{ table: 'payment_methods', before: facts.payment_method, after: after.payment_method }] };
  return { ...after, ...together([charged(facts.charge, charge, moment), known, after]) };
}

function failed(facts: Payment, question: AskedQuestion, { code, message }: Of<'failed'>, moment: Moment): Settled {
  const nothing = { decline_code: null, ...NOTHING_SAID, charge: null };
  return unpaid(facts, question, { type: 'invalid_request_error', code, message, ...nothing, payment_method: facts.payment_method.id }, false, moment);
}

function waitsForHolder(facts: Payment, question: AskedQuestion, { action }: Of<'requires_action'>, moment: Moment): Settled {
  if (question.error_on_requires_action) {
    const error = { type: 'card_error', code: 'authentication_required', message: 'The payment has to be confirmed by who pays, and was to fail in that case.', decline_code: 'authentication_required', ...NOTHING_SAID } as const;
    return unpaid(facts, question, { ...error, charge: null, payment_method: facts.payment_method.id }, true, moment);
  }
  if (leadsNowhere(action)) {
    const error = { type: 'invalid_request_error', code: 'authentication_required', message: NOWHERE_TO_ASK, decline_code: null, ...NOTHING_SAID, charge: null, payment_method: facts.payment_method.id } as const;
    return unpaid(facts, question, error, true, moment);
  }
  const changed = moveIntent(facts.payment_intent, { status: 'requires_action', next_action: nextAction(action, facts.payment_method.type, question, moment.now) }, 'payment_intent.requires_action', moment);
  const owed = owedBy(facts);
  const asking = owed && actionRequired(owed, question.automatic, moment);
  return { ...facts, ...(asking && { invoice: asking.invoice, subscription: asking.subscription }), ...together(asking ? [changed, asking] : [changed]), payment_intent: changed.payment_intent };
}
