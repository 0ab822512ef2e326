/** Thin events: they name what they are about, and carry what only they know, which their receivers fetch. Most are events in another form. */
import type { Instant } from '../../billing/decision.ts';
import type { App, Context, Json, World } from '../context.ts';
import { row, sql } from '../database/sql.ts';
import { moment } from '../http/wire.ts';

/** `related_object` has no id where there is one of its kind. `reason` is the request that brought it about; `snapshot_event` the event that it is another form of. */
export type ThinEvent = {
  id: string;
  created: Instant;
  type: string;
  related_object: { id?: string; type: string; url: string } | null;
  reason?: { type: 'request'; request: { id: string; idempotency_key: string } };
  snapshot_event?: string;
};

/** What destinations are sent: the event without its data. */
export const renderNotification = ({ id, created, type, related_object, reason, snapshot_event }: ThinEvent, { livemode }: World): Json => ({
  id, object: 'v2.core.event', created: moment(created), livemode, ...(reason && { reason }), ...(related_object && { related_object }), ...(snapshot_event !== undefined && { snapshot_event }), type,
});

/** Events that are told as snapshots only: what they are about has no address to fetch it from. So have those of what Stripe does not have. */
export const ONLY_SNAPSHOTS = ['billing.alert.triggered', 'customer.discount.created', 'customer.discount.deleted', 'invoice.upcoming'];

/** Where an object is fetched, by what the event shows of it. */
function addressOf({ register }: App, object: Json): string | null {
  const path = register.addresses.get(String(object.object));
  const names = path?.match(/:[a-z_]+/g) ?? [];
  const last = path?.endsWith(names.at(-1) ?? '/') ? names.at(-1) : undefined;
  return path?.replaceAll(/:([a-z_]+)/g, (name, field: string) => String(name === last ? object.id : object[field])) ?? null;
}

/** An event in its thin form. */
export function thinOf(app: App, event: { id: string; created: Instant; type: string; data: Json; request_id: string | null; idempotency_key: string | null }): ThinEvent {
  const { id, created, type, data, request_id, idempotency_key } = event;
  const url = addressOf(app, data);
  return {
    id,
    created,
    type: `v1.${type}`,
    related_object: url === null ? null : { ...(typeof data.id === 'string' && { id: data.id }), type: String(data.object), url },
    ...(request_id !== null && { reason: { type: 'request', request: { id: request_id, idempotency_key: idempotency_key ?? '' } } }),
    snapshot_event: id,
  };
}

/** Writes a thin event with its deliveries: to each enabled destination that wants it, or to `only` one. */
export async function tellThin(ctx: Context, { type, related_object, data, only = null }: Pick<ThinEvent, 'type' | 'related_object'> & { data: Json; only?: string | null }): Promise<ThinEvent> {
  const event: ThinEvent = { id: ctx.app.clock.newId('evt'), created: ctx.app.clock.now(), type, related_object };
  const now = sql`to_timestamp(${event.created}::bigint)`;
  await row(
    ctx.tx,
    sql`with told as (
          insert into thin_events (id, created, type, related_object, data) values (${event.id}, ${now}, ${type}, ${related_object && JSON.stringify(related_object)}, ${JSON.stringify(data)}) returning id)
        insert into webhook_deliveries (id, thin_event, webhook_endpoint, state, created, due_from, attempts, next_at)
        select 'whd_' || substr(told.id, 5) || substr(e.id, 4), told.id, e.id, 'pending', ${now}, ${now}, 0, ${now}
        from told join webhook_endpoints e on e.thin and e.status = 'enabled' and case when ${only}::text is null then e.enabled_events ?| array['*', ${type}::text] else e.id = ${only} end`,
  );
  return event;
}
