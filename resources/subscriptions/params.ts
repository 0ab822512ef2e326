import type Stripe from 'stripe';
import { refuse } from '../../billing/decision.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { amount, boolean, byDefault, check, choice, clearable, currency, decimal, doc, exclusive, fields, id, integer, list, listParams, metadata, off, oneOf, range, required, text, timestamp, unsupported } from '../../server/http/params.ts';
import { subscription_method_options, methodType } from '../payment_methods/params.ts';

const MOST = 20;
const CONNECT = 'Kontor serves one account: there are no connected ones';
const customer_account = unsupported('customers are named by `customer`');

export const discounts = list(fields({ coupon: id(), discount: id('di'), promotion_code: id('promo') }, exclusive(['coupon', 'discount', 'promotion_code'])), { max: MOST });
export const taxRates = clearable(list(id('txr'), { max: 5 }));
const quantity = integer({ min: 0, max: 999_999_999 });
export const prorationBehavior = byDefault(choice('always_invoice', 'create_prorations', 'none'), 'create_prorations');
export const paymentBehavior = byDefault(choice('allow_incomplete', 'default_incomplete', 'error_if_incomplete', 'pending_if_incomplete'), 'allow_incomplete');

const taxBehavior = choice('exclusive', 'inclusive', 'unspecified');
const oneUnitAmount = exclusive(['unit_amount', 'unit_amount_decimal']);
const recurring = fields({ interval: required(choice('day', 'month', 'week', 'year')), interval_count: integer({ min: 1 }) });
/** How often what is pending is invoiced: at least once a year. */
const sweepInterval = fields({ interval: required(choice('day', 'month', 'week', 'year')), interval_count: integer({ min: 1 }) }, check<{ interval: 'day' | 'month' | 'week' | 'year'; interval_count?: number }>(({ interval, interval_count = 1 }, at) => {
  const most = { day: 365, week: 52, month: 12, year: 1 }[interval];
  if (interval_count > most) refuse(undefined, `What is pending is invoiced at least once a year: \`interval_count\` is at most ${most} for the interval \`${interval}\`.`, at('interval_count'));
}, 'at most one year'));
export const recurringData = fields({ tax_behavior: taxBehavior, unit_amount: amount({ min: 0 }), unit_amount_decimal: decimal({ min: '0' }), currency: required(currency()), product: required(id()), recurring: required(recurring) }, oneUnitAmount);
/** What is billed once may give something back. */
const oneTimeData = fields({ tax_behavior: taxBehavior, unit_amount: amount(), unit_amount_decimal: decimal(), currency: required(currency()), product: required(id()) }, oneUnitAmount);

export const thresholds = clearable(fields({ amount_gte: integer({ min: 1, max: 999_999_999_999 }), reset_billing_cycle_anchor: boolean() }));

/** What an item may carry wherever it is asked for. */
export const itemFields = {
  billing_thresholds: clearable(fields({ usage_gte: required(integer({ min: 1, max: 999_999_999_999 })) })),
  current_trial: fields({ trial_offer: required(id('trof')) }),
  discounts: clearable(discounts),
  metadata: metadata(),
  plan: doc('A price under its old name: read as `price`.', id()),
  price: id(),
  price_data: recurringData,
  quantity,
  tax_rates: taxRates,
};

export const onePrice = exclusive(['price', 'price_data']);
const oneName = exclusive(['plan', 'price', 'price_data']);
/** An item's price has one name; `plan` is read as `price`. */
export const oneItemPrice = check<{ plan?: string; price?: string }>((item, at) => {
  oneName.verify(item, at);
  if (item.plan !== undefined) item.price = item.plan;
}, oneName.about);
/** As with Stripe, where a price counts by a meter; here each metered price does. */
export const clear_usage = doc('Changes nothing: usage belongs to its meter, and is billed when its item goes.', boolean());
export const newItem = fields(itemFields, oneItemPrice);
export const changedItem = fields({ ...itemFields, clear_usage, deleted: boolean(), id: id('si') }, oneItemPrice);

/** What something that is billed once may carry wherever it is asked for, but for its period. */
export const addedFields = { discountable: boolean(), discounts, metadata: metadata(), price: id(), price_data: oneTimeData, quantity, tax_rates: taxRates };

const addedItem = fields(
  {
    ...addedFields,
    period: fields({
      end: required(fields({ timestamp: timestamp(), type: required(choice('min_item_period_end', 'timestamp')) })),
      start: required(fields({ timestamp: timestamp(), type: required(choice('max_item_period_start', 'now', 'timestamp')) })),
    }),
  },
  onePrice,
);

export const automaticTax = fields({ enabled: required(off('location-based tax is not implemented: use tax rates')), liability: unsupported(CONNECT) });

const feedback = choice('customer_service', 'low_quality', 'missing_features', 'other', 'switched_service', 'too_complex', 'too_expensive', 'unused');
const cancellation_details = fields({ comment: clearable(text()), feedback: clearable(feedback), feedback_option: unsupported('feedback options of your own are not implemented: give `feedback`') });

export const invoiceSettings = {
  account_tax_ids: unsupported('the tax ids of an account are not implemented'),
  custom_fields: clearable(list(fields({ name: required(text({ max: 40 })), value: required(text({ max: 140 })) }), { max: 4 })),
  description: clearable(text({ max: 1_500 })),
  footer: clearable(text()),
  issuer: unsupported(CONNECT),
};

/** What a subscription may be told, at its start and later. */
const told = {
  add_invoice_items: list(addedItem, { max: MOST }),
  application_fee_percent: unsupported(CONNECT),
  automatic_tax: automaticTax,
  billing_schedules: unsupported('billing several periods ahead is not implemented'),
  billing_thresholds: thresholds,
  cancel_at_period_end: boolean(),
  collection_method: choice('charge_automatically', 'send_invoice'),
  days_until_due: integer({ min: 0, max: 730 }),
  default_payment_method: id(),
  default_source: unsupported('sources are not implemented: give `default_payment_method`'),
  default_tax_rates: taxRates,
  description: clearable(text({ max: 500 })),
  discounts: clearable(discounts),
  invoice_settings: fields(invoiceSettings),
  metadata: metadata(),
  off_session: byDefault(boolean(), false),
  on_behalf_of: unsupported(CONNECT),
  payment_behavior: paymentBehavior,
  payment_settings: fields({
    payment_method_options: subscription_method_options,
    payment_method_types: clearable(list(methodType, { max: 20 })),
    save_default_payment_method: choice('off', 'on_subscription'),
  }),
  pending_invoice_item_interval: clearable(sweepInterval),
  proration_behavior: prorationBehavior,
  transfer_data: unsupported(CONNECT),
  trial_end: oneOf(choice('now'), timestamp()),
  trial_settings: fields({
    end_behavior: required(
      fields({
        billing_cycle_anchor: choice('now', 'unchanged'),
        missing_payment_method: choice('cancel', 'create_invoice', 'pause'),
      }),
    ),
  }),
};

export const cancelAt = oneOf(choice('max_period_end', 'min_period_end'), timestamp());

export const createSubscription = fields({
  ...told,
  backdate_start_date: timestamp(),
  billing_cycle_anchor: timestamp(),
  billing_cycle_anchor_config: fields({
    day_of_month: required(integer({ min: 1, max: 31 })),
    hour: integer({ min: 0, max: 23 }),
    minute: integer({ min: 0, max: 59 }),
    month: integer({ min: 1, max: 12 }),
    second: integer({ min: 0, max: 59 }),
  }),
  billing_mode: fields({ flexible: fields({ proration_discounts: choice('included', 'itemized') }), type: required(choice('classic', 'flexible')) }),
  cancel_at: cancelAt,
  currency: currency(),
  customer: required(id('cus')),
  customer_account,
  items: required(list(newItem, { min: 1, max: MOST })),
  trial_from_plan: byDefault(boolean(), false),
  trial_period_days: integer({ min: 1, max: 730 }),
});
covers<Stripe.SubscriptionCreateParams, typeof createSubscription>(true);
agrees<Stripe.SubscriptionCreateParams, typeof createSubscription>(true);

export const updateSubscription = fields({
  ...told,
  billing_cycle_anchor: fields({ type: required(choice('now', 'unchanged')) }),
  cancel_at: clearable(cancelAt),
  cancellation_details,
  items: list(changedItem, { max: 2 * MOST }),
  pause_collection: clearable(fields({ behavior: required(choice('keep_as_draft', 'mark_uncollectible', 'void')), resumes_at: timestamp() })),
  proration_date: timestamp(),
  trial_from_plan: byDefault(boolean(), false),
}, check<{ trial_end?: 'now' | number; trial_from_plan: boolean }>(({ trial_end, trial_from_plan }, at) => {
  if (trial_from_plan && trial_end !== undefined) refuse('parameters_exclusive', 'Take the trial from the prices or give one, not both.', at('trial_from_plan'));
}, 'trial_from_plan or trial_end'));
covers<Stripe.SubscriptionUpdateParams, typeof updateSubscription>(true);
agrees<Stripe.SubscriptionUpdateParams, typeof updateSubscription>(true);

/** What a pause bills for, and how. */
export const pausing = {
  bill_for: fields({
    outstanding_usage_through: fields({ type: required(choice('none', 'now')) }),
    unused_time_from: fields({ type: required(choice('item_current_period_start', 'none', 'now')) }),
  }),
  invoicing_behavior: choice('invoice', 'pending_invoice_item'),
};

export const pauseSubscription = fields({ ...pausing, type: choice('subscription') });
covers<Stripe.SubscriptionPauseParams, typeof pauseSubscription>(true);
agrees<Stripe.SubscriptionPauseParams, typeof pauseSubscription>(true);

export const resumeSubscription = fields({
  billing_cycle_anchor: fields({ type: required(choice('now', 'unchanged')) }),
  payment_behavior: byDefault(choice('resume_on_payment_attempt', 'resume_on_payment_success'), 'resume_on_payment_attempt'),
  proration_behavior: prorationBehavior,
  proration_date: timestamp(),
});
covers<Stripe.SubscriptionResumeParams, typeof resumeSubscription>(true);
agrees<Stripe.SubscriptionResumeParams, typeof resumeSubscription>(true);

export const cancelSubscription = fields({ cancellation_details, invoice_now: byDefault(boolean(), false), prorate: byDefault(boolean(), false) });
covers<Stripe.SubscriptionCancelParams, typeof cancelSubscription>(true);
agrees<Stripe.SubscriptionCancelParams, typeof cancelSubscription>(true);

export const listSubscriptions = listParams({
  automatic_tax: unsupported('location-based tax is not implemented'),
  collection_method: choice('charge_automatically', 'send_invoice'),
  created: range(),
  current_period_end: range(),
  current_period_start: range(),
  customer: id('cus'),
  customer_account,
  plan: doc('A price under its old name.', id()),
  price: id(),
  status: choice('active', 'all', 'canceled', 'ended', 'incomplete', 'incomplete_expired', 'past_due', 'paused', 'trialing', 'unpaid'),
  test_clock: id('clock'),
}, exclusive(['plan', 'price']));
covers<Stripe.SubscriptionListParams, typeof listSubscriptions>(true);
agrees<Stripe.SubscriptionListParams, typeof listSubscriptions>(true);

export const nothing = fields({});
covers<Stripe.SubscriptionRetrieveParams, typeof nothing>(true);
covers<Stripe.SubscriptionDeleteDiscountParams, typeof nothing>(true);
