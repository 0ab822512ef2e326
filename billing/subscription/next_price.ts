/** A price that an item goes to by itself when its period ends, as a reviewed plan has it (`billing/price_move/`). */
import type { PriceRow } from '../catalog.ts';
import type { Instant, Put } from '../decision.ts';
import type { PriceMoveEntryRow } from '../price_move/price_move.ts';
import { isMetered } from './terms.ts';
import { endsTrial } from './offer.ts';
import { recurrenceOf, sameRecurrence } from './periods.ts';
import type { SubscriptionItemWhole } from './subscription.ts';

/** The price, and the entry of the plan by which the item goes to it. */
export type NextPrice = { terms: PriceRow; product_name: string; entry: PriceMoveEntryRow };

/** The item with the price that it goes to at the end of its period, by a plan or since its trial offer is over; the same item where it stays with the one that it has. */
export function withNextPrice(item: SubscriptionItemWhole, at: Instant): SubscriptionItemWhole {
  const later = item.next ?? (endsTrial(item, at) ? item.transition : null);
  if (!later) return item.price_move === null ? item : { ...item, price_move: null };
  const { terms, product_name } = later;
  return { ...item, price: terms.id, terms, product_name, price_since: at, quantity: isMetered({ terms }) ? null : (item.quantity ?? 1n), price_move: null, next: null, current_trial: null, transition: null };
}

/** Whether the price that the item goes to recurs otherwise, so that all periods of its subscription begin anew. */
export const changesRecurrence = ({ next, terms }: SubscriptionItemWhole): boolean => next != null && !sameRecurrence(recurrenceOf(terms), recurrenceOf(next.terms));

/** Says in the plan what has become of items that were to go to another price and do not wait for that any more. Items that are left out of `after` are gone. */
export function settleNextPrices(before: readonly SubscriptionItemWhole[], after: readonly SubscriptionItemWhole[]): Put[] {
  const left = new Map(after.map((item) => [item.id, item]));
  return before.flatMap(({ id, next }) => {
    if (!next) return [];
    const item = left.get(id);
    if (item && item.price_move !== null) return [];
    const { entry } = next;
    const reason = item ? 'Its price was changed before its period ended.' : 'It ended, or its item was removed, before its period ended.';
    const settled: PriceMoveEntryRow = item?.price === next.terms.id ? { ...entry, state: 'applied', applied_at: item.price_since } : { ...entry, state: 'skipped', reason };
    return [{ table: 'price_move_entries', before: entry, after: settled }];
  });
}
