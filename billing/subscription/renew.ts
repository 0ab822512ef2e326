/** What happens to subscriptions by themselves: a period ends, a trial ends, the end comes that was asked for. */
import type { DiscountWhole, PriceRow } from '../catalog.ts';
import type { CustomerWhole } from '../customer/customer.ts';
import { assert, decision, together, type Decision, type Instant, type Moment } from '../decision.ts';
import type { LineOrder } from '../invoice/draft.ts';
import type { InvoiceItemWhole } from '../invoice/invoice.ts';
import { countedOn, endDiscounts, expired } from '../redeem.ts';
import { isTurn, turnPhase } from '../schedule/turn.ts';
import { billInTime, putWaiting, stopCollecting, taken, withCharged, type Bill, type Billed } from './bill.ts';
import { changeSubscription, NO_CHANGE, type ChangeOrder } from './change.ts';
import { endSubscription } from './end.ts';
import { putItems, updated, withoutDiscounts } from './puts.ts';
import { hasEnded, type SubscriptionFacts, type SubscriptionItemWhole, type SubscriptionWhole } from './subscription.ts';
import { nextMoment, renewal, sweeping } from './timers.ts';
import { periodUsageLine, restLine } from './lines.ts';
import { isMetered } from './terms.ts';
import { withCommitment } from './committed.ts';
import { changesRecurrence, withNextPrice } from './next_price.ts';
import { endsTrial, movesAnchor } from './offer.ts';
import { enterPause } from './pause.ts';
import { fullPeriod, keepsAnchor, withSweep } from './periods.ts';
import { creditsOf } from './prorate.ts';
import { isWithheld, withoutForgiven } from './withhold.ts';

type Renewed = Omit<Billed, 'used'> & {
  subscription: SubscriptionWhole;
  /** What waits from now on. */
  waiting: readonly InvoiceItemWhole[];
  /** What no later invoice of the customer has any more. */
  spent: { items: readonly InvoiceItemWhole[]; discounts: readonly DiscountWhole[] };
};

/** Whether there is something to do at the moment; a timer that comes twice, or too late, finds nothing. */
export function isDue(subscription: SubscriptionWhole, at: Instant): boolean {
  const next = nextMoment(subscription);
  return next !== null && next <= at;
}

/** At the moment at which something is due: begins the phase of its schedule, and renews what has a boundary then, or ends the subscription. One decision, since a phase that begins at a boundary says what the renewal bills. */
export function renewSubscription(facts: SubscriptionFacts, moment: Moment): Renewed {
  const { subscription } = facts;
  const at = moment.now;
  assert(nextMoment(subscription) === at, `${subscription.id} is due at ${nextMoment(subscription)}, not at ${at}`);
  if (subscription.status === 'paused' || !isTurn(subscription, at)) return goOn(facts, moment);
  const turned = turnPhase(facts, moment);
  if (nextMoment(turned.subscription) !== at && !endsUsage(subscription, turned.waiting, at)) return { ...turned, spent: { items: [], discounts: turned.used } };
  const renewed = goOn({ ...afterChange(turned.subscription, turned.waiting, { ...facts, customer: turned.customer }, moment), seated: subscription }, moment);
  return { ...renewed, ...together([turned, renewed]), waiting: renewed.subscription.status === 'paused' ? turned.waiting : renewed.waiting };
}

/** Whether usage waits of an item that has gone as its period ended: that is billed now, also where nothing else is. */
const endsUsage = ({ items }: SubscriptionWhole, waiting: readonly InvoiceItemWhole[], at: Instant): boolean =>
  waiting.some(({ metering, subscription_item }) => metering !== null && items.find((item) => item.id === subscription_item)?.current_period_end === at);

function goOn(facts: SubscriptionFacts, moment: Moment): Renewed {
  const { subscription } = facts;
  const at = moment.now;
  const missing = missingMethod(facts, at);
  if (subscription.status === 'paused' || missing === 'cancel') return endUnbilled(facts, moment);
  if (subscription.cancel_at !== null && subscription.cancel_at <= at) return finish(facts, moment);
  if (missing === 'pause' && !isWithheld(subscription, at)) return { ...enterPause(subscription, subscription, 'trial_end_without_payment_method', moment), ...unbilled(facts) };
  const anew = subscription.items.filter((item) => item.current_period_end === at && (item.next || endsTrial(item, at)));
  const moves = anew.some((item) => movesAnchor(item, subscription, at));
  return moves || anew.some(changesRecurrence) ? beginAnew(anew, moves ? 'now' : 'unchanged', facts, moment) : advance(facts, moment);
}

const pricedAs = ({ terms, product_name }: { terms: PriceRow; product_name: string }) => ({ terms, product_name });

/** A price that recurs otherwise, or the end of a trial offer that moves the anchor, ends all periods, as such a change does at any other time; the new ones begin here. */
function beginAnew(items: readonly SubscriptionItemWhole[], billing_cycle_anchor: ChangeOrder['billing_cycle_anchor'], facts: SubscriptionFacts, moment: Moment): Renewed {
  const changes = items.map(({ id, next, transition }) => ({ change: { param: 'items', id, price: { param: 'price', ...pricedAs((next ?? transition)!), product_active: true, promised: true } } }));
  const order: ChangeOrder = { ...NO_CHANGE, items: changes, billing_cycle_anchor, payment_behavior: 'in_due_time', off_session: true };
  const changed = changeSubscription(order, { ...facts, first_time: false }, moment);
  return { ...changed, spent: { items: changed.invoice === null ? [] : taken(facts, 'subscription'), discounts: changed.used } };
}

/** What is known once a change is made: usage that was billed with it does not count again. */
export function afterChange(subscription: SubscriptionWhole, waiting: readonly InvoiceItemWhole[], facts: SubscriptionFacts, moment: Moment): SubscriptionFacts {
  const running = new Set(subscription.items.filter((item) => item.current_period_start < moment.now).map((item) => item.id));
  const goesOn = (id: string) => {
    const [before, after] = [facts.subscription, subscription].map((each) => each.items.find((item) => item.id === id));
    return after !== undefined && before?.price === after.price && before.current_period_start === after.current_period_start;
  };
  const rates = [...subscription.default_rates, ...subscription.items.flatMap((item) => item.rates)];
  return {
    ...facts,
    subscription,
    pending: [...facts.pending, ...waiting],
    usage: new Map([...facts.usage].filter(([item]) => running.has(item))),
    so_far: facts.so_far && new Map([...facts.so_far].filter(([item]) => goesOn(item))),
    rates: new Map([...facts.rates, ...rates.map((rate) => [rate.id, rate] as const)]),
  };
}

/** What is to become of a subscription whose trial ends now without anything to charge; null where that is not so. */
function missingMethod({ subscription, payment_method }: SubscriptionFacts, at: Instant): SubscriptionWhole['trial_settings']['end_behavior']['missing_payment_method'] | null {
  const lacks = subscription.trial_end === at && payment_method === null && subscription.collection_method === 'charge_automatically';
  return lacks && subscription.status !== 'paused' ? subscription.trial_settings.end_behavior.missing_payment_method : null;
}

const unbilled = ({ customer }: SubscriptionFacts) => ({ customer, invoice: null, waiting: [], spent: { items: [], discounts: [] } });

/** A trial ends without anything to charge, or an end comes that was set before a pause: nothing is billed any more. */
function endUnbilled(facts: SubscriptionFacts, moment: Moment): Renewed {
  const ended = endSubscription(facts.subscription, null, moment);
  return { ...together([ended, stopCollecting(facts.unpaid ?? [], moment)]), subscription: ended.subscription, ...unbilled(facts) };
}

function billOf(subscription: SubscriptionWhole, facts: SubscriptionFacts, pending: readonly InvoiceItemWhole[], lines: readonly LineOrder[], at: Instant): Bill {
  return {
    subscription, pending, lines,
    billing_reason: 'subscription_cycle',
    obligation: `${subscription.id}:${at}`,
    period: { start: Math.min(at, ...facts.subscription.items.filter((item) => item.current_period_end === at).map((item) => item.current_period_start)), end: at },
  };
}

/** The discounts of items that are gone end with the invoice that bills the last of their usage. */
function orphaned(bill: Bill, { invoice, used: ended }: Billed): DiscountWhole[] {
  if (invoice === null) return [];
  const living = new Set(bill.subscription.items.map((item) => item.id));
  const over = new Set(ended.map((discount) => discount.id));
  const gone = bill.pending.filter((item) => item.subscription_item !== null && !living.has(item.subscription_item)).flatMap((item) => item.discounts);
  const found = gone.filter((discount) => discount.subscription_item !== null && !discount.ended && !over.has(discount.id));
  return [...new Map(found.map((discount) => [discount.id, discount])).values()];
}

/** The end of a trial moves the anchor there, unless it is to be left alone. */
function anchorAt(subscription: SubscriptionWhole, at: Instant): Pick<SubscriptionWhole, 'billing_cycle_anchor' | 'billing_cycle_anchor_config'> {
  const { trial_end, billing_cycle_anchor, billing_cycle_anchor_config } = subscription;
  const moves = trial_end === at && billing_cycle_anchor !== at && !keepsAnchor(subscription);
  return moves ? { billing_cycle_anchor: at, billing_cycle_anchor_config: null } : { billing_cycle_anchor, billing_cycle_anchor_config };
}

/** Items with a boundary at the moment go on into their next period. */
function advance(facts: SubscriptionFacts, moment: Moment): Renewed {
  const { subscription: before } = facts;
  const at = moment.now;
  const begun: SubscriptionWhole = withSweep({ ...before, ...anchorAt(before, at), status: before.status === 'trialing' && before.trial_end !== null && before.trial_end <= at ? 'active' : before.status }, before, at);
  const due = before.items.filter((item) => item.current_period_end === at);
  const next = new Map(due.map((item) => {
    const later = withNextPrice(item, at);
    return [item.id, { ...later, current_period_start: at, current_period_end: fullPeriod(begun, later.terms, at).end, debits: [] }];
  }));
  const lines = due.flatMap((item): LineOrder[] => {
    // What was used is billed at the price that the item had, what comes at the one that it has now.
    const used = isMetered(item) ? periodUsageLine(before, item, facts.usage, at, facts) : null;
    const later = next.get(item.id)!;
    const line = isMetered(later) ? null : restLine(begun, later, at, facts.account.proration);
    return [used, line].filter((each) => each !== null);
  });
  const pending = taken(facts, 'customer');
  const bill = billOf(begun, facts, pending, withCommitment(facts, lines, pending, at, true), at);
  const billed = billInTime(bill, facts, moment);
  const { invoice, used, customer } = billed;
  const items = withoutForgiven(withCharged(before.items.map((item) => next.get(item.id) ?? item), billed, bill), billed, bill);
  const over = [...expired(begun, facts.customer, at, used), ...orphaned(bill, billed)];
  const moved: SubscriptionWhole = { ...begun, items, latest_invoice: invoice?.id ?? before.latest_invoice };
  const after = withoutDiscounts(moved, [...used, ...over]);
  const made = together([
    endDiscounts(over, moment),
    updated(before, after, moment),
    putItems(before.items, after.items),
    { ...decision(), timers: [...renewal(after, moment), ...sweeping(before, after)] },
    billed,
  ]);
  return { ...made, subscription: after, customer, invoice, waiting: [], spent: spentBy(bill, billed, over) };
}

/** The last invoice, with the usage of every metered item until now and no new period; then the subscription ends. The time that is left of a period is credited on it, unless the end was asked for within that period with `none`. */
function finish(facts: SubscriptionFacts, moment: Moment): Renewed {
  const { subscription: before } = facts;
  const at = moment.now;
  const credits = before.items.filter((item) => item.current_period_start > (before.ends_unprorated_since ?? -Infinity)).flatMap((item) => creditsOf(before, item, at, facts, moment));
  const lines = before.items.map((item) => periodUsageLine(before, item, facts.usage, at, facts)).filter((line) => line !== null);
  const pending = taken(facts, 'customer');
  const bill = billOf(before, facts, [...pending, ...credits], withCommitment(facts, lines, pending, at), at);
  const billed = billInTime(bill, facts, moment);
  const { invoice, used, customer } = billed;
  const last: SubscriptionWhole = { ...withoutDiscounts(before, used), items: before.items.map((item) => ({ ...item, debits: [] })), latest_invoice: invoice?.id ?? before.latest_invoice };
  const ended = endSubscription(last, null, moment);
  const made = together([
    putWaiting(credits, moment),
    { ...decision(), puts: [{ table: 'subscriptions', before, after: last }] },
    putItems(before.items, last.items),
    ended,
    stopCollecting(facts.unpaid ?? [], moment),
    billed,
  ]);
  return { ...made, subscription: ended.subscription, customer, invoice, waiting: [], spent: spentBy(bill, billed) };
}

function spentBy(bill: Bill, { invoice, used }: Billed, over: readonly DiscountWhole[] = []): Renewed['spent'] {
  return { items: invoice ? bill.pending : [], discounts: [...used, ...over] };
}

/**
 * Renews many as one decision, each at its moment. What waits for a customer's next invoice, and a discount of the customer that is given once, go to the first of its subscriptions: the later ones
 * do not find them any more, and find the customer as the earlier ones left it.
 */
export function renewAll(all: readonly SubscriptionFacts[], at: Moment | ((facts: SubscriptionFacts) => Moment)): Decision & { renewed: Renewed[] } {
  const momentOf = typeof at === 'function' ? at : () => at;
  const spent = new Map<string, { items: Set<string>; discounts: Set<string> }>();
  const customers = new Map<string, CustomerWhole>();
  const renewed = all.map((facts) => {
    const gone = spent.get(facts.customer.id) ?? { items: new Set<string>(), discounts: new Set<string>() };
    spent.set(facts.customer.id, gone);
    const customer = customers.get(facts.customer.id) ?? facts.customer;
    const left = customer.discount !== null && gone.discounts.has(customer.discount.id) ? { ...customer, discount: null } : customer;
    const one = renewSubscription({ ...facts, customer: left, pending: facts.pending.filter((item) => !gone.items.has(item.id)) }, momentOf(facts));
    customers.set(one.customer.id, one.customer);
    for (const item of one.spent.items) gone.items.add(item.id);
    for (const discount of one.spent.discounts) gone.discounts.add(discount.id);
    return one;
  });
  return { ...countedOn(together(renewed)), renewed };
}

/** Announces the end of a trial. */
export function announceTrialEnd(subscription: SubscriptionWhole, moment: Moment): Decision {
  if (hasEnded(subscription) || subscription.trial_end === null || subscription.trial_end <= moment.now) return decision();
  return { ...decision(), facts: [{ type: 'customer.subscription.trial_will_end', object: 'subscription', whole: subscription, at: moment.now }] };
}
