import type Stripe from 'stripe';
import { agrees, covers } from '../../../server/http/agreement.ts';
import { choice, fields, id, integer, list, listParams, required, text } from '../../../server/http/params.ts';

const threshold = {
  filters: list(fields({ customer: id('cus'), type: required(choice('customer')) }), { max: 1 }),
  gte: required(integer({ min: 1, max: 999_999_999_999_999 })),
  meter: required(id()),
};

const told = { alert_type: required(choice('usage_threshold')), title: required(text({ min: 1, max: 256 })) };

export const createAlert = fields({ ...told, usage_threshold: fields({ ...threshold, recurrence: required(choice('one_time')) }) });
covers<Stripe.Billing.AlertCreateParams, typeof createAlert>(true);
agrees<Stripe.Billing.AlertCreateParams, typeof createAlert>(true);

export const createRecurring = fields({ ...told, usage_threshold: fields({ ...threshold, recurrence: required(choice('recurring')) }) });

export const listAlerts = listParams({ alert_type: choice('usage_threshold'), meter: id() });
covers<Stripe.Billing.AlertListParams, typeof listAlerts>(true);
agrees<Stripe.Billing.AlertListParams, typeof listAlerts>(true);

export const nothing = fields({});
covers<Stripe.Billing.AlertRetrieveParams, typeof nothing>(true);
covers<Stripe.Billing.AlertActivateParams, typeof nothing>(true);
covers<Stripe.Billing.AlertArchiveParams, typeof nothing>(true);
covers<Stripe.Billing.AlertDeactivateParams, typeof nothing>(true);
