/** Thin events: they name what they are about, and carry what only they know, which their receivers fetch. */
import type { Instant } from '../../billing/decision.ts';
import type { Context, Json, World } from '../context.ts';
import { row, sql } from '../database/sql.ts';
import { moment } from '../http/wire.ts';

export type ThinEvent = { id: string; created: Instant; type: string; related_object: { id: string; type: string; url: string } | null };

/** What destinations are sent: the event without its data. */
export const renderNotification = ({ id, created, type, related_object }: ThinEvent, { livemode }: World): Json => ({ id, object: 'v2.core.event', created: moment(created), livemode, ...(related_object && { related_object }), type });

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
