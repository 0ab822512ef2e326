/** What usage comes to (docs/concepts/bill.md, "Usage"): at its price, less what is included, and less what was billed of the same period before. */
import type { Period } from './calendar.ts';
import { refuse } from './decision.ts';
import { add, compare, digitsAt, formatDecimal, fromBigint, multiply, parseDecimal, roundDiv, subtract, ZERO, type Decimal } from './money.ts';
import { amountOf } from './pricing/amount.ts';
import type { PriceTerms } from './pricing/price.ts';

/** What a metered price includes in each full period: so many units for the subscription, or for each of its seats. `seat_product` says which licensed items are seats; null for all of them. */
export type Allowance = { quantity: string; per: 'subscription' | 'seat'; seat_product: string | null };

/** What is included in one line: `quantity` times the seats, of a period of `of_seconds` the part of `seconds`. */
export type Included = { included: string; quantity: string; per: Allowance['per']; seats: string | null; seconds: number; of_seconds: number };

/** How a line of usage comes to its amount beside its price. It is kept with the line, so that the line can be counted again. */
export type Metering = {
  meter: string;
  allowance: Included | null;
  /** What earlier invoices billed of the usage since the period began: units, and minor units as a decimal string. */
  billed: { quantity: string; amount: string } | null;
};

const decimalOf = (text: string): Decimal => parseDecimal(text)!;

/** What is included in a part of a full period: that part of the allowance, rounded to whole units; in a full one, all of it. */
export function includedIn(allowance: Allowance, seats: bigint, period: Period, full: Period): Included {
  const of_seconds = full.end - full.start;
  const seconds = Math.min(period.end - period.start, of_seconds);
  const whole = allowance.per === 'seat' ? multiply(decimalOf(allowance.quantity), fromBigint(seats)) : decimalOf(allowance.quantity);
  const part = seconds === of_seconds ? whole : fromBigint(roundDiv(digitsAt(whole, whole.scale) * BigInt(seconds), 10n ** BigInt(whole.scale) * BigInt(of_seconds)));
  return { included: formatDecimal(part), quantity: allowance.quantity, per: allowance.per, seats: allowance.per === 'seat' ? seats.toString() : null, seconds, of_seconds };
}

/** The units that are charged for: those beyond the included ones. */
export function beyond(usage: Decimal, allowance: Pick<Included, 'included'> | null): Decimal {
  const rest = allowance === null ? usage : subtract(usage, decimalOf(allowance.included));
  return compare(rest, ZERO) < 0 ? ZERO : rest;
}

/**
 * What is to be billed for the usage since the period began: units and minor units. Nobody has used less than nothing. What was billed before is taken off both, so that all lines of a period together
 * come to what one line would; a line is negative where later usage made earlier units cheaper, or was taken back.
 */
export function meteredAmount(terms: PriceTerms, usage: Decimal, metering: Metering | null): { quantity: Decimal; amount: bigint } {
  const total = compare(usage, ZERO) < 0 ? ZERO : usage;
  const amount = amountOf(terms, beyond(total, metering?.allowance ?? null));
  const billed = metering?.billed ?? null;
  return billed === null ? { quantity: total, amount } : { quantity: subtract(total, decimalOf(billed.quantity)), amount: amount - BigInt(billed.amount) };
}

/** All usage since the period began of which a line bills the last part. */
export function usageBehind(quantity: Decimal, metering: Metering | null): Decimal {
  return metering?.billed ? add(quantity, decimalOf(metering.billed.quantity)) : quantity;
}

/** What a price is to include; refused where it cannot include anything. `at` spells a field of it. */
export function allowanceOf(given: { quantity: string; per?: Allowance['per']; seat_product?: string }, metered: boolean, at: (field: string) => string): Allowance {
  const { quantity, per = 'subscription', seat_product = null } = given;
  if (!metered) refuse(undefined, 'Only a metered price includes units: what is licensed is paid for by its quantity.', at('quantity'));
  if (seat_product !== null && per !== 'seat') refuse(undefined, 'A `seat_product` says which items are seats: give `per` as `seat`, too.', at('seat_product'));
  return { quantity: formatDecimal(decimalOf(quantity)), per, seat_product };
}
