/** What becomes of a subscription that is being resumed: it goes on, or stays paused. */
import { together, type Decision, type Moment } from '../decision.ts';
import type { InvoiceWhole } from '../invoice/invoice.ts';
import { withoutDebits } from './debits.ts';
import { releaseWaiting } from './pending.ts';
import { updated } from './puts.ts';
import type { Debit, SubscriptionWhole } from './subscription.ts';
import { firstPeriodEnd, renewal, sweeping, timer } from './timers.ts';

type Moved = Decision & { subscription: SubscriptionWhole };

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
  const items = withoutDebits(before.items, isVoid);
  const subscription: SubscriptionWhole = { ...before, items, resumption: null };
  const made = updated(before, subscription, moment);
  for (const [n, item] of items.entries()) made.puts.push({ table: 'subscription_items', before: before.items[n]!, after: item });
  made.timers.push(timer('subscription.expire', subscription, null));
  return { ...together([made, releaseWaiting(invoice, own)]), subscription };
}
