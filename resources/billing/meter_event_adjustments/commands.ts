import type { Context, Json } from '../../../server/context.ts';
import type { Params } from '../../../server/http/params.ts';
import { cancelByIdentifier } from '../../../server/usage/cancel.ts';
import type * as params from './params.ts';
import { renderAdjustment } from './resource.ts';

export async function create(ctx: Context, { event_name, cancel }: Params<typeof params.createAdjustment>): Promise<Json> {
  await cancelByIdentifier(ctx, event_name, cancel.identifier);
  return renderAdjustment({ event_name, identifier: cancel.identifier }, ctx.world);
}
