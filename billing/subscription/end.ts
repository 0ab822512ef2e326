/** The end of a subscription, whatever brought it about, and the timers of its life. */
import type { DiscountWhole } from '../catalog.ts';
import type { CustomerWhole } from '../customer/customer.ts';
import { decision, together, type Decision, type Instant, type Moment, type Timer } from '../decision.ts';
import { endOf, endSchedule, isOver } from '../schedule/schedule.ts';
import { settleNextPrices } from './next_price.ts';
import type { SubscriptionRow, SubscriptionStatus, SubscriptionWhole } from './subscription.ts';

type SubscriptionTimer = 'subscription.renew' | 'subscription.upcoming' | 'subscription.expire' | 'subscription.trial_will_end' | 'subscription.collect' | 'subscription.threshold' | 'subscription.sweep';

/** How long a first payment may be awaited before the subscription expires, and one that resumes it before it is not awaited any more. */
export const INCOMPLETE_S = 23 * 3_600;

/** How long before its end a trial is announced to end. */
const TRIAL_NOTICE_S = 3 * 86_400;

/** How long before it is made the next invoice is announced. */
const UPCOMING_S = 3 * 86_400;

/** In these it is over: it bills nothing and has no timers. */
const ENDED: readonly SubscriptionStatus[] = ['canceled', 'incomplete_expired'];

export const hasEnded = (subscription: Pick<SubscriptionRow, 'status'>): boolean => ENDED.includes(subscription.status);

/** While the processor's answer to the first payment is awaited, its time to expire is put off by this much. */
export const ANSWER_S = 3_600;

/** A timer of the subscription's life; a null moment clears it. */
export function timer(kind: SubscriptionTimer, subscription: Pick<SubscriptionRow, 'id' | 'customer' | 'test_clock'>, at: Instant | null): Timer {
  return { kind, subject: subscription.id, at, lane: subscription.customer, test_clock: subscription.test_clock };
}

/** When the subscription next does something by itself: at the first end of a period of its items, or at `cancel_at` or the end of a phase of its schedule where that is earlier. */
export function nextMoment(subscription: SubscriptionWhole): Instant | null {
  if (hasEnded(subscription) || subscription.status === 'incomplete' || subscription.items.length === 0) return null;
  // One that is paused stays in its periods; what may come by itself is an end at a moment that was set.
  if (subscription.status === 'paused') return subscription.cancel_at_period_end ? null : subscription.cancel_at;
  // A phase that ended during a pause is over once that is.
  const phaseEnd = subscription.scheduled?.current_phase?.end_date ?? Infinity;
  return Math.min(nextBill(subscription), Math.max(phaseEnd, subscription.resumed_at ?? phaseEnd));
}

/** When it next bills by itself. */
const nextBill = (subscription: SubscriptionWhole): Instant => Math.min(firstPeriodEnd(subscription), subscription.cancel_at ?? Infinity);

/** The timers of its next moment and of the announcement before its next bill, which a period that is shorter than the notice, or a moment that is nearer, goes without. */
export function renewal(subscription: SubscriptionWhole, moment: Moment): Timer[] {
  const at = nextMoment(subscription);
  const notice = at === null || nextBill(subscription) - UPCOMING_S <= moment.now ? null : nextBill(subscription) - UPCOMING_S;
  return [timer('subscription.renew', subscription, at), timer('subscription.upcoming', subscription, notice)];
}

/** The next boundary of any item. */
export function firstPeriodEnd(subscription: SubscriptionWhole): Instant {
  return Math.min(...subscription.items.map((item) => item.current_period_end));
}

/** The row as it changed, told as an update; where nothing differs, nothing is told. */
export function updated(before: SubscriptionWhole, after: SubscriptionWhole, moment: Moment): Decision {
  return {
    ...decision(),
    puts: [{ table: 'subscriptions', before, after }],
    facts: [{ type: 'customer.subscription.updated', object: 'subscription', whole: after, before, at: moment.now }],
  };
}

type EndReason = 'cancellation_requested' | 'payment_failed' | 'payment_disputed' | null;

/** Ends it at the moment. A first payment that never came ends as `incomplete_expired`, all else as `canceled`. The moment at which it was asked to end stays where there is one. */
export function endSubscription(before: SubscriptionWhole, reason: EndReason, moment: Moment): Decision & { subscription: SubscriptionWhole } {
  const details = before.cancellation_details;
  const subscription: SubscriptionWhole = {
    ...before,
    status: before.status === 'incomplete' ? 'incomplete_expired' : 'canceled',
    canceled_at: before.canceled_at ?? moment.now,
    ended_at: moment.now,
    status_details: null,
    resumption: null,
    next_pending_invoice_item_invoice: null,
    pending_update: null,
    updating: [],
    cancellation_details: reason === null || details.reason === reason ? details : { ...details, reason },
  };
  const expired = subscription.status === 'incomplete_expired';
  const made: Decision = {
    ...decision(),
    puts: [{ table: 'subscriptions', before, after: subscription }, ...settleNextPrices(before.items, [])],
    facts: [{ type: expired ? 'customer.subscription.updated' : 'customer.subscription.deleted', object: 'subscription', whole: subscription, ...(expired && { before }), at: moment.now }],
    timers: (['renew', 'upcoming', 'expire', 'trial_will_end', 'collect', 'threshold', 'sweep'] as const).map((kind) => timer(`subscription.${kind}`, before, null)),
  };
  return { ...together([made, endScheduled(subscription, reason, moment)]), subscription };
}

/** A schedule ends with its subscription: as it was to, because somebody wished it, or because nobody paid. */
function endScheduled({ scheduled }: SubscriptionWhole, reason: EndReason, moment: Moment): Decision {
  if (scheduled === null || isOver(scheduled)) return decision();
  const came = scheduled.end_behavior === 'cancel' && endOf(scheduled) <= moment.now;
  return endSchedule(scheduled, came ? 'completed' : reason === 'payment_failed' ? 'aborted' : 'canceled', false, moment);
}

/** The timer of the moment at which it is seen whether usage has reached a threshold by now, where there is one. */
export function watch(subscription: SubscriptionWhole, moment: Moment): Timer[] {
  return subscription.watched ? [timer('subscription.threshold', subscription, moment.now + (subscription.billing_thresholds?.reset_billing_cycle_anchor === true ? 1 : 0))] : [];
}

/** The timer of the next time at which what waits is billed, where that has changed. It comes after a renewal at the same moment, which takes what waits itself. */
export function sweeping(before: Pick<SubscriptionRow, 'next_pending_invoice_item_invoice'> | null, after: SubscriptionWhole): Timer[] {
  const next = after.next_pending_invoice_item_invoice;
  return next === (before?.next_pending_invoice_item_invoice ?? null) ? [] : [timer('subscription.sweep', after, next)];
}

/** A trial is announced to end three days ahead, or at once where it ends sooner or now. */
export function noticeOfTrial(subscription: SubscriptionWhole, moment: Moment): Decision {
  const { trial_end } = subscription;
  if (trial_end === null) return { ...decision(), timers: [timer('subscription.trial_will_end', subscription, null)] };
  const at = trial_end - TRIAL_NOTICE_S;
  if (at > moment.now) return { ...decision(), timers: [timer('subscription.trial_will_end', subscription, at)] };
  return {
    ...decision(),
    facts: [{ type: 'customer.subscription.trial_will_end', object: 'subscription', whole: subscription, at: moment.now }],
    timers: [timer('subscription.trial_will_end', subscription, null)],
  };
}

/** Discounts whose time is over, or that were taken away: they stay readable and give nothing. */
/** The discounts of the subscription, its items and its customer whose time is over, but for those that end already. */
export function expired({ discounts, items }: SubscriptionWhole, customer: Pick<CustomerWhole, 'discount'>, at: Instant, ending: readonly DiscountWhole[]): DiscountWhole[] {
  const known = new Set(ending.map((discount) => discount.id));
  const all = [...discounts, ...items.flatMap((item) => item.discounts), ...(customer.discount ? [customer.discount] : [])];
  return all.filter((discount) => !discount.ended && discount.end !== null && discount.end <= at && !known.has(discount.id));
}

export function endDiscounts(discounts: readonly DiscountWhole[], moment: Moment): Decision {
  return {
    ...decision(),
    puts: discounts.map((before) => ({ table: 'discounts', before, after: { ...before, ended: true } })),
    facts: discounts.map((discount) => ({ type: 'customer.discount.deleted', object: 'discount', whole: { ...discount, ended: true }, at: moment.now })),
  };
}
