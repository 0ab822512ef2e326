import type Stripe from 'stripe';
import { agrees, covers } from '../../../server/http/agreement.ts';
import { choice, fields, listParams, required, text } from '../../../server/http/params.ts';

const key = required(text({ max: 100 }));

export const createMeter = fields({
  customer_mapping: fields({ event_payload_key: key, type: required(choice('by_id')) }),
  default_aggregation: required(fields({ formula: required(choice('count', 'last', 'sum')) })),
  display_name: required(text({ max: 250 })),
  event_name: required(text({ max: 100 })),
  event_time_window: choice('day', 'hour'),
  value_settings: fields({ event_payload_key: key }),
});
covers<Stripe.Billing.MeterCreateParams, typeof createMeter>(true);
agrees<Stripe.Billing.MeterCreateParams, typeof createMeter>(true);

export const updateMeter = fields({ display_name: text({ max: 250 }) });
covers<Stripe.Billing.MeterUpdateParams, typeof updateMeter>(true);
agrees<Stripe.Billing.MeterUpdateParams, typeof updateMeter>(true);

export const listMeters = listParams({ status: choice('active', 'inactive') });
covers<Stripe.Billing.MeterListParams, typeof listMeters>(true);
agrees<Stripe.Billing.MeterListParams, typeof listMeters>(true);

export const nothing = fields({});
