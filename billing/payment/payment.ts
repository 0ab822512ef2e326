/** What pays: methods, intents, charges, and the part of a payment that goes to an invoice. */
import type { Metadata } from '../catalog.ts';
import type { Address, Shipping } from '../customer/customer.ts';
import type { Instant } from '../decision.ts';
import type { AmountDetails } from './amount_details.ts';

export type BillingDetails = { address: Address; email: string | null; name: string | null; phone: string | null; tax_id: string | null };

export type CardChecks = { address_line1_check: string | null; address_postal_code_check: string | null; cvc_check: string | null };

export type CardDetails = {
  brand: string;
  display_brand: string | null;
  country: string | null;
  exp_month: number;
  exp_year: number;
  fingerprint: string | null;
  funding: string;
  last4: string;
  checks: CardChecks;
  networks: { available: string[]; preferred: string | null };
  regulated_status: 'regulated' | 'unregulated' | null;
  three_d_secure_usage: { supported: boolean };
  /** The wallet on a phone that gave the card, if one did. */
  wallet?: { type: string; dynamic_last4: string | null; [type: string]: unknown } | null;
};

export type PaymentMethodRow = {
  id: string;
  created: Instant;
  customer: string | null;
  /** As in the API: `card`, `sepa_debit`. */
  type: string;
  billing_details: BillingDetails;
  card: CardDetails | null;
  /** What the API shows under the type, where that is not `card`. */
  details: Record<string, unknown> | null;
  processor: string;
  /** How the processor knows it; never a card number. */
  processor_reference: string;
  /** What it is called there and nothing else is, so that no two methods that can pay are the same one; null where its reference is everybody's, as of a test card. */
  processor_identity: string | null;
  /** The vault's token for a card that was typed, by which it can be presented to another processor; null once it is used up. */
  vault: string | null;
  /** The holder has agreed to be charged when absent. */
  set_up: boolean;
  /** Under which it is charged without its holder, where its type needs one. */
  mandate: string | null;
  network_transaction_id: string | null;
  /** What `card.checks` will be once the issuer was asked; null where it was. */
  checks_when_asked: CardChecks | null;
  /** Detached, or used up without a customer: it pays nothing any more. */
  spent: boolean;
  allow_redisplay: 'always' | 'limited' | 'unspecified';
  metadata: Metadata;
};

export type PaymentError = {
  type: 'card_error' | 'invalid_request_error' | 'api_error';
  code: string;
  message: string;
  decline_code: string | null;
  advice_code: string | null;
  network_advice_code: string | null;
  network_decline_code: string | null;
  charge: string | null;
  payment_method: string | null;
};

type PaymentIntentStatus = 'requires_payment_method' | 'requires_confirmation' | 'requires_action' | 'processing' | 'requires_capture' | 'canceled' | 'succeeded';

/** What the holder has to do: its type, what the API shows under the type, and the processor's reference of it. */
export type NextAction = { type: string; reference: string; [shown: string]: unknown };

export type MethodOptions = Record<string, Record<string, unknown>>;

/** That and how the holder agreed to be debited. */
export type Acceptance = { type: 'online' | 'offline'; accepted_at: Instant | null; online?: { ip_address: string | null; user_agent: string | null } };

/** What the holder has answered to an action; `details` are what came back with the holder from the page of a live processor. */
export type HolderAnswer = { reference: string; result: 'succeeded' | 'failed'; details?: Record<string, string> };

/** A mandate that is to be made once the payment or setup goes through. */
export type Agreed = { mandate: string; acceptance: Acceptance };

export type MandateRow = {
  id: string;
  created: Instant;
  customer: string | null;
  payment_method: string;
  type: 'multi_use' | 'single_use';
  status: 'active' | 'inactive' | 'pending';
  customer_acceptance: Acceptance;
  /** The type, and under it what of the mandate is special to it. */
  payment_method_details: { type: string; [type: string]: unknown };
  /** Of a mandate that is good for one payment. */
  amount: bigint | null;
  currency: string | null;
};

/** `automatic_async` and `automatic` capture what is authorized at once. */
export type CaptureMethod = 'automatic' | 'automatic_async' | 'manual';

export type PaymentIntentRow = {
  id: string;
  created: Instant;
  customer: string | null;
  test_clock: string | null;
  invoice: string | null;
  status: PaymentIntentStatus;
  amount: bigint;
  /** Authorized, and neither captured nor given up yet. */
  amount_capturable: bigint;
  amount_received: bigint;
  currency: string;
  capture_method: CaptureMethod;
  /** `manual`: whoever has the secret key confirms again once the holder has acted. */
  confirmation_method: 'automatic' | 'manual';
  /** What it can be paid with, in the order in which it is offered. */
  payment_method_types: string[];
  allowed_payment_method_types: string[] | null;
  excluded_payment_method_types: string[] | null;
  payment_method_configuration: string | null;
  /** By type, as they were given. */
  payment_method_options: MethodOptions;
  client_secret: string;
  payment_method: string | null;
  latest_charge: string | null;
  /** How often it was confirmed; numbers the calls to the processor. */
  attempts: number;
  last_payment_error: PaymentError | null;
  next_action: NextAction | null;
  /** What the caller said of methods that are chosen for it. */
  automatic_payment_methods: { enabled: boolean; allow_redirects: 'always' | 'never' } | null;
  /** The holder's word, where it is to be confirmed once more before it counts. */
  authentication: (HolderAnswer & { agreed: Agreed | null }) | null;
  setup_future_usage: 'off_session' | 'on_session' | null;
  description: string | null;
  receipt_email: string | null;
  shipping: Shipping | null;
  statement_descriptor: string | null;
  statement_descriptor_suffix: string | null;
  canceled_at: Instant | null;
  cancellation_reason: string | null;
  amount_details: AmountDetails | null;
  /** By what who buys and who sells know the payment. */
  payment_details: { customer_reference: string | null; order_reference: string | null } | null;
  metadata: Metadata;
};

/** The intent with the method that its last error speaks of. */
export type PaymentIntentWhole = PaymentIntentRow & { failed_method: PaymentMethodRow | null };

/** The card as it was when it was charged, and what its network said. */
export type ChargedCard = CardDetails & {
  /** On which it was charged; of older charges its brand's. */
  network?: string;
  /** What may be done about it while it is only reserved, with the most that may be captured in minor units; absent where it was captured at once. */
  allowed?: { increment: boolean; multicapture: boolean; extended: boolean; most: number };
  authorization_code: string | null;
  network_transaction_id: string | null;
  three_d_secure: { result: string; authentication_flow: string | null; version: string } | null;
};

export type ChargeOutcome = {
  advice_code: string | null;
  network_advice_code: string | null;
  network_decline_code: string | null;
  network_status: string;
  reason: string | null;
  risk_level: string;
  risk_score: number;
  seller_message: string;
  type: string;
};

export type ChargeRow = {
  id: string;
  created: Instant;
  customer: string | null;
  payment_intent: string;
  /** The attempt that made it. */
  attempt: string | null;
  /** What it brought us; of several captures, the first. */
  balance_transaction: string | null;
  /** What that came to in the currency in which the processor has settled it, where that is another. */
  settled_amount: bigint | null;
  settled_currency: string | null;
  /** Its money was put to an invoice; else it is kept apart, and what is given back or lost of it comes out of what is kept. */
  applied: boolean;
  payment_method: string | null;
  status: 'succeeded' | 'pending' | 'failed';
  /** False while nothing was taken of what is reserved. */
  captured: boolean;
  /** Until when what is reserved can be captured. */
  capture_before: Instant | null;
  /** What was authorized. */
  amount: bigint;
  amount_captured: bigint;
  amount_refunded: bigint;
  /** It was contested, whatever came of it. */
  disputed: boolean;
  /** Taken by disputes that are not won. */
  amount_disputed: bigint;
  /** What the account has said of it. */
  fraud_details: { user_report?: 'fraudulent' | 'safe' };
  currency: string;
  failure_code: string | null;
  failure_message: string | null;
  outcome: ChargeOutcome | null;
  billing_details: BillingDetails;
  /** The type, and under it the method as it was charged. */
  payment_method_details: { type: string; card?: ChargedCard; [type: string]: unknown } | null;
  /** Who made it, and as what. What a processor has taken is one charge: no two that are not failed have the same reference. */
  processor: string | null;
  processor_reference: string | null;
  description: string | null;
  receipt_email: string | null;
  shipping: Shipping | null;
  statement_descriptor: string | null;
  statement_descriptor_suffix: string | null;
  metadata: Metadata;
};

export type InvoicePaymentRow = {
  id: string;
  created: Instant;
  invoice: string;
  payment_intent: string;
  status: 'open' | 'paid' | 'canceled';
  amount_requested: bigint;
  amount_paid: bigint | null;
  currency: string;
  is_default: boolean;
  paid_at: Instant | null;
  canceled_at: Instant | null;
};
