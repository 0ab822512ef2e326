/** What is done about an amount that is only reserved: it is captured, raised, or given up. Each is asked of the processor; until its answer is known the intent is `processing`. */
import { beginAttempt, type Verb } from './attempt.ts';
import { takeCharge } from '../balance/funds.ts';
import { assert, decision, refuse, together, type Decision, type Moment, type Timer } from '../decision.ts';
import { formatMoney, least, maximumCharge } from '../money.ts';
import type { Allowed, Canceled, HandledOutcome, Succeeded, Unknown } from './outcome.ts';
import type { ChargeRow, PaymentIntentRow, PaymentIntentWhole, PaymentMethodRow } from './payment.ts';
import { cancelInvoicePayment, moveIntent } from './intent.ts';
import { refuseFault, tooLarge, uneven } from './offer.ts';
import { refuseDescriptor, type Words } from './words.ts';
import { allowedOf, moveCharge } from './charge.ts';
import { toBeContested } from './foretold.ts';
import { receive, type Payment } from './receive.ts';

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
  words: Partial<Words>;
  at: number;
};

/** What of the question is the caller's. */
type Asking = Pick<HandleQuestion, 'amount' | 'final' | 'reason' | 'words'>;

type Asked = Decision & { payment_intent: PaymentIntentWhole };

function refuseUnreserved({ id, status }: PaymentIntentRow, what: string): void {
  if (status === 'processing') refuse('lock_timeout', `A payment of ${id} is under way. Wait for its outcome, then try again if need be.`, undefined, { status: 409, should_retry: false });
  if (status !== 'requires_capture') refuse('payment_intent_unexpected_state', `The payment intent ${id} is ${status}; only one that is requires_capture can be ${what}.`);
}

/** Whether the intent is waiting for the answer to a question of this kind. */
export const waitsForHandling = ({ status, id, attempts }: PaymentIntentRow, op_id: string): boolean => status === 'processing' && op_id.startsWith(`${id}:`) && op_id.endsWith(`:${attempts}`);

/** The intent is `processing` until the processor has answered. */
function ask({ payment_intent: intent, payment_method: method, charge }: Reserved, verb: Verb & HandleQuestion['verb'], about: Asking, moment: Moment): Asked {
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

/** What the processor has said that may be done about a charge. */
const allowedFor = ({ payment_method_details: details }: ChargeRow) => details?.card?.allowed;

type CaptureOrder = { amount: bigint | null; /** Nothing more is to be taken, and the rest is released. */ final: boolean; words: Partial<Words> };

/** Takes what was reserved, or a part of it. A last capture may take a little more than was reserved, where the card's network allows it, or nothing, after others. */
export function captureIntent(reserved: Reserved, { amount, final, words }: CaptureOrder, moment: Moment): Asked {
  const { payment_intent: intent, payment_method: method, charge } = reserved;
  refuseUnreserved(intent, 'captured');
  refuseDescriptor({ ...intent, ...words }, method);
  if (!final && !allowedFor(charge)?.multicapture) {
    refuse('payment_intent_invalid_parameter', `The payment intent ${intent.id} is captured once: it was not confirmed with \`payment_method_options[card][request_multicapture]\` = \`if_available\`, or that is not available for its card. Leave \`final_capture\` out.`, 'final_capture');
  }
  if (!final && intent.invoice !== null) refuse('payment_intent_invalid_parameter', `The payment intent ${intent.id} pays the invoice ${intent.invoice}, for which it is captured once. Leave \`final_capture\` out.`, 'final_capture');
  const allowed = BigInt(allowedFor(charge)?.most ?? 0);
  const most = final && allowed > charge.amount ? least(allowed, maximumCharge(intent.currency)) - charge.amount_captured : intent.amount_capturable;
  const taken = amount ?? intent.amount_capturable;
  if (taken < 0n || (taken === 0n && (!final || charge.amount_captured === 0n))) refuse('parameter_invalid_integer', 'Capture an amount above zero, or cancel the payment intent.', 'amount_to_capture');
  if (taken > most) refuse('amount_too_large', `Of the payment intent ${intent.id}, ${formatMoney(most, intent.currency)} can be captured, not ${formatMoney(taken, intent.currency)}.`, 'amount_to_capture');
  if (taken !== intent.amount_capturable) refuseFault(uneven(taken, intent.currency), 'amount_to_capture');
  return ask(reserved, 'capture', { amount: String(taken), final, reason: null, words }, moment);
}

/** Raises what is reserved to a new total. */
export function incrementIntent(reserved: Reserved, { amount, words }: { amount: bigint; words: HandleQuestion['words'] }, moment: Moment): Asked {
  const { payment_intent: intent, payment_method: method, charge } = reserved;
  refuseUnreserved(intent, 'incremented');
  refuseDescriptor({ ...intent, ...words }, method);
  if (!allowedFor(charge)?.increment) {
    refuse('payment_intent_unexpected_state', `The payment intent ${intent.id} was not confirmed with \`payment_method_options[card][request_incremental_authorization]\` = \`if_available\`, or that is not available for its card, so its authorization cannot be raised.`);
  }
  if (charge.amount_captured > 0n) refuse('payment_intent_unexpected_state', `Of the payment intent ${intent.id} a part is captured already, so its authorization cannot be raised.`);
  if (amount <= intent.amount) refuse('amount_too_small', `An authorization is raised: give more than the ${formatMoney(intent.amount, intent.currency)} that are reserved.`, 'amount');
  refuseFault(tooLarge(amount, intent.currency) ?? uneven(amount, intent.currency), 'amount');
  return ask(reserved, 'increment', { amount: String(amount), final: false, reason: null, words }, moment);
}

/** Gives up what is reserved, by request or because its time has passed. Of what was captured in part the rest is released, and the payment has succeeded. */
export function releaseIntent(reserved: Reserved, reason: string, moment: Moment): Asked {
  const { payment_intent: intent, charge } = reserved;
  refuseUnreserved(intent, 'canceled');
  if (charge.amount_captured === 0n) return ask(reserved, 'cancel', { amount: '0', final: true, reason, words: {} }, moment);
  if (reason !== 'automatic') {
    refuse('payment_intent_unexpected_state', `Of the payment intent ${intent.id} ${formatMoney(charge.amount_captured, charge.currency)} are captured already. Release the rest by capturing \`amount_to_capture\` = 0, and refund what is to go back.`);
  }
  return ask(reserved, 'capture', { amount: '0', final: true, reason, words: {} }, moment);
}

/** The timer that gives up what is reserved when its time has passed; a null moment stops it. */
const expiry = ({ id, customer, test_clock }: PaymentIntentRow, at: number | null): Timer => ({ kind: 'payment_intent.expire_authorization', subject: id, at, lane: customer ?? id, test_clock });

/** Whether this charge is what an intent has reserved, or just asks to be captured, raised or given up. */
export const isReserved = ({ status, latest_charge }: PaymentIntentRow, { id }: ChargeRow): boolean => (status === 'requires_capture' || status === 'processing') && latest_charge === id;

type Charged = Payment & { charge: ChargeRow };

/** What was reserved has been captured or given up at the processor, by its own doing or somebody's there. */
export function handledElsewhere(facts: Charged, answer: Succeeded | Canceled, moment: Moment): Decision & Payment {
  const nothing = { amount: '0', final: true, words: {} };
  if (answer.kind === 'canceled') return settleHandling(facts, { ...nothing, verb: 'cancel', reason: 'automatic' }, { kind: 'succeeded', reference: answer.reference }, moment);
  const { money = facts.charge, reference, fees, settled, available } = answer;
  return settleHandling(facts, { ...nothing, verb: 'capture', reason: null }, { kind: 'succeeded', reference, money, fees, settled, available }, moment);
}

/** Takes the processor's answer. What it refused leaves the amount reserved as it was. */
export function settleHandling(facts: Charged, question: Asking & Pick<HandleQuestion, 'verb'>, answer: HandledAnswer, moment: Moment): Decision & Payment {
  const { payment_intent: intent, charge: before } = facts;
  if (answer.kind !== 'succeeded') return { ...facts, ...moveIntent(intent, { status: 'requires_capture' }, null, moment) };
  switch (question.verb) {
    case 'capture':
      return captured(facts, question, answer, moment);
    case 'increment': {
      const amount = answer.money?.amount ?? BigInt(question.amount);
      const charge: ChargeRow = { ...before, amount, ...withAllowed(before, answer.allowed) };
      const changed = moveIntent(intent, { ...question.words, status: 'requires_capture', amount, amount_capturable: amount }, 'payment_intent.amount_capturable_updated', moment);
      return { ...facts, ...together([moveCharge(before, charge, 'charge.updated', moment), changed]), payment_intent: changed.payment_intent, charge };
    }
    case 'cancel': {
      // What was reserved is given back in full, as a charge of which nothing was captured.
      const charge: ChargeRow = { ...before, capture_before: null, amount_refunded: before.amount };
      const changed = moveIntent(intent, { status: 'canceled', amount_capturable: 0n, canceled_at: moment.now, cancellation_reason: question.reason }, 'payment_intent.canceled', moment);
      changed.timers.push(expiry(intent, null));
      const told = moveCharge(before, charge, question.reason === 'automatic' ? 'charge.expired' : 'charge.refunded', moment);
      const left = facts.payment && cancelInvoicePayment(facts.payment, moment);
      return { ...facts, ...together([told, changed, left]), payment_intent: changed.payment_intent, charge, payment: left?.payment ?? null };
    }
  }
}

/** The charge's details with what may be done about it now. */
function withAllowed({ payment_method_details: details }: ChargeRow, allowed: Allowed | undefined): Partial<ChargeRow> {
  return details?.card && allowed ? { payment_method_details: { ...details, card: { ...details.card, allowed: allowedOf(allowed) } } } : {};
}

/** One of the captures of a charge, or the only one. What is left stays reserved, unless it was the last. */
function captured(facts: Charged, question: Asking, answer: Extract<HandledAnswer, { kind: 'succeeded' }>, moment: Moment): Decision & Payment {
  const { payment_intent: intent, charge: before, payment_method: { processor } } = facts;
  const amount_captured = answer.money?.amount ?? before.amount_captured + BigInt(question.amount);
  const amount = amount_captured - before.amount_captured;
  assert(amount >= 0n, `less is captured of ${before.id} than before`);
  const over = question.final || amount_captured >= before.amount;
  const row: ChargeRow = { ...before, captured: true, capture_before: over ? null : before.capture_before, amount_captured };
  const how = { processor, test_clock: intent.test_clock, fees: answer.fees, settled: answer.settled, available: answer.available };
  const taken = amount === 0n ? { ...decision(), charge: row, transaction: null } : takeCharge(row, how, moment, amount);
  const { charge } = taken;
  const change = { ...question.words, status: over ? 'succeeded' : 'requires_capture', amount_capturable: over ? 0n : before.amount - amount_captured, amount_received: amount_captured } as const;
  const changed = moveIntent(intent, change, over ? 'payment_intent.succeeded' : 'payment_intent.amount_capturable_updated', moment);
  if (over) changed.timers.push(expiry(intent, null));
  const whole = together([moveCharge(before, charge, amount === 0n ? 'charge.updated' : 'charge.captured', moment), taken, changed]);
  if (taken.transaction === null) return { ...facts, ...whole, payment_intent: changed.payment_intent, charge };
  whole.timers.push(...toBeContested(charge.id, answer.foretold ?? [], intent, moment));
  return receive({ ...facts, payment_intent: changed.payment_intent, charge }, taken.transaction, whole, null, moment, amount);
}
