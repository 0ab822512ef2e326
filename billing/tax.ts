/** Tax by rates (docs/concepts/bill.md, "Tax"): of one line, one rounding for each rate. */
import { add, digitsAt, fromBigint, percentage, percentOf, roundDiv, type Decimal, type Percentage } from './money.ts';

/** A tax rate: a percentage put on top of the amount, or contained in it where it is inclusive. */
export type TaxRate = { readonly id: string; readonly percentage: Percentage; readonly inclusive: boolean };

/** A customer's `tax_exempt`. */
export type TaxExempt = 'none' | 'exempt' | 'reverse';

/** Of Stripe's `taxability_reason`s those that a rate given by hand can have. */
export type TaxabilityReason = 'standard_rated' | 'zero_rated' | 'customer_exempt' | 'reverse_charge';

/** One rate's tax on a line. `taxable_amount` is what the rate was put on: an inclusive rate's is without the inclusive taxes. */
export type LineTax = {
  readonly tax_rate: string;
  readonly amount: bigint;
  readonly taxable_amount: bigint;
  readonly tax_behavior: 'exclusive' | 'inclusive';
  readonly taxability_reason: TaxabilityReason;
};

const NONE: readonly LineTax[] = Object.freeze([]);

/**
 * The taxes of a line whose amount less its discounts is `taxable`, in the order of the rates. Exclusive: round(taxable × p ÷ 100). Inclusive rates with sum P: round(taxable × p ÷ (100 + P))
 * each. An exclusive rate beside inclusive ones is put on the whole taxable amount. A customer who is exempt or under reverse charge gets every rate with an amount of 0 and the reason.
 */
export function taxLine(taxable: bigint, rates: readonly TaxRate[], exempt: TaxExempt): readonly LineTax[] {
  if (rates.length === 0) return NONE;
  const amounts = amountsOf(taxable, rates, exempt);
  const contained = sumInclusive(amounts, rates);
  return rates.map((rate, index) => ({
    tax_rate: rate.id,
    amount: amounts[index]!,
    taxable_amount: rate.inclusive ? taxable - contained : taxable,
    tax_behavior: rate.inclusive ? 'inclusive' : 'exclusive',
    taxability_reason: reasonOf(rate, exempt),
  }));
}

/** The inclusive tax that an amount contains, the sum over its inclusive rates, each rounded. */
export function inclusiveTax(amount: bigint, rates: readonly TaxRate[], exempt: TaxExempt): bigint {
  if (rates.length === 0) return 0n;
  return sumInclusive(amountsOf(amount, rates, exempt), rates);
}

function amountsOf(taxable: bigint, rates: readonly TaxRate[], exempt: TaxExempt): bigint[] {
  if (exempt !== 'none') return rates.map(() => 0n);
  let whole: Decimal = fromBigint(100n);
  for (const rate of rates) if (rate.inclusive) whole = add(whole, percentage(rate.percentage));
  return rates.map((rate) => (rate.inclusive ? containedIn(taxable, percentage(rate.percentage), whole) : percentOf(taxable, rate.percentage)));
}

/** round(taxable × p ÷ (100 + P)), `whole` being 100 + P. */
function containedIn(taxable: bigint, percent: Decimal, whole: Decimal): bigint {
  const scale = Math.max(percent.scale, whole.scale);
  return roundDiv(taxable * digitsAt(percent, scale), digitsAt(whole, scale));
}

function sumInclusive(amounts: readonly bigint[], rates: readonly TaxRate[]): bigint {
  return amounts.reduce((sum, amount, index) => (rates[index]!.inclusive ? sum + amount : sum), 0n);
}

function reasonOf(rate: TaxRate, exempt: TaxExempt): TaxabilityReason {
  if (exempt === 'exempt') return 'customer_exempt';
  if (exempt === 'reverse') return 'reverse_charge';
  return percentage(rate.percentage).digits === 0n ? 'zero_rated' : 'standard_rated';
}
