/** When a subscription does something by itself: the timers of its life, and the moments for which they are set. */
import { DAY_S } from '../calendar.ts';
import { decision, type Decision, type Instant, type Moment, type Timer } from '../decision.ts';
import { hasEnded, type SubscriptionRow, type SubscriptionWhole } from './subscription.ts';

type SubscriptionTimer = 'subscription.renew' | 'subscription.upcoming' | 'subscription.expire' | 'subscription.trial_will_end' | 'subscription.collect' | 'subscription.threshold' | 'subscription.sweep';

/** How long a first payment may be awaited before the subscription expires, and one that resumes it before it is not awaited any more. */
export const INCOMPLETE_S = 23 * 3_600;

/** How long before its end a trial is announced to end. */
const TRIAL_NOTICE_S = 3 * DAY_S;

/** How long before it is made the next invoice is announced. */
const UPCOMING_S = 3 * DAY_S;

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
