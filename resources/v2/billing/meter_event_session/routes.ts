/** Sessions of the stream of meter events: a token for 15 minutes. Nothing is stored; the token says itself what it is for. */
import type Stripe from 'stripe';
import type { Context, Json, Room } from '../../../../server/context.ts';
import { covers } from '../../../../server/http/agreement.ts';
import { fields } from '../../../../server/http/params.ts';
import { post } from '../../../../server/http/route.ts';
import { SESSION_S, sessionToken } from '../../../../server/http/sessions.ts';
import { moment, type Wire } from '../../../../server/http/wire.ts';

const createSession = fields({});
covers<Stripe.V2.Billing.MeterEventSessionCreateParams, typeof createSession>(true);

async function create({ app, world }: Context): Promise<Json> {
  const now = app.clock.now();
  return {
    id: app.clock.newId('mes'),
    object: 'v2.billing.meter_event_session',
    authentication_token: sessionToken(app, world, now + SESSION_S),
    created: moment(now),
    expires_at: moment(now + SESSION_S),
    livemode: world.livemode,
  } satisfies Wire<Stripe.V2.Billing.MeterEventSession>;
}

/** It is gathered because there is nothing to repeat: every request has a session of its own. */
export const meterEventSessions: Room = { routes: [post('/v2/billing/meter_event_session', createSession, create, { gathered: true })] };
