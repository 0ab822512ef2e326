/** A subscription's invoices: what goes onto one, which discounts count, and what the items remember of it. */
import type { Period } from '../calendar.ts';
import type { DiscountWhole } from '../catalog.ts';
import type { CustomerWhole } from '../customer/customer.ts';
import { assert, decision, refuse, together, type Decision, type Moment } from '../decision.ts';
import { draftInvoice, finalization, usedUp, type LineOrder } from '../invoice/draft.ts';
import { collection, finalizeInvoice } from '../invoice/finalize.ts';
import { afterDiscounts, type BillingReason, type InvoiceItemWhole, type InvoiceWhole, type InvoiceRow } from '../invoice/invoice.ts';
import { changeInvoice } from '../invoice/paid.ts';
import { faultInInvoice } from '../payment/intent.ts';
import { debitOfItem } from './debits.ts';
import { live, wholeDiscounts } from './lines.ts';
import type { SubscriptionFacts, SubscriptionItemWhole, SubscriptionWhole, Surroundings } from './subscription.ts';
import { isWithheld, withhold } from './withhold.ts';

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

/** What comes of a bill: its invoice, null where none is made, the discounts that it used up, and the customer as it left it. */
export type Billed = Decision & { invoice: InvoiceWhole | null; used: readonly DiscountWhole[]; customer: CustomerWhole };

export type Invoiced = Billed & { invoice: InvoiceWhole };

/** Where nothing is billed. */
export const unbilled = ({ customer }: Pick<Surroundings, 'customer'>): Billed => ({ ...decision(), invoice: null, used: [], customer });

/** A bill of the moment alone, as a request makes it. */
export const requested = ({ now }: Moment): Pick<Bill, 'billing_reason' | 'obligation' | 'period'> => ({ billing_reason: 'subscription_update', obligation: null, period: { start: now, end: now } });

/** A usage item that waits is discounted as its subscription item is when it is billed. */
function discounted(item: InvoiceItemWhole, subscription: SubscriptionWhole, moment: Moment): InvoiceItemWhole {
  const own = item.discountable && !item.proration ? subscription.items.find((each) => each.id === item.subscription_item)?.discounts : undefined;
  return { ...item, discounts: live(own ?? item.discounts, moment.now) };
}

/** Which of the waiting items an invoice of the subscription takes: its own, and at its start and a renewal those of its customer that name no subscription. */
export function taken(facts: Pick<SubscriptionFacts, 'pending' | 'subscription'>, from: 'subscription' | 'customer'): InvoiceItemWhole[] {
  const { id, currency } = facts.subscription;
  return facts.pending.filter((item) => item.currency === currency && (item.subscription === id || (from === 'customer' && item.subscription === null)));
}

/** The draft of a bill, where something stands on it. Discounts that it uses up leave with it. */
function draftBill(bill: Bill, around: Surroundings, moment: Moment): Billed {
  const { subscription, billing_reason, obligation, period, lines, proration_date } = bill;
  if (bill.pending.length + lines.length === 0) return unbilled(around);
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
  return { ...draft, used, customer };
}

/** By what its invoices can be paid. */
function settingsOf({ payment_settings: { payment_method_types, payment_method_options } }: SubscriptionWhole): InvoiceRow['payment_settings'] {
  return { ...(payment_method_types && { payment_method_types }), ...(payment_method_options && { payment_method_options }) };
}

/** How an invoice is collected. `default_incomplete` waits for the customer to confirm the payment. With `in_due_time`, which only schedules ask for, it stays a draft for an hour and is collected then. */
export type Collection = { payment_behavior: PaymentBehavior; off_session: boolean };
export type PaymentBehavior = 'allow_incomplete' | 'default_incomplete' | 'error_if_incomplete' | 'pending_if_incomplete' | 'in_due_time';

/** Charged with nobody at hand: what cannot be charged stays open. */
export const UNATTENDED: Collection = { payment_behavior: 'allow_incomplete', off_session: true };

/** A draft that is finalized at once and, where it is to be charged automatically, put to the processor. */
function collect(draft: Invoiced, how: Collection, { subscription }: Bill, { payment_method, tax_ids, customer }: Surroundings, moment: Moment): Invoiced {
  const automatic = subscription.collection_method === 'charge_automatically';
  const confirm = automatic && payment_method !== null && how.payment_behavior !== 'default_incomplete';
  const final = finalizeInvoice({ invoice: draft.invoice, customer, tax_ids, subscription_metadata: subscription.metadata, payment_method, reason: 'automatic', confirm, off_session: how.off_session }, moment);
  return { ...together([draft, final]), invoice: final.invoice, used: draft.used, customer: final.customer };
}

/** Bills, finalizes and collects at once. */
export function billAtOnce(how: Collection, bill: Bill, around: Surroundings, moment: Moment): Billed {
  const draft = draftBill(bill, around, moment);
  return draft.invoice ? collect({ ...draft, invoice: draft.invoice }, how, bill, around, moment) : draft;
}

/** Bills what comes by itself: a draft for its hour, withheld where collection is paused. */
export function billInTime(bill: Bill, around: Surroundings, moment: Moment): Billed {
  const draft = draftBill(bill, around, moment);
  return draft.invoice && isWithheld(bill.subscription, moment.now) ? withhold({ ...draft, invoice: draft.invoice }, bill, around, moment) : draft;
}

/** Bills by a request: withheld where collection is paused, collected at once where it is charged automatically; an invoice that is sent, or collected in due time, stays a draft for its hour. */
export function billOnRequest(how: Collection, bill: Bill, around: Surroundings, moment: Moment): Billed {
  const { subscription } = bill;
  const atOnce = subscription.collection_method === 'charge_automatically' && how.payment_behavior !== 'in_due_time' && !isWithheld(subscription, moment.now);
  return atOnce ? billAtOnce(how, bill, around, moment) : billInTime(bill, around, moment);
}

/** Refuses what is to be charged now, where there is no method to charge or, where that is not to come about unpaid, none that can be. `instead` is the `payment_behavior` that does without. */
export function refuseUnpayable(invoice: InvoiceWhole | null, { payment_behavior }: Collection, { payment_method }: Surroundings, instead = 'default_incomplete'): void {
  const isCharged = invoice?.status === 'open' && invoice.collection_method === 'charge_automatically';
  if (!isCharged || payment_behavior === 'default_incomplete' || payment_behavior === 'in_due_time') return;
  if (payment_method === null) refuse('resource_missing', `There is nothing to charge: neither the subscription nor its customer has a default payment method. Set one, or give \`payment_behavior\` as \`${instead}\` and confirm the payment later.`, undefined, { status: 400 });
  const fault = payment_behavior === 'error_if_incomplete' ? faultInInvoice(payment_method, invoice) : null;
  if (fault) refuse(fault.code, fault.message);
}

/** The items with what the invoice charged for their periods, each by the position of its line among the bill's own; of several periods of an item the last one counts. Usage is never given back. */
export function withCharged(items: readonly SubscriptionItemWhole[], { invoice }: Billed, bill: Bill): SubscriptionItemWhole[] {
  if (invoice === null) return [...items];
  const lineOf = new Map(bill.lines.filter((line) => !line.metering).map((line) => [line.subscription_item, line]));
  return items.map((item) => {
    const line = lineOf.get(item.id);
    if (line === undefined) return item;
    const row = invoice.lines[bill.pending.length + bill.lines.indexOf(line)];
    assert(row?.subscription_item === item.id, 'the line of an item is on its invoice');
    const debit = debitOfItem(bill.subscription, item, afterDiscounts(row), row.discount_amounts, line.period, { invoice: invoice.id, line: row.id, invoice_item: null });
    return { ...item, debits: [debit] };
  });
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
