import type { Context, Json } from '../../../server/context.ts';
import type { Params } from '../../../server/http/params.ts';
import { eventOf, recordRequest } from '../../../server/usage/named.ts';
import type * as params from './params.ts';
import { renderMeterEvent } from './resource.ts';

export async function create(ctx: Context, given: Params<typeof params.createMeterEvent>): Promise<Json> {
  const [recorded] = await recordRequest(ctx, [given]);
  return renderMeterEvent({ ...eventOf(recorded!), payload: given.payload }, ctx.world);
}
