import type Stripe from 'stripe';
import { decision } from '../../billing/decision.ts';
import { mergeMetadata } from '../../billing/metadata.ts';
import { commit } from '../../server/commit.ts';
import { realMoment, type Context, type Json } from '../../server/context.ts';
import { sql } from '../../server/database/sql.ts';
import type { Params } from '../../server/http/params.ts';
import type { Wire } from '../../server/http/wire.ts';
import { page, renderList } from '../../server/lists.ts';
import type * as params from './params.ts';
import { renderEndpoint } from './resource.ts';
import { findEndpoint, refuseMore, refuseUrl, type WebhookEndpointRow } from './rows.ts';

const distinct = (events: readonly string[]): string[] => [...new Set(events)];

export async function create(ctx: Context, given: Params<typeof params.createEndpoint>): Promise<Json> {
  refuseUrl(ctx, given.url, 'url');
  await refuseMore(ctx);
  const moment = realMoment(ctx.app);
  const endpoint: WebhookEndpointRow = {
    id: moment.newId('we'),
    created: moment.now,
    url: given.url,
    enabled_events: distinct(given.enabled_events),
    description: given.description ?? null,
    metadata: mergeMetadata({}, given.metadata),
    status: 'enabled',
    api_version: given.api_version ?? null,
    secret: `whsec_${moment.newSecret(32)}`,
    previous_secret: null,
    previous_secret_expires_at: null,
    thin: false,
    name: null,
    updated: null,
  };
  await commit(ctx, { ...decision(), puts: [{ table: 'webhook_endpoints', before: null, after: endpoint }] });
  return { ...renderEndpoint(endpoint, ctx.world), secret: endpoint.secret };
}

export async function update(ctx: Context, given: Params<typeof params.updateEndpoint>, path: { webhook_endpoint: string }): Promise<Json> {
  const before = await findEndpoint(ctx, path.webhook_endpoint, { lock: true });
  if (given.url !== undefined) refuseUrl(ctx, given.url, 'url');
  const { description, disabled, enabled_events, metadata, url } = given;
  const after: WebhookEndpointRow = {
    ...before,
    ...(url !== undefined && { url }),
    ...(description !== undefined && { description }),
    ...(enabled_events && { enabled_events: distinct(enabled_events) }),
    ...(disabled !== undefined && { status: disabled ? 'disabled' : 'enabled' }),
    metadata: mergeMetadata(before.metadata, metadata),
  };
  await commit(ctx, { ...decision(), puts: [{ table: 'webhook_endpoints', before, after }] });
  return renderEndpoint(after, ctx.world);
}

export async function retrieve(ctx: Context, _given: object, path: { webhook_endpoint: string }): Promise<Json> {
  return renderEndpoint(await findEndpoint(ctx, path.webhook_endpoint), ctx.world);
}

export async function list(ctx: Context, given: Params<typeof params.listEndpoints>): Promise<Json> {
  const { data, has_more } = await page<WebhookEndpointRow>(ctx, 'webhook_endpoints', 'webhook endpoint', [sql`not thin`], given);
  return renderList('/v1/webhook_endpoints', data.map((each) => renderEndpoint(each, ctx.world)), has_more);
}

/** Deletes it with its deliveries; what is under way still arrives. */
export async function remove(ctx: Context, _given: object, path: { webhook_endpoint: string }): Promise<Wire<Stripe.DeletedWebhookEndpoint>> {
  const before = await findEndpoint(ctx, path.webhook_endpoint, { lock: true });
  await commit(ctx, { ...decision(), puts: [{ table: 'webhook_endpoints', before, after: null }] });
  return { id: before.id, object: 'webhook_endpoint', deleted: true };
}
