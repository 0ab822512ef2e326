/** What becomes of a subscription when one of its invoices is paid, fails, or is given up. */
import { decision, together, type Decision, type Moment } from '../decision.ts';
import type { InvoiceRow, InvoiceWhole } from '../invoice/invoice.ts';
import { endSubscription } from './end.ts';
import { updated } from './puts.ts';
import { hasEnded, type SubscriptionStatus, type SubscriptionWhole } from './subscription.ts';
import { renewal, timer } from './timers.ts';
import { applyPending, discardPending, releaseWaiting, tellPending } from './pending.ts';
import { statusAt } from './periods.ts';
import { abandonResumption, leavePause } from './resumption.ts';

/** `given_up`: no further attempt will be made. `forgiven`: voided or marked uncollectible, so that nobody waits for it any more. */
export type PaymentOutcome = 'paid' | 'failed' | 'given_up' | 'forgiven';

/**
 * Only the latest invoice speaks for the subscription. Its payment brings an incomplete one to life and a late one back in order; its failure makes one that runs late, and leaves an incomplete one
 * as it is, to be paid within its 23 hours. An invoice that is given up ends the subscription, whichever it is. `payment_method` is what paid it: it becomes the subscription's own where
 * `payment_settings[save_default_payment_method]` says so.
 */
export function afterPayment(subscription: SubscriptionWhole, invoice: InvoiceWhole, outcome: PaymentOutcome, moment: Moment, payment_method: string | null = null): Decision & { subscription: SubscriptionWhole } {
  const nothing = { ...decision(), subscription };
  if (hasEnded(subscription)) return nothing;
  if (subscription.pending_update?.invoice === invoice.id) return afterPending(subscription, invoice, outcome, moment, payment_method);
  if (subscription.resumption?.invoice === invoice.id) return afterResumption(subscription, invoice, outcome, moment, payment_method);
  if (outcome === 'given_up') return subscription.status === 'incomplete' ? nothing : endSubscription(subscription, 'payment_failed', moment);
  if (outcome === 'forgiven' && subscription.status === 'incomplete' && isLatest(subscription, invoice)) return abandonStart(subscription, invoice, moment);
  const status = isLatest(subscription, invoice) ? statusAfter(subscription, outcome, moment) : subscription.status;
  const default_payment_method = defaultAfter(subscription, outcome, payment_method);
  if (status === subscription.status && default_payment_method === subscription.default_payment_method) return nothing;
  const after: SubscriptionWhole = { ...subscription, status, default_payment_method };
  const made = updated(subscription, after, moment);
  if (subscription.status === 'incomplete' && status !== 'incomplete') {
    made.timers.push(timer('subscription.expire', after, null), ...renewal(after, moment));
  }
  return { ...made, subscription: after };
}

/** Nobody waits for the first payment any more. What had waited for the customer and stood on the invoice, where that is void, waits again. */
function abandonStart(before: SubscriptionWhole, invoice: InvoiceWhole, moment: Moment): Decision & { subscription: SubscriptionWhole } {
  const ended = endSubscription(before, null, moment);
  const own = invoice.lines.flatMap((line) => (line.subscription === null ? [] : (line.invoice_item ?? [])));
  return invoice.status === 'void' ? { ...together([ended, releaseWaiting(invoice, own)]), subscription: ended.subscription } : ended;
}

/** The method that paid becomes its own where that was asked for. */
function defaultAfter({ payment_settings, default_payment_method }: SubscriptionWhole, outcome: PaymentOutcome, payment_method: string | null): string | null {
  return outcome === 'paid' && payment_method !== null && payment_settings.save_default_payment_method === 'on_subscription' ? payment_method : default_payment_method;
}

/** Whether the subscription does not go on before somebody pays the invoice: nothing tries that by itself. */
export function isAwaited(subscription: SubscriptionWhole | null, invoice: Pick<InvoiceRow, 'id'>): boolean {
  if (subscription === null) return false;
  const { status, resumption, pending_update } = subscription;
  return status === 'incomplete' || pending_update?.invoice === invoice.id || (resumption?.invoice === invoice.id && resumption.payment_behavior === 'resume_on_payment_attempt');
}

/** The invoice for which a change waits. Paid it applies the change; voided or written off it discards it. */
function afterPending(before: SubscriptionWhole, invoice: InvoiceWhole, outcome: PaymentOutcome, moment: Moment, payment_method: string | null): Decision & { subscription: SubscriptionWhole } {
  if (outcome === 'forgiven') return discardPending(before, invoice, moment);
  if (outcome !== 'paid') return tellPending(before, moment);
  const applied = applyPending(before, moment);
  const default_payment_method = defaultAfter(before, outcome, payment_method);
  if (default_payment_method === before.default_payment_method) return applied;
  const subscription: SubscriptionWhole = { ...applied.subscription, default_payment_method };
  return { ...together([applied, updated(applied.subscription, subscription, moment)]), subscription };
}

/** The invoice for which a paused subscription waits. Paid or written off it resumes the subscription; so does an attempt that failed, late, where an attempt is enough. Voided it leaves it paused. */
function afterResumption(subscription: SubscriptionWhole, invoice: InvoiceWhole, outcome: PaymentOutcome, moment: Moment, payment_method: string | null): Decision & { subscription: SubscriptionWhole } {
  const failed = outcome === 'failed' || outcome === 'given_up';
  if (failed && subscription.resumption!.payment_behavior === 'resume_on_payment_success') return { ...decision(), subscription };
  if (outcome === 'forgiven' && invoice.status === 'void') return abandonResumption(subscription, invoice, moment);
  const after: SubscriptionWhole = { ...subscription, default_payment_method: defaultAfter(subscription, outcome, payment_method) };
  return leavePause(subscription, after, failed ? 'past_due' : 'active', moment);
}

const isLatest = (subscription: SubscriptionWhole, invoice: InvoiceRow): boolean => subscription.latest_invoice === invoice.id;

function statusAfter({ status, trial_end }: SubscriptionWhole, outcome: Exclude<PaymentOutcome, 'given_up'>, moment: Moment): SubscriptionStatus {
  if (outcome === 'failed') return status === 'active' || status === 'trialing' ? 'past_due' : status;
  return status === 'incomplete' || status === 'past_due' || status === 'unpaid' ? statusAt({ status: 'active', trial_end }, moment.now) : status;
}
