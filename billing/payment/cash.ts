/** Money that a customer has sent by bank transfer: it is the customer's cash until it is applied to a payment, by what the transfer says or by its amount. */
import { decision, refuse, together, type Decision, type Instant, type Moment } from '../decision.ts';
import { formatMoney, minor } from '../money.ts';
import type { NextAction, PaymentIntentWhole, PaymentMethodRow } from './payment.ts';
import { wordsOf } from './words.ts';
import type { AskedQuestion } from './confirm.ts';
import { moveIntent } from './intent.ts';
import type { PaymentAnswer } from './outcome.ts';
import type { Payment } from './receive.ts';
import { settlePayment } from './settle.ts';

export type CashRow = { id: string; customer: string; currency: string; amount: bigint };

export type CashTransactionRow = {
  id: string;
  created: Instant;
  customer: string;
  type: 'funded' | 'applied_to_payment' | 'refunded_from_payment' | 'return_initiated' | 'return_canceled';
  currency: string;
  net_amount: bigint;
  ending_balance: bigint;
  bank_transfer: Record<string, unknown> | null;
  payment_intent: string | null;
  refund: string | null;
};

/** An account of the customer's own, to which it sends money. */
export type TransferAccount = { type: string; country: string; currency: string; financial_addresses: Record<string, unknown>[] };

export const noCash = (customer: string, currency: string): CashRow => ({ id: `${customer}:${currency}`, customer, currency, amount: 0n });

/** The customer's cash becomes more or less, in minor units of its currency. `stored`: the customer has had cash in the currency before. */
export function moveCash(before: CashRow, stored: boolean, transaction: Pick<CashTransactionRow, 'type' | 'net_amount'> & Partial<CashTransactionRow>, moment: Moment): Decision & { cash: CashRow; transaction: CashTransactionRow } {
  const cash: CashRow = { ...before, amount: before.amount + transaction.net_amount };
  const { customer, currency, amount: ending_balance } = cash;
  const row: CashTransactionRow = { id: moment.newId('ccsbtxn'), created: moment.now, customer, currency, ending_balance, bank_transfer: null, payment_intent: null, refund: null, ...transaction };
  return {
    ...decision(),
    puts: [{ table: 'cash_balances', before: stored ? before : null, after: cash }, { table: 'cash_balance_transactions', before: null, after: row }],
    facts: [{ type: 'customer_cash_balance_transaction.created', object: 'customer_cash_balance_transaction', whole: row, at: moment.now }],
    cash,
    transaction: row,
  };
}

/** A transfer has arrived. */
export function fundCash(before: CashRow, stored: boolean, { amount, bank_transfer }: { amount: bigint; bank_transfer: Record<string, unknown> }, moment: Moment): Decision & { cash: CashRow } {
  const made = moveCash(before, stored, { type: 'funded', net_amount: amount, bank_transfer }, moment);
  const { id, currency, customer } = made.transaction;
  const legs = { transaction: `${id}:funded`, currency, document: id, customer, at: moment.now };
  made.postings.push({ ...legs, ledger_account: 'cash_in_transit', amount }, { ...legs, ledger_account: 'customer_cash', amount: -amount });
  return made;
}

/** Whether an intent can be paid with cash still. */
export const awaitsCash = ({ status }: Pick<PaymentIntentWhole, 'status'>): boolean => status === 'requires_payment_method' || status === 'requires_confirmation' || status === 'requires_action';

/** What can be paid by a transfer: for how much, since when, and what a transfer would say that is for it. */
export type Awaiting = { id: string; amount: bigint; created: Instant; references: readonly string[] };

/** At most so many payments are taken to be meant by one transfer. */
const TOGETHER = 5;

const plain = (text: string) => text.replaceAll(/[^A-Za-z0-9]/g, '').toUpperCase();

/** The oldest of these, up to five of them, that together come to just this amount; null where none do. */
function summing(awaiting: readonly Awaiting[], amount: bigint, most = TOGETHER): Awaiting[] | null {
  if (amount === 0n) return [];
  if (most === 0) return null;
  for (const [n, first] of awaiting.entries()) {
    if (first.amount > amount) continue;
    const rest = summing(awaiting.slice(n + 1), amount - first.amount, most - 1);
    if (rest) return [first, ...rest];
  }
  return null;
}

/**
 * Which payments are made from this much cash. First what the transfer says, as far as the cash is enough for it: several numbers may stand in one text. From what is left then a payment of exactly this amount, the oldest; or up to five
 * of exactly this amount together; or else as many as it is enough for, the oldest first, unless the transfer names one for which it is too little: that one waits for the rest. What pays nothing stays the customer's cash.
 */
export function matchCash(cash: bigint, reference: string | null, awaiting: readonly Awaiting[]): string[] {
  const oldest = awaiting.toSorted((a, b) => a.created - b.created || (a.id < b.id ? -1 : 1));
  const said = reference === null ? '' : plain(reference);
  // A number that goes on is another number.
  const says = (number: string) => new RegExp(`${plain(number)}(?![0-9])`).test(said);
  const named = said === '' ? [] : oldest.filter(({ references }) => references.some(says));
  const paid: string[] = [];
  let left = cash;
  const payEach = (those: readonly Awaiting[]) => {
    for (const { id, amount } of those) {
      if (amount > left) continue;
      paid.push(id);
      left -= amount;
    }
  };
  payEach(named);
  const short = paid.length < named.length;
  const others = oldest.filter((each) => !named.includes(each));
  const exact = others.find(({ amount }) => amount === left);
  // Sums are sought among so few that this takes no time.
  payEach(exact ? [exact] : (summing(others.slice(0, 20), left) ?? (short ? [] : others)));
  return paid;
}

/** The intent waits for a transfer, and says where to. */
export function awaitTransfer(before: PaymentIntentWhole, method: PaymentMethodRow, account: TransferAccount, moment: Moment): Decision & { payment_intent: PaymentIntentWhole } {
  const reference = before.id.slice(-10).toUpperCase();
  const next_action: NextAction = {
    type: 'display_bank_transfer_instructions',
    display_bank_transfer_instructions: {
      amount_remaining: minor(before.amount), currency: before.currency, financial_addresses: account.financial_addresses, hosted_instructions_url: null, reference, type: account.type,
    },
    reference,
  };
  return moveIntent(before, { status: 'requires_action', payment_method: method.id, last_payment_error: null, failed_method: null, next_action }, 'payment_intent.requires_action', moment);
}

/** Pays an intent from the customer's cash. */
export function applyCash(before: CashRow, facts: Payment, moment: Moment): Decision & { cash: CashRow } {
  const { payment_intent: intent, payment_method: method } = facts;
  if (intent.amount > before.amount) refuse('amount_too_large', `The customer has ${formatMoney(before.amount, before.currency)} of cash; ${formatMoney(intent.amount, intent.currency)} are needed.`, 'amount');
  const moved = moveCash(before, true, { type: 'applied_to_payment', net_amount: -intent.amount, payment_intent: intent.id }, moment);
  const question: AskedQuestion = {
    op_id: `${intent.id}:cash:${moved.transaction.id}`, processor: method.processor, payment_method: method.id, amount: String(intent.amount), currency: intent.currency,
    method: { type: method.type, reference: method.processor_reference, set_up: false, network_transaction_id: null, mandate: null }, capture: 'automatic', options: {}, setup_future_usage: null,
    ...wordsOf(intent), payer: { name: null, email: null, country: null }, off_session: true, automatic: false, request_three_d_secure: 'automatic', authentication: null, return_url: null, use_stripe_sdk: false,
    error_on_requires_action: false, agreed: null, at: moment.now,
  };
  const answer: PaymentAnswer = {
    kind: 'succeeded', reference: moved.transaction.id, captured: true, network_transaction_id: null, authorization_code: null, three_d_secure: null, available: 'now', foretold: [],
    assessment: { type: 'authorized', network_status: 'approved_by_network', reason: null, risk_level: 'normal', risk_score: 0 },
  };
  return { ...together([moved, settlePayment(facts, question, answer, moment)]), cash: moved.cash };
}
