/** The same door as /v1/billing/meter_events, in JSON. */
import type Stripe from 'stripe';
import type { Context, Json, Room } from '../../../../server/context.ts';
import type { Params } from '../../../../server/http/params.ts';
import { post } from '../../../../server/http/route.ts';
import { moment, type Wire } from '../../../../server/http/wire.ts';
import { eventOf, recordRequest } from '../../../../server/usage/named.ts';
import * as params from './params.ts';

async function create(ctx: Context, given: Params<typeof params.createMeterEvent>): Promise<Json> {
  const [recorded] = await recordRequest(ctx, [given]);
  const event = eventOf(recorded!);
  return {
    object: 'v2.billing.meter_event',
    created: moment(event.created),
    event_name: event.event_name,
    identifier: event.identifier,
    livemode: ctx.world.livemode,
    payload: given.payload,
    timestamp: moment(event.timestamp),
  } satisfies Wire<Stripe.V2.Billing.MeterEvent>;
}

export const meterEventsInJson: Room = { routes: [post('/v2/billing/meter_events', params.createMeterEvent, create, { gathered: true })] };
