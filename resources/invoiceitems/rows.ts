import type { DiscountWhole, PriceRow, TaxRateRow } from '../../billing/catalog.ts';
import { refuse } from '../../billing/decision.ts';
import type { InvoiceItemRow, InvoiceItemWhole } from '../../billing/invoice/invoice.ts';
import type { Offer } from '../../billing/invoice/items.ts';
import { rows, rowsById, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import { missing } from '../../server/http/errors.ts';
import { discountsById } from '../discounts/rows.ts';
import { pricesById } from '../prices/rows.ts';
import { productsById } from '../products/rows.ts';
import { taxRatesById } from '../tax_rates/rows.ts';

/** Invoice items with their discounts and tax rates, in any order. `lock` keeps others from changing them until the transaction ends; lock their customers first. */
export async function itemsById(tx: Tx, ids: readonly string[], lock = false): Promise<InvoiceItemWhole[]> {
  return wholeItems(tx, await rowsById<InvoiceItemRow>(tx, 'invoice_items', ids, lock));
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

type PricingGiven = { pricing?: { price?: string }; price_data?: { product: string; currency: string; tax_behavior?: PriceRow['tax_behavior']; unit_amount?: bigint; unit_amount_decimal?: string } };

/** The prices that requests name, or the products for which they describe one, each as the core wants it. `at` spells a parameter of the nth. */
export async function offersGiven(tx: Tx, given: readonly PricingGiven[], at: (n: number, name: string) => string = (_n, name) => name): Promise<Offer[]> {
  const ids = [...new Set(given.flatMap((each) => each.pricing?.price ?? []))];
  const prices = new Map<string, PriceRow>(ids.length === 0 ? [] : (await pricesById(tx, ids)).map((price) => [price.id, price]));
  const named = [...new Set([...[...prices.values()].map((price) => price.product), ...given.flatMap((each) => each.price_data?.product ?? [])])];
  const products = new Map(named.length === 0 ? [] : (await productsById(tx, named)).map((product) => [product.id, product]));
  return given.map(({ pricing, price_data }, n): Offer => {
    const price = pricing?.price === undefined ? null : (prices.get(pricing.price) ?? missing('price', pricing.price, at(n, 'pricing[price]')));
    if (price) return { price: { param: at(n, 'pricing[price]'), terms: price, product_name: products.get(price.product)!.name }, data: null };
    if (!price_data) return { price: null, data: null };
    const { product: id, ...terms } = price_data;
    const product = products.get(id);
    if (!product || product.deleted) missing('product', id, at(n, 'price_data[product]'));
    return { price: null, data: { param: at(n, 'price_data'), given: terms, product } };
  });
}

/** Tax rates in the order in which a parameter names them. `spelt` spells the nth of them. One that is archived is not taken anew, and stays where it is among those that are `kept`. */
export async function ratesGiven(tx: Tx, ids: readonly string[], { spelt = (n) => `tax_rates[${n}]`, kept = [] }: { spelt?: (n: number) => string; kept?: readonly string[] } = {}): Promise<TaxRateRow[]> {
  if (ids.length === 0) return [];
  const rates = new Map((await taxRatesById(tx, ids)).map((rate) => [rate.id, rate]));
  return ids.map((id, n) => {
    const rate = rates.get(id) ?? missing('tax rate', id, spelt(n));
    return rate.active || kept.includes(id) ? rate : refuse(undefined, `The tax rate ${id} is archived. Activate it, or use another one.`, spelt(n));
  });
}
