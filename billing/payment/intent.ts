/** A payment from its start to the question that is put to the processor. */
import { assert, decision, refuse, type Decision, type Moment } from '../decision.ts';
import type { InvoiceRow } from '../invoice/invoice.ts';
import { mergeMetadata } from '../metadata.ts';
import { formatMoney, minimumCharge } from '../money.ts';
import { beginAttempt } from './attempt.ts';
import type { Action } from './outcome.ts';
import type { InvoicePaymentRow, NextAction, PaymentIntentRow, PaymentIntentWhole, PaymentMethodRow } from './payment.ts';

export type IntentOrder = Pick<PaymentIntentRow, 'customer' | 'test_clock' | 'amount' | 'currency'> &
  Partial<Pick<PaymentIntentRow, 'invoice' | 'payment_method' | 'setup_future_usage' | 'description' | 'receipt_email' | 'statement_descriptor' | 'metadata' | 'automatic_payment_methods' | 'capture_method'>>;

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
    statement_descriptor: null,
    metadata: {},
    automatic_payment_methods: null,
    capture_method: 'automatic_async',
    ...order,
    status: order.payment_method ? 'requires_confirmation' : 'requires_payment_method',
    amount_capturable: 0n,
    amount_received: 0n,
    client_secret: `${id}_secret_${moment.newSecret(25)}`,
    latest_charge: null,
    attempts: 0,
    last_payment_error: null,
    next_action: null,
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
      description: DESCRIPTIONS[invoice.billing_reason] ?? 'Payment of an invoice',
    },
    moment,
  );
  const payment = invoicePayment(invoice, opened.payment_intent, true, moment);
  opened.puts.push({ table: 'invoice_payments', before: null, after: payment });
  return { ...opened, payment };
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
  authentication?: { reference: string; result: 'succeeded' | 'failed' };
};

/** What the processor is asked, as the call keeps it. */
export type ChargeQuestion = {
  processor: string;
  payment_method: string;
  /** Minor units as text. */
  amount: string;
  currency: string;
  method: { type: string; reference: string; set_up: boolean; network_transaction_id: string | null; mandate: string | null };
  capture: 'automatic' | 'manual';
  setup_future_usage: 'on_session' | 'off_session' | null;
  payer: { name: string | null; email: string | null; country: string | null };
  off_session: boolean;
  automatic: boolean;
  request_three_d_secure: 'any' | 'automatic' | 'challenge';
  authentication: { reference: string; result: 'succeeded' | 'failed' } | null;
  description: string | null;
  return_url: string | null;
  use_stripe_sdk: boolean;
  /** The moment of the attempt, from which the next one is counted. */
  at: number;
};

/** Refuses where an intent cannot be confirmed as it stands. */
export function refuseUnconfirmable(intent: PaymentIntentRow): void {
  if (intent.status === 'processing') {
    refuse('lock_timeout', `A payment of ${intent.id} is under way. Wait for its outcome, then try again if need be.`, undefined, { status: 409, should_retry: false });
  }
  if (intent.status === 'succeeded' || intent.status === 'canceled') {
    refuse('payment_intent_unexpected_state', `The payment intent ${intent.id} is ${intent.status}; it cannot be confirmed any more.`, undefined);
  }
}

/** Puts the payment to the processor. Until the answer is known the intent is `processing`, and nothing else is tried. */
export function confirmPayment(intent: PaymentIntentWhole, method: PaymentMethodRow, how: Confirmation, moment: Moment): Decision & { payment_intent: PaymentIntentWhole } {
  refuseUnconfirmable(intent);
  assert(!method.spent, `the payment method ${method.id} pays nothing any more`);
  const attempts = intent.attempts + 1;
  const payment_intent: PaymentIntentWhole = { ...intent, status: 'processing', payment_method: method.id, attempts, last_payment_error: null, failed_method: null, next_action: null };
  const request: ChargeQuestion = {
    processor: method.processor,
    payment_method: method.id,
    amount: String(intent.amount),
    currency: intent.currency,
    method: { type: method.type, reference: method.processor_reference, set_up: method.set_up, network_transaction_id: method.network_transaction_id, mandate: null },
    capture: intent.capture_method === 'manual' ? 'manual' : 'automatic',
    setup_future_usage: intent.setup_future_usage,
    payer: payerOf(method),
    off_session: how.off_session,
    automatic: how.automatic,
    request_three_d_secure: how.request_three_d_secure ?? 'automatic',
    authentication: how.authentication ?? null,
    description: intent.description,
    return_url: how.return_url ?? null,
    use_stripe_sdk: how.use_stripe_sdk ?? false,
    at: moment.now,
  };
  const made = decision();
  made.puts.push({ table: 'payment_intents', before: intent, after: payment_intent });
  const id = `${intent.id}:charge:${attempts}`;
  made.puts.push({ table: 'payment_attempts', before: null, after: beginAttempt(id, 'charge', intent.id, method.processor, intent.test_clock, moment.now) });
  made.calls.push({ id, kind: 'processor.charge', subject: intent.id, request, test_clock: intent.test_clock });
  return { ...made, payment_intent };
}

/** Who pays, as far as the method says so. */
export const payerOf = ({ billing_details: { name, email, address } }: PaymentMethodRow): ChargeQuestion['payer'] => ({ name, email, country: address?.country ?? null });

/** The holder's part of a payment, as the API shows it. Where the browser script is there, or nobody said where to come back to, a card's holder is asked on the page that it is on. */
export function nextAction(action: Action, type: string, { return_url, use_stripe_sdk }: Pick<ChargeQuestion, 'return_url' | 'use_stripe_sdk'>): NextAction {
  const { reference } = action;
  if (action.kind === 'microdeposits') {
    return { type: 'verify_with_microdeposits', verify_with_microdeposits: { arrival_date: action.arrival, hosted_verification_url: action.url, microdeposit_type: action.type }, reference };
  }
  const { url } = action;
  if (action.kind === '3ds' && (url === null || use_stripe_sdk || return_url === null)) return { type: 'use_stripe_sdk', use_stripe_sdk: { type: 'three_d_secure', reference }, reference };
  if (type === 'cashapp' && action.kind === 'redirect') {
    const qr_code = { expires_at: action.expires_at ?? null, image_url_png: `${url}/qr.png`, image_url_svg: `${url}/qr.svg` };
    return { type: 'cashapp_handle_redirect_or_display_qr_code', cashapp_handle_redirect_or_display_qr_code: { hosted_instructions_url: url, mobile_auth_url: url, qr_code }, reference };
  }
  return { type: 'redirect_to_url', redirect_to_url: { url, return_url }, reference };
}

/** What may be changed of an intent: what is left out stays as it is. */
export type IntentChange = Partial<Pick<PaymentIntentRow, 'amount' | 'currency' | 'customer' | 'test_clock' | 'description' | 'payment_method' | 'receipt_email' | 'setup_future_usage' | 'statement_descriptor'>> & { metadata?: Record<string, string> | '' };

/** What can still be said of a payment that is over. */
const WORDS: readonly string[] = ['description', 'metadata', 'receipt_email'];
/** What follows from the invoice where the payment is for one. */
const OF_INVOICE: readonly string[] = ['amount', 'currency', 'customer'];

/** The least that can be charged. */
export function refuseAmount(amount: bigint, currency: string): void {
  const least = minimumCharge(currency);
  if (amount < least) refuse('amount_too_small', `The least amount that can be charged in ${currency} is ${formatMoney(least, currency)}.`, 'amount');
}

/** Changes what is named. It is no event. */
export function changeIntent(before: PaymentIntentWhole, change: IntentChange): Decision & { payment_intent: PaymentIntentWhole } {
  const named = Object.entries(change).filter(([, value]) => value !== undefined).map(([name]) => name);
  const over = before.status === 'succeeded' || before.status === 'canceled' || before.status === 'processing';
  const fixed = named.find((name) => (over && !WORDS.includes(name)) || (before.invoice !== null && OF_INVOICE.includes(name)));
  if (fixed) {
    const why = over ? `is ${before.status}` : `pays the invoice ${before.invoice}`;
    refuse('payment_intent_unexpected_state', `The payment intent ${before.id} ${why}, so its \`${fixed}\` cannot be changed.`, fixed);
  }
  if (change.customer !== undefined && before.customer !== null && change.customer !== before.customer) {
    refuse('payment_intent_invalid_parameter', `The payment intent ${before.id} is of the customer ${before.customer}; that cannot be changed.`, 'customer');
  }
  const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as Omit<IntentChange, 'metadata'>;
  const waits = before.status === 'requires_payment_method' && change.payment_method != null;
  const payment_intent: PaymentIntentWhole = { ...before, ...given, metadata: mergeMetadata(before.metadata, change.metadata), ...(waits && { status: 'requires_confirmation' }) };
  if (change.amount !== undefined || change.currency !== undefined) refuseAmount(payment_intent.amount, payment_intent.currency);
  return { ...decision(), puts: [{ table: 'payment_intents', before, after: payment_intent }], payment_intent };
}

/** Ends an intent that has not been paid; what of it was to go to an invoice goes there no more. */
export function cancelIntent(intent: PaymentIntentWhole, payment: InvoicePaymentRow | null, reason: string | null, moment: Moment): Decision & { payment_intent: PaymentIntentWhole; payment: InvoicePaymentRow | null } {
  refuseUnconfirmable(intent);
  const payment_intent: PaymentIntentWhole = { ...intent, status: 'canceled', canceled_at: moment.now, cancellation_reason: reason, next_action: null };
  const made = decision();
  made.puts.push({ table: 'payment_intents', before: intent, after: payment_intent });
  made.facts.push({ type: 'payment_intent.canceled', object: 'payment_intent', whole: payment_intent, at: moment.now });
  if (payment === null) return { ...made, payment_intent, payment };
  const canceled: InvoicePaymentRow = { ...payment, status: 'canceled', canceled_at: moment.now };
  made.puts.push({ table: 'invoice_payments', before: payment, after: canceled });
  return { ...made, payment_intent, payment: canceled };
}
