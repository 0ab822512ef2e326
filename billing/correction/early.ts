/** What a period gives back of usage that was billed before its end (docs/concepts/bill.md, "Thresholds"): as the lines that billed it were charged, the newest first, each at most as far as it is left. */
import type { InvoiceLineRow, InvoiceWhole, StoredDiscountAmount, StoredTax } from '../invoice/invoice.ts';
import { minor } from '../money.ts';
import { combine, moneyOf, NOTHING, stored, type CorrectedCredit, type Money } from './correction.ts';
import { leftOf, portionOf, type NotedLine } from './left.ts';

/** The discounts, taxes and credits of an amount below zero that gives back what was billed early. `invoice` and `line` are the newest that it draws on. */
export type GivenBack = { invoice: string; line: string; discount_amounts: StoredDiscountAmount[]; taxes: StoredTax[]; credits: CorrectedCredit[]; contained: number };

/** A line of usage that was billed before its period ended, with what credit notes took of it. */
export type EarlyLine = { invoice: InvoiceWhole; line: InvoiceLineRow; notes: readonly NotedLine[] };

/** `left`: what of the early lines can still be given back, before discounts and tax; null where all of it can. `charged`: what each that is left came to, the oldest first. */
export type LeftOfEarly = { left: bigint | null; charged: readonly { invoice: string; line: string; money: Money }[] };

/** Nobody is to pay it: it counts as given back in full. */
const isForgiven = ({ invoice: { status } }: EarlyLine): boolean => status === 'void' || status === 'uncollectible';

/** What is left of the early lines of a period, which come in the order in which they were billed. */
export function leftEarly(early: readonly EarlyLine[]): LeftOfEarly {
  const charged: LeftOfEarly['charged'][number][] = [];
  let left = 0n;
  for (const { invoice, line, notes } of early.filter((each) => !isForgiven(each))) {
    let money = leftOf(line, invoice, NOTHING, notes).money;
    left += money.amount;
    // One that gave something back itself is less of those before it.
    while (money.amount < 0n && charged.length > 0) money = combine(charged.pop()!.money, money, 1);
    if (money.amount > 0n) charged.push({ invoice: invoice.id, line: line.id, money });
  }
  const isWhole = early.every((each) => !isForgiven(each) && each.notes.length === 0);
  return { left: isWhole ? null : left < 0n ? 0n : left, charged };
}

/** What goes with so much that is given back, the amount above zero; null where none of the early lines is left. */
export function givenBack({ charged }: LeftOfEarly, amount: bigint): GivenBack | null {
  const newest = charged.at(-1);
  if (newest === undefined) return null;
  let [rest, back] = [amount, NOTHING];
  for (const { money } of charged.toReversed()) {
    const part = money.amount < rest ? money.amount : rest;
    if (part > 0n) back = combine(back, portionOf(money, part), -1);
    rest -= part > 0n ? part : 0n;
  }
  const { discount_amounts, credits } = stored(back);
  return { invoice: newest.invoice, line: newest.line, discount_amounts, taxes: [...back.taxes.values()], credits, contained: minor(back.contained) };
}

/** Whether both come to the same. */
export function sameBack(one: GivenBack | undefined, other: GivenBack | undefined): boolean {
  const sum = (back: GivenBack | undefined) => (back ? moneyOf({ ...back, amount: 0n }) : NOTHING);
  const { discount_amounts, taxes, credits } = stored(combine(sum(one), sum(other), -1));
  return (one === undefined) === (other === undefined) && discount_amounts.length + taxes.length + credits.length === 0 && one?.contained === other?.contained;
}
