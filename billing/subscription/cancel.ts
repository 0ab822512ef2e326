/** A subscription is canceled: at once. (At a period's end it is `renew.ts` that ends it; to ask for that is a change.) */
import { decision, refuse, together, type Decision, type Moment } from '../decision.ts';
import type { InvoiceWhole } from '../invoice/invoice.ts';
import { deleteItem } from '../invoice/items.ts';
import type { WithPayments } from '../invoice/pay.ts';
import { voidInvoice } from '../invoice/void.ts';
import { billOnRequest, putWaiting, requested, stopCollecting, taken, unbilled, UNATTENDED, type Bill } from './bill.ts';
import type { CancellationWords } from './change.ts';
import { endSubscription } from './end.ts';
import { hasEnded, type SubscriptionFacts, type SubscriptionWhole } from './subscription.ts';
import { ANSWER_S, timer } from './timers.ts';
import { withCommitment } from './committed.ts';
import { periodUsageLine } from './lines.ts';
import { creditsOf } from './prorate.ts';
import { applyPending } from './pending.ts';
import { putItems, withoutDiscounts } from './puts.ts';

export type CancelOrder = { prorate: boolean; invoice_now: boolean; cancellation_details?: CancellationWords };

type Canceled = Decision & { subscription: SubscriptionWhole; invoice: InvoiceWhole | null };

/**
 * Ends it at once. Nothing is credited unless `prorate`, nothing is invoiced unless `invoice_now`: then the usage until now and all that is pending for the subscription. With neither of them,
 * prorations that wait are not wanted any more, and go; all else that waits stays.
 */
export function cancelSubscription(order: CancelOrder, facts: SubscriptionFacts, moment: Moment): Canceled {
  const { subscription: before } = facts;
  if (hasEnded(before)) refuse('resource_missing', `The subscription ${before.id} has ended already.`, 'id', { status: 404 });
  const at = moment.now;
  const credits = order.prorate ? before.items.flatMap((item) => creditsOf(before, item, at, facts, moment)) : [];
  const usage = order.invoice_now ? before.items.map((item) => periodUsageLine(before, item, facts.usage, at)).filter((line) => line !== null) : [];
  const lines = withCommitment(facts, usage, taken(facts, 'subscription'), at);
  const bill: Bill = {
    ...requested(moment),
    subscription: before,
    lines,
    pending: order.invoice_now ? [...taken(facts, 'subscription'), ...credits] : [],
    proration_date: credits.length > 0 ? at : null,
  };
  const unwanted = order.prorate || order.invoice_now ? [] : facts.pending.filter((item) => item.subscription === before.id && item.proration);
  const billed = order.invoice_now ? billOnRequest(UNATTENDED, bill, facts, moment) : unbilled(facts);
  const last: SubscriptionWhole = {
    ...withoutDiscounts(before, billed.used),
    items: before.items.map((item) => ({ ...item, debits: [] })),
    cancellation_details: { ...before.cancellation_details, ...order.cancellation_details },
    latest_invoice: billed.invoice?.id ?? before.latest_invoice,
  };
  const closing: SubscriptionWhole = { ...last, canceled_at: at };
  const ended = endSubscription(closing, 'cancellation_requested', moment);
  const made = together([
    putWaiting(credits, moment),
    { ...decision(), puts: [{ table: 'subscriptions', before, after: closing }] },
    ended,
    putItems(before.items, last.items),
    ...unwanted.map((item) => deleteItem(item, moment)),
    stopCollecting(facts.unpaid ?? [], moment),
    billed,
  ]);
  return { ...made, subscription: ended.subscription, invoice: billed.invoice };
}

/** The time to pay first is over. While the answer to a payment is awaited, so is this. */
export function expireStart(subscription: SubscriptionWhole, first: WithPayments | null, moment: Moment): Decision {
  if (first?.payments.some(({ intent }) => intent.status === 'processing')) return { ...decision(), timers: [timer('subscription.expire', subscription, moment.now + ANSWER_S)] };
  return giveUpStart(subscription, first, moment);
}

/** The time to pay for a change is over: its invoice is voided, by which it is discarded. Where the answer to a payment is awaited, or a part was paid, it is applied, and the rest stays to be paid. */
export function expirePending(subscription: SubscriptionWhole, first: WithPayments | null, moment: Moment): Decision {
  const expires_at = subscription.pending_update?.expires_at ?? Infinity;
  if (first === null || moment.now < expires_at) return decision();
  const underWay = first.invoice.amount_paid > 0n || first.payments.some(({ intent }) => intent.status === 'processing');
  return underWay ? applyPending(subscription, moment) : voidInvoice({ ...first, subscription }, moment);
}

/** Ends a subscription whose first payment has not come, in time or at a request: its invoice is voided, by which it expires. */
export function giveUpStart(subscription: SubscriptionWhole, first: WithPayments | null, moment: Moment, words?: CancellationWords): Decision & { subscription: SubscriptionWhole } {
  const before: SubscriptionWhole = words ? { ...subscription, cancellation_details: { ...subscription.cancellation_details, ...words, reason: 'cancellation_requested' } } : subscription;
  const worded: Decision = { ...decision(), puts: words ? [{ table: 'subscriptions', before: subscription, after: before }] : [] };
  if (first === null || first.invoice.status !== 'open') {
    const ended = endSubscription(before, null, moment);
    return { ...together([worded, ended]), subscription: ended.subscription };
  }
  const voided = voidInvoice({ ...first, subscription: before }, moment);
  return { ...together([worded, voided]), subscription: voided.subscription ?? before };
}
