/** How a line's amount came about (docs/concepts/bill.md), from its price, its quantity, the usage or the debit that it is about. */
import { boundary, type Period, type Recurrence } from '../calendar.ts';
import type { PriceRow } from '../catalog.ts';
import { leftOf } from '../commitment.ts';
import type { InvoiceLineRow } from '../invoice/invoice.ts';
import { backOf, beyondBilled, beyond, chargedGroups, sumOfUsage, totalsOf, usageBehind, type Used } from '../metering.ts';
import { add, formatDecimal, multiply, percentOf } from '../money.ts';
import { derive, isTooLarge, LARGEST_AMOUNT } from '../pricing/amount.ts';
import { groupsOf } from '../pricing/dimensions.ts';
import type { PriceTerms } from '../pricing/price.ts';
import { itemizedCreditOf, lengthsOf, partOf, type ProrationUnit } from '../proration.ts';
import { termsIn } from '../subscription/lines.ts';
import { addFractions, decimalOf, fraction, fromDecimal, roundFraction, sumOfParts } from './exact.ts';
import type { CorrectedLine, ExplainFacts, Kept, PriceTier, Step, StepOf, Usage } from './explanation.ts';

/** A step of a kind that always has an amount, or a quantity. */
type Amount<Kind extends Step['kind']> = StepOf<Kind> & { amount: bigint };
type Quantity = StepOf<'quantity'> | StepOf<'usage'> | StepOf<'allowance'>;

const LEAF = { exact: null, parts: [] };
const unknown = (missing: StepOf<'unknown'>['missing']): Step => ({ kind: 'unknown', amount: null, missing, ...LEAF });
const unitOf = (line: InvoiceLineRow): ProrationUnit => line.proration_details?.unit ?? 'second';

/** The terms at which the line was priced. The price itself never changes; an amount in a further currency can be changed in the catalogue later, and then the line keeps the one that it was billed at. */
function termsOf(line: InvoiceLineRow, price: PriceRow): PriceTerms | null {
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
const priced = (line: InvoiceLineRow, terms: PriceTerms, quantity: Quantity): Amount<'price'> => ({ kind: 'price', parts: [quantity], price: line.price, ...schemeOf(terms, quantity.quantity) });

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

/** The part of an amount of a full period that falls on its end from `from` on. */
function partStep(of: Amount<'price'>, full_period: Period, from: number, by: ProrationUnit): Amount<'part_of_period'> {
  const period = { start: from, end: full_period.end };
  const { unit, part: seconds, whole: of_seconds } = lengthsOf(full_period, from, by);
  return {
    kind: 'part_of_period', amount: partOf(of.amount, full_period, from, by), exact: fraction(of.amount * BigInt(seconds), BigInt(of_seconds)), parts: [of],
    of: of.amount, unit, seconds, of_seconds, period, full_period,
  };
}

/** On which day of the month the boundaries of a period may lie that ends at `end`: only where the end is the last day of a month, the anchor says which. */
function anchorDays(end: number, recurrence: Recurrence, line: InvoiceLineRow, facts: ExplainFacts): (number | undefined)[] {
  if (recurrence.interval === 'day' || recurrence.interval === 'week') return [undefined];
  const subscription = facts.subscriptions.get(line.subscription ?? '');
  const dayOf = (at: number) => Temporal.Instant.fromEpochMilliseconds(at * 1_000).toZonedDateTimeISO('UTC').day;
  const known = subscription ? [subscription.billing_cycle_anchor_config?.day_of_month ?? dayOf(subscription.billing_cycle_anchor), dayOf(subscription.start_date)] : [];
  return [...new Set([...known, dayOf(end), 29, 30, 31])].filter((day) => boundary(end, recurrence, 0, day) === end);
}

/** The full periods, the last of them ending with the period, that reach back to its start. */
function fullPeriods({ start, end }: Period, recurrence: Recurrence, day: number | undefined): Period[] {
  const periods: Period[] = [];
  for (let k = 0, to = end; to > start; k -= 1) {
    const from = boundary(end, recurrence, k - 1, day);
    periods.unshift({ start: from, end: to });
    to = from;
  }
  return periods;
}

/** The first way of counting periods by which the line is as it stands, else the first one. */
function byPeriods(line: InvoiceLineRow, recurrence: Recurrence, facts: ExplainFacts, made: (periods: Period[]) => Step | null): Step {
  const ways = anchorDays(line.period_end, recurrence, line, facts).flatMap((day) => made(fullPeriods({ start: line.period_start, end: line.period_end }, recurrence, day)) ?? []);
  return ways.find((way) => way.amount === line.amount) ?? ways[0] ?? unknown('period');
}

/** A licensed item's first periods where they are not one full period: each is charged as far as it lies after the start. */
function startStep(line: InvoiceLineRow, full: Amount<'price'>, recurrence: Recurrence, facts: ExplainFacts): Step {
  return byPeriods(line, recurrence, facts, (periods) => {
    const parts = periods.map((period) => partStep(full, period, Math.max(period.start, line.period_start), unitOf(line)));
    return parts.length === 1 ? parts[0]! : { kind: 'sum', amount: parts.reduce((sum, part) => sum + part.amount, 0n), exact: null, parts };
  });
}

/** What a discount takes of the rest of a period. Its share of the full bill is known where it is a part of what the former ones left; of an amount off only what it can be at most. */
function proratedDiscounts(line: InvoiceLineRow, part: StepOf<'part_of_period'>, facts: ExplainFacts): Amount<'discount_in_proration'>[] {
  let [rest, net, known] = [part.of, part.amount!, true];
  return (line.proration_details?.discount_amounts ?? []).map(({ discount, amount }): Amount<'discount_in_proration'> => {
    const source = facts.discounts.get(discount)?.source;
    const percent_off = source?.percent_off ?? null;
    const off = source?.amount_off ?? null;
    const most = percent_off !== null ? percentOf(rest, percent_off) : source?.currency === line.currency && off !== null && off < rest ? off : rest;
    const atMost = partOf(most, part.full_period, line.period_start, unitOf(line));
    const recomputed = known && percent_off !== null;
    known = recomputed;
    if (recomputed) rest -= most;
    const wanted = recomputed || BigInt(amount) > atMost ? atMost : BigInt(amount);
    const taken = wanted < net ? wanted : net;
    net -= taken;
    const exact = recomputed ? fraction(-most * BigInt(part.seconds), BigInt(part.of_seconds)) : null;
    return { kind: 'discount_in_proration', amount: -taken, exact, parts: [], discount, coupon: source?.id ?? null, coupon_name: source?.name ?? null, percent_off, unit: part.unit, seconds: part.seconds, of_seconds: part.of_seconds, recomputed };
  });
}

/** The rest of a period at a new quantity or price, less its part of the discounts. */
function debitStep(line: InvoiceLineRow, full: Amount<'price'>, recurrence: Recurrence, facts: ExplainFacts): Step {
  return byPeriods(line, recurrence, facts, ([period, ...more]) => {
    if (period === undefined || more.length > 0) return null;
    const part = partStep(full, period, line.period_start, unitOf(line));
    const discounts = line.proration_details?.itemized ? [] : proratedDiscounts(line, part, facts);
    if (discounts.length === 0) return part;
    return { kind: 'net', amount: discounts.reduce((net, each) => net + each.amount, part.amount), exact: null, parts: [part, ...discounts] };
  });
}

/** What is given back of a debit: the part that lies after the change, of its net or, where discounts stand beside it, of its gross. */
function creditStep(line: InvoiceLineRow, facts: ExplainFacts): Step {
  const debit = facts.debits.get(line.id);
  if (!debit || debit.end <= debit.start) return unknown('debit');
  const from = Math.max(line.period_start, debit.start);
  const { unit, part, whole: of_seconds } = lengthsOf(debit, from, unitOf(line));
  const seconds = Math.max(0, part);
  const before_discounts = line.proration_details?.itemized === true;
  const of = before_discounts ? debit.discounts.reduce((sum, each) => sum + BigInt(each.amount), debit.net) : debit.net;
  const exact = fraction(-of * BigInt(seconds), BigInt(of_seconds));
  return { kind: 'credit', amount: roundFraction(exact), exact, parts: [], debit, unit, seconds, of_seconds, from, of, before_discounts };
}

/** What of a debit's discounts goes back with its credit. */
function creditedDiscounts(line: InvoiceLineRow, { debit, from }: StepOf<'credit'>, facts: ExplainFacts): StepOf<'credited_discount'>[] {
  const discounts = debit.discounts.map(({ discount, amount }) => ({ discount, amount: BigInt(amount) }));
  const { gross, net, discount_amounts } = itemizedCreditOf(debit, discounts, from, unitOf(line));
  const of = discounts.reduce((sum, each) => sum + each.amount, 0n);
  return discount_amounts.map(({ discount, amount }, n) => {
    const source = facts.discounts.get(discount)?.source;
    return { kind: 'credited_discount', amount: -amount, exact: of === 0n ? null : fraction((net - gross) * discounts[n]!.amount, of), parts: [], discount, coupon: source?.id ?? null, coupon_name: source?.name ?? null, took: discounts[n]!.amount, of, shared: net - gross };
  });
}

/** The discounts of a proration whose amount is before them, computed again; null for any other line. */
export function itemizedSteps(line: InvoiceLineRow, derivation: Step, facts: ExplainFacts): (StepOf<'discount_in_proration'> | StepOf<'credited_discount'>)[] | null {
  if (!line.proration_details?.itemized) return null;
  return derivation.kind === 'credit' ? creditedDiscounts(line, derivation, facts) : derivation.kind === 'part_of_period' ? proratedDiscounts(line, derivation, facts) : [];
}

/** A line of 0 that is of a trial: the subscription's, or one that was before it and is known by its words only. */
function isTrial(line: InvoiceLineRow, facts: ExplainFacts): boolean {
  if (line.amount !== 0n || line.subscription_item === null || line.proration) return false;
  const subscription = facts.subscriptions.get(line.subscription ?? '');
  const within = subscription?.trial_end != null && subscription.trial_start! <= line.period_start && line.period_start < subscription.trial_end;
  return within || (line.description ?? '').startsWith('Free trial of ');
}

/** What was counted, and never less than nothing. */
function usageStep(line: InvoiceLineRow, facts: ExplainFacts): StepOf<'usage'> | null {
  const usage = facts.usage.get(line.id);
  return usage ? stepOfUsage(line, usage) : null;
}

function stepOfUsage(line: InvoiceLineRow, usage: Usage): StepOf<'usage'> {
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

const quantityStep = (line: InvoiceLineRow, facts: ExplainFacts): StepOf<'quantity'> =>
  ({ kind: 'quantity', amount: null, quantity: line.quantity_decimal ?? '1', source: line.subscription_item === null ? 'given' : 'licensed', history: facts.quantities?.get(line.id) ?? [], ...LEAF });

/** An amount that somebody gave, or a unit amount of theirs times a quantity. */
function givenStep(line: InvoiceLineRow, facts: ExplainFacts): Step {
  const { unit_amount_decimal: unit, quantity_decimal: quantity } = line;
  if (unit === null || quantity === null || (quantity === '1' && unit === line.amount.toString())) return { kind: 'given', amount: line.amount, ...LEAF };
  const exact = fromDecimal(multiply(decimalOf(unit), decimalOf(quantity)));
  const tiers = [{ quantity, unit_amount_decimal: unit, flat_amount_decimal: '0', tier: null, from: 0, up_to: null }];
  return { kind: 'price', amount: roundFraction(exact), exact, parts: [quantityStep(line, facts)], price: null, scheme: 'per_unit', quantity, divide_by: null, round: null, tiers };
}

/** A line of usage at another quantity than it billed: what was included, and what was billed before it, stays. */
function atQuantity(line: InvoiceLineRow, terms: PriceTerms, quantity: string, groups: readonly string[] | undefined): Step {
  const used = groups ?? usageBehind(quantity, line.metering);
  const known: StepOf<'quantity'> = { kind: 'quantity', amount: null, quantity: line.metering?.allowance ? quantity : formatDecimal(sumOfUsage(used)), source: 'billed', history: [], ...LEAF };
  return restStep(line, pricedUsage(line, terms, known, used));
}

/** A line of usage at what its meter counted. */
const usageAmount = (line: InvoiceLineRow, terms: PriceTerms, known: StepOf<'usage'>): Step => restStep(line, pricedUsage(line, terms, known, known.usage.groups ?? known.quantity));

/** As it was recorded when the correction was made: what credit notes had taken by then. */
function keptOf({ correction }: InvoiceLineRow): Kept {
  const { before, after } = correction!.kept ?? {};
  return { before: before === undefined ? null : BigInt(before), after: after === undefined ? null : BigInt(after) };
}

/** What usage is made up by as it is known now, less what it was made up by before. */
function madeUpStep(line: InvoiceLineRow, agreed: bigint, left: bigint, corrected: CorrectedLine, facts: ExplainFacts): Step {
  const found = facts.made_up.get(line.id);
  if (!found) return unknown('corrected');
  const parts: Step[] = [];
  let used = 0n;
  for (const { row, usage } of found.usage) {
    const price = facts.prices.get(row.price ?? '');
    const terms = price ? termsOf(row, price) : null;
    if (!terms || !usage) return unknown(terms ? 'usage' : 'price');
    const known = usageAmount(row, terms, stepOfUsage(row, usage));
    parts.push(known);
    used += known.amount!;
  }
  const short = left > used ? left - used : 0n;
  const made_up: Step = { kind: 'commitment', amount: short, exact: null, parts, commitment: agreed, used: used + agreed - left, elsewhere: agreed - left };
  const kept = keptOf(line);
  return { kind: 'correction', amount: (kept.after ?? short) - found.before, exact: null, parts: [made_up], corrected, before: null, after: agreed.toString(), kept, billed: null };
}

/** What takes back what put a line right whose invoice was voided since: the line as it was billed, less what it had been put right to. */
function undoneStep(line: InvoiceLineRow, billed: InvoiceLineRow, corrected: CorrectedLine, facts: ExplainFacts): Step {
  const { quantity } = line.correction!;
  const kept = keptOf(line);
  const step = { kind: 'correction' as const, exact: null, corrected, before: quantity?.before ?? null, after: quantity?.after ?? billed.commitment, kept, billed: billed.amount };
  if (quantity === null) {
    const found = facts.made_up.get(line.id);
    return found ? { ...step, amount: billed.amount - found.before, parts: [] } : unknown('corrected');
  }
  const price = facts.prices.get(billed.price ?? '');
  const terms = price ? termsOf(billed, price) : null;
  if (!terms) return unknown('price');
  const was = atQuantity(billed, terms, quantity.before, quantity.groups?.map((group) => group.before));
  return { ...step, amount: billed.amount - (kept.before ?? was.amount!), parts: [was] };
}

/** What puts an earlier line right: that line with the quantity that is known now, less what it was with the quantity that was billed. Where only its part of a discount changed, that is nothing. */
function correctionStep(line: InvoiceLineRow, facts: ExplainFacts): Step {
  const { quantity } = line.correction!;
  const found = facts.corrected.get(line.correction!.line);
  if (!found) return unknown('corrected');
  const corrected = correctedLine(found);
  if (line.correction!.undone && (quantity !== null || found.row.commitment !== null)) return undoneStep(line, found.row, corrected, facts);
  if (found.row.commitment !== null) return madeUpStep(line, BigInt(found.row.commitment), BigInt(line.correction!.commitment ?? leftOf(found.row)), corrected, facts);
  const kept = keptOf(line);
  if (quantity === null) return { kind: 'correction', amount: kept.after === null ? 0n : line.amount, exact: null, parts: [], corrected, before: null, after: null, kept, billed: null };
  const price = facts.prices.get(found.row.price ?? '');
  const terms = price ? termsOf(found.row, price) : null;
  if (!terms) return unknown('price');
  const known = usageStep(line, facts);
  if (!known) return unknown('usage');
  const parts = [usageAmount(found.row, terms, known), atQuantity(found.row, terms, quantity.before, quantity.groups?.map((group) => group.before))];
  return { kind: 'correction', amount: (kept.after ?? parts[0]!.amount!) - (kept.before ?? parts[1]!.amount!), exact: null, parts, corrected, before: quantity.before, after: quantity.after, kept, billed: null };
}

const correctedLine = ({ row, number }: { row: InvoiceLineRow; number: string | null }): CorrectedLine => ({ invoice: row.invoice, invoice_number: number, line: row.id, description: row.description });

/** What a correction gives back, or charges, of a discount or a tax: the difference of the two invoices, as it was worked out then. So is what goes back with usage that was billed early. */
export function correctedParts(line: InvoiceLineRow, of: 'discount' | 'tax', facts: ExplainFacts): StepOf<'corrected'>[] {
  const found = facts.corrected.get((line.correction ?? backOf(line))!.line);
  if (!found) return [];
  const parts = of === 'discount' ? line.discount_amounts.map(({ discount, amount }) => ({ id: discount, amount: -amount })) : line.taxes.map(({ tax_rate, amount }) => ({ id: tax_rate, amount }));
  return parts.map(({ id, amount }) => ({ kind: 'corrected', amount: BigInt(amount), of, id, corrected: correctedLine(found), ...LEAF }));
}

/** The line's amount, computed again. */
export function deriveLine(line: InvoiceLineRow, facts: ExplainFacts): Step {
  if (line.correction !== null) return correctionStep(line, facts);
  if (line.proration && line.proration_details?.credited_items) return creditStep(line, facts);
  if (line.price === null) return givenStep(line, facts);
  if (isTrial(line, facts)) return { kind: 'trial', amount: 0n, period: { start: line.period_start, end: line.period_end }, ...LEAF };
  const price = facts.prices.get(line.price);
  const terms = price ? termsOf(line, price) : null;
  if (!price || !terms) return unknown('price');
  const metered = price.recurring?.usage_type === 'metered';
  if (metered) {
    const usage = usageStep(line, facts);
    return usage === null ? unknown('usage') : usageAmount(line, terms, usage);
  }
  const full = priced(line, terms, quantityStep(line, facts));
  if (!line.proration || price.recurring === null) return full;
  return line.invoice_item === null ? startStep(line, full, price.recurring, facts) : debitStep(line, full, price.recurring, facts);
}
