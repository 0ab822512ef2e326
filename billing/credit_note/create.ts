/** Crediting an invoice: first what remains to be paid of it, then what has been paid is given back. */
import type { Metadata } from '../catalog.ts';
import type { Money } from '../correction/correction.ts';
import type { CustomerWhole } from '../customer/customer.ts';
import { decision, refuse, together, type Decision, type Instant, type Moment } from '../decision.ts';
import { storedDiscounts, storedTaxes, type InvoiceWhole } from '../invoice/invoice.ts';
import { legs, post, takenBack } from '../invoice/ledger.ts';
import { creditedAccount, settleInvoice, type Owed } from '../invoice/paid.ts';
import { followRemaining } from '../invoice/follow.ts';
import { refuseWhilePaying, type WithPayments } from '../invoice/pay.ts';
import { totalsOf } from '../invoice/totals.ts';
import { formatMoney, least, minor, positive, takeInTurn } from '../money.ts';
import { createRefund, refundable, type RefundFacts, type RefundRow } from '../payment/refund.ts';
import type { CreditNoteLineRow, CreditNoteReason, CreditNoteRow, CreditNoteWhole } from './credit_note.ts';
import { correctedOf, creditAmount, creditLines, type CreditedLine, type CreditLineOrder } from './lines.ts';

export type CreditOrder = {
  /** What is credited: an amount of the whole invoice, tax included; these lines; or exactly this, where it was worked out already. */
  credited: { amount: bigint } | { lines: readonly CreditLineOrder[] } | { exactly: readonly CreditedLine[] };
  /** Where what was paid already goes: to the customer's balance, or back in another way. */
  credit_amount: bigint | null;
  out_of_band_amount: bigint | null;
  /** To be refunded on the invoice's charges, and what refunds that were made before have given back. */
  refund_amount: bigint | null;
  refunds: readonly { refund: RefundRow; amount: bigint; param: string }[];
  effective_at: Instant | null;
  memo: string | null;
  reason: CreditNoteReason | null;
  metadata: Metadata;
};

/** An invoice with all whom it concerns, and all of its credit notes so far. */
export type CreditFacts = WithPayments & {
  earlier: readonly CreditNoteWhole[];
  /** The charges by which it was paid and of which something is left, newest first; read where something is to be refunded. */
  charges: readonly RefundFacts[];
  /** By line: what is left of it once its corrections on other invoices, and the notes so far, have taken theirs. Lines without such corrections are left out. */
  left?: ReadonlyMap<string, Money>;
};

export type Issued = Decision & Owed & { credit_note: CreditNoteWhole };

function refuseUncreditable(invoice: InvoiceWhole): void {
  if (invoice.status === 'draft') refuse(undefined, `The invoice ${invoice.id} is a draft: change it instead. A credit note is for one that is finalized.`, 'invoice');
  if (invoice.status === 'void') refuse(undefined, `The invoice ${invoice.id} is void, so there is nothing to credit.`, 'invoice');
}

function lineRow({ assessed, rates, ...line }: CreditedLine, note: { id: string; currency: string }, position: number, moment: Moment): CreditNoteLineRow {
  return {
    ...line,
    id: moment.newId('cnli'),
    credit_note: note.id,
    position,
    amount: assessed.amount,
    currency: note.currency,
    discount_amounts: storedDiscounts(assessed.discount_amounts),
    credits_taken: assessed.credit ?? 0n,
    tax_rates: rates.map((rate) => rate.id),
    taxes: storedTaxes(assessed.taxes),
  };
}

/** The note as it would be issued. Its number counts the notes of its invoice, void ones too. */
export function draftCreditNote(order: CreditOrder, { invoice, earlier, left }: CreditFacts, moment: Moment): CreditNoteWhole {
  refuseUncreditable(invoice);
  const { credited, credit_amount: _, refund_amount: __, refunds: ___, ...words } = order;
  const param = 'amount' in credited ? 'amount' : 'lines';
  const most = invoice.total - invoice.pre_payment_credit_notes_amount - invoice.post_payment_credit_notes_amount - correctedOf(invoice, earlier, left);
  const refuseMore = (asked: bigint) => {
    if (asked > most) refuse('amount_too_large', `Of the invoice ${invoice.id}, ${formatMoney(positive(most), invoice.currency)} can still be credited, not ${formatMoney(asked, invoice.currency)}.`, param);
  };
  if ('amount' in credited) refuseMore(credited.amount);
  const lines = 'exactly' in credited ? credited.exactly : 'amount' in credited ? creditAmount(credited.amount, invoice, earlier, left) : creditLines(credited.lines, invoice, earlier, left);
  const totals = totalsOf(lines.map((line) => line.assessed));
  if (totals.total <= 0n) refuse(undefined, `The credit note would come to ${formatMoney(totals.total, invoice.currency)}. Credit more than nothing.`, param);
  refuseMore(totals.total);
  const tax = totals.total - totals.total_excluding_tax;
  const taxLeft = invoice.total - invoice.total_excluding_tax - invoice.credit_notes_tax;
  // Where credits in it leave an invoice a tax below nothing, notes may come to less tax, too.
  if (tax > positive(taxLeft)) refuse('amount_too_large', `The invoice ${invoice.id} has ${formatMoney(taxLeft, invoice.currency)} of tax left to credit, not ${formatMoney(tax, invoice.currency)}.`, param);
  const { subtotal, subtotal_excluding_tax, total, total_excluding_tax } = totals;
  const pre_payment_amount = least(total, invoice.amount_remaining);
  const post_payment_amount = total - pre_payment_amount;
  const row: CreditNoteRow = {
    ...words,
    id: moment.newId('cn'),
    created: moment.now,
    customer: invoice.customer,
    invoice: invoice.id,
    test_clock: invoice.test_clock,
    number: `${invoice.number}-CN-${String(earlier.length + 1).padStart(2, '0')}`,
    status: 'issued',
    type: post_payment_amount === 0n ? 'pre_payment' : pre_payment_amount === 0n ? 'post_payment' : 'mixed',
    currency: invoice.currency,
    subtotal, subtotal_excluding_tax, total, total_excluding_tax, pre_payment_amount, post_payment_amount,
    discount_amounts: storedDiscounts(totals.total_discount_amounts),
    total_taxes: storedTaxes(totals.total_taxes),
    customer_balance_transaction: null,
    refunds: [],
    effective_at: order.effective_at ?? moment.now,
    voided_at: null,
  };
  const rates = new Map(lines.flatMap((line) => line.rates).map((rate) => [rate.id, rate]));
  return { ...row, lines: lines.map((line, position) => lineRow(line, row, position, moment)), rate_rows: [...rates.values()] };
}

/** What is given back must be what the note takes off the payments, no more and no less. */
export function refuseParts({ credit_amount, out_of_band_amount, refund_amount, refunds }: CreditOrder, note: CreditNoteRow, customer: CustomerWhole): void {
  const refunded = (refund_amount ?? 0n) + refunds.reduce((sum, each) => sum + each.amount, 0n);
  const [credited, elsewhere] = [credit_amount ?? 0n, (out_of_band_amount ?? 0n) + refunded];
  const { post_payment_amount: post, currency } = note;
  if (credited + elsewhere !== post) {
    const given = Object.entries({ credit_amount, refund_amount, refunds: refunds.length > 0 ? refunds : null, out_of_band_amount }).find(([, value]) => value !== null);
    const why = post === 0n ? 'so nothing is to be given back' : `of which ${formatMoney(post, currency)} is to be given back: \`credit_amount\`, \`refund_amount\`, \`refunds\` and \`out_of_band_amount\` must sum to that, and not to ${formatMoney(credited + elsewhere, currency)}`;
    refuse(undefined, `The credit note comes to ${formatMoney(note.total, currency)}, ${why}.`, given?.[0] ?? 'credit_amount');
  }
  if (credited === 0n) return;
  if (customer.deleted) refuse(undefined, `The customer ${customer.id} is deleted and has no balance any more. Give back the money in another way.`, 'credit_amount');
  if (customer.currency !== null && customer.currency !== currency) refuse(undefined, `The customer's balance is in ${customer.currency}; the invoice is in ${currency}.`, 'credit_amount');
}

/** Refunds of a note: those that are made for it, on the newest charges first, and those that were there, each as far as no other note counts it. */
function refundsOf({ refund_amount, refunds, reason }: CreditOrder, { invoice, earlier, charges }: CreditFacts, moment: Moment): Decision & { refunds: CreditNoteRow['refunds'] } {
  const counted = earlier.filter((note) => note.status === 'issued').flatMap((note) => note.refunds);
  for (const { refund, amount, param } of refunds) {
    const left = refund.amount - counted.filter((each) => each.refund === refund.id).reduce((sum, each) => sum + BigInt(each.amount_refunded), 0n);
    if (refund.status === 'failed' || refund.status === 'canceled') refuse(undefined, `The refund ${refund.id} is ${refund.status}: it has given nothing back.`, param);
    if (amount > left) refuse('amount_too_large', `Of the refund ${refund.id}, ${formatMoney(left, invoice.currency)} can still be credited, not ${formatMoney(amount, invoice.currency)}.`, param);
  }
  const due = refund_amount ?? 0n;
  const amounts = takeInTurn(due, charges.map(({ charge }) => refundable(charge)));
  const because = reason === 'duplicate' || reason === 'fraudulent' ? reason : 'requested_by_customer';
  const made = charges.flatMap((facts, n) => (amounts[n] === 0n ? [] : [createRefund(facts, { amount: amounts[n]!, reason: because, metadata: {} }, moment)]));
  const given = amounts.reduce((sum, amount) => sum + amount, 0n);
  if (given < due) refuse('amount_too_large', `The payments of the invoice ${invoice.id} leave ${formatMoney(given, invoice.currency)} to refund. Give back the rest in another way.`, 'refund_amount');
  const named = [...made.map(({ refund }) => ({ refund: refund.id, amount_refunded: minor(refund.amount) })), ...refunds.map(({ refund, amount }) => ({ refund: refund.id, amount_refunded: minor(amount) }))];
  return { ...together(made), refunds: named };
}

/** Issues a credit note (docs/concepts/bill.md, "Credit notes"). Refused is more than is left of the invoice, its lines or its tax, and what does not say exactly how what was paid goes back. */
export function createCreditNote(order: CreditOrder, facts: CreditFacts, moment: Moment): Issued {
  const { invoice, payments } = facts;
  const drafted = draftCreditNote(order, facts, moment);
  refuseParts(order, drafted, facts.customer);
  const { total, total_excluding_tax, pre_payment_amount: pre, post_payment_amount: given } = drafted;
  if (pre > 0n) refuseWhilePaying(facts);
  const change = {
    amount_due: invoice.amount_due - pre,
    amount_remaining: invoice.amount_remaining - pre,
    pre_payment_credit_notes_amount: invoice.pre_payment_credit_notes_amount + pre,
    post_payment_credit_notes_amount: invoice.post_payment_credit_notes_amount + given,
    credit_notes_tax: invoice.credit_notes_tax + total - total_excluding_tax,
  };
  const credited = order.credit_amount ?? 0n;
  const settled = settleInvoice(facts, change, { amount: credited, type: 'credit_note', credit_note: drafted.id }, { payment_method: null, off_stripe: true }, moment);
  const refunded = refundsOf(order, facts, moment);
  const sent = refunded.refunds.reduce((sum, each) => sum + BigInt(each.amount_refunded), 0n);
  const credit_note: CreditNoteWhole = { ...drafted, customer_balance_transaction: settled.transaction?.id ?? null, refunds: refunded.refunds };
  const sums = {
    tax_payable: total - total_excluding_tax,
    [creditedAccount(invoice)]: -pre,
    customer_balance: -credited,
    refunds: -sent,
    paid_out_of_band: credited + sent - given,
  };
  const made: Decision = {
    ...decision(),
    puts: [{ table: 'credit_notes', before: null, after: credit_note }, ...credit_note.lines.map((line) => ({ table: 'credit_note_lines', before: null, after: line }))],
    facts: [{ type: 'credit_note.created', object: 'credit_note', whole: credit_note, at: moment.now }],
    postings: post(invoice, `${credit_note.id}:issued`, [...takenBack(credit_note.lines, invoice), ...legs(sums)], moment.now),
  };
  const followed = pre > 0n ? followRemaining(payments, settled.invoice, moment) : decision();
  const { customer, subscription } = settled;
  return { ...together([made, refunded, settled, followed]), invoice: settled.invoice, customer, subscription, credit_note };
}
