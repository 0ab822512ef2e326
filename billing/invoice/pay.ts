/** Paying an invoice: by a method, by a payment made elsewhere, or in another way. */
import { assert, decision, refuse, together, type Decision, type Moment } from '../decision.ts';
import { mayRetry } from '../dunning.ts';
import { confirmPayment, type Confirmation } from '../payment/confirm.ts';
import { cancelIntent, faultInInvoice, invoicePayment, openInvoiceIntent, unchargeable } from '../payment/intent.ts';
import type { ChargeRow, InvoicePaymentRow, PaymentIntentWhole, PaymentMethodRow } from '../payment/payment.ts';
import { payInvoicePayment } from '../payment/receive.ts';
import { followRemaining } from './follow.ts';
import type { InvoiceWhole } from './invoice.ts';
import { legs, post } from './ledger.ts';
import { attemptFailed, creditedAccount, creditInvoice, type Owed } from './paid.ts';

/** A payment that is to go to an invoice and is not over. */
export type OpenPayment = { payment: InvoicePaymentRow; intent: PaymentIntentWhole };

/** An invoice with those whom it concerns, and the payments that are open for it. */
export type WithPayments = Owed & { payments: readonly OpenPayment[] };

/** While the processor's answer is awaited, nothing else may be done about the invoice's payment. */
export function refuseWhilePaying({ invoice, payments }: WithPayments): void {
  if (payments.some(({ intent }) => intent.status === 'processing')) {
    refuse('lock_timeout', `A payment of the invoice ${invoice.id} is under way. Wait for its outcome, then try again if need be.`, undefined, { status: 409, should_retry: false });
  }
}

export function refuseUnpayable({ invoice }: Owed): void {
  if (invoice.status === 'open' || invoice.status === 'uncollectible') return;
  refuse('status_transition_invalid', invoice.status === 'paid' ? `The invoice ${invoice.id} is paid already.` : `The invoice ${invoice.id} is ${invoice.status}; it cannot be paid.`);
}

type Confirmed = Decision & { payment_intent: PaymentIntentWhole };

/** Charges a method for all that remains. */
export function payInvoice(facts: WithPayments, method: PaymentMethodRow, how: Confirmation, moment: Moment): Confirmed {
  refuseUnpayable(facts);
  refuseWhilePaying(facts);
  const { invoice } = facts;
  const open = facts.payments.find(({ payment }) => payment.is_default);
  if (!open) {
    const opened = openInvoiceIntent(invoice, method, moment);
    const confirmed = confirmPayment(opened.payment_intent, method, how, moment);
    return { ...together([opened, confirmed]), payment_intent: confirmed.payment_intent };
  }
  const made = decision();
  const intent = { ...open.intent, amount: invoice.amount_remaining };
  // What another payment has covered meanwhile is not charged again.
  if (intent.amount !== open.intent.amount) {
    made.puts.push({ table: 'payment_intents', before: open.intent, after: intent });
    made.puts.push({ table: 'invoice_payments', before: open.payment, after: { ...open.payment, amount_requested: intent.amount } });
  }
  const confirmed = confirmPayment(intent, method, how, moment);
  return { ...together([made, confirmed]), payment_intent: confirmed.payment_intent };
}

/** A request's word for there being nothing to charge. */
export function refuseWithoutMethod(invoice: InvoiceWhole): never {
  return refuse('resource_missing', `There is no payment method to charge for the invoice ${invoice.id}: give one, or set a default one for the invoice, its subscription or its customer.`, 'payment_method', { status: 400 });
}

/**
 * The schedule's attempt. One without a method to charge, or with a card that must not be tried again, has failed without asking. While a payment is under way, or where the invoice does not wait
 * for the schedule any more, nothing is done.
 */
export function collectInvoice(facts: WithPayments, method: PaymentMethodRow | null, moment: Moment): Decision & Owed {
  const { invoice, payments } = facts;
  const underWay = payments.some(({ intent }) => intent.status === 'processing');
  if (invoice.status !== 'open' || !invoice.auto_advance || underWay) return { ...facts, ...decision() };
  const own = payments.find(({ payment }) => payment.is_default);
  const fault = method && faultInInvoice(method, invoice);
  if (!method || fault || !mayRetry(own?.intent.last_payment_error ?? null, method.id)) {
    const failed = attemptFailed(facts, { automatic: true, at: moment.now, asks_holder: false }, moment);
    // One that its holder was asked about goes on as it is.
    const told = fault && own && own.intent.status !== 'requires_action' ? [unchargeable(own.intent, fault, method!, moment)] : [];
    return { ...failed, ...together([...told, failed]) };
  }
  const asked = payInvoice(facts, method, { off_session: true, automatic: true }, moment);
  const before = invoice;
  const after: InvoiceWhole = { ...before, next_payment_attempt: null };
  // The attempt is no longer to come; what follows it is told with its outcome.
  asked.puts.push({ table: 'invoices', before, after });
  return { ...facts, ...asked, invoice: after };
}

/** The money has come another way: nothing is charged. */
export function payOutOfBand(facts: WithPayments, moment: Moment): Decision & Owed {
  refuseUnpayable(facts);
  refuseWhilePaying(facts);
  const { invoice } = facts;
  const canceled = facts.payments.map(({ payment, intent }) => cancelIntent(intent, payment, 'automatic', moment));
  const amount = invoice.amount_remaining;
  const credited = creditInvoice(facts, { amount, off_stripe: true, payment_method: null, automatic: null }, moment);
  const posted = { ...decision(), postings: post(invoice, `${invoice.id}:paid_out_of_band`, legs({ paid_out_of_band: amount, [creditedAccount(invoice)]: -amount }), moment.now) };
  return { ...together([posted, ...canceled, credited]), invoice: credited.invoice, customer: credited.customer, subscription: credited.subscription };
}

/** Lets a payment that was made for itself go to an invoice: at once where it has come, by its `charge`, else when it comes. */
export function attachPayment(facts: WithPayments, intent: PaymentIntentWhole, charge: ChargeRow | null, moment: Moment): Decision & Owed {
  refuseUnpayable(facts);
  const { invoice } = facts;
  const refuseIntent = (why: string) => refuse('payment_intent_invalid_parameter', `The payment intent ${intent.id} ${why}`, 'payment_intent');
  if (intent.invoice !== null) refuseIntent(`is for the invoice ${intent.invoice} already.`);
  if (intent.customer !== invoice.customer) refuseIntent(`is not of the invoice's customer, ${invoice.customer}.`);
  if (intent.currency !== invoice.currency) refuseIntent(`is in ${intent.currency}; the invoice is in ${invoice.currency}.`);
  if (intent.status === 'canceled') refuseIntent('was canceled.');
  if (charge && (charge.amount_refunded > 0n || charge.amount_disputed > 0n)) refuseIntent('was given back in part, or is contested: what is left of it cannot pay an invoice.');
  if (intent.status !== 'succeeded' && intent.amount_received > 0n) refuseIntent('is captured in parts: capture the last of it first.');
  const payment = invoicePayment(invoice, intent, false, moment);
  const made = decision();
  made.puts.push({ table: 'payment_intents', before: intent, after: { ...intent, invoice: invoice.id } });
  made.puts.push({ table: 'invoice_payments', before: null, after: payment });
  if (intent.status !== 'succeeded') return { ...made, ...facts };
  assert(charge, `${intent.id} succeeded without a charge`);
  made.puts.push({ table: 'charges', before: charge, after: { ...charge, applied: true } });
  const amount = intent.amount_received;
  const paid = payInvoicePayment(payment, amount, moment);
  const credited = creditInvoice(facts, { amount, off_stripe: false, payment_method: null, automatic: null }, moment);
  const sums = { unapplied_payments: amount, [creditedAccount(invoice)]: -credited.applied, customer_balance: -credited.overpaid };
  made.postings.push(...post(invoice, `${payment.id}:applied`, legs(sums), moment.now));
  return { ...together([made, paid, credited, followRemaining(facts.payments, credited.invoice, moment)]), invoice: credited.invoice, customer: credited.customer, subscription: credited.subscription };
}
