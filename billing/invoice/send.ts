/** Sending: the invoice goes to the customer, who pays it. */
import type { CustomerRow } from '../customer/customer.ts';
import { decision, refuse, type Decision, type Moment } from '../decision.ts';
import type { InvoiceWhole } from './invoice.ts';

/** Refuses what is never sent. */
export function refuseUnsendable(invoice: InvoiceWhole, customer: CustomerRow): void {
  if (invoice.collection_method !== 'send_invoice') {
    refuse(undefined, `The invoice ${invoice.id} is charged automatically. Only an invoice whose \`collection_method\` is \`send_invoice\` can be sent.`);
  }
  if (invoice.status === 'void') refuse('status_transition_invalid', `The invoice ${invoice.id} is void; it cannot be sent.`);
  const email = invoice.status === 'draft' ? customer.email : invoice.customer_snapshot.email;
  if (email === null) refuse('missing', `The customer ${invoice.customer} has no email address to which the invoice could be sent.`);
}

export function sendInvoice(invoice: InvoiceWhole, moment: Moment): Decision {
  return { ...decision(), facts: [{ type: 'invoice.sent', object: 'invoice', whole: invoice, at: moment.now }] };
}
