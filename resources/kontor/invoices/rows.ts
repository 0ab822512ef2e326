/** The stored facts by which invoices are explained: a read for each kind of thing, however many lines there are. */
import type { CreditedDebit, ExplainFacts, QuantitySince } from '../../../billing/explain/explanation.ts';
import type { Instant } from '../../../billing/decision.ts';
import { afterDiscounts, itemizedOf, netOfItem, type InvoiceItemRow, type InvoiceLineRow, type InvoiceWhole } from '../../../billing/invoice/invoice.ts';
import type { PriceRow } from '../../../billing/catalog.ts';
import { madeUpBy } from '../../../billing/commitment.ts';
import type { CorrectionRow } from '../../../billing/correction/correction.ts';
import { backOf } from '../../../billing/metering.ts';
import type { SubscriptionRow } from '../../../billing/subscription/subscription.ts';
import { row, rows, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';
import { discountsById } from '../../discounts/rows.ts';
import { pricesById } from '../../prices/rows.ts';
import type { Previewed } from '../../subscriptions/rows.ts';
import { usageByEvents, usageByHours, type Metered } from './usage.ts';

/** The prices that lines name, by id; those that are `given` need not be stored. */
export async function pricesOf(tx: Tx, lines: readonly InvoiceLineRow[], given: readonly PriceRow[] = []): Promise<Map<string, PriceRow>> {
  const known = new Map(given.map((price) => [price.id, price]));
  const ids = unique(lines.map((line) => line.price)).filter((id) => !known.has(id));
  for (const price of ids.length === 0 ? [] : await pricesById(tx, ids)) known.set(price.id, price);
  return known;
}

/**
 * Everything from which the amounts of invoices can be computed again. What a preview has that is stored nowhere is taken from it. Usage is counted anew event by event, or by the hour where that tells it at a moment
 * `now`.
 */
export async function explainFacts(tx: Tx, invoices: readonly InvoiceWhole[], { preview = null, now = null }: { preview?: Previewed | null; now?: Instant | null } = {}): Promise<ExplainFacts> {
  const lines = invoices.flatMap((invoice) => invoice.lines);
  const corrected = await correctedOf(tx, lines);
  const put_right = await putRight(tx, lines, corrected);
  const prices = await pricesOf(tx, [...lines, ...put_right.flatMap((each) => each.recounted)], preview?.prices);
  const contained = unique(lines.flatMap((line) => line.proration_details?.discount_amounts.map((each) => each.discount) ?? []));
  const { subscription = null, invoice = null } = preview ?? {};
  const metered = [...(await meteredLines(tx, invoices, prices, preview)), ...put_right.flatMap((each) => meteredThen(each, prices))];
  const usage = now === null ? await usageByEvents(tx, metered) : await usageByHours(tx, metered, now);
  const given = [...(subscription ? [...subscription.discounts, ...subscription.items.flatMap((item) => item.discounts)] : []), ...(invoice?.discount_rows ?? [])];
  return {
    prices,
    subscriptions: subscription ? new Map([[subscription.id, subscription]]) : await subscriptionsOf(tx, lines),
    usage,
    made_up: new Map(put_right.flatMap(({ line, before, recounted }) => (before === null ? [] : [[line.id, { before, usage: recounted.map((row) => ({ row, usage: usage.get(row.id) })) }] as const]))),
    debits: await debitsOf(tx, lines),
    corrected,
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
 * A preview counts what was used until the moment at which it looks, and in its second where the item goes on or begins.
 */
async function meteredLines(tx: Tx, invoices: readonly InvoiceWhole[], prices: ReadonlyMap<string, PriceRow>, preview: Pick<Previewed, 'at' | 'begun'> | null): Promise<Metered[]> {
  const metered = invoices.flatMap((invoice) => invoice.lines.filter((line) => line.correction === null && prices.get(line.price ?? '')?.recurring?.usage_type === 'metered').map((line) => ({ invoice, line })));
  const items = unique(metered.map(({ line }) => line.invoice_item));
  const made = new Map(items.length === 0 ? [] : (await rows<{ id: string; created: Instant }>(tx, sql`select id, created from invoice_items where id = any(${items}::text[])`)).map((item) => [item.id, item.created]));
  const goOn = preview && (await ongoingItems(tx, metered.map(({ line }) => line)));
  return metered.map(({ invoice, line }) => {
    const waited = made.get(line.invoice_item ?? '');
    const { meter, dimension_prices: groups } = prices.get(line.price!)!;
    if (preview) {
      const { at, begun } = preview;
      const counts = goOn!.has(line.id) || (begun?.has(line.subscription_item ?? '') && line.period_start === at);
      return { line: { ...line, period_end: Math.min(line.period_end, counts ? at + 1 : at) }, meter: meter!, groups, customer: invoice.customer, made: waited ?? at, counted_at: waited ?? at };
    }
    return { line, meter: meter!, groups, customer: invoice.customer, made: waited ?? invoice.created, counted_at: waited ?? invoice.finalized_at ?? invoice.created };
  });
}

/** Of the lines of a preview, those that bill the period that their item is in, at the price that it has. */
async function ongoingItems(tx: Tx, lines: readonly InvoiceLineRow[]): Promise<Set<string>> {
  const found = await rows<{ id: string; price: string; start: Instant }>(tx, sql`select id, price, current_period_start as start from subscription_items where id = any(${unique(lines.map((line) => line.subscription_item))}::text[])`);
  const items = new Map(found.map((item) => [item.id, item]));
  return new Set(lines.filter((line) => items.get(line.subscription_item ?? '')?.price === line.price && items.get(line.subscription_item!)!.start === line.period_start).map((line) => line.id));
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
  const ids = unique(lines.map((line) => (line.correction ?? backOf(line))?.line ?? null));
  const found = ids.length === 0 ? [] : await rows<InvoiceLineRow & { number: string | null }>(tx, sql`select l.*, i.number from invoice_lines l join invoices i on i.id = l.invoice where l.id = any(${ids}::text[])`);
  return new Map(found.map(({ number, ...line }) => [line.id, { row: line, number }]));
}

/**
 * A line that puts another one right, made at a moment, and the lines of usage from which it follows, with the quantities to which they had been corrected by then: what is corrected itself, by the id of what corrects it; or
 * what a commitment makes up, which came to so much `before`.
 */
type PutRight = { line: InvoiceLineRow; customer: string; at: Instant; before: bigint | null; recounted: (InvoiceLineRow & { corrects: string })[] };

type Corrected = Pick<CorrectionRow, 'created' | 'customer' | 'line' | 'amount' | 'quantity_after' | 'quantity_groups' | 'invoice_item' | 'credit_note'> & { voided_at: Instant | null };

/** The line, under another id, with the quantity to which it was corrected, where it was. */
function since(row: Corrected | undefined, line: InvoiceLineRow, id: string): InvoiceLineRow & { corrects: string } {
  const groups = row?.quantity_groups?.map(({ name, after }) => ({ name, quantity: after }));
  return { ...line, id, corrects: line.id, ...(row && { quantity_decimal: row.quantity_after, metering: { ...line.metering!, ...(groups && { groups }) } }) };
}

async function putRight(tx: Tx, lines: readonly InvoiceLineRow[], corrected: ExplainFacts['corrected']): Promise<PutRight[]> {
  const rights = lines.filter((line) => line.correction !== null && line.invoice_item !== null && corrected.has(line.correction.line));
  const invoices = unique(rights.map((line) => line.correction!.invoice));
  if (invoices.length === 0) return [];
  const made = await rows<Corrected>(
    tx,
    sql`select c.created, c.customer, c.line, c.amount, trim_scale(c.quantity_after) as quantity_after, c.quantity_groups, c.invoice_item, c.credit_note, coalesce(i.voided_at, n.voided_at) as voided_at
        from invoice_corrections c left join invoice_items t on t.id = c.invoice_item left join invoices i on i.id = t.invoice left join credit_notes n on n.id = c.credit_note
        where c.invoice = any(${invoices}::text[]) and c.credited_on is null order by c.created, c.id`,
  );
  const usage = await rows<InvoiceLineRow>(tx, sql`select * from invoice_lines where invoice = any(${invoices}::text[]) and metering is not null order by invoice, position`);
  // What was deleted, or had been voided by then, did not count.
  const counted = (row: Corrected, by: Instant) => (row.invoice_item !== null || row.credit_note !== null) && (row.voided_at === null || row.voided_at > by);
  return rights.flatMap((line): PutRight[] => {
    const { row } = corrected.get(line.correction!.line)!;
    const own = made.filter((each) => each.invoice_item === line.invoice_item);
    const last = own.at(-1);
    if (!last || (row.metering === null && row.commitment === null)) return [];
    const until = made.slice(0, made.indexOf(last) + 1);
    const right = { line, customer: last.customer, at: last.created };
    if (row.metering !== null) return [{ ...right, before: null, recounted: [since(last, row, line.id)] }];
    const before = made.slice(0, made.indexOf(own[0]!)).reduce((sum, each) => (each.line === row.id && counted(each, own[0]!.created) ? sum + each.amount : sum), row.amount);
    const beside = madeUpBy(row, usage.filter((each) => each.invoice === row.invoice));
    return [{ ...right, before, recounted: beside.map((each) => since(until.findLast((one) => one.line === each.id), each, `${line.id} ${each.id}`)) }];
  });
}

/** Its lines of usage as they were counted when it was made. */
function meteredThen({ customer, at, recounted }: PutRight, prices: ReadonlyMap<string, PriceRow>): Metered[] {
  return recounted.flatMap((line) => {
    const price = prices.get(line.price ?? '');
    return price?.meter ? [{ line, meter: price.meter, groups: price.dimension_prices, customer, made: at, counted_at: at, corrects: line.corrects }] : [];
  });
}

const spanOf = ({ period_start: start, period_end: end }: Pick<InvoiceItemRow, 'period_start' | 'period_end'>) => ({ start, end });

/** What an item, or its line, charged. */
const ofItem = (item: Pick<InvoiceItemRow, 'amount' | 'proration_details' | 'period_start' | 'period_end'>) => ({ net: netOfItem(item), discounts: itemizedOf(item), ...spanOf(item) });

/** What the credits among the lines give back, by the line. A preview may give back what it charges itself, by an item that is stored nowhere. */
async function debitsOf(tx: Tx, lines: readonly InvoiceLineRow[]): Promise<Map<string, CreditedDebit>> {
  const credits = lines.flatMap((line) => (line.proration_details?.credited_items ? [{ line: line.id, credited: line.proration_details.credited_items }] : []));
  const lineIds = credits.flatMap(({ credited }) => ('invoice' in credited ? credited.invoice_line_items : []));
  const itemIds = credits.flatMap(({ credited }) => ('invoice' in credited ? [] : [credited.invoice_item]));
  if (credits.length === 0) return new Map();
  const charged = await rows<InvoiceLineRow & { number: string | null }>(tx, sql`select l.*, i.number from invoice_lines l join invoices i on i.id = l.invoice where l.id = any(${lineIds}::text[])`);
  const items = await rows<InvoiceItemRow & { number: string | null }>(tx, sql`select t.*, i.number from invoice_items t left join invoices i on i.id = t.invoice where t.id = any(${itemIds}::text[])`);
  const byId = new Map<string, CreditedDebit>([
    ...charged.map((line) => [line.id, { invoice: line.invoice, invoice_number: line.number, line: line.id, invoice_item: null, net: afterDiscounts(line), discounts: line.discount_amounts, ...spanOf(line) }] as const),
    ...lines.filter((line) => line.invoice_item !== null).map((line) => [line.invoice_item!, { invoice: null, invoice_number: null, line: null, invoice_item: line.invoice_item, ...ofItem(line) }] as const),
    ...items.map((item) => [item.id, { invoice: item.invoice, invoice_number: item.number, line: null, invoice_item: item.id, ...ofItem(item) }] as const),
  ]);
  return new Map(credits.flatMap(({ line, credited }) => {
    const debit = byId.get('invoice' in credited ? credited.invoice_line_items[0]! : credited.invoice_item);
    return debit ? [[line, debit] as const] : [];
  }));
}
