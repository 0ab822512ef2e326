/** One subscription of a plan: what its move would bill, and the move itself, by the one decision that changes subscriptions. */
import { decision, Refusal, together, type Decision, type Instant, type Moment } from '../decision.ts';
import { formatMoney } from '../money.ts';
import { changeSubscription, NO_CHANGE, type Changed, type ChangeOrder } from '../subscription/change.ts';
import { isOver } from '../schedule/schedule.ts';
import { hasEnded, type SubscriptionFacts, type SubscriptionItemWhole, type SubscriptionWhole } from '../subscription/subscription.ts';
import type { PriceAsked } from '../subscription/items.ts';
import { isMetered } from '../subscription/terms.ts';
import { previewAfter, previewRenewal, type Preview } from '../subscription/preview.ts';
import { isDue } from '../subscription/renew.ts';
import type { PriceMoveEntryRow, PriceMoveRow } from './price_move.ts';

/** What is read for one entry: the subscription as it is, and the price to which it goes. */
export type EntryFacts = { facts: SubscriptionFacts; price: PriceAsked };

/** The same change for the dry run and in earnest, prorated as of the moment of the dry run, so that both come to the same amounts. */
function moveOrder(move: PriceMoveRow, item: SubscriptionItemWhole, price: PriceAsked, date: Instant): ChangeOrder {
  const prorates = move.proration_behavior !== 'none';
  const order: ChangeOrder = { ...NO_CHANGE, items: [{ change: { param: 'to_price', id: item.id, price } }], proration_behavior: move.proration_behavior, proration_date: prorates ? date : null, off_session: true };
  // At the end of a period the renewal bills it, whether or not there is something to charge by then.
  return move.when === 'period_end' ? { ...order, payment_behavior: 'in_due_time' } : order;
}

/** What waits for the customer without naming a subscription goes to the first of its subscriptions that bills, and is of no move. */
const ownFacts = (facts: SubscriptionFacts): SubscriptionFacts => ({ ...facts, pending: facts.pending.filter((item) => item.subscription !== null) });

function changeBy(move: PriceMoveRow, item: SubscriptionItemWhole, { facts, price }: EntryFacts, date: Instant, moment: Moment): Changed {
  // A move redeems no discounts, so whether the customer has paid before is asked by nobody.
  return changeSubscription(moveOrder(move, item, price, date), { ...ownFacts(facts), first_time: false }, moment);
}

const text = (value: unknown): string => JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? String(each) : each));

/** All that the amounts of a change depend on, in parts that have a name for people. Usage, which grows all the time, is left out. */
function partsOf({ subscription, customer, pending }: SubscriptionFacts): Record<string, string> {
  const { status, billing_cycle_anchor, billing_cycle_anchor_config, trial_end, cancel_at, collection_method, days_until_due, default_tax_rates } = subscription;
  const ids = (all: readonly { id: string }[]) => all.map((each) => each.id);
  return {
    status,
    items: text(subscription.items.map(({ id, price, price_move, quantity, current_period_start, current_period_end, tax_rates, debits }) => [id, price, price_move, quantity, current_period_start, current_period_end, tax_rates, debits])),
    cycle: text([billing_cycle_anchor, billing_cycle_anchor_config, trial_end, cancel_at]),
    collection: text([collection_method, days_until_due]),
    discounts: text([ids(subscription.discounts), subscription.items.map((item) => ids(item.discounts)), customer.discount?.id]),
    taxes: text([default_tax_rates, customer.tax_exempt]),
    'invoice items': text(pending.filter((item) => item.subscription === subscription.id).map((item) => [item.id, item.amount])),
  };
}

const NOT_THERE = 'The subscription does not have the price any more.';
const DUE = 'Its period has ended and is being renewed.';
const PAUSED = 'It is paused, and bills nothing until it is resumed. Move it then.';
const ENDING = 'It ends before it would be renewed, so that it never bills the new price.';

/** Why nothing can be moved, whatever the change would say. */
function hindrance(item: SubscriptionItemWhole | undefined, subscription: SubscriptionWhole, moment: Moment): string | null {
  if (hasEnded(subscription)) return 'The subscription has ended.';
  if (item === undefined) return NOT_THERE;
  if (isDue(subscription, moment.now)) return DUE;
  const { scheduled, cancel_at } = subscription;
  if (subscription.status === 'paused') return PAUSED;
  if (scheduled !== null && !isOver(scheduled)) return `Its schedule ${scheduled.id} says which prices it has: change the schedule's phases, or release the subscription from it first.`;
  if (item.next) return `By the price move ${item.next.entry.price_move} it goes to the price ${item.next.terms.id} when its period ends. Cancel that move first.`;
  return cancel_at !== null && cancel_at <= item.current_period_end ? ENDING : null;
}

/** The entry of a subscription by a dry run: nothing of it is committed. Where the change would be refused, it is skipped from the start, and says why. */
export function planEntry(move: PriceMoveRow, found: EntryFacts, moment: Moment): PriceMoveEntryRow | null {
  const { subscription } = found.facts;
  const item = subscription.items.find((each) => each.price === move.from_price);
  if (item === undefined) return null;
  const entry: PriceMoveEntryRow = {
    id: moment.newId('pmve'), created: move.created, price_move: move.id, subscription: subscription.id, subscription_item: item.id, customer: subscription.customer,
    state: 'pending', reason: null, currency: subscription.currency, planned_at: moment.now, seen: partsOf(found.facts),
    amount_now: 0n, next_amount_before: null, next_amount_after: null, next_at_before: null, next_at_after: null, effective_at: null, applied_at: null, invoice: null,
  };
  const hindered = hindrance(item, subscription, moment);
  if (hindered !== null) return { ...entry, state: 'skipped', reason: hindered };
  const facts = ownFacts(found.facts);
  const before = previewRenewal(facts, moment);
  const known = { ...entry, ...nextOf('before', before) };
  try {
    const changed = changeBy(move, item, found, moment.now, moment);
    if (move.when === 'period_end') return { ...known, effective_at: item.current_period_end, ...nextOf('after', previewRenewal(goingOn(facts, item, found.price, entry), moment)) };
    return { ...known, amount_now: changed.invoice?.total ?? 0n, ...nextOf('after', previewAfter(changed, facts, moment)) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ...known, state: 'skipped', reason: error.message };
  }
}

/** The facts with the item on its way to the price, which the renewal at the end of its period finds. */
function goingOn(facts: SubscriptionFacts, item: SubscriptionItemWhole, { terms, product_name }: PriceAsked, entry: PriceMoveEntryRow): SubscriptionFacts {
  const waiting: SubscriptionItemWhole = { ...item, price_move: entry.price_move, next: { terms, product_name, entry } };
  return { ...facts, subscription: { ...facts.subscription, items: facts.subscription.items.map((each) => (each === item ? waiting : each)) } };
}

/** The sum of the next invoice, and when it is made. */
function nextOf<When extends 'before' | 'after'>(when: When, preview: Preview | null): Pick<PriceMoveEntryRow, `next_amount_${When}` | `next_at_${When}`> {
  return { [`next_amount_${when}`]: preview?.invoice.total ?? null, [`next_at_${when}`]: preview?.invoice.created ?? null } as Pick<PriceMoveEntryRow, `next_amount_${When}` | `next_at_${When}`>;
}

export const skipped = (entry: PriceMoveEntryRow, reason: string): PriceMoveEntryRow => ({ ...entry, state: 'skipped', reason });

/** What could not be decided by our own mistake; the subscription is as it was. */
export const failed = (entry: PriceMoveEntryRow): PriceMoveEntryRow => ({ ...entry, state: 'failed', reason: 'Kontor failed to move it; the log of the server says why. The subscription is as it was.' });

type Moved = Decision & { entry: PriceMoveEntryRow };

/** Moves the subscription, unless that would bill something else than the dry run said: what has changed since is left alone. */
export function applyEntry(move: PriceMoveRow, entry: PriceMoveEntryRow, found: EntryFacts, moment: Moment): Moved {
  const leave = (reason: string): Moved => ({ ...decision(), entry: skipped(entry, reason) });
  const { subscription } = found.facts;
  const item = subscription.items.find((each) => each.id === entry.subscription_item && each.price === move.from_price);
  const hindered = hindrance(item, subscription, moment);
  if (hindered !== null) return leave(hindered);
  const parts = partsOf(found.facts);
  const differing = Object.keys(parts).filter((name) => parts[name] !== entry.seen[name]);
  if (differing.length > 0) return leave(`It has changed since the dry run: ${differing.join(', ')}.`);
  try {
    const changed = changeBy(move, item!, found, entry.planned_at, moment);
    if (move.when === 'period_end') {
      const waits = { table: 'subscription_items', before: item!, after: { ...item!, price_move: move.id } };
      return { ...decision(), puts: [waits], entry: { ...entry, state: 'scheduled', effective_at: item!.current_period_end } };
    }
    const amount = changed.invoice?.total ?? 0n;
    const counted = subscription.items.some(isMetered);
    if (!counted && amount !== entry.amount_now) return leave(`It would bill ${formatMoney(amount, entry.currency)} now, and the dry run said ${formatMoney(entry.amount_now, entry.currency)}.`);
    return { ...together([changed]), entry: { ...entry, state: 'applied', effective_at: moment.now, applied_at: moment.now, invoice: changed.invoice?.id ?? null } };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return leave(error.message);
  }
}
