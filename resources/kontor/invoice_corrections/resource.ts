import type { CorrectionRow } from '../../../billing/correction/correction.ts';
import type { Resource, World } from '../../../server/context.ts';
import { minor } from '../../../server/http/wire.ts';
import { renderTaxes } from '../../invoices/resource.ts';
import { correctionsById } from './rows.ts';

export function renderCorrection(correction: CorrectionRow, world: World) {
  return {
    id: correction.id,
    object: 'kontor.invoice_correction',
    amount: minor(correction.amount),
    created: correction.created,
    credit_note: correction.credit_note,
    credited_on: correction.credited_on,
    credits: correction.credits.map(({ credit_grant, amount, above = null }) => ({ above, amount, credit_grant })),
    currency: correction.currency,
    customer: correction.customer,
    discount_amounts: correction.discount_amounts,
    invoice: correction.invoice,
    invoice_item: correction.invoice_item,
    kept_by_credit_notes: correction.kept === null ? null : minor(correction.kept),
    line: correction.line,
    livemode: world.livemode,
    quantity_after: correction.quantity_after,
    quantity_before: correction.quantity_before,
    quantity_groups: correction.quantity_groups,
    taxes: renderTaxes(correction.taxes),
    total: minor(correction.total),
  };
}

export const invoiceCorrection: Resource<CorrectionRow> = {
  object: 'kontor.invoice_correction',
  prefix: 'icor',
  render: renderCorrection,
  load: (ctx, ids) => correctionsById(ctx.tx, ids),
  expands: { credit_note: 'credit_note', customer: 'customer', invoice: 'invoice', invoice_item: 'invoiceitem' },
};
