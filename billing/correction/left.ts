/** What is left of a line that was billed once others took something back of it: corrections, which credit notes must leave alone, and credit notes, which corrections must (docs/concepts/outcomes.md, "After the invoice"). */
import type { CreditNoteLineRow } from '../credit_note/credit_note.ts';
import { afterDiscounts, taxationOf, type InvoiceLineRow, type TaxedBy } from '../invoice/invoice.ts';
import { least, minor, positive, roundDiv } from '../money.ts';
import { inclusiveTax } from '../tax.ts';
import { combine, moneyOf, moneyOfLine, NOTHING, totalOf, type CorrectedCredit, type Money } from './correction.ts';

/** A line of a credit note on the line, or on one that puts it right. `by_hand`: somebody issued it; else it is a correction itself. */
export type NotedLine = CreditNoteLineRow & { by_hand: boolean };

/** `noted`: what credit notes by hand took of it in money, after discounts and credits, before tax; null where there are none. */
export type Left = { money: Money; noted: bigint | null };

/** The credits without so much of the first of them. */
function without(credits: ReadonlyMap<string, CorrectedCredit>, taken: bigint): Map<string, CorrectedCredit> {
  let rest = taken;
  return new Map([...credits].map(([key, credit]) => {
    const off = least(positive(BigInt(credit.amount)), rest);
    rest -= off;
    return [key, { ...credit, amount: credit.amount - Number(off) }];
  }));
}

/** So much of the amount, and of all else in proportion. Discounts and credits are rounded as they add up, so that together they never take more than the amount. */
export function portionOf({ amount: of, discounts, taxes, credits, contained }: Money, amount: bigint): Money {
  const part = (whole: number) => (of <= 0n || amount <= 0n ? 0 : minor(roundDiv(BigInt(whole) * amount, of)));
  let sum = 0;
  const next = (whole: number) => part((sum += whole)) - part(sum - whole);
  return {
    amount,
    discounts: new Map([...discounts].map(([id, off]) => [id, next(off)])),
    credits: new Map([...credits].map(([key, credit]) => [key, { ...credit, amount: next(credit.amount) }])),
    taxes: new Map([...taxes].map(([key, tax]) => [key, { ...tax, amount: part(tax.amount), taxable_amount: part(tax.taxable_amount) }])),
    contained: BigInt(part(minor(contained))),
  };
}

/** What is left of a line. `corrected` is what corrections of it have come to that are lines of other invoices, or wait for them. */
export function leftOf(line: InvoiceLineRow, invoice: TaxedBy, corrected: Money, notes: readonly NotedLine[]): Left {
  const { rates, exempt } = taxationOf(line, invoice);
  const takenBy = (note: NotedLine) => moneyOf({ ...note, credits: [], contained: inclusiveTax(note.amount, rates, exempt) });
  const rest = notes.reduce((left, note) => combine(left, takenBy(note), -1), combine(moneyOfLine(line, invoice), corrected, 1));
  const money = { ...rest, credits: without(rest.credits, notes.reduce((sum, note) => sum + note.credits_taken, 0n)) };
  const by_hand = notes.filter((note) => note.by_hand);
  return { money, noted: by_hand.length === 0 ? null : by_hand.reduce((sum, note) => sum + afterDiscounts(note) - note.credits_taken, 0n) };
}

/** What a correction changes of a line that was `known` to come to so much: no more is given back than credit notes have left. `kept` is what the line comes to where that counts, else null. */
export function asFarAsLeft(money: Money, known: Money, left: Left | undefined): { money: Money; kept: bigint | null } {
  if (left === undefined || left.noted === null) return { money, kept: null };
  const rest = combine(left.money, money, 1);
  if (rest.amount >= 0n && totalOf(rest) >= 0n) return { money, kept: null };
  const all = left.money.amount > 0n && totalOf(left.money) >= 0n ? combine(NOTHING, left.money, -1) : NOTHING;
  return { money: all, kept: known.amount + all.amount };
}
