/**
 * What a payment processor can say, in words that are the same for all of them. The contract in `connectors/processors/processor.ts` says who says what, and when.
 *
 * Amounts are minor units of the currency; currencies are three lower-case letters; references are the processor's ids.
 */
/** Where the holder has to go, what it has to see, or what it has to confirm. A `url` that begins with a slash is a page of Kontor's own, which has them for the sandbox. */
export type Action =
  /** The card's bank asks its holder. `url` is where, if the processor has a page for it; else the browser script shows its own. */
  | { kind: '3ds'; reference: string; url: string | null }
  /** The holder approves on a page of the bank or wallet, and comes back. */
  | { kind: 'redirect'; reference: string; url: string }
  /** Two small amounts, or one with a code in its text, were sent to the account: the holder says which. */
  | { kind: 'microdeposits'; reference: string; type: 'amounts' | 'descriptor_code'; /** In seconds from the answer. */ arrives_in: number; url: string };

/** How the charge was judged, in the words of a charge's `outcome`. */
export type Assessment = {
  type: 'authorized' | 'manual_review' | 'issuer_declined' | 'blocked' | 'invalid';
  network_status: 'approved_by_network' | 'declined_by_network' | 'not_sent_to_network';
  reason: string | null;
  risk_level: 'normal' | 'elevated' | 'highest';
  risk_score: number;
};

export type ThreeDSecure = { result: 'authenticated' | 'processing_error'; authentication_flow: 'challenge' | null; version: string };

/** When what is foretold happens: on a test clock as late as in life, in real time soon enough to be waited for. Both in seconds from the answer. */
export type Delay = { on_clock: number; real: number };

/** What a sandbox will let happen later. A live processor never says so; it sends a webhook when it happens. */
export type Consequence =
  | {
      kind: 'dispute'; reason: string; inquiry: boolean; times: number; after: Delay;
      /** Nobody is asked for evidence. */
      final?: boolean;
      /** What the bank charges for each. */
      fees?: Fee[];
      network_reason_code?: string | null;
    }
  /** How a refund ends that is pending, or that has succeeded and comes back. */
  | { kind: 'refund_settles'; outcome: RefundOutcome; after: Delay }
  /** How a charge ends that is pending. */
  | { kind: 'charge_settles'; outcome: Succeeded | Declined; after: Delay };

/** What a movement came to in the currency in which the processor settles, where that is not the charge's. */
export type Settled = {
  currency: string;
  /** Before fees, with the sign of the movement. */
  amount: bigint;
  /** So many of its minor units are one of the charge's: an exact decimal. */
  exchange_rate: string;
};

/** What the processor keeps of the amount, line by line, in the currency in which it settles. */
export type Fee = { type: 'processing' | 'network' | 'tax'; description: string; amount: bigint };

/** A method by which the holder may be charged later. `identity` is what nothing else is called at the processor. */
export type Reusable = { type: string; reference: string; identity?: string; details: Record<string, unknown> };

/** What became known of the method by using it, for types that tell more once they have paid, e.g. the bank account behind an iDEAL payment. */
export type Learned = {
  /** Shown under the charge's `payment_method_details`, by the names of the type. */
  details?: Record<string, unknown>;
  /** The processor's token for it from now on, where it changed. */
  reference?: string;
  /** A method of another type by which the holder may be charged later: an iDEAL payment leaves a `sepa_debit` one. */
  reusable?: Reusable;
};

/** What a processor says has moved, or is reserved. Where it names nothing, it is what it was asked for. */
export type Money = { amount: bigint; currency: string };

/** What may be done about a reserved amount: raise it, capture it in several parts, or for longer than usual; and how much may be captured altogether. */
export type Allowed = { increment: boolean; multicapture: boolean; extended: boolean; most: bigint };

export type Succeeded = {
  kind: 'succeeded';
  /** The processor's id of what it did. */
  reference: string;
  /** False where the amount is only reserved, to be captured later. */
  captured: boolean;
  /** What was captured, or reserved. */
  money?: Money;
  settled?: Settled | null;
  /** Until when what is reserved can be captured, where the processor says so. */
  capture_before?: number | null;
  /** Of what is reserved. */
  allowed?: Allowed;
  fees?: Fee[];
  network_transaction_id: string | null;
  authorization_code: string | null;
  three_d_secure: ThreeDSecure | null;
  assessment: Assessment;
  learned?: Learned | null;
  /** Whether the money is at our disposal at once or after the usual days. */
  available: 'now' | 'later';
  foretold: Consequence[];
};
/** Accepted, and not known to succeed before days have passed: a bank debit. */
export type Pending = { kind: 'pending'; reference: string; money?: Money; assessment: Assessment; learned?: Learned | null; foretold: Consequence[] };
type RequiresAction = { kind: 'requires_action'; reference: string; action: Action };
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
/** Definitely without effect: the request was refused before anything was tried. `technical`: not for what was asked, but since this processor could not be asked so. Another may take it; and of an earlier request of the same operation it proves nothing. */
export type Failed = { kind: 'failed'; code: string; message: string; technical?: boolean };
/** Whether there was an effect is not known. `retry_after` is in seconds, where the processor gave one. */
export type Unknown = { kind: 'unknown'; reason: string; retry_after: number | null; /** Something was said that cannot be about this. */ contradicts?: true };

/** Begun, and given up at the processor before anything was taken. */
export type Canceled = { kind: 'canceled'; reference: string };

/** Of a charge, or of keeping a method for later. */
export type Outcome = Succeeded | Pending | RequiresAction | Declined | Canceled | Failed | Unknown;

/** What a processor answers to a payment. Not to know is no answer. */
export type PaymentAnswer = Exclude<Outcome, Unknown>;

/** The answer of one kind. */
export type Answer<Kind extends PaymentAnswer['kind']> = Extract<PaymentAnswer, { kind: Kind }>;

/** Of what is done to a charge that was only authorized: captured, raised or given up. */
export type HandledOutcome =
  /** `money` is what is captured of the charge by now, or what is reserved after it was raised. */
  | { kind: 'succeeded'; reference: string; money?: Money; allowed?: Allowed; fees?: Fee[]; settled?: Settled | null; available?: 'now' | 'later'; foretold?: Consequence[] }
  | { kind: 'declined'; reference: string; code: string; message: string; decline_code?: string | null }
  | Failed
  | Unknown;

export type RefundOutcome =
  /** `requires_action`: the money cannot go back by itself, and the holder is asked where to. */
  | { kind: 'succeeded' | 'pending' | 'requires_action'; reference: string; money?: Money; network_reference: string | null; settled?: Settled | null; /** Nothing has left us yet. */ moved?: false; foretold: Consequence[] }
  | { kind: 'declined'; reference: string; failure_reason: string; settled?: Settled | null; message: string }
  /** Called back before it has gone. */
  | { kind: 'canceled'; reference: string; settled?: Settled | null }
  | Failed
  | Unknown;
