/** What waits for a subscription is billed at an interval of its own (`pending_invoice_item_interval`), beside its renewals. */
import { decision, together, type Decision, type Moment } from '../decision.ts';
import { billInTime, taken, unbilled, type Bill, type Billed } from './bill.ts';
import { putItems, updated, withoutDiscounts } from './puts.ts';
import { hasEnded, type SubscriptionFacts, type SubscriptionWhole } from './subscription.ts';
import { sweeping } from './timers.ts';
import { nextSweep, sweepPeriod } from './periods.ts';
import { withoutForgiven } from './withhold.ts';

/** Bills what waits for the subscription, where something does; while the subscription is paused, or a change or its first payment is awaited, it goes on waiting. */
export function sweepSubscription(facts: SubscriptionFacts, moment: Moment): Decision & Pick<Billed, 'customer' | 'invoice'> & { subscription: SubscriptionWhole } {
  const { subscription: before } = facts;
  const at = moment.now;
  if (hasEnded(before) || before.next_pending_invoice_item_invoice === null || before.next_pending_invoice_item_invoice > at) return { ...unbilled(facts), subscription: before };
  const rests = before.status === 'paused' || before.status === 'incomplete' || before.pending_update !== null;
  const bill: Bill = {
    subscription: before,
    billing_reason: 'subscription_cycle',
    obligation: `${before.id}:pending:${at}`,
    period: { start: sweepPeriod(before, at - 1)!.start, end: at },
    pending: rests ? [] : taken(facts, 'subscription'),
    lines: [],
  };
  const billed = billInTime(bill, facts, moment);
  const items = withoutForgiven(before.items, billed, bill);
  const moved: SubscriptionWhole = { ...before, items, next_pending_invoice_item_invoice: nextSweep(before, at), latest_invoice: billed.invoice?.id ?? before.latest_invoice };
  const subscription = withoutDiscounts(moved, billed.used);
  const made = together([updated(before, subscription, moment), putItems(before.items, items), { ...decision(), timers: sweeping(before, subscription) }, billed]);
  return { ...made, subscription, customer: billed.customer, invoice: billed.invoice };
}
