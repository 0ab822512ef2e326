import { refuse } from '../../../billing/decision.ts';
import { customerOf, recordUsage } from '../../../billing/usage.ts';
import { commit } from '../../../server/commit.ts';
import { momentOn, type Context, type Json } from '../../../server/context.ts';
import { holdName } from '../../../server/database/name.ts';
import { missing } from '../../../server/http/errors.ts';
import type { Params } from '../../../server/http/params.ts';
import { activeMeter } from '../meters/rows.ts';
import type * as params from './params.ts';
import { renderMeterEvent } from './resource.ts';
import { customerClock, identifierIsTaken } from './rows.ts';

/** Nobody else uses the identifier meanwhile. */
async function isTaken(ctx: Context, meter: string, identifier: string | undefined): Promise<boolean> {
  if (identifier === undefined) return false;
  await holdName(ctx.tx, meter, identifier);
  return identifierIsTaken(ctx.tx, meter, identifier);
}

export async function create(ctx: Context, given: Params<typeof params.createMeterEvent>): Promise<Json> {
  const meter = await activeMeter(ctx.tx, given.event_name);
  if (!meter) refuse('resource_missing', `No active meter counts events named ${given.event_name}.`, 'event_name', { status: 400 });
  const customer = customerOf(meter, given.payload);
  const clock = (await customerClock(ctx.tx, customer)) ?? missing('customer', customer, `payload[${meter.customer_mapping.event_payload_key}]`);
  const moment = await momentOn(ctx, clock.test_clock);
  const decided = recordUsage(given, { meter, customer, taken: await isTaken(ctx, meter.id, given.identifier) }, moment);
  await commit(ctx, decided);
  return renderMeterEvent(decided.event, ctx.world);
}
