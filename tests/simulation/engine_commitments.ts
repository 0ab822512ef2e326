/** What a life has agreed to use, by the engine: what other invoices have billed of it is read from the store as the server reads it from the database. */
import { billedBeside, isWithin, madeUp } from '../../billing/commitment.ts';
import { isInterim } from '../../billing/correction/correction.ts';
import type { Instant } from '../../billing/decision.ts';
import { recountDraft } from '../../billing/invoice/edit.ts';
import type { InvoiceLineRow } from '../../billing/invoice/invoice.ts';
import { committedSince } from '../../billing/subscription/committed.ts';
import type { BilledUsage, SubscriptionWhole } from '../../billing/subscription/subscription.ts';
import type { Store } from './store.ts';

/** What invoices other than `beside` have billed of usage before its period ended. */
function billed(store: Store, start: Instant, end: Instant, beside: string | null): BilledUsage | undefined {
  const found = store.invoices(({ id }) => id !== beside).flatMap((invoice) => invoice.lines.flatMap((line) => {
    const period = { start: line.period_start, end: line.period_end };
    const counts = line.metering !== null && isWithin(period, { start, end }) && (line.invoice_item !== null || isInterim(invoice, line));
    return counts ? [{ amount: invoice.status === 'void' ? 0n : line.amount, period }] : [];
  }));
  return found.length === 0 ? undefined : { amount: found.reduce((sum, { amount }) => sum + amount, 0n), periods: found.map(({ period }) => period) };
}

export function billedUsage(store: Store, subscription: SubscriptionWhole, at: Instant): BilledUsage | undefined {
  const start = committedSince(subscription, at);
  return start === null ? undefined : billed(store, start, at, null);
}

/** Counts a draft again before it is finalized: another invoice may have been voided since. */
export function recountCommitment(store: Store, id: string, at: Instant): void {
  const draft = store.invoice(id);
  const line = draft.lines.find((each) => each.commitment !== null);
  if (line === undefined || draft.status !== 'draft') return;
  const elsewhere = billed(store, line.period_start, line.period_end, id)?.amount ?? 0n;
  const lines: readonly InvoiceLineRow[] = draft.lines.map((each) => (each === line ? billedBeside(each, elsewhere) : each));
  store.apply(recountDraft(draft, madeUp(lines), store.moment(at)));
}
