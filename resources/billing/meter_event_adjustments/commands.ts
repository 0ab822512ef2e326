import { refuse } from '../../../billing/decision.ts';
import { refuseUncancelable } from '../../../billing/usage.ts';
import { momentOn, type Context, type Json } from '../../../server/context.ts';
import type { Params } from '../../../server/http/params.ts';
import { cancelEvents, latestEvent } from '../../../server/usage/cancel.ts';
import { customerClock } from '../meter_events/rows.ts';
import type * as params from './params.ts';
import { renderAdjustment } from './resource.ts';

export async function create(ctx: Context, given: Params<typeof params.createAdjustment>): Promise<Json> {
  const { event_name, cancel } = given;
  await cancelOne(ctx, event_name, cancel.identifier);
  return renderAdjustment({ event_name, identifier: cancel.identifier }, ctx.world);
}

/** Takes an event back, within 24 hours after it was received. */
async function cancelOne(ctx: Context, event_name: string, identifier: string): Promise<void> {
  const event = await latestEvent(ctx, event_name, identifier);
  if (!event) return refuse('resource_missing', `No event named ${event_name} has the identifier ${identifier}.`, 'cancel[identifier]', { status: 400 });
  const clock = await customerClock(ctx.tx, event.customer);
  const moment = await momentOn(ctx, clock?.test_clock ?? null);
  refuseUncancelable(event, event.canceled, moment);
  // Somebody may have been faster.
  if ((await cancelEvents(ctx, [event], moment.now, null)).length === 0) refuseUncancelable(event, true, moment);
}
