/** How a line's discounts and taxes came about: what the rules make of the invoice, and from what. */
import { assert } from '../decision.ts';
import { afterCredits, type InvoiceLineRow, type InvoiceWhole, type StoredTax } from '../invoice/invoice.ts';
import { add, digitsAt, formatDecimal, fromBigint, least, positive, type Decimal } from '../money.ts';
import { decimalOf, fraction, percentText } from './exact.ts';
import type { StepOf } from './explanation.ts';

/** What the discounts before this one have left of a line. */
function leftBefore(line: InvoiceLineRow, discount: string): bigint {
  let left = line.amount;
  for (const each of line.discount_amounts) {
    if (each.discount === discount) break;
    left -= BigInt(each.amount);
  }
  return left;
}

/** A percentage of an amount as a fraction, `whole` being what the amount is 100 % of. */
function percentOfExactly(amount: bigint, percent: Decimal, whole: Decimal) {
  const scale = Math.max(percent.scale, whole.scale);
  return fraction(amount * digitsAt(percent, scale), digitsAt(whole, scale));
}

/** What each discount takes of a line of the invoice as it was worked out anew, in their order. */
export function discountSteps(invoice: InvoiceWhole, line: InvoiceLineRow): StepOf<'discount'>[] {
  return line.discount_amounts.map(({ discount: id, amount }, n) => {
    const discount = invoice.discount_rows.find((each) => each.id === id);
    assert(discount, `the discount ${id} of invoice ${invoice.id} was loaded`);
    const { id: coupon, name: coupon_name, percent_off, amount_off, currency, currency_options } = discount.source;
    const of = leftBefore(line, id);
    const blank = { kind: 'discount' as const, amount: BigInt(-amount), parts: [], discount: id, coupon, coupon_name, order: n + 1, of, scope: line.discounts.includes(id) ? ('line' as const) : ('invoice' as const) };
    if (percent_off !== null) return { ...blank, exact: percentOfExactly(-of, decimalOf(percent_off), fromBigint(100n)), percent_off: percentText(percent_off), amount_off: null, shared: null, over: null, lines: 1 };
    const among = invoice.lines.filter((each) => each.discount_amounts.some((one) => one.discount === id));
    const over = among.reduce((sum, each) => sum + positive(leftBefore(each, id)), 0n);
    const off = currency === invoice.currency ? amount_off! : BigInt(currency_options?.[invoice.currency]?.amount_off ?? 0);
    const shared = least(off, over);
    return { ...blank, exact: over === 0n ? null : fraction(-shared * positive(of), over), percent_off: null, amount_off: off, shared, over, lines: among.length };
  });
}

/** What each tax rate makes of a line of the invoice as it was worked out anew, in their order. */
export function taxSteps(invoice: InvoiceWhole, line: InvoiceLineRow): StepOf<'tax'>[] {
  const rates = line.taxes.map((tax: StoredTax) => {
    const rate = invoice.rate_rows.find((each) => each.id === tax.tax_rate);
    assert(rate, `the tax rate ${tax.tax_rate} of invoice ${invoice.id} was loaded`);
    return { tax, rate, percent: decimalOf(rate.percentage) };
  });
  const whole = rates.filter(({ rate }) => rate.inclusive).reduce((sum, { percent }) => add(sum, percent), fromBigint(100n));
  const of = afterCredits(line);
  return rates.map(({ tax, rate, percent }) => {
    const free = tax.taxability_reason === 'customer_exempt' || tax.taxability_reason === 'reverse_charge';
    const exact = free ? null : percentOfExactly(of, percent, rate.inclusive ? whole : fromBigint(100n));
    return {
      kind: 'tax', amount: BigInt(tax.amount), exact, parts: [], tax_rate: rate.id, name: rate.display_name, percentage: percentText(rate.percentage), inclusive: rate.inclusive,
      all_inclusive: formatDecimal(whole), of, taxable_amount: BigInt(tax.taxable_amount), reason: tax.taxability_reason,
    };
  });
}
