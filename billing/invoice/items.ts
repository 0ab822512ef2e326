/** Invoice items: amounts that wait for an invoice, or stand on a draft. */
import type { DiscountWhole, PriceRow, ProductRow, TaxRateRow } from '../catalog.ts';
import type { Period } from '../calendar.ts';
import type { CustomerRow } from '../customer/customer.ts';
import { decision, refuse, together, type Decision, type Moment } from '../decision.ts';
import { mergeMetadata } from '../metadata.ts';
import { createPrice, type PriceGiven } from '../price.ts';
import { multiply, parseDecimal, roundDecimal } from '../money.ts';
import { redeem, type DiscountGiven, type Redemptions } from '../redeem.ts';
import { amountOf, billable } from '../pricing/amount.ts';
import { termsIn } from '../subscription/terms.ts';
import type { SubscriptionRow } from '../subscription/subscription.ts';
import type { InvoiceItemRow, InvoiceItemWhole } from './invoice.ts';

/** A price with its product's name. `param` is how it was spelt. */
export type PriceNamed = { param: string; terms: PriceRow; product_name: string };

/** A price that is there, or the data of one that is made for this one use; at most one of them. `param` is how it was spelt, e.g. `price_data`. */
export type Offer = { price: PriceNamed | null; data: { param: string; given: Pick<PriceGiven, 'currency' | 'tax_behavior' | 'unit_amount' | 'unit_amount_decimal'>; product: ProductRow } | null };

/** The price of an offer. One that is made for this use can be used no more. */
export function priceOf({ price, data }: Offer, moment: Moment): Decision & { price: PriceNamed | null } {
  if (price) {
    if (!price.terms.active) refuse(undefined, `The price ${price.terms.id} is inactive. Activate it, or use another one.`, price.param);
    return { ...decision(), price };
  }
  if (!data) return { ...decision(), price: null };
  const { given, product, param } = data;
  if (!product.active) refuse('product_inactive', `The product ${product.id} is inactive. Activate it, or use another one.`, `${param}[product]`);
  const made = createPrice({ ...given, active: false }, { product, meter: null, holder: null }, moment, param);
  return { ...made, price: { param, terms: made.price, product_name: product.name } };
}

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

type ItemOrder = ItemTerms & ItemWords & { id: string; customer: CustomerRow; subscription: SubscriptionRow | null; invoice: string | null; currency: string };

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
    return { amount: billable(amountOf(own, quantity), param), price: terms.id, product: terms.product, unit_amount_decimal: own.unit_amount_decimal, quantity_decimal };
  }
  const unit = given.unit_amount_decimal ?? refuse('parameter_missing', 'Say what the item costs: give `amount`, `unit_amount_decimal`, `pricing` or `price_data`.', 'amount');
  return { amount: billable(roundDecimal(multiply(parseDecimal(unit)!, quantity)), 'unit_amount_decimal'), price: null, product: null, unit_amount_decimal: unit, quantity_decimal };
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
    metering: null,
    correction: null,
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

/** What a proration credits or charges, and what a correction does, follows from something else, and nobody says it. */
function refuseFollowing({ id, proration, correction }: InvoiceItemRow, change: ItemTerms & ItemWords): void {
  const said = [...TERMS, 'discountable' as const].find((name) => change[name] !== undefined);
  if (said === undefined || (!proration && !correction)) return;
  const [is, from] = proration ? ['a proration', 'the change of the subscription'] : ['a correction', `the line ${correction!.line} that it puts right`];
  refuse('invoice_not_editable', `The item ${id} is ${is}: its \`${said}\` follows from ${from}.`, said === 'price' ? 'pricing[price]' : said);
}

/** Changes what is named, where that does not follow from something else. `stays` is the price that the item has. */
export function changeItem(before: InvoiceItemWhole, change: ItemTerms & ItemWords, stays: PriceNamed | null): Decision & { item: InvoiceItemWhole } {
  const { description = before.description, discountable = before.discountable, metadata, period, rates = before.rates, discounts = before.discounts } = change;
  refuseFollowing(before, change);
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

/** The item with the discounts that are named for it, made and counted; those that it had and that are not named are dropped. `first_time`: the customer has not paid anything yet. */
export function discountItem(made: Decision & { item: InvoiceItemWhole }, known: readonly DiscountWhole[], named: readonly DiscountGiven[], first_time: boolean, counted: Redemptions, moment: Moment): Decision & { item: InvoiceItemWhole } {
  const { item } = made;
  if (item.proration) refuse('invoice_not_editable', `The item ${item.id} is a proration: its discounts are in it already.`, 'discounts');
  const { customer, amount, currency } = item;
  const redeemed = redeem(named, { customer, invoice_item: item.id }, known, { customer, first_time, amount, currency }, counted, moment);
  const kept = new Set(redeemed.discounts.map((discount) => discount.id));
  const dropped = known.filter((discount) => !kept.has(discount.id)).map((discount) => ({ table: 'discounts', before: discount, after: null }));
  // A discount on an item is no news about the customer.
  return { ...together([made, { ...redeemed, facts: [] }, { ...decision(), puts: dropped }]), item: { ...item, discounts: redeemed.discounts } };
}

/** Takes away an item, wherever it stands; the draft is worked out without it by whoever has that. */
export function deleteItem(item: InvoiceItemWhole, moment: Moment): Decision {
  return {
    ...decision(),
    puts: [{ table: 'invoice_items', before: item, after: null }],
    facts: [{ type: 'invoiceitem.deleted', object: 'invoiceitem', whole: item, at: moment.now }],
  };
}

