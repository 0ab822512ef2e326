/** A credit note and its lines, as they are stored: what is taken back of an invoice that was finalized. */
import type { Metadata, TaxRateRow } from '../catalog.ts';
import type { Instant } from '../decision.ts';
import type { StoredDiscountAmount, StoredTax } from '../invoice/invoice.ts';

export type CreditNoteReason = 'duplicate' | 'fraudulent' | 'order_change' | 'product_unsatisfactory';

export type CreditNoteRow = {
  id: string;
  created: Instant;
  customer: string;
  invoice: string;
  test_clock: string | null;
  number: string;
  status: 'issued' | 'void';
  type: 'pre_payment' | 'post_payment' | 'mixed';
  currency: string;
  subtotal: bigint;
  subtotal_excluding_tax: bigint;
  total: bigint;
  total_excluding_tax: bigint;
  discount_amounts: StoredDiscountAmount[];
  total_taxes: StoredTax[];
  /** By which the invoice's amount due was reduced. */
  pre_payment_amount: bigint;
  /** The rest of the total, given back: to the customer's balance or another way. */
  post_payment_amount: bigint;
  out_of_band_amount: bigint | null;
  /** The refunds by which money was given back, and how much of each; amounts are minor units as numbers, as JSON keeps them. */
  refunds: { refund: string; amount_refunded: number }[];
  customer_balance_transaction: string | null;
  effective_at: Instant;
  memo: string | null;
  reason: CreditNoteReason | null;
  metadata: Metadata;
  voided_at: Instant | null;
};

export type CreditNoteLineRow = {
  id: string;
  credit_note: string;
  position: number;
  type: 'invoice_line_item' | 'custom_line_item';
  /** The line of which this takes something back; null for a custom line. */
  invoice_line_item: string | null;
  /** Before discounts and exclusive tax. */
  amount: bigint;
  currency: string;
  description: string | null;
  discount_amounts: StoredDiscountAmount[];
  /** What of the line's credits goes with it: they are not given back. */
  credits_taken: bigint;
  /** Null where an amount was taken back, not a number of units. */
  quantity: number | null;
  unit_amount_decimal: string | null;
  tax_rates: string[];
  taxes: StoredTax[];
  metadata: Metadata;
};

/** A credit note with its lines in their order, and all tax rates that they name by id. */
export type CreditNoteWhole = CreditNoteRow & { lines: CreditNoteLineRow[]; rate_rows: TaxRateRow[] };
