import { firstId } from '../../server/clock.ts';
import type { Context } from '../../server/context.ts';
import { join, raw, rows, sql, type Sql } from '../../server/database/sql.ts';
import type { Range } from '../../server/http/params.ts';
import { first, page, within, type Page } from '../../server/lists.ts';
import { VISIBLE_S, type EventRow } from '../../server/webhooks/deliver.ts';

const EVENTS = `(select e.*, (select count(*)::int from webhook_deliveries d where d.world = e.world and d.event = e.id and d.state = 'pending') as pending_webhooks from events e) e`;

/** Ids carry when an event was told; its `created` may be a test clock's time. */
const visible = (ctx: Context): Sql => sql`id >= ${firstId('evt', ctx.app.clock.now() - VISIBLE_S)}`;

export function eventsById(ctx: Context, ids: readonly string[]): Promise<EventRow[]> {
  return rows<EventRow>(ctx.tx, sql`select * from ${raw(EVENTS)} where id = any(${ids}::text[]) and ${visible(ctx)}`);
}

/** Events in the order in which they were told, the newest first. Those of some types are looked up type by type: there may be few of them among very many. */
export function listEvents(ctx: Context, types: readonly string[] | undefined, conditions: readonly Sql[], given: Page): Promise<{ data: EventRow[]; has_more: boolean }> {
  return page<EventRow>(ctx, EVENTS, 'event', [visible(ctx), ...conditions, ...(types ? [ofTypes(types, [visible(ctx), ...conditions], given)] : [])], given, { created: 'id' });
}

/** That events are among those of a page which are of these types, `*` standing for any text: `customer.*`. */
function ofTypes(types: readonly string[], conditions: readonly Sql[], { starting_after, ending_before, limit }: Page): Sql {
  const patterns = types.map((type) => sql`type like ${type.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%')}`);
  const cursor = starting_after ?? ending_before;
  const past = cursor === undefined ? [] : [sql`id ${raw(starting_after === undefined ? '>' : '<')} ${cursor}`];
  return sql`id = any(array(
    with recursive told as (
      (select type from events order by type limit 1)
      union all
      select n.type from told t cross join lateral (select type from events where type > t.type order by type limit 1) n)
    select f.id from told t cross join lateral (
      ${first(sql`select e.id from events e where e.type = t.type and ${join([...conditions, ...past], ' and ')} order by e.id ${raw(ending_before === undefined ? 'desc' : 'asc')}`, limit + 1)}) f
    where ${join(patterns, ' or ')}))`;
}

const HOUR_S = 3_600;

/** When events were created. Where there are no test clocks nothing is told before it happens, so that those from a moment on are found by their ids, which nobody's clock is an hour off. */
export function createdWithin({ world }: Context, range: Range | undefined): Sql[] {
  const from = typeof range === 'number' ? range : (range?.gte ?? range?.gt);
  return [...within('created', range), ...(world.livemode && from !== undefined ? [sql`id >= ${firstId('evt', Math.max(0, from - HOUR_S))}`] : [])];
}

/** Whether all webhooks of the event have arrived. */
export function delivered(success: boolean | undefined): Sql[] {
  if (success === undefined) return [];
  const open = (state: Sql) => sql`select d.event from webhook_deliveries d where d.world = kontor_world() and d.state = ${state} and d.event is not null`;
  if (!success) return [sql`id = any(array(${open(sql`'pending'`)} union ${open(sql`'given_up'`)}))`];
  return [sql`not exists (select from webhook_deliveries d where d.world = e.world and d.event = e.id and d.state <> 'delivered' offset 0)`];
}
