/** A line of an invoice, as the API shows it. */
import type Stripe from 'stripe';
import { itemizedOf, type InvoiceLineRow, type StoredCredit, type StoredDiscountAmount, type StoredTax } from '../../billing/invoice/invoice.ts';
import type { Resource, World } from '../../server/context.ts';
import { minor, type Wire } from '../../server/http/wire.ts';
import { renderPricing, wholeQuantity } from '../invoiceitems/resource.ts';

type Line = Wire<Stripe.InvoiceLineItem>;

export const renderTaxes = (taxes: readonly StoredTax[]) =>
  taxes.map(({ amount, tax_behavior, tax_rate, taxability_reason, taxable_amount }) => ({
    amount,
    tax_behavior,
    tax_rate_details: { tax_rate },
    taxability_reason: taxability_reason as Stripe.InvoiceLineItem.Tax.TaxabilityReason & Stripe.Invoice.TotalTax.TaxabilityReason,
    taxable_amount,
    type: 'tax_rate_details' as const,
  }));

export const renderPretaxCredits = (amounts: readonly StoredDiscountAmount[], credits: readonly StoredCredit[] = []) => [
  ...amounts.map(({ amount, discount }) => ({ amount, discount, type: 'discount' as const })),
  ...credits.map(({ amount, transaction }) => ({ amount, ...(transaction !== null && { credit_balance_transaction: transaction }), type: 'credit_balance_transaction' as const })),
];

function renderParent(line: InvoiceLineRow): Line['parent'] {
  const { invoice_item, proration, proration_details, subscription, subscription_item, correction } = line;
  const credited = proration_details?.credited_items ?? null;
  // Where Stripe names what a credit gives back, a correction names what it puts right.
  const corrected = correction && { invoice: correction.invoice, invoice_line_items: [correction.line] };
  const credited_items = corrected ?? (credited && 'invoice' in credited ? credited : null);
  if (subscription_item !== null) {
    return {
      type: 'subscription_item_details',
      invoice_item_details: null,
      subscription_item_details: { invoice_item, proration, proration_details: { credited_items }, subscription, subscription_item },
    };
  }
  if (invoice_item === null) return null;
  return { type: 'invoice_item_details', invoice_item_details: { invoice_item, proration, proration_details: { credited_items }, subscription }, subscription_item_details: null };
}

export function renderLine(line: InvoiceLineRow, world: World): Line {
  return {
    id: line.id,
    object: 'line_item',
    amount: minor(line.amount),
    currency: line.currency,
    description: line.description,
    discount_amounts: line.discount_amounts,
    discountable: line.discountable,
    discounts: [...itemizedOf(line).map((each) => each.discount), ...line.discounts],
    invoice: line.invoice,
    livemode: world.livemode,
    metadata: line.metadata,
    parent: renderParent(line),
    period: { end: line.period_end, start: line.period_start },
    pretax_credit_amounts: renderPretaxCredits(line.discount_amounts, line.credits),
    pricing: renderPricing(line),
    quantity: wholeQuantity(line.quantity_decimal),
    quantity_decimal: line.quantity_decimal,
    subscription: line.subscription,
    subtotal: minor(line.amount),
    taxes: renderTaxes(line.taxes),
  };
}

export const lineItem: Resource<InvoiceLineRow> = {
  object: 'line_item',
  prefix: 'il',
  render: renderLine,
  expands: { discounts: 'discount', 'discount_amounts.discount': 'discount', 'pricing.price_details.price': 'price', subscription: 'subscription' },
};
