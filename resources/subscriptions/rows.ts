import type { DiscountWhole, PriceRow, TaxRateRow } from '../../billing/catalog.ts';
import type { SubscriptionItemRow, SubscriptionItemWhole, SubscriptionRow, SubscriptionWhole } from '../../billing/subscription/subscription.ts';
import { rows, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import { discountsOf } from '../discounts/rows.ts';
import { pricesById } from '../prices/rows.ts';
import { productsById } from '../products/rows.ts';
import { taxRatesById } from '../tax_rates/rows.ts';

/** Subscriptions with all that they name, in the order of their ids. `lock` keeps others from changing them until the transaction ends; lock their customers first. */
export async function subscriptionsById(tx: Tx, ids: readonly string[], lock = false): Promise<SubscriptionWhole[]> {
  if (ids.length === 0) return [];
  return wholeSubscriptions(tx, await rows<SubscriptionRow>(tx, sql`select * from subscriptions where id = any(${ids}::text[]) order by id ${lock ? sql`for update` : sql``}`));
}

/** Subscriptions with their items, prices, discounts and tax rates: a read for each kind of thing, however many subscriptions there are. */
export async function wholeSubscriptions(tx: Tx, subscriptions: readonly SubscriptionRow[]): Promise<SubscriptionWhole[]> {
  if (subscriptions.length === 0) return [];
  const ids = subscriptions.map((subscription) => subscription.id);
  const items = await rows<SubscriptionItemRow>(tx, sql`select * from subscription_items where subscription = any(${ids}::text[]) and not deleted order by created, id`);
  const prices = await byId<PriceRow>(items.map((item) => item.price), (wanted) => pricesById(tx, wanted));
  const products = await byId([...prices.values()].map((price) => price.product), (wanted) => productsById(tx, wanted));
  const rates = await byId<TaxRateRow>([...subscriptions.flatMap((each) => each.default_tax_rates), ...items.flatMap((item) => item.tax_rates)], (wanted) => taxRatesById(tx, wanted));
  const discounts = await discountsOf(tx, 'subscription', ids);
  const own: Map<string, DiscountWhole[]> = items.length === 0 ? new Map() : await discountsOf(tx, 'subscription_item', items.map((item) => item.id));
  const ratesOf = (named: readonly string[]) => named.flatMap((id) => rates.get(id) ?? []);
  const wholeItem = (item: SubscriptionItemRow): SubscriptionItemWhole => {
    const terms = prices.get(item.price)!;
    return { ...item, terms, product_name: products.get(terms.product)!.name, discounts: own.get(item.id) ?? [], rates: ratesOf(item.tax_rates) };
  };
  const itemsBy = Map.groupBy(items.map(wholeItem), (item) => item.subscription);
  return subscriptions.map((each) => ({ ...each, items: itemsBy.get(each.id) ?? [], discounts: discounts.get(each.id) ?? [], default_rates: ratesOf(each.default_tax_rates) }));
}

async function byId<Thing extends { id: string }>(ids: readonly string[], load: (ids: string[]) => Promise<Thing[]>): Promise<Map<string, Thing>> {
  const wanted = [...new Set(ids)];
  return new Map(wanted.length === 0 ? [] : (await load(wanted)).map((thing) => [thing.id, thing]));
}
