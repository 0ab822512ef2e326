import { refuse, together, type Decision, type Moment } from '../../billing/decision.ts';
import { mergeMetadata } from '../../billing/metadata.ts';
import { refuseType } from '../../billing/payment/offer.ts';
import type { PaymentMethodRow } from '../../billing/payment/payment.ts';
import { cancelSetup, changeSetup, confirmSetup, openSetup, refuseUnconfirmableSetup, setupTypes, type SetupConfirmation, type SetupIntentRow, type SetupIntentWhole } from '../../billing/payment/setup.ts';
import { afterSetup } from '../../billing/subscription/setup.ts';
import { commit } from '../../server/commit.ts';
import { momentOn, type Context, type Json } from '../../server/context.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import type { Answer } from '../../server/http/route.ts';
import { equal, page, renderList, within } from '../../server/lists.ts';
import { spend, tokenGiven, type TokenGiven } from '../confirmation_tokens/rows.ts';
import { lockCustomer } from '../customers/rows.ts';
import { acceptanceOf } from '../mandates/rows.ts';
import { enabledTypes } from '../payment_method_configurations/rows.ts';
import { methodGiven, methodsById, optionsOf, refuseToBrowser, verifyDeposits } from '../payment_methods/rows.ts';
import type * as params from './params.ts';
import { renderSetupIntent } from './resource.ts';
import { answeredSetup, lockLatest, lockSetup, refuseForeign, setupsById, wholeSetups } from './rows.ts';

type Path = { intent: string };
type Confirming = Pick<Params<typeof params.confirmSetupIntent>, 'return_url' | 'use_stripe_sdk' | 'mandate_data'>;

const confirmationOf = (ctx: Context, { return_url, use_stripe_sdk = false, mandate_data }: Confirming, token: TokenGiven | null): SetupConfirmation => ({
  return_url: return_url ?? token?.token.return_url,
  use_stripe_sdk: use_stripe_sdk || token?.token.use_stripe_sdk,
  acceptance: acceptanceOf(ctx, mandate_data) ?? token?.token.mandate_data ?? null,
});

/** Once what waits for its holder was given up. */
const asIs = (id: string): Answer => ({ ref: { object: 'setup_intent', id } });
const answer = (id: string): Answer => ({ ref: { object: 'setup_intent', id, refuseUnpaid: true } });

export async function create(ctx: Context, given: Params<typeof params.createSetupIntent>): Promise<Answer> {
  const customer = given.customer === undefined ? null : await lockCustomer(ctx, given.customer, 'customer');
  const moment = await momentOn(ctx, customer?.test_clock ?? null);
  const token = await tokenGiven(ctx, given.confirmation_token, customer?.id ?? null, moment);
  const named = token ?? (await methodGiven(ctx, given, customer?.id ?? null, moment));
  const { usage, allowed_payment_method_types: allowed = null, excluded_payment_method_types: excluded = null } = given;
  const automatic_payment_methods = allowed === null && given.automatic_payment_methods?.enabled !== false ? ({ allow_redirects: 'always', enabled: true, ...given.automatic_payment_methods } as const) : null;
  const offer = { usage, automatic_payment_methods, allowed_payment_method_types: allowed, excluded_payment_method_types: excluded };
  const opened = openSetup(
    {
      ...offer,
      customer: customer?.id ?? null,
      test_clock: customer?.test_clock ?? null,
      payment_method: named?.method.id ?? null,
      payment_method_configuration: given.payment_method_configuration ?? null,
      payment_method_types: setupTypes(offer, await enabledTypes(ctx, given.payment_method_configuration)),
      payment_method_options: optionsOf(given.payment_method_options) ?? {},
      description: given.description ?? null,
      metadata: mergeMetadata({}, given.metadata),
    },
    moment,
  );
  if (named) refuseType(named.method, opened.setup_intent.payment_method_types, 'this setup intent');
  const first = named ? [named.decision, opened] : [opened];
  if (!given.confirm) {
    const wasted = (['return_url', 'use_stripe_sdk', 'mandate_data', 'confirmation_token'] as const).find((name) => given[name] !== undefined && given[name] !== '');
    if (wasted) refuse(undefined, `\`${wasted}\` is about a confirmation: give \`confirm\`, too.`, wasted);
    await commit(ctx, together(first));
    return renderSetupIntent(opened.setup_intent, ctx.world);
  }
  if (!named) refuse('parameter_missing', 'To confirm a setup intent at its creation, give its `payment_method`.', 'payment_method');
  await commit(ctx, together([...first, ...spend(token, { setup_intent: opened.setup_intent.id }), confirmSetup(opened.setup_intent, named.method, null, confirmationOf(ctx, given, token), moment)]));
  return answer(opened.setup_intent.id);
}

async function methodFor(ctx: Context, intent: SetupIntentWhole, given: Params<typeof params.confirmSetupIntent>, token: TokenGiven | null, moment: Moment): Promise<{ method: PaymentMethodRow; decision: Decision }> {
  const named = token ?? (await methodGiven(ctx, given, intent.customer, moment));
  if (named) return named;
  const [own] = intent.payment_method === null ? [] : await methodsById(ctx.tx, [intent.payment_method], true);
  if (own && !own.spent) return { method: own, decision: together([]) };
  return refuse('setup_intent_unexpected_state', `The setup intent ${intent.id} has no payment method. Give one to confirm it.`, 'payment_method');
}

export async function confirm(ctx: Context, given: Params<typeof params.confirmSetupIntent>, path: Path): Promise<Answer> {
  const { intent, moment } = await lockSetup(ctx, path.intent);
  refuseForeign(ctx, intent, given.client_secret);
  refuseToBrowser(ctx, given);
  refuseUnconfirmableSetup(intent);
  const token = await tokenGiven(ctx, given.confirmation_token, intent.customer, moment);
  const { method, decision } = await methodFor(ctx, intent, given, token, moment);
  const latest = await lockLatest(ctx.tx, intent);
  const changed = changeSetup(intent, latest, { allowed_payment_method_types: given.allowed_payment_method_types, payment_method_options: optionsOf(given.payment_method_options) }, await enabledTypes(ctx, intent.payment_method_configuration ?? undefined, false));
  await commit(ctx, together([decision, changed, ...spend(token, { setup_intent: intent.id }), confirmSetup(changed.setup_intent, method, latest, confirmationOf(ctx, given, token), moment)]));
  return answer(intent.id);
}

export async function update(ctx: Context, given: Params<typeof params.updateSetupIntent>, path: Path): Promise<Answer> {
  const { intent, moment } = await lockSetup(ctx, path.intent);
  const customer = given.customer === undefined ? null : await lockCustomer(ctx, given.customer, 'customer');
  const named = await methodGiven(ctx, given, customer?.id ?? intent.customer, moment);
  const { description, metadata } = given;
  const configuration = given.payment_method_configuration ?? intent.payment_method_configuration ?? undefined;
  const changed = changeSetup(intent, await lockLatest(ctx.tx, intent), {
    description, metadata,
    allowed_payment_method_types: given.allowed_payment_method_types, excluded_payment_method_types: given.excluded_payment_method_types, payment_method_options: optionsOf(given.payment_method_options),
    ...(customer && { customer: customer.id, test_clock: customer.test_clock }), payment_method: named?.method.id ?? (given.payment_method === null ? null : undefined),
    payment_method_configuration: given.payment_method_configuration,
  }, await enabledTypes(ctx, configuration, given.payment_method_configuration !== undefined));
  if (named) refuseType(named.method, changed.setup_intent.payment_method_types, `the setup intent ${intent.id}`);
  await commit(ctx, together([...(named ? [named.decision] : []), changed]));
  return asIs(intent.id);
}

export async function cancel(ctx: Context, given: Params<typeof params.cancelSetupIntent>, path: Path): Promise<Answer> {
  const { intent, subscription, moment } = await lockSetup(ctx, path.intent);
  const canceled = cancelSetup(intent, await lockLatest(ctx.tx, intent), given.cancellation_reason ?? null, moment);
  await commit(ctx, together([canceled, afterSetup(subscription, canceled.setup_intent, null, moment)]));
  return asIs(intent.id);
}

/** The small amounts or the code that came to the bank account prove that it is the holder's: the setup goes on. */
export async function verifyMicrodeposits(ctx: Context, given: Params<typeof params.verifyMicrodeposits>, path: Path): Promise<Answer> {
  const { intent, moment } = await lockSetup(ctx, path.intent);
  refuseForeign(ctx, intent, given.client_secret);
  if (intent.next_action?.type !== 'verify_with_microdeposits') refuse('setup_intent_unexpected_state', `The setup intent ${intent.id} waits for no verification of a bank account.`);
  const [method] = await methodsById(ctx.tx, [intent.payment_method!], true);
  await commit(ctx, await answeredSetup(ctx, intent, await verifyDeposits(ctx, method!, intent.next_action.reference, given), moment));
  return answer(intent.id);
}

export async function retrieve(ctx: Context, given: Params<typeof params.retrieveSetupIntent>, path: Path): Promise<Json> {
  const [intent] = await setupsById(ctx.tx, [path.intent]);
  if (!intent) missing('setup_intent', path.intent);
  refuseForeign(ctx, intent, given.client_secret);
  return renderSetupIntent(intent, ctx.world);
}

export async function list(ctx: Context, given: Params<typeof params.listSetupIntents>): Promise<Json> {
  const { customer, payment_method } = given;
  const everywhere = customer === undefined && payment_method === undefined ? equal('test_clock', null) : [];
  const conditions = [...equal('customer', customer), ...equal('payment_method', payment_method), ...within('created', given.created), ...everywhere];
  const { data, has_more } = await page<SetupIntentRow>(ctx, 'setup_intents', 'setup_intent', conditions, given);
  return renderList('/v1/setup_intents', (await wholeSetups(ctx.tx, data)).map((each) => renderSetupIntent(each, ctx.world)), has_more);
}
