/** The stored facts by which invoices are explained: a read for each kind of thing, however many lines there are. */
import type { CreditedDebit, ExplainFacts } from '../../../billing/explain/explanation.ts';
import type { Instant } from '../../../billing/decision.ts';
import type { InvoiceItemRow, InvoiceLineRow, InvoiceWhole } from '../../../billing/invoice/invoice.ts';
import type { PriceRow } from '../../../billing/catalog.ts';
import { netOf } from '../../../billing/subscription/lines.ts';
import type { SubscriptionRow } from '../../../billing/subscription/subscription.ts';
import { row, rows, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';
import { discountsById } from '../../discounts/rows.ts';
import { pricesById } from '../../prices/rows.ts';
import { usageOfLines, type Metered } from './usage.ts';

/** The prices that lines name, by id. */
export async function pricesOf(tx: Tx, lines: readonly InvoiceLineRow[]): Promise<Map<string, PriceRow>> {
  const ids = unique(lines.map((line) => line.price));
  return new Map(ids.length === 0 ? [] : (await pricesById(tx, ids)).map((price) => [price.id, price]));
}

/** Everything from which the amounts of an invoice can be computed again. */
export async function explainFacts(tx: Tx, invoice: InvoiceWhole): Promise<ExplainFacts> {
  const { lines } = invoice;
  const prices = await pricesOf(tx, lines);
  const contained = unique(lines.flatMap((line) => line.proration_details?.discount_amounts.map((each) => each.discount) ?? []));
  return {
    prices,
    subscriptions: await subscriptionsOf(tx, lines),
    usage: await usageOfLines(tx, await meteredLines(tx, invoice, prices)),
    debits: await debitsOf(tx, lines),
    discounts: new Map(contained.length === 0 ? [] : (await discountsById(tx, contained)).map((discount) => [discount.id, discount])),
  };
}

/** The invoice of the same subscription that was made before this one and counts, or undefined. */
export async function previousInvoice(tx: Tx, invoice: InvoiceWhole): Promise<string | undefined> {
  const found = await row<{ id: string }>(
    tx,
    sql`select id from invoices where subscription = ${invoice.subscription} and status <> 'void' and (created, id) < (to_timestamp(${invoice.created}::bigint), ${invoice.id}) order by created desc, id desc limit 1`,
  );
  return found?.id;
}

const unique = (ids: readonly (string | null)[]): string[] => [...new Set(ids.filter((id) => id !== null))];

async function subscriptionsOf(tx: Tx, lines: readonly InvoiceLineRow[]): Promise<ExplainFacts['subscriptions']> {
  const ids = unique(lines.map((line) => line.subscription));
  const found = ids.length === 0 ? [] : await rows<SubscriptionRow>(tx, sql`select id, start_date, billing_cycle_anchor, billing_cycle_anchor_config, trial_start, trial_end from subscriptions where id = any(${ids}::text[])`);
  return new Map(found.map((subscription) => [subscription.id, subscription]));
}

/** The lines that bill usage. One that an item waited for was counted with the item; the others when their invoice was made and, since usage is reported while a draft waits, when it was finalized. */
async function meteredLines(tx: Tx, invoice: InvoiceWhole, prices: ReadonlyMap<string, PriceRow>): Promise<Metered[]> {
  const lines = invoice.lines.filter((line) => prices.get(line.price ?? '')?.recurring?.usage_type === 'metered');
  const items = unique(lines.map((line) => line.invoice_item));
  const made = new Map(items.length === 0 ? [] : (await rows<{ id: string; created: Instant }>(tx, sql`select id, created from invoice_items where id = any(${items}::text[])`)).map((item) => [item.id, item.created]));
  return lines.map((line) => {
    const waited = made.get(line.invoice_item ?? '');
    return { line, meter: prices.get(line.price!)!.meter!, customer: invoice.customer, made: waited ?? invoice.created, counted_at: waited ?? invoice.finalized_at ?? invoice.created };
  });
}

/** What the credits among the lines give back, by the line. */
async function debitsOf(tx: Tx, lines: readonly InvoiceLineRow[]): Promise<Map<string, CreditedDebit>> {
  const credits = lines.flatMap((line) => (line.proration_details?.credited_items ? [{ line: line.id, credited: line.proration_details.credited_items }] : []));
  const lineIds = credits.flatMap(({ credited }) => ('invoice' in credited ? credited.invoice_line_items : []));
  const itemIds = credits.flatMap(({ credited }) => ('invoice' in credited ? [] : [credited.invoice_item]));
  if (credits.length === 0) return new Map();
  const charged = await rows<InvoiceLineRow & { number: string | null }>(tx, sql`select l.*, i.number from invoice_lines l join invoices i on i.id = l.invoice where l.id = any(${lineIds}::text[])`);
  const items = await rows<InvoiceItemRow & { number: string | null }>(tx, sql`select t.*, i.number from invoice_items t left join invoices i on i.id = t.invoice where t.id = any(${itemIds}::text[])`);
  const byId = new Map<string, CreditedDebit>([
    ...charged.map((line) => [line.id, { invoice: line.invoice, invoice_number: line.number, line: line.id, invoice_item: null, net: netOf(line), start: line.period_start, end: line.period_end }] as const),
    ...items.map((item) => [item.id, { invoice: item.invoice, invoice_number: item.number, line: null, invoice_item: item.id, net: item.amount, start: item.period_start, end: item.period_end }] as const),
  ]);
  return new Map(credits.flatMap(({ line, credited }) => {
    const debit = byId.get('invoice' in credited ? credited.invoice_line_items[0]! : credited.invoice_item);
    return debit ? [[line, debit] as const] : [];
  }));
}
