import type Stripe from 'stripe';
import { itemizedOf, netOfItem, type InvoiceItemWhole } from '../../billing/invoice/invoice.ts';
import type { Resource, World } from '../../server/context.ts';
import { minor, type Wire } from '../../server/http/wire.ts';
import { renderTaxRate } from '../tax_rates/resource.ts';
import { itemsById } from './rows.ts';

type Item = Wire<Stripe.InvoiceItem>;

/** A whole quantity as a number; null where it is not whole, or larger than a number says exactly. */
export const wholeQuantity = (decimal: string | null): number | null => (decimal !== null && /^[0-9]+$/.test(decimal) && Number.isSafeInteger(Number(decimal)) ? Number(decimal) : null);

/** What is charged for: a price of a product, or an amount without one. */
export function renderPricing({ price, product, unit_amount_decimal }: Pick<InvoiceItemWhole, 'price' | 'product' | 'unit_amount_decimal'>) {
  return { type: 'price_details' as const, unit_amount_decimal, ...(price !== null && product !== null && { price_details: { price, product } }) };
}

function renderParent({ subscription, subscription_item }: InvoiceItemWhole): Item['parent'] {
  if (subscription === null) return null;
  return { type: 'subscription_details', subscription_details: { subscription, ...(subscription_item !== null && { subscription_item }) } };
}

function renderProration({ proration_details: details }: InvoiceItemWhole): Item['proration_details'] {
  if (details === null) return undefined;
  const { credited_items: credited, discount_amounts } = details;
  if (credited === null) return { credited_items: null, discount_amounts };
  if ('invoice_item' in credited) return { credited_items: { type: 'invoice_item', invoice_item: credited.invoice_item }, discount_amounts };
  return { credited_items: { type: 'invoice_line_items', invoice_line_item_details: credited }, discount_amounts };
}

export function renderInvoiceItem(item: InvoiceItemWhole, world: World): Item {
  const proration_details = renderProration(item);
  return {
    id: item.id,
    object: 'invoiceitem',
    amount: minor(item.amount),
    currency: item.currency,
    customer: item.customer,
    customer_account: null,
    date: item.created,
    description: item.description,
    discountable: item.discountable,
    discounts: [...itemizedOf(item).map((each) => each.discount), ...item.discounts.map((discount) => discount.id)],
    ...(item.proration && { frozen_fields: ['discounts', 'pricing', 'quantity'] as const satisfies Item['frozen_fields'] }),
    invoice: item.invoice,
    livemode: world.livemode,
    metadata: item.metadata,
    ...(!item.discountable && { net_amount: minor(netOfItem(item)) }),
    parent: renderParent(item),
    period: { end: item.period_end, start: item.period_start },
    pricing: renderPricing(item),
    proration: item.proration,
    ...(proration_details && { proration_details }),
    quantity: wholeQuantity(item.quantity_decimal) ?? Math.min(Math.floor(Number(item.quantity_decimal)), Number.MAX_SAFE_INTEGER),
    quantity_decimal: item.quantity_decimal,
    tax_rates: item.rates.map((rate) => renderTaxRate(rate, world)),
    test_clock: item.test_clock,
  };
}

export const invoiceItem: Resource<InvoiceItemWhole> = {
  object: 'invoiceitem',
  prefix: 'ii',
  render: renderInvoiceItem,
  load: (ctx, ids) => itemsById(ctx.tx, ids),
  expands: {
    customer: 'customer',
    discounts: 'discount',
    invoice: 'invoice',
    'parent.subscription_details.subscription': 'subscription',
    'pricing.price_details.price': 'price',
    test_clock: 'test_helpers.test_clock',
  },
};
