/** What is left of usage that a life was billed for before its period ended, read from the store as the server reads it from the database. */
import { isInterim } from '../../billing/correction/correction.ts';
import type { InvoiceLineRow, InvoiceWhole } from '../../billing/invoice/invoice.ts';
import { withLeft } from '../../billing/metering.ts';
import type { SubscriptionWhole } from '../../billing/subscription/subscription.ts';
import type { Store } from './store.ts';

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, amount) => total + amount, 0n);

/** The subscription with what is left by now, where notes gave some of it back or an invoice was voided. */
export function withLeftOfEarly(store: Store, subscription: SubscriptionWhole): SubscriptionWhole {
  if (subscription.items.every((item) => item.billed === null)) return subscription;
  const notes = store.notes().filter((note) => note.status === 'issued').flatMap((note) => note.lines);
  const noted = (line: InvoiceLineRow) => notes.filter((note) => note.invoice_line_item === line.id).map((note) => note.amount);
  const left = (item: string, start: number): bigint | null => {
    const early = store.invoices().flatMap((invoice) => invoice.lines.flatMap((line): { invoice: InvoiceWhole; line: InvoiceLineRow }[] =>
      (line.subscription_item === item && line.period_start === start && line.metering !== null && isInterim(invoice, line) ? [{ invoice, line }] : [])));
    if (early.every(({ invoice, line }) => invoice.status !== 'void' && noted(line).length === 0)) return null;
    const rest = sum(early.map(({ invoice, line }) => (invoice.status === 'void' ? 0n : line.amount - sum(noted(line)))));
    return rest < 0n ? 0n : rest;
  };
  return { ...subscription, items: subscription.items.map((item) => (item.billed === null ? item : { ...item, billed: withLeft(item.billed, left(item.id, item.billed.start)) })) };
}
