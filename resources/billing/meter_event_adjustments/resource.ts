import type Stripe from 'stripe';
import type { World } from '../../../server/context.ts';
import type { Wire } from '../../../server/http/wire.ts';

/** The event is taken back by the time of the answer, so an adjustment is always complete. */
export function renderAdjustment({ event_name, identifier }: { event_name: string; identifier: string }, world: World): Wire<Stripe.Billing.MeterEventAdjustment> {
  return { object: 'billing.meter_event_adjustment', cancel: { identifier }, event_name, livemode: world.livemode, status: 'complete', type: 'cancel' };
}
