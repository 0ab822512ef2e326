import type { TimerCommand } from '../../../server/context.ts';
import { writeReceipts } from '../outcome_receipts/rows.ts';
import { correctInvoices } from './correct.ts';

/** Invoices whose usage may have changed since they were finalised are put right; what they bill of outcomes gets its receipts. */
export const correctDue: TimerCommand = async (ctx, due) => {
  const set = new Map(due.map(({ subject, at }) => [subject, at]));
  const momentOf = (invoice: string) => set.get(invoice)!;
  await correctInvoices(ctx, [...set.keys()], momentOf);
  await writeReceipts(ctx, [...set.keys()], momentOf);
};
