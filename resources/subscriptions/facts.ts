/** Reads all that decisions about subscriptions need: a read for each kind of thing, however many subscriptions there are. */
import type { CustomerWhole } from '../../billing/customer/customer.ts';
import type { Instant, Moment } from '../../billing/decision.ts';
import type { Used } from '../../billing/metering.ts';
import type { ChangeFacts, ChangeOrder } from '../../billing/subscription/change.ts';
import { committedSince } from '../../billing/subscription/committed.ts';
import { usageAsked } from '../../billing/subscription/lines.ts';
import { isDue } from '../../billing/subscription/renew.ts';
import type { Debit, SubscriptionFacts, SubscriptionWhole, Surroundings } from '../../billing/subscription/subscription.ts';
import { accountById } from '../../server/accounts.ts';
import { momentOn, type Context } from '../../server/context.ts';
import type { Tx } from '../../server/database/world.ts';
import { missing } from '../../server/http/errors.ts';
import { usageByGroup } from '../../server/usage/counted.ts';
import { hasPaid } from '../charges/rows.ts';
import { customersById } from '../customers/rows.ts';
import { leftOfEarly } from '../kontor/invoice_corrections/rows.ts';
import { settingsOf } from '../kontor/settings/rows.ts';
import { methodsById } from '../payment_methods/rows.ts';
import { taxIdsOf } from '../tax_ids/rows.ts';
import { taxRatesById } from '../tax_rates/rows.ts';
import { comingPhases } from './phases.ts';
import { billedUsage, chargedNow, ownersOf, pendingOf, subscriptionsById } from './rows.ts';
import { discardChange, expireDue, renewDue } from './timers.ts';

/** What invoices of these customers read, by customer; `own` is a method that is asked for instead of the customer's. */
export async function surroundings(ctx: Context, customers: readonly CustomerWhole[], own: readonly (string | null)[] = []): Promise<(customer: CustomerWhole, method?: string | null) => Surroundings> {
  const [{ business_name, country }, { proration }, tax_ids] = await Promise.all([accountById(ctx.tx, ctx.world.account), settingsOf(ctx.tx), taxIdsOf(ctx.tx, customers.map((customer) => customer.id))]);
  const taxIds = Map.groupBy(tax_ids, (taxId) => taxId.customer);
  const ids = [...customers.map((customer) => customer.default_payment_method), ...own].filter((id) => id !== null);
  const methods = new Map(ids.length === 0 ? [] : (await methodsById(ctx.tx, [...new Set(ids)])).filter((method) => !method.spent).map((method) => [method.id, method]));
  return (customer, method = null) => ({
    customer,
    account: { business_name, country, proration: proration.unit },
    tax_ids: taxIds.get(customer.id) ?? [],
    payment_method: methods.get(method ?? customer.default_payment_method ?? '') ?? null,
  });
}

/** The facts of subscriptions, each as it is at a moment of its own. What was charged for their periods is read anew where it may be given back; a plain renewal gives nothing back. */
export async function factsOf(ctx: Context, stored: readonly SubscriptionWhole[], customers: readonly CustomerWhole[], at: (subscription: SubscriptionWhole) => Instant, credits: (subscription: SubscriptionWhole) => boolean = () => true): Promise<SubscriptionFacts[]> {
  const subscriptions = await withTrueBilled(ctx.tx, await withTrueDebits(ctx.tx, stored, credits));
  const byId = new Map(customers.map((customer) => [customer.id, customer]));
  const debited = [...new Set(subscriptions.flatMap((each) => each.items.flatMap((item) => item.debits.flatMap((debit) => debit.tax_rates))))];
  const committed = subscriptions.flatMap((each) => {
    const [start, end] = [committedSince(each, at(each)), at(each)];
    return start === null ? [] : [{ key: each.id, subscription: each.id, start, end, beside: null }];
  });
  const [around, pending, usage, known, phases, billed] = await Promise.all([
    surroundings(ctx, customers, subscriptions.map((each) => each.default_payment_method)),
    pendingOf(ctx.tx, [...byId.keys()], subscriptions.map((each) => each.id)),
    usageByGroup(ctx.tx, subscriptions.flatMap((each) => usageAsked(each, at(each)))),
    debited.length === 0 ? [] : taxRatesById(ctx.tx, debited),
    comingPhases(ctx, subscriptions),
    billedUsage(ctx.tx, committed),
  ]);
  const rates = new Map(known.map((rate) => [rate.id, rate]));
  return subscriptions.map((subscription) => ({
    ...around(byId.get(subscription.customer)!, subscription.default_payment_method),
    subscription, usage, rates,
    phases: phases.get(subscription.id),
    billed_usage: billed.get(subscription.id),
    pending: (pending.get(subscription.customer) ?? []).filter((item) => item.subscription === null || item.subscription === subscription.id),
  }));
}

/** The subscriptions with what their debits come to now: of what was taken off a draft, deleted, voided or written off since, nothing is left. */
async function withTrueDebits(tx: Tx, subscriptions: readonly SubscriptionWhole[], wanted: (subscription: SubscriptionWhole) => boolean): Promise<readonly SubscriptionWhole[]> {
  const debits = subscriptions.filter(wanted).flatMap((each) => each.items.flatMap((item) => item.debits));
  if (debits.length === 0) return subscriptions;
  const charged = await chargedNow(tx, debits);
  const now = (debit: Debit) => charged.get(debit.line ?? debit.invoice_item ?? '');
  const isTrue = (debit: Debit) => now(debit)?.net === BigInt(debit.amount) && now(debit)?.discounts.length === 0 && debit.discounts === undefined;
  const truth = (debit: Debit): Debit[] => {
    const { net, discounts } = now(debit) ?? {};
    return net === undefined ? [] : [{ ...debit, amount: net.toString(), discounts: discounts?.length ? discounts : undefined }];
  };
  return subscriptions.map((each) => (!wanted(each) || each.items.every((item) => item.debits.every(isTrue)) ? each : { ...each, items: each.items.map((item) => ({ ...item, debits: item.debits.flatMap(truth) })) }));
}

/** The subscriptions with what is left by now of what was billed of their usage before its period ends. */
async function withTrueBilled(tx: Tx, subscriptions: readonly SubscriptionWhole[]): Promise<readonly SubscriptionWhole[]> {
  const early = subscriptions.flatMap((each) => each.items.flatMap(({ id, billed, current_period_start }) => (billed?.start === current_period_start ? [{ subscription_item: id, start: billed.start }] : [])));
  if (early.length === 0) return subscriptions;
  const left = await leftOfEarly(tx, early);
  return subscriptions.map((each) => ({ ...each, items: each.items.map((item) => {
    const early = item.billed && left({ subscription_item: item.id, start: item.billed.start });
    return early ? { ...item, early } : item;
  }) }));
}

/** Subscriptions and their customers, locked: the customers first, each in the order of their ids. What does not exist is left out. */
export async function lockAll(ctx: Context, ids: readonly string[]): Promise<{ subscriptions: SubscriptionWhole[]; customers: CustomerWhole[] }> {
  const owners = await ownersOf(ctx.tx, ids);
  const customers = await customersById(ctx.tx, [...new Set(owners.map((each) => each.customer))], true);
  return { customers, subscriptions: await subscriptionsById(ctx.tx, owners.map((each) => each.id), true) };
}

export type Locked = { subscription: SubscriptionWhole; customer: CustomerWhole; moment: Moment };

/**
 * A subscription for a request, locked, at its own time. A period that has ended meanwhile is renewed first: what is
 * asked for at a boundary comes after it.
 */
export async function lockSubscription(ctx: Context, id: string, param?: string): Promise<Locked> {
  const [found] = await ownersOf(ctx.tx, [id]);
  const owner = found ?? missing('subscription', id, param);
  const moment = await momentOn(ctx, owner.test_clock);
  for (;;) {
    const { subscriptions, customers } = await lockAll(ctx, [id]);
    const [subscription, customer] = [subscriptions[0]!, customers[0]!];
    const expires_at = subscription.pending_update?.expires_at ?? Infinity;
    if (expires_at <= moment.now) {
      await expireDue(ctx, [{ subject: id, at: expires_at }]);
      continue;
    }
    if (!isDue(subscription, moment.now)) return { subscription, customer, moment };
    await renewDue(ctx, [{ subject: id, at: moment.now }]);
  }
}

/** A subscription for a request that changes what is billed, or when it ends: a change that waits for its payment is discarded first. */
export async function lockForChange(ctx: Context, id: string): Promise<Locked> {
  const locked = await lockSubscription(ctx, id);
  return locked.subscription.pending_update === null ? locked : withoutPending(ctx, locked);
}

export async function withoutPending(ctx: Context, { subscription, moment }: Locked): Promise<Locked> {
  await discardChange(ctx, subscription, moment.now);
  return lockSubscription(ctx, subscription.id);
}

/** The facts of one subscription for a preview: what goes on is shown with all usage until now, that of the present second as well. */
export async function previewFacts(ctx: Context, locked: Locked): Promise<ChangeFacts> {
  return { ...(await changeFacts(ctx, locked)), so_far: await usageByGroup(ctx.tx, usageAsked(locked.subscription, locked.moment.now + 1)) };
}

/** The usage of the present second, by the prices that a subscription has and those that a change gives it. */
export async function usedThisSecond({ tx }: Context, { subscription, moment: { now } }: Locked, { items }: ChangeOrder): Promise<Map<string, Used>> {
  const asked = items.flatMap((each) => ('add' in each ? each.add : each.change).price?.terms ?? []);
  const prices = new Map([...subscription.items.map(({ terms }) => terms), ...asked].map((price) => [price.id, price]));
  return usageByGroup(tx, [...prices.values()].flatMap(({ id: key, meter, dimension_prices: groups }) => (meter === null ? [] : [{ key, meter, customer: subscription.customer, start: now, end: now + 1, groups }])));
}

/** The facts of one subscription that is locked, with all that a change may read. */
export async function changeFacts(ctx: Context, { subscription, customer, moment }: Locked): Promise<ChangeFacts> {
  const [facts] = await factsOf(ctx, [subscription], [customer], () => moment.now);
  return { ...facts!, first_time: !(await hasPaid(ctx.tx, customer.id)) };
}
