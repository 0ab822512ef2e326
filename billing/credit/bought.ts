/** What was bought is granted once it is paid. */
import { DAY_S } from '../calendar.ts';
import type { CustomerWhole } from '../customer/customer.ts';
import { decision, type Decision, type Moment } from '../decision.ts';
import type { InvoiceWhole } from '../invoice/invoice.ts';
import { checking, createGrant, withGrants } from './grant.ts';

/** The grant of an invoice that is paid now, where it bought credit, and another look: more may have been used meanwhile. What credit notes paid of it was not paid. */
export function grantBought(invoice: InvoiceWhole, customer: CustomerWhole, moment: Moment): Decision & { customer: CustomerWhole } {
  const { top_up, currency } = invoice;
  const paid = BigInt(top_up?.amount ?? 0) - invoice.pre_payment_credit_notes_amount;
  if (top_up === null || paid <= 0n) return { ...decision(), customer };
  const { name, priority, expires_in_days, credit_top_up } = top_up;
  const order = {
    currency, name, priority, prices: null, amount: paid, category: 'paid' as const, metadata: { credit_top_up, invoice: invoice.id },
    ...(expires_in_days !== null && { expires_at: moment.now + expires_in_days * DAY_S }),
  };
  const made = createGrant(order, customer, 0, moment);
  const look = checking({ id: credit_top_up, customer: customer.id, test_clock: customer.test_clock }, moment.now);
  return { ...made, timers: [...made.timers, look], customer: withGrants(customer, [made.grant]) };
}
