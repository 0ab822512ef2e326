/** In test mode there is no bank to ask the card's holder: the browser script asks, and tells the answer here. In live mode the processor asks, and what came back with the holder is passed on to it. */
import { refuseUnpayable } from '../../../billing/invoice/pay.ts';
import type { HolderAnswer } from '../../../billing/payment/payment.ts';
import { commit } from '../../../server/commit.ts';
import type { Context, Room } from '../../../server/context.ts';
import type { Params } from '../../../server/http/params.ts';
import { post, type Answer } from '../../../server/http/route.ts';
import { refuseAskedElsewhere } from '../processors/rows.ts';
import { methodsById } from '../../payment_methods/rows.ts';
import { answered, lockIntent, refuseStranger } from '../../payment_intents/rows.ts';
import * as params from './params.ts';

type Path = { intent: string };

async function goOn(ctx: Context, { intent: id }: Path, client_secret: string | undefined, said: Omit<HolderAnswer, 'reference'>): Promise<Answer> {
  const { intent, facts, moment } = await lockIntent(ctx, id);
  refuseStranger(ctx, intent, client_secret);
  if (facts) refuseUnpayable(facts);
  if (!said.details) refuseAskedElsewhere(ctx, intent.payment_method === null ? [] : await methodsById(ctx.tx, [intent.payment_method]));
  await commit(ctx, await answered(ctx, intent, said, moment));
  return { ref: { object: 'payment_intent', id, refuseUnpaid: true } };
}

const authenticate = (ctx: Context, { client_secret, result }: Params<typeof params.authenticate>, path: Path) => goOn(ctx, path, client_secret, { result });

/** The holder is back from a page of a processor that has to be told so before the payment goes on. */
const comeBack = (ctx: Context, { client_secret, details }: Params<typeof params.comeBack>, path: Path) => goOn(ctx, path, client_secret, { result: 'succeeded', details: { ...details } });

export const authentication: Room = {
  routes: [
    post('/v1/kontor/payment_intents/:intent/authenticate', params.authenticate, authenticate, { publishable: true }),
    post('/v1/kontor/payment_intents/:intent/return', params.comeBack, comeBack, { publishable: true }),
  ],
};
