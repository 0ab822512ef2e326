import { decision, refuse, together, type Decision, type Instant, type Moment } from '../../billing/decision.ts';
import type { Shipping } from '../../billing/customer/customer.ts';
import type { Acceptance, PaymentMethodRow } from '../../billing/payment/payment.ts';
import type { Context } from '../../server/context.ts';
import { rowsById } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import { missing } from '../../server/http/errors.ts';
import { methodsById, refuseUnusable } from '../payment_methods/rows.ts';

/** What a browser has collected for a confirmation: a method, and what was said with it. It is good once, for half a day. */
export type ConfirmationTokenRow = {
  id: string;
  created: Instant;
  expires_at: Instant;
  payment_method: string;
  mandate_data: Acceptance | null;
  return_url: string | null;
  setup_future_usage: 'on_session' | 'off_session' | null;
  shipping: Shipping | null;
  use_stripe_sdk: boolean;
  payment_intent: string | null;
  setup_intent: string | null;
};

/** With the method that it describes. */
export type ConfirmationTokenWhole = ConfirmationTokenRow & { method: PaymentMethodRow };

export const TOKEN_LIFETIME_S = 43_200;

export async function tokensById(tx: Tx, ids: readonly string[], lock = false): Promise<ConfirmationTokenWhole[]> {
  const found = await rowsById<ConfirmationTokenRow>(tx, 'confirmation_tokens', ids, lock);
  const methods = new Map((await methodsById(tx, found.map((each) => each.payment_method))).map((method) => [method.id, method]));
  return found.map((each) => ({ ...each, method: methods.get(each.payment_method)! }));
}

export type TokenGiven = { token: ConfirmationTokenWhole; method: PaymentMethodRow; decision: Decision };

/** The token that a confirmation names, locked: it must be good still, and its method the customer's or nobody's. */
export async function tokenGiven(ctx: Context, id: string | undefined, customer: string | null, moment: Moment): Promise<TokenGiven | null> {
  if (id === undefined) return null;
  const [token] = await tokensById(ctx.tx, [id], true);
  if (!token) return missing('confirmation_token', id, 'confirmation_token');
  const used = token.payment_intent ?? token.setup_intent;
  if (used) refuse(undefined, `The confirmation token ${id} was used for ${used}. Collect a new one.`, 'confirmation_token');
  if (token.expires_at <= moment.now && token.created + TOKEN_LIFETIME_S <= ctx.app.clock.now()) refuse(undefined, `The confirmation token ${id} has expired. Collect a new one.`, 'confirmation_token');
  refuseUnusable(token.method, customer, 'confirmation_token', true);
  return { token, method: token.method, decision: together([]) };
}

/** It is used up. */
export function spend(given: TokenGiven | null, by: { payment_intent: string } | { setup_intent: string }): Decision[] {
  return given ? [{ ...decision(), puts: [{ table: 'confirmation_tokens', before: given.token, after: { ...given.token, ...by } }] }] : [];
}
