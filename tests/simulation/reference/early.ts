/** What a period gives back of usage that was billed before its end, in the reference model: its early lines, the newest first, are billed once more with what is left to them, and what they were billed is set against that. */
import { sumOfTaxes, taxesOf } from './amounts.ts';
import type { Back, Bill, Book } from './book.ts';
import { decimal, round, times, total, whole } from './exact.ts';
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

/** What was charged, and still stands. */
type Charge = { bill: Bill; n: number; parts: Parts };

const lesser = (one: bigint, other: bigint): bigint => (one < other ? one : other);

/** The line with another amount: percentages of it, amounts off and credits as far as they reach, and the taxes of what remains. */
function again(book: Book, { bill, n, parts }: Charge, amount: bigint): Parts {
  let remains = amount;
  const take = <Part extends Named>(part: Part, most: bigint): Part => {
    remains -= most;
    return { ...part, amount: most };
  };
  const discounts = parts.discounts.map((one) => {
    const percent = bill.taken[n]!.find(({ given }) => given.coupon.id === one.id)?.given.coupon.percent_off;
    return take(one, percent === undefined ? lesser(one.amount, remains) : round(times(times(whole(remains), decimal(percent)), { n: 1n, d: 100n })));
  });
  const credits = parts.credits.map((one) => take(one, lesser(one.amount, remains)));
  const taxes = (of: bigint) => taxesOf(of, bill.entries[n]!.rates!, book.history.tax_exempt);
  return { amount, discounts, credits, taxes: taxes(remains), contained: sumOfTaxes(taxes(amount), true) };
}

const sumOf = ({ amount, discounts, credits, taxes }: Parts): bigint => amount - total([...discounts, ...credits].map((one) => one.amount)) + sumOfTaxes(taxes, false);

/** A part of all, cut where each piece ends if they are laid one behind the other. */
function cut(of: Parts, amount: bigint): Parts {
  const part = (value: bigint): bigint => round({ n: value * amount, d: of.amount });
  const taken = [...of.discounts, ...of.credits].map((one) => one.amount);
  const shares = taken.map((_, i) => part(total(taken.slice(0, i + 1))) - part(total(taken.slice(0, i))));
  return {
    amount,
    discounts: of.discounts.map((one, i) => ({ ...one, amount: shares[i]! })),
    credits: of.credits.map((one, i) => ({ ...one, amount: shares[of.discounts.length + i]! })),
    taxes: of.taxes.map((tax) => ({ ...tax, amount: part(tax.amount) })),
    contained: part(of.contained),
  };
}

/** What comes back of a charge that is so much less: nothing for what nobody pays any more. */
function comesBack(book: Book, charge: Charge, less: bigint): Parts {
  const { bill, parts } = charge;
  const back = plus(parts, again(book, charge, parts.amount - less), -1n);
  if (bill.status !== 'uncollectible') return back;
  const noted = total(book.notes.filter((note) => note.status === 'issued' && book.bills[note.invoice] === bill).map((note) => note.total));
  const [sum, all] = [sumOf(back), bill.total - noted];
  if (all <= bill.remaining!) return NOTHING;
  const unpaid = round({ n: sumOf(parts) * bill.remaining!, d: all });
  return sum <= unpaid ? NOTHING : cut(back, round({ n: less * (sum - unpaid), d: sum }));
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

/** What comes back of an item's usage since a moment where it is so much less, as an amount above zero, and what goes with that. */
export function backOf(book: Book, bills: readonly Bill[], key: string, start: number, less: bigint): { amount: bigint; back: Back } {
  const charges: Charge[] = [];
  for (const bill of bills.filter(({ status }) => status !== 'void')) {
    const n = bill.lines.findIndex((line) => line.key === key && line.kind === 'metered' && line.period.start === start);
    let charge: Charge = { bill, n, parts: leftOf(book, bill, n) };
    while (charge.parts.amount < 0n && charges.length > 0) {
      const older = charges.pop()!;
      charge = { ...older, parts: plus(older.parts, charge.parts) };
    }
    if (charge.parts.amount > 0n) charges.push(charge);
  }
  let rest = less;
  const back = charges.toReversed().reduce((sum, charge) => {
    const part = lesser(charge.parts.amount, rest);
    rest -= part;
    return part > 0n ? plus(sum, comesBack(book, charge, part), -1n) : sum;
  }, NOTHING);
  const some = (parts: readonly Named[]): Named[] => parts.filter((part) => part.amount !== 0n);
  return { amount: -back.amount, back: { discounts: some(back.discounts), credits: some(back.credits), taxes: back.taxes, contained: back.contained } };
}
