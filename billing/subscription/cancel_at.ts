/** An end that is asked for: when it will come, and that it was asked for. */
import { refuse, type Moment } from '../decision.ts';
import type { ChangeOrder } from './change.ts';
import { firstPeriodEnd } from './timers.ts';
import { cancelMoment } from './start.ts';
import type { SubscriptionWhole } from './subscription.ts';

/** When it is to end: as it was said now, or as before; the end of a period moves with the items. */
export function endingOf(order: ChangeOrder, after: SubscriptionWhole, before: SubscriptionWhole, moment: Moment): SubscriptionWhole {
  const { cancel_at, cancel_at_period_end: atEnd } = order;
  if (cancel_at !== undefined && cancel_at !== null && atEnd) refuse('parameters_exclusive', 'Give one of `cancel_at` and `cancel_at_period_end`.', 'cancel_at');
  const details = after.cancellation_details;
  if (cancel_at === null || (atEnd === false && cancel_at === undefined)) {
    if (before.cancel_at === null) return after;
    return { ...after, cancel_at: null, cancel_at_period_end: false, ends_unprorated_since: null, canceled_at: null, cancellation_details: { ...details, reason: null } };
  }
  const asked = cancel_at !== undefined || atEnd === true;
  const cancel_at_period_end = asked ? atEnd === true : before.cancel_at_period_end;
  if (!asked && !cancel_at_period_end) return after;
  const at = cancel_at_period_end ? firstPeriodEnd(after) : cancelMoment(after, cancel_at!, moment);
  return {
    ...after,
    cancel_at: at,
    cancel_at_period_end,
    ends_unprorated_since: !asked ? before.ends_unprorated_since : order.proration_behavior === 'none' ? moment.now : null,
    canceled_at: asked && before.canceled_at === null ? moment.now : before.canceled_at,
    cancellation_details: details.reason === 'cancellation_requested' ? details : { ...details, reason: 'cancellation_requested' },
  };
}
