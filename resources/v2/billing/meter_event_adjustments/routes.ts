import type Stripe from 'stripe';
import type { Context, Json, Room } from '../../../../server/context.ts';
import { agrees, covers } from '../../../../server/http/agreement.ts';
import { choice, fields, required, text, type Params } from '../../../../server/http/params.ts';
import { post } from '../../../../server/http/route.ts';
import { moment, type Wire } from '../../../../server/http/wire.ts';
import { cancelByIdentifier } from '../../../../server/usage/cancel.ts';

const createAdjustment = fields({
  cancel: required(fields({ identifier: required(text({ max: 100 })) })),
  event_name: required(text({ max: 100 })),
  type: required(choice('cancel')),
});
covers<Stripe.V2.Billing.MeterEventAdjustmentCreateParams, typeof createAdjustment>(true);
agrees<Stripe.V2.Billing.MeterEventAdjustmentCreateParams, typeof createAdjustment>(true);

async function create(ctx: Context, { event_name, cancel }: Params<typeof createAdjustment>): Promise<Json> {
  const { id, at } = await cancelByIdentifier(ctx, event_name, cancel.identifier);
  return { id, object: 'v2.billing.meter_event_adjustment', cancel, created: moment(at), event_name, livemode: ctx.world.livemode, status: 'complete', type: 'cancel' } satisfies Wire<Stripe.V2.Billing.MeterEventAdjustment>;
}

export const meterEventAdjustmentsInJson: Room = { routes: [post('/v2/billing/meter_event_adjustments', createAdjustment, create, { counts: true })] };
