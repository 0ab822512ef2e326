import type Stripe from 'stripe';
import { refuse } from '../../billing/decision.ts';
import type { PaymentIntentWhole } from '../../billing/payment/payment.ts';
import type { Context, Json, Resource, World } from '../../server/context.ts';
import { ERROR_DOCS } from '../../server/http/errors.ts';
import { minor, type Wire } from '../../server/http/wire.ts';
import { attemptsById } from '../payment_attempts/rows.ts';
import { detailsOf, renderPaymentMethod, shownOf } from '../payment_methods/resource.ts';
import { includedLines, renderAmountDetails } from './details.ts';
import { intentsById } from './rows.ts';

type LastError = Wire<Stripe.PaymentIntent.LastPaymentError>;

function renderError({ last_payment_error: error, failed_method }: PaymentIntentWhole, world: World): LastError | null {
  if (error === null) return null;
  const { type, code, message, charge, payment_method: _, ...details } = error;
  const told = Object.fromEntries(Object.entries({ ...details, charge }).filter(([, value]) => value !== null));
  return {
    type,
    code: code as LastError['code'],
    message,
    doc_url: `${ERROR_DOCS}#${code}`,
    ...told,
    ...(failed_method && { payment_method: renderPaymentMethod(failed_method, world) }),
  } as LastError;
}

function renderAction({ next_action: action }: PaymentIntentWhole): Wire<Stripe.PaymentIntent.NextAction> | null {
  if (action === null) return null;
  const { reference: _, ...shown } = action;
  return shown as Wire<Stripe.PaymentIntent.NextAction>;
}

/** What an option is where nothing was said of it. */
const USUAL: Record<string, Record<string, unknown>> = {
  bancontact: { preferred_language: 'en' },
  card: { installments: null, mandate_options: null, network: null, request_three_d_secure: 'automatic' },
  customer_balance: { funding_type: 'bank_transfer' },
  klarna: { preferred_locale: null },
  link: { persistent_token: null },
  paypal: { preferred_locale: null, reference: null },
  us_bank_account: { verification_method: 'automatic' },
};

function renderOptions({ payment_method_types, payment_method_options }: PaymentIntentWhole): Wire<Stripe.PaymentIntent.PaymentMethodOptions> {
  return Object.fromEntries(payment_method_types.map((type) => [type, { ...USUAL[type], ...shownOf(payment_method_options[type]) }])) as Wire<Stripe.PaymentIntent.PaymentMethodOptions>;
}

export function renderPaymentIntent(intent: PaymentIntentWhole, world: World): Wire<Stripe.PaymentIntent> {
  return {
    id: intent.id,
    object: 'payment_intent',
    allowed_payment_method_types: intent.allowed_payment_method_types as Wire<Stripe.PaymentIntent>['allowed_payment_method_types'],
    amount: minor(intent.amount),
    amount_capturable: minor(intent.amount_capturable),
    amount_details: renderAmountDetails(intent.amount_details),
    amount_received: minor(intent.amount_received),
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: intent.automatic_payment_methods,
    canceled_at: intent.canceled_at,
    cancellation_reason: intent.cancellation_reason,
    capture_method: intent.capture_method,
    client_secret: intent.client_secret,
    confirmation_method: intent.confirmation_method,
    created: intent.created,
    currency: intent.currency,
    customer: intent.customer,
    customer_account: null,
    description: intent.description,
    excluded_payment_method_types: intent.excluded_payment_method_types as Wire<Stripe.PaymentIntent>['excluded_payment_method_types'],
    last_payment_error: renderError(intent, world),
    latest_charge: intent.latest_charge,
    livemode: world.livemode,
    managed_payments: null,
    metadata: intent.metadata,
    next_action: renderAction(intent),
    on_behalf_of: null,
    payment_method: intent.payment_method,
    ...(intent.payment_details && { payment_details: intent.payment_details }),
    payment_method_configuration_details: intent.payment_method_configuration === null ? null : { id: intent.payment_method_configuration, parent: null },
    payment_method_options: renderOptions(intent),
    payment_method_types: intent.payment_method_types,
    payment_record: null,
    processing: null,
    receipt_email: intent.receipt_email,
    review: null,
    setup_future_usage: intent.setup_future_usage,
    shipping: intent.shipping,
    source: null,
    statement_descriptor: intent.statement_descriptor,
    statement_descriptor_suffix: intent.statement_descriptor_suffix,
    status: intent.status,
    transfer_data: null,
    transfer_group: null,
  };
}

/** What a browser that has the client secret may see: nothing of the account's own, nothing of the customer's. */
const SEEN = [
  'id', 'object', 'amount', 'amount_details', 'automatic_payment_methods', 'canceled_at', 'cancellation_reason', 'capture_method', 'client_secret', 'confirmation_method', 'created', 'currency',
  'description', 'last_payment_error', 'livemode', 'next_action', 'payment_method', 'payment_method_types', 'processing', 'receipt_email', 'setup_future_usage', 'shipping', 'source', 'status',
];

const forHolder = (body: Json): Json => Object.fromEntries(SEEN.map((field) => [field, body[field]]));

/** The intent inside of an error, for whoever asked. */
export function shown(ctx: Context, intent: PaymentIntentWhole): Json {
  const body = renderPaymentIntent(intent, ctx.world);
  return ctx.request?.publishable ? forHolder(body) : body;
}

/** Refuses with the card error of a payment that has just been declined, as the processor's word, with the intent as it is now. */
export function refuseDeclined(ctx: Context, intent: PaymentIntentWhole): void {
  const error = intent.last_payment_error;
  if (intent.status !== 'requires_payment_method' || error === null) return;
  refuse(error.code, error.message, undefined, {
    ...detailsOf(error),
    charge: error.charge ?? undefined,
    payment_intent: shown(ctx, intent),
    ...(intent.failed_method && !ctx.request?.publishable && { payment_method: renderPaymentMethod(intent.failed_method, ctx.world), payment_method_type: intent.failed_method.type }),
  });
}

/** Refuses with the processor's word about what was to be done with a reserved amount, which is as it was. */
async function refuseUnhandled(ctx: Context, intent: PaymentIntentWhole): Promise<void> {
  if (intent.status !== 'requires_capture') return;
  const [attempt] = await attemptsById(ctx.tx, HANDLED.map((verb) => `${intent.id}:${verb}:${intent.attempts}`));
  if (attempt?.state !== 'declined' && attempt?.state !== 'failed') return;
  const { code, message, decline_code } = attempt.word as { code?: string; message?: string; decline_code?: string };
  refuse(code, message ?? `The payment processor has not done it: ${intent.id} is reserved as before.`, undefined, { ...(decline_code && { type: 'card_error', decline_code }), charge: intent.latest_charge ?? undefined, payment_intent: shown(ctx, intent) });
}

const HANDLED = ['capture', 'cancel', 'increment'] as const;

async function refuseUnpaid(ctx: Context, id: string): Promise<void> {
  const [intent] = await intentsById(ctx.tx, [id]);
  refuseDeclined(ctx, intent!);
  await refuseUnhandled(ctx, intent!);
}

export const paymentIntent: Resource<PaymentIntentWhole> = {
  object: 'payment_intent',
  prefix: 'pi',
  render: renderPaymentIntent,
  load: (ctx, ids) => intentsById(ctx.tx, ids),
  refuseUnpaid,
  forHolder,
  includes: { 'amount_details.line_items': includedLines },
  expands: { customer: 'customer', latest_charge: 'charge', payment_method: 'payment_method' },
};
