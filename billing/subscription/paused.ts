/** A subscription stops and goes on, whatever brought it about; and the time until which its invoices are not collected. */
import { decision, together, type Decision, type Moment, type Timer } from '../decision.ts';
import type { InvoiceWhole } from '../invoice/invoice.ts';
import { updated } from './puts.ts';
import { firstPeriodEnd, renewal, sweeping, timer, watch } from './timers.ts';
import { releaseWaiting } from './pending.ts';
import type { Debit, PauseReason, SubscriptionWhole } from './subscription.ts';

type Moved = Decision & { subscription: SubscriptionWhole };

/** It stays in its periods and bills nothing any more until it is resumed. `last` is what it is then, beside that. */
export function enterPause(before: SubscriptionWhole, last: SubscriptionWhole, reason: PauseReason, moment: Moment): Moved {
  const subscription: SubscriptionWhole = { ...last, status: 'paused', status_details: { paused: { subscription: { type: reason }, transitioned_at: moment.now, type: 'subscription' } } };
  const made = updated(before, subscription, moment);
  made.facts.push({ type: 'customer.subscription.paused', object: 'subscription', whole: subscription, at: moment.now });
  made.timers.push(...renewal(subscription, moment), timer('subscription.trial_will_end', subscription, null));
  return { ...made, subscription };
}

/** It goes on: in order, or late where what it was to pay for that failed. */
export function leavePause(before: SubscriptionWhole, last: SubscriptionWhole, status: 'active' | 'past_due', moment: Moment): Moved {
  const cancel_at = last.cancel_at_period_end ? firstPeriodEnd(last) : last.cancel_at;
  const subscription: SubscriptionWhole = { ...last, status, cancel_at, status_details: null, resumption: null, resumed_at: moment.now };
  const made = updated(before, subscription, moment);
  made.facts.push({ type: 'customer.subscription.resumed', object: 'subscription', whole: subscription, at: moment.now });
  made.timers.push(...renewal(subscription, moment), ...sweeping(before, subscription), timer('subscription.expire', subscription, null));
  return { ...made, subscription };
}

/** The invoice that would have resumed it was voided: it stays paused, nothing was charged for its periods, and what waited before and stood on that invoice waits again. */
export function abandonResumption(before: SubscriptionWhole, invoice: InvoiceWhole, moment: Moment): Moved {
  const { made: own } = before.resumption!;
  const isVoid = (debit: Debit) => debit.invoice === invoice.id || (debit.invoice_item !== null && own.includes(debit.invoice_item));
  const items = before.items.map((item) => (item.debits.some(isVoid) ? { ...item, debits: item.debits.filter((debit) => !isVoid(debit)) } : item));
  const subscription: SubscriptionWhole = { ...before, items, resumption: null };
  const made = updated(before, subscription, moment);
  for (const [n, item] of items.entries()) made.puts.push({ table: 'subscription_items', before: before.items[n]!, after: item });
  made.timers.push(timer('subscription.expire', subscription, null));
  return { ...together([made, releaseWaiting(invoice, own)]), subscription };
}

/** The timer of the moment until which collection is paused, where that has changed. */
export function collecting(before: SubscriptionWhole, after: SubscriptionWhole): Timer[] {
  return after.pause_collection === before.pause_collection ? [] : [timer('subscription.collect', after, after.pause_collection?.resumes_at ?? null)];
}

/** The time is over until which collection was paused. Drafts that were kept stay drafts; usage may have reached a threshold meanwhile. */
export function resumeCollection(before: SubscriptionWhole, moment: Moment): Decision {
  const until = before.pause_collection?.resumes_at ?? null;
  if (until === null || until > moment.now) return decision();
  const after: SubscriptionWhole = { ...before, pause_collection: null };
  return together([updated(before, after, moment), { ...decision(), timers: watch(after, moment) }]);
}
