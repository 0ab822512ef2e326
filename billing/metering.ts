/** What usage comes to (docs/concepts/bill.md, "Usage"): at its price, less what is included, and less what was billed of the same period before. */
import type { Period } from './calendar.ts';
import type { GivenBack } from './correction/early.ts';
import { assert, refuse } from './decision.ts';
import { add, compare, digitsAt, formatDecimal, fromBigint, multiply, parseDecimal, roundDiv, subtract, ZERO, type Decimal } from './money.ts';
import { amountOfGroups, isTooLarge } from './pricing/amount.ts';
import { groupsOf, type Group } from './pricing/dimensions.ts';
import type { PriceTerms } from './pricing/price.ts';

/** What a metered price includes in each full period: so many units for the subscription, or for each of its seats. `seat_product` says which licensed items are seats; null for all of them. */
export type Allowance = { quantity: string; per: 'subscription' | 'seat'; seat_product: string | null };

/** What is included in one line: `quantity` times the seats, of a period of `of_seconds` the part of `seconds`. */
export type Included = { included: string; quantity: string; per: Allowance['per']; seats: string | null; seconds: number; of_seconds: number };

/** How a line of usage comes to its amount beside its price. It is kept with the line, so that the line can be counted again. */
export type Metering = {
  meter: string;
  allowance: Included | null;
  /** What earlier invoices billed of the usage since the period began. */
  billed: BilledBefore | null;
  /** All usage since the period began by the groups of its price, where that has dimension prices. */
  groups?: UsedGroup[];
  /** What it comes to where that is more than a line may come to, in minor units as a decimal string: it is held, and costs nothing until the usage is put right. */
  held?: string;
};

/**
 * Units, by group too, and minor units as decimal strings. `left`: what of the amount can still be given back, where that is less, since credit notes gave some of it back, or an invoice of it was voided, or written off
 * before it was paid; below zero where credit notes took as much of the line itself. `back`: of a line below zero, what goes back with its amount.
 */
export type BilledBefore = { quantity: string; amount: string; groups?: UsedGroup[]; left?: string; back?: GivenBack };

/** What goes back with the amount of a line that gives back what was billed early; null for any other line. */
export const backOf = ({ metering }: { metering: Metering | null }): GivenBack | null => metering?.billed?.back ?? null;

/** What was counted, an exact decimal; for a price with dimension prices one for each of its groups, in their order. */
export type Used = string | readonly string[];

/** What was used in a group of a price, by the name that bills call it. */
export type UsedGroup = { name: string; quantity: string };

const decimalOf = (text: string): Decimal => parseDecimal(text)!;

/** What is included in a part of a full period: that part of the allowance, rounded to whole units; in a full one, all of it. */
export function includedIn(allowance: Allowance, seats: bigint, period: Period, full: Period): Included {
  const of_seconds = full.end - full.start;
  const seconds = Math.min(period.end - period.start, of_seconds);
  const whole = allowance.per === 'seat' ? multiply(decimalOf(allowance.quantity), fromBigint(seats)) : decimalOf(allowance.quantity);
  const part = seconds === of_seconds ? whole : fromBigint(roundDiv(digitsAt(whole, whole.scale) * BigInt(seconds), 10n ** BigInt(whole.scale) * BigInt(of_seconds)));
  return { included: formatDecimal(part), quantity: allowance.quantity, per: allowance.per, seats: allowance.per === 'seat' ? seats.toString() : null, seconds, of_seconds };
}

/** The units that are charged for: those beyond the included ones, which the groups of usage use up in their order. */
export function beyond(totals: readonly Decimal[], allowance: Pick<Included, 'included'> | null): Decimal[] {
  let free = allowance === null ? ZERO : decimalOf(allowance.included);
  return totals.map((total) => {
    const covered = compare(total, free) < 0 ? total : free;
    free = subtract(free, covered);
    return subtract(total, covered);
  });
}

/** What was counted in each group of the price, and never less than nothing: nobody has used less. What was not counted apart is of the rest. */
export function totalsOf(used: Used, groups: number): Decimal[] {
  const counted = typeof used === 'string' ? [...Array.from({ length: groups - 1 }, () => '0'), used] : used;
  assert(counted.length === groups, 'usage is counted by the groups of its price');
  return counted.map((text) => decimalOf(text)).map((total) => (compare(total, ZERO) < 0 ? ZERO : total));
}

/** The groups that a price charges for. What no entry is for is charged for always, as any price is; an entry only where its values were used. */
export const chargedGroups = (terms: PriceTerms, totals: readonly Decimal[]): readonly (Group & { n: number })[] =>
  groupsOf(terms).flatMap((group, n) => (group.dimensions === null || totals[n]!.digits !== 0n ? [{ ...group, n }] : []));

/**
 * What is to be billed for the usage since the period began: units and minor units, and where the price has several groups what was used in each. What was billed before is taken off units and amount,
 * so that all lines of a period together come to what one line would; a line is negative where later usage made earlier units cheaper, or was taken back.
 */
export function meteredAmount(terms: PriceTerms, used: Used, metering: Metering | null): { quantity: Decimal; amount: bigint; groups: UsedGroup[] | undefined } {
  const names = groupsOf(terms);
  const totals = totalsOf(used, names.length);
  const charged = beyond(totals, metering?.allowance ?? null);
  const amount = amountOfGroups(chargedGroups(terms, totals).map((group) => ({ terms: group.terms, quantity: charged[group.n]! })));
  const total = totals.reduce(add);
  const groups = names.length === 1 ? undefined : names.map(({ name }, n) => ({ name, quantity: formatDecimal(totals[n]!) }));
  const billed = metering?.billed ?? null;
  return billed === null ? { quantity: total, amount, groups } : { quantity: subtract(total, decimalOf(billed.quantity)), amount: beyondBilled(amount, billed), groups };
}

/** What usage comes to beyond what was billed of it before; where it is less, no more is given back than is left of that. */
export function beyondBilled(amount: bigint, { amount: billed, left }: BilledBefore): bigint {
  const rest = amount - BigInt(billed);
  return left !== undefined && rest < -BigInt(left) ? -BigInt(left) : rest;
}

/** What usage is charged at: nothing as long as it comes to more than a line may. */
export const chargeable = (amount: bigint): bigint => (isTooLarge(amount) ? 0n : amount);

/** All usage since the period began of which a line bills the last part. */
export function usageBehind(quantity: string, metering: Metering | null): Used {
  if (metering?.groups) return metering.groups.map((group) => group.quantity);
  return metering?.billed ? formatDecimal(add(decimalOf(quantity), decimalOf(metering.billed.quantity))) : quantity;
}

/** What of each group was not billed before. */
export function notBilled(groups: readonly UsedGroup[], { billed }: Pick<Metering, 'billed'>): readonly UsedGroup[] {
  const before = billed?.groups;
  return before ? groups.map(({ name, quantity }, n) => ({ name, quantity: formatDecimal(subtract(decimalOf(quantity), decimalOf(before[n]!.quantity))) })) : groups;
}

/** Usage as one number, whatever its groups. */
export const sumOfUsage = (used: Used): Decimal => (typeof used === 'string' ? decimalOf(used) : used.map(decimalOf).reduce(add));

/** What a price is to include; refused where it cannot include anything. `at` spells a field of it. */
export function allowanceOf(given: { quantity: string; per?: Allowance['per']; seat_product?: string }, metered: boolean, at: (field: string) => string): Allowance {
  const { quantity, per = 'subscription', seat_product = null } = given;
  if (!metered) refuse(undefined, 'Only a metered price includes units: what is licensed is paid for by its quantity.', at('quantity'));
  if (seat_product !== null && per !== 'seat') refuse(undefined, 'A `seat_product` says which items are seats: give `per` as `seat`, too.', at('seat_product'));
  return { quantity: formatDecimal(decimalOf(quantity)), per, seat_product };
}
