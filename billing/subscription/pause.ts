/** A subscription is paused, and by request settles what it owes or gets back for the periods that it leaves (docs/concepts/bill.md, "Pauses"). */
import { refuse, together, type Decision, type Moment } from '../decision.ts';
import type { InvoiceItemWhole, InvoiceWhole } from '../invoice/invoice.ts';
import { isOver } from '../schedule/schedule.ts';
import { billOnRequest, putWaiting, requested, taken, unbilled, UNATTENDED, type Bill } from './bill.ts';
import { isTrialing } from './periods.ts';
import { creditsOf, usageItem } from './prorate.ts';
import { putItems, updated, withoutDiscounts } from './puts.ts';
import type { PauseReason, SubscriptionFacts, SubscriptionItemWhole, SubscriptionWhole } from './subscription.ts';
import { renewal, timer } from './timers.ts';

export type PauseOrder = {
  /** From when on the time that was paid for is given back. */
  unused_time_from: 'item_current_period_start' | 'none' | 'now';
  /** Whether the usage until now is billed; where it is not, it never will be. */
  outstanding_usage_through: 'none' | 'now';
  /** Whether that is billed at once, with all that waits for the subscription, or waits for its next invoice. */
  invoicing_behavior: 'invoice' | 'pending_invoice_item';
};

type Paused = Decision & { subscription: SubscriptionWhole; invoice: InvoiceWhole | null };

/** It stays in its periods and bills nothing any more until it is resumed. `last` is what it is then, beside that. */
export function enterPause(before: SubscriptionWhole, last: SubscriptionWhole, reason: PauseReason, moment: Moment): Decision & { subscription: SubscriptionWhole } {
  const subscription: SubscriptionWhole = { ...last, status: 'paused', status_details: { paused: { subscription: { type: reason }, transitioned_at: moment.now, type: 'subscription' } } };
  const made = updated(before, subscription, moment);
  made.facts.push({ type: 'customer.subscription.paused', object: 'subscription', whole: subscription, at: moment.now });
  made.timers.push(...renewal(subscription, moment), timer('subscription.trial_will_end', subscription, null));
  return { ...made, subscription };
}

function refusePause(subscription: SubscriptionWhole, { now }: Moment): void {
  const { id, status, pause_collection, schedule, scheduled } = subscription;
  if (status === 'paused') refuse(undefined, `The subscription ${id} is paused already.`);
  if (status !== 'active' && status !== 'past_due') refuse(undefined, `The subscription ${id} is ${status}. Only one that is active or past due can be paused.`);
  // One whose charge failed in the trial is past due, and in its trial all the same.
  if (isTrialing(subscription, now)) refuse(undefined, `The subscription ${id} is in its trial, which is free: pause it once the trial is over, or end that first, by \`trial_end\` as \`now\`.`);
  if (scheduled !== null && !isOver(scheduled)) refuse(undefined, `The schedule ${schedule} manages the subscription ${id}: release the subscription from it before it is paused.`);
  if (pause_collection !== null) refuse(undefined, `The collection of the subscription ${id} is paused: collect again first, by an empty \`pause_collection\`.`);
}

/** What is left of the item's debits, from the moment that was asked for. */
function creditsFor(order: PauseOrder, item: SubscriptionItemWhole, facts: SubscriptionFacts, moment: Moment): InvoiceItemWhole[] {
  if (order.unused_time_from === 'none') return [];
  return creditsOf(facts.subscription, item, order.unused_time_from === 'now' ? moment.now : item.current_period_start, facts, moment);
}

/** Pauses it by request. Refused of one that is in its trial, has a schedule or is not collected, and where it is to be invoiced and there is nothing to charge. */
export function pauseSubscription(order: PauseOrder, facts: SubscriptionFacts, moment: Moment): Paused {
  const { subscription: before } = facts;
  refusePause(before, moment);
  const credits = before.items.flatMap((item) => creditsFor(order, item, facts, moment));
  const usage = order.outstanding_usage_through === 'none' ? [] : before.items.flatMap((item) => usageItem(before, item, facts, moment));
  const waiting = [...credits, ...usage];
  const bill: Bill = {
    ...requested(moment),
    subscription: before,
    pending: [...taken(facts, 'subscription'), ...waiting],
    lines: [],
    proration_date: credits.length > 0 ? moment.now : null,
  };
  const billed = order.invoicing_behavior === 'invoice' ? billOnRequest(UNATTENDED, bill, facts, moment) : unbilled(facts);
  if (billed.invoice?.status === 'open' && facts.payment_method === null && before.collection_method === 'charge_automatically') {
    refuse('resource_missing', 'There is nothing to charge: neither the subscription nor its customer has a default payment method. Set one, or let the amounts wait: give `invoicing_behavior` as `pending_invoice_item`.', 'invoicing_behavior', { status: 400 });
  }
  const items = order.unused_time_from === 'none' ? before.items : before.items.map((item) => (item.debits.length > 0 ? { ...item, debits: [] } : item));
  const last: SubscriptionWhole = withoutDiscounts({ ...before, items, latest_invoice: billed.invoice?.id ?? before.latest_invoice }, billed.used);
  const paused = enterPause(before, last, 'pause_requested', moment);
  const made = together([putWaiting(waiting, moment), paused, putItems(before.items, last.items), billed]);
  return { ...made, subscription: paused.subscription, invoice: billed.invoice };
}
