/** Rolling the secret of an event destination, which Stripe does in its dashboard only. */
import { decision } from '../../../billing/decision.ts';
import { commit } from '../../../server/commit.ts';
import { realMoment, type Context, type Json, type Room } from '../../../server/context.ts';
import type { Params } from '../../../server/http/params.ts';
import { post } from '../../../server/http/route.ts';
import { rolled, rollParams } from '../../../server/webhooks/roll.ts';
import { renderDestination } from '../../v2/core/event_destinations/resource.ts';
import { findEndpoint } from '../../webhook_endpoints/rows.ts';

async function rollSecret(ctx: Context, { overlap }: Params<typeof rollParams>, path: { event_destination: string }): Promise<Json> {
  const before = await findEndpoint(ctx, path.event_destination, { thin: true, lock: true });
  const moment = realMoment(ctx.app);
  const after = { ...rolled(before, overlap, moment), updated: moment.now };
  await commit(ctx, { ...decision(), puts: [{ table: 'webhook_endpoints', before, after }] });
  return renderDestination(after, ctx.world, ['webhook_endpoint.signing_secret']);
}

export const destinationSecrets: Room = { routes: [post('/v1/kontor/event_destinations/:event_destination/roll_secret', rollParams, rollSecret)] };
