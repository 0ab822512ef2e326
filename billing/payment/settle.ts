/** A processor's answer becomes true: for the intent, the charge, the method, and for the invoice that is being paid. */
import { takeCharge } from '../balance/funds.ts';
import { assert, decision, together, type Moment } from '../decision.ts';
import { actionRequired, attemptFailed, paymentComing } from '../invoice/paid.ts';
import { charged, chargeOf, leaving } from './charge.ts';
import { leadsNowhere, nextAction, NOWHERE_TO_ASK, waitsFor, type AskedQuestion } from './confirm.ts';
import { adviceIn, NO_ADVICE, paymentError } from './failure.ts';
import { foreseen, toBeContested } from './foretold.ts';
import { moveIntent } from './intent.ts';
import { asked, methodAfter, unkept } from './method.ts';
import type { Answer, PaymentAnswer } from './outcome.ts';
import type { ChargeRow, PaymentError, PaymentIntentWhole } from './payment.ts';
import { owedBy, receive, type Payment, type SettledPayment } from './receive.ts';

/** Whether something else is to be paid by now than was asked for. */
const isOutdated = ({ amount, currency }: PaymentIntentWhole, question: AskedQuestion): boolean => BigInt(question.amount) !== amount || question.currency !== currency;

/** Takes the answer to a question, for an intent that waits for it. That money was taken counts even where the intent waits for something else, or for nothing any more. */
export function settlePayment(facts: Payment, question: AskedQuestion, answer: PaymentAnswer, moment: Moment): SettledPayment {
  const { id, status } = facts.payment_intent;
  const taken = answer.kind === 'succeeded' && answer.captured;
  assert(taken || waitsFor(facts.payment_intent, question), `an answer came for ${id}, which is ${status}`);
  const over = status === 'succeeded' || status === 'canceled' || status === 'requires_capture';
  if (taken && (over || isOutdated(facts.payment_intent, question))) return surplus(facts, question, answer, moment);
  switch (answer.kind) {
    case 'succeeded':
      return answer.captured ? succeeded(facts, question, answer, moment) : authorized(facts, question, answer, moment);
    case 'pending':
      return pending(facts, question, answer, moment);
    case 'declined':
      return declined(facts, question, answer, moment);
    case 'requires_action':
      return waitsForHolder(facts, question, answer, moment);
    case 'failed':
      return failed(facts, question, answer, moment);
    case 'canceled':
      return facts.charge ? declined(facts, question, givenUp(answer), moment) : failed(facts, question, { ...GIVEN_UP, kind: 'failed' }, moment);
  }
}

const GIVEN_UP = { code: 'payment_intent_unexpected_state', message: 'The payment was canceled at the payment processor, and nothing was taken.' };

/** The end of a charge that was on its way, as its decline. */
const givenUp = ({ reference }: Answer<'canceled'>): Answer<'declined'> => ({
  kind: 'declined', reference, ...GIVEN_UP, decline_code: null, ...NO_ADVICE, action: null, assessment: { type: 'invalid', network_status: 'not_sent_to_network', reason: null, risk_level: 'normal', risk_score: 0 },
});

function succeeded(facts: Payment, question: AskedQuestion, answer: Answer<'succeeded'>, moment: Moment): SettledPayment {
  const taken = taking(facts, chargeOf(facts, question, answer, moment), answer, moment);
  // What was agreed to was written down while the payment was on its way.
  const method = methodAfter(facts, facts.charge ? { ...question, agreed: null } : question, answer, taken.charge.id, moment);
  const charge = leaving(taken.charge, method.left);
  const change = { status: 'succeeded', amount_received: charge.amount_captured, latest_charge: charge.id, next_action: null } as const;
  const changed = moveIntent(facts.payment_intent, change, 'payment_intent.succeeded', moment);
  changed.timers.push(...toBeContested(charge.id, answer.foretold, facts.payment_intent, moment));
  const before = together([charged(facts.charge, charge, moment), taken, method, ...unkept(facts.payment_intent, question, method.payment_method, moment), changed]);
  return receive({ ...facts, payment_intent: changed.payment_intent, payment_method: method.payment_method, charge }, taken.transaction, before, question.automatic, moment);
}

/** What a charge has brought us. */
function taking({ payment_intent: { test_clock }, payment_method: { processor } }: Payment, charge: ChargeRow, { fees, settled, available }: Pick<Answer<'succeeded'>, 'fees' | 'settled' | 'available'>, moment: Moment) {
  return takeCharge(charge, { processor, test_clock, fees, settled, available }, moment);
}

/** Money that nobody waits for any more: it is kept apart, and `kontor verify` shows that the payment was taken more than once, or after its end. */
function surplus(facts: Payment, question: AskedQuestion, answer: Answer<'succeeded'>, moment: Moment): SettledPayment {
  const taken = taking(facts, chargeOf(facts, question, answer, moment), answer, moment);
  return receive({ ...facts, charge: taken.charge, payment: null }, taken.transaction, together([charged(facts.charge, taken.charge, moment), taken]), null, moment);
}

/** Reserved: captured later, or given up. */
function authorized(facts: Payment, question: AskedQuestion, answer: Answer<'succeeded'>, moment: Moment): SettledPayment {
  const charge = chargeOf(facts, question, answer, moment);
  const method = methodAfter(facts, question, answer, charge.id, moment);
  const { customer, id, test_clock } = facts.payment_intent;
  const change = { status: 'requires_capture', amount_capturable: charge.amount, latest_charge: charge.id, next_action: null } as const;
  const changed = moveIntent(facts.payment_intent, change, 'payment_intent.amount_capturable_updated', moment);
  changed.timers.push({ kind: 'payment_intent.expire_authorization', subject: id, at: charge.capture_before, lane: customer ?? id, test_clock });
  return { ...facts, ...together([charged(null, charge, moment), method, ...unkept(facts.payment_intent, question, method.payment_method, moment), changed]), payment_intent: changed.payment_intent, payment_method: method.payment_method, charge };
}

/** On its way: whether it comes is known in days. */
function pending(facts: Payment, question: AskedQuestion, answer: Answer<'pending'>, moment: Moment): SettledPayment {
  const charge = chargeOf(facts, question, answer, moment);
  const method = methodAfter(facts, question, { network_transaction_id: null, learned: answer.learned }, charge.id, moment);
  const changed = moveIntent(facts.payment_intent, { status: 'processing', latest_charge: charge.id, next_action: null }, 'payment_intent.processing', moment);
  changed.timers.push(...foreseen(question.op_id, answer.foretold, facts.payment_intent, moment));
  const owed = owedBy(facts);
  const coming = owed && paymentComing(owed, moment);
  const made = together([charged(facts.charge, charge, moment), method, changed, coming]);
  return { ...facts, ...(coming && { subscription: coming.subscription }), ...made, payment_intent: changed.payment_intent, payment_method: method.payment_method, charge };
}

/** The intent waits for another method; the invoice's attempt has failed. */
function unpaid(facts: Payment, question: AskedQuestion, error: PaymentError, asks_holder: boolean, moment: Moment): SettledPayment {
  const change = { status: 'requires_payment_method', payment_method: null, latest_charge: error.charge ?? facts.payment_intent.latest_charge, last_payment_error: error, failed_method: facts.payment_method, next_action: null } as const;
  const changed = moveIntent(facts.payment_intent, change, 'payment_intent.payment_failed', moment);
  const owed = owedBy(facts);
  const attempt = owed && attemptFailed(owed, { automatic: question.automatic, at: question.at, asks_holder }, moment);
  const whole = together([changed, attempt]);
  return { ...facts, ...(attempt && { invoice: attempt.invoice, customer: attempt.customer, subscription: attempt.subscription }), ...whole, payment_intent: changed.payment_intent };
}

function declined(facts: Payment, question: AskedQuestion, answer: Answer<'declined'>, moment: Moment): SettledPayment {
  const charge = chargeOf(facts, question, answer, moment);
  const { code, message, decline_code } = answer;
  const error = paymentError('card_error', { code, message, decline_code, ...adviceIn(answer), charge: charge.id }, facts.payment_method);
  const after = unpaid({ ...facts, payment_method: asked(facts.payment_method) }, question, error, answer.action !== null, moment);
  const known = { ...decision(), puts: [{ table: 'payment_methods', before: facts.payment_method, after: after.payment_method }] };
  return { ...after, ...together([charged(facts.charge, charge, moment), known, after]) };
}

function failed(facts: Payment, question: AskedQuestion, { code, message }: Answer<'failed'>, moment: Moment): SettledPayment {
  return unpaid(facts, question, paymentError('invalid_request_error', { code, message }, facts.payment_method), false, moment);
}

function waitsForHolder(facts: Payment, question: AskedQuestion, { action }: Answer<'requires_action'>, moment: Moment): SettledPayment {
  if (question.error_on_requires_action) {
    const said = { code: 'authentication_required', message: 'The payment has to be confirmed by who pays, and was to fail in that case.', decline_code: 'authentication_required' };
    return unpaid(facts, question, paymentError('card_error', said, facts.payment_method), true, moment);
  }
  if (leadsNowhere(action)) {
    return unpaid(facts, question, paymentError('invalid_request_error', { code: 'authentication_required', message: NOWHERE_TO_ASK }, facts.payment_method), true, moment);
  }
  const changed = moveIntent(facts.payment_intent, { status: 'requires_action', next_action: nextAction(action, facts.payment_method.type, question, moment.now) }, 'payment_intent.requires_action', moment);
  const owed = owedBy(facts);
  const asking = owed && actionRequired(owed, question.automatic, moment);
  return { ...facts, ...(asking && { invoice: asking.invoice, subscription: asking.subscription }), ...together([changed, asking]), payment_intent: changed.payment_intent };
}
