/** An invoice, its lines and the items that wait for one, as they are stored. */
import type { DiscountWhole, Metadata, TaxRateRow } from '../catalog.ts';
import type { Correction } from '../correction/correction.ts';
import type { CreditGrantRow } from '../credit/grant.ts';
import type { CreditNoteLineRow } from '../credit_note/credit_note.ts';
import type { Address, CustomField, Shipping } from '../customer/customer.ts';
import type { Instant } from '../decision.ts';
import type { DiscountAmount } from '../discount.ts';
import type { Metering } from '../metering.ts';
import { minor } from '../money.ts';
import type { LineTax, TaxabilityReason, TaxExempt } from '../tax.ts';

type InvoiceStatus = 'draft' | 'open' | 'paid' | 'uncollectible' | 'void';

export type BillingReason =
  | 'automatic_pending_invoice_item_invoice'
  | 'manual'
  | 'subscription'
  | 'subscription_create'
  | 'subscription_cycle'
  | 'subscription_threshold'
  | 'subscription_update'
  | 'upcoming';

/** An amount inside a JSON column: minor units, a safe integer. */
export type StoredDiscountAmount = { discount: string; amount: number };
/** What a credit grant gave to a line, by which transaction, which a preview has none of; the grant's name as it was. `above`: of late usage, what the line that is put right had come to before it. */
export type StoredCredit = { credit_grant: string; transaction: string | null; amount: number; name: string | null; above?: number };
export type StoredTax = {
  amount: number;
  tax_behavior: 'exclusive' | 'inclusive';
  tax_rate: string;
  taxability_reason: string;
  taxable_amount: number;
};

export type ProrationDetails = {
  /** What a credit gives back: an invoice item, or lines of an invoice. */
  credited_items: { invoice: string; invoice_line_items: string[] } | { invoice_item: string } | null;
  discount_amounts: StoredDiscountAmount[];
  /** Counted in days; without it, in seconds. */
  unit?: 'day';
  /** The amount is before these discounts; without it, after them. */
  itemized?: true;
};

/** What stored amounts come to together, in minor units. */
export const sumOf = (amounts: readonly { readonly amount: number }[]): bigint => amounts.reduce((sum, each) => sum + BigInt(each.amount), 0n);

export const storedDiscounts = (amounts: readonly DiscountAmount[]): StoredDiscountAmount[] => amounts.map(({ discount, amount }) => ({ discount, amount: minor(amount) }));
export const exactDiscounts = (amounts: readonly StoredDiscountAmount[]): DiscountAmount[] => amounts.map(({ discount, amount }) => ({ discount, amount: BigInt(amount) }));

export const storedTaxes = (taxes: readonly LineTax[]): StoredTax[] => taxes.map((tax) => ({ ...tax, amount: minor(tax.amount), taxable_amount: minor(tax.taxable_amount) }));
export const exactTaxes = (taxes: readonly StoredTax[]): LineTax[] =>
  taxes.map((tax) => ({ ...tax, amount: BigInt(tax.amount), taxable_amount: BigInt(tax.taxable_amount), taxability_reason: tax.taxability_reason as TaxabilityReason }));

/** Credits that no transaction has moved: a preview's, or those of a draft. */
export const unmoved = (credits: readonly Omit<StoredCredit, 'transaction'>[]): StoredCredit[] => credits.map((credit) => ({ ...credit, transaction: null }));

/** What discounts took of a proration at its change, where that stands beside its amount: no discount of an invoice meets it any more. */
export function itemizedOf({ proration_details }: Pick<InvoiceItemRow, 'proration_details'>): StoredDiscountAmount[] {
  return proration_details?.itemized ? proration_details.discount_amounts : [];
}

/** What an invoice item comes to after its itemized discounts. */
export function netOfItem(item: Pick<InvoiceItemRow, 'amount' | 'proration_details'>): bigint {
  return item.amount - sumOf(itemizedOf(item));
}

export type CustomerSnapshot = {
  address: Address | null;
  email: string | null;
  name: string | null;
  phone: string | null;
  shipping: Shipping | null;
  tax_exempt: 'none' | 'exempt' | 'reverse' | null;
  tax_ids: { type: string; value: string | null }[];
};

export type InvoiceRow = {
  id: string;
  created: Instant;
  customer: string;
  subscription: string | null;
  test_clock: string | null;
  status: InvoiceStatus;
  billing_reason: BillingReason;
  /** What this invoice discharges, e.g. `sub_…:1767225600`; at most one that is not void for each. Null for what may repeat. */
  obligation: string | null;
  collection_method: 'charge_automatically' | 'send_invoice';
  currency: string;
  number: string | null;
  period_start: Instant;
  period_end: Instant;
  due_date: Instant | null;
  days_until_due: number | null;
  effective_at: Instant | null;
  auto_advance: boolean;
  automatically_finalizes_at: Instant | null;
  attempted: boolean;
  attempt_count: number;
  next_payment_attempt: Instant | null;
  subtotal: bigint;
  subtotal_excluding_tax: bigint;
  total: bigint;
  total_excluding_tax: bigint;
  total_discount_amounts: StoredDiscountAmount[];
  total_taxes: StoredTax[];
  /** What it buys once it is paid. */
  top_up: { credit_top_up: string; amount: string; name: string | null; priority: number; expires_in_days: number | null } | null;
  /** What credit grants gave, before tax. */
  credits_applied: bigint;
  starting_balance: bigint;
  ending_balance: bigint | null;
  amount_due: bigint;
  amount_paid: bigint;
  amount_remaining: bigint;
  amount_overpaid: bigint;
  /** The part of `amount_paid` that came another way, e.g. in cash. */
  amount_paid_off_stripe: bigint;
  /** Of its credit notes that are not void: what came off the amount due, what was given back otherwise, and how much of both is tax. */
  pre_payment_credit_notes_amount: bigint;
  post_payment_credit_notes_amount: bigint;
  credit_notes_tax: bigint;
  finalized_at: Instant | null;
  paid_at: Instant | null;
  voided_at: Instant | null;
  marked_uncollectible_at: Instant | null;
  uncollectible_reason: string | null;
  customer_snapshot: CustomerSnapshot;
  account_name: string | null;
  account_country: string | null;
  /** The subscription's metadata at finalization, for `parent.subscription_details.metadata`. */
  subscription_metadata: Metadata | null;
  subscription_proration_date: Instant | null;
  from_invoice: { action: string; invoice: string } | null;
  latest_revision: string | null;
  default_payment_method: string | null;
  default_tax_rates: string[];
  /** The discounts on the whole of it, by id: its own, or those of its subscription or customer. */
  discounts: string[];
  description: string | null;
  footer: string | null;
  custom_fields: CustomField[] | null;
  statement_descriptor: string | null;
  /** By what it can be paid; null is by all that it can. */
  payment_settings: { payment_method_types?: string[] | null; payment_method_options?: Record<string, Record<string, unknown>> | null };
  rendering: { amount_tax_display: string | null; pdf: { page_size: 'a4' | 'auto' | 'letter' | null } | null; template: string | null; template_version: number | null } | null;
  metadata: Metadata;
};

export type InvoiceLineRow = {
  id: string;
  invoice: string;
  position: number;
  amount: bigint;
  currency: string;
  description: string | null;
  discountable: boolean;
  /** Discount ids of this line alone. */
  discounts: string[];
  discount_amounts: StoredDiscountAmount[];
  credits: StoredCredit[];
  /** Tax rate ids of this line alone; empty means the invoice's default ones. */
  tax_rates: string[];
  taxes: StoredTax[];
  period_start: Instant;
  period_end: Instant;
  price: string | null;
  product: string | null;
  unit_amount_decimal: string | null;
  quantity_decimal: string | null;
  subscription: string | null;
  subscription_item: string | null;
  invoice_item: string | null;
  proration: boolean;
  proration_details: ProrationDetails | null;
  /** Of a line that makes usage up to a commitment: the part of that which falls on its period, in minor units as a decimal string. */
  commitment: string | null;
  /** What other invoices and their corrections had billed of that when the line was counted for the last time; null is nothing. */
  commitment_billed: string | null;
  /** Of a line that bills usage; null for any other. */
  metering: Metering | null;
  /** Of a line that puts right what an earlier invoice billed: its discounts and taxes are given. */
  correction: Correction | null;
  metadata: Metadata;
};

/** What a line comes to after its discounts, before credits and tax. */
export const afterDiscounts = ({ amount, discount_amounts }: Pick<InvoiceLineRow, 'amount' | 'discount_amounts'>): bigint => amount - sumOf(discount_amounts);

/** What it comes to after credits, too, before tax. */
export const afterCredits = (line: Pick<InvoiceLineRow, 'amount' | 'discount_amounts' | 'credits'>): bigint => afterDiscounts(line) - sumOf(line.credits);

/** The ids of a line's tax rates: its own, or else the default ones of what bills it. What a change gives back or charges has those of its moment, be they none. */
export function rateIds(line: Pick<InvoiceLineRow, 'invoice_item' | 'proration' | 'tax_rates'>, default_tax_rates: string[]): string[] {
  const settled = line.proration && line.invoice_item !== null;
  return settled || line.tax_rates.length > 0 ? line.tax_rates : default_tax_rates;
}

/** What says of an invoice how its lines are taxed. */
export type TaxedBy = Pick<InvoiceWhole, 'default_tax_rates' | 'rate_rows' | 'customer_snapshot'>;

/** By which rates an amount is taxed, in their order, and whether who pays is exempt. */
export type Taxation = { readonly rates: readonly TaxRateRow[]; readonly exempt: TaxExempt };

/** How a line is taxed, or was, by the rates that its invoice has loaded. */
export function taxationOf(line: Parameters<typeof rateIds>[0], { default_tax_rates, rate_rows, customer_snapshot }: TaxedBy): Taxation {
  const rates = rateIds(line, default_tax_rates).flatMap((id) => rate_rows.find((rate) => rate.id === id) ?? []);
  return { rates, exempt: exemptionOf(customer_snapshot) };
}

export const exemptionOf = ({ tax_exempt }: Pick<CustomerSnapshot, 'tax_exempt'>): TaxExempt => tax_exempt ?? 'none';

/** An amount that waits for an invoice, or stands on one that can still change. */
export type InvoiceItemRow = {
  id: string;
  created: Instant;
  customer: string;
  subscription: string | null;
  subscription_item: string | null;
  invoice: string | null;
  test_clock: string | null;
  amount: bigint;
  currency: string;
  description: string | null;
  discountable: boolean;
  period_start: Instant;
  period_end: Instant;
  price: string | null;
  product: string | null;
  unit_amount_decimal: string | null;
  quantity_decimal: string;
  proration: boolean;
  proration_details: ProrationDetails | null;
  metering: Metering | null;
  correction: Correction | null;
  tax_rates: string[];
  metadata: Metadata;
};

export type InvoiceItemWhole = InvoiceItemRow & { discounts: DiscountWhole[]; rates: TaxRateRow[] };

/** An invoice with its lines in their order, all discounts, tax rates and credit grants that it and its lines name by id, and the lines of its credit notes that are not void. */
export type InvoiceWhole = InvoiceRow & { lines: InvoiceLineRow[]; discount_rows: DiscountWhole[]; rate_rows: TaxRateRow[]; grant_rows: readonly CreditGrantRow[]; credited_lines: readonly CreditNoteLineRow[] };
