/** A quantity at its price, and the usage behind it (docs/concepts/bill.md, "The amount of a quantity at a price"). */
import type { PriceRow } from '../catalog.ts';
import type { InvoiceLineRow } from '../invoice/invoice.ts';
import { beyondBilled, beyond, chargedGroups, sumOfUsage, totalsOf, usageBehind, type Used } from '../metering.ts';
import { add, formatDecimal } from '../money.ts';
import { derive, isTooLarge, LARGEST_AMOUNT } from '../pricing/amount.ts';
import { groupsOf } from '../pricing/dimensions.ts';
import type { PriceTerms } from '../pricing/price.ts';
import { termsIn } from '../subscription/terms.ts';
import { addFractions, decimalOf, roundFraction, sumOfParts } from './exact.ts';
import type { ExplainFacts, PriceTier, Step, StepOf, Usage } from './explanation.ts';

/** A step of a kind that always has an amount, or a quantity. */
export type Amount<Kind extends Step['kind']> = StepOf<Kind> & { amount: bigint };
type Quantity = StepOf<'quantity'> | StepOf<'usage'> | StepOf<'allowance'>;

export const LEAF = { exact: null, parts: [] };
export const unknown = (missing: StepOf<'unknown'>['missing']): Step => ({ kind: 'unknown', amount: null, missing, ...LEAF });

/** The terms at which the line was priced. The price itself never changes; an amount in a further currency can be changed in the catalogue later, and then the line keeps the one that it was billed at. */
export function termsOf(line: InvoiceLineRow, price: PriceRow): PriceTerms | null {
  const terms = termsIn(price, line.currency);
  const unit = line.unit_amount_decimal;
  if (unit === null || price.currency === line.currency || terms?.unit_amount_decimal === unit) return terms;
  return { ...(terms ?? price), unit_amount_decimal: unit, tiers: null, billing_scheme: 'per_unit', tiers_mode: null };
}

/** How terms price a quantity: by which scheme, tier by tier. */
function schemeOf(terms: PriceTerms, quantity: string) {
  const { amount, parts } = derive(terms, decimalOf(quantity));
  const tiers = parts.map((part): PriceTier => {
    const { tier } = part;
    const bound = (n: number) => Number(terms.tiers![n]!.up_to);
    const up_to = tier === null || terms.tiers![tier]!.up_to === null ? null : bound(tier);
    return { ...part, from: tier === null || tier === 0 ? 0 : bound(tier - 1), up_to };
  });
  const pack = terms.transform_quantity;
  const scheme: StepOf<'price'>['scheme'] = terms.tiers_mode !== null && terms.billing_scheme === 'tiered' ? terms.tiers_mode : pack !== null ? 'package' : 'per_unit';
  return { amount, exact: sumOfParts(parts), quantity, tiers, scheme, divide_by: pack?.divide_by ?? null, round: pack?.round ?? null };
}

/** A quantity at a price. */
export const priced = (line: InvoiceLineRow, terms: PriceTerms, quantity: Quantity): Amount<'price'> => ({ kind: 'price', parts: [quantity], price: line.price, ...schemeOf(terms, quantity.quantity) });

/** Usage at a price, beyond what is included: where the price has several groups, each at its own terms. */
function pricedUsage(line: InvoiceLineRow, terms: PriceTerms, usage: StepOf<'quantity'> | StepOf<'usage'>, used: Used): Amount<'price'> | Amount<'groups'> {
  const allowance = line.metering?.allowance ?? null;
  const totals = totalsOf(used, groupsOf(terms).length);
  const charged = beyond(totals, allowance);
  const quantity: Quantity = allowance === null ? usage : { kind: 'allowance', amount: null, exact: null, parts: [usage], quantity: formatDecimal(charged.reduce(add)), allowance };
  if (totals.length === 1) return priced(line, terms, quantity);
  const groups = chargedGroups(terms, totals).map(({ n, name, dimensions, terms: own }): StepOf<'group'> => ({ kind: 'group', name, dimensions, used: formatDecimal(totals[n]!), parts: [], ...schemeOf(own, formatDecimal(charged[n]!)), amount: null }));
  const exact = groups.map((group) => group.exact!).reduce(addFractions);
  return { kind: 'groups', amount: roundFraction(exact), exact, parts: [quantity, ...groups], price: line.price };
}

export function usageStep(line: InvoiceLineRow, facts: ExplainFacts): StepOf<'usage'> | null {
  const usage = facts.usage.get(line.id);
  return usage ? stepOfUsage(line, usage) : null;
}

export function stepOfUsage(line: InvoiceLineRow, usage: Usage): StepOf<'usage'> {
  const quantity = formatDecimal(totalsOf(usage.groups ?? usage.counted, usage.groups?.length ?? 1).reduce(add));
  return { kind: 'usage', amount: null, quantity, usage, period: { start: line.period_start, end: line.period_end }, ...LEAF };
}

/** The usage of a whole period of which a part was billed before. */
function restStep(line: InvoiceLineRow, full: Amount<'price'> | Amount<'groups'>): Step {
  const billed = line.metering?.billed ?? null;
  if (isTooLarge(full.amount - BigInt(billed?.amount ?? 0))) return { kind: 'held', amount: 0n, exact: null, parts: full.parts, comes_to: full.amount.toString(), largest: LARGEST_AMOUNT };
  if (billed === null) return full;
  const amount = beyondBilled(full.amount, billed);
  const left = amount === full.amount - BigInt(billed.amount) ? null : -amount;
  return { kind: 'billed_before', amount, exact: null, parts: [full], quantity: line.quantity_decimal ?? '0', billed: BigInt(billed.amount), billed_quantity: billed.quantity, left };
}

export const quantityStep = (line: InvoiceLineRow, facts: ExplainFacts): StepOf<'quantity'> =>
  ({ kind: 'quantity', amount: null, quantity: line.quantity_decimal ?? '1', source: line.subscription_item === null ? 'given' : 'licensed', history: facts.quantities?.get(line.id) ?? [], ...LEAF });

/** A line of usage at another quantity than it billed: what was included, and what was billed before it, stays. */
export function atQuantity(line: InvoiceLineRow, terms: PriceTerms, quantity: string, groups: readonly string[] | undefined): Step {
  const used = groups ?? usageBehind(quantity, line.metering);
  const known: StepOf<'quantity'> = { kind: 'quantity', amount: null, quantity: line.metering?.allowance ? quantity : formatDecimal(sumOfUsage(used)), source: 'billed', history: [], ...LEAF };
  return restStep(line, pricedUsage(line, terms, known, used));
}

/** A line of usage at what its meter counted. */
export const usageAmount = (line: InvoiceLineRow, terms: PriceTerms, known: StepOf<'usage'>): Step => restStep(line, pricedUsage(line, terms, known, known.usage.groups ?? known.quantity));
