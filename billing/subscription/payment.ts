/** What becomes of a subscription when one of its invoices is paid, fails, or is given up. */
import { decision, type Decision, type Moment } from '../decision.ts';
import type { InvoiceRow } from '../invoice/invoice.ts';
import { endSubscription, hasEnded, renewal, timer, updated } from './end.ts';
import type { SubscriptionStatus, SubscriptionWhole } from './subscription.ts';

/** `given_up`: no further attempt will be made. `forgiven`: voided or marked uncollectible, so that nobody waits for it any more. */
export type PaymentOutcome = 'paid' | 'failed' | 'given_up' | 'forgiven';

/**
 * Only the latest invoice speaks for the subscription. Its payment brings an incomplete one to life and a late one back in order; its failure makes one that runs late, and leaves an incomplete one
 * as it is, to be paid within its 23 hours. An invoice that is given up ends the subscription, whichever it is. `payment_method` is what paid it: it becomes the subscription's own where
 * `payment_settings[save_default_payment_method]` says so.
 */
export function afterPayment(subscription: SubscriptionWhole, invoice: InvoiceRow, outcome: PaymentOutcome, moment: Moment, payment_method: string | null = null): Decision & { subscription: SubscriptionWhole } {
  const nothing = { ...decision(), subscription };
  if (hasEnded(subscription)) return nothing;
  if (outcome === 'given_up') return subscription.status === 'incomplete' ? nothing : endSubscription(subscription, 'payment_failed', moment);
  if (outcome === 'forgiven' && subscription.status === 'incomplete' && isLatest(subscription, invoice)) return endSubscription(subscription, null, moment);
  const status = isLatest(subscription, invoice) ? statusAfter(subscription, outcome, moment) : subscription.status;
  const saved = outcome === 'paid' && payment_method !== null && subscription.payment_settings.save_default_payment_method === 'on_subscription';
  const default_payment_method = saved ? payment_method : subscription.default_payment_method;
  if (status === subscription.status && default_payment_method === subscription.default_payment_method) return nothing;
  const after: SubscriptionWhole = { ...subscription, status, default_payment_method };
  const made = updated(subscription, after, moment);
  if (subscription.status === 'incomplete' && status !== 'incomplete') {
    made.timers.push(timer('subscription.expire', after, null), ...renewal(after, moment));
  }
  return { ...made, subscription: after };
}

const isLatest = (subscription: SubscriptionWhole, invoice: InvoiceRow): boolean => subscription.latest_invoice === invoice.id;

function statusAfter(subscription: SubscriptionWhole, outcome: Exclude<PaymentOutcome, 'given_up'>, moment: Moment): SubscriptionStatus {
  const { status, trial_end } = subscription;
  const trialing = trial_end !== null && moment.now < trial_end;
  if (outcome === 'failed') return status === 'active' || status === 'trialing' ? 'past_due' : status;
  return status === 'incomplete' || status === 'past_due' || status === 'unpaid' ? (trialing ? 'trialing' : 'active') : status;
}
