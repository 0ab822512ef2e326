import type Stripe from 'stripe';
import { refuse } from '../../billing/decision.ts';
import type { RefundRow } from '../../billing/payment/refund.ts';
import type { Context, Resource } from '../../server/context.ts';
import { minor, type Wire } from '../../server/http/wire.ts';
import { cancelingOf, refundsById } from './rows.ts';

function destinationOf({ destination: { type, reference }, status }: RefundRow): Wire<Stripe.Refund.DestinationDetails> {
  if (type === 'card') {
    const known = reference !== null;
    return { type, card: { type: 'refund', reference_type: 'acquirer_reference_number', reference_status: known ? 'available' : status === 'failed' ? 'unavailable' : 'pending', ...(known && { reference }) } };
  }
  if (type === 'sepa_debit' || type === 'ideal' || type === 'bancontact') return { type: 'eu_bank_transfer', eu_bank_transfer: { reference, reference_status: reference ? 'available' : 'pending' } };
  if (type === 'us_bank_account') return { type: 'us_bank_transfer', us_bank_transfer: { reference, reference_status: reference ? 'available' : 'pending' } };
  if (type === 'paypal') return { type, paypal: { network_decline_code: null, reference, reference_status: null } };
  if (type === 'klarna') return { type, klarna: { reference, reference_status: null } };
  if (type.endsWith('_bank_transfer')) return { type, [type]: { reference, reference_status: reference ? 'available' : 'pending' } } as Wire<Stripe.Refund.DestinationDetails>;
  // Stripe names what a refund by Link goes to by its type alone.
  return { type, ...(type !== 'link' && { [type]: {} }) } as Wire<Stripe.Refund.DestinationDetails>;
}

export function renderRefund(refund: RefundRow): Wire<Stripe.Refund> {
  return {
    id: refund.id,
    object: 'refund',
    amount: minor(refund.amount),
    balance_transaction: refund.balance_transaction,
    charge: refund.charge,
    created: refund.created,
    currency: refund.currency,
    customer: refund.customer,
    customer_account: null,
    destination_details: destinationOf(refund),
    ...(refund.failure_balance_transaction !== null && { failure_balance_transaction: refund.failure_balance_transaction }),
    ...(refund.failure_reason !== null && { failure_reason: refund.failure_reason }),
    metadata: refund.metadata,
    payment_intent: refund.payment_intent,
    payment_method: null,
    ...(refund.status === 'pending' && { pending_reason: 'processing' as const }),
    reason: refund.reason,
    receipt_number: null,
    source_transfer_reversal: null,
    status: refund.status,
    transfer_reversal: null,
  };
}

/** Refuses where the processor has not called the refund back, and says as what it has it. */
async function refuseUnpaid(ctx: Context, id: string): Promise<void> {
  const answer = (await cancelingOf(ctx.tx, id)).at(-1)?.answer;
  if (answer && answer.kind !== 'canceled') refuse(undefined, `The refund ${id} cannot be canceled: the payment processor ${answer.kind === 'failed' ? 'does not call it back' : `has it as ${answer.kind}`}.`);
}

export const refund: Resource<RefundRow> = {
  object: 'refund',
  prefix: 're',
  render: renderRefund,
  load: (ctx, ids) => refundsById(ctx.tx, ids),
  refuseUnpaid,
  expands: { balance_transaction: 'balance_transaction', failure_balance_transaction: 'balance_transaction', charge: 'charge', customer: 'customer', payment_intent: 'payment_intent' },
};
