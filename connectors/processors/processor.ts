/**
 * The contract of a payment processor: what a connector to one must answer, and in which words.
 *
 * Four rules hold for every processor.
 * 1. An `op_id` names one thing asked once: it is deterministic from (intent, attempt, verb), it is the idempotency key towards the processor and our reference there.
 *    Asking again with the same `op_id` is asking the same, and has one effect however often it is asked.
 * 2. An answer that did not arrive is `unknown`, never `failed`. `failed` is said only where the processor's own word, or the request's never having left, proves that nothing happened.
 *    An intent with an unknown operation is not tried again elsewhere before `lookup` or a webhook has settled it.
 * 3. A method of the contract does not throw for what the outside does; a caller takes an exception for `unknown`.
 * 4. A webhook is believed only as far as its signature, and only that something happened: what happened is what `lookup` says afterwards. Answers and webhooks of one operation may come in any
 *    order and more than once; `billing/payment/attempt.ts` merges them so that the order makes no difference.
 *
 * Amounts are minor units of the currency; currencies are three lower-case letters.
 */
import type { Action, Allowed, Assessment, Consequence, Declined, Delay, Failed, Fee, HandledOutcome, Money, Outcome, RefundOutcome, Settled, Succeeded, ThreeDSecure, Unknown } from '../../billing/payment/outcome.ts';
import type { DisputeWord, Evidence, Verdict } from '../../billing/dispute/dispute.ts';
import type { PayoutWord } from '../../billing/balance/heard.ts';
import type { PayoutEnd } from '../../billing/balance/payout.ts';
import type { Verb } from '../../billing/payment/attempt.ts';
import type { MethodCapability } from '../../billing/payment/offer.ts';
import type { Shipping } from '../../billing/customer/customer.ts';
import type { AmountDetails } from '../../billing/payment/amount_details.ts';
import type { Acceptance } from '../../billing/payment/payment.ts';
import type { RefundWord } from '../../billing/payment/refund_heard.ts';
import type { Recognition } from '../../billing/payment/resolve.ts';

export type { DisputeWord, MethodCapability, PayoutEnd, PayoutWord, RefundWord };
export type { Action, Allowed, Assessment, Consequence, Declined, Delay, Failed, Fee, HandledOutcome, Money, Outcome, RefundOutcome, Settled, Shipping, Succeeded, ThreeDSecure, Unknown };

/** A payment method as a processor keeps it: its token for it, and what networks want to know when it is used without its holder. Never a number. */
export type StoredMethod = {
  /** As in the API: `card`, `sepa_debit`, `ideal`. Absent means a card. */
  type?: string;
  /** The processor's token. */
  reference: string;
  /** The holder has agreed, and the issuer has confirmed, that it may be charged when the holder is absent. */
  set_up: boolean;
  /** The first payment's id in the card network, by which another processor can go on charging. */
  network_transaction_id?: string | null;
  /** The mandate under which it is debited, where its type needs one: our id, which the bank's statement shows. */
  mandate?: string | null;
};

/** The holder's word after an earlier answer was `requires_action`: of the bank that asked, or as the holder came back from the page it was sent to. */
type Authentication = {
  /** The reference of the action. */
  reference: string;
  result: 'succeeded' | 'failed';
  /** What came back with the holder, for a processor that wants to see it, e.g. the query of the return URL. */
  details?: Record<string, string>;
};

/** Who pays, as far as methods ask for it. */
export type Payer = { name: string | null; email: string | null; country: string | null };

/** What is told with a payment, in the words of the API: to its payer by statement and mail, and to whoever finds it at the processor. What a processor has no place for and would have to act on, it refuses by name. */
export type Told = {
  /** What the amount is made of; minor units. */
  amount_details?: AmountDetails | null;
  payment_details?: { customer_reference: string | null; order_reference: string | null } | null;
  description?: string | null;
  metadata?: Readonly<Record<string, string>>;
  receipt_email?: string | null;
  shipping?: Shipping | null;
  statement_descriptor?: string | null;
  statement_descriptor_suffix?: string | null;
};

export type ChargeRequest = Told & {
  op_id: string;
  amount: bigint;
  currency: string;
  method: StoredMethod;
  /** The holder is absent: an issuer that wants to ask the holder declines instead. */
  off_session: boolean;
  /** `manual` reserves the amount; what was reserved is captured later. */
  capture: 'automatic' | 'manual';
  /** Options of the method's type, as the API spells them under `payment_method_options`, but for those that are fields of their own here. */
  options?: Readonly<Record<string, unknown>>;
  payer?: Payer | null;
  /** Where the holder is sent after a page of its bank or wallet. */
  return_url?: string | null;
  /** The holder agrees with this payment to later ones. */
  setup_future_usage?: 'on_session' | 'off_session' | null;
  /** How the holder has agreed to be debited, where that is new. */
  acceptance?: Acceptance | null;
  /** Ask the holder even where the issuer does not insist. */
  request_three_d_secure?: 'automatic' | 'any' | 'challenge';
  /** The charge that follows a `requires_action` is a new operation with a new `op_id`, and carries the answer. A processor that keeps the first one goes on with that, by the reference of its action. */
  authentication?: Authentication | null;
};

/** Asks the issuer whether a method may be kept. `attach` validates it; `setup` also has the holder agree to later charges. */
export type SaveRequest = Pick<Told, 'description' | 'metadata'> & {
  op_id: string;
  method: StoredMethod;
  purpose: 'attach' | 'setup';
  usage?: 'on_session' | 'off_session';
  options?: Readonly<Record<string, unknown>>;
  payer?: Payer | null;
  return_url?: string | null;
  acceptance?: Acceptance | null;
  request_three_d_secure?: 'automatic' | 'any' | 'challenge';
  authentication?: Authentication | null;
};

/** What is asked about a charge that was only authorized. `charge` is its `reference`, `authorized` the `op_id` by which it was asked. */
type Authorized = { op_id: string; charge: string; authorized: string; method: StoredMethod; currency: string };
/** Takes an amount of what was reserved, or a little more where the network allows it. What is left is released where the capture is `final`; after other captures such a one may take nothing. */
export type CaptureRequest = Authorized & Pick<Told, 'amount_details' | 'metadata' | 'payment_details' | 'statement_descriptor' | 'statement_descriptor_suffix'> & { amount: bigint; final: boolean };
/** Gives up what was reserved. */
export type CancelRequest = Authorized & { reason?: string | null };
/** Gives up a setup that waits for its holder. `setup` is its `reference`. */
export type AbandonRequest = { op_id: string; setup: string; method: StoredMethod };
/** Raises what is reserved to `amount`, the new total. */
export type IncrementRequest = Authorized & Pick<Told, 'amount_details' | 'description' | 'metadata' | 'payment_details' | 'statement_descriptor'> & { amount: bigint };

/** Lets a method go for good: whoever has the processor's books cannot charge it any more, either. */
export type DetachRequest = { op_id: string; method: StoredMethod };

export type RefundRequest = {
  op_id: string;
  /** The `reference` of the charge that succeeded. */
  charge: string;
  method: StoredMethod;
  amount: bigint;
  currency: string;
  reason?: 'duplicate' | 'fraudulent' | 'requested_by_customer' | null;
  metadata?: Readonly<Record<string, string>>;
};

/** Calls back a refund that waits for its receiver. `refund` is its `reference`. */
export type CancelRefundRequest = { op_id: string; refund: string; charge: string; method: StoredMethod };

export type ReturnRequest = { op_id: string; customer: string; amount: bigint; currency: string };

/** What a processor says of an operation. Only `absent` proves that nothing happened. */
export type Found =
  | { kind: 'charge'; outcome: Outcome }
  | { kind: 'save'; outcome: Outcome }
  | { kind: 'capture' | 'cancel' | 'increment' | 'detach'; outcome: HandledOutcome }
  | { kind: 'refund'; outcome: RefundOutcome }
  | { kind: 'absent' }
  | Unknown;

/** By our name of the operation, or by the processor's of what it did: which of the two works is in its capabilities. The rest says where a processor has to look that keeps its operations apart, or with what they were about. */
export type Sought = ({ op_id: string; reference?: string } | { op_id?: undefined; reference: string }) & { verb?: Verb; /** The charge that was captured, raised, given up or refunded. */ charge?: string; method?: StoredMethod; capture?: 'automatic' | 'manual'; /** What a webhook has said of it, of a processor that cannot be asked. */ said?: Said };

/** What a signed webhook says of an operation. It is kept as JSON: the amount is minor units as text. */
export type Said = { success: boolean; reason: string | null; money?: { amount: string; currency: string } };

/** A webhook as it arrived. The names of headers are in lower case. */
export type Delivery = { body: Uint8Array; headers: Readonly<Record<string, string | undefined>> };
/** That something happened to an operation. */
export type Notice = {
  /** The processor's id of the notice: the same notice may come again. */
  id: string;
  about: Verb;
  sought: Sought;
};
/** That something happened at the processor by itself, or by somebody there: a bank contests a payment, money is paid out or given back. */
export type News = {
  /** The processor's id of the notice. */
  id: string;
  about: 'dispute' | 'payout' | 'refund';
  /** The processor's id of it. */
  reference: string;
  /** What the webhook has said, of a processor that cannot be asked. */
  said?: DisputeWord;
};
export type Received = { kind: 'notices'; notices: Notice[]; news?: News[] } | { kind: 'refused'; message: string };

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
  /** The wallet on a phone that gave the card, if one did. */
  wallet?: { type: string; dynamic_last4: string | null; [type: string]: unknown } | null;
  checks: CardChecks;
};
export type CheckResult = 'pass' | 'fail' | 'unavailable' | 'unchecked';
/** Null where the value to check was not given. Before the issuer was asked a check is `unchecked`. */
export type CardChecks = { cvc_check: CheckResult | null; address_line1_check: CheckResult | null; address_postal_code_check: CheckResult | null };

/** What a caller sent as a card: a name that the processor knows (`pm_card_visa`, `tok_visa`). Numbers are the vault's. */
export type CardSource = { token: string; exp_month?: number; exp_year?: number };

/** A card that a vault has presented to the processor, and the processor's token for it. */
export type PresentedCard = { reference: string; last4: string; exp_month: number; exp_year: number };

/** What a caller sent as a method of another type, by the names of the API: the fields of `sepa_debit`, of `us_bank_account` and so on. */
export type OtherSource = { type: string; fields: Readonly<Record<string, unknown>>; payer: Payer };
export type MethodSource = CardSource | OtherSource;
/** What of the billing address came with it; only whether it was given counts. */
export type AddressGiven = { line1: boolean; postal_code: boolean };

/** `identity` is what nothing else is called at the processor; absent where the reference is everybody's. */
type Named = StoredMethod & { identity?: string };

export type Tokenized =
  /** `verified` are the checks as they will stand once the issuer was asked, by `save` or by `charge`. */
  | { kind: 'card'; method: Named; card: CardDetails; verified: CardChecks }
  /** A method of another type, with what the API shows of it under its type. */
  | { kind: 'other'; type: string; method: Named; details: Record<string, unknown>; payer?: Partial<Payer> }
  /** The caller's mistake or the issuer's word, to be told as an error of this type. The number is never part of the message. */
  | { kind: 'refused'; code: string; decline_code: string | null; message: string; param: string; type?: 'card_error' | 'invalid_request_error' }
  /** Not a name of this processor. */
  | { kind: 'absent' }
  /** The processor could not be asked, or has not answered: nothing is said about the method, and another one may take it. */
  | { kind: 'down'; message: string };

/** The same of one that has answered. */
export type Recognized = Exclude<Tokenized, { kind: 'down' }>;

export type Capabilities = Recognition & {
  /** By payment method type; what is absent is not supported. */
  methods: Partial<Record<string, MethodCapability>>;
  /** Whether what waits for its holder can be given up there, so that its page takes no money any more. */
  gives_up: boolean;
  /** So many operations are under way at it at once, at most; absent where it does not matter. */
  at_once?: number;
};

/** An account at a bank that is one customer's alone: what is sent there is that customer's. */
export type VirtualAccount = {
  /** The kind of transfer in the words of the API, e.g. `us_bank_transfer`, `eu_bank_transfer`. */
  type: string;
  country: string;
  currency: string;
  /** The entries of `bank_transfer.financial_addresses`. */
  financial_addresses: Record<string, unknown>[];
};

/** A bank account of the account's own, to which is paid out. */
export type BankSource = { country: string; currency: string; account_number: string; routing_number: string | null };
export type BankKept =
  | { kind: 'kept'; reference: string; bank_name: string; last4: string; routing_number: string | null; fingerprint: string }
  | { kind: 'refused'; code: string; message: string; param: 'account_number' | 'routing_number' };

/** What is answered to a dispute: evidence, by the names of the API, or that it is accepted as lost. */
export type DisputeAnswer = { op_id: string; dispute: string } & ({ evidence: Evidence; /** Those that the evidence names, by its fields. */ files: readonly EvidenceFile[] } | { accept: true });
export type EvidenceFile = { field: string; filename: string; /** E.g. `application/pdf`. */ type: string; bytes: Uint8Array };

/** Of a processor that tells of disputes by webhooks. */
type Disputes = {
  /** What it has of a dispute by now. Where it cannot be asked that is what its webhook said. */
  find(news: Pick<News, 'reference' | 'said'>): Promise<DisputeWord | { kind: 'absent' } | Unknown>;
  /** Absent where disputes are answered at the processor itself. */
  respond?(answer: DisputeAnswer): Promise<DisputeWord | Failed | Unknown>;
};

/** Of a processor whose payouts are made when Kontor says so. Questions: none of them moves money. */
export type Payouts = {
  keepBank(source: BankSource): BankKept;
  /** Which account stands for the account's bank in a currency where none was given. */
  ownBank(currency: string): BankSource;
  fees(amount: bigint, method: 'standard' | 'instant'): Fee[];
  /** What becomes of a payout to a bank account, which a sandbox knows. */
  endOf(reference: string): PayoutEnd;
};

export type Processor = {
  /** `sandbox`, or the id under which an account has configured it; kept beside every reference. */
  readonly name: string;
  capabilities(): Capabilities;
  /** Whose money goes through it, as the processor calls that: its settings may change, and this stays. Absent where it is nobody's. */
  account?(): Promise<{ kind: 'account'; id: string } | Failed | Unknown>;
  /** `today` is the month of the moment at which the request is decided, against which an expiry is judged. */
  tokenize(source: MethodSource, today: { year: number; month: number }, given?: AddressGiven): Promise<Tokenized>;
  /** What is shown of a card that a vault has presented; absent where the processor takes none from a vault. It asks nobody. */
  presented?(card: PresentedCard, given: AddressGiven): Recognized;
  save(request: SaveRequest): Promise<Outcome>;
  charge(request: ChargeRequest): Promise<Outcome>;
  capture(request: CaptureRequest): Promise<HandledOutcome>;
  cancel(request: CancelRequest): Promise<HandledOutcome>;
  increment(request: IncrementRequest): Promise<HandledOutcome>;
  /** Absent where nothing is left open that could be given up. */
  abandon?(request: AbandonRequest): Promise<HandledOutcome>;
  refund(request: RefundRequest): Promise<RefundOutcome>;
  /** What has become of the refund: it is `canceled`, or what stands in the way of that. Asking again has no further effect. */
  cancelRefund(request: CancelRefundRequest): Promise<RefundOutcome>;
  /** What it has let go already, or never kept, is let go. It may be asked at any time and any number of times. */
  detach(request: DetachRequest): Promise<HandledOutcome>;
  lookup(sought: Sought): Promise<Found>;
  /** Takes a webhook: its signature first. */
  receive(delivery: Delivery): Promise<Received>;
  /** Whether these are the small amounts, in minor units, or the code that were sent to the account of a method. `final`: it cannot be tried again. It moves no money, so it may be asked at any time. */
  verifyDeposits?(request: { method: StoredMethod; reference: string; amounts?: readonly number[]; descriptor_code?: string }): Promise<{ kind: 'verified' } | { kind: 'refused'; code: string; message: string; final: boolean } | Unknown>;
  disputes?: Disputes;
  /** What it has of a payout that it has made by itself. */
  findPayout?(reference: string): Promise<PayoutWord | { kind: 'absent' } | Unknown>;
  /** What it has of a refund that was made there by somebody, as soon as that has taken money. */
  findRefund?(reference: string): Promise<RefundWord | { kind: 'absent' } | Unknown>;
  /** How a bank will decide on evidence, which a sandbox knows; null where nobody does. */
  judgeEvidence?(evidence: string | null, inquiry: boolean): { verdict: Verdict; after: Delay } | null;
  /** Absent where the processor pays out by itself. */
  payouts?: Payouts;
  /** Sends back what a customer has sent to such an account, and nothing was paid with. Absent where there are none. */
  returnCash?(request: ReturnRequest): Promise<RefundOutcome>;
  /** The customer's own account for bank transfers, the same each time; null where there is none for the currency and country. */
  virtualAccount?(request: { customer: string; currency: string; type: string; country: string }): Promise<VirtualAccount | null>;
};

/** A setting that an account gives for a processor of its own. */
export type Setting = {
  about: string;
  /** Sealed as soon as it is given, and never shown again but for its end. */
  secret: boolean;
  required: boolean;
  pattern?: RegExp;
  /** What the pattern wants, in words. */
  shape?: string;
};

/** What an account has configured, opened. */
export type Configuration = { id: string; livemode: boolean; settings: Readonly<Record<string, string>> };

/** A kind of processor that accounts can have. */
export type ProcessorKind = {
  readonly kind: string;
  /** The setting by which the processor knows whose the money is. */
  readonly owned_by: string;
  readonly settings: Readonly<Record<string, Setting>>;
  /** What is wrong with settings for this mode, and with which one; null where nothing is. It asks nobody. */
  faultIn(configuration: Configuration): { setting: string; code?: string; message: string } | null;
  /** Asks nobody either. The vendor's library is loaded here. */
  open(configuration: Configuration): Promise<Processor>;
};
