import type Stripe from 'stripe';
import { agrees, covers } from '../../server/http/agreement.ts';
import { boolean, byDefault, choice, clearable, currency, exclusive, fields, id, integer, list, listParams, metadata, oneOf, range, required, text, timestamp, unsupported } from '../../server/http/params.ts';
import { addedFields, automaticTax, discounts, invoiceSettings, itemFields, oneItemPrice, onePrice, prorationBehavior, taxRates, thresholds } from '../subscriptions/params.ts';

const CONNECT = 'Kontor serves one account: there are no connected ones';
const PAUSING = 'pausing ahead of time is not implemented: pause the subscription when its time has come';
const MOST = 20;

const invoice_settings = fields({ ...invoiceSettings, days_until_due: integer({ min: 0, max: 730 }) });
const billing_cycle_anchor = choice('automatic', 'phase_start');
const collection_method = choice('charge_automatically', 'send_invoice');

const default_settings = fields({
  application_fee_percent: unsupported(CONNECT),
  automatic_tax: automaticTax,
  billing_cycle_anchor,
  billing_thresholds: thresholds,
  collection_method,
  default_payment_method: id(),
  description: clearable(text({ max: 500 })),
  invoice_settings,
  on_behalf_of: unsupported(CONNECT),
  transfer_data: unsupported(CONNECT),
});

const { current_trial: _trial, ...ofItem } = itemFields;

/** The edges of a period may be those of the phase, besides. */
const period = fields({
  end: required(fields({ timestamp: timestamp(), type: required(choice('min_item_period_end', 'phase_end', 'timestamp')) })),
  start: required(fields({ timestamp: timestamp(), type: required(choice('max_item_period_start', 'phase_start', 'timestamp')) })),
});

const phase = {
  add_invoice_items: list(fields({ ...addedFields, period }, onePrice), { max: MOST }),
  application_fee_percent: unsupported(CONNECT),
  automatic_tax: automaticTax,
  billing_cycle_anchor,
  billing_thresholds: thresholds,
  collection_method,
  currency: currency(),
  default_payment_method: id(),
  default_tax_rates: taxRates,
  description: clearable(text({ max: 500 })),
  discounts: clearable(discounts),
  duration: fields({ interval: required(choice('day', 'month', 'week', 'year')), interval_count: byDefault(integer({ min: 1, max: 1_000 }), 1) }),
  invoice_settings,
  items: required(list(fields(ofItem, oneItemPrice), { min: 1, max: MOST })),
  metadata: metadata(),
  on_behalf_of: unsupported(CONNECT),
  proration_behavior: prorationBehavior,
  transfer_data: unsupported(CONNECT),
  trial: byDefault(boolean(), false),
};

const oneEnd = exclusive(['end_date', 'duration']);
const moment = oneOf(choice('now'), timestamp());
const newPhase = fields({ ...phase, end_date: timestamp(), trial_end: timestamp() }, oneEnd);
const changedPhase = fields({ ...phase, end_date: moment, start_date: moment, trial_end: moment }, oneEnd);

/** Words on an invoice change nothing of what it bills. */
const { custom_fields: _fields, description: _description, footer: _footer, ...billed } = invoiceSettings;
const previewedPhase = fields({ ...phase, invoice_settings: fields({ ...billed, days_until_due: integer({ min: 0, max: 730 }) }), end_date: moment, start_date: moment, trial_end: moment }, oneEnd);

/** Stripe's other two, `none` and `renew`, are refused by name in the commands. */
const end_behavior = choice('cancel', 'none', 'release', 'renew');

export const createSchedule = fields({
  billing_mode: fields({ flexible: fields({ proration_discounts: choice('included', 'itemized') }), type: required(choice('classic', 'flexible')) }),
  customer: id('cus'),
  customer_account: unsupported('customers are named by `customer`'),
  default_settings,
  end_behavior,
  from_subscription: id('sub'),
  metadata: metadata(),
  pause_schedules: unsupported(PAUSING),
  phases: list(newPhase, { min: 1 }),
  start_date: moment,
});
covers<Stripe.SubscriptionScheduleCreateParams, typeof createSchedule>(true);
agrees<Stripe.SubscriptionScheduleCreateParams, typeof createSchedule>(true);

export const updateSchedule = fields({
  default_settings,
  end_behavior,
  metadata: metadata(),
  pause_schedules: unsupported(PAUSING),
  phases: list(changedPhase, { min: 1 }),
  proration_behavior: prorationBehavior,
});
covers<Stripe.SubscriptionScheduleUpdateParams, typeof updateSchedule>(true);
agrees<Stripe.SubscriptionScheduleUpdateParams, typeof updateSchedule>(true);

/** A schedule that is not made, or a change of one, in a preview. */
export const scheduleDetails = fields({
  billing_mode: fields({ flexible: fields({ proration_discounts: choice('included', 'itemized') }), type: required(choice('classic', 'flexible')) }),
  end_behavior: choice('cancel', 'release'),
  pause_schedules: unsupported(PAUSING),
  phases: list(previewedPhase, { min: 1 }),
  proration_behavior: prorationBehavior,
});

export const cancelSchedule = fields({ invoice_now: byDefault(boolean(), true), prorate: byDefault(boolean(), true) });
covers<Stripe.SubscriptionScheduleCancelParams, typeof cancelSchedule>(true);
agrees<Stripe.SubscriptionScheduleCancelParams, typeof cancelSchedule>(true);

export const releaseSchedule = fields({ preserve_cancel_date: byDefault(boolean(), false) });
covers<Stripe.SubscriptionScheduleReleaseParams, typeof releaseSchedule>(true);
agrees<Stripe.SubscriptionScheduleReleaseParams, typeof releaseSchedule>(true);

export const listSchedules = listParams({
  canceled_at: range(),
  completed_at: range(),
  created: range(),
  customer: id('cus'),
  customer_account: unsupported('customers are named by `customer`'),
  released_at: range(),
  scheduled: boolean(),
});
covers<Stripe.SubscriptionScheduleListParams, typeof listSchedules>(true);
agrees<Stripe.SubscriptionScheduleListParams, typeof listSchedules>(true);

export const nothing = fields({});
covers<Stripe.SubscriptionScheduleRetrieveParams, typeof nothing>(true);
