import type Stripe from 'stripe';
import { agrees, covers } from '../../../../server/http/agreement.ts';
import { choice, id, listParams, required, timestamp } from '../../../../server/http/params.ts';

export const listEventSummaries = listParams({
  customer: required(id('cus')),
  end_time: required(timestamp()),
  start_time: required(timestamp()),
  value_grouping_window: choice('day', 'hour'),
});
covers<Stripe.Billing.MeterListEventSummariesParams, typeof listEventSummaries>(true);
agrees<Stripe.Billing.MeterListEventSummariesParams, typeof listEventSummaries>(true);
