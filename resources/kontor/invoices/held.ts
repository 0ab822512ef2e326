/** Usage of which there is more than may be billed: what was billed without it, or cannot be corrected, until somebody puts the usage right. */
import type { HeldLineRow } from '../../../billing/correction/held.ts';
import type { InvoiceLineRow, InvoiceRow } from '../../../billing/invoice/invoice.ts';
import { formatMoney } from '../../../billing/money.ts';
import { LARGEST_AMOUNT } from '../../../billing/pricing/amount.ts';
import type { Context, Json } from '../../../server/context.ts';
import { rows, sql } from '../../../server/database/sql.ts';
import { id, listParams, type Params } from '../../../server/http/params.ts';
import { minor } from '../../../server/http/wire.ts';
import { equal, page, renderList } from '../../../server/lists.ts';

export const heldParams = listParams({ customer: id('cus') });

/** `late` is null on a draft. */
type HeldLine = Pick<InvoiceLineRow, 'id' | 'invoice' | 'description' | 'subscription_item' | 'currency'> & Pick<HeldLineRow, 'quantity_decimal' | 'comes_to'> & { late: boolean | null };

const PUT_RIGHT = 'Amend the event that is mistaken with POST /v1/kontor/usage/corrections, or cancel it';

function message({ late, comes_to, currency }: HeldLine): string {
  const much = `${formatMoney(BigInt(comes_to), currency)}, more than the ${formatMoney(LARGEST_AMOUNT, currency)} that a line may come to`;
  if (late === null) return `What was used comes to ${much}: this draft charges 0 for it. ${PUT_RIGHT}, and the draft is counted again before it is finalized.`;
  if (!late) return `What was used comes to ${much}: the invoice charged 0 for it. ${PUT_RIGHT}, and the next invoice bills the usage.`;
  return `With what came after the invoice, the usage comes to ${much}: nothing of the invoice is corrected meanwhile. ${PUT_RIGHT}, and the next invoice bills what is missing.`;
}

const statusOf = ({ late }: HeldLine): 'draft' | 'not_billed' | 'not_corrected' => (late === null ? 'draft' : late ? 'not_corrected' : 'not_billed');

function render(invoice: InvoiceRow, lines: readonly HeldLine[], livemode: boolean): Json {
  return {
    id: invoice.id,
    object: 'kontor.held_usage',
    currency: invoice.currency,
    customer: invoice.customer,
    largest_amount: minor(LARGEST_AMOUNT),
    lines: lines.map((line) => ({ comes_to: line.comes_to, description: line.description, line: line.id, message: message(line), quantity: line.quantity_decimal, status: statusOf(line), subscription_item: line.subscription_item })),
    livemode,
    subscription: invoice.subscription,
  };
}

/** Lines `l` of drafts that are held: what is held of an invoice that was finalized is kept. */
const ON_DRAFTS = sql`invoice_lines l join invoices i on i.id = l.invoice and i.status = 'draft' where l.metering ? 'held'`;

/** Invoices, drafts among them, with the lines whose usage is held. */
export async function listHeld(ctx: Context, given: Params<typeof heldParams>): Promise<Json> {
  const { customer } = given;
  const conditions = [
    sql`status <> 'void' and id in (select invoice from held_lines union all select l.invoice from ${ON_DRAFTS})`,
    // What lives on test clocks is listed only by its customer.
    ...equal('customer', customer), ...(customer === undefined ? equal('test_clock', null) : []),
  ];
  const { data, has_more } = await page<InvoiceRow>(ctx, 'invoices', 'invoice', conditions, given);
  const ids = data.map((invoice) => invoice.id);
  const found = await rows<HeldLine>(
    ctx.tx,
    sql`select l.id, l.invoice, l.description, l.subscription_item, l.currency, l.position, h.quantity_decimal, h.comes_to, h.late from held_lines h join invoice_lines l on l.id = h.id where h.invoice = any(${ids}::text[])
        union all
        select l.id, l.invoice, l.description, l.subscription_item, l.currency, l.position, l.quantity_decimal, l.metering ->> 'held', null from ${ON_DRAFTS} and l.invoice = any(${ids}::text[])
        order by invoice, position`,
  );
  const lines = Map.groupBy(found, (line) => line.invoice);
  return renderList('/v1/kontor/held_usage', data.map((invoice) => render(invoice, lines.get(invoice.id) ?? [], ctx.world.livemode)), has_more);
}
