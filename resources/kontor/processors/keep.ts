/** A payment method that is kept at a processor already becomes one of ours, once however often it is brought in: how cards move in, and how a live card comes, by the processor's own fields. */
import { commit } from '../../../server/commit.ts';
import { realMoment, type Context, type Json } from '../../../server/context.ts';
import { missing } from '../../../server/http/errors.ts';
import type { Params } from '../../../server/http/params.ts';
import { renderPaymentMethod } from '../../payment_methods/resource.ts';
import { methodOfToken } from '../../payment_methods/rows.ts';
import type * as params from './params.ts';
import { openProcessor, processorById } from './rows.ts';

export async function keepToken(ctx: Context, given: Params<typeof params.keepMethod>, path: { processor: string }): Promise<Json> {
  const found = (await processorById(ctx.tx, path.processor)) ?? missing('processor', path.processor);
  const processor = await openProcessor(ctx.app, ctx.world, found);
  const made = (await methodOfToken(ctx, [processor], given, realMoment(ctx.app))) ?? missing('token', given.token, 'token');
  await commit(ctx, made.decision);
  return renderPaymentMethod(made.method, ctx.world);
}
