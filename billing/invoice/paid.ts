/** What money, or its failing to come, means for an invoice, its customer and its subscription. */
import type { BalanceTransactionRow, CustomerWhole } from '../customer/customer.ts';
import { move } from '../customer/change.ts';
import { grantBought } from '../credit/bought.ts';
import { decision, together, type Decision, type Instant, type Moment } from '../decision.ts';
import { nextAttempt } from '../dunning.ts';
import { afterPayment, isAwaited, type PaymentOutcome } from '../subscription/payment.ts';
import { applyPending, tellPending } from '../subscription/pending.ts';
import type { SubscriptionWhole } from '../subscription/subscription.ts';
import { least } from '../money.ts';
import { collection, corrections, overdue } from './finalize.ts';
import type { InvoiceWhole } from './invoice.ts';

/** An invoice with those whom its payment concerns. */
export type Owed = { invoice: InvoiceWhole; customer: CustomerWhole; subscription: SubscriptionWhole | null };

/** The invoice as it changed, told as an update. */
export function changeInvoice(before: InvoiceWhole, invoice: InvoiceWhole, moment: Moment): Decision {
  return {
    ...decision(),
    puts: [{ table: 'invoices', before, after: invoice }],
    facts: [{ type: 'invoice.updated', object: 'invoice', whole: invoice, before, at: moment.now }],
  };
}

/** Nobody waits for the invoice any more, nor asks for it. */
export const noTimers = (invoice: InvoiceWhole) => [collection(invoice, null), overdue(invoice, null)];

function changeCustomer(before: CustomerWhole, customer: CustomerWhole, moment: Moment): Decision {
  const made = decision();
  if (before.balance === customer.balance && before.delinquent === customer.delinquent) return made;
  made.puts.push({ table: 'customers', before, after: customer });
  made.facts.push({ type: 'customer.updated', object: 'customer', whole: customer, before, at: moment.now });
  return made;
}

function tellSubscription(subscription: SubscriptionWhole | null, invoice: InvoiceWhole, outcome: PaymentOutcome, moment: Moment, payment_method: string | null = null) {
  return subscription ? afterPayment(subscription, invoice, outcome, moment, payment_method) : { ...decision(), subscription };
}

/** Where a payment of this invoice is credited: a written-off one was taken from the receivables before. */
export const creditedAccount = (invoice: InvoiceWhole): 'bad_debt' | 'receivable' => (invoice.status === 'uncollectible' ? 'bad_debt' : 'receivable');

type Credit = {
  amount: bigint;
  /** Not by a payment of ours, e.g. in cash. */
  off_stripe: boolean;
  /** What paid it, where that is known. */
  payment_method: string | null;
  /** Whether this was an attempt of the schedule. Null: it was none. */
  automatic: boolean | null;
};

/** What goes to the customer's balance besides, and why. */
type Given = { amount: bigint; type: 'invoice_overpaid' | 'credit_note'; credit_note?: string };

/** What changes of an invoice where less remains to be paid: with nothing remaining it is paid, which is told to all whom it concerns. */
export function settleInvoice({ invoice: before, customer: payer, subscription: late }: Owed, change: Partial<InvoiceWhole>, given: Given, by: Pick<Credit, 'payment_method' | 'off_stripe'>, moment: Moment): Decision & Owed & { transaction: BalanceTransactionRow | null } {
  const changed: InvoiceWhole = { ...before, ...change };
  const paid = (before.status === 'open' || before.status === 'uncollectible') && before.amount_remaining > 0n && changed.amount_remaining === 0n;
  const invoice: InvoiceWhole = paid ? { ...changed, status: 'paid', paid_at: moment.now, auto_advance: false, next_payment_attempt: null } : changed;
  const made = changeInvoice(before, invoice, moment);
  const tell = (type: string) => made.facts.push({ type, object: 'invoice', whole: invoice, at: moment.now });
  // What was given up is paid after all, or a part of it: what followed from that is put right.
  if (before.status === 'uncollectible') made.timers.push(...corrections(invoice, moment.now));
  if (paid) {
    made.timers.push(...noTimers(invoice));
    tell('invoice.paid');
    // What was paid another way, or credited, was no attempt of ours that succeeded.
    if (!by.off_stripe) tell('invoice.payment_succeeded');
  }
  const customer: CustomerWhole = { ...payer, delinquent: payer.delinquent && !paid, balance: payer.balance - given.amount };
  const transaction = given.amount > 0n ? move(made, payer, customer, given.type, { invoice: invoice.id, credit_note: given.credit_note }, moment) : null;
  if (transaction?.type === 'invoice_overpaid') tell('invoice.overpaid');
  const told = paid ? tellSubscription(late, invoice, 'paid', moment, by.payment_method) : { ...decision(), subscription: late };
  const bought = paid ? grantBought(invoice, customer, moment) : { ...decision(), customer };
  return { ...together([made, changeCustomer(payer, customer, moment), told, bought]), invoice, customer: bought.customer, subscription: told.subscription, transaction };
}

const attemptsAfter = (invoice: InvoiceWhole, automatic: boolean | null): number =>
  automatic === null ? invoice.attempt_count : automatic ? invoice.attempt_count + 1 : Math.max(invoice.attempt_count, 1);

/**
 * Credits money to an invoice: at most what remains; more than that goes to the customer's balance. An invoice with nothing remaining is paid. `applied` and `overpaid` say what went where; posting
 * them is the part of whoever knows where the money came from.
 */
export function creditInvoice(owing: Owed, credit: Credit, moment: Moment): Decision & Owed & { applied: bigint; overpaid: bigint } {
  const { invoice } = owing;
  const owed = invoice.status === 'open' || invoice.status === 'uncollectible' ? invoice.amount_remaining : 0n;
  const applied = least(credit.amount, owed);
  const overpaid = credit.amount - applied;
  const change = {
    amount_paid: invoice.amount_paid + applied,
    amount_paid_off_stripe: invoice.amount_paid_off_stripe + (credit.off_stripe ? applied : 0n),
    amount_remaining: invoice.amount_remaining - applied,
    amount_overpaid: invoice.amount_overpaid + overpaid,
    attempted: invoice.attempted || credit.automatic !== null,
    attempt_count: attemptsAfter(invoice, credit.automatic),
  };
  return { ...settleInvoice(owing, change, { amount: overpaid, type: 'invoice_overpaid' }, credit, moment), applied, overpaid };
}

type Failure = {
  /** An attempt by the schedule, not by anybody's request. */
  automatic: boolean;
  /** When it was made, from which the next one is counted. */
  at: Instant;
  /** The issuer would ask the holder, who was absent. */
  asks_holder: boolean;
};

/**
 * An attempt that failed. Any first attempt counts, and afterwards those by the schedule: after the last of them the invoice is given up. An invoice that does not advance by itself, or whose
 * subscription waits for somebody to pay it, is not tried again by itself; nor later, where that attempt was enough to resume the subscription.
 */
export function attemptFailed({ invoice: before, customer: payer, subscription: late }: Owed, failure: Failure, moment: Moment): Decision & Owed {
  const attempt_count = attemptsAfter(before, failure.automatic);
  const charged = before.collection_method === 'charge_automatically';
  const awaited = isAwaited(late, before);
  const retried = charged && before.auto_advance && !awaited;
  const counts = attempt_count !== before.attempt_count;
  const next_payment_attempt = !retried ? null : counts ? nextAttempt(attempt_count, failure.at) : before.next_payment_attempt;
  const given_up = retried && next_payment_attempt === null;
  const invoice: InvoiceWhole = { ...before, attempted: true, attempt_count, next_payment_attempt, auto_advance: before.auto_advance && !given_up && !(awaited && late?.status === 'paused') };
  const made = decision();
  made.timers.push(collection(invoice, next_payment_attempt));
  made.facts.push({ type: 'invoice.payment_failed', object: 'invoice', whole: invoice, at: moment.now });
  if (failure.asks_holder) made.facts.push({ type: 'invoice.payment_action_required', object: 'invoice', whole: invoice, at: moment.now });
  const customer: CustomerWhole = { ...payer, delinquent: payer.delinquent || charged };
  const told = tellSubscription(late, invoice, given_up ? 'given_up' : 'failed', moment);
  return { ...together([made, changeInvoice(before, invoice, moment), changeCustomer(payer, customer, moment), told]), invoice, customer, subscription: told.subscription };
}

/** The holder was asked and has not answered yet. */
export function actionRequired({ invoice: before, customer, subscription }: Owed, automatic: boolean, moment: Moment): Decision & Owed {
  const invoice: InvoiceWhole = { ...before, attempted: true, attempt_count: attemptsAfter(before, automatic) };
  const made = changeInvoice(before, invoice, moment);
  made.facts.unshift({ type: 'invoice.payment_action_required', object: 'invoice', whole: invoice, at: moment.now });
  const told = subscription?.pending_update?.invoice === invoice.id ? tellPending(subscription, moment) : { ...decision(), subscription };
  return { ...together([made, told]), invoice, customer, subscription: told.subscription };
}

/** A debit is on its way, of which days tell whether it comes: a change that waits for it is applied in good faith. */
export function paymentComing({ invoice, customer, subscription }: Owed, moment: Moment): Decision & Owed {
  const applied = subscription?.pending_update?.invoice === invoice.id ? applyPending(subscription, moment) : { ...decision(), subscription };
  return { ...applied, invoice, customer };
}

/** The day on which an invoice that was sent had to be paid has passed. */
export function invoiceOverdue({ invoice, customer: payer, subscription: late }: Owed, moment: Moment): Decision & Owed {
  const made = decision();
  if (invoice.status !== 'open') return { ...made, invoice, customer: payer, subscription: late };
  made.facts.push({ type: 'invoice.overdue', object: 'invoice', whole: invoice, at: moment.now });
  const customer: CustomerWhole = { ...payer, delinquent: true };
  const told = tellSubscription(late, invoice, 'failed', moment);
  return { ...together([made, changeCustomer(payer, customer, moment), told]), invoice, customer, subscription: told.subscription };
}

/** Voided or written off: nobody is late with it any more. */
export function forgiven({ invoice, customer: payer, subscription: late }: Owed, moment: Moment): Decision & Owed {
  const customer: CustomerWhole = { ...payer, delinquent: false };
  const told = tellSubscription(late, invoice, 'forgiven', moment);
  return { ...together([changeCustomer(payer, customer, moment), told]), invoice, customer, subscription: told.subscription };
}
