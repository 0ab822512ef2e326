import type Stripe from 'stripe';
import type { InvoicePaymentRow } from '../../billing/payment/payment.ts';
import type { Context, Json, Room } from '../../server/context.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { missing } from '../../server/http/errors.ts';
import { choice, fields, id, listParams, range, required, unsupported, type Params } from '../../server/http/params.ts';
import { get } from '../../server/http/route.ts';
import { equal, page, renderList, within } from '../../server/lists.ts';
import { invoicePayment, renderInvoicePayment } from './resource.ts';
import { OFF_CLOCKS, invoicePaymentsById } from './rows.ts';

const listInvoicePayments = listParams({
  created: range(),
  invoice: id('in'),
  status: choice('open', 'paid', 'canceled'),
  payment: fields({
    type: required(choice('payment_intent')),
    payment_intent: id('pi'),
    payment_record: unsupported('payment records are not implemented'),
  }),
});
covers<Stripe.InvoicePaymentListParams, typeof listInvoicePayments>(true);
agrees<Stripe.InvoicePaymentListParams, typeof listInvoicePayments>(true);

const nothing = fields({});
covers<Stripe.InvoicePaymentRetrieveParams, typeof nothing>(true);

async function retrieve(ctx: Context, _given: object, path: { invoice_payment: string }): Promise<Json> {
  const [found] = await invoicePaymentsById(ctx.tx, [path.invoice_payment]);
  return renderInvoicePayment(found ?? missing('invoice_payment', path.invoice_payment), ctx.world);
}

async function list(ctx: Context, given: Params<typeof listInvoicePayments>): Promise<Json> {
  const everywhere = given.invoice === undefined && given.payment?.payment_intent === undefined ? [OFF_CLOCKS] : [];
  const conditions = [...everywhere, ...equal('invoice', given.invoice), ...equal('status', given.status), ...equal('payment_intent', given.payment?.payment_intent), ...within('created', given.created)];
  const { data, has_more } = await page<InvoicePaymentRow>(ctx, 'invoice_payments', 'invoice_payment', conditions, given);
  return renderList('/v1/invoice_payments', data.map((each) => renderInvoicePayment(each, ctx.world)), has_more);
}

export const invoicePayments: Room = {
  resources: [invoicePayment],
  routes: [
    get('/v1/invoice_payments', listInvoicePayments, list),
    get('/v1/invoice_payments/:invoice_payment', nothing, retrieve),
  ],
};
