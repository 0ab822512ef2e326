/** Giving back what was charged: wholly or in parts, at once or by a transfer that takes days and may come back. */
import { fundsLegs, moveFunds } from '../balance/funds.ts';
import { settledAs, type Settlement } from '../balance/settlement.ts';
import type { Metadata } from '../catalog.ts';
import { assert, decision, refuse, together, type Decision, type Fact, type Instant, type Moment, type Posting } from '../decision.ts';
import { formatMoney, positive } from '../money.ts';
import { beginAttempt, type AttemptRow } from './attempt.ts';
import { moveCash, type CashRow } from './cash.ts';
import type { RefundOutcome, Settled, Unknown } from './outcome.ts';
import type { ChargeRow, PaymentIntentRow, PaymentMethodRow } from './payment.ts';
import { foreseen } from './foretold.ts';

type RefundReason = 'duplicate' | 'fraudulent' | 'requested_by_customer' | 'expired_uncaptured_charge';

export type RefundRow = {
  id: string;
  created: Instant;
  /** Null where what a customer has sent goes back, which has paid nothing; so is the next. */
  charge: string | null;
  payment_intent: string | null;
  customer: string | null;
  test_clock: string | null;
  status: 'pending' | 'requires_action' | 'succeeded' | 'failed' | 'canceled';
  amount: bigint;
  currency: string;
  reason: RefundReason | null;
  failure_reason: string | null;
  /** The type of the method to which the money goes back, and by what the holder's bank finds it. */
  destination: { type: string; reference: string | null };
  /** Whether the money has left us, so that its coming back is another posting. */
  sent: boolean;
  /** What its leaving took from our funds, and what its coming back gave. */
  balance_transaction: string | null;
  failure_balance_transaction: string | null;
  /** The processor's id of one that was made there by somebody; null of all that were asked for here. */
  processor_reference: string | null;
  metadata: Metadata;
};

export type RefundFacts = { charge: ChargeRow; payment_intent: PaymentIntentRow; payment_method: PaymentMethodRow };

/** What the processor is asked, as the call keeps it. */
export type RefundQuestion = {
  processor: string;
  charge: string;
  method: { type: string; reference: string; set_up: boolean };
  amount: string;
  currency: string;
  reason: 'duplicate' | 'fraudulent' | 'requested_by_customer' | null;
  metadata: Metadata;
  at: Instant;
};

/** What of a charge can still be given back. */
export function refundable({ status, captured, amount_captured, amount_refunded, amount_disputed }: ChargeRow): bigint {
  // A bank may have taken more than was left.
  return status === 'succeeded' && captured ? positive(amount_captured - amount_refunded - amount_disputed) : 0n;
}

export type RefundOrder = { amount: bigint | null; reason: RefundQuestion['reason']; metadata: Metadata };

/** Where what was paid by bank transfer goes back to. */
const CASH = 'customer_cash_balance';

/** How much of a charge is given back; refuses where that cannot be. */
function amountToRefund(charge: ChargeRow, intent: PaymentIntentRow, order: RefundOrder): bigint {
  if (charge.status !== 'succeeded') refuse('charge_not_refundable', `The charge ${charge.id} is ${charge.status}: nothing has come that could be given back.`, 'charge');
  if (!charge.captured) refuse('charge_not_refundable', `The charge ${charge.id} is not captured. Cancel its payment intent ${intent.id} instead.`, 'charge');
  const left = refundable(charge);
  if (left === 0n && charge.amount_disputed > 0n) refuse('charge_disputed', `The charge ${charge.id} was contested, and its bank has taken the money back: it cannot be refunded besides.`, 'charge');
  if (left === 0n) refuse('charge_already_refunded', `The charge ${charge.id} has already been refunded.`, 'charge');
  const amount = order.amount ?? left;
  if (amount > left) refuse('amount_too_large', `Of the charge ${charge.id}, ${formatMoney(left, charge.currency)} can still be refunded, not ${formatMoney(amount, charge.currency)}.`, 'amount');
  return amount;
}

export function refundOf(charge: ChargeRow, intent: PaymentIntentRow, amount: bigint, type: string, order: RefundOrder, moment: Moment): RefundRow {
  return {
    id: moment.newId('re'), created: moment.now, charge: charge.id, payment_intent: intent.id, customer: intent.customer, test_clock: intent.test_clock, status: 'pending', amount, currency: charge.currency, reason: order.reason,
    failure_reason: null, destination: { type, reference: null }, sent: false, balance_transaction: null, failure_balance_transaction: null, processor_reference: null, metadata: order.metadata,
  };
}

/** The charge of which something goes back; that it was fraudulent is kept as our word about it. */
export const refunded = (charge: ChargeRow, { amount, reason }: RefundRow): ChargeRow => ({
  ...charge, amount_refunded: charge.amount_refunded + amount, ...(reason === 'fraudulent' && { fraud_details: { user_report: 'fraudulent' as const } }),
});

/** Tells that a refund of a charge has left, with what was given back of it before. */
const tellRefunded = (charge: ChargeRow, { amount }: RefundRow, { now }: Moment): Fact => ({ type: 'charge.refunded', object: 'charge', whole: charge, before: { ...charge, amount_refunded: charge.amount_refunded - amount }, at: now });

/** What was paid by bank transfer is the customer's cash again, at once: it pays something else, or is returned by its bank. */
export function refundToCash({ charge: before, payment_intent: intent, payment_method: method }: RefundFacts, { cash, stored }: { cash: CashRow; stored: boolean }, order: RefundOrder, moment: Moment): Decision & { refund: RefundRow; cash: CashRow } {
  const amount = amountToRefund(before, intent, order);
  const pending = refundOf(before, intent, amount, CASH, order, moment);
  const { balance_transaction, ...left } = moveRefund(pending, before, method, 'refunded', moment);
  const refund: RefundRow = { ...pending, status: 'succeeded', sent: true, balance_transaction };
  const charge = refunded(before, refund);
  const made = decision();
  made.puts.push({ table: 'charges', before, after: charge }, { table: 'refunds', before: null, after: refund });
  made.facts.push({ type: 'refund.created', object: 'refund', whole: refund, at: moment.now }, tellRefunded(charge, refund, moment));
  const credited = moveCash(cash, stored, { type: 'refunded_from_payment', net_amount: amount, refund: refund.id }, moment);
  return { ...together([made, left, credited]), refund, cash: credited.cash };
}

/** Begins to give back: the amount is taken off what can be given back at once, so that no two refunds together are more than the charge. */
export function createRefund({ charge: before, payment_intent: intent, payment_method: method }: RefundFacts, order: RefundOrder, moment: Moment): Decision & { refund: RefundRow; charge: ChargeRow } {
  if (method.type === 'customer_balance') refuse('charge_not_refundable', `The charge ${before.id} was paid by bank transfer. Refund it to the customer's cash first, by \`POST /v1/refunds\`, and name that refund in \`refunds\`; or send the money back by transfer, and credit the invoice by \`out_of_band_amount\`.`, 'charge');
  const amount = amountToRefund(before, intent, order);
  assert(before.processor_reference !== null, `the charge ${before.id} was made by no processor`);
  const refund = refundOf(before, intent, amount, method.type, order, moment);
  const charge = refunded(before, refund);
  const id = `${refund.id}:refund:1`;
  const request: RefundQuestion = {
    processor: method.processor, charge: before.processor_reference, method: { type: method.type, reference: method.processor_reference, set_up: method.set_up }, amount: String(amount), currency: before.currency, reason: order.reason, metadata: order.metadata, at: moment.now,
  };
  const made = decision();
  made.puts.push({ table: 'charges', before, after: charge }, { table: 'refunds', before: null, after: refund });
  made.puts.push({ table: 'payment_attempts', before: null, after: beginAttempt(id, 'refund', refund.id, method.processor, intent.test_clock, moment.now) });
  made.facts.push({ type: 'refund.created', object: 'refund', whole: refund, at: moment.now });
  made.calls.push({ id, kind: 'processor.refund', subject: refund.id, request, test_clock: intent.test_clock });
  return { ...made, refund, charge };
}

export type RefundAnswer = Exclude<RefundOutcome, Unknown>;

/** The money leaves our funds, or comes back. In the ledger what was put to no invoice is no longer there; of a payment for an invoice it waits to be credited by a credit note. */
function moveRefund({ id, charge, currency, customer, destination, amount, test_clock }: RefundRow, charged: ChargeRow, { processor, settled: said, settlement = null }: { processor: string; settled?: Settled | null; settlement?: Settlement | null }, what: 'refunded' | 'returned', moment: Moment): Decision & { balance_transaction: string } {
  const came = what === 'refunded' ? -amount : amount;
  const settled = settledAs(charged, came, said, settlement);
  const type = what === 'returned' ? 'refund_failure' : destination.type === 'card' ? 'refund' : 'payment_refund';
  const description = what === 'refunded' ? `Refund of ${charge}` : `A refund of ${charge} has come back`;
  const { transaction, ...moved } = moveFunds({ type, reporting_category: what === 'refunded' ? 'refund' : 'refund_failure', source: id, description, amount: came, currency, settled, available: 'now', processor, test_clock }, moment);
  // What was sent by transfer becomes the customer's cash again, which a processor has for it.
  const from = destination.type === CASH ? [{ ledger_account: 'customer_cash', amount: came } as const] : fundsLegs(came, charged, transaction);
  const legs = { transaction: `${id}:${what}`, currency, document: id, customer, at: moment.now };
  const postings: Posting[] = [{ ...legs, ledger_account: charged.applied ? 'refunds' : 'unapplied_payments', amount: -came }, ...from.map((leg) => ({ ...legs, ...leg }))];
  return { ...together([{ ...decision(), postings }, moved]), balance_transaction: transaction.id };
}

/** Takes a word about a refund: the answer, or what becomes of it later. */
export function settleRefund({ refund: before, charge: charged, settlement }: { refund: RefundRow; charge: ChargeRow; settlement: Settlement | null }, attempt: Pick<AttemptRow, 'id' | 'processor'>, answer: RefundAnswer, moment: Moment): Decision & { refund: RefundRow; charge: ChargeRow } {
  const failed = answer.kind === 'declined' || answer.kind === 'failed';
  const over = failed || answer.kind === 'canceled';
  const how = { processor: attempt.processor, settlement, settled: 'settled' in answer ? answer.settled : null };
  // What has moved counts, whatever was asked for.
  const amount = 'money' in answer && answer.money && !before.sent ? answer.money.amount : before.amount;
  const leaves = !before.sent && !over && !('moved' in answer && answer.moved === false) ? moveRefund({ ...before, amount }, charged, how, 'refunded', moment) : null;
  const returns = before.sent && over ? moveRefund(before, charged, how, 'returned', moment) : null;
  const refund: RefundRow = {
    ...before,
    amount,
    status: failed ? 'failed' : answer.kind,
    failure_reason: answer.kind === 'declined' ? answer.failure_reason : answer.kind === 'failed' ? 'unknown' : null,
    destination: 'network_reference' in answer ? { ...before.destination, reference: answer.network_reference ?? before.destination.reference } : before.destination,
    sent: !over && (before.sent || leaves !== null),
    balance_transaction: leaves?.balance_transaction ?? before.balance_transaction,
    failure_balance_transaction: returns?.balance_transaction ?? before.failure_balance_transaction,
  };
  const left = (over ? 0n : amount) - before.amount;
  const charge: ChargeRow = left === 0n ? charged : { ...charged, amount_refunded: charged.amount_refunded + left };
  const made = decision();
  made.puts.push({ table: 'refunds', before, after: refund });
  made.facts.push({ type: failed ? 'refund.failed' : 'refund.updated', object: 'refund', whole: refund, before: failed ? undefined : before, at: moment.now });
  if (charge !== charged) {
    made.puts.push({ table: 'charges', before: charged, after: charge });
    made.facts.push({ type: 'charge.updated', object: 'charge', whole: charge, before: charged, at: moment.now });
  }
  if (leaves) made.facts.push(tellRefunded(charge, refund, moment));
  if ('foretold' in answer) made.timers.push(...foreseen(attempt.id, answer.foretold, { id: refund.id, customer: refund.customer, test_clock: refund.test_clock }, moment));
  return { ...together([made, leaves, returns]), refund, charge };
}

/** What the processor is asked of a refund that is to be called back, as the call keeps it. */
export type CancelRefundQuestion = Pick<RefundQuestion, 'processor' | 'charge' | 'method'> & { refund: string; of: string };

/** Calls a refund back, as its attempt has it at the processor, for the `n`th time. Only what waits for its receiver can be; what has become of it the processor says. */
export function cancelRefund({ id, test_clock }: RefundRow, { id: of, reference }: AttemptRow, { processor, charge, method }: RefundQuestion, n: number): Decision {
  assert(reference !== null, `the refund ${id} waits for its receiver, and has no reference`);
  const request: CancelRefundQuestion = { processor, charge, method, refund: reference, of };
  return { ...decision(), calls: [{ id: `${id}:cancel:${n}`, kind: 'processor.cancel_refund', subject: id, request, test_clock }] };
}
