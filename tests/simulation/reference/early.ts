/** What a period gives back of usage that was billed before its end, in the reference model: of its early lines, the newest first, each with its part of all that it came to. */
import { sumOfTaxes, taxesOf } from './amounts.ts';
import type { Back, Bill, Book } from './book.ts';
import { round, total } from './exact.ts';
import type { Line } from './history.ts';

/** A line, or what is left of it, with all that goes with it. */
type Parts = Back & { amount: bigint };

type Named = { id: string; amount: bigint };

/** Both together, or of the second one the opposite. */
function summed<Part extends Named>(parts: readonly Part[], more: readonly Part[], sign: bigint): Part[] {
  const sums = new Map(parts.map((part) => [part.id, { ...part }]));
  for (const part of more) sums.set(part.id, { ...part, amount: (sums.get(part.id)?.amount ?? 0n) + sign * part.amount });
  return [...sums.values()];
}

const plus = (one: Parts, other: Parts, sign = 1n): Parts => ({
  amount: one.amount + sign * other.amount,
  discounts: summed(one.discounts, other.discounts, sign),
  credits: summed(one.credits, other.credits, sign),
  taxes: summed(one.taxes, other.taxes, sign),
  contained: one.contained + sign * other.contained,
});

const NOTHING: Parts = { amount: 0n, discounts: [], credits: [], taxes: [], contained: 0n };

function partOf(whole: Parts, amount: bigint): Parts {
  const part = (value: bigint): bigint => round({ n: value * amount, d: whole.amount });
  // What is taken by now, rounded, less what was taken before: so it is never more than the amount.
  const taken = [...whole.discounts, ...whole.credits].map((one) => one.amount);
  const shares = taken.map((_, i) => part(total(taken.slice(0, i + 1))) - part(total(taken.slice(0, i))));
  return {
    amount,
    discounts: whole.discounts.map((one, i) => ({ ...one, amount: shares[i]! })),
    credits: whole.credits.map((one, i) => ({ ...one, amount: shares[whole.discounts.length + i]! })),
    taxes: whole.taxes.map((tax) => ({ ...tax, amount: part(tax.amount) })),
    contained: part(whole.contained),
  };
}

/** The credits without what notes took with them, of the first ones first. */
function without(credits: Line['credits'], taken: bigint): Line['credits'] {
  let rest = taken;
  return credits.map((credit) => {
    const has = credit.amount > 0n ? credit.amount : 0n;
    const off = has < rest ? has : rest;
    rest -= off;
    return { ...credit, amount: credit.amount - off };
  });
}

/** A line of a bill as notes have left it. */
function leftOf(book: Book, bill: Bill, n: number): Parts {
  const [line, entry] = [bill.lines[n]!, bill.entries[n]!];
  const contained = (amount: bigint) => sumOfTaxes(taxesOf(amount, entry.rates!, book.history.tax_exempt), true);
  const notes = book.notes.filter((note) => note.status === 'issued' && book.bills[note.invoice] === bill).flatMap((note) => note.lines.filter((one) => one.line === n));
  const whole: Parts = { ...line, contained: entry.back?.contained ?? contained(line.amount) };
  const left = notes.reduce((rest, note) => plus(rest, { ...note, credits: [], contained: contained(note.amount) }, -1n), whole);
  return { ...left, credits: without(left.credits, total(notes.map((note) => note.credit))) };
}

/** What goes with so much that is given back of an item's usage since a moment, the amount above zero; nothing where nothing is left of the bills. */
export function backOf(book: Book, bills: readonly Bill[], key: string, start: number, amount: bigint): Back | undefined {
  const charged: Parts[] = [];
  for (const bill of bills.filter(({ status }) => status !== 'void' && status !== 'uncollectible')) {
    const n = bill.lines.findIndex((line) => line.key === key && line.kind === 'metered' && line.period.start === start);
    let line = leftOf(book, bill, n);
    while (line.amount < 0n && charged.length > 0) line = plus(charged.pop()!, line);
    if (line.amount > 0n) charged.push(line);
  }
  if (charged.length === 0) return undefined;
  let rest = amount;
  const back = charged.toReversed().reduce((sum, line) => {
    const part = line.amount < rest ? line.amount : rest;
    rest -= part;
    return part > 0n ? plus(sum, partOf(line, part), -1n) : sum;
  }, NOTHING);
  const some = (parts: readonly Named[]): Named[] => parts.filter((part) => part.amount !== 0n);
  return { discounts: some(back.discounts), credits: some(back.credits), taxes: back.taxes, contained: back.contained };
}
