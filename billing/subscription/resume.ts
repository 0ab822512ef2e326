/** A paused subscription is resumed: what it pays to go on, and how long that may take (docs/concepts/bill.md, "Pauses"). */
import { addMonths } from '../calendar.ts';
import { decision, refuse, together, type Decision, type Instant, type Moment } from '../decision.ts';
import type { LineOrder } from '../invoice/draft.ts';
import type { InvoiceItemWhole, InvoiceWhole } from '../invoice/invoice.ts';
import type { WithPayments } from '../invoice/pay.ts';
import { voidInvoice } from '../invoice/void.ts';
import { billAtOnce, putWaiting, refuseUnpayable, requested, taken, unbilled, withCharged, type Bill, type Billed, type Collection } from './bill.ts';
import type { ProrationBehavior } from './change.ts';
import { putItems, updated, withoutDiscounts } from './puts.ts';
import { ANSWER_S, firstPeriodEnd, INCOMPLETE_S, renewal, sweeping, timer } from './timers.ts';
import { licensedLine } from './lines.ts';
import { isMetered } from './terms.ts';
import { fullPeriod, withSweep } from './periods.ts';
import { debitItem } from './prorate.ts';
import { leavePause } from './resumption.ts';
import type { Debit, ResumeBehavior, SubscriptionFacts, SubscriptionItemWhole, SubscriptionWhole } from './subscription.ts';

export type ResumeOrder = {
  billing_cycle_anchor: 'now' | 'unchanged';
  /** Of the rest of the periods in which it finds itself; a new anchor prorates nothing. */
  proration_behavior: ProrationBehavior;
  proration_date: Instant | null;
  payment_behavior: ResumeBehavior;
};

type Resumed = Decision & { subscription: SubscriptionWhole; invoice: InvoiceWhole | null };

/** The subscription in the periods in which it goes on, and what that costs: lines of the invoice that is made now, or items that wait for one. */
type Going = { after: SubscriptionWhole; lines: LineOrder[]; waiting: InvoiceItemWhole[] };

function refuseResuming(order: ResumeOrder, { id, status, resumption, collection_method }: SubscriptionWhole): void {
  if (status !== 'paused') refuse(undefined, `The subscription ${id} is ${status}. Only one that is paused can be resumed.`);
  if (resumption !== null) refuse(undefined, `The subscription ${id} is being resumed: it goes on once its invoice ${resumption.invoice} is paid. Pay that, or void it to resume anew.`);
  if (collection_method !== 'charge_automatically') refuse(undefined, 'Only a subscription that is charged automatically can be resumed: set its `collection_method` first.');
  if (order.proration_date !== null && order.billing_cycle_anchor === 'now') refuse(undefined, 'With a new anchor nothing is prorated: leave `proration_date` out, or give `billing_cycle_anchor[type]` as `unchanged`.', 'proration_date');
}

/** All items begin a full period now. */
function goAnew(before: SubscriptionWhole, moment: Moment): Going {
  const anchored: SubscriptionWhole = { ...before, billing_cycle_anchor: moment.now, billing_cycle_anchor_config: null };
  const items = before.items.map((item) => ({ ...item, current_period_start: moment.now, current_period_end: fullPeriod(anchored, item.terms, moment.now).end, debits: [] }));
  const after = withSweep({ ...anchored, items }, before, moment.now);
  const lines = items.filter((item) => !isMetered(item)).map((item) => licensedLine(after, item, { start: moment.now, end: item.current_period_end }, moment.now));
  return { after, lines, waiting: [] };
}

/** What was paid for and not given back is not paid for twice. */
const isPaidFor = (item: SubscriptionItemWhole, at: Instant): boolean => item.debits.some((debit) => debit.end > at);

/** Each item goes on in the period around the moment, and pays for the rest of it. Usage counts from now on. */
function goOn(order: ResumeOrder, facts: SubscriptionFacts, moment: Moment): Going {
  const { subscription: before } = facts;
  const at = moment.now;
  const items = before.items.map((item) => {
    const full = fullPeriod(before, item.terms, at);
    return isPaidFor(item, at) ? item : { ...item, current_period_start: isMetered(item) ? at : Math.max(full.start, item.current_period_start), current_period_end: full.end, debits: [] };
  });
  const after: SubscriptionWhole = { ...before, items };
  const date = prorationDate(order, after, moment);
  if (order.proration_behavior === 'none') return { after, lines: [], waiting: [] };
  const debited = items.map((item): { items: InvoiceItemWhole[]; debits: Debit[] } =>
    isMetered(item) || isPaidFor(item, at) ? { items: [], debits: item.debits } : debitItem(after, item, facts, { moment, date }));
  const charged = items.map((item, n) => (debited[n]!.debits === item.debits ? item : { ...item, debits: debited[n]!.debits }));
  return { after: { ...after, items: charged }, lines: [], waiting: debited.flatMap((each) => each.items) };
}

function prorationDate({ proration_date: date }: ResumeOrder, after: SubscriptionWhole, moment: Moment): Instant {
  if (date === null) return moment.now;
  const periods = after.items.map((item) => fullPeriod(after, item.terms, moment.now));
  const earliest = Math.max(after.status_details?.paused.transitioned_at ?? 0, ...periods.map((period) => period.start));
  if (date < earliest || date >= Math.min(...periods.map((period) => period.end))) refuse(undefined, 'The date of proration must lie in the period of every item in which it is resumed, and not before the pause.', 'proration_date');
  return date;
}

/** Resumes it: at once where nothing is to be paid for that, else with the payment of the invoice, or the first attempt at it. */
export function resumeSubscription(order: ResumeOrder, facts: SubscriptionFacts, moment: Moment): Resumed {
  const { subscription: before } = facts;
  refuseResuming(order, before);
  const anew = order.billing_cycle_anchor === 'now';
  const { after, lines, waiting } = anew ? goAnew(before, moment) : goOn(order, facts, moment);
  const bill: Bill = {
    ...requested(moment),
    subscription: after,
    lines,
    pending: [...taken(facts, 'subscription'), ...waiting],
    proration_date: waiting.length > 0 ? (order.proration_date ?? moment.now) : null,
  };
  const how: Collection = { payment_behavior: order.payment_behavior === 'resume_on_payment_success' ? 'allow_incomplete' : 'default_incomplete', off_session: true };
  const billed = anew || order.proration_behavior === 'always_invoice' ? billAtOnce(how, bill, facts, moment) : unbilled(facts);
  refuseUnpayable(billed.invoice, how, facts, 'resume_on_payment_attempt');
  const moved = conclude(order, before, withBilled(after, bill, billed), billed.invoice, waiting, moment);
  const made = together([putWaiting(waiting, moment), moved, putItems(before.items, moved.subscription.items), billed]);
  return { ...made, subscription: moved.subscription, invoice: billed.invoice };
}

/** With what the invoice charged for the new periods. */
function withBilled(after: SubscriptionWhole, bill: Bill, billed: Billed): SubscriptionWhole {
  return withoutDiscounts({ ...after, items: withCharged(after.items, billed, bill), latest_invoice: billed.invoice?.id ?? after.latest_invoice }, billed.used);
}

/** Until when the payment is awaited: 23 hours, or where it is tried again by itself, as long as the period lasts that it is for, and a year at most. */
function expiry({ payment_behavior }: ResumeOrder, after: SubscriptionWhole, { now }: Moment): Instant {
  const soon = now + INCOMPLETE_S;
  return payment_behavior === 'resume_on_payment_attempt' ? soon : Math.max(soon, Math.min(addMonths(now, 12), firstPeriodEnd(after)));
}

/** It goes on at once where nothing is to be paid for that; else it waits for the payment, or for an attempt at it. */
function conclude(order: ResumeOrder, before: SubscriptionWhole, after: SubscriptionWhole, invoice: InvoiceWhole | null, waiting: readonly InvoiceItemWhole[], moment: Moment): Decision & { subscription: SubscriptionWhole } {
  if (invoice === null || invoice.status === 'paid') return leavePause(before, after, 'active', moment);
  const subscription: SubscriptionWhole = { ...after, resumption: { invoice: invoice.id, payment_behavior: order.payment_behavior, made: waiting.map((item) => item.id) } };
  const made = updated(before, subscription, moment);
  made.timers.push(...renewal(subscription, moment), ...sweeping(before, subscription), timer('subscription.expire', subscription, expiry(order, after, moment)));
  return { ...made, subscription };
}

/** The time to pay for going on is over: the invoice is voided, and the subscription stays paused. While the answer to a payment is awaited, so is this; what was paid in part stays to be paid. */
export function expireResumption(subscription: SubscriptionWhole, first: WithPayments | null, moment: Moment): Decision {
  if (first === null || first.invoice.status !== 'open' || first.invoice.amount_paid > 0n) return decision();
  if (first.payments.some(({ intent }) => intent.status === 'processing')) return { ...decision(), timers: [timer('subscription.expire', subscription, moment.now + ANSWER_S)] };
  return voidInvoice({ ...first, subscription }, moment);
}
