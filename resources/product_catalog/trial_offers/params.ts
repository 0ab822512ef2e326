import type Stripe from 'stripe';
import { agrees, covers } from '../../../server/http/agreement.ts';
import { boolean, byDefault, choice, fields, id, integer, list, listParams, range, required, text } from '../../../server/http/params.ts';

export const createTrialOffer = fields({
  active: byDefault(boolean(), true),
  duration: required(fields({ relative: fields({ iterations: required(integer({ min: 1, max: 1_000 })) }), type: required(choice('relative')) })),
  end_behavior: required(fields({ transition: required(fields({ price: required(id()) })) })),
  nickname: text({ max: 250 }),
  price: required(id()),
});
covers<Stripe.ProductCatalog.TrialOfferCreateParams, typeof createTrialOffer>(true);
agrees<Stripe.ProductCatalog.TrialOfferCreateParams, typeof createTrialOffer>(true);

export const updateTrialOffer = fields({ active: boolean() });
covers<Stripe.ProductCatalog.TrialOfferUpdateParams, typeof updateTrialOffer>(true);
agrees<Stripe.ProductCatalog.TrialOfferUpdateParams, typeof updateTrialOffer>(true);

export const listTrialOffers = listParams({ active: boolean(), created: range(), prices: list(id(), { max: 100 }) });
covers<Stripe.ProductCatalog.TrialOfferListParams, typeof listTrialOffers>(true);
agrees<Stripe.ProductCatalog.TrialOfferListParams, typeof listTrialOffers>(true);

export const nothing = fields({});
