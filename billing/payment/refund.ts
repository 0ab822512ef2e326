/** Giving back what was charged: wholly or in parts, at once or by a transfer that takes days and may come back. */
import { fundsLegs, moveFunds, type FundsTransactionRow } from '../balance/funds.ts';
import { settledAs, type Settlement } from '../balance/settlement.ts';
import type { Metadata } from '../catalog.ts';
import { assert, decision, refuse, together, type Decision, type Fact, type Instant, type Moment, type Posting } from '../decision.ts';
import { formatMoney, positive } from '../money.ts';
import { beginAttempt, type AttemptRow } from './attempt.ts';
import { moveCash, type CashRow } from './cash.ts';
import { moveCharge } from './charge.ts';
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
  const { customer, test_clock } = intent;
  return {
    id: moment.newId('re'), created: moment.now, charge: charge.id, payment_intent: intent.id, customer, test_clock, status: 'pending', amount, currency: charge.currency,
    reason: order.reason, failure_reason: null, destination: { type, reference: null }, sent: false, balance_transaction: null, failure_balance_transaction: null, processor_reference: null, metadata: order.metadata,
  };
}

/** A refund is made: what it gives back is taken off its charge at once, so that no two together are more than that. That the charge was fraudulent is kept as our word about it. */
export function openRefund(before: ChargeRow, refund: RefundRow, moment: Moment): Decision & { refund: RefundRow; charge: ChargeRow } {
  const { amount, reason } = refund;
  const charge: ChargeRow = { ...before, amount_refunded: before.amount_refunded + amount, ...(reason === 'fraudulent' && { fraud_details: { user_report: 'fraudulent' } }) };
  return {
    ...decision(),
    puts: [{ table: 'charges', before, after: charge }, { table: 'refunds', before: null, after: refund }],
    facts: [{ type: 'refund.created', object: 'refund', whole: refund, at: moment.now }],
    refund,
    charge,
  };
}

/** Tells that a refund of a charge has left, with what was given back of it before. */
const tellRefunded = (charge: ChargeRow, { amount }: RefundRow, { now }: Moment): Fact =>
  ({ type: 'charge.refunded', object: 'charge', whole: charge, before: { ...charge, amount_refunded: charge.amount_refunded - amount }, at: now });

/** `stored`: the customer has had cash in the currency before. */
type Cash = { cash: CashRow; stored: boolean };

/** What was paid by bank transfer is the customer's cash again, at once: it pays something else, or is returned by its bank. */
export function refundToCash({ charge, payment_intent: intent, payment_method: method }: RefundFacts, { cash, stored }: Cash, order: RefundOrder, moment: Moment): Decision & { refund: RefundRow; cash: CashRow } {
  const amount = amountToRefund(charge, intent, order);
  const pending = refundOf(charge, intent, amount, CASH, order, moment);
  const { balance_transaction, ...left } = leave(pending, charge, method, moment);
  const refund: RefundRow = { ...pending, status: 'succeeded', sent: true, balance_transaction };
  const made = openRefund(charge, refund, moment);
  made.facts.push(tellRefunded(made.charge, refund, moment));
  const credited = moveCash(cash, stored, { type: 'refunded_from_payment', net_amount: amount, refund: refund.id }, moment);
  return { ...together([made, left, credited]), refund, cash: credited.cash };
}

/** Begins to give back, by asking the processor of the charge. */
export function createRefund({ charge, payment_intent: intent, payment_method: method }: RefundFacts, order: RefundOrder, moment: Moment): Decision & { refund: RefundRow; charge: ChargeRow } {
  if (method.type === 'customer_balance') {
    refuse('charge_not_refundable', `The charge ${charge.id} was paid by bank transfer. Refund it to the customer's cash first, by \`POST /v1/refunds\`, and name that refund in \`refunds\`; or send the money back by transfer, and credit the invoice by \`out_of_band_amount\`.`, 'charge');
  }
  const amount = amountToRefund(charge, intent, order);
  assert(charge.processor_reference !== null, `the charge ${charge.id} was made by no processor`);
  const refund = refundOf(charge, intent, amount, method.type, order, moment);
  const id = `${refund.id}:refund:1`;
  const request: RefundQuestion = {
    processor: method.processor, charge: charge.processor_reference, method: { type: method.type, reference: method.processor_reference, set_up: method.set_up },
    amount: String(amount), currency: charge.currency, reason: order.reason, metadata: order.metadata, at: moment.now,
  };
  const made = openRefund(charge, refund, moment);
  made.puts.push({ table: 'payment_attempts', before: null, after: beginAttempt(id, 'refund', refund.id, method.processor, intent.test_clock, moment.now) });
  made.calls.push({ id, kind: 'processor.refund', subject: refund.id, request, test_clock: intent.test_clock });
  return made;
}

export type RefundAnswer = Exclude<RefundOutcome, Unknown>;

/** Through whom money moves, and what that came to where it is settled in another currency: as was said, or at our own rate. */
type How = { processor: string; settled?: Settled | null; settlement?: Settlement | null };

type Movement = Pick<FundsTransactionRow, 'type' | 'reporting_category' | 'description'> & { name: 'refunded' | 'returned'; came: bigint };

type Moved = Decision & { balance_transaction: string };

/** The money leaves our funds. */
const leave = (refund: RefundRow, charge: ChargeRow, how: How, moment: Moment): Moved =>
  moveRefund(refund, charge, how, { name: 'refunded', came: -refund.amount, type: refund.destination.type === 'card' ? 'refund' : 'payment_refund', reporting_category: 'refund', description: `Refund of ${refund.charge}` }, moment);

/** What had left comes back to our funds. */
const comeBack = (refund: RefundRow, charge: ChargeRow, how: How, moment: Moment): Moved =>
  moveRefund(refund, charge, how, { name: 'returned', came: refund.amount, type: 'refund_failure', reporting_category: 'refund_failure', description: `A refund of ${refund.charge} has come back` }, moment);

/** In the ledger what was put to no invoice is no longer there; of a payment for an invoice it waits to be credited by a credit note. */
function moveRefund(refund: RefundRow, charged: ChargeRow, { processor, settled: said, settlement = null }: How, { name, came, ...told }: Movement, moment: Moment): Moved {
  const { id, currency, customer, destination, test_clock } = refund;
  const settled = settledAs(charged, came, said, settlement);
  const { transaction, ...moved } = moveFunds({ ...told, source: id, amount: came, currency, settled, available: 'now', processor, test_clock }, moment);
  // What was sent by transfer becomes the customer's cash again, which a processor has for it.
  const from = destination.type === CASH ? [{ ledger_account: 'customer_cash', amount: came } as const] : fundsLegs(came, charged, transaction);
  const legs = { transaction: `${id}:${name}`, currency, document: id, customer, at: moment.now };
  const postings: Posting[] = [{ ...legs, ledger_account: charged.applied ? 'refunds' : 'unapplied_payments', amount: -came }, ...from.map((leg) => ({ ...legs, ...leg }))];
  return { ...together([{ ...decision(), postings }, moved]), balance_transaction: transaction.id };
}

/** What a refund is by an answer, and why it failed. */
function standing(answer: RefundAnswer): Pick<RefundRow, 'status' | 'failure_reason'> {
  if (answer.kind === 'declined') return { status: 'failed', failure_reason: answer.failure_reason };
  if (answer.kind === 'failed') return { status: 'failed', failure_reason: 'unknown' };
  return { status: answer.kind, failure_reason: null };
}

/** A refund as it stands, its charge, and how what its processor says is settled. */
type Refunding = { refund: RefundRow; charge: ChargeRow; settlement: Settlement | null };

/** Takes a word about a refund: the answer, or what becomes of it later. */
export function settleRefund(
  { refund: before, charge: charged, settlement }: Refunding, { id: op_id, processor }: Pick<AttemptRow, 'id' | 'processor'>, answer: RefundAnswer, moment: Moment,
): Decision & { refund: RefundRow; charge: ChargeRow } {
  const { status, failure_reason } = standing(answer);
  const failed = status === 'failed';
  const over = failed || status === 'canceled';
  const how = { processor, settlement, settled: 'settled' in answer ? answer.settled : null };
  // What has moved counts, whatever was asked for.
  const amount = 'money' in answer && answer.money && !before.sent ? answer.money.amount : before.amount;
  const leaves = !before.sent && !over && !('moved' in answer && answer.moved === false) ? leave({ ...before, amount }, charged, how, moment) : null;
  const returns = before.sent && over ? comeBack(before, charged, how, moment) : null;
  const refund: RefundRow = {
    ...before,
    amount,
    status,
    failure_reason,
    destination: 'network_reference' in answer ? { ...before.destination, reference: answer.network_reference ?? before.destination.reference } : before.destination,
    sent: !over && (before.sent || leaves !== null),
    balance_transaction: leaves?.balance_transaction ?? before.balance_transaction,
    failure_balance_transaction: returns?.balance_transaction ?? before.failure_balance_transaction,
  };
  const made = decision();
  made.puts.push({ table: 'refunds', before, after: refund });
  made.facts.push({ type: failed ? 'refund.failed' : 'refund.updated', object: 'refund', whole: refund, before: failed ? undefined : before, at: moment.now });
  const more = (over ? 0n : amount) - before.amount;
  const charge: ChargeRow = more === 0n ? charged : { ...charged, amount_refunded: charged.amount_refunded + more };
  const changed = more === 0n ? null : moveCharge(charged, charge, 'charge.updated', moment);
  const told = leaves && { ...decision(), facts: [tellRefunded(charge, refund, moment)] };
  if ('foretold' in answer) made.timers.push(...foreseen(op_id, answer.foretold, refund, moment));
  return { ...together([made, changed, told, leaves, returns]), refund, charge };
}

/** What the processor is asked of a refund that is to be called back, as the call keeps it. */
export type CancelRefundQuestion = Pick<RefundQuestion, 'processor' | 'charge' | 'method'> & { refund: string; of: string };

/** Calls a refund back, as its attempt has it at the processor, for the `n`th time. Only what waits for its receiver can be; what has become of it the processor says. */
export function cancelRefund({ id, test_clock }: RefundRow, { id: of, reference }: AttemptRow, { processor, charge, method }: RefundQuestion, n: number): Decision {
  assert(reference !== null, `the refund ${id} waits for its receiver, and has no reference`);
  const request: CancelRefundQuestion = { processor, charge, method, refund: reference, of };
  return { ...decision(), calls: [{ id: `${id}:cancel:${n}`, kind: 'processor.cancel_refund', subject: id, request, test_clock }] };
}
