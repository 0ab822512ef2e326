/** The credits of an invoice that is rated again (docs/concepts/outcomes.md, "After the invoice"): of each grant at most what it has given by now. More is drawn when what is to be put right is billed. */
import { creditsFor, storedCredit } from '../credit/apply.ts';
import { inOrder, type CreditGrantRow } from '../credit/grant.ts';
import { workOut } from '../invoice/draft.ts';
import { afterCredits, afterDiscounts, storedTaxes, sumOf, taxationOf, unmoved, type InvoiceLineRow, type InvoiceWhole, type StoredCredit, type StoredTax } from '../invoice/invoice.ts';
import { backOf } from '../metering.ts';
import { least, minor, takeInTurn } from '../money.ts';
import { taxLine } from '../tax.ts';
import { combine, moneyOf, NOTHING, stored, type CorrectedCredit, type Money } from './correction.ts';
import type { Left } from './left.ts';

/** By line: what grants have given to it by now. */
type Held = ReadonlyMap<string, readonly CorrectedCredit[]>;

const NONE = { amount: 0n, discount_amounts: [], taxes: [], credits: [], contained: 0 };
const ofCredits = (credits: CorrectedCredit[]): Money => moneyOf({ ...NONE, credits });
const ofTaxes = (taxes: StoredTax[]): Money => moneyOf({ ...NONE, taxes });

/** What grants have given to the lines of an invoice: corrections counted, but for what waits to be given back and so has not gone back yet. Lines that are corrections themselves have none here. */
export function creditsHeld(invoice: InvoiceWhole, earlier: ReadonlyMap<string, Money>, waiting: ReadonlyMap<string, Money>): Held {
  return new Map(invoice.lines.filter((line) => line.correction === null).map((line) => {
    const counted = combine(ofCredits(line.credits), earlier.get(line.id) ?? NOTHING, 1);
    return [line.id, stored(combine(counted, waiting.get(line.id) ?? NOTHING, -1)).credits];
  }));
}

/** Of credit that met late usage a line keeps what of it reaches beyond what the line came to before that usage. */
function keptOfLate(line: InvoiceLineRow, held: readonly CorrectedCredit[]): StoredCredit[] {
  const late = Map.groupBy(held.filter((credit) => credit.above !== undefined), (credit) => credit.above!);
  return [...late].flatMap(([above, credits]) => {
    const kept = takeInTurn(afterDiscounts(line) - BigInt(above), credits.map((credit) => BigInt(credit.amount)));
    return unmoved(credits.map((credit, n) => ({ ...credit, amount: minor(kept[n]!) })).filter((credit) => credit.amount > 0));
  });
}

/** What went back of the credits of lines that were billed early stays there: usage that counts again meets credit as late usage does. */
const goneOf = (held: readonly CorrectedCredit[]): CorrectedCredit[] => held.filter((credit) => credit.amount < 0 && credit.above === undefined);

/** What credit notes have given back of a line in money is not met by credit: the line as credits see it. */
function withoutNoted(line: InvoiceLineRow, left: Left | undefined): InvoiceLineRow {
  const open = afterCredits(line);
  const noted = left?.noted ?? 0n;
  return noted <= 0n || open <= 0n ? line : { ...line, amount: line.amount - least(noted, open) };
}

/** A line that gives back what was billed early, where more of credits has gone back with it by now: that much more of it is money, and is taxed. */
function withGone(line: InvoiceLineRow, held: readonly CorrectedCredit[], invoice: InvoiceWhole): InvoiceLineRow {
  const gone = new Map(goneOf(held).map((credit) => [credit.credit_grant, credit]));
  const known = new Set(line.credits.map((credit) => credit.credit_grant));
  const kept = line.credits.map((credit) => ({ ...credit, amount: Math.min(credit.amount, gone.get(credit.credit_grant)?.amount ?? 0) }));
  const credits = [...kept, ...unmoved([...gone.values()].filter((credit) => !known.has(credit.credit_grant)))];
  const more = sumOf(line.credits) - sumOf(credits);
  if (more === 0n) return line;
  const { rates, exempt } = taxationOf(line, invoice);
  return { ...line, credits, taxes: [...combine(ofTaxes(line.taxes), ofTaxes(storedTaxes(taxLine(more, rates, exempt))), 1).taxes.values()] };
}

/** The grants with what each of them has given to usage that was on time, to be given anew; whatever has become of them since, they are used in the order in which they would be now. */
function grantsAgain({ grant_rows }: InvoiceWhole, credits: readonly CorrectedCredit[]): CreditGrantRow[] {
  const given = new Map<string, number>();
  for (const { credit_grant, amount, above } of credits) if (above === undefined && amount > 0) given.set(credit_grant, (given.get(credit_grant) ?? 0) + amount);
  return grant_rows.toSorted(inOrder).map((grant, priority) => ({ ...grant, priority, balance: BigInt(given.get(grant.id) ?? 0), voided_at: null, expires_at: null, effective_at: 0 }));
}

/**
 * The invoice, worked out with the quantities that are true now, with the credits that its grants give to it then. A line keeps its credit for late usage as far as it reaches; what grants have given besides is given
 * anew; and a line that gives back what was billed early takes its own credits with it and is not met.
 */
export function withCredits(invoice: InvoiceWhole, held: Held, left: ReadonlyMap<string, Left>): InvoiceWhole {
  if ([...held.values()].every((credits) => credits.length === 0)) return invoice;
  const isMet = (line: InvoiceLineRow) => held.has(line.id) && backOf(line) === null;
  const late = invoice.lines.map((line) => (isMet(line) ? { ...line, credits: keptOfLate(line, held.get(line.id)!) } : line));
  const grants = grantsAgain(invoice, invoice.lines.filter(isMet).flatMap((line) => held.get(line.id)!));
  const taken = Map.groupBy(creditsFor({ ...invoice, lines: late.map((line) => withoutNoted(line, left.get(line.id))) }, grants, 0), ({ line }) => line.id);
  const creditsOf = (line: InvoiceLineRow): StoredCredit[] => {
    const anew = (taken.get(line.id) ?? []).map((each) => storedCredit(each, null));
    return [...unmoved(stored(combine(ofCredits(anew), ofCredits(goneOf(held.get(line.id)!)), 1)).credits), ...line.credits];
  };
  const met = workOut({ ...invoice, lines: late.map((line) => (isMet(line) ? { ...line, credits: creditsOf(line) } : line)) });
  return { ...met, lines: met.lines.map((line) => (held.has(line.id) && !isMet(line) ? withGone(line, held.get(line.id)!, invoice) : line)) };
}
