/** An invoice explained: every amount on it computed again from stored facts, and compared with what is written. */
import { leftOfCommitment, madeUpBy, shortOf, usedAmount } from '../commitment.ts';
import { workOut } from '../invoice/draft.ts';
import { sumOf, type InvoiceLineRow, type InvoiceWhole } from '../invoice/invoice.ts';
import { applyBalance } from '../invoice/totals.ts';
import { backOf } from '../metering.ts';
import { compare, formatDecimal, minor, positive, subtract } from '../money.ts';
import { discountSteps, taxSteps } from './assess.ts';
import { decimalOf } from './exact.ts';
import type { Difference, ExplainFacts, Explanation, LineExplanation, Step, Total, TotalKind } from './explanation.ts';
import { correctedParts } from './correction.ts';
import { deriveLine, itemizedSteps } from './line.ts';

/** The invoice, whatever its state, or one that would be made. Discounts, taxes and sums are computed from the lines' amounts as they are written: a wrong amount is told once, and what was not computed from it besides. */
export function explainInvoice(invoice: InvoiceWhole, facts: ExplainFacts): Explanation {
  const anew = workOut(invoice);
  const explained = invoice.lines.map((line, n) => explainLine(line, anew, anew.lines[n]!, facts));
  const totals = totalsOf(invoice, anew);
  const differences = [...explained.flatMap((each) => each.differences), ...totals.flatMap((each) => each.differences)];
  return {
    invoice: invoice.id,
    number: invoice.number,
    currency: invoice.currency,
    agrees: differences.length === 0,
    differences,
    lines: explained.map((each) => each.line),
    totals: totals.map((each) => each.total),
  };
}

const difference = (line: string | null, field: string, stated: bigint, recomputed: bigint): Difference[] =>
  stated === recomputed ? [] : [{ line, field, stated, recomputed, difference: stated - recomputed }];

/** Amounts by what they are of, each side with those that the other one lacks. */
function differencesOf(line: string, field: string, stated: readonly (readonly [string, number])[], recomputed: readonly (readonly [string, number])[]): Difference[] {
  const [written, computed] = [new Map(stated), new Map(recomputed)];
  return [...new Set([...written.keys(), ...computed.keys()])].flatMap((id) => difference(line, `${field}[${id}]`, BigInt(written.get(id) ?? 0), BigInt(computed.get(id) ?? 0)));
}

/** A quantity that was counted is counted again: that of the line, or the one to which it corrects another. */
function quantityDifference(line: InvoiceLineRow, step: Step, facts: ExplainFacts): Difference[] {
  const { quantity, metering } = line.correction === null ? { quantity: line.quantity_decimal, metering: line.metering } : { quantity: line.correction.quantity?.after ?? null, metering: facts.corrected.get(line.correction.line)?.row.metering };
  const found = step.kind === 'usage' ? subtract(decimalOf(step.quantity), decimalOf(metering?.billed?.quantity ?? '0')) : null;
  if (found === null) return step.parts.flatMap((part) => quantityDifference(line, part, facts));
  if (quantity === null || compare(found, decimalOf(quantity)) === 0) return [];
  return [{ line: line.id, field: 'quantity', stated: quantity, recomputed: formatDecimal(found), difference: null }];
}

/** What is missing of a commitment once the usage on the invoice, and on others, is set against it. */
function commitmentStep(line: InvoiceLineRow, lines: readonly InvoiceLineRow[]): Step {
  const usage = madeUpBy(line, lines);
  const elsewhere = BigInt(line.commitment_billed ?? 0);
  return { kind: 'commitment', amount: shortOf(usage, leftOfCommitment(line)), exact: null, parts: [], commitment: BigInt(line.commitment!), used: usedAmount(usage) + elsewhere, elsewhere };
}

function explainLine(line: InvoiceLineRow, anew: InvoiceWhole, assessed: InvoiceLineRow, facts: ExplainFacts): { line: LineExplanation; differences: Difference[] } {
  const derivation = line.commitment === null ? deriveLine(line, facts) : commitmentStep(line, anew.lines);
  const { amount } = derivation;
  const itemized = itemizedSteps(line, derivation, facts);
  const isGiven = line.correction !== null || backOf(line) !== null;
  const discounts = itemized?.map((step) => [step.discount, minor(-step.amount!)] as const) ?? assessed.discount_amounts.map((each) => [each.discount, each.amount] as const);
  const differences = [
    ...(amount === null ? [{ line: line.id, field: 'amount', stated: line.amount, recomputed: null, difference: null }] : difference(line.id, 'amount', line.amount, amount)),
    ...quantityDifference(line, derivation, facts),
    ...differencesOf(line.id, 'discount_amounts', line.discount_amounts.map((each) => [each.discount, each.amount] as const), discounts),
    ...differencesOf(line.id, 'taxes', line.taxes.map((each) => [each.tax_rate, each.amount] as const), assessed.taxes.map((each) => [each.tax_rate, each.amount] as const)),
  ];
  return {
    differences,
    line: {
      line: line.id,
      description: line.description,
      amount: line.amount,
      period: { start: line.period_start, end: line.period_end },
      derivation,
      discounts: itemized ?? (isGiven ? correctedParts(line, 'discount', facts) : discountSteps(anew, assessed)),
      credits: line.credits.map(({ credit_grant, name, amount }) => ({ kind: 'credit_grant', amount: BigInt(-amount), exact: null, parts: [], credit_grant, name })),
      taxes: isGiven ? correctedParts(line, 'tax', facts) : taxSteps(anew, assessed),
      agrees: differences.length === 0,
    },
  };
}

/** What of a total is due where the customer's balance has met it, before credit notes, and the balance before and after. */
function settled(invoice: InvoiceWhole, total: bigint) {
  if (invoice.ending_balance === null) return { due: positive(total), starting: 0n, ending: 0n };
  const { amount_due, ending_balance } = applyBalance(total, invoice.starting_balance);
  return { due: amount_due, starting: invoice.starting_balance, ending: ending_balance };
}

function totalsOf(invoice: InvoiceWhole, anew: InvoiceWhole): { total: Total; differences: Difference[] }[] {
  const total = (kind: TotalKind, stated: bigint, amount: bigint, from: Total['from']) => {
    const differences = difference(null, kind, stated, amount);
    return { total: { kind, amount, agrees: differences.length === 0, from }, differences };
  };
  const taxes = (of: InvoiceWhole, behavior: string) => sumOf(of.total_taxes.filter((tax) => tax.tax_behavior === behavior));
  const [discounts, exclusive, inclusive] = [sumOf(anew.total_discount_amounts), taxes(anew, 'exclusive'), taxes(anew, 'inclusive')];
  const { due: billed, starting, ending } = settled(invoice, anew.total);
  const { pre_payment_credit_notes_amount: credited, post_payment_credit_notes_amount: given_back } = invoice;
  const due = billed - credited;
  const balance = invoice.ending_balance === null ? [] : [total('balance', invoice.ending_balance, ending, { starting_balance: starting, ending_balance: ending, applied: billed - anew.total })];
  const notes = credited + given_back === 0n ? [] : [total('credit_notes', credited + given_back, credited + given_back, { before_payment: credited, after_payment: given_back })];
  return [
    total('subtotal', invoice.subtotal, anew.subtotal, {}),
    total('subtotal_excluding_tax', invoice.subtotal_excluding_tax, anew.subtotal_excluding_tax, { subtotal: anew.subtotal, inclusive_taxes: anew.subtotal - anew.subtotal_excluding_tax }),
    total('discounts', sumOf(invoice.total_discount_amounts), discounts, {}),
    ...(anew.credits_applied + invoice.credits_applied === 0n ? [] : [total('credits', invoice.credits_applied, anew.credits_applied, {})]),
    total('exclusive_taxes', taxes(invoice, 'exclusive'), exclusive, {}),
    total('total', invoice.total, anew.total, { subtotal: anew.subtotal, discounts, credits: anew.credits_applied, exclusive_taxes: exclusive }),
    total('total_excluding_tax', invoice.total_excluding_tax, anew.total_excluding_tax, { total: anew.total, exclusive_taxes: exclusive, inclusive_taxes: inclusive }),
    ...balance,
    ...notes,
    total('amount_due', invoice.amount_due, due, { total: anew.total, balance: billed - anew.total, credit_notes: credited }),
    total('amount_paid', invoice.amount_paid, invoice.amount_paid, { off_stripe: invoice.amount_paid_off_stripe }),
    total('amount_remaining', invoice.amount_remaining, due - invoice.amount_paid, { amount_due: due, amount_paid: invoice.amount_paid }),
  ];
}
