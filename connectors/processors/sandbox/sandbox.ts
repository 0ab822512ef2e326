/**
 * The sandbox: a payment processor without a network, which behaves like Stripe's test mode.
 *
 * What it answers is a pure function of the request and the test card. It remembers only which operations reached it, so that asking again is asking the same and `lookup` can tell.
 */
import { createHash } from 'node:crypto';
import type {
  Action, Allowed, Assessment, CaptureRequest, ChargeRequest, Consequence, Declined, Delay, Failed, Found, HandledOutcome, IncrementRequest, Outcome, Processor, RefundOutcome, RefundRequest, ReturnRequest, SaveRequest, Sought, Succeeded, ThreeDSecure, Unknown,
} from '../processor.ts';
import { METHODS } from '../../../billing/payment/offer.ts';
import { virtualAccount } from './accounts.ts';
import { endOf, keepBank, ownBank, payoutFees } from './banks.ts';
import { testCardByReference, type TestCard } from './cards.ts';
import { contest, judgeEvidence, priced } from './disputes.ts';
import { DECLINES, type DeclineName } from './declines.ts';
import { FEES, feesOn, type FeeSchedule } from './fees.ts';
import { CAPABILITIES, DEPOSITS_REFUSED, judgeDeposits } from './methods.ts';
import { chargeOther, partsOf, refundOther, saveOther } from './others.ts';
import { showPresented, tokenize } from './tokenize.ts';

type Answer = Exclude<Found, Unknown | { kind: 'absent' }>;
export type Entry = { asked: string; answer: Answer };
/** What reached the sandbox, by `op_id`. Several processes that share a sandbox share its book. */
export type Book = {
  get(op_id: string): Promise<Entry | null>;
  put(op_id: string, entry: Entry): Promise<void>;
  /** The `op_id` of what has this reference, or null. */
  named(reference: string): Promise<string | null>;
  /** Nothing was ever dropped, so that an absent operation never reached us. */
  complete(): boolean;
};

/** What goes wrong on the way, for tests: `request_lost` never arrives, `answer_lost` takes effect and is not heard of. */
export type Fault = 'request_lost' | 'answer_lost' | null;
type SandboxOptions = {
  book?: Book;
  fault?: (op_id: string) => Fault;
  /** What the sandbox keeps; by default `FEES`. */
  fees?: FeeSchedule;
};

/** Keeps the newest operations, 100,000 unless told otherwise; once one was dropped, an absent operation is no longer proof. */
export function memoryBook(limit = 100_000): Book {
  const entries = new Map<string, Entry>();
  const names = new Map<string, string>();
  let dropped = false;
  return {
    async get(op_id) {
      return entries.get(op_id) ?? null;
    },
    async put(op_id, entry) {
      entries.set(op_id, entry);
      const { outcome } = entry.answer;
      if ('reference' in outcome && !names.has(outcome.reference)) names.set(outcome.reference, op_id);
      if (entries.size <= limit) return;
      entries.delete(entries.keys().next().value!);
      names.delete(names.keys().next().value!);
      dropped = true;
    },
    named: async (reference) => names.get(reference) ?? null,
    complete: () => !dropped,
  };
}

/** An id that is the same for the same operation, in the house's alphabet. */
function idOf(prefix: string, op_id: string): string {
  return `${prefix}_${createHash('sha256').update(`${prefix} ${op_id}`).digest('base64').replaceAll(/[^A-Za-z0-9]/g, '').slice(0, 24)}`;
}

/** As many decimal digits as a network would give. */
function digitsOf(purpose: string, op_id: string, length: number): string {
  return BigInt(`0x${createHash('sha256').update(`${purpose} ${op_id}`).digest('hex')}`).toString().slice(-length);
}

/** The same text for the same request, however its fields are ordered and whether an absent one is null: a request read back from storage is the request that was sent. */
function canonical(value: unknown): string {
  if (typeof value === 'bigint') return `${value}`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value).filter(([, each]) => each !== undefined && each !== null);
  return `{${fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, each]) => `${JSON.stringify(name)}:${canonical(each)}`).join(',')}}`;
}

const failed = (code: string, message: string): Failed => ({ kind: 'failed', code, message });
const unknown = (reason: string): Unknown => ({ kind: 'unknown', reason, retry_after: null });

function assessmentOf(card: TestCard, name: DeclineName | null): Assessment {
  const risk = { risk_level: card.risk_level, risk_score: { normal: 20, elevated: 65, highest: 92 }[card.risk_level] };
  if (name === null) return { type: 'authorized', network_status: 'approved_by_network', reason: null, ...risk };
  if (name === 'fraudulent') return { type: 'blocked', network_status: 'not_sent_to_network', reason: 'highest_risk_level', ...risk };
  const reached = name !== 'authentication_failed' && name !== 'authentication_error';
  return { type: 'issuer_declined', network_status: reached ? 'declined_by_network' : 'not_sent_to_network', reason: DECLINES[name].decline_code ?? DECLINES[name].code, ...risk };
}

function declined(card: TestCard, op_id: string, name: DeclineName, action: Action | null = null): Declined {
  return { kind: 'declined', reference: idOf('ch', op_id), ...DECLINES[name], assessment: assessmentOf(card, name), action };
}

type Asking = Pick<ChargeRequest, 'op_id' | 'authentication'> & { off_session: boolean; needed: boolean };
type Asked = { stop: Outcome } | { three_d_secure: ThreeDSecure | null };

/** Whether the holder has to be asked, was asked, and what came of it. */
/** The holder confirms a payment on the sandbox's own page, which Kontor serves. */
function askHolder(card: TestCard, asking: Asking): Asked {
  if (!asking.needed) return { three_d_secure: null };
  const version = '2.2.0';
  if (card.authentication_breaks) {
    // Where the holder need not be asked, a broken confirmation page does not stop the payment.
    return card.authentication === 'always' ? { stop: declined(card, asking.op_id, 'authentication_error') } : { three_d_secure: { result: 'processing_error', authentication_flow: null, version } };
  }
  const answer = asking.authentication;
  if (answer?.result === 'succeeded') return { three_d_secure: { result: 'authenticated', authentication_flow: 'challenge', version } };
  if (answer?.result === 'failed') return { stop: declined(card, asking.op_id, 'authentication_failed') };
  const reference = idOf('sandbox_3ds', asking.op_id);
  const action: Action = { kind: '3ds', reference, url: '/sandbox/authorize' };
  return { stop: asking.off_session ? declined(card, asking.op_id, 'authentication_required', action) : { kind: 'requires_action', reference: idOf('ch', asking.op_id), action } };
}

function holderIsAsked(card: TestCard, request: ChargeRequest): boolean {
  // Who orders by mail or telephone cannot be asked.
  if (request.options?.moto === true) return false;
  switch (card.authentication) {
    case 'always': return true;
    case 'unless_set_up': return !(request.off_session && request.method.set_up);
    case 'on_session': return !request.off_session;
    case 'request': return !request.off_session && (request.request_three_d_secure ?? 'automatic') !== 'automatic';
    default: return false;
  }
}

/** What may be done about an amount that is reserved on a card, as far as it was asked for. */
function allowedBy({ amount, options = {} }: Pick<ChargeRequest, 'amount' | 'options'>): Allowed {
  const asks = (what: string) => options[what] === 'if_available';
  return { increment: asks('request_incremental_authorization'), multicapture: asks('request_multicapture'), extended: asks('request_extended_authorization'), most: asks('request_overcapture') ? more(amount) : amount };
}

const more = (amount: bigint): bigint => amount + (amount * BigInt(METHODS.card!.overcapture_percent)) / 100n;

function succeeded(card: TestCard, op_id: string, details: Partial<Succeeded>): Succeeded {
  return {
    kind: 'succeeded', reference: idOf('ch', op_id), captured: false, network_transaction_id: digitsOf('network', op_id, 15), authorization_code: digitsOf('authorization', op_id, 6),
    three_d_secure: null, assessment: assessmentOf(card, null), available: card.available, foretold: [], ...details,
  };
}

/** What the sandbox answers to a charge. */
export function decideCharge(request: ChargeRequest, options: Pick<SandboxOptions, 'fees'> = {}): Outcome {
  if (request.amount <= 0n) return failed('amount_too_small', 'A charge has an amount above zero.');
  if (!/^[a-z]{3}$/.test(request.currency)) return failed('invalid_currency', 'A currency is three lower-case letters.');
  const other = partsOf(request.method.reference);
  if (other) return chargeOther(request, other, options.fees ?? FEES);
  const stored = testCardByReference(request.method.reference);
  if (!stored) return failed('resource_missing', 'The sandbox does not know this card; it keeps test cards only.');
  const { card, cvc_given } = stored;
  // Risk is judged first: what is blocked asks neither the holder nor the issuer.
  if (card.charge === 'fraudulent') return declined(card, request.op_id, 'fraudulent');
  const asked = askHolder(card, { ...request, needed: holderIsAsked(card, request) });
  if ('stop' in asked) return asked.stop;
  if (card.charge && (cvc_given || !card.only_with_cvc)) return declined(card, request.op_id, card.charge);
  const captured = request.capture === 'automatic';
  const { amount, currency } = request;
  const taken = captured ? { fees: feesOn(amount, 'card', options.fees ?? FEES) } : { allowed: allowedBy(request) };
  return succeeded(card, request.op_id, { captured, money: { amount, currency }, ...taken, three_d_secure: asked.three_d_secure, foretold: priced(card.afterwards, 'card', options.fees ?? FEES) });
}

/** What the sandbox answers when a card is to be kept. The holder is present; to be asked again at each charge does not spare being asked now. */
export function decideSave(request: SaveRequest): Outcome {
  const other = partsOf(request.method.reference);
  if (other) return saveOther(request, other);
  const stored = testCardByReference(request.method.reference);
  if (!stored) return failed('resource_missing', 'The sandbox does not know this card; it keeps test cards only.');
  const { card, cvc_given } = stored;
  if (card.attach && (cvc_given || !card.only_with_cvc)) return declined(card, request.op_id, card.attach);
  const asks = card.authentication === 'request' && (request.request_three_d_secure ?? 'automatic') !== 'automatic';
  const needed = request.purpose === 'setup' && request.options?.moto !== true && (asks || card.authentication === 'always' || card.authentication === 'unless_set_up' || (card.authentication === 'on_session' && card.charge !== null));
  const asked = askHolder(card, { op_id: request.op_id, authentication: request.authentication, off_session: false, needed });
  if ('stop' in asked) return asked.stop;
  return succeeded(card, request.op_id, { reference: idOf('card', request.op_id), three_d_secure: asked.three_d_secure });
}

/** Five days, as banks take; in real time soon. */
const REFUND_SETTLES: Delay = { on_clock: 5 * 86_400, real: 1 };

/** What the sandbox answers to a refund. That no more is refunded than was charged is the caller's ledger to know. */
export function decideRefund(request: RefundRequest): RefundOutcome {
  if (request.amount <= 0n) return failed('amount_too_small', 'A refund has an amount above zero.');
  const other = partsOf(request.method.reference);
  if (other) return refundOther(request, other);
  const stored = testCardByReference(request.method.reference);
  if (!stored) return failed('resource_missing', 'The sandbox does not know this card; it keeps test cards only.');
  const told = { reference: idOf('re', request.op_id), network_reference: digitsOf('acquirer', request.op_id, 23) };
  const settles = (outcome: RefundOutcome): Consequence[] => [{ kind: 'refund_settles', outcome, after: REFUND_SETTLES }];
  const comes_back: RefundOutcome = { kind: 'declined', reference: told.reference, failure_reason: 'unknown', message: "The card's bank has sent the refund back." };
  if (stored.card.refund === 'pending_then_succeeded') return { kind: 'pending', ...told, foretold: settles({ kind: 'succeeded', ...told, foretold: [] }) };
  if (stored.card.refund === 'succeeded_then_failed') return { kind: 'succeeded', ...told, foretold: settles(comes_back) };
  return { kind: 'succeeded', ...told, foretold: [] };
}

/** A transfer back takes a day. */
const RETURN_SETTLES: Delay = { on_clock: 86_400, real: 1 };

function decideReturn({ op_id, amount }: ReturnRequest): RefundOutcome {
  if (amount <= 0n) return failed('amount_too_small', 'What is sent back is above zero.');
  const told = { reference: idOf('pyr', op_id), network_reference: digitsOf('transfer', op_id, 12) };
  return { kind: 'pending', ...told, foretold: [{ kind: 'refund_settles', outcome: { kind: 'succeeded', ...told, foretold: [] }, after: RETURN_SETTLES }] };
}

/** What the sandbox answers where what was reserved is taken. */
function decideCapture(request: CaptureRequest, options: Pick<SandboxOptions, 'fees'>): HandledOutcome {
  // Nothing more is to be captured: the rest is released.
  if (request.amount === 0n && request.final) return { kind: 'succeeded', reference: request.charge };
  if (request.amount <= 0n) return failed('amount_too_small', 'A capture has an amount above zero.');
  const other = partsOf(request.method.reference);
  const card = other ? null : testCardByReference(request.method.reference)?.card;
  const [type, fees] = [other?.type ?? 'card', options.fees ?? FEES];
  const foretold = card?.afterwards ?? (other?.behaviour.disputed ? [contest(type, { reason: 'product_not_received' })] : []);
  return { kind: 'succeeded', reference: request.charge, fees: feesOn(request.amount, type, fees), available: card?.available ?? 'later', foretold: priced(foretold, type, fees) };
}

/** What the sandbox answers where what was reserved is raised. */
function decideIncrement({ charge, amount, currency }: IncrementRequest, reserved: Succeeded | null): HandledOutcome {
  const allowed = reserved?.allowed;
  return { kind: 'succeeded', reference: charge, money: { amount, currency }, ...(allowed && { allowed: { ...allowed, most: allowed.most > reserved.money!.amount ? more(amount) : amount } }) };
}

/** The sandbox as a processor. Without options it is one process's, honest and in memory. */
export function sandbox(options: SandboxOptions = {}): Processor {
  const book = options.book ?? memoryBook();
  const fault = options.fault ?? (() => null);

  /** Answers an operation once, and the same afterwards. Another request under a used `op_id` proves nothing about the first one's effect, so it is `unknown`. */
  async function once<O extends Answer['outcome']>(kind: Answer['kind'], request: { op_id: string }, decide: () => O): Promise<O | Unknown> {
    const lost = fault(request.op_id);
    if (lost === 'request_lost') return unknown('The request did not arrive in time.');
    const asked = `${kind} ${canonical(request)}`;
    const known = await book.get(request.op_id);
    if (known && known.asked !== asked) return unknown('This op_id was used for another request; look it up.');
    const outcome = known ? (known.answer.outcome as O) : decide();
    // What failed was never tried, so it may be asked again when put right.
    if (!known && outcome.kind !== 'failed') await book.put(request.op_id, { asked, answer: { kind, outcome } as Answer });
    return lost === 'answer_lost' ? unknown('The answer did not arrive in time.') : outcome;
  }

  /** What was done about a charge that was only authorized is refused where it was captured or given up before. */
  async function handle(kind: 'capture' | 'cancel' | 'increment', request: { op_id: string; charge: string; authorized: string }, decide: (reserved: Succeeded | null) => HandledOutcome, closes: boolean): Promise<HandledOutcome> {
    const mark = `${request.authorized}#closed`;
    const [before, closed] = [await book.get(request.authorized), await book.get(mark)];
    const of = before?.answer.kind === 'charge' ? before.answer.outcome : null;
    const reserved = of?.kind === 'succeeded' && !of.captured ? of : null;
    const open = of === null || reserved !== null;
    const refused: HandledOutcome = { kind: 'declined', reference: request.charge, code: 'charge_already_captured', message: 'There is nothing left to capture: the charge was captured or given up before.' };
    const outcome = await once(kind, request, () => (open && (closed === null || closed.asked === request.op_id) ? decide(reserved) : refused));
    if (closes && open && closed === null && outcome.kind === 'succeeded') await book.put(mark, { asked: request.op_id, answer: { kind, outcome } });
    return outcome;
  }

  return {
    name: 'sandbox',
    capabilities: () => CAPABILITIES,
    tokenize: async (source, today, given) => tokenize(source, today, given),
    presented: showPresented,
    save: (request) => once('save', request, () => decideSave(request)),
    charge: (request) => once('charge', request, () => decideCharge(request, options)),
    capture: (request) => handle('capture', request, () => decideCapture(request, options), request.final),
    cancel: (request) => handle('cancel', request, () => ({ kind: 'succeeded', reference: request.charge }), true),
    increment: (request) => handle('increment', request, (reserved) => decideIncrement(request, reserved), false),
    refund: (request) => once('refund', request, () => decideRefund(request)),
    cancelRefund: async ({ refund }) => ({ kind: 'canceled', reference: refund }),
    returnCash: (request) => once('refund', request, () => decideReturn(request)),
    // Its test cards are everybody's: there is nothing to let go.
    detach: (request) => once('detach', request, () => ({ kind: 'succeeded', reference: request.method.reference })),
    async lookup(sought: Sought): Promise<Found> {
      const op_id = sought.op_id ?? (sought.reference === undefined ? null : await book.named(sought.reference));
      const known = op_id === null ? null : await book.get(op_id);
      if (known) return known.answer;
      return book.complete() ? { kind: 'absent' } : unknown('The sandbox has forgotten its oldest operations; this may be one of them.');
    },
    judgeEvidence,
    payouts: { keepBank, ownBank, fees: (amount, method) => payoutFees(amount, method, options.fees), endOf },
    virtualAccount: async (request) => virtualAccount(request),
    async verifyDeposits(given) {
      const judged = judgeDeposits(given);
      return judged === 'verified' ? { kind: 'verified' } : { kind: 'refused', ...DEPOSITS_REFUSED[judged] };
    },
    receive: async () => ({ kind: 'refused', message: 'The sandbox sends no webhooks: what it lets happen it has foretold.' }),
  };
}
