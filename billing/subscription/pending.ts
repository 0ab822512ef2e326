/**
 * A change that waits for its payment: kept beside the subscription, which stays as it is, applied once its invoice is paid, and discarded where that is voided or does not come in time. By
 * `pending_if_incomplete`; and by `error_if_incomplete` for as long as the processor has not answered.
 */
import type { DiscountWhole } from '../catalog.ts';
import { decision, refuse, together, type Decision, type Moment, type Put } from '../decision.ts';
import type { InvoiceItemWhole, InvoiceWhole } from '../invoice/invoice.ts';
import type { Invoiced } from './bill.ts';
import type { ChangeOrder } from './change.ts';
import { endDiscounts } from '../redeem.ts';
import { putItems, updated, withoutDiscounts } from './puts.ts';
import { INCOMPLETE_S, nextMoment, noticeOfTrial, renewal, sweeping, timer, watch } from './timers.ts';
import { isMetered } from './terms.ts';
import { statusAt, withSweep } from './periods.ts';
import type { PendingUpdate, StoredItem, SubscriptionItemWhole, SubscriptionRow, SubscriptionWhole } from './subscription.ts';

type Moved = Decision & { subscription: SubscriptionWhole };

/** What a change may not ask for where it may have to wait. */
const NEVER_PENDING: readonly (keyof ChangeOrder)[] = [
  'billing_thresholds', 'cancel_at', 'cancellation_details', 'collection_method', 'days_until_due', 'default_payment_method', 'default_rates', 'description', 'discounts', 'invoice_settings', 'pause_collection',
  'pending_invoice_item_interval', 'payment_settings', 'trial_settings',
];

/** The first of these that a change asks for, as callers spell it; else where it names an item's discounts, if it does. */
function unfitFor(names: readonly (keyof ChangeOrder)[], order: ChangeOrder): string | undefined {
  const found = names.find((name) => order[name] !== undefined);
  return found === 'default_rates' ? 'default_tax_rates' : (found ?? discountParam(order));
}

/** Refuses what cannot wait for a payment. */
export function refuseUnpending(order: ChangeOrder, { id, status, collection_method }: SubscriptionRow): void {
  if (order.payment_behavior !== 'pending_if_incomplete') return;
  const unfit = unfitFor(NEVER_PENDING, order);
  if (unfit !== undefined) refuse(undefined, `\`${unfit}\` cannot be changed by a request whose \`payment_behavior\` is \`pending_if_incomplete\`: make it a request of its own.`, unfit);
  if (collection_method !== 'charge_automatically') refuse(undefined, 'Only what is charged automatically can wait for its payment: `pending_if_incomplete` is not for invoices that are sent.', 'payment_behavior');
  if (status === 'active' || status === 'trialing') return;
  refuse(undefined, `The subscription ${id} is ${status}: a change of it cannot wait for its payment. Pay what is open first, or give another \`payment_behavior\`.`, 'payment_behavior');
}

/** Where an item's discounts are named, if any are. */
function discountParam({ items }: ChangeOrder): string | undefined {
  const n = items.findIndex((each) => ('add' in each ? each.add.discounts.length > 0 : each.change.discounts !== undefined));
  return n < 0 ? undefined : `items[${n}][discounts]`;
}

/** Whether a change is about what is billed, or when it ends: it takes the place of one that waits. Other words change beside it. */
export function changesTerms(order: ChangeOrder): boolean {
  const { billing_thresholds, items, add_invoice_items, billing_cycle_anchor, trial_end, discounts, cancel_at, cancel_at_period_end, cancellation_details, collection_method, pause_collection, default_rates } = order;
  const asked = [billing_thresholds, trial_end, discounts, cancel_at, cancel_at_period_end, cancellation_details, collection_method, pause_collection, default_rates];
  return items.length + add_invoice_items.length > 0 || billing_cycle_anchor === 'now' || asked.some((each) => each !== undefined);
}

/** Whoever changes the terms discards first what waits. */
export function refuseBesidePending(order: ChangeOrder, { id, pending_update }: SubscriptionRow): void {
  if (pending_update !== null && changesTerms(order)) refuse(undefined, `A change of the subscription ${id} waits for the payment of its invoice ${pending_update.invoice}. Pay or void that first.`);
}

const stored = ({ terms: _terms, next: _next, transition: _transition, product_name: _name, discounts: _discounts, rates: _rates, quantity, ...row }: SubscriptionItemWhole): StoredItem => ({ ...row, quantity: quantity?.toString() ?? null });

/** What of the row itself is another after the change; when what waits is billed next is known once it is applied. */
function termsOf(before: SubscriptionWhole, after: SubscriptionWhole): Partial<SubscriptionRow> {
  const { items: _items, discounts: _discounts, default_rates: _rates, scheduled: _scheduled, updating: _updating, latest_invoice: _invoice, status: _status, next_pending_invoice_item_invoice: _next, ...row } = after;
  return Object.fromEntries(Object.entries(row).filter(([name, value]) => value !== before[name as keyof SubscriptionRow]));
}

/** What a change would make of a subscription, its invoice, and what was made for that. */
type Held = { before: SubscriptionWhole; after: SubscriptionWhole; billed: Invoiced; waiting: readonly InvoiceItemWhole[]; order: ChangeOrder };

/** Keeps the change until it is paid for, up to 23 hours and not beyond what the subscription does next by itself. Items that it adds are written, so that the invoice can name them, and not there before. */
export function holdChange({ before, after, billed, waiting, order }: Held, moment: Moment): Moved {
  const unfit = unfitFor(['default_rates', 'discounts'], order);
  if (unfit !== undefined) refuse(undefined, `\`${unfit}\` cannot be changed by a request that is taken back where it is not paid: make it a request of its own.`, unfit);
  const known = new Map(before.items.map((item) => [item.id, item]));
  const changed = after.items.filter((item) => known.get(item.id) !== item);
  const terms = termsOf(before, after);
  const pending_update: PendingUpdate = {
    invoice: billed.invoice.id,
    replaces: before.latest_invoice,
    expires_at: Math.min(moment.now + INCOMPLETE_S, nextMoment(before) ?? Infinity),
    unpaid: order.payment_behavior === 'error_if_incomplete' ? 'error' : 'pending',
    told: false,
    terms,
    shown: {
      billing_cycle_anchor: terms.billing_cycle_anchor ?? null,
      cancel_at_period_end: order.cancel_at_period_end ?? null,
      metadata: terms.metadata ?? null,
      trial_end: terms.trial_end ?? null,
    },
    items: changed.map(stored),
    order: after.items.map((item) => item.id),
    used: billed.used.filter((discount) => discount.subscription === before.id).map((discount) => discount.id),
    made: waiting.map((item) => item.id),
  };
  const subscription: SubscriptionWhole = { ...before, pending_update, updating: changed };
  const puts: Put[] = [
    { table: 'subscriptions', before, after: subscription },
    ...changed.filter((item) => !known.has(item.id)).map((item) => ({ table: 'subscription_items', before: null, after: { ...item, deleted: true } })),
  ];
  const held: Decision = { ...decision(), puts, timers: [timer('subscription.expire', subscription, pending_update.expires_at)] };
  return { ...together([held, withoutEnds(billed, new Set(pending_update.used))]), subscription };
}

/** The bill, but for the end of discounts that are used up only when the change is applied. */
function withoutEnds(billed: Decision, discounts: ReadonlySet<string>): Decision {
  const ends = (row: object | null) => discounts.has((row as DiscountWhole | null)?.id ?? '');
  return { ...billed, puts: billed.puts.filter((put) => put.table !== 'discounts' || !ends(put.after)), facts: billed.facts.filter((fact) => fact.type !== 'customer.discount.deleted' || !ends(fact.whole)) };
}

/** It is paid for: the subscription becomes what was asked for, as of the moment at which that was. */
export function applyPending(before: SubscriptionWhole, moment: Moment): Moved {
  const update = before.pending_update!;
  const now = new Map(before.items.map((item) => [item.id, item]));
  const then = new Map(before.updating.map((item) => [item.id, { ...item, discounts: now.get(item.id)?.discounts ?? [] }]));
  const items = update.order.flatMap((id) => then.get(id) ?? now.get(id) ?? []);
  const gone = before.items.filter((item) => !isMetered(item) && !update.order.includes(item.id)).flatMap((item) => item.discounts);
  const used = [...before.discounts, ...items.flatMap((item) => item.discounts)].filter((discount) => update.used.includes(discount.id));
  const changed: SubscriptionWhole = withSweep({ ...before, ...update.terms, items, latest_invoice: update.invoice, pending_update: null, updating: [] }, before, moment.now);
  const subscription = withoutDiscounts({ ...changed, status: statusAt(changed, moment.now) }, used);
  const added = before.updating.filter((item) => !now.has(item.id)).map((item) => ({ ...item, deleted: true }));
  const made = together([endDiscounts([...gone, ...used], moment), updated(before, subscription, moment), putItems([...before.items, ...added], subscription.items)]);
  if (update.told) made.facts.push({ type: 'customer.subscription.pending_update_applied', object: 'subscription', whole: subscription, at: moment.now });
  const trial = subscription.trial_end === before.trial_end ? decision() : noticeOfTrial(subscription, moment);
  const timers = [...renewal(subscription, moment), ...watch(subscription, moment), ...sweeping(before, subscription), timer('subscription.expire', subscription, null)];
  return { ...together([made, trial, { ...decision(), timers }]), subscription };
}

/** It is not paid for, and nobody waits any more: what waited before it and stood on its invoice waits again. */
export function discardPending(before: SubscriptionWhole, invoice: InvoiceWhole, moment: Moment): Moved {
  const { told, unpaid, expires_at, replaces, made: own } = before.pending_update!;
  const subscription: SubscriptionWhole = { ...before, pending_update: null, updating: [], latest_invoice: before.latest_invoice === invoice.id ? replaces : before.latest_invoice };
  const made = told ? updated(before, subscription, moment) : { ...decision(), puts: [{ table: 'subscriptions', before, after: subscription }] };
  if (unpaid === 'pending' && moment.now >= expires_at) made.facts.push({ type: 'customer.subscription.pending_update_expired', object: 'subscription', whole: subscription, at: moment.now });
  made.timers.push(timer('subscription.expire', subscription, null), ...watch(subscription, moment));
  return { ...together([made, releaseWaiting(invoice, own)]), subscription };
}

/** What an invoice that is void had taken of what waited, but for what was made for it, waits again. */
export function releaseWaiting({ id: invoice, lines }: InvoiceWhole, made: readonly string[]): Decision {
  const released = lines.flatMap((line) => (line.invoice_item === null || made.includes(line.invoice_item) ? [] : [line.invoice_item]));
  return { ...decision(), puts: released.map((id) => ({ table: 'invoice_items', before: { id, invoice }, after: { id, invoice: null } })) };
}

/** The first attempt to pay it has failed, or its holder is asked: from now on it is known that it waits. */
export function tellPending(before: SubscriptionWhole, moment: Moment): Moved {
  const update = before.pending_update!;
  if (update.told || update.unpaid === 'error') return { ...decision(), subscription: before };
  const subscription: SubscriptionWhole = { ...before, pending_update: { ...update, told: true }, latest_invoice: update.invoice };
  return { ...updated(before, subscription, moment), subscription };
}
