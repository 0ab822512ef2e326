/** Payouts: what goes from the account's funds at a processor to its bank, by hand or by a schedule. They live in real time, as the account does. */
import { DAY_S, periodAt } from '../calendar.ts';
import type { Metadata } from '../catalog.ts';
import { assert, decision, refuse, together, type Decision, type Instant, type Moment, type Posting, type Timer } from '../decision.ts';
import { formatMoney, payoutStep } from '../money.ts';
import type { Fee } from '../payment/outcome.ts';
import { moveFunds, type FundsTransactionRow } from './funds.ts';

export type BankAccountRow = {
  id: string;
  created: Instant;
  processor: string;
  processor_reference: string;
  account_holder_name: string | null;
  account_holder_type: string | null;
  bank_name: string | null;
  country: string;
  currency: string;
  last4: string;
  routing_number: string | null;
  fingerprint: string;
  default_for_currency: boolean;
  /** `errored` once a payout to it has failed; it gets no more of them by itself. */
  status: 'new' | 'errored';
  deleted: boolean;
};

export type PayoutStatus = 'pending' | 'in_transit' | 'paid' | 'failed' | 'canceled';

export type PayoutRow = {
  id: string;
  created: Instant;
  amount: bigint;
  currency: string;
  /** When it is at the bank, or is to be. */
  arrival_date: Instant;
  /** By the schedule, so that the balance transactions that it carries are known. */
  automatic: boolean;
  method: 'standard' | 'instant';
  status: PayoutStatus;
  destination: string;
  balance_transaction: string;
  failure_balance_transaction: string | null;
  failure_code: string | null;
  failure_message: string | null;
  description: string | null;
  statement_descriptor: string | null;
  /** The processor's id of it, where that pays out by itself. */
  processor_reference: string | null;
  metadata: Metadata;
};

const WEEKDAYS = ['thursday', 'friday', 'saturday', 'sunday', 'monday', 'tuesday', 'wednesday'] as const;
type Weekday = (typeof WEEKDAYS)[number];
export type PayoutSchedule = { interval: 'manual' | 'daily' | 'weekly' | 'monthly'; weekly_anchor: Weekday | null; monthly_anchor: number | null };

/** The midnight (UTC) after a moment at which the schedule pays out; null where it is by hand. */
export function nextPayout({ interval, weekly_anchor, monthly_anchor }: PayoutSchedule, after: Instant): Instant | null {
  switch (interval) {
    case 'manual': return null;
    case 'daily': return (Math.floor(after / DAY_S) + 1) * DAY_S;
    // The first day of the epoch was a Thursday.
    case 'weekly': return periodAt(WEEKDAYS.indexOf(weekly_anchor ?? 'monday') * DAY_S, { interval: 'week', interval_count: 1 }, after).end;
    case 'monthly': return periodAt(0, { interval: 'month', interval_count: 1 }, after, monthly_anchor ?? 1).end;
  }
}

/** The timer of the schedule. */
export const payoutTimer = (schedule: PayoutSchedule, after: Instant): Timer => ({ kind: 'payouts.automatic', subject: 'payouts', at: nextPayout(schedule, after), lane: 'balance', test_clock: null });

type PayoutOrder = Pick<PayoutRow, 'amount' | 'currency' | 'method' | 'description' | 'statement_descriptor' | 'metadata'> & { fees: readonly Fee[] };

export const put = (before: PayoutRow, payout: PayoutRow, type: string, moment: Moment): Decision => ({
  ...decision(),
  puts: [{ table: 'payouts', before, after: payout }],
  facts: [{ type, object: 'payout', whole: payout, before: type === 'payout.updated' ? before : undefined, at: moment.now }],
});

/** A standard payout is sent at the next midnight and has arrived a day later; an instant one is both at once. */
const proceed = ({ id }: PayoutRow, at: Instant | null): Timer => ({ kind: 'payout.proceed', subject: id, at, lane: id, test_clock: null });

export function post(payout: PayoutRow, what: 'created' | 'paid' | 'bounced' | 'returned', legs: Pick<Posting, 'ledger_account' | 'amount' | 'processor'>[], moment: Moment): Decision {
  return { ...decision(), postings: legs.map((leg) => ({ ...leg, transaction: `${payout.id}:${what}`, currency: payout.currency, document: payout.id, customer: null, at: moment.now })) };
}

/** A payout as it begins: with what it takes from our funds, which is in transit from now on. */
export function openPayout(
  said: Omit<PayoutRow, 'id' | 'status' | 'destination' | 'balance_transaction' | 'failure_balance_transaction' | 'failure_code' | 'failure_message'>, fees: readonly Fee[], to: BankAccountRow, moment: Moment,
): Decision & { payout: PayoutRow; transaction: FundsTransactionRow } {
  const { id: destination, processor } = to;
  const { amount, currency } = said;
  const id = moment.newId('po');
  const description = said.description ?? 'Payout';
  const { transaction, ...moved } = moveFunds({ type: 'payout', reporting_category: 'payout', source: id, description, amount: -amount, currency, fees, available: 'now', processor, test_clock: null }, moment);
  const payout: PayoutRow = { ...said, id, status: 'pending', destination, balance_transaction: transaction.id, failure_balance_transaction: null, failure_code: null, failure_message: null };
  const made: Decision = { ...decision(), puts: [{ table: 'payouts', before: null, after: payout }], facts: [{ type: 'payout.created', object: 'payout', whole: payout, at: moment.now }] };
  const posted = post(payout, 'created', [{ ledger_account: 'payouts_in_transit', amount }, { ledger_account: 'cash_in_transit', amount: -amount, processor }], moment);
  return { ...together([moved, made, posted]), payout, transaction };
}

/** Takes an amount from what is available, with the fee where it costs one. `carried` are the transactions of an automatic payout, which it comes to. */
export function createPayout(order: PayoutOrder, to: BankAccountRow, available: bigint, carried: readonly FundsTransactionRow[] | null, moment: Moment): Decision & { payout: PayoutRow } {
  const { fees, ...said } = order;
  const { amount, currency, method } = said;
  // An automatic one is what its transactions come to.
  const step = payoutStep(currency);
  if (carried === null && amount % step !== 0n) refuse(undefined, `A payout in ${currency} is a multiple of ${step}, as banks take no smaller parts: ${amount} is not.`, 'amount');
  const fee = fees.reduce((sum, each) => sum + each.amount, 0n);
  if (amount + fee > available) {
    const cost = fee === 0n ? '' : `, and ${formatMoney(fee, currency)} for it`;
    refuse('balance_insufficient', `There are ${formatMoney(available, currency)} available, not the ${formatMoney(amount, currency)} that are to be paid out${cost}. What is pending can be paid out once it is available.`, 'amount');
  }
  assert(!to.deleted && to.currency === currency, `${to.id} takes no payout in ${currency}`);
  const instant = method === 'instant';
  const sent = (Math.floor(moment.now / DAY_S) + 1) * DAY_S;
  const { payout, transaction, ...made } = openPayout({ ...said, created: moment.now, automatic: carried !== null, arrival_date: instant ? moment.now : sent + DAY_S, processor_reference: null }, fees, to, moment);
  if (carried) {
    made.puts.push(...[transaction, ...carried].map((before) => ({ table: 'balance_transactions', before, after: { ...before, payout: payout.id } })));
    made.facts.push({ type: 'payout.reconciliation_completed', object: 'payout', whole: payout, at: moment.now });
  }
  made.timers.push(proceed(payout, instant ? moment.now : sent));
  return { ...made, payout };
}

/** How a payout ends at its bank. */
export type PayoutEnd = { status: 'paid' } | { status: 'failed'; code: string; message: string };

/** The next step of a payout: it is sent, or it has arrived or come back. */
export function proceedPayout(before: PayoutRow, to: BankAccountRow, end: PayoutEnd, moment: Moment): Decision & { payout: PayoutRow } {
  if (before.status === 'pending' && moment.now < before.arrival_date) {
    const payout: PayoutRow = { ...before, status: 'in_transit' };
    const made = put(before, payout, 'payout.updated', moment);
    made.timers.push(proceed(payout, payout.arrival_date));
    return { ...made, payout };
  }
  if (before.status !== 'pending' && before.status !== 'in_transit') return { ...decision(), payout: before };
  if (end.status === 'paid') {
    const payout: PayoutRow = { ...before, status: 'paid' };
    const posted = post(payout, 'paid', [{ ledger_account: 'bank', amount: payout.amount }, { ledger_account: 'payouts_in_transit', amount: -payout.amount }], moment);
    return { ...together([put(before, payout, 'payout.paid', moment), posted]), payout };
  }
  const back = returnPayout(before, to, 'payout_failure', { status: 'failed', failure_code: end.code, failure_message: end.message }, 'payout.failed', moment);
  const marked: Decision = { ...decision(), puts: [{ table: 'bank_accounts', before: to, after: { ...to, status: 'errored' } }] };
  return { ...together([back, marked]), payout: back.payout };
}

/** Only what is not sent yet can be called back. */
export function cancelPayout(before: PayoutRow, to: BankAccountRow, moment: Moment): Decision & { payout: PayoutRow } {
  if (before.status !== 'pending' || before.method === 'instant') refuse(undefined, `The payout ${before.id} is ${before.status}: only one that is pending can be canceled.`);
  if (before.processor_reference !== null) refuse(undefined, `The payout ${before.id} was made by the payment processor ${to.processor}, and can be canceled only there.`);
  if (before.automatic) refuse(undefined, `The payout ${before.id} was made by the schedule, and cannot be canceled.`);
  const canceled = returnPayout(before, to, 'payout_cancel', { status: 'canceled' }, 'payout.canceled', moment);
  return { ...together([canceled, { ...decision(), timers: [proceed(before, null)] }]), payout: canceled.payout };
}

/** The money is ours to pay out again. */
export function returnPayout(before: PayoutRow, to: BankAccountRow, type: 'payout_failure' | 'payout_cancel', change: Partial<PayoutRow>, told: string, moment: Moment): Decision & { payout: PayoutRow } {
  const { id: source, amount, currency } = before;
  const description = type === 'payout_failure' ? 'A payout has come back' : 'A payout was canceled';
  const { transaction, ...moved } = moveFunds({ type, reporting_category: 'payout_reversal', source, description, amount, currency, available: 'now', processor: to.processor, test_clock: null }, moment);
  const payout: PayoutRow = { ...before, ...change, failure_balance_transaction: transaction.id };
  const posted = post(payout, 'returned', [{ ledger_account: 'cash_in_transit', amount, processor: to.processor }, { ledger_account: 'payouts_in_transit', amount: -amount }], moment);
  return { ...together([moved, put(before, payout, told, moment), posted]), payout };
}
