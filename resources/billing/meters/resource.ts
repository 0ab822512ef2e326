import type Stripe from 'stripe';
import type { MeterRow } from '../../../billing/catalog.ts';
import type { Resource, World } from '../../../server/context.ts';
import type { Wire } from '../../../server/http/wire.ts';
import { metersById } from './rows.ts';

function render(meter: MeterRow, world: World): Wire<Stripe.Billing.Meter> {
  return {
    id: meter.id,
    object: 'billing.meter',
    created: meter.created,
    customer_mapping: meter.customer_mapping,
    default_aggregation: meter.default_aggregation,
    display_name: meter.display_name,
    event_name: meter.event_name,
    event_time_window: meter.event_time_window,
    livemode: world.livemode,
    status: meter.status,
    status_transitions: { deactivated_at: meter.deactivated_at },
    updated: meter.updated,
    value_settings: meter.value_settings,
  };
}

export const meter: Resource<MeterRow> = {
  object: 'billing.meter',
  prefix: 'mtr',
  render,
  load: (ctx, ids) => metersById(ctx.tx, ids),
};
