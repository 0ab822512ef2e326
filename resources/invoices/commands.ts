import type { DiscountWhole } from '../../billing/catalog.ts';
import type { CustomerWhole } from '../../billing/customer/customer.ts';
import { together, type Decision, type Moment } from '../../billing/decision.ts';
import { draftInvoice, previewInvoice, type InvoiceOrder } from '../../billing/invoice/draft.ts';
import { deleteDraft, refuseDueDate, updateInvoice } from '../../billing/invoice/edit.ts';
import type { InvoiceRow, InvoiceWhole } from '../../billing/invoice/invoice.ts';
import { refuseCurrency } from '../../billing/invoice/items.ts';
import { defined } from '../../billing/metadata.ts';
import { refuseUnfit } from '../../billing/payment/offer.ts';
import { noRedemptions, redeem } from '../../billing/redeem.ts';
import { live, wholeDiscounts } from '../../billing/subscription/lines.ts';
import type { SubscriptionWhole } from '../../billing/subscription/subscription.ts';
import { accountById } from '../../server/accounts.ts';
import { commit } from '../../server/commit.ts';
import { momentOn, type Context, type Json } from '../../server/context.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import { equal, named, page, renderList, within } from '../../server/lists.ts';
import { hasPaid } from '../charges/rows.ts';
import { lockCustomer } from '../customers/rows.ts';
import { discountsGiven } from '../discounts/rows.ts';
import { itemsOfInvoice, ratesGiven } from '../invoiceitems/rows.ts';
import { resolvePaymentMethod, settingsOf } from '../payment_methods/rows.ts';
import { pendingOfCustomer, subscriptionsById } from '../subscriptions/rows.ts';
import { taxIdsOf } from '../tax_ids/rows.ts';
import type * as params from './params.ts';
import { renderInvoice } from './resource.ts';
import { invoicesById, lockInvoice, wholeInvoices } from './rows.ts';

/** The discounts that a caller lists for an invoice, made and counted; those that it had and that are not listed are dropped. */
async function discountsOf(ctx: Context, given: Params<typeof params.updateInvoice>['discounts'], invoice: InvoiceWhole, moment: Moment): Promise<Decision & { discounts: DiscountWhole[] }> {
  const named = await discountsGiven(ctx.tx, given ?? []);
  const known = invoice.discount_rows.filter((discount) => discount.invoice === invoice.id);
  const redeemer = { customer: invoice.customer, first_time: named.length === 0 || !(await hasPaid(ctx.tx, invoice.customer)), amount: invoice.subtotal, currency: invoice.currency };
  const redeemed = redeem(named, { customer: invoice.customer, invoice: invoice.id }, known, redeemer, noRedemptions(), moment);
  const kept = new Set(redeemed.discounts.map((discount) => discount.id));
  const dropped = known.filter((discount) => !kept.has(discount.id)).map((discount) => ({ table: 'discounts', before: discount, after: null }));
  return { ...redeemed, facts: [], puts: [...redeemed.puts, ...dropped] };
}

/** Texts and settings in the words of the core. */
function wordsOf(given: Params<typeof params.updateInvoice>): InvoiceOrder['words'] {
  const { custom_fields, description, footer, statement_descriptor, due_date, effective_at, payment_settings, rendering } = given;
  return defined({
    custom_fields, description, footer, statement_descriptor, due_date, effective_at, payment_settings: payment_settings && settingsOf(payment_settings),
    rendering: rendering && { amount_tax_display: rendering.amount_tax_display ?? null, pdf: rendering.pdf ? { page_size: rendering.pdf.page_size ?? null } : null, template: null, template_version: null },
  });
}

async function methodGiven(ctx: Context, id: string | undefined, customer: string, moment: Moment): Promise<{ default_payment_method?: string; decision: Decision }> {
  if (id === undefined) return { decision: together([]) };
  const { method, decision } = await resolvePaymentMethod(ctx, id, { customer, moment, param: 'default_payment_method' });
  return { default_payment_method: method.id, decision };
}

async function subscriptionOf(ctx: Context, id: string | undefined, customer: CustomerWhole): Promise<SubscriptionWhole | null> {
  if (id === undefined) return null;
  const [found] = await subscriptionsById(ctx.tx, [id], true);
  return found?.customer === customer.id ? found : missing('subscription', id, 'subscription');
}

/** When it is finalized by itself, where the caller says so. */
const finalizing = ({ automatically_finalizes_at: at, collection_method }: Params<typeof params.createInvoice>) =>
  at === undefined ? {} : { automatically_finalizes_at: at, next_payment_attempt: collection_method === 'send_invoice' ? null : at };

/** What the caller orders, for its customer and, where it names one, its subscription. */
async function orderOf(ctx: Context, given: Params<typeof params.createInvoice>, customer: CustomerWhole, default_payment_method: string | undefined, moment: Moment): Promise<InvoiceOrder> {
  const { collection_method = 'charge_automatically', days_until_due = null, due_date = null, auto_advance = given.automatically_finalizes_at !== undefined } = given;
  refuseDueDate({ collection_method, days_until_due, due_date });
  const subscription = await subscriptionOf(ctx, given.subscription, customer);
  const account = await accountById(ctx.tx, ctx.world.account);
  const currency = given.currency ?? subscription?.currency ?? customer.currency ?? account.default_currency;
  refuseCurrency(customer, currency, 'currency');
  refuseUnfit(given.payment_settings ?? {}, currency);
  const { pending_invoice_items_behavior = subscription === null ? 'exclude' : 'include' } = given;
  const waiting = pending_invoice_items_behavior === 'include' ? await pendingOfCustomer(ctx.tx, customer.id) : [];
  return {
    customer, subscription, account, currency, collection_method, days_until_due, auto_advance,
    tax_ids: await taxIdsOf(ctx.tx, [customer.id]),
    billing_reason: 'manual',
    obligation: null,
    period: { start: moment.now, end: moment.now },
    pending: waiting.filter((item) => item.currency === currency && (subscription === null || item.subscription === subscription.id)).map((item) => ({ ...item, discounts: live(item.discounts, moment.now) })),
    lines: [],
    discounts: given.discounts === undefined ? wholeDiscounts(subscription ?? { discounts: [] }, customer, moment.now) : [],
    default_rates: await ratesGiven(ctx.tx, given.default_tax_rates ?? [], { spelt: spellRate }),
    words: { ...wordsOf(given), ...finalizing(given), ...(given.metadata ? { metadata: { ...given.metadata } } : {}), ...(default_payment_method !== undefined && { default_payment_method }) },
  };
}

const spellRate = (n: number): string => `default_tax_rates[${n}]`;

export async function create(ctx: Context, given: Params<typeof params.createInvoice>): Promise<Json> {
  const customer = await lockCustomer(ctx, given.customer, 'customer');
  const moment = await momentOn(ctx, customer.test_clock);
  const method = await methodGiven(ctx, given.default_payment_method, customer.id, moment);
  const order = await orderOf(ctx, given, customer, method.default_payment_method, moment);
  // Its own discounts name the invoice, which must have its id for that.
  const id = moment.newId('in');
  const named: Moment = { ...moment, newId: (prefix) => (prefix === 'in' ? id : moment.newId(prefix)) };
  const own = given.discounts ? await discountsOf(ctx, given.discounts, previewInvoice(order, named), moment) : null;
  const made = draftInvoice(own ? { ...order, discounts: own.discounts } : order, named);
  await commit(ctx, together([method.decision, own, made]));
  return renderInvoice(made.invoice, ctx.world);
}

export async function update(ctx: Context, given: Params<typeof params.updateInvoice>, path: { invoice: string }): Promise<Json> {
  const { invoice, moment } = await lockInvoice(ctx, path.invoice);
  const { auto_advance, automatically_finalizes_at, collection_method, days_until_due, metadata } = given;
  const method = await methodGiven(ctx, given.default_payment_method, invoice.customer, moment);
  const own = given.discounts === undefined ? null : await discountsOf(ctx, given.discounts, invoice, moment);
  const change = {
    ...wordsOf(given), auto_advance, automatically_finalizes_at, collection_method, days_until_due, metadata,
    default_payment_method: method.default_payment_method,
    ...(given.due_date !== undefined && { days_until_due: null }),
    ...(days_until_due !== undefined && { due_date: null }),
    ...(own && { discounts: own.discounts }),
    ...(given.default_tax_rates !== undefined && { default_rates: await ratesGiven(ctx.tx, given.default_tax_rates ?? [], { spelt: spellRate, kept: invoice.default_tax_rates }) }),
  };
  const made = updateInvoice(invoice, change, moment);
  await commit(ctx, together([method.decision, own, made]));
  return renderInvoice(made.invoice, ctx.world);
}

export async function remove(ctx: Context, _given: object, path: { invoice: string }): Promise<Json> {
  const { invoice, moment } = await lockInvoice(ctx, path.invoice);
  await commit(ctx, deleteDraft(invoice, await itemsOfInvoice(ctx.tx, invoice.id), moment));
  return { id: invoice.id, object: 'invoice', deleted: true };
}

export async function retrieve(ctx: Context, _given: object, path: { invoice: string }): Promise<Json> {
  const [found] = await invoicesById(ctx.tx, [path.invoice]);
  return renderInvoice(found ?? missing('invoice', path.invoice), ctx.world);
}

export async function list(ctx: Context, given: Params<typeof params.listInvoices>): Promise<Json> {
  const { customer, subscription } = given;
  const conditions = [
    ...equal('collection_method', given.collection_method),
    ...equal('customer', customer),
    ...equal('subscription', subscription),
    ...named('status', given.status),
    ...within('created', given.created),
    ...within('due_date', given.due_date),
    // What lives on test clocks is listed by its customer or subscription only.
    ...(customer === undefined && subscription === undefined ? equal('test_clock', null) : []),
  ];
  const { data, has_more } = await page<InvoiceRow>(ctx, 'invoices', 'invoice', conditions, given);
  return renderList('/v1/invoices', (await wholeInvoices(ctx.tx, data)).map((each) => renderInvoice(each, ctx.world)), has_more);
}
