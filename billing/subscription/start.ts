/** A subscription begins: its items, its discounts, its first invoice. */
import type { Period } from '../calendar.ts';
import type { Metadata, TaxRateRow } from '../catalog.ts';
import { decision, refuse, together, type Decision, type Instant, type Moment } from '../decision.ts';
import type { LineOrder } from '../invoice/draft.ts';
import type { InvoiceItemWhole, InvoiceWhole } from '../invoice/invoice.ts';
import { refuseUnfit } from '../payment/offer.ts';
import { billable } from '../pricing/amount.ts';
import { partOf, type ProrationUnit } from '../proration.ts';
import { noRedemptions, redeem, type DiscountGiven, type Redemptions } from '../redeem.ts';
import { anchorOf, firstPeriod, refuseFarAnchor, startOf, trialEnd } from './anchor.ts';
import { billOnRequest, putWaiting, refuseUnpayable, taken, withCharged, type Bill, type PaymentBehavior } from './bill.ts';
import { INCOMPLETE_S, noticeOfTrial, renewal, sweeping, timer } from './timers.ts';
import { fullSum, isWatched, itemOf, onceLine, refuseItems, refuseThreshold, type AddedOnce, type NewItem } from './items.ts';
import { waiting } from './debits.ts';
import { licensedLine, trialLine } from './lines.ts';
import { fullAmount, isMetered } from './terms.ts';
import { fullPeriod, isTrialing, nextSweep, statusAt } from './periods.ts';
import type { ScheduleWhole } from '../schedule/schedule.ts';
import { withoutDiscounts } from './puts.ts';
import { openPendingSetup, wantsSetup } from './setup.ts';
import type { SubscriptionItemWhole, SubscriptionRow, SubscriptionWhole, Surroundings } from './subscription.ts';

export type StartOrder = Pick<
  SubscriptionRow,
  'currency' | 'collection_method' | 'days_until_due' | 'billing_cycle_anchor_config' | 'billing_mode' | 'trial_settings' | 'cancel_at_period_end' | 'default_payment_method' | 'description' | 'invoice_settings' | 'payment_settings'
> & {
  items: readonly NewItem[];
  /** Null where the start is the anchor. */
  billing_cycle_anchor: Instant | null;
  backdate_start_date: Instant | null;
  /** At most one of these says that there is a trial. */
  trial_end: Instant | 'now' | null;
  trial_period_days: number | null;
  trial_from_plan: boolean;
  cancel_at: CancelAt | null;
  proration_behavior: 'create_prorations' | 'always_invoice' | 'none';
  discounts: readonly DiscountGiven[];
  default_rates: TaxRateRow[];
  add_invoice_items: readonly AddedOnce[];
  billing_thresholds?: SubscriptionRow['billing_thresholds'];
  pending_invoice_item_interval?: SubscriptionRow['pending_invoice_item_interval'];
  /** The schedule that begins it, in its first phase. */
  scheduled?: ScheduleWhole;
  metadata: Metadata;
  payment_behavior: PaymentBehavior;
  off_session: boolean;
};

export type CancelAt = Instant | 'min_period_end' | 'max_period_end';

export type StartFacts = Surroundings & {
  /** How many subscriptions the customer has that have not ended. */
  subscriptions: number;
  /** The customer has paid nothing yet. */
  first_time: boolean;
  /** What waits for an invoice of the customer, in the order of creation. */
  pending: readonly InvoiceItemWhole[];
};

export type Started = Decision & { subscription: SubscriptionWhole; invoice: InvoiceWhole | null };

const MOST_SUBSCRIPTIONS = 500;

/**
 * Begins a subscription (docs/concepts/bill.md, "A subscription's periods") with its first invoice, if something is due; its status says whether that waits to be paid. Refused are another currency than the customer's,
 * what no subscription can have and, unless `payment_behavior` lets it wait, what cannot be charged.
 */
export function startSubscription(order: StartOrder, facts: StartFacts, moment: Moment): Started {
  const { customer } = facts;
  if (facts.subscriptions >= MOST_SUBSCRIPTIONS) refuse('customer_max_subscriptions', `A customer has at most ${MOST_SUBSCRIPTIONS} subscriptions that have not ended.`, 'customer');
  if (customer.currency !== null && customer.currency !== order.currency) {
    refuse(undefined, `This customer is billed in ${customer.currency}; a subscription in ${order.currency} is not possible. Use prices in ${customer.currency}, or another customer.`, order.items[0] ? order.items[0].price.param : 'currency');
  }
  refuseUnfit(order.payment_settings, order.currency);
  const begun = begin(order, facts, moment);
  const { subscription } = begun;
  const bill: Bill = {
    subscription,
    billing_reason: 'subscription_create',
    obligation: `${subscription.id}:start`,
    period: { start: moment.now, end: moment.now },
    pending: [...taken({ subscription, pending: facts.pending }, 'customer'), ...begun.once],
    lines: subscription.items.filter((item) => !isMetered(item)).flatMap((item) => firstLines(order, subscription, item, facts.account.proration, moment)),
  };
  return conclude(order, { ...begun, facts }, bill, moment);
}

/** The subscription without its items and discounts. */
function blankOf(order: StartOrder, { customer }: StartFacts, moment: Moment): SubscriptionWhole {
  const id = moment.newId('sub');
  const scheduled = order.scheduled ? { ...order.scheduled, subscription: id } : null;
  const start_date = startOf(order, moment);
  const trial_end = trialEnd(order, moment);
  return {
    id,
    created: moment.now,
    customer: customer.id,
    test_clock: customer.test_clock,
    status: 'active',
    currency: order.currency,
    collection_method: order.collection_method,
    days_until_due: order.days_until_due,
    start_date,
    billing_cycle_anchor: anchorOf(order, start_date, trial_end, moment),
    billing_cycle_anchor_config: order.billing_cycle_anchor_config,
    billing_mode: order.billing_mode,
    trial_start: trial_end === null ? null : moment.now,
    trial_end,
    trial_settings: order.trial_settings,
    cancel_at: null,
    cancel_at_period_end: false,
    ends_unprorated_since: null,
    canceled_at: null,
    cancellation_details: { comment: null, feedback: null, reason: null },
    ended_at: null,
    default_payment_method: order.default_payment_method,
    default_tax_rates: order.default_rates.map((rate) => rate.id),
    description: order.description,
    invoice_settings: order.invoice_settings,
    payment_settings: order.payment_settings,
    latest_invoice: null,
    billing_thresholds: order.billing_thresholds ?? null,
    commitment: null,
    watched: false,
    pause_collection: null,
    status_details: null,
    resumption: null,
    resumed_at: null,
    pending_invoice_item_interval: order.pending_invoice_item_interval ?? null,
    next_pending_invoice_item_invoice: null,
    pending_update: null,
    pending_setup_intent: null,
    updating: [],
    schedule: scheduled?.id ?? null,
    scheduled,
    metadata: order.metadata,
    items: [],
    discounts: [],
    default_rates: order.default_rates,
  };
}

/** The rows as they begin, before anything is billed. */
function begin(order: StartOrder, facts: StartFacts, moment: Moment) {
  const blank = blankOf(order, facts, moment);
  const { id } = blank;
  const items = order.items.map((given) => itemOf(given, blank, firstPeriod(blank, given, moment), moment));
  refuseItems(items, new Map(items.map((item, n) => [item.id, order.items[n]!.param])));
  items.forEach((item, n) => refuseThreshold(item, order.items[n]!.param));
  refuseFarAnchor(order, blank, moment);
  const counted = noRedemptions();
  const redeemer = { customer: blank.customer, first_time: facts.first_time, amount: fullSum(items, order.currency), currency: order.currency };
  const whole = redeem(order.discounts, { customer: blank.customer, subscription: id }, [], redeemer, counted, moment);
  const own = items.map((item, n) => redeem(order.items[n]!.discounts, { customer: blank.customer, subscription: id, subscription_item: item.id }, [], redeemer, counted, moment));
  const discounted: SubscriptionWhole = {
    ...blank,
    watched: isWatched({ ...blank, items }),
    next_pending_invoice_item_invoice: nextSweep(blank, moment.now),
    items: items.map((item, n) => ({ ...item, discounts: own[n]!.discounts })),
    discounts: whole.discounts,
  };
  const subscription = ending(discounted, order, moment);
  const added = addOnce(order.add_invoice_items, subscription, redeemer, counted, moment);
  return { subscription, once: added.once, discounting: together([whole, ...own, added]) };
}

/** Items that are billed once, with their discounts: they wait for the next invoice of the subscription. */
export function addOnce(given: readonly AddedOnce[], subscription: SubscriptionWhole, redeemer: Parameters<typeof redeem>[3], counted: Redemptions, moment: Moment): Decision & { once: InvoiceItemWhole[] } {
  const made = given.map((each) => {
    const item = waiting(subscription, { ...onceLine(each, subscription, moment.now), metadata: each.metadata }, moment);
    const discounting = redeem(each.discounts, { customer: subscription.customer, invoice_item: item.id }, [], redeemer, counted, moment);
    return { ...discounting, item: { ...item, discounts: discounting.discounts } };
  });
  return { ...together(made), once: made.map((each) => each.item) };
}

/** What the first invoice says of a licensed item: its trial; or the periods since a backdated start, then the current one as far as it is used. */
function firstLines(order: StartOrder, subscription: SubscriptionWhole, item: SubscriptionItemWhole, unit: ProrationUnit, moment: Moment): LineOrder[] {
  const period: Period = { start: item.current_period_start, end: item.current_period_end };
  if (isTrialing(subscription, moment.now)) return [trialLine(subscription, item, period, moment.now)];
  const full = fullPeriod(subscription, item.terms, moment.now);
  const amount = fullAmount(subscription, item);
  const partial = period.start > full.start;
  if (order.proration_behavior === 'none') return partial ? [] : [licensedLine(subscription, item, period, moment.now)];
  const current = licensedLine(subscription, item, period, moment.now, partial ? { amount: partOf(amount, full, period.start, unit), unit } : undefined);
  if (period.start <= subscription.start_date) return [current];
  const past = { start: subscription.start_date, end: period.start };
  return [licensedLine(subscription, item, past, moment.now, { amount: pastAmount(subscription, item, amount, past, unit), unit }), current];
}

/** The periods that are over since a backdated start: each costs its amount, the first one perhaps a part of it. */
function pastAmount(subscription: SubscriptionWhole, item: SubscriptionItemWhole, amount: bigint, past: Period, unit: ProrationUnit): bigint {
  let sum = 0n;
  for (let at = past.start; at < past.end; ) {
    const full = fullPeriod(subscription, item.terms, at);
    sum += partOf(amount, full, at, unit);
    at = full.end;
  }
  return billable(sum, 'backdate_start_date');
}

/** When it is to end, as far as that was said at the start. */
function ending(subscription: SubscriptionWhole, order: StartOrder, moment: Moment): SubscriptionWhole {
  const { cancel_at, cancel_at_period_end } = order;
  if (cancel_at !== null && cancel_at_period_end) refuse('parameters_exclusive', 'Give one of `cancel_at` and `cancel_at_period_end`.', 'cancel_at');
  if (cancel_at === null && !cancel_at_period_end) return subscription;
  return {
    ...subscription,
    cancel_at: cancelMoment(subscription, cancel_at ?? 'min_period_end', moment),
    cancel_at_period_end,
    ends_unprorated_since: order.proration_behavior === 'none' ? moment.now : null,
    canceled_at: moment.now,
    cancellation_details: { ...subscription.cancellation_details, reason: 'cancellation_requested' },
  };
}

/** The moment that a `cancel_at` names. */
export function cancelMoment(subscription: SubscriptionWhole, cancel_at: CancelAt, moment: Moment): Instant {
  const ends = subscription.items.map((item) => item.current_period_end);
  if (cancel_at === 'min_period_end') return Math.min(...ends);
  if (cancel_at === 'max_period_end') return Math.max(...ends);
  if (cancel_at <= moment.now) refuse(undefined, 'The moment to cancel must lie in the future. To cancel now, delete the subscription.', 'cancel_at');
  return cancel_at;
}

type Begun = ReturnType<typeof begin> & { facts: StartFacts };

/** Bills what there is to bill and says in which state that leaves the subscription. */
function conclude(order: StartOrder, { subscription, once, discounting, facts }: Begun, bill: Bill, moment: Moment): Started {
  const atOnce = order.collection_method === 'charge_automatically' && order.payment_behavior !== 'in_due_time';
  const billed = billOnRequest(order, bill, facts, moment);
  const { invoice } = billed;
  refuseUnpayable(invoice, order, facts);
  const awaited = atOnce && invoice !== null && invoice.status !== 'paid';
  const charged: SubscriptionWhole = { ...subscription, items: withCharged(subscription.items, billed, bill) };
  const status = awaited ? 'incomplete' : statusAt(subscription, moment.now);
  const setup = order.payment_behavior !== 'in_due_time' && wantsSetup(subscription, invoice, facts) ? openPendingSetup(subscription, moment) : null;
  const whole: SubscriptionWhole = { ...withoutDiscounts(charged, billed.used), status, latest_invoice: invoice?.id ?? null, pending_setup_intent: setup?.setup_intent.id ?? null };
  const made: Decision = {
    ...decision(),
    puts: [{ table: 'subscriptions', before: null, after: whole }, ...whole.items.map((item) => ({ table: 'subscription_items', before: null, after: item }))],
    facts: [{ type: 'customer.subscription.created', object: 'subscription', whole, at: moment.now }],
    timers: [...(awaited ? [timer('subscription.expire', whole, moment.now + INCOMPLETE_S)] : renewal(whole, moment)), ...sweeping(null, whole)],
  };
  const currency = invoice === null || !atOnce ? settleCurrency(facts, whole, moment) : decision();
  return { ...together([discounting, made, noticeOfTrial(whole, moment), putWaiting(once, moment), currency, billed, setup]), subscription: whole, invoice };
}

/** The first subscription fixes in which currency its customer is billed. */
function settleCurrency({ customer }: StartFacts, subscription: SubscriptionRow, moment: Moment): Decision {
  if (customer.currency !== null) return decision();
  const after = { ...customer, currency: subscription.currency };
  return { ...decision(), puts: [{ table: 'customers', before: customer, after }], facts: [{ type: 'customer.updated', object: 'customer', whole: after, before: customer, at: moment.now }] };
}
