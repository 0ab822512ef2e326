/** A payment from its start to the question that is put to the processor. */
import { assert, decision, refuse, together, type Call, type Decision, type Instant, type Moment } from '../decision.ts';
import type { InvoiceRow } from '../invoice/invoice.ts';
import { mergeMetadata } from '../metadata.ts';
import { formatMoney, minimumCharge, minor } from '../money.ts';
import { beginAttempt } from './attempt.ts';
import { needsMandate } from './mandate.ts';
import type { Action } from './outcome.ts';
import { faultInCharge, foreign, METHODS, offeredTypes, offNetwork, refuseFault, refuseType, tooLarge, type Fault } from './offer.ts';
import { refuseDescriptor, wordsOf, type Words } from './words.ts';
import type { Acceptance, Agreed, HolderAnswer, InvoicePaymentRow, MandateRow, NextAction, PaymentError, PaymentIntentRow, PaymentIntentWhole, PaymentMethodRow } from './payment.ts';

export type IntentOrder = Pick<PaymentIntentRow, 'customer' | 'test_clock' | 'amount' | 'currency' | 'payment_method_types'> &
  Partial<
    Pick<
      PaymentIntentRow,
      | 'invoice' | 'payment_method' | 'setup_future_usage' | 'description' | 'receipt_email' | 'shipping' | 'statement_descriptor' | 'statement_descriptor_suffix' | 'metadata' | 'automatic_payment_methods' | 'capture_method'
      | 'confirmation_method' | 'amount_details' | 'payment_details' | 'allowed_payment_method_types' | 'excluded_payment_method_types' | 'payment_method_configuration' | 'payment_method_options'
    >
  >;

/** A new intent: it waits for a method, or for its confirmation. */
export function openIntent(order: IntentOrder, moment: Moment): Decision & { payment_intent: PaymentIntentWhole } {
  const id = moment.newId('pi');
  const payment_intent: PaymentIntentWhole = {
    id,
    created: moment.now,
    invoice: null,
    payment_method: null,
    setup_future_usage: null,
    description: null,
    receipt_email: null,
    shipping: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    metadata: {},
    automatic_payment_methods: null,
    capture_method: 'automatic_async',
    confirmation_method: 'automatic',
    allowed_payment_method_types: null,
    excluded_payment_method_types: null,
    payment_method_configuration: null,
    payment_method_options: {},
    amount_details: null,
    payment_details: null,
    ...order,
    status: order.payment_method ? 'requires_confirmation' : 'requires_payment_method',
    amount_capturable: 0n,
    amount_received: 0n,
    client_secret: `${id}_secret_${moment.newSecret(25)}`,
    latest_charge: null,
    attempts: 0,
    last_payment_error: null,
    next_action: null,
    authentication: null,
    canceled_at: null,
    cancellation_reason: null,
    failed_method: null,
  };
  const made = decision();
  made.puts.push({ table: 'payment_intents', before: null, after: payment_intent });
  made.facts.push({ type: 'payment_intent.created', object: 'payment_intent', whole: payment_intent, at: moment.now });
  return { ...made, payment_intent };
}

const DESCRIPTIONS: Partial<Record<InvoiceRow['billing_reason'], string>> = { subscription_create: 'Subscription creation', subscription_cycle: 'Subscription renewal', subscription_update: 'Subscription update' };

/** The intent by which an invoice is paid unless another way is chosen, and what of it goes to the invoice: all that remains. */
export function openInvoiceIntent(invoice: InvoiceRow, payment_method: PaymentMethodRow | null, moment: Moment): Decision & { payment_intent: PaymentIntentWhole; payment: InvoicePaymentRow } {
  const { customer, test_clock, currency, amount_remaining, subscription, statement_descriptor } = invoice;
  const opened = openIntent(
    {
      customer, test_clock, currency, statement_descriptor,
      amount: amount_remaining,
      invoice: invoice.id,
      payment_method: payment_method?.id ?? null,
      setup_future_usage: subscription === null ? null : 'off_session',
      payment_method_types: invoiceTypes(invoice),
      payment_method_options: { ...invoice.payment_settings.payment_method_options },
      description: DESCRIPTIONS[invoice.billing_reason] ?? 'Payment of an invoice',
    },
    moment,
  );
  const payment = invoicePayment(invoice, opened.payment_intent, true, moment);
  opened.puts.push({ table: 'invoice_payments', before: null, after: payment });
  // What the customer has sent before it was billed pays it, too.
  if (opened.payment_intent.payment_method_types.includes('customer_balance')) opened.timers.push({ kind: 'payment_intent.apply_cash', subject: opened.payment_intent.id, at: moment.now, lane: customer, test_clock });
  return { ...opened, payment };
}

/** What an invoice can be paid with: what it says, as far as its currency and its being one of many allow. */
export function invoiceTypes({ currency, subscription, payment_settings: { payment_method_types: allowed } }: InvoiceRow): string[] {
  const offer = { currency, capture_method: 'automatic', setup_future_usage: subscription === null ? null : 'off_session', excluded: null, enabled: null, allow_redirects: true } as const;
  const types = offeredTypes({ ...offer, allowed: null });
  // Money that is sent needs no agreement for later.
  return allowed ? allowed.filter((type) => types.includes(type) || type === 'customer_balance') : types;
}

/** Why a method cannot be charged for what remains of an invoice; null where it can. */
export const faultInInvoice = (method: PaymentMethodRow, invoice: InvoiceRow): Fault | null => faultInCharge(method, { types: invoiceTypes(invoice), amount: invoice.amount_remaining, currency: invoice.currency, network: invoice.payment_settings.payment_method_options?.card?.network });

/** An intent whose method could not be charged, so that nothing was tried: it says why. */
export function unchargeable(before: PaymentIntentWhole, { code, message }: Fault, method: PaymentMethodRow, moment: Moment): Decision & { payment_intent: PaymentIntentWhole } {
  const last_payment_error: PaymentError = { type: 'invalid_request_error', code, message, decline_code: null, advice_code: null, network_advice_code: null, network_decline_code: null, charge: null, payment_method: method.id };
  const payment_intent: PaymentIntentWhole = { ...before, last_payment_error, failed_method: method };
  return { ...decision(), puts: [{ table: 'payment_intents', before, after: payment_intent }], facts: [{ type: 'payment_intent.payment_failed', object: 'payment_intent', whole: payment_intent, at: moment.now }], payment_intent };
}

/** What of an intent goes to an invoice. */
export function invoicePayment(invoice: InvoiceRow, intent: PaymentIntentRow, is_default: boolean, moment: Moment): InvoicePaymentRow {
  return {
    id: moment.newId('inpay'),
    created: moment.now,
    invoice: invoice.id,
    payment_intent: intent.id,
    status: 'open',
    amount_requested: intent.amount,
    amount_paid: null,
    currency: intent.currency,
    is_default,
    paid_at: null,
    canceled_at: null,
  };
}

/** Nothing of the intent goes to the invoice any more. */
export function cancelInvoicePayment(before: InvoicePaymentRow, moment: Moment): Decision & { payment: InvoicePaymentRow } {
  const payment: InvoicePaymentRow = { ...before, status: 'canceled', canceled_at: moment.now };
  return { ...decision(), puts: [{ table: 'invoice_payments', before, after: payment }], payment };
}

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

/** What waits for its holder is given up at the processor: nobody is to pay it any more. */
function giveUp({ id, status, authentication, attempts, test_clock }: PaymentIntentWhole): Call[] {
  if (status !== 'requires_action' && authentication === null) return [];
  return [{ id: `${id}:give_up:${attempts}`, kind: 'processor.give_up', subject: id, request: {}, test_clock }];
}

/** What may be changed of an intent: what is left out stays as it is. */
export type IntentChange = Partial<
  Pick<
    PaymentIntentRow,
    | 'amount' | 'currency' | 'customer' | 'test_clock' | 'description' | 'payment_method' | 'receipt_email' | 'setup_future_usage' | 'shipping' | 'statement_descriptor' | 'statement_descriptor_suffix' | 'capture_method'
    | 'allowed_payment_method_types' | 'excluded_payment_method_types' | 'payment_method_configuration' | 'payment_method_options' | 'amount_details' | 'payment_details'
  >
> & { metadata?: Record<string, string> | '' };

/** What can still be said of a payment that is over. */
const WORDS: readonly string[] = ['description', 'metadata', 'receipt_email', 'shipping', 'statement_descriptor', 'statement_descriptor_suffix'];
/** What follows from the invoice where the payment is for one. */
const OF_INVOICE: readonly string[] = ['amount', 'currency', 'customer', 'capture_method'];
/** What decides by what it can be paid. */
const OFFERS: readonly string[] = ['currency', 'capture_method', 'setup_future_usage', 'allowed_payment_method_types', 'excluded_payment_method_types', 'payment_method_configuration'];

/** The least and the most that can be charged. */
export function refuseAmount(amount: bigint, currency: string): void {
  refuseFault(tooLarge(amount, currency));
  const least = minimumCharge(currency);
  if (amount < least) refuse('amount_too_small', `The least amount that can be charged in ${currency} is ${formatMoney(least, currency)}.`, 'amount');
}

/** Changes what is named. It is no event. `enabled` are the types that the account's configuration has switched on, where it has said so. */
export function changeIntent(before: PaymentIntentWhole, change: IntentChange, enabled: readonly string[] | null = null): Decision & { payment_intent: PaymentIntentWhole } {
  const named = Object.entries(change).filter(([, value]) => value !== undefined).map(([name]) => name);
  const over = before.status === 'succeeded' || before.status === 'canceled' || before.status === 'processing' || before.status === 'requires_capture';
  const fixed = named.find((name) => (over && !WORDS.includes(name)) || (before.invoice !== null && OF_INVOICE.includes(name)));
  if (fixed) {
    const why = over ? `is ${before.status}` : `pays the invoice ${before.invoice}`;
    refuse('payment_intent_unexpected_state', `The payment intent ${before.id} ${why}, so its \`${fixed}\` cannot be changed.`, fixed);
  }
  if (change.customer !== undefined && before.customer !== null && change.customer !== before.customer) {
    refuse('payment_intent_invalid_parameter', `The payment intent ${before.id} is of the customer ${before.customer}; that cannot be changed.`, 'customer');
  }
  const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as Omit<IntentChange, 'metadata'>;
  const manual = Object.entries(change.payment_method_options ?? {}).find(([, options]) => options.capture_method === 'manual');
  if (manual && before.invoice !== null) {
    refuse('payment_intent_unexpected_state', `The payment intent ${before.id} pays the invoice ${before.invoice}, so it is captured at once.`, `payment_method_options[${manual[0]}][capture_method]`);
  }
  // What the holder was asked for, or has agreed to, is asked anew where the payment is another one.
  const restarts = (before.status === 'requires_action' || before.authentication !== null) && (['amount', 'currency', 'payment_method', 'capture_method'] as const).some((name) => change[name] !== undefined && change[name] !== before[name]);
  const open = restarts || before.status === 'requires_payment_method' || before.status === 'requires_confirmation';
  const method = change.payment_method === undefined ? before.payment_method : change.payment_method;
  const status = !open ? before.status : method === null ? 'requires_payment_method' : 'requires_confirmation';
  const payment_method_options = { ...before.payment_method_options, ...change.payment_method_options };
  const after: PaymentIntentWhole = { ...before, ...given, payment_method_options, metadata: mergeMetadata(before.metadata, change.metadata), status, ...(restarts && { next_action: null, authentication: null }) };
  const offered = named.some((name) => OFFERS.includes(name)) && before.invoice === null ? typesFor(after, enabled) : before.payment_method_types;
  const payment_intent: PaymentIntentWhole = { ...after, payment_method_types: offered };
  if (change.amount !== undefined || change.currency !== undefined) refuseAmount(payment_intent.amount, payment_intent.currency);
  return { ...decision(), puts: [{ table: 'payment_intents', before, after: payment_intent }], calls: restarts ? giveUp(before) : [], payment_intent };
}

/** For another amount: a transfer that is awaited is for so much; what its holder was asked otherwise, or has agreed to, is asked anew. */
export function changeAmount(before: PaymentIntentWhole, amount: bigint): Decision & { payment_intent: PaymentIntentWhole } {
  const { next_action: action } = before;
  const transfer = action?.display_bank_transfer_instructions as object | undefined;
  const restarts = !transfer && (action !== null || before.authentication !== null);
  const asks = transfer ? { next_action: { ...action!, display_bank_transfer_instructions: { ...transfer, amount_remaining: minor(amount) } } } : restarts ? ({ status: 'requires_confirmation', next_action: null, authentication: null } as const) : {};
  const payment_intent: PaymentIntentWhole = { ...before, ...asks, amount };
  return { ...decision(), puts: [{ table: 'payment_intents', before, after: payment_intent }], calls: restarts ? giveUp(before) : [], payment_intent };
}

/** By what an intent can be paid. */
export function typesFor(
  intent: Pick<PaymentIntentRow, 'currency' | 'capture_method' | 'setup_future_usage' | 'automatic_payment_methods'> & Partial<Pick<PaymentIntentRow, 'allowed_payment_method_types' | 'excluded_payment_method_types'>>,
  enabled: readonly string[] | null,
): string[] {
  const { currency, capture_method, setup_future_usage, automatic_payment_methods, allowed_payment_method_types: allowed = null, excluded_payment_method_types: excluded = null } = intent;
  return offeredTypes({ currency, capture_method, setup_future_usage, allowed, excluded, enabled, allow_redirects: automatic_payment_methods?.allow_redirects !== 'never' });
}

/** Ends an intent that has not been paid; what of it was to go to an invoice goes there no more. */
export function cancelIntent(intent: PaymentIntentWhole, payment: InvoicePaymentRow | null, reason: string | null, moment: Moment): Decision & { payment_intent: PaymentIntentWhole; payment: InvoicePaymentRow | null } {
  refuseUnconfirmable(intent, 'canceled');
  const payment_intent: PaymentIntentWhole = { ...intent, status: 'canceled', canceled_at: moment.now, cancellation_reason: reason, next_action: null };
  const made = decision();
  made.puts.push({ table: 'payment_intents', before: intent, after: payment_intent });
  made.calls.push(...giveUp(intent));
  made.facts.push({ type: 'payment_intent.canceled', object: 'payment_intent', whole: payment_intent, at: moment.now });
  const left = payment && cancelInvoicePayment(payment, moment);
  return { ...together(left ? [made, left] : [made]), payment_intent, payment: left?.payment ?? null };
}
