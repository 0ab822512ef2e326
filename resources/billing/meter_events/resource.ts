import type Stripe from 'stripe';
import type { UsageEvent } from '../../../billing/usage.ts';
import type { World } from '../../../server/context.ts';
import type { Wire } from '../../../server/http/wire.ts';

export function renderMeterEvent(event: UsageEvent, world: World): Wire<Stripe.Billing.MeterEvent> {
  return {
    object: 'billing.meter_event',
    created: event.created,
    event_name: event.event_name,
    identifier: event.identifier,
    livemode: world.livemode,
    payload: event.payload,
    timestamp: event.timestamp,
  };
}
