/** What a subscription is at a moment: its items, the grid on which their periods lie, its trial, and what it is to become. */
import { sameRecurrence, spanAround, type Grid, type Span } from './calendar.ts';
import type { Given } from './amounts.ts';
import type { Coupon, EndBehavior, Item, ItemChange, Phase, Price, Rate, Threshold } from './history.ts';

/** An item with the moment from which its present life counts, and its discounts with the moments at which they were given. */
export type Living = Omit<Item, 'discounts'> & { since: number; own: readonly Given[]; /** The price to which it goes when its period ends. */ next?: Price };

export type Terms = Grid & {
  items: readonly Living[];
  /** Until when everything is free. */
  trial: number | null;
  shared: readonly Given[];
  rates: readonly Rate[];
};

/** When a subscription ends by itself: at the next end of a period, or at a moment. */
export type Ending = 'period' | number | null;
export type Plan = { end: number; phases: readonly Phase[]; end_behavior: EndBehavior; threshold?: Threshold | null };

export const given = (coupons: readonly Coupon[], at: number): Given[] => coupons.map((coupon) => ({ coupon, at }));
/** What is had already goes on, the rest is given now. */
export const goingOn = (before: readonly Given[], coupons: readonly Coupon[], at: number): Given[] => coupons.map((coupon) => before.find((one) => one.coupon.id === coupon.id) ?? { coupon, at });

export const isLicensed = (item: Living): boolean => item.price.usage_type === 'licensed';
export const isFree = ({ trial }: Terms, at: number): boolean => trial !== null && at < trial;
export const find = (items: readonly Living[], key: string): Living | undefined => items.find((item) => item.key === key);

/** The item's period at the moment, and the full one that it is (a part of). */
export function periodOf(terms: Terms, item: Living, at: number): Span & { full: Span } {
  if (isFree(terms, at)) {
    const free = { start: item.since, end: terms.trial! };
    return { ...free, full: free };
  }
  const full = spanAround(terms, item.price.recurrence, at);
  return { start: Math.max(full.start, item.since), end: full.end, full };
}

/** Whether a moment lies in the present period of every item, and of those that come in the full one. */
export function isShared(terms: Terms, changes: readonly ItemChange[], at: number, moment: number): boolean {
  const within = ({ start, end }: Span) => start <= moment && moment < end;
  return terms.items.every((item) => within(periodOf(terms, item, at))) && (isFree(terms, at) || changes.every(({ add }) => !add || within(spanAround(terms, add.price.recurrence, at))));
}

export const isChange = (item: Living, change: ItemChange): boolean =>
  Boolean(change.remove) || (change.quantity ?? item.quantity) !== item.quantity || (change.price?.id ?? item.price.id) !== item.price.id;

/** The items after a change. One that `begins` anew with another price has its periods from now on. */
export function changed(before: readonly Living[], changes: readonly ItemChange[], at: number, begins: (item: Living, later: Price) => boolean): Living[] {
  const kept = before.flatMap((item) => {
    const change = changes.find((one) => one.key === item.key);
    if (change?.remove) return [];
    if (!change || !isChange(item, change)) return [item];
    const price = change.price ?? item.price;
    const quantity = price.usage_type === 'metered' ? 0 : (change.quantity ?? (isLicensed(item) ? item.quantity : 1));
    return [{ ...item, next: price.id === item.price.id ? item.next : undefined, quantity, price, since: begins(item, price) ? at : item.since }];
  });
  return [...kept, ...changes.flatMap(({ add }) => (add ? [{ ...add, since: at, own: given(add.discounts, at) }] : []))];
}

/** Whether another interval is asked for, which begins all periods anew. */
export const recursOtherwise = (before: readonly Living[], changes: readonly ItemChange[]): boolean =>
  changes.some(({ key, price }) => price !== undefined && !sameRecurrence(price.recurrence, find(before, key)!.price.recurrence));

function newcomer(item: Item, at: number): ItemChange {
  const key = nameOf(item.price.id, at);
  return { key, add: { ...item, key } };
}
export const nameOf = (price: string, at: number): string => `${price} since ${at}`;

/**
 * What a phase asks of the items that are there when it begins: one with the same price stays, the others take each other's places in their order, and what is left over comes or goes. What comes is
 * named by its price and the moment.
 */
export function changesBy(before: readonly Pick<Item, 'key' | 'price'>[], phase: Pick<Phase, 'start' | 'items'>): ItemChange[] {
  const kept = phase.items.map((item) => before.find((one) => one.price.id === item.price.id));
  const free = before.filter((one) => !kept.includes(one));
  const changes = phase.items.map((item, n): ItemChange => {
    const there = kept[n] ?? free.shift();
    return there ? { key: there.key, price: item.price, quantity: item.quantity } : newcomer(item, phase.start);
  });
  return [...changes, ...free.map(({ key }): ItemChange => ({ key, remove: true }))];
}
