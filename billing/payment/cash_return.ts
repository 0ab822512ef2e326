/** What a customer has sent, and nothing was paid with, goes back to the bank account from which it came: a transfer that takes a day, and may come back. */
import { decision, refuse, together, type Decision, type Moment, type Posting } from '../decision.ts';
import { formatMoney } from '../money.ts';
import { beginAttempt, type AttemptRow } from './attempt.ts';
import { moveCash, type CashRow } from './cash.ts';
import type { RefundAnswer, RefundOrder, RefundRow } from './refund.ts';
import { foreseen } from './foretold.ts';

/** What the processor is asked, as the call keeps it. The amount is minor units as text. */
export type ReturnQuestion = { processor: string; customer: string; amount: string; currency: string; at: number };

type ReturnOrder = Pick<RefundOrder, 'reason' | 'metadata'> & { amount: bigint; processor: string; /** The kind of transfer by which it goes, e.g. `eu_bank_transfer`. */ type: string; test_clock: string | null };

function post({ id, currency, customer, amount }: RefundRow, processor: string, what: 'refunded' | 'returned', moment: Moment): Decision {
  const goes = what === 'refunded' ? amount : -amount;
  const legs = { transaction: `${id}:${what}`, currency, document: id, customer, at: moment.now };
  const postings: Posting[] = [{ ...legs, ledger_account: 'customer_cash', amount: goes }, { ...legs, ledger_account: 'cash_in_transit', processor, amount: -goes }];
  return { ...decision(), postings };
}

/** Begins to send cash back: it is the customer's to spend no more. */
export function returnCash(cash: CashRow, order: ReturnOrder, moment: Moment): Decision & { refund: RefundRow } {
  const { customer, currency } = cash;
  const { amount, processor, type, test_clock, reason, metadata } = order;
  if (amount > cash.amount) refuse('amount_too_large', `The customer ${customer} has ${formatMoney(cash.amount, currency)} of cash; ${formatMoney(amount, currency)} cannot be sent back.`, 'amount');
  const refund: RefundRow = {
    id: moment.newId('re'), created: moment.now, charge: null, payment_intent: null, customer, test_clock, status: 'pending', amount, currency, reason, failure_reason: null, destination: { type, reference: null }, sent: true,
    balance_transaction: null, failure_balance_transaction: null, processor_reference: null, metadata,
  };
  const id = `${refund.id}:refund:1`;
  const request: ReturnQuestion = { processor, customer, amount: String(amount), currency, at: moment.now };
  const made: Decision = {
    ...decision(),
    puts: [{ table: 'refunds', before: null, after: refund }, { table: 'payment_attempts', before: null, after: beginAttempt(id, 'refund', refund.id, processor, test_clock, moment.now) }],
    facts: [{ type: 'refund.created', object: 'refund', whole: refund, at: moment.now }],
    calls: [{ id, kind: 'processor.return', subject: refund.id, request, test_clock }],
  };
  const moved = moveCash(cash, true, { type: 'return_initiated', net_amount: -amount, refund: refund.id }, moment);
  return { ...together([made, moved, post(refund, processor, 'refunded', moment)]), refund };
}

/** Takes a word about it: the answer, or what becomes of it later. What comes back is the customer's cash again. */
export function settleReturn(before: RefundRow, cash: CashRow, attempt: AttemptRow, answer: RefundAnswer, moment: Moment): Decision & { refund: RefundRow } {
  const comes_back = answer.kind === 'declined' || answer.kind === 'failed' || answer.kind === 'canceled';
  const failed = comes_back && answer.kind !== 'canceled';
  const refund: RefundRow = comes_back
    ? { ...before, status: failed ? 'failed' : 'canceled', failure_reason: answer.kind === 'declined' ? answer.failure_reason : failed ? 'unknown' : null, sent: false }
    : { ...before, status: answer.kind, destination: { ...before.destination, reference: answer.network_reference ?? before.destination.reference } };
  const told: Decision = {
    ...decision(),
    puts: [{ table: 'refunds', before, after: refund }],
    facts: [{ type: failed ? 'refund.failed' : 'refund.updated', object: 'refund', whole: refund, before: failed ? undefined : before, at: moment.now }],
    timers: comes_back ? [] : foreseen(attempt.id, answer.foretold, refund, moment),
  };
  if (!comes_back || !before.sent) return { ...told, refund };
  const back = moveCash(cash, true, { type: 'return_canceled', net_amount: before.amount, refund: before.id }, moment);
  return { ...together([told, back, post(before, attempt.processor, 'returned', moment)]), refund };
}
