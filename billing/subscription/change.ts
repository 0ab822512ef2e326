/** What people change in a subscription, and what that costs or gives back at once. */
import type { DiscountWhole, TaxRateRow } from '../catalog.ts';
import { decision, refuse, together, type Decision, type Instant, type Moment, type Timer } from '../decision.ts';
import type { LineOrder } from '../invoice/draft.ts';
import type { BillingReason, InvoiceItemWhole } from '../invoice/invoice.ts';
import { mergeMetadata } from '../metadata.ts';
import { refuseUnfit } from '../payment/offer.ts';
import { isOver } from '../schedule/schedule.ts';
import { endDiscounts, expired, noRedemptions, redeem, type DiscountGiven } from '../redeem.ts';
import { billOnRequest, putWaiting, refuseUnpayable, requested, taken, unbilled, withCharged, type Bill, type Billed, type Collection } from './bill.ts';
import { refuseMixed, withCommitment } from './committed.ts';
import { putItems, updated, withoutDiscounts } from './puts.ts';
import type { SubscriptionFacts, SubscriptionItemWhole, SubscriptionRow, SubscriptionStatus, SubscriptionWhole } from './subscription.ts';
import { firstPeriodEnd, noticeOfTrial, renewal, sweeping, watch } from './timers.ts';
import { endingOf } from './cancel_at.ts';
import { fullSum, isWatched, refuseItems, refuseThreshold, type AddedOnce, type NewItem, type PriceAsked } from './items.ts';
import { periodUsageLine, restLine, trialLine } from './lines.ts';
import { isMetered } from './terms.ts';
import { retimed, type OfferAsked } from './offer.ts';
import { isReal, itemsAfter, pairsOf, removals, type Pair } from './pairs.ts';
import { holdChange, refuseBesidePending, refuseUnpending } from './pending.ts';
import { fullPeriod, isTrialing, keepsAnchor, recurrenceOf, sameRecurrence, statusAt, withSweep } from './periods.ts';
import { creditsOf, prorateItem, usageItem, type Proration } from './prorate.ts';
import { refuseTrial } from './anchor.ts';
import { addOnce, type CancelAt } from './start.ts';
import { collecting, withoutForgiven } from './withhold.ts';

/** What is asked of an item that is there; what is left out stays as it is. */
export type ItemChange = {
  /** How the item was spelt, e.g. `items[0]`. */
  param: string;
  id: string;
  deleted?: boolean;
  price?: PriceAsked;
  quantity?: bigint;
  tax_rates?: TaxRateRow[];
  metadata?: Record<string, string> | '';
  discounts?: readonly DiscountGiven[];
  current_trial?: OfferAsked;
  billing_thresholds?: SubscriptionItemWhole['billing_thresholds'];
};

export type ProrationBehavior = 'create_prorations' | 'always_invoice' | 'none';

/** The words of cancelling, each of which may be cleared. */
export type CancellationWords = { comment?: string | null; feedback?: string | null };

export type ChangeOrder = Collection &
  Partial<Pick<SubscriptionRow, 'collection_method' | 'days_until_due' | 'default_payment_method' | 'description' | 'pause_collection' | 'billing_thresholds' | 'pending_invoice_item_interval'>> & {
    /** In the order in which they are asked for. */
    items: readonly ({ change: ItemChange } | { add: NewItem })[];
    proration_behavior: ProrationBehavior;
    proration_date: Instant | null;
    billing_cycle_anchor: 'now' | 'unchanged';
    trial_end?: Instant | 'now';
    cancel_at?: CancelAt | null;
    cancel_at_period_end?: boolean;
    cancellation_details?: CancellationWords;
    default_rates?: TaxRateRow[];
    /** What is left out of it stays. */
    trial_settings?: { end_behavior: Partial<SubscriptionRow['trial_settings']['end_behavior']> };
    discounts?: readonly DiscountGiven[];
    invoice_settings?: Partial<SubscriptionRow['invoice_settings']>;
    payment_settings?: Partial<SubscriptionRow['payment_settings']>;
    metadata?: Record<string, string> | '';
    add_invoice_items: readonly AddedOnce[];
    /** A renewal comes at this very moment, after the change: it bills what comes or changes where a period ends now, and there is nothing to prorate. */
    at_boundary?: boolean;
    /** Why its invoice is made; by default since somebody asked for the change. */
    billing_reason?: BillingReason;
  };

/** A change that asks for nothing: what a caller's words are put over. */
export const NO_CHANGE: ChangeOrder = {
  items: [], proration_behavior: 'create_prorations', proration_date: null, billing_cycle_anchor: 'unchanged', add_invoice_items: [], payment_behavior: 'allow_incomplete', off_session: false,
};

export type ChangeFacts = SubscriptionFacts & { /** The customer has paid nothing yet. */ first_time: boolean };

/** What a change comes to. `used` are the discounts that its invoice used up, and those whose time was over. */
export type Changed = Billed & {
  subscription: SubscriptionWhole;
  /** What waits from now on. */
  waiting: InvoiceItemWhole[];
};

/**
 * Changes what is named of a subscription (docs/concepts/bill.md, "Changes in mid-period"): all periods begin anew where the anchor, a recurrence or a trial moves, else each item that changes is prorated. What that
 * comes to stands on an invoice at once, or waits for one; with `pending_if_incomplete` so does the change itself, where it is not paid. Refused is what the state of the subscription, or a change that waits, forbids.
 */
export function changeSubscription(order: ChangeOrder, facts: ChangeFacts, moment: Moment): Changed {
  const { subscription: before } = facts;
  refuseFrozen(order, before);
  refuseUnpending(order, before);
  refuseBesidePending(order, before);
  refusePauseInPast(order, moment);
  const how: Proration = { moment, date: prorationDate(order, before, moment) };
  const { changed, pairs, discounting } = asAsked(order, facts, how);
  const restarts = isRestart(order, before, changed, pairs, moment);
  const settled = restarts ? restarted(order, changed, before, moment) : { ...changed, items: changed.items.map((item) => inTrial(item, changed, before)) };
  const later = new Map(settled.items.map((item) => [item.id, item]));
  const real = pairs.map((pair): Pair => ({ earlier: pair.earlier, later: pair.later && later.get(pair.later.id)! })).filter(isReal);
  const prorated = restarts ? closeAll(order, settled, facts, how) : prorateAll(order, settled, real, facts, how);
  const once = addOnce(order.add_invoice_items, settled, redeemerOf(settled, facts), noRedemptions(), moment);
  const waiting = [...prorated.items, ...once.once];
  const debited: SubscriptionWhole = { ...settled, items: settled.items.map((item) => (prorated.debits.has(item.id) ? { ...item, debits: prorated.debits.get(item.id)! } : item)) };
  const after = endingOf(order, withSweep(debited, before, moment.now), before, moment);
  const invoiced = restarts || (order.proration_behavior === 'always_invoice' && waiting.length > 0 && before.status !== 'paused' && !order.at_boundary);
  const lines = restarts ? withCommitment(facts, restartLines(order, after, facts, moment), [...taken(facts, 'subscription'), ...waiting], moment.now) : [];
  const made = together([once, putWaiting(waiting, moment)]);
  const then = together([discounting, { ...decision(), puts: removals(real) }]);
  return conclude(order, facts, { made, then, after, waiting, lines, invoiced }, how);
}

/** The subscription with its words, trial, items and discounts as they are asked for, before its periods move and anything is billed; and the items that the change names. */
function asAsked(order: ChangeOrder, facts: ChangeFacts, how: Proration): { changed: SubscriptionWhole; pairs: readonly Pair[]; discounting: Decision } {
  const { subscription: before } = facts;
  const worded = reworded(order, before);
  const trial = newTrial(order, worded, how.moment);
  const pairs = pairsOf(order, { ...worded, ...trial }, how);
  const items = itemsAfter(before, pairs);
  refuseItems(items, new Map(pairs.map(({ later }, n) => [later?.id ?? '', paramOf(order.items[n]!)])));
  if (order.payment_behavior !== 'in_due_time') refuseMixed(before, items);
  const { whole, ...discounting } = rediscount(order, { ...worded, items }, facts, how.moment);
  for (const item of items) refuseThreshold(item, paramOfItem(item, pairs, order));
  return { changed: { ...worded, ...trial, ...whole }, pairs, discounting };
}

/** How an item was spelt; one that was not asked for is as it was. */
function paramOfItem(item: SubscriptionItemWhole, pairs: readonly Pair[], order: ChangeOrder): string {
  const n = pairs.findIndex(({ later }) => later?.id === item.id);
  return n === -1 ? 'items' : paramOf(order.items[n]!);
}

const paramOf = (asked: ChangeOrder['items'][number]): string => ('add' in asked ? asked.add.param : asked.change.param);

/** What cannot be changed in a state, by the names of an order, and why. */
type Frozen = { code?: string; has(name: string): boolean; tell(id: string): string };

const PERIODS: readonly string[] = ['items', 'billing_cycle_anchor', 'trial_end', 'add_invoice_items', 'cancel_at', 'cancel_at_period_end'];

/** An ended subscription keeps its words only. */
const OVER: Frozen = {
  code: 'invalid_canceled_subscription_fields',
  has: (name) => !['proration_behavior', 'payment_behavior', 'off_session'].includes(name),
  tell: (id) => `The subscription ${id} has ended: only its \`metadata\` and \`cancellation_details\` can change.`,
};
const FROZEN: Partial<Record<SubscriptionStatus, Frozen>> = {
  canceled: OVER,
  incomplete_expired: OVER,
  // What is paid for cannot change while the first payment for it is awaited.
  incomplete: {
    has: (name) => [...PERIODS, 'discounts', 'collection_method'].includes(name),
    tell: (id) => `The first payment of the subscription ${id} is still awaited: pay its invoice, or cancel it and start another one.`,
  },
  paused: { has: (name) => [...PERIODS, 'pause_collection'].includes(name), tell: (id) => `The subscription ${id} is paused: resume it first, or cancel it.` },
};

/** Refuses what cannot be changed in the state in which the subscription is. */
function refuseFrozen(order: ChangeOrder, { id, status }: SubscriptionRow): void {
  const frozen = FROZEN[status];
  if (frozen === undefined) return;
  const { metadata: _metadata, cancellation_details: _details, ...rest } = order;
  const asks = (name: string, value: unknown) => value !== undefined && value !== NO_CHANGE[name as keyof ChangeOrder] && !(name in NO_CHANGE && Array.isArray(value) && value.length === 0);
  const found = Object.entries(rest).find(([name, value]) => asks(name, value) && frozen.has(name));
  if (found) refuse(frozen.code, frozen.tell(id), found[0]);
}

function refusePauseInPast({ pause_collection }: ChangeOrder, moment: Moment): void {
  const at = pause_collection?.resumes_at ?? null;
  if (at !== null && at <= moment.now) refuse(undefined, 'Collection is paused until a moment in the future. To collect again now, give `pause_collection` as an empty string.', 'pause_collection[resumes_at]');
}

/** When a subscription ends is its schedule's to say, where it has one. All else may change: it holds until the next phase begins. */
export function refuseManaged({ cancel_at, cancel_at_period_end }: ChangeOrder, { id, schedule, scheduled }: SubscriptionWhole): void {
  if (scheduled === null || isOver(scheduled) || (cancel_at === undefined && cancel_at_period_end === undefined)) return;
  refuse(undefined, `The schedule ${schedule} says when the subscription ${id} ends. Change its \`end_behavior\`, cancel it, or release the subscription from it first.`, cancel_at === undefined ? 'cancel_at_period_end' : 'cancel_at');
}

/** It lies in the current period of every item, and of those that come in the full one. */
function prorationDate({ proration_date: date, items }: ChangeOrder, subscription: SubscriptionWhole, moment: Moment): Instant {
  if (date === null) return moment.now;
  const coming = isTrialing(subscription, moment.now) ? [] : items.flatMap((asked) => ('add' in asked && asked.add.price.terms.recurring !== null ? [fullPeriod(subscription, asked.add.price.terms, moment.now)] : []));
  const start = Math.max(...subscription.items.map((item) => item.current_period_start), ...coming.map((period) => period.start));
  if (date < start || date >= Math.min(firstPeriodEnd(subscription), ...coming.map((period) => period.end))) refuse(undefined, 'The date of proration must lie in the current period of every item.', 'proration_date');
  return date;
}

/** The subscription with its new words, before anything that is billed. */
function reworded(order: ChangeOrder, before: SubscriptionWhole): SubscriptionWhole {
  const { collection_method = before.collection_method, days_until_due = before.days_until_due, default_payment_method = before.default_payment_method, description = before.description } = order;
  if (collection_method === 'send_invoice' && days_until_due === null) refuse('parameter_missing', 'Where invoices are sent, say how long they may be paid: give `days_until_due`.', 'days_until_due');
  if (collection_method === 'charge_automatically' && order.days_until_due !== undefined && order.days_until_due !== null) refuse(undefined, '`days_until_due` is for invoices that are sent, not for those charged automatically.', 'days_until_due');
  refuseUnfit(order.payment_settings ?? {}, before.currency);
  const details = order.cancellation_details ? { ...before.cancellation_details, ...order.cancellation_details } : before.cancellation_details;
  return {
    ...before,
    collection_method, default_payment_method, description,
    days_until_due: collection_method === 'send_invoice' ? days_until_due : null,
    trial_settings: { end_behavior: { ...before.trial_settings.end_behavior, ...order.trial_settings?.end_behavior } },
    pause_collection: order.pause_collection === undefined ? before.pause_collection : order.pause_collection,
    billing_thresholds: order.billing_thresholds === undefined ? before.billing_thresholds : order.billing_thresholds,
    pending_invoice_item_interval: order.pending_invoice_item_interval === undefined ? before.pending_invoice_item_interval : order.pending_invoice_item_interval,
    cancellation_details: details,
    default_tax_rates: order.default_rates?.map((rate) => rate.id) ?? before.default_tax_rates,
    default_rates: order.default_rates ?? before.default_rates,
    invoice_settings: order.invoice_settings ? { ...before.invoice_settings, ...order.invoice_settings } : before.invoice_settings,
    payment_settings: order.payment_settings ? { ...before.payment_settings, ...order.payment_settings } : before.payment_settings,
    metadata: mergeMetadata(before.metadata, order.metadata),
  };
}

/** The trial as it is after the change. One that ends anew carries the anchor with it. */
function newTrial({ trial_end }: ChangeOrder, before: SubscriptionWhole, moment: Moment): Pick<SubscriptionRow, 'trial_start' | 'trial_end' | 'billing_cycle_anchor' | 'billing_cycle_anchor_config'> {
  const { trial_start, trial_end: until, billing_cycle_anchor, billing_cycle_anchor_config } = before;
  const trialing = isTrialing(before, moment.now);
  if (trial_end === undefined || (trial_end === 'now' && !trialing)) return { trial_start, trial_end: until, billing_cycle_anchor, billing_cycle_anchor_config };
  const end = trial_end === 'now' ? moment.now : trial_end;
  if (trial_end !== 'now') refuseTrial(trial_end, moment);
  const anchor = keepsAnchor(before) ? { billing_cycle_anchor, billing_cycle_anchor_config } : { billing_cycle_anchor: end, billing_cycle_anchor_config: null };
  return { trial_start: trialing ? trial_start : moment.now, trial_end: end, ...anchor };
}

function redeemerOf(subscription: SubscriptionWhole, { first_time }: ChangeFacts) {
  return { customer: subscription.customer, first_time, amount: fullSum(subscription.items, subscription.currency), currency: subscription.currency };
}

/** The discounts as they are asked for: new ones are redeemed, those that are not named any more end, and so do those of an item that goes. */
function rediscount(order: ChangeOrder, after: SubscriptionWhole, facts: ChangeFacts, moment: Moment): Decision & { whole: Pick<SubscriptionWhole, 'items' | 'discounts'> } {
  const { subscription: before } = facts;
  const redeemer = redeemerOf(after, facts);
  const counted = noRedemptions();
  const made: Decision[] = [];
  const asked = (given: readonly DiscountGiven[] | undefined, known: SubscriptionWhole['discounts'], item: string | null) => {
    if (given === undefined) return known;
    const redeemed = redeem(given, { customer: after.customer, subscription: after.id, subscription_item: item }, known, redeemer, counted, moment);
    const kept = new Set(redeemed.discounts.map((discount) => discount.id));
    made.push(endDiscounts(known.filter((discount) => !kept.has(discount.id)), moment), redeemed);
    return redeemed.discounts;
  };
  const given = new Map<string, readonly DiscountGiven[]>();
  const added = after.items.filter((item) => !before.items.some((each) => each.id === item.id));
  for (const each of order.items) {
    if ('add' in each) given.set(added.shift()!.id, each.add.discounts);
    else if (each.change.discounts !== undefined) given.set(each.change.id, each.change.discounts);
  }
  const discounts = asked(order.discounts, before.discounts, null);
  const items = after.items.map((item) => (given.has(item.id) ? { ...item, discounts: asked(given.get(item.id), item.discounts, item.id) } : item));
  const gone = before.items.filter((item) => !isMetered(item) && !after.items.some((each) => each.id === item.id));
  return { ...together([...made, endDiscounts(gone.flatMap((item) => item.discounts), moment)]), whole: { items, discounts } };
}

/** All periods end now: by a new anchor, another recurrence, or a trial that begins or is cut short. */
function isRestart(order: ChangeOrder, before: SubscriptionWhole, after: SubscriptionWhole, pairs: readonly Pair[], moment: Moment): boolean {
  const trialing = isTrialing(before, moment.now);
  if (trialing !== isTrialing(after, moment.now)) return true;
  if (trialing) return false;
  return order.billing_cycle_anchor === 'now' || pairs.some(({ earlier, later }) => earlier !== null && later !== null && !sameRecurrence(recurrenceOf(earlier.terms), recurrenceOf(later.terms)));
}

function restarted({ billing_cycle_anchor }: ChangeOrder, after: SubscriptionWhole, before: SubscriptionWhole, moment: Moment): SubscriptionWhole {
  const trialing = isTrialing(after, moment.now);
  const keeps = keepsAnchor(after) && trialing !== isTrialing(before, moment.now) && billing_cycle_anchor !== 'now';
  const anchor = keeps ? {} : { billing_cycle_anchor: trialing ? after.trial_end! : moment.now, billing_cycle_anchor_config: null };
  const anchored: SubscriptionWhole = { ...after, ...anchor, status: statusAt(after, moment.now) };
  const end = (item: SubscriptionItemWhole) => (trialing ? after.trial_end! : fullPeriod(anchored, item.terms, moment.now).end);
  return { ...anchored, items: after.items.map((item) => ({ ...item, ...retimed(item, anchored, moment.now), current_period_start: moment.now, current_period_end: end(item), debits: [] })) };
}

/** A trial that ends at another moment: so do the periods in it. */
function inTrial(item: SubscriptionItemWhole, after: SubscriptionWhole, before: SubscriptionWhole): SubscriptionItemWhole {
  return after.trial_end === before.trial_end || after.trial_end === null ? item : { ...item, current_period_end: after.trial_end };
}

type Prorated = { items: InvoiceItemWhole[]; debits: Map<string, SubscriptionItemWhole['debits']> };

/** Each item that changes gives back and charges for itself, unless nothing is prorated; what was used of it until now is billed in any case. */
function prorateAll(order: ChangeOrder, after: SubscriptionWhole, pairs: readonly Pair[], facts: SubscriptionFacts, how: Proration): Prorated {
  const prorated: Prorated = { items: [], debits: new Map() };
  if (isTrialing(after, how.moment.now)) return prorated;
  for (const { earlier, later } of pairs) {
    const ends = order.at_boundary === true && (earlier ?? later)!.current_period_end === how.moment.now;
    if (ends || order.proration_behavior === 'none') {
      if (earlier !== null) prorated.items.push(...usageItem(facts.subscription, earlier, facts, how.moment));
      continue;
    }
    const each = prorateItem({ earlier, later }, after, facts, how);
    prorated.items.push(...each.items);
    if (later) prorated.debits.set(later.id, each.debits);
  }
  return prorated;
}

/** What all items give back when their periods end together, and the usage of those that go. */
function closeAll(order: ChangeOrder, after: SubscriptionWhole, facts: SubscriptionFacts, { moment, date }: Proration): Prorated {
  const { subscription: before } = facts;
  const items = before.items.flatMap((item) => [
    ...(order.proration_behavior === 'none' ? [] : creditsOf(before, item, date, facts, moment)),
    ...(after.items.some((each) => each.id === item.id) ? [] : usageItem(before, item, facts, moment)),
  ]);
  return { items, debits: new Map() };
}

/** Where all periods begin anew: what was used until now, and each licensed item for its new period, of which a part is free with `none`. */
function restartLines({ proration_behavior }: ChangeOrder, after: SubscriptionWhole, facts: SubscriptionFacts, moment: Moment): LineOrder[] {
  const earlier = new Map(facts.subscription.items.map((item) => [item.id, item]));
  return after.items.flatMap((item) => {
    const used = earlier.has(item.id) ? periodUsageLine(facts.subscription, { ...earlier.get(item.id)!, discounts: item.discounts }, facts.usage, moment.now) : null;
    if (isMetered(item)) return used ? [used] : [];
    const period = { start: item.current_period_start, end: item.current_period_end };
    const next = isTrialing(after, moment.now) ? trialLine(after, item, period, moment.now) : restLine(after, item, moment.now, facts.account.proration);
    const isFree = next.proration && proration_behavior === 'none';
    return [used, isFree ? null : next].filter((line) => line !== null);
  });
}

/** `then` is what only holds once the change does. */
type Conclusion = { made: Decision; then: Decision; after: SubscriptionWhole; waiting: InvoiceItemWhole[]; lines: LineOrder[]; invoiced: boolean };

/** Bills what is to be billed at once, and says what the subscription is then. */
function conclude(order: ChangeOrder, facts: ChangeFacts, { made, then, after, waiting, lines, invoiced }: Conclusion, { moment, date }: Proration): Changed {
  const { subscription: before } = facts;
  const bill: Bill = {
    ...requested(moment),
    ...(order.billing_reason && { billing_reason: order.billing_reason }),
    subscription: after,
    pending: invoiced ? [...taken(facts, 'subscription'), ...waiting] : [],
    lines,
    proration_date: waiting.some((item) => item.proration) ? date : null,
  };
  const billed = invoiced ? billOnRequest(order, bill, facts, moment) : unbilled(facts);
  const { invoice, customer } = billed;
  // What happens by itself is never refused: what cannot be charged stays open.
  if (order.billing_reason === undefined) refuseUnpayable(invoice, order, facts);
  const awaited = invoice?.status === 'open' && order.payment_behavior !== 'allow_incomplete';
  const waits = awaited && (order.payment_behavior === 'error_if_incomplete' || order.payment_behavior === 'pending_if_incomplete');
  // What is billed now is billed without the discounts whose time is over: they leave, as at a renewal.
  const over = invoiced && !waits ? expired(after, facts.customer, moment.now, billed.used) : [];
  const used = [...billed.used, ...over];
  const whole = concluded(after, before, bill, billed, used, awaited);
  if (waits) {
    const held = holdChange({ before, after: whole, billed: { ...billed, invoice }, waiting, order }, moment);
    return { ...together([made, held]), subscription: held.subscription, invoice, waiting: [], used: [], customer };
  }
  const staying = before.items.filter((item) => whole.items.some((each) => each.id === item.id));
  const trial = whole.trial_end === before.trial_end ? decision() : noticeOfTrial(whole, moment);
  const timers = [...renewal(whole, moment), ...collecting(before, whole), ...watching(before, whole, moment), ...sweeping(before, whole)];
  const all = together([then, made, endDiscounts(over, moment), updated(before, whole, moment), putItems(staying, whole.items), trial, { ...decision(), timers }, billed]);
  return { ...all, subscription: whole, invoice, waiting: invoiced ? [] : waiting, used, customer };
}

/** Where thresholds change, or what usage comes to, or it is collected again, what was used by now may have reached them. */
function watching(before: SubscriptionWhole, after: SubscriptionWhole, moment: Moment): Timer[] {
  const thresholds = ({ billing_thresholds, pause_collection, items }: SubscriptionWhole) =>
    JSON.stringify([billing_thresholds, pause_collection, items.map((item) => [item.id, item.price, String(item.quantity), item.billing_thresholds])]);
  return thresholds(before) === thresholds(after) ? [] : watch(after, moment);
}

/** The subscription with what its invoice charged, without the discounts that have `ended`; late where its payment is `awaited`. */
function concluded(after: SubscriptionWhole, before: SubscriptionWhole, bill: Bill, billed: Billed, ended: readonly DiscountWhole[], awaited: boolean): SubscriptionWhole {
  const items = withoutForgiven(withCharged(after.items, billed, bill), billed, bill);
  const status = awaited && (before.status === 'active' || before.status === 'trialing') ? 'past_due' : after.status;
  return withoutDiscounts({ ...after, watched: isWatched(after), items, status, latest_invoice: billed.invoice?.id ?? before.latest_invoice }, ended);
}
