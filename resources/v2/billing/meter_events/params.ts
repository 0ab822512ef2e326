import type Stripe from 'stripe';
import { agrees, covers } from '../../../../server/http/agreement.ts';
import { fields, instant, map, required, text } from '../../../../server/http/params.ts';

export const createMeterEvent = fields({
  event_name: required(text({ max: 100 })),
  identifier: text({ max: 100 }),
  payload: required(map(text({ max: 100 }), { max: 20, names: text({ max: 100 }) })),
  timestamp: instant(),
});
covers<Stripe.V2.Billing.MeterEventCreateParams, typeof createMeterEvent>(true);
agrees<Stripe.V2.Billing.MeterEventCreateParams, typeof createMeterEvent>(true);
