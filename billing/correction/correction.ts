/** What is put right of an invoice that was finalized, when what it billed turns out to have been otherwise (docs/concepts/outcomes.md, "After the invoice"). */
import type { Decision, Instant, Moment } from '../decision.ts';
import { taxationOf, type InvoiceLineRow, type InvoiceRow, type StoredDiscountAmount, type StoredTax, type TaxedBy } from '../invoice/invoice.ts';
import { backOf } from '../metering.ts';
import { inclusiveTax } from '../tax.ts';

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

/** A line that is put right: which one, by how much, and what else is known of that. What is left out of `how` is null. */
export type CorrectedBy = { of: Pick<CorrectionRow, 'customer' | 'invoice' | 'line' | 'currency'>; money: Money; how: Partial<CorrectionRow> };

/** The corrections of lines as they are made: written, and told. */
export function correctLines(into: Decision, lines: readonly CorrectedBy[], moment: Moment): void {
  for (const { of, money, how } of lines) {
    const row: CorrectionRow = {
      ...stored(money), id: moment.newId('icor'), created: moment.now, ...of, quantity_before: null, quantity_after: null, quantity_groups: null, kept: null,
      amount: money.amount, contained: money.contained, total: totalOf(money), invoice_item: null, credit_note: null, credited_on: null, ...how,
    };
    into.puts.push({ table: 'invoice_corrections', before: null, after: row });
    into.facts.push({ type: 'kontor.invoice_correction.created', object: 'kontor.invoice_correction', whole: row, at: moment.now });
  }
}

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

/** What a line comes to as it stands on its invoice. */
export function moneyOfLine(line: InvoiceLineRow, invoice: TaxedBy): Money {
  const { rates, exempt } = taxationOf(line, invoice);
  return moneyOf({ ...line, contained: (line.correction ?? backOf(line))?.contained ?? inclusiveTax(line.amount, rates, exempt) });
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
