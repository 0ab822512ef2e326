import type { Context, Json } from '../../../server/context.ts';
import type { Params } from '../../../server/http/params.ts';
import type * as params from './params.ts';
import { record } from '../../../server/usage/record.ts';
import { renderMeterEvent } from './resource.ts';

export async function create(ctx: Context, given: Params<typeof params.createMeterEvent>): Promise<Json> {
  const [recorded] = await record(ctx, [given]);
  if (recorded!.status === 'refused') throw recorded!.refusal;
  return renderMeterEvent({ ...recorded!.event, payload: given.payload }, ctx.world);
}
