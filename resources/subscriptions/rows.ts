import type { DiscountWhole, PriceRow, ProductRow, TaxRateRow } from '../../billing/catalog.ts';
import type { Instant } from '../../billing/decision.ts';
import { afterDiscounts, itemizedOf, netOfItem, type InvoiceItemRow, type InvoiceItemWhole, type InvoiceLineRow, type InvoiceRow, type InvoiceWhole, type StoredDiscountAmount } from '../../billing/invoice/invoice.ts';
import type { ScheduleWhole } from '../../billing/schedule/schedule.ts';
import type { PriceMoveEntryRow } from '../../billing/price_move/price_move.ts';
import type { BilledUsage, Debit, SubscriptionItemRow, SubscriptionItemWhole, SubscriptionRow, SubscriptionWhole } from '../../billing/subscription/subscription.ts';
import { instants } from '../../server/database/arrays.ts';
import { arrayText, mapById, row, rows, rowsById, sql, type Sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import type { Range } from '../../server/http/params.ts';
import { equal, named, within } from '../../server/lists.ts';
import { discountsOf } from '../discounts/rows.ts';
import { wholeItems as wholeInvoiceItems } from '../invoiceitems/rows.ts';
import { wholeInvoices } from '../invoices/rows.ts';
import { earlierOf, interim } from '../kontor/invoice_corrections/rows.ts';
import { pricesById } from '../prices/rows.ts';
import { productsById } from '../products/rows.ts';
import { schedulesById } from '../subscription_schedules/rows.ts';
import { taxRatesById } from '../tax_rates/rows.ts';

/** Subscriptions with all that they name, in the order of their ids. `lock` keeps others from changing them until the transaction ends; lock their customers first. */
export async function subscriptionsById(tx: Tx, ids: readonly string[], lock = false): Promise<SubscriptionWhole[]> {
  if (ids.length === 0) return [];
  return wholeSubscriptions(tx, await rowsById<SubscriptionRow>(tx, 'subscriptions', ids, lock));
}

/** Subscriptions with their items, prices, discounts and tax rates: a read for each kind of thing, however many subscriptions there are. */
export async function wholeSubscriptions(tx: Tx, subscriptions: readonly SubscriptionRow[]): Promise<SubscriptionWhole[]> {
  if (subscriptions.length === 0) return [];
  const ids = subscriptions.map((subscription) => subscription.id);
  const [items, rates, discounts, schedules, updating] = await Promise.all([
    rows<SubscriptionItemRow>(tx, sql`select * from subscription_items where subscription = any(${ids}::text[]) and not deleted order by created, id`).then((found) => wholeItems(tx, found)),
    mapById<TaxRateRow>(subscriptions.flatMap((each) => each.default_tax_rates), (wanted) => taxRatesById(tx, wanted)),
    discountsOf(tx, 'subscription', ids),
    mapById<ScheduleWhole>(subscriptions.flatMap((each) => each.schedule ?? []), (wanted) => schedulesById(tx, wanted)),
    wholeItems(tx, subscriptions.flatMap((each) => each.pending_update?.items ?? []).map(({ quantity, ...row }) => ({ ...row, quantity: quantity === null ? null : BigInt(quantity) }))),
  ]);
  const itemsBy = Map.groupBy(items, (item) => item.subscription);
  const updatingBy = Map.groupBy(updating, (item) => item.subscription);
  return subscriptions.map((each) => ({
    ...each,
    items: itemsBy.get(each.id) ?? [],
    discounts: discounts.get(each.id) ?? [],
    default_rates: each.default_tax_rates.flatMap((id) => rates.get(id) ?? []),
    scheduled: schedules.get(each.schedule ?? '') ?? null,
    updating: updatingBy.get(each.id) ?? [],
  }));
}

/** The entries of plans by which items go to another price when their periods end, by item; a plan that was canceled moves nothing. */
async function comingPrices(tx: Tx, items: readonly SubscriptionItemRow[]): Promise<Map<string, PriceMoveEntryRow & { to_price: string }>> {
  const waiting = items.filter((item) => item.price_move !== null).map((item) => item.id);
  if (waiting.length === 0) return new Map();
  const found = await rows<PriceMoveEntryRow & { to_price: string }>(
    tx,
    sql`select e.*, m.to_price from price_move_entries e join price_moves m on m.world = e.world and m.id = e.price_move
      where e.subscription_item = any(${waiting}::text[]) and e.state = 'scheduled' and m.status <> 'canceled'`,
  );
  return new Map(found.map((entry) => [entry.subscription_item, entry]));
}

/** Items with their prices, those that they go to, the names of their products, their discounts and tax rates. */
export async function wholeItems(tx: Tx, items: readonly SubscriptionItemRow[]): Promise<SubscriptionItemWhole[]> {
  if (items.length === 0) return [];
  const coming = await comingPrices(tx, items);
  const [[prices, products], rates, discounts] = await Promise.all([
    sold(tx, [...items, ...[...coming.values()].map((entry) => ({ price: entry.to_price })), ...items.flatMap(({ current_trial }) => (current_trial === null ? [] : [{ price: current_trial.transition_price }]))]),
    mapById<TaxRateRow>(items.flatMap((item) => item.tax_rates), (wanted) => taxRatesById(tx, wanted)),
    discountsOf(tx, 'subscription_item', items.map((item) => item.id)),
  ]);
  return items.map((item) => {
    const terms = prices.get(item.price)!;
    const priced = (price: PriceRow | undefined) => (price === undefined ? null : { terms: price, product_name: products.get(price.product)!.name });
    const entry = coming.get(item.id);
    const later = priced(prices.get(entry?.to_price ?? ''));
    return {
      ...item,
      terms,
      product_name: products.get(terms.product)!.name,
      next: entry && later ? { ...later, entry } : null,
      transition: priced(prices.get(item.current_trial?.transition_price ?? '')),
      discounts: discounts.get(item.id) ?? [],
      rates: item.tax_rates.flatMap((id) => rates.get(id) ?? []),
    };
  });
}

/** The prices of items, and the products of those. */
async function sold(tx: Tx, items: readonly Pick<SubscriptionItemRow, 'price'>[]): Promise<[Map<string, PriceRow>, Map<string, ProductRow>]> {
  const prices = await mapById<PriceRow>(items.map((item) => item.price), (wanted) => pricesById(tx, wanted));
  return [prices, await mapById<ProductRow>([...prices.values()].map((price) => price.product), (wanted) => productsById(tx, wanted))];
}

/** Items that are not removed, in any order. */
export async function itemsById(tx: Tx, ids: readonly string[]): Promise<SubscriptionItemWhole[]> {
  return wholeItems(tx, await rows<SubscriptionItemRow>(tx, sql`select * from subscription_items where id = any(${ids}::text[]) and not deleted`));
}

/** Items as they are, and as they will be where a change adds them that waits for its payment. */
export async function itemsThatCome(tx: Tx, ids: readonly string[]): Promise<SubscriptionItemWhole[]> {
  const found = await itemsById(tx, ids);
  const missing = ids.filter((id) => !found.some((item) => item.id === id));
  if (missing.length === 0) return found;
  const owners = await rows<{ subscription: string }>(tx, sql`select distinct subscription from subscription_items where id = any(${missing}::text[])`);
  const coming = (await subscriptionsById(tx, owners.map((each) => each.subscription))).flatMap((each) => each.updating);
  return [...found, ...coming.filter((item) => missing.includes(item.id))];
}

/** The subscription of an item, whether or not that is there. */
export async function ownerOfItem(tx: Tx, item: string): Promise<string | undefined> {
  return (await row<{ subscription: string }>(tx, sql`select subscription from subscription_items where id = ${item}`))?.subscription;
}

/** Whose these subscriptions are and on which clocks they live, before anything is locked. */
export function ownersOf(tx: Tx, ids: readonly string[]): Promise<{ id: string; customer: string; test_clock: string | null }[]> {
  return rows(tx, sql`select id, customer, test_clock from subscriptions where id = any(${ids}::text[])`);
}

/** The subscription of an item that is not removed. */
export async function subscriptionOfItem(tx: Tx, item: string): Promise<string | undefined> {
  return (await row<{ subscription: string }>(tx, sql`select subscription from subscription_items where id = ${item} and not deleted`))?.subscription;
}

/** What waits for an invoice of these customers, by customer, in the order of creation: what names none of their subscriptions, or one of these (by default, any). Usage of a subscription item is discounted as that item is. */
export async function pendingOf(tx: Tx, customers: readonly string[], subscriptions?: readonly string[]): Promise<Map<string, InvoiceItemWhole[]>> {
  const wanted = subscriptions === undefined ? sql`` : sql`and (subscription is null or subscription = any(${subscriptions}::text[]))`;
  const found = await rows<InvoiceItemRow>(tx, sql`select * from invoice_items where invoice is null and customer = any(${customers}::text[]) ${wanted} order by created, id`);
  if (found.length === 0) return new Map();
  const isUsage = (item: InvoiceItemRow) => item.subscription_item !== null && item.discountable && !item.proration;
  const usage = found.filter(isUsage).map((item) => item.subscription_item!);
  const ofItems: Map<string, DiscountWhole[]> = usage.length === 0 ? new Map() : await discountsOf(tx, 'subscription_item', usage);
  const whole = (await wholeInvoiceItems(tx, found)).map((item): InvoiceItemWhole => (isUsage(item) ? { ...item, discounts: ofItems.get(item.subscription_item!) ?? [] } : item));
  return Map.groupBy(whole, (item) => item.customer);
}

/** What waits for the next invoice of the customer without naming a subscription. */
export const pendingOfOne = async (tx: Tx, customer: string): Promise<InvoiceItemWhole[]> => (await pendingOf(tx, [customer], [])).get(customer) ?? [];

/** All that waits for an invoice of the customer, each item with the tax rates that it would have on its own subscription's. */
export async function pendingOfCustomer(tx: Tx, customer: string): Promise<InvoiceItemWhole[]> {
  const pending = (await pendingOf(tx, [customer])).get(customer) ?? [];
  const isOpen = (item: InvoiceItemWhole) => item.rates.length === 0 && !item.proration;
  const untaxed = pending.filter(isOpen).flatMap((item) => item.subscription ?? []);
  const owners = await mapById<SubscriptionWhole>(untaxed, (wanted) => subscriptionsById(tx, wanted));
  return pending.map((item) => (!isOpen(item) ? item : { ...item, rates: owners.get(item.subscription ?? '')?.default_rates ?? [] }));
}

type Charged = { net: bigint; discounts: StoredDiscountAmount[] };

/** What debits come to now, after which discounts, by the id of their line or invoice item. Left out is what is not there any more, or stands on an invoice that was voided or written off. */
export async function chargedNow(tx: Tx, debits: readonly Debit[]): Promise<Map<string, Charged>> {
  const lines = debits.flatMap((debit) => debit.line ?? []);
  const items = debits.flatMap((debit) => (debit.line === null ? (debit.invoice_item ?? []) : []));
  const standing = sql`coalesce(i.status, '') not in ('void', 'uncollectible')`;
  const [ofLines, ofItems] = await Promise.all([
    lines.length === 0 ? [] : rows<Pick<InvoiceLineRow, 'id' | 'amount' | 'discount_amounts'>>(tx, sql`select l.id, l.amount, l.discount_amounts from invoice_lines l join invoices i on i.id = l.invoice where l.id = any(${lines}::text[]) and ${standing}`),
    items.length === 0 ? [] : rows<Pick<InvoiceItemRow, 'id' | 'amount' | 'proration_details'>>(tx, sql`select t.id, t.amount, t.proration_details from invoice_items t left join invoices i on i.id = t.invoice where t.id = any(${items}::text[]) and ${standing}`),
  ]);
  return new Map([
    ...ofLines.map((line) => [line.id, { net: afterDiscounts(line), discounts: line.discount_amounts }] as const),
    ...ofItems.map((item) => [item.id, { net: netOfItem(item), discounts: itemizedOf(item) }] as const),
  ]);
}

/** The drafts and open invoices of subscriptions, locked. */
export async function unpaidOf(tx: Tx, subscriptions: readonly string[]): Promise<InvoiceWhole[]> {
  if (subscriptions.length === 0) return [];
  return wholeInvoices(tx, await rows<InvoiceRow>(tx, sql`select * from invoices where subscription = any(${subscriptions}::text[]) and status in ('draft', 'open') order by id for update`));
}

/** The subscriptions of customers that have not ended. */
export async function ongoingOf(tx: Tx, ...customers: readonly string[]): Promise<SubscriptionWhole[]> {
  return wholeSubscriptions(tx, await rows<SubscriptionRow>(tx, sql`select * from subscriptions where customer = any(${customers}::text[]) and status not in ('canceled', 'incomplete_expired') order by id`));
}

/** How many subscriptions a customer has that have not ended. */
export async function countSubscriptions(tx: Tx, customer: string): Promise<number> {
  return (await subscriptionCounts(tx, [customer])).get(customer) ?? 0;
}

/** How many subscriptions customers have that have not ended, by customer; none where it is left out. */
export async function subscriptionCounts(tx: Tx, customers: readonly string[]): Promise<Map<string, number>> {
  const counted = await rows<{ customer: string; count: number }>(tx, sql`select customer, count(*)::integer as count from subscriptions where customer = any(${customers}::text[]) and status not in ('canceled', 'incomplete_expired') group by customer`);
  return new Map(counted.map(({ customer, count }) => [customer, count]));
}

type Filters = { status?: string; plan?: string; price?: string; customer?: string; test_clock?: string; collection_method?: string; created?: Range; current_period_start?: Range; current_period_end?: Range };

/** The conditions of a list. Canceled subscriptions are seen only where they are asked for; those on test clocks only with their customer or clock. */
export function matching(filters: Filters): Sql[] {
  const { status, customer, test_clock, price = filters.plan } = filters;
  const ofItem = (condition: Sql) => sql`exists (select from subscription_items i where i.world = subscriptions.world and i.subscription = subscriptions.id and not i.deleted and ${condition})`;
  return [
    ...(status === 'all' ? [] : status === 'ended' ? [sql`status in ('canceled', 'incomplete_expired')`] : status === undefined ? [sql`status <> 'canceled'`] : named('status', status)),
    ...equal('customer', customer),
    ...equal('test_clock', test_clock ?? (customer === undefined ? null : undefined)),
    ...equal('collection_method', filters.collection_method),
    ...within('created', filters.created),
    ...(price === undefined ? [] : [ofItem(sql`i.price = ${price}`)]),
    ...within('i.current_period_start', filters.current_period_start).map(ofItem),
    ...within('i.current_period_end', filters.current_period_end).map(ofItem),
  ];
}

/** Other rooms lock a subscription with its customer, read what a change of it names, and preview what it bills, as this one does. */
export { billingMode, readCatalogue, thresholdsOf, type Catalogue } from './asked.ts';
export { changeFacts, factsOf, lockAll, lockSubscription, surroundings, withoutPending, type Locked } from './facts.ts';
export { readTerms } from './phases.ts';
export { previewFields, previewOf, type Previewed } from './preview.ts';
export { stopCollectingOf } from './timers.ts';

/** Usage that is asked for under a key: what other invoices than `beside` have billed of a subscription's within `[start, end]`. */
type BilledAsked = { key: string; subscription: string; start: Instant; end: Instant; beside: string | null };

/** What invoices, and corrections of them, have billed of usage before its period ends, by key: by a threshold, or since an item went or got another price. Of what is void only the periods count. */
export async function billedUsage(tx: Tx, asked: readonly BilledAsked[]): Promise<Map<string, BilledUsage>> {
  if (asked.length === 0) return new Map();
  const lines = await rows<{ key: string; line: string; invoice: string; is_void: boolean; amount: bigint; period_start: Instant; period_end: Instant }>(
    tx,
    sql`select a.key, l.id as line, l.invoice, i.status = 'void' as is_void, l.amount, l.period_start, l.period_end
        from unnest(${asked.map((each) => each.key)}::text[], ${asked.map((each) => each.subscription)}::text[], ${instants(asked.map((each) => each.start))}::timestamptz[], ${instants(asked.map((each) => each.end))}::timestamptz[],
          ${arrayText(asked.map((each) => each.beside), true)}::text[]) as a (key, subscription, start, past, beside)
        join subscription_items s on s.subscription = a.subscription
        join invoice_lines l on l.subscription_item = s.id and l.period_start >= a.start and l.period_end <= a.past and l.metering is not null
        join invoices i on i.id = l.invoice and i.id is distinct from a.beside and (l.invoice_item is not null or ${interim()})`,
  );
  if (lines.length === 0) return new Map();
  const { earlier } = await earlierOf(tx, [...new Set(lines.map(({ invoice }) => invoice))]);
  const billed = new Map<string, BilledUsage>();
  for (const { key, line, is_void, amount, period_start: start, period_end: end } of lines) {
    const known = billed.get(key) ?? { amount: 0n, periods: [] };
    billed.set(key, { amount: known.amount + (is_void ? 0n : amount + (earlier.get(line)?.amount ?? 0n)), periods: [...known.periods, { start, end }] });
  }
  return billed;
}
