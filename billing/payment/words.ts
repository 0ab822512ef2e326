/** What is told with a payment, as it is when it is confirmed or captured. */
import { refuse } from '../decision.ts';
import type { PaymentIntentRow, PaymentMethodRow } from './payment.ts';

export type Words = Pick<PaymentIntentRow, 'amount_details' | 'description' | 'metadata' | 'payment_details' | 'receipt_email' | 'shipping' | 'statement_descriptor' | 'statement_descriptor_suffix'>;

export const wordsOf = ({ amount_details, description, metadata, payment_details, receipt_email, shipping, statement_descriptor, statement_descriptor_suffix }: PaymentIntentRow): Words => ({
  amount_details, description, metadata, payment_details, receipt_email, shipping, statement_descriptor, statement_descriptor_suffix,
});

/** On the statement of a card stands what its account has chosen, and behind that what a payment adds to it. What an invoice says is added, too. */
export function refuseDescriptor({ statement_descriptor, invoice }: Pick<PaymentIntentRow, 'statement_descriptor' | 'invoice'>, { type }: Pick<PaymentMethodRow, 'type'>): void {
  if (type !== 'card' || invoice !== null || statement_descriptor === null) return;
  refuse('payment_intent_invalid_parameter', 'A payment by card has no `statement_descriptor`: leave it out, and give the `statement_descriptor_suffix` that is added to the one of your account.', 'statement_descriptor');
}
