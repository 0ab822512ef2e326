/** Finalization: a draft becomes a debt. */
import { DAY_S } from '../calendar.ts';
import type { Metadata } from '../catalog.ts';
import { applyCredits } from '../credit/apply.ts';
import { grantBought } from '../credit/bought.ts';
import { move } from '../customer/change.ts';
import type { CustomerWhole } from '../customer/customer.ts';
import { holdUsage } from '../correction/held.ts';
import { decision, refuse, together, type Decision, type Fact, type Moment } from '../decision.ts';
import { confirmPayment } from '../payment/confirm.ts';
import { faultInInvoice, openInvoiceIntent } from '../payment/intent.ts';
import type { InvoicePaymentRow, PaymentIntentWhole, PaymentMethodRow } from '../payment/payment.ts';
import { DRAFT_S, finalization, snapshot, workOut, type InvoiceOrder } from './draft.ts';
import type { InvoiceLineRow, InvoiceRow, InvoiceWhole } from './invoice.ts';
import { billed, post } from './ledger.ts';
import { applyBalance } from './totals.ts';

export type Finalization = {
  invoice: InvoiceWhole;
  customer: CustomerWhole;
  tax_ids: InvoiceOrder['tax_ids'];
  /** The subscription's metadata as it is now; null where there is none. */
  subscription_metadata: Metadata | null;
  /** Which method would be charged; null where there is none. */
  payment_method: PaymentMethodRow | null;
  /** `automatic`: its time has come. `request`: somebody asked for it; then an invoice that advances by itself is collected an hour later. */
  reason: 'automatic' | 'request';
  /** Whether to charge the method at once; by default where an invoice that is charged automatically advances by itself. */
  confirm?: boolean;
  /** Whether the customer is absent when charged; by default so. */
  off_session?: boolean;
  /** Whether the customer's balance and credits are applied; by default so. */
  meets_balance?: boolean;
};

type Finalized = Decision & { invoice: InvoiceWhole; customer: CustomerWhole; payment_intent: PaymentIntentWhole | null; payment: InvoicePaymentRow | null };

/** `PREFIX-0001`: the customer's own sequence, without gaps. */
function numbered(customer: CustomerWhole): string {
  return `${customer.invoice_prefix}-${String(customer.next_invoice_sequence).padStart(4, '0')}`;
}

/** A balance in one currency does not meet an invoice in another. */
const balanceIn = (customer: CustomerWhole, currency: string): bigint => (customer.currency === null || customer.currency === currency ? customer.balance : 0n);

/** The invoice as it is billed: the customer as it is now, the amounts that follow, the number, and what the customer's balance leaves to pay. */
function billing({ invoice, customer, tax_ids, subscription_metadata, meets_balance = true }: Finalization, credited: readonly InvoiceLineRow[], moment: Moment): InvoiceWhole {
  const customer_snapshot = snapshot(customer, tax_ids);
  const refreshed = { ...invoice, customer_snapshot, lines: [...credited] };
  // Only the tax exemption and credits change amounts; without them the lines stay as they are.
  const same = customer_snapshot.tax_exempt === invoice.customer_snapshot.tax_exempt && credited.every((line, n) => line === invoice.lines[n]);
  const current = same ? refreshed : workOut(refreshed);
  const { amount_due, starting_balance, ending_balance } = applyBalance(current.total, meets_balance ? balanceIn(customer, invoice.currency) : 0n);
  const sent = invoice.collection_method === 'send_invoice';
  return {
    ...current,
    status: 'open',
    number: numbered(customer),
    subscription_metadata: subscription_metadata ?? invoice.subscription_metadata,
    starting_balance, ending_balance, amount_due,
    amount_remaining: amount_due,
    finalized_at: moment.now,
    effective_at: invoice.effective_at ?? moment.now,
    due_date: sent ? (invoice.due_date ?? moment.now + (invoice.days_until_due ?? 0) * DAY_S) : null,
    automatically_finalizes_at: null,
    next_payment_attempt: null,
  };
}

export function putLines(into: Decision, before: readonly InvoiceLineRow[], after: readonly InvoiceLineRow[]): void {
  const known = new Map(before.map((line) => [line.id, line]));
  for (const line of after) if (known.get(line.id) !== line) into.puts.push({ table: 'invoice_lines', before: known.get(line.id) ?? null, after: line });
  const kept = new Set(after.map((line) => line.id));
  for (const line of before) if (!kept.has(line.id)) into.puts.push({ table: 'invoice_lines', before: line, after: null });
}

/** The customer's part: the next number, the currency in which it is billed from now on, and the balance that was used or given. */
function meetCustomer(into: Decision, before: CustomerWhole, invoice: InvoiceWhole, moment: Moment): CustomerWhole {
  const counted = { ...before, next_invoice_sequence: before.next_invoice_sequence + 1 };
  const customer = { ...counted, currency: before.currency ?? invoice.currency, balance: before.balance + invoice.ending_balance! - invoice.starting_balance };
  into.puts.push({ table: 'customers', before, after: customer });
  if (customer.balance !== before.balance) move(into, before, customer, 'applied_to_invoice', { invoice: invoice.id }, moment);
  // The number that each invoice takes is no news about the customer, so it is left out of what changed.
  if (customer.balance !== before.balance || customer.currency !== before.currency) {
    into.facts.push({ type: 'customer.updated', object: 'customer', whole: customer, before: counted, at: moment.now });
  }
  return customer;
}

/** The timer that charges an invoice; a null moment stops it. */
export function collection(invoice: InvoiceRow, at: number | null) {
  return { kind: 'invoice.collect', subject: invoice.id, at, lane: invoice.customer, test_clock: invoice.test_clock };
}

/** The timer that puts right what of a finalized invoice has turned out to be otherwise. */
export function correction({ customer, test_clock }: Pick<InvoiceRow, 'customer' | 'test_clock'>, invoice: string, at: number) {
  return { kind: 'invoice.correct', subject: invoice, at, lane: customer, test_clock };
}

/** The timers that put right what an invoice billed of usage, and what others billed that it puts right: something has changed about how it stands. */
export function corrections({ id, customer, test_clock, lines }: InvoiceWhole, at: number) {
  const corrected = new Set([...(lines.some((line) => line.metering !== null) ? [id] : []), ...lines.flatMap((line) => line.correction?.invoice ?? [])]);
  return [...corrected].map((each) => correction({ customer, test_clock }, each, at));
}

/** Usage that is up to five minutes late is not looked up when it comes: an invoice that bills usage is looked at again after as much time. */
export const USAGE_S = 300;

const settling = (invoice: InvoiceWhole, moment: Moment) => (invoice.lines.some((line) => line.metering !== null) ? [correction(invoice, invoice.id, moment.now + USAGE_S)] : []);

/** The timer of an invoice's due date; a null moment stops it. */
export function overdue(invoice: InvoiceRow, at: number | null) {
  return { kind: 'invoice.overdue', subject: invoice.id, at, lane: invoice.customer, test_clock: invoice.test_clock };
}

/** A draft as it is billed, with what that means for others, and what is told of it once it is known what becomes of it. */
type Opened = { made: Decision; open: InvoiceWhole; customer: CustomerWhole; told(invoice: InvoiceWhole): Fact[] };

function openDraft(facts: Finalization, moment: Moment): Opened {
  const { invoice: draft } = facts;
  const made = decision();
  const credited = facts.meets_balance === false ? { ...decision(), lines: draft.lines, customer: facts.customer } : applyCredits(draft, facts.customer, moment);
  const open = billing(facts, credited.lines, moment);
  const customer = meetCustomer(made, credited.customer, open, moment);
  made.puts.push(...credited.puts);
  made.facts.push(...credited.facts);
  made.postings.push(...credited.postings, ...post(open, `${open.id}:finalized`, billed(open), moment.now));
  made.timers.push(finalization(open, null), ...settling(open, moment));
  putLines(made, draft.lines, open.lines);
  const held = holdUsage(open, open.lines, { held: new Map(), earlier: new Map() }, moment);
  made.puts.push(...held.puts);
  const told = (invoice: InvoiceWhole): Fact[] => [{ type: 'invoice.finalized', object: 'invoice', whole: invoice, at: moment.now }, ...held.facts.map((fact) => ({ ...fact, whole: invoice }))];
  return { made, open, customer, told };
}

/** With nothing due there is nothing to wait for. */
function paidAtOnce({ invoice: draft }: Finalization, { made, open, customer, told }: Opened, moment: Moment): Finalized {
  const invoice: InvoiceWhole = { ...open, status: 'paid', attempted: true, auto_advance: false, paid_at: moment.now, next_payment_attempt: null };
  made.puts.push({ table: 'invoices', before: draft, after: invoice });
  made.facts.push(...told(invoice));
  for (const type of ['invoice.paid', 'invoice.payment_succeeded']) made.facts.push({ type, object: 'invoice', whole: invoice, at: moment.now });
  const bought = grantBought(invoice, customer, moment);
  return { ...together([made, bought]), invoice, customer: bought.customer, payment_intent: null, payment: null };
}

/** What is due gets a payment intent, which is put to the processor at once where the method is to be charged now. */
function owed(facts: Finalization, { made, open, customer, told }: Opened, moment: Moment): Finalized {
  const { invoice: draft, reason, off_session = true } = facts;
  const charged = open.collection_method === 'charge_automatically';
  const advances = open.auto_advance && reason === 'automatic';
  const { confirm = charged && advances } = facts;
  // One that cannot be charged without its holder is as good as none: the schedule finds that, and says so.
  const fault = facts.payment_method && faultInInvoice(facts.payment_method, open);
  const payment_method = fault ? null : facts.payment_method;
  const collected = confirm ? (fault ? moment.now : null) : reason === 'request' ? moment.now + DRAFT_S : null;
  const invoice: InvoiceWhole = { ...open, next_payment_attempt: charged && open.auto_advance ? collected : null };
  made.puts.push({ table: 'invoices', before: draft, after: invoice });
  if (invoice.next_payment_attempt !== null) made.timers.push(collection(invoice, invoice.next_payment_attempt));
  if (invoice.due_date !== null) made.timers.push(overdue(invoice, invoice.due_date));
  const opened = openInvoiceIntent(invoice, charged ? payment_method : null, moment);
  const telling = { ...decision(), facts: told(invoice) };
  // What goes out by itself is sent where there is an address; without one it waits to be sent, or paid, by request.
  if (!charged && advances && open.customer_snapshot.email !== null) telling.facts.push({ type: 'invoice.sent', object: 'invoice', whole: invoice, at: moment.now });
  const confirmed = confirm && payment_method ? confirmPayment(opened.payment_intent, payment_method, { off_session, automatic: true }, moment) : null;
  return { ...together([made, opened, telling, confirmed]), invoice, customer, payment_intent: confirmed?.payment_intent ?? opened.payment_intent, payment: opened.payment };
}

/** Bills a draft. */
export function finalizeInvoice(facts: Finalization, moment: Moment): Finalized {
  const { invoice: draft } = facts;
  if (draft.status !== 'draft') refuse('invoice_not_editable', `The invoice ${draft.id} is ${draft.status}: it was finalized already.`);
  const opened = openDraft(facts, moment);
  return opened.open.amount_due === 0n ? paidAtOnce(facts, opened, moment) : owed(facts, opened, moment);
}
