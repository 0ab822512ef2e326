/** The collection of a subscription is paused: what it bills meanwhile is kept, written off or voided at once (docs/concepts/bill.md, "Pauses"). */
import { decision, together, type Decision, type Instant, type Moment, type Timer } from '../decision.ts';
import { withholdInvoice } from '../invoice/withhold.ts';
import type { Bill, Billed, Invoiced } from './bill.ts';
import { withoutDebits } from './debits.ts';
import { updated } from './puts.ts';
import type { SubscriptionItemWhole, SubscriptionRow, SubscriptionWhole, Surroundings } from './subscription.ts';
import { timer, watch } from './timers.ts';

/** Whether what the subscription bills at the moment is not collected. */
export function isWithheld({ pause_collection }: Pick<SubscriptionRow, 'pause_collection'>, at: Instant): boolean {
  return pause_collection !== null && (pause_collection.resumes_at === null || at < pause_collection.resumes_at);
}

/** The draft as it is left where collection is paused. */
export function withhold(draft: Invoiced, { subscription }: Bill, { customer, tax_ids }: Surroundings, moment: Moment): Invoiced {
  const left = withholdInvoice({ invoice: draft.invoice, customer, tax_ids, subscription_metadata: subscription.metadata }, subscription.pause_collection!.behavior, moment);
  return { ...together([draft, left]), invoice: left.invoice, used: draft.used, customer: left.customer };
}

/** What was given away is no debit: nothing of it is given back later. */
export function withoutForgiven(items: SubscriptionItemWhole[], { invoice }: Billed, { pending }: Bill): SubscriptionItemWhole[] {
  if (invoice?.status !== 'void' && invoice?.status !== 'uncollectible') return items;
  const waited = new Set(pending.map((item) => item.id));
  return withoutDebits(items, (debit) => debit.invoice === invoice.id || (debit.invoice_item !== null && waited.has(debit.invoice_item)));
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
