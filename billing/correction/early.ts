/** What a period gives back of usage that was billed before its end (docs/concepts/bill.md, "Thresholds"): the lines that billed it are rated again with what is left to them, the newest first, as corrections rate lines. */
import { storedTaxes, taxationOf, type InvoiceLineRow, type InvoiceWhole, type StoredDiscountAmount, type StoredTax } from '../invoice/invoice.ts';
import { least, minor, percentOf, roundDiv, takeInTurn } from '../money.ts';
import { inclusiveTax, taxLine } from '../tax.ts';
import { combine, moneyOf, NOTHING, stored, totalOf, type CorrectedCredit, type Money } from './correction.ts';
import { leftOf, portionOf, type NotedLine } from './left.ts';

/** The discounts, taxes and credits of an amount below zero that gives back what was billed early. `invoice` and `line` are the newest that it draws on. */
export type GivenBack = { invoice: string; line: string; discount_amounts: StoredDiscountAmount[]; taxes: StoredTax[]; credits: CorrectedCredit[]; contained: number };

/** Of an invoice what says how its lines came about, and what of it was paid. */
export type EarlyInvoice = Pick<InvoiceWhole, 'id' | 'status' | 'total' | 'amount_remaining' | 'pre_payment_credit_notes_amount' | 'post_payment_credit_notes_amount' | 'default_tax_rates' | 'customer_snapshot' | 'discount_rows' | 'rate_rows'>;

/** A line of usage that was billed before its period ended, with what credit notes took of it. */
export type EarlyLine = { invoice: EarlyInvoice; line: InvoiceLineRow; notes: readonly NotedLine[] };

type Charged = Omit<EarlyLine, 'notes'> & { money: Money };

/** `left`: what of the early lines can still be given back, before discounts and tax; null where all of it can. `charged`: what each that is left came to, the oldest first. */
export type LeftOfEarly = { left: bigint | null; charged: readonly Charged[] };

/** What is left of the early lines of a period, which come in the order in which they were billed. What is void counts as given back in full. */
export function leftEarly(early: readonly EarlyLine[]): LeftOfEarly {
  const charged: Charged[] = [];
  let left = 0n;
  for (const { invoice, line, notes } of early.filter((each) => each.invoice.status !== 'void')) {
    let of: Charged = { invoice, line, money: leftOf(line, invoice, NOTHING, notes).money };
    left += of.money.amount;
    // One that gave something back itself is less of those before it.
    while (of.money.amount < 0n && charged.length > 0) {
      const before = charged.pop()!;
      of = { ...before, money: combine(before.money, of.money, 1) };
    }
    if (of.money.amount > 0n) charged.push(of);
  }
  const isWhole = early.every(({ invoice: { status }, notes }) => status !== 'void' && status !== 'uncollectible' && notes.length === 0);
  return { left: isWhole ? null : left < 0n ? 0n : left, charged };
}

/** What is left of a line, rated again where it comes to so much: percentages and taxes are worked out anew; of an amount off, and of each grant, the line keeps what it has as far as there is something to take it off. */
function rated({ invoice, line, money }: Charged, amount: bigint): Money {
  const percentages = new Map(invoice.discount_rows.map(({ id, source }) => [id, source.percent_off]));
  let rest = amount;
  const off = (has: number, percentage: string | null = null): number => {
    const taken = percentage !== null ? percentOf(rest, percentage) : least(BigInt(has), rest);
    rest -= taken;
    return minor(taken);
  };
  const discount_amounts = [...money.discounts].map(([discount, has]) => ({ discount, amount: off(has, percentages.get(discount)) }));
  const credits = [...money.credits.values()].map((credit) => ({ ...credit, amount: off(credit.amount) }));
  const { rates, exempt } = taxationOf(line, invoice);
  return moneyOf({ amount, discount_amounts, credits, taxes: storedTaxes(taxLine(rest, rates, exempt)), contained: inclusiveTax(amount, rates, exempt) });
}

/** What so much less of a line gives back. Of one that was written off it is first less of what nobody has paid, its part of what remains of the invoice: no money comes back for that. */
function lessOf(of: Charged, part: bigint): Money {
  const { invoice: { status, total, amount_remaining, pre_payment_credit_notes_amount, post_payment_credit_notes_amount }, money } = of;
  const back = combine(money, rated(of, money.amount - part), -1);
  if (status !== 'uncollectible') return back;
  const [sum, whole] = [totalOf(back), total - pre_payment_credit_notes_amount - post_payment_credit_notes_amount];
  const owed = whole > amount_remaining ? roundDiv(totalOf(money) * amount_remaining, whole) : sum;
  return sum <= owed ? NOTHING : portionOf(back, roundDiv(part * (sum - owed), sum));
}

/** What a line comes to that bills usage beyond its early lines, where its usage comes to `rest` more than they billed, and what goes with that where it is below zero. `left` is what it can give back. */
export function beyondEarly({ left, charged }: LeftOfEarly, rest: bigint): { amount: bigint; left: bigint | null; back: GivenBack | null } {
  if (rest >= 0n || (left !== null && left <= 0n)) return { amount: left !== null && rest < -left ? -left : rest, left, back: null };
  const newest = charged.at(-1);
  if (newest === undefined) return { amount: rest, left, back: null };
  const backwards = charged.toReversed();
  const parts = takeInTurn(left === null ? -rest : least(left, -rest), backwards.map(({ money }) => money.amount));
  const back = backwards.reduce((sum, each, n) => (parts[n] === 0n ? sum : combine(sum, lessOf(each, parts[n]!), -1)), NOTHING);
  const { discount_amounts, credits } = stored(back);
  const given = { invoice: newest.invoice.id, line: newest.line.id, discount_amounts, taxes: [...back.taxes.values()], credits, contained: minor(back.contained) };
  return { amount: back.amount, left: back.amount > rest ? -back.amount : left, back: back.amount < 0n ? given : null };
}

/** Whether both come to the same. */
export function sameBack(one: GivenBack | undefined, other: GivenBack | undefined): boolean {
  const sum = (back: GivenBack | undefined) => (back ? moneyOf({ ...back, amount: 0n }) : NOTHING);
  const { discount_amounts, taxes, credits } = stored(combine(sum(one), sum(other), -1));
  return (one === undefined) === (other === undefined) && discount_amounts.length + taxes.length + credits.length === 0 && one?.contained === other?.contained;
}
