/**
 * Prices by the values of a meter's dimensions (docs/concepts/bill.md, "Prices by dimension"): usage falls into groups, one for each entry that has its values and one for the rest, and each group is
 * priced by its own terms. Together they are one amount, rounded once.
 */
import type { PriceTerms } from './price.ts';

/** An entry of a price: what usage costs that has, in each dimension that is named, one of these values. */
export type DimensionTerms = Pick<PriceTerms, 'unit_amount_decimal' | 'tiers' | 'tiers_mode'> & {
  /** How bills call it; null for its values. */
  readonly name: string | null;
  readonly dimensions: Readonly<Record<string, readonly string[]>>;
};

/** What is priced alike. `dimensions` is null for the rest, which comes last and is called `other`. */
export type Group = { readonly name: string; readonly dimensions: DimensionTerms['dimensions'] | null; readonly terms: PriceTerms };

const known = new WeakMap<PriceTerms, readonly Group[]>();

/** The groups of a price in the order of its entries, the rest last; a price that is the same for all usage has the rest only. */
export function groupsOf(terms: PriceTerms): readonly Group[] {
  const found = known.get(terms);
  if (found !== undefined) return found;
  const entries = (terms.dimension_prices ?? []).map(({ name, dimensions, ...amounts }): Group => ({
    name: name ?? Object.values(dimensions).map((values) => values.join(' or ')).join(', '),
    dimensions,
    terms: { ...amounts, billing_scheme: amounts.tiers === null ? 'per_unit' : 'tiered', transform_quantity: amounts.tiers === null ? terms.transform_quantity : null },
  }));
  const groups = [...entries, { name: 'other', dimensions: null, terms }];
  known.set(terms, groups);
  return groups;
}

/** The number of the group into which usage with these values falls: that of the first entry which has them, or of the rest. */
export function groupOf(entries: readonly Pick<DimensionTerms, 'dimensions'>[], values: Readonly<Record<string, string>>): number {
  const found = entries.findIndex(({ dimensions }) => Object.entries(dimensions).every(([key, wanted]) => Object.hasOwn(values, key) && wanted.includes(values[key]!)));
  return found < 0 ? entries.length : found;
}

/** The number of an earlier entry that takes all usage which an entry is for, or -1. */
export function takenBefore(entries: readonly Pick<DimensionTerms, 'dimensions'>[], n: number): number {
  const later = entries[n]!.dimensions;
  return entries.slice(0, n).findIndex(({ dimensions }) => Object.entries(dimensions).every(([key, values]) => Object.hasOwn(later, key) && later[key]!.every((value) => values.includes(value))));
}
