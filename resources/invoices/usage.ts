/** Usage that is reported while a draft waits: what happened within the period that it bills is billed with it. */
import { billedBeside, madeUp } from '../../billing/commitment.ts';
import { isInterim } from '../../billing/correction/correction.ts';
import type { InvoiceLineRow, InvoiceWhole } from '../../billing/invoice/invoice.ts';
import { recount } from '../../billing/subscription/lines.ts';
import type { Tx } from '../../server/database/world.ts';
import { usageByGroup } from '../../server/usage/counted.ts';
import { leftBefore } from '../kontor/invoice_corrections/rows.ts';
import { pricesById } from '../prices/rows.ts';
import { productsById } from '../products/rows.ts';
import { billedUsage } from '../subscriptions/rows.ts';

/** Whether the line bills a subscription item by itself, so that it may be one of usage. */
const isOwn = (line: InvoiceLineRow): boolean => line.subscription_item !== null && line.invoice_item === null && !line.proration && line.price !== null;

/** Whether the line bills usage of a period that is over; one that an item waited for among them. */
const isUsage = (line: InvoiceLineRow, invoice: InvoiceWhole): boolean => line.metering !== null && line.price !== null && !isInterim(invoice, line);

/** The line with what other invoices have billed of its commitment by now, since that may have been put right or voided. */
async function committed(tx: Tx, drafts: readonly InvoiceWhole[]): Promise<(line: InvoiceLineRow) => InvoiceLineRow> {
  const lines = drafts.flatMap((draft) => draft.lines.filter((line) => line.commitment !== null && line.subscription !== null));
  const billed = await billedUsage(tx, lines.map(({ id, subscription, period_start, period_end, invoice }) => ({ key: id, subscription: subscription!, start: period_start, end: period_end, beside: invoice })));
  return (line) => billedBeside(line, billed.get(line.id)?.amount ?? 0n);
}

/** The lines of drafts as they are by now, by invoice: a read for each kind of thing, however many drafts there are. `all`: of finalized invoices also the usage for which an item waited. */
export async function recounted(tx: Tx, drafts: readonly InvoiceWhole[], which: 'own' | 'all' = 'own'): Promise<(draft: InvoiceWhole) => readonly InvoiceLineRow[]> {
  const left = await committed(tx, drafts);
  const own = drafts.flatMap((draft) => draft.lines.filter((line) => (which === 'own' ? isOwn(line) : isUsage(line, draft))).map((line) => ({ line, customer: draft.customer })));
  const found = own.length === 0 ? [] : await pricesById(tx, [...new Set(own.map(({ line }) => line.price!))]);
  const prices = new Map(found.filter((price) => price.meter !== null).map((price) => [price.id, price]));
  const metered = own.filter(({ line }) => prices.has(line.price!));
  if (metered.length === 0) return (draft) => madeUp(draft.lines.map(left));
  const products = new Map((await productsById(tx, [...new Set([...prices.values()].map((price) => price.product))])).map((product) => [product.id, product.name]));
  const usage = await usageByGroup(tx, metered.map(({ line, customer }) => {
    const { meter, dimension_prices: groups } = prices.get(line.price!)!;
    return { key: line.id, meter: meter!, customer, start: line.period_start, end: line.period_end, groups };
  }));
  const before = await leftBefore(tx, metered.map(({ line }) => line));
  return (draft) => madeUp(draft.lines.map((line) => {
    const [used, terms] = [usage.get(line.id), prices.get(line.price ?? '')];
    return used === undefined || terms === undefined ? left(line) : recount(line, { terms, product_name: products.get(terms.product)! }, used, before(line));
  }));
}
