/** A subscription's items as they are asked for. */
import type { Period } from '../calendar.ts';
import type { Metadata, PriceRow, TaxRateRow } from '../catalog.ts';
import { refuse, type Instant, type Moment } from '../decision.ts';
import { amountOf, billable } from '../pricing/amount.ts';
import { fromBigint } from '../money.ts';
import type { LineOrder } from '../invoice/draft.ts';
import { within } from '../price.ts';
import type { DiscountGiven } from '../redeem.ts';
import { isMetered, termsIn } from './terms.ts';
import { beginTrial, type OfferAsked } from './offer.ts';
import { fullPeriod } from './periods.ts';
import type { SubscriptionItemWhole, SubscriptionRow, SubscriptionWhole } from './subscription.ts';

/** At most this many items in a subscription, and of items that are added to an invoice. */
export const MOST_ITEMS = 20;

/** A price as it is asked for: with its product's name, and whether that is still sold. `param` is how it was spelt, e.g. `items[0][price]`. */
export type PriceAsked = { param: string; terms: PriceRow; product_name: string; product_active: boolean; /** It was sold at an earlier time, and is given though it is not sold any more. */ promised?: boolean };

/** An item to be added. A quantity that is left out is 1, and none for a metered price. */
export type NewItem = {
  /** How the item was spelt, e.g. `items[0]`. */
  param: string;
  price: PriceAsked;
  quantity: bigint | undefined;
  tax_rates: TaxRateRow[];
  metadata: Metadata;
  discounts: readonly DiscountGiven[];
  current_trial?: OfferAsked;
  billing_thresholds?: SubscriptionItemWhole['billing_thresholds'];
};

/** Something to be billed once on the first invoice that comes. */
export type AddedOnce = {
  param: string;
  price: PriceAsked;
  quantity: bigint;
  tax_rates: TaxRateRow[];
  metadata: Metadata;
  discounts: readonly DiscountGiven[];
  discountable: boolean;
  /** Null where it is that of the items. */
  period_start: Instant | null;
  period_end: Instant | null;
};

/** Refuses a price that nobody can subscribe to now. `kind` says whether it must recur. */
export function refusePrice({ param, terms, product_active, promised = false }: PriceAsked, kind: PriceRow['type'], currency: string): void {
  if (terms.type !== kind) {
    const instead = kind === 'recurring' ? 'recurs never: a subscription needs recurring prices. Bill it once by `add_invoice_items`.' : 'recurs: `add_invoice_items` needs prices that are billed once.';
    refuse(undefined, `The price ${terms.id} ${instead}`, param);
  }
  if (!terms.active && !promised) refuse(undefined, `The price ${terms.id} is inactive. Activate it, or use another one.`, param);
  if (!product_active && !promised) refuse('product_inactive', `The product ${terms.product} of the price ${terms.id} is inactive. Activate it, or use another one.`, param);
  if (termsIn(terms, currency) === null) refuse(undefined, `The price ${terms.id} has no amount in ${currency}, the currency of this subscription. It has one in ${[terms.currency, ...Object.keys(terms.currency_options ?? {})].join(', ')}.`, param);
  if (terms.custom_unit_amount !== null) refuse(undefined, `The customer chooses the amount of the price ${terms.id}, so it cannot be subscribed to.`, param);
}

/** The quantity that an item has: whole and not negative for a licensed price, none for a metered one. */
export function quantityOf(price: PriceRow, quantity: bigint | undefined, currency: string, param: string): bigint | null {
  if (price.recurring?.usage_type === 'metered') {
    if (quantity !== undefined) refuse(undefined, `The price ${price.id} is metered: its quantity is what its meter counts. Leave \`quantity\` out.`, within(param)('quantity'));
    return null;
  }
  const terms = termsIn(price, currency);
  if (terms !== null) billable(amountOf(terms, fromBigint(quantity ?? 1n)), within(param)('quantity'));
  return quantity ?? 1n;
}

/** The item for its first period. */
export function itemOf(given: NewItem, subscription: Pick<SubscriptionRow, 'id' | 'currency' | 'trial_end' | 'billing_cycle_anchor' | 'billing_cycle_anchor_config'>, period: Period, moment: Moment): SubscriptionItemWhole {
  const { price, metadata, tax_rates } = given;
  refusePrice(price, 'recurring', subscription.currency);
  return {
    id: moment.newId('si'),
    created: moment.now,
    subscription: subscription.id,
    price: price.terms.id,
    price_since: moment.now,
    price_move: null,
    current_trial: null,
    quantity: quantityOf(price.terms, given.quantity, subscription.currency, given.param),
    current_period_start: period.start,
    current_period_end: period.end,
    tax_rates: tax_rates.map((rate) => rate.id),
    metadata,
    billing_thresholds: given.billing_thresholds ?? null,
    billed: null,
    debits: [],
    deleted: false,
    terms: price.terms,
    product_name: price.product_name,
    discounts: [],
    rates: tax_rates,
    ...(given.current_trial && beginTrial(given.current_trial, price, subscription, moment)),
  };
}

/** Refuses too many items, none, and a price that two of them have, or will have. `params` are their spellings, by item. */
export function refuseItems(items: readonly SubscriptionItemWhole[], params: ReadonlyMap<string, string>): void {
  if (items.length === 0) refuse(undefined, 'A subscription has at least one item. To end it, cancel it.', 'items');
  if (items.length > MOST_ITEMS) refuse(undefined, `A subscription has at most ${MOST_ITEMS} items; this would make ${items.length}.`, 'items');
  const prices = new Map<string, string>();
  for (const item of items) {
    const param = params.get(item.id);
    const other = prices.get(item.price) ?? items.find((each) => each !== item && (each.next ?? each.transition)?.terms.id === item.price)?.id;
    if (other !== undefined) refuse(undefined, `Two items would have the price ${item.price}. Change the quantity of the one that has it.`, within(param ?? params.get(other) ?? 'items')('price'));
    prices.set(item.price, item.id);
  }
}

/** The item's period at the moment: one that ends then is followed by the next. */
function periodOf({ terms, current_period_start: start, current_period_end: end }: SubscriptionItemWhole, subscription: SubscriptionWhole, at: Instant): Period {
  return end > at ? { start, end } : { start: end, end: fullPeriod(subscription, terms, at).end };
}

/** What is added once, as the line that it will be. Its period is that which all items have in common, unless it says otherwise. */
export function onceLine(given: AddedOnce, subscription: SubscriptionWhole, at: Instant): LineOrder {
  const { price, quantity, discountable, tax_rates, metadata } = given;
  refusePrice(price, 'one_time', subscription.currency);
  const terms = termsIn(price.terms, subscription.currency)!;
  const periods = subscription.items.map((item) => periodOf(item, subscription, at));
  const start = given.period_start ?? Math.max(...periods.map((period) => period.start));
  const end = given.period_end ?? Math.max(start, Math.min(...periods.map((period) => period.end)));
  if (end < start) refuse(undefined, 'The period ends before it starts.', within(given.param)('period[end]'));
  return {
    amount: billable(amountOf(terms, fromBigint(quantity)), within(given.param)('quantity')),
    description: quantity === 1n ? price.product_name : `${quantity} × ${price.product_name}`,
    discountable,
    period: { start, end },
    price: price.terms.id,
    product: price.terms.product,
    unit_amount_decimal: terms.unit_amount_decimal,
    quantity_decimal: quantity.toString(),
    subscription: subscription.id,
    subscription_item: null,
    proration: false,
    proration_details: null,
    metadata,
    discounts: [],
    rates: tax_rates,
  };
}

/** What the licensed items cost for one full period together, before discounts: what a promotion code's minimum is held against. */
export function fullSum(items: readonly { terms: PriceRow; quantity: bigint | null }[], currency: string): bigint {
  return items.filter((item) => !isMetered(item)).reduce((sum, item) => sum + amountOf(termsIn(item.terms, currency)!, fromBigint(item.quantity ?? 0n)), 0n);
}

/** Only what is counted can reach a threshold. `param` spells the item. */
export function refuseThreshold(item: Pick<SubscriptionItemWhole, 'terms' | 'billing_thresholds'>, param: string): void {
  if (item.billing_thresholds !== null && !isMetered(item)) refuse(undefined, `The price ${item.terms.id} is licensed: only usage can reach a threshold.`, within(param)('billing_thresholds'));
}

/** Whether usage that comes may be what a threshold of the subscription waits for. */
export const isWatched = ({ billing_thresholds, items }: Pick<SubscriptionWhole, 'billing_thresholds' | 'items'>): boolean =>
  (billing_thresholds?.amount_gte ?? null) !== null || items.some((item) => item.billing_thresholds !== null);
