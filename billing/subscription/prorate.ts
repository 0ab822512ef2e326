/** What a change in the middle of a period gives back and charges, item by item (docs/concepts/bill.md, "Changes in mid-period"). */
import type { Instant, Moment } from '../decision.ts';
import type { DiscountableLine } from '../discount.ts';
import { exactDiscounts, itemizedOf, type InvoiceItemWhole } from '../invoice/invoice.ts';
import { debitOf, itemizedCreditOf } from '../proration.ts';
import { countedIn, creditItem, debitOfItem, discountedBy, isItemized, ratesOf, waiting } from './debits.ts';
import { live, periodUsageLine, wholeDiscounts } from './lines.ts';
import { fullAmount, isMetered, termsIn } from './terms.ts';
import { dayText } from './words.ts';
import type { Pair } from './pairs.ts';
import { fullPeriod, recurrenceOf, sameRecurrence } from './periods.ts';
import type { Debit, SubscriptionFacts, SubscriptionItemWhole, SubscriptionWhole } from './subscription.ts';

/** When the change takes place, and from when on it is prorated. */
export type Proration = { moment: Moment; date: Instant };

/** What is given back of an item's debits: their unused parts, as items that wait. Credits of nothing are left out. */
export function creditsOf(subscription: SubscriptionWhole, item: SubscriptionItemWhole, at: Instant, facts: Pick<SubscriptionFacts, 'rates' | 'account'>, moment: Moment): InvoiceItemWhole[] {
  return item.debits.flatMap((debit) => {
    const credit = itemizedCreditOf({ net: BigInt(debit.amount), start: debit.start, end: debit.end }, exactDiscounts(debit.discounts ?? []), at, facts.account.proration);
    return credit.net === 0n ? [] : [creditItem(subscription, item, debit, credit, at, facts, moment)];
  });
}

/** The debit of a licensed item for the rest of its period, as an item that waits, and what the item remembers of it. A debit of nothing is left out. */
export function debitItem(after: SubscriptionWhole, item: SubscriptionItemWhole, { customer, account }: Pick<SubscriptionFacts, 'customer' | 'account'>, { moment, date }: Proration): { items: InvoiceItemWhole[]; debits: Debit[] } {
  const full = fullPeriod(after, item.terms, date);
  const lasting = (discounts: ReturnType<typeof live>) => discounts.filter((discount) => discount.source.duration !== 'once');
  const peers = after.items.filter((peer) => !isMetered(peer) && sameRecurrence(recurrenceOf(peer.terms), recurrenceOf(item.terms)));
  const lines = peers.map((peer): DiscountableLine => ({ amount: fullAmount(after, peer), discountable: true, product: peer.terms.product, own: lasting(live(peer.discounts, moment.now)), group: peer.id }));
  const debit = debitOf(lines, peers.indexOf(item), lasting(wholeDiscounts(after, customer, moment.now)), after.currency, full, date, account.proration);
  if (debit.net === 0n) return { items: [], debits: [] };
  const period = { start: date, end: item.current_period_end };
  const made = waiting(
    after,
    {
      amount: isItemized(after) ? debit.gross : debit.net,
      description: `Remaining time on ${item.quantity} × ${item.product_name} after ${dayText(date)}`,
      discountable: false,
      period,
      price: item.price,
      product: item.terms.product,
      unit_amount_decimal: termsIn(item.terms, after.currency)!.unit_amount_decimal,
      quantity_decimal: String(item.quantity),
      subscription: after.id,
      subscription_item: item.id,
      proration: true,
      proration_details: { credited_items: null, ...discountedBy(after, debit.discount_amounts), ...countedIn(account.proration) },
      discounts: [],
      rates: ratesOf(after, item),
    },
    moment,
  );
  return { items: [made], debits: [debitOfItem(after, item, debit.net, itemizedOf(made), period, { invoice: null, line: null, invoice_item: made.id })] };
}

/** The usage of a metered item until the moment, as an item that waits; it is discounted like any other usage of the item. */
export function usageItem(before: SubscriptionWhole, item: SubscriptionItemWhole, facts: SubscriptionFacts, moment: Moment): InvoiceItemWhole[] {
  const line = periodUsageLine(before, item, facts.usage, moment.now);
  return line === null ? [] : [waiting(before, { ...line, metadata: {} }, moment)];
}

/** From when on an item that is there is prorated: what was charged from a later moment on is given back from there, and so is charged what takes its place. No time is charged twice. */
const prorated = ({ debits }: SubscriptionItemWhole, date: Instant): Instant => Math.max(date, ...debits.map((debit) => debit.start));

/** What an item that changes, comes or goes gives back and charges, and what it remembers. */
export function prorateItem({ earlier, later }: Pair, after: SubscriptionWhole, facts: SubscriptionFacts, how: Proration): { items: InvoiceItemWhole[]; debits: Debit[] } {
  const { subscription: before } = facts;
  const items = earlier === null ? [] : [...creditsOf(before, earlier, how.date, facts, how.moment), ...usageItem(before, earlier, facts, how.moment)];
  if (later === null || isMetered(later)) return { items, debits: [] };
  const debit = debitItem(after, later, facts, earlier === null ? how : { ...how, date: prorated(earlier, how.date) });
  return { items: [...items, ...debit.items], debits: debit.debits };
}
