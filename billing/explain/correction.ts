/** What puts an earlier line right (docs/concepts/outcomes.md, "After the invoice"): that line as its usage is known now, less what it was before. */
import { leftOfCommitment } from '../commitment.ts';
import type { InvoiceLineRow } from '../invoice/invoice.ts';
import { backOf } from '../metering.ts';
import { positive } from '../money.ts';
import type { CorrectedLine, ExplainFacts, Kept, Step, StepOf } from './explanation.ts';
import { atQuantity, LEAF, stepOfUsage, termsOf, unknown, usageAmount, usageStep } from './priced.ts';

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
  const short = positive(left - used);
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
export function correctionStep(line: InvoiceLineRow, facts: ExplainFacts): Step {
  const { quantity } = line.correction!;
  const found = facts.corrected.get(line.correction!.line);
  if (!found) return unknown('corrected');
  const corrected = correctedLine(found);
  if (line.correction!.undone && (quantity !== null || found.row.commitment !== null)) return undoneStep(line, found.row, corrected, facts);
  if (found.row.commitment !== null) return madeUpStep(line, BigInt(found.row.commitment), BigInt(line.correction!.commitment ?? leftOfCommitment(found.row)), corrected, facts);
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
