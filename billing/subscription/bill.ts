/** A subscription's invoices: what goes onto one, which discounts count, and what the items remember of it. */
import type { Period } from '../calendar.ts';
import type { DiscountWhole } from '../catalog.ts';
import type { CustomerWhole } from '../customer/customer.ts';
import { assert, decision, refuse, together, type Decision, type Instant, type Moment } from '../decision.ts';
import { draftInvoice, finalization, usedUp, type LineOrder } from '../invoice/draft.ts';
import { collection, finalizeInvoice } from '../invoice/finalize.ts';
import { afterDiscounts, type BillingReason, type InvoiceItemWhole, type InvoiceWhole, type InvoiceRow } from '../invoice/invoice.ts';
import { changeInvoice } from '../invoice/paid.ts';
import { withholdInvoice } from '../invoice/withhold.ts';
import { faultInInvoice } from '../payment/intent.ts';
import { debitOfItem } from './debits.ts';
import { live, wholeDiscounts } from './lines.ts';
import type { Debit, SubscriptionFacts, SubscriptionItemWhole, SubscriptionRow, SubscriptionWhole, Surroundings } from './subscription.ts';

/** What an invoice is made of. `pending` are the items that it takes, in the order of their creation. */
export type Bill = {
  subscription: SubscriptionWhole;
  billing_reason: BillingReason;
  /** At most one invoice that is not void for each. */
  obligation: string | null;
  period: Period;
  pending: readonly InvoiceItemWhole[];
  lines: readonly LineOrder[];
  proration_date?: number | null;
};

export type Billed = Decision & { invoice: InvoiceWhole; /** The discounts that this invoice used up. */ used: DiscountWhole[] };

/** A usage item that waits is discounted as its subscription item is when it is billed. */
function discounted(item: InvoiceItemWhole, subscription: SubscriptionWhole, moment: Moment): InvoiceItemWhole {
  const own = item.discountable && !item.proration ? subscription.items.find((each) => each.id === item.subscription_item)?.discounts : undefined;
  return { ...item, discounts: live(own ?? item.discounts, moment.now) };
}

/** Which of the waiting items an invoice of the subscription takes: its own, and at a renewal those of its customer that name no subscription. */
export function taken(facts: Pick<SubscriptionFacts, 'pending' | 'subscription'>, from: 'subscription' | 'customer'): InvoiceItemWhole[] {
  const { id, currency } = facts.subscription;
  return facts.pending.filter((item) => item.currency === currency && (item.subscription === id || (from === 'customer' && item.subscription === null)));
}

/** The draft of a bill; null where nothing stands on it. Discounts that it uses up leave with it. */
export function draftBill(bill: Bill, around: Surroundings, moment: Moment): Billed | null {
  const { subscription, billing_reason, obligation, period, lines, proration_date } = bill;
  if (bill.pending.length + lines.length === 0) return null;
  const { customer, account, tax_ids } = around;
  const { invoice_settings: said } = subscription;
  const draft = draftInvoice(
    {
      customer, subscription, account, tax_ids, billing_reason, obligation, period, lines, proration_date,
      currency: subscription.currency,
      collection_method: subscription.collection_method,
      days_until_due: subscription.collection_method === 'send_invoice' ? subscription.days_until_due : null,
      pending: bill.pending.map((item) => discounted(item, subscription, moment)),
      discounts: wholeDiscounts(subscription, customer, moment.now),
      default_rates: subscription.default_rates,
      auto_advance: subscription.status !== 'unpaid' && !isWithheld(subscription, moment.now),
      words: {
        default_payment_method: subscription.default_payment_method,
        ...(said.description !== null && { description: said.description }),
        ...(said.footer !== null && { footer: said.footer }),
        ...(said.custom_fields !== null && { custom_fields: said.custom_fields }),
        payment_settings: settingsOf(subscription),
      },
    },
    moment,
  );
  const used = usedUp(draft.invoice);
  for (const discount of used) draft.facts.push({ type: 'customer.discount.deleted', object: 'discount', whole: { ...discount, ended: true }, at: moment.now });
  return { ...draft, used };
}

/** By what its invoices can be paid. */
function settingsOf({ payment_settings: { payment_method_types, payment_method_options } }: SubscriptionWhole): InvoiceRow['payment_settings'] {
  return { ...(payment_method_types && { payment_method_types }), ...(payment_method_options && { payment_method_options }) };
}

/** How an invoice is collected. `default_incomplete` waits for the customer to confirm the payment. With `in_due_time`, which only schedules ask for, it stays a draft for an hour and is collected then. */
export type Collection = { payment_behavior: PaymentBehavior; off_session: boolean };
export type PaymentBehavior = 'allow_incomplete' | 'default_incomplete' | 'error_if_incomplete' | 'pending_if_incomplete' | 'in_due_time';

/** A draft that is finalized at once and, where it is to be charged automatically, put to the processor. */
export function collectBill(billed: Billed, how: Collection, bill: Bill, around: Surroundings, moment: Moment): Billed & { customer: CustomerWhole } {
  const { payment_method, tax_ids, customer } = around;
  const { subscription } = bill;
  const automatic = subscription.collection_method === 'charge_automatically';
  const confirm = automatic && payment_method !== null && how.payment_behavior !== 'default_incomplete';
  const final = finalizeInvoice({ invoice: billed.invoice, customer, tax_ids, subscription_metadata: subscription.metadata, payment_method, reason: 'automatic', confirm, off_session: how.off_session }, moment);
  return { ...together([billed, final]), invoice: final.invoice, used: billed.used, customer: final.customer };
}

/** Whether what the subscription bills at the moment is not collected. */
export function isWithheld({ pause_collection }: Pick<SubscriptionRow, 'pause_collection'>, at: Instant): boolean {
  return pause_collection !== null && (pause_collection.resumes_at === null || at < pause_collection.resumes_at);
}

/** The draft as it is left where collection is paused, and the same draft where it is not. */
export function withheld(billed: Billed, { subscription }: Bill, around: Surroundings, moment: Moment): Billed & { customer: CustomerWhole } {
  const { customer, tax_ids } = around;
  if (!isWithheld(subscription, moment.now)) return { ...billed, customer };
  const left = withholdInvoice({ invoice: billed.invoice, customer, tax_ids, subscription_metadata: subscription.metadata }, subscription.pause_collection!.behavior, moment);
  return { ...together([billed, left]), invoice: left.invoice, used: billed.used, customer: left.customer };
}

/** The invoice of a request: withheld where collection is paused, collected at once where it is charged automatically; one that is sent, or collected in due time, stays a draft for its hour. */
export function settleBill(billed: Billed, how: Collection, bill: Bill, around: Surroundings, moment: Moment): Billed & { customer: CustomerWhole } {
  if (isWithheld(bill.subscription, moment.now)) return withheld(billed, bill, around, moment);
  const atOnce = bill.subscription.collection_method === 'charge_automatically' && how.payment_behavior !== 'in_due_time';
  return atOnce ? collectBill(billed, how, bill, around, moment) : { ...billed, customer: around.customer };
}

/** What was given away is no debit: nothing of it is given back later. */
export function withoutForgiven(items: SubscriptionItemWhole[], billed: Billed | null, bill: Bill): SubscriptionItemWhole[] {
  if (billed === null || (billed.invoice.status !== 'void' && billed.invoice.status !== 'uncollectible')) return items;
  const waited = new Set(bill.pending.map((item) => item.id));
  const isForgiven = (debit: Debit) => debit.invoice === billed.invoice.id || (debit.invoice_item !== null && waited.has(debit.invoice_item));
  return items.map((item) => (item.debits.some(isForgiven) ? { ...item, debits: item.debits.filter((debit) => !isForgiven(debit)) } : item));
}

/** Refuses what is to be charged now, where there is no method to charge or, where that is not to come about unpaid, none that can be. `instead` is the `payment_behavior` that does without. */
export function refuseUnpayable(invoice: InvoiceWhole, { payment_behavior }: Collection, { payment_method }: Surroundings, instead = 'default_incomplete'): void {
  if (payment_behavior === 'default_incomplete' || payment_behavior === 'in_due_time' || invoice.status !== 'open' || invoice.collection_method !== 'charge_automatically') return;
  if (payment_method === null) refuse('resource_missing', `There is nothing to charge: neither the subscription nor its customer has a default payment method. Set one, or give \`payment_behavior\` as \`${instead}\` and confirm the payment later.`, undefined, { status: 400 });
  const fault = payment_behavior === 'error_if_incomplete' ? faultInInvoice(payment_method, invoice) : null;
  if (fault) refuse(fault.code, fault.message);
}

/** What an invoice charged for an item for a period, by the position of its line among the bill's own. */
export function chargedBy(billed: Billed, bill: Bill, line: LineOrder, item: SubscriptionItemWhole): Debit[] {
  const row = billed.invoice.lines[bill.pending.length + bill.lines.indexOf(line)];
  assert(row?.subscription_item === item.id, 'the line of an item is on its invoice');
  return [debitOfItem(bill.subscription, item, afterDiscounts(row), row.discount_amounts, line.period, { invoice: billed.invoice.id, line: row.id, invoice_item: null })];
}

/** Items that wait from now on: written, and told. */
export function putWaiting(items: readonly InvoiceItemWhole[], moment: Moment): Decision {
  return {
    ...decision(),
    puts: items.map((item) => ({ table: 'invoice_items', before: null, after: item })),
    facts: items.map((item) => ({ type: 'invoiceitem.created', object: 'invoiceitem', whole: item, at: moment.now })),
  };
}

/** Nobody is asked any more to pay what is unpaid, unless somebody turns that on again by `auto_advance`. */
export function stopCollecting(unpaid: readonly InvoiceWhole[], moment: Moment): Decision {
  return together(
    unpaid
      .filter((invoice) => invoice.auto_advance)
      .map((before) => {
        const after: InvoiceWhole = { ...before, auto_advance: false, automatically_finalizes_at: null, next_payment_attempt: null };
        return { ...changeInvoice(before, after, moment), timers: [finalization(after, null), collection(after, null)] };
      }),
  );
}
