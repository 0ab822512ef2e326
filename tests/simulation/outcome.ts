/** What came of a life, read from rows and told in the words of the reference model. */
import type { InvoiceItemRow, InvoiceLineRow, InvoiceRow } from '../../billing/invoice/invoice.ts';
import type { Invoice, Line, LineKind, Outcome } from './reference.ts';

export type Found = {
  invoices: readonly (InvoiceRow & { lines: readonly InvoiceLineRow[] })[];
  pending: readonly InvoiceItemRow[];
  ended_at: number | null;
  /** The last invoice, for which the reference has a word of its own. */
  last: string | null;
};

/** The history's own names for what got ids. */
export type Names = { item(id: string): string; pending(id: string): string; coupon(discount: string): string; rate(id: string): string; metered(price: string): boolean };

type Shown = Omit<InvoiceLineRow, 'id' | 'invoice' | 'position'>;

function kindOf(line: Shown, names: Names): LineKind {
  if (line.subscription_item === null) return 'pending';
  if (names.metered(line.price!)) return 'metered';
  if (line.invoice_item === null) return 'licensed';
  return line.amount < 0n ? 'credit' : 'debit';
}

function lineOf(line: Shown, names: Names): Line {
  return {
    key: line.subscription_item === null ? names.pending(line.invoice_item!) : names.item(line.subscription_item),
    kind: kindOf(line, names),
    amount: line.amount,
    period: { start: line.period_start, end: line.period_end },
    quantity: line.quantity_decimal!,
    proration: line.proration,
    discountable: line.discountable,
    discounts: line.discount_amounts.filter((each) => each.amount !== 0).map((each) => ({ id: names.coupon(each.discount), amount: BigInt(each.amount) })),
    taxes: line.taxes.map((tax) => ({ id: names.rate(tax.tax_rate), amount: BigInt(tax.amount), inclusive: tax.tax_behavior === 'inclusive' })),
  };
}

export function outcomeOf({ invoices, pending, ended_at, last }: Found, names: Names): Outcome {
  const told = (invoice: Found['invoices'][number]): Invoice => {
    const { id, created: at, billing_reason, subtotal, total, total_excluding_tax, subtotal_excluding_tax } = invoice;
    const reason = id === last ? 'subscription_cancel' : (billing_reason as Invoice['reason']);
    return { at, reason, lines: invoice.lines.map((line) => lineOf(line, names)), subtotal, total, total_excluding_tax, subtotal_excluding_tax };
  };
  const blank = { discounts: [], discount_amounts: [], credits: [], taxes: [] };
  return { invoices: invoices.map(told), pending: pending.map((item) => lineOf({ ...item, ...blank, invoice_item: item.id }, names)), ended_at };
}
