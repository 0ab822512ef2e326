/** Setting a method up: its holder agrees that it is kept and charged later, and its issuer confirms that. No money moves. */
import type { Metadata } from '../catalog.ts';
import type { CustomerWhole } from '../customer/customer.ts';
import { decision, refuse, together, type Decision, type Instant, type Moment } from '../decision.ts';
import { defined, mergeMetadata } from '../metadata.ts';
import { beginAttempt } from './attempt.ts';
import { leadsNowhere, nextAction, NOWHERE_TO_ASK, payerOf } from './confirm.ts';
import { adviceIn, paymentError } from './failure.ts';
import { makeMandate, needsMandate, prefixIn } from './mandate.ts';
import { asked, keepReusable, letGo, refuseAttaching } from './method.ts';
import { METHODS, offeredTypes, offNetwork, refuseFault, refuseType } from './offer.ts';
import type { Answer, Outcome, Unknown } from './outcome.ts';
import type { Acceptance, Agreed, HolderAnswer, MethodOptions, NextAction, PaymentError, PaymentMethodRow } from './payment.ts';

export type SetupIntentRow = {
  id: string;
  created: Instant;
  customer: string | null;
  test_clock: string | null;
  status: 'requires_payment_method' | 'requires_confirmation' | 'requires_action' | 'processing' | 'canceled' | 'succeeded';
  usage: 'on_session' | 'off_session';
  client_secret: string;
  payment_method: string | null;
  /** How often it was confirmed; numbers the calls to the processor. */
  attempts: number;
  latest_attempt: string | null;
  mandate: string | null;
  last_setup_error: PaymentError | null;
  next_action: NextAction | null;
  automatic_payment_methods: { enabled: boolean; allow_redirects: 'always' | 'never' } | null;
  payment_method_types: string[];
  allowed_payment_method_types: string[] | null;
  excluded_payment_method_types: string[] | null;
  payment_method_configuration: string | null;
  payment_method_options: MethodOptions;
  description: string | null;
  cancellation_reason: string | null;
  metadata: Metadata;
};

/** The intent with the method that its last error speaks of. */
export type SetupIntentWhole = SetupIntentRow & { failed_method: PaymentMethodRow | null };

export type SetupAttemptRow = {
  id: string;
  created: Instant;
  setup_intent: string;
  customer: string | null;
  payment_method: string;
  status: 'requires_action' | 'processing' | 'succeeded' | 'failed' | 'abandoned';
  usage: 'on_session' | 'off_session';
  setup_error: PaymentError | null;
  /** The type, and under it what was learned. */
  payment_method_details: { type: string; [type: string]: unknown };
};

type SetupOrder = Pick<SetupIntentRow, 'customer' | 'test_clock' | 'usage' | 'payment_method' | 'payment_method_types'> &
  Partial<Pick<SetupIntentRow, 'automatic_payment_methods' | 'allowed_payment_method_types' | 'excluded_payment_method_types' | 'payment_method_configuration' | 'payment_method_options' | 'description' | 'metadata'>>;

export type SetupConfirmation = {
  return_url?: string | null;
  use_stripe_sdk?: boolean;
  authentication?: HolderAnswer;
  acceptance?: Acceptance | null;
  agreed?: Agreed | null;
};

/** What the processor is asked, as the call keeps it. */
export type SaveQuestion = {
  processor: string;
  payment_method: string;
  setup_attempt: string;
  method: { type: string; reference: string; set_up: boolean; network_transaction_id: string | null };
  usage: 'on_session' | 'off_session';
  payer: { name: string | null; email: string | null; country: string | null };
  request_three_d_secure: 'any' | 'automatic' | 'challenge';
  /** Options of the method's type that have no field of their own here, by the names of the API. */
  options: Record<string, unknown>;
  authentication: HolderAnswer | null;
  agreed: Agreed | null;
  return_url: string | null;
  use_stripe_sdk: boolean;
  description: string | null;
  metadata: Metadata;
  at: Instant;
};

/** By what types something can be set up. */
export function setupTypes({ usage, automatic_payment_methods, allowed_payment_method_types: allowed = null, excluded_payment_method_types: excluded = null }: Pick<SetupIntentRow, 'usage' | 'automatic_payment_methods'> & Partial<SetupIntentRow>, enabled: readonly string[] | null): string[] {
  return offeredTypes({ currency: null, capture_method: 'automatic', setup_future_usage: usage, allowed, excluded, enabled, allow_redirects: automatic_payment_methods?.allow_redirects !== 'never' });
}

/** A new intent to keep a method: it waits for one, or for its confirmation. */
export function openSetup(order: SetupOrder, moment: Moment): Decision & { setup_intent: SetupIntentWhole } {
  const id = moment.newId('seti');
  const setup_intent: SetupIntentWhole = {
    automatic_payment_methods: null, allowed_payment_method_types: null, excluded_payment_method_types: null, payment_method_configuration: null, payment_method_options: {}, description: null, metadata: {},
    ...order,
    id,
    created: moment.now,
    status: order.payment_method ? 'requires_confirmation' : 'requires_payment_method',
    client_secret: `${id}_secret_${moment.newSecret(25)}`,
    attempts: 0, latest_attempt: null, mandate: null, last_setup_error: null, next_action: null, cancellation_reason: null, failed_method: null,
  };
  const facts = [{ type: 'setup_intent.created', object: 'setup_intent', whole: setup_intent, at: moment.now }];
  return { ...decision(), puts: [{ table: 'setup_intents', before: null, after: setup_intent }], facts, setup_intent };
}

export function refuseUnconfirmableSetup({ id, status }: SetupIntentRow): void {
  if (status === 'processing') refuse('lock_timeout', `A setup of ${id} is under way. Wait for its outcome, then try again if need be.`, undefined, { status: 409, should_retry: false });
  if (status === 'succeeded' || status === 'canceled') refuse('setup_intent_unexpected_state', `The setup intent ${id} is ${status}; it cannot be confirmed any more.`);
}

/** Whether the intent is waiting for the answer to this question. */
export const waitsForSetup = ({ id, status, attempts }: SetupIntentRow, op_id: string): boolean => (status === 'processing' || status === 'requires_action') && op_id === `${id}:save:${attempts}`;

function agreementOf(intent: SetupIntentRow, method: PaymentMethodRow, how: SetupConfirmation, moment: Moment): Agreed | null {
  if (how.acceptance) return { mandate: moment.newId('mandate'), acceptance: how.acceptance };
  if (how.agreed !== undefined) return how.agreed;
  if (!needsMandate(method.type, intent.usage) || method.mandate) return null;
  return refuse('setup_intent_mandate_invalid', `To keep a method of the type ${method.type}, its holder accepts a mandate: give \`mandate_data\`.`, 'mandate_data');
}

/** Puts the setup to the processor. Until the answer is known the intent is `processing`, and nothing else is tried. `latest` is the attempt that it has come to: with its holder's answer it goes on, else it is abandoned. */
export function confirmSetup(intent: SetupIntentWhole, method: PaymentMethodRow, latest: SetupAttemptRow | null, how: SetupConfirmation, moment: Moment): Decision & { setup_intent: SetupIntentWhole } {
  refuseUnconfirmableSetup(intent);
  refuseType(method, intent.payment_method_types, `the setup intent ${intent.id}`);
  if (intent.customer !== null) refuseAttaching(method, intent.customer);
  if (METHODS[method.type]?.flow === 'redirect' && !how.return_url && !how.authentication && !how.use_stripe_sdk) {
    refuse('parameter_missing', `A setup by ${method.type} is approved on another page: give the \`return_url\` to which the holder is sent from there.`, 'return_url');
  }
  const agreed = agreementOf(intent, method, how, moment);
  const { request_three_d_secure = 'automatic', ...options } = { ...intent.payment_method_options[method.type] } as { request_three_d_secure?: SaveQuestion['request_three_d_secure']; [option: string]: unknown };
  if (!how.authentication) refuseFault(offNetwork(method, options.network));
  const begun = how.authentication ? latest : null;
  const attempt: SetupAttemptRow = begun ? { ...begun, status: 'processing' } : {
    id: moment.newId('setatt'), created: moment.now, setup_intent: intent.id, customer: intent.customer, payment_method: method.id, status: 'processing', usage: intent.usage, setup_error: null,
    payment_method_details: { type: method.type },
  };
  const setup_intent: SetupIntentWhole = {
    ...intent, status: 'processing', payment_method: method.id, attempts: intent.attempts + 1, latest_attempt: attempt.id, last_setup_error: null, failed_method: null, next_action: null,
  };
  const id = `${intent.id}:save:${setup_intent.attempts}`;
  const request: SaveQuestion = {
    processor: method.processor,
    payment_method: method.id,
    setup_attempt: attempt.id,
    method: { type: method.type, reference: method.processor_reference, set_up: method.set_up, network_transaction_id: method.network_transaction_id },
    usage: intent.usage,
    payer: payerOf(method),
    request_three_d_secure, options,
    authentication: how.authentication ?? null,
    agreed,
    return_url: how.return_url ?? null,
    use_stripe_sdk: how.use_stripe_sdk ?? false,
    description: intent.description,
    metadata: intent.metadata,
    at: moment.now,
  };
  const made = begun ? decision() : abandon(intent, latest);
  made.puts.push({ table: 'setup_intents', before: intent, after: setup_intent }, { table: 'setup_attempts', before: begun, after: attempt });
  made.puts.push({ table: 'payment_attempts', before: null, after: beginAttempt(id, 'save', intent.id, method.processor, intent.test_clock, moment.now) });
  made.calls.push({ id, kind: 'processor.save', subject: intent.id, request, test_clock: intent.test_clock });
  return { ...made, setup_intent };
}

/** The holder has acted where an action was required: the setup goes on. */
export function answerSetup(intent: SetupIntentWhole, method: PaymentMethodRow, latest: SetupAttemptRow | null, { result, details }: Omit<HolderAnswer, 'reference'>, begun: SaveQuestion, moment: Moment): Decision & { setup_intent: SetupIntentWhole } {
  const action = intent.next_action;
  if (intent.status !== 'requires_action' || action === null) return refuse('setup_intent_unexpected_state', `The setup intent ${intent.id} is ${intent.status}: nothing is asked of the holder.`);
  if (method.spent) refuse('payment_method_unexpected_state', `The payment method ${method.id} was detached meanwhile. Confirm the setup intent with another one.`);
  return confirmSetup(intent, method, latest, { return_url: begun.return_url, agreed: begun.agreed, authentication: { reference: action.reference, result, ...(details && { details }) } }, moment);
}

type Setup = { setup_intent: SetupIntentWhole; setup_attempt: SetupAttemptRow; payment_method: PaymentMethodRow; customer: CustomerWhole | null };

function move(before: SetupIntentWhole, change: Partial<SetupIntentWhole>, type: string | null, moment: Moment): Decision & { setup_intent: SetupIntentWhole } {
  const setup_intent: SetupIntentWhole = { ...before, ...change };
  return { ...decision(), puts: [{ table: 'setup_intents', before, after: setup_intent }], facts: type === null ? [] : [{ type, object: 'setup_intent', whole: setup_intent, at: moment.now }], setup_intent };
}

const putAttempt = (before: SetupAttemptRow, change: Partial<SetupAttemptRow>): Decision => ({ ...decision(), puts: [{ table: 'setup_attempts', before, after: { ...before, ...change } }] });

/** Its holder is not waited for any more, and what was begun is given up at the processor: its page keeps no method any more. */
function abandon({ id, attempts, test_clock }: SetupIntentRow, latest: SetupAttemptRow | null): Decision {
  if (latest?.status !== 'requires_action') return decision();
  return { ...putAttempt(latest, { status: 'abandoned' }), calls: [{ id: `${id}:give_up:${attempts}`, kind: 'processor.give_up_setup', subject: id, request: {}, test_clock }] };
}

/** `kept` is the method that can be charged from now on, which may be one of another type than was set up; null where there is none. */
type SettledSetup = Decision & { setup_intent: SetupIntentWhole; payment_method: PaymentMethodRow; kept: string | null };

/** Takes the processor's answer. */
export function settleSetup(setup: Setup, question: SaveQuestion, answer: Exclude<Outcome, Unknown>, moment: Moment): SettledSetup {
  switch (answer.kind) {
    case 'succeeded':
      return setUp(setup, question, answer, moment);
    case 'pending':
      return goesOn(setup, { status: 'processing', next_action: null }, null, moment);
    case 'requires_action': {
      if (leadsNowhere(answer.action)) return refused(setup, { kind: 'failed', code: 'authentication_required', message: NOWHERE_TO_ASK }, moment);
      const next_action = nextAction(answer.action, setup.payment_method.type, question, moment.now);
      return goesOn(setup, { status: 'requires_action', next_action }, 'setup_intent.requires_action', moment);
    }
    case 'canceled':
      return refused(setup, { kind: 'failed', code: 'setup_intent_unexpected_state', message: 'The setup was canceled at the payment processor.' }, moment);
    case 'declined':
    case 'failed':
      return refused(setup, answer, moment);
  }
}

/** It waits for its holder, or for the processor's last word. */
function goesOn({ setup_intent, setup_attempt, payment_method }: Setup, change: Pick<SetupAttemptRow, 'status'> & Pick<SetupIntentRow, 'status' | 'next_action'>, type: string | null, moment: Moment): SettledSetup {
  const changed = move(setup_intent, change, type, moment);
  return { ...together([putAttempt(setup_attempt, { status: change.status }), changed]), setup_intent: changed.setup_intent, payment_method, kept: null };
}

/** The method is kept, as what it is or as another type; or let go where nobody is left to have it. */
function setUp({ setup_intent: intent, setup_attempt: attempt, payment_method: before, customer: owner }: Setup, { agreed, options }: SaveQuestion, answer: Answer<'succeeded'>, moment: Moment): SettledSetup {
  const { learned, three_d_secure, network_transaction_id } = answer;
  const lasts = METHODS[before.type]?.kept_as === undefined;
  // What was detached while it was set up stays so, and nobody keeps anything who was deleted meanwhile.
  const keeps = lasts && !before.spent && owner?.deleted !== true;
  // What is kept as another type has its mandate with that.
  const mandate = agreed && keeps ? makeMandate({ id: agreed.mandate, acceptance: agreed.acceptance, customer: intent.customer, single: null, prefix: prefixIn(options) }, before, moment) : null;
  const customer = keeps ? (before.customer ?? intent.customer) : before.customer;
  const payment_method: PaymentMethodRow = {
    ...asked(before),
    customer,
    processor_reference: learned?.reference ?? before.processor_reference,
    set_up: before.set_up || keeps,
    mandate: mandate?.mandate.id ?? before.mandate,
    network_transaction_id: before.network_transaction_id ?? network_transaction_id,
    spent: !keeps,
  };
  const kept = lasts && !keeps ? letGo(payment_method, attempt.id, intent.test_clock, moment) : decision();
  kept.puts.push({ table: 'payment_methods', before, after: payment_method });
  if (customer !== before.customer) kept.facts.push({ type: 'payment_method.attached', object: 'payment_method', whole: payment_method, at: moment.now });
  const by = { customer: intent.customer, acceptance: agreed?.acceptance ?? null, from: { charge: null, setup_attempt: attempt.id } };
  const reusable = learned?.reusable && owner?.deleted !== true ? keepReusable(learned.reusable, before, by, moment) : null;
  const shown = {
    ...learned?.details,
    ...(three_d_secure && { three_d_secure: { ...three_d_secure, electronic_commerce_indicator: null, result_reason: null, transaction_id: null } }),
    ...(reusable && { generated_sepa_debit: reusable.method.id, generated_sepa_debit_mandate: reusable.method.mandate }),
  };
  const changed = move(intent, { status: 'succeeded', next_action: null, mandate: reusable?.method.mandate ?? payment_method.mandate }, 'setup_intent.succeeded', moment);
  const told = putAttempt(attempt, { status: 'succeeded', payment_method_details: { type: before.type, [before.type]: shown } });
  return { ...together([mandate, kept, reusable, told, changed]), setup_intent: changed.setup_intent, payment_method, kept: reusable?.method.id ?? (keeps ? payment_method.id : null) };
}

/** What its holder has agreed to on a page that nobody waits for any more sets nothing up. But the processor has the method under the name that it says from now on. */
export function keptElsewhere(before: PaymentMethodRow, answer: Outcome): Decision {
  const reference = answer.kind === 'succeeded' && !before.spent ? answer.learned?.reference : undefined;
  return reference === undefined ? decision() : { ...decision(), puts: [{ table: 'payment_methods', before, after: { ...before, processor_reference: reference } }] };
}

type Refused = Extract<Outcome, { kind: 'declined' | 'failed' }>;

/** The intent waits for another method. */
function refused({ setup_intent: intent, setup_attempt: attempt, payment_method: method }: Setup, answer: Refused, moment: Moment): SettledSetup {
  const code = answer.code === 'payment_intent_authentication_failure' ? 'setup_intent_authentication_failure' : answer.code;
  const said = { code, message: answer.message, ...(answer.kind === 'declined' && { decline_code: answer.decline_code, ...adviceIn(answer) }) };
  const error = paymentError(answer.kind === 'declined' ? 'card_error' : 'invalid_request_error', said, method);
  const change = { status: 'requires_payment_method', payment_method: null, next_action: null, last_setup_error: error, failed_method: method } as const;
  const changed = move(intent, change, 'setup_intent.setup_failed', moment);
  return { ...together([putAttempt(attempt, { status: 'failed', setup_error: error }), changed]), setup_intent: changed.setup_intent, payment_method: method, kept: null };
}

type SetupChange = Partial<Pick<SetupIntentRow, 'customer' | 'test_clock' | 'description' | 'payment_method' | 'allowed_payment_method_types' | 'excluded_payment_method_types' | 'payment_method_configuration' | 'payment_method_options'>> & { metadata?: Record<string, string> | '' };

/** Changes what is named. It is no event. */
export function changeSetup(before: SetupIntentWhole, latest: SetupAttemptRow | null, change: SetupChange, enabled: readonly string[] | null): Decision & { setup_intent: SetupIntentWhole } {
  const given = defined(change);
  const over = before.status === 'succeeded' || before.status === 'canceled' || before.status === 'processing';
  const fixed = Object.keys(given).find((name) => over && name !== 'description' && name !== 'metadata');
  if (fixed) refuse('setup_intent_unexpected_state', `The setup intent ${before.id} is ${before.status}, so its \`${fixed}\` cannot be changed.`, fixed);
  if (change.customer !== undefined && before.customer !== null && change.customer !== before.customer) refuse('setup_intent_unexpected_state', `The setup intent ${before.id} is of the customer ${before.customer}; that cannot be changed.`, 'customer');
  const payment_method_options = { ...before.payment_method_options, ...change.payment_method_options };
  const after: SetupIntentWhole = { ...before, ...given, payment_method_options, metadata: mergeMetadata(before.metadata, change.metadata) };
  const offers = change.allowed_payment_method_types !== undefined || change.excluded_payment_method_types !== undefined || change.payment_method_configuration !== undefined;
  const waits = change.payment_method !== undefined && change.payment_method !== before.payment_method;
  const setup_intent: SetupIntentWhole = { ...after, ...(offers && { payment_method_types: setupTypes(after, enabled) }), ...(waits && { status: change.payment_method === null ? 'requires_payment_method' : 'requires_confirmation', next_action: null }) };
  const left = waits ? abandon(before, latest) : decision();
  return { ...together([left, { ...decision(), puts: [{ table: 'setup_intents', before, after: setup_intent }] }]), setup_intent };
}

/** Ends a setup that has not gone through. */
export function cancelSetup(intent: SetupIntentWhole, attempt: SetupAttemptRow | null, cancellation_reason: string | null, moment: Moment): Decision & { setup_intent: SetupIntentWhole } {
  refuseUnconfirmableSetup(intent);
  const changed = move(intent, { status: 'canceled', cancellation_reason, next_action: null }, 'setup_intent.canceled', moment);
  return { ...together([abandon(intent, attempt), changed]), setup_intent: changed.setup_intent };
}
