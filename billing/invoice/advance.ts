/** An invoice that advances by itself: finalized and put to payment, with what follows at once for its subscription. */
import { together, type Decision, type Moment } from '../decision.ts';
import type { PaymentMethodRow } from '../payment/payment.ts';
import { afterPayment } from '../subscription/payment.ts';
import type { InvoiceOrder } from './draft.ts';
import { finalizeInvoice, type Finalization } from './finalize.ts';
import type { Owed } from './paid.ts';
import { collectInvoice, type WithPayments } from './pay.ts';

/** Finalizes a draft, with what follows for its subscription where nothing is due. */
function finalizeOwed({ invoice: draft, customer, subscription }: Owed, how: Pick<Finalization, 'tax_ids' | 'payment_method' | 'reason' | 'confirm' | 'off_session'>, moment: Moment): Decision & WithPayments {
  const finalized = finalizeInvoice({ ...how, invoice: draft, customer, subscription_metadata: subscription?.metadata ?? null }, moment);
  const { invoice, payment, payment_intent: intent } = finalized;
  const owed: WithPayments = { invoice, customer: finalized.customer, subscription, payments: intent && payment ? [{ payment, intent }] : [] };
  if (invoice.status !== 'paid' || !subscription) return { ...finalized, ...owed };
  const told = afterPayment(subscription, invoice, 'paid', moment);
  return { ...together([finalized, told]), ...owed, subscription: told.subscription };
}

/** `method` is which would be charged; without one that can be, an invoice that is charged automatically has had its first attempt, and it failed. A draft that does not advance by itself, any more, is left alone. */
export function advanceInvoice(facts: Owed, method: PaymentMethodRow | null, tax_ids: InvoiceOrder['tax_ids'], moment: Moment): Decision & Owed {
  const { invoice: draft, customer, subscription } = facts;
  if (draft.status !== 'draft' || !draft.auto_advance) return { ...together([]), invoice: draft, customer, subscription };
  const finalized = finalizeOwed(facts, { tax_ids, payment_method: method, reason: 'automatic' }, moment);
  if (draft.collection_method === 'send_invoice') return finalized;
  const collected = collectInvoice(finalized, method, moment);
  return { ...collected, ...together([finalized, collected]) };
}

/** Finalizes by request. `auto_advance` says whether it goes on by itself from here. */
export function finalizeByRequest(facts: Owed, auto_advance: boolean | undefined, how: Pick<Finalization, 'tax_ids' | 'payment_method' | 'confirm' | 'off_session'>, moment: Moment): Decision & WithPayments {
  const { invoice: draft } = facts;
  if (auto_advance === undefined || auto_advance === draft.auto_advance) return finalizeOwed(facts, { ...how, reason: 'request' }, moment);
  const invoice = { ...draft, auto_advance };
  const finalized = finalizeOwed({ ...facts, invoice }, { ...how, reason: 'request' }, moment);
  finalized.puts.unshift({ table: 'invoices', before: draft, after: invoice });
  return finalized;
}
