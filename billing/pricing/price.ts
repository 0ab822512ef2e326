/** What a price says about amounts, read once into exact numbers, and the shape in which each way of pricing answers. */
import { assert } from '../decision.ts';
import { fromBigint, parseDecimal, ZERO, type Decimal } from '../money.ts';
import type { DimensionTerms } from './dimensions.ts';

/** A tier reaches up to and including the whole number `up_to`, null being infinity (`inf` on the wire). Amounts are minor units with up to 12 decimal places; null counts as 0. */
export type Tier = { readonly up_to: bigint | number | null; readonly unit_amount_decimal: string | null; readonly flat_amount_decimal: string | null };

/** The terms of a price, spelt as on the wire; a row of the catalogue fits. They are read once and remembered by identity: a terms object must not change after its first use. */
export type PriceTerms = {
  readonly billing_scheme: 'per_unit' | 'tiered';
  readonly unit_amount_decimal: string | null;
  readonly tiers: readonly Tier[] | null;
  readonly tiers_mode: 'graduated' | 'volume' | null;
  readonly transform_quantity: { readonly divide_by: number; readonly round: 'up' | 'down' } | null;
  /** What usage with some values of its meter's dimensions costs instead. */
  readonly dimension_prices?: readonly DimensionTerms[] | null;
};

/** One addend of an amount: `unit_amount × quantity + flat_amount`, exact and not yet rounded. `tier` is the tier's index where the price is tiered. */
export type Part = { readonly quantity: Decimal; readonly unit_amount: Decimal; readonly flat_amount: Decimal; readonly tier: number | null };

/** A way of pricing: the addends for a quantity ≥ 0. The amount is the rounded sum of them, "one line, one rounding". */
export type Way = (rates: Rates, quantity: Decimal) => Part[];

/** A price's terms as exact numbers. `up_to` is null for infinity. */
type Rates = {
  readonly unit_amount: Decimal | null;
  readonly tiers: readonly { readonly up_to: Decimal | null; readonly unit_amount: Decimal; readonly flat_amount: Decimal }[];
  readonly divide_by: bigint;
  readonly round: 'up' | 'down';
};

const read = new WeakMap<PriceTerms, Rates>();

/** The terms' rates, read at the first use. Ill-formed terms are our mistake: what a caller sends is checked before it becomes a price. */
export function ratesOf(terms: PriceTerms): Rates {
  const known = read.get(terms);
  if (known !== undefined) return known;
  const rates: Rates = {
    unit_amount: terms.unit_amount_decimal === null ? null : exact(terms.unit_amount_decimal),
    tiers: (terms.tiers ?? []).map((tier) => ({
      up_to: tier.up_to === null ? null : fromBigint(BigInt(tier.up_to)),
      unit_amount: exact(tier.unit_amount_decimal),
      flat_amount: exact(tier.flat_amount_decimal),
    })),
    divide_by: BigInt(terms.transform_quantity?.divide_by ?? 1),
    round: terms.transform_quantity?.round ?? 'up',
  };
  read.set(terms, rates);
  return rates;
}

function exact(text: string | null): Decimal {
  if (text === null) return ZERO;
  const decimal = parseDecimal(text);
  assert(decimal !== null, `a price's amount is a plain decimal, not ${text}`);
  return decimal;
}

/** The first thing that is wrong with a price's tiers, or null. `param` is spelt as on the wire, e.g. `tiers[1][up_to]`. */
export function checkTiers(tiers: readonly Tier[]): { param: string; message: string } | null {
  if (tiers.length === 0) return { param: 'tiers', message: 'A tiered price needs at least one tier.' };
  let reached: bigint | number = 0n;
  for (const [index, tier] of tiers.entries()) {
    if (tier.unit_amount_decimal === null && tier.flat_amount_decimal === null) {
      return { param: `tiers[${index}]`, message: 'Each tier needs a `unit_amount`, a `flat_amount` or both.' };
    }
    const last = index === tiers.length - 1;
    if (last !== (tier.up_to === null)) {
      return { param: `tiers[${index}][up_to]`, message: last ? 'The last tier must be without an upper limit: `up_to` must be `inf`.' : 'Only the last tier may have an `up_to` of `inf`.' };
    }
    if (tier.up_to === null) continue;
    if (tier.up_to <= reached) {
      const message = index === 0 ? 'The `up_to` of the first tier must be greater than 0.' : "Tiers must ascend: each `up_to` must be greater than the previous tier's.";
      return { param: `tiers[${index}][up_to]`, message };
    }
    reached = tier.up_to;
  }
  return null;
}
