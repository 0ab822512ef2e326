import type { DiscountWhole, TaxRateRow } from '../../billing/catalog.ts';
import type { InvoiceItemRow, InvoiceItemWhole } from '../../billing/invoice/invoice.ts';
import { rows, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import { discountsById } from '../discounts/rows.ts';
import { taxRatesById } from '../tax_rates/rows.ts';

/** Invoice items with their discounts and tax rates, in any order. `lock` keeps others from changing them until the transaction ends; lock their customers first. */
export async function itemsById(tx: Tx, ids: readonly string[], lock = false): Promise<InvoiceItemWhole[]> {
  return wholeItems(tx, await rows<InvoiceItemRow>(tx, sql`select * from invoice_items where id = any(${ids}::text[]) order by id ${lock ? sql`for update` : sql``}`));
}

/** What waits for an invoice of these customers, whatever subscription it names, in the order of creation; lock the customers first. */
export async function pendingItems(tx: Tx, customers: readonly string[]): Promise<InvoiceItemWhole[]> {
  return wholeItems(tx, await rows<InvoiceItemRow>(tx, sql`select * from invoice_items where customer = any(${customers}::text[]) and invoice is null order by created, id`));
}

/** What stands on an invoice, in the order of creation; lock the invoice first. */
export async function itemsOfInvoice(tx: Tx, invoice: string): Promise<InvoiceItemWhole[]> {
  return wholeItems(tx, await rows<InvoiceItemRow>(tx, sql`select * from invoice_items where invoice = ${invoice} order by created, id`));
}

/** A discount that is over stays with an item that has used it, and with no other. */
export async function wholeItems(tx: Tx, items: readonly InvoiceItemRow[]): Promise<InvoiceItemWhole[]> {
  if (items.length === 0) return [];
  const held = await rows<{ id: string }>(tx, sql`select id from discounts where invoice_item = any(${items.map((item) => item.id)}::text[])`);
  const discounts = held.length === 0 ? new Map<string, DiscountWhole[]>() : Map.groupBy((await discountsById(tx, held.map((each) => each.id))).sort((a, b) => a.position - b.position), (discount) => discount.invoice_item!);
  const ids = [...new Set(items.flatMap((item) => item.tax_rates))];
  const rates = new Map<string, TaxRateRow>(ids.length === 0 ? [] : (await taxRatesById(tx, ids)).map((rate) => [rate.id, rate]));
  return items.map((item) => ({
    ...item,
    discounts: (discounts.get(item.id) ?? []).filter((discount) => !discount.ended || item.invoice !== null),
    rates: item.tax_rates.flatMap((id) => rates.get(id) ?? []),
  }));
}
