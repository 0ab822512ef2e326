/** What happens to subscriptions by themselves, in bulk: one load, one decision, one commit for a whole batch. */
import type { CustomerWhole } from '../../billing/customer/customer.ts';
import { decision, together, type Decision, type Instant } from '../../billing/decision.ts';
import { voidInvoice } from '../../billing/invoice/void.ts';
import { stopCollecting } from '../../billing/subscription/bill.ts';
import { expirePending, expireStart } from '../../billing/subscription/cancel.ts';
import { nextMoment, watch } from '../../billing/subscription/timers.ts';
import { isMetered } from '../../billing/subscription/terms.ts';
import { resumeCollection } from '../../billing/subscription/withhold.ts';
import { announceRenewal } from '../../billing/subscription/preview.ts';
import { announceTrialEnd, isDue, renewAll } from '../../billing/subscription/renew.ts';
import { expireResumption } from '../../billing/subscription/resume.ts';
import { sweepSubscription } from '../../billing/subscription/sweep.ts';
import type { SubscriptionWhole } from '../../billing/subscription/subscription.ts';
import { billThreshold, countsUntil } from '../../billing/subscription/threshold.ts';
import { commit } from '../../server/commit.ts';
import { momentAt, momentOn, type Context } from '../../server/context.ts';
import { inWorld } from '../../server/database/world.ts';
import { firstUse } from '../../server/usage/traces.ts';
import { lockInvoices } from '../invoices/rows.ts';
import { factsOf, lockAll } from './facts.ts';
import { ownersOf, unpaidOf } from './rows.ts';

type Due = readonly { subject: string; at: Instant }[];

/** The subscriptions of timers and their customers, locked, and at which moment the timer of each was set. */
async function lockDue(ctx: Context, due: Due) {
  const set = new Map(due.map(({ subject, at }) => [subject, at]));
  return { ...(await lockAll(ctx, due.map((each) => each.subject))), at: ({ id }: SubscriptionWhole): Instant => set.get(id)! };
}

/** Decides each with its customer as those before it have left it. */
function oneByOne<Facts extends { customer: CustomerWhole }>(all: readonly Facts[], decide: (facts: Facts) => Decision & { customer: CustomerWhole }): Decision {
  const left = new Map<string, CustomerWhole>();
  return together(all.map((facts) => {
    const made = decide({ ...facts, customer: left.get(facts.customer.id) ?? facts.customer });
    left.set(made.customer.id, made.customer);
    return made;
  }));
}

/** Only an end within a period, or a phase that begins, gives anything back by itself. */
const givesBack = ({ cancel_at, scheduled }: SubscriptionWhole) => cancel_at !== null || scheduled !== null;

/** Renews each at the moment at which it is due, which is never later than that of its timer. What a request has renewed meanwhile is left alone. */
export async function renewDue(ctx: Context, due: Due): Promise<void> {
  const { subscriptions, customers, at } = await lockDue(ctx, due);
  const renewing = subscriptions.filter((each) => isDue(each, at(each)));
  if (renewing.length === 0) return;
  const next = (subscription: SubscriptionWhole) => nextMoment(subscription)!;
  const facts = await factsOf(ctx, renewing, customers, next, givesBack);
  const ending = renewing.filter((each) => each.cancel_at !== null && each.cancel_at <= next(each)).map((each) => each.id);
  const unpaid = Map.groupBy(await unpaidOf(ctx.tx, ending), (invoice) => invoice.subscription);
  await commit(ctx, renewAll(facts.map((each) => ({ ...each, unpaid: unpaid.get(each.subscription.id) })), ({ subscription }) => momentAt(ctx, next(subscription))));
}

/**
 * Bills early what usage has reached a threshold of, by the second of the timer. For the next second in which there is usage it is set again. What is due by now is renewed first, by its own timer; and where a change waits
 * for its payment, so does this.
 */
export async function thresholdsDue(ctx: Context, due: Due): Promise<void> {
  const { subscriptions, customers, at } = await lockDue(ctx, due);
  const watched = subscriptions.filter((each) => each.watched && each.pending_update === null && !isDue(each, at(each)));
  const until = (each: SubscriptionWhole) => countsUntil(each, at(each));
  const facts = await factsOf(ctx, watched, customers, until);
  const next = await firstUse(ctx.tx, watched.flatMap((each) => each.items.filter(isMetered).map((item) => ({ key: each.id, meter: item.terms.meter!, customer: each.customer, start: until(each) }))));
  const billed = oneByOne(facts, (each) => billThreshold({ ...each, first_time: false }, momentAt(ctx, at(each.subscription))));
  const again = watched.flatMap((each) => (next.has(each.id) ? watch(each, momentAt(ctx, next.get(each.id)!)) : []));
  await commit(ctx, together([billed, { ...decision(), timers: again }]));
}

/** Bills what waits, where it is billed at an interval of its own. */
export async function sweepDue(ctx: Context, due: Due): Promise<void> {
  const { subscriptions, customers, at } = await lockDue(ctx, due);
  const facts = await factsOf(ctx, subscriptions, customers, at, () => false);
  await commit(ctx, oneByOne(facts, (each) => sweepSubscription(each, momentAt(ctx, at(each.subscription)))));
}

/** Gives each up whose first payment, or the one that would have resumed it, has not come; and each change whose payment has not. */
export async function expireDue(ctx: Context, due: Due): Promise<void> {
  const { subscriptions, at } = await lockDue(ctx, due);
  const waiting = subscriptions.filter((each) => each.status === 'incomplete' || each.resumption !== null || each.pending_update !== null);
  const awaited = (each: SubscriptionWhole) => each.pending_update?.invoice ?? each.resumption?.invoice ?? each.latest_invoice;
  const expire = (each: SubscriptionWhole) => (each.pending_update !== null ? expirePending : each.resumption !== null ? expireResumption : expireStart);
  const first = new Map((await lockInvoices(ctx.tx, waiting.flatMap((each) => awaited(each) ?? []))).map((each) => [each.invoice.id, each]));
  await commit(ctx, together(waiting.map((each) => expire(each)(each, first.get(awaited(each) ?? '') ?? null, momentAt(ctx, at(each))))));
}

/** Ends pauses of collection. */
export async function collectDue(ctx: Context, due: Due): Promise<void> {
  const { subscriptions, at } = await lockDue(ctx, due);
  await commit(ctx, together(subscriptions.map((each) => resumeCollection(each, momentAt(ctx, at(each))))));
}

/** Announces the ends of trials. */
export async function announceDue(ctx: Context, due: Due): Promise<void> {
  const { subscriptions, at } = await lockDue(ctx, due);
  await commit(ctx, together(subscriptions.map((each) => announceTrialEnd(each, momentAt(ctx, at(each))))));
}

/** Announces the invoices to come, with the usage until now. What is due by now, or will not come, is not announced. */
export async function announceInvoices(ctx: Context, due: Due): Promise<void> {
  const { subscriptions, customers, at } = await lockDue(ctx, due);
  const coming = subscriptions.filter((each) => nextMoment(each) !== null && !isDue(each, at(each)));
  const facts = await factsOf(ctx, coming, customers, at, givesBack);
  await commit(ctx, together(facts.map((each) => announceRenewal(each, momentAt(ctx, at(each.subscription))))));
}

/** What subscriptions that have just ended for want of payment have not been paid is not collected any more. */
export async function stopCollectingOf(ctx: Context, ended: readonly SubscriptionWhole[]): Promise<void> {
  const unpaid = Map.groupBy(await unpaidOf(ctx.tx, ended.map((each) => each.id)), (invoice) => invoice.subscription);
  await commit(ctx, together(ended.map((each) => stopCollecting(unpaid.get(each.id) ?? [], momentAt(ctx, each.ended_at!)))));
}

/** Discards the change of a subscription that waits for its payment: its invoice is voided. */
export async function discardChange(ctx: Context, { pending_update }: SubscriptionWhole, at: Instant): Promise<void> {
  const [first] = await lockInvoices(ctx.tx, [pending_update!.invoice]);
  await commit(ctx, voidInvoice(first!, momentAt(ctx, at)));
}

/** Discards a change at once, in a transaction of its own: the request that asked for it is refused, and that would undo it. */
export async function discardNow(ctx: Context, id: string): Promise<void> {
  await inWorld(ctx.app.database.pool, ctx.world, async (tx) => {
    const own: Context = { ...ctx, tx, calls: [] };
    const [owner] = await ownersOf(tx, [id]);
    const { now } = await momentOn(own, owner?.test_clock ?? null);
    const [subscription] = (await lockAll(own, [id])).subscriptions;
    if (subscription?.pending_update) await discardChange(own, subscription, now);
  });
}

/** Expires a subscription at once, in a transaction of its own: the request that it began with is refused, and that would undo it. */
export async function expireNow(ctx: Context, id: string): Promise<void> {
  await inWorld(ctx.app.database.pool, ctx.world, async (tx) => {
    const own: Context = { ...ctx, tx, calls: [] };
    const [owner] = await ownersOf(tx, [id]);
    const { now } = await momentOn(own, owner?.test_clock ?? null);
    await expireDue(own, [{ subject: id, at: now }]);
  });
}
