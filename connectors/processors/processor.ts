/**
 * The contract of a payment processor: what a connector to one must answer, and in which words.
 *
 * Three rules hold for every processor.
 * 1. An `op_id` names one thing asked once: it is deterministic from (intent, attempt, verb), it is the idempotency key towards the processor and our reference there.
 *    Asking again with the same `op_id` is asking the same, and has one effect however often it is asked.
 * 2. An answer that did not arrive is `unknown`, never `failed`. `failed` is said only where the processor's own word, or the request's never having left, proves that nothing happened.
 *    An intent with an unknown operation is not tried again elsewhere before `lookup` or a webhook has settled it.
 * 3. A method of the contract does not throw for what the outside does; a caller takes an exception for `unknown`.
 *
 * Amounts are minor units of the currency; currencies are three lower-case letters.
 */

/** A card as a processor keeps it: its token for it, and what networks want to know when it is used without its holder. Never a number. */
export type StoredCard = {
  /** The processor's token. */
  reference: string;
  /** The holder has agreed, and the issuer has confirmed, that it may be charged when the holder is absent. */
  set_up: boolean;
  /** The first payment's id in the card network, by which another processor can go on charging. */
  network_transaction_id?: string | null;
};

/** The word of the holder's bank after the holder was asked, where an earlier answer was `requires_action`. */
export type Authentication = { reference: string; result: 'succeeded' | 'failed' };

export type ChargeRequest = {
  op_id: string;
  amount: bigint;
  currency: string;
  method: StoredCard;
  /** The holder is absent: an issuer that wants to ask the holder declines instead. */
  off_session: boolean;
  /** `manual` reserves the amount; what was reserved is captured later. */
  capture: 'automatic' | 'manual';
  description?: string | null;
  metadata?: Record<string, string>;
  /** Ask the holder even where the issuer does not insist. */
  request_three_d_secure?: 'automatic' | 'any' | 'challenge';
  /** The charge that follows a `requires_action` is a new operation with a new `op_id`, and carries the answer. */
  authentication?: Authentication | null;
};

/** Asks the issuer whether a card may be kept. `attach` validates it; `setup` also has the holder agree to later charges. */
export type SaveRequest = {
  op_id: string;
  method: StoredCard;
  purpose: 'attach' | 'setup';
  authentication?: Authentication | null;
};

export type RefundRequest = {
  op_id: string;
  /** The `reference` of the charge that succeeded. */
  charge: string;
  method: StoredCard;
  amount: bigint;
  currency: string;
  reason?: 'duplicate' | 'fraudulent' | 'requested_by_customer' | null;
};

/** What the holder has to do. `url` is where, if the processor has a page for it; else the browser script shows its own. */
export type Action = { kind: '3ds'; reference: string; url: string | null };

/** How the charge was judged, in the words of a charge's `outcome`. */
export type Assessment = {
  type: 'authorized' | 'manual_review' | 'issuer_declined' | 'blocked' | 'invalid';
  network_status: 'approved_by_network' | 'declined_by_network' | 'not_sent_to_network';
  reason: string | null;
  risk_level: 'normal' | 'elevated' | 'highest';
  risk_score: number;
};

/** What a sandbox will let happen later. A live processor never says so; it sends a webhook when it happens. */
export type Consequence =
  | { kind: 'dispute'; reason: 'fraudulent' | 'product_not_received' | 'noncompliant'; inquiry: boolean; times: number }
  | { kind: 'early_fraud_warning'; fraud_type: string }
  | { kind: 'refund_settles'; status: 'succeeded' | 'failed'; failure_reason: string | null };

export type ThreeDSecure = { result: 'authenticated' | 'processing_error'; authentication_flow: 'challenge' | null; version: string };

export type Succeeded = {
  kind: 'succeeded';
  /** The processor's id of what it did. */
  reference: string;
  captured: boolean;
  /** What the processor keeps of the amount, in the same currency, where it says so at once. */
  fee?: bigint;
  network_transaction_id: string | null;
  authorization_code: string | null;
  three_d_secure: ThreeDSecure | null;
  assessment: Assessment;
  /** Whether the money is at our disposal at once or after the usual days. */
  available: 'now' | 'later';
  foretold: Consequence[];
};
export type RequiresAction = { kind: 'requires_action'; reference: string; action: Action };
export type Declined = {
  kind: 'declined';
  reference: string;
  /** Stripe's error code, decline code and advice, whatever the processor calls them; the network's own words beside them. */
  code: string;
  decline_code: string | null;
  message: string;
  advice_code: 'confirm_card_data' | 'do_not_try_again' | 'try_again_later' | null;
  network_decline_code: string | null;
  network_advice_code: string | null;
  assessment: Assessment;
  /** Where the issuer only wants to ask the absent holder: how to ask. Null for every other decline. */
  action: Action | null;
};
/** Definitely without effect: the request was refused before anything was tried. */
export type Failed = { kind: 'failed'; code: string; message: string };
/** Whether there was an effect is not known. `retry_after` is in seconds, where the processor gave one. */
export type Unknown = { kind: 'unknown'; reason: string; retry_after: number | null };

export type Outcome = Succeeded | RequiresAction | Declined | Failed | Unknown;

export type RefundOutcome =
  | { kind: 'succeeded'; reference: string; network_reference: string | null; foretold: Consequence[] }
  | { kind: 'pending'; reference: string; network_reference: string | null; foretold: Consequence[] }
  | { kind: 'declined'; reference: string; failure_reason: string; message: string }
  | Failed
  | Unknown;

/** What a processor says of an operation by its `op_id`. Only `absent` proves that nothing happened. */
export type Found =
  | { kind: 'charge'; outcome: Outcome }
  | { kind: 'save'; outcome: Outcome }
  | { kind: 'refund'; outcome: RefundOutcome }
  | { kind: 'absent' }
  | Unknown;

/** A card as the API shows it under `payment_method.card`, without what Kontor adds. */
export type CardDetails = {
  brand: string;
  country: string;
  display_brand: string;
  exp_month: number;
  exp_year: number;
  fingerprint: string;
  funding: 'credit' | 'debit' | 'prepaid' | 'unknown';
  last4: string;
  networks: { available: string[]; preferred: string | null };
  regulated_status: 'regulated' | 'unregulated';
  three_d_secure_usage: { supported: boolean };
  checks: CardChecks;
};
export type CheckResult = 'pass' | 'fail' | 'unavailable' | 'unchecked';
/** Null where the value to check was not given. Before the issuer was asked a check is `unchecked`. */
export type CardChecks = { cvc_check: CheckResult | null; address_line1_check: CheckResult | null; address_postal_code_check: CheckResult | null };

/** What a caller sent as a card: a name that the processor knows (`pm_card_visa`, `tok_visa`), or a number where the processor takes numbers. */
export type CardSource =
  | { token: string; exp_month?: number; exp_year?: number }
  | { number: string; exp_month: number; exp_year: number; cvc?: string | null };
/** What of the billing address came with it; only whether it was given counts. */
export type AddressGiven = { line1: boolean; postal_code: boolean };

export type Tokenized =
  /** `verified` are the checks as they will stand once the issuer was asked, by `save` or by `charge`. */
  | { kind: 'card'; method: StoredCard; card: CardDetails; verified: CardChecks }
  /** The caller's mistake or the issuer's word, to be told as a `card_error`. The number is never part of the message. */
  | { kind: 'refused'; code: string; decline_code: string | null; message: string; param: string }
  /** Not a name of this processor. */
  | { kind: 'absent' };

export type MethodCapability = {
  currencies: readonly string[] | 'all';
  countries: readonly string[] | 'all';
  capture: readonly ('automatic' | 'manual')[];
  setup_future_usage: readonly ('on_session' | 'off_session')[];
  refund: 'full' | 'partial' | 'none';
  dispute: boolean;
  network_tokens: boolean;
  three_d_secure: 'native' | 'redirect' | 'external' | 'none';
};
export type Capabilities = {
  /** By payment method type; what is absent is not supported. */
  methods: Partial<Record<string, MethodCapability>>;
  /** How the processor recognises a repeated `op_id`, and for how many hours; null is for ever. */
  idempotency: 'header' | 'reference' | 'none';
  ttl_hours: number | null;
  /** By what an operation can be looked up. */
  lookup: readonly ('op_id' | 'reference')[];
};

export type Processor = {
  /** The connector's name, e.g. `sandbox`; kept beside every reference. */
  readonly name: string;
  capabilities(): Capabilities;
  /** `today` is the month of the moment at which the request is decided, against which an expiry is judged. */
  tokenize(source: CardSource, today: { year: number; month: number }, given?: AddressGiven): Promise<Tokenized>;
  save(request: SaveRequest): Promise<Outcome>;
  charge(request: ChargeRequest): Promise<Outcome>;
  refund(request: RefundRequest): Promise<RefundOutcome>;
  lookup(op_id: string): Promise<Found>;
};
