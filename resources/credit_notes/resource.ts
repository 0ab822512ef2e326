import type Stripe from 'stripe';
import type { TaxRateRow } from '../../billing/catalog.ts';
import type { CreditNoteLineRow, CreditNoteWhole } from '../../billing/credit_note/credit_note.ts';
import type { Resource, World } from '../../server/context.ts';
import { minor, type Wire } from '../../server/http/wire.ts';
import { renderPretaxCredits, renderTaxes } from '../invoices/resource.ts';
import { renderTaxRate } from '../tax_rates/resource.ts';
import { creditNotesById } from './rows.ts';

/** So many lines stand on the credit note itself; the others are listed. */
const LINES = 10;

const sumOf = (amounts: readonly { amount: number }[]): number => amounts.reduce((sum, { amount }) => sum + amount, 0);

/** A line with the tax rates that it names. */
type CreditNoteLine = CreditNoteLineRow & { rate_rows: readonly TaxRateRow[] };

export function linesOf(note: CreditNoteWhole): CreditNoteLine[] {
  const rates = new Map(note.rate_rows.map((rate) => [rate.id, rate]));
  return note.lines.map((line) => ({ ...line, rate_rows: line.tax_rates.flatMap((id) => rates.get(id) ?? []) }));
}

export function renderLine(line: CreditNoteLine, world: World): Wire<Stripe.CreditNoteLineItem> {
  const { unit_amount_decimal } = line;
  return {
    id: line.id,
    object: 'credit_note_line_item',
    amount: minor(line.amount),
    description: line.description,
    discount_amount: sumOf(line.discount_amounts),
    discount_amounts: line.discount_amounts,
    ...(line.invoice_line_item !== null && { invoice_line_item: line.invoice_line_item }),
    livemode: world.livemode,
    metadata: line.metadata,
    pretax_credit_amounts: renderPretaxCredits(line.discount_amounts),
    quantity: line.quantity,
    tax_rates: line.rate_rows.map((rate) => renderTaxRate(rate, world)),
    taxes: renderTaxes(line.taxes),
    type: line.type,
    unit_amount: unit_amount_decimal !== null && /^[0-9]+$/.test(unit_amount_decimal) ? minor(BigInt(unit_amount_decimal)) : null,
    unit_amount_decimal,
  };
}

export function renderCreditNote(note: CreditNoteWhole, world: World, url = `/v1/credit_notes/${note.id}/lines`): Wire<Stripe.CreditNote> {
  return {
    id: note.id,
    object: 'credit_note',
    amount: minor(note.total),
    amount_shipping: 0,
    created: note.created,
    currency: note.currency,
    customer: note.customer,
    customer_account: null,
    customer_balance_transaction: note.customer_balance_transaction,
    discount_amount: sumOf(note.discount_amounts),
    discount_amounts: note.discount_amounts,
    effective_at: note.effective_at,
    invoice: note.invoice,
    lines: { object: 'list', data: linesOf(note).slice(0, LINES).map((line) => renderLine(line, world)), has_more: note.lines.length > LINES, url },
    livemode: world.livemode,
    memo: note.memo,
    metadata: note.metadata,
    number: note.number,
    out_of_band_amount: note.out_of_band_amount === null ? null : minor(note.out_of_band_amount),
    // There is no document to download.
    pdf: '',
    post_payment_amount: minor(note.post_payment_amount),
    pre_payment_amount: minor(note.pre_payment_amount),
    pretax_credit_amounts: renderPretaxCredits(note.discount_amounts),
    reason: note.reason,
    refunds: note.refunds.map(({ refund, amount_refunded }) => ({ amount_refunded, payment_record_refund: null, refund, type: 'refund' as const })),
    shipping_cost: null,
    status: note.status,
    subtotal: minor(note.subtotal),
    subtotal_excluding_tax: minor(note.subtotal_excluding_tax),
    total: minor(note.total),
    total_excluding_tax: minor(note.total_excluding_tax),
    total_taxes: renderTaxes(note.total_taxes),
    type: note.type,
    voided_at: note.voided_at,
  };
}

const DISCOUNTS = { 'discount_amounts.discount': 'discount', 'pretax_credit_amounts.discount': 'discount' };

export const creditNoteLine: Resource<CreditNoteLine> = { object: 'credit_note_line_item', prefix: 'cnli', render: renderLine, expands: DISCOUNTS };

export const creditNote: Resource<CreditNoteWhole> = {
  object: 'credit_note',
  prefix: 'cn',
  render: (note, world) => renderCreditNote(note, world),
  load: (ctx, ids) => creditNotesById(ctx.tx, ids),
  expands: { customer: 'customer', customer_balance_transaction: 'customer_balance_transaction', invoice: 'invoice', ...DISCOUNTS },
};
