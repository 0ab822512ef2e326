/** In test mode a confirmation token is made without a browser. */
import type Stripe from 'stripe';
import { refuse, together } from '../../../billing/decision.ts';
import { commit } from '../../../server/commit.ts';
import { realMoment, type Context, type Json, type Room } from '../../../server/context.ts';
import { agrees, covers } from '../../../server/http/agreement.ts';
import { check, choice, exclusive, fields, id, unsupported, url, type Params } from '../../../server/http/params.ts';
import { post } from '../../../server/http/route.ts';
import { renderConfirmationToken } from '../../confirmation_tokens/resource.ts';
import { TOKEN_LIFETIME_S, type ConfirmationTokenRow } from '../../confirmation_tokens/rows.ts';
import { receiver } from '../../payment_intents/params.ts';
import { payment_method_data } from '../../payment_methods/params.ts';
import { methodGiven, methodsById, shippingOf } from '../../payment_methods/rows.ts';

const createConfirmationToken = fields(
  {
    payment_method: id('pm'),
    payment_method_data,
    payment_method_options: unsupported('give the options with the confirmation'),
    return_url: url(),
    setup_future_usage: choice('off_session', 'on_session'),
    shipping: receiver,
  },
  exclusive(['payment_method', 'payment_method_data']),
  check(({ payment_method, payment_method_data: data }: { payment_method?: string; payment_method_data?: unknown }, at) => {
    if (payment_method === undefined && data === undefined) refuse('parameter_missing', `Give the ${at('payment_method')} or its ${at('payment_method_data')}.`, at('payment_method'));
  }, 'a payment method'),
);
type Theirs = NonNullable<Parameters<Stripe['testHelpers']['confirmationTokens']['create']>[0]>;
covers<Theirs, typeof createConfirmationToken>(true);
agrees<Theirs, typeof createConfirmationToken>(true);

async function create(ctx: Context, given: Params<typeof createConfirmationToken>): Promise<Json> {
  if (ctx.world.livemode) refuse('livemode_mismatch', 'Confirmation tokens are made this way in test mode only.');
  const moment = realMoment(ctx.app);
  const [stored] = given.payment_method === undefined ? [] : await methodsById(ctx.tx, [given.payment_method]);
  const named = stored ? { method: stored, decision: together([]) } : await methodGiven(ctx, given, null, moment);
  if (stored?.spent) refuse('payment_method_unexpected_state', `The payment method ${stored.id} was detached from a customer, or used without one, and cannot be used again.`, 'payment_method');
  const { return_url = null, setup_future_usage = null } = given;
  const row: ConfirmationTokenRow = {
    id: moment.newId('ctoken'), created: moment.now, expires_at: moment.now + TOKEN_LIFETIME_S, payment_method: named!.method.id, mandate_data: null, return_url, setup_future_usage,
    shipping: shippingOf(given.shipping) ?? null, use_stripe_sdk: false, payment_intent: null, setup_intent: null,
  };
  const token = { ...row, method: named!.method };
  await commit(ctx, { ...named!.decision, puts: [...named!.decision.puts, { table: 'confirmation_tokens', before: null, after: row }] });
  return renderConfirmationToken(token, ctx.world);
}

export const testConfirmationTokens: Room = { routes: [post('/v1/test_helpers/confirmation_tokens', createConfirmationToken, create)] };
