/** What a customer's browser may do with its kept methods, for half an hour. Only a hash of the secret is kept. */
import { createHash } from 'node:crypto';
import type Stripe from 'stripe';
import { decision } from '../../billing/decision.ts';
import { commit } from '../../server/commit.ts';
import { realMoment, type Context, type Json, type Room } from '../../server/context.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { boolean, choice, fields, id, integer, list, required, unsupported, type Params } from '../../server/http/params.ts';
import { post } from '../../server/http/route.ts';
import type { Wire } from '../../server/http/wire.ts';
import { existingCustomer } from '../customers/rows.ts';

const LIFETIME_S = 1_800;
const enabled = required(boolean());
const ability = choice('disabled', 'enabled');
const lacking = unsupported('there is no such component: give `payment_element`');

const createCustomerSession = fields({
  components: required(fields({
    active_entitlements: lacking, buy_button: lacking, customer_portal: lacking, customer_sheet: lacking, mobile_payment_element: lacking, pricing_table: lacking,
    payment_element: required(fields({
      enabled,
      features: fields({
        payment_method_allow_redisplay_filters: list(choice('always', 'limited', 'unspecified'), { max: 3 }),
        payment_method_redisplay: ability,
        payment_method_redisplay_limit: integer({ min: 1, max: 10 }),
        payment_method_remove: ability,
        payment_method_save: ability,
        payment_method_save_usage: choice('off_session', 'on_session'),
      }),
    })),
  })),
  customer: required(id('cus')),
  customer_account: unsupported('accounts as customers are not implemented: name the `customer`'),
});
covers<Stripe.CustomerSessionCreateParams, typeof createCustomerSession>(true);
agrees<Stripe.CustomerSessionCreateParams, typeof createCustomerSession>(true);

const off = { enabled: false };

async function create(ctx: Context, given: Params<typeof createCustomerSession>): Promise<Json> {
  const { id: customer } = await existingCustomer(ctx, given.customer, 'customer');
  const moment = realMoment(ctx.app);
  const { enabled: shown, features = {} } = given.components.payment_element;
  const { payment_method_allow_redisplay_filters = ['always'], payment_method_redisplay = 'disabled', payment_method_redisplay_limit = null, payment_method_remove = 'disabled', payment_method_save = 'disabled', payment_method_save_usage = null } = features;
  const payment_element = {
    enabled: shown,
    features: shown ? { payment_method_allow_redisplay_filters, payment_method_redisplay, payment_method_redisplay_limit, payment_method_remove, payment_method_save, payment_method_save_usage } : null,
  };
  const client_secret = `cuss_secret_${moment.newSecret(48)}`;
  const row = {
    id: moment.newId('cuss'), created: moment.now, expires_at: moment.now + LIFETIME_S, customer, secret_hash: createHash('sha256').update(client_secret).digest('hex'), components: { payment_element },
  };
  await commit(ctx, { ...decision(), puts: [{ table: 'customer_sessions', before: null, after: row }] });
  const components = { active_entitlements: off, buy_button: off, customer_portal: off, customer_sheet: { ...off, features: null }, mobile_payment_element: { ...off, features: null }, payment_element, pricing_table: off };
  return { object: 'customer_session', client_secret, components, created: row.created, customer, customer_account: null, expires_at: row.expires_at, livemode: ctx.world.livemode } satisfies Wire<Stripe.CustomerSession>;
}

export const customerSessions: Room = { routes: [post('/v1/customer_sessions', createCustomerSession, create)] };
