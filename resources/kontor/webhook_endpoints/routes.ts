/** Rolling an endpoint's secret, which Stripe does in its dashboard only. */
import { decision } from '../../../billing/decision.ts';
import { commit } from '../../../server/commit.ts';
import { realMoment, type Context, type Json, type Room } from '../../../server/context.ts';
import { byDefault, doc, fields, integer, type Params } from '../../../server/http/params.ts';
import { post } from '../../../server/http/route.ts';
import { renderEndpoint } from '../../webhook_endpoints/resource.ts';
import { findEndpoint, type WebhookEndpointRow } from '../../webhook_endpoints/rows.ts';

const DAY = 86_400;
const rollParams = fields({
  overlap: doc('For how many seconds the old secret signs beside the new one, so that a receiver can change to the new one without losing an event.', byDefault(integer({ min: 0, max: 7 * DAY }), DAY)),
});

async function rollSecret(ctx: Context, { overlap }: Params<typeof rollParams>, path: { webhook_endpoint: string }): Promise<Json> {
  const before = await findEndpoint(ctx, path.webhook_endpoint, { lock: true });
  const moment = realMoment(ctx.app);
  const after: WebhookEndpointRow = {
    ...before,
    secret: `whsec_${moment.newSecret(32)}`,
    previous_secret: overlap > 0 ? before.secret : null,
    previous_secret_expires_at: overlap > 0 ? moment.now + overlap : null,
  };
  await commit(ctx, { ...decision(), puts: [{ table: 'webhook_endpoints', before, after }] });
  return { ...renderEndpoint(after, ctx.world), secret: after.secret };
}

export const webhookSecrets: Room = { routes: [post('/v1/kontor/webhook_endpoints/:webhook_endpoint/roll_secret', rollParams, rollSecret)] };
