/** Withholding: nobody is to pay an invoice, since it was made while the collection of its subscription is paused. */
import type { CustomerWhole } from '../customer/customer.ts';
import { decision, together, type Decision, type Moment } from '../decision.ts';
import { finalizeInvoice, type Finalization } from './finalize.ts';
import type { InvoiceWhole } from './invoice.ts';
import { markUncollectible } from './uncollectible.ts';
import { voidInvoice } from './void.ts';

/** `keep_as_draft`: it may be finalized later, by request. The others finalize it and give it up in the same moment. */
export type Withholding = 'keep_as_draft' | 'mark_uncollectible' | 'void';

/** An invoice that is voided leaves the customer's balance alone. Where nothing is due, there is nothing to give up: it is paid as ever. */
export function withholdInvoice(how: Omit<Finalization, 'payment_method' | 'reason'>, behavior: Withholding, moment: Moment): Decision & { invoice: InvoiceWhole; customer: CustomerWhole } {
  const { invoice: draft, customer } = how;
  if (behavior === 'keep_as_draft') return { ...decision(), invoice: draft, customer };
  const final = finalizeInvoice({ ...how, payment_method: null, reason: 'automatic', meets_balance: behavior !== 'void' }, moment);
  if (final.invoice.status !== 'open') return final;
  const payments = final.payment && final.payment_intent ? [{ payment: final.payment, intent: final.payment_intent }] : [];
  const facts = { invoice: final.invoice, customer: final.customer, subscription: null, payments };
  const given = behavior === 'void' ? voidInvoice(facts, moment) : markUncollectible(facts, moment, 'subscription_paused');
  return { ...together([final, given]), invoice: given.invoice, customer: given.customer };
}
