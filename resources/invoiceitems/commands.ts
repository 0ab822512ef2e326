import type { DiscountWhole } from '../../billing/catalog.ts';
import type { CustomerWhole } from '../../billing/customer/customer.ts';
import { refuse, together, type Decision, type Moment } from '../../billing/decision.ts';
import { refuseFinalized, relineDraft } from '../../billing/invoice/edit.ts';
import type { InvoiceItemRow, InvoiceItemWhole, InvoiceWhole } from '../../billing/invoice/invoice.ts';
import { changeItem, createItem, deleteItem, discountItem, priceOf, type PriceNamed } from '../../billing/invoice/items.ts';
import { noRedemptions } from '../../billing/redeem.ts';
import { hasEnded, type SubscriptionWhole } from '../../billing/subscription/subscription.ts';
import { accountById } from '../../server/accounts.ts';
import { commit } from '../../server/commit.ts';
import { momentOn, type Context, type Json } from '../../server/context.ts';
import { sql } from '../../server/database/sql.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import { equal, page, renderList, within } from '../../server/lists.ts';
import { hasPaid } from '../charges/rows.ts';
import { lockCustomer } from '../customers/rows.ts';
import { discountsGiven } from '../discounts/rows.ts';
import { invoicesById } from '../invoices/rows.ts';
import { subscriptionsById } from '../subscriptions/rows.ts';
import type * as params from './params.ts';
import { renderInvoiceItem } from './resource.ts';
import { itemsById, offersGiven, ratesGiven, wholeItems } from './rows.ts';

/** The draft that an item is on or goes to, locked; null where there is none. */
async function lockDraft(ctx: Context, id: string | null | undefined, customer: string): Promise<InvoiceWhole | null> {
  if (id == null) return null;
  const [found] = await invoicesById(ctx.tx, [id], true);
  if (!found || found.customer !== customer) missing('invoice', id, 'invoice');
  refuseFinalized(found, 'its items can');
  return found;
}

async function subscriptionGiven(ctx: Context, id: string | undefined, customer: string): Promise<SubscriptionWhole | null> {
  if (id === undefined) return null;
  const [found] = await subscriptionsById(ctx.tx, [id]);
  if (!found || found.customer !== customer) missing('subscription', id, 'subscription');
  if (hasEnded(found)) refuse(undefined, `The subscription ${id} has ended: it gets no further invoice.`, 'subscription');
  return found;
}

/** The item with the discounts that were named for it; without a word about them it is as it was. */
async function discounted(ctx: Context, made: Decision & { item: InvoiceItemWhole }, known: readonly DiscountWhole[], given: Params<typeof params.updateInvoiceItem>['discounts'], moment: Moment): Promise<Decision & { item: InvoiceItemWhole }> {
  if (given === undefined) return made;
  const named = await discountsGiven(ctx.tx, given ?? []);
  return discountItem(made, known, named, named.length > 0 && !(await hasPaid(ctx.tx, made.item.customer)), noRedemptions(), moment);
}

/** With the draft on which it stands. */
async function commitItem(ctx: Context, made: Decision & { item: InvoiceItemWhole }, draft: InvoiceWhole | null, price: Decision, moment: Moment): Promise<Json> {
  const drafted = draft ? [relineDraft(draft, [made.item], new Set(), moment)] : [];
  await commit(ctx, together([price, made, ...drafted]));
  return renderInvoiceItem(made.item, ctx.world);
}

async function currencyOf(ctx: Context, given: Params<typeof params.createInvoiceItem>, draft: InvoiceWhole | null, price: PriceNamed | null, customer: CustomerWhole): Promise<string> {
  const currency = draft?.currency ?? given.currency ?? given.price_data?.currency ?? customer.currency ?? price?.terms.currency;
  const said = given.currency ?? given.price_data?.currency;
  if (draft && said !== undefined && said !== draft.currency) refuse(undefined, `The invoice ${draft.id} is in ${draft.currency}; an item in ${said} cannot be put on it.`, given.currency ? 'currency' : 'price_data[currency]');
  return currency ?? (await accountById(ctx.tx, ctx.world.account)).default_currency;
}

export async function create(ctx: Context, given: Params<typeof params.createInvoiceItem>): Promise<Json> {
  const customer = await lockCustomer(ctx, given.customer, 'customer');
  const moment = await momentOn(ctx, customer.test_clock);
  const subscription = await subscriptionGiven(ctx, given.subscription, customer.id);
  const draft = await lockDraft(ctx, given.invoice, customer.id);
  const [offer] = await offersGiven(ctx.tx, [given]);
  const offered = priceOf(offer!, moment);
  const { quantity, discounts, tax_rates = [], ...rest } = given;
  const made = createItem(
    {
      ...rest, customer, subscription,
      id: moment.newId('ii'),
      invoice: draft?.id ?? null,
      currency: await currencyOf(ctx, given, draft, offered.price, customer),
      price: offered.price ?? undefined,
      quantity_decimal: given.quantity_decimal ?? quantity?.toString(),
      rates: await ratesGiven(ctx.tx, tax_rates),
      discounts: [],
    },
    moment,
  );
  return commitItem(ctx, await discounted(ctx, made, [], discounts, moment), draft, offered, moment);
}

/** The item, and the draft on which it stands, both locked after their customer. */
async function lockItem(ctx: Context, id: string) {
  const [seen] = await itemsById(ctx.tx, [id]);
  if (!seen) missing('invoice item', id);
  const customer = await lockCustomer(ctx, seen.customer);
  const moment = await momentOn(ctx, customer.test_clock);
  const [item] = await itemsById(ctx.tx, [id], true);
  if (!item) missing('invoice item', id);
  return { item, moment, draft: await lockDraft(ctx, item.invoice, customer.id) };
}

async function priceNamed(ctx: Context, item: InvoiceItemWhole): Promise<PriceNamed | null> {
  if (item.price === null) return null;
  const [offer] = await offersGiven(ctx.tx, [{ pricing: { price: item.price } }]);
  return offer!.price;
}

export async function update(ctx: Context, given: Params<typeof params.updateInvoiceItem>, path: { invoiceitem: string }): Promise<Json> {
  const { item, draft, moment } = await lockItem(ctx, path.invoiceitem);
  const [offer] = await offersGiven(ctx.tx, [given]);
  const offered = priceOf(offer!, moment);
  const { quantity, discounts, tax_rates, ...rest } = given;
  const change = {
    ...rest,
    price: offered.price ?? undefined,
    quantity_decimal: given.quantity_decimal ?? quantity?.toString(),
    ...(tax_rates !== undefined && { rates: await ratesGiven(ctx.tx, tax_rates ?? [], { kept: item.tax_rates }) }),
    discounts: undefined,
  };
  const made = changeItem(item, change, await priceNamed(ctx, item));
  return commitItem(ctx, await discounted(ctx, made, item.discounts, discounts, moment), draft, offered, moment);
}

export async function remove(ctx: Context, _given: object, path: { invoiceitem: string }): Promise<Json> {
  const { item, draft, moment } = await lockItem(ctx, path.invoiceitem);
  const drafted = draft ? [relineDraft(draft, [], new Set([item.id]), moment)] : [];
  await commit(ctx, together([...drafted, deleteItem(item, moment)]));
  return { id: item.id, object: 'invoiceitem', deleted: true };
}

export async function retrieve(ctx: Context, _given: object, path: { invoiceitem: string }): Promise<Json> {
  const [item] = await itemsById(ctx.tx, [path.invoiceitem]);
  return renderInvoiceItem(item ?? missing('invoice item', path.invoiceitem), ctx.world);
}

export async function list(ctx: Context, given: Params<typeof params.listInvoiceItems>): Promise<Json> {
  const conditions = [
    ...equal('customer', given.customer),
    ...equal('invoice', given.invoice),
    ...within('created', given.created),
    ...(given.pending === undefined ? [] : [given.pending ? sql`invoice is null` : sql`invoice is not null`]),
    // What lives on test clocks is listed by its customer only.
    ...(given.customer === undefined && given.invoice === undefined ? equal('test_clock', null) : []),
  ];
  const { data, has_more } = await page<InvoiceItemRow>(ctx, 'invoice_items', 'invoice item', conditions, given);
  return renderList('/v1/invoiceitems', (await wholeItems(ctx.tx, data)).map((each) => renderInvoiceItem(each, ctx.world)), has_more);
}
