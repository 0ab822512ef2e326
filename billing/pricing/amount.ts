/** The amount of a quantity at a price (docs/concepts/bill.md): the register of the ways of pricing, and the one rounding. */
import { assert, refuse } from '../decision.ts';
import { add, formatDecimal, multiply, roundDecimal, ZERO, type Decimal } from '../money.ts';
import { graduated } from './graduated.ts';
import { perPackage } from './package.ts';
import { perUnit } from './per_unit.ts';
import { ratesOf, type Part, type PriceTerms, type Way } from './price.ts';
import { volume } from './volume.ts';

const WAYS = { per_unit: perUnit, package: perPackage, graduated, volume } satisfies Record<string, Way>;

function wayOf(terms: PriceTerms): Way {
  if (terms.billing_scheme === 'per_unit') return terms.transform_quantity === null ? WAYS.per_unit : WAYS.package;
  assert(terms.tiers_mode !== null, 'a tiered price has a tiers mode');
  return WAYS[terms.tiers_mode];
}

function partsOf(terms: PriceTerms, quantity: Decimal): Part[] {
  assert(quantity.digits >= 0n, 'a quantity is not negative');
  return wayOf(terms)(ratesOf(terms), quantity);
}

function sumOf(parts: readonly Part[]): bigint {
  let sum = ZERO;
  for (const part of parts) sum = add(sum, add(multiply(part.unit_amount, part.quantity), part.flat_amount));
  return roundDecimal(sum);
}

/** The amount in minor units for a quantity ≥ 0, rounded once, half away from zero. */
export function amountOf(terms: PriceTerms, quantity: Decimal): bigint {
  return sumOf(partsOf(terms, quantity));
}

/** The amount of groups of usage together, each at its own terms, rounded once. */
export function amountOfGroups(groups: readonly { terms: PriceTerms; quantity: Decimal }[]): bigint {
  return sumOf(groups.flatMap(({ terms, quantity }) => partsOf(terms, quantity)));
}

/** A line comes to no more than an amount may be that is given as it is, so that every sum on an invoice is held exactly by every reader. */
export const LARGEST_AMOUNT = 999_999_999_999n;

export const isTooLarge = (amount: bigint): boolean => amount > LARGEST_AMOUNT || amount < -LARGEST_AMOUNT;

/** The amount, or a refusal of what makes it too large, spelt as `param`. */
export function billable(amount: bigint, param: string): bigint {
  if (isTooLarge(amount)) refuse('amount_too_large', `This comes to ${amount} in the smallest unit of the currency; a line comes to at most ${LARGEST_AMOUNT}.`, param);
  return amount;
}

/**
 * How an amount came about: `amount = round(Σ unit_amount_decimal × quantity + flat_amount_decimal)`. For a price per package `quantity` counts packages; `tier` is the tier's index where the
 * price is tiered.
 */
type Derivation = {
  amount: bigint;
  parts: { quantity: string; unit_amount_decimal: string; flat_amount_decimal: string; tier: number | null }[];
};

/** The amount together with the parts that explain it. */
export function derive(terms: PriceTerms, quantity: Decimal): Derivation {
  const parts = partsOf(terms, quantity);
  return {
    amount: sumOf(parts),
    parts: parts.map((part) => ({
      quantity: formatDecimal(part.quantity),
      unit_amount_decimal: formatDecimal(part.unit_amount),
      flat_amount_decimal: formatDecimal(part.flat_amount),
      tier: part.tier,
    })),
  };
}
