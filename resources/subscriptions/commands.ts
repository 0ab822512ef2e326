import type Stripe from 'stripe';
import type { CustomerWhole } from '../../billing/customer/customer.ts';
import { refuse, together, type Moment } from '../../billing/decision.ts';
import { mergeMetadata } from '../../billing/metadata.ts';
import { cancelSubscription, giveUpStart } from '../../billing/subscription/cancel.ts';
import { changeSubscription, NO_CHANGE, refuseManaged, type ChangeOrder } from '../../billing/subscription/change.ts';
import { endDiscounts } from '../../billing/redeem.ts';
import { updated } from '../../billing/subscription/puts.ts';
import { hasEnded, type SubscriptionRow, type SubscriptionWhole } from '../../billing/subscription/subscription.ts';
import { changesTerms } from '../../billing/subscription/pending.ts';
import { pauseSubscription, type PauseOrder } from '../../billing/subscription/pause.ts';
import { resumeSubscription } from '../../billing/subscription/resume.ts';
import { trialOfPrices } from '../../billing/subscription/anchor.ts';
import { startSubscription, type StartOrder } from '../../billing/subscription/start.ts';
import { commit } from '../../server/commit.ts';
import { momentOn, type Context, type Json } from '../../server/context.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import type { Answer } from '../../server/http/route.ts';
import type { Wire } from '../../server/http/wire.ts';
import { page, renderList } from '../../server/lists.ts';
import { hasPaid } from '../charges/rows.ts';
import { lockCustomer } from '../customers/rows.ts';
import { renderDiscount } from '../discounts/resource.ts';
import { lockInvoices } from '../invoices/rows.ts';
import { resolvePaymentMethod, settingsOf } from '../payment_methods/rows.ts';
import { billingMode, readCatalogue, thresholdsOf, type Catalogue } from './asked.ts';
import { changeFacts, lockForChange, lockSubscription, surroundings, withoutPending } from './facts.ts';
import type * as params from './params.ts';
import { renderSubscription } from './resource.ts';
import { countSubscriptions, matching, pendingOfOne, subscriptionsById, unpaidOf, wholeSubscriptions } from './rows.ts';

type StartGiven = Params<typeof params.createSubscription>;
type ChangeGiven = Params<typeof params.updateSubscription>;

const answer = (id: string, refuseUnpaid = false): Answer => ({ ref: { object: 'subscription', id, refuseUnpaid } });

/** The currency that is asked for, or the customer's where the first price has an amount in it, or the price's own. */
function currencyOf(given: StartGiven, customer: CustomerWhole, catalogue: Catalogue): string {
  const [first] = given.items;
  if (given.currency !== undefined) return given.currency;
  const price = first?.price === undefined ? undefined : catalogue.prices.get(first.price);
  const own = price?.currency ?? first?.price_data?.currency ?? customer.currency ?? 'usd';
  return customer.currency !== null && price?.currency_options?.[customer.currency] ? customer.currency : own;
}

export function startOrder(given: StartGiven, customer: CustomerWhole, catalogue: Catalogue, default_payment_method: string | null): StartOrder {
  if (given.payment_behavior === 'pending_if_incomplete') refuse(undefined, 'Only a change can wait as pending: a subscription that begins waits for its payment with `default_incomplete`.', 'payment_behavior');
  const { collection_method = 'charge_automatically', days_until_due = null, billing_cycle_anchor_config: config } = given;
  if (collection_method === 'send_invoice' && days_until_due === null) refuse('parameter_missing', 'Where invoices are sent, say how long they may be paid: give `days_until_due`.', 'days_until_due');
  if (collection_method === 'charge_automatically' && days_until_due !== null) refuse(undefined, '`days_until_due` is for invoices that are sent, not for those charged automatically.', 'days_until_due');
  return {
    currency: currencyOf(given, customer, catalogue),
    collection_method, days_until_due, default_payment_method,
    items: given.items.map((each, n) => catalogue.newItem(each, `items[${n}]`)),
    add_invoice_items: (given.add_invoice_items ?? []).map((each, n) => catalogue.addedOnce(each, `add_invoice_items[${n}]`)),
    billing_cycle_anchor: given.billing_cycle_anchor ?? null,
    billing_cycle_anchor_config: config ? { hour: null, minute: null, month: null, second: null, ...config } : null,
    backdate_start_date: given.backdate_start_date ?? null,
    trial_end: given.trial_end ?? null,
    trial_period_days: given.trial_period_days ?? null,
    trial_from_plan: given.trial_from_plan,
    billing_mode: billingMode(given.billing_mode),
    trial_settings: { end_behavior: { missing_payment_method: 'create_invoice', ...given.trial_settings?.end_behavior } },
    cancel_at: given.cancel_at ?? null,
    cancel_at_period_end: given.cancel_at_period_end ?? false,
    billing_thresholds: thresholdsOf(given.billing_thresholds) ?? null,
    description: given.description ?? null,
    invoice_settings: { custom_fields: null, description: null, footer: null, ...given.invoice_settings },
    payment_settings: { save_default_payment_method: 'off', ...settingsOf(given.payment_settings ?? {}) },
    pending_invoice_item_interval: given.pending_invoice_item_interval ? { interval_count: 1, ...given.pending_invoice_item_interval } : null,
    proration_behavior: given.proration_behavior,
    discounts: catalogue.discountsOf(given.discounts, 'discounts'),
    default_rates: catalogue.ratesOf(given.default_tax_rates, 'default_tax_rates'),
    metadata: mergeMetadata({}, given.metadata),
    payment_behavior: given.payment_behavior,
    off_session: given.off_session,
  };
}

/** The method that a parameter names, as the customer's, and what must be written for it. */
async function ownMethod(ctx: Context, id: string | undefined, customer: CustomerWhole, moment: Moment) {
  return id === undefined ? null : resolvePaymentMethod(ctx, id, { customer: customer.id, moment, param: 'default_payment_method' });
}

export async function create(ctx: Context, given: StartGiven): Promise<Answer> {
  const customer = await lockCustomer(ctx, given.customer, 'customer');
  const moment = await momentOn(ctx, customer.test_clock);
  const own = await ownMethod(ctx, given.default_payment_method, customer, moment);
  const catalogue = await readCatalogue(ctx, given, moment);
  const order = startOrder(given, customer, catalogue, own?.method.id ?? null);
  const around = (await surroundings(ctx, [customer]))(customer);
  const facts = { ...around, payment_method: own?.method ?? around.payment_method, subscriptions: await countSubscriptions(ctx.tx, customer.id), first_time: !(await hasPaid(ctx.tx, customer.id)), pending: await pendingOfOne(ctx.tx, customer.id) };
  const started = startSubscription(order, facts, moment);
  await commit(ctx, together([own?.decision, ...catalogue.made, started]));
  return answer(started.subscription.id, order.payment_behavior === 'error_if_incomplete');
}

export function changeOrder(given: ChangeGiven, catalogue: Catalogue, default_payment_method: string | undefined): ChangeOrder {
  const { cancel_at, cancel_at_period_end, cancellation_details, collection_method, days_until_due, description, invoice_settings, payment_settings, metadata, trial_end, default_tax_rates, discounts } = given;
  return {
    ...NO_CHANGE,
    cancel_at, cancel_at_period_end, cancellation_details, collection_method, days_until_due, default_payment_method, description, invoice_settings, payment_settings: payment_settings && settingsOf(payment_settings), metadata, trial_end,
    items: (given.items ?? []).map(({ id, ...each }, n) => {
      const param = `items[${n}]`;
      if (id !== undefined) return { change: catalogue.itemChange({ ...each, id }, param) };
      if (each.deleted) return refuse('parameter_missing', 'Say which item is to be removed: give its `id`.', `${param}[id]`);
      return { add: catalogue.newItem(each, param) };
    }),
    add_invoice_items: (given.add_invoice_items ?? []).map((each, n) => catalogue.addedOnce(each, `add_invoice_items[${n}]`)),
    proration_behavior: given.proration_behavior,
    proration_date: given.proration_date ?? null,
    billing_cycle_anchor: given.billing_cycle_anchor?.type ?? 'unchanged',
    trial_settings: given.trial_settings,
    billing_thresholds: thresholdsOf(given.billing_thresholds),
    ...(given.pending_invoice_item_interval !== undefined && { pending_invoice_item_interval: given.pending_invoice_item_interval && { interval_count: 1, ...given.pending_invoice_item_interval } }),
    ...(given.pause_collection !== undefined && { pause_collection: given.pause_collection && { resumes_at: null, ...given.pause_collection } }),
    ...(default_tax_rates !== undefined && { default_rates: catalogue.ratesOf(default_tax_rates, 'default_tax_rates') }),
    ...(discounts !== undefined && { discounts: catalogue.discountsOf(discounts, 'discounts') }),
    payment_behavior: given.payment_behavior,
    off_session: given.off_session,
  };
}

/** The trial that begins now with the prices that the items have after the change; where none of them has one, it is left alone. */
function withTrialOfPrices(order: ChangeOrder, { items }: SubscriptionWhole, moment: Moment): ChangeOrder {
  const changes = new Map(order.items.flatMap((asked) => ('change' in asked ? [[asked.change.id, asked.change] as const] : [])));
  const kept = items.filter((item) => !changes.get(item.id)?.deleted).map((item) => changes.get(item.id)?.price?.terms ?? item.terms);
  const added = order.items.flatMap((asked) => ('add' in asked ? asked.add.price.terms : []));
  const trial_end = trialOfPrices([...kept, ...added], moment);
  return trial_end === null ? order : { ...order, trial_end };
}

export async function update(ctx: Context, given: ChangeGiven, path: { subscription: string }): Promise<Answer> {
  const locked = await lockSubscription(ctx, path.subscription);
  const own = await ownMethod(ctx, given.default_payment_method, locked.customer, locked.moment);
  const catalogue = await readCatalogue(ctx, given, locked.moment);
  const asked = changeOrder(given, catalogue, own?.method.id);
  const order = given.trial_from_plan ? withTrialOfPrices(asked, locked.subscription, locked.moment) : asked;
  refuseManaged(order, locked.subscription);
  const replaces = locked.subscription.pending_update !== null && changesTerms(order);
  const changed = changeSubscription(order, await changeFacts(ctx, replaces ? await withoutPending(ctx, locked) : locked), locked.moment);
  await commit(ctx, together([own?.decision, ...catalogue.made, changed]));
  return answer(path.subscription, order.payment_behavior === 'error_if_incomplete');
}

export async function cancel(ctx: Context, given: Params<typeof params.cancelSubscription>, path: { subscription: string }): Promise<Answer> {
  const locked = await lockForChange(ctx, path.subscription);
  const { subscription, moment } = locked;
  if (subscription.status === 'incomplete') {
    const [first] = await lockInvoices(ctx.tx, subscription.latest_invoice === null ? [] : [subscription.latest_invoice]);
    await commit(ctx, giveUpStart(subscription, first ?? null, moment, given.cancellation_details ?? {}));
    return answer(subscription.id);
  }
  const unpaid = await unpaidOf(ctx.tx, [subscription.id]);
  await commit(ctx, cancelSubscription(given, { ...(await changeFacts(ctx, locked)), unpaid }, moment));
  return answer(subscription.id);
}

export const pauseOrder = ({ bill_for, invoicing_behavior = 'pending_invoice_item' }: Pick<Params<typeof params.pauseSubscription>, 'bill_for' | 'invoicing_behavior'>): PauseOrder => ({
  unused_time_from: bill_for?.unused_time_from?.type ?? 'now',
  outstanding_usage_through: bill_for?.outstanding_usage_through?.type ?? 'now',
  invoicing_behavior,
});

export async function pause(ctx: Context, given: Params<typeof params.pauseSubscription>, path: { subscription: string }): Promise<Answer> {
  const locked = await lockForChange(ctx, path.subscription);
  await commit(ctx, pauseSubscription(pauseOrder(given), await changeFacts(ctx, locked), locked.moment));
  return answer(path.subscription);
}

export async function resume(ctx: Context, given: Params<typeof params.resumeSubscription>, path: { subscription: string }): Promise<Answer> {
  const locked = await lockSubscription(ctx, path.subscription);
  const order = { ...given, billing_cycle_anchor: given.billing_cycle_anchor?.type ?? 'now', proration_date: given.proration_date ?? null };
  await commit(ctx, resumeSubscription(order, await changeFacts(ctx, locked), locked.moment));
  return answer(path.subscription);
}

/** Takes the subscription's own discounts away; a customer's discount counts from then on. */
export async function deleteDiscount(ctx: Context, _given: object, path: { subscription: string }): Promise<Wire<Stripe.DeletedDiscount>> {
  const { subscription: before, moment } = await lockForChange(ctx, path.subscription);
  const [discount] = before.discounts;
  if (!discount || hasEnded(before)) return refuse('resource_missing', `The subscription ${before.id} has no discount that could be taken away.`, undefined, { status: 404 });
  await commit(ctx, together([endDiscounts(before.discounts, moment), updated(before, { ...before, discounts: [] }, moment)]));
  const { end: _end, ...shown } = renderDiscount(discount);
  return { ...shown, deleted: true };
}

export async function retrieve(ctx: Context, _given: object, path: { subscription: string }): Promise<Json> {
  const [found] = await subscriptionsById(ctx.tx, [path.subscription]);
  return renderSubscription(found ?? missing('subscription', path.subscription), ctx.world);
}

export async function list(ctx: Context, given: Params<typeof params.listSubscriptions>): Promise<Json> {
  const { data, has_more } = await page<SubscriptionRow>(ctx, 'subscriptions', 'subscription', matching(given), given);
  return renderList('/v1/subscriptions', (await wholeSubscriptions(ctx.tx, data)).map((each) => renderSubscription(each, ctx.world)), has_more);
}
