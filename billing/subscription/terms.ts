/** What an item costs: the terms of its price in the currency of its subscription. */
import type { PriceRow } from '../catalog.ts';
import { assert } from '../decision.ts';
import { fromBigint } from '../money.ts';
import { amountOf } from '../pricing/amount.ts';
import type { PriceTerms } from '../pricing/price.ts';
import type { SubscriptionItemWhole, SubscriptionRow } from './subscription.ts';

const inCurrency = new WeakMap<PriceRow, Map<string, PriceTerms>>();

/** What a price says in a currency: its own terms, or those of its `currency_options`; null where it has none. */
export function termsIn(price: PriceRow, currency: string): PriceTerms | null {
  if (price.currency === currency) return price;
  const option = price.currency_options?.[currency];
  if (option === undefined) return null;
  const known = inCurrency.get(price) ?? new Map<string, PriceTerms>();
  inCurrency.set(price, known);
  const dimension_prices = price.dimension_prices?.map((entry) => ({ ...entry, ...entry.currency_options![currency]! })) ?? null;
  const terms = known.get(currency) ?? { ...price, unit_amount_decimal: option.unit_amount_decimal, tiers: option.tiers, dimension_prices };
  known.set(currency, terms);
  return terms;
}

export type Sold = Pick<SubscriptionItemWhole, 'terms' | 'product_name' | 'quantity'>;

export const isMetered = (item: Pick<SubscriptionItemWhole, 'terms'>): boolean => item.terms.recurring?.usage_type === 'metered';

/** The terms of an item in the currency of its subscription, which it has. */
export function termsOf(subscription: Pick<SubscriptionRow, 'currency'>, item: Pick<Sold, 'terms'>): PriceTerms {
  const terms = termsIn(item.terms, subscription.currency);
  assert(terms !== null, `${item.terms.id} has an amount in ${subscription.currency}`);
  return terms;
}

/** What a licensed item costs for one full period. */
export function fullAmount(subscription: Pick<SubscriptionRow, 'currency'>, item: Sold): bigint {
  assert(item.quantity !== null, 'a licensed item has a quantity');
  return amountOf(termsOf(subscription, item), fromBigint(item.quantity));
}
