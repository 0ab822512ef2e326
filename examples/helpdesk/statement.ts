/** An invoice in plain text, as a person would want to read it: what, for when, how much, what was taken off, the tax, and how it was paid. */

import type Stripe from 'stripe';
import { minorDigits } from '../../billing/money.ts';
import { dateAndTime, span } from './time.ts';

/** The columns: what it is, the time it is for, the amount. */
const [WHAT, WHEN, AMOUNT] = [62, 28, 12];
const WIDTH = WHAT + WHEN + AMOUNT;

/** The lines of an invoice's statement. */
export async function statement(stripe: Stripe, id: string): Promise<string[]> {
  const invoice = await stripe.invoices.retrieve(id, { expand: ['total_discount_amounts.discount.source.coupon'] });
  const lines: Stripe.InvoiceLineItem[] = [];
  for await (const line of stripe.invoices.listLineItems(id, { limit: 100 })) lines.push(line);
  return [
    `${`Invoice ${invoice.number ?? '(draft)'}`.padEnd(WIDTH - 26)}${dateAndTime(invoice.created).padStart(26)}`,
    `${invoice.customer_name}`,
    '-'.repeat(WIDTH),
    ...lines.flatMap((line) => lineText(line)),
    '-'.repeat(WIDTH),
    ...(await sums(stripe, invoice)),
    ...(await payments(stripe, invoice)),
    ...(await credits(stripe, invoice)),
  ];
}

/** `-1,798.62`, from the minor units of a currency. */
export function money(amount: number, currency: string): string {
  const digits = minorDigits(currency);
  return (amount / 10 ** digits).toLocaleString('en-US', { minimumFractionDigits: digits });
}

function row(what: string, when: string, amount: number, currency: string): string {
  return `${what.padEnd(WHAT)}${when.padEnd(WHEN)}${money(amount, currency).padStart(AMOUNT)}`;
}

function lineText(line: Stripe.InvoiceLineItem): string[] {
  const when = span(line.period.start, line.period.end);
  const off = (line.discount_amounts ?? []).reduce((sum, each) => sum + each.amount, 0);
  return [row(line.description ?? '', when, line.amount, line.currency), ...(off === 0 ? [] : [row('  discount on this line', '', -off, line.currency)])];
}

async function sums(stripe: Stripe, invoice: Stripe.Invoice): Promise<string[]> {
  const { subtotal, total, amount_due, starting_balance, ending_balance, currency } = invoice;
  const sum = (what: string, amount: number): string => `${what.padStart(WHAT + WHEN)}${money(amount, currency).padStart(AMOUNT)}`;
  const discounts = (invoice.total_discount_amounts ?? []).map(({ discount, amount }) => sum(couponName(discount), -amount));
  const taxes: string[] = [];
  for (const { amount, tax_rate_details } of invoice.total_taxes ?? []) {
    const { display_name, percentage } = await stripe.taxRates.retrieve(tax_rate_details!.tax_rate);
    taxes.push(sum(`${display_name} ${percentage} %`, amount));
  }
  const balance = (ending_balance ?? starting_balance) - starting_balance;
  const met = balance === 0 ? [] : [sum(balance > 0 ? 'Taken from the balance' : 'Put to the balance', -balance), sum('Amount due', amount_due)];
  return [sum('Subtotal', subtotal), ...discounts, ...taxes, sum('Total', total), ...met];
}

function couponName(discount: string | Stripe.Discount | Stripe.DeletedDiscount): string {
  const coupon = typeof discount === 'string' || !('source' in discount) ? null : discount.source.coupon;
  return typeof coupon === 'string' || !coupon ? 'Discount' : (coupon.name ?? coupon.id);
}

/** What was tried, and what came of it; the charges of an invoice are those of its payments. */
async function payments(stripe: Stripe, invoice: Stripe.Invoice): Promise<string[]> {
  const { status, collection_method, due_date, amount_paid_off_stripe = 0, currency } = invoice;
  const tried: Stripe.Charge[] = [];
  for await (const { payment } of stripe.invoicePayments.list({ invoice: invoice.id, limit: 100 })) {
    for await (const charge of stripe.charges.list({ payment_intent: payment.payment_intent as string, limit: 100 })) tried.push(charge);
  }
  tried.sort((a, b) => a.created - b.created);
  const { paid_at, voided_at, marked_uncollectible_at } = invoice.status_transitions;
  return [
    ...(collection_method === 'send_invoice' && due_date !== null ? [`Sent, payable until ${dateAndTime(due_date)}.`] : []),
    ...tried.map((charge) => attempt(charge)),
    ...(amount_paid_off_stripe > 0 ? [`Paid ${dateAndTime(paid_at!)} by bank transfer: ${money(amount_paid_off_stripe, currency)}.`] : []),
    ...(status === 'paid' && invoice.amount_due === 0 ? [`Paid ${dateAndTime(paid_at!)}: nothing was due.`] : []),
    ...(status === 'draft' ? ['A draft: not billed yet.'] : []),
    ...(status === 'open' ? [`Open: ${money(invoice.amount_remaining, currency)} to be paid.`] : []),
    ...(status === 'void' ? [`Voided ${dateAndTime(voided_at!)}.`] : []),
    ...(status === 'uncollectible' ? [`Written off ${dateAndTime(marked_uncollectible_at!)}.`] : []),
  ];
}

/** What was taken back of it, and where that went. */
async function credits(stripe: Stripe, invoice: Stripe.Invoice): Promise<string[]> {
  if (invoice.pre_payment_credit_notes_amount + invoice.post_payment_credit_notes_amount === 0) return [];
  const notes: Stripe.CreditNote[] = [];
  for await (const note of stripe.creditNotes.list({ invoice: invoice.id, limit: 100 })) if (note.status === 'issued') notes.unshift(note);
  return notes.map((note) => {
    const parts = [[note.pre_payment_amount, 'off what was due'], [note.post_payment_amount - (note.out_of_band_amount ?? 0), 'to the balance'], [note.out_of_band_amount ?? 0, 'given back']] as const;
    return `Credited ${dateAndTime(note.created)} by ${note.number}: ${parts.filter(([amount]) => amount > 0).map(([amount, where]) => `${money(amount, invoice.currency)} ${where}`).join(', ')}.`;
  });
}

function attempt(charge: Stripe.Charge): string {
  const card = charge.payment_method_details?.card;
  const by = card ? `${card.brand} ${card.last4}` : 'another method';
  const when = dateAndTime(charge.created);
  return charge.status === 'succeeded' ? `Paid ${when} by ${by}: ${money(charge.amount, charge.currency)}.` : `Declined ${when} by ${by}: ${charge.failure_code}.`;
}
