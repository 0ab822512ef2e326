/**
 * Discounts (docs/concepts/bill.md, "Discounts"). First each item's own, then those of the whole invoice, in their order, each taking its part of what the former ones left.
 */
import { addMonths } from './calendar.ts';
import { assert, type Instant } from './decision.ts';
import { least, percentOf, positive, share, type Percentage } from './money.ts';

/** What a coupon gives. Either `percent_off` or `amount_off` is set; `amount_off` is in minor units of `currency`. */
export type CouponTerms = {
  readonly percent_off: Percentage | null;
  readonly amount_off: bigint | null;
  readonly currency: string | null;
  /** `amount_off` in other currencies, as the coupon's JSON holds it. */
  readonly currency_options: Readonly<Record<string, { readonly amount_off: bigint | number }>> | null;
  /** The products to which it applies; null for all. */
  readonly applies_to: readonly string[] | null;
};

/** A discount, `di_…`, with the coupon that says what it gives. */
export type AppliedDiscount = { readonly id: string; readonly source: CouponTerms };

export type DiscountableLine = {
  /** Before discounts and exclusive tax. */
  readonly amount: bigint;
  readonly discountable: boolean;
  readonly product: string | null;
  /** The discounts of the line's own subscription item or invoice item. */
  readonly own: readonly AppliedDiscount[];
  /** The subscription item whose lines share an own `amount_off`; null for a line on its own. The discountable lines of a group have the same own discounts. */
  readonly group: string | null;
};

/** What a discount takes off a line: negative on a negative line. */
export type DiscountAmount = { readonly discount: string; readonly amount: bigint };

const NONE: readonly DiscountAmount[] = Object.freeze([]);

/**
 * What the discounts take off each line, in the order of the lines. A line names every discount that applies to it, in the order in which they were taken, even one that takes 0. `whole` are the
 * discounts of the invoice: the subscription's or, where it has none, the customer's. Which discounts are in force is the caller's question; see `inForce`.
 */
export function applyDiscounts(lines: readonly DiscountableLine[], whole: readonly AppliedDiscount[], currency: string): (readonly DiscountAmount[])[] {
  const taken: (readonly DiscountAmount[])[] = lines.map(() => NONE);
  if (whole.length === 0 && lines.every((line) => line.own.length === 0)) return taken;
  const left = lines.map((line) => line.amount);
  for (const members of groupsOf(lines)) {
    for (const discount of lines[members[0]!]!.own) take(discount, members);
  }
  const discountable = [...lines.keys()].filter((index) => lines[index]!.discountable);
  for (const discount of whole) take(discount, discountable);
  return taken;

  function take(discount: AppliedDiscount, among: readonly number[]): void {
    const { applies_to } = discount.source;
    const applicable = applies_to === null ? among : among.filter((index) => applies_to.includes(lines[index]!.product ?? ''));
    const amounts = amountsOf(discount.source, applicable.map((index) => left[index]!), currency);
    if (amounts === null) return;
    for (const [position, index] of applicable.entries()) {
      const amount = amounts[position]!;
      left[index]! -= amount;
      taken[index] = [...taken[index]!, { discount: discount.id, amount }];
    }
  }
}

/** The discountable lines with discounts of their own, as lists of indices: one list for each group, one for each line without a group. */
function groupsOf(lines: readonly DiscountableLine[]): number[][] {
  const groups: number[][] = [];
  const byName = new Map<string, number[]>();
  for (const [index, line] of lines.entries()) {
    if (!line.discountable) continue;
    const known = line.group === null ? undefined : byName.get(line.group);
    if (known !== undefined) {
      const first = lines[known[0]!]!;
      assert(line.own.length === first.own.length && line.own.every((each, n) => each.id === first.own[n]!.id), 'the lines of one item have the same discounts');
      known.push(index);
      continue;
    }
    const group = [index];
    groups.push(group);
    if (line.group !== null) byName.set(line.group, group);
  }
  return groups;
}

/** What a coupon takes of each remainder; null where it does not apply to invoices of this currency. */
function amountsOf(coupon: CouponTerms, remainders: readonly bigint[], currency: string): bigint[] | null {
  const { percent_off } = coupon;
  if (percent_off !== null) return remainders.map((remainder) => percentOf(remainder, percent_off));
  const off = amountOff(coupon, currency);
  if (off === null) return null;
  const weights = remainders.map(positive);
  return share(least(off, weights.reduce((whole, weight) => whole + weight, 0n)), weights);
}

/** What a coupon takes off in a currency; null where it says nothing for it. */
export function amountOff(coupon: CouponTerms, currency: string): bigint | null {
  if (coupon.currency === currency) return coupon.amount_off;
  const option = coupon.currency_options?.[currency];
  return option === undefined ? null : BigInt(option.amount_off);
}

/** When a discount given at `start` ends: null for `forever`, and for `once`, which ends by being used. */
export function discountEnd(coupon: { readonly duration: 'forever' | 'once' | 'repeating'; readonly duration_in_months: number | null }, start: Instant): Instant | null {
  if (coupon.duration !== 'repeating') return null;
  assert(coupon.duration_in_months !== null, 'a repeating coupon has a duration in months');
  return addMonths(start, coupon.duration_in_months);
}

/** Whether a discount applies to an invoice of that moment. `end` is null where time does not end it (see `discountEnd`); a `once` discount is in force until it is used up and removed. */
export function inForce(discount: { readonly start: Instant; readonly end: Instant | null }, at: Instant): boolean {
  return discount.end === null || (discount.start <= at && at < discount.end);
}
