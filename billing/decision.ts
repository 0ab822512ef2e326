/**
 * The vocabulary of the core. A decision is a pure function from facts, an intent and a moment to what must become true; `server/commit.ts` makes it true in one transaction.
 */
import type { ExchangeAccount, PostedAccount } from './ledger/accounts.ts';

/** An instant in whole Unix seconds, UTC. */
export type Instant = number;

/** When something is decided, and where new ids come from. Both are given; the core never asks the machine. */
export type Moment = {
  readonly now: Instant;
  /** A new id with the given prefix, e.g. `newId('in')` → `in_…`. Ids made later sort later. */
  newId(prefix: string): string;
  /** Unguessable letters and digits, for what only its holder may know, e.g. a client secret. */
  newSecret(length: number): string;
};

/** A row to write: inserted where `before` is null, removed where `after` is null, else updated. `table` is the table's name. */
export type Put = { table: string; before: Row | null; after: Row | null };

/** A row as it is stored: its columns. */
export type Row = { id: string; [column: string]: unknown };

/** One leg of a ledger transaction. `amount` > 0 debits the account, < 0 credits it; the legs of a transaction sum to 0 per currency. */
export type Posting = {
  /** The ledger transaction: all legs with one name are written together. Unique for what it records, e.g. `in_123:finalized`. */
  transaction: string;
  ledger_account: PostedAccount | ExchangeAccount;
  currency: string;
  amount: bigint;
  /** The object that this is about, e.g. the invoice's id. */
  document: string;
  customer: string | null;
  at: Instant;
  /** Of revenue: the invoice's line, and over which period it is earned where that is not over at `at`. Of a fee: what it is for. */
  line?: string;
  period_start?: Instant;
  period_end?: Instant;
  /** Of money that a processor has for us: its name. */
  processor?: string;
};

/** A fact to tell: the event's type, the object it is about as it is now, and as it was where the type is an update. */
export type Fact = {
  type: string;
  /** The `object` value of the resource whose renderer makes the snapshot, e.g. `invoice`. */
  object: string;
  whole: object;
  /** The object before, for `*.updated` and where else what has changed is told; `previous_attributes` are derived from the two renderings. */
  before?: object;
  at: Instant;
};

/** Something to be done at a later moment. Setting a timer of the same kind and subject replaces it; a null `at` clears it. */
export type Timer = {
  /** Names the command that will run, e.g. `subscription.renew`. */
  kind: string;
  subject: string;
  at: Instant | null;
  /** Timers of one lane run one after the other, in the order of their moments, and with nothing else that is done in it. The lane is the customer; what has none is its own. */
  lane: string;
  test_clock: string | null;
  /** One that is set already stays as it is, so that many may set it at once. */
  kept?: true;
};

/** Something to ask of the outside world, after the commit. The answer comes back as a command. */
export type Call = {
  /** The idempotency key towards the other side: deterministic, so that asking again is asking the same. */
  id: string;
  /** Names the connector's operation, e.g. `processor.charge`. */
  kind: string;
  /** What the answer is about, e.g. the payment intent's id. */
  subject: string;
  request: object;
  /** On a test clock, which does not go on before the answer. */
  test_clock: string | null;
};

export type Decision = { puts: Put[]; facts: Fact[]; postings: Posting[]; timers: Timer[]; calls: Call[] };

/** An empty decision, to be filled. */
export function decision(): Decision {
  return { puts: [], facts: [], postings: [], timers: [], calls: [] };
}

/** Several decisions as one, in order; null is none. */
export function together(decisions: readonly (Decision | null | undefined)[]): Decision {
  const made = decisions.filter((each) => each != null);
  return {
    puts: made.flatMap((each) => each.puts),
    facts: made.flatMap((each) => each.facts),
    postings: made.flatMap((each) => each.postings),
    timers: made.flatMap((each) => each.timers),
    calls: made.flatMap((each) => each.calls),
  };
}

/** What more a refusal may say on the wire, as Stripe's error object spells it. */
type RefusalDetails = {
  type?: 'invalid_request_error' | 'card_error' | 'idempotency_error' | 'api_error' | 'temporary_session_expired';
  status?: number;
  decline_code?: string;
  [field: string]: unknown;
};

/** The caller's mistake, told as a Stripe-shaped error. Nothing has been changed when it is thrown. */
export class Refusal extends Error {
  readonly code: string | undefined;
  readonly param: string | undefined;
  readonly details: RefusalDetails;
  constructor(code: string | undefined, message: string, param?: string, details: RefusalDetails = {}) {
    super(message);
    this.code = code;
    this.param = param;
    this.details = details;
  }
}

/** Refuses: `code` is one of Stripe's error codes or undefined, `message` a sentence that helps, `param` the parameter as the caller spelt it, e.g. `items[0][price]`. */
export function refuse(code: string | undefined, message: string, param?: string, details?: RefusalDetails): never {
  throw new Refusal(code, message, param, details);
}

/** Our mistake: a 500, and stays on in production. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`Assertion failed: ${message}`);
}
