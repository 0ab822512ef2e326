/** Making a draft, and working out again what one comes to. */
import type { DiscountWhole, TaxRateRow } from '../catalog.ts';
import type { CustomerWhole } from '../customer/customer.ts';
import { assert, decision, type Decision, type Instant, type Moment } from '../decision.ts';
import type { Period } from '../calendar.ts';
import { backOf } from '../metering.ts';
import { positive } from '../money.ts';
import type { SubscriptionRow } from '../subscription/subscription.ts';
import {
  exactDiscounts, exactTaxes, exemptionOf, itemizedOf, rateIds, storedDiscounts, storedTaxes, sumOf, unmoved,
  type BillingReason, type CustomerSnapshot, type InvoiceItemWhole, type InvoiceLineRow, type InvoiceRow, type InvoiceWhole,
} from './invoice.ts';
import { assessLines, totalsOf, type AssessedLine, type InvoiceLine } from './totals.ts';

/** How long a draft may be looked at and changed before it is finalized by itself. */
export const DRAFT_S = 3_600;

/** A line before it stands on an invoice. What is said of commitments, usage and corrections is left out for any other line. */
export type LineOrder = Pick<
  InvoiceLineRow,
  'amount' | 'description' | 'discountable' | 'price' | 'product' | 'unit_amount_decimal' | 'quantity_decimal' | 'subscription' | 'subscription_item' | 'proration' | 'proration_details' | 'metadata'
> & Partial<Pick<InvoiceLineRow, 'commitment' | 'commitment_billed' | 'metering' | 'correction'>> & {
  period: Period;
  /** Of this line alone, in their order. */
  discounts: readonly DiscountWhole[];
  /** Of this line alone; none means the invoice's default ones. */
  rates: readonly TaxRateRow[];
};

export type InvoiceOrder = {
  customer: CustomerWhole;
  subscription: SubscriptionRow | null;
  account: { business_name: string; country: string };
  tax_ids: readonly { type: string; value: string }[];
  billing_reason: BillingReason;
  /** At most one invoice that is not void for each; null for what may repeat. */
  obligation: string | null;
  currency: string;
  collection_method: 'charge_automatically' | 'send_invoice';
  days_until_due: number | null;
  period: Period;
  /** Invoice items that waited for this invoice, in the order of their creation. They stand before the lines. */
  pending: readonly InvoiceItemWhole[];
  lines: readonly LineOrder[];
  /** On the whole invoice, in their order; those not in force at the moment are left out already. */
  discounts: readonly DiscountWhole[];
  default_rates: readonly TaxRateRow[];
  /** Whether it finalizes by itself, an hour after the moment. */
  auto_advance: boolean;
  /** What the account says on it. */
  words?: Partial<Pick<InvoiceRow, 'description' | 'footer' | 'custom_fields' | 'statement_descriptor' | 'metadata' | 'rendering' | 'default_payment_method' | 'payment_settings' | 'due_date' | 'effective_at' | 'from_invoice' | 'top_up' | 'automatically_finalizes_at' | 'next_payment_attempt'>>;
  proration_date?: Instant | null;
};

/** The customer as an invoice shows it. */
export function snapshot(customer: CustomerWhole, tax_ids: InvoiceOrder['tax_ids']): CustomerSnapshot {
  const { address, email, name, phone, shipping, tax_exempt } = customer;
  return { address, email, name, phone, shipping, tax_exempt, tax_ids: tax_ids.map(({ type, value }) => ({ type, value })) };
}

/** An invoice item as the line that it becomes. */
export function lineOfItem(item: InvoiceItemWhole): LineOrder & { invoice_item: string } {
  const { amount, description, discountable, price, product, unit_amount_decimal, quantity_decimal, subscription, subscription_item, proration, proration_details, metering, correction, metadata, discounts, rates } = item;
  return {
    amount, description, discountable, price, product, unit_amount_decimal, quantity_decimal, subscription, subscription_item, proration, proration_details, metering, correction, metadata, discounts, rates,
    period: { start: item.period_start, end: item.period_end },
    invoice_item: item.id,
  };
}

/** A line's row before anything is worked out on it. */
export function lineRow(line: LineOrder & { invoice_item?: string }, invoice: { id: string; currency: string }, position: number, moment: Moment): InvoiceLineRow {
  const { period, discounts, rates, invoice_item = null, metering = null, commitment = null, commitment_billed = null, correction = null, ...rest } = line;
  return {
    ...rest,
    id: moment.newId('il'),
    invoice: invoice.id,
    position,
    currency: invoice.currency,
    invoice_item,
    metering,
    correction,
    commitment,
    commitment_billed,
    discounts: discounts.map((discount) => discount.id),
    discount_amounts: [],
    credits: unmoved((correction ?? backOf({ metering }))?.credits ?? []),
    tax_rates: rates.map((rate) => rate.id),
    taxes: [],
    period_start: period.start,
    period_end: period.end,
  };
}

/** What a correction comes to is not computed again: it is the difference of two invoices. What a period gives back of its early lines goes back as they were charged. */
function given(line: InvoiceLineRow): AssessedLine | null {
  const known = line.correction ?? backOf(line);
  return known && {
    amount: line.amount,
    discount_amounts: exactDiscounts(known.discount_amounts),
    taxes: exactTaxes(known.taxes),
    credit: sumOf(known.credits),
    inclusive_before_discounts: BigInt(known.contained),
  };
}

/** What the invoice's lines, discounts and rates come to: the lines with their discounts and taxes, and the totals. The customer's balance is met at finalization. */
export function workOut(invoice: InvoiceWhole): InvoiceWhole {
  const discounts = new Map(invoice.discount_rows.map((discount) => [discount.id, discount]));
  const rates = new Map(invoice.rate_rows.map((rate) => [rate.id, rate]));
  const named = <T>(ids: readonly string[], all: Map<string, T>): T[] =>
    ids.map((id) => {
      const found = all.get(id);
      assert(found, `${id} is named by invoice ${invoice.id} and was not loaded`);
      return found;
    });
  const lines = invoice.lines.map((line): InvoiceLine => ({
    amount: line.amount,
    discountable: line.discountable,
    product: line.product,
    own: named(line.discounts, discounts),
    group: line.subscription_item,
    itemized: exactDiscounts(itemizedOf(line)),
    credit: sumOf(line.credits),
    tax_rates: named(rateIds(line, invoice.default_tax_rates), rates),
  }));
  const computed = assessLines(lines, { currency: invoice.currency, discounts: named(invoice.discounts, discounts), tax_exempt: exemptionOf(invoice.customer_snapshot) });
  const assessed = computed.map((each, n) => given(invoice.lines[n]!) ?? each);
  const { subtotal, subtotal_excluding_tax, total, total_excluding_tax, credits_applied, total_discount_amounts, total_taxes } = totalsOf(assessed);
  const due = positive(total);
  return {
    ...invoice,
    lines: invoice.lines.map((line, n) => ({ ...line, discount_amounts: storedDiscounts(assessed[n]!.discount_amounts), taxes: storedTaxes(assessed[n]!.taxes) })),
    subtotal, subtotal_excluding_tax, total, total_excluding_tax, credits_applied,
    total_discount_amounts: storedDiscounts(total_discount_amounts),
    total_taxes: storedTaxes(total_taxes),
    amount_due: due,
    amount_remaining: due,
  };
}

function blankInvoice(order: InvoiceOrder, moment: Moment): InvoiceRow {
  const { customer, subscription, account } = order;
  const zero = 0n;
  return {
    id: moment.newId('in'),
    created: moment.now,
    customer: customer.id,
    subscription: subscription?.id ?? null,
    test_clock: customer.test_clock,
    status: 'draft',
    billing_reason: order.billing_reason,
    obligation: order.obligation,
    collection_method: order.collection_method,
    currency: order.currency,
    number: null,
    period_start: order.period.start,
    period_end: order.period.end,
    due_date: null,
    days_until_due: order.days_until_due,
    effective_at: null,
    auto_advance: order.auto_advance,
    automatically_finalizes_at: order.auto_advance ? moment.now + DRAFT_S : null,
    attempted: false,
    attempt_count: 0,
    next_payment_attempt: order.auto_advance && order.collection_method === 'charge_automatically' ? moment.now + DRAFT_S : null,
    subtotal: zero, subtotal_excluding_tax: zero, total: zero, total_excluding_tax: zero,
    total_discount_amounts: [],
    total_taxes: [],
    credits_applied: zero,
    top_up: null,
    starting_balance: customer.balance,
    ending_balance: null,
    amount_due: zero, amount_paid: zero, amount_remaining: zero, amount_overpaid: zero, amount_paid_off_stripe: zero,
    pre_payment_credit_notes_amount: zero, post_payment_credit_notes_amount: zero, credit_notes_tax: zero,
    finalized_at: null, paid_at: null, voided_at: null, marked_uncollectible_at: null, uncollectible_reason: null,
    customer_snapshot: snapshot(customer, order.tax_ids),
    account_name: account.business_name,
    account_country: account.country,
    subscription_metadata: subscription?.metadata ?? null,
    subscription_proration_date: order.proration_date ?? null,
    from_invoice: null,
    latest_revision: null,
    default_payment_method: null,
    default_tax_rates: order.default_rates.map((rate) => rate.id),
    discounts: order.discounts.map((discount) => discount.id),
    description: null,
    footer: customer.invoice_settings.footer,
    custom_fields: customer.invoice_settings.custom_fields,
    statement_descriptor: null,
    payment_settings: {},
    rendering: null,
    metadata: {},
    ...order.words,
  };
}

/** Each thing once, the last one of an id. */
export const unique = <T extends { id: string }>(things: readonly T[]): T[] => [...new Map(things.map((thing) => [thing.id, thing])).values()];

/** The draft that an order makes, worked out, with nothing decided about it yet: what a preview shows. Its lines are the pending items' first, then the order's, each in their order. */
export function previewInvoice(order: InvoiceOrder, moment: Moment): InvoiceWhole {
  const row = blankInvoice(order, moment);
  const lines = [...order.pending.map(lineOfItem), ...order.lines];
  return workOut({
    ...row,
    lines: lines.map((line, position) => lineRow(line, row, position, moment)),
    discount_rows: unique([...order.discounts, ...lines.flatMap((line) => line.discounts)]),
    rate_rows: unique([...order.default_rates, ...lines.flatMap((line) => line.rates)]),
    grant_rows: [],
    credited_lines: [],
  });
}

/** A new draft: its rows, the items that waited for it, the discounts that it uses up, `invoice.created`, and the timer of its finalization. */
export function draftInvoice(order: InvoiceOrder, moment: Moment): Decision & { invoice: InvoiceWhole } {
  const invoice = previewInvoice(order, moment);
  const made = decision();
  made.puts.push({ table: 'invoices', before: null, after: invoice });
  for (const line of invoice.lines) made.puts.push({ table: 'invoice_lines', before: null, after: line });
  for (const item of order.pending) made.puts.push({ table: 'invoice_items', before: item, after: { ...item, invoice: invoice.id } });
  for (const discount of usedUp(invoice)) made.puts.push({ table: 'discounts', before: discount, after: { ...discount, ended: true } });
  made.facts.push({ type: 'invoice.created', object: 'invoice', whole: invoice, at: moment.now });
  if (invoice.auto_advance) made.timers.push(finalization(invoice, invoice.automatically_finalizes_at));
  return { ...made, invoice };
}

/** The timer that finalizes a draft; a null moment stops it. */
export function finalization(invoice: InvoiceRow, at: Instant | null) {
  return { kind: 'invoice.finalize', subject: invoice.id, at, lane: invoice.customer, test_clock: invoice.test_clock };
}

/** The discounts that have given something to these lines. What was itemized at a change, or goes back with usage that was billed early, was given then, and uses up nothing. */
export const gaveOn = (lines: readonly InvoiceLineRow[]): Set<string> => new Set(lines.filter((line) => itemizedOf(line).length === 0 && backOf(line) === null).flatMap((line) => line.discount_amounts.filter((each) => each.amount !== 0).map((each) => each.discount)));

/** The `once` discounts that have given something on this invoice: they give nothing on any other. */
export function usedUp(invoice: InvoiceWhole): DiscountWhole[] {
  const gave = gaveOn(invoice.lines);
  return invoice.discount_rows.filter((discount) => discount.source.duration === 'once' && !discount.ended && gave.has(discount.id));
}
