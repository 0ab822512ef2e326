import type Stripe from 'stripe';
import { agrees, covers } from '../../server/http/agreement.ts';
import { amount, byDefault, choice, currency, fields, id, listParams, metadata, range, required, text, unsupported } from '../../server/http/params.ts';

export const createPayout = fields({
  amount: required(amount({ min: 1 })),
  currency: required(currency()),
  description: text({ max: 1000 }),
  destination: id('ba'),
  metadata: metadata(),
  method: byDefault(choice('standard', 'instant'), 'standard'),
  payout_method: unsupported('name the bank account by `destination`'),
  source_type: choice('card'),
  statement_descriptor: text({ max: 22 }),
});
covers<Stripe.PayoutCreateParams, typeof createPayout>(true);
agrees<Stripe.PayoutCreateParams, typeof createPayout>(true);

export const updatePayout = fields({ metadata: metadata() });
covers<Stripe.PayoutUpdateParams, typeof updatePayout>(true);
agrees<Stripe.PayoutUpdateParams, typeof updatePayout>(true);

export const listPayouts = listParams({ arrival_date: range(), created: range(), destination: id('ba'), status: choice('pending', 'in_transit', 'paid', 'failed', 'canceled') });
covers<Stripe.PayoutListParams, typeof listPayouts>(true);
agrees<Stripe.PayoutListParams, typeof listPayouts>(true);

export const nothing = fields({});
covers<Stripe.PayoutRetrieveParams, typeof nothing>(true);
covers<Stripe.PayoutCancelParams, typeof nothing>(true);
