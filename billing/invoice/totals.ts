/** The sums of an invoice (docs/concepts/bill.md, "The invoice"): from lines to discounts to taxes to totals, and what the customer's balance makes of them. */
import { applyDiscounts, type AppliedDiscount, type DiscountableLine, type DiscountAmount } from '../discount.ts';
import { inclusiveTax, taxLine, type LineTax, type TaxExempt, type TaxRate } from '../tax.ts';

/** A line to be assessed. `tax_rates` are those that count for it: its item's, or the default ones where its item has none. */
export type InvoiceLine = DiscountableLine & {
  readonly tax_rates: readonly TaxRate[];
  /** What discounts took before; nothing where it is left out. */
  readonly itemized?: readonly DiscountAmount[];
  /** What credit grants give to it; nothing where it is left out. */
  readonly credit?: bigint;
};

/** What counts for the whole invoice. `discounts` are those in force, in their order. */
export type InvoiceTerms = { readonly currency: string; readonly discounts: readonly AppliedDiscount[]; readonly tax_exempt: TaxExempt };

/** A line with what was taken off it and put on it. `inclusive_before_discounts` is the inclusive tax contained in `amount` itself. */
export type AssessedLine = {
  readonly amount: bigint;
  readonly discount_amounts: readonly DiscountAmount[];
  /** Taken off after the discounts, before tax; nothing where it is left out. */
  readonly credit?: bigint;
  readonly taxes: readonly LineTax[];
  readonly inclusive_before_discounts: bigint;
};

/** Discounts and taxes of each line, in the order of the lines. */
export function assessLines(lines: readonly InvoiceLine[], terms: InvoiceTerms): AssessedLine[] {
  const discounts = applyDiscounts(lines, terms.discounts, terms.currency);
  return lines.map(({ amount, tax_rates, itemized = [], credit = 0n }, index) => {
    const discount_amounts = [...itemized, ...discounts[index]!];
    const taxable = discount_amounts.reduce((rest, each) => rest - each.amount, amount - credit);
    return { amount, discount_amounts, credit, taxes: taxLine(taxable, tax_rates, terms.tax_exempt), inclusive_before_discounts: inclusiveTax(amount, tax_rates, terms.tax_exempt) };
  });
}

/** The totals that an invoice shows, in minor units. */
export type Totals = {
  subtotal: bigint;
  subtotal_excluding_tax: bigint;
  total: bigint;
  total_excluding_tax: bigint;
  credits_applied: bigint;
  /** One entry for each discount, in the order of their first appearance. */
  total_discount_amounts: DiscountAmount[];
  /** One entry for each rate, behaviour and reason, in the order of their first appearance. */
  total_taxes: LineTax[];
};

/** The sums of lines; nothing is rounded any more. */
export function totalsOf(lines: readonly AssessedLine[]): Totals {
  let subtotal = 0n;
  let contained = 0n;
  let credits_applied = 0n;
  for (const line of lines) {
    subtotal += line.amount;
    contained += line.inclusive_before_discounts;
    credits_applied += line.credit ?? 0n;
  }
  const total_discount_amounts = sumDiscounts(lines);
  const total_taxes = sumTaxes(lines);
  const discounted = total_discount_amounts.reduce((rest, each) => rest - each.amount, subtotal - credits_applied);
  let exclusive = 0n;
  let inclusive = 0n;
  for (const tax of total_taxes) {
    if (tax.tax_behavior === 'inclusive') inclusive += tax.amount;
    else exclusive += tax.amount;
  }
  return {
    subtotal,
    subtotal_excluding_tax: subtotal - contained,
    total: discounted + exclusive,
    total_excluding_tax: discounted - inclusive,
    credits_applied,
    total_discount_amounts,
    total_taxes,
  };
}

function sumDiscounts(lines: readonly AssessedLine[]): DiscountAmount[] {
  const sums = new Map<string, bigint>();
  for (const line of lines) {
    for (const { discount, amount } of line.discount_amounts) sums.set(discount, (sums.get(discount) ?? 0n) + amount);
  }
  return Array.from(sums, ([discount, amount]) => ({ discount, amount }));
}

function sumTaxes(lines: readonly AssessedLine[]): LineTax[] {
  const sums = new Map<string, LineTax>();
  for (const line of lines) {
    for (const tax of line.taxes) {
      const key = `${tax.tax_rate} ${tax.tax_behavior} ${tax.taxability_reason}`;
      const sum = sums.get(key);
      sums.set(key, sum === undefined ? tax : { ...sum, amount: sum.amount + tax.amount, taxable_amount: sum.taxable_amount + tax.taxable_amount });
    }
  }
  return [...sums.values()];
}

/** What is due once the customer's balance is applied, and the balance before and after. A balance < 0 is what we owe the customer, > 0 what the customer owes us. */
type Settlement = { amount_due: bigint; starting_balance: bigint; ending_balance: bigint };

/**
 * Applies the customer's balance to a total at finalization. A total ≥ 0 takes from what we owe, or collects what is owed to us; a total < 0 is put to the balance and nothing is due. Always
 * `amount_due + ending_balance = total + starting_balance`: nothing is lost on the way.
 */
export function applyBalance(total: bigint, starting_balance: bigint): Settlement {
  const sum = total + starting_balance;
  const amount_due = total < 0n || sum < 0n ? 0n : sum;
  return { amount_due, starting_balance, ending_balance: sum - amount_due };
}
