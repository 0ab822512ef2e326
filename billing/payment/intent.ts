/** A payment from its start to its end without one, and what may be changed of it; how it is confirmed is in `confirm.ts`. */
import { decision, refuse, together, type Call, type Decision, type Moment } from '../decision.ts';
import type { InvoiceRow } from '../invoice/invoice.ts';
import { defined, mergeMetadata } from '../metadata.ts';
import { formatMoney, minimumCharge, minor } from '../money.ts';
import { paymentError } from './failure.ts';
import { faultInCharge, offeredTypes, refuseFault, tooLarge, uneven, type Fault } from './offer.ts';
import type { InvoicePaymentRow, PaymentIntentRow, PaymentIntentWhole, PaymentMethodRow } from './payment.ts';
import { refuseUnconfirmable } from './confirm.ts';

type IntentOrder = Pick<PaymentIntentRow, 'customer' | 'test_clock' | 'amount' | 'currency' | 'payment_method_types'> &
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
function invoiceTypes({ currency, subscription, payment_settings: { payment_method_types: allowed } }: InvoiceRow): string[] {
  const offer = { currency, capture_method: 'automatic', setup_future_usage: subscription === null ? null : 'off_session', excluded: null, enabled: null, allow_redirects: true } as const;
  const types = offeredTypes({ ...offer, allowed: null });
  // Money that is sent needs no agreement for later.
  return allowed ? allowed.filter((type) => types.includes(type) || type === 'customer_balance') : types;
}

/** Why a method cannot be charged for what remains of an invoice; null where it can. */
export const faultInInvoice = (method: PaymentMethodRow, invoice: InvoiceRow): Fault | null => faultInCharge(method, { types: invoiceTypes(invoice), amount: invoice.amount_remaining, currency: invoice.currency, network: invoice.payment_settings.payment_method_options?.card?.network });

/** The intent as it has become, with the event that tells of it where there is one. */
export function moveIntent(before: PaymentIntentWhole, change: Partial<PaymentIntentWhole>, type: string | null, moment: Moment): Decision & { payment_intent: PaymentIntentWhole } {
  const payment_intent: PaymentIntentWhole = { ...before, ...change };
  const facts = type === null ? [] : [{ type, object: 'payment_intent', whole: payment_intent, at: moment.now }];
  return { ...decision(), puts: [{ table: 'payment_intents', before, after: payment_intent }], facts, payment_intent };
}

/** An intent whose method could not be charged, so that nothing was tried: it says why. */
export function unchargeable(before: PaymentIntentWhole, { code, message }: Fault, method: PaymentMethodRow, moment: Moment): Decision & { payment_intent: PaymentIntentWhole } {
  return moveIntent(before, { last_payment_error: paymentError('invalid_request_error', { code, message }, method), failed_method: method }, 'payment_intent.payment_failed', moment);
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

/** What waits for its holder is given up at the processor: nobody is to pay it any more. */
function giveUp({ id, status, authentication, attempts, test_clock }: PaymentIntentWhole): Call[] {
  if (status !== 'requires_action' && authentication === null) return [];
  return [{ id: `${id}:give_up:${attempts}`, kind: 'processor.give_up', subject: id, request: {}, test_clock }];
}

/** What may be changed of an intent: what is left out stays as it is. */
type IntentChange = Partial<
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

/** The least and the most that can be charged, and in which steps. */
export function refuseAmount(amount: bigint, currency: string): void {
  refuseFault(tooLarge(amount, currency) ?? uneven(amount, currency), 'amount');
  const least = minimumCharge(currency);
  if (amount < least) refuse('amount_too_small', `The least amount that can be charged in ${currency} is ${formatMoney(least, currency)}.`, 'amount');
}

/** What the holder was asked for, or has agreed to: where one of these is another, it is asked anew. */
const ASKED = ['amount', 'currency', 'payment_method', 'capture_method'] as const;

/** Refuses to change what is settled: all but words once it is over, or under way; what follows from an invoice; and the customer. */
function refuseFixed({ id, status, invoice, customer }: PaymentIntentRow, change: IntentChange): void {
  const over = status === 'succeeded' || status === 'canceled' || status === 'processing' || status === 'requires_capture';
  const fixed = Object.keys(defined(change)).find((name) => (over && !WORDS.includes(name)) || (invoice !== null && OF_INVOICE.includes(name)));
  if (fixed) refuse('payment_intent_unexpected_state', `The payment intent ${id} ${over ? `is ${status}` : `pays the invoice ${invoice}`}, so its \`${fixed}\` cannot be changed.`, fixed);
  if (change.customer !== undefined && customer !== null && change.customer !== customer) refuse('payment_intent_invalid_parameter', `The payment intent ${id} is of the customer ${customer}; that cannot be changed.`, 'customer');
  const manual = Object.entries(change.payment_method_options ?? {}).find(([, options]) => options.capture_method === 'manual')?.[0];
  if (manual !== undefined && invoice !== null) refuse('payment_intent_unexpected_state', `The payment intent ${id} pays the invoice ${invoice}, so it is captured at once.`, `payment_method_options[${manual}][capture_method]`);
}

/** Changes what is named. It is no event. `enabled` are the types that the account's configuration has switched on, where it has said so. */
export function changeIntent(before: PaymentIntentWhole, change: IntentChange, enabled: readonly string[] | null = null): Decision & { payment_intent: PaymentIntentWhole } {
  refuseFixed(before, change);
  const given = defined(change);
  const restarts = (before.status === 'requires_action' || before.authentication !== null) && ASKED.some((name) => change[name] !== undefined && change[name] !== before[name]);
  const open = restarts || before.status === 'requires_payment_method' || before.status === 'requires_confirmation';
  const { payment_method = before.payment_method } = given;
  const after: PaymentIntentWhole = {
    ...before,
    ...given,
    payment_method_options: { ...before.payment_method_options, ...change.payment_method_options },
    metadata: mergeMetadata(before.metadata, change.metadata),
    ...(open && { status: payment_method === null ? 'requires_payment_method' : 'requires_confirmation' }),
    ...(restarts && { next_action: null, authentication: null }),
  };
  const offers = before.invoice === null && OFFERS.some((name) => name in given);
  const payment_intent: PaymentIntentWhole = { ...after, payment_method_types: offers ? typesFor(after, enabled) : before.payment_method_types };
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
  return { ...together([made, left]), payment_intent, payment: left?.payment ?? null };
}
