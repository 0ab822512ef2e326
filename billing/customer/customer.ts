/** The customer: whom we bill. */
import type { DiscountWhole, Metadata } from '../catalog.ts';
import type { LateLines } from '../correction/late.ts';
import type { CreditGrantRow } from '../credit/grant.ts';
import type { Instant } from '../decision.ts';

export type Address = {
  city: string | null;
  country: string | null;
  line1: string | null;
  line2: string | null;
  postal_code: string | null;
  state: string | null;
};

export type Shipping = { address: Address; name: string; phone: string | null; carrier: string | null; tracking_number: string | null };

export type CustomField = { name: string; value: string };

export type CustomerRow = {
  id: string;
  created: Instant;
  test_clock: string | null;
  name: string | null;
  email: string | null;
  phone: string | null;
  description: string | null;
  address: Address | null;
  shipping: Shipping | null;
  business_name: string | null;
  individual_name: string | null;
  /** Minor units of `currency`; negative when we owe the customer. */
  balance: bigint;
  /** Fixed by the first subscription, invoice or balance. */
  currency: string | null;
  delinquent: boolean;
  invoice_prefix: string;
  next_invoice_sequence: number;
  invoice_settings: {
    custom_fields: CustomField[] | null;
    footer: string | null;
    rendering_options: { amount_tax_display: string | null; template: string | null } | null;
  };
  default_payment_method: string | null;
  preferred_locales: string[];
  tax_exempt: 'none' | 'exempt' | 'reverse';
  metadata: Metadata;
  deleted: boolean;
};

/** The customer with the discount that applies to all it buys, its credits, and what these can meet beside usage that is on time. */
export type CustomerWhole = CustomerRow & {
  discount: DiscountWhole | null;
  /** Its credit grants of which something is left, and those that corrections give something back to which are on no finalized invoice yet; none where they are left out. */
  grants?: readonly CreditGrantRow[];
  /** Of a customer with such grants: the lines that are put right by corrections which are on no finalized invoice yet; none where they are left out. */
  late?: LateLines;
};

export type BalanceTransactionRow = {
  id: string;
  created: Instant;
  customer: string;
  type: 'adjustment' | 'applied_to_invoice' | 'credit_note' | 'initial' | 'invoice_overpaid' | 'invoice_too_large' | 'invoice_too_small' | 'unapplied_from_invoice' | 'migration';
  amount: bigint;
  ending_balance: bigint;
  currency: string;
  description: string | null;
  invoice: string | null;
  credit_note: string | null;
  metadata: Metadata;
};

export type TaxIdRow = {
  id: string;
  created: Instant;
  customer: string;
  type: string;
  value: string;
  country: string | null;
  verification: { status: string; verified_address: string | null; verified_name: string | null } | null;
};
