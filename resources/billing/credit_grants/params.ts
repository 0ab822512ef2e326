import type Stripe from 'stripe';
import { agrees, covers } from '../../../server/http/agreement.ts';
import { amount, choice, clearable, currency, doc, exclusive, fields, id, integer, list, listParams, metadata, required, text, timestamp, unsupported } from '../../../server/http/params.ts';

const customer_account = unsupported('customers are named by `customer`');
const MOST_PRICES = 20;

export const scope = fields({ price_type: choice('metered'), prices: list(fields({ id: required(id()) }), { min: 1, max: MOST_PRICES }) }, exclusive(['price_type', 'prices']));

export const createGrant = fields({
  amount: required(fields({ monetary: fields({ currency: doc('That in which the customer is billed.', required(currency())), value: required(amount({ min: 1 })) }), type: required(choice('monetary')) })),
  applicability_config: required(fields({ scope: required(scope) })),
  category: choice('paid', 'promotional'),
  customer: id('cus'),
  customer_account,
  effective_at: timestamp(),
  expires_at: timestamp(),
  metadata: metadata(),
  name: text({ max: 100 }),
  priority: integer({ min: 0, max: 100 }),
});
covers<Stripe.Billing.CreditGrantCreateParams, typeof createGrant>(true);
agrees<Stripe.Billing.CreditGrantCreateParams, typeof createGrant>(true);

export const updateGrant = fields({ expires_at: clearable(timestamp()), metadata: metadata() });
covers<Stripe.Billing.CreditGrantUpdateParams, typeof updateGrant>(true);
agrees<Stripe.Billing.CreditGrantUpdateParams, typeof updateGrant>(true);

export const listGrants = listParams({ customer: id('cus'), customer_account });
covers<Stripe.Billing.CreditGrantListParams, typeof listGrants>(true);
agrees<Stripe.Billing.CreditGrantListParams, typeof listGrants>(true);

export const nothing = fields({});
covers<Stripe.Billing.CreditGrantRetrieveParams, typeof nothing>(true);
covers<Stripe.Billing.CreditGrantExpireParams, typeof nothing>(true);
covers<Stripe.Billing.CreditGrantVoidGrantParams, typeof nothing>(true);
