/** Changes in mid-period (docs/concepts/bill.md, "Changes in mid-period"): what is given back of what was charged, and what is charged for the rest of the period. */
import { DAY_S, type Period } from './calendar.ts';
import { assert, type Instant } from './decision.ts';
import { applyDiscounts, type AppliedDiscount, type DiscountableLine, type DiscountAmount } from './discount.ts';
import { least, roundDiv, share } from './money.ts';

/** In what the length of a part of a period is counted: in seconds, or in days of UTC, of which the one of a change belongs to what comes after it. */
export type ProrationUnit = 'second' | 'day';

/** What was really charged for `[start, end)`: after discounts, before exclusive tax. */
type Debit = { readonly net: bigint; readonly start: Instant; readonly end: Instant };

/** The credit, ≤ 0 for a positive debit, of a debit's unused part at `at`: −round(net × (e − t) ÷ (e − s)). All of it before the debit's start, nothing after its end. */
export function creditOf(debit: Debit, at: Instant, unit: ProrationUnit): bigint {
  const { net, start, end } = debit;
  if (at >= end) return 0n;
  return -partOf(net, { start, end }, Math.max(at, start), unit);
}

/** A credit with what it gives back of the discounts of its debit: `gross − Σ discount_amounts = net`, each of them ≤ 0 for a positive debit. */
export type ProrationCredit = { gross: bigint; discount_amounts: DiscountAmount[]; net: bigint };

/**
 * The credit of a debit, `discounts` being what took its gross down to its net: the net is that of `creditOf`, the gross −round(gross × (e − t) ÷ (e − s)). What lies between the two is of the
 * discounts, shared in proportion to what each took, by largest remainder, ties to the earlier.
 */
export function itemizedCreditOf(debit: Debit, discounts: readonly DiscountAmount[], at: Instant, unit: ProrationUnit): ProrationCredit {
  const net = creditOf(debit, at, unit);
  const gross = creditOf({ ...debit, net: discounts.reduce((sum, each) => sum + each.amount, debit.net) }, at, unit);
  const sign = gross < net ? 1n : -1n; // Of the discounts: rounding keeps the order, so one of that sign is there where the two differ.
  const shares = share(gross - net, discounts.map(({ amount }) => (amount * sign > 0n ? amount * sign : 0n)));
  return { gross, net, discount_amounts: discounts.map(({ discount }, n) => ({ discount, amount: shares[n]! })) };
}

const dayOf = (at: Instant): number => Math.floor(at / DAY_S) * DAY_S;

/** The length of `[at, period.end)` and of the whole period in seconds: as they are, or from the beginning of one day to that of another. A period within one day is always counted by the second. */
export function lengthsOf({ start, end }: Period, at: Instant, unit: ProrationUnit): { unit: ProrationUnit; part: number; whole: number } {
  if (unit === 'second' || dayOf(start) === dayOf(end)) return { unit: 'second', part: end - at, whole: end - start };
  return { unit, part: dayOf(end) - dayOf(at), whole: dayOf(end) - dayOf(start) };
}

/** The part of a full period's amount that falls on `[at, period.end)`: round(amount × (e − t) ÷ (e − b)). `period` is the full period, and `at` lies in it. */
export function partOf(amount: bigint, period: Period, at: Instant, unit: ProrationUnit): bigint {
  assert(period.start <= at && at <= period.end && period.start < period.end, 'a part is of a period in which it begins');
  const { part, whole } = lengthsOf(period, at, unit);
  return roundDiv(amount * BigInt(part), BigInt(whole));
}

/** A charge for the rest of a period. `net = gross − Σ discount_amounts`, never less than 0, is what is billed and what a later change gives back. */
type ProrationDebit = { gross: bigint; discount_amounts: DiscountAmount[]; net: bigint };

/**
 * The debit of a changed item for `[at, period.end)`. `lines` are the full period's lines of all licensed items of that recurrence as they are after the change, `changed` the index of the item's own;
 * `own` and `whole` are the discounts in force at `at` except `once` ones. Each discount's share of the changed item is found on that full bill, and its part is taken, at most what
 * the former ones left: so an amount off that covers several items is not given twice.
 */
export function debitOf(lines: readonly DiscountableLine[], changed: number, whole: readonly AppliedDiscount[], currency: string, period: Period, at: Instant, unit: ProrationUnit): ProrationDebit {
  const line = lines[changed];
  assert(line !== undefined, 'the changed item is one of the lines');
  const gross = partOf(line.amount, period, at, unit);
  let net = gross;
  const discount_amounts = applyDiscounts(lines, whole, currency)[changed]!.map(({ discount, amount: full }) => {
    const part = partOf(full, period, at, unit);
    const amount = least(part, net);
    net -= amount;
    return { discount, amount };
  });
  return { gross, discount_amounts, net };
}
