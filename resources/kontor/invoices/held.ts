/** Usage that came to more than a line may: what was billed without it, until somebody puts the usage right. */
import type { InvoiceLineRow, InvoiceRow } from '../../../billing/invoice/invoice.ts';
import { LARGEST_AMOUNT } from '../../../billing/pricing/amount.ts';
import type { Context, Json } from '../../../server/context.ts';
import { rows, sql } from '../../../server/database/sql.ts';
import { id, listParams, type Params } from '../../../server/http/params.ts';
import { minor } from '../../../server/http/wire.ts';
import { equal, page, renderList } from '../../../server/lists.ts';

export const heldParams = listParams({ customer: id('cus') });

/** A line `l` of which nothing was put right yet. */
const HELD = sql`l.metering ? 'held' and not exists (select from invoice_corrections c where c.world = l.world and c.line = l.id)`;

function render(invoice: InvoiceRow, lines: readonly InvoiceLineRow[], livemode: boolean): Json {
  return {
    id: invoice.id,
    object: 'kontor.held_usage',
    currency: invoice.currency,
    customer: invoice.customer,
    largest_amount: minor(LARGEST_AMOUNT),
    lines: lines.map(({ id: line, description, metering, quantity_decimal, subscription_item }) => ({ comes_to: metering!.held!, description, line, quantity: quantity_decimal, subscription_item })),
    livemode,
    subscription: invoice.subscription,
  };
}

/** Invoices, drafts among them, with the lines whose usage is held. */
export async function listHeld(ctx: Context, given: Params<typeof heldParams>): Promise<Json> {
  const { customer } = given;
  const conditions = [
    sql`status <> 'void' and exists (select from invoice_lines l where l.world = invoices.world and l.invoice = invoices.id and ${HELD})`,
    // What lives on test clocks is listed only by its customer.
    ...equal('customer', customer), ...(customer === undefined ? equal('test_clock', null) : []),
  ];
  const { data, has_more } = await page<InvoiceRow>(ctx, 'invoices', 'invoice', conditions, given);
  const found = await rows<InvoiceLineRow>(ctx.tx, sql`select l.* from invoice_lines l where l.invoice = any(${data.map((invoice) => invoice.id)}::text[]) and ${HELD} order by l.invoice, l.position`);
  const lines = Map.groupBy(found, (line) => line.invoice);
  return renderList('/v1/kontor/held_usage', data.map((invoice) => render(invoice, lines.get(invoice.id) ?? [], ctx.world.livemode)), has_more);
}
