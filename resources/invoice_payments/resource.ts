import type Stripe from 'stripe';
import type { InvoicePaymentRow } from '../../billing/payment/payment.ts';
import type { Resource, World } from '../../server/context.ts';
import { minor, type Wire } from '../../server/http/wire.ts';
import { invoicePaymentsById } from './rows.ts';

export function renderInvoicePayment(payment: InvoicePaymentRow, world: World): Wire<Stripe.InvoicePayment> {
  return {
    id: payment.id,
    object: 'invoice_payment',
    amount_paid: payment.amount_paid === null ? null : minor(payment.amount_paid),
    amount_requested: minor(payment.amount_requested),
    created: payment.created,
    currency: payment.currency,
    invoice: payment.invoice,
    is_default: payment.is_default,
    livemode: world.livemode,
    payment: { type: 'payment_intent', payment_intent: payment.payment_intent },
    status: payment.status,
    status_transitions: { canceled_at: payment.canceled_at, paid_at: payment.paid_at },
  };
}

export const invoicePayment: Resource<InvoicePaymentRow> = {
  object: 'invoice_payment',
  prefix: 'inpay',
  render: renderInvoicePayment,
  load: (ctx, ids) => invoicePaymentsById(ctx.tx, ids),
  expands: { invoice: 'invoice', 'payment.payment_intent': 'payment_intent' },
};
