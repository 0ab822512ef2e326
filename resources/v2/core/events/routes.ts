/** Thin events: those that carry what only they know, which are kept for 30 days, and events in their thin form. */
import type Stripe from 'stripe';
import type { Context, Json, Room } from '../../../../server/context.ts';
import { firstId } from '../../../../server/clock.ts';
import { rows, sql, join, type Sql } from '../../../../server/database/sql.ts';
import { agrees, covers } from '../../../../server/http/agreement.ts';
import { missing } from '../../../../server/http/errors.ts';
import { byDefault, fields, id, instant, integer, list as listOf, range, text, type Params } from '../../../../server/http/params.ts';
import { get } from '../../../../server/http/route.ts';
import { equal, within } from '../../../../server/lists.ts';
import { reportErrors } from '../../../../server/usage/errors.ts';
import { VISIBLE_S, type EventRow } from '../../../../server/webhooks/deliver.ts';
import { ONLY_SNAPSHOTS, renderNotification, thinOf, type ThinEvent } from '../../../../server/webhooks/thin.ts';

/** `data` is what only the thin event knows. */
type ThinRow = ThinEvent & { data?: Json };

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

const render = (event: ThinRow, ctx: Context): Json => ({ ...renderNotification(event, ctx.world), ...(event.data && { data: event.data }) });

const visible = (ctx: Context, conditions: readonly Sql[]): Sql => join([sql`world = kontor_world()`, sql`id >= ${firstId('evt', ctx.app.clock.now() - VISIBLE_S)}`, ...conditions], ' and ');

const ownOnes = (ctx: Context, conditions: readonly Sql[], limit: number): Promise<ThinRow[]> =>
  rows<ThinRow>(ctx.tx, sql`select * from thin_events where ${visible(ctx, conditions)} order by id desc limit ${limit}`);

/** Events that have a thin form, in it. */
async function others(ctx: Context, conditions: readonly Sql[], limit: number): Promise<ThinRow[]> {
  const having = [sql`type not like 'kontor.%'`, sql`type <> all(${ONLY_SNAPSHOTS}::text[])`];
  const found = await rows<EventRow>(ctx.tx, sql`select * from events where ${visible(ctx, [...having, ...conditions])} order by id desc limit ${limit}`);
  return found.map((event) => thinOf(ctx.app, event));
}

async function retrieve(ctx: Context, _given: object, path: { event: string }): Promise<Json> {
  const named = [sql`id = ${path.event}`];
  const [found] = [...(await ownOnes(ctx, named, 1)), ...(await others(ctx, named, 1))];
  return render(found ?? missing('event', path.event), ctx);
}

/** The next page begins after the last event of this one. */
async function list(ctx: Context, given: Params<typeof listEvents>): Promise<Json> {
  const { limit, object_id, types, page } = given;
  const conditions = [...within('created', given.created), ...(page === undefined ? [] : [sql`id < ${page}`])];
  const found = await Promise.all([
    ownOnes(ctx, [...conditions, ...(object_id === undefined ? [] : [sql`related_object ->> 'id' = ${object_id}`]), ...(types === undefined ? [] : [sql`type = any(${types}::text[])`])], limit + 1),
    others(ctx, [...conditions, ...equal('object_id', object_id), ...(types === undefined ? [] : [sql`type = any(${types.filter((type) => type.startsWith('v1.')).map((type) => type.slice('v1.'.length))}::text[])`])], limit + 1),
  ]);
  const all = found.flat().sort((a, b) => (a.id < b.id ? 1 : -1));
  const data = all.slice(0, limit);
  const query = new URLSearchParams([['limit', String(limit)], ['page', data.at(-1)?.id ?? ''], ...(object_id === undefined ? [] : [['object_id', object_id]]), ...(types ?? []).map((type, n) => [`types[${n}]`, type])] as [string, string][]);
  return { data: data.map((each) => render(each, ctx)), next_page_url: all.length > limit ? `/v2/core/events?${query.toString()}` : null, previous_page_url: null };
}

export const thinEvents: Room = { routes: [get('/v2/core/events', listEvents, list), get('/v2/core/events/:event', nothing, retrieve)], timers: reportErrors };
