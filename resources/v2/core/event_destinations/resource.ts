import type Stripe from 'stripe';
import type { World } from '../../../../server/context.ts';
import { moment, type Wire } from '../../../../server/http/wire.ts';
import type { WebhookEndpointRow } from '../../../webhook_endpoints/rows.ts';

type Included = readonly ('webhook_endpoint.signing_secret' | 'webhook_endpoint.url')[];

export function renderDestination(destination: WebhookEndpointRow, world: World, included: Included = []): Wire<Stripe.V2.Core.EventDestination> {
  const endpoint = {
    ...(included.includes('webhook_endpoint.signing_secret') && { signing_secret: destination.secret }),
    ...(included.includes('webhook_endpoint.url') && { url: destination.url }),
  };
  return {
    id: destination.id,
    object: 'v2.core.event_destination',
    created: moment(destination.created),
    description: destination.description ?? '',
    enabled_events: destination.enabled_events,
    event_payload: 'thin',
    events_from: ['self'],
    livemode: world.livemode,
    metadata: destination.metadata,
    name: destination.name!,
    status: destination.status,
    ...(destination.status === 'disabled' && { status_details: { disabled: { reason: 'user' as const } } }),
    type: 'webhook_endpoint',
    updated: moment(destination.updated!),
    ...(included.length > 0 && { webhook_endpoint: endpoint }),
  };
}
