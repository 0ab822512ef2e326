/** Thin events: they name what they are about, and carry what only they know. They can be read for 30 days, and are deleted then. */
import type Stripe from 'stripe';
import type { Context, Json, Room } from '../../../../server/context.ts';
import { firstId } from '../../../../server/clock.ts';
import { rows, sql, join, type Sql } from '../../../../server/database/sql.ts';
import { agrees, covers } from '../../../../server/http/agreement.ts';
import { missing } from '../../../../server/http/errors.ts';
import { byDefault, fields, id, instant, integer, list as listOf, range, text, type Params } from '../../../../server/http/params.ts';
import { get } from '../../../../server/http/route.ts';
import { within } from '../../../../server/lists.ts';
import { reportErrors } from '../../../../server/usage/errors.ts';
import { VISIBLE_S } from '../../../../server/webhooks/deliver.ts';
import { renderNotification, type ThinEvent } from '../../../../server/webhooks/thin.ts';

type ThinRow = ThinEvent & { data: Json };

const nothing = fields({});
covers<Stripe.V2.Core.EventRetrieveParams, typeof nothing>(true);

const listEvents = fields({
  created: range(instant()),
  limit: byDefault(integer({ min: 1, max: 100 }), 20),
  object_id: text({ max: 255 }),
  types: listOf(text({ max: 200 }), { min: 1, max: 20 }),
  page: id('evt'),
});
agrees<Stripe.V2.Core.EventListParams & { page?: string }, typeof listEvents>(true);

const render = (event: ThinRow, ctx: Context): Json => ({ ...renderNotification(event, ctx.world), data: event.data });

const find = (ctx: Context, conditions: readonly Sql[], limit: number): Promise<ThinRow[]> =>
  rows<ThinRow>(ctx.tx, sql`select * from thin_events where ${join([sql`world = kontor_world()`, sql`id >= ${firstId('evt', ctx.app.clock.now() - VISIBLE_S)}`, ...conditions], ' and ')} order by id desc limit ${limit}`);

async function retrieve(ctx: Context, _given: object, path: { event: string }): Promise<Json> {
  const [found] = await find(ctx, [sql`id = ${path.event}`], 1);
  return render(found ?? missing('event', path.event), ctx);
}

/** The next page begins after the last event of this one. */
async function list(ctx: Context, given: Params<typeof listEvents>): Promise<Json> {
  const { limit, object_id, types, page } = given;
  const conditions = [
    ...within('created', given.created),
    ...(object_id === undefined ? [] : [sql`related_object ->> 'id' = ${object_id}`]),
    ...(types === undefined ? [] : [sql`type = any(${types}::text[])`]),
    ...(page === undefined ? [] : [sql`id < ${page}`]),
  ];
  const found = await find(ctx, conditions, limit + 1);
  const data = found.slice(0, limit);
  const query = new URLSearchParams([['limit', String(limit)], ['page', data.at(-1)?.id ?? ''], ...(object_id === undefined ? [] : [['object_id', object_id]]), ...(types ?? []).map((type, n) => [`types[${n}]`, type])] as [string, string][]);
  return { data: data.map((each) => render(each, ctx)), next_page_url: found.length > limit ? `/v2/core/events?${query.toString()}` : null, previous_page_url: null };
}

export const thinEvents: Room = { routes: [get('/v2/core/events', listEvents, list), get('/v2/core/events/:event', nothing, retrieve)], timers: reportErrors };
