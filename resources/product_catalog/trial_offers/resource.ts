import type Stripe from 'stripe';
import type { TrialOfferRow } from '../../../billing/trial_offer.ts';
import type { Resource, World } from '../../../server/context.ts';
import type { Wire } from '../../../server/http/wire.ts';
import { trialOffersById } from './rows.ts';

function render(offer: TrialOfferRow, world: World): Wire<Stripe.ProductCatalog.TrialOffer> {
  return {
    id: offer.id,
    object: 'product_catalog.trial_offer',
    active: offer.active,
    duration: { relative: { iterations: offer.iterations }, type: 'relative' },
    end_behavior: { transition: { price: offer.transition_price }, type: 'transition' },
    livemode: world.livemode,
    nickname: offer.nickname,
    price: offer.price,
  };
}

export const trialOffer: Resource<TrialOfferRow> = {
  object: 'product_catalog.trial_offer',
  prefix: 'trof',
  render,
  load: (ctx, ids) => trialOffersById(ctx.tx, ids),
  expands: { price: 'price', 'end_behavior.transition.price': 'price' },
};
