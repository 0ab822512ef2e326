/** What came of a life, read from rows and told in the words of the reference model. */
import assert from 'node:assert/strict';
import type { CreditGrantRow, CreditTransactionRow } from '../../billing/credit/grant.ts';
import type { CreditNoteLineRow, CreditNoteRow } from '../../billing/credit_note/credit_note.ts';
import { itemizedOf, type InvoiceItemRow, type InvoiceLineRow, type InvoiceRow } from '../../billing/invoice/invoice.ts';
import type { SubscriptionRow } from '../../billing/subscription/subscription.ts';
import type { GrantState, Invoice, Line, LineKind, Movement, Note, Outcome } from './reference/history.ts';

export type Found = {
  invoices: readonly (InvoiceRow & { lines: readonly InvoiceLineRow[] })[];
  notes: readonly (CreditNoteRow & { lines: readonly CreditNoteLineRow[] })[];
  pending: readonly InvoiceItemRow[];
  subscription: Pick<SubscriptionRow, 'ended_at' | 'status'>;
  balance: bigint;
  /** In the order of their creation. */
  grants: readonly CreditGrantRow[];
  credit_transactions: readonly CreditTransactionRow[];
  refused: number[];
  /** The last invoice, for which the reference has a word of its own. */
  last: string | null;
};

/** The history's own names for what got ids. */
type Names = { item(id: string): string; pending(id: string): string; coupon(discount: string): string; rate(id: string): string; metered(price: string): boolean };

type Shown = Omit<InvoiceLineRow, 'id' | 'invoice' | 'position'>;

function kindOf(line: Shown, names: Names): LineKind {
  if (line.commitment !== null) return 'commitment';
  if (line.subscription_item === null && line.invoice_item === null) return 'top_up';
  if (line.subscription_item === null) return 'pending';
  if (names.metered(line.price!)) return 'metered';
  if (line.invoice_item === null) return 'licensed';
  return line.amount < 0n ? 'credit' : 'debit';
}

type Parts = Pick<Shown, 'amount' | 'discount_amounts' | 'taxes'>;

const MOVEMENTS: Record<CreditTransactionRow['type'], Movement['kind']> = { credits_granted: 'granted', credits_applied: 'applied', credits_application_invoice_voided: 'given back', credits_expired: 'expired', credits_voided: 'voided' };

function partsOf({ amount, discount_amounts, taxes }: Parts, names: Names): Pick<Line, 'amount' | 'discounts' | 'taxes'> {
  return {
    amount,
    discounts: discount_amounts.filter((each) => each.amount !== 0).map((each) => ({ id: names.coupon(each.discount), amount: BigInt(each.amount) })),
    taxes: taxes.map((tax) => ({ id: names.rate(tax.tax_rate), amount: BigInt(tax.amount), inclusive: tax.tax_behavior === 'inclusive' })),
  };
}

function lineOf(line: Shown, names: Names, grantOf: (id: string) => string): Line {
  return {
    key: line.subscription_item !== null ? names.item(line.subscription_item) : line.invoice_item !== null ? names.pending(line.invoice_item) : kindOf(line, names),
    kind: kindOf(line, names),
    period: { start: line.period_start, end: line.period_end },
    quantity: line.quantity_decimal!,
    proration: line.proration,
    discountable: line.discountable,
    ...partsOf(line, names),
    credits: line.credits.map(({ amount, credit_grant }) => ({ id: grantOf(credit_grant), amount: BigInt(amount) })),
  };
}

export function outcomeOf({ invoices, notes, pending, subscription, balance, grants, credit_transactions, last, refused }: Found, names: Names): Outcome {
  // What was bought has no name that nothing else has.
  const granted = new Map(grants.map(({ id, name, metadata: { invoice } }) => [id, invoice === undefined ? name! : `bought on ${invoices.findIndex((each) => each.id === invoice)}`]));
  const grantOf = (id: string) => granted.get(id)!;
  const told = (invoice: Found['invoices'][number]): Invoice => {
    const { id, created: at, billing_reason, subtotal, total, total_excluding_tax, subtotal_excluding_tax, status, amount_remaining } = invoice;
    const reason = id === last ? 'subscription_cancel' : (billing_reason as Invoice['reason']);
    const lines = invoice.lines.map((line) => lineOf(line, names, grantOf));
    return { at, reason, lines, subtotal, total, total_excluding_tax, subtotal_excluding_tax, status, remaining: status === 'draft' ? null : amount_remaining };
  };
  const noted = (note: Found['notes'][number]): Note => {
    const invoice = invoices.findIndex((each) => each.id === note.invoice);
    const { created: at, status, subtotal, total, total_excluding_tax, pre_payment_amount: pre_payment, post_payment_amount, out_of_band_amount } = note;
    const out_of_band = out_of_band_amount ?? 0n;
    const lines = note.lines.map((line) => ({ line: invoices[invoice]!.lines.findIndex((each) => each.id === line.invoice_line_item), units: line.quantity, credit: line.credits_taken, ...partsOf(line, names) }));
    return { invoice, at, status, lines, subtotal, total, total_excluding_tax, pre_payment, to_balance: post_payment_amount - out_of_band, out_of_band };
  };
  const state = ({ id, expires_at, voided_at, balance: left }: CreditGrantRow): GrantState => {
    const movements = credit_transactions.filter((each) => each.credit_grant === id).map(({ created: at, type, amount, invoice: of, invoice_line_item }): Movement => {
      const invoice = of === null ? null : invoices.findIndex((each) => each.id === of);
      return { at, kind: MOVEMENTS[type], amount, invoice, line: invoice === null ? null : invoices[invoice]!.lines.findIndex((each) => each.id === invoice_line_item) };
    });
    assert.equal(left, movements.reduce((sum, each) => sum + each.amount, 0n), `what is left of ${grantOf(id)} is not what was put to it and taken of it`);
    return { id: grantOf(id), expires_at, voided: voided_at !== null, movements };
  };
  const blank = { discounts: [], credits: [], commitment: null, commitment_billed: null, taxes: [] };
  const waiting = pending.map((item) => lineOf({ ...item, ...blank, discount_amounts: itemizedOf(item), invoice_item: item.id }, names, grantOf));
  return { invoices: invoices.map(told), notes: notes.map(noted), pending: waiting, ended_at: subscription.ended_at, paused: subscription.status === 'paused', balance, grants: grants.map(state), refused };
}
