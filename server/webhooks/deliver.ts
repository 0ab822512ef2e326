/** Delivers events to webhook endpoints: at least once, signed, over 72 hours, each endpoint for itself. */
import type { Instant } from '../../billing/decision.ts';
import { inContext, type App, type Json, type World } from '../context.ts';
import { row, rows, sql } from '../database/sql.ts';
import { inWorld, worldsWith } from '../database/world.ts';
import { inVersion } from '../http/expand.ts';
import { NATIVE_VERSION } from '../http/versions.ts';
import { told } from '../log.ts';
import { dispatch } from './dispatch.ts';
import { nextAttempt } from './schedule.ts';
import { sign } from './signature.ts';
import { renderNotification, thinOf, type ThinEvent } from './thin.ts';

/** So many deliveries of this process are under way at once, and so many of them to one endpoint: a slow one holds up nobody else. */
const MOST = 512;
const PER_ENDPOINT = 8;

/** While a delivery is under way no other worker takes it: longer than a delivery can last. */
const LEASE_S = 60;

/** For so long events can be read, thin ones too. */
export const VISIBLE_S = 30 * 86_400;

export type EventRow = {
  id: string;
  type: string;
  created: Instant;
  object_id: string | null;
  api_version: string;
  data: Json;
  previous_attributes: Json | null;
  request_id: string | null;
  idempotency_key: string | null;
  /** How many deliveries of it are still to succeed. */
  pending_webhooks: number;
};

/** An event on the wire. */
export function renderEvent(event: EventRow, world: World): Json {
  return {
    id: event.id,
    object: 'event',
    api_version: event.api_version,
    created: event.created,
    data: event.previous_attributes ? { object: event.data, previous_attributes: event.previous_attributes } : { object: event.data },
    livemode: world.livemode,
    pending_webhooks: event.pending_webhooks,
    request: { id: event.request_id, idempotency_key: event.idempotency_key },
    type: event.type,
  };
}

type Order = EventRow & {
  /** The thin event that is sent in place of an event, and whether the event is sent in its thin form. */
  thin: ThinEvent | null;
  thinly: boolean;
  delivery: string;
  endpoint: string;
  attempts: number;
  first_at: Instant;
  url: string;
  secret: string;
  previous_secret: string | null;
  previous_secret_expires_at: Instant | null;
  version: string | null;
  /** What is sent. */
  body: string;
};

/** Takes due deliveries of a world: the oldest of each endpoint that has room, by pushing their next time past the lease. `busy` says how many each endpoint has under way. */
async function take(app: App, world: World, busy: ReadonlyMap<string, number>, limit: number): Promise<Order[]> {
  const now = app.clock.now();
  return inContext(app, world, async (ctx) => {
    const orders = await rows<Order>(
      ctx.tx,
      sql`with due as (
            select d.id from webhook_endpoints e
            left join unnest(${[...busy.keys()]}::text[], ${[...busy.values()]}::bigint[]) as b (id, count) on b.id = e.id
            cross join lateral (
              select id, next_at from webhook_deliveries d
              where d.webhook_endpoint = e.id and d.state = 'pending' and d.next_at <= to_timestamp(${now}::bigint)
              order by d.next_at, d.id limit ${PER_ENDPOINT}::bigint - coalesce(b.count, 0) for update skip locked) d
            where e.status = 'enabled' limit ${limit}),
          taken as (
            update webhook_deliveries d set attempts = attempts + 1, next_at = to_timestamp(${now + LEASE_S}::bigint), last_attempt_at = to_timestamp(${now}::bigint)
            from due where d.id = due.id returning d.id, d.event, d.thin_event, d.webhook_endpoint, d.attempts, d.due_from)
          select v.*, coalesce(v.id, n.id) as id, t.id as delivery, e.id as endpoint, t.attempts, t.due_from as first_at, e.url, e.secret, e.previous_secret, e.previous_secret_expires_at, e.api_version as version, e.thin as thinly,
                 case when n.id is not null then json_build_object('id', n.id, 'created', extract(epoch from n.created)::bigint, 'type', n.type, 'related_object', n.related_object) end as thin,
                 (select count(*)::int from webhook_deliveries p where p.world = v.world and p.event = v.id and p.state = 'pending') as pending_webhooks
          from taken t left join events v on v.id = t.event left join thin_events n on n.id = t.thin_event join webhook_endpoints e on e.id = t.webhook_endpoint
          order by coalesce(v.created, n.created), coalesce(v.id, n.id)`,
    );
    for (const order of orders) {
      const thin = order.thin ?? (order.thinly ? thinOf(app, order) : null);
      order.body = JSON.stringify(thin ? renderNotification(thin, world) : await inVersion(ctx, renderEvent(order, world), order.version ?? NATIVE_VERSION));
    }
    return orders;
  });
}

async function deliver(app: App, world: World, order: Order, signal: AbortSignal): Promise<void> {
  const now = app.clock.now();
  const { body } = order;
  const rolling = order.previous_secret !== null && (order.previous_secret_expires_at ?? 0) > now;
  const secrets = rolling ? [order.secret, order.previous_secret!] : [order.secret];
  const { status, error } = await dispatch({
    url: order.url,
    body,
    headers: { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': sign(body, secrets, now), 'user-agent': 'Kontor/1.0 (webhooks)' },
    options: { allowLoopback: app.allowLoopback, signal },
  });
  // What was broken off is taken up again when its lease is over.
  if (signal.aborted && status === null) return;
  const delivered = status !== null && status >= 200 && status < 300;
  const next = delivered ? null : nextAttempt(order.attempts, order.first_at, `${order.endpoint}:${order.id}`, now);
  await inWorld(app.database.pool, world, (tx) =>
    row(
      tx,
      sql`update webhook_deliveries set state = ${delivered ? 'delivered' : next === null ? 'given_up' : 'pending'}, next_at = to_timestamp(${next}::bigint),
            last_status = ${status}, last_error = ${error}, delivered_at = to_timestamp(${delivered ? app.clock.now() : null}::bigint)
          where id = ${order.delivery}`,
    ),
  );
}

/** Delivers, in this process, to many endpoints at once. */
export class Courier {
  private readonly app: App;
  private readonly leaving = new AbortController();
  private readonly underWay = new Set<Promise<void>>();
  /** How many are under way to each endpoint. */
  private readonly busy = new Map<string, number>();
  constructor(app: App) {
    this.app = app;
  }

  /** Sets out with what is due in all worlds, and does not wait for its arrival: `back` is called when there is room again. Returns whether there was anything. */
  async deliverDue(back: () => void): Promise<boolean> {
    const { app } = this;
    const now = app.clock.now();
    const worlds = await worldsWith(app.database.pool, sql`webhook_deliveries d where d.world = w.id and d.state = 'pending' and d.next_at <= to_timestamp(${now}::bigint)`);
    let any = false;
    for (const world of worlds) {
      const room = MOST - this.underWay.size;
      if (room === 0 || this.leaving.signal.aborted) return false;
      const orders = await take(app, world, this.busy, room);
      for (const order of orders) this.set(world, order, back);
      any ||= orders.length > 0;
    }
    return any;
  }

  private set(world: World, order: Order, back: () => void): void {
    const { app, busy, underWay } = this;
    const { endpoint } = order;
    busy.set(endpoint, (busy.get(endpoint) ?? 0) + 1);
    const done = deliver(app, world, order, this.leaving.signal)
      .catch((error: unknown) => app.log.error('What became of a delivery could not be written down; it is made again.', { delivery: order.delivery, ...told(error) }))
      .finally(() => {
        underWay.delete(done);
        const left = busy.get(endpoint)! - 1;
        if (left > 0) busy.set(endpoint, left);
        else busy.delete(endpoint);
        back();
      });
    underWay.add(done);
  }

  /** Breaks off what is under way. */
  async stop(): Promise<void> {
    this.leaving.abort();
    await Promise.all(this.underWay);
  }
}
