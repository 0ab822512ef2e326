/** The lines of a draft, each made by an invoice item: added, changed, removed. */
import { refuse, together, type Decision, type Moment } from '../../billing/decision.ts';
import { relineDraft, updateInvoice } from '../../billing/invoice/edit.ts';
import type { InvoiceItemWhole, InvoiceLineRow, InvoiceWhole } from '../../billing/invoice/invoice.ts';
import { changeItem, createItem, deleteItem, discountItem, priceOf, type ItemTerms, type ItemWords, type PriceNamed } from '../../billing/invoice/items.ts';
import { within } from '../../billing/price.ts';
import { noRedemptions, type DiscountGiven, type Redemptions } from '../../billing/redeem.ts';
import { commit } from '../../server/commit.ts';
import type { Context, Json } from '../../server/context.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import { renderList, slice } from '../../server/lists.ts';
import { hasPaid } from '../charges/rows.ts';
import { discountsGiven } from '../discounts/rows.ts';
import { itemsById, itemsOfInvoice, offersGiven, ratesGiven } from '../invoiceitems/rows.ts';
import { renderLine } from './line_item.ts';
import type * as params from './params.ts';
import { renderInvoice } from './resource.ts';
import { invoicesById, lockInvoice } from './rows.ts';

type Path = { invoice: string };
type LineGiven = Params<typeof params.updateLine>;

/** What is said of one line: its terms and words, the price that is made for it, and the discounts named for it. */
type Said = { change: ItemTerms & ItemWords; offered: Decision; discounts: DiscountGiven[] | undefined };

/** How a caller spells a parameter of the nth line. */
const spelt = (n: number, name: string): string => within(`lines[${n}]`)(name);

/** Reads what requests say of many lines, a read for each kind of thing. `kept` are the tax rates that are on the lines already. */
async function said(ctx: Context, given: readonly LineGiven[], at: (n: number, name: string) => string, moment: Moment, kept: readonly string[] = []): Promise<Said[]> {
  const offers = await offersGiven(ctx.tx, given, at);
  const spell = (lists: readonly (readonly unknown[])[], name: string) => lists.flatMap((list, n) => list.map((_, m) => `${at(n, name)}[${m}]`));
  const rateIds = given.map((each) => each.tax_rates ?? []);
  const rateParams = spell(rateIds, 'tax_rates');
  const rates = await ratesGiven(ctx.tx, rateIds.flat(), { spelt: (n) => rateParams[n]!, kept });
  const discountLists = given.map((each) => each.discounts ?? []);
  const discountParams = spell(discountLists, 'discounts');
  const discounts = await discountsGiven(ctx.tx, discountLists.flat(), (n) => discountParams[n]!);
  return given.map(({ quantity, tax_rates, discounts: named, ...rest }, n): Said => {
    const offered = priceOf(offers[n]!, moment);
    const own = rates.splice(0, rateIds[n]!.length);
    const mine = discounts.splice(0, discountLists[n]!.length);
    return {
      offered,
      change: { ...rest, price: offered.price ?? undefined, quantity_decimal: rest.quantity_decimal ?? quantity?.toString(), ...(tax_rates !== undefined && { rates: own }) },
      discounts: named === undefined ? undefined : mine,
    };
  });
}

const discounted = (made: Decision & { item: InvoiceItemWhole }, known: InvoiceItemWhole | null, each: Said, first_time: boolean, counted: Redemptions, moment: Moment) =>
  each.discounts === undefined ? made : discountItem(made, known?.discounts ?? [], each.discounts, first_time, counted, moment);

/** The draft with its items and, where it was given, its metadata as they are now. */
async function commitLines(ctx: Context, before: InvoiceWhole, made: readonly Decision[], items: readonly InvoiceItemWhole[], removed: ReadonlySet<string>, metadata: Record<string, string> | '' | undefined, moment: Moment): Promise<Json> {
  const relined = relineDraft(before, items, removed, moment);
  const updated = metadata === undefined ? null : updateInvoice(relined.invoice, { metadata }, moment);
  await commit(ctx, together([...made, relined, updated]));
  return renderInvoice((updated ?? relined).invoice, ctx.world);
}

/** A waiting item that a line names, to be put on this invoice. */
function assigned(item: InvoiceItemWhole | undefined, id: string, invoice: InvoiceWhole, param: string): InvoiceItemWhole {
  if (!item || item.customer !== invoice.customer) missing('invoice item', id, param);
  if (item.invoice !== null) refuse(undefined, `The item ${id} stands on the invoice ${item.invoice} already.`, param);
  if (item.currency !== invoice.currency) refuse(undefined, `The item ${id} is in ${item.currency}; the invoice is in ${invoice.currency}.`, param);
  return item;
}

export async function addLines(ctx: Context, given: Params<typeof params.addLines>, path: Path): Promise<Json> {
  const { invoice, customer, subscription, moment } = await lockInvoice(ctx, path.invoice);
  const words = await said(ctx, given.lines, spelt, moment);
  const waiting = new Map((await itemsById(ctx.tx, given.lines.flatMap((line) => line.invoice_item ?? []), true)).map((item) => [item.id, item]));
  const prices = await pricesOf(ctx, [...waiting.values()]);
  const first_time = !(await hasPaid(ctx.tx, customer.id));
  const counted = noRedemptions();
  const made = given.lines.map(({ invoice_item }, n) => {
    const { change } = words[n]!;
    if (invoice_item === undefined) {
      const order = { ...change, id: moment.newId('ii'), customer, subscription, invoice: invoice.id, currency: invoice.currency };
      return discounted(createItem(order, moment), null, words[n]!, first_time, counted, moment);
    }
    const item = assigned(waiting.get(invoice_item), invoice_item, invoice, `lines[${n}][invoice_item]`);
    const placed = { ...item, invoice: invoice.id };
    const changed = changeItem(placed, change, prices.get(item.id) ?? null);
    changed.puts.unshift({ table: 'invoice_items', before: item, after: placed });
    return discounted(changed, item, words[n]!, first_time, counted, moment);
  });
  return commitLines(ctx, invoice, [...words.map((each) => each.offered), ...made], made.map((each) => each.item), new Set(), given.invoice_metadata, moment);
}

/** The prices that items have, by item. */
async function pricesOf(ctx: Context, items: readonly InvoiceItemWhole[]): Promise<Map<string, PriceNamed | null>> {
  const offers = await offersGiven(ctx.tx, items.map((item) => (item.price === null ? {} : { pricing: { price: item.price } })));
  return new Map(items.map((item, n) => [item.id, offers[n]!.price]));
}

/** The line of a draft that a request names, which an invoice item must have made. */
function lineNamed(invoice: InvoiceWhole, id: string, param: string | undefined): InvoiceLineRow & { invoice_item: string } {
  const line = invoice.lines.find((each) => each.id === id);
  if (!line) missing('invoice line item', id, param);
  const { invoice_item } = line;
  if (invoice_item === null) refuse('invoice_not_editable', `The line ${id} is of the subscription ${line.subscription}: what it bills follows from the subscription. Add a line of your own beside it.`, param);
  return { ...line, invoice_item: invoice_item! };
}

function refuseTwice(ids: readonly { id: string; param: string | undefined }[]): void {
  const twice = ids.find(({ id }, n) => ids.findIndex((each) => each.id === id) < n);
  if (twice) refuse(undefined, `The line ${twice.id} is named twice.`, twice.param);
}

async function changeLines(ctx: Context, invoiceId: string, ids: readonly { id: string; param: string | undefined }[], given: readonly LineGiven[], at: (n: number, name: string) => string, metadata?: Record<string, string> | ''): Promise<Json> {
  refuseTwice(ids);
  const { invoice, customer, moment } = await lockInvoice(ctx, invoiceId);
  const words = await said(ctx, given, at, moment, invoice.lines.flatMap((line) => line.tax_rates));
  const items = new Map((await itemsOfInvoice(ctx.tx, invoice.id)).map((item) => [item.id, item]));
  const prices = await pricesOf(ctx, [...items.values()]);
  const first_time = !(await hasPaid(ctx.tx, customer.id));
  const counted = noRedemptions();
  const made = ids.map(({ id, param }, n) => {
    const item = items.get(lineNamed(invoice, id, param).invoice_item)!;
    return discounted(changeItem(item, words[n]!.change, prices.get(item.id) ?? null), item, words[n]!, first_time, counted, moment);
  });
  return commitLines(ctx, invoice, [...words.map((each) => each.offered), ...made], made.map((each) => each.item), new Set(), metadata, moment);
}

export async function updateLines(ctx: Context, given: Params<typeof params.updateLines>, path: Path): Promise<Json> {
  const ids = given.lines.map(({ id }, n) => ({ id, param: `lines[${n}][id]` }));
  return changeLines(ctx, path.invoice, ids, given.lines.map(({ id: _, ...line }) => line), spelt, given.invoice_metadata);
}

export async function updateLine(ctx: Context, given: LineGiven, path: Path & { line: string }): Promise<Json> {
  await changeLines(ctx, path.invoice, [{ id: path.line, param: undefined }], [given], (_n, name) => name);
  const [invoice] = await invoicesById(ctx.tx, [path.invoice]);
  return renderLine(invoice!.lines.find((line) => line.id === path.line)!, ctx.world);
}

export async function removeLines(ctx: Context, given: Params<typeof params.removeLines>, path: Path): Promise<Json> {
  const { invoice, moment } = await lockInvoice(ctx, path.invoice);
  const items = new Map((await itemsOfInvoice(ctx.tx, invoice.id)).map((item) => [item.id, item]));
  const removed = new Set<string>();
  refuseTwice(given.lines.map(({ id }, n) => ({ id, param: `lines[${n}][id]` })));
  const made = given.lines.map(({ id, behavior }, n): Decision => {
    const item = items.get(lineNamed(invoice, id, `lines[${n}][id]`).invoice_item)!;
    removed.add(item.id);
    return behavior === 'delete' ? deleteItem(item, moment) : { ...together([]), puts: [{ table: 'invoice_items', before: item, after: { ...item, invoice: null } }] };
  });
  return commitLines(ctx, invoice, made, [], removed, given.invoice_metadata, moment);
}

/** A page of an invoice's lines, in their order. */
export async function listLines(ctx: Context, given: Params<typeof params.listLines>, path: Path): Promise<Json> {
  const [invoice] = await invoicesById(ctx.tx, [path.invoice]);
  if (!invoice) missing('invoice', path.invoice);
  const { data, has_more } = slice(invoice.lines, 'invoice line item', given);
  return renderList(`/v1/invoices/${invoice.id}/lines`, data.map((line) => renderLine(line, ctx.world)), has_more);
}
