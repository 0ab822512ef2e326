import type Stripe from 'stripe';
import { refuse } from '../../billing/decision.ts';
import { statementDescriptor } from '../prices/params.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { boolean, byDefault, check, choice, clearable, currency, doc, exclusive, fields, id, integer, list, listParams, metadata, range, required, text, timestamp, unsupported } from '../../server/http/params.ts';
import { discountList } from '../discounts/params.ts';
import { itemFields, oneCost, oneQuantity, priceFields } from '../invoiceitems/params.ts';
import { invoice_method_options, methodType } from '../payment_methods/params.ts';
import { automaticTax } from '../subscriptions/params.ts';

const CONNECT = 'Kontor serves one account: there are no connected ones';
const customer_account = unsupported('accounts as customers are not implemented: name the `customer`');
const collection_method = choice('charge_automatically', 'send_invoice');
const rates = list(id('txr'), { max: 5 });

const rendering = fields({
  amount_tax_display: clearable(choice('exclude_tax', 'include_inclusive_tax')),
  pdf: fields({ page_size: choice('a4', 'auto', 'letter') }),
  template: unsupported('invoice rendering templates are not implemented'),
  template_version: unsupported('invoice rendering templates are not implemented'),
});

/** What an invoice may be told, at its creation and later. */
const described = {
  account_tax_ids: unsupported('the tax ids of an account are not implemented'),
  application_fee_amount: unsupported(CONNECT),
  auto_advance: boolean(),
  automatic_tax: automaticTax,
  automatically_finalizes_at: timestamp(),
  collection_method,
  custom_fields: clearable(list(fields({ name: required(text({ max: 40 })), value: required(text({ max: 140 })) }), { max: 4 })),
  days_until_due: integer({ min: 0, max: 730 }),
  default_payment_method: id(),
  default_source: unsupported('sources are not implemented: give `default_payment_method`'),
  description: clearable(text({ max: 1_500 })),
  discounts: clearable(discountList),
  due_date: timestamp(),
  footer: clearable(text()),
  issuer: unsupported(CONNECT),
  metadata: metadata(),
  number: unsupported("numbers follow the customer's sequence: set the customer's `invoice_prefix` and `next_invoice_sequence`"),
  on_behalf_of: unsupported(CONNECT),
  payment_settings: fields({
    default_mandate: unsupported('mandates are not implemented'),
    payment_method_options: invoice_method_options,
    payment_method_types: clearable(list(methodType, { max: 20 })),
  }),
  rendering,
  shipping_cost: unsupported('shipping is not implemented: add it as an invoice item'),
  shipping_details: unsupported('shipping is not implemented'),
  statement_descriptor: statementDescriptor,
  transfer_data: unsupported(CONNECT),
};

const oneDue = exclusive(['days_until_due', 'due_date']);

export const createInvoice = fields(
  {
    ...described,
    currency: currency(),
    customer: required(id('cus')),
    customer_account,
    default_tax_rates: rates,
    effective_at: timestamp(),
    from_invoice: unsupported('revisions are not implemented: void the invoice and make another one'),
    pending_invoice_items_behavior: doc('By default `include` where a `subscription` is named, and `exclude` otherwise.', choice('exclude', 'include')),
    subscription: id('sub'),
  },
  oneDue,
);
covers<Stripe.InvoiceCreateParams, typeof createInvoice>(true);
agrees<Stripe.InvoiceCreateParams, typeof createInvoice>(true);

export const updateInvoice = fields({ ...described, default_tax_rates: clearable(rates), effective_at: clearable(timestamp()) }, oneDue);
covers<Stripe.InvoiceUpdateParams, typeof updateInvoice>(true);
agrees<Stripe.InvoiceUpdateParams, typeof updateInvoice>(true);

export const listInvoices = listParams({
  collection_method,
  created: range(),
  customer: id('cus'),
  customer_account,
  due_date: range(),
  status: choice('draft', 'open', 'paid', 'uncollectible', 'void'),
  subscription: id('sub'),
});
covers<Stripe.InvoiceListParams, typeof listInvoices>(true);
agrees<Stripe.InvoiceListParams, typeof listInvoices>(true);

export const finalizeInvoice = fields({ auto_advance: boolean() });
covers<Stripe.InvoiceFinalizeInvoiceParams, typeof finalizeInvoice>(true);
agrees<Stripe.InvoiceFinalizeInvoiceParams, typeof finalizeInvoice>(true);

export const payInvoice = fields(
  {
    forgive: unsupported('a card is charged in full or not at all; write the rest off by `mark_uncollectible`'),
    mandate: unsupported('mandates are not implemented'),
    off_session: byDefault(boolean(), true),
    paid_out_of_band: byDefault(boolean(), false),
    payment_method: id(),
    source: unsupported('sources are not implemented: give `payment_method`'),
  },
  check(({ paid_out_of_band, payment_method }: { paid_out_of_band?: boolean; payment_method?: string }, at) => {
    if (paid_out_of_band && payment_method !== undefined) refuse('parameters_exclusive', `An invoice that was paid in another way (${at('paid_out_of_band')}) is charged to no ${at('payment_method')}: give one of the two.`, at('payment_method'));
  }, 'one way to pay'),
);
covers<Stripe.InvoicePayParams, typeof payInvoice>(true);
agrees<Stripe.InvoicePayParams, typeof payInvoice>(true);

export const attachPayment = fields({ payment_intent: required(id('pi')), payment_record: unsupported('payment records are not implemented') });
covers<Stripe.InvoiceAttachPaymentParams, typeof attachPayment>(true);
agrees<Stripe.InvoiceAttachPaymentParams, typeof attachPayment>(true);

/** A line that is put on a draft, or what changes of one: an invoice item stands behind it. */
const lineFields = {
  ...itemFields,
  price_data: fields({ ...priceFields, product_data: unsupported('make the product first, then name it by `product`') }, exclusive(['unit_amount', 'unit_amount_decimal'])),
  tax_amounts: unsupported('taxes are worked out from `tax_rates`'),
  tax_rates: clearable(rates),
};

const invoice_metadata = metadata();

export const addLines = fields({ lines: required(list(fields({ ...lineFields, invoice_item: id('ii') }, oneCost, oneQuantity), { min: 1, max: 100 })), invoice_metadata });
covers<Stripe.InvoiceAddLinesParams, typeof addLines>(true);
agrees<Stripe.InvoiceAddLinesParams, typeof addLines>(true);

export const updateLines = fields({ lines: required(list(fields({ ...lineFields, id: required(id('il')) }, oneCost, oneQuantity), { min: 1, max: 100 })), invoice_metadata });
covers<Stripe.InvoiceUpdateLinesParams, typeof updateLines>(true);
agrees<Stripe.InvoiceUpdateLinesParams, typeof updateLines>(true);

export const updateLine = fields(lineFields, oneCost, oneQuantity);
covers<Stripe.InvoiceUpdateLineItemParams, typeof updateLine>(true);
agrees<Stripe.InvoiceUpdateLineItemParams, typeof updateLine>(true);

export const removeLines = fields({ lines: required(list(fields({ behavior: required(choice('delete', 'unassign')), id: required(id('il')) }), { min: 1, max: 100 })), invoice_metadata });
covers<Stripe.InvoiceRemoveLinesParams, typeof removeLines>(true);
agrees<Stripe.InvoiceRemoveLinesParams, typeof removeLines>(true);

export const listLines = listParams({});
covers<Stripe.InvoiceListLineItemsParams, typeof listLines>(true);

export const nothing = fields({});
covers<Stripe.InvoiceRetrieveParams, typeof nothing>(true);
covers<Stripe.InvoiceDeleteParams, typeof nothing>(true);
covers<Stripe.InvoiceSendInvoiceParams, typeof nothing>(true);
covers<Stripe.InvoiceVoidInvoiceParams, typeof nothing>(true);
covers<Stripe.InvoiceMarkUncollectibleParams, typeof nothing>(true);
