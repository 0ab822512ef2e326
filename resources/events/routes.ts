import type Stripe from 'stripe';
import type { Context, Json, Resource, Room } from '../../server/context.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { missing } from '../../server/http/errors.ts';
import { boolean, exclusive, fields, list as listOf, listParams, range, text, type Params } from '../../server/http/params.ts';
import { get } from '../../server/http/route.ts';
import { renderList } from '../../server/lists.ts';
import { renderEvent, type EventRow } from '../../server/webhooks/deliver.ts';
import { createdWithin, delivered, eventsById, listEvents } from './rows.ts';

const type = text({ max: 200, pattern: /^[a-z0-9_.*]+$/, shape: 'be the name of an event, such as invoice.paid, in which * stands for any text' });

const listParamsOfEvents = listParams({ created: range(), delivery_success: boolean(), type, types: listOf(type, { min: 1, max: 20 }) }, exclusive(['type', 'types']));
covers<Stripe.EventListParams, typeof listParamsOfEvents>(true);
agrees<Stripe.EventListParams, typeof listParamsOfEvents>(true);
const nothing = fields({});
covers<Stripe.EventRetrieveParams, typeof nothing>(true);

const event: Resource<EventRow> = { object: 'event', prefix: 'evt', render: renderEvent, load: eventsById };

async function retrieve(ctx: Context, _given: object, path: { event: string }): Promise<Json> {
  const [found] = await eventsById(ctx, [path.event]);
  return renderEvent(found ?? missing('event', path.event), ctx.world);
}

async function list(ctx: Context, given: Params<typeof listParamsOfEvents>): Promise<Json> {
  const types = given.types ?? (given.type === undefined ? undefined : [given.type]);
  const { data, has_more } = await listEvents(ctx, types, [...createdWithin(ctx, given.created), ...delivered(given.delivery_success)], given);
  return renderList('/v1/events', data.map((each) => renderEvent(each, ctx.world)), has_more);
}

export const events: Room = {
  resources: [event],
  routes: [get('/v1/events', listParamsOfEvents, list), get('/v1/events/:event', nothing, retrieve)],
};
