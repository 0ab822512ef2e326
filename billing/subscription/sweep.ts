/** What waits for a subscription is billed at an interval of its own (`pending_invoice_item_interval`), beside its renewals. */
import { decision, together, type Decision, type Moment } from '../decision.ts';
import type { InvoiceWhole } from '../invoice/invoice.ts';
import { draftBill, taken, withheld, withoutForgiven, type Bill } from './bill.ts';
import { putItems, updated, withoutDiscounts } from './puts.ts';
import { hasEnded, type SubscriptionFacts, type SubscriptionWhole } from './subscription.ts';
import { sweeping } from './timers.ts';
import { nextSweep, sweepPeriod } from './periods.ts';

/** Bills what waits for the subscription, where something does; while the subscription is paused, or a change or its first payment is awaited, it goes on waiting. */
export function sweepSubscription(facts: SubscriptionFacts, moment: Moment): Decision & { subscription: SubscriptionWhole; customer: SubscriptionFacts['customer']; invoice: InvoiceWhole | null } {
  const { subscription: before, customer } = facts;
  const at = moment.now;
  if (hasEnded(before) || before.next_pending_invoice_item_invoice === null || before.next_pending_invoice_item_invoice > at) return { ...decision(), subscription: before, customer, invoice: null };
  const rests = before.status === 'paused' || before.status === 'incomplete' || before.pending_update !== null;
  const bill: Bill = {
    subscription: before,
    billing_reason: 'subscription_cycle',
    obligation: `${before.id}:pending:${at}`,
    period: { start: sweepPeriod(before, at - 1)!.start, end: at },
    pending: rests ? [] : taken(facts, 'subscription'),
    lines: [],
  };
  const draft = draftBill(bill, facts, moment);
  const billed = draft && withheld(draft, bill, facts, moment);
  const items = withoutForgiven(before.items, billed, bill);
  const moved: SubscriptionWhole = { ...before, items, next_pending_invoice_item_invoice: nextSweep(before, at), latest_invoice: billed?.invoice.id ?? before.latest_invoice };
  const subscription = withoutDiscounts(moved, billed?.used ?? []);
  const made = together([updated(before, subscription, moment), putItems(before.items, items), { ...decision(), timers: sweeping(before, subscription) }, ...(billed ? [billed] : [])]);
  return { ...made, subscription, customer: billed?.customer ?? customer, invoice: billed?.invoice ?? null };
}
