import type Stripe from 'stripe';
import { refuse } from '../../billing/decision.ts';
import type { SetupIntentWhole } from '../../billing/payment/setup.ts';
import type { Context, Json, Resource, World } from '../../server/context.ts';
import { ERROR_DOCS } from '../../server/http/errors.ts';
import type { Wire } from '../../server/http/wire.ts';
import { detailsOf, renderPaymentMethod, shownOf } from '../payment_methods/resource.ts';
import { setupsById } from './rows.ts';

type LastError = Wire<Stripe.SetupIntent.LastSetupError>;

function renderError({ last_setup_error: error, failed_method }: SetupIntentWhole, world: World): LastError | null {
  if (error === null) return null;
  const { type, code, message, payment_method: _, ...details } = error;
  const told = Object.fromEntries(Object.entries(details).filter(([, value]) => value !== null));
  return { type, code: code as LastError['code'], message, doc_url: `${ERROR_DOCS}#${code}`, ...told, ...(failed_method && { payment_method: renderPaymentMethod(failed_method, world) }) } as LastError;
}

/** What an option is where nothing was said of it. */
const USUAL: Record<string, Record<string, unknown>> = {
  card: { mandate_options: null, network: null, request_three_d_secure: 'automatic' },
  klarna: { currency: null, preferred_locale: null },
  link: { persistent_token: null },
  paypal: { billing_agreement_id: null },
  sepa_debit: {},
  us_bank_account: { verification_method: 'automatic' },
};

export function renderSetupIntent(intent: SetupIntentWhole, world: World): Wire<Stripe.SetupIntent> {
  const action = intent.next_action && (({ reference: _, ...shown }) => shown)(intent.next_action);
  const options = Object.fromEntries(intent.payment_method_types.flatMap((type) => (USUAL[type] ? [[type, { ...USUAL[type], ...shownOf(intent.payment_method_options[type]) }]] : [])));
  return {
    id: intent.id,
    object: 'setup_intent',
    allowed_payment_method_types: intent.allowed_payment_method_types as Wire<Stripe.SetupIntent>['allowed_payment_method_types'],
    application: null,
    automatic_payment_methods: intent.automatic_payment_methods,
    cancellation_reason: intent.cancellation_reason,
    client_secret: intent.client_secret,
    created: intent.created,
    customer: intent.customer,
    customer_account: null,
    description: intent.description,
    excluded_payment_method_types: intent.excluded_payment_method_types as Wire<Stripe.SetupIntent>['excluded_payment_method_types'],
    flow_directions: null,
    last_setup_error: renderError(intent, world),
    latest_attempt: intent.latest_attempt,
    livemode: world.livemode,
    managed_payments: null,
    mandate: intent.mandate,
    metadata: intent.metadata,
    next_action: action as Wire<Stripe.SetupIntent.NextAction> | null,
    on_behalf_of: null,
    payment_method: intent.payment_method,
    payment_method_configuration_details: intent.payment_method_configuration === null ? null : { id: intent.payment_method_configuration, parent: null },
    payment_method_options: options as Wire<Stripe.SetupIntent.PaymentMethodOptions>,
    payment_method_types: intent.payment_method_types,
    single_use_mandate: null,
    status: intent.status,
    usage: intent.usage,
  };
}

/** What a browser that has the client secret may see: nothing of the account's own, nothing of the customer's. */
const SEEN = ['id', 'object', 'automatic_payment_methods', 'cancellation_reason', 'client_secret', 'created', 'description', 'last_setup_error', 'livemode', 'next_action', 'payment_method', 'payment_method_types', 'status', 'usage'];

const forHolder = (body: Json): Json => Object.fromEntries(SEEN.map((field) => [field, body[field]]));

/** Refuses with the card error of a setup that has just been declined, with the intent as it is now. */
async function refuseUnpaid(ctx: Context, id: string): Promise<void> {
  const [intent] = await setupsById(ctx.tx, [id]);
  const error = intent!.last_setup_error;
  if (intent!.status !== 'requires_payment_method' || error === null) return;
  const body = renderSetupIntent(intent!, ctx.world);
  refuse(error.code, error.message, undefined, { ...detailsOf(error), setup_intent: ctx.request?.publishable ? forHolder(body) : body });
}

export const setupIntent: Resource<SetupIntentWhole> = {
  object: 'setup_intent',
  prefix: 'seti',
  render: renderSetupIntent,
  load: (ctx, ids) => setupsById(ctx.tx, ids),
  refuseUnpaid,
  forHolder,
  expands: { customer: 'customer', latest_attempt: 'setup_attempt', mandate: 'mandate', payment_method: 'payment_method' },
};
