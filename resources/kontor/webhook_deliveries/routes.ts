/** What became of each event at each endpoint, and sending it once more. */
import { decision, refuse, type Instant } from '../../../billing/decision.ts';
import { commit } from '../../../server/commit.ts';
import { realMoment, type Context, type Json, type Resource, type Room, type World } from '../../../server/context.ts';
import { rows, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';
import { missing } from '../../../server/http/errors.ts';
import { choice, fields, id, listParams, range, type Params } from '../../../server/http/params.ts';
import { get, post } from '../../../server/http/route.ts';
import { equal, named, page, renderList, within } from '../../../server/lists.ts';
import { endpointsById } from '../../webhook_endpoints/rows.ts';

type WebhookDeliveryRow = {
  id: string;
  /** One of them. */
  event: string | null;
  thin_event: string | null;
  webhook_endpoint: string;
  state: 'pending' | 'delivered' | 'given_up';
  created: Instant;
  due_from: Instant;
  attempts: number;
  next_at: Instant | null;
  last_attempt_at: Instant | null;
  last_status: number | null;
  last_error: string | null;
  delivered_at: Instant | null;
};

function deliveriesById(tx: Tx, ids: readonly string[], lock = false): Promise<WebhookDeliveryRow[]> {
  return rows<WebhookDeliveryRow>(tx, sql`select * from webhook_deliveries where world = kontor_world() and id = any(${ids}::text[]) order by id ${lock ? sql`for update` : sql``}`);
}

function render(delivery: WebhookDeliveryRow, world: World): Json {
  return {
    id: delivery.id,
    object: 'kontor.webhook_delivery',
    attempts: delivery.attempts,
    created: delivery.created,
    delivered_at: delivery.delivered_at,
    event: delivery.event ?? delivery.thin_event,
    last_attempt_at: delivery.last_attempt_at,
    last_error: delivery.last_error,
    last_status: delivery.last_status,
    livemode: world.livemode,
    next_attempt_at: delivery.next_at,
    state: delivery.state,
    webhook_endpoint: delivery.webhook_endpoint,
  };
}

const webhookDelivery: Resource<WebhookDeliveryRow> = {
  object: 'kontor.webhook_delivery',
  prefix: 'whd',
  render,
  load: (ctx, ids) => deliveriesById(ctx.tx, ids),
  expands: { event: 'event', webhook_endpoint: 'webhook_endpoint' },
};

const listDeliveries = listParams({ created: range(), event: id('evt'), state: choice('pending', 'delivered', 'given_up'), webhook_endpoint: id() });
const nothing = fields({});

type Path = { webhook_delivery: string };

async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  const [found] = await deliveriesById(ctx.tx, [path.webhook_delivery]);
  return render(found ?? missing('webhook delivery', path.webhook_delivery), ctx.world);
}

async function list(ctx: Context, given: Params<typeof listDeliveries>): Promise<Json> {
  const conditions = [...(given.event === undefined ? [] : [sql`(event = ${given.event} or thin_event = ${given.event})`]), ...equal('webhook_endpoint', given.webhook_endpoint), ...named('state', given.state), ...within('created', given.created)];
  const { data, has_more } = await page<WebhookDeliveryRow>(ctx, 'webhook_deliveries', 'webhook delivery', conditions, given);
  return renderList('/v1/kontor/webhook_deliveries', data.map((each) => render(each, ctx.world)), has_more);
}

/** Sends the event to the endpoint again, at once and, where it does not arrive, over the usual hours from now. */
async function resend(ctx: Context, _given: object, path: Path): Promise<Json> {
  const [before] = await deliveriesById(ctx.tx, [path.webhook_delivery], true);
  if (!before) return missing('webhook delivery', path.webhook_delivery);
  const [endpoint] = await endpointsById(ctx.tx, [before.webhook_endpoint]);
  if (endpoint!.status === 'disabled') refuse(undefined, `The webhook endpoint ${endpoint!.id} is disabled. Enable it first.`, 'webhook_endpoint');
  const { now } = realMoment(ctx.app);
  const after: WebhookDeliveryRow = { ...before, state: 'pending', due_from: now, attempts: 0, next_at: now, delivered_at: null };
  await commit(ctx, { ...decision(), puts: [{ table: 'webhook_deliveries', before, after }] });
  return render(after, ctx.world);
}

export const webhookDeliveries: Room = {
  resources: [webhookDelivery],
  routes: [
    get('/v1/kontor/webhook_deliveries', listDeliveries, list),
    get('/v1/kontor/webhook_deliveries/:webhook_delivery', nothing, retrieve),
    post('/v1/kontor/webhook_deliveries/:webhook_delivery/resend', nothing, resend),
  ],
};
