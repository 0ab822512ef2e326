/** What is left of usage that a life was billed for before its period ended, read from the store as the server reads it from the database. */
import { isInterim } from '../../billing/correction/correction.ts';
import { leftEarly } from '../../billing/correction/early.ts';
import type { InvoiceLineRow } from '../../billing/invoice/invoice.ts';
import type { SubscriptionWhole } from '../../billing/subscription/subscription.ts';
import type { Store } from './store.ts';

/** The subscription with what is left by now of what was billed early. */
export function withLeftOfEarly(store: Store, subscription: SubscriptionWhole): SubscriptionWhole {
  if (subscription.items.every((item) => item.billed === null)) return subscription;
  const notes = store.notes().filter((note) => note.status === 'issued').flatMap((note) => note.lines);
  const notesOf = (line: InvoiceLineRow) => notes.filter((note) => note.invoice_line_item === line.id).map((note) => ({ ...note, by_hand: true }));
  const left = (item: string, start: number) => leftEarly(store.invoices().flatMap((invoice) => invoice.lines.flatMap((line) =>
    (line.subscription_item === item && line.period_start === start && line.metering !== null && isInterim(invoice, line) ? [{ invoice, line, notes: notesOf(line) }] : []))));
  return { ...subscription, items: subscription.items.map((item) => {
    return item.billed === null ? item : { ...item, early: left(item.id, item.billed.start) };
  }) };
}
