/** What is done about an amount that is only reserved: it is captured, raised, or given up. Each is asked of the processor; until its answer is known the intent is `processing`. */
import { beginAttempt, type Verb } from './attempt.ts';
import { takeCharge } from '../balance/funds.ts';
import { assert, decision, refuse, together, type Decision, type Moment, type Timer } from '../decision.ts';
import { formatMoney } from '../money.ts';
import type { Canceled, HandledOutcome, Succeeded, Unknown } from './outcome.ts';
import type { ChargeRow, PaymentIntentRow, PaymentIntentWhole, PaymentMethodRow } from './payment.ts';
import { cancelInvoicePayment } from './intent.ts';
import { receive, toBeContested, type Payment } from './settle.ts';
import { METHODS } from './offer.ts';

export type Reserved = { payment_intent: PaymentIntentWhole; payment_method: PaymentMethodRow; charge: ChargeRow };

export type HandledAnswer = Exclude<HandledOutcome, Unknown>;

/** What the processor is asked, as the call keeps it. Amounts are minor units as text. */
export type HandleQuestion = {
  verb: 'capture' | 'cancel' | 'increment';
  processor: string;
  payment_method: string;
  charge: string;
  /** The processor's reference of the charge, and the `op_id` by which it was asked. */
  reference: string;
  authorized: string;
  method: { type: string; reference: string; set_up: boolean };
  currency: string;
  amount: string;
  final: boolean;
  reason: string | null;
  /** What else is changed with it. */
  words: Partial<Pick<PaymentIntentRow, 'description' | 'metadata' | 'statement_descriptor' | 'statement_descriptor_suffix'>>;
  at: number;
};

function refuseUnreserved({ id, status }: PaymentIntentRow, what: string): void {
  if (status === 'processing') refuse('lock_timeout', `A payment of ${id} is under way. Wait for its outcome, then try again if need be.`, undefined, { status: 409, should_retry: false });
  if (status !== 'requires_capture') refuse('payment_intent_unexpected_state', `The payment intent ${id} is ${status}; only one that is requires_capture can be ${what}.`);
}

/** Whether the intent is waiting for the answer to a question of this kind. */
export const waitsForHandling = ({ status, id, attempts }: PaymentIntentRow, op_id: string): boolean => status === 'processing' && op_id.startsWith(`${id}:`) && op_id.endsWith(`:${attempts}`);

function ask({ payment_intent: intent, payment_method: method, charge }: Reserved, verb: Verb & HandleQuestion['verb'], about: Pick<HandleQuestion, 'amount' | 'final' | 'reason' | 'words'>, moment: Moment): Decision & { payment_intent: PaymentIntentWhole } {
  assert(charge.processor_reference !== null && charge.attempt !== null, `the charge ${charge.id} was made by nobody`);
  const payment_intent: PaymentIntentWhole = { ...intent, status: 'processing', attempts: intent.attempts + 1 };
  const id = `${intent.id}:${verb}:${payment_intent.attempts}`;
  const request: HandleQuestion = {
    ...about, verb, processor: method.processor, payment_method: method.id, charge: charge.id, reference: charge.processor_reference, authorized: charge.attempt,
    method: { type: method.type, reference: method.processor_reference, set_up: method.set_up }, currency: charge.currency, at: moment.now,
  };
  const made = decision();
  made.puts.push({ table: 'payment_intents', before: intent, after: payment_intent });
  made.puts.push({ table: 'payment_attempts', before: null, after: beginAttempt(id, verb, intent.id, method.processor, intent.test_clock, moment.now) });
  made.calls.push({ id, kind: `processor.${verb}`, subject: intent.id, request, test_clock: intent.test_clock });
  return { ...made, payment_intent };
}

/** Takes what was reserved, or a part of it; the rest is released. A card's network allows a little more than was reserved where that was asked for. */
export function captureIntent(reserved: Reserved, { amount, words }: { amount: bigint | null; words: HandleQuestion['words'] }, moment: Moment): Decision & { payment_intent: PaymentIntentWhole } {
  const { payment_intent: intent, payment_method: method } = reserved;
  refuseUnreserved(intent, 'captured');
  const options = intent.payment_method_options[method.type];
  const percent = BigInt(options?.request_overcapture === 'if_available' ? (METHODS[method.type]?.overcapture_percent ?? 0) : 0);
  const most = intent.amount_capturable + (intent.amount_capturable * percent) / 100n;
  const taken = amount ?? intent.amount_capturable;
  if (taken <= 0n) refuse('parameter_invalid_integer', 'Capture an amount above zero, or cancel the payment intent.', 'amount_to_capture');
  if (taken > most) refuse('amount_too_large', `Of the payment intent ${intent.id}, ${formatMoney(most, intent.currency)} can be captured, not ${formatMoney(taken, intent.currency)}.`, 'amount_to_capture');
  return ask(reserved, 'capture', { amount: String(taken), final: true, reason: null, words }, moment);
}

/** Raises what is reserved to a new total. */
export function incrementIntent(reserved: Reserved, { amount, words }: { amount: bigint; words: HandleQuestion['words'] }, moment: Moment): Decision & { payment_intent: PaymentIntentWhole } {
  const { payment_intent: intent, payment_method: method } = reserved;
  refuseUnreserved(intent, 'incremented');
  const asked = intent.payment_method_options[method.type]?.request_incremental_authorization === 'if_available';
  if (!METHODS[method.type]?.increment || !asked) {
    refuse('payment_intent_unexpected_state', `The payment intent ${intent.id} was not confirmed with \`payment_method_options[card][request_incremental_authorization]\` = \`if_available\`, so its authorization cannot be raised.`);
  }
  if (amount <= intent.amount) refuse('amount_too_small', `An authorization is raised: give more than the ${formatMoney(intent.amount, intent.currency)} that are reserved.`, 'amount');
  return ask(reserved, 'increment', { amount: String(amount), final: false, reason: null, words }, moment);
}

/** Gives up what is reserved, by request or because its time has passed. */
export function releaseIntent(reserved: Reserved, reason: string, moment: Moment): Decision & { payment_intent: PaymentIntentWhole } {
  refuseUnreserved(reserved.payment_intent, 'canceled');
  return ask(reserved, 'cancel', { amount: '0', final: true, reason, words: {} }, moment);
}

/** The timer that gives up what is reserved when its time has passed; a null moment stops it. */
const expiry = ({ id, customer, test_clock }: PaymentIntentRow, at: number | null): Timer => ({ kind: 'payment_intent.expire_authorization', subject: id, at, lane: customer ?? id, test_clock });

function moved(before: PaymentIntentWhole, change: Partial<PaymentIntentWhole>, type: string | null, moment: Moment): Decision & { payment_intent: PaymentIntentWhole } {
  const payment_intent: PaymentIntentWhole = { ...before, ...change };
  const facts = type === null ? [] : [{ type, object: 'payment_intent', whole: payment_intent, at: moment.now }];
  return { ...decision(), puts: [{ table: 'payment_intents', before, after: payment_intent }], facts, payment_intent };
}

/** Whether this charge is what an intent has reserved, or just asks to be captured, raised or given up. */
export const isReserved = ({ status, latest_charge }: PaymentIntentRow, { id }: ChargeRow): boolean => (status === 'requires_capture' || status === 'processing') && latest_charge === id;

/** What was reserved has been captured or given up at the processor, by its own doing or somebody's there. */
export function handledElsewhere(facts: Payment & { charge: ChargeRow }, answer: Succeeded | Canceled, moment: Moment): Decision & Payment {
  if (answer.kind === 'canceled') return settleHandling(facts, { verb: 'cancel', amount: '0', reason: 'automatic', words: {} }, { kind: 'succeeded', reference: answer.reference }, moment);
  const { amount = facts.charge.amount, reference, fees, settled, available } = answer;
  return settleHandling(facts, { verb: 'capture', amount: String(amount), reason: null, words: {} }, { kind: 'succeeded', reference, fees, settled, available }, moment);
}

/** Takes the processor's answer. What it refused leaves the amount reserved as it was. */
export function settleHandling(facts: Payment & { charge: ChargeRow }, question: Pick<HandleQuestion, 'verb' | 'amount' | 'reason' | 'words'>, answer: HandledAnswer, moment: Moment): Decision & Payment {
  const { payment_intent: intent, charge: before } = facts;
  if (answer.kind !== 'succeeded') return { ...facts, ...moved(intent, { status: 'requires_capture' }, null, moment) };
  const amount = BigInt(question.amount);
  const put = (after: ChargeRow, type: string): Decision => ({ ...decision(), puts: [{ table: 'charges', before, after }], facts: [{ type, object: 'charge', whole: after, before: type === 'charge.updated' ? before : undefined, at: moment.now }] });
  switch (question.verb) {
    case 'capture': {
      const how = { processor: facts.payment_method.processor, test_clock: intent.test_clock, fees: answer.fees, settled: answer.settled, available: answer.available };
      const taken = takeCharge({ ...before, captured: true, capture_before: null, amount_captured: amount }, how, moment);
      const { charge } = taken;
      const change = { ...question.words, status: 'succeeded', amount_capturable: 0n, amount_received: amount } as const;
      const changed = moved(intent, change, 'payment_intent.succeeded', moment);
      changed.timers.push(expiry(intent, null), ...toBeContested(charge.id, answer.foretold ?? [], intent, moment));
      return receive({ ...facts, payment_intent: changed.payment_intent, charge }, taken.transaction, together([put(charge, 'charge.captured'), taken, changed]), null, moment);
    }
    case 'increment': {
      const charge: ChargeRow = { ...before, amount };
      const changed = moved(intent, { ...question.words, status: 'requires_capture', amount, amount_capturable: amount }, 'payment_intent.amount_capturable_updated', moment);
      return { ...facts, ...together([put(charge, 'charge.updated'), changed]), payment_intent: changed.payment_intent, charge };
    }
    case 'cancel': {
      // What was reserved is given back in full, as a charge of which nothing was captured.
      const charge: ChargeRow = { ...before, capture_before: null, amount_refunded: before.amount };
      const changed = moved(intent, { status: 'canceled', amount_capturable: 0n, canceled_at: moment.now, cancellation_reason: question.reason }, 'payment_intent.canceled', moment);
      changed.timers.push(expiry(intent, null));
      const told = put(charge, question.reason === 'automatic' ? 'charge.expired' : 'charge.refunded');
      const left = facts.payment && cancelInvoicePayment(facts.payment, moment);
      return { ...facts, ...together([told, changed, ...(left ? [left] : [])]), payment_intent: changed.payment_intent, charge, payment: left?.payment ?? null };
    }
  }
}
