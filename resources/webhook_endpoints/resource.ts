import type Stripe from 'stripe';
import type { Resource, World } from '../../server/context.ts';
import type { Wire } from '../../server/http/wire.ts';
import { endpointsById, type WebhookEndpointRow } from './rows.ts';

/** Without its secret, which is told once: when it is made and when it is rolled. */
export function renderEndpoint(endpoint: WebhookEndpointRow, world: World): Wire<Stripe.WebhookEndpoint> {
  return {
    id: endpoint.id,
    object: 'webhook_endpoint',
    api_version: endpoint.api_version,
    application: null,
    created: endpoint.created,
    description: endpoint.description,
    enabled_events: endpoint.enabled_events,
    livemode: world.livemode,
    metadata: endpoint.metadata,
    status: endpoint.status,
    url: endpoint.url,
  };
}

export const webhookEndpoint: Resource<WebhookEndpointRow> = {
  object: 'webhook_endpoint',
  prefix: 'we',
  render: renderEndpoint,
  load: async (ctx, ids) => (await endpointsById(ctx.tx, ids)).filter(({ thin }) => !thin),
};
