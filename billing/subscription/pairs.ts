/** The items of a subscription that a change names, each before and after it. */
import { refuse, type Decision, type Moment } from '../decision.ts';
import { mergeMetadata } from '../metadata.ts';
import { within } from '../price.ts';
import type { ChangeOrder, ItemChange } from './change.ts';
import { itemOf, quantityOf, refusePrice } from './items.ts';
import { isMetered } from './terms.ts';
import { settleNextPrices } from './next_price.ts';
import { beginTrial } from './offer.ts';
import { fullPeriod, isTrialing } from './periods.ts';
import type { Proration } from './prorate.ts';
import type { SubscriptionItemWhole, SubscriptionWhole } from './subscription.ts';

/** An item before and after; one of them is missing where it comes or goes. */
export type Pair = { earlier: SubscriptionItemWhole | null; later: SubscriptionItemWhole | null };

/** What is asked of each item, as the item before and after. A metered item with another price is billed until now and begins anew. */
export function pairsOf(order: ChangeOrder, subscription: SubscriptionWhole, { moment }: Proration): Pair[] {
  const items = new Map(subscription.items.map((item) => [item.id, item]));
  const named = new Set<string>();
  // Usage is priced by the price of its moment, however a change is prorated.
  const bills = !isTrialing(subscription, moment.now);
  return order.items.map((asked): Pair => {
    if ('add' in asked) {
      const recurring = asked.add.price.terms.recurring !== null;
      const full = recurring ? fullPeriod(subscription, asked.add.price.terms, moment.now) : { start: moment.now, end: moment.now };
      const end = isTrialing(subscription, moment.now) ? subscription.trial_end! : order.at_boundary && full.start === moment.now ? moment.now : full.end;
      return { earlier: null, later: itemOf(asked.add, subscription, { start: moment.now, end }, moment) };
    }
    const { change } = asked;
    const earlier = items.get(change.id);
    if (!earlier) return refuse('resource_missing', `The subscription ${subscription.id} has no item ${change.id}.`, within(change.param)('id'), { status: 400 });
    if (named.has(change.id)) refuse(undefined, `The item ${change.id} is named twice. Say once what becomes of it.`, within(change.param)('id'));
    named.add(change.id);
    if (change.deleted) return { earlier, later: null };
    const later = changedItem(earlier, change, subscription.currency, bills, moment);
    return { earlier, later: change.current_trial ? { ...later, ...beginTrial(change.current_trial, later, subscription, moment) } : later };
  });
}

function changedItem(earlier: SubscriptionItemWhole, change: ItemChange, currency: string, bills: boolean, moment: Moment): SubscriptionItemWhole {
  const { price, tax_rates, metadata, param } = change;
  const terms = price?.terms ?? earlier.terms;
  if (price && terms.id !== earlier.price) refusePrice(price, 'recurring', currency);
  const given = change.quantity ?? (isMetered({ terms }) ? undefined : (earlier.quantity ?? undefined));
  const anew = terms.id !== earlier.price && bills && (isMetered(earlier) || isMetered({ terms }));
  return {
    ...earlier,
    price: terms.id,
    price_since: terms.id === earlier.price ? earlier.price_since : moment.now,
    // Whoever names the price has the last word on it.
    ...(price && { price_move: null, next: null, current_trial: null, transition: null }),
    terms,
    product_name: price?.product_name ?? earlier.product_name,
    quantity: quantityOf(terms, given, currency, param),
    current_period_start: anew ? moment.now : earlier.current_period_start,
    tax_rates: tax_rates?.map((rate) => rate.id) ?? earlier.tax_rates,
    rates: tax_rates ?? earlier.rates,
    metadata: mergeMetadata(earlier.metadata, metadata),
    billing_thresholds: change.billing_thresholds === undefined ? earlier.billing_thresholds : change.billing_thresholds,
  };
}

/** Whether something is paid for that was not, or not in that way. */
export function isReal({ earlier, later }: Pair): boolean {
  return earlier === null || later === null || earlier.price !== later.price || earlier.quantity !== later.quantity;
}

/** The items in their order, those that are added at the end. */
export function itemsAfter({ items }: SubscriptionWhole, pairs: readonly Pair[]): SubscriptionItemWhole[] {
  const asked = new Map(pairs.filter((pair) => pair.earlier !== null).map((pair) => [pair.earlier!.id, pair.later]));
  const kept = items.flatMap((item) => (asked.has(item.id) ? (asked.get(item.id) ?? []) : [item]));
  return [...kept, ...pairs.flatMap(({ earlier, later }) => (earlier === null && later !== null ? [later] : []))];
}

/** What is written of the items that go: they are kept, and nothing of them is charged any more. */
export const removals = (pairs: readonly Pair[]): Decision['puts'] =>
  pairs.flatMap(({ earlier, later }) => (later === null ? [{ table: 'subscription_items', before: earlier, after: { ...earlier!, debits: [], deleted: true } }, ...settleNextPrices([earlier!], [])] : []));
