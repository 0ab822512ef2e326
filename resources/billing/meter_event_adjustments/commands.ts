import { refuse } from '../../../billing/decision.ts';
import { cancelUsage } from '../../../billing/usage.ts';
import { commit } from '../../../server/commit.ts';
import { momentOn, type Context, type Json } from '../../../server/context.ts';
import type { Params } from '../../../server/http/params.ts';
import { customerClock, lockEvent } from '../meter_events/rows.ts';
import type * as params from './params.ts';
import { renderAdjustment } from './resource.ts';

export async function create(ctx: Context, given: Params<typeof params.createAdjustment>): Promise<Json> {
  const { event_name, cancel } = given;
  const event = await lockEvent(ctx.tx, event_name, cancel.identifier);
  if (!event) refuse('resource_missing', `No event named ${event_name} has the identifier ${cancel.identifier}.`, 'cancel[identifier]', { status: 400 });
  const clock = await customerClock(ctx.tx, event.customer);
  const moment = await momentOn(ctx, clock?.test_clock ?? null);
  await commit(ctx, cancelUsage(event, moment));
  return renderAdjustment({ event_name, identifier: cancel.identifier }, ctx.world);
}
