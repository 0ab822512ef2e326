/** A payment that is confirmed: what is put to the processor, and what its holder is asked. */
import { assert, decision, refuse, type Decision, type Instant, type Moment } from '../decision.ts';
import { beginAttempt } from './attempt.ts';
import { needsMandate } from './mandate.ts';
import type { Action } from './outcome.ts';
import { foreign, METHODS, offNetwork, refuseFault, refuseType, tooLarge } from './offer.ts';
import { refuseDescriptor, wordsOf, type Words } from './words.ts';
import type { Acceptance, Agreed, HolderAnswer, MandateRow, NextAction, PaymentIntentRow, PaymentIntentWhole, PaymentMethodRow } from './payment.ts';

/** What a confirmation may say. */
export type Confirmation = {
  /** The holder is absent: an issuer that wants to ask the holder declines instead. */
  off_session: boolean;
  /** A retry by the schedule, not by anybody's request. */
  automatic: boolean;
  request_three_d_secure?: 'any' | 'automatic' | 'challenge';
  return_url?: string | null;
  /** The browser script asks the holder, wherever the processor would send the browser. */
  use_stripe_sdk?: boolean;
  /** The holder's answer, where the intent required an action. */
  authentication?: HolderAnswer;
  /** Rather fail than ask the holder. */
  error_on_requires_action?: boolean;
  /** The holder agrees to be debited, here and now. */
  acceptance?: Acceptance | null;
  /** The mandate to be used, where it is named. */
  mandate?: MandateRow | null;
  /** What was agreed when the payment began that now goes on. */
  agreed?: Agreed | null;
};

/** What the processor is asked, as the call keeps it. */
export type ChargeQuestion = Words & {
  processor: string;
  payment_method: string;
  /** Minor units as text. */
  amount: string;
  currency: string;
  method: { type: string; reference: string; set_up: boolean; network_transaction_id: string | null; mandate: string | null };
  capture: 'automatic' | 'manual';
  /** Options of the method's type that have no field of their own here, by the names of the API. */
  options: Record<string, unknown>;
  setup_future_usage: 'on_session' | 'off_session' | null;
  payer: { name: string | null; email: string | null; country: string | null };
  off_session: boolean;
  automatic: boolean;
  request_three_d_secure: 'any' | 'automatic' | 'challenge';
  authentication: HolderAnswer | null;
  return_url: string | null;
  use_stripe_sdk: boolean;
  error_on_requires_action: boolean;
  /** A mandate that is made with this payment. */
  agreed: Agreed | null;
  /** The processors that were asked for this payment before, and were not able to take it. */
  failed_at?: string[];
  /** The moment of the attempt, from which the next one is counted. */
  at: number;
};

/** The question with the `op_id` under which it was asked. */
export type AskedQuestion = ChargeQuestion & { op_id: string };

/** Whether the intent is waiting for the answer to this question: it is under way, or its holder acts elsewhere, and nothing was asked since. */
export const waitsFor = ({ id, status, attempts }: PaymentIntentWhole, { op_id }: Pick<AskedQuestion, 'op_id'>): boolean =>
  (status === 'processing' || status === 'requires_action') && op_id === `${id}:charge:${attempts}`;

/** Refuses where an intent cannot be confirmed, or canceled, as it stands. */
export function refuseUnconfirmable(intent: PaymentIntentRow, what: 'confirmed' | 'canceled' = 'confirmed'): void {
  if (intent.status === 'processing') {
    refuse('lock_timeout', `A payment of ${intent.id} is under way. Wait for its outcome, then try again if need be.`, undefined, { status: 409, should_retry: false });
  }
  if (intent.status === 'succeeded' || intent.status === 'canceled' || intent.status === 'requires_capture') {
    const instead = intent.status === 'requires_capture' && what === 'canceled' ? 'capture it, or cancel it by itself first' : `it cannot be ${what} any more`;
    refuse('payment_intent_unexpected_state', `The payment intent ${intent.id} is ${intent.status}; ${instead}.`, undefined);
  }
}

/** A page that the holder comes back from needs an address to come back to. */
function refuseRedirect(intent: PaymentIntentWhole, { type, set_up }: PaymentMethodRow, how: Confirmation): void {
  const absent = how.off_session && set_up;
  if (METHODS[type]?.flow !== 'redirect' || how.return_url || how.authentication || intent.authentication || absent || how.use_stripe_sdk) return;
  if (how.off_session) refuse('authentication_required', `A payment by ${type} is approved by who pays, on another page. Keep the method with a setup intent first, then it can be charged without that.`, 'off_session');
  refuse('parameter_missing', `A payment by ${type} is approved on another page: give the \`return_url\` to which who pays is sent from there.`, 'return_url');
}

/** The mandate that comes with a confirmation, where the type needs one: for each debit, and for whatever is kept to be charged later. A mandate that is there already will do. */
function agreementOf(intent: PaymentIntentWhole, method: PaymentMethodRow, future: PaymentIntentRow['setup_future_usage'], how: Confirmation, moment: Moment): ChargeQuestion['agreed'] {
  if (how.acceptance) return { mandate: moment.newId('mandate'), acceptance: how.acceptance };
  const begun = how.agreed ?? intent.authentication?.agreed;
  if (begun) return begun;
  const needed = needsMandate(method.type, future);
  if (how.mandate) {
    const { id, type, status, payment_method } = how.mandate;
    const why = payment_method !== method.id ? `is for another payment method than ${method.id}` : type === 'single_use' ? 'was for one payment' : status !== 'active' ? `is ${status}` : null;
    if (why) refuse('payment_intent_mandate_invalid', `The mandate ${id} ${why}.`, 'mandate');
  }
  if (!needed || how.mandate || method.mandate || how.authentication || intent.authentication) return null;
  return refuse('payment_intent_mandate_invalid', `A payment by ${method.type} needs a mandate, and the payment method ${method.id} has none. Let the customer accept one, and give \`mandate_data\`.`, 'mandate_data');
}

const answerIn = ({ agreed: _, ...answer }: HolderAnswer & { agreed: Agreed | null }): HolderAnswer => answer;

/** Options of a method that mean the same whatever its type. */
type OwnOptions = { capture_method?: 'manual' | ''; setup_future_usage?: 'none' | 'on_session' | 'off_session'; request_three_d_secure?: 'any' | 'automatic' | 'challenge'; [option: string]: unknown };

/** Puts the payment to the processor. Until the answer is known the intent is `processing`, and nothing else is tried. */
export function confirmPayment(intent: PaymentIntentWhole, method: PaymentMethodRow, how: Confirmation, moment: Moment): Decision & { payment_intent: PaymentIntentWhole } {
  refuseUnconfirmable(intent);
  refuseType(method, intent.payment_method_types, `the payment intent ${intent.id}`);
  if (METHODS[method.type]?.flow === 'push') refuse('payment_intent_invalid_parameter', 'A bank transfer is sent by the customer: it cannot be charged. Show the customer its funding instructions instead.', 'payment_method');
  refuseRedirect(intent, method, how);
  const { capture_method, setup_future_usage, request_three_d_secure, ...options } = { ...intent.payment_method_options[method.type] } as OwnOptions;
  const future = setup_future_usage === 'none' ? null : (setup_future_usage ?? intent.setup_future_usage);
  // What pays an invoice is kept as its subscription says, whoever is there.
  if (how.off_session && future !== null && intent.invoice === null) {
    refuse('payment_intent_invalid_parameter', `The payment method is to be kept by the payment intent ${intent.id} (\`setup_future_usage\`), to which its holder may have to agree: leave \`off_session\` out, or \`setup_future_usage\` where it is kept already.`, 'off_session');
  }
  const agreed = agreementOf(intent, method, future, how, moment);
  assert(!method.spent, `the payment method ${method.id} pays nothing any more`);
  if (!how.authentication) {
    refuseFault(foreign(method, intent.currency) ?? offNetwork(method, options.network) ?? tooLarge(intent.amount, intent.currency));
    refuseDescriptor(intent, method);
  }
  const attempts = intent.attempts + 1;
  const payment_intent: PaymentIntentWhole = { ...intent, status: 'processing', payment_method: method.id, attempts, last_payment_error: null, failed_method: null, next_action: null, authentication: null };
  const request: ChargeQuestion = {
    processor: method.processor,
    payment_method: method.id,
    amount: String(intent.amount),
    currency: intent.currency,
    method: { type: method.type, reference: method.processor_reference, set_up: method.set_up, network_transaction_id: method.network_transaction_id, mandate: agreed?.mandate ?? how.mandate?.id ?? method.mandate },
    capture: intent.capture_method === 'manual' || capture_method === 'manual' ? 'manual' : 'automatic',
    options,
    setup_future_usage: future,
    payer: payerOf(method),
    off_session: how.off_session,
    automatic: how.automatic,
    request_three_d_secure: how.request_three_d_secure ?? request_three_d_secure ?? 'automatic',
    authentication: how.authentication ?? (intent.authentication && intent.payment_method === method.id ? answerIn(intent.authentication) : null),
    ...wordsOf(intent),
    return_url: how.return_url ?? null,
    use_stripe_sdk: how.use_stripe_sdk ?? false,
    error_on_requires_action: how.error_on_requires_action ?? false,
    agreed,
    at: moment.now,
  };
  return { ...putQuestion(intent, payment_intent, request, moment), payment_intent };
}

/** Writes a question as the attempt that an intent has come to. */
export function putQuestion(before: PaymentIntentWhole, payment_intent: PaymentIntentWhole, request: ChargeQuestion, moment: Moment): Decision {
  const { id: subject, attempts, test_clock } = payment_intent;
  const id = `${subject}:charge:${attempts}`;
  const made = decision();
  made.puts.push({ table: 'payment_intents', before, after: payment_intent });
  made.puts.push({ table: 'payment_attempts', before: null, after: beginAttempt(id, 'charge', subject, request.processor, test_clock, moment.now) });
  made.calls.push({ id, kind: 'processor.charge', subject, request, test_clock });
  return made;
}

/** The holder has acted where an action was required: the payment goes on, or waits to be confirmed once more where that is the server's part. `begun` is the question that it goes on with. */
export function answerAction(intent: PaymentIntentWhole, method: PaymentMethodRow, { result, details }: Omit<HolderAnswer, 'reference'>, begun: ChargeQuestion, moment: Moment): Decision & { payment_intent: PaymentIntentWhole } {
  const action = intent.next_action;
  if (intent.status !== 'requires_action' || action === null) return refuse('payment_intent_unexpected_state', `The payment intent ${intent.id} is ${intent.status}: nothing is asked of who pays.`);
  if (method.spent) refuse('payment_method_unexpected_state', `The payment method ${method.id} was detached meanwhile. Confirm the payment intent with another one.`);
  const authentication = { reference: action.reference, result, ...(details && { details }) };
  if (intent.confirmation_method === 'manual' && result === 'succeeded') {
    const payment_intent: PaymentIntentWhole = { ...intent, status: 'requires_confirmation', next_action: null, authentication: { ...authentication, agreed: begun.agreed } };
    return { ...decision(), puts: [{ table: 'payment_intents', before: intent, after: payment_intent }], payment_intent };
  }
  return confirmPayment(intent, method, { off_session: false, automatic: false, return_url: begun.return_url, agreed: begun.agreed, authentication }, moment);
}

/** Who pays, as far as the method says so. */
export const payerOf = ({ billing_details: { name, email, address } }: PaymentMethodRow): ChargeQuestion['payer'] => ({ name, email, country: address?.country ?? null });

/** The holder's part of a payment, as the API shows it. Where the browser script is there, or nobody said where to come back to, a card's holder is asked on the page that it is on. */
export function nextAction(action: Action, type: string, { return_url, use_stripe_sdk }: Pick<ChargeQuestion, 'return_url' | 'use_stripe_sdk'>, now: Instant): NextAction {
  const { reference } = action;
  if (action.kind === 'microdeposits') {
    return { type: 'verify_with_microdeposits', verify_with_microdeposits: { arrival_date: now + action.arrives_in, hosted_verification_url: action.url, microdeposit_type: action.type }, reference };
  }
  const { url } = action;
  if (action.kind === '3ds' && (url === null || use_stripe_sdk || return_url === null)) return { type: 'use_stripe_sdk', use_stripe_sdk: { type: 'three_d_secure', reference }, reference };
  if (type === 'cashapp' && action.kind === 'redirect') {
    const qr_code = { expires_at: now + CODE_S, image_url_png: `${url}/qr.png`, image_url_svg: `${url}/qr.svg` };
    return { type: 'cashapp_handle_redirect_or_display_qr_code', cashapp_handle_redirect_or_display_qr_code: { hosted_instructions_url: url, mobile_auth_url: url, qr_code }, reference };
  }
  return { type: 'redirect_to_url', redirect_to_url: { url, return_url }, reference };
}

/** A card's bank asks its holder on a page of the processor's, which there is only where the holder can come back. */
export const leadsNowhere = (action: Action): boolean => action.kind === '3ds' && action.url === null;
export const NOWHERE_TO_ASK = "The card's bank wants to ask its holder, on a page of the payment processor. Confirm again, and give the `return_url` to which the holder is sent from there.";

/** So long a code that is scanned from a screen is good. */
const CODE_S = 3_600;
