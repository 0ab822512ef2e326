/** What becomes of invoices by themselves: many at once, as one commit. */
import type { CustomerWhole } from '../../billing/customer/customer.ts';
import { together, type Decision, type Instant, type Moment } from '../../billing/decision.ts';
import { advanceInvoice } from '../../billing/invoice/advance.ts';
import { recountDraft } from '../../billing/invoice/edit.ts';
import { invoiceOverdue, type Owed } from '../../billing/invoice/paid.ts';
import { collectInvoice, type WithPayments } from '../../billing/invoice/pay.ts';
import { hasEnded, type SubscriptionWhole } from '../../billing/subscription/subscription.ts';
import { commit } from '../../server/commit.ts';
import { momentAt, type Context, type TimerCommand } from '../../server/context.ts';
import { stopCollectingOf } from '../subscriptions/rows.ts';
import { taxIdsOf } from '../tax_ids/rows.ts';
import { lockInvoices, payingMethods } from './rows.ts';
import { recounted } from './usage.ts';

type Due = readonly { subject: string; at: Instant }[];
type Decide = (facts: WithPayments, moment: Moment) => Decision & Owed;

/** Decides about each invoice at its own moment, in the order of the moments. Two of one customer or subscription: the second one counts on the first. */
async function decideEach(ctx: Context, due: Due, found: readonly WithPayments[], decide: Decide): Promise<void> {
  const byInvoice = new Map(found.map((facts) => [facts.invoice.id, facts]));
  const customers = new Map<string, CustomerWhole>();
  const subscriptions = new Map<string, SubscriptionWhole>();
  const decided: Decision[] = [];
  for (const { subject, at } of due) {
    const facts = byInvoice.get(subject);
    if (!facts) continue;
    const customer = customers.get(facts.customer.id) ?? facts.customer;
    const subscription = facts.subscription && (subscriptions.get(facts.subscription.id) ?? facts.subscription);
    const made = decide({ ...facts, customer, subscription }, momentAt(ctx, at));
    customers.set(customer.id, made.customer);
    if (made.subscription) subscriptions.set(made.subscription.id, made.subscription);
    decided.push(made);
  }
  await commit(ctx, together(decided));
  await stopCollectingOf(ctx, [...subscriptions.values()].filter((each) => hasEnded(each) && !found.some(({ subscription }) => subscription?.id === each.id && hasEnded(subscription))));
}

/** A draft's hour is over. */
export const finalize: TimerCommand = async (ctx, due) => {
  const found = await lockInvoices(ctx.tx, due.map((each) => each.subject));
  const methods = await payingMethods(ctx.tx, found.map((each) => each.invoice.id));
  const taxIds = Map.groupBy(await taxIdsOf(ctx.tx, [...new Set(found.map((each) => each.customer.id))]), (taxId) => taxId.customer);
  const linesOf = await recounted(ctx.tx, found.map((each) => each.invoice).filter((invoice) => invoice.status === 'draft' && invoice.auto_advance));
  await decideEach(ctx, due, found, (facts, moment) => {
    const counted = recountDraft(facts.invoice, linesOf(facts.invoice), moment);
    const advanced = advanceInvoice({ ...facts, invoice: counted.invoice }, methods.get(facts.invoice.id) ?? null, taxIds.get(facts.customer.id) ?? [], moment);
    return { ...advanced, ...together([counted, advanced]) };
  });
};

export const collect: TimerCommand = async (ctx, due) => {
  const found = await lockInvoices(ctx.tx, due.map((each) => each.subject));
  const methods = await payingMethods(ctx.tx, found.map((each) => each.invoice.id));
  await decideEach(ctx, due, found, (facts, moment) => collectInvoice(facts, methods.get(facts.invoice.id) ?? null, moment));
};

export const overdue: TimerCommand = async (ctx, due) => {
  await decideEach(ctx, due, await lockInvoices(ctx.tx, due.map((each) => each.subject)), invoiceOverdue);
};
