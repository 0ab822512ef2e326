/** Which lines of an invoice are to be put right, and by how much: each is rated again (docs/concepts/outcomes.md, "After the invoice"). */
import { workOut } from '../invoice/draft.ts';
import type { InvoiceLineRow, InvoiceWhole } from '../invoice/invoice.ts';
import { backOf } from '../metering.ts';
import { combine, isNothing, moneyOfLine, NOTHING, type Money } from './correction.ts';
import { creditsHeld, withCredits } from './credits.ts';
import { asFarAsLeft, type Left } from './left.ts';

/** What is to be put right of a line. */
export type LineCorrection = { line: InvoiceLineRow; after: InvoiceLineRow; money: Money; kept: bigint | null };

/** Whether usage is held by now of which the line had billed something: what came later has made too much of it. */
export const isHeldLate = (line: InvoiceLineRow, after: InvoiceLineRow, earlier: Money | undefined): boolean =>
  after.metering?.held !== undefined && (line.metering?.held === undefined || (earlier !== undefined && !isNothing(earlier)));

/** What is to be put right of an invoice that was voided: whatever was put right of it before. */
export const toUndo = (invoice: InvoiceWhole, earlier: ReadonlyMap<string, Money>): LineCorrection[] =>
  invoice.lines.flatMap((line) => {
    const money = combine(NOTHING, earlier.get(line.id) ?? NOTHING, -1);
    return isNothing(money) ? [] : [{ line, after: line, money, kept: null }];
  });

/** Whether a line gives back of what was billed before it, beyond all that is left of itself: that bounds it then (`BilledBefore`). */
const isFromBefore = ({ metering }: InvoiceLineRow, change: Money, left: Left | undefined): boolean => metering?.billed?.left !== undefined && left !== undefined && left.money.amount + change.amount < 0n;

/** What a line comes to, where that is not what its quantity says beside what was left of those before it when it was billed; else null. */
function keptOfBefore(line: InvoiceLineRow, { amount, metering }: InvoiceLineRow): bigint | null {
  const boundBy = (left: string | undefined) => left !== undefined && amount <= -BigInt(left);
  return boundBy(metering?.billed?.left) || boundBy(line.metering?.billed?.left) ? amount : null;
}

/** An invoice that was finalized, with all that says what its lines come to by now. */
export type Rerated = {
  invoice: InvoiceWhole;
  /** Its lines with the quantities that are true now. Discounts, tax rates and exemption are those with which it was billed. */
  recounted: readonly InvoiceLineRow[];
  /** By line: what corrections that count have come to, those that wait among them. */
  earlier: ReadonlyMap<string, Money>;
  /** By line: what a correction that waits for an invoice comes to. */
  waiting: ReadonlyMap<string, Money>;
  /** By line: what credit notes that somebody issued have left of it, its corrections counted. */
  left: ReadonlyMap<string, Left>;
};

/** What is to be put right of an invoice: each line rated again, less what was billed and what earlier corrections of it came to. Where no money is to be put right, a correction that waits is made again if it is `stale`. */
export function toCorrect({ invoice, recounted, earlier, waiting, left }: Rerated, stale: (line: InvoiceLineRow, after: InvoiceLineRow) => boolean): LineCorrection[] {
  // What has come to more than a line may is a mistake to be put right, and nothing is given back for it meanwhile.
  if (recounted.some((line, n) => isHeldLate(invoice.lines[n]!, line, earlier.get(line.id)))) return [];
  const bare = workOut({ ...invoice, lines: recounted.map((line) => (line.correction || backOf(line) || line.credits.length === 0 ? line : { ...line, credits: [] })) });
  const anew = withCredits(bare, creditsHeld(invoice, earlier, waiting), left);
  return invoice.lines.flatMap((line, n): LineCorrection[] => {
    const after = anew.lines[n]!;
    const known = combine(moneyOfLine(line, invoice), earlier.get(line.id) ?? NOTHING, 1);
    const change = combine(moneyOfLine(after, anew), known, -1);
    const { money, kept } = asFarAsLeft(change, known, isFromBefore(after, change, left.get(line.id)) ? undefined : left.get(line.id));
    return isNothing(money) && !(waiting.has(line.id) && stale(line, after)) ? [] : [{ line, after, money, kept: kept ?? keptOfBefore(line, after) }];
  });
}
