/** What is put right of an invoice that was finalized, when what it billed turns out to have been otherwise (docs/concepts/outcomes.md, "After the invoice"). */
import type { Instant } from '../decision.ts';
import { creditsFor } from '../credit/apply.ts';
import { inOrder } from '../credit/grant.ts';
import { workOut } from '../invoice/draft.ts';
import { afterDiscounts, rateIds, storedTaxes, type InvoiceLineRow, type InvoiceRow, type InvoiceWhole, type StoredCredit, type StoredDiscountAmount, type StoredTax } from '../invoice/invoice.ts';
import { backOf } from '../metering.ts';
import { minor } from '../money.ts';
import { inclusiveTax, taxLine } from '../tax.ts';
import { asFarAsLeft, type Left } from './left.ts';

/** What a line or an item puts right, and its discounts and taxes, which are given and not computed anew. */
export type Correction = {
  /** The invoice and the line that it corrects. */
  invoice: string;
  line: string;
  /** Of a line of usage: what was billed, earlier corrections included, and what it is now. Null for a line whose part of a discount has changed. */
  quantity: CorrectedQuantity | null;
  /** Of a line that makes usage up to a commitment: what is left of that by now, in minor units as a decimal string. */
  commitment?: string;
  /** What the line came and comes to where that is more than its quantity says, since credit notes have given the rest back; in minor units as decimal strings. */
  kept?: { before?: string; after?: string };
  /** The corrected invoice was voided: what it was put right by is taken back, so that the line is as it was billed. */
  undone?: true;
  discount_amounts: StoredDiscountAmount[];
  taxes: StoredTax[];
  /** What of a grant's credits the line takes more than it did; below zero where credit goes back. */
  credits: CorrectedCredit[];
  /** The inclusive tax in the amount before discounts. */
  contained: number;
};

/** How much it was and is; where the price has several groups, in each of them, by the name that bills call it. */
export type CorrectedQuantity = { before: string; after: string; groups?: { name: string; before: string; after: string }[] };

/** `above`: of credit that was set against late usage, what the corrected line came to before it, after discounts. That credit goes back first. */
export type CorrectedCredit = { credit_grant: string; name: string | null; amount: number; above?: number };

/** Everything that a line comes to. */
export type Money = { amount: bigint; discounts: ReadonlyMap<string, number>; taxes: ReadonlyMap<string, StoredTax>; credits: ReadonlyMap<string, CorrectedCredit>; contained: bigint };

/** A correction as it was made. */
export type CorrectionRow = {
  id: string;
  created: Instant;
  customer: string;
  /** The invoice and the line that it corrects. */
  invoice: string;
  line: string;
  currency: string;
  quantity_before: string | null;
  quantity_after: string | null;
  quantity_groups: CorrectedQuantity['groups'] | null;
  /** What the line comes to since then where that is more than its quantity says, since credit notes have given the rest back. */
  kept: bigint | null;
  amount: bigint;
  discount_amounts: StoredDiscountAmount[];
  taxes: StoredTax[];
  credits: CorrectedCredit[];
  contained: bigint;
  /** The amount less discounts and credits, with tax: what it changes. */
  total: bigint;
  /** How it reaches the customer: by an item of a next invoice, or a credit note. Neither where that was undone: then it counts as not made. */
  invoice_item: string | null;
  credit_note: string | null;
  /** Of credit that is set against late usage: the invoice of the item, which does so when it is finalized. Null for any other correction. */
  credited_on: string | null;
};

const creditKey = ({ credit_grant, above }: CorrectedCredit): string => (above === undefined ? credit_grant : `${credit_grant} ${above}`);

/** By what taxes of one line are the same. */
export const taxKey = ({ tax_rate, tax_behavior, taxability_reason }: Pick<StoredTax, 'tax_rate' | 'tax_behavior' | 'taxability_reason'>): string => `${tax_rate} ${tax_behavior} ${taxability_reason}`;

export const NOTHING: Money = { amount: 0n, discounts: new Map(), taxes: new Map(), credits: new Map(), contained: 0n };

/** `of` + sign × `other`, part by part. */
export function combine(of: Money, other: Money, sign: 1 | -1): Money {
  const discounts = new Map(of.discounts);
  for (const [id, amount] of other.discounts) discounts.set(id, (discounts.get(id) ?? 0) + sign * amount);
  const taxes = new Map(of.taxes);
  for (const [key, tax] of other.taxes) {
    const known = taxes.get(key) ?? { ...tax, amount: 0, taxable_amount: 0 };
    taxes.set(key, { ...known, amount: known.amount + sign * tax.amount, taxable_amount: known.taxable_amount + sign * tax.taxable_amount });
  }
  const credits = new Map(of.credits);
  for (const [id, credit] of other.credits) credits.set(id, { ...credit, amount: (credits.get(id)?.amount ?? 0) + sign * credit.amount });
  const by = BigInt(sign);
  return { amount: of.amount + by * other.amount, discounts, taxes, credits, contained: of.contained + by * other.contained };
}

/** What corrections come to together. */
export function moneyOf({ amount, discount_amounts, taxes, credits, contained }: Pick<CorrectionRow, 'amount' | 'discount_amounts' | 'taxes' | 'credits'> & { contained: bigint | number }): Money {
  return { amount, discounts: new Map(discount_amounts.map((each) => [each.discount, each.amount])), taxes: new Map(taxes.map((tax) => [taxKey(tax), tax])), credits: new Map(credits.map((credit) => [creditKey(credit), credit])), contained: BigInt(contained) };
}

/** What says of an invoice how its lines are taxed. */
export type TaxedBy = Pick<InvoiceWhole, 'default_tax_rates' | 'rate_rows' | 'customer_snapshot'>;

/** What a line comes to as it stands on its invoice. */
export function moneyOfLine(line: InvoiceLineRow, invoice: TaxedBy): Money {
  const ids = rateIds(line, invoice.default_tax_rates);
  const rates = invoice.rate_rows.filter((rate) => ids.includes(rate.id));
  return moneyOf({ ...line, contained: (line.correction ?? backOf(line))?.contained ?? inclusiveTax(line.amount, rates, invoice.customer_snapshot.tax_exempt ?? 'none') });
}

/** The parts of a sum that are not 0, as they are stored. */
export const stored = (money: Money) => ({
  discount_amounts: [...money.discounts].filter(([, amount]) => amount !== 0).map(([discount, amount]): StoredDiscountAmount => ({ discount, amount })),
  taxes: [...money.taxes.values()].filter((tax) => tax.amount !== 0 || tax.taxable_amount !== 0),
  credits: [...money.credits.values()].filter((credit) => credit.amount !== 0).map(({ credit_grant, name, amount, above }): CorrectedCredit => ({ credit_grant, name, amount, ...(above !== undefined && { above }) })),
});

export const isNothing = (money: Money): boolean => money.amount === 0n && [...money.discounts.values()].every((amount) => amount === 0) && [...money.taxes.values(), ...money.credits.values()].every((each) => each.amount === 0);

/** What the money changes of what is to be paid. */
export function totalOf({ amount, discounts, taxes, credits }: Money): bigint {
  let total = amount;
  for (const credit of credits.values()) total -= BigInt(credit.amount);
  for (const off of discounts.values()) total -= BigInt(off);
  for (const tax of taxes.values()) if (tax.tax_behavior === 'exclusive') total += BigInt(tax.amount);
  return total;
}

/** Whether a line bills usage of a period that goes on, as a threshold does in its middle. It is not put right: the end of the period bills all usage, less what this billed. */
export const isInterim = ({ billing_reason, period_start, period_end }: Pick<InvoiceRow, 'billing_reason' | 'period_start' | 'period_end'>, { invoice_item }: Pick<InvoiceLineRow, 'invoice_item'>): boolean =>
  // Where a threshold ends the periods, its invoice is of that moment alone; and usage that waited for it is that of a period which has ended.
  billing_reason === 'subscription_threshold' && period_start < period_end && invoice_item === null;

/** What is to be put right of a line. */
export type LineCorrection = { line: InvoiceLineRow; after: InvoiceLineRow; money: Money; kept: bigint | null };

/** What grants have given to the lines of an invoice: corrections counted, but for what waits to be given back and so has not gone back yet. By line. */
function creditsHeld(invoice: InvoiceWhole, earlier: ReadonlyMap<string, Money>, waiting: ReadonlyMap<string, Money>): Map<string, CorrectedCredit[]> {
  return new Map(invoice.lines.filter((line) => line.correction === null).map((line) => {
    const counted = combine(moneyOf({ ...NONE, credits: line.credits }), earlier.get(line.id) ?? NOTHING, 1);
    return [line.id, stored(combine(counted, waiting.get(line.id) ?? NOTHING, -1)).credits];
  }));
}

const NONE = { amount: 0n, discount_amounts: [], taxes: [], credits: [], contained: 0 };

/** What of the credit that met late usage a line keeps: as far as the line reaches beyond what it came to before that usage. */
function keptOfLate(line: InvoiceLineRow, held: readonly CorrectedCredit[]): StoredCredit[] {
  const net = afterDiscounts(line);
  return [...Map.groupBy(held.filter((credit) => credit.above !== undefined), (credit) => credit.above!)].flatMap(([above, credits]) => {
    let room = net - BigInt(above);
    return credits.flatMap((credit) => {
      const amount = BigInt(credit.amount) < room ? BigInt(credit.amount) : room;
      if (amount <= 0n) return [];
      room -= amount;
      return [{ ...credit, transaction: null, amount: minor(amount) }];
    });
  });
}

/** What credit notes have given back of a line in money is not met by credit: the line as credits see it. */
function withoutNoted(line: InvoiceLineRow, left: Left | undefined): InvoiceLineRow {
  const open = line.credits.reduce((rest, each) => rest - BigInt(each.amount), afterDiscounts(line));
  const noted = left?.noted ?? 0n;
  return noted <= 0n || open <= 0n ? line : { ...line, amount: line.amount - (noted < open ? noted : open) };
}

/** What went back of the credits of early lines stays there: usage that counts again meets credit as late usage does. */
const goneOf = (held: readonly CorrectedCredit[]): StoredCredit[] => held.filter((credit) => credit.amount < 0 && credit.above === undefined).map((credit) => ({ ...credit, transaction: null }));

/** A line that gives back what was billed early, where more of credits has gone back with it by now: that much more of it is money, and is taxed. */
function withGone(line: InvoiceLineRow, held: readonly CorrectedCredit[], invoice: InvoiceWhole): InvoiceLineRow {
  const gone = new Map(goneOf(held).map((credit) => [credit.credit_grant, credit]));
  const kept = line.credits.map((credit) => ({ ...credit, amount: Math.min(credit.amount, gone.get(credit.credit_grant)?.amount ?? 0) }));
  const credits = [...kept, ...[...gone.values()].filter((each) => line.credits.every((credit) => credit.credit_grant !== each.credit_grant))];
  const sum = (of: readonly StoredCredit[]) => of.reduce((whole, each) => whole + BigInt(each.amount), 0n);
  const more = sum(line.credits) - sum(credits);
  if (more === 0n) return line;
  const ids = rateIds(line, invoice.default_tax_rates);
  const taxed = storedTaxes(taxLine(more, invoice.rate_rows.filter((rate) => ids.includes(rate.id)), invoice.customer_snapshot.tax_exempt ?? 'none'));
  const money = (taxes: StoredTax[]) => moneyOf({ ...NONE, taxes });
  return { ...line, credits, taxes: [...combine(money(line.taxes), money(taxed), 1).taxes.values()] };
}

/** The invoice with the credits that its grants give to it as it is now: of each grant at most what it has given by now. More is drawn when what is to be put right is billed. */
function withCredits(invoice: InvoiceWhole, held: ReadonlyMap<string, CorrectedCredit[]>, left: ReadonlyMap<string, Left>): InvoiceWhole {
  if ([...held.values()].every((credits) => credits.length === 0)) return invoice;
  const isMet = (line: InvoiceLineRow) => held.has(line.id) && backOf(line) === null;
  const late = invoice.lines.map((line) => (isMet(line) ? { ...line, credits: keptOfLate(line, held.get(line.id)!) } : line));
  const given = new Map<string, number>();
  for (const { credit_grant, amount, above } of invoice.lines.filter(isMet).flatMap((line) => held.get(line.id)!)) if (above === undefined && amount > 0) given.set(credit_grant, (given.get(credit_grant) ?? 0) + amount);
  // The order in which grants are used is that of the grants as they are.
  const grants = invoice.grant_rows.toSorted(inOrder).map((grant, priority) => ({ ...grant, priority, balance: BigInt(given.get(grant.id) ?? 0), voided_at: null, expires_at: null, effective_at: 0 }));
  const taken = Map.groupBy(creditsFor({ ...invoice, lines: late.map((line) => withoutNoted(line, left.get(line.id))) }, grants, 0), ({ line }) => line.id);
  const credited = (line: InvoiceLineRow): StoredCredit[] => (taken.get(line.id) ?? []).map(({ grant, amount }) => ({ credit_grant: grant.id, transaction: null, amount: minor(amount), name: grant.name }));
  const moneyOfCredits = (credits: StoredCredit[]) => moneyOf({ ...NONE, credits });
  const creditsOf = (line: InvoiceLineRow): StoredCredit[] => stored(combine(moneyOfCredits(credited(line)), moneyOfCredits(goneOf(held.get(line.id)!)), 1)).credits.map((credit) => ({ ...credit, transaction: null }));
  const met = workOut({ ...invoice, lines: late.map((line) => (isMet(line) ? { ...line, credits: [...creditsOf(line), ...line.credits] } : line)) });
  return { ...met, lines: met.lines.map((line) => (held.has(line.id) && !isMet(line) ? withGone(line, held.get(line.id)!, invoice) : line)) };
}

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

/**
 * What is to be put right of an invoice: each line rated again, less what was billed and what earlier corrections of it came to, those that wait (`waiting`, by line) among them. `recounted` are its lines with the
 * quantities that are true now; discounts, tax rates and exemption are those with which it was billed. `left`: by line, what credit notes have left of those of which they took something. Where no money is to be put
 * right, a correction that waits is made again if it is `stale`.
 */
export function toCorrect(
  invoice: InvoiceWhole, recounted: readonly InvoiceLineRow[], earlier: ReadonlyMap<string, Money>, waiting: ReadonlyMap<string, Money>, left: ReadonlyMap<string, Left>, stale: (line: InvoiceLineRow, after: InvoiceLineRow) => boolean,
): LineCorrection[] {
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
