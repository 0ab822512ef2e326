import type Stripe from 'stripe';
import { refuse } from '../../billing/decision.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { amount, boolean, check, choice, clearable, currency, decimal, exclusive, fields, id, integer, list, listParams, metadata, range, required, text, timestamp, unsupported } from '../../server/http/params.ts';
import { discountList } from '../discounts/params.ts';

const customer_account = unsupported('accounts as customers are not implemented: name the `customer`');

const ordered = check<{ start: number; end: number }>(({ start, end }, at) => {
  if (end < start) refuse(undefined, `The period ends before it starts: ${at('end')} must not be less than ${at('start')}.`, at('end'));
}, 'the end is not before the start');

const period = fields({ end: required(timestamp()), start: required(timestamp()) }, ordered);

/** A price that is made for this one use. */
export const priceFields = {
  currency: required(currency()),
  product: required(id()),
  tax_behavior: choice('exclusive', 'inclusive', 'unspecified'),
  unit_amount: amount({ min: 0 }),
  unit_amount_decimal: decimal({ min: 0 }),
};
const priceData = fields(priceFields, exclusive(['unit_amount', 'unit_amount_decimal']));

const quantity = integer({ min: 0, max: 999_999_999 });
const quantity_decimal = decimal({ min: 0, max: 999_999_999 });

/** What an item costs, and what is said of it: the same in every request that makes or changes one. */
export const itemFields = {
  amount: amount(),
  description: text(),
  discountable: boolean(),
  discounts: clearable(discountList),
  metadata: metadata(),
  period,
  pricing: fields({ price: id() }),
  quantity,
  quantity_decimal,
};

export const oneCost = exclusive(['amount', 'unit_amount_decimal', 'pricing', 'price_data']);
export const oneQuantity = exclusive(['quantity', 'quantity_decimal']);

export const taxed = {
  tax_behavior: unsupported('what is inclusive of tax follows from its `tax_rates`'),
  tax_code: unsupported('location-based tax is not implemented: use `tax_rates`'),
};

export const createInvoiceItem = fields(
  {
    ...itemFields,
    ...taxed,
    price_data: priceData,
    currency: currency(),
    customer: required(id('cus')),
    customer_account,
    invoice: id('in'),
    subscription: id('sub'),
    tax_rates: list(id('txr'), { max: 5 }),
    unit_amount_decimal: decimal(),
  },
  oneCost,
  oneQuantity,
  exclusive(['invoice', 'subscription']),
);
covers<Stripe.InvoiceItemCreateParams, typeof createInvoiceItem>(true);
agrees<Stripe.InvoiceItemCreateParams, typeof createInvoiceItem>(true);

export const updateInvoiceItem = fields(
  {
    ...itemFields,
    ...taxed,
    price_data: priceData,
    invoicing_rules: unsupported('rules for when an item is invoiced are not implemented'),
    tax_rates: clearable(list(id('txr'), { max: 5 })),
    unit_amount_decimal: decimal(),
  },
  oneCost,
  oneQuantity,
);
covers<Stripe.InvoiceItemUpdateParams, typeof updateInvoiceItem>(true);
agrees<Stripe.InvoiceItemUpdateParams, typeof updateInvoiceItem>(true);

export const listInvoiceItems = listParams({ created: range(), customer: id('cus'), customer_account, invoice: id('in'), pending: boolean() });
covers<Stripe.InvoiceItemListParams, typeof listInvoiceItems>(true);
agrees<Stripe.InvoiceItemListParams, typeof listInvoiceItems>(true);

export const nothing = fields({});
covers<Stripe.InvoiceItemRetrieveParams, typeof nothing>(true);
covers<Stripe.InvoiceItemDeleteParams, typeof nothing>(true);
