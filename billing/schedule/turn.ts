/** A phase of a running subscription is over: the next one begins, or the schedule ends. */
import type { DiscountWhole } from '../catalog.ts';
import type { CustomerWhole } from '../customer/customer.ts';
import { assert, decision, Refusal, together, type Decision, type Instant, type Moment } from '../decision.ts';
import type { InvoiceItemWhole, InvoiceWhole } from '../invoice/invoice.ts';
import { changeSubscription, type ChangeFacts } from '../subscription/change.ts';
import { updated } from '../subscription/puts.ts';
import { firstPeriodEnd, renewal } from '../subscription/timers.ts';
import type { SubscriptionFacts, SubscriptionWhole } from '../subscription/subscription.ts';
import { changeOrder } from './enter.ts';
import { changed, inPhase, partSchedule, phaseAt, type ScheduleEnd, type ScheduleWhole } from './schedule.ts';

type Turned = Decision & { subscription: SubscriptionWhole; invoice: InvoiceWhole | null; waiting: readonly InvoiceItemWhole[]; used: readonly DiscountWhole[] };

/** Whether a phase ends at the moment and the subscription goes on: its end is decided as any other. */
export function isTurn({ scheduled, cancel_at }: SubscriptionWhole, at: Instant): boolean {
  return scheduled !== null && (scheduled.current_phase?.end_date ?? Infinity) <= at && (cancel_at === null || cancel_at > at);
}

/** Makes the subscription what the next phase says, before the renewal that may come at the same moment: that bills the new terms for the new period, whatever the phase says of prorations. */
export function turnPhase(facts: SubscriptionFacts, moment: Moment): Turned & { customer: CustomerWhole } {
  const { subscription, customer } = facts;
  const { scheduled } = subscription;
  assert(scheduled !== null, `${subscription.id} has a schedule`);
  const next = phaseAt(scheduled, moment.now);
  if (next === null) return { ...letGo(subscription, 'completed', moment), customer };
  const terms = facts.phases?.find(({ phase }) => phase.start_date === next.start_date);
  assert(terms, `the terms of the phase of ${scheduled.id} at ${moment.now} are known`);
  const moved = inPhase(scheduled, next);
  const within: ChangeFacts = { ...facts, subscription: { ...subscription, scheduled: moved }, first_time: false };
  const how = { begins: true, at_boundary: firstPeriodEnd(subscription) === moment.now, proration_behavior: next.proration_behavior, now: moment.now };
  try {
    const made = changeSubscription(changeOrder(moved, terms, subscription, how), within, moment);
    return { ...together([changed(scheduled, moved, moment), made]), subscription: made.subscription, customer: made.customer, invoice: made.invoice, waiting: made.waiting, used: made.used };
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    return { ...letGo(subscription, 'aborted', moment), customer };
  }
}

/** The subscription goes on without its schedule. */
export function letGo(subscription: SubscriptionWhole, how: ScheduleEnd, moment: Moment, more: Partial<SubscriptionWhole> = {}): Turned & { schedule: ScheduleWhole } {
  const { scheduled } = subscription;
  assert(scheduled !== null, `${subscription.id} has a schedule`);
  const ended = partSchedule(scheduled, how, moment);
  const after: SubscriptionWhole = { ...subscription, ...more, schedule: null, scheduled: null };
  return { ...together([ended, updated(subscription, after, moment), { ...decision(), timers: renewal(after, moment) }]), subscription: after, invoice: null, waiting: [], used: [], schedule: ended.schedule };
}
