/** A subscription's parts as they are written, and left out. */
import type { DiscountWhole } from '../catalog.ts';
import { decision, type Decision, type Moment } from '../decision.ts';
import { settleNextPrices } from './next_price.ts';
import type { SubscriptionItemWhole, SubscriptionWhole } from './subscription.ts';

/** The subscription without the discounts that have ended. */
export function withoutDiscounts(subscription: SubscriptionWhole, ended: readonly DiscountWhole[]): SubscriptionWhole {
  if (ended.length === 0) return subscription;
  const gone = new Set(ended.map((discount) => discount.id));
  const kept = (discounts: DiscountWhole[]) => (discounts.some((discount) => gone.has(discount.id)) ? discounts.filter((discount) => !gone.has(discount.id)) : discounts);
  return { ...subscription, discounts: kept(subscription.discounts), items: subscription.items.map((item) => ({ ...item, discounts: kept(item.discounts) })) };
}

/** New or changed items as rows to write, with what has become of the plans for their prices. */
export function putItems(before: readonly SubscriptionItemWhole[], after: readonly SubscriptionItemWhole[]): Decision {
  const known = new Map(before.map((item) => [item.id, item]));
  const puts = after.filter((item) => known.get(item.id) !== item).map((item) => ({ table: 'subscription_items', before: known.get(item.id) ?? null, after: item }));
  const kept = new Set(after.map((item) => item.id));
  const removed = before.filter((item) => !kept.has(item.id)).map((item) => ({ table: 'subscription_items', before: item, after: { ...item, deleted: true } }));
  return { ...decision(), puts: [...puts, ...removed, ...settleNextPrices(before, after)] };
}

/** The row as it changed, told as an update; where nothing differs, nothing is told. */
export function updated(before: SubscriptionWhole, after: SubscriptionWhole, moment: Moment): Decision {
  return {
    ...decision(),
    puts: [{ table: 'subscriptions', before, after }],
    facts: [{ type: 'customer.subscription.updated', object: 'subscription', whole: after, before, at: moment.now }],
  };
}
