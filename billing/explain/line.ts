/** How a line's amount came about (docs/concepts/bill.md), from its price, its quantity, the usage or the debit that it is about. */
import { boundary, type Period, type Recurrence } from '../calendar.ts';
import { exactDiscounts, sumOf, type InvoiceLineRow } from '../invoice/invoice.ts';
import { least, multiply, percentOf } from '../money.ts';
import { itemizedCreditOf, lengthsOf, partOf, type ProrationUnit } from '../proration.ts';
import { correctionStep } from './correction.ts';
import { decimalOf, fraction, fromDecimal, roundFraction } from './exact.ts';
import type { ExplainFacts, Step, StepOf } from './explanation.ts';
import { LEAF, priced, quantityStep, termsOf, unknown, usageAmount, usageStep, type Amount } from './priced.ts';

const unitOf = (line: InvoiceLineRow): ProrationUnit => line.proration_details?.unit ?? 'second';

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
    const taken = least(wanted, net);
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
  const of = before_discounts ? debit.net + sumOf(debit.discounts) : debit.net;
  const exact = fraction(-of * BigInt(seconds), BigInt(of_seconds));
  return { kind: 'credit', amount: roundFraction(exact), exact, parts: [], debit, unit, seconds, of_seconds, from, of, before_discounts };
}

/** What of a debit's discounts goes back with its credit. */
function creditedDiscounts(line: InvoiceLineRow, { debit, from }: StepOf<'credit'>, facts: ExplainFacts): StepOf<'credited_discount'>[] {
  const discounts = exactDiscounts(debit.discounts);
  const { gross, net, discount_amounts } = itemizedCreditOf(debit, discounts, from, unitOf(line));
  const of = sumOf(debit.discounts);
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
/** An amount that somebody gave, or a unit amount of theirs times a quantity. */
function givenStep(line: InvoiceLineRow, facts: ExplainFacts): Step {
  const { unit_amount_decimal: unit, quantity_decimal: quantity } = line;
  if (unit === null || quantity === null || (quantity === '1' && unit === line.amount.toString())) return { kind: 'given', amount: line.amount, ...LEAF };
  const exact = fromDecimal(multiply(decimalOf(unit), decimalOf(quantity)));
  const tiers = [{ quantity, unit_amount_decimal: unit, flat_amount_decimal: '0', tier: null, from: 0, up_to: null }];
  return { kind: 'price', amount: roundFraction(exact), exact, parts: [quantityStep(line, facts)], price: null, scheme: 'per_unit', quantity, divide_by: null, round: null, tiers };
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
