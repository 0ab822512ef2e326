/** `invoice_items` of a preview: what would be billed besides, and pending items as they would be changed. Nothing of it is kept. */
import type { PriceRow } from '../../billing/catalog.ts';
import { refuse, type Moment } from '../../billing/decision.ts';
import type { CustomerWhole } from '../../billing/customer/customer.ts';
import { previewInvoice } from '../../billing/invoice/draft.ts';
import type { InvoiceItemWhole, InvoiceWhole } from '../../billing/invoice/invoice.ts';
import { changeItem, createItem, discountItem, priceOf, type PriceNamed } from '../../billing/invoice/items.ts';
import { within } from '../../billing/price.ts';
import { noRedemptions, redeem } from '../../billing/redeem.ts';
import { wholeDiscounts } from '../../billing/subscription/lines.ts';
import { previewItems } from '../../billing/subscription/preview.ts';
import type { Context } from '../../server/context.ts';
import { missing } from '../../server/http/errors.ts';
import { amount, clearable, currency, decimal, exclusive, fields, id, list, type Params } from '../../server/http/params.ts';
import { hasPaid } from '../charges/rows.ts';
import { discountsGiven } from '../discounts/rows.ts';
import { itemFields, oneQuantity, priceFields, taxed } from '../invoiceitems/params.ts';
import { itemsById, offersGiven, ratesGiven } from '../invoiceitems/rows.ts';
import { surroundings } from './facts.ts';
import type { discounts } from './params.ts';
import { pendingOfOne } from './rows.ts';

const { pricing: _pricing, ...described } = itemFields;

export const previewItem = fields(
  {
    ...described,
    ...taxed,
    currency: currency(),
    invoiceitem: id('ii'),
    price: id(),
    price_data: fields(priceFields, exclusive(['unit_amount', 'unit_amount_decimal'])),
    tax_rates: clearable(list(id('txr'), { max: 5 })),
    unit_amount: amount(),
    unit_amount_decimal: decimal(),
  },
  exclusive(['amount', 'unit_amount', 'unit_amount_decimal', 'price', 'price_data']),
  oneQuantity,
);

type Given = Params<typeof previewItem>;

/** What is said of the whole invoice. */
type Whole = { currency?: string; discounts?: Params<typeof discounts> | null };

/** `invoice_items[0][price]`. */
const spelt = (n: number, name: string): string => within(`invoice_items[${n}]`)(name === 'pricing[price]' ? 'price' : name);

/** What is asked for, in the words of the core. `kept` are the tax rates that the item has already. */
async function changeOf(ctx: Context, given: Given, offered: PriceNamed | null, n: number, kept: readonly string[] = []) {
  const { quantity, unit_amount, tax_rates, discounts: _, currency: _currency, invoiceitem: _id, price: _price, price_data: _data, ...rest } = given;
  return {
    ...rest,
    price: offered ?? undefined,
    unit_amount_decimal: rest.unit_amount_decimal ?? unit_amount?.toString(),
    quantity_decimal: rest.quantity_decimal ?? quantity?.toString(),
    ...(tax_rates !== undefined && { rates: await ratesGiven(ctx.tx, tax_rates ?? [], { spelt: (m) => spelt(n, `tax_rates[${m}]`), kept }) }),
  };
}

/** What waits for the customer alone, where no subscription is to be billed. */
async function ofCustomer(ctx: Context, customer: CustomerWhole, currency: string, moment: Moment): Promise<InvoiceWhole> {
  const { account, tax_ids } = (await surroundings(ctx, [customer]))(customer);
  const pending = (await pendingOfOne(ctx.tx, customer.id)).filter((item) => item.currency === currency);
  const order = {
    customer, account, tax_ids, currency, pending,
    subscription: null, billing_reason: 'upcoming', obligation: null, collection_method: 'charge_automatically', days_until_due: null,
    period: { start: moment.now, end: moment.now },
    lines: [], default_rates: [], discounts: wholeDiscounts({ discounts: [] }, customer, moment.now), auto_advance: false,
  } as const;
  return previewInvoice(order, moment);
}

/** An invoice of what waits for the customer alone; null where nothing does. */
export async function withPending(ctx: Context, customer: CustomerWhole, { currency, discounts }: Whole, moment: Moment): Promise<InvoiceWhole | null> {
  const [first] = await pendingOfOne(ctx.tx, customer.id);
  const invoice = first ? await ofCustomer(ctx, customer, currency ?? customer.currency ?? first.currency, moment) : null;
  return invoice && invoice.lines.length > 0 ? discounted(ctx, invoice, [], customer, discounts, moment) : null;
}

/** The preview of these items with the discounts that the caller names for the whole, instead of the customer's. */
async function discounted(ctx: Context, invoice: InvoiceWhole, items: readonly InvoiceItemWhole[], customer: CustomerWhole, given: Whole['discounts'], moment: Moment): Promise<InvoiceWhole> {
  if (given === undefined) return previewItems(invoice, items, customer, moment);
  const plain = { ...invoice, discounts: [] };
  const redeemer = { customer: customer.id, first_time: !(await hasPaid(ctx.tx, customer.id)), amount: previewItems(plain, items, customer, moment).subtotal, currency: invoice.currency };
  const { discounts } = redeem(await discountsGiven(ctx.tx, given ?? []), { customer: customer.id, invoice: invoice.id }, [], redeemer, noRedemptions(), moment);
  return previewItems({ ...plain, discounts: discounts.map((discount) => discount.id), discount_rows: [...plain.discount_rows, ...discounts] }, items, customer, moment);
}

/** The preview with these items on it, and the prices that they name; without anything else to bill, an invoice of them alone. */
export async function withItems(ctx: Context, given: readonly Given[], preview: InvoiceWhole | null, customer: CustomerWhole, whole: Whole, moment: Moment): Promise<{ invoice: InvoiceWhole; prices: PriceRow[] }> {
  const offers = await offersGiven(ctx.tx, given.map(({ price, price_data }) => ({ ...(price !== undefined && { pricing: { price } }), price_data })), spelt);
  const prices = offers.map((offer) => priceOf(offer, moment).price);
  const first = given[0]!;
  const currency = preview?.currency ?? whole.currency ?? first.currency ?? prices[0]?.terms.currency ?? customer.currency ?? 'usd';
  const invoice = preview ?? (await ofCustomer(ctx, customer, currency, moment));
  const known = new Map((await itemsById(ctx.tx, given.flatMap((each) => each.invoiceitem ?? []))).map((item) => [item.id, item]));
  const stay = await offersGiven(ctx.tx, [...known.values()].map((item) => (item.price === null ? {} : { pricing: { price: item.price } })));
  const staying = new Map([...known.keys()].map((item, n) => [item, stay[n]!.price]));
  const first_time = !(await hasPaid(ctx.tx, customer.id));
  const items: InvoiceItemWhole[] = [];
  for (const [n, each] of given.entries()) {
    const change = await changeOf(ctx, each, prices[n]!, n, known.get(each.invoiceitem ?? '')?.tax_rates);
    if (each.currency !== undefined && each.currency !== currency) refuse(undefined, `The preview is in ${currency}; an item in ${each.currency} cannot be on it.`, spelt(n, 'currency'));
    const before = each.invoiceitem === undefined ? null : (known.get(each.invoiceitem) ?? missing('invoice item', each.invoiceitem, spelt(n, 'invoiceitem')));
    if (before && !invoice.lines.some((line) => line.invoice_item === before.id)) refuse('resource_missing', `The item ${before.id} would not be on this invoice.`, spelt(n, 'invoiceitem'), { status: 400 });
    const made = before ? changeItem(before, change, staying.get(before.id)!) : createItem({ ...change, id: moment.newId('ii'), customer, subscription: null, invoice: null, currency }, moment);
    const named = each.discounts === undefined ? null : await discountsGiven(ctx.tx, each.discounts ?? [], (m) => spelt(n, `discounts[${m}]`));
    items.push((named ? discountItem(made, before?.discounts ?? [], named, first_time, noRedemptions(), moment) : made).item);
  }
  return { invoice: await discounted(ctx, invoice, items, customer, preview ? undefined : whole.discounts, moment), prices: prices.flatMap((price) => price?.terms ?? []) };
}
