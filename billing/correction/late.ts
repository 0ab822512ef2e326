/** Late usage meets credit as usage does that is on time: when the invoice that bills it is finalised (docs/concepts/outcomes.md, "After the invoice"). */
import type { Decision, Moment } from '../decision.ts';
import { afterDiscounts, storedTaxes, sumOf, type InvoiceLineRow, type InvoiceWhole, type StoredCredit } from '../invoice/invoice.ts';
import { least, positive } from '../money.ts';
import { taxLine, type TaxExempt, type TaxRate } from '../tax.ts';
import { combine, correctLines, moneyOf, NOTHING, stored, type Money } from './correction.ts';

/** A line of usage that was billed and that a correction puts right which no finalised invoice has yet. In minor units. */
export type LateLine = {
  currency: string;
  /** What it comes to after discounts: as it has been billed by now, and with all corrections. */
  billed: bigint;
  known: bigint;
  /** What credits give to it, with all corrections. */
  credited: bigint;
  /** By which it was taxed, and will be. */
  rates: readonly TaxRate[];
  exempt: TaxExempt;
};

/** Late lines by their ids. */
export type LateLines = ReadonlyMap<string, LateLine>;

const afterDiscountsOf = ({ amount, discounts }: Money): bigint => [...discounts.values()].reduce((rest, off) => rest - BigInt(off), amount);
const creditsOf = ({ credits }: Money): bigint => sumOf([...credits.values()]);

/** A line that was billed, with what its corrections come to: all of them, and those that have been billed. */
export function lateLine(line: InvoiceLineRow, { all, billed }: { all: Money; billed: Money }, currency: string, rates: readonly TaxRate[], exempt: TaxExempt): LateLine {
  const first = afterDiscounts(line);
  return { currency, billed: first + afterDiscountsOf(billed), known: first + afterDiscountsOf(all), credited: sumOf(line.credits) + creditsOf(all), rates, exempt };
}

/** What of its usage no invoice has billed yet; nothing where it was billed too much. */
export const unbilledOf = ({ billed, known }: LateLine): bigint => positive(known - billed);

/** So much of a line can be met by credit: what it bills beyond what the line that it corrects had come to (`above`). What was taken back again meanwhile can not. */
type Room = { above: bigint; room: bigint };

/** The rooms of those lines that bill late usage, by their ids. */
export function roomsOf(lines: readonly InvoiceLineRow[], late: LateLines): Map<string, Room> {
  const reached = new Map<string, bigint>();
  return new Map(lines.flatMap((line): [string, Room][] => {
    const of = late.get(line.correction?.line ?? '');
    if (!of) return [];
    const above = reached.get(line.correction!.line) ?? of.billed;
    const more = afterDiscounts(line);
    reached.set(line.correction!.line, above + more);
    const open = more - sumOf(line.correction!.credits);
    const room = least(open, of.known - above);
    return room > 0n ? [[line.id, { above, room }]] : [];
  }));
}

/** What credit changes of a line: its taxes, which are computed anew from what it comes to less all its credits. */
function drawn(credits: readonly StoredCredit[], { known, credited, rates, exempt }: LateLine): Money {
  const more = sumOf(credits);
  const taxes = (taxable: bigint) => moneyOf({ amount: 0n, discount_amounts: [], credits: [], contained: 0, taxes: storedTaxes(taxLine(taxable, rates, exempt)) });
  const given = moneyOf({ amount: 0n, discount_amounts: [], taxes: [], contained: 0, credits: credits.map(({ credit_grant, name, amount, above }) => ({ credit_grant, name, amount, ...(above !== undefined && { above }) })) });
  return combine(combine(given, taxes(known - credited - more), 1), taxes(known - credited), -1);
}

/** Lines that bill late usage with the credits that meet it, what that changes of the lines that they correct, and those as they are then. */
type Met = { lines: InvoiceLineRow[]; drawn: { line: InvoiceLineRow; money: Money }[]; late: LateLines };

/** Sets what credit grants give, by line, against the lines of an invoice. What they give to late usage is a correction, too. */
export function meetLines(lines: readonly InvoiceLineRow[], taken: ReadonlyMap<string, readonly StoredCredit[]>, known: LateLines): Met {
  const late = new Map(known);
  const made: Met['drawn'] = [];
  const met = lines.map((line): InvoiceLineRow => {
    const given = taken.get(line.id) ?? [];
    const credited = given.length === 0 ? line : { ...line, credits: [...line.credits, ...given] };
    const of = late.get(line.correction?.line ?? '');
    if (!of) return credited;
    const money = given.length === 0 ? NOTHING : drawn(given, of);
    late.set(line.correction!.line, { ...of, billed: of.billed + afterDiscounts(line), credited: of.credited + creditsOf(money) });
    if (given.length === 0) return credited;
    made.push({ line, money });
    return { ...credited, correction: { ...line.correction!, ...stored(combine(moneyOf({ ...line.correction!, amount: line.amount }), money, 1)) } };
  });
  return { lines: met, drawn: made, late };
}

/** The corrections that say so. */
export function putDrawn(into: Decision, invoice: Pick<InvoiceWhole, 'id' | 'customer' | 'currency'>, met: Met['drawn'], moment: Moment): void {
  const { id: credited_on, customer, currency } = invoice;
  const lines = met.map(({ line: { correction, invoice_item }, money }) => ({ of: { customer, invoice: correction!.invoice, line: correction!.line, currency }, money, how: { invoice_item, credited_on } }));
  correctLines(into, lines, moment);
}
