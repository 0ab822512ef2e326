import type Stripe from 'stripe';
import type { Context, Json, Room } from '../../server/context.ts';
import { covers } from '../../server/http/agreement.ts';
import { missing } from '../../server/http/errors.ts';
import { fields } from '../../server/http/params.ts';
import { get } from '../../server/http/route.ts';
import { mandate, renderMandate } from './resource.ts';
import { mandatesById } from './rows.ts';

const nothing = fields({});
covers<Stripe.MandateRetrieveParams, typeof nothing>(true);

async function retrieve(ctx: Context, _given: object, path: { mandate: string }): Promise<Json> {
  const [found] = await mandatesById(ctx.tx, [path.mandate]);
  return renderMandate(found ?? missing('mandate', path.mandate), ctx.world);
}

export const mandates: Room = { resources: [mandate], routes: [get('/v1/mandates/:mandate', nothing, retrieve)] };
