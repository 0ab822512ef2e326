/** Invoice items: amounts that wait for an invoice, or stand on a draft. */
import type { DiscountWhole, PriceRow, TaxRateRow } from '../catalog.ts';
import type { Period } from '../calendar.ts';
import type { CustomerRow } from '../customer/customer.ts';
import { decision, refuse, type Decision, type Moment } from '../decision.ts';
import { mergeMetadata } from '../metadata.ts';
import { multiply, parseDecimal, roundDecimal } from '../money.ts';
import { amountOf } from '../pricing/amount.ts';
import { termsIn } from '../subscription/lines.ts';
import type { SubscriptionRow } from '../subscription/subscription.ts';
import type { InvoiceItemRow, InvoiceItemWhole } from './invoice.ts';

/** A price with its product's name. `param` is how it was spelt. */
export type PriceNamed = { param: string; terms: PriceRow; product_name: string };

/** What an item costs: an amount as it is, a unit amount or a price times a quantity. What is left out stays as it is. */
export type ItemTerms = { amount?: bigint; unit_amount_decimal?: string; price?: PriceNamed; quantity_decimal?: string };

/** What else may be said of an item. */
export type ItemWords = {
  description?: string | null;
  discountable?: boolean;
  metadata?: Record<string, string> | '';
  period?: Period;
  rates?: readonly TaxRateRow[];
  discounts?: readonly DiscountWhole[];
};

export type ItemOrder = ItemTerms & ItemWords & { id: string; customer: CustomerRow; subscription: SubscriptionRow | null; invoice: string | null; currency: string };

type Priced = Pick<InvoiceItemRow, 'amount' | 'price' | 'product' | 'unit_amount_decimal' | 'quantity_decimal'>;

/** The amount that the terms come to. */
function priced(given: ItemTerms, currency: string): Priced {
  const { amount, price, quantity_decimal = '1' } = given;
  const quantity = parseDecimal(quantity_decimal)!;
  if (amount !== undefined) {
    if (quantity_decimal !== '1') refuse('parameters_exclusive', 'An `amount` is for the whole item. For a quantity of units, give `unit_amount_decimal` instead.', 'amount');
    return { amount, price: null, product: null, unit_amount_decimal: amount.toString(), quantity_decimal };
  }
  if (price) {
    const { terms, param } = price;
    if (terms.type !== 'one_time') refuse(undefined, `The price ${terms.id} recurs. An invoice item has a price of the type \`one_time\`; for a recurring one make a subscription.`, param);
    if (terms.custom_unit_amount !== null) refuse(undefined, `The customer chooses the amount of the price ${terms.id}, so it cannot be put on an invoice.`, param);
    const own = termsIn(terms, currency);
    if (own === null) return refuse(undefined, `The price ${terms.id} has no amount in ${currency}.`, param);
    return { amount: amountOf(own, quantity), price: terms.id, product: terms.product, unit_amount_decimal: own.unit_amount_decimal, quantity_decimal };
  }
  const unit = given.unit_amount_decimal ?? refuse('parameter_missing', 'Say what the item costs: give `amount`, `unit_amount_decimal`, `pricing` or `price_data`.', 'amount');
  return { amount: roundDecimal(multiply(parseDecimal(unit)!, quantity)), price: null, product: null, unit_amount_decimal: unit, quantity_decimal };
}

/** Refuses a second currency for a customer: one balance cannot be in two. */
export function refuseCurrency(customer: CustomerRow, currency: string, param: string): void {
  if (customer.currency === null || customer.currency === currency) return;
  refuse(undefined, `The customer ${customer.id} is billed in ${customer.currency}; nothing can be billed in ${currency}.`, param);
}

/** A new item. By default it is for the moment, and discountable unless it is negative. */
export function createItem(order: ItemOrder, moment: Moment): Decision & { item: InvoiceItemWhole } {
  const { id, customer, subscription, invoice, currency, rates = [], discounts = [], period = { start: moment.now, end: moment.now } } = order;
  refuseCurrency(customer, currency, 'currency');
  const terms = priced(order, currency);
  const item: InvoiceItemWhole = {
    ...terms,
    id,
    created: moment.now,
    customer: customer.id,
    subscription: subscription?.id ?? null,
    subscription_item: null,
    invoice,
    test_clock: customer.test_clock,
    currency,
    description: order.description ?? order.price?.product_name ?? null,
    discountable: order.discountable ?? terms.amount >= 0n,
    period_start: period.start,
    period_end: period.end,
    proration: false,
    proration_details: null,
    tax_rates: rates.map((rate) => rate.id),
    metadata: mergeMetadata({}, order.metadata),
    discounts: [...discounts],
    rates: [...rates],
  };
  const made = decision();
  made.puts.push({ table: 'invoice_items', before: null, after: item });
  made.facts.push({ type: 'invoiceitem.created', object: 'invoiceitem', whole: item, at: moment.now });
  return { ...made, item };
}

const TERMS: readonly (keyof ItemTerms)[] = ['amount', 'unit_amount_decimal', 'price', 'quantity_decimal'];

/** The item's terms with those given put over them. A new amount takes the place of a price; a new quantity is of what there is. */
function termsAfter(before: InvoiceItemRow, given: ItemTerms, stays: PriceNamed | null): Priced {
  if (TERMS.every((name) => given[name] === undefined)) return before;
  if (given.amount !== undefined) return priced({ amount: given.amount, quantity_decimal: given.quantity_decimal }, before.currency);
  const { quantity_decimal = before.quantity_decimal } = given;
  if (given.unit_amount_decimal !== undefined) return priced({ unit_amount_decimal: given.unit_amount_decimal, quantity_decimal }, before.currency);
  const price = given.price ?? stays;
  return priced(price ? { price, quantity_decimal } : { unit_amount_decimal: before.unit_amount_decimal ?? before.amount.toString(), quantity_decimal }, before.currency);
}

/** Changes what is named. What a proration credits or charges follows from the subscription and stays. `stays` is the price that the item has. */
export function changeItem(before: InvoiceItemWhole, change: ItemTerms & ItemWords, stays: PriceNamed | null): Decision & { item: InvoiceItemWhole } {
  const { description = before.description, discountable = before.discountable, metadata, period, rates = before.rates, discounts = before.discounts } = change;
  const fixed = before.proration ? [...TERMS, 'discountable' as const, 'discounts' as const].find((name) => change[name] !== undefined) : undefined;
  if (fixed) refuse('invoice_not_editable', `The item ${before.id} is a proration: its \`${fixed}\` follows from the change of the subscription.`, fixed === 'price' ? 'pricing[price]' : fixed);
  const item: InvoiceItemWhole = {
    ...before,
    ...termsAfter(before, change, stays),
    description,
    discountable,
    period_start: period?.start ?? before.period_start,
    period_end: period?.end ?? before.period_end,
    tax_rates: change.rates === undefined ? before.tax_rates : rates.map((rate) => rate.id),
    metadata: mergeMetadata(before.metadata, metadata),
    discounts: [...discounts],
    rates: [...rates],
  };
  return { ...decision(), puts: [{ table: 'invoice_items', before, after: item }], item };
}

export function deleteItem(item: InvoiceItemWhole, moment: Moment): Decision {
  return {
    ...decision(),
    puts: [{ table: 'invoice_items', before: item, after: null }],
    facts: [{ type: 'invoiceitem.deleted', object: 'invoiceitem', whole: item, at: moment.now }],
  };
}

