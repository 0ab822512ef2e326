/** How a subscription that wants nothing at first comes by a method for what it will want: its `pending_setup_intent`. */
import { decision, type Decision, type Moment } from '../decision.ts';
import type { InvoiceRow } from '../invoice/invoice.ts';
import { METHODS, offeredTypes } from '../payment/offer.ts';
import { openSetup, type SetupIntentRow } from '../payment/setup.ts';
import { updated } from './puts.ts';
import { hasEnded, type SubscriptionRow, type SubscriptionWhole } from './subscription.ts';

/** The options of a bill's payment that a setup has, too. */
const SHARED_OPTIONS: readonly string[] = ['card', 'sepa_debit', 'us_bank_account'];

/** By what types a method can be set up that pays the bills of the subscription. */
function typesToSetUp({ currency, payment_settings: { payment_method_types: named } }: SubscriptionRow): string[] {
  const types = offeredTypes({ currency, capture_method: 'automatic', setup_future_usage: 'off_session', allowed: null, excluded: null, enabled: null, allow_redirects: true });
  // What is kept as another type is charged as that one.
  return named ? types.filter((type) => named.includes(type) && named.includes(METHODS[type]!.kept_as ?? type)) : types;
}

/**
 * Whether a subscription as it starts is given a setup: it is charged automatically, somebody asked for it who may have its customer at hand, its first invoice wants nothing (a trial, usage, a coupon,
 * what was credited before), and there is no method that could be charged later.
 */
export function wantsSetup(subscription: SubscriptionRow, first: InvoiceRow | null, facts: { payment_method: object | null }): boolean {
  const free = first === null || first.status === 'paid';
  return free && subscription.collection_method === 'charge_automatically' && facts.payment_method === null && typesToSetUp(subscription).length > 0;
}

/** The setup of a method for the subscription, offered by the types and with the options of its `payment_settings`. */
export function openPendingSetup(subscription: SubscriptionRow, moment: Moment): ReturnType<typeof openSetup> {
  const { customer, test_clock, payment_settings } = subscription;
  const types = typesToSetUp(subscription);
  const options = Object.entries(payment_settings.payment_method_options ?? {}).filter(([type]) => SHARED_OPTIONS.includes(type));
  return openSetup({
    customer, test_clock, usage: 'off_session', payment_method: null, payment_method_types: types,
    allowed_payment_method_types: payment_settings.payment_method_types ? types : null,
    payment_method_options: Object.fromEntries(options),
  }, moment);
}

/**
 * The setup that a subscription waits for has changed. Once it has succeeded or was canceled nothing is waited for. `kept` is the method that it has left: it becomes the subscription's own where
 * `payment_settings[save_default_payment_method]` says so.
 */
export function afterSetup(subscription: SubscriptionWhole | null, { id, status }: SetupIntentRow, kept: string | null, moment: Moment): Decision {
  if (subscription?.pending_setup_intent !== id || (status !== 'succeeded' && status !== 'canceled')) return decision();
  const saves = kept !== null && !hasEnded(subscription) && subscription.payment_settings.save_default_payment_method === 'on_subscription';
  return updated(subscription, { ...subscription, pending_setup_intent: null, ...(saves && { default_payment_method: kept }) }, moment);
}
