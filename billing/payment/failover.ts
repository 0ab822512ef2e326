/**
 * A payment that a processor was not able to take is put to another one, where that can charge the same method: of a type that needs nothing but what the holder has said, since the holder approves each
 * payment on a page. A card, a bank account or whatever else is kept by a token can be charged where the token is, and nowhere else.
 *
 * Only a processor's own word that nothing was done, or that it has never received it, leads here, for a reason that lies with the processor. What is unknown stays unknown; what an issuer has declined is declined.
 */
import { decision, type Decision, type Moment } from '../decision.ts';
import type { AttemptRow } from './attempt.ts';
import { putQuestion, payerOf, type AskedQuestion, type ChargeQuestion } from './confirm.ts';
import { METHODS, type MethodCapability } from './offer.ts';
import type { PaymentMethodRow } from './payment.ts';
import type { Payment } from './receive.ts';

/** What a holder says of a method, as another processor is told it. */
type MethodSaid = { type: string; fields: Record<string, unknown>; payer: ChargeQuestion['payer'] };

/** What another processor is asked before it is asked for the payment. `failed` is the attempt that had no effect, `to` who may take it, in order. */
export type MoveQuestion = { payment_method: string; failed: string; method: MethodSaid; to: string[] };

/** The fields that a holder says of a type. */
const SAID: Readonly<Record<string, readonly string[]>> = { ideal: ['bank'], klarna: ['dob'] };

const saidOf = (method: PaymentMethodRow): MethodSaid => ({
  type: method.type,
  fields: Object.fromEntries((SAID[method.type] ?? []).flatMap((name) => (method.details?.[name] ? [[name, method.details[name]]] : []))),
  payer: payerOf(method),
});

/** Whether another processor may be asked for a payment. A person's word that nothing was done is not enough: who pays has left, and should the word be wrong, two payments are taken. */
export function mayFailOver({ type, set_up, spent, customer }: PaymentMethodRow, { authentication, off_session }: Pick<ChargeQuestion, 'authentication' | 'off_session'>, { word, decided }: Pick<AttemptRow, 'word' | 'decided'>): boolean {
  if (word?.kind !== 'failed' || word.technical !== true || decided !== null) return false;
  // What has begun at a processor, on its page, goes on there.
  return METHODS[type]?.flow === 'redirect' && !set_up && !spent && customer === null && authentication === null && !off_session;
}

/** Whether a processor that has this to say of a type takes a payment. */
export function takesPayment(capability: MethodCapability | undefined, { currency, capture, setup_future_usage: future }: Pick<ChargeQuestion, 'currency' | 'capture' | 'setup_future_usage'>): boolean {
  if (!capability || (capability.currencies !== 'all' && !capability.currencies.includes(currency))) return false;
  return capability.capture.includes(capture) && (future === null || capability.setup_future_usage.includes(future));
}

/** Asks other processors whether they can have the method. Meanwhile the payment stays under way. */
export function failOver({ payment_intent, payment_method }: Payment, { op_id }: Pick<AskedQuestion, 'op_id'>, to: string[]): Decision {
  const request: MoveQuestion = { payment_method: payment_method.id, failed: op_id, method: saidOf(payment_method), to };
  return { ...decision(), calls: [{ id: `${op_id}:move`, kind: 'payment_method.move', subject: payment_intent.id, request, test_clock: payment_intent.test_clock }] };
}

/** Puts the payment to the processor that has the method now, as a new attempt. */
export function goOnAt(facts: Payment, failed: ChargeQuestion, { processor, reference, identity = null }: { processor: string; reference: string; identity?: string | null }, moment: Moment): Decision & Payment {
  const payment_method: PaymentMethodRow = { ...facts.payment_method, processor, processor_reference: reference, processor_identity: identity };
  const request: ChargeQuestion = { ...failed, processor, method: { ...failed.method, reference }, failed_at: [...(failed.failed_at ?? []), failed.processor] };
  const payment_intent = { ...facts.payment_intent, attempts: facts.payment_intent.attempts + 1 };
  const made = putQuestion(facts.payment_intent, payment_intent, request, moment);
  made.puts.push({ table: 'payment_methods', before: facts.payment_method, after: payment_method });
  return { ...facts, ...made, payment_intent, payment_method };
}
