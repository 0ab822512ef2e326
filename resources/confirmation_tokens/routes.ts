import type Stripe from 'stripe';
import type { Context, Json, Room } from '../../server/context.ts';
import { covers } from '../../server/http/agreement.ts';
import { missing } from '../../server/http/errors.ts';
import { fields } from '../../server/http/params.ts';
import { get } from '../../server/http/route.ts';
import { confirmationToken, renderConfirmationToken } from './resource.ts';
import { tokensById } from './rows.ts';

const nothing = fields({});
covers<Stripe.ConfirmationTokenRetrieveParams, typeof nothing>(true);

async function retrieve(ctx: Context, _given: object, path: { confirmation_token: string }): Promise<Json> {
  const [found] = await tokensById(ctx.tx, [path.confirmation_token]);
  return renderConfirmationToken(found ?? missing('confirmation_token', path.confirmation_token), ctx.world);
}

export const confirmationTokens: Room = { resources: [confirmationToken], routes: [get('/v1/confirmation_tokens/:confirmation_token', nothing, retrieve)] };
