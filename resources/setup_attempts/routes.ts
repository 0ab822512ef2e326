import type Stripe from 'stripe';
import type { SetupAttemptRow } from '../../billing/payment/setup.ts';
import type { Context, Json, Resource, Room, World } from '../../server/context.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { id, listParams, range, required, type Params } from '../../server/http/params.ts';
import { get } from '../../server/http/route.ts';
import { ERROR_DOCS, missing } from '../../server/http/errors.ts';
import type { Wire } from '../../server/http/wire.ts';
import { equal, page, renderList, within } from '../../server/lists.ts';
import { setupAttemptsById, setupsById } from '../setup_intents/rows.ts';

const listSetupAttempts = listParams({ created: range(), setup_intent: required(id('seti')) });
covers<Stripe.SetupAttemptListParams, typeof listSetupAttempts>(true);
agrees<Stripe.SetupAttemptListParams, typeof listSetupAttempts>(true);

type SetupError = Wire<Stripe.SetupAttempt.SetupError>;

function renderError({ setup_error: error }: SetupAttemptRow): SetupError | null {
  if (error === null) return null;
  const { payment_method: _, charge: __, ...told } = error;
  return { ...Object.fromEntries(Object.entries(told).filter(([, value]) => value !== null)), doc_url: `${ERROR_DOCS}#${error.code}` } as SetupError;
}

/** What an attempt shows of a method, by its type. */
const SHOWN: Record<string, readonly string[]> = {
  bancontact: ['bank_code', 'bank_name', 'bic', 'generated_sepa_debit', 'generated_sepa_debit_mandate', 'iban_last4', 'preferred_language', 'verified_name'],
  ideal: ['bank', 'bic', 'generated_sepa_debit', 'generated_sepa_debit_mandate', 'iban_last4', 'verified_name'],
  card: ['brand', 'checks', 'country', 'exp_month', 'exp_year', 'fingerprint', 'funding', 'last4', 'network', 'three_d_secure', 'wallet'],
};

function renderSetupAttempt(attempt: SetupAttemptRow, world: World): Wire<Stripe.SetupAttempt> {
  const { type } = attempt.payment_method_details;
  const known = (attempt.payment_method_details[type] ?? {}) as Record<string, unknown>;
  return {
    id: attempt.id,
    object: 'setup_attempt',
    application: null,
    created: attempt.created,
    customer: attempt.customer,
    customer_account: null,
    flow_directions: null,
    livemode: world.livemode,
    on_behalf_of: null,
    payment_method: attempt.payment_method,
    payment_method_details: { type, [type]: Object.fromEntries((SHOWN[type] ?? []).map((name) => [name, known[name] ?? null])) } as Wire<Stripe.SetupAttempt.PaymentMethodDetails>,
    setup_error: renderError(attempt),
    setup_intent: attempt.setup_intent,
    status: attempt.status,
    usage: attempt.usage,
  };
}

async function list(ctx: Context, given: Params<typeof listSetupAttempts>): Promise<Json> {
  if ((await setupsById(ctx.tx, [given.setup_intent])).length === 0) missing('setup_intent', given.setup_intent, 'setup_intent');
  const { data, has_more } = await page<SetupAttemptRow>(ctx, 'setup_attempts', 'setup_attempt', [...equal('setup_intent', given.setup_intent), ...within('created', given.created)], given);
  return renderList('/v1/setup_attempts', data.map((each) => renderSetupAttempt(each, ctx.world)), has_more);
}

const setupAttempt: Resource<SetupAttemptRow> = {
  object: 'setup_attempt',
  prefix: 'setatt',
  render: renderSetupAttempt,
  load: (ctx, ids) => setupAttemptsById(ctx.tx, ids),
  expands: { customer: 'customer', payment_method: 'payment_method', setup_intent: 'setup_intent' },
};

export const setupAttempts: Room = { resources: [setupAttempt], routes: [get('/v1/setup_attempts', listSetupAttempts, list)] };
