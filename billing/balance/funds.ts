/** The account's funds at its processors. Each movement is a balance transaction: what came or went, what was kept of it line by line, and from when on it can be paid out. */
import { DAY_S } from '../calendar.ts';
import { decision, type Decision, type Instant, type Moment, type Posting } from '../decision.ts';
import { exchangeAccount } from '../ledger/accounts.ts';
import { minor, roundDiv } from '../money.ts';
import type { Fee, Settled } from '../payment/outcome.ts';
import type { ChargeRow } from '../payment/payment.ts';

/** A line of a fee as the API shows it; minor units. */
type FeeDetail = { amount: number; application: null; currency: string; description: string; type: 'stripe_fee' | 'payment_method_passthrough_fee' | 'tax' };

type FundsType = 'charge' | 'payment' | 'refund' | 'payment_refund' | 'refund_failure' | 'payout' | 'payout_failure' | 'payout_cancel' | 'adjustment';

export type FundsTransactionRow = {
  id: string;
  created: Instant;
  type: FundsType;
  reporting_category: string;
  /** What it is about: a charge, a refund, a dispute, a payout. */
  source: string;
  description: string | null;
  amount: bigint;
  /** The sum of its lines. */
  fee: bigint;
  /** The amount less the fee. */
  net: bigint;
  currency: string;
  fee_details: FeeDetail[];
  exchange_rate: string | null;
  /** From when on it can be paid out, by the clock of the customer whom it is about. */
  available_on: Instant;
  test_clock: string | null;
  processor: string;
  payout: string | null;
};

type FundsMove = Pick<FundsTransactionRow, 'type' | 'reporting_category' | 'source' | 'description' | 'amount' | 'currency' | 'test_clock' | 'processor'> & {
  fees?: readonly Fee[];
  /** Where the processor settles it in another currency. */
  settled?: Settled | null;
  /** One more of its source, which the ledger has by the transaction's own name. */
  further?: boolean;
  /** At our disposal at once, or after the usual days. */
  available: 'now' | 'later';
};

/** What a payment brings can be paid out at the second midnight (UTC) after it. */
const AVAILABLE_AFTER_DAYS = 2;

const FEE_TYPES: Record<Fee['type'], FeeDetail['type']> = { processing: 'stripe_fee', network: 'payment_method_passthrough_fee', tax: 'tax' };

/** The account's funds move. What is kept of them is posted line by line; the movement itself is posted by whoever knows what it was for. */
export function moveFunds({ fees = [], available, settled = null, further = false, ...move }: FundsMove, moment: Moment): Decision & { transaction: FundsTransactionRow } {
  const { source, processor, test_clock } = move;
  const { amount, currency } = settled ?? move;
  const lines = fees.filter((each) => each.amount !== 0n);
  const fee = lines.reduce((sum, each) => sum + each.amount, 0n);
  const transaction: FundsTransactionRow = {
    ...move,
    id: moment.newId('txn'),
    created: moment.now,
    amount,
    currency,
    fee,
    net: amount - fee,
    fee_details: lines.map((each) => ({ amount: minor(each.amount), application: null, currency, description: each.description, type: FEE_TYPES[each.type] })),
    exchange_rate: settled?.exchange_rate ?? null,
    available_on: available === 'now' ? moment.now : (Math.floor(moment.now / DAY_S) + AVAILABLE_AFTER_DAYS) * DAY_S,
    payout: null,
  };
  const made = decision();
  made.puts.push({ table: 'balance_transactions', before: null, after: transaction });
  // What we pay the processor is no customer's affair.
  const legs = { transaction: `${further ? transaction.id : source}:${fee < 0n ? 'fees_returned' : 'fees'}`, currency, document: source, customer: null, at: moment.now, processor };
  for (const each of lines) made.postings.push({ ...legs, ledger_account: 'processor_fees', amount: each.amount, line: each.description });
  if (lines.length > 0) made.postings.push({ ...legs, ledger_account: 'cash_in_transit', amount: -fee });
  // The account itself lives in real time, whatever clocks its customers are on.
  if (amount > 0n && test_clock === null) made.timers.push({ kind: 'balance.available', subject: String(transaction.available_on), at: transaction.available_on, lane: 'balance', test_clock: null, kept: true });
  return { ...made, transaction };
}

type Leg = Pick<Posting, 'ledger_account' | 'currency' | 'amount' | 'processor'>;

/**
 * The legs by which an amount comes to our funds or leaves them. One that is settled in another currency passes through the exchange: what is given back or lost of a payment takes out of it what that had come to
 * when it was paid, and the rest is the difference that the rate has made since.
 */
export function fundsLegs(amount: bigint, charge: ChargeRow, transaction: FundsTransactionRow): Leg[] {
  const { amount_captured, settled_amount, settled_currency } = charge;
  const then = settled_amount !== null && settled_currency === transaction.currency ? roundDiv(settled_amount * amount, amount_captured) : transaction.amount;
  return legsAt(then, amount, charge, transaction);
}

/**
 * The same of an amount that has just come with a charge, or with one of its captures. What a charge was converted for is one rate for all of it: where a part was given back before this came, the exchange stands for
 * the rest at the rate that there is now. What is only asked to be given back, `refunding`, leaves at that rate, too.
 */
export function comingLegs(amount: bigint, charge: ChargeRow, refunding: bigint, transaction: FundsTransactionRow): Leg[] {
  const { amount_captured, amount_refunded, amount_disputed, settled_amount, settled_currency } = charge;
  const out = amount_refunded - refunding + amount_disputed;
  if (settled_amount === null || settled_currency !== transaction.currency || out === 0n || amount === amount_captured) return legsAt(transaction.amount, amount, charge, transaction);
  const standing = (settled: bigint, captured: bigint): bigint => roundDiv(settled * (captured - out), captured);
  return legsAt(standing(settled_amount, amount_captured) - standing(settled_amount - transaction.amount, amount_captured - amount), amount, charge, transaction);
}

function legsAt(then: bigint, amount: bigint, { currency }: ChargeRow, { amount: came, currency: into, processor }: FundsTransactionRow): Leg[] {
  const funds: Leg = { ledger_account: 'cash_in_transit', currency: into, amount: came, processor };
  if (into === currency) return [funds];
  const exchange = exchangeAccount(currency, into);
  return [{ ledger_account: exchange, currency, amount }, { ledger_account: exchange, currency: into, amount: -then }, { ledger_account: 'exchange_differences', currency: into, amount: then - came }, funds];
}

/** How the money of a charge has come. */
type Taking = { processor: string; test_clock: string | null; fees?: readonly Fee[]; settled?: Settled | null; available?: 'now' | 'later' };

/** The money of a charge has come, or `amount` of it by one of its captures, less what the processor keeps of that. The charge says the first one's transaction. */
export function takeCharge(charge: ChargeRow, { processor, test_clock, fees, settled, available = 'later' }: Taking, moment: Moment, amount = charge.amount_captured): Decision & { charge: ChargeRow; transaction: FundsTransactionRow } {
  const type = charge.payment_method_details?.type === 'card' ? 'charge' : 'payment';
  const further = charge.balance_transaction !== null;
  const { transaction, ...moved } = moveFunds({ type, reporting_category: 'charge', source: charge.id, description: charge.description, amount, currency: charge.currency, fees, settled, further, available, processor, test_clock }, moment);
  const before = settled && charge.settled_currency === settled.currency ? charge.settled_amount! : 0n;
  const brought = { settled_amount: settled ? before + settled.amount : charge.settled_amount, settled_currency: settled?.currency ?? charge.settled_currency };
  return { ...moved, transaction, charge: { ...charge, balance_transaction: charge.balance_transaction ?? transaction.id, ...brought } };
}
