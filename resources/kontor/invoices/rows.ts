/** The stored facts by which invoices are explained: a read for each kind of thing, however many lines there are. */
import type { CreditedDebit, ExplainFacts, QuantitySince } from '../../../billing/explain/explanation.ts';
import type { Instant } from '../../../billing/decision.ts';
import { itemizedOf, netOfItem, type InvoiceItemRow, type InvoiceLineRow, type InvoiceWhole } from '../../../billing/invoice/invoice.ts';
import type { PriceRow } from '../../../billing/catalog.ts';
import { netOf } from '../../../billing/subscription/lines.ts';
import type { SubscriptionRow } from '../../../billing/subscription/subscription.ts';
import { row, rows, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';
import { discountsById } from '../../discounts/rows.ts';
import { pricesById } from '../../prices/rows.ts';
import type { Previewed } from '../../subscriptions/rows.ts';
import { usageOfLines, type Metered } from './usage.ts';

/** The prices that lines name, by id; those that are `given` need not be stored. */
export async function pricesOf(tx: Tx, lines: readonly InvoiceLineRow[], given: readonly PriceRow[] = []): Promise<Map<string, PriceRow>> {
  const known = new Map(given.map((price) => [price.id, price]));
  const ids = unique(lines.map((line) => line.price)).filter((id) => !known.has(id));
  for (const price of ids.length === 0 ? [] : await pricesById(tx, ids)) known.set(price.id, price);
  return known;
}

/** Everything from which the amounts of invoices can be computed again. What a preview has that is stored nowhere is taken from it. */
export async function explainFacts(tx: Tx, invoices: readonly InvoiceWhole[], preview: Previewed | null = null): Promise<ExplainFacts> {
  const lines = invoices.flatMap((invoice) => invoice.lines);
  const prices = await pricesOf(tx, lines, preview?.prices);
  const contained = unique(lines.flatMap((line) => line.proration_details?.discount_amounts.map((each) => each.discount) ?? []));
  const { subscription = null, invoice = null } = preview ?? {};
  const given = [...(subscription ? [...subscription.discounts, ...subscription.items.flatMap((item) => item.discounts)] : []), ...(invoice?.discount_rows ?? [])];
  return {
    prices,
    subscriptions: subscription ? new Map([[subscription.id, subscription]]) : await subscriptionsOf(tx, lines),
    usage: await usageOfLines(tx, await meteredLines(tx, invoices, prices, preview?.at ?? null)),
    debits: await debitsOf(tx, lines),
    corrected: await correctedOf(tx, lines),
    discounts: new Map([...given, ...(contained.length === 0 ? [] : await discountsById(tx, contained))].map((discount) => [discount.id, discount])),
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

/**
 * The lines that bill usage. One that an item waited for was counted with the item; the others when their invoice was made and, since usage is reported while a draft waits, when it was finalized.
 * A preview counts what was used until the moment `looked`.
 */
async function meteredLines(tx: Tx, invoices: readonly InvoiceWhole[], prices: ReadonlyMap<string, PriceRow>, looked: Instant | null): Promise<Metered[]> {
  const metered = invoices.flatMap((invoice) => invoice.lines.filter((line) => line.correction === null && prices.get(line.price ?? '')?.recurring?.usage_type === 'metered').map((line) => ({ invoice, line })));
  const items = unique(metered.map(({ line }) => line.invoice_item));
  const made = new Map(items.length === 0 ? [] : (await rows<{ id: string; created: Instant }>(tx, sql`select id, created from invoice_items where id = any(${items}::text[])`)).map((item) => [item.id, item.created]));
  return metered.map(({ invoice, line }) => {
    const waited = made.get(line.invoice_item ?? '');
    const { meter, dimension_prices: groups } = prices.get(line.price!)!;
    if (looked !== null) return { line: { ...line, period_end: Math.min(line.period_end, looked) }, meter: meter!, groups, customer: invoice.customer, made: waited ?? looked, counted_at: waited ?? looked };
    return { line, meter: meter!, groups, customer: invoice.customer, made: waited ?? invoice.created, counted_at: waited ?? invoice.finalized_at ?? invoice.created };
  });
}

/** No line tells more changes of its quantity than the last so many. */
const MOST_CHANGES = 20;

type Told = { subscription: string; created: Instant; items: { id: string; quantity?: number }[] };

/** The quantities that the licensed items of lines had until they were billed, by the line, as their subscriptions told them. */
export async function quantitiesOf(tx: Tx, invoice: InvoiceWhole): Promise<Map<string, QuantitySince[]>> {
  const lines = invoice.lines.filter((line) => line.subscription_item !== null);
  const ids = unique(lines.map((line) => line.subscription));
  if (ids.length === 0) return new Map();
  const told = await rows<Told>(
    tx,
    sql`select object_id as subscription, created, data -> 'items' -> 'data' as items from events
      where object_id = any(${ids}::text[]) and (type = 'customer.subscription.created' or (type = 'customer.subscription.updated' and previous_attributes::jsonb ? 'items')) order by id`,
  );
  return new Map(lines.map((line) => [line.id, historyOf(line, told.filter((each) => each.subscription === line.subscription && each.created <= invoice.created))]));
}

/** The quantities of the line's item up to the one that it bills, without those that it had again at once. */
function historyOf(line: InvoiceLineRow, told: readonly Told[]): QuantitySince[] {
  const history: QuantitySince[] = [];
  for (const { created, items } of told) {
    const quantity = items.find((item) => item.id === line.subscription_item)?.quantity?.toString();
    if (quantity !== undefined && quantity !== history.at(-1)?.quantity) history.push({ quantity, since: created });
  }
  const last = history.findLastIndex((each) => each.quantity === line.quantity_decimal);
  return history.slice(0, last + 1).slice(-MOST_CHANGES);
}

/** What the corrections among the lines put right, by the line that they correct. */
async function correctedOf(tx: Tx, lines: readonly InvoiceLineRow[]): Promise<ExplainFacts['corrected']> {
  const ids = unique(lines.map((line) => line.correction?.line ?? null));
  const found = ids.length === 0 ? [] : await rows<InvoiceLineRow & { number: string | null }>(tx, sql`select l.*, i.number from invoice_lines l join invoices i on i.id = l.invoice where l.id = any(${ids}::text[])`);
  return new Map(found.map(({ number, ...line }) => [line.id, { row: line, number }]));
}

/** What the credits among the lines give back, by the line. A preview may give back what it charges itself, by an item that is stored nowhere. */
async function debitsOf(tx: Tx, lines: readonly InvoiceLineRow[]): Promise<Map<string, CreditedDebit>> {
  const credits = lines.flatMap((line) => (line.proration_details?.credited_items ? [{ line: line.id, credited: line.proration_details.credited_items }] : []));
  const lineIds = credits.flatMap(({ credited }) => ('invoice' in credited ? credited.invoice_line_items : []));
  const itemIds = credits.flatMap(({ credited }) => ('invoice' in credited ? [] : [credited.invoice_item]));
  if (credits.length === 0) return new Map();
  const charged = await rows<InvoiceLineRow & { number: string | null }>(tx, sql`select l.*, i.number from invoice_lines l join invoices i on i.id = l.invoice where l.id = any(${lineIds}::text[])`);
  const items = await rows<InvoiceItemRow & { number: string | null }>(tx, sql`select t.*, i.number from invoice_items t left join invoices i on i.id = t.invoice where t.id = any(${itemIds}::text[])`);
  const byId = new Map<string, CreditedDebit>([
    ...charged.map((line) => [line.id, { invoice: line.invoice, invoice_number: line.number, line: line.id, invoice_item: null, net: netOf(line), discounts: line.discount_amounts, start: line.period_start, end: line.period_end }] as const),
    ...lines.filter((line) => line.invoice_item !== null).map((line) => [line.invoice_item!, { invoice: null, invoice_number: null, line: null, invoice_item: line.invoice_item, net: netOfItem(line), discounts: itemizedOf(line), start: line.period_start, end: line.period_end }] as const),
    ...items.map((item) => [item.id, { invoice: item.invoice, invoice_number: item.number, line: null, invoice_item: item.id, net: netOfItem(item), discounts: itemizedOf(item), start: item.period_start, end: item.period_end }] as const),
  ]);
  return new Map(credits.flatMap(({ line, credited }) => {
    const debit = byId.get('invoice' in credited ? credited.invoice_line_items[0]! : credited.invoice_item);
    return debit ? [[line, debit] as const] : [];
  }));
}
