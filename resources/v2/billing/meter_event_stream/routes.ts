/** The stream: many events at once by a session's token. What is wrong with single events is not answered but reported, in a thin event a minute later. */
import type Stripe from 'stripe';
import type { Context, Json, Room } from '../../../../server/context.ts';
import { agrees, covers } from '../../../../server/http/agreement.ts';
import { fields, list, required, type Params } from '../../../../server/http/params.ts';
import { post } from '../../../../server/http/route.ts';
import { keepErrors } from '../../../../server/usage/errors.ts';
import { recordRequest } from '../../../../server/usage/named.ts';
import { createMeterEvent } from '../meter_events/params.ts';

/** Stripe takes 100. */
const MOST_EVENTS = 1_000;

const createStream = fields({ events: required(list(createMeterEvent, { min: 1, max: MOST_EVENTS })) });
type Given = Parameters<Stripe['v2']['billing']['meterEventStream']['create']>[0];
covers<Given, typeof createStream>(true);
agrees<Given, typeof createStream>(true);

async function create(ctx: Context, { events }: Params<typeof createStream>): Promise<Json> {
  const recorded = await recordRequest(ctx, events);
  const wrong = recorded.flatMap((each, at) => (each.status === 'refused' ? [{ ...each, given: events[at]! }] : []));
  // What passes by itself is the whole request's matter: it is sent again, and what was recorded is a repetition then.
  const passing = wrong.find(({ refusal }) => refusal.details.status === 429);
  if (passing) throw passing.refusal;
  await keepErrors(ctx.app, ctx.world, wrong);
  return {};
}

export const meterEventStream: Room = { routes: [post('/v2/billing/meter_event_stream', createStream, create, { gathered: true, session: true, values: 40_000 })] };
