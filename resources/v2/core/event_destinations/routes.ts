/** Event destinations: where thin events are sent. They are webhook endpoints that take no other events; what is delivered to them is signed and tried again as ever. */
import type Stripe from 'stripe';
import { decision, refuse } from '../../../../billing/decision.ts';
import { mergeMetadata } from '../../../../billing/metadata.ts';
import { commit } from '../../../../server/commit.ts';
import { realMoment, type Context, type Json, type Room } from '../../../../server/context.ts';
import { join, rows, sql } from '../../../../server/database/sql.ts';
import type { Params } from '../../../../server/http/params.ts';
import { del, get, post } from '../../../../server/http/route.ts';
import type { Wire } from '../../../../server/http/wire.ts';
import { renderNotification, tellThin } from '../../../../server/webhooks/thin.ts';
import { findEndpoint, refuseMore, refuseUrl, type WebhookEndpointRow } from '../../../webhook_endpoints/rows.ts';
import * as params from './params.ts';
import { renderDestination } from './resource.ts';

type Path = { event_destination: string };

async function put(ctx: Context, before: WebhookEndpointRow | null, after: WebhookEndpointRow | null): Promise<void> {
  await commit(ctx, { ...decision(), puts: [{ table: 'webhook_endpoints', before, after }] });
}

async function create(ctx: Context, given: Params<typeof params.createDestination>): Promise<Json> {
  refuseUrl(ctx, given.webhook_endpoint.url, 'webhook_endpoint[url]');
  await refuseMore(ctx);
  const { now, newId, newSecret } = realMoment(ctx.app);
  const destination: WebhookEndpointRow = {
    id: newId('ed'),
    created: now,
    updated: now,
    thin: true,
    name: given.name,
    url: given.webhook_endpoint.url,
    enabled_events: [...new Set(given.enabled_events)],
    description: given.description ?? null,
    metadata: mergeMetadata({}, given.metadata),
    status: 'enabled',
    api_version: null,
    secret: `whsec_${newSecret(32)}`,
    previous_secret: null,
    previous_secret_expires_at: null,
  };
  await put(ctx, null, destination);
  return renderDestination(destination, ctx.world, given.include);
}

async function update(ctx: Context, { description, enabled_events, include, metadata, name, webhook_endpoint }: Params<typeof params.updateDestination>, path: Path): Promise<Json> {
  const before = await findEndpoint(ctx, path.event_destination, { thin: true, lock: true });
  if (webhook_endpoint) refuseUrl(ctx, webhook_endpoint.url, 'webhook_endpoint[url]');
  const after: WebhookEndpointRow = {
    ...before,
    ...(description !== undefined && { description }),
    ...(enabled_events && { enabled_events: [...new Set(enabled_events)] }),
    ...(name !== undefined && { name }),
    ...(webhook_endpoint && { url: webhook_endpoint.url }),
    metadata: mergeMetadata(before.metadata, metadata),
    updated: ctx.app.clock.now(),
  };
  await put(ctx, before, after);
  return renderDestination(after, ctx.world, include);
}

/** Enables or disables it. While it is disabled nothing is told there, and what waits goes on waiting. */
const turn = (status: WebhookEndpointRow['status']) => async (ctx: Context, _given: object, path: Path): Promise<Json> => {
  const before = await findEndpoint(ctx, path.event_destination, { thin: true, lock: true });
  const after: WebhookEndpointRow = { ...before, status, updated: ctx.app.clock.now() };
  await put(ctx, before, after);
  return renderDestination(after, ctx.world);
};

async function remove(ctx: Context, _given: object, path: Path): Promise<Wire<Stripe.V2.DeletedObject>> {
  const before = await findEndpoint(ctx, path.event_destination, { thin: true, lock: true });
  await put(ctx, before, null);
  return { id: before.id, object: 'v2.core.event_destination' };
}

/** Sends an event to it alone, to see whether that arrives. */
async function ping(ctx: Context, _given: object, path: Path): Promise<Json> {
  const { id, status } = await findEndpoint(ctx, path.event_destination, { thin: true, lock: true });
  if (status === 'disabled') refuse(undefined, `The event destination ${id} is disabled. Enable it first.`);
  const related_object = { id, type: 'v2.core.event_destination', url: `/v2/core/event_destinations/${id}` };
  return renderNotification(await tellThin(ctx, { type: 'v2.core.event_destination.ping', related_object, data: {}, only: id }), ctx.world);
}

async function retrieve(ctx: Context, { include }: Params<typeof params.retrieveDestination>, path: Path): Promise<Json> {
  return renderDestination(await findEndpoint(ctx, path.event_destination, { thin: true }), ctx.world, include);
}

/** The newest first; the next page begins after the last one of this. */
async function list(ctx: Context, { include, limit, page }: Params<typeof params.listDestinations>): Promise<Json> {
  const conditions = [sql`thin`, ...(page === undefined ? [] : [sql`id < ${page}`])];
  const found = await rows<WebhookEndpointRow>(ctx.tx, sql`select * from webhook_endpoints where ${join(conditions, ' and ')} order by id desc limit ${limit + 1}`);
  const data = found.slice(0, limit);
  const query = new URLSearchParams([['limit', String(limit)], ['page', data.at(-1)?.id ?? ''], ...(include ?? []).map((each, n) => [`include[${n}]`, each])] as [string, string][]);
  return { data: data.map((each) => renderDestination(each, ctx.world, include)), next_page_url: found.length > limit ? `/v2/core/event_destinations?${query.toString()}` : null, previous_page_url: null };
}

export const eventDestinations: Room = {
  routes: [
    post('/v2/core/event_destinations', params.createDestination, create),
    get('/v2/core/event_destinations', params.listDestinations, list),
    get('/v2/core/event_destinations/:event_destination', params.retrieveDestination, retrieve),
    post('/v2/core/event_destinations/:event_destination', params.updateDestination, update),
    del('/v2/core/event_destinations/:event_destination', params.nothing, remove),
    post('/v2/core/event_destinations/:event_destination/disable', params.nothing, turn('disabled')),
    post('/v2/core/event_destinations/:event_destination/enable', params.nothing, turn('enabled')),
    post('/v2/core/event_destinations/:event_destination/ping', params.nothing, ping),
  ],
};
