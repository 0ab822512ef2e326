import type Stripe from 'stripe';
import type { SubscriptionItemWhole, SubscriptionWhole } from '../../billing/subscription/subscription.ts';
import type { Context, Resource, World } from '../../server/context.ts';
import { minor, type Wire } from '../../server/http/wire.ts';
import { renderPlan, renderPrice } from '../prices/resource.ts';
import { renderTaxRate } from '../tax_rates/resource.ts';
import { renderMethodOptions } from '../payment_methods/resource.ts';
import { itemsThatCome, ownerOfItem, subscriptionsById } from './rows.ts';
import { discardNow, expireNow } from './timers.ts';

type Subscription = Wire<Stripe.Subscription>;

export function renderItem(item: SubscriptionItemWhole, world: World): Wire<Stripe.SubscriptionItem> {
  return {
    id: item.id,
    object: 'subscription_item',
    billing_thresholds: item.billing_thresholds,
    created: item.created,
    current_period_end: item.current_period_end,
    current_period_start: item.current_period_start,
    current_trial: item.current_trial && { end_date: item.current_trial.end_date, start_date: item.current_trial.start_date, trial_offer: item.current_trial.trial_offer },
    discounts: item.discounts.map((discount) => discount.id),
    metadata: item.metadata,
    plan: renderPlan(item.terms, world),
    price: renderPrice(item.terms, world),
    ...(item.quantity !== null && { quantity: minor(item.quantity) }),
    subscription: item.subscription,
    tax_rates: item.rates.map((rate) => renderTaxRate(rate, world)),
  };
}

/** What Stripe has and Kontor has nothing to say about. */
const ABSENT = {
  application: null,
  application_fee_percent: null,
  automatic_tax: { disabled_reason: null, enabled: false, liability: null },
  billing_schedules: [],
  customer_account: null,
  default_source: null,
  managed_payments: null,
  on_behalf_of: null,
  transfer_data: null,
} satisfies Partial<Subscription>;

/** What waits for its payment, once that is known. */
function renderPending({ pending_update, updating }: SubscriptionWhole, world: World): Subscription['pending_update'] {
  if (!pending_update?.told) return null;
  const { expires_at, shown } = pending_update;
  return { discount: null, discounts: null, expires_at, ...shown, subscription_items: updating.map((item) => renderItem(item, world)), trial_from_plan: null };
}

export function renderSubscription(subscription: SubscriptionWhole, world: World): Subscription {
  const { billing_mode, cancellation_details, invoice_settings, payment_settings } = subscription;
  const { updated_at, ...mode } = billing_mode;
  return {
    id: subscription.id,
    object: 'subscription',
    ...ABSENT,
    billing_cycle_anchor: subscription.billing_cycle_anchor,
    billing_cycle_anchor_config: subscription.billing_cycle_anchor_config,
    billing_thresholds: subscription.billing_thresholds,
    billing_mode: { ...mode, ...(updated_at !== null && { updated_at }) },
    cancel_at: subscription.cancel_at,
    cancel_at_period_end: subscription.cancel_at_period_end,
    canceled_at: subscription.canceled_at,
    cancellation_details: { ...cancellation_details, feedback_option: null },
    collection_method: subscription.collection_method,
    created: subscription.created,
    currency: subscription.currency,
    customer: subscription.customer,
    days_until_due: subscription.days_until_due,
    default_payment_method: subscription.default_payment_method,
    default_tax_rates: subscription.default_rates.map((rate) => renderTaxRate(rate, world)),
    description: subscription.description,
    discounts: subscription.discounts.map((discount) => discount.id),
    ended_at: subscription.ended_at,
    invoice_settings: { account_tax_ids: null, ...invoice_settings, issuer: { type: 'self' } },
    items: { object: 'list', data: subscription.items.map((item) => renderItem(item, world)), has_more: false, url: `/v1/subscription_items?subscription=${subscription.id}` },
    latest_invoice: subscription.latest_invoice,
    livemode: world.livemode,
    metadata: subscription.metadata,
    next_pending_invoice_item_invoice: subscription.next_pending_invoice_item_invoice,
    pause_collection: subscription.pause_collection,
    payment_settings: { payment_method_types: null, ...payment_settings, payment_method_options: renderMethodOptions(payment_settings.payment_method_options, { network: null }) } as Wire<Stripe.Subscription.PaymentSettings>,
    pending_invoice_item_interval: subscription.pending_invoice_item_interval,
    pending_setup_intent: subscription.pending_setup_intent,
    pending_update: renderPending(subscription, world),
    schedule: subscription.schedule,
    start_date: subscription.start_date,
    status: subscription.status,
    ...(subscription.status_details !== null && { status_details: subscription.status_details }),
    test_clock: subscription.test_clock,
    trial_end: subscription.trial_end,
    trial_settings: { end_behavior: { billing_cycle_anchor: null, ...subscription.trial_settings.end_behavior } },
    trial_start: subscription.trial_start,
  };
}

/** With `error_if_incomplete`, a start or a change that was not paid at once is told as the card error, and does not go on waiting for its payment. */
async function refuseUnpaid(ctx: Context, id: string): Promise<void> {
  const [subscription] = await subscriptionsById(ctx.tx, [id]);
  const change = subscription?.pending_update?.unpaid === 'error' ? subscription.pending_update.invoice : null;
  const invoice = change ?? (subscription?.status === 'incomplete' ? subscription.latest_invoice : null);
  if (invoice === null) return;
  try {
    await ctx.app.register.resources.get('invoice')!.refuseUnpaid!(ctx, invoice);
  } catch (refusal) {
    await (change === null ? expireNow : discardNow)(ctx, id);
    throw refusal;
  }
}

export const subscription: Resource<SubscriptionWhole> = {
  object: 'subscription',
  prefix: 'sub',
  render: renderSubscription,
  load: (ctx, ids) => subscriptionsById(ctx.tx, ids),
  refuseUnpaid,
  expands: {
    customer: 'customer',
    default_payment_method: 'payment_method',
    discounts: 'discount',
    latest_invoice: 'invoice',
    pending_setup_intent: 'setup_intent',
    schedule: 'subscription_schedule',
    test_clock: 'test_helpers.test_clock',
  },
};

export const subscriptionItem: Resource<SubscriptionItemWhole> = {
  object: 'subscription_item',
  prefix: 'si',
  render: renderItem,
  load: (ctx, ids) => itemsThatCome(ctx.tx, ids),
  refuseUnpaid: async (ctx, id) => refuseUnpaid(ctx, (await ownerOfItem(ctx.tx, id))!),
  expands: { discounts: 'discount', 'plan.product': 'product' },
};
