/** The charge that a processor's answer makes, with all that the API shows of how it went. */
import { DAY_S } from '../calendar.ts';
import { decision, type Decision, type Moment } from '../decision.ts';
import { minor } from '../money.ts';
import type { AskedQuestion } from './confirm.ts';
import { adviceIn, NO_ADVICE } from './failure.ts';
import { asked } from './method.ts';
import { METHODS } from './offer.ts';
import type { Allowed, Answer, Assessment } from './outcome.ts';
import type { CardDetails, ChargedCard, ChargeOutcome, ChargeRow, PaymentMethodRow } from './payment.ts';
import type { Payment } from './receive.ts';

const MESSAGES = { succeeded: 'The payment went through.', pending: 'The payment is on its way.' };

function outcomeOf(assessment: Assessment, seller_message: string, said: Partial<ChargeOutcome> = {}): ChargeOutcome {
  return { ...NO_ADVICE, ...said, ...assessment, seller_message };
}

/** On which of its networks a card is charged: the one that was asked for, else the one that its holder prefers. */
const networkOf = ({ brand, networks: { available, preferred } }: CardDetails, asked: unknown): string => (typeof asked === 'string' ? asked : (available.find((each) => each === preferred) ?? brand));

/** The method as it was charged, as the API shows it under its type. */
function detailsCharged(method: PaymentMethodRow, { method: { mandate }, options }: AskedQuestion, answer: Answer<'succeeded'> | Answer<'pending'> | Answer<'declined'>): ChargeRow['payment_method_details'] {
  const went = answer.kind === 'succeeded' ? answer : null;
  const { card } = asked(method);
  if (!card) return { type: method.type, [method.type]: { ...method.details, ...went?.learned?.details, ...(METHODS[method.type]?.flow === 'debit' && { mandate }) } };
  return {
    type: 'card',
    card: { ...card, network: networkOf(card, options.network), ...(went?.allowed && { allowed: allowedOf(went.allowed) }), authorization_code: went?.authorization_code ?? null, network_transaction_id: went?.network_transaction_id ?? null, three_d_secure: went?.three_d_secure ?? null },
  };
}

export const allowedOf = ({ most, ...allowed }: Allowed): ChargedCard['allowed'] => ({ ...allowed, most: minor(most) });

export function chargeOf({ payment_intent: intent, payment_method: method, charge: begun }: Payment, question: AskedQuestion, answer: Answer<'succeeded'> | Answer<'pending'> | Answer<'declined'>, moment: Moment): ChargeRow {
  const refused = answer.kind === 'declined' ? answer : null;
  const captured = answer.kind === 'succeeded' ? answer.captured : answer.kind === 'pending';
  // What has moved counts, whatever was asked for. Of what was reserved first, a part may have been captured.
  const named = answer.kind === 'declined' ? undefined : answer.money?.amount;
  const amount = question.capture === 'manual' && captured ? BigInt(question.amount) : (named ?? BigInt(question.amount));
  return {
    id: begun?.id ?? moment.newId('ch'),
    created: begun?.created ?? moment.now,
    customer: intent.customer,
    payment_intent: intent.id,
    attempt: begun?.attempt ?? question.op_id,
    balance_transaction: null,
    settled_amount: null,
    settled_currency: null,
    applied: false,
    payment_method: method.id,
    status: answer.kind === 'declined' ? 'failed' : answer.kind,
    captured,
    capture_before: answer.kind === 'succeeded' && !captured ? (answer.capture_before ?? moment.now + (answer.allowed?.extended ? EXTENDED_S : CAPTURE_WITHIN_S)) : null,
    amount,
    amount_captured: answer.kind === 'succeeded' && captured ? (named ?? amount) : 0n,
    amount_refunded: 0n,
    disputed: false,
    amount_disputed: 0n,
    fraud_details: begun?.fraud_details ?? {},
    currency: question.currency,
    failure_code: refused?.code ?? null,
    failure_message: refused?.message ?? null,
    outcome: answer.kind === 'declined' ? outcomeOf(answer.assessment, answer.message, adviceIn(answer)) : outcomeOf(answer.assessment, MESSAGES[answer.kind]),
    billing_details: method.billing_details,
    payment_method_details: detailsCharged(method, question, answer),
    processor: question.processor,
    processor_reference: answer.reference,
    description: begun?.description ?? intent.description,
    receipt_email: begun?.receipt_email ?? intent.receipt_email,
    shipping: begun?.shipping ?? intent.shipping,
    statement_descriptor: intent.statement_descriptor,
    statement_descriptor_suffix: intent.statement_descriptor_suffix,
    metadata: begun?.metadata ?? intent.metadata,
  };
}

/** What is reserved on a card is given up after a week, where the processor does not say when. */
const CAPTURE_WITHIN_S = 7 * DAY_S;
/** Or after a month, where that was asked for. */
const EXTENDED_S = 30 * DAY_S;

/** The charge says what its method has left to be charged later. */
export function leaving(charge: ChargeRow, left: PaymentMethodRow | null): ChargeRow {
  const details = charge.payment_method_details;
  if (!left || !details) return charge;
  const { type, [details.type]: shown } = details;
  return { ...charge, payment_method_details: { type, [type]: { ...(shown as object), generated_sepa_debit: left.id, generated_sepa_debit_mandate: left.mandate } } };
}

/** A charge as it has become, and the event that tells of it. */
export const moveCharge = (before: ChargeRow, charge: ChargeRow, type: string, moment: Moment): Decision =>
  ({ ...decision(), puts: [{ table: 'charges', before, after: charge }], facts: [{ type, object: 'charge', whole: charge, before, at: moment.now }] });

/** The charge that an answer has made, or has come to. */
export function charged(before: ChargeRow | null, charge: ChargeRow, moment: Moment): Decision {
  return {
    ...decision(),
    puts: [{ table: 'charges', before, after: charge }],
    facts: [{ type: `charge.${charge.status}`, object: 'charge', whole: charge, at: moment.now }],
  };
}
