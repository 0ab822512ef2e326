import type Stripe from 'stripe';
import { isUsable, type PromotionCodeWhole } from '../../billing/coupon.ts';
import type { Resource, World } from '../../server/context.ts';
import type { Wire } from '../../server/http/wire.ts';
import { promotionCodesById, withCoupons } from './rows.ts';

function render(code: PromotionCodeWhole, world: World): Wire<Stripe.PromotionCode> {
  const { first_time_transaction, minimum_amount, minimum_amount_currency } = code.restrictions;
  return {
    id: code.id,
    object: 'promotion_code',
    active: isUsable(code, code.source, code.now),
    code: code.code,
    created: code.created,
    customer: code.customer,
    customer_account: null,
    expires_at: code.expires_at,
    livemode: world.livemode,
    max_redemptions: code.max_redemptions,
    metadata: code.metadata,
    promotion: { coupon: code.coupon, type: 'coupon' },
    restrictions: { first_time_transaction, minimum_amount, minimum_amount_currency },
    times_redeemed: code.times_redeemed,
  };
}

export const promotionCode: Resource<PromotionCodeWhole> = {
  object: 'promotion_code',
  prefix: 'promo',
  render,
  async load(ctx, ids) {
    const now = ctx.app.clock.now();
    return (await withCoupons(ctx.tx, await promotionCodesById(ctx.tx, ids))).map(({ code, coupon }) => ({ ...code, source: coupon, now }));
  },
  includes: {
    'restrictions.currency_options': async (ctx, ids) => new Map((await promotionCodesById(ctx.tx, ids)).map((code) => [code.id, code.restrictions.currency_options])),
  },
  expands: { customer: 'customer', 'promotion.coupon': 'coupon' },
};
