/** What a quantity costs, what discounts take of lines, and what taxes are put on them: the reference model's way. */
import { decimal, less, minus, plus, round, shareOut, times, total, whole, type Fraction } from './exact.ts';
import type { Coupon, DimensionPrice, History, Line, Price, Rate } from './history.ts';

export const amountOf = (price: Price, quantity: string): bigint => round(costOf(price, decimal(quantity)));

/** Before it is rounded. */
function costOf(price: Omit<DimensionPrice, 'values'> & Pick<Price, 'transform_quantity'>, q: Fraction): Fraction {
  if (price.tiers === null) {
    const unit = decimal(price.unit_amount_decimal);
    if (!price.transform_quantity) return times(unit, q);
    const pack = q.d * BigInt(price.transform_quantity.divide_by);
    const full = q.n / pack;
    return times(unit, whole(price.transform_quantity.round === 'up' && full * pack < q.n ? full + 1n : full));
  }
  let sum = whole(0);
  let below = whole(0);
  for (const { up_to, unit_amount_decimal, flat_amount_decimal } of price.tiers) {
    const last = up_to === null || !less(whole(up_to), q);
    if (!last && price.tiers_mode === 'volume') continue;
    const top: Fraction = last ? q : whole(up_to);
    sum = plus(sum, plus(times(decimal(unit_amount_decimal), plus(top, { n: -below.n, d: below.d })), decimal(flat_amount_decimal)));
    if (last) break;
    below = top;
  }
  return sum;
}

/** What usage costs beyond what is free, by the groups of its price: those of its entries, where of their values was used, and the rest, which comes last. What is free is used up in their order. */
export function amountOfUsage(price: Price, groups: readonly Fraction[], free: Fraction): bigint {
  let left = free;
  let sum = whole(0);
  for (const [n, used] of groups.entries()) {
    const entry = price.dimension_prices?.[n];
    const met = less(used, left) ? used : left;
    left = minus(left, met);
    if (entry && used.n === 0n) continue;
    sum = plus(sum, costOf(entry ? { ...entry, transform_quantity: price.transform_quantity } : price, minus(used, met)));
  }
  return round(sum);
}

/** A coupon as somebody has it, since a moment. The same coupon given twice is two of them. */
export type Given = { readonly coupon: Coupon; readonly at: number };
type Discountable = { amount: bigint; discountable: boolean; product: string | null; own: readonly Given[] };
export type Taken = { given: Given; amount: bigint };

/** What each discount in force takes of each line: first those of the lines' own items, each over its item's lines, then the common ones over all. */
export function applyDiscounts(lines: readonly Discountable[], shared: readonly Given[], currency: string, inForce: (given: Given) => boolean): Taken[][] {
  const left = lines.map((line) => (line.discountable ? line.amount : 0n));
  const taken: Taken[][] = lines.map(() => []);
  const own = new Set(lines.flatMap((line) => (line.discountable ? line.own : [])));
  for (const given of [...own, ...shared]) {
    const { coupon } = given;
    if (!inForce(given)) continue;
    const reaches = (i: number) => (own.has(given) ? lines[i]!.own.includes(given) : true) && (!coupon.products || coupon.products.includes(lines[i]!.product ?? ''));
    const reached = [...lines.keys()].filter((i) => left[i] !== 0n && reaches(i));
    const take = (i: number, amount: bigint) => {
      left[i]! -= amount;
      if (amount !== 0n) taken[i]!.push({ given, amount });
    };
    if (coupon.percent_off !== undefined) {
      const part = times(decimal(coupon.percent_off), { n: 1n, d: 100n });
      for (const i of reached) take(i, round(times(whole(left[i]!), part)));
      continue;
    }
    const amount = coupon.currency === currency ? coupon.amount_off! : coupon.currency_options?.[currency];
    const positive = reached.filter((i) => left[i]! > 0n);
    if (amount === undefined || positive.length === 0) continue;
    const weights = positive.map((i) => left[i]!);
    const sum = total(weights);
    shareOut(amount < sum ? amount : sum, weights).forEach((share, at) => take(positive[at]!, share));
  }
  return taken;
}

/** The taxes of an amount at the rates, one rounding for each. */
export function taxesOf(amount: bigint, rates: readonly Rate[], tax_exempt: History['tax_exempt']): Line['taxes'] {
  const inclusive = rates.filter((rate) => rate.inclusive).reduce((sum, rate) => plus(sum, decimal(rate.percentage)), whole(100));
  return rates.map((rate) => {
    const base = rate.inclusive ? inclusive : whole(100);
    const tax = round(times(times(whole(amount), decimal(rate.percentage)), { n: base.d, d: base.n }));
    return { id: rate.id, inclusive: rate.inclusive, amount: tax_exempt === 'none' ? tax : 0n };
  });
}

export const sumOfTaxes = (taxes: Line['taxes'], inclusive: boolean): bigint => total(taxes.filter((tax) => tax.inclusive === inclusive).map((tax) => tax.amount));
