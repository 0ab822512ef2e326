/** Credit notes in the reference model: what is left of each line of an invoice, and what a note takes of it. */
import { sumOfTaxes } from './amounts.ts';
import type { Bill } from './book.ts';
import { decimal, less, plus, round, total, whole } from './exact.ts';
import type { Credited, Line, Note, NoteLine } from './history.ts';

/** A line in parts: its amount, its discounts, what grants gave, its taxes; as a note takes them, or as they are left. */
type Parts = Pick<NoteLine, 'amount' | 'discounts' | 'credit' | 'taxes'>;

const reduced = <Part extends { id: string; amount: bigint }>(parts: readonly Part[], taken: readonly { id: string; amount: bigint }[]): Part[] =>
  parts.map((part) => ({ ...part, amount: part.amount - total(taken.filter((one) => one.id === part.id).map((one) => one.amount)) }));

/** What is left of each line once the notes took theirs. */
function leftOf(bill: Bill, notes: readonly Note[]): Parts[] {
  return bill.lines.map((line, n) => {
    const taken = notes.flatMap((note) => note.lines.filter((one) => one.line === n));
    return {
      amount: line.amount - total(taken.map((one) => one.amount)),
      discounts: reduced(line.discounts, taken.flatMap((one) => one.discounts)),
      credit: total(line.credits.map((one) => one.amount)) - total(taken.map((one) => one.credit)),
      taxes: reduced(line.taxes, taken.flatMap((one) => one.taxes)),
    };
  });
}

const floor = (n: bigint, d: bigint): bigint => (n % d !== 0n && n < 0n !== d < 0n ? n / d - 1n : n / d);

const exclusive = (taxes: Line['taxes']) => taxes.filter((tax) => !tax.inclusive);

const abs = (n: bigint): bigint => (n < 0n ? -n : n);
const sign = (n: bigint): bigint => (n < 0n ? -1n : 1n);
const part = (value: bigint, n: bigint, d: bigint): bigint => round({ n: value * n * sign(d), d: abs(d) });

/** Each of the values × n ÷ d, rounded down, and what is missing to the sum a unit each to the largest remainders, ties to the earlier. */
function shared(values: readonly bigint[], n: bigint, d: bigint, sum: bigint): bigint[] {
  const parts = values.map((value) => floor(value * n, d));
  const rests = values.map((value, i) => ({ i, rest: abs(value * n - parts[i]! * d) })).sort((a, b) => (a.rest === b.rest ? a.i - b.i : a.rest > b.rest ? -1 : 1));
  for (const { i } of rests.slice(0, Number(sum - total(parts)))) parts[i]! += 1n;
  return parts;
}

/** What counts towards a line's total besides its amount: discounts and credits as less, exclusive taxes as more. */
const following = ({ discounts, credit, taxes }: Parts): bigint[] => [...discounts.map((one) => -one.amount), -credit, ...exclusive(taxes).map((tax) => tax.amount)];

/** So much of what is left of a line, and of all that follows it in proportion. */
function partOfLine(left: Parts, amount: bigint): Parts {
  const values = following(left);
  if (left.amount === 0n) return assembled(left, amount, values.map(() => 0n), () => 0n);
  return assembled(left, amount, shared(values, amount, left.amount, part(total(values), amount, left.amount)), (tax) => part(tax, amount, left.amount));
}

function assembled(left: Parts, amount: bigint, shares: readonly bigint[], inclusive: (tax: bigint) => bigint): Parts {
  const rest = [...shares];
  const discounts = left.discounts.map((one) => ({ ...one, amount: -rest.shift()! })).filter((one) => one.amount !== 0n);
  return { amount, discounts, credit: -rest.shift()!, taxes: left.taxes.map((tax) => ({ ...tax, amount: tax.inclusive ? inclusive(tax.amount) : rest.shift()! })) };
}

const totalOf = (parts: Parts): bigint => parts.amount + total(following(parts));

/** An amount of the whole, over all lines by what is left of their totals, and within each over its amount, discounts, credits and exclusive taxes. */
function byAmount(amount: bigint, left: readonly Parts[]): NoteLine[] {
  const totals = left.map(totalOf);
  if (total(totals) === 0n) return [];
  const shares = shared(totals, amount, total(totals), amount);
  return left.flatMap((line, n): NoteLine[] => {
    const share = shares[n]!;
    const of = totals[n]!;
    if (share === 0n) return [];
    const [own, ...rest] = shared([line.amount, ...following(line)], share, of, share);
    return [{ line: n, units: null, ...assembled(line, own!, rest, (tax) => part(tax, share, of)) }];
  });
}

/** Amounts of lines, or so many units of them, each of what is left. */
function byLines(asked: Extract<Credited, { lines: unknown }>['lines'], bill: Bill, left: readonly Parts[], earlier: readonly Note[]): NoteLine[] | null {
  const lines: NoteLine[] = [];
  for (const { line, amount, quantity } of asked) {
    const there = left[line];
    if (there === undefined) return null;
    const gone = earlier.flatMap((note) => note.lines).filter((one) => one.line === line);
    const units = plus(decimal(bill.lines[line]!.quantity), whole(-gone.reduce((sum, one) => sum + (one.units ?? 0), 0)));
    // Once an amount was taken, nobody knows of how many units; and a line of which units were taken goes on by units.
    if (amount !== undefined && gone.some((one) => one.units !== null)) return null;
    const enough = quantity !== undefined && gone.every((one) => one.units !== null) && !less(units, whole(quantity));
    const taken = amount ?? (enough ? part(there.amount, BigInt(quantity) * units.d, units.n) : null);
    if (taken === null || abs(taken) > abs(there.amount) || taken * there.amount < 0n) return null;
    lines.push({ line, units: quantity ?? null, ...partOfLine(there, taken) });
  }
  return lines;
}

/** The note that takes this, or null where there is not so much left. */
export function noteOf(at: number, invoice: number, bill: Bill, credited: Credited, to: 'balance' | 'out_of_band', notes: readonly Note[]): Note | null {
  if (bill.status === 'draft' || bill.status === 'void') return null;
  const earlier = notes.filter((note) => note.invoice === invoice && note.status === 'issued');
  const left = leftOf(bill, earlier);
  const lines = 'amount' in credited ? byAmount(credited.amount, left) : byLines(credited.lines, bill, left, earlier);
  if (lines === null) return null;
  const subtotal = total(lines.map((line) => line.amount));
  const all = total(lines.map(totalOf));
  const taxes = lines.flatMap((line) => line.taxes);
  const tax = sumOfTaxes(taxes, false) + sumOfTaxes(taxes, true);
  const most = bill.total - total(earlier.map((note) => note.total));
  const taxed = (note: Pick<Note, 'total' | 'total_excluding_tax'>) => note.total - note.total_excluding_tax;
  const tax_left = taxed(bill) - total(earlier.map(taxed));
  if (all <= 0n || all > most || tax > (tax_left > 0n ? tax_left : 0n)) return null;
  const pre_payment = all < bill.remaining! ? all : bill.remaining!;
  const rest = all - pre_payment;
  return {
    invoice, at, status: 'issued', lines, subtotal, total: all, total_excluding_tax: all - tax, pre_payment,
    to_balance: to === 'balance' ? rest : 0n, out_of_band: to === 'out_of_band' ? rest : 0n,
  };
}
