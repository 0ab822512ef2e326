/** An invoice that advances by itself: finalised and put to payment, with what follows at once for its subscription. */
import { together, type Decision, type Moment } from '../decision.ts';
import type { PaymentMethodRow } from '../payment/payment.ts';
import { afterPayment } from '../subscription/payment.ts';
import type { InvoiceOrder } from './draft.ts';
import { finalizeInvoice } from './finalize.ts';
import { attemptFailed, type Owed } from './paid.ts';

/** `method` is which would be charged; without one, an invoice that is charged automatically has had its first attempt, and it failed. A draft that does not advance by itself, any more, is left alone. */
export function advanceInvoice(facts: Owed, method: PaymentMethodRow | null, tax_ids: InvoiceOrder['tax_ids'], moment: Moment): Decision & Owed {
  const { invoice: draft, customer, subscription } = facts;
  if (draft.status !== 'draft' || !draft.auto_advance) return { ...together([]), invoice: draft, customer, subscription };
  const finalized = finalizeInvoice({ invoice: draft, customer, tax_ids, subscription_metadata: subscription?.metadata ?? null, payment_method: method, reason: 'automatic' }, moment);
  const owed: Owed = { invoice: finalized.invoice, customer: finalized.customer, subscription };
  if (finalized.invoice.status === 'paid') {
    const told = subscription && afterPayment(subscription, finalized.invoice, 'paid', moment);
    return told ? { ...together([finalized, told]), ...owed, subscription: told.subscription } : { ...finalized, ...owed };
  }
  if (draft.collection_method === 'send_invoice' || method) return { ...finalized, ...owed };
  const failed = attemptFailed(owed, { automatic: true, at: moment.now, asks_holder: false }, moment);
  return { ...failed, ...together([finalized, failed]) };
}
