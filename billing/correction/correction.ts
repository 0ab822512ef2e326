/** What is put right of an invoice that was finalised, when what it billed turns out to have been otherwise (docs/concepts/outcomes.md, "After the invoice"). */
import type { Instant } from '../decision.ts';
import { creditedLines, creditsFor } from '../credit/apply.ts';
import { inOrder } from '../credit/grant.ts';
import { workOut } from '../invoice/draft.ts';
import { rateIds, type InvoiceLineRow, type InvoiceWhole, type StoredDiscountAmount, type StoredTax } from '../invoice/invoice.ts';
import { minor } from '../money.ts';
import { inclusiveTax } from '../tax.ts';

/** What a line or an item puts right, and its discounts and taxes, which are given and not computed anew. */
export type Correction = {
  /** The invoice and the line that it corrects. */
  invoice: string;
  line: string;
  /** Of a line of usage: what was billed, earlier corrections included, and what it is now. Null for a line whose part of a discount has changed. */
  quantity: CorrectedQuantity | null;
  discount_amounts: StoredDiscountAmount[];
  taxes: StoredTax[];
  /** What of a grant's credits the line takes less than it did: below zero, since a correction gives credit back and takes none. */
  credits: CorrectedCredit[];
  /** The inclusive tax in the amount before discounts. */
  contained: number;
};

/** How much it was and is; where the price has several groups, in each of them, by the name that bills call it. */
export type CorrectedQuantity = { before: string; after: string; groups?: { name: string; before: string; after: string }[] };

export type CorrectedCredit = { credit_grant: string; name: string | null; amount: number };

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
};

const taxKey = ({ tax_rate, tax_behavior, taxability_reason }: StoredTax): string => `${tax_rate} ${tax_behavior} ${taxability_reason}`;

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
  return { amount, discounts: new Map(discount_amounts.map((each) => [each.discount, each.amount])), taxes: new Map(taxes.map((tax) => [taxKey(tax), tax])), credits: new Map(credits.map((credit) => [credit.credit_grant, credit])), contained: BigInt(contained) };
}

function moneyOfLine(line: InvoiceLineRow, invoice: InvoiceWhole): Money {
  const ids = rateIds(line, invoice.default_tax_rates);
  const rates = invoice.rate_rows.filter((rate) => ids.includes(rate.id));
  return moneyOf({ ...line, contained: line.correction?.contained ?? inclusiveTax(line.amount, rates, invoice.customer_snapshot.tax_exempt ?? 'none') });
}

/** The parts of a sum that are not 0, as they are stored. */
export const stored = (money: Money) => ({
  discount_amounts: [...money.discounts].filter(([, amount]) => amount !== 0).map(([discount, amount]): StoredDiscountAmount => ({ discount, amount })),
  taxes: [...money.taxes.values()].filter((tax) => tax.amount !== 0 || tax.taxable_amount !== 0),
  credits: [...money.credits.values()].filter((credit) => credit.amount !== 0).map(({ credit_grant, name, amount }): CorrectedCredit => ({ credit_grant, name, amount })),
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

/** What is to be put right of a line. */
export type LineCorrection = { line: InvoiceLineRow; after: InvoiceLineRow; money: Money };

/** The invoice with the credits that its grants give to other lines: of each grant at most what it has given to the invoice by now. Credit that is still there is not drawn on. */
function withCredits(invoice: InvoiceWhole, given: ReadonlyMap<string, number>): InvoiceWhole {
  const grants = invoice.grant_rows.map((grant) => ({ ...grant, balance: BigInt(given.get(grant.id) ?? 0), voided_at: null, expires_at: null, effective_at: 0 }));
  // The order in which grants are used is that of the grants as they are.
  const ordered = grants.toSorted((a, b) => inOrder(invoice.grant_rows.find(({ id }) => id === a.id)!, invoice.grant_rows.find(({ id }) => id === b.id)!)).map((grant, priority) => ({ ...grant, priority }));
  const taken = creditsFor(invoice, ordered, 0).map(({ grant, line, amount }) => ({ line: line.id, credit_grant: grant.id, transaction: null, amount: minor(amount), name: grant.name }));
  return taken.length === 0 ? invoice : workOut({ ...invoice, lines: creditedLines(invoice.lines, taken) });
}

/** What each grant has given to an invoice, corrections counted. */
function creditsGiven(invoice: InvoiceWhole, earlier: ReadonlyMap<string, Money>): Map<string, number> {
  const given = new Map<string, number>();
  for (const line of invoice.lines.filter((each) => each.correction === null)) {
    for (const { credit_grant, amount } of [...line.credits, ...(earlier.get(line.id)?.credits.values() ?? [])]) given.set(credit_grant, (given.get(credit_grant) ?? 0) + amount);
  }
  return given;
}

/**
 * What is to be put right of an invoice: each line rated again, less what was billed and what earlier corrections of it came to. `recounted` are its lines with the quantities that are true now; discounts, tax rates
 * and exemption are those with which it was billed.
 */
export function toCorrect(invoice: InvoiceWhole, recounted: readonly InvoiceLineRow[], earlier: ReadonlyMap<string, Money>): LineCorrection[] {
  const anew = withCredits(workOut({ ...invoice, lines: recounted.map((line) => (line.correction || line.credits.length === 0 ? line : { ...line, credits: [] })) }), creditsGiven(invoice, earlier));
  return invoice.lines.flatMap((line, n): LineCorrection[] => {
    const after = anew.lines[n]!;
    const known = combine(moneyOfLine(line, invoice), earlier.get(line.id) ?? NOTHING, 1);
    const money = combine(moneyOfLine(after, anew), known, -1);
    return isNothing(money) ? [] : [{ line, after, money }];
  });
}
