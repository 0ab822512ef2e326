import { firstId } from '../../server/clock.ts';
import type { Context } from '../../server/context.ts';
import { join, raw, rows, sql, type Sql } from '../../server/database/sql.ts';
import { page, type Page } from '../../server/lists.ts';
import type { EventRow } from '../../server/webhooks/deliver.ts';

/** For so long events can be read. They are kept. */
const VISIBLE_S = 30 * 86_400;

const EVENTS = `(select e.*, (select count(*)::int from webhook_deliveries d where d.event = e.id and d.state = 'pending') as pending_webhooks from events e) e`;

/** Ids carry when an event was told; its `created` may be a test clock's time. */
const visible = (ctx: Context): Sql => sql`id >= ${firstId('evt', ctx.app.clock.now() - VISIBLE_S)}`;

export function eventsById(ctx: Context, ids: readonly string[]): Promise<EventRow[]> {
  return rows<EventRow>(ctx.tx, sql`select * from ${raw(EVENTS)} where id = any(${ids}::text[]) and ${visible(ctx)}`);
}

/** Events in the order in which they were told, the newest first. */
export function listEvents(ctx: Context, conditions: readonly Sql[], given: Page): Promise<{ data: EventRow[]; has_more: boolean }> {
  return page<EventRow>(ctx, EVENTS, 'event', [visible(ctx), ...conditions], given, { created: 'id' });
}

/** Types by name, `*` standing for any text: `customer.*`. */
export function ofTypes(types: readonly string[] | undefined): Sql[] {
  if (!types) return [];
  const patterns = types.map((type) => (type.includes('*') ? sql`type like ${type.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%')}` : sql`type = ${type}`));
  return [sql`(${join(patterns, ' or ')})`];
}

/** Whether all webhooks of the event have arrived. */
export function delivered(success: boolean | undefined): Sql[] {
  if (success === undefined) return [];
  return [sql`${success ? sql`not ` : sql``}exists (select from webhook_deliveries d where d.event = e.id and d.state <> 'delivered')`];
}
