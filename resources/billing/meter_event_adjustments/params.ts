import type Stripe from 'stripe';
import { agrees, covers } from '../../../server/http/agreement.ts';
import { choice, fields, required, text } from '../../../server/http/params.ts';

export const createAdjustment = fields({
  cancel: required(fields({ identifier: required(text({ max: 100 })) })),
  event_name: required(text({ max: 100 })),
  type: required(choice('cancel')),
});
covers<Stripe.Billing.MeterEventAdjustmentCreateParams, typeof createAdjustment>(true);
agrees<Stripe.Billing.MeterEventAdjustmentCreateParams, typeof createAdjustment>(true);
