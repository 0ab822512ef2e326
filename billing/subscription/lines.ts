/** What a subscription puts on an invoice: the lines of its items. */
import type { Period } from '../calendar.ts';
import type { DiscountWhole } from '../catalog.ts';
import { assert, type Instant } from '../decision.ts';
import { inForce } from '../discount.ts';
import { beyondEarly, sameBack, type LeftOfEarly } from '../correction/early.ts';
import type { LineOrder } from '../invoice/draft.ts';
import { unmoved, type InvoiceLineRow } from '../invoice/invoice.ts';
import { chargeable, includedIn, meteredAmount, notBilled, type BilledBefore, type Metering, type Used } from '../metering.ts';
import { formatDecimal, formatMoney } from '../money.ts';
import { isTooLarge, LARGEST_AMOUNT } from '../pricing/amount.ts';
import type { DimensionTerms } from '../pricing/dimensions.ts';
import { partOf, type ProrationUnit } from '../proration.ts';
import { countedIn } from './debits.ts';
import { fullPeriod } from './periods.ts';
import type { SubscriptionItemWhole, SubscriptionRow, SubscriptionWhole } from './subscription.ts';
import { fullAmount, isMetered, termsOf, type Sold } from './terms.ts';
import { groupsText, priceText } from './words.ts';

export const live = (discounts: readonly DiscountWhole[], at: Instant): DiscountWhole[] => discounts.filter((discount) => !discount.ended && inForce(discount, at));

/** The discounts on the whole of the subscription's invoices: its own, or where it has none in force, its customer's. */
export function wholeDiscounts(subscription: Pick<SubscriptionWhole, 'discounts'>, customer: { discount: DiscountWhole | null }, at: Instant): DiscountWhole[] {
  const own = live(subscription.discounts, at);
  return own.length > 0 || customer.discount === null ? own : live([customer.discount], at);
}

type LineWords = { amount: bigint; description: string; period: Period; quantity: string; proration?: ProrationUnit; metering?: Metering };

function itemLine(subscription: SubscriptionWhole, item: SubscriptionItemWhole, at: Instant, words: LineWords): LineOrder {
  const { quantity, proration, ...rest } = words;
  return {
    ...rest,
    discountable: true,
    price: item.price,
    product: item.terms.product,
    unit_amount_decimal: termsOf(subscription, item).unit_amount_decimal,
    quantity_decimal: quantity,
    subscription: subscription.id,
    subscription_item: item.id,
    proration: proration !== undefined,
    proration_details: proration === undefined ? null : { credited_items: null, discount_amounts: [], ...countedIn(proration) },
    metadata: subscription.metadata,
    discounts: live(item.discounts, at),
    rates: item.rates,
  };
}

/** A licensed item for a period. `amount` is given where it is not that of one full period. */
export function licensedLine(subscription: SubscriptionWhole, item: SubscriptionItemWhole, period: Period, at: Instant, part?: { amount: bigint; unit: ProrationUnit }): LineOrder {
  const words = `${item.quantity} × ${item.product_name} (${priceText(subscription, item)})`;
  return itemLine(subscription, item, at, {
    amount: part?.amount ?? fullAmount(subscription, item),
    description: words,
    period,
    quantity: String(item.quantity),
    proration: part?.unit,
  });
}

/** A licensed item from the moment to the next boundary: its full period, or what is left of that. */
export function restLine(subscription: SubscriptionWhole, item: SubscriptionItemWhole, at: Instant, unit: ProrationUnit): LineOrder {
  const full = fullPeriod(subscription, item.terms, at);
  return licensedLine(subscription, item, { start: at, end: full.end }, at, full.start === at ? undefined : { amount: partOf(fullAmount(subscription, item), full, at, unit), unit });
}

/** A licensed item in a trial. */
export function trialLine(subscription: SubscriptionWhole, item: SubscriptionItemWhole, period: Period, at: Instant): LineOrder {
  return itemLine(subscription, item, at, { amount: 0n, description: `Free trial of ${item.quantity} × ${item.product_name}`, period, quantity: String(item.quantity) });
}

/**
 * The usage of a metered item in its period, which ends at the moment; also where there was none, since what is reported later is put on that line, or puts it right. Null for a licensed item. Usage in
 * a trial or a pause is free, and over an empty span there is none: null, too. `seated` is the subscription whose seats count, by default itself; `lasts` says that the period goes on until then, so that
 * all that it includes counts.
 */
export function periodUsageLine(subscription: SubscriptionWhole, item: SubscriptionItemWhole, usage: ReadonlyMap<string, Used>, at: Instant, { seated = subscription, lasts = at }: { seated?: SubscriptionWhole; lasts?: Instant } = {}): LineOrder | null {
  const start = item.current_period_start;
  if (!isMetered(item) || start >= at || subscription.status === 'paused' || (subscription.trial_end !== null && start < subscription.trial_end)) return null;
  return itemLine(subscription, item, at, { ...usageWords(subscription, item, usage.get(item.id) ?? '0', meteringOf(seated, item, { start, end: lasts }), item.early), period: { start, end: at } });
}

/** The seats of a subscription: the quantities of its licensed items, or of those of one product. */
function seatsOf(subscription: Pick<SubscriptionWhole, 'items'>, product: string | null): bigint {
  return subscription.items.filter((item) => !isMetered(item) && (product === null || item.terms.product === product)).reduce((sum, item) => sum + (item.quantity ?? 0n), 0n);
}

/** How the usage of an item in a period is billed beside its price: the seats are those that there are when it is billed. */
function meteringOf(subscription: SubscriptionWhole, item: SubscriptionItemWhole, period: Period): Metering {
  const { allowance, meter } = item.terms;
  assert(meter !== null, `the metered price ${item.price} has a meter`);
  const included = allowance && includedIn(allowance, seatsOf(subscription, allowance.seat_product), period, fullPeriod(subscription, item.terms, period.start));
  const { billed } = item;
  const before = billed?.start === item.current_period_start ? billed : null;
  return { meter, allowance: included, billed: before && billedBefore(before) };
}

const billedBefore = ({ start: _, ...billed }: NonNullable<SubscriptionItemWhole['billed']>): BilledBefore => billed;

/** What usage comes to, and what the line says of it. `early`: what is left of the lines that billed it before. */
function usageWords(subscription: Pick<SubscriptionRow, 'currency'>, item: Pick<Sold, 'terms' | 'product_name'>, used: Used, how: Metering, early: LeftOfEarly | null = null): { amount: bigint; description: string; quantity: string; metering: Metering } {
  const { amount: rest, quantity: billed, groups } = meteredAmount(termsOf(subscription, item), used, how);
  const { amount, left, back } = how.billed && early ? beyondEarly(early, rest) : { amount: rest, left: null, back: null };
  const quantity = formatDecimal(billed);
  const free = how.allowance ? `, ${how.allowance.included} included` : '';
  const price = groups === undefined ? priceText(subscription, item) : groupsText(subscription, item, notBilled(groups, how));
  const held = isTooLarge(amount);
  const before = how.billed && { ...how.billed, ...(left !== null && { left: left.toString() }), ...(back && { back }) };
  const metering = { meter: how.meter, allowance: how.allowance, billed: before, ...(groups && { groups }), ...(held && { held: amount.toString() }) };
  const description = `${quantity} × ${item.product_name}${free} (${price})${held ? `, held: more than ${formatMoney(LARGEST_AMOUNT, subscription.currency)}` : ''}`;
  return { amount: chargeable(amount), description, quantity, metering };
}

/** A draft's line of usage with what was used by now; the same line where that is what it says. `early`: what is left by now of the lines that billed it before. */
export function recount(line: InvoiceLineRow, sold: Pick<Sold, 'terms' | 'product_name'>, used: Used, early: LeftOfEarly | null): InvoiceLineRow {
  assert(line.metering !== null, `the line ${line.id} of usage says how it is metered`);
  const before = line.metering.billed;
  const { back: known, left, ...billed } = before ?? {};
  const { quantity, ...words } = usageWords(line, sold, used, { ...line.metering, billed: before && (billed as BilledBefore) }, early);
  const back = words.metering.billed?.back;
  const same = sameBack(back, known) && words.metering.billed?.left === left && quantity === line.quantity_decimal && (words.metering.groups ?? []).every((group, n) => group.quantity === line.metering!.groups?.[n]?.quantity);
  const credits = back ? unmoved(back.credits) : known ? [] : line.credits;
  return same ? line : { ...line, ...words, quantity_decimal: quantity, credits };
}

/** Usage that is asked for: what a meter counted for a customer within `[start, end)`, apart for the groups of a price where it has several. */
type UsageAsked = { key: string; meter: string; customer: string; start: Instant; end: Instant; groups: readonly DimensionTerms[] | null };

/** What usage sums a decision at the moment needs: those of the metered items that have a period behind them. */
export function usageAsked(subscription: SubscriptionWhole, at: Instant): UsageAsked[] {
  return subscription.items
    .filter((item) => isMetered(item) && item.terms.meter !== null && item.current_period_start < at)
    .map((item) => ({ key: item.id, meter: item.terms.meter!, customer: subscription.customer, start: item.current_period_start, end: at, groups: item.terms.dimension_prices }));
}
