/** As for payments: the holder's answer to a setup where the sandbox asks, and what came back with the holder from the page of a live processor. */
import type { HolderAnswer } from '../../../billing/payment/payment.ts';
import { commit } from '../../../server/commit.ts';
import type { Context, Room } from '../../../server/context.ts';
import type { Params } from '../../../server/http/params.ts';
import { post, type Answer } from '../../../server/http/route.ts';
import * as params from '../payment_intents/params.ts';
import { refuseAskedElsewhere } from '../processors/rows.ts';
import { methodsById } from '../../payment_methods/rows.ts';
import { answeredSetup, lockSetup, refuseForeign } from '../../setup_intents/rows.ts';

type Path = { intent: string };

async function goOn(ctx: Context, { intent: id }: Path, client_secret: string | undefined, said: Omit<HolderAnswer, 'reference'>): Promise<Answer> {
  const { intent, moment } = await lockSetup(ctx, id);
  refuseForeign(ctx, intent, client_secret);
  if (!said.details) refuseAskedElsewhere(ctx, intent.payment_method === null ? [] : await methodsById(ctx.tx, [intent.payment_method]));
  await commit(ctx, await answeredSetup(ctx, intent, said, moment));
  return { ref: { object: 'setup_intent', id, refuseUnpaid: true } };
}

const authenticate = (ctx: Context, { client_secret, result }: Params<typeof params.authenticate>, path: Path) => goOn(ctx, path, client_secret, { result });
const comeBack = (ctx: Context, { client_secret, details }: Params<typeof params.comeBack>, path: Path) => goOn(ctx, path, client_secret, { result: 'succeeded', details: { ...details } });

export const setupAuthentication: Room = {
  routes: [
    post('/v1/kontor/setup_intents/:intent/authenticate', params.authenticate, authenticate, { publishable: true }),
    post('/v1/kontor/setup_intents/:intent/return', params.comeBack, comeBack, { publishable: true }),
  ],
};
