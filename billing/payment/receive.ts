/** Money that has come: it goes to the invoice that is being paid, or waits for its purpose. */
import { comingLegs, type FundsTransactionRow } from '../balance/funds.ts';
import type { CustomerWhole } from '../customer/customer.ts';
import { decision, together, type Decision, type Moment } from '../decision.ts';
import { followRemaining } from '../invoice/follow.ts';
import type { InvoiceWhole } from '../invoice/invoice.ts';
import { creditedAccount, creditInvoice, type Owed } from '../invoice/paid.ts';
import type { OpenPayment } from '../invoice/pay.ts';
import type { SubscriptionWhole } from '../subscription/subscription.ts';
import type { ChargeRow, InvoicePaymentRow, PaymentIntentWhole, PaymentMethodRow } from './payment.ts';

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

/** A payment as it is once something was made true of it. */
export type SettledPayment = Decision & Payment;

/** The invoice with those whom it concerns, or null where the payment pays none. */
export function owedBy({ invoice, customer, subscription }: Payment): Owed | null {
  return invoice && { invoice, customer: customer!, subscription };
}

/** Money has come with a charge, or `amount` of it with one of its captures: it goes to the invoice that is being paid, or waits for its purpose. */
export function receive(facts: Payment & { charge: ChargeRow }, transaction: FundsTransactionRow, before: Decision, automatic: boolean | null, moment: Moment, amount = facts.charge.amount_captured): SettledPayment {
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
