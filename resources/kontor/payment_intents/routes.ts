/** In test mode there is no bank to ask the card's holder: the browser script asks, and tells the answer here. In live mode the processor asks. */
import { refuse } from '../../../billing/decision.ts';
import { refuseUnpayable } from '../../../billing/invoice/pay.ts';
import { confirmPayment } from '../../../billing/payment/intent.ts';
import { commit } from '../../../server/commit.ts';
import type { Context, Room } from '../../../server/context.ts';
import { choice, fields, required, text, type Params } from '../../../server/http/params.ts';
import { post, type Answer } from '../../../server/http/route.ts';
import { lockIntent, refuseStranger } from '../../payment_intents/rows.ts';
import { methodsById } from '../../payment_methods/rows.ts';

const authenticateParams = fields({ client_secret: text({ max: 200, secret: true }), result: required(choice('succeeded', 'failed')) });

async function authenticate(ctx: Context, given: Params<typeof authenticateParams>, path: { intent: string }): Promise<Answer> {
  if (ctx.world.livemode) refuse('livemode_mismatch', "In live mode the card's bank asks its holder itself. Only payments in test mode are confirmed this way.");
  const { intent, facts, moment } = await lockIntent(ctx, path.intent);
  refuseStranger(ctx, intent, given.client_secret);
  const { next_action: action } = intent;
  if (intent.status !== 'requires_action' || action === null) return refuse('payment_intent_unexpected_state', `The payment intent ${intent.id} is ${intent.status}: nothing is asked of the card's holder.`);
  if (facts) refuseUnpayable(facts);
  const [method] = await methodsById(ctx.tx, [intent.payment_method!], true);
  if (method!.spent) refuse('payment_method_unexpected_state', `The payment method ${method!.id} was detached meanwhile. Confirm the payment intent with another one.`);
  const authentication = { reference: action.reference, result: given.result };
  await commit(ctx, confirmPayment(intent, method!, { off_session: false, automatic: false, authentication }, moment));
  return { ref: { object: 'payment_intent', id: intent.id, refuseUnpaid: true } };
}

export const authentication: Room = {
  routes: [post('/v1/kontor/payment_intents/:intent/authenticate', authenticateParams, authenticate, { publishable: true })],
};
