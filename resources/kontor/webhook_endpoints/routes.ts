/** Rolling an endpoint's secret, which Stripe does in its dashboard only. */
import { decision } from '../../../billing/decision.ts';
import { commit } from '../../../server/commit.ts';
import { realMoment, type Context, type Json, type Room } from '../../../server/context.ts';
import type { Params } from '../../../server/http/params.ts';
import { post } from '../../../server/http/route.ts';
import { rolled, rollParams } from '../../../server/webhooks/roll.ts';
import { renderEndpoint } from '../../webhook_endpoints/resource.ts';
import { findEndpoint } from '../../webhook_endpoints/rows.ts';

async function rollSecret(ctx: Context, { overlap }: Params<typeof rollParams>, path: { webhook_endpoint: string }): Promise<Json> {
  const before = await findEndpoint(ctx, path.webhook_endpoint, { lock: true });
  const after = rolled(before, overlap, realMoment(ctx.app));
  await commit(ctx, { ...decision(), puts: [{ table: 'webhook_endpoints', before, after }] });
  return { ...renderEndpoint(after, ctx.world), secret: after.secret };
}

export const webhookSecrets: Room = { routes: [post('/v1/kontor/webhook_endpoints/:webhook_endpoint/roll_secret', rollParams, rollSecret)] };
