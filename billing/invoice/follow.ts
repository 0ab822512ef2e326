/** The payments that wait for an invoice follow what remains to be paid on it. */
import { decision, together, type Decision, type Moment } from '../decision.ts';
import { cancelIntent, changeAmount } from '../payment/intent.ts';
import type { InvoiceWhole } from './invoice.ts';
import type { OpenPayment } from './pay.ts';

/**
 * The payment that waits is for so much as remains, and with nothing remaining all that wait are ended: nobody is to pay twice. What is under way, or reserved, stays as it is; what comes of it besides goes
 * to the customer's balance.
 */
export function followRemaining(payments: readonly OpenPayment[], invoice: InvoiceWhole, moment: Moment): Decision & { payments: OpenPayment[] } {
  const waiting = payments.filter(({ intent: { status } }) => status !== 'processing' && status !== 'requires_capture');
  const paid = invoice.status === 'paid';
  const amount = invoice.amount_remaining;
  const followed = waiting.flatMap((open) => (paid ? [ended(open, moment)] : open.payment.is_default && open.intent.amount !== amount ? [forRest(open, amount)] : []));
  const after = new Map(followed.map(({ open }) => [open.payment.id, open]));
  return { ...together(followed), payments: payments.map((open) => after.get(open.payment.id) ?? open) };
}

function ended({ payment, intent }: OpenPayment, moment: Moment): Decision & { open: OpenPayment } {
  const canceled = cancelIntent(intent, payment, 'automatic', moment);
  return { ...canceled, open: { payment: canceled.payment!, intent: canceled.payment_intent } };
}

function forRest({ payment: before, intent }: OpenPayment, amount: bigint): Decision & { open: OpenPayment } {
  const changed = changeAmount(intent, amount);
  const payment = { ...before, amount_requested: amount };
  return { ...together([changed, { ...decision(), puts: [{ table: 'invoice_payments', before, after: payment }] }]), open: { payment, intent: changed.payment_intent } };
}
