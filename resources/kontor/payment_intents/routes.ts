/** In test mode there is no bank to ask the card's holder: the browser script asks, and tells the answer here. In live mode the processor asks, and what came back with the holder is passed on to it. */
import { refuse } from '../../../billing/decision.ts';
import { refuseUnpayable } from '../../../billing/invoice/pay.ts';
import { commit } from '../../../server/commit.ts';
import type { Context, Room } from '../../../server/context.ts';
import { choice, doc, fields, map, required, text, type Params } from '../../../server/http/params.ts';
import { post, type Answer } from '../../../server/http/route.ts';
import { methodsById } from '../../payment_methods/rows.ts';
import { ownProcessor } from '../processors/rows.ts';
import { answered, lockIntent, refuseStranger } from '../../payment_intents/rows.ts';

const authenticateParams = fields({ client_secret: text({ max: 200, secret: true }), result: required(choice('succeeded', 'failed')) });

async function authenticate(ctx: Context, given: Params<typeof authenticateParams>, path: { intent: string }): Promise<Answer> {
  if (ctx.world.livemode) refuse('livemode_mismatch', "In live mode the card's bank asks its holder itself. Only payments in test mode are confirmed this way.");
  const { intent, facts, moment } = await lockIntent(ctx, path.intent);
  refuseStranger(ctx, intent, given.client_secret);
  if (facts) refuseUnpayable(facts);
  const [method] = intent.payment_method === null ? [] : await methodsById(ctx.tx, [intent.payment_method]);
  if (method && method.processor !== ownProcessor(ctx.app, ctx.world)?.name) refuse('payment_intent_unexpected_state', `The holder of ${method.id} is asked by the payment processor that keeps it, ${method.processor}, and answers there.`);
  await commit(ctx, await answered(ctx, intent, { result: given.result }, moment));
  return { ref: { object: 'payment_intent', id: intent.id, refuseUnpaid: true } };
}

const returnParams = fields({
  client_secret: text({ max: 200, secret: true }),
  details: required(doc('What the processor has added to the address to which the holder came back, by name: for `adyen` `redirectResult`.', map(text({ max: 20_000, secret: true }), { max: 10 }))),
});

/** The holder is back from a page of a processor that has to be told so before the payment goes on. */
async function comeBack(ctx: Context, given: Params<typeof returnParams>, path: { intent: string }): Promise<Answer> {
  const { intent, facts, moment } = await lockIntent(ctx, path.intent);
  refuseStranger(ctx, intent, given.client_secret);
  if (facts) refuseUnpayable(facts);
  await commit(ctx, await answered(ctx, intent, { result: 'succeeded', details: { ...given.details } }, moment));
  return { ref: { object: 'payment_intent', id: intent.id, refuseUnpaid: true } };
}

export const authentication: Room = {
  routes: [
    post('/v1/kontor/payment_intents/:intent/authenticate', authenticateParams, authenticate, { publishable: true }),
    post('/v1/kontor/payment_intents/:intent/return', returnParams, comeBack, { publishable: true }),
  ],
};
