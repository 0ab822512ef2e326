/** The end of a subscription, whatever brought it about. */
import { decision, together, type Decision, type Moment } from '../decision.ts';
import { endOf, endSchedule, isOver } from '../schedule/schedule.ts';
import { settleNextPrices } from './next_price.ts';
import type { SubscriptionWhole } from './subscription.ts';
import { timer } from './timers.ts';

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
  return endSchedule(scheduled, came ? 'completed' : reason === 'payment_failed' ? 'aborted' : 'canceled', moment);
}
